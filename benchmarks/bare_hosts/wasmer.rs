// Wasmer and nothing else: host COMPILER MODULE; each line of input is a run of the module's _start; prints its
// seconds. Releases before 6 have their compilers in `wasmer` itself: the next line is replaced for them.
use wasmer::sys;

mod probestack;

use std::time::Instant;
use sys::{Cranelift, CraneliftOptLevel, EngineBuilder, LLVMOptLevel, Singlepass, LLVM};
use wasmer::{imports, Engine, Instance, Module, Store, TypedFunction};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let engine: Engine = match arguments[1].as_str() {
        "llvm" => {
            let mut llvm = LLVM::default();
            llvm.opt_level(LLVMOptLevel::Aggressive);
            EngineBuilder::new(llvm).engine().into()
        }
        "cranelift" => {
            let mut cranelift = Cranelift::default();
            cranelift.opt_level(CraneliftOptLevel::Speed);
            EngineBuilder::new(cranelift).engine().into()
        }
        _ => EngineBuilder::new(Singlepass::default()).engine().into(),
    };
    let module = Module::new(&engine, std::fs::read(&arguments[2]).unwrap()).unwrap();
    for _ in std::io::stdin().lines() {
        let mut store = Store::new(engine.clone());
        let instance = Instance::new(&mut store, &module, &imports! {}).unwrap();
        let start: TypedFunction<(), ()> = instance.exports.get_typed_function(&store, "_start").unwrap();
        let begun = Instant::now();
        start.call(&mut store).unwrap();
        println!("{}", begun.elapsed().as_secs_f64());
    }
}
