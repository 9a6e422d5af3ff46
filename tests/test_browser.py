"""The report as people see it, in a headless Chromium: drawn, moved, dark, on a phone, from the keyboard, on paper.

Skipped where there is no Chromium, unless ``ACM_RS_CHROMIUM=required`` says that there must be one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from acm_rs.report import report_html
from browser import Browser, chromium
from results import made

PROGRAM = chromium()
REQUIRED = os.environ.get("ACM_RS_CHROMIUM") == "required"
if PROGRAM is None and not REQUIRED:
    pytest.skip("no Chromium is installed: the report is not looked at in a browser", allow_module_level=True)
if not REQUIRED:
    pytest.importorskip("plotly")
# What the page must not do with names that come from data.
NASTY = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "page.html").write_text(report_html(made()), encoding="utf-8")
    nasty = made(names=[NASTY, *"abcde"])
    nasty.units = {NASTY: NASTY}
    nasty.monitor_card = {"asset": NASTY}
    nasty.regime_names = ("unknown", "standstill", NASTY)
    (folder / "nasty.html").write_text(report_html(nasty), encoding="utf-8")
    (folder / "rows.html").write_text(report_html(made(timed=False)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert PROGRAM is not None, "a Chromium is required"
    with Browser(PROGRAM, tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def desk(browser: Browser, pages: Path) -> Browser:
    browser.screen(1280, 900)
    browser.like("light")
    browser.open(pages / "page.html")
    return browser


def extent(browser: Browser) -> list[float]:
    """What the overview shows, as shares of the whole period."""
    return browser.ask(  # type: ignore[no-any-return]
        """(() => {
            const axis = document.getElementById("overview-picture")._fullLayout.xaxis;
            const whole = JSON.parse(document.getElementById("figures").textContent).overview.layout.xaxis.range;
            const at = value => typeof value === "number" ? value : axis.d2r ? axis.r2l(value) : 0;
            const [a, b] = whole.map(at);
            return axis.range.map(value => (at(value) - a) / (b - a));
        })()"""
    )


@pytest.mark.parametrize("page", ["page", "rows", "nasty"])
def test_everything_is_drawn_and_nothing_complains(browser: Browser, pages: Path, page: str) -> None:
    browser.screen(1280, 900)
    browser.like("light")
    browser.open(pages / f"{page}.html")
    assert browser.complaints == []
    assert [url for url in browser.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    drawn = browser.ask(
        """[...document.querySelectorAll(".picture")].map(place => [place.id,
            place.querySelectorAll("svg .trace, svg .hm").length, place.getBoundingClientRect().height])"""
    )
    assert [name for name, _, _ in drawn] == [
        "overview-picture",
        "episode-1-picture",
        "episode-2-picture",
        "plane-picture",
    ]
    for name, traces, height in drawn:
        assert traces >= (4 if name == "overview-picture" else 2), name
        assert height > 150, name
    assert browser.ask("window.harmed") is None
    # A point that the pointer is over tells of itself, in text.
    spot = browser.ask(
        """(() => { const box = document.querySelector("#overview-picture .nsewdrag").getBoundingClientRect();
            window.scrollTo(0, box.top + window.scrollY - 200);
            const now = document.querySelector("#overview-picture .nsewdrag").getBoundingClientRect();
            return [now.left + 0.9 * now.width, now.top + 0.5 * now.height]; })()"""
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=spot[0], y=spot[1])
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=spot[0] + 1, y=spot[1])
    browser.wait("document.querySelectorAll('#overview-picture .hoverlayer').length > 0")
    assert browser.ask("window.harmed") is None
    assert browser.complaints == []


def test_score_regimes_and_sensors_move_together(desk: Browser) -> None:
    assert desk.ask('document.getElementById("overview-picture")._fullLayout._subplots.cartesian') == [
        "xy",
        "xy2",
        "xy3",
    ]
    assert extent(desk) == [0.0, 1.0]
    ticks = "[...document.querySelectorAll('#overview-picture .xtick text')].map(one => one.textContent)"
    before = desk.ask(ticks)
    desk.ask('document.getElementById("overview").scrollIntoView()')
    boxes = desk.ask(
        """[...document.querySelectorAll("#overview-picture .nsewdrag")].map(one => {
            const box = one.getBoundingClientRect(); return [box.left, box.width, box.top, box.height]; })"""
    )
    # One axis under all three.
    assert len({tuple(box[:2]) for box in boxes}) == 1
    assert len(boxes) == 3
    left, width, top, height = boxes[0]
    desk.drag((left + 0.25 * width, top + height / 2), (left + 0.5 * width, top + height / 2))
    assert extent(desk) == pytest.approx([0.25, 0.5], abs=0.01)
    assert desk.ask(ticks) != before


def press(desk: Browser, selector: str, key: str = "Enter") -> None:
    assert desk.ask(
        f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.focus();"
        "return document.activeElement === one; })()"
    )
    desk.key(key, {"Enter": 13, " ": 32}[key])


def test_the_buttons_work_from_the_keyboard(desk: Browser) -> None:
    press(desk, '[data-move="in"]')
    assert extent(desk) == pytest.approx([0.25, 0.75], abs=1e-3)
    press(desk, '[data-move="later"]')
    assert extent(desk) == pytest.approx([0.5, 1.0], abs=1e-3)
    press(desk, '[data-move="later"]')
    assert extent(desk) == pytest.approx([0.5, 1.0], abs=1e-3)
    press(desk, '[data-move="earlier"]')
    assert extent(desk) == pytest.approx([0.25, 0.75], abs=1e-3)
    press(desk, '[data-move="out"]')
    assert extent(desk) == pytest.approx([0.0, 1.0], abs=1e-3)
    # The first alarm is of the rows 200 to 219 of 400; as many are shown on either side.
    press(desk, "article button")
    assert extent(desk) == pytest.approx([180 / 400, 240 / 400], abs=0.01)
    press(desk, '[data-move="whole"]')
    assert extent(desk) == pytest.approx([0.0, 1.0], abs=1e-6)
    for where in ("a", "button", ".table[tabindex]"):
        assert desk.ask(
            f"""[...document.querySelectorAll({json.dumps(where)})].every(one => {{ one.focus();
                return document.activeElement === one && getComputedStyle(one).outlineStyle !== undefined; }})"""
        )


def colours(browser: Browser) -> tuple[Any, Any]:
    return tuple(
        browser.ask(f"getComputedStyle(document.querySelector('{what}')).{kind}")
        for what, kind in (("body", "backgroundColor"), ("#overview-picture .xtick text", "fill"))
    )  # type: ignore[return-value]


LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 24, 28)"


def test_light_and_dark(desk: Browser) -> None:
    pressed = 'document.querySelector("[data-theme-switch]").getAttribute("aria-pressed")'
    assert colours(desk) == (LIGHT, "rgb(27, 33, 39)")
    assert desk.ask(pressed) == "false"
    desk.like("dark")
    assert colours(desk) == (DARK, "rgb(231, 234, 237)")
    assert desk.ask(pressed) == "true"
    press(desk, "[data-theme-switch]", " ")
    assert colours(desk)[0] == LIGHT
    assert desk.ask(pressed) == "false"
    press(desk, "[data-theme-switch]")
    assert colours(desk)[0] == DARK
    # Paper is white, whatever the screen was.
    for scheme in ("dark", "light"):
        desk.like(scheme, "print")
        assert colours(desk) == (LIGHT, "rgb(0, 0, 0)")
        assert desk.ask("getComputedStyle(document.querySelector('.buttons')).display") == "none"
    desk.like("light")
    assert colours(desk)[0] == DARK


def test_a_phone_scrolls_one_way(browser: Browser, pages: Path) -> None:
    browser.screen(390, 844, touch=True)
    browser.open(pages / "page.html")
    assert browser.complaints == []
    assert browser.ask("[document.documentElement.scrollWidth, window.innerWidth]") == [390, 390]
    assert browser.ask("document.getElementById('overview-picture')._fullLayout.dragmode") is False
    sizes = browser.ask("[...document.querySelectorAll('button')].map(one => one.getBoundingClientRect().height)")
    assert min(sizes) >= 24
    browser.screen(1280, 900)


CONTRAST = """(() => {
    const parts = colour => colour.match(/[\\d.]+/g).map(Number);
    const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const behind = one => {
        for (; one; one = one.parentElement) {
            const found = parts(getComputedStyle(one).backgroundColor);
            if (found.length < 4 || found[3] === 1) return found;
        }
        return [255, 255, 255];
    };
    const poor = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const one = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
        if (!text || ["SCRIPT", "STYLE"].includes(one.tagName) || !one.getClientRects().length) continue;
        const style = getComputedStyle(one), inside = one.closest("svg");
        const ink = light(parts(inside ? style.fill : style.color));
        const paper = light(behind(inside ? inside.parentElement : one));
        const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (ratio < 4.5) poor.push([text, Math.round(ratio * 10) / 10]);
    }
    return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(desk: Browser, scheme: str) -> None:
    desk.like(scheme)
    assert desk.ask(CONTRAST) == []


def _axe() -> Path | None:
    for package in ("axe_playwright_python", "axe_core_python"):
        found = find_spec(package)
        for place in (found.submodule_search_locations or []) if found else []:
            if (script := Path(place, "axe.min.js")).exists():
                return script
    return None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(desk: Browser, scheme: str) -> None:
    if _axe() is None and not REQUIRED:
        pytest.skip("axe is not installed: pip install --no-deps axe-playwright-python")
    desk.like(scheme)
    assert serious(desk) == []


def serious(desk: Browser) -> list[Any]:
    """What axe finds serious."""
    script = _axe()
    assert script is not None, "axe is required: pip install --no-deps axe-playwright-python"
    desk.ask(script.read_text(encoding="utf-8") + "; 0")
    found = desk.ask(
        "axe.run(document, {resultTypes: ['violations']}).then(all => all.violations.map(one => "
        "[one.impact, one.id, one.nodes.map(node => node.html.slice(0, 200))]))"
    )
    return [one for one in found if one[0] in ("serious", "critical")]


def test_what_is_judged_of_a_page_would_be_found(desk: Browser, tmp_path: Path) -> None:
    # The same questions to a page with a faint text, an error and a picture from elsewhere.
    page = tmp_path / "bad.html"
    page.write_text(
        '<html data-drawn="yes"><body style="background:#fff"><p style="color:#bbb">faint</p>'
        '<script>console.error("broken"); nothing.there</script><img src="none.png"></body></html>'
    )
    desk.open(page)
    assert [text for text, _ in desk.ask(CONTRAST)] == ["faint"]
    assert any("broken" in one for one in desk.complaints)
    assert any("nothing is not defined" in one for one in desk.complaints)
    assert any(url.endswith("none.png") for url in desk.asked)
    if _axe() is not None:
        assert {"color-contrast", "html-has-lang", "image-alt"} <= {name for _, name, _ in serious(desk)}
