//! What a guest has open: its input and outputs, and files in memory below "/", which it can only read.
//!
//! All answers are those of Wasmtime, with a folder that is read-only: tests/contract/test_wasi.py.

use crate::memory::{fail, Answer};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;

pub(crate) const OK: i32 = 0;
pub(crate) const BADF: i32 = 8;
pub(crate) const ILSEQ: i32 = 25;
pub(crate) const INVAL: i32 = 28;
pub(crate) const IO: i32 = 29;
pub(crate) const NAMETOOLONG: i32 = 37;
pub(crate) const NOENT: i32 = 44;
pub(crate) const NOMEM: i32 = 48;
pub(crate) const NOTDIR: i32 = 54;
pub(crate) const NOTSOCK: i32 = 57;
pub(crate) const NOTSUP: i32 = 58;
pub(crate) const PERM: i32 = 63;
pub(crate) const SPIPE: i32 = 70;

/// Standard input and outputs are files of a kind that WASI has no number for: no guest sees a terminal.
pub(crate) const UNKNOWN: u8 = 0;
pub(crate) const DIRECTORY: u8 = 3;
pub(crate) const REGULAR_FILE: u8 = 4;

const CREAT: u32 = 1;
const ONLY_DIRECTORY: u32 = 2;
const TRUNC: u32 = 8;
const APPEND_NONBLOCK: u32 = 1 | 4;
pub(crate) const SYNCS: u32 = 2 | 8 | 16;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
/// Of a file, of a folder that was opened, and of the folder "/" with what is opened by it.
const FILE_RIGHTS: (u64, u64) = (0x3fff_ffbf, 0x3fff_ffbf);
const FOLDER_RIGHTS: (u64, u64) = (0x3fb7_ffbb, 0x3fb7_ffbb);
const ROOT_RIGHTS: (u64, u64) = (0x07b7_fe00, 0x0ff7_ffff);
/// Bytes of a path with the 0 at its end, and of a part of one: those of the system on which Wasmtime runs.
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;

/// What all runs of a guest are given: the files below a folder, and its environment.
#[derive(Default)]
pub struct Inputs {
    pub(crate) files: Option<Tree>,
    /// "NAME=VALUE" of each.
    pub(crate) environment: Vec<String>,
}

/// Regular files by their path below the folder, and what is in each folder; the folder itself is "".
#[derive(Default)]
pub(crate) struct Tree {
    contents: BTreeMap<Vec<u8>, Arc<[u8]>>,
    folders: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, u8>>,
}

impl Tree {
    /// Links are no files of the folder, wherever they lead.
    pub fn read(folder: &Path) -> io::Result<Tree> {
        let mut tree = Tree::default();
        tree.folders.insert(Vec::new(), BTreeMap::new());
        tree.take(folder, b"")?;
        Ok(tree)
    }

    fn take(&mut self, place: &Path, above: &[u8]) -> io::Result<()> {
        for entry in std::fs::read_dir(place)? {
            let entry = entry?;
            let (kind, name) = (entry.file_type()?, entry.file_name().into_vec());
            let path = joined(above, &name);
            if kind.is_dir() {
                self.take(&entry.path(), &path)?;
            } else if kind.is_file() {
                self.contents.insert(path.clone(), std::fs::read(entry.path())?.into());
                self.note(&path);
            }
        }
        Ok(())
    }

    /// The folders of a file.
    fn note(&mut self, path: &[u8]) {
        let (mut name, mut kind) = (path, REGULAR_FILE);
        loop {
            let cut = name.iter().rposition(|&byte| byte == b'/');
            let (above, last) = cut.map_or((&b""[..], name), |at| (&name[..at], &name[at + 1..]));
            self.folders.entry(above.to_vec()).or_default().insert(last.to_vec(), kind);
            if above.is_empty() {
                return;
            }
            (name, kind) = (above, DIRECTORY);
        }
    }

    /// A number of its own for each file and folder.
    pub fn inode(&self, place: &Place) -> u64 {
        let (number, step) = match place.kind {
            DIRECTORY => (self.folders.keys().position(|name| *name == place.name), 1),
            _ => (self.contents.keys().position(|name| *name == place.name), 2),
        };
        2 * number.unwrap_or(0) as u64 + step
    }

    pub fn size(&self, place: &Place) -> u64 {
        match place.kind {
            REGULAR_FILE => self.contents.get(&place.name).map_or(0, |content| content.len() as u64),
            _ => 0,
        }
    }

    /// (name, inode, kind) of all that is in a folder.
    pub fn list(&self, folder: &[u8]) -> Vec<(Vec<u8>, u64, u8)> {
        let own = self.inode(&Place { name: folder.to_vec(), kind: DIRECTORY });
        let mut found = vec![(b".".to_vec(), own, DIRECTORY), (b"..".to_vec(), own, DIRECTORY)];
        for (name, &kind) in &self.folders[folder] {
            let place = Place { name: joined(folder, name), kind };
            found.push((name.clone(), self.inode(&place), kind));
        }
        found
    }

    /// What a path from a folder leads to, part by part.
    pub fn find(&self, folder: &[u8], path: &[u8]) -> Answer<Place> {
        if path.is_empty() {
            return fail(NOENT);
        }
        if path.contains(&0) {
            return fail(INVAL);
        }
        if path.len() >= LONGEST_PATH {
            return fail(NAMETOOLONG);
        }
        if path[0] == b'/' {
            return fail(PERM);
        }
        let mut parts: Vec<&[u8]> = Vec::new();
        let whole = |parts: &[&[u8]]| parts.iter().fold(folder.to_vec(), |above, part| joined(&above, part));
        for (number, word) in path.split(|&byte| byte == b'/').enumerate() {
            let (here, plain) = (whole(&parts), word.is_empty() || word == b".");
            if !self.folders.contains_key(&here) && !(plain && number == 0) {
                return fail(if self.contents.contains_key(&here) { NOTDIR } else { NOENT });
            }
            if word.len() > LONGEST_NAME {
                return fail(NAMETOOLONG);
            }
            if word == b".." {
                if parts.pop().is_none() {
                    return fail(PERM);
                }
            } else if !plain {
                parts.push(word);
            }
        }
        let name = whole(&parts);
        match (self.folders.contains_key(&name), self.contents.contains_key(&name)) {
            (true, _) => Ok(Place { name, kind: DIRECTORY }),
            (_, true) => Ok(Place { name, kind: REGULAR_FILE }),
            _ => fail(NOENT),
        }
    }
}

fn joined(above: &[u8], name: &[u8]) -> Vec<u8> {
    if above.is_empty() {
        return name.to_vec();
    }
    [above, b"/", name].concat()
}

/// A file or a folder of the tree.
#[derive(Clone, Default)]
pub(crate) struct Place {
    pub name: Vec<u8>,
    pub kind: u8,
}

/// What one number of the guest's stands for.
#[derive(Clone, Default)]
pub(crate) struct Descriptor {
    pub place: Place,
    pub rights: (u64, u64),
    /// This process's own, of input and outputs.
    pub host: i32,
    /// Of a regular file.
    pub content: Option<Arc<[u8]>>,
    pub position: u64,
    pub flags: u32,
    /// The folder that is there from the start.
    pub first: bool,
}

impl Descriptor {
    pub fn kind(&self) -> u8 {
        self.place.kind
    }
    pub fn is_input(&self) -> bool {
        self.kind() == UNKNOWN && self.host == 0
    }
    pub fn is_output(&self) -> bool {
        self.kind() == UNKNOWN && self.host > 0
    }
}

/// The descriptors of one run.
pub(crate) struct Files {
    opened: Vec<Option<Descriptor>>,
}

impl Files {
    pub fn new(inputs: &Inputs) -> Files {
        let standard = [(0, READ), (1, WRITE), (2, WRITE)];
        let opened = standard.map(|(host, right)| {
            Some(Descriptor { host, rights: (right, right), ..Descriptor::default() })
        });
        let mut files = Files { opened: opened.into() };
        if inputs.files.is_some() {
            let place = Place { name: Vec::new(), kind: DIRECTORY };
            files.add(Descriptor { place, rights: ROOT_RIGHTS, first: true, ..Descriptor::default() });
        }
        files
    }

    pub fn get(&mut self, fd: u32) -> Answer<&mut Descriptor> {
        match self.opened.get_mut(fd as usize) {
            Some(Some(found)) => Ok(found),
            _ => fail(BADF),
        }
    }

    /// One of these kinds.
    pub fn of_kind(&mut self, fd: u32, kinds: &[u8]) -> Answer<&mut Descriptor> {
        let found = self.get(fd)?;
        if !kinds.contains(&found.kind()) {
            return fail(BADF);
        }
        Ok(found)
    }

    /// The name of a folder.
    pub fn folder(&mut self, fd: u32) -> Answer<Vec<u8>> {
        Ok(self.of_kind(fd, &[DIRECTORY])?.place.name.clone())
    }

    /// A file in which there are positions.
    pub fn seekable(&mut self, fd: u32) -> Answer<&mut Descriptor> {
        let found = self.get(fd)?;
        match found.kind() {
            REGULAR_FILE => Ok(found),
            UNKNOWN => fail(SPIPE),
            _ => fail(BADF),
        }
    }

    /// This process's own descriptor to which a guest's writes.
    pub fn output(&mut self, fd: u32) -> Answer<i32> {
        let found = self.get(fd)?;
        if !found.is_output() {
            return fail(BADF);
        }
        Ok(found.host)
    }

    /// The number of a descriptor: the highest that was closed, or a new one.
    fn add(&mut self, descriptor: Descriptor) -> u32 {
        let free = self.opened.iter().rposition(Option::is_none).unwrap_or_else(|| {
            self.opened.push(None);
            self.opened.len() - 1
        });
        self.opened[free] = Some(descriptor);
        free as u32
    }

    pub fn close(&mut self, fd: u32) -> Answer<()> {
        self.get(fd)?;
        self.opened[fd as usize] = None;
        Ok(())
    }

    pub fn renumber(&mut self, from: u32, to: u32) -> Answer<()> {
        self.get(to)?;
        let moved = self.get(from)?.clone();
        self.opened[from as usize] = None;
        self.opened[to as usize] = Some(moved);
        Ok(())
    }

    /// A descriptor of the file or folder that is there, to read.
    pub fn open(&mut self, tree: &Tree, fd: u32, path: &[u8], flags: u32, rights: u64, how: u32) -> Answer<u32> {
        let from = self.get(fd)?;
        match from.kind() {
            DIRECTORY => {}
            REGULAR_FILE => return fail(NOTDIR),
            _ => return fail(BADF),
        }
        if how & SYNCS != 0 {
            return fail(NOTSUP);
        }
        if flags & (CREAT | TRUNC) != 0 || rights & WRITE != 0 {
            return fail(PERM);
        }
        let place = tree.find(&from.place.name, path)?;
        if place.kind == DIRECTORY {
            return Ok(self.add(Descriptor { place, rights: FOLDER_RIGHTS, ..Descriptor::default() }));
        }
        if flags & ONLY_DIRECTORY != 0 {
            return fail(NOTDIR);
        }
        let (content, flags) = (tree.contents.get(&place.name).cloned(), how & APPEND_NONBLOCK);
        Ok(self.add(Descriptor { place, rights: FILE_RIGHTS, content, flags, ..Descriptor::default() }))
    }
}
