"""Who does the work: this process alone, a local cluster of Dask, or one that is there."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Self, TypeVar

import acm_rs
from acm_rs.files.errors import Refusal
from acm_rs.fleet.work import Job

__all__ = ["WORKER_ENDED", "Crew", "WorkerEnded"]

Task = TypeVar("Task")
Made = TypeVar("Made")

WORKER_ENDED = "the worker that had it was ended each time it was tried; most likely its memory does not hold the asset"
_PATIENCE = 60.0
"""Seconds after which a scheduler or its workers are taken for not there."""
_LOST = {"distributed.deploy.lost-worker-timeout": "365d"}
"""A process that is slow to start again after it was killed is waited for: after 15 seconds Dask would end what starts
it, and once all are ended nothing would ever be done."""
_NONE_LEFT = "600s"
"""Without any process for so long, none is coming."""
_SHARE = 0.6
"""Of a worker's memory that its readings may take: Dask pauses it at four fifths."""
_ENVIRONMENT = {"OMP_NUM_THREADS": 1, "MKL_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1}
"""As Dask has it, but that memory need not be given back at once: fits would ask for it again all the time, which takes
a third of their time."""
_LEAST = 1 << 26
_BARE = 400_000_000
"""Bytes without which a process ends before it has anything to do: with its libraries alone it takes half of that."""
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


class WorkerEnded(RuntimeError):
    """A task whose workers were ended again and again, also when it was the only one."""


class Crew:
    """Does tasks one after the other or on a cluster, and hands over each result as it comes.

    Parameters
    ----------
    workers : int, optional
        Processes of a local cluster, each of one thread; 1: this process, without a cluster; None: as many as
        processors.
    scheduler : str or distributed.Client, optional
        A cluster that is there, instead.
    memory_limit : str, optional
        What each process of a local cluster may take, such as ``"2GB"``.
    """

    def __init__(self, workers: int | None, scheduler: Any = None, memory_limit: str | None = None) -> None:
        if scheduler is not None and workers is not None:
            raise ValueError("`workers` are those of a local cluster; leave it out where there is a `scheduler`")
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise ValueError(f"`workers` must be a whole number of at least 1, or None, got {workers!r}")
        if isinstance(scheduler, str):
            _check_address(scheduler)
        self._count = _processors() if workers is None else workers
        self._scheduler = scheduler
        self._memory = None if memory_limit is None else _bytes_of(memory_limit)
        if scheduler is not None and memory_limit is not None:
            raise ValueError("`memory_limit` is that of a local cluster; leave it out where there is a `scheduler`")
        self._serial = scheduler is None and self._count == 1
        self._client: Any = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._serial:
            return self
        # Workers may be threads of this very process.
        self._open.callback(acm_rs.set_num_threads, acm_rs.get_num_threads())
        if find_spec("distributed") is None or find_spec("dask") is None:
            raise ModuleNotFoundError(
                'several workers need Dask, which is not installed: pip install "acm-rs[fleet]"; `workers=1` does'
                " without",
                name="distributed",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def apart(self) -> bool:
        """Whether the work is done by processes of a local cluster."""
        return self._scheduler is None and not self._serial

    @property
    def _hands(self) -> Any:
        """The client of the cluster, which starts when there is something to do; None where this process works."""
        if self._client is None and not self._serial:
            self._client = self._connected()
        return self._client

    def _connected(self) -> Any:
        import dask
        from distributed import Client, LocalCluster
        from distributed.system import MEMORY_LIMIT
        from distributed.utils import silence_logging_cmgr

        if self._scheduler is None:
            # A share that holds no process would end each again and again.
            count = self._count if self._memory else max(1, min(self._count, MEMORY_LIMIT // _BARE))
            # Dask gives its processes their environment by way of this one's.
            self._open.callback(_put_back, {name: os.environ.get(name) for name in (*_ENVIRONMENT, "PYTHONHASHSEED")})
            self._open.enter_context(dask.config.set(_LOST))
            own = {
                "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
                "distributed.scheduler.no-workers-timeout": _NONE_LEFT,
            }
            with dask.config.set(own):
                cluster = self._open.enter_context(
                    LocalCluster(
                        n_workers=count,
                        threads_per_worker=1,
                        processes=True,
                        host="127.0.0.1",
                        dashboard_address=None,
                        # Without a dashboard it still listens, and by itself on a port that may be taken.
                        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                        silence_logs=logging.CRITICAL,
                        memory_limit=self._memory or MEMORY_LIMIT // count,
                        preload=["acm_rs.fleet.quiet"],
                        # Readers of files have threads of their own, which do not know how many workers there are.
                        env={
                            "POLARS_MAX_THREADS": "1",
                            "ACM_NUM_THREADS": "1",
                            "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
                        },
                    )
                )
            client = self._open.enter_context(Client(cluster, set_as_default=False))
            try:
                client.wait_for_workers(1, timeout=_PATIENCE)
            except TimeoutError:
                raise Refusal("no process of the local cluster has started; take fewer with --workers, or 1") from None
            return client
        if not isinstance(self._scheduler, str):
            return self._scheduler
        # What goes wrong is told once, by what is raised.
        self._open.enter_context(silence_logging_cmgr(logging.CRITICAL))
        try:
            client = self._open.enter_context(Client(self._scheduler, set_as_default=False))
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            said = str(error).strip().partition("\n")[0] or type(error).__name__
            raise Refusal(f"no workers of Dask at {self._scheduler}: {said}") from None
        return client

    def computed(self, graphs: Sequence[Any]) -> list[Any]:
        """Compute delayed objects of Dask.

        Parameters
        ----------
        graphs : sequence of dask.delayed.Delayed
            Each a task.

        Returns
        -------
        list
            Their results, in their order.
        """
        client = self._hands
        if client is not None:
            return list(client.gather(client.compute(list(graphs))))
        return [graph.compute(scheduler="synchronous") for graph in graphs]

    def each(self, do: Callable[[Task], Made], tasks: Sequence[Task]) -> Iterator[tuple[Task, Made | Exception]]:
        """Do all tasks.

        Parameters
        ----------
        do : callable
            Of a module, so that other processes find it.
        tasks : sequence
            What it is given, one after the other.

        Yields
        ------
        task, result or exception
            In the order in which they end. A worker that is lost costs another try; who is blamed for it was tried
            alone.
        """
        if not tasks:
            return
        if self._hands is None:
            for task in tasks:
                yield task, _tried(do, _within(task, self._memory))
            return
        from distributed import KilledWorker

        suspects = []
        for task, made in self._several(do, tasks):
            if isinstance(made, KilledWorker):
                suspects.append(task)
            else:
                yield task, made
        for task in suspects:
            for _, made in self._several(do, [task]):
                yield task, WorkerEnded(WORKER_ENDED) if isinstance(made, KilledWorker) else made

    def _several(self, do: Callable[[Task], Made], tasks: Sequence[Task]) -> Iterator[tuple[Task, Made | Exception]]:
        from concurrent.futures import CancelledError

        from distributed import as_completed
        from distributed.comm import CommClosedError
        from distributed.scheduler import NoWorkerError

        lost = Refusal("the scheduler of Dask was lost; what is done is kept, and the same call goes on")
        client = self._client
        left = list(reversed(tasks))
        of: dict[str, Task] = {}

        def submitted() -> Any:
            task = left.pop()
            try:
                future = client.submit(_on_worker, do, task, pure=False)
            except (CommClosedError, CancelledError, RuntimeError):
                raise lost from None
            of[future.key] = task
            return future

        # A few more than there are hands: the scheduler need not hold ten thousand.
        hands = max(1, sum(client.nthreads().values()))
        first = [submitted() for _ in range(min(len(left), 2 * hands + 2))]
        waiting = as_completed(first, loop=client.loop)
        futures: Any = ()
        try:
            for future in waiting:
                futures = waiting.futures
                task = of.pop(future.key)
                if future.status == "cancelled":
                    raise lost
                made: Made | Exception
                try:
                    # What a finished task has left is fetched from its worker by way of the scheduler; where the
                    # worker was ended since, it is made anew.
                    made = future.exception() if future.status == "error" else future.result()
                except Exception as error:
                    if future.status != "error" and isinstance(error, CommClosedError | CancelledError | OSError):
                        raise lost from None
                    made = error
                if isinstance(made, NoWorkerError):
                    raise Refusal(
                        "no worker is left and none has come since; what is done is kept, and the same call goes on"
                    )
                future.release()
                if left:
                    waiting.add(submitted())
                yield task, made
        finally:
            if of:
                client.cancel(list(futures))


def _within(task: Task, memory: int | None) -> Task:
    """A task that may take so much memory, in this process."""
    return replace(task, memory=memory) if isinstance(task, Job) and memory is not None else task


def _bytes_of(text: str) -> int:
    """A size such as ``2GB`` in bytes."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?\s*", text.lower()) if isinstance(text, str) else None
    if found is None or found[2] not in _UNITS:
        raise ValueError(f"`memory_limit` must be a size such as '2GB', got {text!r}")
    size = int(float(found[1]) * _UNITS[found[2]])
    if size < _BARE:
        raise ValueError(
            f"`memory_limit` must be at least {_BARE // 10**6} MB, for a process takes half of that before it reads"
            f" anything, got {text!r}"
        )
    return size


def _check_address(text: str) -> None:
    """Refuse what can be no scheduler's address before it is waited for."""
    host = text.partition("://")[2] if "://" in text else text
    if re.fullmatch(r".+:\d{1,5}", host) is None and not text.startswith(("inproc://", "ucx://", "ws://", "wss://")):
        raise ValueError(f"`scheduler` must be the address of one, such as 'tcp://host:8786', got {text!r}")


def _tried(do: Callable[[Task], Made], task: Task) -> Made | Exception:
    try:
        return do(task)
    except Exception as error:
        return error


def _on_worker(do: Callable[[Task], Made], task: Task) -> Made:
    """Do a task in a process of a cluster, with as much as it has."""
    import psutil
    from distributed import get_worker

    if isinstance(task, Job):
        worker = get_worker()
        threads = worker.state.nthreads
        limit = worker.memory_manager.memory_limit
        memory = None
        if limit:
            left = int(_SHARE * limit) - psutil.Process().memory_info().rss
            memory = max(left // threads, _LEAST)
        task = replace(task, threads=threads, memory=memory)
    return do(task)


def _processors() -> int:
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:
        return max(1, os.cpu_count() or 1)


def _put_back(environment: Mapping[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
