//! poll_oneoff: sleeps until the first event. A descriptor is always ready.

use crate::files::{BADF, DIRECTORY, INVAL, PERM, REGULAR_FILE, UNKNOWN};
use crate::memory::{fail, Answer, Checked};
use crate::process::{monotonic_ns, realtime_ns};
use crate::wasi::{Arguments, Wasi};
use std::time::Duration;

const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const FD_WRITE: u8 = 2;
const ABSOLUTE: u16 = 1;
const SUBSCRIPTION: u64 = 48;
const EVENT: u64 = 32;

impl Wasi {
    pub(crate) fn poll(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let [subscriptions, events, count] = [0, 1, 2].map(|number| u64::from(given.word(number)));
        if count == 0 {
            return fail(INVAL);
        }
        let now = [realtime_ns(), monotonic_ns()];
        let mut first = u64::MAX;
        for i in 0..count {
            let wanted = memory.get(subscriptions + SUBSCRIPTION * i)?;
            first = first.min(self.wait_ns(&wanted, now)?);
        }
        if first > 0 {
            std::thread::sleep(Duration::from_nanos(first));
        }
        let mut happened = 0;
        // They are read once more, and not kept, as a guest may name very many.
        for i in 0..count {
            let wanted = memory.get(subscriptions + SUBSCRIPTION * i)?;
            if self.wait_ns(&wanted, now)? != first {
                continue;
            }
            let mut event = [0; EVENT as usize];
            event[..8].copy_from_slice(&wanted[..8]);
            event[10] = wanted[8];
            event[16] = u8::from(wanted[8] != CLOCK); // bytes, at least
            memory.put(events + EVENT * happened, &event)?;
            happened += 1;
        }
        memory.put32(given.word(3), happened as u32)
    }

    /// Nanoseconds until what a subscription is for, where the clocks show `now`.
    fn wait_ns(&mut self, wanted: &[u8; SUBSCRIPTION as usize], now: [u64; 2]) -> Answer<u64> {
        if wanted[8] > FD_WRITE {
            return fail(INVAL);
        }
        let subject = u32::from_le_bytes([wanted[16], wanted[17], wanted[18], wanted[19]]);
        if wanted[8] != CLOCK {
            let found = self.files.get(subject)?;
            if found.kind() == REGULAR_FILE && wanted[8] == FD_WRITE {
                return fail(PERM);
            }
            let wrong = found.kind() == UNKNOWN && found.is_input() != (wanted[8] == FD_READ);
            return if wrong || found.kind() == DIRECTORY { fail(BADF) } else { Ok(0) };
        }
        let flags = u16::from_le_bytes([wanted[40], wanted[41]]);
        let Some(now) = now.get(subject as usize).filter(|_| flags <= ABSOLUTE) else {
            return fail(INVAL);
        };
        let mut timeout = [0; 8];
        timeout.copy_from_slice(&wanted[24..32]);
        let timeout = u64::from_le_bytes(timeout);
        Ok(if flags == ABSOLUTE { timeout.saturating_sub(*now) } else { timeout })
    }
}
