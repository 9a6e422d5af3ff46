"""The fused feature set: its columns, its numbers, and what becomes of gaps."""

from __future__ import annotations

import acm_rs
import numpy as np
import pytest
from families import FAMILIES, family
from registry import FEATURES, KERNELS, Array, Floats
from registry.features import feature_reference, filled
from registry.rolling import sliding_moments

WINDOWS = (1, 2, 3, 4, 16, 60)
SUFFIX = {"median": "med", "robust_z": "rz"}


def names(columns: int, features: tuple[str, ...] = FEATURES, bands: int = 3) -> list[str]:
    """Spell the column names out, independently of ``acm_rs``."""
    found = []
    for feature in FEATURES:
        if feature not in features:
            continue
        for j in range(columns):
            if feature == "energy":
                found += [f"c{j}_energy_{i}" for i in range(bands)]
            else:
                found.append(f"c{j}_{SUFFIX.get(feature, feature)}")
    return found


def named(x: Array, window: int, **keywords: object) -> dict[str, Floats]:
    """Give the feature columns by name."""
    found = acm_rs.feature_matrix(x, window, **keywords)
    of_names = {key: keywords[key] for key in ("features", "bands") if key in keywords}
    labels = acm_rs.feature_names([f"c{j}" for j in range(x.shape[1])], **of_names)
    assert found.shape == (x.shape[0], len(labels))
    return dict(zip(labels, found.T, strict=True))


def plant(n: int = 240) -> Floats:
    """Columns with gaps, an offset, spikes, a stuck stretch, a constant and nothing at all."""
    rng = np.random.default_rng(21)
    x = rng.standard_normal((n, 6))
    x[:, 1] = 1500.0 + 5.0 * x[:, 1]
    x[::53, 2] = 1e6
    x[:, 3] = np.round(x[:, 3], 1)
    x[60:140, 3] = 0.3
    x[:, 4] = 42.5
    gaps = rng.random((n, 6)) < 0.05
    x[gaps] = np.nan
    x[7, 0], x[8, 0] = np.inf, -np.inf
    x[:, 5] = np.nan
    return x


def test_names_follow_the_drop_in() -> None:
    assert acm_rs.feature_names(["c0", "c1"]) == names(2)
    assert acm_rs.feature_names(["c0", "c1"])[:4] == ["c0_med", "c1_med", "c0_mad", "c1_mad"]
    assert acm_rs.feature_names(["T 1", "p.2"])[-8:] == [
        *(f"T 1_energy_{i}" for i in range(3)),
        *(f"p.2_energy_{i}" for i in range(3)),
        "T 1_rz",
        "p.2_rz",
    ]
    assert acm_rs.feature_names(["c0"], bands=[(0.0, 0.1)]) == names(1, bands=1)
    assert acm_rs.feature_names(["c0"], features=("std", "energy")) == names(1, ("std", "energy"))
    assert len(acm_rs.feature_names(["a"] * 9)) == 99


FILLS = pytest.mark.parametrize("fill", [None, "median", np.array([1.5, np.nan, -3.0, 0.0, np.nan, 7.0])], ids=str)


@FILLS
@pytest.mark.parametrize("window", WINDOWS)
def test_numbers_agree_with_the_references(window: int, fill: Floats | str | None) -> None:
    x = plant()
    x[100:180, 1] = np.nan
    x[:90, 2] = np.inf
    labels = names(x.shape[1])
    energies = [i for i, label in enumerate(labels) if "energy" in label]
    slopes = [i for i, label in enumerate(labels) if label.endswith("_slope")]
    shape = [i for i, label in enumerate(labels) if "skew" in label or "kurt" in label]
    tolerance = np.full(len(labels), 1e-12)
    # The two-pass reference of the shape is itself off by a few 1e-12 in windows of four.
    tolerance[shape] = 1e-11
    for least in {1, (window + 1) // 2, window}:
        got = acm_rs.feature_matrix(x, window, fill=fill, min_periods=least)
        want = feature_reference(x, window, least, fill=fill)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
        assert np.isfinite(got).all() == (fill is not None)
        size = np.maximum(1.0, np.abs(np.nan_to_num(want)))
        totals = np.maximum.accumulate(size[:, energies].max(axis=1))
        size[:, energies] = np.maximum(size[:, energies], totals[:, None])
        # A spike that cancels costs the reference of the slope its digits: its error is relative to the column's scale.
        scale = np.abs(np.where(np.isfinite(x), x, 0.0)).max(axis=0)
        size[:, slopes] = np.maximum(size[:, slopes], scale)
        far = np.argwhere(np.abs(got - want) > tolerance * size)
        assert far.size == 0, [(int(r), labels[c], got[r, c], want[r, c]) for r, c in far[:5]]


@pytest.mark.parametrize("name", FAMILIES)
def test_numbers_of_filled_gaps_are_those_of_the_single_kernels(name: str) -> None:
    x = np.stack([family(name, True)[:700], family(name, False)[3000:3700]], axis=1)
    full = filled(x)
    for window in WINDOWS:
        got = named(x, window, fill="median")
        for j in range(2):
            c = np.ascontiguousarray(full[:, j])
            single = {
                "med": acm_rs.rolling_median(c, window),
                "mad": acm_rs.rolling_mad(c, window),
                "mean": acm_rs.rolling_mean(c, window),
                "std": acm_rs.rolling_std(c, window),
                "slope": acm_rs.rolling_slope(c, window),
                "skew": np.clip(acm_rs.rolling_skew(c, window), -100, 100),
                "kurt": np.clip(acm_rs.rolling_kurt(c, window), -1000, 1000),
            }
            energy = acm_rs.rolling_band_energy(c, window)
            for i in range(3):
                single[f"energy_{i}"] = energy[:, i]
            robust = (c - single["med"]) / (1.4826 * np.maximum(single["mad"], 1e-9) + 1e-9)
            single["rz"] = np.clip(robust, -100, 100)
            for feature, values in single.items():
                want = np.where(np.isfinite(values), values, 0.0)
                ours = got[f"c{j}_{feature}"]
                loose = 4e-16 * np.maximum(1.0, np.abs(want)) if feature == "rz" else 0.0
                far = np.flatnonzero(np.abs(ours - want) > loose)
                assert far.size == 0, (window, j, feature, far[:3], ours[far[:3]], want[far[:3]])


@pytest.mark.parametrize("name", FAMILIES)
def test_numbers_are_exact(name: str) -> None:
    x = family(name, True)[:3100].copy()
    kept, got = named(x[:, None], 16), named(x[:, None], 16, fill="median")
    rows = [0, 1, 2, 3, 14, 15, 16, 57, 58, 72, 73, 310, 700, 716, 1500, 1507, 1515, 1999, 2014, 3000, 3001, 3016, 3099]
    full = filled(x[:, None])[:, 0]
    for feature in ("med", "mad", "mean", "std", "slope", "skew", "kurt"):
        kernel = KERNELS["rolling_median" if feature == "med" else f"rolling_{feature}"]
        want = kernel.exactly(x, 16, rows)
        assert want.scaled_error(kept[f"c0_{feature}"][rows]).max() <= 1e-12, feature
        want = kernel.exactly(full, 16, rows)
        error = want.scaled_error(got[f"c0_{feature}"][rows])
        defined = np.isfinite(want.hi)
        assert error[defined].max(initial=0.0) <= 1e-12, (feature, rows[int(error.argmax())])
        assert not got[f"c0_{feature}"][rows][~defined[:, 0]].any()
    for of, found in ((x, kept), (full, got)):
        want = KERNELS["rolling_band_energy"].exactly(of, 16, rows)
        ours = np.column_stack([found[f"c0_energy_{i}"][rows] for i in range(3)])
        assert want.scaled_error(ours).max() <= 1e-12


def test_missing_values_are_filled_before_anything_else() -> None:
    x = plant()
    full = filled(x)
    assert np.isfinite(full).all()
    want = np.nan_to_num(acm_rs.feature_matrix(full, 9), nan=0.0)
    np.testing.assert_array_equal(acm_rs.feature_matrix(x, 9, fill="median"), want)
    np.testing.assert_array_equal(acm_rs.feature_matrix(x, 9, fill=np.str_("median")), want)


def test_fill_takes_the_place_of_the_median() -> None:
    x = plant()
    fill = np.array([1.5, np.nan, -3.0, 0.0, np.nan, 7.0])
    got = acm_rs.feature_matrix(x, 9, fill=fill)
    want = np.nan_to_num(acm_rs.feature_matrix(filled(x, fill), 9), nan=0.0)
    np.testing.assert_array_equal(got, want)
    for form in (fill.tolist(), fill.astype(np.float32)):
        np.testing.assert_array_equal(acm_rs.feature_matrix(x, 9, fill=form), want)
    same = acm_rs.feature_matrix(x, 9, fill=np.full(6, 2.5))
    np.testing.assert_array_equal(acm_rs.feature_matrix(x, 9, fill=2.5), same)
    np.testing.assert_array_equal(named(x, 9, fill=fill)["c5_mean"], 7.0)
    nothing = np.full(6, np.nan)
    medians = acm_rs.feature_matrix(x, 9, fill="median")
    np.testing.assert_array_equal(acm_rs.feature_matrix(x, 9, fill=nothing), medians)
    np.testing.assert_array_equal(acm_rs.feature_matrix(x, 9, fill=None), acm_rs.feature_matrix(x, 9))


def test_the_median_for_filling_is_the_exact_one() -> None:
    for values, median in (
        ([1.0, 4.0, np.nan], 2.5),
        ([1.7e308, 1.7e308, np.nan], 1.7e308),
        ([3.0, np.inf, -1.0, 8.0, np.nan], 3.0),
        ([1e9, 1e9 + 2.0**-23, np.nan], 1e9),
    ):
        x = np.array(values)[:, None]
        got = named(x, 1, fill="median")["c0_med"]
        np.testing.assert_array_equal(got[~np.isfinite(x[:, 0])], median)


def test_a_column_without_values_is_missing_or_filled_by_zero() -> None:
    x = plant()
    for label, values in named(x, 12).items():
        if label.startswith("c5_"):
            # A window of fewer rows than half has no energy, whatever is in it.
            assert np.isnan(values[5 if "energy" in label else 0 :]).all(), label
    for label, values in named(x, 12, fill="median").items():
        if label.startswith("c5_"):
            assert not values.any()


def test_a_constant_column_has_no_spread() -> None:
    x = np.full((50, 1), 0.1)
    for label, values in named(x, 8, fill="median").items():
        if label in {"c0_med", "c0_mean"}:
            np.testing.assert_array_equal(values, 0.1)
        else:
            assert not values.any(), label
    got = named(x, 8)
    assert np.isnan(got.pop("c0_skew")).all()
    assert np.isnan(got.pop("c0_kurt")).all()
    assert np.isnan(got["c0_std"][0])
    got["c0_std"] = got["c0_std"][1:]
    for label, values in got.items():
        np.testing.assert_array_equal(values, 0.1 if label in {"c0_med", "c0_mean"} else 0.0, err_msg=label)


def test_skew_and_kurt_are_clipped() -> None:
    x = np.zeros((10_100, 1))
    x[0] = 1.0
    x[1::2] = 1e-9
    got = named(x, 10_100)
    assert np.nanmax(got["c0_kurt"]) == 1000.0
    assert np.nanmax(got["c0_skew"]) == 100.0
    free = sliding_moments(x[:, 0][:2000], 2000)
    assert np.nanmax(free["kurt"]) > 1000.0


def test_the_robust_score_is_clipped_and_has_a_floor() -> None:
    x = np.zeros((30, 1))
    x[10], x[20], x[25] = 5.0, -5.0, 1e-8
    score = named(x, 7)["c0_rz"]
    assert score[10] == 100.0
    assert score[20] == -100.0
    assert score[25] == pytest.approx(1e-8 / (1.4826e-9 + 1e-9), rel=1e-12)
    assert not score[11:20].any()


@pytest.mark.parametrize("feature", FEATURES)
def test_one_feature_alone_has_the_same_bytes(feature: str) -> None:
    x = plant()
    everything = named(x, 10)
    for label, values in named(x, 10, features=(feature,)).items():
        np.testing.assert_array_equal(values, everything[label])


def test_names_and_columns_keep_together_in_any_order() -> None:
    x = plant()
    everything = named(x, 10)
    for features in (("mean", "energy", "robust_z"), ["robust_z", "energy", "mean"], ("kurt", "median")):
        some = named(x, 10, features=features)
        assert sorted(some) == sorted(names(6, tuple(features)))
        for label, values in some.items():
            np.testing.assert_array_equal(values, everything[label], err_msg=label)


def test_no_features_give_no_columns_or_an_error() -> None:
    try:
        found = acm_rs.feature_matrix(plant(), 5, features=())
    except ValueError as error:
        assert "`features`" in str(error)  # noqa: PT017
    else:
        assert found.shape == (240, 0)


def test_bands_and_sampling_frequency_go_through() -> None:
    x = plant()
    bands = [(0.0, 2.0), (1.0, 4.5)]
    for y, fill in ((x, None), (filled(x), "median")):
        got = named(x, 20, bands=bands, fs=8.0, fill=fill)
        for j in range(6):
            want = acm_rs.rolling_band_energy(np.ascontiguousarray(y[:, j]), 20, bands=bands, fs=8.0)
            for i in range(2):
                np.testing.assert_array_equal(got[f"c{j}_energy_{i}"], want[:, i])
    np.testing.assert_array_equal(
        acm_rs.feature_matrix(x, 20, fs=8.0), acm_rs.feature_matrix(x, 20), err_msg="default bands follow fs"
    )


def test_energies_of_the_leading_rows() -> None:
    got = named(np.random.default_rng(3).standard_normal((30, 1)), 16)
    for i in range(3):
        assert not got[f"c0_energy_{i}"][:7].any()
    assert got["c0_energy_2"][8:].all()


def test_a_window_beyond_the_data_and_a_single_row() -> None:
    x = plant(30)
    without_energy = tuple(f for f in FEATURES if f != "energy")
    np.testing.assert_array_equal(
        acm_rs.feature_matrix(x, 500, features=without_energy), acm_rs.feature_matrix(x, 30, features=without_energy)
    )
    one = named(np.array([[3.5]]), 16, fill="median")
    assert one["c0_med"][0] == one["c0_mean"][0] == 3.5
    assert sum(abs(v[0]) for v in one.values()) == 7.0
    one = named(np.array([[3.5]]), 16)
    assert one["c0_med"][0] == one["c0_mean"][0] == 3.5
    assert {label for label, values in one.items() if np.isnan(values[0])} == {"c0_std", "c0_skew", "c0_kurt"}
    assert sum(abs(v[0]) for v in one.values() if not np.isnan(v[0])) == 7.0
