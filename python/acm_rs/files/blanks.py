"""Cells that blanks part, or that stand below each other in columns of characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from acm_rs.files.figures import begins_with_number, number_and_rest
from acm_rs.files.time_names import part_names

__all__ = ["Cut", "tell_blanks"]

# A date and the time of day behind it are one cell where the header has one name for them.
_DATED = re.compile(r"(\d{1,4}[-./]\d{1,2}[-./]\d{1,4})\s+(\d{1,2}:\d{2}\S*)")
_JOINT = "\ue000"
_FEWEST = 3
_PARTS = 3


@dataclass(frozen=True)
class Cut:
    """How lines are cut into cells.

    Parameters
    ----------
    between : str
        A pattern of what parts the cells; empty where they stand at fixed places.
    dated : bool
        Whether a date and the time of day behind it are one cell.
    places : tuple of (int, int)
        From where to where each cell stands.
    """

    between: str = ""
    dated: bool = False
    places: tuple[tuple[int, int], ...] = ()

    def cells(self, line: str) -> list[str]:
        """The cells of a line; the whole of it is one where it does not fit."""
        line = line.rstrip()
        if self.places:
            gaps = [line[: self.places[0][0]]]
            gaps += [line[end:start] for (_, end), (start, _) in zip(self.places, self.places[1:], strict=False)]
            if any(gap.strip() for gap in gaps):
                return [line.strip()]
            last = len(self.places) - 1
            return [
                line[start : None if place == last else end].strip() for place, (start, end) in enumerate(self.places)
            ]
        line = line.strip()
        if self.dated:
            line = _DATED.sub(rf"\1{_JOINT}\2", line)
        return [cell.replace(_JOINT, " ") for cell in re.split(self.between, line)]


def tell_blanks(lines: Sequence[str]) -> Cut | None:
    """Tell how lines without separators are cut, where that is clear.

    Parameters
    ----------
    lines : sequence of str
        The first lines with content.

    Returns
    -------
    Cut or None
        One under which header and readings have the same number of cells.
    """
    cuts = [Cut(r"\s{2,}|\t"), Cut(r"\s+"), Cut(r"\s+", dated=True)]
    # Parts of the time stand a single blank apart, whatever parts the readings behind them.
    if len(part_names([cell.lstrip("#") for cell in cuts[1].cells(lines[0])])) >= _PARTS:
        cuts[:2] = cuts[1::-1]
    for cut in cuts:
        rows = [cut.cells(line) for line in lines]
        width, count = Counter(map(len, rows)).most_common(1)[0]
        if (
            width > 1
            and count >= max(_FEWEST, 0.7 * len(rows))
            and _is_table([row for row in rows if len(row) == width])
        ):
            return cut
    return _fixed(lines)


def _is_table(rows: list[list[str]]) -> bool:
    """A header of words and readings that are mostly numbers."""
    header, readings = rows[0], rows[1:]
    filled = [cell for row in readings for cell in row if cell]
    numbers = sum(map(begins_with_number, filled))
    return not any(number_and_rest(cell) == "" for cell in header if cell) and numbers * 2 >= len(filled) > 0


def _fixed(lines: Sequence[str]) -> Cut | None:
    """Find the columns of characters that are blank in every line but a few short ones, such as titles."""
    longest = max(map(len, lines))
    whole = [line.rstrip() for line in lines if "\t" not in line and 2 * len(line.rstrip()) >= longest]
    if len(whole) <= _FEWEST or len(whole) < 0.6 * len(lines):
        return None
    longest = max(map(len, whole))
    filled = [any(place < len(line) and line[place] != " " for line in whole) for place in range(longest)]
    starts = [place for place in range(longest) if filled[place] and (not place or not filled[place - 1])]
    ends = [place + 1 for place in range(longest) if filled[place] and (place + 1 == longest or not filled[place + 1])]
    places: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        # A single blank may stand within a name or between a date and its time of day.
        if places and start - places[-1][1] == 1 and not _parted(whole, places[-1], (start, end)):
            places[-1] = (places[-1][0], end)
        else:
            places.append((start, end))
    cut = Cut(places=tuple(places))
    return cut if len(places) > 1 and _is_table([cut.cells(line) for line in whole]) else None


def _parted(lines: Sequence[str], left: tuple[int, int], right: tuple[int, int]) -> bool:
    """Tell whether one blank parts two cells: both have a name, and both have readings or the names stand apart."""

    def both(some: Sequence[str]) -> bool:
        return any(line[slice(*left)].strip() and line[slice(*right)].strip() for line in some)

    apart = " " in (lines[0][left[1] - 1 : left[1]], lines[0][right[0] : right[0] + 1])
    return both(lines[:1]) and (apart or both(lines[1:]))
