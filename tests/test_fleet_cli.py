"""``acm-rs fleet``: fit, score, status and report as people call them."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import acm_rs
import numpy as np
import polars as pl
import pytest
from acm_rs import fleet
from acm_rs.cli import main
from acm_rs.fleet.page import fleet_page
from cli import Run, runner
from plant_fleet import healthy, later, pump

NASTY = '<img src=x onerror="window.harmed=1">'


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program, in a folder with histories and new readings of three pumps, and one that cannot be learnt."""
    monkeypatch.chdir(tmp_path)
    for folder in ("history", "new"):
        Path(folder).mkdir()
    for place in (1, 2, 3):
        frame = pump(place, fault=place == 3)
        healthy(frame).write_csv(f"history/pump {place}.csv")
        later(frame).write_csv(f"new/pump {place}.csv")
    healthy(pump(4))[:30].write_csv("history/short.csv")
    return runner(capsys)


def test_a_fleet_is_learnt_scored_and_told(run: Run) -> None:
    status, said, complained = run("fleet", "fit", "plant", "--data", "history", "--workers", "1")
    assert (status, complained) == (1, "")
    assert re.search(r"^done +3 assets$", said, re.MULTILINE)
    assert re.search(r"^failed +1 asset$", said, re.MULTILINE)
    assert "short: the table must have at least 80 healthy rows" in said
    assert "--healthy" in said
    assert "`" not in said
    status, said, _ = run("fleet", "fit", "plant", "-d", "history/pump *.csv", "-w", "1", "--json")
    told = json.loads(said)
    assert status == 0
    assert (told["done"], told["unchanged"], told["failed"]) == (0, 3, {})
    status, said, _ = run("fleet", "score", "plant", "--data", "new", "--workers", "1")
    assert status == 0
    lines = said.splitlines()
    assert any(line.startswith("pump 3 ") and "alarm: Bearing Temp" in line for line in lines)
    assert next(line[:6] for line in lines if line.startswith("pump ")) == "pump 3"
    status, said, _ = run("fleet", "score", "plant", "--data", "new", "--workers", "1", "-q", "--fail-on-alarm")
    assert (status, said) == (3, "")
    status, said, _ = run("fleet", "status", "plant")
    assert status == 0
    assert re.search(r"^assets +4$", said, re.MULTILINE)
    assert re.search(r"^in alarm +1$", said, re.MULTILINE)
    assert re.search(r"^short .*fit: the table must have", said, re.MULTILINE)
    status, said, _ = run("fleet", "status", "plant", "--json")
    told = json.loads(said)["assets"]
    assert (told[0]["asset"], told[-1]["asset"]) == ("pump 3", "short")
    assert [one["state"] for one in told] == ["alarm", "scored", "scored", "failed"]
    healths = [one["health"] for one in told[1:3]]
    assert healths == sorted(healths)
    assert told[0]["health"] < 0.5 < healths[0]
    status, said, _ = run("fleet", "report", "plant", "--workers", "1")
    assert status == 0
    assert {path.name for path in Path("plant/report").rglob("*.html")} == {"index.html", "pump%203.html"}
    status, said, _ = run("fleet", "report", "plant", "--workers", "1", "--pages", "all", "--json")
    assert set(json.loads(said)["pages"]) == {"pump 1", "pump 2", "pump 3"}
    # Wherever one works, the readings that were scored are found again.
    Path("plant/report/asset/pump%203.html").unlink()
    Path("elsewhere").mkdir()
    with contextlib.chdir("elsewhere"):
        assert run("fleet", "report", "../plant", "--workers", "1", "-q") == (0, "", "")
    assert Path("plant/report/asset/pump%203.html").is_file()
    # What cannot be read any more is told, and the page of the fleet is there.
    Path("new/pump 3.csv").rename("gone.csv")
    Path("plant/report/asset/pump%203.html").unlink()
    status, said, _ = run("fleet", "report", "plant", "--workers", "1")
    assert status == 1
    assert "pump 3: no page" in said
    status, said, _ = run("fleet", "report", "plant", "--workers", "1", "--data", "gone.csv")
    assert status == 1
    Path("gone.csv").rename("pump 3.csv")
    assert run("fleet", "report", "plant", "--workers", "1", "--data", "pump 3.csv")[0] == 0
    assert run("fleet", "report", "plant", "--pages", "none", "--workers", "1", "-q") == (0, "", "")
    assert [path.name for path in Path("plant/report").rglob("*.html")] == ["index.html"]


def test_options_go_into_every_model(run: Run) -> None:
    spans = ("--healthy", "2026-01-05..2026-01-06", "--healthy", "2026-01-07T00:00..")
    budget = ("--far", "0.02", "--drivers", "Load,Flow")
    assert run("fleet", "fit", "plant", "-d", "history/pump 1.csv", "-w", "1", *spans, *budget)[0] == 0
    model = acm_rs.Monitor.load("plant/models/pump%201.acm")
    spoken = [("2026-01-05", "2026-01-06"), ("2026-01-07T00:00", "2262-01-01")]
    alone = acm_rs.Monitor(false_alarm_rate=0.02, drivers=["Load", "Flow"])
    alone.fit(pl.read_csv("history/pump 1.csv", try_parse_dates=True), healthy=spoken)
    assert model.sha256_ == alone.sha256_
    zone = ("--timezone", "Europe/Berlin", "--healthy", "2026-01-06..2026-01-06")
    assert run("fleet", "fit", "zone", "-d", "history/pump 1.csv", "-w", "1", *zone)[0] == 0
    (path,) = Path("zone").glob("**/*.acm")
    begin, end = (str(np.datetime64(moment, "ns"))[:16] for moment in acm_rs.Monitor.load(path)._about["span"])
    assert (begin, end) == ("2026-01-05T23:00", "2026-01-06T22:50")
    assert run("fleet", "fit", "rows", "-d", "history/pump 1.csv", "-w", "1", "--healthy", "0..200")[0] == 0
    assert acm_rs.Monitor.load("rows/models/pump%201.acm").summary().count("201 rows")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("status", "nowhere"), 1, "is no fleet"),
        (("report", "nowhere", "-w", "1"), 1, "no asset has been scored"),
        (("fit", "plant", "-d", "history", "--workers", "0"), 2, "workers"),
        (("fit", "plant", "-d", "history", "-w", "1", "--scheduler", "tcp://a:1"), 2, "leave it out"),
        (("fit", "plant", "-d", "history", "--scheduler", "nonsense"), 2, "--scheduler must be the address of one"),
        (("fit", "plant", "-d", "history", "--scheduler", ""), 2, "--scheduler must be the address of one"),
        (("fit", "plant", "-d", "history", "-w", "2", "--memory-limit", "120MB"), 2, "--memory-limit must be at least"),
        (("fit", "plant", "-d", "history", "-w", "1", "--memory-limit", "lots"), 2, "--memory-limit must be a size"),
        (("fit", "plant", "-d", "history", "-w", "1", "--far", "2"), 2, "--false-alarm-rate must lie"),
        (("fit", "plant", "-d", "history", "-w", "1", "--healthy", "5.."), 2, "needs both ends"),
        (("fit", "plant", "-d", "nowhere*.csv", "-w", "1"), 1, "no file matches"),
        (("fit", "plant"), 2, "--data"),
        (("score", "plant", "-d", "new", "-w", "1", "--pages", "all"), 2, "--pages"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(run: Run, arguments: tuple[str, ...], status: int, words: str) -> None:
    found, said, complained = run("fleet", *arguments)
    assert found == status
    assert words in complained
    assert said == ""


def test_ctrl_c_tells_how_far_it_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = acm_rs.Monitor.fit
    begun: list[int] = []

    def interrupted(self: acm_rs.Monitor, *given: Any, **named: Any) -> acm_rs.Monitor:
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return learn(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(acm_rs.Monitor, "fit", interrupted)
        status, _, complained = run("fleet", "fit", "plant", "-d", "history", "-w", "1")
    assert status == 130
    assert complained == "acm-rs: interrupted: 2 of 4 assets are through, and the same command goes on\n"
    assert "unchanged  2 assets" in run("fleet", "fit", "plant", "-d", "history", "-w", "1")[1]


def test_without_dask_the_command_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acm_rs.fleet.crew.find_spec", lambda *_: None)
    status, _, complained = run("fleet", "fit", "plant", "-d", "history", "--workers", "2")
    assert status == 2
    assert 'pip install "acm-rs[fleet]"; --workers 1 does without' in complained


# ---- the page -------------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """The texts, links and elements of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_ranks_links_and_runs_nothing(tmp_path: Path) -> None:
    names = ["Pump 1", NASTY, "gap ü/%41"]
    frames = {name: pump(place, fault=name == NASTY) for place, name in enumerate(names, 1)}
    fleet.fit({name: healthy(frame) for name, frame in frames.items()} | {"short": pump(5)[:9]}, tmp_path, workers=1)
    new: dict[str, Any] = {name: later(frame) for name, frame in frames.items()}
    fleet.score(new, tmp_path, workers=1)
    with pytest.raises(ValueError, match="`pages` must be"):
        fleet.report(tmp_path, pages="some", workers=1)  # type: ignore[arg-type]
    # Readings in memory are gone: the page says so.
    made = fleet.report(tmp_path, workers=1)
    assert made.failed == {NASTY: "its readings were in memory when they were scored; give them as data"}
    assert "no page of its own" in Path(made.path).read_text(encoding="utf-8")
    made = fleet.report(tmp_path, data=new, pages="all", workers=1)
    text = Path(made.path).read_text(encoding="utf-8")
    page = _Page(text)
    assert "img" not in page.tags
    assert "script" not in page.tags
    assert "script-src 'none'" in text
    assert "1 of 4 assets is in alarm." in page.texts
    ranked = [text for text in page.texts if text in names]
    assert ranked[0] == NASTY
    anchors = set(re.findall(r'id="([^"]+)"', text))
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in anchors
        else:
            assert (tmp_path / "report" / unquote(link)).is_file(), link
    assert len([link for link in page.links if link.endswith(".html")]) == 3
    again = fleet.report(tmp_path, data=new, pages="all", workers=1)
    assert Path(again.path).read_text(encoding="utf-8") == text
    # An asset's page is the report of its readings.
    result = acm_rs.Monitor.load(tmp_path / "models" / "Pump%201.acm").score(later(frames["Pump 1"]))
    result.report(tmp_path / "alone.html")
    assert (tmp_path / "report/asset/Pump%201.html").read_bytes() == (tmp_path / "alone.html").read_bytes()
    # Readings that have changed since are told.
    new["Pump 1"] = new["Pump 1"][:-5]
    fleet.report(tmp_path, data=new, pages="all", workers=1)
    assert "have changed since they were scored" in (tmp_path / "report/index.html").read_text(encoding="utf-8")


def test_a_page_tells_what_was_not_judged_and_has_no_times(tmp_path: Path) -> None:
    x = later(pump(1)).drop("Time").to_numpy()
    fleet.fit({"a": healthy(pump(1)).drop("Time").to_numpy(), "b": healthy(pump(2))}, tmp_path, workers=1)
    fleet.score({"a": np.full_like(x, np.nan)}, tmp_path, workers=1)
    (asset, other) = fleet.status(tmp_path)
    assert (asset.health, asset.judged, other.state) == (None, 0, "learnt")
    text = fleet_page("plant", [asset, other], {}, {})
    assert "Nothing was judged." in text
    assert "have no times" in text
    assert "Not scored yet" in text
    fleet.score({"a": x, "b": later(pump(2))}, tmp_path, workers=1)
    text = fleet_page("plant", fleet.status(tmp_path), {}, {})
    assert "No alarm is running in 2 assets." in text
    assert "1 asset without times is left out" in text
    assert "No alarms." in text


# ---- the documents --------------------------------------------------------------------------------------------------


def test_the_five_minutes_run_and_say_what_they_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).resolve().parents[1] / "docs" / "fleet.md"
    text = page.read_text(encoding="utf-8").partition("## Five minutes")[2].partition("## What data may be")[0]
    blocks = re.findall(
        r"^```(python|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", text, flags=re.MULTILINE | re.DOTALL
    )
    assert [kind for kind, _, _ in blocks] == ["python", "sh", "sh", "python"]
    names: dict[str, Any] = {}
    for kind, block, shown in blocks:
        if kind == "python":
            exec(block, names)
            assert capsys.readouterr().out == shown
            continue
        # One of the assets fails, and is told.
        told = [main([*shlex.split(line)[1:], "--workers", "1"]) for line in block.splitlines()]
        assert told == [0 if "report" in line else 1 for line in block.splitlines()]
        said = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        at = -1
        for line in shown.splitlines():
            if line != "...":
                assert line in said[at + 1 :], (line, said)
                at = said.index(line, at + 1)
    assert Path("plant/report/index.html").is_file()


def test_a_reason_that_several_assets_share_is_told_once(run: Run) -> None:
    status, said, _ = run("fleet", "fit", "plant", "-d", "history/pump*.csv", "-w", "1", "--drivers", "Lod")
    assert status == 1
    assert said.count("'Lod'") == 1
    assert "3 assets ('pump 1', 'pump 2', 'pump 3'): " in said


def test_assets_whose_sensors_have_no_readings_are_marked(run: Run) -> None:
    """Absent, renamed, dead or at a code: they look as healthy as the others, and no fault of theirs is seen."""
    name = "Bearing Temp"
    frame = pl.read_csv("new/pump 1.csv")
    late = pl.arange(0, frame.height, eager=True) >= 100
    dead, code = (pl.when(late).then(one).otherwise(pl.col(name)).alias(name) for one in (None, -9999.0))
    Path("other").mkdir()
    for asset, changed in {
        "absent": frame.drop(name),
        "renamed": frame.rename({name: "BT"}),
        "dead": frame.with_columns(dead),
        "coded": frame.with_columns(code),
        "well": frame,
    }.items():
        healthy(pump(1)).write_csv(f"history/{asset}.csv")
        changed.write_csv(f"other/{asset}.csv")
    assert run("fleet", "fit", "plant", "-d", "history/[acdrw]*.csv", "-w", "1", "-q")[0] == 0
    for arguments in (("score", "plant", "--data", "other", "-w", "1"), ("status", "plant")):
        said = run("fleet", *arguments)[1]
        marked = {line.split()[0] for line in said.splitlines() if "no readings of 'Bearing Temp'" in line}
        assert marked == {"absent", "renamed", "dead", "coded"}
    told = {one.asset: one.lacking for one in fleet.status("plant")}
    assert told == {"well": []} | {asset: [name] for asset in ("absent", "renamed", "dead", "coded")}
    status = json.loads(run("fleet", "status", "plant", "--json")[1])
    assert {one["asset"]: one["lacking"] for one in status["assets"]} == told
