"""FadingMoments: what is left after halflives, what is refused and why, and bytes that no cut changes."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.forgetting import DAY, RAMP, ROWS, Lived, lived, season
from benchmarks.plants import Plant

Matrix = NDArray[np.float64]
MIXING = np.random.default_rng(5).normal(size=(4, 4)) + 2.0 * np.eye(4)


def rows(count: int, seed: int) -> Matrix:
    return np.random.default_rng(seed).normal(size=(count, 4)) @ MIXING + 50.0


def fresh(halflife: float = 10.0, drift: float | None = 0.5) -> acm_rs.FadingMoments:
    return acm_rs.FadingMoments(acm_rs.RunningMoments.of_sample(rows(500, 99)), halflife, drift)


def trained(halflife: float = 10.0, drift: float | None = 0.5, periods: int = 30) -> acm_rs.FadingMoments:
    health = fresh(halflife, drift)
    for seed in range(periods):
        health.update(rows(100, seed)).close(trusted=True)
    return health


# ---- forgetting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("halflife", [1.0, 3.5, 20.0])
def test_of_a_period_a_share_of_two_to_the_minus_age_over_halflife_is_left(halflife: float) -> None:
    health = acm_rs.FadingMoments(acm_rs.RunningMoments([0.0], [1.0], 4096.0), halflife, None)
    left, ages = [], []
    for period in range(300):
        health.update(np.array([float(period)])).close()
        if period >= 200:
            moments = health.moments
            left.append(moments.rows)
            ages.append((period - moments.mean()[0]) * moments.rows)
    shares = 0.5 ** (np.arange(300) / halflife)
    # Whole periods live or die: two more or less at any time, and on average none.
    assert np.abs(np.array(left) - shares.sum()).max() < 3.0
    assert abs(np.mean(left) - shares.sum()) < 0.05 * shares.sum()
    assert abs(np.mean(ages) - (np.arange(300) * shares).sum()) < 0.1 * (np.arange(300) * shares).sum()


def test_the_last_period_is_always_there_and_old_ones_go_for_good() -> None:
    health = acm_rs.FadingMoments(acm_rs.RunningMoments([0.0], [1.0]), 2.0, None)
    health.update(np.full(1000, 50.0)).close()
    for period in range(40):
        health.update(np.array([float(period)])).close()
        assert health.moments.covariance(0)[0, 0] > 0.0 or health.moments.mean()[0] == float(period)
    assert health.moments.rows < 20
    assert health.periods == 41


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(0, 100), max_size=5),
    st.permutations(range(3)),
    st.integers(0, 3),
    st.sampled_from(["update", "merge", "saved"]),
)
def test_neither_cuts_nor_the_order_of_assets_change_a_byte(
    cuts: list[int], order: list[int], turn: int, how: str
) -> None:
    whole, pieces = fresh(2.0), fresh(2.0)
    first = acm_rs.RunningMoments.of_sample(rows(500, 99)).to_bytes()
    for period in range(5):
        assets = [rows(100, 10 * period + asset) for asset in range(3)]
        for asset in assets:
            whole.merge(acm_rs.RunningMoments.from_bytes(first).update(asset))
        for asset in order[turn:] + order[:turn]:
            counted = acm_rs.RunningMoments.from_bytes(first)
            for begin, end in pairwise([0, *sorted(cuts), 100]):
                piece = np.asfortranarray(assets[asset][begin:end])
                if how == "update":
                    counted.update(piece)
                else:
                    counted.merge(acm_rs.RunningMoments.from_bytes(first).update(piece), follows=True)
            pieces.merge(counted)
        if how == "saved":
            pieces = pickle.loads(pickle.dumps(pieces))
        assert whole.close(trusted=period < 2).taken == pieces.close(trusted=period < 2).taken
    assert pieces.to_bytes() == whole.to_bytes()
    assert pieces.moments.to_bytes() == whole.moments.to_bytes()


def test_updates_in_pieces_are_one_update_and_alarms_are_left_out() -> None:
    x = rows(200, 3)
    alarm = np.zeros(200, bool)
    alarm[[7, 8, 150]] = True
    whole = fresh().update(x, alarm)
    pieces = fresh()
    for begin, end in pairwise([0, 8, 8, 90, 200]):
        pieces.update(x[begin:end], alarm[begin:end])
    assert pieces == whole
    kept = whole.open
    np.testing.assert_allclose(kept.covariance(), np.cov(x[~alarm].T), rtol=1e-8)
    assert kept.counts[0, 0] == 197
    assert np.array_equal(x, rows(200, 3))
    period = whole.close(trusted=True)
    assert (period.taken, period.rows, period.alarms) == (True, 200, 3)


def test_models_are_fitted_from_what_is_left() -> None:
    health = trained(halflife=1000.0, periods=5)
    x = np.concatenate([rows(100, seed) for seed in range(5)])
    found = acm_rs.MahalanobisDetector("none").fit_moments(health.moments)
    whole = acm_rs.MahalanobisDetector("none").fit(x)
    np.testing.assert_allclose(found.score(x), whole.score(x), rtol=1e-7)
    for model in (acm_rs.PCADetector(2), acm_rs.OMRDetector("ridge"), acm_rs.AR1Detector()):
        scores = model.fit_moments(health.moments).score(x)
        assert scores.shape == (500,)
        assert np.isfinite(scores).all()


# ---- the limit ------------------------------------------------------------------------------------------------------


def test_shift_is_that_of_regressions_on_the_other_sensors() -> None:
    health = trained(halflife=1000.0, periods=5)
    x = np.concatenate([rows(100, seed) for seed in range(5)])
    later = np.add(rows(50, 77), [0.0, 1.0, 0.0, 0.0])
    step = later.mean(axis=0) - x.mean(axis=0)
    expected = []
    for sensor in range(4):
        others = np.delete(x - x.mean(axis=0), sensor, axis=1)
        own = x[:, sensor] - x[:, sensor].mean()
        slopes = np.linalg.lstsq(others, own, rcond=None)[0]
        spread = np.sqrt(np.mean((own - others @ slopes) ** 2))
        expected.append((step[sensor] - np.delete(step, sensor) @ slopes) / spread)
    np.testing.assert_allclose(health.update(later).shift(), expected, rtol=1e-8)
    np.testing.assert_allclose(health.shift(health.open), expected, rtol=1e-8)


def test_a_step_is_refused_by_name_and_health_stays_until_it_is_trusted() -> None:
    health = trained()
    before, periods = health.moments, health.periods
    fault = np.add(rows(100, 50), [0.0, 0.0, 12.0, 0.0])
    kinds = []
    for _ in range(40):
        period = health.update(fault).close()
        kinds.append(period.taken)
    assert not any(kinds[-30:])
    assert period.refused[0] == 2
    assert abs(period.moved[2]) > 0.5 or period.grown[2] > 0.5
    assert health.refused == 40 - (health.periods - periods)
    assert np.abs(health.shift(before)).max() < 0.5
    assert health.update(fault).close(trusted=True).taken
    free = trained(drift=None)
    for _ in range(40):
        free.update(fault).close()
    assert np.abs(free.shift(before)).max() > 3.0


def test_what_is_slower_than_the_limit_is_followed_and_what_is_faster_is_not() -> None:
    found = {}
    for pace in (0.2, 2.0):
        health = trained(halflife=10.0)
        deviation = np.sqrt(1.0 / np.linalg.inv(MIXING.T @ MIXING)[1, 1])
        for period in range(100):
            x = rows(100, 1000 + period)
            x[:, 1] += deviation * pace * period / 10.0
            health.update(x).close()
        found[pace] = health.refused
    assert found[0.2] <= 5
    assert found[2.0] >= 80


def test_how_far_health_moves_is_told_of_what_is_left_afterwards() -> None:
    health = trained(halflife=2.0, periods=5)
    gone = 0
    for seed in range(10):
        before = acm_rs.FadingMoments.from_bytes(health.to_bytes())
        period = health.update(rows(100, 40 + seed)).close(trusted=True)
        gone += health.moments.rows <= before.moments.rows
        assert np.array_equal(period.moved, before.shift(health.moments))
    assert gone >= 3


def test_noise_that_grows_is_refused() -> None:
    health = trained()
    random = np.random.default_rng(0)
    refused = 0
    for period in range(30):
        x = rows(100, 200 + period)
        x[:, 3] += random.normal(0.0, 20.0, 100)
        last = health.update(x).close()
        refused += not last.taken
    assert refused >= 25
    assert 3 in last.refused
    assert last.grown[3] > 0.5


def test_a_period_of_alarms_is_refused_and_one_without_rows_changes_nothing() -> None:
    health = trained()
    alarm = np.zeros(100, bool)
    alarm[:51] = True
    period = health.update(rows(100, 60), alarm).close()
    assert (period.taken, period.alarms, period.refused) == (False, 51, ())
    assert health.refused == 1
    before = health.to_bytes()
    assert not health.close().taken
    assert not health.update(np.zeros((0, 4))).close(trusted=True).taken
    assert health.to_bytes() == before
    assert not health.update(rows(10, 61), np.ones(10, bool)).close().taken
    assert health.refused == 2


def test_a_sensor_that_stood_still_and_moves_is_refused() -> None:
    health = acm_rs.FadingMoments(acm_rs.RunningMoments([0.0, 5.0], [1.0, 5.0]), 5.0)
    still = np.column_stack([np.random.default_rng(0).normal(size=300), np.full(300, 5.0)])
    for _ in range(6):
        health.update(still).close(trusted=True)
    assert health.update(still).close().taken
    period = health.update(np.add(still, [0.0, 0.5])).close()
    assert (period.taken, period.refused, period.moved[1]) == (False, (1,), np.inf)
    gone = still.copy()
    gone[:, 1] = np.nan
    assert health.update(gone).close().taken


# ---- seeded plants --------------------------------------------------------------------------------------------------


def test_a_slow_leak_is_learnt_without_the_limit_and_told_with_it() -> None:
    plant = Plant(3, rows=ROWS)
    leak = plant.fault("slow leak", 3.0)
    sensor = plant.names.index(str(leak.sensor))
    found: dict[str, Lived] = {}
    learnt = {}
    for kind in ("forgetting", "limited"):
        found[kind] = lived(plant, leak.readings, kind, 14.0, 0.5)
        healthy = lived(plant, plant.healthy, kind, 14.0, 0.5)
        learnt[kind] = (healthy.center - found[kind].center)[sensor] / (3.0 * plant.sigma[sensor])
        assert healthy.share(slice(0, ROWS)) < 0.1
        assert not healthy.refused.any()
    last = slice(ROWS - 14 * DAY, ROWS)
    assert found["forgetting"].share(last, sensor) < 0.1
    assert found["limited"].share(last, sensor) > 0.8
    assert learnt["forgetting"] > 0.8
    assert abs(learnt["limited"]) < 0.35
    told = found["limited"].alarms[found["limited"].days >= leak.start + RAMP["slow leak"]].sum(axis=0)
    assert int(told.argmax()) == sensor


def test_a_season_is_followed() -> None:
    plant = Plant(3, rows=ROWS)
    later = season(plant, 0.4, 14.0)
    last = slice(ROWS - 14 * DAY, ROWS)
    fixed, limited = (lived(plant, later, kind, 14.0, 0.5) for kind in ("fixed", "limited"))
    assert fixed.share(last) > 0.5
    assert limited.share(last) < 0.1
    assert limited.refused.mean() < 0.1


# ---- how it is called -----------------------------------------------------------------------------------------------


def test_frames_have_names_that_must_agree_and_name_what_is_refused() -> None:
    pandas = pytest.importorskip("pandas")

    def frame(seed: int) -> Any:
        return pandas.DataFrame(rows(100, seed), columns=list("abcd"))

    health = acm_rs.FadingMoments(acm_rs.RunningMoments.of_sample(rows(500, 99)), 10)
    for seed in range(20):
        health.update(frame(seed)).close(trusted=True)
    assert health.names == health.moments.names == tuple("abcd")
    before = health.to_bytes()
    with pytest.raises(ValueError, match="in their order"):
        health.update(frame(0)[list("bacd")])
    with pytest.raises(ValueError, match="same index"):
        health.update(frame(0), pandas.Series(np.zeros(100, bool), index=np.arange(100) + 1))
    assert health.to_bytes() == before
    for _ in range(15):
        fault = frame(30)
        fault["d"] += 15.0
        period = health.update(fault, pandas.Series(np.zeros(100, bool))).close()
    assert period.refused[0] == "d"


@pytest.mark.parametrize("kind", ["pandas", "pandas in columns", "polars", "float32", "a series"])
def test_frames_of_all_kinds_leave_the_same_rows_out(kind: str) -> None:
    x, alarm = rows(60, 1), np.arange(60) % 7 == 0
    first = acm_rs.RunningMoments.of_sample(rows(500, 99))
    given: Any = x.astype(np.float32)
    if kind == "a series":
        x, given = x[:, :1], pytest.importorskip("pandas").Series(x[:, 0])
        first = acm_rs.RunningMoments.of_sample(rows(500, 99)[:, :1])
    elif kind != "float32":
        frames = pytest.importorskip(kind.split(" ")[0])
        given = frames.DataFrame(dict(zip("abcd", x.T, strict=True)))
        given = given if "columns" in kind or kind == "polars" else frames.DataFrame(x, columns=list("abcd"))
    elif kind == "float32":
        x = given.astype(np.float64)
    health = acm_rs.FadingMoments(first, 5.0).update(given, alarm)
    expected = acm_rs.FadingMoments(first, 5.0).update(x, alarm)
    assert np.array_equal(health.open.covariance(), expected.open.covariance())
    period = health.close(trusted=True)
    assert (period.rows, period.alarms) == (60, 9)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: acm_rs.FadingMoments([0.0], 3.0), TypeError, "`first` must be RunningMoments"),  # type: ignore[arg-type]
        (
            lambda: acm_rs.FadingMoments(acm_rs.RunningMoments([0.0], [1.0]).update(np.ones(3)), 3.0),
            ValueError,
            "counted no row",
        ),
        (lambda: fresh(0.5), ValueError, "`halflife` must be from 1 to 10,000"),
        (lambda: fresh("3d"), TypeError, "`halflife` must be a number"),  # type: ignore[arg-type]
        (lambda: fresh(drift=0.0), ValueError, "`drift` must be above 0"),
        (lambda: fresh(drift=float("nan")), ValueError, "`drift` must be above 0"),
        (lambda: fresh(drift=True), TypeError, "`drift` must be a number"),
        (lambda: fresh().update(np.zeros((3, 2))), ValueError, "4 columns"),
        (lambda: fresh().update(np.zeros((3, 4), int), np.ones(3, bool)), TypeError, "float64"),
        (lambda: fresh().update(rows(3, 0), np.ones(3)), TypeError, "`alarm` must be an array of bool"),
        (lambda: fresh().update(rows(3, 0), np.ones(2, bool)), ValueError, "`alarm` must have a value for each of 3"),
        (lambda: fresh().merge(acm_rs.RunningMoments([0.0], [1.0])), ValueError, "`other` must have the same"),
        (lambda: fresh().merge(3), TypeError, "RunningMoments"),  # type: ignore[arg-type]
        (lambda: fresh().update(rows(9, 0)).close(), RuntimeError, "trusted=True"),
        (lambda: fresh().close(1), TypeError, "`trusted` must be True or False"),  # type: ignore[arg-type]
        (lambda: fresh().shift(), RuntimeError, "nothing has been learnt"),
        (lambda: trained().shift(acm_rs.RunningMoments([0.0], [1.0])), ValueError, "4 sensors, got 1"),
        (lambda: trained().shift(3), TypeError, "`moments` must be RunningMoments"),  # type: ignore[arg-type]
    ],
)
def test_bad_calls_are_told(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


@pytest.mark.parametrize("drift", [0.5, None, float("inf")])
def test_a_file_goes_on_where_it_was(tmp_path: Path, drift: float | None) -> None:
    health = trained(3.0, drift, 7).update(rows(20, 8), np.arange(20) < 3)
    health.save(tmp_path / "health.acm")
    again = acm_rs.FadingMoments.load(tmp_path / "health.acm")
    assert again == health
    assert again != fresh()
    assert repr(again) == repr(health)
    assert (again.halflife, again.drift) == (3.0, drift)
    for _ in range(3):
        one, other = health.update(rows(50, 9)).close(), again.update(rows(50, 9)).close()
        assert one.taken == other.taken
        assert np.array_equal(one.moved, other.moved)
    assert again.to_bytes() == health.to_bytes()


def test_damage_and_other_files_are_told(tmp_path: Path) -> None:
    whole = trained(3.0, 0.5, 4).to_bytes()
    for place in range(0, len(whole), 211):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        with pytest.raises(ValueError, match=r"damaged|no state of FadingMoments"):
            acm_rs.FadingMoments.from_bytes(damaged)
    (tmp_path / "moments.acm").write_bytes(fresh().open.to_bytes())
    with pytest.raises(ValueError, match="no state of FadingMoments"):
        acm_rs.FadingMoments.load(tmp_path / "moments.acm")
    with pytest.raises(ValueError, match="FadingMoments"):
        acm_rs.Monitor.from_bytes(whole)
