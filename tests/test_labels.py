"""Sequences of labels: smoothed, rid of short stays, searched for changes, numbered as before."""

from __future__ import annotations

import itertools
from typing import Any

import acm_rs
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

CALLS = {
    "smooth_labels": lambda labels: acm_rs.smooth_labels(labels, 3),
    "minimum_dwell": lambda labels: acm_rs.minimum_dwell(labels, 3),
    "transients": lambda labels: acm_rs.transients(labels),
    "align_labels": lambda labels: acm_rs.align_labels(labels, labels),
}


def _labels(rows: int, seed: int, regimes: int = 4) -> Any:
    random = np.random.default_rng(seed)
    labels = np.repeat(random.integers(-1, regimes, rows), random.integers(1, 9, rows))[:rows]
    noise = random.random(rows) < 0.1
    labels[noise] = random.integers(-1, regimes, noise.sum())
    return labels


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [1, 2, 3, 8, 25, 2000])
def test_smoothing_never_invents_and_keeps_unknown(window: int, causal: bool) -> None:
    labels = _labels(600, window)
    smooth = acm_rs.smooth_labels(labels, window, causal=causal)
    assert smooth.dtype == np.int64
    assert ((smooth == -1) == (labels == -1)).all()
    ahead = 0 if causal else window // 2
    for row in range(600):
        view = labels[max(0, row - (window - 1 - ahead)) : row + ahead + 1]
        counts = np.bincount(view[view >= 0], minlength=4)
        if labels[row] >= 0:
            assert counts[smooth[row]] == counts.max()
            assert counts[labels[row]] < counts.max() or smooth[row] == labels[row]


def test_causal_labels_do_not_change_when_rows_come() -> None:
    labels = _labels(300, 1)
    whole = acm_rs.smooth_labels(labels, 7, causal=True)
    for rows in (0, 1, 6, 7, 150):
        np.testing.assert_array_equal(acm_rs.smooth_labels(labels[:rows], 7, causal=True), whole[:rows])


@pytest.mark.parametrize("rows", [1, 2, 5, 30])
def test_no_stay_is_too_short(rows: int) -> None:
    labels = _labels(800, rows)
    found = acm_rs.minimum_dwell(labels, rows)
    assert ((found == -1) == (labels == -1)).all()
    known = np.flatnonzero(np.diff(np.concatenate([[-2], found, [-2]])) != 0)
    for start, end in itertools.pairwise(known):
        bounded = (start == 0 or found[start - 1] == -1) and (end == 800 or found[end] == -1)
        assert found[start] == -1 or end - start >= rows or bounded
    np.testing.assert_array_equal(acm_rs.minimum_dwell(found, rows), found)


def test_changes_are_marked() -> None:
    labels = np.repeat([0, 1, -1, 1, -1, 2], [10, 10, 3, 10, 2, 10])
    found = np.flatnonzero(acm_rs.transients(labels, before=2, after=3))
    np.testing.assert_array_equal(found, [8, 9, 10, 11, 12, 31, 32, 33, 34, 35, 36, 37])
    assert not acm_rs.transients(np.zeros(20, dtype=int)).any()


def test_alignment_is_scipys() -> None:
    random = np.random.default_rng(5)
    for seed in range(20):
        reference = _labels(400, seed, 6)
        labels = np.where(random.random(400) < 0.4, random.integers(0, 6, 400), (reference + 2) % 6)
        found = acm_rs.align_labels(reference, labels, min_share=0.0)
        table = np.zeros((6, 6), dtype=int)
        known = reference >= 0
        np.add.at(table, (labels[known], reference[known]), 1)
        places = linear_sum_assignment(table, maximize=True)
        assert (found[known] == reference[known]).sum() == table[places].sum()


def test_new_regimes_get_new_numbers() -> None:
    reference = np.array([3, 3, 3, 8, 8, 8, -1, -1])
    labels = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    np.testing.assert_array_equal(acm_rs.align_labels(reference, labels), [3, 3, 3, 8, 8, 8, 9, 9])


@pytest.mark.parametrize("name", CALLS)
def test_labels_are_taken_as_they_are_or_refused(name: str) -> None:
    call = CALLS[name]
    labels = _labels(50, 3)
    before = labels.copy()
    whole = call(labels)
    np.testing.assert_array_equal(labels, before)
    np.testing.assert_array_equal(call(np.repeat(labels, 2)[::2]), whole)
    np.testing.assert_array_equal(call(labels.astype(np.int8)), whole)
    assert call(labels[:0]).shape == (0,)
    with pytest.raises(TypeError, match="must be a NumPy array of integers, got list"):
        call(labels.tolist())
    with pytest.raises(TypeError, match="integer dtype, got float64"):
        call(labels.astype(float))
    with pytest.raises(ValueError, match="1 dimension"):
        call(labels[None])
    with pytest.raises(ValueError, match="at least -1, got -2"):
        call(labels - 1)


def test_parameters_are_named() -> None:
    labels = np.zeros(5, dtype=int)
    with pytest.raises(ValueError, match="`window` must be a whole number, at least 1"):
        acm_rs.smooth_labels(labels, 0)
    with pytest.raises(ValueError, match="`rows` must be a whole number, at least 1"):
        acm_rs.minimum_dwell(labels, 0)
    with pytest.raises(ValueError, match="`before`"):
        acm_rs.transients(labels, -1)
    with pytest.raises(ValueError, match="`min_share` must be between 0 and 1"):
        acm_rs.align_labels(labels, labels, min_share=2.0)
    with pytest.raises(ValueError, match="length 5, got 4"):
        acm_rs.align_labels(labels, labels[1:])
    with pytest.raises(ValueError, match="1000 different"):
        acm_rs.align_labels(np.arange(1001), np.arange(1001))
