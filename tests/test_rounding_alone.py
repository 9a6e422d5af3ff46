"""Few sensors that are rounded more coarsely than those of the training, each by itself: by whole matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats, same_bytes

NOISE = 0.2


def plant(rows: int, seed: int) -> Floats:
    """Eight sensors of two loads, away from zero, each with noise of its own."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(1).normal(size=(2, 8)) + np.sign(np.random.default_rng(2).normal(size=(2, 8)))
    x: Floats = 40.37 + random.normal(size=(rows, 2)) @ ways + random.normal(0.0, NOISE, (rows, 8))
    return x


def coarse(x: Floats, sensors: list[int], step: float) -> Floats:
    """The same with the readings of some sensors rounded."""
    found = x.copy()
    found[:, sensors] = (found[:, sensors] / step).round() * step
    return found


def steps_of(value: float, least: float, most: float) -> float:
    """The coarsest step of 1, 2 or 5 times a power of ten between these that a reading lies on; 0 for none."""
    every = [tenth * 10.0**power for power in range(-6, 4) for tenth in (1.0, 2.0, 5.0)]
    return max((s for s in every if least <= s <= most and abs(value / s - round(value / s)) < 1e-9), default=0.0)


def noise_of(row: Floats, about: Floats, scale: Floats, least: Floats | None = None) -> Floats:
    """The variance of what is rounded away from each reading, scaled: of steps that matter beside what others leave."""
    if least is None:
        least = np.sqrt(12.0 * 0.01 * len(row)) * about
    most = np.minimum(12.0 * about, 3.0 * scale)
    steps = np.array([steps_of(*one) for one in zip(row, least, most, strict=True)])
    found: Floats = steps**2 / 12.0 / scale**2
    return found


KINDS: dict[str, Callable[[], Any]] = {
    "pca": lambda: acm_rs.PCADetector(2),
    "omr ridge": lambda: acm_rs.OMRDetector("ridge"),
    "omr pls": lambda: acm_rs.OMRDetector("pls", n_components=2),
    "mixture full": lambda: acm_rs.GaussianMixture(1, covariance="full"),
    "mixture of two": lambda: acm_rs.GaussianMixture(2, covariance="full"),
    "similarity": acm_rs.SimilarityDetector,
}


def limit_of(model: Any) -> float:
    """What one healthy row in a hundred exceeds."""
    return 1.0 if isinstance(model, acm_rs.PCADetector) else float(model.limit(0.01))


@pytest.mark.parametrize("kind", KINDS)
def test_sensors_that_are_rounded_by_themselves_do_not_alarm(kind: str) -> None:
    """Nor are faults lost: of the others, and of these."""
    model = KINDS[kind]().fit(plant(3000, 0))
    limit, x = limit_of(model), plant(3000, 5)
    fine = (model.score(x) > limit).mean()
    assert fine < 0.02
    # Larger steps move what the remembered rows let expect of all sensors.
    steps = (1.0,) if kind == "similarity" else (1.0, 2.0)
    for sensors in ([1], [1, 4], [0, 3, 6]):
        for step in steps:
            rounded = coarse(x, sensors, step)
            assert (model.score(rounded) > limit).mean() < 0.03, (sensors, step)
            other, own = rounded.copy(), rounded.copy()
            other[:, 2] += 2.5
            own[:, sensors[0]] += 4.0 * step
            plain = x.copy()
            plain[:, 2] += 2.5
            assert (model.score(other) > limit).mean() > 0.85 * (model.score(plain) > limit).mean(), (sensors, step)
            assert (model.score(own) > limit).mean() > 0.6, (sensors, step)


@pytest.mark.parametrize("kind", KINDS)
def test_rounded_rows_are_the_same_bytes_however_they_come(kind: str) -> None:
    model = KINDS[kind]().fit(plant(1500, 0))
    x = coarse(plant(400, 5), [1, 4], 1.0)
    x[::7, 3] = np.nan
    x[::5] = plant(80, 9)
    scores, shares = model.score(x), model.contributions(x)
    assert np.isfinite(scores).all()
    same_bytes(model.score(np.asfortranarray(x)), scores)
    same_bytes(model.contributions(np.asfortranarray(x)), shares)
    again = type(model).from_bytes(model.to_bytes())
    same_bytes(again.score(x), scores)
    same_bytes(np.concatenate([again.update(row[None]) for row in x]), scores)


def test_pca_has_the_statistics_of_the_covariance_with_the_noise() -> None:
    """SPE by the pseudo-inverse of the residual's covariance, T² by the scores' own; shares sum to each."""
    train = plant(3000, 0)
    model = acm_rs.PCADetector(2, scaling="standard").fit(train)
    x = coarse(plant(300, 5), [1, 4], 1.0)
    p, variances = model.components_, model.explained_variance_
    scaled = (train - model.center_) / model.scale_
    rest = np.linalg.eigvalsh(np.cov(scaled.T))[:-2].mean()
    residual = np.eye(8) - p.T @ p
    precision = p.T @ np.diag(1.0 / variances) @ p + residual / rest
    about = model.scale_ / np.sqrt(np.diag(precision))
    # What raises the two statistics by less than a tenth together does not matter.
    power = np.diag(p.T @ np.diag(1.0 / variances) @ p) / 2 + np.diag(residual) / (6 * rest)
    least = model.scale_ * np.sqrt(12.0 * 0.1 / power)
    spe, t2, told = model.spe(x), model.t2(x), 0
    for row, found, other in zip(x, spe, t2, strict=True):
        noise = noise_of(row, about, model.scale_, least)
        told += noise.any()
        z = (row - model.center_) / model.scale_ - model.mean_
        spread = rest * residual + residual @ np.diag(noise) @ residual
        assert found == pytest.approx(rest * z @ residual @ np.linalg.pinv(spread, 1e-9) @ residual @ z, rel=1e-8)
        assert other == pytest.approx((p @ z) @ np.linalg.solve(np.diag(variances) + p @ np.diag(noise) @ p.T, p @ z))
    assert told > 290
    for decomposition in ("partial", "complete"):
        for statistic, values in (("spe", spe), ("t2", t2), ("score", model.score(x))):
            shares = model.contributions(x, statistic, decomposition)
            np.testing.assert_allclose(shares.sum(axis=1), values, rtol=1e-8)


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_a_mixture_has_the_density_of_the_covariance_with_the_noise(covariance: Any) -> None:
    """Scores and shares by NumPy; log densities stay those of the rows as they are."""
    model = acm_rs.GaussianMixture(2, covariance=covariance).fit(plant(3000, 0))
    x = coarse(plant(300, 5), [1, 4], 1.0 if covariance == "full" else 10.0)
    fine = plant(300, 5)
    matrices = np.array([np.diag(one) if covariance == "diag" else one for one in model.covariances_])
    weights, means = model.weights_, model.means_
    inverse = np.linalg.inv(matrices)
    about = model.scale_ * np.sqrt(sum(w / np.diag(one) for w, one in zip(weights, inverse, strict=True)))

    def standing(row: Floats, noise: Floats) -> tuple[float, Floats]:
        z = (row - model.center_) / model.scale_ - means
        wide = matrices + np.diag(noise)
        pulled = np.linalg.solve(wide, z[..., None])[..., 0]
        squares = (z * pulled).sum(axis=1)
        offset = np.log(weights) - 0.5 * (8 * np.log(2 * np.pi) + np.linalg.slogdet(matrices)[1])
        widened = np.linalg.slogdet(wide)[1] - np.linalg.slogdet(matrices)[1]
        logs = offset - 0.5 * (widened + squares)
        share = np.exp(logs - logs.max())
        share /= share.sum()
        value = (share * (offset - 0.5 * squares)).sum() - (share * np.log(share)).sum()
        return -value, (share[:, None] * z * pulled).sum(axis=0)

    noises = np.array([noise_of(row, about, model.scale_) for row in x])
    assert (noises.any(axis=1)).mean() > 0.9
    exact = [standing(row, noise) for row, noise in zip(x, noises, strict=True)]
    plain = [standing(row, np.zeros(8))[0] for row in fine]
    found, ordinary = model.score(x), model.score(fine)
    # Scores are standings from one level, in one unit: those of fine rows give both.
    unit, level = np.polyfit(plain, ordinary, 1)
    np.testing.assert_allclose(found, unit * np.array([one[0] for one in exact]) + level, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(model.contributions(x), [one[1] for one in exact], rtol=1e-6, atol=1e-8)
    z = (x - model.center_) / model.scale_
    logs = [
        np.log(weight)
        - 0.5
        * (
            8 * np.log(2 * np.pi)
            + np.linalg.slogdet(one)[1]
            + np.einsum("ij,jk,ik->i", z - mean, np.linalg.inv(one), z - mean)
        )
        for weight, mean, one in zip(weights, means, matrices, strict=True)
    ]
    np.testing.assert_allclose(model.score_samples(x), np.logaddexp(*logs), rtol=1e-9)


@pytest.mark.parametrize("kind", ["omr ridge", "omr pls"])
def test_omr_explains_what_rounding_may(kind: str) -> None:
    """The residual without the likeliest rounding, and that in its own unit; brought to where complete rows stand."""
    train = plant(3000, 0)
    model = KINDS[kind]().fit(train)
    x = coarse(plant(200, 5), [1, 4], 1.0)
    scaled = (train - model.center_) / model.scale_
    a = np.eye(8) - model.coefficients_
    squares = np.square(scaled @ a - (scaled @ a).mean(axis=0))
    variances = np.sqrt(0.5 * squares.var(axis=0))
    mean, freedom = variances.sum(), variances.sum() ** 2 / np.square(variances).sum()
    firm = 0.0
    if kind == "omr pls":
        share = min(mean / 8, 0.5)
        firm = share / (1 - share) * model.n_components_ / 8
    own = variances / np.diag(a)
    about = model.scale_ * np.sqrt(own / np.diag(a))
    least = model.scale_ * np.sqrt(12.0 * 0.1 * mean / np.square(a).sum(axis=1))
    told = 0
    for row, score in zip(x, model.score(x), strict=True):
        noise = noise_of(row, about, model.scale_, least)
        (h,) = noise.nonzero()
        z = (row - model.center_) / model.scale_ - scaled.mean(axis=0)
        inner = a[np.ix_(h, h)] + np.diag(own[h] / noise[h] + firm)
        gain = -np.linalg.solve(inner.T, (z @ a)[h])
        residual = z @ a + gain @ a[h]
        square = np.square(residual).sum() + (own[h] * gain**2 / noise[h]).sum()
        back = np.linalg.solve(inner, a[h])
        lost = np.einsum("hj,hj,h->j", back, a[h], own[h])
        left = np.maximum(variances - np.maximum(lost, 0.0), 0.0).sum() + (own[h] * back[range(len(h)), h]).sum()
        fewer = max(freedom * left / mean, 1.0)
        if len(h):
            root = (np.cbrt(square / left) - 1 + 2 / (9 * fewer)) / np.sqrt(2 / (9 * fewer))
            square = mean * (1 - 2 / (9 * freedom) + root * np.sqrt(2 / (9 * freedom))) ** 3
            told += 1
        assert score == pytest.approx(np.sqrt(square) / model.norm_scale_, rel=2e-3)
    assert told > 190
