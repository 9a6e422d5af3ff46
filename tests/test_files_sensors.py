"""Which columns are sensors, error codes among their readings, and columns as people name them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import acm_rs
import numpy as np
import polars as pl
import pytest
from acm_rs.files.codes import codes_in, read_codes
from acm_rs.files.columns import matching
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import SensorTable, load_sensors
from cli import runner

START = datetime(2024, 3, 1)
ROWS = 40
TIMES = [START + timedelta(minutes=k) for k in range(ROWS)]
FLOW = [50.25 + k % 7 for k in range(ROWS)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "trend.csv"


def load(source: Path, cells: dict[str, list[object]], needed: tuple[str, ...] = (), **options: object) -> SensorTable:
    frame = pl.DataFrame({"TS": TIMES, **cells}, strict=False)
    frame.write_csv(source) if source.suffix == ".csv" else frame.write_parquet(source)
    return load_sensors(source, ReadOptions(**options), needed=needed)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("anomaly", [0, 0, 0, 1], "a label by its name"),
        ("ATT_FLAG", [-999, -999, 1, -999], "a label by its name"),
        ("is_anomaly", [0, 1, 0, 0], "a label by its name"),
        ("Change Point", [0, 0, 1, 0], "a label by its name"),
        ("fault_type", [0, 3, 7, 0], "a label by its name"),
        ("label", [0, 0, 0, 0], "a label by its name"),
        ("Dead", [None] * 4, "never measured"),
        ("Dead", [float("nan")] * 4, "never measured"),
    ],
)
def test_columns_that_are_no_sensors(tmp_path: Path, ending: str, name: str, cells: list[object], reason: str) -> None:
    source = tmp_path / f"trend.{ending}"
    columns: dict[str, list[object]] = {"Flow": list(FLOW), name: [cells[k % len(cells)] for k in range(ROWS)]}
    table = load(source, columns)
    assert table.sensors.columns == ["Flow"]
    assert table.left_out == {name: reason}
    assert not any("error code" in reason for reason in table.changes.by_reason())
    assert any(repr(name) in note and reason in note for note in table.notes)
    # Whoever asks for one, or has learnt from it, gets it.
    assert load(source, columns, columns=["Flow", name]).sensors.columns == ["Flow", name]
    assert load(source, columns, needed=(name,)).sensors.columns == ["Flow", name]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Pump 1 Fault", [0, 1, 0, 0]),
        ("anomaly", [0.25, 1.5, 3.75, 2.0]),
        ("Alarm", [0, 1, 0, 0]),
        ("target speed", [0, 1, 2, 3]),
        ("class temperature", [1, 2, 1, 2]),
    ],
)
def test_what_only_sounds_like_a_label_stays(source: Path, name: str, cells: list[object]) -> None:
    table = load(source, {"Flow": list(FLOW), name: [cells[k % 4] for k in range(ROWS)]})
    assert table.sensors.columns == ["Flow", name]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Target", [60, 80, 60, 60]),
        ("ATT", [3, 4, 3, 4]),
        ("Att", [5]),
        ("anomaly", [0.25, 1.5]),
        ("Machine failure", [0, 1, 0, 0]),
        ("Alarm", [0, 0, 1, 0]),
    ],
)
def test_what_may_be_a_label_stays_and_is_told(source: Path, name: str, cells: list[object]) -> None:
    table = load(source, {"Flow": list(FLOW), name: [cells[k % len(cells)] for k in range(ROWS)]})
    assert table.sensors.columns == ["Flow", name]
    assert f"named like labels, kept as sensors: '{name}'; --exclude leaves them out" in table.notes


def test_large_constants_are_told_in_full(source: Path) -> None:
    assert "constant, kept: 'Recipe' (20240301)" in load(source, {"F": list(FLOW), "Recipe": [20240301] * ROWS}).notes


def test_constant_columns_and_running_numbers_are_named(source: Path) -> None:
    table = load(source, {"Flow": list(FLOW), "Set": [80.5] * ROWS, "Hours": list(range(1001, 1001 + ROWS))})
    assert table.sensors.columns == ["Flow", "Set", "Hours"]
    assert "constant, kept: 'Set' (80.5)" in table.notes
    assert "running numbers, kept: 'Hours'; --exclude leaves them out" in table.notes
    numbered = load(source, {"Row No.": list(range(ROWS)), "Flow": list(FLOW), "id": list(range(ROWS, 0, -1))})
    assert numbered.left_out == {"Row No.": "row numbers", "id": "row numbers"}


@pytest.mark.parametrize(("per_second", "hours"), [(1, 0), (1000, 1), (10**6, -5), (10**9, 0)])
def test_epochs_beside_the_clock_are_no_sensors(source: Path, per_second: int, hours: int) -> None:
    epochs = [(1709251200 + 60 * k + 3600 * hours) * per_second for k in range(ROWS)]
    table = load(source, {"Flow": list(FLOW), "x": epochs})
    assert table.sensors.columns == ["Flow"]
    assert "x" in table.left_out


# ---- error codes ----------------------------------------------------------------------------------------------------


def spoilt(code: float, *rows: int) -> list[object]:
    return [code if place in rows else value for place, value in enumerate(FLOW)]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "code", [-9999.0, -999.0, 1e30, -1e30, 9999.0, 32767.0, 65535.0, 3.4028234663852886e38, -999.25]
)
def test_certain_codes_are_missing_and_told(tmp_path: Path, ending: str, code: float) -> None:
    source = tmp_path / f"trend.{ending}"
    table = load(source, {"Flow": spoilt(code, 3, 17)})
    assert table.sensors["Flow"].to_list() == [None if place in (3, 17) else value for place, value in enumerate(FLOW)]
    assert table.changes.by_reason() == {f"error code {code:.15g}, made missing": {"Flow": 2}}
    assert load(source, {"Flow": spoilt(code, 3, 17)}, codes="none").sensors["Flow"].to_list() == spoilt(code, 3, 17)


def test_a_list_of_codes_is_exact(source: Path) -> None:
    cells = [*FLOW[:36], 51.25, -9999.0, 1e30, 7.0]
    table = load(source, {"Flow": list(cells)}, codes="7,1e30,0")
    assert table.sensors["Flow"].to_list() == [*FLOW[:36], 51.25, -9999.0, None, None]
    assert table.changes.by_reason() == {
        "error code 7, made missing": {"Flow": 1},
        "error code 1e+30, made missing": {"Flow": 1},
    }
    for text in ("-9999,x", "all", "auto,-1"):
        with pytest.raises(Refusal, match="--codes must be auto, none or numbers"):
            load(source, {"Flow": list(cells)}, codes=text)
    assert read_codes("auto") is None
    assert read_codes("none") == []


@pytest.mark.parametrize(
    "values",
    [
        # Modes and counters may be called so.
        [0.0, 1.0, 2.0, 99.0, 99.0, 99.0] * 10,
        [0.0, 1.0, 999.0] * 20,
        list(np.arange(9_990.0, 10_010.0)),
        list(np.linspace(800.0, 1_200.0, 40)) + [999.0] * 3,
        [30_000.0, 31_500.0, 32_767.0, 29_000.0] * 10,
        # An end stop stands among others.
        list(np.random.default_rng(1).normal(50.0, 10.0, 500).clip(30.0, 60.0)),
        [1.5] * 60,
        # One of many that a speed or a power runs through.
        [*np.arange(9_800.0, 9_830.0), 9_999.0],
        [*np.linspace(-2_500.0, -2_000.0, 60), -9_999.0],
    ],
)
def test_readings_that_are_no_codes(values: list[float]) -> None:
    assert codes_in(pl.Series(values)).certain == {}


def test_a_single_code_near_the_readings_is_suspected(source: Path) -> None:
    table = load(source, {"Speed": [*range(9_800, 9_839), 9_999]})
    assert table.sensors["Speed"][39] == 9_999.0
    assert any(note.startswith("may be error codes, kept: 'Speed' 9999 (1 time)") for note in table.notes)
    # Often, far away or of the other sign it is one.
    assert codes_in(pl.Series([*range(9_800, 9_830), 9_999, 9_999], dtype=pl.Float64)).certain == {9_999.0: 2}
    assert codes_in(pl.Series([*FLOW, 9_999.0])).certain == {9_999.0: 1}
    assert codes_in(pl.Series([*np.arange(9_800.0, 9_830.0), -9_999.0])).certain == {-9_999.0: 1}


def test_values_that_repeat_far_outside_are_suspected(source: Path) -> None:
    random = np.random.default_rng(4)
    values = random.normal(50.0, 1.0, 500)
    values[::100] = 250.0
    found = codes_in(pl.Series(values))
    assert (found.certain, found.suspected) == ({}, {250.0: 5})
    table = load(
        source,
        {"Flow": [*[50.25 + 0.5 * (k % 23) for k in range(36)], 999.0, 50.5, 50.5, 50.5], "Mode": [0, 1, 2, 99] * 10},
    )
    assert any(note.startswith("may be error codes, kept: 'Mode' 99 (10 times)") for note in table.notes)
    assert table.changes.by_reason() == {"error code 999, made missing": {"Flow": 1}}


# ---- columns as people name them ------------------------------------------------------------------------------------


def test_wildcards() -> None:
    names = ["Temp 1", "Temp 2", "TEMP 3", "Flow [m3/h]", "Flow"]
    assert matching("temp*", names) == ["Temp 1", "Temp 2", "TEMP 3"]
    assert matching("Temp*", names) == ["Temp 1", "Temp 2"]
    assert matching("*?1", names) == ["Temp 1"]
    assert matching("Flow [m3*", names) == ["Flow [m3/h]"]
    assert matching("x*", names) == []


def test_columns_by_wildcards_and_without_some(source: Path) -> None:
    columns: dict[str, list[object]] = {
        "Temp 1": list(FLOW),
        "Flow": list(FLOW),
        "Temp 2": list(FLOW),
        "Temp note": ["a"] * ROWS,
        "Temp 1 Quality": ["Good"] * 39 + ["Bad"],
    }
    table = load(source, columns, columns=["Flow", "Temp*"])
    # A wildcard takes the sensors among its columns; a name must be one.
    assert table.sensors.columns == ["Flow", "Temp 1", "Temp 2"]
    assert table.sensors["Temp 1"][39] is None
    with pytest.raises(Refusal, match="column 'Temp note' holds no numbers"):
        load(source, columns, columns=["Temp note"])
    assert load(source, columns, exclude=["*2", "Flow"]).sensors.columns == ["Temp 1"]
    assert load(source, columns, exclude=["Temp 2,Flow"]).left_out["Flow"] == "as asked"
    assert load(source, columns, columns=["Temp*"], exclude=["*1"]).sensors.columns == ["Temp 2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ["Tmp*"]}, "has no column 'Tmp*'; did you mean"),
        ({"exclude": ["Flw"]}, "has no column 'Flw'; did you mean 'Flow'?"),
        ({"columns": ["Flow", "Flow"]}, "--columns names 'Flow' twice"),
        ({"columns": ["Flow"], "exclude": ["Fl*"]}, "'Flow' stands in --columns and in --exclude"),
        ({"columns": ["Fl*"], "exclude": ["Flow"]}, "--exclude leaves none of the columns asked for"),
        ({"time_column": "TS", "exclude": ["TS"]}, "'TS' is the time column and stands in --exclude"),
        ({"quality_column": "Q"}, "has no column 'Q'"),
    ],
)
def test_columns_that_cannot_be_had(source: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(Refusal) as refusal:
        load(source, {"Flow": list(FLOW), "Temp": list(FLOW)}, **options)
    assert words in str(refusal.value)
    assert refusal.value.status == 2


def test_an_excluded_column_may_hold_anything(source: Path) -> None:
    columns: dict[str, list[object]] = {"Flow": list(FLOW), "Torn": ["1", "hot", "3", "4"] * 10}
    with pytest.raises(Refusal, match="'hot' is not a number"):
        load(source, columns)
    assert load(source, columns, exclude=["Torn"]).sensors.columns == ["Flow"]


def test_the_program_tells_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pl.DataFrame(
        {
            "TS": TIMES,
            "Flow": spoilt(-9999.0, 5),
            "Flow_Quality": ["Good"] * 7 + ["Bad"] + ["Good"] * 32,
            "Dead": [None] * ROWS,
            "anomaly": [0, 1] * 20,
            "Spare": FLOW,
        },
        strict=False,
    )
    frame.write_csv("in.csv")
    run = runner(capsys)
    status, said, complained = run("features", "in.csv", "-o", "out.parquet", "-w", "1", "--exclude", "Sp*")
    assert (status, complained) == (0, "")
    for words in (
        "error code -9999, made missing: 1 cell ('Flow' 1)",
        "flagged 'Bad', made missing: 1 cell ('Flow' 1)",
        "never measured, left out: 'Dead'",
        "'anomaly' (a label by its name)",
        "'Spare' (as asked)",
        "1 quality column: 'Flow_Quality' of 'Flow'",
    ):
        assert words in " ".join(said.split())
    made = pl.read_parquet("out.parquet")
    assert made.columns == ["TS", *acm_rs.feature_names(["Flow"])]
    assert made["Flow_med"].null_count() == 2
    assert run("features", "in.csv", "-o", "out.parquet", "-w", "1", "--codes", "none", "-c", "Flow")[0] == 0
    assert pl.read_parquet("out.parquet")["Flow_med"].min() == -9999.0
    assert run("features", "in.csv", "-o", "out.parquet", "--codes", "some")[0] == 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_readings_as_large_as_they_come_are_read_without_a_warning(tmp_path: Path, ending: str) -> None:
    """Their steps are beyond what float64 holds."""
    cells: list[object] = [1.7e308 * (-1.0) ** k for k in range(ROWS)]
    table = load(tmp_path / f"trend.{ending}", {"flow": FLOW, "far": cells})
    sensors = table.sensors
    assert isinstance(sensors, pl.DataFrame)
    assert sensors.columns == ["flow", "far"]
    assert sensors["far"].to_list() == cells


@pytest.mark.parametrize("code", [9.96921e36, -1.7e38, 5e33])
def test_fillers_that_lost_digits_are_codes(code: float) -> None:
    values = [60.0 + 0.1 * k for k in range(40)]
    values[7] = code
    assert codes_in(pl.Series(values)).certain == {code: 1}
    # In units in which all is large nothing is.
    assert not codes_in(pl.Series([1e30 * value for value in values if value != code])).certain


@pytest.mark.parametrize("code", [1e20, -4e15, 1e9])
def test_single_values_that_no_instrument_shows_are_told(code: float) -> None:
    values = [60.0 + 0.1 * k for k in range(40)]
    values[7] = code
    found = codes_in(pl.Series(values))
    assert (found.certain, found.suspected) == ({}, {code: 1})
    values[7] = 60_000.0
    assert not codes_in(pl.Series(values)).suspected


@pytest.mark.parametrize("code", [8888.0, 3276.7, -7999.0, 4095.0, -8888.0, 65535.0])
def test_codes_among_few_different_readings_are_named(code: float) -> None:
    readings = [20.0 + k % 7 for k in range(400)]
    readings[40:400:80] = [code] * 5
    found = codes_in(pl.Series(readings))
    assert found.certain | found.suspected == {code: 5}


@pytest.mark.parametrize("state", [1500.0, 100.0, 5.0, 750.0, -40.0])
def test_a_state_far_from_others_is_no_code(state: float) -> None:
    readings = [float(k // 50 % 2) for k in range(400)]
    readings[40:400:80] = [state] * 5
    found = codes_in(pl.Series(readings))
    assert not found.certain
    assert not found.suspected
