//! The clocks that a module is given which decides by them how long to run: pipeline/runtimes/workers/clock.py.

use crate::process::{monotonic_ns, realtime_ns};
use crate::protocol::Facts;
use serde_json::{json, Value};

/// What such a module may export: it is called once in each instance, before `run`, and not timed.
pub const INITIALIZE: &str = "_initialize";
/// What the first call returns, ms: not 0, which a module might take for no time at all.
const START_MS: i64 = 1000;
const MILLISECOND: i64 = 1_000_000;

/// The type of what its clock returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    I32,
    I64,
}

/// A clock of one instance. It stands still while the host answers.
pub struct Clock {
    speed: f64,
    calls: u64,
    guest_ns: u64,   // real time of the guest since the first call
    stretch_ns: u64, // between the last two calls
    left_ns: u64,    // when the last one ended
    ns: i64,         // what the last two calls came to
    ns_before: i64,
    epoch_ns: u64,
}

impl Clock {
    /// `speed` milliseconds of it pass within a real one.
    pub fn new(speed: f64) -> Clock {
        let epoch_ns = realtime_ns();
        Clock { speed, calls: 0, guest_ns: 0, stretch_ns: 0, left_ns: 0, ns: 0, ns_before: 0, epoch_ns }
    }

    /// `env.clock_ms`: virtual milliseconds; where an i32 is wanted, of it modulo 2^32.
    pub fn ms(&mut self) -> i64 {
        let ms = START_MS + self.enter(MILLISECOND) / MILLISECOND;
        self.left_ns = monotonic_ns();
        ms
    }

    /// What one of WASI's clocks shows for this, ns.
    pub(crate) fn shown_ns(&mut self, id: u32) -> u64 {
        let start = if id == 0 { self.epoch_ns } else { (START_MS * MILLISECOND) as u64 };
        let ns = start + self.enter(1) as u64;
        self.left_ns = monotonic_ns();
        ns
    }

    /// Virtual ns since the first call, in steps of so many.
    fn enter(&mut self, step: i64) -> i64 {
        let entered = monotonic_ns();
        if self.calls > 0 {
            self.stretch_ns = entered - self.left_ns;
            self.guest_ns += self.stretch_ns;
        }
        self.calls += 1;
        self.ns_before = self.ns;
        self.ns = (self.guest_ns as f64 * self.speed) as i64 / step * step;
        self.ns
    }

    /// Note what the run that had this clock ended with, its score, as the fact "returned".
    pub fn returned(&self, score: f32, facts: &mut Facts) {
        let score = f64::from(score);
        let returned = json!({
            // JSON has no number for one that is not finite.
            "score": if score.is_finite() { json!(score) } else { Value::Null },
            "clock_ms": if self.calls > 1 { (self.ns - self.ns_before) / MILLISECOND } else { 0 },
            "clock_ns": self.stretch_ns,
            "calls": self.calls,
        });
        facts.insert("returned".into(), returned);
    }
}
