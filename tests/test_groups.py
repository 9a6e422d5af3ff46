"""Windows by group: the bytes of each group alone, in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs.frames import Sheet
from histories import Array, history, layouts, same_bytes
from registry import KERNELS, ROWS, WINDOWED, Kernel
from windows import SECOND, clock

GROUPED = [kernel for kernel in KERNELS.values() if not kernel.former and kernel.takes_first_row]
OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", GROUPED, ids=lambda k: k.name)
ROW_COUNT = 150
CODES = np.random.default_rng(3).integers(0, 5, ROW_COUNT)


def one_by_one(work: Callable[..., Array], x: Array, codes: Array, *beside: Array, step: int = 1) -> Array:
    """Each group alone, put back where its rows stood."""
    rows, parts = [], []
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        rows.append(own[::step])
        parts.append(work(x[own], *[values[own] for values in beside]))
    order = np.argsort(np.concatenate(rows))
    found: Array = np.concatenate(parts)[order]
    return found


def test_every_rolling_function_takes_groups() -> None:
    windowed = {name for name in ROWS if name.startswith("rolling_") and not name.endswith("_f64")} | {"feature_matrix"}
    assert {kernel.name for kernel in GROUPED} | {"rolling_time_mean"} >= windowed


@OF_EVERY_KERNEL
def test_each_group_is_a_history_of_its_own(kernel: Kernel) -> None:
    x = history(ROW_COUNT, 3)
    for how in ({}, {"center": True}, {"step": 3}):
        got = kernel(x, 8, 2, by=CODES, **how)
        same_bytes(got, one_by_one(lambda part, how=how: kernel(part, 8, 2, **how), x, CODES, step=how.get("step", 1)))
    line = kernel(x[:, 0], 8, by=CODES)
    same_bytes(line, one_by_one(lambda part: kernel(part, 8), x[:, 0], CODES))
    out = np.full((ROW_COUNT, kernel.width(3)), 7.0, order="F")
    assert kernel(x, 8, by=CODES, out=out) is out
    same_bytes(out, kernel(x, 8, by=CODES))


@OF_EVERY_KERNEL
def test_times_need_order_within_a_group_only(kernel: Kernel) -> None:
    x = history(ROW_COUNT, 2)
    times = np.empty(ROW_COUNT, np.int64)
    for code in range(5):
        own = np.flatnonzero(code == CODES)
        times[own] = clock("irregular", ROW_COUNT)[: own.size] + code * 977 * SECOND
    assert (np.diff(times) < 0).any()
    got = kernel(x, "2h", times=times, by=CODES)
    same_bytes(got, one_by_one(lambda part, when: kernel(part, "2h", times=when), x, CODES, times))


@pytest.mark.parametrize("kernel", WINDOWED[:2], ids=lambda k: k.name)
def test_layouts_and_narrow_numbers(kernel: Kernel) -> None:
    x = history(ROW_COUNT, 3)
    want = kernel(x, 8, by=CODES)
    for form in layouts(x).values():
        same_bytes(kernel(form, 8, by=CODES), want)
    small = np.where(np.abs(x) > 1e14, 1e6, x).astype(np.float32)
    got = kernel(small, 8, by=CODES)
    assert got.dtype == np.float32
    same_bytes(got, one_by_one(lambda part: kernel(part, 8), small, CODES))


NAMES = [f"pump {code}" for code in CODES]
LABELS: dict[str, Any] = {
    "int8": CODES.astype(np.int8),
    "uint64": CODES.astype(np.uint64) + 2**63,
    "list": NAMES,
    "tuples": [(name, 1) for name in NAMES],
    "texts": np.array(NAMES),
    "objects": np.array(NAMES, dtype=object),
    "floats": CODES * 0.5,
    "days": np.datetime64("2024-01-01") + CODES,
    "pandas": pd.Series(NAMES),
    "pandas categories": pd.Series(NAMES, dtype="category"),
    "categorical": pd.Categorical(NAMES),
    "index": pd.Index(NAMES),
    "Polars": pl.Series(NAMES),
    "Polars categories": pl.Series(NAMES, dtype=pl.Categorical),
    "PyArrow": pa.chunked_array([NAMES]),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(kind: str) -> None:
    x = history(ROW_COUNT, 2)
    same_bytes(acm_rs.rolling_mean(x, 8, by=LABELS[kind]), acm_rs.rolling_mean(x, 8, by=CODES))


def test_two_groups_and_truths() -> None:
    x, truths = history(ROW_COUNT, 2), CODES > 1
    same_bytes(acm_rs.rolling_std(x, 8, by=truths), acm_rs.rolling_std(x, 8, by=truths.astype(int)))


def test_groups_that_stand_one_after_the_other_and_single_rows() -> None:
    x = history(ROW_COUNT, 2)
    for codes in (np.sort(CODES), np.sort(CODES)[::-1], np.arange(ROW_COUNT), np.zeros(ROW_COUNT, int)):
        for step in (1, 4):
            got = acm_rs.rolling_mean(x, 8, by=codes, step=step)
            same_bytes(got, one_by_one(lambda part, s=step: acm_rs.rolling_mean(part, 8, step=s), x, codes, step=step))
    nothing = acm_rs.feature_matrix(x[:0], 8, by=CODES[:0])
    assert nothing.shape == acm_rs.feature_matrix(x[:0], 8).shape


def test_numbers_are_those_of_pandas() -> None:
    frame = pd.DataFrame(np.random.default_rng(5).normal(size=(ROW_COUNT, 2)), columns=["p", "t"])
    want = frame.groupby(CODES).rolling(8, min_periods=1).std().droplevel(0).sort_index()
    pd.testing.assert_frame_equal(acm_rs.rolling_std(frame, 8, by=CODES), want, rtol=1e-12, atol=1e-12)


# ---- exponential weights --------------------------------------------------------------------------------------------

WEIGHTED = pytest.mark.parametrize("work", [acm_rs.ewm_mean, acm_rs.ewm_std], ids=["mean", "std"])


@WEIGHTED
def test_exponential_weights_of_each_group_alone(work: Callable[..., Any]) -> None:
    x = history(ROW_COUNT, 3)
    for how in ({"alpha": 0.3}, {"span": 9, "adjust": False, "ignore_na": True}, {"halflife": 4.0, "min_periods": 3}):
        want = one_by_one(lambda part, how=how: work(part, **how), x, CODES)
        for form in layouts(x).values():
            same_bytes(work(form, by=CODES, **how), want)
        out = np.full((ROW_COUNT, 3), 7.0, order="F")
        assert work(x, by=CODES, out=out, **how) is out
        same_bytes(out, want)
        same_bytes(work(x[:, 1], by=CODES, **how), want[:, 1])
    assert (work(x, alpha=0.3, by=np.zeros(ROW_COUNT, int)) != work(x, alpha=0.3, by=CODES)).any()
    same_bytes(work(x, alpha=0.3, by=np.zeros(ROW_COUNT, int)), work(x, alpha=0.3))
    assert work(x[:0], alpha=0.3, by=CODES[:0]).shape == (0, 3)


@WEIGHTED
def test_exponential_weights_over_times_need_order_within_a_group_only(work: Callable[..., Any]) -> None:
    x = history(ROW_COUNT, 2)
    times = np.empty(ROW_COUNT, np.int64)
    for code in range(5):
        own = np.flatnonzero(code == CODES)
        times[own] = clock("irregular", ROW_COUNT)[: own.size] + code * 977 * SECOND
    got = work(x, halflife="2h", times=times, by=CODES)
    same_bytes(got, one_by_one(lambda part, when: work(part, halflife="2h", times=when), x, CODES, times))
    frame = pd.DataFrame(x, columns=["p", "t"], index=pd.DatetimeIndex(times.view("datetime64[ns]")))
    found = work(frame, halflife="2h", by=NAMES)
    assert found.index.equals(frame.index)
    same_bytes(found.to_numpy(), got)
    times[CODES == 2] = times[CODES == 2][::-1]
    with pytest.raises(ValueError, match=r"`times` must not go back within a group, row \d+ is earlier .* group 2"):
        work(x, halflife="2h", times=times, by=CODES)


@WEIGHTED
@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_exponential_weights_of_groups_are_those_of_pandas(work: Callable[..., Any], kind: str) -> None:
    x = np.random.default_rng(8).normal(60, 2, (ROW_COUNT, 2))
    x[np.random.default_rng(9).random(x.shape) < 0.1] = np.nan
    frame = pd.DataFrame(x, columns=["p", "t"])
    frame.insert(1, "pump", NAMES)
    found = Sheet(work(as_kind(kind, frame), span=12, by="pump", ignore_na=True), "found", by="pump")
    own = frame[["p", "t"]].groupby(frame["pump"]).ewm(span=12, ignore_na=True)
    want = (own.mean() if work is acm_rs.ewm_mean else own.std()).droplevel(0).sort_index()
    assert found.labels == ["p", "t"]
    assert found.group_column().to_list() == NAMES
    np.testing.assert_allclose(np.column_stack(found.values), want.to_numpy(), rtol=1e-12, atol=1e-12)


@WEIGHTED
def test_what_does_not_fit_exponential_weights_is_refused(work: Callable[..., Any]) -> None:
    x = np.zeros((4, 2))
    with pytest.raises(ValueError, match=r"`by` must have a label for each of the 4 rows of `x`, got 3"):
        work(x, alpha=0.5, by=[1, 2, 3])
    with pytest.raises(TypeError, match="`by` must be a label for each row where `x` is an array, got 'pump'"):
        work(x, alpha=0.5, by="pump")
    with pytest.raises(ValueError, match=r"`by` must have a label in every row, got 1 missing, the first in row 2"):
        work(x, alpha=0.5, by=["a", "b", None, "a"])
    with pytest.raises(ValueError, match="`alpha`"):
        work(x, alpha=1.5, by=[1, 1, 2, 2])
    with pytest.raises(ValueError, match="`out` must not share memory with `x`"):
        work(x, alpha=0.5, by=[1, 1, 2, 2], out=x)
    with pytest.raises(ValueError, match="`times` must have length 4, got 3"):
        work(x, halflife="1s", by=[1, 1, 2, 2], times=np.array([1, 2, 3]))


# ---- frames ---------------------------------------------------------------------------------------------------------


def pumps() -> pd.DataFrame:
    """A plant's long table: whose row it is stands in a column."""
    x = np.where(np.isfinite(history(ROW_COUNT, 2)), history(ROW_COUNT, 2), np.nan)
    when = pd.DatetimeIndex(clock("irregular", ROW_COUNT).view("datetime64[ns]"))
    return pd.DataFrame({"pump": NAMES, "p": x[:, 0], "time": when, "t": x[:, 1]})


def as_kind(kind: str, frame: pd.DataFrame) -> Any:
    return {"pandas": frame, "polars": pl.from_pandas(frame), "pyarrow": pa.Table.from_pandas(frame)}[kind]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_column_names_the_groups_and_comes_back(kind: str) -> None:
    frame = pumps()
    x = frame[["p", "t"]].to_numpy()
    when = frame["time"].to_numpy()
    for step in (1, 3):
        found = Sheet(acm_rs.rolling_mean(as_kind(kind, frame), "2h", by="pump", step=step), "found", by="pump")
        want = acm_rs.rolling_mean(x, "2h", times=when, by=CODES, step=step)
        assert found.labels == ["p", "t"]
        same_bytes(np.column_stack(found.values), want)
        kept = np.sort(np.concatenate([np.flatnonzero(code == CODES)[::step] for code in range(5)]))
        assert found.group_column().to_list() == [NAMES[row] for row in kept]
        same_bytes(found.times(None, "2h"), when[kept])
    several = acm_rs.rolling_mean_std(as_kind(kind, frame.drop(columns="time")), 8, by="pump")
    assert list(Sheet(several, "several", by="pump").labels) == ["p_mean", "p_std", "t_mean", "t_std"]
    every = acm_rs.feature_matrix(as_kind(kind, frame), "2h", by="pump", fill="median")
    sheet = Sheet(every, "every", by="pump")
    assert sheet.labels == acm_rs.feature_names(["p", "t"])
    same_bytes(np.column_stack(sheet.values), acm_rs.feature_matrix(x, "2h", times=when, by=CODES, fill="median"))


def test_an_index_and_numbers_as_labels_come_back() -> None:
    frame = pumps().set_index("time")
    frame["pump"] = CODES.astype(float)
    found = acm_rs.rolling_max(frame, "2h", by="pump", step=2)
    kept = np.sort(np.concatenate([np.flatnonzero(code == CODES)[::2] for code in range(5)]))
    assert found.index.equals(frame.index[kept])
    assert found["pump"].tolist() == CODES[kept].tolist()
    line = acm_rs.rolling_max(frame["p"], 8, by=frame["pump"])
    same_bytes(line.to_numpy(), acm_rs.rolling_max(frame["p"].to_numpy(), 8, by=CODES))
    assert line.name == "p"


def test_pairs_go_by_group_too() -> None:
    frame = pumps().drop(columns="time")
    got = acm_rs.rolling_corr(frame, frame["t"], 8, by="pump")
    x = frame[["p", "t"]].to_numpy()
    want = one_by_one(lambda a, b: acm_rs.rolling_corr(a, b, 8), x, CODES, x[:, 1])
    same_bytes(got[["p", "t"]].to_numpy(), want)
    lags = acm_rs.rolling_lag_corr(frame, 8, 1, pairs=[("p", "t")], by="pump")
    want = one_by_one(lambda a: acm_rs.rolling_lag_corr(a, 8, 1, pairs=[(0, 1)]), x, CODES)
    same_bytes(lags[["p_t_lag0", "p_t_lag1"]].to_numpy(), want)


# ---- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None, "b", None],
        [1.0, np.nan, 2.0, np.nan],
        np.array([1.0, np.nan, 2.0, np.nan]),
        np.array(["2024-01-01", "NaT", "2024-01-02", "NaT"], "datetime64[D]"),
        np.array(["a", pd.NA, "b", pd.NA], dtype=object),
        pd.Series(["a", None, "b", None]),
        pd.Series(["a", None, "b", None], dtype="category"),
        pl.Series(["a", None, "b", None]),
        pa.chunked_array([["a", None, "b", None]]),
    ],
    ids=["None", "nan", "floats", "dates", "NA", "pandas", "categories", "Polars", "PyArrow"],
)
def test_a_missing_label_is_refused(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"`by` must have a label in every row, got 2 missing, the first in row 1"):
        acm_rs.rolling_mean(np.zeros(4), 2, by=labels)


def test_what_does_not_fit_is_refused() -> None:
    x, frame = np.zeros((4, 2)), pumps()
    ask = acm_rs.rolling_mean
    with pytest.raises(ValueError, match=r"`by` must have a label for each of the 4 rows of `x`, got 3"):
        ask(x, 2, by=[1, 2, 3])
    with pytest.raises(ValueError, match="`by` must have 1 dimension, got 2"):
        ask(x, 2, by=np.zeros((4, 1), int))
    with pytest.raises(TypeError, match=r"`by` must hold labels such as numbers and texts: .*unhashable"):
        ask(x, 2, by=[[1], [2], [3], [4]])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"`by` must be a label for each row where `x` is an array, got 'pump'"):
        ask(x, 2, by="pump")
    with pytest.raises(TypeError, match=r"`by` must be a label for each row, got int"):
        ask(x, 2, by=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"or the name of a column, got 'asset'; columns: 'pump', 'p', 'time', 't'"):
        ask(frame, 2, by="asset")
    with pytest.raises(ValueError, match=r"got 'asset'; columns: $"):
        ask(frame["p"], 2, by="asset")
    with pytest.raises(ValueError, match=r"`by` must have the same index as `x`"):
        ask(frame[["p"]], 2, by=pd.Series(NAMES, index=range(1, ROW_COUNT + 1)))
    with pytest.raises(ValueError, match=r"`first_row` must be 0 with `by`: each group counts its own rows, got 4"):
        ask(x, 2, by=[1, 1, 2, 2], first_row=4)
    message = r"`times` must not go back within a group, row 3 is earlier than the row before it in the group 'b'"
    with pytest.raises(ValueError, match=message):
        ask(x, "1s", by=["b", "a", "b", "b"], times=np.array([5, 1, 9, 7]))
    with pytest.raises(TypeError, match="`times` must be a NumPy array"):
        ask(x, "1s", by=["b", "a", "b", "b"], times=[])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`times` must have length 4, got 3"):
        ask(x, "1s", by=["b", "a", "b", "b"], times=np.array([1, 5, 9]))
    with pytest.raises(TypeError, match="`x` must have dtype float64 or float32, got int64"):
        ask(np.zeros((4, 2), int), 2, by=[1, 1, 2, 2])  # type: ignore[type-var]


def test_an_out_that_does_not_fit_is_refused() -> None:
    x, labels = np.zeros((4, 2)), [1, 2, 1, 2]
    ask = acm_rs.rolling_mean
    with pytest.raises(ValueError, match=r"`out` must have shape \(4, 2\), got \(4, 3\)"):
        ask(x, 2, by=labels, out=np.zeros((4, 3)))
    with pytest.raises(TypeError, match=r"`out` must have the dtype of `x`, float64, got float32"):
        ask(x, 2, by=labels, out=np.zeros((4, 2), np.float32))
    with pytest.raises(TypeError, match="`out` must be a NumPy array, got list"):
        ask(x, 2, by=labels, out=[])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`out` must not share memory with `x`"):
        ask(x, 2, by=labels, out=x)
    fixed = np.zeros((4, 2))
    fixed.flags.writeable = False
    with pytest.raises(ValueError, match="`out` must be writeable, got a read-only array"):
        ask(x, 2, by=labels, out=fixed)


def test_inputs_are_not_changed() -> None:
    x, labels = history(ROW_COUNT, 3), CODES.copy()
    before = x.copy()
    acm_rs.feature_matrix(x, 8, by=labels)
    same_bytes(x, before)
    assert (labels == CODES).all()
