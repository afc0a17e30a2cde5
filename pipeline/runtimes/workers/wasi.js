// WASI preview 1 for commands, for any JavaScript engine; files only to read (wasi_files.js).
//
// It needs nothing but the language. The host gives {clock(realtime): nanoseconds as a BigInt or as
// decimal digits, cpu(): CPU seconds of this thread, page_faults(): of this process so far, random(bytes):
// fills a Uint8Array, collect(): collects garbage, env: {name: value}, and the guest's stdin and files as
// wasi_files.js wants them}.
"use strict";

const { Failed, Files, fileCalls } = require("./wasi_files.js");

const NAMESPACE = "wasi_snapshot_preview1";
const OK = 0, EBADF = 8, EFAULT = 21, EINVAL = 28, ENOSYS = 52;

// The guest ended itself.
class Exit {
  constructor(code) {
    this.code = code;
  }
}

// The bytes of a string in UTF-8, without TextEncoder, which is no part of the language.
function encode(text) {
  return Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
}

// What a guest can ask for, over the memory that `memory()` returns; `outputs` take what it writes to 1 and 2.
function calls(argv, host, memory, outputs) {
  const words = argv.map((text) => encode(text + "\0"));
  const variables = Object.entries(host.env).map(([name, value]) => encode(`${name}=${value}\0`));
  const view = () => new DataView(memory().buffer);
  const bytes = (at, size) => new Uint8Array(memory().buffer, at >>> 0, size >>> 0);
  const set32 = (at, value) => view().setUint32(at >>> 0, value, true);
  const set64 = (at, value) => view().setBigUint64(at >>> 0, value, true);

  function vectors(at, count) {
    const found = [];
    const now = view();
    for (let i = 0; i < count >>> 0; i++, at += 8) {
      found.push(bytes(now.getUint32(at >>> 0, true), now.getUint32((at >>> 0) + 4, true)));
    }
    return found;
  }

  function sizes(strings, count, size) {
    set32(count, strings.length);
    set32(size, strings.reduce((sum, s) => sum + s.length, 0));
    return OK;
  }

  function put(strings, pointers, buffer) {
    for (const string of strings) {
      set32(pointers, buffer);
      bytes(buffer, string.length).set(string);
      pointers += 4;
      buffer += string.length;
    }
    return OK;
  }

  return {
    ...fileCalls(new Files(host.stdin, host.files), { bytes, set32, set64, vectors }),
    args_sizes_get: (count, size) => sizes(words, count, size),
    args_get: (pointers, buffer) => put(words, pointers, buffer),
    environ_sizes_get: (count, size) => sizes(variables, count, size),
    environ_get: (pointers, buffer) => put(variables, pointers, buffer),
    clock_res_get(id, result) {
      if (id !== 0 && id !== 1) return EINVAL;
      set64(result, 1n);
      return OK;
    },
    clock_time_get(id, precision, result) {
      if (id !== 0 && id !== 1) return EINVAL;
      set64(result, BigInt(host.clock(id === 0)));
      return OK;
    },
    random_get(at, size) {
      host.random(bytes(at, size));
      return OK;
    },
    fd_write(fd, at, count, result) {
      if (fd !== 1 && fd !== 2) return EBADF;
      let size = 0;
      for (const part of vectors(at, count)) {
        size += part.length;
        outputs[fd - 1].add(part);
      }
      set32(result, size);
      return OK;
    },
    sched_yield: () => OK,
    // A guest that sleeps measures nothing: every event has happened, with its user data and no error.
    poll_oneoff(subscriptions, events, count, result) {
      if (count === 0) return EINVAL;
      for (let i = 0; i < count >>> 0; i++) {
        const [from, to] = [bytes(subscriptions + 48 * i, 48), bytes(events + 32 * i, 32)];
        to.fill(0);
        to.set(from.slice(0, 8));
        to[10] = from[8];
      }
      set32(result, count);
      return OK;
    },
    proc_exit(code) {
      throw new Exit(code >>> 0);
    },
  };
}

// The module's imports; a pointer outside of the memory is the guest's error, not ours.
function imports(module, known) {
  const found = {};
  for (const { name } of WebAssembly.Module.imports(module)) {
    const call = known[name] || (() => ENOSYS);
    found[name] = (...values) => {
      try {
        return call(...values);
      } catch (error) {
        if (error instanceof RangeError) return EFAULT;
        if (error instanceof Failed) return error.number;
        throw error;
      }
    };
  }
  return { [NAMESPACE]: found };
}

module.exports = { Exit, NAMESPACE, calls, imports };
