// A bare script like bare.py, for V8: Node's own WASI and a native process in alternating chunks.
//
//     node --no-liftoff --no-wasm-lazy-compilation bare_v8.mjs MODULE NATIVE PAIRS CHUNK_SECONDS
//
// Prints JSON: [[score, native score, CPU share, native CPU share], ...]. The caller pins it to a processor.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WASI } from 'node:wasi'

const [modulePath, native, pairs, seconds] = process.argv.slice(2)
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bare-'))
const output = fs.openSync(path.join(folder, 'output'), 'a+')
fs.rmSync(folder, { recursive: true })
const module = new WebAssembly.Module(fs.readFileSync(modulePath))

function inV8(args) {
  const wasi = new WASI({ version: 'preview1', args, env: {}, stdout: output, returnOnExit: true })
  wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()))
}

function inProcess(args) {
  const found = spawnSync(native, args.slice(1), { argv0: args[0], env: {}, stdio: ['ignore', output, 'ignore'] })
  if (found.status !== 0) throw new Error(`native ended with ${found.status}`)
}

function onProcessor() {
  process.cpuUsage() // makes the kernel bring the running thread's account up to date
  const used = process.threadCpuUsage()
  return (used.user + used.system) / 1e6
}

function chunk(run, iterations) {
  fs.ftruncateSync(output)
  const start = process.hrtime.bigint()
  const cpu = onProcessor()
  run(['coremark', '0', '0', '0x66', String(iterations)])
  const share = (onProcessor() - cpu) / (Number(process.hrtime.bigint() - start) / 1e9)
  const text = Buffer.alloc(4096)
  const length = fs.readSync(output, text, 0, 4096, 0)
  const time = /Total time \(secs\): (\S+)/.exec(text.toString('utf8', 0, length))[1]
  // A process of its own is on no account of ours.
  return [iterations / Number(time), run === inV8 ? share : 1]
}

const guests = [inV8, inProcess]
const counts = guests.map((guest) => {
  let iterations = 50
  for (let i = 0; i < 6; i++) iterations = Math.max(1, Math.round(chunk(guest, iterations)[0] * seconds))
  return iterations
})
const rows = []
for (let pair = 0; pair < pairs; pair++) {
  const found = []
  for (const i of pair % 2 ? [1, 0] : [0, 1]) found[i] = chunk(guests[i], counts[i])
  rows.push([found[0][0], found[1][0], found[0][1], found[1][1]])
}
process.stdout.write(JSON.stringify(rows))
