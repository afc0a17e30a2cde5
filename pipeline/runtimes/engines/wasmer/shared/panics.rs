//! Faults of a compiler that are no errors of the module: this process lives on.

use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

/// What it returns, or the words of the first panic in it, in whichever thread.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let first = Arc::new(Mutex::new(None));
    let noted = first.clone();
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        let message = panic.payload();
        let text = message.downcast_ref::<String>().cloned();
        let text = text.or_else(|| message.downcast_ref::<&str>().map(|text| text.to_string()));
        if let Ok(mut first) = noted.lock() {
            first.get_or_insert(text.unwrap_or_else(|| "a panic without words".into()));
        }
    }));
    let outcome = catch_unwind(AssertUnwindSafe(work));
    set_hook(usual);
    outcome.map_err(|_| {
        let noted = first.lock().ok().and_then(|mut first| first.take());
        noted.unwrap_or_else(|| "a panic".into()).split_whitespace().collect::<Vec<_>>().join(" ")
    })
}
