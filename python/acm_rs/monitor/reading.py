"""Any table as numbers, names and times: what cannot be used is said, not refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.clocks import TIMES_AS_TEXT, are_dates
from acm_rs.frames import INDEX, Sheet, listed, type_name
from acm_rs.monitor.indices import dated_index
from acm_rs.monitor.other_types import as_numbers
from acm_rs.monitor.units import stated_units
from acm_rs.stamps import stamps, zone_of, zoned
from acm_rs.zones import zone_name

__all__ = ["OF_TYPE", "WORDS", "Readings", "converted", "in_order", "of_floats", "read"]

Matrix = NDArray[np.float64]

_COARSER = frozenset(("Y", "M", "W", "D", "h", "m", "s", "ms", "us"))
"""Units of time that may hold what nanoseconds cannot."""

LOOKED_AT = 100
"""Readings of a column of another type that are tried as numbers."""
PLAIN_ZONE = re.compile(r"[A-Za-z/]+")
"""Names of zones that every kind of frame knows."""
WORDS = "holds no numbers"
OF_TYPE = "is of type"
"""How the reason begins where a column may hold numbers under a type that is not read."""


class Readings:
    """A table that was read.

    Parameters
    ----------
    names : list of str
        Columns of numbers.
    values : array of float64, shape (n, d)
        Their readings; infinity is missing.
    times : array of datetime64[ns], shape (n,), or None
        When the rows were.
    sheet : Sheet or None
        The frame, to go back to its kind.
    texts : dict of str to str
        Columns that are not used as numbers, each with the reason.
    utc : bool
        The times had a zone, and are in UTC.
    units : dict of str to str
        The units that the frame states.
    zone : str or None
        The zone that they had.
    """

    __slots__ = ("names", "sheet", "texts", "times", "units", "utc", "values", "zone")

    def __init__(
        self,
        names: list[str],
        values: Matrix,
        times: NDArray[np.datetime64] | None,
        sheet: Sheet | None,
        texts: dict[str, str],
        utc: bool,
        units: dict[str, str] | None = None,
        zone: str | None = None,
    ) -> None:
        self.names: list[str] = names
        self.values: Matrix = values
        self.times: NDArray[np.datetime64] | None = times
        self.sheet: Sheet | None = sheet
        self.texts: dict[str, str] = texts
        self.utc: bool = utc
        self.units: dict[str, str] = units or {}
        self.zone: str | None = zone or ("UTC" if utc else None)


def read(x: Any, times: Any = None, names: Sequence[str] | None = None) -> Readings:
    """Read a frame, an array, or a row: a mapping, or a series whose labels are among `names`.

    Those are the names of an array's columns.
    """
    if isinstance(x, np.ndarray):
        if isinstance(x, np.ma.MaskedArray) and x.dtype.kind == "f":
            x = x.filled(np.nan)
        return _array(x, times, names)
    if isinstance(x, Mapping):
        return _mapping(x, times)
    labels = getattr(x, "index", None) if names is not None and hasattr(x, "to_frame") else None
    if labels is not None and hasattr(labels, "isin") and labels.map(str).isin(names).any():
        x = x.to_frame().T.infer_objects()
    x, times, zones = _of_pandas(dated_index(x, times), times)
    found = _frame(x, times)
    if zones and found.sheet is not None:
        found.zone = zones.get(str(found.sheet.own_label), found.zone)
    found.units = stated_units(x)
    return found


def _of_pandas(x: Any, times: Any) -> tuple[Any, Any, dict[str, str]]:
    """Times of pandas that no other kind of frame knows: periods as those of their starts, zones of any kind in UTC;
    and the zones of such columns."""
    index: Any = getattr(x, "index", None)
    own = type(index).__name__ == "PeriodIndex" and (times is None or (isinstance(times, str) and times == INDEX))
    if own:
        beside = dict(x.dtypes) if times is None and hasattr(x, "columns") and not of_floats(x) else {}
        dated = [label for label, kind in beside.items() if getattr(kind, "kind", "") == "M" or _is_period(kind)]
        if dated:
            raise TypeError(
                f"`frame` must have no column of dates beside its index of periods, got {listed(dated)}; drop it, or "
                "name the one that counts with `times`"
            )
        times = index.to_timestamp()
    if not hasattr(x, "assign") or not hasattr(x, "dtypes") or of_floats(x):
        return x, times, {}
    kinds = dict(zip(range(len(x.columns)), x.dtypes, strict=True))
    periods = [place for place, kind in kinds.items() if _is_period(kind)]
    clocks = {place: zone for place, kind in kinds.items() if (zone := getattr(kind, "tz", None)) is not None}
    zones = {place: zone_name(zone) for place, zone in clocks.items() if not PLAIN_ZONE.fullmatch(str(zone))}
    if periods or zones:
        columns = [x.iloc[:, place] for place in kinds]
        for place in periods:
            columns[place] = columns[place].dt.to_timestamp()
        for place in zones:
            columns[place] = columns[place].dt.tz_convert("UTC")
        x = type(x)(dict(enumerate(columns)), index=x.index).set_axis(x.columns, axis=1)
    return x, times, {str(x.columns[place]): zone for place, zone in zones.items()}


def _is_period(kind: Any) -> bool:
    return type(kind).__name__ == "PeriodDtype"


def _frame(x: Any, times: Any) -> Readings:
    _different(x)
    if not isinstance(times, str) and of_floats(x):
        return _of_sheet(Sheet(x, "frame", times), times, {})
    import narwhals as nw

    x = as_numbers(x)
    try:
        frame: Any = nw.from_native(x, eager_only=True)
    except TypeError:
        # The same door says for all functions what a frame is.
        Sheet(x, "frame")
        raise TypeError(f"`frame` must be a frame or an array of two dimensions, got {type_name(x)}") from None
    labels = list(frame.columns)
    schema = dict(frame.schema)
    dated = [label for label in labels if isinstance(schema[label], nw.Datetime | nw.Date)]
    numbers = [label for label in labels if _is_number(frame, label, schema[label])]
    kept = set(dated) | set(numbers)
    texts = {str(label): _reason(frame, label) for label in labels if label not in kept}
    if not numbers:
        held = "; ".join(f"{name!r} {reason}" for name, reason in list(texts.items())[:8])
        held = held or (listed(labels) if labels else "no column")
        raise ValueError(f"`frame` must have at least one column of numbers, got {held}; convert texts first")
    native = frame.to_native()
    if times is None and len(dated) > 1 and getattr(getattr(native, "index", None), "dtype", np.dtype(int)).kind != "M":
        raise TypeError(
            f"`frame` must have one column of dates at most, got several ({listed(dated)}); name one with `times`"
        )
    clock = [] if isinstance(times, str) and times != INDEX else dated if len(dated) == 1 else []
    named = [times] if isinstance(times, str) and times in kept else clock
    taken = set(numbers) | set(named)
    places = [place for place, label in enumerate(labels) if label in taken]
    if len(places) == len(labels):
        # A row that comes alone should not pay for a query that changes nothing.
        pass
    elif hasattr(native, "iloc"):
        # Labels of pandas may be numbers, which narwhals does not take.
        native = native.iloc[:, places]
    else:
        native = frame.select([labels[place] for place in places]).to_native()
    texts |= {str(label): "holds dates" for label in dated if label not in named}
    return _of_sheet(Sheet(native, "frame", times), times, texts)


def of_floats(x: Any) -> bool:
    """Whether a frame of pandas is one block of floats, so that nobody needs to look at each column."""
    if getattr(getattr(x, "_mgr", None), "nblocks", 0) != 1:
        return False
    dtype = x._mgr.blocks[0].dtype
    return isinstance(dtype, np.dtype) and dtype.char in "fd" and dtype.isnative


def _of_sheet(sheet: Sheet, times: Any, texts: dict[str, str]) -> Readings:
    values = sheet.values
    if isinstance(values, np.ndarray):
        matrix = np.array(values if values.ndim == 2 else values[:, None], dtype=np.float64, order="F")
    else:
        matrix = np.empty((len(values[0]), len(values)), order="F")
        for place, column in enumerate(values):
            matrix[:, place] = column
    # A series may have no name.
    found = sheet.names or ("x0",)
    when = sheet.times(times) if times is not None else sheet.times(None, "1s")
    zone = sheet.zone(times)
    when = in_order(when, len(matrix))
    return Readings(list(found), _finite(matrix), when, sheet, texts, zone is not None, None, zone)


def _array(x: NDArray[Any], times: Any, names: Sequence[str] | None) -> Readings:
    if x.dtype.kind != "f":
        raise TypeError(f"`frame` must be an array of float64 or float32, got {x.dtype}; convert with .astype(float)")
    if x.ndim != 2:
        raise ValueError(
            f"`frame` must have two dimensions (rows, sensors), got {x.ndim}; take x[:, None] for one sensor"
        )
    if names is not None and len(names) != x.shape[1]:
        raise ValueError(
            f"`frame` must have the {len(names)} columns of the fit in their order where it is an array, got "
            f"{x.shape[1]}; a frame's columns are matched by name"
        )
    own = [f"x{number}" for number in range(x.shape[1])] if names is None else list(names)
    values = np.array(x, dtype=np.float64, order="F")
    zone = zone_of(times)
    when = in_order(stamps(times), len(values))
    return Readings(own, _finite(values), when, None, {}, zone is not None, None, zone)


def _mapping(x: Mapping[Any, Any], times: Any) -> Readings:
    """One row, a reading for each name; a date is its time."""
    cells: dict[str, float] = {}
    texts: dict[str, str] = {}
    dates: dict[str, Any] = {}
    for label, cell in x.items():
        name = str(label)
        if name in cells or name in texts or name in dates:
            raise ValueError(f"`frame` must have columns of different names, got {name!r} twice")
        # What is missing in pandas is not equal to itself, or neither.
        if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
            cells[name] = np.nan
        elif isinstance(cell, str | bytes):
            texts[name] = TIMES_AS_TEXT if are_dates([cell]) else WORDS
        elif isinstance(cell, date | np.datetime64):
            dates[name] = cell
        elif type(cell).__name__ == "Period" and hasattr(cell, "start_time"):
            dates[name] = cell.start_time
        else:
            cells[name] = _number(name, cell)
    if not cells:
        raise ValueError(f"`frame` must have at least one number, got {listed(list(texts)) if texts else 'no name'}")
    zone = False
    if isinstance(times, str) or (times is None and len(dates) == 1):
        clock = times if isinstance(times, str) else next(iter(dates))
        if clock not in dates:
            raise ValueError(f"`times` must name a date of the row where it is a mapping, got {clock!r}")
        when = dates.pop(clock)
        zone = getattr(when, "tzinfo", None) is not None
        times = np.array([when.astimezone(UTC).replace(tzinfo=None) if zone else when], dtype="datetime64[ns]")
    texts |= dict.fromkeys(dates, "holds dates")
    values = np.array([list(cells.values())], order="F")
    return Readings(list(cells), _finite(values), in_order(stamps(times), 1), None, texts, zone or zoned(times))


def _number(name: str, cell: Any) -> float:
    try:
        return cell.total_seconds() if isinstance(cell, timedelta) else float(cell)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(
            f"`frame` must have one number for each name where it is a mapping, got {type_name(cell)} for {name!r}; "
            "several rows are a frame"
        ) from None


def _different(x: Any) -> None:
    """Refuse a frame two of whose columns have one name."""
    labels = getattr(x, "column_names", getattr(x, "columns", ()))
    names = [str(label) for label in labels] if isinstance(labels, Iterable) else []
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise ValueError(f"`frame` must have columns of different names, got {listed(twice)} twice")


def _reason(frame: Any, label: Hashable) -> str:
    """Why a column is not used as numbers; it may hold some under another type."""
    import narwhals as nw

    native = frame.to_native()[label]
    column = nw.from_native(native, series_only=True)
    held = column.drop_nulls().head(LOOKED_AT).to_list()
    try:
        numbers = bool([float(cell) for cell in held])
    except (TypeError, ValueError):
        if are_dates(held):
            return TIMES_AS_TEXT
        words = [cell for cell in held if not _is_float(cell)]
        if 2 * len(words) > len(held):
            return WORDS
        return f"{OF_TYPE} {_kind(native)} and holds {words[0]!r} among numbers; make that missing and convert it"
    if not numbers:
        return "holds nothing"
    way = (
        ".astype(float)"
        if hasattr(native, "astype")
        else ".cast(float)"
        if hasattr(native, "name")
        else '.cast("double")'
    )
    if column.dtype in (nw.Categorical, nw.Enum) and way == ".cast(float)":
        way = ".cast(pl.String).cast(float)"
    return f"{OF_TYPE} {_kind(native)}; convert it with {way}"


def _kind(native: Any) -> Any:
    return getattr(native, "dtype", getattr(native, "type", ""))


def _is_float(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


def converted(readings: Readings, names: Iterable[str]) -> list[str]:
    """Columns that may hold numbers under a type which is not read, each with the way to have them read."""
    return [f"{name!r} {why}" for name in names if (why := readings.texts.get(name, "")).startswith(OF_TYPE)]


def _is_number(frame: Any, label: Hashable, kind: Any) -> bool:
    import narwhals as nw

    if kind.is_numeric() or kind == nw.Boolean:
        return True
    dtype = getattr(frame.to_native()[label], "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def _finite(values: Matrix) -> Matrix:
    values[np.isinf(values)] = np.nan
    return values


def in_order(times: Any, rows: int) -> NDArray[np.datetime64] | None:
    """Times in nanoseconds that do not go back."""
    if times is None:
        return None
    when = np.asarray(times)
    if when.dtype.kind not in "Mi":
        raise TypeError(f"`times` must be dates or whole nanoseconds, got {when.dtype}")
    asked, when = when, when.astype("datetime64[ns]")
    if asked.dtype.kind == "M" and np.datetime_data(asked.dtype)[0] in _COARSER:
        # Beyond 64 bits of nanoseconds the cast gives another time.
        far = ~np.isnat(asked) & (when.astype(asked.dtype) != asked)
        if far.any():
            row = int(far.argmax())
            raise ValueError(f"`times` must be from 1677-09-21 to 2262-04-11, row {row} has {asked.flat[row]}")
    if when.shape != (rows,):
        raise ValueError(f"`times` must have one time for each of the {rows} rows, got {when.shape}")
    unknown = np.isnat(when)
    if isinstance(times, np.ma.MaskedArray):
        unknown |= np.ma.getmaskarray(times)
    if unknown.any():
        first = int(unknown.argmax())
        raise ValueError(f"`times` must all be known, row {first} has none; drop rows without a time")
    if rows < 2:
        return when
    back = np.flatnonzero(np.diff(when) < np.timedelta64(0, "ns"))
    if back.size:
        row = int(back[0]) + 1
        raise ValueError(
            f"`times` must not go back, row {row} ({when[row]}) lies before the row above ({when[row - 1]}); "
            "sort by time"
        )
    return when
