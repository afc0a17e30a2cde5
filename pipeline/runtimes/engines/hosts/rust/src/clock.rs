//! The clock that a module of the `run` interface is given: pipeline/runtimes/workers/clock.py.

use crate::process::monotonic_ns;
use crate::protocol::Facts;
use serde_json::{json, Value};

/// What such a module may export: it is called once in each instance, before `run`, and not timed.
pub const INITIALIZE: &str = "_initialize";
/// What the first call returns, ms: not 0, which a module might take for no time at all.
const START_MS: i64 = 1000;

/// The type of what its clock returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    I32,
    I64,
}

/// `env.clock_ms` of one instance. It returns virtual milliseconds, and stands still while the host answers.
pub struct Clock {
    rate: f64, // virtual ms a real ns
    calls: u64,
    guest_ns: u64,   // real time of the guest since the first call
    stretch_ns: u64, // between the last two calls
    left_ns: u64,    // when the last one ended
    ms: i64,         // what the last two calls returned
    ms_before: i64,
}

impl Clock {
    /// `speed` milliseconds of it pass within a real one.
    pub fn new(speed: f64) -> Clock {
        let rate = speed / 1e6;
        Clock { rate, calls: 0, guest_ns: 0, stretch_ns: 0, left_ns: 0, ms: 0, ms_before: 0 }
    }

    /// One call of the guest; where an i32 is wanted, of it modulo 2^32.
    pub fn ms(&mut self) -> i64 {
        let entered = monotonic_ns();
        if self.calls > 0 {
            self.stretch_ns = entered - self.left_ns;
            self.guest_ns += self.stretch_ns;
        }
        self.calls += 1;
        self.ms_before = self.ms;
        self.ms = START_MS + (self.guest_ns as f64 * self.rate) as i64;
        let ms = self.ms;
        self.left_ns = monotonic_ns();
        ms
    }

    /// Note what the run that had this clock ended with, its score, as the fact "returned".
    pub fn returned(&self, score: f32, facts: &mut Facts) {
        let score = f64::from(score);
        let returned = json!({
            // JSON has no number for one that is not finite.
            "score": if score.is_finite() { json!(score) } else { Value::Null },
            "clock_ms": if self.calls > 1 { self.ms - self.ms_before } else { 0 },
            "clock_ns": self.stretch_ns,
            "calls": self.calls,
        });
        facts.insert("returned".into(), returned);
    }
}
