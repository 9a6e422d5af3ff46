"""Bytes into UTF-8, whatever encoding a text file has."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acm_rs.files.errors import Refusal, counted, quoted
from acm_rs.files.sources import Source

__all__ = ["Utf8", "as_utf8"]

_BLOCK = 1 << 22
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1a\x1b")


@dataclass
class Utf8:
    """A text file in UTF-8 whose lines end in a line feed.

    Parameters
    ----------
    path : Path
        The bytes: the file itself or a temporary one.
    start, end : int
        Where the text begins and ends; a mark of the encoding stands before it, null characters may follow.
    notes : list of str
        How it was read.
    """

    path: Path
    start: int
    end: int
    notes: list[str] = field(default_factory=list)


def as_utf8(source: Source, encoding: str | None = None) -> Utf8:
    """Find a file's text in UTF-8, written to a temporary file where it is in another encoding.

    Parameters
    ----------
    source : Source
        The file.
    encoding : str, optional
        Its encoding, told from its bytes by default: UTF-8 and UTF-16, with or without their marks, else Windows-1252.

    Returns
    -------
    Utf8

    Raises
    ------
    Refusal
        No text, or not in that encoding.
    """
    if encoding is not None:
        try:
            found = codecs.lookup(encoding)
            "".encode(encoding)
        except (LookupError, ValueError):
            raise Refusal(
                f"--encoding {encoding}: no such encoding; utf-8, utf-16, cp1252, latin-1 and cp850 are some", status=2
            ) from None
        if found.name not in ("utf-8", "utf-8-sig"):
            return _decoded(source, found.name, f"read as {encoding}")
    with source.path.open("rb") as file:
        head = file.read(_BLOCK)
    if head.startswith(_UTF32):
        raise Refusal(f"{source.name} is written in UTF-32: save it as UTF-8 first")
    for mark, name in _MARKS:
        if head.startswith(mark):
            return _decoded(source, name, "written in UTF-16", len(mark))
    bare = _bare_utf16(head)
    if bare:
        return _decoded(source, bare, "written in UTF-16")
    if not _is_text(head):
        # A file of a Monitor begins with the length of its header, which is JSON.
        what = "is a model that acm-rs fit has written, not a table" if head[8:9] == b"{" else "is not a text file"
        raise Refusal(f"{source.name} {what}")
    start = _behind_marks(head)
    seen = _look_through(source.path, start)
    if seen.wrong and encoding is None and seen.wrong > seen.letters:
        text = _decoded(source, "cp1252", "not UTF-8: read as Windows-1252")
    elif seen.wrong:
        said = f"{counted(seen.wrong, 'byte')} not UTF-8, replaced by \N{REPLACEMENT CHARACTER}"
        text = _decoded(source, "utf-8", said, start)
    elif seen.returns_only:
        text = _decoded(source, "utf-8", "", start)
    else:
        text = Utf8(source.path, start, source.path.stat().st_size)
    return _without_nulls(text)


@dataclass
class _Seen:
    letters: int = 0
    wrong: int = 0
    returns_only: bool = False


def _blocks(path: Path, start: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(_BLOCK):
            yield block


def _look_through(path: Path, start: int) -> _Seen:
    """Count letters beyond ASCII and bytes that are no UTF-8."""
    seen, decoder, returns, feeds = _Seen(), codecs.getincrementaldecoder("utf-8")("replace"), False, False
    for block in _blocks(path, start):
        returns |= b"\r" in block
        feeds |= b"\n" in block
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block)
        wrong = text.count("\N{REPLACEMENT CHARACTER}")
        # One that the file itself holds is valid.
        wrong = max(0, wrong - block.count(b"\xef\xbf\xbd"))
        seen.wrong += wrong
        seen.letters += sum(text.count(char) for char in set(text) if char > "\x7f") - wrong
    if decoder.decode(b"", True):
        seen.wrong += 1
    seen.returns_only = returns and not feeds
    return seen


def _bare_utf16(head: bytes) -> str:
    """UTF-16 without its mark: every other byte of plain text is null."""
    pairs = len(head) // 2
    if pairs < 2:
        return ""
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > 0.7 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 * pairs and odd < 0.05 * pairs else ""


def _is_text(head: bytes) -> bool:
    """Tell text from other bytes. Null characters alone do not tell: a logger that lost its power leaves them."""
    rest = head.replace(b"\x00", b"")
    controls = sum(rest.count(bytes((code,))) for code in range(32) if code not in _TEXT_CONTROLS)
    return controls <= 0.005 * len(rest) and (not head or bool(rest))


def _decoded(source: Source, encoding: str, note: str, start: int = 0) -> Utf8:
    """Write the text anew in UTF-8, its lines ended by line feeds where they end in returns only."""
    errors = "replace" if encoding == "utf-8" else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    path = source.scratch("text")
    returns, feeds = False, False
    try:
        with path.open("wb") as out:
            for block in _blocks(source.path, start):
                text = decoder.decode(block)
                returns, feeds = returns or "\r" in text, feeds or "\n" in text
                out.write(text.encode("utf-8", "replace"))
            out.write(decoder.decode(b"", True).encode("utf-8", "replace"))
    except UnicodeDecodeError as error:
        if encoding == "cp1252" and note.startswith("not UTF-8"):
            return _decoded(source, "latin-1", "not UTF-8: read as Latin-1")
        what = "UTF-16" if encoding.startswith("utf-16") else encoding
        if note.startswith("read as"):
            byte = error.object[error.start]
            raise Refusal(f"{source.name} is not {quoted(what)}, as --encoding says: byte 0x{byte:02x}") from None
        raise Refusal(f"{source.name} says it is {what} but is not") from None
    except UnicodeError:
        # Python says no more than that the mark of the byte order is missing.
        raise Refusal(
            f"{source.name} does not begin with a mark of the byte order, as {quoted(encoding)} does: say"
            f" --encoding {encoding}-le or {encoding}-be, or leave it out"
        ) from None
    if returns and not feeds:
        path = _with_feeds(source, path)
    with path.open("rb") as file:
        begin = _behind_marks(file.read(_BLOCK))
    return Utf8(path, begin, path.stat().st_size, [note] if note else [])


def _behind_marks(head: bytes) -> int:
    """Where the text begins: a tool that joins or saves files anew may write a mark before the one that is there."""
    start = 0
    while head.startswith(codecs.BOM_UTF8, start):
        start += len(codecs.BOM_UTF8)
    return start


def _with_feeds(source: Source, path: Path) -> Path:
    target = source.scratch("text")
    with target.open("wb") as out:
        for block in _blocks(path, 0):
            out.write(block.replace(b"\r", b"\n"))
    path.unlink()
    return target


def _without_nulls(text: Utf8) -> Utf8:
    """Leave out null characters at the end, where a logger had reserved room."""
    end = text.end
    with text.path.open("rb") as file:
        while end > text.start:
            begin = max(text.start, end - _BLOCK)
            file.seek(begin)
            block = file.read(end - begin).rstrip(b"\x00")
            if block or begin == text.start:
                kept = begin + len(block)
                break
            end = begin
        else:
            return text
    if kept < text.end:
        text.notes.append(f"{counted(text.end - kept, 'null character')} at the end left out")
        text.end = kept
    return text
