"""How one time is spelled: where in a cell its numbers stand.

Cells that differ in their digits only are spelled alike, so a spelling is read once, off a pattern in which every digit
is 0, whatever the number of cells.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, field

from acm_rs.files.times.names import MONTHS, WEEKDAYS

__all__ = ["Spelling", "clock_spelling", "spelling"]


@dataclass(frozen=True)
class Spelling:
    """Where the numbers of a time stand.

    Parameters
    ----------
    places : dict of str to (int, int)
        For each number its first byte and its length.
    month : int
        The month where it is a word, else 0.
    afternoon : bool or None
        With a clock of twelve hours, which half of the day.
    sign : int
        The sign of an offset from UTC; 0 where there is none.
    zone : str
        The zone where it is a name, as written; ``"UTC"`` for Z.
    """

    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    month: int = 0
    afternoon: bool | None = None
    sign: int = 0
    zone: str = ""

    @property
    def zoned(self) -> bool:
        """Whether the cell says its zone."""
        return bool(self.sign or self.zone)


def _either(names: frozenset[str] | dict[str, int]) -> str:
    return "|".join(sorted(names, key=lambda name: (-len(name), name)))


_WEEKDAY = re.compile(rf"(?:{_either(WEEKDAYS)})(?:\.,|[.,]|(?=\s))\s*")
_NAME = rf"(?P<name>{_either(MONTHS)})"
_YEAR = r"(?P<year>0{4})"
_DAY = r"(?P<day>0{1,2})"
_ENDING = r"(?:\.|st|nd|rd|th|er|o)?"
_NUMERIC = re.compile(r"(?P<first>0{1,2})(?P<mark>[-/.])\s?(?P<second_>0{1,2})[-/.]\s?(?P<third>0{4}|00)(?!0)")
_YEAR_FIRST = re.compile(rf"{_YEAR}[-/.](?P<month>0{{1,2}})[-/.]{_DAY}(?!0)\.?")
_COMPACT = re.compile(rf"{_YEAR}(?P<month>00)(?P<day>00)")
_NAME_DAY = re.compile(rf"{_NAME}\.?[-/ ]\s?{_DAY}{_ENDING}(?:,\s?|[-/ ]\s?){_YEAR}(?!0)")
# With the year at the very end, as `date` and the C library write it.
_NAME_DAY_ALONE = re.compile(rf"{_NAME}\.?\s+{_DAY}{_ENDING},?(?=\s)")
_DAY_NAME_ALONE = re.compile(rf"{_DAY}{_ENDING}\s+{_NAME}\.?,?(?=\s)")
_LAST_YEAR = re.compile(rf"\s+{_YEAR}$")
_DATES = (
    _YEAR_FIRST,
    re.compile(rf"{_YEAR}[-/. ]\s?{_NAME}\.?[-/. ]\s?{_DAY}(?!0)"),
    re.compile(rf"{_YEAR}-(?P<of_year>000)(?!0)"),
    re.compile(rf"{_YEAR}(?P<dash>-?)w(?P<week>00)(?P=dash)(?P<of_week>0)(?!0)"),
    _NUMERIC,
    re.compile(
        rf"{_DAY}{_ENDING}(?:\s?[-/ ]\s?|(?=[a-z]))(?:(?:de|of)\s)?{_NAME}\.?(?:,\s?|\s?[-/ ]\s?|(?=0))"
        r"(?:del?\s)?'?(?P<year>0{4}|00)(?!0)"
    ),
    _NAME_DAY,
    _COMPACT,
)
_FRACTION = r"(?P<fraction>0{1,9})0*"
_COLONS = re.compile(rf"(?P<hour>0{{1,2}}):(?P<minute>00)(?:\s?:(?P<second>00)(?:[.,:]{_FRACTION})?)?(?!0)(?!:)")
_LETTERS = re.compile(
    rf"(?P<hour>0{{1,2}})\s?h(?:(?=\s|$)|\s?(?P<minute>00)(?:\s?(?:min|mn|m|')?(?:\s?(?P<second>00)(?:[.,]{_FRACTION})?"
    r"(?:\s?(?:sec|s))?)?)?)(?![0a-z])"
)
_POINTS = re.compile(rf"(?P<hour>0{{1,2}})\.(?P<minute>00)(?:\.(?P<second>00)(?:[.,]{_FRACTION})?)?(?![.0])")
_DASHES = re.compile(rf"(?P<hour>00)-(?P<minute>00)-(?P<second>00)(?:[.,]{_FRACTION})?(?!0)")
_BARE = re.compile(rf"(?P<hour>00)(?P<minute>00)(?:(?P<second>00)(?:[.,]{_FRACTION})?)?(?!0)")
_BARE_MILLIS = re.compile(r"(?P<hour>00)(?P<minute>00)(?P<second>00)(?P<fraction>000)(?!0)")
_HOUR = re.compile(r"(?P<hour>00?)(?![0:.h])")
_HALF = re.compile(r"\s?(?P<half>[ap])\.?\s?m(?![a-z])\.?")
_AFTER = re.compile(r"\s?(?:uhr|hrs|h|o'clock)(?![a-z])\.?")
_OFFSET = re.compile(
    r"\s*[\[(]?(?:utc|gmt|z)?\s?(?P<sign>[-+\u2212\u2013])(?P<zone_hour>00?)(?::?(?P<zone_minute>00))?(?::00)?[\])]?"
    r"(?:\s?(?:\[[^\]]*\]|\([^)]*\))|\s[a-z]{3,5})?$"
)
_ZULU = re.compile(r"\s*[\[(]?z[\])]?(?:\s?\[[^\]]*\])?$")
_ZONE = re.compile(r"(?:\s+|\s*(?=[\[(])|(?<=0))[\[(]?(?P<zone>[a-z]{2,5}|[a-z_]+(?:/[a-z_-]+)+)[\])]?$")
_JOIN = re.compile(r"\s*t\s?(?=0)|\s*,\s*|\s+(?:(?:um|at|a las|a|-)\s+)?|\s*_")


@functools.lru_cache(maxsize=4096)
def spelling(pattern: str) -> Spelling | None:
    """Read the spelling of a date, with or without a time of day.

    Parameters
    ----------
    pattern : str
        A cell in which each digit is replaced by 0.

    Returns
    -------
    Spelling or None
        None where it is no date.
    """
    folded = _Folded(pattern)
    if folded.strange:
        return None
    text = folded.text
    starts = [0]
    weekday = _WEEKDAY.match(text)
    if weekday:
        starts.append(weekday.end())
    for start in starts:
        found = _date_first(text, start) or _year_last(text, start)
        if found:
            return folded.spelling(found)
    found = _clock_first(text)
    return folded.spelling(found) if found else None


@functools.lru_cache(maxsize=4096)
def clock_spelling(pattern: str) -> Spelling | None:
    """Read the spelling of a time of day without a date."""
    folded = _Folded(pattern)
    if folded.strange:
        return None
    for clock in (_COLONS, _LETTERS, _HOUR):
        found = clock.match(folded.text)
        if not found:
            continue
        rest = _rest(folded.text, found.end(), half_needed=clock is _HOUR)
        if rest is not None:
            return folded.spelling([found, *rest])
    return None


class _Folded:
    """Small letters without accents, and for each the byte it stands at."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        letters: list[str] = []
        self._bytes: list[int] = []
        place = 0
        for char in pattern:
            plain = char if char.isascii() else unicodedata.normalize("NFKD", char)
            for part in plain.lower():
                if not unicodedata.combining(part):
                    letters.append(part)
                    self._bytes.append(place)
            place += len(char.encode(errors="replace"))
        self._bytes.append(place)
        self.text = "".join(letters)
        # Digits of another script would not stand for themselves.
        self.strange = any(char.isdigit() and not char.isascii() for char in pattern)

    def spelling(self, found: list[re.Match[str]]) -> Spelling:
        places = {}
        month, afternoon, sign, zone = 0, None, 0, ""
        for match in found:
            if match.re is _ZULU:
                zone = "UTC"
            for name, value in match.groupdict().items():
                if value is None or name in ("mark", "dash"):
                    continue
                first, last = match.span(name)
                if name == "name":
                    month = MONTHS[value]
                elif name == "half":
                    afternoon = value == "p"
                elif name == "sign":
                    sign = 1 if value == "+" else -1
                elif name == "zone":
                    zone = self._pattern.encode()[self._bytes[first] : self._bytes[last]].decode()
                else:
                    places[name] = (self._bytes[first], last - first)
        return Spelling(places, month, afternoon, sign, zone)


def _date_first(text: str, start: int) -> list[re.Match[str]] | None:
    for date in _DATES:
        day = date.match(text, start)
        if not day:
            continue
        if day.end() == len(text):
            return [day]
        found = _clock_after(text, day)
        if found:
            return [day, *found]
    return None


def _clock_after(text: str, day: re.Match[str]) -> list[re.Match[str]] | None:
    date, at = day.re, day.end()
    joins: list[tuple[int, tuple[re.Pattern[str], ...]]] = []
    join = _JOIN.match(text, at)
    if join:
        joins.append((join.end(), (_COLONS, _LETTERS, _DASHES, _POINTS, _BARE, _BARE_MILLIS, _HOUR)))
    elif date is _COMPACT:
        joins.append((at, (_BARE_MILLIS, _BARE, _HOUR)))
        joins.append((at + text.startswith("-", at), (_BARE, _COLONS)))
    elif text.startswith(":", at):
        joins.append((at + 1, (_COLONS,)))
    elif text.startswith("-", at) and date in (_YEAR_FIRST, _NUMERIC):
        joins.append((at + 1, (_COLONS, _DASHES)))
    for place, clocks in joins:
        for clock in clocks:
            found = clock.match(text, place)
            if not found:
                continue
            # A lone hour could be anything but after a date of numbers.
            alone = clock is _HOUR and date not in (_YEAR_FIRST, _COMPACT, _NUMERIC)
            rest = _rest(text, found.end(), half_needed=alone)
            if rest is not None:
                return [found, *rest]
    return None


def _rest(text: str, at: int, *, half_needed: bool = False) -> list[re.Match[str]] | None:
    """Read what may follow a time of day up to the end of the cell."""
    found = []
    half = _HALF.match(text, at)
    if half:
        found.append(half)
        at = half.end()
    elif half_needed:
        return None
    after = _AFTER.match(text, at)
    at = after.end() if after else at
    if at == len(text):
        return found
    for zone in (_ZULU, _OFFSET, _ZONE):
        match = zone.match(text, at)
        if match:
            return [*found, match]
    return None


def _year_last(text: str, start: int) -> list[re.Match[str]] | None:
    year = _LAST_YEAR.search(text)
    if not year:
        return None
    head = text[: year.start()]
    for date in (_NAME_DAY_ALONE, _DAY_NAME_ALONE):
        day = date.match(head, start)
        if not day:
            continue
        join = _JOIN.match(head, day.end())
        clock = _COLONS.match(head, join.end()) if join else None
        rest = _rest(head, clock.end()) if clock else None
        if clock and rest is not None:
            return [day, clock, *rest, year]
    return None


def _clock_first(text: str) -> list[re.Match[str]] | None:
    clock = _COLONS.match(text)
    if not clock:
        return None
    half = _HALF.match(text, clock.end())
    join = re.compile(r"\s*,\s*|\s+").match(text, half.end() if half else clock.end())
    if not join:
        return None
    weekday = _WEEKDAY.match(text, join.end())
    start = weekday.end() if weekday else join.end()
    for date in _DATES:
        day = date.fullmatch(text, start)
        if day and date is not _COMPACT:
            return [clock, *([half] if half else []), day]
    return None
