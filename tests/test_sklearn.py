"""The estimators keep scikit-learn's conventions."""

from __future__ import annotations

import inspect
from typing import Any

import acm_rs
import acm_rs.sklearn as adapters
import numpy as np
import pandas as pd
import pytest
from histories import plant
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

FEW = "needs 20 rows to predict sensors from each other, the check has 10"
FOLDS = "needs eight rows a fold and the check has fewer than two folds take"
STARTS = "the first centres are drawn from rows: repeating or removing rows draws others"
ORDER = "a row is scored after the row before it: rows are a history"

ESTIMATORS = [
    adapters.AR1Detector(),
    adapters.PCADetector(),
    adapters.PCADetector(lags=1),
    adapters.MahalanobisDetector(),
    adapters.FusedDetector(folds=2),
    adapters.SimilarityDetector(),
    adapters.RegimeDetector("mahalanobis", random_state=0),
    adapters.OMRDetector(),
    adapters.IsolationForest(random_state=0),
    adapters.GaussianMixture(random_state=0),
    adapters.HDBSCAN(),
    adapters.RegimeModel(random_state=0),
    adapters.KMeans(random_state=0),
]


def _expected(estimator: Any) -> dict[str, str]:
    if isinstance(estimator, adapters.FusedDetector):
        few = ("check_n_features_in_after_fitting", "check_classifier_data_not_an_array", "check_fit2d_1feature")
        order = ("check_methods_sample_order_invariance", "check_methods_subset_invariance")
        return dict.fromkeys(few, FOLDS) | dict.fromkeys(order, ORDER)
    if isinstance(estimator, adapters.AR1Detector) or getattr(estimator, "lags", 0):
        return {"check_methods_sample_order_invariance": ORDER, "check_methods_subset_invariance": ORDER}
    if isinstance(estimator, adapters.OMRDetector):
        return {"check_n_features_in_after_fitting": FEW, "check_classifier_data_not_an_array": FEW}
    if isinstance(estimator, adapters.KMeans):
        return {"check_sample_weight_equivalence_on_dense_data": STARTS}
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_expected)
def test_the_checks_pass(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS[:-3], ids=lambda estimator: str(estimator)[:20])
def test_the_sign_is_scikit_learns(estimator: Any) -> None:
    x = plant(400)
    fitted = clone(estimator).set_params(contamination=0.05).fit(x)
    scores = fitted.model_.score(x) if not isinstance(fitted, adapters.RegimeDetector) else -fitted.score_samples(x)
    assert (fitted.score_samples(x) == -scores).all()
    assert (fitted.decision_function(x) == fitted.score_samples(x) - fitted.offset_).all()
    outliers = fitted.predict(x) == -1
    assert 15 <= outliers.sum() <= 20
    assert scores[outliers].min() >= scores[~outliers].max()


def test_missing_values_go_through_a_pipeline() -> None:
    x = plant(300, gaps=0.05)
    x[np.isinf(x)] = np.nan
    pipeline = make_pipeline(StandardScaler(), adapters.PCADetector(2)).fit(x)
    assert np.isfinite(pipeline.decision_function(x)).all()


def test_k_means_has_scikit_learns_score() -> None:
    x = plant(200)
    fitted = adapters.KMeans(3, random_state=1).fit(x)
    assert fitted.score(x) == pytest.approx(-fitted.inertia_, rel=1e-10)
    assert isinstance(fitted.model_, acm_rs.KMeans)
    assert fitted.get_feature_names_out().tolist() == ["kmeans0", "kmeans1", "kmeans2"]


@pytest.mark.parametrize("contamination", [0.0, 0.6, "auto", float("nan")])
def test_an_impossible_contamination_is_named(contamination: Any) -> None:
    with pytest.raises(ValueError, match=r"`contamination` must be above 0 and at most 0\.5"):
        adapters.PCADetector(contamination=contamination).fit(plant(50))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: str(estimator)[:20])
def test_parameters_are_those_of_the_model(estimator: Any) -> None:
    # A seed goes by scikit-learn's name. By default no row is judged with those before it but where that is the model.
    other = {"seed", "smoothing"} if isinstance(estimator, adapters.SimilarityDetector) else {"seed"}
    if isinstance(estimator, adapters.KMeans | adapters.IsolationForest | adapters.HDBSCAN):
        other |= {"n_clusters", "max_samples", "min_cluster_size"}
    model = inspect.signature(getattr(acm_rs, type(estimator).__name__)).parameters
    form = inspect.signature(type(estimator)).parameters
    assert set(model) - {"seed"} <= set(form)
    assert {name: model[name].default for name in model if name not in other} == {
        name: form[name].default for name in model if name not in other
    }


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: str(estimator)[:20])
def test_the_model_knows_the_sensors_by_name(estimator: Any) -> None:
    frame = pd.DataFrame(plant(200, 4), columns=["speed", "flow", "head", "power"])
    fitted = clone(estimator).fit(frame)
    assert fitted.model_.feature_names_in_.tolist() == list(frame.columns)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        fitted.predict(frame[frame.columns[::-1]])
    with pytest.raises(AttributeError, match="not been fitted on columns with names"):
        _ = clone(estimator).fit(frame.to_numpy()).model_.feature_names_in_


def test_regimes_are_found_and_each_has_its_detector() -> None:
    random = np.random.default_rng(3)
    slow, fast = random.normal(0.0, 0.1, (300, 3)), random.normal([100.0, 50.0, 20.0], [1.0, 3.0, 0.5], (300, 3))
    x = np.vstack([slow, fast])
    fitted = adapters.RegimeDetector("mahalanobis", random_state=5).fit(x)
    assert fitted.regime_model_ == acm_rs.RegimeModel(seed=5, constants="ignore").fit(x)
    assert fitted.model_.regimes_.tolist() == [0, 1]
    regimes = adapters.RegimeModel(random_state=5).fit(x)
    assert (regimes.labels_ == fitted.regime_model_.labels_).all()
    # 30 standard deviations of the slow regime are half of one of the fast.
    assert fitted.predict([[3.0, 0.0, 0.0]])[0] == -1
    assert fitted.predict([[101.0, 50.0, 20.0]])[0] == 1
    known = fitted.regime_model_.predict(x) >= 0
    assert (fitted.score_samples(x)[known] == -fitted.model_.score(x, fitted.regime_model_.labels_)[known]).all()
    # What is in no regime is the stranger the farther it is.
    far = fitted.score_samples([[300.0, 50.0, 20.0], [900.0, 50.0, 20.0], [np.nan] * 3])
    assert fitted.offset_ > far[0] > far[1]
    assert np.isnan(far[2])
    assert regimes.predict([[50.0, 25.0, 10.0]])[0] == -1
    assert regimes.transform(x).shape == (600, 2)
    assert regimes.get_feature_names_out().tolist() == ["regimemodel0", "regimemodel1"]
