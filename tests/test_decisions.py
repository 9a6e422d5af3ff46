"""Decisions against plain loops: control charts, episodes, thresholds, and their streaming forms."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
from damaged_files import as_first_format

Floats = npt.NDArray[np.float64]
Charts = tuple[Floats, Floats, npt.NDArray[np.bool_]]


def scores(rows: int, columns: int = 3, seed: int = 0) -> Floats:
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, columns))
    x[rows // 2 :] += 1.0
    x[random.random(x.shape) < 0.05] = np.nan
    x[random.random(x.shape) < 0.01] = -np.inf
    return x


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(one, other, strict=True))


# ---- plain loops ----------------------------------------------------------------------------------------------------


def _cusum(x: Floats, threshold: float, drift: float, target: float, scale: float, reset: bool) -> Charts:
    high, low, alarm = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x), bool)
    up = down = Fraction(0)
    for t, value in enumerate(x):
        if np.isinf(value):
            high[t], low[t] = (np.finfo(float).max, down) if value > 0 else (up, np.finfo(float).max)
            alarm[t] = True
            if reset:
                up = down = Fraction(0)
            continue
        if np.isfinite(value):
            z = (Fraction(value) - Fraction(target)) / Fraction(scale)
            up, down = max(Fraction(0), up + z - Fraction(drift)), max(Fraction(0), down - z - Fraction(drift))
            alarm[t] = max(up, down) > threshold
        high[t], low[t] = float(up), float(down)
        if alarm[t] and reset:
            up = down = Fraction(0)
    return high, low, alarm


def _ewma(x: Floats, lam: float, width: float, target: float, sigma: float) -> Charts:
    ewma, limit, alarm = np.full(len(x), target), np.zeros(len(x)), np.zeros(len(x), bool)
    level, known = target, 0
    for t, value in enumerate(x):
        if np.isfinite(value):
            known += 1
            level = (1 - lam) * level + lam * value
        limit[t] = width * sigma * np.sqrt(lam / (2 - lam) * (1 - (1 - lam) ** (2 * known)))
        ewma[t] = np.clip(value, -np.finfo(float).max, np.finfo(float).max) if np.isinf(value) else level
        alarm[t] = not np.isnan(value) and abs(ewma[t] - target) > limit[t]
    return ewma, limit, alarm


def _page_hinkley(x: Floats, threshold: float, delta: float, min_rows: int, reset: bool) -> Charts:
    high, low, alarm = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x), bool)
    known: list[float] = []
    up = least = down = most = 0.0
    for t, value in enumerate(x):
        if np.isinf(value):
            high[t], low[t] = up - least, most - down
            (high if value > 0 else low)[t] = np.finfo(float).max
            alarm[t] = len(known) >= min_rows
            if alarm[t] and reset:
                known, up, least, down, most = [], 0.0, 0.0, 0.0, 0.0
            continue
        if np.isfinite(value):
            known.append(value)
            mean = float(np.mean(known))
            up, down = up + value - mean - delta, down + value - mean + delta
            least, most = min(least, up), max(most, down)
            alarm[t] = len(known) >= min_rows and max(up - least, most - down) > threshold
        high[t], low[t] = up - least, most - down
        if alarm[t] and reset:
            known, up, least, down, most = [], 0.0, 0.0, 0.0, 0.0
    return high, low, alarm


@pytest.mark.parametrize("reset", [False, True])
def test_cusum_is_the_plain_loop(reset: bool) -> None:
    x = scores(400)
    found = acm_rs.cusum(x, 4.0, 0.25, target=[0.0, 0.1, 0.2], scale=[1.0, 2.0, 0.5], reset=reset)
    for column, (target, scale) in enumerate([(0.0, 1.0), (0.1, 2.0), (0.2, 0.5)]):
        high, low, alarm = _cusum(x[:, column], 4.0, 0.25, target, scale, reset)
        np.testing.assert_allclose(found[0][:, column], high, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[1][:, column], low, rtol=0, atol=1e-12)
        np.testing.assert_array_equal(found[2][:, column], alarm)
    assert found[2][200:].any()
    assert found[2][np.isinf(x)].all()
    assert np.isinf(x).any()


@pytest.mark.parametrize("lam", [0.03, 0.3, 1.0])
def test_ewma_chart_is_the_plain_loop(lam: float) -> None:
    x = scores(400)
    found = acm_rs.ewma_chart(x, lam, 2.5, target=0.1, sigma=[1.0, 1.1, 0.9])
    for column, sigma in enumerate([1.0, 1.1, 0.9]):
        ewma, limit, alarm = _ewma(x[:, column], lam, 2.5, 0.1, sigma)
        np.testing.assert_allclose(found[0][:, column], ewma, rtol=0, atol=1e-13)
        np.testing.assert_allclose(found[1][:, column], limit, rtol=1e-13, atol=0)
        np.testing.assert_array_equal(found[2][:, column], alarm)
    assert found[2].any()


@pytest.mark.parametrize("reset", [False, True])
def test_page_hinkley_is_the_plain_loop(reset: bool) -> None:
    x = scores(400)
    found = acm_rs.page_hinkley(x, 15.0, 0.1, min_rows=20, reset=reset)
    for column in range(3):
        high, low, alarm = _page_hinkley(x[:, column], 15.0, 0.1, 20, reset)
        np.testing.assert_allclose(found[0][:, column], high, rtol=0, atol=1e-11)
        np.testing.assert_allclose(found[1][:, column], low, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(found[2][:, column], alarm)
    assert found[2][200:].any()


def test_a_large_offset_costs_no_digits() -> None:
    x = np.round(scores(300, 1)[:, 0] * 1024) / 1024
    near, far = acm_rs.cusum(x, 4.0, 0.25), acm_rs.cusum(1e9 + x, 4.0, 0.25, target=1e9)
    assert same(near, far)
    tiny = 1e9 + 1e-3 * scores(300, 1)[:, 0]
    exact = _cusum(tiny, 4.0, 0.25, 1e9, 1e-3, False)
    np.testing.assert_allclose(acm_rs.cusum(tiny, 4.0, 0.25, target=1e9, scale=1e-3)[0], exact[0], rtol=1e-12, atol=0)


# ---- streaming ------------------------------------------------------------------------------------------------------

CHARTS: dict[str, tuple[Callable[[], Any], Callable[[Floats], Charts]]] = {
    "Cusum": (
        lambda: acm_rs.Cusum(4.0, 0.25, target=(0.0, 0.1, 0.2), reset=True),
        lambda x: acm_rs.cusum(x, 4.0, 0.25, target=(0.0, 0.1, 0.2), reset=True),
    ),
    "EwmaChart": (
        lambda: acm_rs.EwmaChart(0.1, 3.0, target=0.1, sigma=(1.0, 1.1, 0.9)),
        lambda x: acm_rs.ewma_chart(x, 0.1, 3.0, target=0.1, sigma=(1.0, 1.1, 0.9)),
    ),
    "PageHinkley": (
        lambda: acm_rs.PageHinkley(15.0, 0.1, min_rows=20, reset=True),
        lambda x: acm_rs.page_hinkley(x, 15.0, 0.1, min_rows=20, reset=True),
    ),
}


@pytest.fixture(params=CHARTS)
def chart(request: pytest.FixtureRequest) -> tuple[Callable[[], Any], Callable[[Floats], Charts]]:
    return CHARTS[request.param]


@pytest.mark.parametrize("cuts", [[0, 1, 2, 50, 51, 51, 399], list(range(1, 400))])
def test_updates_are_the_batch(chart: Any, cuts: list[int]) -> None:
    make, batch = chart
    x = scores(400)
    live, pieces = make(), []
    for number, piece in enumerate(np.split(x, cuts)):
        pieces.append(live.update(piece))
        if number % 10 == 0:
            live = type(live).from_bytes(live.to_bytes()) if number % 20 else pickle.loads(pickle.dumps(live))
    assert same([np.concatenate(part) for part in zip(*pieces, strict=True)], batch(x))


@pytest.mark.usefixtures("threads")
def test_every_layout_and_number_of_threads_gives_the_same_bytes(chart: Any) -> None:
    _, batch = chart
    x = np.repeat(scores(4000), 1, axis=0)
    wide = np.zeros((8000, 9))
    wide[::2, ::3] = x
    whole = batch(x)
    for form in (np.asfortranarray(x), wide[::2, ::3], x[::-1].copy()[::-1]):
        assert same(batch(form), whole)
    for threads in (1, 2, 5):
        acm_rs.set_num_threads(threads)
        assert same(batch(x), whole)
    narrow = x.astype(np.float32)
    assert same(batch(narrow), batch(narrow.astype(np.float64)))
    assert batch(np.asfortranarray(x))[0].flags.f_contiguous
    assert batch(x[:0])[2].shape == (0, 3)


def test_a_line_comes_back_as_a_line() -> None:
    x = scores(50, 1)
    for line, table in zip(acm_rs.cusum(x[:, 0], 2.0, 0.1), acm_rs.cusum(x, 2.0, 0.1), strict=True):
        assert line.shape == (50,)
        np.testing.assert_array_equal(line, table[:, 0])


def test_states_are_models_of_their_own(chart: Any, tmp_path: Path) -> None:
    make, _ = chart
    live = make()
    assert live == make()
    assert eval(repr(live), vars(acm_rs)) == live
    live.update(scores(30))
    assert live != make()
    live.save(tmp_path / "state")
    assert type(live).load(tmp_path / "state") == live
    data = live.to_bytes()
    for length in range(0, len(data), 7):
        with pytest.raises(ValueError, match=f"not a saved {type(live).__name__}"):
            type(live).from_bytes(data[:length])
    before = live.to_bytes()
    with pytest.raises(ValueError, match=r"`x` must have 3 columns.*got 2"):
        live.update(scores(30, 2))
    assert live.to_bytes() == before
    told = set()
    # In the first format, whose reader sees damage that a checksum would tell of first.
    data = as_first_format(data)
    assert type(live).from_bytes(data) == live
    for place in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[place] ^= 0x42
        try:
            type(live).from_bytes(bytes(flipped)).update(scores(5))
        except ValueError as error:
            told.add(str(error).partition(":")[0])
    assert all("not a saved" in text or "must have" in text for text in told)


# ---- what all decisions hold to --------------------------------------------------------------------------------------


def test_an_alarm_is_above_its_limit() -> None:
    random = np.random.default_rng(0)
    score = np.r_[np.zeros(900), random.exponential(size=100)]
    limit = acm_rs.calibrate(score, 0.12)
    assert limit.threshold == 0.0
    found = acm_rs.episodes(score, on=limit)
    assert found.start.min() >= 900
    # Scores that are their limits, in every decision.
    assert not acm_rs.cusum(np.array([1.0, 1.0]), 2.0, 0.0)[2].any()
    assert not acm_rs.ewma_chart(np.array([3.0]), 1.0, 3.0)[2].any()
    assert not acm_rs.page_hinkley(np.array([0.0, 2.0]), 1.0, 0.0, min_rows=1)[2].any()
    assert len(acm_rs.episodes(np.full(5, 2.0), 2.0).start) == 0
    assert acm_rs.episodes(np.array([2.5, 2.0, 1.0, 1.5]), 2.0, 1.0).end.tolist() == [2]
    tracker = acm_rs.EpisodeTracker(2.0)
    tracker.update(np.array([2.0]))
    assert not tracker.running_


def test_infinite_scores_are_alarms() -> None:
    inf, most = np.inf, np.finfo(float).max
    found = acm_rs.episodes(np.array([0.0, inf, inf, 0.0, 3.0, -inf, 1.5]), 2.0, 1.0)
    assert found.start.tolist() == [1, 4]
    assert found.end.tolist() == [3, 5]
    assert found.peak.tolist() == [inf, 3.0]
    assert found.area.tolist() == [most, 2.0]
    tracker = acm_rs.EpisodeTracker(2.0)
    tracker.update(np.array([inf]))
    assert pickle.loads(pickle.dumps(tracker)).open_ == tracker.open_
    random = np.random.default_rng(3)
    scores = random.chisquare(3, (400, 2))
    for scale in ("robust", "tail", "cube_root"):
        for combine in ("max", "mean", "sum", "p95"):
            fusion = acm_rs.ScoreFusion(scale, combine).fit(scores)
            rows = np.array([[inf, 1.0], [most, 1.0], [50.0, 1.0], [1.0, 1.0], [np.nan, 1.0]])
            fused = fusion.score(rows)
            assert np.isfinite(fused).all()
            assert fused[0] >= fused[1] >= fused[2] > fused[3], (scale, combine)
            low = fusion.scaled(np.array([[-inf, 1.0], [-most, 1.0], [np.nan, 1.0]]))[:, 0]
            assert low[0] <= low[1] < low[2]
    # Of 999 scores one may be above at 0.0015: it is the infinite one.
    finite = np.sort(random.exponential(size=998))
    found = acm_rs.calibrate(np.r_[inf, finite], 0.0025)
    assert found.threshold == pytest.approx((finite[-1] + finite[-2]) / 2)
    assert found.high == inf
    assert found == pickle.loads(pickle.dumps(found))
    with pytest.raises(ValueError, match="`score` must have fewer infinite values for this `false_alarm_rate`"):
        acm_rs.calibrate(np.r_[inf, finite], 0.001)
    assert acm_rs.calibrate(np.r_[-inf, finite], 0.01) == acm_rs.calibrate(np.r_[-most, finite], 0.01)


# ---- thresholds -----------------------------------------------------------------------------------------------------


def _dependent(rows: int, phi: float, random: np.random.Generator) -> Floats:
    x = random.standard_normal(rows + 200) * np.sqrt(1 - phi**2)
    for t in range(1, len(x)):
        x[t] += phi * x[t - 1]
    return x[200:]


def test_a_threshold_is_an_order_statistic() -> None:
    score = np.random.default_rng(5).standard_normal(500)
    wanted = np.quantile(score, 0.97, method="weibull")
    found = acm_rs.calibrate(score, 0.03)
    np.testing.assert_allclose(found.threshold, wanted, rtol=1e-13)
    assert not found.extrapolated
    assert found.known == 500
    gaps = np.insert(score, [3, 100, 100], np.nan)
    assert acm_rs.calibrate(gaps, 0.03) == found
    assert acm_rs.calibrate(score[:, None], 0.03) == found
    assert acm_rs.calibrate(score.astype(np.float32), 0.03).threshold == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("phi", [0.0, 0.8])
def test_the_false_alarm_rate_is_kept_and_the_interval_covers(phi: float) -> None:
    from scipy.stats import norm

    random = np.random.default_rng(11)
    rate, runs = 0.02, 150
    found = [acm_rs.calibrate(_dependent(3000, phi, random), rate, n_boot=300) for _ in range(runs)]
    alarms = np.mean([norm.sf(one.threshold) for one in found])
    assert abs(alarms / rate - 1) < 0.06
    exact = norm.isf(rate)
    covered = np.mean([one.low <= exact <= one.high for one in found])
    # Percentile intervals of dependent scores cover 0.92 or so; three standard errors of 150 runs about that.
    assert 0.855 <= covered <= 0.99


def test_rates_beyond_the_data_are_extrapolated() -> None:
    random = np.random.default_rng(2)
    score = random.standard_exponential(2000)
    found = acm_rs.calibrate(score, 1e-4)
    assert found.extrapolated
    assert found.threshold >= score.max()
    assert found.low < -np.log(1e-4) < found.high
    thresholds = [acm_rs.calibrate(score, rate, n_boot=1).threshold for rate in np.geomspace(1e-7, 0.9, 60)]
    assert np.all(np.diff(thresholds) <= 0)


def test_anomalies_among_the_scores_are_told_and_left_out_where_their_share_is_said() -> None:
    random = np.random.default_rng(6)
    scores = random.chisquare(8, 2000)
    healthy = acm_rs.calibrate(scores, 0.01)
    scores[::50] *= 10.0
    with pytest.warns(UserWarning, match="the largest scores reach far beyond the others: there are anomalies"):
        found = acm_rs.calibrate(scores, 0.01)
    assert found.threshold > 2 * healthy.threshold
    assert (found.heavy, found.trimmed) == (True, 0)
    trimmed = acm_rs.calibrate(scores, 0.01, contamination=0.02)
    assert trimmed.threshold == pytest.approx(np.quantile(np.sort(scores)[:1960], 0.99, method="weibull"), rel=1e-12)
    assert abs(trimmed.threshold / healthy.threshold - 1) < 0.25
    assert trimmed.trimmed == 40
    apart = np.r_[random.chisquare(8, 1000), np.linspace(200, 300, 30)]
    with pytest.warns(UserWarning, match=r"the 30 largest of 1030 scores lie above a clear gap.*`contamination=0`"):
        found = acm_rs.calibrate(apart, 0.01)
    assert found.threshold == pytest.approx(np.quantile(apart[:1000], 0.99, method="weibull"), rel=1e-12)
    assert acm_rs.calibrate(apart, 0.01, contamination=0).threshold > 200
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(ValueError, match=r"`contamination` must be at least 0 and below 0.5, got 0.5"):
        acm_rs.calibrate(apart, 0.01, contamination=0.5)


@pytest.mark.parametrize("rate", [1e-4, 1e-3, 2e-3])
def test_an_interval_covers_in_heavy_tails_or_says_that_it_cannot(rate: float) -> None:
    from scipy.stats import t

    random = np.random.default_rng(8)
    exact = t.isf(rate / 2, 3) ** 2
    covered = bounded = silent = 0
    for _ in range(40):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = acm_rs.calibrate(random.standard_t(3, 1000) ** 2, rate, n_boot=200)
        endless = found.high == np.inf and (found.extrapolated or found.heavy)
        assert any("no number bounds" in str(one.message) for one in told) == endless
        bounded += found.high < np.inf
        covered += found.low <= exact <= found.high
        silent += not told and not found.low <= exact <= found.high
    assert covered >= 37
    assert silent <= 3
    assert bounded <= 10


@pytest.mark.usefixtures("threads")
def test_thresholds_do_not_depend_on_threads() -> None:
    score = _dependent(5000, 0.9, np.random.default_rng(4))
    found = []
    for threads in (1, 2, 5):
        acm_rs.set_num_threads(threads)
        found.append(acm_rs.calibrate(score, 0.01))
    assert found[0] == found[1] == found[2]
    assert found[0] != acm_rs.calibrate(score, 0.01, seed=18)


def test_blocks_are_those_of_politis_and_white() -> None:
    for phi in (0.0, 0.5, 0.9):
        score = _dependent(3000, phi, np.random.default_rng(6))
        ranks = score.argsort().argsort() - (len(score) - 1) / 2
        n, quiet = len(score), 5
        most = int(np.ceil(np.sqrt(n))) + quiet
        r = np.array([ranks[: n - k] @ ranks[k:] / n for k in range(most + 1)])
        small = np.abs(r / r[0]) < 2 * np.sqrt(np.log10(n) / n)
        gone = next(m for m in range(most) if small[m + 1 : m + 1 + quiet].all())
        last = min(2 * max(gone, 1), most)
        k = np.arange(1, last + 1)
        weight = np.clip(2 * (1 - k / last), 0, 1)
        slope, level = 2 * (weight * k * r[k]).sum(), r[0] + 2 * (weight * r[k]).sum()
        wanted = np.ceil(np.cbrt(2 * slope**2 / (4 / 3 * level**2) * n))
        assert acm_rs.calibrate(score, 0.05, n_boot=1).block == max(wanted, np.ceil(np.cbrt(n)))
    assert acm_rs.calibrate(score, 0.05, n_boot=1, block=7).block == 7


def test_a_threshold_is_a_number_and_a_value() -> None:
    found = acm_rs.calibrate(_dependent(500, 0.5, np.random.default_rng(1)), 0.05)
    threshold, low, high = found
    assert (threshold, low, high) == (found.threshold, found.low, found.high)
    assert isinstance(found, acm_rs.Threshold)
    assert float(found) == threshold
    assert found == pickle.loads(pickle.dumps(found)) == eval(repr(found), vars(acm_rs))
    score = np.array([0.0, 9.0, 0.0])
    assert acm_rs.episodes(score, found) == acm_rs.episodes(score, threshold)


# ---- fusion ---------------------------------------------------------------------------------------------------------


def test_robust_scales_are_medians_and_deviations() -> None:
    x = np.random.default_rng(8).gamma(2.0, [1.0, 10.0, 100.0], (700, 3))
    weights = np.array([1.0, 0.5, 2.0])
    median = np.median(x, axis=0)
    z = (x - median) / (1.482602218505602 * np.median(np.abs(x - median), axis=0))
    ordered = np.where(z < 0.0, z / weights, z * weights)
    fused = {"max": ordered.max(1), "sum": z @ weights, "mean": z @ weights / weights.sum()}
    fused["p95"] = np.quantile(ordered, 0.95, axis=1)
    for combine, wanted in fused.items():
        fusion = acm_rs.ScoreFusion("robust", combine, weights).fit(x)
        np.testing.assert_allclose(fusion.score(x), wanted, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(fusion.contributions(x).sum(1), wanted, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(fusion.scaled(x), z, rtol=1e-12, atol=1e-13)
        assert pickle.loads(pickle.dumps(fusion)) == fusion
        assert fusion.weights == (1.0, 0.5, 2.0)


@pytest.mark.parametrize("combine", ["max", "p95"])
def test_a_score_of_weight_0_is_left_out(combine: str) -> None:
    x = np.random.default_rng(3).normal(size=(500, 3))
    alone = acm_rs.ScoreFusion(combine=combine).fit(x[:, :2])
    fusion = acm_rs.ScoreFusion(combine=combine, weights=[1.0, 1.0, 0.0]).fit(x)
    np.testing.assert_array_equal(fusion.score(x), alone.score(x[:, :2]))
    np.testing.assert_array_equal(fusion.contributions(x)[:, 2], 0.0)


def test_cube_roots_of_squared_distances_are_near_normal() -> None:
    from scipy.stats import chi2, norm

    random = np.random.default_rng(9)
    fusion = acm_rs.ScoreFusion("cube_root").fit(4.2 * random.chisquare(8, 20_000))
    for rate in (0.1, 0.01, 0.001):
        z = fusion.score(np.array([4.2 * chi2.isf(rate, 8)]))
        assert norm.sf(z[0]) == pytest.approx(rate, rel=0.25)


def test_tails_are_probabilities() -> None:
    random = np.random.default_rng(10)
    x = np.sort(random.standard_exponential(999))
    fusion = acm_rs.ScoreFusion("tail").fit(x)
    top = np.arange(1, 60)
    np.testing.assert_allclose(fusion.score(x[-top]), -np.log10(top / 1000), rtol=1e-12)
    scores = fusion.score(np.linspace(-1, 40, 500))
    assert (np.diff(scores) >= 0).all()
    assert fusion.score(np.array([40.0]))[0] == pytest.approx(40 / np.log(10), rel=0.2)


def test_regimes_have_scales_of_their_own() -> None:
    random = np.random.default_rng(12)
    labels = np.repeat([0, 5, -1], 300)
    x = random.standard_normal((900, 2)) * np.where(labels == 5, 10.0, 1.0)[:, None]
    fusion = acm_rs.ScoreFusion().fit(x, labels)
    assert fusion.regimes_.tolist() == [0, 5]
    own = fusion.score(x, labels)
    alone = acm_rs.ScoreFusion().fit(x[300:600])
    np.testing.assert_array_equal(own[300:600], alone.score(x[300:600]))
    pooled = acm_rs.ScoreFusion().fit(x)
    np.testing.assert_array_equal(own[600:], pooled.score(x[600:]))
    np.testing.assert_array_equal(fusion.score(x), pooled.score(x))
    np.testing.assert_array_equal(fusion.score(x, labels.astype(np.int32)), own)
    np.testing.assert_array_equal(fusion.update(x[250:350], labels[250:350]), own[250:350])
    assert acm_rs.ScoreFusion.from_bytes(fusion.to_bytes()) == fusion
    with pytest.raises(ValueError, match="`labels` must have length 900, got 3"):
        fusion.score(x, labels[:3])
    with pytest.raises(TypeError, match="`labels` must have an integer dtype, got float64"):
        fusion.score(x, labels.astype(float))
    with pytest.raises(TypeError, match="`labels` must be a NumPy array"):
        fusion.fit(x, labels.tolist())
    with pytest.raises(ValueError, match="`weights` must have length 2, got 1"):
        acm_rs.ScoreFusion(weights=[1.0]).fit(x)


# ---- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: acm_rs.cusum(x, 0.0, 0.1), ValueError, "`threshold` must be above 0 and finite, got 0"),
        (lambda x: acm_rs.cusum(x, 1.0, -1.0), ValueError, "`drift` must be at least 0"),
        (lambda x: acm_rs.cusum(x, 1.0, 0.1, target=[0.0, 1.0]), ValueError, "`target` must have length 3, got 2"),
        (lambda x: acm_rs.cusum(x, 1.0, 0.1, target=[]), ValueError, "`target` must be a number"),
        (lambda x: acm_rs.cusum(x, 1.0, 0.1, scale=0.0), ValueError, "`scale` must be above 0"),
        (lambda x: acm_rs.cusum(x, "1", 0.1), TypeError, "`threshold` must be a number, got str"),
        (lambda x: acm_rs.cusum(x.tolist(), 1.0, 0.1), TypeError, "`x` must be a NumPy array"),
        (lambda x: acm_rs.cusum(x, 1.0, 0.1, reset=1), TypeError, "reset"),
        (lambda x: acm_rs.ewma_chart(x, 1.5, 3.0), ValueError, "`lam` must be above 0 and at most 1"),
        (lambda x: acm_rs.ewma_chart(x, 0.5, 3.0, sigma=np.nan), ValueError, "`sigma` must be above 0"),
        (lambda x: acm_rs.page_hinkley(x, 1.0, 0.1, min_rows=0), ValueError, "`min_rows` must be a whole number"),
        (lambda x: acm_rs.episodes(x, 1.0), ValueError, r"`score` must have shape \(60, 1\), got \(60, 3\)"),
        (lambda x: acm_rs.episodes(x[:, 0], 1.0, 2.0), ValueError, "`off` must be at most `on` = 1, got 2"),
        (lambda x: acm_rs.episodes(x[:, 0], 1.0, gap_rows=-1), ValueError, "`gap_rows` must be a whole number"),
        (lambda x: acm_rs.calibrate(x[:, 0], 0.0), ValueError, "`false_alarm_rate` must be above 0 and below 1"),
        (lambda x: acm_rs.calibrate(x[:19, 0], 0.1), ValueError, "`score` must have at least 20 known values"),
        (lambda x: acm_rs.calibrate(x, 0.1), ValueError, "`score` must have shape"),
        (lambda x: acm_rs.calibrate(x[:, 0], 0.1, n_boot=0), ValueError, "`n_boot` must be a whole number"),
        (lambda _: acm_rs.ScoreFusion("plain"), ValueError, '`scale` must be one of "robust", "tail", "cube_root"'),
        (lambda _: acm_rs.ScoreFusion(weights=[0.0]), ValueError, "`weights` must be above 0 for at least one"),
    ],
)
def test_errors_name_the_argument(call: Callable[[Floats], object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(np.random.default_rng(0).standard_normal((60, 3)))


def test_huge_values_stay_finite() -> None:
    x = np.array([1.7e308, -1.7e308, 1.7e308, 0.0, np.inf, -1.7e308] * 10)
    for charts in (
        acm_rs.cusum(x, 1.0, 0.1, target=-1.7e308, scale=1e-300),
        acm_rs.ewma_chart(x, 0.9, 3.0, target=-1.7e308, sigma=1e300),
        acm_rs.page_hinkley(x, 1.0, 0.1),
    ):
        assert np.isfinite(charts[0]).all()
        assert np.isfinite(charts[1]).all()
    assert np.isfinite(list(acm_rs.calibrate(x[np.isfinite(x)], 0.01))).all()
    for scale in ("robust", "tail", "cube_root"):
        assert np.isfinite(acm_rs.ScoreFusion(scale).fit(x).score(x)).all()
    constant = np.full(100, 7.0)
    assert list(acm_rs.calibrate(constant, 0.01)) == [7.0, 7.0, 7.0]
