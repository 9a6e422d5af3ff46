"""Columns of words: what one machine does is no sign of several."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import Layout, ReadOptions
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


def of_two(path: Path, name: str, kind: str, **options: object) -> SensorTable:
    """Machines 1 and 2: at the same times, 2 at half of the times of 1, or each at times of its own."""
    start = datetime(2024, 3, 1)
    random = np.random.default_rng(5)
    rows = []
    for i in range(120):
        for machine in (1, 2):
            if kind == "half" and machine == 2 and i % 2:
                continue
            time = start + i * timedelta(minutes=10) + (kind == "own") * (machine - 1) * timedelta(minutes=4)
            rows.append(f"{time},{machine},{20 * machine + random.normal():.2f},{300 * machine + random.normal():.1f}")
    if kind == "below":
        rows.sort(key=lambda row: row.split(",")[1])
    path.write_text("\n".join([f"Time,{name},Temp,Flow", *rows]) + "\n", encoding="utf-8")
    return load_sensors(path, ReadOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["same", "half", "own", "below"])
@pytest.mark.parametrize(
    "name", ["asset", "machine", "pump", "unit", "nr", "line", "SensorNr", "id", "turbine_id", "Anlage", "x"]
)
def test_numbers_of_machines_are_refused_as_words_are(tmp_path: Path, name: str, kind: str) -> None:
    turns = "the rows take turns between" if kind == "own" else "each time comes again for"
    with pytest.raises(Refusal, match=rf"{turns} '1', '2' \(column '{name}'\).*a file of its own.*--layout wide"):
        of_two(tmp_path / "in.csv", name, kind)


def test_a_table_that_is_said_to_be_wide_is_taken_at_its_word(tmp_path: Path) -> None:
    assert of_two(tmp_path / "in.csv", "asset", "own", layout=Layout.wide).sensors.height == 240


RANDOM = np.random.default_rng(9)
BEAT = np.where(K % 2, "1", "2").tolist()
ONE_MACHINE = {
    "speed stage": [str(1 + k // 40 % 2) for k in range(ROWS)],
    "valve": RANDOM.integers(1, 3, ROWS).astype(str).tolist(),
    "Pump": RANDOM.integers(1, 3, ROWS).astype(str).tolist(),
    "pumps running": RANDOM.integers(0, 4, ROWS).astype(str).tolist(),
    "Duty pump": [str(1 + k // 30 % 2) for k in range(ROWS)],
    "asset": [str(1 + k // 100 % 2) for k in range(ROWS)],
    "fan": (K % 2).astype(str).tolist(),
    "heartbeat": (K % 2).astype(str).tolist(),
    "life counter": (K % 10).astype(str).tolist(),
    "toggle": BEAT,
    "stage": BEAT,
    "weekday": (K % 7).astype(str).tolist(),
}


@pytest.mark.parametrize("name", ONE_MACHINE)
def test_whole_numbers_of_one_machine_stay_a_sensor(tmp_path: Path, name: str) -> None:
    table = load(tmp_path / "in.csv", name, ONE_MACHINE[name])
    assert table.sensors.columns == [name, "Flow"]
    assert table.sensors.height == ROWS


def test_a_stage_that_changes_at_every_row_is_told_by_its_name(tmp_path: Path) -> None:
    start = datetime(2024, 3, 1)
    for name in ("stage", "step", "phase"):
        lines = [f"Time,{name},Temp"]
        lines += [f"{start + i * timedelta(minutes=10)},{1 + i % 2},{40 * (i % 2) + i * i % 7}.5" for i in range(200)]
        (tmp_path / "in.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        assert load_sensors(tmp_path / "in.csv", ReadOptions()).sensors.columns == [name, "Temp"]


def test_a_state_before_and_after_its_change_is_one_machine(tmp_path: Path) -> None:
    start = datetime(2024, 3, 1)
    lines, state = ["Time,valve,Flow"], 1
    for i in range(200):
        time = start + i * timedelta(minutes=10)
        lines.append(f"{time},{state},{i * i % 101}.5")
        if i % 5 == 4:
            state = 3 - state
            lines.append(f"{time},{state},{i * i % 101}.5")
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = load_sensors(tmp_path / "in.csv", ReadOptions())
    assert table.sensors.columns == ["valve", "Flow"]
    assert any("repeated times: 40 rows left out" in note for note in table.notes)
