"""Alarms as people handle them: the work behind ``acm-rs alarms``."""

from __future__ import annotations

import getpass
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from acm_rs.cli.console import facts, plain, show
from acm_rs.cli.summary import print_json
from acm_rs.cli.windows import duration_of
from acm_rs.files.errors import Refusal, counted, quoted
from acm_rs.live.store.address import VARIABLE, address_of
from acm_rs.monitor.words import number

if TYPE_CHECKING:
    from acm_rs.live.store.desk import Desk, Entry
    from acm_rs.live.store.shelving import Shelf

__all__ = [
    "desk",
    "details_json",
    "length_of",
    "list_alarms",
    "moment_of",
    "print_details",
    "shelf_text",
    "whoever",
]

_STYLES = {"unacknowledged": "bold red", "acknowledged": "red", "returned": "yellow"}
_LISTED = 200


@contextmanager
def desk(store: str | None) -> Iterator[Desk]:
    """The alarms of the store that was named."""
    address = address_of(store, None)
    if address is None:
        raise Refusal(f"name the store: --store FILE or URL, or the environment variable {VARIABLE}", status=2)
    from acm_rs.live.store.desk import Desk

    opened = Desk(address)
    try:
        yield opened
    finally:
        opened.close()


def whoever(by: str | None) -> str:
    """Who does it: as said, or the user of the machine."""
    if by is not None and by.strip():
        return by.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise Refusal("--by must say who does it: this machine knows no name of its user", status=2) from None


def length_of(text: str) -> timedelta:
    """How long, as people write it."""
    return timedelta(microseconds=duration_of("--for", text) // 1_000)


def moment_of(option: str, text: str) -> datetime:
    """A time, as people write it; in UTC where it says a zone."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(f"{option} must be a time such as 2026-03-02T09:00, got {quoted(text)}", status=2) from None


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="seconds" if not time.microsecond else "microseconds")


def _said(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"


def _entry_json(entry: Entry) -> dict[str, Any]:
    """An alarm for a machine."""
    row = {name: _stamp(value) if isinstance(value, datetime) else value for name, value in entry.row.items()}
    seen = entry.acknowledged
    return {
        "state": entry.state,
        **row,
        "sensor": entry.sensor,
        "acknowledged": None if seen is None else {"at": _stamp(seen[0]), "by": seen[1], "why": seen[2]},
    }


def _shelf_json(shelf: Shelf) -> dict[str, Any]:
    """A shelf for a machine."""
    own = vars(shelf)
    return {name: _stamp(value) if isinstance(value, datetime) else value for name, value in own.items()}


def shelf_text(shelf: Shelf) -> str:
    """A shelf in a sentence."""
    what = shelf.sensor or "all sensors"
    zone = " UTC" if shelf.kind == "shelved" else ""
    span = f"{_said(shelf.since)} to {_said(shelf.until)}{zone}"
    return f"{shelf.kind} {shelf.number}: {what} of {shelf.watch}, {span}, by {shelf.by}: {shelf.why or ''}".rstrip(
        ": "
    )


def list_alarms(
    desk: Desk, watch: str | None, states: Sequence[str], everything: bool, as_json: bool, screen: Console
) -> None:
    """Print alarms, newest first, and the shelves in force."""
    from acm_rs.live.store.desk import NORMAL, STATES

    unknown = [state for state in states if state not in STATES]
    if unknown:
        raise Refusal(f"--state must be one of {', '.join(STATES)}, got {quoted(unknown[0])}", status=2)
    wanted = list(states) or list(STATES if everything else (state for state in STATES if state != NORMAL))
    all_of_them, shelves = desk.alarms(watch), desk.shelves()
    entries = [entry for entry in all_of_them if entry.state in wanted]
    if as_json:
        print_json({"alarms": [_entry_json(one) for one in entries], "shelves": [_shelf_json(one) for one in shelves]})
    else:
        _print_list(entries, shelves, screen, len(all_of_them))


def _print_list(entries: Sequence[Entry], shelves: Sequence[Shelf], screen: Console, kept: int) -> None:
    if not entries:
        more = f" of {counted(kept, 'alarm')} that {'is' if kept == 1 else 'are'} kept; --all lists all" if kept else ""
        screen.print(plain(f"none{more}"))
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("alarm", "state", "priority", "watch", "started", "ended", "sensor", "acknowledged"):
            table.add_column(name, no_wrap=name != "acknowledged", overflow="fold")
        for entry in entries[:_LISTED]:
            row, seen = entry.row, entry.acknowledged
            table.add_row(
                row["episode"],
                plain(entry.state, _STYLES.get(entry.state, "")),
                row["priority"],
                plain(row["watch"]),
                _said(row["started"]) or f"row {row['start_row']}",
                "still running" if row["open"] else _said(row["ended"]) or f"row {row['end_row']}",
                plain(row["kind"] if row["kind"] == "no data" else entry.sensor or "many"),
                plain("" if seen is None else f"{seen[1]}, {_said(seen[0])} UTC"),
            )
        show(screen, table)
        if len(entries) > _LISTED:
            screen.print(plain(f"and {len(entries) - _LISTED:,} more; --json tells them all"))
        counts = Counter(entry.state for entry in entries)
        screen.print(plain(", ".join(f"{count:,} {state}" for state, count in counts.items())))
    for shelf in shelves:
        screen.print(plain(shelf_text(shelf)), soft_wrap=True)


def details_json(
    entry: Entry, sensors: Sequence[dict[str, Any]], told: Sequence[dict[str, Any]], deeds: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """All that is kept of an alarm, for a machine."""
    return {
        **_entry_json(entry),
        "sensors": [dict(one) for one in sensors],
        "events": [json.loads(one["body"]) for one in told],
        "deeds": [
            {name: _stamp(one[name]) if name == "at" else one[name] for name in ("at", "by", "what", "text")}
            for one in deeds
        ],
    }


def print_details(
    entry: Entry,
    sensors: Sequence[dict[str, Any]],
    told: Sequence[dict[str, Any]],
    deeds: Sequence[dict[str, Any]],
    screen: Console,
) -> None:
    """Print all that is kept of an alarm."""
    row = entry.row
    screen.print(plain(row["explanation"], "bold"), soft_wrap=True)
    peak = (
        []
        if row["peak"] is None
        else [("peak", f"{row['peak']:.2f} times its limit, {_said(row['peak_at'])}".rstrip(", "))]
    )
    rows = [
        ("alarm", row["episode"]),
        ("state", entry.state),
        ("priority", row["priority"]),
        ("watch", row["watch"]),
        ("model", row["model"]),
        *peak,
        *([("first sign", _said(row["first_sign"]))] if row["first_sign"] else []),
        *([("rows", f"{row['rows']:,} in alarm")] if row["rows"] else []),
        *([("regime", row["regime"])] if row["regime"] else []),
    ]
    for who in sensors:
        unit = f" {who['unit']}" if who["unit"] else ""
        beside = ""
        if who["reads"] is not None:
            beside = f": reads {number(who['reads'], 6)}, should read {number(who['should_read'], 6)}{unit}"
        rows.append(("sensor", f"{who['sensor']} ({100 * who['share']:.0f} %){beside}"))
    rows += [("told", f"{one['what']} {_said(one['at'])}".rstrip()) for one in told]
    rows += [
        ("done", f"{one['what']} by {one['by']}, {_said(one['at'])} UTC{': ' + one['text'] if one['text'] else ''}")
        for one in deeds
    ]
    show(screen, facts(rows))
