"""core/drift.py: its contract, and the same numbers with acm_rs and without it."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dropins import agree

from core import drift

BACKENDS = pytest.mark.parametrize("backend", ["rust", "numpy"])


def scored(seed: int = 0, rows: int = 400, shift: float = 0.0) -> dict[str, Any]:
    """What ACM hands over: a frame with a fused score that shifts in its last quarter."""
    fused = np.abs(np.random.default_rng(seed).normal(size=rows)) + shift * (np.arange(rows) > 0.75 * rows)
    return {"frame": pd.DataFrame({"fused": fused}, index=pd.date_range("2026-01-01", periods=rows, freq="min"))}


def test_the_same_numbers_with_and_without_acm_rs() -> None:
    agree("""
from core import drift
rng = np.random.default_rng(4)
fused = np.abs(rng.normal(size=500)) + 1e3
fused[300:] += 0.4
fused[[3, 50, 400]] = [np.nan, np.inf, -np.inf]
for alpha in (0.3, 1.0):
    frame = pd.DataFrame({"fused": fused})
    drift.compute(frame, {"frame": frame}, {"drift": {"cusum": {"smoothing_alpha": alpha}}})
    show(frame["cusum_raw"]), show(frame["cusum_z"])
detector = drift.CUSUMDetector(drift=0.2).fit(fused[:100])
for part in (fused[:150], fused[150:151], fused[151:]):
    show(detector.score(part)), show([detector.sum_pos, detector.sum_neg])
""")


@BACKENDS
def test_sums_by_hand(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """z = 1, -3, missing, 2, 2: up .5, 0, 0, 1.5, 3; down 0, 2.5, 2.5, 0, 0."""
    monkeypatch.setattr(drift, "BACKEND", backend)
    detector = drift.CUSUMDetector(drift=0.5)
    detector.mean, detector.std = 10.0, 2.0
    np.testing.assert_allclose(detector.score([12.0, 4.0, np.nan, 14.0, 14.0]), [0.5, 2.5, 2.5, 1.5, 3.0], rtol=1e-12)
    assert (detector.sum_pos, detector.sum_neg) == pytest.approx((3.0, 0.0), abs=1e-12)


@BACKENDS
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_pieces_are_the_whole(backend: str, sign: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "BACKEND", backend)
    x = sign * (np.random.default_rng(0).normal(size=200) + 0.02 * np.arange(200))
    whole = drift.CUSUMDetector().fit(x[:50]).score(x)
    detector = drift.CUSUMDetector().fit(x[:50])
    parts = [detector.score(x[a:b]) for a, b in ((0, 0), (0, 70), (70, 71), (71, 200))]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(detector.fit(x[:50]).score(x), whole, rtol=1e-12)


def test_restored_detectors_score_as_the_first() -> None:
    x = np.random.default_rng(0).normal(size=200)
    detector = drift.CUSUMDetector(3.0, 0.2).fit(x[:50])
    detector.score(x[:100])
    others = [drift.CUSUMDetector.from_dict(detector.to_dict()), pickle.loads(pickle.dumps(detector))]
    old = drift.CUSUMDetector.__new__(drift.CUSUMDetector)
    # What ACM's own file pickles are these names.
    old.__dict__.update(detector.__dict__)
    others.append(pickle.loads(pickle.dumps(old)))
    expected = detector.score(x[100:])
    for other in others:
        np.testing.assert_array_equal(other.score(x[100:]), expected)
        assert other.threshold == 3.0


@pytest.mark.parametrize("x", [[], [np.nan, np.inf], [5.0, 5.0, 5.0]])
def test_nothing_to_learn(x: list[float]) -> None:
    detector = drift.CUSUMDetector().fit(x)
    assert detector.std == 1.0
    assert np.isfinite(detector.mean)


def test_what_compute_adds() -> None:
    out = scored(shift=1.5)
    frame = out["frame"]
    again = drift.compute(frame, out, {})
    assert again is out
    assert again["frame"] is frame
    assert list(frame.columns) == ["fused", "cusum_raw", "cusum_z"]
    assert frame["cusum_z"].iloc[-1] == 8.0
    assert frame["cusum_z"].iloc[:200].median() == pytest.approx(0.0, abs=1e-12)
    fused, half = frame["fused"].to_numpy(), frame["fused"].to_numpy()[:200]
    level = np.median(half)
    expected = drift.CUSUMDetector()
    expected.mean, expected.std = float(level), float(1.4826 * np.median(np.abs(half - level)))
    np.testing.assert_allclose(frame["cusum_raw"], expected.score(fused), rtol=1e-9)


def test_a_later_drift_does_not_change_what_was_before() -> None:
    """ACM takes the z of the sums from the whole batch: its later part moves the earlier."""
    calm, drifting = scored(), scored(shift=3.0)
    for out in (calm, drifting):
        drift.compute(out["frame"], out, {})
    np.testing.assert_allclose(
        drifting["frame"]["cusum_z"].iloc[:300], calm["frame"]["cusum_z"].iloc[:300], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("rows", [0, 1, 5, 12])
def test_short_frames(rows: int) -> None:
    frame = drift.compute(pd.DataFrame(), scored(rows=rows), {})["frame"]
    assert len(frame) == rows
    assert np.isfinite(frame.to_numpy()).all()
    assert list(drift.compute_drift_alert_mode(frame, {}).columns) == ["fused", "cusum_raw", "cusum_z", "alert_mode"]


def test_frames_without_the_columns() -> None:
    out = {"frame": pd.DataFrame({"other": [1.0, 2.0]})}
    assert list(drift.compute(out["frame"], out, {})["frame"].columns) == ["other"]
    assert drift.compute_drift_alert_mode(out["frame"], None)["alert_mode"].tolist() == ["FAULT", "FAULT"]
    nothing = pd.DataFrame({"drift_z": [np.nan, np.nan]})
    assert drift.compute_drift_alert_mode(nothing, {})["alert_mode"].tolist() == ["FAULT", "FAULT"]


@pytest.mark.parametrize("kind", ["float32", "Float64"])
def test_kinds_of_columns(kind: Any) -> None:
    out = scored(shift=1.0)
    out["frame"]["fused"] = out["frame"]["fused"].round(1).astype(kind)
    plain = {"frame": out["frame"].astype("float64")}
    for each in (out, plain):
        drift.compute(each["frame"], each, {})
    np.testing.assert_array_equal(out["frame"]["cusum_z"], plain["frame"]["cusum_z"])


def test_what_is_no_series_of_numbers() -> None:
    detector = drift.CUSUMDetector()
    for wrong in (["1", "2"], np.array(["a"]), pd.Series(["1", "2"]), pd.Series(["a"], dtype="string"), [1j]):
        for work in (detector.fit, detector.score, drift.compute_drift_trend):
            with pytest.raises(TypeError, match=r"(x|drift_series) must hold numbers, got "):
                work(wrong)
    with pytest.raises(ValueError, match="x must have rows of one length"):
        detector.fit([[], [1.0]])
    with pytest.raises(TypeError, match="x must hold numbers, got datetime64"):
        detector.fit(pd.Series(pd.date_range("2026-01-01", periods=3)))
    out = scored()
    out["frame"]["fused"] = "1.0"
    with pytest.raises(TypeError, match="fused must hold numbers, got "):
        drift.compute(out["frame"], out, {})
    frame = scored()["frame"].assign(cusum_z="high")
    with pytest.raises(TypeError, match="cusum_z must hold numbers, got "):
        drift.compute_drift_alert_mode(frame, {})


def test_kinds_of_series() -> None:
    x = np.array([1.0, 2.0, np.nan, 4.0, np.inf, 3.0, 3.0])
    first = drift.CUSUMDetector().fit(x).score(x)
    listed = [1, 2.0, None, 4, float("inf"), np.float32(3.0), np.int8(3)]
    masked = np.ma.masked_invalid(x)
    for same in (listed, pd.Series(listed, dtype=object), pd.array([1, 2, None, 4, None, 3, 3]), masked, tuple(x)):
        np.testing.assert_array_equal(drift.CUSUMDetector().fit(same).score(same), first)


def test_no_value_to_learn_from(caplog: pytest.LogCaptureFixture) -> None:
    for nothing in ([], [np.nan, np.inf], pd.Series(dtype=float)):
        caplog.clear()
        detector = drift.CUSUMDetector().fit(nothing)
        assert f"there is no value among {len(nothing)} to learn from: level 0 and scale 1" in caplog.text
        for other in (drift.CUSUMDetector.from_dict(detector.to_dict()), pickle.loads(pickle.dumps(detector))):
            assert (other.mean, other.std) == (0.0, 1.0)
            np.testing.assert_allclose(other.score([1.0, 1.0]), [0.9, 1.8])


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_where_half_of_the_values_are_one(unit: float) -> None:
    """The scale is their standard deviation then, and 1 where there is but one value."""
    x = np.where(np.arange(100) % 4 == 0, 3.0, 1.0) * unit
    assert drift.CUSUMDetector().fit(x).std == pytest.approx(np.sqrt(0.75) * unit, rel=1e-12)
    assert drift.CUSUMDetector().fit(np.full(9, 0.1 * unit)).std == 1.0
    assert drift.CUSUMDetector().fit(unit * (1.0 + 2.0**-52 * (np.arange(9) % 2))).std == 1.0


@pytest.mark.parametrize("backend", ["rust", "numpy"])
@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e140])
def test_huge_values_stay_finite(
    backend: str, unit: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(drift, "BACKEND", backend)
    x = np.concatenate([np.sin(np.arange(40.0)) * unit, [1.7e308, -1e300, 3.0 * unit]])
    out = {"frame": pd.DataFrame({"fused": x})}
    z = drift.compute(out["frame"], out, {})["frame"]
    assert "values of fused beyond 1e150 are clipped" in caplog.text
    assert np.isfinite(z.to_numpy()).all()
    assert z["cusum_z"].iloc[-1] == 8.0
    assert np.isfinite(drift.compute_drift_trend(x))
    assert drift.compute_drift_alert_mode(z, {})["alert_mode"].nunique() == 1


def test_trend_and_volatility() -> None:
    y = np.arange(50.0) * 0.25 + 7.0
    y[[45, 47]] = [np.nan, np.inf]
    assert drift.compute_drift_trend(y) == pytest.approx(0.25, rel=1e-12)
    assert drift.compute_drift_trend(y, window=2) == pytest.approx(0.25, rel=1e-12)
    assert drift.compute_drift_trend([1.0]) == drift.compute_drift_trend([np.nan, 1.0, np.nan]) == 0.0
    assert drift.compute_regime_volatility([9, 9, 0, 0, 1, 0, 0], window=5) == 0.5
    assert drift.compute_regime_volatility([3]) == drift.compute_regime_volatility([]) == 0.0


def test_drift_or_fault() -> None:
    rows = 100
    frame = pd.DataFrame({"cusum_z": np.linspace(0.0, 8.0, rows), "fused": 3.0, "regime_label": np.arange(rows) % 2})

    def mode(regimes: bool = False, p95_threshold: float = 2.0, **settings: Any) -> str:
        cfg = {"drift": {"p95_threshold": p95_threshold, "multi_feature": settings}}
        return str(drift.compute_drift_alert_mode(frame.copy(), cfg, regimes, "fan")["alert_mode"].iloc[-1])

    assert mode() == "DRIFT"
    assert mode(p95_threshold=7.9) == "FAULT"
    assert mode(enabled=True) == "DRIFT"
    assert mode(enabled=True, regimes=True) == "FAULT"
    assert mode(enabled=True, regimes=True, regime_volatility_max=1.1) == "DRIFT"
    assert mode(enabled=True, hysteresis_on=7.9) == "FAULT"
    assert mode(enabled=True, trend_threshold=0.1) == "FAULT"
    assert mode(enabled=True, fused_drift_min=3.5) == "FAULT"
    frame = frame.drop(columns="fused")
    assert mode(enabled=True) == "FAULT"


def test_bad_calls() -> None:
    with pytest.raises(ValueError, match="threshold must be above 0 and finite, got 0"):
        drift.CUSUMDetector(threshold=0.0)
    with pytest.raises(ValueError, match="drift must be at least 0 and finite, got -1"):
        drift.CUSUMDetector(drift=-1.0)
    with pytest.raises(ValueError, match=r"x must have one dimension, got shape \(2, 2\)"):
        drift.CUSUMDetector().fit(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="smoothing_alpha must be above 0"):
        drift.compute(pd.DataFrame(), scored(), {"drift": {"cusum": {"smoothing_alpha": 0.0}}})
    with pytest.raises(ValueError, match="ACM_BACKEND must be"):
        drift._choose_backend("cuda")
