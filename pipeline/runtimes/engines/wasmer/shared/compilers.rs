//! The engines of a release, by the compiler that the options name. `crate::sys` is where the release has them.

use crate::{guest, sys};
use coremark_host::{Facts, Guest, Options, Refusal};
use sys::{Cranelift, CraneliftOptLevel, EngineBuilder, Singlepass};
#[cfg(feature = "llvm")]
use sys::{LLVMOptLevel, LLVM};
use wasmer::Engine;

/// Compile a module with the compiler of the options, for runs with a stack of their size.
pub fn load(module: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal> {
    crate::set_stack_size(options.engine_stack);
    guest::load(engine(options.text("compiler"))?, module, options)
}

fn engine(compiler: &str) -> Result<Engine, Refusal> {
    match compiler {
        "llvm" => llvm(),
        "cranelift" => {
            let mut cranelift = Cranelift::default();
            cranelift.opt_level(CraneliftOptLevel::Speed);
            Ok(EngineBuilder::new(cranelift).engine().into())
        }
        "singlepass" => Ok(EngineBuilder::new(Singlepass::default()).engine().into()),
        other => Err(Refusal::Unavailable(format!("Wasmer has no compiler {other:?}"))),
    }
}

#[cfg(feature = "llvm")]
fn llvm() -> Result<Engine, Refusal> {
    let mut llvm = LLVM::default();
    llvm.opt_level(LLVMOptLevel::Aggressive);
    Ok(EngineBuilder::new(llvm).engine().into())
}

#[cfg(not(feature = "llvm"))]
fn llvm() -> Result<Engine, Refusal> {
    Err(Refusal::Unavailable(option_env!("COREMARK_WITHOUT_LLVM").unwrap_or("built without LLVM").into()))
}
