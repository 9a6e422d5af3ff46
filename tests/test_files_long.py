"""Long tables, one row per reading, turned into one row per time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from acm_rs.files import spool
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


@pytest.mark.parametrize(
    ("header", "good", "bad"),
    [
        ("vValue,Quality,QualityDetail", "9,0,192", "9,1,24"),
        ("Source,OPCQuality", "PLC,192", "PLC,0"),
        ("QualityDetail,Source", "192,PLC", "24,PLC"),
        ("Operator,StatusCode,Origin", "7,Good,3", "7,BadSensorFailure,3"),
        ("Aux,Code", "5,Good", "5,Bad"),
        ("Device,Validity,Quality", "P1,7,Good", "P1,7,Bad"),
    ],
)
def test_qualities_of_historians_flag_the_value_wherever_they_stand(
    source: Path, header: str, good: str, bad: str
) -> None:
    rows = [f"{T[k]},{tag},{10 + k}.5,{bad if k == 3 and tag == 'A' else good}" for k in range(12) for tag in "AB"]
    table = load(source, rows, f"DateTime,TagName,Value,{header}")
    assert table.sensors["A"].to_list() == [None if k == 3 else 10.5 + k for k in range(12)]
    assert table.sensors["B"].to_list() == [10.5 + k for k in range(12)]
    assert not any("kept as a sensor" in note for note in table.notes)


def long_rows(*qualities: str) -> list[str]:
    return [f"{T[k]},{tag},{10 + k}.5,{','.join(qualities)}" for k in range(12) for tag in "AB"]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Quality,OPCQuality", "0,192"),
        ("OPCQuality,Quality", "192,0"),
        ("Quality,QualityDetail,OPCQuality", "0,192,192"),
    ],
)
def test_a_quality_of_0_is_not_used_where_another_calls_all_good(source: Path, header: str, cells: str) -> None:
    table = load(source, long_rows(cells), f"DateTime,TagName,Value,{header}")
    assert table.sensors["A"].to_list() == [10.5 + k for k in range(12)]
    assert any("'Quality' was not used: by its 0 all readings would be bad" in note for note in table.notes)
    assert "says otherwise" in table.left_out["Quality"]


@pytest.mark.parametrize(("header", "cells"), [("Quality,OPCQuality", "24,192"), ("Quality,OPCQuality", "Bad,192")])
def test_what_is_bad_throughout_stays_bad(source: Path, header: str, cells: str) -> None:
    with pytest.raises(Refusal, match="never measured"):
        load(source, long_rows(cells), f"DateTime,TagName,Value,{header}")


def test_qualities_of_a_long_table_that_nobody_knows_are_said_to_be_unused(source: Path) -> None:
    rows = [f"{T[k]},{tag},{10 + k}.5,{1 if k else 2}" for k in range(12) for tag in "AB"]
    table = load(source, rows, "TimeString,VarName,VarValue,Validity")
    assert any("'Validity' was not used: say which of" in note for note in table.notes)
    flagged = load(source, rows, "TimeString,VarName,VarValue,Validity", good=("1",))
    assert flagged.sensors["A"].to_list() == [None, *(10.5 + k for k in range(1, 12))]


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("header", "places"),
    [
        ("entity_id,key,ts,bool_v,str_v,long_v,dbl_v", (4, 6, 5, 3)),
        ("Tag,Time,NumericValue,StringValue", (2, 2, 3, 3)),
        ("TagName,DateTime,Value,ValueText,Quality", (2, 2, 3, 3)),
        ("tagid,t_stamp,intvalue,floatvalue,stringvalue,dataintegrity", (3, 2, 4, 4)),
    ],
)
def test_values_of_several_types_in_columns_of_their_own(
    source: Path, monkeypatch: pytest.MonkeyPatch, header: str, places: tuple[int, ...], large: bool
) -> None:
    if large:
        monkeypatch.setattr(spool, "LARGE", 0)
        monkeypatch.setattr(spool, "_BLOCK", 400)
    names = header.split(",")
    at = {name.lower().replace("_", ""): place for place, name in enumerate(names)}
    rows = []
    for k in range(12):
        said = {"flow": f"{10 + k}.5", "rpm": str(1480 + k), "run": "ON" if k > 3 else "OFF", "mode": "AUTO"}
        for tag, place in zip(said, (places[0], places[1], places[2], places[2]), strict=True):
            cells = [""] * len(names)
            cells[places[2] if tag == "mode" else place] = said[tag]
            for name, cell in (("entityid", "p1"), ("quality", "192"), ("dataintegrity", "192")):
                if name in at:
                    cells[at[name]] = cell
            cells[next(at[name] for name in ("key", "tag", "tagname", "tagid") if name in at)] = tag
            cells[next(at[name] for name in ("ts", "time", "datetime", "tstamp") if name in at)] = T[k]
            rows.append(",".join(cells))
    table = load(source, rows, header)
    assert table.sensors["flow"].to_list() == [10.5 + k for k in range(12)]
    assert table.sensors["rpm"].to_list() == [1480.0 + k for k in range(12)]
    assert table.sensors["run"].to_list() == [float(k > 3) for k in range(12)]
    assert table.left_out["mode"] == "text"
    assert any("hold one value in each row: taken together" in note for note in table.notes)


def test_values_beside_one_another_are_not_taken_together(source: Path) -> None:
    rows = [f"{T[k]},{tag},{10 + k}.5,{20 + k}" for k in range(12) for tag in "AB"]
    table = load(source, rows, "Time,Tag,Value,IntValue", value_column="Value")
    assert table.sensors["A"].to_list() == [10.5 + k for k in range(12)]
    frame = pl.DataFrame({"Time": T[:12], "Value": [1.5, None] * 6, "IntValue": [None, 2.0] * 6})
    frame.write_csv(source)
    assert load_sensors(source, ReadOptions()).sensors.columns == ["Value", "IntValue"]


def test_a_device_beside_the_tags_is_none_of_them(source: Path) -> None:
    rows = [f"{T[k]},{tag},{10 + k}.5,{'P1' if tag == 'A' else 'P2'}" for k in range(12) for tag in "AB"]
    for name in ("Source", "Device", "Object name"):
        assert load(source, rows, f"Time,Tag,Value,{name}").sensors.columns == ["A", "B"]


INFLUX = ["#group,false,false,true,true,false,false,true,true", "#default,_result,,,,,,,"]
KINDS = "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,{},string,string"


def annotated(kind: str, table: int, values: list[str], tags: str) -> list[str]:
    """A table as a time series database writes it."""
    stamps = [f"2024-03-01T00:{minute:02d}:00Z" for minute in range(len(values))]
    span = "2024-03-01T00:00:00Z,2024-03-02T00:00:00Z"
    rows = [f",,{table},{span},{stamp},{value},{tags}" for stamp, value in zip(stamps, values, strict=True)]
    return [*INFLUX, KINDS.format(kind), ",result,table,_start,_stop,_time,_value,_field,_measurement", *rows, ""]


def test_tables_of_a_time_series_database(source: Path) -> None:
    flow, temp = [f"{k}.5" for k in range(8)], [f"{60 + k}.25" for k in range(8)]
    states = ["on" if k > 3 else "off" for k in range(8)]
    lines = annotated("double", 0, flow, "flow,pump") + annotated("double", 1, temp, "temp,pump")
    source.write_text("\n".join(lines + annotated("string", 2, states, "state,pump")))
    table = load_sensors(source, ReadOptions())
    assert table.time is not None
    assert table.time.name == "_time"
    assert table.time.to_list() == [datetime(2024, 3, 1, 0, minute, tzinfo=UTC) for minute in range(8)]
    assert table.sensors.to_dict(as_series=False) == {
        "flow": [float(cell) for cell in flow],
        "temp": [float(cell) for cell in temp],
        "state": [float(k > 3) for k in range(8)],
    }
    # One field for all: what is measured tells them apart.
    source.write_text(
        "\n".join(annotated("double", 0, flow, "value,flow") + annotated("double", 1, temp, "value,temp"))
    )
    assert load_sensors(source, ReadOptions()).sensors.columns == ["flow", "temp"]


def test_a_time_goes_before_the_ends_of_a_span(source: Path) -> None:
    rows = [f"2024-03-01 00:00,{T[k]},{k}.5" for k in range(8)]
    table = load(source, rows, "Start time,Timestamp,Flow")
    assert table.time is not None
    assert table.time.name == "Timestamp"
    table = load(source, [f"{T[k]},{T[k + 1]},{k}.5" for k in range(8)], "Start,End,Flow")
    assert table.time is not None
    assert table.time.name == "Start"


def test_of_two_columns_called_values_none_is_taken_for_another(source: Path) -> None:
    rows = [f"{T[k]},{tag},{k},{'ON' if k > 3 else 'OFF'},high" for k in range(12) for tag in "AB"]
    with pytest.raises(Refusal, match="each time comes again for 'A', 'B'"):
        load(source, rows, "Time,Tag,Table,Value,Result")


def test_seconds_since_1970_beside_numbers_of_items(source: Path) -> None:
    rows = [f"{10 + item},{1719792000 + 60 * k},{k + 50 * item}.5,{1234 * k}" for k in range(12) for item in (0, 1)]
    table = load(source, rows, "itemid,clock,value,ns")
    assert table.time is not None
    assert table.time[0] == datetime(2024, 7, 1, tzinfo=UTC)
    assert table.sensors["10"].to_list() == [k + 0.5 for k in range(12)]
    assert table.sensors["11"].to_list() == [k + 50.5 for k in range(12)]


def test_properties_of_an_asset_with_fractions_of_seconds_beside_the_time(source: Path) -> None:
    rows = [
        f"p1,{tag},{1719792000 + 60 * k},{500000000 * (k % 2)},{'BAD' if k == 2 else 'GOOD'},"
        + (f"{k},," if tag == "A" else f",{k}.5,")
        for k in range(12)
        for tag in "AB"
    ]
    header = "asset_id,property_id,time_in_seconds,offset_in_nanos,quality,integer_value,double_value,string_value"
    table = load(source, rows, header)
    assert table.sensors["A"].to_list() == [None if k == 2 else float(k) for k in range(12)]
    assert table.sensors["B"].to_list() == [None if k == 2 else k + 0.5 for k in range(12)]


@pytest.mark.parametrize("halls", [("N", "S"), ("Open", "Closed"), ("A1", "A2")])
def test_names_of_machines_may_be_words_of_states(source: Path, halls: tuple[str, str]) -> None:
    rows = [f"{hall},FT1,{T[k]},{k + 50 * place}.5" for k in range(12) for place, hall in enumerate(halls)]
    table = load(source, rows, "Area,Tag,Time,Value")
    assert table.sensors.columns == [f"{hall}.FT1" for hall in halls]
    # A state that comes with each reading tells none apart.
    rows = [f"{halls[k % 3 == 0]},FT1,{T[k]},{k}.5" for k in range(24)]
    assert load(source, rows, "Valve,Tag,Time,Value").sensors.columns == ["FT1"]


def test_states_of_entities_at_times_of_their_own(source: Path) -> None:
    rows, flow = [], []
    for k, which in enumerate(np.random.default_rng(3).integers(0, 2, 40).tolist()):
        if which:
            flow.append(50.5 + k)
        cell = f"{50 + k}.5" if which else "on" if k % 3 else "off"
        rows.append(f"{'sensor.flow' if which else 'switch.pump'},{cell},{T[k]}:00.25")
    table = load(source, rows, "entity_id,state,last_changed")
    assert table.sensors["sensor.flow"].drop_nulls().to_list() == flow
    assert set(table.sensors["switch.pump"].drop_nulls().to_list()) == {0.0, 1.0}


@pytest.mark.parametrize("name", ["entity_id", "Topic", "device"])
def test_readings_of_two_that_take_turns_are_no_history_of_one(source: Path, name: str) -> None:
    turns = np.random.default_rng(4).integers(0, 2, 40).tolist()
    rows = [f"{'ab'[which]},{50 + 20 * which}.{k},{T[k]}" for k, which in enumerate(turns)]
    with pytest.raises(Refusal, match="the rows take turns between"):
        load(source, rows, f"{name},amount,time")


def test_tags_under_any_name_that_take_turns_are_no_history_of_one(source: Path) -> None:
    random = np.random.default_rng(5)
    start = datetime(2024, 3, 1)

    def rows(levels: dict[str, float], noise: float, stays: int = 1) -> list[str]:
        names = np.repeat(random.choice(list(levels), 240 // stays), stays)
        return [
            f"{name},{start + timedelta(seconds=7 * k)},{levels[name] + noise * random.normal():.3f}"
            for k, name in enumerate(names)
        ]

    some = dict(zip("abcdef", (50.0, 70.0, 1.5, 300.0, 12.0, 80.0), strict=True))
    for levels in ({"a": 50.0, "b": 70.0}, some):
        with pytest.raises(Refusal, match="the rows take turns between"):
            load(source, rows(levels, 0.5), "who,time,amount")
    # A word that says little of the readings, and one that stays, belong to one machine.
    for kept in (rows({"sun": 50.0, "rain": 51.0}, 2.0), rows(some, 0.5, stays=10)):
        assert load(source, kept, "who,time,amount").sensors.columns == ["amount"]


@pytest.mark.parametrize("name", ["Field", "key", "Entity", "Property"])
@pytest.mark.parametrize("mark", [".", ","])
def test_readings_under_a_name_of_tags_are_a_sensor(source: Path, name: str, mark: str) -> None:
    rows = [f"{T[k]};{5 + k % 7}{mark}{1 + k % 9};{k * k % 11}{mark}5" for k in range(12)]
    table = load(source, rows, f"Time;{name};Value")
    assert table.sensors.columns == [name, "Value"]
    # Tags they are where they hold names, or whole numbers.
    rows = [f"{T[k]};{tag};{10 + k}{mark}5" for k in range(12) for tag in ("7", "8")]
    assert load(source, rows, f"Time;{name};Value").sensors.columns == ["7", "8"]
