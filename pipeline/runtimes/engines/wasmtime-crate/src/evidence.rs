//! Which compiler made the code of a module, and what runs it.
//!
//! What the engine was asked for is no evidence. The module's own image says how its functions call each other:
//! an engine of Cranelift refuses one of Winch. And the module's engine compiles a function that repeats an
//! expression, in two lengths: Cranelift computes the expression once, Winch each time. Machine code runs in
//! executable memory; where none was added, there is only bytecode.

use coremark_host::Facts;
use serde_json::json;
use wasmtime::{Engine, Module, Result};

/// x * x * x, added.
const REPEATED: &[u8] = &[0x20, 0, 0x20, 0, 0x6c, 0x20, 0, 0x6c, 0x6a];
const FEW: usize = 2;
const MANY: usize = 12;
/// Bytes of code for each repetition, at most, where the expression is computed once.
const COMPUTED_ONCE: f64 = 8.0;

/// Note it of a module whose compilation added so much executable memory; the other engine has Cranelift.
pub fn note(proof: &mut Facts, module: &Module, executable_bytes: u64, cranelift: &Engine) -> Result<()> {
    let (image, (control, growth)) = (of_image(module, cranelift)?, of_control(module.engine())?);
    let compiler = if image == control { image.into() } else { format!("{image}, but {control} for a control") };
    let code = match executable_bytes {
        0 => "bytecode",
        added if added >= module.text().len() as u64 => "machine code",
        _ => "in part machine code",
    };
    proof.insert("compiler".into(), compiler.into());
    proof.insert("bytes_per_repetition".into(), json!(growth));
    proof.insert("code".into(), code.into());
    proof.insert("executable_bytes_added".into(), executable_bytes.into());
    Ok(())
}

fn of_image(module: &Module, cranelift: &Engine) -> Result<&'static str> {
    let image = module.serialize()?;
    // SAFETY: the module is of this process, and is not run.
    Ok(match unsafe { Module::deserialize(cranelift, image) } {
        Ok(_) => "cranelift",
        Err(error) if format!("{error:#}").contains("Winch calling convention") => "winch",
        Err(_) => "unknown",
    })
}

fn of_control(engine: &Engine) -> Result<(&'static str, f64)> {
    let size = |times| -> Result<usize> {
        let module = Module::new(engine, control(times))?;
        let sizes = module.functions().map(|function| function.len);
        Ok(sizes.sum())
    };
    let growth = (size(MANY)? as f64 - size(FEW)? as f64) / (MANY - FEW) as f64;
    Ok((if growth <= COMPUTED_ONCE { "cranelift" } else { "winch" }, growth))
}

/// A module with one function (i32) -> i32, which adds the expression so many times. All its sizes are below 128.
fn control(times: usize) -> Vec<u8> {
    let mut body = vec![0, 0x41, 0]; // no locals; 0
    body.extend(REPEATED.repeat(times));
    body.push(0x0b);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f]); // the type
    module.extend([3, 2, 1, 0, 7, 5, 1, 1, b'f', 0, 0]); // a function of it, exported
    module.extend([10, body.len() as u8 + 2, 1, body.len() as u8]);
    module.extend(body);
    module
}
