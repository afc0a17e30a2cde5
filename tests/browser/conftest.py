"""A real browser for report/index.html: Debian's Chromium, driven by Playwright, without a network."""

import os
import shutil

import pytest

from pipeline.report.page import write_page
from tests.data import page_inputs

#: Of Playwright's defaults Chromium still asks Google for this and that.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _absent(why):
    """Skip, but not where all must have been tested."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _absent("playwright is not installed; run: pip install -e '.[test]'")
    chromium = shutil.which("chromium")
    if chromium is None:
        _absent("chromium is not on PATH; run: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe():
    """axe-core, which comes with its package."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        _absent("axe-playwright-python is not installed; run: pip install -e '.[test]'")
    return Axe()


def _written(folder, *inputs):
    path = folder / "index.html"
    path.write_text(write_page.make(*inputs)[0], encoding="utf-8")
    return path.as_uri()


#: True once the page's own script has run.
READY = "performance.getEntriesByName('page-ready').length === 1"


def wait_until(tab, condition):
    """Wait up to 10 s for a condition in JavaScript.

    Playwright's own wait compiles its text in the page, which the page's policy forbids.
    """
    tab.evaluate(
        "new Promise((resolve, reject) => { const end = performance.now() + 10000; const look = () => "
        f"{condition} ? resolve() : performance.now() > end ? reject(new Error('waited 10 s')) "
        ": setTimeout(look, 20); look() })"
    )


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The address of a page with everything on it."""
    return _written(tmp_path_factory.mktemp("whole"), *page_inputs.full())


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """The same, of inputs that would like to run."""
    return _written(tmp_path_factory.mktemp("hostile"), *map(page_inputs.poisoned, page_inputs.full()))


@pytest.fixture(scope="session")
def several(tmp_path_factory):
    """Three workloads."""
    return _written(tmp_path_factory.mktemp("several"), page_inputs.several(), [], [])


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """18 backends under 12 variants."""
    inputs = (page_inputs.large(), [page_inputs.sweep()], page_inputs.CLAIMS)
    return _written(tmp_path_factory.mktemp("large"), *inputs)


@pytest.fixture
def visit(browser):
    """Open an address in a new profile; any complaint, request or dialog of the page fails the test."""
    contexts, troubles, asked = [], [], []

    def open_(address, *, ready=True, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(10_000)
        tab = context.new_page()
        tab.on("console", lambda message: troubles.append(f"{message.type}: {message.text}"))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on("dialog", lambda dialog: (troubles.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(address)
        if ready:
            wait_until(tab, READY)
        return tab

    yield open_
    for context in contexts:
        context.close()
    assert troubles == []
    assert [url for url in asked if not url.startswith("file:") or not url.endswith("/index.html")] == []
