//! The part of a run that a module says is timed: pipeline/runtimes/workers/bench.py.

use std::time::Instant;

pub const NAMESPACE: &str = "bench";
/// The functions that it has: `TimedPart::start` and `TimedPart::end`.
pub const FUNCTIONS: [&str; 2] = ["start", "end"];

/// What one run called.
#[derive(Default)]
pub struct TimedPart {
    calls: u64,
    started: Option<Instant>,
    ended: Option<Instant>,
}

impl TimedPart {
    pub fn start(&mut self) {
        self.calls += 1;
        self.started = Some(Instant::now());
    }

    pub fn end(&mut self) {
        self.ended = Some(Instant::now());
        self.calls += 1;
    }

    /// None unless a part was begun and ended once.
    pub fn seconds(&self) -> Option<f64> {
        let took = self.ended?.checked_duration_since(self.started?)?;
        (self.calls == 2).then(|| took.as_secs_f64())
    }
}
