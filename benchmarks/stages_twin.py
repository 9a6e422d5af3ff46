"""The stages of ``stages.py`` in pandas, scikit-learn and hdbscan, as a maintainer writes them today.

Every step works on whole arrays: what pandas rolls, it rolls; medians of deviations, slopes and spectra are taken over
a sliding view of each sensor. Settings are those of the drop-ins. Numbers agree with theirs where the libraries' own
statistics do; the first rows, whose windows are not full yet, have no deviation, slope or spectrum here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
from hdbscan import HDBSCAN, approximate_predict
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import RobustScaler, StandardScaler

Matrix = NDArray[np.float64]

BANDS = ((0.0, 0.05), (0.05, 0.15), (0.15, 0.5))
FIT_ROWS = 8000
"""Rows that the search for regimes takes at most."""


def features(frame: pd.DataFrame, window: int) -> pd.DataFrame:
    """Eleven of each sensor: median and deviations, mean, slope, skew and kurtosis, three energies, robust z."""
    frame = frame.replace([np.inf, -np.inf], np.nan)
    frame = frame.fillna(frame.median()).fillna(0.0)
    rolling = frame.rolling(window, min_periods=1)
    median = rolling.median()
    deviation, slope = (pd.DataFrame(np.nan, frame.index, frame.columns) for _ in range(2))
    energies = {}
    time = np.arange(window) - (window - 1) / 2.0
    frequency = np.fft.rfftfreq(window)
    for name in frame.columns:
        windows = sliding_window_view(frame[name].to_numpy(), window)
        centred = windows - np.median(windows, axis=1, keepdims=True)
        deviation.loc[deviation.index[window - 1] :, name] = np.median(np.abs(centred), axis=1)
        slope.loc[slope.index[window - 1] :, name] = windows @ time / (time @ time)
        power = np.abs(np.fft.rfft(windows - windows.mean(axis=1, keepdims=True), axis=1)) ** 2
        for number, (low, high) in enumerate(BANDS):
            energy = np.full(len(frame), np.nan)
            inside = (frequency >= low) & (frequency < high) & (frequency > 0.0)
            energy[window - 1 :] = power[:, inside].sum(axis=1)
            energies[f"{name}_energy_{number}"] = energy
    parts = {
        "med": median,
        "mad": deviation,
        "mean": rolling.mean(),
        "std": rolling.std(),
        "slope": slope,
        "skew": rolling.skew().clip(-100.0, 100.0),
        "kurt": rolling.kurt().clip(-1000.0, 1000.0),
    }
    z = ((frame - median) / (1.4826 * deviation.clip(lower=1e-9) + 1e-9)).clip(-100.0, 100.0)
    found = pd.concat(
        [
            *(part.add_suffix(f"_{kind}") for kind, part in parts.items()),
            pd.DataFrame(energies, frame.index),
            z.add_suffix("_rz"),
        ],
        axis=1,
    )
    return found.replace([np.inf, -np.inf], np.nan).fillna(0.0)


class AR1:
    """Residuals of an AR(1) model of each column, over their robust deviation, and the columns' mean."""

    def fit(self, frame: pd.DataFrame) -> AR1:
        """Learn level, coefficient and scale."""
        x = frame.to_numpy()
        self.level = np.median(x, axis=0)
        c = x - self.level
        energy = (c[:-1] ** 2).sum(axis=0)
        still = x.var(axis=0) < 1e-8
        phi = (c[1:] * c[:-1]).sum(axis=0) / np.where(still, 1.0, energy)
        self.phi = np.where(still, 0.0, phi.clip(-0.999, 0.999))
        rest = self._residuals(x)[1:]
        self.scale = np.maximum(1.4826 * np.median(np.abs(rest - np.median(rest, axis=0)), axis=0), 1e-6)
        return self

    def _residuals(self, x: Matrix) -> Matrix:
        c = x - self.level
        rest = c - self.phi * np.vstack([np.zeros((1, c.shape[1])), c[:-1]])
        rest[0] = 0.0
        return rest

    def score(self, frame: pd.DataFrame) -> list[Matrix]:
        """One score a row."""
        return [np.mean(np.abs(self._residuals(frame.to_numpy())) / self.scale, axis=1)]


class Subspace:
    """SPE and T² beside five principal components of robustly scaled columns."""

    def fit(self, frame: pd.DataFrame) -> Subspace:
        """Leave still columns out, scale, decompose."""
        x = frame.to_numpy()
        self.kept = x.std(axis=0) > 1e-6
        self.scaler = RobustScaler().fit(x[:, self.kept])
        self.pca = PCA(5, svd_solver="full").fit(self.scaler.transform(x[:, self.kept]).clip(-1e6, 1e6))
        return self

    def score(self, frame: pd.DataFrame) -> list[Matrix]:
        """SPE and T² of each row."""
        z = self.scaler.transform(frame.to_numpy()[:, self.kept]).clip(-1e6, 1e6)
        along = self.pca.transform(z)
        spe = ((z - self.pca.inverse_transform(along)) ** 2).sum(axis=1)
        return [spe.clip(0.0, 1e6), (along**2 / self.pca.explained_variance_).sum(axis=1).clip(0.0, 1e6)]


class Forest:
    """An isolation forest of a hundred trees."""

    def fit(self, frame: pd.DataFrame) -> Forest:
        """Grow it."""
        self.forest = IsolationForest(n_estimators=100, max_samples=256, random_state=17, n_jobs=-1).fit(
            frame.to_numpy()
        )
        return self

    def score(self, frame: pd.DataFrame) -> list[Matrix]:
        """Minus scikit-learn's score."""
        return [-self.forest.score_samples(frame.to_numpy())]


class Mixture:
    """A mixture of two to five diagonal normals, their number by the Bayesian information criterion."""

    def fit(self, frame: pd.DataFrame) -> Mixture:
        """Leave still columns out, scale, try each number once and the best one three times."""
        x = frame.to_numpy()
        self.kept = x.std(axis=0) > 0.0
        self.scaler = RobustScaler().fit(x[:, self.kept])
        z = self.scaler.transform(x[:, self.kept])
        set_up = {"covariance_type": "diag", "reg_covar": 1e-2, "random_state": 42}
        tried = {k: GaussianMixture(k, **set_up).fit(z).bic(z) for k in range(2, 6)}
        best = min(tried, key=lambda k: tried[k])
        self.mixture = GaussianMixture(best, n_init=3, **set_up).fit(z)
        return self

    def score(self, frame: pd.DataFrame) -> list[Matrix]:
        """Minus the log density."""
        return [-self.mixture.score_samples(self.scaler.transform(frame.to_numpy()[:, self.kept]))]


class Residual:
    """How far each row is from what its columns say of each other."""

    def fit(self, frame: pd.DataFrame) -> Residual:
        """Ridge of each column on the others where there are few of them, else partial least squares."""
        x = frame.to_numpy()
        self.kept = x.var(axis=0) > 1e-9
        self.scaler = StandardScaler().fit(x[:, self.kept])
        z = self.scaler.transform(x[:, self.kept])
        predict: Callable[[Matrix], Matrix]
        if len(z) > 1000 and z.shape[1] < 20:
            places = np.arange(z.shape[1])
            models = [Ridge(1.0).fit(z[:, places != j], z[:, j]) for j in places]
            predict = lambda z: np.column_stack([m.predict(z[:, places != j]) for j, m in enumerate(models)])  # noqa: E731
        else:
            predict = PLSRegression(5, scale=False).fit(z, z).predict
        self.predict = predict
        norm = np.linalg.norm(z - predict(z), axis=1)
        self.scale = max(1.4826 * float(np.median(np.abs(norm - np.median(norm)))), 1e-6)
        return self

    def score(self, frame: pd.DataFrame) -> list[Matrix]:
        """The residual's norm over its robust deviation in training."""
        z = self.scaler.transform(frame.to_numpy()[:, self.kept])
        return [np.linalg.norm(z - self.predict(z), axis=1) / self.scale]


DETECTORS: Sequence[tuple[str, Callable[[], Any]]] = (
    ("AR(1)", AR1),
    ("PCA", Subspace),
    ("forest", Forest),
    ("mixture", Mixture),
    ("OMR", Residual),
)


def regimes(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Label of each row by HDBSCAN; what the search did not see takes the label of what is near."""
    z = RobustScaler().fit_transform(frame.fillna(frame.median()))
    some = np.unique(np.linspace(0, len(z) - 1, min(FIT_ROWS, len(z))).astype(int))
    found = HDBSCAN(
        min_cluster_size=30, min_samples=10, allow_single_cluster=True, prediction_data=True, core_dist_n_jobs=-1
    ).fit(z[some])
    labels = np.empty(len(z), np.int64)
    labels[some] = found.labels_
    rest = np.setdiff1d(np.arange(len(z)), some)
    if len(rest):
        labels[rest] = approximate_predict(found, z[rest])[0]
    return labels


def cusum(training: Matrix, scored: Matrix) -> Matrix:
    """The larger of the two sums after each value."""
    middle = np.median(training)
    z = (scored - middle) / (1.4826 * np.median(np.abs(training - middle)) or 1.0)
    up = accumulate(z - 0.1, lambda total, value: max(0.0, total + value), initial=0.0)
    down = accumulate(-z - 0.1, lambda total, value: max(0.0, total + value), initial=0.0)
    return np.maximum(list(up)[1:], list(down)[1:])
