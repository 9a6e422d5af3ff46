"""core/ar1_detector.py: its contract, and the same numbers with acm_rs and without it."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from children import run

from core import ar1_detector as ar1

ROOT = str(Path(ar1.__file__).resolve().parents[1])

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "without":
    sys.modules["acm_rs"] = None
import numpy as np, pandas as pd
from core import ar1_detector as ar1
rng = np.random.default_rng(5)
x = pd.DataFrame(np.cumsum(rng.normal(size=(400, 4)), axis=0) * 0.1 + 1e4, columns=list("abcd"))
x.iloc[3:30, 1] = np.nan
x.iloc[0, 2] = np.inf
print(ar1.BACKEND)
for fuse in ("mean", "median", "p95"):
    fused, per = ar1.AR1Detector({"fuse": fuse}).fit(x[:200]).score(x, return_per_sensor=True)
    print(*map(repr, map(float, np.concatenate([fused, per.to_numpy().ravel()]))))
"""


def history(seed: int = 0, rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    index = pd.date_range("2026-01-01", periods=rows, freq="min")
    return pd.DataFrame(rng.normal(50.0, 2.0, (rows, 3)), index=index, columns=["a", "b", "c"])


def test_the_same_numbers_with_and_without_acm_rs() -> None:
    ours, plain = (run(SCRIPT, ROOT, how, ACM_BACKEND="").splitlines() for how in ("with", "without"))
    assert plain[0] == "numpy"
    assert ours[0] == ("rust" if ar1.HAS_RUST else "numpy")
    for a, b in zip(ours[1:], plain[1:], strict=True):
        np.testing.assert_allclose(np.array(a.split(), float), np.array(b.split(), float), rtol=1e-9, atol=1e-12)


def test_numbers_by_hand() -> None:
    x = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0, 0.0]})
    model = ar1.AR1Detector().fit(x)
    c = np.array([-1.0, 0.0, 2.0, 1.0, -2.0])
    phi = float(np.sum(c[1:] * c[:-1]) / np.sum(c[:-1] ** 2))
    assert model.phimap["a"] == pytest.approx((phi, 2.0), rel=1e-12)
    r = c[1:] - phi * c[:-1]
    sd = 1.4826 * np.median(np.abs(r - np.median(r)))
    assert model.sdmap["a"] == pytest.approx(sd, rel=1e-12)
    np.testing.assert_allclose(model.score(x), np.concatenate([[0.0], np.abs(r) / sd]), rtol=1e-12)


def test_sensors_without_memory_are_scored() -> None:
    x = history()
    model = ar1.AR1Detector().fit(x)
    model.phimap = {name: (0.0, mu) for name, (_, mu) in model.phimap.items()}
    x.iloc[-1, 1] = 90.0
    fused, per = model.score(x, return_per_sensor=True)
    assert int(np.argmax(fused)) == len(x) - 1
    assert per.columns[int(per.iloc[-1].to_numpy().argmax())] == "b"
    assert per.index.equals(x.index)


def test_restored_models_score_as_the_first() -> None:
    joblib = pytest.importorskip("joblib")
    x = history()
    model = ar1.AR1Detector({"fuse": "p95"}).fit(x)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    cached = ar1.AR1Detector(ar1_cfg={"fuse": "p95"})
    cached.phimap, cached.sdmap, cached._is_fitted = model.phimap, model.sdmap, True
    for other in (
        joblib.load(file),
        pickle.loads(pickle.dumps(model)),
        ar1.AR1Detector.from_dict(model.to_dict()),
        cached,
    ):
        np.testing.assert_array_equal(other.score(x), model.score(x))


def test_states_of_acms_own_class_are_read() -> None:
    """What ACM's file pickles are these names; they are set as they were learnt there."""
    state = {"cfg": {}, "_eps": 1e-9, "_phi_cap": 0.999, "_sd_floor": 1e-6, "_fuse": "mean", "_is_fitted": True}
    old = ar1.AR1Detector.__new__(ar1.AR1Detector)
    old.__dict__.update(state, phimap={"a": (0.5, 2.0)}, sdmap={"a": 0.5})
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(old)).score(pd.DataFrame({"a": [2.0, 3.0, 2.0]})), [0.0, 2.0, 1.0]
    )


def test_columns_that_cannot_be_judged_are_told(caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    model = ar1.AR1Detector().fit(x)
    x.iloc[:200, 0] = np.nan
    x["new"] = 1.0
    _, per = model.score(x, return_per_sensor=True)
    assert list(per.columns) == ["b", "c"]
    assert "['new']" in caplog.text
    assert "['a']" in caplog.text


def test_columns_are_taken_by_their_names(caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    model = ar1.AR1Detector().fit(x)
    fused, per = model.score(x, return_per_sensor=True)
    other, turned = model.score(x[["c", "a", "b"]].assign(note="text"), return_per_sensor=True)
    np.testing.assert_array_equal(other, fused)
    pd.testing.assert_frame_equal(turned, per)
    assert "1 columns were not there at fit and are left out: ['note']" in caplog.text
    caplog.clear()
    _, less = model.score(x[["c", "a"]], return_per_sensor=True)
    pd.testing.assert_frame_equal(less, per[["a", "c"]])
    assert "1 columns are not there any more and are left out: ['b']" in caplog.text


def test_a_row_without_values_scores_nan() -> None:
    x = history()
    model = ar1.AR1Detector().fit(x)
    x.iloc[7] = np.nan
    assert np.flatnonzero(np.isnan(model.score(x))).tolist() == [7]


@pytest.mark.parametrize("kind", ["float32", "Float64", "int64"])
def test_kinds_of_columns(kind: Any) -> None:
    x = history().round().astype(kind)
    plain = x.astype("float64")
    np.testing.assert_array_equal(ar1.AR1Detector().fit(x).score(x), ar1.AR1Detector().fit(plain).score(plain))


@pytest.mark.parametrize("x", [history() * np.nan, history()[:0], history().iloc[:, :0]])
def test_nothing_to_learn(x: pd.DataFrame, caplog: pytest.LogCaptureFixture) -> None:
    joblib = pytest.importorskip("joblib")
    model = ar1.AR1Detector().fit(x)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for other in (model, ar1.AR1Detector.from_dict(json.loads(json.dumps(model.to_dict()))), joblib.load(file)):
        caplog.clear()
        fused, per = other.score(history(), return_per_sensor=True)
        assert "there was nothing to learn from (no column with values): every row scores NaN" in caplog.text
        assert np.isnan(fused).all()
        assert per.shape == (300, 0)


def test_what_is_not_fitted_stays_so() -> None:
    model = ar1.AR1Detector()
    for other in (ar1.AR1Detector.from_dict(model.to_dict()), pickle.loads(pickle.dumps(model))):
        with pytest.raises(RuntimeError, match="call fit first"):
            other.score(history())


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_the_least_scale_is_the_sensors_own(unit: float) -> None:
    """A millionth of what the sensor does, of its level where it does nothing, or what is asked for."""
    x = pd.DataFrame({"seldom": np.where(np.arange(100) == 50, 3.0, 1.0), "still": 5.0, "zero": 0.0}) * unit
    sd = ar1.AR1Detector().fit(x).sdmap
    assert sd["seldom"] == pytest.approx(1e-6 * 0.2 * unit, rel=1e-12)
    assert sd["still"] == pytest.approx(5e-6 * unit, rel=1e-12)
    assert sd["zero"] == 1e-6
    assert set(ar1.AR1Detector({"sd_floor": 2.0 * unit}).fit(x).sdmap.values()) == {2.0 * unit}


def test_values_beyond_squares_are_told(caplog: pytest.LogCaptureFixture) -> None:
    x = history()
    model = ar1.AR1Detector().fit(x)
    assert not caplog.text
    x.iloc[3, 1] = -1e200
    assert int(model.score(x).argmax()) == 3
    assert "values beyond 1e150 are clipped: ['b']" in caplog.text


def test_bad_calls() -> None:
    with pytest.raises(RuntimeError, match="call fit first"):
        ar1.AR1Detector().score(history())
    with pytest.raises(TypeError, match="pandas DataFrame, got ndarray"):
        ar1.AR1Detector().fit(np.zeros((4, 2)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\['t'\]"):
        ar1.AR1Detector().fit(history().assign(t="x"))
    with pytest.raises(ValueError, match="fuse must be one of mean, median, p95, got 'max'"):
        ar1.AR1Detector({"fuse": "max"})
    with pytest.raises(ValueError, match="phi_cap"):
        ar1.AR1Detector({"phi_cap": 1.0})
