"""What parts rows, as estimators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

import acm_rs
from acm_rs.sklearn.estimator import (
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    Estimator,
    Floats,
    TransformerMixin,
)


class KMeans(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, Estimator):
    """K-means.

    Parameters
    ----------
    n_clusters, n_init, max_iter, tol
        As for `acm_rs.KMeans`.
    random_state
        Seed, `numpy.random.RandomState` or None.
    """

    _least_rows = 1
    model_: Any
    cluster_centers_: Floats
    labels_: NDArray[np.int64]
    inertia_: float
    n_iter_: int

    def __init__(
        self, n_clusters: int = 8, n_init: int = 10, max_iter: int = 300, tol: float = 1e-4, random_state: Any = None
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    if TYPE_CHECKING:
        # scikit-learn makes it for the argument of fit.
        def set_fit_request(self, *, sample_weight: bool | str | None = "$UNCHANGED$") -> Self: ...

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the centres.

        Parameters
        ----------
        X
            Rows = samples, columns = sensors, (n, d).
        y
            Ignored.
        sample_weight
            A weight for each row.
        """
        x = self._rows(X, fitting=True)
        weight = self._weights(sample_weight, x)
        seed = self._seed(self.random_state)
        model = acm_rs.KMeans(self.n_clusters, self.n_init, self.max_iter, self.tol, seed)
        self._learn(model, x, weight, centers=None)
        self.cluster_centers_ = model.cluster_centers_
        self.labels_ = model.labels_
        self.inertia_ = model.inertia_
        self.n_iter_ = model.n_iter_
        self.model_ = model
        return self

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Assign rows to the nearest centres.

        Parameters
        ----------
        X
            Rows to assign, (n, d).
        """
        x = self._rows(X)
        labels: NDArray[np.int64] = self.model_.predict(x)
        return labels

    def transform(self, X: ArrayLike) -> Floats:
        """Measure the distances to all centres.

        Parameters
        ----------
        X
            Rows to measure, (n, d).
        """
        x = self._rows(X)
        distances: Floats = self.model_.transform(x)
        return distances

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Sum the squared distances to the nearest centres, negative: higher is better, as scikit-learn has it.

        Parameters
        ----------
        X
            Rows to measure, (n, d).
        y
            Ignored.
        """
        x = self._rows(X)
        return -float(np.square(self.model_.score(x)).sum())


class HDBSCAN(ClusterMixin, Estimator):
    """HDBSCAN: clusters of any shape and density, and noise.

    Missing values are refused.

    Parameters
    ----------
    min_cluster_size, min_samples, cluster_selection_method, cluster_selection_epsilon, allow_single_cluster,
    max_cluster_size
        As for `acm_rs.HDBSCAN`.

    Attributes
    ----------
    labels_, probabilities_
        The cluster of each row and how firmly it belongs there, (n,); -1 is noise.
    """

    _least_rows = 1
    _complete = True
    model_: Any
    labels_: NDArray[np.int64]
    probabilities_: Floats

    def __init__(
        self,
        min_cluster_size: int = 5,
        min_samples: int | None = None,
        cluster_selection_method: Literal["eom", "leaf"] = "eom",
        cluster_selection_epsilon: float = 0.0,
        allow_single_cluster: bool = False,
        max_cluster_size: int | None = None,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.cluster_selection_method = cluster_selection_method
        self.cluster_selection_epsilon = cluster_selection_epsilon
        self.allow_single_cluster = allow_single_cluster
        self.max_cluster_size = max_cluster_size

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the clusters.

        Parameters
        ----------
        X
            Rows = samples, columns = sensors, (n, d).
        y
            Ignored.
        """
        x = self._rows(X, fitting=True)
        model = acm_rs.HDBSCAN(
            self.min_cluster_size,
            self.min_samples,
            cluster_selection_method=self.cluster_selection_method,
            cluster_selection_epsilon=self.cluster_selection_epsilon,
            allow_single_cluster=self.allow_single_cluster,
            max_cluster_size=self.max_cluster_size,
        )
        self.model_ = self._learn(model, x)
        self.labels_ = model.labels_
        self.probabilities_ = model.probabilities_
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell the clusters of other rows; -1 for noise.

        Parameters
        ----------
        X
            Rows to place, (n, d).
        """
        x = self._rows(X)
        labels: NDArray[np.int64] = self.model_.approximate_predict(x)[0]
        return labels


class RegimeModel(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, Estimator):
    """Operating regimes: what a machine usually does, and which of that it is doing now.

    Parameters
    ----------
    n_regimes, k_max, min_rows, unknown_quantile, margin, smoothing, constants, method
        As for `acm_rs.RegimeModel`.
    random_state
        Seed, `numpy.random.RandomState` or None.

    Attributes
    ----------
    cluster_centers_, labels_
        The regimes' centres, (k, d), and the regime of each training row, (n,); -1 is none.
    """

    model_: Any
    cluster_centers_: Floats
    labels_: NDArray[np.int64]

    def __init__(
        self,
        n_regimes: int | Literal["auto"] = "auto",
        k_max: int = 6,
        min_rows: int = 30,
        unknown_quantile: float = 0.995,
        margin: float = 1.5,
        smoothing: int = 1,
        random_state: Any = None,
        constants: Literal["watch", "ignore"] = "watch",
        method: Literal["kmeans", "hdbscan"] = "kmeans",
    ) -> None:
        self.n_regimes = n_regimes
        self.k_max = k_max
        self.min_rows = min_rows
        self.unknown_quantile = unknown_quantile
        self.margin = margin
        self.smoothing = smoothing
        self.random_state = random_state
        self.constants = constants
        self.method = method

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the regimes.

        Parameters
        ----------
        X
            Rows = samples, columns = sensors, (n, d).
        y
            Ignored.
        """
        x = self._rows(X, fitting=True)
        model = acm_rs.RegimeModel(
            self.n_regimes,
            method=self.method,
            k_max=self.k_max,
            min_rows=self.min_rows,
            unknown_quantile=self.unknown_quantile,
            margin=self.margin,
            smoothing=self.smoothing,
            seed=self._seed(self.random_state),
            constants=self.constants,
        )
        self.model_ = self._learn(model, x, None)
        self.cluster_centers_ = model.centers_
        self.labels_ = model.labels_
        return self

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell the regime of each row; -1, as of noise, where it is in none.

        Parameters
        ----------
        X
            Rows to label, (n, d).
        """
        x = self._rows(X)
        labels: NDArray[np.int64] = self.model_.predict(x)
        return labels

    def transform(self, X: ArrayLike) -> Floats:
        """Measure the distances to all centres, in scaled units.

        Parameters
        ----------
        X
            Rows to measure, (n, d).
        """
        x = self._rows(X)
        distances: Floats = self.model_.transform(x)
        return distances
