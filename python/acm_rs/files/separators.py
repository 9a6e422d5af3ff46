"""What parts the cells of a text file, and its lines into rows."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acm_rs.files.blanks import tell_blanks

__all__ = ["BLANKS", "SEPARATORS", "Record", "announced", "cells_of", "records", "tell_separator", "whole_row"]

SEPARATORS = ("\t", ";", "|", ",")
# Stands for cells parted by blanks, which are written anew with tabs between them.
BLANKS = " "
# A cell between quotation marks goes over so many lines at most.
_LONGEST = 50


@dataclass
class Record:
    """A row of cells.

    Parameters
    ----------
    cells : list of str
        As they stand in the file, without their quotation marks.
    lines : int
        How many lines it goes over.
    open : bool
        Whether a quotation mark is left open.
    """

    cells: list[str]
    lines: int = 1
    open: bool = False


def announced(line: str) -> str:
    """The separator that a spreadsheet announces in a first line such as ``sep=;``; empty where it does not."""
    found = re.fullmatch(r'"?sep=(.)"?\s*', line, re.IGNORECASE)
    return found[1] if found else ""


def cells_of(line: str, separator: str) -> list[str] | None:
    """The cells of a line; None where a quotation mark is left open."""
    if '"' not in line:
        return line.rstrip("\r\n").split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        if "unexpected end" in str(error):
            return None
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return None


def records(lines: Sequence[str], separator: str, width: int = 0) -> Iterator[Record]:
    """Cut lines into rows; a quotation mark that is left open spoils its own line and no other.

    Parameters
    ----------
    lines : sequence of str
        With their ends.
    separator : str
        What parts the cells.
    width : int
        How many cells a row has that goes over several lines; any number where 0.
    """
    place = 0
    while place < len(lines):
        cells = cells_of(lines[place], separator)
        if cells is not None:
            yield Record(cells)
            place += 1
            continue
        joined = lines[place]
        for more in range(place + 1, min(place + _LONGEST, len(lines))):
            joined += lines[more]
            cells = whole_row(joined, separator) if '"' in lines[more] else None
            if cells is not None and len(cells) > 1 and width in (0, len(cells)):
                yield Record(cells, more - place + 1)
                place = more + 1
                break
        else:
            yield Record(lines[place].rstrip("\r\n").split(separator), 1, True)
            place += 1


def whole_row(text: str, separator: str) -> list[str] | None:
    """The cells of several lines that are one row; None where they are not."""
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def tell_separator(lines: Sequence[str]) -> str:
    """The separator under which most rows have the same number of cells.

    Parameters
    ----------
    lines : sequence of str
        The first lines of a file.

    Returns
    -------
    str
        One of `SEPARATORS`, or `BLANKS`.
    """
    lines = [line for line in lines if line.strip()]
    scores: dict[str, int] = {}
    several: dict[str, int] = {}
    for separator in SEPARATORS:
        widths = Counter(len(record.cells) for record in records(lines, separator))
        widths.pop(1, None)
        scores[separator] = max(widths.values(), default=0)
        several[separator] = widths.total()
    # A comma may be a decimal mark and stand in every row, so the others are asked first.
    best = max(SEPARATORS, key=lambda separator: (scores[separator], -SEPARATORS.index(separator)))
    if 2 * several[best] >= len(lines) and scores[best] > 1 and not _only_decimals(best, lines):
        return best
    if lines and tell_blanks(lines):
        return BLANKS
    return best if scores[best] else ","


def _only_decimals(separator: str, lines: Sequence[str]) -> bool:
    """Tell whether the commas are decimal marks of numbers that blanks part."""
    if separator != "," or "," in lines[0]:
        return False
    cut = tell_blanks(lines)
    cells = [cell for line in lines for cell in cut.cells(line)] if cut else [","]
    return all(re.fullmatch(r"[+-]?\d+,\d+", cell) for cell in cells if "," in cell)
