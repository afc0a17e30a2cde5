//! What all hosts in Rust share: the worker protocol, WASI preview 1 over files in memory, and the clock of
//! modules that export `run`. It knows no engine.
//!
//! A host's `main` calls [`serve`] with a function that compiles a module and gives a [`Guest`]. The protocol
//! is that of pipeline/runtimes/workers/serve.py. A host links each function of [`for_each_wasi_function!`]
//! to [`Wasi::call`], and `proc_exit` to [`Function::ProcExit`] of it.

mod bench;
mod calls;
mod clock;
mod files;
mod functions;
mod interface;
mod memory;
mod poll;
mod process;
mod protocol;
mod version;
mod wasi;

pub use bench::{TimedPart, NAMESPACE as BENCH};
pub use clock::{Clock, Kind, INITIALIZE};
pub use files::Inputs;
pub use functions::{Function, NAMESPACE};
pub use interface::check_command;
pub use memory::{Memory, Slice, Stop};
pub use process::{executable_bytes, map_memories, page_faults};
pub use protocol::{note_times, serve, Facts, Guest, Options, Refusal, Request};
pub use version::own_version;
pub use wasi::Wasi;
