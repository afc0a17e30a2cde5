"""report/index.html in a real browser: what it does, on every kind of screen, and what it must not do."""

import pytest

from tests.browser.conftest import READY, wait_until
from tests.data import page_inputs
from tests.data.page_inputs import HOSTILE

EVERY = "#every tbody tr"


def _texts(tab, selector):
    return tab.eval_on_selector_all(selector, "all => all.map(e => e.textContent)")


def _shown(tab):
    return tab.locator(EVERY).locator("visible=true").count()


def _column(tab, name):
    """Values of a numeric column of the table of all cells, "" where there is none."""
    heads = [text.strip() for text in _texts(tab, "#every thead th")]
    place = f"{EVERY} > :nth-child({heads.index(name) + 1})"
    return tab.eval_on_selector_all(place, "all => all.map(e => e.dataset.v)")


def _hover(mark):
    """Point at a mark; its number may cover it, and has the same text."""
    mark.scroll_into_view_if_needed()
    # Scrolling hides the text, and its event comes with the next frame.
    mark.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    mark.hover(force=True)
    mark.page.wait_for_selector(".pop:not([hidden])")


def _head(tab, name):
    return tab.locator("#every thead th", has=tab.get_by_role("button", name=name, exact=True))


def test_every_chart_is_drawn_and_replaces_its_picture(visit, whole):
    tab = visit(whole)
    names = tab.eval_on_selector_all("[data-chart]", "all => all.map(e => e.dataset.chart)")
    assert names == ["heatmap", "ranks", "compile-time", "size", "code-size", "sweep-wasmtime", "phases"]
    assert tab.locator(".static").count() == 0
    assert tab.locator("[data-chart] .vega-embed svg, [data-chart] svg.marks").count() == len(names)
    cells = len(page_inputs.results().cells)
    assert tab.locator("[data-chart=heatmap] .mark-rect.role-mark path").count() >= cells


def test_sorting_goes_both_ways_and_says_so(visit, whole):
    tab = visit(whole)
    button = tab.locator("#every").get_by_role("button", name="iterations/s", exact=True)
    head = _head(tab, "iterations/s")
    button.click()
    assert head.get_attribute("aria-sort") == "descending"
    found = _column(tab, "iterations/s")
    numbers = [float(x) for x in found if x]
    assert numbers == sorted(numbers, reverse=True)
    # What has no number comes last, in both directions.
    assert found[-1] == ""
    button.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    found = _column(tab, "iterations/s")
    numbers = [float(x) for x in found if x]
    assert numbers == sorted(numbers)
    assert found[-1] == ""
    tab.locator("#every").get_by_role("button", name="cell", exact=True).click()
    assert head.get_attribute("aria-sort") is None
    names = _texts(tab, f"{EVERY} > th")
    assert names == sorted(names)


def test_filters_narrow_together_and_the_count_is_announced(visit, whole):
    tab = visit(whole)
    cells = page_inputs.results().cells
    count = tab.locator("#every-count")
    assert count.get_attribute("aria-live") == "polite"
    assert count.text_content() == f"{len(cells)} of {len(cells)} rows shown"
    tab.locator("select[name=backend]").select_option("wasm3")
    wanted = sum(c.backend == "wasm3" for c in cells)
    assert _shown(tab) == wanted
    tab.locator("select[name=status]").select_option("unavailable")
    assert _shown(tab) == 1
    assert count.text_content() == f"1 of {len(cells)} rows shown"
    tab.get_by_label("Search").fill("no such words")
    assert _shown(tab) == 0
    tab.get_by_role("button", name="Clear").click()
    wait_until(tab, "document.getElementById('every-count').textContent.startsWith('42 of')")
    tab.get_by_label("Search").fill("WASMTIME O3")
    assert _texts(tab, f"{EVERY}:not([hidden]) > th") == ["coremark/zig/O3/wasmtime.cranelift"]


def test_hovering_tells_score_ratio_and_interval(visit, whole):
    tab = visit(whole)
    tile = tab.locator("[data-chart=heatmap] .mark-rect.role-mark path").first
    _hover(tile)
    lines = _texts(tab, ".pop p")
    cell = page_inputs.results().cells[0]
    assert lines[0] == "coremark/zig/O0/native"
    assert lines[1] == f"{cell.measurement.score:.0f} iterations/s"
    assert f"({cell.measurement.ratio_low:.3f} – {cell.measurement.ratio_high:.3f}," in lines[2]
    tab.mouse.move(2, 2)
    tab.wait_for_selector(".pop", state="hidden")


def test_the_keyboard_walks_over_a_chart(visit, whole):
    tab = visit(whole)
    chart = tab.locator("[data-chart=heatmap]")
    chart.focus()
    spoken = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        tab.keyboard.press(key)
        tab.wait_for_selector(".pop:not([hidden])")
        spoken.append(tab.locator(".aloud[role=status]").text_content().partition("\n")[0])
    best, other = spoken[0].split("/")[3], spoken[2].split("/")[3]
    assert spoken[0] == f"coremark/zig/O0/{best}"
    assert spoken[1] == f"coremark/zig/O1/{best}"
    assert spoken[2] == f"coremark/zig/O1/{other}"
    assert spoken[3] == f"coremark/zig/O0/{other}"
    assert best != other
    tab.keyboard.press("Escape")
    tab.wait_for_selector(".pop", state="hidden")


def test_unavailable_cells_say_why_on_hover(visit, whole):
    tab = visit(whole)
    cell = next(c for c in page_inputs.results().cells if c.status == "unavailable")
    tile = tab.locator("[data-chart=heatmap] text", has_text="unavailable")
    _hover(tile)
    assert _texts(tab, ".pop p")[-1] == f"unavailable: {cell.reason}"


def _paper(tab):
    return tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_theme_follows_the_system_and_then_the_switch(visit, whole):
    tab = visit(whole, color_scheme="dark")
    dark = _paper(tab)
    tab.get_by_label("Light").check()
    light = _paper(tab)
    assert light == "rgb(255, 255, 255)"
    assert dark != light
    tab.reload()
    wait_until(tab, READY)
    assert _paper(tab) == light
    assert tab.get_by_label("Light").is_checked()
    tab.get_by_label("Auto").check()
    assert _paper(tab) == dark


def test_the_theme_switches_where_storage_is_forbidden(visit, whole):
    tab = visit("about:blank", ready=False)
    tab.add_init_script(
        "Object.defineProperty(window, 'localStorage', "
        "{get() { throw new DOMException('no', 'SecurityError') }})"
    )
    tab.goto(whole)
    wait_until(tab, READY)
    tab.get_by_label("Dark").check()
    assert _paper(tab) != "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_axe_finds_nothing_serious(visit, whole, axe, scheme, width):
    tab = visit(whole, color_scheme=scheme, viewport={"width": width, "height": 800})
    tab.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true })")
    found = axe.run(tab).response
    bad = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in bad] == []
    assert len(found["passes"]) > 30


def test_several_workloads_have_charts_of_their_own_and_a_filter(visit, several, axe):
    tab = visit(several)
    names = tab.eval_on_selector_all("[data-chart]", "all => all.map(e => e.dataset.chart)")
    heatmaps = [name for name in names if name.startswith("heatmap")]
    assert heatmaps == ["heatmap-coremark", "heatmap-json", "heatmap-nbody"]
    assert tab.locator(".static").count() == 0
    _hover(tab.locator("[data-chart=heatmap-nbody] .mark-rect.role-mark path").first)
    lines = _texts(tab, ".pop p")
    assert lines[0] == "nbody/zig/O0/native"
    assert lines[1].endswith(" runs/s")
    tab.locator("select[name=workload]").select_option("json")
    assert _shown(tab) == len(page_inputs.results().cells)
    tab.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true })")
    found = axe.run(tab).response
    bad = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"][:200]) for v in bad] == []


@pytest.mark.parametrize("which", ["whole", "large", "hostile", "several"])
def test_a_phone_scrolls_down_only(visit, request, which):
    tab = visit(request.getfixturevalue(which), viewport={"width": 375, "height": 700})
    tab.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true })")
    assert tab.evaluate("document.documentElement.scrollWidth") == 375
    tab.evaluate("scrollTo(500, 0)")
    assert tab.evaluate("scrollX") == 0


def test_a_phone_without_scripts_scrolls_down_only(visit, whole):
    tab = visit(whole, ready=False, java_script_enabled=False, viewport={"width": 375, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth") == 375


def test_wide_tables_scroll_by_themselves_under_a_column_that_stays(visit, whole):
    tab = visit(whole, viewport={"width": 375, "height": 700})
    region = tab.locator("#every").locator("..")
    first = tab.locator(f"{EVERY} > th").first
    before = first.bounding_box()["x"]
    region.focus()
    region.evaluate("e => { e.scrollLeft = 400 }")
    assert region.evaluate("e => e.scrollLeft") == 400
    assert abs(first.bounding_box()["x"] - before) < 2


def test_without_scripts_tables_and_pictures_remain(visit, whole):
    tab = visit(whole, ready=False, java_script_enabled=False)
    cells = page_inputs.results().cells
    assert tab.locator(EVERY).count() == len(cells)
    pictures = tab.locator("[data-chart] .static svg")
    assert pictures.count() == 7
    assert all(pictures.nth(n).bounding_box()["height"] > 100 for n in range(7))
    assert not tab.locator("form.filters").is_visible()
    assert not tab.locator(".theme").is_visible()
    assert tab.locator("button:visible").count() == 0
    tab.get_by_text("The same as a table, with scores and intervals").click()
    assert tab.locator("#grid-1").is_visible()


def test_on_paper_everything_is_open_and_black_on_white(visit, whole):
    tab = visit(whole, color_scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    assert _paper(tab) == "rgb(255, 255, 255)"
    assert not tab.locator("nav").is_visible()
    assert not tab.locator("form.filters").is_visible()
    assert tab.locator("#every").locator("..").evaluate("e => getComputedStyle(e).overflowX") == "visible"
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details[open]").count() == 0
    assert len(tab.pdf(prefer_css_page_size=True)) > 50_000


def test_hostile_text_stays_text_in_the_browser(visit, hostile):
    tab = visit(hostile)
    assert tab.locator("img, iframe, object, embed, link").count() == 0
    assert tab.locator("script").count() == 4
    tile = tab.locator("[data-chart=heatmap] .mark-rect.role-mark path").first
    _hover(tile)
    assert HOSTILE in tab.locator(".pop").text_content()
    assert "<img src=x" in "".join(_texts(tab, "[data-chart=heatmap] .role-axis-label text"))
    tab.get_by_label("Search").fill("onerror=alert(1)")
    assert _shown(tab) == len(page_inputs.results().cells)


@pytest.mark.parametrize(
    ("attempt", "directive"),
    [
        ("fetch('https://example.invalid/').catch(() => 0)", "connect-src"),
        (
            "document.body.append(Object.assign(new Image(), {src: 'https://example.invalid/x.png'}))",
            "img-src",
        ),
        ("setTimeout('1')", "script-src"),
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
    ],
)
def test_the_policy_refuses_what_the_page_does_not_do(browser, whole, attempt, directive):
    tab = browser.new_page()
    tab.goto(whole)
    refused = tab.evaluate(
        "() => new Promise(done => { addEventListener('securitypolicyviolation', "
        f"event => done(event.effectiveDirective)); {attempt}; }})"
    )
    tab.close()
    assert refused.startswith(directive)


#: Plain work in the same tab: ms for a million sines, 10 where a page of this size is ready after 650.
SINES = """() => { const begin = performance.now(); let sum = 0;
for (let i = 0; i < 1e6; i++) sum += Math.sin(i);
return sum < 1e6 && performance.now() - begin; }"""


def test_a_full_matrix_is_interactive_within_two_seconds(visit, large):
    """From the start of navigation until charts answer and tables sort: the best of three tries.

    On a busy or slow machine both that and a fixed piece of work take longer.
    """
    took = []
    for _ in range(3):
        tab = visit(large)
        ready = tab.evaluate("performance.getEntriesByName('page-ready')[0].startTime")
        took.append((ready, tab.evaluate(SINES)))
        if ready < 2000:
            break
    print(f"interactive after, and a million sines: {took} ms")
    assert any(ready < 2000 or ready < 200 * sines for ready, sines in took)
