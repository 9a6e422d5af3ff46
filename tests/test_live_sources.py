"""Sources give the rows that reading the finished file would give, whatever becomes of the file meanwhile."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors
from acm_rs.files.times import DateOrder
from acm_rs.live.head import Head, nanoseconds, readings
from acm_rs.live.rows import put_together
from acm_rs.live.sources.file import GrowingFile
from acm_rs.live.sources.folder import Folder
from acm_rs.live.sources.stdin import StandardInput
from hypothesis import given, settings
from hypothesis import strategies as st
from live import COLUMNS, later, text_of

ROWS = 130
PLAIN = ReadOptions()


def german(frame: pl.DataFrame) -> bytes:
    """Semicolons, decimal commas, day first, a row of units, quality columns and a footer of nothing."""
    lines = ["Zeit;Load;Load Status;Flow;Bearing Temp;Current", ";kW;;m3/h;°C;A"]
    for at, (when, load, flow, bearing, current, _) in enumerate(frame.iter_rows()):
        numbers = [f"{value:.4f}".replace(".", ",") for value in (load, flow, bearing, current)]
        numbers.insert(1, "Bad" if at % 17 == 3 else "Good")
        lines.append(";".join([f"{when:%d.%m.%Y %H:%M}", *numbers]))
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def american(frame: pl.DataFrame) -> bytes:
    """Tabs, month first with am and pm, words for no value, numbers in quotation marks."""
    lines = ["Date\tTime\tLoad\tFlow\tBearing Temp\tCurrent"]
    for at, (when, load, flow, bearing, current, _) in enumerate(frame.iter_rows()):
        cells = [f'"{load:.3f}"', "No Data" if at % 11 == 5 else f"{flow:.3f}", f"{bearing:.2f}", f"{current:.3f}"]
        lines.append("\t".join([f"{when:%m/%d/%Y}", f"{when:%I:%M:%S %p}", *cells]))
    return ("\n".join(lines) + "\n").encode()


def blanks(frame: pl.DataFrame) -> bytes:
    lines = [f"{'TS':<22}{'Load':>12}{'Flow':>12}{'Current':>12}"]
    lines += [f"{when:%Y-%m-%dT%H:%M:%S}   {a:>12.3f}{b:>12.3f}{c:>12.3f}" for when, a, b, _, c, _ in frame.iter_rows()]
    return ("\n".join(lines) + "\n").encode()


def zoned(frame: pl.DataFrame) -> bytes:
    return frame.with_columns(pl.col("TS").dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")).write_csv().encode()


WRITTEN = {"plain": text_of, "german": german, "american": american, "blanks": blanks, "zoned": zoned}


def whole(path: Path, options: ReadOptions = PLAIN) -> tuple[np.ndarray, np.ndarray, bool]:
    """What reading the finished file gives."""
    table = load_sensors(path, options, needed=COLUMNS, own_codes=True)
    assert table.time is not None
    times, utc = nanoseconds(table.time)
    assert times is not None
    return times, readings(table.frame, COLUMNS), utc


def drained(source: Any) -> list[Any]:
    found = []
    while (batch := source.poll()) is not None:
        found.append(batch)
    return found


def checked(batches: list[Any], path: Path, options: ReadOptions = PLAIN) -> None:
    times, values, utc = whole(path, options)
    rows = put_together([batch.rows for batch in batches])
    np.testing.assert_array_equal(rows.times, times)
    np.testing.assert_array_equal(rows.values, values)
    assert {batch.utc for batch in batches if len(batch.rows)} == {utc}


# ---- a file that grows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", WRITTEN)
@settings(max_examples=6)
@given(st.data())
def test_a_file_in_pieces_gives_what_the_finished_file_gives(written: str, data: st.DataObject) -> None:
    """Pieces end anywhere, in the middle of a line or of a letter, and the reader is begun anew between them."""
    text = WRITTEN[written](later()[:ROWS])
    folder = Path(os.environ["ACM_TEST_FOLDER"])
    path = folder / f"{written}.csv"
    options = ReadOptions(date_order=DateOrder.mdy) if written == "american" else ReadOptions()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    path.write_bytes(b"")
    source = GrowingFile(path, options, COLUMNS)
    found = []
    for first, last in zip([0, *cuts], [*cuts, len(text)], strict=True):
        with path.open("ab") as file:
            file.write(text[first:last])
        got = drained(source)
        found += got
        if got and data.draw(st.booleans()):
            position = json.loads(json.dumps(got[-1].position))
            source.close()
            source = GrowingFile(path, options, COLUMNS)
            source.go_on(position)
    source.close()
    checked(found, path, options)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACM_TEST_FOLDER", str(tmp_path))


def lines_of(frame: pl.DataFrame) -> tuple[bytes, bytes]:
    """The header and the rows."""
    text = text_of(frame)
    cut = text.index(b"\n") + 1
    return text[:cut], text[cut:]


def times_in(batches: list[Any]) -> list[int]:
    return [time for batch in batches for time in batch.rows.times.tolist()]


def expected(frame: pl.DataFrame) -> list[int]:
    times, _ = nanoseconds(frame["TS"])
    assert times is not None
    return times.tolist()


@pytest.fixture(params=["held", "let go of"])
def holding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a file is held open between looks; on Windows it never is."""
    if os.name != "nt":
        monkeypatch.setattr("acm_rs.live.sources.file._HOLDS", request.param == "held")
    elif request.param == "held":
        pytest.skip("a file that is held open cannot be renamed")


@pytest.mark.usefixtures("holding")
@pytest.mark.parametrize("headed", [True, False])
@pytest.mark.parametrize("restarted", [True, False])
def test_a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_beginning(
    tmp_path: Path, headed: bool, restarted: bool
) -> None:
    frame, path = later()[:90], tmp_path / "fan.csv"
    header, first = lines_of(frame[:50])
    path.write_bytes(header + first[:-30])
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    found = drained(source)
    with path.open("ab") as file:
        # The last line of a log that is rotated may have no end.
        file.write(first[-30:].rstrip(b"\n"))
    path.rename(tmp_path / "fan.csv.1")
    (tmp_path / "fan.csv.0").write_bytes(b"something else\n")
    path.write_bytes((header if headed else b"") + lines_of(frame[50:])[1])
    if restarted:
        position = found[-1].position
        source.close()
        source = GrowingFile(path, ReadOptions(), COLUMNS)
        source.go_on(position)
    found += drained(source)
    source.close()
    assert times_in(found) == expected(frame)
    assert sum(batch.bad for batch in found) == 0
    assert any("another file now" in note for batch in found for note in batch.notes)


@pytest.mark.usefixtures("holding")
def test_a_truncated_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    frame, path = later()[:90], tmp_path / "fan.csv"
    path.write_bytes(text_of(frame[:60]))
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    found = drained(source)
    for rows in (slice(60, 70), slice(70, 90)):
        # The second time as long as before, or longer.
        path.write_bytes(text_of(frame[rows]) if rows.start == 60 else text_of(frame[70:90]))
        found += drained(source)
    source.close()
    assert times_in(found) == expected(frame)
    assert any("cut or written anew" in note for batch in found for note in batch.notes)


@pytest.mark.usefixtures("holding")
def test_an_export_written_anew_with_more_rows_goes_on_where_it_was(tmp_path: Path) -> None:
    frame, path = later()[:90], tmp_path / "fan.csv"
    found: list[Any] = []
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    assert source.poll() is None
    for rows in (20, 55, 90):
        (tmp_path / "draft").write_bytes(text_of(frame[:rows]))
        (tmp_path / "draft").replace(path)
        found += drained(source)
    source.close()
    assert times_in(found) == expected(frame)


@pytest.mark.usefixtures("holding")
def test_another_head_is_learnt_and_columns_are_matched_by_name(tmp_path: Path) -> None:
    frame, path = later()[:80], tmp_path / "fan.csv"
    path.write_bytes(text_of(frame[:40]))
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    found = drained(source)
    (tmp_path / "new").write_bytes(text_of(frame[40:].select("TS", "Current", "Flow", "Bearing Temp", "Load")))
    (tmp_path / "new").replace(path)
    found += drained(source)
    source.close()
    rows = put_together([batch.rows for batch in found])
    np.testing.assert_array_equal(rows.values, frame.select(COLUMNS).to_numpy())
    assert any("another head" in note for batch in found for note in batch.notes)


@pytest.mark.parametrize("order", [["TS", "Current", "Load", "Bearing Temp", "Flow"], ["Load", "TS", *COLUMNS[1:]]])
@pytest.mark.parametrize(
    ("first", "size", "restarts"),
    [(90, 10_000, False), (90, 13, True), (20, 10_000, False), (20, 1, True), (1, 9, 0)],
)
def test_a_header_in_the_middle_of_a_file_is_learnt_anew(
    tmp_path: Path, order: list[str], first: int, size: int, restarts: bool
) -> None:
    """A logger that begins again appends a header with its columns in another order, and later the old one."""
    frame, path = later()[: first + 60], tmp_path / "fan.csv"
    before, after = text_of(frame[:first]), text_of(frame[first : first + 30].select(order))
    lines = (before + after + text_of(frame[first + 30 :])).splitlines(keepends=True)
    path.write_bytes(b"")
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    found: list[Any] = []
    for at in range(0, len(lines), size):
        with path.open("ab") as file:
            file.write(b"".join(lines[at : at + size]))
        found += drained(source)
        if restarts and found:
            source.close()
            source = GrowingFile(path, ReadOptions(), COLUMNS)
            source.go_on(json.loads(json.dumps(found[-1].position)))
    source.close()
    rows = put_together([batch.rows for batch in found])
    np.testing.assert_array_equal(rows.values, frame.select(COLUMNS).to_numpy())
    assert times_in(found) == expected(frame)
    assert sum(batch.bad for batch in found) == 0
    said = [note for batch in found for note in batch.notes]
    assert [note.partition("; ")[2] for note in said] == ["its columns are matched by name again"] * 2
    assert f"row {first + 2}:" in said[0]


def test_files_of_a_folder_keep_a_head_from_their_middle(tmp_path: Path) -> None:
    frame = later()[:120]
    order = ["TS", "Current", "Load", "Bearing Temp", "Flow"]
    (tmp_path / "1.csv").write_bytes(text_of(frame[:30]) + text_of(frame[30:50].select(order)))
    (tmp_path / "2.csv").write_bytes(text_of(frame[70:90]))
    source = Folder(tmp_path, ReadOptions(), COLUMNS)
    found = drained(source)
    source.close()
    with (tmp_path / "1.csv").open("ab") as file:
        file.write(text_of(frame[50:70].select(order)).partition(b"\n")[2])
    again = Folder(tmp_path, ReadOptions(), COLUMNS)
    again.go_on(json.loads(json.dumps(found[-1].position)))
    found += drained(again)
    again.close()
    rows = put_together([batch.rows for batch in found])
    assert rows.times is not None
    inorder = rows.take(np.argsort(rows.times))
    np.testing.assert_array_equal(inorder.values, frame[:90].select(COLUMNS).to_numpy())


def test_bad_rows_are_counted_named_and_left_out(tmp_path: Path) -> None:
    frame, path = later()[:30], tmp_path / "fan.csv"
    header, rows = lines_of(frame)
    lines = rows.splitlines(keepends=True)
    bad = [b"rubbish\n", b"2026-01-12T00:00:00,1,2,3,4,ok,7,8\n", b"2026-13-01T00:00:00,1,2,3,4,ok\n"]
    bad += [b"2026-01-12T00:00:00,12;5,2,3,4,ok\n", b'2026-01-12T00:00:00,"1,2,3,4,ok\n', b"\n"]
    spoilt = [line for pair in zip(lines, bad + [b""] * len(lines), strict=False) for line in pair]
    path.write_bytes(header + b"".join(spoilt))
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    found = drained(source)
    source.close()
    assert times_in(found) == expected(frame)
    # A blank line is none.
    assert sum(batch.bad for batch in found) == len(bad) - 1
    assert "row 3" in found[0].notes[0]


def test_remarks_below_one_above_the_header_are_no_bad_rows(tmp_path: Path) -> None:
    frame, path = later()[:200], tmp_path / "fan.csv"
    header, rows = lines_of(frame)
    lines = rows.splitlines(keepends=True)
    remarks = [b"# stopped\n", b"# checked, by Huber\n"]
    path.write_bytes(b"# logger 3\n" + header + b"".join([*lines[:150], *remarks, *lines[150:]]))
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    found = drained(source)
    source.close()
    assert times_in(found) == expected(frame)
    assert sum(batch.bad for batch in found) == 0


def test_the_head_alone_waits_for_a_row(tmp_path: Path) -> None:
    path = tmp_path / "fan.csv"
    header, rows = lines_of(later()[:6])
    path.write_bytes(header + rows[:150])
    source = GrowingFile(path, ReadOptions(), COLUMNS)
    assert source.poll() is None
    assert source.idle.endswith("its head is awaited")
    once = GrowingFile(path, ReadOptions(), COLUMNS, once=True)
    assert times_in(drained(once)) == expected(later()[:1])
    once.close()
    with path.open("ab") as file:
        file.write(rows[150:-5])
    assert times_in(drained(source)) == expected(later()[:5])
    assert source.idle == ""
    source.close()


def test_what_cannot_be_followed_is_refused() -> None:
    name = Path("x.csv")
    with pytest.raises(Refusal, match="UTF-16"):
        Head(text_of(later()[:3]).decode().encode("utf-16"), name, ReadOptions(), COLUMNS)
    long = b"time,tag,value\n" + b"".join(
        f"2026-01-01 00:{minute:02d},{tag},{minute}.5\n".encode() for minute in range(30) for tag in COLUMNS
    )
    with pytest.raises(Refusal, match="long"):
        Head(long, name, ReadOptions(), COLUMNS)


# ---- a folder -------------------------------------------------------------------------------------------------------


def test_a_folder_is_read_in_the_order_of_names_and_its_last_text_as_it_grows(tmp_path: Path) -> None:
    frame = later()[:200]
    parts = [frame[:40], frame[40:80], frame[80:120], frame[120:160], frame[160:]]
    (tmp_path / "log2.csv").write_bytes(text_of(parts[0])[:-1])
    (tmp_path / "log10.csv.gz").write_bytes(gzip.compress(text_of(parts[1])))
    parts[2].write_parquet(tmp_path / "log11.parquet")
    (tmp_path / ".hidden.csv").write_bytes(b"x\n")
    (tmp_path / "log9.csv.part").write_bytes(b"x\n")
    (tmp_path / "log3.zip").write_bytes(b"PK\x03\x04 cut off")
    source = Folder(tmp_path, ReadOptions(), COLUMNS)
    found = drained(source) + drained(source) + drained(source)
    assert any("left out" in note for batch in found for note in batch.notes)
    (tmp_path / "log3.zip").unlink()
    position = json.loads(json.dumps(found[-1].position))
    source.close()
    source = Folder(tmp_path, ReadOptions(), COLUMNS)
    source.go_on(position)
    assert drained(source) == []
    text = text_of(parts[3])
    for cut in (700, 1_000, len(text)):
        (tmp_path / "log12.csv").write_bytes(text[:cut])
        found += drained(source)
    (tmp_path / "log13.csv").write_bytes(text_of(parts[4]))
    found += drained(source)
    source.close()
    assert times_in(found) == expected(frame)


def test_files_of_a_folder_have_heads_of_their_own_and_old_ones_may_grow(tmp_path: Path) -> None:
    frame = later()[:90]
    turned = frame.select("TS", "Current", "Flow", "Bearing Temp", "Load")
    (tmp_path / "a.csv").write_bytes(text_of(frame[:30]))
    (tmp_path / "b.csv").write_bytes(text_of(turned[30:60]))
    source = Folder(tmp_path, ReadOptions(), COLUMNS)
    found = drained(source)
    # One that was written to its end, as it seemed, and one without a header.
    with (tmp_path / "a.csv").open("ab") as file:
        file.write(lines_of(frame[60:75])[1])
    found += drained(source)
    (tmp_path / "a2.csv").write_bytes(lines_of(frame[75:80])[1])
    position = json.loads(json.dumps(found[-1].position))
    source.close()
    source = Folder(tmp_path, ReadOptions(), COLUMNS)
    source.go_on(position)
    with (tmp_path / "b.csv").open("ab") as file:
        file.write(lines_of(turned[80:])[1])
    found += drained(source)
    source.close()
    rows = put_together([batch.rows for batch in found])
    order = np.argsort(rows.times, kind="stable")
    kept = np.r_[0:75, 80:90]
    np.testing.assert_array_equal(rows.take(order).values, frame[kept].select(COLUMNS).to_numpy())
    assert any("a2.csv" in note for batch in found for note in batch.notes)


def test_bad_rows_of_a_finished_file_are_counted(tmp_path: Path) -> None:
    header, rows = lines_of(later()[:40])
    lines = rows.splitlines(keepends=True)
    spoilt = header + b"".join([*lines[:20], b"2026-01-12T00:00:00,a,2,3,4,ok\n", b"x,1,2,3,4,ok\n", *lines[20:]])
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(spoilt))
    (batch,) = drained(Folder(tmp_path, ReadOptions(), COLUMNS, once=True))
    assert (len(batch.rows), batch.bad, len(batch.notes)) == (40, 2, 2)
    assert "row 22" in batch.notes[0]


def test_a_folder_read_once_takes_all_as_finished(tmp_path: Path) -> None:
    later()[:50].write_parquet(tmp_path / "a.parquet")
    source = Folder(tmp_path, ReadOptions(), COLUMNS, once=True)
    assert times_in(drained(source)) == expected(later()[:50])


# ---- standard input -------------------------------------------------------------------------------------------------


def test_a_pipe_gives_its_rows_and_its_last_line_without_an_end(tmp_path: Path) -> None:
    frame = later()[:50]
    reading, writing = os.pipe()
    source = StandardInput(ReadOptions(), COLUMNS, descriptor=reading)
    text = text_of(frame)[:-1]
    found = []
    for first in range(0, len(text), 700):
        os.write(writing, text[first : first + 700])
        found += drained(source)
    os.close(writing)
    while not source.ended:
        found += drained(source)
    os.close(reading)
    assert times_in(found) == expected(frame)
