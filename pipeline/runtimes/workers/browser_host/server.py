"""Requests to a page of a browser and its answers: with an answer the page asks for the next request."""

import hmac
import http.server
import json
import os
import queue
import threading
import time
from typing import Any, Callable, Dict

import js_modules

_PAGE = "<!doctype html><meta charset=utf-8><title>guest</title><script>%s.serve();</script>"
_MODULES = ("v8_tiers.js", "firefox_tiers.js", "browser_page.js")
#: How often it is looked whether the browser is still there, s.
_LOOK_S = 0.1
_HEADERS = {
    "Cache-Control": "no-store",
    # So isolated, the page's clock has steps of 5 us and not of 100.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class _Listening(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Silent where the browser has ended: standard error is the guest's."""


class Server:
    """Serves one page on this machine, to those who know its address: ``url``.

    ``living`` raises an exception where no page will answer. ``cpu`` gives the CPU time of the page, ns.
    """

    def __init__(self, living: Callable[[], None], cpu: Callable[[], int]) -> None:
        self._living, self._cpu = living, cpu
        self._requests = queue.Queue()  # type: queue.Queue[bytes]
        self._answers = queue.Queue()  # type: queue.Queue[bytes]
        token = os.urandom(16).hex()
        page = (_PAGE % js_modules.together(*js_modules.GUEST, *_MODULES)).encode()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self._answer("", lambda text: page, "text/html")

            def do_POST(self) -> None:
                name = self.path.rpartition("/")[2]
                known = {"next": server._next, "cpu": server._cpu_time, "sleep": server._sleep}
                self._answer(name, known.get(name), "text/plain")

            def _answer(self, name: str, answer: Any, kind: str) -> None:
                given = self.path.encode("utf-8", "replace")
                if answer is None or not hmac.compare_digest(given, ("/%s/%s" % (token, name)).encode()):
                    self.close_connection = True
                    return self.send_error(404)
                body = answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                self.send_response(200)
                headers = dict(_HEADERS, **{"Content-Type": kind, "Content-Length": str(len(body))})
                for header in headers.items():
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(body)
                return None

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        listening = _Listening(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/%s/" % (listening.server_port, token)
        threading.Thread(target=listening.serve_forever, daemon=True).start()

    def ask(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """The page's answer."""
        self._living()
        self._requests.put(json.dumps(request).encode())
        return self.answer()

    def answer(self) -> Dict[str, Any]:
        """What it says next."""
        while True:
            try:
                return json.loads(self._answers.get(timeout=_LOOK_S).decode())  # type: ignore[no-any-return]
            except queue.Empty:
                self._living()

    def _next(self, answer: bytes) -> bytes:
        self._answers.put(answer)
        return self._requests.get()

    def _cpu_time(self, _: bytes) -> bytes:
        return str(self._cpu()).encode()

    def _sleep(self, seconds: bytes) -> bytes:
        time.sleep(float(seconds.decode()))
        return b""
