"""What the rows of a sheet or text file are: title, header, descriptions, units, limits, readings, footer.

Nothing is taken in silence: each row that is no reading is told in the notes, and one that may be a reading is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acm_rs.files import labels
from acm_rs.files.cells import MISSING_WORDS
from acm_rs.files.errors import Refusal, counted, quoted
from acm_rs.files.raw import About
from acm_rs.files.time_names import is_time_name
from acm_rs.files.times import is_date
from acm_rs.files.units import is_unit, unit_of_name

__all__ = ["HEADER_WITHIN", "Layout", "find_layout"]

# The header is looked for in so many rows.
HEADER_WITHIN = 20
_NUMBER = re.compile(r"[+-]?(?:\d[\d.,'\u00a0\u202f\u2009 ]*|[.,]\d+)(?:[eE][+-]?\d+)?\s*(?P<tail>.{0,12})")
_RULE = re.compile(r"[-=_*+~#.:| ]{2,}")
_RANGE = re.compile(
    r"[\[(]?\s*(?P<low>[+-]?\d+(?:[.,]\d+)?)\s*(?:-|\u2013|\.\.+|…|to|bis|à|a|/|;|,)\s*(?P<high>[+-]?\d+(?:[.,]\d+)?)\s*[\])]?"
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_MARKS = frozenset("?*!#")
# Roles of rows that say something of the columns.
_SAYS = frozenset(("unit", "units?", "description", "low", "high", "range"))


@dataclass
class Layout:
    """What the first and last rows of a table are.

    Parameters
    ----------
    names : list of str
        The columns, each with a name of its own.
    unnamed : list of str
        Columns without a name in the file, by the name given to them here.
    header : int
        The place of the header among the rows at the top.
    first : int
        The place of the first reading.
    about : dict of str to About
        What other rows and the header itself say of the columns.
    notes : list of str
        What was taken as what.
    """

    names: list[str]
    unnamed: list[str]
    header: int
    first: int
    about: dict[str, About] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _finder: _Finder | None = field(default=None, repr=False)

    @property
    def readings(self) -> bool:
        """Whether some of the rows look like readings."""
        return self._finder is not None

    def footer(self, tail: Sequence[Sequence[str]]) -> int:
        """How many rows at the end are no readings, of which it is told.

        Parameters
        ----------
        tail : sequence of rows of cells
            The last readings and what stands below them.

        Returns
        -------
        int
        """
        return self._finder.footer([_Row(cells) for cells in tail]) if self._finder else 0


def find_layout(name: Path, head: Sequence[Sequence[str]], before: int = 0) -> Layout:
    """Tell what the rows are.

    Parameters
    ----------
    name : Path
        The file, for messages.
    head : sequence of rows of cells
        The first rows, at least 60 where there are as many.
    before : int
        Rows of the file above those.

    Returns
    -------
    Layout

    Raises
    ------
    Refusal
        No header in the first twenty rows, or one that does not name the columns.
    """
    return _Finder(name, [_Row(cells) for cells in head], before).layout()


class _Row:
    """A row and what its cells look like."""

    def __init__(self, cells: Sequence[str]) -> None:
        self.cells = [" ".join(cell.split()) for cell in cells]
        self.kinds = ["" if not cell else _kind(cell) for cell in self.cells]
        for place, kind in enumerate(self.kinds):
            if kind == "text" and _has_digit(self.cells[place]) and is_date(self.cells[place]):
                self.kinds[place] = "time"
        self.filled = [place for place, cell in enumerate(self.cells) if cell]

    def kind(self, place: int) -> str:
        return self.kinds[place] if place < len(self.kinds) else ""

    def cell(self, place: int) -> str:
        return self.cells[place] if place < len(self.cells) else ""

    def count(self, kind: str) -> int:
        return self.kinds.count(kind)

    @property
    def readings(self) -> bool:
        """Whether its cells look like readings, wherever they stand."""
        if self.count("time") and len(self.filled) > 1:
            return True
        sure = self.count("number") + self.count("time")
        return sure > 0 and sure + self.count("word") >= self.count("text")

    @property
    def rule(self) -> bool:
        return bool(self.filled) and all(_RULE.fullmatch(self.cells[place]) for place in self.filled)

    def said(self) -> str:
        return quoted(" ".join(self.cells[place] for place in self.filled), 60)


def _has_digit(cell: str) -> bool:
    return any(char.isdigit() for char in cell)


def _kind(cell: str) -> str:
    found = _NUMBER.fullmatch(cell)
    if found:
        tail = found["tail"].strip()
        if not tail or tail in _MARKS or is_unit(tail):
            return "number"
    return "word" if cell.lower() in MISSING_WORDS else "text"


class _Finder:
    def __init__(self, name: Path, head: list[_Row], before: int) -> None:
        self.name, self.head, self.before = name, head, before
        self.notes: list[str] = []
        self.about: dict[int, About] = {}
        bulk = [row for row in head if row.readings]
        widest = max((len(row.filled) for row in bulk), default=0)
        bulk = [row for row in bulk if 2 * len(row.filled) >= widest]
        self.width = max((row.filled[-1] + 1 for row in bulk), default=0)
        self.times = [place for place in range(self.width) if _share(bulk, place, "time") >= 0.5]
        self.numbers = [place for place in range(self.width) if _share(bulk, place, "number", "word") >= 0.6]
        used = sum(any(row.kind(place) for row in bulk) for place in range(self.width))
        # So many cells at least must a row have to name the columns.
        self.needed = 1 if used < 2 else max(2, (used + 1) // 2)
        self.key = self.times[0] if self.times else 0
        # In a column of words a label is a word like others.
        self.labelled = bool(self.times) or 0 in self.numbers

    def layout(self) -> Layout:
        full = next((place for place, row in enumerate(self.head) if self._is_data(row) and self._is_full(row)), None)
        if full is None:
            return self._without_readings()
        if not any(row.filled for row in self.head[:full]):
            self._refuse_header(full)
        roles = [self._role(row) for row in self.head[:full]]
        header = self._header(full, roles)
        first = header + 1
        while first < full and self._take_below(first, roles[first]):
            first += 1
        first += self._take_bounds(first, full, roles)
        self._tell_above(header, roles)
        names, group = self._names(header, first, roles)
        names, unnamed = self._named(names, header)
        layout = Layout(names, unnamed, header, first, {}, self.notes, self)
        self._fill_about(layout, group)
        return layout

    # ---- readings ----

    def _is_data(self, row: _Row) -> bool:
        if self.times:
            return any(row.kind(place) == "time" for place in self.times)
        filled = [place for place in self.numbers if row.kind(place)]
        good = [place for place in filled if row.kind(place) in ("number", "word")]
        sure = any(row.kind(place) == "number" for place in good)
        return sure and 2 * len(good) >= len(filled) and not (self.labelled and self._label(row))

    def _is_full(self, row: _Row) -> bool:
        return len(row.filled) >= min(2, self.needed)

    def _label(self, row: _Row) -> str:
        """What the row's cell in the column of labels says that it is."""
        for place in dict.fromkeys((self.key, 0)):
            cell = row.cell(place)
            if not cell or row.kind(place) in ("time", "number"):
                continue
            label = labels.plain(cell)
            if is_time_name(cell):
                return "names"
            for role, words in (
                ("unit", labels.UNIT),
                ("description", labels.DESCRIPTION),
                ("low", labels.LOW),
                ("high", labels.HIGH),
                ("range", labels.RANGE),
                ("tags", labels.NAME),
            ):
                if label in words:
                    return role
        return ""

    # ---- rows above the readings ----

    def _role(self, row: _Row) -> str:
        if not row.filled:
            return "blank"
        if row.rule:
            return "rule"
        beside = [place for place in row.filled if place != self.key or not self.times]
        label = self._label(row) if self.labelled else ""
        if label in ("low", "high") and beside and self._all(row, beside, "number", "word"):
            return label
        if label == "range" and any(_RANGE.fullmatch(row.cells[place]) for place in beside):
            return label
        # The column of times often has no name.
        enough = len(row.filled) + (bool(self.times) and not row.cell(self.key)) >= self.needed
        if label in ("unit", "description") and len(row.filled) > 1:
            return label
        if label in ("names", "tags") and enough:
            return label
        named = [place for place in beside if place != 0 or not label]
        units = [row.cells[place].strip("[]() ") for place in named]
        # Not every column has a unit.
        if units and (enough or row.filled[0] > 0) and all(is_unit(unit) or unit in ("-", "--", "1") for unit in units):
            return "units?"
        if not enough:
            return "title"
        if named and all(_RANGE.fullmatch(row.cells[place]) for place in named):
            return "range"
        return "text" if row.count("text") or row.count("time") else "values"

    def _all(self, row: _Row, places: list[int], *kinds: str) -> bool:
        rest = [place for place in places if place != 0 or row.kind(0) in kinds]
        return bool(rest) and all(row.kind(place) in kinds for place in rest)

    def _header(self, full: int, roles: list[str]) -> int:
        """The row that names the columns."""
        within = range(min(full, HEADER_WITHIN))
        if self.needed == 1 and within:
            return self._header_of_one(full, roles)
        for wanted in (("names",), ("tags",), ("text",), ("units?",)):
            found = [place for place in within if roles[place] in wanted]
            if len(found) > 1:
                # Of two that may be it, the one whose names differ; then the one with tags, which have no blanks.
                found.sort(key=lambda place: (self._repeats(place) > 0, self._blanks(place), -place))
            if found:
                return found[0]
        # Less than half of the columns may have a name.
        filled = [place for place in within if self.head[place].count("text") and len(self.head[place].filled) > 1]
        if filled:
            return filled[-1]
        if full >= HEADER_WITHIN:
            raise Refusal(
                f"{self.name}: no row that names the columns in the first {HEADER_WITHIN} rows; say how many rows stand"
                " above it with --skip-rows"
            )
        self._refuse_header(full)
        raise AssertionError

    def _header_of_one(self, full: int, roles: list[str]) -> int:
        """The header of a single column: the last text above the readings that is not the unit of another."""
        filled = [
            place for place in range(min(full, HEADER_WITHIN)) if self.head[place].filled and roles[place] != "rule"
        ]
        if not filled:
            self._refuse_header(full)
        last = filled[-1]
        below = roles[last] in ("unit", "units?") and last - 1 in filled
        return last - 1 if below else last

    def _repeats(self, place: int) -> int:
        cells = [self.head[place].cells[at] for at in self.head[place].filled]
        return len(cells) - len(set(cells))

    def _blanks(self, place: int) -> float:
        row = self.head[place]
        return sum(row.cells[at].count(" ") for at in row.filled) / len(row.filled)

    def _refuse_header(self, full: int) -> None:
        row = self.head[full]
        cell = quoted(row.cells[row.filled[0]])
        where = "the first row" if full == 0 else "a row above it"
        raise Refusal(f"{self.name}, row {self._number(full)}: {cell} looks like data; {where} must name the columns")

    def _take_below(self, place: int, role: str) -> bool:
        """Take a row between header and readings for what it is; False where it may be a reading."""
        row = self.head[place]
        if role in ("blank", "rule"):
            return True
        if role in _SAYS:
            self._keep(place, "unit" if role == "units?" else role)
            return True
        key = row.cell(self.key)
        label = self._label(row) if self.labelled else ""
        if row.filled == [self.key] and label == "names":
            # The name of the times alone, below those of the tags.
            return True
        words = row.count("text") - (1 if key else 0)
        if role in ("text", "tags", "names", "title") and (not key or label) and words and not row.count("number"):
            self._keep(place, "description")
            return True
        return False

    def _take_bounds(self, first: int, full: int, roles: list[str]) -> int:
        """Take two rows of numbers without a time and without a label as limits, where they can be nothing else.

        They stand below the units or descriptions, and every reading lies between them.
        """
        if not self.times or first + 2 != full or roles[first - 1] not in _SAYS | {"text"}:
            return 0
        low, high = self.head[first : first + 2]
        places = [place for place in self.numbers if low.kind(place)]
        if low.filled != places or high.filled != places or not places or low.cell(self.key):
            return 0
        for place in places:
            least, most = _number(low.cells[place]), _number(high.cells[place])
            cells = [_number(row.cells[place]) for row in self.head[full:] if row.kind(place) == "number"]
            if least is None or most is None or not least < most:
                return 0
            if not all(cell is not None and least <= cell <= most for cell in cells):
                return 0
        self._keep(first, "low")
        self._keep(first + 1, "high")
        return 2

    def _tell_above(self, header: int, roles: list[str]) -> None:
        titles = []
        for place in range(header):
            role = roles[place]
            if role in _SAYS:
                self._keep(place, "unit" if role == "units?" else role)
            elif role not in ("blank", "rule"):
                titles.append(place)
        self.titles = titles

    def _keep(self, place: int, role: str) -> None:
        """Keep what a row says of the columns."""
        row = self.head[place]
        for at in row.filled:
            if (at == self.key and (self.times or self._label(row))) or (at == 0 and self._label(row)):
                continue
            cell = row.cells[at]
            about = self.about.setdefault(at, About())
            if role == "unit":
                about.unit = cell.strip("[]() ") if cell not in ("-", "--") else ""
            elif role == "description":
                about.description = f"{about.description}, {cell}" if about.description else cell
            elif role in ("low", "high"):
                setattr(about, role, _number(cell))
            elif found := _RANGE.fullmatch(cell):
                about.low, about.high = _number(found["low"]), _number(found["high"])
        said = {"unit": "units", "description": "descriptions", "low": "lower limits", "high": "upper limits"}
        self.notes.append(f"row {self._number(place)} taken as {said.get(role, 'limits')}")

    def _number(self, place: int) -> int:
        return self.before + place + 1

    # ---- names ----

    def _names(self, header: int, first: int, roles: list[str]) -> tuple[list[str], int | None]:
        """The header's names, with those of the row above where they need it, and the row of groups."""
        row = self.head[header]
        names = list(row.cells)
        width = len(names)
        timed = bool(self.times) and self.key < width
        if timed and roles[header] == "tags":
            names[self.key] = ""
        if timed and not names[self.key]:
            others = [other.cell(self.key) for place, other in enumerate(self.head[:first]) if place != header]
            names[self.key] = next((cell for cell in others if is_time_name(cell)), "")
        # Only what is said of the columns may stand between the header and the row of groups.
        group = max((place for place in range(header) if roles[place] not in _SAYS), default=-1)
        beside = [at for at in self.head[group].filled if at != self.key] if group in self.titles else []
        if not beside or any(self.head[group].kind(at) != "text" for at in beside):
            self._tell_titles(None)
            return names, None
        above = _spread([self.head[group].cell(at) for at in range(width)], names)
        repeated = {name for name in names if name and names.count(name) > 1}
        both = [" ".join(filter(None, pair)) for pair in zip(above, names, strict=True)]
        if timed:
            both[self.key] = names[self.key] or above[self.key]
        if repeated and len(set(filter(None, both))) == len(list(filter(None, both))):
            self._tell_titles(group)
            self.notes.append(f"names from rows {self._number(group)} and {self._number(header)}")
            return both, None
        if len(self.head[group].filled) < 2 or any(at >= width for at in self.head[group].filled):
            self._tell_titles(None)
            return names, None
        self._tell_titles(group)
        self.notes.append(f"row {self._number(group)} taken as descriptions")
        return names, group

    def _tell_titles(self, but: int | None) -> None:
        titles = [place for place in self.titles if place != but]
        if titles:
            said = self.head[titles[0]].said()
            first = said if len(titles) == 1 else f"the first: {said}"
            self.notes.append(f"{counted(len(titles), 'row')} above the header left out ({first})")

    def _named(self, cells: list[str], header: int) -> tuple[list[str], list[str]]:
        names = list(cells)
        for place, name in enumerate(names):
            if place and name and name in names[:place] and labels.plain(name) in labels.QUALITY:
                self._name_qualities(names, name)
        unnamed = [f"column {place}" for place, cell in enumerate(names, 1) if not cell]
        names = [name or f"column {place}" for place, name in enumerate(names, 1)]
        for place, name in enumerate(names, 1):
            earlier = names.index(name) + 1
            if earlier != place:
                raise Refusal(
                    f"{self.name}, row {self._number(header)}: columns {earlier} and {place} are both named"
                    f" {quoted(name)}"
                )
        return names, unnamed

    def _name_qualities(self, names: list[str], quality: str) -> None:
        """Columns of qualities that are all called alike get the name of the column before them, too."""
        places = [place for place, name in enumerate(names) if name == quality]
        before = [names[place - 1] if place else "" for place in places]
        if len(set(before)) == len(before) and all(name and name != quality for name in before):
            for place, name in zip(places, before, strict=True):
                names[place] = f"{name} {quality}"
            self.notes.append(
                f"{len(places)} columns named {quoted(quality)} take the name of the column before them too"
            )

    def _fill_about(self, layout: Layout, group: int | None) -> None:
        for place, name in enumerate(layout.names):
            about = self.about.get(place, About())
            if not about.unit and name not in layout.unnamed:
                about = replace(about, unit=unit_of_name(name))
            if group is not None and not about.description:
                spread = _spread([self.head[group].cell(at) for at in range(len(layout.names))], layout.names)
                about = replace(about, description=spread[place] if place != self.key else "")
            if about != About():
                layout.about[name] = about

    # ---- rows below the readings ----

    def footer(self, tail: list[_Row]) -> int:
        taken, texts, place = 0, [], len(tail)
        while place and taken < HEADER_WITHIN:
            place -= 1
            row = tail[place]
            if not row.filled:
                continue
            if not self._is_footer(row):
                break
            taken = len(tail) - place
            texts.append(row.said())
        if taken:
            said = ", ".join(reversed(texts[-3:])) + (" ..." if len(texts) > 3 else "")
            self.notes.append(f"{counted(len(texts), 'row')} below the readings left out ({said})")
        return taken

    def _is_footer(self, row: _Row) -> bool:
        if row.count("time") and any(row.kind(place) == "time" for place in self.times or range(len(row.cells))):
            return False
        if row.rule:
            return True
        first = row.cells[row.filled[0]]
        if row.kind(row.filled[0]) != "text" and labels.plain(first) not in labels.FOOTER:
            return False
        if row.filled[0] <= self.key and (self.labelled or len(row.filled) == 1) and labels.says_footer(first):
            return True
        if len(row.filled) > 1 or self.width < 2 or not _LETTERS.search(first):
            return False
        # One cell of text. A row cut off in the middle of its time is a reading.
        return not (self.times and _begins_like(first, self.head, self.key))

    # ---- no readings ----

    def _without_readings(self) -> Layout:
        """A table whose rows do not look like readings: the first row with more than one cell names the columns."""
        filled = [place for place, row in enumerate(self.head) if row.filled]
        if not filled:
            raise Refusal(f"{self.name} is empty")
        usual = max((len(row.filled) for row in self.head), default=1)
        header = next(place for place in filled if 2 * len(self.head[place].filled) >= usual)
        row = self.head[header]
        if not (row.count("text") or row.count("word")):
            self._refuse_header(header)
        self.titles = [place for place in filled if place < header]
        self._tell_titles(None)
        names, unnamed = self._named(list(row.cells), header)
        return Layout(names, unnamed, header, header + 1, {}, self.notes)


def _share(rows: list[_Row], place: int, *kinds: str) -> float:
    filled = [row.kind(place) for row in rows if row.kind(place)]
    # A column of words alone is one of text.
    if not filled or (set(filled) == {"word"}):
        return 0.0
    return sum(kind in kinds for kind in filled) / len(filled)


def _spread(cells: list[str], below: list[str]) -> list[str]:
    """A cell that spans several columns stands in the first of them only."""
    spread, last = [], ""
    for cell, name in zip(cells, below, strict=True):
        last = cell or last
        spread.append(last if name else cell)
    return spread


def _begins_like(cell: str, rows: list[_Row], key: int) -> bool:
    """Tell whether a cell is the beginning of a time as the others are written."""
    shape = _shape(cell)
    return any(_shape(row.cell(key)).startswith(shape) for row in rows if row.kind(key) == "time")


def _shape(cell: str) -> str:
    return "".join("9" if char.isdigit() else "a" if char.isalpha() else char for char in cell)


def _number(cell: str) -> float | None:
    found = re.match(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?", cell)
    return float(found[0].replace(",", ".")) if found else None
