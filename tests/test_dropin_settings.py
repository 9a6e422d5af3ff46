"""Settings of the drop-ins: every one works as it is meant, whatever kind of number it is, or is refused by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dropins import history

pytest.importorskip("sklearn")
from core import ar1_detector, correlation, drift, fast_features, omr, outliers, regime_clustering

X = history(rows=200, sensors=3)


@dataclass(frozen=True)
class Setting:
    """A setting: where it stands, and what it may be and may not be."""

    place: str
    good: tuple[Any, ...]
    bad: tuple[Any, ...]
    start: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return self.place.split(":")[1]

    def use(self, value: Any) -> list[Any]:
        """Fit and score with this setting, and give the numbers."""
        part: dict[str, Any] = {**(self.start or {}), self.name.rsplit(".", 1)[-1]: value}
        for section in reversed(self.name.split(".")[:-1]):
            part = {section: part}
        return USES[self.place.split(":")[0]](part)


def _ar1(cfg: dict[str, Any]) -> list[Any]:
    model = ar1_detector.AR1Detector(cfg).fit(X)
    return [model.score(X), list(model.sdmap.values())]


def _pca(cfg: dict[str, Any]) -> list[Any]:
    return list(correlation.PCASubspaceDetector(cfg).fit(X).score(X))


def _scaler(cfg: dict[str, Any]) -> list[Any]:
    return [correlation.RobustStandardScaler(**cfg).fit_transform(X)]


def _omr(cfg: dict[str, Any]) -> list[Any]:
    labels = np.where(np.arange(len(X)) < 120, 1, 0)
    flat, under = omr.OMRDetector(cfg).fit(X, labels), omr.OMRDetector({"omr": cfg}).fit(X, labels)
    np.testing.assert_array_equal(flat.score(X), under.score(X))
    return list(flat.score(X, return_contributions=True))


FUSED = np.abs(np.random.default_rng(1).normal(size=120)) + np.linspace(0.0, 3.0, 120)


def _cusum(cfg: dict[str, Any]) -> list[Any]:
    model = drift.CUSUMDetector(**cfg).fit(FUSED)
    return [model.score(FUSED), model.threshold]


def _drift(cfg: dict[str, Any]) -> list[Any]:
    out = {"frame": pd.DataFrame({"fused": FUSED})}
    frame = drift.compute(out["frame"], out, cfg)["frame"]
    modes = drift.compute_drift_alert_mode(frame.copy(), cfg)["alert_mode"] == "DRIFT"
    return [frame.to_numpy(), modes]


def _forest(cfg: dict[str, Any]) -> list[Any]:
    model = outliers.IsolationForestDetector({"n_estimators": 5, **cfg}).fit(X)
    return [model.score(X), model.predict(X)]


def _mixture(cfg: dict[str, Any]) -> list[Any]:
    model = outliers.GMMDetector({"n_init": 1, "n_components": 3, **cfg}).fit(X)
    return [model.score(X), model.decision_function(X)]


def _regimes(cfg: dict[str, Any]) -> list[Any]:
    section = cfg["regimes"]
    if "auto_k" in section or "quality" in section:
        section["clustering"] = {"method": "kmeans"}
    found = regime_clustering.cluster_regimes(X, cfg)
    z = found.scaler.transform(X)
    return [found.labels_, found.threshold, found.predict_proba(z)]


USES: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "ar1": _ar1,
    "pca": _pca,
    "scaler": _scaler,
    "omr": _omr,
    "cusum": _cusum,
    "drift": _drift,
    "forest": _forest,
    "mixture": _mixture,
    "regimes": _regimes,
}

NOT_NUMBERS: tuple[Any, ...] = (
    None,
    True,
    np.bool_(False),
    "many",
    "",
    float("nan"),
    np.float32("nan"),
    "nan",
    [5],
    np.array([5, 6]),
    5j,
    {},
)
NOT_SWITCHES: tuple[Any, ...] = (None, 2, -1, "maybe", "", float("nan"), 0.5, [], {"a": 1})
NOT_WORDS: tuple[Any, ...] = (None, "unknown", "", 1, True, float("nan"), ["eom"], b"eom")


def whole(place: str, value: int, least: int, **start: Any) -> Setting:
    """A whole number, at least so much."""
    good = (value, np.int64(value), np.uint8(value), np.float32(value), float(value), str(value), f"{value}.0")
    bad = (*NOT_NUMBERS, least - 1, -7, value + 0.5, str(value + 0.5), float("inf"), "1e30", 10**400)
    return Setting(place, good, bad, start)


def real(place: str, value: float, *bad: Any, **start: Any) -> Setting:
    """A number with bounds; it is a fraction of a power of two, so that each kind of it is the same number."""
    good = (value, np.float64(value), np.float32(value), np.float16(value), str(value), Fraction(value))
    return Setting(place, good, (*NOT_NUMBERS, *bad), start)


def switch(place: str, **start: Any) -> list[Setting]:
    """True or False."""
    return [
        Setting(place, (True, np.bool_(True), 1, np.int64(1), "True", "true", "1"), NOT_SWITCHES, start),
        Setting(place, (False, np.bool_(False), 0, np.int8(0), "False", "false", "0"), NOT_SWITCHES, start),
    ]


def word(place: str, *words: str) -> list[Setting]:
    """One of some words."""
    return [Setting(place, (text, np.str_(text)), NOT_WORDS) for text in words]


INF = float("inf")
SETTINGS = [
    real("ar1:eps", 0.125, -0.5, INF),
    real("ar1:phi_cap", 0.25, -0.1, 1.0, 1.5, INF),
    real("ar1:sd_floor", 4.0, 0.0, -1e-6, INF),
    *word("ar1:fuse", "mean", "median", "p95"),
    whole("pca:n_components", 2, 1),
    *switch("pca:incremental"),
    whole("pca:batch_size", 100, 1),
    real("scaler:epsilon", 0.5, -1.0, INF),
    *switch("scaler:with_centering"),
    *switch("scaler:with_scaling"),
    *word("omr:model_type", "auto", "pls", "linear", "pca"),
    Setting("omr:model_type", ("pls", omr.ModelType.PLS), ()),
    whole("omr:n_components", 2, 1),
    real("omr:alpha", 0.5, 0.0, -1.0, INF),
    whole("omr:min_samples", 50, 1),
    real("omr:max_z_score", 4.0, 0.0, -1.0),
    Setting("omr:max_z_score", (INF, "inf"), ()),
    real("omr:variance_floor", 0.5, -0.5, INF),
    real("omr:missingness_drop", 0.25, -0.5, 1.5, INF),
    whole("omr:healthy_regime", 1, 0),
    real("cusum:threshold", 3.0, 0.0, -1.0, INF),
    real("cusum:drift", 0.25, -1.0, INF),
    real("drift:drift.cusum.threshold", 3.0, 0.0, -1.0, INF),
    real("drift:drift.cusum.drift", 0.25, -1.0, INF),
    real("drift:drift.cusum.smoothing_alpha", 0.25, 0.0, 1.5, INF),
    real("drift:drift.p95_threshold", 3.0, INF, -INF),
    *switch("drift:drift.multi_feature.enabled"),
    whole("drift:drift.multi_feature.trend_window", 10, 1, enabled=True),
    real("drift:drift.multi_feature.trend_threshold", 0.25, INF, enabled=True),
    real("drift:drift.multi_feature.fused_drift_min", 0.5, INF, enabled=True),
    real("drift:drift.multi_feature.fused_drift_max", 4.0, INF, enabled=True),
    real("drift:drift.multi_feature.regime_volatility_max", 0.5, INF, enabled=True),
    real("drift:drift.multi_feature.hysteresis_on", 2.0, INF, enabled=True),
    real("drift:drift.multi_feature.hysteresis_off", 1.0, INF, enabled=True),
    whole("forest:n_estimators", 7, 1),
    whole("forest:random_state", 3, 0),
    Setting("forest:max_samples", ("auto", np.str_("auto"), 256, 256.0, "256"), (*NOT_NUMBERS, 0, -1, 1.5, INF, "all")),
    Setting("forest:max_samples", (100, np.int64(100), np.float64(100), "100", 0.5, np.float32(0.5), "0.5"), ()),
    Setting("forest:max_samples", (1.0, np.float32(1.0), "1.0", 200, 10**6), ()),
    Setting("forest:max_samples", (2, 1, np.int64(1), "1"), ()),
    real("forest:contamination", 0.125, 0.0, -0.1, 0.75, INF, "Auto"),
    Setting("forest:contamination", ("auto", np.str_("auto")), ()),
    *switch("forest:bootstrap"),
    *switch("forest:warm_start"),
    whole("mixture:n_components", 2, 1),
    *word("mixture:covariance_type", "diag", "full", "tied", "spherical"),
    real("mixture:reg_covar", 0.125, -0.1, INF),
    *switch("mixture:enable_bic_search"),
    whole("mixture:n_init", 2, 1),
    whole("mixture:max_iter", 50, 1),
    *word("mixture:init_params", "kmeans", "k-means++", "random", "random_from_data"),
    whole("mixture:random_state", 3, 0),
    whole("mixture:k_min", 3, 1),
    whole("mixture:k_max", 2, 1, k_min=1),
    *word("regimes:regimes.clustering.method", "hdbscan", "kmeans", "gmm"),
    *switch("regimes:regimes.clustering.use_gmm_fallback"),
    whole("regimes:regimes.hdbscan.min_cluster_size", 20, 2),
    whole("regimes:regimes.hdbscan.min_cluster_size_absolute", 20, 2),
    whole("regimes:regimes.hdbscan.min_cluster_size_max", 20, 2),
    whole("regimes:regimes.hdbscan.min_samples", 5, 1),
    whole("regimes:regimes.hdbscan.max_fit_samples", 150, 10),
    real("regimes:regimes.hdbscan.cluster_selection_epsilon", 0.5, -0.5, INF),
    *word("regimes:regimes.hdbscan.cluster_selection_method", "eom", "leaf"),
    *word("regimes:regimes.hdbscan.metric", "euclidean"),
    *switch("regimes:regimes.hdbscan.allow_single_cluster"),
    whole("regimes:regimes.auto_k.k_min", 3, 1),
    whole("regimes:regimes.auto_k.k_max", 3, 1, k_min=1),
    whole("regimes:regimes.auto_k.n_init", 2, 1),
    whole("regimes:regimes.auto_k.random_state", 3, 0),
    whole("regimes:regimes.auto_k.max_eval_samples", 50, 10),
    real("regimes:regimes.quality.silhouette_min", 0.125, -1.5, 1.5, INF),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.place.replace(":", "-"))
def test_every_kind_of_a_value_is_the_same_value(setting: Setting) -> None:
    first = setting.use(setting.good[0])
    assert all(np.isfinite(np.asarray(part)).all() for part in first)
    for other in setting.good[1:]:
        for a, b in zip(setting.use(other), first, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.place.replace(":", "-"))
def test_what_it_cannot_be_is_refused_by_name(setting: Setting) -> None:
    for value in setting.bad:
        if value is None and setting.place in {"omr:healthy_regime", "scaler:epsilon"}:
            continue  # Their defaults.
        words = re.escape(f"{setting.name} must be ") + ".*, got " + re.escape(repr(value))
        with pytest.raises(ValueError, match=f"^{words}$"):
            setting.use(value)


DESCRIBED = {
    "ar1": ar1_detector.AR1Detector,
    "pca": correlation.PCASubspaceDetector,
    "omr": omr.OMRDetector,
    "forest": outliers.IsolationForestDetector,
    "mixture": outliers.GMMDetector,
    "regimes": regime_clustering.cluster_regimes,
}
SECTIONS = {"clustering", "hdbscan", "auto_k", "quality"}


@pytest.mark.parametrize("kind", DESCRIBED)
def test_every_setting_is_asked(kind: str) -> None:
    """Those that the docstrings describe are those of this file."""
    parameters = str(DESCRIBED[kind].__doc__).split("Parameters")[1].split("----------")[1]
    described = set(re.findall("``([a-z_]+)``", parameters.split("\n\n")[0])) - SECTIONS
    asked = {s.name.rsplit(".", 1)[-1] for s in SETTINGS if s.place.startswith(f"{kind}:")}
    assert described == asked


@pytest.mark.parametrize(
    "make",
    [
        ar1_detector.AR1Detector,
        correlation.PCASubspaceDetector,
        omr.OMRDetector,
        outliers.IsolationForestDetector,
        outliers.GMMDetector,
    ],
)
def test_detectors_take_a_dict_or_nothing(make: Any) -> None:
    for nothing in (None, {}, pd.Series(dtype=float).to_dict()):
        make(nothing)
    for wrong in ([("a", 1)], "n_components", 5, {"a"}):
        with pytest.raises(TypeError, match=r"cfg must be a dict of settings, got (list|str|int|set)"):
            make(wrong)


def test_sections_are_dicts() -> None:
    for cfg in (None, {}, {"regimes": None}, {"regimes": {"hdbscan": None, "auto_k": {}}}):
        regime_clustering.cluster_regimes(X, cfg)
    for wrong, name in (
        ([1], "cfg"),
        ({"regimes": "hdbscan"}, "regimes"),
        ({"regimes": {"hdbscan": [("min_samples", 3)]}}, "regimes.hdbscan"),
        ({"regimes": {"quality": 0.3}}, "regimes.quality"),
    ):
        with pytest.raises(TypeError, match=f"{name} must be a dict of settings, got "):
            regime_clustering.cluster_regimes(X, wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pre_scaled must be True or False, got 'no'"):
        regime_clustering.cluster_regimes(X, pre_scaled="no")  # type: ignore[arg-type]


def test_sections_of_drift_and_omr() -> None:
    frame = pd.DataFrame({"fused": FUSED})
    for cfg in (None, {}, {"drift": None}, {"drift": {"cusum": None, "multi_feature": {}}}):
        drift.compute(frame, {"frame": frame}, cfg)  # type: ignore[arg-type]
        drift.compute_drift_alert_mode(frame, cfg)
    for wrong, name in (([1], "cfg"), ({"drift": 2.0}, "drift"), ({"drift": {"cusum": [1]}}, "drift.cusum")):
        with pytest.raises(TypeError, match=f"{name} must be a dict of settings, got "):
            drift.compute(frame, {"frame": frame}, wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"drift\.multi_feature must be a dict of settings, got bool"):
        drift.compute_drift_alert_mode(frame, {"drift": {"multi_feature": True}})
    with pytest.raises(TypeError, match="omr must be a dict of settings, got list"):
        omr.OMRDetector({"omr": ["pca"]})


def test_settings_beside_those_under_omr_are_told(caplog: pytest.LogCaptureFixture) -> None:
    assert omr.OMRDetector({"omr": {"alpha": 2.0}, "n_components": 3}).n_components == 5
    assert "not these beside it: ['n_components']" in caplog.text


def test_windows_and_counts() -> None:
    for window in (0, -3, 2.5, True, None, "many"):
        for work in (drift.compute_drift_trend, drift.compute_regime_volatility):
            with pytest.raises(ValueError, match="window must be a whole number from 1 to "):
                work([1.0, 2.0, 4.0], window=window)  # type: ignore[arg-type]
        if window != 0:
            with pytest.raises(ValueError, match="top_n must be a whole number from 0 to "):
                omr.OMRDetector().get_top_contributors(X, X.index[0], window)  # type: ignore[arg-type]
    assert drift.compute_drift_trend([1.0, 2.0, 4.0], window=np.int64(2)) == 2.0


def test_bounds_that_cross() -> None:
    with pytest.raises(ValueError, match=r"fused_drift_min must be at most fused_drift_max, got 6.0 and 5.0"):
        drift.compute_drift_alert_mode(X.copy(), {"drift": {"multi_feature": {"fused_drift_min": 6}}})
    with pytest.raises(ValueError, match="k_min must be at most k_max, got 4 and 3"):
        outliers.GMMDetector({"k_min": 4, "k_max": "3"})
    with pytest.raises(ValueError, match=r"k_min must be at most regimes.auto_k.k_max, got 9 and 6"):
        regime_clustering.cluster_regimes(X, {"regimes": {"auto_k": {"k_min": 9}}})


def test_a_mixture_of_one_state_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """As in ACM, where anything below two states is five."""
    one, five = (outliers.GMMDetector({"n_components": k}).fit(X).score(X) for k in (1, 5))
    np.testing.assert_array_equal(one, five)
    assert "n_components 1 counts as 5" in caplog.text


def test_a_configuration_that_is_no_plain_dict() -> None:
    """ACM's own is a mapping."""
    from types import MappingProxyType

    model = outliers.IsolationForestDetector(MappingProxyType({"n_estimators": 3})).fit(X)
    assert model.model is not None
    assert model.model.n_estimators == 3


FEATURES: list[tuple[str, float, Callable[[Any], Any]]] = [
    ("confidence_threshold", 0.5, lambda v: fast_features.ConfidenceGatedNormalizer(confidence_threshold=v)),
    ("epsilon", 0.5, lambda v: fast_features.ConfidenceGatedNormalizer(epsilon=v)),
    ("min_regime_samples", 5, lambda v: fast_features.ConfidenceGatedNormalizer(min_regime_samples=v)),
    ("window", 5, lambda v: fast_features.rolling_median(X, v)),
    ("min_periods", 1, lambda v: fast_features.rolling_median(X, 5, min_periods=v)),
    ("skew_clip", 0.5, lambda v: fast_features.rolling_skew_kurt(X, 5, skew_clip=v)),
    ("kurt_clip", 0.5, lambda v: fast_features.rolling_skew_kurt(X, 5, kurt_clip=v)),
    ("fs", 0.5, lambda v: fast_features.rolling_spectral_energy(X, 5, fs=v)),
    ("bands", float("nan"), lambda v: fast_features.rolling_spectral_energy(X, 5, bands=v)),
    ("max_lag", 2, lambda v: fast_features.build_lagged_features(X, v)),
    ("batch_size", 2, lambda v: fast_features.batched_pairwise_lag(X, batch_size=v)),
    ("min_corr", 0.5, lambda v: fast_features.batched_pairwise_lag(X, min_corr=v)),
    ("low_var_threshold", 0.5, lambda v: fast_features.impute_features(X, X, v)),
]


@pytest.mark.parametrize(("name", "value", "use"), FEATURES, ids=[name for name, _, _ in FEATURES])
def test_settings_of_features(name: str, value: float, use: Callable[[Any], Any]) -> None:
    """They are arguments of functions, not texts of a table: digits in a text are refused too."""
    if value == value:
        use(value)
        use(np.int64(value) if isinstance(value, int) else np.float32(value))
    # Any threshold of confidence may be, one below all of them too.
    for bad in (True, np.bool_(True), "many", "5", float("nan"), 5j, {"a": 1}, -1, np.complex128(5)):
        if not (name == "confidence_threshold" and bad == -1):
            with pytest.raises(ValueError, match=f"^{name} must "):
                use(bad)
    if name != "bands":
        with pytest.raises(ValueError, match=f"^{name} must "):
            use(None)


@pytest.mark.parametrize(
    "model",
    [
        ar1_detector.AR1Detector({"alpha": np.float32(0.05)}),
        correlation.PCASubspaceDetector({"n_components": np.int64(2)}),
        outliers.IsolationForestDetector({"n_estimators": np.int64(20), "random_state": np.int64(3)}),
        outliers.GMMDetector({"random_state": np.int64(3), "reg_covar": np.float32(0.01)}),
        omr.OMRDetector({"n_components": np.int64(2)}),
        omr.OMRDetector({"omr": {"n_components": np.int64(2)}}),
    ],
    ids=lambda model: type(model).__name__,
)
def test_numbers_of_numpy_among_settings_are_plain_ones_in_what_is_kept(model: Any) -> None:
    kept = json.loads(json.dumps(model.to_dict()["cfg"]))
    assert kept == model.to_dict()["cfg"]


def test_one_state_at_most_is_two(caplog: pytest.LogCaptureFixture) -> None:
    model = outliers.GMMDetector({"k_min": 1, "k_max": 1}).fit(X)
    assert model.model is not None
    assert len(model.model.means_) == 2


@pytest.mark.parametrize("form", ["full", "tied"])
def test_a_covariance_that_is_none_is_told_by_the_settings_name(form: str, caplog: pytest.LogCaptureFixture) -> None:
    twice = X.assign(again=2.0 * X.iloc[:, 0])
    outliers.GMMDetector({"covariance_type": form, "reg_covar": 0.0}).fit(twice)
    assert "reg_covar must be larger than 0" in caplog.text


def test_a_row_is_no_neighbour_of_its_own_where_regimes_are_extended() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6_000, 2))
    x[3_000:] += 30.0
    density = {"min_samples": 1, "max_fit_samples": 1_500}
    alone = {"use_gmm_fallback": False}
    found = regime_clustering.cluster_regimes(x, {"regimes": {"hdbscan": density, "clustering": alone}})
    assert (found.method, found.n_clusters, found.low_quality) == ("hdbscan", 2, False)
    assert found.noise_ratio < 0.2


def test_the_quality_of_regimes_is_that_of_all_rows() -> None:
    """Rows between those that the regimes were found in may belong to none of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6_000, 2))
    x[3_000:] += 30.0
    looked_at = np.linspace(0, 5_999, 1_200).astype(np.intp)
    others = np.setdiff1d(np.arange(6_000), looked_at)
    x[others] += 100.0 * rng.normal(size=(4_800, 2))
    regimes = {"hdbscan": {"max_fit_samples": 1_200}, "clustering": {"use_gmm_fallback": False}}
    found = regime_clustering.cluster_regimes(x, {"regimes": regimes})
    assert (found.labels_[looked_at] < 0).mean() < 0.2
    assert found.noise_ratio > 0.5
    assert found.low_quality
