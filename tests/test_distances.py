"""Distances between rows: SciPy's numbers, and right where the product form is not."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.metrics.pairwise import pairwise_distances as sklearn_distances

Floats = npt.NDArray[np.float64]

NAMES = {"euclidean": "euclidean", "sqeuclidean": "sqeuclidean", "manhattan": "cityblock", "cosine": "cosine"}
METRICS = pytest.mark.parametrize("metric", NAMES)
SHAPES = pytest.mark.parametrize(
    ("n", "m", "d"), [(1, 1, 1), (5, 3, 2), (64, 64, 7), (33, 200, 3), (200, 33, 50), (257, 129, 1), (40, 9, 300)]
)


def points(n: int, d: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(1.0, 2.0, (n, d))


def exact_euclidean(a: Floats, b: Floats) -> float:
    square = sum(((Fraction(x) - Fraction(y)) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True)), Fraction(0))
    # 200 bits of the root, whatever the magnitude.
    shift = 200 - (square.numerator.bit_length() - square.denominator.bit_length()) // 2 if square else 0
    root = isqrt(int(square * Fraction(4) ** shift))
    return float(Fraction(root) / Fraction(2) ** shift)


@METRICS
@SHAPES
def test_scipy_and_scikit_learn_agree(metric: str, n: int, m: int, d: int) -> None:
    x, y = points(n, d, 1), points(m, d, 2)
    ours = acm_rs.pairwise_distances(x, y, metric=metric)
    exact = cdist(x, y, NAMES[metric])
    np.testing.assert_allclose(ours, exact, rtol=1e-13, atol=1e-15)
    theirs = sklearn_distances(x, y, metric=metric)
    # Its product form is off by more where points are close together.
    assert (np.abs(ours - theirs) <= 1e-10 * np.abs(exact) + np.abs(theirs - exact) + 1e-15).all()
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-7 if metric == "euclidean" else 1e-13)
    own = acm_rs.pairwise_distances(x, metric=metric)
    np.testing.assert_allclose(own, cdist(x, x, NAMES[metric]), rtol=1e-12, atol=1e-15)


@METRICS
def test_of_one_array_is_symmetric_with_zeros_on_the_diagonal(metric: str) -> None:
    x = points(301, 6)
    x[7] = 0.0
    own = acm_rs.pairwise_distances(x, metric=metric)
    assert np.array_equal(own, own.T)
    assert not own.diagonal().any()
    both = acm_rs.pairwise_distances(x, x, metric=metric)
    np.fill_diagonal(both, 0.0)
    assert np.array_equal(own, both)


def test_close_points_far_from_zero_keep_their_digits() -> None:
    x = 1e8 + points(40, 5) * 1e-3
    ours = acm_rs.pairwise_distances(x)
    for i in range(0, 40, 7):
        for j in range(40):
            exact = exact_euclidean(x[i], x[j])
            assert abs(ours[i, j] - exact) <= 4e-16 * exact
    # The product form has lost every digit.
    theirs = sklearn_distances(x)
    assert np.count_nonzero(theirs) < 1600 - 40 or np.abs(theirs / np.where(ours, ours, 1) - 1).max() > 0.5
    np.testing.assert_allclose(ours, cdist(x, x), rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-310, 1e-250, 1e-160, 1e-80, 1e80, 1e150, 1e160, 1e300])
def test_every_magnitude_is_right(scale: float) -> None:
    x = points(12, 4) * scale
    y = x[::-1] * 0.75
    ours = acm_rs.pairwise_distances(x, y)
    index, distance = acm_rs.nearest(x, y)
    for i in range(12):
        exact = [exact_euclidean(x[i], y[j]) for j in range(12)]
        # A denormal has an absolute error of half its unit.
        np.testing.assert_allclose(ours[i], exact, rtol=5e-16, atol=5e-324)
        assert index[i] == np.argmin(ours[i])
        assert distance[i] == ours[i].min()


def test_a_small_distance_beside_a_huge_value() -> None:
    x = np.array([[1e300, 1.0], [1e300, 3.0], [-1e300, 1.0], [1e300, 1.0 + 1e-12]])
    ours = acm_rs.pairwise_distances(x)
    assert ours[0, 1] == 2.0
    assert ours[0, 2] == 2e300
    assert ours[0, 3] == x[3, 1] - 1.0
    assert np.isinf(acm_rs.pairwise_distances(np.array([[1.7e308], [-1.7e308]]))[0, 1])


def test_small_angles_keep_their_digits() -> None:
    x = np.array([[1.0, 0.0], [1.0, 1e-10], [3e200, 4e200], [-6e-200, -8e-200]])
    ours = acm_rs.pairwise_distances(x, metric="cosine")
    np.testing.assert_allclose(ours[0, 1], 0.5e-20, rtol=1e-9)
    np.testing.assert_allclose(ours[0, 2:], [0.4, 1.6], rtol=1e-15)
    np.testing.assert_allclose(ours[2, 3], 2.0, rtol=1e-15)
    assert ours.max() <= 2.0


def test_a_row_of_zeros_has_no_direction() -> None:
    x = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    theirs = sklearn_distances(x, metric="cosine")
    assert np.array_equal(acm_rs.pairwise_distances(x, metric="cosine"), [[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    np.testing.assert_allclose(theirs, [[0, 1, 1], [1, 0, 1], [1, 1, 0]], atol=1e-15)


@METRICS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_with_a_missing_value_has_no_distance(metric: str, value: float) -> None:
    x, y = points(30, 4, 3), points(20, 4, 4)
    clean = acm_rs.pairwise_distances(x, y, metric=metric)
    x[11, 2], y[5, 0] = value, value
    ours = acm_rs.pairwise_distances(x, y, metric=metric)
    missing = np.zeros((30, 20), dtype=bool)
    missing[11], missing[:, 5] = True, True
    assert np.array_equal(np.isnan(ours), missing)
    assert np.array_equal(ours[~missing], clean[~missing])
    own = acm_rs.pairwise_distances(x, metric=metric)
    assert np.isnan(own[11]).all()
    assert np.isnan(own).sum() == 59


@METRICS
def test_float32_comes_back_as_float32(metric: str) -> None:
    x, y = points(50, 5, 5).astype(np.float32), points(20, 5, 6).astype(np.float32)
    wide = acm_rs.pairwise_distances(x.astype(np.float64), y.astype(np.float64), metric=metric)
    ours = acm_rs.pairwise_distances(x, y, metric=metric)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, wide.astype(np.float32))
    mixed = acm_rs.pairwise_distances(x, y.astype(np.float64), metric=metric)
    assert mixed.dtype == np.float64
    assert np.array_equal(mixed, wide)
    assert acm_rs.pairwise_distances(x, metric=metric).dtype == np.float32


LAYOUTS: dict[str, Callable[[Floats], Floats]] = {
    "fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "window": lambda x: np.pad(x, 3)[3:-3, 3:-3],
}


@pytest.mark.parametrize("layout", LAYOUTS)
@METRICS
def test_layouts_threads_and_pieces_change_no_byte(metric: str, layout: str) -> None:
    x, y = points(700, 9, 7), points(90, 9, 8)
    kept = x.copy()
    whole = acm_rs.pairwise_distances(x, y, metric=metric)
    own = acm_rs.pairwise_distances(x, metric=metric)
    index, distance = acm_rs.nearest(x, y)
    before = acm_rs.get_num_threads()
    try:
        for threads in (1, 3):
            acm_rs.set_num_threads(threads)
            other = LAYOUTS[layout](x)
            other.flags.writeable = False
            assert np.array_equal(acm_rs.pairwise_distances(other, LAYOUTS[layout](y), metric=metric), whole)
            assert np.array_equal(acm_rs.pairwise_distances(other, metric=metric), own)
            pair = acm_rs.nearest(other, LAYOUTS[layout](y))
            assert np.array_equal(pair[0], index)
            assert np.array_equal(pair[1], distance)
    finally:
        acm_rs.set_num_threads(before)
    for rows in (slice(0, 1), slice(13, 200), slice(699, 700)):
        assert np.array_equal(acm_rs.pairwise_distances(x[rows], y, metric=metric), whole[rows])
        assert np.array_equal(acm_rs.nearest(x[rows], y)[1], distance[rows])
    assert np.array_equal(x, kept)


@SHAPES
def test_the_nearest_is_scikit_learns(n: int, m: int, d: int) -> None:
    x, centers = points(n, d, 9), points(m, d, 10)
    index, distance = acm_rs.nearest(x, centers)
    theirs, far = pairwise_distances_argmin_min(x, centers)
    assert index.dtype == np.int64
    assert np.array_equal(index, theirs)
    np.testing.assert_allclose(distance, far, rtol=1e-10, atol=1e-10)
    every = acm_rs.pairwise_distances(x, centers)
    assert np.array_equal(distance, every.min(axis=1))


def test_of_centres_equally_far_the_first_wins() -> None:
    centers = np.array([[5.0, 5.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    index, distance = acm_rs.nearest(np.zeros((20, 2)), centers)
    assert (index == 1).all()
    assert (distance == 1.0).all()
    assert acm_rs.nearest(centers, centers)[0].tolist() == [0, 1, 2, 3, 1]


def test_the_nearest_of_missing_values() -> None:
    x = np.array([[0.0, 0.0], [np.nan, 0.0], [9.0, np.inf]])
    index, distance = acm_rs.nearest(x, np.array([[np.nan, 0.0], [3.0, 4.0]]))
    assert index.tolist() == [1, -1, -1]
    assert distance[0] == 5.0
    assert np.isnan(distance[1:]).all()
    assert (acm_rs.nearest(x, np.full((2, 2), np.inf))[0] == -1).all()


def test_lines_and_empty_arrays() -> None:
    x = np.array([1.0, 4.0, 9.0])
    assert np.array_equal(acm_rs.pairwise_distances(x), np.abs(x[:, None] - x))
    assert acm_rs.nearest(x, np.array([5.0]))[1].tolist() == [4.0, 1.0, 4.0]
    none = np.empty((0, 3))
    assert acm_rs.pairwise_distances(none).shape == (0, 0)
    assert acm_rs.pairwise_distances(none, np.ones((4, 3))).shape == (0, 4)
    assert acm_rs.pairwise_distances(np.ones((4, 3)), none).shape == (4, 0)
    assert [part.shape for part in acm_rs.nearest(none, np.ones((4, 3)))] == [(0,), (0,)]


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda f, _: f([[1.0]]), TypeError, "`x` must be a NumPy array"),
        (lambda f, x: f(x.astype(np.int64)), TypeError, "`x` must have dtype"),
        (lambda f, x: f(x, [[1.0]]), TypeError, "`y` must be a NumPy array"),
        (lambda f, x: f(x, x[:, :2]), ValueError, r"`y` must have shape \(4, 3\), got \(4, 2\)"),
        (lambda f, x: f(x[:, :0]), ValueError, "`x` must have at least 1 column"),
        (lambda f, x: f(x, metric="chebyshev"), ValueError, "`metric` must be one of"),
        (lambda f, x: f(x, metric=2), TypeError, "`metric` must be one of"),
        (lambda f, x: f(np.ma.masked_array(x)), TypeError, "masked"),
        (lambda _, x: acm_rs.nearest(x, x[:0]), ValueError, "`centers` must have at least 1 row"),
        (lambda _, x: acm_rs.nearest(x, x[:, :1]), ValueError, r"`centers` must have shape \(4, 3\)"),
        (lambda _, x: acm_rs.nearest(x, None), TypeError, "`centers` must be a NumPy array"),
    ],
)
def test_what_is_wrong_is_told(call: Callable[..., Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call(acm_rs.pairwise_distances, points(4, 3))


def test_a_result_without_room_is_a_memory_error() -> None:
    x = np.broadcast_to(np.zeros((1, 1)), (1 << 31, 1))
    with pytest.raises(MemoryError):
        acm_rs.pairwise_distances(x)
