"""Limits of OMR, mixture, AR(1) and forest: of rows that the model has not seen, without what the fit has left out."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
import pytest
from golden import read
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MODELS = ("OMRDetector", "GaussianMixture", "AR1Detector", "IsolationForest")


def related(rows: int, sensors: int, seed: int, noise: float = 0.2) -> Matrix:
    """Sensors of two loads."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(99).normal(size=(2, sensors))
    return random.normal(size=(rows, 2)) @ ways + random.normal(0.0, noise, (rows, sensors))


def fitted(name: str, x: Matrix, **parameters: Any) -> Any:
    """Fit without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(acm_rs, name)(**parameters).fit(x)


def counted(values: Matrix, alpha: float) -> float:
    """The value that a share `alpha` of the next ones exceeds: between those at the places about alpha (n + 1)."""
    falling = np.sort(values)[::-1]
    place = alpha * (len(values) + 1)
    before = int(place)
    return float(falling[before - 1] + (place - before) * (falling[before] - falling[before - 1]))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("rows", "sensors"), [(400, 20), (2000, 6)])
def test_one_healthy_row_in_a_hundred_is_above(name: str, rows: int, sensors: int) -> None:
    """On rows of the same plant that the model has not seen."""
    shares = []
    for seed in range(4):
        model = fitted(name, related(rows, sensors, seed))
        shares.append(np.mean(model.score(related(3000, sensors, 100 + seed)) > model.limit(0.01)))
    assert 0.003 <= np.mean(shares) <= 0.02, shares


@pytest.mark.parametrize("name", MODELS)
def test_codes_in_training_hide_nothing(name: str) -> None:
    """Sixty codes among 2,000 rows: what lies above the limit of the clean fit lies above that of the other."""
    x, later = related(2000, 6, 1), related(2000, 6, 2)
    if name == "IsolationForest":
        later[:1000] *= 3.0
    elif name == "AR1Detector":
        later[:1000:2, 2] += 20.0
    else:
        later[:1000, 2] += 5.0
    model = fitted(name, x)
    clean = np.mean(model.score(later)[:1000] > model.limit())
    x[np.random.default_rng(3).permutation(2000)[:60], 2] = -999.0
    model = fitted(name, x)
    scores = model.score(later)
    assert clean > 0.2
    assert np.mean(scores[:1000] > model.limit()) >= 0.95 * clean
    assert np.mean(scores[1000:] > model.limit()) <= 0.025
    if name == "AR1Detector":
        assert model.left_out_.codes == ((2, -999.0, 60),)


@pytest.mark.parametrize("model", ["ridge", "pca", "pls"])
@pytest.mark.parametrize("rows", [1200, 90])
def test_omr_judges_each_stretch_by_the_others(model: str, rows: int) -> None:
    """Ten fits in NumPy; with 90 rows of 120 sensors from the rows themselves."""
    sensors = 7 if rows > 1000 else 120
    x = related(rows, sensors, 5)
    detector = fitted("OMRDetector", x, model=model, n_components=2, clip=None)
    z = (x - detector.center_) / detector.scale_
    edges = [number * rows // 10 for number in range(11)]
    squares = np.empty(rows)
    for start, end in pairwise(edges):
        others = np.delete(z, slice(start, end), axis=0)
        mean = others.mean(axis=0)
        rest = others - mean
        if model == "ridge":
            inverse = np.linalg.inv(rest.T @ rest + np.eye(sensors))
            back = -inverse / np.diag(inverse)
            np.fill_diagonal(back, 0.0)
        elif model == "pca":
            ways = np.linalg.svd(rest, full_matrices=False)[2][:2]
            back = ways.T @ ways
        else:
            cross_decomposition = pytest.importorskip("sklearn.cross_decomposition")
            pls = cross_decomposition.PLSRegression(2, scale=False).fit(rest, rest)
            back = pls.coef_.T
        about = z[start:end] - mean
        squares[start:end] = ((about - about @ back) ** 2).sum(axis=1)
    alpha = 0.05 if rows > 1000 else 0.3
    # Few rows lean on a fitted law: no more of it than with other arithmetic is needed for a likeness.
    rtol = 1e-6 if rows > 1000 else 0.1
    wanted = np.sqrt(counted(squares, alpha)) / detector.norm_scale_
    np.testing.assert_allclose(detector.limit(alpha), wanted, rtol=rtol)


def test_the_clip_does_not_silence_alarms() -> None:
    """A hundred sensors: healthy rows score about 14, and the clip is 10."""
    x = np.random.default_rng(0).normal(size=(2000, 100))
    for clip in (10.0, 0.5, None):
        detector = fitted("OMRDetector", x, clip=clip)
        far = np.random.default_rng(1).normal(size=(500, 100))
        assert 0.0 < np.mean(detector.score(far) > detector.limit(0.01)) < 0.03
        assert np.all(detector.score(20.0 * far) > detector.limit(1e-9))
        end = detector.score(1e3 * far)
        if clip is not None:
            assert np.all(end == 2.0 * detector.limit(0.01))


def test_one_state_is_the_mean_and_covariance_of_the_other_stretches() -> None:
    """In NumPy; stretches end at multiples of eight rows."""
    rows, sensors, reg = 1600, 4, 1e-2
    x = related(rows, sensors, 8, noise=0.5)
    mixture = fitted("GaussianMixture", x, n_components=1, covariance="full", reg=reg)
    z = (x - mixture.center_) / mixture.scale_
    edges = [number * (rows // 8) // 10 * 8 for number in range(11)]
    surprises = np.empty(rows)
    most = None
    for start, end in [(0, 0), *pairwise(edges)]:
        others = np.delete(z, slice(start, end), axis=0)
        covariance = np.cov(others.T, ddof=0) + reg * np.eye(sensors)
        offset = -0.5 * (sensors * np.log(2.0 * np.pi) + np.linalg.slogdet(covariance)[1])
        if most is None:
            most = offset
        about = z[start:end] - others.mean(axis=0)
        squares = np.einsum("ni,ij,nj->n", about, np.linalg.inv(covariance), about)
        surprises[start:end] = 2.0 * (most - offset) + squares
    assert most is not None
    own = -mixture.score_samples(x)
    median = np.median(own)
    spread = 1.4826 * np.median(np.abs(own - median))
    wanted = (0.5 * counted(surprises, 0.02) - most - median) / spread
    np.testing.assert_allclose(mixture.limit(0.02), wanted, rtol=1e-8)


def test_ar1_counts_its_training_scores() -> None:
    """All but the first row, which has nothing before it."""
    x = np.random.default_rng(4).normal(size=(3000, 3))
    detector = fitted("AR1Detector", x)
    np.testing.assert_allclose(detector.limit(0.02), counted(detector.score(x)[1:], 0.02), rtol=1e-12)


def test_ar1_learns_nothing_from_codes() -> None:
    """A code counts as a missing reading, to the last bit."""
    x = related(1000, 3, 7)
    cells = np.random.default_rng(1).permutation(1000)[:25]
    x[cells, 1] = -999.0
    coded = fitted("AR1Detector", x)
    x[cells, 1] = np.nan
    gaps = fitted("AR1Detector", x)
    for name in ("mu_", "phi_", "sd_"):
        np.testing.assert_array_equal(getattr(coded, name), getattr(gaps, name))
    assert coded.limit() == gaps.limit()
    assert coded.left_out_.readings.tolist() == [0, 25, 0]
    assert gaps.left_out_.readings.tolist() == [0, 0, 0]
    x[cells, 1] = -999.0
    with pytest.warns(UserWarning, match="25 readings of column 1 of `x` .25 at the error code -999"):
        acm_rs.AR1Detector().fit(x)


def test_a_sensor_that_never_moves_has_a_limit() -> None:
    """Nothing departs from what is expected: rounding is no alarm."""
    x = np.full((100, 1), 50.1)
    detector = fitted("AR1Detector", x)
    assert detector.limit() == 1.0
    assert np.all(detector.score(x.astype(np.float32)) < 1.0)


def test_trees_that_have_seen_all_rows_judge_them() -> None:
    """No tree leaves a row aside."""
    x = related(1500, 3, 3)
    forest = fitted("IsolationForest", x, max_samples=1500)
    np.testing.assert_allclose(forest.limit(0.05), counted(forest.score(x), 0.05), rtol=1e-12)


def test_a_forest_of_one_tree_judges_the_rows_that_it_has_not_seen() -> None:
    """Half of the rows at least lie between the extremes of the other half."""
    x = np.random.default_rng(2).normal(size=(2000, 1))
    forest = fitted("IsolationForest", x, n_estimators=400, max_samples=1000)
    assert 0.0 < forest.limit(0.01) - forest.limit(0.02) < 0.1
    assert forest.limit(1e-12) < 1.0


@pytest.mark.parametrize("name", MODELS)
def test_limits_are_saved(name: str) -> None:
    """And asked for before a fit, or of a former file, they are not there."""
    model = getattr(acm_rs, name)()
    with pytest.raises(RuntimeError, match="fit"):
        model.limit()
    model = fitted(name, related(300, 4, 1))
    again = type(model).from_bytes(model.to_bytes())
    assert again == model
    for alpha in (0.2, 0.01, 1e-5):
        assert again.limit(alpha) == model.limit(alpha)
    assert model.limit(0.001) >= model.limit(0.01) > model.limit(0.1)
    for alpha in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="`alpha` must be between 0 and 1"):
            model.limit(alpha)
    with pytest.raises(TypeError, match="`alpha`"):
        model.limit("0.01")


@pytest.mark.parametrize("key", [f"{name} {version}" for name in MODELS for version in (1, 2)])
def test_files_of_former_versions_have_none(key: str) -> None:
    """They say what to do."""
    model = getattr(acm_rs, key.split()[0]).from_bytes(read()[key].data)
    with pytest.raises(ValueError, match="fit it again"):
        model.limit()
