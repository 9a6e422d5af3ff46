"""The program as a whole: help, version, doctor, demo, pipes, and what it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import acm_rs
import numpy as np
import polars as pl
import pytest
from acm_rs.cli import console, doctor, main

PROGRAM = [sys.executable, "-m", "acm_rs"]


@pytest.mark.parametrize("missing", ["typer", "rich", "polars"])
def test_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["doctor"]) == 2
    said, complained = capsys.readouterr()
    assert said == ""
    assert complained == f'acm-rs: {missing} is not installed: pip install "acm-rs[cli]"\n'


def test_importing_the_library_needs_no_extra() -> None:
    code = "import sys, acm_rs; assert not {'typer', 'rich', 'polars', 'acm_rs.cli'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"acm-rs {acm_rs.__version__}\n"
    for arguments in (["--help"], []):
        assert main(arguments) == 0
        text = capsys.readouterr().out
        assert all(command in text for command in ("demo", "fit", "score", "features", "doctor"))
        assert "acm-rs score fan.acm new.csv -o scores.parquet --report fan.html" in text
    assert main(["features", "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("output", "window", "columns", "time-column", "threads", "date-order", "missing", "fill"):
        assert f"--{option}" in text


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["features"], ["fit"], ["score", "model"], ["demo", "--speed"], ["doctor", "more"]]
)
def test_wrong_usage_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said, complained = capsys.readouterr()
    assert said == ""
    assert complained.startswith("acm-rs: ")
    assert complained.count("\n") == 1


def test_each_command_fits_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for group, least in {"": 15, "alarms": 7, "fleet": 4, "dropins": 1}.items():
        assert main([*group.split(), "--help"]) == 0
        _, _, commands = capsys.readouterr().out.partition("Commands:")
        assert commands.count("\n") > least
        assert "..." not in commands


def test_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    facts = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert facts["acm_rs"] == acm_rs.__version__
    assert facts["numpy"] == np.__version__
    assert facts["polars"] == pl.__version__
    assert facts["threads"].startswith(str(acm_rs.get_num_threads()))
    assert facts["backends"].startswith("rust, polars")
    assert facts["sqlalchemy"] == version("sqlalchemy")
    assert facts["check"] == "kernels give the right numbers, and a model finds a fault"
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == facts | {"ok": True}


def test_doctor_names_what_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def asked(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", asked)
    assert main(["doctor"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert 'paho-mqtt not installed: pip install "acm-rs[mqtt]"' in said
    assert f"numpy {np.__version__}" in said


def test_doctor_finds_wrong_numbers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(acm_rs, "rolling_mean", lambda x, window: np.zeros_like(x))
    assert main(["doctor"]) == 1
    assert "FAILED: rolling_mean" in capsys.readouterr().out
    monkeypatch.undo()
    score = acm_rs.Monitor.score
    monkeypatch.setattr(acm_rs.Monitor, "score", lambda self, x: score(self, np.zeros_like(x)))
    assert main(["doctor", "--json"]) == 1
    assert "FAILED: a model alarmed in" in json.loads(capsys.readouterr().out)["check"]


def test_doctor_without_pandas(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert main(["doctor"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "pandas not installed" in said
    assert "core.fast_features needs pandas" in said


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_a_pipe_gets_plain_text(encoding: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "FORCE_COLOR": "1", "COLUMNS": "40"}
    done = subprocess.run(
        [*PROGRAM, "demo", "--folder", str(tmp_path / "d")], capture_output=True, env=environment, check=True
    )
    text = done.stdout.decode(encoding)
    assert done.stderr == b""
    assert all(char.isprintable() or char in "\r\n" for char in text)
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "FAN1.VIBRATION reads" in text


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise on Windows")
def test_a_reader_that_leaves_early_hears_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, "--help"], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.25 s"),
        (59, "59 s"),
        (1800, "30 min"),
        (5400, "1 h 30 min"),
        (3601, "1 h"),
        (86_400 * 224 + 9 * 3600, "224 d 9 h"),
        (float("nan"), "unknown"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert console.span_text(seconds) == text


def test_sizes() -> None:
    assert [console.size_text(size) for size in (0, 999, 1000, 8_123_456, 5 * 10**10)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "8.1 MB",
        "50.0 GB",
    ]


def _in_a_shell(command: str, *names: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    program = " ".join(f"'{word}'" for word in PROGRAM)
    return subprocess.run(
        ["sh", "-c", command.replace("acm-rs", program), "sh", *map(str, names)],
        capture_output=True,
        env=os.environ | environment,
        check=False,
    )


@pytest.mark.skipif(os.name == "nt", reason="there is no such shell on Windows")
def test_a_name_that_a_code_page_lacks_does_not_end_a_command(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    rows = "".join(f"2024-03-01 {row // 60:02d}:{row % 60:02d},{row % 7}.5\n" for row in range(300))
    table.write_text(f"time,Δp\n{rows}", encoding="utf-8")
    done = _in_a_shell('acm-rs quality "$1"', table, PYTHONIOENCODING="cp1252")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?p" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("arguments", ["doctor", "--help", "demo --folder demo"])
def test_a_full_standard_output_is_said(arguments: str, tmp_path: Path) -> None:
    done = _in_a_shell(f'cd "$1" && acm-rs {arguments} > /dev/full', tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"acm-rs: standard output takes no more: No space left on device\n"


@pytest.mark.skipif(os.name == "nt", reason="there is no such shell on Windows")
def test_closed_streams(tmp_path: Path) -> None:
    done = _in_a_shell("acm-rs doctor >&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert _in_a_shell("acm-rs doctor >&- 2>&-").returncode == 0
    for command in ("quality -", "watch - --model m.acm"):
        done = _in_a_shell(f'cd "$1" && acm-rs {command} <&-', tmp_path)
        assert done.returncode == 2
        assert b"acm-rs: " in done.stderr
        assert b"unexpected" not in done.stderr
    assert b"standard input (-) is closed" in _in_a_shell("acm-rs quality - <&-").stderr
