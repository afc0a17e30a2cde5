//! WASI preview 1 for one run of a guest.

use crate::bench::TimedPart;
use crate::clock::Clock;
use crate::files::{Files, Inputs, Tree, INVAL, IO, NOTSUP, OK};
use crate::functions::Function;
use crate::memory::{fail, Answer, Checked, Failure, Memory, Stop};
use crate::process::{monotonic_ns, process_cpu_ns, random, realtime_ns, thread_cpu_ns, write_all};
use crate::protocol::Facts;
use std::sync::Arc;

/// Bytes that are passed on at a time: what a guest names may be more than this process may have.
pub(crate) const BLOCK: usize = 1 << 16;

/// What a guest may ask for: arguments, environment, the time, random bytes, input, outputs and files.
pub struct Wasi {
    /// The part of the run that the guest says is timed.
    pub part: TimedPart,
    calls: u64,
    clock: Option<Clock>, // in place of the machine's
    pub(crate) files: Files,
    inputs: Arc<Inputs>,
    nothing: Tree,
    arguments: Vec<Vec<u8>>,
    environment: Vec<Vec<u8>>,
    /// Kept from call to call, so that none is made anew for each.
    pub(crate) block: Vec<u8>,
}

/// The arguments of a call: an i32 is the low half of one.
pub(crate) struct Arguments<'a>(&'a [u64]);

impl Arguments<'_> {
    pub fn word(&self, number: usize) -> u32 {
        self.0[number] as u32
    }
    pub fn wide(&self, number: usize) -> u64 {
        self.0[number]
    }
}

impl Wasi {
    /// Its clocks are those of the machine, or this one.
    pub fn new(arguments: &[String], inputs: &Arc<Inputs>, clock: Option<Clock>) -> Wasi {
        let with_end = |texts: &[String]| texts.iter().map(|text| [text.as_bytes(), b"\0"].concat()).collect();
        Wasi {
            part: TimedPart::default(),
            calls: 0,
            clock,
            files: Files::new(inputs),
            inputs: inputs.clone(),
            nothing: Tree::default(),
            arguments: with_end(arguments),
            environment: with_end(&inputs.environment),
            block: Vec::new(),
        }
    }

    /// Its answer, the number of an error or 0, to a call of the guest that owns the memory.
    ///
    /// There are as many arguments as the function has parameters; an i32 is the low half of one.
    pub fn call(&mut self, function: Function, arguments: &[u64], memory: &mut dyn Memory) -> Result<i32, Stop> {
        self.calls += 1;
        match self.answer(function, &Arguments(arguments), &mut Checked(memory)) {
            Ok(()) => Ok(OK),
            Err(Failure::Number(number)) => Ok(number),
            Err(Failure::Stop(stop)) => Err(stop),
        }
    }

    /// Note what is known of the run, which is over: the facts "wasi_calls", "bench_seconds" and "returned".
    pub fn note(&self, facts: &mut Facts) {
        facts.insert("wasi_calls".into(), self.calls.into());
        if let Some(seconds) = self.part.seconds() {
            facts.insert("bench_seconds".into(), seconds.into());
        }
        if let Some(clock) = &self.clock {
            clock.returned(f32::NAN, facts);
        }
    }

    fn answer(&mut self, function: Function, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        use Function::*;
        match function {
            FdWrite => self.write(given, memory),
            ClockTimeGet => {
                let id = given.word(0);
                let machine = clock(id)?;
                let now = self.clock.as_mut().map_or(machine, |own| own.shown_ns(id));
                memory.put64(given.word(2), now)
            }
            ClockResGet => {
                clock(given.word(0))?;
                memory.put64(given.word(1), 1)
            }
            ArgsGet => put_texts(&self.arguments, given, memory),
            ArgsSizesGet => put_sizes(&self.arguments, given, memory),
            EnvironGet => put_texts(&self.environment, given, memory),
            EnvironSizesGet => put_sizes(&self.environment, given, memory),
            RandomGet => self.random(given, memory),
            SchedYield => Ok(()),
            ProcRaise => fail(NOTSUP),
            ProcExit => Err(Failure::Stop(Stop::Exit(given.word(0)))),
            PollOneoff => self.poll(given, memory),
            _ => self.of_descriptor(function, given, memory),
        }
    }

    pub(crate) fn tree(&self) -> &Tree {
        self.inputs.files.as_ref().unwrap_or(&self.nothing)
    }

    /// The files and the tree that they are of.
    pub(crate) fn files_and_tree(&mut self) -> (&mut Files, &Tree) {
        (&mut self.files, self.inputs.files.as_ref().unwrap_or(&self.nothing))
    }

    fn write(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let host = self.files.output(given.word(0))?;
        let (list, count) = (given.word(1), given.word(2));
        let total = memory.pieces(list, count)?;
        self.block.clear();
        for number in 0..count {
            let (start, size) = memory.piece(list, number)?;
            for (at, size) in blocks(start, size) {
                if self.block.len() + size > BLOCK {
                    self.flush(host)?;
                }
                memory.append(at, size, &mut self.block)?;
            }
        }
        self.flush(host)?;
        memory.put32(given.word(3), total as u32)
    }

    fn flush(&mut self, host: i32) -> Answer<()> {
        // The file may be as large as the parent allows.
        write_all(host, &self.block).or_else(|_| fail(IO))?;
        self.block.clear();
        Ok(())
    }

    fn random(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let (start, size) = (given.word(0), given.word(1) as usize);
        memory.range(start, size)?;
        for (at, size) in blocks(start.into(), size) {
            self.block.resize(size, 0);
            random(&mut self.block).or_else(|_| fail(IO))?;
            memory.put(at, &self.block)?;
        }
        Ok(())
    }
}

/// (start, size) of each block of so many bytes.
pub(crate) fn blocks(start: u64, size: usize) -> impl Iterator<Item = (u64, usize)> {
    (0..size).step_by(BLOCK).map(move |at| (start + at as u64, BLOCK.min(size - at)))
}

/// What a clock shows, ns.
fn clock(id: u32) -> Answer<u64> {
    match id {
        0 => Ok(realtime_ns()),
        1 => Ok(monotonic_ns()),
        2 => Ok(process_cpu_ns()),
        3 => Ok(thread_cpu_ns()),
        _ => fail(INVAL),
    }
}

fn put_sizes(texts: &[Vec<u8>], given: &Arguments, memory: &mut Checked) -> Answer<()> {
    memory.put32(given.word(0), texts.len() as u32)?;
    memory.put32(given.word(1), texts.iter().map(Vec::len).sum::<usize>() as u32)
}

fn put_texts(texts: &[Vec<u8>], given: &Arguments, memory: &mut Checked) -> Answer<()> {
    let (mut pointer, mut at) = (u64::from(given.word(0)), u64::from(given.word(1)));
    for text in texts {
        memory.put32(pointer, at as u32)?;
        memory.put(at, text)?;
        pointer += 4;
        at += text.len() as u64;
    }
    Ok(())
}
