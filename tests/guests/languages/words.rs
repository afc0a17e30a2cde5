//! Counts primes, and the letters and words of a text that it makes, as often as its argument says.

const LIMIT: usize = 20000;
const TEXT_LENGTH: usize = 40000;

fn count_primes() -> u32 {
    let mut is_composite = vec![false; LIMIT];
    let mut count = 0;
    for i in 2..LIMIT {
        if !is_composite[i] {
            count += 1;
            for k in (i * i..LIMIT).step_by(i) {
                is_composite[k] = true;
            }
        }
    }
    count
}

fn make_text(seed: &mut u32) -> String {
    let mut text = String::new();
    for _ in 0..TEXT_LENGTH {
        *seed = seed.wrapping_mul(1664525).wrapping_add(1013904223);
        let letter = (*seed >> 24) % 27;
        text.push(if letter == 26 { ' ' } else { (b'a' + letter as u8) as char });
    }
    text
}

fn count_text(text: &str, mut sum: u32) -> u32 {
    let mut letters = [0u32; 26];
    for byte in text.bytes().filter(|byte| *byte != b' ') {
        letters[(byte - b'a') as usize] += 1;
    }
    let longest = text.split(' ').map(str::len).max().unwrap_or(0) as u32;
    let mut mean = 0.0;
    for (i, count) in letters.iter().enumerate() {
        sum = sum.wrapping_mul(31).wrapping_add(*count);
        mean += f64::from(*count) / (i as f64 + 1.5);
    }
    sum.wrapping_mul(31).wrapping_add(longest) ^ mean as u32
}

fn main() {
    let n: u32 = std::env::args().nth(1).map_or(1, |word| word.parse().unwrap());
    let (mut primes, mut sum, mut seed) = (0, 0u32, 1);
    for _ in 0..n {
        primes = count_primes();
        sum = count_text(&make_text(&mut seed), sum.wrapping_add(primes));
    }
    println!("primes {}\nsum {}", primes, sum);
}
