"""A still picture of a Result, drawn with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.report.pictures import ALARM, EXPECTED, LIMIT, READING, WIDTH, axis_of
from acm_rs.report.thinning import Buckets
from acm_rs.report.words import chief

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from acm_rs.monitor import Result

__all__ = ["figure"]

BUCKETS = 2000
"""Points across the picture."""
TRACES = 3
"""Sensors below the score at most."""


def figure(result: Result, sensors: int = TRACES) -> Figure:
    """The score with its limit and episodes, and below it the first culprits beside what they should read.

    Parameters
    ----------
    result : Result
        What was found; it has rows.
    sensors : int, default 3
        Culprits drawn at most.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown yet, and not known to pyplot.

    Raises
    ------
    ModuleNotFoundError
        Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        raise ModuleNotFoundError(
            'plot() needs matplotlib, which is not installed: pip install "acm-rs[plot]"', name="matplotlib"
        ) from None

    names = _culprits(result)[:sensors]
    drawn = Figure(figsize=(9.0, 2.4 + 1.7 * len(names)), layout="constrained")
    axes: Any = drawn.subplots(1 + len(names), 1, sharex=True, squeeze=False, height_ratios=[1.4, *[1.0] * len(names)])
    top, *others = axes[:, 0]
    if not len(result.scores):
        top.text(0.5, 0.5, "no rows", ha="center", va="center", transform=top.transAxes)
        return drawn
    buckets = Buckets(axis_of(result), BUCKETS)
    scores = np.where(np.isfinite(result.scores), result.scores, np.nan)
    at, line = buckets.line(scores)
    top.plot(_places(result, at), line, color=READING, lw=0.9, label="score")
    top.plot(_places(result, buckets.middles), buckets.most(result.limits), color=LIMIT, ls="--", lw=1.2, label="limit")
    top.set_ylabel("score")
    top.legend(loc="lower right", bbox_to_anchor=(1.0, 0.97), frameon=False, ncols=2, fontsize=9)
    for axis, name in zip(others, names, strict=True):
        place = result.names.index(name)
        at, line = buckets.line(result.values[:, place])
        expected = buckets.means(result.expected_values[:, place])
        when = _places(result, buckets.middles)
        half = WIDTH * float(result.band[place])
        axis.fill_between(when, expected - half, expected + half, color="#b08c28", alpha=0.3, lw=0)
        axis.plot(when, expected, color=EXPECTED, lw=1.0, ls=":", label="should read")
        axis.plot(_places(result, at), line, color=READING, lw=0.9, label="reads")
        unit = result.units.get(name, "")
        # A dollar sign of a tag's name would begin a formula.
        axis.set_title(f"{name}, {unit}" if unit else name, loc="left", fontsize=10, parse_math=False)
        axis.legend(loc="lower right", bbox_to_anchor=(1.0, 0.97), frameon=False, ncols=2, fontsize=9)
    ends = axis_of(result) + buckets.step
    for one in result.found:
        first, last = _places(result, np.array([buckets.when[one.start], ends[one.end - 1]]))
        for axis in axes[:, 0]:
            axis.axvspan(first, last, color=ALARM, alpha=0.15, lw=0)
    for axis in axes[:, 0]:
        axis.spines[["top", "right"]].set_visible(False)
    if result.times is None:
        axes[-1, 0].set_xlabel("row")
    return drawn


def _culprits(result: Result) -> list[str]:
    """The sensors behind the alarms, those of the alarm that comes first to a person before the others."""
    first = chief(result)
    ranked = [] if first is None else [first, *(one for one in result.found if one is not first)]
    # Of each alarm its first, then of each its second, and so on.
    longest = max((len(one.culprits) for one in ranked), default=0)
    names = [one.culprits[rank].name for rank in range(longest) for one in ranked if rank < len(one.culprits)]
    return [name for name in dict.fromkeys(names) if name in result.names]


def _places(result: Result, at: NDArray[np.float64]) -> Any:
    return at if result.times is None else np.rint(at).astype(np.int64).astype("datetime64[ms]")
