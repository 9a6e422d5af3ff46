"""A history row by row gives the bytes of the whole, however it is cut and wherever its state goes through bytes."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest
from children import run
from damaged_files import arrays_of, sealed
from hypothesis import given, seed, settings
from hypothesis import strategies as st

Array = npt.NDArray[Any]

OWN: Mapping[str, Mapping[str, Any]] = {
    **{kind: {} for kind in ("sum", "mean", "min", "max", "range", "skew", "kurt", "median", "slope", "corr")},
    "var": {"ddof": 2},
    "std": {},
    "mean_std": {"ddof": 0},
    "cov": {},
    "mad": {"scale": 1.4826},
    "quantile": {"q": [0.1, 0.5, 1.0]},
    "lag_corr": {"max_lag": 2, "pairs": [(0, 0)]},
    "band_energy": {"bands": [(0.0, 0.2), (0.1, 0.5)]},
    "feature_matrix": {},
    "ewm_mean": {"span": 9.0},
    "ewm_std": {"halflife": 5, "adjust": False, "ignore_na": True},
}
WEIGHTS = ("ewm_mean", "ewm_std")
PAIRS = ("cov", "corr")


def whole(kind: str, x: Array, window: Any, **more: Any) -> Array:
    """The function's results for all rows."""
    name = kind if kind in (*WEIGHTS, "feature_matrix") else f"rolling_{kind}"
    arguments = (x,) if kind in WEIGHTS else (x, more.pop("y"), window) if kind in PAIRS else (x, window)
    found: Array = getattr(acm_rs, name)(*arguments, **OWN[kind], **more)
    return found


def readings(random: np.random.Generator, rows: int, columns: int, dtype: Any, hard: bool) -> Array:
    """Noise about offsets, ties, gaps and infinities; now and then what leaves the range of the numbers."""
    x = random.normal(size=(rows, columns)) * 10.0 ** random.integers(-3, 4, columns)
    x[:, ::3] = np.round(x[:, ::3]) + 1e6
    x[random.random(x.shape) < 0.02] = np.nan
    x[random.random(x.shape) < 0.01] = -np.inf
    x[random.random(rows) < 0.02] = np.nan
    if hard and dtype == np.float64:
        x[random.random(x.shape) < 0.003] = 1e200
        x[random.random(x.shape) < 0.003] = -1e-250
    return x.astype(dtype)


def pieces(random: np.random.Generator, rows: int) -> list[slice]:
    """Cuts at random places: many rows one by one, some pieces of none and of many."""
    lengths = random.choice([0, 1, 1, 1, 1, 1, 1, 2, 5, 40], rows + 1)
    ends = np.minimum(np.cumsum(lengths), rows)
    return [slice(start, end) for start, end in zip([0, *ends.tolist()], [*ends.tolist(), rows], strict=False)]


def followed(state: acm_rs.RollingState, x: Array, random: np.random.Generator, **beside: Array) -> Array:
    """All updates together, the state through bytes now and then."""
    found = []
    for part in pieces(random, len(x)):
        given = {name: values[part] for name, values in beside.items()}
        if part.stop == part.start + 1 and x.shape[1] > 1 and random.random() < 0.5:
            line = {name: values if name == "times" else values[0] for name, values in given.items()}
            found.append(state.update(x[part.start], **line)[None])
        else:
            found.append(state.update(x[part], **given))
        if random.random() < 0.03:
            state = acm_rs.RollingState.from_bytes(state.to_bytes())
    assert state.rows_seen == len(x)
    return np.concatenate(found)


@pytest.mark.parametrize("kind", OWN)
@seed(20)
@settings(max_examples=15, deadline=None)
@given(
    number=st.integers(0, 10**6),
    rows=st.integers(1, 320),
    columns=st.integers(1, 20),
    window=st.integers(1, 300),
    narrow=st.booleans(),
    hard=st.booleans(),
)
def test_updates_are_the_batch(
    kind: str, number: int, rows: int, columns: int, window: int, narrow: bool, hard: bool
) -> None:
    random = np.random.default_rng(number)
    window = window if number % 3 else 1 + window % 24
    x = readings(random, rows, columns, np.float32 if narrow else np.float64, hard)
    y = readings(random, rows, columns, x.dtype, hard)
    beside = {"y": y} if kind in PAIRS else {}
    least = int(random.integers(0, min(window, 4) + 1))
    state = acm_rs.RollingState(kind, None if kind in WEIGHTS else window, columns, min_periods=least, **OWN[kind])
    found, expected = followed(state, x, random, **beside), whole(kind, x, window, min_periods=least, **beside)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


@seed(21)
@settings(max_examples=40, deadline=None)
@given(
    number=st.integers(0, 10**6),
    rows=st.integers(1, 320),
    columns=st.integers(1, 20),
    window=st.integers(1, 400),
    hold=st.none() | st.integers(1, 60),
    narrow=st.booleans(),
    least=st.none() | st.integers(0, 4),
)
def test_readings_that_hold_are_the_batch(
    number: int, rows: int, columns: int, window: int, hold: int | None, narrow: bool, least: int | None
) -> None:
    random = np.random.default_rng(number)
    x = readings(random, rows, columns, np.float32 if narrow else np.float64, True)
    x[random.random(x.shape) < 0.2] = -0.0
    times = np.cumsum(random.choice([0, 1, 2, 70], rows)) * np.timedelta64(1, "s") + np.datetime64("2026-01-05", "ns")
    own = {"min_periods": least, "hold": None if hold is None else f"{hold}s"}
    state = acm_rs.RollingState("time_mean", f"{window}s", columns, **own)
    expected = acm_rs.rolling_time_mean(x, f"{window}s", times=times, **own)
    found = followed(state, x, random, times=times)
    assert found.dtype == expected.dtype
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_readings_that_hold_go_through_bytes_and_frames(tmp_path: Path) -> None:
    times = pd.date_range("2026-01-05", periods=12, freq="7min")
    frame = pd.DataFrame({"a": np.arange(12.0), "b": [1.0, np.nan, np.nan, 4.0] * 3}, index=times)
    state = acm_rs.RollingState("time_mean", "1h", 2, hold="20min", min_periods=2)
    assert (state.window, state.closed, state.min_periods, state.own) == ("1h", "both", 2, {"hold": "20min"})
    assert eval(repr(state), vars(acm_rs)) == state
    expected = acm_rs.rolling_time_mean(frame, "1h", hold="20min", min_periods=2)
    first = state.update(frame.iloc[:7])
    state.save(tmp_path / "state")
    data = state.to_bytes()
    rest = [state.update(frame.iloc[at : at + 1]) for at in range(7, 12)]
    pd.testing.assert_frame_equal(pd.concat([first, *rest]), expected, check_exact=True, check_freq=False)
    for later in (acm_rs.RollingState.load(tmp_path / "state"), acm_rs.RollingState.from_bytes(data)):
        assert pickle.dumps(later) == pickle.dumps(copy.deepcopy(later))
        pd.testing.assert_frame_equal(
            later.update(frame.iloc[7:]), expected.iloc[7:], check_exact=True, check_freq=False
        )
    for place in range(0, len(data), 7):
        with pytest.raises(ValueError, match="`data` is not a saved RollingState"):
            acm_rs.RollingState.from_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    before = state.to_bytes()
    with pytest.raises(ValueError, match="`times` must not go back"):
        state.update(frame.iloc[3:4])
    with pytest.raises(ValueError, match="`times` must be given where `window` is a duration"):
        state.update(frame.iloc[3].to_numpy())
    assert state.to_bytes() == before
    state.reset()
    assert state.update(frame).equals(expected)


def test_readings_that_cannot_have_been_are_refused() -> None:
    state = acm_rs.RollingState("time_mean", "1h", 2)
    state.update(np.array([[1.0, 2.0], [3.0, np.nan]]), times=np.array([10, 20]))
    arrays = arrays_of(state.to_bytes())
    assert acm_rs.RollingState.from_bytes(sealed("RollingState 2", arrays)).to_bytes() == state.to_bytes()
    for name, values in (
        ("live.counts", [2, 2]),
        ("live.counts", [1, 1]),
        ("live.counts", [2**64 - 1, 1]),
        ("live.counts", [3]),
        ("live.when", [20, 10, 10]),
        ("live.when", [10, 21, 10]),
        ("live.readings", [1.0, np.nan, 2.0]),
        ("live.times", [10, 20]),
        ("window.lasting", 0),
        ("hold", 0),
        ("hold", 2**63),
    ):
        kind = "F64" if name == "live.readings" else "U64"
        data = np.array(values, "<f8" if kind == "F64" else "<u8")
        wrong = sealed("RollingState 2", {**arrays, name: (kind, list(data.shape), data.tobytes())})
        with pytest.raises(ValueError, match="`data` is not a saved RollingState"):
            acm_rs.RollingState.from_bytes(wrong)


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("closed", ["right", "both"])
def test_durations_are_the_batch(kind: str, closed: Any) -> None:
    random = np.random.default_rng(5)
    x = readings(random, 200, 3, np.float64, True)
    times = np.cumsum(random.integers(0, 4, 200)) * np.timedelta64(1, "s") + np.datetime64("2026-01-05", "ns")
    if kind in WEIGHTS:
        state = acm_rs.RollingState(kind, None, 3, halflife="5s")
        expected = getattr(acm_rs, kind)(x, halflife="5s", times=times)
        assert followed(state, x, random, times=times).tobytes() == expected.tobytes()
        return
    beside = {"y": x[:, ::-1]} if kind in PAIRS else {}
    for window in ("9s", 7):
        state = acm_rs.RollingState(kind, window, 3, closed=closed, **OWN[kind])
        expected = whole(kind, x, window, closed=closed, times=times, **beside)
        assert followed(state, x, random, times=times, **beside).tobytes() == expected.tobytes()


def test_one_column_comes_back_as_a_line() -> None:
    x = np.array([1.0, 3.0, 8.0])
    state = acm_rs.RollingState("mean", 2, 1)
    assert state.update(x).tolist() == [1.0, 2.0, 5.5]
    assert state.update(x[:1]).shape == (1,)
    assert state.update(x[:, None]).shape == (3, 1)
    assert acm_rs.RollingState("mean_std", 2, 1).update(x).shape == (3, 2)
    assert acm_rs.RollingState("mean_std", 2, 2).update(x[:2]).shape == (4,)
    assert acm_rs.RollingState("corr", 9, 2).update(x[:2], x[:1]).shape == (2,)


def test_one_column_may_stand_for_all_of_the_other_side() -> None:
    random = np.random.default_rng(2)
    x, y = random.normal(size=(60, 9)), random.normal(size=60)
    state = acm_rs.RollingState("cov", 12, 9)
    found = [state.update(x[:20], y[:20]), state.update(x[20:21], y[20:21]), state.update(x[21:], y[21:, None])]
    assert np.vstack(found).tobytes() == acm_rs.rolling_cov(x, y, 12).tobytes()


FRAMES = {
    "pandas": lambda x, times: pd.DataFrame(x, pd.DatetimeIndex(times), columns=["p", "t"]),
    "polars": lambda x, times: pl.DataFrame({"time": times, "p": x[:, 0], "t": x[:, 1]}),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("kind", OWN)
def test_frames_come_back_as_the_function_gives_them(kind: str, frame: str) -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=(40, 2))
    times = np.arange(40) * np.timedelta64(1, "s") + np.datetime64("2026-01-05", "us")
    table = FRAMES[frame](x, times)
    window = "7s" if kind not in WEIGHTS else None
    state = acm_rs.RollingState(kind, window, 2, **OWN[kind])
    found = []
    for part in (slice(0, 11), slice(11, 12), slice(12, 40)):
        found.append(state.update(table[part], *([table[part]] if kind in PAIRS else [])))
    expected = whole(kind, table, window, **({"y": table} if kind in PAIRS else {}))
    if frame == "pandas":
        pd.testing.assert_frame_equal(pd.concat(found), expected, check_exact=True, check_freq=False)
    else:
        assert pl.concat(found).equals(expected)
    assert state.names == ("p", "t")


def test_names_are_kept_and_others_refused() -> None:
    x = np.random.default_rng(4).normal(size=(6, 2))
    state = acm_rs.RollingState("max", 3, 2)
    state.update(x)
    assert state.names is None
    state.update(pd.DataFrame(x, columns=["p", "t"]))
    state = copy.deepcopy(state)
    before = state.to_bytes()
    for names in (["t", "p"], ["p", "u"]):
        with pytest.raises(ValueError, match=r"`x` must have the columns that the RollingState has had before"):
            state.update(pd.DataFrame(x, columns=names))
    assert state.to_bytes() == before
    state.reset()
    assert (state.rows_seen, state.names) == (0, ("p", "t"))
    assert state.update(x).tobytes() == acm_rs.rolling_max(x, 3).tobytes()


def test_what_is_refused_leaves_the_state_as_it_was() -> None:
    x = np.random.default_rng(6).normal(size=(9, 3))
    second = np.datetime64("2026-01-05", "s") + np.arange(9)
    state = acm_rs.RollingState("mean", "3s", 3)
    state.update(x[:4], times=second[:4])
    before = state.to_bytes()
    calls: list[tuple[Any, str, Any, Any]] = [
        (ValueError, r"`x` must have shape \(2, 3\), got \(2, 2\)", x[4:6, :2], second[4:6]),
        (ValueError, r"`x` must have shape \(1, 3\), got \(1, 2\)", x[4, :2], second[4:5]),
        (TypeError, r"`x` must have the dtype of the rows before, float64", x[4:5].astype(np.float32), second[4:5]),
        (TypeError, r"`x` must have dtype float64 or float32", np.ones((1, 3), int), second[4:5]),
        (ValueError, r"`times` must be given where `window` is a duration", x[4:6], None),
        (ValueError, r"`times` must have length 2, got 1", x[4:6], second[4:5]),
        (ValueError, r"`times` must not go back, but row 1", x[4:6], second[[5, 4]]),
        (ValueError, r"`times` must not go back, but the first row", x[4:5], second[2:3]),
    ]
    for kind, text, rows, times in calls:
        with pytest.raises(kind, match=text):
            state.update(rows, times=times)
        assert state.to_bytes() == before
    with pytest.raises(TypeError, match=r'`y` must be left out: "mean" looks at `x` alone'):
        state.update(x[4:5], x[4:5], times=second[4:5])
    assert state.to_bytes() == before
    plain = acm_rs.RollingState("corr", 3, 3)
    plain.update(x[:2], x[:2])
    for arguments, text in (
        ((x[2:4],), "`y` must be given"),
        ((x[2:4], x[2:4].astype(np.float32)), "`y` must have the dtype of `x`, float64"),
    ):
        with pytest.raises(TypeError, match=text):
            plain.update(*arguments)
    with pytest.raises(ValueError, match=r"`y` must have shape \(2, 3\), got \(1, 3\)"):
        plain.update(x[2:4], x[2:3])
    with pytest.raises(ValueError, match="`times` must have a time for each row, in every update or in none"):
        plain.update(x[2:4], x[2:4], times=second[2:4])
    assert plain.rows_seen == 2


@pytest.mark.parametrize(
    ("kind", "text", "arguments"),
    [
        (ValueError, "`kind` must be one of sum, mean", ("middle", 3, 2)),
        (TypeError, "`kind` must be the name of a kernel", (3, 3, 2)),
        (ValueError, "`center` must be False: a centred window needs rows yet to come", {"center": True}),
        (ValueError, "`step` must be 1: every row that comes has its results, got 2", {"step": 2}),
        (TypeError, '`q` must be left out: "mean" has no such keyword', {"q": 0.5}),
        (TypeError, '`q` must be given where `kind` is "quantile"', ("quantile", 3, 2)),
        (ValueError, "`window` must be a whole number, at least 1", ("mean", 0, 2)),
        (ValueError, "`window` must be None for exponential weights", ("ewm_mean", 3, 2)),
        (ValueError, "exactly one of `alpha`, `span`, `halflife` must be given", ("ewm_mean", None, 2)),
        (ValueError, "`d` must be a whole number, at least 1", ("mean", 3, 0)),
        (ValueError, "`min_periods` must be at most `window` = 3", {"min_periods": 4}),
        (ValueError, "`step` must be 1: .* got a number beyond 64 bits", {"step": 10**5000}),
        (ValueError, "`closed` must be", {"closed": "open"}),
        (TypeError, '`closed` must be one of "right".*, got ndarray', {"closed": np.zeros(3)}),
        (TypeError, '`hold` must be left out: "mean" has no such keyword', {"hold": "3s"}),
    ],
)
def test_what_cannot_be_asked_is_refused(kind: Any, text: str, arguments: Any) -> None:
    positional = arguments if isinstance(arguments, tuple) else ("mean", 3, 2)
    with pytest.raises(kind, match=text):
        acm_rs.RollingState(*positional, **(arguments if isinstance(arguments, dict) else {}))


@pytest.mark.parametrize(
    ("kind", "text", "window", "own"),
    [
        (TypeError, "`window` must be a duration", 3, {}),
        (TypeError, "`hold` must be a duration", "3s", {"hold": 4}),
        (ValueError, "`hold` must be a duration above 0", "3s", {"hold": "0s"}),
        (TypeError, '`closed` must be left out: windows of "time_mean" hold both', "3s", {"closed": "right"}),
    ],
)
def test_what_cannot_hold_is_refused(kind: Any, text: str, window: Any, own: Any) -> None:
    with pytest.raises(kind, match=text):
        acm_rs.RollingState("time_mean", window, 2, **own)


def test_weights_have_no_window_with_ends() -> None:
    with pytest.raises(TypeError, match='`closed` must be left out: "ewm_mean" has no window'):
        acm_rs.RollingState("ewm_mean", None, 2, span=3.0, closed="left")


def test_a_median_of_rows_to_come_is_refused() -> None:
    with pytest.raises(ValueError, match="`fill` must be None, or a number or one a column: no median"):
        acm_rs.RollingState("feature_matrix", 3, 2, fill="median")
    with pytest.raises(ValueError, match="`fill` must be finite numbers: no median of rows to come"):
        acm_rs.RollingState("feature_matrix", 3, 2, fill=[0.0, np.nan])
    x = np.array([[1.0, np.nan], [np.nan, 4.0], [5.0, 2.0]])
    state = acm_rs.RollingState("feature_matrix", 2, 2, fill=[7.0, 8.0])
    found = np.vstack([state.update(row) for row in x])
    assert found.tobytes() == acm_rs.feature_matrix(x, 2, fill=np.array([7.0, 8.0])).tobytes()


@pytest.mark.parametrize("kind", OWN)
def test_states_are_saved_compared_and_spelled(kind: str, tmp_path: Path) -> None:
    x = np.random.default_rng(7).normal(size=(30, 2))
    beside = (x,) if kind in PAIRS else ()
    make = lambda: acm_rs.RollingState(kind, None if kind in WEIGHTS else 9, 2, **OWN[kind])  # noqa: E731
    state = make()
    assert state == make()
    assert eval(repr(state), vars(acm_rs)) == state
    state.update(x, *beside)
    assert state != make()
    state.save(tmp_path / "state")
    copies = [acm_rs.RollingState.load(tmp_path / "state"), pickle.loads(pickle.dumps(state)), copy.deepcopy(state)]
    data = state.to_bytes()
    expected = state.update(x, *beside).tobytes()
    for again in copies:
        assert again.to_bytes() == data
        assert again.update(x, *beside).tobytes() == expected
    for place in range(0, len(data), 11):
        with pytest.raises(ValueError, match="`data` is not a saved RollingState"):
            acm_rs.RollingState.from_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(ValueError, match="`data` is not a saved RollingState"):
            acm_rs.RollingState.from_bytes(data[:place])


def test_a_series_is_no_row_of_several_sensors() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    state = acm_rs.RollingState("mean", 2, 2)
    before = state.to_bytes()
    for row in (frame.iloc[0], pl.Series("a", [1.0, 3.0])):
        with pytest.raises(ValueError, match=r"`x` must have 2 columns, and a series is one sensor: .* \(x\.to_numpy"):
            state.update(row)
    assert state.to_bytes() == before
    assert state.update(frame.iloc[[0]]).to_dict("list") == {"a": [1.0], "b": [3.0]}


@pytest.mark.parametrize(
    "spelled",
    [
        lambda time: time,
        lambda time: time.item() if isinstance(time.item(), datetime) else time.astype("M8[us]").item(),
        pd.Timestamp,
        lambda time: pd.Timestamp(time, tz="UTC").tz_convert("Asia/Kolkata"),
        lambda time: np.array([time]),
    ],
)
def test_a_row_that_comes_alone_may_have_one_time(spelled: Any) -> None:
    times = np.datetime64("2026-03-01T08:00", "s") + np.arange(5) * np.timedelta64(40, "s")
    x = np.array([[1.0], [2.0], [4.0], [8.0], [16.0]])
    state = acm_rs.RollingState("sum", "90s", 1)
    found = [float(state.update(row, times=spelled(time))[0]) for row, time in zip(x, times, strict=True)]
    assert found == acm_rs.rolling_sum(x, "90s", times=times)[:, 0].tolist() == [1.0, 3.0, 7.0, 14.0, 28.0]


CLAIMS = """
import resource

import acm_rs
import numpy as np
from damaged_files import arrays_of, sealed

for kind, window, own in (("ewm_std", None, {"span": 5.0}), ("feature_matrix", 5, {})):
    state = acm_rs.RollingState(kind, window, 3, **own)
    state.update(np.ones((9, 3)))
    arrays = arrays_of(state.to_bytes())
    for name, value in (("columns", 1 << 24), ("live.narrow", 7)):
        file = sealed("RollingState 2", {**arrays, name: ("U64", [], value.to_bytes(8, "little"))})
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), -1))
        try:
            acm_rs.RollingState.from_bytes(file)
        except ValueError as error:
            print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
def test_what_a_file_claims_and_does_not_hold_takes_no_memory() -> None:
    told = run(CLAIMS).splitlines()
    assert len(told) == 4
    assert all(line.startswith("`data` is not a saved RollingState") for line in told)
