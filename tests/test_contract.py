"""What holds for every kernel: one window, one answer, to the last bit, however the rows and columns come."""

from __future__ import annotations

import threading

import acm_rs
import numpy as np
import pytest
from histories import another_thread_progresses, history, layouts, long_call, same_bytes
from hypothesis import given
from hypothesis import strategies as st
from registry import FORMER, KERNELS, WINDOWED, Array, Kernel

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())
OF_PIECEWISE_KERNELS = pytest.mark.parametrize("kernel", WINDOWED, ids=lambda k: k.name)


def call(kernel: Kernel, x: Array, window: int, **keywords: object) -> Array:
    """Call with min_periods of a third of the window."""
    keywords.setdefault("min_periods", 1 + window // 3)
    return kernel(x, window, **keywords)


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [1, 4, 33, 1000])
def test_every_memory_layout_gives_the_same_bytes_and_is_left_alone(kernel: Kernel, window: int) -> None:
    x = history()
    want = call(kernel, x, window)
    assert want.shape == (400, kernel.width(5))
    assert want.flags.owndata or want.base is not None
    for name, form in layouts(x).items():
        before = form.copy()
        got = call(kernel, form, window)
        assert not np.shares_memory(got, form), name
        same_bytes(got, want)
        same_bytes(form, before)


@OF_EVERY_KERNEL
def test_the_result_has_the_memory_order_of_the_input(kernel: Kernel) -> None:
    x = history()
    assert call(kernel, x, 9).flags.c_contiguous
    assert call(kernel, np.asfortranarray(x), 9).flags.f_contiguous


@OF_EVERY_KERNEL
def test_other_keywords_keep_to_the_same_rules(kernel: Kernel) -> None:
    x = history(160, 3)
    for keywords in kernel.variants:
        want = call(kernel, x, 12, **keywords)
        assert want.shape == (160, kernel.width(3, **keywords))
        for form in layouts(x).values():
            same_bytes(call(kernel, form, 12, **keywords), want)


@pytest.mark.parametrize("kernel", [k for k in KERNELS.values() if k.float32], ids=lambda k: k.name)
@pytest.mark.parametrize("window", [1, 5, 64])
def test_float32_is_the_float64_result_rounded(kernel: Kernel, window: int) -> None:
    x = history()
    x[:, 2] = np.where(x[:, 2] == 1e15, 1e6, x[:, 2])
    small = x.astype(np.float32)
    want = call(kernel, small.astype(np.float64), window).astype(np.float32)
    for form in layouts(small).values():
        same_bytes(call(kernel, form, window), want)


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [1, 7, 90])
def test_one_column_may_come_as_a_vector(kernel: Kernel, window: int) -> None:
    x = history(200, 1)
    two = call(kernel, x, window)
    for vector in (x[:, 0].copy(), np.repeat(x[:, 0], 3)[::3], np.ascontiguousarray(x[::-1, 0])[::-1]):
        one = call(kernel, vector, window)
        assert one.ndim == (1 if kernel.width(1) == 1 else 2)
        same_bytes(one.reshape(two.shape), two)


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [2, 16, 70])
def test_columns_alone_and_together_give_the_same_bytes(kernel: Kernel, window: int) -> None:
    for d in (2, 9, 17):
        x = history(150, d, seed=d)
        together = kernel.by_column(call(kernel, x, window), d)
        for j in range(d):
            alone = call(kernel, x[:, j : j + 1], window)
            same_bytes(alone, together[j])


@pytest.mark.parametrize("kernel", [k for k in KERNELS.values() if k.takes_out], ids=lambda k: k.name)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_out_is_filled_and_given_back(kernel: Kernel, dtype: type) -> None:
    x = history()
    x[:, 2] = np.where(x[:, 2] == 1e15, 1e6, x[:, 2])
    x = x.astype(dtype)
    want = call(kernel, x, 21)
    wide = np.full((want.shape[0], 2 * want.shape[1]), 3.0, dtype=dtype)
    for out in (
        np.full(want.shape, 3.0, dtype=dtype),
        np.full(want.shape, 3.0, dtype=dtype, order="F"),
        np.full((2 * want.shape[0], want.shape[1]), 3.0, dtype=dtype)[::2],
        np.full(want.shape, 3.0, dtype=dtype)[::-1],
        wide[:, ::2],
    ):
        for form in (x, np.asfortranarray(x)):
            out[...] = 3.0
            assert call(kernel, form, 21, out=out) is out
            same_bytes(out, want)
    assert (wide[:, 1::2] == 3.0).all()


@pytest.mark.parametrize(
    "kernel", [k for k in KERNELS.values() if k.takes_out and k.width(1) == 1], ids=lambda k: k.name
)
def test_out_of_a_vector_is_a_vector(kernel: Kernel) -> None:
    x = history(100, 1)[:, 0].copy()
    out = np.empty(100)
    assert call(kernel, x, 8, out=out) is out
    same_bytes(out, call(kernel, x, 8))


@OF_EVERY_KERNEL
@pytest.mark.usefixtures("threads")
def test_every_number_of_threads_gives_the_same_bytes(kernel: Kernel) -> None:
    for n, d, window in ((12_000 if kernel.heavy else 60_000, 3, 33), (4_000, 20, 40 if kernel.heavy else 250)):
        x = history(n, d)
        for form in (x, np.asfortranarray(x)):
            acm_rs.set_num_threads(1)
            want = call(kernel, form, window)
            for count in (2, 5):
                acm_rs.set_num_threads(count)
                assert acm_rs.get_num_threads() == count
                same_bytes(call(kernel, form, window), want)


def piecewise(kernel: Kernel, x: Array, window: int, cuts: list[int], **keywords: object) -> Array:
    """Evaluate a history piece by piece, each with a halo of window - 1 rows and what is used before a window."""
    parts = []
    for start, stop in zip([0, *cuts], [*cuts, len(x)], strict=True):
        first = max(0, start - (window - 1) - kernel.earlier)
        found = call(kernel, x[first:stop], window, first_row=first, **keywords)
        parts.append(found[start - first :])
    return np.concatenate(parts)


@OF_PIECEWISE_KERNELS
@pytest.mark.parametrize("window", [1, 2, 3, 16, 100, 333])
def test_every_split_of_the_rows_gives_the_same_bytes(kernel: Kernel, window: int) -> None:
    x = history(1000, 3)
    for keywords in ({}, *kernel.variants):
        want = call(kernel, x, window, **keywords)
        for size in (7, 50, window, 256, 999):
            if size * 60 < len(x) and window > 16:
                continue
            same_bytes(piecewise(kernel, x, window, list(range(size, len(x), size)), **keywords), want)


@OF_PIECEWISE_KERNELS
@given(
    cuts=st.sets(st.integers(1, 129), max_size=6),
    window=st.integers(1, 140),
)
def test_any_split_of_the_rows_gives_the_same_bytes(kernel: Kernel, cuts: set[int], window: int) -> None:
    x = history(130, 2, seed=4)
    same_bytes(piecewise(kernel, x, window, sorted(cuts)), call(kernel, x, window))


@OF_PIECEWISE_KERNELS
def test_a_row_is_decided_by_its_window_and_its_index(kernel: Kernel) -> None:
    window, rng = 24, np.random.default_rng(6)
    x = history(600, 2)
    want = call(kernel, x, window)
    for row in rng.integers(window, 600, 25).tolist():
        other = x.copy()
        first = max(0, row - window + 1 - kernel.earlier)
        other[:first] = rng.standard_normal((first, 2)) * 1e12
        other[row + 1 :] = np.inf
        same_bytes(call(kernel, other, window)[row], want[row])
        same_bytes(call(kernel, x[first : row + 1], window, first_row=first)[-1], want[row])


@OF_PIECEWISE_KERNELS
@pytest.mark.parametrize("first_row", [1, 15, 16, 17, 1000, 2**40])
def test_a_far_first_row_changes_no_more_than_the_rounding(kernel: Kernel, first_row: int) -> None:
    x = np.random.default_rng(9).standard_normal((300, 2))
    np.testing.assert_allclose(call(kernel, x, 16, first_row=first_row), call(kernel, x, 16), rtol=1e-11, atol=1e-12)


@OF_EVERY_KERNEL
def test_rows_that_are_missing_altogether(kernel: Kernel) -> None:
    x = history(200, 3)
    x[0:12] = np.nan
    x[80:130] = np.inf
    want = call(kernel, x, 10)
    same_bytes(call(kernel, np.where(np.isfinite(x), x, np.nan), 10), want)
    assert np.isnan(want[95:130]).all()


@OF_EVERY_KERNEL
@pytest.mark.parametrize("window", [1, 5])
def test_empty_and_tiny_arrays(kernel: Kernel, window: int) -> None:
    dtypes = [np.float64, np.float32] if kernel.float32 else [np.float64]
    for dtype in dtypes:
        for n, d in ((0, 0), (0, 3), (4, 0), (1000, 0), (1, 1), (1, 4), (2, 3)):
            for order in ("C", "F"):
                x = np.ones((n, d), dtype=dtype, order=order)
                got = kernel(x, window)
                assert got.shape == (n, kernel.width(d))
                assert got.dtype == dtype
        empty = kernel(np.empty(0, dtype=dtype), window)
        assert empty.shape == ((0,) if kernel.width(1) == 1 else (0, kernel.width(1)))


@OF_EVERY_KERNEL
def test_zero_strides_are_read_as_they_are(kernel: Kernel) -> None:
    row = np.array([1.0, np.nan, -2.5])
    x = np.broadcast_to(row, (50, 3))
    same_bytes(call(kernel, x, 6), call(kernel, x.copy(), 6))
    column = np.broadcast_to(np.arange(50.0)[:, None], (50, 3))
    same_bytes(call(kernel, column, 6), call(kernel, column.copy(), 6))


@pytest.mark.parametrize("kernel", FORMER, ids=lambda k: k.name)
def test_a_former_name_gives_the_same_bytes(kernel: Kernel) -> None:
    x = history(700, 4)
    for window in (1, 2, 20, 300, 2000):
        for min_periods in (0, 1, (window + 1) // 2):
            same_bytes(kernel(x, window, min_periods), KERNELS[kernel.former](x, window, min_periods))


@OF_EVERY_KERNEL
def test_numpy_integers_serve_as_window(kernel: Kernel) -> None:
    x = history(60, 2)
    for kind in (np.int64, np.int32, np.uint8):
        same_bytes(call(kernel, x, kind(7), min_periods=kind(3)), call(kernel, x, 7))


@OF_EVERY_KERNEL
def test_repeated_calls_give_the_same_bytes(kernel: Kernel) -> None:
    x = history(300, 3)
    want = call(kernel, x, 30)
    call(kernel, x * 3.0, 11)
    same_bytes(call(kernel, x, 30), want)


@OF_EVERY_KERNEL
def test_another_thread_makes_progress_meanwhile(kernel: Kernel) -> None:
    assert another_thread_progresses(long_call(lambda x: kernel(x, 64), 0.06))


def test_kernels_run_side_by_side_in_threads() -> None:
    x = history(30_000, 3)
    want = {name: call(k, x, 40) for name, k in KERNELS.items() if not k.leading_zeros}
    wrong: list[str] = []

    def work(names: list[str]) -> None:
        for name in names:
            if call(KERNELS[name], x, 40).tobytes() != want[name].tobytes():
                wrong.append(name)

    orders = [sorted(want), sorted(want, reverse=True), sorted(want, key=len)]
    workers = [threading.Thread(target=work, args=(order,)) for order in orders]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
