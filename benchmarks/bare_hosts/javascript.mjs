// An engine for JavaScript and nothing else: MODULE; each line of input is a run of the module's _start; prints its
// seconds.
import { readFileSync, readSync, writeSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
while (readSync(0, new Uint8Array(1))) {
  const start = new WebAssembly.Instance(module).exports._start;
  const begun = performance.now();
  start();
  writeSync(1, `${(performance.now() - begun) / 1e3}\n`);
}
