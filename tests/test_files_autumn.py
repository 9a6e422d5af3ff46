"""The hour that local clocks show twice in autumn, in long tables and in several files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from acm_rs import read_table

TRUE = pd.date_range("2025-10-25 20:00", "2025-10-26 08:00", freq="10min", tz="UTC")
SIZES = {"a": 1.0, "b": 10.0, "c": 100.0}


def wide() -> pd.DataFrame:
    frame = pd.DataFrame({"time": TRUE.tz_convert("Europe/Berlin").tz_localize(None)})
    return frame.assign(**{name: size * np.arange(len(TRUE)) for name, size in SIZES.items()})


def orders() -> dict[str, pd.DataFrame]:
    tags = wide().melt("time", var_name="tag")
    rows = tags.iloc[np.argsort(np.tile(np.arange(len(TRUE)), 3), kind="stable")]
    return {
        "tag by tag": tags,
        "row by row": rows,
        "tag by tag, newest first": tags[::-1],
        "row by row, newest first": rows[::-1],
        "by the clock": tags.sort_values("time", kind="stable"),
    }


def right(frame: pd.DataFrame, name: str) -> bool:
    """Whether each reading has its own time, whatever the zone."""
    times = pd.DatetimeIndex(frame["time"])
    steps = (times - times[0]) // pd.Timedelta("10min")
    known = frame[name].notna().to_numpy()
    return bool((frame[name].to_numpy()[known] == SIZES[name] * steps.to_numpy()[known]).all())


@pytest.mark.parametrize("order", list(orders()))
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_every_tag_keeps_the_hour_that_comes_twice(tmp_path: Path, order: str, zone: str | None) -> None:
    path = tmp_path / "long.csv"
    orders()[order].to_csv(path, index=False)
    frame = read_table(path, timezone=zone).to_pandas()
    if order == "by the clock" and zone is None:
        # Nothing tells that the clock went back: readings are counted that are left out.
        assert len(frame) == len(TRUE) - 6
        return
    assert len(frame) == len(TRUE)
    assert frame.notna().all(axis=None)
    assert all(right(frame, name) for name in SIZES)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("start", range(1, 5))
def test_a_tag_that_is_read_now_and_then(tmp_path: Path, zone: str | None, start: int) -> None:
    tags = wide().melt("time", var_name="tag")
    seldom = (tags["tag"] == "b") & (np.tile(np.arange(len(TRUE)), 3) % 19 != start)
    path = tmp_path / "long.csv"
    tags[~seldom].to_csv(path, index=False)
    frame = read_table(path, timezone=zone).to_pandas()
    assert len(frame) == len(TRUE)
    assert frame["b"].notna().sum() == len(range(start, len(TRUE), 19))
    assert all(right(frame, name) for name in SIZES)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_files_of_the_same_hours(tmp_path: Path, zone: str | None) -> None:
    for name in SIZES:
        wide()[["time", name]].to_csv(tmp_path / f"{name}.csv", index=False)
    frame = read_table([tmp_path / f"{name}.csv" for name in SIZES], timezone=zone).to_pandas()
    assert len(frame) == len(TRUE)
    assert frame.notna().all(axis=None)
    assert all(right(frame, name) for name in SIZES)
