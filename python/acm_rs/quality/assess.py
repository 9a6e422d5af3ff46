"""The two functions: what is wrong with a history, and the history without it."""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.clocks import FALLS, index_clock, named_clocks
from acm_rs.frames import Numbers, Sheet, Table, Times, X, listed, type_name
from acm_rs.quality.changes import compare, facts_of, other_sensors
from acm_rs.quality.report import Facts, Quality
from acm_rs.quality.rows import Clock, stretches
from acm_rs.quality.words import findings, without_dates
from acm_rs.stamps import stamps

__all__ = ["clean", "quality"]

KINDS = ("empty", "constant", "state", "set point", "counter", "continuous")
"""By their number in the engine."""
MOST_CODES = 100
"""Most codes that are given."""


def quality(
    x: Table,
    times: Times | None = None,
    *,
    reference: Table | Quality | Mapping[str, Any] | None = None,
    limits: Mapping[Any, tuple[float | None, float | None]] | None = None,
    codes: Literal["auto"] | Numbers | None = "auto",
) -> Quality:
    """What is wrong with a history: of each sensor, of its rows, and against an earlier one.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        Rows = time, oldest first; columns = sensors. Any memory layout; never changed.
    times : array of datetime64 or int64 nanoseconds, series, or str, optional
        When the rows were, in any order; of a frame also ``"index"`` or the name of a column. A frame's own dates are
        taken where it has some; times under another type are told, not taken.
    reference : array, frame, Quality or dict, optional
        An earlier history of the same sensors, what this function gave for it, or its ``as_dict()``: what changed since
        is told.
    limits : mapping, optional
        For sensors by name (of an array by number) the least and the greatest reading that can be, ``None`` for a side
        without limit.
    codes : "auto", float, sequence of float, or None, default "auto"
        Numbers that stand for no reading: found, these in every sensor, or none.

    Returns
    -------
    Quality
        ``sensors``, a table with a row for each sensor in the kind of frame that came in; ``rows``, facts of the rows;
        ``findings``, sentences, the worst first; ``as_dict()``. Printed it is a table of at most 100 columns.

    Raises
    ------
    TypeError
        An argument is not of its type.
    ValueError
        Wrong shape, names that stand twice, limits of unknown sensors, or times of another length than ``x``.

    Notes
    -----
    NaN and infinity are missing. The columns of the table:

    - ``kind``: "continuous" (measured), "state" (at most 3 different values, or at most 20 whole numbers that stay a
      while), "set point" (other values that stay a while and come again), "counter" (rises, and falls only by half of
      its range or more), "constant", "empty".
    - ``missing``, ``longest_gap`` and ``longest_gap_time``: share of the rows; rows; seconds from the last reading
      before the gap to the first one after it.
    - ``frozen`` and ``longest_frozen``: a continuous sensor is stuck where it repeats exactly for more than 20 rows and
      10 times the length that 99 of 100 of its runs do not exceed, while the machine does not stand still. The share
      and the rows that repeat.
    - ``codes`` and ``code_values``: error codes, and in how many rows they stand. A code is more than 8 robust standard
      deviations away on its side (the larger of 1.4826 median absolute deviations and the reach of the 15 % or 85 %
      quantile). It is what historians write (99, 999, ... 999999, 32767, 32768, 65535 and their negatives; in at most
      half of the rows); or it is not 0, stands in three rows to a tenth of them, and repeats exactly while few other
      sensors are far outside, or is far outside in half of the sensors. All that follows is without codes.
    - ``beyond_limits``, ``least``, ``most``: readings outside of `limits`, and the range.
    - ``resolution``: the step of the coarsest grid of 1, 2 or 5 times a power of ten that all readings lie on, within
      1e-6 of a step or four units of their last place (in single precision where all are of it).
    - ``shifts`` and ``largest_shift``: lasting shifts of the level, and the time or row of the largest. The means of 1
      to 8 blocks of rows on both sides of each boundary are compared [1]_; a shift is 5 robust standard deviations of
      all such differences, so that a slow sensor is not accused.
    - ``wandering``: there is no level that readings come back to. Neither of two tests rejects a unit root on the
      medians of 128 blocks of rows: Dickey and Fuller's coefficient [2]_ at 10 %, Breitung's variance ratio [3]_ at
      5 %. The first also says how many times its own memory a history holds, and asks for about 11: of healthy sensors
      with an autocorrelation of 0.99 from row to row some 2 % are accused after 2,000 rows, and none of 0.98.
    - ``standstill``: share of the rows in which it repeats exactly while the machine stands still: at least half of the
      sensors that move, and three, repeat exactly, or over five rows more than two and a quarter of them do, which is
      clearly more than usual.

    Shifts and wandering are asked of continuous sensors, without standstill and stuck stretches, from 128 rows on.

    .. [1] Eichinger & Kirch, A MOSUM procedure for the estimation of multiple random change points, Bernoulli 24, 2018,
       doi:10.3150/16-BEJ887.
    .. [2] Dickey & Fuller, Distribution of the estimators for autoregressive time series with a unit root, Journal of
       the American Statistical Association 74, 1979, doi:10.2307/2286348.
    .. [3] Breitung, Nonparametric tests for unit roots and cointegration, Journal of Econometrics 108, 2002,
       doi:10.1016/S0304-4076(01)00139-7.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(3)
    >>> x = random.standard_normal((600, 3)).round(2)
    >>> x[200:203, 0] = np.nan
    >>> x[[50, 99, 400], 1] = -9999.0
    >>> x[300:380, 2] = x[300, 2]
    >>> report = acm_rs.quality(x, limits={0: (None, 2.5)})
    >>> for sentence in report.findings:
    ...     print(sentence)
    x1 reads -9999 in 3 rows, far outside everything else: an error code?
    x0 is beyond its limits (- to 2.5) in 4 rows: it reads -2.85 to 3.32.
    x2 is stuck in 13 % of the rows, 79 rows at a time at most, while others move.
    >>> report.sensors["resolution"]
    array([0.01, 0.01, 0.01])
    """
    sheet = None if isinstance(x, np.ndarray) else Sheet(x, "x", times)
    names, values = _named(x, sheet)
    rows = len(values) if isinstance(values, np.ndarray) else len(values[0])
    clock = _clock(times, sheet, rows)
    low, high = _limits(limits, names, sheet is None)
    given = _codes(codes)
    listed_codes = None if given is None else [given] * len(names)
    found, still, repeated = _native.assess(values, low, high, listed_codes, None)
    facts = _facts(found, names, rows, clock, (low, high), given is not None)
    earlier = None if reference is None else _earlier(reference, times, codes)
    if earlier is not None:
        compare(facts, earlier)
    about = _about(rows, len(names), clock, still, repeated)
    sentences = findings(facts, about)
    if sheet is not None and clock is None:
        columns = values if not isinstance(values, np.ndarray) else values.T if values.ndim == 2 else [values]
        # One that falls is that of rows turned round, and holds no times.
        index = [one for one in index_clock(x) if not one.endswith(FALLS)]
        sentences += without_dates([*named_clocks(names, columns), *index])
    if earlier is not None:
        sentences += other_sensors(facts, earlier)
    return Quality(facts, about, sorted(sentences, key=lambda one: -one.weight), sheet, earlier is not None)


def clean(x: X, report: Quality) -> tuple[X, dict[str, dict[str, int]]]:
    """A copy without error codes and stuck stretches, and what was taken out.

    Parameters
    ----------
    x : array of float64 or float32, or frame, shape (n, d) or (n,)
        The history of the report, or other rows of the same sensors, matched by name (of an array by place). Never
        changed.
    report : Quality
        What `quality` found: the codes of each sensor, and how long it may stand.

    Returns
    -------
    cleaned : array or frame
        The same kind and shape; a code, and the repeats of a stuck reading, are missing.
    changed : dict of str to dict
        For each sensor that was changed, how many ``codes`` and how many ``frozen`` readings were taken out.

    Raises
    ------
    TypeError
        ``x`` is neither a float array nor a frame of numbers, or ``report`` is not what `quality` gives.
    ValueError
        A sensor that the report does not know, or another number of columns.

    Notes
    -----
    The rules are those of the report alone: new rows make no new codes. NaN and infinity stay as they are. Whether the
    machine stands still is told from all sensors of ``x`` together: clean a plant's sensors at once, or its standstill
    looks stuck.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> x = np.random.default_rng(1).standard_normal(400)
    >>> x[[7, 90, 200]] = -999.0
    >>> cleaned, changed = acm_rs.clean(x, acm_rs.quality(x))
    >>> np.flatnonzero(np.isnan(cleaned)), changed
    (array([  7,  90, 200]), {'x0': {'codes': 3, 'frozen': 0}})
    """
    if not isinstance(report, Quality):
        raise TypeError(f"`report` must be what acm_rs.quality gives, got {type_name(report)}")
    sheet = None if isinstance(x, np.ndarray) else Sheet(x, "x")
    names, values = _named(x, sheet)
    known = report._facts
    if sheet is None and len(names) == len(known):
        names = list(known)
    strange = [name for name in names if name not in known]
    if strange:
        raise ValueError(f"`x` must have sensors of the report, got {listed(strange)}; it knows {listed(list(known))}")
    codes = [[code["value"] for code in known[name]["codes"]] for name in names]
    patience = np.array([known[name]["patience"] for name in names], dtype=np.int64)
    bound = np.full(len(names), np.inf)
    found, _, _ = _native.assess(values, -bound, bound, codes, patience)
    first = values if isinstance(values, np.ndarray) else values[0]
    matrix: NDArray[Any] = np.array(values) if isinstance(values, np.ndarray) else np.array(values, dtype=first.dtype).T
    cells = matrix.reshape(len(matrix), len(names))
    changed: dict[str, dict[str, int]] = {}
    for place, name in enumerate(names):
        column = cells[:, place]
        for value, _, _ in found["codes"][place]:
            column[column == value] = np.nan
        for start, end in found["frozen"][place]:
            part = column[start:end]
            part[np.isfinite(part)] = np.nan
        counts = {
            "codes": sum(count for _, count, _ in found["codes"][place]),
            "frozen": int(found["frozen_readings"][place]),
        }
        if any(counts.values()):
            changed[name] = counts
    cleaned: Any = matrix if sheet is None else sheet.like(matrix)
    return cleaned, changed


def _named(x: Any, sheet: Sheet | None) -> tuple[list[str], Any]:
    """The sensors' names and values as the engine reads them."""
    if sheet is not None:
        return list(sheet.names or ("x",)), sheet.values
    if x.ndim not in (1, 2):
        raise ValueError(f"`x` must have 1 or 2 dimensions, got {x.ndim}")
    return [f"x{place}" for place in range(1 if x.ndim == 1 else x.shape[1])], x


def _clock(times: Any, sheet: Sheet | None, rows: int) -> Clock | None:
    if sheet is None:
        return None if times is None else Clock(stamps(times), rows, False)
    found = sheet.times(times) if times is not None else sheet.times(None, "1s")
    return None if found is None else Clock(found, rows, sheet.zoned(times))


def _earlier(reference: Any, times: Any, codes: Any) -> Mapping[str, Mapping[str, Any]]:
    """The facts of the reference's sensors."""
    if isinstance(reference, Quality):
        return reference._facts
    if isinstance(reference, Mapping):
        return facts_of(reference)
    own = times if isinstance(times, str) else None
    try:
        return quality(reference, own, codes=codes)._facts
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("`x`", "`reference`")) from error
    except MemoryError:
        raise MemoryError("not enough memory for what is known of `reference`") from None


def _limits(limits: Any, names: Sequence[str], by_number: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    if limits is None:
        return low, high
    if not isinstance(limits, Mapping):
        raise TypeError(f"`limits` must be a mapping of sensors to (least, greatest), got {type_name(limits)}")
    places: dict[Any, int] = {name: place for place, name in enumerate(names)}
    if by_number:
        places |= {place: place for place in range(len(names))}
    for name, pair in limits.items():
        place = places.get(name, places.get(str(name)))
        if place is None:
            raise ValueError(f"`limits` must name sensors of `x`, got {reprlib.repr(name)}; it has {listed(names)}")
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise TypeError(f"`limits` must have (least, greatest) for {name!r}, got {reprlib.repr(pair)}")
        for side, value, into in (("least", pair[0], low), ("greatest", pair[1], high)):
            if value is None:
                continue
            if isinstance(value, bool | str) or not isinstance(value, int | float | np.number) or np.isnan(value):
                raise TypeError(f"`limits` must have a number or None for the {side} of {name!r}, got {value!r}")
            into[place] = value
        if low[place] > high[place]:
            raise ValueError(f"`limits` must have the least first for {name!r}, got {reprlib.repr(pair)}")
    return low, high


def _codes(codes: Any) -> list[float] | None:
    """The codes that are given; None where they are to be found."""
    if codes is None:
        return []
    if isinstance(codes, str):
        if codes != "auto":
            raise ValueError(f'`codes` must be "auto", numbers or None, got {reprlib.repr(codes)}')
        return None
    several = codes.ndim > 0 if isinstance(codes, np.ndarray) else isinstance(codes, Sequence)
    try:
        count = len(codes) if several else 1
    except OverflowError:
        count = sys.maxsize
    if count > MOST_CODES:
        raise ValueError(f"`codes` must be at most {MOST_CODES} numbers, got {count}")
    given = list(islice(codes, MOST_CODES)) if several else [codes[()] if isinstance(codes, np.ndarray) else codes]
    return list(dict.fromkeys(_code(code) for code in given))


def _code(code: Any) -> float:
    # NumPy counts its durations among the integers.
    odd = isinstance(code, bool | np.timedelta64)
    if odd or not isinstance(code, int | float | np.integer | np.floating):
        raise TypeError(f'`codes` must be "auto", numbers or None, got {reprlib.repr(code)}')
    try:
        value = float(code)
    except OverflowError:
        raise ValueError("`codes` must be finite numbers, got one beyond the largest float64") from None
    if not np.isfinite(value):
        raise ValueError(f"`codes` must be finite numbers, got {value}")
    return value


def _facts(
    found: Mapping[str, Any],
    names: Sequence[str],
    rows: int,
    clock: Clock | None,
    limits: tuple[NDArray[np.float64], NDArray[np.float64]],
    codes_given: bool,
) -> Facts:
    """What the engine found, by sensor, in Python's own types."""
    facts: Facts = {}
    for place, name in enumerate(names):
        one = {key: values[place] for key, values in found.items()}
        start, length = int(one["gap_start"]), int(one["gap_rows"])
        frozen = max(one["frozen"], key=lambda stretch: stretch[1] - stretch[0], default=None)
        facts[name] = {
            "kind": KINDS[one["kind"]],
            "missing": (rows - int(one["known"])) / max(rows, 1),
            "longest_gap": length,
            "longest_gap_time": _span(clock, start, length, rows),
            "frozen": int(one["frozen_readings"]) / max(rows, 1),
            "longest_frozen": 0 if frozen is None else frozen[1] - frozen[0],
            "longest_frozen_at": None if frozen is None or clock is None else clock.at(frozen[0]),
            "codes": [{"value": value, "count": count} for value, count, _ in one["codes"]],
            "codes_given": codes_given,
            "beyond_limits": int(one["below"]) + int(one["above"]),
            "limits": [_known(limits[0][place]), _known(limits[1][place])],
            "least": _known(one["least"]),
            "most": _known(one["most"]),
            "centre": _known(one["centre"]),
            "width": _known(one["width"]),
            "distinct": int(one["distinct"]),
            "resolution": _known(one["resolution"]),
            "patience": int(one["patience"]),
            "shifts": len(one["shifts"]),
            "largest_shift": _largest(one["shifts"], clock),
            "wandering": bool(one["wandering"]),
            "standstill": int(one["still"]) / max(rows, 1),
        }
    return facts


def _known(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _span(clock: Clock | None, start: int, length: int, rows: int) -> float | None:
    """Seconds of a gap, from the reading before it to the one after it, or its own first or last row."""
    if clock is None or not length:
        return None
    return clock.seconds(max(start - 1, 0), min(start + length, rows - 1))


def _largest(shifts: Sequence[tuple[int, float, float]], clock: Clock | None) -> dict[str, Any] | None:
    if not shifts:
        return None
    row, before, after = max(shifts, key=lambda shift: abs(shift[2] - shift[1]))
    return {"row": row, "time": None if clock is None else clock.at(row), "before": before, "after": after}


def _about(rows: int, sensors: int, clock: Clock | None, still: NDArray[np.bool_], repeated: int) -> dict[str, Any]:
    rests = stretches(still)
    longest = max(rests, key=lambda rest: rest[1] - rest[0], default=None)
    about: dict[str, Any] = {
        "rows": rows,
        "sensors": sensors,
        "standstill": float(np.count_nonzero(still)) / max(rows, 1),
        "longest_standstill": 0 if longest is None else int(longest[1] - longest[0]),
        "longest_standstill_at": None if longest is None or clock is None else clock.at(int(longest[0])),
        "repeated": repeated,
    }
    return about if clock is None else about | clock.facts()
