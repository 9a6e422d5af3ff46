"""Exports in which each tag has a time column of its own."""

from __future__ import annotations

from pathlib import Path

import acm_rs
import pytest

NAMES = {
    "trend": ["oil ValueX", "oil ValueY", "speed ValueX", "speed ValueY"],
    "compressed": ["oil time", "oil", "speed time", "speed"],
    "numbered": ["Time", "oil", "Time.1", "speed"],
}


def written(folder: Path, names: list[str], late: int) -> Path:
    """Fifty rows; the second tag's times lie so many minutes after those of the first."""
    rows = [";".join(names)]
    for row in range(50):
        first, second = (
            f"2026-01-05 {row // 6:02}:{10 * (row % 6):02}",
            f"2026-01-05 {row // 6:02}:{10 * (row % 6) + late:02}",
        )
        rows.append(f"{first};{60 + row % 7}.5;{second};{900 + row}")
    path = folder / "pairs.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", NAMES)
def test_times_of_each_tag_are_not_those_of_the_first(kind: str, tmp_path: Path) -> None:
    names = NAMES[kind]
    path = written(tmp_path, names, 3)
    with pytest.raises(ValueError, match="hold times, each of the readings in the column beside it"):
        acm_rs.read_table(path)
    # One tag at a time, with its own times.
    speed = acm_rs.read_table(path, time_column=names[2], columns=[names[3]])
    assert speed.columns == [names[2], names[3]]
    assert [str(time) for time in speed[names[2]][:2]] == ["2026-01-05 00:03:00", "2026-01-05 00:13:00"]


def test_the_same_times_beside_each_tag_are_read(tmp_path: Path) -> None:
    for names in NAMES.values():
        table = acm_rs.read_table(written(tmp_path, names, 0))
        assert table.height == 50
        assert table[names[3]].to_list()[:2] == [900, 901]
