//! A host of Wasmtime's crate: Cranelift or Winch to machine code, or Cranelift to the bytecode of Pulley.

mod evidence;

use coremark_host::{check_command, executable_bytes, note_times, own_version, serve};
use coremark_host::{for_each_wasi_function, Facts, Function, Guest, Options, Refusal, Request, Slice, Stop, Wasi};
use coremark_host::{Clock, Kind, BENCH, INITIALIZE, NAMESPACE};
use std::time::Instant;
use wasmtime::{
    Caller, Config, Engine, Error, Extern, Instance, InstancePre, Linker, Module, OptLevel, Result, Store, Strategy,
    Trap, WasmBacktrace,
};

/// On the registry. The engine has a name of its own: `wasmtime.*` are backends of the package on PyPI.
const PACKAGE: &str = "wasmtime";

/// What calls of a guest reach.
struct Host {
    wasi: Wasi,
    clock: Clock,
    memory: Option<Extern>,
}

struct Program {
    module: InstancePre<Host>,
    timed: bool,
}

macro_rules! link_wasi {
    ($($id:ident $name:literal ($($parameter:ident: $type:ident),*);)*) => {
        fn link_wasi(linker: &mut Linker<Host>) -> Result<()> {
            $(linker.func_wrap(NAMESPACE, $name, |caller: Caller<'_, Host>, $($parameter: $type),*| {
                call(caller, Function::$id, &[$($parameter as u64),*])
            })?;)*
            linker.func_wrap(NAMESPACE, "proc_exit", |_: Caller<'_, Host>, code: i32| -> Result<()> {
                Err(Error::from(Stop::Exit(code as u32)))
            })?;
            linker.func_wrap(BENCH, "start", |mut caller: Caller<'_, Host>| caller.data_mut().wasi.part.start())?;
            linker.func_wrap(BENCH, "end", |mut caller: Caller<'_, Host>| caller.data_mut().wasi.part.end())?;
            Ok(())
        }
    };
}
for_each_wasi_function!(link_wasi);

fn call(mut caller: Caller<'_, Host>, function: Function, arguments: &[u64]) -> Result<i32> {
    if caller.data().memory.is_none() {
        // Here and not after instantiation: a start section may call too.
        caller.data_mut().memory = caller.get_export("memory");
    }
    let answer = match caller.data().memory.clone() {
        Some(Extern::Memory(memory)) => {
            let (bytes, host) = memory.data_and_store_mut(&mut caller);
            host.wasi.call(function, arguments, &mut Slice(bytes))
        }
        Some(Extern::SharedMemory(memory)) => {
            let cells = memory.data();
            // SAFETY: the guest waits for this answer, and has no other threads.
            let bytes = unsafe { std::slice::from_raw_parts_mut(cells.as_ptr() as *mut u8, cells.len()) };
            caller.data_mut().wasi.call(function, arguments, &mut Slice(bytes))
        }
        _ => Err(Stop::trap("a call of WASI without a memory")),
    };
    answer.map_err(Error::from)
}

fn link_clock(linker: &mut Linker<Host>, kind: Kind) -> Result<()> {
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
    let compiler = options.text("compiler");
    let engine = engine(compiler, options)?;
    let before = executable_bytes();
    let started = Instant::now();
    let module = Module::new(&engine, bytes).map_err(refused)?;
    let compile_seconds = started.elapsed().as_secs_f64();
    let added = executable_bytes() - before;
    let mut linker = Linker::new(&engine);
    match options.clock {
        Some(kind) => link_clock(&mut linker, kind),
        None => {
            let imports = module.imports().map(|import| (import.module(), import.name()));
            check_command(imports, module.exports().map(|export| export.name()))?;
            link_wasi(&mut linker)
        }
    }
    .map_err(refused)?;
    let version = own_version(PACKAGE);
    let mut proof = Facts::new();
    proof.insert("engine".into(), format!("{PACKAGE} {version}").into());
    // An engine for the same machine or for Pulley, whose compiler is Cranelift.
    let cranelift = self::engine(if compiler == "winch" { "cranelift" } else { compiler }, options)?;
    evidence::note(&mut proof, &module, added, &cranelift).map_err(refused)?;
    let mut facts = Facts::new();
    facts.insert("compile_seconds".into(), compile_seconds.into());
    // With Pulley these are bytes of its bytecode.
    facts.insert("code_bytes".into(), module.text().len().into());
    facts.insert("version".into(), version.into());
    facts.insert("proof".into(), proof.into());
    let module = linker.instantiate_pre(&module).map_err(refused)?;
    Ok((Box::new(Program { module, timed: options.clock.is_some() }), facts))
}

fn refused(error: Error) -> Refusal {
    // With its causes.
    Refusal::refused(format!("{error:#}"))
}

fn engine(compiler: &str, options: &Options) -> Result<Engine, Refusal> {
    let mut config = Config::new();
    match compiler {
        "cranelift" => config.strategy(Strategy::Cranelift),
        "winch" => config.strategy(Strategy::Winch),
        "pulley" => config.strategy(Strategy::Cranelift).target("pulley64").map_err(refused)?,
        other => return Err(Refusal::Unavailable(format!("Wasmtime has no compiler {other:?}"))),
    };
    config.cranelift_opt_level(OptLevel::Speed);
    // It wants the stack of asynchronous calls, of which there are none, to be as large.
    config.async_stack_size(options.engine_stack).max_wasm_stack(options.engine_stack);
    for feature in &options.features {
        match feature.as_str() {
            // The instructions are on; memories that are shared are not.
            "atomics" => config.shared_memory(true),
            "custom-page-sizes" => config.wasm_custom_page_sizes(true),
            "wide-arithmetic" => config.wasm_wide_arithmetic(true),
            _ => continue,
        };
    }
    Engine::new(&config).map_err(refused)
}

fn stopped(error: Error) -> Stop {
    let frames = error.downcast_ref::<WasmBacktrace>().map(WasmBacktrace::frames).unwrap_or_default().iter();
    let name = |index: u32| format!("function {index}");
    let backtrace = frames.map(|at| at.func_name().map_or_else(|| name(at.func_index()), String::from)).collect();
    match error.downcast::<Stop>() {
        Ok(Stop::Trap { message, .. }) => Stop::Trap { message, backtrace },
        Ok(exit) => exit,
        Err(error) => {
            let trap = error.downcast_ref::<Trap>().map(Trap::to_string);
            Stop::Trap { message: trap.unwrap_or_else(|| error.root_cause().to_string()), backtrace }
        }
    }
}

impl Guest for Program {
    // A store keeps its instances as long as it lives: each run has its own.
    fn run(&mut self, request: &Request, facts: &mut Facts) -> Result<(), Stop> {
        let begun = Instant::now();
        let host = Host { wasi: request.wasi(), clock: request.clock(), memory: None };
        let mut store = Store::new(self.module.module().engine(), host);
        let instance = self.module.instantiate(&mut store).map_err(stopped)?;
        if self.timed {
            return run_timed(&mut store, instance, begun, facts);
        }
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").map_err(stopped)?;
        let started = Instant::now();
        let outcome = start.call(&mut store, ());
        note_times(facts, begun, started);
        store.data().wasi.note(facts);
        outcome.map_err(stopped)
    }
}

/// A module with the export `run` and the import `env.clock_ms`.
fn run_timed(store: &mut Store<Host>, instance: Instance, begun: Instant, facts: &mut Facts) -> Result<(), Stop> {
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, INITIALIZE) {
        initialize.call(&mut *store, ()).map_err(stopped)?;
    }
    let run = instance.get_typed_func::<(), f32>(&mut *store, "run").map_err(stopped)?;
    let started = Instant::now();
    let score = run.call(&mut *store, ()).map_err(stopped)?;
    note_times(facts, begun, started);
    store.data().clock.returned(score, facts);
    Ok(())
}

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("wasmtime-crate {}", own_version(PACKAGE));
        return;
    }
    serve(PACKAGE, load);
}
