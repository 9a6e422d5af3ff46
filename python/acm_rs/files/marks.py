"""What stands about a number in its cell: a unit, a mark, a bound, a sign behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from acm_rs.files.levels import Level, level_of_word

__all__ = ["Affix", "affix_of", "is_known_unit", "unit_in_name", "unit_key"]


@dataclass(frozen=True)
class Affix:
    """What was found before and behind a number.

    Parameters
    ----------
    unit : str
        As written.
    mark : str
        A mark of quality as written.
    level : Level, optional
        What the mark means.
    bound : str
        ``"<"`` or ``">"`` where the reading lies beyond the number.
    minus : bool
        The sign stands behind the number.
    """

    unit: str = ""
    mark: str = ""
    level: Level | None = None
    bound: str = ""
    minus: bool = False


_MARKS = re.compile(r"[?!*#~^†‡§]+")
_ENCLOSED = re.compile(r"[(\[{<]\s*([^()\[\]{}<>]*)\s*[)\]}>]")
_LETTERS = {
    **dict.fromkeys(("q", "s", "a", "u", "e", "m", "i", "r", "?", "*", "!"), Level.uncertain),
    **dict.fromkeys(("b", "x"), Level.bad),
    **dict.fromkeys(("g", "v"), Level.good),
}
# A unit begins with a letter or a sign of its own; "1/min" alone begins with a figure.
_UNIT = re.compile(
    r"(?:1\s?/\s?(?:s|min|h)|[A-Za-zµμΩΩäöüÄÖÜéÅ°º℃℉%‰'\"€$£][A-Za-zµμΩΩäöüÄÖÜéÅ°º℃℉%‰²³⁻¹/·⋅*^.\-\s\d()]*)"
)
_HEXADECIMAL = re.compile(r"[xX][0-9A-Fa-f]+|[A-Fa-f]+\d[0-9A-Fa-f]*|[oObB][01]+")
_MONTH = re.compile(r"(?i)(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zé]*\.?[\s\-/.]*\d*")

_PREFIX = r"(?:[munµμpkMGTdch]|da)?"
_ATOMS = (
    "deg ?[CFK]|° ?[CFK]|º ?[CFK]|[CFK]|℃|℉|°|deg|rad|grad|mrad|arcmin|%|‰|pct|percent|%? ?RH|% ?r\\.? ?[FHfh]\\.?|"
    "vol\\.?-? ?%|Vol\\.?-? ?%|wt\\.?-? ?%|mol ?%|ppm|ppmv|ppmw|ppb|ppt|pH|"
    "mils?|ips|g|G|t|to|lbs?|lbm|lbf|klb|oz|ton|tons|tonne|tonnes|kip|"
    "bar|bar ?\\(?[ag]\\)?|bar[ag]|"
    "psi[agd]?|kPa[ag]|MPa[ag]|atm|at|torr|Torr|mmHg|inHg|mmH2O|mmWC|mmWS|cmH2O|inH2O|inWC|"
    "mWS|mH2O|kgf|kg/cm2g?|"
    "rpm|RPM|r/min|U/min|1/min|min-1|min⁻¹|tr/min|cpm|[gGl]pm|[GL]PM|s?cfm|S?CFM|a?cfm|scfh|SCFH|"
    "MMSCFD|MSCFD|bbl|bpd|bph|gal|"
    "[Nn]?m3|[Nn]?m³|Sm3|Sm³|Nl|ft3|in3|cf|Hz|V|A|W|VA|va|var|VAr|VAR|Wh|VAh|varh|Ah|Vdc|Vac|Adc|Aac|"
    "J|cal|BTU|Btu|MMBTU|MMBtu|therm|N|Nm|N·m|Pa|Ω|Ω|ohm|Ohm|ohms|S|H|C|T|F|Bq|Gy|Sv|lx|lux|lm|cd|mol|M|"
    "m|in|inch|inches|ft|yd|mi|mile|nm|kn|kt|knots|l|L|ltr|s|sec|secs|seconds|min|mins|minutes|h|hr|hrs|hours|Std|d|day|days|wk|a|yr|"
    "dB|dBA|dB\\(A\\)|dBm|NTU|FNU|FTU|cP|cSt|St|P|Baumé|°Bx|Brix|°API|API|counts?|cts|pcs|Stk|St\\.|pulses?|imp|steps?|x|"
    "HP|hp|PS|bhp|kgm|lbft|ft-?lb|in-?lb|mV/V|pu|p\\.u\\.|EUR|€|USD|\\$"
)
_ATOM = rf"{_PREFIX}(?:{_ATOMS})(?:\^?-?[1234]|[²³⁻¹]+)?"
_KNOWN = re.compile(rf"(?:1\s?/\s?)?{_ATOM}(?:\s?[/·⋅*.\- ]\s?\(?{_ATOM}\)?)*")
_BRACKETED = re.compile(r"[(\[{<]\s*([^()\[\]{}<>]+)\s*[)\]}>]\s*$|[,;]\s*(?:in\s+)?(\S+)$|\sin\s(\S+)$")


def affix_of(before: str, behind: str) -> Affix | None:
    """Understand what stands about a number.

    Parameters
    ----------
    before, behind : str
        What is left of the cell once the number is taken out.

    Returns
    -------
    Affix or None
        None where it is neither a unit, nor a mark, nor a bound.
    """
    bound = mark = ""
    level: Level | None = None
    first = before.strip()
    if first in ("<", "<=", "≤", "=<", ">", ">=", "≥", "=>"):
        bound = "<" if first[0] in "<≤" or first == "=<" else ">"
    elif first in ('="', "'") and behind.rstrip() in ('"', ""):
        # A spreadsheet's way to say that a cell is text.
        return Affix()
    elif first and first in "~≈?*!#":
        mark, level = first, Level.uncertain
    elif first:
        return None
    rest = behind.strip()
    if rest == "-" and not bound:
        return Affix(mark=mark, level=level, minus=True)
    unit, said = _unit_and_mark(rest)
    bracketed = _ENCLOSED.fullmatch(unit)
    unit = bracketed.group(1).strip() if bracketed else unit
    if said:
        found = _level_of_mark(said)
        if found is None:
            return None
        mark, level = said, found if level is None or found is Level.bad else level
    if unit and not _is_unit(unit):
        return None
    return Affix(unit, mark, level, bound)


def _unit_and_mark(rest: str) -> tuple[str, str]:
    """Part a unit from the mark behind it."""
    if not rest or level_of_mark_only(rest) is not None:
        return "", rest
    enclosed = _ENCLOSED.search(rest)
    if enclosed and enclosed.end() == len(rest) and _level_of_mark(enclosed.group()) is not None:
        return rest[: enclosed.start()].strip(), enclosed.group()
    tail = re.search(r"[?!*#~†‡§]+$", rest)
    if tail:
        return rest[: tail.start()].strip(), tail.group()
    unit, blank, word = rest.rpartition(" ")
    if blank and len(word) > 1 and not is_known_unit(rest) and level_of_word(word) is not None:
        return unit.strip(" ,;"), word
    return rest, ""


def level_of_mark_only(rest: str) -> Level | None:
    """The level where all that stands there is a mark; a single letter is rather a unit."""
    return _level_of_mark(rest) if not re.fullmatch(r"[A-Za-z]", rest) and not is_known_unit(rest) else None


def _level_of_mark(mark: str) -> Level | None:
    if _MARKS.fullmatch(mark):
        return Level.uncertain
    enclosed = _ENCLOSED.fullmatch(mark)
    if enclosed:
        inner = enclosed.group(1).strip()
        return _LETTERS.get(inner.lower()) or level_of_word(inner)
    word = mark.strip(" ,;:-/|")
    return level_of_word(word) if len(word) > 1 else None


def _is_unit(text: str) -> bool:
    if len(text) > 16 or _HEXADECIMAL.fullmatch(text) or _MONTH.fullmatch(text):
        return False
    return bool(_UNIT.fullmatch(text)) and (is_known_unit(text) or not re.search(r"\d{2}|\s\S+\s", text))


def is_known_unit(text: str) -> bool:
    """Tell whether a text is a unit of measurement."""
    return bool(_KNOWN.fullmatch(text))


def unit_key(unit: str) -> str:
    """The same for all spellings of a unit with other blanks and signs."""
    for old, new in (("℃", "°C"), ("℉", "°F"), ("º", "°"), ("μ", "µ"), ("Ω", "Ω"), ("³", "3"), ("²", "2"), ("⋅", "·")):
        unit = unit.replace(old, new)
    return re.sub(r"deg(?=[CFK])", "°", re.sub(r"[\s^]+", "", unit)).replace("%RH", "%")


def unit_in_name(name: str) -> str:
    """The unit that a name ends with: ``Temp [°C]``, ``Flow (m3/h)``, ``Level, %``; empty where there is none."""
    found = _BRACKETED.search(name.strip())
    if not found:
        return ""
    unit = next(filter(None, found.groups())).strip()
    return unit if is_known_unit(unit) else ""
