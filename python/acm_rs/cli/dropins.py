"""Drop-ins for ACM: ``acm-rs dropins install FOLDER``, and the way back."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

import acm_rs
from acm_rs.cli import options
from acm_rs.cli.console import console, facts, show
from acm_rs.cli.summary import print_json
from acm_rs.files.errors import Refusal

__all__ = ["Installed", "add_dropins", "install", "undo"]

_BACKUP = ".before-acm-rs"
_RECORD = "acm-rs-dropins.json"

# Seconds that an import of ACM's folder may take.
_PATIENCE = 60.0

_INSTALL = """Put the drop-ins into a checkout of ACM, whose own files are kept beside them; or take them out again.

FOLDER is the checkout, or its folder core. Each file is self-contained and takes the place of ACM's file of that name
(regime_clustering.py is new). ACM's file is kept as core/NAME.before-acm-rs, and --undo puts it back. Which backend
serves each file in this Python is printed: rust is acm_rs.

Before ACM is updated, take them out; put them in again after. Where a newer ACM has overwritten a drop-in already,
--force takes the file that is there for ACM's own, and keeps the older one too, as core/NAME.before-acm-rs.1.

Examples:

  acm-rs dropins install ../ACM

  acm-rs dropins install ../ACM --only omr.py --only drift.py

  acm-rs dropins install ../ACM --undo

  acm-rs dropins install ../ACM --force
"""

# The answer has a file of its own: ACM's modules print too, and dress up what others print. Their threads are left
# alone.
_WHICH = """
import importlib, json, os, pathlib, sys
answer, folder, *names = sys.argv[1:]
sys.path.insert(0, folder)
backends = {name: importlib.import_module("core." + name[:-3]).BACKEND for name in names}
pathlib.Path(answer).write_text(json.dumps(backends), "utf-8")
os._exit(0)
"""


@dataclass(frozen=True)
class Installed:
    """What was done to a checkout.

    Parameters
    ----------
    core : Path
        The folder.
    done : dict of str to str
        What became of each file.
    backends : dict of str to str
        Which backend serves each drop-in; empty after an undo, or where they cannot be imported.
    fault : str
        Why they cannot be imported.
    """

    core: Path
    done: dict[str, str]
    backends: dict[str, str]
    fault: str = ""


def _carried() -> dict[str, bytes]:
    """The drop-ins that the wheel carries, or, in a source tree, those of its folder ``core``."""
    package = Path(acm_rs.__file__).parent
    data, tree = package / "dropins", package.parents[1] / "core"
    if data.is_dir():
        return {path.name.removesuffix(".txt"): path.read_bytes() for path in sorted(data.glob("*.py.txt"))}
    if (package.parents[1] / "pyproject.toml").is_file() and tree.is_dir():
        return {path.name: path.read_bytes() for path in sorted(tree.glob("*.py")) if path.name != "__init__.py"}
    raise Refusal("this installation of acm_rs carries no drop-ins: install a wheel of it")


def _core(folder: Path, names: set[str]) -> Path:
    for core in (folder / "core", folder):
        if core.name == "core" and any((core / name).is_file() for name in names):
            return core
    raise Refusal(f"{folder} is no checkout of ACM: it has no folder core with files such as core/fast_features.py")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class _Record:
    """The files that were installed before, with their digests, and those of them that ACM had none of."""

    files: dict[str, str]
    new: set[str]

    @classmethod
    def read(cls, core: Path) -> _Record:
        path = core / _RECORD
        if not path.is_file():
            return cls({}, set())
        try:
            said = json.loads(path.read_text("utf-8"))
            files = {str(name): str(digest) for name, digest in said["files"].items()}
            return cls(files, {str(name) for name in said["new"]})
        except (ValueError, KeyError, AttributeError, TypeError):
            raise Refusal(f"{path} is damaged: put it aside, and ACM's files back by hand (*{_BACKUP})") from None

    def keep(self, core: Path) -> None:
        if self.files:
            said = {"acm_rs": acm_rs.__version__, "files": dict(sorted(self.files.items())), "new": sorted(self.new)}
            _write(core / _RECORD, (json.dumps(said, indent=2) + "\n").encode())
        else:
            (core / _RECORD).unlink(missing_ok=True)


@dataclass
class _State:
    """What lies in the folder of one drop-in."""

    path: Path
    recorded: str | None

    def __post_init__(self) -> None:
        self.backup = self.path.with_name(self.path.name + _BACKUP)
        self.now = self.path.read_bytes() if self.path.is_file() else None
        self.theirs = self.backup.read_bytes() if self.backup.is_file() else None

    @property
    def changed(self) -> bool:
        """Whether a file is there that is neither what was installed nor ACM's."""
        return self.now is not None and self.now != self.theirs and _digest(self.now) != self.recorded

    def put_aside(self) -> Path | None:
        """Give the backup another name, under which it stays."""
        if self.theirs is None:
            return None
        names = (self.backup.with_name(f"{self.backup.name}.{k}") for k in itertools.count(1))
        aside = next(path for path in names if not path.exists())
        self.backup.rename(aside)
        self.theirs = None
        return aside


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".acm-rs-new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _backends(core: Path, names: list[str]) -> tuple[dict[str, str], str]:
    # Files, not pipes: whatever ACM's import leaves running would hold a pipe open.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as complaints:
        answer = Path(folder) / "backends.json"
        try:
            done = subprocess.run(
                [sys.executable, "-B", "-c", _WHICH, str(answer), str(core.parent.resolve()), *names],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                timeout=_PATIENCE,
                check=False,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )
        except subprocess.TimeoutExpired:
            return {}, f"no answer in {_PATIENCE:g} seconds"
        if answer.is_file():
            backends: dict[str, str] = json.loads(answer.read_text("utf-8"))
            return backends, ""
        complaints.seek(0)
        lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
    return {}, (lines or [f"no reason given, exit status {done.returncode}"])[-1]


def _served(action: str, error: OSError) -> Refusal:
    return Refusal(f"cannot {action} {error.filename}: {error.strerror}")


def _paths(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))


def _put(state: _State, content: bytes, record: _Record, core: Path) -> str:
    """Install one file, and say what became of it."""
    name, ours = state.path.name, state.now == content
    if ours and state.recorded is None and state.theirs is None:
        return "is there already, as ACM's own"
    again = state.recorded is not None
    aside = None
    if not ours and (state.changed if again else state.now is not None):
        aside = state.put_aside()
        _write(state.backup, state.now or b"")
        record.new.discard(name)
    elif not again and state.now is None:
        aside = state.put_aside()
        record.new.add(name)
    record.files[name] = _digest(content)
    record.keep(core)
    _write(state.path, content)
    kept = f"ACM's is kept as {state.backup.name}" if state.backup.is_file() else "new"
    older = f", the one before as {aside.name}" if aside else ""
    return f"{'renewed' if again else 'installed'}, {kept}{older}"


def install(folder: Path, only: list[str], force: bool = False) -> Installed:
    """Put the drop-ins, or some of them, into a checkout.

    Parameters
    ----------
    folder : Path
        The checkout, or its folder ``core``.
    only : list of str
        Names of files; all where there are none.
    force : bool, default False
        Whether a file that was changed since it was installed is taken for ACM's own. Nothing is lost: it becomes the
        backup, and the backup that was there gets a number.

    Returns
    -------
    Installed

    Raises
    ------
    Refusal
        The folder is no checkout, a name is none, a drop-in was changed there, or a file cannot be written. Then
        nothing was changed but what the last of these had done.
    """
    carried = _carried()
    unknown = [name for name in only if name not in carried]
    if unknown:
        raise Refusal(f"no drop-in is called {unknown[0]}; there are {', '.join(carried)}", status=2)
    core = _core(folder, set(carried))
    record = _Record.read(core)
    chosen = {name: content for name, content in carried.items() if not only or name in only}
    states = {name: _State(core / name, record.files.get(name)) for name in chosen}
    open_cases = {name: state for name, state in states.items() if not force and state.now != chosen[name]}
    changed = [state.path for state in open_cases.values() if state.recorded is not None and state.changed]
    if changed:
        raise Refusal(
            f"changed since the drop-ins were installed: {_paths(changed)}; if by a newer ACM, --force takes what is "
            "there for ACM's own; if by hand, put it aside first"
        )
    backups = [state.backup for state in open_cases.values() if state.recorded is None and state.theirs is not None]
    if backups:
        raise Refusal(
            f"there is no record of how this got here: {_paths(backups)}; put it aside first, or --force, which "
            f"keeps it as {backups[0].name}.1"
        )
    done = {}
    try:
        for name, state in states.items():
            done[name] = _put(state, chosen[name], record, core)
    except OSError as error:
        raise _served("write", error) from None
    backends, fault = _backends(core, list(chosen))
    return Installed(core, done, backends, fault)


def _take_out(state: _State, new: bool) -> str:
    """Put ACM's file back, and say what became of it."""
    if state.changed:
        aside = state.put_aside()
        return "was changed since: left as it is" + (f", ACM's earlier one is kept as {aside.name}" if aside else "")
    if state.theirs is not None:
        state.backup.replace(state.path)
        return "ACM's is back"
    if new:
        state.path.unlink(missing_ok=True)
        return "removed: ACM had none"
    return f"left as it is: {state.backup.name} is gone, ACM's is to be had by git checkout"


def undo(folder: Path, only: list[str]) -> Installed:
    """Take the drop-ins out again and put ACM's files back.

    A file that was changed since, by hand or by a newer ACM, stays as it is, and the backup gets a number.

    Parameters
    ----------
    folder : Path
        The checkout, or its folder ``core``.
    only : list of str
        Names of files; all where there are none.

    Returns
    -------
    Installed

    Raises
    ------
    Refusal
        Nothing was installed there, or a file cannot be written.
    """
    core = next((c for c in (folder / "core", folder) if (c / _RECORD).is_file()), None)
    if core is None:
        raise Refusal(f"no drop-ins were installed in {folder}: it has no core/{_RECORD}")
    record = _Record.read(core)
    absent = [name for name in only if name not in record.files]
    if absent:
        raise Refusal(f"{absent[0]} was not installed in {core}; there are {', '.join(record.files)}", status=2)
    done = {}
    try:
        for name in dict.fromkeys(only or list(record.files)):
            done[name] = _take_out(_State(core / name, record.files[name]), name in record.new)
            record.files.pop(name)
            record.new.discard(name)
            record.keep(core)
    except OSError as error:
        raise _served("put back", error) from None
    return Installed(core, done, {})


def _print(result: Installed, screen: Console) -> None:
    rows = [
        (f"core/{name}", f"{what}; served by {result.backends[name]}" if name in result.backends else what)
        for name, what in result.done.items()
    ]
    show(screen, facts(rows))
    if result.fault:
        screen.print(f"which backend serves cannot be told in this Python: {result.fault}", soft_wrap=True)


def _install(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", readable=False, help="A checkout of ACM.", show_default=False)
    ],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="This file alone; may be repeated.", show_default="all files"),
    ] = None,
    back: Annotated[bool, typer.Option("--undo", help="Take them out again and put ACM's files back.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take files that were changed since for ACM's own; nothing is lost.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    if back and force:
        raise Refusal("--force is for installing; --undo leaves a changed file as it is", status=2)
    result = undo(folder, only or []) if back else install(folder, only or [], force)
    if as_json:
        said: dict[str, Any] = {"folder": str(result.core), "files": result.done, "backends": result.backends}
        print_json({**said, "fault": result.fault or None})
    else:
        _print(result, console())


def _overview() -> None:
    """Drop-ins for ACM, files that take the place of its own."""


def add_dropins(app: typer.Typer) -> None:
    """Add ``dropins`` to the program.

    Parameters
    ----------
    app : typer.Typer
        The program.
    """
    group = typer.Typer(add_completion=False, rich_markup_mode=app.rich_markup_mode, no_args_is_help=True)
    group.callback()(_overview)
    group.command("install", help=_INSTALL, short_help="Put them into a checkout of ACM, or out of it.")(_install)
    app.add_typer(
        group,
        name="dropins",
        short_help="Files that take the place of ACM's own.",
        help="Files that take the place of ACM's own: put them into a checkout.",
    )
