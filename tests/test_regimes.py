"""Regimes of a machine: found again, numbered as before, sure of themselves, and silent about what they do not know."""

from __future__ import annotations

import warnings
from typing import Any

import acm_rs
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score


def _fan(rows: int, seed: int, share: float = 0.3) -> tuple[Any, Any]:
    """A fan that runs at two speeds or stands still, in long stays: speed, current, vibration, temperature."""
    random = np.random.default_rng(seed)
    usual = np.array([[1480.0, 8.2, 2.1, 61.0], [0.0, 0.05, 0.1, 28.0], [890.0, 4.1, 1.2, 47.0]])
    noise = np.array([[6.0, 0.2, 0.15, 1.5], [0.4, 0.01, 0.02, 1.5], [5.0, 0.15, 0.1, 1.5]])
    states = np.empty(0, dtype=int)
    while len(states) < rows:
        state = random.choice(3, p=[0.9 - share, share, 0.1])
        states = np.concatenate([states, np.full(random.integers(40, 160), state)])
    states = states[:rows]
    return usual[states] + noise[states] * random.standard_normal((rows, 4)), states


@pytest.fixture(scope="module")
def fan() -> Any:
    x, states = _fan(4000, 0)
    return acm_rs.RegimeModel().fit(x), x, states


def test_the_states_of_a_fan_are_its_regimes(fan: Any) -> None:
    model, x, states = fan
    assert model.n_regimes_ == 3
    known = model.labels_ >= 0
    assert known.mean() > 0.99
    assert adjusted_rand_score(states[known], model.labels_[known]) > 0.999
    np.testing.assert_array_equal(model.predict(x), model.labels_)
    assert model.counts_.sum() == 4000
    for number, center, spread in zip(model.regimes_, model.centers_, model.spreads_, strict=True):
        rows = x[model.labels_ == number]
        np.testing.assert_allclose(center, rows.mean(axis=0), rtol=0.02, atol=0.02)
        np.testing.assert_allclose(spread, rows.std(axis=0), rtol=0.2)


def test_a_later_batch_has_the_same_regimes(fan: Any) -> None:
    model, _x, states = fan
    later, later_states = _fan(2000, 5, share=0.6)
    labels = model.predict(later)
    names = {state: np.bincount(model.labels_[(states == state) & (model.labels_ >= 0)]).argmax() for state in range(3)}
    wanted = np.array([names[state] for state in later_states])
    assert (labels == wanted).mean() > 0.99
    # Another fit has the same numbers where it is told of the first, though another regime is the largest.
    again = acm_rs.RegimeModel(3).fit(later, reference=model)
    assert (again.labels_ == wanted).mean() > 0.99
    free = acm_rs.RegimeModel(3).fit(later)
    assert (free.labels_ == wanted).mean() < 0.9


def test_new_regimes_get_new_numbers_and_old_numbers_are_not_given_again(fan: Any) -> None:
    model, x, states = fan
    fewer = acm_rs.RegimeModel(2).fit(x[states != 2], reference=model)
    gone = set(model.regimes_) - set(fewer.regimes_)
    assert len(gone) == 1
    fresh = x.copy()
    fresh[states == 2] = x[states == 2] + [2000.0, 20.0, 5.0, 0.0]
    again = acm_rs.RegimeModel(3).fit(fresh, reference=fewer)
    assert max(again.regimes_) == 3
    assert len(set(again.regimes_) & set(fewer.regimes_)) == 2


def test_rows_unlike_all_training_rows_are_unknown(fan: Any) -> None:
    model, x, _ = fan
    odd = x[:5].copy()
    odd[0, 2] = 40.0
    odd[1] = [450.0, 2.0, 0.6, 90.0]
    odd[2] = np.nan
    odd[3] = 1e300
    labels, sure, scores = model.predict(odd), model.confidence(odd), model.score(odd)
    np.testing.assert_array_equal(labels == -1, [True, True, True, True, False])
    np.testing.assert_array_equal(sure[:4], 0.0)
    assert np.isnan(scores[2])
    assert (scores[[0, 1, 3]] > 3.0).all()
    assert model.contributions(odd)[0].argmax() == 2
    assert ((model.confidence(x) > 0.0) | (model.labels_ == -1) | (model.score(x) >= model.limits_.min())).all()


def test_confidence_is_its_formula(fan: Any) -> None:
    model, x, _ = fan
    distances = np.sort(model.transform(x), axis=1)
    nearest = model.transform(x).argmin(axis=1)
    score, limit = model.score(x), model.limits_[nearest]
    np.testing.assert_allclose(score, distances[:, 0] / model.scale_[nearest], rtol=1e-12)
    near = np.clip((limit - score) / (limit - 1.0), 0.0, 1.0)
    np.testing.assert_allclose(model.confidence(x), near * (1 - (distances[:, 0] / distances[:, 1]) ** 2), atol=1e-12)
    np.testing.assert_allclose(model.contributions(x).sum(axis=1), score**2, rtol=1e-10)
    np.testing.assert_array_equal(model.labels_ == -1, score > limit)
    for place in range(3):
        own = score[nearest == place]
        assert np.median(own) == pytest.approx(1.0, rel=1e-12)
        assert model.limits_[place] == pytest.approx(1.5 * np.quantile(own, 0.995), rel=1e-10)


def test_a_missing_sensor_does_not_make_a_row_unknown(fan: Any) -> None:
    model, x, _ = fan
    for column in range(4):
        holes = x.copy()
        holes[:, column] = np.nan
        assert (model.predict(holes) == model.labels_).mean() > 0.97


def test_small_regimes_lean_on_all_rows() -> None:
    x, states = _fan(3000, 1)
    few = np.flatnonzero(states == 2)[:8]
    x = np.vstack([x[states != 2], x[few]])
    model = acm_rs.RegimeModel(3, min_rows=20).fit(x)
    small = model.counts_.argmin()
    assert model.counts_[small] == 8
    own = acm_rs.RegimeModel(3, min_rows=2).fit(x)
    assert model.scale_[small] != own.scale_[small]
    np.testing.assert_array_equal(np.delete(model.scale_, small), np.delete(own.scale_, small))


def test_one_cloud_has_one_regime() -> None:
    x = np.random.default_rng(3).standard_normal((1000, 4)) + 50.0
    model = acm_rs.RegimeModel().fit(x)
    assert model.n_regimes_ == 1
    assert (model.labels_ >= 0).mean() > 0.99
    assert model.confidence(x).max() == 1.0


def test_tracking_is_causal_smoothing(fan: Any) -> None:
    _, x, _ = fan
    model = acm_rs.RegimeModel(smoothing=7).fit(x)
    later = _fan(500, 9)[0]
    whole = acm_rs.smooth_labels(model.predict(later), 7, causal=True)
    parts = []
    for piece in np.split(later, [1, 2, 50, 333]):
        parts.append(model.track(piece))
        model = acm_rs.RegimeModel.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_many_sensors_constants_and_spikes() -> None:
    random = np.random.default_rng(0)
    states = np.repeat([0, 1, 0], 300)
    x = random.standard_normal((900, 40)) + 8.0 * states[:, None]
    x[:, 7] = 3.0
    x[:, 8] = np.nan
    x[5, 9] = 1e150
    with pytest.warns(UserWarning, match="1 reading of column 9 of `x`"):
        model = acm_rs.RegimeModel().fit(x)
    assert model.n_regimes_ == 2
    np.testing.assert_array_equal(np.flatnonzero(~model.used_), [7, 8])
    known = model.labels_ >= 0
    assert adjusted_rand_score(states[known], model.labels_[known]) == 1.0
    assert model.labels_[5] == -1
    moved = (x + 1e9)[:, [0, 1, 2]]
    assert acm_rs.RegimeModel().fit(moved).n_regimes_ == 2


def test_parameters_and_references_are_named(fan: Any) -> None:
    model, x, _ = fan
    for wrong, text in (
        ({"n_regimes": "many"}, '`n_regimes` must be "auto"'),
        ({"n_regimes": 0}, "`n_regimes`"),
        ({"k_max": 1}, "`k_max`"),
        ({"min_rows": 0}, "`min_rows`"),
        ({"unknown_quantile": 0.0}, "`unknown_quantile`"),
        ({"margin": 0.5}, "`margin`"),
        ({"smoothing": 0}, "`smoothing`"),
    ):
        with pytest.raises(ValueError, match=text):
            acm_rs.RegimeModel(**wrong)
    with pytest.raises(TypeError, match=r"`reference` must be a RegimeModel, got KMeans|got str"):
        acm_rs.RegimeModel().fit(x, reference="model")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="not fitted"):
        acm_rs.RegimeModel().fit(x, reference=acm_rs.RegimeModel())
    with pytest.raises(ValueError, match="`x` must have 4 columns"):
        acm_rs.RegimeModel().fit(x[:, :2], reference=model)
    with pytest.raises(ValueError, match="at least 5 rows, got 3"):
        acm_rs.RegimeModel(5).fit(x[:3])


def _rare(kind: str) -> tuple[NDArray[np.float64], int]:
    """A plant in one state, with rare rows of a kind; and how many regimes that makes."""
    random = np.random.default_rng(1)
    usual, spread = np.array([1500.0, 8.0, 60.0]), np.array([10.0, 0.2, 1.0])
    x = random.normal(usual, spread, (6000, 3))
    some = random.choice(len(x), 240, replace=False)
    if kind == "codes in two sensors":
        x[some[:120], 0], x[some[120:], 2] = -999.0, -999.0
        return x, 1
    if kind == "two states":
        x[some[:120]] = random.normal([300.0, 2.0, 30.0], spread, (120, 3))
        x[some[120:]] = random.normal([900.0, 5.0, 45.0], spread, (120, 3))
        return x, 3
    if kind == "runs of ten rows":
        for start in range(100, 6000, 300):
            x[start : start + 10] = random.normal([300.0, 2.0, 30.0], spread, (10, 3))
        return x, 2
    if kind == "ramps":
        way = np.linspace(0.0, 1.0, 20)[:, None]
        for start in range(100, 5900, 500):
            x[start : start + 20] = way * usual + (1.0 - way) * [0.0, 0.0, 20.0] + random.normal(0.0, spread, (20, 3))
        return x, 1
    x[some] = random.uniform(0.0, 2.0 * usual, (240, 3))
    return x, 1


@pytest.mark.parametrize("kind", ["codes in two sensors", "two states", "runs of ten rows", "ramps", "rubbish"])
def test_rows_beyond_are_unknown_beside_every_kind_of_rare_ones(kind: str) -> None:
    x, regimes = _rare(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = acm_rs.RegimeModel().fit(x)
    assert model.n_regimes_ == regimes
    # 40 and 10 deviations of one sensor; between the states; where no row is.
    beyond = np.array([[1900.0, 8.0, 60.0], [1500.0, 8.0, 70.0], [1200.0, 6.5, 52.5], [600.0, 3.5, 80.0]])
    assert (model.predict(beyond) == -1).all()
    assert (model.confidence(beyond) == 0.0).all()
    assert model.predict(np.array([[1500.0, 8.0, 60.0], [1510.0, 8.1, 59.5]])).tolist() == [0, 0]


@pytest.mark.parametrize("share", [0.01, 0.03])
def test_rubbish_takes_no_regime_where_their_number_is_given(share: float) -> None:
    random = np.random.default_rng(2)
    states = np.array([[1500.0, 8.0, 60.0], [900.0, 5.0, 45.0]])
    spread = np.array([10.0, 0.2, 1.0])
    own = random.choice(2, 6000, p=[0.7, 0.3])
    clean = random.normal(states[own], spread)
    x = clean.copy()
    some = random.choice(len(x), int(share * len(x)), replace=False)
    x[some] = random.uniform(0.0, 2.0 * states[0], (len(some), 3))
    before = acm_rs.RegimeModel(n_regimes=2).fit(clean)
    with pytest.warns(UserWarning, match="left out of the fit"):
        model = acm_rs.RegimeModel(n_regimes=2).fit(x)
    lost = set(model.left_out_.rows.tolist())
    # Hardly a row of rubbish lies next to a state, and hardly one of a state is as far.
    assert len(lost & set(some.tolist())) > 0.95 * len(some)
    assert len(lost - set(some.tolist())) < 10
    np.testing.assert_allclose(model.centers_, before.centers_, rtol=0.01)
    assert (model.limits_ < 1.3 * before.limits_).all()
    assert (model.predict(clean) == before.predict(clean)).mean() > 0.999
    assert (model.predict(random.normal(states + 12.0 * spread, spread)) == -1).all()


def test_a_state_that_is_asked_for_is_kept_however_rare() -> None:
    """Rows that are alike, or far for some rows in a row, may be what the number counts."""
    for kind, regimes in (("two states", 3), ("runs of ten rows", 2)):
        x, _ = _rare(kind)
        model = acm_rs.RegimeModel(n_regimes=regimes).fit(x)
        assert len(model.left_out_.rows) == 0
        assert abs(model.centers_[1:, 0] - 900.0).min() < 5.0 or regimes == 2
        assert abs(model.centers_[1:, 0] - 300.0).min() < 5.0


def test_hdbscan_finds_how_many_dense_parts_there_are() -> None:
    x, states = _fan(3000, 3)
    random = np.random.default_rng(8)
    odd = random.choice(3000, 30, replace=False)
    x[odd] = random.uniform([-3000.0, -20.0, -9.0, -80.0], [6000.0, 40.0, 12.0, 200.0], (30, 4))
    model = acm_rs.RegimeModel(method="hdbscan").fit(x)
    assert model.n_regimes_ == 3
    plain = np.setdiff1d(np.arange(3000), odd)
    known = plain[model.labels_[plain] >= 0]
    assert len(known) > 0.97 * len(plain)
    assert adjusted_rand_score(states[known], model.labels_[known]) == 1.0
    # What is far from all of them is UNKNOWN, and has no part in where they are.
    far = odd[model.transform(x[odd]).min(axis=1) > 2.0]
    assert len(far) > 20
    assert (model.labels_[far] == -1).all()
    clean = acm_rs.RegimeModel(3).fit(x[plain])
    np.testing.assert_allclose(np.sort(model.centers_, axis=0), np.sort(clean.centers_, axis=0), rtol=0.05, atol=0.2)
    # Noise of the fit is UNKNOWN; any other row is judged by the centres.
    different = model.labels_ != model.predict(x)
    assert (model.labels_[different] == -1).all()


@pytest.mark.parametrize("sensors", [1, 2, 3])
@pytest.mark.parametrize("decimals", [None, 1, 0])
def test_hdbscan_parts_no_cloud_and_no_rounding(sensors: int, decimals: int | None) -> None:
    for seed in range(8):
        x = np.random.default_rng(seed).normal(1500.0, 3.0, (1500, sensors))
        x = x if decimals is None else x.round(decimals)
        model = acm_rs.RegimeModel(method="hdbscan").fit(x)
        assert model.n_regimes_ == 1, seed
        assert (model.labels_ == 0).mean() > 0.99
        x[::5] += 40.0
        two = acm_rs.RegimeModel(method="hdbscan").fit(x if decimals is None else x.round(decimals))
        assert two.n_regimes_ == 2, seed
        assert (two.labels_ == (np.arange(1500) % 5 == 0)).mean() > 0.99


def test_hdbscan_tells_where_centres_do_not_do() -> None:
    random = np.random.default_rng(4)
    angle = random.uniform(0.0, 2.0 * np.pi, 600)
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * 10.0 + random.normal(0.0, 0.3, (600, 2))
    x = np.vstack([ring, random.normal(0.0, 0.5, (300, 2))])
    with pytest.warns(UserWarning, match=r"\d+ % of the rows are nearer to the centre of another regime"):
        model = acm_rs.RegimeModel(method="hdbscan").fit(x)
    assert model.n_regimes_ == 2
    assert (model.labels_ == (np.arange(900) >= 600)).mean() > 0.98
    wide = random.uniform(-30.0, 30.0, (1200, 3))
    dense = np.vstack([wide, random.normal(0.0, 0.05, (400, 3)), random.normal(12.0, 0.05, (400, 3))])
    with pytest.warns(UserWarning, match=r"HDBSCAN finds 5\d % of the rows in no cluster"):
        model = acm_rs.RegimeModel(method="hdbscan").fit(dense)
    assert (model.labels_ == model.predict(dense)).all()


def test_hdbscan_keeps_numbers_between_refits() -> None:
    first = acm_rs.RegimeModel(method="hdbscan").fit(_fan(3000, 0)[0])
    later, states = _fan(2500, 5, share=0.6)
    labels = first.predict(later)
    again = acm_rs.RegimeModel(method="hdbscan").fit(later, reference=first)
    both = (labels >= 0) & (again.labels_ >= 0)
    assert both.mean() > 0.95
    assert (labels[both] == again.labels_[both]).all()
    # A regime that was not there before has a number that none had.
    fresh = later.copy()
    fresh[states == 2] += 500.0
    third = acm_rs.RegimeModel(method="hdbscan").fit(fresh, reference=first)
    assert third.regimes_.max() == first.regimes_.max() + 1


def _fitted(x: NDArray[np.float64]) -> acm_rs.RegimeModel:
    """By HDBSCAN, whatever is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return acm_rs.RegimeModel(method="hdbscan").fit(x)


def _bound(model: acm_rs.RegimeModel) -> float:
    """How far a row of the one regime may lie, in scaled units."""
    assert model.n_regimes_ == 1
    return float(model.scale_[0] * model.limits_[0])


@pytest.mark.parametrize("sensors", [1, 3, 20])
@pytest.mark.parametrize("law", ["normal", "t5", "uniform"])
def test_hdbscan_counts_nothing_rare_to_one_cloud(law: str, sensors: int) -> None:
    random = np.random.default_rng(sensors)
    draw = {"normal": random.standard_normal, "t5": lambda size: random.standard_t(5, size), "uniform": random.random}
    clean = draw[law]((4000, sensors))
    middle, wide = np.median(clean, axis=0), np.subtract(*np.quantile(clean, [0.75, 0.25], axis=0)) / 1.349
    usual = _fitted(clean)
    # Fewer rows than a regime needs, which are 80, and 3 % of all.
    state, rubbish = np.arange(900, 960), random.choice(np.arange(1000, 4000), 120, replace=False)
    for kind in ("a state", "a state of one sensor", "rubbish", "a state and rubbish"):
        x, odd = clean.copy(), np.zeros(4000, dtype=bool)
        if "state" in kind:
            x[state, : 1 if "one sensor" in kind else sensors] += 15.0 * wide[0]
            odd[state] = True
        if "rubbish" in kind:
            far = random.uniform(12.0, 50.0, (120, sensors)) * random.choice([-1.0, 1.0], (120, sensors))
            x[rubbish], odd[rubbish] = middle + far * wide, True
        with pytest.warns(UserWarning, match=r"far from the one regime of all others|left out of the fit"):
            model = acm_rs.RegimeModel(method="hdbscan").fit(x)
        assert 0.8 < _bound(model) / _bound(usual) < 1.3, kind
        assert (model.labels_[odd] == -1).all(), kind
        assert (model.labels_[~odd] == -1).mean() < 0.01, kind
        assert model.predict(middle + np.eye(1, sensors) * 18.0 * wide) == [-1], kind


@pytest.mark.parametrize("law", ["t3", "t5", "lognormal", "uniform", "exponential", "AR(1)"])
def test_hdbscan_keeps_the_rows_of_heavy_tails(law: str) -> None:
    unknown, rows = 0, 0
    for seed, (n, sensors) in enumerate([(300, 1), (300, 5), (1500, 1), (1500, 3), (1500, 12)]):
        random = np.random.default_rng(seed)
        x = random.standard_normal((2 * n, sensors))
        if law == "AR(1)":
            for row in range(1, 2 * n):
                x[row] += 0.8 * x[row - 1]
        elif law in {"t3", "t5"}:
            x = random.standard_t(int(law[1]), x.shape)
        elif law != "lognormal":
            x = random.random(x.shape) if law == "uniform" else random.exponential(size=x.shape)
        else:
            x = np.exp(x)
        model = _fitted(x[:n])
        assert model.n_regimes_ == 1
        assert (model.labels_ == -1).mean() < 0.02, (n, sensors)
        unknown += int((model.predict(x[n:]) == -1).sum())
        rows += n
    assert unknown < 0.01 * rows


def test_hdbscan_takes_one_regime_where_there_are_no_parts() -> None:
    x = np.random.default_rng(1).standard_normal((400, 3))
    model = acm_rs.RegimeModel(method="hdbscan").fit(x)
    assert model.n_regimes_ == 1
    assert (model.labels_ == 0).mean() > 0.99
    with pytest.raises(ValueError, match=r"`n_regimes` must be \"auto\" with method=\"hdbscan\", .* got 3"):
        acm_rs.RegimeModel(3, method="hdbscan")
    back = acm_rs.RegimeModel.from_bytes(model.to_bytes())
    assert back == model
    assert back.method == "hdbscan"
