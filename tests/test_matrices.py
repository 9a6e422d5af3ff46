"""What holds for every function of whole columns and matrices: layouts, threads, dtypes, errors, edges."""

from __future__ import annotations

from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Array, another_thread_progresses, history, layouts, long_call, same_bytes
from registry import MATRICES, Matrix, Parts
from test_errors import refused

OF_EVERY_FUNCTION = pytest.mark.parametrize("function", MATRICES.values(), ids=MATRICES.keys())
WITH_OUT = pytest.mark.parametrize(
    "function", [pytest.param(m, id=label) for label, m in MATRICES.items() if m.takes_out]
)
X = np.arange(24.0).reshape(8, 3) ** 1.5


def same_parts(a: Parts, b: Parts) -> None:
    """Assert that two results have the same bytes in every part."""
    assert len(a) == len(b)
    for left, right in zip(a, b, strict=True):
        same_bytes(left, right)


@OF_EVERY_FUNCTION
@pytest.mark.parametrize("d", [1, 2, 7])
def test_every_memory_layout_gives_the_same_bytes_and_is_left_alone(function: Matrix, d: int) -> None:
    x = history(400, d)
    want = function(x)
    assert tuple(part.shape for part in want) == function.shapes(400, d)
    for name, form in layouts(x).items():
        before = form.copy()
        got = function(form)
        assert not any(np.shares_memory(part, form) for part in got), name
        same_parts(got, want)
        same_bytes(form, before)


@OF_EVERY_FUNCTION
def test_repeated_calls_give_the_same_bytes(function: Matrix) -> None:
    x = history(300, 3)
    want = function(x)
    function(x[:, ::-1] * 3.0)
    same_parts(function(x), want)


@OF_EVERY_FUNCTION
@pytest.mark.usefixtures("threads")
def test_every_number_of_threads_gives_the_same_bytes(function: Matrix) -> None:
    for n, d in ((40_000, 3), (3_000, 20)):
        x = history(n, d)
        for form in (x, np.asfortranarray(x)):
            acm_rs.set_num_threads(1)
            want = function(form)
            for count in (2, 5):
                acm_rs.set_num_threads(count)
                same_parts(function(form), want)


@pytest.mark.parametrize("function", [pytest.param(m, id=label) for label, m in MATRICES.items() if m.float32])
def test_float32_is_the_float64_result_rounded(function: Matrix) -> None:
    x = history(500, 5)
    x[:, 2] = np.where(x[:, 2] == 1e15, 1e6, x[:, 2])
    small = x.astype(np.float32)
    want = function(small.astype(np.float64))
    for form in layouts(small).values():
        for part, whole in zip(function(form), want, strict=True):
            assert part.dtype == whole.dtype or part.dtype == np.float32
            same_bytes(part, whole.astype(part.dtype))
    assert any(part.dtype == np.float32 for part in function(small))


@OF_EVERY_FUNCTION
def test_one_column_may_come_as_a_vector(function: Matrix) -> None:
    x = history(200, 1)
    want = function(x)
    for vector in (x[:, 0].copy(), np.repeat(x[:, 0], 3)[::3], np.ascontiguousarray(x[::-1, 0])[::-1]):
        for one, two in zip(function(vector), want, strict=True):
            assert one.size == two.size
            same_bytes(one.reshape(two.shape), two)


@pytest.mark.parametrize(
    "function", [pytest.param(m, id=label) for label, m in MATRICES.items() if m.columns is not None]
)
def test_columns_alone_and_together_give_the_same_bytes(function: Matrix) -> None:
    for d in (2, 9, 17):
        x = history(300, d, seed=d)
        together = function(x)
        for j in range(d):
            for k, one in enumerate(function(x[:, j : j + 1])):
                if k in function.shared:
                    same_bytes(one, together[k])
                else:
                    assert function.columns is not None
                    same_bytes(one, np.split(together[k], d, axis=function.columns)[j])


@pytest.mark.parametrize(
    "function", [pytest.param(m, id=label) for label, m in MATRICES.items() if m.reference is not None]
)
@pytest.mark.parametrize("gaps", [False, True], ids=["whole", "gaps"])
def test_values_are_the_peer_s(function: Matrix, gaps: bool) -> None:
    x = np.random.default_rng(12).standard_normal((300, 4))
    x[:, 1] += 0.7 * x[:, 0]
    if gaps:
        if not function.gaps:
            pytest.skip("the peer knows no missing values")
        x[np.random.default_rng(13).random(x.shape) < 0.1] = np.nan
        if function.name != "lag_matrix":
            x[5, 2], x[9, 3] = np.inf, -np.inf
    for got, want in zip(function(x), function.peer(x), strict=True):
        assert got.shape == want.shape
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        np.testing.assert_allclose(got, want, rtol=function.tolerance, atol=function.tolerance)


@OF_EVERY_FUNCTION
def test_infinities_count_as_missing(function: Matrix) -> None:
    if function.name == "lag_matrix":
        pytest.skip("values are moved as they are")
    x = history(300, 3)
    assert np.isinf(x).any()
    same_parts(function(x), function(np.where(np.isfinite(x), x, np.nan)))


@OF_EVERY_FUNCTION
def test_columns_of_nothing_and_constants_are_no_danger(function: Matrix) -> None:
    x = history(120, 4)
    x[:, 1] = np.nan
    x[:, 2] = 0.1
    got = function(x)
    assert tuple(part.shape for part in got) == function.shapes(120, 4)
    for part in got:
        assert not np.isinf(part).any() or function.name == "lag_matrix"
    function(np.full((50, 2), np.inf))
    function(np.full((50, 2), -1e300))


@OF_EVERY_FUNCTION
def test_empty_and_tiny_arrays(function: Matrix) -> None:
    for dtype in [np.float64, np.float32] if function.float32 else [np.float64]:
        for n, d in ((0, 0), (0, 3), (4, 0), (1000, 0), (1, 1), (1, 4), (2, 3), (3, 2)):
            for order in ("C", "F"):
                got = function(np.ones((n, d), dtype=dtype, order=order))
                if n >= function.least:
                    assert tuple(part.shape for part in got) == function.shapes(n, d)
        function(np.empty(0, dtype=dtype))
        function(np.ones(1, dtype=dtype))


@OF_EVERY_FUNCTION
def test_zero_strides_are_read_as_they_are(function: Matrix) -> None:
    for x in (
        np.broadcast_to(np.array([1.0, np.nan, -2.5]), (50, 3)),
        np.broadcast_to(np.arange(50.0)[:, None], (50, 3)),
    ):
        same_parts(function(x), function(x.copy()))


@OF_EVERY_FUNCTION
def test_another_thread_makes_progress_meanwhile(function: Matrix) -> None:
    assert another_thread_progresses(long_call(function, 0.06, columns=3))


@OF_EVERY_FUNCTION
@pytest.mark.parametrize(
    "dtype", ["int64", "int32", "uint8", "bool", "complex128", "float16", "object", "U5", "datetime64[ns]", ">f8"]
)
def test_other_dtypes_are_refused_by_name(function: Matrix, dtype: str) -> None:
    x = np.ones((6, 2)).astype("int64").astype(dtype)
    refused(TypeError, (f"`{function.argument}`", "float64", str(x.dtype)), lambda: function(x))


def test_the_name_of_the_migration_takes_float64_only() -> None:
    function = MATRICES["compute_correlations_f64"]
    refused(TypeError, ("`data`", "float64", "float32"), lambda: function(X.astype(np.float32)))


@OF_EVERY_FUNCTION
@pytest.mark.parametrize(
    ("x", "got"),
    [
        ([1.0, 2.0], "list"),
        (None, "NoneType"),
        (3.5, "float"),
        ("abc", "str"),
        (np.ma.masked_greater(np.arange(6.0).reshape(3, 2), 3.0), "mask"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_no_plain_array_is_refused(function: Matrix, x: Any, got: str) -> None:
    refused(TypeError, (f"`{function.argument}`", got), lambda: function(x))


@OF_EVERY_FUNCTION
@pytest.mark.parametrize("shape", [(), (2, 2, 2), (0, 0, 0)])
def test_other_dimensions_are_refused(function: Matrix, shape: tuple[int, ...]) -> None:
    refused(ValueError, (f"`{function.argument}`", "dimension", str(len(shape))), lambda: function(np.ones(shape)))


@OF_EVERY_FUNCTION
def test_unaligned_arrays_are_refused_or_right(function: Matrix) -> None:
    raw = np.zeros(8 * 20 + 1, dtype=np.uint8)
    askew = raw[1:].view(np.float64)
    askew[:] = np.arange(20.0)
    try:
        got = function(askew)
    except ValueError as error:
        assert f"`{function.argument}`" in str(error)  # noqa: PT017
    else:
        same_parts(got, function(np.arange(20.0)))


@OF_EVERY_FUNCTION
def test_unknown_and_missing_arguments(function: Matrix) -> None:
    with pytest.raises(TypeError):
        getattr(acm_rs, function.name)()
    with pytest.raises(TypeError):
        function(X, nonsense=1)


def outputs(function: Matrix, dtype: type = np.float64) -> Array:
    """Give an array that fits the result for ``X``."""
    return np.full(function.shapes(*X.shape)[0], 3.0, dtype=dtype)


@WITH_OUT
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_out_is_filled_and_given_back(function: Matrix, dtype: type) -> None:
    x = X.astype(dtype)
    x[3, 1] = np.nan
    (want,) = function(x)
    plain = outputs(function, dtype)
    doubled = np.repeat(plain, 2, axis=0)
    for out in (plain, np.asfortranarray(plain), doubled[::2], plain.copy()[::-1]):
        for form in (x, np.asfortranarray(x)):
            out[...] = 3.0
            assert function.alone(form, out=out) is out
            same_bytes(out, want)
    assert (doubled[1::2] == 3.0).all()


@WITH_OUT
def test_a_wrong_out_is_refused(function: Matrix) -> None:
    right = outputs(function)
    for shape in ((8, right.shape[1] + 1), (7, right.shape[1]), (right.size,), (0, 0)):
        refused(ValueError, ("`out`",), lambda shape=shape: function(X, out=np.empty(shape)))
    for dtype in ("float32", "int64", ">f8"):
        out = right.astype(dtype)
        refused((TypeError, ValueError), ("`out`", "float64"), lambda out=out: function(X, out=out))
    for what in ([], 1.0, "out", True):
        refused(TypeError, ("`out`",), lambda what=what: function(X, out=what))
    fixed = right.copy()
    fixed.setflags(write=False)
    refused(ValueError, ("`out`",), lambda: function(X, out=fixed))
    refused(ValueError, ("`out`",), lambda: function(X, out=np.broadcast_to(np.zeros(1), right.shape)))


@WITH_OUT
def test_out_must_not_share_memory_with_the_input(function: Matrix) -> None:
    width = function.shapes(8, 3)[0][1]
    shared = np.zeros((20, width + 3))
    for x, out in (
        (shared[:8, :3], shared[:8, :width]),
        (shared[7::-1, :3], shared[:8, :width]),
        (shared[:8, 2:5], shared[:8, :width]),
    ):
        refused(ValueError, ("`out`",), lambda x=x, out=out: function(x, out=out))
    assert not shared.any()
    same_bytes(function(shared[:8, :3], out=shared[10:18, 3:])[0], function(shared[:8, :3])[0])
