"""core/omr.py: its contract, and the same numbers with acm_rs and without it."""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dropins import agree, history

from core import omr

KINDS = pytest.mark.parametrize("kind", ["pls", "linear", "pca"])


def norms(model: omr.OMRDetector, x: pd.DataFrame) -> np.ndarray:
    """The norms of residuals, unclipped."""
    assert model.model is not None
    return np.asarray(np.linalg.norm(model.model.residuals(x[model.model.feature_names].to_numpy()), axis=1))


def test_the_same_numbers_with_and_without_acm_rs() -> None:
    agree("""
from core import omr
x = history()
x.iloc[5:40, 1] = np.nan
x.iloc[7, 2] = np.inf
x["still"] = 3.0
x["gappy"] = np.where(np.arange(len(x)) % 3 == 0, 1.0 * np.arange(len(x)), np.nan)
x["twice"] = x["s0"]
for kind in ("auto", "pls", "linear", "pca"):
    model = omr.OMRDetector({"model_type": kind}).fit(x[:250])
    z, c = model.score(x, return_contributions=True)
    show(z), show(c)
wide = pd.DataFrame(np.random.default_rng(1).normal(size=(60, 80)))
show(omr.OMRDetector().fit(wide).score(wide + 1))
""")


def test_ridges_are_those_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    x = history()
    model = omr.OMRDetector({"model_type": "linear", "alpha": 3.0}).fit(x)
    z = ((x - x.mean()) / x.std(ddof=0)).to_numpy()
    r = np.empty_like(z)
    for j in range(z.shape[1]):
        others = np.delete(z, j, axis=1)
        r[:, j] = z[:, j] - linear_model.Ridge(3.0).fit(others, z[:, j]).predict(others)
    norm = np.linalg.norm(r, axis=1)
    np.testing.assert_allclose(norms(model, x), norm, rtol=1e-9)
    scale = 1.4826 * np.median(np.abs(norm - np.median(norm)))
    expected = np.minimum(norm / scale, max(10.0, 2 * np.quantile(norm / scale, 0.99)))
    got, contributions = model.score(x, return_contributions=True)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    np.testing.assert_allclose(contributions, r**2 / (np.std(r**2, axis=0) + 1e-9), rtol=1e-8)
    assert contributions.index.equals(x.index)
    assert list(contributions.columns) == list(x.columns)


def test_pls_of_sensors_on_themselves_is_pca() -> None:
    """NIPALS' weights are the eigenvectors then; scikit-learn's stop at a tolerance of 1e-6, here is none."""
    decomposition = pytest.importorskip("sklearn.cross_decomposition")
    x = history()
    z = ((x - x.mean()) / x.std(ddof=0)).to_numpy()
    pls = decomposition.PLSRegression(2, scale=False, max_iter=100_000, tol=1e-14).fit(z, z)
    expected = np.linalg.norm(z - pls.predict(z), axis=1)
    for kind in ("pls", "pca"):
        model = omr.OMRDetector({"model_type": kind, "n_components": 2}).fit(x)
        np.testing.assert_allclose(norms(model, x), expected, rtol=1e-5)


@KINDS
def test_the_culprit_is_named(kind: str) -> None:
    x = history()
    model = omr.OMRDetector({"model_type": kind, "n_components": 1}).fit(x)
    x.iloc[50, 3] += 30.0
    z, contributions = model.score(x, return_contributions=True)
    assert int(z.argmax()) == 50
    assert model.get_top_contributors(contributions, x.index[50], 2)[0][0] == "s3"
    assert model.get_top_contributors(contributions, pd.Timestamp("2030-01-01")) == []
    alone, its = model.score(x[50:51], return_contributions=True)
    np.testing.assert_allclose(alone, z[50:51], rtol=1e-12)
    np.testing.assert_allclose(its, contributions[50:51], rtol=1e-9, atol=1e-12)
    twice = pd.concat([contributions[:60], contributions[50:51]])
    assert model.get_top_contributors(twice, x.index[50], 1)[0][0] == "s3"


def test_a_close_fit_takes_no_blame_for_others() -> None:
    """ACM divides squares by their variance, so that a pair that agrees to a thousandth outweighs every fault."""
    rng = np.random.default_rng(2)
    x = history()
    x["pair"] = x["s0"] + rng.normal(0.0, 0.01, len(x))
    model = omr.OMRDetector({"model_type": "linear"}).fit(x)
    x.iloc[50, 3] += 40.0
    _, contributions = model.score(x, return_contributions=True)
    assert contributions.iloc[50].idxmax() == "s3"


def test_many_sensors_do_not_saturate() -> None:
    """The norm of 120 healthy residuals is beyond ten of its deviations; an alarm is farther still."""
    x = pd.DataFrame(np.random.default_rng(0).normal(size=(600, 120)))
    model = omr.OMRDetector().fit(x)
    z = model.score(x)
    assert np.median(z) > 10.0
    assert len(np.unique(z)) > 590
    x.iloc[5, 7] += 30.0
    assert int(model.score(x).argmax()) == 5


def test_shapes_weigh_a_quarter() -> None:
    x = history().rename(columns={"s3": "s3_kurt"})
    _, plain = omr.OMRDetector().fit(history()).score(history(), return_contributions=True)
    _, shapes = omr.OMRDetector().fit(x).score(x, return_contributions=True)
    np.testing.assert_allclose(shapes["s3_kurt"], plain["s3"] / 4.0, rtol=1e-12)


def test_the_model_that_fits_the_data_is_chosen() -> None:
    rng = np.random.default_rng(0)
    for shape, kind in (((1001, 5), "linear"), ((1000, 5), "pls"), ((1001, 20), "pls"), ((60, 80), "pca")):
        model = omr.OMRDetector().fit(pd.DataFrame(rng.normal(size=shape)))
        told = model.get_diagnostics()
        assert (told["model_type"], told["n_samples"], told["n_features"]) == (kind, *shape)


def test_settings_stand_beside_or_under_omr() -> None:
    """ACM hands the settings over flat and looks for them one level down, so that none ever counts there."""
    for cfg in ({"n_components": 2}, {"omr": {"n_components": 2}}):
        model = omr.OMRDetector(cfg).fit(history()).model
        assert model is not None
        assert model.n_components == 2


def test_the_healthy_regime(caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    labels = np.where(np.arange(400) < 150, 1, np.where(np.arange(400) < 270, 0, -1))
    for cfg, rows in (({}, x[:150]), ({"healthy_regime": 0}, x[150:270])):
        model = omr.OMRDetector(cfg).fit(x, regime_labels=labels)
        np.testing.assert_array_equal(model.score(x), omr.OMRDetector().fit(rows).score(x))
    for few in (np.full(400, -1), np.where(np.arange(400) < 40, 1, -1)):
        np.testing.assert_array_equal(omr.OMRDetector().fit(x, few).score(x), omr.OMRDetector().fit(x).score(x))
    assert "only 40 rows" in caplog.text
    with pytest.raises(ValueError, match=r"one label for each of 400 rows, got shape \(3,\)"):
        omr.OMRDetector().fit(x, [0, 1, 0])


@KINDS
def test_restored_models_score_as_the_first(kind: str) -> None:
    joblib = pytest.importorskip("joblib")
    x = history()
    model = omr.OMRDetector({"model_type": kind}).fit(x)
    file = io.BytesIO()
    joblib.dump({"omr_model": model.to_dict()}, file)
    file.seek(0)
    cached = omr.OMRDetector.from_dict(joblib.load(file)["omr_model"], cfg={"model_type": "pls"})
    assert cached._is_fitted
    for other in (cached, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(other.score(x), model.score(x))
        assert other.get_diagnostics() == model.get_diagnostics()


def test_what_acms_own_file_saved_is_refused() -> None:
    with pytest.raises(TypeError, match="fit again"):
        omr.OMRDetector.from_dict({"fitted": True, "model": {"model_type": "pca", "model_bytes": b""}})
    with pytest.raises(TypeError, match="fit again"):
        omr.OMRModel.__new__(omr.OMRModel).__setstate__({"scaler": None})
    assert not omr.OMRDetector.from_dict(omr.OMRDetector().to_dict())._is_fitted


@KINDS
def test_missing_columns_and_values(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    model = omr.OMRDetector({"model_type": kind}).fit(x)
    np.testing.assert_array_equal(model.score(x.drop(columns="s2")), model.score(x.assign(s2=np.inf)))
    assert "['s2']" in caplog.text
    x.iloc[3] = np.nan
    x.iloc[4, 2] = np.nan
    z, contributions = model.score(x, return_contributions=True)
    assert np.flatnonzero(np.isnan(z)).tolist() == [3]
    assert contributions.iloc[4, 2] == 0.0
    np.testing.assert_array_equal(model.score(x[x.columns[::-1]].assign(other="text")), z)


@pytest.mark.parametrize(
    "x", [history()[:19], history() * 0.0, history().iloc[:, :0], history() * np.nan, history()[:0]]
)
def test_nothing_to_learn(x: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    model = omr.OMRDetector().fit(x)
    assert "every row scores NaN" in caplog.text
    assert not model._is_fitted
    assert model.get_diagnostics() == {"fitted": False}
    joblib = pytest.importorskip("joblib")
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for other in (model, omr.OMRDetector.from_dict(json.loads(json.dumps(model.to_dict()))), joblib.load(file)):
        caplog.clear()
        z, contributions = other.score(history(), return_contributions=True)
        assert "there was nothing to learn from (" in caplog.text
        assert np.isnan(z).all()
        assert contributions.isna().all(axis=None)
        assert np.isnan(other.score(history())).all()


def test_settings_are_restored() -> None:
    model = omr.OMRDetector({"alpha": 2.0, "model_type": "linear"}).fit(history())
    restored = omr.OMRDetector.from_dict(json.loads(json.dumps(model.to_dict())))
    assert (restored.alpha, restored.model_type) == (2.0, "linear")
    assert omr.OMRDetector.from_dict(model.to_dict(), cfg={"alpha": 3.0}).alpha == 3.0
    with pytest.raises(RuntimeError, match="call fit first"):
        omr.OMRDetector.from_dict(omr.OMRDetector().to_dict()).score(history())


@pytest.mark.parametrize("kind", ["Int64", "float", "object", "int8"])
def test_kinds_of_labels(kind: Any) -> None:
    """Rows without a label belong to no regime."""
    x = history()
    plain = np.where(np.arange(400) < 150, 1, -1)
    labels = pd.Series(plain).astype(kind)
    if kind != "int8":
        labels[plain < 0] = np.nan if kind == "float" else pd.NA
    model = omr.OMRDetector().fit(x, labels)
    np.testing.assert_array_equal(model.score(x), omr.OMRDetector().fit(x[:150]).score(x))
    with pytest.raises(TypeError, match="regime_labels must hold numbers, got object"):
        omr.OMRDetector().fit(x, np.array(["a", "b"] * 200, dtype=object))


@KINDS
def test_huge_values_stay_finite(kind: str) -> None:
    x = history()
    x.iloc[0, 0] = 1e300
    x.iloc[1, 1] = -1e200
    z, contributions = omr.OMRDetector({"model_type": kind}).fit(x).score(x, return_contributions=True)
    assert np.isfinite(z).all()
    assert np.isfinite(contributions.to_numpy()).all()


@pytest.mark.parametrize("kind", ["float32", "Float64", "int64"])
def test_kinds_of_columns(kind: Any) -> None:
    x = history().round().astype(kind)
    plain = x.astype("float64")
    np.testing.assert_array_equal(omr.OMRDetector().fit(x).score(x), omr.OMRDetector().fit(plain).score(plain))


def test_bad_calls() -> None:
    with pytest.raises(RuntimeError, match="call fit first"):
        omr.OMRDetector().score(history())
    with pytest.raises(TypeError, match="pandas DataFrame, got ndarray"):
        omr.OMRDetector().fit(np.zeros((4, 2)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\['t'\]"):
        omr.OMRDetector().fit(history().assign(t="x"))
    with pytest.raises(ValueError, match=r"twice there: \['s0'\]"):
        omr.OMRDetector().fit(history()[["s0", "s0"]])
    with pytest.raises(ValueError, match="ACM_BACKEND must be"):
        omr._choose_backend("cuda")


@pytest.mark.parametrize(("name", "value"), [("alpha", 0.0), ("max_z_score", -1.0), ("model_type", "deep")])
def test_bad_settings(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}|'deep' is not a valid ModelType"):
        omr.OMRDetector({name: value})
