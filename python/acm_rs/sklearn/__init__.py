"""acm_rs' models as scikit-learn estimators, for pipelines, grid searches and everything else that speaks scikit-learn.

Needs scikit-learn 1.6 or newer (``pip install "acm-rs[sklearn]"``). The detectors follow its sign convention:
``score_samples`` and ``decision_function`` are **lower** for what is more abnormal, ``predict`` gives -1 for outliers
and 1 for the rest. ``offset_`` is the quantile ``contamination`` of the training scores. Missing values (NaN) are
allowed but in ``HDBSCAN``; infinite ones are refused, as scikit-learn does.

The fitted model of acm_rs is ``model_``: its contributions, limits and ``save`` are there.

Examples
--------
>>> import numpy as np
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from acm_rs.sklearn import IsolationForest
>>> x = np.random.default_rng(0).standard_normal((500, 3))
>>> x[0] = 9.0
>>> outliers = make_pipeline(StandardScaler(), IsolationForest(random_state=0)).fit_predict(x)
>>> int(outliers[0])
-1
"""

from acm_rs.sklearn.clusters import HDBSCAN, KMeans, RegimeModel
from acm_rs.sklearn.detectors import (
    AR1Detector,
    FusedDetector,
    GaussianMixture,
    IsolationForest,
    MahalanobisDetector,
    OMRDetector,
    PCADetector,
    RegimeDetector,
    SimilarityDetector,
)

__all__ = [
    "HDBSCAN",
    "AR1Detector",
    "FusedDetector",
    "GaussianMixture",
    "IsolationForest",
    "KMeans",
    "MahalanobisDetector",
    "OMRDetector",
    "PCADetector",
    "RegimeDetector",
    "RegimeModel",
    "SimilarityDetector",
]
