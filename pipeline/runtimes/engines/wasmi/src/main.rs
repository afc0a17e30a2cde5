//! A host of wasmi: an interpreter, which translates a module to instructions of its own.

use coremark_host::{for_each_wasi_function, Facts, Function, Guest, Options, Refusal, Request, Slice, Stop, Wasi};
use coremark_host::{check_command, executable_bytes, map_memories, note_times, own_version, serve};
use coremark_host::{Clock, Kind, BENCH, INITIALIZE, NAMESPACE};
use std::time::Instant;
use wasmi::{Caller, CompilationMode, Config, Engine, Error, Instance, Linker, Memory, Module, Store};

/// What calls of a guest reach.
struct Host {
    wasi: Wasi,
    clock: Clock,
    memory: Option<Memory>,
}

struct Program {
    module: Module,
    linker: Linker<Host>,
    timed: bool,
}

/// What ended a guest, on its way through the engine.
#[derive(Debug)]
struct Ended(Stop);

impl std::fmt::Display for Ended {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(to)
    }
}

impl wasmi::errors::HostError for Ended {}

macro_rules! link_wasi {
    ($($id:ident $name:literal ($($parameter:ident: $type:ident),*);)*) => {
        fn link_wasi(linker: &mut Linker<Host>) -> Result<(), Error> {
            $(linker.func_wrap(NAMESPACE, $name, |caller: Caller<'_, Host>, $($parameter: $type),*| {
                call(caller, Function::$id, &[$($parameter as u64),*])
            })?;)*
            linker.func_wrap(NAMESPACE, "proc_exit", |_: Caller<'_, Host>, code: i32| -> Result<(), Error> {
                Err(Error::host(Ended(Stop::Exit(code as u32))))
            })?;
            linker.func_wrap(BENCH, "start", |mut caller: Caller<'_, Host>| caller.data_mut().wasi.part.start())?;
            linker.func_wrap(BENCH, "end", |mut caller: Caller<'_, Host>| caller.data_mut().wasi.part.end())?;
            Ok(())
        }
    };
}
for_each_wasi_function!(link_wasi);

fn call(mut caller: Caller<'_, Host>, function: Function, arguments: &[u64]) -> Result<i32, Error> {
    let memory = caller.data().memory.ok_or_else(|| Error::new("a call of WASI before there is a memory"))?;
    let (bytes, host) = memory.data_and_store_mut(&mut caller);
    host.wasi.call(function, arguments, &mut Slice(bytes)).map_err(|stop| Error::host(Ended(stop)))
}

fn link_clock(linker: &mut Linker<Host>, kind: Kind) -> Result<(), Error> {
    const NAME: (&str, &str) = ("env", "clock_ms");
    match kind {
        Kind::I32 => linker.func_wrap(NAME.0, NAME.1, |caller: Caller<'_, Host>| clock_ms(caller) as i32)?,
        Kind::I64 => linker.func_wrap(NAME.0, NAME.1, |caller: Caller<'_, Host>| clock_ms(caller))?,
    };
    Ok(())
}

fn clock_ms(mut caller: Caller<'_, Host>) -> i64 {
    caller.data_mut().clock.ms()
}

fn load(bytes: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal> {
    let engine = Engine::new(&config(options)?);
    let before = executable_bytes();
    let started = Instant::now();
    let module = Module::new(&engine, bytes).map_err(Refusal::refused)?;
    let compiled = started.elapsed();
    let mut linker = Linker::new(&engine);
    match options.clock {
        Some(kind) => link_clock(&mut linker, kind),
        None => {
            let imports = module.imports().map(|import| (import.module(), import.name()));
            check_command(imports, module.exports().map(|export| export.name()))?;
            link_wasi(&mut linker)
        }
    }
    .map_err(Refusal::refused)?;
    let mut facts = Facts::new();
    facts.insert("compile_seconds".into(), compiled.as_secs_f64().into());
    // It makes no machine code.
    facts.insert("code_bytes".into(), ().into());
    facts.insert("version".into(), version().into());
    facts.insert("proof".into(), serde_json::json!({
        "engine": format!("wasmi {}", version()),
        "mode": mode_of(&engine),
        "executable_bytes_added": executable_bytes() - before,
    }));
    Ok((Box::new(Program { module, linker, timed: options.clock.is_some() }), facts))
}

/// A module whose one function is invalid: its body has nothing for the i32 that it returns.
const INVALID: &[u8] = b"\0asm\x01\0\0\0\x01\x05\x01\x60\0\x01\x7f\x03\x02\x01\0\x0a\x04\x01\x02\0\x0b";

/// When an engine looks at functions, by what it says of an invalid one: before any is called, or not.
fn mode_of(engine: &Engine) -> &'static str {
    match Module::new(engine, INVALID) {
        Ok(_) => "lazy",
        Err(_) => "eager",
    }
}

fn version() -> String {
    own_version("wasmi")
}

fn config(options: &Options) -> Result<Config, Refusal> {
    let mut config = Config::default();
    config.compilation_mode(match options.text("mode") {
        "eager" => CompilationMode::Eager,
        "lazy" => CompilationMode::Lazy,
        other => return Err(Refusal::Unavailable(format!("wasmi has no mode {other:?}"))),
    });
    // It has a stack of its own, for values; calls are not nested on this process's.
    config.set_max_stack_height(options.engine_stack);
    config.set_max_recursion_depth(options.engine_stack / 64);
    for feature in &options.features {
        match feature.as_str() {
            "custom-page-sizes" => config.wasm_custom_page_sizes(true),
            "wide-arithmetic" => config.wasm_wide_arithmetic(true),
            _ => continue,
        };
    }
    Ok(config)
}

fn stopped(error: Error) -> Stop {
    match error.downcast_ref::<Ended>() {
        Some(Ended(Stop::Exit(code))) => Stop::Exit(*code),
        Some(Ended(stop)) => Stop::trap(stop.to_string()),
        None => Stop::trap(error.to_string()),
    }
}

impl Guest for Program {
    fn run(&mut self, request: &Request, facts: &mut Facts) -> Result<(), Stop> {
        let begun = Instant::now();
        let host = Host { wasi: request.wasi(), clock: request.clock(), memory: None };
        let mut store = Store::new(self.module.engine(), host);
        let instance = self.linker.instantiate_and_start(&mut store, &self.module).map_err(stopped)?;
        store.data_mut().memory = instance.get_memory(&store, "memory");
        if self.timed {
            return run_timed(&mut store, instance, begun, facts);
        }
        let start = instance.get_typed_func::<(), ()>(&store, "_start").map_err(stopped)?;
        let started = Instant::now();
        let outcome = start.call(&mut store, ());
        note_times(facts, begun, started);
        store.data().wasi.note(facts);
        outcome.map_err(stopped)
    }
}

/// A module with the export `run` and the import `env.clock_ms`.
fn run_timed(store: &mut Store<Host>, instance: Instance, begun: Instant, facts: &mut Facts) -> Result<(), Stop> {
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&*store, INITIALIZE) {
        initialize.call(&mut *store, ()).map_err(stopped)?;
    }
    let run = instance.get_typed_func::<(), wasmi::F32>(&*store, "run").map_err(stopped)?;
    let started = Instant::now();
    let score = run.call(&mut *store, ()).map_err(stopped)?;
    note_times(facts, begun, started);
    store.data().clock.returned(score.to_float(), facts);
    Ok(())
}

fn main() {
    map_memories();
    serve("wasmi", load);
}
