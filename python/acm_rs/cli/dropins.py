"""Drop-ins for ACM: ``acm-rs dropins install FOLDER``, and the way back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
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

_INSTALL = """Put the drop-ins into a checkout of ACM, whose own files are kept beside them; or take them out again.

FOLDER is the checkout, or its folder core. Each file is self-contained and takes the place of ACM's file of that name
(regime_clustering.py is new). ACM's file is kept as core/NAME.before-acm-rs, and --undo puts it back. Which backend
serves each file in this Python is printed: rust is acm_rs.

Examples:

  acm-rs dropins install ../ACM

  acm-rs dropins install ../ACM --only omr.py --only drift.py

  acm-rs dropins install ../ACM --undo
"""

_MARK = "backends:"
_WHICH = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
print("backends:" + json.dumps({name: importlib.import_module("core." + name[:-3]).BACKEND for name in sys.argv[2:]}))
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


def _record(core: Path) -> dict[str, str]:
    """The files that were installed before, with their digests."""
    path = core / _RECORD
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text("utf-8"))["files"]
        return {str(name): str(digest) for name, digest in said.items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        raise Refusal(f"{path} is damaged: put it aside, and ACM's files back by hand (*{_BACKUP})") from None


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _keep_record(core: Path, files: dict[str, str]) -> None:
    if files:
        said = {"acm_rs": acm_rs.__version__, "files": dict(sorted(files.items()))}
        _write(core / _RECORD, (json.dumps(said, indent=2) + "\n").encode())
    else:
        (core / _RECORD).unlink(missing_ok=True)


def _backends(core: Path, names: list[str]) -> tuple[dict[str, str], str]:
    command = [sys.executable, "-c", _WHICH, str(core.parent.resolve()), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    # ACM's own modules print too, at their import and at the end.
    said = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    backends: dict[str, str] = json.loads(said[-1].removeprefix(_MARK)) if said else {}
    return backends, "" if said else "no answer"


def _served(action: str, error: OSError) -> Refusal:
    return Refusal(f"cannot {action} {error.filename}: {error.strerror}")


def install(folder: Path, only: list[str]) -> Installed:
    """Put the drop-ins, or some of them, into a checkout.

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
        The folder is no checkout, a name is none, a drop-in was edited there, or a file cannot be written. Then nothing
        was changed but what the last of these had done.
    """
    carried = _carried()
    unknown = [name for name in only if name not in carried]
    if unknown:
        raise Refusal(f"no drop-in is called {unknown[0]}; there are {', '.join(carried)}", status=2)
    core = _core(folder, set(carried))
    before = _record(core)
    chosen = {name: content for name, content in carried.items() if not only or name in only}
    for name in chosen:
        path, backup = core / name, core / (name + _BACKUP)
        now = path.read_bytes() if path.is_file() else None
        theirs = backup.read_bytes() if backup.is_file() else None
        if name in before and now is not None and _digest(now) != before[name] and now != theirs:
            raise Refusal(f"{path} was edited since it was installed: put it aside, or git checkout it, first")
        if name not in before and theirs is not None:
            raise Refusal(f"{backup} is there, but no record of how: put it aside first")
    files, done = dict(before), {}
    try:
        for name, content in chosen.items():
            path, backup = core / name, core / (name + _BACKUP)
            if name not in before and path.is_file():
                _write(backup, path.read_bytes())
            files[name] = _digest(content)
            _keep_record(core, files)
            _write(path, content)
            kept = f"ACM's is kept as {backup.name}" if backup.is_file() else "new"
            done[name] = f"renewed, {kept}" if name in before else f"installed, {kept}"
    except OSError as error:
        raise _served("write", error) from None
    backends, fault = _backends(core, list(chosen))
    return Installed(core, done, backends, fault)


def undo(folder: Path, only: list[str]) -> Installed:
    """Take the drop-ins out again and put ACM's files back; a drop-in that was edited stays, and is told.

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
    files = _record(core)
    absent = [name for name in only if name not in files]
    if absent:
        raise Refusal(f"{absent[0]} was not installed in {core}; there are {', '.join(files)}", status=2)
    done = {}
    try:
        for name in only or list(files):
            path, backup = core / name, core / (name + _BACKUP)
            now = path.read_bytes() if path.is_file() else None
            theirs = backup.read_bytes() if backup.is_file() else None
            if now is not None and now != theirs and _digest(now) != files[name]:
                done[name] = "was edited since: left as it is" + (f", ACM's is {backup.name}" if theirs else "")
                continue
            if theirs is None:
                path.unlink(missing_ok=True)
                done[name] = "removed: ACM had none"
            else:
                backup.replace(path)
                done[name] = "ACM's is back"
            del files[name]
            _keep_record(core, files)
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
    as_json: options.Json = False,
) -> None:
    result = (undo if back else install)(folder, only or [])
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
    group.command("install", help=_INSTALL)(_install)
    app.add_typer(group, name="dropins", help="Files that take the place of ACM's own: put them into a checkout.")
