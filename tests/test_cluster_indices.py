"""Silhouettes and indices of clusterings: scikit-learn's numbers, and right where its distances are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics as peers
from scipy.spatial.distance import cdist

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

SCORES = ("silhouette_score", "calinski_harabasz_score", "davies_bouldin_score")
SHAPES = pytest.mark.parametrize(
    ("n", "d", "k"), [(3, 1, 2), (10, 2, 3), (128, 3, 2), (129, 1, 7), (500, 20, 4), (700, 5, 60), (1100, 2, 1000)]
)


def clouds(n: int, d: int, k: int, seed: int = 0) -> tuple[Floats, Labels]:
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(k), random.integers(0, k, n - k)])
    random.shuffle(labels)
    centers = random.normal(0.0, 3.0, (k, d))
    return centers[labels] + random.normal(0.0, 1.0, (n, d)), labels


def exact_silhouettes(x: Floats, labels: Labels) -> Floats:
    """From SciPy's distances, which are direct differences."""
    distances = cdist(x, x)
    found = np.zeros(len(x))
    for i, own in enumerate(labels):
        same = labels == own
        if same.sum() == 1:
            continue
        a = distances[i, same].sum() / (same.sum() - 1)
        b = min(distances[i, labels == other].mean() for other in set(labels) - {own})
        found[i] = (b - a) / max(a, b)
    return found


def exact_davies_bouldin(x: Floats, labels: Labels) -> float:
    """From SciPy's distances."""
    kinds = np.unique(labels)
    centers = np.stack([x[labels == kind].mean(axis=0) for kind in kinds])
    widths = np.array([cdist(x[labels == kind], centers[i : i + 1]).mean() for i, kind in enumerate(kinds)])
    distances = cdist(centers, centers)
    np.fill_diagonal(distances, np.inf)
    return float(((widths[:, None] + widths) / distances).max(axis=1).mean())


@SHAPES
def test_scikit_learn_agrees(n: int, d: int, k: int) -> None:
    x, labels = clouds(n, d, k)
    theirs = peers.silhouette_samples(x, labels)
    np.testing.assert_allclose(acm_rs.silhouette_samples(x, labels), theirs, rtol=1e-10, atol=1e-10)
    for name in SCORES:
        ours, theirs = getattr(acm_rs, name)(x, labels), getattr(peers, name)(x, labels)
        assert isinstance(ours, float)
        # Where its product form brings close centres out of place, SciPy's distances decide.
        exact = exact_davies_bouldin(x, labels) if name.startswith("davies") else theirs
        np.testing.assert_allclose(ours, exact, rtol=1e-10, err_msg=name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, err_msg=name)


def test_far_from_zero_the_differences_decide() -> None:
    x, labels = clouds(200, 4, 3)
    # What is left of them at 1e8, moved back: the same numbers to the last bit.
    far = x * 1e-3 + 1e8
    near = far - 1e8
    ours = acm_rs.silhouette_samples(far, labels)
    np.testing.assert_allclose(ours, exact_silhouettes(near, labels), rtol=0, atol=1e-13)
    assert np.abs(peers.silhouette_samples(far, labels) - ours).max() > 0.1
    for name in SCORES:
        np.testing.assert_allclose(getattr(acm_rs, name)(far, labels), getattr(peers, name)(near, labels), rtol=1e-10)


@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**-500, 2.0**400, 2.0**1000])
def test_the_unit_does_not_matter(scale: float) -> None:
    x, labels = clouds(150, 3, 4)
    for name in SCORES:
        np.testing.assert_allclose(
            getattr(acm_rs, name)(x * scale, labels), getattr(acm_rs, name)(x, labels), rtol=1e-13
        )


def test_any_integers_are_labels() -> None:
    x, labels = clouds(90, 3, 3)
    ours = acm_rs.silhouette_samples(x, labels)
    for other in (labels * 7 - 10**15, 2 - labels, (labels - 1).astype(np.int8), labels.astype(np.uint16)):
        np.testing.assert_allclose(acm_rs.silhouette_samples(x, other), ours, rtol=0, atol=1e-15)
        assert acm_rs.davies_bouldin_score(x, other) == pytest.approx(acm_rs.davies_bouldin_score(x, labels), rel=1e-14)
    noise = np.where(labels == 0, -1, labels)
    np.testing.assert_allclose(ours, peers.silhouette_samples(x, noise), rtol=1e-10, atol=1e-12)
    strided = np.repeat(labels, 2)[::2]
    assert np.array_equal(acm_rs.silhouette_samples(x, strided), ours)


def test_only_rows_and_equal_rows() -> None:
    x = np.array([0.0, 1.0, 5.0, 7.0, 100.0])
    labels = np.array([0, 0, 1, 1, 2])
    found = acm_rs.silhouette_samples(x, labels)
    np.testing.assert_allclose(found, [5 / 6, 4 / 5, 2.5 / 4.5, 4.5 / 6.5, 0.0], rtol=1e-15)
    same = np.full((6, 2), 0.1)
    halves = np.array([0, 0, 0, 1, 1, 1])
    assert not acm_rs.silhouette_samples(same, halves).any()
    assert acm_rs.calinski_harabasz_score(same, halves) == 1.0
    assert acm_rs.davies_bouldin_score(same, halves) == 0.0
    tight = halves[:, None] * 0.1
    # scikit-learn says 1e32: its mean of three tenths is none of them.
    assert acm_rs.calinski_harabasz_score(tight, halves) == 1.0
    assert acm_rs.calinski_harabasz_score(tight * 5, halves) == peers.calinski_harabasz_score(tight * 5, halves) == 1.0
    assert acm_rs.davies_bouldin_score(tight, halves) == 0.0
    assert (acm_rs.silhouette_samples(tight, halves) == 1.0).all()


@pytest.mark.parametrize("k", [3, 800])
def test_layouts_threads_and_dtypes_change_no_byte(k: int) -> None:
    narrow, labels = clouds(1500, 6, k)
    narrow = narrow.astype(np.float32)
    x = narrow.astype(np.float64)
    names = ("silhouette_samples", *SCORES)
    whole = [getattr(acm_rs, name)(x, labels) for name in names]
    before = acm_rs.get_num_threads()
    try:
        for threads in (1, 2, 5):
            acm_rs.set_num_threads(threads)
            for other in (narrow, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x[::-1].copy()[::-1]):
                other.flags.writeable = False
                for name, expected in zip(names, whole, strict=True):
                    assert np.array_equal(getattr(acm_rs, name)(other, labels), expected)
    finally:
        acm_rs.set_num_threads(before)


def test_a_sample_stands_for_all() -> None:
    x, labels = clouds(3000, 4, 3)
    whole = acm_rs.silhouette_score(x, labels)
    assert whole == pytest.approx(acm_rs.silhouette_samples(x, labels).mean(), rel=1e-13)
    part = acm_rs.silhouette_score(x, labels, sample_size=1000)
    assert part == acm_rs.silhouette_score(x, labels, sample_size=1000, seed=17)
    assert part != acm_rs.silhouette_score(x, labels, 1000, 18)
    assert part == pytest.approx(whole, abs=0.05)
    assert acm_rs.silhouette_score(x, labels, sample_size=10**6) == whole


@pytest.mark.parametrize("name", ["silhouette_samples", *SCORES])
@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (lambda x, _: (x, np.zeros(20, dtype=int)), ValueError, "`labels` must be of at least 2 kinds .* got 1"),
        (lambda x, _: (x, np.arange(20)), ValueError, "`labels` must be of at least 2 kinds .* got 20"),
        (lambda x, labels: (x, labels[1:]), ValueError, "`labels` must have length 20, got 19"),
        (lambda x, labels: (x, labels[:, None]), ValueError, "`labels` must have 1 dimension, got 2"),
        (lambda x, labels: (x, labels.astype(float)), TypeError, "`labels` must have an integer dtype, got float64"),
        (lambda x, labels: (x, labels.tolist()), TypeError, "`labels` must be a NumPy array of integers, got list"),
        (lambda x, labels: (x, np.ma.masked_array(labels)), TypeError, "masked"),
        (lambda x, labels: (x.tolist(), labels), TypeError, "`x` must be a NumPy array"),
        (lambda x, labels: (x[:, :0], labels), ValueError, "`x` must have at least 1 column"),
        (lambda x, labels: (x[:0], labels[:0]), ValueError, "`labels` must be of at least 2 kinds .* got 0"),
        (lambda x, labels: (np.where(x == x[3, 1], np.nan, x), labels), ValueError, "`x` must have no missing values"),
        (lambda x, labels: (np.where(x == x[3, 1], np.inf, x), labels), ValueError, "`x` must have no missing values"),
    ],
)
def test_what_is_wrong_is_told(name: str, change: Callable[..., Any], error: type[Exception], match: str) -> None:
    x, labels = clouds(20, 3, 4)
    with pytest.raises(error, match=match):
        getattr(acm_rs, name)(*change(x, labels))


@pytest.mark.parametrize("keywords", [{"sample_size": 0}, {"sample_size": 2.5}, {"seed": -1}, {"sample_size": True}])
def test_samples_are_checked(keywords: dict[str, Any]) -> None:
    x, labels = clouds(20, 3, 4)
    (name,) = keywords
    with pytest.raises(ValueError, match=f"`{name}` must be a whole number"):
        acm_rs.silhouette_score(x, labels, **keywords)
