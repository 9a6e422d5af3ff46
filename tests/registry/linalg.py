"""Decompositions and distances."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from registry.inputs import Matrix
from registry.row import Function
from registry.timed import SCIPY, SKLEARN, ModelCase, close
from registry.values import complete

NEIGHBOURS = 100


def _centers(x: Matrix) -> Matrix:
    return np.ascontiguousarray(x[:: max(1, len(x) // NEIGHBOURS)][:NEIGHBOURS])


def _sklearn_distances(x: Matrix, y: Matrix | None) -> Callable[[], Any]:
    from sklearn.metrics import pairwise_distances

    return lambda: pairwise_distances(x, y)


def _scipy_distances(x: Matrix, y: Matrix) -> Callable[[], Any]:
    from scipy.spatial.distance import cdist

    return lambda: cdist(x, y)


def _sklearn_nearest(x: Matrix) -> Callable[[], Any]:
    from sklearn.metrics import pairwise_distances_argmin_min

    y = _centers(x)
    return lambda: pairwise_distances_argmin_min(x, y)[1]


def _our_distances(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    y = _centers(x)
    return lambda: module.pairwise_distances(x, y)


def _our_nearest(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    y = _centers(x)
    return lambda: module.nearest(x, y)[1]


def _sklearn_pca(x: Matrix) -> Callable[[], Any]:
    from sklearn.decomposition import PCA

    return lambda: PCA(5, svd_solver="covariance_eigh").fit(x).explained_variance_


ROWS = (
    Function(
        "pca",
        "test_decompositions.py",
        {"": lambda rows: {"x": complete(rows), "k": 2}},
        (
            ModelCase(
                "pca",
                "PCA, 5 components",
                ("pca",),
                lambda module, x: lambda: module.pca(x, 5)[1],
                {SKLEARN: _sklearn_pca},
                close(1e-9),
                2.0,
            ),
            ModelCase(
                "wide_pca",
                "PCA, 5 components, 10,000 x 400",
                ("pca",),
                lambda module, x: lambda: module.pca(x, 5)[1],
                {SKLEARN: _sklearn_pca},
                close(1e-9),
                1.2,
                columns=400,
            ),
        ),
    ),
    Function("svd", "test_decompositions.py", {"": lambda rows: {"x": complete(rows), "k": 2}}),
    Function(
        "cholesky_solve",
        "test_decompositions.py",
        {"": lambda rows: {"a": np.eye(min(rows, 3000)) * 3 + 1, "b": complete(min(rows, 3000))}},
    ),
    Function("ledoit_wolf", "test_decompositions.py", {"": lambda rows: {"x": complete(rows)}}),
    Function(
        "pairwise_distances",
        "test_distances.py",
        {
            "": lambda rows: {"x": complete(rows), "y": complete(50), "metric": "euclidean"},
            "to itself": lambda rows: {"x": complete(rows)},
        },
        (
            ModelCase(
                "distances",
                f"distances to {NEIGHBOURS} points",
                ("pairwise_distances",),
                _our_distances,
                {
                    SKLEARN: lambda x: _sklearn_distances(x, _centers(x)),
                    SCIPY: lambda x: _scipy_distances(x, _centers(x)),
                },
                close(1e-6),
                3.0,
            ),
            ModelCase(
                "self_distances",
                "distances of all pairs, 5,000 x 50",
                ("pairwise_distances",),
                lambda module, x: lambda: module.pairwise_distances(x),
                {SKLEARN: lambda x: _sklearn_distances(x, None), SCIPY: lambda x: _scipy_distances(x, x)},
                close(1e-6),
                3.0,
                rows=5_000,
            ),
        ),
    ),
    Function(
        "nearest",
        "test_distances.py",
        {"": lambda rows: {"x": complete(rows), "centers": complete(9)}},
        (
            ModelCase(
                "nearest",
                f"nearest of {NEIGHBOURS} centres",
                ("nearest",),
                _our_nearest,
                {SKLEARN: _sklearn_nearest},
                close(1e-6),
                2.0,
            ),
        ),
    ),
)
