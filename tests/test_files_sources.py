"""What people name becomes files: rows that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.errors import Origin, Refusal

ORIGIN = Origin(Path("a.csv"), np.array([2, 3, 5, 2, 4]), ((Path("a.csv"), 0), (Path("b.csv"), 3)))


def test_a_bad_row_is_refused_with_its_file() -> None:
    with pytest.raises(Refusal, match=r"^b\.csv, row 4, column 'T': 4 is odd; --bad-rows skip leaves such rows out$"):
        BadRows().meet(np.array([False, False, False, False, True]), ORIGIN, "T", lambda row: f"{row} is odd")
    assert ORIGIN.other(0, 1) == "row 2"
    assert ORIGIN.other(0, 3) == "a.csv, row 2"


def test_skipped_rows_are_counted_once_and_five_are_shown() -> None:
    rows = BadRows(OnBadRow.skip)
    rows.unread("a.csv, row 4", 4, "7 cells")
    for column in ("T", "U"):
        rows.meet(np.array([True, True, True, False, True]), ORIGIN, column, lambda row: f"cell {row}")
    rows.meet(np.array([False, False, False, True, False]), ORIGIN, "U", str)
    assert rows.count == 6
    assert rows.of(5).all()
    said = rows.lines()
    assert said[0] == "6 bad rows left out, the first:"
    assert len(said) == 6
    assert "a.csv, row 4: 7 cells" in said
    assert "a.csv, row 2, column 'T': cell 0" in said
    assert BadRows(OnBadRow.skip).lines() == []
