"""Long tables in which several machines have the same tags."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors

START = datetime(2024, 3, 1)
TIMES = 60


def load(path: Path, rows: list[str], header: str, **options: object) -> SensorTable:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return load_sensors(path, ReadOptions(), **options)  # type: ignore[arg-type]


def readings(machines: tuple[str, ...], minutes: int) -> list[str]:
    """Each machine's two tags every ten minutes, those of the next some minutes later."""
    return [
        f"{START + timedelta(minutes=10 * i + minutes * k)},{machine},{tag},{100 * k + i + 0.25 * (tag == 'FI1')}"
        for i in range(TIMES)
        for k, machine in enumerate(machines)
        for tag in ("TI1", "FI1")
    ]


@pytest.mark.parametrize("minutes", [0, 4, 5])
@pytest.mark.parametrize("machines", [("A", "B"), ("1", "2"), ("P-101", "P-102", "P-103")])
@pytest.mark.parametrize("name", ["asset", "machine", "site", "Anlage", "pump_no", "line", "x"])
def test_machines_stand_before_their_tags(tmp_path: Path, name: str, machines: tuple[str, ...], minutes: int) -> None:
    table = load(tmp_path / "in.csv", readings(machines, minutes), f"time,{name},tag,value")
    assert table.sensors.columns == [f"{machine}.{tag}" for machine in machines for tag in ("TI1", "FI1")]
    for k, machine in enumerate(machines):
        assert table.sensors[f"{machine}.TI1"].drop_nulls().to_list() == [100.0 * k + i for i in range(TIMES)]
    assert table.left_out == {name: "before the tags"}
    [note] = [note for note in table.notes if "tags of several machines" in note]
    assert f"'{name}' ('{machines[0]}', '{machines[1]}'" in note
    assert f"as in '{machines[0]}.TI1'" in note


@pytest.mark.parametrize("cells", [("A", "A"), ("A", "B"), ("", "")])
def test_a_tag_of_one_machine_keeps_its_name(tmp_path: Path, cells: tuple[str, str]) -> None:
    rows = [
        f"{START + timedelta(minutes=i)},{cell},{tag},{i}.5"
        for i in range(TIMES)
        for tag, cell in zip(("TI1", "FI1"), cells, strict=True)
    ]
    table = load(tmp_path / "in.csv", rows, "time,asset,tag,value")
    assert table.sensors.columns == ["TI1", "FI1"]


def test_a_column_of_priorities_or_of_operators_is_no_machine(tmp_path: Path) -> None:
    for name, cells in (("priority", "112"), ("operator", ("ann", "bob", "bob")), ("origin", ("a", "a", "b", "b"))):
        rows = [
            f"{START + timedelta(minutes=i)},{cells[i % len(cells)]},{tag},{i}.5"
            for i in range(TIMES)
            for tag in ("TI1", "FI1")
        ]
        table = load(tmp_path / "in.csv", rows, f"time,{name},tag,value")
        assert table.sensors.columns == ["TI1", "FI1"], name


def test_a_file_of_one_machine_has_the_names_that_a_model_knows(tmp_path: Path) -> None:
    rows = readings(("A",), 0)
    assert load(tmp_path / "in.csv", rows, "time,asset,tag,value").sensors.columns == ["TI1", "FI1"]
    table = load(tmp_path / "in.csv", rows, "time,asset,tag,value", needed=["A.TI1", "A.FI1", "B.TI1"])
    assert table.sensors.columns == ["A.TI1", "A.FI1"]
