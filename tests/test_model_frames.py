"""Models and decisions over frames: the numbers of the array, and sensors that are known by name."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any

import acm_rs
import calls
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from calls import STREAMS, Call, history, labels
from digests import digest
from histories import plant
from registry import CASES, CLUSTERINGS, MODELS, Case
from test_frames import DATES, KINDS, OF_EVERY_KIND, ROWS, Array, alike, framed

METHODS = [c for c in calls.CALLS if "." in c.name and {"x", "score"} & c.prepare(ROWS)[1].keys()]


def _framed(arguments: dict[str, Any], kind: str) -> dict[str, Any]:
    """The arguments as frames and series of that kind; labels stay whole numbers."""
    given = framed(arguments, KINDS[kind])
    for name in ("labels", "sample_weight"):
        if isinstance(arguments.get(name), np.ndarray):
            given[name] = KINDS[kind](arguments[name])
    if kind == "pandas of arrow" and "labels" in given:
        given["labels"] = pd.Series(arguments["labels"], DATES[: len(arguments["labels"])], dtype="int64[pyarrow]")
    return given


@OF_EVERY_KIND
@pytest.mark.parametrize("call", METHODS, ids=str)
def test_every_method_gives_the_numbers_of_the_array(call: Call, kind: str) -> None:
    method, arguments = call.prepare(ROWS)
    twin, _ = call.prepare(ROWS)
    expected, found = method(**arguments), twin(**_framed(arguments, kind))
    if call.name.endswith("fit"):
        assert digest(found) == digest(expected)
        assert found.score(arguments["x"]).tobytes() == expected.score(arguments["x"]).tobytes()
    elif isinstance(found, acm_rs.Episodes):
        assert found == expected
    else:
        assert alike(found, expected)


def test_every_class_that_takes_rows_is_walked() -> None:
    assert {call.name.partition(".")[0] for call in METHODS} == {*MODELS, *CLUSTERINGS, *STREAMS}


# ---- names ----------------------------------------------------------------------------------------------------------


def _case(name: str) -> Case:
    return next(case for case in CASES if case.model.name == name)


def _named(x: Array) -> pd.DataFrame:
    return pd.DataFrame(x, DATES[: len(x)], columns=[f"sensor {j}" for j in range(x.shape[1])])


@pytest.fixture(scope="module", params=MODELS)
def case(request: pytest.FixtureRequest) -> Case:
    return _case(request.param)


@pytest.fixture(scope="module")
def fitted(case: Case) -> Any:
    return case.make().fit(_named(plant(ROWS, case.model.columns)))


NAMES = [f"sensor {j}" for j in range(5)]


def test_names_are_kept(fitted: Any, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model")
    for model in (
        fitted,
        type(fitted).load(tmp_path / "model"),
        type(fitted).from_bytes(fitted.to_bytes()),
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
    ):
        assert model == fitted
        assert model.feature_names_in_.tolist() == NAMES
        assert model.feature_names_in_.dtype == object
        with pytest.raises(ValueError, match="fitted on in their order"):
            model.score(_named(plant(20))[NAMES[::-1]])


def test_models_of_other_names_differ(case: Case, fitted: Any) -> None:
    frame = _named(plant(ROWS, case.model.columns))
    assert case.make().fit(frame) == fitted
    assert case.make().fit(frame.to_numpy()) != fitted
    assert case.make().fit(frame.rename(columns={"sensor 0": "other"})) != fitted


def test_other_columns_are_refused(case: Case, fitted: Any) -> None:
    frame = _named(plant(20))
    must = f"`x` must have the columns that the {case.model.name} was fitted on"
    wrong = {
        f"{must}; missing: 'sensor 1', 'sensor 3'": frame.drop(columns=["sensor 1", "sensor 3"]),
        f"{must}; not known: 'load'": frame.assign(load=1.0),
        f"{must}; missing: 'sensor 4'; not known: 'load'": frame.rename(columns={"sensor 4": "load"}),
        f"{must} in their order: column 0 must be 'sensor 0', got 'sensor 1'": frame[
            ["sensor 1", "sensor 0", *NAMES[2:]]
        ],
    }
    more = {
        "GaussianMixture": ["bic", "aic"],
        "FusedDetector": ["parts", "resolution"],
        "SimilarityDetector": ["parts", "resolution"],
        "RegimeModel": ["track"],
    }
    methods = ["score", "update", "contributions", *case.model.methods, *more.get(case.model.name, [])]
    state = fitted.to_bytes()
    for name in methods:
        for message, other in wrong.items():
            with pytest.raises(ValueError, match=re.escape(message)):
                getattr(fitted, name)(other)
            with pytest.raises(ValueError, match=re.escape(message)):
                getattr(fitted, name)(pl.from_pandas(other))
    assert fitted.to_bytes() == state


def test_long_lists_are_cut() -> None:
    model = acm_rs.MahalanobisDetector().fit(_named(plant(90, 12)))
    with pytest.raises(ValueError, match=r"missing: ('sensor \d+', ){7}'sensor 7' and 4 more; not known: 'a'$"):
        model.score(pd.DataFrame({"a": [1.0]}))


def test_what_has_no_names_goes_by_place(case: Case, fitted: Any) -> None:
    x = plant(40, case.model.columns, seed=1)
    plain = case.make().fit(plant(ROWS, case.model.columns))
    with pytest.raises(AttributeError, match=f"this {case.model.name} has not been fitted on columns with names"):
        _ = plain.feature_names_in_
    assert not hasattr(plain, "feature_names_in_")
    want = plain.score(x)
    assert alike(fitted.score(x), want)
    assert alike(plain.score(_named(x)), want)
    assert alike(plain.score(pl.DataFrame(x)), want)


def test_a_new_fit_forgets_the_names(case: Case) -> None:
    x = plant(ROWS, case.model.columns)
    model = case.make().fit(_named(x))
    model.fit(pl.DataFrame(x, schema=list("vwxyz")))
    assert model.feature_names_in_.tolist() == list("vwxyz")
    model.fit(x)
    assert not hasattr(model, "feature_names_in_")


def test_columns_of_one_name_are_refused(case: Case) -> None:
    frame = _named(plant(ROWS, case.model.columns))
    frame.columns = pd.Index(["a", "b", "a", "c", "d"])
    with pytest.raises(ValueError, match="`x` must have columns of different names"):
        case.make().fit(frame)


def test_a_series_is_one_sensor(case: Case) -> None:
    if case.model.least > 1:
        with pytest.raises(ValueError, match="`x` must have"):
            case.make().fit(_named(plant(ROWS, 1))["sensor 0"])
        return
    x = plant(ROWS, 1)
    line = _named(x)["sensor 0"]
    model = case.make().fit(line)
    assert model.feature_names_in_.tolist() == ["sensor 0"]
    plain = case.make().fit(x[:, 0])
    shares = model.contributions(line)
    assert isinstance(shares, pd.Series)
    assert shares.name == "sensor 0"
    assert alike(shares, plain.contributions(x[:, 0]))
    assert alike(model.score(line), plain.score(x))
    with pytest.raises(ValueError, match="missing: 'sensor 0'; not known: 'load'"):
        model.score(line.rename("load"))
    assert alike(model.score(line.rename(None)), plain.score(x))


def test_batches_have_the_names_of_the_first() -> None:
    frame = _named(plant(ROWS))
    model = acm_rs.KMeans(2).partial_fit(frame)
    assert model.feature_names_in_.tolist() == NAMES
    model.partial_fit(frame).partial_fit(frame.to_numpy())
    assert model.feature_names_in_.tolist() == NAMES
    with pytest.raises(ValueError, match="must have the columns that the KMeans was fitted on in their order"):
        model.partial_fit(frame[NAMES[::-1]])


@pytest.mark.parametrize(
    "name",
    [
        "AR1Detector",
        "PCADetector",
        "MahalanobisDetector",
        "OMRDetector",
        "IsolationForest",
        "GaussianMixture",
        "FusedDetector",
        "SimilarityDetector",
    ],
)
def test_warnings_speak_of_sensors_by_name_and_point_at_the_fit(name: str) -> None:
    frame = _named(plant(ROWS)).assign(**{"sensor 3": np.nan})
    with pytest.warns(UserWarning, match="^sensors 'sensor 3' ") as caught:
        _case(name).make().fit(frame)
    assert [warning.filename for warning in caught] == [__file__]


# ---- what comes back ------------------------------------------------------------------------------------------------

LABELS = {
    "score": "score",
    "update": "score",
    "spe": "spe",
    "t2": "t2",
    "score_samples": "log_density",
    "confidence": "confidence",
    "track": "regime",
    ("KMeans", "predict"): "cluster",
    ("GaussianMixture", "predict"): "cluster",
    ("RegimeModel", "predict"): "regime",
}


def _tables(case: Case, fitted: Any) -> dict[str, list[str]]:
    """What gives a frame, and the names of its columns."""
    same = {"contributions", "estimate", "residuals", "scaled"} | (
        {"predict"} if case.model.name == "OMRDetector" else set()
    )
    found = {name: NAMES for name in same if hasattr(fitted, name)}
    if case.model.name == "KMeans":
        found["transform"] = [f"cluster_{number}" for number in range(fitted.n_clusters)]
    if case.model.name == "GaussianMixture":
        found["predict_proba"] = [f"cluster_{number}" for number in range(fitted.n_components_)]
    if case.model.name == "RegimeModel":
        found["transform"] = [f"regime_{number}" for number in fitted.regimes_]
    if hasattr(fitted, "part_names_"):
        found["parts"] = list(fitted.part_names_)
    return found


def test_rows_keep_their_index_and_results_have_names(case: Case, fitted: Any) -> None:
    frame = _named(plant(50, case.model.columns, seed=1))
    tables = _tables(case, fitted)
    extra = ["track"] if case.model.name == "RegimeModel" else []
    for name in {"score", "update", "contributions", *case.model.methods, *tables, *extra}:
        found = getattr(fitted, name)(frame)
        pd.testing.assert_index_equal(found.index, frame.index)
        if name in tables:
            assert found.columns.tolist() == tables[name]
        else:
            assert found.name == LABELS.get((case.model.name, name), LABELS.get(name))
        other = getattr(fitted, name)(pl.from_pandas(frame))
        assert isinstance(other, pl.DataFrame if name in tables else pl.Series)
        assert (other.columns == tables[name]) if name in tables else (other.name == found.name)
        arrow = getattr(fitted, name)(pa.Table.from_pandas(frame, preserve_index=False))
        assert isinstance(arrow, pa.Table if name in tables else pa.ChunkedArray)
        assert alike(found, getattr(fitted, name)(frame.to_numpy())) or name in {"update", "track"}


def test_regimes_keep_their_numbers_in_names() -> None:
    x = np.r_[np.zeros((60, 2)), np.full((90, 2), 9.0)] + plant(150, 2, seed=3) % 1.0
    first = acm_rs.RegimeModel(2).fit(_named(x))
    again = acm_rs.RegimeModel(1).fit(_named(x[:60]), reference=first)
    assert again.regimes_.tolist() == [1]
    assert again.transform(_named(x)).columns.tolist() == ["regime_1"]


def test_a_reference_of_other_sensors_is_refused() -> None:
    frame = _named(plant(ROWS, 3))
    first = acm_rs.RegimeModel(2).fit(frame)
    with pytest.raises(ValueError, match="that `reference` was fitted on; missing: 'sensor 1'; not known: 'other'"):
        acm_rs.RegimeModel(2).fit(frame.rename(columns={"sensor 1": "other"}), reference=first)
    with pytest.raises(TypeError, match="`reference` must be a RegimeModel, got PCADetector"):
        acm_rs.RegimeModel(2).fit(frame, reference=acm_rs.PCADetector())  # type: ignore[arg-type]


def test_a_column_of_dates_is_no_sensor_and_stays() -> None:
    x = plant(60, 3)
    frame = pl.DataFrame({"taken": DATES[:60].to_numpy(), **{f"s{j}": x[:, j] for j in range(3)}})
    model = acm_rs.PCADetector(2).fit(frame)
    assert model.feature_names_in_.tolist() == ["s0", "s1", "s2"]
    assert model.contributions(frame).columns == ["taken", "s0", "s1", "s2"]
    assert alike(model.score(frame), acm_rs.PCADetector(2).fit(x).score(x))


def test_contributions_of_a_statistic_are_a_frame() -> None:
    frame = _named(plant(ROWS))
    model = acm_rs.PCADetector(2).fit(frame)
    found = model.contributions(frame, "spe", decomposition="complete")
    assert alike(found, model.contributions(frame.to_numpy(), "spe", "complete"))
    np.testing.assert_allclose(found.sum(axis=1), model.spe(frame), rtol=1e-9)


# ---- what stands beside the rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["RegimeDetector", "ScoreFusion"])
def test_labels_are_not_aligned(name: str) -> None:
    frame = _named(plant(ROWS, 3))
    states = pd.Series(labels(ROWS), frame.index)
    model = getattr(acm_rs, name)(min_rows=20).fit(frame, states)
    plain = getattr(acm_rs, name)(min_rows=20).fit(frame.to_numpy(), labels(ROWS))
    assert alike(model.score(frame, states), plain.score(frame.to_numpy(), labels(ROWS)))
    for call in (model.fit, model.score, model.update, model.contributions):
        with pytest.raises(ValueError, match="`labels` must have the same index as `x`"):
            call(frame, states[::-1])
    with pytest.raises(ValueError, match="`labels` must have a value in every row, got 1 missing"):
        model.score(frame, states.astype("Int64").mask(states.index == states.index[4]))


def test_regimes_of_a_frame_are_labels_of_it() -> None:
    x = plant(ROWS, 3)
    x[::2] += 40.0
    frame = _named(x)
    regimes = acm_rs.RegimeModel(2).fit(frame)
    found = acm_rs.RegimeDetector(min_rows=50).fit(frame, regimes.predict(frame))
    assert len(found.regimes_) == 2
    assert found.score(frame, regimes.predict(frame)).name == "score"


def test_weights_are_matched_by_name() -> None:
    frame = _named(plant(ROWS, 3))
    weights = pd.Series({"sensor 2": 0.5, "sensor 0": 1.0, "sensor 1": 0.25})
    assert acm_rs.OMRDetector().fit(frame, weights=weights).weights_.tolist() == [1.0, 0.25, 0.5]
    with pytest.raises(ValueError, match="`weights` must have a value for each sensor"):
        acm_rs.OMRDetector().fit(frame, weights=weights.rename({"sensor 2": "other"}))


def test_weights_of_rows_and_centres_may_be_frames() -> None:
    frame = _named(plant(ROWS, 3))
    weights = pd.Series(np.arange(ROWS), frame.index)
    centers = frame.iloc[[5, 60]]
    found = acm_rs.KMeans(2).fit(frame, weights, centers=centers)
    plain = acm_rs.KMeans(2).fit(frame.to_numpy(), np.arange(ROWS, dtype=float), centers=centers.to_numpy())
    assert digest(found) == digest(plain)
    with pytest.raises(ValueError, match=r"`centers` must have the columns of `x`, 'sensor 0', .*, got 'sensor 2', "):
        acm_rs.KMeans(2).fit(frame, centers=centers[NAMES[2::-1]])
    for fit in (acm_rs.KMeans(2).fit, acm_rs.KMeans(2).partial_fit):
        with pytest.raises(ValueError, match="`sample_weight` must have the same index as `x`"):
            fit(frame, weights[::-1])


# ---- decisions ------------------------------------------------------------------------------------------------------

CHARTS = {
    "cusum": (5.0, 0.5),
    "ewma_chart": (0.2, 3.0),
    "page_hinkley": (5.0, 0.1),
}


@pytest.mark.parametrize("name", CHARTS)
def test_charts_come_back_as_three_of_their_kind(name: str) -> None:
    frame = _named(history(80))
    for found in getattr(acm_rs, name)(frame, *CHARTS[name]):
        pd.testing.assert_index_equal(found.index, frame.index)
        pd.testing.assert_index_equal(found.columns, frame.columns)
    found = getattr(acm_rs, name)(frame["sensor 1"], *CHARTS[name])
    assert [part.name for part in found] == ["sensor 1"] * 3
    assert [part.dtype for part in found] == [np.dtype(float), np.dtype(float), np.dtype(bool)]
    kinds = [pl.Boolean, pl.Float64]
    other = getattr(acm_rs, name)(pl.from_pandas(frame), *CHARTS[name])
    assert [set(part.dtypes) for part in other] == [{kinds[1]}, {kinds[1]}, {kinds[0]}]


def test_levels_of_charts_are_matched_by_name() -> None:
    frame = _named(history(80)).ffill().bfill()
    target, scale = frame.median()[::-1], frame.std()[::-1]
    found = acm_rs.cusum(frame, 5.0, 0.5, target=target, scale=scale)
    want = acm_rs.cusum(frame.to_numpy(), 5.0, 0.5, target=list(target[::-1]), scale=list(scale[::-1]))
    assert alike(found, want)
    with pytest.raises(ValueError, match="`target` must have a value for each sensor"):
        acm_rs.ewma_chart(frame, 0.2, 3.0, target=target[1:])


def test_a_threshold_is_a_number_to_every_decision() -> None:
    score = _named(np.abs(history(ROWS)))["sensor 0"].rename("score")
    limit = acm_rs.calibrate(score, 0.1)
    assert isinstance(limit, acm_rs.Threshold)
    assert limit == acm_rs.calibrate(score.to_numpy(), 0.1)
    for name in ("polars", "pyarrow"):
        assert acm_rs.calibrate(KINDS[name](score.to_numpy()), 0.1) == limit
    assert acm_rs.episodes(score, limit) == acm_rs.episodes(score.to_numpy(), float(limit))
    assert acm_rs.EpisodeTracker(limit).on == limit.threshold
    assert acm_rs.Cusum(limit, 0.5).threshold == limit.threshold
    assert alike(acm_rs.page_hinkley(score, limit, 0.1), acm_rs.page_hinkley(score, float(limit), 0.1))


def test_episodes_take_the_times_of_their_series() -> None:
    score = pd.Series([0.0, 5.0, 6.0, 0.0, 5.0, 0.0], pd.date_range("2026-03-01", periods=6, freq="min"), name="score")
    plain, times = score.to_numpy(), score.index.to_numpy()
    want = acm_rs.episodes(plain, 4.0, times=times, gap_time="2min")
    assert want.start.tolist() == [1]
    assert acm_rs.episodes(score, 4.0, gap_time="2min") == want
    assert acm_rs.episodes(score, 4.0, times="index", gap_time="2min") == want
    assert acm_rs.episodes(plain, 4.0, times=score.index, gap_time="2min") == want
    dated = pl.DataFrame({"taken": times, "score": plain})
    assert acm_rs.episodes(dated, 4.0, gap_time="2min") == want
    assert acm_rs.episodes(dated["score"], 4.0, times=dated["taken"], gap_time="2min") == want
    assert acm_rs.episodes(score, 4.0).start.tolist() == [1, 4]
    with pytest.raises(ValueError, match="`times`"):
        acm_rs.episodes(dated["score"], 4.0, gap_time="2min")
    with pytest.raises(ValueError, match='`times` = "index" needs a frame with an index of dates'):
        acm_rs.episodes(score.reset_index(drop=True), 4.0, times="index", gap_time="2min")


def test_a_tracker_takes_the_times_of_its_series() -> None:
    score = pd.Series([0.0, 5.0, 6.0, 0.0, 5.0, 0.0], pd.date_range("2026-03-01", periods=6, freq="min"))
    tracker = acm_rs.EpisodeTracker(4.0, gap_time="2min")
    assert len(tracker.update(score[:3]).start) == 0
    tracker.update(score[3:], times="index")
    assert tracker.open_ == acm_rs.episodes(score, 4.0, gap_time="2min")


# ---- classes --------------------------------------------------------------------------------------------------------


class Pump(acm_rs.PCADetector):
    """A detector of somebody's own, with an attribute and another constructor."""

    def __init__(self, station: str) -> None:
        super().__init__(2)
        self.station = station


class Limit(acm_rs.Threshold):
    """A threshold of somebody's own."""


@pytest.mark.parametrize("remade", [lambda model: pickle.loads(pickle.dumps(model)), copy.copy, copy.deepcopy])
def test_a_class_made_of_a_public_one_survives_pickle(remade: Any) -> None:
    fresh = Pump("north")
    for model in (fresh, Pump("north").fit(_named(plant(60, 3)))):
        again = remade(model)
        assert type(again) is Pump
        assert again == model
        assert again.station == "north"
        assert repr(again) == f"Pump{repr(acm_rs.PCADetector(2)).removeprefix('PCADetector')}"
    assert type(Pump.from_bytes(model.to_bytes())) is Pump
    limit = Limit(3.0, 2.0, 4.0, False, 3, 100)
    assert remade(limit) == limit
    assert type(remade(limit)) is Limit


@pytest.mark.parametrize("name", [*MODELS, *STREAMS])
def test_notes_are_kept(name: str, tmp_path: Path) -> None:
    model = calls.made(name)
    assert model.metadata == {}
    notes = {"asset": "P-101", "trained": "2026-01/2026-03", "unit": "°C"}
    model.metadata = notes
    model.save(tmp_path / "model")
    for again in (type(model).load(tmp_path / "model"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.metadata == notes
        assert again == model
    model.metadata["asset"] = "a copy"
    assert model.metadata == notes
    assert model != calls.made(name)
    for wrong in (None, 5, "text", {"a": 1}, {1: "a"}, ["ab"]):
        with pytest.raises(TypeError, match="`metadata` must be a mapping of str to str"):
            model.metadata = wrong
    assert model.metadata == notes


@pytest.mark.parametrize("name", MODELS)
def test_notes_of_a_model_to_be_fitted_are_kept(name: str) -> None:
    model = _case(name).make()
    model.metadata = {"asset": "P-101"}
    assert pickle.loads(pickle.dumps(model)).metadata == {"asset": "P-101"}
    assert model.fit(plant(ROWS)).metadata == {"asset": "P-101"}


@pytest.mark.parametrize("name", calls.classes())
def test_public_classes_have_no_place_for_what_is_misspelt(name: str) -> None:
    thing = calls.made(name)
    with pytest.raises((AttributeError, TypeError)):
        thing.thresold = 1.0
    for attribute in set(calls.attributes(name)) - {"metadata", "feature_names_in_"}:
        with pytest.raises(AttributeError):
            setattr(thing, attribute, getattr(thing, attribute))
