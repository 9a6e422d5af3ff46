"""The time-weighted mean, and gaps filled by time or left alone: exact numbers, any pieces, any kind of frame."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pytest
from exact import as_exact
from families import FAMILIES, family
from histories import Array, history, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from registry.over_time import by_time, time_mean
from windows import CLOCKS, DAY, HOUR, MINUTE, SECOND, START, Times, clock, ns

Value = st.one_of(st.just(np.nan), st.integers(-400, 400).map(lambda v: v / 16))
Steps = st.lists(st.tuples(st.integers(0, 5), Value), min_size=1, max_size=24)


def check(x: Array, times: Times, window: int, rows: list[int], hold: int | None = None) -> None:
    how = {} if hold is None else {"hold": ns(hold)}
    got = acm_rs.rolling_time_mean(x, ns(window), times=times, **how)[rows]  # type: ignore[arg-type]
    want = as_exact([[time_mean(x, times, window, row, hold)] for row in rows], 1)
    error = want.scaled_error(got)
    worst = int(error.argmax())
    assert error.max() <= 1e-15, (rows[worst], got[worst], want.hi[worst], error.max())


# ---- the mean -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", CLOCKS)
def test_means_are_exact_on_every_clock(hours: str) -> None:
    times, x = clock(hours, 150), family("F-normal", True)[:150]
    for window in (1, 90 * SECOND, 5 * HOUR + 1, 400 * DAY):
        for hold in (None, 1, 20 * MINUTE):
            check(x, times, window, list(range(0, 150, 4)), hold)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
def test_families_are_exact(name: str, missing: bool) -> None:
    times, x = clock("irregular", 900), family(name, missing)[:900]
    check(x, times, 20 * HOUR, list(range(0, 900, 37)))


@given(steps=Steps, window=st.integers(1, 30), hold=st.one_of(st.none(), st.integers(1, 9)))
def test_any_small_history_is_exact(steps: list[tuple[int, float]], window: int, hold: int | None) -> None:
    times = START + np.cumsum([step for step, _ in steps])
    check(np.array([value for _, value in steps]), times, window, list(range(len(steps))), hold)


def test_a_constant_is_its_mean_and_readings_that_balance_cost_no_digit() -> None:
    times = clock("irregular", 500)
    for value in (0.1, 1e300, -1.7e308, 5e-300):
        found = acm_rs.rolling_time_mean(np.full(500, value), "9h", times=times)
        assert (found == value).all()
    x = np.array([1e15, 3.0, -1e15, 0.0])
    found = acm_rs.rolling_time_mean(x, "3s", times=np.arange(4) * SECOND)
    assert found[3] == 1.0


def test_the_value_before_a_window_holds_into_it() -> None:
    times = np.array([0, 100, 101]) * SECOND
    x = np.array([4.0, 8.0, 0.0])
    assert acm_rs.rolling_time_mean(x, "10s", times=times).tolist() == [4.0, 4.0, 4.4]
    held = acm_rs.rolling_time_mean(x, "10s", times=times, hold="95s")
    assert held.tolist() == [4.0, 4.0, (4 * 4.0 + 8.0) / 5]
    gone = acm_rs.rolling_time_mean(np.array([4.0, np.nan, np.nan]), "10s", times=times, hold="20s")
    assert gone[0] == 4.0
    assert np.isnan(gone[1:]).all()


def test_min_periods_count_readings_and_the_one_that_holds() -> None:
    times = np.array([0, 10, 20, 30]) * SECOND
    x = np.array([1.0, np.nan, 3.0, np.nan])
    for least, first in ((None, 0), (0, 0), (1, 0), (2, 2), (3, 4)):
        found = acm_rs.rolling_time_mean(x, "15s", least, times=times)
        assert np.isfinite(found).tolist() == [row >= first for row in range(4)]
    # Ten seconds later the first reading no longer holds into the window.
    assert np.isnan(acm_rs.rolling_time_mean(x, "10s", 2, times=times)[3])


@pytest.mark.parametrize("hold", [None, "50min"])
def test_pieces_and_single_rows_give_the_bytes_of_the_whole(hold: str | None) -> None:
    x, times, window = history(400, 3), clock("irregular", 400), 3 * HOUR
    how: dict[str, Any] = {"hold": hold}
    want = acm_rs.rolling_time_mean(x, ns(window), times=times, **how)
    cuts = [0, 60, 61, 62, 200, 333, 400]
    for start, stop in pairwise(cuts):
        # The rows in the windows, and of every sensor the last reading before them.
        inside = int(np.searchsorted(times, times[start] - window, side="right"))
        before = [np.flatnonzero(np.isfinite(x[:inside, j])) for j in range(3)]
        first = min([inside, *(int(known[-1]) for known in before if known.size)])
        got = acm_rs.rolling_time_mean(x[first:stop], ns(window), times=times[first:stop], first_row=first, **how)
        same_bytes(got[start - first :], want[start:stop])
    step = acm_rs.rolling_time_mean(x, ns(window), times=times, step=7, **how)
    same_bytes(step, want[::7])


def test_frames_bring_their_times() -> None:
    x, times = np.abs(history(60, 2)), clock("irregular", 60)
    x[~np.isfinite(x)] = np.nan
    want = acm_rs.rolling_time_mean(x, "2h", times=times)
    frame = pd.DataFrame(x, columns=["p", "t"], index=pd.DatetimeIndex(times.view("datetime64[ns]")))
    same_bytes(acm_rs.rolling_time_mean(frame, "2h").to_numpy(), want)
    table = pl.DataFrame({"when": times.view("datetime64[ns]"), "p": x[:, 0], "t": x[:, 1]})
    found = acm_rs.rolling_time_mean(table, "2h")
    assert found.columns == ["when", "p", "t"]
    same_bytes(found.select("p", "t").to_numpy(), want)
    codes = np.arange(60) % 3
    grouped = acm_rs.rolling_time_mean(frame, "2h", by=codes)
    for code in range(3):
        alone = acm_rs.rolling_time_mean(x[codes == code], "2h", times=times[codes == code])
        same_bytes(grouped.to_numpy()[codes == code], alone)


def test_what_the_mean_cannot_take_is_refused() -> None:
    x, times = np.zeros(3), np.arange(3) * SECOND
    with pytest.raises(ValueError, match="`window` must be a duration, got 5"):
        acm_rs.rolling_time_mean(x, 5, times=times)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`times` must be given where `window` is a duration"):
        acm_rs.rolling_time_mean(x, "5s")
    with pytest.raises(TypeError, match=r"`hold` must be a duration such as '2h', '90s'.*, got int"):
        acm_rs.rolling_time_mean(x, "5s", times=times, hold=5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`hold` must be a duration above 0, got '0s'"):
        acm_rs.rolling_time_mean(x, "5s", times=times, hold="0s")
    with pytest.raises(ValueError, match="`times` must not go back, but row 1 is earlier than row 0"):
        acm_rs.rolling_time_mean(x, "5s", times=times[::-1].copy())


# ---- gaps -----------------------------------------------------------------------------------------------------------


@given(steps=Steps)
def test_lines_by_time_are_exact(steps: list[tuple[int, float]]) -> None:
    times = START + np.cumsum([step for step, _ in steps])
    x = np.array([value for _, value in steps])
    want = as_exact([[pair] for pair in by_time(x, times)], 1)
    assert want.scaled_error(acm_rs.impute(x, "time", times=times)).max() <= 2.0**-52


def test_lines_over_centuries_lose_no_digit() -> None:
    times = np.array(["1700-01-01", "1999-03-04T05:06:07", "2250-01-01"], "datetime64[s]")
    x = np.array([-1e15, np.nan, 1e15 + 8.0])
    apart = times.astype(np.int64).tolist()
    part = Fraction(apart[1] - apart[0], apart[2] - apart[0])
    assert acm_rs.impute(x, "time", times=times)[1] == float(Fraction(-1e15) + (Fraction(1e15 + 8.0) + 10**15) * part)


def test_numbers_are_those_of_pandas_and_limits_still_count() -> None:
    times = clock("regular", 200)
    x = np.where(np.random.default_rng(2).random((200, 2)) < 0.5, np.nan, np.arange(400.0).reshape(200, 2) ** 1.5)
    frame = pd.DataFrame(x, columns=["p", "t"], index=pd.DatetimeIndex(times.view("datetime64[ns]")))
    pd.testing.assert_frame_equal(acm_rs.impute(frame, "time"), frame.interpolate(method="time"), rtol=1e-14)
    limited = frame.interpolate(method="time", limit=2)
    pd.testing.assert_frame_equal(acm_rs.impute(frame, "time", limit=2), limited, rtol=1e-14)


def longest_filled(x: Array, found: Array, rows: int | None, lasting: int | None, times: Times) -> None:
    """Every gap is filled as it would be, or not at all."""
    missing = ~np.isfinite(x)
    edges = np.flatnonzero(np.diff(np.r_[False, missing, False].astype(int)))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        apart = int(times[min(end, x.size - 1)]) - int(times[max(start - 1, 0)])
        short = end - start <= rows if rows is not None else apart <= (lasting or 0)
        assert np.isnan(found[start:end]).all() or short, (start, end)
        assert np.isfinite(found[start:end]).all() or not short, (start, end)


@pytest.mark.parametrize("method", ["median", "zero", "ffill", "bfill", "interpolate", "time"])
def test_gaps_that_are_too_long_stay_whole(method: Any) -> None:
    times = clock("irregular", 300)
    random = np.random.default_rng(7)
    x = np.where(np.repeat(random.random(100) < 0.5, 3) | (random.random(300) < 0.2), np.nan, np.arange(300.0))
    x[0] = x[-1] = 1.0
    free = acm_rs.impute(x, method, times=times)
    for rows in (1, 3, 6, 300):
        found = acm_rs.impute(x, method, max_gap=rows, times=times)
        longest_filled(x, found, rows, None, times)
        same_bytes(found, np.where(np.isfinite(found), free, np.nan))
    for lasting in (HOUR, 4 * HOUR, DAY):
        found = acm_rs.impute(x, method, max_gap=ns(lasting), times=times)
        longest_filled(x, found, None, lasting, times)
        same_bytes(found, np.where(np.isfinite(found), free, np.nan))
    series = pd.Series(x, index=pd.DatetimeIndex(times.view("datetime64[ns]")))
    found = acm_rs.impute(series, method, max_gap="4h").to_numpy()
    same_bytes(found, acm_rs.impute(x, method, max_gap="4h", times=times))


def test_what_filling_cannot_take_is_refused() -> None:
    x = np.array([1.0, np.nan, 3.0])
    with pytest.raises(ValueError, match='`times` must be given where `method` is "time", got None'):
        acm_rs.impute(x, "time")
    with pytest.raises(ValueError, match="`times` must be given where `max_gap` is a duration, got None"):
        acm_rs.impute(x, "ffill", max_gap="2h")
    with pytest.raises(ValueError, match="`max_gap` must be a whole number, at least 1, got 0"):
        acm_rs.impute(x, "ffill", max_gap=0)
    with pytest.raises(ValueError, match="`max_gap` must be a duration above 0, got '0s'"):
        acm_rs.impute(x, "ffill", max_gap="0s", times=np.arange(3))
    with pytest.raises(ValueError, match="`times` must have length 3, got 2"):
        acm_rs.impute(x, "time", times=np.arange(2))
    with pytest.raises(ValueError, match="`times` must not go back"):
        acm_rs.impute(x, "time", times=np.array([3, 2, 1]))
