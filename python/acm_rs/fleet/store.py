"""Where a fleet lies: a folder, or a place in object storage by its address."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from acm_rs.files.errors import Refusal

__all__ = [
    "FOLDERS",
    "Mark",
    "Store",
    "absolute",
    "is_address",
    "is_folder",
    "listing",
    "local_copy",
    "mark_of",
    "opened",
]

_BLOCK = 1 << 20
_OLD = 86_400.0
"""Seconds after which nobody writes to a draft any more."""
FOLDERS = frozenset(("models", "scores", "alarms", "features", "status", "report", "data", ".drafts"))
"""What a fleet makes in its folder."""


def is_address(text: str) -> bool:
    """Whether it is an address such as ``s3://bucket/fleet``, not a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def absolute(text: str) -> str:
    """A path that means the same wherever a process works; addresses do anyway."""
    return text if is_address(text) else str(Path(text).absolute())


@dataclass(frozen=True)
class Mark:
    """What tells whether a file is still the one that something was made from.

    Parameters
    ----------
    file : str
        Its path or address.
    size : int
        Bytes.
    key : str
        What the storage says of its version: the time of the last change, or a tag.
    sha256 : str
        Of its bytes; empty where they have not been read.
    """

    file: str
    size: int
    key: str
    sha256: str = ""

    def surely(self, other: Mark) -> bool:
        """Whether it is the same file, as far as the storage says."""
        return (self.file, self.size, self.key) == (other.file, other.size, other.key)


class Store:
    """A folder of files by name; each appears whole or not at all.

    Parameters
    ----------
    address : str or path-like
        A folder, or an address that fsspec knows: ``s3://bucket/fleet``, ``memory://fleet``.
    """

    def __init__(self, address: str | os.PathLike[str]) -> None:
        self.address: str = os.fspath(address)
        self._remote: Any = None
        if is_address(self.address):
            self._remote, self._root = _remote(self.address)
        else:
            self._folder = Path(self.address)

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        # Who gets it may work in another folder.
        return Store, (absolute(self.address),)

    def require(self) -> None:
        """Refuse a folder that cannot be written, and clear away what a run that was killed has left half written."""
        if self._remote is not None:
            return
        drafts = self._folder / ".drafts"
        try:
            drafts.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise Refusal(f"{self.address} cannot be a fleet's folder: it is a file, or lies below one") from None
        except OSError as error:
            why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise Refusal(f"{self.address} cannot be written: {why}") from None
        if not os.access(drafts, os.W_OK):
            raise Refusal(f"{self.address} cannot be written: no permission, or a file system that is read alone")
        # Another run may be writing now, but not for a day at one file.
        with suppress(OSError):
            for draft in drafts.iterdir():
                if time.time() - draft.stat().st_mtime > _OLD:
                    draft.unlink(missing_ok=True)

    def at(self, name: str) -> str:
        """The path or address of a file in it."""
        if self._remote is None:
            return str(self._folder / name)
        return self.address.rstrip("/") + "/" + name

    def inside(self, file: str, folder: str = "") -> str | None:
        """The name in the store of a file by its path or address; None where it lies elsewhere, or in another folder.

        Parameters
        ----------
        file : str
            A path or an address.
        folder : str, default ""
            The folder within the store; all of it where empty.
        """
        top = self.at(folder).rstrip("/") if folder else self.at("").rstrip("/")
        if self._remote is None:
            if is_address(file):
                return None
            file, top = (Path(path).absolute().as_posix() for path in (file, top))
        if not file.startswith(top.rstrip("/") + "/"):
            return None
        below = file.removeprefix(top.rstrip("/")).lstrip("/")
        return f"{folder}/{below}" if folder else below

    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None where there is none."""
        try:
            if self._remote is None:
                return (self._folder / name).read_bytes()
            return bytes(self._remote.cat_file(f"{self._root}/{name}"))
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put bytes into a file."""
        with self.writing(name) as path:
            path.write_bytes(data)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A path to write to; the file is put in its place when all went well."""
        if self._remote is not None:
            with tempfile.TemporaryDirectory(prefix="acm-rs-") as scratch:
                path = Path(scratch, PurePosixPath(name).name)
                yield path
                target = f"{self._root}/{name}"
                self._remote.makedirs(target.rpartition("/")[0], exist_ok=True)
                self._remote.put_file(str(path), target)
            return
        # In a folder of its own: whoever reads all that is in another does not meet what is half written.
        drafts = self._folder / ".drafts"
        place = self._folder / name
        for folder in (drafts, place.parent):
            folder.mkdir(parents=True, exist_ok=True)
        path = drafts / f"{os.urandom(8).hex()}{place.suffix}"
        try:
            yield path
            with path.open("rb+") as file:
                os.fsync(file.fileno())
            path.replace(place)
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def list(self, folder: str) -> list[str]:
        """The names of the files in a folder and below it, sorted; none where there is no such folder."""
        if self._remote is None:
            top = self._folder / folder
            found = (path for path in top.rglob("*") if path.is_file() and not path.name.startswith("."))
            return sorted(path.relative_to(self._folder).as_posix() for path in found)
        return sorted(_below(str(path), self._root) for path in self._remote.find(f"{self._root}/{folder}"))

    def remove(self, name: str) -> None:
        """Take a file away, if it is there."""
        with suppress(FileNotFoundError):
            if self._remote is None:
                (self._folder / name).unlink()
            else:
                self._remote.rm_file(f"{self._root}/{name}")

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where there is none."""
        with suppress(FileNotFoundError):
            return mark_of(self.at(name)).size
        return None


def _remote(address: str) -> tuple[Any, str]:
    if find_spec("fsspec") is None:
        raise ModuleNotFoundError(
            f'{address} is an address, which needs fsspec: pip install "acm-rs[fleet]"', name="fsspec"
        )
    from fsspec.core import url_to_fs

    try:
        files, root = url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise Refusal(f"{address}: {str(error).strip().partition(chr(10))[0]}") from None
    return files, str(root).rstrip("/")


def mark_of(file: str) -> Mark:
    """What tells a file's version, without reading it.

    Parameters
    ----------
    file : str
        A path or an address.

    Returns
    -------
    Mark

    Raises
    ------
    FileNotFoundError
        There is none.
    """
    if not is_address(file):
        found = Path(file).stat()
        return Mark(file, found.st_size, str(found.st_mtime_ns))
    files, path = _remote(file)
    told = files.info(path)
    return Mark(file, int(told["size"]), str(files.ukey(path)))


@contextmanager
def local_copy(files: tuple[str, ...]) -> Iterator[tuple[list[Path], tuple[Mark, ...]]]:
    """The files as paths on this machine, and what tells them, with the SHA-256 of their bytes.

    Parameters
    ----------
    files : tuple of str
        Paths and addresses; what has an address is copied into a temporary folder.

    Yields
    ------
    list of Path, tuple of Mark
    """
    with tempfile.TemporaryDirectory(prefix="acm-rs-") as scratch:
        paths, marks = [], []
        for place, file in enumerate(files):
            mark = mark_of(file)
            path = Path(file)
            if is_address(file):
                remote, name = _remote(file)
                folder = Path(scratch, str(place))
                folder.mkdir()
                path = folder / PurePosixPath(name).name
                remote.get_file(name, str(path))
            paths.append(path)
            marks.append(Mark(mark.file, mark.size, mark.key, _sha256(path)))
        yield paths, tuple(marks)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def is_folder(text: str) -> bool:
    """Whether a path or address is that of a folder."""
    if not is_address(text):
        return Path(text).is_dir()
    files, path = _remote(text)
    return bool(files.isdir(path))


def opened(file: str) -> Any:
    """A file at a path or address, opened to read its bytes."""
    if not is_address(file):
        return Path(file).open("rb")
    files, path = _remote(file)
    return files.open(path, "rb")


def listing(folder: str) -> list[tuple[str, str]]:
    """The files of a folder and below it: each by its path or address, and by its name within the folder."""
    if not is_address(folder):
        top = Path(folder)
        found = sorted(path for path in top.rglob("*") if path.is_file())
        return [(str(path), path.relative_to(top).as_posix()) for path in found]
    files, root = _remote(folder)
    names = [_below(str(path), root) for path in sorted(files.find(root))]
    return [(folder.rstrip("/") + "/" + name, name) for name in names]


def _below(path: str, root: str) -> str:
    return path.strip("/").removeprefix(root.strip("/")).strip("/")
