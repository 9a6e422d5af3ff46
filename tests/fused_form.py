"""The fused detector in NumPy, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
from histories import Floats, plant
from scipy.linalg import solve_triangular
from scipy.optimize import brentq
from scipy.stats import skew
from scipy.stats import t as student
from sklearn.covariance import ledoit_wolf


def _lagged(z: Floats, lags: int) -> Floats:
    padded = np.vstack([np.repeat(z[:1], lags, axis=0), z])
    return np.hstack([padded[lags - lag : lags - lag + len(z)] for lag in range(lags + 1)])


def _ewma(x: Floats, memory: float, start: Any) -> Floats:
    out, level = np.empty_like(x), np.broadcast_to(start, x.shape[1:])
    for row, value in enumerate(x):
        level = (1.0 - memory) * level + memory * value
        out[row] = level
    return out


@dataclass
class Subspace:
    """Principal components of lagged rows."""

    z: Floats
    rows: Any
    lags: int
    share: float
    noise: Floats

    def __post_init__(self) -> None:
        v = _lagged(self.z, self.lags)[self.rows]
        self.centre = v.mean(axis=0)
        if not self.share:
            self.p = np.zeros((v.shape[1], 0))
            return
        w, p = np.linalg.eigh(np.cov(v.T) + np.diag(np.tile(self.noise, self.lags + 1)))
        w, p = w[::-1], p[:, ::-1]
        share = self.share
        kept = int(share) if share >= 1.0 else int(np.searchsorted(np.cumsum(w) / w.sum(), share)) + 1
        self.p = p[:, : min(kept, len(w) - 1)]

    def residual(self, z: Floats) -> Floats:
        y = _lagged(z, self.lags) - self.centre
        residual: Floats = y - (y @ self.p) @ self.p.T
        return residual


def _later(memory: float, fold: Any) -> Floats:
    """How much larger the square of a mean of later rows is than of training rows, which know the others' mean."""
    n = len(fold)
    past = np.subtract.outer(np.arange(n), np.arange(n))
    weights = np.where(past >= 0, memory * (1.0 - memory) ** np.maximum(past, 0), 0.0)
    others = (fold[:, None] != fold[None, :]).astype(float)
    others /= others.sum(axis=1, keepdims=True)
    variance = ((weights - weights @ others) ** 2).sum(axis=1)
    factor: Floats = (memory / (2.0 - memory) + 1.0 / n) / variance
    return factor


class Reference:
    """The detector as its documentation says, row by row or by plain matrix algebra."""

    def __init__(
        self,
        share: float = 0.9,
        lags: int = 2,
        memories: tuple[float, ...] = (1.0, 0.2, 0.03),
        folds: int = 10,
        rate: float = 0.01,
        trim: float = 5.0,
        noise: float = 0.0,
    ) -> None:
        self.variance = noise
        self.share, self.lags, self.folds, self.rate, self.trim = share, lags, folds, rate, trim
        self.parts = [("power", m) for m in memories] + [("shift", m) for m in memories if m < 1.0]

    def _scale(self, x: Floats, good: Any) -> Floats:
        self.mean, self.sd = x[good].mean(axis=0), x[good].std(axis=0, ddof=1)
        self.noise = self.variance / self.sd**2
        scaled: Floats = (x - self.mean) / self.sd
        return scaled

    def _outside(self, z: Floats, good: Any, edges: list[int]) -> Floats:
        r = np.empty((len(z), z.shape[1] * (self.lags + 1)))
        for a, b in pairwise(edges):
            keep = np.r_[0:a, min(len(z), b + self.lags) : len(z)]
            r[a:b] = Subspace(z, keep[good[keep]], self.lags, self.share, self.noise).residual(z)[a:b]
        return r

    def fit(self, x: Floats) -> Reference:
        n, d = x.shape
        edges = [number * n // self.folds for number in range(self.folds + 1)]
        good = np.ones(n, dtype=bool)
        z = self._scale(x, good)
        r = self._outside(z, good, edges)
        self.trimmed = 0
        if self.trim:
            u = np.cbrt((r * r).sum(axis=1))
            far = (u - np.median(u)) / (1.4826 * np.median(abs(u - np.median(u))))
            bad = np.flatnonzero(far > self.trim)
            bad = bad[np.argsort(-far[bad])][: n // 20]
            self.trimmed = len(bad)
            if len(bad):
                good[bad] = False
                z = self._scale(x, good)
                r = self._outside(z, good, edges)
        self.model = Subspace(z, np.flatnonzero(good), self.lags, self.share, self.noise)
        rows = np.flatnonzero(good)
        fold = np.searchsorted(edges, rows, "right") - 1
        r = r[rows, :d]
        n = len(r)
        shorten = (np.eye(len(self.model.p)) - self.model.p @ self.model.p.T)[:d]
        beside = (shorten * np.tile(self.noise, self.lags + 1)) @ shorten.T
        self.covariance = ledoit_wolf(r)[0] + beside
        outside = [ledoit_wolf(r[fold != f])[0] + beside for f in range(self.folds)]

        def crossed(e: Floats) -> Floats:
            v = np.empty(n)
            for f in range(self.folds):
                own = e[fold == f]
                v[fold == f] = (own * np.linalg.solve(outside[f], own.T).T).sum(axis=1)
            return v

        w = crossed(r)
        self.w0 = w.mean()
        self.a, self.b, self.limits = [], [], []
        for kind, memory in self.parts:
            if kind == "power":
                v = w if memory == 1.0 else _ewma(w, memory, self.w0)
            else:
                v = (2.0 - memory) / memory * crossed(_ewma(r, memory, 0.0))
            u = np.cbrt(v)[0 if memory == 1.0 else min(int(1.0 / memory), n // 4) :]
            self.a.append(u.mean())
            self.b.append(u.std())
            phi = 1.0 - memory
            means = max(n * (1.0 - phi) / (1.0 + phi), 2.0)
            freedom = max(n * (1.0 - phi**2) / (1.0 + phi**2) - 1.0, 2.0)
            self.limits.append(student.isf(self.rate / len(self.parts), freedom) * np.sqrt(1.0 + 1.0 / means))
        return self

    def _release(self, level: dict[float, Any], fast: float, lengths: Any, weigh: Floats) -> None:
        """Bound the slower means by what the fastest sees of them."""
        most = max(level[fast][0], 0.8 * self.w0)
        noise = np.sqrt(self.w0 / len(weigh) * fast / (2.0 - fast))
        for memory in level:
            if memory < fast:
                p, e, o = level[memory]
                length = np.sqrt(lengths(e[None])[0])
                along = e @ weigh @ level[fast][1] / max(length, 1e-300)
                left = 1.0 - 0.1 * max(0.0, 1.0 - most / p)
                longest = max(along + 2.0 * noise, np.sqrt(self.w0 * memory / (2.0 - memory)))
                level[memory] = p * left, e * min(1.0, longest / max(length, 1e-300)), o * left

    def follow(self, x: Floats) -> tuple[Floats, Floats]:
        """Give the parts (n, parts) over their limits, and the contributions (n, d)."""
        r = self.model.residual((x - self.mean) / self.sd)[:, : x.shape[1]]
        weigh = np.linalg.inv(self.covariance)

        def lengths(e: Floats) -> Floats:
            lower = np.linalg.cholesky(self.covariance)
            squares: Floats = (solve_triangular(lower, e.T, lower=True) ** 2).sum(axis=0)
            return squares

        size = lengths(r)
        capped = r * np.sqrt(np.minimum(1.0, 5.0 * self.w0 / np.maximum(size, 1e-300)))[:, None]
        slow = [memory for kind, memory in self.parts if kind == "shift"]
        power, mean, own_power = {}, {}, {}
        for memory in slow:
            power[memory] = np.empty(len(r))
            mean[memory], own_power[memory] = np.empty_like(r), np.empty_like(r)
        level = {memory: (self.w0, np.zeros(r.shape[1]), np.zeros(r.shape[1])) for memory in slow}
        shares = capped * (capped @ weigh)
        for row, own_row in enumerate(capped):
            for memory in slow:
                p, e, o = level[memory]
                p += memory * (lengths(own_row[None])[0] - p)
                level[memory] = p, e + memory * (own_row - e), o + memory * (shares[row] - o)
            if slow:
                self._release(level, max(slow), lengths, weigh)
            for memory in slow:
                power[memory][row], mean[memory][row], own_power[memory][row] = level[memory]
        statistics, own = [], []
        for kind, memory in self.parts:
            if kind == "shift":
                e = mean[memory]
                statistics.append((2.0 - memory) / memory * lengths(e))
                own.append((2.0 - memory) / memory * e * (e @ weigh))
            elif memory == 1.0:
                statistics.append(size)
                own.append(r * (r @ weigh))
            else:
                statistics.append(power[memory])
                own.append(own_power[memory])
        s = np.array(statistics)
        z = (np.cbrt(s) - np.array(self.a)[:, None]) / np.array(self.b)[:, None] / np.array(self.limits)[:, None]
        above = np.maximum(z, 0.0)
        above /= np.maximum(above.sum(axis=0), 1e-300)
        shares = np.einsum("pn,pnd->nd", above / s, np.maximum(np.array(own), 0.0))
        return z.T, shares


def freedom(mean: float, spread: float) -> tuple[float, float]:
    """Mean and degrees of freedom of the squared length whose cube root is normal with these moments."""
    # Wilson and Hilferty: mean c (1 - q), deviation c sqrt(q), with q = 2 / (9 freedom).
    q = brentq(lambda q: np.sqrt(q) * mean - (1.0 - q) * spread, 0.0, 0.999, xtol=1e-15)
    return float((mean / (1.0 - q)) ** 3), 2.0 / (9.0 * q)


class Standing:
    """A whitened mean: noise in each of d directions, and beside it what lasts, in fewer of them."""

    def __init__(self, mean: float, spread: float, usual: float, d: int) -> None:
        self.d, self.root = d, (mean, spread)
        self.mean, self.nu = freedom(mean, spread)
        self.noise = min(usual, self.mean) / d
        self.lasting = self.mean - d * self.noise
        squares = self.mean**2 / self.nu
        rest = squares - d * self.noise**2 - 2.0 * self.noise * self.lasting
        self.directions = min(max(self.lasting**2 / rest, 1.0), d) if rest > 0.0 else float(d)
        self.same = squares / self.squares(float(d), float(d))

    def squares(self, present: float, squared: float) -> float:
        kept = min(present / self.directions, 1.0)
        lasting = self.lasting * kept
        together = 2.0 * self.noise * lasting * squared / present
        return self.noise**2 * squared + together + self.lasting**2 / self.directions * kept

    def shift(self, own: float, shares: Floats) -> float:
        present = shares.sum()
        if present >= self.d:
            return own
        mean = self.noise * present + self.lasting * min(present / self.directions, 1.0)
        nu = mean**2 / (self.same * self.squares(present, (shares**2).sum()))
        here, whole = 2.0 / (9.0 * nu), 2.0 / (9.0 * self.nu)
        normal = (np.cbrt(own / mean) - 1.0 + here) / np.sqrt(here)
        return float(self.mean * max(1.0 - whole + normal * np.sqrt(whole), 0.0) ** 3)

    def power(self, own: float, shares: Floats, mean: float, spread: float, memory: float) -> float:
        present, root = shares.sum(), np.cbrt(own)
        if present >= self.d or root <= mean:
            return own
        all_of_it = 2.0 / freedom(mean, spread)[1]
        lasting = max(all_of_it - 2.0 / self.d * memory / (2.0 - memory), 0.0)
        wider = all_of_it + lasting * (min(self.d / present, self.d / self.directions) - 1.0)
        return float((mean + (root - mean) * np.sqrt(all_of_it / wider)) ** 3)


def close(found: Any, exact: Any, tolerance: float = 1e-8) -> None:
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)


def agree(x: Floats, fresh: Floats, **given: Any) -> acm_rs.FusedDetector:
    names = {"share": "n_components", "rate": "false_alarm_rate"}
    named: dict[str, Any] = {names.get(name, name): value for name, value in given.items()}
    detector = acm_rs.FusedDetector(whole=False, **named).fit(x)
    reference = Reference(**given).fit(x)
    assert detector.n_components_ == reference.model.p.shape[1]
    assert detector.trimmed_ == reference.trimmed
    close(detector.mean_power_, reference.w0)
    close(detector.part_mean_, reference.a)
    close(detector.part_sd_, reference.b)
    close(detector.limits_, reference.limits, 1e-10)
    parts, shares = reference.follow(fresh)
    close(detector.parts(fresh), parts)
    close(detector.score(fresh), parts.max(axis=1))
    close(detector.contributions(fresh), shares)
    return detector


def _outside(of: Reference, z: Floats, edges: list[int], judges: list[int]) -> Floats:
    """Residuals of each stretch by a model of those that another judge has."""
    n, d = z.shape
    r = np.empty((n, d))
    for judge in set(judges):
        theirs = [pair for pair, own in zip(pairwise(edges), judges, strict=True) if own == judge]
        keep = np.ones(n, dtype=bool)
        for a, b in theirs:
            keep[a : min(n, b + of.lags)] = False
        subspace = Subspace(z, np.flatnonzero(keep), of.lags, of.share, of.noise)
        for a, b in theirs:
            r[a:b] = subspace.residual(z)[a:b, :d]
    return r


def _persistence(values: Floats) -> float:
    """Sum of the autocorrelations above 0.05 to both sides, as that of values about the mean of all there may be."""
    n, u = len(values), values - values.mean()
    r = []
    for lag in range(1, n // 2):
        r.append((u[:-lag] * u[lag:]).sum() / (u * u).sum())
        if r[-1] <= 0.05:
            r.pop()
            break
    return float(min((1.0 + 2.0 * sum(r)) / max(1.0 - 2.0 * (len(r) - sum(r)) / n, 0.5), n / 2.0))


def _exceeded(values: Floats, rate: float, memory: float) -> float:
    n = len(values)
    k = max(n / memory, 2.0)
    skewness = skew(values)
    z = student.isf(rate, max(k - 1.0, 1.0)) * np.sqrt(1.0 + 1.0 / k)
    bent = min(z, -3.0 / skewness) if skewness < 0.0 else z
    fitted = values.mean() + values.std(ddof=1) * (z + (bent * bent - 1.0) * skewness / 6.0)
    place = max(rate * (n + 1.0), 1.0)
    counted = np.interp(place, np.arange(1, n + 1), np.sort(values)[::-1])
    share = min(1.0, k * rate / 10.0)
    return float(share * counted + (1.0 - share) * fitted)


class Group:
    """Parts of the residuals, or of the readings, with a limit of the greatest of them."""

    def __init__(self, of: Reference, x: Floats, readings: bool) -> None:
        n, d = x.shape
        self.of, self.edges = of, [number * n // of.folds for number in range(of.folds + 1)]
        of.noise = np.zeros(d)
        self.z = of._scale(x, np.ones(n, dtype=bool))
        of.model = Subspace(self.z, np.arange(n), of.lags, of.share, of.noise)
        r, roots, powers = self.held(list(range(of.folds)), corrected=True)
        usual = powers.mean()
        of.covariance = ledoit_wolf(r)[0]
        known = (r * np.linalg.solve(of.covariance, r.T).T).sum(axis=1).mean()
        alike = 1.0 - 1.0 / _persistence(powers) if readings else 0.0
        farther = np.cbrt(1.0 + 2.5 * alike * np.clip(usual / known - 1.0, 0.0, 0.25)) - 1.0
        of.a, of.b, self.alone, self.later = [], [], [], []
        for (kind, m), u in zip(of.parts, roots.T, strict=True):
            u = u[0 if m == 1.0 else min(int(1.0 / m), n // 4) :]
            phi, own, slower = 1.0 - m, 0.0, 1.0
            if readings:
                forgets, usual_ = 2.0 * _persistence(u), (2.0 - m) / m
                slower = max(forgets / usual_, 1.0)
                own = min(max(forgets - usual_, 0.0) / n, 0.5) if kind == "shift" else 0.0
            means = max(n * (1.0 - phi) / (1.0 + phi) / slower, 2.0)
            freedom = max(n * (1.0 - phi**2) / (1.0 + phi**2) / slower - 1.0, 1.5 if readings else 2.0)
            of.a.append(u.mean())
            of.b.append(u.std())
            self.alone.append(student.isf(of.rate / len(of.parts), freedom) * np.sqrt(1.0 + 1.0 / means))
            self.later.append(u.mean() * (farther + np.cbrt((1.0 + own) / (1.0 - own)) - 1.0) / u.std())
        greatest = self.greatest(roots)
        self.memory = _persistence(greatest)
        factor = max(_exceeded(greatest, of.rate, self.memory), 0.9 + 0.1 * alike)
        self.factor = factor if readings else 1.0 + min(d * (of.lags + 1) / n, 1.0) * (min(factor, 1.0) - 1.0)
        if not readings:
            of.share = float(of.model.p.shape[1])
        if readings or n >= 10 * d * (of.lags + 1):
            following = self.greatest(self.held([int(f >= of.folds // 2) for f in range(of.folds)])[1])
            everywhere = self.greatest(self.held([f % 2 for f in range(of.folds)])[1])
            limits = [_exceeded(values, of.rate, self.memory) for values in (following, everywhere)]
            self.factor += max(limits[0] - limits[1], 0.0)
        of.w0 = float(usual)
        of.limits = [own * self.factor + more for own, more in zip(self.alone, self.later, strict=True)]

    def greatest(self, roots: Floats) -> Floats:
        """The greatest part of each row over its own limit, from where the slowest memory is filled."""
        n = len(roots)
        first = max(0 if m == 1.0 else min(int(1.0 / m), n // 4) for _, m in self.of.parts)
        score: Floats = ((roots - self.of.a) / self.of.b / self.alone).max(axis=1)[first:]
        return score

    def held(self, judges: list[int], corrected: bool = False) -> tuple[Floats, Floats, Floats]:
        """Residuals, cube roots of the parts, and powers, by models of others' stretches."""
        r, white = _outside(self.of, self.z, self.edges, judges), np.empty_like(self.z)
        fold = np.repeat(np.arange(self.of.folds), np.diff(self.edges))
        judge = np.array(judges)[fold]
        for own in set(judges):
            lower = np.linalg.cholesky(ledoit_wolf(r[judge != own])[0])
            white[judge == own] = solve_triangular(lower, r[judge == own].T, lower=True).T
        w = (white * white).sum(axis=1)
        self.of.w0 = w0 = w.mean()
        slow = list(dict.fromkeys(m for _, m in self.of.parts if m < 1.0))
        nothing = np.zeros(white.shape[1])
        level: dict[float, Any] = dict.fromkeys(slow, (w0, nothing, nothing))
        roots = np.empty((len(w), len(self.of.parts)))
        for row, (own_row, size) in enumerate(zip(white, w, strict=True)):
            share = min(1.0, 5.0 * w0 / size)
            for m in slow:
                p, e, o = level[m]
                level[m] = p + m * (share * size - p), e + m * (np.sqrt(share) * own_row - e), o
            self.of._release(level, max(slow), lambda e: (e * e).sum(axis=1), np.eye(len(nothing)))
            for number, (kind, m) in enumerate(self.of.parts):
                shift = (2.0 - m) / m * (level[m][1] ** 2).sum() if kind == "shift" else 0.0
                roots[row, number] = np.cbrt(shift if kind == "shift" else size if m == 1.0 else level[m][0])
        for number, (kind, m) in enumerate(self.of.parts):
            if corrected and kind == "shift":
                roots[:, number] *= np.cbrt(_later(m, fold))
        return r, roots, w


def second(x: Floats) -> tuple[Reference, Reference]:
    """The second edition: of the residuals, and of the readings with no lags, no components and no fast powers."""
    residuals = Reference()
    readings = Reference(share=0.0, lags=0, memories=(0.2, 0.03), rate=0.005, trim=0.0)
    readings.parts = readings.parts[1:]
    Group(residuals, x, readings=False)
    Group(readings, x, readings=True)
    return residuals, readings


def faulty(rows: int, columns: int) -> Floats:
    x = plant(rows, columns, seed=1)
    x[rows // 2 :, 1] += 1.0
    x[rows // 3, 0] += 80.0
    return x
