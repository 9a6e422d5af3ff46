"""Episodes: stretches of time in which a score is high."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.decisions.calibration import Threshold
from acm_rs.frames import Duration, Line, Sheet, Times
from acm_rs.model import Engined, Saved
from acm_rs.stamps import stamps


def _read(score: Any, times: Any, *durations: Any) -> tuple[Any, Any]:
    """The scores and their times as the engine reads them; a series' own times where there is a duration."""
    if isinstance(score, np.ndarray):
        return score, stamps(times)
    sheet = Sheet(score, "score", times)
    return sheet.values, sheet.times(times, next((length for length in durations if length is not None), None))


class Episodes(Engined):
    """Episodes, one place in each array for each of them. Made by `episodes` and `EpisodeTracker`.

    Parameters
    ----------
    start, end : sequence of int, length k
        The first row, and the row after the last one that is known to be of it.
    peak : sequence of float, length k
        The highest score.
    area : sequence of float, length k
        Sum of score - off over the known rows of the episode's runs, at most the greatest number.
    peak_row : sequence of int, length k
        The first row with the highest score.

    Notes
    -----
    Unpacks to ``start, end, peak, area``.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> found = acm_rs.episodes(np.array([0.0, 5.0, 6.0, 0.0]), on=4.0, off=2.0)
    >>> start, end, peak, area = found
    >>> start, end, found.peak_row
    (array([1]), array([3]), array([2]))
    """

    _Engine = _native.Episodes
    __slots__ = ()

    def __init__(
        self,
        start: Sequence[int],
        end: Sequence[int],
        peak: Sequence[float],
        area: Sequence[float],
        peak_row: Sequence[int],
    ) -> None:
        self._engine = self._Engine(start, end, peak, area, peak_row)

    @property
    def start(self) -> NDArray[np.int64]:
        """The first row of each, (k,)."""
        return self._engine.start

    @property
    def end(self) -> NDArray[np.int64]:
        """The row after the last one that is known to be of it, (k,)."""
        return self._engine.end

    @property
    def peak(self) -> NDArray[np.float64]:
        """The highest score of each, (k,)."""
        return self._engine.peak

    @property
    def area(self) -> NDArray[np.float64]:
        """Sum of score - off over the known rows of the episode's runs, at most the greatest number, (k,)."""
        return self._engine.area

    @property
    def peak_row(self) -> NDArray[np.int64]:
        """The first row with the highest score, (k,)."""
        return self._engine.peak_row

    def __iter__(self) -> Iterator[Any]:
        return iter(self._engine)

    def __reduce__(self) -> tuple[Any, Any]:
        return type(self), self._engine.__reduce__()[1]


class EpisodeTracker(Saved):
    """Episodes of a score as it comes: `episodes` with a memory.

    Parameters
    ----------
    on : float
        An episode starts at a score above this.
    off : float, optional
        It ends before a score that is not above this; at most ``on``, which is the default.
    min_rows : int, default 1
        Episodes of fewer known rows are dropped.
    gap_rows : int, default 0
        Gaps of at most so many rows are bridged.
    min_time : str, numpy.timedelta64 or datetime.timedelta, optional
        Episodes that do not last as long are dropped.
    gap_time : str, numpy.timedelta64 or datetime.timedelta, optional
        Gaps of at most so much time are bridged, too. With either duration ``update`` needs ``times``.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be.

    Notes
    -----
    ``update`` gives each episode once, when nothing can prolong it any more. With ``open_`` after the last scores they
    are the episodes of the whole history, for any cut of it into updates. Two levels keep a noisy score from starting
    episode after episode, as in Schmitt's trigger [1]_.

    .. [1] Schmitt, A thermionic trigger, Journal of Scientific Instruments 15, 1938, doi 10.1088/0950-7671/15/1/305.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> tracker = acm_rs.EpisodeTracker(on=4.0, off=2.0)
    >>> tracker.update(np.array([0.0, 5.0])).start
    array([], dtype=int64)
    >>> tracker.running_, tracker.open_.start
    (True, array([1]))
    >>> tracker.update(np.array([3.0, 1.0])).end
    array([3])
    """

    _Engine = _native.EpisodeTracker
    __slots__ = ()

    def __init__(
        self,
        on: float | Threshold,
        off: float | Threshold | None = None,
        min_rows: int = 1,
        gap_rows: int = 0,
        min_time: Duration | None = None,
        gap_time: Duration | None = None,
    ) -> None:
        self._engine = self._Engine(on, off, min_rows, gap_rows, min_time, gap_time)

    @property
    def on(self) -> float:
        """An episode starts at a score above this."""
        return self._engine.on

    @property
    def off(self) -> float:
        """It ends before a score that is not above this."""
        return self._engine.off

    @property
    def min_rows(self) -> int:
        """Episodes of fewer known rows are dropped."""
        return self._engine.min_rows

    @property
    def gap_rows(self) -> int:
        """Gaps of at most so many rows are bridged."""
        return self._engine.gap_rows

    @property
    def min_time(self) -> str | None:
        """Episodes that do not last as long are dropped."""
        return self._engine.min_time

    @property
    def gap_time(self) -> str | None:
        """Gaps of at most so much time are bridged, too."""
        return self._engine.gap_time

    @property
    def rows_(self) -> int:
        """Scores seen: rows of episodes count from the first of them."""
        return self._engine.rows_

    @property
    def running_(self) -> bool:
        """Whether the score is high now."""
        return self._engine.running_

    @property
    def open_(self) -> Episodes:
        """The episode that more scores may yet prolong, as it is now; none or one."""
        return Episodes._around(self._engine.open_)

    def update(self, score: Line, times: Times | None = None) -> Episodes:
        """The episodes that came to their end with the next scores.

        Parameters
        ----------
        score : array of float64 or float32, or series, shape (n,)
            The next scores, any number.
        times : array of datetime64 or int64 or series, shape (n,), or str, optional
            When they were, as for `episodes`; not before those of the updates before.

        Returns
        -------
        Episodes
            Those that nothing can prolong any more.

        Raises
        ------
        TypeError
            ``score`` is neither a float array nor a series of numbers, or ``times`` are no times.
        ValueError
            ``score`` has more than one column, or ``times`` are missing though there are durations, of another number,
            or go back. The tracker is then as it was.
        """
        values, when = _read(score, times, self.min_time, self.gap_time)
        return Episodes._around(self._engine.update(values, when))


def episodes(
    score: Line,
    on: float | Threshold,
    off: float | Threshold | None = None,
    min_rows: int = 1,
    gap_rows: int = 0,
    times: Times | None = None,
    min_time: Duration | None = None,
    gap_time: Duration | None = None,
) -> Episodes:
    """Episodes: stretches of time in which a score is high.

    Parameters
    ----------
    score : array of float64 or float32, or series, shape (n,)
        One score for each row, oldest first; higher = more abnormal. Arrays of any memory layout are read where they
        lie, frames column by column; nothing is changed.
    on : float
        An episode starts at a score above this.
    off : float, optional
        It ends before a score that is not above this; at most ``on``, which is the default. The distance between them
        keeps a noisy score from starting episode after episode.
    min_rows : int, default 1
        Episodes of fewer known rows, bridged gaps included, are dropped.
    gap_rows : int, default 0
        Two runs with at most so many rows between them are one episode. Gaps are bridged first, then short episodes
        dropped.
    times : array of datetime64 or int64 or series, shape (n,), or str, optional
        When the rows were: int64 are nanoseconds. They may repeat but not go back. Needed with durations; a series with
        an index of dates has them by itself, and ``"index"`` names it.
    min_time : str, numpy.timedelta64 or datetime.timedelta, optional
        Episodes that do not last as long, from their first row to their last one, are dropped: "10min", "2h", ...
    gap_time : str, numpy.timedelta64 or datetime.timedelta, optional
        Two runs are one episode also where at most so much time lies between the last row of the one and the first row
        of the other.

    Returns
    -------
    Episodes
        ``start`` (first row), ``end`` (row after the last one that is known to be of it), ``peak`` (highest score),
        ``area`` (sum of score - off over the known rows of its runs), ``peak_row``; unpacks to the first four. An
        episode that lasts to the end of the scores ends there.

    Raises
    ------
    TypeError
        ``score`` is neither a float array nor a series of numbers, ``times`` are no times, or a parameter is of another
        type.
    ValueError
        A parameter is outside what it may be, ``off`` is above ``on``, ``score`` has more than one column, or ``times``
        are missing though there are durations, of another number, or go back.

    Notes
    -----
    NaN is missing. It neither starts nor ends an episode, and does not count towards ``min_rows``, nor does the time
    since the row before it towards ``min_time``. A gap is as long with missing rows in it as without. Infinity is a
    score like any other, above every level. Two levels act as in Schmitt's trigger [1]_.

    .. [1] Schmitt, A thermionic trigger, Journal of Scientific Instruments 15, 1938, doi 10.1088/0950-7671/15/1/305.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> score = np.array([0.0, 5.0, 3.0, 1.0, 4.5, 0.0, 0.0, 9.0])
    >>> start, end, peak, area = acm_rs.episodes(score, on=4.0, off=2.0, min_rows=2, gap_rows=1)
    >>> start, end, peak, area
    (array([1]), array([5]), array([5.]), array([6.5]))

    Rows at irregular times; what lasts for less than ten minutes is no alarm, short gaps are bridged:

    >>> minutes = np.array([0, 2, 4, 15, 16, 20, 40, 41])
    >>> times = np.datetime64("2026-01-01") + minutes.astype("timedelta64[m]")
    >>> acm_rs.episodes(score, 4.0, 2.0, times=times, min_time="10min", gap_time="15min").start
    array([1])
    >>> acm_rs.episodes(score, 4.0, 2.0, times=times, min_time="10min", gap_time="5min").start
    array([], dtype=int64)
    """
    values, when = _read(score, times, min_time, gap_time)
    return Episodes._around(_native.episodes(values, on, off, min_rows, gap_rows, when, min_time, gap_time))
