"""Files of two machines, joined by mistake."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors

ROWS = 400


def pump(seed: int, level: float, minutes: int = 0) -> pl.DataFrame:
    """Load that wanders, and three sensors of it."""
    random = np.random.default_rng(seed)
    load = np.convolve(random.normal(size=ROWS + 29), np.ones(30) / 5.0, "valid")
    times = [datetime(2026, 1, 1) + timedelta(minutes=10 * row + minutes) for row in range(ROWS)]
    noise = random.normal(size=(3, ROWS))
    return pl.DataFrame(
        {
            "Time": times,
            "flow": (level + 5.0 * load + 0.2 * noise[0]).round(3),
            "current": (20.0 + 3.0 * load + 0.1 * noise[1]).round(3),
            "oil": (50.0 + 4.0 * load + 0.3 * noise[2]).round(3),
        }
    )


def joined(folder: Path, *frames: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    paths = [folder / f"{number}.csv" for number in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        frame.write_csv(path)
    table = load_sensors(paths, ReadOptions())
    return table.frame, list(table.notes)


@pytest.mark.parametrize("turned", [False, True])
def test_two_machines_at_the_same_times_are_refused(tmp_path: Path, turned: bool) -> None:
    frames = [pump(1, 50.0), pump(2, 80.0)]
    with pytest.raises(Refusal, match=r"400 times stand in both \(first: 2026-01-01 00:00:00\).*two machines"):
        joined(tmp_path, *(frames[::-1] if turned else frames))
    with pytest.raises(Refusal, match=r"0\.csv and .*1\.csv: 150 times stand in both"):
        joined(tmp_path, pump(1, 50.0), pump(2, 80.0)[250:])


def test_two_machines_whose_rows_take_turns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"their rows take turns, 799 times \(first: 2026-01-01 00:00:00\)"):
        joined(tmp_path, pump(1, 50.0), pump(2, 80.0, minutes=3))


def test_what_one_machine_wrote_twice_is_joined(tmp_path: Path) -> None:
    frame = pump(1, 50.0)
    # Overlapping exports, one of them rounded, one with a corrected sensor.
    for later in (
        frame[250:],
        frame[250:].with_columns(pl.selectors.float().round(1)),
        frame[250:].with_columns(pl.col("oil") + 9.0),
    ):
        found, notes = joined(tmp_path, frame[:300], later)
        assert found.height == ROWS
        assert any("repeated times: 50 rows left out" in note for note in notes)
        assert not any("machines" in note for note in notes)
    # Few corrected rows are no other machine.
    found, _ = joined(tmp_path, frame, pump(2, 80.0)[-19:])
    assert found.height == ROWS


def test_sensors_in_files_of_their_own_are_joined(tmp_path: Path) -> None:
    frame = pump(1, 50.0)
    found, notes = joined(tmp_path, frame.select("Time", "flow"), frame.select("Time", "current", "oil"))
    assert found.height == ROWS
    assert found.null_count().row(0) == (0, 0, 0, 0)
    assert not any("machines" in note for note in notes)
    _, notes = joined(tmp_path, frame.select("Time", "flow"), pump(1, 50.0, minutes=3).select("Time", "current", "oil"))
    assert any("take turns, 799 times" in note for note in notes)


def test_rows_that_two_files_share_out_are_joined_with_a_note(tmp_path: Path) -> None:
    frame = pump(1, 50.0)
    found, notes = joined(tmp_path, frame[::2], frame[1::2])
    assert found.height == ROWS
    assert [note for note in notes if "take turns, 399 times: if they are those of two machines, read each by" in note]
    # Noise alone is as unlike in one file as in two.
    random = np.random.default_rng(5)
    noise = frame.with_columns(pl.Series(name, random.normal(size=ROWS)) for name in ("flow", "current", "oil"))
    found, _ = joined(tmp_path, noise[::2], noise[1::2])
    assert found.height == ROWS
