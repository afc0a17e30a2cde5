//! A host of Wasmer 6 and later.

mod evidence;
mod guest;
mod panics;

use coremark_host::{serve, Facts, Guest, Options, Refusal};
use wasmer::sys::{vm, Cranelift, CraneliftOptLevel, EngineBuilder, Singlepass};
#[cfg(feature = "llvm")]
use wasmer::sys::{LLVMOptLevel, LLVM};
use wasmer::Engine;

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
fn llvm(options: &Options) -> Result<Engine, Refusal> {
    let mut llvm = LLVM::default();
    llvm.opt_level(LLVMOptLevel::Aggressive);
    if options.all.get("non_volatile_memops").is_some_and(|wanted| wanted == true) {
        #[cfg(feature = "nonvolatile")]
        llvm.non_volatile_memops(true).readonly_funcref_table(true);
        #[cfg(not(feature = "nonvolatile"))]
        return Err(Refusal::Unavailable("this release has no choice of how it reads memory".into()));
    }
    Ok(EngineBuilder::new(llvm).engine().into())
}

#[cfg(not(feature = "llvm"))]
fn llvm(_: &Options) -> Result<Engine, Refusal> {
    Err(Refusal::Unavailable(option_env!("COREMARK_WITHOUT_LLVM").unwrap_or("built without LLVM").into()))
}

fn load(module: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal> {
    vm::set_stack_size(options.engine_stack);
    guest::load(engine(options)?, module, options)
}

fn main() {
    serve("wasmer", load);
}
