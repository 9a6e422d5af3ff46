"""Quality columns: found, paired with their sensors, and what they make of readings."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.levels import Level, Scheme, Uncertain, level_of_code, level_of_word, scheme_of
from acm_rs.files.options import ReadOptions
from acm_rs.files.quality_names import Sense, key_of, read_name
from acm_rs.files.table import SensorTable, load_sensors

FLOW = [60.5, 71.5, 61.5, 62.0, 63.5, 64.0]
TEMP = [20.5, 21.5, 22.0, 23.5, 31.0, 24.0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "trend.csv"


def load(source: Path, columns: dict[str, list[object]], **options: object) -> SensorTable:
    rows = len(next(iter(columns.values())))
    lines = [",".join(["TS", *columns])]
    lines += [f"2024-03-01 00:{k:02}:00," + ",".join(str(cells[k]) for cells in columns.values()) for k in range(rows)]
    source.write_text("\n".join(lines) + "\n")
    return load_sensors(source, ReadOptions(**options))  # type: ignore[arg-type]


def flagged(values: list[float], *gone: int) -> list[float | None]:
    return [None if place in gone else value for place, value in enumerate(values)]


GOOD, BAD = ["Good"] * 6, ["Good", "Bad", "Good", "Good", "Good", "Good"]


@pytest.mark.parametrize(
    ("names", "good", "bad"),
    [
        (("Flow_Quality", "Temp_Quality"), "Good", "Bad"),
        (("Flow.Status", "Temp.Status"), "Good", "Bad"),
        (("Quality(Flow)", "Quality(Temp)"), "GOOD", "BAD"),
        (("Flow Q", "Temp Q"), "G", "B"),
        (("FlowQuality", "TempQuality"), "ok", "Not Connected"),
        (("Flow [Q]", "Temp [Q]"), "192", "0"),
        (("Flow_Status", "Temp_Status"), "192", "24"),
        (("Flow_Quality", "Temp_Quality"), "1", "0"),
        (("Flow_Valid", "Temp_Valid"), "True", "False"),
        (("Flow_IsBad", "Temp_IsBad"), "0", "1"),
        (("Flow StatusCode", "Temp StatusCode"), "0", "2147483648"),
        (("Flow StatusCode", "Temp StatusCode"), "0x00000000", "0x80340000"),
        (("Flow_Quality", "Temp_Quality"), "100", "0"),
        (("Flow Qualität", "Temp Qualität"), "gut", "schlecht"),
        (("Flow Qualité", "Temp Qualité"), "Bonne", "Mauvaise"),
        (("Flow Calidad", "Temp Calidad"), "buena", "mala"),
        (("Flow Quality", "Temp Quality"), "192 - Good", "24 - Bad (Comm Failure)"),
        (("Quality", "Quality.1"), "Good", "Bad"),
        (("Remark A", "Remark B"), "Good", "Bad"),
        (("Extra A", "Extra B"), "192", "0"),
    ],
)
def test_bad_readings_are_missing(source: Path, names: tuple[str, str], good: str, bad: str) -> None:
    first = [bad if place == 1 else good for place in range(6)]
    second = [bad if place == 4 else good for place in range(6)]
    table = load(source, {"Flow": FLOW, names[0]: first, "Temp": TEMP, names[1]: second})
    assert table.sensors.columns == ["Flow", "Temp"]
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert table.sensors["Temp"].to_list() == flagged(TEMP, 4)
    assert table.changes.by_reason() == {f"flagged '{bad}', made missing": {"Flow": 1, "Temp": 1}}
    assert table.left_out == {names[0]: "quality of 'Flow'", names[1]: "quality of 'Temp'"}
    assert any(note.startswith("2 quality columns: ") for note in table.notes)


def test_all_qualities_may_stand_behind_all_sensors(source: Path) -> None:
    table = load(source, {"Flow": FLOW, "Temp": TEMP, "Quality.1": BAD, "Quality.2": GOOD})
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert table.sensors["Temp"].to_list() == TEMP


def test_one_quality_for_the_row(source: Path) -> None:
    table = load(source, {"Flow": FLOW, "Temp": TEMP, "Quality": BAD})
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert table.sensors["Temp"].to_list() == flagged(TEMP, 1)
    assert table.left_out == {"Quality": "quality of the row"}
    said = load(source, {"Flow": FLOW, "Temp": TEMP, "Remark": BAD}, quality_column="Remark")
    assert said.sensors.equals(table.sensors)


def test_switches_of_the_row(source: Path) -> None:
    """As PI writes them: a column for each kind of doubt."""
    doubt = ["False", "True", "False", "False", "False", "False"]
    table = load(source, {"Flow": FLOW, "Questionable": doubt, "Bad": doubt[::-1]}, uncertain=Uncertain.missing)
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1, 4)


def test_uncertain_readings_are_kept_or_not(source: Path) -> None:
    quality = ["Good", "Bad", "Questionable", "Substituted", "", "Uncertain, Last Usable Value"]
    columns: dict[str, list[object]] = {"Flow": list(FLOW), "Flow_Quality": list(quality)}
    source_columns = {name: [f'"{cell}"' for cell in cells] for name, cells in columns.items()}
    kept = load(source, source_columns)  # type: ignore[arg-type]
    assert kept.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert kept.changes.by_reason() == {
        "flagged 'Bad', made missing": {"Flow": 1},
        "flagged 'Questionable', kept": {"Flow": 1},
        "flagged 'Substituted', kept": {"Flow": 1},
        "without a quality, kept": {"Flow": 1},
        "flagged 'Uncertain, Last Usable Value', kept": {"Flow": 1},
    }
    strict = load(source, source_columns, uncertain=Uncertain.missing)  # type: ignore[arg-type]
    assert strict.sensors["Flow"].to_list() == flagged(FLOW, 1, 2, 3, 5)


def test_what_is_flagged_bad_may_be_anything(source: Path) -> None:
    table = load(source, {"Flow": [1.5, "???x", 2.5], "Flow_Quality": ["Good", "Bad", "Good"]})
    assert table.sensors["Flow"].to_list() == [1.5, None, 2.5]
    with pytest.raises(Refusal, match=r"row 3, column 'Flow': '\?\?\?x' is not a number"):
        load(source, {"Flow": [1.5, "???x", 2.5], "Flow_Quality": ["Good", "Good", "Good"]})


@pytest.mark.parametrize(
    ("name", "cells", "values"),
    [
        # Machines have a status too, and it says nothing of readings.
        ("Flow Status", ["Running", "Stopped"] * 3, [1.0, 0.0] * 3),
        ("Flow_Status", [1, 0] * 3, [1.0, 0.0] * 3),
        ("Steam quality", [0.95, 0.5, 0.97, 0.98, 0.99, 0.9], [0.95, 0.5, 0.97, 0.98, 0.99, 0.9]),
        ("Air Quality", [1, 2, 3, 1, 2, 3], [1.0, 2.0, 3.0] * 2),
        ("Valve", [0, 192, 0, 192, 192, 0], [0.0, 192.0, 0.0, 192.0, 192.0, 0.0]),
        ("Q1", [0, 1, 0, 1, 1, 0], [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]),
    ],
)
def test_sensors_that_look_like_qualities_stay_sensors(
    source: Path, name: str, cells: list[object], values: list[float]
) -> None:
    table = load(source, {"Flow": FLOW, "Temp": TEMP, name: cells})
    assert table.sensors.columns == ["Flow", "Temp", name]
    assert table.sensors["Flow"].to_list() == FLOW
    assert table.sensors[name].to_list() == values


def test_a_sensor_that_looks_like_opc_codes_is_named(source: Path) -> None:
    table = load(source, {"Flow": FLOW, "Temp": TEMP, "Valve": [0, 192] * 3})
    assert "'Valve' holds '0', '192' as qualities do, but is no sensor's: kept as a sensor" in table.notes


def test_a_dead_sensor_that_reads_bad_is_no_quality(source: Path) -> None:
    table = load(source, {"Flow": FLOW, "Dead": ["Bad"] * 6})
    assert table.sensors["Flow"].to_list() == FLOW
    assert table.left_out == {"Dead": "never measured"}


def test_codes_that_are_not_known_are_not_used(source: Path) -> None:
    columns: dict[str, list[object]] = {"Flow": list(FLOW), "Flow_Quality": [1, 4, 1, 1, 2, 1], "Temp": list(TEMP)}
    table = load(source, columns)
    assert table.sensors.columns == ["Flow", "Temp"]
    assert table.sensors["Flow"].to_list() == FLOW
    assert any("--good" in note for note in table.notes)
    assert load(source, columns, good=["1", "2"]).sensors["Flow"].to_list() == flagged(FLOW, 1)
    # Nor is a 0 that stands nearly everywhere: in some systems it is good.
    columns["Flow_Quality"] = [0, 1, 0, 0, 0, 0]
    assert load(source, columns).sensors["Flow"].to_list() == FLOW
    assert load(source, columns, good=["0"]).sensors["Flow"].to_list() == flagged(FLOW, 1)


@pytest.mark.parametrize(
    ("name", "cells"), [("Q", [1, 0, 1, 1, 1, 0]), ("Q", [0, 1, 2, 3, 4, 2]), ("Status code", [1, 2, 4, 8, 1, 1])]
)
def test_numbers_that_are_not_understood_are_a_sensor(source: Path, name: str, cells: list[object]) -> None:
    """Reactive power and a machine's state."""
    table = load(source, {"P": list(FLOW), name: cells})
    assert table.sensors.columns == ["P", name]
    assert table.sensors["P"].to_list() == FLOW
    assert table.sensors[name].to_list() == cells
    assert any(note.startswith(f"'{name}' is named like a quality") for note in table.notes)


def test_unknown_numbers_among_words_are_kept_and_the_bad_words_count(source: Path) -> None:
    table = load(source, {"Flow": list(FLOW), "Flow Quality": ["Good", "Bad", 999, "Good", 7, "Good"]})
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert table.changes.by_reason() == {
        "flagged 'Bad', made missing": {"Flow": 1},
        "flagged '999', kept": {"Flow": 1},
        "flagged '7', kept": {"Flow": 1},
    }


def test_words_of_quality_that_cannot_be_paired_are_refused(source: Path) -> None:
    columns: dict[str, list[object]] = {"Flow": list(FLOW), "Temp": list(TEMP), "Press": list(TEMP)}
    with pytest.raises(Refusal, match="'Q1', 'Q2' hold qualities, but which sensors"):
        load(source, {**columns, "Q1": list(BAD), "Q2": list(GOOD)})
    # Where all is good, nothing is lost.
    assert load(source, {**columns, "Q1": list(GOOD), "Q2": list(GOOD)}).sensors.columns == list(columns)


def test_the_clock_holds_no_qualities(source: Path) -> None:
    with pytest.raises(Refusal, match="column 'TS' is no quality column: it holds the times") as refusal:
        load(source, {"Flow": list(FLOW)}, quality_column="TS")
    assert refusal.value.status == 2


def test_qualities_of_nobody_knows_which_sensor_are_refused(source: Path) -> None:
    columns: dict[str, list[object]] = {"Flow": FLOW, "Temp": TEMP, "Quality.1": BAD, "Load": FLOW, "Quality.2": GOOD}  # type: ignore[dict-item]
    with pytest.raises(Refusal, match=r"'Quality\.1', 'Quality\.2' hold qualities, but which sensors"):
        load(source, columns)
    table = load(source, columns, exclude=["Quality*"])
    assert table.sensors["Flow"].to_list() == FLOW


def test_stored_qualities(tmp_path: Path) -> None:
    path = tmp_path / "trend.parquet"
    frame = pl.DataFrame(
        {
            "TS": pl.datetime_range(pl.datetime(2024, 3, 1), pl.datetime(2024, 3, 1, 5), "1h", eager=True),
            "Flow": FLOW,
            "Flow_Quality": pl.Series([192, 0, 192, 64, 192, 192], dtype=pl.Int16),
            "Temp": TEMP,
            "Temp_Valid": [True, True, True, True, False, True],
        }
    )
    frame.write_parquet(path)
    table = load_sensors(path, ReadOptions())
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert table.sensors["Temp"].to_list() == flagged(TEMP, 4)
    assert table.changes.by_reason()["flagged '64', kept"] == {"Flow": 1}


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("Good", Level.good),
        ("good, non-specific", Level.good),
        ("GoodClamped", Level.good),
        ("OPC_QUALITY_BAD", Level.bad),
        ("Bad [Comm Failure]", Level.bad),
        ("UncertainSubstituteValue", Level.uncertain),
        ("Stale", Level.uncertain),
        ("No Data", Level.bad),
        ("Goodwill", None),
        ("192 - Good", Level.good),
        ("0x80340000 (Bad)", Level.bad),
        # Readings with a mark.
        ("60.5 (Good)", None),
        ("61 Bad", Level.bad),
        ("100 (Bad)", None),
        ("Running", None),
    ],
)
def test_words_of_quality(word: str, level: Level | None) -> None:
    assert level_of_word(word) is level


def test_marks_behind_readings_are_no_quality_column(source: Path) -> None:
    table = load(
        source, {"Flow": ["60.5 (Good)", "61.5 (Bad)", "62 (Good)"], "Load": ["160 Good", "170 Good", "180 Bad"]}
    )
    assert table.sensors.to_dict(as_series=False) == {"Flow": [60.5, None, 62.0], "Load": [160.0, 170.0, None]}


def test_numbers_of_quality() -> None:
    assert scheme_of([192, 0]) is scheme_of([216, 64, 28]) is Scheme.opc
    assert scheme_of([0, 0x80340000]) is scheme_of([0, -2144206848]) is Scheme.opc_ua
    assert scheme_of([0, 1]) is Scheme.switch
    assert scheme_of([100, 0, 50]) is Scheme.percent
    assert scheme_of([1, 2, 3]) is scheme_of([193, 5000000]) is scheme_of([]) is None
    assert [level_of_code(code, Scheme.opc) for code in (192, 219, 64, 95, 0, 63, 128)] == [
        *[Level.good] * 2,
        *[Level.uncertain] * 2,
        *[Level.bad] * 2,
        None,
    ]
    assert [level_of_code(code, Scheme.opc_ua) for code in (0, 0x40000000, 0x80000000, -2147483648)] == [
        Level.good,
        Level.uncertain,
        Level.bad,
        Level.bad,
    ]


def test_names_of_quality_columns() -> None:
    for name in ("Flow_Quality", "Flow.Q", "Quality of Flow", "Qualität(Flow)", "FlowQual", "Flow (Quality)"):
        found = read_name(name)
        assert found is not None
        assert (found.bases, found.strong, found.sense) == (("Flow",), True, Sense.good)
    status = read_name("Pump Status")
    assert status is not None
    assert not status.strong
    assert [read_name(name) for name in ("Flow", "Frequency", "Seq", "Q1", "S_PU1")] == [None] * 5
    assert {key_of(name) for name in ("Flow", "flow", "Flow [m3/h]", "Flow.Value", "Flow_PV", "Flow, m3/h")} == {"flow"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("Flow.Conf", "0.98", "0.05"),
        ("Flow.Conf", "98.5", "4"),
        ("Flow_Confidence", "100", "0"),
        ("Flow PctGood", "99 %", "3 %"),
        ("Flow_err", "0", "17"),
        ("FlowErrorCode", "0", "-3"),
    ],
)
def test_confidences_and_numbers_of_errors_flag_readings(source: Path, name: str, good: str, bad: str) -> None:
    cells: list[object] = [good, bad, good, good, "", good]
    table = load(source, {"Flow": FLOW, name: cells, "Temp": TEMP})
    assert table.sensors.columns == ["Flow", "Temp"]
    assert table.sensors["Flow"].to_list() == flagged(FLOW, 1)
    assert table.left_out == {name: "quality of 'Flow'"}
    changes = table.changes.by_reason()
    assert [counts for reason, counts in changes.items() if "made missing" in reason] == [{"Flow": 1}]
    assert any(f"{name!r} of 'Flow'" in note for note in table.notes)
    # Whoever asks for it has it.
    asked = load_sensors(source, ReadOptions(columns=(name,)))
    assert asked.sensors.columns == [name]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Flow_status", [1, 0, 1, 1, 1, 1]),
        ("Flow.Flags", [0, 8, 0, 0, 4, 0]),
        ("Flow.Conf", [240, 12, 240, 255, 255, 255]),
        ("Flow Quality", [0.97, 0.1, 0.96, 0.95, 0.99, 0.98]),
        ("Flow_uncertainty", [0.5, 0.1, 0.96, 0.95, 0.99, 0.98]),
    ],
)
def test_what_is_named_so_and_not_understood_is_named(source: Path, name: str, cells: list[object]) -> None:
    table = load(source, {"Flow": FLOW, name: cells})
    assert table.sensors.columns == ["Flow", name]
    assert any("what it means is not known, kept" in note and repr(name) in note for note in table.notes)


@pytest.mark.parametrize("name", ["Flow_err", "Oil.Conf", "Flow_std"])
def test_deviations_and_names_of_no_sensor_are_as_they_were(source: Path, name: str) -> None:
    table = load(source, {"Flow": FLOW, name: [0.3, -0.1, 0.2, -0.4, 0.5, 0.0]})
    assert table.sensors.columns == ["Flow", name]
    assert table.sensors["Flow"].to_list() == FLOW
    assert not any("not known" in note for note in table.notes)


SHARES = [
    "Temp.PercentGood",
    "TempPercentGood",
    "Temp %Good",
    "Temp_%Good",
    "Temp % Good",
    "Temp (% Good)",
    "TempPctGood",
]


@pytest.mark.parametrize("name", [*SHARES, "PercentGood", "%Good", "Percent Good"])
@pytest.mark.parametrize("flow", [False, True])
def test_the_share_that_was_good_flags_readings_or_is_named(tmp_path: Path, name: str, flow: bool) -> None:
    path = tmp_path / "in.csv"
    lines = [f"Time,Temp,{'Flow,' if flow else ''}{name}"]
    for k in range(40):
        lines.append(f"2024-03-01 00:{k:02},{20 + k % 7}.5,{f'{k % 9}.25,' if flow else ''}{0 if k == 3 else 100}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = load_sensors(path, ReadOptions())
    if flow and name not in SHARES:
        assert table.sensors["Temp"][3] == 23.5
        assert any("what it means is not known" in note and f"'{name}'" in note for note in table.notes)
        return
    assert name not in table.sensors.columns
    assert table.sensors["Temp"].is_null().arg_true().to_list() == [3]
    assert not any("kept as a sensor" in note for note in table.notes)
