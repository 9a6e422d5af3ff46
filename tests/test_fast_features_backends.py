"""Which backend serves: what is installed, what is asked for, what is said. Mostly in fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frames import available, fan, serving

from core import fast_features as ff

ROOT = Path(ff.__file__).resolve().parents[1]

# `import x` fails for a name that maps to None.
BLOCK = "import sys; sys.modules.update(dict.fromkeys({names!r}))\n"
USE = """
import logging
logging.basicConfig(format="%(levelname)s %(name)s %(message)s", stream=sys.stdout)
import numpy as np, pandas as pd
from core import fast_features as ff
frame = pd.DataFrame({"a": np.arange(50.0) ** 1.5, "b": np.cos(np.arange(50.0))})
frame.iloc[7, 0] = np.nan
print("backend", ff.BACKEND)
for _ in range(2):
    ff.rolling_median(frame, 5)
    print("sum", repr(float(ff.compute_basic_features(frame, 5).to_numpy().sum())))
"""


def python(code: str, backend: str | None = None, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "ACM_BACKEND"}
    if backend is not None:
        env["ACM_BACKEND"] = backend
    env["PYTHONPATH"] = os.pathsep.join([str(path or ""), str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120, check=False)


def lines(code: str, backend: str | None = None, path: Path | None = None) -> list[str]:
    done = python(code, backend, path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("blocked", "backend"),
    [(("acm_rs",), "polars" if ff._pl is not None else "pandas"), (("acm_rs", "polars"), "pandas")],
)
def test_without_a_package_the_next_one_serves_and_says_so_once(blocked: tuple[str, ...], backend: str) -> None:
    out = lines(BLOCK.format(names=blocked) + USE)
    assert out[0] == f"backend {backend}"
    told = [line for line in out if line.startswith("WARNING")]
    reason = "acm_rs is not available (pip install acm-rs)"
    assert told == [f"WARNING core.fast_features {reason}: {backend} computes the features, slower"]
    assert len(out) == 4


def test_all_backends_give_the_same_sum() -> None:
    sums = []
    for backend in available():
        out = lines("import sys\n" + USE, backend)
        assert out[0] == f"backend {backend}"
        # Forced, not fallen back to: nothing to say.
        assert len(out) == 3
        sums.append(float(out[1].removeprefix("sum ")))
    np.testing.assert_allclose(sums, sums[0], rtol=1e-12)


def test_the_fastest_backend_present_is_chosen() -> None:
    assert lines("import sys\n" + USE)[0] == f"backend {available()[0]}"
    assert lines("import sys\n" + USE, "")[0] == f"backend {available()[0]}"


@pytest.mark.parametrize(("name", "install"), [("rust", "pip install acm-rs"), ("polars", "pip install polars")])
def test_a_forced_backend_that_is_absent_raises(name: str, install: str) -> None:
    done = python(BLOCK.format(names=("acm_rs", "polars")) + USE, name)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"RuntimeError: ACM_BACKEND={name} is not available here: {install}"


def test_an_unknown_backend_raises() -> None:
    done = python("import sys\n" + USE, "julia")
    assert done.stderr.splitlines()[-1] == "ValueError: ACM_BACKEND must be rust, polars or pandas, got 'julia'"


def test_choice_of_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ff, "_rs", object())
    monkeypatch.setattr(ff, "_pl", object())
    assert ff._choose_backend(None) == "rust"
    assert [ff._choose_backend(name) for name in ("rust", "polars", "pandas")] == ["rust", "polars", "pandas"]
    monkeypatch.setattr(ff, "_rs", None)
    assert ff._choose_backend("") == "polars"
    monkeypatch.setattr(ff, "_pl", None)
    assert ff._choose_backend(None) == "pandas"
    for name in ("rust", "polars"):
        with pytest.raises(RuntimeError, match=f"ACM_BACKEND={name} is not available here"):
            ff._choose_backend(name)
    with pytest.raises(ValueError, match="got 'julia'"):
        ff._choose_backend("julia")


def test_the_fallback_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    frame = fan(rows=10, sensors=1)
    with serving("pandas"):
        monkeypatch.setattr(ff, "_fallback_told", False)
        ff.rolling_mad(frame, 3)
        ff.rolling_median(frame, 3)
    assert len(caplog.records) == 1
    assert "pandas computes the features" in caplog.records[0].getMessage()


def test_a_folder_of_that_name_is_not_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_folder_of_sources").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert ff._optional("a_folder_of_sources", "feature_matrix") is None
    assert ff._optional("no_such_package_at_all", "feature_matrix") is None
    assert ff._optional("json", "loads") is not None


def test_modules_of_acm_are_used_when_they_import(tmp_path: Path) -> None:
    """ACM's timer wraps the feature set, ACM's console gets the warning."""
    checkout = tmp_path / "checkout"
    (checkout / "core").mkdir(parents=True)
    (checkout / "utils").mkdir()
    (checkout / "core" / "__init__.py").touch()
    (checkout / "utils" / "__init__.py").touch()
    (checkout / "core" / "fast_features.py").write_text(Path(ff.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (checkout / "utils" / "timer.py").write_text(
        "class Timer:\n"
        "    def wrap(self, name):\n"
        "        def decorate(function):\n"
        "            def inner(*args, **keywords):\n"
        "                print('timed', name)\n"
        "                return function(*args, **keywords)\n"
        "            return inner\n"
        "        return decorate\n"
    )
    (checkout / "core" / "observability.py").write_text(
        "class Console:\n"
        "    @staticmethod\n"
        "    def warn(message, **keywords):\n"
        "        print(message, sorted(keywords.items()))\n"
    )
    code = f"""
import sys; sys.path.insert(0, {str(checkout)!r})
import pandas as pd
from core import fast_features as ff
assert ff.__file__.startswith({str(checkout)!r})
frame = pd.DataFrame({{"a": [1.0, 2.0, 3.0]}}, index=[1, 1, 2])
ff.compute_basic_features(frame)
ff.deduplicate_index(frame, "TRAIN", "fan")
"""
    assert lines(code, "pandas") == [
        "timed compute_basic_features",
        "Removing 1 duplicate timestamps from TRAIN data "
        "[('component', 'DATA'), ('dataset', 'TRAIN'), ('duplicates', 1), ('equip', 'fan')]",
    ]


def test_modules_of_acm_that_fail_to_import_are_done_without(tmp_path: Path) -> None:
    for folder in ("core", "utils"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "core" / "fast_features.py").write_text(Path(ff.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "utils" / "timer.py").write_text("raise ValueError('no settings')\n")
    (tmp_path / "core" / "observability.py").write_text("class Console:\n    warn = undefined\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{USE}assert ff.__file__.startswith({str(tmp_path)!r})\n"
    assert len(lines(code, "pandas")) == 3


def test_the_file_works_alone(tmp_path: Path) -> None:
    """Copied into an empty folder, with NumPy and pandas only."""
    (tmp_path / "fast_features.py").write_text(Path(ff.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    block = BLOCK.format(names=("acm_rs", "polars", "core", "utils", "scipy", "pyarrow"))
    code = f"{block}sys.path.insert(0, {str(tmp_path)!r})\nimport logging; logging.disable()\n" + USE.replace(
        "from core import fast_features as ff", "import fast_features as ff"
    )
    assert lines(code)[0] == "backend pandas"


EVERY_NAME = """
labels, sure = np.zeros(50), np.ones(50)
sensors = list(frame.columns)
normalizer = ff.ConfidenceGatedNormalizer().fit_global(frame, sensors).fit_regime(0, frame)
for out in (
    ff.rolling_xcorr(frame, 5, "a"),
    ff.rolling_pairwise_lag(frame, 2),
    ff.batched_pairwise_lag(frame, 2, min_corr=0.5),
    *(ff.build_correlations(frame, method=method) for method in ("pearson", "spearman", "kendall")),
    ff.build_lagged_features(frame, 2),
    *ff.impute_features(frame, frame, 1e-6)[:2],
    normalizer.normalize(frame, labels, sure).z_scores,
    ff.normalize_with_confidence_gating(frame, sensors, labels, sure, frame.mean(), frame.std())[0],
):
    print(*out.shape, repr(float(np.nansum(out.to_numpy()))))
"""


def test_every_function_works_alone_as_it_does_here(tmp_path: Path) -> None:
    (tmp_path / "fast_features.py").write_text(Path(ff.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    block = BLOCK.format(names=("acm_rs", "polars", "core", "utils", "scipy", "pyarrow"))
    code = f"{block}sys.path.insert(0, {str(tmp_path)!r})\nimport logging; logging.disable()\n" + USE + EVERY_NAME
    alone = lines(code.replace("from core import fast_features as ff", "import fast_features as ff"))[3:]
    assert len(alone) == 11
    for backend in available():
        here = lines("import sys\n" + USE + EVERY_NAME, backend)[3:]
        for got, want in zip(here, alone, strict=True):
            np.testing.assert_allclose([*map(float, got.split())], [*map(float, want.split())], rtol=1e-11, atol=1e-10)


def test_an_older_acm_rs_does_not_serve(tmp_path: Path) -> None:
    (tmp_path / "acm_rs.py").write_text("def feature_matrix(): ...\ndef rolling_corr(): ...\n", encoding="utf-8")
    here = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    assert lines(here + USE)[0] == f"backend {'polars' if ff._pl is not None else 'pandas'}"
    done = python(here + USE, "rust")
    assert done.stderr.splitlines()[-1] == "RuntimeError: ACM_BACKEND=rust is not available here: pip install acm-rs"
