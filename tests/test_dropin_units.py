"""A plant in other units: the drop-ins give the same answers, however small or large the numbers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dropins import agree, history

pytest.importorskip("sklearn")
from core import ar1_detector, correlation, drift, omr, outliers, regime_clustering

# The second of each is no power of two: every number is rounded anew.
UNITS = [2.0**-40, 1e-12, 2.0**40, 1e12]


def plant(seed: int) -> pd.DataFrame:
    """Sensors with gaps, one that stands still, one that shakes by rounding, one that seldom moves."""
    x = history(seed, rows=300, sensors=4)
    x.iloc[5:30, 1] = np.nan
    x.iloc[200, 0] += 300.0
    x["still"] = 7.0
    x["shakes"] = 5e3 * (1.0 + 2.0**-52 * (np.arange(len(x)) % 2))
    x["seldom"] = np.where(np.arange(len(x)) % 10 == 0, 5.0, 0.0)
    return x


def _ar1(x: pd.DataFrame) -> list[Any]:
    return list(ar1_detector.AR1Detector().fit(x[:250]).score(x, return_per_sensor=True))


def _pca(x: pd.DataFrame) -> list[Any]:
    return list(correlation.PCASubspaceDetector({"n_components": 2}).fit(x[:250]).score(x))


def _omr(kind: str) -> Callable[[pd.DataFrame], list[Any]]:
    def use(x: pd.DataFrame) -> list[Any]:
        model = omr.OMRDetector({"model_type": kind, "n_components": 2}).fit(x[:250])
        return list(model.score(x, return_contributions=True))

    return use


def _cusum(x: pd.DataFrame) -> list[Any]:
    """Each column of which half is not one value, and then of one that is."""
    found = []
    for name in (*x.columns[:4], "seldom"):
        model = drift.CUSUMDetector(drift=0.5).fit(x[name][:250])
        found.append(model.score(x[name]))
    return found


def _forest(x: pd.DataFrame) -> list[Any]:
    return [outliers.IsolationForestDetector({"contamination": 0.05}).fit(x[:250]).score(x)]


def _mixture(x: pd.DataFrame) -> list[Any]:
    model = outliers.GMMDetector({"covariance_type": "full"}).fit(x[:250])
    return [model.score(x), model.decision_function(x)]


def _regimes(method: str) -> Callable[[pd.DataFrame], list[Any]]:
    def use(x: pd.DataFrame) -> list[Any]:
        found = regime_clustering.cluster_regimes(x[:250], {"regimes": {"clustering": {"method": method}}})
        z = found.scaler.transform(x)
        return [found.labels_, found.score, found.threshold, found.predict_proba(z)]

    return use


USES: dict[str, tuple[Any, Callable[[pd.DataFrame], list[Any]]]] = {
    "ar1": (ar1_detector, _ar1),
    "pca": (correlation, _pca),
    "linear": (omr, _omr("linear")),
    "pls": (omr, _omr("pls")),
    "cusum": (drift, _cusum),
    "forest": (outliers, _forest),
    "mixture": (outliers, _mixture),
    "hdbscan": (regime_clustering, _regimes("hdbscan")),
    "kmeans": (regime_clustering, _regimes("kmeans")),
}


@pytest.mark.parametrize("backend", ["rust", "numpy"])
@pytest.mark.parametrize("kind", USES)
@pytest.mark.parametrize("seed", [0, 1])
def test_units_change_nothing(kind: str, backend: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module, use = USES[kind]
    monkeypatch.setattr(module, "BACKEND", backend)
    x = plant(seed)
    first = use(x)
    rng = np.random.default_rng(seed)
    mixed = pd.Series(rng.choice(UNITS, x.shape[1]), index=x.columns)
    for unit in (*UNITS, mixed):
        for a, b in zip(use(x * unit), first, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9, err_msg=str(unit))


@pytest.mark.parametrize("unit", UNITS)
def test_movement_is_seen_in_any_unit(unit: float) -> None:
    """A deviation of 1e-10 is nothing for a sensor in the thousands, and all there is for one of 1e-9."""
    x = plant(0) * unit
    forest, mixture = outliers.IsolationForestDetector().fit(x).model, outliers.GMMDetector().fit(x).model
    subspace, residual = correlation.PCASubspaceDetector().fit(x), omr.OMRDetector().fit(x).model
    assert residual is not None
    assert subspace.keep_cols == residual.feature_names == ["s0", "s1", "s2", "s3", "seldom"]
    assert forest is not None
    assert mixture is not None
    for moves in (forest.moves, mixture.moves):
        assert dict(zip(x.columns, moves, strict=True)) == {name: name not in {"still", "shakes"} for name in x.columns}


SCRIPT = """
from core import ar1_detector, correlation, drift, omr, outliers, regime_clustering
for unit in (1e-12, 1e12):
    x = history() * unit
    x.iloc[5:30, 1] = np.nan
    x["shakes"] = 5e3 * (1.0 + 2.0**-52 * (np.arange(len(x)) % 2)) * unit
    x["seldom"] = np.where(np.arange(len(x)) % 10 == 0, 5.0, 0.0) * unit
    show(*ar1_detector.AR1Detector().fit(x[:250]).score(x, return_per_sensor=True))
    show(*correlation.PCASubspaceDetector().fit(x[:250]).score(x))
    for kind in ("linear", "pls"):
        show(*omr.OMRDetector({"model_type": kind}).fit(x[:250]).score(x, return_contributions=True))
    show(outliers.GMMDetector().fit(x[:250]).score(x))
    show(drift.CUSUMDetector().fit(x["seldom"]).score(x["seldom"]))
    for method in ("hdbscan", "kmeans"):
        found = regime_clustering.cluster_regimes(x, {"regimes": {"clustering": {"method": method}}})
        z = found.scaler.transform(x[x.columns[::-1]])
        show(found.labels_, [found.score, found.threshold], found.predict_proba(z))
"""


def test_with_and_without_acm_rs_in_any_unit() -> None:
    agree(SCRIPT)
