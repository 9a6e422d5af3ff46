"""Columns of words: what one machine does is no sign of several."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors

ROWS = 600
K = np.arange(ROWS)
SWITCHED = np.where(K // 75 % 2, "ON", "OFF").tolist()
MOVED = np.where(K // 75 % 2, "OPEN", "CLOSED").tolist()


def load(path: Path, name: str, words: list[str], **options: object) -> SensorTable:
    start = datetime(2024, 3, 1)
    lines = [f"Time,{name},Flow"]
    lines += [f"{start + i * timedelta(minutes=10)},{word},{i * i % 101}.5" for i, word in enumerate(words)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_sensors(path, ReadOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Duty pump", [("A", "B")[k // 75 % 2] for k in range(ROWS)]),
        ("grade", [("A36", "B12", "C40")[k // 50 % 3] for k in range(ROWS)]),
        ("colour", [("red", "green", "blue", "white")[k // 40 % 4] for k in range(ROWS)]),
        ("Pump", [("P1", "P2")[k // 75 % 2] for k in range(ROWS)]),
    ],
)
def test_words_that_stay_for_some_rows_are_text(tmp_path: Path, name: str, words: list[str]) -> None:
    table = load(tmp_path / "in.csv", name, words)
    assert table.sensors.columns == ["Flow"]
    assert table.left_out == {name: "text"}
    assert table.sensors.height == ROWS


@pytest.mark.parametrize(
    ("words", "odd", "count", "name"),
    [
        ([*SWITCHED[:-1], "TRIP"], "TRIP", "1 row", "valve"),
        ([*MOVED[:-5], *["Travelling"] * 5], "Travelling", "5 rows", "valve"),
        ([("Running", "Stopped", "Tripped")[k // 50 % 3] for k in range(ROWS)], "Tripped", "200 rows", "Pump 1"),
        # Quick changes, and a column that bears the name of a machine.
        ([("on", "off", "on", "off", "TRIP")[k % 5] for k in range(ROWS)], "TRIP", "120 rows", "Pump"),
    ],
)
def test_an_odd_word_among_two_states_is_named_with_the_way_on(
    tmp_path: Path, words: list[str], odd: str, count: str, name: str
) -> None:
    path = tmp_path / "in.csv"
    table = load(path, name, words)
    assert table.sensors.columns == ["Flow"]
    [note] = [note for note in table.notes if f"column '{name}' is text" in note]
    assert f"'{odd}' ({count}) among" in note
    assert f"--missing {odd} reads" in note
    with pytest.raises(Refusal, match=rf"column '{name}' holds no numbers but text, '{odd}'.*--missing {odd} reads"):
        load(path, name, words, columns=[name])
    table = load(path, name, words, missing=[odd])
    assert table.sensors.columns == [name, "Flow"]
    assert table.sensors[name].null_count() == words.count(odd)


def test_values_that_change_at_every_row_are_of_several_machines(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="the rows take turns between 'A36', 'B12', 'C40'"):
        load(tmp_path / "in.csv", "grade", [("A36", "B12", "C40")[k % 3] for k in range(ROWS)])
    with pytest.raises(Refusal, match="the rows take turns between 'A', 'B'"):
        load(tmp_path / "in.csv", "asset", [("A", "A", "B")[k % 3] for k in range(ROWS)])
