"""`quality`, `clean` and `Quality`: every finding on made histories, none on healthy ones, and what changed."""

from __future__ import annotations

import json
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs import Quality, clean, quality
from numpy.typing import NDArray

ROWS = 2_000
START = np.datetime64("2026-03-01T00:00", "ns")
STEP = np.timedelta64(10, "m")
TIMES = START + np.arange(ROWS) * STEP
NAMES = ("Load", "Flow", "Temp", "Current", "Valve", "Noise")


def autoregression(phi: float, rows: int, sensors: int, seed: int) -> NDArray[np.float64]:
    noise = np.random.default_rng(seed).standard_normal((rows, sensors))
    noise[0] /= np.sqrt(1.0 - phi**2) if phi < 1.0 else 1.0
    for row in range(1, rows):
        noise[row] += phi * noise[row - 1]
    return noise


def plant() -> dict[str, NDArray[np.float64]]:
    """Healthy sensors of a pump: one is a state, one has steps of 0.05."""
    x = autoregression(0.6, ROWS, 6, 4)
    sensors = dict(zip(NAMES, x.T.copy(), strict=True))
    sensors["Valve"] = (np.arange(ROWS) // 300 % 3).astype(np.float64)
    sensors["Temp"] = np.round(x[:, 2] * 20.0) / 20.0
    return sensors


def faulty() -> pl.DataFrame:
    """The same with a fault of every kind, at known rows."""
    sensors = plant()
    for values in sensors.values():
        values[1_500:1_560] = values[1_500]
    sensors["Load"][[70, 300, 301, 900]] = -9999.0
    sensors["Flow"][800:900] = sensors["Flow"][800]
    sensors["Temp"][1_000:1_100] = np.nan
    sensors["Current"][1_203:] += 12.0
    sensors["Noise"] = np.cumsum(sensors["Noise"])
    return pl.DataFrame({"TS": TIMES, **sensors}, nan_to_null=True)


def fact(report: Quality, sensor: str) -> dict[str, Any]:
    found: dict[str, Any] = report.as_dict()["sensors"][sensor]
    return found


def test_every_fault_is_found_and_told() -> None:
    report = quality(faulty(), limits={"Current": (None, 13.0)})
    assert fact(report, "Load")["codes"] == [{"value": -9999.0, "count": 4}]
    flow = fact(report, "Flow")
    assert (flow["longest_frozen"], flow["longest_frozen_at"]) == (99, "2026-03-06 13:30")
    assert flow["frozen"] == pytest.approx(99 / ROWS)
    temp = fact(report, "Temp")
    assert (temp["longest_gap"], temp["longest_gap_time"], temp["missing"]) == (100, 101 * 600.0, 0.05)
    assert temp["resolution"] == 0.05
    shift = fact(report, "Current")["largest_shift"]
    assert abs(shift["row"] - 1_203) <= 1
    assert shift["after"] - shift["before"] == pytest.approx(12.0, abs=0.5)
    assert fact(report, "Noise")["wandering"]
    assert [name for name in NAMES if fact(report, name)["wandering"]] == ["Noise"]
    assert (report.rows["standstill"], report.rows["longest_standstill"]) == (59 / ROWS, 59)
    assert [fact(report, name)["kind"] for name in NAMES] == ["continuous"] * 4 + ["state", "continuous"]
    high = int((faulty()["Current"] > 13.0).sum())
    assert fact(report, "Current")["beyond_limits"] == high > 0
    text = report.findings
    starts = (
        "Load reads -9999 in 4 rows",
        "Current is beyond its limits (- to 13)",
        "Flow is stuck in 5 % of the rows",
        "Temp is missing in 5 % of the rows, 100 rows in one gap (16 h 50 min).",
        "Current shifts its level at 2026-03-09 08:",
        "Noise wanders",
        "The machine stands still in 2.9 % of the rows, 59 rows at a time at most from 2026-03-11 10:10 on",
    )
    assert len(text) == len(starts), text
    for sentence, start in zip(text, starts, strict=True):
        assert sentence.startswith(start)


def test_a_healthy_plant_is_not_accused() -> None:
    report = quality(pd.DataFrame(plant()))
    assert report.findings == ()
    assert "Nothing found." in str(report)


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0), (0.5, 0), (0.9, 0), (0.95, 0), (0.98, 2), (0.99, 5)])
def test_healthy_sensors_with_a_memory_are_not_accused(phi: float, most: int) -> None:
    x = autoregression(phi, ROWS, 100, 11)
    for readings in (x, x.round(1)):
        report = quality(readings)
        assert sum(bool(one["wandering"] or one["shifts"]) for one in report.as_dict()["sensors"].values()) <= most
        assert not report.sensors["codes"].any()
        assert not report.sensors["frozen"].any()
        assert report.rows["standstill"] == 0.0
        assert len(report.findings) <= most


def test_wandering_sensors_are_found() -> None:
    x = autoregression(1.0, ROWS, 60, 12)
    assert quality(x).sensors["wandering"].sum() >= 45
    noisy = x + 5.0 * np.random.default_rng(5).standard_normal(x.shape)
    assert quality(noisy).sensors["wandering"].sum() >= 45


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "array"])
def test_the_table_has_the_kind_that_came_in(kind: str) -> None:
    frame = faulty()
    given: Any = {
        "pandas": lambda: frame.to_pandas().set_index("TS"),
        "polars": lambda: frame,
        "pyarrow": lambda: frame.to_arrow(),
        "array": lambda: frame.drop("TS").to_numpy(),
    }[kind]()
    report = quality(given, TIMES if kind == "array" else None)
    table: Any = report.sensors
    kinds = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.Table, "array": np.ndarray}
    assert isinstance(table, kinds[kind])
    columns = table.dtype.names if kind == "array" else table.column_names if kind == "pyarrow" else list(table.columns)
    wanted = quality(frame).sensors
    assert list(columns) == wanted.columns
    for name in ("missing", "codes", "frozen", "beyond_limits", "standstill", "shifts"):
        values = np.asarray(table[name], dtype=np.float64)
        assert np.array_equal(values, wanted[name].cast(pl.Float64).to_numpy()), name
    assert report.rows == quality(frame).rows
    assert str(table["sensor"][0]) == ("x0" if kind == "array" else "Load")


def test_a_series_and_a_line_are_one_sensor() -> None:
    load = faulty()["Load"]
    assert quality(load).names == ("Load",)
    assert quality(load.to_numpy()).names == ("x0",)
    assert fact(quality(load), "Load")["codes"] == [{"value": -9999.0, "count": 4}]


def test_rows_in_disorder() -> None:
    times = TIMES.copy()
    times[50] = times[49]
    times[100:] += np.timedelta64(1, "D")
    times[[200, 201]] = times[[201, 200]]
    x = plant()["Load"]
    rows = quality(x, times).rows
    assert (rows["backwards"], rows["duplicates"], rows["holes"]) == (1, 1, 2)
    assert (rows["interval"], rows["regular"]) == (600.0, True)
    assert (rows["longest_hole"], rows["longest_hole_after"]) == (86_400.0 + 600.0, "2026-03-01 16:30")
    assert (rows["first"], rows["last"]) == ("2026-03-01 00:00", str(times[-1])[:16].replace("T", " "))
    text = quality(x, times).findings
    assert text[0] == "Time goes back at 1 row."
    assert "1 row at a time that another row has." in text
    assert text[-1] == "2 holes in the sampling of 10 min, the longest of 1 d after 2026-03-01 16:30."
    assert quality(x, times.astype("datetime64[s]")).rows == rows
    assert quality(x, times.astype(np.int64)).rows == rows
    zoned = pd.Series(pd.DatetimeIndex(times).tz_localize("UTC").tz_convert("Asia/Tokyo"))
    assert quality(pd.Series(x), zoned).rows["first"] == "2026-03-01 00:00 UTC"
    random = np.random.default_rng(3).exponential(60.0, ROWS).cumsum()
    scattered = START + (random * 1e9).astype("timedelta64[ns]")
    assert quality(x, scattered).rows["regular"] is False


@pytest.mark.parametrize("whole", [False, True])
def test_times_that_are_no_dates_are_told(whole: bool) -> None:
    def told(frame: Any, times: str | None = None) -> list[str]:
        return [text for text in quality(frame, times).findings if "times that are no dates" in text]

    seconds = TIMES.astype(np.int64) // 1_000_000_000
    plain = pd.DataFrame(plant())[["Load", "Flow"]]
    plain = plain if whole else plain.assign(Flow=plain["Flow"].astype(np.float32))
    dated = plain.set_axis(pd.DatetimeIndex(TIMES))
    assert told(plain) == told(dated) == told(plain[::-1]) == []
    why = (
        "times that are no dates, of which neither the order nor holes are looked at: turn them into dates first, as "
        "pd.to_datetime does."
    )
    for index in (dated.index.strftime("%d.%m.%Y %H:%M"), seconds, 1000 * seconds, TIMES - TIMES[0]):
        assert told(plain.set_axis(index)) == [f"The index holds {why}"]
    ticking = plain.assign(timestamp=seconds.astype(np.float64))
    assert told(ticking) == [f"'timestamp' holds {why}"]
    assert told(ticking.set_axis(seconds)) == [f"'timestamp' and the index hold {why}"]
    assert told(pl.from_pandas(ticking)) == told(ticking)
    assert told(ticking.set_axis(dated.index)) == told(ticking.assign(when=TIMES), "when") == []
    # A battery that empties, a meter that counts and hours that run on are readings.
    rows = np.arange(ROWS, dtype=np.float64)
    assert told(plain.assign(time=rows, soc=100.0 - 0.03 * rows, energy_Wh=1e9 + 500.0 * rows)) == []
    assert told(pd.DataFrame({"T": [20.5, 20.4, 20.3, 20.2], "timestamp": [1.7e9, np.nan, np.nan, 1.8e9]})) == []
    assert told(plain["Load"].set_axis(seconds)) == [f"The index holds {why}"]
    # An array's numbers are what its owner says they are.
    assert quality(ticking.to_numpy()).findings == quality(plain.assign(c=seconds * 1.0).to_numpy()).findings


def test_what_changed_against_a_reference() -> None:
    before, now = plant(), plant()
    now["Load"] = now["Load"].round(1)
    now["Flow"] = now["Flow"] + 20.0
    now["Current"][::50] = -999.0
    now["Noise"][:200] = np.nan
    later = pl.DataFrame({name: now[name] for name in NAMES if name != "Temp"}, nan_to_null=True)
    earlier = pl.DataFrame(before)
    report = quality(later, reference=earlier)
    changed = dict(report.sensors.select("sensor", "changed").iter_rows())
    assert changed["Load"] == "resolution - to 0.1"
    assert changed["Flow"].startswith("reads 1")
    assert changed["Current"] == "new error codes -999"
    assert changed["Noise"] == "missing 0 % to 10 %"
    assert changed["Valve"] == ""
    assert any("Resolution coarser" in text and "Load" in text for text in report.findings)
    assert "Of the reference's sensors Temp is not here." in report.findings
    for known in (quality(earlier), json.loads(json.dumps(quality(earlier).as_dict()))):
        assert quality(later, reference=known).as_dict() == report.as_dict()
    assert not any(quality(earlier, reference=earlier).sensors["changed"])


def test_codes_are_found_given_or_not_asked_for() -> None:
    x = plant()["Load"]
    x[[5, 90]] = -999.0
    assert quality(x).sensors["codes"].tolist() == [2]
    assert quality(x, codes=None).sensors["codes"].tolist() == [0]
    report = quality(x, codes=[float(x[0]), -1e9])
    assert fact(report, "x0")["codes"] == [{"value": float(x[0]), "count": 1}]
    assert report.findings[0].endswith("an error code.")
    assert quality(x, codes=-999).sensors["code_values"].tolist() == ["-999"]


def test_limits_by_name_or_number() -> None:
    frame = pd.DataFrame(plant())
    high = int((frame["Load"] > 2.0).sum())
    assert fact(quality(frame, limits={"Load": (None, 2.0)}), "Load")["beyond_limits"] == high
    assert fact(quality(frame.to_numpy(), limits={0: (None, 2)}), "x0")["beyond_limits"] == high
    assert fact(quality(frame, limits={"Load": (-1e9, np.float32(1e9))}), "Load")["beyond_limits"] == 0


def test_clean_takes_out_codes_and_stuck_stretches() -> None:
    frame = faulty()
    report = quality(frame)
    cleaned, changed = clean(frame, report)
    assert changed == {"Load": {"codes": 4, "frozen": 0}, "Flow": {"codes": 0, "frozen": 99}}
    assert cleaned.columns == frame.columns
    assert cleaned["TS"].to_list() == frame["TS"].to_list()
    assert cleaned["Load"].is_null().arg_true().to_list() == [70, 300, 301, 900]
    assert cleaned["Flow"].is_null().arg_true().to_list() == list(range(801, 900))
    for name in ("Temp", "Current", "Valve", "Noise"):
        assert cleaned[name].equals(frame[name])
    assert clean(cleaned, report)[1] == {}
    values = frame.drop("TS").to_numpy()
    kept = values.copy()
    array, told = clean(values, quality(values))
    assert list(told) == ["x0", "x1"]
    assert np.array_equal(values, kept, equal_nan=True)
    assert np.array_equal(array, cleaned.drop("TS").to_numpy(), equal_nan=True)


def test_clean_has_the_rules_of_the_report_alone() -> None:
    report = quality(faulty())
    fresh = pl.DataFrame(plant())[:300]
    other = fresh.with_columns(pl.lit(-5555.0).alias("Temp"), pl.Series("Load", [-9999.0, *fresh["Load"][1:]]))
    cleaned, changed = clean(other, report)
    assert changed.pop("Load") == {"codes": 1, "frozen": 0}
    assert cleaned["Load"].null_count() == 1
    assert changed == {"Temp": {"codes": 0, "frozen": 299}}
    narrow, _ = clean(fresh.select("Flow"), report)
    assert narrow.columns == ["Flow"]
    float32 = fresh.to_numpy().astype(np.float32)
    assert clean(float32, quality(float32))[0].dtype == np.float32


def test_the_text_fits_a_terminal_and_says_everything() -> None:
    names = {name: f"PLANT.UNIT7.{'LONG' * 12}.{name}" for name in NAMES}
    report = quality(faulty().rename(names))
    table = str(report).partition("\nsensor")[2].splitlines()
    assert all(len(line) <= 100 for line in table)
    assert [line.split()[0].rpartition(".")[2] for line in table[1:]] == [
        *("Load", "Flow", "Temp", "Current", "Noise"),
        "Valve",
    ]
    assert "every 10 min" in str(report).splitlines()[0]
    assert repr(report) == f"<Quality: {str(report).splitlines()[0]}; {len(report.findings)} findings>"


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows(rows: int) -> None:
    x = np.full((rows, 2), 5.0)
    report = quality(x, TIMES[:rows])
    assert report.rows["rows"] == rows
    assert report.sensors["kind"].tolist() == ["constant" if rows else "empty"] * 2
    assert len(str(report).splitlines()) >= 3
    assert clean(x, report)[1] == {}


def test_threads_and_layouts_change_nothing() -> None:
    x = np.ascontiguousarray(faulty().drop("TS").to_numpy())
    wide = np.repeat(np.repeat(x, 2, axis=0), 2, axis=1)[::2, ::2]
    wanted = quality(x).as_dict()
    before = acm_rs.get_num_threads()
    try:
        for threads in (1, 3):
            acm_rs.set_num_threads(threads)
            for other in (x, np.asfortranarray(x), wide, pd.DataFrame(x, columns=[f"x{i}" for i in range(6)])):
                assert quality(other).as_dict() == wanted
    finally:
        acm_rs.set_num_threads(before)


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"limits": {"Lod": (0, 1)}}, ValueError, "`limits` must name sensors of `x`, got 'Lod'; it has 'Load'"),
        ({"limits": {"Load": (2, 1)}}, ValueError, "`limits` must have the least first for 'Load'"),
        ({"limits": {"Load": 3}}, TypeError, "`limits` must have .least, greatest. for 'Load', got 3"),
        ({"limits": {"Load": ("0", 1)}}, TypeError, "`limits` must have a number or None for the least of 'Load'"),
        ({"limits": [1]}, TypeError, "`limits` must be a mapping of sensors"),
        ({"codes": "all"}, ValueError, "`codes` must be \"auto\", numbers or None, got 'all'"),
        ({"codes": ["a"]}, TypeError, '`codes` must be "auto", numbers or None'),
        ({"codes": [np.nan]}, ValueError, "`codes` must be finite numbers"),
        ({"codes": 10**400}, ValueError, "`codes` must be finite numbers"),
        ({"codes": np.arange(101.0)}, ValueError, "`codes` must be at most 100 numbers, got 101"),
        ({"codes": np.ones(2, complex)}, TypeError, '`codes` must be "auto", numbers or None'),
        ({"times": [1, 2]}, TypeError, "`times` must be datetime64 or int64 nanoseconds, one for each row, got list"),
        ({"times": TIMES[:5]}, ValueError, "`times` must have a time for each of the 2000 rows of `x`, got 5"),
        ({"reference": {"a": 1}}, ValueError, "`reference` must be what Quality.as_dict gave, got a dict of 'a'"),
        ({"reference": pd.DataFrame({"Q": [1.0]})}, ValueError, "`reference` must have sensors of `x`, got 'Q'"),
        ({"reference": 5}, TypeError, "`reference` must be a NumPy array"),
    ],
    ids=lambda value: None,
)
def test_wrong_arguments_are_named(keywords: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        quality(pd.DataFrame(plant()), **keywords)


def test_clean_names_what_is_wrong() -> None:
    report = quality(faulty())
    with pytest.raises(TypeError, match=r"`report` must be what acm_rs\.quality gives, got dict"):
        clean(faulty(), report.as_dict())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`x` must have sensors of the report, got 'Lod'"):
        clean(faulty().rename({"Load": "Lod"}), report)
    with pytest.raises(ValueError, match="`x` must have sensors of the report"):
        clean(np.ones((5, 2)), report)
