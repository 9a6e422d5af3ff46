"""The full feature set: the drop-in on each of its backends, acm_rs alone, and the best form in Polars and NumPy."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from registry.inputs import Inputs, Matrix
from registry.spectra import bins_of_bands
from registry.timed import available, over_sensors

from benchmarks.environment import ROOT

FILE = ROOT / "core" / "fast_features.py"
BACKENDS = ("rust", "polars", "pandas")
EARLIER_SECONDS = 32.0
"""What ACM's earlier file took for 10,770 x 9 at window 16 on a 2-core machine; it is not timed here."""

TIMES_OVER_EARLIER = 2000.0
TIMES_OVER_POLARS_NUMPY = 20.0
SKEW_CLIP, KURT_CLIP, Z_CLIP = 100.0, 1000.0, 100.0


@dataclass(frozen=True)
class FeatureCall:
    """A way to compute the feature set: a call, and its result as an (n, 11 d) array."""

    name: str
    run: Callable[[], Any]
    output: Callable[[Any], Matrix]


def load_backend(backend: str) -> ModuleType | None:
    """Load ``core/fast_features.py`` as a module of its own that is served by one backend.

    Returns
    -------
    module or None
        None where the file or the backend's package is missing.
    """
    needs = {"rust": "acm_rs", "polars": "polars", "pandas": "pandas"}[backend]
    if not FILE.exists() or not available(needs):
        return None
    name = f"fast_features_{backend}"
    before = os.environ.get("ACM_BACKEND")
    os.environ["ACM_BACKEND"] = backend
    try:
        spec = importlib.util.spec_from_file_location(name, FILE)
        if spec is None or spec.loader is None:
            return None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except (ImportError, RuntimeError):
        # The drop-in refuses a backend that is installed but cannot be used, an unbuilt acm_rs for one.
        del sys.modules[name]
        return None
    finally:
        if before is None:
            del os.environ["ACM_BACKEND"]
        else:
            os.environ["ACM_BACKEND"] = before
    return module


def _leading(x: Matrix, window: int) -> Iterable[tuple[int, Matrix]]:
    """Rows above the first complete window, with the values each of them sees; ``x`` is (d, n)."""
    for row in range(min(window - 1, x.shape[1])):
        yield row, x[:, : row + 1]


def _mad(x: Matrix, window: int, out: Matrix) -> None:
    for row, seen in _leading(x, window):
        out[:, row] = np.median(np.abs(seen - np.median(seen, axis=1, keepdims=True)), axis=1)
    half = window // 2

    def middle(values: Matrix) -> Matrix:
        return values[:, half] if window % 2 else 0.5 * (values[:, half - 1] + values[:, half])

    def work(sensors: Iterable[int]) -> None:
        for sensor in sensors:
            values = np.sort(sliding_window_view(x[sensor], window), axis=1)
            values -= middle(values)[:, None]
            np.abs(values, out=values)
            values.sort(axis=1)
            out[sensor, window - 1 :] = middle(values)

    if x.shape[1] >= window:
        over_sensors(work, x.shape[0])


def _slope(x: Matrix, window: int, out: Matrix) -> None:
    from scipy.ndimage import correlate1d

    for row, seen in _leading(x, window):
        position = np.arange(row + 1) - 0.5 * row
        out[:, row] = (seen - seen[:, :1]) @ position / (np.dot(position, position) or 1.0)
    if x.shape[1] >= window > 1:
        position = np.arange(window) - 0.5 * (window - 1)
        lead = window // 2
        # Off each sensor's level first: the weights sum to zero only up to rounding.
        centred = correlate1d(x - x[:, :1], position / np.dot(position, position), axis=1)
        out[:, window - 1 :] = centred[:, lead : x.shape[1] - (window - 1 - lead)]
    elif window == 1:
        out[:] = 0.0


def _energies(x: Matrix, window: int, out: Matrix) -> None:
    """Fill ``out`` (d, bands, n)."""
    from scipy.fft import rfft

    def bands(spectrum: Any, width: int, target: Matrix) -> None:
        parts = spectrum.view(np.float64)
        for band, (low, high) in enumerate(bins_of_bands(width)):
            part = parts[..., 2 * low : 2 * high]
            np.einsum("ij,ij->i", part, part, out=target[band])

    for row, seen in _leading(x, window):
        if row + 1 < window // 2:
            out[:, :, row] = 0.0
        else:
            block = np.empty((out.shape[1], x.shape[0]))
            bands(rfft(seen - seen.mean(axis=1, keepdims=True), axis=1), row + 1, block)
            out[:, :, row] = block.T

    def work(sensors: Iterable[int]) -> None:
        for sensor in sensors:
            windows = sliding_window_view(x[sensor] - x[sensor, 0], window)
            bands(rfft(windows, axis=1), window, out[sensor, :, window - 1 :])

    if x.shape[1] >= window:
        over_sensors(work, x.shape[0])


def polars_numpy_features(frame: Any, window: int) -> Any:
    """Compute the feature set with Polars where it has a rolling function and NumPy or SciPy where it has none.

    Parameters
    ----------
    frame
        Polars frame of float64 columns; NaN, null and infinity are missing.
    window
        Rows of the window.

    Returns
    -------
    polars.DataFrame
        (n, 11 d), columns in the drop-in's order.
    """
    import polars as pl

    names: Sequence[str] = frame.columns
    value = pl.all()
    finite = pl.when(value.is_finite()).then(value)
    filled = frame.select(finite).with_columns(pl.all().fill_null(pl.all().median()).fill_null(0.0))
    rolled: dict[str, Any] = {"window_size": window, "min_samples": 1}
    table = filled.select(
        pl.all().rolling_median(**rolled).name.suffix("_med"),
        pl.all().rolling_mean(**rolled).name.suffix("_mean"),
        pl.all().rolling_std(**rolled).name.suffix("_std"),
        pl.all().rolling_skew(bias=False, **rolled).clip(-SKEW_CLIP, SKEW_CLIP).name.suffix("_skew"),
        pl.all().rolling_kurtosis(bias=False, **rolled).clip(-KURT_CLIP, KURT_CLIP).name.suffix("_kurt"),
    )
    d, n = len(names), filled.height
    x = np.empty((d, n))
    for i, name in enumerate(names):
        x[i] = filled[name].to_numpy()
    mad, slope, energy = np.empty((d, n)), np.empty((d, n)), np.empty((d, 3, n))
    _mad(x, window, mad)
    _slope(x, window, slope)
    _energies(x, window, energy)
    table = table.with_columns(
        *[pl.Series(f"{name}_mad", mad[i]) for i, name in enumerate(names)],
        *[pl.Series(f"{name}_slope", slope[i]) for i, name in enumerate(names)],
        *[pl.Series(f"{name}_energy_{b}", energy[i, b]) for i, name in enumerate(names) for b in range(3)],
        *[filled[name] for name in names],
    )
    z = [
        ((pl.col(name) - pl.col(f"{name}_med")) / (1.4826 * pl.max_horizontal(f"{name}_mad", 1e-9) + 1e-9))
        .clip(-Z_CLIP, Z_CLIP)
        .alias(f"{name}_rz")
        for name in names
    ]
    order = [f"{name}_{kind}" for kind in ("med", "mad", "mean", "std", "slope", "skew", "kurt") for name in names]
    order += [f"{name}_energy_{band}" for name in names for band in range(3)]
    columns = [pl.col(name) for name in order] + z
    return table.select([pl.when(c.is_finite()).then(c).otherwise(0.0) for c in columns])


def feature_calls(inputs: Inputs, window: int, module: ModuleType | None) -> list[FeatureCall]:
    """Every way that is present, acm_rs' first."""
    calls: list[FeatureCall] = []
    if module is not None and hasattr(module, "feature_matrix"):
        x = inputs.f
        # As the peers do: gaps are filled by medians, and what is not defined is 0.
        calls.append(
            FeatureCall("acm_rs.feature_matrix", lambda: module.feature_matrix(x, window, fill="median"), np.asarray)
        )
    calls += [call for call in (drop_in_call(backend, inputs, window) for backend in BACKENDS) if call is not None]
    if available("polars"):
        frame = inputs.polars
        calls.append(
            FeatureCall("Polars + NumPy", lambda: polars_numpy_features(frame, window), lambda r: r.to_numpy())
        )
    return calls


def drop_in_call(backend: str, inputs: Inputs, window: int) -> FeatureCall | None:
    """Bind the drop-in's ``compute_basic_features`` on one backend, pandas frame in and out."""
    loaded = load_backend(backend)
    if loaded is None:
        return None
    frame = inputs.pandas
    return FeatureCall(
        f"drop-in, {backend}",
        lambda: loaded.compute_basic_features(frame, window=window),
        lambda r: r.to_numpy(),
    )
