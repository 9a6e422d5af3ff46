"""AR(1) against its plain NumPy form."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from histories import Floats, plant


def _fit(values: Floats, phi_cap: float = 0.999, sd_floor: float = 1e-6) -> tuple[float, float, float]:
    known = values[np.isfinite(values)]
    mu = np.median(known)
    c = known - mu
    phi = 0.0
    if len(c) >= 3 and c.any():
        phi = float(np.clip(np.sum(c[1:] * c[:-1]) / np.sum(c[:-1] ** 2), -phi_cap, phi_cap))
    r = c[1:] - phi * c[:-1]
    return mu, phi, max(1.4826 * float(np.median(np.abs(r - np.median(r)))), sd_floor)


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
    z = np.abs(_residuals(x, phi, mu)) / sd
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


def test_clipping_and_leaving_out_are_told() -> None:
    x = plant(100, 3)
    x[5, 0] = 1e200
    with pytest.warns(UserWarning, match="1 values of `x` beyond 1e150"):
        acm_rs.AR1Detector().fit(x)
    x = plant(100, 3)
    x[:51, 1] = np.nan
    with pytest.warns(UserWarning, match=r"columns \[1\] of `x` have less than half"):
        detector = acm_rs.AR1Detector().fit(x)
    assert detector.used_.tolist() == [True, False, True]
    assert not detector.contributions(plant(50, 3))[:, 1].any()


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
