"""Rows that are rounded more coarsely than those of the training."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from golden import read
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def plant(rows: int, seed: int, noise: float = 0.002) -> Matrix:
    """Ten sensors of three loads: all but a little of each is told by the others."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(1).normal(size=(3, 10))
    x: Matrix = 20.0 + random.normal(size=(rows, 3)) @ ways + random.normal(0.0, noise, (rows, 10))
    return x


@pytest.fixture(scope="module")
def detector() -> acm_rs.MahalanobisDetector:
    """Fitted on fine readings."""
    return acm_rs.MahalanobisDetector("none").fit(plant(2000, 0))


def by_numpy(detector: acm_rs.MahalanobisDetector, train: Matrix, x: Matrix, step: float) -> Matrix:
    """The squared distance, with the variance of rounding."""
    scaled = (train - detector.center_) / detector.scale_
    away = (x - detector.center_) / detector.scale_ - scaled.mean(axis=0)
    covariance = detector.covariance_ + np.diag(step**2 / 12.0 / detector.scale_**2)
    found: Matrix = np.einsum("ij,ji->i", away, np.linalg.solve(covariance, away.T))
    return found


def test_rounding_is_part_of_the_noise(detector: acm_rs.MahalanobisDetector) -> None:
    """By NumPy; healthy rows stay healthy, and are not without it."""
    limit = detector.limit(0.01)
    for decimals in (0, 1, 2):
        step = 10.0**-decimals
        x = plant(2000, 5).round(decimals)
        assert step in detector.steps_
        assert (detector.resolution(x) == step).mean() > 0.99
        own = detector.resolution(x) == step
        found, exact = detector.score(x)[own], by_numpy(detector, plant(2000, 0), x[own], step)
        # Where nearly all sensors read 20 the row lies on tens, too.
        assert np.isclose(found, exact, rtol=1e-6).mean() > 0.96
        assert (x[own][~np.isclose(found, exact, rtol=1e-6)] == 20.0).mean(axis=1).min(initial=1.0) > 0.2
        assert (detector.score(x) > limit).mean() < 0.02
        assert (by_numpy(detector, plant(2000, 0), x, 0.0) > limit).mean() > 0.4
        # What is large beside the step is still found.
        x[:, 4] += 3.0 * step + 3.0
        assert (detector.score(x) > limit).mean() > 0.95


def test_fine_rows_are_judged_as_ever(detector: acm_rs.MahalanobisDetector) -> None:
    """Nor does a sensor that fails at a round value make a row coarse."""
    x = plant(20_000, 7)
    x[::2, 3] = 20.0
    assert (detector.resolution(x) == 0.0).all()
    fine = x[1::2]
    np.testing.assert_allclose(detector.score(fine), by_numpy(detector, plant(2000, 0), fine, 0.0), rtol=1e-6)
    assert (detector.score(x)[::2] > detector.limit(0.001)).mean() > 0.9


@pytest.mark.parametrize("step", [0.005, 0.01, 0.02])
@pytest.mark.parametrize("sensors", [(4,), (0, 4, 9)])
def test_sensors_that_are_rounded_by_themselves_do_not_alarm(sensors: tuple[int, ...], step: float) -> None:
    """By NumPy, with the noise of each step on its sensor alone; whoever is finer is judged as ever."""
    train = plant(3000, 0)
    detector = acm_rs.MahalanobisDetector("none").fit(train)
    x = plant(3000, 5)
    x[:, sensors] = (x[:, sensors] / step).round() * step
    scores, limit = detector.score(x), detector.limit(0.01)
    assert (scores > limit).mean() < 0.02
    assert step < 0.02 or (by_numpy(detector, train, x, 0.0) > limit).mean() > 0.04
    about = detector.scale_ / np.sqrt(np.diag(np.linalg.inv(detector.covariance_)))
    steps = np.array([tenth * 10.0**power for power in range(-5, 0) for tenth in (1.0, 2.0, 5.0)])
    scaled = (train - detector.center_) / detector.scale_
    for row in range(200):
        covariance = detector.covariance_.copy()
        for sensor in range(10):
            least, most = np.sqrt(12.0 * 0.01 * 10.0) * about[sensor], 12.0 * about[sensor]
            lies = [
                one
                for one in steps[(steps >= least) & (steps <= most)]
                if abs(x[row, sensor] / one - round(x[row, sensor] / one)) < 1e-9
            ]
            covariance[sensor, sensor] += max(lies, default=0.0) ** 2 / 12.0 / detector.scale_[sensor] ** 2
        away = (x[row] - detector.center_) / detector.scale_ - scaled.mean(axis=0)
        assert scores[row] == pytest.approx(away @ np.linalg.solve(covariance, away), rel=1e-6)
    shares = detector.contributions(x)
    np.testing.assert_allclose(shares.sum(axis=1), scores, rtol=1e-9)
    np.testing.assert_array_equal(np.concatenate([detector.update(row[None]) for row in x[:300]]), scores[:300])
    again = acm_rs.MahalanobisDetector.from_bytes(detector.to_bytes())
    np.testing.assert_array_equal(again.score(x), scores)
    # A fault of such a sensor shows as before, and so does one that reads the same round value, or none.
    for fault in (x + 0.1 * np.eye(10)[4], np.where(np.arange(10) == 4, 20.0, x), np.where(np.arange(10) == 4, 0.0, x)):
        assert (detector.score(fault) > limit).mean() > 0.95


@pytest.mark.parametrize(("step", "judged"), [(0.02, 0.1), (0.05, 0.1), (0.1, 0.1)])
def test_fifths_and_halves_count_as_the_next_power_of_ten(step: float, judged: float) -> None:
    """Of enough sensors: a fifth says less than a tenth."""
    random = np.random.default_rng(2)
    ways = random.normal(size=(3, 30))
    x = 20.0 + random.normal(size=(1500, 3)) @ ways + random.normal(0.0, 0.03, (1500, 30))
    detector = acm_rs.MahalanobisDetector().fit(x[:1000])
    assert (detector.resolution((x[1000:] / step).round() * step) == judged).mean() > 0.95


@pytest.mark.parametrize("lags", [0, 2])
def test_a_row_has_its_bytes_whatever_stands_beside_it(lags: int) -> None:
    """Fine, coarse and incomplete rows among each other, in pieces, one by one and after a restart."""
    detector = acm_rs.MahalanobisDetector("none", lags).fit(plant(1500, 0))
    x = plant(203, 3)
    x[50:60], x[77::3], x[120] = x[50:60].round(1), x[77::3].round(2), x[120].round(0)
    x[55, 2] = x[99, 7] = np.nan
    x[130] = np.nan
    steps = detector.resolution(x)
    assert set(steps.tolist()) >= {0.0, 0.01, 0.1}
    scores, shares = detector.score(x), detector.contributions(x)
    pieces = [detector.update(x[start : start + 13]) for start in range(0, 203, 13)]
    np.testing.assert_array_equal(np.concatenate(pieces), scores)
    again = acm_rs.MahalanobisDetector.from_bytes(
        acm_rs.MahalanobisDetector("none", lags).fit(plant(1500, 0)).to_bytes()
    )
    np.testing.assert_array_equal(np.concatenate([again.update(x[row : row + 1]) for row in range(203)]), scores)
    np.testing.assert_array_equal(again.steps_, detector.steps_)
    known = np.isfinite(scores)
    np.testing.assert_allclose(shares[known].sum(axis=1), scores[known], rtol=1e-9)
    if lags == 0:
        np.testing.assert_array_equal(np.concatenate([detector.score(x[row : row + 1]) for row in range(203)]), scores)
        np.testing.assert_array_equal(detector.score(np.asfortranarray(x)), scores)


def test_what_was_as_coarse_in_training_tells_nothing() -> None:
    """Readings in hundredths stay what they are; tenths are told."""
    detector = acm_rs.MahalanobisDetector().fit(plant(1500, 0, 0.02).round(2))
    assert (detector.resolution(plant(4000, 4, 0.02).round(2)) == 0.0).mean() > 0.999
    assert 0.01 not in detector.steps_
    assert (detector.resolution(plant(400, 4, 0.02).round(1)) == 0.1).mean() > 0.95


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_files_of_former_versions_know_no_steps(version: int) -> None:
    """They judge all rows alike."""
    stored = read()[f"MahalanobisDetector {version}"]
    model = acm_rs.MahalanobisDetector.from_bytes(stored.data)
    assert model.steps_.size == 0
    assert not model.resolution(np.round(np.asarray(stored.rows), 1)).any()
