//! What this process asks of the kernel.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::io::{FromRawFd, IntoRawFd, RawFd};
use std::time::Duration;

/// Nanoseconds of the system's monotonic clock.
pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

pub(crate) fn realtime_ns() -> u64 {
    clock_ns(libc::CLOCK_REALTIME)
}

pub(crate) fn process_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

pub(crate) fn thread_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What this process has used so far.
pub(crate) struct Usage {
    pub cpu: Duration,
    pub system: Duration,
    pub page_faults: u64,
}

pub(crate) fn usage() -> Usage {
    // SAFETY: all zeros are a valid rusage, which the call fills in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    Usage {
        cpu: Duration::from_nanos(clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)),
        system: Duration::new(usage.ru_stime.tv_sec as u64, usage.ru_stime.tv_usec as u32 * 1000),
        page_faults: (usage.ru_minflt + usage.ru_majflt) as u64,
    }
}

/// How many pages the kernel has given this process so far, at their first use.
pub fn page_faults() -> u64 {
    usage().page_faults
}

/// Writing beyond the parent's limit of a file's size is an error, and not the end of this process.
pub(crate) fn ignore_file_limit() {
    // SAFETY: no handler is set.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// A second descriptor of the same file.
pub(crate) fn duplicate(descriptor: RawFd) -> io::Result<File> {
    // SAFETY: the new descriptor belongs to the File alone.
    unsafe { checked(libc::dup(descriptor) as isize).map(|made| File::from_raw_fd(made as RawFd)) }
}

/// Make a file this descriptor.
pub(crate) fn place(file: File, descriptor: RawFd) -> io::Result<()> {
    let opened = file.into_raw_fd();
    // SAFETY: `opened` was given up by its File, and is closed once.
    unsafe {
        let outcome = checked(libc::dup2(opened, descriptor) as isize);
        libc::close(opened);
        outcome.map(|_| ())
    }
}

/// A file in memory.
pub(crate) fn memory_file() -> io::Result<File> {
    // SAFETY: the name ends with a zero, and the new descriptor belongs to the File alone.
    unsafe {
        let made = libc::memfd_create(b"guest-output\0".as_ptr().cast(), 0);
        checked(made as isize).map(|made| File::from_raw_fd(made as RawFd))
    }
}

/// The size of the file behind a descriptor; None where that is no file.
pub(crate) fn file_size(descriptor: RawFd) -> Option<u64> {
    let status = duplicate(descriptor).and_then(|file| file.metadata()).ok()?;
    (status.mode() & libc::S_IFMT == libc::S_IFREG).then(|| status.len())
}

/// The file has this size, and what is written next comes at its end.
pub(crate) fn cut(descriptor: RawFd, size: u64) {
    // SAFETY: numbers only.
    unsafe {
        libc::ftruncate(descriptor, size as libc::off_t);
        libc::lseek(descriptor, size as libc::off_t, libc::SEEK_SET);
    }
}

/// At most so many bytes of a file, from a place on.
pub(crate) fn content(descriptor: RawFd, from: u64, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = [0; 1 << 16];
    while bytes.len() < most {
        let size = block.len().min(most - bytes.len());
        let at = (from + bytes.len() as u64) as libc::off_t;
        // SAFETY: the block has `size` bytes.
        let got = unsafe { libc::pread(descriptor, block.as_mut_ptr().cast(), size, at) };
        if got <= 0 {
            break;
        }
        bytes.extend_from_slice(&block[..got as usize]);
    }
    bytes
}

/// Read what comes next; the number of bytes, 0 at the end.
pub(crate) fn read(descriptor: RawFd, into: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the slice has these bytes.
    checked(unsafe { libc::read(descriptor, into.as_mut_ptr().cast(), into.len()) })
}

/// Write all of it.
pub(crate) fn write_all(descriptor: RawFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the slice has these bytes.
        let done = checked(unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) })?;
        bytes = &bytes[done..];
    }
    Ok(())
}

/// Fill it with random bytes.
pub(crate) fn random(mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        // SAFETY: the slice has these bytes.
        let got = checked(unsafe { libc::getrandom(into.as_mut_ptr().cast(), into.len(), 0) })?;
        into = &mut into[got..];
    }
    Ok(())
}

/// Have each guest's memory mapped for itself, also after one was freed: for engines that allocate it.
///
/// Otherwise a memory that is freed raises the size from which the C library maps, and the next one comes from its
/// heap: pages are written with zeros before the guest runs, and copied when the memory grows.
pub fn map_memories() {
    #[cfg(target_env = "gnu")]
    // SAFETY: numbers only.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
    }
}

fn checked(outcome: isize) -> io::Result<usize> {
    usize::try_from(outcome).map_err(|_| io::Error::last_os_error())
}

/// Executable memory of this process that is no part of a file, in bytes: what a compiler made.
pub fn executable_bytes() -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().map(|line| anonymous_executable(line).unwrap_or(0)).sum()
}

fn anonymous_executable(line: &str) -> Option<u64> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let permissions = words.next()?;
    let path = words.nth(3);
    if !permissions.contains('x') || path.is_some() {
        return None;
    }
    Some(u64::from_str_radix(end, 16).ok()? - u64::from_str_radix(start, 16).ok()?)
}
