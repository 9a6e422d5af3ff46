"""Wide files: few cells are looked at in another way than many, and must give the same; names are read once each."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from acm_rs.files import flags, long, short, time_parts
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors
from acm_rs.files.times import looks_like_clock, time_share

COLUMNS: dict[str, list[str | None]] = {
    "plain": ["1.5", " 2", "\t-3.25 ", "4e3"],
    "whole": ["20240301", "20240302", None, ""],
    "comma": ["1,5", "2,75", "3", "-4,5"],
    "dates": ["2024-03-01 00:10", "'2024-03-01 00:20", '="2024-03-01 00:30"', None],
    "marks_behind": ["5'", "6'", '7"', "8"],
    "clock": ["00:10", "00:20 ", "12:30:15", ""],
    "words": ["Good", "Bad", " ", None],
    "odd_number": ["inf", "nan", "1.5", "-1e999"],
    "dressed": ["12.5 m3/h", "> 3", "$ 4 000", "5 a very long tail"],
    "control": ["\x1c1.5", "2\x1f", "\v3", "4\f"],
    "line": ["1\n", "2\r\n", "3 kg\n4", "5"],
    "empty": ["", " ", None, "\t"],
    "beyond_ascii": ["21,5 °C", "\u00a03", "٣", "5"],
}


@pytest.mark.parametrize("name", list(COLUMNS))
def test_few_cells_are_judged_as_many_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = pl.Series(name, COLUMNS[name], dtype=pl.String)

    def judged() -> list[object]:
        numbers = time_parts.numbers_of(text)
        known = None if numbers is None else (numbers.dtype, numbers.to_list())
        return [time_share(text), looks_like_clock(text), long._share_of_numbers(text), known]

    few = judged()
    monkeypatch.setattr(short, "_FEW", 0)
    assert few == judged()


def test_names_are_read_once_for_each_quality_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count, asked = 40, []
    key_of = flags.key_of
    monkeypatch.setattr(flags, "key_of", lambda name: asked.append(name) or key_of(name))
    names = [f"TI{place:03}" for place in range(count)]
    lines = [",".join(["time", *names, *(f"{name}_Q" for name in names)])]
    for row in range(12):
        cells = [f"{20 + (7 * row + place) % 11}.5" for place in range(count)]
        lines.append(",".join([f"2024-03-01 00:{row:02}", *cells, *["Bad" if row == 3 else "Good"] * count]))
    source = tmp_path / "wide.csv"
    source.write_text("\n".join(lines) + "\n")
    frame = load_sensors(source, ReadOptions()).frame
    assert [name for name in frame.columns if name != "time"] == names
    assert all(frame[name].null_count() == 1 for name in names)
    assert len(asked) <= 6 * count
