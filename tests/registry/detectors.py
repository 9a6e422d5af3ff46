"""Detectors of anomalies."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from registry.inputs import Matrix
from registry.model import Model
from registry.row import Function
from registry.timed import ALL_CORES, ISOTREE, NUMPY, ONE_THREAD, SKLEARN, ModelCase, close, one_blas_thread
from registry.values import COLUMNS, history, labels

# ---- peers ----------------------------------------------------------------------------------------------------------


def _not_below(margin: float) -> Callable[[Any, Any], str]:
    """Ours may be at most ``margin`` below the peer's: a log-likelihood."""

    def agree(ours: Any, theirs: Any) -> str:
        return "" if ours >= theirs - margin else f"{ours:.6g} against {theirs:.6g}"

    return agree


def _sklearn_forest(x: Matrix, jobs: int | None) -> Any:
    from sklearn.ensemble import IsolationForest

    return IsolationForest(n_estimators=100, max_samples=256, random_state=17, n_jobs=jobs)


def _sklearn_forest_fit(jobs: int | None) -> Callable[[Matrix], Callable[[], Any]]:
    return lambda x: lambda: _sklearn_forest(x, jobs).fit(x) and None


def _sklearn_forest_score(jobs: int | None) -> Callable[[Matrix], Callable[[], Any]]:
    def build(x: Matrix) -> Callable[[], Any]:
        fitted = _sklearn_forest(x, jobs).fit(x)
        return lambda: -fitted.score_samples(x)

    return build


def _isotree_forest() -> Any:
    """The forest of the paper: columns and cuts at random, 256 rows a tree, no deeper than 8."""
    from isotree import IsolationForest

    return IsolationForest(
        ntrees=100, ndim=1, sample_size=256, max_depth=8, missing_action="fail", random_seed=17, nthreads=-1
    )


def _isotree_forest_score(x: Matrix) -> Callable[[], Any]:
    fitted = _isotree_forest().fit(x)
    return lambda: fitted.predict(x)


def _our_forest_score(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    fitted = module.IsolationForest().fit(x)
    return lambda: fitted.score(x)


def _alike(ours: Any, theirs: Any) -> str:
    """Two forests of other trees rank the rows alike."""
    ranks = [np.argsort(np.argsort(values)) for values in (ours, theirs)]
    found = float(np.corrcoef(*ranks)[0, 1])
    return "" if found > 0.5 else f"rank correlation {found:.2f}"


def _nothing(ours: Any, theirs: Any) -> str:
    return ""


def _our_estimates(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    fitted = module.SimilarityDetector().fit(x)
    return lambda: fitted.estimate(x)


def _numpy_estimates(x: Matrix) -> Callable[[], Any]:
    """Weighted means of the same kind of memory, by blocked products."""
    from kernel_regression import remembered

    mean, scale = x.mean(axis=0), x.std(axis=0)
    known, width = remembered((x - mean) / scale, 300, 5)
    halves = (known**2).sum(axis=1) / 2.0

    def run() -> Any:
        near = (x - mean) / scale @ known.T - halves
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / width)
        return mean + scale * (weights @ known / weights.sum(axis=1, keepdims=True))

    return run


def _robust(x: Matrix) -> Matrix:
    low, middle, high = np.quantile(x, (0.25, 0.5, 0.75), axis=0)
    return (x - middle) / (high - low)


def _our_mixture(covariance: str) -> Callable[[ModuleType, Matrix], Callable[[], Any]]:
    return lambda module, x: lambda: module.GaussianMixture(5, covariance, n_init=3).fit(x).lower_bound_


def _sklearn_mixture(covariance: str) -> Callable[[Matrix], Callable[[], Any]]:
    """scikit-learn's mixture of the rows that acm_rs scales itself."""

    def build(x: Matrix) -> Callable[[], Any]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        z = _robust(x)

        def run() -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                fitted = GaussianMixture(5, covariance_type=covariance, n_init=3, reg_covar=1e-2, random_state=42).fit(
                    z
                )
            return fitted.lower_bound_

        return run

    return build


def _standard(x: Matrix) -> Matrix:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _sklearn_pls(x: Matrix) -> Callable[[], Any]:
    from sklearn.cross_decomposition import PLSRegression

    def run() -> Any:
        z = _standard(x)
        norms = np.linalg.norm(z - PLSRegression(5, scale=False).fit(z, z).predict(z), axis=1)
        return 1.4826 * np.median(np.abs(norms - np.median(norms)))

    return run


def _numpy_ar1(x: Matrix) -> Callable[[], Any]:
    def run() -> Any:
        mu = np.median(x, axis=0)
        c = x - mu
        phi = np.clip((c[1:] * c[:-1]).sum(axis=0) / (c[:-1] ** 2).sum(axis=0), -0.999, 0.999)
        r = np.zeros_like(c)
        r[1:] = c[1:] - phi * c[:-1]
        sd = np.maximum(1.4826 * np.median(np.abs(r[1:] - np.median(r[1:], axis=0)), axis=0), 1e-6)
        return (np.abs(r) / sd).mean(axis=1)

    return run


# ---- rows -----------------------------------------------------------------------------------------------------------

ROWS = (
    Model(
        "AR1Detector",
        {"phi_cap": 0.99, "sd_floor": 1e-6, "fuse": "mean", "constants": "watch"},
        ({}, {"fuse": "median"}, {"fuse": "p95", "phi_cap": 0.5, "sd_floor": 0.1, "constants": "ignore"}),
        remembers=True,
        others={"moved": lambda rows: {"x": history(rows)}, "limit": lambda rows: {"alpha": 0.01}},
        benchmarks=(
            ModelCase(
                "ar1",
                "AR(1): fit and score",
                ("AR1Detector",),
                lambda module, x: lambda: module.AR1Detector().fit(x).score(x),
                {NUMPY: _numpy_ar1},
                close(1e-10),
                4.0,
            ),
        ),
    ),
    Function(
        "ar1_residuals",
        "test_ar1.py",
        {"": lambda rows: {"x": history(rows), "phi": [0.5] * COLUMNS, "mu": [0.0] * COLUMNS}},
    ),
    Model(
        "GaussianMixture",
        {
            "n_components": 3,
            "covariance": "full",
            "n_init": 2,
            "reg": 0.01,
            "tol": 1e-3,
            "max_iter": 20,
            "seed": 3,
            "constants": "watch",
        },
        (
            {"n_components": 3},
            {"n_components": 2, "covariance": "full", "n_init": 2, "reg": 0.1, "seed": 7},
            {"n_components": "bic", "n_init": 1, "max_iter": 9, "tol": 1e-4, "constants": "ignore"},
        ),
        methods=("score_samples", "predict", "predict_proba"),
        more=("bic", "aic"),
        fitting=lambda rows: {"labels": labels(rows)},
        others={"moved": lambda rows: {"x": history(rows)}, "limit": lambda rows: {"alpha": 0.01}},
        benchmarks=(
            ModelCase(
                "mixture_diag",
                "Gaussian mixture, k = 5, diag, 3 starts",
                ("GaussianMixture",),
                _our_mixture("diag"),
                {SKLEARN: _sklearn_mixture("diag"), ONE_THREAD: one_blas_thread(_sklearn_mixture("diag"))},
                _not_below(0.01),
                4.0,
            ),
            ModelCase(
                "mixture_full",
                "Gaussian mixture, k = 5, full, 3 starts",
                ("GaussianMixture",),
                _our_mixture("full"),
                {ONE_THREAD: one_blas_thread(_sklearn_mixture("full"))},
                _not_below(0.01),
                6.0,
            ),
        ),
    ),
    Model(
        "OMRDetector",
        {"model": "pls", "n_components": 2, "alpha": 1.0, "clip": 10.0, "constants": "watch"},
        (
            {},
            {"model": "ridge", "alpha": 0.5, "clip": None},
            {"model": "pca", "n_components": 2},
            {"model": "pls", "n_components": 3, "clip": 50.0, "constants": "ignore"},
        ),
        methods=("predict", "residuals"),
        least=2,
        fitting=lambda rows: {"labels": labels(rows), "weights": np.ones(COLUMNS)},
        others={"moved": lambda rows: {"x": history(rows)}, "limit": lambda rows: {"alpha": 0.01}},
        benchmarks=(
            ModelCase(
                "omr_pls",
                "overall model residual, PLS: fit",
                ("OMRDetector",),
                lambda module, x: lambda: module.OMRDetector("pls").fit(x).norm_scale_,
                {SKLEARN: _sklearn_pls, ONE_THREAD: one_blas_thread(_sklearn_pls)},
                close(1e-8),
            ),
        ),
    ),
    Model(
        "PCADetector",
        {"n_components": 2, "lags": 1, "scaling": "robust", "alpha": 0.01, "limits": "held_out", "constants": "watch"},
        (
            {"n_components": 2},
            {"n_components": 0.8, "lags": 2, "scaling": "standard", "limits": "empirical", "alpha": 0.05},
            {"n_components": 4, "lags": 1, "limits": "theoretical", "constants": "ignore"},
        ),
        remembers=True,
        methods=("spe", "t2", "residuals"),
        more=("resolution",),
        others={
            "moved": lambda rows: {"x": history(rows)},
            "contributions": lambda rows: {"x": history(rows), "statistic": "score", "decomposition": "complete"},
            "spe_limit": lambda rows: {"alpha": 0.01, "method": "theoretical"},
            "t2_limit": lambda rows: {"alpha": 0.01, "method": "theoretical"},
        },
    ),
    Model(
        "MahalanobisDetector",
        {"shrinkage": "ledoit_wolf", "lags": 1, "constants": "watch"},
        ({}, {"shrinkage": "none"}, {"shrinkage": 0.3, "lags": 2, "constants": "ignore"}),
        remembers=True,
        more=("resolution",),
        others={
            "moved": lambda rows: {"x": history(rows)},
            "limit": lambda rows: {"alpha": 0.01, "method": "held_out"},
        },
    ),
    Model(
        "IsolationForest",
        {"n_estimators": 20, "max_samples": 64, "extension": 1, "seed": 3, "constants": "watch"},
        (
            {"n_estimators": 20},
            {"n_estimators": 12, "max_samples": 0.5, "extension": 2, "seed": 3},
            {"max_samples": "auto", "constants": "ignore"},
        ),
        others={"moved": lambda rows: {"x": history(rows)}, "limit": lambda rows: {"alpha": 0.01}},
        benchmarks=(
            ModelCase(
                "forest_fit",
                "isolation forest, 100 trees: fit",
                ("IsolationForest",),
                lambda module, x: lambda: module.IsolationForest().fit(x) and None,
                {
                    SKLEARN: _sklearn_forest_fit(None),
                    ALL_CORES: _sklearn_forest_fit(-1),
                    ISOTREE: lambda x: lambda: _isotree_forest().fit(x) and None,
                },
                _nothing,
                30.0,
                apart={ISOTREE[0]: 1.0},
            ),
            ModelCase(
                "forest_score",
                "isolation forest, 100 trees: score",
                ("IsolationForest",),
                _our_forest_score,
                {
                    SKLEARN: _sklearn_forest_score(None),
                    ALL_CORES: _sklearn_forest_score(-1),
                    ISOTREE: _isotree_forest_score,
                },
                _alike,
                8.0,
                apart={ISOTREE[0]: 1.0},
            ),
        ),
    ),
    Model(
        "FusedDetector",
        {
            "n_components": 0.9,
            "lags": 1,
            "memories": [1.0, 0.2],
            "folds": 4,
            "false_alarm_rate": 0.01,
            "trim": 5.0,
            "whole": False,
            "rounding": "watch",
            "constants": "watch",
        },
        (
            {},
            {"n_components": 2, "lags": 0, "memories": (0.1,), "folds": 4, "false_alarm_rate": 0.05, "trim": 0.0},
            {
                "n_components": 0.7,
                "lags": 1,
                "memories": (1.0,),
                "folds": 3,
                "trim": 3.0,
                "whole": True,
                "constants": "ignore",
            },
        ),
        remembers=True,
        more=("parts", "resolution"),
        others={"moved": lambda rows: {"x": history(rows)}},
    ),
    Model(
        "SimilarityDetector",
        {
            "memory": 60,
            "neighbours": 3,
            "smoothing": [1.0, 0.3],
            "folds": 3,
            "false_alarm_rate": 0.01,
            "constants": "watch",
        },
        (
            {},
            {"memory": 40, "neighbours": 2, "smoothing": (0.1,), "folds": 2, "false_alarm_rate": 0.05},
            {"memory": 1000, "smoothing": (1.0,), "constants": "ignore"},
        ),
        remembers=True,
        methods=("estimate",),
        more=("parts", "resolution"),
        others={"moved": lambda rows: {"x": history(rows)}, "limit": lambda rows: {"alpha": 0.01}},
        benchmarks=(
            ModelCase(
                "similarity_estimate",
                "kernel regression on 300 rows: estimates",
                ("SimilarityDetector",),
                _our_estimates,
                {NUMPY: _numpy_estimates},
                close(1e-9),
                2.0,
            ),
        ),
    ),
    Model(
        "RegimeDetector",
        {"detector": "pca", "false_alarm_rate": 0.01, "min_rows": 50, "constants": "watch"},
        (
            {},
            {"detector": "mahalanobis", "false_alarm_rate": 0.05, "constants": "ignore"},
            {"detector": "ar1", "min_rows": 50},
        ),
        remembers=True,
        fitting=lambda rows: {"labels": labels(rows)},
        own=lambda rows: {"labels": labels(rows)},
        others={"moved": lambda rows: {"x": history(rows)}},
    ),
)
