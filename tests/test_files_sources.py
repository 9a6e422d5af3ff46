"""What people name becomes files: patterns, archives, standard input, several of them, and rows that are bad."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import zstandard
from acm_rs.files import sources
from acm_rs.files.bad_rows import BadRows, OnBadRow
from acm_rs.files.errors import Origin, Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.raw import RawTable
from acm_rs.files.reading import read_table

ORIGIN = Origin(Path("a.csv"), np.array([2, 3, 5, 2, 4]), ((Path("a.csv"), 0), (Path("b.csv"), 3)))


def test_a_bad_row_is_refused_with_its_file() -> None:
    with pytest.raises(Refusal, match=r"^b\.csv, row 4, column 'T': 4 is odd; --bad-rows skip leaves such rows out$"):
        BadRows().meet(np.array([False, False, False, False, True]), ORIGIN, "T", lambda row: f"{row} is odd")
    assert ORIGIN.other(0, 1) == "row 2"
    assert ORIGIN.other(0, 3) == "a.csv, row 2"


def test_skipped_rows_are_counted_once_and_five_are_shown() -> None:
    rows = BadRows(OnBadRow.skip)
    rows.unread("a.csv, row 4", 4, "7 cells")
    for column in ("T", "U"):
        rows.meet(np.array([True, True, True, False, True]), ORIGIN, column, lambda row: f"cell {row}")
    rows.meet(np.array([False, False, False, True, False]), ORIGIN, "U", str)
    assert rows.count == 6
    assert rows.of(5).all()
    said = rows.lines()
    assert said[0] == "6 bad rows left out, the first:"
    assert len(said) == 6
    assert "a.csv, row 4: 7 cells" in said
    assert "a.csv, row 2, column 'T': cell 0" in said
    assert BadRows(OnBadRow.skip).lines() == []


# ---- what people name -----------------------------------------------------------------------------------------------

HEADER = "Time,A,B\n"
LINES = [f"2024-03-0{1 + i // 6} 0{i % 6}:00,6{i}.5,{i}\n" for i in range(10)]


def csv(first: int = 0, last: int = 10, header: str = HEADER) -> bytes:
    return (header + "".join(LINES[first:last])).encode()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "temporary").mkdir()
    return tmp_path


def numbers(raw: RawTable) -> list[int]:
    return [int(cell) for cell in raw.column("B")]


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
    "zst in blocks": lambda data: b"".join(zstandard.compress(data[at : at + 50]) for at in range(0, len(data), 50)),
    "gz in members": lambda data: b"".join(gzip.compress(data[at : at + 50]) for at in range(0, len(data), 50)),
    "zip": lambda data: zipped({"export/plant.csv": data, "__MACOSX/._plant.csv": b"\0\1", "readme.md": b"# x"}),
    "zip by bz2": lambda data: zipped({"plant.csv": data}, zipfile.ZIP_BZIP2),
    "zip of gz": lambda data: zipped({"plant.csv.gz": gzip.compress(data)}),
    "gz of gz": lambda data: gzip.compress(gzip.compress(data)),
}


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_files(packer: str, folder: Path) -> None:
    # By content: the ending says nothing.
    Path("plant.csv").write_bytes(PACKERS[packer](csv()))
    raw = read_table("plant.csv")
    assert numbers(raw) == list(range(10))
    assert any("unpacked from" in note for note in raw.notes)
    del raw
    assert list((folder / "temporary").iterdir()) == []


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_files_that_are_damaged(packer: str, folder: Path) -> None:
    good = PACKERS[packer](csv())
    random = np.random.default_rng(4)
    for size in (len(good) - 1, len(good) - 9, len(good) // 2, 14):
        Path("plant.csv").write_bytes(good[:size])
        with pytest.raises(Refusal, match=r"^plant\.csv"):
            read_table("plant.csv")
    for _ in range(20):
        place = int(random.integers(8, len(good) - 8))
        bad = bytearray(good)
        bad[place] ^= int(random.integers(1, 256))
        Path("plant.csv").write_bytes(bad)
        with suppress(Refusal):
            # These two have no checksum.
            cells = read_table("plant.csv").frame.to_series(-1).to_list()
            assert cells == [str(i) for i in range(10)] or packer in ("lzma", "zst in blocks")
    assert list((folder / "temporary").iterdir()) == []


def test_archives_that_swell_without_end_are_refused(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(sources, "_LARGE", 1 << 20)
    bomb = bytes(3 << 20)
    for data in (gzip.compress(bomb), lzma.compress(bomb), bz2.compress(bomb), zstandard.compress(bomb)):
        Path("plant.csv").write_bytes(data)
        with pytest.raises(Refusal, match="unpacks to more than 500 times its size: unpack it first"):
            read_table("plant.csv")
    Path("plant.csv").write_bytes(zipped({"a.csv": bomb}))
    with pytest.raises(Refusal, match=r"^plant\.csv.a\.csv unpacks to more than 500 times"):
        read_table("plant.csv")
    Path("plant.csv").write_bytes(zipped({"xl/workbook.xml": bomb}))
    with pytest.raises(Refusal, match=r"^plant\.csv unpacks to more than 500 times"):
        read_table("plant.csv")
    nested = csv()
    for _ in range(4):
        nested = gzip.compress(nested)
    Path("plant.csv").write_bytes(nested)
    with pytest.raises(Refusal, match="holds archives within archives"):
        read_table("plant.csv")
    assert list((folder / "temporary").iterdir()) == []


def test_zip_archives_with_several_tables() -> None:
    Path("a.zip").write_bytes(zipped({"log10.csv": csv(5), "log2.csv": csv(0, 5)}))
    raw = read_table("a.zip")
    assert numbers(raw) == list(range(10))
    assert raw.origin.row(7) == f"{Path('a.zip/log10.csv')}, row 4"
    Path("a.zip").write_bytes(zipped({"a.csv": csv(), "b.csv": csv(header="Time,A,C\n")}))
    with pytest.raises(Refusal, match=r"a\.zip holds tables with other columns each: .*a\.csv', .*b\.csv'; unpack it"):
        read_table("a.zip")
    Path("a.zip").write_bytes(zipped({"notes/": b"", "readme.md": b"#"}))
    with pytest.raises(Refusal, match=r"is a zip archive without a table; it holds 'readme\.md'"):
        read_table("a.zip")
    Path("a.zip").write_bytes(zipped({"README": b"Bearings, all.", "a.csv": csv(), "data/readme.txt": b"See README."}))
    raw = read_table("a.zip")
    assert numbers(raw) == list(range(10))
    assert "left out of a.zip: 'README', 'data/readme.txt'" in raw.notes
    locked = bytearray(zipped({"a.csv": csv()}))
    # The bit of encryption in both heads of the member.
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    Path("a.zip").write_bytes(locked)
    with pytest.raises(Refusal, match=r"a\.csv is encrypted: unpack it first"):
        read_table("a.zip")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"7z\xbc\xaf\x27\x1crest", "is a 7z archive: unpack it first"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"\x89HDF\r\n", "is an HDF5 file"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "is a web page"),
        (b'<?xml version="1.0"?><Workbook/>', "is an XML file"),
        (b'[{"t": 1}]', "is a JSON file"),
        (b"SQLite format 3\0", "is an SQLite database"),
        (bytes(257) + b"ustar", "is a tar archive"),
        (zipped({"word/document.xml": b""}), "is a Word document"),
    ],
    ids=range(9),
)
def test_files_that_hold_no_table(data: bytes, words: str) -> None:
    Path("in.csv").write_bytes(data)
    with pytest.raises(Refusal, match=rf"^in\.csv {words}"):
        read_table("in.csv")


def test_patterns() -> None:
    for place, name in enumerate(("log1.csv", "log2.csv", "log10.csv")):
        Path(name).write_bytes(csv(3 * place, 3 * place + 3))
    raw = read_table("log*.csv")
    assert numbers(raw) == list(range(9))
    assert [path.name for path, _ in raw.origin.files] == ["log1.csv", "log2.csv", "log10.csv"]
    assert raw.origin.cell(8, "A") == "log10.csv, row 4, column 'A'"
    # One that a pattern and a name both name is read once, and that is told.
    raw = read_table(["log1.csv", "log[12].csv"])
    assert numbers(raw) == list(range(6))
    assert any("named twice" in note for note in raw.notes)
    with pytest.raises(Refusal, match=r"^none\*\.csv: no file matches$"):
        read_table("none*.csv")
    # A file that is called like a pattern is that file.
    Path("log[12].csv").write_bytes(csv(0, 1))
    assert numbers(read_table("log[12].csv")) == [0]
    with pytest.raises(Refusal, match="no file is named"):
        read_table([])


@pytest.mark.parametrize("data", [csv(), gzip.compress(csv())], ids=["plain", "packed"])
def test_standard_input(data: bytes, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    raw = read_table("-")
    assert numbers(raw) == list(range(10))
    assert raw.origin.cell(0, "A") == "standard input, row 2, column 'A'"
    with pytest.raises(Refusal, match="is named twice"):
        read_table(["-", "-"])
    del raw
    assert list((folder / "temporary").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipes() -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(csv()))
    writer.start()
    assert numbers(read_table("pipe")) == list(range(10))
    writer.join()


# ---- several files --------------------------------------------------------------------------------------------------


def test_several_files_in_any_order_of_columns() -> None:
    Path("a.csv").write_bytes(csv(0, 5))
    swapped = [
        "B;Time;A",
        *(f"{line[2]};{line[0]};{line[1]}" for line in (row.strip().split(",") for row in LINES[5:])),
    ]
    Path("b.csv").write_text("Title\n" + "\n".join(swapped) + "\nEnd of report\n")
    raw = read_table(["a.csv", "b.csv"])
    assert raw.columns == ["Time", "A", "B"]
    assert numbers(raw) == list(range(10))
    assert raw.column("A").to_list() == [f"6{i}.5" for i in range(10)]
    assert raw.origin.rows.tolist() == [2, 3, 4, 5, 6, 3, 4, 5, 6, 7]
    assert any("b.csv: 1 row above the header left out" in note for note in raw.notes)


def test_several_files_with_other_columns() -> None:
    Path("a.csv").write_bytes(csv(0, 2))
    Path("b.csv").write_bytes(csv(2, 4, "Time,A,C\n"))
    raw = read_table(["a.csv", "b.csv"])
    assert raw.columns == ["Time", "A", "B", "C"]
    assert raw.column("B").to_list() == ["0", "1", None, None]
    assert [note for note in raw.notes if "missing" in note] == [
        "'B' is missing in 'b.csv'",
        "'C' is missing in 'a.csv'",
    ]
    Path("b.csv").write_bytes(csv(2, 4, "X,Y,Z\n"))
    with pytest.raises(Refusal, match=r"^b\.csv has no column that a\.csv has: 'X', 'Y', 'Z' against 'Time', 'A', 'B'"):
        read_table(["a.csv", "b.csv"])
    Path("a.csv").write_bytes(csv(0, 2, "Time,A,B\n,°C,m\n"))
    Path("b.csv").write_bytes(csv(2, 4, "Time,A,B\n,°F,m\n"))
    with pytest.raises(Refusal, match=r"column 'A' is in °F in b\.csv but in °C in a\.csv"):
        read_table(["a.csv", "b.csv"])


def test_several_files_whose_clocks_have_other_names() -> None:
    Path("a.csv").write_bytes(csv(0, 2, "time,A,B\n"))
    Path("b.csv").write_bytes(csv(2, 4, "Timestamp,A,B\n"))
    with pytest.raises(
        Refusal, match=r"^b\.csv has its times in 'Timestamp', but a\.csv in 'time': give them one name"
    ):
        read_table(["a.csv", "b.csv"])
    # What both have is the clock, whatever else is called a time.
    Path("a.csv").write_bytes(csv(0, 2, "X,time,B\n"))
    Path("b.csv").write_bytes(csv(2, 4, "X,Timestamp,B\n"))
    assert read_table(["a.csv", "b.csv"]).height == 4


def test_bad_rows_of_several_files_name_theirs() -> None:
    Path("a.csv").write_bytes(csv(0, 5))
    Path("b.csv").write_bytes(csv(5, 9) + b"2024-03-09,1,2,3\n")
    with pytest.raises(Refusal, match=r"^b\.csv, row 6: 4 cells"):
        read_table(["a.csv", "b.csv"])
    raw = read_table(["a.csv", "b.csv"], ReadOptions(bad_rows=OnBadRow.skip))
    assert numbers(raw) == list(range(9))
    assert raw.bad_rows.lines()[1].startswith("b.csv, row 6: ")


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(Refusal, match="is no name of a file"):
        read_table("a\0b.csv")
