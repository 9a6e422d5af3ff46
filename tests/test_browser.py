"""The report as people see it, in a headless Chromium: drawn, moved, dark, on a phone, from the keyboard, on paper.

Skipped where there is no Chromium, unless ``ACM_RS_CHROMIUM=required`` says that there must be one, and with
``ACM_RS_CHROMIUM=off``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from acm_rs.fleet.page import fleet_page
from acm_rs.fleet.standing import AssetStatus
from acm_rs.report import report_html
from browser import Browser, chromium
from results import made

PROGRAM = chromium()
WANTED = os.environ.get("ACM_RS_CHROMIUM")
REQUIRED = WANTED == "required"
if WANTED == "off":
    pytest.skip("ACM_RS_CHROMIUM=off: the report is not looked at in a browser", allow_module_level=True)
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
    # The first alarm is of the rows 200 to 219 of 400; its picture has 60 on either side.
    press(desk, "article button")
    assert extent(desk) == pytest.approx([140 / 400, 280 / 400], abs=0.01)
    assert desk.ask("document.querySelector('.shown').textContent") == "Shown: 2026-02-11 08:20 to 2026-02-12 07:40"
    press(desk, '[data-move="whole"]')
    assert extent(desk) == pytest.approx([0.0, 1.0], abs=1e-6)
    assert desk.ask("document.querySelector('.shown').textContent") == ""
    for where in ("a", "button", ".table[tabindex]"):
        assert desk.ask(
            f"""[...document.querySelectorAll({json.dumps(where)})].every(one => {{ one.focus();
                return document.activeElement === one && getComputedStyle(one).outlineStyle !== undefined; }})"""
        )


def span(browser: Browser, picture: str) -> list[float]:
    """The rows that a picture shows: 10 minutes each from 2026-02-10 09:00 on."""
    return browser.ask(  # type: ignore[no-any-return]
        f"""document.getElementById("{picture}-picture").layout.xaxis.range.map(value => typeof value === "number"
            ? value : (new Date(String(value).replace(" ", "T") + "Z") - Date.UTC(2026, 1, 10, 9)) / 600000)"""
    )


@pytest.mark.parametrize("page", ["page", "rows"])
def test_the_pictures_of_alarms_go_along_with_the_overview(browser: Browser, pages: Path, page: str) -> None:
    browser.screen(1280, 900)
    browser.like("light")
    browser.open(pages / f"{page}.html")

    def look(first: int, end: int) -> tuple[list[float], list[float]]:
        dated = "x => new Date(Date.UTC(2026, 1, 10, 9) + 600000 * x).toISOString().replace('Z', '')"
        browser.ask(
            f"""Plotly.relayout("overview-picture", {{"xaxis.range":
                [{first}, {end}].map({dated if page == "page" else "x => x"})}}).then(() => 0)"""
        )
        return span(browser, "episode-1"), span(browser, "episode-2")

    # Alarm 1 is shown from row 140 to 280, alarm 2 from row 200 to 400.
    whole = [140.0, 280.0], [200.0, 400.0]
    assert look(0, 400) == whole
    # Within one, within both, mostly within the second; then little of it, nothing, and all again.
    assert look(150, 190) == ([150.0, 190.0], whole[1])
    assert look(210, 250) == ([210.0, 250.0], [210.0, 250.0])
    assert look(260, 330) == (whole[0], [260.0, 330.0])
    assert look(190, 240) == ([190.0, 240.0], [200.0, 240.0])
    assert look(100, 220) == ([140.0, 220.0], whole[1])
    assert look(0, 100) == whole
    assert look(205, 215) == ([205.0, 215.0], [205.0, 215.0])
    assert look(0, 400) == whole
    assert browser.complaints == []


def over(browser: Browser, row: float, panel: int = 0) -> tuple[float, float]:
    """Where a row of 400 is on the screen, in the score or in a panel below it."""
    left, width, top, height = browser.ask(
        f"""(() => {{ document.documentElement.style.scrollBehavior = "auto";
            document.getElementById("overview").scrollIntoView();
            const box = document.querySelectorAll("#overview-picture .nsewdrag")[{panel}].getBoundingClientRect();
            return [box.left, box.width, box.top, box.height]; }})()"""
    )
    return left + row / 400 * width, top + 0.6 * height


FOCUSED = "document.activeElement.id"


def test_a_click_on_an_alarm_leads_to_it(desk: Browser) -> None:
    for number, row in ((2, 350), (1, 210)):
        desk.click(over(desk, row))
        desk.wait(f"{FOCUSED} === 'episode-{number}'")
        assert desk.ask(f"document.getElementById('episode-{number}').getBoundingClientRect().top") == pytest.approx(
            0, abs=40
        )
        assert extent(desk) == [0.0, 1.0]
    # Neither beside an alarm, nor below the score, nor by a double click, which goes back to the whole, nor by a drag.
    desk.ask("document.activeElement.blur()")
    desk.click(over(desk, 100))
    desk.click(over(desk, 350, 2))
    spot = over(desk, 210)
    desk.click(spot)
    desk.click(spot, 2)
    later = "new Promise(done => setTimeout(done, 500))"
    desk.ask(later)
    assert desk.ask(FOCUSED) == ""
    desk.drag(over(desk, 205), over(desk, 320))
    desk.ask(later)
    assert desk.ask(FOCUSED) == ""
    assert extent(desk) == pytest.approx([205 / 400, 320 / 400], abs=0.01)
    # The pointer says where a click leads somewhere; the alarm has moved with the zoom.
    cursor = "getComputedStyle(document.querySelector('#overview-picture .nsewdrag')).cursor"
    x, y = over(desk, 390)
    desk.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert desk.ask(cursor) == "pointer"
    x, y = over(desk, 200)
    desk.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert desk.ask(cursor) != "pointer"


def test_a_finger_on_an_alarm_leads_to_it(browser: Browser, pages: Path) -> None:
    browser.screen(390, 844, touch=True)
    browser.open(pages / "page.html")
    x, y = over(browser, 350)
    browser.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
    browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    browser.wait(f"{FOCUSED} === 'episode-2'")
    browser.screen(1280, 900)


# When the overview stood there for the first time, as a still picture and as a live one: after the frame that shows it.
WATCH = """(() => {
    window.seen = {};
    const note = name => {
        if (name in window.seen) return;
        window.seen[name] = null;
        requestAnimationFrame(() => setTimeout(() => { window.seen[name] = performance.now(); }, 0));
    };
    new MutationObserver(() => {
        const place = document.getElementById("overview-picture");
        if (place && place.querySelector(".still path")) note("still");
        if (place && place.querySelector(".main-svg .trace")) note("live");
    }).observe(document, {childList: true, subtree: true});
})()"""


def test_a_long_history_is_drawn_soon(tmp_path: Path) -> None:
    page = tmp_path / "long.html"
    page.write_text(report_html(made(100_000, 50)), encoding="utf-8")
    assert page.stat().st_size < 8e6
    assert PROGRAM is not None, "a Chromium is required"
    with Browser(PROGRAM, tmp_path / "browser") as fresh:
        fresh.screen(1280, 900)
        fresh.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        fresh.open(page)
        seen = fresh.ask("window.seen")
        assert fresh.complaints == []
    # The still picture is there before a browser has read the script that draws the live one.
    assert seen["still"] < 2_000
    assert seen["still"] < 0.7 * seen["live"]


def test_without_scripts_the_overview_stands_still(browser: Browser, pages: Path) -> None:
    browser.screen(1280, 900)
    browser.like("light")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.call("Page.navigate", url=(pages / "page.html").as_uri())
        browser.wait("document.readyState === 'complete'")
        assert "Scripts are off" in browser.ask("document.querySelector('noscript').innerText")
        shown = browser.ask(
            """[...document.querySelectorAll(".picture")].filter(one => one.getClientRects().length).map(one =>
                [one.id, one.querySelectorAll(".still path").length])"""
        )
        assert [name for name, _ in shown] == ["overview-picture"]
        assert shown[0][1] > 6
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    # With them it makes way for the live one, at the same place.
    still = browser.ask("document.querySelector('.still svg').getBoundingClientRect().toJSON()")
    browser.open(pages / "page.html")
    assert browser.ask("document.querySelectorAll('.still').length") == 0
    live = browser.ask("document.querySelector('#overview-picture .nsewdrag').getBoundingClientRect().toJSON()")
    assert [still["width"], still["height"]] == pytest.approx([live["width"], live["height"]], abs=25)


def test_paper_has_every_picture_even_if_none_was_near_the_screen(browser: Browser, pages: Path) -> None:
    lazy = browser.call("Page.addScriptToEvaluateOnNewDocument", source=LAZY)
    browser.screen(1280, 400)
    browser.call("Page.navigate", url=(pages / "page.html").as_uri())
    browser.wait("document.readyState === 'complete' && document.querySelector('#overview-picture .trace') !== null")
    drawn = """[...document.querySelectorAll(".picture")].filter(one => one.querySelector("svg .trace")).length"""
    try:
        assert browser.ask(drawn) < 4
        browser.ask("window.dispatchEvent(new Event('beforeprint'))")
        assert browser.ask(drawn) == 4
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", **lazy)
        browser.screen(1280, 900)


# A browser that is never idle.
LAZY = "window.requestIdleCallback = () => 0;"


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
    # The page hears of it with the next frame.
    desk.wait(f"{pressed} === 'true'")
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


@pytest.mark.parametrize(("width", "touch"), [(1280, False), (390, True)])
def test_the_page_of_a_fleet_fits_its_screen_and_runs_nothing(
    browser: Browser, tmp_path: Path, width: int, touch: bool
) -> None:
    alarm = {"score": {"state": "done", "open": True}}
    fine = {"score": {"state": "done", "open": False}}
    span = ("2026-01-05T06:00:00", "2026-01-05T18:00:00", 3.5)
    times = {"first": "2026-01-05T00:00:00", "last": "2026-01-06T00:00:00", "rows": 145, "judged": 145}
    assets = [
        AssetStatus(NASTY, "a", "alarm", health=0.3, alarms=1, peak=3.5, spans=[span], sections=alarm, **times),  # type: ignore[arg-type]
        AssetStatus("W" * 90, "b", "scored", health=0.8, notes=[NASTY], sections=fine, **times),  # type: ignore[arg-type]
        AssetStatus("c", "c", "failed", error=NASTY),
    ]
    page = tmp_path / "index.html"
    page.write_text(fleet_page(NASTY, assets, {NASTY: "a%20b.html"}, {NASTY: NASTY}), encoding="utf-8")
    browser.complaints.clear()
    browser.asked.clear()
    browser.screen(width, 900, touch=touch)
    browser.like("light")
    browser.call("Page.navigate", url=page.as_uri())
    browser.wait(f"document.readyState === 'complete' && location.href === '{page.as_uri()}'")
    assert browser.ask("document.documentElement.scrollWidth") == width
    assert browser.ask("window.harmed") is None
    assert browser.ask("document.querySelectorAll('img, script').length") == 0
    assert browser.complaints == []
    assert [url for url in browser.asked if not url.startswith("file:")] == []
    track, bar = browser.ask(
        """[".track", ".track i:not(.there)"].map(which => {
            const box = document.querySelector(which).getBoundingClientRect(); return [box.left, box.width]; })"""
    )
    # Six hours after the beginning, for twelve of twenty-four.
    assert bar[0] - track[0] == pytest.approx(track[1] / 4, abs=1.5)
    assert bar[1] == pytest.approx(track[1] / 2, abs=1.5)
