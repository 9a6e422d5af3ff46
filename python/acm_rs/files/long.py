"""Long tables, one row per reading (time, tag, value): into one row per time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.clock import Clock, Found, find_clock
from acm_rs.files.columns import require_column
from acm_rs.files.errors import Origin, Refusal, counted, listed, quoted
from acm_rs.files.figures import share_of_numbers
from acm_rs.files.flags import Flags, find_flags
from acm_rs.files.labels import BESIDE_TAGS, DESCRIPTION, MAYBE_TAG, TAG, UNIT, VALUE, bare
from acm_rs.files.long_machines import TagsOfMachines, machines_of_tags, may_be_numbers_of_machines
from acm_rs.files.machines import named_for_machines
from acm_rs.files.memory import Room
from acm_rs.files.options import Layout, ReadOptions
from acm_rs.files.quality_names import read_name
from acm_rs.files.raw import About, RawTable
from acm_rs.files.time_names import is_time_name
from acm_rs.files.times import looks_like_time
from acm_rs.files.times.sequence import Tags
from acm_rs.files.typed_values import one_value
from acm_rs.files.units import unit_key

__all__ = ["Spread", "spread_long"]

# Of a cell, and where it comes from.
_BYTES, _BYTES_OF_TEXT = 8 + 4, 16 + 4


class _LongOrigin(Origin):
    """Where the readings of a table came from: each of a row in a row of its own."""

    def __init__(self, long: Origin, first: NDArray[np.int64], places: dict[str, NDArray[np.int32]]) -> None:
        super().__init__(long.path, long.rows[first])
        object.__setattr__(self, "_long", long)
        object.__setattr__(self, "_places", places)

    def cell(self, row: int, column: str) -> str:
        """Name a reading by its row in the file."""
        places = self._places.get(column)  # type: ignore[attr-defined]
        if places is None or places[row] < 0:
            return super().cell(row, column)
        return f"{self._long.row(int(places[row]))}, tag {quoted(column)}"  # type: ignore[attr-defined]

    def column(self, column: str) -> str:
        """Name a tag."""
        return f"{self.path}, tag {quoted(column)}"


class _BadReadings(BadRows):
    """Readings that cannot be read: they are missing, and the others of their time stay."""

    def __init__(self, what: OnBadRow) -> None:
        super().__init__(what)
        self._met = 0

    def meet(self, bad: NDArray[np.bool_], origin: Origin, column: str, why: Callable[[int], str]) -> None:
        """Hand over readings of a tag."""
        super().meet(bad, origin, column, why)
        self._met += int(np.count_nonzero(bad))

    def of(self, height: int) -> NDArray[np.bool_]:
        """No row is left out."""
        return np.zeros(height, dtype=np.bool_)

    @property
    def count(self) -> int:
        """How many readings are left out."""
        return self._met


@dataclass
class Spread:
    """A long table turned into one row per time.

    Parameters
    ----------
    raw : RawTable
        A column for each tag, beside the time.
    found : Found
        Its clock.
    flags : Flags
        The quality of each reading.
    options : ReadOptions
        What remains to be said of the wide table.
    readings : int
        Rows of the long one.
    """

    raw: RawTable
    found: Found
    flags: Flags
    options: ReadOptions
    readings: int


@dataclass
class _Roles:
    """Which column is what.

    Parameters
    ----------
    tag, value : str
        The columns of the tags and of their values.
    certain : bool
        The names say so, or a person.
    others : list of str
        Further columns of numbers.
    telling : list of str
        Columns of numbers that may tell machines.
    """

    tag: str
    value: str
    certain: bool
    others: list[str] = field(default_factory=list)
    telling: list[str] = field(default_factory=list)


def spread_long(
    raw: RawTable, options: ReadOptions, room: Room | None = None, needed: Collection[str] = ()
) -> Spread | None:
    """Turn a long table into a wide one.

    Parameters
    ----------
    raw : RawTable
        The table as it is.
    options : ReadOptions
        What is known of it.
    room : Room, optional
        What is there of memory.
    needed : collection of str
        Sensors that a model knows.

    Returns
    -------
    Spread or None
        None where the table is wide. Tags that were read at other times give rows in which the others are missing; of
        readings of one tag at one time the last is kept. Tags of several machines bear the names of these before them.

    Raises
    ------
    Refusal
        It is said to be long, and the columns cannot be told; or the wide table has no room in memory.
    """
    said = options.layout is Layout.long or options.tag_column is not None or options.value_column is not None
    if options.layout is Layout.wide:
        for option, given in (("--tag-column", options.tag_column), ("--value-column", options.value_column)):
            if given is not None:
                raise Refusal(f"{option} {quoted(given)} is for the long layout, and --layout says wide", status=2)
        return None
    for column in (options.tag_column, options.value_column, options.time_column, options.quality_column):
        if said and column is not None:
            require_column(raw.origin.path, column, raw.columns)
    if options.value_column is None:
        raw = one_value(raw)
    roles = _roles(raw, options)
    if roles is None:
        if said:
            raise Refusal(
                f"{raw.origin.path}: which columns hold tags and values is not told; say so with --tag-column and"
                " --value-column",
                status=2,
            )
        return None
    cells = raw.column(roles.tag).cast(pl.String).str.strip_chars().fill_null("")
    head = raw.head(1000)
    others = [name for name in raw.columns if name not in (roles.tag, roles.value) and named_for_machines(name)]
    others = [name for name in others if may_be_numbers_of_machines(name, head[name])]
    parts = [cells, *(raw.column(name).cast(pl.String).fill_null("") for name in others)]
    sequences = pl.select(pl.concat_str(parts, separator="\0")).to_series() if others else cells
    tags = Tags(sequences.rank("dense").to_numpy().astype(np.int64), cells)
    found = find_clock(raw, options, [roles.tag, roles.value], tags=tags)
    if found.clock is None:
        if said:
            raise Refusal(f"{raw.origin.path}: a long table needs a column of times; name it with --time-column")
        return None
    if not said and not _is_long(raw, roles, found.clock):
        return None
    machines = machines_of_tags(raw, roles.tag, roles.value, found.clock, found.left_out, needed)
    return _spread(raw, options, roles, found, found.clock, room or Room(), machines)


def _roles(raw: RawTable, options: ReadOptions) -> _Roles | None:
    """The columns of tags and values, as far as names and first rows tell."""
    head = raw.head(1000)
    free = [name for name in raw.columns if name != options.time_column and not _is_time(name, head[name])]
    numeric = [name for name in free if _share_of_numbers(head[name]) > 0.5]
    tag, value = options.tag_column, options.value_column
    tags = [name for name in free if bare(name) in TAG and name != value]
    tags = [name for name in tags if bare(name) not in MAYBE_TAG or not _are_readings(head[name])]
    values = [name for name in free if bare(name) in VALUE and name != tag]
    if not values and [bare(name) for name in tags] == ["entityid"]:
        # As a home automation keeps its history.
        values = [name for name in free if bare(name) == "state"]
    if len(values) > 1:
        held = [name for name in values if _share_of_numbers(head[name]) > 0.0]
        if len(held) != 1 and value is None:
            return None
        values = held
    # A source or a device may stand beside the tags.
    if len(tags) > 1:
        tags = [name for name in tags if head[name].n_unique() > 1] or tags
        strong = [name for name in tags if bare(name) not in BESIDE_TAGS]
        tags = strong if len(strong) == 1 else tags
    certain = tag is not None or (len(tags) == 1 and len(values) == 1)
    if tag is None:
        texts = [
            name for name in free if name not in numeric and head[name].dtype == pl.String and _repeats(head[name])
        ]
        if len(texts) > 1:
            texts = [name for name in texts if head[name].n_unique() > 1] or texts
        tags = tags if len(tags) == 1 else [name for name in tags if name in texts] or texts
        tag = tags[0] if len(tags) == 1 else None
    if value is None:
        values = values if len(values) == 1 else [name for name in numeric if name != tag and not _is_quality(name)]
        value = values[0] if len(values) == 1 else None
    if tag is None or value is None or tag == value:
        return None
    others = [name for name in raw.columns if name not in (tag, value) and name in numeric and not _is_quality(name)]
    telling = [name for name in others if certain and may_be_numbers_of_machines(name, head[name])]
    others = [name for name in others if name not in telling or not named_for_machines(name)]
    return _Roles(tag, value, certain, others, telling)


def _is_time(name: str, series: pl.Series) -> bool:
    return series.dtype.is_temporal() or is_time_name(name) or (series.dtype == pl.String and looks_like_time(series))


def _share_of_numbers(series: pl.Series) -> float:
    if series.dtype != pl.String:
        return 1.0 if series.dtype.is_numeric() else 0.0
    return share_of_numbers(series)


def _are_readings(series: pl.Series) -> bool:
    """Whether most cells are numbers with decimals, as no tag is."""
    cells = series.cast(pl.String).drop_nulls().str.strip_chars()
    decimals = cells.str.contains(r"^[+-]?\d*[.,]\d+(?:[eE][+-]?\d+)?$") & ~cells.str.contains(r"[.,]0+$")
    return 2 * int(decimals.sum()) > cells.len()


def _repeats(series: pl.Series) -> bool:
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    known = series.drop_nulls()
    return known.len() > 0 and known.n_unique() * 2 <= known.len()


def _is_quality(name: str) -> bool:
    return read_name(name) is not None


def _is_long(raw: RawTable, roles: _Roles, clock: Clock) -> bool:
    """Whether the rows are readings of tags, and not rows of a table with a word in them."""
    others = [name for name in roles.others if name not in clock.used]
    times, tags = clock.times.values, raw.column(roles.tag)
    # Names that hardly ever come again are remarks.
    if times.len() > 20 and tags.n_unique() * 2 > times.len():
        return False
    if roles.certain and not others:
        return True
    if others and not roles.certain:
        return False
    times_again = times.n_unique() < times.len()
    telling = {f"of {place}": raw.column(name) for place, name in enumerate(roles.telling)}
    pairs = pl.DataFrame({"time": times, "tag": tags, **telling}).n_unique()
    return times_again and tags.n_unique() > 1 and pairs * 100 >= 99 * times.len()


def _spread(
    raw: RawTable,
    options: ReadOptions,
    roles: _Roles,
    found: Found,
    clock: Clock,
    room: Room,
    machines: TagsOfMachines | None,
) -> Spread:
    flags = find_flags(
        raw,
        used={roles.tag, *clock.used, *found.left_out, *([] if machines is None else [machines.column])},
        kept={roles.value},
        alone=roles.value,
        row_column=options.quality_column,
        good=options.good,
    )
    qualities = flags.of.get(roles.value, [])
    cells = raw.column(roles.tag).cast(pl.String).str.strip_chars()
    nameless = cells.is_null() | (cells == "")
    raw.bad_rows.meet(nameless.to_numpy(), raw.origin, roles.tag, lambda _: "the tag is missing")
    good = (~raw.bad_rows.of(raw.height)).nonzero()[0]
    kept = pl.Series(good)
    names = (cells if machines is None else machines.cells).gather(kept)
    times = clock.times.values.gather(kept)
    steps = times.to_physical().diff().drop_nulls()
    if steps.len() and bool((steps <= 0).all()) and bool((steps < 0).any()):
        # Newest first: of two readings the one above was recorded last.
        order = np.arange(good.size - 1, -1, -1)
    else:
        order = np.arange(good.size)
    values = raw.column(roles.value)
    tags = names.unique(maintain_order=True)
    moments, first, place = np.unique(times.to_physical().to_numpy(), return_index=True, return_inverse=True)
    _require_room(raw, tags.len(), moments.size, _BYTES_OF_TEXT if values.dtype == pl.String else _BYTES, room)
    codes = names.cast(pl.Enum(tags)).to_physical().to_numpy()
    by_tag = order[np.argsort(codes[order], kind="stable")]
    ends = np.searchsorted(codes[by_tag], np.arange(tags.len()), side="right")
    places: dict[str, NDArray[np.int32]] = {}
    twice, example = 0, -1
    start = 0
    for name, end in zip(tags, ends.tolist(), strict=True):
        mine = by_tag[start:end]
        start = end
        rows = np.full(moments.size, -1, dtype=np.int32)
        # Of several at one time the last one stays.
        rows[place[mine]] = good[mine]
        again = mine.size - int(np.count_nonzero(rows >= 0))
        if again and example < 0:
            seen, counts = np.unique(place[mine], return_counts=True)
            example = int(good[mine[place[mine] == seen[counts > 1][0]][-1]])
        twice += again
        places[name] = rows
    time_name = clock.name
    if time_name in places:
        raise Refusal(f"{raw.origin.path}: the time column and a tag are both named {quoted(time_name)}")
    unique = times.gather(pl.Series(first))
    columns = [unique.rename(time_name)]
    columns += [_gathered(values, rows).rename(name) for name, rows in places.items()]
    what = f"{counted(good.size, 'reading')} of {counted(tags.len(), 'tag')}"
    columns_said = f"tags in {quoted(roles.tag)}, values in {quoted(roles.value)}"
    notes = [f"long layout ({columns_said}): {what} turned into {counted(moments.size, 'row')}, one per time"]
    if machines is not None:
        notes.append(machines.note)
    if twice:
        where = raw.origin.row(example)
        notes.append(f"readings of the same tag and time: {twice:,} left out, the last kept (first kept: {where})")
    wide = RawTable(
        pl.DataFrame(columns),
        _LongOrigin(raw.origin, good[first], places),
        separator=raw.separator,
        notes=[*raw.notes, *notes, *raw.bad_rows.lines()],
        blank_rows=raw.blank_rows,
        bad_rows=_BadReadings(OnBadRow.skip if raw.bad_rows.skipped else OnBadRow.refuse),
    )
    used = {roles.tag, roles.value, *clock.used, *qualities}
    rest = [name for name in raw.columns if name not in used and name not in found.left_out]
    before = [] if machines is None else [machines.column]
    rest = [name for name in rest if name not in before]
    _describe(raw, wide, names, kept, rest)
    left_out = (
        found.left_out
        | dict.fromkeys(before, "before the tags")
        | dict.fromkeys(rest, "beside the long layout")
        | flags.left_out
    )
    new_clock = Clock(time_name, replace(clock.times, values=unique.rename(time_name)), (time_name,))
    return Spread(
        wide,
        Found(new_clock, left_out, found.notes),
        _flags_of_tags(raw, flags, qualities, places),
        replace(options, time_column=None, quality_column=None),
        raw.height,
    )


def _require_room(raw: RawTable, tags: int, times: int, size: int, room: Room) -> None:
    """Refuse a wide table that memory has no room for; tags at times of their own leave it mostly empty."""
    if room.memory is not None and tags * times * size > room.memory:
        needed, there = (f"{size / 1e6:,.0f} MB" for size in (tags * times * size, room.memory))
        raise Refusal(
            f"{raw.origin.path}: a table of {counted(tags, 'tag')} at {counted(times, 'time')} takes {needed}, and"
            f" there are {there} of memory: part the file by time or by tags"
        )


def _gathered(values: pl.Series, rows: NDArray[np.int32]) -> pl.Series:
    there = pl.Series(rows)
    return values.gather(pl.select(pl.when(there >= 0).then(there)).to_series())


def _flags_of_tags(
    raw: RawTable, flags: Flags, qualities: Sequence[str], places: dict[str, NDArray[np.int32]]
) -> Flags:
    """The qualities of the readings, by tag."""
    spread = Flags(notes=flags.notes)
    for column in qualities:
        cells = raw.column(column)
        for name, rows in places.items():
            own = f"{column} of {name}"
            spread.of.setdefault(name, []).append(own)
            spread.levels[own] = flags.levels[column]
            spread.cells[own] = _gathered(cells, rows)
    return spread


def _describe(raw: RawTable, wide: RawTable, names: pl.Series, kept: pl.Series, rest: list[str]) -> None:
    """Units and descriptions that stand in columns of their own."""
    for column in list(rest):
        is_unit = bare(column) in UNIT
        if not is_unit and bare(column) not in DESCRIPTION:
            continue
        cells = raw.column(column).gather(kept).cast(pl.String).str.strip_chars()
        table = pl.DataFrame({"tag": names, "said": cells})
        table = table.filter(pl.col("said") != "")
        # One unit in two spellings is one.
        meant = table["said"].unique()
        keys = [unit_key(said) if is_unit else said for said in meant]
        table = table.with_columns(meant=pl.col("said").replace_strict(meant, keys, return_dtype=pl.String))
        table = table.unique(["tag", "meant"], keep="first", maintain_order=True).drop("meant")
        if table["tag"].is_duplicated().any():
            twice = table.filter(table["tag"].is_duplicated())
            if is_unit:
                said = twice.filter(pl.col("tag") == twice["tag"][0])["said"]
                raise Refusal(
                    f"{raw.origin.path}, tag {quoted(twice['tag'][0])}: values in {listed(said[:2].to_list())} (column"
                    f" {quoted(column)}); one tag has one unit, and a column that tells machines is called 'machine'"
                )
            continue
        for name, said in table.iter_rows():
            about = wide.about.get(name, About())
            wide.about[name] = replace(about, **{"unit" if is_unit else "description": said})
        rest.remove(column)
