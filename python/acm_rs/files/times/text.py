"""Timestamps out of text: mixed spellings in one column, read all cells of a spelling at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows
from acm_rs.files.errors import Origin, Refusal, quoted
from acm_rs.files.short import short_cells
from acm_rs.files.times.dates import ABSENT, DAY_US, DateOrder, Fields, days, tell_order
from acm_rs.files.times.plausible import implausible
from acm_rs.files.times.result import Times
from acm_rs.files.times.sequence import Tags
from acm_rs.files.times.spelling import Spelling, clock_spelling, spelling
from acm_rs.files.times.zones import Zones, localised

__all__ = [
    "has_time_of_day",
    "has_zone",
    "is_date",
    "is_zone",
    "looks_like_clock",
    "looks_like_time",
    "time_share",
    "times_from_text",
]

_SAMPLE = 200
# Twelve months, seven days, two widths of the day and the hour and two zones make some hundreds; beyond, it is prose.
_MOST_SPELLINGS = 4000
_PARTS = ("year", "month", "day", "of_year", "week", "of_week", "first", "second_", "third")
_NO_TIME = np.iinfo(np.int64).min
_ZERO = ord("0")
_WHOLE_YEAR = 4
_MARKS = "'\"= \t\u00a0\u200e\u200f"
_DIGIT = re.compile("[0-9]")
_AS_ZERO = str.maketrans("123456789", "000000000")

_Rows = NDArray[np.int64] | slice


def looks_like_time(text: pl.Series, sample: int = _SAMPLE, share: float = 0.9) -> bool:
    """Tell whether at least this share of a column's cells are dates."""
    hits = time_share(text, sample)
    return hits > 0 and hits >= share


def time_share(text: pl.Series, sample: int = _SAMPLE) -> float:
    """The share of the first cells with content that are dates."""
    patterns = _patterns(text, sample)
    # Of numbers and dates there are few spellings.
    counts = Counter(patterns).items()
    known = sum(count for pattern, count in counts if spelling(pattern) is not None and not _plain(pattern))
    return known / len(patterns) if patterns else 0.0


def is_date(cell: str) -> bool:
    """Tell whether a cell is a date, with or without a time of day."""
    pattern = _DIGIT.sub("0", cell.strip(_MARKS))
    return not _plain(pattern) and spelling(pattern) is not None


def looks_like_clock(text: pl.Series, sample: int = _SAMPLE) -> bool:
    """Tell whether the cells of a column are times of day without a date."""
    patterns = _patterns(text, sample)
    return bool(patterns) and all(clock_spelling(pattern) is not None for pattern in patterns)


def has_time_of_day(text: pl.Series, sample: int = _SAMPLE) -> bool:
    """Tell whether any of the first cells has a time of day beside its date."""
    found = (spelling(pattern) for pattern in _patterns(text, sample))
    return any("hour" in each.places for each in found if each)


def has_zone(text: pl.Series, sample: int = _SAMPLE) -> bool:
    """Tell whether any of the first cells says its zone."""
    return any(each.zoned for each in map(spelling, _patterns(text, sample)) if each)


def is_zone(text: pl.Series, sample: int = _SAMPLE) -> bool:
    """Tell whether the cells of a column are zones, by name or offset."""
    patterns = set(_patterns(text, sample))
    found = [spelling(f"0000-00-00 00:00 {pattern}") for pattern in patterns]
    return bool(found) and all(each and each.zoned for each in found)


def _unmarked(cells: list[str] | None) -> list[str] | None:
    """Cells without the marks that some programs put around text."""
    if cells is not None and any(cell.startswith(("'", '"', "=")) for cell in cells):
        return [cell.strip(_MARKS) for cell in cells]
    return cells


def _patterns(text: pl.Series, sample: int) -> list[str]:
    # Where the first cells have content, as most do, nobody needs the others.
    few = _unmarked(short_cells(text.head(sample)))
    if few is None or (len(few) < text.len() and "" in few):
        few = _unmarked(short_cells(text))
    if few is not None:
        return [cell.translate(_AS_ZERO) for cell in islice(filter(None, few), sample)]
    cells = _bare(text).drop_nulls()
    return _masked(cells.filter(cells != "").head(sample)).to_list()


def _bare(text: pl.Series) -> pl.Series:
    """Cells without blanks around them, and without the marks by which spreadsheets keep a text a text."""
    text = text.str.strip_chars()
    return text.str.strip_chars(_MARKS) if text.str.contains(r"^['\"=\u{200E}\u{200F}]").any() else text


def _masked(text: pl.Series) -> pl.Series:
    return text.str.replace_all("[0-9]", "0")


def _plain(pattern: str) -> bool:
    """Digits alone are a number until the whole column says otherwise."""
    return not pattern.strip("0")


def times_from_text(
    text: pl.Series,
    column: str,
    origin: Origin,
    order: DateOrder | None = None,
    *,
    timezone: str | None = None,
    bad_rows: BadRows | None = None,
    tags: Tags | None = None,
) -> Times:
    """Read a column of timestamps.

    Parameters
    ----------
    text : Series
        The cells.
    column : str
        The column's name, for messages.
    origin : Origin
        Where the rows came from.
    order : DateOrder, optional
        The order of dates such as 06-01-2012; told from the whole column by default.
    timezone : str, optional
        The zone of cells that name none.
    bad_rows : BadRows, optional
        What takes cells that cannot be read; the first is refused by default.
    tags : Tags, optional
        The tags of a long table.

    Returns
    -------
    Times
        Without a time zone as written, or in UTC where every cell carries a zone or one is given.

    Raises
    ------
    Refusal
        A cell that is no timestamp, orders that contradict each other or cannot be told, zones in some cells only, a
        zone that is not known or stands for several.
    """
    met = _Met(_bare(text), column, origin, bad_rows or BadRows())
    fields = _read_fields(met, timezone)
    _refuse_mixed_zones(fields, column, origin)
    numeric = bool(fields.numeric.any())
    wrong = f"is no {order.words} date" if order and numeric else "is no date of the calendar"
    order = order if order or not numeric else tell_order(fields, column, origin)
    count, valid = days(fields, order)
    met.bad(fields.known & ~valid, wrong)
    met.bad(valid & (fields.clock_us == _NO_TIME), "has no such time of day")
    read = valid & (fields.clock_us != _NO_TIME)
    read &= ~implausible(count, read, lambda row: str(met.text[row]), column, origin, met.bad_rows)
    micros = np.where(read, count * DAY_US + fields.clock_us, 0)
    told: list[str] = []
    for code, place in enumerate(fields.zones, 1):
        rows = np.flatnonzero((fields.zone == code) & read)
        if rows.size:
            found = localised(micros[rows], rows, place, origin, column, tags)
            micros[rows] = found.micros
            told += found.told
    if fields.nanos.any():
        values = pl.Series(column, micros * 1000 + fields.nanos).cast(pl.Datetime("ns"))
    else:
        values = pl.Series(column, micros).cast(pl.Datetime("us"))
    if not read.all():
        values = pl.select(pl.when(pl.Series(read)).then(values)).to_series().rename(column)
    notes = []
    if numeric and order:
        notes.append(f"dates {order.words}")
    if (fields.zone[read] >= 0).any():
        values = values.dt.replace_time_zone("UTC")
        notes.append("in UTC" if timezone is None or fields.zoned else f"from {timezone} to UTC")
    settled = {"date_order"} if numeric else set()
    if fields.local:
        settled.add("timezone")
    return Times(values, ", ".join(notes), tuple(told), frozenset(settled))


class _Met:
    """The cells of a column and where to take those that cannot be read."""

    def __init__(self, text: pl.Series, column: str, origin: Origin, bad_rows: BadRows) -> None:
        self.text, self.column, self.origin, self.bad_rows = text, column, origin, bad_rows

    def bad(self, bad: NDArray[np.bool_], what: str) -> None:
        """Hand over cells that cannot be read."""
        self.bad_rows.meet(bad, self.origin, self.column, lambda row: self._why(row, what))

    def _why(self, row: int, what: str) -> str:
        cell = self.text[row]
        return f"{quoted(cell)} {what}" if cell else "the time is missing but the row holds values"


def _read_fields(met: _Met, timezone: str | None) -> Fields:
    text = met.text
    height = text.len()
    parts = {name: np.full(height, ABSENT, dtype=np.int32) for name in _PARTS}
    clock_us = np.zeros(height, dtype=np.int64)
    nanos = np.zeros(height, dtype=np.int64)
    zone = np.full(height, -1, dtype=np.int32)
    known = np.zeros(height, dtype=np.bool_)
    whole = np.zeros(height, dtype=np.bool_)
    groups = [(rows, cells, spelling(pattern)) for pattern, rows, cells in _alike(text)]
    if height and not any(found for _, _, found in groups):
        met.bad(np.ones(height, dtype=np.bool_), "is not a date")
        raise Refusal(f"{met.origin.column(met.column)} holds no cell that is a date")
    names = {found.zone: rows for rows, _, found in reversed(groups) if found and found.zone}
    zones = Zones(names, timezone, lambda name: met.origin.cell(_first(names[name]), met.column))
    for rows, cells, found in groups:
        if found is None:
            continue
        known[rows] = True
        number = _reader(cells, found)
        for name in _PARTS:
            if name in found.places:
                parts[name][rows] = number(name)
                if found.places[name][1] == _WHOLE_YEAR:
                    whole[rows] = True
        if found.month:
            parts["month"][rows] = found.month
        offset, code = zones.of(found.zone) if found.zone else (0, 0)
        if found.sign:
            offset = found.sign * (60 * number("zone_hour") + number("zone_minute"))
        elif not found.zone and zones.local:
            offset, code = zones.local
        if found.zoned or zones.local:
            zone[rows] = code
        clock_us[rows], nanos[rows] = _clock(number, found, offset)
    met.bad(~known, "is not a date")
    zoned = any(found.zoned for _, _, found in groups if found)
    bare = any(not found.zoned for _, _, found in groups if found)
    local = timezone is not None and (bare or zones.told_by_place)
    return Fields(text, known, parts, whole, clock_us, nanos, zone, zones.names, zoned, local)


def _first(rows: _Rows) -> int:
    return 0 if isinstance(rows, slice) else int(rows[0])


def _alike(text: pl.Series) -> Iterator[tuple[str, _Rows, NDArray[np.uint8]]]:
    """The cells that differ in digits only: their pattern, their rows, and their bytes as a matrix."""
    lengths = text.str.len_bytes()
    if text.len() and not text.has_nulls() and lengths.min() == lengths.max() and lengths[0]:
        # Nearly always all are alike, which is seen faster than each cell's own pattern.
        cells = _matrix(text)
        digits = (cells >= _ZERO) & (cells <= _ZERO + 9)
        patterns = np.where(digits, np.uint8(_ZERO), cells)
        if bool((patterns == patterns[0]).all()):
            yield patterns[0].tobytes().decode(), slice(None), cells
            return
    frame = pl.DataFrame({"pattern": _masked(text)}).with_row_index("row")
    groups = frame.group_by("pattern", maintain_order=True).agg("row")
    for pattern, rows in groups.head(_MOST_SPELLINGS).iter_rows():
        if pattern:
            places = np.array(rows, dtype=np.int64)
            yield pattern, places, _matrix(text.gather(places))


def _matrix(text: pl.Series) -> NDArray[np.uint8]:
    data = str(text.str.join("").item()).encode()
    return np.frombuffer(data, dtype=np.uint8).reshape(text.len(), -1)


def _reader(cells: NDArray[np.uint8], found: Spelling) -> Callable[[str], Any]:
    def number(name: str) -> NDArray[np.int64] | int:
        if name not in found.places:
            return 0
        start, width = found.places[name]
        value = np.zeros(cells.shape[0], dtype=np.int64)
        for place in range(start, start + width):
            value *= 10
            value += cells[:, place]
            value -= _ZERO
        return value

    return number


def _clock(number: Callable[[str], Any], found: Spelling, offset: Any) -> tuple[Any, Any]:
    """Microseconds since midnight (in UTC where an offset is given) and the nanoseconds beyond them."""
    hour, minute, second = number("hour"), number("minute"), number("second")
    fraction = number("fraction") * 10 ** (9 - found.places["fraction"][1]) if "fraction" in found.places else 0
    # A second 60 is a leap second, an hour 24 the end of the day: both are written by real historians. Leap seconds end
    # an hour of UTC, and zones lie by quarters of an hour from it.
    bad = (
        (minute > 59)
        | (second > 60)
        | ((second == 60) & (minute % 15 != 14))
        | (hour > 24)
        | ((hour == 24) & ((minute > 0) | (second > 0)))
    )
    if found.afternoon is not None:
        bad = bad | (hour < 1) | (hour > 12)
        hour = hour % 12 + (12 if found.afternoon else 0)
    micros = ((hour * 60 + minute - offset) * 60 + second) * 1_000_000 + fraction // 1000
    return np.where(bad, _NO_TIME, micros), fraction % 1000


def _refuse_mixed_zones(fields: Fields, column: str, origin: Origin) -> None:
    zoned, bare = fields.known & (fields.zone >= 0), fields.known & (fields.zone < 0)
    if zoned.any() and bare.any():
        with_zone, without = (int(np.flatnonzero(mask)[0]) for mask in (zoned, bare))
        raise Refusal(
            f"{origin.cell(without, column)}: {quoted(fields.text[without])} has no time zone,"
            f" but {quoted(fields.text[with_zone])} in {origin.other(with_zone, without)} has one;"
            " say with --timezone which zone such cells are in"
        )
