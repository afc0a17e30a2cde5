//! What a module must be to be run as a command: pipeline/wasm/interface.py says it of most before this.

use crate::bench;
use crate::functions::NAMESPACE;
use crate::protocol::Refusal;

/// Refuses what is no WASI command, by what it imports, (module, name) of each, and the names that it exports.
pub fn check_command<'a>(
    imports: impl IntoIterator<Item = (&'a str, &'a str)>,
    exports: impl IntoIterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let known = |module, name| module == NAMESPACE || (module == bench::NAMESPACE && bench::FUNCTIONS.contains(&name));
    if let Some((module, name)) = imports.into_iter().find(|(module, name)| !known(*module, *name)) {
        return Err(Refusal::Refused(format!("it imports {module}.{name}")));
    }
    let exports: Vec<&str> = exports.into_iter().collect();
    match ["_start", "memory"].iter().find(|needed| !exports.contains(needed)) {
        Some(needed) => Err(Refusal::Refused(format!("not a WASI command: it exports no {needed}"))),
        None => Ok(()),
    }
}
