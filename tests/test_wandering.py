"""Short histories of sensors that do not come back to where they were, and of those that do."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats

KINDS: dict[str, Callable[[], Any]] = {
    "pca": lambda: acm_rs.PCADetector(2),
    "mahalanobis": acm_rs.MahalanobisDetector,
    "omr": acm_rs.OMRDetector,
    "mixture": lambda: acm_rs.GaussianMixture(2, covariance="full"),
    "similarity": acm_rs.SimilarityDetector,
    "regimes": acm_rs.RegimeDetector,
    "fused": acm_rs.FusedDetector,
}


def history(rows: int, sensors: int, seed: int, memory: float) -> Floats:
    """Sensors that go their own ways, each with this memory: of 1 a random walk."""
    steps = np.random.default_rng(seed).normal(size=(rows + 500, sensors))
    x = np.empty_like(steps)
    level = np.zeros(sensors)
    for row, step in enumerate(steps):
        level = memory * level + step
        x[row] = level
    return x[500:] if memory < 1.0 else x[:rows]


@pytest.mark.parametrize("kind", KINDS)
def test_random_walks_are_told_by_name_with_the_rate_to_expect(kind: str) -> None:
    told = 0
    for seed in range(10):
        x = history(800, 6, seed, 1.0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = KINDS[kind]().fit(x[:400])
        said = [str(one.message) for one in caught if "wander: neither half" in str(one.message)]
        assert bool(said) == model.wandering_.any()
        if not said:
            continue
        told += 1
        columns = np.flatnonzero(model.wandering_).tolist()
        assert said[0].startswith(f"columns {columns} of `x` wander: " if len(columns) > 1 else f"columns {columns} ")
        assert f"{100 * model.expected_false_alarms_:.0f} % of healthy rows may" in said[0]
        assert 0.01 <= model.expected_false_alarms_ <= 1.0
        again = type(model).from_bytes(model.to_bytes())
        assert again == model
        assert (again.wandering_ == model.wandering_).all()
        assert again.expected_false_alarms_ == model.expected_false_alarms_
    assert told >= 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("rows", "memory"), [(400, 0.0), (400, 0.9), (1500, 0.9)])
def test_what_comes_back_is_not_accused(kind: str, rows: int, memory: float) -> None:
    accused = [seed for seed in range(12) if KINDS[kind]().fit(history(rows, 6, seed, memory)).wandering_.any()]
    assert accused == []


def test_limits_are_widened_for_what_wanders() -> None:
    """Above them are as few rows of either half by a model of the other as should be; those of steady rows stay."""
    x = history(800, 6, 3, 1.0)
    for kind in ("omr", "mixture", "mahalanobis"):
        with pytest.warns(UserWarning, match="limits are widened, and"):
            wide = KINDS[kind]().fit(x[:400])
        shuffled = x[:400][np.random.default_rng(0).permutation(400)]
        steady = KINDS[kind]().fit(shuffled)
        assert not steady.wandering_.any()
        assert wide.limit(0.01) > 1.5 * steady.limit(0.01), kind


def test_the_fused_detector_is_widened_by_what_its_whole_score_leaves() -> None:
    x = history(800, 6, 3, 1.0)
    with pytest.warns(UserWarning, match="limits are widened, and"):
        wide = acm_rs.FusedDetector().fit(x[:400])
    first = acm_rs.FusedDetector(whole=False).fit(x[:400])
    assert not first.wandering_.any()
    assert first.expected_false_alarms_ == first.false_alarm_rate == 0.01
    assert (wide.limits_[:5] > 1.2 * first.limits_).all()
    assert (wide.score(x[400:]) > 1.0).mean() < (first.score(x[400:]) > 1.0).mean()


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"regimes"}))
def test_one_step_in_the_training_is_told_by_its_row_and_size(kind: str) -> None:
    """Both levels are learnt as healthy then, and faults hide between them."""
    random = np.random.default_rng(5)
    x = random.standard_normal((2000, 2)) @ random.standard_normal((2, 6)) + 0.3 * random.standard_normal((2000, 6))
    x[1200:, 3] += 15.0
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        KINDS[kind]().fit(x)
    steps = [str(one.message) for one in told if "steps by" in str(one.message)]
    assert len(steps) == 1
    assert re.match(r"column 3 of `x` steps by \+1[45]\.\d in row 1200 and stays there: ", steps[0])
    # A walk has no step.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        KINDS[kind]().fit(history(2000, 4, 3, 1.0))
    assert not [one for one in told if "steps by" in str(one.message)]
