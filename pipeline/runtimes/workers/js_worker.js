// The worker's side of the protocol in Node (V8) and Bun (JavaScriptCore); see serve.py.
"use strict";

const fs = require("fs");
const { join, relative } = require("path");
const guest = require("./guest.js");
const tiers = require("./v8_tiers.js");

Error.stackTraceLimit = 48; // for a trap's backtrace

const seconds = () => Number(process.hrtime.bigint()) / 1e9;
// Opened once, here: in an open file /proc/thread-self stays the thread that opened it.
const schedstat = openSchedstat();
const buffer = Buffer.alloc(64 * 1024);
const never = new Int32Array(new SharedArrayBuffer(4)); // what is never changed

const host = {
  // Realtime has no call with more than milliseconds; the guest's differences are what counts.
  clock: (realtime) => process.hrtime.bigint() + (realtime ? REALTIME_OFFSET : 0n),
  cpu() {
    const used = process.cpuUsage();
    if (schedstat === null) return (used.user + used.system) / 1e6;
    // The kernel brings its sum for a running thread up to date when the whole process is asked for.
    return Number(buffer.latin1Slice(0, fs.readSync(schedstat, buffer, 0, 100, 0)).split(" ", 1)[0]) / 1e9;
  },
  page_faults() {
    const used = process.resourceUsage();
    return used.minorPageFault + used.majorPageFault;
  },
  sleep: (nanoseconds) => void Atomics.wait(never, 0, 0, nanoseconds / 1e6),
  random: (bytes) => void require("crypto").randomFillSync(bytes),
  collect() {
    if (globalThis.Bun) return Bun.gc(true);
    gc();
    gc(); // returns only when the first one's memories are unmapped
  },
};
const REALTIME_OFFSET = BigInt(Date.now()) * 1000000n - process.hrtime.bigint();

function openSchedstat() {
  try {
    return fs.openSync("/proc/thread-self/schedstat", "r");
  } catch {
    return null;
  }
}

const v8 = {
  version: () => process.versions.node,
  proof: (tiers_up) => tiers.proof(tiers_up, seconds),
  facts: tiers.facts,
};

// JavaScriptCore's sampling profiler says in which compiler's code the samples lie.
const jsc = {
  version: () => Bun.version,

  proof(tiers_up) {
    const { profile } = require("bun:jsc");
    const f = guest.loop();
    const spin = (time) => {
      for (const end = seconds() + time; seconds() < end; ) f(10000);
    };
    const end = seconds() + 2;
    // A compiler has a thread of its own, which gets its turn in so much of this one's time.
    const settled = host.cpu() + 0.3;
    let tier;
    do {
      spin(0.02);
      const said = profile(() => spin(0.02), 1000).bytecodes;
      const samples = [...said.matchAll(/^(IPInt|BBQ|OMG): +(\d+)/gm)].map(([, name, n]) => [+n, name]);
      tier = samples.sort(([a], [b]) => b - a)[0]?.[1];
    } while (
      (tiers_up && tier !== "OMG" && seconds() < end) ||
      ((tier === undefined || tier === "IPInt") && host.cpu() < settled)
    );
    return { tier };
  },

  // It compiles function by function, once they are called often.
  facts(module, kind) {
    guest.start(module, kind); // aborts here, and not in a run, where there is no room for a guarded memory
    return { compile_seconds: null, proof: {} };
  },
};

const engine = globalThis.Bun ? jsc : v8;
let module_ = null;
let kind = undefined; // see guest.js
let standardInput = null;

// A Map of the name of each regular file below a folder to its bytes.
function contents(folder) {
  const found = new Map();
  const read = (below) => {
    for (const entry of fs.readdirSync(below, { withFileTypes: true })) {
      const path = join(below, entry.name);
      if (entry.isDirectory()) read(path);
      else if (entry.isFile()) found.set(relative(folder, path), fs.readFileSync(path));
    }
  };
  read(folder);
  return found;
}

function load({ path, options }) {
  const data = fs.readFileSync(path);
  standardInput = options.stdin ? fs.readFileSync(options.stdin) : new Uint8Array(0);
  host.files = options.files ? contents(options.files) : null;
  host.env = options.env || {};
  kind = options.clock;
  guest.limitOutput(options.output_bytes);
  const proof = engine.proof(options.tiers_up);
  const started = seconds();
  try {
    module_ = new WebAssembly.Module(data);
  } catch (error) {
    return { refused: String(error).split("\n")[0] };
  }
  const compile_seconds = seconds() - started;
  const refused = guest.refusal(module_, kind);
  if (refused) return { refused };
  let facts;
  try {
    facts = engine.facts(module_, kind, compile_seconds);
  } catch (error) {
    return { refused: String(error).split("\n")[0] }; // it makes no instance of it
  }
  Object.assign(facts.proof, proof);
  // Neither engine tells the size of its code: V8's pages hold twice as much, and JSC's also its JavaScript.
  return { ...facts, code_bytes: null, version: engine.version(), runtime_seconds: null };
}

function run(request) {
  host.stdin = request.stdin ? fs.readFileSync(request.stdin) : standardInput;
  const before = process.cpuUsage();
  const answer = guest.run(module_, request, host, kind);
  const { user, system } = process.cpuUsage(before);
  answer.used = { cpu_seconds: (user + system) / 1e6, system_seconds: system / 1e6 }; // see serve.py
  return answer;
}

function say(message) {
  const data = Buffer.from(JSON.stringify(message) + "\n");
  for (let at = 0; at < data.length; ) at += fs.writeSync(1, data, at);
}

function* requests() {
  let text = "";
  for (;;) {
    const size = fs.readSync(0, buffer, 0, buffer.length, null);
    if (size === 0) return;
    text += buffer.toString("utf8", 0, size);
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

// Bun's clock begins with the process.
say({ protocol: 1, monotonic: globalThis.Bun ? null : seconds() });
for (const request of requests()) {
  say(request.op === "load" ? load(request) : run(request));
}
process.exit(0);
