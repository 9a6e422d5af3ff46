"""Sensors that stood still in all of the training and move later."""

from __future__ import annotations

import base64
import warnings
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from saved_models import read

Matrix = NDArray[np.float64]

MODELS = ("PCADetector", "MahalanobisDetector", "OMRDetector", "GaussianMixture")
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
    return 1.0 if isinstance(model, acm_rs.PCADetector) else float(model.limit(alpha))


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
    others = np.setdiff1d(np.arange(200), rows)
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
    model = getattr(acm_rs, key.split()[0]).from_bytes(base64.b85decode(read()[key]["bytes"]))
    assert model.constants_ == {}
