//! A guest's memory as a host gives it, and what ends a guest.

use std::ops::Range;

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
    fn range(&self, at: u32, size: usize) -> Answer<usize> {
        match (at as usize).checked_add(size) {
            Some(end) if end <= self.0.size() => Ok(at as usize),
            _ => Err(Failure::Stop(Stop::trap("a call of WASI names memory that the guest does not have"))),
        }
    }
    pub fn put(&mut self, at: u32, bytes: &[u8]) -> Answer<()> {
        let at = self.range(at, bytes.len())?;
        self.0.write(at, bytes);
        Ok(())
    }
    pub fn put32(&mut self, at: u32, value: u32) -> Answer<()> {
        self.put(at, &value.to_le_bytes())
    }
    pub fn put64(&mut self, at: u32, value: u64) -> Answer<()> {
        self.put(at, &value.to_le_bytes())
    }
    pub fn get<const N: usize>(&self, at: u32) -> Answer<[u8; N]> {
        let mut bytes = [0; N];
        let at = self.range(at, N)?;
        self.0.read(at, &mut bytes);
        Ok(bytes)
    }
    pub fn get32(&self, at: u32) -> Answer<u32> {
        Ok(u32::from_le_bytes(self.get(at)?))
    }
    /// A copy of so many bytes.
    pub fn bytes(&self, at: u32, size: u32) -> Answer<Vec<u8>> {
        let at = self.range(at, size as usize)?;
        let mut bytes = vec![0; size as usize];
        self.0.read(at, &mut bytes);
        Ok(bytes)
    }
    /// Put the bytes that these are at the end of `into`.
    pub fn append(&self, piece: Range<u32>, into: &mut Vec<u8>) {
        let start = into.len();
        into.resize(start + piece.len(), 0);
        self.0.read(piece.start as usize, &mut into[start..]);
    }
    /// The pieces of memory that a list of them names, each within the memory.
    pub fn pieces(&self, at: u32, count: u32, into: &mut Vec<Range<u32>>) -> Answer<()> {
        self.range(at, count as usize * 8)?;
        into.clear();
        for i in 0..count {
            let start = self.get32(at + 8 * i)?;
            let size = self.get32(at + 8 * i + 4)?;
            self.range(start, size as usize)?;
            into.push(start..start + size);
        }
        Ok(())
    }
}
