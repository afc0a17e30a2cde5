"""Vega-Lite specifications -> pictures (SVG, PNG) and the JavaScript that draws them, all by vl-convert."""

from __future__ import annotations

import contextlib
import functools
import re
from importlib import metadata
from typing import Any

import msgspec

from pipeline.core import paths
from pipeline.core.files import digest_of, read_record, write_record

_SCALE = 2.0
#: What of the bundle page.js sees.
_GLOBALS = "window.vegaEmbed = vegaEmbed;"
#: What vl-convert's SVG of a chart may consist of: shapes and text, nothing that acts or fetches.
_HARMLESS = {
    *("svg", "g", "path", "line", "rect", "circle", "text", "tspan", "title"),
    *("defs", "clipPath", "linearGradient", "stop"),
}


def svg(spec: dict[str, Any], datasets: dict[str, Any]) -> str:
    """The picture as a file: on white, with text as text."""
    import vl_convert

    whole = {**spec, "datasets": datasets, "background": "white"}
    text = str(vl_convert.vegalite_to_svg(whole, allowed_base_urls=[]))
    # Half of the bytes are digits that no screen shows. Only within tags: a label may be a number, too.
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), text)
    # vl-convert numbers on from picture to picture, as long as the process lives.
    numbers = {old: f"id{n}" for n, old in enumerate(dict.fromkeys(re.findall(r'\bid="(\w+)"', text)))}
    text = re.sub(r'\bid="(\w+)"', lambda found: f'id="{numbers[found[1]]}"', text)
    return re.sub(r"url\(#(\w+)\)", lambda found: f"url(#{numbers.get(found[1], found[1])})", text)


def png(svg_text: str) -> bytes:
    """The same picture as pixels, two for one."""
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg_text.replace("currentColor", "#1b1f24"), scale=_SCALE))


def inline(svg_text: str, name: str) -> str:
    """The same picture as a part of a page: no background, and ids that no other picture has.

    Raises ValueError where it has an element or attribute that could act: its text comes from outside.
    """
    import xml.etree.ElementTree as ElementTree

    for element in ElementTree.fromstring(svg_text).iter():
        tag = element.tag.rpartition("}")[2]
        acting = [key for key in element.attrib if key.lower().startswith("on") or key.endswith("href")]
        if tag not in _HARMLESS or acting:
            raise ValueError(f"a chart's picture has an element that may act: {tag} {acting}")
    text = re.sub(r'<rect width="[\d.]+" height="[\d.]+" fill="white"/>', "", svg_text, count=1)
    text = re.sub(r'\bid="([\w-]+)"', rf'id="{name}-\1"', text)
    return re.sub(r"url\(#([\w-]+)\)", rf"url(#{name}-\1)", text)


@functools.cache
def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script; it holds no end of a script element.

    It is the same for every page of a version of vl-convert, which takes a second for it: so it is kept.
    """
    with contextlib.suppress(OSError, ValueError):
        kept = read_record(paths.PAGE_SCRIPT, _Script)
        if kept.key == _key(kept.text):
            return kept.text
    text = _bundled()
    write_record(paths.PAGE_SCRIPT, _Script(_key(text), text))
    return text


class _Script(msgspec.Struct, frozen=True):
    """The script, and how it is known whether it is the one of this version and whole."""

    key: str
    text: str


def _key(text: str) -> str:
    return digest_of([metadata.version("vl-convert-python"), _GLOBALS, text])


def _bundled() -> str:
    import vl_convert

    bundle = str(vl_convert.javascript_bundle(_GLOBALS))
    if "</script" in bundle.lower() or "<!--" in bundle:
        raise ValueError("the JavaScript bundle of vl-convert cannot stand inside a page")
    return bundle
