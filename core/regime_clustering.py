"""Operating regimes: the clustering step of ACM's ``core/regimes.py`` as one function.

One self-contained file to lay beside ACM's own ``core/regimes.py``, which it leaves as it is but for the call. Density
clusters, distances and silhouettes are computed by ``acm_rs`` where it is installed, else by scikit-learn (HDBSCAN) and
NumPy, with the same numbers. `BACKEND` says which serves; the environment variable ``ACM_BACKEND`` (``rust``, or
``polars`` or ``pandas`` for the others), read once at import, forces one.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import acm_rs as _acm_rs
except ImportError:
    _rs: Any = None
else:
    _rs = _acm_rs if all(hasattr(_acm_rs, name) for name in ("nearest", "silhouette_samples")) else None

__all__ = ["BACKEND", "HAS_RUST", "RegimeClusters", "RegimeScaler", "cluster_regimes"]

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Labels: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"

_log = logging.getLogger(__name__)

_LARGEST = 1e150
_LARGEST_SCALED = 1e6
_LEAST_THRESHOLD = 1e-3
_CHUNK = 2_000_000


def _choose_backend(forced: str | None) -> str:
    if forced not in {None, "", "rust", "polars", "pandas"}:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if forced == "rust" and _rs is None:
        raise RuntimeError("ACM_BACKEND=rust is not available here: pip install acm-rs")
    return "rust" if _rs is not None and forced in {None, "", "rust"} else "numpy"


HAS_RUST: bool = _rs is not None
BACKEND: str = _choose_backend(os.environ.get("ACM_BACKEND"))


def _values(X: Any) -> Array:
    """Give a frame or array as float64 with NaN for what is missing, clipped so that squares stay finite."""
    if isinstance(X, pd.DataFrame):
        wrong = [n for n, kind in X.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
        if wrong:
            raise TypeError(f"X must have columns of numbers, these are not: {wrong}")
        x = np.empty(X.shape)
        for j in range(X.shape[1]):
            x[:, j] = X.iloc[:, j].to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        x = np.array(X, dtype=np.float64)
        if x.ndim != 2:
            raise ValueError(f"X must have two dimensions, got shape {x.shape}")
    x[~np.isfinite(x)] = np.nan
    return np.asarray(np.clip(x, -_LARGEST, _LARGEST), dtype=np.float64)


def _nearest(x: Array, points: Array) -> tuple[Labels, Array]:
    """Give the index of the point nearest to each row, and its distance."""
    if BACKEND == "rust":
        index, distance = _rs.nearest(x, points)
        return np.asarray(index, dtype=np.int64), np.asarray(distance, dtype=np.float64)
    index, distance = np.empty(len(x), dtype=np.int64), np.empty(len(x))
    rows = max(1, _CHUNK // max(1, points.size))
    for start in range(0, len(x), rows):
        squares = np.sum((x[start : start + rows, None, :] - points[None, :, :]) ** 2, axis=2)
        best = squares.argmin(axis=1)
        index[start : start + rows] = best
        distance[start : start + rows] = np.sqrt(squares[np.arange(len(best)), best])
    return index, distance


def _silhouette(x: Array, labels: Labels) -> float:
    """Give Rousseeuw's mean silhouette, NaN for one cluster or as many as rows."""
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if not 1 < len(names) < len(x):
        return math.nan
    if BACKEND == "rust":
        return float(np.mean(np.asarray(_rs.silhouette_samples(x, codes))))
    member = np.eye(len(names))[codes]
    s = np.zeros(len(x))
    rows = max(1, _CHUNK // x.size)
    for start in range(0, len(x), rows):
        mine = codes[start : start + rows]
        pairs = np.sqrt(np.sum((x[start : start + rows, None, :] - x[None, :, :]) ** 2, axis=2))
        sums = pairs @ member
        each = np.arange(len(mine))
        own = sums[each, mine] / np.maximum(counts[mine] - 1, 1)
        means = sums / counts
        means[each, mine] = np.inf
        other = means.min(axis=1)
        larger = np.maximum(own, other)
        s[start : start + rows] = np.where(
            (counts[mine] > 1) & (larger > 0.0), (other - own) / np.maximum(larger, 1e-300), 0.0
        )
    return float(s.mean())


def _by_first_row(labels: Any) -> Labels:
    """Number clusters by their first rows, -1 stays."""
    labels = np.asarray(labels, dtype=np.int64)
    names, first = np.unique(labels[labels >= 0], return_index=True)
    out = np.full(len(labels), -1, dtype=np.int64)
    for new, old in enumerate(names[np.argsort(first)]):
        out[labels == old] = new
    return out


def _centres(x: Array, labels: Labels, k: int) -> Array:
    return np.array([x[labels == j].mean(axis=0) for j in range(k)]).reshape(k, x.shape[1])


def _k_means(x: Array, k: int, starts: int, seed: int) -> Labels:
    """Give the clusters of least inertia, by Lloyd's iterations from several starts of k-means++."""
    rng = np.random.default_rng(seed)
    best, least = np.zeros(len(x), dtype=np.int64), math.inf
    for _ in range(starts):
        centres = x[[int(rng.integers(len(x)))]]
        while len(centres) < k:
            squares = _nearest(x, centres)[1] ** 2
            total = np.cumsum(squares)
            if not total[-1] > 0.0:
                break
            at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
            centres = np.vstack([centres, x[min(at, len(x) - 1)]])
        labels, distance = _nearest(x, centres)
        for _ in range(300):
            centres = np.array(
                [x[labels == j].mean(axis=0) if (labels == j).any() else c for j, c in enumerate(centres)]
            )
            before = labels
            labels, distance = _nearest(x, centres)
            if np.array_equal(labels, before):
                break
        inertia = float(np.sum(distance**2))
        if inertia < least * (1.0 - 1e-9):
            best, least = labels, inertia
    return _by_first_row(best)


def _has_hdbscan() -> bool:
    if BACKEND == "rust":
        return hasattr(_rs, "HDBSCAN")
    try:
        return hasattr(importlib.import_module("sklearn.cluster"), "HDBSCAN")
    except ImportError:
        return False


def _hdbscan(x: Array, size: int, samples: int, method: str, epsilon: float, single: bool) -> tuple[Labels, Array]:
    """Give density clusters, -1 for rows of none, and the core distances."""
    settings = {
        "cluster_selection_method": method,
        "cluster_selection_epsilon": epsilon,
        "allow_single_cluster": single,
    }
    if BACKEND == "rust":
        model = _rs.HDBSCAN(size, samples, **settings).fit(x)
        return _by_first_row(model.labels_), np.asarray(model.core_distances_, dtype=np.float64)
    sklearn = importlib.import_module("sklearn.cluster"), importlib.import_module("sklearn.neighbors")
    labels = sklearn[0].HDBSCAN(min_cluster_size=size, min_samples=samples, copy=True, **settings).fit(x).labels_
    distances, _ = sklearn[1].NearestNeighbors(n_neighbors=samples).fit(x).kneighbors(x)
    return _by_first_row(labels), np.asarray(distances[:, -1], dtype=np.float64)


def _section(cfg: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    part: Any = (cfg or {}).get("regimes") or {}
    return part.get(name) or {}


class RegimeScaler:
    """Mean and standard deviation of each column, 0 and 1 for rows that are scaled already; missing values are means.

    Has the names of scikit-learn's ``StandardScaler`` that ACM reads.
    """

    def __init__(self, mean: Array, scale: Array, medians: Array) -> None:
        self.mean_ = mean
        self.scale_ = scale
        self.medians_ = medians
        self.n_features_in_ = len(mean)

    def transform(self, X: Any) -> Array:
        """Scale rows, clipped to ±1e6; missing values count as the training median."""
        x = _values(X)
        if x.shape[1] != self.n_features_in_:
            raise ValueError(f"X must have {self.n_features_in_} columns as at fit, got {x.shape[1]}")
        z: Array = (np.where(np.isnan(x), self.medians_, x) - self.mean_) / self.scale_
        return np.asarray(np.clip(z, -_LARGEST_SCALED, _LARGEST_SCALED))


class RegimeClusters:
    """Regimes that were found; takes the place of the clustering model in ACM's ``RegimeModel``.

    Attributes
    ----------
    labels_ : ndarray of int64, shape (n,)
        Regime of each training row, numbered by their first rows, -1 for those of none.
    cluster_centers_ : ndarray, shape (k, d)
        Means of the regimes in scaled units.
    n_clusters : int
        k; also as ``n_components``.
    scaler : RegimeScaler
        What comes before `predict`.
    method, metric : str
        ``"hdbscan"`` or ``"kmeans"``; ``"silhouette"``, or ``"single"`` for one regime.
    score : float
        Mean silhouette, less the share of rows of no regime; NaN for one regime.
    sweep : list
        What was tried and its score.
    low_quality : bool
        More than half of the rows belong to no regime, or the score is below 0.05.
    threshold : float
        95th percentile of the training rows' distances: to their centre, or as far as their density reaches.
    """

    def __init__(self, labels: Labels, points: Array, owners: Labels, centres: Array, scaler: RegimeScaler) -> None:
        self.labels_ = labels
        self.points = points
        self.owners = owners
        self.cluster_centers_ = self.means_ = centres
        self.n_clusters = self.n_components = len(centres)
        self.scaler = scaler
        self.method = "kmeans"
        self.metric = "single"
        self.score = math.nan
        self.sweep: list[tuple[Any, float]] = []
        self.low_quality = False
        self.threshold = _LEAST_THRESHOLD

    @property
    def noise_ratio(self) -> float:
        """Share of the training rows that belong to no regime."""
        return float(np.mean(self.labels_ < 0))

    def distances(self, X: Any) -> Array:
        """Give the distance of scaled rows to each regime, shape (n, k): to its centre, or to its nearest row."""
        z = np.ascontiguousarray(_values(X))
        z[np.isnan(z)] = 0.0
        out = np.empty((len(z), self.n_clusters))
        for j in range(self.n_clusters):
            out[:, j] = _nearest(z, np.ascontiguousarray(self.points[self.owners == j]))[1]
        return out

    def predict(self, X: Any) -> Labels:
        """Give the nearest regime of scaled rows; every row has one."""
        return np.asarray(self.distances(X).argmin(axis=1), dtype=np.int64)

    def predict_proba(self, X: Any) -> Array:
        """Give how much each regime has of scaled rows, in proportion to exp(-(distance / threshold)^2 / 2)."""
        log = -0.5 * (self.distances(X) / self.threshold) ** 2
        p: Array = np.exp(log - log.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def to_dict(self) -> dict[str, Any]:
        """Give the regimes as plain values."""
        plain = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in self.__dict__.items() if n != "scaler"}
        return {**plain, "scaler": {n: getattr(self.scaler, n).tolist() for n in ("mean_", "scale_", "medians_")}}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> RegimeClusters:
        """Restore regimes that predict as those that ``to_dict`` was called on."""
        scaler = RegimeScaler(
            *(np.array(payload["scaler"][n], dtype=np.float64) for n in ("mean_", "scale_", "medians_"))
        )
        d = scaler.n_features_in_
        labels, owners = (np.array(payload[n], dtype=np.int64) for n in ("labels_", "owners"))
        points, centres = (
            np.array(payload[n], dtype=np.float64).reshape(-1, d) for n in ("points", "cluster_centers_")
        )
        found = cls(labels, points, owners, centres, scaler)
        found.sweep = [tuple(pair) for pair in payload["sweep"]]
        for name in ("method", "metric", "score", "low_quality", "threshold"):
            setattr(found, name, payload[name])
        return found


def _scaler(x: Array, pre_scaled: bool) -> RegimeScaler:
    d = x.shape[1]
    known = [c[~np.isnan(c)] for c in x.T]
    medians = np.array([np.median(c) if c.size else 0.0 for c in known])
    if pre_scaled:
        return RegimeScaler(np.zeros(d), np.ones(d), medians)
    c = np.where(np.isnan(x), 0.0, x - medians)
    largest = np.abs(c).max(axis=0)
    largest[largest == 0.0] = 1.0
    unit = c / largest
    scale = largest * unit.std(axis=0)
    scale[~(scale > 0.0)] = 1.0
    return RegimeScaler(medians + largest * unit.mean(axis=0), scale, medians)


def _evenly(n: int, most: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.intp)


def _by_density(z: Array, scaler: RegimeScaler, cfg: Mapping[str, Any] | None) -> RegimeClusters:
    given = _section(cfg, "hdbscan")
    rows = _evenly(len(z), int(given.get("max_fit_samples", 8000)))
    x = np.ascontiguousarray(z[rows])
    least = int(given.get("min_cluster_size_absolute", 30))
    size = int(given.get("min_cluster_size", min(least, int(given.get("min_cluster_size_max", 100)))))
    size = max(2, min(size, max(least, len(x) // 3), len(x)))
    samples = min(int(given.get("min_samples", max(3, size // 10))), size)
    labels, core = _hdbscan(
        x,
        size,
        samples,
        str(given.get("cluster_selection_method", "eom")),
        float(given.get("cluster_selection_epsilon", 0.0)),
        bool(given.get("allow_single_cluster", True)),
    )
    inside = labels >= 0
    k = int(labels.max()) + 1
    found = RegimeClusters(labels, x[inside], labels[inside], _centres(x, labels, k), scaler)
    found.method = "hdbscan"
    noise = found.noise_ratio
    if k > 0:
        found.threshold = max(float(np.percentile(core[inside], 95)), _LEAST_THRESHOLD)
        if len(rows) < len(z):
            found.labels_ = np.full(len(z), -1, dtype=np.int64)
            reach = found.distances(z)
            near = reach.min(axis=1) <= found.threshold
            found.labels_[near] = reach[near].argmin(axis=1)
            found.labels_[rows] = labels
    if k > 1:
        some = _evenly(int(inside.sum()), int(_section(cfg, "auto_k").get("max_eval_samples", 4000)))
        found.score = _silhouette(np.ascontiguousarray(x[inside][some]), labels[inside][some]) * (1.0 - noise)
        found.metric = "silhouette"
    found.sweep = [(k, found.score)]
    found.low_quality = k == 0 or noise > 0.5 or (k > 1 and not found.score >= 0.05)
    return found


def _by_silhouette(z: Array, scaler: RegimeScaler, cfg: Mapping[str, Any] | None) -> RegimeClusters:
    given = _section(cfg, "auto_k")
    k_min, k_max = max(2, int(given.get("k_min", 2))), int(given.get("k_max", 6))
    seed, starts = int(given.get("random_state", 17)), int(given.get("n_init", 5))
    some = _evenly(len(z), int(given.get("max_eval_samples", 4000)))
    x = np.ascontiguousarray(z[some])
    tried: list[tuple[Any, float]] = []
    best, labels = math.nan, np.zeros(len(x), dtype=np.int64)
    for k in range(k_min, min(k_max, len(x) - 1) + 1):
        its = _k_means(x, k, starts, seed)
        score = _silhouette(x, its)
        tried.append((k, score))
        if not math.isnan(score) and not score <= best:
            best, labels = score, its
    if not best >= float(_section(cfg, "quality").get("silhouette_min", 0.15)):
        best, labels = math.nan, np.zeros(len(x), dtype=np.int64)
    k = int(labels.max()) + 1
    centres = _centres(x, labels, k)
    whole, distance = _nearest(z, centres)
    found = RegimeClusters(whole, centres, np.arange(k), centres, scaler)
    found.sweep = tried
    found.threshold = max(float(np.percentile(distance, 95)), _LEAST_THRESHOLD)
    if k > 1:
        found.score, found.metric = best, "silhouette"
    return found


def cluster_regimes(X: Any, cfg: Mapping[str, Any] | None = None, *, pre_scaled: bool = False) -> RegimeClusters:
    """Find the operating regimes in a basis of features.

    Parameters
    ----------
    X : pandas.DataFrame or array, shape (n, d)
        Rows = time, columns = features that tell operating states apart. NaN and infinity count as medians.
    cfg : dict, optional
        ACM's configuration; ``cfg["regimes"]`` may hold ``clustering`` (``method``: ``"hdbscan"``, or ``"kmeans"`` for
        k by silhouette; ``use_gmm_fallback``: whether k-means is tried where density finds nothing good), ``hdbscan``
        (``min_cluster_size`` 30, ``min_samples``, ``max_fit_samples`` 8000, ``cluster_selection_method``,
        ``cluster_selection_epsilon``, ``allow_single_cluster``), ``auto_k`` (``k_min`` 2, ``k_max`` 6,
        ``max_eval_samples`` 4000, ``n_init`` 5, ``random_state`` 17) and ``quality`` (``silhouette_min`` 0.15: below
        it there is one regime).
    pre_scaled : bool, default False
        Whether the columns are on a common scale already.

    Returns
    -------
    RegimeClusters

    Raises
    ------
    ValueError
        Fewer than two rows, no column, or an unknown method.
    TypeError
        A column is no number.

    Notes
    -----
    HDBSCAN [1]_ where acm_rs or scikit-learn has it and there are ten rows or more, else k-means with the k of the best
    mean silhouette [2]_.

    .. [1] Campello, Moulavi and Sander, Density-based clustering based on hierarchical density estimates, 2013, doi
           10.1007/978-3-642-37456-2_14.
    .. [2] Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20, 1987, doi
           10.1016/0377-0427(87)90125-7.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> x[:100] += 20.0
    >>> found = cluster_regimes(x, {"regimes": {"clustering": {"method": "kmeans"}}})
    >>> found.n_clusters, found.predict(found.scaler.transform([[20.0, 20.0], [0.0, 1.0]])).tolist()
    (2, [0, 1])
    """
    x = _values(X)
    if len(x) < 2 or x.shape[1] < 1:
        raise ValueError(f"X must have at least two rows and a column, got shape {x.shape}")
    clustering = _section(cfg, "clustering")
    method = str(clustering.get("method", "hdbscan")).lower()
    if method not in {"hdbscan", "kmeans", "gmm"}:
        raise ValueError(f"method must be hdbscan or kmeans, got {method!r}")
    scaler = _scaler(x, pre_scaled)
    z = scaler.transform(x)
    if method == "hdbscan":
        if not _has_hdbscan():
            _log.warning("Regimes: neither acm_rs nor scikit-learn has HDBSCAN here, k-means is taken")
        elif len(z) >= 10:
            found = _by_density(z, scaler, cfg)
            if found.n_clusters and not (found.low_quality and clustering.get("use_gmm_fallback", True)):
                return found
            _log.warning(
                "Regimes: density finds %d with %.0f %% noise, k-means is taken",
                found.n_clusters,
                100.0 * found.noise_ratio,
            )
    return _by_silhouette(z, scaler, cfg)
