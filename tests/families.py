"""Input families that are hard on rolling statistics, and the rows of them worth an exact look."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from exact import Column, Exact, Form, evaluate
from exact_pairs import Pairs

Floats = npt.NDArray[np.float64]

WINDOWS = (1, 2, 3, 4, 20, 100, 1000)
SPIKE_ROWS = (0, 1, 57, 1999, 3000, 3001, 3020, 5500, 6400, 7399, 9998)


def _offset(rng: np.random.Generator, n: int) -> Floats:
    """Tiny noise on a huge level."""
    return 1e9 + 1e-3 * rng.standard_normal(n)


def _spikes(rng: np.random.Generator, n: int) -> Floats:
    """Spikes of either sign pass through unit noise: alone, in pairs, in the first rows and at block borders."""
    x = rng.standard_normal(n)
    for i, row in enumerate(SPIKE_ROWS):
        if row < n:
            x[row] = 1e15 if i % 3 else -1e15
    return x


def _calm_after_level(rng: np.random.Generator, n: int) -> Floats:
    """Stretches of a large, lively level alternate with stretches that hardly move."""
    lively = 1e6 + 1e3 * rng.standard_normal(n)
    calm = 1.0 + 1e-6 * rng.standard_normal(n)
    return np.where((np.arange(n) // 1500) % 2 == 0, lively, calm)


def _walk(rng: np.random.Generator, n: int) -> Floats:
    """A random walk, far from zero at its end."""
    return 100.0 + np.cumsum(rng.standard_normal(n))


def _stuck(rng: np.random.Generator, n: int) -> Floats:
    """A quantised sensor that stands still for long stretches."""
    x = np.round(50.0 + 2.0 * rng.standard_normal(n), 1)
    for start in range(300, n, 900):
        x[start : start + 400] = x[start]
    return x


def _normal(rng: np.random.Generator, n: int) -> Floats:
    return rng.standard_normal(n)


FAMILIES = {
    "A-offset": _offset,
    "B-spikes": _spikes,
    "C-calm": _calm_after_level,
    "D-walk": _walk,
    "E-stuck": _stuck,
    "F-normal": _normal,
}
LENGTH = 10_000


@cache
def family(name: str, missing: bool = False, n: int = LENGTH) -> Floats:
    """Give a read-only series of a family, with 5 % missing values, infinities and an empty stretch when asked."""
    rng = np.random.default_rng([ord(name[0]), int(missing)])
    x = FAMILIES[name](rng, n)
    if missing:
        gaps = rng.random(n) < 0.05
        x[gaps] = np.nan
        x[np.flatnonzero(gaps)[::7]] = np.inf
        x[np.flatnonzero(gaps)[3::7]] = -np.inf
        x[4200 : 4200 + 130] = np.nan
    x.setflags(write=False)
    return x


@cache
def column(name: str, missing: bool = False, n: int = LENGTH) -> Column:
    """Give the same series as integers."""
    return Column.of(family(name, missing, n).tolist())


@cache
def sample_rows(name: str, missing: bool, window: int, count: int = 220) -> tuple[int, ...]:
    """Choose rows to look at exactly: the first ones, block borders, around every spike and change, and random ones."""
    n = LENGTH
    x = family(name, missing)
    rng = np.random.default_rng([window, count])
    wanted = set(range(min(6, n))) | {window - 2, window - 1, window, window + 1, n - 1}
    blocks = np.arange(window, n, window) if window > 1 else np.arange(1, n)
    for start in rng.choice(blocks, size=min(12, blocks.size), replace=False).tolist():
        wanted |= {start - 1, start, start + window - 1}
    marks = list(SPIKE_ROWS) if name.startswith("B") else [1500, 3000, 4500, 700, 1100, 1200, 4200, 4330]
    for mark in marks:
        wanted |= {mark - 1, mark, mark + 1, mark + window - 2, mark + window - 1, mark + window}
    gaps = np.flatnonzero(~np.isfinite(x))
    if gaps.size:
        for gap in rng.choice(gaps, size=6, replace=False).tolist():
            wanted |= {gap, gap + 1, gap + window - 1, gap + window}
    rows = sorted(r for r in wanted if 0 <= r < n)
    room = max(0, count - len(rows))
    spare = np.setdiff1d(np.arange(n), np.asarray(rows))
    extra = rng.choice(spare, size=room, replace=False).tolist()
    return tuple(sorted({*rows, *extra}))


@lru_cache(maxsize=4)
def _few_rows(name: str, missing: bool, window: int) -> tuple[int, ...]:
    rows = sample_rows(name, missing, window)
    if window < 50:
        return rows
    keep = 40 if window <= 100 else 4
    picked = np.random.default_rng(window).choice(np.asarray(rows), size=keep, replace=False)
    return tuple(sorted(picked.tolist()))


@cache
def truth(
    form: Form,
    name: str,
    missing: bool,
    window: int,
    own_minimum: int,
    leading_zeros: bool = False,
    heavy: bool = False,
    keywords: tuple[tuple[str, object], ...] = (),
) -> tuple[tuple[int, ...], Exact]:
    """Give sampled rows of a family and a form's exact values there; fewer of them where a value is ``heavy``."""
    rows = (_few_rows if heavy else sample_rows)(name, missing, window)
    found = evaluate(
        form,
        column(name, missing),
        window,
        rows,
        own_minimum=own_minimum,
        leading_zeros=leading_zeros,
        **dict(keywords),
    )
    return rows, found


@cache
def second(name: str, missing: bool) -> Floats:
    """Give a series of the same family, half of it the first one, with gaps of its own."""
    rng = np.random.default_rng([ord(name[0]), int(missing), 7])
    y = 0.5 * family(name) + 0.5 * FAMILIES[name](rng, LENGTH)
    if missing:
        y[rng.random(LENGTH) < 0.03] = np.nan
        y[rng.random(LENGTH) < 0.005] = np.inf
    y.setflags(write=False)
    return y


@cache
def sums(name: str, missing: bool) -> Pairs:
    """Give the exact sums of a family and its second series."""
    return Pairs(column(name, missing), Column.of(second(name, missing).tolist()))
