"""Every backend against rational arithmetic, on the frames that break running sums."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from frames import (
    BACKENDS,
    WINDOWS,
    adversarial,
    exact_energies,
    exact_frame,
    exact_statistics,
    serving,
    statistics,
)

from core import fast_features as ff


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_every_statistic_of_every_window_is_exact(backend: str, window: int) -> None:
    with serving(backend):
        got = pd.concat(statistics(adversarial(), window), axis=1)
    want = exact_frame(window)
    # Clipping is a documented part of the skewness and kurtosis; no window here reaches it.
    assert sorted(got.columns) == sorted(want.columns)
    want = want[got.columns]
    pd.testing.assert_frame_equal(got.isna(), want.isna())
    size = np.maximum(1.0, want.abs())
    if backend == "rust":
        # The kernel merges products of deviations from a value of the window: where two spikes of 1e15 outweigh each
        # other, the slope keeps the rounding of either. Exact to the size of the values, as all backends must be.
        size["spikes_slope"] = 1e15
    error = (got - want).abs() / size
    worst = error.max().fillna(0.0).sort_values()
    assert (worst <= 1e-12).all(), worst.tail(5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_numbers_beside_a_large_offset_keep_their_digits(backend: str) -> None:
    """The bound of the test above is absolute below 1: here the spread itself is small."""
    frame, want = adversarial()[["offset", "calm", "tiny"]], exact_frame(16)
    with serving(backend):
        got = pd.concat(statistics(frame, 16), axis=1)
    for column in ("offset_std", "calm_std", "tiny_std", "offset_mad", "calm_mad", "tiny_mad"):
        exact = want[column].to_numpy()
        known = exact > 0.0
        error = np.abs(got[column].to_numpy()[known] - exact[known]) / exact[known]
        assert error.max() <= 1e-12, column
        assert (got[column].to_numpy()[exact == 0.0] == 0.0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_constant_windows_are_exactly_constant(backend: str) -> None:
    frame = pd.DataFrame({"a": [0.1] * 12, "b": [1e9 + 0.3] * 12, "c": [0.1, np.nan, 0.1, np.inf] * 3})
    with serving(backend):
        out = pd.concat(statistics(frame, 5), axis=1)
        energy = ff.rolling_spectral_energy(frame, 5)
    for name, value in (("a", 0.1), ("b", 1e9 + 0.3), ("c", 0.1)):
        assert (out[f"{name}_med"] == value).all()
        assert (out[f"{name}_mean"] == value).all()
        assert (out[f"{name}_mad"] == 0.0).all()
        assert (out[f"{name}_std"].dropna() == 0.0).all()
        assert (out[f"{name}_slope"] == 0.0).all()
        assert out[f"{name}_skew"].isna().all()
        assert out[f"{name}_kurt"].isna().all()
    assert out["a_std"].isna().sum() == 1
    assert (energy == 0.0).all().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_medians_of_almost_the_largest_double(backend: str) -> None:
    frame = pd.DataFrame({"a": [1.7e308, 1.7e308, 1.6e308, 1.0, -1.7e308]})
    with serving(backend):
        median = ff.rolling_median(frame, 2)["a_med"]
        mad = ff.rolling_mad(frame, 2)["a_mad"]
        slope = ff.rolling_ols_slope(frame, 2)["a_slope"]
    np.testing.assert_allclose(median, [1.7e308, 1.7e308, 1.65e308, 8e307, -8.5e307], rtol=1e-15)
    np.testing.assert_allclose(mad, [0.0, 0.0, 5e306, 8e307, 8.5e307], rtol=1e-14)
    np.testing.assert_allclose(slope, [0.0, 0.0, -1e307, -1.6e308, -1.7e308], rtol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_means_of_almost_the_largest_double(backend: str) -> None:
    frame = pd.DataFrame({"a": [1.7e308, 1.7e308, 1.6e308, 1.0, -1.7e308]})
    with serving(backend):
        mean = ff.rolling_mean_std(frame, 2)["a_mean"]
    np.testing.assert_allclose(mean, [1.7e308, 1.7e308, 1.65e308, 8e307, -8.5e307], rtol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
def test_moments_whose_powers_leave_the_range_of_doubles(backend: str) -> None:
    """As pandas: no skewness without a third power of the deviation, no kurtosis without a fourth; no other value."""
    values = np.array([1.0, 2.0, 4.0, 8.0, 3.0])
    exact = exact_statistics(values)
    for size, has_skew, has_kurt in (
        (1e-150, False, False),
        (1e-120, False, False),
        (1e-100, True, False),
        (1e-70, True, True),
        (1e70, True, True),
        (1e100, True, False),
        (1e120, False, False),
        (1e150, False, False),
    ):
        with serving(backend):
            last = ff.rolling_skew_kurt(pd.DataFrame({"a": size * values}), 5).iloc[-1]
        np.testing.assert_allclose(last["a_skew"], exact["_skew"] if has_skew else np.nan, rtol=1e-12)
        np.testing.assert_allclose(last["a_kurt"], exact["_kurt"] if has_kurt else np.nan, rtol=1e-12)


@pytest.mark.parametrize("window", [4, 16, 33, 120])
@pytest.mark.parametrize("method", ["fft", "goertzel"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_band_energies_are_those_of_the_definition(backend: str, method: str, window: int) -> None:
    frame = adversarial().drop(columns=["missing", "constant"])
    bands = [(0.0, 0.05), (0.05, 0.15), (0.15, 0.5), (0.4, 0.6)]
    with serving(backend):
        got = ff.rolling_spectral_energy(frame, window, bands=bands, method=method)
    for name in frame:
        values = frame[name].to_numpy()
        for t in (0, 1, 4, 11, 17, 40, 47, 52, 70, 89):
            part = values[max(0, t + 1 - window) : t + 1]
            found = [got[f"{name}_energy_{i}"].iloc[t] for i in range(len(bands))]
            if len(part) < window // 2:
                assert found == [0.0] * len(bands)
            elif not np.isfinite(part).any():
                assert np.isnan(found).all()
            else:
                want = np.array(exact_energies(part, bands))
                scale = np.sqrt(want * want.sum()) + 1e-12 * want.sum()
                np.testing.assert_array_less(np.abs(found - want), 1e-12 * scale + 1e-24 * want.sum() + 1e-300)


def test_slope_and_spectrum_of_a_whole_series_are_exact() -> None:
    frame = adversarial().drop(columns="missing")
    want = exact_frame(400)
    bands = [(0.0, 0.1), (0.1, 0.5)]
    for name in frame:
        values = frame[name].to_numpy()
        slope = want[f"{name}_slope"].iloc[-1]
        assert abs(ff.ols_slope(values) - slope) <= 1e-12 * max(1.0, abs(slope))
        energy = np.array(exact_energies(values, bands))
        for function in (ff.spectral_energy, ff.goertzel_energy):
            np.testing.assert_allclose(function(values, bands=bands), energy, rtol=1e-11, atol=1e-13 * energy.sum())
