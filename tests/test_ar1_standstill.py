"""AR(1) of machines that stand still: running rows by where they run, still rows by what they read then."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from histories import Floats, same_bytes
from numpy.typing import NDArray

Marks = NDArray[np.bool_]


def plant(seed: int, share: float, level: float, rows: int = 3000, memory: float = 0.5) -> tuple[Floats, Marks]:
    """Four sensors that run about a level and read exactly 0 in a share of the rows; which rows those are."""
    random = np.random.default_rng(seed)
    steps = random.normal(size=(rows, 4))
    x = np.empty_like(steps)
    now = np.zeros(4)
    for row, step in enumerate(steps):
        now = memory * now + step
        x[row] = level + now
    still = np.zeros(rows, dtype=bool)
    row = 0
    while row < rows:
        run = int(random.integers(50, 150))
        rest = int(run * share / (1.0 - share))
        still[row + run : row + run + rest] = True
        row += run + rest
    x[still] = 0.0
    return x, still


@pytest.mark.filterwarnings("ignore:left out of the fit")
@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.8])
@pytest.mark.parametrize("level", [10.0, 100.0, 1000.0])
def test_running_rows_are_judged_by_where_they_run(share: float, level: float) -> None:
    """Level, memory and scale as without standstill; spikes found and named, healthy rows and starts not alarmed."""
    for seed in range(4):
        train, _ = plant(seed, share, level)
        x, still = plant(100 + seed, share, level)
        detector = acm_rs.AR1Detector().fit(train)
        np.testing.assert_allclose(detector.mu_, level, atol=0.3)
        np.testing.assert_allclose(detector.phi_, 0.5, atol=0.12)
        np.testing.assert_allclose(detector.sd_, 1.0, atol=0.15)
        limit = detector.limit(0.01)
        alarms = detector.score(x) > limit
        assert not alarms[still].any()
        assert alarms[~still].mean() < 0.02
        first = ~still & np.r_[False, still[:-1]]
        assert alarms[first].mean() < 0.1
        rows = np.random.default_rng(seed).choice(np.flatnonzero(~still & ~first), 100, replace=False)
        faulty = x.copy()
        faulty[rows, 1] += 20.0
        assert (detector.score(faulty)[rows] > limit).mean() >= 0.98
        assert (detector.contributions(faulty)[rows].argmax(axis=1) == 1).mean() > 0.97
        # A sensor that fails and reads what it reads at standstill, and one that moves at standstill.
        dead, moving = x.copy(), x.copy()
        dead[:, 2] = 0.0
        moving[still, 3] = 20.0
        assert (detector.score(dead)[~still] > limit).mean() > (0.99 if level > 10.0 else 0.3)
        assert (detector.score(moving)[still] > limit).all()


def test_sensors_that_shut_by_themselves_are_no_standstill() -> None:
    """Two valves that open and shut independently have no state in common."""
    random = np.random.default_rng(0)
    x = 10.0 + random.normal(size=(2000, 3))
    for valve in range(2):
        x[np.repeat(random.random(40) < 0.3, 50), valve] = 0.0
    detector = acm_rs.AR1Detector().fit(x)
    assert (detector.phi_[:2] > 0.8).all()
    assert abs(detector.phi_[2]) < 0.1


def test_such_histories_have_their_bytes_however_they_come() -> None:
    train, _ = plant(0, 0.5, 100.0)
    x, _ = plant(1, 0.5, 100.0, rows=500)
    x[np.random.default_rng(0).random(x.shape) < 0.05] = np.nan
    x[200:203] = np.nan
    detector = acm_rs.AR1Detector().fit(train)
    scores = detector.score(x)
    same_bytes(detector.score(np.asfortranarray(x)), scores)
    again = acm_rs.AR1Detector.from_bytes(detector.to_bytes())
    assert again == detector
    same_bytes(again.score(x), scores)
    same_bytes(np.concatenate([again.update(row[None]) for row in x]), scores)
    live = acm_rs.AR1Detector.from_bytes(detector.to_bytes())
    pieces = [live.update(part) for part in np.split(x, [7, 8, 201, 300])]
    same_bytes(np.concatenate(pieces), scores)
