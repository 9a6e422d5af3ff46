"""Headers of two rows: names of groups over those of their columns, as merged cells are written."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors

ROWS = 12
PUMPS = ["Pump 1 Temp", "Pump 1 Flow", "Pump 2 Temp", "Pump 2 Flow"]
BEARINGS = ["DE °C", "DE mm/s", "NDE °C", "NDE mm/s"]

# The rows above the readings, and the names of the sensors.
HEADERS = {
    "time above": (["time,Pump 1,,Pump 2,", ",Temp,Flow,Temp,Flow"], PUMPS),
    "time below": ([",Pump 1,,Pump 2,", "time,Temp,Flow,Temp,Flow"], PUMPS),
    "under a title": (["Plant north", "time,Pump 1,,Pump 2,", ",Temp,Flow,Temp,Flow"], PUMPS),
    "over units": (["time,Pump 1,,Pump 2,", ",Temp,Flow,Temp,Flow", ",°C,m³/h,°C,m³/h"], PUMPS),
    "units alone": (["Time,DE,,NDE,", ",°C,mm/s,°C,mm/s"], BEARINGS),
    "a single one beside": (
        ["time,Pump 1,,Ambient,Load", ",Temp,Flow,,"],
        ["Pump 1 Temp", "Pump 1 Flow", "Ambient", "Load"],
    ),
    "a single one beside, time below": (
        [",Pump 1,,Ambient,Load", "time,Temp,Flow,,"],
        ["Pump 1 Temp", "Pump 1 Flow", "Ambient", "Load"],
    ),
    "three and one": (["time,Pump 1,,,Pump 2", ",Temp,Flow,Speed,Temp"], [*PUMPS[:2], "Pump 1 Speed", "Pump 2 Temp"]),
    "names that differ": (["time,Pump 1,,Pump 2,", ",Temp,Flow,Speed,Power"], ["Temp", "Flow", "Speed", "Power"]),
    "descriptions": (["time,A,B,C,D", ",Temp of A,Flow of A,Temp,Flow"], ["A", "B", "C", "D"]),
}


def reading(row: int, place: int) -> float:
    return (row * row + 7 * place) % 31 + 0.5


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_names_of_groups_over_those_of_their_columns(tmp_path: Path, name: str, kind: str) -> None:
    above, names = HEADERS[name]
    rows = [line.split(",") for line in above]
    rows += [[f"2024-03-01 00:{i:02}", *(str(reading(i, place)) for place in range(4))] for i in range(ROWS)]
    path = tmp_path / f"in.{kind}"
    if kind == "csv":
        path.write_text("\n".join(map(",".join, rows)) + "\n", encoding="utf-8")
    else:
        filled = [[*row, *[""] * (5 - len(row))] for row in rows]
        frame = pl.DataFrame([[cell or None for cell in row] for row in filled], orient="row")
        frame.write_excel(path, include_header=False)
    table = load_sensors(path, ReadOptions())
    assert isinstance(table.sensors, pl.DataFrame)
    assert table.sensors.columns == names
    assert table.sensors.rows() == [tuple(reading(i, place) for place in range(4)) for i in range(ROWS)]
    assert not table.left_out
    if "°C" in above[-1]:
        assert [table.about[name].unit for name in names[::2]] == ["°C", "°C"]
