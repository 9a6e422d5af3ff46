"""Auto-associative kernel regression: against a plain NumPy form, on machines that bend, and at the edges."""

from __future__ import annotations

import warnings
from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats, same_bytes
from kernel_regression import Plain
from scipy.signal import lfilter


def machine(rows: int, seed: int, sensors: int = 6) -> Floats:
    """Three operating points in turn, and a load that every sensor bends in its way."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(9).normal(size=(3, sensors))
    load = random.uniform(-1.0, 1.0, rows)
    point = np.arange(rows) // 25 % 3
    x = ways[0] * load[:, None] + ways[1] * load[:, None] ** 2 + 3.0 * ways[2] * point[:, None]
    return 20.0 + x + 0.1 * random.normal(size=(rows, sensors))


PARAMETERS: list[dict[str, Any]] = [
    {},
    {"memory": 50, "neighbours": 3, "smoothing": (1.0,)},
    {"memory": 120, "neighbours": 8, "smoothing": (1.0, 0.2, 0.05), "folds": 3, "false_alarm_rate": 0.05},
    {"memory": 4, "neighbours": 1, "smoothing": (0.5,), "folds": 2},
]


@pytest.mark.parametrize("given", PARAMETERS, ids=str)
def test_numbers_are_those_of_a_plain_form(given: dict[str, Any]) -> None:
    train, x = machine(900, 1), machine(400, 2)
    x[200:, 1] += 0.3
    x[300] = 98.7654321
    model, plain = acm_rs.SimilarityDetector(**given).fit(train), Plain(**given).fit(train)
    assert not model.wandering_.any()
    np.testing.assert_allclose(model.memory_, plain.mean + plain.scale * plain.known.rows, rtol=1e-12)
    assert model.width_ == pytest.approx(np.sqrt(plain.known.width), rel=1e-12)
    np.testing.assert_allclose(model.estimate(x), plain.estimate(x), rtol=1e-10)
    np.testing.assert_allclose(model.parts(x), plain.parts(x), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(model.score(x), plain.score(x), rtol=1e-7, atol=1e-7)
    for alpha in (0.1, 0.003):
        want = (np.cbrt(plain.held.limit(alpha)) - 1.0) / plain.top
        assert model.limit(alpha) == pytest.approx(want, rel=1e-7)
    assert model.limit(model.false_alarm_rate) == 1.0


@pytest.mark.parametrize("sensors", [1, 9])
def test_more_rows_than_are_looked_at_keep_the_extremes(sensors: int) -> None:
    x = machine(40_000, 3, sensors)
    model = acm_rs.SimilarityDetector(memory=80).fit(x)
    assert model.memory_.shape == (80, sensors)
    np.testing.assert_array_equal(model.memory_.max(axis=0).round(9), x.max(axis=0).round(9))
    np.testing.assert_array_equal(model.memory_.min(axis=0).round(9), x.min(axis=0).round(9))


def test_a_load_that_bends_is_followed_where_straight_lines_are_not() -> None:
    train, healthy, wrong = machine(2000, 1), machine(2000, 2), machine(500, 3)
    wrong[:, 2] += 0.5
    model = acm_rs.SimilarityDetector().fit(train)
    assert (model.score(healthy) > 1.0).mean() < 0.02
    found = (model.score(wrong) > 1.0).mean()
    straight = acm_rs.PCADetector(0.9).fit(train)
    assert found > 0.98
    assert (straight.score(wrong) > 1.0).mean() < 0.5
    # Readings as they would be, to some of their noise.
    off = model.estimate(wrong) - (wrong - 0.5 * (np.arange(6) == 2))
    assert np.abs(off[:, 2]).mean() < 0.25
    shares = model.contributions(wrong)
    assert (shares.argmax(axis=1) == 2).mean() > 0.95
    np.testing.assert_allclose(shares.sum(axis=1), model.score(wrong), rtol=1e-9)


def test_a_rare_operating_point_is_remembered() -> None:
    x = machine(4000, 5)
    # Forty rows of 4,000, in four stretches, at a point of its own.
    random = np.random.default_rng(0)
    for start in (500, 1400, 2300, 3200):
        x[start : start + 10] = 35.0 + 0.1 * random.normal(size=(10, 6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = acm_rs.SimilarityDetector(smoothing=(1.0,)).fit(x)
    assert model.left_out_.rows.size == 0
    back = 35.0 + 0.1 * random.normal(size=(50, 6))
    assert np.abs(model.estimate(back) - 35.0).max() < 1.0


def test_rows_that_repeat_give_numbers() -> None:
    # Most rows are one and the same: the median distance between neighbours would be 0.
    x = machine(600, 6)
    x[::2] = x[0]
    model = acm_rs.SimilarityDetector(memory=100).fit(x)
    assert model.width_ > 0.0
    assert len(np.unique(model.memory_, axis=0)) == 100
    assert np.isfinite(model.score(x)).all()
    assert np.isfinite(model.estimate(x)).all()
    states = np.repeat([[0.0, 1.0], [5.0, -3.0], [7.0, 7.0]], 200, axis=0)[np.random.default_rng(0).permutation(600)]
    model = acm_rs.SimilarityDetector().fit(states)
    assert model.memory_.shape == (3, 2)
    np.testing.assert_allclose(model.estimate(states), states, atol=0.1)
    assert np.isfinite(model.score(states)).all()


def test_a_row_far_from_everything_is_told_by_the_nearest() -> None:
    model = acm_rs.SimilarityDetector().fit(machine(900, 1))
    x = machine(30, 2)
    x[10] = 1e9
    x[11] = -1e300
    told = model.estimate(x)
    assert np.isfinite(told).all()
    assert (told >= model.memory_.min(axis=0) - 1e-9).all()
    assert (told <= model.memory_.max(axis=0) + 1e-9).all()
    assert np.isfinite(model.score(x)).all()
    assert model.score(x)[10] > 100.0


def test_after_a_fault_it_is_soon_quiet() -> None:
    model = acm_rs.SimilarityDetector().fit(machine(1500, 1))
    x = machine(500, 2)
    x[200:300, 3] += 50.0
    alarm = model.score(x) > 1.0
    assert alarm[200:300].all()
    assert not alarm[340:].any()


@pytest.mark.parametrize("kind", ["scattered", "dead", "at fit"])
def test_gaps_do_not_alarm_and_faults_are_found(kind: str) -> None:
    random = np.random.default_rng(1)
    mixing = random.normal(size=(2, 8))

    def drawn(rows: int) -> Floats:
        read: Floats = random.normal(size=(rows, 2)) @ mixing + 0.2 * random.normal(size=(rows, 8))
        return read

    train, healthy, wrong = drawn(2000), drawn(4000), drawn(1000)
    wrong[:, 2] += 1.0

    def holed(x: Floats) -> Floats:
        gone = random.random(x.shape) < 0.1 if kind != "dead" else np.arange(8) == 5
        return np.where(gone, np.nan, x)

    if kind == "at fit":
        train = holed(train)
    else:
        healthy, wrong = holed(healthy), holed(wrong)
    model = acm_rs.SimilarityDetector().fit(train)
    assert (model.score(healthy) > 1.0).mean() < 0.025
    assert (model.score(wrong) > 1.0).mean() > 0.9
    told = model.estimate(healthy)
    assert np.isfinite(told).all()
    if kind == "dead":
        assert model.contributions(wrong)[:, 5].max() < 1e-12


@pytest.mark.parametrize(("count", "least"), [(9, 0.9), (18, 0.83), (27, 0.2)])
@pytest.mark.parametrize("inertia", [0.0, 0.9])
def test_sensors_that_are_missing_for_days_do_not_alarm(inertia: float, count: int, least: float) -> None:
    """Shifts that were scaled by their count alone did in 0.5 to 1.2, 1.6 to 2.9 and 5 to 7 %."""
    healthy, found = [], []
    for seed in range(8):
        random = np.random.default_rng(seed)
        loads = lfilter([np.sqrt(1.0 - inertia**2)], [1.0, -inertia], random.standard_normal((5000, 3)), axis=0)
        x = loads @ random.standard_normal((3, 30)) + 0.3 * random.standard_normal((5000, 30))
        model = acm_rs.SimilarityDetector().fit(x[:2000])
        gaps, wrong = x[2000:], np.zeros((3000, 30))
        for first in range(200, 3000, 700):
            order = random.permutation(30)
            gaps[first : first + 500, order[:count]] = np.nan
            wrong[first + 100 : first + 400, order[-1]] = 0.6
        healthy.append(float((model.score(gaps) > 1.0).mean()))
        found.append(float((model.score(gaps + wrong)[wrong.any(axis=1)] > 1.0).mean()))
    assert np.mean(healthy) < 0.012
    # On loads with an inertia shifts of that size are not found without gaps either.
    assert inertia > 0.0 or np.mean(found) > least


@pytest.mark.parametrize(
    ("inertia", "loads", "sensors", "count", "size"),
    [(0.0, True, 8, 4, 0.6), (0.9, True, 8, 4, 0.9), (0.0, False, 8, 6, 1.0), (0.0, True, 30, 27, 0.6)],
)
def test_rows_without_some_sensors_are_judged_as_by_a_model_of_the_others(
    inertia: float, loads: bool, sensors: int, count: int, size: float
) -> None:
    """By laws of whitened noise 73, 2, 2 and 25 % were found where models of the others find 82, 15, 15 and 33."""
    healthy, found, best = [], [], []
    for seed in range(8):
        random = np.random.default_rng(1000 * seed + sensors)
        shape = (6000, 3 if loads else sensors)
        x = lfilter([np.sqrt(1.0 - inertia**2)], [1.0, -inertia], random.standard_normal(shape), axis=0)
        if loads:
            x = x @ random.standard_normal((3, sensors)) + 0.3 * random.standard_normal((6000, sensors))
        order = random.permutation(sensors)
        gone, there = order[:count], np.sort(order[count:])
        fresh = x[2000:].copy()
        fresh[:, gone] = np.nan
        wrong, rows = fresh.copy(), np.zeros(4000, bool)
        for first in range(100, 3700, 600):
            wrong[first : first + 300, order[-1]] += size
            rows[first + 20 : first + 300] = True
        model, other = acm_rs.SimilarityDetector().fit(x[:2000]), acm_rs.SimilarityDetector().fit(x[:2000, there])
        healthy.append(float((model.score(fresh) > 1.0).mean()))
        found.append(float((model.score(wrong) > 1.0)[rows].mean()))
        best.append(float((other.score(wrong[:, there]) > 1.0)[rows].mean()))
    assert 0.003 < np.mean(healthy) < 0.015
    assert np.mean(found) > 0.9 * np.mean(best)


@pytest.mark.parametrize("rows", [300, 900])
def test_missing_sensors_are_judged_alike_in_pieces_threads_and_files(rows: int) -> None:
    x = machine(300, 2)
    x[20:150, [1, 4]] = np.nan
    x[100:220, 0] = np.nan
    x[200:280, 1:] = np.nan
    x[140] = np.nan
    model = acm_rs.SimilarityDetector().fit(machine(rows, 1))
    whole = model.score(x)
    same_bytes(model.parts(x).max(axis=1), whole)
    some = np.isfinite(x).any(axis=1)
    shared = model.contributions(x).sum(axis=1)
    np.testing.assert_allclose(shared[some], np.maximum(whole, 0.0)[some], rtol=1e-9, atol=1e-12)
    before = acm_rs.get_num_threads()
    try:
        for threads in (1, 3):
            acm_rs.set_num_threads(threads)
            again = acm_rs.SimilarityDetector().fit(machine(rows, 1))
            assert again.to_bytes() == model.to_bytes()
            same_bytes(again.score(x), whole)
    finally:
        acm_rs.set_num_threads(before)
    pieces, first = [], 0
    live = acm_rs.SimilarityDetector.from_bytes(model.to_bytes())
    for size in [1] * 30 + [100, 1, 69, 100]:
        pieces.append(live.update(x[first : first + size]))
        live = acm_rs.SimilarityDetector.from_bytes(live.to_bytes())
        first += size
    same_bytes(np.concatenate(pieces), whole)


def test_frames_keep_their_kind() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(machine(300, 1), columns=list("abcdef")).set_index(pandas.RangeIndex(100, 400))
    model = acm_rs.SimilarityDetector().fit(frame)
    told = model.estimate(frame)
    assert list(told.columns) == list("abcdef")
    assert told.index.equals(frame.index)
    assert list(model.parts(frame).columns) == list(model.part_names_)
    with pytest.raises(ValueError, match="must have the columns"):
        model.estimate(frame[list("bacdef")])


def test_estimates_of_a_row_do_not_depend_on_others() -> None:
    model = acm_rs.SimilarityDetector().fit(machine(900, 1))
    x = machine(100, 2)
    x[::9, 3] = np.nan
    x[17] = np.nan
    whole = model.estimate(x)
    assert np.isnan(whole[17]).all()
    same_bytes(np.vstack([model.estimate(x[row : row + 1]) for row in range(100)]), whole)
    same_bytes(model.estimate(np.asfortranarray(x)), whole)


def test_what_is_asked_wrongly_is_told() -> None:
    with pytest.raises(ValueError, match="`memory` must be a whole number, at least 2, got 1"):
        acm_rs.SimilarityDetector(1)
    with pytest.raises(ValueError, match="`neighbours` must be a whole number, at least 1, got 0"):
        acm_rs.SimilarityDetector(neighbours=0)
    with pytest.raises(ValueError, match=r"`smoothing` must be above 0 and at most 1 each, got 1\.5"):
        acm_rs.SimilarityDetector(smoothing=(1.0, 1.5))
    with pytest.raises(ValueError, match="`x` must have at least 8 rows, got 7"):
        acm_rs.SimilarityDetector().fit(machine(7, 0))
    with pytest.raises(RuntimeError, match="fit"):
        acm_rs.SimilarityDetector().estimate(machine(7, 0))
    model = acm_rs.SimilarityDetector().fit(machine(100, 0))
    with pytest.raises(ValueError, match="`alpha` must be between 0 and 1, got 1"):
        model.limit(1.0)
