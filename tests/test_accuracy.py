"""P1 and the target figures: every rolling kernel against exact arithmetic, on the six families and at the edges.

The error is ``|ours - exact| / max(1, |exact|)``, measured without rounding.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from accuracy_table import truth_of, worst_errors
from exact import as_columns
from families import FAMILIES, WINDOWS, family
from registry import KERNELS, ROLLING, Array, Kernel

OF_EVERY_KERNEL = pytest.mark.parametrize("kernel", ROLLING, ids=lambda k: k.name)
ORDER = ("rolling_min", "rolling_max", "rolling_median", "rolling_quantile")


def check_exact(kernel: Kernel, x: Array, window: int, tolerance: float, relative: bool = False) -> None:
    """Compare all rows of a short column with exact arithmetic."""
    want = kernel.exactly(x, window, range(x.size))
    got = as_columns(kernel(x, window))
    error = want.relative_error(got) if relative else want.scaled_error(got)
    row = int(error.max(axis=1).argmax())
    assert error.max() <= tolerance, f"row {row}: got {got[row]}, exact {want.hi[row]}, error {error[row]}"


@OF_EVERY_KERNEL
@pytest.mark.parametrize("missing", [False, True], ids=["whole", "gaps"])
@pytest.mark.parametrize("name", FAMILIES)
def test_families_meet_the_contract_and_the_target(kernel: Kernel, name: str, missing: bool) -> None:
    missed = []
    for window in WINDOWS:
        errors = worst_errors(kernel, name, missing, window)
        targets = np.broadcast_to(np.asarray(kernel.tolerance if kernel.target is None else kernel.target), len(errors))
        for k, (one, target) in enumerate(zip(errors, targets.tolist(), strict=True)):
            if not one.scaled <= min(target, kernel.tolerance):
                missed.append(f"output {k}: {one.scaled:.2e} > {target:.0e} at {one.where}")
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("kernel", [k for k in ROLLING if k.variants], ids=lambda k: k.name)
@pytest.mark.parametrize("name", FAMILIES)
def test_other_keywords_meet_the_contract(kernel: Kernel, name: str) -> None:
    for keywords in kernel.variants:
        for window in (3, 20):
            rows, want = truth_of(kernel, name, True, window, **keywords)
            got = as_columns(kernel(family(name, True), window, **keywords))[rows]
            error = want.scaled_error(got)
            at = int(error.max(axis=1).argmax())
            assert error.max() <= kernel.tolerance, (dict(keywords), window, rows[at], got[at], want.hi[at])


@pytest.mark.parametrize("name", FAMILIES)
def test_min_max_and_median_are_the_values_themselves(name: str) -> None:
    for kernel in (KERNELS[n] for n in ("rolling_min", "rolling_max", "rolling_median")):
        for window in WINDOWS:
            rows, want = truth_of(kernel, name, True, window)
            got = as_columns(kernel(family(name, True), window))[rows]
            np.testing.assert_array_equal(got, want.hi)


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [0.0, 0.1, -3.7, 1e9 + 0.1, 1e15, 1e-300])
def test_a_constant_stays_exact(kernel: Kernel, value: float) -> None:
    x = np.full(300, value)
    x[40:50] = np.nan
    for window in (1, 2, 3, 7, 64, 400):
        got = as_columns(kernel(x, window))
        check_exact(kernel, x, window, 4e-16)
        if kernel.constant is not None:
            assert set(got[np.isfinite(got)].tolist()) <= {kernel.constant}


@OF_EVERY_KERNEL
@pytest.mark.parametrize("value", [0.1, 1e9 + 0.1, -7.3])
def test_a_constant_after_a_spike_is_exact_again(kernel: Kernel, value: float) -> None:
    x = np.full(400, value)
    x[[0, 130, 131]] = [1e15, -1e15, 3e12]
    for window in (2, 5, 33, 100):
        got = as_columns(kernel(x, window))
        clean = as_columns(kernel(np.full(400, value), window))
        quiet = np.array([not ({0, 130, 131} & set(range(max(0, t - window + 1), t + 1))) for t in range(400)])
        quiet &= np.arange(400) >= window
        np.testing.assert_array_equal(got[quiet], clean[quiet])


@OF_EVERY_KERNEL
def test_infinite_values_are_missing(kernel: Kernel) -> None:
    x = family("F-normal", True)[:500]
    without = np.where(np.isfinite(x), x, np.nan)
    for window in (1, 4, 50):
        np.testing.assert_array_equal(kernel(x, window), kernel(without, window))


@pytest.mark.parametrize("name", ["rolling_sum", "rolling_mean", *ORDER])
def test_denormals_are_exact(name: str) -> None:
    rng = np.random.default_rng(11)
    x = rng.integers(-40, 40, 300) * 5e-324
    kernel = KERNELS[name]
    for window in (1, 2, 3, 20, 100):
        want = kernel.exactly(x, window, range(x.size))
        # Means and quantiles fall between denormals: the nearest one, or its neighbour.
        unit = 5e-324 if name in {"rolling_mean", "rolling_quantile"} else 0.0
        assert (np.abs(as_columns(kernel(x, window)) - want.hi) <= unit).all()


@pytest.mark.parametrize("name", ["rolling_sum", "rolling_mean", "rolling_var", "rolling_slope", "rolling_kurt"])
def test_an_overflow_stays_within_its_windows(name: str) -> None:
    clean = np.random.default_rng(4).standard_normal(300)
    x = clean.copy()
    x[100:103] = [1.7e308, 1.7e308, -1.7e308]
    for window in (3, 16, 50):
        got, want = KERNELS[name](x, window), KERNELS[name](clean, window)
        np.testing.assert_array_equal(got[:100], want[:100])
        np.testing.assert_array_equal(got[102 + window :], want[102 + window :])


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_values_near_the_largest_do_not_overflow(name: str, sign: float) -> None:
    x = sign * np.array([1.7e308, 1.7e308, 1.6e308, np.nan, 1.7e308, 1.5e308, 1.79e308, 1.2e308] * 4)
    for window in (1, 2, 3, 4, 7):
        check_exact(KERNELS[name], x, window, 4e-16)


def test_the_median_of_huge_values_of_both_signs() -> None:
    x = np.array([1.7e308, -1.7e308, 1.7e308, -1.7e308])
    np.testing.assert_array_equal(KERNELS["rolling_median"](x, 2), [1.7e308, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(KERNELS["rolling_quantile"](x, 2, q=0.5), [1.7e308, 0.0, 0.0, 0.0])


def test_negative_zero_compares_as_zero() -> None:
    x = np.array([-0.0, 0.0, -0.0, -0.0, 0.0])
    for kernel in ROLLING:
        got = as_columns(kernel(x, 2))
        assert not got[np.isfinite(got)].any()


@pytest.mark.parametrize("name", ["rolling_var", "rolling_std", "rolling_skew", "rolling_kurt", "rolling_mean_std"])
@pytest.mark.parametrize("huge", [1e160, 1e200, 1.7e308])
def test_moments_recover_after_a_huge_value_has_left(name: str, huge: float) -> None:
    clean = np.random.default_rng(3).standard_normal(400)
    x = clean.copy()
    x[50] = huge
    for window in (4, 20, 60):
        got, want = KERNELS[name](x, window), KERNELS[name](clean, window)
        np.testing.assert_array_equal(got[50 + window :], want[50 + window :])


@pytest.mark.parametrize("name", ["rolling_mean", "rolling_var", "rolling_std", "rolling_mad", "rolling_median"])
@pytest.mark.parametrize("scale", [2.0**-60, 2.0**60])
def test_the_relative_error_does_not_depend_on_the_unit(name: str, scale: float) -> None:
    x = 2.0**-13 * np.rint(2.0**13 * (3.0 + np.random.default_rng(8).random(400)))
    for window in (2, 5, 60):
        check_exact(KERNELS[name], x * scale, window, 4e-13, relative=True)


@OF_EVERY_KERNEL
@pytest.mark.parametrize("power", [-40, 40])
def test_a_power_of_two_scales_through(kernel: Kernel, power: int) -> None:
    x = family("F-normal", True)[:800]
    for window in (3, 16, 90):
        got, want = kernel(np.ldexp(x, power), window), kernel(x, window)
        np.testing.assert_array_equal(got, np.ldexp(want, power * kernel.degree))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "median", "mad", "slope", "skew", "kurt", "band_energy"])
def test_negation_goes_through(name: str) -> None:
    x = family("E-stuck", True)[:800]
    sign = -1.0 if name in {"sum", "mean", "median", "slope", "skew"} else 1.0
    kernel = KERNELS[f"rolling_{name}"]
    for window in (3, 16, 90):
        np.testing.assert_array_equal(kernel(-x, window), sign * kernel(x, window))


def test_minimum_and_maximum_mirror_each_other() -> None:
    x = family("B-spikes", True)
    for window in (1, 3, 90):
        np.testing.assert_array_equal(KERNELS["rolling_min"](-x, window), -KERNELS["rolling_max"](x, window))


@pytest.mark.parametrize("window", [5, 64, 300])
def test_quantiles_are_ordered_and_end_at_the_extremes(window: int) -> None:
    x = family("B-spikes", True)[:2000]
    q = [0.0, 0.01, 0.25, 0.5, 0.5, 0.75, 0.99, 1.0]
    found = KERNELS["rolling_quantile"](x, window, q=q)
    assert found.shape == (x.size, len(q))
    np.testing.assert_array_equal(found[:, 0], KERNELS["rolling_min"](x, window))
    np.testing.assert_array_equal(found[:, -1], KERNELS["rolling_max"](x, window))
    np.testing.assert_array_equal(found[:, 3], found[:, 4])
    valid = found[np.isfinite(found[:, 0])]
    assert (np.diff(valid, axis=1) >= 0).all()


def test_hand_computed_values() -> None:
    x = np.array([2.0, 4.0, np.nan, 8.0, 1.0])
    want = {
        "rolling_sum": [2, 6, 6, 12, 9],
        "rolling_mean": [2, 3, 3, 6, 4.5],
        "rolling_var": [math.nan, 2, 2, 8, 24.5],
        "rolling_min": [2, 2, 2, 4, 1],
        "rolling_max": [2, 4, 4, 8, 8],
        "rolling_median": [2, 3, 3, 6, 4.5],
        "rolling_mad": [0, 1, 1, 2, 3.5],
        "rolling_slope": [0, 2, 2, 2, -7],
    }
    for name, values in want.items():
        np.testing.assert_array_equal(KERNELS[name](x, 3), values, err_msg=name)
    np.testing.assert_array_equal(KERNELS["rolling_var"](x, 3, ddof=0), [0, 1, 1, 4, 12.25])
    y = np.array([1.0, 2.0, 4.0, 9.0])
    # Deviations -3, -2, 0, 5: their powers sum to 38, 90 and 722.
    assert KERNELS["rolling_skew"](y, 4)[-1] == pytest.approx(2.0 * math.sqrt(3.0) * 90.0 / 38.0**1.5, abs=1e-14)
    assert KERNELS["rolling_kurt"](y, 4)[-1] == pytest.approx(1.5, abs=1e-14)
    alternating = np.array([1.0, -1.0] * 4)
    energy = KERNELS["rolling_band_energy"](alternating, 8, bands=((0.0, 0.5), (0.5, 0.6)))
    np.testing.assert_array_equal(energy[-1], [0.0, 64.0])
