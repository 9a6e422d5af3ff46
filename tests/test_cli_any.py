"""Whatever stands on the command line: a documented status, one line where it went wrong, and no traceback."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.cli import app, main
from hypothesis import given, note, settings
from hypothesis import strategies as st
from typer.main import get_command

COMMANDS = {
    **dict.fromkeys(("fit", "quality", "features"), 1),
    **dict.fromkeys(("score", "report", "explain", "backtest", "feedback"), 2),
}
"""Commands that end by themselves, and how many files each takes."""
FILES = ["healthy.csv", "new.csv", "fan.acm", "empty.csv", "text.csv", "binary", ".", "not there.csv", "*.csv", "-"]
VALUES = [
    *("", " ", "0", "1", "-1", "2h", "1e400", "nan", "Ü", "a\nb", "\x00", "--", "..", "=", ",", "2026-01-01"),
    *("2026-01-02..2026-01-04", "2026-01-04..2026-01-02", "3..9", "Load", "Load=1..2", "Load=2..1", "Load=state"),
    *("when", "out.csv", "out/there.parquet", "fan.acm", "Europe/Berlin", "Mars", "postgresql://nobody@localhost:1/x"),
]


def options(command: str) -> list[str]:
    """What a command can be asked, but for what asks a person or a network."""
    known = get_command(app._application(rich_help=False)).commands[command].params  # type: ignore[attr-defined]
    return [name for one in known for name in one.opts if name.startswith("-")]


OPTIONS = {command: options(command) for command in COMMANDS}


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with files and options: sensible, wrong, too many, too few."""
    command = draw(st.sampled_from(list(COMMANDS)))
    files = draw(st.lists(st.sampled_from(FILES[:3]) | st.sampled_from(FILES), max_size=COMMANDS[command] + 1))
    more = draw(
        st.lists(
            st.tuples(st.sampled_from(OPTIONS[command]), st.none() | st.sampled_from(VALUES) | st.text(max_size=4)),
            max_size=3,
        )
    )
    return [command, *files, *(part for option, value in more for part in (option, value) if part is not None)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables, a model, and what is neither."""
    folder, random = tmp_path_factory.mktemp("any"), np.random.default_rng(1)
    load = random.normal(size=(400, 1))
    frame = pd.DataFrame(
        50.0 + load @ [[3.0, 2.0, -4.0]] + 0.2 * random.normal(size=(400, 3)), columns=["Load", "B", "C"]
    )
    frame = frame.round(2).assign(when=pd.date_range("2026-01-01", periods=400, freq="10min"))
    frame[:300].to_csv(folder / "healthy.csv", index=False)
    frame[300:].to_csv(folder / "new.csv", index=False)
    (folder / "fan.acm").write_bytes(Monitor().fit(frame[:300]).to_bytes())
    (folder / "empty.csv").touch()
    (folder / "text.csv").write_text("name,note\nfan,runs\npump,stands\n")
    (folder / "binary").write_bytes(random.bytes(2000))
    return folder


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    """Hypothesis runs all examples in one test, each in the folder as it was."""
    kept = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        for path in set(folder.iterdir()) - set(kept):
            if path.is_file():
                path.unlink()
        for path, held in kept.items():
            path.write_bytes(held)


@given(line=lines())
@settings(max_examples=80)
def test_any_line_ends_well(line: list[str], folder: Path) -> None:
    said, complained = io.StringIO(), io.StringIO()
    with (
        within(folder),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
        status = main(line)
        parts = list(folder.glob(".acm-rs-*"))
    note(f"{status}: {complained.getvalue()}")
    assert status in (0, 1, 2, 3)
    assert "unexpected" not in complained.getvalue()
    assert "Traceback" not in complained.getvalue()
    assert not parts
    if status in (1, 2):
        last = complained.getvalue().splitlines()[-1]
        assert last.startswith("acm-rs: ")
        assert len(last) > len("acm-rs: ") + 5
    assert "\x00" not in complained.getvalue()
