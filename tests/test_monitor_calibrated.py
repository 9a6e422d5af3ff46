"""Histories in which a sensor was calibrated, or was wrong for a while, though the machine ran as ever."""

from __future__ import annotations

import json
import re

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs.monitor import saving
from acm_rs.monitor.calibrated import calibrated
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
ROWS, LATER, SENSORS = 2000, 1000, 8
SLOPES = np.random.default_rng(99).uniform(0.5, 2.0, SENSORS)


def load(random: np.random.Generator, rows: int) -> NDArray[np.float64]:
    kicks, found = 0.31 * random.normal(size=rows), np.zeros(rows)
    for row in range(1, rows):
        found[row] = 0.95 * found[row - 1] + kicks[row]
    return found


def machine(seed: int, rows: int = ROWS + LATER) -> Matrix:
    """Eight sensors of one load, with noise of .3."""
    random = np.random.default_rng(seed)
    return 60.0 + load(random, rows)[:, None] * SLOPES + 0.3 * random.normal(size=(rows, SENSORS))


def found(x: Matrix) -> list[tuple[int, int, float, int | None]]:
    rows, every = len(x), np.ones(x.shape[1], bool)
    shifts = calibrated(x, np.arange(rows), np.zeros(rows, np.int64), every)
    return [(one.place, one.row, round(one.size, 1), one.until) for one in shifts]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("size", "row"), [(1.0, 1000), (3.0, 400), (-10.0, 1500)])
def test_a_calibration_of_the_history_is_told_and_once_it_is_confirmed_hides_no_later_fault(
    seed: int, size: float, row: int
) -> None:
    x, never = machine(seed), machine(seed)
    x[row:, 2] += size
    monitor, right = acm_rs.Monitor().fit(x[:ROWS]), acm_rs.Monitor().fit(never[:ROWS])
    told = [line for line in monitor.warnings_ if "where it was calibrated, say so" in line]
    assert len(told) == 1
    number, way, at = re.findall(r"x2 reads (\S+) (more|less) from row \S+ on \(`rebase\('x2', (\d+)\)`\)", told[0])[0]
    assert abs(float(number) - abs(size)) < 0.1
    assert way == ("more" if size > 0.0 else "less")
    assert abs(int(at) - row) <= 1
    monitor.rebase("x2", int(at))
    assert not any("calibrated" in line or "x2" in line for line in monitor.warnings_)
    later, same = x[ROWS:].copy(), never[ROWS:].copy()
    later[500:, 2] += 1.5
    same[500:, 2] += 1.5
    found = monitor.score(later).alarms
    assert found[520:].mean() > 0.9
    # As if it had always read so.
    assert np.mean(found != right.score(same).alarms) < 0.03


def test_when_and_how_much_is_told_and_what_to_do() -> None:
    x = machine(0)[:ROWS]
    x[700:, 2] += 3.0
    x[1400:, 2] += 4.0
    frame = pd.DataFrame(x, columns=list("abcdefgh"), index=pd.date_range("2026-01-01", periods=ROWS, freq="10min"))
    monitor = acm_rs.Monitor().fit(frame)
    told = [line for line in monitor.warnings_ if "calibrated" in line]
    assert len(told) == 1
    first, second, rest = re.split("; (?=c)|, and the", told[0], maxsplit=2)
    assert re.fullmatch(
        r"c reads (2\.9\d|3|3\.0\d) more from 2026-01-05 20:40 on \(`rebase\('c', '2026-01-05 20:40'\)`\)", first
    )
    assert re.fullmatch(
        r"c reads (3\.9\d|4|4\.0\d) more from 2026-01-10 17:20 on \(`rebase\('c', '2026-01-10 17:20'\)`\)", second
    )
    assert rest == (
        " other sensors do not: where it was calibrated, say so; where something was wrong, leave those rows out with "
        "`healthy`; until then it is learnt as it is, and faults of about that size are not found"
    )
    assert "say so" in " ".join(monitor.summary().split())
    again = acm_rs.Monitor.from_bytes(monitor.to_bytes())
    assert again.warnings_ == monitor.warnings_
    again.rebase("c", "2026-01-05 20:40")
    assert [line.split(" (")[0][:8] for line in again.warnings_ if "calibrated" in line] == ["c reads "]
    again.rebase("c", "2026-01-10 17:20")
    assert not any("calibrated" in line for line in again.warnings_)
    settings, arrays, version, _ = saving.unpack(monitor.to_bytes())
    for name, wrong in (
        ("shifted", [3]),
        ("shifted", "abc"),
        ("calibrations", [["c", "x", 1.0]]),
        ("calibrations", [["c", 700]]),
        ("calibrations", [["c", 700, 1e308]]),
        ("calibrations", [3]),
    ):
        forged = json.loads(json.dumps(settings))
        forged["about"][name] = wrong
        with pytest.raises(ValueError, match="damaged or of another version"):
            acm_rs.Monitor.from_bytes(saving.pack(forged, arrays, version))


@pytest.mark.parametrize("first", [700, 1400])
def test_calibrations_are_confirmed_in_any_order_and_about_when_they_were(first: int) -> None:
    x = machine(0)[:ROWS]
    x[700:, 2] += 3.0
    x[1400:, 2] += 4.0
    frame = pd.DataFrame(x, columns=list("abcdefgh"), index=pd.date_range("2026-01-01", periods=ROWS, freq="10min"))
    for history in (x, frame):
        monitor, name = acm_rs.Monitor().fit(history), "c" if history is frame else "x2"
        for row in (first, 2100 - first):
            # Somebody remembers the day.
            monitor.rebase(name, row + 40 if history is x else str(frame.index[row].date()))
            assert monitor.log_[-1]["told"].endswith("as found in the history")
        assert not any("calibrated" in line for line in monitor.warnings_)
        rebased = monitor._fitted()[0].rebased
        np.testing.assert_allclose([one.offset for one in rebased], [3.0, 7.0], atol=0.1)


def test_a_calibration_after_the_history_learns_nothing_again() -> None:
    x = machine(0)
    x[1000:, 2] += 3.0
    x[ROWS + 200 :, 5] -= 2.0
    frame = pd.DataFrame(x, columns=list("abcdefgh"), index=pd.date_range("2026-01-01", periods=len(x), freq="10min"))
    monitor = acm_rs.Monitor().fit(frame[:ROWS])
    monitor.rebase("c", frame.index[1000])
    learned = monitor._fitted()[1]
    monitor.rebase("f", frame.index[ROWS + 200], frame[ROWS:])
    assert monitor._fitted()[1] is learned
    assert monitor.score(frame[ROWS + 300 :]).alarms.mean() < 0.03


@pytest.mark.parametrize("every", [False, True])
def test_a_calibration_while_nothing_was_read_is_told(every: bool) -> None:
    for seed in range(4):
        x = machine(seed)[:ROWS]
        x[1000:, 2] += 3.0
        x[900:1100, slice(None) if every else 2] = np.nan
        ((place, row, size, until),) = found(x)
        assert (place, size, until) == (2, 3.0, None)
        assert 900 <= row <= 1100


def test_a_sensor_that_was_away_for_long_is_told_and_learnt() -> None:
    x = machine(1)
    x[500:1500, 2] += 3.0
    monitor = acm_rs.Monitor().fit(x[:ROWS])
    assert any(
        re.match(r"x2 reads 3\S* more from row 500 to row 1,500, and the other sensors do not", line)
        for line in monitor.warnings_
    )
    assert "belie" not in monitor.summary()


@pytest.mark.parametrize("rows", [(700, 930), (1000, 1230), (100, 250), (1700, 1890)])
def test_what_a_sensor_read_while_it_was_wrong_is_left_out(rows: tuple[int, int]) -> None:
    x = machine(1)
    x[slice(*rows), 2] += 3.0
    ((place, first, size, until),) = found(x[:ROWS])
    assert place == 2
    assert abs(size - 3.0) < 0.2
    assert until is not None
    assert np.abs(np.array([first, until]) - rows).max() <= 1
    monitor = acm_rs.Monitor().fit(x[:ROWS])
    assert any("x2: " in line and "readings that the other sensors belie" in line for line in monitor.warnings_)
    later = x[ROWS:].copy()
    assert monitor.score(later).alarms.mean() < 0.02
    later[500:, 2] += 1.5
    assert monitor.score(later).alarms[520:].mean() > 0.9


def test_at_the_end_of_a_history_a_sensor_that_came_back_has_no_new_level() -> None:
    x = machine(2)[:ROWS]
    x[1700:1960, 2] += 3.0
    assert found(x) == []


def test_two_sensors_are_calibrated_and_a_third_of_them_is_another_machine() -> None:
    x = machine(3)[:ROWS]
    x[600:, 1] += 2.0
    x[1200:, 5] -= 3.0
    assert sorted((place, row, size) for place, row, size, _ in found(x)) == [(1, 600, 2.0), (5, 1200, -3.0)]
    for place, row in ((3, 900), (6, 1500)):
        x[row:, place] += 3.0
    assert found(x) == []


def test_what_a_state_or_a_driver_tells_is_no_calibration() -> None:
    x = machine(5, ROWS)
    x[900:, 2] += 3.0
    valve = np.zeros((ROWS, 1))
    valve[900:] = 1.0
    assert len(found(x)) == 1
    assert found(np.hstack([x, valve])) == []
    frame = pd.DataFrame(np.hstack([x, valve]), columns=[*"abcdefgh", "valve"])
    assert any("calibrated" in line for line in acm_rs.Monitor().fit(frame[list("abcdefgh")]).warnings_)
    for drivers in ([], ["valve"]):
        assert not any("calibrated" in line for line in acm_rs.Monitor(drivers=drivers).fit(frame).warnings_)


def test_a_calibration_of_a_machine_that_stops_is_found_beside_its_stops() -> None:
    x, random = machine(4), np.random.default_rng(5)
    for row in range(200, len(x), 400):
        x[row : row + 80] = 5.0 + 0.05 * random.normal(size=(80, SENSORS))
    still = x[:, 0] < 20.0
    x[1000:, 2] += 3.0
    monitor = acm_rs.Monitor().fit(x[:ROWS])
    assert any(re.match(r"x2 reads 3\S* more from row 1,080 on", line) for line in monitor.warnings_)
    monitor.rebase("x2", 1080)
    assert monitor.score(x[ROWS:]).alarms.mean() < 0.02
    later = x[ROWS:].copy()
    later[500:, 2] += np.where(still[ROWS + 500 :], 0.0, 1.5)
    result = monitor.score(later)
    running = np.isfinite(result.scores[520:]) & ~still[ROWS + 520 :]
    assert result.alarms[520:][running].mean() > 0.9


def drifting(kind: str, seed: int) -> Matrix:
    x, random = machine(seed, ROWS), np.random.default_rng(100 + seed)
    noise = 0.3 * random.normal(size=(ROWS, SENSORS))
    half = np.arange(ROWS) >= ROWS // 2
    if kind == "ramp":
        x[:, 2] += np.linspace(0.0, 6.0, ROWS)
    elif kind == "walk":
        x[:, 2] += 0.15 * random.normal(size=ROWS).cumsum()
    elif kind == "gain":
        x[half, 2] = 60.0 + 1.5 * (x[half, 2] - 60.0)
    elif kind == "another load":
        # Bent relations look like levels where the load changes once.
        other = np.where(half, 6.0, 0.0) + 0.5 * random.normal(size=ROWS)
        x = 60.0 + other[:, None] * SLOPES + 0.2 * np.square(other)[:, None] * np.linspace(-1, 1, SENSORS) + noise
    elif kind == "another mode":
        # The sensor reads three more at high loads only, and those came later.
        other = np.where(half, 6.0, 0.0) + 0.5 * random.normal(size=ROWS)
        x = 60.0 + other[:, None] * SLOPES + noise
        x[half, 2] += 3.0
    elif kind == "standing still":
        x[np.arange(ROWS) % 100 < 80] = 0.0
    elif kind == "small":
        x[half, 2] += 0.5
    elif kind == "alone":
        # Nothing tells a calibration of it from another set point.
        x = 60.0 + noise
        x[half, 2] += 3.0
    elif kind == "switching":
        x[:, 2] += np.where(np.arange(ROWS) // 150 % 2, 3.0, 0.0)
    elif kind == "from pump to pump":
        # One ran in the first half, the other one in the second.
        load = 6.0 + (x[:, :1] - 60.0)
        own = np.where(np.arange(SENSORS) < SENSORS // 2, ~half[:, None], half[:, None])
        x = np.where(own, 60.0 + load * SLOPES, 20.0) + noise
    return x


@pytest.mark.parametrize(
    "kind",
    [
        "as ever",
        "ramp",
        "walk",
        "gain",
        "another load",
        "another mode",
        "small",
        "standing still",
        "alone",
        "switching",
        "from pump to pump",
    ],
)
def test_what_is_no_calibration_is_none(kind: str) -> None:
    for seed in range(12):
        assert found(drifting(kind, seed)) == []


def test_gaps_and_outliers_change_little() -> None:
    x, random = machine(6, ROWS), np.random.default_rng(7)
    x[1100:, 4] += 2.0
    x[random.random(x.shape) < 0.1] = np.nan
    x[random.random(x.shape) < 0.005] += 50.0
    ((place, row, size, until),) = found(x)
    assert (place, size, until) == (4, 2.0, None)
    assert abs(row - 1100) <= 2
