"""Frames with the rows of several machines are no history of one."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs import Monitor
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors

ROWS = 600
TIMES = pd.date_range("2026-01-01", periods=ROWS, freq="10min")


def pump(seed, name):
    random = np.random.default_rng(seed)
    load = np.sin(np.arange(ROWS) / 30.0)[:, None] + 0.3 * random.normal(size=(ROWS, 1))
    values = 50.0 * seed + load * [5.0, 3.0, 4.0] + 0.2 * random.normal(size=(ROWS, 3))
    frame = pd.DataFrame(values, columns=["flow", "current", "oil"])
    frame.insert(0, "time", TIMES)
    frame["asset"] = name
    return frame


def mixed(*names):
    return pd.concat([pump(seed, name) for seed, name in enumerate(names, 1)]).sort_values("time", kind="stable")


AS = {
    "pandas": lambda frame: frame.set_index("time"),
    "categories": lambda frame: frame.set_index("time").astype({"asset": "category"}),
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "without times": lambda frame: frame.drop(columns="time").reset_index(drop=True),
}


@pytest.mark.parametrize("kind", AS)
@pytest.mark.parametrize("names", [("P-101", "P-102"), ("a", "b", "c")])
def test_a_column_of_names_whose_rows_take_turns_is_refused(kind, names):
    how = "the rows take turns between" if kind == "without times" else "each time comes again for"
    told = ", ".join(repr(name) for name in names)
    with pytest.raises(ValueError, match=rf"one machine: {how} {told} \(column 'asset'\); .*'asset' is '{names[0]}'"):
        Monitor().fit(AS[kind](mixed(*names)))


def test_rows_of_a_time_in_any_order_and_numbers_of_machines_are_refused():
    frame = mixed("P-101", "P-102")
    order = np.arange(2 * ROWS).reshape(-1, 2)
    order[1::3] = order[1::3, ::-1]
    with pytest.raises(ValueError, match=r"each time comes again for 'P-101', 'P-102'"):
        Monitor().fit(frame.iloc[order.ravel()].set_index("time"))
    with pytest.raises(ValueError, match=r"each time comes again for 7\.0, 9\.0 \(column 'asset'\)"):
        Monitor().fit(mixed(7, 9).set_index("time"))


@pytest.mark.parametrize(
    "column",
    [
        np.where(np.arange(ROWS) // 75 % 2, "P1", "P2"),
        np.where(np.arange(ROWS) % 7 == 3, "check", "ok"),
        np.array([f"row {row}" for row in range(ROWS)]),
        np.array(["P1"] * ROWS),
        np.arange(ROWS) % 2,
        np.arange(ROWS) % 3 + 1,
    ],
    ids=["pump on duty", "remarks", "texts", "one name", "heartbeat", "phase"],
)
def test_what_one_machine_does_is_learnt(column):
    frame = pump(1, "P1").set_index("time").assign(asset=column)
    assert Monitor().fit(frame).sensors_[:3] == ("flow", "current", "oil")


def test_times_that_were_cut_are_learnt_with_a_heartbeat_beside():
    frame = pump(1, "P1").assign(asset=np.arange(ROWS) % 2)
    frame["time"] = TIMES.floor("20min")
    assert Monitor().fit(frame.set_index("time")).sensors_


@pytest.mark.parametrize("name", ["tag", "who"])
@pytest.mark.parametrize("count", [2, 5])
def test_a_row_for_each_reading_at_a_time_of_its_own_is_refused(name, count):
    random = np.random.default_rng(count)
    tags = random.integers(0, count, 2 * ROWS)
    levels = np.array([50.0, 70.0, 1.5, 300.0, 12.0])[tags]
    times = pd.date_range("2026-01-01", periods=2 * ROWS, freq="5min")
    frame = pd.DataFrame({name: np.array(list("abcde"))[tags], "value": levels + random.normal(size=2 * ROWS)}, times)
    frame["empty"] = np.nan
    for kind in (frame, pl.from_pandas(frame.reset_index())):
        with pytest.raises(ValueError, match=rf"one machine: the rows take turns between .*column '{name}'"):
            Monitor().fit(kind)
    # A heater that goes on and off, and words that the readings do not follow.
    heater = frame[tags < 2].assign(**{name: np.where(tags[tags < 2] == 1, "ON", "OFF")})
    assert Monitor().fit(heater).sensors_ == ("value",)
    weather = frame.assign(value=50.0 + random.normal(size=2 * ROWS))
    assert Monitor().fit(weather).sensors_ == ("value",)


MIXED = np.random.default_rng(4).integers(0, 3, ROWS)


@pytest.mark.parametrize(
    ("words", "levels"),
    [
        (("loaded", "unloaded", "loaded"), ([20.0, 80.0, 20.0], [10.0, 50.0, 10.0], [5.0, 25.0, 5.0])),
        (("PX-1", "PX-2", "PX-3"), ([180.0, 200.0, 230.0], [50.0, 80.0, 65.0])),
        (("A", "B", "C"), ([150.0, 170.0, 190.0], [50.0, 59.0, 68.0])),
        (("Last", "Leerlauf", "Aus"), ([150.0, 170.0, 190.0],)),
        (("ein", "AUS", "ein"), ([20.0, 80.0, 20.0],)),
        (("RUN", "IDLE", "RUN"), ([20.0, 80.0, 20.0],)),
        (("low", "mid", "high"), ([500.0, 900.0, 1500.0],)),
        (("warm", "cold", "warm"), ([10.0, -10.0, 10.0],)),
    ],
)
def test_states_and_products_that_the_readings_follow_are_of_one_machine(words, levels, tmp_path):
    random = np.random.default_rng(5)
    names = ("temp", "power", "flow")[: len(levels)]
    readings = {name: np.array(of)[MIXED] + random.normal(size=ROWS) for name, of in zip(names, levels, strict=True)}
    frame = pd.DataFrame({"what": np.array(words)[MIXED], **readings}, TIMES)
    assert Monitor().fit(frame).sensors_ == names
    # The command line decides alike.
    frame.to_csv(tmp_path / "in.csv", index_label="time")
    assert tuple(load_sensors(tmp_path / "in.csv", ReadOptions()).sensors.columns)[-len(names) :] == names


def test_the_way_out_is_told_where_words_may_be_tags(tmp_path):
    levels = np.array([50.0, 5.0, 900.0])[MIXED] + np.random.default_rng(6).normal(size=ROWS)
    frame = pd.DataFrame({"what": np.array(["TE1", "PE2", "FE3"])[MIXED], "value of": levels, "unit": 7.0}, TIMES)
    with pytest.raises(ValueError, match="make a column of each first; where they are states or products of one mach"):
        Monitor().fit(frame)
    frame.to_csv(tmp_path / "in.csv", index_label="time")
    with pytest.raises(Refusal, match="the rows take turns between"):
        load_sensors(tmp_path / "in.csv", ReadOptions())
