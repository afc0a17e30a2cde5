// The page of browser_worker.py: asks for one request after the other, and answers it.
//
// On the page's main thread, for Chromium gives a Worker half a megabyte of stack. There nothing may wait but a
// synchronous request: so what a page cannot know, and sleeping, is asked of the server.
"use strict";

const guest = require("./guest.js");
const engines = { v8: require("./v8_tiers.js"), spidermonkey: require("./firefox_tiers.js") };

Error.stackTraceLimit = 48; // for a trap's backtrace

const MOST_RANDOM = 65536; // bytes, of one call
const REALTIME_OFFSET = BigInt(Math.round(performance.timeOrigin * 1000)) * 1000n;
const seconds = () => performance.now() / 1e3;
let module_ = null;
let kind = undefined; // see guest.js
let standardInput = null;
let asking = 0, asked = 0; // CPU seconds that a request takes, and how many there were

function ask(what, text = "") {
  const request = new XMLHttpRequest();
  request.open("POST", what, false);
  request.send(text);
  return request.responseText;
}

const host = {
  clock: (realtime) => BigInt(Math.round(performance.now() * 1e6)) + (realtime ? REALTIME_OFFSET : 0n),
  cpu: () => Number(ask("cpu")) / 1e9 - asking * asked++,
  page_faults: () => 0, // the server counts them
  sleep: (nanoseconds) => void ask("sleep", String(nanoseconds / 1e9)),
  random(bytes) {
    for (let at = 0; at < bytes.length; at += MOST_RANDOM) {
      const size = Math.min(MOST_RANDOM, bytes.length - at);
      bytes.set(crypto.getRandomValues(new Uint8Array(size)), at);
    }
  },
  collect: () => void (globalThis.gc && gc()), // Firefox gives pages none: it collects by what memories take
};

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function load({ module, options, files, stdin }) {
  const data = bytesOf(module);
  const engine = engines[options.engine];
  standardInput = bytesOf(stdin);
  host.files = files && new Map(Object.entries(files).map(([name, base64]) => [name, bytesOf(base64)]));
  host.env = options.env || {};
  kind = options.clock;
  guest.limitOutput(options.output_bytes);
  const cpu = Array.from({ length: 9 }, host.cpu);
  asking = Math.min(...cpu.slice(1).map((time, i) => time - cpu[i]));
  const proof = engine.proof(options.tiers_up, seconds);
  const started = seconds();
  try {
    module_ = new WebAssembly.Module(data);
  } catch (error) {
    return { refused: String(error).split("\n")[0] };
  }
  const compile_seconds = seconds() - started;
  const refused = guest.refusal(module_, kind);
  if (refused) return { refused };
  try {
    const facts = engine.facts(module_, kind, compile_seconds);
    return { ...facts, proof: { ...facts.proof, ...proof } };
  } catch (error) {
    return { refused: String(error).split("\n")[0] }; // it makes no instance of it
  }
}

function answerTo(request) {
  if (request.op === "load") return load(request);
  host.stdin = request.stdin === undefined ? standardInput : bytesOf(request.stdin);
  return guest.run(module_, request, host, kind);
}

async function version() {
  if (!navigator.userAgentData) return /Firefox\/([\d.]+)/.exec(navigator.userAgent)[1]; // not all of it
  const { fullVersionList } = await navigator.userAgentData.getHighEntropyValues(["fullVersionList"]);
  return fullVersionList.find(({ brand }) => brand === "Chromium").version;
}

// A thread that has its name in every browser: by it the server finds this process.
async function marked() {
  const worker = new Worker(URL.createObjectURL(new Blob(["postMessage(0)"])));
  await new Promise((resolve) => (worker.onmessage = resolve));
  return worker;
}

async function serve() {
  const mark = await marked();
  const hello = { version: await version(), isolated: crossOriginIsolated };
  let request = ask("next", JSON.stringify(hello));
  mark.terminate();
  for (;;) request = ask("next", JSON.stringify(answerTo(JSON.parse(request))));
}

module.exports = { serve };
