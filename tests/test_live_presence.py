"""Sensors without readings: absent, renamed, dead, or at a code for good. Told as it begins and ends, once each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from acm_rs import Monitor
from acm_rs.live.presence import Presence
from acm_rs.live.rows import Rows
from acm_rs.live.sources.adapter import Adapted
from acm_rs.monitor.presence import spans
from acm_rs.monitor.saving import WATCH, pack, unpack
from cli import plant
from live import COLUMNS, TRAINED, Memory, later, model, text_of, watch

NAME = "Bearing Temp"
MEANWHILE = "; no fault of it is seen meanwhile"
ABSENT = (
    "source: 1 sensor is absent and counts as missing: 'Bearing Temp' (the rows since 2026-01-11 10:00)" + MEANWHILE
)
RENAMED = (
    "source: 'bearing_temp', not known at the fit, reads as 'Bearing Temp' did, which is absent; if it was renamed, "
    "give the column its former name"
)


def changed(what: str, frame: pl.DataFrame) -> pl.DataFrame:
    """A later file, other than the history from row 100 on."""
    late = pl.arange(0, frame.height, eager=True) >= 100
    if what == "absent":
        return frame.drop(NAME)
    if what == "renamed":
        return frame.rename({NAME: "bearing_temp"})
    gone = {"dead": None, "coded": -9999.0}[what]
    return frame.with_columns(pl.when(late).then(gone).otherwise(pl.col(NAME)).alias(NAME))


TOLD = {
    "absent": [ABSENT],
    "renamed": [ABSENT, RENAMED],
    "dead": [f"source: without any reading since 2026-01-12 02:40: 'Bearing Temp'{MEANWHILE}"],
    "coded": [
        "source: without any reading since 2026-01-12 02:40: 'Bearing Temp' (Bearing Temp reads -9999, which counts as "
        f"none){MEANWHILE}"
    ],
}


@pytest.mark.parametrize("what", list(TOLD))
@pytest.mark.parametrize("pieces", [(300,), (50, 105, 300)])
def test_a_growing_file(tmp_path: Path, what: str, pieces: tuple[int, ...]) -> None:
    path, keeper, notes = tmp_path / "fan.csv", Memory(), []
    lines = text_of(changed(what, later()[:300])).splitlines(keepends=True)
    for rows in pieces:
        path.write_bytes(b"".join(lines[: rows + 1]))
        one = watch(path, keeper, [], notes)
        one.run()
    assert notes == TOLD[what]
    assert one.missing == [NAME]


@pytest.mark.parametrize("what", ["absent", "renamed"])
def test_a_folder_tells_again_only_what_is_other(tmp_path: Path, what: str) -> None:
    keeper, notes, frame = Memory(), [], later()[:250]
    changed(what, frame[:50]).write_csv(tmp_path / "1.csv")
    changed(what, frame[50:100]).write_parquet(tmp_path / "2.parquet")
    watch(tmp_path, keeper, [], notes).run()
    assert notes == TOLD[what]
    frame[100:].write_csv(tmp_path / "3.csv")
    one = watch(tmp_path, keeper, [], notes)
    one.run()
    assert [note for note in notes if "Bearing" in note][len(TOLD[what]) :] == [
        "source: readings again since 2026-01-12 02:40: 'Bearing Temp', of which there had been none since "
        "2026-01-11 10:00"
    ]
    assert one.missing == []


class Given:
    """An adapter that gives what it has, some rows at a time."""

    def __init__(self, frame: pl.DataFrame, many: int) -> None:
        self.rows = [(row.pop("TS"), row) for row in frame.to_dicts()]
        self.many = many

    def poll(self, position: int | None) -> tuple[list[Any], int]:
        first = position or 0
        return self.rows[first : first + self.many], min(first + self.many, len(self.rows))


@pytest.mark.parametrize("many", [7, 300])
def test_an_adapter(many: int) -> None:
    """What an adapter has not given yet may still come: it is told when it has not come for long."""
    notes: list[str] = []
    watch(Adapted(Path("plant"), Given(changed("renamed", later()[:100]), many), COLUMNS), Memory(), [], notes).run()
    assert notes == [
        f"source: without any reading since 2026-01-11 10:00: 'Bearing Temp'{MEANWHILE}",
        RENAMED,
    ]


def test_a_query_without_a_column(tmp_path: Path) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    from acm_rs.live.sources.sql import Query

    where = f"sqlite:///{tmp_path / 'plant.sqlite'}"
    engine, query, keeper, notes = sqlalchemy.create_engine(where), tmp_path / "readings.sql", Memory(), []
    query.write_text('SELECT at, "Load", "Flow", "Current" FROM readings WHERE at > :since ORDER BY at')
    kinds = [sqlalchemy.Column(name, sqlalchemy.Float) for name in COLUMNS]
    table = sqlalchemy.Table("readings", sqlalchemy.MetaData(), sqlalchemy.Column("at", sqlalchemy.DateTime), *kinds)
    table.metadata.create_all(engine)
    for part in (later()[:9], later()[9:60]):
        with engine.begin() as connection:
            connection.execute(sqlalchemy.insert(table), part.rename({"TS": "at"}).select("at", *COLUMNS).to_dicts())
        watch(Adapted(Path("readings"), Query(query, where), COLUMNS), keeper, [], notes).run()
    engine.dispose()
    assert notes == [ABSENT]


def test_what_was_as_long_in_the_history_is_not_told(tmp_path: Path) -> None:
    frame = plant()[:TRAINED]
    rows = pl.arange(0, frame.height, eager=True)
    frame = frame.with_columns(pl.when((rows >= 500) & (rows < 600)).then(None).otherwise(pl.col(NAME)).alias(NAME))
    monitor = Monitor.from_bytes(Monitor().fit(frame).to_bytes(history=False))
    assert spans(*of(monitor)) == [202 if name == NAME else 20 for name in monitor._fitted()[0].names]
    for gone, many in ((190, 0), (230, 1)):
        path, notes = tmp_path / f"{gone}.csv", []
        late = later()[:300]
        rows = pl.arange(0, late.height, eager=True)
        late = late.with_columns(pl.when(rows < gone).then(None).otherwise(pl.col(NAME)).alias(NAME))
        path.write_bytes(text_of(late))
        one = watch(path, Memory(), [], notes)
        one._presence = Presence(monitor)
        one.run()
        assert len(notes) == 2 * many


def of(monitor: Monitor) -> tuple[Any, Any]:
    return monitor._fitted()[0], monitor._about


def test_a_former_model_knows_how_many_there_were() -> None:
    monitor = Monitor.from_bytes(model())
    rules, about = of(monitor)
    quality = [{**row, "missing": 0.02, "codes": 5} if row["sensor"] == NAME else row for row in about["quality"]]
    former = {name: value for name, value in about.items() if name != "gaps"} | {"quality": quality}
    assert spans(rules, former)[rules.names.index(NAME)] == 2 * (round(0.02 * about["rows"]) + 5) + 2


def test_a_former_state_is_gone_on_from(tmp_path: Path) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()[:50]))
    watch(path, keeper, []).run()
    settings, arrays, version, _ = unpack(keeper.state or b"", WATCH)
    for name in ("presence", "passed", "heard"):
        del settings[name]
    keeper.state = pack(settings, arrays, version, WATCH)
    path.write_bytes(text_of(later()[:100]))
    one = watch(path, keeper, [])
    one.run()
    assert one.counts.rows == 100


@pytest.mark.parametrize("seed", range(20))
def test_pieces_tell_what_the_whole_tells(seed: int) -> None:
    random = np.random.default_rng(seed)
    monitor = Monitor.from_bytes(model())
    n = 400
    values = np.full((n, len(monitor.feature_names_in_)), 50.0)
    for place in range(values.shape[1]):
        gone = np.repeat(random.random(n // 4) < random.uniform(0.2, 0.9), 4) ^ (random.random(n) < 0.05)
        values[gone, place] = np.nan
    rows = Rows(values, np.arange(n, dtype=np.int64) * 600 * 10**9)

    def told(cuts: list[int]) -> list[str]:
        one, notes = Presence(monitor), []
        for first, last in zip([0, *cuts], [*cuts, n], strict=True):
            again = Presence(monitor)
            again.go_on(one.put())
            one = again
            notes += one.take(rows.take(slice(first, last)), first, lambda place: str(place))
        return sorted(notes)

    whole = told([])
    assert whole
    single = told(list(range(1, n)))
    # Sensors that begin or end at once in one batch share a sentence.
    assert {part for note in single for part in parts(note)} == {part for note in whole for part in parts(note)}


def parts(note: str) -> set[str]:
    return {f"{note.partition(':')[0]}: {name}" for name in COLUMNS if f"'{name}'" in note}


def test_a_sensor_that_never_was_used_is_not_missed(tmp_path: Path) -> None:
    """Columns that the fit left out may go."""
    frame = plant()[:TRAINED].with_columns(Spare=pl.lit(None, pl.Float64))
    monitor = Monitor().fit(frame)
    one = Presence(monitor)
    values = np.full((100, len(monitor.feature_names_in_)), 50.0)
    values[:, list(monitor.feature_names_in_).index("Spare")] = np.nan
    assert one.take(Rows(values, None), 0, str) == []
