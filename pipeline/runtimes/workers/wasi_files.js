// What a guest has open, for wasi.js: its input and output, and files in memory below "/", which it can only read.
//
// It needs nothing but the language. ``stdin`` is a Uint8Array; ``contents`` is a Map of a file's name to its
// Uint8Array, or null for a guest without files. What fails throws the number that WASI has for it.
"use strict";

const OK = 0, BADF = 8, INVAL = 28, ISDIR = 31, NAMETOOLONG = 37, NOENT = 44, NOTDIR = 54, ROFS = 69;
const SPIPE = 70, NOTCAPABLE = 76;
const CHARACTER_DEVICE = 2, DIRECTORY = 3, REGULAR_FILE = 4;
const CREAT = 1, ONLY_DIRECTORY = 2, TRUNC = 8;
const READ = 1n << 1n, SEEK = 1n << 2n, TELL = 1n << 5n, WRITE = 1n << 6n, STAT = 1n << 21n;
const ALL_RIGHTS = (1n << 29n) - 1n;
// The descriptor of the folder "/".
const ROOT = 3;

// What would change a file.
const CHANGES = [
  "fd_allocate", "fd_filestat_set_size", "fd_filestat_set_times", "path_create_directory",
  "path_filestat_set_times", "path_link", "path_remove_directory", "path_rename", "path_symlink",
  "path_unlink_file",
];

class Failed {
  constructor(number) {
    this.number = number;
  }
}

const fail = (number) => {
  throw new Failed(number);
};

class Files {
  constructor(stdin, contents) {
    this.contents = contents;
    this.input = { name: null, content: stdin, position: 0 };
    this.opened = new Map();
  }

  // WASI's file type of a descriptor.
  kind(fd) {
    if (fd >= 0 && fd < ROOT) return CHARACTER_DEVICE; // so that a guest does not seek
    if (fd === ROOT && this.contents) return DIRECTORY;
    return this.opened.has(fd) ? REGULAR_FILE : fail(BADF);
  }

  // What a descriptor allows, and the files that are opened by it.
  rights(fd) {
    const kind = this.kind(fd);
    if (kind === REGULAR_FILE) return [READ | SEEK | TELL | STAT, 0n];
    // The folder's: what may be asked of a file in it; to write is refused when one is opened.
    return kind === DIRECTORY ? [ALL_RIGHTS, ALL_RIGHTS] : [fd ? WRITE : READ, 0n];
  }

  file(fd) {
    const kind = this.kind(fd);
    if (kind !== REGULAR_FILE) fail(kind === CHARACTER_DEVICE ? SPIPE : BADF);
    return this.opened.get(fd);
  }

  // The name of the file that a path from a folder leads to; null for a folder.
  find(fd, path) {
    if (this.kind(fd) !== DIRECTORY) fail(NOTDIR);
    if (path.startsWith("/")) fail(NOTCAPABLE);
    const parts = [];
    for (const part of path.split("/")) {
      if (part === "..") {
        if (!parts.length) fail(NOTCAPABLE);
        parts.pop();
      } else if (part !== "" && part !== ".") {
        parts.push(part);
      }
    }
    const name = parts.join("/");
    const known = this.contents.has(name);
    if (known && !path.endsWith("/")) return name;
    if (parts.length && ![...this.contents.keys()].some((key) => key.startsWith(name + "/"))) {
      fail(known ? NOTDIR : NOENT);
    }
    return null;
  }

  // A descriptor of the file that is there, to read.
  open(fd, path, flags, rights) {
    let name;
    try {
      name = this.find(fd, path);
    } catch (error) {
      if (error instanceof Failed && error.number === NOENT && flags & CREAT) fail(ROFS);
      throw error;
    }
    if (name === null) fail(ISDIR);
    if (flags & ONLY_DIRECTORY) fail(NOTDIR);
    if (flags & TRUNC || rights & WRITE) fail(ROFS);
    let free = ROOT + 1;
    while (this.opened.has(free)) free++;
    this.opened.set(free, { name, content: this.contents.get(name), position: 0 });
    return free;
  }

  close(fd) {
    this.kind(fd);
    this.opened.delete(fd);
  }

  // Fill the guest's pieces of memory with what comes next, or with what is at a position, which then does
  // not move; the number of bytes, 0 at the end.
  read(fd, pieces, at) {
    const file = fd === 0 && at === undefined ? this.input : this.file(fd);
    const start = at === undefined ? file.position : at;
    let position = start;
    for (const piece of pieces) {
      const part = file.content.subarray(position, position + piece.length);
      piece.set(part);
      position += part.length;
    }
    if (at === undefined) file.position = position;
    return position - start;
  }

  seek(fd, offset, whence) {
    const file = this.file(fd);
    const from = [0, file.position, file.content.length][whence];
    const position = from + Number(offset);
    if (!(position >= 0)) fail(INVAL);
    return (file.position = position);
  }

  // [file type, a number of its own, size] of a file, or of what else a descriptor stands for.
  status(name, kind) {
    if (name === null) return [kind, 0, 0];
    return [REGULAR_FILE, 1 + [...this.contents.keys()].indexOf(name), this.contents.get(name).length];
  }
}

// The string of bytes in UTF-8; a name that is none fits no file.
function decode(bytes) {
  const text = String.fromCharCode(...bytes);
  try {
    return decodeURIComponent(escape(text));
  } catch {
    return text;
  }
}

// What a guest can ask of its files, over its memory: as wasi.js reads and writes that.
function fileCalls(files, { bytes, set32, set64, vectors }) {
  // No device, one link, and no time.
  function setStatus(at, [kind, inode, size]) {
    bytes(at, 64).fill(0);
    set64(at + 8, BigInt(inode));
    bytes(at + 16, 1)[0] = kind;
    set64(at + 24, 1n);
    set64(at + 32, BigInt(size));
    return OK;
  }

  return {
    ...Object.fromEntries(CHANGES.map((name) => [name, () => ROFS])),
    fd_read(fd, at, count, result) {
      set32(result, files.read(fd, vectors(at, count)));
      return OK;
    },
    fd_pread(fd, at, count, position, result) {
      set32(result, files.read(fd, vectors(at, count), Number(BigInt.asUintN(64, position))));
      return OK;
    },
    fd_fdstat_get(fd, result) {
      const [base, inherited] = files.rights(fd);
      bytes(result, 24).fill(0);
      bytes(result, 1)[0] = files.kind(fd);
      set64(result + 8, base);
      set64(result + 16, inherited);
      return OK;
    },
    fd_fdstat_set_flags: (fd) => (files.kind(fd) ? OK : BADF),
    fd_filestat_get(fd, result) {
      const kind = files.kind(fd);
      return setStatus(result, files.status(kind === REGULAR_FILE ? files.file(fd).name : null, kind));
    },
    fd_seek(fd, offset, whence, result) {
      set64(result, BigInt(files.seek(fd, offset, whence)));
      return OK;
    },
    fd_tell(fd, result) {
      set64(result, BigInt(files.file(fd).position));
      return OK;
    },
    fd_close(fd) {
      files.close(fd);
      return OK;
    },
    // The first descriptor without one ends a guest's search for folders.
    fd_prestat_get(fd, result) {
      if (files.kind(fd) !== DIRECTORY) return BADF;
      set32(result, 0);
      set32(result + 4, 1); // bytes of its name
      return OK;
    },
    fd_prestat_dir_name(fd, name, size) {
      if (files.kind(fd) !== DIRECTORY) return BADF;
      if (size === 0) return NAMETOOLONG;
      bytes(name, 1)[0] = 47; // "/"
      return OK;
    },
    path_open(fd, look, name, size, flags, rights, inherited, how, result) {
      set32(result, files.open(fd, decode(bytes(name, size)), flags, rights));
      return OK;
    },
    path_filestat_get(fd, look, name, size, result) {
      return setStatus(result, files.status(files.find(fd, decode(bytes(name, size))), DIRECTORY));
    },
  };
}

module.exports = { Failed, Files, fileCalls };
