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


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("order", ["tag by tag", "row by row"])
@pytest.mark.parametrize("cuts", [["00:30"], ["01:00"], ["01:30"], ["02:00"], ["00:30", "01:30"]])
def test_files_that_follow_one_another(
    tmp_path: Path, cuts: list[str], order: str, newest_first: bool, zone: str | None
) -> None:
    frame = wide()
    ends = [int(np.searchsorted(TRUE, pd.Timestamp(f"2025-10-26 {cut}", tz="UTC"))) for cut in cuts]
    paths = []
    for number, (start, end) in enumerate(zip([0, *ends], [*ends, len(TRUE)], strict=True)):
        part = frame[start:end].melt("time", var_name="tag")
        if order == "row by row":
            part = part.iloc[np.argsort(np.tile(np.arange(end - start), 3), kind="stable")]
        paths.append(tmp_path / f"{number}.csv")
        (part[::-1] if newest_first else part).to_csv(paths[-1], index=False)
    found = read_table(paths[::-1] if newest_first else paths, timezone=zone).to_pandas()
    assert len(found) == len(TRUE)
    assert found.notna().all(axis=None)
    assert all(right(found, name) for name in SIZES)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_file_for_each_tag_and_day(tmp_path: Path, zone: str | None) -> None:
    paths = []
    for name in SIZES:
        long = wide()[["time", name]].melt("time", var_name="tag")
        for part in (long[:30], long[30:]):
            paths.append(tmp_path / f"{len(paths)}.csv")
            part.to_csv(paths[-1], index=False)
    frame = read_table(paths, timezone=zone).to_pandas()
    assert len(frame) == len(TRUE)
    assert frame.notna().all(axis=None)
    assert all(right(frame, name) for name in SIZES)


def test_tags_whose_hour_stands_once_are_named(tmp_path: Path) -> None:
    tags = wide().melt("time", var_name="tag")
    first = np.tile(
        (pd.Timestamp("2025-10-26 00:00", tz="UTC") <= TRUE) & (pd.Timestamp("2025-10-26 01:00", tz="UTC") > TRUE), 3
    )
    path = tmp_path / "long.csv"
    tags[~(first & tags["tag"].eq("b"))].to_csv(path, index=False)
    _, report = read_table(path, timezone="Europe/Berlin", report=True)
    assert (
        "the hour that comes twice in Europe/Berlin on 2025-10-26: its rows told apart by their order; of 'b' it stands"
        " once and is taken as the first"
    ) in str(report)
