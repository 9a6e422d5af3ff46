"""Spectra of whole columns: SciPy's numbers, and what the search for cycles finds and leaves alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
import scipy.fft
import scipy.signal

Floats = npt.NDArray[np.float64]

TAPERS = ("boxcar", "hann", "hamming", "blackman")
BANDS = ((0.0, 0.05), (0.02, 0.3), (0.3, 0.5), (0.5, 9.0))
ROWS = 10_770
CALLS: dict[str, Callable[..., Any]] = {
    "band_energy": acm_rs.band_energy,
    "power_spectrum": acm_rs.power_spectrum,
    "seasonality": acm_rs.seasonality,
}
OF_EVERY_FUNCTION = pytest.mark.parametrize("name", sorted(CALLS))


def arrays(name: str, x: npt.NDArray[Any], **keywords: Any) -> tuple[npt.NDArray[Any], ...]:
    """Call a function and give its results as a tuple, whatever their number."""
    found = CALLS[name](x, **keywords)
    return found if isinstance(found, tuple) else (found,)


def same_bytes(a: tuple[npt.NDArray[Any], ...], b: tuple[npt.NDArray[Any], ...]) -> None:
    """Assert equal shapes, dtypes and bits."""
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()


def sensors(n: int = 700) -> Floats:
    """Columns with an offset, a cycle, gaps and infinities, a spike, a stuck sensor and one that is not there."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, 7))
    x[:, 0] = 1e9 + 1e-3 * x[:, 0]
    x[:, 1] += 3 * np.sin(np.arange(n) * 2 * np.pi / 24)
    x[rng.random(n) < 0.1, 2] = np.nan
    x[rng.random(n) < 0.1, 2] = -np.inf
    x[n // 2, 3] = 1e15
    x[:, 4] = 1500.0
    x[:, 5] = np.nan
    x[:, 6] = x[:, 6].cumsum()
    return x


def centred(x: Floats) -> tuple[Floats, Floats]:
    """Give values less the mean of the known ones, 0 where missing; and how many are known, by column."""
    known = np.isfinite(x)
    count = known.sum(axis=0)
    first = np.take_along_axis(x, known.argmax(axis=0)[None], axis=0)
    with np.errstate(invalid="ignore"):
        d = np.where(known, x - np.where(count > 0, first, 0.0), 0.0)
    return np.where(known, d - d.sum(axis=0) / np.maximum(count, 1), 0.0), count


@pytest.mark.parametrize("window", TAPERS)
@pytest.mark.parametrize("n", [1, 2, 3, 17, 256, 701])
def test_band_energy_has_scipys_numbers(window: str, n: int) -> None:
    x = sensors(n)
    d, count = centred(x)
    power = np.abs(scipy.fft.rfft(d * scipy.signal.get_window(window, n)[:, None], axis=0)) ** 2
    power[0] = 0.0
    f = np.fft.rfftfreq(n, 1 / 2.0)
    want = np.column_stack([power[(f >= 2 * lo) & (f < 2 * hi)].sum(axis=0) for lo, hi in BANDS])
    found = acm_rs.band_energy(x, fs=2.0, bands=[(2 * lo, 2 * hi) for lo, hi in BANDS], window=window)
    scale = np.maximum(1.0, n * (d * d).sum(axis=0))[:, None]
    want = np.where(count[:, None] > 0, want, np.nan)
    np.testing.assert_allclose(found / scale, want / scale, rtol=0, atol=1e-12)


def test_band_energy_is_the_last_row_of_the_rolling_one() -> None:
    x = sensors(600)
    whole = acm_rs.band_energy(x)
    last = acm_rs.rolling_band_energy(x, 600)[-1].reshape(7, 3)
    scale = np.maximum(1.0, np.nansum(last, axis=1, keepdims=True))
    np.testing.assert_allclose(whole / scale, last / scale, rtol=0, atol=1e-12)


@pytest.mark.parametrize("window", TAPERS)
@pytest.mark.parametrize(("segment", "overlap"), [(None, 0.5), (256, 0.0), (255, 0.75), (64, 0.33), (1, 0.0), (7, 0.9)])
def test_power_spectrum_has_scipys_numbers(window: str, segment: int | None, overlap: float) -> None:
    x = sensors(1000)[:, [0, 1, 3, 4, 6]]
    # SciPy takes means about zero: at 1e9 it would lose what the comparison is about.
    x[:, 0] -= 1e9
    length = segment or 256
    freqs, psd = acm_rs.power_spectrum(x, 48.0, segment, overlap, window)
    want_freqs, want = scipy.signal.welch(
        x, 48.0, window, length, int(overlap * length), detrend="constant", scaling="density", axis=0
    )
    assert freqs.tolist() == want_freqs.tolist()
    scale = np.maximum(1.0, want.max(axis=0))
    np.testing.assert_allclose(psd / scale, want / scale, rtol=0, atol=1e-12)


# Primes, twice one, their products, three times one.
AWKWARD = (4099, 2 * 4099, 67 * 67, 73 * 101, 3 * 3001, 10_007, 65_537, 100_003)


@pytest.mark.parametrize("n", AWKWARD)
def test_lengths_of_large_primes_have_scipys_numbers(n: int) -> None:
    rng = np.random.default_rng(n)
    x = np.column_stack(
        [rng.standard_normal(n), np.sin(np.arange(n) * 0.37) * 50 + 1e6, np.cumsum(rng.standard_normal(n))]
    )
    x[rng.random(n) < 0.1, 0] = np.nan
    filled = np.where(np.isfinite(x), x, np.nanmean(x, axis=0))
    d = filled - filled.mean(axis=0)
    power = np.abs(np.fft.rfft(d, axis=0)) ** 2
    f = np.fft.rfftfreq(n, 1.0)
    bands = [(0.0, 0.01), (0.01, 0.2), (0.2, 0.5), (0.0, 0.6)]
    want = np.array([power[(f >= low) & (f < high) & (np.arange(f.size) > 0)].sum(axis=0) for low, high in bands]).T
    scale = n * (d * d).sum(axis=0)[:, None]
    np.testing.assert_allclose(acm_rs.band_energy(x, bands=bands) / scale, want / scale, rtol=0, atol=1e-12)
    for window, overlap in (("hann", 0.5), ("boxcar", 0.0)):
        freqs, psd = acm_rs.power_spectrum(filled, 2.0, n, overlap, window)
        want_freqs, want = scipy.signal.welch(filled, 2.0, window, n, int(overlap * n), axis=0)
        assert freqs.tolist() == want_freqs.tolist()
        peak = np.maximum(1.0, want.max(axis=0))
        np.testing.assert_allclose(psd / peak, want / peak, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("threads")
def test_segments_of_a_large_prime_do_not_depend_on_threads() -> None:
    x = np.random.default_rng(2).standard_normal((20_000, 5))
    acm_rs.set_num_threads(1)
    want = (*acm_rs.power_spectrum(x, segment=4999), acm_rs.band_energy(x[:19_997]), *acm_rs.seasonality(x[:19_997]))
    for count in (2, 5):
        acm_rs.set_num_threads(count)
        got = (*acm_rs.power_spectrum(x, segment=4999), acm_rs.band_energy(x[:19_997]), *acm_rs.seasonality(x[:19_997]))
        same_bytes(got, want)
    same_bytes((acm_rs.band_energy(x[:19_997, 3]),), (want[2][3:4],))


def test_a_cycle_is_found_in_a_prime_number_of_rows() -> None:
    n = 40_009
    x = np.cos(2 * np.pi * (np.arange(n) - 7) / 48) + np.random.default_rng(1).standard_normal(n)
    period, _, phase, amplitude = (a[0] for a in acm_rs.seasonality(x))
    assert period[0] == pytest.approx(48.0, rel=1e-4)
    assert phase[0] == pytest.approx(7.0, abs=1.0)
    assert amplitude[0] == pytest.approx(1.0, abs=0.05)
    assert np.isnan(period[1:]).all()


PEAK = """
import sys
import acm_rs, numpy as np

acm_rs.set_num_threads(1)
rows, call = int(sys.argv[1]), sys.argv[2]
x = np.random.default_rng(1).standard_normal(rows)
calls = {
    "band_energy": lambda x: acm_rs.band_energy(x),
    "tapered": lambda x: acm_rs.band_energy(x, window="hann"),
    "power_spectrum": lambda x: acm_rs.power_spectrum(x, segment=x.size)[1].nbytes,
    "seasonality": lambda x: acm_rs.seasonality(x),
}
calls[call](x[:5003])


def told(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))


with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = told("VmRSS")
calls[call](x)
print((told("VmHWM") - before) / rows)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is told by Linux")
@pytest.mark.parametrize("rows", [600_011, 2 * 300_007, 3 * 200_003])
@pytest.mark.parametrize(
    ("call", "promised"), [("band_energy", 80), ("tapered", 80), ("power_spectrum", 88), ("seasonality", 128)]
)
def test_the_scratch_is_as_promised(call: str, promised: int, rows: int) -> None:
    found = subprocess.run(
        [sys.executable, "-c", PEAK, str(rows), call], capture_output=True, text=True, check=True, timeout=300
    )
    # The result of a power spectrum is as large as 8 bytes a row: it and its frequencies are no scratch.
    assert float(found.stdout) <= promised + 2


def test_power_spectrum_of_few_rows_and_default_segment() -> None:
    x = sensors(100)[:, 1]
    freqs, psd = acm_rs.power_spectrum(x)
    want_freqs, want = scipy.signal.welch(x, nperseg=100, noverlap=50)
    assert psd.shape == (51,)
    assert freqs.tolist() == want_freqs.tolist()
    np.testing.assert_allclose(psd, want, rtol=1e-11, atol=1e-13)
    same_bytes(acm_rs.power_spectrum(x, segment=5000), (freqs, psd))


def test_power_spectrum_at_an_offset_is_that_without() -> None:
    d = np.random.default_rng(1).integers(-1000, 1000, 2000) / 2.0**20
    np.testing.assert_allclose(acm_rs.power_spectrum(d + 2.0**30)[1], acm_rs.power_spectrum(d)[1], rtol=1e-10)


def test_power_spectrum_skips_what_is_missing() -> None:
    x = np.random.default_rng(2).standard_normal(1024)
    holes = x.copy()
    holes[256:400] = np.nan
    holes[300] = np.inf
    holes[10] = np.nan
    parts = []
    for start in range(0, 1024, 256):
        part = holes[start : start + 256]
        if np.isfinite(part).sum() >= 128:
            filled = np.where(np.isfinite(part), part, part[np.isfinite(part)].mean())
            parts.append(scipy.signal.welch(filled, nperseg=256)[1])
    assert len(parts) == 3
    _, psd = acm_rs.power_spectrum(holes, overlap=0.0)
    np.testing.assert_allclose(psd, np.mean(parts, axis=0), rtol=1e-10, atol=1e-14)


# ---- cycles ---------------------------------------------------------------------------------------------------------


def plant(seed: int = 11, columns: int = 6) -> Floats:
    """Half-hourly rows with a daily and a weekly cycle, 10 % gaps and a lost week, shifts of the level and a trend."""
    rng = np.random.default_rng(seed)
    t = np.arange(ROWS)
    x = np.empty((ROWS, columns))
    for j in range(columns):
        level = np.zeros(ROWS)
        for at, by in zip(rng.integers(0, ROWS, 3), rng.choice([-6.0, 4.0, 10.0], 3), strict=True):
            level[at:] += by
        x[:, j] = np.cos(2 * np.pi * (t - 30) / 48) + np.cos(2 * np.pi * (t - 100) / 336) + level + 1e-3 * j * t
        x[:, j] += rng.standard_normal(ROWS)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[4000:4336, 0] = np.inf
    return x


def test_days_and_weeks_are_found() -> None:
    period, strength, phase, amplitude = acm_rs.seasonality(plant())
    assert period.shape == (6, 3)
    assert np.isnan(period[:, 2]).all()
    order = np.argsort(period[:, :2], axis=1)
    period, strength, phase, amplitude = (np.take_along_axis(a, order, 1) for a in (period, strength, phase, amplitude))
    np.testing.assert_allclose(period, [[48.0, 336.0]] * 6, rtol=0.01)
    np.testing.assert_allclose(period[:, 0], 48.0, rtol=0.001)
    np.testing.assert_allclose(phase[:, 0], 30.0, atol=1.0)
    np.testing.assert_allclose(phase[:, 1], 100.0, atol=15.0)
    np.testing.assert_allclose(amplitude, 1.0, atol=0.15)
    np.testing.assert_allclose(strength, 1 / 3, atol=0.1)


def test_periods_are_in_the_unit_of_the_sampling_rate() -> None:
    x = plant()
    rows = acm_rs.seasonality(x)
    days = acm_rs.seasonality(x, fs=48.0)
    np.testing.assert_allclose(days[0] * 48, rows[0], rtol=1e-14)
    np.testing.assert_allclose(days[2] * 48, rows[2], rtol=1e-13)
    np.testing.assert_array_equal(days[1], rows[1])
    np.testing.assert_array_equal(days[3], rows[3])


def test_given_periods_keep_their_place() -> None:
    x = plant()
    period, strength, phase, amplitude = acm_rs.seasonality(x, fs=2.0, periods=[31.0, 168.0, 24.0])
    np.testing.assert_array_equal(period, [[np.nan, 168.0, 24.0]] * 6)
    assert np.isnan(strength[:, 0]).all()
    np.testing.assert_allclose(phase[:, 2], 15.0, atol=0.5)
    np.testing.assert_allclose(amplitude[:, 1:], 1.0, atol=0.15)
    one = acm_rs.seasonality(x[:, 1], fs=2.0, periods=24)
    assert one[0].tolist() == [[24.0]]


def test_a_day_of_any_shape_is_one_period() -> None:
    rng = np.random.default_rng(4)
    hour = np.arange(4800) % 48
    shapes = [hour < 24, hour < 12, hour / 48, hour < 4, np.sin(hour * np.pi / 12) + 0.6 * np.sin(hour * np.pi / 24)]
    x = np.column_stack(shapes).astype(float) + 0.1 * rng.standard_normal((4800, 5))
    period, strength, _, _ = acm_rs.seasonality(x)
    np.testing.assert_allclose(period[:, 0], 48.0, rtol=1e-3)
    assert np.isnan(period[:, 1:]).all()
    clean = np.var(np.column_stack(shapes), axis=0)
    np.testing.assert_allclose(strength[:, 0], clean / (clean + 0.01), atol=0.1)


def test_the_phase_is_the_time_of_the_crest_from_the_first_row() -> None:
    t = np.arange(3000)
    rng = np.random.default_rng(5)
    x = 5 * np.cos(2 * np.pi * (t - 7) / 40) + rng.standard_normal(3000)
    late = x.copy()
    late[:333] = np.nan
    for column in (x, late):
        assert acm_rs.seasonality(column)[2][0, 0] == pytest.approx(7.0, abs=0.3)


NOISES: dict[str, Callable[[np.random.Generator, int, int], Floats]] = {
    "white": lambda rng, n, d: rng.standard_normal((n, d)),
    "AR 0.9": lambda rng, n, d: scipy.signal.lfilter([1.0], [1.0, -0.9], rng.standard_normal((n, d)), axis=0),
    "AR 0.99": lambda rng, n, d: scipy.signal.lfilter([1.0], [1.0, -0.99], rng.standard_normal((n, d)), axis=0),
    "walk": lambda rng, n, d: rng.standard_normal((n, d)).cumsum(axis=0),
    "walk with gaps": lambda rng, n, d: np.where(
        rng.random((n, d)) < 0.15, np.nan, rng.standard_normal((n, d)).cumsum(axis=0)
    ),
    "trend": lambda rng, n, d: np.arange(n)[:, None] * 0.01 + rng.standard_normal((n, d)),
    "bent trend": lambda rng, n, d: (np.arange(n)[:, None] / n) ** 2 * 50 + rng.standard_normal((n, d)),
    "stuck": lambda rng, n, d: np.repeat(rng.standard_normal((n // 8 + 1, d)).cumsum(axis=0), 8, axis=0)[:n],
    "stands still": lambda rng, n, d: np.where(
        np.isin(np.arange(n) * 20 // n, [2, 3, 4, 8, 14, 15, 16, 17])[:, None], 3.0, rng.standard_normal((n, d)) + 5.0
    ),
    "spikes": lambda rng, n, d: rng.standard_normal((n, d)) * np.where(rng.random((n, d)) < 0.01, 1e3, 1.0),
    "heavy tails": lambda rng, n, d: rng.standard_cauchy((n, d)),
}


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("n", [250, 1500])
def test_noise_has_no_cycles(kind: str, n: int) -> None:
    # At the documented bound of 1 %, more than 9 columns of 400 have a probability of 1 %; the simulated rate is lower.
    x = NOISES[kind](np.random.default_rng(20), n, 400)
    period = acm_rs.seasonality(x)[0]
    assert np.isfinite(period[:, 0]).sum() <= 4
    given = acm_rs.seasonality(x, periods=[12.0, 24.0])[0]
    assert np.isfinite(given).any(axis=1).sum() <= 9


def test_nothing_to_find() -> None:
    x = np.full((500, 6), 3.25)
    x[:, 1] = np.arange(500) * 0.1
    x[:, 2] = np.nan
    x[250:, 3] = -7.0
    x[77, 4] = 1e300
    x[20:, 5] = np.inf
    for array in acm_rs.seasonality(x):
        assert np.isnan(array).all()
    for n in (0, 1, 3, 16, 20):
        assert acm_rs.seasonality(np.arange(float(n)) % 3)[0].shape == (1, 3)


# ---- the contract ---------------------------------------------------------------------------------------------------


@OF_EVERY_FUNCTION
@pytest.mark.usefixtures("threads")
def test_layouts_threads_and_neighbours_do_not_matter(name: str) -> None:
    x = np.concatenate([sensors(2500), plant(columns=2)[:2500]], axis=1)
    want = arrays(name, x)
    wide = np.full((5000, 27), -1.0)
    wide[::2, ::3] = x
    read_only = x.copy()
    read_only.setflags(write=False)
    for form in (np.asfortranarray(x), wide[::2, ::3], np.ascontiguousarray(x[::-1])[::-1], read_only):
        before = form.copy()
        same_bytes(arrays(name, form), want)
        same_bytes((form,), (before,))
    for count in (1, 2, 5):
        acm_rs.set_num_threads(count)
        same_bytes(arrays(name, x), want)
    for j in range(x.shape[1]):
        for one, whole in zip(arrays(name, x[:, j]), want, strict=True):
            if name != "power_spectrum":
                same_bytes((one,), (whole[j : j + 1],))
            elif whole.ndim == 2:
                same_bytes((one,), (whole[:, j],))


@OF_EVERY_FUNCTION
def test_float32_is_the_float64_result_rounded(name: str) -> None:
    x = sensors()
    x[:, 3] = np.minimum(x[:, 3], 1e3)
    small = x.astype(np.float32)
    found = arrays(name, small)
    want = arrays(name, small.astype(np.float64))
    for one, other in zip(found, want, strict=True):
        if one.dtype == np.float32:
            np.testing.assert_array_equal(one, other.astype(np.float32))
        else:
            np.testing.assert_array_equal(one, other)
    assert found[-1].dtype == np.float32


def test_shapes() -> None:
    x = sensors(100)
    assert acm_rs.band_energy(x).shape == (7, 3)
    assert acm_rs.band_energy(x[:, 1], bands=[(0.0, 0.5)]).shape == (1, 1)
    assert acm_rs.power_spectrum(x, segment=50)[1].shape == (26, 7)
    assert acm_rs.power_spectrum(np.asfortranarray(x))[1].flags.f_contiguous
    assert [a.shape for a in acm_rs.seasonality(x, max_periods=2)] == [(7, 2)] * 4
    empty = np.empty((0, 2))
    assert np.isnan(acm_rs.band_energy(empty)).all()
    assert [a.shape for a in acm_rs.power_spectrum(empty)] == [(0,), (0, 2)]
    assert acm_rs.power_spectrum(np.empty(0))[1].shape == (0,)
    assert np.isnan(acm_rs.seasonality(empty)[0]).all()
    assert acm_rs.seasonality(np.empty((5, 0)))[0].shape == (0, 3)


def test_overflow_is_infinite() -> None:
    x = np.random.default_rng(0).standard_normal(300)
    x[5], x[9] = 1.7e308, -1.7e308
    assert acm_rs.band_energy(x)[0, 2] == np.inf
    assert acm_rs.power_spectrum(x)[1][3] == np.inf


@pytest.mark.parametrize(
    ("name", "keywords", "error", "text"),
    [
        ("band_energy", {"fs": 0.0}, ValueError, "`fs` must be positive and finite, got 0"),
        ("band_energy", {"fs": "x"}, TypeError, "`fs` must be a number, got str"),
        ("band_energy", {"bands": []}, ValueError, "`bands` must be at least one pair"),
        ("band_energy", {"bands": 3}, TypeError, "`bands` must be a sequence of"),
        ("band_energy", {"window": "kaiser"}, ValueError, '`window` must be one of "boxcar", .* got "kaiser"'),
        ("band_energy", {"window": 3}, TypeError, '`window` must be one of "boxcar", .* got int'),
        ("power_spectrum", {"window": "Hann"}, ValueError, '`window` must be one of "boxcar"'),
        ("power_spectrum", {"segment": 0}, ValueError, "`segment` must be a whole number, at least 1, got 0"),
        ("power_spectrum", {"segment": 2.5}, ValueError, "`segment` must be a whole number"),
        ("power_spectrum", {"overlap": 1.0}, ValueError, "`overlap` must be at least 0 and less than 1, got 1"),
        ("power_spectrum", {"overlap": -0.1}, ValueError, "`overlap` must be"),
        ("power_spectrum", {"fs": np.inf}, ValueError, "`fs` must be positive and finite, got inf"),
        ("seasonality", {"fs": -1.0}, ValueError, "`fs` must be positive and finite"),
        ("seasonality", {"max_periods": 0}, ValueError, "`max_periods` must be a whole number, at least 1"),
        ("seasonality", {"max_periods": 101}, ValueError, "`max_periods` must be between 1 and 100, got 101"),
        ("seasonality", {"periods": []}, ValueError, "`periods` must be at least one period"),
        ("seasonality", {"periods": [48.0, 3.0]}, ValueError, "`periods` must be finite and at least four rows"),
        ("seasonality", {"periods": "day"}, TypeError, "`periods` must be a number or a sequence"),
    ],
)
def test_bad_parameters_are_named(name: str, keywords: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        CALLS[name](sensors(50), **keywords)


@OF_EVERY_FUNCTION
def test_bad_arrays_are_named(name: str) -> None:
    with pytest.raises(TypeError, match="`x` must have dtype float64 or float32, got int64"):
        CALLS[name](np.arange(8))
    with pytest.raises(TypeError, match="`x` must be a NumPy array"):
        CALLS[name]([1.0, 2.0])
    with pytest.raises(ValueError, match="`x` must have 1 or 2 dimensions"):
        CALLS[name](np.zeros((2, 2, 2)))
