"""The three backends say the same, and what they say is what pandas says where pandas is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import BACKENDS, WINDOWS, adversarial, available, fan, serving, statistics

from core import fast_features as ff

PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3


def everything(df: Any, window: int, min_periods: int = 1) -> pd.DataFrame:
    energy = ff.rolling_spectral_energy(df, window, min_periods=min_periods)
    return pd.concat([*statistics(df, window, min_periods), energy], axis=1)


def scale(frame: pd.DataFrame, columns: pd.Index) -> np.ndarray[Any, Any]:
    """Size of each column's values; of their squares for an energy, 1 at least for skewness and kurtosis."""
    sizes = frame.replace([np.inf, -np.inf], np.nan).abs().max().fillna(1.0)
    out = []
    for column in columns:
        name = next(name for name in frame if str(column).startswith(f"{name}_"))
        power = 2 if "_energy_" in column else 0 if column.endswith(("_skew", "_kurt", "_rz")) else 1
        out.append(max(1.0, float(sizes[name])) ** power)
    return np.array(out)


def assert_same(got: pd.DataFrame, want: pd.DataFrame, frame: pd.DataFrame) -> None:
    assert list(got.columns) == list(want.columns)
    pd.testing.assert_index_equal(got.index, want.index)
    pd.testing.assert_frame_equal(got.isna(), want.isna())
    error = (got - want).abs() / np.maximum(want.abs(), scale(frame, want.columns))
    assert (error.fillna(0.0) <= 1e-12).all().all(), error.max().sort_values().tail(5)


@pytest.mark.parametrize("min_periods", [0, 1, 3])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("backend", BACKENDS[:-1])
def test_backends_agree_on_adversarial_frames(backend: str, window: int, min_periods: int) -> None:
    frame, least = adversarial(), min(min_periods, window)
    with serving("pandas"):
        want = everything(frame, window, least)
    with serving(backend):
        got = everything(frame, window, least)
    assert_same(got, want, frame)


@pytest.mark.parametrize("missing", [0.0, 0.05])
@pytest.mark.parametrize("window", [3, 16, 100])
@pytest.mark.parametrize("backend", BACKENDS[:-1])
def test_backends_agree_on_a_plant_history(backend: str, window: int, missing: float) -> None:
    frame = fan(missing=missing)
    with serving("pandas"):
        want, features = everything(frame, window), ff.compute_basic_features(frame, window)
    with serving(backend):
        assert_same(everything(frame, window), want, frame)
        assert_same(ff.compute_basic_features(frame, window), features, frame)


@pytest.mark.parametrize("window", [1, 3, 16, 400])
@pytest.mark.parametrize("backend", BACKENDS[:-1])
def test_backends_agree_on_the_feature_set_of_adversarial_frames(backend: str, window: int) -> None:
    frame = adversarial()
    with serving("pandas"):
        want = ff.compute_basic_features(frame, window)
    with serving(backend):
        assert_same(ff.compute_basic_features(frame, window), want, frame)


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_row_and_few_rows(backend: str, rows: int) -> None:
    frame = adversarial().iloc[:rows]
    with serving(backend):
        out = everything(frame, 3)
        features = ff.compute_basic_features(frame, 3)
    with serving("pandas"):
        assert_same(out, everything(frame, 3), frame)
    # window // 2 is 1, so only the frame without rows is too short for energies.
    assert out.shape == (rows, 12 * (10 if rows else 7))
    assert features.shape == (rows, 12 * 11)
    assert (features.dtypes == np.float64).all()
    pd.testing.assert_index_equal(features.index, frame.index)


@pytest.mark.parametrize("min_periods", [1, 5])
@pytest.mark.parametrize("window", [5, 20])
@pytest.mark.parametrize("backend", BACKENDS)
def test_pandas_own_rolling_on_benign_data(backend: str, window: int, min_periods: int) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(200, 3))
    values[rng.random(values.shape) < 0.1] = np.nan
    values[17, 1] = np.inf
    frame = pd.DataFrame(values, columns=list("abc"))
    rolling = frame.replace(np.inf, np.nan).rolling(window, min_periods=min_periods)
    with serving(backend):
        median, mad, mean_std, slope, skew_kurt = statistics(frame, window, min_periods)

    def deviation(x: np.ndarray[Any, Any]) -> float:
        return float(np.nanmedian(np.abs(x - np.nanmedian(x))))

    def line(x: np.ndarray[Any, Any]) -> float:
        known = np.flatnonzero(np.isfinite(x))
        return float(np.polyfit(known, x[known], 1)[0]) if len(known) > 1 else 0.0

    peers = {
        "_med": (median, rolling.median()),
        "_mad": (mad, rolling.apply(deviation, raw=True)),
        "_mean": (mean_std.iloc[:, :3], rolling.mean()),
        "_std": (mean_std.iloc[:, 3:], rolling.std()),
        "_slope": (slope, rolling.apply(line, raw=True)),
        "_skew": (skew_kurt.iloc[:, :3], rolling.skew()),
        "_kurt": (skew_kurt.iloc[:, 3:], rolling.kurt()),
    }
    for suffix, (got, want) in peers.items():
        assert list(got.columns) == [f"{name}{suffix}" for name in frame]
        np.testing.assert_allclose(got.to_numpy(), want.to_numpy(), rtol=1e-10, atol=1e-10, err_msg=suffix)


@pytest.mark.skipif(not PANDAS_3, reason="before pandas 3, constant windows had a skewness of 0 and a kurtosis of -3")
@pytest.mark.parametrize("backend", BACKENDS)
def test_pandas_own_missing_values_on_hard_data(backend: str) -> None:
    frame = adversarial()
    rolling = frame.rolling(5, min_periods=2)
    with serving(backend):
        median, _, mean_std, _, skew_kurt = statistics(frame, 5, 2)
    columns = frame.shape[1]
    for got, want in (
        (median, rolling.median()),
        (mean_std.iloc[:, :columns], rolling.mean()),
        (mean_std.iloc[:, columns:], rolling.std()),
        (skew_kurt.iloc[:, :columns], rolling.skew()),
        (skew_kurt.iloc[:, columns:], rolling.kurt()),
    ):
        np.testing.assert_array_equal(got.isna().to_numpy(), want.isna().to_numpy())


@pytest.mark.parametrize("window", [1, 3, 16, 120])
@pytest.mark.parametrize("backend", BACKENDS)
def test_goertzel_changes_the_algorithm_and_not_the_value(backend: str, window: int) -> None:
    frame = adversarial()
    with serving(backend):
        fft = ff.rolling_spectral_energy(frame, window, method="fft")
        goertzel = ff.rolling_spectral_energy(frame, window, method="goertzel")
        pd.testing.assert_frame_equal(ff.rolling_spectral_energy(frame, window), fft, check_exact=True)
    assert_same(goertzel, fft, frame)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_order_of_memory_and_the_cut_do_not_matter(backend: str) -> None:
    """One window, one answer: the rows of a long history equal those of its parts with a halo."""
    frame, window, cut = fan(rows=300), 16, 137
    with serving(backend):
        whole = everything(frame, window)
        rowwise = everything(
            pd.DataFrame(np.ascontiguousarray(frame), index=frame.index, columns=frame.columns), window
        )
        part = everything(frame.iloc[cut - window + 1 :], window).iloc[window - 1 :]
    pd.testing.assert_frame_equal(rowwise, whole, check_exact=True)
    # The merged kernels of the Rust backend need the absolute row to keep the last bit; frames do not carry it.
    assert_same(part, whole.iloc[cut:], frame)


def test_available_backends_are_the_parametrised_ones() -> None:
    assert available()[-1] == "pandas"
    assert ff.BACKEND in available()


@pytest.mark.parametrize("window", [7, 300])
def test_small_pieces_of_work_give_the_same_numbers(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on scratch memory cuts long and wide frames; here it cuts everywhere."""
    # One cell at a time takes long; a short window has all of its beginnings and changes in few rows.
    rows = 130 if window < 10 else 400
    index = fan(rows).index
    frame = pd.concat([fan(rows, sensors=3, missing=0.05), adversarial(rows).set_index(index)], axis=1)
    with serving("pandas"):
        want = everything(frame, window)
        for cells in (1, 50, 701):
            monkeypatch.setattr(ff, "_CELLS", cells)
            if cells > 1 or window < 10:
                pd.testing.assert_frame_equal(everything(frame, window), want, check_exact=True)
