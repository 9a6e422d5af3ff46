"""Does an installed wheel compute? Needs NumPy alone, so that it runs wherever a wheel is built."""

import sys
from pathlib import Path

import acm_rs
import numpy as np

rng = np.random.default_rng(7)
x = np.asfortranarray(rng.normal(1500.0, 5.0, (2000, 9)))
x[rng.random(x.shape) < 0.05] = np.nan

windows = np.lib.stride_tricks.sliding_window_view(x, 16, axis=0)
np.testing.assert_array_equal(acm_rs.rolling_median(x, 16)[15:], np.nanmedian(windows, axis=-1))
np.testing.assert_allclose(acm_rs.rolling_std(x, 16)[15:], np.nanstd(windows, axis=-1, ddof=1), rtol=1e-11)

features = acm_rs.feature_matrix(x, 16, fill="median")
assert features.shape == (2000, len(acm_rs.feature_names([f"s{i}" for i in range(9)])))
assert np.isfinite(features).all()

# The drop-ins for ACM lie in the wheel as data, and can be compiled.
folder = Path(acm_rs.__file__).parent / "dropins"
names = ("ar1_detector", "correlation", "drift", "fast_features", "omr", "outliers", "regime_clustering")
assert {path.name for path in folder.iterdir()} == {f"{name}.py.txt" for name in names}, folder
for name in names:
    compile((folder / f"{name}.py.txt").read_text("utf-8"), name, "exec")

free_threaded = not getattr(sys, "_is_gil_enabled", lambda: True)()
print(f"acm_rs {acm_rs.__version__} works: Python {sys.version.split()[0]}, free-threaded: {free_threaded}")
