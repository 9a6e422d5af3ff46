"""acm_rs' models as scikit-learn estimators, for pipelines, grid searches and everything else that speaks scikit-learn.

Needs scikit-learn 1.6 or newer (``pip install "acm-rs[sklearn]"``). The detectors follow its sign convention:
``score_samples`` and ``decision_function`` are **lower** for what is more abnormal, ``predict`` gives -1 for outliers
and 1 for the rest. ``offset_`` is the quantile ``contamination`` of the training scores. Missing values (NaN) are
allowed; infinite ones are refused, as scikit-learn does.

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

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

import acm_rs

if TYPE_CHECKING:
    # scikit-learn says nothing of its types: this is what type checkers need to know of it.
    class BaseEstimator:
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __sklearn_tags__(self) -> Any: ...

    class OutlierMixin:
        def fit_predict(self, X: ArrayLike, y: object = None, **kwargs: Any) -> NDArray[np.int64]: ...

    class ClusterMixin:
        def fit_predict(self, X: ArrayLike, y: object = None, **kwargs: Any) -> NDArray[np.int64]: ...

    class TransformerMixin:
        def fit_transform(self, X: ArrayLike, y: object = None, **kwargs: Any) -> NDArray[np.float64]: ...

    class ClassNamePrefixFeaturesOutMixin:
        def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]: ...


try:
    if not TYPE_CHECKING:
        from sklearn.base import (
            BaseEstimator,
            ClassNamePrefixFeaturesOutMixin,
            ClusterMixin,
            OutlierMixin,
            TransformerMixin,
        )
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ImportError:  # pragma: no cover
    raise ImportError('acm_rs.sklearn needs scikit-learn 1.6 or newer: pip install "acm-rs[sklearn]"') from None

__all__ = [
    "AR1Detector",
    "GaussianMixture",
    "IsolationForest",
    "KMeans",
    "MahalanobisDetector",
    "OMRDetector",
    "PCADetector",
    "SimilarityDetector",
]

_Floats = NDArray[np.float64]


class _Estimator(BaseEstimator):
    """What all estimators share: rows come in checked, missing values allowed."""

    _least_rows = 2
    _least_columns = 1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _rows(self, x: ArrayLike, *, fitting: bool = False) -> Any:
        if not fitting:
            check_is_fitted(self)
        return validate_data(
            self,
            x,
            reset=fitting,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
            ensure_min_samples=self._least_rows if fitting else 1,
            ensure_min_features=self._least_columns,
        )

    def _seed(self, random_state: Any) -> int:
        """Take a whole number as it is; draw one from anything else."""
        must = "`random_state` must be a whole number, at least 0 and below 2^64, a numpy.random.RandomState or None"
        if isinstance(random_state, Integral) and not isinstance(random_state, bool):
            seed = int(random_state)
            if not 0 <= seed < 2**64:
                raise ValueError(f"{must}, got {seed}")
            return seed
        if not (random_state is None or random_state is np.random or isinstance(random_state, np.random.RandomState)):
            raise TypeError(f"{must}, got {type(random_state).__name__}")
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


class _Detector(OutlierMixin, _Estimator):
    """A detector of acm_rs, its sign turned."""

    contamination: float
    model_: Any
    offset_: float
    n_iter_: int

    def _model(self) -> Any:
        raise NotImplementedError

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit on healthy rows.

        Parameters
        ----------
        X
            Rows = samples, columns = sensors, (n, d).
        y
            Ignored.
        """
        if not isinstance(self.contamination, Real) or not 0.0 < self.contamination <= 0.5:
            raise ValueError(f"`contamination` must be above 0 and at most 0.5, got {self.contamination!r}")
        x = self._rows(X, fitting=True)
        model = self._model().fit(x)
        self.offset_ = float(np.nanquantile(-model.score(x), self.contamination))
        if hasattr(model, "n_iter_"):
            self.n_iter_ = int(model.n_iter_)
        self.model_ = model
        return self

    def score_samples(self, X: ArrayLike) -> _Floats:
        """Score rows; lower is more abnormal.

        Parameters
        ----------
        X
            Rows to score, (n, d).
        """
        x = self._rows(X)
        scores: _Floats = -self.model_.score(x)
        return scores

    def decision_function(self, X: ArrayLike) -> _Floats:
        """Score rows relative to ``offset_``; negative for outliers.

        Parameters
        ----------
        X
            Rows to score, (n, d).
        """
        scores: _Floats = self.score_samples(X) - self.offset_
        return scores

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell outliers (-1) from the rest (1).

        Parameters
        ----------
        X
            Rows to judge, (n, d).
        """
        return np.where(self.decision_function(X) < 0.0, -1, 1)


class AR1Detector(_Detector):
    """Each sensor against its own last value; rows are a history, oldest first.

    Parameters
    ----------
    phi_cap, sd_floor, fuse
        As for `acm_rs.AR1Detector`.
    contamination
        Share of the training rows that count as outliers.
    """

    def __init__(
        self,
        phi_cap: float = 0.999,
        sd_floor: float | None = None,
        fuse: Literal["mean", "median", "p95"] = "mean",
        contamination: float = 0.01,
    ) -> None:
        self.phi_cap = phi_cap
        self.sd_floor = sd_floor
        self.fuse = fuse
        self.contamination = contamination

    def _model(self) -> Any:
        return acm_rs.AR1Detector(self.phi_cap, self.sd_floor, self.fuse)


class PCADetector(_Detector):
    """Squared prediction error and Hotelling's T² of a principal component model.

    Parameters
    ----------
    n_components, lags, scaling, alpha, limits
        As for `acm_rs.PCADetector`. With lags, rows are a history, oldest first.
    contamination
        Share of the training rows that count as outliers.
    """

    def __init__(
        self,
        n_components: float = 5,
        lags: int = 0,
        scaling: Literal["robust", "standard"] = "robust",
        alpha: float = 0.01,
        limits: Literal["held_out", "theoretical", "empirical"] = "held_out",
        contamination: float = 0.01,
    ) -> None:
        self.n_components = n_components
        self.lags = lags
        self.scaling = scaling
        self.alpha = alpha
        self.limits = limits
        self.contamination = contamination

    def _model(self) -> Any:
        return acm_rs.PCADetector(
            self.n_components, self.lags, scaling=self.scaling, alpha=self.alpha, limits=self.limits
        )


class MahalanobisDetector(_Detector):
    """Mahalanobis distance with a shrunk covariance.

    Parameters
    ----------
    shrinkage, lags
        As for `acm_rs.MahalanobisDetector`. With lags, rows are a history, oldest first.
    contamination
        Share of the training rows that count as outliers.
    """

    def __init__(
        self,
        shrinkage: Literal["ledoit_wolf", "none"] | float = "ledoit_wolf",
        lags: int = 0,
        contamination: float = 0.01,
    ) -> None:
        self.shrinkage = shrinkage
        self.lags = lags
        self.contamination = contamination

    def _model(self) -> Any:
        return acm_rs.MahalanobisDetector(self.shrinkage, self.lags)


class SimilarityDetector(_Detector):
    """Auto-associative kernel regression: reading less what remembered rows that are alike let expect.

    Parameters
    ----------
    memory, neighbours, smoothing, folds, false_alarm_rate
        As for `acm_rs.SimilarityDetector`, but each row by itself as it comes. With other weights than 1 in
        ``smoothing`` rows are a history, oldest first.
    contamination
        Share of the training rows that count as outliers.
    """

    def __init__(
        self,
        memory: int = 300,
        neighbours: int = 5,
        smoothing: Sequence[float] = (1.0,),
        folds: int = 4,
        false_alarm_rate: float = 0.01,
        contamination: float = 0.01,
    ) -> None:
        self.memory = memory
        self.neighbours = neighbours
        self.smoothing = smoothing
        self.folds = folds
        self.false_alarm_rate = false_alarm_rate
        self.contamination = contamination

    def _model(self) -> Any:
        return acm_rs.SimilarityDetector(
            self.memory, self.neighbours, self.smoothing, self.folds, self.false_alarm_rate
        )


class OMRDetector(_Detector):
    """Overall model residual: each sensor predicted from the others.

    Parameters
    ----------
    model, n_components, alpha, clip
        As for `acm_rs.OMRDetector`.
    contamination
        Share of the training rows that count as outliers.
    """

    _least_columns = 2

    def __init__(
        self,
        model: Literal["auto", "pls", "ridge", "pca"] = "auto",
        n_components: int = 5,
        alpha: float = 1.0,
        clip: float | None = None,
        contamination: float = 0.01,
    ) -> None:
        self.model = model
        self.n_components = n_components
        self.alpha = alpha
        self.clip = clip
        self.contamination = contamination

    def _model(self) -> Any:
        return acm_rs.OMRDetector(self.model, self.n_components, self.alpha, self.clip)


class IsolationForest(_Detector):
    """Isolation forest, also extended.

    Parameters
    ----------
    n_estimators, max_samples, extension
        As for `acm_rs.IsolationForest`.
    contamination
        Share of the training rows that count as outliers.
    random_state
        Seed, `numpy.random.RandomState` or None.
    """

    def __init__(
        self,
        n_estimators: int = 100,
        max_samples: int | float | Literal["auto"] = "auto",
        extension: int = 0,
        contamination: float = 0.01,
        random_state: Any = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.extension = extension
        self.contamination = contamination
        self.random_state = random_state

    def _model(self) -> Any:
        return acm_rs.IsolationForest(
            self.n_estimators, self.max_samples, self.extension, self._seed(self.random_state)
        )


class GaussianMixture(_Detector):
    """Log-likelihood under a mixture of normal distributions.

    An outlier detector: ``predict`` gives -1 or 1, not the component, which ``model_.predict`` has.

    Parameters
    ----------
    n_components, covariance, n_init, reg, tol, max_iter
        As for `acm_rs.GaussianMixture`.
    contamination
        Share of the training rows that count as outliers.
    random_state
        Seed, `numpy.random.RandomState` or None.
    """

    def __init__(
        self,
        n_components: int | Literal["bic"] = 5,
        covariance: Literal["diag", "full"] = "diag",
        n_init: int = 3,
        reg: float = 1e-2,
        tol: float = 1e-3,
        max_iter: int = 100,
        contamination: float = 0.01,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.n_init = n_init
        self.reg = reg
        self.tol = tol
        self.max_iter = max_iter
        self.contamination = contamination
        self.random_state = random_state

    def _model(self) -> Any:
        seed = self._seed(self.random_state)
        return acm_rs.GaussianMixture(
            self.n_components, self.covariance, self.n_init, self.reg, self.tol, self.max_iter, seed
        )


class KMeans(ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, _Estimator):
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
    cluster_centers_: _Floats
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
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, x, dtype=np.float64)
        seed = self._seed(self.random_state)
        model = acm_rs.KMeans(self.n_clusters, self.n_init, self.max_iter, self.tol, seed).fit(x, weight)
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

    def transform(self, X: ArrayLike) -> _Floats:
        """Measure the distances to all centres.

        Parameters
        ----------
        X
            Rows to measure, (n, d).
        """
        x = self._rows(X)
        distances: _Floats = self.model_.transform(x)
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
