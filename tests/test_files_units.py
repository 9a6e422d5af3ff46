"""Units: what is one, which spellings are the same, and that names, rows and cells agree on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.quality_names import key_of
from acm_rs.files.table import load_sensors
from acm_rs.files.units import is_unit, part_unit, unit_key, unit_of_name

SAME = [
    ["°C", "° C", "ºC", "℃", "degC", "deg C", "Deg C", "DEG_C", "degrees C", "Celsius", "Grad C", "C"],
    ["°F", "℉", "degF", "deg F", "Fahrenheit"],
    ["%", "% RH", "%RH", "% r.F.", "pct"],
    ["m³/h", "m3/h", "m^3/h", "m3 h-1", "m³·h⁻¹", "m³ per h", "m**3/hr"],
    ["1/min", "rpm", "RPM", "U/min", "r/min", "min-1", "min⁻¹", "tr/min"],
    ["l/min", "L/min", "lpm", "LPM", "l/mins"],
    ["bar g", "barg", "bar(g)", "bar (g)", "bar gauge"],
    ["psi a", "psia", "PSIA", "psi abs", "psi(a)"],
    ["mm/s rms", "mm/s RMS", "mm·s⁻¹ rms"],
    ["kW·h", "kWh", "kW h", "KWh"],
    ["N·m", "Nm", "N m"],
    ["µm", "μm", "um", "micron"],
    ["kΩ", "kohm", "kOhm", "kΩ"],
    ["W/(m²·K)", "W/(m2 K)", "W/m²K", "W/m2/K"],
    ["s", "sec", "seconds"],
    ["t/a", "t / a"],
    ["dBA", "dB(A)"],
    ["A", "Amps", "AMP"],
]


@pytest.mark.parametrize("spellings", SAME, ids=[str(place) for place in range(len(SAME))])
def test_spellings_of_one_unit_are_the_same(spellings: list[str]) -> None:
    assert [spelling for spelling in spellings if not is_unit(spelling)] == []
    assert len(set(map(unit_key, spellings))) == 1


def test_other_units_are_others() -> None:
    firsts = [spellings[0] for spellings in SAME]
    firsts += [
        "bar",
        "bar a",
        "mbar",
        "W",
        "kW",
        "m/s",
        "m/s²",
        "kg/h",
        "kg/s",
        "t",
        "ton",
        "psi g",
        "mm/s",
        "MW",
        "mW",
    ]
    assert len(set(map(unit_key, firsts))) == len(firsts)


@pytest.mark.parametrize("spellings", [row for row in SAME if len(row) > 2], ids=lambda row: row[1].replace("/", "-"))
def test_the_unit_of_a_name_is_that_of_the_cells(spellings: list[str], tmp_path: Path) -> None:
    file = tmp_path / "plant.csv"
    for said in spellings:
        rows = [f"2024-03-01 00:0{at},{20 + at}.5 {cell}" for at, cell in enumerate(spellings[:6])]
        file.write_text("\n".join([f"time,Reading [{said}]", *rows, "2024-03-01 00:09,21.25"]), encoding="utf-8")
        table = load_sensors(file, ReadOptions())
        assert table.sensors[f"Reading [{said}]"].to_list() == [*(20.5 + at for at in range(len(rows))), 21.25]


def test_a_cell_in_another_unit_than_the_name_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plant.csv"
    file.write_text("time,Temp [degC]\n2024-03-01 00:00,20\n2024-03-01 00:01,68 °F\n", encoding="utf-8")
    with pytest.raises(Refusal, match="'68 °F' is not a number like '20'"):
        load_sensors(file, ReadOptions())


def test_files_whose_units_are_spelt_otherwise_are_joined(tmp_path: Path) -> None:
    for day, unit in enumerate(("degC", "°C"), 1):
        rows = ["time,Temp", f"unit,{unit}", *(f"2024-03-0{day} 0{hour}:00,{hour}" for hour in range(4))]
        (tmp_path / f"{day}.csv").write_text("\n".join(rows), encoding="utf-8")
    table = load_sensors([tmp_path / "1.csv", tmp_path / "2.csv"], ReadOptions())
    assert (table.sensors.height, table.about["Temp"].unit) == (8, "degC")


def test_tags_whose_units_are_spelt_otherwise_have_one(tmp_path: Path) -> None:
    rows = ["time,tag,value,unit"]
    rows += [f"2024-03-01 00:0{at},{tag},{at},{('degC', '°C')[at % 2]}" for at in range(6) for tag in ("T1", "T2")]
    file = tmp_path / "long.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    table = load_sensors(file, ReadOptions())
    assert {name: about.unit for name, about in table.about.items()} == {"T1": "degC", "T2": "degC"}


@pytest.mark.parametrize(
    "unit",
    ["°C", "kg/h", "m³/h", "Nm3/h", "mm/s", "µS/cm", "kW", "MVAr", "kg/cm2", "W/m²", "U/min", "%", "psig", "dB(A)"],
)
def test_units_stand_in_names(unit: str) -> None:
    assert is_unit(unit)
    for name in (
        f"Flow [{unit}]",
        f"Flow({unit})",
        f"Flow <{unit}>",
        f"Flow, {unit}",
        f"Flow in {unit}",
        f"Flow / {unit}",
    ):
        assert part_unit(name) == ("Flow", unit)
        assert key_of(name) == "flow"


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("Bearing Temp [W/(m²·K)]", "W/(m²·K)"),
        ("Flow (mm/s RMS)", "mm/s RMS"),
        ("Flow (deg C)", "deg C"),
        ("Pump (north)", ""),
        ("Level (high)", ""),
        ("Position - x", ""),
        ("x[0]", ""),
        ("[°C]", ""),
        ("Flow", ""),
    ],
)
def test_units_of_names(written: str, unit: str) -> None:
    assert unit_of_name(written) == unit


@pytest.mark.parametrize("mark", ["(g)", "(s)", "(a)", "*", "?"])
def test_a_mark_behind_a_unit_is_none_of_it(mark: str) -> None:
    assert not is_unit(f"°C {mark}")
    assert not is_unit(f"m {mark}")


WORDS = """
    Temp Bearing Motor Pump Flow Pressure Speed Thin Panel Mass In Acc TI101 open Quality Bad Gas PT100 a1 apples rd of
    x1F pipe ok N/A n/a T1 P2 Ja no am as
"""


@pytest.mark.parametrize("word", WORDS.split())
def test_words_are_no_units(word: str) -> None:
    assert not is_unit(word)
    assert unit_of_name(f"Flow [{word}]") == ""
