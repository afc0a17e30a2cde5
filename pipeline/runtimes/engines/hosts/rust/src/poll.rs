//! poll_oneoff: sleeps until the first event. A descriptor is always ready.

use crate::files::{BADF, DIRECTORY, INVAL, UNKNOWN};
use crate::memory::{fail, Answer, Checked};
use crate::wasi::{clock, Arguments, Wasi};
use std::time::Duration;

const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const SUBSCRIPTION: u32 = 48;
const EVENT: u32 = 32;

impl Wasi {
    pub(crate) fn poll(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let (subscriptions, events, count) = (given.word(0), given.word(1), given.word(2));
        if count == 0 {
            return fail(INVAL);
        }
        let mut waits = Vec::new();
        for i in 0..count {
            let wanted: [u8; SUBSCRIPTION as usize] = memory.get(subscriptions.wrapping_add(SUBSCRIPTION * i))?;
            waits.push((self.wait_ns(&wanted)?, wanted));
        }
        let first = waits.iter().map(|(wait, _)| *wait).min().unwrap_or(0);
        if first > 0 {
            std::thread::sleep(Duration::from_nanos(first));
        }
        let mut happened = 0;
        for (_, wanted) in waits.iter().filter(|(wait, _)| *wait == first) {
            let mut event = [0; EVENT as usize];
            event[..8].copy_from_slice(&wanted[..8]);
            event[10] = wanted[8];
            event[16] = u8::from(wanted[8] != CLOCK); // bytes, at least
            memory.put(events.wrapping_add(EVENT * happened), &event)?;
            happened += 1;
        }
        memory.put32(given.word(3), happened)
    }

    /// Nanoseconds until what a subscription is for.
    fn wait_ns(&mut self, wanted: &[u8; SUBSCRIPTION as usize]) -> Answer<u64> {
        let subject = u32::from_le_bytes([wanted[16], wanted[17], wanted[18], wanted[19]]);
        if wanted[8] != CLOCK {
            let found = self.files.get(subject)?;
            let wrong = found.kind() == UNKNOWN && found.is_input() != (wanted[8] == FD_READ);
            return if wrong || found.kind() == DIRECTORY { fail(BADF) } else { Ok(0) };
        }
        if subject > 1 {
            return fail(INVAL);
        }
        let mut timeout = [0; 8];
        timeout.copy_from_slice(&wanted[24..32]);
        let timeout = u64::from_le_bytes(timeout);
        let absolute = wanted[40] & 1 != 0;
        Ok(if absolute { timeout.saturating_sub(clock(subject)?) } else { timeout })
    }
}
