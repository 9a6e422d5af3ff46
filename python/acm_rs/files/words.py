"""Words that stand where a number should: no value, or one of two states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl

from acm_rs.files.labels import bare
from acm_rs.files.missing_words import MISSING_WORDS
from acm_rs.files.state_words import STATE_WORDS

__all__ = ["SAID_OF_READINGS", "STATE_WORDS", "beside_states", "is_missing", "states_of"]

# Families of words: "Bad, Not Connected", BadSensorFailure, OPC_QUALITY_BAD, "[-11057] ...", Err:502, #######.
_FAMILIES = (
    r"(?i)^(?:bad|uncertain|invalid|error)[\s:,;_(\-/].*$|^(?:Bad|Uncertain)[A-Z][A-Za-z]+$"
    r"|(?i)^opc_quality_(?:bad|uncertain)|^\[-?\d+\]|(?i)^err(?:or)?[\s:#_-]*\d+$|^#+$|^\*+$|^_+$|^-{2,}$|^\?+$"
)

_SAID = """
    true|yes|y|t|high|set|alarm|fault|trip|tripped|present|connected|online|on-line|enabled|active|up|wahr|ja|j|störung
    gestört|hoch|aktiv|vrai|oui|o|défaut|haut|actif|activé|verdadero|sí|si|s|alto|activo|activa|conectado|activado|vero
    verdadeiro|sim
"""
SAID_OF_READINGS = frozenset(word.strip() for word in re.split(r"[|\n]", _SAID) if word.strip())
"""Those read as 1 that may be said of readings as well, or of an alarm: they tell no machine."""


_BARE = frozenset(bare(word) for word in MISSING_WORDS if len(bare(word)) > 1 and "#" not in word and "1" not in word)


def is_missing(cells: pl.Series, further: Iterable[str] = ()) -> pl.Series:
    """Tell which cells hold a word that means no value.

    Parameters
    ----------
    cells : Series
        Stripped text.
    further : iterable of str
        More such words, in lower case.

    Returns
    -------
    Series
        Booleans; False where a cell is null.
    """
    further = list(further)
    # Most cells with a number first are one with its unit; no word begins so but 1.#QNAN and its like.
    worded = ~cells.str.contains(r"^[+-]?[.,]?\d") | cells.str.contains("#", literal=True)
    if further:
        worded |= cells.str.to_lowercase().is_in(further)
    different = cells.filter(worded).unique()
    lowered = different.str.to_lowercase()
    bare = lowered.str.replace_all(r"[\W_]+", "")
    known = lowered.is_in([*MISSING_WORDS, *further])
    known |= bare.is_in(list(_BARE)) & ~lowered.str.contains(r"^[#\d]")
    known |= different.str.contains(_FAMILIES)
    return (worded & cells.is_in(different.filter(known).to_list())).fill_null(False)


def states_of(words: Iterable[str]) -> dict[str, int] | None:
    """The states that words stand for, where they are a pair.

    Parameters
    ----------
    words : iterable of str
        The different words of a column, in lower case.

    Returns
    -------
    dict of str to int or None
        0 or 1 for each word; None where they are no pair.
    """
    met = set(words)
    if not met:
        return None
    for one, zero in STATE_WORDS:
        if met <= {one, zero}:
            return {one: 1, zero: 0}
    return None


def beside_states(counts: Mapping[str, int]) -> tuple[tuple[str, str], list[str]] | None:
    """The pair of states that most cells of a column hold, and the words that stand among them.

    Parameters
    ----------
    counts : mapping of str to int
        How often each word is met, in capitals or not.

    Returns
    -------
    tuple of (str, str) and list of str, or None
        None where no pair makes up more than half of the cells, or nothing stands beside it.
    """
    lowered: dict[str, int] = {}
    for word, count in counts.items():
        lowered[word.lower()] = lowered.get(word.lower(), 0) + count
    for pair in STATE_WORDS:
        if not set(pair) <= lowered.keys() or 2 * sum(map(lowered.__getitem__, pair)) <= sum(lowered.values()):
            continue
        first = {word.lower(): word for word in reversed(list(counts))}
        odd = [word for word in counts if word.lower() not in pair]
        return ((first[pair[0]], first[pair[1]]), odd) if odd else None
    return None
