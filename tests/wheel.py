"""The wheel of this machine, built, audited and tried as a new user would: ``python tests/wheel.py``.

It is built with the release profile (``--wheel FILE`` takes one that is), its tag is what ``auditwheel`` finds, and
``abi3audit`` finds nothing in it that an older Python lacks. Then each Python from 3.11 on that is on the PATH, or
given with ``--python``, gets an environment of its own with an empty home and no compiler: the wheel is installed as
a file, ``.github/smoke_test.py`` runs, and ``acm-rs demo`` finds its fault. The list of components that it carries
must name every crate that was compiled in, and their licences must lie beside it. ``--source`` also makes the source
distribution and compiles it without a network from the crates that its lock names.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
LICENCES = ROOT / "THIRD-PARTY-LICENSES.txt"
LONGEST = 60.0
"""Seconds from the wheel as a file to the demo's end, those that packages take to come not counted."""
TOOLS = ("auditwheel>=6.4", "abi3audit>=0.0.24", "maturin>=1.12.1,<2")


def run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """What a command writes; its end is ours where it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stdout[-3000:], done.stderr[-3000:], f"failed: {' '.join(map(str, command))}", sep="\n")
        sys.exit(1)
    return done.stdout


class Held:
    """The most memory that all processes begun within held together: several compilers may run at once."""

    def __init__(self) -> None:
        self.most = 0
        self._ended = threading.Event()
        self._looks = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            sizes = []
            for child in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    sizes.append(child.memory_info().rss)
            self.most = max(self.most, sum(sizes))

    def __enter__(self) -> Held:
        self._looks.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._looks.join()


def environment(folder: Path, python: str) -> Path:
    """The Python of a new environment."""
    run(python, "-m", "venv", folder)
    return folder / "bin" / "python"


def pythons() -> list[str]:
    """Each Python from 3.11 on that is on the PATH."""
    found = [shutil.which(f"python3.{minor}") for minor in range(11, 31)]
    good = [path for path in found if path and subprocess.run([path, "-c", ""], capture_output=True).returncode == 0]
    return good or [sys.executable]


def audited(wheel: Path, tools: Path) -> str:
    """The oldest Linux that the wheel runs on."""
    told = " ".join(run(tools.parent / "auditwheel", "show", wheel).split())
    tag = told.split('platform tag: "')[1].split('"')[0]
    if tag not in wheel.name:
        sys.exit(f"the wheel is named {wheel.name}, auditwheel finds {tag}")
    run(tools.parent / "abi3audit", "--strict", wheel)
    return tag


def listed(wheel: Path) -> int:
    """How many crates the wheel's list of components names: all that are compiled in, with their licences beside it."""
    with zipfile.ZipFile(wheel) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".cyclonedx.json"))
        components = json.loads(packed.read(name))["components"]
        licences = [packed.read(one) for one in packed.namelist() if one.endswith(f"/licenses/{LICENCES.name}")]
    if licences != [LICENCES.read_bytes()]:
        sys.exit(f"the wheel does not hold {LICENCES.name} as it is here")
    named = {(one["name"], one["version"]) for one in components}
    tree = run("cargo", "tree", "--locked", "--package", "acm_rs", "--edges", "normal", "--prefix", "none")
    used = {(line.split()[0], line.split()[1].removeprefix("v")) for line in tree.splitlines() if line.strip()}
    # The list describes the first one.
    if missing := sorted(used - named - {next(one for one in used if one[0] == "acm_rs")}):
        sys.exit(f"the wheel's list of components lacks {missing}")
    return len(used) - 1


def tried(wheel: Path, python: str, folder: Path, packages: Path) -> tuple[str, float]:
    """The Python's version, and the seconds from the wheel to the demo's end."""
    home = folder / "home"
    home.mkdir(parents=True)
    # No compiler and no Rust: what is needed comes with the wheel.
    own = {"HOME": str(home), "PATH": "/nowhere", "LANG": "C.UTF-8"}
    inner = environment(folder / "env", python)
    wanted = f"acm-rs[cli,report] @ {wheel.as_uri()}"
    run(inner, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", packages, wanted)
    begun = time.monotonic()
    offline = ("--quiet", "--no-index", "--find-links", packages)
    run(inner, "-m", "pip", "install", *offline, wanted, env=own, cwd=home)
    run(inner, "-I", ROOT / ".github" / "smoke_test.py", env=own, cwd=home)
    told = run(inner.parent / "acm-rs", "demo", env=own, cwd=home)
    took = time.monotonic() - begun
    if "alarm" not in told:
        sys.exit(f"the demo found no alarm:\n{told}")
    return run(inner, "-c", "import platform; print(platform.python_version())").strip(), took


def from_source(folder: Path, tools: Path) -> int:
    """Compile the source distribution without a network; how many crates it takes."""
    run(tools, "-m", "maturin", "sdist", "--out", folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as packed:
        packed.extractall(folder, filter="data")
    tree = next(path for path in folder.iterdir() if path.is_dir())
    vendored = folder / "crates"
    run("cargo", "vendor", "--quiet", "--locked", vendored, cwd=tree)
    (tree / ".cargo").mkdir(exist_ok=True)
    with (tree / ".cargo" / "config.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\n[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "{vendored}"\n')
    # A home without a registry: whatever is not vendored cannot come.
    bare = {**os.environ, "CARGO_HOME": str(folder / "cargo"), "CARGO_NET_OFFLINE": "true"}
    bare["CARGO_TARGET_DIR"] = str(folder / "target")
    run("cargo", "check", "--quiet", "--locked", "--offline", cwd=tree, env=bare)
    return sum(1 for path in vendored.iterdir() if path.is_dir())


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="one that is built already")
    parser.add_argument("--python", nargs="*", help="interpreters instead of those on the PATH")
    parser.add_argument("--source", action="store_true", help="the source distribution too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tools = environment(folder / "tools", sys.executable)
        run(tools, "-m", "pip", "install", "--quiet", *TOOLS)
        wheel, built = asked.wheel and asked.wheel.resolve(), ""
        if wheel is None:
            begun = time.monotonic()
            release = ("--release", "--locked", "--compatibility", "pypi")
            with Held() as held:
                run(tools, "-m", "maturin", "build", *release, "--out", folder / "w")
            wheel = next((folder / "w").glob("*.whl"))
            built = f" built in {time.monotonic() - begun:.0f} s with {held.most / 1e9:.1f} GB at most,"
        tag, size = audited(wheel, tools), wheel.stat().st_size / 1e6
        components = listed(wheel)
        crates = f"; the source compiled offline from {from_source(folder / 's', tools)} crates" if asked.source else ""
        done = [
            tried(wheel, python, folder / f"try{place}", folder / "packages")
            for place, python in enumerate(asked.python or pythons())
        ]
    versions, slowest = ", ".join(version for version, _ in done), max(took for _, took in done)
    good = slowest <= LONGEST
    told = f"{size:.1f} MB,{built} {tag}, abi3 clean, names its {components} crates"
    print(f"{told}; Python {versions}: demo done {slowest:.0f} s after the file{crates}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
