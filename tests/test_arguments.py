"""What a Python value must be to become a parameter: numbers, flags, words and sequences are read alike everywhere."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from odd_values import GIANT, Endless, Lying
from test_errors import refused

X = np.random.default_rng(3).standard_normal((200, 3))
LABELS = np.arange(200) % 2
NORMAL = np.random.default_rng(4).standard_normal(400)

NUMBERS: Mapping[str, Callable[[Any], object]] = {
    "rolling_mad scale": lambda v: acm_rs.rolling_mad(X, 5, scale=v),
    "column_median_mad scale": lambda v: acm_rs.column_median_mad(X, v),
    "zscore scale": lambda v: acm_rs.zscore(X, scale=v),
    "rolling_quantile q": lambda v: acm_rs.rolling_quantile(X, 5, v),
    "column_quantiles q": lambda v: acm_rs.column_quantiles(X, v),
    "band_energy fs": lambda v: acm_rs.band_energy(X, v),
    "rolling_band_energy fs": lambda v: acm_rs.rolling_band_energy(X, 8, fs=v),
    "feature_matrix fs": lambda v: acm_rs.feature_matrix(X, 8, fs=v),
    "power_spectrum overlap": lambda v: acm_rs.power_spectrum(X, overlap=v),
    "ewm_mean alpha": lambda v: acm_rs.ewm_mean(X, alpha=v),
    "ewm_mean span": lambda v: acm_rs.ewm_mean(X, span=v),
    "ewm_std halflife": lambda v: acm_rs.ewm_std(X, halflife=v),
    "impute fill": lambda v: acm_rs.impute(X, fill=v),
    "calibrate false_alarm_rate": lambda v: acm_rs.calibrate(NORMAL, v),
    "episodes on": lambda v: acm_rs.episodes(NORMAL, v),
    "cusum threshold": lambda v: acm_rs.cusum(X, v, 0.5),
    "Cusum target": lambda v: acm_rs.Cusum(5.0, 0.5, target=v),
    "EwmaChart sigma": lambda v: acm_rs.EwmaChart(0.2, 3.0, sigma=v),
    "KMeans tol": lambda v: acm_rs.KMeans(3, tol=v),
    "MahalanobisDetector shrinkage": lambda v: acm_rs.MahalanobisDetector(v),
    "FusedDetector trim": lambda v: acm_rs.FusedDetector(trim=v),
    "SimilarityDetector false_alarm_rate": lambda v: acm_rs.SimilarityDetector(false_alarm_rate=v),
    "FusedDetector memories": lambda v: acm_rs.FusedDetector(memories=v),
    "GaussianMixture reg": lambda v: acm_rs.GaussianMixture(reg=v),
    "align_labels min_share": lambda v: acm_rs.align_labels(LABELS, LABELS, min_share=v),
    "Threshold low": lambda v: acm_rs.Threshold(3.0, v, 4.0, False, 1, 10),
}
FLAGS: Mapping[str, Callable[[Any], object]] = {
    "rolling_mean center": lambda v: acm_rs.rolling_mean(X, 5, center=v),
    "ewm_mean adjust": lambda v: acm_rs.ewm_mean(X, alpha=0.5, adjust=v),
    "ewm_mean ignore_na": lambda v: acm_rs.ewm_mean(X, alpha=0.5, ignore_na=v),
    "ewm_std bias": lambda v: acm_rs.ewm_std(X, alpha=0.5, bias=v),
    "smooth_labels causal": lambda v: acm_rs.smooth_labels(LABELS, 3, causal=v),
    "cusum reset": lambda v: acm_rs.cusum(X, 5.0, 0.5, reset=v),
    "Cusum reset": lambda v: acm_rs.Cusum(5.0, 0.5, reset=v),
    "page_hinkley reset": lambda v: acm_rs.page_hinkley(X, 5.0, 0.5, reset=v),
    "PageHinkley reset": lambda v: acm_rs.PageHinkley(5.0, 0.5, reset=v),
    "Threshold extrapolated": lambda v: acm_rs.Threshold(3.0, 2.0, 4.0, v, 1, 10),
}
WORDS: Mapping[str, Callable[[Any], object]] = {
    "band_energy window": lambda v: acm_rs.band_energy(X, window=v),
    "power_spectrum window": lambda v: acm_rs.power_spectrum(X, window=v),
    "correlation method": lambda v: acm_rs.correlation(X, v),
    "compute_correlations_f64 method": lambda v: acm_rs.compute_correlations_f64(X, v),
    "impute method": lambda v: acm_rs.impute(X, v),
    "pairwise_distances metric": lambda v: acm_rs.pairwise_distances(X, metric=v),
    "choose_k method": lambda v: acm_rs.choose_k(X, method=v),
    "AR1Detector fuse": lambda v: acm_rs.AR1Detector(fuse=v),
    "GaussianMixture covariance": lambda v: acm_rs.GaussianMixture(covariance=v),
    "OMRDetector model": lambda v: acm_rs.OMRDetector(v),
    "PCADetector scaling": lambda v: acm_rs.PCADetector(scaling=v),
    "RegimeDetector detector": lambda v: acm_rs.RegimeDetector(v),
    "ScoreFusion combine": lambda v: acm_rs.ScoreFusion(combine=v),
}
SEQUENCES: Mapping[str, Callable[[Any], object]] = {
    "rolling_quantile q": lambda v: acm_rs.rolling_quantile(X, 5, v),
    "column_quantiles q": lambda v: acm_rs.column_quantiles(X, v),
    "rolling_band_energy bands": lambda v: acm_rs.rolling_band_energy(X, 8, v),
    "band_energy bands": lambda v: acm_rs.band_energy(X, bands=v),
    "feature_matrix bands": lambda v: acm_rs.feature_matrix(X, 8, bands=v),
    "feature_matrix features": lambda v: acm_rs.feature_matrix(X, 8, features=v),
    "feature_matrix fill": lambda v: acm_rs.feature_matrix(X, 8, fill=v),
    "feature_names features": lambda v: acm_rs.feature_names(["a"], v),
    "feature_names columns": lambda v: acm_rs.feature_names(v),
    "feature_names bands": lambda v: acm_rs.feature_names(["a"], bands=v),
    "zscore center": lambda v: acm_rs.zscore(X, center=v),
    "impute fill": lambda v: acm_rs.impute(X, fill=v),
    "lag_matrix lags": lambda v: acm_rs.lag_matrix(X, v),
    "rolling_lag_corr pairs": lambda v: acm_rs.rolling_lag_corr(X, 5, 2, v),
    "seasonality periods": lambda v: acm_rs.seasonality(X, periods=v),
    "ar1_residuals phi": lambda v: acm_rs.ar1_residuals(X, v, np.zeros(3)),
    "ar1_residuals mu": lambda v: acm_rs.ar1_residuals(X, np.zeros(3), v),
    "cusum target": lambda v: acm_rs.cusum(X, 5.0, 0.5, target=v),
    "Cusum scale": lambda v: acm_rs.Cusum(5.0, 0.5, scale=v),
    "EwmaChart sigma": lambda v: acm_rs.EwmaChart(0.2, 3.0, sigma=v),
    "FusedDetector memories": lambda v: acm_rs.FusedDetector(memories=v),
    "ScoreFusion weights": lambda v: acm_rs.ScoreFusion(weights=v),
    "OMRDetector.fit weights": lambda v: acm_rs.OMRDetector().fit(X, weights=v),
    "OMRDetector.fit labels": lambda v: acm_rs.OMRDetector().fit(X, labels=v),
    "GaussianMixture.fit labels": lambda v: acm_rs.GaussianMixture(2).fit(X, labels=v),
    "RegimeDetector.fit labels": lambda v: acm_rs.RegimeDetector().fit(X, labels=v),
    "ScoreFusion.fit labels": lambda v: acm_rs.ScoreFusion().fit(X, labels=v),
    "silhouette_score labels": lambda v: acm_rs.silhouette_score(X, v),
    "align_labels labels": lambda v: acm_rs.align_labels(LABELS, v),
    "KMeans.fit sample_weight": lambda v: acm_rs.KMeans(2).fit(X, v),
    "KMeans.fit centers": lambda v: acm_rs.KMeans(2).fit(X, centers=v),
    "Episodes start": lambda v: acm_rs.Episodes(v, [3], [1.0], [1.0], [2]),
    "Episodes peak": lambda v: acm_rs.Episodes([1], [3], v, [1.0], [2]),
    "Episodes peak_row": lambda v: acm_rs.Episodes([1], [3], [1.0], [1.0], v),
}


def written(value: object) -> str:
    """As Python writes it, without the place in memory, which no two processes share."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def of(calls: Mapping[str, Callable[[Any], object]]) -> pytest.MarkDecorator:
    """Parametrise over calls; ``name`` is the argument's."""
    pairs = [(name.rpartition(" ")[2], call) for name, call in calls.items()]
    return pytest.mark.parametrize(("name", "call"), pairs, ids=calls.keys())


# ---- numbers --------------------------------------------------------------------------------------------------------


@of(NUMBERS)
@pytest.mark.parametrize("value", [True, False, np.True_, np.array(True)], ids=written)
def test_flags_are_no_numbers(name: str, call: Callable[[Any], object], value: Any) -> None:
    refused(TypeError, (f"`{name}`", "number", type(value).__name__), lambda: call(value))


@of(NUMBERS)
@pytest.mark.parametrize(
    "value", ["5", b"5", 1j, [None], dict, np.timedelta64(3, "s"), np.datetime64("2020-01-01"), object()], ids=written
)
def test_other_types_are_no_numbers(name: str, call: Callable[[Any], object], value: Any) -> None:
    # Of a duration or a sequence its value is at fault.
    kinds = (TypeError, ValueError) if isinstance(value, str | np.timedelta64 | list) else TypeError
    refused(kinds, (f"`{name}`",), lambda: call(value))


@of(NUMBERS)
@pytest.mark.parametrize("value", [10**400, -(10**400), 10**5000], ids=["10**400", "-10**400", "10**5000"])
def test_whole_numbers_beyond_float64_are_refused(name: str, call: Callable[[Any], object], value: int) -> None:
    refused(ValueError, (f"`{name}`",), lambda: call(value))


@of({name: call for name, call in NUMBERS.items() if name != "impute fill" and "zscore" not in name})
def test_nan_is_no_parameter(name: str, call: Callable[[Any], object]) -> None:
    for value in (float("nan"), np.float32("nan")):
        refused(ValueError, (f"`{name}`",), lambda value=value: call(value))


def test_the_methods_of_a_number_may_raise() -> None:
    class Mine:
        def __float__(self) -> float:
            raise OSError("no")

        __index__ = __float__

    with pytest.raises(TypeError, match="`scale` must be a number, got Mine") as caught:
        acm_rs.rolling_mad(X, 5, scale=Mine())
    assert isinstance(caught.value.__cause__, OSError)

    class Stop:
        def __float__(self) -> float:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        acm_rs.rolling_mad(X, 5, scale=Stop())


@pytest.mark.parametrize("value", [True, False, np.True_])
def test_a_seed_is_no_flag(value: Any) -> None:
    for call in (
        lambda: acm_rs.KMeans(2, seed=value),
        lambda: acm_rs.IsolationForest(seed=value),
        lambda: acm_rs.GaussianMixture(seed=value),
        lambda: acm_rs.RegimeModel(seed=value),
        lambda: acm_rs.choose_k(X, seed=value),
        lambda: acm_rs.silhouette_score(X, LABELS, 10, seed=value),
        lambda: acm_rs.calibrate(NORMAL, 0.1, seed=value),
    ):
        refused(TypeError, ("`seed`", "whole number"), call)


def test_numbers_may_be_of_any_real_type() -> None:
    from decimal import Decimal
    from fractions import Fraction

    want = acm_rs.rolling_mad(X, 5, scale=2.0).tobytes()
    for value in (2, np.int8(2), np.float32(2.0), np.array(2.0), Decimal(2), Fraction(2), np.uint64(2)):
        assert acm_rs.rolling_mad(X, 5, scale=value).tobytes() == want


# ---- flags and words ------------------------------------------------------------------------------------------------


@of(FLAGS)
@pytest.mark.parametrize("value", [0, 1, None, "yes", 1.0, np.array(True), [True], np.int8(1)], ids=written)
def test_flags_are_true_or_false(name: str, call: Callable[[Any], object], value: Any) -> None:
    refused(TypeError, (f"`{name}`", "True or False"), lambda: call(value))


@of(FLAGS)
def test_flags_may_be_of_numpy(name: str, call: Callable[[Any], object]) -> None:
    for value in (True, False):
        one, other = call(value), call(np.bool_(value))
        np.testing.assert_equal(one, other)


@of(WORDS)
def test_words_are_known(name: str, call: Callable[[Any], object]) -> None:
    refused(ValueError, (f"`{name}`", '"nonsense"'), lambda: call("nonsense"))
    refused(ValueError, (f"`{name}`", "udc80"), lambda: call("\udc80"))
    refused(ValueError, (f"`{name}`", "udc80"), lambda: call("hann\udc80"))
    for value in (3, None, b"hann", ["hann"], np.array("hann")):
        refused(TypeError, (f"`{name}`", type(value).__name__), lambda value=value: call(value))
    with pytest.raises(ValueError, match=f"`{name}`") as caught:
        call("x" * 10_000_000)
    assert len(str(caught.value)) < 1000


def test_words_for_numbers_are_named() -> None:
    for value in ("\udc80", "nonsense"):
        refused(ValueError, ("`shrinkage`",), lambda value=value: acm_rs.MahalanobisDetector(value))
        refused(ValueError, ("`n_regimes`",), lambda value=value: acm_rs.RegimeModel(value))
        refused(ValueError, ("`n_components`",), lambda value=value: acm_rs.GaussianMixture(value))
        refused(ValueError, ("`max_samples`",), lambda value=value: acm_rs.IsolationForest(max_samples=value))
        refused(ValueError, ("`window`",), lambda value=value: acm_rs.rolling_mean(X, value))
        refused(ValueError, ("`halflife`",), lambda value=value: acm_rs.ewm_mean(X, halflife=value))
        refused(ValueError, ("`features`",), lambda value=value: acm_rs.feature_matrix(X, 8, features=[value]))


# ---- sequences ------------------------------------------------------------------------------------------------------

GIANTS: Mapping[str, Callable[[], Any]] = {
    "range(2**40)": lambda: range(GIANT),
    "range(2**70)": lambda: range(2**70),
    "0.5, 2**40 times": lambda: np.broadcast_to(0.5, GIANT),
    "0, 2**40 times": lambda: np.broadcast_to(np.int64(0), GIANT),
    "2**40 pairs": lambda: np.broadcast_to(0.5, (GIANT, 2)),
    "2**40 flags": lambda: np.broadcast_to(np.True_, GIANT),
    "says 2**62": lambda: Lying(2**62, None),
    "says -1": lambda: Lying(-1, None),
    "says 2**70": lambda: Lying(2**70, None),
}


@of(SEQUENCES)
@pytest.mark.parametrize("giant", GIANTS.values(), ids=GIANTS.keys())
def test_a_length_is_a_claim(name: str, call: Callable[[Any], object], giant: Callable[[], Any]) -> None:
    refused((TypeError, ValueError, MemoryError), (f"`{name}`",), lambda: call(giant()))


@of(SEQUENCES)
@pytest.mark.parametrize(
    "value", [Lying(2, 4), Lying(4, 2), Lying(3, 2), Lying(1, 3), Lying(2**23, 2), Endless()], ids=lambda v: v.__class__
)
def test_a_length_is_held_against_what_comes(name: str, call: Callable[[Any], object], value: Any) -> None:
    refused((TypeError, ValueError), (f"`{name}`",), lambda: call(value))


@of(SEQUENCES)
@pytest.mark.parametrize(
    "value", ["5", b"5", bytearray(b"5"), {0.5: 1}, {0.5}, iter([0.5]), (v for v in (0.5,)), object()], ids=written
)
def test_what_is_no_sequence_is_refused(name: str, call: Callable[[Any], object], value: Any) -> None:
    if name == "columns" and not isinstance(value, str | bytes | bytearray) and type(value) is not object:
        return
    # What else is no whole number, no name or no known word is refused as a value.
    kinds = (TypeError, ValueError) if name in {"lags", "features", "fill"} else TypeError
    refused(kinds, (f"`{name}`",), lambda: call(value))


def test_lags_are_no_bytes() -> None:
    refused(TypeError, ("`lags`", "bytes"), lambda: acm_rs.lag_matrix(X, b"5"))


def test_sequences_of_every_kind_are_read() -> None:
    import array
    import collections

    want = acm_rs.column_quantiles(X, [0.0, 1.0])
    for q in (
        (0, 1),
        range(2),
        np.array([0, 1]),
        np.array([0, 1], np.int8),
        np.array([0, 1], ">f4"),
        np.array([0, 9, 1, 9.0])[::2],
        array.array("d", [0, 1]),
        collections.deque([0, 1]),
        pd.Series([0.0, 1.0], [7, 8]),
        pd.Index([0.0, 1.0]),
    ):
        np.testing.assert_array_equal(acm_rs.column_quantiles(X, q), want)
    lags = acm_rs.lag_matrix(X, [0, 2])
    for value in ((0, 2), range(0, 4, 2), np.array([0, 2], np.uint8), np.array([0, 2], ">i8")):
        np.testing.assert_array_equal(acm_rs.lag_matrix(X, value), lags)
    bands = acm_rs.band_energy(X, bands=[(0.0, 0.1), (0.1, 0.2)])
    for value in (((0.0, 0.1), [0.1, 0.2]), np.array([[0.0, 0.1], [0.1, 0.2]])):
        np.testing.assert_array_equal(acm_rs.band_energy(X, bands=value), bands)


def test_labels_may_be_of_any_integer_type() -> None:
    want = acm_rs.silhouette_samples(X, LABELS)
    for kind in ("i1", "u1", "i4", ">i8", "u8", ">u2"):
        np.testing.assert_array_equal(acm_rs.silhouette_samples(X, LABELS.astype(kind)), want)
    np.testing.assert_array_equal(acm_rs.silhouette_samples(X, np.repeat(LABELS, 2)[::2]), want)
    beyond = np.full(200, 2**64 - 1, np.uint64)
    refused(ValueError, ("`labels`", "2^63"), lambda: acm_rs.smooth_labels(beyond, 3))


def test_many_labels_are_read_whole() -> None:
    labels = (np.arange(1_000_003) // 7) % 5
    np.testing.assert_array_equal(acm_rs.minimum_dwell(labels.astype(np.int16), 1), labels)


@pytest.mark.parametrize("rows", [2**31, 2**50])
def test_labels_of_another_length_are_refused_at_once(rows: int) -> None:
    labels = np.broadcast_to(np.int64(0), rows)
    for call in (
        lambda: acm_rs.GaussianMixture(2).fit(X, labels=labels),
        lambda: acm_rs.OMRDetector().fit(X, labels=labels),
        lambda: acm_rs.RegimeDetector().fit(X, labels=labels),
        lambda: acm_rs.ScoreFusion().fit(X, labels=labels),
        lambda: acm_rs.silhouette_samples(X, labels),
        lambda: acm_rs.silhouette_score(X, labels),
        lambda: acm_rs.calinski_harabasz_score(X, labels),
        lambda: acm_rs.davies_bouldin_score(X, labels),
    ):
        refused(ValueError, (f"`labels` must have length 200, got {rows}",), call)
    for pair in ((LABELS, labels), (labels, LABELS)):
        refused(ValueError, ("`labels` must have length", str(rows)), lambda pair=pair: acm_rs.align_labels(*pair))


class Slow:
    """A sequence that is read in a minute, and asks for a stop when that has begun."""

    def __len__(self) -> int:
        return 2**24

    def __getitem__(self, place: int) -> float:
        if place == 1000:
            threading.Thread(target=signal.raise_signal, args=(signal.SIGINT,)).start()
        if place > 1000:
            time.sleep(4e-6)
        return 0.5


@pytest.mark.skipif(sys.platform == "win32", reason="signals of other threads")
def test_a_long_sequence_can_be_interrupted() -> None:
    # A process that is started in the background may ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for call in (
            lambda: acm_rs.rolling_quantile(X, 5, Slow()),
            lambda: acm_rs.FusedDetector(memories=Slow()),
            lambda: acm_rs.column_quantiles(X, Slow()),
        ):
            with pytest.raises(KeyboardInterrupt):
                call()
    finally:
        signal.signal(signal.SIGINT, before)


# ---- made by hand ---------------------------------------------------------------------------------------------------


def test_a_threshold_is_whole() -> None:
    good: dict[str, Any] = {
        "threshold": 3.0,
        "low": 2.0,
        "high": 4.0,
        "extrapolated": False,
        "block": 3,
        "known": 10,
    }
    assert float(acm_rs.Threshold(**good)) == 3.0
    assert acm_rs.Threshold(**{**good, "low": 4.0}).low == 4.0
    for name, value in (
        ("block", 10**400 * -1),
        ("block", -1),
        ("block", 1.5),
        ("known", -1),
        ("low", 5.0),
        ("low", float("nan")),
        ("threshold", float("nan")),
        ("high", float("nan")),
        ("threshold", 10**400),
    ):
        refused(ValueError, (f"`{name}`",), lambda name=name, value=value: acm_rs.Threshold(**{**good, name: value}))
    refused(ValueError, ("`low`", "`high`"), lambda: acm_rs.Threshold(3.0, 2, 1, False, 3, 10))
    for name in ("threshold", "low", "high"):
        refused(TypeError, (f"`{name}`",), lambda name=name: acm_rs.Threshold(**{**good, name: True}))
    refused(TypeError, ("`extrapolated`",), lambda: acm_rs.Threshold(**{**good, "extrapolated": 1}))


def test_the_block_of_a_threshold_must_fit() -> None:
    refused(ValueError, ("`block`",), lambda: acm_rs.Threshold(3.0, 2.0, 4.0, False, 10**400, 10))
    refused(ValueError, ("`known`",), lambda: acm_rs.Threshold(3.0, 2.0, 4.0, False, 1, 2**64))


def test_episodes_are_whole() -> None:
    good: dict[str, Any] = {
        "start": [1, 8],
        "end": [4, 9],
        "peak": [2.0, 3.0],
        "area": [1.0, 1.0],
        "peak_row": [2, 8],
    }
    assert acm_rs.Episodes(**good) == acm_rs.Episodes(**{name: np.array(value) for name, value in good.items()})
    for name, value in (
        ("start", [-1, 8]),
        ("start", [5, 8]),
        ("end", [4]),
        ("end", [4, 8]),
        ("peak", [2.0]),
        ("peak_row", [4, 8]),
        ("peak_row", [2, 8, 9]),
        ("area", []),
        ("start", [1, 2**64]),
        ("end", [4, 10**400]),
        ("peak", [2.0, 10**400]),
    ):
        with pytest.raises(ValueError, match=r"`(start|end|peak|area|peak_row)`"):
            acm_rs.Episodes(**{**good, name: value})
    for name, value in (("start", [1.0, 8.0]), ("start", "12"), ("end", b"ab"), ("peak", ["a", "b"]), ("area", None)):
        refused(TypeError, (f"`{name}`",), lambda name=name, value=value: acm_rs.Episodes(**{**good, name: value}))


# ---- None, unknown keywords, the environment ------------------------------------------------------------------------

PLAIN = ("rolling_sum", "rolling_mean", "rolling_min", "rolling_max", "rolling_var", "rolling_std", "rolling_median")
OF_PANDAS = {name: name.removeprefix("rolling_") for name in PLAIN}


@pytest.mark.parametrize("name", PLAIN)
def test_min_periods_none_is_that_of_pandas(name: str) -> None:
    y = np.r_[np.arange(5.0), np.nan, 1.0, 4.0, 2.0]
    function = getattr(acm_rs, name)
    frame = pd.Series(y, pd.date_range("2024-01-01", periods=len(y), freq="s"))
    for window in (1, 3, 20):
        want = getattr(frame.rolling(window, min_periods=None), OF_PANDAS[name])().to_numpy()
        np.testing.assert_allclose(function(y, window, None), want, rtol=1e-12)
        np.testing.assert_allclose(function(y, window, min_periods=None), want, rtol=1e-12)
        assert not np.array_equal(function(y, window), want, equal_nan=True) or window == 1
    want = getattr(frame.rolling("3s", min_periods=None), OF_PANDAS[name])().to_numpy()
    np.testing.assert_allclose(function(y, "3s", None, times=frame.index.to_numpy()), want, rtol=1e-12)


def test_min_periods_none_of_a_mean() -> None:
    np.testing.assert_array_equal(acm_rs.rolling_mean(np.arange(5.0), 3, None), [np.nan, np.nan, 1, 2, 3])
    np.testing.assert_array_equal(acm_rs.rolling_mean(np.arange(5.0), 3), [0, 0.5, 1, 2, 3])


def test_min_periods_none_of_every_rolling_function() -> None:
    x = X[:30].copy()
    more: dict[str, dict[str, Any]] = {
        "rolling_quantile": {"q": 0.3},
        "rolling_cov": {"y": x[:, ::-1].copy()},
        "rolling_corr": {"y": x[:, ::-1].copy()},
        "rolling_lag_corr": {"max_lag": 1},
    }
    # What has durations alone has no window of so many values.
    names = [name for name in acm_rs.__all__ if name.startswith("rolling_") and name != "rolling_time_mean"]
    assert len(names) == 21
    for name in names:
        function = getattr(acm_rs, name)
        data = "data" if name.endswith("_f64") else "x"
        arguments = {data: x, "window": 8, **more.get(name, {})}
        full = function(**arguments, min_periods=8)
        np.testing.assert_array_equal(function(**arguments, min_periods=None), full, err_msg=name)


@pytest.mark.parametrize(
    "call",
    [
        lambda: acm_rs.rolling_std(X, 5, ddof=None),
        lambda: acm_rs.rolling_mad(X, 5, scale=None),
        lambda: acm_rs.rolling_mean(X, 5, center=None),
        lambda: acm_rs.rolling_mean(X, 5, step=None),
        lambda: acm_rs.rolling_mean(X, 5, first_row=None),
        lambda: acm_rs.correlation(X, None),
        lambda: acm_rs.correlation(X, min_periods=None),
        lambda: acm_rs.ewm_mean(X, alpha=0.5, adjust=None),
        lambda: acm_rs.ewm_mean(X, alpha=0.5, min_periods=None),
        lambda: acm_rs.band_energy(X, None),
        lambda: acm_rs.band_energy(X, window=None),
        lambda: acm_rs.impute(X, None),
        lambda: acm_rs.choose_k(X, None),
        lambda: acm_rs.calibrate(NORMAL, 0.1, seed=None),
        lambda: acm_rs.KMeans(2, seed=None),
        lambda: acm_rs.PCADetector(None),
        lambda: acm_rs.FusedDetector(memories=None),
        lambda: acm_rs.Cusum(5.0, 0.5, target=None),
        lambda: acm_rs.Cusum(5.0, 0.5, reset=None),
        lambda: acm_rs.transients(LABELS, None),
    ],
)
def test_none_stands_for_no_default(call: Callable[[], object]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"`\w+` must be .*got None"):
        call()


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("rolling_mean", "windw"),
        ("rolling_std", "dof"),
        ("rolling_quantile", "quantile"),
        ("rolling_mean", "\udc80"),
        ("rolling_lag_corr", "maxlag"),
        ("column_quantiles", "qq"),
        ("feature_matrix", "windw"),
    ],
)
def test_unknown_keywords_name_the_function(name: str, keyword: str) -> None:
    arguments = {"rolling_quantile": (0.5,), "rolling_lag_corr": (1,)}.get(name, ())
    with pytest.raises(TypeError) as caught:
        getattr(acm_rs, name)(X, *(() if name == "column_quantiles" else (5,)), *arguments, **{keyword: 1})
    assert f"{name}() got an unexpected keyword argument" in str(caught.value)


SETTING = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import acm_rs
    import numpy as np
    acm_rs.rolling_mean(np.arange(300_000.0), 3)
    acm_rs.get_num_threads()
for one in caught:
    print(one.category.__name__, one.message)
"""


def _said(value: str | bytes) -> str:
    environment = {**os.environ, "ACM_NUM_THREADS": value}
    done = subprocess.run([sys.executable, "-c", SETTING], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("value", ["abc", "0", "1025", "-2", "1.5", "99999999999999999999", "2 3"])
def test_a_senseless_setting_is_told_once(value: str) -> None:
    said = _said(value)
    must = "`ACM_NUM_THREADS` must be a whole number between 1 and 1024"
    assert said.startswith(f'UserWarning {must}, got "{value}"; acm_rs uses ')
    assert said.count("\n") == 1


@pytest.mark.parametrize("value", ["", " ", "1", " 2 ", "1024"])
def test_a_good_setting_is_not_told(value: str) -> None:
    assert _said(value) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="bytes in the environment")
def test_a_setting_of_other_bytes_is_told() -> None:
    environment = {**os.environb, b"ACM_NUM_THREADS": b"\xff"}
    done = subprocess.run([sys.executable, "-c", SETTING], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("UserWarning `ACM_NUM_THREADS` must be")
