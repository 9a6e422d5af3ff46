"""Names of quality columns: ``Flow_Quality``, ``Flow.Status``, ``Quality(Flow)``, ``Flow Q``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from acm_rs.files.labels import ASPECT_NAMES, QUALITY_NAMES, STATUS_NAMES, VALUE
from acm_rs.files.units import part_unit

__all__ = ["NameOfQuality", "Sense", "key_of", "of_the_row", "read_aspect", "read_name"]


class Sense(StrEnum):
    """What a 1 or a True means under a name; or what else is said of readings there."""

    good = "good"
    bad = "bad"
    uncertain = "uncertain"
    none = "none"
    confidence = "confidence"
    error = "error"
    flag = "flag"
    status = "status"
    alarm = "alarm"
    beside = "beside"


_ANY = "|".join((*QUALITY_NAMES.values(), STATUS_NAMES))
_SEPARATOR = r"[\s_.:;,/\\|\-#@!~]"
_BARE = re.compile(rf"(?P<word>{_ANY}){_SEPARATOR}*(?:\(?\d+\)?)?", re.IGNORECASE)
_BEHIND = re.compile(
    rf"(?P<base>.+?)(?:{_SEPARATOR}+|{_SEPARATOR}*(?=[(\[{{]))[(\[{{]?\s*(?P<word>{_ANY})\s*[)\]}}]?"
    rf"(?:{_SEPARATOR}*(?P<number>\d+))?",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?P<base>.*[a-z0-9\])])(?P<word>Quality|Qual|Status|StatusCode|Valid|IsGood|IsBad|QC|Q)")
_AHEAD = re.compile(
    rf"(?P<word>{_ANY})(?:\s+(?:of|von|der|des|de|du|del|für|for))?(?:{_SEPARATOR}+|\s*(?=[(\[]))"
    rf"[(\[]?\s*(?P<base>.+?)\s*[)\]]?",
    re.IGNORECASE,
)
_ASPECT = "|".join(ASPECT_NAMES.values())
_ASPECTS = (
    re.compile(
        rf"(?P<base>.+?)(?:{_SEPARATOR}+|{_SEPARATOR}*(?=[(\[{{]))[(\[{{]?\s*(?P<word>{_ASPECT})\s*[)\]}}]?",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?P<base>.*[a-z0-9\])])(?P<word>Conf|Confidence|PctGood|PercentGood|%Good|Err|Error|ErrorCode|Flags?|Alarm|Fault)"
    ),
    re.compile(
        rf"(?P<word>{_ASPECT})(?:\s+(?:of|von|der|des|de|du|del|für|for))?(?:{_SEPARATOR}+|\s*(?=[(\[]))"
        rf"[(\[]?\s*(?P<base>.+?)\s*[)\]]?",
        re.IGNORECASE,
    ),
)
_SHARE = re.compile(r"(?i)(?:%|(?<![^\W_])(?:pct|percent|perc))$")
_OF_ROW = re.compile(r"(?:%|pct|percent|perc)[ _]?good|good[ _]?(?:%|pct|percent)", re.IGNORECASE)
_VALUES = "|".join(sorted(VALUE, key=len, reverse=True)) + "|v"
_VALUE = re.compile(
    rf"(?:{_SEPARATOR}+|(?-i:(?<=[a-z0-9])(?=[A-Z])))[(\[]?(?:{_VALUES})[)\]]?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class NameOfQuality:
    """What the name of a quality column says.

    Parameters
    ----------
    bases : tuple of str
        How the sensor may be called; empty where the name says nothing but quality.
    strong : bool
        The name speaks of qualities; otherwise of a status, which may be a machine's.
    sense : Sense
        What a 1 means.
    """

    bases: tuple[str, ...]
    strong: bool
    sense: Sense


def read_name(name: str) -> NameOfQuality | None:
    """Understand the name of a column; None where it does not speak of qualities."""
    name = " ".join(name.split())
    bare = _BARE.fullmatch(name)
    if re.fullmatch(r"(?i)q\d+", name):
        # A flow as often as not.
        return None
    if bare:
        return _named((), bare["word"])
    for pattern in (_BEHIND, _CAMEL, _AHEAD):
        found = pattern.fullmatch(name)
        if found:
            base = found["base"].strip(" _.:;,/\\|-#@!~")
            number = found.groupdict().get("number")
            if _SHARE.search(base):
                # The share of a time that was good: a confidence.
                return None
            return _named((base, *([f"{base} {number}"] if number else [])), found["word"])
    return None


def read_aspect(name: str) -> NameOfQuality | None:
    """Understand the name of a column that says something of another's readings: its quality, confidence, errors.

    Only where there is a column of one of its ``bases`` is it one.
    """
    name = " ".join(name.split())
    for pattern in _ASPECTS:
        found = pattern.fullmatch(name)
        if found:
            word, base = found["word"], found["base"].strip(" _.:;,/\\|-#@!~")
            sense = next(s for s, names in ASPECT_NAMES.items() if re.fullmatch(names, word, re.IGNORECASE))
            return NameOfQuality((base,), sense == "flag", Sense(sense))
    quality = read_name(name)
    return quality if quality is not None and quality.bases else None


def of_the_row(name: str) -> bool:
    """Whether a column is named as the share of a time that was good, of no sensor in particular: ``PercentGood``."""
    return _OF_ROW.fullmatch(" ".join(name.split())) is not None


def _named(bases: tuple[str, ...], word: str) -> NameOfQuality:
    for sense, pattern in QUALITY_NAMES.items():
        if re.fullmatch(pattern, word, re.IGNORECASE):
            return NameOfQuality(bases, True, Sense(sense))
    return NameOfQuality(bases, False, Sense.none)


def key_of(name: str) -> str:
    """The same for a sensor's name with and without its unit, ``Value``, and other separators."""
    name = _VALUE.sub("", part_unit(name)[0])
    return re.sub(rf"{_SEPARATOR}+", "", name).lower()
