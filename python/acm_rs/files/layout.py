"""What the rows of a sheet or text file are: title, header, descriptions, units, limits, readings, footer.

Nothing is taken in silence: each row that is no reading is told in the notes, and one that may be a reading is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acm_rs.files import labels
from acm_rs.files.errors import Refusal, counted, quoted
from acm_rs.files.footers import footer
from acm_rs.files.grid import HEADER_WITHIN, Profile, Row
from acm_rs.files.quality_names import read_name
from acm_rs.files.raw import About
from acm_rs.files.time_names import is_time_name, part_names
from acm_rs.files.units import is_unit, unit_of_name

__all__ = ["Layout", "find_layout"]

_FEWEST, _CELLS = 40, 40_000
_RANGE = re.compile(
    r"[\[(]?\s*(?P<low>[+-]?\d+(?:[.,]\d+)?)\s*(?:-|\u2013|\.\.+|…|to|bis|à|a|/|;|,)\s*(?P<high>[+-]?\d+(?:[.,]\d+)?)\s*[\])]?"
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
# So many parts of the time at least does a row name whose others are units.
_PARTS = 3
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
        if self._finder is None:
            return 0
        taken, note = footer(self._finder, tail)
        self.notes += note
        return taken


def find_layout(name: Path, head: Sequence[Sequence[str]], before: int = 0) -> Layout:
    """Tell what the rows are.

    Parameters
    ----------
    name : Path
        The file, for messages.
    head : sequence of rows of cells
        The first rows, at least 40 where there are as many.
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
    # Of a very wide table fewer rows tell as much.
    enough = max(_FEWEST, _CELLS // max(map(len, head), default=1))
    return _Finder(name, [Row(cells) for cells in head[:enough]], before).layout()


class _Finder(Profile):
    def __init__(self, name: Path, head: list[Row], before: int) -> None:
        super().__init__(head)
        self.name, self.before = name, before
        self.notes: list[str] = []
        self.about: dict[int, About] = {}

    def layout(self) -> Layout:
        full = next((place for place, row in enumerate(self.head) if self._is_data(row) and self._is_full(row)), None)
        if full is None:
            return self._without_readings()
        if not any(row.filled for row in self.head[:full]):
            self._refuse_header(full)
        roles = [self._role(row) for row in self.head[:full]]
        self._twice_in_parts(roles)
        header = self._below_groups(self._header(full, roles), full, roles)
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

    def _is_data(self, row: Row) -> bool:
        if self.times:
            return any(row.kind(place) == "time" for place in self.times)
        filled = [place for place in self.numbers if row.kind(place)]
        good = [place for place in filled if row.kind(place) in ("number", "word")]
        sure = any(row.kind(place) == "number" for place in good)
        # Where the first column holds numbers, a word there is what the row is called.
        called = 0 in self.numbers and row.kind(0) == "text"
        return sure and 2 * len(good) >= len(filled) and not called and not (self.labelled and self._label(row))

    def _is_full(self, row: Row) -> bool:
        return len(row.filled) >= min(2, self.needed)

    def _label(self, row: Row) -> str:
        """What the row's cell in the column of labels says that it is."""
        for place in dict.fromkeys((self.key, 0)):
            cell = row.cell(place)
            if not cell or row.kind(place) in ("time", "number"):
                continue
            label = labels.bare(cell)
            if is_time_name(cell):
                return "names"
            for role, words in (
                ("unit", labels.UNIT),
                ("description", labels.DESCRIPTION | labels.REMARK),
                ("low", labels.LOW),
                ("high", labels.HIGH),
                ("range", labels.RANGE),
                ("tags", labels.NAME),
            ):
                if label in words:
                    return role
        return ""

    # ---- rows above the readings ----

    def _role(self, row: Row) -> str:
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

    def _all(self, row: Row, places: list[int], *kinds: str) -> bool:
        rest = [place for place in places if place != 0 or row.kind(0) in kinds]
        return bool(rest) and all(row.kind(place) in kinds for place in rest)

    def _header(self, full: int, roles: list[str]) -> int:
        """The row that names the columns."""
        within = range(min(full, HEADER_WITHIN))
        if self.needed == 1 and within:
            return self._header_of_one(full, roles)
        for wanted, numbered in (("names", True), ("tags", True), ("text", False), ("units?", True), ("text", True)):
            found = [
                place
                for place in within
                if roles[place] == wanted and (numbered or not self.head[place].count("number"))
            ]
            if len(found) > 1:
                # Of two that may be it, the one of words alone and no units, whose names differ; then the one with
                # tags, which have no blanks.
                found.sort(
                    key=lambda place: (
                        self.head[place].count("number") > 0,
                        self._mostly_units(self.head[place]),
                        self._repeats(place) > 0,
                        self._blanks(place),
                        -place,
                    )
                )
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

    def _twice_in_parts(self, roles: list[str]) -> None:
        """Of two rows that name the same parts of the time, as buoys have (YY MM DD, yr mo dy), the lower has units."""
        parts = [
            [at for at in row.filled if part_names([row.cells[at].lstrip("#")])] for row in self.head[: len(roles)]
        ]
        named = [place for place, found in enumerate(parts) if len(found) >= _PARTS]
        if len(named) > 1 and named[1] == named[0] + 1 and set(parts[named[0]]) <= set(parts[named[1]]):
            roles[named[0]], roles[named[1]] = "names", "units?"

    def _below_groups(self, header: int, full: int, roles: list[str]) -> int:
        """The row that names the columns, where the one with the time's name has groups of them (merged cells)."""
        lower = header + 1
        if not self.times or lower >= full or roles[lower] not in ("text", "title", "unit", "units?"):
            return header
        upper, names = self.head[header], self.head[lower]
        groups = [at for at in upper.filled if at != self.key]
        if not is_time_name(upper.cell(self.key)) or names.cell(self.key) or not groups or names.count("number"):
            return header
        width = max(upper.filled[-1], names.filled[-1]) + 1
        own = [at for at in range(width) if at != self.key and not upper.cell(at)]
        if not own or min(own) < groups[0] or not all(names.cell(at) for at in own):
            return header
        if names.filled[-1] >= self.width or not any(names.cell(at) for at in groups):
            return header
        if roles[lower] in ("unit", "units?"):
            self.about |= {at: About(unit=names.cells[at].strip("[]() ")) for at in names.filled}
        roles[header], roles[lower] = "title", "text"
        return lower

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
            self._keep(place, role)
            return True
        key = row.cell(self.key)
        label = self._label(row) if self.labelled else ""
        if row.filled == [self.key] and label == "names":
            # The name of the times alone, below those of the tags.
            return True
        words = row.count("text") - (1 if key else 0)
        if role in ("text", "tags", "names", "title") and (not key or label) and words and not row.count("number"):
            self._keep(place, "units?" if self._mostly_units(row) else "description")
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

    def _mostly_units(self, row: Row) -> bool:
        cells = [row.cells[place].strip("[]() ") for place in row.filled if place != self.key]
        units = [cell for cell in cells if is_unit(cell)]
        return 2 * len(units) >= len(cells) and any(len(unit) > 1 or unit in "%°" for unit in units)

    def _tell_above(self, header: int, roles: list[str]) -> None:
        titles = []
        for place in range(header):
            role = roles[place]
            row = self.head[place]
            unsaid = role == "units?" or (role == "description" and row.count("text") < 2)
            remark = unsaid and row.cell(0).startswith("#")
            if role in _SAYS and not remark:
                self._keep(place, role)
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
            bare = cell.strip("[]() ")
            if role == "unit" or (role == "units?" and (is_unit(bare) or not _LETTERS.search(cell))):
                about.unit = bare.strip("-")
            elif role in ("description", "units?"):
                about.description = f"{about.description}, {cell}" if about.description else cell
            elif role in ("low", "high"):
                # Of alarms and warnings the outermost.
                known, limit = getattr(about, role), _number(cell)
                outer = min if role == "low" else max
                setattr(about, role, limit if known is None or limit is None else outer(known, limit))
            elif found := _RANGE.fullmatch(cell):
                about.low, about.high = _number(found["low"]), _number(found["high"])
        said = {
            "unit": "units",
            "units?": "units",
            "description": "descriptions",
            "low": "lower limits",
            "high": "upper limits",
        }
        self.notes.append(f"row {self._number(place)} taken as {said.get(role, 'limits')}")

    def _number(self, place: int) -> int:
        return self.before + place + 1

    # ---- names ----

    def _names(self, header: int, first: int, roles: list[str]) -> tuple[list[str], int | None]:
        """The header's names, with those of the row above where they need it, and the row of groups."""
        row = self.head[header]
        names = list(row.cells)
        if names and names[0].startswith("#") and is_time_name(bare := names[0].lstrip("# ")):
            # As NumPy writes a header.
            names[0] = bare
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
        if beside and self.head[group].cell(0).startswith("#") and not row.cell(0).startswith("#"):
            # A remark, such as the kinds and defaults above the header of a time series database.
            beside = []
        if not beside or any(self.head[group].kind(at) != "text" for at in beside):
            self._tell_titles(None)
            return names, None
        above = _spread([self.head[group].cell(at) for at in range(width)], names)
        repeated = {name for name in names if name and names.count(name) > 1}
        both = [" ".join(filter(None, pair)) for pair in zip(above, names, strict=True)]
        if timed:
            both[self.key] = names[self.key] or above[self.key]
        lacking = len(beside) > 1 and any(
            both[at] and not names[at] for at in range(width) if at != self.key or not timed
        )
        if (repeated or lacking) and len(set(filter(None, both))) == len(list(filter(None, both))):
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
            if name in names[:place] and (quality := read_name(name)) and not quality.bases:
                self._name_qualities(names, name)
        unnamed = [f"column {place}" for place, cell in enumerate(names, 1) if not cell]
        names = [name or f"column {place}" for place, name in enumerate(names, 1)]
        first: dict[str, int] = {}
        for place, name in enumerate(names, 1):
            if first.setdefault(name, place) != place:
                raise Refusal(
                    f"{self.name}, row {self._number(header)}: columns {first[name]} and {place} are both named"
                    f" {quoted(name)}; give one of them another name in the file"
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
        above = [self.head[group].cell(at) for at in range(len(layout.names))] if group is not None else []
        spread = _spread(above, layout.names) if above else []
        for place, name in enumerate(layout.names):
            about = self.about.get(place, About())
            if not about.unit and name not in layout.unnamed:
                about = replace(about, unit=unit_of_name(name))
            if spread and not about.description:
                about = replace(about, description=spread[place] if place != self.key else "")
            if about != About():
                layout.about[name] = about

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


def _spread(cells: list[str], below: list[str]) -> list[str]:
    """A cell that spans several columns stands in the first of them only."""
    spread, last = [], ""
    for cell, name in zip(cells, below, strict=True):
        last = cell or last
        spread.append(last if name else cell)
    return spread


def _number(cell: str) -> float | None:
    found = re.match(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?", cell)
    return float(found[0].replace(",", ".")) if found else None
