"""A Monitor as one file: safetensors with a JSON header, raw arrays and a checksum; nothing in it is executed."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FADING", "FORMATS", "MEMORY", "WATCH", "not_whole", "pack", "read_file", "unpack", "write_file"]

KIND = "acm_rs.Monitor"
MEMORY = "acm_rs.Monitor.memory"
"""What `update` remembers, without what was learnt."""
WATCH = "acm_rs.watch"
"""What a watch of a source remembers."""
FADING = "acm_rs.FadingMoments"
CALLED = {
    KIND: ("the file", "file of a Monitor", "take a copy, or fit again"),
    MEMORY: ("the state", "state of a Monitor", "take a copy, or begin anew"),
    WATCH: ("the state", "state of acm-rs watch", "take a copy, or begin anew with --fresh"),
    FADING: ("the state", "state of FadingMoments", "take a copy, or begin anew"),
}
"""What people are told of each kind: what it is called, what it should be, and what to do."""
FORMATS = {KIND: 3, MEMORY: 1, WATCH: 1, FADING: 1}
"""The present format of each."""
SECOND = "watches.lets_go"
"""What a Monitor of the first format does not have, and is not given: it stays what it was."""
THIRD = {"watches.follows", "watches.stops"}
"""The same of the second format, which those still have whose sensors do not wander nor come to the ends of scales."""
CHECKSUM = "~sha256"
"""The last array: SHA-256 of all bytes before it."""
TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
MOST_HEADER = 64 * 2**20
BEGINNING = 4096
"""Bytes in which the header says what the file is."""


class Newer(ValueError):
    """A file of a later format."""


def not_whole(error: Exception, wanted: str = KIND) -> str:
    """What is said of a file whose entries are not those of a Monitor."""
    it, _, do = CALLED[wanted]
    what = f"{type(error).__name__}: {error}"[:80]
    return f"{it} is damaged or of another version of acm_rs ({what}); {do}"


def pack(settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], version: str, wanted: str = KIND) -> bytes:
    """Settings that JSON can hold, and arrays of float64, int64, bytes or truths."""
    present = FORMATS[wanted]
    if wanted == KIND and not THIRD & arrays.keys():
        present = 2 if SECOND in arrays else 1
    header: dict[str, Any] = {
        "__metadata__": {
            "kind": wanted,
            "format": str(present),
            "acm_rs": version,
            "settings": json.dumps(settings, allow_nan=False, sort_keys=True),
        }
    }
    place = 0
    bodies = []
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name])
        code = next(code for code, dtype in TYPES.items() if dtype.kind == values.dtype.kind)
        body = values.astype(TYPES[code], copy=False).tobytes()
        header[name] = {"dtype": code, "shape": list(values.shape), "data_offsets": [place, place + len(body)]}
        bodies.append(body)
        place += len(body)
    header[CHECKSUM] = {"dtype": "U8", "shape": [32], "data_offsets": [place, place + 32]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    before = len(text).to_bytes(8, "little") + text + b"".join(bodies)
    return before + hashlib.sha256(before).digest()


def unpack(data: bytes, wanted: str = KIND) -> tuple[dict[str, Any], dict[str, NDArray[Any]], str, str]:
    """Settings, arrays, the version of acm_rs that wrote them, and the checksum in hexadecimal digits."""
    it, called, do = CALLED[wanted]
    length = int.from_bytes(data[:8], "little")
    if len(data) < 48 or hashlib.sha256(data[:-32]).digest() != data[-32:]:
        head = data[:MOST_HEADER]
        if wanted.encode() in head or CHECKSUM.encode() in head:
            raise ValueError(f"{it} is damaged, its checksum does not fit; {do}")
        raise ValueError(f"this is no {called}")
    try:
        header = json.loads(data[8 : 8 + min(length, MOST_HEADER)])
        notes = header.pop("__metadata__")
        kind = notes["kind"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"this is no {called}") from None
    if kind != wanted:
        raise ValueError(f"this is no {called}, but one of {str(kind)[:60]!r}")
    # The checksum fits: what follows are files of other versions, or forged ones.
    try:
        if int(notes["format"]) > FORMATS[wanted]:
            raise Newer(f"{it} was written by acm_rs {notes['acm_rs']!s:.30}, which is newer; update acm_rs")
        settings = json.loads(notes["settings"])
        arrays = {}
        for name, told in header.items():
            first, last = told["data_offsets"]
            dtype = TYPES[told["dtype"]]
            shape = tuple(told["shape"])
            if not 0 <= first <= last <= len(data) - 8 - length or any(size < 0 for size in shape):
                raise ValueError("an array lies outside of the file")
            flat = np.frombuffer(data, dtype, offset=8 + length + first, count=(last - first) // dtype.itemsize)
            arrays[name] = flat.reshape(shape).copy()
    except Newer:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(not_whole(error, wanted)) from None
    arrays.pop(CHECKSUM, None)
    return settings, arrays, str(notes["acm_rs"]), data[-32:].hex()


def write_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write beside the target, then rename: whoever reads sees the old file or the new one."""
    target = Path(os.path.realpath(path))
    old: os.stat_result | None = None
    with suppress(FileNotFoundError):
        old = target.stat()
    if old is not None and not stat.S_ISREG(old.st_mode):
        raise OSError(f"{os.fspath(path)!r} is no regular file")
    if old is not None:
        # A file that may not be written is not replaced.
        os.close(os.open(target, os.O_WRONLY))
    draft = target.with_name(f".acm-rs-{secrets.token_hex(8)}.part")
    try:
        mode = 0o666 if old is None else 0o600
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            file.write(data)
            file.flush()
            if old is not None and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        if error.filename != str(draft):
            raise
        # Nobody knows the draft.
        what = error.strerror
        if isinstance(error, PermissionError):
            what = f"{what}: its folder takes no new files"
        raise OSError(error.errno, what, os.fspath(path)) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def read_file(path: str | os.PathLike[str], wanted: str = KIND) -> bytes:
    """The bytes of a regular file whose header says that it is of the wanted kind."""
    # Opening a pipe would wait for whoever writes to it.
    if not stat.S_ISREG(Path(path).stat().st_mode) and not Path(path).is_dir():
        raise OSError(f"{os.fspath(path)!r} is no regular file")
    with Path(path).open("rb") as file:
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or length > min(os.fstat(file.fileno()).st_size, MOST_HEADER):
            # One flipped bit in the length makes no other file of it.
            head += file.read(BEGINNING)
            if wanted.encode() not in head:
                raise ValueError(f"{os.fspath(path)!r}: this is no {CALLED[wanted][1]}")
        return head + file.read()
