"""What the public functions do with missing values, few values, constants and nothing: found out by calling them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from registry import ROWS, Row
from registry.row import Probe, public

Array = npt.NDArray[Any]
Call = Callable[..., Array]

LENGTH = 16
CONSTANT = 1500.1


@dataclass(frozen=True)
class Policy:
    """The cells of a row of the table."""

    missing: str
    least: str
    min_periods: str
    constant: str
    nothing: str


def _bound(row: Row, probe: Probe) -> Call:
    return lambda x, **keywords: row.look(probe, x, **keywords)


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-11, atol=1e-11, equal_nan=True))


def _data(probe: Probe) -> Array:
    """Some cycles and noise; a function of one column gets a vector."""
    rows = 240 if probe.cycles else LENGTH
    rng = np.random.default_rng(20)
    x = rng.standard_normal((rows, 2 if probe.pairs else 1)) + 3.0 * np.cos(np.arange(rows) / 2.0)[:, None]
    return x if probe.pairs else x[:, 0]


def _missing_of_one(call: Call, x: Array) -> str:
    """Say what a missing value counts as, by the first explanation that gives the same numbers."""
    gap = LENGTH // 3
    holed = x.copy()
    holed[gap] = np.nan
    rest = np.delete(x, gap)
    got = call(holed)

    def filled(value: float) -> Array:
        other = x.copy()
        other[gap] = value
        return call(other)

    if got.size == x.size:
        there, others = got[gap], np.delete(got, gap)
        if np.isnan(there):
            if _same(others, np.delete(x, gap)):
                return "copied"
            return "NaN there, else skipped" if _same(others, call(rest)) else "?"
        if _same(others, rest):
            return "filled"
        return "skipped, repeats the last; weights fade on" if there == got[gap - 1] and got[-1] != x[-1] else "?"
    if _same(got, call(rest)):
        return "skipped"
    at = np.delete(np.arange(x.size), gap)
    if got.size == 1 and _same(got, filled(float(np.polyval(np.polyfit(at, rest, 1), gap)))):
        return "skipped, rows keep their places"
    if _same(got, filled(float(x[gap - 1]))):
        return "as the reading before it"
    if _same(got, filled(float(rest.mean()))):
        return "counts as the mean"
    if _same(got, filled(float(np.median(rest)))):
        return "filled by the median"
    # A search: the cycle found and how strong it is hardly move.
    return "skipped" if np.isfinite(got).all() and np.allclose(got, call(x), rtol=0.02) else "?"


def _missing_of_two(call: Call, x: Array) -> str:
    gap = LENGTH // 3
    holed = x.copy()
    holed[gap, 0] = np.nan
    return "row skipped for the pair" if _same(call(holed), call(np.delete(x, gap, axis=0))) else "?"


def _infinities(call: Call, x: Array) -> bool:
    """Whether infinities count as NaN does."""
    found = []
    for value in (np.nan, np.inf, -np.inf):
        holed = x.copy()
        holed[LENGTH // 3 :: 5] = value
        found.append(call(holed))
    return all(np.array_equal(found[0], one, equal_nan=True) for one in found[1:])


def _known(x: Array, count: int) -> Array:
    """Keep so many values."""
    out = np.full_like(x, np.nan)
    out[2 : 2 + count] = x[2 : 2 + count]
    return out


def _least(call: Call, x: Array, **keywords: Any) -> Array:
    """Fewest values with which each result is a number; 0 if a result is one without any value."""
    size = call(x).size
    found = np.full(size, -1)
    for count in range(LENGTH + 1):
        found[(found < 0) & np.isfinite(call(_known(x, count), **keywords))] = count
    return found


def _takes(call: Call, x: Array, **keywords: Any) -> bool:
    try:
        call(x, **keywords)
    except TypeError:
        return False
    return True


def _numbers(found: Array) -> str:
    values = list(dict.fromkeys(found.tolist()))
    return "; ".join(str(v) for v in values)


def _least_of(call: Call, x: Array) -> str:
    if call(x).size == x.size:
        # A result a row: count the values up to the first that is a number.
        got = call(x)
        return str(int(np.flatnonzero(np.isfinite(got))[0]) + 1)
    own = _least(call, x)
    if _takes(call, x, ddof=1):
        for ddof in (0, 2, 3):
            moved = _least(call, x, ddof=ddof)
            steps = set((moved - own).tolist())
            assert steps <= {0, ddof - 1}, (own, moved)
        moves = _least(call, x, ddof=3) != own
        return "; ".join("ddof + 1" if m else str(o) for m, o in zip(moves.tolist(), own.tolist(), strict=True))
    return _numbers(own)


def _least_cycles(call: Call) -> str:
    rng = np.random.default_rng(21)
    for cycles in range(1, 20):
        angle = 2.0 * np.pi / 25.0 * np.arange(25 * cycles)
        if np.isfinite(call(np.cos(angle) + 1e-3 * rng.standard_normal(angle.size))).any():
            return f"{cycles} clear cycles"
    return "?"


def _min_periods_of(call: Call, x: Array) -> str:
    if not _takes(call, x, min_periods=1):
        return "—"
    if call(x).size == x.size:
        got = call(x, min_periods=7)
        return "obeyed" if np.flatnonzero(np.isfinite(got))[0] == 6 else "?"
    least = _least(call, x, min_periods=7)
    if not least.any():
        return "what is filled counts"
    return "obeyed" if (least == 7).all() else "?"


def _words(found: Array, rows: int = -1) -> str:
    """Describe the results for a constant or for nothing."""
    words = []
    for value in found.tolist():
        if np.isnan(value):
            word = "NaN"
        elif value == CONSTANT:
            word = "c"
        elif value == rows:
            word = "n"
        elif abs(value - rows * CONSTANT) < 1e-9:
            word = "n c"
        else:
            word = f"{value + 0.0:g}"
        words.append(word)
    return "; ".join(dict.fromkeys(words))


def _policy(row: Row, probe: Probe) -> Policy:
    call, x = _bound(row, probe), _data(probe)
    missing = _missing_of_two(call, x) if probe.pairs else _missing_of_one(call, x)
    if not _infinities(call, x):
        missing += " as they are"
    nothing = _words(call(np.full_like(x, np.nan)))
    if _takes(call, x, min_periods=0):
        other = _words(call(np.full_like(x, np.nan), min_periods=0))
        if other != nothing:
            nothing += f"; {other} if min_periods=0"
    constant = np.full_like(x, CONSTANT)
    if probe.pairs:
        constant[:, 1] = x[:, 1]
    told = _words(call(constant), len(x))
    if probe.diagonal:
        own = public(row.name)(constant, **probe.keywords)[0, 0]
        told += "" if np.isnan(own) else f"; {own:g} on the diagonal"
    least = _least_cycles(call) if probe.cycles else _least_of(call, x)
    if probe.segments and least == str(len(x) // 2):
        least = "half a segment"
    return Policy(missing, least, _min_periods_of(call, x), told, nothing)


def policies() -> dict[str, Policy]:
    """Probe every function; a second word tells apart what one function can do."""
    return {f"{row.name} {probe.label}".strip(): _policy(row, probe) for row in ROWS.values() for probe in row.probed}
