"""How far a long work is: one bar on a terminal, nothing into a file or a pipe."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from acm_rs.files.meter import Told

__all__ = ["Bar"]


class _Amount(ProgressColumn):
    """Bytes or rows, done and of how many."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = DownloadColumn()

    def render(self, task: Task) -> Text:
        if task.fields.get("unit") == "bytes":
            return self._bytes.render(task)
        return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f} {task.fields.get('unit', '')}")


class Bar:
    """A bar for one step of a work after the other, with the time that is left; it is gone when the work is done.

    Parameters
    ----------
    screen : Console, optional
        Where to show it; nothing is shown where there is none, or it is no terminal.
    """

    def __init__(self, screen: Console | None) -> None:
        self._progress: Progress | None = None
        if screen is not None and screen.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                _Amount(),
                TimeRemainingColumn(),
                console=screen,
                transient=True,
            )

    def __enter__(self) -> Bar:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step(self, what: str, unit: str = "bytes") -> Told:
        """Begin a step; the one before is done.

        Parameters
        ----------
        what : str
            What is done, such as ``"reading"``.
        unit : str, default "bytes"
            What is counted.

        Returns
        -------
        callable
            To be told how much is done, and of how much.
        """
        progress = self._progress
        if progress is None:
            return lambda _done, _total: None
        for task in progress.task_ids:
            progress.remove_task(task)
        task = progress.add_task(what, total=None, unit=unit)
        return lambda done, total: progress.update(task, completed=done, total=total)
