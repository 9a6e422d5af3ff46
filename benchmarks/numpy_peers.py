"""Peers written in NumPy and SciPy, on all cores: over sliding windows, and over whole columns.

Those over windows take sensors as rows, (d, n) and C-ordered, assume that nothing is missing, and compute complete
windows only: the first ``window - 1`` columns of a result stay NaN. That is less work than a rolling function does, so
the comparison is generous to them. NumPy and SciPy release the interpreter inside these calls, so that threads over
sensors use every core; blocks are sized for the cache and the scratch is made once per thread and call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.cases import BANDS, COLUMN_QUANTILES
from benchmarks.data import Matrix
from benchmarks.environment import cores

BLOCK = 2_000


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="numpy-peer")


def over_sensors(work: Callable[[range], None], sensors: int) -> None:
    """Run ``work`` on every sensor, each core taking every k-th one."""
    workers = min(cores(), sensors)
    if workers <= 1:
        work(range(sensors))
        return
    for _ in _pool().map(work, [range(first, sensors, workers) for first in range(workers)]):
        pass


def _middle(sorted_windows: Matrix, out: Matrix) -> None:
    """Median of windows sorted along the last axis."""
    width = sorted_windows.shape[1]
    if width % 2:
        np.copyto(out, sorted_windows[:, width // 2])
    else:
        np.add(sorted_windows[:, width // 2 - 1], sorted_windows[:, width // 2], out=out)
        out *= 0.5


def mad_sorted(x: Matrix, window: int) -> Callable[[], list[Matrix]]:
    """Median absolute deviation: sort each window, subtract its median, sort again."""
    d, n = x.shape

    def run() -> list[Matrix]:
        out = np.full((d, n), np.nan)

        def work(sensors: Iterable[int]) -> None:
            scratch = np.empty((BLOCK, window))
            medians = np.empty(BLOCK)
            for sensor in sensors:
                windows = sliding_window_view(x[sensor], window)
                for start in range(0, len(windows), BLOCK):
                    block = windows[start : start + BLOCK]
                    values, median = scratch[: len(block)], medians[: len(block)]
                    np.copyto(values, block)
                    values.sort(axis=1)
                    _middle(values, median)
                    values -= median[:, None]
                    np.abs(values, out=values)
                    values.sort(axis=1)
                    first = start + window - 1
                    _middle(values, out[sensor, first : first + len(block)])

        over_sensors(work, d)
        return [out]

    return run


def slope_correlate(x: Matrix, window: int) -> Callable[[], list[Matrix]]:
    """Least-squares slope as a correlation with centred positions."""
    from scipy.ndimage import correlate1d

    d, n = x.shape
    position = np.arange(window) - 0.5 * (window - 1)
    weights = position / np.dot(position, position)
    lead = window // 2
    tail = window - 1 - lead

    def run() -> list[Matrix]:
        out = np.empty((d, n))
        centred = np.empty((d, n))

        def work(sensors: Iterable[int]) -> None:
            rows = list(sensors)
            part = slice(rows[0], None, rows[1] - rows[0] if len(rows) > 1 else d)
            correlate1d(x[part], weights, axis=1, output=centred[part])
            out[part, : window - 1] = np.nan
            out[part, window - 1 :] = centred[part, lead : n - tail]

        over_sensors(work, d)
        return [out]

    return run


def bins_of_bands(window: int, bands: Iterable[tuple[float, float]] = BANDS) -> list[tuple[int, int]]:
    """First and last-plus-one FFT bin of each band, without bin 0: it is zero once the mean is taken off."""
    frequency = np.arange(window // 2 + 1) / window
    edges = []
    for low, high in bands:
        inside = np.flatnonzero((frequency >= low) & (frequency < high) & (frequency > 0.0))
        edges.append((int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, 0))
    return edges


def band_energy_fft(x: Matrix, window: int) -> Callable[[], list[Matrix]]:
    """Energy per band from a real FFT of every window, bands summed as dot products of contiguous bins."""
    from scipy.fft import rfft

    d, n = x.shape
    edges = bins_of_bands(window)

    def run() -> list[Matrix]:
        out = np.full((len(edges), d, n), np.nan)

        def work(sensors: Iterable[int]) -> None:
            for sensor in sensors:
                windows = sliding_window_view(x[sensor], window)
                for start in range(0, len(windows), BLOCK):
                    block = windows[start : start + BLOCK]
                    spectrum = rfft(block, axis=1).view(np.float64)
                    first = start + window - 1
                    for band, (low, high) in enumerate(edges):
                        part = spectrum[:, 2 * low : 2 * high]
                        np.einsum("ij,ij->i", part, part, out=out[band, sensor, first : first + len(block)])

        over_sensors(work, d)
        return list(out)

    return run


def median_mad(x: Matrix) -> Matrix:
    """Median and median absolute deviation of each sensor: (2, d)."""
    median = np.median(x, axis=1)
    return np.stack([median, np.median(np.abs(x - median[:, None]), axis=1)])


def quantiles(x: Matrix) -> Matrix:
    """Quantiles of each sensor: (q, d)."""
    return np.quantile(x, COLUMN_QUANTILES, axis=1)


def on_threads(form: Callable[[Matrix], Matrix], x: Matrix, results: int) -> Callable[[], Matrix]:
    """Spread a form that takes (d, n) and returns ``results`` numbers a sensor, (results, d), over all cores."""

    def run() -> Matrix:
        out = np.empty((results, len(x)))

        def work(sensors: range) -> None:
            part = slice(sensors.start, None, sensors.step)
            out[:, part] = form(x[part])

        over_sensors(work, len(x))
        return out

    return run
