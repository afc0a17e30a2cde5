//! Which compiler made the code that runs, as the code in this process's executable memory shows.
//!
//! The release's own names are no evidence: they are those of the engine that was asked for. So a function that
//! repeats an expression is compiled by the same engine, in two lengths. LLVM folds all repetitions into one
//! multiplication; Cranelift computes the expression once and adds it as often as it is written; Singlepass
//! computes it each time. And the code of the guest has the shape of functions that only one of them makes.

use coremark_host::{Facts, Refusal};
use serde_json::json;
use wasmer::Module;

/// Parts of the address space, from the first byte to after the last one.
pub type Ranges = Vec<(usize, usize)>;

/// x * x, and what is in memory at x.
const PRODUCT: &[u8] = &[0x20, 0, 0x20, 0, 0x6c];
const LOAD: &[u8] = &[0x20, 0, 0x28, 2, 0];
const REPETITIONS: usize = 64;
/// Bytes of code for each repetition: at most so many where the expression is computed once, and folded.
const COMPUTED_ONCE: f64 = 4.5;
const FOLDED: f64 = 0.5;
/// Functions of a shape, at least.
const FEW: usize = 3;

/// The executable memory of this process that is no part of a file.
pub fn executable() -> Ranges {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter_map(range).collect()
}

fn range(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    if !words.next()?.starts_with("r-x") || words.nth(3).is_some() {
        return None;
    }
    Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
}

/// The code that was added since then, without the zeros at the end of its last page.
pub fn since(before: &Ranges) -> Vec<u8> {
    let mut code = Vec::new();
    for (start, end) in executable() {
        let mut at = start;
        for &(known, known_end) in before.iter().filter(|known| known.0 < end && known.1 > start) {
            code.extend_from_slice(content(at, known.max(at)));
            at = known_end;
        }
        code.extend_from_slice(content(at.min(end), end));
    }
    code
}

fn content(start: usize, end: usize) -> &'static [u8] {
    // SAFETY: the kernel lists these pages as readable, and the engine keeps them as long as it lives.
    let pages = unsafe { std::slice::from_raw_parts(start as *const u8, end - start) };
    let zeros = pages.iter().rev().take_while(|&&byte| byte == 0).count();
    &pages[..pages.len() - zeros]
}

/// The proof of a module with this code, compiled by an engine that `compile` compiles with.
pub fn proof(code: &[u8], compile: impl Fn(&[u8]) -> Result<Module, Refusal>) -> Result<Facts, Refusal> {
    let per_product = growth(PRODUCT, &compile)?;
    let (control, shape) = (of_growth(per_product), of_shape(code));
    let compiler = match shape {
        Some(shape) if shape != control => format!("{shape}, but {control} for a control"),
        _ => control.to_string(),
    };
    let mut proof = Facts::new();
    proof.insert("compiler".into(), compiler.into());
    proof.insert("shape".into(), json!(shape));
    proof.insert("bytes_per_product".into(), rounded(per_product));
    if control == "llvm" {
        // Volatile accesses are made as often as they are written.
        let per_load = growth(LOAD, &compile)?;
        proof.insert("bytes_per_load".into(), rounded(per_load));
        proof.insert("volatile_memory".into(), (per_load > FOLDED).into());
        proof.insert("library".into(), json!(library()));
    }
    Ok(proof)
}

fn rounded(bytes: f64) -> serde_json::Value {
    json!((bytes * 100.0).round() / 100.0)
}

fn of_growth(growth: f64) -> &'static str {
    match growth {
        growth if growth <= FOLDED => "llvm",
        growth if growth <= COMPUTED_ONCE => "cranelift",
        _ => "singlepass",
    }
}

/// Bytes of code for each repetition of the expression.
fn growth(expression: &[u8], compile: &impl Fn(&[u8]) -> Result<Module, Refusal>) -> Result<f64, Refusal> {
    let size = |times| -> Result<usize, Refusal> {
        let before = executable();
        let _module = compile(&sum(expression, times))?;
        Ok(since(&before).len())
    };
    let (short, long) = (size(REPETITIONS)?, size(2 * REPETITIONS)?);
    Ok((long as f64 - short as f64) / REPETITIONS as f64)
}

/// A module with a memory and a function of an i32: the expression, added so many times.
fn sum(expression: &[u8], times: usize) -> Vec<u8> {
    let mut body = vec![0]; // no locals
    body.extend(expression);
    for _ in 1..times {
        body.extend(expression);
        body.push(0x6a);
    }
    body.push(0x0b);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f]); // the type (i32) -> i32
    module.extend([3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, b'f', 0, 0]); // a function of it, the memory, an export
    let size = leb(body.len());
    module.push(10);
    module.extend(leb(1 + size.len() + body.len()));
    module.push(1);
    module.extend(size);
    module.extend(body);
    module
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// The compiler whose functions begin and end as these do; None for another processor, or too few of them.
fn of_shape(code: &[u8]) -> Option<&'static str> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let count = |bytes: &[u8]| code.windows(bytes.len()).filter(|place| *place == bytes).count();
    let frames = count(b"\x55\x48\x89\xe5"); // push rbp; mov rbp, rsp
    let restored = count(b"\x48\x89\xec\x5d\xc3"); // mov rsp, rbp; pop rbp; ret
    let zones = count(b"\x48\x81\xec\x20\0\0\0"); // sub rsp, 32, as a number of 4 bytes
    let popped = count(b"\x5b\xc3") + count(b"\x5d\xc3") + count(b"\x41\x5e\xc3") + count(b"\x41\x5f\xc3") - restored;
    if restored >= FEW && restored > 2 * zones {
        Some("cranelift")
    } else if zones >= FEW && 2 * zones > frames {
        Some("singlepass")
    } else if popped >= FEW && restored + zones == 0 {
        Some("llvm")
    } else {
        None
    }
}

/// The file name of the shared library of LLVM in this process.
fn library() -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut names = maps.lines().filter_map(|line| line.rsplit('/').next());
    names.find(|name| name.starts_with("libLLVM")).map(String::from)
}
