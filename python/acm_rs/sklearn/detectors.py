"""The detectors as estimators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

import acm_rs
from acm_rs.sklearn.estimator import DetectorForm, Floats


class AR1Detector(DetectorForm):
    """Each sensor against its own last value; rows are a history, oldest first.

    Parameters
    ----------
    phi_cap, sd_floor, fuse, constants
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
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.phi_cap = phi_cap
        self.sd_floor = sd_floor
        self.fuse = fuse
        self.contamination = contamination
        self.constants = constants

    def _model(self) -> Any:
        return acm_rs.AR1Detector(self.phi_cap, self.sd_floor, self.fuse, constants=self.constants)


class PCADetector(DetectorForm):
    """Squared prediction error and Hotelling's T² of a principal component model.

    Parameters
    ----------
    n_components, lags, scaling, alpha, limits, constants
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
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.n_components = n_components
        self.lags = lags
        self.scaling = scaling
        self.alpha = alpha
        self.limits = limits
        self.contamination = contamination
        self.constants = constants

    def _model(self) -> Any:
        return acm_rs.PCADetector(
            self.n_components,
            self.lags,
            scaling=self.scaling,
            alpha=self.alpha,
            limits=self.limits,
            constants=self.constants,
        )


class MahalanobisDetector(DetectorForm):
    """Mahalanobis distance with a shrunk covariance.

    Parameters
    ----------
    shrinkage, lags, constants
        As for `acm_rs.MahalanobisDetector`. With lags, rows are a history, oldest first.
    contamination
        Share of the training rows that count as outliers.
    """

    def __init__(
        self,
        shrinkage: Literal["ledoit_wolf", "none"] | float = "ledoit_wolf",
        lags: int = 0,
        contamination: float = 0.01,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.shrinkage = shrinkage
        self.lags = lags
        self.contamination = contamination
        self.constants = constants

    def _model(self) -> Any:
        return acm_rs.MahalanobisDetector(self.shrinkage, self.lags, constants=self.constants)


class FusedDetector(DetectorForm):
    """What the recent past does not explain, watched at several memories at once; rows are a history, oldest first.

    Parameters
    ----------
    n_components, lags, memories, folds, false_alarm_rate, trim, whole, rounding, constants
        As for `acm_rs.FusedDetector`. It needs eight rows a fold.
    contamination
        Share of the training rows that count as outliers.
    """

    def __init__(
        self,
        n_components: float = 0.9,
        lags: int = 2,
        memories: Sequence[float] = (1.0, 0.2, 0.03),
        folds: int = 10,
        false_alarm_rate: float = 0.01,
        trim: float = 5.0,
        whole: bool = True,
        contamination: float = 0.01,
        rounding: Literal["watch", "ignore"] = "watch",
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.n_components = n_components
        self.lags = lags
        self.memories = memories
        self.folds = folds
        self.false_alarm_rate = false_alarm_rate
        self.trim = trim
        self.whole = whole
        self.contamination = contamination
        self.rounding = rounding
        self.constants = constants

    def _model(self) -> Any:
        return acm_rs.FusedDetector(
            self.n_components,
            self.lags,
            self.memories,
            self.folds,
            self.false_alarm_rate,
            self.trim,
            self.whole,
            rounding=self.rounding,
            constants=self.constants,
        )


class RegimeDetector(DetectorForm):
    """A detector for each operating regime; the regimes are found first.

    Parameters
    ----------
    detector, false_alarm_rate, min_rows, constants
        As for `acm_rs.RegimeDetector`. With "ar1" rows are a history, oldest first.
    n_regimes
        As for `acm_rs.RegimeModel`, which finds the regimes.
    contamination
        Share of the training rows that count as outliers.
    random_state
        Seed, `numpy.random.RandomState` or None.

    Attributes
    ----------
    regime_model_
        The fitted `acm_rs.RegimeModel`. A row that is in none of its regimes is an outlier by how far it is from the
        nearest, or by the detector of all rows.
    """

    regime_model_: Any

    def __init__(
        self,
        detector: Literal["pca", "mahalanobis", "ar1"] = "pca",
        false_alarm_rate: float = 0.01,
        min_rows: int = 100,
        n_regimes: int | Literal["auto"] = "auto",
        contamination: float = 0.01,
        random_state: Any = None,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.detector = detector
        self.false_alarm_rate = false_alarm_rate
        self.min_rows = min_rows
        self.n_regimes = n_regimes
        self.contamination = contamination
        self.constants = constants
        self.random_state = random_state

    def _model(self) -> Any:
        return acm_rs.RegimeDetector(self.detector, self.false_alarm_rate, self.min_rows, constants=self.constants)

    def _fitted_on(self, x: Any) -> Any:
        regimes = acm_rs.RegimeModel(self.n_regimes, seed=self._seed(self.random_state), constants="ignore")
        self.regime_model_ = self._learn(regimes, x, None)
        return self._learn(self._model(), x, self.regime_model_.labels_)

    def _scores(self, x: Any) -> Floats:
        regimes = self.regime_model_
        labels = regimes.predict(x)
        scores: Floats = self.model_.score(x, labels)
        strange = labels < 0
        if strange.any():
            away = regimes.score(x[strange]) / regimes.limits_[regimes.transform(x[strange]).argmin(axis=1)]
            scores[strange] = np.fmax(scores[strange], away)
        return scores


class SimilarityDetector(DetectorForm):
    """Auto-associative kernel regression: reading less what remembered rows that are alike let expect.

    Parameters
    ----------
    memory, neighbours, smoothing, folds, false_alarm_rate, constants
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
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.memory = memory
        self.neighbours = neighbours
        self.smoothing = smoothing
        self.folds = folds
        self.false_alarm_rate = false_alarm_rate
        self.contamination = contamination
        self.constants = constants

    def _model(self) -> Any:
        return acm_rs.SimilarityDetector(
            self.memory, self.neighbours, self.smoothing, self.folds, self.false_alarm_rate, constants=self.constants
        )


class OMRDetector(DetectorForm):
    """Overall model residual: each sensor predicted from the others.

    Parameters
    ----------
    model, n_components, alpha, clip, constants
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
        clip: float | None = 10.0,
        contamination: float = 0.01,
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.model = model
        self.n_components = n_components
        self.alpha = alpha
        self.clip = clip
        self.contamination = contamination
        self.constants = constants

    def _model(self) -> Any:
        return acm_rs.OMRDetector(self.model, self.n_components, self.alpha, self.clip, constants=self.constants)

    def _fitted_on(self, x: Any) -> Any:
        return self._learn(self._model(), x, None, None)


class IsolationForest(DetectorForm):
    """Isolation forest, also extended.

    Parameters
    ----------
    n_estimators, max_samples, extension, constants
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
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.extension = extension
        self.contamination = contamination
        self.constants = constants
        self.random_state = random_state

    def _model(self) -> Any:
        return acm_rs.IsolationForest(
            self.n_estimators, self.max_samples, self.extension, self._seed(self.random_state), constants=self.constants
        )


class GaussianMixture(DetectorForm):
    """Log-likelihood under a mixture of normal distributions.

    An outlier detector: ``predict`` gives -1 or 1, not the component, which ``model_.predict`` has.

    Parameters
    ----------
    n_components, covariance, n_init, reg, tol, max_iter, constants
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
        constants: Literal["watch", "ignore"] = "watch",
    ) -> None:
        self.n_components = n_components
        self.covariance = covariance
        self.n_init = n_init
        self.reg = reg
        self.tol = tol
        self.max_iter = max_iter
        self.contamination = contamination
        self.constants = constants
        self.random_state = random_state

    def _model(self) -> Any:
        seed = self._seed(self.random_state)
        return acm_rs.GaussianMixture(
            self.n_components,
            self.covariance,
            self.n_init,
            self.reg,
            self.tol,
            self.max_iter,
            seed,
            constants=self.constants,
        )

    def _fitted_on(self, x: Any) -> Any:
        return self._learn(self._model(), x, None)
