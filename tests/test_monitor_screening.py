"""Wrong instruments in the training: found, told, not learnt from, and no regime of their own."""

from __future__ import annotations

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.monitor.screening import belied
from numpy.typing import NDArray

from benchmarks.detection_sets import Loads

Matrix = NDArray[np.float64]
NONE = np.zeros((1500, 0))


def rows(count: int = 1500, seed: int = 3, loads: int = 2) -> Matrix:
    return 20.0 + Loads(np.random.default_rng(seed), 6, loads).rows(count)


def spoilt(first: int, end: int, sensors: list[int]) -> tuple[Matrix, NDArray[np.bool_]]:
    """A history in which some sensors read 5 too much for a while."""
    x = rows()
    wrong = np.zeros(x.shape, bool)
    wrong[first:end, sensors] = True
    x[wrong] += 5.0
    return x, wrong


def test_readings_that_the_others_belie_are_those_that_were_spoilt() -> None:
    x, wrong = spoilt(700, 820, [4])
    found = belied(x - np.median(x, axis=0), NONE)
    np.testing.assert_array_equal(found, wrong)
    # A gap elsewhere in such a row changes nothing.
    x[700:820:7, 1] = np.nan
    np.testing.assert_array_equal(belied(x - np.nanmedian(x, axis=0), NONE), wrong)


def test_nothing_is_wrong_in_a_clean_history() -> None:
    x = rows()
    assert not belied(x - np.median(x, axis=0), NONE).any()


@pytest.mark.parametrize(
    ("first", "end", "sensors"),
    [(0, 120, [4]), (1380, 1500, [4]), (700, 820, [1, 2, 4]), (700, 705, [4])],
    ids=["from the first row", "to the last row", "half of the sensors", "few rows"],
)
def test_what_may_be_the_machine_is_left(first: int, end: int, sensors: list[int]) -> None:
    x, _ = spoilt(first, end, sensors)
    assert not belied(x - np.median(x, axis=0), NONE).any()


def test_what_a_state_explains_is_not_wrong() -> None:
    x = rows()
    valve = np.zeros((1500, 1))
    valve[700:820] = 1.0
    x[:, 4] += 5.0 * valve[:, 0]
    assert belied(x - np.median(x, axis=0), NONE).any()
    assert not belied(x - np.median(x, axis=0), valve).any()


@pytest.mark.parametrize("shift", [2.0, 5.0], ids=["a part of a regime", "a regime by itself"])
def test_a_wrong_instrument_does_not_blind_and_is_told(shift: float) -> None:
    x = rows(4000)
    x[700:850, 4] += shift
    late = x[2500:].copy()
    late[1000:, 4] += 5.0
    monitor = Monitor().fit(x[:1500])
    alarms = monitor.score(late).alarms
    assert alarms[:1000].mean() <= 0.02
    assert alarms[1020:].mean() > 0.95
    told = "x4: 150 readings that the other sensors belie (rows 700 to 849)"
    assert told in monitor.summary()
    assert any(told in one for one in monitor.warnings_)
    assert monitor._fitted()[1].regimes.counts == [1500]
