"""Auto-associative kernel regression in plain NumPy and SciPy: what `SimilarityDetector` is compared with."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from histories import Floats
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import chi2, t

CAP = 5.0


def chosen(z: Floats, memory: int) -> NDArray[np.intp]:
    """The extremes of each sensor, then always the row farthest from all chosen ones."""
    ends = np.column_stack([z.argmin(axis=0), z.argmax(axis=0)]).ravel()
    order = np.concatenate([ends, np.arange(len(z))])
    apart = np.full(len(order), np.inf)
    found = [0]
    while True:
        apart = np.minimum(apart, ((z[order] - z[order[found[-1]]]) ** 2).sum(axis=1))
        place = int(apart[: len(ends)].argmax())
        if 2 * len(found) >= memory or apart[place] == 0.0:
            place = int(apart.argmax())
        if len(found) == memory or apart[place] == 0.0:
            return order[found]
        found.append(place)


def squares(x: Floats, y: Floats) -> Floats:
    """Squared distances of all pairs, from differences."""
    return np.stack([((x - row) ** 2).sum(axis=1) for row in y], axis=1)


class Memory(NamedTuple):
    """Remembered rows, and the kernel's squared width."""

    rows: Floats
    width: float


def remembered(z: Floats, memory: int, neighbours: int) -> Memory:
    """Choose rows; the neighbour of that number weighs 1 / e, in the median."""
    rows = z[chosen(z, memory)]
    return Memory(rows, 0.5 * float(np.median(np.sort(squares(rows, rows), axis=1)[:, neighbours])))


def expected(z: Floats, memory: Memory) -> Floats:
    """Means of the remembered rows, weighted by likeness."""
    apart = squares(z, memory.rows)
    weights = np.exp((apart.min(axis=1, keepdims=True) - apart) / (2.0 * memory.width))
    return (weights @ memory.rows) / weights.sum(axis=1, keepdims=True)


def ledoit_wolf(residuals: Floats) -> tuple[Floats, Floats]:
    """Mean, and the factor of the shrunk covariance."""
    from sklearn.covariance import LedoitWolf

    covariance = LedoitWolf().fit(residuals).covariance_ + 1e-12 * np.eye(residuals.shape[1])
    return residuals.mean(axis=0), np.linalg.cholesky(covariance)


def whitened(residuals: Floats, mean: Floats, factor: Floats) -> Floats:
    """Make residuals of covariance 1."""
    white: Floats = np.linalg.solve(factor, (residuals - mean).T).T
    return white


def statistics(white: Floats, usual: float, smoothing: tuple[float, ...]) -> list[Floats]:
    """Powers, then shifts."""
    power = (white**2).sum(axis=1)
    cap = CAP * usual
    capped = white * np.sqrt(np.minimum(1.0, cap / power))[:, None]
    found = []
    for weight in smoothing:
        start = [(1.0 - weight) * usual]
        mean = lfilter([weight], [1.0, weight - 1.0], np.minimum(power, cap), zi=start)[0]
        found.append(power if weight == 1.0 else mean)
    for weight in smoothing:
        if weight < 1.0:
            mean = lfilter([weight], [1.0, weight - 1.0], capped, axis=0)
            found.append((mean**2).sum(axis=1) * (2.0 - weight) / weight)
    return found


class HeldOut:
    """The upper quantiles of values that follow one another."""

    def __init__(self, values: Floats) -> None:
        roots = np.cbrt(np.maximum(values, 0.0))
        self.count, self.mean = len(roots), float(roots.mean())
        apart = roots - self.mean
        variance = float((apart**2).mean())
        self.deviation = np.sqrt(variance * self.count / (self.count - 1))
        self.skewness = float((apart**3).mean()) / variance**1.5
        self.memory = float(np.clip((apart[1:] * apart[:-1]).sum() / self.count / variance, 0.0, 0.999))
        self.values = np.sort(np.maximum(values, 0.0))[::-1]

    def limit(self, alpha: float, least: float = 0.0) -> float:
        """What the next value exceeds with this probability, with at least this autocorrelation."""
        memory = max(self.memory, least)
        independent = self.count * (1.0 - memory) / (1.0 + memory)
        share = min(independent * alpha / 10.0, 1.0)
        place = alpha * (self.count + 1.0)
        counted = float(np.interp(place, np.arange(1, self.count + 1), self.values))
        if share >= 1.0:
            return counted
        freedom = max(self.count * (1.0 - memory**2) / (1.0 + memory**2) - 1.0, 1.0)
        z = t.isf(alpha, freedom) * np.sqrt(1.0 + 1.0 / independent)
        bent = min(z, -3.0 / self.skewness) if self.skewness < 0.0 else z
        root = self.mean + self.deviation * (z + (bent**2 - 1.0) * self.skewness / 6.0)
        return float(np.exp(share * np.log(counted) + (1.0 - share) * np.log(max(root, 0.0) ** 3)))


class Plain:
    """The whole detector for complete, healthy rows of a steady machine."""

    def __init__(
        self,
        memory: int = 300,
        neighbours: int = 5,
        smoothing: tuple[float, ...] = (1.0, 0.3, 0.1),
        folds: int = 4,
        false_alarm_rate: float = 0.01,
    ) -> None:
        self.memory, self.neighbours, self.smoothing = memory, neighbours, smoothing
        self.folds, self.rate = folds, false_alarm_rate

    def fit(self, x: Floats) -> Plain:
        """Learn."""
        self.mean, self.scale = x.mean(axis=0), x.std(axis=0)
        z = (x - self.mean) / self.scale
        rows, sensors = z.shape
        edges = [number * rows // self.folds for number in range(self.folds + 1)]
        stretches = [np.arange(start, end) for start, end in itertools.pairwise(edges)]
        residuals, white = np.empty_like(z), np.empty_like(z)
        for stretch in stretches:
            others = remembered(np.delete(z, stretch, axis=0), self.memory, self.neighbours)
            residuals[stretch] = z[stretch] - expected(z[stretch], others)
        for stretch in stretches:
            white[stretch] = whitened(residuals[stretch], *ledoit_wolf(np.delete(residuals, stretch, axis=0)))
        self.known = remembered(z, self.memory, self.neighbours)
        self.offset, self.factor = ledoit_wolf(residuals)
        self.usual = float((white**2).sum(axis=1).mean())
        weights = (*self.smoothing, *(weight for weight in self.smoothing if weight < 1.0))
        start = max([0, *(int(1.0 / weight) for weight in weights if weight < 1.0)])
        parts = statistics(white, self.usual, self.smoothing)
        self.means, self.reaches = [], []
        for number, (part, weight) in enumerate(zip(parts, weights, strict=True)):
            held = HeldOut(part[start:])
            chance = self.rate / len(parts)
            limit = held.limit(chance, 1.0 - weight)
            if number >= len(self.smoothing):
                unknown = 1.0 + (2.0 - weight) / weight / rows
                limit = max(limit, self.usual * chi2.isf(chance, sensors) / sensors * unknown)
            self.means.append(held.mean)
            self.reaches.append(np.cbrt(limit) - held.mean)
        self.held = HeldOut(np.maximum(self._greatest(parts)[start:] + 1.0, 0.0) ** 3)
        self.top = np.cbrt(self.held.limit(self.rate)) - 1.0
        return self

    def _stands(self, parts: list[Floats]) -> Floats:
        return np.column_stack([(np.cbrt(p) - m) / r for p, m, r in zip(parts, self.means, self.reaches, strict=True)])

    def _greatest(self, parts: list[Floats]) -> Floats:
        return self._stands(parts).max(axis=1)

    def estimate(self, x: Floats) -> Floats:
        """What each sensor should read."""
        return self.mean + self.scale * expected((x - self.mean) / self.scale, self.known)

    def parts(self, x: Floats) -> Floats:
        """Each part over its limit."""
        residuals = (x - self.estimate(x)) / self.scale
        white = whitened(residuals, self.offset, self.factor)
        return self._stands(statistics(white, self.usual, self.smoothing)) / self.top

    def score(self, x: Floats) -> Floats:
        """The greatest of them."""
        return self.parts(x).max(axis=1)
