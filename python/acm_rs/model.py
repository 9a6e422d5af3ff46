"""What all models have in common: they are fitted on sensors, keep their names, score rows, and are saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from acm_rs.fillers import warn_of_codes
from acm_rs.frames import Floats, Labels, Line, Sheet, Table, arrays, listed, same_index, vector

__all__ = [
    "Bytes",
    "Detector",
    "Engined",
    "LeftOut",
    "Model",
    "Saved",
    "Screening",
    "Wandering",
    "Watching",
    "difference",
    "row_weights",
    "states",
]

Bytes: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[np.uint8]


class Engined:
    """What has its state in the engine."""

    _Engine: ClassVar[Any]
    _engine: Any
    __slots__ = ("__weakref__", "_engine")

    @classmethod
    def _around(cls, engine: Any) -> Self:
        self = cls.__new__(cls)
        self._engine = engine
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self._engine == other._engine

    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __repr__(self) -> str:
        return type(self).__name__ + repr(self._engine).removeprefix(self._Engine.__name__)


class Saved(Engined):
    """What has a state that is saved, compared and pickled."""

    __slots__ = ()

    @property
    def metadata(self) -> dict[str, str]:
        """Free notes that are saved with it: asset, units, training period, ... Set it to a mapping of texts."""
        return self._engine.metadata

    @metadata.setter
    def metadata(self, notes: Mapping[str, str]) -> None:
        self._engine.metadata = notes

    def to_bytes(self) -> bytes:
        """The state as bytes.

        Returns
        -------
        bytes
            In the safetensors format: a JSON header, raw arrays and a checksum. The same state gives the same bytes.

        Raises
        ------
        RuntimeError
            A model before ``fit``.
        """
        return self._engine.to_bytes()

    @classmethod
    def from_bytes(cls, data: Bytes) -> Self:
        """What `to_bytes` wrote.

        Parameters
        ----------
        data : bytes-like
            bytes, or a bytearray, memoryview or array of bytes in one piece of memory. Nothing in them is executed.

        Raises
        ------
        ValueError
            The bytes are damaged (one flipped bit is enough), of another kind, or written by a newer acm_rs.
        """
        return cls._around(cls._Engine.from_bytes(data))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the state to a file, whole or not at all.

        Parameters
        ----------
        path : str or path-like
            An existing file is replaced and its permissions are kept; symbolic links are followed.

        Raises
        ------
        RuntimeError
            A model before ``fit``.
        OSError
            The file cannot be written, or something else than a regular file is there. What was there stays.
        """
        self._engine.save(path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """What `save` wrote.

        Parameters
        ----------
        path : str or path-like
            A safetensors file. Nothing in it is executed.

        Raises
        ------
        OSError
            The file cannot be read, or is no regular file.
        ValueError
            It is damaged (one flipped bit is enough), of another kind, or was written by a newer acm_rs.
        """
        return cls._around(cls._Engine.load(path))

    def __reduce__(self) -> tuple[Any, ...]:
        make, state, *_ = self._engine.__reduce__()
        own = getattr(self, "__dict__", None)
        if state:
            return type(self).from_bytes, state, own
        return _unfitted, (type(self), make.keywords, self.metadata), own


def _unfitted(cls: type[Saved], parameters: dict[str, Any], metadata: dict[str, str]) -> Saved:
    model = cls._around(cls._Engine(**parameters))
    model.metadata = metadata
    return model


class Model(Saved):
    """What is fitted on sensors."""

    __slots__ = ()

    @property
    def n_features_in_(self) -> int:
        """Sensors it was fitted on."""
        return self._engine.n_features_in_

    @property
    def feature_names_in_(self) -> npt.NDArray[np.object_]:
        """Names of the sensors it was fitted on; AttributeError where they had none, as in scikit-learn."""
        names = self._engine.names
        if names is None:
            raise AttributeError(f"this {type(self).__name__} has not been fitted on columns with names")
        return np.array(names, dtype=object)

    def _learned(self, x: Table) -> tuple[Any, tuple[str, ...] | None]:
        """What `fit` takes of `x`, and the sensors' names."""
        names: tuple[str, ...] | None = None
        values: Any = x
        if not isinstance(x, np.ndarray):
            sheet = Sheet(x, "x")
            values, names = sheet.values, sheet.names
        warn_of_codes(values, names, 3)
        return values, names

    def _admit(self, names: tuple[str, ...] | None, whose: str) -> None:
        """Refuse other names than those of the fit, where there are both."""
        known = self._engine.names
        if known is not None and names is not None and names != known:
            raise ValueError(difference(whose, known, names))

    def _rows(self, x: Table) -> Sheet:
        """A frame of the sensors it was fitted on."""
        sheet = Sheet(x, "x")
        self._admit(sheet.names, f"the {type(self).__name__}")
        return sheet

    # Arrays take the shortest way: live rows come one by one.

    def _lines(self, work: Any, x: Table, label: str, *arguments: Any) -> Any:
        """One result a row."""
        if isinstance(x, np.ndarray):
            return work(x, *arguments)
        sheet = self._rows(x)
        return sheet.line(work(sheet.values, *arguments), label)

    def _tables(self, work: Any, x: Table, *arguments: Any, labels: Callable[[], Sequence[str]] | None = None) -> Any:
        """Results of a row beside each other: one for each sensor, or for each of `labels`."""
        if isinstance(x, np.ndarray):
            return work(x, *arguments)
        sheet = self._rows(x)
        return sheet.like(work(sheet.values, *arguments), labels and labels())

    def _number(self, work: Any, x: Table) -> Any:
        """One result of all rows."""
        return work(x if isinstance(x, np.ndarray) else self._rows(x).values)


def difference(whose: str, known: tuple[str, ...], got: tuple[str, ...], did: str = "was fitted on") -> str:
    """What is said of other names than those that ``whose`` has."""
    lacking = [name for name in known if name not in got]
    strange = [name for name in got if name not in known]
    must = f"`x` must have the columns that {whose} {did}"
    parts = []
    if lacking:
        parts.append(f"missing: {listed(lacking)}")
    if strange:
        parts.append(f"not known: {listed(strange)}")
    if parts:
        return f"{must}; {'; '.join(parts)}"
    place = next(number for number, pair in enumerate(zip(known, got, strict=True)) if pair[0] != pair[1])
    return (
        f"{must} in their order: column {place} must be {known[place]!r}, got {got[place]!r}; take "
        f"x[list({'model.feature_names_in_' if did == 'was fitted on' else 'state.names'})]"
    )


def states(labels: Sequence[int] | Labels | None, x: Table) -> Any:
    """A state for each row of `x`."""
    same_index(labels, x, "labels")
    return vector(labels, "labels")


def row_weights(weights: Line | None, x: Table) -> Any:
    """A weight for each row of `x`."""
    same_index(weights, x, "sample_weight")
    return weights if weights is None else arrays(weights, "sample_weight")


class LeftOut(NamedTuple):
    """What a fit has not learned from: no healthy machine reads it.

    Attributes
    ----------
    rows : array of int64
        Rows that are unlike the others, or without half of their readings.
    readings : array of int64, shape (d,)
        Readings of each sensor in other rows: error codes, lone spikes, and those at which it was stuck. In the fit the
        other sensors' expectation takes their place.
    stuck : array of int64, shape (d,)
        Those of them at which the sensor was stuck.
    codes : tuple of (int, float, int)
        Column, value and count of each error code.
    """

    rows: npt.NDArray[np.int64]
    readings: npt.NDArray[np.int64]
    stuck: npt.NDArray[np.int64]
    codes: tuple[tuple[int, float, int], ...]


class Screening(Model):
    """A model whose fit leaves out what no healthy machine reads."""

    __slots__ = ()

    @property
    def left_out_(self) -> LeftOut:
        """What the fit has not learned from: bad rows, and readings by sensor."""
        return LeftOut(*self._engine.left_out_)


class Wandering(Model):
    """A model whose fit tells sensors that wander, and has one limit at any rate (``limit``)."""

    __slots__ = ()

    @property
    def wandering_(self) -> npt.NDArray[np.bool_]:
        """True for columns whose level wanders, (d,): one half of the history does not tell where the other lies."""
        return self._engine.wandering_

    @property
    def expected_false_alarms_(self) -> float:
        """Share of healthy rows that is expected in alarm.

        Above the limit at 0.01: as much, or where columns wander, what either half of the training rows has at the
        limit that the other one sets.
        """
        return self._engine.expected_false_alarms_


class Watching(Model):
    """A model that watches the sensors which stood still in all of its training."""

    __slots__ = ()

    @property
    def constants(self) -> Literal["watch", "ignore"]:
        """What is done about sensors that stand still in training; "ignore" in files of former versions."""
        return self._engine.constants

    @property
    def constants_(self) -> dict[Any, float]:
        """Sensors that stood still in training and what they read, by name, or by column where they have no names.

        A row in which one moves scores above every limit, and its share is the largest of the row's contributions,
        which do not sum to the score then.
        """
        names = self._engine.names
        return {column if names is None else names[column]: value for column, value in self._engine.constants_}

    def moved(self, x: Table) -> npt.NDArray[np.bool_]:
        """Which sensors read something else than in all of the training, where they stood still.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows as for ``score``.

        Returns
        -------
        array of bool, shape (n, d) or (n,)
            True where a sensor of ``constants_`` has moved, by more than the rounding of float32. A missing value has
            not.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.

        Examples
        --------
        >>> import numpy as np, acm_rs, warnings
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> x[:, 3] = 50.0
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     detector = acm_rs.MahalanobisDetector().fit(x)
        >>> detector.constants_
        {3: 50.0}
        >>> x[7, 3] = 49.0
        >>> detector.moved(x)[6:9, 3].tolist()
        [False, True, False]
        >>> bool(detector.score(x)[7] > detector.limit(1e-6))
        True
        """
        values = x if isinstance(x, np.ndarray) else self._rows(x).values
        found: npt.NDArray[np.bool_] = self._engine.moved(values) > 0.0
        return found


class Detector(Model):
    """A model whose score is higher the more abnormal a row is."""

    __slots__ = ()

    @overload
    def missing(self, x: Floats) -> npt.NDArray[np.float64]: ...
    @overload
    def missing(self, x: Table) -> Any: ...
    def missing(self, x: Table) -> Any:
        """How much of each row is missing.

        Parameters
        ----------
        x : array of float64 or float32, frame or series, shape (n, d) or (n,)
            Rows as for ``score``.

        Returns
        -------
        array of float64 or series, shape (n,)
            The share, from 0 to 1, of the sensors in use whose value is NaN or infinite. The higher it is, the less the
            score of the row says.

        Raises
        ------
        RuntimeError
            Before ``fit``.
        TypeError
            ``x`` is neither a float array nor a frame of numbers.
        ValueError
            ``x`` has another number of columns than at fit, or columns of other names.

        Examples
        --------
        >>> import numpy as np, acm_rs
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> detector = acm_rs.MahalanobisDetector().fit(x)
        >>> x[7, 2] = np.nan
        >>> detector.missing(x)[6:9].tolist()
        [0.0, 0.25, 0.0]
        """
        return self._lines(self._engine.missing, x, "missing")
