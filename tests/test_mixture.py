"""Gaussian mixture against scikit-learn's from the same start, on the same scaled rows."""

from __future__ import annotations

from typing import Any, Literal

import acm_rs
import numpy as np
import numpy.typing as npt
import pytest
from histories import Floats
from incomplete import wilson_hilferty
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

Labels = npt.NDArray[np.int64]


def _blobs(rows: int, columns: int, states: int, apart: float, seed: int = 0) -> tuple[Floats, Labels]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, states, rows)
    centers = apart * random.standard_normal((states, columns))
    mixing = random.standard_normal((states, columns, columns)) / np.sqrt(columns)
    noise = np.einsum("nij,nj->ni", mixing[labels], random.standard_normal((rows, columns)))
    return centers[labels] + noise + 0.3 * random.standard_normal((rows, columns)), labels


def _scaled(model: Any, x: Floats) -> Floats:
    used = model.used_
    z: Floats = (np.where(np.isfinite(x), x, model.center_) - model.center_) / model.scale_
    return z[:, used]


def _peer(z: Floats, labels: Labels, covariance: str, **parameters: Any) -> Any:
    """Scikit-learn's mixture from the moments of the labelled rows."""
    k, d = labels.max() + 1, z.shape[1]
    groups = [z[labels == state] for state in range(k)]
    matrices = [np.cov(group.T, bias=True).reshape(d, d) + 1e-2 * np.eye(d) for group in groups]
    precisions = [np.linalg.inv(m) if covariance == "full" else 1 / np.diag(m) for m in matrices]
    return GaussianMixture(
        k,
        covariance_type=covariance,
        reg_covar=1e-2,
        weights_init=[len(group) / len(z) for group in groups],
        means_init=[group.mean(axis=0) for group in groups],
        precisions_init=precisions,
        **parameters,
    ).fit(z)


@pytest.mark.parametrize("covariance", ["diag", "full"])
@pytest.mark.parametrize(
    ("rows", "columns", "states", "apart"), [(900, 1, 2, 1.0), (1500, 8, 3, 0.5), (3000, 21, 4, 2.0)]
)
def test_it_is_scikit_learns_from_the_same_start(
    covariance: Literal["diag", "full"], rows: int, columns: int, states: int, apart: float
) -> None:
    x, _ = _blobs(rows, columns, states, apart)
    labels = KMeans(states, n_init=1, random_state=0).fit(x).labels_.astype(np.int64)
    ours = acm_rs.GaussianMixture(n_components=states, covariance=covariance).fit(x, labels=labels)
    z = _scaled(ours, x)
    theirs = _peer(z, labels, covariance)
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.converged_ == theirs.converged_
    assert ours.lower_bound_ >= theirs.lower_bound_ - 1e-9
    assert ours.score_samples(x).mean() >= theirs.score(z) - 1e-9
    np.testing.assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-10)
    np.testing.assert_allclose(ours.weights_, theirs.weights_, rtol=1e-8)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(ours.score_samples(x), theirs.score_samples(z), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(z), atol=1e-8)
    assert (ours.predict(x) == theirs.predict(z)).mean() > 0.999
    np.testing.assert_allclose(ours.bic(x), theirs.bic(z), rtol=1e-10)
    np.testing.assert_allclose(ours.aic(x), theirs.aic(z), rtol=1e-10)


@pytest.mark.parametrize("covariance", ["diag", "full"])
@pytest.mark.parametrize("seed", range(4))
def test_from_starts_of_its_own_it_ends_as_likely(covariance: Literal["diag", "full"], seed: int) -> None:
    x, truth = _blobs(2000, 6, 4, 3.0, seed)
    ours = acm_rs.GaussianMixture(n_components=4, covariance=covariance, seed=seed).fit(x)
    z = _scaled(ours, x)
    theirs = GaussianMixture(4, covariance_type=covariance, reg_covar=1e-2, n_init=3, random_state=seed).fit(z)
    assert ours.score_samples(x).mean() >= theirs.score(z) - 1e-3
    share = np.zeros((4, 4))
    np.add.at(share, (truth, ours.predict(x)), 1)
    assert share.max(axis=1).sum() > 0.98 * len(x)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_contributions_sum_to_the_distance(covariance: Literal["diag", "full"]) -> None:
    x, labels = _blobs(800, 5, 3, 2.0)
    model = acm_rs.GaussianMixture(n_components=3, covariance=covariance).fit(x, labels=labels)
    x[7, 2] += 30.0
    z, shares = _scaled(model, x), model.predict_proba(x)
    distance = np.zeros(len(x))
    for state in range(3):
        rest = z - model.means_[state]
        spread = model.covariances_[state]
        inverse = np.linalg.inv(spread if covariance == "full" else np.diag(spread))
        distance += shares[:, state] * np.einsum("ni,ij,nj->n", rest, inverse, rest)
    parts = model.contributions(x)
    np.testing.assert_allclose(parts.sum(axis=1), distance, rtol=1e-10)
    assert parts[7].argmax() == 2
    assert model.score(x).argmax() == 7


def test_scores_are_robust_deviations_of_the_training_densities() -> None:
    x, _ = _blobs(1000, 4, 3, 3.0)
    model = acm_rs.GaussianMixture(n_components=3).fit(x)
    surprise = -model.score_samples(x)
    mad = 1.4826 * np.median(np.abs(surprise - np.median(surprise)))
    np.testing.assert_allclose(model.score(x), (surprise - np.median(surprise)) / mad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_incomplete_rows_have_the_density_of_what_is_there(covariance: Literal["diag", "full"]) -> None:
    x, _ = _blobs(500, 5, 3, 2.0)
    model = acm_rs.GaussianMixture(n_components=3, covariance=covariance).fit(x)
    rows = x[:40].copy()
    rows[np.random.default_rng(3).random(rows.shape) < 0.3] = np.nan
    rows[7] = -np.inf
    z = (rows - model.center_) / model.scale_
    logs, parts = np.empty((40, 3)), np.zeros((40, 3, 5))
    counted = np.empty((40, 3))
    for row in range(40):
        known = np.isfinite(z[row])
        k = int(known.sum())
        for component in range(3):
            mean, of = model.means_[component], model.covariances_[component]
            s = (np.diag(of) if covariance == "diag" else of)[np.ix_(known, known)]
            d = z[row, known] - mean[known]
            pull = np.linalg.solve(s, d) if k else d
            logs[row, component] = np.log(model.weights_[component]) - 0.5 * (
                d @ pull + k * np.log(2 * np.pi) + np.linalg.slogdet(s)[1]
            )
            parts[row, component, known] = d * pull
            whole = np.diag(of) if covariance == "diag" else of
            square = 5 * wilson_hilferty(d @ pull / k, k, 5) if k else np.nan
            counted[row, component] = np.log(model.weights_[component]) - 0.5 * (
                square + 5 * np.log(2 * np.pi) + np.linalg.slogdet(whole)[1]
            )
            parts[row, component] *= square / max(d @ pull, 1e-300) if k else 0.0
    total = np.logaddexp.reduce(logs, axis=1)
    shares = np.exp(logs - total[:, None])
    np.testing.assert_allclose(model.score_samples(rows), total, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba(rows), shares, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(model.contributions(rows), (shares[:, :, None] * parts).sum(1), rtol=1e-8, atol=1e-10)
    mixed = (shares * counted).sum(1) - (shares * np.log(np.maximum(shares, 1e-300))).sum(1)
    surprise = -model.score_samples(x)
    mad = 1.4826 * np.median(np.abs(surprise - np.median(surprise)))
    wanted = (-mixed - np.median(surprise)) / mad
    np.testing.assert_allclose(model.score(rows), wanted, rtol=1e-9, atol=1e-10)
    assert np.isnan(model.score(rows[7:8])).all()


def test_sensors_that_stand_still_are_left_out() -> None:
    x, _ = _blobs(300, 3, 2, 2.0)
    wide = np.column_stack([np.full(300, 1e9), x, np.full(300, np.nan)])
    one = acm_rs.GaussianMixture(n_components=2).fit(x)
    with pytest.warns(UserWarning, match=r"columns \[0, 4\] of `x` have no value or do not change"):
        other = acm_rs.GaussianMixture(n_components=2).fit(wide)
    assert other.used_.tolist() == [False, True, True, True, False]
    assert (one.score(x) == other.score(wide)).all()
    assert (other.contributions(wide)[:, [0, 4]] == 0).all()
    for still in (np.ones((50, 2)), np.full((50, 2), np.nan)):
        with pytest.raises(ValueError, match="at least one column that changes"):
            acm_rs.GaussianMixture().fit(still)


def test_an_offset_costs_no_digits() -> None:
    x, labels = _blobs(600, 4, 2, 2.0)
    steps = np.round(x * 2**10) / 2**10
    covariances: tuple[Literal["diag", "full"], ...] = ("diag", "full")
    for covariance in covariances:
        near = acm_rs.GaussianMixture(n_components=2, covariance=covariance).fit(steps, labels=labels)
        far = acm_rs.GaussianMixture(n_components=2, covariance=covariance).fit(steps + 2.0**30, labels=labels)
        np.testing.assert_allclose(far.score(steps + 2.0**30), near.score(steps), rtol=1e-12, atol=1e-12)


def test_the_criterion_finds_the_states() -> None:
    x, _ = _blobs(1200, 5, 3, 8.0)
    model = acm_rs.GaussianMixture(n_components="bic", covariance="full").fit(x)
    assert model.n_components == "bic"
    assert model.n_components_ == 3
    one = np.random.default_rng(1).standard_normal((1200, 5))
    assert acm_rs.GaussianMixture(n_components="bic", covariance="full").fit(one).n_components_ == 1


def test_extreme_values_give_finite_scores() -> None:
    x, _ = _blobs(300, 4, 2, 2.0)
    x[3, 1], x[4, 2] = 1e150, -1e150
    covariances: tuple[Literal["diag", "full"], ...] = ("diag", "full")
    for covariance in covariances:
        with pytest.warns(UserWarning, match="1 reading of column 1 of `x`"):
            model = acm_rs.GaussianMixture(n_components=3, covariance=covariance).fit(x)
        rows = np.array([[1.7e308, 0, 0, -1.7e308], [0, 5e-324, 0, 0]])
        assert np.isfinite(model.score(rows)).all()
        assert np.isfinite(model.contributions(rows)).all()


def test_what_cannot_be_is_told() -> None:
    x, labels = _blobs(60, 3, 2, 2.0)
    wrong_ones: list[tuple[dict[str, Any], str]] = [
        ({"n_components": 0}, "n_components"),
        ({"n_components": "aic"}, "n_components"),
        ({"n_components": 2.5}, "n_components"),
        ({"covariance": "tied"}, "covariance"),
        ({"n_init": 0}, "n_init"),
        ({"reg": -1.0}, "reg"),
        ({"reg": float("nan")}, "reg"),
        ({"tol": -1.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
        ({"seed": -1}, "seed"),
    ]
    for parameters, name in wrong_ones:
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            acm_rs.GaussianMixture(**parameters)
    model = acm_rs.GaussianMixture(n_components=2)
    with pytest.raises(ValueError, match="`x` must have at least 2 rows, got 1"):
        model.fit(x[:1])
    for wrong in (labels[:-1], labels + 1, labels - 1):
        with pytest.raises(ValueError, match="`labels` must"):
            model.fit(x, labels=wrong)
    for bad in (labels.astype(float), labels.tolist()):
        with pytest.raises(TypeError, match=r"`labels` must (have an integer dtype|be a NumPy array of integers)"):
            model.fit(x, labels=bad)
    with pytest.raises(ValueError, match="`labels` must have 1 dimension, got 2"):
        model.fit(x, labels=labels[:, None])
    with pytest.raises(ValueError, match="must have a value where labels are given"):
        acm_rs.GaussianMixture(n_components="bic").fit(x, labels=labels)
    with pytest.raises(ValueError, match="`reg` must be larger"):
        acm_rs.GaussianMixture(n_components=2, covariance="full", reg=0.0).fit(np.repeat(x[:3], 20, axis=0))


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_gaps_in_training_hide_no_fault(share: float) -> None:
    """They do not widen the states: by one fitted on whole rows."""
    found = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        ways = random.normal(size=(2, 6))

        def rows(count: int, random: np.random.Generator = random, ways: Any = ways) -> Any:
            return random.normal(size=(count, 2)) @ ways + random.normal(0.0, 0.2, (count, 6))

        train, fresh = rows(2000), rows(2000)
        faulty = fresh.copy()
        faulty[:, 3] += 2.0
        holes = train.copy()
        holes[random.random(holes.shape) < share] = np.nan
        whole, model = (acm_rs.GaussianMixture(1, covariance="full").fit(x) for x in (train, holes))
        limits = whole.limit(0.01), model.limit(0.01)
        found.append(((whole.score(faulty) > limits[0]).mean(), (model.score(faulty) > limits[1]).mean()))
        assert (model.score(fresh) > limits[1]).mean() < 0.02
    whole_found, with_gaps = np.mean(found, axis=0)
    assert with_gaps > 0.9 * whole_found


@pytest.mark.parametrize("states", [2, 3])
def test_gaps_in_training_do_not_lie_between_the_states(states: int) -> None:
    """Of far states, each with two loads and a little noise: by one fitted on whole rows."""
    found, healthy = [], []
    for seed in range(4):
        random = np.random.default_rng(seed)
        ways, centres = random.normal(size=(2, 6)), 6.0 * random.normal(size=(states, 6))

        def rows(count: int, random: Any = random, ways: Any = ways, centres: Any = centres) -> Any:
            state = np.repeat(random.integers(0, states, count // 50), 50)
            return centres[state] + random.normal(size=(count, 2)) @ ways + random.normal(0.0, 0.2, (count, 6))

        train, fresh = rows(3000), rows(2000)
        faulty = fresh.copy()
        faulty[:, 3] += 2.0
        holes = train.copy()
        holes[random.random(holes.shape) < 0.3] = np.nan
        models = [acm_rs.GaussianMixture(states, covariance="full", reg=1e-4).fit(x) for x in (train, holes)]
        found.append([(model.score(faulty) > model.limit(0.01)).mean() for model in models])
        healthy.append((models[1].score(fresh) > models[1].limit(0.01)).mean())
    whole_found, with_gaps = np.mean(found, axis=0)
    assert with_gaps > 0.8 * whole_found
    assert np.mean(healthy) < 0.02


def test_limits_of_few_rows_hold_for_rows_not_seen() -> None:
    """Five full states fit 400 rows of noise so well that more than twice as many later rows were beyond as asked."""
    shares = []
    for seed in range(24):
        random = np.random.default_rng(seed)
        model = acm_rs.GaussianMixture(covariance="full").fit(random.normal(size=(400, 10)))
        shares.append((model.score(random.normal(size=(2000, 10))) > model.limit(0.01)).mean())
    assert 0.005 < np.mean(shares) < 0.02


def test_limits_of_thin_components_are_not_far_too_wide() -> None:
    """Full states of fewer rows than three a sensor: a tenth of them is much of what they lack; .15 % were beyond."""
    shares = []
    for seed in range(10):
        x = np.random.default_rng(seed).standard_normal((2240, 40))
        model = acm_rs.GaussianMixture(covariance="full").fit(x[:240])
        shares.append((model.score(x[240:]) > model.limit(0.01)).mean())
    assert 0.003 < np.mean(shares) < 0.02


def test_limits_of_diagonal_components_hold_after_gaps_in_training() -> None:
    # What components without relations draw suits them better than rows of a machine, whose sensors move together.
    alarms = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        mixing = random.normal(size=(2, 8))
        x = random.normal(size=(6000, 2)) @ mixing + 0.2 * random.normal(size=(6000, 8))
        train, rest = x[:2000], x[2000:]
        gaps = np.where(random.random(train.shape) < 0.3, np.nan, train)
        fitted = [acm_rs.GaussianMixture().fit(rows) for rows in (train, gaps)]
        alarms.append([(mixture.score(rest) > mixture.limit(0.01)).mean() for mixture in fitted])
    complete, with_gaps = np.mean(alarms, axis=0)
    assert 0.003 < complete < 0.02
    assert 0.003 < with_gaps < min(0.02, 1.3 * complete)
