"""Operating regimes: the clustering step of ACM's ``core/regimes.py`` as one function.

One self-contained file to lay beside ACM's own ``core/regimes.py``, which it leaves as it is but for the call. Density
clusters, distances and silhouettes are computed by ``acm_rs`` where it is installed, else by scikit-learn (HDBSCAN) and
NumPy, with the same numbers. `BACKEND` says which serves; the environment variable ``ACM_BACKEND`` (``rust``, or
``polars`` or ``pandas`` for the others), read once at import, forces one.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import numbers
import os
from collections.abc import Callable, Mapping
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
# Readings that differ by no more than this share of their level differ by rounding.
_ROUNDING = 8.0 * float(np.finfo(np.float64).eps)
_MOST = 2**32 - 1
_LEAST_THRESHOLD = 1e-3
_CHUNK = 2_000_000
# Around one in four rows of a cluster a ball has so many times as many rows as where the cluster parts from others.
_DENSER = 3
_DENSE = 4.0
# A column of no more values has states; the steps to either side of a value whose median is its own.
_STATES = 3
_STEPS = 3
# Of one regime one row in so many may be apart, or as many as are no regime yet, but no more than one in ten.
_RARE = 20
_MOST_RARE = 10
# A tail's distances grow by at most so many times the power of the shoulder's, or by that of a tail of finite variance,
# and by chance so many standard deviations more.
_STEEPER = 1.5
_FINITE = 0.5
_CHANCE = 2.0


def _choose_backend(forced: str | None) -> str:
    if forced not in {None, "", "rust", "polars", "pandas"}:
        raise ValueError(f"ACM_BACKEND must be rust, polars or pandas, got {forced!r}")
    if forced == "rust" and _rs is None:
        raise RuntimeError("ACM_BACKEND=rust is not available here: pip install acm-rs")
    return "rust" if _rs is not None and forced in {None, "", "rust"} else "numpy"


HAS_RUST: bool = _rs is not None
BACKEND: str = _choose_backend(os.environ.get("ACM_BACKEND"))


def _settings(name: str, cfg: Any) -> dict[str, Any]:
    """Give a dict of settings; none at all are an empty one."""
    if cfg is not None and not isinstance(cfg, Mapping):
        raise TypeError(f"{name} must be a dict of settings, got {type(cfg).__name__}")
    return dict(cfg or {})


def _real(name: str, given: Any, must: str, fits: Callable[[float], bool]) -> float:
    """Give a setting as a number; digits in a text are one, as tables of settings hold them."""
    number = math.nan
    if isinstance(given, str | numbers.Real) and not isinstance(given, bool):
        with contextlib.suppress(ValueError, OverflowError):
            number = float(given)
    if math.isnan(number) or not fits(number):
        raise ValueError(f"{name} must be {must}, got {given!r}")
    return number


def _whole(name: str, given: Any, least: int) -> int:
    must = f"a whole number from {least} to {_MOST}"
    return int(_real(name, given, must, lambda number: number.is_integer() and least <= number <= _MOST))


def _switch(name: str, given: Any) -> bool:
    answer = {"true": True, "1": True, "false": False, "0": False}.get(str(given).strip().lower())
    if answer is None:
        raise ValueError(f"{name} must be True or False, got {given!r}")
    return answer


def _word(name: str, given: Any, words: tuple[str, ...]) -> str:
    if not isinstance(given, str) or given not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, got {given!r}")
    return str(given)


def _part(cfg: Any, *names: str) -> dict[str, Any]:
    """Give the settings that stand below these names in a dict, empty where there are none."""
    part = _settings("cfg", cfg)
    for depth, name in enumerate(names):
        part = _settings(".".join(names[: depth + 1]), part.get(name))
    return part


def _check(frame: pd.DataFrame) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(f"X must be a pandas DataFrame, got {type(frame).__name__}")
    if not frame.columns.is_unique:
        twice = list(frame.columns[frame.columns.duplicated()].unique())
        raise ValueError(f"X must have columns of different names, twice there: {twice}")


def _values(frame: pd.DataFrame) -> Array:
    """Give the frame as float64 with NaN for what is missing, clipped so that squares stay finite."""
    wrong = [
        name
        for name, kind in frame.dtypes.items()
        if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_complex_dtype(kind)
    ]
    if wrong:
        raise TypeError(f"X must have columns of numbers, these are not: {wrong}")
    x = np.empty(frame.shape, order="F")
    for j in range(frame.shape[1]):
        x[:, j] = frame.iloc[:, j].to_numpy(dtype=np.float64, na_value=np.nan)
    x[~np.isfinite(x)] = np.nan
    highest, lowest = (reduce.reduce(x, axis=0, initial=0.0) for reduce in (np.fmax, np.fmin))
    beyond = (highest > _LARGEST) | (lowest < -_LARGEST)
    if beyond.any():
        _log.warning("values beyond 1e150 are clipped: %s", [frame.columns[int(j)] for j in np.flatnonzero(beyond)])
        np.clip(x, -_LARGEST, _LARGEST, out=x)
    return x


def _aligned(frame: pd.DataFrame, columns: list[Any], what: str) -> Array:
    """Give the columns that the fit saw, in their order, NaN for those that are not there."""
    _check(frame)
    here = [j for j, name in enumerate(columns) if name in frame.columns]
    if len(here) < len(columns):
        gone = [name for name in columns if name not in frame.columns]
        _log.warning("%s: %d columns are not there and count as missing: %s", what, len(gone), gone)
    x = np.full((len(frame), len(columns)), np.nan, order="F")
    x[:, here] = _values(frame[[columns[j] for j in here]])
    return x


def _floats(values: Any, name: str) -> Array:
    """Give an array of numbers as float64, NaN for what is missing; text is no number, whatever it says."""
    try:
        x = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must have rows of one length") from None
    if isinstance(values, np.ma.MaskedArray):
        x = x.astype(object)
        x[np.ma.getmaskarray(values)] = None
    if x.dtype.kind == "O":
        flat = [math.nan if value is None or value is pd.NA else value for value in x.ravel()]
        if all(isinstance(value, numbers.Real) for value in flat):
            x = np.array(flat, dtype=np.float64).reshape(x.shape)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got {x.dtype}")
    out: Array = np.array(x, dtype=np.float64, order="C")
    out[~np.isfinite(out)] = np.nan
    return out


def _table(X: Any, columns: list[Any] | None) -> Array:
    """Give rows as float64: a frame's columns by their names, where those are known, an array's by their places."""
    if isinstance(X, pd.DataFrame):
        if columns is not None:
            return np.ascontiguousarray(_aligned(X, columns, "Regimes"))
        _check(X)
        return np.ascontiguousarray(_values(X))
    x = _floats(X, "X")
    if x.ndim != 2:
        raise ValueError(f"X must have two dimensions, got shape {x.shape}")
    return np.clip(x, -_LARGEST, _LARGEST)


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


class _Hierarchy:
    """HDBSCAN's condensed tree: clusters behind their parents, all rows the first; where and when rows leave."""

    def __init__(self, parent: Labels, birth: Array, last: Labels, leaves: Array) -> None:
        self.parent, self.birth, self.last, self.leaves = parent, birth, last, leaves

    def standing_out(self, reach: Array) -> _Hierarchy:
        """Give the clusters that are denser in a quarter of their rows than where they part from the others.

        `reach` is how far each row is from its K-th nearest one. Where a cluster parts, fewer than K are that near.
        """
        k = len(self.parent)
        dense, size = np.zeros(k), np.zeros(k)
        at, rows = self.last.copy(), np.arange(len(self.last))
        with np.errstate(divide="ignore"):
            height = 1.0 / self.birth
        while len(rows):
            np.add.at(size, at, 1.0)
            np.add.at(dense, at, reach[rows] <= height[at])
            rows, at = rows[at > 0], self.parent[at[at > 0]]
        stands = (dense > 0.0) & (_DENSE * dense >= size)
        stands[0] = False
        parts = np.bincount(self.parent[stands], minlength=k)
        now, left = np.zeros(k, dtype=np.int64), np.full(k, np.nan)
        parent, birth = [0], [0.0]
        for c in range(1, k):
            above = self.parent[c]
            now[c], left[c] = now[above], left[above]
            if np.isnan(left[above]) and not stands[c]:
                left[c] = self.birth[c]
            elif np.isnan(left[above]) and parts[above] > 1:
                now[c] = len(parent)
                parent.append(int(now[above]))
                birth.append(float(self.birth[c]))
        gone = left[self.last]
        leaves = np.where(np.isnan(gone), self.leaves, gone)
        return _Hierarchy(np.array(parent), np.array(birth), now[self.last], leaves)

    def labels(self, method: str, epsilon: float, single: bool) -> Labels:
        """Give the clusters of greatest excess of mass, or those without parts; one of all rows if there is none."""
        k = len(self.parent)
        if k == 1:
            return np.full(len(self.last), 0 if single else -1, dtype=np.int64)
        size = np.bincount(self.last, minlength=k).astype(np.float64)
        gain = np.zeros(k)
        longer = self.leaves > self.birth[self.last]
        np.add.at(gain, self.last[longer], self.leaves[longer] - self.birth[self.last[longer]])
        chosen, within = np.zeros(k, dtype=bool), np.zeros(k)
        for c in range(k - 1, 0, -1):
            above = self.parent[c]
            chosen[c] = within[c] == 0.0 if method == "leaf" else within[c] <= gain[c]
            size[above] += size[c]
            if self.birth[c] > self.birth[above]:
                gain[above] += (self.birth[c] - self.birth[above]) * size[c]
            within[above] += max(gain[c], within[c], 5e-324)
        for c in range(k - 1, 0, -1):
            if not chosen[c] or 1.0 / self.birth[c] >= epsilon:
                continue
            around = c
            while around and (single or self.parent[around]) and 1.0 / self.birth[around] <= epsilon:
                around = int(self.parent[around])
            chosen[c], chosen[around] = False, True
        label = np.full(k, -1, dtype=np.int64)
        for c in range(k):
            above = label[self.parent[c]] if c else -1
            label[c] = above if above >= 0 else c if chosen[c] else -1
        return _by_first_row(label[self.last])


def _condensed(links: Any, size: int) -> _Hierarchy:
    """Condense a single-linkage tree (left, right, height, ascending); links of one height fall apart at once."""
    left, right, height = links
    n = len(height) + 1
    count = np.ones(2 * n - 1, dtype=np.int64)
    for i in range(n - 1):
        count[n + i] = count[left[i]] + count[right[i]]

    def fall(top: int, level: float | None) -> list[int]:
        """Give the nodes that are left below a level; the rows without one."""
        waiting, found = [top], []
        while waiting:
            node = waiting.pop()
            if node >= n and (level is None or height[node - n] == level):
                waiting += [int(left[node - n]), int(right[node - n])]
            else:
                found.append(node)
        return found

    tops, parent, birth = [2 * n - 2], [0], [0.0]
    last, leaves = np.zeros(n, dtype=np.int64), np.zeros(n)
    for c, node in enumerate(tops):
        while node >= n:
            level = float(height[node - n])
            density = 1.0 / level if level > 0.0 else math.inf
            parts = fall(node, level)
            large = [part for part in parts if count[part] >= size]
            for part in parts:
                if count[part] < size:
                    rows = fall(part, None)
                    last[rows], leaves[rows] = c, density
            if len(large) != 1:
                tops += large
                parent += [c] * len(large)
                birth += [density] * len(large)
                break
            node = large[0]
    return _Hierarchy(np.array(parent), np.array(birth), last, leaves)


def _hierarchy(x: Array, size: int, samples: int, more: int) -> tuple[_Hierarchy, Array, Array]:
    """Give the condensed tree, and each row's distance from the `samples`-th and `more`-th nearest, itself first."""
    if BACKEND == "rust":
        model = _rs.HDBSCAN(size, samples).fit(x)
        n, k = len(x), 1 + int(np.max(model.condensed_tree_.parent)) - len(x)
        child, above, density = (np.asarray(model.condensed_tree_[i]) for i in (1, 0, 2))
        k = max(k, 1 + int(child.max()) - n)
        parent, birth, last, leaves = np.zeros(k, np.int64), np.zeros(k), np.zeros(n, np.int64), np.zeros(n)
        row = child < n
        last[child[row]], leaves[child[row]] = above[row] - n, density[row]
        parent[child[~row] - n], birth[child[~row] - n] = above[~row] - n, density[~row]
        further = model if more == samples else _rs.HDBSCAN(max(2, more), more).fit(x)
        core, reach = (np.asarray(each.core_distances_, dtype=np.float64) for each in (model, further))
        return _Hierarchy(parent, birth, last, leaves), core, reach
    sklearn = importlib.import_module("sklearn.cluster"), importlib.import_module("sklearn.neighbors")
    model = sklearn[0].HDBSCAN(min_cluster_size=size, min_samples=samples, copy=True).fit(x)
    links = model._single_linkage_tree_
    distances, _ = sklearn[1].NearestNeighbors(n_neighbors=more).fit(x).kneighbors(x)
    core, reach = (np.asarray(distances[:, i - 1], dtype=np.float64) for i in (samples, more))
    return _condensed((links["left_node"], links["right_node"], links["value"]), size), core, reach


def _spread(x: Array, seed: int) -> Array:
    """Spread equal readings over the step between those around them, but for columns of three values or fewer.

    Rounded readings, many of them equal, would be as dense as can be, and each value a part of its own.
    """
    rng = np.random.default_rng(seed)
    out = np.array(x)
    for j in range(x.shape[1]):
        values, place, counts = np.unique(x[:, j], return_inverse=True, return_counts=True)
        part = rng.random(len(x)) - 0.5
        if len(values) > _STATES:
            padded = np.concatenate([np.full(_STEPS, np.inf), np.diff(values), np.full(_STEPS, np.inf)])
            gaps = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * _STEPS), axis=1)
            middle = (np.isfinite(gaps).sum(axis=1) - 1) // 2
            step = np.where(counts > 1, gaps[np.arange(len(values)), middle], 0.0)
            out[:, j] += part * step[place]
    return out


def _beyond(far: Array, rows: int, most: int) -> int:
    """Give how many rows, `most` at most, are beyond a break of their distances, the farthest first; 0 without one.

    Among the farthest j rows the widest step ends the cloud where the farthest j / 2 are farther beyond them than in a
    tail that grows no faster than the shoulder (70 % to 85 % of the rows).
    """
    foot, shoulder = (float(far[-(-3 * rows // of) - 1]) for of in (10, 20))
    if most < 2 or not foot > 0.0:
        return 0
    power = max(_STEEPER * math.log2(shoulder / foot), _FINITE)
    count = np.arange(4, min(2 * most + 1, rows // 5) + 1)
    with np.errstate(over="ignore"):
        growth = np.exp(power * (math.log(2.0) + _CHANCE / np.sqrt(count)))
    broken = count[far[count // 2 - 1] > growth * far[count - 1]]
    while len(broken):
        last = int(broken[-1])
        inner = np.arange(last // 2, last)
        widest = int(inner[np.argmax(inner * np.log(far[inner - 1] / far[inner]))])
        if widest <= most:
            return widest
        broken = broken[broken <= widest]
    return 0


def _apart(x: Array, size: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which rows, few of them, are far from one regime of all others: over all columns, or in one of them."""
    n, columns = x.shape
    most = min(max(n // _RARE, size), n // _MOST_RARE)
    apart = np.zeros(n, dtype=np.bool_)
    away = np.abs(x - np.median(x, axis=0))
    for far in (np.sqrt(np.sum(away**2, axis=1)), *(away.T if columns > 1 else ())):
        rows = np.flatnonzero(~apart)
        rows = rows[np.argsort(-far[rows], kind="stable")]
        gone, left = 0, most - int(apart.sum())
        while more := _beyond(far[rows[gone:]], len(rows) - gone, left - gone):
            gone += more
        apart[rows[:gone]] = True
    return apart


class RegimeScaler:
    """Mean and standard deviation of each column, 0 and 1 for rows that are scaled already; missing values are medians.

    A column that stands still is scaled by its level, by 1 where that is 0.
    Has the names of scikit-learn's ``StandardScaler`` that ACM reads.
    """

    def __init__(self, mean: Array, scale: Array, medians: Array, columns: list[Any] | None = None) -> None:
        self.mean_ = mean
        self.scale_ = scale
        self.medians_ = medians
        self.columns = columns
        self.n_features_in_ = len(mean)

    def transform(self, X: Any) -> Array:
        """Scale rows, clipped to ±1e6; missing values count as the training median.

        Columns of a frame are taken by their names, if there was a frame at fit, those of an array by their places.
        """
        x = _table(X, self.columns)
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
        z = _table(X, self.scaler.columns)
        if z.shape[1] != self.scaler.n_features_in_:
            raise ValueError(f"X must have {self.scaler.n_features_in_} columns as at fit, got {z.shape[1]}")
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
        scaler = {n: getattr(self.scaler, n).tolist() for n in ("mean_", "scale_", "medians_")}
        return {**plain, "scaler": {**scaler, "columns": self.scaler.columns}}

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> RegimeClusters:
        """Restore regimes that predict as those that ``to_dict`` was called on."""
        mean, scale, medians = (
            np.array(payload["scaler"][n], dtype=np.float64) for n in ("mean_", "scale_", "medians_")
        )
        scaler = RegimeScaler(mean, scale, medians, payload["scaler"].get("columns"))
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


def _scaler(x: Array, pre_scaled: bool, columns: list[Any] | None) -> RegimeScaler:
    d = x.shape[1]
    known = [c[~np.isnan(c)] for c in x.T]
    medians = np.array([np.median(c) if c.size else 0.0 for c in known])
    if pre_scaled:
        return RegimeScaler(np.zeros(d), np.ones(d), medians, columns)
    c = np.where(np.isnan(x), 0.0, x - medians)
    largest = np.abs(c).max(axis=0)
    largest[largest == 0.0] = 1.0
    unit = c / largest
    scale = largest * unit.std(axis=0)
    level = np.abs(medians)
    still = ~(scale > _ROUNDING * level)
    scale[still] = np.where(level[still] > 0.0, level[still], 1.0)
    return RegimeScaler(medians + largest * unit.mean(axis=0), scale, medians, columns)


def _evenly(n: int, most: int) -> np.ndarray[Any, np.dtype[np.intp]]:
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.intp)


class _Settings:
    """The settings below ``cfg["regimes"]``, each of them checked."""

    def __init__(self, cfg: Any) -> None:
        clustering, density, auto_k, quality = (
            _part(cfg, "regimes", name) for name in ("clustering", "hdbscan", "auto_k", "quality")
        )

        def whole(part: dict[str, Any], section: str, name: str, default: int, least: int) -> int:
            return _whole(f"regimes.{section}.{name}", part.get(name, default), least)

        method = clustering.get("method", "hdbscan")
        method = method.lower() if isinstance(method, str) else method
        self.method = _word("regimes.clustering.method", method, ("hdbscan", "kmeans", "gmm"))
        self.falls_back = _switch("regimes.clustering.use_gmm_fallback", clustering.get("use_gmm_fallback", True))
        self.least = whole(density, "hdbscan", "min_cluster_size_absolute", 30, 2)
        self.largest = whole(density, "hdbscan", "min_cluster_size_max", 100, 2)
        self.size = whole(density, "hdbscan", "min_cluster_size", min(self.least, self.largest), 2)
        self.samples = whole(density, "hdbscan", "min_samples", 0, 1) if "min_samples" in density else None
        self.fit_rows = whole(density, "hdbscan", "max_fit_samples", 8000, 10)
        self.epsilon = _real(
            "regimes.hdbscan.cluster_selection_epsilon",
            density.get("cluster_selection_epsilon", 0.0),
            "a number of at least 0",
            lambda number: 0.0 <= number < math.inf,
        )
        selection = density.get("cluster_selection_method", "eom")
        self.selection = _word("regimes.hdbscan.cluster_selection_method", selection, ("eom", "leaf"))
        self.single = _switch("regimes.hdbscan.allow_single_cluster", density.get("allow_single_cluster", True))
        _word("regimes.hdbscan.metric", density.get("metric", "euclidean"), ("euclidean",))
        self.k_min, self.k_max = (whole(auto_k, "auto_k", name, k, 1) for name, k in (("k_min", 2), ("k_max", 6)))
        if self.k_min > self.k_max:
            raise ValueError(
                f"regimes.auto_k.k_min must be at most regimes.auto_k.k_max, got {self.k_min} and {self.k_max}"
            )
        self.starts = whole(auto_k, "auto_k", "n_init", 5, 1)
        self.seed = whole(auto_k, "auto_k", "random_state", 17, 0)
        self.eval_rows = whole(auto_k, "auto_k", "max_eval_samples", 4000, 10)
        self.least_silhouette = _real(
            "regimes.quality.silhouette_min",
            quality.get("silhouette_min", 0.15),
            "a number from -1 to 1",
            lambda number: -1.0 <= number <= 1.0,
        )


def _by_density(z: Array, scaler: RegimeScaler, given: _Settings) -> RegimeClusters:
    rows = _evenly(len(z), given.fit_rows)
    x = np.ascontiguousarray(z[rows])
    size = max(2, min(given.size, max(given.least, len(x) // 3), len(x)))
    samples = min(max(3, size // _DENSER) if given.samples is None else given.samples, size)
    # No fewer than a cluster has: at the thinnest of many places of few rows there are more than it seems.
    more = min(max(_DENSER * samples, size), len(x))
    spread = _spread(x, given.seed)
    tree, core, reach = _hierarchy(spread, size, samples, more)
    labels = tree.standing_out(reach).labels(given.selection, given.epsilon, given.single)
    if not labels.any():
        labels[_apart(spread, size)] = -1
    inside = labels >= 0
    k = int(labels.max()) + 1
    found = RegimeClusters(labels, x[inside], labels[inside], _centres(x, labels, k), scaler)
    found.method = "hdbscan"
    if k > 0:
        # A row itself is no neighbour: with ``min_samples`` 1 the wider distance tells.
        width = core if samples > 1 else reach
        found.threshold = max(float(np.percentile(width[inside], 95)), _LEAST_THRESHOLD)
        if len(rows) < len(z):
            found.labels_ = np.full(len(z), -1, dtype=np.int64)
            away = found.distances(z)
            near = away.min(axis=1) <= found.threshold
            found.labels_[near] = away[near].argmin(axis=1)
            found.labels_[rows] = labels
    noise = found.noise_ratio
    if k == 1 and noise > 0.0:
        _log.warning(
            "Regimes: %d rows (%.1f %%) are far from the one regime of all others and belong to none",
            int(np.sum(found.labels_ < 0)),
            100.0 * noise,
        )
    if k > 1:
        some = _evenly(int(inside.sum()), given.eval_rows)
        found.score = _silhouette(np.ascontiguousarray(x[inside][some]), labels[inside][some]) * (1.0 - noise)
        found.metric = "silhouette"
    found.sweep = [(k, found.score)]
    found.low_quality = k == 0 or noise > 0.5 or (k > 1 and not found.score >= 0.05)
    return found


def _by_silhouette(z: Array, scaler: RegimeScaler, given: _Settings) -> RegimeClusters:
    some = _evenly(len(z), given.eval_rows)
    x = np.ascontiguousarray(z[some])
    tried: list[tuple[Any, float]] = []
    best, labels = math.nan, np.zeros(len(x), dtype=np.int64)
    for k in range(max(2, given.k_min), min(given.k_max, len(x) - 1) + 1):
        its = _k_means(x, k, given.starts, given.seed)
        score = _silhouette(x, its)
        tried.append((k, score))
        if not math.isnan(score) and not score <= best:
            best, labels = score, its
    if not best >= given.least_silhouette:
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
        Rows = time, columns = features that tell operating states apart. NaN and infinity count as medians. What is
        scaled or predicted later as a frame is taken by these names, an array by places.
    cfg : dict, optional
        ACM's configuration; ``cfg["regimes"]`` may hold ``clustering`` (``method``: ``"hdbscan"``, or ``"kmeans"`` for
        k by silhouette; ``use_gmm_fallback``: whether k-means is tried where density finds nothing good), ``hdbscan``
        (``min_cluster_size``: 30, or ``min_cluster_size_absolute`` and at most ``min_cluster_size_max`` 100;
        ``min_samples``: a third of it, at least 3; ``max_fit_samples`` 8000; ``cluster_selection_method`` ``"eom"`` or
        ``"leaf"``; ``cluster_selection_epsilon`` 0; ``allow_single_cluster`` True; ``metric``: ``"euclidean"``
        alone), ``auto_k``
        (``k_min`` 2, ``k_max`` 6, ``max_eval_samples`` 4000, ``n_init`` 5, ``random_state`` 17) and ``quality``
        (``silhouette_min`` 0.15: below it there is one regime).
    pre_scaled : bool, default False
        Whether the columns are on a common scale already.

    Returns
    -------
    RegimeClusters

    Raises
    ------
    ValueError
        Fewer than two rows, no column, two of one name, or a setting is outside what it may be.
    TypeError
        A column is no number, or settings are no dict.

    Notes
    -----
    HDBSCAN [1]_ where acm_rs or scikit-learn has it and there are ten rows or more, else k-means with the k of the best
    mean silhouette [2]_. A density cluster counts where it stands out: a quarter of its rows have three times as many
    rows around them, as far as it is to where it parts from the others, as there are at that place [3]_. Where no two
    do, there is one regime (with ``allow_single_cluster``) of all rows but those, a few, that are beyond a break of the
    distances from the middle, over all columns or in one: there the distances grow faster than in the shoulder of the
    cloud and than in a tail of finite variance [4]_. Their count is logged. Equal readings are spread over the step
    between those around them first, in columns of four values or more.

    .. [1] Campello, Moulavi and Sander, Density-based clustering based on hierarchical density estimates, 2013, doi
           10.1007/978-3-642-37456-2_14.
    .. [2] Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20, 1987, doi
           10.1016/0377-0427(87)90125-7.
    .. [3] Kpotufe and von Luxburg, Pruning nearest neighbor cluster trees, ICML 2011, arXiv 1105.0540.
    .. [4] After Hill, A simple general approach to inference about the tail of a distribution, Annals of Statistics 3,
           1975, doi 10.1214/aos/1176343247.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> x[:100] += 20.0
    >>> found = cluster_regimes(x, {"regimes": {"clustering": {"method": "kmeans"}}})
    >>> found.n_clusters, found.predict(found.scaler.transform([[20.0, 20.0], [0.0, 1.0]])).tolist()
    (2, [0, 1])
    """
    given = _Settings(cfg)
    x = _table(X, None)
    if len(x) < 2 or x.shape[1] < 1:
        raise ValueError(f"X must have at least two rows and a column, got shape {x.shape}")
    columns = list(X.columns) if isinstance(X, pd.DataFrame) else None
    scaler = _scaler(x, _switch("pre_scaled", pre_scaled), columns)
    z = scaler.transform(x)
    if not float(np.abs(z - z[0]).max()) > _ROUNDING * max(1.0, float(np.abs(z).max())):
        _log.warning("Regimes: there is nothing to learn from (nothing moves in %d rows): one regime", len(z))
        return _by_silhouette(np.tile(z[0], (len(z), 1)), scaler, given)
    if given.method == "hdbscan":
        if not _has_hdbscan():
            _log.warning("Regimes: neither acm_rs nor scikit-learn has HDBSCAN here, k-means is taken")
        elif len(z) >= 10:
            found = _by_density(z, scaler, given)
            if found.n_clusters and not (found.low_quality and given.falls_back):
                return found
            _log.warning(
                "Regimes: density finds %d with %.0f %% noise, k-means is taken",
                found.n_clusters,
                100.0 * found.noise_ratio,
            )
    return _by_silhouette(z, scaler, given)
