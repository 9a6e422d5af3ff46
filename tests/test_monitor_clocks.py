"""Times that a frame holds as text or numbers are told, at the fit and later, and are no sensors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs import Monitor, Result
from test_monitor_outages import plant

FRAME = plant(1, 1500)
NOT_USED = "times that are no dates are not used"


def newest_first(times: Callable[[pd.DatetimeIndex], object]) -> pd.DataFrame:
    """The plant, read backwards, with its times in a column."""
    frame = FRAME[::-1]
    return frame.reset_index(drop=True).assign(when=np.asarray(times(pd.DatetimeIndex(frame.index))))


FORMS: dict[str, Callable[[pd.DatetimeIndex], object]] = {
    "text": lambda times: times.strftime("%d.%m.%Y %H:%M"),
    "names of months": lambda times: times.strftime("%d-%b-%y %H:%M"),
    "compact": lambda times: times.strftime("%Y%m%dT%H%M%S"),
    "seconds": lambda times: times.astype("datetime64[s]").astype(np.int64),
    "milliseconds": lambda times: times.astype("datetime64[ms]").astype(np.int64),
    "days": lambda times: (times - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D"),
    "numbers of the rows": lambda times: np.arange(len(times))[::-1],
}


def told(result: Result) -> list[str]:
    return [remark for remark in result.remarks if remark.startswith(NOT_USED)]


@pytest.mark.parametrize("form", FORMS)
def test_rows_newest_first_are_not_judged_without_a_word(form: str) -> None:
    frame = newest_first(FORMS[form])
    dated, column = Monitor().fit(FRAME), Monitor().fit(frame)
    assert "when" not in column.sensors_
    assert "when" in column.left_out_
    assert any(warning.startswith(f"{NOT_USED} ('when'") for warning in column.warnings_)
    indexed = frame.set_index("when")
    for monitor in (dated, column, Monitor.from_bytes(column.to_bytes())):
        for later in (frame, pl.from_pandas(frame)):
            (remark,) = told(monitor.score(later))
            assert remark.startswith(f"{NOT_USED} ('when'")
            assert not [other for other in monitor.score(later).remarks if "not known" in other]
        (remark,) = told(monitor.score(indexed))
        assert remark.startswith(f"{NOT_USED} (the index")
    falls = not form.startswith(("text", "names of m", "compact"))
    assert ("which falls from row to row" in remark) == falls
    np.testing.assert_array_equal(dated.score(frame).scores, dated.score(frame.drop(columns="when")).scores)
    assert not told(dated.score(FRAME))
    assert not told(dated.score(FRAME.to_numpy()))
    assert not told(dated.score(FRAME.reset_index(drop=True)))


def test_seconds_since_1970_oldest_first_are_told() -> None:
    seconds = FRAME.index.astype("datetime64[s]").astype(np.int64)
    for frame in (FRAME.reset_index(drop=True).assign(when=seconds), FRAME.set_axis(seconds)):
        monitor = Monitor().fit(frame)
        assert any(warning.startswith(NOT_USED) for warning in monitor.warnings_)
        assert told(monitor.score(frame))
        assert not told(monitor.score(FRAME))
        assert "when" not in monitor.sensors_


def test_a_row_that_is_a_mapping_tells_its_time_as_text() -> None:
    monitor = Monitor().fit(FRAME)
    row = {"when": "2026-03-01 00:10", **FRAME.iloc[0].to_dict()}
    assert told(monitor.update(row)) == [
        f"{NOT_USED} ('when'), and rows are taken in the order in which they come: turn them into dates first, as "
        "pd.to_datetime does, and sort by them"
    ]
    assert not told(monitor.update({**row, "when": datetime(2026, 3, 1, 0, 20)}))


def test_a_clock_with_a_missing_reading_or_one_that_is_not_quite_even_is_one() -> None:
    seconds = FRAME.index.to_numpy("datetime64[s]").astype(float)[::-1].copy()
    uneven = seconds + np.random.default_rng(2).uniform(-20.0, 20.0, len(seconds))
    seconds[7] = np.nan
    frame = FRAME[::-1].reset_index(drop=True)
    for name, column in (("when", seconds), ("Zeit", uneven)):
        monitor = Monitor().fit(frame.assign(**{name: column}))
        assert name not in monitor.sensors_
        assert f'kinds={{{name!r}: "continuous"}}' in monitor.left_out_[name]


def test_counters_and_sensors_are_no_clocks() -> None:
    bare = FRAME.reset_index(drop=True)
    random = np.random.default_rng(5)
    counter = 1.2e9 + np.cumsum(random.gamma(0.3, 500.0, len(bare)))
    falling = np.where(np.arange(len(bare)) % 7 == 0, 60.0, 90.0 - 0.01 * np.arange(len(bare)))
    meter = 1.2e9 + np.cumsum(random.normal(20_000.0, 1500.0, len(bare)))
    battery = 100.0 - 0.03 * np.arange(len(bare)) - 0.003 * random.random(len(bare))
    gap = np.where(np.arange(len(bare)) == 5, np.nan, battery)
    frame = bare.assign(energy=counter, level=falling, meter=meter, battery=battery, other=gap)
    monitor = Monitor().fit(frame)
    assert {"energy", "level", "meter", "battery", "other"} <= set(monitor.sensors_)
    assert not [warning for warning in monitor.warnings_ if warning.startswith(NOT_USED)]
    assert not told(monitor.score(frame))
    # Who names a column knows what it is.
    ramp = bare.assign(ramp=900.0 - np.arange(len(bare)))
    assert "ramp" in Monitor(kinds={"ramp": "continuous"}).fit(ramp).sensors_
