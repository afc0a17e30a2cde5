// What a guest has open, for wasi.js: its input and outputs, and files in memory below "/", which it can only read.
//
// It needs nothing but the language. ``stdin`` is a Uint8Array; ``contents`` is a Map of a file's name to its
// Uint8Array, or null for a guest without files. What fails throws the number that WASI has for it. All answers
// are those of Wasmtime, with a folder that is read-only: tests/contract/test_wasi.py.
"use strict";

const OK = 0, BADF = 8, ILSEQ = 25, INVAL = 28, MFILE = 33, NAMETOOLONG = 37, NOENT = 44, NOTDIR = 54;
const NOTSOCK = 57, NOTSUP = 58, PERM = 63, SPIPE = 70;
// Standard input and outputs are pipes or files, of a kind that WASI has no number for: no guest sees a terminal.
const UNKNOWN = 0, DIRECTORY = 3, REGULAR_FILE = 4;
const CREAT = 1, ONLY_DIRECTORY = 2, TRUNC = 8;
const APPEND = 1, NONBLOCK = 4, SYNCS = 2 | 8 | 16, FLAGS = APPEND | NONBLOCK | SYNCS;
const READ = 1n << 1n, WRITE = 1n << 6n;
// Of a file, of a folder that was opened, and of the folder "/" with what is opened by it.
const FILE_RIGHTS = 0x3fffffbfn, FOLDER_RIGHTS = 0x3fb7ffbbn, ROOT_RIGHTS = 0x7b7fe00n, BELOW_ROOT = 0xff7ffffn;

// Descriptors at a time, and bytes of a path and of a part of it, at most.
const MOST_OPEN = 256, LONGEST_PATH = 4095, LONGEST_PART = 255;
// The last position.
const LAST = (1n << 63n) - 1n;

// Copy so many bytes. Few of them one by one: an array that shows a part of the first costs more.
function copy(from, start, count, to, at) {
  if (count > 128) return void to.set(from.subarray(start, start + count), at);
  for (let i = 0; i < count; i++) to[at + i] = from[start + i];
}

class Failed {
  constructor(number) {
    this.number = number;
  }
}

const fail = (number) => {
  throw new Failed(number);
};

// A string in UTF-8, a character a byte, without TextEncoder, which is no part of the language.
const utf8 = (text) => unescape(encodeURIComponent(text));
const encode = (text) => Uint8Array.from(utf8(text), (c) => c.charCodeAt(0));

// The string of bytes in UTF-8. In pieces, of whole characters: calls take only so many arguments.
function decode(bytes) {
  let text = "";
  for (let at = 0, end; at < bytes.length; at = end) {
    end = Math.min(at + 4096, bytes.length);
    while (end > at + 1 && (bytes[end] & 0xc0) === 0x80) end--;
    const piece = String.fromCharCode(...bytes.subarray(at, end));
    try {
      text += decodeURIComponent(escape(piece));
    } catch {
      fail(ILSEQ);
    }
  }
  return text;
}

// Of contents: a Map of the name of each folder to a Map of what is in it, {name: kind}. The guest's "/" is "".
const trees = new WeakMap();

function treeOf(contents) {
  let tree = trees.get(contents);
  if (tree) return tree;
  trees.set(contents, (tree = new Map([["", new Map()]])));
  for (const name of [...contents.keys()].sort()) {
    const parts = name.split("/");
    let folder = "";
    parts.forEach((part, i) => {
      const last = i === parts.length - 1;
      tree.get(folder).set(part, last ? REGULAR_FILE : DIRECTORY);
      folder = folder ? `${folder}/${part}` : part;
      if (!last && !tree.has(folder)) tree.set(folder, new Map());
    });
  }
  return tree;
}

class Files {
  constructor(stdin, outputs, contents) {
    this.contents = contents || new Map();
    this.tree = treeOf(this.contents);
    const [output, errors] = outputs;
    this.opened = [
      { kind: UNKNOWN, content: stdin, position: 0, rights: [READ, READ] },
      { kind: UNKNOWN, output, rights: [WRITE, WRITE] },
      { kind: UNKNOWN, output: errors, rights: [WRITE, WRITE] },
    ];
    if (contents) this.add({ kind: DIRECTORY, name: "", first: true, rights: [ROOT_RIGHTS, BELOW_ROOT] });
  }

  get(fd) {
    return this.opened[fd] || fail(BADF);
  }

  // A regular file, a folder, or one of both.
  file(fd) {
    const found = this.get(fd);
    return found.kind === REGULAR_FILE ? found : fail(BADF);
  }
  folder(fd) {
    const found = this.get(fd);
    return found.kind === DIRECTORY ? found : fail(BADF);
  }
  stored(fd) {
    const found = this.get(fd);
    return found.kind === UNKNOWN ? fail(BADF) : found;
  }
  // The input, or a file.
  readable(fd) {
    const found = this.get(fd);
    return found.content ? found : fail(BADF);
  }
  // A file in which there are positions.
  seekable(fd) {
    const found = this.get(fd);
    return found.kind === REGULAR_FILE ? found : fail(found.kind === UNKNOWN ? SPIPE : BADF);
  }

  // The number of a descriptor: the highest that was closed, or a new one.
  add(descriptor) {
    let fd = this.opened.length - 1;
    while (fd >= 0 && this.opened[fd]) fd--;
    if (fd < 0) fd = this.opened.length < MOST_OPEN ? this.opened.length : fail(MFILE);
    this.opened[fd] = descriptor;
    return fd;
  }

  close(fd) {
    this.get(fd);
    this.opened[fd] = null;
  }

  renumber(from, to) {
    this.get(to);
    const moved = this.get(from);
    if (from === to) return;
    this.opened[to] = moved;
    this.opened[from] = null;
  }

  // The {name, kind} to which a path from a folder leads, part by part.
  find(folder, path) {
    if (path.includes("\0")) fail(INVAL);
    if (path.length > LONGEST_PATH || utf8(path).length > LONGEST_PATH) fail(NAMETOOLONG);
    if (path === "") fail(NOENT);
    if (path.startsWith("/")) fail(PERM);
    const parts = [];
    const join = (more) => [...(folder.name ? [folder.name] : []), ...more].join("/");
    const words = path.split("/");
    words.forEach((word, i) => {
      const here = join(parts);
      const plain = word === "" || word === ".";
      if (!this.tree.has(here) && !(plain && i === 0)) fail(this.contents.has(here) ? NOTDIR : NOENT);
      if (utf8(word).length > LONGEST_PART) fail(NAMETOOLONG);
      if (word === ".." && !parts.pop()) fail(PERM);
      if (!plain && word !== "..") parts.push(word);
    });
    const name = join(parts);
    if (this.tree.has(name)) return { name, kind: DIRECTORY };
    return this.contents.has(name) ? { name, kind: REGULAR_FILE } : fail(NOENT);
  }

  open(fd, path, flags, rights, how) {
    const from = this.get(fd);
    if (from.kind !== DIRECTORY) fail(from.kind === REGULAR_FILE ? NOTDIR : BADF);
    if (how & SYNCS) fail(NOTSUP);
    if (flags & (CREAT | TRUNC) || rights & WRITE) fail(PERM);
    const found = this.find(from, path);
    if (found.kind === DIRECTORY) return this.add({ ...found, rights: [FOLDER_RIGHTS, FOLDER_RIGHTS] });
    if (flags & ONLY_DIRECTORY) fail(NOTDIR);
    const content = this.contents.get(found.name);
    const position = { position: 0, flags: how & (APPEND | NONBLOCK) };
    return this.add({ ...found, ...position, content, rights: [FILE_RIGHTS, FILE_RIGHTS] });
  }

  // Fill the guest's pieces of memory, [start, size] of each, with what comes next, or with what is at a position,
  // which then does not move; the number of bytes, 0 at the end.
  read(file, all, pieces, at) {
    const from = at === undefined ? file.position : at;
    const start = Number(from);
    if (start > Number.MAX_SAFE_INTEGER) {
      // There is nothing, but the first piece that is not empty must end at a position.
      const [, size] = pieces.find(([, each]) => each > 0) || [0, 0];
      return from + BigInt(size) > LAST ? fail(INVAL) : 0;
    }
    let position = start;
    for (const [place, size] of pieces) {
      const count = Math.max(0, Math.min(size, file.content.length - position));
      copy(file.content, position, count, all, place);
      position += count;
    }
    if (at === undefined) file.position = position;
    return position - start;
  }

  // The new position, a BigInt: no other number is exact above 2^53.
  seek(fd, offset, whence) {
    const file = this.seekable(fd);
    const from = [0, file.position, file.content.length][whence];
    if (from === undefined) fail(INVAL);
    const position = BigInt(from) + offset;
    if (position < 0n || position > LAST) fail(INVAL);
    return (file.position = position);
  }

  // A number of its own for each file and folder.
  inode({ name, kind }) {
    const names = kind === DIRECTORY ? [...this.tree.keys()] : [...this.contents.keys()];
    return 2 * names.indexOf(name) + (kind === DIRECTORY ? 1 : 2);
  }

  size({ name, kind }) {
    return kind === REGULAR_FILE ? this.contents.get(name).length : 0;
  }

  // [name, inode, kind] of all that is in a folder.
  list(folder) {
    const entry = ([name, kind]) => {
      return [name, this.inode({ name: folder.name ? `${folder.name}/${name}` : name, kind }), kind];
    };
    const own = this.inode(folder);
    return [[".", own, DIRECTORY], ["..", own, DIRECTORY], ...[...this.tree.get(folder.name)].map(entry)];
  }
}

module.exports = {
  OK, BADF, INVAL, NAMETOOLONG, NOTDIR, NOTSOCK, NOTSUP, PERM, SPIPE, FLAGS, SYNCS, REGULAR_FILE,
  UNKNOWN, Failed, Files, copy, decode, encode, fail,
};
