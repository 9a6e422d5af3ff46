"""Scores by operating regime where the regime is trusted, by all data elsewhere."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, adversarial, exact_statistics, fan, serving

from core import fast_features as ff


def two_regimes() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(17)
    labels = pd.Series(np.repeat([0, 1], 60), index=pd.date_range("2012-05-21", periods=120, freq="30min"))
    load = np.where(labels == 0, 10.0, 80.0)[:, None]
    return pd.DataFrame(load + rng.normal(size=(120, 2)), index=labels.index, columns=["a", "b"]), labels


def fitted(**more: Any) -> tuple[ff.ConfidenceGatedNormalizer, pd.DataFrame, pd.Series]:
    frame, labels = two_regimes()
    normalizer = ff.ConfidenceGatedNormalizer(**more).fit_global(frame, ["a", "b"])
    for label in (0, 1):
        normalizer.fit_regime(label, frame[labels == label])
    return normalizer, frame, labels


def robust(train: pd.DataFrame, row: pd.DataFrame) -> pd.DataFrame:
    median = train.median()
    return (row - median) / (1.4826 * (train - median).abs().median())


@pytest.mark.parametrize("backend", BACKENDS)
def test_statistics_are_exact(backend: str) -> None:
    frame = adversarial()
    with serving(backend):
        normalizer = ff.ConfidenceGatedNormalizer(epsilon=1e-3).fit_global(frame, list(frame))
    stats = normalizer.to_dict()["global_stats"]
    assert stats["sample_count"] == len(frame)
    assert stats["regime_label"] == -1
    for name in frame:
        values = frame[name].to_numpy()
        exact = exact_statistics(values)
        known = np.sort(values[np.isfinite(values)])
        np.testing.assert_allclose(stats["mean"][name], exact["_med"], rtol=1e-15)
        if exact["_mad"] > 0.0:
            np.testing.assert_allclose(stats["std"][name], 1.4826 * exact["_mad"], rtol=1e-12)
        else:
            assert stats["std"][name] == 1e-3
        for key, q in (("p05", 0.05), ("p95", 0.95)):
            want = np.quantile(known, q) if known.size else np.nan
            size = max(1.0, np.abs(known).max(initial=0.0))
            np.testing.assert_allclose(stats[key][name], want, rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_are_scored_by_their_regime_where_trusted(backend: str) -> None:
    with serving(backend):
        normalizer, frame, labels = fitted()
        score = pd.DataFrame({"b": [80.0, 80.0, 11.0, 80.0, 80.0, np.nan], "a": [79.0, 79.0, 9.0, 1.0, 1.0, np.inf]})
        said = pd.Series([1, 1, 0, 2, -1, 0])
        confidence = pd.Series([0.7, 0.69, 1.0, 1.0, 1.0, 0.9])
        result = normalizer.normalize(score, said, confidence)
    assert result.method_used.tolist() == ["regime_1", "global", "regime_0", "global", "global", "regime_0"]
    assert list(result.z_scores) == ["a", "b"]
    everything, first, second = frame, frame[labels == 0], frame[labels == 1]
    for row, train in enumerate([second, everything, first, everything, everything]):
        want = robust(train, score[["a", "b"]].iloc[[row]])
        np.testing.assert_allclose(result.z_scores.iloc[[row]], want, rtol=1e-12, atol=1e-12)
    assert result.z_scores.iloc[5].isna().all()
    assert result.regime_labels.tolist() == said.tolist()
    assert result.confidence_values.tolist() == confidence.tolist()
    assert result.regime_labels.dtype == np.int64


def test_labels_and_confidences_are_aligned_to_the_frame() -> None:
    normalizer, frame, _ = fitted()
    part = frame.iloc[:4]
    labels = pd.Series([0, 0, 1, 5], index=part.index[[3, 1, 2, 2]])[:3]
    confidences = pd.Series([0.9, 0.8], index=part.index[[1, 3]], name="trust")
    result = normalizer.normalize(part, labels, confidences)
    assert result.regime_labels.tolist() == [-1, 0, 1, 0]
    assert result.confidence_values.tolist() == [0.0, 0.9, 0.0, 0.8]
    assert result.confidence_values.name == "trust"
    assert result.method_used.tolist() == ["global", "regime_0", "global", "regime_0"]
    for series in (result.method_used, result.regime_labels, result.confidence_values):
        pd.testing.assert_index_equal(series.index, part.index)
    pd.testing.assert_index_equal(result.z_scores.index, part.index)


@pytest.mark.parametrize("index", [range(4), pd.date_range("2013-05-21", periods=4, tz="UTC"), list("wxyz")])
def test_a_series_of_other_rows_is_refused(index: Any) -> None:
    normalizer, frame, _ = fitted()
    part, series = frame.iloc[:4], pd.Series([1.0] * 4, index=index)
    with pytest.raises(ValueError, match="regime_labels must share df's index or be an array in the order"):
        normalizer.normalize(part, series, [1.0] * 4)
    with pytest.raises(ValueError, match="confidences must share df's index or be an array in the order"):
        ff.normalize_with_confidence_gating(part, ["a"], [1] * 4, series, {"a": 0.0}, {"a": 1.0})
    # One row in common, or a series of another length, is a series of what happens to be known.
    assert normalizer.normalize(
        part, series.set_axis([*index[:3], part.index[2]]), [1.0] * 4
    ).regime_labels.tolist() == [
        -1,
        -1,
        1,
        -1,
    ]
    assert normalizer.normalize(part, series[:3], [1.0] * 4).regime_labels.tolist() == [-1] * 4


@pytest.mark.parametrize("label", [1e300, -1e300, 2.0**63, -(2.0**64), 2**63, 2**64])
def test_labels_beyond_64_bits_are_unknown(label: Any) -> None:
    normalizer, frame, _ = fitted()
    for labels in ([0, label], pd.Series([0, label], index=frame.index[:2], dtype=object)):
        result = normalizer.normalize(frame.iloc[:2], labels, [1.0, 1.0])
        assert result.regime_labels.tolist() == [0, -1]
        assert result.method_used.tolist() == ["regime_0", "global"]


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, -1],
        np.array([0.0, 1.0, np.nan]),
        pd.Series([0, 1, None], dtype="Int64"),
        pd.Series([0, 1, None], dtype=object),
        pd.Series(["0", "1", "none"]),
        np.array([0.0, 1.0, np.inf]),
        (0.0, 1.0, 0.5),
    ],
)
def test_kinds_of_labels(labels: Any) -> None:
    normalizer, frame, _ = fitted()
    result = normalizer.normalize(frame.iloc[:3].reset_index(drop=True), labels, [1.0, 1.0, 1.0])
    assert result.regime_labels.tolist() == [0, 1, -1]
    assert result.method_used.tolist() == ["regime_0", "regime_1", "global"]


def test_repeated_time_stamps_are_taken_row_by_row() -> None:
    normalizer, frame, _ = fitted()
    twice = frame.iloc[[0, 0, 70]]
    result = normalizer.normalize(twice, pd.Series([0, 1, 1], index=twice.index), pd.Series(1.0, index=twice.index))
    assert result.method_used.tolist() == ["regime_0", "regime_1", "regime_1"]
    with pytest.raises(ValueError, match="regime_labels must have the index of df or a unique one"):
        normalizer.normalize(frame, pd.Series([0, 1, 1], index=twice.index), pd.Series(1.0, index=frame.index))


@pytest.mark.parametrize("backend", BACKENDS)
def test_polars_frames(backend: str) -> None:
    pl = pytest.importorskip("polars")
    with serving(backend):
        want_from, frame, labels = fitted()
        normalizer = ff.ConfidenceGatedNormalizer().fit_global(pl.from_pandas(frame), ["a", "b"])
        for label in (0, 1):
            normalizer.fit_regime(label, pl.from_pandas(frame[labels == label]))
        assert normalizer.to_dict() == want_from.to_dict()
        want = want_from.normalize(frame, labels, np.linspace(0.0, 1.0, 120))
        got = normalizer.normalize(pl.from_pandas(frame), pl.Series(labels.tolist()), np.linspace(0.0, 1.0, 120))
        text = pl.DataFrame({"a": ["1.5", "x"], "b": [1, None]})
        scored = normalizer.normalize(text, pl.Series([0, None]), pl.Series([0.9, 0.9]))
    pd.testing.assert_frame_equal(got.z_scores, want.z_scores.reset_index(drop=True), check_exact=True)
    assert got.method_used.tolist() == want.method_used.tolist()
    assert scored.z_scores.isna().to_numpy().tolist() == [[False, False], [True, True]]
    assert scored.regime_labels.tolist() == [0, -1]
    empty = normalizer.normalize(pl.DataFrame(schema={"a": pl.Float64}), pl.Series([]), pl.Series([]))
    assert empty.z_scores.shape == (0, 2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_no_number_is_missing(backend: str) -> None:
    frame = pd.DataFrame(
        {
            "a": ["1", "2", "bad", None, "3"],
            "b": [True, False, True, True, False],
            "c": pd.array([1, None, 3, 4, 5], dtype="Int64"),
            "d": [1.0, np.inf, -np.inf, np.nan, 3.0],
        }
    )
    with serving(backend):
        normalizer = ff.ConfidenceGatedNormalizer().fit_global(frame, list("abcd"))
        result = normalizer.normalize(frame, [0] * 5, [0.0] * 5)
    stats = normalizer.to_dict()["global_stats"]
    assert stats["mean"] == {"a": 2.0, "b": 1.0, "c": 3.5, "d": 2.0}
    assert result.z_scores.isna().sum().tolist() == [2, 0, 1, 3]
    assert result.z_scores["a"].iloc[1] == 0.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_constant_and_missing_sensors(backend: str) -> None:
    frame = pd.DataFrame({"stuck": [2.0] * 6, "void": [np.nan] * 6, "good": np.arange(6.0)})
    with serving(backend):
        normalizer = ff.ConfidenceGatedNormalizer(epsilon=0.5).fit_global(frame, list(frame))
        result = normalizer.normalize(pd.DataFrame({"stuck": [3.0], "void": [1.0], "good": [2.5]}), [0], [0.0])
        tiny = ff.ConfidenceGatedNormalizer().fit_global(frame, ["stuck"])
        huge = tiny.normalize(pd.DataFrame({"stuck": [1e308]}), [0], [1.0])
    assert result.z_scores["stuck"].tolist() == [2.0]
    assert result.z_scores["void"].isna().all()
    assert result.z_scores["good"].tolist() == [0.0]
    # Out of the range of doubles.
    assert huge.z_scores["stuck"].isna().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_sensor_that_a_regime_never_saw_is_scored_by_all_data(backend: str) -> None:
    frame, labels = two_regimes()
    frame.loc[labels == 1, "b"] = np.nan
    with serving(backend):
        normalizer = ff.ConfidenceGatedNormalizer().fit_global(frame, ["a", "b"]).fit_regime(1, frame[labels == 1])
        stored = ff.ConfidenceGatedNormalizer.from_dict(json.loads(json.dumps(normalizer.to_dict())))
        score = pd.DataFrame({"a": [80.0], "b": [11.0]})
        results = [fit.normalize(score, [1], [1.0]) for fit in (normalizer, stored)]
    for result in results:
        assert result.method_used.tolist() == ["regime_1"]
        np.testing.assert_allclose(result.z_scores["a"], robust(frame[labels == 1], score)["a"], rtol=1e-12)
        np.testing.assert_allclose(result.z_scores["b"], robust(frame, score)["b"], rtol=1e-12)


def test_columns_that_are_not_there_are_left_out() -> None:
    frame, labels = two_regimes()
    normalizer = ff.ConfidenceGatedNormalizer().fit_global(frame, ["z", "b", "a"])
    assert normalizer.get_stats_summary()["sensor_cols"] == ["b", "a"]
    normalizer.fit_regime(0, frame[labels == 0], ["b", "z"])
    result = normalizer.normalize(frame, labels, pd.Series(1.0, frame.index))
    # The regime knows nothing of the other sensor.
    np.testing.assert_allclose(result.z_scores["a"], robust(frame, frame)["a"], rtol=1e-12)
    want = robust(frame[labels == 0], frame[labels == 0])["b"]
    np.testing.assert_allclose(result.z_scores["b"][labels == 0], want, rtol=1e-12)
    assert list(normalizer.normalize(frame[["a"]], labels, labels).z_scores) == ["a"]
    assert normalizer.normalize(pd.DataFrame({"q": [1.0]}), [0], [1.0]).z_scores.shape == (1, 0)


def test_regimes_with_few_rows_are_skipped() -> None:
    frame, labels = two_regimes()
    normalizer = ff.ConfidenceGatedNormalizer(min_regime_samples=60).fit_global(frame, ["a"])
    assert normalizer.fit_regime(1, frame[labels == 1].iloc[1:]) is normalizer
    assert not normalizer.has_regime_stats(1)
    assert normalizer.fit_regime(1, frame.iloc[:0]) is normalizer
    normalizer.fit_regime(np.int64(0), frame[labels == 0]).fit_regime(2.0, frame)  # type: ignore[arg-type]
    assert normalizer.has_regime_stats(0)
    assert normalizer.has_regime_stats(2)
    assert normalizer.normalize(frame, labels, labels * 0 + 1.0).method_used.value_counts().to_dict() == {
        "regime_0": 60,
        "global": 60,
    }
    lenient = ff.ConfidenceGatedNormalizer(min_regime_samples=0).fit_global(frame, ["a"])
    assert not lenient.fit_regime(0, frame.iloc[:0]).has_regime_stats(0)


def test_fitting_again_forgets_what_was_fitted() -> None:
    normalizer, frame, labels = fitted()
    normalizer.fit_regime(0, frame.iloc[:3])
    assert not normalizer.has_regime_stats(0)
    assert normalizer.has_regime_stats(1)
    other = frame.set_axis(["a", "c"], axis=1)
    # A fit that fails leaves everything as it was.
    with pytest.raises(ValueError, match="sensor_cols must name"):
        normalizer.fit_global(other, ["x"])
    assert normalizer.has_regime_stats(1)
    normalizer.fit_global(other, ["a", "c"])
    assert normalizer.get_stats_summary()["regime_samples"] == {}
    assert normalizer.normalize(other, labels, labels * 0 + 1.0).method_used.unique().tolist() == ["global"]


def test_summary_and_storage() -> None:
    fresh = ff.ConfidenceGatedNormalizer()
    assert fresh.get_stats_summary() == {
        "is_fitted": False,
        "confidence_threshold": 0.7,
        "min_regime_samples": 50,
        "sensor_cols": [],
        "global_samples": 0,
        "regime_count": 0,
        "regime_samples": {},
    }
    assert ff.ConfidenceGatedNormalizer.from_dict(fresh.to_dict()).to_dict() == fresh.to_dict()

    normalizer, frame, labels = fitted(confidence_threshold=0.5, min_regime_samples=10, epsilon=1e-6)
    summary = normalizer.get_stats_summary()
    assert summary["regime_samples"] == {0: 60, 1: 60}
    assert (summary["global_samples"], summary["regime_count"], summary["is_fitted"]) == (120, 2, True)
    stored = normalizer.to_dict()
    assert list(stored) == [
        "confidence_threshold",
        "min_regime_samples",
        "epsilon",
        "sensor_cols",
        "global_stats",
        "regime_stats",
        "is_fitted",
    ]
    assert set(stored["global_stats"]) == {"regime_label", "mean", "std", "p05", "p95", "sample_count"}
    for data in (stored, json.loads(json.dumps(stored))):
        again = ff.ConfidenceGatedNormalizer.from_dict(data)
        assert again.to_dict() == stored
        assert again.has_regime_stats(1)
        want = normalizer.normalize(frame, labels, pd.Series(0.6, frame.index))
        got = again.normalize(frame, labels, pd.Series(0.6, frame.index))
        pd.testing.assert_frame_equal(got.z_scores, want.z_scores, check_exact=True)
        assert got.method_used.tolist() == want.method_used.tolist()


def test_numbered_columns_survive_json() -> None:
    frame = fan(rows=60, sensors=3).set_axis([0, 1, "c"], axis=1)
    normalizer = ff.ConfidenceGatedNormalizer().fit_global(frame, [0, 1, "c"]).fit_regime(3, frame)
    again = ff.ConfidenceGatedNormalizer.from_dict(json.loads(json.dumps(normalizer.to_dict())))
    ones = np.ones(60)
    want = normalizer.normalize(frame, 3 * ones, ones)
    got = again.normalize(frame, 3 * ones, ones)
    pd.testing.assert_frame_equal(got.z_scores, want.z_scores, check_exact=True)
    assert got.method_used.tolist() == ["regime_3"] * 60


def test_tuples_as_column_names() -> None:
    frame = fan(rows=60, sensors=2).set_axis(pd.Index([("a", 1), ("a", 2)], tupleize_cols=False), axis=1)
    normalizer = ff.ConfidenceGatedNormalizer().fit_global(frame, list(frame.columns)).fit_regime(0, frame)
    result = normalizer.normalize(frame, np.zeros(60), np.ones(60))
    assert list(result.z_scores.columns) == [("a", 1), ("a", 2)]
    assert not result.z_scores.isna().any().any()


def test_statistics_of_a_regime_are_stored_alone() -> None:
    series = pd.Series([1.0, 2.0], index=["a", "b"])
    stats = ff.RegimeNormStats(3, series, series * 2.0, series - 1.0, series + 1.0, 99)
    data = stats.to_dict()
    assert data["std"] == {"a": 2.0, "b": 4.0}
    again = ff.RegimeNormStats.from_dict(json.loads(json.dumps(data)))
    assert again.to_dict() == data
    pd.testing.assert_series_equal(again.mean, series)
    assert ff.RegimeNormStats.from_dict(
        {**data, "mean": {}, "std": {}, "p05": {}, "p95": {}, "sample_count": 0}
    ).mean.empty


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_frames_and_inputs_left_alone(backend: str) -> None:
    with serving(backend):
        normalizer, frame, labels = fitted()
        before = frame.copy(deep=True)
        empty = normalizer.normalize(frame.iloc[:0], labels.iloc[:0], labels.iloc[:0])
        confidence = pd.Series([np.nan] * 120, index=frame.index)
        result = normalizer.normalize(frame, labels, confidence)
        result.z_scores.iloc[:, :] = 0.0
        result.confidence_values.iloc[:] = 1.0
        result.regime_labels.iloc[:] = 9
    assert empty.z_scores.shape == (0, 2)
    assert list(empty.z_scores) == ["a", "b"]
    assert [len(part) for part in (empty.method_used, empty.confidence_values, empty.regime_labels)] == [0, 0, 0]
    pd.testing.assert_frame_equal(frame, before, check_exact=True)
    assert confidence.isna().all()
    assert set(labels) == {0, 1}


def test_what_is_refused() -> None:
    frame, labels = two_regimes()
    normalizer = ff.ConfidenceGatedNormalizer()
    with pytest.raises(RuntimeError, match=r"^Must call fit_global before fit_regime"):
        normalizer.fit_regime(0, frame)
    with pytest.raises(RuntimeError, match=r"^Normalizer not fitted: call fit_global before normalize"):
        normalizer.normalize(frame, labels, labels)
    with pytest.raises(ValueError, match=r"^Cannot fit on empty DataFrame: df must have at least one row"):
        normalizer.fit_global(frame.iloc[:0], ["a"])
    with pytest.raises(
        ValueError,
        match=r"^No valid sensor columns found: sensor_cols must name at least one column of df, got \['x'\]",
    ):
        normalizer.fit_global(frame, ["x"])
    with pytest.raises(TypeError, match="sensor_cols must be a list of column names, got str"):
        normalizer.fit_global(frame, "a")
    with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got dict"):
        normalizer.fit_global({"a": [1.0]}, ["a"])  # type: ignore[arg-type]
    normalizer.fit_global(frame, ["a"])
    with pytest.raises(
        ValueError, match=r"^Regime label must be non-negative: regime_label must be at least 0, got -1"
    ):
        normalizer.fit_regime(-1, frame)
    with pytest.raises(ValueError, match=r"regime_label must be an integer, got 0\.5"):
        normalizer.fit_regime(0.5, frame)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"regime_label must be less than 2\*\*63, got 9223372036854775808"):
        normalizer.fit_regime(2**63, frame)
    with pytest.raises(ValueError, match=r"^No valid sensor columns found: sensor_cols .* got \['q'\]"):
        normalizer.fit_regime(0, frame, ["q"])
    with pytest.raises(ValueError, match=r"confidences must have one value for each row of df \(120\), got shape"):
        normalizer.normalize(frame, labels, [0.5])
    with pytest.raises(ValueError, match=r"regime_labels must have one value .* got shape \(\)"):
        normalizer.normalize(frame, 0, labels)
    with pytest.raises(ValueError, match="confidence_threshold must be a number"):
        ff.ConfidenceGatedNormalizer(confidence_threshold=float("nan"))
    with pytest.raises(ValueError, match="min_regime_samples must be at least 0, got -1"):
        ff.ConfidenceGatedNormalizer(min_regime_samples=-1)
    with pytest.raises(ValueError, match="epsilon must be a number and at least 0, got -1"):
        ff.ConfidenceGatedNormalizer(epsilon=-1)


# --- the function with given statistics -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [dict, pd.Series])
def test_given_statistics(kind: Any) -> None:
    frame = pd.DataFrame({"a": [10.0, 10.0, 10.0, 10.0], "b": [1.0, np.inf, 3.0, np.nan]}, index=list("wxyz"))
    z, method = ff.normalize_with_confidence_gating(
        frame,
        ["a", "b", "z"],
        pd.Series([0, 1, 2, 0], index=frame.index),
        pd.Series([0.7, 1.0, 1.0, 0.1], index=frame.index),
        kind({"a": 8.0, "b": 1.0}),
        kind({"a": 2.0, "b": 0.0}),
        regime_means={0: kind({"a": 9.0, "b": 0.0}), 1: kind({"a": 6.0})},
        regime_stds={0: kind({"a": 0.5, "b": 4.0}), 5: kind({"a": 1.0})},
    )
    assert method.tolist() == ["regime_0", "regime_1", "global", "global"]
    assert z["a"].tolist() == [2.0, 2.0, 1.0, 1.0]
    # A deviation of 0 counts as 1e-10.
    assert z["b"].iloc[0] == 0.25
    assert z["b"].iloc[2] == 2.0 / 1e-10
    assert z["b"].iloc[[1, 3]].isna().all()
    pd.testing.assert_index_equal(z.index, frame.index)
    pd.testing.assert_index_equal(method.index, frame.index)


def test_given_statistics_alone() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "c": [1.0, 1.0]})
    arguments: tuple[Any, ...] = ([0, 0], [0.4, 0.5], {"a": 1.0}, {"a": 1.0})
    z, method = ff.normalize_with_confidence_gating(frame, ["a", "c"], *arguments)
    assert method.tolist() == ["global", "global"]
    assert z["a"].tolist() == [0.0, 1.0]
    assert z["c"].isna().all()
    _, method = ff.normalize_with_confidence_gating(
        frame, ["a"], *arguments, {np.int64(0): {"a": 0.0}}, confidence_threshold=0.5
    )
    assert method.tolist() == ["global", "regime_0"]
    z, method = ff.normalize_with_confidence_gating(frame.iloc[:0], ["a", "x"], [], [], {}, {})
    assert z.shape == (0, 2)
    assert len(method) == 0
    with pytest.raises(TypeError, match="global_mean must map column names to numbers, got list"):
        ff.normalize_with_confidence_gating(frame, ["a"], [0, 0], [1, 1], [1.0], {"a": 1.0})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="df must be a pandas or a Polars DataFrame, got NoneType"):
        ff.normalize_with_confidence_gating(None, ["a"], *arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("gap", [np.nan, np.inf, None, pd.NA])
def test_gaps_in_the_statistics_of_a_regime_are_filled_by_the_global_ones(gap: Any) -> None:
    frame = pd.DataFrame({"a": [5.0, 5.0], "b": [5.0, 5.0]})
    z, method = ff.normalize_with_confidence_gating(
        frame,
        ["a", "b"],
        [0, 1],
        [1.0, 1.0],
        {"a": 1.0, "b": 3.0},
        {"a": 2.0, "b": 4.0},
        {0: {"a": gap, "b": 4.0}, 1: pd.Series({"a": 4.0, "b": gap}, dtype=object)},
        {0: {"a": 4.0, "b": gap}, 1: {"a": gap, "b": gap}},
    )
    assert method.tolist() == ["regime_0", "regime_1"]
    assert z.to_numpy().tolist() == [[1.0, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize(
    "bad", ["x", "1", b"1", [1.0], np.ones(1), 1j, np.complex64(1.0), 10**400], ids=lambda bad: type(bad).__name__
)
def test_statistics_that_are_no_numbers_are_refused(bad: Any) -> None:
    frame = pd.DataFrame({"a": [1.0]})
    good = {"a": 1.0}
    for name, given in {
        "global_mean": ({"a": bad}, good),
        "global_std": (good, {"a": bad}),
        "regime_means[0]": (good, good, {0: {"a": bad}}),
        "regime_stds[0]": (good, good, {0: good}, {0: {"a": bad}}),
    }.items():
        with pytest.raises(ValueError, match=re.escape(f"{name}['a'] must be a number, got {bad!r}")):
            ff.normalize_with_confidence_gating(frame, ["a"], [0], [1.0], *given)
