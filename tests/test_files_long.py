"""Long tables, one row per reading, turned into one row per time."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs.files.bad_rows import OnBadRow
from acm_rs.files.errors import Refusal
from acm_rs.files.options import Layout, ReadOptions
from acm_rs.files.raw import About
from acm_rs.files.table import SensorTable, load_sensors

T = [f"2024-03-01 00:{minute:02}" for minute in range(60)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "readings.csv"


def load(source: Path, rows: list[str], header: str = "Time,Tag,Value", **options: object) -> SensorTable:
    source.write_text("\n".join([header, *rows]) + "\n")
    return load_sensors(source, ReadOptions(**options))  # type: ignore[arg-type]


def test_as_pandas_pivots(source: Path) -> None:
    random = np.random.default_rng(8)
    start = datetime(2024, 3, 1)
    frame = pd.DataFrame(
        {
            "Time": [start + timedelta(seconds=int(s)) for s in random.integers(0, 400, 1500)],
            "Tag": [f"P-{k}" for k in random.integers(0, 7, 1500)],
            "Value": random.normal(50, 9, 1500),
        }
    )
    frame.to_csv(source, index=False)
    table = load_sensors(source, ReadOptions())
    peer = frame.pivot_table(index="Time", columns="Tag", values="Value", aggfunc="last")
    assert table.time is not None
    assert table.time.to_list() == peer.index.to_pydatetime().tolist()
    assert table.sensors.columns == list(frame["Tag"].unique())
    for name in table.sensors.columns:
        np.testing.assert_array_equal(table.sensors[name].to_numpy(), peer[name].to_numpy())
    twice = int(frame.duplicated(["Time", "Tag"]).sum())
    assert any(f"same tag and time: {twice:,} left out, the last kept" in note for note in table.notes)
    assert f"1,500 readings of 7 tags turned into {len(peer):,} rows" in table.notes[0]


def test_tags_at_other_times_are_missing_between(source: Path) -> None:
    table = load(source, [f"{T[0]},A,1.5", f"{T[1]},B,2.5", f"{T[3]},A,3.5"])
    assert table.sensors.to_dict(as_series=False) == {"A": [1.5, None, 3.5], "B": [None, 2.5, None]}
    assert table.time is not None
    assert table.time.dt.minute().to_list() == [0, 1, 3]


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_two_readings_the_last_recorded_stays(source: Path, newest_first: bool) -> None:
    rows = [f"{T[0]},A,1", f"{T[0]},B,5", f"{T[1]},A,2", f"{T[1]},A,3", f"{T[2]},A,4"]
    table = load(source, rows[::-1] if newest_first else rows)
    assert table.sensors["A"].to_list() == [1.0, 3.0, 4.0]
    assert table.sensors["B"].to_list() == [5.0, None, None]
    assert any("1 left out, the last kept" in note for note in table.notes)


def test_qualities_words_and_units_go_by_tag(source: Path) -> None:
    rows = [
        f"{T[0]},Flow,10.5,Good,m3/h",
        f"{T[0]},Temp,20.5,Good,°C",
        f"{T[1]},Flow,999,Bad,m3/h",
        f"{T[1]},Temp,No Data,Good,°C",
        f"{T[2]},Flow,12.5,Uncertain,m3/h",
        f"{T[2]},Temp,22.5 °C,Good,°C",
    ]
    table = load(source, rows, "Time,Tag,Value,Quality,Unit")
    assert table.sensors.to_dict(as_series=False) == {"Flow": [10.5, None, 12.5], "Temp": [20.5, None, 22.5]}
    assert table.about == {"Flow": About(unit="m3/h"), "Temp": About(unit="°C")}
    counts = table.changes.by_reason()
    assert counts["flagged 'Bad', made missing"] == {"Flow": 1}
    assert counts["flagged 'Uncertain', kept"] == {"Flow": 1}
    assert counts["word 'No Data', missing"] == {"Temp": 1}
    assert table.left_out == {"Quality": "quality of 'Value'"}


def test_a_tag_has_one_unit(source: Path) -> None:
    with pytest.raises(
        Refusal, match=r"tag 'A': values in 'kW', 'W' \(column '.*'\); one tag has one unit, and a column that"
    ):
        load(source, [f"{T[0]},A,1,kW", f"{T[1]},A,900,W"], "Time,Tag,Value,Unit")


def test_each_tag_is_a_column_of_its_own_kind(source: Path) -> None:
    rows = [
        f"{T[k]},{tag},{cell}" for k in range(3) for tag, cell in (("Pump", ("ON", "OFF")[k % 2]), ("Flow", k + 0.5))
    ]
    table = load(source, rows)
    assert table.sensors.to_dict(as_series=False) == {"Pump": [1.0, 0.0, 1.0], "Flow": [0.5, 1.5, 2.5]}


def test_cells_are_named_by_their_rows(source: Path) -> None:
    rows = [f"{T[k]},{tag},{k}.5" for k in range(4) for tag in "AB"]
    rows[5] = f"{T[2]},B,hot"
    with pytest.raises(Refusal, match=r"readings\.csv, row 7, tag 'B': 'hot' is not a number"):
        load(source, rows)
    table = load(source, rows, bad_rows=OnBadRow.skip)
    # The other readings of the time stay.
    assert table.sensors.to_dict(as_series=False) == {"A": [0.5, 1.5, 2.5, 3.5], "B": [0.5, 1.5, None, 3.5]}
    assert any("row 7, tag 'B'" in note for note in table.notes)
    rows[5] = f"{T[2]},,1.5"
    with pytest.raises(Refusal, match=r"row 7, column 'Tag': the tag is missing"):
        load(source, rows)
    assert load(source, rows, bad_rows=OnBadRow.skip).sensors["B"].to_list() == [0.5, 1.5, None, 3.5]


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("Zeitstempel;Messstelle;Wert", {}),
        ("Horodatage;Repère;Valeur", {}),
        ("Fecha;Señal;Valor", {}),
        ("Time;What;Reads", {}),
        ("Time;What;Reads", {"layout": Layout.long}),
        ("Time;What;Reads", {"tag_column": "What", "value_column": "Reads"}),
    ],
)
def test_found_by_names_or_by_what_repeats(source: Path, header: str, options: dict[str, object]) -> None:
    rows = [f"{T[k]};{tag};{k},5" for k in range(4) for tag in ("A", "B")]
    table = load(source, rows, header, **options)
    assert table.sensors.to_dict(as_series=False) == {"A": [0.5, 1.5, 2.5, 3.5], "B": [0.5, 1.5, 2.5, 3.5]}


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Time,Operator,Flow", ["Berger,{k}.5", "Dupont,{k}.5"]),
        ("Time,Mode,Flow,Temp", ["Auto,{k}.5,2{k}", "Hand,{k}.5,2{k}"]),
        ("Time,Name,Value", ["remark {k},{k}.5"]),
        ("Time,Value", ["{k}.5"]),
    ],
)
def test_a_word_beside_sensors_makes_no_long_table(source: Path, header: str, cells: list[str]) -> None:
    table = load(source, [f"{T[k]},{cells[k % len(cells)].format(k=k)}" for k in range(30)], header)
    assert table.sensors.height == 30
    assert header.split(",")[-1] in table.sensors.columns


def test_what_is_said_is_done(source: Path) -> None:
    rows = [f"{T[k]},{tag},{k}.5" for k in range(3) for tag in "AB"]
    with pytest.raises(Refusal, match="this time stands in more than one row"):
        load(source, [*rows, *(f"{row}5" for row in rows)], layout=Layout.wide)
    with pytest.raises(Refusal, match=r"has no column 'Tog'; did you mean 'Tag'\?"):
        load(source, rows, tag_column="Tog")
    with pytest.raises(Refusal, match="which columns hold tags and values is not told"):
        load(source, [f"{T[k]},{k}.5" for k in range(3)], "Time,Flow", layout=Layout.long)
    assert load(source, rows, columns=["B"]).sensors.columns == ["B"]
    assert load(source, rows, exclude=["A"]).sensors.columns == ["B"]
    with pytest.raises(Refusal, match="has no column 'C'"):
        load(source, rows, columns=["C"])


def test_stored_long_tables(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    times = [datetime(2024, 3, 1, hour) for hour in range(3) for _ in range(2)]
    tags = pl.Series(["A", "B"] * 3, dtype=pl.Categorical)
    pl.DataFrame({"Time": times, "Tag": tags, "Value": [1.5, 2.0, 3.5, None, 5.5, float("nan")]}).write_parquet(path)
    table = load_sensors(path, ReadOptions())
    assert table.sensors.to_dict(as_series=False) == {"A": [1.5, 3.5, 5.5], "B": [2.0, None, None]}


def test_rows_of_several_machines_are_refused(source: Path) -> None:
    rows = [f"{T[k]},{name},{k}.5,{k}" for k in range(4) for name in ("T1", "T2")]
    with pytest.raises(Refusal, match=r"each time comes again for 'T1', 'T2' \(column 'Turbine'\)"):
        load(source, rows, "Time,Turbine,Power,Wind")
    # A row that was written twice is no other machine.
    assert load(source, [*rows[::2], rows[0]], "Time,Turbine,Power,Wind").sensors.height == 4


def test_rows_of_machines_that_take_turns_are_refused(source: Path) -> None:
    def rows(*names: str) -> list[str]:
        return [f"{T[k]},{names[k % len(names)]},{k}.5,{k}.25" for k in range(24)]

    for header, names in (
        ("Time,asset,Flow,Temp", ("P1", "P2")),
        ("Time,Where,Flow,Temp", ("North", "South", "West")),
        ("Time,unit_id,Flow,Temp", ("1", "2")),
        # Each at its own rate.
        ("Time,Machine,Flow,Temp", ("A", "A", "A", "B")),
    ):
        column = header.split(",")[1]
        second = next(name for name in names if name != names[0])
        said = rf"the rows take turns between '{names[0]}', '{second}'.*\(column '{column}'\)"
        with pytest.raises(Refusal, match=said):
            load(source, rows(*names), header)
        # One machine below the other, their times between each other's.
        with pytest.raises(Refusal, match=said):
            load(source, sorted(rows(*names), key=lambda row: names.index(row.split(",")[1])), header)
    table = load(source, rows("P1", "P2"), "Time,asset,Flow,Temp", layout=Layout.wide)
    assert table.sensors.columns == ["Flow", "Temp"]
    table = load(source, rows("P1", "P2"), "Time,asset,Flow,Temp", tag_column="asset", value_column="Flow")
    assert table.sensors.columns == ["P1", "P2"]
    with pytest.raises(Refusal, match=r"each time comes again for '1', '2' \(column 'unit_id'\)"):
        load(source, [f"{T[k // 2]},{k % 2 + 1},{k}.5" for k in range(24)], "Time,unit_id,Flow")


@pytest.mark.parametrize("name", ["State", "asset", "unit_id", "Where", "Pump"])
def test_one_machine_in_long_runs_is_one_history(source: Path, name: str) -> None:
    words = ("ON", "OFF") if name == "Pump" else ("1", "2")
    cells = [words[k % 2 if name == "Pump" else k // 12] for k in range(24)]
    assert load(source, [f"{T[k]},{cells[k]},{k}.5" for k in range(24)], f"Time,{name},Flow").sensors.height == 24
