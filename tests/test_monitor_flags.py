"""Columns that say how good another's readings are: heeded, or left out by name, and never sensors in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from acm_rs import Monitor
from acm_rs.files.quality_names import Sense, read_aspect

ROWS, TRAINED = 1600, 800
BAD, DOUBT = np.zeros(ROWS, bool), np.zeros(ROWS, bool)
BAD[[*range(100, 110), *range(1000, 1010)]] = True
DOUBT[[*range(200, 205), *range(1100, 1105)]] = True
CLEAN = BAD.copy()
CLEAN[:TRAINED] = False


def plant(name: str, cells: Any, wrong: Any = BAD) -> pd.DataFrame:
    """Three sensors of one load, one of which reads something else where it is flagged."""
    random = np.random.default_rng(7)
    load = random.normal(size=ROWS)
    noise = 0.2 * random.normal(size=(ROWS, 3))
    flow = np.where(wrong, 62.0 + random.normal(size=ROWS), 50.0 + load + noise[:, 0])
    when = pd.date_range("2026-01-01", periods=ROWS, freq="10min")
    columns = {"FT101": flow, name: cells, "PT102": 20.0 + load + noise[:, 1], "TT103": 5.0 - load + noise[:, 2]}
    return pd.DataFrame(columns, index=when)


def cells(good: Any, doubtful: Any, bad: Any, wrong: Any = BAD) -> list[Any]:
    return [bad if hit else doubtful if doubt else good for hit, doubt in zip(wrong, DOUBT, strict=True)]


FORMS = [
    ("FT101.Quality", 192, 64, 0),
    ("FT101.Quality", "Good", "Uncertain", "Bad, Not Connected"),
    ("FT101_status", 192, 64, 24),
    ("FT101_status", "OK", "OK", "Bad"),
    ("FT101 StatusCode", 0, 0x40000000, 0x80340000),
    ("FT101_valid", 1, 1, 0),
    ("FT101_valid", True, True, False),
    ("FT101.Bad", 0, 0, 1),
    ("FT101.Conf", 0.98, 0.6, 0.05),
    ("FT101_Confidence", 99.5, 60.0, 3.0),
    ("FT101.PctGood", 100, 60, 0),
    ("FT101_err", 0, 0, 17),
    ("FT101ErrorCode", 0, 0, -3),
    ("FT101.Flag", "", "", "B"),
]


@pytest.mark.parametrize("wrong", [BAD, CLEAN], ids=["in the history", "later"])
@pytest.mark.parametrize(("name", "good", "doubtful", "bad"), FORMS)
def test_what_is_flagged_as_bad_is_no_reading(name: str, good: Any, doubtful: Any, bad: Any, wrong: Any) -> None:
    frame = plant(name, cells(good, doubtful, bad, wrong), wrong)
    monitor = Monitor().fit(frame[:TRAINED])
    assert monitor.sensors_ == ("FT101", "PT102", "TT103")
    assert monitor.left_out_ == {name: "says how good the readings of FT101 are"}
    told = f"FT101: 10 readings flagged as bad by {name} (2026-01-01 16:40 to 2026-01-01 18:10)"
    assert any(told in text for text in monitor.warnings_) == bool(wrong[:TRAINED].any())
    assert (told in monitor.summary()) == bool(wrong[:TRAINED].any())
    result = monitor.score(frame[TRAINED:])
    assert f"readings flagged as bad, taken as missing: FT101 (10, by {name})" in result.remarks
    assert np.isnan(result.values[200:210, 0]).all()
    assert not result.alarms.any()
    # What is flagged does not depend on what reads then.
    frame.loc[frame.index[BAD], "FT101"] = 1e4
    assert monitor.score(frame[TRAINED:]).scores.tobytes() == result.scores.tobytes()


def test_what_is_uncertain_is_kept_and_counted() -> None:
    frame = plant("FT101.Quality", cells(192, 64, 0))
    remarks = Monitor().fit(frame[:TRAINED]).score(frame[TRAINED:]).remarks
    assert "readings flagged as uncertain, kept: FT101 (5, by FT101.Quality)" in remarks
    # A word that nobody knows is no reason to drop a reading, and not to say so either.
    frame = plant("FT101.Quality", ["Good"] * TRAINED + cells("Good", "Tuesday", "Bad")[TRAINED:])
    remarks = Monitor().fit(frame[:TRAINED]).score(frame[TRAINED:]).remarks
    assert "readings flagged as uncertain, kept: FT101 (5, by FT101.Quality)" in remarks


@pytest.mark.parametrize(
    ("name", "good", "bad", "what"),
    [
        ("FT101_status", 1, 0, "what 0, 1 mean is not known"),
        ("FT101.Flags", 0, 8, "what 0, 8 mean is not known"),
        ("FT101_flag", "A", "M", "what 'A', 'M' mean is not known"),
        ("FT101.Quality", 3, 1, "what 1, 3 mean is not known"),
        ("FT101.Quality", 97.25, 3.5, "what 3.5, 97.25 mean is not known"),
        ("FT101.Conf", 240, 12, "what 12, 240 mean is not known"),
        ("FT101_status", "1", "0", "what 0, 1 mean is not known"),
        ("FT101.Alarm", 0, 1, "an alarm of FT101 and no reading"),
        ("FT101_uncertainty", 0.5, 2.5, "and no reading itself"),
    ],
)
def test_what_is_not_understood_is_left_out_by_name(name: str, good: Any, bad: Any, what: str) -> None:
    frame = plant(name, cells(good, good, bad))
    monitor = Monitor().fit(frame[:TRAINED])
    assert monitor.sensors_ == ("FT101", "PT102", "TT103")
    assert monitor.left_out_[name].endswith(what)
    warned = [text for text in monitor.warnings_ if text.startswith(f"{name} is not used: ")]
    assert len(warned) == 1
    assert "make those missing" in warned[0]
    assert ("kinds={" in warned[0]) == (not isinstance(good, str))
    assert warned[0] in monitor.summary()
    # Whoever says what it is has it.
    if not isinstance(good, str):
        own = Monitor(kinds={name: "state"}).fit(frame[:TRAINED])
        assert name not in own.left_out_


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("Oil.Quality", lambda load, _: 192 + 0 * load),
        ("FT101 Q", lambda load, random: 3.0 * load + random.normal(size=ROWS)),
        ("FT101_err", lambda load, random: load + random.normal(size=ROWS)),
        ("FT101_std", lambda _, random: random.uniform(0.9, 1.0, ROWS)),
        ("FT101_state", lambda load, _: (load > 0.0).astype(float)),
        ("Fault FT101", lambda load, random: 12.0 + load + random.normal(size=ROWS)),
        ("Q FT101", lambda load, random: 30.0 + 3.0 * load + random.normal(size=ROWS)),
        ("Q_FT101", lambda load, random: np.rint(30.0 + 3.0 * load + random.normal(size=ROWS))),
    ],
    ids=[
        "of no column",
        "reactive power",
        "deviation of a controller",
        "statistic",
        "state of a machine",
        "current of a fault",
        "flow",
        "flow in whole units",
    ],
)
def test_what_is_a_column_of_its_own_stays(name: str, make: Callable[[Any, Any], Any]) -> None:
    random = np.random.default_rng(3)
    frame = plant(name, make(random.normal(size=ROWS), random), np.zeros(ROWS, bool))
    monitor = Monitor().fit(frame)
    assert not monitor._about.get("flags")
    assert monitor.left_out_.get(name, "constant (192)") == "constant (192)"


def test_a_quality_that_is_measured_is_left_out_by_name() -> None:
    random = np.random.default_rng(3)
    dry = np.clip(np.rint(97.0 + 2.0 * random.normal(size=ROWS)), 0.0, 100.0)
    frame = plant("FT101 Quality", dry, np.zeros(ROWS, bool))
    monitor = Monitor().fit(frame[:TRAINED])
    assert monitor.left_out_["FT101 Quality"].endswith("mean is not known")
    assert any(text.startswith("FT101 Quality is not used") for text in monitor.warnings_)
    worse = frame[TRAINED:].assign(**{"FT101 Quality": 0.0})
    assert not any("flagged" in text for text in monitor.score(worse).remarks)


@pytest.mark.parametrize(("name", "good", "doubtful", "bad"), [form for form in FORMS if not isinstance(form[1], str)])
@pytest.mark.parametrize("way", ["category", "object", "str"])
def test_numbers_under_another_type_are_heeded_too(name: str, good: Any, doubtful: Any, bad: Any, way: str) -> None:
    frame = plant(name, cells(good, doubtful, bad))
    other = frame.astype({name: way})
    monitor = Monitor().fit(frame[:TRAINED])
    result = monitor.score(frame[TRAINED:])
    assert any("flagged as bad" in text for text in result.remarks)
    for later in (other[TRAINED:], pl.from_pandas(other[TRAINED:].reset_index().astype({name: str}))):
        assert monitor.score(later).scores.tobytes() == result.scores.tobytes()
    learnt = Monitor().fit(other[:TRAINED])
    assert learnt.sensors_ == monitor.sensors_
    assert learnt.score(frame[TRAINED:]).scores.tobytes() == result.scores.tobytes()


def test_words_of_qualities_may_be_ignored() -> None:
    frame = plant("FT101.Quality", cells("Good", "Uncertain", "Bad"))
    monitor = Monitor(kinds={"FT101.Quality": "ignore"}).fit(frame[:TRAINED])
    assert not any("flagged" in text for text in monitor.score(frame[TRAINED:]).remarks)
    assert monitor.left_out_["FT101.Quality"] == "holds no numbers"
    assert Monitor.from_bytes(monitor.to_bytes()).kinds == {"FT101.Quality": "ignore"}
    with pytest.raises(ValueError, match=r"FT101\.Quality"):
        Monitor(kinds={"FT101.Quality": "state"}).fit(frame[:TRAINED])


def test_a_flag_that_never_came_alarms_when_it_comes() -> None:
    frame = plant("FT101.Alarm", cells(0, 0, 1, CLEAN), np.zeros(ROWS, bool))
    monitor = Monitor().fit(frame[:TRAINED])
    assert monitor.left_out_ == {"FT101.Alarm": "constant (0)"}
    result = monitor.score(frame[TRAINED:])
    assert result.alarms[202:210].all()
    assert result.found[0].culprits[0].name == "FT101.Alarm"


@pytest.mark.parametrize("name", ["FT101.Quality", "FT101_err"])
def test_frames_rows_and_files_heed_the_same(name: str) -> None:
    frame = plant(name, cells("Good", "Uncertain", "Bad") if name.endswith("y") else cells(0, 0, 5))
    monitor = Monitor().fit(frame[:TRAINED])
    later = frame[TRAINED:]
    whole = monitor.score(later).scores.tobytes()
    again = Monitor.from_bytes(monitor.to_bytes())
    assert again.score(later).scores.tobytes() == whole
    flat = later.rename_axis("time").reset_index()
    assert monitor.score(pl.from_pandas(flat)).scores.tobytes() == whole
    assert monitor.score(pa.Table.from_pandas(flat)).scores.tobytes() == whole
    categories = flat.astype({name: "category"}) if name.endswith("y") else flat
    assert monitor.score(categories).scores.tobytes() == whole
    one_by_one = []
    for row in range(300):
        some = later.iloc[row]
        given = later[row : row + 1] if row % 3 == 0 else some if row % 3 == 1 else some.to_dict()
        one_by_one.append(monitor.update(given, times=None if row % 3 == 0 else later.index.to_numpy()[row : row + 1]))
    assert np.concatenate([one.scores for one in one_by_one]).tobytes() == whole[: 300 * 8]
    assert any("flagged as bad" in text for text in one_by_one[205].remarks)
    # Rows that are accepted are read alike, and the rest of the history is learnt as it was.
    monitor.accept((later.index[0], later.index[250]), later)
    assert np.isnan(monitor._history.chunks[-1].values[200:210, 0]).all()  # type: ignore[union-attr]
    assert monitor.left_out_ == {name: "says how good the readings of FT101 are"}
    assert any("10 readings flagged as bad" in text for text in monitor.warnings_)


def test_qualities_that_are_absent_later_are_missed() -> None:
    frame = plant("FT101.Quality", cells(192, 64, 0))
    monitor = Monitor().fit(frame[:TRAINED])
    remarks = monitor.score(frame[TRAINED:].drop(columns="FT101.Quality")).remarks
    told = "qualities of the fit that are absent: FT101.Quality (of FT101); no reading of theirs is flagged, and what "
    assert f"{told}they would flag as bad counts as one" in remarks


def test_qualities_that_come_after_the_fit_are_told() -> None:
    frame = plant("FT101.Quality", cells(192, 64, 0))
    later = frame[TRAINED:].assign(**{"Motor Speed": 3.0})
    remarks = Monitor().fit(frame[:TRAINED].drop(columns="FT101.Quality")).score(later).remarks
    (told,) = [remark for remark in remarks if "FT101.Quality" in remark]
    assert told.startswith(
        "columns that may say how good readings are and were not known at the fit: FT101.Quality (of FT101); they are "
        "not heeded, and what they flag as bad counts as a reading: make it missing first"
    )
    assert "1 column was not known at the fit and is ignored: 'Motor Speed'" in remarks


@pytest.mark.parametrize(
    ("name", "base", "sense"),
    [
        ("FT101.Conf", "FT101", Sense.confidence),
        ("FT101 [m3/h] Quality", "FT101 [m3/h]", Sense.good),
        ("Confidence(FT101)", "FT101", Sense.confidence),
        ("err_FT101", "FT101", Sense.error),
        ("FT101 Error Code", "FT101", Sense.error),
        ("FT101:Flags", "FT101", Sense.flag),
        ("FT101_alarm_hi", "FT101", Sense.alarm),
        ("FT101.Age", "FT101", Sense.beside),
        ("FT101/Status", "FT101", Sense.status),
    ],
)
def test_names_that_say_something_of_readings(name: str, base: str, sense: Sense) -> None:
    aspect = read_aspect(name)
    assert aspect is not None
    assert (aspect.bases, aspect.sense) == ((base,), sense)


@pytest.mark.parametrize("name", ["Flow", "Confidence", "Error", "Status", "FT101_std", "Flow error rate", "P3_age1"])
def test_names_that_do_not(name: str) -> None:
    assert read_aspect(name) is None
