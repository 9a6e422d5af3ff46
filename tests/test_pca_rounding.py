"""Rows rounded more coarsely than those of the training: the statistics by exact moments, and what they are for."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from golden import read
from histories import Floats, same_bytes


def plant(rows: int, seed: int, noise: float = 0.05) -> Floats:
    """Ten sensors of three loads: all but a little of each is told by the others."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(1).normal(size=(3, 10))
    x: Floats = 20.0 + random.normal(size=(rows, 3)) @ ways + random.normal(0.0, noise, (rows, 10))
    return x


@pytest.fixture(scope="module")
def detector() -> acm_rs.PCADetector:
    """Fitted on fine readings."""
    return acm_rs.PCADetector(3, scaling="standard").fit(plant(3000, 0))


def carried(value: Floats, of: tuple[float, float], to: tuple[float, float]) -> Floats:
    """To the same quantile of a multiple of chi squared as it has of another; traces of a matrix and of its square."""
    (mean, freedom), (other, beside) = ((first, first * first / second) for first, second in (of, to))
    z = (np.cbrt(value / mean) - 1.0 + 2.0 / (9.0 * freedom)) / np.sqrt(2.0 / (9.0 * freedom))
    found: Floats = other * (1.0 - 2.0 / (9.0 * beside) + z * np.sqrt(2.0 / (9.0 * beside))) ** 3
    return found


def by_numpy(detector: acm_rs.PCADetector, x: Floats, step: float) -> tuple[Floats, Floats]:
    """SPE and T² where they would stand without the rounding, from the whole matrices."""
    p, variances = detector.components_, detector.explained_variance_
    scaled = (plant(3000, 0) - detector.center_) / detector.scale_
    every = np.linalg.eigvalsh(np.cov(scaled.T))[::-1]
    rest = every[len(variances) :]
    residual, explained = np.eye(10) - p.T @ p, p.T @ np.diag(1.0 / variances) @ p
    noise = np.diag(step**2 / 12.0 / detector.scale_**2)
    z = (x - detector.center_) / detector.scale_ - detector.mean_
    spe, t2 = (np.einsum("ij,jk,ik->i", z, matrix, z) for matrix in (residual, explained))
    rn, gn = residual @ noise, explained @ noise
    of_spe = (
        rest.sum() + np.trace(rn),
        np.square(rest).sum() + 2.0 * rest.mean() * np.trace(rn) + np.trace(rn @ rn),
    )
    of_t2 = 3.0 + np.trace(gn), 3.0 + 2.0 * np.trace(gn) + np.trace(gn @ gn)
    return carried(spe, of_spe, (rest.sum(), np.square(rest).sum())), carried(t2, of_t2, (3.0, 3.0))


@pytest.mark.parametrize("decimals", [0, 1])
def test_the_statistics_stand_where_their_moments_put_them(detector: acm_rs.PCADetector, decimals: int) -> None:
    step = 10.0**-decimals
    x = plant(500, 5).round(decimals)
    assert step in detector.steps_
    own = detector.resolution(x) == step
    assert own.mean() > 0.99
    spe, t2 = by_numpy(detector, x[own], step)
    usual = spe > 0.2 * np.median(spe)
    # Where nearly all sensors read 20 the row lies on tens, too.
    assert np.isclose(detector.spe(x)[own][usual], spe[usual], rtol=1e-6).mean() > 0.97
    usual = t2 > 0.2 * np.median(t2)
    assert np.isclose(detector.t2(x)[own][usual], t2[usual], rtol=1e-6).mean() > 0.97


@pytest.mark.parametrize("lags", [0, 2])
@pytest.mark.parametrize("decimals", [0, 1])
def test_healthy_rows_stay_healthy_and_faults_are_found(lags: int, decimals: int) -> None:
    healthy, found = [], []
    step = 10.0**-decimals
    noise = max(0.02, 0.3 * step)
    for seed in range(4):
        model = acm_rs.PCADetector(3 * (1 + lags), lags=lags).fit(plant(2000, seed, noise))
        fresh = plant(2000, 10 + seed, noise)
        healthy.append(float((model.score(fresh.round(decimals)) > 1.0).mean()))
        fresh[:, seed] += 6.0 * step
        found.append(float((model.score(fresh.round(decimals)) > 1.0).mean()))
    assert np.mean(healthy) < 0.02
    assert np.mean(found) > 0.9


def test_without_it_they_would_alarm(detector: acm_rs.PCADetector) -> None:
    z = (plant(2000, 5).round(0) - detector.center_) / detector.scale_ - detector.mean_
    left = z - z @ detector.components_.T @ detector.components_
    assert (np.square(left).sum(axis=1) > detector.spe_limit_).mean() > 0.9


def test_fine_rows_are_judged_as_ever(detector: acm_rs.PCADetector) -> None:
    """Nor does a sensor that fails at a round value make a row coarse."""
    x = plant(20_000, 7)
    x[::2, 3] = 30.0
    assert not detector.resolution(x).any()
    fine = x[1::2]
    z = (fine - detector.center_) / detector.scale_ - detector.mean_
    left = z - z @ detector.components_.T @ detector.components_
    np.testing.assert_allclose(detector.spe(fine), np.square(left).sum(axis=1), rtol=1e-9)
    assert (detector.score(x)[::2] > 1.0).mean() > 0.9


@pytest.mark.parametrize("lags", [0, 2])
def test_a_row_has_its_bytes_whatever_stands_beside_it(lags: int) -> None:
    """Fine, coarse and incomplete rows among each other, in pieces, one by one and after a restart."""
    detector = acm_rs.PCADetector(3 * (1 + lags), lags=lags).fit(plant(1500, 0))
    x = plant(203, 3)
    x[50:60], x[77::3], x[120] = x[50:60].round(1), x[77::3].round(0), x[120].round(0)
    x[55, 2] = x[99, 7] = np.nan
    x[130] = np.nan
    assert set(detector.resolution(x).tolist()) >= {0.0, 0.1, 1.0}
    scores = detector.score(x)
    pieces = [detector.update(x[start : start + 13]) for start in range(0, 203, 13)]
    same_bytes(np.concatenate(pieces), scores)
    again = acm_rs.PCADetector.from_bytes(acm_rs.PCADetector(3 * (1 + lags), lags=lags).fit(plant(1500, 0)).to_bytes())
    same_bytes(np.concatenate([again.update(x[row : row + 1]) for row in range(203)]), scores)
    np.testing.assert_array_equal(again.steps_, detector.steps_)
    for statistic, values in (("spe", detector.spe(x)), ("t2", detector.t2(x)), ("score", scores)):
        shares = detector.contributions(x, statistic)
        known = np.isfinite(values)
        np.testing.assert_allclose(shares[known].sum(axis=1), values[known], rtol=1e-9, atol=1e-12)
    if lags == 0:
        same_bytes(np.concatenate([detector.score(x[row : row + 1]) for row in range(203)]), scores)
        same_bytes(detector.score(np.asfortranarray(x)), scores)


def test_of_copies_the_residual_is_that_of_rounding_once_they_are_rounded() -> None:
    one = plant(1000, 0)[:, :3]
    detector = acm_rs.PCADetector(3).fit(np.hstack([one, one, 2.0 * one]))
    fresh = plant(400, 4)[:, :3]
    assert (detector.score(np.hstack([fresh, fresh, 2.0 * fresh]).round(2)) > 1.0).mean() < 0.03
    parted = np.hstack([fresh, fresh + 0.5, 2.0 * fresh])
    assert (detector.score(parted) > 1.0).all()
    # And so it is seen that a copy is parted by fifty steps, or five.
    assert (detector.score(parted.round(2)) > 1.0).all()
    slightly = np.hstack([fresh, fresh + np.array([0.05, 0.0, 0.0]), 2.0 * fresh])
    assert (detector.score(slightly.round(2)) > 1.0).mean() > 0.9


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_files_of_former_versions_know_no_steps(version: int) -> None:
    """They judge all rows alike."""
    stored = read()[f"PCADetector {version}"]
    model = acm_rs.PCADetector.from_bytes(stored.data)
    assert model.steps_.size == 0
    assert not model.resolution(np.round(np.asarray(stored.rows), 1)).any()
