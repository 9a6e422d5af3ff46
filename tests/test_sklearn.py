"""The estimators keep scikit-learn's conventions."""

from __future__ import annotations

from typing import Any

import acm_rs
import acm_rs.sklearn as adapters
import numpy as np
import pytest
from histories import plant
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

FEW = "needs 20 rows to predict sensors from each other, the check has 10"
STARTS = "the first centres are drawn from rows: repeating or removing rows draws others"
ORDER = "a row is scored after the row before it: rows are a history"

ESTIMATORS = [
    adapters.AR1Detector(),
    adapters.PCADetector(),
    adapters.PCADetector(lags=1),
    adapters.MahalanobisDetector(),
    adapters.SimilarityDetector(),
    adapters.OMRDetector(),
    adapters.IsolationForest(random_state=0),
    adapters.GaussianMixture(random_state=0),
    adapters.KMeans(random_state=0),
]


def _expected(estimator: Any) -> dict[str, str]:
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


@pytest.mark.parametrize("estimator", ESTIMATORS[:-1], ids=lambda estimator: str(estimator)[:20])
def test_the_sign_is_scikit_learns(estimator: Any) -> None:
    x = plant(400)
    fitted = clone(estimator).set_params(contamination=0.05).fit(x)
    assert (fitted.score_samples(x) == -fitted.model_.score(x)).all()
    assert (fitted.decision_function(x) == fitted.score_samples(x) - fitted.offset_).all()
    outliers = fitted.predict(x) == -1
    assert 15 <= outliers.sum() <= 20
    assert fitted.model_.score(x)[outliers].min() >= fitted.model_.score(x)[~outliers].max()


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
