"""core/correlation.py: its contract, and the same numbers with acm_rs and without it."""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dropins import agree, history

from core import correlation


def fitted(**cfg: Any) -> correlation.PCASubspaceDetector:
    return correlation.PCASubspaceDetector(cfg).fit(history())


def test_the_same_numbers_with_and_without_acm_rs() -> None:
    agree("""
from core import correlation
x = history()
x.iloc[5:40, 1] = np.nan
x.iloc[7, 2] = np.inf
x["still"] = 3.0
x["mostly"] = np.where(np.arange(len(x)) % 10 == 0, 5.0, 0.0)
x["twice"] = x["s0"]
for k in (1, 3, 5, 20):
    model = correlation.PCASubspaceDetector({"n_components": k}).fit(x[:250])
    spe, t2 = model.score(x)
    show(spe), show(t2), show(model.pca.components_), show(model.pca.explained_variance_ratio_)
wide = pd.DataFrame(np.random.default_rng(1).normal(size=(12, 40)))
show(*correlation.PCASubspaceDetector().fit(wide).score(wide))
""")


def test_against_scikit_learn() -> None:
    """Scaling, components and both distances by scikit-learn's own parts, the mean added back."""
    decomposition = pytest.importorskip("sklearn.decomposition")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = history()
    model = fitted(n_components=3)
    scaled = preprocessing.RobustScaler().fit_transform(x)
    pca = decomposition.PCA(3, svd_solver="full").fit(scaled)
    z = pca.transform(scaled)
    spe, t2 = model.score(x)
    np.testing.assert_allclose(spe, np.sum((scaled - pca.inverse_transform(z)) ** 2, axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(t2, np.sum(z**2 / pca.explained_variance_, axis=1), rtol=1e-9)
    assert model.pca is not None
    np.testing.assert_allclose(model.pca.explained_variance_ratio_, pca.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(model.pca.singular_values_, pca.singular_values_, rtol=1e-9)
    np.testing.assert_allclose(model.pca.transform(scaled) ** 2, z**2, rtol=1e-7, atol=1e-9)


def test_zeros_are_readings() -> None:
    """A valve that is shut for a third of the time: its zeros are not filled with the median."""
    rng = np.random.default_rng(3)
    shut = np.arange(300) % 3 == 0
    x = pd.DataFrame({"valve": np.where(shut, 0.0, 50.0), "flow": np.where(shut, 0.0, 7.0)})
    x["flow"] += rng.normal(0.0, 0.01, 300)
    model = correlation.PCASubspaceDetector({"n_components": 1}).fit(x)
    spe, _ = model.score(pd.DataFrame({"valve": [0.0, 50.0, 0.0], "flow": [0.0, 7.0, 7.0]}))
    assert spe[2] > 100.0 * max(spe[0], spe[1])


def test_a_unit_changes_nothing() -> None:
    """A pressure in Pa is beyond ACM's clip at 1e6; here it scores as in bar."""
    x = history()
    bar = correlation.PCASubspaceDetector().fit(x).score(x)
    pascal = correlation.PCASubspaceDetector().fit(x * 1e5).score(x * 1e5)
    np.testing.assert_allclose(bar, pascal, rtol=1e-9, atol=1e-12)


def test_restored_models_score_as_the_first() -> None:
    joblib = pytest.importorskip("joblib")
    x = history().assign(still=1.0)
    model = correlation.PCASubspaceDetector({"n_components": 2}).fit(x)
    file = io.BytesIO()
    joblib.dump({"pca_model": model.pca}, file)
    file.seek(0)
    cached = correlation.PCASubspaceDetector(pca_cfg={})
    cached.pca = joblib.load(file)["pca_model"]
    assert cached.pca is not None
    # What ACM compares with the columns that it has now, before it takes the cache.
    assert cached.pca.n_features_in_ == x.shape[1]
    assert cached.keep_cols == list(x.columns[:-1])
    for other in (
        cached,
        pickle.loads(pickle.dumps(model)),
        correlation.PCASubspaceDetector.from_dict(model.to_dict()),
    ):
        np.testing.assert_array_equal(other.score(x), model.score(x))


def test_a_detector_that_is_not_fitted_is_restored_as_such() -> None:
    again = correlation.PCASubspaceDetector.from_dict(correlation.PCASubspaceDetector({"n_components": 2}).to_dict())
    assert again.pca is None
    assert again.cfg == {"n_components": 2}


def test_states_of_acms_own_class_are_read() -> None:
    """ACM pickles scikit-learn's PCA and a scaler of this name; what it learnt scores, the mean added back."""
    decomposition = pytest.importorskip("sklearn.decomposition")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    x = history()
    theirs = preprocessing.RobustScaler().fit(x.to_numpy())
    scaler = correlation.RobustStandardScaler.__new__(correlation.RobustStandardScaler)
    scaler.__dict__.update(theirs.__dict__, epsilon=1e-6)
    pca = decomposition.PCA(3, svd_solver="full").fit(theirs.transform(x.to_numpy()))
    old = correlation.PCASubspaceDetector.__new__(correlation.PCASubspaceDetector)
    settings = {"n_components": 2}
    old.__setstate__({"cfg": settings, "scaler": scaler, "pca": pca, "keep_cols": list(x), "col_medians": x.median()})
    np.testing.assert_allclose(old.score(x), fitted(n_components=3).score(x), rtol=1e-9, atol=1e-12)
    # Fitted again, it has its own settings.
    assert old.fit(x).pca.n_components_ == 2


def test_what_cannot_score_is_refused() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    pca = decomposition.PCA(2).fit(history())
    with pytest.raises(TypeError, match="without a scaling: fit again"):
        correlation.PCASubspaceDetector().pca = pca
    state = {"cfg": {}, "scaler": correlation.RobustStandardScaler(), "pca": pca, "keep_cols": [], "col_medians": None}
    with pytest.raises(TypeError, match="cannot score: fit again"):
        correlation.PCASubspaceDetector.__new__(correlation.PCASubspaceDetector).__setstate__(state)
    with pytest.raises(RuntimeError, match="call fit first"):
        correlation.PCASubspaceDetector().score(history())


def test_what_regimes_read() -> None:
    """ACM's regimes scale the kept columns and project them, by `scaler` and `pca` alone."""
    x = history()
    x["still"] = 1.0
    model = correlation.PCASubspaceDetector().fit(x)
    assert "still" not in model.keep_cols
    assert model.pca is not None
    z = model.pca.transform(model.scaler.transform(x[model.keep_cols].to_numpy()))
    assert z.shape == (len(x), model.pca.n_components_)
    assert type(model.scaler).__name__ == "RobustStandardScaler"
    assert 0.0 < float(model.pca.explained_variance_ratio_.sum()) <= 1.0 + 1e-12


def test_missing_columns_and_values(caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    model = fitted()
    spe, t2 = model.score(x.drop(columns="s2"))
    np.testing.assert_array_equal(model.score(x.assign(s2=np.nan)), (spe, t2))
    assert "['s2']" in caplog.text
    x.iloc[3] = np.nan
    assert [np.flatnonzero(np.isnan(s)).tolist() for s in model.score(x)] == [[3], [3]]
    np.testing.assert_array_equal(model.score(x[x.columns[::-1]].assign(other="text")), model.score(x))


@pytest.mark.parametrize("x", [history()[:1], history() * 0.0, history().iloc[:, :0], history() * np.nan])
def test_nothing_to_learn(x: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    model = correlation.PCASubspaceDetector().fit(x)
    assert "nothing moves" in caplog.text
    assert model.pca is not None
    assert model.pca.n_components_ == 1
    assert model.pca.explained_variance_ratio_.tolist() == [0.0]
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    cached = correlation.PCASubspaceDetector({})
    cached.pca = model.pca
    plain = correlation.PCASubspaceDetector.from_dict(json.loads(json.dumps(model.to_dict())))
    for restored in (model, plain, joblib.load(file), cached):
        caplog.clear()
        assert np.isnan(restored.score(history())).all()
        assert "there was nothing to learn from" in caplog.text


def test_huge_values_stay_finite() -> None:
    x = history()
    x.iloc[0, 0] = 1e300
    x.iloc[1, 1] = -1e200
    spe, t2 = correlation.PCASubspaceDetector().fit(x).score(x)
    assert np.isfinite(spe).all()
    assert np.isfinite(t2).all()
    assert max(spe.max(), t2.max()) <= 1e6


@pytest.mark.parametrize("kind", ["float32", "Float64", "int64"])
def test_kinds_of_columns(kind: Any) -> None:
    x = history().round().astype(kind)
    plain = x.astype("float64")
    for a, b in zip(fitted().fit(x).score(x), fitted().fit(plain).score(plain), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_scaler_by_itself() -> None:
    """Frames and arrays, columns by places; the least scale only where it is asked for."""
    x = history() * 1e-12
    scaler = correlation.RobustStandardScaler().fit(x)
    np.testing.assert_array_equal(scaler.transform(x.to_numpy()), scaler.fit_transform(x))
    low, median, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(scaler.transform(x), (x - median) / (high - low), rtol=1e-9, atol=1e-12)
    assert set(correlation.RobustStandardScaler(epsilon=1e-6).fit(x).scale_.tolist()) == {1e-6}  # type: ignore[union-attr]
    for work in (scaler.fit, scaler.transform):
        with pytest.raises(TypeError, match=r"columns of numbers, these are not: \['t'\]"):
            work(x.assign(t="1"))
        with pytest.raises(TypeError, match="X must hold numbers, got <U"):
            work([["1", "2"]])
        with pytest.raises(ValueError, match=r"X must have two dimensions, got shape \(3,\)"):
            work([1.0, 2.0, 3.0])


def test_bad_calls() -> None:
    with pytest.raises(TypeError, match="pandas DataFrame, got ndarray"):
        correlation.PCASubspaceDetector().fit(np.zeros((4, 2)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\['t'\]"):
        correlation.PCASubspaceDetector().fit(history().assign(t="x"))
    with pytest.raises(ValueError, match=r"twice there: \['s0'\]"):
        correlation.PCASubspaceDetector().fit(history()[["s0", "s0"]])
    with pytest.raises(ValueError, match="n_components must be a whole number from 1 to 4294967295, got 'many'"):
        correlation.PCASubspaceDetector({"n_components": "many"})
    with pytest.raises(ValueError, match="ACM_BACKEND must be"):
        correlation._choose_backend("cuda")
