"""How the times of a table follow each other: the step, and where rows are lacking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from acm_rs.files.errors import counted
from acm_rs.report.words import span_text

__all__ = ["Rhythm", "moment_text", "rhythm", "rhythm_rows"]

_UNITS_PER_SECOND = {"ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True)
class Rhythm:
    """How the times of a table follow each other, in seconds (or in the clock's own units).

    Parameters
    ----------
    step : float
        The median step.
    other : int
        Steps of another length.
    gaps : int
        Steps more than half as long again.
    before_first : int
        The row that the first of them follows; -1 where there is none.
    longest : float
        The longest of them.
    before_longest : int
        The row it follows.
    lost : int
        Rows that would have stood in the gaps.
    """

    step: float
    other: int
    gaps: int
    before_first: int
    longest: float
    before_longest: int
    lost: int


def rhythm(times: pl.Series) -> Rhythm | None:
    """Measure the steps of a sorted clock; None with fewer than two rows."""
    if times.len() < 2:
        return None
    steps = np.diff(times.to_physical().to_numpy()) / _units(times)
    step = float(np.median(steps))
    gap = steps > 1.5 * step
    first = int(np.argmax(gap)) if gap.any() else -1
    place = int(np.argmax(steps))
    lost = int(np.sum(np.rint(steps[gap] / step) - 1))
    return Rhythm(step, int(np.sum(steps != step)), int(gap.sum()), first, float(steps[place]), place, lost)


def _units(times: pl.Series) -> float:
    if times.dtype == pl.Date:
        return 1 / 86_400
    return _UNITS_PER_SECOND[times.dtype.time_unit] if isinstance(times.dtype, pl.Datetime) else 1.0


def rhythm_rows(times: pl.Series) -> list[tuple[str, str]]:
    """The step and the gaps of a sorted clock, for a person."""
    beat = rhythm(times)
    if beat is None:
        return []
    rows = []
    calendar = times.dtype.is_temporal()
    span = span_text if calendar else "{:g}".format
    count = times.len() - 1
    if not beat.other:
        rows.append(("step", f"{span(beat.step)}, every step"))
    elif beat.other * 20 < count:
        rows.append(("step", f"{span(beat.step)}, all but {beat.other:,} of {count:,} steps"))
    else:
        rows.append(("step", f"{span(beat.step)} in the middle; {beat.other:,} of {count:,} steps differ"))
    if beat.gaps:
        where = moment_text(times[beat.before_longest])
        longest = f"the longest {span(beat.longest)} after {where}"
        if beat.gaps > 1 and beat.before_first != beat.before_longest:
            longest = f"the first after {moment_text(times[beat.before_first])}, {longest}"
        rows.append(("gaps", f"{beat.gaps:,}, {longest}; about {counted(beat.lost, 'row')} not there, none made up"))
    else:
        rows.append(("gaps", "none"))
    return rows


def moment_text(value: object) -> str:
    """A time as people write it, without seconds where they are none."""
    text = str(value).removesuffix("+00:00")
    return text[:-3] if len(text) == 19 and text.endswith(":00") else text
