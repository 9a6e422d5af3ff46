"""Sensors that stood still in all of the training and move later."""

from __future__ import annotations

import warnings
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from golden import read
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

MODELS = (
    "AR1Detector",
    "FusedDetector",
    "GaussianMixture",
    "IsolationForest",
    "MahalanobisDetector",
    "OMRDetector",
    "PCADetector",
    "RegimeDetector",
    "RegimeModel",
    "SimilarityDetector",
)
STILL = 4


def history(rows: int, seed: int, still: float = 50.1) -> Matrix:
    """Six sensors of two loads, and one between them that stands still."""
    random = np.random.default_rng(seed)
    ways = np.random.default_rng(9).normal(size=(2, 7))
    x = random.normal(size=(rows, 2)) @ ways + random.normal(0.0, 0.2, (rows, 7))
    x[:, STILL] = still
    return x


def fitted(name: str, x: Any, **parameters: Any) -> Any:
    """Fit without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(acm_rs, name)(**parameters).fit(x)


def limit(model: Any, alpha: float) -> float:
    """What a healthy row is above, at this rate."""
    if isinstance(model, acm_rs.RegimeModel):
        return float(model.limits_.max())
    return float(model.limit(alpha)) if hasattr(model, "limit") else 1.0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("still", [50.1, 0.0, -1e-9])
def test_a_constant_that_moves_is_an_alarm_that_names_it(name: str, still: float) -> None:
    """However little; other rows are as they were, to the last bit."""
    model = fitted(name, history(500, 1, still))
    assert model.constants_ == {STILL: still}
    x = history(200, 2, still)
    quiet, shares = model.score(x), model.contributions(x)
    moves = {3: 1e-4, 20: 0.1, 21: -3.0, 150: 1e300}
    for row, step in moves.items():
        x[row, STILL] += step
    x[30, STILL] = np.nan
    scores = model.score(x)
    rows = list(moves)
    # AR(1) has no other part for it.
    others = np.setdiff1d(np.arange(200), rows if name != "AR1Detector" else [*rows, 30])
    assert np.all(scores[rows] > limit(model, 1e-12)), scores[rows]
    assert np.all(np.isfinite(scores))
    assert scores[3] < scores[20] < scores[150]
    np.testing.assert_array_equal(scores[others], quiet[others])
    assert model.contributions(x)[rows].argmax(axis=1).tolist() == [STILL] * 4
    np.testing.assert_array_equal(model.contributions(x)[others], shares[others])
    moved = np.zeros(x.shape, bool)
    moved[rows, STILL] = True
    np.testing.assert_array_equal(model.moved(x), moved)
    # Rows one by one, and after a restart.
    again = type(model).from_bytes(model.to_bytes())
    assert again == model
    assert again.constants_ == model.constants_
    np.testing.assert_array_equal(np.concatenate([again.update(x[row : row + 1]) for row in range(200)]), scores)


@pytest.mark.parametrize("name", MODELS)
def test_rounding_is_no_move(name: str) -> None:
    """The float32 form of the same number, and its neighbours."""
    model = fitted(name, history(300, 1))
    x = history(6, 3)
    x[0, STILL] = np.float32(50.1)
    x[1, STILL] = np.nextafter(50.1, 99.0)
    x[2, STILL] = np.nextafter(np.float32(50.1), np.float32(0.0))
    x[3, STILL] = np.inf
    assert not model.moved(x).any()
    if name == "AR1Detector":
        # It has no other part for it.
        assert np.all(model.score(x) < model.limit(1e-9))
        return
    quiet = x.copy()
    quiet[:, STILL] = 50.1
    np.testing.assert_array_equal(model.score(x), model.score(quiet))


def test_a_lagged_model_watches_its_row_alone() -> None:
    """In pieces as at once."""
    model = fitted("MahalanobisDetector", history(300, 1), lags=2)
    x = history(40, 2)
    x[10, STILL] = 51.0
    assert np.flatnonzero(model.score(x) > model.limit(1e-9)).tolist() == [10]
    pieces = [model.update(x[start : start + 7]) for start in range(0, 40, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), model.score(x))


@pytest.mark.parametrize("name", MODELS)
def test_what_is_ignored_has_no_part(name: str) -> None:
    """The former behaviour, also in a file."""
    model = fitted(name, history(300, 1), constants="ignore")
    assert model.constants_ == {}
    x = history(40, 2)
    quiet = model.score(x)
    x[7, STILL] = 60.0
    assert not model.moved(x).any()
    if name != "AR1Detector":
        np.testing.assert_array_equal(model.score(x), quiet)
    again = type(model).from_bytes(model.to_bytes())
    assert again.constants == "ignore"
    assert again.constants_ == {}
    with pytest.raises(ValueError, match='`constants` must be one of "watch", "ignore", got "neither"'):
        getattr(acm_rs, name)(constants="neither")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("digits", [1, 2, 5])
def test_a_coarser_form_of_the_value_is_no_move(name: str, digits: int) -> None:
    """The history is written with fewer decimals than the training; another value with as many is a move."""
    model = fitted(name, history(300, 1, 50.123456789))
    x = history(4, 2, 50.123456789)
    x[0, STILL] = np.round(50.123456789, digits)
    x[1, STILL] = np.float32(np.round(50.123456789, digits))
    x[2, STILL] = np.round(50.123456789, digits) + 10.0**-digits
    assert model.moved(x)[:, STILL].tolist() == [False, False, True, False]


@pytest.mark.parametrize("fuse", ["mean", "median", "p95"])
def test_ar1_sees_one_constant_among_many(fuse: str) -> None:
    """A median of 40 sensors does not see one of them."""
    random = np.random.default_rng(5)
    x = random.normal(size=(400, 40))
    x[:, 7] = 3.0
    model = fitted("AR1Detector", x, fuse=fuse)
    rows = random.normal(size=(50, 40))
    rows[:, 7] = 3.0
    rows[20:, 7] = 3.1
    np.testing.assert_array_equal(model.score(rows) > model.limit(1e-9), np.arange(50) >= 20)


def test_a_row_in_which_one_has_moved_is_of_no_regime() -> None:
    """Two regimes, and a sensor that stands still in both."""
    random = np.random.default_rng(3)
    labels = np.repeat([0, 1], 200)
    x = np.column_stack([labels * 9.0 + random.normal(size=400), labels * 5.0 + random.normal(size=400)])
    x = np.column_stack([x, np.full(400, 7.0)])
    model = fitted("RegimeModel", x, n_regimes=2)
    assert model.constants_ == {2: 7.0}
    known, sure = model.predict(x), model.confidence(x)
    y = x.copy()
    y[[5, 300], 2] = 8.0
    assert model.predict(y)[[5, 300]].tolist() == [-1, -1]
    assert not model.confidence(y)[[5, 300]].any()
    others = np.setdiff1d(np.arange(400), [5, 300])
    np.testing.assert_array_equal(model.predict(y)[others], known[others])
    np.testing.assert_array_equal(model.confidence(y)[others], sure[others])
    assert np.all(model.score(y)[[5, 300]] > model.limits_.max())


@pytest.mark.parametrize("detector", ["pca", "mahalanobis", "ar1"])
def test_what_stands_still_in_one_regime_alone_is_no_constant(detector: str) -> None:
    """A valve that is open in one regime and closed in the other, and a sensor that never moves."""
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1], 300)
    x = random.normal(size=(600, 4))
    x[:, 1], x[:, 3] = labels, 2.0
    model = acm_rs.RegimeDetector(detector)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, labels)
    assert model.constants_ == {3: 2.0}
    y = x[:50].copy()
    y[10, 3] = 2.5
    scores = model.score(y, labels[:50])
    assert scores[10] > 1.5
    assert int(model.contributions(y, labels[:50])[10].argmax()) == 3
    np.testing.assert_array_equal(np.delete(scores, 10), np.delete(model.score(x[:50], labels[:50]), 10))
    pieces = [model.update(y[start : start + 7], labels[start : min(start + 7, 50)]) for start in range(0, 50, 7)]
    np.testing.assert_array_equal(np.concatenate(pieces), scores)


@pytest.mark.parametrize("name", ["PCADetector", "MahalanobisDetector", "FusedDetector"])
def test_a_rare_state_of_the_training_is_known(name: str) -> None:
    """A pump that runs in one of a hundred hours of the training may run again."""
    x = history(2000, 1, 0.0)
    for start in (300, 900, 1500):
        x[start : start + 20, STILL] = 1.0
        x[start : start + 20, :STILL] += 6.0
    model = fitted(name, x)
    assert STILL not in model.constants_


def test_names_are_those_of_the_frame() -> None:
    """A frame's sensors by name; what varies or is mostly missing is no constant."""
    frame = pd.DataFrame(history(300, 1), columns=list("abcdefg"))
    frame.loc[:200, "b"] = np.nan
    model = fitted("OMRDetector", frame)
    assert model.constants_ == {"e": 50.1}
    assert not model.moved(frame).any()
    with pytest.raises(ValueError, match="columns"):
        model.moved(frame[["a", "b"]])
    assert fitted("MahalanobisDetector", history(300, 1)[:, :4]).constants_ == {}


@pytest.mark.parametrize("key", [f"{name} {version}" for name in MODELS for version in (1, 2)])
def test_files_of_former_versions_watch_nothing(key: str) -> None:
    """They load as they were."""
    stored = read()
    if key not in stored:
        assert key.endswith("1")
        return
    model = getattr(acm_rs, key.split()[0]).from_bytes(stored[key].data)
    assert model.constants == "ignore"
    assert model.constants_ == {}
