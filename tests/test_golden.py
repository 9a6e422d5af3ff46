"""Files of every format that there ever was load, and give what they gave; no format is without such a file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import acm_rs
import golden
import numpy as np
import pytest
from acm_rs.fleet import ledger
from acm_rs.monitor import saving
from golden import NEVER_WRITTEN, Golden, answers, read, written

ENGINE = sorted(name for name in read() if name.split(" ")[0] in acm_rs.__all__)
OLDER_INSIDE = {"RegimeDetector 3", "RegimeDetector 3 live"}
"""They hold detectors of a format before the present one, and are written with those of the present one."""
WHOLE = {
    "FadingMoments": "acm_rs.FadingMoments",
    "Monitor": "acm_rs.Monitor",
    "Monitor.memory": "acm_rs.Monitor.memory",
    "watch": "acm_rs.watch",
}


def _loaded(one: Golden) -> Any:
    return getattr(acm_rs, one.of).from_bytes(one.data)


def _same(found: Any, expected: Any, what: str) -> None:
    assert np.shape(found) == np.shape(expected), what
    # Readings of thousands and scores near nothing alike: 1e-12 of what is told, or of 1.
    np.testing.assert_allclose(
        np.array(found, float), np.array(expected, float), rtol=1e-12, atol=1e-12, equal_nan=True, err_msg=what
    )


@pytest.mark.parametrize("name", ENGINE)
def test_a_file_gives_what_it_gave(name: str) -> None:
    one = read()[name]
    found = answers(name, _loaded(one), one.rows)
    assert set(found) >= set(one.said)
    for what, expected in one.said.items():
        _same(found[what], expected, f"{name}: {what}")


@pytest.mark.parametrize("name", ENGINE)
def test_a_file_of_the_present_format_is_written_again_byte_for_byte(name: str) -> None:
    one = read()[name]
    model = _loaded(one)
    again = model.to_bytes(**({"history": False} if "lean" in name else {}))
    assert (again == one.data) == (written(model) == one.kind and name not in OLDER_INSIDE)
    # What an older format held goes on in the present one.
    found = answers(name, type(model).from_bytes(again), one.rows)
    for what, expected in one.said.items():
        _same(found[what], expected, f"{name}: {what}")


def test_the_state_of_a_monitor_goes_on_beside_its_model() -> None:
    model, state = acm_rs.Monitor.from_bytes(read()["Monitor 1 lean"].data), read()["Monitor.memory 1"]
    model.state_from_bytes(state.data)
    assert model.state_to_bytes() == state.data
    for what, expected in answers("Monitor", model, state.rows).items():
        _same(expected, state.said[what], what)


def _went_on(folder: Path, keeper: Any) -> list[Any]:
    told: list[Any] = []
    golden.a_watch(folder, read()["Monitor 1 lean"].data, keeper(folder), told, 160).run()
    return told


def _alike(told: Any, expected: Any, above: str = "") -> None:
    assert type(told) is type(expected), above
    if isinstance(told, dict):
        assert set(told) >= set(expected), above
        for key, value in expected.items():
            _alike(told[key], value, f"{above}.{key}")
    elif isinstance(told, list):
        assert len(told) == len(expected), above
        for number, value in enumerate(expected):
            _alike(told[number], value, f"{above}[{number}]")
    elif isinstance(told, float):
        _same(told, expected, above)
    else:
        assert told == expected, above


def test_a_watch_goes_on_from_its_state(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(read()["watch 1"].data)
    told = _went_on(tmp_path, golden.state_file)
    assert told
    _alike(told, read()["watch 1"].said["told"])


def test_a_watch_goes_on_from_its_store(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")
    from acm_rs.live.store.desk import Desk

    connection = sqlite3.connect(tmp_path / "store")
    connection.executescript(read()["store 1"].data.decode())
    connection.close()
    desk = Desk(f"sqlite:///{tmp_path / 'store'}")
    before = len(desk.alarms())
    assert before
    _alike(_went_on(tmp_path, golden.store_file), read()["store 1"].said["told"])
    assert len(desk.alarms()) >= before
    desk.close()


def test_a_fleet_knows_its_notes(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    from acm_rs import fleet

    one = read()["fleet 1"]
    (tmp_path / "status").mkdir()
    (tmp_path / "status" / one.said["place"]).write_bytes(one.data)
    (found,) = fleet.status(tmp_path)
    assert found.asset == one.said["asset"]


def test_nothing_can_be_written_that_has_no_stored_file() -> None:
    made = list(golden.models())
    saving_classes = {name for name in acm_rs.__all__ if hasattr(getattr(acm_rs, name), "to_bytes")}
    assert {name.split(" ")[0] for name, _ in made} == saving_classes - {"Monitor"}
    assert {name for name, _ in made} <= set(read())
    with pytest.raises(ValueError, match="`kind` must be one of") as told:
        acm_rs.RollingState("none", 5, 2)
    kinds = set(str(told.value).split("one of ")[1].split(", got")[0].split(", "))
    assert kinds == {kind.removesuffix(" over time") for kind in golden.ROLLING}
    for kind in saving.CALLED:
        short = next(name for name, full in WHOLE.items() if full == kind)
        assert f"{short} {saving.FORMATS[kind]}" in read()
    assert f"fleet {ledger.FORMAT}" in read()
    tables = pytest.importorskip("acm_rs.live.store.tables", reason="SQLAlchemy is not installed")
    assert f"store {tables.VERSION}" in read()


def _newest() -> Iterator[tuple[str, int]]:
    kinds = [one.kind.split(" ") for one in read().values()]
    for name in {name for name, _ in kinds}:
        yield name, max(int(version) for of, version in kinds if of == name)


def test_no_former_format_is_without_a_stored_file() -> None:
    kinds = {one.kind for one in read().values()}
    every = {f"{name} {version}" for name, newest in _newest() for version in range(1, newest + 1)}
    assert every - kinds == NEVER_WRITTEN


def test_the_figures_and_the_files_are_the_same_ones() -> None:
    beside = {golden.FIGURES.name, golden.PUMP.name, golden.SUMS.name}
    there = {path.name for path in golden.FOLDER.iterdir()} - beside
    assert there == {golden.path_of(name).name for name in json.loads(golden.FIGURES.read_text(encoding="utf-8"))}
    assert sum(path.stat().st_size for path in golden.FOLDER.iterdir()) < 1_500_000


def test_what_is_stored_stays_as_it_was() -> None:
    assert golden.frozen()
    assert not golden.changed(), "what is written otherwise has the next format; these stay as they were"


def test_all_that_is_stored_has_its_sum() -> None:
    assert set(golden.sums()) == set(golden.frozen()), "python tests/golden.py adds them"


@pytest.mark.parametrize("lost", ["Cusum-2.acm", "figures.json: Cusum 2"])
def test_the_script_writes_nothing_where_something_has_changed(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(golden.FOLDER, folder)
    for name in ("FIGURES", "PUMP", "SUMS"):
        monkeypatch.setattr(golden, name, folder / getattr(golden, name).name)
    monkeypatch.setattr(golden, "FOLDER", folder)
    assert not golden.changed()
    if lost.endswith(".acm"):
        (folder / lost).write_bytes(b"other")
    else:
        figures = json.loads(golden.FIGURES.read_text(encoding="utf-8"))
        del figures[lost.partition(": ")[2]]
        golden.FIGURES.write_text(json.dumps(figures), encoding="utf-8")
    before = golden.sums()
    with pytest.raises(SystemExit, match=f"has the next format: {lost}$"):
        golden.main()
    assert golden.sums() == before
