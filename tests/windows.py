"""Windows beyond the trailing ones: centred ones and durations, where each begins and ends, and exact values in them.

Bounds are two arrays: the first row of every row's window, and the row after its last.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from exact import Bounds, Exact

if TYPE_CHECKING:
    from registry.kernel import Kernel

Array = npt.NDArray[Any]
Times = npt.NDArray[np.int64]

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_700_000_000 * SECOND


def holds(closed: str) -> tuple[int, int]:
    """Whether a window holds its older end, and its newer one."""
    return int(closed in ("left", "both")), int(closed in ("right", "both"))


def trailing(n: int, window: int, closed: str = "right") -> Bounds:
    """Rows t - window + 1 to t, with or without row t - window and row t."""
    return _of_rows(n, window, 0, closed)


def centred(n: int, window: int, closed: str = "right") -> Bounds:
    """The same, (window - 1) // 2 rows later, and cut at the end."""
    return _of_rows(n, window, (window - 1) // 2, closed)


def _of_rows(n: int, window: int, after: int, closed: str) -> Bounds:
    older, newer = holds(closed)
    end = np.arange(n, dtype=np.int64) + 1 + after
    return np.clip(end - window - older, 0, n), np.clip(end - 1 + newer, 0, n)


def lasting(times: Times, duration: int, closed: str = "right") -> Bounds:
    """Rows up to t, or before its time, whose time lies between times[t] - duration and times[t]."""
    older, newer = holds(closed)
    start = np.searchsorted(times, times - duration, side="left" if older else "right")
    stop = np.arange(1, times.size + 1) if newer else np.searchsorted(times, times, side="left")
    return start.astype(np.int64), stop.astype(np.int64)


def centred_lasting(times: Times, duration: int, closed: str = "right") -> Bounds:
    """Rows whose time lies between times[t] - duration / 2 and times[t] + duration / 2."""
    # No time is half of an odd number of nanoseconds away.
    older, newer = holds(closed) if duration % 2 == 0 else (0, 1)
    start = np.searchsorted(times, times - (duration + 1) // 2, side="left" if older else "right")
    stop = np.searchsorted(times, times + duration // 2, side="right" if newer else "left")
    return start.astype(np.int64), stop.astype(np.int64)


def bounds_of(n: int, window: int, *, center: bool, times: Times | None = None, closed: str = "right") -> Bounds:
    """Give the bounds of any window: of so many rows, or of so many nanoseconds where ``times`` are given."""
    if times is None:
        return centred(n, window, closed) if center else trailing(n, window, closed)
    return centred_lasting(times, window, closed) if center else lasting(times, window, closed)


def _regular(rng: np.random.Generator, n: int) -> Times:
    del rng
    return START + 30 * MINUTE * np.arange(n, dtype=np.int64)


def _irregular(rng: np.random.Generator, n: int) -> Times:
    """Steps of seconds to an hour, one in eight of no time at all, a few of days."""
    step = rng.integers(1, 3600, n) * SECOND + rng.integers(0, SECOND, n)
    step[rng.random(n) < 0.125] = 0
    step[rng.random(n) < 0.02] += 3 * DAY
    return START + np.cumsum(step)


def _bursts(rng: np.random.Generator, n: int) -> Times:
    """Groups of rows at one time, and rows nanoseconds apart."""
    step = np.where(rng.random(n) < 0.8, rng.integers(0, 2, n), HOUR)
    return START + np.cumsum(step)


def _long_ago(rng: np.random.Generator, n: int) -> Times:
    """Times on either side of 1970."""
    return np.cumsum(rng.integers(0, 2 * HOUR, n)) - n * HOUR // 2


def _equal(rng: np.random.Generator, n: int) -> Times:
    del rng
    return np.full(n, START, dtype=np.int64)


CLOCKS = {
    "regular": _regular,
    "irregular": _irregular,
    "bursts": _bursts,
    "long ago": _long_ago,
    "equal": _equal,
}


@cache
def clock(name: str, n: int) -> Times:
    """Give read-only sorted times in nanoseconds."""
    found = CLOCKS[name](np.random.default_rng([len(name), n]), n).astype(np.int64)
    found.setflags(write=False)
    return found


def ns(duration: int) -> np.timedelta64:
    """Give a duration as NumPy writes it."""
    return np.timedelta64(duration, "ns")


def evaluated(
    kernel: Kernel,
    x: Array,
    times: Times | None,
    window: int,
    rows: Sequence[int],
    *,
    center: bool = False,
    min_periods: int = 1,
    rowwise: bool = False,
    closed: str = "right",
    **keywords: Any,
) -> Exact:
    """Evaluate any windowed kernel exactly on one column; ``window`` counts rows if ``rowwise`` or without times."""
    of_rows = rowwise or times is None
    older, newer = holds(closed)
    return kernel.exactly(
        x,
        window + older - 1 + newer if of_rows else 0,
        rows,
        min_periods=min_periods,
        bounds=bounds_of(x.size, window, center=center, times=None if of_rows else times, closed=closed),
        times=times.tolist() if times is not None else None,
        **keywords,
    )


def check(kernel: Kernel, x: Array, got: Array, want: Exact, rows: Sequence[int], where: object) -> None:
    """Hold a result against the exact one, within the contract."""
    ours = got.reshape(x.size, -1)[rows]
    error = want.scaled_error(ours)
    worst = int(error.max(axis=1).argmax())
    assert error.max() <= kernel.tolerance, (where, rows[worst], ours[worst], want.hi[worst], error[worst])


def beside_pandas(kernel: Kernel, x: Array, got: Array, want: Array, where: str, **how: Any) -> None:
    """Hold a result against that of pandas; where they differ, the exact value decides, for pandas' sums drift."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=where)
    far = np.flatnonzero(np.abs(got - want) > 1e-12 * np.maximum(1.0, np.abs(want))).tolist()
    if far:
        check(kernel, x, got, evaluated(kernel, x, rows=far, **how), far, where)
