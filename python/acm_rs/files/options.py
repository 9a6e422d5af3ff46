"""What a person says about a file beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from acm_rs.files.bad_rows import OnBadRow
from acm_rs.files.cells import Decimal
from acm_rs.files.levels import Uncertain
from acm_rs.files.times import DateOrder

__all__ = ["Layout", "ReadOptions"]


class Layout(StrEnum):
    """How a table is laid out."""

    auto = "auto"
    wide = "wide"
    long = "long"


@dataclass(frozen=True)
class ReadOptions:
    """What the person said about the input.

    Parameters
    ----------
    columns : sequence of str
        The sensors; all numeric columns where empty.
    time_column : str, optional
        The clock; found where None.
    date_order : DateOrder, optional
        The order of day and month; told from the data where None.
    decimal : Decimal, optional
        The decimal mark; told from the data where None.
    missing : sequence of str
        Further words that mean "no value".
    timezone : str, optional
        The zone of times that say none: a place (``Europe/Berlin``) or an offset (``+01:00``). They become UTC.
    bad_rows : OnBadRow
        Whether a row that cannot be read is refused or left out.
    skip_rows : int
        Rows at the top of each file that are not looked at.
    encoding : str, optional
        How the bytes of a text file are letters, by Python's name; told from the file where None.
    sheet : str, optional
        The sheet of a workbook, by its name or its number from 1; the first that holds a table where None.
    uncertain : Uncertain
        What becomes of readings that are marked or flagged as uncertain.
    layout : Layout
        Wide, a column for each sensor; long, a row for each reading (time, tag, value); told from the table by default.
    tag_column, value_column : str, optional
        The columns of a long table that hold the sensors' names and their readings; found where None.
    exclude : sequence of str
        Columns to leave out, by name or with wildcards.
    codes : str
        Error codes: ``"auto"`` makes missing what is certain, unless a model has rules of its own; ``"none"`` leaves
        all; numbers between commas are made missing wherever they stand.
    quality_column : str, optional
        The column that holds the quality of the whole row, or of the value in the long layout; found where None.
    good : sequence of str
        Cells of quality columns that mean good; all others then mean bad.
    """

    columns: Sequence[str] = ()
    time_column: str | None = None
    date_order: DateOrder | None = None
    decimal: Decimal | None = None
    missing: Sequence[str] = ()
    bad_rows: OnBadRow = OnBadRow.refuse
    skip_rows: int = 0
    encoding: str | None = None
    sheet: str | None = None
    uncertain: Uncertain = Uncertain.keep
    timezone: str | None = None
    exclude: Sequence[str] = ()
    codes: str = "auto"
    quality_column: str | None = None
    good: Sequence[str] = ()
    layout: Layout = Layout.auto
    tag_column: str | None = None
    value_column: str | None = None
