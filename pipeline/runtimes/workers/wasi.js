// WASI preview 1 for commands, for any JavaScript engine; files only to read (wasi_files.js).
//
// It needs nothing but the language. The host gives {clock(realtime): nanoseconds as a BigInt or as
// decimal digits, cpu(): CPU seconds of this thread, page_faults(): of this process so far, random(bytes):
// fills a Uint8Array, sleep(nanoseconds), collect(): collects garbage, env: {name: value}, and the guest's stdin
// and files as wasi_files.js wants them}.
"use strict";

const { BADF, INVAL, OK, Failed, Files, encode } = require("./wasi_files.js");
const { descriptorCalls, poller } = require("./wasi_calls.js");

const NAMESPACE = "wasi_snapshot_preview1";
const NOSYS = 52, NOTSUP = 58;

// The guest ended itself.
class Exit {
  constructor(code) {
    this.code = code;
  }
}

// The guest calls before its instance is made, when a host in JavaScript has nothing of it.
class TooEarly {}

// A guest's memory, which ``given()`` returns once there is one. A pointer outside of it is a trap.
class Memory {
  constructor(given) {
    this.given = given;
    this.buffer = null;
  }
  // Views of all of it; those of a memory that has grown are none any more.
  look() {
    const given = this.given();
    if (!given) throw new TooEarly();
    const { buffer } = given;
    if (buffer !== this.buffer) {
      this.buffer = buffer;
      this.view = new DataView(buffer);
      this.all = new Uint8Array(buffer);
    }
    return this;
  }
  // Where so many bytes from there end.
  end(at, size) {
    const end = (at >>> 0) + (size >>> 0);
    if (end > this.look().all.length) {
      throw new RangeError("a call of WASI names memory that the guest does not have");
    }
    return end;
  }
  bytes(at, size) {
    const end = this.end(at, size);
    return this.all.subarray(at >>> 0, end);
  }
  set32(at, value) {
    this.look().view.setUint32(at >>> 0, value, true);
  }
  set64(at, value) {
    this.look().view.setBigUint64(at >>> 0, value, true);
  }
  // The pieces of memory that a list of them names: [start, size] of each.
  pieces(at, count) {
    const { view } = this.look();
    const found = [];
    for (let i = 0, place = at >>> 0; i < count >>> 0; i++, place += 8) {
      const start = view.getUint32(place, true), size = view.getUint32(place + 4, true);
      this.end(start, size);
      found.push([start, size]);
    }
    return found;
  }
}

// What a guest can ask for, over the memory that `given()` returns; `outputs` take what it writes to 1 and 2.
function calls(argv, host, given, outputs) {
  const words = argv.map((text) => encode(text + "\0"));
  const variables = Object.entries(host.env).map(([name, value]) => encode(`${name}=${value}\0`));
  const memory = new Memory(given);
  const files = new Files(host.stdin, outputs, host.files);
  // Of the last two clocks, both the CPU's time of this thread: a guest has no other.
  const cpuTime = () => host.cpu_clock?.() ?? BigInt(Math.round(host.cpu() * 1e9));

  function sizes(strings, count, size) {
    memory.set32(count, strings.length);
    memory.set32(size, strings.reduce((sum, s) => sum + s.length, 0));
    return OK;
  }

  function put(strings, pointers, buffer) {
    for (const string of strings) {
      memory.set32(pointers, buffer);
      memory.bytes(buffer, string.length).set(string);
      pointers += 4;
      buffer += string.length;
    }
    return OK;
  }

  return {
    ...descriptorCalls(files, memory),
    poll_oneoff: poller(files, memory, host),
    args_sizes_get: (count, size) => sizes(words, count, size),
    args_get: (pointers, buffer) => put(words, pointers, buffer),
    environ_sizes_get: (count, size) => sizes(variables, count, size),
    environ_get: (pointers, buffer) => put(variables, pointers, buffer),
    clock_res_get(id, result) {
      if (id >>> 0 > 3) return INVAL;
      memory.set64(result, 1n);
      return OK;
    },
    clock_time_get(id, precision, result) {
      if (id >>> 0 > 3) return INVAL;
      memory.set64(result, id > 1 ? cpuTime() : BigInt(host.clock(id === 0)));
      return OK;
    },
    random_get(at, size) {
      host.random(memory.bytes(at, size));
      return OK;
    },
    fd_write(fd, at, count, result) {
      const { output } = files.get(fd);
      if (!output) return BADF;
      const { all, view } = memory.look();
      let total = 0;
      for (let i = 0, place = at >>> 0; i < count >>> 0; i++, place += 8) {
        const start = view.getUint32(place, true), size = view.getUint32(place + 4, true);
        output.add(all, start, memory.end(start, size));
        total += size;
      }
      memory.set32(result, total);
      return OK;
    },
    sched_yield: () => OK,
    proc_raise: () => NOTSUP,
    proc_exit(code) {
      throw new Exit(code >>> 0);
    },
  };
}

// What a module may import to say which part of its run is timed: see bench.py. ``now`` returns nanoseconds.
const BENCH = "bench";
function timedPart(now) {
  let started, ended, calls = 0;
  return {
    start: () => { calls++; started = now(); },
    end: () => { ended = now(); calls++; },
    // Of one that was begun and ended once, in seconds; else null.
    seconds: () => (calls === 2 && started <= ended ? Number(ended - started) / 1e9 : null),
  };
}

// The module's imports, which count the calls: ``counter.calls``.
function imports(module, known, counter, part = {}) {
  const found = {};
  const all = { [NAMESPACE]: found };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from === BENCH) {
      all[BENCH] = { start: part.start, end: part.end };
      continue;
    }
    const call = known[name] || (() => NOSYS);
    // No call has more parameters; rest parameters would make each one slower.
    found[name] = (a, b, c, d, e, f, g, h, i) => {
      counter.calls++;
      try {
        return call(a, b, c, d, e, f, g, h, i);
      } catch (error) {
        if (error instanceof Failed) return error.number;
        throw error;
      }
    };
  }
  return all;
}

module.exports = { BENCH, Exit, NAMESPACE, TooEarly, calls, imports, timedPart };
