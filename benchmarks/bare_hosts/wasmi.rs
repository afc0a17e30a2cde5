// wasmi and nothing else: host MODE MODULE; each line of input is a run of the module's _start; prints its seconds.

use std::time::Instant;
use wasmi::{CompilationMode, Config, Engine, Linker, Module, Store};

fn main() {
    let path = std::env::args().nth(2).unwrap();
    let mut config = Config::default();
    config.compilation_mode(CompilationMode::Eager);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, std::fs::read(path).unwrap()).unwrap();
    for _ in std::io::stdin().lines() {
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
        let start = instance.get_typed_func::<(), ()>(&store, "_start").unwrap();
        let begun = Instant::now();
        start.call(&mut store, ()).unwrap();
        println!("{}", begun.elapsed().as_secs_f64());
    }
}
