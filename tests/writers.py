"""What writes files, when it goes badly: the process is killed, the disk is full, the folder or the file is forbidden.

``python tests/writers.py killed --kills 200`` ends a process that writes with SIGKILL, at any moment: what lies there
must be one of the two whole files that it wrote in turn. ``full`` lets a file grow to so many bytes and no further,
``forbidden`` takes away rights: each must be an OSError, and what was there must stay. Prints the counts; the exit
status is 1 where anything was lost. Unix only.
"""

from __future__ import annotations

import argparse
import atexit
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SEED = 20
PLACES = (0, 1, 7, 8, 9, 100, 511, 512, 513, 1000, 4095, 4096, 4097)
"""Bytes after which the disk is full; beside them tenths of the file."""
FORBIDDEN = ("folder", "new in the folder", "file", "entering", "reading")
NOBODY = 65534


@dataclass(frozen=True)
class Writer:
    """One way to write one of two contents to a path, and to read it."""

    name: str
    ending: str
    write: Callable[[Path, int], object]
    read: Callable[[Path], object]


@cache
def _models() -> tuple[object, object]:
    import acm_rs
    from histories import plant

    return tuple(acm_rs.IsolationForest(200, seed=seed).fit(plant(600, 5)) for seed in (1, 2))


@cache
def _monitors() -> tuple[object, object]:
    import acm_rs
    from plant_fleet import healthy, pump

    return tuple(acm_rs.Monitor().fit(healthy(pump(seed))) for seed in (1, 2))


@cache
def _tables() -> tuple[Path, Path]:
    """Two models' folders with a table to score each."""
    from plant_fleet import later, pump

    folder = tempfile.TemporaryDirectory(prefix="acm-rs-writers-")
    atexit.register(folder.cleanup)
    home = Path(folder.name)
    for number, monitor in enumerate(_monitors()):
        monitor.save(home / f"{number}.acm")
        later(pump(number + 1)).write_csv(home / f"{number}.csv")
    return home / "0", home / "1"


def _scored(path: Path, number: int) -> None:
    from acm_rs.cli import main

    stem = str(_tables()[number])
    os.environ["NO_COLOR"] = "1"
    said = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        status = main(["score", f"{stem}.acm", f"{stem}.csv", "-o", str(path)])
    finally:
        for to, kept in enumerate(said, 1):
            os.dup2(kept, to)
            os.close(kept)
    if status:
        # The command says it in words; here an error is wanted.
        raise OSError(f"{path} cannot be written: status {status}")


def _loaded(kind: str) -> Callable[[Path], object]:
    def load(path: Path) -> object:
        import acm_rs

        return getattr(acm_rs, kind).load(path).to_bytes()

    return load


WRITERS = (
    Writer("save of a model", ".acm", lambda path, which: _models()[which].save(path), _loaded("IsolationForest")),
    Writer("save of a Monitor", ".acm", lambda path, which: _monitors()[which].save(path), _loaded("Monitor")),
    Writer("acm-rs score, CSV", ".csv", _scored, Path.read_bytes),
    Writer("acm-rs score, Parquet", ".parquet", _scored, Path.read_bytes),
)
BY_NAME = {writer.name: writer for writer in WRITERS}


def _whole(writer: Writer, folder: Path) -> tuple[object, object]:
    """What either content is, once it is read."""
    found = []
    for which in (0, 1):
        path = folder / f"whole{which}{writer.ending}"
        writer.write(path, which)
        found.append(writer.read(path))
        path.unlink()
    return found[0], found[1]


# ---- killed ---------------------------------------------------------------------------------------------------------


def _endless(name: str, path: Path) -> None:
    writer = BY_NAME[name]
    for which in (0, 1):
        writer.write(path, which)
    print("writing", flush=True)
    which = 0
    while True:
        writer.write(path, which)
        which = 1 - which


def killed(kills: int) -> Counter[str]:
    """Kill each writer so many times."""
    chance, found = random.Random(SEED), Counter[str]()
    for writer in WRITERS:
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home) / "out"
            folder.mkdir()
            whole, path = _whole(writer, folder), folder / f"out{writer.ending}"
            for _ in range(kills):
                command = [sys.executable, __file__, "--write", writer.name, str(path)]
                # One process for a batch of kills would be quicker, but a killed one writes no more.
                with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
                    assert process.stdout is not None
                    process.stdout.readline()
                    # A moment within one of the next writes.
                    signal.sigtimedwait([], chance.random() * 0.02)
                    process.send_signal(signal.SIGKILL)
                found["kills"] += 1
                try:
                    found["lost"] += writer.read(path) not in whole
                except Exception:
                    traceback.print_exc()
                    found["lost"] += 1
                drafts = [one for one in folder.iterdir() if one != path]
                found["drafts left"] += len(drafts)
                for draft in drafts:
                    draft.unlink()
    return found


# ---- a full disk ----------------------------------------------------------------------------------------------------


def full(few: bool) -> Counter[str]:
    """Let files grow to so many bytes and no further."""
    import resource

    found = Counter[str]()
    for writer in WRITERS:
        with tempfile.TemporaryDirectory() as home:
            folder = Path(home) / "out"
            folder.mkdir()
            path = folder / f"out{writer.ending}"
            writer.write(path, 0)
            before, size = path.read_bytes(), path.stat().st_size
            writer.write(path, 1)
            size = min(size, path.stat().st_size)
            writer.write(path, 0)
            limits = {limit for limit in PLACES if limit < size} | {size * tenth // 10 for tenth in range(10)}
            for limit in sorted(limits)[:: 4 if few else 1]:
                found["writes"] += 1
                own = resource.getrlimit(resource.RLIMIT_FSIZE)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, own[1]))
                try:
                    writer.write(path, 1)
                    found["not refused"] += 1
                except OSError:
                    pass
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, own)
                found["lost"] += path.read_bytes() != before
                found["drafts left"] += len(list(folder.iterdir())) - 1
    return found


# ---- what is forbidden ----------------------------------------------------------------------------------------------


def forbidden() -> Counter[str]:
    """Take away the right to write a file, to write in its folder, to enter the folder, to read the file.

    Nothing is forbidden to root: its rights are given up for good.
    """
    found = Counter[str]()
    with tempfile.TemporaryDirectory() as home:
        laid = []
        for number, writer in enumerate(WRITERS):
            for what in FORBIDDEN:
                folder = Path(home) / f"{number} {what}"
                folder.mkdir()
                path = folder / f"out{writer.ending}"
                writer.write(path, 0)
                laid.append((writer, what, path, path.read_bytes()))
        own = os.geteuid()
        if own == 0:
            for one in (Path(home), _tables()[0].parent, *Path(home).rglob("*"), *_tables()[0].parent.iterdir()):
                shutil.chown(one, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        for writer, what, path, before in laid:
            aim = path.with_stem("new") if what == "new in the folder" else path
            path.chmod({"file": 0o444, "reading": 0o000}.get(what, 0o644))
            path.parent.chmod({"folder": 0o555, "new in the folder": 0o555, "entering": 0o000}.get(what, 0o755))
            found["tries"] += 1
            try:
                writer.read(aim) if what == "reading" else writer.write(aim, 1)
                found["not refused"] += 1
            except OSError as error:
                if aim.name not in str(error):
                    found["unnamed"] += 1
                    print(f"{writer.name}, {what}: {error!r}", file=sys.stderr)
            finally:
                path.parent.chmod(0o755)
                path.chmod(0o644)
            found["lost"] += path.read_bytes() != before
            found["drafts left"] += len(list(path.parent.iterdir())) - 1
        os.seteuid(own)
    return found


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("killed", "full", "forbidden"))
    parser.add_argument("--kills", type=int, default=50, help="of each writer")
    parser.add_argument("--few", action="store_true")
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        _endless(asked.write[0], Path(asked.write[1]))
    _tables()
    found = killed(asked.kills) if asked.what == "killed" else full(asked.few) if asked.what == "full" else forbidden()
    shutil.rmtree(_tables()[0].parent)
    bad = [name for name in ("lost", "not refused", "unnamed") if found[name]]
    bad += ["drafts left"] if asked.what != "killed" and found["drafts left"] else []
    print(f"{len(WRITERS)} writers: " + ", ".join(f"{count:,} {name}" for name, count in found.items()))
    return int(bool(bad))


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    sys.exit(main())
