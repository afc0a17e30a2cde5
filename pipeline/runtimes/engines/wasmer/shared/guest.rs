//! A module that a release of Wasmer has compiled, and its runs: the same source for all releases.

use crate::evidence;
use crate::panics;
use coremark_host::{check_command, BENCH, INITIALIZE};
use coremark_host::{note_times, own_version, Clock, Facts, Guest, Kind, Options, Refusal, Request, Slice, Stop, Wasi};
use std::time::Instant;
use wasmer::{
    Engine, ExportError, ExternType, Function, FunctionEnv, FunctionEnvMut, Imports, Instance, InstantiationError,
    Memory, Module, RuntimeError, Store, TypedFunction,
};

const CLOCK: (&str, &str) = ("env", "clock_ms");

/// Compile the module with this engine, whose compiler the options name.
pub fn load(engine: Engine, bytes: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal> {
    let before = evidence::executable();
    let started = Instant::now();
    let module = compile(&engine, bytes)?;
    let compile_seconds = started.elapsed().as_secs_f64();
    let code = evidence::since(&before);
    check(&module, options)?;
    let mut facts = Facts::new();
    facts.insert("compile_seconds".into(), compile_seconds.into());
    facts.insert("code_bytes".into(), code.len().into());
    facts.insert("version".into(), own_version("wasmer").into());
    facts.insert("proof".into(), evidence::proof(&code, |control| compile(&engine, control))?.into());
    Ok((Box::new(Compiled { engine, module, clock: options.clock }), facts))
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<Module, Refusal> {
    match panics::caught(|| Module::new(engine, bytes)) {
        Ok(outcome) => outcome.map_err(Refusal::refused),
        Err(message) => Err(Refusal::Unavailable(format!("this release's compiler panics on the module: {message}"))),
    }
}

/// Whether it has the exports, and needs no other imports than a host gives.
fn check(module: &Module, options: &Options) -> Result<(), Refusal> {
    let imports: Vec<_> = module.imports().collect();
    let exports: Vec<_> = module.exports().collect();
    if options.clock.is_none() {
        let imported = imports.iter().map(|import| (import.module(), import.name()));
        check_command(imported, exports.iter().map(|export| export.name()))?;
    }
    for import in &imports {
        let (module, name) = (import.module(), import.name());
        let known = match options.clock {
            Some(_) => (module, name) == CLOCK,
            None => module == BENCH || coremark_host::Function::ALL.iter().any(|known| known.1 == name),
        };
        if !known || !matches!(import.ty(), ExternType::Function(_)) {
            return Err(Refusal::Refused(format!("it imports {module}.{name}")));
        }
    }
    Ok(())
}

struct Compiled {
    engine: Engine,
    module: Module,
    clock: Option<Kind>,
}

/// What belongs to one run of a WASI command.
struct Running {
    wasi: Wasi,
    memory: Option<Memory>,
}

impl Guest for Compiled {
    fn run(&mut self, request: &Request, facts: &mut Facts) -> Result<(), Stop> {
        match self.clock {
            Some(kind) => self.timed(kind, request, facts),
            None => self.command(request, facts),
        }
    }
}

impl Compiled {
    // A store keeps its instances as long as it lives: each run has its own.
    fn command(&self, request: &Request, facts: &mut Facts) -> Result<(), Stop> {
        let begun = Instant::now();
        let mut store = Store::new(self.engine.clone());
        let running = FunctionEnv::new(&mut store, Running { wasi: request.wasi(), memory: None });
        let mut imports = Imports::new();
        for import in self.module.imports() {
            let function = match import.module() {
                BENCH => Some(bench_function(import.name(), &mut store, &running)),
                _ => wasi_function(import.name(), &mut store, &running),
            };
            if let Some(function) = function {
                imports.define(import.module(), import.name(), function);
            }
        }
        let instance = Instance::new(&mut store, &self.module, &imports).map_err(not_instantiated)?;
        running.as_mut(&mut store).memory = instance.exports.get_memory("memory").ok().cloned();
        let start: TypedFunction<(), ()> =
            instance.exports.get_typed_function(&store, "_start").map_err(not_exported)?;
        let outcome = timed_call(facts, begun, || start.call(&mut store));
        running.as_ref(&store).wasi.note(facts);
        outcome
    }

    fn timed(&self, kind: Kind, request: &Request, facts: &mut Facts) -> Result<(), Stop> {
        let begun = Instant::now();
        let mut store = Store::new(self.engine.clone());
        let clock = FunctionEnv::new(&mut store, request.clock());
        let mut imports = Imports::new();
        let clock_ms = match kind {
            Kind::I32 => Function::new_typed_with_env(&mut store, &clock, clock_i32),
            Kind::I64 => Function::new_typed_with_env(&mut store, &clock, clock_i64),
        };
        imports.define(CLOCK.0, CLOCK.1, clock_ms);
        let instance = Instance::new(&mut store, &self.module, &imports).map_err(not_instantiated)?;
        if instance.exports.get_function(INITIALIZE).is_ok() {
            let initialize: TypedFunction<(), ()> =
                instance.exports.get_typed_function(&store, INITIALIZE).map_err(not_exported)?;
            initialize.call(&mut store).map_err(stopped)?;
        }
        let run: TypedFunction<(), f32> = instance.exports.get_typed_function(&store, "run").map_err(not_exported)?;
        let score = timed_call(facts, begun, || run.call(&mut store))?;
        clock.as_ref(&store).returned(score, facts);
        Ok(())
    }
}

/// Note how long the call took, and what came before it since `begun`.
fn timed_call<T>(facts: &mut Facts, begun: Instant, call: impl FnOnce() -> Result<T, RuntimeError>) -> Result<T, Stop> {
    let started = Instant::now();
    let outcome = call();
    note_times(facts, begun, started);
    outcome.map_err(stopped)
}

fn not_exported(error: ExportError) -> Stop {
    Stop::trap(error.to_string())
}

fn clock_i32(mut clock: FunctionEnvMut<Clock>) -> i32 {
    clock.data_mut().ms() as i32
}

fn clock_i64(mut clock: FunctionEnvMut<Clock>) -> i64 {
    clock.data_mut().ms()
}

fn not_instantiated(error: InstantiationError) -> Stop {
    match error {
        InstantiationError::Start(error) => stopped(error),
        other => Stop::trap(other.to_string()),
    }
}

/// Why a call ended early: a status or a trap.
fn stopped(error: RuntimeError) -> Stop {
    let name = |number: u32| format!("function {number}");
    let frames = error.trace().iter();
    let backtrace = frames.map(|at| at.function_name().map_or_else(|| name(at.func_index()), String::from)).collect();
    match error.downcast::<Stop>() {
        Ok(Stop::Trap { message, .. }) => Stop::Trap { message, backtrace },
        Ok(exit) => exit,
        Err(error) => Stop::Trap { message: error.message(), backtrace },
    }
}

fn answer(
    guest: &mut FunctionEnvMut<Running>,
    function: coremark_host::Function,
    arguments: &[u64],
) -> Result<i32, Stop> {
    let (running, store) = guest.data_and_store_mut();
    let Some(memory) = &running.memory else {
        return running.wasi.call(function, arguments, &mut Slice(&mut []));
    };
    let view = memory.view(&store);
    // SAFETY: the guest waits for this answer, and has no other threads.
    let bytes = unsafe { view.data_unchecked_mut() };
    running.wasi.call(function, arguments, &mut Slice(bytes))
}

/// "start" or "end" of the timed part of a guest whose run this is.
fn bench_function(name: &str, store: &mut Store, running: &FunctionEnv<Running>) -> Function {
    match name {
        "start" => Function::new_typed_with_env(store, running, |mut guest: FunctionEnvMut<Running>| {
            guest.data_mut().wasi.part.start()
        }),
        _ => Function::new_typed_with_env(store, running, |mut guest: FunctionEnvMut<Running>| {
            guest.data_mut().wasi.part.end()
        }),
    }
}

macro_rules! wasi_functions {
    ($($id:ident $name:literal ($($parameter:ident: $type:ident),*);)*) => {
        /// The function of WASI of that name, for a guest whose run this is.
        fn wasi_function(name: &str, store: &mut Store, running: &FunctionEnv<Running>) -> Option<Function> {
            match name {
                $($name => {
                    fn call(mut guest: FunctionEnvMut<Running>, $($parameter: $type),*) -> Result<i32, Stop> {
                        answer(&mut guest, coremark_host::Function::$id, &[$($parameter as u64),*])
                    }
                    Some(Function::new_typed_with_env(store, running, call))
                })*
                "proc_exit" => {
                    fn call(mut guest: FunctionEnvMut<Running>, code: i32) -> Result<(), Stop> {
                        answer(&mut guest, coremark_host::Function::ProcExit, &[code as u64]).map(|_| ())
                    }
                    Some(Function::new_typed_with_env(store, running, call))
                }
                _ => None,
            }
        }
    };
}
coremark_host::for_each_wasi_function!(wasi_functions);
