"""Training rows with error codes, stuck sensors, spikes or faults: fits learn from the rest, and tell of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from acm_rs import sklearn
from acm_rs.fillers import many_codes
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

ROWS = 2000
SENSOR = 2

MODELS: dict[str, Callable[[], Any]] = {
    "pca": lambda: acm_rs.PCADetector(2),
    "mahalanobis": acm_rs.MahalanobisDetector,
    "omr": lambda: acm_rs.OMRDetector(clip=None),
    "mixture": lambda: acm_rs.GaussianMixture(2, covariance="full"),
    "fused": acm_rs.FusedDetector,
    "similarity": acm_rs.SimilarityDetector,
}


def plant(rows: int, seed: int = 0) -> Matrix:
    """Six sensors of two loads, with a fifth of noise."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(1).normal(size=(2, 6))
    return random.normal(size=(rows, 2)) @ mixing + 0.2 * random.normal(size=(rows, 6))


def limit_of(model: Any) -> float:
    """What one healthy row in a hundred exceeds."""
    own = (acm_rs.PCADetector, acm_rs.SimilarityDetector, acm_rs.FusedDetector)
    return 1.0 if isinstance(model, own) else float(model.limit(0.01))


def with_code(x: Matrix, code: float, count: int) -> Matrix:
    x[np.random.default_rng(5).choice(len(x), count, replace=False), SENSOR] = code
    return x


def with_block(x: Matrix, rows: int) -> Matrix:
    x[700 : 700 + rows] = -999.0
    return x


def with_shift(x: Matrix) -> Matrix:
    x[700:900, SENSOR] += 5.0
    return x


def with_garbage(x: Matrix) -> Matrix:
    random = np.random.default_rng(6)
    x[random.choice(len(x), 100, replace=False)] = random.uniform(-20, 20, (100, 6))
    return x


def stuck(x: Matrix) -> Matrix:
    x[1500:1600, SENSOR] = x[1500, SENSOR]
    return x


def mixed(x: Matrix) -> Matrix:
    x[300:340, 0] = -999.0
    x[900:930, 3] = 65535.0
    x[1500:1530, SENSOR] += 5.0
    x[1700, 4] = 300.0
    return x


BAD: dict[str, Callable[[Matrix], Matrix]] = {
    **{
        f"{count}x{code}": lambda x, code=code, count=count: with_code(x, code, count)
        for code in (-99.0, -999.0, -9999.0)
        for count in (1, 10, 60)
    },
    "block100": lambda x: with_block(x, 100),
    "block200": lambda x: with_block(x, 200),
    "shift": with_shift,
    "garbage": with_garbage,
    "stuck": stuck,
    "mixed": mixed,
}


def told(fit: Callable[[], Any]) -> tuple[Any, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = fit()
    return model, [str(warning.message) for warning in caught]


def found(model: Any, limit: float) -> tuple[float, float]:
    """Shares of healthy rows and of rows with a fault of that sensor in alarm."""
    healthy = plant(2000, 8)
    faulty = healthy.copy()
    faulty[:, SENSOR] += 1.0
    return float(np.mean(model.score(healthy) > limit)), float(np.mean(model.score(faulty) > limit))


@pytest.mark.parametrize("name", MODELS)
def test_bad_training_rows_neither_blind_a_model_nor_make_it_alarm(name: str) -> None:
    make, clean = MODELS[name], plant(ROWS, 7)
    model, said = told(lambda: make().fit(clean))
    assert said == []
    # The limit is that of healthy rows which no fit has seen, the same for all; the fused detector has its own.
    limit = 1.0 if name == "fused" else float(np.quantile(model.score(plant(20_000, 9)), 0.99))
    healthy, before = found(model, limit)
    assert before > 0.5
    for kind, spoil in BAD.items():
        model, said = told(lambda spoil=spoil: make().fit(spoil(clean.copy())))
        assert [text[:21] for text in said] == ["left out of the fit: "], (kind, said)
        alarms, faults = found(model, limit)
        # The fused detector sets its limit itself: what it alarms after a clean history is no fault of the bad rows.
        most = max(0.02, healthy + 0.0101) if name == "fused" else 0.02
        assert alarms <= most, (kind, alarms, healthy)
        assert faults >= 0.95 * before, (kind, faults, before)


@pytest.mark.parametrize("name", MODELS)
def test_what_was_left_out_is_said_and_kept(name: str) -> None:
    frame = pd.DataFrame(mixed(plant(ROWS, 7)), columns=list("abcdef"))
    model, said = told(lambda: MODELS[name]().fit(frame))
    lost = list(range(1500, 1530))
    assert said == [
        "left out of the fit: 40 readings of 'a' (40 at the error code -999); 30 readings of 'd' (30 at the error code "
        "65535); 1 reading of 'e' (1 far from all others); 30 rows unlike the others (1500 to 1529)"
    ]
    for kept in (model, type(model).from_bytes(model.to_bytes())):
        rows, readings, still, codes = kept.left_out_
        assert rows.tolist() == lost
        assert readings.tolist() == [40, 0, 0, 30, 1, 0]
        assert still.tolist() == [0] * 6
        assert codes == ((0, -999.0, 40), (3, 65535.0, 30))
    model, said = told(lambda: MODELS[name]().fit(stuck(plant(ROWS, 7))))
    assert said == ["left out of the fit: 100 readings of column 2 of `x` (100 while it was stuck)"]
    assert model.left_out_.stuck.tolist() == [0, 0, 100, 0, 0, 0]


def healthy() -> Iterator[tuple[str, Matrix]]:
    random = np.random.default_rng(3)
    yield "loads", plant(1000, 4)
    yield "one sensor", random.normal(size=(1000, 1))
    yield "heavy tails", random.normal(size=(1000, 8)) / np.sqrt(random.chisquare(5, size=(1000, 1)) / 5)
    yield "skewed", random.exponential(size=(1000, 6))
    slow = np.cumsum(random.normal(size=(1000, 6)), axis=0)
    yield "wandering", slow
    yield "rounded", np.round(plant(1000, 4), 1)
    yield "on and off", np.column_stack([plant(1000, 4), np.arange(1000) // 100 % 2])
    yield "few rows", plant(40, 4)
    yield "wide", random.normal(size=(60, 99))
    yield "two loads of a kind", plant(1000, 4) + 30.0 * (np.arange(1000)[:, None] // 250 % 2)


@pytest.mark.parametrize("kind", [kind for kind, _ in healthy()])
def test_healthy_rows_are_all_learned_from(kind: str) -> None:
    x = dict(healthy())[kind]
    model, said = told(lambda: acm_rs.MahalanobisDetector().fit(x))
    # That it wanders is said, too.
    assert ["wander: neither half" in one for one in said] == [True] * (kind == "wandering")
    assert model.left_out_.rows.size == model.left_out_.readings.sum() == 0


def test_healthy_rows_of_many_seeds_are_hardly_ever_left_out() -> None:
    left = 0
    for seed in range(60):
        rows = (30, 100, 400)[seed % 3]
        x = np.random.default_rng(seed).normal(size=(rows, (1, 4, 20)[seed // 3 % 3]))
        left += told(lambda x=x: acm_rs.MahalanobisDetector().fit(x))[1] != []
    assert left <= 1


def test_the_scale_of_a_sensor_is_not_that_of_its_code() -> None:
    y = np.random.default_rng(0).normal(size=(1000, 4))
    clean = acm_rs.PCADetector(2).fit(y).scale_
    y[500, 1] = -9999.0
    spoiled, _ = told(lambda: acm_rs.PCADetector(2).fit(y))
    np.testing.assert_allclose(spoiled.scale_, clean, rtol=0.01)


@pytest.mark.parametrize("count", [0, 21, 120, 400, 800])
def test_regimes_stay_unknown_whatever_the_share_of_rare_states(count: int) -> None:
    random = np.random.default_rng(2)
    x = random.normal([1500.0, 8.0, 60.0], [10.0, 0.2, 1.0], size=(20_000, 3))
    for first in range(0, count, 40):
        at = 300 + 24 * first
        x[at : at + 40] = random.normal([300.0, 2.0, 30.0], [10.0, 0.2, 1.0], size=(40, 3))
    model, _ = told(lambda: acm_rs.RegimeModel().fit(x))
    assert model.predict(np.array([[1900.0, 8.0, 60.0], [1500.0, 4.0, 60.0]])).tolist() == [-1, -1]
    assert (model.predict(random.normal([1500.0, 8.0, 60.0], [10.0, 0.2, 1.0], size=(1000, 3))) == -1).mean() < 0.02


def test_a_code_in_every_thousandth_row_leaves_unknown_to_regimes() -> None:
    random = np.random.default_rng(2)
    x = random.normal([1500.0, 8.0, 60.0], [10.0, 0.2, 1.0], size=(20_000, 3))
    x[random.choice(20_000, 21, replace=False), 1] = -9999.0
    model, said = told(lambda: acm_rs.RegimeModel().fit(x))
    assert said == ["left out of the fit: 21 readings of column 1 of `x` (21 at the error code -9999)"]
    assert model.predict(np.array([[1900.0, 8.0, 60.0]])).tolist() == [-1]
    assert model.labels_.shape == (20_000,)


def test_standstill_is_a_regime_and_its_noise_no_other() -> None:
    x = plant(2000, 3) + 50.0
    x[300:1500] = 0.0
    model, _ = told(lambda: acm_rs.RegimeModel().fit(x))
    labels = model.predict(np.vstack([np.zeros((2, 6)), np.full((1, 6), 1e-6), x[:2]]))
    assert labels[0] == labels[1] == labels[2] != -1
    assert labels[3] == labels[4] not in (-1, labels[0])


def test_threads_and_layouts_change_no_byte() -> None:
    x = mixed(plant(ROWS, 7))
    x[::13, 1] = np.nan
    threads = acm_rs.get_num_threads()
    for name, make in MODELS.items():
        saved = []
        for count, array in ((1, x), (2, x), (2, np.asfortranarray(x))):
            acm_rs.set_num_threads(count)
            saved.append(told(lambda make=make, array=array: make().fit(array))[0].to_bytes())
        acm_rs.set_num_threads(threads)
        assert saved[0] == saved[1] == saved[2], name


def rare(x: Matrix, episodes: int) -> Matrix:
    """A start-up of twenty rows now and then: other loads, other sensors far away."""
    away = np.array([20.0, -15.0, 12.0, 0.0, 30.0, -9.0])
    for first in np.linspace(100, len(x) - 100, episodes).astype(int):
        x[first : first + 20] += away
    return x


@pytest.mark.parametrize("name", ["pca", "mahalanobis"])
@pytest.mark.parametrize("episodes", [1, 2, 4])
def test_a_rare_state_is_healthy_and_blinds_nothing(name: str, episodes: int) -> None:
    model, said = told(lambda: MODELS[name]().fit(rare(plant(ROWS, 7), episodes)))
    assert said == []
    clean = MODELS[name]().fit(plant(ROWS, 7))
    limit = float(np.quantile(clean.score(plant(20_000, 9)), 0.99))
    alarms, faults = found(model, limit)
    assert alarms <= 0.02
    assert faults >= 0.95 * found(clean, limit)[1]
    state = plant(500, 12) + np.array([20.0, -15.0, 12.0, 0.0, 30.0, -9.0])
    assert np.mean(model.score(state) > limit) < 0.02 < 0.9 < np.mean(clean.score(state) > limit)
    # A fault is found in the state too, and blamed on its sensor.
    state[:, SENSOR] += 1.5
    assert np.mean(model.score(state) > limit) > 0.9
    assert np.bincount(np.abs(model.contributions(state)).argmax(axis=1)).argmax() == SENSOR
    for kept in (type(model).from_bytes(model.to_bytes()),):
        assert kept == model
        assert kept.score(state).tobytes() == model.score(state).tobytes()
        assert (
            np.concatenate([kept.update(row[None]) for row in state[:9]]).tobytes() == model.score(state)[:9].tobytes()
        )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("course", ["step", "ramp", "noisy"])
@pytest.mark.parametrize("length", [50, 100])
def test_a_fault_that_was_repaired_blinds_nothing(name: str, course: str, length: int) -> None:
    """One sensor was off once, by what the noise hides in single rows or by much: a later fault is found as without."""
    found = []
    for seed in range(4):
        clean, fresh = plant(ROWS, 10 * seed + 3), plant(1500, 10 * seed + 4)
        random = np.random.default_rng(seed)
        away = {
            "step": np.ones(length),
            "ramp": np.linspace(0.0, 1.0, length),
            "noisy": random.normal(1.0, 0.3, length),
        }
        for size in (1.0, 3.0):
            trained = clean.copy()
            trained[700 : 700 + length, SENSOR] += size * away[course]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                models = [MODELS[name]().fit(x) for x in (clean, trained)]
            healthy = [np.mean(model.score(fresh) > limit_of(model)) for model in models]
            for sensor in (SENSOR, 5):
                x = fresh.copy()
                x[300:, sensor] += size
                found.append([np.mean(model.score(x)[350:] > limit_of(model)) for model in models] + healthy)
    before, after, usual, now = np.mean(found, axis=0)
    assert after >= 0.95 * before, (before, after)
    assert now < max(0.02, usual + 0.01)


@pytest.mark.parametrize("name", MODELS)
def test_a_fault_of_one_sensor_within_its_range_is_none_of_the_ways_to_run(name: str) -> None:
    """Once, for a tenth of the rows: no other sensor moves, and the sensor reads what it often reads."""
    x, healthy = plant(ROWS, 7), plant(2000, 8)
    sensor = int(x.std(axis=0).argmax())
    shift = 2.5 * x[:, sensor].std()
    x[700:900, sensor] += shift
    model, said = told(lambda: MODELS[name]().fit(x))
    assert [text[:21] for text in said] == ["left out of the fit: "], said
    assert len(model.left_out_.rows) > 190
    assert set(model.left_out_.rows.tolist()) <= set(range(700, 900))
    limit = 1.0 if name == "fused" else float(np.quantile(model.score(plant(20_000, 9)), 0.99))
    assert np.mean(model.score(healthy) > limit) <= 0.02
    healthy[:, sensor] += shift
    assert np.mean(model.score(healthy) > limit) > 0.95


@pytest.mark.parametrize("share", [0.4, 0.7])
@pytest.mark.parametrize("name", ["mixture", "similarity"])
def test_standstill_takes_no_part_in_how_running_rows_are_judged(name: str, share: float) -> None:
    x = plant(3000, 7) + 50.0
    still = int(share * len(x))
    clean, said = told(lambda: MODELS[name]().fit(x[still:]))
    assert said == []
    x[:still] = 0.0
    model, said = told(lambda: MODELS[name]().fit(x))
    assert said == []
    healthy = plant(2000, 8) + 50.0
    faulty = healthy.copy()
    faulty[:, SENSOR] += 1.0
    before = np.mean(clean.score(faulty) > clean.limit(0.01))
    assert before > 0.5
    assert np.mean(model.score(healthy) > model.limit(0.01)) < 0.02
    assert np.mean(model.score(faulty) > model.limit(0.01)) > 0.95 * before
    assert np.all(model.score(np.zeros((5, 6))) < model.limit(0.01))
    # Scores stay in units of how running rows vary.
    assert np.abs(np.median(model.score(healthy))) < 2.0


@pytest.mark.parametrize("name", ["pca", "mahalanobis"])
def test_standstill_in_most_rows_leaves_running_rows_as_they_are(name: str) -> None:
    x = plant(ROWS, 7) + 50.0
    x[300:1500] = 0.0
    model, said = told(lambda: MODELS[name]().fit(x))
    assert said == []
    clean = MODELS[name]().fit(np.delete(x, np.s_[300:1500], axis=0))
    healthy = plant(2000, 8) + 50.0
    np.testing.assert_allclose(model.score(healthy), clean.score(healthy), rtol=1e-12)
    assert np.all(model.score(np.zeros((5, 6))) < np.quantile(clean.score(healthy), 0.5))


def test_standstill_leaves_the_scale_of_autoregression_to_the_rows_in_which_it_moves() -> None:
    random = np.random.default_rng(4)
    x = np.zeros((3000, 3))
    for row in range(1, 3000):
        x[row] = 0.5 * x[row - 1] + random.normal(size=3)
    x += 20.0
    scales = {}
    for share in (0.4, 0.6):
        still = x.copy()
        still[500 : 500 + int(share * 3000)] = 0.0
        scales[share] = acm_rs.AR1Detector().fit(still).sd_
    np.testing.assert_array_less(0.5, scales[0.6])
    np.testing.assert_array_less(scales[0.6], 3.0)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("sensors", [[2], [0, 1, 2, 3]])
def test_codes_in_more_rows_than_a_fit_leaves_out_are_told(named: bool, sensors: list[int]) -> None:
    x = np.random.default_rng(1).normal(size=(1000, 4)) + 20.0
    x[np.ix_(np.arange(1000) % 50 < 10, sensors)] = -9999.0
    given = pd.DataFrame(x, columns=list("abcd")) if named else x
    with pytest.warns(UserWarning, match="reads -9999") as told:
        acm_rs.GaussianMixture(2).fit(given)
    found = [str(one.message) for one in told if "reads -9999 in 20 % of the rows" in str(one.message)]
    assert [one.split(" reads")[0] for one in found] == [repr("abcd"[k]) if named else f"column {k}" for k in sensors]


def test_states_and_few_codes_are_no_such() -> None:
    x = np.random.default_rng(1).normal(size=(1000, 4)) + 20.0
    assert many_codes(x) == many_codes(list(x.T)) == []
    x[:90, 1] = -9999.0
    assert many_codes(x) == []
    x[:200, 1] = -9999.0
    assert many_codes(x) == many_codes(list(x.T)) == [(1, -9999.0, 0.2)]
    # A speed may be this, a set point, and a sensor may read nothing else.
    x[:, 1] = np.linspace(500.0, 1400.0, 1000)
    x[:200, 1] = 999.0
    x[:, 2] = -9999.0
    x[:, 3] = np.where(np.arange(1000) % 3 == 0, 999.0, 950.0)
    assert many_codes(x) == []
    assert many_codes(np.zeros((0, 3))) == many_codes(np.zeros(3)) == many_codes([]) == []


def test_two_codes_a_spike_beyond_them_and_single_precision() -> None:
    x = np.random.default_rng(1).normal(size=(5000, 2)) + 20.0
    x[:700, 0], x[1000:1600, 0], x[4000, 0] = -9999.0, 9999.9, 1e7
    assert many_codes(x) == [(0, -9999.0, 0.14), (0, 9999.9, 0.12)]
    for model, given in ((acm_rs.PCADetector(1), x.astype(np.float32)), (sklearn.PCADetector(1), x)):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.fit(given)
        texts = " ".join(str(one.message) for one in told)
        assert "column 0 reads -9999 in 14 %" in texts
        assert "column 0 reads 9999.9 in 12 %" in texts
