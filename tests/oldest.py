"""The Python tests with the oldest of everything that pyproject.toml allows: ``python tests/oldest.py``.

``uv`` finds the oldest versions and puts them into ``.venv-oldest``. ``--engine`` takes the compiled module beside
``python/acm_rs`` instead of compiling it there. What else is given goes to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOLD = ("numpy", "narwhals", "pandas", "polars", "pyarrow", "scikit-learn", "scipy", "dask", "sqlalchemy")


def main() -> int:
    """Run from the command line."""
    engine = "--engine" in sys.argv
    given = [argument for argument in sys.argv[1:] if argument != "--engine"]
    place = ROOT / ".venv-oldest"
    inner = place / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]

    def run(*command: str | Path) -> str:
        return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout

    run(sys.executable, "-m", "pip", "install", "--quiet", "uv")
    run(*uv, "venv", "--quiet", "--clear", "--python", sys.executable, place)
    oldest = ("--resolution", "lowest-direct", "--only-binary", ":all:", "--no-binary", "acm-rs")
    if engine:
        wanted = run(*uv, "pip", "compile", "--quiet", *oldest, "--python", inner, "--extra", "test", "pyproject.toml")
        (place / "wanted.txt").write_text(wanted, encoding="utf-8")
        run(*uv, "pip", "install", "--quiet", "--python", inner, "--requirement", place / "wanted.txt")
    else:
        run(*uv, "pip", "install", "--quiet", "--python", inner, *oldest, ".[test]")
    listed = run(*uv, "pip", "list", "--quiet", "--python", inner, "--format", "freeze").split()
    environment = {**os.environ, "PATH": f"{inner.parent}{os.pathsep}{os.environ['PATH']}"}
    if engine:
        environment["PYTHONPATH"] = os.pathsep.join((str(ROOT / "python"), str(ROOT)))
    # Old packages warn beside new ones; and the sine of another NumPy makes other inputs, in their last bit.
    quiet = ("-W", "ignore::DeprecationWarning", "--deselect", "tests/test_documents.py::test_the_evidence_still_holds")
    tests = [inner, "-m", "pytest", "-q", "-rfE", "--numprocesses=auto", "--dist=worksteal", *quiet, *given]
    done = subprocess.run(tests, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout[-8000:] if done.returncode else "")
    summary = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "no tests ran"
    versions = [one.replace("==", " ") for one in listed if one.split("==")[0] in TOLD]
    print(f"{summary.split(' in ')[0].strip('= ')}; {', '.join(versions)}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
