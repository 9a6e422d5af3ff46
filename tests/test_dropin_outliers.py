"""core/outliers.py: its contract, and the same numbers with acm_rs and without it."""

from __future__ import annotations

import io
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dropins import agree, history, numbers

pytest.importorskip("sklearn")
from core import outliers

Either = type[outliers.IsolationForestDetector] | type[outliers.GMMDetector]
FORMS = ("diag", "full", "tied", "spherical")
STARTS = ("kmeans", "k-means++", "random", "random_from_data")
BOTH = pytest.mark.parametrize("kind", [outliers.IsolationForestDetector, outliers.GMMDetector])


def odd() -> pd.DataFrame:
    """Rows of which one, at 10, is unlike all others."""
    x = history()
    x.iloc[10] += [200.0, -200.0, 0.0, 200.0, -200.0, 200.0]
    return x


def test_the_same_numbers_with_and_without_acm_rs() -> None:
    agree("""
from core import outliers
x = history()
x.iloc[5:40, 1] = np.nan
x.iloc[7, 2] = np.inf
x["still"] = 3.0
x["mostly"] = np.where(np.arange(len(x)) % 10 == 0, 5.0, 0.0)
for cfg in ({}, {"covariance_type": "full", "reg_covar": 1e-3}, {"enable_bic_search": False, "n_components": 3}):
    model = outliers.GMMDetector(cfg).fit(x[:250])
    show(model.score(x)), show(model.decision_function(x)), show(model.model.means_)
""")


def test_forests_agree_in_what_they_find() -> None:
    """Trees are random; a mean of 1,000 of them is nearly not."""
    script = """
from core import outliers
x = history()
x.iloc[10] += [200.0, -200.0, 0.0, 200.0, -200.0, 200.0]
x.iloc[20:60, 1] = np.nan
show(outliers.IsolationForestDetector({"n_estimators": 1000}).fit(x).score(x))
"""
    with_rust, without = (numbers(script, how)[0] for how in ("with", "without"))
    assert int(with_rust.argmax()) == int(without.argmax()) == 10
    whole = np.r_[:20, 60:400]
    np.testing.assert_allclose(with_rust[whole], without[whole], atol=0.03)


def test_mixtures_agree_where_single_rows_are_states_of_their_own() -> None:
    """Squares of rows at 1e6 have no digits left for variances; the states' own means are subtracted first."""
    agree("""
from core import outliers
x = history(rows=1000).to_numpy(copy=True)
x[::97] += np.random.default_rng(3).standard_cauchy((11, 6)) * 1e4
x[7, 3], x[9, 2] = 1e12, -1e300
x = pd.DataFrame(x)
for form in ("diag", "full", "tied", "spherical"):
    for start in ("kmeans", "k-means++", "random", "random_from_data"):
        model = outliers.GMMDetector({"covariance_type": form, "init_params": start}).fit(x)
        show(model.score(x)), show(model.decision_function(x)), show(model.model.bic(x), model.model.lower_bound_)
""")


@pytest.mark.parametrize(
    ("form", "start"),
    # Its tied covariances begin with all rows where a start names only a few: not here.
    [(form, start) for form in FORMS for start in STARTS if form != "tied" or start in {"kmeans", "random"}],
)
@pytest.mark.parametrize("backend", ["rust", "numpy"])
def test_mixtures_are_those_of_scikit_learn(
    form: Any, start: Any, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same starts, steps and rule of stopping, whatever computes."""
    from sklearn.mixture import GaussianMixture
    from sklearn.preprocessing import RobustScaler

    monkeypatch.setattr(outliers, "BACKEND", backend)
    x = history(rows=1500)
    x.iloc[::2] += 7.0
    z = RobustScaler().fit_transform(x)
    theirs = GaussianMixture(3, covariance_type=form, reg_covar=1e-2, n_init=2, init_params=start, random_state=42)
    theirs.fit(z)
    cfg = {"covariance_type": form, "n_components": 3, "enable_bic_search": False, "n_init": 2, "init_params": start}
    model = outliers.GMMDetector(cfg).fit(x)
    np.testing.assert_allclose(model.score(x), -theirs.score_samples(z), rtol=1e-9)
    assert model.model is not None
    assert model.model.lower_bound_ == pytest.approx(theirs.lower_bound_, rel=1e-11)
    np.testing.assert_allclose(model.model.means_, theirs.means_, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.model.weights_, theirs.weights_, rtol=1e-9)
    assert model.model.bic(x.to_numpy()) == pytest.approx(theirs.bic(z), rel=1e-9)
    assert model.model.aic(x.to_numpy()) == pytest.approx(theirs.aic(z), rel=1e-9)


@pytest.mark.filterwarnings("ignore:Best performing initialization did not converge")
@pytest.mark.parametrize("most", [1, 2, 5, 100])
def test_steps_end_where_they_do_in_scikit_learn(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.mixture import GaussianMixture

    z = np.random.default_rng(5).normal(size=(400, 2))
    theirs = GaussianMixture(3, covariance_type="diag", reg_covar=1e-2, random_state=17, max_iter=most).fit(z)
    assert theirs.n_iter_ == most or 5 < theirs.n_iter_ < 100
    for backend in ("rust", "numpy"):
        monkeypatch.setattr(outliers, "BACKEND", backend)
        ours = outliers._stepped(z, 3, "diag", 1e-2, 17, max_iter=most)
        assert ours.lower_bound_ == pytest.approx(theirs.lower_bound_, rel=1e-12)
        assert ours.log_density_ == pytest.approx(theirs.score(z), rel=1e-12)
        np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-10)


def table(kind: str, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    random = np.random.default_rng(seed)
    x = random.normal(size=(int(random.integers(6, 400)), int(random.integers(1, 40))))
    if kind == "rounded":
        x = x.round(0)
    elif kind == "states":
        x = random.integers(0, 2, size=x.shape).astype(float)
    elif kind == "three rows":
        x = x[:3][random.integers(0, 3, len(x))]
    elif kind == "one row twice":
        x[:] = x[:1]
        x[:2] += 1.0
    elif kind == "offset":
        x = x * 1e-3 + 1e5
    elif kind == "repeated":
        x = x.round(1)
        x[len(x) // 2 :] = x[: len(x) - len(x) // 2]
    elif kind == "wild":
        x = np.clip(random.standard_cauchy(size=x.shape) * 1e4, -1e6, 1e6)
    return x


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize(
    "kind", ["normal", "rounded", "states", "three rows", "one row twice", "offset", "repeated", "wild"]
)
def test_starts_are_those_of_scikit_learn(kind: str) -> None:
    """Also where a row lies halfway between two centres, and what is drawn afterwards is the same."""
    from sklearn.cluster import KMeans

    assert outliers.BACKEND == "rust"
    for seed in range(40):
        x = table(kind, seed)
        for k in (2, 3, 5):
            ours, theirs = np.random.RandomState(seed), np.random.RandomState(seed)
            labels = outliers._start_labels(x, k, ours)
            np.testing.assert_array_equal(labels, KMeans(k, n_init=1, random_state=theirs).fit(x).labels_)
            assert ours.randint(10**6) == theirs.randint(10**6)


def test_starts_of_readings_that_are_not_rounded_are_found_by_acm_rs(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn import cluster

    monkeypatch.delattr(cluster, "KMeans")
    for kind in ("normal", "offset", "wild"):
        for seed in range(10):
            assert len(set(outliers._start_labels(table(kind, seed), 3, np.random.RandomState(seed)).tolist())) > 1


@pytest.mark.parametrize("name", ["_steps", "_labels_from"])
def test_an_acm_rs_without_the_steps_serves(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = history()
    expected = outliers.GMMDetector({}).fit(x).score(x)
    monkeypatch.setattr(outliers, name, None)
    np.testing.assert_allclose(outliers.GMMDetector({}).fit(x).score(x), expected, rtol=1e-9)


def test_states_are_found_and_a_row_between_them_is_odd() -> None:
    """Two levels of load; the middle of them is likely of neither."""
    x = history()
    model = outliers.GMMDetector({"covariance_type": "full"}).fit(x)
    z = model.decision_function(pd.concat([x, pd.DataFrame([x[x.s0 > 1020].mean() / 2 + x[x.s0 < 1020].mean() / 2])]))
    assert z[-1] > 2.0 * np.quantile(z[:-1], 0.99)


@BOTH
def test_a_row_does_not_depend_on_its_batch(kind: Either) -> None:
    """ACM fills gaps by the medians of the scored batch; one row scores as among others here."""
    x = odd()
    model = kind({}).fit(history())
    x.iloc[10, 0] = np.nan
    np.testing.assert_array_equal(model.score(x[10:11]), model.score(x)[10:11])


@BOTH
@pytest.mark.parametrize("backend", ["rust", "numpy"])
def test_restored_models_score_as_the_first(kind: Either, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    joblib = pytest.importorskip("joblib")
    monkeypatch.setattr(outliers, "BACKEND", backend)
    x = history().assign(still=1.0)
    model = kind({"contamination": 0.1}).fit(x)
    file = io.BytesIO()
    joblib.dump(model.model, file)
    file.seek(0)
    cached = kind({})
    cached.model = joblib.load(file)
    cached._is_fitted = True  # type: ignore[union-attr]
    assert cached.model is not None
    assert cached.model.n_features_in_ == x.shape[1]
    for other in (cached, pickle.loads(pickle.dumps(model)), kind.from_dict(model.to_dict())):
        np.testing.assert_array_equal(other.score(x), model.score(x))
        np.testing.assert_array_equal(other.decision_function(x), model.decision_function(x))
    if isinstance(model, outliers.IsolationForestDetector):
        np.testing.assert_array_equal(cached.predict(x), model.predict(x))  # type: ignore[union-attr]


def test_what_acm_tells_of_its_models() -> None:
    """The names that ACM's record of a training reads."""
    forest = outliers.IsolationForestDetector({"contamination": 0.01}).fit(history()).model
    assert forest is not None
    assert (forest.n_estimators, forest.contamination, forest.max_features, forest.max_samples) == (  # type: ignore[attr-defined]
        100,
        0.01,
        1.0,
        256,
    )
    assert not hasattr(outliers.IsolationForestDetector({}).fit(history()).model, "contamination")
    mixture = outliers.GMMDetector({}).fit(history()).model
    assert mixture is not None
    assert mixture.covariance_type == "diag"
    assert 2 <= mixture.n_components <= 5
    assert np.isfinite([mixture.bic(history().to_numpy()), mixture.lower_bound_]).all()


def test_states_of_acms_own_class_are_read_or_refused() -> None:
    from sklearn.ensemble import IsolationForest
    from sklearn.mixture import GaussianMixture
    from sklearn.preprocessing import RobustScaler

    x = history()
    scaler = RobustScaler().fit(x.to_numpy())
    mixture = GaussianMixture(2, covariance_type="diag", reg_covar=1e-2, random_state=0).fit(
        scaler.transform(x.to_numpy())
    )
    state = {"gmm_cfg": {}, "_user_k": 5, "model": mixture, "scaler": scaler, "_is_fitted": True, "_fitted_params": {}}
    state.update(_var_mask=np.ones(6, dtype=bool), _columns_=list(x), _score_mu_=3.0, _score_sd_=2.0)
    old = outliers.GMMDetector.__new__(outliers.GMMDetector)
    old.__setstate__(state)
    expected = -mixture.score_samples(scaler.transform(x.to_numpy()))
    np.testing.assert_allclose(old.score(x), expected, rtol=1e-9)
    np.testing.assert_allclose(old.decision_function(x), (expected - 3.0) / 2.0, rtol=1e-9)
    with pytest.raises(TypeError, match="fit again"):
        outliers.GMMDetector().model = mixture
    forest = IsolationForest(n_estimators=5, random_state=0).fit(x.to_numpy())
    with pytest.raises(TypeError, match="fit again"):
        outliers.IsolationForestDetector().model = forest
    with pytest.raises(TypeError, match="lacks its training medians: fit again"):
        outliers.IsolationForestDetector.__new__(outliers.IsolationForestDetector).__setstate__({"model": forest})


def test_predictions_follow_contamination() -> None:
    x = odd()
    assert outliers.IsolationForestDetector({}).fit(x).predict(x).sum() == 0
    predicted = outliers.IsolationForestDetector({"contamination": 0.05}).fit(x).predict(x)
    assert predicted.dtype == np.int8
    assert predicted[10] == 1
    assert predicted.sum() == 20
    with pytest.raises(RuntimeError, match="call fit first"):
        outliers.IsolationForestDetector({}).predict(x)


@pytest.mark.parametrize("samples", [50, 0.25, 10_000, "auto"])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_settings_of_forests(samples: Any, bootstrap: bool) -> None:
    cfg = {"max_samples": samples, "bootstrap": bootstrap, "warm_start": True}
    model = outliers.IsolationForestDetector(cfg).fit(history())
    assert model.model is not None
    assert model.model.max_samples == {50: 50, 0.25: 100, 10_000: 400, "auto": 256}[samples]
    assert model.score(odd())[10] > np.quantile(model.score(odd()), 0.95)


@BOTH
def test_missing_columns_and_values(kind: Either, caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    model = kind({}).fit(x)
    np.testing.assert_array_equal(model.score(x.drop(columns="s2")), model.score(x.assign(s2=np.inf)))
    assert "['s2']" in caplog.text
    x.iloc[3] = np.nan
    assert np.flatnonzero(np.isnan(model.score(x))).tolist() == [3]
    np.testing.assert_array_equal(model.score(x[x.columns[::-1]].assign(other="text")), model.score(x))


@BOTH
@pytest.mark.parametrize("x", [history()[:1], history() * 0.0, history().iloc[:, :0], history() * np.nan])
def test_nothing_to_learn(kind: Either, x: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    joblib = pytest.importorskip("joblib")
    model = kind({}).fit(x)
    assert "nothing moves" in caplog.text
    assert model.model is None
    assert np.isnan(model.score(history())).all()
    assert np.isnan(model.decision_function(history())).all()
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for other in (kind.from_dict(json.loads(json.dumps(model.to_dict()))), joblib.load(file)):
        caplog.clear()
        assert other.model is None
        assert np.isnan(other.score(history())).all()
        assert f"there was nothing to learn from (nothing moves in {len(x)} rows): every row scores NaN" in caplog.text
        assert len(other.fit(history()).score(history())) == 400
        assert np.isfinite(other.score(history())).all()
        assert other.to_dict()["fitted"]


@BOTH
def test_what_is_not_fitted_stays_so(kind: Either) -> None:
    for other in (kind.from_dict(kind().to_dict()), pickle.loads(pickle.dumps(kind()))):
        with pytest.raises(RuntimeError, match="call fit first"):
            other.score(history())


def test_states_that_cannot_be_fitted(caplog: pytest.LogCaptureFixture) -> None:
    x = pd.DataFrame({"a": [0.0, 0.0, 0.0, 0.0, 1.0], "b": [0.0, 0.0, 0.0, 0.0, 1.0]})
    model = outliers.GMMDetector({"reg_covar": 0.0, "covariance_type": "full", "n_init": 1}).fit(x)
    assert "no number of states" in caplog.text
    assert np.isnan(model.score(x)).all()


@BOTH
@pytest.mark.parametrize("backend", ["rust", "numpy"])
def test_huge_values_stay_finite(kind: Either, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outliers, "BACKEND", backend)
    x = history()
    x.iloc[0, 0] = 1e300
    x.iloc[1, 1] = -1e200
    assert np.isfinite(kind({}).fit(x).score(x)).all()


@BOTH
@pytest.mark.parametrize("kind_of_columns", ["float32", "Float64", "int64"])
def test_kinds_of_columns(kind: Either, kind_of_columns: Any) -> None:
    x = history().round().astype(kind_of_columns)
    plain = x.astype("float64")
    np.testing.assert_array_equal(kind({}).fit(x).score(x), kind({}).fit(plain).score(plain))


@BOTH
def test_bad_calls(kind: Either) -> None:
    with pytest.raises(RuntimeError, match="call fit first"):
        kind({}).score(history())
    with pytest.raises(TypeError, match="pandas DataFrame, got ndarray"):
        kind({}).fit(np.zeros((4, 2)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\['t'\]"):
        kind({}).fit(history().assign(t="x"))
    with pytest.raises(ValueError, match=r"twice there: \['s0'\]"):
        kind({}).fit(history()[["s0", "s0"]])


@pytest.mark.parametrize(
    ("cfg", "words"),
    [
        ({"n_estimators": 0}, "n_estimators must be a whole number from 1"),
        ({"max_samples": "all"}, "max_samples must be 'auto'"),
        ({"contamination": 0.7}, "contamination must be 'auto' or above 0"),
    ],
)
def test_bad_settings(cfg: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        outliers.IsolationForestDetector(cfg)
    with pytest.raises(ValueError, match="n_components must be a whole number"):
        outliers.GMMDetector({"n_components": "many"})
    with pytest.raises(ValueError, match="ACM_BACKEND must be"):
        outliers._choose_backend("cuda")
