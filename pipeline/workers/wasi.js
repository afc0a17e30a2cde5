// WASI preview 1 for commands, for any JavaScript engine: no files, no environment, no input.
//
// It needs nothing but the language. The host gives {clock(realtime): nanoseconds as a BigInt or as
// decimal digits, cpu(): CPU seconds of this thread, random(bytes): fills a Uint8Array, collect():
// collects garbage}.
//
// And the clock of modules of the "run" interface, which are no WASI commands: see clock.py. A function's
// ``kind`` is what the clock of such a module returns, "i32" or "i64"; nothing stands for a command.
"use strict";

const NAMESPACE = "wasi_snapshot_preview1";
// Bytes of guest output that are passed on: OUTPUT_LIMIT in serve.py.
const OUTPUT_LIMIT = 64 * 1024;
// Bytes of dropped linear memories after which garbage is collected: engines wait for more than a
// worker may have, because most of it is only mapped.
const GARBAGE_LIMIT = 64 * 1024 * 1024;
const OK = 0, EBADF = 8, EFAULT = 21, EINVAL = 28, ENOSYS = 52, ESPIPE = 70;
const CHARACTER_DEVICE = 2;
// What the first call of such a clock returns, ms: START_MS in clock.py.
const START_MS = 1000;
const RIGHT_READ = 2n, RIGHT_WRITE = 64n;

class Exit {
  constructor(code) {
    this.code = code;
  }
}

// The bytes of a string in UTF-8, without TextEncoder, which is no part of the language.
function encode(text) {
  return Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
}

// What a guest can ask for, over the memory that `memory()` returns.
function calls(argv, host, memory, output) {
  const strings = argv.map((text) => encode(text + "\0"));
  const view = () => new DataView(memory().buffer);
  const bytes = (at, size) => new Uint8Array(memory().buffer, at >>> 0, size >>> 0);
  const set32 = (at, value) => view().setUint32(at >>> 0, value, true);
  const set64 = (at, value) => view().setBigUint64(at >>> 0, value, true);
  const open = (fd) => fd >= 0 && fd <= 2;

  function vectors(at, count) {
    const found = [];
    const now = view();
    for (let i = 0; i < count >>> 0; i++, at += 8) {
      found.push(bytes(now.getUint32(at >>> 0, true), now.getUint32((at >>> 0) + 4, true)));
    }
    return found;
  }

  return {
    args_sizes_get(count, size) {
      set32(count, strings.length);
      set32(size, strings.reduce((sum, s) => sum + s.length, 0));
      return OK;
    },
    args_get(pointers, buffer) {
      for (const string of strings) {
        set32(pointers, buffer);
        bytes(buffer, string.length).set(string);
        pointers += 4;
        buffer += string.length;
      }
      return OK;
    },
    environ_sizes_get(count, size) {
      set32(count, 0);
      set32(size, 0);
      return OK;
    },
    environ_get: () => OK,
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
        if (fd === 1) output.add(part);
      }
      set32(result, size);
      return OK;
    },
    fd_read(fd, at, count, result) {
      if (fd !== 0) return EBADF;
      set32(result, 0);
      return OK;
    },
    fd_fdstat_get(fd, result) {
      if (!open(fd)) return EBADF;
      bytes(result, 24).fill(0);
      bytes(result, 1)[0] = CHARACTER_DEVICE;
      set64(result + 8, fd === 0 ? RIGHT_READ : RIGHT_WRITE);
      return OK;
    },
    fd_fdstat_set_flags: (fd) => (open(fd) ? OK : EBADF),
    fd_seek: (fd) => (open(fd) ? ESPIPE : EBADF),
    fd_tell: (fd) => (open(fd) ? ESPIPE : EBADF),
    fd_close: (fd) => (open(fd) ? OK : EBADF),
    // The first descriptor without one ends a guest's search for folders.
    fd_prestat_get: () => EBADF,
    fd_prestat_dir_name: () => EBADF,
    path_open: () => EBADF,
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
        throw error;
      }
    };
  }
  return { [NAMESPACE]: found };
}

class Output {
  constructor() {
    this.size = 0;
    this.kept = "";
  }
  add(part) {
    const room = OUTPUT_LIMIT - this.kept.length;
    for (const byte of part.subarray(0, room)) this.kept += String.fromCharCode(byte);
    this.size += part.length;
  }
}

// env.clock_ms, as clock.py has it: ``speed`` milliseconds of it pass within a real one of the guest's.
function timer(kind, speed, now) {
  let count = 0;
  let guest = 0; // real ns of the guest since the first call
  let stretch = 0, left = 0n; // ns between the last two calls; when the last one ended
  let ms = 0, before = 0; // what the last two calls returned
  return {
    clock_ms() {
      const entered = now();
      if (count++ > 0) guest += stretch = Number(entered - left);
      before = ms;
      ms = START_MS + Math.floor((guest * speed) / 1e6);
      // The engine takes a number modulo 2^32 where an i32 is wanted.
      const value = kind === "i64" ? BigInt(ms) : ms;
      left = now();
      return value;
    },
    returned: (score) => ({
      score: Number.isFinite(score) ? score : null,
      clock_ms: count > 1 ? ms - before : 0,
      clock_ns: stretch,
      calls: count,
    }),
  };
}

// Why a module is no WASI command, or "".
function refusal(module, kind) {
  if (kind) return ""; // the parent has looked at it
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from !== NAMESPACE || kind !== "function") return `it imports the ${kind} ${from}.${name}`;
  }
  const exported = WebAssembly.Module.exports(module).map(({ kind, name }) => `${kind} ${name}`);
  for (const needed of ["function _start", "memory memory"]) {
    if (!exported.includes(needed)) return `not a WASI command: it exports no ${needed}`;
  }
  return "";
}

// The function that begins the program, in an instance that never runs.
function start(module, kind) {
  const still = kind && timer(kind, 1, () => 0n);
  const given = kind ? { env: { clock_ms: still.clock_ms } } : imports(module, {});
  const { exports } = new WebAssembly.Instance(module, given);
  return kind ? exports.run : exports._start;
}

let garbage = 0;

// Run the module once in an instance of its own, as a request says. Output is one character a byte.
function run(module, { argv, speed }, host, kind) {
  const output = new Output();
  const answer = { outcome: "exit", code: 0, message: "" };
  const now = () => BigInt(host.clock(false));
  let memory;
  if (garbage > GARBAGE_LIMIT) {
    host.collect();
    garbage = 0;
  }
  let begun = now();
  let cpu = host.cpu();
  let started = begun;
  try {
    const clock = kind && timer(kind, speed, now);
    const given = clock
      ? { env: { clock_ms: clock.clock_ms } }
      : imports(module, calls(argv, host, () => memory, output));
    const { exports } = new WebAssembly.Instance(module, given);
    memory = exports.memory;
    const start = clock ? exports.run : exports._start;
    answer.instantiate_seconds = Number(now() - begun) / 1e9;
    cpu = host.cpu();
    started = now();
    const score = start();
    if (clock) answer.returned = clock.returned(score);
  } catch (error) {
    if (error instanceof Exit) {
      answer.code = error.code;
      if (error.code) answer.message = `exit status ${error.code}`;
    } else {
      answer.outcome = "trap";
      answer.message = String(error).split("\n")[0].slice(0, 500);
    }
  }
  answer.wall_seconds = Number(now() - started) / 1e9;
  answer.cpu_share = (host.cpu() - cpu) / answer.wall_seconds;
  if (memory instanceof WebAssembly.Memory) garbage += memory.buffer.byteLength;
  answer.stdout_bytes = output.size;
  answer.stdout = output.kept;
  return answer;
}

// A module of one function f(n): a loop of n rounds; to see what this process makes of hot code.
function loop() {
  const body = [
    1, 1, 0x7f, 0x03, 0x40, // one i32; loop
    0x20, 0, 0x20, 1, 0x6a, 0x21, 1, // local 1 += local 0
    0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, // local 0 -= 1, again unless 0; end
    0x20, 1, 0x0b, // return local 1
  ];
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0],
    ...[10, body.length + 2, 1, body.length, ...body],
  ];
  return new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports.f;
}

module.exports = { loop, refusal, run, start };
