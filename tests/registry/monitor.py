"""The whole job, which Python does with the engine's parts."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from registry.inputs import Matrix
from registry.row import Job
from registry.timed import NUMPY, SKLEARN, ModelCase, close

PIECES = 5
SAMPLE = 500


def _moments(module: ModuleType, x: Matrix) -> Any:
    """Counted in pieces, and merged."""
    first = module.RunningMoments.of_sample(x[:SAMPLE]).to_bytes()
    whole = module.RunningMoments.from_bytes(first)
    for piece in np.array_split(x, PIECES):
        whole.merge(module.RunningMoments.from_bytes(first).update(piece), follows=True)
    return whole


def _numpy_moments(x: Matrix) -> Callable[[], Any]:
    """Of each piece, merged in floats: Chan, Golub and LeVeque 1983, doi 10.1080/00031305.1983.10483115."""

    def merged() -> Any:
        rows, mean, products = 0, np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
        for piece in np.array_split(x, PIECES):
            own = piece.mean(axis=0)
            apart = own - mean
            both = rows + len(piece)
            products += (piece - own).T @ (piece - own) + np.outer(apart, apart) * (rows * len(piece) / both)
            mean += apart * (len(piece) / both)
            rows = both
        return products / (rows - 1)

    return merged


def _our_fit(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    moments = _moments(module, x)
    return lambda: module.MahalanobisDetector("none").fit_moments(moments).covariance_


def _sklearn_fit(x: Matrix) -> Callable[[], Any]:
    from sklearn.covariance import EmpiricalCovariance

    return lambda: EmpiricalCovariance().fit((x - x.mean(axis=0)) / x.std(axis=0)).covariance_


ROWS = (
    Job("Monitor", "test_monitor.py"),
    Job("Result", "test_monitor_result.py"),
    Job("backtest", "test_backtest.py"),
    Job("compare", "test_backtest.py"),
    Job("FadingMoments", "test_fading.py"),
    Job(
        "RunningMoments",
        "test_running_moments.py",
        (
            ModelCase(
                "running_moments",
                "moments in five pieces, merged to the same bytes in any order: covariance",
                ("RunningMoments",),
                lambda module, x: lambda: _moments(module, x).covariance(),
                {NUMPY: _numpy_moments},
                close(1e-10),
            ),
            ModelCase(
                "fit_moments",
                "Mahalanobis: fit from moments (scikit-learn: from rows)",
                ("RunningMoments", "MahalanobisDetector"),
                _our_fit,
                {SKLEARN: _sklearn_fit},
                close(1e-10),
            ),
        ),
    ),
    Job("score_batch", "test_hooks.py"),
    Job("train_pca", "test_hooks.py"),
    Job("iforest_scores", "test_hooks.py"),
)
