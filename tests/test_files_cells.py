"""Cells as historians and spreadsheets write them, into numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files.cells import MISSING_WORDS, Decimal, Numbers, numbers_from_text
from acm_rs.files.errors import Origin, Refusal
from hypothesis import given
from hypothesis import strategies as st

FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


def read(columns: dict[str, list[str | None]], **options: object) -> Numbers:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    origin = Origin(Path("plant.csv"), np.arange(2, frame.height + 2))
    return numbers_from_text(frame, origin, **options)  # type: ignore[arg-type]


@given(values=FINITE)
def test_numbers_come_back_to_the_bit(values: list[float]) -> None:
    assert read({"A": [repr(value) for value in values]}).columns["A"].to_list() == values


@given(values=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_decimal_comma_with_grouped_thousands(values: list[int]) -> None:
    cells: list[str | None] = [f"{value:,}".replace(",", ".") + ",25" for value in values]
    numbers = read({"A": cells, "B": [f"{value},5" for value in values]})
    assert numbers.decimal is Decimal.comma
    assert numbers.columns["A"].to_list() == [value + (0.25 if value >= 0 else -0.25) for value in values]
    assert numbers.columns["B"].to_list() == [value + (0.5 if value >= 0 else -0.5) for value in values]


@given(values=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20))
def test_grouped_thousands_with_a_decimal_point(values: list[int]) -> None:
    numbers = read({"A": [f"{value:,}.5" for value in values], "B": ["2.25"] * len(values)})
    assert numbers.decimal is Decimal.point
    assert numbers.columns["A"].to_list() == [value + (0.5 if value >= 0 else -0.5) for value in values]


@pytest.mark.parametrize("word", sorted(MISSING_WORDS - {""}))
def test_words_that_mean_missing(word: str) -> None:
    numbers = read({"A": ["1.5", word, word.upper(), f" {word} ", "2"]})
    assert numbers.columns["A"].to_list() == [1.5, None, None, None, 2.0]
    assert sum(numbers.words.values()) == 3


def test_empty_and_infinite_cells_are_missing() -> None:
    numbers = read({"A": ["1", "", None, "  ", "inf", "-Infinity", "NaN"]})
    assert numbers.columns["A"].to_list() == [1.0] + [None] * 6
    assert numbers.words == {"inf": 1, "-Infinity": 1, "NaN": 1}


def test_further_words_and_numbers() -> None:
    numbers = read({"A": ["1", "Revision", "-9999", "-9999.0", "2"]}, missing=["revision", "-9999"])
    assert numbers.columns["A"].to_list() == [1.0, None, None, None, 2.0]
    assert numbers.words == {"Revision": 1, "-9999": 2}


def test_text_columns_are_told_from_numbers() -> None:
    numbers = read({"A": ["1", "2", "3"], "State": ["ON", "OFF", "7"], "Quality": ["Good", "Good", "Bad"]})
    assert list(numbers.columns) == ["A"]
    assert numbers.text == {"State": "ON", "Quality": "Good"}
    assert numbers.words == {}


def test_spaces_between_thousands() -> None:
    cells: list[str | None] = ["1 234,5", "12\u00a0345,25", "1\u202f234\u202f567", "7,5"]
    assert read({"A": cells}).columns["A"].to_list() == [1234.5, 12345.25, 1234567.0, 7.5]
    assert read({"A": ["1 234.5", "7"]}).columns["A"].to_list() == [1234.5, 7.0]


def test_undecided_commas() -> None:
    cells: dict[str, list[str | None]] = {"A": ["1,234", "2,345"]}
    with pytest.raises(Refusal, match=r"row 2, column 'A': '1,234' may be 1\.234 or 1234"):
        read(cells)
    assert read(cells, comma_is_decimal=True).columns["A"].to_list() == [1.234, 2.345]
    assert read(cells, decimal=Decimal.comma).columns["A"].to_list() == [1.234, 2.345]
    assert read(cells, decimal=Decimal.point).columns["A"].to_list() == [1234.0, 2345.0]
    # One cell anywhere in the table that leaves no doubt decides for all.
    assert read({**cells, "B": ["0.5", "1"]}).columns["A"].to_list() == [1234.0, 2345.0]
    assert read({**cells, "B": ["0,5", "1"]}).columns["A"].to_list() == [1.234, 2.345]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"A": ["1", "hot", "3", "4"]}, "row 3, column 'A': 'hot' is not a number"),
        ({"A": ["1", "2", "out of town", "4"]}, '--missing "out of town"'),
        ({"A": ["0,5", "1,5"], "B": ["0.25", "1.25"]}, "has a decimal comma"),
        ({"A": ["1", "12 %", "3"]}, "row 3, column 'A': '12 %' is not a number"),
        ({"A": ["1", "1_000", "3"]}, "row 3, column 'A'"),
        ({"A": ["1", "0x10", "3"]}, "row 3, column 'A'"),
        ({"A": ["1", "\x1b[31m", "3"]}, "is not a number"),
    ],
)
def test_refused_by_row_and_column(columns: dict[str, list[str | None]], words: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read(columns)
    text = str(refusal.value)
    assert words in text
    assert text.isprintable()


def test_text_in_a_wanted_column() -> None:
    with pytest.raises(Refusal, match="column 'State' holds no numbers but text such as 'ON'"):
        read({"State": ["ON", "OFF"]}, wanted=["State"])
    with pytest.raises(Refusal, match="row 2, column 'State': 'ON' is not a number"):
        read({"State": ["ON", "OFF", "3"]}, wanted=["State"])


def test_given_mark_refuses_the_other() -> None:
    with pytest.raises(Refusal, match=r"row 2, column 'A': '0\.25' is no number with a decimal comma"):
        read({"A": ["0.25", "1,5"]}, decimal=Decimal.comma)
    with pytest.raises(Refusal, match="row 3, column 'A': '1,5' is no number with a decimal point"):
        read({"A": ["0.25", "1,5"]}, decimal=Decimal.point)
