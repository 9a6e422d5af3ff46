"""RunningMoments against fractions, and whatever cuts and orders they were merged in; models of them."""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import pairwise
from typing import Any

import acm_rs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

STEP = Fraction(1, 2**40)


def plant(rows: int, seed: int) -> NDArray[np.float64]:
    """Six sensors: two that move together at 1e8, one with gaps and codes, one that stands still, two of any kind."""
    random = np.random.default_rng(seed)
    load = random.normal(size=rows)
    x = random.normal(size=(rows, 6))
    x[:, 0] = 1e8 + load
    x[:, 1] = 1e8 - 3.0 * load + 0.1 * x[:, 1]
    x[random.random(rows) < 0.2, 2] = np.nan
    x[random.random(rows) < 0.03, 2] = -9999.0
    x[:, 3] = 7.5
    x[random.random(rows) < 0.1, 4] = np.inf
    x[:, 5] = np.cumsum(x[:, 5]) * 0.1
    return x


def fresh() -> acm_rs.RunningMoments:
    return acm_rs.RunningMoments([1e8, 1e8, 0.0, 7.0, 0.0, 0.0], [1.0, 3.0, 0.5, 7.0, 1.0, 2.0])


def steps(x: NDArray[np.float64], moments: acm_rs.RunningMoments) -> list[list[Fraction | None]]:
    """Readings as they count, in their unit less the centre."""
    found: list[list[Fraction | None]] = []
    for row in x:
        line: list[Fraction | None] = []
        for value, center, scale in zip(row, moments.center, moments.scale, strict=True):
            scaled = (value - center) / scale
            whole = Fraction(round(Fraction(scaled) / STEP)) if abs(scaled) <= moments.reach else None
            line.append(None if whole is None else whole * STEP * Fraction(scale))
        found.append(line)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_all_that_is_told_agrees_with_fractions(seed: int) -> None:
    x = plant(83, seed)
    moments = fresh().update(x)
    rows = steps(x, moments)
    covariance, mean, slope = moments.covariance(), moments.mean(), moments.lag_slope()
    for one in range(6):
        known = [row[one] for row in rows if row[one] is not None]
        exact = Fraction(moments.center[one]) + sum(known) / len(known)  # type: ignore[arg-type]
        assert abs(float((Fraction(mean[one]) - exact) / exact)) < 4e-16 or abs(mean[one] - float(exact)) < 1e-15
        for other in range(6):
            pairs: list[Any] = [(row[one], row[other]) for row in rows if None not in (row[one], row[other])]
            assert moments.counts[one, other] == len(pairs)
            left, right = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
            want = sum((a - left) * (b - right) for a, b in pairs) / (len(pairs) - 1)
            got = Fraction(covariance[one, other])
            assert (got == want == 0) or abs((got - want) / want) < Fraction(1, 10**15), (one, other)
        follow: list[Any] = [(a[one], b[one]) for a, b in pairwise(rows) if None not in (a[one], b[one])]
        before, after = (sum(pair[side] for pair in follow) / len(follow) for side in (0, 1))
        spread = sum((a - before) ** 2 for a, _ in follow)
        if spread:
            want = sum((a - before) * (b - after) for a, b in follow) / spread
            assert abs(Fraction(slope[one]) - want) < Fraction(1, 10**15)
        else:
            assert np.isnan(slope[one])
    assert moments.beyond.tolist() == [0, 0, int((x[:, 2] == -9999.0).sum()), 0, 0, 0]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 5), st.lists(st.integers(0, 900), max_size=8), st.booleans())
def test_cuts_change_no_byte(seed: int, cuts: list[int], saved: bool) -> None:
    x = plant(900, seed)
    whole = fresh().update(x).to_bytes()
    ends = [0, *sorted(cuts), 900]
    streamed, merged = fresh(), fresh()
    for begin, end in pairwise(ends):
        streamed.update(np.asfortranarray(x[begin:end]))
        piece = fresh().update(x[begin:end])
        merged.merge(piece if not saved else acm_rs.RunningMoments.from_bytes(piece.to_bytes()), follows=True)
        if saved:
            streamed = pickle.loads(pickle.dumps(streamed))
    assert streamed.to_bytes() == merged.to_bytes() == whole


@settings(deadline=None, max_examples=40)
@given(st.permutations(range(5)), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_assets_merge_to_the_same_bytes_in_any_tree(order: list[int], places: list[int]) -> None:
    lengths = (300, 1, 257, 40, 700)
    expected = fresh()
    for seed, rows in enumerate(lengths):
        expected.merge(fresh().update(plant(rows, seed)))
    left = [fresh().update(plant(lengths[seed], seed)) for seed in order]
    for place in places:
        place %= len(left) - 1
        left[place : place + 2] = [left[place].merge(left[place + 1])]
    assert left[0].to_bytes() == expected.to_bytes()
    assert left[0].rows == sum(lengths)


def test_it_agrees_with_numpy_on_a_long_table_at_a_great_offset() -> None:
    x = np.random.default_rng(3).normal(size=(20_000, 4)) @ np.random.default_rng(4).normal(size=(4, 4)) + 1e8
    moments = acm_rs.RunningMoments.of_sample(x[:500]).update(x)
    np.testing.assert_allclose(moments.covariance(), np.cov((x - 1e8).T), rtol=1e-11, atol=1e-12)
    # NumPy's own mean of values at 1e8 is off by 8e-15.
    np.testing.assert_allclose(moments.mean() - 1e8, (x - 1e8).mean(axis=0), rtol=0.0, atol=1.5e-8)


def test_an_empty_one_and_a_column_without_a_value() -> None:
    empty = fresh()
    assert empty.rows == 0
    assert np.isnan(empty.mean()).all()
    assert np.isnan(empty.covariance()).all()
    assert np.isnan(empty.lag_slope()).all()
    assert not empty.counts.any()
    assert acm_rs.RunningMoments.from_bytes(empty.to_bytes()) == empty
    x = plant(50, 0)
    x[:, 2] = np.nan
    some = fresh().update(x)
    assert np.isnan(some.mean()[2])
    assert np.isnan(some.covariance()[2]).all()
    assert some.merge(empty) == fresh().update(x)
    assert empty.merge(fresh().update(x)) == some


def test_runs_that_do_not_follow_have_no_lag_between_them() -> None:
    x = np.arange(20.0)
    apart = acm_rs.RunningMoments([0.0], [1.0]).update(x).update(x, follows=False)
    assert apart.lag_slope().tolist() == [1.0]
    joined = acm_rs.RunningMoments([0.0], [1.0]).update(x).update(x)
    assert joined.lag_slope()[0] < 0.9
    assert joined.covariance().tolist() == apart.covariance().tolist()


def test_frames_have_names_that_must_agree() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(plant(60, 1), columns=list("abcdef"))
    moments = acm_rs.RunningMoments.of_sample(frame).update(frame)
    assert moments.names == tuple("abcdef")
    with pytest.raises(ValueError, match="in their order"):
        moments.update(frame[list("bacdef")])
    other = acm_rs.RunningMoments.from_bytes(moments.to_bytes())
    strange = acm_rs.RunningMoments.of_sample(frame.rename(columns={"a": "z"})).update(frame.to_numpy())
    with pytest.raises(ValueError, match="names"):
        moments.merge(strange)
    assert moments == other
    with pytest.warns(UserWarning, match="'d' have no value or do not change"):
        detector = acm_rs.MahalanobisDetector(shrinkage=0.1).fit_moments(moments)
    assert list(detector.feature_names_in_) == list("abcdef")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: acm_rs.RunningMoments([], []), ValueError, "center"),
        (lambda: acm_rs.RunningMoments([0.0], [1.0, 2.0]), ValueError, "scale"),
        (lambda: acm_rs.RunningMoments([0.0], [0.0]), ValueError, "`scale` must be finite and above 0"),
        (lambda: acm_rs.RunningMoments([0.0], [1.0], 1e5), ValueError, "`reach` must be above 0 and at most 4096"),
        (lambda: acm_rs.RunningMoments([np.nan], [1.0]), ValueError, "center"),
        (lambda: fresh().update(np.zeros((3, 2))), ValueError, "6 columns"),
        (lambda: fresh().update(np.zeros((3, 6), dtype=int)), TypeError, "float64"),
        (lambda: fresh().merge(3), TypeError, "`other` must be RunningMoments"),  # type: ignore[arg-type]
        (lambda: fresh().merge(acm_rs.RunningMoments([0.0], [1.0])), ValueError, "`other` must have the same"),
        (lambda: fresh().covariance(-1), ValueError, "ddof"),
        (lambda: acm_rs.RunningMoments.of_sample(np.zeros((0, 2))), ValueError, "row"),
    ],
)
def test_bad_calls_are_told(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_one_damaged_bit_is_found() -> None:
    whole = fresh().update(plant(30, 2)).to_bytes()
    for place in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        with pytest.raises(ValueError, match="data"):
            acm_rs.RunningMoments.from_bytes(damaged)


# ---- models ---------------------------------------------------------------------------------------------------------


def correlated(rows: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return random.normal(size=(rows, 5)) @ random.normal(size=(5, 5)) * [1.0, 10.0, 0.1, 1.0, 5.0] + 1e6


def test_a_model_of_moments_is_that_of_the_rows() -> None:
    x = correlated()
    moments = acm_rs.RunningMoments.of_sample(x[:200])
    for begin in range(0, 2000, 300):
        moments.update(x[begin : begin + 300])
    for shrinkage in ("none", 0.2):
        found = acm_rs.MahalanobisDetector(shrinkage).fit_moments(moments)  # type: ignore[arg-type]
        whole = acm_rs.MahalanobisDetector(shrinkage).fit(x)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.score(x), whole.score(x), rtol=1e-7)
        np.testing.assert_allclose(found.covariance_, whole.covariance_, atol=1e-9)
        assert found.limit(0.01) == whole.limit(0.01, "theoretical")
        assert acm_rs.MahalanobisDetector.from_bytes(found.to_bytes()) == found


def moments_of(x: NDArray[np.float64], step: int = 300) -> acm_rs.RunningMoments:
    moments = acm_rs.RunningMoments.of_sample(x[: len(x) // 10])
    for begin in range(0, len(x), step):
        moments.update(x[begin : begin + step])
    return moments


@pytest.mark.parametrize("scaling", ["standard", "robust"])
@pytest.mark.parametrize("keep", [2, 0.9])
def test_components_of_moments_are_those_of_the_rows(scaling: Any, keep: float) -> None:
    x = correlated()
    # The first pass has seen all rows, so that its centres and scales are those of a robust fit.
    moments = acm_rs.RunningMoments.of_sample(x).update(x)
    found = acm_rs.PCADetector(keep, scaling=scaling).fit_moments(moments)
    whole = acm_rs.PCADetector(keep, scaling=scaling).fit(x)
    assert found.n_components_ == whole.n_components_
    if scaling == "standard":
        # Another centre is another rounding, nothing else.
        np.testing.assert_allclose(found.explained_variance_, whole.explained_variance_, rtol=1e-8)
        np.testing.assert_allclose(np.abs(np.sum(found.components_ * whole.components_, axis=1)), 1.0, rtol=1e-9)
        np.testing.assert_allclose(found.spe(x), whole.spe(x), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.t2(x), whole.t2(x), rtol=1e-6)
        np.testing.assert_allclose(found.spe_limit(0.01), whole.spe_limit(0.01, "theoretical"), rtol=1e-7)
        np.testing.assert_allclose(found.t2_limit(0.01), whole.t2_limit(0.01, "theoretical"), rtol=1e-12)
    exact = np.linalg.eigvalsh(np.cov(((x - moments.center) / found.scale_).T))[::-1]
    np.testing.assert_allclose(found.explained_variance_, exact[: found.n_components_], rtol=1e-7)
    again = acm_rs.PCADetector.from_bytes(found.to_bytes())
    assert again == found
    assert again.score(x).tobytes() == found.score(x).tobytes()
    np.testing.assert_allclose(again.t2_limit(0.05), found.t2_limit(0.05), rtol=0.0)
    assert np.mean(found.score(correlated(seed=0)) > 1.0) < 0.02


@pytest.mark.parametrize("model", ["ridge", "pca", "pls"])
def test_predictions_of_moments_are_those_of_the_rows(model: Any) -> None:
    random = np.random.default_rng(5)
    x = random.normal(size=(3000, 2)) @ random.normal(size=(2, 6)) + 0.3 * random.normal(size=(3000, 6)) + 100.0
    found = acm_rs.OMRDetector(model, n_components=2).fit_moments(moments_of(x))
    whole = acm_rs.OMRDetector(model, n_components=2).fit(x)
    assert found.model_ == whole.model_ == model
    np.testing.assert_allclose(found.coefficients_, whole.coefficients_, atol=1e-8)
    np.testing.assert_allclose(found.residuals(x), whole.residuals(x), atol=1e-7)
    # One unit is that of these rows, the other that of a law for normal ones.
    assert abs(found.norm_scale_ / whole.norm_scale_ - 1.0) < 0.15
    np.testing.assert_allclose(found.contributions(x[:50]).sum(axis=1) > 0.0, True)
    assert acm_rs.OMRDetector.from_bytes(found.to_bytes()) == found
    with pytest.raises(ValueError, match="moments"):
        found.limit(0.01)


def test_coefficients_of_moments_are_those_of_the_process() -> None:
    random = np.random.default_rng(8)
    noise = random.normal(size=(40_000, 3)) * [1.0, 0.2, 5.0]
    phi = np.array([0.9, 0.0, -0.5])
    x = np.empty_like(noise)
    x[0] = noise[0]
    for row in range(1, len(x)):
        x[row] = phi * x[row - 1] + noise[row]
    x += 1000.0
    found = acm_rs.AR1Detector().fit_moments(moments_of(x, 7_000))
    whole = acm_rs.AR1Detector().fit(x)
    np.testing.assert_allclose(found.mu_, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.phi_, phi, atol=0.02)
    np.testing.assert_allclose(found.phi_, whole.phi_, atol=1e-3)
    np.testing.assert_allclose(found.sd_, [1.0, 0.2, 5.0], rtol=0.02)
    np.testing.assert_allclose(found.sd_, whole.sd_, rtol=0.03)
    assert acm_rs.AR1Detector.from_bytes(found.to_bytes()) == found
    # A sensor that wanders: the slope is capped, and the scale stays a number above 0.
    walk = np.cumsum(random.normal(size=(3000, 1)), axis=0)
    wandering = acm_rs.AR1Detector(phi_cap=0.9).fit_moments(moments_of(walk))
    assert wandering.phi_.tolist() == [0.9]
    assert 0.9 < wandering.sd_[0] < 0.2 * walk.std()


def left_of(x: NDArray[np.float64], phi: float) -> float:
    return float(np.std((x[1:] - x[1:].mean()) - phi * (x[:-1] - x[:-1].mean())))


@pytest.mark.parametrize("kind", ["rise", "growth", "walk", "fall"])
def test_scales_of_moments_are_those_of_the_rows_whatever_their_course(kind: str) -> None:
    noise = np.random.default_rng(4).normal(size=900)
    x = {
        "rise": noise + np.r_[np.zeros(880), np.linspace(0.0, 200.0, 20)],
        "growth": 0.2 * noise + np.exp(np.arange(900) / 150.0),
        "walk": np.cumsum(noise),
        "fall": noise + np.r_[np.linspace(500.0, 0.0, 5), np.zeros(895)],
    }[kind]
    moments = acm_rs.RunningMoments([0.0], [1.0], 4096.0).update(x[:333]).update(x[333:])
    found = acm_rs.AR1Detector(phi_cap=0.999).fit_moments(moments)
    np.testing.assert_allclose(found.sd_[0], left_of(x, found.phi_[0]), rtol=1e-8)


def test_a_standing_and_a_missing_sensor_are_left_out_of_models_of_moments() -> None:
    x = np.column_stack([correlated(400), np.full(400, 7.0), np.full(400, np.nan)])
    moments = moments_of(x)
    for model in (acm_rs.PCADetector(2), acm_rs.OMRDetector("ridge")):
        with pytest.warns(UserWarning, match="left out"):
            model.fit_moments(moments)
        assert model.used_.tolist() == [True] * 5 + [False] * 2
        assert np.isfinite(model.score(x)).all()
    with pytest.warns(UserWarning, match="left out"):
        alone = acm_rs.AR1Detector().fit_moments(moments)
    assert alone.used_.tolist() == [True] * 6 + [False]
    assert alone.phi_[5] == 0.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: acm_rs.MahalanobisDetector(0.05),
        lambda: acm_rs.PCADetector(3),
        lambda: acm_rs.OMRDetector("pls", n_components=2),
        acm_rs.AR1Detector,
    ],
)
def test_a_model_does_not_depend_on_the_order_of_merging(make: Any) -> None:
    parts = [acm_rs.RunningMoments.of_sample(correlated()[:200]).update(correlated(500, seed)) for seed in range(4)]
    models = set()
    for order in ((0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)):
        all_of_them = acm_rs.RunningMoments.from_bytes(parts[order[0]].to_bytes())
        for number in order[1:]:
            all_of_them.merge(parts[number])
        models.add(make().fit_moments(all_of_them).to_bytes())
    assert len(models) == 1


def test_a_refused_merge_leaves_both_as_they_were() -> None:
    pandas = pytest.importorskip("pandas")
    # At this reach 4 million rows are the most, and no sum needs them to be there.
    one, other = (acm_rs.RunningMoments([0.0], [1.0], 4096.0) for _ in range(2))
    most = np.zeros(2_200_000)
    one.update(most)
    other.update(pandas.DataFrame({"flow": most}))
    before = one.to_bytes()
    with pytest.raises(ValueError, match="fewer rows"):
        one.merge(other)
    assert one.names is None
    assert one.to_bytes() == before


def test_what_moments_cannot_do_is_told() -> None:
    moments = acm_rs.RunningMoments.of_sample(correlated()).update(correlated(100))
    with pytest.raises(ValueError, match='`shrinkage` must have a value other than "ledoit_wolf"'):
        acm_rs.MahalanobisDetector().fit_moments(moments)
    with pytest.raises(ValueError, match="`lags` must be 0"):
        acm_rs.MahalanobisDetector(0.1, lags=2).fit_moments(moments)
    with pytest.raises(TypeError, match="`moments` must be RunningMoments"):
        acm_rs.MahalanobisDetector(0.1).fit_moments(correlated())  # type: ignore[arg-type]
    few = acm_rs.RunningMoments.of_sample(correlated()).update(correlated(5))
    with pytest.raises(ValueError, match="at least 6"):
        acm_rs.MahalanobisDetector(0.1).fit_moments(few)
    with pytest.raises(ValueError, match="column that changes"):
        acm_rs.MahalanobisDetector(0.1).fit_moments(acm_rs.RunningMoments([0.0], [1.0]).update(np.ones(50)))
    twice = np.column_stack([correlated(100), correlated(100)[:, 0]])
    with pytest.raises(np.linalg.LinAlgError, match="determine"):
        acm_rs.MahalanobisDetector("none").fit_moments(acm_rs.RunningMoments.of_sample(twice).update(twice))
    with pytest.raises(ValueError, match="`limits` must have a value other than"):
        acm_rs.PCADetector(limits="empirical").fit_moments(moments)
    with pytest.raises(ValueError, match="`lags` must be 0"):
        acm_rs.PCADetector(lags=1).fit_moments(moments)
    with pytest.raises(ValueError, match="empirical"):
        acm_rs.PCADetector(2).fit_moments(moments).spe_limit(0.01, "empirical")
    with pytest.raises(ValueError, match="at least 20"):
        acm_rs.OMRDetector().fit_moments(few)
    with pytest.raises(ValueError, match="two columns"):
        acm_rs.OMRDetector().fit_moments(acm_rs.RunningMoments([0.0], [1.0]).update(np.arange(50.0)))
    with pytest.raises(ValueError, match="at least 12"):
        acm_rs.AR1Detector().fit_moments(acm_rs.RunningMoments([0.0], [1.0]).update(np.arange(11.0)))
    for scale in (1e-150, 1e150):
        far = acm_rs.RunningMoments([0.0], [scale]).update(np.random.default_rng(0).normal(size=50) * scale)
        for model in (acm_rs.AR1Detector(), acm_rs.PCADetector(), acm_rs.MahalanobisDetector("none")):
            with pytest.raises(ValueError, match="`moments` must have scales between"):
                model.fit_moments(far)
    for model in (acm_rs.PCADetector(), acm_rs.OMRDetector(), acm_rs.AR1Detector()):
        with pytest.raises(TypeError, match="`moments` must be RunningMoments"):
            model.fit_moments(correlated())  # type: ignore[arg-type]


def test_gaps_that_contradict_each_other_are_told() -> None:
    # Of three sensors each pair is seen alone, and as each other's opposite.
    x = np.full((300, 3), np.nan)
    values = np.random.default_rng(1).normal(size=100)
    for place, (a, b) in enumerate(((0, 1), (1, 2), (0, 2))):
        x[100 * place : 100 * place + 100, a], x[100 * place : 100 * place + 100, b] = values, -values
    moments = acm_rs.RunningMoments([0.0] * 3, [1.0] * 3).update(x)
    for model in (acm_rs.PCADetector(2), acm_rs.OMRDetector("ridge"), acm_rs.OMRDetector("pls")):
        with pytest.raises(np.linalg.LinAlgError, match="contradict"):
            model.fit_moments(moments)
