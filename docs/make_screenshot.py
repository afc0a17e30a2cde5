"""Make docs/page.png, the picture in README.md: the top of the report page of the last run.

    doit run && python docs/make_screenshot.py

Needs the extras "test" (Playwright) and "docs" (Pillow), and Debian's chromium on PATH.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parent / "report/index.html"
PICTURE = FOLDER / "page.png"
#: In CSS pixels: the page has its facts side by side, and a README is nearly as wide.
WIDTH = 1200
MOST_BYTES = 150_000


def photograph(address: str, chromium: str) -> bytes:
    """The page from its top to the end of its first section, as PNG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(
            viewport={"width": WIDTH, "height": 800}, color_scheme="light", reduced_motion="reduce"
        )
        tab.goto(address)
        tab.wait_for_function("performance.getEntriesByName('page-ready').length === 1")
        tab.evaluate("document.fonts.ready.then(() => 0)")
        end = tab.locator("main figure").first.bounding_box()
        assert end is not None, "the page has no chart"
        area = {"x": 0, "y": 0, "width": WIDTH, "height": end["y"] + end["height"] + 24}
        taken: bytes = tab.screenshot(full_page=True, clip=area)
        browser.close()
    return taken


def reduced(picture: bytes) -> bytes:
    """The same with a palette of 128 colours, which a page of text and one chart hardly shows."""
    made = io.BytesIO()
    colours = Image.open(io.BytesIO(picture)).convert("RGB")
    colours.quantize(128, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


def main() -> int:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not on PATH; run: apt-get install chromium", file=sys.stderr)
        return 1
    if not PAGE.exists():
        print("report/index.html is missing; run: doit run", file=sys.stderr)
        return 1
    picture = reduced(photograph(PAGE.as_uri(), chromium))
    if len(picture) > MOST_BYTES:
        print(f"the picture has {len(picture)} bytes; expected at most {MOST_BYTES}", file=sys.stderr)
        return 1
    PICTURE.write_bytes(picture)
    print(f"{PICTURE.name}: {len(picture)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
