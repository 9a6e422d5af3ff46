"""What is compared on the Tennessee Eastman process: acm_rs' detectors and NumPy's PCA, limits from training alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np

from benchmarks.tep_data import Matrix, Vector

FOLDS = 10
RATE = 0.01
"""The false alarm rate that every limit is set for."""

Score = Callable[[Matrix], Vector]
Fit = Callable[[Matrix], Score]


@dataclass(frozen=True)
class Entry:
    """A row of the table."""

    name: str
    fit: Fit
    """From training rows to a score of rows."""
    limited: bool = False
    """Its own limit is 1; the others' are calibrated."""


def _ours(name: str, method: str = "score", **parameters: Any) -> Fit:
    def fit(x: Matrix) -> Score:
        score: Score = getattr(getattr(acm_rs, name)(**parameters).fit(x), method)
        return score

    return fit


def lagged(x: Matrix, lags: int) -> Matrix:
    """Put earlier rows beside each row; before the first stand repetitions of it."""
    padded = np.vstack([np.repeat(x[:1], lags, axis=0), x])
    return np.hstack([padded[lags - lag : lags - lag + len(x)] for lag in range(lags + 1)])


def numpy_pca(x: Matrix, lags: int, share: float = 0.9) -> Callable[[Matrix], tuple[Vector, Vector]]:
    """Fit principal components with NumPy; the result gives T² and SPE of rows."""
    mean, sd = x.mean(axis=0), x.std(axis=0, ddof=1)

    def points(rows: Matrix) -> Matrix:
        return lagged((rows - mean) / sd, lags)

    own = points(x)
    centre = own.mean(axis=0)
    variances, vectors = np.linalg.eigh(np.cov(own.T))
    variances, vectors = variances[::-1], vectors[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), share)) + 1

    def both(rows: Matrix) -> tuple[Vector, Vector]:
        z = points(rows) - centre
        along = z @ vectors[:, :kept]
        return (along**2 / variances[:kept]).sum(axis=1), ((z - along @ vectors[:, :kept].T) ** 2).sum(axis=1)

    return both


def _numpy(which: str, lags: int = 0) -> Fit:
    def fit(x: Matrix) -> Score:
        both = numpy_pca(x, lags)
        if which == "T²":
            return lambda rows: both(rows)[0]
        if which == "SPE":
            return lambda rows: both(rows)[1]
        limits = [limit_of(one, RATE / 2) for one in out_of_fold(lambda rows: numpy_pca(rows, lags), x, 2)]
        return lambda rows: np.maximum(*(one / limit for one, limit in zip(both(rows), limits, strict=True)))

    return fit


def _sklearn(which: str) -> Fit:
    def fit(x: Matrix) -> Score:
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(x)
        model = PCA(0.9, svd_solver="full").fit(scaler.transform(x))

        def score(rows: Matrix) -> Vector:
            z = scaler.transform(rows)
            along = model.transform(z)
            if which == "T²":
                squares: Vector = (along**2 / model.explained_variance_).sum(axis=1)
            else:
                squares = ((z - model.inverse_transform(along)) ** 2).sum(axis=1)
            return squares

        return score

    return fit


def averaged(fit: Fit, memory: float) -> Fit:
    """Follow a score with an exponentially weighted mean, begun at the score's mean on the training rows."""

    def with_memory(x: Matrix) -> Score:
        score = fit(x)
        start = float(score(x).mean())

        def mean(rows: Matrix) -> Vector:
            out, level = score(rows).copy(), start
            for row, value in enumerate(out):
                level += memory * (value - level)
                out[row] = level
            return out

        return mean

    return with_memory


def out_of_fold(fit: Callable[[Matrix], Callable[[Matrix], Any]], x: Matrix, width: int = 1) -> Any:
    """Score each tenth of the rows by a fit of the others: in-sample scores are too small to set a limit by."""
    scores = np.empty((width, len(x)))
    edges = [number * len(x) // FOLDS for number in range(FOLDS + 1)]
    for start, end in pairwise(edges):
        score = fit(np.vstack([x[:start], x[end:]]))
        scores[:, start:end] = np.atleast_2d(score(x[:end]))[:, start:]
    return scores[0] if width == 1 else scores


def limit_of(scores: Vector, rate: float = RATE) -> float:
    """Set a limit that healthy scores pass with this rate."""
    return float(acm_rs.calibrate(scores, rate))


ENTRIES = (
    Entry("FusedDetector", _ours("FusedDetector", false_alarm_rate=RATE), limited=True),
    Entry("SimilarityDetector", _ours("SimilarityDetector", false_alarm_rate=RATE), limited=True),
    Entry("AR1Detector", _ours("AR1Detector")),
    Entry("PCADetector, SPE", _ours("PCADetector", "spe", n_components=0.9)),
    Entry("PCADetector, T²", _ours("PCADetector", "t2", n_components=0.9)),
    Entry("PCADetector, score", _ours("PCADetector", n_components=0.9)),
    Entry("PCADetector, 2 lags, SPE", _ours("PCADetector", "spe", n_components=0.9, lags=2)),
    Entry("PCADetector, 2 lags, T²", _ours("PCADetector", "t2", n_components=0.9, lags=2)),
    Entry("PCADetector, 2 lags, score", _ours("PCADetector", n_components=0.9, lags=2)),
    Entry("MahalanobisDetector", _ours("MahalanobisDetector")),
    Entry("OMRDetector", _ours("OMRDetector", clip=None)),
    Entry("OMRDetector, ridge", _ours("OMRDetector", model="ridge", clip=None)),
    Entry("IsolationForest", _ours("IsolationForest")),
    Entry("GaussianMixture", _ours("GaussianMixture", n_components=3)),
    Entry("scikit-learn PCA, SPE", _sklearn("SPE")),
    Entry("scikit-learn PCA, T²", _sklearn("T²")),
    Entry("NumPy PCA, T² and SPE", _numpy("both")),
    Entry("NumPy PCA, 2 lags, T² and SPE", _numpy("both", lags=2)),
    Entry("NumPy PCA, 2 lags, SPE, EWMA 0.05", averaged(_numpy("SPE", lags=2), 0.05)),
)
