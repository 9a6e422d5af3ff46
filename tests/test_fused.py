"""The fused detector against a NumPy form of it, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats, plant
from scipy.linalg import solve_triangular
from scipy.stats import t as student
from sklearn.covariance import ledoit_wolf

# ---- NumPy form -----------------------------------------------------------------------------------------------------


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

    def __post_init__(self) -> None:
        v = _lagged(self.z, self.lags)[self.rows]
        self.centre = v.mean(axis=0)
        w, p = np.linalg.eigh(np.cov(v.T))
        w, p = w[::-1], p[:, ::-1]
        kept = int(np.searchsorted(np.cumsum(w) / w.sum(), self.share)) + 1
        self.p = p[:, : min(kept, len(w) - 1)]

    def residual(self, z: Floats) -> Floats:
        y = _lagged(z, self.lags) - self.centre
        residual: Floats = y - (y @ self.p) @ self.p.T
        return residual


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
    ) -> None:
        self.share, self.lags, self.folds, self.rate, self.trim = share, lags, folds, rate, trim
        self.parts = [("power", m) for m in memories] + [("shift", m) for m in memories if m < 1.0]

    def _scale(self, x: Floats, good: Any) -> Floats:
        self.mean, self.sd = x[good].mean(axis=0), x[good].std(axis=0, ddof=1)
        scaled: Floats = (x - self.mean) / self.sd
        return scaled

    def _outside(self, z: Floats, good: Any, edges: list[int]) -> Floats:
        r = np.empty((len(z), z.shape[1] * (self.lags + 1)))
        for a, b in pairwise(edges):
            keep = np.r_[0:a, min(len(z), b + self.lags) : len(z)]
            r[a:b] = Subspace(z, keep[good[keep]], self.lags, self.share).residual(z)[a:b]
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
        self.model = Subspace(z, np.flatnonzero(good), self.lags, self.share)
        rows = np.flatnonzero(good)
        fold = np.searchsorted(edges, rows, "right") - 1
        r = r[rows, :d]
        n = len(r)
        self.covariance = ledoit_wolf(r)[0]
        outside = [ledoit_wolf(r[fold != f])[0] for f in range(self.folds)]

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

    def follow(self, x: Floats) -> tuple[Floats, Floats]:
        """Give the parts (n, parts) over their limits, and the contributions (n, d)."""
        r = self.model.residual((x - self.mean) / self.sd)[:, : x.shape[1]]
        weigh = np.linalg.inv(self.covariance)

        def lengths(e: Floats) -> Floats:
            lower = np.linalg.cholesky(self.covariance)
            squares: Floats = (solve_triangular(lower, e.T, lower=True) ** 2).sum(axis=0)
            return squares

        capped = r * np.sqrt(np.minimum(1.0, 5.0 * self.w0 / np.maximum(lengths(r), 1e-300)))[:, None]
        statistics, own = [], []
        for kind, memory in self.parts:
            if kind == "shift":
                e = _ewma(capped, memory, 0.0)
                statistics.append((2.0 - memory) / memory * lengths(e))
                own.append((2.0 - memory) / memory * e * (e @ weigh))
            elif memory == 1.0:
                statistics.append(lengths(r))
                own.append(r * (r @ weigh))
            else:
                statistics.append(_ewma(lengths(capped), memory, self.w0))
                own.append(_ewma(capped * (capped @ weigh), memory, 0.0))
        s = np.array(statistics)
        z = (np.cbrt(s) - np.array(self.a)[:, None]) / np.array(self.b)[:, None] / np.array(self.limits)[:, None]
        above = np.maximum(z, 0.0)
        above /= np.maximum(above.sum(axis=0), 1e-300)
        shares = np.einsum("pn,pnd->nd", above / s, np.maximum(np.array(own), 0.0))
        return z.T, shares


def _close(found: Any, exact: Any, tolerance: float = 1e-8) -> None:
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)


def _agree(x: Floats, fresh: Floats, **given: Any) -> acm_rs.FusedDetector:
    names = {"share": "n_components", "rate": "false_alarm_rate"}
    detector = acm_rs.FusedDetector(**{names.get(name, name): value for name, value in given.items()}).fit(x)
    reference = Reference(**given).fit(x)
    assert detector.n_components_ == reference.model.p.shape[1]
    assert detector.trimmed_ == reference.trimmed
    _close(detector.mean_power_, reference.w0)
    _close(detector.part_mean_, reference.a)
    _close(detector.part_sd_, reference.b)
    _close(detector.limits_, reference.limits, 1e-10)
    parts, shares = reference.follow(fresh)
    _close(detector.parts(fresh), parts)
    _close(detector.score(fresh), parts.max(axis=1))
    _close(detector.contributions(fresh), shares)
    return detector


def _faulty(rows: int, columns: int) -> Floats:
    x = plant(rows, columns, seed=1)
    x[rows // 2 :, 1] += 1.0
    x[rows // 3, 0] += 80.0
    return x


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"share": 0.6, "lags": 1, "memories": (0.5, 0.1), "folds": 4, "rate": 0.05},
        {"lags": 0, "memories": (1.0,), "folds": 2, "trim": 0.0},
        {"memories": (0.03, 1.0, 0.001), "folds": 7},
    ],
)
def test_it_is_its_numpy_form(given: dict[str, Any]) -> None:
    _agree(plant(503, 6), _faulty(300, 6), **given)


def test_upsets_of_the_training_data_are_left_out_alike() -> None:
    x = plant(500, 5)
    clean = acm_rs.FusedDetector().fit(x)
    spoiled = x.copy()
    spoiled[[40, 41, 250, 499]] += 30.0 * x.std(axis=0) * np.random.default_rng(6).normal(size=(4, 5))
    detector = _agree(spoiled, _faulty(200, 5))
    assert detector.trimmed_ >= 4
    np.testing.assert_allclose(detector.scale_, clean.scale_, rtol=0.1)


def test_more_sensors_than_rows_and_copies_of_sensors() -> None:
    wide = np.random.default_rng(3).normal(size=(100, 120))
    detector = acm_rs.FusedDetector().fit(wide)
    assert np.isfinite(detector.score(wide)).all()
    x = plant(400, 4)
    twice = np.hstack([x, x])
    detector = acm_rs.FusedDetector().fit(twice)
    assert (detector.score(twice) > 1.0).mean() < 0.05
    twice[200:, 6] += 0.5
    assert (detector.score(twice)[210:] > 1.0).all()


def test_offsets_lose_nothing() -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=(400, 2)) @ random.normal(size=(2, 5)) + 0.3 * random.normal(size=(400, 5))
    x = np.round(x * 2.0**10) / 2.0**10
    plain, far = acm_rs.FusedDetector().fit(x), acm_rs.FusedDetector().fit(x + 2.0**30)
    _close(far.score(x + 2.0**30), plain.score(x), 1e-9)


# ---- what it is for -------------------------------------------------------------------------------------------------


def test_false_alarms_stay_near_the_rate_asked_for() -> None:
    shares = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        x = random.normal(size=(4000, 2)) @ random.normal(size=(2, 8)) + 0.2 * random.normal(size=(4000, 8))
        shares.append(float((acm_rs.FusedDetector().fit(x[:1000]).score(x[1000:]) > 1.0).mean()))
    assert np.mean(shares) < 0.015
    assert max(shares) < 0.04


def test_a_small_lasting_shift_is_found_by_memory_and_forgotten_after() -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=(3000, 2)) @ random.normal(size=(2, 8)) + 0.2 * random.normal(size=(3000, 8))
    detector = acm_rs.FusedDetector().fit(x[:1500])
    fresh = x[1500:].copy()
    fresh[500:1000, 4] += 0.25
    parts = dict(zip(detector.part_names_, detector.parts(fresh).T > 1.0, strict=True))
    assert parts["power 1"][550:1000].mean() < 0.5
    assert parts["shift 0.03"][550:1000].all()
    shares = detector.contributions(fresh)[550:1000]
    assert shares.mean(axis=0).argmax() == 4
    assert (shares.argmax(axis=1) == 4).mean() > 0.7
    assert (detector.score(fresh)[1100:] > 1.0).mean() < 0.02


def test_a_great_spike_is_forgotten_in_bounded_time() -> None:
    x = plant(1000, 5)
    detector = acm_rs.FusedDetector().fit(x)
    for size in (100.0, 1e6):
        fresh = plant(400, 5, seed=1)
        fresh[100] += size * np.array([1.0, -1.0, 1.0, -1.0, 1.0])
        alarm = np.flatnonzero(detector.score(fresh) > 1.0)
        assert alarm[0] == 100 or 100 in alarm
        assert alarm[alarm >= 100].max() < 140


def test_what_cannot_be_watched_is_left_out_with_a_warning() -> None:
    x = plant(400, 5)
    wide = np.column_stack([np.full(400, 7.0), x, np.where(np.arange(400) < 150, 1.0, np.nan)])
    with pytest.warns(UserWarning, match=r"columns \[0, 6\] of `x` are constant or lack half of their values"):
        detector = acm_rs.FusedDetector().fit(wide)
    assert detector.used_.tolist() == [False, True, True, True, True, True, False]
    assert np.isnan(detector.scale_[[0, 6]]).all()
    wide[:, 0], wide[:, 6] = 1e9, np.nan
    assert np.array_equal(detector.score(wide), acm_rs.FusedDetector().fit(x).score(x))
    assert not detector.contributions(wide)[:, [0, 6]].any()


def test_missing_values_count_as_the_training_median() -> None:
    x = plant(400, 5)
    detector = acm_rs.FusedDetector().fit(x)
    gaps, filled = plant(100, 5, seed=1), plant(100, 5, seed=1)
    gaps[20:30, 2], gaps[50, 0] = np.nan, -np.inf
    filled[20:30, 2], filled[50, 0] = np.median(x[:, 2]), np.median(x[:, 0])
    assert np.array_equal(detector.score(gaps), detector.score(filled))


def test_wrong_parameters_are_named() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"n_components": 0}, "`n_components`"),
        ({"n_components": 1.5}, "`n_components`"),
        ({"lags": -1}, "`lags` must be a whole number, at least 0, got -1"),
        ({"memories": ()}, "`memories` must be 1 to 16 numbers, got 0"),
        ({"memories": (0.2, 1.5)}, "`memories` must be above 0 and at most 1 each, got 1.5"),
        ({"folds": 1}, "`folds`"),
        ({"false_alarm_rate": 0.5}, "`false_alarm_rate` must be above 0 and below 0.5, got 0.5"),
        ({"trim": -1.0}, "`trim` must be finite and at least 0, got -1"),
    ]
    for given, message in wrong:
        with pytest.raises(ValueError, match=message):
            acm_rs.FusedDetector(**given)
    with pytest.raises(TypeError, match="`memories` must be a number or a sequence"):
        acm_rs.FusedDetector(memories="slow")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`x` must have at least 80 rows, got 79"):
        acm_rs.FusedDetector().fit(plant(79, 3))
