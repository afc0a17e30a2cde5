//! A host of Wasmer 6 and later.

mod compilers;
mod evidence;
mod guest;
mod panics;
mod probestack;

use wasmer::sys;
use wasmer::sys::vm::set_stack_size;

fn main() {
    coremark_host::serve("wasmer", compilers::load);
}
