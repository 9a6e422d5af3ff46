"""The rows on models: what acm_rs and its peers fit and score, on what input, and what acm_rs is held to."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.data import Matrix, random_matrix
from benchmarks.environment import available

NEIGHBOURS = 100
SKLEARN, SCIPY, NUMPY = "scikit-learn", "SciPy", "NumPy"
ONE_THREAD = f"{SKLEARN}, 1 BLAS thread"
"""With all of them its full mixture takes some ten times as long."""


@dataclass(frozen=True)
class ModelCase:
    """A row of the table.

    Parameters
    ----------
    key
        Name on the command line.
    title
        Name in the table.
    functions
        Names of acm_rs the row needs.
    ours
        Module, input -> a call; what it needs beforehand is made outside the timing.
    peers
        Name -> input -> a call.
    agree
        Ours, a peer's result -> what is wrong with them, or nothing.
    times
        How many times faster than the fastest peer acm_rs must be; None for a row shown for the record.
    rows, columns
        Size of the input.
    """

    key: str
    title: str
    functions: tuple[str, ...]
    ours: Callable[[ModuleType, Matrix], Callable[[], Any]]
    peers: Mapping[str, Callable[[Matrix], Callable[[], Any]]]
    agree: Callable[[Any, Any], str]
    times: float | None = None
    rows: int = 10_000
    columns: int = 50

    def matrix(self) -> Matrix:
        """Make its input."""
        return random_matrix(self.rows, self.columns)

    def present(self, module: ModuleType | None) -> bool:
        """Tell whether acm_rs has everything the row needs."""
        return module is not None and all(hasattr(module, name) for name in self.functions)

    def present_peers(self) -> dict[str, Callable[[Matrix], Callable[[], Any]]]:
        """List the peers that are installed."""
        modules = {SKLEARN: "sklearn", SCIPY: "scipy"}
        return {
            name: peer for name, peer in self.peers.items() if name == NUMPY or available(modules[name.split(",")[0]])
        }


def _close(tolerance: float) -> Callable[[Any, Any], str]:
    def agree(ours: Any, theirs: Any) -> str:
        a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
        if a.shape != b.shape:
            return f"shapes {a.shape} and {b.shape}"
        worst = float(np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b)), initial=0.0))
        return "" if worst <= tolerance else f"differ by {worst:.1e}"

    return agree


def at_most(factor: float) -> Callable[[Any, Any], str]:
    """Ours may be at most ``factor`` times the peer's: an inertia."""

    def agree(ours: Any, theirs: Any) -> str:
        return "" if ours <= factor * theirs else f"{ours:.6g} against {theirs:.6g}"

    return agree


def _not_below(margin: float) -> Callable[[Any, Any], str]:
    """Ours may be at most ``margin`` below the peer's: a log-likelihood."""

    def agree(ours: Any, theirs: Any) -> str:
        return "" if ours >= theirs - margin else f"{ours:.6g} against {theirs:.6g}"

    return agree


def _centers(x: Matrix) -> Matrix:
    return np.ascontiguousarray(x[:: max(1, len(x) // NEIGHBOURS)][:NEIGHBOURS])


def _labels(x: Matrix) -> Any:
    return (np.argsort(np.argsort(x[:, 0])) * 4 // len(x)).astype(np.int64)


# ---- distances ------------------------------------------------------------------------------------------------------


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


def _sklearn_silhouette(x: Matrix) -> Callable[[], Any]:
    from sklearn.metrics import silhouette_score

    labels = _labels(x)
    return lambda: silhouette_score(x, labels)


def _our_distances(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    y = _centers(x)
    return lambda: module.pairwise_distances(x, y)


def _our_nearest(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    y = _centers(x)
    return lambda: module.nearest(x, y)[1]


def _our_silhouette(module: ModuleType, x: Matrix) -> Callable[[], Any]:
    labels = _labels(x)
    return lambda: module.silhouette_score(x, labels)


def _one_blas_thread(build: Callable[[Matrix], Callable[[], Any]]) -> Callable[[Matrix], Callable[[], Any]]:
    """Bind a form of scikit-learn whose small products many threads of BLAS only slow down."""

    def alone(x: Matrix) -> Callable[[], Any]:
        from threadpoolctl import threadpool_limits

        run = build(x)

        def limited() -> Any:
            with threadpool_limits(1, "blas"):
                return run()

        return limited

    return alone


# ---- models ---------------------------------------------------------------------------------------------------------


def _sklearn_kmeans(x: Matrix) -> Callable[[], Any]:
    from sklearn.cluster import KMeans

    return lambda: KMeans(4, n_init=10, random_state=0).fit(x).inertia_


def _sklearn_pca(x: Matrix) -> Callable[[], Any]:
    from sklearn.decomposition import PCA

    return lambda: PCA(5, svd_solver="covariance_eigh").fit(x).explained_variance_


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


MODEL_CASES: tuple[ModelCase, ...] = (
    ModelCase(
        "distances",
        f"distances to {NEIGHBOURS} points",
        ("pairwise_distances",),
        _our_distances,
        {
            SKLEARN: lambda x: _sklearn_distances(x, _centers(x)),
            SCIPY: lambda x: _scipy_distances(x, _centers(x)),
        },
        _close(1e-6),
        4.0,
    ),
    ModelCase(
        "self_distances",
        "distances of all pairs, 5,000 x 50",
        ("pairwise_distances",),
        lambda module, x: lambda: module.pairwise_distances(x),
        {SKLEARN: lambda x: _sklearn_distances(x, None), SCIPY: lambda x: _scipy_distances(x, x)},
        _close(1e-6),
        2.5,
        rows=5_000,
    ),
    ModelCase(
        "nearest",
        f"nearest of {NEIGHBOURS} centres",
        ("nearest",),
        _our_nearest,
        {SKLEARN: _sklearn_nearest},
        _close(1e-6),
        2.0,
    ),
    ModelCase(
        "silhouette",
        "silhouette, k = 4",
        ("silhouette_score",),
        _our_silhouette,
        {SKLEARN: _sklearn_silhouette},
        _close(1e-10),
        8.0,
    ),
    ModelCase(
        "kmeans",
        "k-means, k = 4, 10 starts",
        ("KMeans",),
        lambda module, x: lambda: module.KMeans(4, n_init=10).fit(x).inertia_,
        {SKLEARN: _sklearn_kmeans, ONE_THREAD: _one_blas_thread(_sklearn_kmeans)},
        at_most(1.001),
        6.0,
    ),
    ModelCase(
        "pca",
        "PCA, 5 components",
        ("pca",),
        lambda module, x: lambda: module.pca(x, 5)[1],
        {SKLEARN: _sklearn_pca},
        _close(1e-9),
        3.0,
    ),
    ModelCase(
        "wide_pca",
        "PCA, 5 components, 10,000 x 400",
        ("pca",),
        lambda module, x: lambda: module.pca(x, 5)[1],
        {SKLEARN: _sklearn_pca},
        _close(1e-9),
        1.5,
        columns=400,
    ),
    ModelCase(
        "forest_fit",
        "isolation forest, 100 trees: fit",
        ("IsolationForest",),
        lambda module, x: lambda: module.IsolationForest().fit(x) and None,
        {SKLEARN: _sklearn_forest_fit(None), f"{SKLEARN}, all cores": _sklearn_forest_fit(-1)},
        _nothing,
        8.0,
    ),
    ModelCase(
        "forest_score",
        "isolation forest, 100 trees: score",
        ("IsolationForest",),
        _our_forest_score,
        {SKLEARN: _sklearn_forest_score(None), f"{SKLEARN}, all cores": _sklearn_forest_score(-1)},
        _alike,
        5.0,
    ),
    ModelCase(
        "mixture_diag",
        "Gaussian mixture, k = 5, diag, 3 starts",
        ("GaussianMixture",),
        _our_mixture("diag"),
        {SKLEARN: _sklearn_mixture("diag"), ONE_THREAD: _one_blas_thread(_sklearn_mixture("diag"))},
        _not_below(0.01),
        5.0,
    ),
    ModelCase(
        "mixture_full",
        "Gaussian mixture, k = 5, full, 3 starts",
        ("GaussianMixture",),
        _our_mixture("full"),
        {ONE_THREAD: _one_blas_thread(_sklearn_mixture("full"))},
        _not_below(0.01),
        5.0,
    ),
    ModelCase(
        "omr_pls",
        "overall model residual, PLS: fit",
        ("OMRDetector",),
        lambda module, x: lambda: module.OMRDetector("pls").fit(x).norm_scale_,
        {SKLEARN: _sklearn_pls, ONE_THREAD: _one_blas_thread(_sklearn_pls)},
        _close(1e-8),
    ),
    ModelCase(
        "ar1",
        "AR(1): fit and score",
        ("AR1Detector",),
        lambda module, x: lambda: module.AR1Detector().fit(x).score(x),
        {NUMPY: _numpy_ar1},
        _close(1e-10),
        4.0,
    ),
)
