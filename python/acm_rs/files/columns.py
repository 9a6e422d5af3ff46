"""Columns as people name them: whole names, several between commas, wildcards."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from acm_rs.files.errors import Refusal, listed, quoted
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable

__all__ = ["Choice", "matching", "require_column", "resolve"]


class Choice:
    """The columns a person chose.

    Parameters
    ----------
    names : list of str
        In the order asked for; empty where nothing was said.
    exact : set of str
        Those that were named in full: they must be sensors, where a wildcard takes the sensors among its columns.
    excluded : list of str
        Columns to leave out.
    """

    def __init__(self, names: list[str], exact: set[str], excluded: list[str]) -> None:
        self.names = names
        self.exact = exact
        self.excluded = excluded


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Names that a pattern with ``*`` and ``?`` stands for; capitals count only where the pattern has some."""
    lower = pattern == pattern.lower()
    # Brackets stand in names of sensors: they are no wildcards.
    safe = pattern.replace("[", "[[]")
    return [name for name in names if fnmatchcase(name.lower() if lower else name, safe)]


def require_column(path: Path, name: str, known: Sequence[str]) -> None:
    """Refuse a column that a file does not have, with those that are alike.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        The column asked for.
    known : sequence of str
        The columns that it has.
    """
    if name in known:
        return
    plain = name.strip("*?")
    close = difflib.get_close_matches(plain, known, n=3, cutoff=0.5)
    folded = [other for other in known if plain and plain.lower() in other.lower()]
    alike = folded or close
    hint = f"did you mean {listed(alike[:6])}?" if alike else f"it has {listed(known)}"
    raise Refusal(f"{path} has no column {quoted(name)}; {hint}", status=2)


def resolve(raw: RawTable, options: ReadOptions) -> Choice:
    """The columns asked for and those to leave out.

    Each value is a name or, where no such column exists, names and patterns between commas.

    Raises
    ------
    Refusal
        A name that no column has, one that is asked for twice, or a pattern that none matches.
    """
    names: list[str] = []
    exact: set[str] = set()
    for name, whole in _named(raw, options.columns):
        if whole and name in exact:
            raise Refusal(f"--columns names {quoted(name)} twice", status=2)
        if whole:
            exact.add(name)
        if name not in names:
            names.append(name)
    if options.columns and not names:
        raise Refusal("--columns names no column", status=2)
    excluded = list(dict.fromkeys(name for name, _ in _named(raw, options.exclude)))
    both = [name for name in excluded if name in exact]
    if both:
        raise Refusal(f"{listed(both)} stands in --columns and in --exclude", status=2)
    for what, column in (("time column", options.time_column), ("quality column", options.quality_column)):
        if column is None:
            continue
        require_column(raw.origin.path, column, raw.columns)
        if column in exact:
            raise Refusal(f"{quoted(column)} is the {what} and cannot be a sensor too", status=2)
        if column in excluded:
            raise Refusal(f"{quoted(column)} is the {what} and stands in --exclude", status=2)
    chosen = [name for name in names if name not in excluded and name != options.time_column]
    if names and not chosen:
        raise Refusal("--exclude leaves none of the columns asked for", status=2)
    return Choice(chosen, exact, excluded)


def _named(raw: RawTable, values: Sequence[str]) -> Iterable[tuple[str, bool]]:
    """Each column that some values name, and whether its whole name was given."""
    known = raw.columns
    for value in values:
        whole = " ".join(value.split())
        single = next((name for name in (value, whole) if name in known), None)
        for name in filter(None, [single] if single else [part.strip() for part in value.split(",")]):
            if name in known or not set(name) & set("*?"):
                require_column(raw.origin.path, name, known)
                yield name, True
                continue
            found = matching(name, known)
            if not found:
                require_column(raw.origin.path, name, known)
            yield from ((column, False) for column in found)
