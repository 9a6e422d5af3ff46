"""score_batch, train_pca, iforest_scores: what ACM's bridge expects of acm_rs."""

from __future__ import annotations

import json
from typing import Any

import acm_rs
import numpy as np
import pandas as pd
import polars as pl
import pytest

HOOKS = [acm_rs.score_batch, acm_rs.train_pca, acm_rs.iforest_scores]


def plant(seed: int = 0, rows: int = 400) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.outer(rng.normal(50.0, 5.0, rows), [1.0, 2.0, -1.0, 0.5]) + rng.normal(size=(rows, 4))


def test_a_batch_has_what_the_bridge_returns() -> None:
    """The keys of ACM's own fallback, lists of plain floats, fit for JSON."""
    x = plant(1)[:50]
    x[20:, 2] += 30.0
    names = ["flow", "power", "temp", "speed"]
    batch = {"matrix": x.tolist(), "train": plant(), "columns": names, "equip": "Fan 1", "run_ts": "2026-01-01"}
    found = acm_rs.score_batch(batch)
    assert set(found) == {"equip", "run_ts", "n_rows", "scores", "culprit_tags", "thresholds"}
    assert (found["equip"], found["run_ts"], found["n_rows"]) == ("Fan 1", "2026-01-01", 50)
    assert set(found["scores"]) == {"fused_score", "pca_recon_err", "iforest_score", "ar1_residual"}
    assert all(len(values) == 50 for values in found["scores"].values())
    assert json.loads(json.dumps(found)) == found
    fused = np.array(found["scores"]["fused_score"])
    assert (fused[20:] > found["thresholds"]["alert"]).all()
    assert (fused[:20] < found["thresholds"]["alert"]).mean() > 0.9
    assert found["culprit_tags"][0] == "temp"


def test_the_scores_are_those_of_the_detectors() -> None:
    x, train = plant(1)[:40], plant()
    found = acm_rs.score_batch({"matrix": x, "train": train})["scores"]
    subspace, ar1 = acm_rs.PCADetector().fit(train), acm_rs.AR1Detector().fit(train)
    forest = acm_rs.IsolationForest().fit(train)
    np.testing.assert_array_equal(found["pca_recon_err"], subspace.spe(x))
    np.testing.assert_array_equal(found["ar1_residual"], ar1.score(x))
    np.testing.assert_array_equal(found["iforest_score"], forest.score(x))
    assert acm_rs.iforest_scores({"matrix": x, "train": train}) == found["iforest_score"]
    r = np.max([subspace.score(x), ar1.score(x) / ar1.limit(0.01), forest.score(x) / forest.limit(0.01)], axis=0)
    np.testing.assert_allclose(found["fused_score"], r / (r + 3 / 17), rtol=1e-12)


def test_without_training_the_batch_is_learnt_from() -> None:
    x = plant()
    x[300, 1] += 60.0
    with pytest.warns(UserWarning, match="left out of the fit"):
        found = acm_rs.score_batch({"matrix": x})
    assert int(np.argmax(found["scores"]["fused_score"])) == 300
    assert found["culprit_tags"][0] == "1"
    x[300] += [60.0, 60.0, 60.0, -60.0]
    assert int(np.argmax(acm_rs.iforest_scores({"matrix": x}))) == 300


def test_gaps() -> None:
    x = plant(1)[:40]
    x[3, 1], x[5] = np.inf, np.nan
    found = acm_rs.score_batch({"matrix": x, "train": plant()})["scores"]
    for values in found.values():
        assert np.flatnonzero(np.isnan(values)).tolist() == [5]


def test_components_are_those_of_numpy() -> None:
    x = plant()
    found = acm_rs.train_pca({"matrix": x, "n_components": 2})
    low, median, high = np.quantile(x, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(found["center"], median, rtol=1e-12)
    np.testing.assert_allclose(found["scale"], high - low, rtol=1e-12)
    z = (x - median) / (high - low)
    values = np.linalg.eigvalsh(np.cov(z, rowvar=False))[::-1]
    np.testing.assert_allclose(found["explained_variance"], values[:2], rtol=1e-9)
    np.testing.assert_allclose(found["explained_variance_ratio"], values[:2] / values.sum(), rtol=1e-9)
    np.testing.assert_allclose(found["mean"], z.mean(axis=0), atol=1e-12)
    assert np.shape(found["components"]) == (2, 4)
    assert json.loads(json.dumps(found)) == found
    x[:5, 0], x[:, 3] = np.nan, 7.0
    still = acm_rs.train_pca({"matrix": x})
    assert still["scale"][3] == 1.0
    assert len(still["components"]) == 4
    assert acm_rs.train_pca({"matrix": np.ones((40, 2))})["explained_variance_ratio"] == [0.0, 0.0]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("batch", "error", "words"),
    [
        ([[1.0]], TypeError, "`input` must be a mapping, got list"),
        ({}, ValueError, '`input` must hold "matrix"'),
        ({"matrix": [["a"]]}, TypeError, "must be a table of numbers"),
        ({"matrix": [1.0, 2.0]}, ValueError, r"must have rows and columns, got shape \(2,\)"),
        ({"matrix": np.ones((5, 2))}, ValueError, "at least 30 rows are needed to learn from, got 5"),
        ({"matrix": np.ones((5, 2)), "train": np.ones((50, 3))}, ValueError, "must have 2 columns"),
        ({"matrix": np.ones((50, 2)), "columns": ["a"]}, ValueError, "must have 2 names"),
    ],
)
def test_bad_batches(hook: Any, batch: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        hook(batch)


NAMES = ["flow", "power", "temp", "speed"]


def pandas_frame(x: np.ndarray, names: list[str]) -> Any:
    return pd.DataFrame(x, columns=names)


def polars_frame(x: np.ndarray, names: list[str]) -> Any:
    return pl.DataFrame(x, schema=names)


def arrow_table(x: np.ndarray, names: list[str]) -> Any:
    return pytest.importorskip("pyarrow").table({name: x[:, j] for j, name in enumerate(names)})


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("frame", [pandas_frame, polars_frame, arrow_table])
def test_frames_are_taken_by_names(hook: Any, frame: Any) -> None:
    x, train = plant(1)[:50], plant()
    x[20:, 2] += 30.0
    first = hook({"matrix": x, "train": train, "columns": NAMES})
    turned = [2, 0, 3, 1]
    other = frame(x[:, turned], [NAMES[j] for j in turned])
    learnt = frame(train, NAMES)
    for batch in (
        {"matrix": frame(x, NAMES), "train": learnt},
        {"matrix": other, "train": learnt},
        {"matrix": other, "train": train, "columns": NAMES},
        {"matrix": other, "train": frame(train[:, turned], [NAMES[j] for j in turned]), "columns": NAMES},
        {"matrix": frame(np.column_stack([x, x[:, 0]]), [*NAMES, "more"]), "train": learnt, "columns": NAMES},
        {"matrix": x, "train": learnt},
        {"matrix": frame(x, NAMES), "train": train.tolist()},
    ):
        assert hook(batch) == first


def test_kinds_of_tables() -> None:
    x = plant()
    first = acm_rs.iforest_scores({"matrix": x})
    masked = np.ma.masked_array(x.copy(), mask=False)
    for same in (x.tolist(), x.astype(object), masked, np.asfortranarray(x), pd.DataFrame(x), x.view(np.ndarray)[::1]):
        assert acm_rs.iforest_scores({"matrix": same}) == first
    masked[3, 1] = np.ma.masked
    holed: Any = x.astype(object)
    holed[3, 1] = None
    plain = x.copy()
    plain[3, 1] = np.nan
    for same in (masked, holed, holed.tolist(), pd.DataFrame(plain).astype("Float64")):
        assert acm_rs.iforest_scores({"matrix": same}) == acm_rs.iforest_scores({"matrix": plain})
    assert acm_rs.score_batch({"matrix": pd.DataFrame(x[:0]), "train": x})["n_rows"] == 0


def test_what_is_given_back() -> None:
    for given, said in ((0, "0"), (None, ""), ("", ""), (20260101, "20260101"), ("Fan 1", "Fan 1")):
        found = acm_rs.score_batch({"matrix": plant(1)[:5], "train": plant(), "equip": given, "run_ts": given})
        assert (found["equip"], found["run_ts"]) == (said, said)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"columns": "abcd"}, TypeError, r'`input\["columns"\]` must be a list of names, got str'),
        ({"columns": 4}, TypeError, r'`input\["columns"\]` must be a list of names, got int'),
        (
            {"columns": ["a", "b", "b", "c"]},
            ValueError,
            r'`input\["columns"\]` must be different names, got \'b\' twice',
        ),
        ({"columns": []}, ValueError, r'`input\["columns"\]` must have 4 names, one for each column, got 0'),
        ({"matrix": plant() * 1j}, TypeError, r'`input\["matrix"\]` must be a table of numbers, got one of complex128'),
        ({"train": plant().astype(str)}, TypeError, r'`input\["train"\]` must be a table of numbers, got one of <U'),
        ({"matrix": [[1.0, 2.0], [1.0]]}, ValueError, r'`input\["matrix"\]` must have rows of one length'),
        ({"matrix": [[10**400, 1, 2, 3]]}, ValueError, r'`input\["matrix"\]` must be free of numbers beyond float64'),
        (
            {"train": pd.DataFrame({"flow": ["a"] * 40, "power": 1.0})},
            TypeError,
            r'`input\["train"\]` must hold numbers, but columns \'flow\' hold String',
        ),
        (
            {"train": pandas_frame(plant(), NAMES), "matrix": pandas_frame(plant(), [*NAMES[:3], "load"])},
            ValueError,
            r'must have the columns of the frame in "train"; missing: \'speed\'; not known: \'load\'$',
        ),
        (
            {"matrix": pandas_frame(plant(), NAMES), "columns": ["flow", "rpm"]},
            ValueError,
            r'`input\["matrix"\]` must have the columns of "columns"; missing: \'rpm\'$',
        ),
        ({"matrix": {"flow": [1.0]}}, TypeError, r'`input\["matrix"\]` must be a NumPy array .* got dict'),
    ],
)
def test_what_is_refused_by_name(hook: Any, change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        hook({"matrix": plant(), "train": plant(), **change})


@pytest.mark.parametrize("hook", [acm_rs.score_batch, acm_rs.iforest_scores])
@pytest.mark.parametrize("key", ["matrix", "train"])
@pytest.mark.parametrize("value", [7.0, np.nan])
def test_rows_that_say_nothing(hook: Any, key: str, value: float) -> None:
    batch = (
        {"matrix": np.full((50, 4), value)}
        if key == "matrix"
        else {"matrix": plant(), "train": np.full((50, 4), value)}
    )
    with pytest.raises(ValueError, match=rf'`input\["{key}"\]` must have a (column that changes|value)'):
        hook(batch)


@pytest.mark.parametrize("value", [1e300, -1e151, 1.7e308])
def test_huge_values(value: float) -> None:
    """Scored they are odd, learnt from they are left out or refused by name."""
    x, train = plant(1)[:50], plant()
    x[7, 1] = value
    found = acm_rs.score_batch({"matrix": x, "train": train, "columns": NAMES})["scores"]
    assert int(np.argmax(found["fused_score"])) == int(np.argmax(found["ar1_residual"])) == 7
    assert found["iforest_score"][7] > np.median(found["iforest_score"])
    assert all(np.isfinite(values).all() for values in found.values())
    train[30, 1] = value
    with pytest.warns(UserWarning, match="left out"):
        assert np.isfinite(acm_rs.score_batch({"matrix": x, "train": train})["scores"]["fused_score"]).all()
    with pytest.raises(ValueError, match=r'`input\["train"\]` must be within ±1e150, but is not in \'power\''):
        acm_rs.train_pca({"matrix": x, "train": train, "columns": NAMES})


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [(-2, ValueError, "at least 1, got -2"), (0, ValueError, "at least 1, got 0")]
    + [(bad, TypeError, "an integer, got ") for bad in (2.7, 2.0, True, "2", float("nan"), [2])],
)
def test_bad_numbers_of_components(given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=rf'`input\["n_components"\]` must be {words}'):
        acm_rs.train_pca({"matrix": plant(), "n_components": given})


def test_numbers_of_components() -> None:
    for given, k in ((None, 4), (np.int64(2), 2), (1, 1), (99, 4), (10**30, 4)):
        assert len(acm_rs.train_pca({"matrix": plant(), "n_components": given})["components"]) == k


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_columns_that_are_not_asked_for_may_be_of_any_kind(kind: Any) -> None:
    x = plant()
    table = {"note": ["start"] * len(x), **{name: x[:, place] for place, name in enumerate("abcd")}}
    found = acm_rs.score_batch({"matrix": kind(table), "columns": ["c", "a"]})
    assert found["scores"] == acm_rs.score_batch({"matrix": x[:, [2, 0]], "columns": ["c", "a"]})["scores"]


def test_names_without_an_order_are_refused() -> None:
    with pytest.raises(TypeError, match=r'`input\["columns"\]` must be a list of names, got set'):
        acm_rs.score_batch({"matrix": plant(), "columns": {"a", "b", "c", "d"}})
