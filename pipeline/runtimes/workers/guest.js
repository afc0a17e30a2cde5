// A guest in any JavaScript engine: run with the WASI of wasi.js, and what comes out of it.
//
// And modules of the "run" interface, which are no WASI commands: see clock.py. A function's ``kind`` is what the
// clock of such a module returns, "i32" or "i64"; nothing stands for a command. The host is what wasi.js says.
"use strict";

const { BENCH, Exit, NAMESPACE, TooEarly, calls, imports, timedPart } = require("./wasi.js");
const { copy } = require("./wasi_files.js");

// Bytes of guest output that are passed on, unless the options of its module say otherwise: LIMITS in serve.py.
const OUTPUT_LIMIT = 1024 * 1024;
// The same of its standard error, and functions of a trap's backtrace: see serve.py.
const STDERR_LIMIT = 4096, MOST_FUNCTIONS = 32;
// What JavaScriptCore adds to a message, of this file.
const EVALUATING = " (evaluating 'start()')";
// Bytes of dropped linear memories after which garbage is collected: engines wait for more than a
// worker may have, because most of it is only mapped.
const GARBAGE_LIMIT = 64 * 1024 * 1024;
// What the first call of such a clock returns, ms: START_MS in clock.py.
const START_MS = 1000, MILLISECOND = 1000000; // ns

class Output {
  constructor(limit) {
    this.kept = new Uint8Array(limit);
    this.size = 0;
  }
  // Take the bytes of an array that are between two places.
  add(bytes, start, end) {
    const room = this.kept.length - this.size;
    if (room > 0) copy(bytes, start, Math.min(end - start, room), this.kept, this.size);
    this.size += end - start;
  }
  // What is kept of it, one character a byte.
  text() {
    const pieces = [];
    const end = Math.min(this.size, this.kept.length);
    // In pieces: an engine's calls take only so many arguments.
    for (let at = 0; at < end; at += 4096) {
      pieces.push(String.fromCharCode(...this.kept.subarray(at, Math.min(at + 4096, end))));
    }
    return pieces.join("");
  }
}

// Of the run that goes on.
const errors = new Output(STDERR_LIMIT);
let output = new Output(OUTPUT_LIMIT);

// Keep so many bytes of a run's output; nothing stands for the usual number.
function limitOutput(bytes) {
  output = new Output(bytes || OUTPUT_LIMIT);
}

// The name that a module has in its name section, which engines put before its functions' names; or "".
function nameOf(module) {
  const [section] = WebAssembly.Module.customSections(module, "name").map((data) => new Uint8Array(data));
  // A longer one, with sizes of more than a byte, is not looked for.
  if (!section || section[0] !== 0 || section[1] > 127) return "";
  return String.fromCharCode(...section.subarray(3, 3 + section[2]));
}

// The guest's functions in which an error was thrown, innermost first, as V8 and SpiderMonkey tell them.
function backtrace(error, module) {
  const found = [], prefix = nameOf(module) + ".";
  for (const line of String((error && error.stack) || "").split("\n")) {
    const number = /wasm-function\[(\d+)\]:0x/.exec(line);
    if (!number) continue;
    const named = /^ *at (.+) \(wasm:|^([^@]+)@/.exec(line);
    const name = (named && (named[1] || named[2])) || `function ${number[1]}`;
    found.push((name.startsWith(prefix) ? name.slice(prefix.length) : name).slice(0, 200));
  }
  return found.slice(0, MOST_FUNCTIONS);
}

// Time of a guest's own, as clock.py has it: ``speed`` ns of it pass within a real one, and none while the host
// answers. ``enter()`` returns ns since the first call; ``leave()`` must follow.
function stopwatch(speed, now) {
  let count = 0;
  let guest = 0; // real ns of the guest since the first call
  let stretch = 0, left = 0n; // ns between the last two calls; when the last one ended
  let at = 0, before = 0; // what the last two calls returned
  return {
    enter(step) {
      const entered = now();
      if (count++ > 0) guest += stretch = Number(entered - left);
      before = at;
      return at = Math.floor((guest * speed) / step) * step;
    },
    leave: () => void (left = now()),
    returned: (score) => ({
      score: Number.isFinite(score) ? score : null,
      clock_ms: count > 1 ? Math.floor((at - before) / MILLISECOND) : 0,
      clock_ns: stretch,
      calls: count,
    }),
  };
}

// env.clock_ms.
function timer(kind, speed, now) {
  const watch = stopwatch(speed, now);
  return {
    clock_ms() {
      // Above 2^53 ns a multiple of a millisecond is no longer exact.
      const ms = START_MS + Math.round(watch.enter(MILLISECOND) / MILLISECOND);
      // The engine takes a number modulo 2^32 where an i32 is wanted.
      const value = kind === "i64" ? BigInt(ms) : ms;
      watch.leave();
      return value;
    },
    returned: watch.returned,
  };
}

// A host whose clocks go faster for its guest.
function hastened(host, watch) {
  const epoch = BigInt(host.clock(true));
  const faster = Object.create(host);
  faster.clock = (realtime) => {
    const shown = BigInt(watch.enter(1)) + (realtime ? epoch : BigInt(START_MS * MILLISECOND));
    watch.leave();
    return shown;
  };
  faster.cpu_clock = () => faster.clock(false);
  return faster;
}

// Why a module is no WASI command, or "".
function refusal(module, kind) {
  if (kind) return ""; // the parent has looked at it
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if ((from !== NAMESPACE && from !== BENCH) || kind !== "function") return `it imports the ${kind} ${from}.${name}`;
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
  const given = kind ? { env: { clock_ms: still.clock_ms } } : imports(module, {}, { calls: 0 }, timedPart(() => 0n));
  const { exports } = new WebAssembly.Instance(module, given);
  drop(exports.memory);
  return kind ? exports.run : exports._start;
}

// What ended a guest, as a text: an exception of its own has none.
function reason(error) {
  const thrown = WebAssembly.Exception && error instanceof WebAssembly.Exception;
  return thrown ? "uncaught exception" : String(error);
}

let garbage = 0;

// Note that a memory is no longer needed.
function drop(memory) {
  if (memory instanceof WebAssembly.Memory) garbage += memory.buffer.byteLength;
}

// Run the module once in an instance of its own, as a request says.
function run(module, { argv, speed }, host, kind) {
  output.size = errors.size = 0;
  const answer = { outcome: "exit", code: 0, message: "", backtrace: [] };
  const counter = { calls: 0 };
  const now = () => BigInt(host.clock(false));
  const part = timedPart(now);
  const watch = kind || speed === undefined ? null : stopwatch(speed, now);
  const given_host = watch ? hastened(host, watch) : host;
  let memory;
  if (garbage > GARBAGE_LIMIT) {
    host.collect();
    garbage = 0;
  }
  const faults = host.page_faults();
  let cpu = host.cpu(); // a browser's takes its time
  const begun = now();
  let started = begun;
  try {
    const clock = kind && timer(kind, speed, now);
    const given = clock
      ? { env: { clock_ms: clock.clock_ms } }
      : imports(module, calls(argv, given_host, () => memory, [output, errors]), counter, part);
    const { exports } = new WebAssembly.Instance(module, given);
    memory = exports.memory;
    const start = clock ? exports.run : exports._start;
    if (clock && exports._initialize) exports._initialize(); // see clock.py
    answer.instantiate_seconds = Number(now() - begun) / 1e9;
    cpu = host.cpu();
    started = now();
    const score = start();
    if (clock) answer.returned = clock.returned(score);
  } catch (error) {
    if (error instanceof TooEarly) {
      return { unavailable: "it calls WASI from its start section, before JavaScript can reach its memory" };
    }
    if (error instanceof Exit) {
      answer.code = error.code;
      if (error.code) answer.message = `exit status ${error.code}`;
    } else {
      answer.outcome = "trap";
      answer.message = reason(error).split("\n")[0].replace(EVALUATING, "").slice(0, 500);
      answer.backtrace = backtrace(error, module);
    }
  }
  answer.wall_seconds = Number(now() - started) / 1e9;
  // A browser's clocks have steps: no time may have passed, or less of the CPU's than asking for it takes.
  answer.cpu_share = answer.wall_seconds > 0 ? Math.max(0, (host.cpu() - cpu) / answer.wall_seconds) : 1;
  drop(memory);
  answer.page_faults = host.page_faults() - faults;
  if (!kind) answer.wasi_calls = counter.calls;
  answer.bench_seconds = part.seconds();
  if (watch) answer.returned = watch.returned(NaN);
  answer.stdout_bytes = output.size;
  answer.stdout = output.text();
  answer.stderr = errors.text();
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

module.exports = { limitOutput, loop, refusal, run, start };
