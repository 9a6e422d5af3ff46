"""What columns are called that hold the time, whole or in parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acm_rs.files.labels import plain

__all__ = [
    "DAYS_OF_YEAR",
    "DIGITS_OF_DAY",
    "PARTS",
    "ZONE_NAMES",
    "is_time_name",
    "may_be_labels",
    "other_zone",
    "part_names",
    "says_date",
    "says_utc",
]

# Compared in lower case, with spaces for dots, dashes, slashes, brackets and underscores.
_TIME_NAMES = frozenset(
    (
        "ts",
        "time",
        "times",
        "timestamp",
        "time stamp",
        "t stamp",
        "datetime",
        "date time",
        "date",
        "date and time",
        "time and date",
        "local time",
        "event time",
        "sample time",
        "sampling time",
        "measurement time",
        "record time",
        "recorded at",
        "elapsed",
        "elapsed time",
        "clock",
        "time in seconds",
        "last changed",
        "last updated",
        "unix",
        "unixtime",
        "unix time",
        "unix timestamp",
        "epoch",
        "epoch time",
        "index",
        "datenum",
        "matlab datenum",
        "jd",
        "mjd",
        "julian date",
        "julian day",
        "zeit",
        "zeitstempel",
        "zeitpunkt",
        "messzeit",
        "messzeitpunkt",
        "datum",
        "datum uhrzeit",
        "datum zeit",
        "datum und uhrzeit",
        "uhrzeit",
        "horodatage",
        "horodate",
        "date heure",
        "date et heure",
        "heure",
        "fecha",
        "fecha hora",
        "fecha y hora",
        "hora",
        "tiempo",
        "marca de tiempo",
        "data ora",
    )
)
# Words beside such a name: a zone or a unit.
_BESIDE = re.compile(
    r"\b(?:utc|gmt|z|lt|local|cet|cest|mez|mesz|est|edt|cst|cdt|pst|pdt|s|sec|seconds?|ms|milliseconds?|us|ns|iso|iso8601)\b"
)
_DATE_WORDS = re.compile(r"date|datum|fecha|horodat|stamp|stempel")
_UTC = re.compile(r"\b(?:utc|gmt)\b(?! ?[+\-\d])")
_OTHER_ZONE = re.compile(
    r"(?<![a-z])(?:utc|gmt) ?[+\-]\d{1,2}(?::?\d\d)?"
    r"|(?<![a-z])(?:africa|america|asia|atlantic|australia|europe|indian|pacific)/[a-z_]+"
    r"|(?<=[(\[])(?:cet|cest|mez|mesz|eet|eest|wet|west|bst|msk|est|edt|cst|cdt|mst|mdt|pst|pdt|ist|jst|aest|aedt)(?=[)\]])",
    re.IGNORECASE,
)

PARTS = {
    "year": ("year", "jahr", "annee", "année", "ano", "año", "yyyy", "yy", "yr"),
    "month": ("month", "monat", "mois", "mes", "mm", "mo", "mon", "mth"),
    "day": ("day", "tag", "jour", "dia", "día", "dd", "dy", "day of month", "dayofmonth"),
    "hour": (
        "hour",
        "stunde",
        "heure",
        "hora",
        "hh",
        "hr",
        "hour of day",
        "hourofday",
        "hour ending",
        "hourending",
        "he",
        "hour beginning",
        "hourbeginning",
        "hb",
    ),
    "minute": ("minute", "min", "minuto", "mn"),
    "second": ("second", "sekunde", "seconde", "segundo", "sec", "ss"),
}
DAYS_OF_YEAR = ("day of year", "dayofyear", "doy", "yday", "jday", "julian day", "julianday", "julian")
# Hours and minutes run together, 1100 or 110000.
DIGITS_OF_DAY = frozenset(
    ("hhmm", "hh mm", "hhmmss", "hh mm ss", "hrmn", "hr mn", "hourminute", "hour minute", "hourmin", "hour min")
)
_EXTREMES = ("max", "maximum", "mean", "avg", "average", "mittel")
_PART = {name: part for part, names in {**PARTS, "day of the year": DAYS_OF_YEAR}.items() for name in names}
ZONE_NAMES = frozenset(
    (
        "zone",
        "timezone",
        "time zone",
        "tz",
        "offset",
        "utc offset",
        "zone offset",
        "zeitzone",
        "fuseau",
        "fuseau horaire",
        "zona horaria",
        "huso horario",
    )
)


def is_time_name(name: str) -> bool:
    """Whether a column of this name should hold the time."""
    words = plain(name)
    if words in _TIME_NAMES:
        return True
    bare = " ".join(_BESIDE.sub(" ", words).split())
    # A lone t may be a temperature, unless its unit is one of time.
    return bare in _TIME_NAMES or (bare == "t" and words != "t")


def part_names(names: Sequence[str]) -> dict[str, str]:
    """The columns that say by their names which part of the time they hold, by the part.

    Parameters
    ----------
    names : sequence of str
        Columns, in the order of the file: of two called ``mm`` that behind the hour holds minutes.

    Returns
    -------
    dict of str to str
        The column of each part that is there.
    """
    parts: dict[str, str] = {}
    extremes = any(plain(name) in _EXTREMES for name in names)
    before = ""
    for name in names:
        word = plain(name)
        if word == "mm" and (before == "hour" or "month" in parts):
            part = "minute"
        elif word == "min" and extremes:
            part = ""
        else:
            part = _PART.get(word, "") or _PART.get(word.removesuffix("s"), "")
        if part:
            parts.setdefault(part, name)
        before = part
    return parts


def may_be_labels(name: str) -> bool:
    """Whether a column of this name may also hold labels of the rows."""
    return plain(name) == "index"


def says_date(name: str) -> bool:
    """Whether a name speaks of dates, so that whole numbers may be days."""
    return bool(_DATE_WORDS.search(plain(name)))


def other_zone(name: str) -> str:
    """The zone, other than UTC, that a name says; empty where it says none."""
    found = _OTHER_ZONE.search(name)
    return found.group() if found else ""


def says_utc(name: str) -> bool:
    """Whether a name says that the times are in UTC."""
    return bool(_UTC.search(re.sub(r"[._/()\[\]:,]", " ", name.lower())))
