"""Cells as historians and spreadsheets write them, into numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.cells import Cells, Decimal, Numbers
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.levels import Uncertain
from acm_rs.files.missing_words import MISSING_WORDS
from hypothesis import given
from hypothesis import strategies as st

FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20)


def numbers_from_text(frame: pl.DataFrame, origin: Origin, *, wanted: Sequence[str] = (), **said: Any) -> Numbers:
    """A whole table of text, each column looked at before the first is read."""
    cells = Cells(origin, required=wanted, **said)
    names = [series.name for series in frame if cells.look(series)]
    cells.settle()
    for name in names:
        cells.result.columns[name] = cells.read(frame[name])
    return cells.result


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


@pytest.mark.parametrize("word", ["\u2013", "\u2014", "\\N"], ids=["en dash", "em dash", "database"])
def test_lone_dashes_and_the_null_of_databases_are_missing(word: str) -> None:
    assert read({"A": ["1.5", word, "\u20132"]}).columns["A"].to_list() == [1.5, None, -2.0]


@pytest.mark.parametrize(("words", "said"), [(["x"], "nor is 'x'"), (["x", "y"], "nor are 'x', 'y'")])
def test_other_words_are_told_with_the_first(words: list[str], said: str) -> None:
    with pytest.raises(Refusal, match=rf"'w' is not a number \({said}\)"):
        read({"A": ["1.5"] * 20 + ["w", *words]})


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
    with pytest.raises(Refusal, match="column 'State' holds no numbers but text such as 'Ramp'"):
        read({"State": ["Ramp", "Hold"]}, wanted=["State"])
    with pytest.raises(Refusal, match="row 2, column 'State': 'ON' is not a number"):
        read({"State": ["ON", "OFF", "3"]}, wanted=["State"])


def test_given_mark_refuses_the_other() -> None:
    with pytest.raises(Refusal, match=r"row 2, column 'A': '0\.25' is no number with a decimal comma"):
        read({"A": ["0.25", "1,5"]}, decimal=Decimal.comma)
    with pytest.raises(Refusal, match="row 3, column 'A': '1,5' is no number with a decimal point"):
        read({"A": ["0.25", "1,5"]}, decimal=Decimal.point)


# ---- what stands about a number ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "values", "unit"),
    [
        (["60.12 °C", "61 °C", "Bad"], [60.12, 61.0, None], "°C"),
        (["60.12%", "61 %", ""], [60.12, 61.0, None], "%"),
        (["1.2 kW", "-0.5kW", "+3e2 kW"], [1.2, -0.5, 300.0], "kW"),
        (["1,2 kW", "7,25 kW"], [1.2, 7.25], "kW"),
        (["1.234,5 mm/s", "7,5 mm/s"], [1234.5, 7.5], "mm/s"),
        (["1 234.5 m³/h", "7 m3/h"], [1234.5, 7.0], "m³/h"),
        (["20 ℃", "21 °C", "22 degC"], [20.0, 21.0, 22.0], "℃"),
        (["1500 1/min", "1490 1/min"], [1500.0, 1490.0], "1/min"),
        (["5 (bar)", "6 [bar]"], [5.0, 6.0], "bar"),
        (["5 barg ?", "6 barg (S)"], [5.0, 6.0], "barg"),
        (["5 Umdr", "6 Umdr"], [5.0, 6.0], "Umdr"),
        (["3 %RH", "4 %RH"], [3.0, 4.0], "%RH"),
    ],
)
def test_units_in_cells(cells: list[str | None], values: list[float | None], unit: str) -> None:
    numbers = read({"A": cells, "B": ["1"] * len(cells)})
    assert numbers.columns["A"].to_list() == values
    assert numbers.units == {"A": unit}
    assert numbers.changes.by_reason()[f"unit '{unit}' taken off"] == {"A": sum(value is not None for value in values)}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1.2 kW", "900 W"], "row 2, column 'A': '1.2 kW', but '900 W' in row 3: one column holds one unit"),
        (["1 bar", "Bad", "2 mbar", "3 bar"], "'1 bar', but '2 mbar' in row 4"),
        (["1", "12 %", "3"], "row 3, column 'A': '12 %' is not a number like '1' in row 2, which has no unit"),
        (["1,5", "12,5 %"], "'12,5 %' is not a number like '1,5' in row 2"),
    ],
)
def test_two_units_in_a_column(cells: list[str | None], words: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read({"A": cells})
    assert words in str(refusal.value)


def test_a_unit_that_is_known_may_lack_in_cells() -> None:
    assert read({"A": ["1", "12 °C"]}, units={"A": "°C"}).columns["A"].to_list() == [1.0, 12.0]
    with pytest.raises(Refusal, match="which has no unit"):
        read({"A": ["1", "12 °C"]}, units={"A": "°F"})


@pytest.mark.parametrize(
    ("cells", "values", "kept", "gone"),
    [
        (["60.12?", "61"], [60.12, 61.0], {"?": 1}, {}),
        (["60,12?", "61,5*"], [60.12, 61.5], {"?": 1, "*": 1}, {}),
        (["60 (S)", "61 [Q]", "62 (B)"], [60.0, 61.0, None], {"(S)": 1, "[Q]": 1}, {"(B)": 1}),
        (["60 Questionable", "61 Bad", "62 Good", "63 (Ungültig)"], [60.0, None, 62.0, None], {"Questionable": 1}, {}),
        (["~60", "≈61", "62†", "63#"], [60.0, 61.0, 62.0, 63.0], {"~": 1, "≈": 1, "†": 1, "#": 1}, {}),
        (["60.5 °C*", "61 °C"], [60.5, 61.0], {"*": 1}, {}),
    ],
)
def test_marks(cells: list[str | None], values: list[float | None], kept: dict[str, int], gone: dict[str, int]) -> None:
    numbers = read({"A": cells})
    assert numbers.columns["A"].to_list() == values
    counts = numbers.changes.by_reason()
    for mark, count in kept.items():
        assert counts[f"marked '{mark}', kept"] == {"A": count}
    for mark, count in gone.items():
        assert counts[f"marked '{mark}', made missing"] == {"A": count}
    strict = read({"A": cells}, uncertain=Uncertain.missing)
    assert strict.columns["A"].null_count() == sum(kept.values()) + values.count(None)
    assert not any("kept" in reason for reason in strict.changes.by_reason())


def test_bounds_signs_and_quotes() -> None:
    numbers = read({"A": ["<5", "≤ 6", ">100", "<-7", "1"]})
    assert numbers.columns["A"].to_list() == [5.0, 6.0, 100.0, -7.0, 1.0]
    assert numbers.changes.by_reason() == {
        "below what is measured ('<5'), the bound taken": {"A": 3},
        "above what is measured ('>100'), the bound taken": {"A": 1},
    }
    assert read({"A": ["\u22125.5", "\u201361", "1.5e\u22123", "60.12-"]}).columns["A"].to_list() == [
        -5.5,
        -61.0,
        0.0015,
        -60.12,
    ]
    assert read({"A": ['="60.12"', "'61", "62"]}).columns["A"].to_list() == [60.12, 61.0, 62.0]


def test_exponents_of_fortran() -> None:
    cells = ["1.5D+03", "-0.25d-01", " 2.D+00", ".5D+1", "4.5E+01"]
    assert read({"A": cells}).columns["A"].to_list() == [1500.0, -0.025, 2.0, 5.0, 45.0]
    # Names that hold a figure and a D are none.
    assert not read({"A": ["12D5", "13D02", "1.5D2", "7D", "8D+"] * 10}).columns


@pytest.mark.parametrize(
    "odd", ["-4.75E-02?", "4.75E-02 Bad", "<-4.75E-02", "5.92E+00-", "592E+00", "1.5E+999", "'1.5E+02", "\u22121.5E+01"]
)
def test_fortran_is_read_as_other_exponents_are(odd: str) -> None:
    others = [f"{value}.25E+01" for value in range(20)]
    found = [read({"A": [cell.replace("E", mark) for cell in [*others, odd]]}) for mark in "ED"]
    first, second = (result.columns["A"].to_list() for result in found)
    assert first == second
    assert len(first) == 21
    assert found[0].changes.by_reason() == found[1].changes.by_reason()


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["True", "False", "TRUE", ""], [1.0, 0.0, 1.0, None]),
        (["ON", "OFF", "Bad"], [1.0, 0.0, None]),
        (["Nein", "Ja"], [0.0, 1.0]),
        (["Ouvert", "FERMÉ"], [1.0, 0.0]),
        (["abierto", "cerrado"], [1.0, 0.0]),
        (["Running", "Stopped", "No Data", "Running"], [1.0, 0.0, None, 1.0]),
        (["Online", "Offline"], [1.0, 0.0]),
        (["Auto", "Manual"], [1.0, 0.0]),
        (["false", "false"], [0.0, 0.0]),
    ],
)
def test_two_words_are_two_states(cells: list[str | None], values: list[float | None]) -> None:
    numbers = read({"A": cells})
    assert numbers.columns["A"].to_list() == values
    said = {reason: count for reason, count in numbers.changes.by_reason().items() if reason.startswith("state")}
    assert sum(count["A"] for count in said.values()) == len(values) - values.count(None)


@pytest.mark.parametrize(
    "cells",
    [
        ["Running", "Stopped", "Standby"],
        ["On", "On"],
        ["0x1F", "0x20"],
        ["12:30", "13:30"],
        ["12 Mar", "13 Apr"],
        ["5 apples", "7 pears"],
        ["3rd", "4th"],
        ["1/2", "2/3"],
        ['5" pipe', '5" pipe'],
        ["Pump 1", "Pump 2"],
        ["1.0.0", "1.2.10"],
        ["192.168.0.12", "192.168.0.13"],
    ],
)
def test_what_stays_text(cells: list[str | None]) -> None:
    assert read({"A": cells, "B": ["1"] * len(cells)}).text == {"A": cells[0]}


def test_one_state_alone_is_read_where_it_is_wanted() -> None:
    assert read({"A": ["On", "On"]}, wanted=["A"]).columns["A"].to_list() == [1.0, 1.0]


@pytest.mark.parametrize(
    "word",
    [
        "Invalid Data",
        "BadQuality",
        "BAD_QUALITY",
        "<No Data>",
        "[-11057] Not Enough Values For Calculation",
        "Bad, Not Connected",
        "UncertainLastUsableValue",
        "Err:502",
        "#####",
        "I/O-Timeout",
        "Ungültig",
        "keine Daten",
        "Pas de données",
        "Fuera de rango",
    ],
)
def test_families_of_words(word: str) -> None:
    numbers = read({"A": ["1.5", word, "2"]})
    assert numbers.columns["A"].to_list() == [1.5, None, 2.0]
    assert numbers.words == {word: 1}
    assert numbers.changes.by_reason() == {f"word '{word}', missing": {"A": 1}}


def test_rows_with_a_stray_word_are_left_out_on_request() -> None:
    rows = BadRows(OnBadRow.skip)
    assert read({"A": ["1", "hot", "3", "0x10"]}, bad_rows=rows).columns["A"].to_list() == [1.0, None, 3.0, None]
    assert rows.of(4).tolist() == [False, True, False, True]
    assert rows.lines()[1:] == [
        "plant.csv, row 3, column 'A': 'hot' is not a number",
        "plant.csv, row 5, column 'A': '0x10' is not a number",
    ]
