"""Time zones: by abbreviation, by the name of a place, by offset; and the hour that comes twice in autumn."""

from __future__ import annotations

import difflib
import functools
import re
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from acm_rs.files.errors import Origin, Refusal, listed, quoted
from acm_rs.files.times.dates import DAY_US
from acm_rs.files.times.result import Times
from acm_rs.files.times.sequence import Tags, as_written, by_tag, in_order_of_time

__all__ = ["Localised", "Zones", "localised", "to_utc", "zone_given"]

# Minutes east of UTC, of those that mean one offset world-wide (for North America as in RFC 5322, section 4.3).
_OFFSETS = {
    "UTC": 0, "GMT": 0, "Z": 0, "UT": 0, "UCT": 0, "WET": 0, "WEST": 60, "CET": 60, "CEST": 120, "MEZ": 60, "MESZ": 120,
    "MET": 60, "MEST": 120, "EET": 120, "EEST": 180, "OEZ": 120, "OESZ": 180, "MSK": 180, "MSD": 240, "TRT": 180,
    "EST": -300, "EDT": -240, "CDT": -300, "MST": -420, "MDT": -360, "PDT": -420, "AKST": -540, "AKDT": -480,
    "HST": -600, "NST": -210, "NDT": -150, "ADT": -180, "BRT": -180, "ART": -180, "CLT": -240, "CLST": -180,
    "SAST": 120, "CAT": 120, "WAT": 60, "EAT": 180, "PKT": 300, "NPT": 345, "WIB": 420, "WITA": 480, "WIT": 540,
    "HKT": 480, "SGT": 480, "JST": 540, "KST": 540, "AWST": 480, "ACST": 570, "ACDT": 630, "AEST": 600, "AEDT": 660,
    "NZST": 720, "NZDT": 780,
}  # fmt: skip
# Those of several places, with examples for the remedy.
_SEVERAL = {
    "CST": ("America/Chicago", "Asia/Shanghai"),
    "PST": ("America/Los_Angeles", "Asia/Manila"),
    "IST": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "BST": ("Europe/London", "Asia/Dhaka"),
    "AST": ("America/Halifax", "Asia/Riyadh"),
    "GST": ("Asia/Dubai", "Pacific/Guam"),
    "AMT": ("America/Manaus", "Asia/Yerevan"),
    "ECT": ("America/Guayaquil", "America/Martinique"),
    "SST": ("Pacific/Pago_Pago", "Asia/Singapore"),
    "WST": ("Australia/Perth", "Pacific/Apia"),
}
# A partner in the same column settles them: no other place has both.
_BESIDE = {"CST": ("CDT", -360), "PST": ("PDT", -480), "AST": ("ADT", -240), "BST": ("GMT", 60)}
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)


class Zones:
    """What the names of zones in a column mean.

    Parameters
    ----------
    named : iterable of str
        The names, as written.
    timezone : str, optional
        The zone of cells without one; it also tells between the meanings of an abbreviation.
    where : callable
        Where a name is met first.
    """

    def __init__(self, named: Iterable[str], timezone: str | None, where: Callable[[str], str]) -> None:
        self._places: list[str] = []
        self.local: tuple[int, int] | None = self._given(timezone) if timezone else None
        beside = {name.upper() for name in named}
        own = _own_names(self._places[0]) if self._places else {}
        self.told_by_place: bool = any(name.upper() in own and name.upper() not in _OFFSETS for name in named)
        self._meaning = {name: self._of(name, beside, own, where) for name in named}

    @property
    def names(self) -> tuple[str, ...]:
        """Zones whose offset depends on the date, in the order of their codes, from 1."""
        return tuple(self._places)

    def of(self, name: str) -> tuple[int, int]:
        """The offset in minutes and the code of a name in the column; the code 0 is for offsets that are fixed."""
        return self._meaning[name]

    def _given(self, timezone: str) -> tuple[int, int]:
        offset, place = zone_given(timezone)
        return (offset, self._code(place)) if place else (offset, 0)

    def _code(self, place: str) -> int:
        if place not in self._places:
            self._places.append(place)
        return self._places.index(place) + 1

    def _of(self, name: str, beside: set[str], own: dict[str, int], where: Callable[[str], str]) -> tuple[int, int]:
        short = name.upper()
        if short in own:
            return own[short], 0
        if short in _OFFSETS:
            return _OFFSETS[short], 0
        partner, offset = _BESIDE.get(short, ("", 0))
        if partner in beside:
            return offset, 0
        if short in _SEVERAL:
            ways = " or ".join(f"--timezone {place}" for place in _SEVERAL[short])
            raise Refusal(f"{where(name)}: the zone {quoted(name)} has several meanings; say which with {ways}")
        place = _places().get(name.lower())
        if place is None or "/" not in place:
            raise Refusal(
                f"{where(name)}: {quoted(name)} is no time zone that is known;"
                " write it as an offset (+01:00) or a place (Europe/Berlin)"
            )
        return 0, self._code(place)


def zone_given(timezone: str) -> tuple[int, str]:
    """The fixed offset in minutes, or the place, that ``--timezone`` names.

    Parameters
    ----------
    timezone : str
        A place (``Europe/Berlin``), an offset (``+01:00``), or an abbreviation with one meaning (``CEST``).

    Returns
    -------
    offset : int
        Minutes east of UTC; 0 with a place.
    place : str
        Empty with an offset.

    Raises
    ------
    Refusal
        None of these.
    """
    offset = _OFFSET.fullmatch(timezone.strip())
    if offset and int(offset[2]) <= 14 and int(offset[3] or 0) < 60:
        return (1 if offset[1] == "+" else -1) * (int(offset[2]) * 60 + int(offset[3] or 0)), ""
    place = _places().get(timezone.strip().lower())
    short = timezone.strip().upper()
    if short in ("UTC", "GMT", "Z"):
        return 0, ""
    if place:
        return 0, place
    if short in _OFFSETS:
        return _OFFSETS[short], ""
    last = {known.rsplit("/", 1)[-1]: name for known, name in _places().items()}
    close = difflib.get_close_matches(timezone.lower(), [*_places(), *last], n=4, cutoff=0.7)
    alike = list(dict.fromkeys(_places().get(name) or last[name] for name in close))
    hint = f"; did you mean {listed(alike)}?" if alike else "; examples: Europe/Berlin, America/Chicago, +01:00"
    if short in _SEVERAL:
        hint = f", for it has several meanings; say {' or '.join(_SEVERAL[short])}"
    raise Refusal(f"--timezone {quoted(timezone)} is no time zone that is known{hint}", status=2)


@functools.cache
def _places() -> dict[str, str]:
    """The names of the time zone database, by their small letters."""
    return {name.lower(): name for name in sorted(zoneinfo.available_timezones())}


def _own_names(place: str) -> dict[str, int]:
    """The abbreviations that a place uses, with their offsets."""
    zone = zoneinfo.ZoneInfo(place)
    own: dict[str, int] = {}
    for year in range(1990, 2041):
        for month in (1, 7):
            local = datetime(year, month, 1, tzinfo=UTC).astimezone(zone)
            offset = local.utcoffset()
            if offset is not None:
                own[(local.tzname() or "").upper()] = int(offset.total_seconds()) // 60
    return {name: offset for name, offset in own.items() if name.isalpha()}


@dataclass
class Localised:
    """Local times of a place in UTC.

    Parameters
    ----------
    micros : ndarray of int64
        Microseconds since 1970 in UTC.
    told : list of str
        What was done about hours that come twice.
    """

    micros: NDArray[np.int64]
    told: list[str] = field(default_factory=list)


def localised(
    micros: NDArray[np.int64],
    rows: NDArray[np.int64],
    place: str,
    origin: Origin,
    column: str,
    tags: Tags | None = None,
) -> Localised:
    """Turn local times of a place into UTC; the hour that comes twice is told apart by the order of rows.

    Parameters
    ----------
    micros : ndarray of int64
        Microseconds since 1970 by the local clock, in the order of the file.
    rows : ndarray of int64
        The rows they stand in.
    place : str
        A name of the time zone database.
    origin : Origin
        Where the rows came from.
    column : str
        The column, for messages.
    tags : Tags, optional
        The tags of a long table.

    Returns
    -------
    Localised

    Raises
    ------
    Refusal
        A time that the clock of that place jumped over.
    """
    local = pl.Series(micros).cast(pl.Datetime("us"))
    try:
        first = local.dt.replace_time_zone(place, ambiguous="earliest", non_existent="null")
        second = local.dt.replace_time_zone(place, ambiguous="latest", non_existent="null")
    except pl.exceptions.PolarsError:
        raise Refusal(f"the time zone {quoted(place)} is not known to Polars") from None
    never = first.is_null().arg_true()
    if never.len():
        at = int(never[0])
        raise Refusal(
            f"{origin.cell(int(rows[at]), column)}: {local[at]} did not happen in {place}, where clocks were put"
            " forward over it; where the recorder kept its winter time, give that to --timezone as an offset (+01:00)"
        )
    early, late = (stamps.to_physical().to_numpy() for stamps in (first, second))
    twice = early != late
    if not twice.any():
        return Localised(early)
    sequence = np.concatenate(as_written(micros, rows, origin))
    nights = np.unique(micros[twice] // DAY_US)
    # Where rows are in no order of time, those of each tag and file are.
    mixed = tags is not None or len(origin.files) > 1
    parts = [sequence]
    if mixed and not in_order_of_time(micros[sequence], nights.size):
        parts = by_tag(micros, rows, origin, tags, twice, 1_000_000)
    done = early.copy()
    apart: set[int] = set()
    once: dict[int, list[NDArray[np.int64]]] = {night: [] for night in nights.tolist()}
    for part in parts:
        again = part[twice[part]]
        day = micros[again] // DAY_US
        for each in np.unique(day).tolist():
            places = again[day == each]
            after, both = _second_time(micros[places])
            done[places[after]] = late[places[after]]
            if both:
                apart.add(each)
            else:
                once[each].append(rows[places])
    dates: dict[str, list[str]] = {}
    for each, guessed in once.items():
        how = "its rows told apart by their order" if each in apart else "it stands once here and is taken as the first"
        if each in apart and tags is not None and guessed:
            how += f"; of {listed(tags.of(np.concatenate(guessed)))} it stands once and is taken as the first"
        dates.setdefault(how, []).append(str(np.datetime64(each, "D")))
    told = [f"the hour that comes twice in {place} on {', '.join(on)}: {how}" for how, on in sorted(dates.items())]
    return Localised(done, told)


def _second_time(micros: NDArray[np.int64]) -> tuple[NDArray[np.bool_], bool]:
    """Which rows of an hour that comes twice, in order of time, are of the second; and whether both are there."""
    back = np.flatnonzero(np.diff(micros) < 0)
    if back.size == 1:
        return np.arange(micros.size) > back[0], True
    # Without a clear step back the first row of each reading of the clock is of the first hour.
    order = np.argsort(micros, kind="stable")
    ordered = micros[order]
    again = np.zeros(micros.size, dtype=np.bool_)
    again[order[1:]] = ordered[1:] == ordered[:-1]
    return again, bool(again.any())


def to_utc(times: Times, timezone: str, origin: Origin, column: str, tags: Tags | None = None) -> Times:
    """Put times without a zone into one, and in UTC.

    Parameters
    ----------
    times : Times
        Dates without a zone; others stay as they are.
    timezone : str
        The zone, as :func:`zone_given` takes it.
    origin : Origin
        Where the rows came from.
    column : str
        The column, for messages.
    tags : Tags, optional
        The tags of a long table.

    Returns
    -------
    Times
    """
    offset, place = zone_given(timezone)
    values = times.values.cast(pl.Datetime("us")) if times.values.dtype == pl.Date else times.values
    if not isinstance(values.dtype, pl.Datetime) or values.dtype.time_zone is not None:
        return times
    told: list[str] = []
    if place:
        rows = values.is_not_null().arg_true().to_numpy().astype(np.int64)
        local = values.cast(pl.Datetime("us")).gather(rows).to_physical().to_numpy()
        found = localised(local, rows, place, origin, column, tags)
        told = found.told
        shift = np.zeros(values.len(), dtype=np.int64)
        shift[rows] = found.micros - local
    else:
        shift = np.full(values.len(), -offset * 60_000_000, dtype=np.int64)
    moved = pl.DataFrame([values.alias("time"), pl.Series("by", shift).cast(pl.Duration("us"))])
    values = moved.select((pl.col("time") + pl.col("by")).cast(values.dtype))["time"].rename(times.values.name)
    note = ", ".join(filter(None, (times.note, f"from {timezone} to UTC")))
    settled = times.settled | {"timezone"}
    return Times(values.dt.replace_time_zone("UTC"), note, (*times.told, *told), settled)
