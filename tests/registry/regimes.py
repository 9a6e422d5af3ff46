"""Operating regimes: clusters, how many there are, and sequences of labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from registry.inputs import Matrix
from registry.model import Clustering, Model, Result
from registry.row import Function, public
from registry.timed import FAST_HDBSCAN, HDBSCAN, ONE_THREAD, SKLEARN, ModelCase, at_most, close, one_blas_thread
from registry.values import FITTED_ROWS, Arguments, complete, history, labels


def _quarters(x: Matrix) -> Any:
    return (np.argsort(np.argsort(x[:, 0])) * 4 // len(x)).astype(np.int64)


def _sklearn_silhouette(x: Matrix) -> Callable[[], Any]:
    from sklearn.metrics import silhouette_score

    labels = _quarters(x)
    return lambda: silhouette_score(x, labels)


def _our_silhouette(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    labels = _quarters(x)
    return lambda: module.silhouette_score(x, labels)


def _sklearn_kmeans(x: Matrix) -> Callable[[], Any]:
    from sklearn.cluster import KMeans

    return lambda: KMeans(4, n_init=10, random_state=0).fit(x).inertia_


def _inertia(model: Any, x: Matrix) -> Callable[[], Any]:
    return lambda: model.fit(x).inertia_


def _blobs(x: Matrix) -> Matrix:
    """Four clouds of the rows, far apart."""
    return x + 20.0 * np.random.default_rng(6).random((4, x.shape[1]))[np.arange(len(x)) % 4]


def _clouds(x: Matrix) -> Matrix:
    """Ten clouds of the rows, some of which touch."""
    return x + 6.0 * np.random.default_rng(5).random((10, x.shape[1]))[np.arange(len(x)) % 10]


def _our_hdbscan(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    rows = _clouds(x)
    return lambda: module.HDBSCAN(50, 5).fit(rows).labels_


def _sklearn_hdbscan(x: Matrix) -> Callable[[], Any]:
    from sklearn.cluster import HDBSCAN

    rows = _clouds(x)
    return lambda: HDBSCAN(50, min_samples=5, copy=True).fit(rows).labels_


def _fast_hdbscan(x: Matrix) -> Callable[[], Any]:
    from fast_hdbscan import HDBSCAN

    rows = _clouds(x)
    HDBSCAN(min_cluster_size=50, min_samples=4).fit(rows[:500])
    return lambda: HDBSCAN(min_cluster_size=50, min_samples=4).fit(rows).labels_


def _hdbscan(x: Matrix) -> Callable[[], Any]:
    from hdbscan import HDBSCAN

    rows = _clouds(x)
    return lambda: HDBSCAN(50, min_samples=4, approx_min_span_tree=False, core_dist_n_jobs=-1).fit(rows).labels_


def _alike(ours: Any, theirs: Any) -> str:
    """Rows at which clusters part belong to none of them with us, and to either with the peers."""
    from sklearn.metrics import adjusted_rand_score

    found = float(adjusted_rand_score(ours, theirs))
    return "" if found >= 0.999 else f"adjusted Rand index {found:.4f}"


_HDBSCAN_PEERS = {SKLEARN: _sklearn_hdbscan, FAST_HDBSCAN: _fast_hdbscan, HDBSCAN: _hdbscan}


@cache
def reference() -> Any:
    """A model that another one takes its labels from."""
    return public("RegimeModel")(2).fit(history(FITTED_ROWS))


def _labelled(rows: int) -> Arguments:
    return {"x": complete(rows), "labels": labels(rows)}


ROWS = (
    Model(
        "KMeans",
        {"n_clusters": 3, "n_init": 2, "max_iter": 20, "tol": 1e-4, "seed": 3},
        (
            {"n_clusters": 3},
            {"n_clusters": 9, "n_init": 2, "max_iter": 20, "tol": 0.0, "seed": 5},
            {"n_clusters": 1},
        ),
        methods=("predict", "transform"),
        fitting=lambda rows: {"sample_weight": np.ones(rows), "centers": complete(3)},
        others={"partial_fit": lambda rows: {"x": history(rows), "sample_weight": np.ones(rows)}},
        benchmarks=(
            ModelCase(
                "kmeans",
                "k-means, k = 4, 10 starts",
                ("KMeans",),
                lambda module, x: _inertia(module.KMeans(4, n_init=10), x),
                {SKLEARN: _sklearn_kmeans, ONE_THREAD: one_blas_thread(_sklearn_kmeans)},
                at_most(1.001),
                2.0,
            ),
            ModelCase(
                "kmeans_blobs",
                "k-means of four blobs, k = 4, 10 starts",
                ("KMeans",),
                lambda module, x: _inertia(module.KMeans(4, n_init=10), _blobs(x)),
                {
                    SKLEARN: lambda x: _sklearn_kmeans(_blobs(x)),
                    ONE_THREAD: one_blas_thread(lambda x: _sklearn_kmeans(_blobs(x))),
                },
                at_most(1.001),
                4.0,
            ),
        ),
    ),
    Clustering(
        "HDBSCAN",
        {
            "min_cluster_size": 6,
            "min_samples": 3,
            "cluster_selection_method": "leaf",
            "cluster_selection_epsilon": 0.1,
            "allow_single_cluster": True,
            "max_cluster_size": 300,
        },
        (
            {"min_cluster_size": 5},
            {"min_cluster_size": 4, "min_samples": 1, "cluster_selection_method": "leaf"},
            {"min_cluster_size": 8, "min_samples": 40, "cluster_selection_epsilon": 0.5, "allow_single_cluster": True},
            {"min_cluster_size": 3, "min_samples": 2, "max_cluster_size": 60},
        ),
        methods=("score", "approximate_predict", "membership"),
        benchmarks=tuple(
            ModelCase(
                f"hdbscan_{columns}",
                f"HDBSCAN, {rows:,} x {columns}",
                ("HDBSCAN",),
                _our_hdbscan,
                _HDBSCAN_PEERS,
                _alike,
                3.0,
                rows,
                columns,
            )
            for rows, columns in ((20_000, 10), (50_000, 3))
        ),
    ),
    Model(
        "RegimeModel",
        {
            "n_regimes": 2,
            "method": "kmeans",
            "k_max": 4,
            "min_rows": 10,
            "unknown_quantile": 0.99,
            "margin": 1.5,
            "smoothing": 3,
            "seed": 3,
            "constants": "watch",
        },
        (
            {},
            {"n_regimes": 3, "min_rows": 5, "margin": 2.0, "smoothing": 4},
            {"n_regimes": 1, "unknown_quantile": 0.9, "constants": "ignore"},
            {"method": "hdbscan", "min_rows": 20},
        ),
        methods=("predict", "confidence", "transform"),
        more=("track",),
        fitting=lambda rows: {"reference": reference()},
        others={"moved": lambda rows: {"x": history(rows)}},
    ),
    Result("ClusterChoice", lambda: public("choose_k")(complete(60), 2, 3, n_init=1)),
    Function(
        "choose_k",
        "test_choose_k.py",
        {
            "": lambda rows: {
                "x": complete(rows),
                "k_min": 2,
                "k_max": 4,
                "method": "silhouette",
                "sample_size": 200,
                "n_init": 2,
                "seed": 3,
            }
        },
    ),
    Function("silhouette_samples", "test_cluster_indices.py", {"": _labelled}),
    Function(
        "silhouette_score",
        "test_cluster_indices.py",
        {"": lambda rows: {**_labelled(rows), "sample_size": rows - 1, "seed": 3}},
        (
            ModelCase(
                "silhouette",
                "silhouette, k = 4",
                ("silhouette_score",),
                _our_silhouette,
                {SKLEARN: _sklearn_silhouette},
                close(1e-10),
                9.0,
            ),
        ),
    ),
    Function("calinski_harabasz_score", "test_cluster_indices.py", {"": _labelled}),
    Function("davies_bouldin_score", "test_cluster_indices.py", {"": _labelled}),
    Function("validity_index", "test_hdbscan.py", {"": _labelled}),
    Function(
        "smooth_labels", "test_labels.py", {"": lambda rows: {"labels": labels(rows), "window": 5, "causal": False}}
    ),
    Function("minimum_dwell", "test_labels.py", {"": lambda rows: {"labels": labels(rows), "rows": 4}}),
    Function("transients", "test_labels.py", {"": lambda rows: {"labels": labels(rows), "before": 2, "after": 3}}),
    Function(
        "align_labels",
        "test_labels.py",
        {
            "": lambda rows: {
                "reference": labels(rows),
                "labels": labels(rows)[::-1].copy(),
                "min_share": 0.4,
            }
        },
    ),
)
