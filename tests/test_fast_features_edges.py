"""Values near the ends of the range of float64: every backend has the same finite numbers, the exact ones."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, exact_correlation, fan, serving

from core import fast_features as ff

MOST = 1.7e308
FRAMES: dict[str, list[float]] = {
    "three of the largest": [MOST, MOST, MOST],
    "largest of both signs": [MOST, 1.6e308, -MOST, MOST, MOST, -MOST, -1.6e308],
    "300": [1e300, 2e300, 4e300, 8e300, 3e300],
    "200": [1e200, 2e200, 4e200, 8e200, 3e200],
    "155": [1e155, 2e155, 4e155, 8e155, 3e155],
    "offset": [1e200, 1e200 + 1e186, 1e200 - 3e185, 1e200, 1e200 + 2e185],
    "a spike": [1.0, 2.0, 1e200, 3.0, 1.0, 2.0, 5.0, 4.0, 7.0],
    "a largest spike with gaps": [1.0, np.nan, -MOST, 3.0, np.inf, 2.0, 5.0, 4.0, 7.0],
    "tiny": [1e-200, 2e-200, 4e-200, 8e-200, 3e-200],
}


def near(value: Fraction) -> float:
    """Round to the nearest double, infinite beyond them."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if value > 0 else -1)


def root(value: Fraction) -> float:
    """Return the square root, rounded; the power of two that brings the value among the doubles is even."""
    power = max(0, value.numerator.bit_length() - value.denominator.bit_length() - 1000) // 2 * 2
    try:
        return math.ldexp(math.sqrt(value / 2**power), power // 2)
    except OverflowError:
        return math.inf


def exact(window: np.ndarray[Any, Any]) -> dict[str, float]:
    pairs = [(t, Fraction(float(v))) for t, v in enumerate(window) if np.isfinite(v)]
    values = sorted(v for _, v in pairs)
    size = len(values)
    middle = (values[(size - 1) // 2] + values[size // 2]) / 2
    apart = sorted(abs(v - middle) for v in values)
    mean = sum(values, Fraction(0)) / size
    centre = Fraction(sum(t for t, _ in pairs), size)
    spread = sum((t - centre) ** 2 for t, _ in pairs)
    square = sum((v - mean) ** 2 for v in values)
    return {
        "_med": near(middle),
        "_mad": near((apart[(size - 1) // 2] + apart[size // 2]) / 2),
        "_mean": near(mean),
        "_std": root(square / (size - 1)) if size > 1 else np.nan,
        "_slope": near(sum((t - centre) * v for t, v in pairs) / spread) if size > 1 else 0.0,
    }


@pytest.mark.parametrize("window", [1, 2, 3, 4])
@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_statistics_of_extreme_values_are_exact(backend: str, name: str, window: int) -> None:
    values = np.array(FRAMES[name])
    frame = pd.DataFrame({"a": values, "b": values[::-1], "c": np.roll(values, 1)})
    functions = (ff.rolling_median, ff.rolling_mad, ff.rolling_mean_std, ff.rolling_ols_slope)
    with serving(backend):
        got = pd.concat([function(frame, window) for function in functions], axis=1)
        features = ff.compute_basic_features(frame.ffill().bfill(), window)
    for column in frame:
        for t in range(len(values)):
            part = frame[column].to_numpy()[max(0, t + 1 - window) : t + 1]
            if not np.isfinite(part).any():
                continue
            for suffix, want in exact(part).items():
                found = got[f"{column}{suffix}"].iloc[t]
                size = np.abs(part[np.isfinite(part)]).max() if suffix == "_slope" else abs(want)
                same = found == want or (np.isnan(found) and np.isnan(want))
                assert same or abs(found - want) <= 1e-12 * max(1.0, size), (suffix, t, found, want)
    assert np.isfinite(features.to_numpy()).all()


@pytest.mark.parametrize("window", [1, 3, 4])
@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("backend", BACKENDS[:-1])
def test_backends_agree_on_the_feature_set(backend: str, name: str, window: int) -> None:
    values = np.array(FRAMES[name])
    frame = pd.DataFrame({"a": values, "b": np.roll(values, 2), "calm": np.arange(float(len(values)))})
    with serving("pandas"):
        want = ff.compute_basic_features(frame, window)
        energy = ff.rolling_spectral_energy(frame, window)
    with serving(backend):
        got = ff.compute_basic_features(frame, window)
        assert (np.isinf(ff.rolling_spectral_energy(frame, window)) == np.isinf(energy)).all().all()
    size = frame.replace([np.inf, -np.inf], np.nan).abs().max().max()
    for column in want:
        scale = np.maximum(want[column].abs(), 1.0)
        if column.endswith("_slope") or "_energy_" in column:
            scale = np.maximum(scale, size if column.endswith("_slope") else min(size, 1e154) ** 2)
        assert ((got[column] - want[column]).abs() <= 1e-12 * scale).all(), column


@pytest.mark.parametrize("backend", BACKENDS)
def test_three_of_the_largest_have_a_mean(backend: str) -> None:
    with serving(backend):
        features = ff.compute_basic_features(pd.DataFrame({"a": [MOST] * 3}), 3)
    assert features["a_mean"].tolist() == [MOST] * 3
    assert features["a_med"].tolist() == [MOST] * 3
    assert not features.drop(columns=["a_mean", "a_med"]).to_numpy().any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_robust_score_of_the_largest(backend: str) -> None:
    with serving(backend):
        score = ff.compute_basic_features(pd.DataFrame({"a": [-MOST, MOST], "b": [1.0, MOST]}), 2)
    np.testing.assert_allclose(score["a_rz"], [0.0, 1.0 / 1.4826], rtol=1e-15)
    np.testing.assert_allclose(score["b_rz"], [0.0, 1.0 / 1.4826], rtol=1e-15)


SCALES = [1e307, 1e300, 1e200, 1e155, 1.0, 1e-150, 1e-156, 1e-200, 1e-300, 1e-308]


@pytest.mark.parametrize("left", SCALES)
@pytest.mark.parametrize("right", [1e306, 1e154, 1.0, 1e-160, 1e-305])
@pytest.mark.parametrize("backend", BACKENDS)
def test_correlations_do_not_depend_on_the_scale(backend: str, left: float, right: float) -> None:
    plain = fan(rows=24, sensors=2, missing=0.1).to_numpy() / 100.0
    frame = pd.DataFrame({"a": left * plain[:, 0], "b": right * plain[:, 1]})
    window = 6
    with serving(backend):
        found = ff.rolling_xcorr(frame, window, "a")["b_xcorr"]
        lagged = ff.rolling_pairwise_lag(frame, 1, window=window)["a__b_lag1_corr"]
        whole = ff.build_correlations(frame).loc["a", "b"]
    a, b = frame["a"].to_numpy(), frame["b"].to_numpy()
    late = frame["b"].shift(1).to_numpy()

    def coefficient(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
        # The oracle divides whole numbers: scaled to ordinary sizes, by powers of two, they round less.
        return exact_correlation(*(np.ldexp(v, -np.frexp(np.nanmax(np.abs(v)))[1]) for v in (x, y)))

    assert abs(whole - coefficient(a, b)) <= 1e-12
    for t in range(window - 1, len(frame)):
        rows = slice(t + 1 - window, t + 1)
        for got, other in ((found, b), (lagged, late)):
            want = coefficient(a[rows], other[rows])
            if np.isnan(want):
                assert np.isnan(got.iloc[t])
            else:
                assert abs(got.iloc[t] - want) <= 1e-12, t


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_extreme_value_tells_on_its_own_windows_only(backend: str) -> None:
    calm = pd.DataFrame({"a": [1.0, 2, 4, 3, 7, 6, 5, 9], "b": [2.0, 1, 3, 5, 4, 8, 6, 7]})
    spiked = calm.copy()
    spiked.iloc[2] = [1e250, 1e-250]
    with serving(backend):
        want, got = (ff.rolling_xcorr(frame, 2, "a")["b_xcorr"] for frame in (calm, spiked))
    np.testing.assert_allclose(got.drop([2, 3]), want.drop([2, 3]), rtol=1e-12)
    assert got[[2, 3]].tolist() == [-1.0, -1.0]


@pytest.mark.parametrize("function", [ff.spectral_energy, ff.goertzel_energy])
def test_energies_of_a_series_of_large_values(function: Any) -> None:
    bands = [(0.0, 0.3), (0.3, 0.6)]
    np.testing.assert_array_equal(function([MOST] * 4, bands=bands), [0.0, 0.0])
    small = function([1.0, -1.0, 2.0, 0.5], bands=bands)
    np.testing.assert_allclose(function([1e152, -1e152, 2e152, 5e151], bands=bands), small * 1e304, rtol=1e-14)
    assert function([MOST, -MOST, MOST, -MOST], bands=bands)[1] == np.inf


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_least_differences_count(backend: str) -> None:
    frame = pd.DataFrame({"a": [0.0, 5e-324, 0.0, 5e-324, 0.0], "b": [1.0, 3.0, 1.0, 3.0, 1.0]})
    with serving(backend):
        got = ff.rolling_xcorr(frame, 3, "a")["b_xcorr"]
    np.testing.assert_allclose(got.iloc[1:], 1.0, rtol=1e-15)
