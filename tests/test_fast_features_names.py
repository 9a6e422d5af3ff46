"""What ACM reads of the module: every name, every argument by its place and its keyword, every attribute and text."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core import fast_features as ff

ROLLING = {"df": ..., "window": ..., "cols": None, "min_periods": 1, "return_type": "pandas"}
SPECTRAL = {"df": ..., "window": ..., "cols": None, "bands": None, "fs": 1.0, "min_periods": 1}
LAGS = {"df": ..., "max_lag": 3, "cols": None, "window": None, "min_periods": 1}
SERIES = {"series": ..., "fs": 1.0, "bands": None}
FEATURES = {"window": 3, "cols": None, "fill_values": None}

# The public functions of ACM's module, their arguments in order and the defaults: ours may only have more at the end.
SIGNATURES: dict[str, dict[str, Any]] = {
    "ensure_local_index": {"df": ...},
    "deduplicate_index": {"df": ..., "name": ..., "equip": ""},
    "rolling_median": ROLLING,
    "rolling_mad": ROLLING,
    "rolling_mean_std": ROLLING,
    "rolling_skew_kurt": {**ROLLING, "skew_clip": 100.0, "kurt_clip": 1000.0},
    "rolling_ols_slope": ROLLING,
    "ols_slope": {"x": ...},
    "rolling_spectral_energy": {**SPECTRAL, "return_type": "pandas", "method": "auto"},
    "rolling_spectral_energy_pl": SPECTRAL,
    "rolling_xcorr": {
        **{"df": ..., "window": ..., "target_col": ..., "ref_cols": None, "min_periods": 1, "standardize": True},
        "return_type": "pandas",
    },
    "rolling_pairwise_lag": {**LAGS, "return_type": "pandas"},
    "batched_pairwise_lag": {
        **LAGS,
        **{"batch_size": 100, "min_corr": 0.0, "unique_pairs": True, "return_type": "pandas"},
    },
    "compute_basic_features": {"pdf": ..., **FEATURES},
    "compute_basic_features_pl": {"df": ..., **FEATURES},
    "spectral_energy": SERIES,
    "goertzel_energy": SERIES,
    "RegimeNormStats": dict.fromkeys(("regime_label", "mean", "std", "p05", "p95", "sample_count"), ...),
    "RegimeNormStats.to_dict": {},
    "RegimeNormStats.from_dict": {"data": ...},
    "NormalizationResult": dict.fromkeys(("z_scores", "method_used", "confidence_values", "regime_labels"), ...),
    "ConfidenceGatedNormalizer": {"confidence_threshold": 0.7, "min_regime_samples": 50, "epsilon": 1e-10},
    "ConfidenceGatedNormalizer.fit_global": {"df": ..., "sensor_cols": ...},
    "ConfidenceGatedNormalizer.fit_regime": {"regime_label": ..., "df": ..., "sensor_cols": None},
    "ConfidenceGatedNormalizer.has_regime_stats": {"regime_label": ...},
    "ConfidenceGatedNormalizer.normalize": {"df": ..., "regime_labels": ..., "confidences": ...},
    "ConfidenceGatedNormalizer.get_stats_summary": {},
    "ConfidenceGatedNormalizer.to_dict": {},
    "ConfidenceGatedNormalizer.from_dict": {"data": ...},
    "normalize_with_confidence_gating": {
        **dict.fromkeys(("df", "sensor_cols", "regime_labels", "confidences", "global_mean", "global_std"), ...),
        **{"regime_means": None, "regime_stds": None, "confidence_threshold": 0.7},
    },
    "impute_features": {
        **{"train": ..., "score": ..., "low_var_threshold": ..., "output_manager": None, "run_id": None},
        **{"equip_id": 0, "equip": ""},
    },
}

# How ACM's pipeline, its scripts and its tests call them: how many arguments by place, and which by keyword.
CALLS: list[tuple[str, int, tuple[str, ...]]] = [
    ("ensure_local_index", 1, ()),
    ("deduplicate_index", 3, ()),
    ("compute_basic_features", 1, ("window",)),
    ("compute_basic_features", 1, ("window", "fill_values")),
    ("impute_features", 7, ()),
    ("rolling_median", 1, ("window", "cols")),
    ("rolling_median", 1, ("window", "cols", "min_periods")),
    ("rolling_mad", 1, ("window", "cols", "min_periods")),
    ("rolling_spectral_energy", 1, ("window", "cols", "bands", "fs", "min_periods")),
    ("ConfidenceGatedNormalizer", 0, ()),
    ("ConfidenceGatedNormalizer", 0, ("confidence_threshold",)),
    ("ConfidenceGatedNormalizer", 0, ("min_regime_samples",)),
    ("ConfidenceGatedNormalizer", 0, ("confidence_threshold", "min_regime_samples", "epsilon")),
    ("ConfidenceGatedNormalizer.fit_global", 2, ()),
    ("ConfidenceGatedNormalizer.fit_regime", 3, ()),
    ("ConfidenceGatedNormalizer.normalize", 3, ()),
    ("ConfidenceGatedNormalizer.normalize", 1, ("regime_labels", "confidences")),
    ("ConfidenceGatedNormalizer.has_regime_stats", 1, ()),
    ("ConfidenceGatedNormalizer.get_stats_summary", 0, ()),
    ("ConfidenceGatedNormalizer.to_dict", 0, ()),
    ("ConfidenceGatedNormalizer.from_dict", 1, ()),
    ("RegimeNormStats", 0, ("regime_label", "mean", "std", "p05", "p95", "sample_count")),
    ("RegimeNormStats.from_dict", 1, ()),
    ("normalize_with_confidence_gating", 6, ()),
    ("normalize_with_confidence_gating", 6, ("regime_means", "regime_stds")),
    ("normalize_with_confidence_gating", 2, ("regime_labels", "confidences", "global_mean", "global_std")),
]
FLAGS = ("HAS_POLARS", "HAS_RUST")
CONTEXT = (("GLOBAL_LABEL", -1),)


def parameters(name: str) -> inspect.Signature:
    thing: Any = ff
    for part in name.split("."):
        thing = getattr(thing, part)
    signature = inspect.signature(thing)
    if next(iter(signature.parameters), "") == "self":
        return signature.replace(parameters=list(signature.parameters.values())[1:])
    return signature


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_have_the_names_places_and_defaults_that_acm_knows(name: str) -> None:
    want = SIGNATURES[name]
    got = parameters(name).parameters
    assert list(got)[: len(want)] == list(want)
    for argument, default in want.items():
        assert got[argument].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert got[argument].default == (inspect.Parameter.empty if default is ... else default)
    for argument in list(got)[len(want) :]:
        assert got[argument].default is not inspect.Parameter.empty
    assert name.split(".")[0] in ff.__all__


@pytest.mark.parametrize(("name", "places", "keywords"), CALLS)
def test_acm_calls_are_taken(name: str, places: int, keywords: tuple[str, ...]) -> None:
    parameters(name).bind(*[None] * places, **dict.fromkeys(keywords))


def test_flags_tell_what_is_there() -> None:
    for flag in FLAGS:
        assert isinstance(getattr(ff, flag), bool)
        assert flag in ff.__all__
    assert (ff._pl is not None) == ff.HAS_POLARS
    assert (ff._rs is not None) == ff.HAS_RUST
    for name, value in CONTEXT:
        assert getattr(ff.ConfidenceGatedNormalizer, name) == value


def fitted() -> tuple[ff.ConfidenceGatedNormalizer, pd.DataFrame]:
    frame = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0) ** 2})
    return ff.ConfidenceGatedNormalizer().fit_global(frame, ["a", "b"]).fit_regime(0, frame, ["a", "b"]), frame


def test_attributes_that_acm_reads() -> None:
    normalizer, frame = fitted()
    assert not ff.ConfidenceGatedNormalizer()._is_fitted
    assert normalizer._is_fitted
    assert normalizer._sensor_cols == ["a", "b"]
    assert normalizer._global_stats is not None
    assert normalizer._global_stats.sample_count == 60
    assert (normalizer._global_stats.std[["a", "b"]] > 0.0).all()
    assert normalizer._regime_stats[0].mean["a"] == 29.5
    summary = normalizer.get_stats_summary()
    assert summary["is_fitted"] is True
    assert (summary["confidence_threshold"], summary["regime_count"], list(summary["regime_samples"])) == (0.7, 1, [0])
    result = normalizer.normalize(frame, pd.Series([0] * 60), pd.Series([0.9] * 60))
    assert (result.method_used == "regime_0").all()
    assert result.z_scores.iloc[0]["a"] < 0.0


def test_texts_that_acm_looks_for() -> None:
    normalizer, frame = fitted()
    fresh = ff.ConfidenceGatedNormalizer()
    refused: list[tuple[type[Exception], str, Callable[[], object]]] = [
        (ValueError, "Cannot fit on empty DataFrame", lambda: fresh.fit_global(pd.DataFrame(), ["a"])),
        (ValueError, "No valid sensor columns found", lambda: fresh.fit_global(frame, ["nonexistent"])),
        (RuntimeError, "Must call fit_global", lambda: fresh.fit_regime(0, frame, ["a"])),
        (ValueError, "Regime label must be non-negative", lambda: normalizer.fit_regime(-1, frame, ["a"])),
        (RuntimeError, "Normalizer not fitted", lambda: fresh.normalize(frame, pd.Series(), pd.Series())),
    ]
    for kind, text, call in refused:
        with pytest.raises(kind, match=text):
            call()


def test_shapes_that_acm_goes_on_with() -> None:
    """The pipeline's own order: index, features of both frames with the medians of the first, imputation."""
    stamps = pd.date_range("2020-01-01", periods=40, freq="1h", tz="UTC")
    rng = np.random.default_rng(5)
    train = pd.DataFrame(rng.normal(size=(40, 2)), index=stamps, columns=["a", "b"])
    score = train.iloc[[5, 5, *range(6, 20)]]
    train, score = ff.ensure_local_index(train.copy()), ff.ensure_local_index(score.copy())
    score, removed = ff.deduplicate_index(score, "SCORE", "fan")
    assert removed == 1
    assert score.index.is_unique
    fills = train.select_dtypes(include=[np.number]).median().to_dict()
    features = ff.compute_basic_features(train, window=16)
    scored = ff.compute_basic_features(score, window=16, fill_values=fills)
    features.index, scored.index = train.index, score.index
    left, right, dropped = ff.impute_features(features, scored, 1e-4, None, None, 7, "fan")
    assert list(left.columns) == list(right.columns)
    assert len(left) == 40
    assert len(right) == 15
    assert sorted([*left.columns, *dropped]) == sorted(features.columns)
    assert left.dtypes.eq(np.float64).all()
