"""Random tables, written in any dialect and read back: the same times, the same bits."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from corpus import Case, Table
from corpus_mixed import CHOICES, Dialect, frame, sensible, written
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_files_corpus import load, same

NAMES = ("Öldruck", "Débit", "Presión", "FAN1.VIB", "Bearing Temp", "Load, net", 'The "big" pump')
DIALECTS = st.builds(Dialect, **{name: st.sampled_from(sorted(set(choices))) for name, choices in CHOICES.items()})


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Readings at steady steps, some not there."""
    rows = draw(st.integers(3, 12))
    minutes = draw(st.sampled_from((1, 10, 60, 61, 1440)))
    start = datetime(2000, 1, 1) + timedelta(minutes=draw(st.integers(0, 20_000_000)))
    times = tuple(start + timedelta(minutes=minutes * k) for k in range(rows))
    values = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=rows, max_size=rows, unique=True)
    cells = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        # More readings than holes: a column without numbers is no sensor.
        holes = draw(st.sets(st.integers(0, rows - 1), max_size=(rows - 1) // 2))
        cells[name] = tuple(None if k in holes else repr(value) for k, value in enumerate(draw(values)))
    return Table(times, cells)


# Making a failing table smaller takes minutes, and it is small already.
@settings(max_examples=60, phases=(Phase.explicit, Phase.generate))
@given(table=tables(), dialect=DIALECTS)
def test_any_dialect_reads_back(table: Table, dialect: Dialect, tmp_path_factory: pytest.TempPathFactory) -> None:
    dialect = sensible(dialect)
    if dialect.container == "sheet":
        # Spreadsheets write 16 digits, and no number so large that 15 make it infinite.
        short = {
            n: tuple(c and f"{max(-1e308, min(1e308, float(c))):.15g}" for c in cells)
            for n, cells in table.cells.items()
        }
        table = Table(table.times, short)
    name, data = written(table, dialect)
    path = tmp_path_factory.getbasetemp() / f"dialect-{name}"
    path.write_bytes(data)
    said = {**dialect.options, "codes": "none"}
    same(load(Case("any", {}, frame(table, dialect), str(path), said)), frame(table, dialect))
    Path(path).unlink()
