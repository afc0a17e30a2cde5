//! What a guest can ask of its descriptors.

use crate::files::{
    Place, Tree, BADF, DIRECTORY, INVAL, IO, NAMETOOLONG, NOTDIR, NOTSOCK, NOTSUP, PERM, REGULAR_FILE, SPIPE,
    SYNCS, UNKNOWN,
};
use crate::functions::Function;
use crate::memory::{fail, Answer, Checked};
use crate::process::read;
use crate::wasi::{blocks, Arguments, Wasi, BLOCK};

const FILE: &[u8] = &[REGULAR_FILE];
const STORED: &[u8] = &[REGULAR_FILE, DIRECTORY];
/// Of an entry of a folder, before its name.
const ENTRY: usize = 24;

impl Wasi {
    pub(crate) fn of_descriptor(&mut self, function: Function, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        use Function::*;
        let fd = given.word(0);
        match function {
            FdClose => self.files.close(fd),
            FdRenumber => self.files.renumber(fd, given.word(1)),
            FdRead => self.read(given, memory),
            FdPread => self.pread(given, memory),
            FdPwrite => fail(if self.files.get(fd)?.is_output() { SPIPE } else { BADF }),
            FdFdstatGet => self.fdstat(given, memory),
            FdFdstatSetFlags => self.set_flags(fd, given.word(1)),
            FdFilestatGet => {
                let place = self.files.get(fd)?.place.clone();
                put_status(self.tree(), &place, given.word(1), memory)
            }
            FdSeek => self.seek(given, memory),
            FdTell => {
                let position = self.files.seekable(fd)?.position;
                memory.put64(given.word(1), position)
            }
            // The first descriptor without one ends a guest's search for folders.
            FdPrestatGet => {
                if !self.files.get(fd)?.first {
                    return fail(BADF);
                }
                memory.put(given.word(1), &[0, 0, 0, 0, 1, 0, 0, 0]) // a folder, its name has one byte
            }
            FdPrestatDirName => match (self.files.get(fd)?.first, given.word(2)) {
                (false, _) => fail(NOTDIR),
                (true, 0) => fail(NAMETOOLONG),
                (true, _) => memory.put(given.word(1), b"/"),
            },
            FdReaddir => self.list(given, memory),
            _ => self.without_effect(function, given, memory),
        }
    }

    fn without_effect(&mut self, function: Function, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        use Function::*;
        let fd = given.word(0);
        match function {
            FdAdvise => {
                self.fixed(fd, FILE, None)?;
                // Of the length alone, as Wasmtime.
                check_end(0, given.wide(2))
            }
            FdDatasync | FdSync => self.fixed(fd, FILE, None),
            FdAllocate => self.fixed(fd, FILE, Some(NOTSUP)),
            FdFilestatSetSize => self.fixed(fd, FILE, Some(PERM)),
            FdFilestatSetTimes => {
                check_times(given.word(3))?;
                self.fixed(fd, STORED, Some(PERM))
            }
            FdFdstatSetRights => self.fixed(fd, STORED, Some(NOTSUP)),
            SockAccept | SockRecv | SockSend | SockShutdown => {
                self.fixed(fd, &[UNKNOWN, DIRECTORY, REGULAR_FILE], Some(NOTSOCK))
            }
            _ => self.of_path(function, given, memory),
        }
    }

    fn of_path(&mut self, function: Function, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        use Function::*;
        let fd = given.word(0);
        match function {
            PathCreateDirectory | PathRemoveDirectory | PathUnlinkFile => {
                self.changed(&[0], &[1], given, memory)
            }
            PathFilestatSetTimes => {
                check_times(given.word(6))?;
                self.changed(&[0], &[2], given, memory)
            }
            PathLink => self.changed(&[0, 4], &[2, 5], given, memory),
            PathRename => self.changed(&[0, 3], &[1, 4], given, memory),
            PathSymlink => self.changed(&[2], &[0, 3], given, memory),
            PathOpen => {
                let path = memory.text(given.word(2), given.word(3))?;
                let (flags, rights, how) = (given.word(4), given.wide(5), given.word(7));
                let (files, tree) = self.files_and_tree();
                let opened = files.open(tree, fd, path.as_bytes(), flags, rights, how)?;
                memory.put32(given.word(8), opened)
            }
            PathFilestatGet => {
                let folder = self.files.folder(fd)?;
                let place = self.tree().find(&folder, memory.text(given.word(2), given.word(3))?.as_bytes())?;
                put_status(self.tree(), &place, given.word(4), memory)
            }
            PathReadlink => {
                let folder = self.files.folder(fd)?;
                self.tree().find(&folder, memory.text(given.word(1), given.word(2))?.as_bytes())?;
                fail(INVAL) // there are no links
            }
            _ => unreachable!("{function:?} is answered elsewhere"),
        }
    }

    /// Says only whether the descriptor is of one of these kinds, and then this.
    fn fixed(&mut self, fd: u32, kinds: &[u8], answer: Option<i32>) -> Answer<()> {
        self.files.of_kind(fd, kinds)?;
        answer.map_or(Ok(()), fail)
    }

    /// Nothing can be changed; but first come wrong folders and paths, the arguments of these numbers and, of
    /// a path, the one after it.
    fn changed(
        &mut self,
        folders: &[usize],
        paths: &[usize],
        given: &Arguments,
        memory: &Checked,
    ) -> Answer<()> {
        for &number in folders {
            self.fixed(given.word(number), &[DIRECTORY], None)?;
        }
        for &number in paths {
            memory.text(given.word(number), given.word(number + 1))?;
        }
        fail(PERM)
    }

    fn set_flags(&mut self, fd: u32, flags: u32) -> Answer<()> {
        let file = self.files.of_kind(fd, FILE)?;
        if flags & SYNCS != 0 {
            return fail(INVAL);
        }
        file.flags = flags;
        Ok(())
    }

    fn fdstat(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let found = self.files.get(given.word(0))?;
        let mut status = [0; 24];
        status[0] = found.kind();
        status[2] = found.flags as u8;
        status[8..16].copy_from_slice(&found.rights.0.to_le_bytes());
        status[16..].copy_from_slice(&found.rights.1.to_le_bytes());
        memory.put(given.word(1), &status)
    }

    fn seek(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let file = self.files.seekable(given.word(0))?;
        let from = match given.word(2) {
            0 => 0,
            1 => file.position,
            2 => file.content.as_ref().map_or(0, |content| content.len() as u64),
            _ => return fail(INVAL),
        };
        let position = i128::from(from) + i128::from(given.wide(1) as i64);
        if !(0..1 << 63).contains(&position) {
            return fail(INVAL);
        }
        file.position = position as u64;
        memory.put64(given.word(3), position as u64)
    }

    fn read(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let found = self.files.get(given.word(0))?;
        let total = if let Some(content) = &found.content {
            let total = put_content(content, found.position, given, memory)?;
            found.position += u64::from(total);
            total
        } else if found.is_input() {
            self.read_input(given, memory)?
        } else {
            return fail(BADF);
        };
        memory.put32(given.word(3), total)
    }

    /// Until the input has no more at the moment.
    fn read_input(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<u32> {
        let (list, count) = (given.word(1), given.word(2));
        memory.pieces(list, count)?;
        let mut total = 0;
        self.block.resize(BLOCK, 0);
        for number in 0..count {
            let (start, size) = memory.piece(list, number)?;
            for (at, size) in blocks(start, size) {
                let got = read(0, &mut self.block[..size]).or_else(|_| fail(IO))?;
                memory.put(at, &self.block[..got])?;
                total += got as u32;
                if got < size {
                    return Ok(total);
                }
            }
        }
        Ok(total)
    }

    fn pread(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let found = self.files.get(given.word(0))?;
        let Some(content) = &found.content else {
            return fail(if found.is_input() { SPIPE } else { BADF });
        };
        let total = put_content(content, given.wide(3), given, memory)?;
        memory.put32(given.word(4), total)
    }

    /// As many entries as there is room for, the last one cut off.
    fn list(&mut self, given: &Arguments, memory: &mut Checked) -> Answer<()> {
        let folder = self.files.folder(given.word(0))?;
        let (buffer, size, cookie) = (given.word(1), given.word(2) as usize, given.wide(3));
        let mut bytes = Vec::new();
        for (number, (name, inode, kind)) in self.tree().list(&folder).iter().enumerate() {
            if (number as u64) < cookie || bytes.len() >= size {
                continue;
            }
            let mut entry = [0; ENTRY];
            entry[..8].copy_from_slice(&(number as u64 + 1).to_le_bytes());
            entry[8..16].copy_from_slice(&inode.to_le_bytes());
            entry[16..20].copy_from_slice(&(name.len() as u32).to_le_bytes());
            entry[20] = *kind;
            bytes.extend_from_slice(&entry);
            bytes.extend_from_slice(name);
        }
        bytes.truncate(size);
        memory.put(buffer, &bytes)?;
        memory.put32(given.word(4), bytes.len() as u32)
    }
}

/// Fill the pieces of memory that a call names with a file's content from there on; how many bytes that was.
fn put_content(content: &[u8], from: u64, given: &Arguments, memory: &mut Checked) -> Answer<u32> {
    let (list, count) = (given.word(1), given.word(2));
    check_end(from, memory.pieces(list, count)?)?;
    let mut rest = content.get(from as usize..).unwrap_or_default();
    let mut total = 0;
    for number in 0..count {
        let (start, size) = memory.piece(list, number)?;
        let (part, after) = rest.split_at(size.min(rest.len()));
        memory.put(start, part)?;
        total += part.len() as u32;
        rest = after;
    }
    Ok(total)
}

/// No file has bytes beyond the highest number of 63 bits.
fn check_end(from: u64, size: u64) -> Answer<()> {
    match from.checked_add(size) {
        Some(end) if end < 1 << 63 => Ok(()),
        _ => fail(INVAL),
    }
}

/// Each time, the last of access and the last of change, is set to a time or to now.
fn check_times(flags: u32) -> Answer<()> {
    let both = |of_one: u32| flags & of_one == of_one;
    if both(1 | 2) || both(4 | 8) {
        return fail(INVAL);
    }
    Ok(())
}

/// No device, one link, and no time.
fn put_status(tree: &Tree, place: &Place, at: u32, memory: &mut Checked) -> Answer<()> {
    let mut status = [0; 64];
    if place.kind != UNKNOWN {
        status[0] = 1;
        status[8..16].copy_from_slice(&tree.inode(place).to_le_bytes());
        status[16] = place.kind;
        status[24] = 1;
        status[32..40].copy_from_slice(&tree.size(place).to_le_bytes());
    }
    memory.put(at, &status)
}
