"""What a Monitor has found: frames for people, and the plain arrays behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.frames import Sheet, listed
from acm_rs.monitor.episode import PARTLY, UNSEEN, Culprit, Episode
from acm_rs.monitor.words import brisk, moment, number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from acm_rs.monitor.holding import Hold
    from acm_rs.monitor.moment import Moment
    from acm_rs.monitor.reading import Readings

__all__ = ["Result", "framed", "sentence", "told"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

NAMED = 3
"""Culprits that a sentence names at most."""


class Result:
    """What a `Monitor` has found in a history.

    Frames come in the kind that was scored, with its index and times. Of an array they are structured arrays (fields by
    name) and plain matrices.

    Parameters
    ----------
    names : sequence of str, length d
        The sensors.
    values : array of float64, shape (n, d)
        Readings as they were used; NaN is missing.
    expected_values : array of float64, shape (n, d)
        What each sensor should have read; NaN where nothing is expected.
    band : array of float64, shape (d,)
        Standard deviation of each sensor's healthy residuals.
    scores, limits : array of float64, shape (n,)
        A score above its limit counts towards an alarm.
    alarms : array of bool, shape (n,)
        Rows in alarm.
    regimes : array of int, shape (n,)
        Index into ``regime_names``.
    regime_names : sequence of str
        Names of the regimes.
    confidences : array of float64, shape (n,)
        How far a row's verdict can be trusted, 0 to 1.
    shares : array of float64, shape (n, d)
        Each sensor's share of the score.
    found : sequence of Episode
        Alarms that belong together.
    times : array of datetime64, shape (n,), optional
        When the rows were.
    monitor_card : mapping of str to str, optional
        What the Monitor was trained on and how it is set.
    quality_rows : sequence of mapping or callable, optional
        One for each column: what was wrong with its readings; or what finds that when it is asked for.
    remarks : sequence of str or callable, optional
        Warnings in plain words; or what finds them when they are asked for.
    units : mapping of str to str, optional
        Units of sensors by name.
    sheet : Sheet, optional
        The frame that was scored, to go back to its kind.
    plane : callable, optional
        Finds T² and SPE of each row, each over its limit, shape (n, 2), when the report asks for them.
    utc : bool, default False
        The times had a zone: ``times`` and texts are in UTC, and texts say so.
    model : mapping, optional
        What ties every row and episode to its model: ``sha256`` of what was learnt, ``acm_rs`` (the version that learnt
        it), ``settings`` (budget, limit, drivers, kinds, physical limits) and ``changes`` since the fit, their number.

    Examples
    --------
    >>> import numpy as np
    >>> from acm_rs.monitor import Culprit, Episode, Result
    >>> hot = Culprit("bearing", 0.9, 1, 71.3, 68.9, 6.0)
    >>> result = Result(
    ...     names=["bearing"], values=np.array([[69.0], [71.3]]), expected_values=np.array([[68.9], [68.9]]),
    ...     band=np.array([0.4]), scores=np.array([0.2, 2.5]), limits=np.ones(2), alarms=np.array([False, True]),
    ...     regimes=np.zeros(2, int), regime_names=["running"], confidences=np.ones(2), shares=np.ones((2, 1)),
    ...     found=[Episode(1, 2, 1, 2.5, 1, "running", True, [hot])], units={"bearing": "°C"},
    ... )
    >>> result.score["alarm"]
    array([False,  True])
    >>> result.explain()
    ['From row 1 on, still running: bearing reads 71.3, should read 68.9 °C (90 % of the score).']
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        values: Matrix,
        expected_values: Matrix,
        band: Vector,
        scores: Vector,
        limits: Vector,
        alarms: NDArray[np.bool_],
        regimes: NDArray[np.int64],
        regime_names: Sequence[str],
        confidences: Vector,
        shares: Matrix,
        found: Sequence[Episode],
        times: NDArray[np.datetime64] | None = None,
        monitor_card: Mapping[str, str] | None = None,
        quality_rows: Sequence[Mapping[str, Any]] | Callable[[], Sequence[Mapping[str, Any]]] | None = None,
        remarks: Sequence[str] | Callable[[], Sequence[str]] | None = None,
        units: Mapping[str, str] | None = None,
        sheet: Sheet | None = None,
        plane: Callable[[], Matrix] | None = None,
        utc: bool = False,
        model: Mapping[str, Any] | None = None,
    ) -> None:
        self.names: tuple[str, ...] = tuple(names)
        self.values = values
        self.expected_values = expected_values
        self.band = band
        self.scores = scores
        self.limits = limits
        self.alarms = alarms
        self.regimes = regimes
        self.regime_names: tuple[str, ...] = tuple(regime_names)
        self.confidences = confidences
        self.shares = shares
        self.found: list[Episode] = list(found)
        self.times = times
        self.monitor_card: dict[str, str] = dict(monitor_card or {})
        self._quality = quality_rows or []
        self._remarks: Sequence[str] | Callable[[], Sequence[str]] = remarks or []
        self.units: dict[str, str] = dict(units or {})
        self._sheet = sheet
        self._plane = plane
        self.utc: bool = utc
        self.model: dict[str, Any] = dict(model or {})
        self._source: Readings | None = None
        """What was read, for feedback to the Monitor."""
        self._always: frozenset[str] = frozenset()
        """Columns that were constant in the training."""
        self._causes: NDArray[np.int64] | None = None
        """What was seen in each row, as an index into ``CAUSES``."""
        self._moving: tuple[list[str], NDArray[np.bool_]] | None = None
        """Of rows in which no sensor's reading changes, which of the drivers and states go on."""
        self._holds: Sequence[Hold] = ()
        """Readings that come again and again: what begins and ends, row by row."""
        self._zone: str | None = None
        """The zone that its times had."""
        self._fine: bool | None = None
        """Whether its rows come faster than each second."""
        self._undriven: NDArray[np.bool_] = np.zeros(len(scores), bool)
        """Rows that are not judged as a driver has no reading."""

    # ---- frames ---------------------------------------------------------------------------------------------------

    @property
    def score(self) -> Any:
        """A row for each row: score, limit, alarm, regime (its name) and confidence."""
        columns = {
            "score": self.scores,
            "limit": self.limits,
            "alarm": self.alarms,
            "regime": np.array(self.regime_names, dtype=object)[self.regimes],
            "confidence": self.confidences,
        }
        return framed(self._sheet, columns)

    @property
    def contributions(self) -> Any:
        """Each sensor's share of the score, a column a sensor."""
        return self._by_sensor(self.shares)

    @property
    def expected(self) -> Any:
        """What each sensor should have read, a column a sensor; NaN where nothing is expected."""
        return self._by_sensor(self.expected_values)

    @property
    def episodes(self) -> Any:
        """A row for each episode.

        start, end (its last row), duration, first_sign: times, or row numbers where no times are known; peak (score
        over limit), regime, culprits ("bearing +; flow -") and open (whether it still ran at the end).
        """
        first = np.array([one.start for one in self.found], dtype=np.int64)
        last = np.array([one.end - 1 for one in self.found], dtype=np.int64)
        sign = np.array([one.first_sign for one in self.found], dtype=np.int64)
        columns = {
            "start": self._when(first),
            "end": self._when(last),
            "duration": last - first + 1 if self.times is None else self.times[last] - self.times[first],
            "peak": np.array([one.peak for one in self.found], dtype=np.float64),
            "first_sign": self._when(sign),
            "regime": _texts(one.regime for one in self.found),
            "culprits": _texts(_blamed(one.culprits) for one in self.found),
            "open": np.array([one.open for one in self.found], dtype=np.bool_),
        }
        return framed(self._sheet, columns, of_rows=False)

    @property
    def remarks(self) -> list[str]:
        """What should be known beside the verdict, in plain words.

        Of a history that alarms, rows are judged again when this is first read: as if in other units, or by another
        clock. That takes some ten times as long as the verdict itself.
        """
        # Read once: another thread may ask meanwhile.
        own = self._remarks
        if not isinstance(own, list):
            found = list(own() if callable(own) else own)
            if not isinstance(self._remarks, list):
                self._remarks = found
            own = self._remarks
        return own

    @remarks.setter
    def remarks(self, given: Sequence[str]) -> None:
        self._remarks = list(given)

    @property
    def quality_rows(self) -> list[dict[str, Any]]:
        """What ``quality`` shows, as plain dicts."""
        if callable(self._quality):
            self._quality = self._quality()
        return [dict(row) for row in self._quality]

    @property
    def quality(self) -> Any:
        """A row for each column that came or should have come: what was wrong with its readings."""
        rows = self.quality_rows
        labels = list(rows[0]) if rows else ["sensor"]
        return framed(self._sheet, {label: _column([row[label] for row in rows]) for label in labels}, False)

    def _by_sensor(self, values: Matrix) -> Any:
        if self._sheet is None:
            return values
        # Columns of pandas keep labels that are no texts.
        own = {str(label): label for label in self._sheet.labels if isinstance(label, int)}
        labels: list[Any] = [own.get(name, name) for name in self.names]
        return self._sheet.table(dict(zip(labels, np.ascontiguousarray(values.T), strict=True)))

    def _when(self, rows: NDArray[np.int64]) -> Any:
        if self.times is None:
            return rows
        own = None if self._sheet is None else self._sheet.when(rows)
        return self.times[rows] if own is None else own

    # ---- words ----------------------------------------------------------------------------------------------------

    def explain(self) -> list[str]:
        """Each episode in a sentence: since when, which sensors read what, and what they should read.

        Returns
        -------
        list of str
            In the order of ``episodes``.
        """
        return [self._sentence(one) for one in self.found]

    def at(self, when: Any) -> Moment:
        """What was seen at one moment: score, limit, regime, and which sensors read what and should read what.

        Parameters
        ----------
        when : datetime64, datetime, str or int
            A time, whose nearest row is taken, or a row's number; -1 is the last row. Of a period of pandas it is its
            start. Where the frame's times have a zone, texts and datetimes without an offset are of it, a datetime64 is
            in UTC.

        Returns
        -------
        Moment
            ``print`` shows it in sentences; a fast watch sees a single row, the slow ones also those before it.

        Raises
        ------
        ValueError
            There is no such row, or it is no time.
        """
        from acm_rs.monitor.moment import moment_of

        return moment_of(self, when)

    def _sentence(self, episode: Episode) -> str:
        end = None if episode.open else self.moment(episode.end - 1)
        begin, kind = self.moment(episode.start), episode.kind
        return sentence(begin, end, kind, episode.culprits, self.units, self._always, episode.moving)

    def moment(self, row: int) -> str:
        """When a row was, for people.

        Parameters
        ----------
        row : int
            The row's number.

        Returns
        -------
        str
            Its time to the minute (to the second where it has any, to the millisecond where rows come that fast), or
            "row 7" where no times are known.
        """
        if self.times is None:
            return f"row {row}"
        if self._fine is None:
            self._fine = brisk(self.times)
        return moment(self.times[row], self._fine) + (" UTC" if self.utc else "")

    # ---- pictures -------------------------------------------------------------------------------------------------

    def report(self, path: str | PathLike[str]) -> None:
        """Write one HTML file to look at and send on; it opens without a network.

        It needs the extra ``[report]``. The file appears whole or not at all, and replaces what was there.

        Parameters
        ----------
        path : str or path-like
            Where to; by custom with the ending ``.html``.

        Raises
        ------
        ModuleNotFoundError
            Plotly is not installed.
        OSError
            The file cannot be written.
        """
        from acm_rs.report import write_report

        write_report(self, path)

    def plot(self, sensors: int = 3) -> Figure:
        """Draw the score with its limit and alarms, and the first culprits beside what they should read.

        It needs the extra ``[plot]``.

        Parameters
        ----------
        sensors : int, default 3
            Culprits drawn at most.

        Returns
        -------
        matplotlib.figure.Figure
            To save with its ``savefig``; not shown yet.

        Raises
        ------
        ModuleNotFoundError
            Matplotlib is not installed.
        """
        from acm_rs.report.figure import figure

        return figure(self, sensors)

    def __repr__(self) -> str:
        rows, sensors = self.values.shape
        many = "1 episode" if len(self.found) == 1 else f"{len(self.found)} episodes"
        alarms = int(self.alarms.sum())
        counts = [
            f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in ((rows, "row"), (sensors, "sensor"), (alarms, "row"))
        ]
        return f"Result({counts[0]}, {counts[1]}, {many}, {counts[2]} in alarm)"


def framed(sheet: Sheet | None, columns: dict[str, Any], of_rows: bool = True) -> Any:
    """Columns as the kind of the sheet; as a structured array where there is none."""
    if sheet is not None:
        return sheet.table(columns, of_rows)
    lines = {label: np.asarray(values) for label, values in columns.items()}
    length = len(next(iter(lines.values())))
    table = np.empty(length, dtype=[(label, values.dtype) for label, values in lines.items()])
    for label, values in lines.items():
        table[label] = values
    return table


def _texts(texts: Any) -> NDArray[np.object_]:
    found = list(texts)
    column = np.empty(len(found), dtype=object)
    column[:] = found
    return column


def _column(cells: list[Any]) -> NDArray[Any]:
    """Numbers or truths as such, everything else as texts."""
    return _texts(cells) if any(isinstance(cell, str) for cell in cells) else np.array(cells)


def _blamed(culprits: Sequence[Culprit]) -> str:
    return "; ".join(f"{one.name} {'+' if one.direction > 0 else '-'}" for one in culprits)


def sentence(
    begin: str,
    end: str | None,
    kind: str,
    culprits: Sequence[Culprit],
    units: Mapping[str, str],
    always: Container[str],
    moving: Sequence[str] = (),
) -> str:
    """An episode in words: since when, to when (None: still running), what was seen, and which sensors read what."""
    when = (
        f"From {begin} on, still running"
        if end is None
        else f"At {begin}"
        if begin == end
        else f"From {begin} to {end}"
    )
    if kind in UNSEEN:
        if kind == PARTLY and moving:
            kind = f"{kind}; {listed(moving)} {'goes' if len(moving) == 1 else 'go'} on"
        return f"{when}: {kind}; nothing is known of the machine then."
    named = [one for one in culprits if one.share > 0.0][:NAMED]
    if named and named[0].share < 0.15:
        named = []
    said = "; ".join(_blame(one, units, always) for one in named) or "many sensors together, none stands out"
    return f"{when}{', ' + kind if kind else ''}: {said}."


def _blame(culprit: Culprit, units: Mapping[str, str], always: Container[str]) -> str:
    unit = units.get(culprit.name)
    share = f"({100.0 * culprit.share:.0f} % of the score)"
    if not (math.isfinite(culprit.reads) and math.isfinite(culprit.expects)):
        return f"{culprit.name} {share}"
    reads, expects = told(culprit.reads, culprit.expects)
    if culprit.name in always:
        return f"{culprit.name} reads {reads}, always read {expects}{' ' + unit if unit else ''} {share}"
    return f"{culprit.name} reads {reads}, should read {expects}{' ' + unit if unit else ''} {share}"


def told(reads: float, expects: float) -> tuple[str, str]:
    """Both numbers with as many digits as tell them apart."""
    for digits in range(3, 8):
        pair = number(reads, digits), number(expects, digits)
        scale = 10.0 ** (1 - digits) * max(abs(reads), abs(expects))
        if abs(reads - expects) > scale or digits == 7:
            break
    return pair
