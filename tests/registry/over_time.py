"""What weighs readings by the time they stood, or lies between them in time: every row has a time of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from exact import NAN, Pair, as_exact, round_ratio
from families import family
from windows import SECOND, clock

from registry.inputs import Inputs, irregular_times
from registry.measure import CASES, FEW_CASES, Array, Worst, case_name, largest
from registry.references import Floats, clean
from registry.row import Accuracy, Probe, flat, frozen, public
from registry.timed import DURATION, PANDAS, RECORD, Call, Case, Peer
from registry.values import COLUMNS, Arguments, history, labels, seconds
from registry.whole import Matrix, Whole, same

Times = Any


@dataclass(frozen=True, eq=False)
class OverTime(Matrix):
    """A function that also takes the times of the rows."""

    def alone(self, x: Array, **keywords: Any) -> Any:
        rows = len(x) if getattr(x, "ndim", 0) else 0
        # What no memory holds need not have times.
        rows = rows if rows < 2**24 else 0
        return public(self.name)(x, **{"times": irregular_times(rows), **self.keywords, **keywords})


@dataclass(frozen=True, eq=False)
class TimeMean(Whole):
    """The time-weighted mean, asked for the last row over more than all of the rows."""

    def look(self, probe: Probe, x: Array, **keywords: Any) -> Array:
        found = public(self.name)(x, "1h", times=seconds(len(x)), **{**probe.keywords, **keywords})
        return flat(found[-1:])


# ---- exact ----------------------------------------------------------------------------------------------------------


def time_mean(x: Array, times: Times, window: int, row: int, hold: int | None = None) -> Pair:
    """What stood at every instant of a row's window, in fractions."""
    end = int(times[row])
    start = end - window
    known = [(int(times[s]), Fraction(float(x[s]))) for s in range(row + 1) if math.isfinite(x[s])]
    total, lasting = Fraction(0), 0
    for place, (begin, value) in enumerate(known):
        until = min(known[place + 1][0] if place + 1 < len(known) else end, math.inf if hold is None else begin + hold)
        stood = int(min(until, end)) - max(begin, start)
        if stood > 0:
            total, lasting = total + value * stood, lasting + stood
    if lasting:
        return round_ratio(*(total / lasting).as_integer_ratio())
    return round_ratio(*known[-1][1].as_integer_ratio()) if known and known[-1][0] == end else NAN


def by_time(x: Array, times: Times) -> list[Pair]:
    """The line between the values around a gap, by the times of the rows."""
    known = np.flatnonzero(np.isfinite(x)).tolist()
    out: list[Pair] = [NAN] * x.size
    for left, right in pairwise([*known, x.size]):
        a = Fraction(float(x[left]))
        b = Fraction(float(x[right])) if right < x.size else a
        apart = int(times[right]) - int(times[left]) if right < x.size else 0
        for row in range(left, right):
            part = Fraction(int(times[row]) - int(times[left]), apart) if apart else Fraction(0)
            out[row] = round_ratio(*(a + (b - a) * part).as_integer_ratio())
    return out


def _measure(few: bool) -> Worst:
    found = []
    for name, missing in FEW_CASES if few else CASES:
        x, times = family(name, missing)[:2200], clock("irregular", 2200)
        rows = [0, 1, 30, *range(90, 2200, 97)]
        for window, hold in ((5400 * SECOND, None), (40 * 3600 * SECOND, 1800 * SECOND)):
            how = {} if hold is None else {"hold": np.timedelta64(hold, "ns")}
            got = public("rolling_time_mean")(x, np.timedelta64(window, "ns"), times=times, **how)[rows]
            want = as_exact([[time_mean(x, times, window, row, hold)] for row in rows], 1)
            found.append((float(want.scaled_error(got).max()), f"{case_name(name, missing)}, {window // SECOND} s"))
    return largest(found)


def measure_by_time(few: bool) -> Worst:
    """How far filling by time is from the line."""
    found = []
    for name, missing in FEW_CASES if few else CASES:
        x, times = family(name, missing)[:2200], clock("irregular", 2200)
        want = as_exact([[pair] for pair in by_time(x, times)], 1)
        got = public("impute")(x, "time", times=times)
        found.append((float(want.scaled_error(got).max()), f"{case_name(name, missing)}, by time"))
    return largest(found)


# ---- references and peers -------------------------------------------------------------------------------------------


def _reference(x: Floats, window: str, hold: str | None = None) -> Floats:
    """Interval by interval, with sums of NumPy."""
    times = irregular_times(len(x))
    length, longest = (pd.Timedelta(d).value if d else 2**62 for d in (window, hold))
    out = np.full(x.shape, np.nan)
    for j in range(x.shape[1]):
        known = np.flatnonzero(np.isfinite(x[:, j]))
        for row in range(len(x)):
            own = known[known <= row]
            if own.size == 0:
                continue
            until = np.minimum(np.append(times[own[1:]], times[row]), times[own] + longest)
            stood = np.maximum(until - np.maximum(times[own], times[row] - length), 0)
            if stood.any():
                out[row, j] = math.fsum((x[own, j] * stood).tolist()) / stood.sum()
            elif own[-1] == row:
                out[row, j] = x[row, j]
    return out


def filled_by_time(x: Floats, method: str) -> Floats:
    """The numbers of pandas."""
    index = pd.DatetimeIndex(irregular_times(len(x)).view("datetime64[ns]"))
    return clean(x).set_axis(index).interpolate(method).to_numpy()


def _with_pandas(inputs: Inputs, window: int) -> Call:
    """Integrals up to every row, and their difference over the window: exact but for rounding without gaps."""
    times, length = inputs.times, pd.Timedelta(DURATION).value
    frame = inputs.pandas

    def run() -> Any:
        elapsed = (times - times[0]) / SECOND
        passed = np.diff(elapsed, prepend=0.0)
        whole = frame.shift(fill_value=0.0).mul(passed, axis=0).cumsum().to_numpy()
        start = np.maximum(elapsed - length / SECOND, 0.0)
        before = np.searchsorted(elapsed, start, side="right") - 1
        part = whole[before] + frame.to_numpy()[before] * (start - elapsed[before])[:, None]
        found = (whole - part) / np.maximum(elapsed - start, 1e-300)[:, None]
        found[0] = frame.iloc[0]
        return found

    return Call(run, lambda result: [result])


# ---- rows -----------------------------------------------------------------------------------------------------------


def _called(rows: int) -> Arguments:
    how: Arguments = {"min_periods": 2, "hold": "5s", "step": 1, "times": seconds(rows), "first_row": 0}
    return {"x": history(rows), "window": "20s", **how, "out": np.empty((rows, COLUMNS))}


def _by_group(rows: int) -> Arguments:
    return {"x": history(rows), "window": "20s", "times": seconds(rows), "by": labels(rows)}


ROWS = (
    TimeMean(
        "rolling_time_mean",
        (
            OverTime(_reference, same, frozen(window="5h"), columns=-1, takes_out=True),
            OverTime(_reference, same, frozen(window="3h", hold="40min"), "that hold", columns=-1, takes_out=True),
        ),
        {"": _called, "by group": _by_group},
        (Probe(),),
        (Accuracy(_measure, 1e-12),),
        benchmarks=(
            Case(
                "time_weighted",
                "time-weighted mean, irregular times",
                ("rolling_time_mean",),
                {16: (RECORD,)},
                1e-9,
                (Peer(*PANDAS, _with_pandas),),
                call=lambda module, x, window, **more: (module.rolling_time_mean(x, DURATION, **more),),
                label=DURATION,
                keywords=lambda rows: {"times": irregular_times(rows)},
            ),
        ),
    ),
)
