// Counts primes, and the letters and words of a text that it makes, as often as its argument says.
const LIMIT = 20000;
const TEXT_LENGTH = 40000;
let seed: u32 = 1;

function countPrimes(): u32 {
  const isComposite = new Uint8Array(LIMIT);
  let count: u32 = 0;
  for (let i = 2; i < LIMIT; i++) {
    if (isComposite[i]) continue;
    count++;
    for (let k = i * i; k < LIMIT; k += i) isComposite[k] = 1;
  }
  return count;
}

function makeText(): string {
  const codes = new Array<i32>();
  while (codes.length < TEXT_LENGTH) {
    seed = seed * 1664525 + 1013904223;
    const letter: u32 = (seed >> 24) % 27;
    codes.push(letter == 26 ? 32 : 97 + letter);
  }
  return String.fromCharCodes(codes);
}

function countText(text: string, sum: u32): u32 {
  const letters = new Array<u32>(26);
  let longest: u32 = 0;
  let length: u32 = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    length = code == 32 ? 0 : length + 1;
    longest = max(longest, length);
    if (code != 32) letters[code - 97]++;
  }
  let mean: f64 = 0;
  for (let i = 0; i < 26; i++) {
    sum = sum * 31 + letters[i];
    mean += <f64>letters[i] / (<f64>i + 1.5);
  }
  return (sum * 31 + longest) ^ <u32>mean;
}

const n = process.argv.length > 1 ? <u32>parseInt(process.argv[1]) : 1;
let primes: u32 = 0;
let sum: u32 = 0;
for (let i: u32 = 0; i < n; i++) {
  primes = countPrimes();
  sum = countText(makeText(), sum + primes);
}
process.stdout.write("primes " + primes.toString() + "\nsum " + sum.toString() + "\n");
