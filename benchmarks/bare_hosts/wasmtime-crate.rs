// Wasmtime and nothing else: host COMPILER MODULE; each line of input is a run of the module's _start; prints its
// seconds.

use std::time::Instant;
use wasmtime::{Config, Engine, Instance, Module, Store, Strategy};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let mut config = Config::new();
    match arguments[1].as_str() {
        "winch" => config.strategy(Strategy::Winch),
        "pulley" => config.target("pulley64").unwrap(),
        _ => config.strategy(Strategy::Cranelift),
    };
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, std::fs::read(&arguments[2]).unwrap()).unwrap();
    for _ in std::io::stdin().lines() {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
        let begun = Instant::now();
        start.call(&mut store, ()).unwrap();
        println!("{}", begun.elapsed().as_secs_f64());
    }
}
