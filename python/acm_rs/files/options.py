"""What a person says about a file beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acm_rs.files.cells import Decimal
from acm_rs.files.times import DateOrder

__all__ = ["ReadOptions"]


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
    """

    columns: Sequence[str] = ()
    time_column: str | None = None
    date_order: DateOrder | None = None
    decimal: Decimal | None = None
    missing: Sequence[str] = ()
