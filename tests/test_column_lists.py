"""Lists of columns in place of a matrix: what data frames hand to the compiled module, without a copy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
from calls import CALLS, Call, history, made
from children import run
from registry import MODELS

native: Any = acm_rs._native
Array = npt.NDArray[Any]
Columns = list[Array]

MATRICES = ("x", "y", "data", "score", "a", "b", "centers")
"""Arguments that are matrices wherever they stand."""


FRAME = ("window", "min_periods", "center", "step", "times", "out", "first_row")
"""What every rolling function of the compiled module takes after its inputs, in this order; then `closed`, if any."""


def rolled(function: Callable[..., Any], **arguments: Any) -> Any:
    """Call a function of the compiled module, which wants all arguments: the public one's defaults where not given."""
    wanted = inspect.signature(function).parameters
    public = inspect.signature(getattr(acm_rs, function.__name__, function)).parameters
    defaults = {name: None if one.default is one.empty else one.default for name, one in public.items()}
    if "given" not in wanted:
        return function(**dict.fromkeys(wanted) | {n: v for n, v in defaults.items() if n in wanted} | arguments)
    given = {"center": False} | defaults | arguments
    inputs = [given.pop(name) for name in ("x", "y") if name in given]
    frame = [given.pop(name) for name in FRAME]
    ends, by = given.pop("closed", None), given.pop("by")
    assert by is None
    return function(*inputs, *frame, *([] if ends is None else [ends]), **given)


def prepared(call: Call, rows: int) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The call of the compiled module, with fresh arguments."""
    function, given = call.prepare(rows)
    arguments = {name: getattr(value, "_engine", value) for name, value in given.items()}
    cls, _, method = call.name.partition(".")
    if not method:
        return getattr(native, cls), arguments
    if cls == "RollingState":
        # It keeps to the dtype of its first rows, and to the kind it was made as.
        engine = function.__self__._engine  # type: ignore[attr-defined]
        engine.reset()
        return getattr(engine, method), arguments
    return getattr(getattr(native, cls).from_bytes(made(cls).to_bytes()), method), arguments


def matrices(call: Call) -> list[str]:
    """The arguments of a call that may be lists of columns."""
    return [name for name, value in call.prepare(60)[1].items() if name in MATRICES and isinstance(value, np.ndarray)]


# Reports on sensors are made around the compiled module, and groups are parted before it is called.
MADE_AROUND = ("quality", "clean")
WITH_MATRIX = tuple(
    call for call in CALLS if call.name not in MADE_AROUND and matrices(call) and "by" not in call.prepare(60)[1]
)


def taken_apart(x: Array) -> Columns:
    """Columns that each lie alone."""
    return [column.copy() for column in np.atleast_2d(x.T)]


def side_by_side(x: Array) -> Columns:
    """Columns of one matrix in C order, among others."""
    x = x.reshape(len(x), -1)
    wide = np.full((len(x), 3 * x.shape[1]), -1, x.dtype)
    wide[:, 1::3] = x
    return list(wide[:, 1::3].T)


def turned(x: Array) -> Columns:
    """Columns whose rows lie in reverse."""
    return [column[::-1].copy()[::-1] for column in np.atleast_2d(x.T)]


def told(value: Any) -> Any:
    """A result, to be compared to the bit."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.tobytes() if value.ndim < 2 else (value.shape, np.ascontiguousarray(value).tobytes())
    if isinstance(value, tuple | list):
        return [told(one) for one in value]
    if hasattr(value, "to_bytes") and type(value).__name__ in MODELS:
        return value.to_bytes()
    if type(value).__module__.startswith("acm_rs"):
        public = (getattr(value, name) for name in dir(value) if not name.startswith("_"))
        return [told(one) for one in public if not callable(one)]
    return repr(value)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("apart", [taken_apart, side_by_side, turned])
@pytest.mark.parametrize("call", WITH_MATRIX, ids=str)
def test_a_list_gives_the_bytes_of_the_matrix(call: Call, apart: Callable[[Array], Columns], dtype: type) -> None:
    if dtype is np.float32 and call.name.endswith("_f64"):
        pytest.skip("float64 only")
    names = matrices(call)
    results = []
    for lists in (False, True):
        function, arguments = prepared(call, 700)
        for name in names:
            x = arguments[name].astype(dtype)
            arguments[name] = apart(x) if lists else x.reshape(len(x), -1)
        if "out" in arguments:
            arguments["out"] = np.empty(arguments["out"].shape, dtype)
        results.append(told(rolled(function, **arguments)))
    assert results[0] == results[1]


def test_every_model_and_every_rolling_function_is_among_them() -> None:
    names = {call.name for call in WITH_MATRIX}
    assert {f"{name}.{method}" for name in MODELS for method in ("fit", "score")} <= names
    assert {name for name in acm_rs.__all__ if name.startswith(("rolling_", "column_", "ewm_"))} <= names
    assert len(WITH_MATRIX) > 150


def test_results_have_their_columns_whole() -> None:
    x = history(200, 6)
    for columns in (taken_apart(x), side_by_side(x)):
        found = rolled(native.rolling_mean, x=columns, window=5)
        assert found.shape == (200, 6)
        assert found.flags.f_contiguous
        assert rolled(native.rolling_mean_std, x=columns[:1], window=5).flags.f_contiguous
        assert rolled(native.rolling_mean, x=columns[:1], window=5).shape == (200, 1)
        assert all(chart.flags.f_contiguous for chart in native.cusum(columns, 5.0, 0.5, 0.0, 1.0, False))
        assert native.power_spectrum(columns, 1.0, None, 0.5, "hann")[1].flags.f_contiguous


def test_one_column_may_stand_for_several() -> None:
    x = history(100, 1)[:, 0]
    expected = np.repeat(rolled(native.rolling_median, x=x, window=9)[:, None], 3, axis=1)
    np.testing.assert_array_equal(rolled(native.rolling_median, x=[x, x, x], window=9), expected)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_few_rows(rows: int) -> None:
    x = history(rows, 3)
    np.testing.assert_array_equal(
        rolled(native.rolling_std, x=taken_apart(x), window=3), rolled(native.rolling_std, x=x, window=3)
    )
    np.testing.assert_array_equal(native.column_moments(taken_apart(x)), native.column_moments(x))


def test_out_is_filled_in_any_order_and_shares_nothing() -> None:
    x = history(90, 4)
    columns = taken_apart(x)
    expected = rolled(native.rolling_mean, x=x, window=7)
    for out in (np.empty((90, 4)), np.empty((4, 90)).T, np.empty((180, 8))[::2, ::2]):
        assert rolled(native.rolling_mean, x=columns, window=7, out=out) is out
        np.testing.assert_array_equal(out, expected)
    with pytest.raises(ValueError, match=r"`out` must have shape \(90, 4\)"):
        rolled(native.rolling_mean, x=columns, window=7, out=np.empty((90, 3)))
    with pytest.raises(TypeError, match="`out` must have the dtype of `x`"):
        rolled(native.rolling_mean, x=columns, window=7, out=np.empty((90, 4), np.float32))
    room = np.empty((90, 9))
    for number in range(4):
        shared = [*columns[:number], room[:, 3], *columns[number + 1 :]]
        with pytest.raises(ValueError, match="`out` must not share memory with `x`"):
            rolled(native.rolling_mean, x=shared, window=7, out=room[:, :4])
    np.testing.assert_array_equal(columns, x.T)


class _Long(Sequence[Any]):
    """Says that it is longer than any memory."""

    def __len__(self) -> int:
        return 2**62

    def __getitem__(self, place: Any) -> Any:
        return np.zeros(5)


class _Own(list[Any]):
    """A list that may say anything of itself."""

    def __len__(self) -> int:
        return 2**62


FIVE = np.arange(5.0)
MASKED: Any = np.ma.masked_array(FIVE, FIVE > 3)
UNALIGNED = np.zeros(41, np.uint8)[1:].view(np.float64)
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "empty": ([], TypeError, "`x` must be a NumPy array of float64 or float32, got list"),
    "numbers": ([1.0, 2.0], TypeError, "`x` must be a NumPy array of float64 or float32, got list"),
    "rows": ([[1.0, 2.0], [3.0, 4.0]], TypeError, "`x` must be a NumPy array of float64 or float32, got list"),
    "a tuple": ((FIVE, FIVE), TypeError, "`x` must be a NumPy array of float64 or float32, got tuple"),
    "long": (_Long(), TypeError, "`x` must be a NumPy array of float64 or float32, got _Long"),
    "a list of its own": (_Own([FIVE]), TypeError, "`x` must be a NumPy array of float64 or float32, got _Own"),
    "a number among them": ([FIVE, 3.0], TypeError, r"`x\[1\]` must be a NumPy array, as each column is, got float"),
    "none among them": ([FIVE, None], TypeError, r"`x\[1\]` must be a NumPy array, as each column is, got NoneType"),
    "2-D": ([FIVE, FIVE[:, None]], ValueError, "`x` must have columns of 1 dimension, got 2 in column 1"),
    "0-D": ([np.array(1.0)], ValueError, "`x` must have columns of 1 dimension, got 0 in column 0"),
    "short": ([FIVE, FIVE, FIVE[1:]], ValueError, "`x` must have columns of one length, 5, got 4 in column 2"),
    "mixed": ([FIVE, FIVE.astype(np.float32)], TypeError, "one dtype, float64, got float32 in column 1"),
    "mixed too": ([FIVE.astype(np.float32), FIVE], TypeError, "one dtype, float32, got float64 in column 1"),
    "ints": ([np.arange(5)], TypeError, "`x` must have columns of one dtype, float64, got int64 in column 0"),
    "swapped bytes": ([FIVE, FIVE.astype(">f8")], TypeError, "got >f8 in column 1"),
    "masked": ([FIVE, MASKED], TypeError, r"`x\[1\]` must be a plain array, got a masked one"),
    "unaligned": ([FIVE, UNALIGNED], ValueError, r"`x\[1\]` must be aligned in memory"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_lists_are_told(wrong: str) -> None:
    value, exception, message = WRONG[wrong]
    for call in (
        lambda: rolled(native.rolling_mean, x=value, window=3),
        lambda: native.correlation(value, "pearson", 1),
        lambda: acm_rs.PCADetector(1)._engine.fit(value, None),
        lambda: native.cusum(value, 5.0, 0.5, 0.0, 1.0, False),
        lambda: native.pairwise_distances(value, None, "euclidean"),
    ):
        with pytest.raises(exception, match=message):
            call()
    message = message.replace("`x", "`data").replace(" or float32", "")
    with pytest.raises(exception, match=message.split(", float32, ")[0]):
        native.rolling_median_f64(value, 3, 1)


PEAK = """
import sys
import numpy as np
import acm_rs

ROWS, COLUMNS = 400_000, 50
native = acm_rs._native
acm_rs.set_num_threads(2)


def told(what):
    with open("/proc/self/status") as file:
        return 1024 * next(int(line.split()[1]) for line in file if line.startswith(what))


x = [np.linspace(0.0, number + 1.0, ROWS) for number in range(COLUMNS)]
native.rolling_mean([column[:2000] for column in x], 60, 1, False, 1, None, None, 0)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = told("VmRSS")
result = native.rolling_mean(x, 60, 1, False, 1, None, None, 0)
print(told("VmHWM") - before - result.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is told by Linux")
def test_no_column_is_copied() -> None:
    assert int(run(PEAK)) <= 4 * 2**20
