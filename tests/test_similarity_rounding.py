"""Rows that are rounded more coarsely than those of the training."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def plant(rows: int, seed: int) -> Matrix:
    """Ten sensors of two loads, along bent ways, each with a little noise of its own."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(1).normal(size=(2, 10))
    loads = random.uniform(-1.0, 1.0, (rows, 2))
    x: Matrix = 50.0 + 2.0 * loads @ ways + 0.5 * (loads[:, :1] * ways[0]) ** 2 + random.normal(0.0, 0.02, (rows, 10))
    return x


@pytest.fixture(scope="module")
def detector() -> acm_rs.SimilarityDetector:
    """Fitted on fine readings."""
    return acm_rs.SimilarityDetector(smoothing=(1.0, 0.1)).fit(plant(3000, 0))


def test_rounding_is_part_of_the_noise(detector: acm_rs.SimilarityDetector) -> None:
    """Healthy rows stay healthy, and would not if what judges fine rows judged them; faults are still found."""
    fine = (detector.score(plant(3000, 5)) > 1.0).mean()
    assert fine < 0.02
    for decimals, fault in ((1, 0.6), (0, 3.0)):
        step = 10.0**-decimals
        assert step in detector.steps_
        x = plant(3000, 5).round(decimals)
        assert (detector.resolution(x) == step).mean() > 0.98
        assert (detector.score(x) > 1.0).mean() < 0.02
        # A step that is no power of ten is taken for finer readings.
        shifted = x + 0.37 * step * 0.01
        assert (detector.resolution(shifted) == 0.0).all()
        assert (detector.score(shifted) > 1.0).mean() > 0.3
        x[1000:, 4] += round(fault / step) * step
        assert (detector.score(x)[1050:] > 1.0).mean() > 0.8


def test_fine_rows_are_judged_as_ever(detector: acm_rs.SimilarityDetector) -> None:
    """Nor does a sensor that fails at a round value make a row coarse."""
    x = plant(5000, 7)
    x[::2, 3] = 60.0
    assert (detector.resolution(x) == 0.0).all()
    assert (detector.score(x)[::2] > 1.0).mean() > 0.9


def test_rows_of_any_steps_side_by_side(detector: acm_rs.SimilarityDetector) -> None:
    """Whole, in pieces and with gaps the same bytes; contributions sum to the score; files keep the steps."""
    x = plant(900, 9)
    x[100:300] = x[100:300].round(1)
    x[300:500:2] = x[300:500:2].round(0)
    x[500:700:3] = x[500:700:3].round(1)
    x[np.random.default_rng(3).random(x.shape) < 0.02] = np.nan
    assert set(detector.resolution(x).tolist()) == {0.0, 0.1, 1.0}
    whole = detector.score(x)
    for pieces in ((3, 250, 251, 600), range(1, 900, 37)):
        live = acm_rs.SimilarityDetector.from_bytes(detector.to_bytes())
        found = np.concatenate([live.update(part) for part in np.split(x, list(pieces))])
        np.testing.assert_array_equal(found, whole)
    contributions = detector.contributions(x)
    above = whole > 0.0
    np.testing.assert_allclose(contributions[above].sum(axis=1), whole[above], rtol=1e-9, atol=1e-12)
    again = acm_rs.SimilarityDetector.from_bytes(detector.to_bytes())
    np.testing.assert_array_equal(again.steps_, detector.steps_)
    np.testing.assert_array_equal(again.score(x), whole)


def test_rounded_training_rows_know_their_step() -> None:
    detector = acm_rs.SimilarityDetector().fit(plant(3000, 0).round(1))
    assert 0.1 not in detector.steps_
    x = plant(2000, 4).round(1)
    # A few lie on a coarser one by chance.
    assert (detector.resolution(x) > 0.0).mean() < 0.01
    assert (detector.score(x) > 1.0).mean() < 0.02
