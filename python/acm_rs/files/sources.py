"""What people name becomes files: one, several, patterns, standard input, archives."""

from __future__ import annotations

import bz2
import glob
import gzip
import lzma
import os
import shutil
import stat
import sys
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import IO

from acm_rs.files.errors import Refusal, counted, listed, quoted

__all__ = ["STANDARD_INPUT", "Scratch", "Source", "is_no_table", "matching", "natural", "open_sources"]

STANDARD_INPUT = Path("standard input")
_BLOCK = 1 << 20
# An archive that unpacks to more than so many times its size, and to more than so many bytes, is taken for a trap.
_SWELLS, _LARGE = 500, 1 << 26
_DEEPEST = 3
_STARTS = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow stream"),
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x5d\x00\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0", "sheet"),
)
_REFUSED = (
    (b"\x04\x22\x4d\x18", "is compressed (lz4): unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"FEA1", "is a Feather file of the old version 1: write it anew as version 2 or Parquet"),
    (b"%PDF", "is a PDF document: export the table as CSV"),
    (b"\x89HDF", "is an HDF5 file: write its table as Parquet or CSV first"),
    (b"MATLAB 5.0", "is a MATLAB file: write its table as Parquet or CSV first"),
    (b"SQLite format 3", "is an SQLite database: write its table as Parquet or CSV first"),
    (b"PARE", "is an encrypted Parquet file"),
    (b"Obj\x01", "is an Avro file: write it as Parquet or CSV first"),
    (b"ORC", "is an ORC file: write it as Parquet or CSV first"),
)
_OPENERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}  # type: ignore[dict-item]
_NO_TABLES = (
    ".md .pdf .png .jpg .jpeg .gif .svg .bmp .html .htm .xml .json .yaml .yml .toml .ini .log .doc .docx .rtf",
    ".py .m .ipynb .exe .dll .md5 .sha256",
)
_ABOUT = frozenset(("readme", "read_me", "license", "licence", "changelog", "copying", "liesmich", "lisezmoi", "leeme"))


class Scratch:
    """A temporary folder, made when it is first needed and removed with its last user."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._count = 0

    def path(self, stem: str) -> Path:
        """A path for a file in it."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="acm-rs-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._count += 1
        return self._folder / f"{stem}{self._count}"


@dataclass(frozen=True)
class Source:
    """A file to be read.

    Parameters
    ----------
    path : Path
        Where its bytes are: the file itself or a temporary one, which is removed with the last use of this object.
    name : Path
        What people call it.
    kind : str
        ``"parquet"``, ``"arrow"``, ``"arrow stream"``, ``"sheet"`` or ``"text"``, told from its bytes.
    archive : Path, optional
        The archive with several tables that it comes from.
    notes : sequence of str
        What was done to get at it.
    """

    path: Path
    name: Path
    kind: str = "text"
    archive: Path | None = None
    notes: Sequence[str] = ()
    _scratch: Scratch = field(default_factory=Scratch, repr=False, compare=False)

    def scratch(self, stem: str) -> Path:
        """A path for a temporary file that lives as long as this object or a copy of it."""
        return self._scratch.path(stem)


def open_sources(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Source]:
    """Find the files that a person named, unpacked where they are archives.

    Parameters
    ----------
    paths : path or sequence of paths
        Files, patterns such as ``logs/*.csv``, or ``-`` for standard input. A file whose own name looks like a pattern
        is that file.

    Returns
    -------
    list of Source
        At least one, patterns in the order of their names, each file once.

    Raises
    ------
    Refusal
        No such file, nothing that matches, an archive that is damaged or too large, or a kind of file that holds no
        table.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise Refusal("no file is named", status=2)
    scratch = Scratch()
    sources: list[Source] = []
    seen: set[tuple[int, int]] = set()
    for text in [os.fspath(path) for path in given]:
        if text == "-":
            if any(source.name == STANDARD_INPUT for source in sources):
                raise Refusal("standard input (-) is named twice", status=2)
            if sys.stdin is None:
                raise Refusal("standard input (-) is closed: name a file, or pipe something in", status=2)
            sources.append(_spooled(sys.stdin.buffer, STANDARD_INPUT, scratch))
            continue
        for path in matching(text):
            source, key = _opened(path, scratch)
            if key in seen:
                sources[-1] = replace(sources[-1], notes=[*sources[-1].notes, f"{path} is named twice: read once"])
                continue
            seen.add(key)
            sources.append(source)
    return [member for source in sources for member in _unpacked(source)]


def matching(text: str) -> list[Path]:
    """The files that a name or a pattern stands for; a refusal where no file matches."""
    path = Path(text)
    try:
        there = path.exists()
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise Refusal(f"{quoted(text)} is no name of a file", status=2) from None
    if there or not glob.has_magic(text):
        return [path]
    found = sorted(filter(os.path.isfile, glob.glob(text, recursive=True)), key=natural)  # noqa: PTH207
    if not found:
        raise Refusal(f"{path}: no file matches")
    return [Path(name) for name in found]


def natural(name: str) -> list[tuple[int, int, str]]:
    """Let ``log2`` come before ``log10``."""
    parts, number = [], ""
    for char in name + "\x00":
        if char.isascii() and char.isdigit():
            number += char
            continue
        if number:
            parts.append((0, int(number), ""))
            number = ""
        parts.append((1, 0, char))
    return parts


def _opened(path: Path, scratch: Scratch) -> tuple[Source, tuple[int, int]]:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise Refusal(f"{path} is a folder, not a file; name the files in it, such as {path / '*.csv'}")
        with path.open("rb") as file:
            if not stat.S_ISREG(found.st_mode):
                # A pipe gives its bytes once.
                return _spooled(file, path, scratch), (found.st_dev, found.st_ino)
    except FileNotFoundError:
        raise Refusal(f"{path}: no such file") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        if isinstance(error, Refusal):
            raise
        raise Refusal(f"{quoted(str(path))} is no name of a file", status=2) from None
    return Source(path, path, _scratch=scratch), (found.st_dev, found.st_ino)


def _spooled(stream: IO[bytes], name: Path, scratch: Scratch) -> Source:
    source = Source(scratch.path("spooled"), name, _scratch=scratch)
    _written(source, iter(lambda: stream.read(_BLOCK), b""), name, None)
    return source


def _written(target: Source, blocks: Iterator[bytes], name: Path, packed: Callable[[], int] | None) -> None:
    """Write blocks into a temporary file, as long as there is room and the archive is none that swells without end."""
    size = 0
    try:
        with target.path.open("wb") as out:
            for block in blocks:
                size += len(block)
                if packed is not None:
                    _refuse_swollen(name, size, packed())
                out.write(block)
    except OSError as error:
        if error.errno is None or isinstance(error, gzip.BadGzipFile):
            raise
        folder = target.path.parent.parent
        raise Refusal(
            f"{name} needs a temporary copy, which cannot be written in {folder}: {error.strerror or error}"
        ) from None


def _refuse_swollen(name: Path, size: int, packed: int) -> None:
    if size > _LARGE and size > _SWELLS * max(packed, 1):
        raise Refusal(f"{name} unpacks to more than {_SWELLS} times its size: unpack it first if you know what it is")


# ---- archives -------------------------------------------------------------------------------------------------------


def _unpacked(source: Source, depth: int = 0) -> list[Source]:
    """The tables in a file: itself, or what an archive holds."""
    with source.path.open("rb") as file:
        head = file.read(4096)
    for start, what in _REFUSED:
        if head.startswith(start):
            raise Refusal(f"{source.name} {what}")
    if head[257:262] == b"ustar":
        raise Refusal(f"{source.name} is a tar archive: unpack it first")
    kind = next((kind for start, kind in _STARTS if head.startswith(start)), "text")
    if kind == "text" and head[:4] and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18":
        kind = "zst"
    if kind == "text":
        _refuse_markup(source.name, head)
        if not depth:
            _refuse_ending(source.name, head)
    if kind in ("gz", "bz2", "xz", "zst", "zip") and depth >= _DEEPEST:
        raise Refusal(f"{source.name} holds archives within archives: unpack it first")
    if kind == "zip":
        return _unzipped(source, depth)
    if kind in ("gz", "bz2", "xz", "zst"):
        return _unpacked(_decompressed(source, kind), depth + 1)
    return [replace(source, kind=kind)]


def _refuse_markup(name: Path, head: bytes) -> None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"<head")):
        raise Refusal(
            f"{name} is a web page (HTML), whatever its name says: open it in a spreadsheet and save it as CSV"
        )
    if text.startswith(b"<?xml"):
        raise Refusal(f"{name} is an XML file: open it in a spreadsheet and save it as CSV or .xlsx")
    if text.startswith((b'{"', b"[{", b"{\n", b"{\r\n", b"[\n", b"[\r\n")):
        raise Refusal(f"{name} is a JSON file: write its table as CSV or Parquet first")


def _refuse_ending(name: Path, head: bytes) -> None:
    """A file whose name says what its bytes do not is damaged at its beginning."""
    said = {
        ".parquet": "a Parquet",
        ".pq": "a Parquet",
        ".feather": "a Feather",
        ".arrow": "an Arrow",
        ".ipc": "an Arrow",
    }
    said |= {".gz": "a gzip", ".bz2": "a bz2", ".xz": "an xz", ".zst": "a zstd", ".zip": "a zip"}
    said |= {".xlsx": "an Excel", ".xlsb": "an Excel", ".ods": "an OpenDocument"}
    what = said.get(name.suffix.lower())
    if what and head and not (head.isascii() and b"\x00" not in head):
        raise Refusal(f"{name} is not {what} file, whatever its name says")
    if what in ("a Parquet", "a Feather", "an Arrow") and head:
        raise Refusal(f"{name} is not {what} file, whatever its name says")


def _decompressed(source: Source, kind: str) -> Source:
    target = replace(source, path=source.scratch("unpacked"), notes=[*source.notes, f"unpacked from {kind}"])
    with source.path.open("rb") as file:
        if kind == "zst":
            blocks = _from_zstd(file, source.name)
        else:
            opened = _OPENERS[kind](file)
            blocks = iter(lambda: opened.read(_BLOCK), b"")
        try:
            _written(target, blocks, source.name, file.tell)
        except (EOFError, OSError, lzma.LZMAError, zlib.error, ValueError) as error:
            if isinstance(error, Refusal):
                raise
            why = "it ends too early" if isinstance(error, EOFError) else _reason(error)
            raise Refusal(f"{source.name} is a damaged {kind} file: {why}") from None
    return target


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _from_zstd(file: IO[bytes], name: Path) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        raise Refusal(f'{name} is compressed (zstd), which needs more to be read: pip install "acm-rs[cli]"') from None
    # Written frame by frame: the reader of the library takes an early end for the end.
    frame = None
    rest = b""
    while True:
        block = rest or file.read(_BLOCK >> 3)
        rest = b""
        if not block:
            break
        if frame is None:
            frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            yield frame.decompress(block)
        except zstandard.ZstdError as error:
            raise ValueError(_reason(error)) from None
        if frame.eof:
            rest, frame = frame.unused_data, None
    if frame is not None:
        raise EOFError


def _unzipped(source: Source, depth: int) -> list[Source]:
    try:
        with zipfile.ZipFile(source.path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            names = {entry.filename for entry in entries}
            kind = _document(archive, names)
            if kind == "sheet":
                _refuse_swollen(source.name, sum(entry.file_size for entry in entries), source.path.stat().st_size)
                return [replace(source, kind="sheet")]
            if kind:
                raise Refusal(f"{source.name} {kind}")
            tables = [entry for entry in entries if not _is_hidden(entry.filename)]
            others = [entry for entry in tables if is_no_table(entry.filename)]
            tables = sorted(
                (entry for entry in tables if entry not in others), key=lambda entry: natural(entry.filename)
            )
            if not tables:
                held = f"; it holds {listed([entry.filename for entry in entries])}" if entries else ""
                raise Refusal(f"{source.name} is a zip archive without a table{held}")
            notes = list(source.notes)
            if others:
                notes.append(f"left out of {source.name}: {listed([entry.filename for entry in others])}")
            several = len(tables) > 1
            notes.append(f"{counted(len(tables), 'table')} unpacked from zip" if several else "unpacked from zip")
            members = []
            for place, entry in enumerate(tables):
                member = replace(
                    source,
                    path=source.scratch("unpacked"),
                    name=source.name / entry.filename,
                    archive=source.name if several else source.archive,
                    notes=notes if not place else (),
                )
                _unzip(archive, entry, member)
                members += _unpacked(member, depth + 1)
            return members
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise Refusal(
            f"{source.name} is a damaged zip archive: {_reason(error) if str(error) else 'it ends early'}"
        ) from None


def _unzip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, member: Source) -> None:
    if entry.flag_bits & 1:
        raise Refusal(f"{member.name} is encrypted: unpack it first")
    with archive.open(entry) as file:
        _written(member, iter(lambda: file.read(_BLOCK), b""), member.name, lambda: entry.compress_size)


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part == "__MACOSX" for part in parts) or parts[-1].lower() == "thumbs.db"


def is_no_table(name: str) -> bool:
    """Whether a name says that the file is none of readings: a picture, a text about the others."""
    path = PurePosixPath(name.lower())
    if path.stem in _ABOUT and path.suffix in ("", ".txt"):
        return True
    return bool(path.suffix) and any(path.suffix in some.split() for some in _NO_TABLES)


def _document(archive: zipfile.ZipFile, names: set[str]) -> str:
    """What document a zip archive is: ``"sheet"``, another in words, or none."""
    if names & {"xl/workbook.xml", "xl/workbook.bin"}:
        return "sheet"
    if "word/document.xml" in names:
        return "is a Word document: save its table as CSV"
    if "ppt/presentation.xml" in names:
        return "is a presentation, not a table"
    if "mimetype" in names:
        kind = archive.read("mimetype")[:80]
        if kind.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
            return "sheet"
        if kind.startswith(b"application/vnd.oasis.opendocument"):
            return "is an OpenDocument file, but no spreadsheet"
    return ""
