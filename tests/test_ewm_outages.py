"""Weights after long outages, from the definition: sums over pairs, in which nothing cancels or is too small."""

from __future__ import annotations

import itertools
from typing import Any

import acm_rs
import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from test_contract import same_bytes

Floats = npt.NDArray[np.float64]

HOUR = 3600 * 10**9
WEIGHINGS = tuple({"adjust": a, "ignore_na": i} for a, i in itertools.product((True, False), repeat=2))
OF_WEIGHINGS = pytest.mark.parametrize("weighing", WEIGHINGS, ids=str)
DECAYS: tuple[dict[str, float], ...] = (
    {"alpha": 0.1},
    {"alpha": 0.5},
    {"alpha": 0.97},
    {"alpha": 0.001},
    {"alpha": 1e-6},
    {"span": 2},
    {"span": 7.5},
    {"halflife": 40},
    {"halflife": 0.3},
    {"halflife": 1e-3},
)


def keep_of(decay: dict[str, float]) -> Any:
    """What a row leaves of a weight."""
    if "alpha" in decay:
        return 1 - mpmath.mpf(decay["alpha"])
    if "span" in decay:
        return 1 - 2 / (mpmath.mpf(decay["span"]) + 1)
    return mpmath.mpf(2) ** (-1 / mpmath.mpf(decay["halflife"]))


def weighed(values: list[Any], left: list[Any], alpha: Any, adjust: bool) -> tuple[Any, Any, Any]:
    """Mean, biased and unbiased deviation of the known values; ``left``: what remains of a weight at the next value."""
    weights = [mpmath.mpf(1)]
    for kept in left:
        new = mpmath.mpf(1) if adjust else 1 - kept if alpha is None else alpha
        whole = 1 if adjust else kept + new
        weights = [weight * kept / whole for weight in weights] + [new / whole]
    mean = mpmath.fdot(weights, values) / mpmath.fsum(weights)
    apart = together = mpmath.mpf(0)
    for (w, x), (v, y) in itertools.combinations(zip(weights, values, strict=True), 2):
        apart += w * v * (x - y) ** 2
        together += w * v
    unbiased = mpmath.sqrt(apart / (2 * together)) if together > 0 else mpmath.nan
    return mean, mpmath.sqrt(apart) / mpmath.fsum(weights), unbiased


def close(got: float, want: Any) -> None:
    if mpmath.isnan(want):
        assert np.isnan(got)
    else:
        assert abs(mpmath.mpf(float(got)) - want) <= 1e-12 * max(1, abs(want)), (got, want)


def check(x: Floats, rows: list[int], left: list[Any], alpha: Any, keywords: dict[str, Any]) -> None:
    """Hold the last row, and where the last gap ends, against the definition; float32 too."""
    adjust = keywords["adjust"]
    functions = (
        (acm_rs.ewm_mean, {}),
        (acm_rs.ewm_std, {"bias": True}),
        (acm_rs.ewm_std, {}),
    )
    for last in (len(rows) - 2, len(rows) - 1):
        values = [mpmath.mpf(float(x[row])) for row in rows[: last + 1]]
        want = weighed(values, left[:last], alpha, adjust)
        until = rows[last + 1] if last + 1 < len(rows) else x.size
        for (function, more), exact in zip(functions, want, strict=True):
            got = function(x, **keywords, **more)
            for row in (rows[last], until - 1):
                close(got[row], exact)
            narrow = function(x.astype(np.float32), **keywords, **more)
            same_bytes(narrow, got.astype(np.float32))
            some = function(x, **keywords, **more, min_periods=last + 1)
            assert np.isnan(some[: rows[last]]).all()
            same_bytes(some[rows[last] :], got[rows[last] :])


PIECES = {
    "one before": [0],
    "two before": [0, 1],
    "a day before": [0, 1, 2, 3, 5, 8, 9, 10, 11, 12],
}
NEXT = {"one after": [0], "two after": [0, 1], "some after": [0, 1, 2, 4, 7]}


@OF_WEIGHINGS
@pytest.mark.parametrize("decay", DECAYS, ids=str)
@pytest.mark.parametrize("gap", [250, 7_400, 20_000])
def test_after_an_outage_of_rows(decay: dict[str, float], weighing: dict[str, bool], gap: int) -> None:
    rng = np.random.default_rng(gap)
    for before, after in zip(PIECES.values(), NEXT.values(), strict=True):
        rows = [*before, *(before[-1] + 1 + gap + row for row in after)]
        x = np.full(rows[-1] + 3, np.nan)
        x[rows] = np.round(rng.normal(20.0, 3.0, len(rows)), 1).astype(np.float32)
        with mpmath.workprec(300):
            keep = keep_of(decay)
            steps = np.diff(rows).tolist()
            left = [keep if weighing["ignore_na"] else keep**step for step in steps]
            check(x, rows, left, 1 - keep, decay | weighing)


@OF_WEIGHINGS
@pytest.mark.parametrize("alpha", [1e-3, 1e-5, 1e-6])
def test_small_steps_do_not_add_up_to_an_error(alpha: float, weighing: dict[str, bool]) -> None:
    rows = [0, 1, 2, 300_000, 300_001, 300_300]
    x = np.full(rows[-1] + 1, np.nan)
    x[rows] = [20.0, 23.5, 19.0, 21.5, 14.0, 20.0]
    with mpmath.workprec(300):
        keep = 1 - mpmath.mpf(alpha)
        left = [keep if weighing["ignore_na"] else keep ** int(step) for step in np.diff(rows)]
        check(x, rows, left, 1 - keep, {"alpha": alpha} | weighing)


@OF_WEIGHINGS
@pytest.mark.parametrize("hours", [1, 24, 2000])
def test_after_an_outage_in_time(weighing: dict[str, bool], hours: int) -> None:
    """Over days, 45 of them and years, in one step or with rows that say nothing."""
    rng = np.random.default_rng(hours)
    for days, silent in itertools.product((3, 45, 3650), (0, 500)):
        ends = np.array([0, 1, 2, 3, 24 * days, 24 * days + 1, 24 * days + 30]) * HOUR + 7
        stamps = np.concatenate([ends, rng.integers(ends[3] + 1, ends[4], silent)])
        order = np.argsort(stamps, kind="stable")
        times = stamps[order]
        rows = np.flatnonzero(order < ends.size).tolist()
        x = np.full(times.size, np.nan)
        x[rows] = np.round(rng.normal(20.0, 3.0, len(rows)), 1).astype(np.float32)
        with mpmath.workprec(300):
            left = [mpmath.mpf(2) ** (-mpmath.mpf(int(step)) / (hours * HOUR)) for step in np.diff(ends)]
            check(x, rows, left, None, {"halflife": f"{hours}h", "times": times} | weighing)


@OF_WEIGHINGS
def test_outage_after_outage(weighing: dict[str, bool]) -> None:
    for gaps in ([3000, 1], [3000, 3000], [900, 1100, 1, 5000, 2], [20_000, 1, 1, 1], [1500] * 8):
        rows = np.cumsum([0, 1, *gaps]).tolist()
        for values in ([10.0, 11.0, 12.0], [10.0, 11.0, 11.0, 11.0], [5.0, 5.0, 7.0, 7.0, 7.0, 9.0]):
            x = np.full(rows[-1] + 1, np.nan)
            x[rows] = (values * 4)[: len(rows)]
            with mpmath.workprec(300):
                keep = keep_of({"alpha": 0.5})
                left = [keep if weighing["ignore_na"] else keep**step for step in [1, *gaps]]
                check(x, rows, left, 1 - keep, {"alpha": 0.5} | weighing)


def test_values_known_by_heart() -> None:
    nan = np.nan
    assert acm_rs.ewm_std(np.r_[10.0, 11.0, np.full(7400, nan), 12.0], alpha=0.1)[-1] == pytest.approx(
        1.1002392, abs=1e-7
    )
    # Of a value and another, however little the first still weighs: half the squared distance.
    for gap in (678, 5_000, 200_000):
        x = np.r_[10.0, np.full(gap, nan), 12.0]
        assert acm_rs.ewm_std(x, span=2)[-1] == pytest.approx(2**0.5, rel=1e-15)
    days = np.array(["2024-01-01T00", "2024-01-01T01", "2024-02-15T01"], "datetime64[s]")
    assert acm_rs.ewm_std(np.array([1.0, 2, 3]), halflife="1h", times=days)[-1] == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("adjust", [True, False])
def test_a_row_without_a_value_decides_no_weight(adjust: bool) -> None:
    """Whatever its stamp says, and whatever ``ignore_na``."""
    day, rng = 24 * HOUR, np.random.default_rng(1)
    for share in (0.0, 1e-9, 0.25, 0.5, 0.7, 1.0, *rng.random(50)):
        times = np.array([0, int(2 * day * share), 2 * day])
        for ignore_na in (False, True):
            got = acm_rs.ewm_mean(
                np.array([1.0, np.nan, 4.0]), halflife="1d", times=times, adjust=adjust, ignore_na=ignore_na
            )
            assert got[-1] == pytest.approx(3.4 if adjust else 3.25, rel=1e-15)
    x, steps = rng.normal(size=400), rng.integers(0, 2 * day, 400)
    x[rng.random(400) < 0.4] = np.nan
    times, known = np.cumsum(steps), np.isfinite(x)
    for function in (acm_rs.ewm_mean, acm_rs.ewm_std):
        want = function(x[known], halflife="2d", times=times[known], adjust=adjust)
        for ignore_na in (False, True):
            got = function(x, halflife="2d", times=times, adjust=adjust, ignore_na=ignore_na)
            np.testing.assert_allclose(got[known], want, rtol=1e-13)


def test_a_history_longer_than_half_of_time() -> None:
    times = np.array([-(2**63) + 1, 2**63 - 2, 2**63 - 1])
    got = acm_rs.ewm_mean(np.array([1.0, 2.0, 4.0]), halflife=np.timedelta64(2**62, "ns"), times=times)
    # Four half-lives before the second value.
    assert got[1] == pytest.approx((1 / 16 + 2) / (1 / 16 + 1), rel=1e-15)


@pytest.mark.parametrize("function", [acm_rs.ewm_mean, acm_rs.ewm_std], ids=["mean", "std"])
def test_neighbours_and_rows_to_come_do_not_matter_after_outages(function: Any) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(6000, 11))
    x[100:4000, 1] = np.nan
    x[:5000, 2] = np.nan
    x[300:, 3] = 0.0
    x[300:, 4] = 7.3
    x[rng.random(6000) < 0.5, 5] = np.nan
    x[100:600, 6] = np.nan
    x[601:1500, 6] = np.nan
    x[300:, 7] *= 1e-200
    x[np.arange(6000) % 300 > 0, 9] = np.nan
    for alpha, weighing in itertools.product((0.02, 0.3, 0.9), WEIGHINGS):
        want = function(x, alpha=alpha, **weighing)
        for column in range(11):
            same_bytes(function(x[:, column], alpha=alpha, **weighing), want[:, column])
        for n in (255, 601, 1300, 4001, 5555):
            same_bytes(function(x[:n], alpha=alpha, **weighing), want[:n])


@pytest.mark.parametrize("bias", [True, False])
@OF_WEIGHINGS
def test_a_row_decides_by_itself_however_little_is_left(weighing: dict[str, bool], bias: bool) -> None:
    """The exact deviation of rows far apart, whatever comes after them and also where each comes alone."""
    rng = np.random.default_rng(16)
    for alpha in (0.4, 0.7703338006039238, 0.95):
        keywords = {"alpha": alpha, "bias": bias} | weighing
        halvings = -np.log2(1 - alpha)
        for _ in range(2):
            gaps = 1 + (rng.uniform(260, 500, 3) / halvings).astype(int)
            rows = (rng.integers(0, 300) + np.cumsum([0, 1, *gaps])).tolist()
            x = np.full(rows[-1] + 300, np.nan)
            x[rows] = [*rng.normal(size=2), 0.0, 0.0, 0.0]
            got = acm_rs.ewm_std(x, **keywords)
            same_bytes(acm_rs.RollingState("ewm_std", None, 1, **keywords).update(x), got)
            with mpmath.workprec(4000):
                keep = 1 - mpmath.mpf(alpha)
                left = [keep if weighing["ignore_na"] else keep ** int(step) for step in np.diff(rows)]
                for last, row in enumerate(rows):
                    same_bytes(acm_rs.ewm_std(x[: row + 1 + last], **keywords), got[: row + 1 + last])
                    values = [mpmath.mpf(float(value)) for value in x[rows[: last + 1]]]
                    exact = weighed(values, left[:last], 1 - keep, weighing["adjust"])[1 if bias else 2]
                    if last > 0:
                        assert abs(got[row] - exact) <= 1e-13 * exact, (keywords, rows, row)


def test_what_stands_still_fades_to_nothing() -> None:
    """A stuck sensor's past does not stay on as the smallest number there is."""
    x = np.r_[np.random.default_rng(3).normal(size=500), np.zeros(30_000)]
    for alpha, weighing in itertools.product((0.06, 0.3, 0.9), WEIGHINGS):
        assert acm_rs.ewm_mean(x, alpha=alpha, **weighing)[-1] == 0.0
        for level in (0.0, 3.7):
            for bias in (False, True):
                got = acm_rs.ewm_std(
                    x + np.where(np.arange(x.size) < 500, 0.0, level), alpha=alpha, bias=bias, **weighing
                )
                assert got[-1] == 0.0
                # As it fades, it fades by the root of the weight.
                if alpha < 0.2:
                    np.testing.assert_allclose(got[2400] / got[2300], (1 - alpha) ** 50, rtol=1e-9)
