"""The hour that local clocks show twice in autumn, in times that say no zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Origin
from acm_rs.files.times.result import Times
from acm_rs.files.times.sequence import Tags, as_written, by_tag

__all__ = ["in_the_night", "without_repeats"]

_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
_HOUR_S = 3600
_DAY_S = 86_400
# Clocks are changed in the night before a day of rest, twice a year.
_MONTHS = (3, 4, 5, 9, 10, 11)
_RESTING = (4, 5, 6)
_LAST_HOUR = 4
_HALF_YEAR_DAYS = 120


def without_repeats(times: Times, origin: Origin, tags: Tags | None = None) -> Times:
    """Let the hour that stands twice stand once.

    Where an otherwise rising clock goes back an hour in an autumn night, the rows from there on get an hour more than
    written, until the clock jumps forward again: so each row keeps a time of its own, and no row's time depends on
    later rows. A missing hour in spring alone is a gap like any other.

    Parameters
    ----------
    times : Times
        Dates in the order of the file; those with a zone, and plain numbers, stay as they are.
    origin : Origin
        Where the rows came from.
    tags : Tags, optional
        The tags of a long table: rows of each are a clock of their own where those of
        all together are none.

    Returns
    -------
    Times
    """
    values = times.values
    if not isinstance(values.dtype, pl.Datetime) or values.dtype.time_zone is not None:
        return times
    second = _PER_SECOND[values.dtype.time_unit]
    rows = values.is_not_null().arg_true().to_numpy().astype(np.int64)
    stamps = values.gather(rows).to_physical().to_numpy()
    parts = as_written(stamps, rows, origin)
    shift = np.zeros(values.len(), dtype=np.int64)
    told = []
    # Files that follow one another are one clock; those that overlap have a clock each.
    whole = np.concatenate(parts) if parts else rows[:0]
    together = len(parts) < 2 or bool(_hours_to_add(stamps[whole], second)[1])
    if tags is not None:
        together = bool(_hours_to_add(stamps[whole], second)[1])
        parts = [whole] if together else by_tag(stamps, rows, origin, tags, in_the_night(stamps, second), second)
    silent = []
    for part in [whole] if together else parts:
        hours, backs = _hours_to_add(stamps[part], second)
        shift[rows[part]] = hours * _HOUR_S * second
        told += [(origin.row(int(rows[part[place]])), _date(int(stamps[part[place]]), second)) for place in backs]
        silent += [] if backs else [part]
    if not told:
        return times
    if tags is not None and silent:
        # A tag that was not read in the hour that came again is as much later after it.
        _follow(shift, rows, stamps, np.concatenate(silent), second)
    moved = values.to_physical() + pl.Series(shift)
    days = ", ".join(dict.fromkeys(date for _, date in told))
    sentence = (
        f"the clock went back an hour on {days} ({told[0][0]}): times after it are an hour later than written, until"
        " it goes forward again, so that no two rows share a time; --timezone makes them exact"
    )
    return replace(times, values=moved.rename(values.name).cast(values.dtype), told=(*times.told, sentence))


def _follow(
    shift: NDArray[np.int64],
    rows: NDArray[np.int64],
    stamps: NDArray[np.int64],
    silent: NDArray[np.int64],
    second: int,
) -> None:
    """Move places that do not tell when the clock went back as those around them that do."""
    others = np.setdiff1d(np.arange(stamps.size), silent)
    others = others[np.argsort(stamps[others] + shift[rows[others]], kind="stable")]
    moved = shift[rows[others]]
    before = np.searchsorted(np.maximum.accumulate(stamps[others]), stamps[silent], side="right") - 1
    # In the hour itself the first is meant.
    first = np.searchsorted(np.maximum.accumulate(stamps[others]), stamps[silent], side="left")
    nearest = np.where(first < others.size, np.minimum(first, np.maximum(before, 0)), others.size - 1)
    shift[rows[silent]] = moved[nearest]


def _date(stamp: int, second: int) -> str:
    return str(np.datetime64(stamp // (_DAY_S * second), "D"))


def _hours_to_add(stamps: NDArray[np.int64], second: int) -> tuple[NDArray[np.int64], list[int]]:
    """Hours to add to each row, the oldest first, and the rows at which the clock had gone back."""
    none = np.zeros(stamps.size, dtype=np.int64)
    if stamps.size < 3:
        return none, []
    steps = np.diff(stamps)
    forward = steps[steps > 0]
    if not forward.size:
        return none, []
    step, hour = float(np.median(forward)), _HOUR_S * second
    if step > hour:
        return none, []
    extra = steps - step
    # Some rows of the hour may be lacking.
    went_back = (extra >= -1.25 * hour) & (extra <= -0.5 * hour) & (steps > -hour) & (steps <= 0)
    went_back &= (steps < 0) | (2 * step > hour)
    backs = np.flatnonzero(went_back)
    odd = (steps < 0) & ~went_back
    if not backs.size or odd.any() or not bool(in_the_night(stamps[backs + 1], second).all()):
        return none, []
    if bool((np.diff(stamps[backs]) < _HALF_YEAR_DAYS * _DAY_S * second).any()):
        return none, []
    jumped = np.flatnonzero((extra >= 0.5 * hour) & (extra <= 1.25 * hour) & (steps > step))
    jumped = jumped[in_the_night(stamps[jumped] + int(step), second)]
    added = none.copy()
    for place in backs:
        until = jumped[stamps[jumped] > stamps[place] + _HALF_YEAR_DAYS * _DAY_S * second]
        end = int(until[0]) + 1 if until.size else added.size
        added[place + 1 : end] += 1
    return added, [int(place) + 1 for place in backs]


def in_the_night(stamps: NDArray[np.int64], second: int) -> NDArray[np.bool_]:
    """Which times are of nights in which clocks may be changed."""
    days = stamps // (_DAY_S * second)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    hours = (stamps - days * _DAY_S * second) // (_HOUR_S * second)
    weekday = (days + 3) % 7
    return np.isin(months, _MONTHS) & np.isin(weekday, _RESTING) & (hours < _LAST_HOUR)
