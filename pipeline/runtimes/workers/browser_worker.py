"""Runs a module in a page of a browser, which it starts without a window, and ends."""

import base64
import os
import time
from typing import Tuple

import inputs
import serve
from browser_host.process import Browser
from browser_host.server import Server


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    started = time.perf_counter()
    browser = Browser(options)
    server = Server(browser.check, browser.cpu_ns)
    browser.open(server.url)
    hello = server.answer()
    runtime_seconds = time.perf_counter() - started
    if not hello["isolated"]:
        raise serve.Refused("the page is not isolated: its clock is too coarse")
    browser.find_page()
    browser.follow()
    files = None
    if "files" in options:
        files = {name: _base64(data) for name, data in inputs.contents(options["files"]).items()}
    stdin = _read(options.get("stdin", os.devnull))
    request = {"op": "load", "options": options, "module": _read(path), "files": files, "stdin": stdin}
    facts = server.ask(request)
    if "refused" in facts:
        raise serve.Refused(facts["refused"])

    def run(request: serve.Facts) -> serve.Facts:
        browser.follow()
        given = dict(request, stdin=_read(request["stdin"])) if "stdin" in request else request
        before = browser.used()
        answer = server.ask(given)
        used = {name: value - before[name] for name, value in browser.used().items()}
        answer["page_faults"] = int(used.pop("page_faults"))
        answer["used"] = {name: max(0.0, value) for name, value in used.items()}
        if request.get("watch"):
            answer["peak_rss_bytes"] = browser.peak_rss_bytes()
        return answer

    return run, dict(
        facts, code_bytes=None, version=browser.version(hello["version"]), runtime_seconds=runtime_seconds
    )


def _read(path: str) -> str:
    with open(path, "rb") as stream:
        return _base64(stream.read())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    serve.serve(load)
