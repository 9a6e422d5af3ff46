"""The SQL of every panel of the example's dashboard runs, in SQLite and PostgreSQL, and finds something."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from live import later, text_of, watch
from stores import Address, store

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

from acm_rs.live.store.desk import Desk  # noqa: E402

DASHBOARD = json.loads(
    (Path(__file__).resolve().parents[1] / "examples" / "grafana" / "dashboard.json").read_text(encoding="utf-8")
)
VALUES = {
    "$watch": "Pump 3",
    "$every": "10",
    "${__from:date:iso}": "2026-01-11T09:55:00.000Z",
    "${__to:date:iso}": "2026-01-14T12:00:00.000Z",
}


def statements() -> dict[str, str]:
    """The SQL of each panel and variable, with what Grafana puts in."""
    found = {panel["title"]: target["rawSql"] for panel in DASHBOARD["panels"] for target in panel["targets"]}
    found |= {one["name"]: one["query"] for one in DASHBOARD["templating"]["list"] if one["type"] == "query"}
    for title, sql in found.items():
        for name, value in VALUES.items():
            sql = sql.replace(name, value)
        assert "$" not in sql
        found[title] = sql
    return found


def test_every_panel_finds_something(address: Address, tmp_path: Path) -> None:
    where, path = address(), tmp_path / "fan.csv"
    path.write_bytes(text_of(later()))
    watch(path, store(where), []).run()
    desk = Desk(where)
    newest = desk.alarms()[0].row["episode"]
    desk.acknowledge([newest], "Huber", "seen")
    desk.shelve(newest, timedelta(hours=1), "Huber", "known")
    desk.close()
    engine = sqlalchemy.create_engine(where)
    found: dict[str, list[Any]] = {}
    with engine.connect() as connection:
        for title, sql in statements().items():
            found[title] = [tuple(row) for row in connection.exec_driver_sql(sql)]
            assert found[title], title
    engine.dispose()
    assert found["watch"] == [("Pump 3",)]
    assert found["Alarms that run"] == [(1,)]
    assert found["Not seen by anyone"] == [(2,)]
    # Rows from the beginning of the span to its end, ten to a point.
    inside = sum(1 for time in later()["TS"] if str(time) <= "2026-01-14 12:00:00")
    assert len(found["Score and limit"]) == -(-inside // 10)
    assert sum(row[1] for row in found["Regimes"]) == inside
    assert [row[3] for row in found["Alarms"]] == ["acknowledged", "returned", "returned"]
    assert next(row[0] for row in found["Sensors that did it"]) in ("Bearing Temp", "Load")
    assert [row[2] for row in found["What people did"]] == ["shelve", "ack"]
    assert 0 < found["Rows in alarm"][0][0] < 100


def test_panels_have_places_of_their_own_and_say_what_they_show() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
        assert re.fullmatch(r"[A-Z].*\.", panel["description"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
