"""How many clusters there are, and when there are none."""

from __future__ import annotations

from typing import Any

import acm_rs
import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

SINGLE = {
    "uniform": lambda random: random.random((400, 3)),
    "normal": lambda random: random.standard_normal((400, 4)),
    "long": lambda random: random.standard_normal((400, 3)) * [20.0, 1.0, 0.1],
    "heavy tails": lambda random: random.standard_t(3, (400, 3)),
    "skewed": lambda random: random.exponential(1.0, (400, 2)),
}


def _blobs(sizes: list[int], seed: int, offset: float = 0.0) -> Any:
    random = np.random.default_rng(seed)
    centers = 12.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1]])
    parts = [random.standard_normal((size, 3)) + center for size, center in zip(sizes, centers, strict=False)]
    return np.vstack(parts) + offset


@pytest.mark.parametrize("kind", SINGLE)
def test_single_clouds_have_one_cluster(kind: str) -> None:
    ones = [acm_rs.choose_k(SINGLE[kind](np.random.default_rng(seed)), k_max=4).k == 1 for seed in range(20)]
    assert sum(ones) >= 18, kind


@pytest.mark.parametrize("method", ["silhouette", "bic"])
@pytest.mark.parametrize("sizes", [[150] * 2, [100] * 3, [80] * 4, [60] * 5, [60] * 6, [400, 40], [300, 60, 30]])
def test_separate_blobs_are_counted(sizes: list[int], method: Any) -> None:
    for seed in range(3):
        found = acm_rs.choose_k(_blobs(sizes, seed), method=method)
        assert found.k == len(sizes), (found.silhouette, found.bic)
        assert not found.one_cluster


def test_the_elbow_is_at_the_blobs() -> None:
    for k in (2, 3, 4):
        assert acm_rs.choose_k(_blobs([100] * k, k), method="elbow").k == k


def test_offsets_change_nothing() -> None:
    assert acm_rs.choose_k(_blobs([100] * 3, 0, 1e9) * 1e-3).k == 3


def test_the_scores_are_those_of_scikit_learn() -> None:
    x = _blobs([100] * 4, 7)
    found = acm_rs.choose_k(x, 2, 5, n_init=10)
    np.testing.assert_array_equal(found.ks, [2, 3, 4, 5])
    for place, k in enumerate(found.ks):
        theirs = KMeans(int(k), n_init=20, random_state=0).fit(x)
        assert found.inertia[place] <= theirs.inertia_ * 1.001
    theirs = KMeans(4, n_init=10, random_state=0).fit(x)
    assert found.silhouette[2] == pytest.approx(silhouette_score(x, theirs.labels_), rel=1e-10)


def test_the_gap_is_numpys() -> None:
    x = _blobs([120] * 3, 1)
    found = acm_rs.choose_k(x, 1, 4)
    centered = x - x.mean(axis=0)
    along = centered @ np.linalg.svd(centered, full_matrices=False)[2].T
    random = np.random.default_rng(0)
    logs = np.empty((20, 4))
    for row in logs:
        box = along.min(axis=0) + random.random(along.shape) * np.ptp(along, axis=0)
        row[:] = [np.log(KMeans(k, n_init=3, random_state=0).fit(box).inertia_) for k in range(1, 5)]
    own = [np.log(KMeans(k, n_init=5, random_state=0).fit(x).inertia_) for k in range(1, 5)]
    # Both are means of few random samples.
    error = 4.0 * np.hypot(logs.std(axis=0), found.gap_error) / np.sqrt(10)
    assert (np.abs(found.gap - (logs.mean(axis=0) - own)) < error + 0.02).all()
    assert np.isnan(found.silhouette[0])


def test_missing_values_layouts_and_threads() -> None:
    x = _blobs([300] * 3, 2)
    x[::17, 1] = np.nan
    x[5, 0] = np.inf
    whole = acm_rs.choose_k(x)
    assert whole.k == 3
    before = acm_rs.get_num_threads()
    try:
        for threads, form in ((1, x), (2, np.asfortranarray(x)), (3, np.repeat(x, 2, axis=0)[::2])):
            acm_rs.set_num_threads(threads)
            found = acm_rs.choose_k(form)
            for name in ("k", "ks", "silhouette", "inertia", "bic", "gap", "gap_error"):
                np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))
    finally:
        acm_rs.set_num_threads(before)


def test_edges() -> None:
    assert acm_rs.choose_k(np.zeros((50, 2))).k == 1
    assert acm_rs.choose_k(np.random.default_rng(0).standard_normal((4, 2))).k == 1
    assert acm_rs.choose_k(_blobs([50, 50], 0)[:, 0]).k == 2
    assert repr(acm_rs.choose_k(np.zeros((5, 1)), 2, 3)) == "ClusterChoice(k=1, ks=[2, 3])"


def test_parameters_are_named() -> None:
    x = _blobs([20, 20], 0)
    for wrong, text in (
        ({"k_max": 1}, "`k_max` must be at least `k_min`"),
        ({"k_min": 0}, "`k_min`"),
        ({"sample_size": 5}, "`sample_size` must be above `k_max`"),
        ({"n_init": 0}, "`n_init`"),
        ({"method": "guess"}, "`method` must be one of"),
    ):
        with pytest.raises(ValueError, match=text):
            acm_rs.choose_k(x, **wrong)
    with pytest.raises(ValueError, match="`x` must have at least 2 rows, got 1"):
        acm_rs.choose_k(x[:1])
    with pytest.raises(ValueError, match="`x` must have a known value"):
        acm_rs.choose_k(np.full((9, 2), np.nan))
