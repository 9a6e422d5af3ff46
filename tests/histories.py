"""Sensor-like data, its memory layouts, and what "the same bytes" means: shared by the contract tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


def history(n: int = 400, d: int = 5, seed: int = 1) -> Array:
    """Sensor-like columns with offsets, spikes, quantised and stuck stretches, gaps and infinities."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    x[:, 0] += 1e6
    if d > 1:
        x[:, 1] = np.round(x[:, 1], 1)
        x[n // 3 : n // 2, 1] = x[n // 3, 1] if n else 0.0
    if d > 2:
        x[::97, 2] = 1e15
    x[rng.random((n, d)) < 0.05] = np.nan
    x[rng.random((n, d)) < 0.01] = np.inf
    x[rng.random((n, d)) < 0.01] = -np.inf
    return x


def plant(rows: int, columns: int = 5, seed: int = 0, gaps: float = 0.0) -> Floats:
    """Sensors of a machine: two hidden loads with memory, levels far apart, noise, and missing values if asked."""
    random = np.random.default_rng(seed)
    loads = np.zeros((rows, 2))
    kicks = random.standard_normal((rows, 2))
    for row in range(1, rows):
        loads[row] = 0.9 * loads[row - 1] + kicks[row]
    mixing = np.random.default_rng(99).standard_normal((2, columns))
    levels = 10.0 ** np.linspace(0, 4, columns)
    x = levels + loads @ mixing + 0.3 * random.standard_normal((rows, columns))
    if gaps:
        hidden = random.random(x.shape)
        x[hidden < gaps] = np.nan
        x[hidden < gaps / 5] = np.inf
    return x


def same_bytes(a: Array, b: Array) -> None:
    """Assert equal shape, dtype and bits, whatever the memory order."""
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    bits = np.dtype(f"u{a.dtype.itemsize}")
    left = np.ascontiguousarray(a).view(bits)
    right = np.ascontiguousarray(b).view(bits)
    if not np.array_equal(left, right):
        row = int(np.argwhere(left != right)[0][0])
        raise AssertionError(f"row {row}: {np.atleast_2d(a)[row : row + 1]} is not {np.atleast_2d(b)[row : row + 1]}")


def layouts(x: Array) -> dict[str, Array]:
    """Give the same numbers in every memory layout worth a test."""
    n, d = x.shape
    every_second = np.full((2 * n, 3 * d), -7.0, dtype=x.dtype)
    every_second[::2, ::3] = x
    inner = np.full((n + 4, d + 2), np.nan, dtype=x.dtype)
    inner[3 : n + 3, 1 : d + 1] = x
    read_only = x.copy()
    read_only.setflags(write=False)
    read_only_f = np.asfortranarray(x)
    read_only_f.setflags(write=False)
    return {
        "C": np.ascontiguousarray(x),
        "F": np.asfortranarray(x),
        "strided": every_second[::2, ::3],
        "strided F": np.asfortranarray(every_second)[::2, ::3],
        "part": inner[3 : n + 3, 1 : d + 1],
        "reversed rows": np.ascontiguousarray(x[::-1])[::-1],
        "reversed columns": np.ascontiguousarray(x[:, ::-1])[:, ::-1],
        "reversed both, F": np.asfortranarray(x[::-1, ::-1])[::-1, ::-1],
        "read-only": read_only,
        "read-only F": read_only_f,
    }


def long_call(work: Callable[[Array], object], seconds: float, columns: int = 2) -> Callable[[], object]:
    """Find an input that keeps ``work`` busy for at least so long."""
    n = 20_000
    base = history(n, columns)
    while True:
        x = np.resize(base, (n, columns))
        start = time.perf_counter()
        work(x)
        if time.perf_counter() - start > seconds or n >= 5_000_000:
            return lambda: work(x)
        n *= 2


def another_thread_progresses(busy: Callable[[], object]) -> bool:
    """Tell whether another Python thread came to run well inside a call of ``busy``."""
    stop = threading.Event()
    ticks: list[float] = []

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.perf_counter())
            stop.wait(0.001)

    other = threading.Thread(target=tick)
    other.start()
    try:
        for _ in range(5):
            start = time.perf_counter()
            busy()
            end = time.perf_counter()
            # Ticks near either end could come from outside the call; these could not.
            if any(start + 0.2 * (end - start) < t < start + 0.8 * (end - start) for t in ticks):
                return True
    finally:
        stop.set()
        other.join()
    return False
