"""Faults that a plant of six sensors has, and what is said of them."""

from __future__ import annotations

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs.monitor.alarms import stated_interval


def plant(n: int, seed: int, start: str) -> pd.DataFrame:
    """Six sensors that two loads move."""
    random = np.random.default_rng(seed)
    load = random.normal(size=(n, 2))
    mix = np.random.default_rng(5).normal(size=(2, 6))
    return pd.DataFrame(
        50 + load @ mix + 0.2 * random.normal(size=(n, 6)),
        columns=[f"s{i}" for i in range(6)],
        index=pd.date_range(start, periods=n, freq="10min"),
    )


HISTORY, BATCH = plant(3000, 0, "2026-01-01"), plant(600, 1, "2026-03-01")


@pytest.fixture(scope="module")
def monitor() -> acm_rs.Monitor:
    return acm_rs.Monitor().fit(HISTORY)


@pytest.mark.parametrize("size", [20.0, -20.0, 5.0, -5.0])
@pytest.mark.parametrize("sensor", range(6))
def test_a_large_fault_of_one_sensor_is_its_own(monitor: acm_rs.Monitor, sensor: int, size: float) -> None:
    faulty = BATCH.copy()
    faulty.iloc[200:, sensor] += size
    last = monitor.score(faulty).found[-1]
    assert last.open
    assert last.culprits[0].name == f"s{sensor}"


@pytest.fixture(scope="module")
def paused() -> acm_rs.Monitor:
    history = HISTORY.copy()
    history.iloc[1000:1100] *= 0.01
    return acm_rs.Monitor().fit(history)


@pytest.mark.parametrize("seen", ["monitor", "paused"])
def test_some_sensors_at_zero_are_a_fault_and_all_a_standstill(request: pytest.FixtureRequest, seen: str) -> None:
    one = request.getfixturevalue(seen)
    for count in (2, 3, 4):
        faulty = BATCH.copy()
        faulty.iloc[300:, :count] = 0.0
        result = one.score(faulty)
        assert result.alarms[310:].all(), count
        assert "standstill" not in set(result.score["regime"]), count
    for count in (5, 6):
        still = BATCH.copy()
        # Exactly 0, of a machine that never stood, is something of its own.
        still.iloc[300:, :count] *= 1e-6 if seen == "monitor" else 0.0
        result = one.score(still)
        assert (result.score["regime"].iloc[300:] == "standstill").all(), count
        assert not result.alarms[300:].any(), count


def test_rows_beyond_all_that_was_seen_tell_of_which_sensors(monitor: acm_rs.Monitor) -> None:
    faulty = BATCH.copy()
    faulty.iloc[300:, :3] = 0.0
    (told,) = [remark for remark in monitor.score(faulty).remarks if "beyond all that training has seen" in remark]
    rows = len(faulty) - 300
    assert told.endswith(f"; far beyond their range: s0 ({rows}), s1 ({rows}), s2 ({rows})")


@pytest.fixture(scope="module")
def driven() -> acm_rs.Monitor:
    return acm_rs.Monitor(drivers=["s0"]).fit(HISTORY)


def test_missing_readings_are_told(monitor: acm_rs.Monitor) -> None:
    frame = BATCH.copy()
    frame["s1"] = np.nan
    frame.iloc[:200, 2] = np.inf
    frame.iloc[:100, 3] = np.nan
    result = monitor.score(frame)
    assert "without any reading: 's1'" in result.remarks
    assert "far more readings are missing than at the fit: s2 (33 %, 0 % at the fit)" in result.remarks
    assert not monitor.score(BATCH).remarks


def test_rows_with_few_readings_are_not_judged(monitor: acm_rs.Monitor) -> None:
    frame = BATCH.copy()
    frame.iloc[100:150, :4] = np.nan
    frame.iloc[200:250, :3] = np.nan
    frame.iloc[300:310] = np.nan
    result = monitor.score(frame)
    assert np.flatnonzero(np.isnan(result.scores)).tolist() == [*range(100, 150), *range(300, 310)]
    assert (result.confidences[100:150] == 0.0).all()
    assert "60 rows have readings of less than half of the sensors, and are not judged" in result.remarks


def test_a_history_of_few_readings_a_row_is_judged_as_such() -> None:
    thin = plant(1800, 2, "2026-01-01")
    thin.iloc[np.arange(len(thin)) % 3 != 0, :4] = np.nan
    result = acm_rs.Monitor().fit(thin[:1500]).score(thin[1500:])
    assert not np.isnan(result.scores).any()


@pytest.mark.parametrize("rows", [400, 2000])
def test_gaps_at_the_fit_do_not_make_complete_rows_alarm(rows: int) -> None:
    history = HISTORY[:rows]
    holes = history.mask(np.random.default_rng(3).random(history.shape) < 0.3)
    monitor = acm_rs.Monitor().fit(holes)
    assert monitor.score(plant(2000, 4, "2026-03-01")).alarms.mean() < 0.03
    faulty = BATCH.copy()
    faulty.iloc[200:, 3] += 1.0
    assert monitor.score(faulty).alarms[230:].mean() > 0.95


def test_without_a_driver_nothing_is_known(driven: acm_rs.Monitor) -> None:
    frame = BATCH.copy()
    frame["s0"] = np.nan
    result = driven.score(frame)
    assert set(result.score["regime"]) == {"unknown"}
    assert not result.alarms.any()
    assert "no reading of driver s0 in 600 rows, which are not judged" in result.remarks
    frame = BATCH.copy()
    frame.iloc[100:105, 0] = np.nan
    frame.iloc[200:240, 0] = np.nan
    result = driven.score(frame)
    unknown = np.flatnonzero((result.score["regime"].iloc[:300] == "unknown").to_numpy())
    assert unknown.tolist() == list(range(210, 240))


def test_gaps_in_pieces_give_the_bytes_of_the_whole(driven: acm_rs.Monitor) -> None:
    frame = BATCH.copy()
    frame.iloc[:30, 0] = np.nan
    frame.iloc[100:140, 0] = np.nan
    frame.iloc[120:160, 1:5] = np.nan
    frame.iloc[170:175] = np.nan
    whole = driven.score(frame)
    live = acm_rs.Monitor.from_bytes(driven.to_bytes())
    pieces = []
    for edges in ((0, 11), (11, 105), (105, 121), (121, 172), (172, 600)):
        pieces.append(live.update(frame.iloc[slice(*edges)]))
        live = acm_rs.Monitor.from_bytes(live.to_bytes())
    for name in ("scores", "regimes", "confidences", "shares"):
        np.testing.assert_array_equal(np.concatenate([getattr(one, name) for one in pieces]), getattr(whole, name))


def test_readings_beyond_their_limits_are_told() -> None:
    limited = acm_rs.Monitor(limits={"s0": (0, 100)}).fit(HISTORY)
    frame = BATCH.copy()
    frame.iloc[200:, 0] += 100
    assert "readings beyond their limits, taken as missing: s0 (400)" in limited.score(frame).remarks


def test_rows_beyond_all_alarm_whatever_the_limit(monitor: acm_rs.Monitor) -> None:
    strict = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    frame = BATCH.copy()
    frame.iloc[200:, 0] += 20.0
    frame.iloc[300:] += 200.0
    assert strict.score(frame).scores[300:].min() > 10.0
    strict._limit = 20.0
    assert strict.score(BATCH + 200.0).alarms[2:].all()


def test_few_rows_of_noise_do_not_wander() -> None:
    noise = pd.DataFrame(np.random.default_rng(0).normal(50.0, 1.0, (400, 4)), columns=list("abcd"))
    short = acm_rs.Monitor().fit(noise)
    assert any("400 rows are few" in warning for warning in short.warnings_)
    assert not any("wander" in warning for warning in short.warnings_)
    walk = noise.copy()
    walk["a"] += np.random.default_rng(1).normal(size=400).cumsum()
    assert any("'a' wander" in warning for warning in acm_rs.Monitor().fit(walk).warnings_)
    assert stated_interval(np.r_[np.ones(40), 3.0 * np.ones(40)], 2.0, 0.01)["high"] == 1.0


def test_rows_not_chosen_are_no_gaps() -> None:
    half = acm_rs.Monitor().fit(HISTORY, healthy=(0, 1500))
    assert not any("missing" in warning for warning in half.warnings_)
    with pytest.raises(ValueError, match=r"got none from 5000 to 6000"):
        acm_rs.Monitor().fit(HISTORY, healthy=[(0, 1500), (5000, 6000)])


def test_guessed_states_and_another_step_are_told(monitor: acm_rs.Monitor) -> None:
    coarse = HISTORY.copy()
    coarse["s0"] = np.clip(np.round(coarse["s0"]), 48, 52)
    # It changes from row to row: measured, however coarsely. What stays a while may be a state.
    assert "s0" in acm_rs.Monitor().fit(coarse).sensors_
    coarse["s0"] = coarse["s0"].to_numpy()[::10].repeat(10)
    told = "s0 has 5 values and is taken for a state, not watched; kinds={'s0': 'continuous'} watches it"
    assert told in acm_rs.Monitor().fit(coarse).warnings_
    assert not any("taken for a state" in said for said in acm_rs.Monitor(kinds={"s0": "state"}).fit(coarse).warnings_)
    hourly = BATCH.set_axis(pd.date_range("2026-03-01", periods=600, freq="h"))
    assert any(
        remark.startswith("rows come every 1 h, at the fit every 10 min") for remark in monitor.score(hourly).remarks
    )


def test_the_alarms_of_the_history_are_told() -> None:
    spoilt = HISTORY.copy()
    spoilt.iloc[1200:1215, 3] += 3.0
    # What is far by itself is not learnt from, and told as what it is.
    said = " ".join(acm_rs.Monitor().fit(spoilt).warnings_)
    assert "s3: 15 readings that the other sensors belie (2026-01-09 08:00 to 2026-01-09 10:20)" in said
    # So is what came once and was repaired, however little.
    spoilt.iloc[1200:1215, 3] -= 1.8
    said = " ".join(acm_rs.Monitor().fit(spoilt).warnings_)
    assert "20 rows unlike the others (2026-01-09 08:00 to 2026-01-09 11:10)" in said
    spoilt.iloc[2000:2015, 3] += 1.2
    told = [said for said in acm_rs.Monitor().fit(spoilt).warnings_ if said.startswith("the history itself alarms")]
    assert len(told) == 1
    assert "2026-01-14 23:40 to 2026-01-15 00:20 (s3)" in told[0]
    cured = acm_rs.Monitor().fit(spoilt, healthy=[(0, 1199), (1230, 1999), (2030, 2999)])
    assert "2026-01-14 2" not in " ".join(cured.warnings_)


@pytest.mark.parametrize("rows", [200, 240])
def test_as_many_rows_as_sensors_make_no_alarm_and_hide_no_fault(rows: int) -> None:
    """There the others seem to tell all of each sensor; relations of that kind hold for no further row."""
    random = np.random.default_rng(1)
    x = 50.0 + random.standard_normal((rows + 200, 2)) @ random.standard_normal((2, 200))
    x += 0.2 * random.standard_normal(x.shape)
    monitor = acm_rs.Monitor().fit(x[:rows])
    assert monitor.score(x[rows:]).alarms.mean() <= 0.03
    x[rows + 100 :, 7] += 0.6
    assert monitor.score(x[rows:]).alarms[110:].mean() > 0.8
