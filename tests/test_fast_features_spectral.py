"""Band energies: bands, sampling rates, short windows, gaps, single series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, serving

from core import fast_features as ff

SINGLE = [ff.spectral_energy, ff.goertzel_energy]


@pytest.mark.parametrize("function", SINGLE)
def test_a_pure_tone_lies_in_its_band(function: Any) -> None:
    t = np.arange(64)
    tone = 10.0 + 3.0 * np.cos(2.0 * np.pi * 8.0 * t / 64.0)
    np.testing.assert_allclose(function(tone), [0.0, (3.0 * 32.0) ** 2, 0.0], atol=1e-9)
    np.testing.assert_allclose(function(tone, fs=2.0, bands=[(0.25, 0.26), (0.26, 1.1)]), [9216.0, 0.0], atol=1e-9)


@pytest.mark.parametrize("function", SINGLE)
def test_all_bins_hold_the_variance(function: Any) -> None:
    """Parseval: interior bins count twice, the one at half the sampling rate once."""
    x = np.random.default_rng(5).normal(size=101)
    energy = function(x, bands=[(0.0, 1.0)])
    np.testing.assert_allclose(2.0 * energy, [101.0 * ((x - x.mean()) ** 2).sum()], rtol=1e-12)


@pytest.mark.parametrize("function", SINGLE)
def test_edges_of_bands(function: Any) -> None:
    x = np.cos(2.0 * np.pi * np.arange(20) / 20.0)
    # The bin at 0.05 belongs to the band that starts there, not to the one that ends there.
    np.testing.assert_allclose(function(x, bands=[(0.0, 0.05), (0.05, 0.06)]), [0.0, 100.0], atol=1e-12)
    assert function(x, bands=[(0.051, 0.052)]).tolist() == [0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_bins_on_edges_fall_where_numpy_puts_them(backend: str) -> None:
    """In windows of 98 rows, say, half the sampling rate comes out just below 0.5, and counts in the last band."""
    x = np.random.default_rng(2).normal(size=130)
    low, high = np.array([(0.0, 0.05), (0.05, 0.15), (0.15, 0.5)]).T
    for rows in (20, 40, 60, 98, 100, 103, 107, 120, 130):
        with serving(backend):
            got = ff.rolling_spectral_energy(pd.DataFrame({"a": x}), rows).iloc[-1].to_numpy()
        power = np.abs(np.fft.rfft(x[-rows:] - x[-rows:].mean())) ** 2
        frequency = np.fft.rfftfreq(rows)[:, None]
        want = (((frequency >= low) & (frequency < high)) * power[:, None]).sum(axis=0)
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", SINGLE)
def test_single_series_at_the_edges(function: Any) -> None:
    assert function([]).shape == (0,)
    assert function(np.empty(0), bands=[(0.0, 1.0)]).shape == (0,)
    assert function([3.0]).tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(function([np.nan, np.inf])).all()
    gappy = function([1.0, np.nan, 3.0, np.inf, 2.0, 2.0], bands=[(0.0, 1.0)])
    np.testing.assert_allclose(gappy, function([1.0, 2.0, 3.0, 2.0, 2.0, 2.0], bands=[(0.0, 1.0)]))
    np.testing.assert_allclose(function(pd.Series([1, None, 3], dtype="Int64")), function([1, 2, 3]))
    np.testing.assert_allclose(function(np.array([True, False])), function([1.0, 0.0]))
    pl = pytest.importorskip("polars")
    np.testing.assert_allclose(function(pl.Series([1, None, 3])), function([1, 2, 3]))
    with pytest.raises(ValueError, match="series must have one dimension, got 2"):
        function(np.zeros((2, 2)))
    for wrong in (["a", "b"], np.array([1j]), pd.Series(["a"]), pl.Series(["a"])):
        with pytest.raises(TypeError, match="must be numeric"):
            function(wrong)


def test_slope_of_a_series() -> None:
    assert ff.ols_slope([]) == 0.0
    assert ff.ols_slope([4.0]) == 0.0
    assert ff.ols_slope([np.nan, 4.0, np.inf]) == 0.0
    assert ff.ols_slope([2, 4, 6]) == 2.0
    assert ff.ols_slope([2.0, np.nan, 6.0]) == 2.0
    assert ff.ols_slope([0.1] * 7) == 0.0
    assert ff.ols_slope([1.6e308, 1.7e308]) == pytest.approx(1e307, rel=1e-14)
    assert isinstance(ff.ols_slope(np.arange(5)), float)
    x = np.random.default_rng(0).normal(size=1000)
    assert ff.ols_slope(x) == pytest.approx(np.polyfit(np.arange(1000), x, 1)[0], rel=1e-10)


@pytest.mark.parametrize("method", ["auto", "fft", "goertzel"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_row_is_the_spectrum_of_its_window(backend: str, method: str) -> None:
    x = np.random.default_rng(1).normal(size=(50, 2))
    df, bands = pd.DataFrame(x, columns=["a", "b"]), [(0.0, 0.7), (1.0, 2.5), (0.3, 1.1)]
    with serving(backend):
        out = ff.rolling_spectral_energy(df, 12, bands=bands, fs=4.0, method=method)
    for t in range(50):
        for name in df:
            part = df[name].to_numpy()[max(0, t - 11) : t + 1]
            want = ff.spectral_energy(part, 4.0, bands) if t >= 5 else np.zeros(3)
            np.testing.assert_allclose(
                out.loc[t, [f"{name}_energy_{i}" for i in range(3)]], want, rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("backend", BACKENDS)
def test_short_windows_and_short_frames(backend: str) -> None:
    df = pd.DataFrame({"a": [1.0, 2.0, 1.5, np.nan, 7.0]}, index=list("vwxyz"))
    with serving(backend):
        out = ff.rolling_spectral_energy(df, 6, bands=[(0.0, 1.0)])["a_energy_0"]
        assert out.tolist()[:2] == [0.0, 0.0]
        assert (out.iloc[2:] > 0.0).all()
        # Five rows are half of eleven (rounded down), and not half of twelve.
        assert ff.rolling_spectral_energy(df, 11).shape == (5, 3)
        empty = ff.rolling_spectral_energy(df, 12)
        assert empty.shape == (5, 0)
        pd.testing.assert_index_equal(empty.index, df.index)
        one = ff.rolling_spectral_energy(df, 1)
        assert one.iloc[[0, 1, 2, 4]].to_numpy().tolist() == [[0.0] * 3] * 4
        assert one.iloc[3].isna().all()
        basic = ff.compute_basic_features(df, 12)
        assert basic.shape == (5, 11)
        assert (basic[["a_energy_0", "a_energy_1", "a_energy_2"]] == 0.0).all().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_windows_with_too_few_values(backend: str) -> None:
    df = pd.DataFrame({"a": [np.nan, np.nan, np.nan, 2.0, np.inf, 5.0, 1.0, np.nan]})
    with serving(backend):
        out = ff.rolling_spectral_energy(df, 4, bands=[(0.0, 1.0)], min_periods=2)["a_energy_0"]
        free = ff.rolling_spectral_energy(df, 4, bands=[(0.0, 1.0)], min_periods=0)["a_energy_0"]
    assert out.iloc[0] == 0.0
    assert out.isna().tolist() == [False, True, True, True, True, False, False, False]
    assert free.isna().tolist() == [False, True, True, False, False, False, False, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_arguments_that_are_refused(backend: str) -> None:
    df = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    with serving(backend):
        for bands in (
            [],
            [(0.3, 0.1)],
            [(0.1, 0.1)],
            [(-0.1, 0.2)],
            [(0.0, np.nan)],
            [(0.0, np.inf)],
            [(0.1,)],
            [0.1],
            [("a", "b")],
        ):
            with pytest.raises(ValueError, match="bands must"):
                ff.rolling_spectral_energy(df, 2, bands=bands)
        for fs in (0.0, -1.0, np.nan, np.inf, "1", True):
            with pytest.raises(ValueError, match="fs must be a positive number"):
                ff.rolling_spectral_energy(df, 2, fs=fs)
        with pytest.raises(ValueError, match="method must be 'auto', 'fft' or 'goertzel', got 'welch'"):
            ff.rolling_spectral_energy(df, 2, method="welch")
