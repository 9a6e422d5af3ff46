"""Which columns are sensors, and what is told of those that are odd."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import polars as pl

from acm_rs.files.aspects import add_aspects
from acm_rs.files.calendar_parts import CalendarParts
from acm_rs.files.cells import Cells, Numbers
from acm_rs.files.changes import Changes
from acm_rs.files.codes import codes_in, read_codes
from acm_rs.files.columns import Choice
from acm_rs.files.errors import Refusal, counted, listed, quoted
from acm_rs.files.flags import Flags, find_flags
from acm_rs.files.labels import bare
from acm_rs.files.on_disk import FrameOnDisk
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import About, RawTable, kind, seconds
from acm_rs.files.units import unit_of_name

__all__ = ["NEVER", "Sensors"]

NEVER = "never measured"

_LABEL = re.compile(
    r"(?:is|has|true|gt|y|event|the)?(?:anomaly|anomalies|anomalous|abnormal|outliers?|labels?|change ?points?|faults?"
    r"|fault(?:id|type|class|number|flag|label)|att|attacks?|target|class|ground ?truth|normal ?attack|failure|failures"
    r"|anomalie|anomalien|fehlerlabel|étiquette|etiqueta|anomalía|anomalia)(?:is|flag|label|type|class|code|id|true|gt|y)?"
)
_MOST_LABELS = 20
_FEW = 5
_DOTTED_DATE = r"^\s*\d{1,2}\.\s?\d{1,2}\.\s?\d{2}"
_UNLABELLED = -999.0
_ALARM = re.compile(
    r"(?i)(?<![^\W_])(?:alarms?|faults?|failures?|anomaly|attacks?|störung|fehler|défaut|falla)(?![^\W_])"
)
_NUMBERING = re.compile(
    r"id|ids|idx|index|row|rows|rowid|rownum|rownumber|rowno|no|nr|num|number|seq|sequence|record|recordid|recordno"
    r"|recordnumber|sample|sampleno|samplenumber|counter|line|unnamed0|lfdnr|laufendenummer|zeile|nummer|ligne|numéro"
    r"|fila|número|n|#|"
)


class Sensors:
    """The sensors of a table: found in a first look at every column, read in a second.

    Parameters
    ----------
    raw : RawTable
        The table.
    options : ReadOptions
        What is known beforehand.
    choice : Choice
        The columns asked for, and those to leave out.
    used : collection of str
        Columns of the clock.
    needed : collection of str
        Sensors that a model knows: they stay, whatever they hold.
    flags : Flags, optional
        The quality columns where they are known already.
    own_codes : bool
        Whoever takes the sensors has rules of its own for error codes: ``"auto"`` leaves them.
    times : Series, optional
        The time of each row.
    """

    def __init__(
        self,
        raw: RawTable,
        options: ReadOptions,
        choice: Choice,
        *,
        used: Collection[str],
        needed: Collection[str] = (),
        flags: Flags | None = None,
        own_codes: bool = False,
        times: pl.Series | None = None,
    ) -> None:
        self._raw = raw
        self._options = options
        self._exact = choice.exact
        self._kept = {*choice.exact, *needed}
        excluded = choice.excluded
        self._codes = [] if own_codes and options.codes == "auto" else read_codes(options.codes)
        self.left_out: dict[str, str] = {}
        self.notes: list[str] = []
        self._constant: dict[str, float] = {}
        self._suspected: dict[str, dict[float, int]] = {}
        self._rising: list[str] = []
        self._labels: list[str] = []
        self._calendar = CalendarParts(times, options.timezone)
        self._parts: list[str] = []
        names = [name for name in raw.columns if name not in used]
        self.left_out.update((name, "as asked") for name in names if name in excluded)
        names = [name for name in names if name not in excluded]
        if flags is None:
            flags = find_flags(
                raw,
                used={*used, *excluded},
                kept=self._kept,
                row_column=options.quality_column,
                good=options.good,
            )
            add_aspects(raw, names, flags, self._kept)
        self._flags = flags
        self.left_out.update(self._flags.left_out)
        self.notes += self._flags.notes
        names = [name for name in names if name not in self._flags.left_out]
        chosen = [name for name in choice.names if name in names] if choice.names else names
        self._cells = Cells(
            raw.origin,
            required=choice.exact,
            decimal=options.decimal,
            missing=options.missing,
            comma_is_decimal=raw.separator == ";",
            points_may_group=raw.separator not in ("", ",") and _has_dotted_dates(raw, used),
            uncertain=options.uncertain,
            units={name: raw.about.get(name, About()).unit or unit_of_name(name) for name in chosen},
            bad_rows=raw.bad_rows,
            lone_states=needed,
            keep=type(raw) is RawTable,
        )
        self.names: list[str] = [name for name in chosen if self._look(name)]
        self._cells.settle()

    @property
    def numbers(self) -> Numbers:
        """What was met in the cells."""
        return self._cells.result

    @property
    def flags(self) -> Flags:
        """The quality columns."""
        return self._flags

    def about(self) -> dict[str, About]:
        """What the file says of its sensors, units in cells included."""
        about = {name: self._raw.about[name] for name in self.names if name in self._raw.about}
        for name, unit in self.numbers.units.items():
            about[name] = replace(about.get(name, About()), unit=unit)
        return about

    def _look(self, name: str) -> bool:
        """Whether a column is a sensor, as far as its kind and its name tell."""
        series = self._raw.column(name)
        if name in self._raw.unnamed and name not in self._kept:
            self.left_out[name] = "no name"
        elif series.dtype in (pl.String, pl.Categorical, pl.Enum):
            if self._cells.look(self._flagged(series)):
                return True
            self.left_out[name] = "text"
        elif series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null, pl.Duration):
            return True
        elif name in self._exact:
            raise Refusal(f"{self._raw.origin.column(name)} holds {kind(series)}, not numbers")
        else:
            self.left_out[name] = kind(series)
        return False

    def _flagged(self, series: pl.Series, changes: Changes | None = None) -> pl.Series:
        """The cells of a column without what is flagged as bad, which is counted where the counts are given."""
        if series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        return self._flags.apply(self._raw, series, self._options.uncertain, changes or Changes())

    def read(self, into: FrameOnDisk | None = None) -> pl.DataFrame | FrameOnDisk:
        """Read all sensors.

        Parameters
        ----------
        into : FrameOnDisk, optional
            Where to put them; into memory where None.

        Returns
        -------
        DataFrame or FrameOnDisk
            Float64, missing as null. Columns that turn out to be none are left out, and named.
        """
        columns = {}
        for name in self.names:
            column = self._read(name)
            if name not in self._kept:
                reason = self._is_none(name, column)
                if reason:
                    self.left_out[name] = reason
                    continue
            if into is None:
                columns[name] = column
            else:
                into.add(column)
        self._tell()
        return pl.DataFrame(columns) if into is None else into

    def _read(self, name: str) -> pl.Series:
        series = self._flagged(self._raw.column(name), self.numbers.changes)
        if series.dtype == pl.String:
            number = self._cells.read(series)
        else:
            number = seconds(series) if series.dtype == pl.Duration else series.cast(pl.Float64)
            number = pl.select(pl.when(number.is_finite()).then(number)).to_series().rename(name)
            number = self._cells.without_sentinels(number)
        # A label that says -999 where nobody looked has no error codes.
        return number if name not in self._kept and _is_label(name, number) else self._without_codes(name, number)

    def _without_codes(self, name: str, number: pl.Series) -> pl.Series:
        if self._codes is None:
            found = codes_in(number)
            gone = found.certain
            if found.suspected:
                self._suspected[name] = found.suspected
        else:
            hits = {code: int((number == code).sum()) for code in self._codes}
            gone = {code: count for code, count in hits.items() if count}
        if not gone:
            return number
        for code, count in gone.items():
            self.numbers.changes.add(f"error code {code:.15g}, made missing", name, count)
        return pl.select(pl.when(~number.is_in(list(gone))).then(number)).to_series().rename(name)

    def _is_none(self, name: str, column: pl.Series) -> str:
        """Why a column of numbers is no sensor; empty where it is one."""
        known = column.drop_nulls()
        if not known.len():
            return NEVER
        if _is_label(name, column):
            return "a label by its name"
        part = self._calendar.part(name)
        if part and self._calendar.holds(name, column):
            return f"the {part} of the time"
        if part and self._calendar.may_hold(name):
            self._parts.append(name)
        if _LABEL.fullmatch(bare(name)) or (_ALARM.search(name) and known.is_in([0.0, 1.0]).all()):
            self._labels.append(name)
        if known.min() == known.max():
            self._constant[name] = float(known[0])
            return ""
        if column.has_nulls() or known.len() < 3:
            return ""
        with np.errstate(over="ignore"):
            steps = np.diff(known.to_numpy())
        if (steps == 1.0).all() or (steps == -1.0).all():
            if _NUMBERING.fullmatch(bare(name)):
                return "row numbers"
            if known.len() >= 10:
                self._rising.append(name)
        return ""

    def _tell(self) -> None:
        never = [name for name, why in self.left_out.items() if why == NEVER]
        if never:
            self.notes.append(f"never measured, left out: {listed(never)}")
        for name, odd in self.numbers.odd_states.items():
            self.notes.append(f"column {quoted(name)} is text: {odd}")
        if self._constant:
            parts = [f"{quoted(name)} ({value:.15g})" for name, value in list(self._constant.items())[:6]]
            more = f" and {len(self._constant) - 6:,} more" if len(self._constant) > 6 else ""
            self.notes.append(f"constant, kept: {', '.join(parts)}{more}")
        if self._rising:
            self.notes.append(f"running numbers, kept: {listed(self._rising)}; --exclude leaves them out")
        if self._parts:
            self.notes.append(
                f"named like parts of the time, kept as sensors: {listed(self._parts)}; --exclude leaves them out"
            )
        if self._labels:
            self.notes.append(f"named like labels, kept as sensors: {listed(self._labels)}; --exclude leaves them out")
        if self._suspected:
            parts = []
            for name, codes in list(self._suspected.items())[:6]:
                most = sorted(codes.items(), key=lambda item: -item[1])[:3]
                parts.append(f"{quoted(name)} " + ", ".join(f"{c:.15g} ({counted(n, 'time')})" for c, n in most))
            more = f" and {counted(len(self._suspected) - 6, 'more sensor')}" if len(self._suspected) > 6 else ""
            self.notes.append(
                f"may be error codes, kept: {'; '.join(parts)}{more}; --codes with the values makes them missing"
            )


def _has_dotted_dates(raw: RawTable, used: Collection[str]) -> bool:
    """Whether dates are written with points, as where numbers have a decimal comma."""
    head = raw.head(_FEW)
    texts = [head[name] for name in raw.columns if name in used and head[name].dtype == pl.String]
    return any(bool(cells.str.contains(_DOTTED_DATE).any()) for cells in texts)


def _is_label(name: str, column: pl.Series) -> bool:
    """Whether a column says what was wrong, by its name and few whole numbers."""
    if not _LABEL.fullmatch(bare(name)):
        return False
    known = column.drop_nulls().unique()
    if not 0 < known.len() <= _MOST_LABELS:
        return False
    classes = known.filter(known != _UNLABELLED).cast(pl.Float64).to_numpy()
    if not classes.size:
        return True
    # Classes are numbered from 0 or 1; a set point of 60 and 80 is none, whatever its name.
    whole = np.array_equal(classes, np.rint(classes))
    return whole and -1.0 <= float(classes.min()) <= 1.0 and float(classes.max()) <= _MOST_LABELS
