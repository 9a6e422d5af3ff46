"""A fleet on a cluster of two processes: the same bytes as on one, whatever is killed in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import acm_rs
import polars as pl
import pytest
from acm_rs import fleet
from acm_rs.fleet.crew import Crew, WorkerEnded
from acm_rs.fleet.names import safe
from conftest import HERE
from plant_fleet import contents, healthy, later, pump, statuses

distributed = pytest.importorskip("distributed")
psutil = pytest.importorskip("psutil")

PATIENCE = 180.0
"""Seconds after which what is waited for is taken for never coming."""
NAMES = ["Pump 3/A", "..", "Pümpe 東", "PUMP 1", "pump 1", "Pump 1", "con"]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Two worker processes of one thread each."""
    before, environment = children(), dict(os.environ)
    with Crew(2) as crew:
        yield crew._hands
    for which in (environment, now := dict(os.environ)):
        for name in ("PYTEST_CURRENT_TEST", "__DASK_PARENT_PID", "DASK_PARENT"):
            which.pop(name, None)
    assert now == environment
    wait(lambda: children() <= before)


def children() -> set[int]:
    """Processes under this one, but for what Python keeps of its own."""
    found = set()
    for one in psutil.Process().children(recursive=True):
        try:
            if "resource_tracker" not in " ".join(one.cmdline()) and one.status() != psutil.STATUS_ZOMBIE:
                found.add(one.pid)
        except psutil.NoSuchProcess:
            pass
    return found


def wait(true: Callable[[], object]) -> None:
    """Wait until it is true."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "never true"
        time.sleep(0.02)


def written(folder: Path, names: list[str]) -> Path:
    """A fleet's data, a folder for each asset."""
    for place, name in enumerate(names):
        # In the order of their names, for some file systems take names that differ in capitals for one.
        own = folder / f"asset={safe(name)}" if name != "Pump 1" else folder / "asset=Pump%201" / "asset=Pump%201"
        own.mkdir(parents=True)
        healthy(pump(place + 1)).write_parquet(own / "history.parquet")
    return folder


def test_a_cluster_gives_the_bytes_of_one_processor(client: Any, tmp_path: Path) -> None:
    data = written(tmp_path / "data", NAMES)
    new = {name: later(pump(place + 1, fault=place == 2)) for place, name in enumerate(NAMES)}
    whole = pl.concat([frame.with_columns(asset=pl.lit(name)) for name, frame in new.items()])
    whole.write_csv(tmp_path / "all.csv")
    told: list[tuple[int, int]] = []
    for folder, how in (("one", {"workers": 1}), ("two", {"scheduler": client})):
        done = fleet.fit(data, tmp_path / folder, told=lambda *count: told.append(count), **how)
        assert sorted(one.asset for one in done.done) == sorted(NAMES), str(done)
        assert len(fleet.score(tmp_path / "all.csv", tmp_path / folder, **how).done) == len(NAMES)
        assert len(fleet.features(new, tmp_path / folder, window="1h", **how).done) == len(NAMES)
    assert told == [(done, len(NAMES)) for done in range(len(NAMES) + 1)] * 2
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one == two
    assert len([name for name in one if name.endswith(".acm")]) == len(NAMES)
    # Each worker has one thread, and the engine takes no more.
    assert set(client.run(acm_rs.get_num_threads).values()) == {1}
    assert set(client.run(pl.thread_pool_size).values()) == {1}
    # They keep memory for the next fit, and hear of no Ctrl-C that a terminal sends to all.
    assert set(client.run(os.environ.get, "MALLOC_TRIM_THRESHOLD_").values()) == {None}
    assert set(client.run(signal.getsignal, signal.SIGINT).values()) == {signal.SIG_IGN}


def test_threads_of_one_worker_share_what_it_has(tmp_path: Path, threads: None) -> None:
    data = written(tmp_path / "data", NAMES)
    acm_rs.set_num_threads(7)
    seen: list[int] = []
    own = {"processes": False, "n_workers": 1, "threads_per_worker": 3, "silence_logs": 50}
    port = {"dashboard_address": None, "scheduler_kwargs": {"dashboard": False, "dashboard_address": "127.0.0.1:0"}}
    with distributed.LocalCluster(**own, **port) as cluster, distributed.Client(cluster, set_as_default=False) as found:
        told = lambda done, _total: seen.append(acm_rs.get_num_threads()) if done else None  # noqa: E731
        fleet.fit(data, tmp_path / "three", scheduler=found, told=told)
    assert seen == [3] * len(NAMES)
    # Those of the process are put back.
    assert acm_rs.get_num_threads() == 7
    fleet.fit(data, tmp_path / "one", workers=1)
    assert contents(tmp_path / "three") == contents(tmp_path / "one")


def test_a_worker_that_is_killed_costs_another_try(client: Any, tmp_path: Path) -> None:
    data = {f"pump {place}": healthy(pump(place)) for place in range(1, 7)}
    killed: list[int] = []

    def kill(done: int, _total: int) -> None:
        if done in (1, 4):
            # The one before may still be on the list.
            killed.append(next(iter(client.run(os.getpid, on_error="ignore").values())))
            psutil.Process(killed[-1]).kill()

    done = fleet.fit(data, tmp_path / "killed", scheduler=client, told=kill)
    assert len(killed) == 2
    # One that was killed between an asset's end and the news of it finds it done.
    assert len(done.done) + len(done.unchanged) == 6, str(done)
    fleet.fit(data, tmp_path / "whole", workers=1)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    # What became of them tells nothing of it either.
    ended, whole = statuses(tmp_path / "killed"), statuses(tmp_path / "whole")
    assert ended == whole


def deadly(task: tuple[str, bool]) -> str:
    """Ends its worker where it should."""
    if task[1]:
        psutil.Process().kill()
    return task[0]


def test_who_ends_every_worker_is_blamed_and_no_other(client: Any) -> None:
    scheduler = client.cluster.scheduler
    before, scheduler.allowed_failures = scheduler.allowed_failures, 0
    try:
        with Crew(None, client) as crew:
            found = {task[0]: made for task, made in crew.each(deadly, [(name, name == "c") for name in "abcdef"])}
    finally:
        scheduler.allowed_failures = before
    assert isinstance(found.pop("c"), WorkerEnded)
    assert found == {name: name for name in "abdef"}


def test_what_is_lost_with_its_worker_is_made_anew(client: Any) -> None:
    client.wait_for_workers(2)
    with Crew(None, client) as crew:
        each = crew.each(deadly, [(name, False) for name in "abcdef"])
        found = [next(each)]
        # All that were handed out are done, and nobody has fetched them; then they are gone.
        wait(lambda: all(state.status == "finished" for state in client.futures.values()))
        waiting = list(client.futures.values())
        for pid in client.run(os.getpid).values():
            psutil.Process(pid).kill()
        wait(lambda: any(state.status == "lost" for state in waiting))
        found += each
    assert sorted(found) == [((name, False), name) for name in "abcdef"]


def test_a_process_that_takes_long_to_start_again_is_waited_for() -> None:
    import dask

    with dask.config.set({"distributed.deploy.lost-worker-timeout": "1ms"}), Crew(1 + 1) as crew:
        assert sorted(name for _, name in crew.each(deadly, [("a", False), ("b", False)])) == ["a", "b"]
        for pid in crew._hands.run(os.getpid).values():
            psutil.Process(pid).kill()
        assert sorted(name for _, name in crew.each(deadly, [("c", False), ("d", False)])) == ["c", "d"]


def test_where_no_process_comes_again_the_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acm_rs.fleet.crew._NONE_LEFT", "100ms")
    with Crew(2) as crew:
        crew._hands.cluster.scale(0)
        wait(lambda: not crew._hands.cluster.scheduler.workers)
        with pytest.raises(ValueError, match="no worker is left and none has come since"):
            list(crew.each(deadly, [("a", False)]))


SCRIPT = """
import sys
from acm_rs import fleet

if __name__ == "__main__":
    data, folder = sys.argv[1:]
    print(fleet.fit(data, folder, workers=2), flush=True)
"""


def test_a_run_that_is_killed_as_a_whole_goes_on(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    data = written(tmp_path / "data", [f"pump {place}" for place in range(12)])
    folder = tmp_path / "fleet"

    def run() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(script), str(data), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([HERE, *sys.path])},
        )

    def done() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in folder.glob("models/*.acm")}

    first = run()
    wait(lambda: len(done()) >= 2 or first.poll() is not None)
    workers = psutil.Process(first.pid).children(recursive=True)
    # The scheduler is in that process; it and the workers are its children's fate.
    first.kill()
    first.communicate()
    psutil.wait_procs(workers, timeout=PATIENCE)
    assert not [one for one in workers if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    kept = {path.stem for path in folder.glob("status/*.json")}
    before = done()
    second = run()
    said, complained = second.communicate(timeout=4 * PATIENCE)
    assert second.returncode == 0, complained
    assert f"{len(kept)} unchanged" in said or not kept
    assert "failed" not in said
    assert {name: when for name, when in done().items() if name.removesuffix(".acm") in kept} == {
        name: when for name, when in before.items() if name.removesuffix(".acm") in kept
    }
    fleet.fit(data, tmp_path / "whole", workers=1)
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.skipif(os.name == "nt", reason="a terminal there has no group of processes")
def test_ctrl_c_ends_all_processes_and_the_same_command_goes_on(tmp_path: Path) -> None:
    data = written(tmp_path / "data", [f"pump {place}" for place in range(30)])
    folder = tmp_path / "fleet"
    command = [sys.executable, "-m", "acm_rs", "fleet", "fit", str(folder), "--data", str(data), "--workers", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait(lambda: len(list(folder.glob("status/*.json"))) >= 1 or process.poll() is not None)
    workers = []
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        workers = psutil.Process(process.pid).children(recursive=True)
        # As a terminal does: to the program and its workers alike.
        os.killpg(process.pid, signal.SIGINT)
    _, complained = process.communicate(timeout=PATIENCE)
    through = len(list(folder.glob("status/*.json")))
    if process.returncode != 0:
        # It was not through already.
        assert process.returncode == 130, complained
        assert complained.splitlines()[-1].startswith("acm-rs: interrupted: "), complained
    _, alive = psutil.wait_procs(workers, timeout=PATIENCE)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
    done = fleet.fit(data, folder, workers=1)
    assert len(done.unchanged) == through
    assert not done.failed


def test_a_scheduler_that_is_killed_is_told_and_the_same_call_goes_on(tmp_path: Path) -> None:
    data = written(tmp_path / "data", [f"pump {place}" for place in range(12)])
    file = tmp_path / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    at = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *at, "--scheduler-file", str(file)]
    scheduler = subprocess.Popen(command, **quiet)
    worker = None
    try:
        wait(lambda: file.exists() and file.read_text().endswith("}"))
        address = json.loads(file.read_text())["address"]
        beside = ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(tmp_path)]
        worker = subprocess.Popen([sys.executable, "-m", "distributed.cli.dask_worker", address, *beside], **quiet)

        def kill(done: int, _total: int) -> None:
            if done == 2:
                scheduler.kill()

        with pytest.raises(ValueError, match="the scheduler of Dask was lost; what is done is kept"):
            fleet.fit(data, tmp_path / "fleet", scheduler=address, told=kill)
    finally:
        for process in (scheduler, worker):
            if process is not None:
                process.kill()
                process.wait()
    done = fleet.fit(data, tmp_path / "fleet", workers=1)
    assert len(done.unchanged) >= 2
    assert len(done.outcomes) == 12
    assert not done.failed
    fleet.fit(data, tmp_path / "whole", workers=1)
    kept = contents(tmp_path / "fleet")
    assert kept == contents(tmp_path / "whole")


def test_a_scheduler_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acm_rs.fleet.crew._PATIENCE", 1.0)
    with pytest.raises(ValueError, match=r"no workers of Dask at nonsense://x:1"):
        fleet.fit({"a": healthy(pump(1))}, tmp_path, scheduler="nonsense://x:1")


def test_a_scheduler_that_is_lost_as_a_result_is_fetched_is_told(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_future: Any, timeout: float | None = None) -> Any:
        raise distributed.comm.CommClosedError("in <TCP (closed)>")

    with monkeypatch.context() as patched:
        patched.setattr(distributed.Future, "result", lost)
        with pytest.raises(ValueError, match="the scheduler of Dask was lost"):
            fleet.fit({"a": healthy(pump(1))}, tmp_path, scheduler=client)
    assert not fleet.fit({"a": healthy(pump(1))}, tmp_path, scheduler=client).failed


def test_no_more_processes_are_started_than_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 700_000_000)
    with Crew(2) as crew:
        assert len(crew._hands.nthreads()) == 1


def test_other_processes_do_not_share_this_ones_memory() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(ValueError, match="in the memory of this process"):
        fleet.fit({"a": healthy(pump(1))}, "memory://apart", workers=2)
