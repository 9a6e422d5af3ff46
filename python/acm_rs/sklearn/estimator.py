"""What the estimators have in common: rows come in checked, names of sensors go to the model, the sign is turned."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from acm_rs.fillers import warn_of_codes

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

__all__ = ["ClassNamePrefixFeaturesOutMixin", "ClusterMixin", "DetectorForm", "Estimator", "Floats", "TransformerMixin"]

Floats = NDArray[np.float64]


class Estimator(BaseEstimator):
    """What all estimators share: rows come in checked, missing values allowed where the model takes them."""

    _least_rows = 2
    _least_columns = 1
    _complete = False
    """Whether every value must be there."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = not self._complete
        return tags

    def _rows(self, x: ArrayLike, *, fitting: bool = False) -> Any:
        if not fitting:
            check_is_fitted(self)
        return validate_data(
            self,
            x,
            reset=fitting,
            dtype=[np.float64, np.float32],
            ensure_all_finite=True if self._complete else "allow-nan",
            ensure_min_samples=self._least_rows if fitting else 1,
            ensure_min_features=self._least_columns,
        )

    @staticmethod
    def _weights(sample_weight: ArrayLike | None, x: Any) -> Any:
        return None if sample_weight is None else _check_sample_weight(sample_weight, x, dtype=np.float64)

    def _learn(self, model: Any, x: Any, *others: Any, **more: Any) -> Any:
        """Fit a model of acm_rs on checked rows, by the names of the sensors where the frame had some."""
        names = getattr(self, "feature_names_in_", None)
        warn_of_codes(x, names, 3)
        # Its own fit takes names from a frame alone, and here the rows are an array by now.
        model._engine.fit(x, *others, **more, names=None if names is None else tuple(map(str, names)))
        return model

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


class DetectorForm(OutlierMixin, Estimator):
    """A detector of acm_rs, its sign turned."""

    contamination: float
    model_: Any
    offset_: float
    n_iter_: int

    def _model(self) -> Any:
        raise NotImplementedError

    def _fitted_on(self, x: Any) -> Any:
        return self._learn(self._model(), x)

    def _scores(self, x: Any) -> Floats:
        scores: Floats = self.model_.score(x)
        return scores

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
        model = self._fitted_on(x)
        self.model_ = model
        self.offset_ = float(np.nanquantile(-self._scores(x), self.contamination))
        if hasattr(model, "n_iter_"):
            self.n_iter_ = int(model.n_iter_)
        return self

    def score_samples(self, X: ArrayLike) -> Floats:
        """Score rows; lower is more abnormal.

        Parameters
        ----------
        X
            Rows to score, (n, d).
        """
        return -self._scores(self._rows(X))

    def decision_function(self, X: ArrayLike) -> Floats:
        """Score rows relative to ``offset_``; negative for outliers.

        Parameters
        ----------
        X
            Rows to score, (n, d).
        """
        scores: Floats = self.score_samples(X) - self.offset_
        return scores

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Tell outliers (-1) from the rest (1).

        Parameters
        ----------
        X
            Rows to judge, (n, d).
        """
        return np.where(self.decision_function(X) < 0.0, -1, 1)
