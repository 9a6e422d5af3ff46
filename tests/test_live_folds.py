"""The clock that goes back in autumn: however the rows of a growing file are cut, their times are those of the file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors
from acm_rs.live.head import nanoseconds
from acm_rs.live.rows import put_together
from acm_rs.live.sources.file import GrowingFile
from acm_rs.live.sources.folder import Folder

ROWS = 150
BEGINS = {
    "autumn, in the head": datetime(2024, 10, 26, 20, tzinfo=UTC),
    "autumn, behind the head": datetime(2024, 10, 26, 8, tzinfo=UTC),
    "spring, in the head": datetime(2024, 3, 30, 20, tzinfo=UTC),
    "spring, behind the head": datetime(2024, 3, 30, 8, tzinfo=UTC),
    "summer": datetime(2024, 7, 1, tzinfo=UTC),
}


def lines(begin: datetime, rows: int = ROWS) -> list[str]:
    zone = ZoneInfo("Europe/Berlin")
    at = [(begin + timedelta(minutes=10 * row)).astimezone(zone) for row in range(rows)]
    return [f"{time:%Y-%m-%d %H:%M},{20 + 3 * np.sin(row / 9):.3f},{row % 7}.5\n" for row, time in enumerate(at)]


def read(path: Path, rows: list[str], cuts: list[int], zone: str | None) -> tuple[list[int], int, list[str], bool]:
    options, columns = ReadOptions(timezone=zone), ["a", "b"]
    path.write_text("TS,a,b\n")
    source = GrowingFile(path, options, columns)
    found, at = [], 0
    for cut in [*cuts, len(rows)]:
        with path.open("a") as file:
            file.write("".join(rows[at:cut]))
        at, before = cut, len(found)
        while (batch := source.poll()) is not None:
            found.append(batch)
        if len(found) > before:
            source.close()
            source = GrowingFile(path, options, columns)
            source.go_on(json.loads(json.dumps(found[-1].position)))
    source.close()
    times = put_together([batch.rows for batch in found]).times
    assert times is not None
    notes = [note for batch in found for note in batch.notes]
    return times.tolist(), sum(batch.bad for batch in found), notes, found[-1].utc


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("cuts", [[], [40, 85], list(range(20, ROWS, 7)), list(range(70, 105))])
@pytest.mark.parametrize("when", BEGINS)
def test_times_are_those_of_the_finished_file_however_it_is_cut(
    tmp_path: Path, when: str, cuts: list[int], zone: str | None
) -> None:
    rows, path = lines(BEGINS[when]), tmp_path / "fan.csv"
    times, bad, notes, utc = read(path, rows, cuts, zone)
    whole = load_sensors(path, ReadOptions(timezone=zone), needed=["a", "b"], own_codes=True)
    assert whole.time is not None
    expected, _ = nanoseconds(whole.time)
    assert expected is not None
    assert times == expected.tolist()
    assert (bad, utc) == (0, zone is not None)
    told = {None: "the clock went back an hour on 2024-10-27", "Europe/Berlin": "twice in Europe/Berlin on 2024-10-27"}
    assert [told[zone] in note for note in notes] == ([True] if "autumn" in when else [])
    if zone is not None:
        assert times == [int((BEGINS[when].timestamp() + 600 * row) * 10**9) for row in range(ROWS)]


def test_a_time_that_never_was_is_left_out_and_told(tmp_path: Path) -> None:
    rows = lines(BEGINS["spring, behind the head"])
    rows[90:90] = ["2024-03-31 02:30,1.5,2.5\n"]
    times, bad, notes, _ = read(tmp_path / "fan.csv", rows, [80], "Europe/Berlin")
    assert (len(times), bad) == (ROWS, 1)
    assert notes == ["2024-03-31 02:30:00 did not happen in Europe/Berlin, where clocks were put forward over it"]


def test_in_spring_the_clock_goes_forward_again(tmp_path: Path) -> None:
    begin = datetime(2024, 10, 26, tzinfo=UTC)
    rows = lines(begin, 6 * 24 * 160)
    times, _, notes, _ = read(tmp_path / "fan.csv", rows, [1_000, 20_000], None)
    winter = datetime(2025, 1, 1, tzinfo=UTC)
    for at in (begin, winter, datetime(2025, 4, 2, tzinfo=UTC)):
        row = int((at - begin).total_seconds()) // 600
        # By the summer's clock all the time.
        assert times[row] == int((at.timestamp() + 7_200) * 10**9)
    assert len(notes) == 1


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("at", [99, 103, 120])
def test_files_of_a_folder_are_one_clock(tmp_path: Path, at: int, zone: str | None) -> None:
    rows, folder = lines(BEGINS["autumn, behind the head"]), tmp_path / "in"
    expected, _, _, _ = read(tmp_path / "fan.csv", rows, [], zone)
    folder.mkdir()
    found = []
    options, position = ReadOptions(timezone=zone), None
    for number, part in enumerate((rows[:at], rows[at:])):
        (folder / f"{number}.csv").write_text("TS,a,b\n" + "".join(part))
        source = Folder(folder, options, ["a", "b"])
        if position is not None:
            source.go_on(json.loads(json.dumps(position)))
        while (batch := source.poll()) is not None:
            found.append(batch)
        position = found[-1].position
        source.close()
    times = put_together([batch.rows for batch in found]).times
    assert times is not None
    assert times.tolist() == expected
