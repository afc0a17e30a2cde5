//! A host of TinyWasm: an interpreter, whose memories are seen by functions that copy.

use coremark_host::{check_command, executable_bytes, map_memories, note_times, own_version, serve};
use coremark_host::{Clock, Kind, TimedPart, BENCH, INITIALIZE, NAMESPACE};
use coremark_host::{for_each_wasi_function, Facts, Function, Guest, Options, Refusal, Request, Stop, Wasi};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;
use tinywasm::engine::{Config, StackConfig};
use tinywasm::types::Module;
use tinywasm::{Engine, Error, FuncContext, HostFunction, Imports, Memory, ModuleInstance, Store, Trap};

/// What calls of a guest reach.
struct Host {
    wasi: Wasi,
    clock: Clock,
}

type Shared = Rc<RefCell<Host>>;

struct Program {
    module: Module,
    engine: Engine,
    clock: Option<Kind>,
}

/// The memory of a guest.
struct View<'a> {
    memory: Memory,
    store: &'a mut Store,
}

const WITHIN: &str = "it is within the memory";

impl coremark_host::Memory for View<'_> {
    fn size(&self) -> usize {
        self.memory.len(self.store).expect("it is this store's")
    }
    fn read(&self, at: usize, into: &mut [u8]) {
        self.memory.read_exact(self.store, at, into).expect(WITHIN);
    }
    fn write(&mut self, at: usize, from: &[u8]) {
        self.memory.copy_from_slice(self.store, at, from).expect(WITHIN);
    }
}

macro_rules! link_wasi {
    ($($id:ident $name:literal ($($parameter:ident: $type:ident),*);)*) => {
        fn link_wasi(store: &mut Store, imports: &mut Imports, host: &Shared) {
            $({
                let shared = host.clone();
                type Given = link_wasi!(@ $($type),*);
                let function = HostFunction::from(store, move |context: FuncContext<'_>, given: Given| {
                    #[allow(clippy::let_unit_value, unused_variables)]
                    let link_wasi!(# $($parameter),*) = given;
                    call(context, &shared, Function::$id, &[$($parameter as u64),*])
                });
                imports.define(NAMESPACE, $name, function);
            })*
            let exit = HostFunction::from(store, |_: FuncContext<'_>, code: i32| -> tinywasm::Result<()> {
                Err(ended(Stop::Exit(code as u32)))
            });
            imports.define(NAMESPACE, "proc_exit", exit);
            link_bench(store, imports, host, "start", TimedPart::start);
            link_bench(store, imports, host, "end", TimedPart::end);
        }
    };
    (@) => { () };
    (@ $($type:ident),+) => { ($($type,)+) };
    (#) => { () };
    (# $($parameter:ident),+) => { ($($parameter,)+) };
}
for_each_wasi_function!(link_wasi);

fn link_bench(store: &mut Store, imports: &mut Imports, host: &Shared, name: &str, note: fn(&mut TimedPart)) {
    let shared = host.clone();
    let function = HostFunction::from(store, move |_: FuncContext<'_>, ()| {
        note(&mut shared.borrow_mut().wasi.part);
        Ok(())
    });
    imports.define(BENCH, name, function);
}

fn call(mut context: FuncContext<'_>, host: &Shared, function: Function, arguments: &[u64]) -> tinywasm::Result<i32> {
    let memory = context.memory("memory")?;
    let mut view = View { memory, store: context.store_mut() };
    host.borrow_mut().wasi.call(function, arguments, &mut view).map_err(ended)
}

fn ended(stop: Stop) -> Error {
    Error::Trap(Trap::HostFunction(Box::new(stop)))
}

fn stopped(error: Error) -> Stop {
    match error {
        // What a function of the host returned comes back within a second error.
        Error::Trap(Trap::HostFunction(cause)) => match cause.downcast::<Error>() {
            Ok(inner) => stopped(*inner),
            Err(cause) => match cause.downcast::<Stop>() {
                Ok(stop) => *stop,
                Err(cause) => Stop::trap(cause.to_string()),
            },
        },
        Error::Trap(trap) => Stop::trap(trap.message()),
        other => Stop::trap(other.to_string()),
    }
}

fn link_clock(store: &mut Store, imports: &mut Imports, host: &Shared, kind: Kind) {
    let shared = host.clone();
    let function = match kind {
        Kind::I32 => HostFunction::from(store, move |_: FuncContext<'_>, ()| Ok(shared.borrow_mut().clock.ms() as i32)),
        Kind::I64 => HostFunction::from(store, move |_: FuncContext<'_>, ()| Ok(shared.borrow_mut().clock.ms())),
    };
    imports.define("env", "clock_ms", function);
}

fn load(bytes: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal> {
    let before = executable_bytes();
    let started = Instant::now();
    let module = tinywasm::parse_bytes(bytes).map_err(Refusal::refused)?;
    let compiled = started.elapsed();
    if options.clock.is_none() {
        let imports = module.imports.iter().map(|import| (&*import.module, &*import.name));
        check_command(imports, module.exports.iter().map(|export| &*export.name))?;
    }
    let version = own_version("tinywasm");
    let mut facts = Facts::new();
    facts.insert("compile_seconds".into(), compiled.as_secs_f64().into());
    // It makes no machine code.
    facts.insert("code_bytes".into(), ().into());
    facts.insert("proof".into(), serde_json::json!({
        "engine": format!("tinywasm {version}"),
        "executable_bytes_added": executable_bytes() - before,
    }));
    facts.insert("version".into(), version.into());
    // Its stacks have places of 4, 8 and 16 bytes, and frames; they grow as they are needed.
    let stack = |size: usize| StackConfig::dynamic(4096, options.engine_stack / size);
    let config = Config::new()
        .with_value_stack_32(stack(4))
        .with_value_stack_64(stack(8))
        .with_value_stack_128(stack(16))
        .with_call_stack(StackConfig::dynamic(1024, options.engine_stack / 64));
    Ok((Box::new(Program { module, engine: Engine::new(config), clock: options.clock }), facts))
}

impl Guest for Program {
    fn run(&mut self, request: &Request, facts: &mut Facts) -> Result<(), Stop> {
        let begun = Instant::now();
        let host = Rc::new(RefCell::new(Host { wasi: request.wasi(), clock: request.clock() }));
        let mut store = Store::new(self.engine.clone());
        let mut imports = Imports::new();
        match self.clock {
            Some(kind) => link_clock(&mut store, &mut imports, &host, kind),
            None => link_wasi(&mut store, &mut imports, &host),
        }
        let instance = ModuleInstance::instantiate(&mut store, &self.module, Some(imports)).map_err(stopped)?;
        if self.clock.is_some() {
            return run_timed(&mut store, &instance, &host, begun, facts);
        }
        let start = instance.func::<(), ()>(&store, "_start").map_err(stopped)?;
        let started = Instant::now();
        let outcome = start.call(&mut store, ());
        note_times(facts, begun, started);
        host.borrow().wasi.note(facts);
        outcome.map_err(stopped)
    }
}

/// A module with the export `run` and the import `env.clock_ms`.
fn run_timed(
    store: &mut Store,
    instance: &ModuleInstance,
    host: &Shared,
    begun: Instant,
    facts: &mut Facts,
) -> Result<(), Stop> {
    if let Ok(initialize) = instance.func::<(), ()>(store, INITIALIZE) {
        initialize.call(store, ()).map_err(stopped)?;
    }
    let run = instance.func::<(), f32>(store, "run").map_err(stopped)?;
    let started = Instant::now();
    let score = run.call(store, ()).map_err(stopped)?;
    note_times(facts, begun, started);
    host.borrow().clock.returned(score, facts);
    Ok(())
}

fn main() {
    map_memories();
    serve("tinywasm", load);
}
