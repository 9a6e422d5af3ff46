"""Odd frames: the drop-ins give the same numbers with acm_rs and without it, and say so where there are none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")
from core import ar1_detector, correlation, drift, omr, outliers, regime_clustering

MODULES = (ar1_detector, correlation, drift, omr, outliers, regime_clustering)


def odd(seed: int) -> pd.DataFrame:
    """Sensors of any unit and level: still, gappy, rounded, mostly zero, with an infinity, or faint on a high level."""
    rng = np.random.default_rng(seed)
    rows, sensors = int(rng.choice([12, 30, 120, 400])), int(rng.integers(1, 9))
    level = 10.0 ** rng.integers(-3, 6, sensors) * rng.integers(0, 2, sensors)
    x = rng.normal(size=(rows, sensors)) * 10.0 ** rng.integers(-13, 13, sensors) + level
    for j, kind in enumerate(rng.integers(0, 6, sensors)):
        if kind == 0:
            x[:, j] = x[0, j]
        elif kind == 1:
            x[rng.random(rows) < 0.3, j] = np.nan
        elif kind == 2:
            x[:, j] = np.round(x[:, j] / np.abs(x[:, j]).max() * 3.0)
        elif kind == 3:
            x[rng.random(rows) < 0.9, j] = 0.0
        elif kind == 4:
            x[int(rng.integers(rows)), j] = np.inf
    return pd.DataFrame(x, columns=[f"s{j}" for j in range(sensors)])


def _regimes(x: pd.DataFrame, method: str) -> list[Any]:
    found = regime_clustering.cluster_regimes(x, {"regimes": {"clustering": {"method": method}}})
    return [found.labels_, found.score, found.predict_proba(found.scaler.transform(x))]


USES: dict[str, Callable[[pd.DataFrame], list[Any]]] = {
    "ar1": lambda x: list(ar1_detector.AR1Detector().fit(x).score(x, return_per_sensor=True)),
    "pca": lambda x: list(correlation.PCASubspaceDetector({"n_components": 2}).fit(x).score(x)),
    "pls": lambda x: list(omr.OMRDetector({"model_type": "pls", "n_components": 2}).fit(x).score(x, True)),
    "linear": lambda x: list(omr.OMRDetector({"model_type": "linear"}).fit(x).score(x, True)),
    "mixture": lambda x: [outliers.GMMDetector({"n_init": 1}).fit(x).score(x)],
    "cusum": lambda x: [drift.CUSUMDetector().fit(x.s0).score(x.s0)],
    "hdbscan": lambda x: _regimes(x, "hdbscan"),
    "kmeans": lambda x: _regimes(x, "kmeans"),
}


@pytest.mark.parametrize("kind", USES)
def test_odd_frames_give_the_same_numbers(
    kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Among the later ones are sensors that are hardly above the rounding of their level.
    for seed in (*range(24), 66, 92, 124):
        x = odd(seed)
        found = []
        for backend in ("rust", "numpy"):
            caplog.clear()
            for module in MODULES:
                monkeypatch.setattr(module, "BACKEND", backend)
            found.append([np.asarray(part, dtype=float) for part in USES[kind](x)])
            rows = np.isfinite(x.to_numpy()).any(axis=1)
            if kind not in {"hdbscan", "kmeans"} and np.isnan(found[-1][0][rows]).all():
                assert "nothing" in caplog.text or "every row scores NaN" in caplog.text, seed
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=f"seed {seed}")
