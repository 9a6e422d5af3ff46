"""The words of columns, rows and cells stand in one place, and agree with each other."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from acm_rs.files import labels
from acm_rs.files.figures import has_numbers, number_and_rest, share_of_numbers
from acm_rs.files.levels import Level, level_of_word, speaks_of_quality
from acm_rs.files.options import ReadOptions
from acm_rs.files.quality_names import key_of, read_name
from acm_rs.files.table import load_sensors


@pytest.mark.parametrize(
    ("text", "plain", "bare"),
    [
        ("Low-Limit:", "low limit", "lowlimit"),
        (" Tag_Name ", "tag name", "tagname"),
        ("@timestamp", "timestamp", "timestamp"),
        ("Level [%]", "level %", "level"),
        ("Größe (m)", "größe m", "größem"),
    ],
)
def test_names_in_plain_form(text: str, plain: str, bare: str) -> None:
    assert (labels.plain(text), labels.bare(text)) == (plain, bare)


def test_every_word_is_in_the_form_in_which_it_is_compared() -> None:
    sets = (labels.TAG, labels.NAME, labels.VALUE, labels.DESCRIPTION, labels.REMARK, labels.UNIT, labels.FOOTER)
    assert [word for words in sets for word in words if word != labels.bare(word) or not word] == []


@pytest.mark.parametrize("sense", ["bad", "uncertain"])
def test_a_column_named_bad_holds_what_the_cell_bad_says(sense: str) -> None:
    names = [name for name in labels.QUALITY_NAMES[sense].split("|") if "[" not in name]
    assert len(names) > 3
    for name in names:
        found = read_name(name)
        assert found is not None
        assert (found.bases, found.strong, found.sense) == ((), True, sense)
        assert level_of_word(name) is Level(sense)
        assert speaks_of_quality(name) is Level(sense)


def test_values_are_called_alike_in_long_tables_and_beside_qualities() -> None:
    assert {key_of(f"Flow_{name}") for name in labels.VALUE} == {"flow"}


def test_a_long_table_is_found_by_any_name_of_its_columns(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    for tag, value, unit in (("KKS", "Messwert", "Maßeinheit"), ("Tag_ID", "numeric value", "Eng. Units")):
        rows = [f"2024-03-01 00:0{at},{name},{at},bar" for at in range(5) for name in ("P1", "P2")]
        file.write_text("\n".join([f"time,{tag},{value},{unit}", *rows]), encoding="utf-8")
        table = load_sensors(file, ReadOptions())
        assert table.sensors.columns == ["P1", "P2"]
        assert {about.unit for about in table.about.values()} == {"bar"}


@pytest.mark.parametrize(
    ("cell", "rest"),
    [
        ("60.12 °C", "°C"),
        ("-1.234,5", ""),
        ("1 234 567", ""),
        ("+.5e-3?", "?"),
        ("12 345 m3/h", "m3/h"),
        ("1e3", ""),
        ("Pump 3", None),
        ("", None),
    ],
)
def test_what_stands_behind_a_number(cell: str, rest: str | None) -> None:
    assert number_and_rest(cell) == rest


@pytest.mark.parametrize("more", [[], ["ü"] * 2000])
def test_the_share_of_numbers(more: list[str]) -> None:
    cells = pl.Series(["1.5", " 60,2 °C ", "<5", "-3e4", "Pump 3", None, "", "2024-03-01 00:00"])
    share = share_of_numbers(pl.concat([cells, pl.Series(more, dtype=pl.String)]))
    assert share == 4 / (6 + len(more))
    assert has_numbers(cells)
    assert not has_numbers(pl.Series(["Pump 3", *more, None]))
