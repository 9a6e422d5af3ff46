"""How good a reading is said to be: the words and codes of qualities."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from acm_rs.files.labels import QUALITY_WORDS, QUALITY_WORDS_IN_CONTEXT
from acm_rs.files.missing_words import MISSING_WORDS

__all__ = ["Level", "Scheme", "Uncertain", "level_of_code", "level_of_word", "scheme_of", "speaks_of_quality"]


class Level(StrEnum):
    """How good a reading is."""

    good = "good"
    uncertain = "uncertain"
    bad = "bad"


class Uncertain(StrEnum):
    """What becomes of readings that are said to be uncertain."""

    keep = "keep"
    missing = "missing"


class Scheme(StrEnum):
    """What the numbers of quality columns mean."""

    opc = "OPC"
    opc_ua = "OPC UA"
    percent = "percent good"
    switch = "0 and 1"


def _words(lines: str) -> Iterable[str]:
    return (word.strip() for word in re.split(r"[|\n]", lines))


_PLAIN_LEVEL = {word: Level(level) for level, lines in QUALITY_WORDS.items() for word in _words(lines)}
_LEVEL = {
    **{word: Level.bad for word in MISSING_WORDS if len(word) > 2},
    **{word: Level(level) for level, lines in QUALITY_WORDS_IN_CONTEXT.items() for word in _words(lines)},
    **_PLAIN_LEVEL,
}
# OPC names begin with the level: GoodClamped, "Bad, Not Connected", Uncertain_LastUsableValue, "good (local override)".
_FAMILY = re.compile(r"(?i:good|bad|uncertain)(?=$|[\s:,;_(\-/\[])|(?:Good|Bad|Uncertain)(?=[A-Z])")
_CODE = re.compile(r"[(\[{<]?\b(?:0[xX][0-9a-fA-F]+|\d+)\b[)\]}>]?")

# The fixed part of what OPC DA defines, the limit bits left aside.
_OPC = {0, 4, 8, 12, 16, 20, 24, 28, 32, 64, 68, 80, 84, 88, 192, 216}


def _core(word: str) -> str:
    text = _CODE.sub(" ", word)
    text = re.sub(r"^(?:opc[\s_]*)?(?:quality)[\s_:=]+", "", text.strip(" \t:;,-_=/'\"*.()[]{}<>"), flags=re.IGNORECASE)
    return " ".join(text.strip(" \t:;,-_=/'\"*()[]{}<>").split())


def level_of_word(word: str) -> Level | None:
    """The level that a word means where it stands for a quality."""
    text = _core(word)
    level = _family(text) or _LEVEL.get(text.lower()) or (_LEVEL["?"] if word.strip() == "?" else None)
    return level if _agrees(word, level) else None


def speaks_of_quality(word: str) -> Level | None:
    """The level of a word that means a quality wherever it stands."""
    text = _core(word)
    level = _family(text) or _PLAIN_LEVEL.get(text.lower())
    return level if _agrees(word, level) else None


def _family(text: str) -> Level | None:
    found = _FAMILY.match(text)
    return Level(found.group().lower()) if found else None


def _agrees(word: str, level: Level | None) -> bool:
    """Whether a number beside a word is its code, and not a reading with a mark behind it."""
    if level is None or re.search(r"\d[.,]\d", word):
        return False
    for found in _CODE.finditer(word):
        digits = found.group().strip("()[]{}<>")
        code = int(digits, 16) if digits[:2].lower() == "0x" else int(digits)
        scheme = Scheme.opc if code < 1 << 8 else Scheme.opc_ua
        if level_of_code(code, scheme) is not level and level_of_code(code, Scheme.opc_ua) is not level:
            return False
    return True


def scheme_of(codes: Iterable[int]) -> Scheme | None:
    """Tell what numbers mean from all of them that the quality columns of a file hold.

    Parameters
    ----------
    codes : iterable of int
        The different numbers.

    Returns
    -------
    Scheme or None
        None where they are none of the schemes.
    """
    met = set(codes)
    if not met:
        return None
    if any(code < 0 or code >= 1 << 30 for code in met):
        known = all(-(1 << 31) <= code < 1 << 32 and level_of_code(code, Scheme.opc_ua) for code in met)
        return Scheme.opc_ua if known else None
    if met <= {0, 1}:
        return Scheme.switch
    if any(code & 0xC0 == 0xC0 for code in met) and all(_is_opc(code) for code in met):
        return Scheme.opc
    if 100 in met and max(met) == 100:
        return Scheme.percent
    return Scheme.opc if met & {64, 68, 80, 84, 88} and all(_is_opc(code) for code in met) else None


def _is_opc(code: int) -> bool:
    # A vendor may use the high byte.
    return 0 <= code < 1 << 16 and (code & 0xFC) in _OPC


def level_of_code(code: int, scheme: Scheme) -> Level | None:
    """The level that a number means."""
    if scheme is Scheme.opc:
        return {0xC0: Level.good, 0x40: Level.uncertain, 0x00: Level.bad}.get(code & 0xC0)
    if scheme is Scheme.opc_ua:
        return (Level.good, Level.uncertain, Level.bad, None)[(code & 0xFFFF_FFFF) >> 30]
    if scheme is Scheme.percent:
        return Level.good if code >= 100 else Level.bad if code <= 0 else Level.uncertain
    return {1: Level.good, 0: Level.bad}.get(code)
