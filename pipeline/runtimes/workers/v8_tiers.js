// V8 says of each exported function which compiler made its code, with --allow-natives-syntax.
"use strict";

const guest = require("./guest.js");

// Made while it runs, for only V8 can parse them.
const natives = () => ({
  uncompiled: new Function("f", "return %IsUncompiledWasmFunction(f)"),
  liftoff: new Function("f", "return %IsLiftoffFunction(f)"),
  turbofan: new Function("f", "return %IsTurboFanFunction(f)"),
});

function tier(f) {
  for (const [name, native] of Object.entries(natives())) if (native(f)) return name;
  return "unknown";
}

// The tiers that a function goes through when it is called and gets hot.
function proof(tiers_up, seconds) {
  const f = guest.loop();
  const seen = new Set([tier(f)]);
  const end = seconds() + 2;
  for (let i = 0; i < 400 || (tiers_up && !seen.has("turbofan") && seconds() < end); i++) {
    f(i ? 100000 : 1);
    seen.add(tier(f));
  }
  return { tiers: [...seen].join(", ") };
}

// Of the artifact: whether its constructor compiled, and with what.
function facts(module, kind, compile_seconds) {
  const start = tier(guest.start(module, kind));
  return { compile_seconds: start === "uncompiled" ? null : compile_seconds, proof: { start } };
}

module.exports = { facts, proof };
