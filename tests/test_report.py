"""The report: one page that says what was found, needs nothing beside it, and runs nothing that data bring."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acm_rs.monitor import Culprit, Episode, Result
from acm_rs.report import report_html
from acm_rs.report.page import page
from acm_rs.report.pictures import MOST_SENSORS, around, axis_of, shortened, strangest
from acm_rs.report.thinning import Buckets
from acm_rs.report.words import cell, part, span_text, spelled
from results import made

SCRIPT = "/* in place of Plotly's */"
VOID = frozenset(("meta", "link", "br", "img", "input", "hr"))


class Reader(HTMLParser):
    """Elements, their attributes, and the text that a person reads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.held: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.held:
            self.held[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.held:
            self.held[self.open[-1]][-1] += data
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(result: Result) -> Reader:
    return Reader(page(result, SCRIPT))


def figures(result: Result) -> dict[str, Any]:
    found = read(result).held["script"][0]
    return dict(json.loads(found))


def unpacked(packed: dict[str, str]) -> np.ndarray[Any, Any]:
    values = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}")
    return values.reshape([int(size) for size in packed["shape"].split(", ")]) if "shape" in packed else values


@pytest.mark.parametrize("timed", [True, False])
def test_it_says_what_was_found(timed: bool) -> None:
    result = made(timed=timed)
    found = read(result)
    assert found.open == []
    span = "2 d 18 h (400 rows)" if timed else "400 rows"
    assert f"2 alarms in {span}, one still running." in found.words
    for sentence in result.explain():
        assert sentence in found.words
    for text in ("Fan 3", "12,960", "1 % of the rows", "'inlet' is absent: taken as missing.", "replaced in March"):
        assert text in found.words
    assert result.moment(300) in found.words
    assert f"{result.found[1].culprits[0].residual_sigmas:.1f} deviations too high" in found.words
    headings = [attributes.get("id") for attributes in found.all("h2")]
    assert headings == ["remarks", "overview", "episodes", "plane", "quality", "model", "reading"]
    assert [attributes.get("id") for attributes in found.all("h3")] == ["episode-1", "episode-2"]
    assert set(figures(result)) == {"overview", "plane", "episode-1", "episode-2"}


def test_people_who_do_not_see_the_pictures_are_told() -> None:
    found = read(made())
    pictures = [attributes for attributes in found.all("div") if attributes.get("class") == "picture"]
    assert len(pictures) == 4
    for attributes in pictures:
        assert attributes["role"] == "img"
        assert len(str(attributes["aria-label"])) > 40
    assert "with 2 alarms beginning at 2026-02-11 18:20, 2026-02-12 11:00." in str(pictures[0]["aria-label"])
    assert found.all("html")[0]["lang"] == "en"
    tables = [name for name, _ in found.elements if name in ("table", "caption")]
    assert tables == ["table", "caption"] * 5
    assert all(attributes.get("scope") in ("row", "col") for attributes in found.all("th"))
    labels = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
    assert len(labels) == sum("id" in attributes for _, attributes in found.elements)
    for _, attributes in found.elements:
        assert attributes.get("aria-labelledby") in labels | {None}
        if str(attributes.get("href", "")).startswith("#"):
            assert str(attributes["href"])[1:] in labels
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem", "prefers-reduced-motion"):
        assert rule in found.held["style"][0]


NASTY = '</script><script>alert("1")</script><img src=x onerror=alert(2)> <b>&amp;\x1b[31m'


def test_names_from_data_do_nothing() -> None:
    result = made(names=[NASTY, *"abcde"])
    result.monitor_card = {NASTY: NASTY, "asset": NASTY}
    result.remarks = [NASTY]
    result.units = {NASTY: NASTY}
    result.regime_names = ("unknown", "standstill", NASTY)
    for episode in result.found:
        episode.kind = episode.regime = NASTY
    found, plain = read(result), read(made(names=["plain", *"abcde"]))
    assert found.open == []
    assert {name for name, _ in found.elements} == {name for name, _ in plain.elements}
    assert len(found.held["script"]) == len(plain.held["script"]) == 3
    assert found.held["script"][1:] == plain.held["script"][1:]
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    assert found.words.count('<script>alert("1")</script>') > 10
    assert "\x1b" not in page(result, SCRIPT)
    assert "<" not in found.held["script"][0]
    # Plotly reads some tags in texts: it gets none.
    texts = json.dumps(figures(result))
    assert "alert" in texts
    assert "<img" not in texts
    assert "<b>&" not in texts


def test_the_browser_may_run_these_scripts_and_fetch_nothing() -> None:
    text = page(made(), SCRIPT)
    found = Reader(text)
    policy = next(str(a["content"]) for a in found.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert [base64.b64decode(one) for one in allowed] == [
        hashlib.sha256(code.encode()).digest() for code in found.held["script"][1:]
    ]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "http" not in policy
    assert not re.search(r"https?:|url\(|@import", text)
    sources = [attributes.get(name) for _, attributes in found.elements for name in ("src", "href", "data", "action")]
    assert all(source is None or source.startswith("#") for source in sources)


def test_plotlys_script_is_in_it() -> None:
    pytest.importorskip("plotly")
    text = report_html(made())
    assert "Plotly.newPlot" in text
    assert len(text) > 3_000_000
    assert text == report_html(made())


def test_without_plotly_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ModuleNotFoundError, match=r'plotly, which is not installed: pip install "acm-rs\[report\]"'):
        made().report(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_the_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("plotly")
    target = tmp_path / "page.html"
    target.write_text("old")
    result = made()
    result.report(str(target))
    assert target.read_text(encoding="utf-8") == report_html(result)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        result.report(target)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_long_history_stays_small() -> None:
    short, long = (len(page(made(rows, 50), "")) for rows in (4_000, 40_000))
    assert long < 1.1 * short
    assert long < 1_000_000


def test_the_extremes_of_a_long_history_are_in_the_picture() -> None:
    result = made(30_000, 3)
    result.scores[12_345] = 7.5
    result.values[2_222, 2] = result.expected_values[2_222, 2] - 50.0 * result.band[2]
    score, _, _, heat = figures(result)["overview"]["data"]
    assert np.nanmax(unpacked(score["y"])) == 7.5
    assert np.nanmin(unpacked(heat["z"])[2]) == pytest.approx(-50.0)
    edges = unpacked(heat["x"])
    cell_ = int(np.nanargmin(unpacked(heat["z"])[2]))
    assert edges[cell_] <= axis_of(result)[2_222] < edges[cell_ + 1]


def test_the_overview_is_there_before_any_script() -> None:
    result = made(30_000, 3)
    result.scores[12_345] = 7.5
    result.values[22_500:, 0] = result.expected_values[22_500:, 0] + 12.0 * result.band[0]
    text = page(result, SCRIPT)
    begin = text.index('<div class="still"')
    assert begin < text.index("<script")
    score, ribbon, heat = re.findall(r"<svg .*?</svg>", text[begin : text.index("<figcaption", begin)])
    alarms, line, limit = re.findall(r'd="([^"]*)"', score)
    assert [float(x) for x in re.findall(r"M([\d.]+) 0H", alarms)] == [500.0, 750.0]
    points = np.array([[float(x) for x in pair.split()] for pair in re.findall(r"[\d.]+ [\d.]+", line)])
    top = 7.5 * 1.08
    highest = points[points[:, 1].argmin()]
    assert highest == pytest.approx([12_345 / 30.0, (1.0 - 7.5 / top) * 210.0], abs=0.6)
    # Nothing is drawn where nothing is judged; the limit goes on.
    still = (points[:, 0] > 251.0) & (points[:, 0] < 349.0)
    assert not still.any()
    assert set(re.findall(r"[ML][\d.]+ ([\d.]+)", limit)) == {f"{(1.0 - 1.0 / top) * 210.0:.1f}"}
    assert re.findall(r"M\d+ 0h\d+", ribbon) == ["M250 0h100", "M0 0h250", "M350 0h650"]
    # The second sensor reads too little in the first alarm, the first too much in the second.
    full = re.findall(r'd="([^"]*)" stroke="rgba\(([\d,]*),1.00\)"', heat)
    assert [colour for _, colour in full] == ["46,124,214", "214,69,65"]
    low, high = (np.array([[int(x) for x in one] for one in re.findall(r"M(\d+) (\d)h(\d+)", d)]) for d, _ in full)
    assert abs(low[low[:, 1] == 1][:, 2].sum() - 50) <= 5
    assert abs(high[high[:, 1] == 0][:, 2].sum() - 250) <= 5


def test_an_episode_shows_readings_beside_what_they_should_be() -> None:
    result = made()
    band, expected, readings, *_ = figures(result)["episode-2"]["data"]
    half = 2.0 * result.band[0]
    middle = unpacked(expected["y"])
    assert np.allclose(middle, result.expected_values[200:, 0], rtol=1e-6)
    assert np.allclose(unpacked(readings["y"]), result.values[200:, 0], rtol=1e-6)
    outline = unpacked(band["y"])
    assert np.allclose(outline[:200], middle + half, rtol=1e-6)
    assert np.allclose(outline[200:400], (middle - half)[::-1], rtol=1e-6)


def test_the_plane_keeps_its_extremes_and_counts_what_lies_beyond() -> None:
    result = made(20_000, 4)
    plane = np.array(result._plane())  # type: ignore[misc]
    plane[7_000] = [1e-7, 55.0]
    plane[8_000] = [np.nan, 1.0]
    plane[9_000] = [300.0, 0.2]
    result._plane = lambda: plane.copy()
    judged = ~np.isnan(result.scores) & ~np.isnan(plane).any(axis=1)
    quiet, alarming = figures(result)["plane"]["data"]
    x, y = (np.concatenate([unpacked(one[axis]) for one in (quiet, alarming)]) for axis in "xy")
    assert len(x) < 4_000
    shown = np.column_stack([x, y])
    assert shown.max(axis=0) == pytest.approx(plane[judged].max(axis=0), rel=1e-6)
    assert shown.min() == pytest.approx(1e-3)
    known = np.maximum(plane[judged & result.alarms], 1e-3)
    for point in np.column_stack([unpacked(alarming["x"]), unpacked(alarming["y"])]):
        assert np.abs(known / point - 1.0).max(axis=1).min() < 1e-5
    assert alarming["customdata"][0].startswith("2026-0")
    far, apart = (plane[judged] > 1.0).T
    shares = [part(float(one.mean())) for one in (far & ~apart, apart & ~far, far & apart)]
    assert (
        f"Of {judged.sum():,} judged rows, {shares[0]} are beyond T² alone, {shares[1]} beyond SPE alone, {shares[2]} "
        "beyond both." in read(result).words
    )
    result._plane = lambda: np.full((20_000, 2), np.nan)
    assert "plane" not in figures(result)
    result._plane = None
    assert "plane" not in figures(result)


def test_what_was_before_and_after_an_alarm_stands_beside_it() -> None:
    result = made()
    one = result.found[0]
    first, end = one.start - 60, one.end + 60
    off = (result.values[:, 1] - result.expected_values[:, 1]) / result.band[1]
    off[np.isnan(result.scores)] = np.nan
    wanted = float(np.nanmean(off[first : one.start])), float(np.nanmean(off[one.end : end]))
    assert around(result, one, "Fan.A 1") == pytest.approx(wanted)
    for value in wanted:
        said = f"{abs(value):.1f} too {'high' if value > 0 else 'low'}" if abs(value) >= 0.05 else "as it should"
        assert said in read(result).words
    last = around(result, result.found[1], "bearing")
    assert np.isnan(last[1])
    assert np.isnan(around(result, one, "not there")).all()


def test_an_alarm_without_culprits_shows_what_is_out_of_its_usual_range() -> None:
    result = made()
    one = result.found[0]
    one.culprits = []
    result.values[one.start : one.end, 3] += 200.0
    result.values[one.start : one.end, 4] -= 2000.0
    usual = result.values[~np.isnan(result.scores) & ~result.alarms]
    low, high = np.quantile(usual[:, 3][np.isfinite(usual[:, 3])], [0.01, 0.99])
    reads = float(np.median(result.values[one.start : one.end, 3]))
    assert ("Fan.A 3", reads, (pytest.approx(low), pytest.approx(high))) in strangest(result, one)
    assert [name for name, _, _ in strangest(result, one)][:2] == ["Fan.A 4", "Fan.A 3"]
    words = read(result).words
    assert "Sensors farthest out of their usual range in alarm 1" in words
    assert f"Fan.A 3 {spelled(reads)} {spelled(low)} to {spelled(high)}" in words
    headings = [text["text"] for text in figures(result)["episode-1"]["layout"]["annotations"]]
    assert headings[:2] == ["Fan.A 4", "Fan.A 3"]
    low, high = figures(result)["episode-1"]["layout"]["yaxis"]["range"]
    assert low < np.min(result.values[one.start : one.end, 4]) < high
    result.values[one.start : one.end] = np.nan
    assert strangest(result, one) == []
    assert "episode-1" not in figures(result)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows(rows: int, timed: bool) -> None:
    whole = made(40, timed=timed)
    result = Result(
        names=whole.names,
        values=whole.values[:rows],
        expected_values=whole.expected_values[:rows],
        band=whole.band,
        scores=whole.scores[:rows],
        limits=whole.limits[:rows],
        alarms=np.zeros(rows, bool),
        regimes=whole.regimes[:rows],
        regime_names=whole.regime_names,
        confidences=whole.confidences[:rows],
        shares=whole.shares[:rows],
        found=[],
        times=None if whole.times is None else whole.times[:rows],
    )
    words = read(result).words
    assert ("Nothing was scored" if rows == 0 else "No alarm in ") in words
    assert ("overview" in figures(result)) == (rows > 0)


def test_nothing_judged_nothing_known() -> None:
    result = made()
    result.scores[:] = np.nan
    result.values[:] = np.nan
    result.expected_values[:] = np.nan
    result.found = [Episode(3, 5, 3, np.nan, 3, "unknown", False, [Culprit("bearing", 1.0, 1, np.nan, np.nan, np.nan)])]
    found = read(result)
    assert "100 % of the rows were not judged" in found.words
    assert "not known" in found.words
    result.found = [Episode(0, 400, 0, 3.0, 0, "unknown", True, [])]
    assert "many sensors together, none stands out" in read(result).words


def test_many_sensors_and_alarms_are_cut_and_counted() -> None:
    result = made(400, MOST_SENSORS + 20)
    one = result.found[0]
    result.found = [
        Episode(row, row + 2, row, 1.0 + row / 1000, row, "running", False, one.culprits) for row in range(0, 400, 4)
    ]
    found = read(result)
    assert "All 100 alarms" in found.words
    assert "The 12 strongest in detail" in found.words
    assert "The heat map shows the 60 sensors that were farthest off, of 80." in found.words
    assert [a["id"] for a in found.all("h3")] == [f"episode-{number}" for number in range(89, 101)]
    names = figures(result)["overview"]["data"][3]["y"]
    assert len(names) == MOST_SENSORS
    assert names[:2] == ["bearing", "Fan.A 1"]


def test_great_scores_have_a_logarithmic_axis() -> None:
    result = made()
    assert "type" not in figures(result)["overview"]["layout"]["yaxis"]
    result.scores[350] = np.inf
    result.scores[351] = 4000.0
    result.scores[10] = -np.inf
    axis = figures(result)["overview"]["layout"]["yaxis"]
    assert axis["type"] == "log"


def test_buckets_keep_gaps_and_extremes() -> None:
    when = np.array([0.0, 1.0, 2.0, 3.0, 50.0, 51.0])
    at, line = Buckets(when, 100).line(np.arange(6.0))
    assert at.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 50.0, 51.0]
    assert np.array_equal(line, [0.0, 1.0, 2.0, 3.0, np.nan, 4.0, 5.0], equal_nan=True)
    random = np.random.default_rng(8)
    when = np.cumsum(random.exponential(1.0, 5_000))
    when[2_500:] += 1_000.0
    values = random.standard_normal((5_000, 2))
    values[random.random(values.shape) < 0.1] = np.nan
    buckets = Buckets(when, 300)
    assert len(buckets) <= 300
    place = np.clip(np.searchsorted(buckets.edges, when, side="right") - 1, 0, len(buckets) - 1)
    labels = random.integers(0, 3, 5_000)
    usual = buckets.usual(labels, 3)
    with np.errstate(invalid="ignore"):
        for bucket in range(len(buckets)):
            inside = values[place == bucket]
            for column in range(2):
                known = inside[:, column][~np.isnan(inside[:, column])]
                got = [found[bucket, column] for found in (buckets.least(values), buckets.most(values))]
                if not known.size:
                    assert np.isnan(got).all()
                    continue
                assert got == [known.min(), known.max()]
                assert buckets.farthest(values)[bucket, column] in (known.min(), known.max())
                assert buckets.means(values)[bucket, column] == pytest.approx(known.mean())
            if len(inside):
                counts = np.bincount(labels[place == bucket], minlength=3)
                assert counts[int(usual[bucket])] == counts.max()
            else:
                assert np.isnan(usual[bucket])
    assert np.isnan(usual).any()


def test_one_time_for_all_rows() -> None:
    buckets = Buckets(np.zeros(4), 100)
    assert buckets.line(np.arange(4.0))[1].tolist() == [1.5]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1234.5678, "1,235"), (0.012345, "0.01235"), (-7.0, "-7"), (5e7, "5.000e+07"), (np.nan, "unknown")],
)
def test_numbers_for_people(value: float, text: str) -> None:
    assert spelled(value) == text


def test_shares_and_cells_for_people() -> None:
    shares = (0.0, 1.0, 0.123, 0.0123, 0.00012, 1e-6, np.nan)
    assert [part(share) for share in shares] == ["0 %", "100 %", "12 %", "1.2 %", "0.012 %", "under 0.01 %", "unknown"]
    assert cell(0.25, "missing") == ("25 %", True)
    assert cell(np.int64(1200), "codes") == ("1,200", True)
    assert cell(np.nan, "missing") == cell(None) == ("", False)
    assert cell(np.True_) == ("yes", False)
    assert span_text(5400) == "1 h 30 min"


def test_names_for_a_narrow_margin() -> None:
    names = ["DEMO.SIM.06T31_1FD Fan Inlet Temperature", "DEMO.SIM.FSAA_1FD Flow"]
    assert shortened(names, 14) == ["06T31_…rature", "FSAA_1FD Flow"]
    assert shortened(names, 30)[1] == "FSAA_1FD Flow"
    assert shortened(["a", "b"], 14) == ["a", "b"]
    assert len(shortened(["x" * 50], 14)[0]) <= 14
