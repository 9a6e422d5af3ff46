"""The registry of models and of the functions under them.

Every model has a line here; ``test_models.py`` holds all of them to what models promise. Functions have tests of their
own, named beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A model's class, and parameters that take it through all its code."""

    name: str
    variants: tuple[Mapping[str, Any], ...] = ({},)
    remembers: bool = False
    """Scores depend on the rows before: only ``update`` gives pieces the bytes of the whole."""
    methods: tuple[str, ...] = ()
    """What else takes rows and gives a result for each, whatever the other rows are."""
    least: int = 1
    """Fewest columns it can be fitted on."""
    columns: int = 5
    """Columns of its training data."""

    def make(self, **parameters: Any) -> Any:
        return getattr(acm_rs, self.name)(**parameters)


@dataclass(frozen=True)
class Case:
    """A model with one set of its parameters."""

    model: Model
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Any:
        return self.model.make(**self.parameters)

    def __str__(self) -> str:
        given = ",".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.model.name}({given})"


_MODELS = (
    Model("AR1Detector", ({}, {"fuse": "median"}, {"fuse": "p95", "phi_cap": 0.5, "sd_floor": 0.1}), remembers=True),
    Model(
        "GaussianMixture",
        (
            {"n_components": 3},
            {"n_components": 2, "covariance": "full", "n_init": 2, "reg": 0.1, "seed": 7},
            {"n_components": "bic", "n_init": 1, "max_iter": 9, "tol": 1e-4},
        ),
        methods=("score_samples", "predict", "predict_proba"),
    ),
    Model(
        "KMeans",
        ({"n_clusters": 3}, {"n_clusters": 9, "n_init": 2, "max_iter": 20, "tol": 0.0, "seed": 5}, {"n_clusters": 1}),
        methods=("predict", "transform"),
    ),
    Model(
        "OMRDetector",
        (
            {},
            {"model": "ridge", "alpha": 0.5, "clip": None},
            {"model": "pca", "n_components": 2},
            {"model": "pls", "n_components": 3, "clip": 50.0},
        ),
        methods=("predict", "residuals"),
        least=2,
    ),
    Model(
        "PCADetector",
        (
            {"n_components": 2},
            {"n_components": 0.8, "lags": 2, "scaling": "standard", "limits": "empirical", "alpha": 0.05},
            {"n_components": 4, "lags": 1},
        ),
        remembers=True,
        methods=("spe", "t2", "residuals"),
    ),
    Model(
        "MahalanobisDetector",
        ({}, {"shrinkage": "none"}, {"shrinkage": 0.3, "lags": 2}),
        remembers=True,
    ),
    Model(
        "ScoreFusion",
        (
            {},
            {"scale": "tail", "combine": "mean"},
            {"scale": "cube_root", "combine": "p95"},
            {"combine": "sum", "min_rows": 20},
        ),
        methods=("scaled",),
    ),
    Model(
        "IsolationForest",
        (
            {"n_estimators": 20},
            {"n_estimators": 12, "max_samples": 0.5, "extension": 2, "seed": 3},
            {"max_samples": "auto"},
        ),
    ),
    Model(
        "FusedDetector",
        (
            {},
            {"n_components": 2, "lags": 0, "memories": (0.1,), "folds": 4, "false_alarm_rate": 0.05, "trim": 0.0},
            {"n_components": 0.7, "lags": 1, "memories": (1.0,), "folds": 3, "trim": 3.0},
        ),
        remembers=True,
    ),
    Model(
        "RegimeModel",
        ({}, {"n_regimes": 3, "min_rows": 5, "margin": 2.0, "smoothing": 4}, {"n_regimes": 1, "unknown_quantile": 0.9}),
        methods=("predict", "confidence", "transform"),
    ),
    Model(
        "RegimeDetector",
        ({}, {"detector": "mahalanobis", "false_alarm_rate": 0.05}, {"detector": "ar1", "min_rows": 50}),
        remembers=True,
    ),
)
MODELS: Mapping[str, Model] = MappingProxyType({model.name: model for model in _MODELS})
CASES: tuple[Case, ...] = tuple(Case(model, given) for model in _MODELS for given in model.variants)

FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ar1_residuals": "test_ar1.py",
        "pca": "test_decompositions.py",
        "svd": "test_decompositions.py",
        "cholesky_solve": "test_decompositions.py",
        "ledoit_wolf": "test_decompositions.py",
        **dict.fromkeys(
            ("calibrate", "cusum", "ewma_chart", "page_hinkley", "Cusum", "EwmaChart", "PageHinkley", "Threshold"),
            "test_decisions.py",
        ),
        **dict.fromkeys(("EpisodeTracker", "Episodes", "episodes"), "test_episodes.py"),
        "calinski_harabasz_score": "test_cluster_indices.py",
        "davies_bouldin_score": "test_cluster_indices.py",
        "nearest": "test_distances.py",
        "pairwise_distances": "test_distances.py",
        "silhouette_samples": "test_cluster_indices.py",
        "silhouette_score": "test_cluster_indices.py",
        "ClusterChoice": "test_choose_k.py",
        "align_labels": "test_labels.py",
        "choose_k": "test_choose_k.py",
        "minimum_dwell": "test_labels.py",
        "smooth_labels": "test_labels.py",
        "transients": "test_labels.py",
    }
)
"""Public functions of models, and the file with their tests."""

REGISTERED = frozenset(MODELS) | frozenset(FUNCTIONS)


def plant(rows: int, columns: int = 5, seed: int = 0, gaps: float = 0.0) -> Floats:
    """Sensors of a machine: two hidden loads with memory, levels far apart, noise, and missing values if asked."""
    random = np.random.default_rng(seed)
    loads = np.zeros((rows, 2))
    kicks = random.standard_normal((rows, 2))
    for row in range(1, rows):
        loads[row] = 0.9 * loads[row - 1] + kicks[row]
    mixing = np.random.default_rng(99).standard_normal((2, columns))
    levels = 10.0 ** np.linspace(0, 4, columns)
    x = levels + loads @ mixing + 0.3 * random.standard_normal((rows, columns))
    if gaps:
        hidden = random.random(x.shape)
        x[hidden < gaps] = np.nan
        x[hidden < gaps / 5] = np.inf
    return x
