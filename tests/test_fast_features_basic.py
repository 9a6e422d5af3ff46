"""The feature set: filling, order, robust z-score, nothing missing in the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, BASIC_SUFFIXES, adversarial, exact_statistics, fan, serving

from core import fast_features as ff

pl = pytest.importorskip("polars")


def by_hand(frame: pd.DataFrame, window: int) -> pd.DataFrame:
    """Return the set of a complete frame from the exact statistics of its windows."""
    out: dict[str, Any] = {}
    for suffix in (*BASIC_SUFFIXES, "_energy", "_rz"):
        for name in frame:
            x = frame[name].to_numpy()
            parts = [x[max(0, t + 1 - window) : t + 1] for t in range(len(x))]
            if suffix == "_energy":
                short = [np.zeros(3) if len(part) < window // 2 else ff.spectral_energy(part) for part in parts]
                out.update({f"{name}_energy_{i}": [energy[i] for energy in short] for i in range(3)})
            elif suffix == "_rz":
                med, mad = (np.array([exact_statistics(part)[key] for part in parts]) for key in ("_med", "_mad"))
                out[f"{name}_rz"] = np.clip((x - med) / (1.4826 * np.maximum(mad, 1e-9) + 1e-9), -100.0, 100.0)
            else:
                out[f"{name}{suffix}"] = [exact_statistics(part)[suffix] for part in parts]
    features = pd.DataFrame(out, index=frame.index)
    return features.replace([np.inf, -np.inf], np.nan).fillna(0.0)


@pytest.mark.parametrize("window", [1, 3, 16])
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_whole_set_by_hand(backend: str, window: int) -> None:
    frame = fan(rows=80, sensors=2)
    with serving(backend):
        got = ff.compute_basic_features(frame, window)
    want = by_hand(frame, window)
    assert list(got.columns) == list(want.columns)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_is_missing_in_the_end(backend: str) -> None:
    frame = adversarial()
    with serving(backend):
        for window in (1, 2, 5, 400):
            out = ff.compute_basic_features(frame, window)
            assert np.isfinite(out.to_numpy()).all()
            pd.testing.assert_index_equal(out.index, frame.index)
            assert (out.dtypes == np.float64).all()
            assert (out.filter(regex="^missing_") == 0.0).all().all()
            assert out.filter(regex="_rz$").abs().max().max() <= 100.0
            assert out.filter(regex="_skew$").abs().max().max() <= 100.0
            assert out.filter(regex="_kurt$").abs().max().max() <= 1000.0


# The fallbacks clip in the same line.
@pytest.mark.parametrize("backend", [BACKENDS[0], BACKENDS[-1]])
def test_skewness_and_kurtosis_are_clipped(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # One in n has a skewness of almost sqrt(n).
    frame = pd.DataFrame({"a": np.r_[np.zeros(10_099), 1.0]})
    # The fallbacks' spectrum of such windows takes most of the time, and is not asked for.
    monkeypatch.setattr(ff, "_band_energy", lambda *_: 0.0)
    with serving(backend):
        last = ff.compute_basic_features(frame, 10_100).iloc[-1]
    assert last["a_skew"] == 100.0
    assert last["a_kurt"] == 1000.0
    assert last["a_rz"] == 100.0


@pytest.mark.parametrize("backend", BACKENDS)
def test_missing_values_are_filled_first(backend: str) -> None:
    holes = pd.DataFrame(
        {"a": [1.0, np.nan, 5.0, np.inf, 2.0, 2.5], "b": [-np.inf] * 6, "c": [4.0, 1.0, 2.0, 9.0, 7.0, 1.5]}
    )
    own = pd.DataFrame({"a": [1.0, 2.25, 5.0, 2.25, 2.0, 2.5], "b": [0.0] * 6, "c": holes["c"]})
    given = own.assign(a=[1.0, 3.5, 5.0, 3.5, 2.0, 2.5], b=[-1.0] * 6)
    untouched = holes.copy()
    with serving(backend):
        pd.testing.assert_frame_equal(ff.compute_basic_features(holes), ff.compute_basic_features(own))
        want = ff.compute_basic_features(given)
        for fill in ({"a": 3.5, "b": -1, "c": 80.0, "x": 1.0}, pd.Series({"b": -1.0, "a": 3.5})):
            pd.testing.assert_frame_equal(ff.compute_basic_features(holes, fill_values=fill), want)
        # A fill value that is itself missing is none.
        for nothing in ({}, {"a": np.nan}, {"a": None, "b": pd.NA}, {"a": np.inf}, pd.Series({"a": np.nan})):
            got = ff.compute_basic_features(holes, fill_values=nothing)
            pd.testing.assert_frame_equal(got, ff.compute_basic_features(own))
        polars_holes = pl.from_pandas(holes)
        pd.testing.assert_frame_equal(ff.compute_basic_features(polars_holes, fill_values={"a": 3.5, "b": -1}), want)
        out = ff.compute_basic_features_pl(polars_holes, fill_values={"a": 3.5, "b": -1})
        np.testing.assert_array_equal(out.to_numpy(), want.to_numpy())
        assert out.null_count().sum_horizontal().item() == 0
    pd.testing.assert_frame_equal(holes, untouched)


@pytest.mark.parametrize("backend", BACKENDS)
def test_medians_of_huge_values_fill_too(backend: str) -> None:
    frame = pd.DataFrame({"a": [1.7e308, 1.7e308, np.nan, 1.7e308, 1.7e308]})
    with serving(backend):
        out = ff.compute_basic_features(frame, 1)
    assert (out["a_med"] == 1.7e308).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_fill_values_that_are_refused(backend: str) -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan]})
    with serving(backend):
        for wrong in (3.0, [1.0], "a"):
            with pytest.raises(TypeError, match="fill_values must map column names to numbers"):
                ff.compute_basic_features(frame, fill_values=wrong)
        for value in ("much", [1.0], pd.Timestamp("2012-05-21")):
            with pytest.raises(TypeError, match=r"fill_values\['a'\] must be a number"):
                ff.compute_basic_features(frame, fill_values={"a": value})


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_frame_without_a_copy_can_be_written_to(backend: str) -> None:
    frame = fan(rows=50, sensors=3)
    with serving(backend):
        out = ff.compute_basic_features(frame, 5)
    assert out.to_numpy().flags.f_contiguous
    out.iloc[0, 0] = -5.0
    out["new"] = 1.0
    assert out.iloc[0, 0] == -5.0
    assert (frame.to_numpy() != -5.0).all()


def test_rust_is_called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call fills one array, and the frame is built on that array."""

    class Recorder:
        calls: list[tuple[Any, ...]] = []  # noqa: RUF012

        def feature_matrix(self, x: Any, window: int, *, fill: Any) -> Any:
            self.result = np.asfortranarray(np.arange(11.0 * x.size).reshape(len(x), -1))
            self.calls.append((x, window, fill))
            return self.result

    recorder = Recorder()
    monkeypatch.setattr(ff, "_rs", recorder)
    frame = fan(rows=20, sensors=2)
    with serving("rust"):
        out = ff.compute_basic_features(frame, 4, fill_values={frame.columns[1]: 2.0})
    ((x, window, fill),) = recorder.calls
    assert np.shares_memory(x, frame.to_numpy())
    assert x.flags.f_contiguous
    assert window == 4
    # Always said, for both columns: whether gaps are filled is not left to the engine.
    np.testing.assert_array_equal(fill, [0.0, 2.0])
    assert np.shares_memory(out.to_numpy(), recorder.result)
