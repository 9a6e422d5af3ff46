"""What stands about a number in its cell: a unit, a mark, a bound, a sign behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from acm_rs.files.levels import Level, level_of_word
from acm_rs.files.units import is_unit

__all__ = ["Affix", "affix_of"]


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
    if unit and not _may_be_unit(unit):
        return None
    return Affix(unit, mark, level, bound)


def _unit_and_mark(rest: str) -> tuple[str, str]:
    """Part a unit from the mark behind it."""
    if is_unit(rest):
        return rest, ""
    if not rest or level_of_mark_only(rest) is not None:
        return "", rest
    enclosed = _ENCLOSED.search(rest)
    if enclosed and enclosed.end() == len(rest) and _level_of_mark(enclosed.group()) is not None:
        return rest[: enclosed.start()].strip(), enclosed.group()
    tail = re.search(r"[?!*#~†‡§]+$", rest)
    if tail:
        return rest[: tail.start()].strip(), tail.group()
    unit, blank, word = rest.rpartition(" ")
    if blank and len(word) > 1 and level_of_word(word) is not None:
        return unit.strip(" ,;"), word
    return rest, ""


def level_of_mark_only(rest: str) -> Level | None:
    """The level where all that stands there is a mark; a single letter is rather a unit."""
    return None if re.fullmatch(r"[A-Za-z]", rest) else _level_of_mark(rest)


def _level_of_mark(mark: str) -> Level | None:
    if _MARKS.fullmatch(mark):
        return Level.uncertain
    enclosed = _ENCLOSED.fullmatch(mark)
    if enclosed:
        inner = enclosed.group(1).strip()
        return _LETTERS.get(inner.lower()) or level_of_word(inner)
    word = mark.strip(" ,;:-/|")
    return level_of_word(word) if len(word) > 1 else None


def _may_be_unit(text: str) -> bool:
    if len(text) > 16 or _HEXADECIMAL.fullmatch(text) or _MONTH.fullmatch(text):
        return False
    return is_unit(text) or (bool(_UNIT.fullmatch(text)) and not re.search(r"\d{2}|\s\S+\s", text))
