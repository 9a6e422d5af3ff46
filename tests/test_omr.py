"""The overall model residual against scikit-learn's models of the same rows."""

from __future__ import annotations

from typing import Any

import acm_rs
import numpy as np
import pytest
from histories import Floats, plant

decomposition = pytest.importorskip("sklearn.decomposition")
cross_decomposition = pytest.importorskip("sklearn.cross_decomposition")
linear_model = pytest.importorskip("sklearn.linear_model")


def _filled(x: Floats) -> Floats:
    known = np.where(np.isfinite(x), x, np.nan)
    return np.where(np.isnan(known), np.nanmedian(known, axis=0), known)


def _standard(x: Floats) -> tuple[Floats, Floats, Floats]:
    """Rows in units of the sensors' standard deviations; means and deviations as exact as float64 can say them."""
    filled = _filled(x)
    wide = filled.astype(np.longdouble)
    center = wide.mean(axis=0)
    scale = np.sqrt(((wide - center) ** 2).mean(axis=0))
    return ((wide - center) / scale).astype(np.float64), center.astype(np.float64), scale.astype(np.float64)


def _ridge(z: Floats, alpha: float) -> Floats:
    predicted = np.empty_like(z)
    for j in range(z.shape[1]):
        others = np.delete(z, j, axis=1)
        predicted[:, j] = linear_model.Ridge(alpha=alpha).fit(others, z[:, j]).predict(others)
    return predicted


def _pls(z: Floats, components: int) -> Floats:
    return cross_decomposition.PLSRegression(components, scale=False).fit(z, z).predict(z)


def _pca(z: Floats, components: int) -> Floats:
    model = decomposition.PCA(components, svd_solver="full").fit(z)
    return model.inverse_transform(model.transform(z))


def _check(detector: Any, x: Floats, predicted: Floats, rtol: float = 1e-10) -> None:
    """Predictions, scores and contributions follow from the peer's predictions, as documented."""
    z, center, scale = _standard(x)
    np.testing.assert_allclose(detector.scale_, scale, rtol=1e-12)
    np.testing.assert_allclose((detector.predict(x) - center) / scale, predicted, rtol=rtol, atol=rtol * 10)
    e = z - predicted
    np.testing.assert_allclose(detector.residuals(x) / scale, e, rtol=rtol, atol=rtol)
    norms = np.linalg.norm(e, axis=1)
    robust = 1.4826 * np.median(np.abs(norms - np.median(norms)))
    unit = robust if robust > 1e-6 else max(norms.std(), 1e-6)
    assert detector.norm_scale_ == pytest.approx(unit, rel=rtol * 10)
    end = max(detector.clip, 2.0 * detector.limit(0.01)) if detector.clip else np.inf
    np.testing.assert_allclose(detector.score(x), np.minimum(norms / unit, end), rtol=rtol * 10)
    # What is left of a row's weighted square once a sensor reads what makes it least.
    weight = 1.0 / np.maximum(np.sqrt(0.5 * np.maximum((e * e).var(axis=0), 1e-12)), 1e-12)
    moves = np.eye(x.shape[1]) - detector.coefficients_
    whole = (e * e) @ weight
    best = e * weight @ moves.T / (moves * moves @ weight)
    rest = np.stack([np.square(e - np.outer(best[:, j], moves[j])) @ weight for j in range(x.shape[1])], axis=1)
    explained = whole[:, None] - rest
    np.testing.assert_allclose(detector.contributions(x), explained, rtol=rtol * 100, atol=rtol * 10 * whole.max())
    whole = ((detector.residuals(x) / detector.scale_ / detector.norm_scale_) ** 2).sum(axis=1)
    np.testing.assert_allclose(np.minimum(np.sqrt(whole), end), detector.score(x), rtol=1e-9)


SHAPES = [(1200, 12), (400, 30), (60, 20), (51, 80)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("alpha", [1.0, 30.0])
def test_ridge_is_a_fit_for_each_sensor(shape: tuple[int, int], alpha: float) -> None:
    x = plant(*shape, seed=4)
    detector = acm_rs.OMRDetector("ridge", alpha=alpha, clip=None).fit(x)
    assert (detector.model_, detector.n_components_) == ("ridge", None)
    _check(detector, x, _ridge(_standard(x)[0], alpha))
    z = _standard(x)[0]
    for j in (0, shape[1] - 1):
        others = np.delete(np.arange(shape[1]), j)
        peer = linear_model.Ridge(alpha=alpha).fit(z[:, others], z[:, j]).coef_
        np.testing.assert_allclose(detector.coefficients_[others, j], peer, rtol=1e-10, atol=1e-11)
        assert detector.coefficients_[j, j] == 0


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("components", [1, 2, 5])
def test_pls_is_scikit_learns(shape: tuple[int, int], components: int) -> None:
    x = plant(*shape, seed=5)
    detector = acm_rs.OMRDetector("pls", n_components=components).fit(x)
    assert (detector.model_, detector.n_components_) == ("pls", components)
    z = _standard(x)[0]
    _check(detector, x, _pls(z, components))
    peer = cross_decomposition.PLSRegression(components, scale=False).fit(z, z).coef_.T
    np.testing.assert_allclose(detector.coefficients_, peer, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("components", [1, 2, 5])
def test_pca_is_scikit_learns(shape: tuple[int, int], components: int) -> None:
    x = plant(*shape, seed=6)
    detector = acm_rs.OMRDetector("pca", n_components=components, clip=None).fit(x)
    _check(detector, x, _pca(_standard(x)[0], components))


@pytest.mark.parametrize("model", ["ridge", "pls", "pca"])
def test_offsets_cost_no_digits(model: str) -> None:
    x = 1e9 + 1e-3 * plant(700, 8, seed=8)
    detector = acm_rs.OMRDetector(model, n_components=3).fit(x)
    z, _, scale = _standard(x)
    predicted = {"ridge": lambda: _ridge(z, 1.0), "pls": lambda: _pls(z, 3), "pca": lambda: _pca(z, 3)}[model]()
    np.testing.assert_allclose(detector.residuals(x) / scale, z - predicted, atol=1e-10)


def _share_sums(x: Floats) -> Floats:
    """Sensors that are sums of others but for a millionth."""
    random = np.random.default_rng(0)
    mixing = random.standard_normal((x.shape[1], 4))
    return np.hstack([x, x @ mixing + 1e-6 * random.standard_normal((len(x), 4))])


@pytest.mark.parametrize("model", ["ridge", "pls", "pca"])
def test_collinear_sensors_keep_their_digits(model: str) -> None:
    x = _share_sums(plant(900, 4, seed=2))
    detector = acm_rs.OMRDetector(model, n_components=5, clip=None).fit(x)
    z, _, scale = _standard(x)
    e = z - {"ridge": lambda: _ridge(z, 1.0), "pls": lambda: _pls(z, 5), "pca": lambda: _pca(z, 5)}[model]()
    np.testing.assert_allclose(detector.residuals(x) / scale, e, atol=1e-12 if model != "ridge" else 1e-10)
    # What is left is small, but as exact as what was explained.
    np.testing.assert_allclose(detector.score(x) * detector.norm_scale_, np.linalg.norm(e, axis=1), rtol=1e-6)


def test_exhausted_components_end_early() -> None:
    x = plant(300, 2, seed=1)
    x = np.hstack([x, x * 2.0, x + 5.0])
    for model in ("pls", "pca"):
        detector = acm_rs.OMRDetector(model).fit(x)
        assert detector.n_components_ == 2
        assert np.abs(detector.residuals(x) / detector.scale_).max() < 1e-12
        assert detector.norm_scale_ == 1e-6
        assert detector.score(x).max() < 1e-5


@pytest.mark.parametrize(
    ("shape", "model"),
    [((1001, 19), "ridge"), ((1000, 19), "pls"), ((1001, 20), "pls"), ((60, 60), "pls"), ((60, 61), "pca")],
)
def test_the_choice_follows_the_shape(shape: tuple[int, int], model: str) -> None:
    assert acm_rs.OMRDetector().fit(plant(*shape)).model_ == model


def test_columns_left_out_are_told_and_of_no_account() -> None:
    x = plant(200, 7)
    x[:, 1] = 3.0
    x[:101, 4] = np.nan
    x[:100, 5] = np.nan
    with pytest.warns(UserWarning, match=r"columns \[1, 4\] of `x` do not vary or are missing in more than half"):
        detector = acm_rs.OMRDetector().fit(x)
    assert detector.used_.tolist() == [True, False, True, True, False, True, True]
    narrow = acm_rs.OMRDetector().fit(x[:, detector.used_])
    x[:, 4] = 1e6
    assert (detector.score(x) == narrow.score(x[:, detector.used_])).all()
    assert np.isnan(detector.predict(x)).all(axis=0).tolist() == (~detector.used_).tolist()
    assert not detector.contributions(x)[:, ~detector.used_].any()


def test_a_third_of_the_readings_will_do_where_rows_are_many() -> None:
    random = np.random.default_rng(3)
    loads = random.standard_normal((3000, 3)) @ random.standard_normal((3, 10))
    x = loads + 0.3 * random.standard_normal((3000, 10))
    train = np.where(random.random((2000, 10)) < 0.5, np.nan, x[:2000])
    detector, whole = acm_rs.OMRDetector().fit(train), acm_rs.OMRDetector().fit(x[:2000])
    assert detector.used_.all()
    assert (detector.score(x[2000:]) > detector.limit(0.01)).mean() < 0.02
    wrong = x[2000:].copy()
    wrong[:, 4] += 1.5
    found = [(model.score(wrong) > model.limit(0.01)).mean() for model in (detector, whole)]
    assert found[0] > 0.7 * found[1] > 0.2


def test_the_healthy_regime_is_fitted() -> None:
    x = plant(900, 5)
    labels = np.resize([4, 4, -1, -1, -1, 2], 900)
    detector = acm_rs.OMRDetector().fit(x, labels)
    alone = acm_rs.OMRDetector().fit(x[labels == 4])
    assert detector == alone
    assert acm_rs.OMRDetector().fit(x, labels=labels.tolist()) == alone
    assert acm_rs.OMRDetector().fit(x, labels.astype(np.int8)) == alone
    with pytest.raises(ValueError, match="`labels` must have a label other than -1"):
        acm_rs.OMRDetector().fit(x, np.full(900, -1))
    with pytest.raises(ValueError, match="`labels` must have length 900, got 3"):
        acm_rs.OMRDetector().fit(x, [1, 2, 3])
    with pytest.raises(ValueError, match="`labels` must have 1 dimension, got 2"):
        acm_rs.OMRDetector().fit(x, labels[:, None])
    for wrong in (labels.astype(float), "abc", ["a"] * 900, [0.5] * 900):
        with pytest.raises(TypeError, match=r"`labels` must (be|have) .*(whole numbers|an integer dtype)"):
            acm_rs.OMRDetector().fit(x, wrong)


def test_weights_scale_contributions() -> None:
    x = plant(200, 4)
    plain = acm_rs.OMRDetector().fit(x)
    detector = acm_rs.OMRDetector().fit(x, weights=[1.0, 0.25, 1.0, 0.0])
    assert detector.weights_.tolist() == [1.0, 0.25, 1.0, 0.0]
    assert (detector.score(x) == plain.score(x)).all()
    np.testing.assert_allclose(detector.contributions(x), plain.contributions(x) * detector.weights_, rtol=1e-15)
    with pytest.raises(ValueError, match="`weights` must have length 4, got 1"):
        acm_rs.OMRDetector().fit(x, weights=1.0)
    with pytest.raises(ValueError, match="`weights` must be finite numbers of at least 0, got -1"):
        acm_rs.OMRDetector().fit(x, weights=[1.0, 1.0, -1.0, 1.0])


def test_scores_end_at_the_clip() -> None:
    x = plant(300, 6)
    far = x.copy()
    far[5, 2] += 1e6
    assert acm_rs.OMRDetector().fit(x).score(far)[5] == 10.0
    assert acm_rs.OMRDetector(clip=30).fit(x).score(far)[5] == 30.0
    close = acm_rs.OMRDetector(clip=3).fit(x)
    assert close.score(far)[5] == 2.0 * close.limit(0.01) > 3.0
    endless = acm_rs.OMRDetector(n_components=2, clip=None)
    assert repr(endless) == "OMRDetector(model='auto', n_components=2, alpha=1.0, clip=None, constants='watch')"
    assert endless.fit(x).score(far)[5] > 1e4
    assert endless.score(far).argmax() == 5
    assert endless.contributions(far)[5].argmax() == 2


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"model": "lasso"}, ValueError, '`model` must be one of "auto", "pls", "ridge", "pca", got "lasso"'),
        ({"model": 1}, TypeError, "`model` must be one of"),
        ({"n_components": 0}, ValueError, "`n_components` must be a whole number, at least 1, got 0"),
        ({"n_components": 2.5}, ValueError, "`n_components`"),
        ({"alpha": -1.0}, ValueError, "`alpha` must be a finite number of at least 0, got -1"),
        ({"alpha": float("nan")}, ValueError, "`alpha`"),
        ({"clip": 0}, ValueError, "`clip` must be above 0, got 0"),
        ({"clip": float("nan")}, ValueError, "`clip`"),
        ({"clip": "10"}, TypeError, "`clip` must be a number, got str"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        acm_rs.OMRDetector(**parameters)


def test_unfit_rows_are_told() -> None:
    with pytest.raises(ValueError, match="`x` must have at least 20 rows, got 19"):
        acm_rs.OMRDetector().fit(plant(19, 3))
    with pytest.raises(ValueError, match="`x` must have at least 50 rows, got 49"):
        acm_rs.OMRDetector().fit(plant(49, 80))
    with pytest.raises(ValueError, match="`x` must have at least two columns that vary"):
        acm_rs.OMRDetector().fit(np.ones((30, 3)))
    twins = plant(100, 2)[:, [0, 1, 0]]
    with pytest.raises(np.linalg.LinAlgError, match="`alpha` must be larger"):
        acm_rs.OMRDetector("ridge", alpha=0.0).fit(twins)


@pytest.mark.parametrize("model", ["ridge", "pls", "pca"])
def test_a_biased_sensor_is_named_though_it_moves_the_residuals_of_others(model: str) -> None:
    """Squares of what components leave name another one in most runs."""
    named = wrong = 0
    for seed in range(24):
        random = np.random.default_rng([41, seed])
        x = random.normal(size=(900, 2)) @ random.normal(size=(2, 12)) + 0.1 * random.normal(size=(900, 12))
        sensor = seed % 12
        detector = acm_rs.OMRDetector(model, clip=None).fit(x[:700])
        later = x[700:].copy()
        later[:, sensor] += 0.5
        named += detector.contributions(later).mean(axis=0).argmax() == sensor
        squares = np.square(detector.residuals(later)) / np.square(detector.residuals(x[:700])).var(axis=0)
        wrong += squares.mean(axis=0).argmax() != sensor
    assert named >= 22
    if model != "ridge":
        assert wrong >= 12


def test_a_sensor_that_alone_is_off_explains_all() -> None:
    x = plant(500, 8, seed=31)
    detector = acm_rs.OMRDetector("pls", n_components=3, clip=None).fit(x)
    rows = detector.center_ + 7.0 * np.diag(detector.scale_)
    explained = detector.contributions(rows)
    e = detector.residuals(rows) / detector.scale_
    squares = np.square(detector.residuals(x) / detector.scale_)
    whole = np.square(e) @ (1.0 / np.sqrt(0.5 * squares.var(axis=0)))
    np.testing.assert_allclose(np.diag(explained), whole, rtol=1e-9)
    assert (np.diag(explained) >= explained.max(axis=1) * (1.0 - 1e-12)).all()
