//! A guest's memory as a host gives it, and what ends a guest.

use crate::files::{ILSEQ, NOMEM};

/// Why a guest did not return by itself.
#[derive(Debug)]
pub enum Stop {
    /// It ended itself with this status.
    Exit(u32),
    /// It was stopped, in the first of these functions, which the others called.
    Trap { message: String, backtrace: Vec<String> },
}

impl Stop {
    pub fn trap(message: impl Into<String>) -> Stop {
        Stop::Trap { message: message.into(), backtrace: Vec::new() }
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::Exit(code) => write!(to, "exit status {code}"),
            Stop::Trap { message, .. } => to.write_str(message),
        }
    }
}

impl std::error::Error for Stop {}

/// The linear memory of a guest. `at` and the size are always within it.
pub trait Memory {
    /// In bytes.
    fn size(&self) -> usize;
    fn read(&self, at: usize, into: &mut [u8]);
    fn write(&mut self, at: usize, from: &[u8]);
}

/// The memory of an engine that shows all of it.
pub struct Slice<'a>(pub &'a mut [u8]);

impl Memory for Slice<'_> {
    fn size(&self) -> usize {
        self.0.len()
    }
    fn read(&self, at: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.0[at..at + into.len()]);
    }
    fn write(&mut self, at: usize, from: &[u8]) {
        self.0[at..at + from.len()].copy_from_slice(from);
    }
}

/// A call of WASI that failed: with a number for the guest, or by ending it.
pub(crate) enum Failure {
    Number(i32),
    Stop(Stop),
}

pub(crate) type Answer<T> = Result<T, Failure>;

pub(crate) fn fail<T>(number: i32) -> Answer<T> {
    Err(Failure::Number(number))
}

/// A guest's memory, where a pointer outside of it is a trap.
pub(crate) struct Checked<'a>(pub &'a mut dyn Memory);

impl Checked<'_> {
    /// Where these bytes are; an address is wider than the guest's, so that no sum of them starts again at 0.
    pub fn range(&self, at: impl Into<u64>, size: usize) -> Answer<usize> {
        let at = at.into() as usize;
        match at.checked_add(size) {
            Some(end) if end <= self.0.size() => Ok(at),
            _ => Err(Failure::Stop(Stop::trap("a call of WASI names memory that the guest does not have"))),
        }
    }
    pub fn put(&mut self, at: impl Into<u64>, bytes: &[u8]) -> Answer<()> {
        let at = self.range(at, bytes.len())?;
        self.0.write(at, bytes);
        Ok(())
    }
    pub fn put32(&mut self, at: impl Into<u64>, value: u32) -> Answer<()> {
        self.put(at, &value.to_le_bytes())
    }
    pub fn put64(&mut self, at: impl Into<u64>, value: u64) -> Answer<()> {
        self.put(at, &value.to_le_bytes())
    }
    pub fn get<const N: usize>(&self, at: impl Into<u64>) -> Answer<[u8; N]> {
        let mut bytes = [0; N];
        let at = self.range(at, N)?;
        self.0.read(at, &mut bytes);
        Ok(bytes)
    }
    /// A copy of so many bytes, which are a text.
    pub fn text(&self, at: u32, size: u32) -> Answer<String> {
        let mut bytes = Vec::new();
        self.range(at, size as usize)?;
        // A guest may name more than this process may have.
        bytes.try_reserve_exact(size as usize).or_else(|_| fail(NOMEM))?;
        self.append(at, size as usize, &mut bytes)?;
        String::from_utf8(bytes).or_else(|_| fail(ILSEQ))
    }
    /// Put these bytes at the end of `into`.
    pub fn append(&self, at: impl Into<u64>, size: usize, into: &mut Vec<u8>) -> Answer<()> {
        let (at, start) = (self.range(at, size)?, into.len());
        into.resize(start + size, 0);
        self.0.read(at, &mut into[start..]);
        Ok(())
    }
    /// How many bytes the pieces of memory have that a list names, each within the memory.
    pub fn pieces(&self, list: u32, count: u32) -> Answer<u64> {
        self.range(list, count as usize * 8)?;
        (0..count).try_fold(0, |total, number| Ok(total + self.piece(list, number)?.1 as u64))
    }
    /// (start, size) of one of them. They are read one by one, as a guest may name very many.
    pub fn piece(&self, list: u32, number: u32) -> Answer<(u64, usize)> {
        let [a, b, c, d, size @ ..] = self.get::<8>(u64::from(list) + 8 * u64::from(number))?;
        let (start, size) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(size) as usize);
        self.range(start, size)?;
        Ok((start.into(), size))
    }
}
