"""What a Result gives people: frames of the kind that came in, and sentences."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs.frames import Sheet
from acm_rs.monitor import Culprit, Episode, Result
from acm_rs.monitor.result import sentence

TIMES = np.datetime64("2026-02-10T09:00", "ns") + np.arange(4) * np.timedelta64(10, "m")


def made(sheet: Sheet | None = None, times: Any = None, found: list[Episode] | None = None) -> Result:
    values = np.array([[69.0, 1.0], [69.1, np.nan], [71.3, 1.1], [71.5, 1.0]])
    hot = [Culprit("bearing", 0.85, 1, 71.4, 68.9, 6.2), Culprit("flow", 0.15, -1, 1.05, 1.0512, -0.1)]
    return Result(
        names=["bearing", "flow"],
        values=values,
        expected_values=np.full((4, 2), [68.9, 1.0512]),
        band=np.array([0.4, 0.01]),
        scores=np.array([0.1, 0.9, 2.0, 3.0]),
        limits=np.ones(4),
        alarms=np.array([False, False, True, True]),
        regimes=np.array([0, 0, 0, 1]),
        regime_names=["running", "unknown"],
        confidences=np.array([1.0, 0.5, 1.0, 0.0]),
        shares=np.array([[0.5, 0.5], [0.5, 0.5], [0.8, 0.2], [0.9, 0.1]]),
        found=[Episode(2, 4, 3, 3.0, 1, "running", True, hot)] if found is None else found,
        times=times,
        quality_rows=[
            {"sensor": "bearing", "missing": 0.0, "note": ""},
            {"sensor": "flow", "missing": 0.25, "note": "1 code"},
        ],
        units={"bearing": "°C"},
        sheet=sheet,
    )


def test_pandas_comes_back_with_its_index() -> None:
    index = pd.DatetimeIndex(TIMES, name="when").tz_localize("Europe/Berlin")
    frame = pd.DataFrame({"bearing": np.arange(4.0), "flow": np.arange(4.0)}, index=index)
    result = made(Sheet(frame, "frame"), TIMES)
    assert isinstance(result.score, pd.DataFrame)
    assert list(result.score.columns) == ["score", "limit", "alarm", "regime", "confidence"]
    assert result.score.index.equals(index)
    assert result.score["alarm"].dtype == bool
    assert result.score["regime"].tolist() == ["running"] * 3 + ["unknown"]
    assert result.contributions.loc[index[2]].to_dict() == {"bearing": 0.8, "flow": 0.2}
    assert result.expected["flow"].tolist() == [1.0512] * 4
    episode = result.episodes.iloc[0]
    assert (episode.start, episode.end, episode.first_sign) == (index[2], index[3], index[1])
    assert episode.duration == pd.Timedelta("10min")
    assert (episode.culprits, bool(episode.open), episode.peak) == ("bearing +; flow -", True, 3.0)
    assert result.quality["missing"].tolist() == [0.0, 0.25]


def test_polars_keeps_its_column_of_dates() -> None:
    frame = pl.DataFrame({"TS": TIMES, "bearing": np.arange(4.0), "flow": np.arange(4.0)})
    result = made(Sheet(frame, "frame"), TIMES)
    assert result.score.columns == ["TS", "score", "limit", "alarm", "regime", "confidence"]
    assert result.contributions.columns == ["TS", "bearing", "flow"]
    assert result.episodes["start"].to_list() == [frame["TS"][2]]
    assert result.episodes["open"].to_list() == [True]
    assert result.quality["note"].to_list() == ["", "1 code"]


def test_pyarrow_keeps_its_column_of_dates() -> None:
    frame = pa.table({"TS": pa.array(TIMES), "bearing": np.arange(4.0), "flow": np.arange(4.0)})
    result = made(Sheet(frame, "frame"), TIMES)
    assert result.score.column_names == ["TS", "score", "limit", "alarm", "regime", "confidence"]
    assert result.score["regime"].to_pylist()[-1] == "unknown"
    assert result.episodes["end"].to_pylist() == [frame["TS"][3].as_py()]


def test_arrays_give_structured_arrays() -> None:
    result = made()
    assert result.score["limit"].tolist() == [1.0] * 4
    assert result.contributions is result.shares
    row = result.episodes[0]
    assert (row["start"], row["end"], row["duration"], row["first_sign"]) == (2, 3, 2, 1)
    assert result.quality["sensor"].tolist() == ["bearing", "flow"]
    assert repr(result) == "Result(4 rows, 2 sensors, 1 episode, 2 rows in alarm)"


@pytest.mark.parametrize("kind", ["array", "pandas", "polars", "pyarrow"])
def test_no_episode_is_an_empty_table(kind: str) -> None:
    columns = {"TS": TIMES, "bearing": np.arange(4.0), "flow": np.arange(4.0)}
    frames = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
    sheet = None if kind == "array" else Sheet(frames[kind](columns), "frame")
    result = made(sheet, TIMES, [])
    assert len(result.episodes) == 0
    assert result.explain() == []


def test_sentences_say_when_who_and_what_it_should_read() -> None:
    (said,) = made(times=TIMES).explain()
    assert said == (
        "From 2026-02-10 09:20 on, still running: bearing reads 71.4, should read 68.9 °C (85 % of the score); "
        "flow reads 1.05, should read 1.051 (15 % of the score)."
    )
    assert made().explain()[0].startswith("From row 2 on, still running: bearing")


def test_an_episode_of_one_row_has_one_time() -> None:
    told = sentence("row 7", "row 7", "", [], {}, ())
    assert told == "At row 7: many sensors together, none stands out."


def test_a_sentence_names_nobody_where_none_stands_out() -> None:
    many = [Culprit(f"s{number}", 0.1, 1, 1.0, 0.9, 0.5) for number in range(10)]
    (said,) = made(found=[Episode(0, 2, 1, 1.1, 0, "running", False, many, "noise")]).explain()
    assert said == "From row 0 to row 1, noise: many sensors together, none stands out."


def test_it_is_imported_when_it_is_asked_for() -> None:
    code = (
        "import sys, acm_rs; before = 'acm_rs.monitor' in sys.modules; acm_rs.Result;"
        "print(before, 'acm_rs.monitor' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    assert acm_rs.Result is Result
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        acm_rs.Nothing  # noqa: B018


# ---- one moment -----------------------------------------------------------------------------------------------------


def test_a_moment_in_sentences() -> None:
    result = made(times=TIMES)
    seen = result.at("2026-02-10 09:21")
    assert seen.sentences == [
        "2026-02-10 09:20 (row 2): running.",
        "In alarm since 2026-02-10 09:20: score 2, limit 1.",
        "The score is made up of:",
        "  bearing, 80 %: reads 71.3, should read 68.9 °C (6.0 deviations too high)",
        "  flow, 20 %: reads 1.1, should read 1.05 (4.9 deviations too high)",
    ]
    assert str(seen) == "\n".join(seen.sentences)
    assert (seen.row, seen.alarm, seen.score, seen.limit, seen.regime) == (2, True, 2.0, 1.0, "running")
    assert seen.episode is result.found[0]
    quiet = result.at(1)
    assert quiet.sentences[1:3] == ["No alarm: score 0.9, limit 1.", "The score is made up of:"]
    assert quiet.sentences[-2:] == ["  flow, 50 %: no reading", "Without a reading: 'flow'."]
    assert quiet.missing == ["flow"]
    assert result.at(0).sentences[3].endswith("(as it should)")
    result.scores[1] = 1.5
    assert result.at(1).sentences[1].startswith("Above the limit, but no alarm: score 1.5, limit 1; ")
    result.scores[3] = 0.95
    assert result.at(-1).sentences[1].endswith("score 0.95, limit 1, below its limit again, but not yet well below.")


def test_a_moment_that_is_not_judged_says_why() -> None:
    result = made(times=TIMES)
    result.scores[:] = np.nan
    result.regime_names = ("unknown", "standstill", "running")
    result.regimes = np.array([1, 0, 2, 2])
    result.values[3] = np.nan
    within = "It lies within the alarm from 2026-02-10 09:20 to 2026-02-10 09:30."
    whys = [result.at(row).sentences[1] for row in range(4)]
    assert whys == [
        "Not judged: the machine stands still.",
        "Not judged: a driver is beyond its trained range, or has no reading.",
        f"Not judged: the machine is settling after a change of regime. {within}",
        f"Not judged: there are no readings. {within}",
    ]
    assert result.at(0).sensors == []


def test_the_row_of_a_moment() -> None:
    result = made(times=TIMES)
    for at, row in (
        ("2026-02-10T09:04", 0),
        ("2026-02-10T09:06", 1),
        (TIMES[3], 3),
        (pd.Timestamp(TIMES[2]), 2),
        ("2026-02-10 08:55", 0),
        ("2026-02-10 09:39", 3),
        (np.int64(-2), 2),
    ):
        assert result.at(at).row == row
    for at, says in (
        ("2026-02-11", "must lie within the times of the rows, 2026-02-10 09:00 to 2026-02-10 09:30, got 2026-02-11"),
        ("soon", "must be a time such as"),
        (4, "must be one of the rows 0 to 3, got 4"),
        (None, "must be a time such as"),
    ):
        with pytest.raises(ValueError, match=says):
            result.at(at)
    gap = TIMES + np.array([0, 0, 300, 300]) * np.timedelta64(1, "m")
    assert (
        made(times=gap).at("2026-02-10 10:30").sentences[0]
        == "No row is nearer to 2026-02-10 10:30: it is 1.33 h away."
    )
    plain = made()
    assert plain.at(2).sentences[0] == "row 2: running."
    with pytest.raises(ValueError, match="must be a row's number where no times are known, 0 to 3"):
        plain.at("2026-02-10")


def test_a_row_that_shows_little_of_what_lasts_is_not_said_to_read_as_it_should() -> None:
    random = np.random.default_rng(3)
    load = random.normal(size=(2600, 2)) @ random.normal(size=(2, 5))
    frame = pd.DataFrame(50.0 + load + 0.3 * random.normal(size=(2600, 5)), columns=list("abcde"))
    monitor, later = acm_rs.Monitor().fit(frame[:2000]), frame[2000:].reset_index(drop=True)
    later.loc[100:, "b"] += 0.45
    result = monitor.score(later)
    one = next(one for one in result.found if one.end - one.start > 200)
    assert (one.kind, one.culprits[0].name, one.culprits[0].direction) == ("", "b", 1)
    rows = one.start + np.flatnonzero(result.alarms[one.start : one.end])
    off = (result.values[rows, 1] - result.expected_values[rows, 1]) / result.band[1]
    little, other = rows[(off > 0.2) & (off < 0.9)][0], rows[(off < -0.2) & (off > -0.9)][0]
    assert any("deviations too high, which is little but lasts)" in line for line in result.at(int(little)).sentences)
    assert any("b, " in line and "(as it should)" in line for line in result.at(int(other)).sentences)
