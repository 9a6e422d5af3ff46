"""Tables for which memory has no room: on disk, or refused before they are read, and never the end of the process."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files import memory
from acm_rs.files.bad_rows import OnBadRow
from acm_rs.files.errors import Refusal
from acm_rs.files.memory import HELD, Room, available, require_room
from acm_rs.files.on_disk import FrameOnDisk
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors

START = datetime(2024, 3, 1)
MB = 1_000_000


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    yield
    gc.collect()
    assert not list(Path("tmp").iterdir())


# ---- what is there --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not sys.platform.startswith(("linux", "win")), reason="other systems do not say")
def test_the_system_says_how_much_is_there() -> None:
    there = available()
    assert there is not None
    assert 10 * MB < there < 1 << 50
    room = Room.now()
    assert room.disk is not None
    assert room.disk > 0


def test_what_linux_says() -> None:
    said = Path("meminfo")
    said.write_text("MemTotal:  900 kB\nMemFree:  100 kB\nMemAvailable:     500 kB\nSwapFree:   20 kB\n")
    assert memory._of_linux(said) == 520 * 1024
    said.write_text("MemTotal:  900 kB\n")
    assert memory._of_linux(said) is None
    assert memory._of_linux(Path("elsewhere")) is None


def _group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_what_control_groups_leave() -> None:
    root, own = Path("cgroup"), Path("own")
    own.write_text("0::/plant/job\n")
    _group(root / "plant" / "job", memory__max="max\n", memory__current="700\n")
    stat = "anon 300\ninactive_file 250\n"
    _group(root / "plant", memory__max="1000\n", memory__current="900\n", memory__stat=stat)
    # Outer groups bind as well, and what is only kept of files counts as there.
    assert list(memory._of_groups(own, root)) == [350]
    _group(root / "plant" / "job", memory__max="800\n", memory__current="700\n")
    assert list(memory._of_groups(own, root)) == [100, 350]
    own.write_text("5:cpu,cpuacct:/other\n4:memory:/job\n0::/\nodd\n")
    limits = {"memory__limit_in_bytes": "500\n", "memory__usage_in_bytes": "450\n"}
    _group(root / "memory" / "job", **limits, memory__stat="total_inactive_file 30\n")
    assert list(memory._of_groups(own, root)) == [80]
    assert list(memory._of_groups(Path("elsewhere"), root)) == []


# ---- where a table goes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "columns", "room", "on_disk"),
    [
        (1000, 3, Room(), False),
        (HELD // 80, 10, Room(), False),
        (HELD // 80 + 1, 10, Room(), True),
        (HELD // 80 + 1, 10, Room(memory=1 << 40, disk=1 << 40), True),
        # Half of the memory is not taken where it need not be.
        (1000, 3, Room(memory=112_000, disk=1 << 30), False),
        (1000, 3, Room(memory=111_999, disk=1 << 30), True),
        (1000, 3, Room(memory=32_000, disk=24_000), True),
        # Where the disk is full, memory serves.
        (1000, 3, Room(memory=56_000, disk=23_999), False),
        (1000, 5, Room(memory=72_000, disk=39_999), False),
    ],
)
def test_a_large_table_goes_to_disk(rows: int, columns: int, room: Room, on_disk: bool) -> None:
    assert require_room(Path("in.csv"), rows, columns, room, disk=True) is on_disk


def test_a_table_without_room_is_refused_with_its_size() -> None:
    rows, columns = 2_000_000, 50
    assert require_room(Path("in.csv"), rows, columns, Room(memory=864 * MB), disk=False) is False
    message = (
        r"in\.csv: 2,000,000 rows of 50 sensors take 800 MB, and there are 863 MB of memory:"
        r" take fewer sensors with --columns or --exclude, or part the file by time$"
    )
    with pytest.raises(Refusal, match=message):
        require_room(Path("in.csv"), rows, columns, Room(memory=863 * MB, disk=1 << 50), disk=False)
    message = r"there are 700 MB of memory and 799 MB in .*tmp: take fewer .* TMPDIR names another folder$"
    with pytest.raises(Refusal, match=message):
        require_room(Path("in.csv"), rows, columns, Room(memory=700 * MB, disk=799 * MB), disk=True)
    # Not even the times have room.
    with pytest.raises(Refusal, match=r"there are 63 MB of memory and .* MB in .* by time$"):
        require_room(Path("in.csv"), rows, columns, Room(memory=63 * MB, disk=1 << 50), disk=True)


def _history(rows: int = 60) -> pl.DataFrame:
    random = np.random.default_rng(3)
    a, b = random.normal(40, 5, (2, rows)).round(3)
    a[[3, 4, rows - 10]] = np.nan
    return pl.DataFrame(
        {
            "t": [START + int(row) * timedelta(minutes=10) for row in random.integers(0, rows, rows)],
            "A": a,
            "B": b,
            "C": np.arange(rows) % 7,
            "never": [None] * rows,
        }
    ).with_columns(pl.col("A").fill_nan(None))


@pytest.mark.parametrize("bad", [False, True], ids=["good rows", "bad rows"])
def test_a_table_on_disk_is_the_one_in_memory(bad: bool) -> None:
    frame = _history()
    text = frame.write_csv()
    if bad:
        lines = text.splitlines()
        lines[5] = lines[5].rsplit(",", 3)[0] + ",hot,1,"
        text = "\n".join([*lines, "yesterday,1,2,3,"])
    Path("in.csv").write_text(text)
    options = ReadOptions(bad_rows=OnBadRow.skip, columns=["A", "B", "C", "never"])
    here = load_sensors("in.csv", options, disk=True)
    assert isinstance(here.sensors, pl.DataFrame)
    there = load_sensors("in.csv", options, disk=True, room=Room(60 * 8 * 7, 1 << 30))
    assert isinstance(there.sensors, FrameOnDisk)
    assert "repeated times" in " ".join(there.notes)
    assert (there.sensors.columns, there.sensors.width) == (here.sensors.columns, here.sensors.width)
    assert there.sensors.height == here.sensors.height < 60 - 2 * bad
    assert there.sensors[:].equals(here.sensors)
    assert there.sensors[7:19].equals(here.sensors[7:19])
    assert there.sensors["A"].equals(here.sensors["A"])
    assert there.sensors.null_count().equals(here.sensors.null_count())
    assert there.sensors.null_count().row(0)[0] > 0
    assert there.frame.equals(here.frame)
    assert (there.notes, there.changes.by_reason()) == (here.notes, here.changes.by_reason())


def test_files_that_overlap_are_joined_on_disk() -> None:
    frame = _history(40).unique("t", maintain_order=True)
    frame[:25].write_parquet("1.parquet")
    frame[18:].with_columns(pl.when(pl.int_range(pl.len()) < 4).then(None).otherwise("B").alias("B")).with_columns(
        pl.col("B").cast(pl.Float64, strict=False)
    ).write_parquet("2.parquet")
    here, there = (load_sensors(["1.parquet", "2.parquet"], ReadOptions(), disk=True, room=room) for room in ROOMS)
    assert isinstance(there.sensors, FrameOnDisk)
    assert there.frame.equals(here.frame)
    assert any("taken from the file before" in note for note in there.notes)


ROOMS = (Room(), Room(2500, 1 << 30))


def test_a_copy_that_cannot_be_written_or_was_cut_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FrameOnDisk(4)
    table.add(pl.Series("A", [1.0, None, 3.0, 4.0]))
    table.add(pl.Series("B", [5.0, 6.0, 7.0, 8.0]))
    table.take(lambda column: column.gather([2, 1, 0]))
    assert table[:].to_dict(as_series=False) == {"A": [3.0, None, 1.0], "B": [7.0, 6.0, 5.0]}
    table.take(lambda column: column.head(0))
    assert table[:].equals(pl.DataFrame(schema={"A": pl.Float64, "B": pl.Float64}))
    table._path.write_bytes(b"")
    table.height = 4
    with pytest.raises(Refusal, match="a temporary file, was cut off"):
        table["B"]

    class Full:
        def __enter__(self) -> Full:
            raise OSError(28, "No space left on device")

        def __exit__(self, *_: object) -> None: ...

    with monkeypatch.context() as context:
        context.setattr(Path, "open", lambda *_, **__: Full())
        with pytest.raises(Refusal, match=r"cannot be written in .*tmp: No space left on device; .*TMPDIR"):
            table.add(pl.Series("C", [1.0] * 4))


def test_a_long_table_whose_tags_have_times_of_their_own_is_refused() -> None:
    rows = [f"{START + row * timedelta(seconds=7)},T{row % 20:02},{row % 9}.5" for row in range(400)]
    Path("in.csv").write_text("\n".join(["time,tag,value", *rows]))
    assert load_sensors("in.csv", ReadOptions(), room=Room(memory=160_000)).sensors.width == 20
    message = r"in\.csv: a table of 20 tags at 400 times takes 0 MB, and there are 0 MB of memory: part the file"
    with pytest.raises(Refusal, match=message):
        load_sensors("in.csv", ReadOptions(), room=Room(memory=159_999))


# ---- a process with little memory -----------------------------------------------------------------------------------

ROWS, COLUMNS, LEFT_MIB = 300_000, 30, 60
CHILD = f"""
import sys
from pathlib import Path
import resource
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors

load_sensors("small.parquet", ReadOptions(), disk=True)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + ({LEFT_MIB} << 20), resource.RLIM_INFINITY))
try:
    table = load_sensors("large.parquet", ReadOptions(), disk=sys.argv[1] == "disk")
except Refusal as refusal:
    print(refusal)
else:
    print(type(table.sensors).__name__, table.sensors.height, int(table.sensors["S29"].sum()), table.sensors["S07"][1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_in_a_process_with_little_memory_it_is_on_disk_or_refused() -> None:
    row = pl.int_range(ROWS, eager=True)
    times = (row.cast(pl.Duration("ms")) * 1000 + pl.Series([START])).alias("t")
    sensors = [((row + place) % 100).cast(pl.Int8).alias(f"S{place:02}") for place in range(COLUMNS)]
    # Polars lets go of its maps of a file when a thread of its own comes to it: those of a small file do not matter.
    pl.DataFrame([times[::-1].alias("t"), *sensors]).write_parquet("large.parquet", compression="zstd")
    pl.read_parquet("large.parquet", n_rows=5000).write_parquet("small.parquet")
    said = {}
    for where in ("disk", "memory"):
        # An arena takes 64 MiB of the addresses, and how many there are would be a matter of luck.
        done = subprocess.run(
            [sys.executable, "-c", CHILD, where],
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said[where] = done.stdout.strip()
    assert ROWS * COLUMNS * 8 > LEFT_MIB << 20
    assert said["disk"] == f"FrameOnDisk {ROWS} {ROWS // 100 * 4950} {float((ROWS - 2 + 7) % 100)}"
    assert said["memory"].startswith("large.parquet: 300,000 rows of 30 sensors take 72 MB, and there are ")
