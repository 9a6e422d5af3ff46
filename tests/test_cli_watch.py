"""acm-rs watch as people start and stop it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acm_rs.cli import main
from cli import runner
from live import later, model, text_of

WATCH = [sys.executable, "-m", "acm_rs", "watch", "pump.acm", "new.csv"]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A watch beside the test; one that says nothing for a minute is ended, so that nobody waits for it."""
    command = [*WATCH, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        bound = threading.Timer(60.0, process.kill)
        bound.start()
        try:
            yield process
        finally:
            bound.cancel()
            process.kill()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(model())
    Path("new.csv").write_bytes(text_of(later()))


def test_once_tells_the_alarms_and_goes_on_the_next_time(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(capsys)
    status, said, complained = run("watch", "pump.acm", "new.csv", "--once")
    assert status == 0
    assert said.splitlines()[0].startswith("opened ")
    assert "Bearing Temp reads" in said
    assert "still running" in said
    assert complained.startswith("560 rows judged, ")
    assert complained.endswith("the state is in pump.acm.watch\n")
    assert run("watch", "pump.acm", "new.csv", "--once")[:2] == (0, "")
    status, again, complained = run("watch", "pump.acm", "new.csv", "--once", "--fresh", "--quiet")
    assert (status, again, complained) == (0, said, "")
    status, lines, _ = run("watch", "pump.acm", "new.csv", "--once", "--json", "--state", "other", "--silence", "0")
    events = [json.loads(line) for line in lines.splitlines()]
    assert {event["watch"] for event in events} == {"Pump 3"}
    assert not [event for event in events if event["kind"] == "no data"]
    assert sum(event["what"] == "opened" for event in events) == 2


def test_a_last_line_without_its_end_is_told_and_read_the_next_time(capsys: pytest.CaptureFixture[str]) -> None:
    def said() -> str:
        assert main(["watch", "pump.acm", "new.csv", "--once"]) == 0
        return capsys.readouterr().err

    text = text_of(later()[:100])
    Path("new.csv").write_bytes(text[:-1])
    left = "Note: new.csv: one line without its end is left\n"
    assert said().startswith(f"{left}99 rows judged, ")
    assert said().startswith(left)
    Path("new.csv").write_bytes(text)
    assert said().startswith("100 rows judged, ")


def test_what_cannot_be_watched_is_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(capsys)
    Path("other.csv").write_text("time,a,b\n2026-01-01 00:00,1.5,2\n2026-01-01 00:10,1.7,2\n")
    for arguments, status, words in (
        (("nowhere.csv", "--once"), 1, "nowhere.csv: no such file"),
        (("other.csv", "--once"), 1, "other.csv: "),
        (("new.csv", "--once", "--lateness", "soon"), 2, "--lateness must be a duration"),
        (("new.csv", "--once", "--state", "pump.acm"), 2, "pump.acm is the model"),
    ):
        got, said, complained = run("watch", "pump.acm", *arguments)
        assert (got, said) == (status, "")
        assert words in complained
    run("watch", "pump.acm", "new.csv", "--once", "-q")
    Path("copy.csv").write_bytes(text_of(later()))
    assert "begin anew with --fresh" in run("watch", "pump.acm", "copy.csv", "--once")[2]
    Path("pump.acm.watch").write_bytes(b"rubbish")
    assert "no state of acm-rs watch" in run("watch", "pump.acm", "new.csv", "--once")[2]


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
def test_signals_end_it_with_all_kept_and_the_next_one_goes_on() -> None:
    text = text_of(later())
    half = text.index(b"\n", len(text) // 2) + 1
    Path("new.csv").write_bytes(text[:half])
    with started("--json", "--interval", "20ms") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        assert json.loads(first)["what"] == "opened"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read().startswith("acm-rs: stopped; ")
        told = [first, *process.stdout.readlines()]
    with Path("new.csv").open("ab") as file:
        file.write(text[half:])
    with started("--json") as process:
        assert process.stdout is not None
        told.append(process.stdout.readline())
        # The state is written once more behind what is told.
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        told += process.stdout.readlines()
    done = subprocess.run([*WATCH, "--json", "--once", "--fresh"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [line.rstrip("\n") for line in told]


def test_five_minutes_of_the_guide_run_and_say_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    page = (Path(__file__).resolve().parents[1] / "docs" / "live.md").read_text(encoding="utf-8")
    found = re.search(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```\n", page, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    said: list[str] = []
    for line in found[1].splitlines():
        assert main(shlex.split(line)[1:]) == 0
        said += capsys.readouterr().out.splitlines()
    # Identifiers follow from the model, which differs a little from machine to machine.
    said, shown = (
        [re.sub(r"\b[0-9a-f]{12}\b", "id", line) for line in lines] for lines in (said, found[2].splitlines())
    )
    begin = said.index(shown[0])
    gap = shown.index("...")
    assert said[begin : begin + gap] == shown[:gap]
    assert said[gap + 1 - len(shown) :] == shown[gap + 1 :]
    # What the page leaves out, and nothing before it.
    left = said[begin + gap : gap + 1 - len(shown)]
    assert left
    assert all(line.startswith("grew id (") for line in left)
    assert not [line for line in said[:begin] if re.match("opened|grew|closed", line)]
