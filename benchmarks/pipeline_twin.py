"""The whole job in pandas and scikit-learn: what a Monitor is timed and judged beside.

Written as an engineer with these libraries would write it today: every step works on whole arrays, none loops over
rows. It reads the same files and gives the same things: for each row a score, a limit, an alarm and a regime, what each
sensor adds and what it should have read, and the episodes with their culprits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

Matrix = NDArray[np.float64]

MOST_REGIMES = 6
SAMPLE = 2000
"""Rows on which the number of regimes is chosen."""
CLEAR = 0.3
"""Silhouette from which on regimes are told apart."""
LEFT_OUT = 0.02
"""Share of the rows, the strangest ones, that a second fit goes without."""
FOLDS = 5
PERSISTENCE = 3
"""Rows above the limit that make an alarm."""
GAP = 10
"""Rows that two alarms may be apart in one episode."""
FEW = 60
"""A regime of fewer rows is judged by the model of all rows."""


def read_history(path: Path) -> pd.DataFrame:
    """Read a table whose first column is the time; what is no number is missing, no sensor without numbers."""
    frame = pd.read_csv(path, encoding="utf-8-sig", index_col=0)
    try:
        frame.index = pd.to_datetime(frame.index)
    except ValueError:
        frame.index = pd.to_datetime(frame.index, format="mixed")
    frame = frame.sort_index()
    frame = frame[~frame.index.duplicated()]
    texts = frame.select_dtypes(exclude="number").columns
    frame[texts] = frame[texts].apply(pd.to_numeric, errors="coerce")
    return frame.dropna(axis=1, how="all")


@dataclass
class TwinResult:
    """What the twin says of a history."""

    rows: pd.DataFrame
    """Score, limit, alarm and regime of each row."""
    shares: pd.DataFrame
    """What each sensor adds to the score, as a share."""
    expected: pd.DataFrame
    """What each sensor should have read."""
    episodes: pd.DataFrame
    """Start, end, duration, peak and up to three culprits."""


class _Watch:
    """T², SPE and the Mahalanobis distance of one regime."""

    def fit(self, x: Matrix, rate: float) -> _Watch:
        self._learn(x)
        kept = self._parts(x)
        strange = (kept / np.quantile(kept, 0.9, axis=0)).max(axis=1)
        x = x[strange <= np.quantile(strange, 1.0 - LEFT_OUT)]
        # Limits are those of rows that a fit has not seen, whole stretches at a time.
        parts = []
        for others, held in KFold(FOLDS).split(x):
            parts.append(_Watch()._learn(x[others])._parts(x[held]))
        self._learn(x)
        unseen = np.concatenate(parts)
        self.limits = np.quantile(unseen, 1.0 - rate, axis=0)
        together = (unseen / self.limits).max(axis=1)
        self.limits = self.limits * np.quantile(together, 1.0 - rate)
        return self

    def _learn(self, x: Matrix) -> _Watch:
        self.scaler = StandardScaler().fit(x)
        z = self.scaler.transform(x)
        self.pca = PCA(0.9, svd_solver="full").fit(z)
        self.covariance = LedoitWolf().fit(z)
        return self

    def _parts(self, x: Matrix) -> Matrix:
        z = self.scaler.transform(x)
        along = self.pca.transform(z)
        spe = ((z - self.pca.inverse_transform(along)) ** 2).sum(axis=1)
        t2 = (along**2 / self.pca.explained_variance_).sum(axis=1)
        return np.column_stack([t2, spe, self.covariance.mahalanobis(z)])

    def score(self, x: Matrix) -> Matrix:
        return np.asarray((self._parts(x) / self.limits).max(axis=1))

    def explain(self, x: Matrix) -> tuple[Matrix, Matrix]:
        z = self.scaler.transform(x)
        along = self.pca.transform(z)
        estimate = self.pca.inverse_transform(along)
        squares = (z - estimate) ** 2 / self.limits[1]
        levels = z * ((along / self.pca.explained_variance_) @ self.pca.components_) / self.limits[0]
        distance = z * (z @ self.covariance.precision_) / self.limits[2]
        adds = np.maximum(squares, 0.0) + np.maximum(levels, 0.0) + np.maximum(distance, 0.0)
        total = adds.sum(axis=1, keepdims=True)
        return adds / np.where(total > 0.0, total, 1.0), self.scaler.inverse_transform(estimate)


class TwinMonitor:
    """Fit on healthy history, score what comes: the steps of a Monitor."""

    def __init__(self, rate: float = 0.01) -> None:
        self.rate = rate

    def fit(self, frame: pd.DataFrame) -> TwinMonitor:
        """Find codes, sensors, regimes and limits."""
        values = frame.to_numpy(float, copy=True)
        values[~np.isfinite(values)] = np.nan
        low, self.median, high = np.nanquantile(values, [0.25, 0.5, 0.75], axis=0)
        self.reach = 10.0 * np.maximum(high - low, 1e-9)
        far = np.abs(values - self.median) > self.reach
        self.codes = {}
        for place in np.flatnonzero(far.any(axis=0)):
            kinds, counts = np.unique(values[far[:, place], place], return_counts=True)
            self.codes[place] = kinds[counts >= 3]
        values = self._cleaned(values)
        self.names = frame.columns
        spread = np.nanstd(values, axis=0)
        self.kept = np.flatnonzero(spread > 1e-9 * np.maximum(np.abs(self.median), 1e-300))
        x = self._filled(values)[:, self.kept]
        self.scaler = StandardScaler().fit(x)
        self.regimes = self._regimes(self.scaler.transform(x))
        labels = self._labels(x)
        whole = _Watch().fit(x, self.rate)
        enough = max(FEW, 3 * x.shape[1])
        self.watches = [
            _Watch().fit(x[labels == label], self.rate) if (labels == label).sum() >= enough else whole
            for label in range(self.regimes.n_clusters if self.regimes else 1)
        ]
        return self

    def _cleaned(self, values: Matrix) -> Matrix:
        for place, codes in self.codes.items():
            values[np.isin(values[:, place], codes), place] = np.nan
        return values

    def _filled(self, values: Matrix) -> Matrix:
        filled = pd.DataFrame(values).ffill(limit=3).to_numpy()
        return np.where(np.isnan(filled), self.median, filled)

    def _regimes(self, z: Matrix) -> KMeans | None:
        sample = z[np.linspace(0, len(z) - 1, min(SAMPLE, len(z))).astype(int)]
        best, clearest = None, CLEAR
        for count in range(2, MOST_REGIMES + 1):
            found = KMeans(count, n_init=10, random_state=0).fit(z)
            labels = found.predict(sample)
            if len(set(labels.tolist())) < 2:
                continue
            clear = silhouette_score(sample, labels)
            if clear > clearest:
                best, clearest = found, clear
        return best

    def _labels(self, x: Matrix) -> NDArray[np.int64]:
        if self.regimes is None:
            return np.zeros(len(x), np.int64)
        return np.asarray(self.regimes.predict(self.scaler.transform(x)), np.int64)

    def score(self, frame: pd.DataFrame) -> TwinResult:
        """Judge each row."""
        values = frame.reindex(columns=self.names).to_numpy(float, copy=True)
        values[~np.isfinite(values)] = np.nan
        x = self._filled(self._cleaned(values))[:, self.kept]
        labels = self._labels(x)
        score, shares, expected = np.zeros(len(x)), np.zeros(x.shape), np.zeros(x.shape)
        for label, watch in enumerate(self.watches):
            rows = labels == label
            if rows.any():
                score[rows] = watch.score(x[rows])
                shares[rows], expected[rows] = watch.explain(x[rows])
        smooth = pd.Series(score, frame.index)
        alarm = smooth.rolling(PERSISTENCE, min_periods=PERSISTENCE).min() > 1.0
        sensors = self.names[self.kept]
        rows = pd.DataFrame({"score": score, "limit": 1.0, "alarm": alarm, "regime": labels}, frame.index)
        told = pd.DataFrame(shares, frame.index, sensors)
        should = pd.DataFrame(expected, frame.index, sensors)
        readings = pd.DataFrame(x, frame.index, sensors)
        return TwinResult(rows, told, should, _episodes(rows, told, should, readings))


def _episodes(rows: pd.DataFrame, shares: pd.DataFrame, expected: pd.DataFrame, readings: pd.DataFrame) -> pd.DataFrame:
    places = np.flatnonzero(rows["alarm"].to_numpy())
    found = []
    for stretch in np.split(places, np.flatnonzero(np.diff(places) > GAP) + 1) if len(places) else []:
        span = slice(stretch[0], stretch[-1] + 1)
        adds = shares.iloc[span].mean().nlargest(3)
        culprits = [
            {
                "sensor": name,
                "share": share,
                "reads": (read := readings[name].iloc[span].mean()),
                "should read": (should := expected[name].iloc[span].mean()),
                "direction": "high" if read > should else "low",
            }
            for name, share in adds.items()
        ]
        start, end = rows.index[stretch[0]], rows.index[stretch[-1]]
        peak = rows["score"].iloc[span].max()
        found.append({"start": start, "end": end, "duration": end - start, "peak": peak, "culprits": culprits})
    return pd.DataFrame(found, columns=["start", "end", "duration", "peak", "culprits"])
