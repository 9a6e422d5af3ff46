"""Error codes among readings: -9999, 1e30, 32767 and whatever else repeats exactly, far outside.

Three rules look for codes, each with another question. A file is read once and whole: here a customary code is taken
out only where it can be nothing else, and what may be one is told. A monitor has learnt its codes from healthy rows and
judges each row alone (``monitor.cleaning``, whence the list of codes, the widths and what repeats far outside come).
``quality`` tells of all that repeats exactly far outside, customary or not, and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Refusal, quoted
from acm_rs.fillers import CODES, some_of
from acm_rs.monitor.cleaning import FAR, STATES, codes_of, scales

__all__ = ["Codes", "codes_in", "read_codes"]

# Nothing is measured with such values, in whatever precision they were kept; 9.969e36 is the filler of NetCDF.
_HUGE = [
    s * float(as_stored(10.0**power)) for power in range(30, 39) for as_stored in (float, np.float32) for s in (1, -1)
]
_HUGE += [s * value for value in (float(np.finfo(np.float32).max), 3.4028235e38, 9.969209968386869e36) for s in (1, -1)]
_KNOWN = sorted({*CODES.tolist(), *_HUGE})
_ENDS = frozenset(float(2**bits - 1) for bits in (10, 11, 12, 13, 14, 15, 16))
_ENDS_FIGURES = frozenset(("32767", "32768", "65535", "7999", "9999"))
_NOTHING, _MOST = 1e30, 3.5e38
_LEAST = float(np.abs(CODES).min())
_SAMPLE = 10_000
# Times as large as nearly all other readings, and readings that tell so.
_TIMES, _FEW = 1e6, 20


@dataclass
class Codes:
    """What looks like error codes in a column.

    Parameters
    ----------
    certain : dict of float to int
        Well-known codes far outside all other readings, and how often each stands there.
    suspected : dict of float to int
        Values that may be codes.
    """

    certain: dict[float, int] = field(default_factory=dict)
    suspected: dict[float, int] = field(default_factory=dict)


def read_codes(said: str) -> list[float] | None:
    """What a person says of codes: None for ``auto``, no values for ``none``, else the values between commas.

    Raises
    ------
    Refusal
        Something else.
    """
    parts = [part.strip() for part in said.split(",") if part.strip()]
    if parts in (["auto"], []):
        return None
    if parts == ["none"]:
        return []
    values = []
    for part in parts:
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise Refusal(
                f"--codes must be auto, none or numbers between commas such as -9999,1e30, got {quoted(part)}", status=2
            )
        values.append(value)
    return values


def codes_in(column: pl.Series) -> Codes:
    """Look for error codes.

    Parameters
    ----------
    column : Series
        Float64 readings of a sensor, missing as null.

    Returns
    -------
    Codes
    """
    found = Codes()
    column = column.drop_nulls()
    if not column.len():
        return found
    values = column.to_numpy()
    if values.max() >= _LEAST or values.min() <= -_LEAST:
        usual = column.is_in(_KNOWN).to_numpy()
        # As it was printed, a filler may have lost digits: 9.96921e+36.
        huge = (np.abs(values) >= _NOTHING) & (np.abs(values) <= _MOST)
        if huge.any() and 2 * np.count_nonzero(huge) <= values.size and np.unique(values[huge]).size == 1:
            usual = usual | huge
    else:
        usual = np.zeros(0, dtype=np.bool_)
    if usual.any():
        rest = values[~usual]
        low, high = _outside(rest)
        modes = _are_modes(rest)
        kinds, counts = np.unique(values[usual], return_counts=True)
        for code, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            if rest.size and low <= code <= high:
                continue
            if _is_certain(code, count, rest, modes):
                found.certain[code] = count
            elif rest.size:
                found.suspected[code] = count
        values = rest
    for code, count in (_repeated_far(values) | _alone_far(values)).items():
        found.suspected[code] = count
    return found


def _outside(rest: NDArray[np.float64]) -> tuple[float, float]:
    """Between what a code is a reading like others."""
    if not rest.size:
        return 0.0, 0.0
    least, most = float(rest.min()), float(rest.max())
    width = most - least
    centre, below, above = (float(part[0]) for part in scales(rest[:, None]))
    if not np.isfinite(below):
        below = above = 0.0
    margin = width or 10.0 * max(abs(most), 1.0)
    return min(least - margin, centre - FAR * below), max(most + margin, centre + FAR * above)


def _are_modes(rest: NDArray[np.float64]) -> bool:
    """Whether readings are small whole numbers, as modes and states are numbered."""
    return bool(rest.size) and rest.min() >= 0.0 and rest.max() <= STATES and np.array_equal(rest, np.rint(rest))


def _is_certain(code: float, count: int, rest: NDArray[np.float64], modes: bool) -> bool:
    """A mode may be called 99 or 999; no sensor among others reads -9999 or 1e30."""
    # A counter or a speed may run through 9999 once.
    if count == 1 and rest.size and abs(code) <= 10.0 * max(0.0, float((np.sign(code) * rest).max())):
        return False
    if abs(code) >= _NOTHING or code <= -9999.0:
        return True
    if not rest.size or (modes and code > 0):
        return False
    return abs(code) > 100.0 or (count >= 3 and not modes)


def _alone_far(values: NDArray[np.float64]) -> dict[float, int]:
    """Values a million times as large as nearly all others: no spike of an instrument is."""
    size = np.abs(values)
    if values.size < _FEW or not size.max() >= _TIMES * 0.01:
        return {}
    usual = float(np.quantile(size, 0.9))
    far = values[size > _TIMES * usual] if usual > 0.0 else values[:0]
    kinds, counts = np.unique(far, return_counts=True)
    return dict(zip(kinds[:8].tolist(), counts[:8].tolist(), strict=True))


def _looks_like_code(value: float) -> bool:
    """Whether a value is one figure over and over (8888), or the end of what a converter counts to."""
    figures = f"{abs(value):.15g}".replace(".", "")
    ends = value in _ENDS or (figures.strip("0") in _ENDS_FIGURES)
    return ends or (len(figures) >= 4 and len(set(figures)) == 1)


def _repeated_far(values: NDArray[np.float64]) -> dict[float, int]:
    if values.size < 50:
        return {}
    # The extremes decide for most columns, and a sample says well enough how wide the rest is.
    centre, below, above = scales(some_of(values, _SAMPLE)[:, None])
    if values.min() >= centre[0] - FAR * below[0] and values.max() <= centre[0] + FAR * above[0]:
        return {}
    centre, below, above = scales(values[:, None])
    far = (values < centre - FAR * below) | (values > centre + FAR * above)
    if not far.any():
        return {}
    kinds = [code for code in codes_of(values, far, values.size) if np.count_nonzero(values == code) >= 3]
    known = np.unique(some_of(values[~far], _SAMPLE))
    if known.size <= STATES:
        # Of few different readings one far off may be a state.
        kinds = [code for code in kinds if _looks_like_code(code)]
    counted = {code: int(np.count_nonzero(values == code)) for code in kinds}
    # An end stop or a scale's end stands among others of its neighbourhood; a code stands apart.
    reach = float(values[~far].max() - values[~far].min())
    others = values[far & ~np.isin(values, kinds)]
    apart = {code: count for code, count in counted.items() if not np.any(np.abs(others - code) < reach)}
    low, high = values[~far].min() - reach, values[~far].max() + reach
    return {code: count for code, count in apart.items() if not low <= code <= high}
