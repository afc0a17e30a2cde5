// A bare script like bare_program.py, for V8: Node's own WASI and a native process in turn.
//
//     node --no-liftoff --no-wasm-lazy-compilation bare_program.mjs MODULE NATIVE PAIRS < DESCRIPTION
//
// The caller pins it to a processor.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { WASI } from 'node:wasi'

const [modulePath, native, pairs] = process.argv.slice(2)
const given = JSON.parse(fs.readFileSync(0))
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'bare-'))
const output = fs.openSync(path.join(folder, 'output'), 'a+')
fs.rmSync(folder, { recursive: true })
const module = new WebAssembly.Module(fs.readFileSync(modulePath))

function inV8() {
  const stdin = fs.openSync(given.stdin)
  const stdout = fs.openSync(`/proc/self/fd/${output}`, 'a') // the guest may close its own
  const preopens = given.files ? { '/': given.files } : {}
  const options = { version: 'preview1', args: given.args, env: given.env, stdin, stdout, preopens, returnOnExit: true }
  const wasi = new WASI(options)
  const status = wasi.start(new WebAssembly.Instance(module, wasi.getImportObject()))
  for (const descriptor of [stdin, stdout]) {
    try {
      fs.closeSync(descriptor)
    } catch {}
  }
  return status
}

function inProcess() {
  const stdin = fs.openSync(given.stdin)
  const [argv0, ...args] = given.args
  const found = spawnSync(native, args, { argv0, env: given.env, cwd: given.files || '/', stdio: [stdin, output, 'ignore'] })
  fs.closeSync(stdin)
  return found.status
}

function onProcessor() {
  process.cpuUsage() // makes the kernel bring the running thread's account up to date
  const used = process.threadCpuUsage()
  return (used.user + used.system) / 1e6
}

function timed(run) {
  fs.ftruncateSync(output)
  const cpu = onProcessor()
  const start = process.hrtime.bigint()
  const status = run()
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const share = (onProcessor() - cpu) / seconds
  if (status !== given.status) throw new Error(`it ended with ${status}`)
  // A process of its own is on no account of ours.
  return [1 / seconds, run === inV8 ? share : 1]
}

const runs = [inV8, inProcess]
for (const run of [...runs, ...runs, ...runs]) timed(run)
const rows = []
for (let pair = 0; pair < pairs; pair++) {
  const found = []
  for (const i of pair % 2 ? [1, 0] : [0, 1]) found[i] = timed(runs[i])
  rows.push([found[0][0], found[1][0], found[0][1], found[1][1]])
}
process.stdout.write(JSON.stringify(rows))
