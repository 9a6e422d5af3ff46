"""The pieces under Monitor beside plain loops and textbook formulae."""

from __future__ import annotations

import tracemalloc

import acm_rs
import numpy as np
import pytest
from acm_rs.monitor import looking, reach, watches
from acm_rs.monitor.alarms import BRIDGE, OFF, PERSIST, alarmed, found_episodes, limit_for, spells
from acm_rs.monitor.cleaning import codes_of, learn, repeats
from acm_rs.monitor.counters import Counters
from acm_rs.monitor.plane import chi_squared
from acm_rs.monitor.relations import Relations, own_precision, product, solve_missing
from acm_rs.monitor.releasing import released
from acm_rs.monitor.wandering import lasting
from scipy.stats import chi2


def naive_repeats(column: np.ndarray, last: float, run: int) -> list[int]:
    found = []
    for value in column:
        if not np.isnan(value):
            run = run + 1 if value == last else 1
            last = value
        found.append(run)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_repeats_are_those_of_a_loop(seed: int) -> None:
    random = np.random.default_rng(seed)
    column = random.integers(0, 2, 60).astype(float)
    column[random.random(60) < 0.3] = np.nan
    if seed == 7:
        column[:] = np.nan
    for last, run in ((np.nan, 0), (0.0, 4), (1.0, 2)):
        np.testing.assert_array_equal(repeats(column, last, run), naive_repeats(column, last, run))


def test_repeats_of_many_sensors_are_those_of_each() -> None:
    random = np.random.default_rng(3)
    values = random.integers(0, 2, (200, 37)).astype(float)
    values[random.random(values.shape) < 0.2] = np.nan
    last, run = random.integers(0, 2, 37).astype(float), random.integers(0, 5, 37)
    found = repeats(values, last, run)
    for place in range(37):
        np.testing.assert_array_equal(found[:, place], naive_repeats(values[:, place], last[place], run[place]))
    assert repeats(np.zeros((5, 0))).shape == (5, 0)


@pytest.mark.parametrize("rows", [3, 7, 80, 1001])
def test_how_long_a_reading_lasts_is_the_sum_of_its_correlations(rows: int) -> None:
    random = np.random.default_rng(rows)
    values = np.cumsum(random.normal(size=(rows, 11)), axis=0)
    values[:, 1::2] = random.normal(size=(rows, 5))
    values[:, 3] = 1.0
    found = lasting(values)
    for place, column in enumerate((values - values.mean(axis=0)).T):
        spread, exact = column @ column, 0.0
        for lag in range(rows // 3):
            own = column[lag:] @ column[: rows - lag] / spread if spread else 0.0
            if own < 0.05:
                break
            exact += own
        assert found[place] == pytest.approx(2.0 * exact - 1.0, rel=1e-9)


def naive_alarms(scores: np.ndarray, limit: float) -> list[bool]:
    alarm, over, found = False, 0, []
    for score in scores:
        if not np.isnan(score):
            over = over + 1 if score > limit else 0
            if over >= PERSIST:
                alarm = True
            elif score <= OFF * limit:
                alarm = False
        found.append(alarm and not np.isnan(score))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_alarms_are_those_of_a_loop_in_any_pieces(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = np.convolve(random.normal(1.0, 1.0, 404), np.ones(5) / 5, "valid")
    scores[random.random(400) < 0.1] = np.nan
    want = naive_alarms(scores, 1.1)
    assert 0 < sum(want) < 400
    np.testing.assert_array_equal(alarmed(scores, 1.1)[0], want)
    alarm, over, found = False, 0, []
    for piece in np.array_split(scores, 23):
        alarms, alarm, over = alarmed(piece, 1.1, alarm, over)
        found.append(alarms)
    np.testing.assert_array_equal(np.concatenate(found), want)


def test_spells_are_joined_over_few_known_rows() -> None:
    alarms = np.zeros(100, bool)
    alarms[[3, 4, 5 + BRIDGE, 60, 90]] = True
    starts, ends = spells(alarms)
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == [(3, 6 + BRIDGE), (60, 61), (90, 91)]
    known = np.ones(100, bool)
    known[62:88] = False
    assert len(spells(alarms, known)[0]) == 2


def test_the_limit_keeps_the_budget_with_persistence() -> None:
    random = np.random.default_rng(3)
    scores = 1.0 + np.convolve(random.normal(0.0, 1.0, 20_009), np.ones(10) / 10, "valid")
    for rate in (0.05, 0.01):
        share = alarmed(scores, limit_for(scores, rate))[0].mean()
        assert 0.8 * rate < share <= rate


@pytest.mark.parametrize("gaps", [0.1, 0.5, 1.0])
def test_what_is_missing_is_the_conditional_expectation(gaps: float) -> None:
    random = np.random.default_rng(1)
    half = random.normal(size=(5, 5))
    covariance = half @ half.T + np.eye(5)
    rows = random.normal(size=(40, 5))
    missing = random.random((40, 5)) < gaps
    filled = solve_missing(np.where(missing, np.nan, rows), missing, np.linalg.inv(covariance))
    for row in range(40):
        m, o = missing[row], ~missing[row]
        want = rows[row].copy()
        want[m] = covariance[np.ix_(m, o)] @ np.linalg.solve(covariance[np.ix_(o, o)], rows[row, o]) if o.any() else 0.0
        np.testing.assert_allclose(filled[row], want, atol=1e-9)


def test_residuals_are_those_of_each_sensor_on_the_others() -> None:
    random = np.random.default_rng(2)
    hidden = random.normal(size=(4000, 2))
    x = hidden @ random.normal(size=(2, 5)) + 0.3 * random.normal(size=(4000, 5))
    x -= x.mean(axis=0)
    _, _, off, residual = Relations.fit(x, np.zeros((4000, 0))).look(x, np.zeros((4000, 0)))
    np.testing.assert_array_equal(off, residual)
    for place in range(5):
        others = np.delete(x, place, axis=1)
        want = x[:, place] - others @ np.linalg.lstsq(others, x[:, place], rcond=None)[0]
        assert np.corrcoef(residual[:, place], want)[0, 1] > 0.99
        assert residual[:, place].std() == pytest.approx(want.std(), rel=0.02)


def test_precisions_of_known_sensors_are_those_of_their_own_law() -> None:
    random = np.random.default_rng(3)
    half = random.normal(size=(5, 5))
    covariance = half @ half.T + np.eye(5)
    missing = random.random((40, 5)) < 0.4
    missing[0], missing[1] = True, False
    found = own_precision(missing, np.linalg.inv(covariance))
    for row in range(1, 40):
        known = ~missing[row]
        want = np.diag(np.linalg.inv(covariance[np.ix_(known, known)]))
        np.testing.assert_allclose(found[row, known], want, rtol=1e-9)
        np.testing.assert_array_equal(own_precision(missing[row : row + 1], np.linalg.inv(covariance))[0], found[row])


def test_residuals_spread_alike_whatever_is_missing() -> None:
    random = np.random.default_rng(2)
    hidden = random.normal(size=(6000, 2))
    x = hidden @ random.normal(size=(2, 6)) + 0.3 * random.normal(size=(6000, 6))
    none = np.zeros((6000, 0))
    model = Relations.fit(x, none)
    holes = np.where(random.random(x.shape) < 0.3, np.nan, x)
    _, _, off, residual = model.look(holes, none)
    whole = model.look(x, none)[3]
    for place in range(6):
        known = ~np.isnan(holes[:, place])
        assert residual[known, place].std() == pytest.approx(whole[:, place].std(), rel=0.03)
        # What it reads more than the others let expect knows less, and is never less.
        assert off[known, place].std() > whole[:, place].std()


def test_relations_may_bend_and_follow_states() -> None:
    random = np.random.default_rng(5)
    load = random.uniform(-1.0, 1.0, 3000)
    state = random.integers(0, 2, 3000).astype(float)[:, None]
    x = np.column_stack([load, load, load**2 + state[:, 0], -load]) + 0.02 * random.normal(size=(3000, 4))
    x -= x.mean(axis=0)
    state -= state.mean()
    _, _, _, residual = Relations.fit(x, state).look(x, state)
    assert residual[:, 2].std() < 0.03


def test_a_row_of_a_product_does_not_depend_on_the_others() -> None:
    random = np.random.default_rng(0)
    rows, matrix = random.normal(size=(300, 37)), random.normal(size=(37, 11))
    whole = product(rows, matrix)
    np.testing.assert_allclose(whole, rows @ matrix, rtol=1e-12, atol=1e-12)
    for row in range(0, 300, 37):
        np.testing.assert_array_equal(product(rows[row : row + 1], matrix)[0], whole[row])


def test_codes_are_far_and_repeat_exactly() -> None:
    random = np.random.default_rng(0)
    column = random.normal(100.0, 1.0, 1000)
    column[[1, 500, 800]] = 32.5
    column[700] = -9999.0
    column[650] = 140.0
    assert codes_of(column, np.abs(column - 100.0) > 8.0, 1000) == [-9999.0, 32.5]
    names = ["a", "b", "c", "d", "few", "same"]
    values = np.column_stack([column, *random.normal(size=(3, 1000)), np.arange(1000) // 200.0, np.ones(1000)])
    rules, cleaned, left_out, found, marks = learn(names, values, {}, {}, (), 1000, Counters([], [], [], None))
    assert left_out == {"same": "constant (1)"}
    assert rules.names == ["a", "b", "c", "d", "few"]
    assert rules.state.tolist() == [False] * 4 + [True]
    assert np.flatnonzero(np.isnan(cleaned[:, 0])).tolist() == [1, 500, 700, 800]
    assert found[0]["codes"] == 4
    assert [(name, what, rows.tolist()) for name, what, rows in marks] == [
        ("a", "error code -9999", [700]),
        ("a", "error code 32.5", [1, 500, 800]),
    ]
    # A code that training has not had is one too where it is far outside.
    again, coded, _ = rules.clean(np.full((1, 5), 99999.0))
    assert np.isnan(again).tolist() == [[True] * 5]
    assert coded.sum() == 5


def test_the_plane_of_t2_and_spe() -> None:
    random = np.random.default_rng(5)
    load = random.standard_normal((4_000, 2)) @ random.standard_normal((2, 6))
    x = 50.0 + load + 0.3 * random.standard_normal((4_000, 6))
    monitor = acm_rs.Monitor().fit(x[:3_000])
    assert monitor._learned is not None
    _, watches = monitor._learned
    result = monitor.score(x[3_000:])
    assert result._plane is not None
    found = result._plane()
    # By hand, with the quantiles of SciPy.
    scaled = (result.values - watches.regimes.centres[0]) / watches.scale
    along = scaled @ watches.axes
    variances = watches.level_scale[0] ** 2
    order = np.argsort(-variances)
    kept = int(np.argmax(np.cumsum(variances[order]) / variances.sum() >= 0.9)) + 1
    main, rest = order[:kept], order[kept:]
    assert 1 <= kept < 6
    t2 = (along[:, main] ** 2 / variances[main]).sum(axis=1) / chi2.isf(0.01, kept)
    left = variances[rest]
    scale, freedom = (left**2).sum() / left.sum(), left.sum() ** 2 / (left**2).sum()
    spe = (along[:, rest] ** 2).sum(axis=1) / (scale * chi2.isf(0.01, freedom))
    assert found == pytest.approx(np.column_stack([t2, spe]), rel=0.01)
    assert 0.001 < np.mean(found[:, 0] > 1.0) < 0.025
    assert 0.001 < np.mean(found[:, 1] > 1.0) < 0.025
    # A greater load goes to the right, a broken relation up; what is missing is filled.
    odd = x[3_000:3_020].copy()
    odd[10] += 5.0 * load[3_010]
    odd[12, 3] += 4.0
    odd[14, 2] = np.nan
    odd = np.vstack([x[2_980:3_000], odd])
    plane = monitor.score(odd)._plane()  # type: ignore[misc]
    assert plane[30, 0] > 1.0
    assert plane[32, 1] > 1.0
    assert np.isfinite(plane[34]).all()
    assert np.isnan(monitor.score(np.full((30, 6), np.nan))._plane()).all()  # type: ignore[misc]
    assert [chi_squared(d, 0.01) / chi2.isf(0.01, d) for d in (1.0, 1.5, 4.0, 60.0)] == pytest.approx(
        [1.0] * 4, rel=0.01
    )


def test_the_plane_leaves_constants_out_that_have_moved() -> None:
    random = np.random.default_rng(5)
    x = (
        50.0
        + random.standard_normal((900, 2)) @ random.standard_normal((2, 5))
        + 0.3 * random.standard_normal((900, 5))
    )
    with_constant = np.column_stack([x, np.full(900, 7.0)])
    later = with_constant[700:].copy()
    later[100:, 5] = 9.0
    plane = acm_rs.Monitor().fit(with_constant[:700]).score(later)._plane
    alone = acm_rs.Monitor().fit(x[:700]).score(x[700:])._plane
    assert plane is not None
    assert alone is not None
    assert np.array_equal(plane(), alone(), equal_nan=True)


def test_a_rise_does_not_reach_over_rows_that_are_not_judged() -> None:
    scores = np.array([0.1, 0.95, 0.96, np.nan, np.nan, 0.95, 1.1, 1.2, 1.3, 1.4])
    d, n = 1, len(scores)
    nothing = np.zeros((n, d))
    alarms = alarmed(scores, 1.0)[0]
    kinds = np.zeros(n, np.int64)
    [one] = found_episodes(
        alarms, scores, np.ones(n), nothing, nothing, nothing, np.ones(d), ["a"], kinds, ["running"], kinds, [""]
    )
    assert (one.start, one.first_sign) == (8, 5)
    scores[3:5] = 0.92
    [one] = found_episodes(
        alarms, scores, np.ones(n), nothing, nothing, nothing, np.ones(d), ["a"], kinds, ["running"], kinds, [""]
    )
    assert one.first_sign == 1


def test_pieces_of_rows_are_looked_at_as_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a state, two regimes and gaps."""
    random = np.random.default_rng(3)
    x = 50.0 + random.normal(size=(3000, 2)) @ random.normal(size=(2, 6)) + 0.3 * random.normal(size=(3000, 6))
    x[:, 3] = np.repeat(random.integers(0, 2, 30), 100)
    x[1000:2000, [0, 4]] += 40.0
    x[random.random(x.shape) < 0.02] = np.nan
    found = []
    for piece in (10_000, 7):
        monkeypatch.setattr(watches, "PIECE", piece)
        monkeypatch.setattr(looking, "PIECE", piece)
        monkeypatch.setattr(reach, "PIECE", piece)
        monitor = acm_rs.Monitor().fit(x[:2500])
        result = monitor.score(x[2400:])
        found.append((monitor.to_bytes(), result.scores.tobytes(), result.shares.tobytes()))
    assert found[0] == found[1]


def test_a_fit_holds_little_beside_its_history() -> None:
    """Of what is allocated from Python: each of its steps lets go of what the next ones do not ask for."""
    random = np.random.default_rng(3)
    x = 50.0 + random.normal(size=(10_000, 2)) @ random.normal(size=(2, 30)) + 0.3 * random.normal(size=(10_000, 30))
    acm_rs.Monitor().fit(x[:400])
    tracemalloc.start()
    acm_rs.Monitor().fit(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 14.5 * x.nbytes


@pytest.mark.parametrize(("rows", "sensors"), [(200, 99), (100, 200), (150, 100), (120, 60), (180, 150)])
def test_few_rows_of_many_sensors_make_no_alarms_of_healthy_ones(rows: int, sensors: int) -> None:
    """Main components that fit their own rows too well are not judged by them."""
    random = np.random.default_rng(70)
    loads = random.normal(size=(3, sensors))
    train, healthy = (random.normal(size=(n, 3)) @ loads + 0.2 * random.normal(size=(n, sensors)) for n in (rows, 600))
    monitor = acm_rs.Monitor().fit(train)
    assert monitor.score(healthy).alarms.mean() < 0.02
    healthy[300:, 1] += 5.0
    assert monitor.score(healthy).alarms[310:].mean() > 0.95


def test_slow_means_let_go_column_by_column_as_a_row_at_a_time() -> None:
    random = np.random.default_rng(8)
    n, d, memory = 400, 5, 0.05
    trace = random.normal(size=(n, d))
    values = trace + np.where(random.random((n, d)) < 0.1, 4.0, 0.5) * random.normal(size=(n, d))
    values[100:300, 2] += np.linspace(6.0, 0.0, 200)
    known = random.random((n, d)) < 0.9
    for room in (np.full((1, d), 1.3), 1.0 + random.random((n, d))):
        off, expected = np.zeros(d), np.empty((n, d))
        for row in range(n):
            own = room[min(row, len(room) - 1)]
            upper, lower = np.maximum(trace[row], 0.0) + own, np.minimum(trace[row], 0.0) - own
            off = np.where(known[row], off * (1.0 - memory), off)
            mean = values[row] + off
            expected[row] = np.clip(mean, lower, upper)
            off = off + (expected[row] - mean)
            off[np.abs(off) < 1e-3 * own] = 0.0
        for values_order in "CF":
            found = np.array(values, order=values_order)
            assert released(found, trace, room, memory, known, np.zeros(d)).tobytes() == off.tobytes()
            assert found.tobytes() == expected.tobytes()
        assert (expected != values).sum() > 100
