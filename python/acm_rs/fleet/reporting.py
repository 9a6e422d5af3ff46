"""The report of a fleet: its page, and one for each asset."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from acm_rs.files.errors import Refusal
from acm_rs.files.front import options_of
from acm_rs.files.options import ReadOptions
from acm_rs.fleet.crew import Crew
from acm_rs.fleet.finding import Asset
from acm_rs.fleet.ledger import FAILED, files_of
from acm_rs.fleet.page import fleet_page
from acm_rs.fleet.running import carried_out, prepared
from acm_rs.fleet.standing import AssetStatus, status
from acm_rs.fleet.store import Store
from acm_rs.fleet.work import page_of
from acm_rs.report import plotly_script

__all__ = ["INDEX", "Report", "report", "reported"]

INDEX = "report/index.html"


@dataclass(frozen=True)
class Report:
    """What was written.

    Parameters
    ----------
    path : str
        The path or address of the fleet's page.
    pages : dict of str to str
        By asset, the path or address of its own page.
    failed : dict of str to str
        Assets whose page could not be made, each with the reason.
    assets : int
        Assets of the fleet.
    """

    path: str
    pages: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    assets: int = 0


def report(
    folder: str | os.PathLike[str],
    *,
    pages: Literal["alarms", "all", "none"] = "alarms",
    data: Any = None,
    by: str | None = None,
    workers: int | None = None,
    scheduler: Any = None,
    memory_limit: str | None = None,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Write the report of a fleet: assets ranked by health, alarms over time, and a page for each asset.

    Parameters
    ----------
    folder : str or path
        The fleet, which was scored. The report is ``report/index.html`` in it.
    pages : "alarms", "all" or "none", default "alarms"
        Which assets get a page of their own, 5 MB each: those with alarms, all, or none.
    data : optional
        The readings, as for `score`; those that were scored by default, where they were files and are still there.
    by, workers, scheduler, memory_limit, told
        As for `score`.

    Returns
    -------
    Report

    Raises
    ------
    ModuleNotFoundError
        Plotly, which draws the pages of assets, or Dask is not installed.
    ValueError
        Nothing has been scored yet, or ``pages`` is another word.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from acm_rs import fleet
    >>> x = np.random.default_rng(0).normal(size=(400, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fleet.fit({"fan": x}, folder, workers=1)
    ...     _ = fleet.score({"fan": x}, folder, workers=1)
    ...     made = fleet.report(folder, pages="none")
    >>> made.path.endswith("index.html"), made.pages
    (True, {})
    """
    if pages not in ("alarms", "all", "none"):
        raise ValueError(f"`pages` must be 'alarms', 'all' or 'none', got {pages!r}")
    with Crew(workers, scheduler, memory_limit) as crew:
        return reported(folder, pages, data, by, crew, told)


def reported(
    folder: str | os.PathLike[str],
    pages: str,
    data: Any,
    by: str | None,
    crew: Crew,
    told: Callable[[int, int], None],
) -> Report:
    """Make the pages that are wanted, then the one that leads to them."""
    store = Store(folder)
    every = status(folder)
    scored = [one for one in every if one.scored]
    if not scored:
        raise Refusal(f"{store.address}: no asset has been scored; score the fleet first")
    wanted = [one for one in scored if pages == "all" or (pages == "alarms" and one.alarms)]
    if wanted:
        # It is missed before anything is done.
        plotly_script()
    given: dict[str, Asset] = {}
    failed: dict[str, str] = {}
    if data is not None and wanted:
        # As it was read when it was scored.
        read = options_of(wanted[0].sections["score"]["settings"]["read"])
        assets, lost, _ = prepared("page", data, store, by, read, crew)
        given = {asset.name: asset for asset in assets}
        failed = {one.asset: one.error for one in lost}
    kept = {one.place: one.sections for one in every}
    groups: dict[str, tuple[ReadOptions, dict[str, Any], list[Asset]]] = {}
    for one in wanted:
        section = one.sections["score"]
        asset = _again(one, store) if data is None else given.get(one.asset)
        if asset is None and data is not None:
            failed[one.asset] = "it is not among the data that were given"
            continue
        if asset is None:
            failed[one.asset] = "its readings were in memory when they were scored; give them as data"
            continue
        settings: dict[str, Any] = {key: value for key, value in section["settings"].items() if key != "read"}
        read = options_of(section["settings"]["read"])
        groups.setdefault(repr((settings, read)), (read, settings, []))[2].append(asset)
    total = sum(len(assets) for _, _, assets in groups.values())
    through = 0
    made: dict[str, str] = {}
    changed: dict[str, str] = {}
    places = {one.asset: one.place for one in scored}
    for read, asked, assets in groups.values():
        before = through

        def count(done: int, _of: int, before: int = before) -> None:
            told(before + done, total)

        for outcome in carried_out("page", assets, store, kept, read, asked, crew, count):
            if outcome.state == FAILED:
                failed[outcome.asset] = outcome.error
            else:
                made[outcome.asset] = page_of(places[outcome.asset])
        through += len(assets)
    for one in status(folder):
        if one.asset in made and _bytes_of(one, "page") != _bytes_of(one, "score"):
            changed[one.asset] = "its readings or model have changed since they were scored, and its page shows the new"
        if one.asset not in made:
            # What an earlier report has left would be linked from nowhere.
            store.remove(page_of(one.place))
    beside = changed | {name: f"no page of its own: {why}" for name, why in failed.items()}
    links = {name: file.removeprefix("report/") for name, file in made.items()}
    name = PurePosixPath(store.address.replace("\\", "/").rstrip("/")).name or store.address
    store.write(INDEX, fleet_page(name, every, links, beside).encode())
    return Report(store.at(INDEX), {name: store.at(file) for name, file in made.items()}, failed, len(every))


def _again(one: AssetStatus, store: Store) -> Asset | None:
    """The asset with the files that were scored."""
    files = files_of(one.sections["score"], store)[1:]
    return Asset(one.asset, tuple(files)) if files and all(files) else None


def _bytes_of(one: AssetStatus, step: str) -> list[str]:
    return [told["sha256"] for told in one.sections[step]["inputs"]]
