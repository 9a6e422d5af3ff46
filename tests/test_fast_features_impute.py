"""Filling of missing features and the columns that are dropped."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, adversarial, exact_statistics, fan, serving

from core import fast_features as ff


class Manager:
    """Stands in for ACM's output manager."""

    def __init__(self) -> None:
        self.written: list[list[dict[str, Any]]] = []

    def write_feature_drop_log(self, records: list[dict[str, Any]]) -> None:
        self.written.append(records)


@pytest.mark.parametrize("backend", BACKENDS)
def test_medians_of_the_training_data_fill_both(backend: str) -> None:
    train = adversarial()
    score = adversarial(rows=40)
    before = train.copy(deep=True), score.copy(deep=True)
    with serving(backend):
        got_train, got_score, dropped = ff.impute_features(train, score, 1e-12)
    pd.testing.assert_frame_equal(train, before[0], check_exact=True)
    pd.testing.assert_frame_equal(score, before[1], check_exact=True)
    assert dropped == ["constant", "missing"]
    kept = [name for name in train if name not in dropped]
    for got, frame in ((got_train, train), (got_score, score)):
        assert list(got) == kept
        pd.testing.assert_index_equal(got.index, frame.index)
        for name in kept:
            median = exact_statistics(train[name].to_numpy())["_med"]
            want = frame[name].where(np.isfinite(frame[name]), median)
            np.testing.assert_allclose(got[name], want, rtol=1e-15, atol=0)
    got_train.iloc[:, :] = -1.0
    pd.testing.assert_frame_equal(train, before[0], check_exact=True)


@pytest.mark.parametrize("backend", BACKENDS)
def test_columns_of_the_score_follow_the_training_data(backend: str) -> None:
    train = pd.DataFrame({"b": [1.0, 2.0, 9.0], "a": [5.0, np.nan, 7.0], "c": [0.0, -1.0, np.inf]})
    score = pd.DataFrame({"extra": ["x", "y"], "a": [np.nan, 1.0], "b": [3.0, -np.inf]}, index=["p", "q"])
    with serving(backend):
        got_train, got_score, dropped = ff.impute_features(train, score, 0.0)
    assert dropped == []
    pd.testing.assert_frame_equal(
        got_train, pd.DataFrame({"b": [1.0, 2.0, 9.0], "a": [5.0, 6.0, 7.0], "c": [0.0, -1.0, -0.5]})
    )
    pd.testing.assert_frame_equal(
        got_score, pd.DataFrame({"b": [3.0, 2.0], "a": [6.0, 1.0], "c": [-0.5, -0.5]}, index=["p", "q"])
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_dropped_is_told(backend: str, caplog: pytest.LogCaptureFixture) -> None:
    train = pd.DataFrame(
        {
            "void": [np.nan, np.inf, -np.inf, np.nan],
            "stuck": [0.1, np.nan, 0.1, 0.1],
            "calm": [1e9, 1e9 + 1e-3, 1e9, 1e9 + 1e-3],
            "good": [1.0, 2.0, 4.0, np.nan],
            7: [1.0, 1.0, 1.0, 1.0],
        }
    )
    manager = Manager()
    with serving(backend), caplog.at_level(logging.WARNING):
        got, _, dropped = ff.impute_features(train, train, 0.5, manager, "run-1", 5003, "fan")
    assert list(got) == ["good"]
    assert dropped == ["void", "stuck", "calm", 7]
    (records,) = manager.written
    assert [record["FeatureName"] for record in records] == ["void", "stuck", "calm", "7"]
    assert [record["DropReason"] for record in records] == ["all_NaN", *["low_variance"] * 3]
    assert [record["Threshold"] for record in records] == [None, 0.5, 0.5, 0.5]
    assert [record["DropValue"] for record in records[:2]] == [None, 0.0]
    exact = exact_statistics(train["calm"].to_numpy())["_std"]
    assert abs(records[2]["DropValue"] - exact) <= 1e-12 * exact
    assert all(set(record) == {"FeatureName", "DropReason", "DropValue", "Threshold"} for record in records)
    assert all(type(record["DropValue"]) in (float, type(None)) for record in records)
    assert [record.getMessage() for record in caplog.records] == [
        "Dropping 4 feature columns (1 all missing, 3 of low variance) of fan"
    ]


def test_nothing_to_drop_is_nothing_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager()
    with serving("pandas"), caplog.at_level(logging.WARNING):
        ff.impute_features(fan(rows=20, sensors=2), fan(rows=5, sensors=2), 1e-6, manager)
    assert manager.written == []
    assert caplog.records == []


def test_the_console_of_acm_gets_the_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    console = SimpleNamespace(warn=lambda message, **context: told.append((message, context)))
    monkeypatch.setattr(ff, "_console", console)
    train = pd.DataFrame({"a": [1.0, 2.0], "b": [np.nan, np.nan]})
    with serving("pandas"):
        ff.impute_features(train, train, 1e-6, run_id="r", equip_id=3, equip="fan")
    ((message, context),) = told
    assert message == "Dropping 1 feature columns (1 all missing, 0 of low variance)"
    assert context == {"component": "FEAT", "equip": "fan", "equip_id": 3, "run_id": "r", "dropped": 1}
    assert caplog.records == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_low_variance_is_that_of_the_filled_column(backend: str) -> None:
    values = np.array([0.0, 10.0, *[np.nan] * 98])
    train = pd.DataFrame({"a": values, "b": np.arange(100.0)})
    filled = np.where(np.isnan(values), 5.0, values).std(ddof=1)
    with serving(backend):
        assert ff.impute_features(train, train, filled * 0.999)[2] == []
        assert ff.impute_features(train, train, filled * 1.001)[2] == ["a"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_row_has_no_deviation_to_judge(backend: str) -> None:
    train = pd.DataFrame({"a": [1.0], "b": [np.nan]})
    with serving(backend):
        got, score, dropped = ff.impute_features(train, pd.DataFrame({"a": []}, dtype=float), 1.0)
    assert got["a"].tolist() == [1.0]
    assert score.shape == (0, 1)
    assert dropped == ["b"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_frames_come_back_as_they_went_in(backend: str) -> None:
    pl = pytest.importorskip("polars")
    train = fan(rows=30, sensors=3, missing=0.1)
    score = fan(rows=10, sensors=2, missing=0.1)
    with serving(backend):
        want_train, want_score, _ = ff.impute_features(train, score, 1e-6)
        got_train, got_score, _ = ff.impute_features(pl.from_pandas(train), score, 1e-6)
        assert isinstance(got_train, pl.DataFrame)
        assert isinstance(got_score, pd.DataFrame)
        other_train, other_score, _ = ff.impute_features(train, pl.from_pandas(score), 1e-6)
    np.testing.assert_array_equal(got_train.to_numpy(), want_train)
    pd.testing.assert_frame_equal(got_score, want_score, check_exact=True)
    pd.testing.assert_frame_equal(other_train, want_train, check_exact=True)
    np.testing.assert_array_equal(other_score.to_numpy(), want_score)


@pytest.mark.parametrize("backend", BACKENDS)
def test_column_types(backend: str) -> None:
    train = pd.DataFrame({"a": pd.array([1, None, 4], dtype="Int64"), "b": [True, False, True], ("c", 1): [1, 2, 3]})
    with serving(backend):
        got, score, _ = ff.impute_features(train, train.iloc[:1, ::-1], 1e-6)
    assert list(got.columns) == list(score.columns) == ["a", "b", ("c", 1)]
    assert (got.dtypes == np.float64).all()
    assert got.to_numpy().tolist() == [[1.0, 1.0, 1.0], [2.5, 0.0, 2.0], [4.0, 1.0, 3.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_medians_of_almost_the_largest_double(backend: str) -> None:
    train = pd.DataFrame({"a": [1.7e308, 1.7e308, np.nan, 1.6e308, 1.6e308]})
    with serving(backend):
        got, _, _ = ff.impute_features(train, train, 0.0)
    np.testing.assert_allclose(got["a"].iloc[2], 1.65e308, rtol=1e-15)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "train",
    [
        pd.DataFrame({"a": [1.0, 1.0]}),
        pd.DataFrame({"a": [np.nan, np.inf]}),
        pd.DataFrame({"a": []}, dtype=float),
        pd.DataFrame(index=[1, 2]),
    ],
)
def test_nothing_left_raises(backend: str, train: pd.DataFrame) -> None:
    manager = Manager()
    with serving(backend), pytest.raises(RuntimeError, match="no usable feature column is left"):
        ff.impute_features(train, train, 1e-6, manager)
    assert len(manager.written) == train.shape[1]


def test_what_is_refused() -> None:
    frame = fan(rows=10, sensors=2)
    for threshold in (-1.0, float("nan"), "1", None):
        with pytest.raises(ValueError, match="low_var_threshold must be a number"):
            ff.impute_features(frame, frame, threshold)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="train must be a pandas or a Polars DataFrame, got list"):
        ff.impute_features([1.0], frame, 1e-6)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="score must be a pandas or a Polars DataFrame, got NoneType"):
        ff.impute_features(frame, None, 1e-6)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="numeric, got 'note'"):
        ff.impute_features(frame.assign(note="x"), frame, 1e-6)


def test_numbered_columns_and_a_polars_score() -> None:
    pl = pytest.importorskip("polars")
    train = pd.DataFrame({0: [1.0, 2.0], "a": [3.0, 4.0], ("b", 1): [5.0, 7.0]})
    score = pl.DataFrame({"0": [1.0], "a": [2.0]})
    with pytest.raises(
        TypeError, match=r"train must have strings as column names where score is a Polars DataFrame, got 0, \('b', 1\)"
    ):
        ff.impute_features(train, score, 0.0)
    assert ff.impute_features(train[["a"]], score, 0.0)[1]["a"].to_list() == [2.0]
