//! A host of Wasmer 3 to 5.

mod compilers;
mod evidence;
mod guest;
mod panics;
mod probestack;

use wasmer as sys;
use wasmer_vm::set_stack_size;

fn main() {
    coremark_host::serve("wasmer", compilers::load);
}
