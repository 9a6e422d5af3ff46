"""Bad windows: durations, times, centring and steps that cannot be, each refused by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from histories import same_bytes
from odd_values import NO_TIME, NO_UNIT
from registry import FORMER, PAIRS, WINDOWED, Kernel
from test_errors import refused
from windows import SECOND, START

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", WINDOWED, ids=lambda k: k.name)
X = np.arange(24.0).reshape(8, 3)
T = START + SECOND * np.arange(8, dtype=np.int64)


@OF_EVERY_KERNEL
def test_a_duration_needs_times(kernel: Kernel) -> None:
    for window in ("2h", np.timedelta64(2, "h"), dt.timedelta(hours=2)):
        refused((TypeError, ValueError), ("`times`",), lambda window=window: kernel(X, window))


@OF_EVERY_KERNEL
def test_times_must_be_sorted_and_complete(kernel: Kernel) -> None:
    falling = T[::-1].copy()
    for window in ("2s", 3):
        refused(ValueError, ("`times`",), lambda w=window: kernel(X, w, times=falling))
        one = T.copy()
        one[5] = T[3] - 1
        refused(ValueError, ("`times`",), lambda w=window, t=one: kernel(X, w, times=t))
        dates = one.view("datetime64[ns]")
        refused(ValueError, ("`times`",), lambda w=window, t=dates: kernel(X, w, times=t))
        for place in (0, 4, 7):
            gone = T.view("datetime64[ns]").copy()
            gone[place] = np.datetime64("NaT", "ns")
            refused(ValueError, ("`times`",), lambda w=window, t=gone: kernel(X, w, times=t))
            seconds = gone.astype("datetime64[s]")
            refused(ValueError, ("`times`",), lambda w=window, t=seconds: kernel(X, w, times=t))


@OF_EVERY_KERNEL
def test_times_must_be_one_for_each_row(kernel: Kernel) -> None:
    for times in (T[:7], np.concatenate([T, T[-1:]]), T[:0], T.reshape(8, 1), T.reshape(2, 4), T[0]):
        refused((TypeError, ValueError), ("`times`",), lambda times=times: kernel(X, "2s", times=times))


@OF_EVERY_KERNEL
@pytest.mark.parametrize(
    "times",
    [
        T.astype(float),
        T.astype(np.int32),
        T.astype(np.uint64),
        T.astype(object),
        list(T),
        "2020",
        3,
        T.astype("m8[ns]"),
    ],
    ids=lambda t: str(getattr(t, "dtype", type(t).__name__)),
)
def test_times_must_be_integers_or_dates(kernel: Kernel, times: Any) -> None:
    refused((TypeError, ValueError), ("`times`",), lambda: kernel(X, "2s", times=times))


def test_masked_times_are_refused() -> None:
    times = np.ma.masked_equal(T, T[3])
    refused(TypeError, ("`times`",), lambda: acm_rs.rolling_sum(X, "3s", times=times))


@pytest.mark.parametrize("text", ["1.5h", "0.5s", " 2h ", "2H", "1h30", "1:30:00", "P1D", "2e3s", "1_000s"])
def test_other_spellings_are_refused_or_right(text: str) -> None:
    try:
        got = acm_rs.rolling_sum(X, text, times=T)
    except ValueError as error:
        assert "`window`" in str(error)  # noqa: PT017
    else:
        same_bytes(got, acm_rs.rolling_sum(X, pd.Timedelta(text.lower()).to_timedelta64(), times=T))


@pytest.mark.parametrize("unit", ["s", "D", "Y", "ms"])
def test_dates_beyond_nanoseconds_are_refused(unit: str) -> None:
    years = np.array(["1500", "1600", "3000"], dtype="datetime64[Y]").astype(f"datetime64[{unit}]")
    refused((TypeError, ValueError), ("`times`",), lambda: acm_rs.rolling_mean(np.ones(3), "2d", times=years))


@OF_EVERY_KERNEL
@pytest.mark.parametrize(
    "window",
    [
        "0s",
        "-2h",
        "",
        "soon",
        "two hours",
        "h",
        "2",
        "2parsecs",
        "1M",
        "1Y",
        "1month",
        "2h nonsense",
        "nan",
        "inf s",
        np.timedelta64(0, "s"),
        np.timedelta64(-2, "h"),
        NO_TIME,
        np.timedelta64(1, "M"),
        np.timedelta64(1, "Y"),
        NO_UNIT,
        dt.timedelta(0),
        dt.timedelta(seconds=-1),
        pd.NaT,
        pd.Timedelta("-1s"),
        np.datetime64("2020-01-01"),
        2.5,
        None,
        [2],
    ],
    ids=repr,
)
def test_a_duration_must_be_positive_and_fixed(kernel: Kernel, window: Any) -> None:
    refused((TypeError, ValueError), ("`window`",), lambda: kernel(X, window, times=T))


@OF_EVERY_KERNEL
@pytest.mark.parametrize(
    "window", ["300y", "1000000d", np.timedelta64(2**62, "s"), dt.timedelta(days=400_000)], ids=repr
)
def test_a_duration_beyond_nanoseconds_is_refused_or_all_there_is(kernel: Kernel, window: Any) -> None:
    try:
        got = kernel(X, window, times=T)
    except (ValueError, OverflowError) as error:
        assert "`window`" in str(error)  # noqa: PT017
    else:
        same_bytes(got, kernel(X, "1000d", times=T))


@OF_EVERY_KERNEL
def test_min_periods_of_a_duration(kernel: Kernel) -> None:
    for value in (-1, 1.5, True, "2"):
        refused((TypeError, ValueError), ("`min_periods`",), lambda value=value: kernel(X, "2s", value, times=T))
    assert np.isnan(kernel(X, "2s", 1000, times=T)).all()
    assert np.isfinite(kernel(X, "20s", 6, times=T)[-1]).all() or kernel in PAIRS


@pytest.mark.parametrize("name", ["times", "center", "step"])
def test_the_plain_names_take_windows_of_rows_only(name: str) -> None:
    value = {"times": T, "center": True, "step": 2}[name]
    for kernel in FORMER:
        with pytest.raises(TypeError):
            kernel(X, 3, **{name: value})


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [1, 0, "yes", None, 1.0, np.array([True]), [True]], ids=repr)
def test_center_must_be_true_or_false(kernel: Kernel, value: Any) -> None:
    refused((TypeError, ValueError), ("center",), lambda: kernel(X, 3, center=value))


@OF_EVERY_KERNEL
def test_center_may_be_a_bool_of_numpy(kernel: Kernel) -> None:
    for value in (True, False):
        same_bytes(kernel(X, 3, center=np.bool_(value)), kernel(X, 3, center=value))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [0, -1, -(2**70), 1.5, 2.0, True, "2", [2], float("nan")], ids=repr)
def test_the_step_must_be_a_positive_whole_number(kernel: Kernel, value: Any) -> None:
    refused((TypeError, ValueError), ("`step`",), lambda: kernel(X, 3, step=value))
    refused((TypeError, ValueError), ("`step`",), lambda: kernel(X, "3s", step=value, times=T))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [8, 9, 1000, 2**40, 2**62])
def test_a_step_beyond_the_data_gives_the_first_row(kernel: Kernel, value: int) -> None:
    same_bytes(kernel(X, 3, step=value), kernel(X, 3)[:1])
    same_bytes(kernel(X, 3, step=value, first_row=1), kernel(X, 3, first_row=1)[value - 1 :])
    assert kernel(X[:0], 3, step=value).shape == (0, kernel.width(3))


@OF_EVERY_KERNEL
def test_out_has_a_row_for_each_step(kernel: Kernel) -> None:
    width = kernel.width(3)
    out = np.empty((3, width))
    assert kernel(X, 3, step=3, out=out) is out
    same_bytes(out, kernel(X, 3)[::3])
    for rows in (2, 4, 8):
        refused(ValueError, ("`out`",), lambda rows=rows: kernel(X, 3, step=3, out=np.empty((rows, width))))
    refused(ValueError, ("`out`",), lambda: kernel(X, 3, out=out))
