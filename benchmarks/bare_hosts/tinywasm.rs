// TinyWasm and nothing else: host KIND MODULE; each line of input is a run of the module's _start; prints its seconds.

use std::time::Instant;
use tinywasm::{ModuleInstance, Store};

fn main() {
    let path = std::env::args().nth(2).unwrap();
    let module = tinywasm::parse_bytes(&std::fs::read(path).unwrap()).unwrap();
    for _ in std::io::stdin().lines() {
        let mut store = Store::default();
        let instance = ModuleInstance::instantiate(&mut store, &module, None).unwrap();
        let start = instance.func::<(), ()>(&store, "_start").unwrap();
        let begun = Instant::now();
        start.call(&mut store, ()).unwrap();
        println!("{}", begun.elapsed().as_secs_f64());
    }
}
