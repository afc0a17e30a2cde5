//! A host of Wasmer 3 to 5.

mod evidence;
mod guest;
mod panics;

use coremark_host::{serve, Facts, Guest, Options, Refusal};
use wasmer::{Cranelift, CraneliftOptLevel, Engine, EngineBuilder, Singlepass};
#[cfg(feature = "llvm")]
use wasmer::{LLVMOptLevel, LLVM};

fn engine(options: &Options) -> Result<Engine, Refusal> {
    Ok(match options.text("compiler") {
        "llvm" => llvm(options)?,
        "cranelift" => {
            let mut cranelift = Cranelift::default();
            cranelift.opt_level(CraneliftOptLevel::Speed);
            EngineBuilder::new(cranelift).engine().into()
        }
        "singlepass" => EngineBuilder::new(Singlepass::default()).engine().into(),
        other => return Err(Refusal::Unavailable(format!("Wasmer has no compiler {other:?}"))),
    })
}

#[cfg(feature = "llvm")]
fn llvm(_: &Options) -> Result<Engine, Refusal> {
    let mut llvm = LLVM::default();
    llvm.opt_level(LLVMOptLevel::Aggressive);
    Ok(EngineBuilder::new(llvm).engine().into())
}

#[cfg(not(feature = "llvm"))]
fn llvm(_: &Options) -> Result<Engine, Refusal> {
    Err(Refusal::Unavailable(option_env!("COREMARK_WITHOUT_LLVM").unwrap_or("built without LLVM").into()))
}

fn load(module: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal> {
    wasmer_vm::set_stack_size(options.engine_stack);
    guest::load(engine(options)?, module, options)
}

fn main() {
    serve("wasmer", load);
}

// wasmer-vm takes the address of this, and Cranelift calls it from frames that are larger than a page; the Rust of
// its time had it. It reads a word of each page of the rax bytes below the return address, from the top down, and
// keeps all registers but r11 and the flags.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl __rust_probestack",
    ".type __rust_probestack, @function",
    "__rust_probestack:",
    ".cfi_startproc",
    "push rcx",
    ".cfi_adjust_cfa_offset 8",
    "mov rcx, rsp",
    "sub rcx, rax",
    "mov r11, rsp",
    "2:",
    "sub r11, 4096",
    "cmp r11, rcx",
    "jb 3f",
    "test qword ptr [r11], rcx",
    "jmp 2b",
    "3:",
    "test qword ptr [rcx], rcx",
    "pop rcx",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    ".cfi_endproc",
    ".size __rust_probestack, . - __rust_probestack",
);
