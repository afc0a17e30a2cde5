//! The worker's side of the protocol: pipeline/runtimes/workers/serve.py says what each message is.

use crate::clock::{Clock, Kind};
use crate::files::{Inputs, Tree};
use crate::memory::Stop;
use crate::process::{content, cut, duplicate, file_size, ignore_file_limit, memory_file, monotonic_ns, place, usage};
use crate::version::own_version;
use crate::wasi::Wasi;
use serde_json::{json, Map, Value};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Of an answer, {name: value}.
pub type Facts = Map<String, Value>;

const NO_FILE: &str = "/dev/null";
const STDERR_LIMIT: usize = 4096;
/// Characters of a message, and functions of a backtrace, that are passed on, with characters of each.
const MOST_MESSAGE: usize = 500;
const MOST_FUNCTIONS: usize = 32;
const MOST_NAME: usize = 200;
/// How many times as large as the guest's a runtime's own stack is: stack_factor in pipeline/core/model.py.
const STACK_FACTOR: usize = 4;

/// Why a module was not loaded.
#[derive(Debug)]
pub enum Refusal {
    /// This engine cannot load this module, and says why.
    Refused(String),
    /// This release or build of the engine has no such compiler or level.
    Unavailable(String),
}

impl Refusal {
    /// What an engine says, as one line.
    pub fn refused(error: impl std::fmt::Display) -> Refusal {
        Refusal::Refused(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// What is asked of a host when it loads a module.
pub struct Options {
    /// Those of the backend, as engine.toml has them, and all others.
    pub all: Facts,
    /// Of a module with the export `run`: what its clock returns.
    pub clock: Option<Kind>,
    /// Of WebAssembly, which the module uses and which are to be turned on.
    pub features: Vec<String>,
    /// Bytes of the stack that the engine may use for its guest: of the guest's own size, and in all.
    pub guest_stack: usize,
    pub engine_stack: usize,
    inputs: Arc<Inputs>,
    stdin: String,
    output_limit: usize,
}

impl Options {
    /// An option of the backend; "" where it has none of that name.
    pub fn text(&self, name: &str) -> &str {
        self.all.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// One run of the module.
pub struct Request {
    arguments: Vec<String>,
    speed: Option<f64>,
    inputs: Arc<Inputs>,
}

impl Request {
    /// The WASI of this run.
    pub fn wasi(&self) -> Wasi {
        Wasi::new(&self.arguments, &self.inputs, self.speed.map(Clock::new))
    }
    /// The clock of this run of a module of the `run` interface.
    pub fn clock(&self) -> Clock {
        Clock::new(self.speed.unwrap_or(1.0))
    }
}

/// A module that is compiled.
pub trait Guest {
    /// Run it once, in an instance of its own that is gone afterwards. The facts may have "wall_seconds" of the
    /// call alone, "instantiate_seconds", "page_faults", "returned" and what [`Wasi::note`] gives; also where it was
    /// stopped.
    fn run(&mut self, request: &Request, facts: &mut Facts) -> Result<(), Stop>;
}

/// Compiles a module: a guest, and the facts "compile_seconds", "code_bytes", "version" and "proof".
pub type Load = fn(module: &[u8], options: &Options) -> Result<(Box<dyn Guest>, Facts), Refusal>;

/// Answer requests until the input ends; with the argument `--version`, print the engine's name and release.
///
/// The engine is the package of this name on the registry, of which this program was made.
pub fn serve(engine: &str, load: Load) -> ! {
    if std::env::args().nth(1).as_deref() == Some("--version") {
        println!("{engine} {}", own_version(engine));
        std::process::exit(0);
    }
    let started = monotonic_ns();
    let outcome = answer_all(load, started as f64 / 1e9);
    // An engine's clean-up at exit can abort; all that matters has been said.
    match outcome {
        Ok(()) => unsafe { libc::_exit(0) },
        Err(error) => {
            eprintln!("{error}");
            unsafe { libc::_exit(1) }
        }
    }
}

fn answer_all(load: Load, started: f64) -> io::Result<()> {
    ignore_file_limit();
    let requests = BufReader::new(duplicate(0)?);
    let mut answers = duplicate(1)?;
    set_input(NO_FILE)?;
    place(memory_file()?, 1)?;
    let mut answer = |facts: Value| answers.write_all(format!("{facts}\n").as_bytes());
    answer(json!({"protocol": 1, "monotonic": started}))?;
    let mut loaded: Option<(Box<dyn Guest>, Options)> = None;
    for line in requests.lines() {
        let request: Value = serde_json::from_str(&line?)?;
        if request["op"] == "load" {
            let path = request["path"].as_str().unwrap_or_default();
            let options = options(&request["options"])?;
            match load(&std::fs::read(path)?, &options) {
                Ok((guest, facts)) => {
                    loaded = Some((guest, options));
                    answer(facts.into())?;
                }
                Err(Refusal::Refused(reason)) => answer(json!({ "refused": reason }))?,
                Err(Refusal::Unavailable(reason)) => answer(json!({ "unavailable": reason }))?,
            }
        } else {
            let (guest, options) = loaded.as_mut().ok_or_else(|| io::Error::other("run before load"))?;
            set_input(request["stdin"].as_str().unwrap_or(&options.stdin))?;
            answer(run(guest.as_mut(), options, &request))?;
        }
    }
    Ok(())
}

fn options(given: &Value) -> io::Result<Options> {
    let number = |name: &str, usual: u64| given[name].as_u64().unwrap_or(usual) as usize;
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|each| each.as_str().map(String::from)).collect()
    };
    let files = given["files"].as_str().map(|folder| Tree::read(Path::new(folder))).transpose()?;
    let variables = given["env"].as_object().into_iter().flatten();
    let environment = variables.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or(""))).collect();
    let guest_stack = number("stack_kib", 8192) << 10;
    Ok(Options {
        all: given.as_object().cloned().unwrap_or_default(),
        clock: match given["clock"].as_str() {
            Some("i32") => Some(Kind::I32),
            Some("i64") => Some(Kind::I64),
            _ => None,
        },
        features: texts(&given["features"]),
        guest_stack,
        engine_stack: guest_stack * STACK_FACTOR,
        inputs: Arc::new(Inputs { files, environment }),
        stdin: given["stdin"].as_str().unwrap_or(NO_FILE).into(),
        output_limit: number("output_bytes", 1 << 20),
    })
}

/// Make a file descriptor 0, from its start; an empty one of /dev/null, which is a device.
fn set_input(path: &str) -> io::Result<()> {
    place(if path == NO_FILE { memory_file()? } else { File::open(path)? }, 0)
}

fn run(guest: &mut dyn Guest, options: &Options, request: &Value) -> Value {
    cut(1, 0);
    let errors_before = file_size(2);
    let given = Request {
        arguments: request["argv"]
            .as_array()
            .map(|words| words.iter().map(|word| word.as_str().unwrap_or("").into()).collect())
            .unwrap_or_default(),
        speed: request["speed"].as_f64(),
        inputs: options.inputs.clone(),
    };
    let mut facts = Facts::new();
    let (before, started) = (usage(), Instant::now());
    let outcome = guest.run(&given, &mut facts);
    let (wall, after) = (started.elapsed(), usage());
    let (outcome, code, message, backtrace) = match outcome {
        Ok(()) | Err(Stop::Exit(0)) => ("exit", 0, String::new(), Vec::new()),
        Err(Stop::Exit(code)) => ("exit", code, format!("exit status {code}"), Vec::new()),
        Err(Stop::Trap { message, backtrace }) => ("trap", 0, message, backtrace),
    };
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let errors = errors_before.map_or(Vec::new(), |size| {
        let added = content(2, size, STDERR_LIMIT);
        cut(2, size);
        added
    });
    let functions = backtrace.iter().take(MOST_FUNCTIONS).map(|name| start_of(name, MOST_NAME));
    let mut answer = json!({
        "outcome": outcome,
        "code": code,
        "message": start_of(&message, MOST_MESSAGE),
        "wall_seconds": wall.as_secs_f64(),
        // Below 1 where other processes had the processor.
        "cpu_share": cpu / wall.as_secs_f64(),
        "used": {"cpu_seconds": cpu, "system_seconds": (after.system - before.system).as_secs_f64()},
        "page_faults": after.page_faults - before.page_faults,
        "stdout_bytes": file_size(1),
        "stdout": text(&content(1, 0, options.output_limit)),
        "stderr": text(&errors),
        "backtrace": functions.collect::<Vec<_>>(),
    });
    if let Some(all) = answer.as_object_mut() {
        all.append(&mut facts);
    }
    answer
}

fn start_of(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// A character a byte.
fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Note the facts of a run that was begun and whose guest was called at these moments, and is over.
pub fn note_times(facts: &mut Facts, begun: Instant, started: Instant) {
    facts.insert("wall_seconds".into(), started.elapsed().as_secs_f64().into());
    facts.insert("instantiate_seconds".into(), (started - begun).as_secs_f64().into());
}
