"""AR(1) against its plain NumPy form."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from histories import Floats, plant


def _fit(values: Floats, phi_cap: float = 0.999, sd_floor: float = 1e-6) -> tuple[float, float, float]:
    known = values[np.isfinite(values)]
    mu = np.median(known)
    c = np.where(np.isfinite(values), values, np.nan) - mu
    before, now = c[:-1], c[1:]
    both = ~np.isnan(before) & ~np.isnan(now)
    before, now = before[both], now[both]
    phi = 0.0
    if len(known) >= 3 and before.any():
        phi = float(np.clip(np.sum(now * before) / np.sum(before**2), -phi_cap, phi_cap))
    r = now - phi * before
    return mu, phi, max(1.4826 * float(np.median(np.abs(r - np.median(r)))), sd_floor)


def _deviations(x: Floats, phi: Floats, mu: Floats, sd: Floats) -> Floats:
    """Prediction over as many rows as the latest known value is old, with its variance summed up row by row."""
    z = np.full(x.shape, np.nan)
    for column in range(x.shape[1]):
        ahead, variance = 0.0, sd[column] ** 2 / (1.0 - phi[column] ** 2)
        for row, value in enumerate(x[:, column] - mu[column]):
            if row:
                ahead *= phi[column]
                variance = sd[column] ** 2 + phi[column] ** 2 * variance
            if np.isfinite(value):
                z[row, column] = abs(value - ahead) / np.sqrt(variance) if row else 0.0
                ahead, variance = value, 0.0
    return z


def _residuals(x: Floats, phi: Floats, mu: Floats) -> Floats:
    clean = np.where(np.isfinite(x), x, np.nan)
    c = clean - mu
    before = np.vstack([np.full(x.shape[1], np.nan), np.where(np.isnan(c), 0.0, c)[:-1]])
    r = c - phi * before
    r[0] = np.where(np.isnan(c[0]), np.nan, 0.0)
    return r


@pytest.mark.parametrize("gaps", [0.0, 0.1])
@pytest.mark.parametrize("offset", [0.0, 1e9])
@pytest.mark.parametrize("fuse", ["mean", "median", "p95"])
def test_it_is_the_plain_form(fuse: str, offset: float, gaps: float) -> None:
    train, x = plant(900, 7, gaps=gaps) + offset, plant(300, 7, seed=3, gaps=gaps) + offset
    detector = acm_rs.AR1Detector(fuse=fuse).fit(train)
    mu, phi, sd = np.array([_fit(column) for column in train.T]).T
    assert (detector.mu_ == mu).all()
    np.testing.assert_allclose(detector.phi_, phi, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(detector.sd_, sd, rtol=1e-10)
    z = _deviations(x, phi, mu, sd)
    fused = {"mean": np.nanmean, "median": np.nanmedian, "p95": lambda z, axis: np.nanpercentile(z, 95, axis=axis)}
    np.testing.assert_allclose(detector.score(x), fused[fuse](z, axis=1), rtol=1e-10)
    np.testing.assert_allclose(detector.contributions(x), np.nan_to_num(z), rtol=1e-10)
    np.testing.assert_allclose(acm_rs.ar1_residuals(x, phi, mu), _residuals(x, phi, mu), rtol=1e-10, atol=1e-12)


def test_white_noise_is_scored_too() -> None:
    # Zeros wherever most coefficients are tiny would hide the fault.
    random = np.random.default_rng(5)
    train, x = random.standard_normal((4000, 6)), random.standard_normal((200, 6))
    x[100, 2] = 12.0
    detector = acm_rs.AR1Detector().fit(train)
    assert detector.score(x).argmax() == 100
    assert detector.contributions(x)[100].argmax() == 2


def test_a_sensor_that_is_read_every_other_row_is_fitted_too() -> None:
    x = plant(900, 2)
    x[1::2, 0] = np.nan
    detector = acm_rs.AR1Detector().fit(x)
    assert detector.used_.all()
    assert (detector.phi_[0], detector.sd_[0]) == pytest.approx(_fit(x[::2, 0])[1:], rel=1e-10)


def test_after_gaps_as_many_rows_are_beyond_the_limit_as_elsewhere() -> None:
    random = np.random.default_rng(8)
    x = np.zeros((12_000, 4))
    for row in range(1, len(x)):
        x[row] = 0.95 * x[row - 1] + random.standard_normal(4)
    detector = acm_rs.AR1Detector().fit(x[:6000])
    fresh = x[6000:].copy()
    fresh[1::4] = np.nan
    fresh[5::40] = fresh[6::40] = fresh[7::40] = np.nan
    z = detector.contributions(fresh)[1:]
    gap = np.isnan(fresh).any(axis=1)
    after, known = gap[:-1] & ~gap[1:], ~gap[1:]
    for rows in (after, known):
        assert 0.006 < (z[rows] > 2.576).mean() < 0.014
    # What the row before would have let expect, the level, is far off.
    assert (np.abs(fresh[1:][after] - detector.mu_) / detector.sd_ > 2.576).mean() > 0.3


@pytest.mark.parametrize("step", [1, 7, 100])
def test_a_dead_sensor_is_followed_through_files(step: int) -> None:
    x = plant(400, 3, gaps=0.2)
    x[20:250, 1] = np.nan
    detector = acm_rs.AR1Detector().fit(plant(500, 3))
    whole = detector.score(x)
    pieces = []
    for start in range(0, 400, step):
        detector = acm_rs.AR1Detector.from_bytes(detector.to_bytes())
        pieces.append(detector.update(x[start : start + step]))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_clipping_and_leaving_out_are_told() -> None:
    x = plant(15, 3)
    x[5, 0] = 1e200
    with pytest.warns(UserWarning, match="1 values of `x` beyond 1e150"):
        acm_rs.AR1Detector().fit(x)
    x = plant(100, 3)
    x[:51, 1] = np.nan
    with pytest.warns(UserWarning, match=r"columns \[1\] of `x` have less than half"):
        detector = acm_rs.AR1Detector().fit(x)
    assert detector.used_.tolist() == [True, False, True]
    assert not detector.contributions(plant(50, 3))[:, 1].any()


@pytest.mark.parametrize("loads", [True, False])
def test_a_limit_from_rows_with_gaps_is_that_of_complete_ones(loads: bool) -> None:
    """With half of the readings missing 0.0 and 0.1 % of complete rows were above it, and sensors were left out."""
    above = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        x = random.standard_normal((7000, 10))
        if loads:
            x = 0.3 * x + random.standard_normal((7000, 3)) @ random.standard_normal((3, 10))
        train = np.where(random.random((2000, 10)) < 0.5, np.nan, x[:2000])
        detector = acm_rs.AR1Detector().fit(train)
        assert detector.used_.all()
        above.append((detector.score(x[2000:]) > detector.limit(0.01)).mean())
    assert 0.005 < np.mean(above) < 0.016


def test_constant_and_short_columns_have_no_memory() -> None:
    x = np.column_stack([np.full(50, 7.0), np.r_[1.0, 2.0, np.full(48, np.nan)], np.arange(50.0)])
    with pytest.warns(UserWarning, match="left out"):
        detector = acm_rs.AR1Detector().fit(x)
    assert detector.phi_[:2].tolist() == [0.0, 0.0]
    assert detector.sd_[0] == 1e-6 * 7.0
    with pytest.raises(ValueError, match="`x` must have at least 3 rows, got 2"):
        acm_rs.AR1Detector().fit(np.array([[1.0], [2.0]]))


def test_a_row_without_values_is_nan() -> None:
    x = plant(60, 2)
    detector = acm_rs.AR1Detector().fit(x)
    x[20] = np.nan
    assert np.flatnonzero(np.isnan(detector.score(x))).tolist() == [20]


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"phi_cap": 1.0}, ValueError, "`phi_cap` must be at least 0 and below 1, got 1"),
        ({"phi_cap": float("nan")}, ValueError, "`phi_cap`"),
        ({"sd_floor": 0.0}, ValueError, "`sd_floor` must be positive and finite, got 0"),
        ({"sd_floor": "1"}, TypeError, "`sd_floor` must be a number, got str"),
        ({"fuse": "max"}, ValueError, '`fuse` must be one of "mean", "median", "p95", got "max"'),
        ({"fuse": 3}, TypeError, "`fuse` must be one of .*, got int"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        acm_rs.AR1Detector(**parameters)


def test_wrong_lengths_are_named() -> None:
    x = plant(10, 3)
    with pytest.raises(ValueError, match="`phi` must have length 3, got 2"):
        acm_rs.ar1_residuals(x, [0.1, 0.2], [0.0] * 3)
    with pytest.raises(ValueError, match="`mu` must have length 3, got 1"):
        acm_rs.ar1_residuals(x, [0.1] * 3, 0.0)
    with pytest.raises(TypeError, match="`phi` must be a number or a sequence"):
        acm_rs.ar1_residuals(x, "a", 0.0)
