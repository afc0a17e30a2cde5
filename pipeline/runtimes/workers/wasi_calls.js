// What a guest can ask of its descriptors, over its memory, for wasi.js: ``memory`` is the Memory of that.
"use strict";

const {
  OK, BADF, INVAL, NAMETOOLONG, NOTDIR, NOTSOCK, NOTSUP, PERM, SPIPE, FLAGS, SYNCS, REGULAR_FILE,
  UNKNOWN, decode, encode, fail,
} = require("./wasi_files.js");

// What would change something below a folder, and where among its arguments the folders and the paths are.
const CHANGES = {
  path_create_directory: [[0], [1]], path_link: [[0, 4], [2, 5]], path_remove_directory: [[0], [1]],
  path_rename: [[0, 3], [1, 4]], path_symlink: [[2], [0, 3]], path_unlink_file: [[0], [1]],
};
const SOCKETS = ["sock_accept", "sock_recv", "sock_send", "sock_shutdown"];
// Of an entry of a folder, before its name.
const ENTRY = 24;
const CLOCK = 0, FD_READ = 1, FD_WRITE = 2, ABSOLUTE = 1;
// Nanoseconds, 146 years: twice as long, Node does not sleep at all, and Python fails.
const LONGEST_SLEEP = 1n << 62n;

function descriptorCalls(files, memory) {
  // No device, one link, and no time.
  function setStatus(at, kind, inode, size) {
    memory.bytes(at, 64).fill(0);
    if (kind === UNKNOWN) return OK;
    memory.set64(at, 1n);
    memory.set64(at + 8, BigInt(inode));
    memory.bytes(at + 16, 1)[0] = kind;
    memory.set64(at + 24, 1n);
    memory.set64(at + 32, BigInt(size));
    return OK;
  }
  const statusOf = (at, found) => setStatus(at, found.kind, files.inode(found), files.size(found));
  const path = (at, size) => decode(memory.bytes(at, size));

  const refused = ([folders, paths]) => (...values) => {
    folders.forEach((place) => files.folder(values[place]));
    paths.forEach((place) => path(values[place], values[place + 1]));
    return PERM;
  };

  // A time is set to one that is given or to the present one, not to both.
  function checkTimes(flags) {
    if ((flags & 3) === 3 || (flags & 12) === 12) fail(INVAL);
  }

  return {
    ...Object.fromEntries(SOCKETS.map((name) => [name, (fd) => (files.get(fd), NOTSOCK)])),
    ...Object.fromEntries(Object.entries(CHANGES).map(([name, places]) => [name, refused(places)])),
    fd_advise: (fd, _offset, size) => (files.file(fd), size < 0n ? INVAL : OK),
    fd_allocate: (fd) => (files.file(fd), NOTSUP),
    fd_datasync: (fd) => (files.file(fd), OK),
    fd_sync: (fd) => (files.file(fd), OK),
    fd_filestat_set_size: (fd) => (files.file(fd), PERM),
    fd_filestat_set_times: (fd, accessed, changed, flags) => (checkTimes(flags), files.stored(fd), PERM),
    fd_fdstat_set_rights: (fd) => (files.stored(fd), NOTSUP),
    fd_renumber: (from, to) => (files.renumber(from, to), OK),
    fd_close: (fd) => (files.close(fd), OK),
    fd_read(fd, at, count, result) {
      const file = files.readable(fd);
      const pieces = memory.pieces(at, count);
      memory.set32(result, files.read(file, memory.all, pieces));
      return OK;
    },
    fd_pread(fd, at, count, position, result) {
      const file = files.readable(fd);
      if (file.kind === UNKNOWN) return SPIPE;
      if (position < 0n) return INVAL;
      const pieces = memory.pieces(at, count);
      memory.set32(result, files.read(file, memory.all, pieces, position));
      return OK;
    },
    fd_pwrite: (fd) => (files.get(fd).output ? SPIPE : BADF),
    fd_fdstat_get(fd, result) {
      const { kind, rights, flags } = files.get(fd);
      memory.bytes(result, 24).fill(0);
      memory.bytes(result, 1)[0] = kind;
      memory.bytes(result + 2, 1)[0] = flags || 0;
      memory.set64(result + 8, rights[0]);
      memory.set64(result + 16, rights[1]);
      return OK;
    },
    fd_fdstat_set_flags(fd, flags) {
      if (flags & ~FLAGS) throw new RangeError("a call of WASI has flags that there are not");
      const file = files.file(fd);
      if (flags & SYNCS) return INVAL;
      file.flags = flags;
      return OK;
    },
    fd_filestat_get(fd, result) {
      const found = files.get(fd);
      return found.kind === UNKNOWN ? setStatus(result, UNKNOWN) : statusOf(result, found);
    },
    fd_seek(fd, offset, whence, result) {
      memory.set64(result, files.seek(fd, offset, whence));
      return OK;
    },
    fd_tell(fd, result) {
      memory.set64(result, BigInt(files.seekable(fd).position));
      return OK;
    },
    // The first descriptor without one ends a guest's search for folders.
    fd_prestat_get(fd, result) {
      if (!files.get(fd).first) return BADF;
      memory.set32(result, 0);
      memory.set32(result + 4, 1); // bytes of its name
      return OK;
    },
    fd_prestat_dir_name(fd, name, size) {
      if (!files.get(fd).first) return NOTDIR;
      if (size === 0) return NAMETOOLONG;
      memory.bytes(name, 1)[0] = 47; // "/"
      return OK;
    },
    // As many entries as there is room for, the last one cut off.
    fd_readdir(fd, buffer, size, cookie, result) {
      const entries = files.list(files.folder(fd));
      let used = 0;
      for (let i = Number(BigInt.asUintN(64, cookie)); i < entries.length && used < size >>> 0; i++) {
        const [text, inode, kind] = entries[i];
        const name = encode(text);
        const entry = new Uint8Array(ENTRY + name.length);
        const view = new DataView(entry.buffer);
        view.setBigUint64(0, BigInt(i + 1), true);
        view.setBigUint64(8, BigInt(inode), true);
        view.setUint32(16, name.length, true);
        entry[20] = kind;
        entry.set(name, ENTRY);
        const part = entry.subarray(0, (size >>> 0) - used);
        memory.bytes(buffer + used, part.length).set(part);
        used += part.length;
      }
      memory.set32(result, used);
      return OK;
    },
    path_open(fd, look, name, size, flags, rights, inherited, how, result) {
      memory.set32(result, files.open(fd, path(name, size), flags, rights, how));
      return OK;
    },
    path_filestat_get(fd, look, name, size, result) {
      return statusOf(result, files.find(files.folder(fd), path(name, size)));
    },
    path_filestat_set_times(fd, look, name, size, accessed, changed, flags) {
      checkTimes(flags);
      files.folder(fd);
      path(name, size);
      return PERM;
    },
    path_readlink(fd, name, size) {
      files.find(files.folder(fd), path(name, size));
      return INVAL; // there are no links
    },
  };
}

// poll_oneoff: sleeps until the first event. A descriptor is always ready; ``sleep`` takes nanoseconds.
function poller(files, memory, { clock, sleep }) {
  function wait(at) {
    const { view } = memory.look();
    const kind = memory.bytes(at + 8, 1)[0];
    if (kind > FD_WRITE) fail(INVAL);
    if (kind !== CLOCK) {
      const descriptor = files.get(view.getInt32(at + 16, true));
      if (kind === FD_WRITE && descriptor.kind === REGULAR_FILE) fail(PERM);
      return (kind === FD_READ ? descriptor.content : descriptor.output) ? 0n : fail(BADF);
    }
    const id = view.getUint32(at + 16, true), flags = view.getUint16(at + 40, true);
    if (id > 1 || flags > ABSOLUTE) fail(INVAL);
    const timeout = view.getBigUint64(at + 24, true);
    const left = flags === ABSOLUTE ? timeout - BigInt(clock(id === 0)) : timeout;
    return left > 0n ? left : 0n;
  }

  return function poll_oneoff(subscriptions, events, count, result) {
    if (count === 0) return INVAL;
    const waits = [];
    for (let i = 0; i < count >>> 0; i++) waits.push(wait((subscriptions >>> 0) + 48 * i));
    const first = waits.reduce((least, each) => (each < least ? each : least));
    if (first > 0n) sleep(Number(first < LONGEST_SLEEP ? first : LONGEST_SLEEP));
    let happened = 0;
    waits.forEach((each, i) => {
      if (each > first) return;
      const from = memory.bytes(subscriptions + 48 * i, 48);
      const to = memory.bytes(events + 32 * happened++, 32);
      to.fill(0);
      to.set(from.slice(0, 8));
      to[10] = from[8];
      if (from[8] !== CLOCK) to[16] = 1; // bytes, at least
    });
    memory.set32(result, happened);
    return OK;
  };
}

module.exports = { descriptorCalls, poller };
