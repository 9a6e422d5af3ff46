"""How much room there is for a table of numbers, told before it is filled."""

from __future__ import annotations

import ctypes
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from acm_rs.files.errors import Refusal, counted

__all__ = ["HELD", "Room", "available", "require_room"]

HELD = 1 << 28
"""Bytes of numbers that are held in memory where they may lie on disk as well: 268 MB."""

# Columns that are there beside the table while it is put together: times, their order, the one that is read.
_BESIDE = 4
# For each kind of control group: its folder, how much it may have, has, and could give back.
_GROUPS = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


@dataclass(frozen=True)
class Room:
    """Bytes that a table may take; None where that is not known.

    Parameters
    ----------
    memory : int, optional
        Memory that this process can still get.
    disk : int, optional
        Room in the folder of temporary files.
    """

    memory: int | None = None
    disk: int | None = None

    @classmethod
    def now(cls) -> Room:
        """What is there."""
        disk = None
        with suppress(OSError):
            disk = shutil.disk_usage(tempfile.gettempdir()).free
        return cls(available(), disk)


def require_room(path: Path, rows: int, columns: int, room: Room, *, disk: bool) -> bool:
    """Tell where a table of numbers is put, before it is.

    Parameters
    ----------
    path : Path
        The file that it comes from.
    rows, columns : int
        Its size.
    room : Room
        What is there.
    disk : bool
        Whether it may lie on disk.

    Returns
    -------
    bool
        Whether it lies on disk: where it may, and takes more than `HELD` or, with what is beside it, half of the
        memory.

    Raises
    ------
    Refusal
        There is no room for it.
    """
    needed, beside, memory = 8 * rows * columns, 8 * rows * _BESIDE, room.memory
    much = needed > HELD or (memory is not None and needed + beside > memory // 2)
    enough = (memory is None or beside <= memory) and (room.disk is None or needed <= room.disk)
    if disk and much and enough:
        return True
    if memory is None or needed + beside <= memory:
        return False
    there = f"{_megabytes(memory)} of memory"
    if disk and room.disk is not None:
        there += f" and {_megabytes(room.disk)} in {tempfile.gettempdir()}"
    elsewhere = "; the environment variable TMPDIR names another folder" if disk and beside <= memory else ""
    raise Refusal(
        f"{path}: {counted(rows, 'row')} of {counted(columns, 'sensor')} take {_megabytes(needed)}, and there are"
        f" {there}: take fewer sensors with --columns or --exclude, or part the file by time{elsewhere}"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def available() -> int | None:
    """Bytes of memory that this process can still get, swap included; None where the system does not say."""
    if sys.platform == "win32":
        return _of_windows()
    if not sys.platform.startswith("linux"):
        return None
    known = [size for size in (_of_linux(), *_of_groups(), _of_limit()) if size is not None]
    return max(0, min(known)) if known else None


def _of_linux(told: Path = Path("/proc/meminfo")) -> int | None:
    with suppress(OSError, ValueError, KeyError):
        said = dict(line.split(":", 1) for line in told.read_text(encoding="ascii").splitlines() if ":" in line)
        return sum(int(said[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))
    return None


def _of_groups(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> Iterator[int]:
    """What the control groups of this process leave it, each and those that it lies in."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, kinds, name = line.split(":", 2) if line.count(":") > 1 else ("", "none", "")
        kind = next((kind for kind in kinds.split(",") if kind in _GROUPS), None)
        if kind is None:
            continue
        folder, most, used, spare = _GROUPS[kind]
        top = root / folder
        group = top / name.lstrip("/")
        for place in (group, *(parent for parent in group.parents if parent.is_relative_to(top))):
            with suppress(OSError, ValueError):
                left = int((place / most).read_text()) - int((place / used).read_text())
                with suppress(OSError, ValueError):
                    said = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
                    left += int(said.get(spare, 0))
                yield left


def _of_limit() -> int | None:
    """What the process' own limit of addresses leaves (``ulimit -v``)."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    with suppress(OSError, ValueError):
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        return limit - used
    return None


class _Status(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("dwLength", ctypes.c_ulong),
        ("dwMemoryLoad", ctypes.c_ulong),
        ("ullTotalPhys", ctypes.c_ulonglong),
        ("ullAvailPhys", ctypes.c_ulonglong),
        ("ullTotalPageFile", ctypes.c_ulonglong),
        ("ullAvailPageFile", ctypes.c_ulonglong),
        ("ullTotalVirtual", ctypes.c_ulonglong),
        ("ullAvailVirtual", ctypes.c_ulonglong),
        ("ullAvailExtendedVirtual", ctypes.c_ulonglong),
    )


def _of_windows() -> int | None:
    status = _Status()
    status.dwLength = ctypes.sizeof(status)
    kernel: object = getattr(ctypes, "windll").kernel32  # noqa: B009
    if not kernel.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        return None
    return int(status.ullAvailPageFile)
