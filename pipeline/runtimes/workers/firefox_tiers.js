// Which of SpiderMonkey's compilers makes the code of a page, which cannot ask the engine: by what dead code costs.
//
// Two functions are the same loop, but the second one's rounds also take square roots that are not used. The
// optimizing compiler leaves them out, so both take the same time. The baseline compiler does not, so the second
// one takes tens of times as long.
"use strict";

const guest = require("./guest.js");

const ROOTS = 64;
const ROUNDS = 200000;
// Times as long: at most, and at least. What lies between is neither.
const OPTIMIZED = 4, BASELINE = 16;

const sized = (bytes) => [...size(bytes.length), ...bytes];
const size = (n) => (n < 128 ? [n] : [(n & 127) | 128, n >> 7]);

function body(dead) {
  return sized([
    ...[1, 1, 0x7f, 0x03, 0x40], // one i32; loop
    ...[0x20, 0, 0x20, 1, 0x6a, 0x21, 1], // local 1 += local 0
    ...dead,
    ...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b], // local 0 -= 1, again unless 0; end
    ...[0x20, 1, 0x0b], // return local 1
  ]);
}

// The loops: {f, g} of (rounds).
function loops() {
  const root = [0x20, 0, 0xb7, 0x9f, 0x1a]; // drop sqrt(f64(local 0))
  const dead = Array.from({ length: ROOTS }, () => root).flat();
  const bytes = [
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f, 3, 3, 2, 0, 0, 7, 9, 2, 1, 0x66, 0, 0, 1, 0x67, 0, 1],
    ...[10, ...sized([2, ...body([]), ...body(dead)])],
  ];
  return new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports;
}

// How many times as long the second loop takes: of the shortest of some runs.
function ratio({ f, g }, seconds) {
  const shortest = (loop) => {
    const times = Array.from({ length: 5 }, () => {
      const start = seconds();
      loop(ROUNDS);
      return seconds() - start;
    });
    return Math.min(...times);
  };
  return shortest(g) / shortest(f);
}

// At first, and after the time in which a compiler at work besides would have made other code.
function proof(tiers_up, seconds) {
  const made = loops();
  const ratios = [];
  for (const end = seconds() + 0.5; seconds() < end; ) ratios.push(ratio(made, seconds));
  const name = (times) => (times <= OPTIMIZED ? "ion" : times >= BASELINE ? "baseline" : "unknown");
  const tiers = [...new Set(ratios.map(name))].join(", ");
  return { tiers, dead_code: Math.round(ratios[0] * 10) / 10 };
}

// All of a module is compiled in its constructor.
function facts(module, kind, compile_seconds) {
  guest.start(module, kind);
  return { compile_seconds, proof: {} };
}

module.exports = { facts, proof };
