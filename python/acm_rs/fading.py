"""Moments of healthy rows that change slowly: the old are forgotten, and no fault is learnt."""

from __future__ import annotations

import math
import reprlib
from collections import deque
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from acm_rs import _native
from acm_rs.frames import Line, Sheet, Table, same_index, type_name, vector
from acm_rs.health import Health
from acm_rs.model import Bytes, difference
from acm_rs.period import Period
from acm_rs.running import RunningMoments

__all__ = ["FadingMoments"]

Vector = NDArray[np.float64]

GOLDEN = 11400714819323198485
"""2^64 over the golden ratio: its multiples modulo 2^64 are spread evenly, however many there are (Knuth, The Art of
Computer Programming, volume 3, section 6.4)."""
OLDEST = 8
"""Halflives after which nothing is left."""
MOST_IN_ALARM = 0.5
"""A period with a larger share of rows in alarm is refused."""


class FadingMoments:
    """Moments of healthy rows of which a halflife leaves half, with a limit on how fast they may drift.

    Parameters
    ----------
    first : RunningMoments
        A first pass (`RunningMoments.of_sample`), of which centres, scales, reach and names are taken. No row of it is
        counted.
    halflife : float
        Periods that are learnt until half of a period's share is forgotten, from 1 to 10,000.
    drift : float or None, default 0.5
        How far health may move in a halflife of learnt periods, in healthy standard deviations of each sensor about
        what the others let expect, and by which share that deviation may grow. None: as far as it will, and faults are
        learnt.

    Raises
    ------
    TypeError
        A parameter is of another type.
    ValueError
        A parameter is outside what it may be, or ``first`` has counted rows.

    See Also
    --------
    RunningMoments : moments that forget nothing.
    MahalanobisDetector.fit_moments : a model of them.

    Notes
    -----
    Rows are counted into an open period, such as a day. `close` ends it. A healthy machine that ages or follows the
    seasons moves slowly, and its model follows; a fault must not be learnt. So rows in alarm by the present model are
    not counted (``alarm``), a period that has more than half of its rows in alarm is refused, and so is one that would
    take health further than ``drift`` from where it stood a halflife before. What is refused is told by sensor. Health
    stays as it is then: the old is forgotten only as new comes.

    A fault that stays is learnt up to ``drift`` and no further, until somebody closes a period as trusted: a refusal is
    an alarm and wants an answer. One that grows by less than ``drift`` in a halflife is taken for ageing; a model of
    the first months beside it shows how far health has come.

    Forgetting keeps whole periods or drops them: of those that lie a periods back, a share of ``2**(-a / halflife)`` is
    left, spread evenly. Sums stay exact whole numbers, as weights would not let them, and every number of rows is one
    of rows. Neither cuts within a period nor the order of merging its pieces change a byte.

    How far sensor j moves is (P m)_j over the root of P_jj: m is the difference of means, and P the inverse of the
    covariance, of which 1 / P_jj is the variance of j about its regression on the others [1]_. A load that changes for
    all sensors together is no drift. Relations closer than 1/30 of a deviation count as that.

    Limits for ``alarm`` that healthy rows often exceed narrow the model a little each time: 0.01 makes deviations
    some 5 % too small in the long run, 0.001 less than 1 %.

    Memory: 32 d² bytes for each period that is left, 1.5 halflives or so, and no row.

    .. [1] K. V. Mardia, J. T. Kent and J. M. Bibby, Multivariate Analysis, 1979, section 6.5.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> random = np.random.default_rng(0)
    >>> health = acm_rs.FadingMoments(acm_rs.RunningMoments.of_sample(random.normal(size=(200, 3))), halflife=10)
    >>> for day in range(20):
    ...     period = health.update(random.normal(size=(100, 3))).close(trusted=True)
    >>> model = acm_rs.MahalanobisDetector(0.1).fit_moments(health.moments)
    >>> for day in range(60):  # it moves by 0.6 in 60 days, and then by 2 at once
    ...     x = random.normal(size=(100, 3)) + [day / 100, 0.0, 0.0]
    ...     period = health.update(x, alarm=model.score(x) > model.limit(0.001)).close()
    ...     if period.taken:
    ...         _ = model.fit_moments(health.moments)
    >>> health.periods, health.refused, bool(model.center_[0] > 0.3)
    (80, 0, True)
    >>> for day in range(5):
    ...     x = random.normal(size=(100, 3)) + [2.6, 0.0, 0.0]
    ...     period = health.update(x, alarm=model.score(x) > model.limit(0.001)).close()
    >>> period.taken, period.refused
    (False, (0,))
    """

    __slots__ = ("_alarms", "_dying", "_open", "_past", "_refused", "_seen", "_taken", "_zero", "drift", "halflife")

    def __init__(self, first: RunningMoments, halflife: float, drift: float | None = 0.5) -> None:
        if not isinstance(first, RunningMoments):
            raise TypeError(f"`first` must be RunningMoments, got {type_name(first)}")
        if first.rows:
            raise ValueError(
                f"`first` must be a first pass that has counted no row, got one of {first.rows} rows; take "
                "RunningMoments(first.center, first.scale, first.reach)"
            )
        self.halflife: float = _number(halflife, "halflife", 1.0, 10_000.0)
        """Periods that are learnt until half of a period's share is forgotten."""
        self.drift: float | None = None if drift is None else _number(drift, "drift", 0.0, math.inf)
        """How far health may move in a halflife, and its deviations grow."""
        self._zero = first.to_bytes()
        # Sums of the periods that are dropped together, by the number of taken periods at which they are.
        self._dying: dict[int, RunningMoments] = {}
        self._past: deque[tuple[Vector, Vector]] = deque(maxlen=math.ceil(self.halflife))
        self._taken = self._refused = 0
        self._begin()

    def _begin(self) -> None:
        self._open = RunningMoments.from_bytes(self._zero)
        self._seen = self._alarms = 0

    def __repr__(self) -> str:
        return f"FadingMoments(halflife={self.halflife}, drift={self.drift}, periods={self._taken})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FadingMoments) and self.to_bytes() == other.to_bytes()

    def __reduce__(self) -> tuple[Any, ...]:
        return FadingMoments.from_bytes, (self.to_bytes(),)

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the sensors, those of the first pass or of the first frame that had some; None before."""
        return self._open.names

    @property
    def periods(self) -> int:
        """Periods that were learnt, those that are forgotten among them."""
        return self._taken

    @property
    def refused(self) -> int:
        """Periods that were refused."""
        return self._refused

    @property
    def open(self) -> RunningMoments:
        """The rows of the open period that are not in alarm; a copy."""
        return RunningMoments.from_bytes(self._open.to_bytes())

    @property
    def moments(self) -> RunningMoments:
        """What is remembered of the periods that were learnt, without the open one; a copy, to fit models from."""
        return self._left(self._taken - 1)

    def _left(self, clock: int) -> RunningMoments:
        """What has not been dropped when so many periods have been taken after the first."""
        found = RunningMoments.from_bytes(self._zero)
        for end in sorted(self._dying):
            if end > clock:
                found.merge(self._dying[end])
        return found

    def update(self, x: Table, alarm: Line | None = None, follows: bool = True) -> Self:
        """Count rows into the open period.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (m, d) or (m,)
            Any number of rows, oldest first, as for `RunningMoments.update`.
        alarm : array of bool or series, shape (m,), optional
            True for rows that the present model finds abnormal: none of their readings is counted.
        follows : bool, default True
            As for `RunningMoments.update`.

        Returns
        -------
        FadingMoments
            Itself.

        Raises
        ------
        TypeError
            ``x`` is neither a float array nor a frame of numbers, or ``alarm`` is not of truths.
        ValueError
            As for `RunningMoments.update`, or ``alarm`` is of another length. Nothing is counted then.
        """
        sheet = None if isinstance(x, np.ndarray) else Sheet(x, "x")
        values: Any = x if sheet is None else sheet.values
        # Columns of a frame may come each for itself.
        apart = isinstance(values, list)
        count = len(values[0]) if apart else len(np.atleast_1d(values))
        flags = None if alarm is None else _flags(alarm, x, count)
        if flags is not None and flags.any():
            values = np.column_stack(values) if apart else np.array(values)
            # Others than floats are refused below.
            if values.dtype.kind == "f":
                values[flags] = np.nan
        self._count(values, None if sheet is None else sheet.names, follows)
        self._seen += count
        self._alarms += 0 if flags is None else int(flags.sum())
        return self

    def _count(self, values: Any, names: tuple[str, ...] | None, follows: bool) -> None:
        known = self._open.names
        if known is not None and names is not None and names != known:
            raise ValueError(difference("the FadingMoments", known, names, "has had before"))
        self._open._engine.update(values, follows)
        if known is None and names is not None:
            self._open._engine.call(names)

    def merge(self, moments: RunningMoments, follows: bool = False) -> Self:
        """Add rows of the open period that were counted elsewhere, without those in alarm.

        Parameters
        ----------
        moments : RunningMoments
            Of the same first pass. They stay as they are.
        follows : bool, default False
            As for `RunningMoments.merge`.

        Returns
        -------
        FadingMoments
            Itself.

        Raises
        ------
        TypeError, ValueError
            As for `RunningMoments.merge`.
        """
        self._open.merge(moments, follows)
        self._seen += moments.rows
        return self

    def shift(self, moments: RunningMoments | None = None) -> Vector:
        """How far rows lie from what is remembered, on average.

        Parameters
        ----------
        moments : RunningMoments, optional
            Those rows; the open period's without it.

        Returns
        -------
        array of float64, shape (d,)
            For each sensor in standard deviations about what the others let expect, with its sign. 0 without a value on
            either side, infinite for a sensor that stood still and has moved.

        Raises
        ------
        TypeError
            ``moments`` are something else.
        ValueError
            They have another number of sensors.
        RuntimeError
            Nothing has been learnt yet.
        """
        of = self._open if moments is None else moments
        if not isinstance(of, RunningMoments):
            raise TypeError(f"`moments` must be RunningMoments, got {type_name(of)}")
        if len(of.center) != len(self._open.center):
            raise ValueError(f"`moments` must have {len(self._open.center)} sensors, got {len(of.center)}")
        if not self._taken:
            raise RuntimeError("nothing has been learnt yet: close a period of training with trusted=True first")
        return Health(self.moments).shift(of.mean(), self.moments.mean())

    def close(self, trusted: bool = False) -> Period:
        """End the open period: it is learnt or refused, and the next one begins.

        Parameters
        ----------
        trusted : bool, default False
            Learn it whatever it does to health: training, and changes that somebody has looked at, such as an overhaul.
            From what was trusted last on, drift is counted anew.

        Returns
        -------
        Period
            What became of it. A period without a row that is not in alarm changes nothing.

        Raises
        ------
        TypeError
            ``trusted`` is no truth.
        RuntimeError
            Nothing has been learnt yet that a period could be held against, and ``trusted`` is False.
        ValueError
            There would be more rows than sums are exact for. Nothing is changed then.
        """
        if not isinstance(trusted, bool | np.bool_):
            raise TypeError(f"`trusted` must be True or False, got {type_name(trusted)}")
        held = self.drift is not None and not trusted
        d = len(self._open.center)
        if not int(self._open.counts.diagonal().max()):
            empty = Period(False, self._seen, self._alarms, np.zeros(d), np.zeros(d), ())
            if held and self._seen:
                self._refused += 1
            self._begin()
            return empty
        if held and not self._past:
            raise RuntimeError("nothing has been learnt yet: close the periods of training with trusted=True")
        would = self._left(self._taken).merge(self._open)
        health = Health(would)
        moved, grown = np.zeros(d), np.zeros(d)
        beyond = np.zeros(d, bool)
        if self._past:
            mean, deviation = self._past[0]
            moved = Health(self.moments).shift(would.mean(), mean)
            grown = np.divide(health.deviation, deviation, out=np.ones(d), where=deviation > 0.0) - 1.0
            if self.drift is not None:
                beyond = (np.abs(moved) > self.drift) | (grown > self.drift)
        alarmed = self._alarms > MOST_IN_ALARM * self._seen
        taken = not held or not (alarmed or beyond.any())
        if taken:
            self._take()
            if trusted:
                self._past.clear()
            self._past.append((would.mean(), health.deviation))
        else:
            self._refused += 1
        names = self.names
        worst = np.argsort(-np.maximum(np.abs(moved), grown), kind="stable")
        sensors = tuple(int(j) if names is None else names[j] for j in worst if beyond[j]) if not taken else ()
        found = Period(taken, self._seen, self._alarms, moved, grown, sensors)
        self._begin()
        return found

    def _take(self) -> None:
        clock = self._taken
        # Evenly spread between 0 and 1: alive as long as 2^(-age / halflife) is above it.
        spread = (clock + 1) * GOLDEN % 2**64 / 2**64
        age = math.ceil(-self.halflife * math.log2(max(spread, 2.0**-OLDEST)))
        self._dying = {end: sums for end, sums in self._dying.items() if end > clock}
        end = clock + max(1, age)
        if end in self._dying:
            self._dying[end].merge(self._open)
        else:
            self._dying[end] = self._open
        if self._open.names is not None:
            zero = RunningMoments.from_bytes(self._zero)
            zero._engine.call(self._open.names)
            self._zero = zero.to_bytes()
        self._taken += 1

    def to_bytes(self) -> bytes:
        """The state as bytes, with the open period.

        Returns
        -------
        bytes
            In the safetensors format: a JSON header, raw arrays and a checksum. The same state gives the same bytes.
        """
        from acm_rs.monitor.saving import FADING, pack

        arrays: dict[str, NDArray[Any]] = {"past": np.zeros((len(self._past), 2, len(self._open.center)))}
        for place, both in enumerate(self._past):
            arrays["past"][place] = both
        parts = {f"dying.{end}": sums.to_bytes() for end, sums in self._dying.items()}
        parts |= {"zero": self._zero, "open": self._open.to_bytes()}
        arrays |= {name: np.frombuffer(data, np.uint8) for name, data in parts.items()}
        settings = {
            "halflife": self.halflife,
            "drift": self.drift if self.drift is None or math.isfinite(self.drift) else "inf",
            "counts": [self._taken, self._refused, self._seen, self._alarms],
        }
        return pack(settings, arrays, _native.__version__, FADING)

    @classmethod
    def from_bytes(cls, data: Bytes) -> Self:
        """What `to_bytes` wrote.

        Parameters
        ----------
        data : bytes-like
            Nothing in them is executed.

        Raises
        ------
        ValueError
            The bytes are damaged (one flipped bit is enough), of another kind, or written by a newer acm_rs.
        """
        from acm_rs.monitor.saving import FADING, not_whole, unpack

        settings, arrays, *_ = unpack(bytes(data), FADING)
        try:
            drift = settings["drift"]
            zero = RunningMoments.from_bytes(arrays.pop("zero").tobytes())
            self = cls(zero, settings["halflife"], math.inf if drift == "inf" else drift)
            counts = [int(count) for count in settings["counts"]]
            self._taken, self._refused, self._seen, self._alarms = counts
            self._open = RunningMoments.from_bytes(arrays.pop("open").tobytes())
            past = arrays.pop("past")
            dying = {int(name.removeprefix("dying.")): sums for name, sums in arrays.items()}
            self._dying = {end: RunningMoments.from_bytes(dying[end].tobytes()) for end in sorted(dying)}
            self._past.extend((mean, deviation) for mean, deviation in past.reshape(len(past), 2, len(zero.center)))
            whole = (
                min(counts) >= 0 and (not dying or min(dying) > self._taken - 1) and bool(past.size) == bool(counts[0])
            )
            if not whole:
                raise ValueError("counts that do not fit")
            for sums in (self._open, *self._dying.values()):
                RunningMoments.from_bytes(self._zero).merge(sums)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(not_whole(error, FADING)) from None
        return self

    def save(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            An existing file is replaced and its permissions are kept; symbolic links are followed.

        Raises
        ------
        OSError
            The file cannot be written, or something else than a regular file is there. What was there stays.
        """
        from acm_rs.monitor.saving import write_file

        write_file(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """What `save` wrote.

        Parameters
        ----------
        path : str or path-like
            Nothing in the file is executed.

        Raises
        ------
        OSError
            The file cannot be read, or is no regular file.
        ValueError
            It is damaged (one flipped bit is enough), of another kind, or was written by a newer acm_rs.
        """
        from acm_rs.monitor.saving import FADING, read_file

        return cls.from_bytes(read_file(path, FADING))


def _number(value: Any, name: str, least: float, most: float) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a number, got {type_name(value)}")
    inside = least < value if least == 0.0 else least <= value
    if not (inside and value <= most):
        what = f"above {least:g}" if least == 0.0 else f"from {least:g} to {most:,.0f}"
        raise ValueError(f"`{name}` must be {what}, got {reprlib.repr(value)}")
    return float(value)


def _flags(alarm: Any, x: Any, rows: int) -> NDArray[np.bool_]:
    same_index(alarm, x, "alarm")
    flags = np.asarray(vector(alarm, "alarm"))
    if flags.dtype != bool:
        raise TypeError(f"`alarm` must be an array of bool, got {flags.dtype}; take scores > limit")
    if flags.shape != (rows,):
        raise ValueError(f"`alarm` must have a value for each of {rows} rows, got shape {flags.shape}")
    return flags
