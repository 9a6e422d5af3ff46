"""Bad input: the documented exception, naming the argument and what was given; the interpreter lives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from registry import KERNELS, Kernel

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())
WITH_OUT = pytest.mark.parametrize("kernel", [k for k in KERNELS.values() if k.takes_out], ids=lambda k: k.name)
WITH_FIRST_ROW = pytest.mark.parametrize(
    "kernel", [k for k in KERNELS.values() if k.takes_first_row], ids=lambda k: k.name
)
WITH_DDOF = pytest.mark.parametrize("name", ["rolling_var", "rolling_std", "rolling_mean_std"])

X = np.arange(24.0).reshape(8, 3)


def refused(kinds: type | tuple[type, ...], says: tuple[str, ...], call: Callable[[], object]) -> None:
    """Assert an exception of exactly one of the kinds, with a message that says all these words."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    with pytest.raises(kinds) as caught:
        call()
    assert caught.type in kinds
    for word in says:
        assert word in str(caught.value), f"{word!r} is not in {str(caught.value)!r}"


@OF_EVERY_KERNEL
@pytest.mark.parametrize(
    "dtype", ["int64", "int32", "uint8", "bool", "complex128", "float16", "object", "U5", "S3", "datetime64[ns]", ">f8"]
)
def test_other_dtypes_are_refused_by_name(kernel: Kernel, dtype: str) -> None:
    x = np.ones((6, 2)).astype("int64").astype(dtype)
    refused(TypeError, (f"`{kernel.argument}`", "float64", str(x.dtype)), lambda: kernel(x, 3))


@pytest.mark.parametrize("name", [k.name for k in KERNELS.values() if not k.float32])
def test_the_names_of_the_migration_take_float64_only(name: str) -> None:
    refused(TypeError, ("`data`", "float64", "float32"), lambda: KERNELS[name](X.astype(np.float32), 3))


@OF_EVERY_KERNEL
@pytest.mark.parametrize(
    ("x", "got"),
    [
        ([1.0, 2.0], "list"),
        ((1.0, 2.0), "tuple"),
        (None, "NoneType"),
        (3.5, "float"),
        ("abc", "str"),
        (memoryview(b"12345678"), "memoryview"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_is_no_array_is_refused(kernel: Kernel, x: Any, got: str) -> None:
    refused(TypeError, (f"`{kernel.argument}`", got), lambda: kernel(x, 3))


@OF_EVERY_KERNEL
def test_masked_arrays_are_refused(kernel: Kernel) -> None:
    x = np.ma.masked_greater(np.arange(6.0).reshape(3, 2), 3.0)
    refused(TypeError, (f"`{kernel.argument}`", "mask"), lambda: kernel(x, 2))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("shape", [(), (2, 2, 2), (1, 1, 1, 1), (0, 0, 0)])
def test_other_dimensions_are_refused(kernel: Kernel, shape: tuple[int, ...]) -> None:
    refused(ValueError, (f"`{kernel.argument}`", "dimension", str(len(shape))), lambda: kernel(np.ones(shape), 2))


@OF_EVERY_KERNEL
def test_unaligned_arrays_are_refused_or_right(kernel: Kernel) -> None:
    raw = np.zeros(8 * 20 + 1, dtype=np.uint8)
    askew = raw[1:].view(np.float64)
    askew[:] = np.arange(20.0)
    assert not askew.flags.aligned
    packed = np.zeros(20, dtype=[("flag", "u1"), ("value", "f8")])
    packed["value"] = np.arange(20.0)
    for x in (askew, packed["value"]):
        try:
            got = kernel(x, 4)
        except ValueError as error:
            assert f"`{kernel.argument}`" in str(error)  # noqa: PT017
            assert "align" in str(error)  # noqa: PT017
        else:
            np.testing.assert_array_equal(got, kernel(np.arange(20.0), 4))


@OF_EVERY_KERNEL
def test_record_fields_of_odd_strides_are_refused_or_right(kernel: Kernel) -> None:
    table = np.zeros(20, dtype=[("flag", "f4"), ("value", "f8")])
    aligned = np.zeros(20, dtype=[("value", "f8"), ("other", "f8")])
    table["value"] = aligned["value"] = np.arange(20.0)
    np.testing.assert_array_equal(kernel(aligned["value"], 4), kernel(np.arange(20.0), 4))
    refused(ValueError, (f"`{kernel.argument}`",), lambda: kernel(table["value"], 4))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [0, -1, -(2**40), -(2**63), -(2**70), np.int64(0)])
def test_window_must_be_at_least_one(kernel: Kernel, window: Any) -> None:
    refused(ValueError, ("`window`", "at least 1", str(int(window))), lambda: kernel(X, window))


@OF_EVERY_KERNEL
@pytest.mark.parametrize(
    "window",
    [1.5, 3.0, float("nan"), float("inf"), True, False, "5", "two hours", None, [3], np.float64(2.0), np.bool_(True)],
    ids=repr,
)
def test_window_must_be_a_whole_number(kernel: Kernel, window: Any) -> None:
    refused((ValueError, TypeError), ("`window`",), lambda: kernel(X, window))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [2**31, 2**40, 2**62, 2**63 - 1, 2**63, 2**64, 2**100])
def test_a_huge_window_is_as_good_as_the_whole_history(kernel: Kernel, window: int) -> None:
    if kernel.heavy:
        # Fewer rows than half of the nominal window: every energy is 0.
        energies = [i for i, n in enumerate(acm_rs.feature_names(["a"])) if "energy" in n] if not kernel.exact else [0]
        assert not kernel(X[:, :1], window)[:, energies].any()
        return
    np.testing.assert_array_equal(kernel(X, window), kernel(X, 8))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [-1, 5, 100, -(2**70), 2**70])
def test_min_periods_must_fit_the_window(kernel: Kernel, value: int) -> None:
    says = ("`min_periods`",) if abs(value) > 2**62 else ("`min_periods`", str(value))
    refused(ValueError, says, lambda: kernel(X, 4, value))


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [1.5, float("nan"), True, "2", [1], np.float64(1.0)], ids=repr)
def test_min_periods_must_be_a_whole_number(kernel: Kernel, value: Any) -> None:
    refused((ValueError, TypeError), ("`min_periods`",), lambda: kernel(X, 4, value))


@WITH_FIRST_ROW
@pytest.mark.parametrize("value", [-1, -(2**70), 1.5, True, "0", float("nan")], ids=repr)
def test_first_row_must_not_be_negative(kernel: Kernel, value: Any) -> None:
    kinds = ValueError if isinstance(value, int) and not isinstance(value, bool) else (ValueError, TypeError)
    refused(kinds, ("`first_row`",), lambda: kernel(X, 4, first_row=value))


@WITH_DDOF
@pytest.mark.parametrize("value", [-1, 1.5, "1", True], ids=repr)
def test_ddof_must_be_a_whole_number(name: str, value: Any) -> None:
    refused((ValueError, TypeError), ("`ddof`",), lambda: KERNELS[name](X, 4, ddof=value))


@pytest.mark.parametrize(
    "q", [-0.1, 1.1, float("nan"), float("inf"), [0.5, float("nan")], [0.2, -1e-9], (2,)], ids=repr
)
def test_quantiles_must_lie_between_zero_and_one(q: Any) -> None:
    refused(ValueError, ("`q`",), lambda: acm_rs.rolling_quantile(X, 4, q))


@pytest.mark.parametrize("q", ["0.5", None, [], ["a"], [[0.1], [0.2]], [None], {}, 1j], ids=repr)
def test_quantiles_must_be_numbers(q: Any) -> None:
    refused((ValueError, TypeError), ("`q`",), lambda: acm_rs.rolling_quantile(X, 4, q))


def test_quantiles_may_come_as_an_array() -> None:
    want = acm_rs.rolling_quantile(X, 4, [0.25, 1.0])
    np.testing.assert_array_equal(acm_rs.rolling_quantile(X, 4, np.array([0.25, 1.0])), want)
    np.testing.assert_array_equal(acm_rs.rolling_quantile(X, 4, np.float64(0.25)), want[:, ::2])
    np.testing.assert_array_equal(acm_rs.rolling_quantile(X, 4, 1), want[:, 1::2])


@pytest.mark.parametrize("scale", ["1", [1.0], {}], ids=repr)
def test_the_scale_of_the_mad_must_be_a_number(scale: Any) -> None:
    refused((ValueError, TypeError), ("scale",), lambda: acm_rs.rolling_mad(X, 4, scale=scale))


BAND_KERNELS = pytest.mark.parametrize("name", ["rolling_band_energy", "feature_matrix"])


@BAND_KERNELS
@pytest.mark.parametrize(
    "bands",
    [
        [(0.3, 0.1)],
        [(0.0, float("nan"))],
        [(float("nan"), 0.1)],
        [(0.0, 0.1, 0.2)],
        [(0.1,)],
        [0.1, 0.2],
        "low",
        [("a", "b")],
        0.5,
    ],
    ids=repr,
)
def test_bands_must_be_pairs_of_rising_frequencies(name: str, bands: Any) -> None:
    refused((ValueError, TypeError), ("bands",), lambda: KERNELS[name](X, 4, bands=bands))


@BAND_KERNELS
@pytest.mark.parametrize("fs", [0, 0.0, -1.0, float("nan"), float("inf"), -float("inf")], ids=repr)
def test_the_sampling_frequency_must_be_positive(name: str, fs: float) -> None:
    refused(ValueError, ("`fs`",), lambda: KERNELS[name](X, 4, fs=fs))


@BAND_KERNELS
@pytest.mark.parametrize("fs", ["1", [1.0], {}], ids=repr)
def test_the_sampling_frequency_must_be_a_number(name: str, fs: Any) -> None:
    refused((ValueError, TypeError), ("fs",), lambda: KERNELS[name](X, 4, fs=fs))


@pytest.mark.parametrize("features", [("media",), ("median", "nope"), "median", 3, (None,)], ids=repr)
def test_features_must_be_known(features: Any) -> None:
    refused((ValueError, TypeError), ("`features`",), lambda: acm_rs.feature_matrix(X, 4, features=features))
    refused((ValueError, TypeError), ("`features`",), lambda: acm_rs.feature_names(["a"], features=features))


@pytest.mark.parametrize(
    "fill",
    [np.zeros(2), np.zeros(4), np.zeros((3, 1)), "abc", "", "Median", "mean", {}, np.zeros(3, dtype=object)],
    ids=str,
)
def test_fill_must_be_the_median_or_one_number_a_column(fill: Any) -> None:
    refused((ValueError, TypeError), ("`fill`",), lambda: acm_rs.feature_matrix(X, 4, fill=fill))


@WITH_OUT
def test_out_must_have_the_right_shape(kernel: Kernel) -> None:
    n, width = 8, kernel.width(3)
    for shape in ((n, width + 1), (n - 1, width), (n + 1, width), (width, n + 7), (n * width,), (n, width, 1), (0, 0)):
        refused(ValueError, ("`out`", str(n)), lambda shape=shape: kernel(X, 4, out=np.empty(shape)))
    vector = X[:, 0].copy()
    if kernel.width(1) == 1:
        refused(ValueError, ("`out`",), lambda: kernel(vector, 4, out=np.empty((8, 1))))
    else:
        refused(ValueError, ("`out`",), lambda: kernel(vector, 4, out=np.empty(8)))


@WITH_OUT
def test_out_must_have_the_dtype_of_the_input(kernel: Kernel) -> None:
    width = kernel.width(3)
    for dtype in ("float32", "int64", "complex128", "object", ">f8"):
        out = np.zeros((8, width), dtype=dtype)
        refused((TypeError, ValueError), ("`out`", "float64", str(out.dtype)), lambda out=out: kernel(X, 4, out=out))
    single = X.astype(np.float32)
    refused((TypeError, ValueError), ("`out`", "float32"), lambda: kernel(single, 4, out=np.zeros((8, width))))


@WITH_OUT
@pytest.mark.parametrize("out", [[], 1.0, "out", True], ids=repr)
def test_out_must_be_an_array(kernel: Kernel, out: Any) -> None:
    refused(TypeError, ("`out`",), lambda: kernel(X, 4, out=out))
    refused(TypeError, ("`out`",), lambda: kernel(X, 4, out=pd.DataFrame(np.zeros((8, kernel.width(3))))))


@WITH_OUT
def test_out_must_be_writeable_and_its_own(kernel: Kernel) -> None:
    shape = (8, kernel.width(3))
    fixed = np.zeros(shape)
    fixed.setflags(write=False)
    refused(ValueError, ("`out`",), lambda: kernel(X, 4, out=fixed))
    one = np.broadcast_to(np.zeros(1), shape)
    refused(ValueError, ("`out`",), lambda: kernel(X, 4, out=one))
    overlapping = np.lib.stride_tricks.as_strided(np.zeros(64), shape, (8, 8))
    refused(ValueError, ("`out`",), lambda: kernel(X, 4, out=overlapping))
    masked = np.ma.masked_equal(np.zeros(shape), 0.0)
    refused(TypeError, ("`out`",), lambda: kernel(X, 4, out=masked))


@WITH_OUT
def test_out_must_not_share_memory_with_the_input(kernel: Kernel) -> None:
    width = kernel.width(3)
    shared = np.zeros((20, width + 3))
    before = shared.copy()
    for x, out in (
        (shared[:8, :3], shared[:8, :width]),
        (shared[:8, :3], shared[7:15, :width]),
        (shared[7::-1, :3], shared[:8, :width]),
        (shared[:8, 2:5], shared[:8, :width]),
    ):
        refused(ValueError, ("`out`",), lambda x=x, out=out: kernel(x, 4, out=out))
    np.testing.assert_array_equal(shared, before)
    # Neighbours in one block of memory that do not touch are no conflict.
    got = kernel(shared[:8, :3], 4, out=shared[10:18, 3:])
    np.testing.assert_array_equal(got, kernel(shared[:8, :3], 4))


@WITH_OUT
def test_an_array_is_free_again_after_an_error(kernel: Kernel) -> None:
    x = X.copy()
    out = np.empty((8, kernel.width(3)))
    for _ in range(3):
        with pytest.raises((TypeError, ValueError)):
            kernel(x, 0, out=out)
        with pytest.raises((TypeError, ValueError)):
            kernel(x, 4, out=out[:, :0])
    assert kernel(x, 4, out=out) is out
    x[0, 0] = 5.0


@OF_EVERY_KERNEL
def test_unknown_and_missing_arguments(kernel: Kernel) -> None:
    function = getattr(acm_rs, kernel.name)
    with pytest.raises(TypeError):
        function()
    with pytest.raises(TypeError):
        function(X)
    with pytest.raises(TypeError):
        kernel(X, 4, nonsense=1)


@OF_EVERY_KERNEL
def test_bad_input_is_named_for_a_sub_class_too(kernel: Kernel) -> None:
    class Tagged(np.ndarray):
        """An array with a name of its own."""

    x = X.view(Tagged)
    got = kernel(x, 3)
    np.testing.assert_array_equal(np.asarray(got), kernel(X, 3))


def test_names_of_features_need_columns() -> None:
    assert acm_rs.feature_names([]) == []
    for columns in (None, 3):
        refused((TypeError, ValueError), ("columns",), lambda columns=columns: acm_rs.feature_names(columns))


@pytest.mark.parametrize("value", [0, -1, 2**70, -(2**70)])
def test_the_number_of_threads_must_be_positive(value: int) -> None:
    before = acm_rs.get_num_threads()
    refused(ValueError, ("`n`",), lambda: acm_rs.set_num_threads(value))
    assert acm_rs.get_num_threads() == before


@pytest.mark.parametrize("value", [1.5, "2", None, True, float("nan")], ids=repr)
def test_the_number_of_threads_must_be_a_whole_number(value: Any) -> None:
    before = acm_rs.get_num_threads()
    refused((ValueError, TypeError), ("`n`",), lambda: acm_rs.set_num_threads(value))
    assert acm_rs.get_num_threads() == before


SIZES = """
import math

import numpy as np
from registry import KERNELS, MATRICES

try:
    import resource
except ImportError:
    pass
else:
    resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))

one = np.zeros(1)
for name, function in MATRICES.items():
    for shape in ((2**29, 2**30), (2**25, 2**26), (2**58, 1), (1, 2**58), (2**59,), (2**52, 3)):
        # Results too large for any memory; a small result of so many values would take years.
        if max(math.prod(one) for one in function.shapes(*(*shape, 1)[:2])) < 2**50:
            continue
        try:
            function(np.broadcast_to(one, shape))
        except (MemoryError, ValueError) as error:
            assert str(error), (name, shape)
        else:
            raise AssertionError((name, shape))
    assert function(np.arange(40.0)), name
for name, kernel in KERNELS.items():
    for shape in ((2**29, 2**30), (2**25, 2**26), (2**58, 1), (1, 2**58), (2**59,), (2**52, 3)):
        for window in (1, 16, 2**62):
            try:
                kernel(np.broadcast_to(one, shape), window)
            except (MemoryError, ValueError) as error:
                assert str(error), (name, shape)
            else:
                raise AssertionError((name, shape))
    many = np.broadcast_to(np.zeros((1, 0)), (2**40, 0))
    assert kernel(many, 5).shape == (2**40, 0), name
    none = np.broadcast_to(np.zeros((0, 1)), (0, 2**40))
    try:
        # So many columns have too many pairs.
        assert kernel(none, 5).shape == (0, kernel.width(2**40)), name
    except (MemoryError, ValueError):
        assert name == "rolling_lag_corr", name
    assert kernel(np.arange(4.0), 2).shape[0] == 4, name
try:
    KERNELS["rolling_quantile"](np.broadcast_to(one, (2**20, 2**20)), 4, q=np.linspace(0, 1, 2**12).tolist())
except (MemoryError, ValueError):
    print("alive")
"""


def test_sizes_beyond_the_memory_are_an_error_and_no_crash() -> None:
    from conftest import HERE

    done = subprocess.run(
        [sys.executable, "-c", SIZES], capture_output=True, text=True, timeout=120, cwd=HERE, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "alive"
