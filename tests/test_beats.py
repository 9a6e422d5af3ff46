"""Machines with a beat of their own: of long histories some rows are looked at, which must not all be of one phase."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import pytest
from acm_rs.fillers import SOME, many_codes, some_of
from numpy.typing import NDArray


def machine(rows: int, beat: int, seed: int) -> NDArray[np.float64]:
    """Five sensors that come back to each of `beat` states in turn."""
    states = 6.0 * np.random.default_rng(9).normal(size=(beat, 5))
    return states[np.arange(rows) % beat] + 0.5 * np.random.default_rng(seed).normal(size=(rows, 5))


@pytest.mark.parametrize(
    ("rows", "beat"),
    # Beats at the distances that rows would be taken at: 20,000, 16,384 and 2,500 of them.
    [(100_000, 5), (100_000, 7), (60_000, 24)],
)
@pytest.mark.parametrize("detector", [acm_rs.MahalanobisDetector, acm_rs.SimilarityDetector, acm_rs.IsolationForest])
def test_healthy_rows_of_all_phases_stay_below_the_limit(detector: Callable[[], Any], rows: int, beat: int) -> None:
    model = detector().fit(machine(rows, beat, 0))
    scores = model.score(machine(10_000, beat, 1))
    over = np.mean(np.asarray(scores) > model.limit(0.01))
    assert over < 0.02


@pytest.mark.parametrize(("rows", "beat"), [(100_000, 5), (200_000, 10)])
def test_a_phase_is_no_bad_rows(rows: int, beat: int) -> None:
    x = np.random.default_rng(0).normal(size=(rows, 6))
    x[np.arange(rows) % beat == 0] += 8.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = acm_rs.MahalanobisDetector().fit(x)
    assert len(model.left_out_.rows) < 0.005 * rows


@pytest.mark.parametrize("size", [SOME - 1, SOME, 2 * SOME - 1, 2 * SOME, 12_345, 100_000, 719_999])
def test_some_of_many_are_at_least_as_many_as_asked_for_in_all_phases(size: int) -> None:
    found = some_of(np.arange(size), SOME)
    assert min(size, SOME) <= len(found) <= size
    step = size // SOME
    assert step < 2 or np.array_equal(found // step, np.arange(size // step))
    for beat in {10, 24, 144, max(step - 1, 2), max(step, 2), step + 1}:
        assert len(np.unique(found % beat)) > 0.6 * beat, beat


def test_a_code_that_comes_in_every_fifth_row_is_told() -> None:
    x = np.random.default_rng(3).normal(size=(100_000, 2))
    x[1::5, 1] = -999.0
    assert many_codes(x) == [(1, -999.0, 0.2)]
