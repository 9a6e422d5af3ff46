"""Readings in another unit than at the fit are refused where the frame says so, and told where they look so; and a
model that has grown stale says it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from acm_rs import Monitor
from acm_rs.monitor.units import CONVERSIONS, _formula, _named
from test_monitor_faults import plant

NAMES = ["Oil [°C]", "Inlet (bar)", "c", "d", "e", "f"]


def machine(rows: int, seed: int, start: str) -> pd.DataFrame:
    return plant(rows, seed, start).set_axis(NAMES, axis=1)


HISTORY, BATCH = machine(2000, 0, "2026-01-01"), machine(600, 1, "2026-03-01")


@cache
def fitted() -> Monitor:
    return Monitor().fit(HISTORY)


def test_a_column_whose_name_has_another_unit_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"must have 'Oil \[°C\]' in °C .* it is in °F; .*: 0\.555556 x - 17\.7778, and"
    ):
        fitted().score(BATCH.rename(columns={"Oil [°C]": "Oil [°F]"}))
    # Another spelling is no other unit, and another column no other spelling.
    remarks = fitted().score(BATCH.rename(columns={"Oil [°C]": "Oil [degC]"})).remarks
    assert any("absent" in remark for remark in remarks)


@pytest.mark.parametrize("kind", ["attrs", "metadata", "arrow"])
def test_a_unit_that_a_frame_states_is_kept_to(kind: str) -> None:
    history, same, other = HISTORY.copy(), BATCH.copy(), BATCH.copy()
    same.attrs, other.attrs = {"units": {"c": "mm/s", "d": "bar"}}, {"units": {"c": "in/s", "d": "bar"}}
    if kind == "attrs":
        history.attrs = {"units": {"c": "mm/s"}}
    monitor = Monitor().fit(history)
    if kind != "attrs":
        monitor.metadata = {"unit:c": "mm s-1"}
    if kind == "arrow":
        fields = [pa.field(name, pa.float64(), metadata={"unit": "in/s"} if name == "c" else None) for name in NAMES]
        other = pa.Table.from_pandas(BATCH, pa.schema(fields), preserve_index=False)
    again = Monitor.from_bytes(monitor.to_bytes())
    assert not again.score(same).alarms.any()
    for call in (again.score, again.update):
        with pytest.raises(ValueError, match=r"must have 'c' in mm.*s.* as at the fit, it is in in/s; convert it"):
            call(other)


@pytest.mark.parametrize(("own", "now"), [("°C", "°F"), ("bar", "psi"), ("bar", "kPa"), ("Hz", "rpm"), ("°C", "K")])
def test_readings_that_look_like_another_unit_are_told(own: str, now: str) -> None:
    factor, offset = next(pair[2:] for pair in CONVERSIONS if pair[:2] == (own, now))
    frame = BATCH.copy()
    frame["c"] = (frame["c"] - offset) / factor
    told = fitted().score(frame).remarks[0]
    assert told.startswith("c reads as if it were in another unit than at the fit")
    assert f"{now} where that was {own}" in told
    assert told.endswith(f"convert it first: {_formula(factor, offset)}")


def leaning(seed: int, rows: int, start: str) -> pd.DataFrame:
    """Sensors of one load, of three levels; what they read leans on the speed."""
    random = np.random.default_rng(seed)
    load = np.repeat(random.choice([0.6, 0.75, 0.9], rows // 50 + 1), 50)[:rows] + 0.02 * random.normal(size=rows)
    heat = np.zeros(rows)
    for row in range(1, rows):
        heat[row] = 0.9 * heat[row - 1] + 0.1 * load[row]
    noise = random.normal(size=(rows, 6))
    columns = {
        "speed": 1480 * load + 3 * noise[:, 0],
        "flow": 210 * load + 1.2 * noise[:, 1],
        "pressure": 8 * load**2 + 0.06 * noise[:, 2],
        "current": 20 + 70 * load**3 + 0.6 * noise[:, 3],
        "oil": 35 + 20 * heat + 0.2 * noise[:, 4],
        "bearing": 30 + 35 * heat + 0.25 * noise[:, 5],
    }
    return pd.DataFrame(columns, index=pd.date_range(start, periods=rows, freq="10min"))


@pytest.mark.parametrize("seed", range(5))
def test_the_sensor_whose_unit_explains_the_others_is_told_with_its_pair(seed: int) -> None:
    monitor, later = Monitor().fit(leaning(seed, 2000, "2026-01-01")), leaning(seed + 50, 600, "2026-03-01")
    for sensor, own, now in (
        ("speed", "rpm", "Hz"),
        ("speed", "rpm", "rad/s"),
        ("pressure", "bar", "psi"),
        ("pressure", "psi", "kPa"),
        ("oil", "°C", "°F"),
        ("bearing", "°C", "K"),
    ):
        factor, offset = next(pair[2:] for pair in CONVERSIONS if pair[:2] == (own, now))
        frame = later.copy()
        frame[sensor] = (frame[sensor] - offset) / factor
        told = [remark for remark in monitor.score(frame).remarks if "another unit" in remark]
        assert len(told) == 1
        assert told[0].startswith(f"{sensor} reads as if it were in another unit")
        assert f"{now} where that was {own}" in told[0]
        assert told[0].endswith(_formula(factor, offset))
    both = later.copy()
    both[["oil", "bearing"]] = 1.8 * both[["oil", "bearing"]] + 32.0
    told = [remark.split()[0] for remark in monitor.score(both).remarks if "°F where that was °C" in remark]
    assert told == ["oil", "bearing"]
    wrong = later.copy()
    wrong.iloc[100:, 1] += 12.0
    assert not any("another unit" in remark for remark in monitor.score(wrong).remarks)


def test_a_fault_is_no_other_unit() -> None:
    for sensor, size in ((2, 3.0), (2, -20.0), (4, 40.0)):
        frame = BATCH.copy()
        frame.iloc[100:, sensor] += size
        assert not any("another unit" in remark for remark in fitted().score(frame).remarks)


def test_what_stands_still_is_in_no_other_unit() -> None:
    own, now, factor, offset = next(one for one in CONVERSIONS if one[2] > 2.0 and one[3] == 0.0)
    frame = machine(600, 2, "2026-02-01")
    middle = float(np.median(frame["c"]))
    frame["c"] = (middle - offset) / factor
    assert not any("another unit" in remark for remark in fitted().score(frame).remarks), (own, now)


def test_a_known_unit_decides_between_conversions() -> None:
    monitor = Monitor.from_bytes(fitted().to_bytes())
    frame = BATCH.copy()
    frame["c"] *= 3.6
    assert "km/h where that was m/s" in monitor.score(frame).remarks[0]
    monitor.metadata = {"unit:c": "l/s"}
    assert "m³/h where that was l/s" in monitor.score(frame).remarks[0]
    monitor.metadata = {"unit:c": "%"}
    assert not any("another unit" in remark for remark in monitor.score(frame).remarks)


def test_units_that_are_no_mapping_are_refused() -> None:
    frame = BATCH.copy()
    frame.attrs = {"units": ["°C"]}
    with pytest.raises(TypeError, match=r"attrs\['units'\]` must map columns to units, got list"):
        fitted().score(frame)


# ---- grown stale ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_model_as_good_as_new_is_not_stale(seed: int) -> None:
    assert fitted().stale(fitted().score(machine(1500, seed, "2026-03-01"))) == []


def test_scores_that_have_risen_and_sensors_that_are_off_are_told() -> None:
    frame = machine(1500, 1, "2026-03-01")
    frame["d"] += 0.12
    monitor = Monitor(false_alarm_rate=0.0001).fit(HISTORY)
    result = monitor.score(frame)
    said = " ".join(monitor.stale(result))
    assert "off on average though nothing alarms: d (+0.1" in said
    assert all(f"the model may have grown stale: {sign}" in result.remarks for sign in monitor.stale(result))
    noisy = machine(1500, 1, "2026-03-01")
    noisy += 0.08 * np.random.default_rng(0).normal(size=noisy.shape)
    assert "scores outside of alarms have risen" in " ".join(monitor.stale(monitor.score(noisy)))


def test_too_often_beyond_and_lost_sensors_are_told() -> None:
    monitor = Monitor(drivers=["c"]).fit(HISTORY)
    frame = BATCH.copy()
    frame.iloc[:60, 2] += 30.0
    frame["f"] = np.nan
    said = monitor.stale(monitor.score(frame))
    assert any(sign.startswith("10 % of the rows are beyond what was learnt") for sign in said)
    assert any("no readings any more: 'f'" in sign for sign in said)


def test_results_of_others_are_refused() -> None:
    with pytest.raises(ValueError, match="must be of the same sensors"):
        fitted().stale(Monitor().fit(plant(500, 0, "2026-01-01")).score(plant(500, 1, "2026-03-01")))
    with pytest.raises(TypeError, match="must be a Result"):
        fitted().stale([])  # type: ignore[arg-type]


def test_a_temperature_in_other_degrees_is_told_though_what_is_expected_has_gone_with_it() -> None:
    random = np.random.default_rng(2)
    load = np.convolve(random.normal(size=2630), np.ones(30) / 5.5, "valid")
    x = 40.0 + 3.0 * np.outer(load, random.normal(size=5)) + 0.4 * random.normal(size=(len(load), 5))
    x[:, 4] = 61.0 + 2.0 * load + 0.3 * random.normal(size=len(load))
    frame = pd.DataFrame(x, columns=["a", "b", "c", "d", "Bearing"])
    monitor, later = Monitor().fit(frame[:2000]), frame[2000:].copy()
    assert not any("another unit" in remark for remark in monitor.score(later).remarks)
    later["Bearing"] = 1.8 * later["Bearing"] + 32.0
    assert any("Bearing reads as if it were in another unit" in remark for remark in monitor.score(later).remarks)


def test_a_column_with_another_name_that_reads_as_an_absent_one_did_is_told() -> None:
    def told(frame: pd.DataFrame) -> list[str]:
        return [remark for remark in fitted().score(frame).remarks if "renamed" in remark]

    assert told(BATCH.rename(columns={"c": "C axis"})) == [
        "'C axis', not known at the fit, reads as 'c' did, which is absent; if it was renamed, give the column its "
        "former name"
    ]
    # One that stands still, one that reads something else, one too many, and one that nothing is absent for.
    for column in (np.full(len(BATCH), BATCH["c"].median()), BATCH["c"] + 1000.0):
        assert told(BATCH.drop(columns="c").assign(other=column)) == []
    assert told(BATCH.rename(columns={"c": "C axis"}).assign(another=BATCH["c"])) == []
    assert told(BATCH.assign(another=BATCH["c"])) == []


def test_sensors_that_lean_on_a_wrong_one_have_no_other_unit_and_a_unit_in_the_name_is_kept_to() -> None:
    random = np.random.default_rng(4)
    load = random.normal(size=(2600, 1))
    x = np.array([1500.0, 120.0, 6.2, 44.0]) + load * np.array([60.0, 9.0, 0.3, 3.0])
    x += random.normal(size=x.shape) * np.array([3.0, 1.0, 0.05, 0.4])
    frame = pd.DataFrame(x, columns=["Speed", "Flow", "Press bar", "Current"])
    monitor, later = Monitor().fit(frame[:2000]), frame[2000:].reset_index(drop=True)

    def told(rows: pd.DataFrame) -> list[str]:
        return [remark for remark in monitor.score(rows).remarks if "another unit" in remark]

    assert told(later.assign(**{"Press bar": -later["Press bar"]})) == []
    # 44 would be 6.7 °C in °F.
    assert told(later.assign(**{"Press bar": later["Current"]})) == []
    found = told(later.assign(**{"Press bar": 100.0 * later["Press bar"]}))
    assert len(found) == 1
    assert "kPa where that was bar" in found[0]


def test_a_column_of_readings_beyond_all_sensors_is_left_out_by_name() -> None:
    for share, told in ((1.0, "100 %"), (0.7, "70 %")):
        wrong = HISTORY.copy()
        wrong.iloc[: round(share * len(wrong)), 2] = 1.7e308
        monitor = Monitor().fit(wrong)
        assert monitor.left_out_ == {"c": f"beyond 1e+100 in {told} of its readings, which no sensor reads in any unit"}
        assert [line for line in monitor.warnings_ if line.startswith("not watched")] == [
            f"not watched: c (beyond 1e+100 in {told} of its readings, which no sensor reads in any unit)"
        ]
        assert monitor.score(BATCH).alarms.mean() < 0.02
    for share, size in ((0.3, 1e200), (0.45, 1e120), (0.45, 1.7e308)):
        wrong = HISTORY.copy()
        gone = np.random.default_rng(1).random(len(wrong)) < share
        wrong.iloc[gone, 2] = size
        monitor = Monitor().fit(wrong)
        assert monitor.left_out_ == {}
        assert f"{np.count_nonzero(gone):,} readings beyond 1e+100" in " ".join(monitor.summary().split())
        assert monitor.score(BATCH).alarms.mean() < 0.02
    with pytest.raises(ValueError, match=r"must have a sensor to watch.*c: beyond 1e\+100 in 100 %"):
        Monitor().fit(HISTORY[["c"]] * 1e160)
    # A few are error codes.
    some = HISTORY.copy()
    some.iloc[[100, 300, 302], 2] = 1.7e308
    assert Monitor().fit(some).score(BATCH).alarms.mean() < 0.02


def test_the_last_word_of_a_name_is_a_unit_only_where_it_can_be_nothing_else() -> None:
    assert [_named(name) for name in ("Oil [°C]", "Inlet bar", "Vibration mm/s", "Power kW")] == [
        "°C",
        "bar",
        "mm/s",
        "kW",
    ]
    assert [_named(name) for name in ("Winding temp motor A", "Feed m", "Flow in", "Speed min", "Train T", "bar")] == [
        None
    ] * 6


def summer(frame: pd.DataFrame, seed: int, warmth: float) -> pd.DataFrame:
    """The same machine under an ambient temperature that oil and bearing feel."""
    ambient = warmth + 8.0 * np.sin(np.arange(len(frame)) / 144 * 2 * np.pi)
    ambient += np.random.default_rng(seed).normal(size=len(frame))
    return frame.assign(ambient=ambient, oil=frame["oil"] + ambient, bearing=frame["bearing"] + 0.8 * ambient)


@pytest.mark.parametrize("seed", range(4))
def test_a_driver_in_another_unit_is_told(seed: int) -> None:
    history = summer(leaning(seed, 2500, "2026-01-01"), seed, 15.0)
    later = summer(leaning(seed + 50, 600, "2026-03-01"), seed + 50, 15.0)
    monitor = Monitor(drivers=["ambient", "speed"]).fit(history)
    assert not any("another unit" in remark for remark in monitor.score(later).remarks)
    for driver, own, now in (
        ("ambient", "°C", "°F"),
        ("ambient", "°C", "K"),
        ("speed", "rpm", "Hz"),
        ("speed", "rpm", "rad/s"),
    ):
        factor, offset = next(pair[2:] for pair in CONVERSIONS if pair[:2] == (own, now))
        for first in (0, 200):
            frame = later.copy()
            frame.iloc[first:, frame.columns.get_loc(driver)] = (frame[driver].iloc[first:] - offset) / factor
            told = [remark for remark in monitor.score(frame).remarks if "another unit" in remark]
            assert len(told) == 1, (driver, now, first)
            assert told[0].startswith(f"driver {driver} reads as if it were in another unit")
            assert f"{now} where that was {own}" in told[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_driver_beyond_its_range_is_in_its_unit(seed: int) -> None:
    history = summer(leaning(seed, 2500, "2026-01-01"), seed, 15.0)
    monitor = Monitor(drivers=["ambient", "speed"]).fit(history)
    for warmth in (30.0, 45.0):
        later = summer(leaning(seed + 50, 600, "2026-03-01"), seed + 50, warmth)
        assert not any("another unit" in remark for remark in monitor.score(later).remarks)
    # A fault of a sensor is none of the driver's unit, nor is a driver that is stuck.
    wrong = summer(leaning(seed + 50, 600, "2026-03-01"), seed + 50, 15.0)
    wrong.iloc[100:, wrong.columns.get_loc("oil")] += 8.0
    assert not any("another unit" in remark for remark in monitor.score(wrong).remarks)
    wrong["ambient"] = 70.0
    assert not any("another unit" in remark for remark in monitor.score(wrong).remarks)
