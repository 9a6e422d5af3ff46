"""The one door for data frames: what the engine reads of them, and how its results become the same kind again.

Whatever `narwhals` reads may come in: pandas, Polars and PyArrow frames and series. It is imported at the first frame.
"""

from __future__ import annotations

import datetime
import operator
import reprlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from acm_rs.buffers import arrow_of, floats_of, holds_numbers, is_plain, pyarrow_if_there
from acm_rs.stamps import stamps, zone_of

if TYPE_CHECKING:
    from narwhals.typing import IntoDataFrame, IntoSeries
else:
    # Hints can be resolved without importing narwhals.
    IntoDataFrame = IntoSeries = Any

Floats: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32]
Frame: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32] | IntoDataFrame
"""A matrix: an array or a frame."""
Line: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32] | IntoSeries
"""One column: an array or a series."""
Table: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32] | IntoDataFrame | IntoSeries
"""What the engine reads: an array, a frame or a series."""
Labels: TypeAlias = npt.NDArray[np.integer[Any]] | IntoSeries
"""A state for each row."""
Numbers: TypeAlias = float | Sequence[float] | npt.NDArray[np.floating[Any]]
"""One number, or several."""
PerSensor: TypeAlias = Numbers | IntoSeries | IntoDataFrame
"""One number for all sensors, or one each: by name where a series of pandas or a frame of one row has names."""
Duration: TypeAlias = str | datetime.timedelta | np.timedelta64
Window: TypeAlias = int | str | datetime.timedelta | np.timedelta64
"""Rows, or a duration."""
Times: TypeAlias = npt.NDArray[np.datetime64] | npt.NDArray[np.int64] | IntoSeries | str
X = TypeVar("X", bound=Table)
"""Array, frame or series: the same comes back."""
XF = TypeVar("XF", bound=Frame)
"""Array or frame: the same comes back."""
XT = TypeVar("XT", bound=IntoDataFrame | IntoSeries)
"""Frame or series: the same comes back, its numbers float64."""

Closed: TypeAlias = Literal["right", "left", "both", "neither"]
"""The ends that belong to a window."""
By: TypeAlias = Sequence[Hashable] | npt.NDArray[Any] | IntoSeries | str
"""A label for each row, or a column's name."""

Values: TypeAlias = npt.NDArray[Any] | list[npt.NDArray[Any]]
Rows: TypeAlias = slice | npt.NDArray[np.intp]

MOST = 2**20
"""Most names that are made of an argument: nobody means more."""

INDEX = "index"
"""What `times` is called where a frame's index tells them."""
NAME = 80
"""Characters of a label that are told at most."""


def type_name(value: object) -> str:
    """The name of the type, for an error."""
    return type(value).__name__


def listed(labels: Iterable[Hashable], most: int = 8) -> str:
    """The first of the labels, for an error."""
    short = reprlib.Repr()
    # A historian's tag with its description is told whole: many differ in their middle alone.
    short.maxstring = short.maxother = NAME
    texts = [short.repr(label) for label in labels]
    rest = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + rest


class Sheet:
    """A frame or series that was read: its sensors' values and labels, its times, and its own kind to go back to."""

    __slots__ = (
        "_group",
        "_index",
        "_kinds",
        "_own_column",
        "_own_label",
        "_wrapped",
        "is_series",
        "labels",
        "name",
        "native",
        "values",
    )

    def __init__(self, x: Any, name: str, times: object = None, by: object = None) -> None:
        import narwhals as nw

        try:
            self._wrapped: Any = nw.from_native(x, eager_only=True, allow_series=True)
        except TypeError as error:
            lazy = hasattr(x, "collect")
            hint = "collect it first" if lazy else "convert with numpy.asarray(..., dtype=float)"
            raise TypeError(
                f"`{name}` must be a NumPy array of float64 or float32, or a data frame or series, got {type_name(x)}; "
                f"{hint}"
            ) from (None if lazy else error)
        except ValueError as error:
            raise ValueError(f"`{name}` must have columns of different names: {error}") from error
        self.native: Any = x
        self.name: str = name
        self.is_series: bool = isinstance(self._nw, nw.Series)
        self._index = getattr(x, "index", None) if self._nw.implementation.is_pandas_like() else None
        self._own_label: Hashable = None
        self._own_column: Any = None
        self._group: Hashable = self._named_by(by)
        if self.is_series:
            self.labels: list[Hashable] = [self._nw.name if self._nw.name not in (None, "") else None]
            self.values: Values = self._one()
            return
        self._kinds: dict[Any, Any] = {}
        whole = self._whole()
        named = (isinstance(times, str) and times != INDEX) or isinstance(by, str)
        if whole is not None and not named:
            self.labels, self.values = list(self.native.columns), whole
            return
        self._kinds = dict(self._nw.schema)
        self.labels = self._sensors_among(times)
        if not self.labels:
            raise ValueError(f"`{name}` must have at least one column of numbers, got none")
        self.values = self._columns_of(self.labels)

    def _whole(self) -> npt.NDArray[Any] | None:
        """The frame's one block of floats, where pandas keeps it so."""
        if self._index is None or getattr(getattr(self.native, "_mgr", None), "nblocks", 0) != 1:
            return None
        dtype = self.native._mgr.blocks[0].dtype
        if not isinstance(dtype, np.dtype) or dtype.char not in "fd" or not dtype.isnative:
            return None
        return np.asarray(self.native.to_numpy())

    def _sensors_among(self, times: object) -> list[Hashable]:
        """The labels of all columns but that of the times: the one that `times` names, or the only one of dates."""
        import narwhals as nw

        sensors = [label for label in self._kinds if self._group is None or label != self._group]
        dated = [label for label in sensors if isinstance(self._kinds[label], nw.Datetime | nw.Date)]
        named = times if isinstance(times, str) and times in self._kinds else None
        if named is not None and named not in dated and not (named == INDEX and self._has_dates()):
            raise TypeError(
                f"`times` must name a column of dates, but {times!r} holds {self._kinds[named]}; convert it first, "
                "with pandas.to_datetime for example"
            )
        indexed = self._has_dates()
        chosen = named if named in dated else dated[0] if len(dated) == 1 and not indexed else None
        others = [label for label in dated if label != chosen]
        if others:
            clash = indexed and chosen is None
            must = "no column of dates beside its index of dates" if clash else "one column of dates at most"
            hint = "" if isinstance(times, str) else ", or name the one that counts with `times`"
            raise TypeError(f"`{self.name}` must have {must}, got {listed(dated)}; drop {listed(others)}{hint}")
        if chosen is None:
            return sensors
        self._own_label, self._own_column = chosen, self.native[chosen]
        return [label for label in sensors if label != chosen]

    def bare(self) -> Sheet:
        """What is known of it, without its rows: they are not held on to."""
        return self._with(None, [], None if self._index is None else (), None if self._own_column is None else ())

    def with_row(self, native: Any, values: Values) -> Sheet:
        """A frame of one row that is known to be like the one that this was without its rows."""
        index = None if self._index is None else native.index
        return self._with(native, values, index, None if self._own_column is None else native[self._own_label])

    def _with(self, native: Any, values: Values, index: Any, times: Any) -> Sheet:
        found = Sheet.__new__(Sheet)
        for name in self.__slots__:
            setattr(found, name, getattr(self, name))
        found.native, found.values, found._index, found._own_column, found._wrapped = native, values, index, times, None
        return found

    @property
    def _nw(self) -> Any:
        """The frame as narwhals sees it; rows that come one by one are seldom asked for it."""
        if self._wrapped is None:
            import narwhals as nw

            self._wrapped = nw.from_native(self.native, eager_only=True, allow_series=True)
        return self._wrapped

    @property
    def _own_times(self) -> Any:
        """The frame's own column of times, if it has one."""
        import narwhals as nw

        return None if self._own_column is None else nw.from_native(self._own_column, series_only=True)

    def _column_of(self, label: Hashable) -> Any:
        import narwhals as nw

        return nw.from_native(self.native[label], series_only=True)

    def _columns_of(self, labels: list[Hashable]) -> list[npt.NDArray[Any]]:
        """Each column as floats: where it lies, if it is so."""
        import narwhals as nw

        kinds = [self._kinds[label] for label in labels]
        odd = [label for label, kind in zip(labels, kinds, strict=True) if not holds_numbers(kind)]
        odd = [label for label in odd if not is_plain(self.native[label])]
        text = [label for label in odd if not self._column_of(label).is_null().all()]
        if text:
            held = sorted({str(self._kinds[label]) for label in text})
            raise TypeError(
                f"`{self.name}` must hold numbers, but columns {listed(text)} hold {', '.join(held)}; drop or convert "
                "them first"
            )
        narrow = all(kind == nw.Float32 for kind in kinds)
        dtype: Any = np.float32 if narrow else np.float64
        empty = set(odd)
        return [
            np.full(len(self._nw), np.nan, dtype) if label in empty else floats_of(self.native[label], kind, dtype)
            for label, kind in zip(labels, kinds, strict=True)
        ]

    def _one(self) -> npt.NDArray[Any]:
        """The values of a series."""
        import narwhals as nw

        kind = self._nw.dtype
        dtype: Any = np.float32 if kind == nw.Float32 else np.float64
        if holds_numbers(kind) or is_plain(self.native):
            return floats_of(self.native, kind, dtype)
        if not self._nw.is_null().all():
            raise TypeError(f"`{self.name}` must hold numbers, but the series holds {kind}; convert it first")
        return np.full(len(self._nw), np.nan, dtype)

    # ---- times ----------------------------------------------------------------------------------------------------

    def _has_dates(self) -> bool:
        return getattr(getattr(self._index, "dtype", None), "kind", "") == "M"

    def times(self, times: object, window: object = None) -> Any:
        """The times that `times` asks for; for a duration as `window` those of the frame itself."""
        if times is None:
            if window is None or not isinstance(window, str | datetime.timedelta | np.timedelta64):
                return None
            if self._own_column is not None:
                return stamps(self._own_times)
            return stamps(self._index) if self._has_dates() else None
        if not isinstance(times, str):
            same_index(times, self.native, "times", self.name)
            return stamps(times)
        if self._own_column is not None and times == self._own_label:
            return stamps(self._own_times)
        if times == INDEX and self._has_dates():
            return stamps(self._index)
        if times == INDEX:
            held = "none" if self._index is None else f"one of {self._index.dtype}"
            raise ValueError(f'`times` = "index" needs a frame with an index of dates, `{self.name}` has {held}')
        known = listed([] if self.is_series else self._nw.columns)
        raise ValueError(
            f'`times` must be times, "index", or the name of a column, got {reprlib.repr(times)}; columns: {known}'
        )

    def zoned(self, times: object) -> bool:
        """Whether the times that `times` asks for, or else the frame's own, have a zone."""
        return self.zone(times) is not None

    def zone(self, times: object) -> str | None:
        """Their zone, None where they have none."""
        if times is not None and not isinstance(times, str):
            return zone_of(times)
        return zone_of(self._own_times if self._own_column is not None else self._index if self._has_dates() else None)

    @property
    def own_label(self) -> Hashable:
        """The column of its own times, None without."""
        return self._own_label

    def _named_by(self, by: object) -> str | None:
        """The name of the column of the groups' labels, where `by` is that."""
        if not isinstance(by, str):
            return None
        known = [] if self.is_series else self._nw.columns
        if by not in known:
            raise ValueError(
                f"`by` must be a label for each row, or the name of a column, got {reprlib.repr(by)}; columns: "
                f"{listed(known)}"
            )
        return by

    def group_column(self) -> Any:
        """The labels of the groups."""
        return self._column_of(self._group)

    # ---- names ----------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...] | None:
        """The sensors' names, none for an unnamed series."""
        if self.labels == [None]:
            return None
        names = tuple(str(label) for label in self.labels)
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise ValueError(f"`{self.name}` must have columns of different names, got {listed(twice)} twice")
        return names

    def texts(self) -> list[str]:
        """What the sensors are called where results are named after them."""
        return ["x" if label is None else str(label) for label in self.labels]

    def each(self, tails: Sequence[str]) -> list[Hashable]:
        """Labels of several results for each sensor: `{sensor}_{tail}`."""
        return [f"{name}_{tail}" for name in self.texts() for tail in tails]

    # ---- the way back ---------------------------------------------------------------------------------------------

    def kept(self, step: int, first_row: int) -> slice:
        """The rows whose absolute index is a multiple of `step`."""
        step = operator.index(step)
        return slice(-operator.index(first_row) % step, None, step)

    def like(self, values: Any, labels: Sequence[Hashable] | None = None, rows: Rows = slice(None)) -> Any:
        """Results of (kept) rows as the same kind: a column for each label, or for each sensor."""
        if labels is None:
            if self.is_series:
                return self.line(values, self.labels[0], rows)
            labels = self.labels
        index = None if self._index is None else self._index[rows]
        before = self._before
        if before and not (isinstance(rows, slice) and rows == slice(None)):
            chosen = np.arange(len(self._nw))[rows].tolist()
            before = {label: column[chosen] for label, column in before.items()}
        return self._frame(values.reshape(len(values), len(labels)), labels, index, before)

    def line(self, values: Any, label: Hashable, rows: Rows = slice(None)) -> Any:
        """One result for each (kept) row as a series."""
        if self._index is not None:
            return self._space.Series(values, index=self._index[rows], name=label, copy=False)
        return self._column(label, values)

    def table(self, columns: Mapping[Any, Any], of_rows: bool = True) -> Any:
        """Columns of several kinds as the same kind of frame: of the rows, with their index and times, or of others."""
        parts = dict(columns)
        if of_rows and self._own_column is not None:
            parts = {str(self._own_label): self._own_column, **parts}
        if self._nw.implementation.is_pyarrow():
            return self._space.table(parts)
        if self._index is None:
            return self._space.DataFrame(parts)
        return self._space.DataFrame(parts, index=self._index if of_rows else None)

    def when(self, rows: npt.NDArray[np.int64]) -> Any:
        """The frame's own times of some rows, as it has them; None where it has none."""
        if self._own_column is not None:
            return self._own_times[rows.tolist()].to_native()
        return self._index[rows] if self._index is not None and self._has_dates() else None

    def square(self, values: Any) -> Any:
        """A matrix of sensors by sensors; the rows' names are pandas' index."""
        labels = self.labels if self.labels != [None] else [0]
        return self._frame(values, labels, labels)

    def by_sensor(self, values: Any, label: str) -> Any:
        """One result for each sensor, as the frame's own `median()` would give it: a number for a series."""
        if self.is_series:
            return values.reshape(-1)[0]
        if self._index is not None:
            return self._space.Series(values, index=self._space.Index(self.labels), name=label)
        return self._frame(values.reshape(1, -1), self.labels, None)

    def sensors_across(self, values: Any, index: Sequence[Hashable]) -> Any:
        """A row for each of `index`, a column for each sensor."""
        labels = self.labels if self.labels != [None] else [0]
        return self._frame(values.reshape(len(values), -1), labels, index)

    def sensors_down(self, values: Any, labels: Sequence[Hashable]) -> Any:
        """A row for each sensor, a column for each label; the sensors are pandas' index, or a first column."""
        sensors = self.labels if self.labels != [None] else [0]
        if self._index is not None:
            return self._frame(values, labels, sensors)
        nw_frame = self._frame(values, labels, None)
        import narwhals as nw

        names = nw.new_series("sensor", [str(sensor) for sensor in sensors], backend=self._nw.implementation)
        return nw.from_native(nw_frame).with_columns(names).select("sensor", *map(str, labels)).to_native()

    @property
    def _space(self) -> Any:
        return self._nw.__native_namespace__()

    @property
    def _before(self) -> dict[Hashable, Any]:
        """The frame's columns that stand before results: its times, and what its rows are grouped by."""
        before: dict[Hashable, Any] = {}
        if self._own_column is not None:
            before[self._own_label] = self._own_times
        if self._group is not None:
            before[self._group] = self._column_of(self._group)
        return before

    def _frame(
        self, values: Any, labels: Sequence[Hashable], index: Any, before: Mapping[Hashable, Any] | None = None
    ) -> Any:
        """A frame of these columns, the frame's own ones before them."""
        before = before or {}
        everything = [*before, *labels]
        if len(set(everything)) < len(everything):
            twice = sorted({str(label) for label in everything if everything.count(label) > 1})
            raise ValueError(
                f"`{self.name}` and the arguments would give several columns named {listed(twice)}; rename columns of "
                f"`{self.name}`, or ask for each result once"
            )
        if self._index is not None:
            same = labels is self.labels and not before and not self.is_series
            columns = self.native.columns if same else self._space.Index(labels, tupleize_cols=False)
            frame = self._space.DataFrame(values, index=index, columns=columns, copy=False)
            for place, (label, column) in enumerate(before.items()):
                frame.insert(place, label, column.to_native())
            return frame
        parts = [column.to_native() for column in before.values()]
        parts += [self._column(label, column) for label, column in zip(labels, values.T, strict=True)]
        names = [str(label) for label in everything]
        if self._nw.implementation.is_pyarrow():
            return self._space.table(parts, names=names)
        return self._space.DataFrame(dict(zip(names, parts, strict=True)))

    def _column(self, label: Hashable, values: Any) -> Any:
        """A column of Polars or PyArrow: what is missing is null there, and NaN would be a value."""
        name = "" if label is None else str(label)
        if self._nw.implementation.is_pyarrow():
            return self._space.chunked_array([arrow_of(self._space, values)])
        if values.dtype.kind != "f" or not np.isnan(values.min(initial=np.inf)):
            return self._space.Series(name, values)
        arrow = pyarrow_if_there()
        if arrow is None:
            return self._space.Series(name, values, nan_to_null=True)
        return self._space.from_arrow(arrow_of(arrow, values)).alias(name)


def opened(x: Any, name: str = "x", times: object = None, by: object = None) -> Sheet | None:
    """The sheet of a frame or series; None for an array, which the engine takes as it is."""
    if isinstance(x, np.ndarray):
        return None
    return x if isinstance(x, Sheet) else Sheet(x, name, times, by)


def arrays(x: Any, name: str = "x") -> Any:
    """What the engine reads of `x`, an array, frame or series."""
    return x if isinstance(x, np.ndarray) else Sheet(x, name).values


def vector(values: Any, name: str) -> Any:
    """An argument of one value a row (labels, weights) as an array; what is no series passes as it is."""
    if values is None or isinstance(values, np.ndarray | Sequence) or not hasattr(values, "__len__"):
        return values
    import narwhals as nw

    column = nw.from_native(values, series_only=True, pass_through=True)
    if not isinstance(column, nw.Series):
        return values
    if column.is_null().any():
        raise ValueError(f"`{name}` must have a value in every row, got {int(column.is_null().sum())} missing")
    return column.to_numpy()


def same_index(values: Any, x: Any, name: str, whose: str = "x") -> None:
    """Refuse two of pandas whose indices differ: nothing is aligned."""
    one: Any = getattr(x, "index", None)
    other: Any = getattr(values, "index", None)
    if hasattr(one, "equals") and hasattr(other, "equals") and len(one) == len(other) and not one.equals(other):
        raise ValueError(f"`{name}` must have the same index as `{whose}`; take {name}.loc[{whose}.index]")
