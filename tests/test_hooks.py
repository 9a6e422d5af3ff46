"""score_batch, train_pca, iforest_scores: what ACM's bridge expects of acm_rs."""

from __future__ import annotations

import json
from typing import Any

import acm_rs
import numpy as np
import pytest

HOOKS = [acm_rs.score_batch, acm_rs.train_pca, acm_rs.iforest_scores]


def plant(seed: int = 0, rows: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.outer(rng.normal(50.0, 5.0, rows), [1.0, 2.0, -1.0, 0.5]) + rng.normal(size=(rows, 4))


def test_a_batch_has_what_the_bridge_returns() -> None:
    """The keys of ACM's own fallback, lists of plain floats, fit for JSON."""
    x = plant(1)[:50]
    x[20:, 2] += 30.0
    names = ["flow", "power", "temp", "speed"]
    batch = {"matrix": x.tolist(), "train": plant(), "columns": names, "equip": "Fan 1", "run_ts": "2026-01-01"}
    found = acm_rs.score_batch(batch)
    assert set(found) == {"equip", "run_ts", "n_rows", "scores", "culprit_tags", "thresholds"}
    assert (found["equip"], found["run_ts"], found["n_rows"]) == ("Fan 1", "2026-01-01", 50)
    assert set(found["scores"]) == {"fused_score", "pca_recon_err", "iforest_score", "ar1_residual"}
    assert all(len(values) == 50 for values in found["scores"].values())
    assert json.loads(json.dumps(found)) == found
    fused = np.array(found["scores"]["fused_score"])
    assert (fused[20:] > found["thresholds"]["alert"]).all()
    assert (fused[:20] < found["thresholds"]["alert"]).mean() > 0.9
    assert found["culprit_tags"][0] == "temp"


def test_the_scores_are_those_of_the_detectors() -> None:
    x, train = plant(1)[:40], plant()
    found = acm_rs.score_batch({"matrix": x, "train": train})["scores"]
    subspace, ar1 = acm_rs.PCADetector().fit(train), acm_rs.AR1Detector().fit(train)
    forest = acm_rs.IsolationForest().fit(train)
    np.testing.assert_array_equal(found["pca_recon_err"], subspace.spe(x))
    np.testing.assert_array_equal(found["ar1_residual"], ar1.score(x))
    np.testing.assert_array_equal(found["iforest_score"], forest.score(x))
    assert acm_rs.iforest_scores({"matrix": x, "train": train}) == found["iforest_score"]
    r = np.max([subspace.score(x), ar1.score(x) / ar1.limit(0.01), forest.score(x) / forest.limit(0.01)], axis=0)
    np.testing.assert_allclose(found["fused_score"], r / (r + 3 / 17), rtol=1e-12)


def test_without_training_the_batch_is_learnt_from() -> None:
    x = plant()
    x[300, 1] += 60.0
    with pytest.warns(UserWarning, match="left out of the fit"):
        found = acm_rs.score_batch({"matrix": x})
    assert int(np.argmax(found["scores"]["fused_score"])) == 300
    assert found["culprit_tags"][0] == "1"
    x[300] += [60.0, 60.0, 60.0, -60.0]
    assert int(np.argmax(acm_rs.iforest_scores({"matrix": x}))) == 300


def test_gaps() -> None:
    x = plant(1)[:40]
    x[3, 1], x[5] = np.inf, np.nan
    found = acm_rs.score_batch({"matrix": x, "train": plant()})["scores"]
    for values in found.values():
        assert np.flatnonzero(np.isnan(values)).tolist() == [5]


def test_components_are_those_of_numpy() -> None:
    x = plant()
    found = acm_rs.train_pca({"matrix": x, "n_components": 2})
    low, median, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(found["center"], median, rtol=1e-12)
    np.testing.assert_allclose(found["scale"], high - low, rtol=1e-12)
    z = (x - median) / (high - low)
    values = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
    np.testing.assert_allclose(found["explained_variance"], values[:2], rtol=1e-9)
    np.testing.assert_allclose(found["explained_variance_ratio"], values[:2] / values.sum(), rtol=1e-9)
    np.testing.assert_allclose(found["mean"], z.mean(axis=0), atol=1e-12)
    assert np.shape(found["components"]) == (2, 4)
    assert json.loads(json.dumps(found)) == found
    x[:5, 0], x[:, 3] = np.nan, 7.0
    still = acm_rs.train_pca({"matrix": x})
    assert still["scale"][3] == 1.0
    assert len(still["components"]) == 4
    assert acm_rs.train_pca({"matrix": np.ones((40, 2))})["explained_variance_ratio"] == [0.0, 0.0]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        ([[1.0]], TypeError, "`input` must be a mapping, got list"),
        ({}, ValueError, '`input` must hold "matrix"'),
        ({"matrix": [["a"]]}, TypeError, "must be a table of numbers"),
        ({"matrix": [1.0, 2.0]}, ValueError, r"must have rows and columns, got shape \(2,\)"),
        ({"matrix": np.ones((5, 2))}, ValueError, "at least 30 rows are needed to learn from, got 5"),
        ({"matrix": np.ones((5, 2)), "train": np.ones((50, 3))}, ValueError, "must have 2 columns"),
        ({"matrix": np.ones((50, 2)), "columns": ["a"]}, ValueError, "must have 2 names"),
    ],
)
def test_bad_batches(hook: Any, batch: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        hook(batch)


def test_bad_numbers_of_components() -> None:
    with pytest.raises(ValueError, match="at least 1, got -2"):
        acm_rs.train_pca({"matrix": plant(), "n_components": -2})
