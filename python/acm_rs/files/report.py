"""What was read, changed and left out, for a person and for a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acm_rs.files.rhythm import Rhythm, rhythm, rhythm_rows

if TYPE_CHECKING:
    import polars as pl

    from acm_rs.files.raw import About
    from acm_rs.files.table import SensorTable

__all__ = ["ReadReport"]


@dataclass(frozen=True)
class ReadReport:
    """How a file was understood.

    Parameters
    ----------
    path : str
        What was read.
    rows : int
        Rows of the frame.
    rows_read : int
        Rows with content in the file.
    time : str or None
        The column that holds the time; None where there is none.
    time_note : str
        How the times were understood.
    notes : list of str
        What was done to rows and columns, in sentences.
    changes : dict of str to dict of str to int
        How many cells of each sensor were made missing or mended, for each reason.
    left_out : dict of str to str
        Columns that are no sensors here, each with the reason.
    about : dict of str to About
        What the file says of its sensors: ``unit``, ``description``, ``low`` and ``high``.
    missing : dict of str to int
        How many values each sensor lacks, where it lacks any.
    rhythm : Rhythm or None
        Step and gaps of the times, in seconds, or in what a counting clock counts.
    told_rhythm : tuple of tuple of str
        The same in words.
    times : Series or None
        The time of each row of the frame, of whatever kind; None where the file has none.
    """

    path: str
    rows: int
    rows_read: int
    time: str | None
    time_note: str
    notes: list[str]
    changes: Mapping[str, Mapping[str, int]]
    left_out: Mapping[str, str]
    about: Mapping[str, About]
    missing: Mapping[str, int]
    rhythm: Rhythm | None
    told_rhythm: tuple[tuple[str, str], ...]
    times: pl.Series | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, table: SensorTable) -> ReadReport:
        """The report of a table that was read."""
        lacking = zip(table.sensors.columns, table.sensors.null_count().row(0), strict=True)
        return cls(
            str(table.path),
            table.sensors.height,
            table.rows_read,
            None if table.time is None else table.time.name,
            table.time_note,
            list(table.notes),
            table.changes.by_reason(),
            dict(table.left_out),
            dict(table.about),
            {name: count for name, count in lacking if count},
            None if table.time is None else rhythm(table.time),
            () if table.time is None else tuple(rhythm_rows(table.time)),
            table.time,
        )

    def __str__(self) -> str:
        """One line for each thing to know."""
        kept = "" if self.rows == self.rows_read else f" of {self.rows_read:,} read"
        lines = [f"{self.path}: {self.rows:,} rows{kept}"]
        how = f" ({self.time_note})" if self.time_note else ""
        lines.append("no time column" if self.time is None else f"time: column {self.time!r}{how}")
        lines += [f"{name}: {words}" for name, words in self.told_rhythm]
        lines += self.notes
        for reason, sensors in self.changes.items():
            named = ", ".join(f"{name!r} {count:,}" for name, count in sensors.items())
            lines.append(f"{reason}: {named}")
        if self.missing:
            named = ", ".join(f"{name!r} {count:,}" for name, count in self.missing.items())
            lines.append(f"missing values: {named}")
        return "\n".join(lines)
