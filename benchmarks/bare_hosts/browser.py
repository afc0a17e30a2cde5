#!/usr/bin/env python3
"""A page of a browser and nothing else: PROGRAM FLAGS-OR-PREFERENCES MODULE, the second as JSON.

Each line of input is a run of the module's _start; prints its seconds.
"""

import http.server
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

PAGE = b"""<!doctype html><script>
const module = new XMLHttpRequest();
module.open("GET", "/module");
module.responseType = "arraybuffer";
module.onload = () => {
  const compiled = new WebAssembly.Module(module.response);
  for (let answer = ""; ; ) {
    const request = new XMLHttpRequest();
    request.open("POST", "/", false);
    request.send(answer);
    const start = new WebAssembly.Instance(compiled).exports._start;
    const begun = performance.now();
    start();
    answer = String((performance.now() - begun) / 1e3);
  }
};
module.send();
</script>"""
program, settings, path = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"/": PAGE, "/module": path.read_bytes()}.get(self.path, b""))

    def do_POST(self):
        seconds = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if seconds:
            print(seconds, flush=True)
        if sys.stdin.readline():
            self.answer(b"")
        else:
            browser.kill()

    def answer(self, body):
        self.send_response(200)
        # So its clock is fine.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if isinstance(settings, dict):
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
        Path(home, "user.js").write_text("".join(lines))
        arguments = ["--headless", "--no-remote", "--profile", home]
    else:
        flags = " ".join(settings)
        arguments = ["--headless", "--no-sandbox", f"--user-data-dir={home}", f"--js-flags={flags}"]
    browser = subprocess.Popen(
        [program, *arguments, f"http://127.0.0.1:{server.server_port}/"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    browser.wait()
