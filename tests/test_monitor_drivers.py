"""Drivers whose readings are missing, or rounded more coarsely than in the training."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from acm_rs import Monitor
from acm_rs.monitor.relations import Relations
from acm_rs.monitor.state import put_watches, take_watches
from numpy.typing import NDArray
from test_monitor import same

Flags = NDArray[np.bool_]
ROWS = 2000
SLOPES = {"speed": 1480, "flow": 210, "press": 6.2, "curr": 85, "brg": 25}
NOISE = {"speed": 4.0, "flow": 1.0, "press": 0.05, "curr": 0.6, "brg": 0.3}


def plant(rows: int, seed: int, start: str, two: bool = False) -> pd.DataFrame:
    """Sensors of a pump beside its load in per cent, and beside the ambient temperature."""
    random = np.random.default_rng(seed)
    load = 0.8 + 0.2 * np.sin(np.arange(rows) * 2 * np.pi / 144) + 0.02 * random.normal(size=rows)
    warm = 10 * np.sin(np.arange(rows) * 2 * np.pi / 500 + 1) + 0.5 * random.normal(size=rows)
    frame = pd.DataFrame(index=pd.date_range(start, periods=rows, freq="10min"))
    frame["load"] = 100 * load
    if two:
        frame["ambient"] = 20 + warm
    for name, slope in SLOPES.items():
        frame[name] = slope * load + NOISE[name] * random.normal(size=rows)
    if two:
        frame["brg"] += 0.5 * warm
    return frame


@cache
def fitted(seed: int = 0, two: bool = False) -> bytes:
    drivers = ["load", "ambient"] if two else ["load"]
    return Monitor(drivers=drivers).fit(plant(ROWS, seed, "2026-01-01", two)).to_bytes()


def fresh(seed: int = 0, two: bool = False) -> Monitor:
    return Monitor.from_bytes(fitted(seed, two))


def later(seed: int = 0, two: bool = False) -> pd.DataFrame:
    return plant(1500, seed + 50, "2026-03-01", two)


def holes(rows: int, share: float, seed: int = 0) -> Flags:
    return np.random.default_rng(seed).random(rows) < share


def without(frame: pd.DataFrame, rows: object, column: str = "load", value: float = np.nan) -> pd.DataFrame:
    found = frame.copy()
    found.loc[found.index[rows], column] = value
    return found


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_gaps_of_a_driver_do_not_alarm(seed: int, share: float) -> None:
    gone = holes(1500, share)
    result = fresh(seed).score(without(later(seed), gone))
    assert result.alarms.mean() <= 0.02
    # The others tell the load: nearly all rows are judged.
    assert np.isnan(result.scores).mean() < 0.03
    said = [one for one in result.remarks if one.startswith("no reading of drivers")]
    judged = int(np.count_nonzero(gone & ~np.isnan(result.scores)))
    assert said == [
        "no reading of drivers, in rows that are judged by what the sensors tell of them: "
        f"load ({judged}); small faults are found later there"
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_codes_and_blocks_of_gaps_in_a_driver_do_not_alarm(seed: int) -> None:
    assert fresh(seed).score(without(later(seed), slice(None, None, 20), value=-9999.0)).alarms.mean() <= 0.02
    result = fresh(seed).score(without(later(seed), slice(500, 540)))
    assert result.alarms.mean() <= 0.02
    assert "no reading of driver load in 30 rows, which are not judged" in result.remarks


def test_faults_are_found_in_the_gaps_of_a_driver() -> None:
    faulty = later()
    faulty.iloc[500:, -1] += 2 * NOISE["brg"]
    gone = holes(1500, 0.5)
    assert fresh().score(faulty).alarms[550:].mean() > 0.95
    found = fresh().score(without(faulty, gone)).alarms
    assert found[550:].mean() > 0.9
    assert found[550:][gone[550:]].mean() > 0.9


def test_a_sensor_of_which_only_the_driver_tells_is_not_judged_without_it() -> None:
    columns = ["load", "brg"]
    monitor = Monitor(drivers=["load"]).fit(plant(ROWS, 0, "2026-01-01")[columns])
    gone = holes(1500, 0.3)
    result = monitor.score(without(later()[columns], gone))
    assert np.isnan(result.scores[gone]).all()
    assert not np.isnan(result.scores[~gone]).any()
    assert result.alarms.mean() <= 0.02
    assert f"no reading of driver load in {gone.sum()} rows, which are not judged" in result.remarks
    # That is no sign of a model grown stale.
    assert not any("stale" in one for one in result.remarks)


def test_a_fault_that_only_the_driver_shows_stays_in_alarm_where_it_has_a_gap() -> None:
    def beside(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
        others = np.random.default_rng(seed).normal(size=(len(frame), 3))
        return frame[["load", "brg"]].assign(one=others[:, 0], two=others[:, 1] + others[:, 0], three=others[:, 2])

    monitor = Monitor(drivers=["load"]).fit(beside(plant(ROWS, 0, "2026-01-01"), 1))
    frame, gone = beside(later(), 2), holes(1500, 0.3)
    assert monitor.score(without(frame, gone)).alarms.mean() <= 0.02
    frame.iloc[500:, 1] += 2 * NOISE["brg"]
    result = monitor.score(without(frame, gone))
    assert not np.isnan(result.scores).any()
    assert result.alarms[550:].mean() > 0.95


def test_one_of_two_drivers_is_missing_throughout_or_now_and_then() -> None:
    frame = later(two=True)
    some = without(without(frame, holes(1500, 0.1, 1)), holes(1500, 0.1, 2), "ambient")
    result = fresh(two=True).score(some)
    assert result.alarms.mean() <= 0.02
    assert any("what the sensors tell of them: load (" in one and "ambient (" in one for one in result.remarks)
    dead = fresh(two=True).score(without(frame, slice(None), "ambient"))
    assert np.isnan(dead.scores).all()
    assert "no reading of driver ambient in 1,500 rows, which are not judged" in dead.remarks


def test_rows_beyond_the_driver_s_range_do_not_alarm_in_its_gaps() -> None:
    frame = later()
    frame.iloc[300:600] += [60.0, *(0.6 * slope for slope in SLOPES.values())]
    gone = holes(1500, 0.2)
    gone[:301] = False
    result = fresh().score(without(frame, gone))
    assert not result.alarms[300:600].any()


def test_a_gross_fault_alarms_in_a_driver_s_gap() -> None:
    frame = later()
    frame.iloc[300:309, 1:] += [5.0 * slope for slope in SLOPES.values()]
    gone = np.zeros(1500, bool)
    gone[300:309] = True
    rows = without(frame, gone)
    result = fresh().score(rows)
    assert result.alarms[302:309].all()
    monitor = fresh()
    apart = [monitor.update(rows.iloc[[row]]).scores for row in range(320)]
    assert np.concatenate(apart).tobytes() == result.scores[:320].tobytes()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("step", [0.5, 1.0, 2.0])
def test_a_coarser_driver_does_not_alarm_and_faults_are_found(seed: int, step: float) -> None:
    frame = later(seed)
    frame["load"] = (frame["load"] / step).round() * step
    result = fresh(seed).score(frame)
    # Some rows pass before its step is told.
    assert result.alarms[50:].mean() <= 0.02
    assert any(one.startswith("readings in coarser steps than at the fit: load (") for one in result.remarks)
    frame.iloc[500:, -1] += 2 * NOISE["brg"]
    assert fresh(seed).score(frame).alarms[550:].mean() > 0.9


def test_row_by_row_is_the_whole_whatever_is_missing_or_rounded() -> None:
    frame = later(two=True)[:260]
    frame = without(frame, holes(260, 0.1, 1))
    frame = without(frame, slice(40, 65), "ambient")
    frame.iloc[100:104] = np.nan
    frame.iloc[110, 2:] = np.nan
    frame.iloc[150:, 0] = frame.iloc[150:, 0].round()
    whole = fresh(two=True).score(frame)
    monitor = fresh(two=True)
    for number in range(len(frame)):
        some = slice(number, number + 1)
        same(monitor.update(frame[some]), whole, some)
        if number % 60 == 0:
            monitor = Monitor.from_bytes(monitor.to_bytes())


@pytest.mark.parametrize(("seed", "share"), [(0, 0.1), (1, 0.1), (1, 0.4)])
def test_gaps_at_the_fit_teach_nothing_of_the_others(seed: int, share: float) -> None:
    history = plant(ROWS, seed, "2026-01-01")
    gone = holes(ROWS, share)
    monitor = Monitor(drivers=["load"]).fit(without(history, gone))
    told = f"driver 'load' has no reading in {gone.sum():,} running rows, which teach nothing of the others"
    assert told in monitor.warnings_
    assert monitor.score(later()).regime_names == ("unknown", "standstill", "running")
    for frame in (later(), without(later(), holes(1500, 0.1))):
        result = monitor.score(frame)
        assert result.alarms.mean() <= 0.02
        assert np.isnan(result.scores).mean() < 0.02
    faulty = later()
    faulty.iloc[500:, -1] += 2 * NOISE["brg"]
    assert monitor.score(faulty).alarms[550:].mean() > 0.95
    # Codes are gaps.
    coded = Monitor(drivers=["load"]).fit(without(history, slice(None, None, 20), value=-9999.0))
    assert coded.score(later()).alarms.mean() <= 0.02


def test_a_driver_that_is_read_each_third_row_stands_for_three() -> None:
    history = plant(ROWS, 0, "2026-01-01")
    thin = np.arange(ROWS) % 3 != 0
    monitor = Monitor(drivers=["load"]).fit(without(history, thin))
    rules, watches = monitor._fitted()
    assert watches.regimes.holds.tolist() == [2, 0, 0, 0, 0, 0]
    again = take_watches(*put_watches(rules, watches))[1]
    assert again.regimes.holds.tolist() == [2, 0, 0, 0, 0, 0]
    assert not any("has no reading" in one for one in monitor.warnings_)
    result = monitor.score(without(later(), thin[:1500]))
    assert result.alarms.mean() <= 0.02
    assert not any("no reading of driver" in one for one in result.remarks)


def test_what_is_missing_is_integrated_out_of_the_law() -> None:
    # Sensors x = B s + e: without s the residual is that of the law of x alone, by its covariance.
    random = np.random.default_rng(2)
    states = random.normal(size=(6000, 2))
    slopes = np.array([[1.0, -2.0, 0.5, 0.0], [0.3, 0.0, 0.0, 1.0]])
    x = states @ slopes + random.normal(size=(6000, 4)) * [0.3, 0.4, 0.2, 0.5]
    model = Relations.fit(x, states)
    rows, given = x[:50].copy(), states[:50].copy()
    rows[:10, 3] = np.nan
    given[:, 0] = np.nan
    _, _, off, residual = model.look(rows, given)
    prior = np.linalg.inv(model.first)[4:, 4:]
    line, own = model.slopes[0], model.slopes[1]
    left = prior[0, 0] - prior[0, 1] ** 2 / prior[1, 1]
    covariance = np.linalg.inv(model.precision) + left * np.outer(line, line)
    bends = model.covariates(x[:50], states[:50])[:, 2:]
    expected = prior[0, 1] / prior[1, 1] * states[:50, 1]
    plain = x[:50] - model.offset - np.outer(expected, line) - np.outer(states[:50, 1], own) - bends @ model.slopes[2:]
    precision = np.linalg.inv(covariance)
    force = plain[10:] @ precision
    np.testing.assert_allclose(off[10:], force / np.diag(precision), rtol=1e-9, atol=1e-12)
    spread = np.sqrt(np.diag(precision) * np.diag(model.precision))
    judged = ~np.isnan(residual[10:])
    np.testing.assert_allclose(residual[10:][judged], (force / spread)[judged], rtol=1e-9, atol=1e-12)
    assert judged.all()
    # The second and the third without the fourth sensor, whose bend is another.
    assert np.isfinite(off[:10, :3]).all()


def test_the_rounding_of_a_driver_goes_through_its_slopes() -> None:
    random = np.random.default_rng(3)
    states = random.normal(size=(4000, 1))
    x = states @ [[1.0, -2.0, 0.5]] + 0.2 * random.normal(size=(4000, 3))
    model = Relations.fit(x, states)
    noisy = model.with_rounding(np.array([0.0, 0.01, 0.0, 0.04]))
    line = model.slopes[0]
    expected = np.linalg.inv(model.precision) + np.diag([0.0, 0.01, 0.0]) + 0.04 * np.outer(line, line)
    np.testing.assert_allclose(np.linalg.inv(noisy.precision), expected, rtol=1e-9, atol=1e-12)
    assert model.told_by(0) == pytest.approx(float(line @ model.precision @ line), rel=1e-12)


def test_a_column_that_no_longer_has_numbers_is_told() -> None:
    said = fresh().score(later().assign(load="n/a")).remarks
    assert "columns that held numbers at the fit hold none now: 'load'" in said
    assert "no reading of driver load in 1,500 rows, which are not judged" in said


def _by_load(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    load = np.zeros(rows)
    for row in range(1, rows):
        load[row] = 0.95 * load[row - 1] + 0.31 * random.normal()
    x = {"load": 70.0 + 10.0 * load}
    x |= {f"s{n}": 50.0 + gain * load + 0.1 * random.normal(size=rows) for n, gain in enumerate((2, 1, -1, 0.5))}
    return pd.DataFrame(x, index=pd.date_range("2026-01-01", periods=rows, freq="1min"))


def test_a_driver_that_is_stuck_is_named() -> None:
    history, later = _by_load(2000, 0).round(2), _by_load(600, 1).round(2)
    history.iloc[500:508, 0] = history.iloc[500, 0]
    monitor = Monitor(drivers=["load"]).fit(history)
    assert not [remark for remark in monitor.score(later).remarks if "stuck" in remark]
    stuck = later.copy()
    stuck.iloc[200:300, 0] = stuck.iloc[200, 0]
    stuck.iloc[240, 0] = np.nan
    for one in (monitor, Monitor.from_bytes(monitor.to_bytes())):
        assert [remark for remark in one.score(stuck).remarks if "stuck" in remark] == [
            f"driver load reads {stuck.iloc[200, 0]:g} in 99 rows one after the other (2026-01-01 03:20 to "
            "2026-01-01 04:59), at the fit in 8 at most; if it is stuck, what the sensors should read is wrong there, "
            "and they are blamed for it"
        ]
    # A machine that stands still is at one load.
    rest = later.copy()
    rest.iloc[200:300] = 0.0
    assert not [remark for remark in monitor.score(rest).remarks if "stuck" in remark]


def test_rows_after_a_long_gap_of_a_driver_are_judged_at_once() -> None:
    false, judged, found = [], [], []
    for seed in range(6):
        history, later = _by_load(2000, seed), _by_load(900, 100 + seed)
        monitor = Monitor(drivers=["load"]).fit(history)
        for first in (200, 450, 700):
            later.iloc[first : first + 100, 0] = np.nan
        result = monitor.score(later)
        after = np.concatenate([np.arange(first, first + 12) for first in (300, 550, 800)])
        judged.append(np.isfinite(result.scores[after]).mean())
        false.append(result.alarms[after].mean())
        # In most of the gap nothing is known of the load.
        assert np.isnan(result.scores[250:300]).all()
        faulty = later.copy()
        faulty.iloc[300:, 2] += 1.0
        found.append(monitor.score(faulty).alarms[303:310].mean())
        live = Monitor.from_bytes(monitor.to_bytes())
        pieces = [
            live.update(later[first:last]).scores for first, last in ((0, 250), (250, 300), (300, 301), (301, 900))
        ]
        assert np.concatenate(pieces).tobytes() == result.scores.tobytes()
    assert np.mean(judged) == 1.0
    assert np.mean(false) < 0.03
    assert np.mean(found) > 0.9
