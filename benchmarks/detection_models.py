"""The columns of the scoreboard: acm_rs' models as they come, and peers, each with a limit from its training rows."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import acm_rs
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Times = NDArray[np.datetime64]

RATE = 0.01
"""The share of healthy rows in alarm that every limit is set for."""


@dataclass(frozen=True)
class Said:
    """What a model says of rows: a score and whether it is an alarm, and what each sensor adds where it tells."""

    scores: Vector
    alarms: NDArray[np.bool_]
    shares: Callable[[], Any] | None = None


Judge = Callable[[Matrix, Times | None], Said]


@dataclass(frozen=True)
class Model:
    """A column: how it is called in the head and in full, how it is fitted, and where its limit is from."""

    name: str
    full: str
    fit: Callable[[Matrix, Times | None], Judge]
    limit: str
    own: bool = True
    package: str = "acm_rs"
    slow: bool = False
    """Left out where training rows times sensors are many: it takes minutes."""

    @property
    def there(self) -> bool:
        """Whether its package is installed."""
        return importlib.util.find_spec(self.package) is not None


def above(scores: Any, limit: float) -> tuple[Vector, NDArray[np.bool_]]:
    """Scores as an array, and which are above the limit; a row without a score is no alarm."""
    values = np.asarray(scores, np.float64)
    return values, values > limit


def own_limit(model: Any, x: Matrix) -> float:
    """Its own limit where a model has one, else that of `calibrate` on its training scores."""
    if hasattr(model, "limit"):
        return float(model.limit(RATE))
    return float(acm_rs.calibrate(model.score(x), RATE))


def plain(name: str) -> Callable[[Matrix, Times | None], Judge]:
    """A detector at its defaults, with the limit that it or `calibrate` sets."""

    def fit(x: Matrix, times: Times | None) -> Judge:
        model = getattr(acm_rs, name)().fit(x)
        limit = own_limit(model, x)
        return lambda rows, times: Said(*above(model.score(rows), limit), lambda: model.contributions(rows))

    return fit


def over_limit(name: str) -> Callable[[Matrix, Times | None], Judge]:
    """A detector at its defaults whose score alarms above 1."""

    def fit(x: Matrix, times: Times | None) -> Judge:
        model = getattr(acm_rs, name)().fit(x)
        return lambda rows, times: Said(*above(model.score(rows), 1.0), lambda: model.contributions(rows))

    return fit


def by_regime(x: Matrix, times: Times | None) -> Judge:
    """Fit RegimeDetector in the regimes that RegimeModel finds, both at their defaults."""
    regimes = acm_rs.RegimeModel().fit(x)
    model = acm_rs.RegimeDetector().fit(x, regimes.labels_)

    def judge(rows: Matrix, times: Times | None) -> Said:
        labels = regimes.predict(rows)
        return Said(*above(model.score(rows, labels), 1.0), lambda: model.contributions(rows, labels))

    return judge


def whole_job(x: Matrix, times: Times | None) -> Judge:
    """Fit Monitor at its defaults."""
    monitor = acm_rs.Monitor().fit(x, times=times)
    for said in monitor.warnings_:
        warnings.warn(said, UserWarning, stacklevel=2)

    def judge(rows: Matrix, times: Times | None) -> Said:
        result = monitor.score(rows, times=times)

        def shares() -> Matrix:
            places = {name: number for number, name in enumerate(monitor.feature_names_in_)}
            whole = np.zeros(rows.shape)
            whole[:, [places[name] for name in result.names]] = result.shares
            return whole

        return Said(result.scores, result.alarms, shares)

    return judge


def peer(make: Callable[[Matrix], Callable[[Matrix], Vector]]) -> Callable[[Matrix, Times | None], Judge]:
    """A peer: missing values as the training median, the limit at the 99 % quantile of its training scores."""

    def fit(x: Matrix, times: Times | None) -> Judge:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            median = np.nan_to_num(np.nanmedian(x, axis=0))

        def filled(rows: Matrix) -> Matrix:
            return np.where(np.isfinite(rows), rows, median)

        score = make(filled(x))
        limit = float(np.quantile(score(filled(x)), 1.0 - RATE))
        return lambda rows, times: Said(*above(score(filled(rows)), limit))

    return fit


def sklearn_pca(x: Matrix) -> Callable[[Matrix], Vector]:
    """T² and SPE of scikit-learn's PCA with 90 % of the variance, each over its 99.5 % quantile; the larger counts."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x)
    share: float | None = 0.9 if x.shape[1] > 1 else None
    model = PCA(share, svd_solver="full").fit(scaler.transform(x))

    def both(rows: Matrix) -> Matrix:
        z = scaler.transform(rows)
        along = model.transform(z)
        squares = (along**2 / model.explained_variance_).sum(axis=1)
        return np.column_stack([squares, ((z - model.inverse_transform(along)) ** 2).sum(axis=1)])

    limits = np.maximum(np.quantile(both(x), 1.0 - RATE / 2.0, axis=0), 1e-12)
    return lambda rows: (both(rows) / limits).max(axis=1)


def sklearn_forest(x: Matrix) -> Callable[[Matrix], Vector]:
    """Anomaly score of scikit-learn's isolation forest, seed 0."""
    from sklearn.ensemble import IsolationForest

    model = IsolationForest(random_state=0).fit(x)
    return lambda rows: -model.score_samples(rows)


def pyod(module: str, name: str) -> Callable[[Matrix], Callable[[Matrix], Vector]]:
    """A detector of PyOD at its defaults, on standardised sensors."""

    def make(x: Matrix) -> Callable[[Matrix], Vector]:
        mean, sd = x.mean(axis=0), x.std(axis=0)
        sd = np.where(sd > 0.0, sd, 1.0)
        detector = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        model = detector().fit((x - mean) / sd)
        return lambda rows: np.asarray(model.decision_function((rows - mean) / sd), np.float64)

    return make


ITS_OWN = "its own: an alarm is a score above 1"
QUANTILE = "99 % quantile of the training scores"


def limit_told(name: str) -> str:
    """Say where `own_limit` has a model's limit from."""
    own = hasattr(getattr(acm_rs, name), "limit")
    return "its own `limit(0.01)`" if own else "`calibrate` on the training scores"


MODELS = (
    Model("PCA", "acm_rs.PCADetector", over_limit("PCADetector"), ITS_OWN),
    Model("Mahal.", "acm_rs.MahalanobisDetector", plain("MahalanobisDetector"), limit_told("MahalanobisDetector")),
    Model("OMR", "acm_rs.OMRDetector", plain("OMRDetector"), limit_told("OMRDetector")),
    Model("Mixture", "acm_rs.GaussianMixture", plain("GaussianMixture"), limit_told("GaussianMixture")),
    Model("Forest", "acm_rs.IsolationForest", plain("IsolationForest"), limit_told("IsolationForest")),
    Model("AR(1)", "acm_rs.AR1Detector", plain("AR1Detector"), limit_told("AR1Detector")),
    Model("Fused", "acm_rs.FusedDetector", over_limit("FusedDetector"), ITS_OWN),
    Model("Similar", "acm_rs.SimilarityDetector", over_limit("SimilarityDetector"), ITS_OWN),
    Model("Regime", "acm_rs.RegimeDetector with the labels of acm_rs.RegimeModel", by_regime, ITS_OWN),
    Model("Monitor", "acm_rs.Monitor", whole_job, "its own alarms"),
    Model("sk PCA", "sklearn.decomposition.PCA, T² and SPE", peer(sklearn_pca), QUANTILE, False, "sklearn"),
    Model("sk Forest", "sklearn.ensemble.IsolationForest", peer(sklearn_forest), QUANTILE, False, "sklearn"),
    Model("ECOD", "pyod.models.ecod.ECOD", peer(pyod("ecod", "ECOD")), QUANTILE, False, "pyod"),
    Model("COPOD", "pyod.models.copod.COPOD", peer(pyod("copod", "COPOD")), QUANTILE, False, "pyod"),
    Model("KNN", "pyod.models.knn.KNN", peer(pyod("knn", "KNN")), QUANTILE, False, "pyod", slow=True),
)
