"""Error codes of a logger that is out, and of a sensor that often is."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs import Monitor
from numpy.typing import NDArray

from benchmarks.detection_sets import Loads

Matrix = NDArray[np.float64]


def history(rows: int, seed: int) -> Matrix:
    return 20.0 + Loads(np.random.default_rng(1), 6, 2).rows(4000)[seed : seed + rows]


def outages(rows: int, share: float, seed: int = 2) -> NDArray[np.bool_]:
    """Blocks of 25 rows, a tenth of them a single row."""
    random = np.random.default_rng(seed)
    found = np.zeros(rows, bool)
    while found.mean() < share:
        first = int(random.integers(0, rows - 25))
        found[first : first + (1 if random.random() < 0.1 else 25)] = True
    return found


@pytest.mark.parametrize("code", [-9999.0, 32767.0, -500.0])
@pytest.mark.parametrize("share", [0.01, 0.08])
def test_a_logger_that_is_out_is_no_state_of_the_machine(code: float, share: float) -> None:
    x = history(2000, 0)
    x[outages(2000, share)] = code
    monitor = Monitor().fit(x)
    assert f"error codes {code:g}" in monitor.summary()
    rows = history(1500, 2000)
    out = outages(1500, 0.05, 3)
    rows[out] = code
    healthy = monitor.score(rows)
    assert healthy.alarms.mean() <= 0.02
    assert not healthy.alarms[out].any()
    assert not any("stale" in one for one in healthy.remarks)
    rows[700:1100, 3] = np.where(out[700:1100], code, rows[700:1100, 3] + 2.0)
    wrong = monitor.score(rows)
    assert wrong.alarms[720:1100][~out[720:1100]].mean() > 0.9
    culprit = max(wrong.found, key=lambda one: one.end - one.start).culprits[0]
    assert culprit.name == "x3"
    # The means hold no code.
    assert 15.0 < culprit.expects < culprit.reads < 30.0


@pytest.mark.parametrize("share", [0.15, 0.4])
@pytest.mark.parametrize("sensors", [[2], [0, 1, 2, 3, 4, 5]])
def test_what_historians_write_is_a_code_however_often(share: float, sensors: list[int]) -> None:
    x = history(2000, 0)
    x[np.ix_(outages(2000, share), sensors)] = -9999.0
    monitor = Monitor().fit(x)
    rows = history(1500, 2000)
    rows[np.ix_(outages(1500, share, 5), sensors)] = -9999.0
    assert monitor.score(rows).alarms.mean() <= 0.02
    rows = history(1500, 2000)
    rows[700:, 3] += 2.0
    assert monitor.score(rows).alarms[720:].mean() > 0.9


def test_a_logger_that_is_out_later_only() -> None:
    monitor = Monitor().fit(history(2000, 0))
    rows = history(1500, 2000)
    out = outages(1500, 0.05, 3)
    rows[out] = -9999.0
    found = monitor.score(rows)
    assert found.alarms.mean() <= 0.02
    assert not found.alarms[out].any()


def test_a_state_that_is_far_off_is_no_outage() -> None:
    x = history(2000, 0)
    cleaning = outages(2000, 0.08)
    x[cleaning] = 300.0 + np.random.default_rng(1).normal(size=(2000, 6))[cleaning]
    assert "error code" not in Monitor().fit(x).summary()


def test_valves_that_open_together_are_no_outage() -> None:
    random = np.random.default_rng(6)
    x = 50.0 + Loads(random, 10, 2).rows(3000)
    opened = np.arange(3000) % 270 < 12
    x[:, :4] = 30.0 + random.normal(size=(3000, 4))
    x[np.ix_(opened, range(4))] = 100.0
    assert "error code" not in Monitor().fit(x).summary()


@pytest.mark.parametrize("value", [999.0, 9999.0, 65535.0, -9999.0, 1000.0])
def test_a_column_that_always_reads_a_code_is_a_constant(value: float) -> None:
    x = np.column_stack([history(2000, 0), np.full(2000, value)])
    monitor = Monitor().fit(x)
    assert f"constant ({value:g})" in monitor.summary()
    rows = np.column_stack([history(400, 2000), np.full(400, value)])
    rows[200:, 6] = 12.0
    assert monitor.score(rows).alarms[203:].mean() > 0.9


@pytest.mark.parametrize("others", [950.0, 1.0])
def test_set_points_and_states_may_be_a_code(others: float) -> None:
    x = np.column_stack([history(2000, 0), np.where(np.arange(2000) % 500 < 450, 999.0, others)])
    assert "error code" not in Monitor().fit(x).summary()


def test_why_a_sensor_with_few_readings_is_left_out() -> None:
    with pytest.raises(ValueError, match="x0: 5 readings, where at least 20 are needed"):
        Monitor().fit(history(5, 0))
    monitor = Monitor(limits={"x1": (500.0, 600.0)}).fit(history(400, 0))
    assert monitor.left_out_["x1"] == "beyond its limits in 100 % of the rows"
    x = history(400, 0)
    x[:390, 2] = np.nan
    assert Monitor().fit(x).left_out_["x2"] == "missing in 98 % of the rows"


@pytest.mark.parametrize("share", [0.7, 0.9])
def test_codes_in_most_rows_are_codes_and_no_spikes(share: float) -> None:
    x = history(2000, 0)
    gone = np.random.default_rng(3).random(len(x)) < share
    x[gone, 2] = -9999.0
    monitor = Monitor().fit(x)
    told = f"2: {int(gone.sum()):,} error codes -9999"
    assert told in " ".join(monitor.summary().split())
    assert "spike" not in monitor.summary()
    rows = history(1500, 2000)
    rows[np.random.default_rng(4).random(len(rows)) < share, 2] = -9999.0
    assert monitor.score(rows).alarms.mean() <= 0.02
    if share < 0.8:
        assert monitor.left_out_ == {}
        rows[700:, 2] += np.where(rows[700:, 2] > -9999.0, 3.0, 0.0)
        assert monitor.score(rows).alarms[720:].mean() > 0.5
    else:
        assert monitor.left_out_ == {"x2": f"error codes in {100.0 * gone.mean():.0f} % of the rows"}
        assert any(line.startswith("not watched: x2 (error codes in") for line in monitor.warnings_)
