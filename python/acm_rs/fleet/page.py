"""The fleet on one page: assets ranked by health, alarms over time, links to a page for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.fleet.running import stranger_text
from acm_rs.fleet.standing import AssetStatus
from acm_rs.monitor.words import moment
from acm_rs.report.parts import policy, table
from acm_rs.report.words import counted, part, safe

__all__ = ["fleet_page"]

_LANES = 60
"""Assets in the picture at most."""
_LISTED = 1_000
"""Assets in the table at most."""
_BINS = 60

_STYLE = """
main ul { overflow-wrap: anywhere; }
.lanes { display: grid; grid-template-columns: min(14rem, 32%) 1fr; gap: .15rem .6rem; align-items: center;
  font-size: .9rem; margin: .6rem 0; }
.lanes .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.track { position: relative; height: 1.1rem; background: var(--card); border-radius: 2px; overflow: hidden; }
.track i { position: absolute; top: 0; bottom: 0; min-width: 2px; background: var(--bar); }
.track i.there { background: var(--line); top: 45%; bottom: 45%; min-width: 0; }
.counts { display: flex; align-items: flex-end; gap: 1px; height: 5rem; border-bottom: 1px solid var(--line); }
.counts i { flex: 1; background: var(--bar); }
.ends { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .85rem; }
.health { display: inline-block; width: 4.5rem; height: .6rem; background: var(--line); border-radius: 2px;
  margin-right: .4rem; overflow: hidden; }
.health b { display: block; height: 100%; background: var(--fine); }
.health b.low { background: var(--bar); }
@media (max-width: 40rem) { .health { width: 2rem; } }
"""


def fleet_page(name: str, assets: Sequence[AssetStatus], pages: Mapping[str, str], beside: Mapping[str, str]) -> str:
    """The page of a fleet.

    Parameters
    ----------
    name : str
        What it is called.
    assets : sequence of AssetStatus
        The worst first.
    pages : mapping of str to str
        By asset, the file of its own page, where it has one.
    beside : mapping of str to str
        By asset, what should be known of its page.

    Returns
    -------
    str
        HTML that runs no script and fetches nothing; the same status makes the same text.
    """
    scored = [one for one in assets if one.scored]
    failed = [one for one in assets if one.error]
    waiting = [one for one in assets if not one.scored and not one.error]
    sections = [
        ("assets", "Assets by health", _ranking(scored, pages)),
        ("time", "Alarms over time", _over_time(scored)),
        ("failed", "Failed", _failures(failed)),
        ("waiting", "Not scored yet", _names(waiting)),
        ("notes", "Before you rely on this", _notes(assets, beside)),
        ("reading", "How to read this page", _guide(bool(pages))),
    ]
    sections = [section for section in sections if section[2]]
    title = f"Fleet report: {safe(name)}"
    style = resources.files("acm_rs.report").joinpath("style.css").read_text(encoding="utf-8")
    contents = "".join(f'<li><a href="#{key}">{heading}</a></li>' for key, heading, _ in sections)
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{heading}</h2>\n{content}</section>\n'
        for key, heading, content in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(())}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="acm_rs {safe(__version__)}">\n'
        f"<title>{title}</title>\n<style>\n{style}{_STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">To the content</a>\n'
        f"<header>\n<h1>{title}</h1>\n{_head(assets, scored, failed)}</header>\n"
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav>\n<main id="content">\n{body}</main>\n'
        f"<footer><p>Made by acm_rs {safe(__version__)}; this page asks nothing of any network.</p></footer>\n"
        "</body>\n</html>\n"
    )


def _head(assets: Sequence[AssetStatus], scored: Sequence[AssetStatus], failed: Sequence[AssetStatus]) -> str:
    running = [one for one in scored if one.open]
    judged = [one for one in scored if one.judged]
    if running:
        verdict = (
            f"{len(running):,} of {counted(len(assets), 'asset')} {'is' if len(running) == 1 else 'are'} in alarm."
        )
        mood = "alarm"
    elif not judged:
        verdict, mood = "Nothing was judged.", "doubt"
    elif failed or len(judged) < len(assets):
        verdict, mood = (
            f"No alarm is running in the {counted(len(judged), 'asset')} judged (of {len(assets):,}).",
            "doubt",
        )
    else:
        verdict, mood = f"No alarm is running in {counted(len(assets), 'asset')}.", "fine"
    lines = [f'<p class="verdict {mood}">{verdict}</p>\n']
    if running:
        first = running[0]
        lines.append(f"<p>Worst: {safe(first.asset)}. {safe(first.chief)}</p>\n")
    last = max((one.last for one in scored if one.last), default=None)
    facts = [
        ("Assets", f"{len(assets):,}"),
        ("In alarm now", f"{len(running):,}"),
        ("With alarms", f"{sum(one.alarms > 0 for one in scored):,}"),
        ("Failed", f"{len(failed):,}"),
        ("Rows", f"{sum(one.rows for one in scored):,}"),
        ("Until", _said(last) if last else ""),
    ]
    cells = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in facts if value)
    return "".join(lines) + f'<dl class="facts">{cells}</dl>\n'


def _said(stamp: str | int) -> str:
    """A time as people write it."""
    if isinstance(stamp, int):
        return f"row {stamp:,}"
    return moment(np.datetime64(stamp.removesuffix("Z"), "ns")) + (" UTC" if stamp.endswith("Z") else "")


# ---- the table ------------------------------------------------------------------------------------------------------


def _ranking(scored: Sequence[AssetStatus], pages: Mapping[str, str]) -> str:
    if not scored:
        return ""
    rows = []
    for one in scored[:_LISTED]:
        name = safe(one.asset)
        if one.asset in pages:
            name = f'<a href="{safe(quote(pages[one.asset]))}">{name}</a>'
        now = "in alarm" if one.open else "failed" if one.error else "" if one.judged else "not judged"
        rows.append(
            [
                name,
                _health(one.health),
                now,
                f"{one.alarms:,}" if one.alarms else "none",
                "" if one.peak is None else f"{one.peak:.1f}",
                safe(one.culprit),
                part(one.in_alarm / one.judged) if one.judged else "",
                safe(_said(one.last)) if one.last else "",
            ]
        )
    head = ["Asset", "Health", "Now", "Alarms", "Peak over limit", "First sensor", "Rows in alarm", "Last row"]
    words = "The worst first: those in alarm, then by health"
    if len(scored) > _LISTED:
        words += f"; {_LISTED:,} of {len(scored):,}, the status has all"
    return table(words, head, rows, {1: "time", 2: "time", 3: "number", 4: "number", 6: "number", 7: "time"})


def _health(health: float | None) -> str:
    if health is None:
        return "not known"
    low = ' class="low"' if health < 0.5 else ""
    bar = f'<span class="health" aria-hidden="true"><b{low} style="width:{100.0 * health:.0f}%"></b></span>'
    return f"{bar}{100.0 * health:.0f} %"


def _failures(failed: Sequence[AssetStatus]) -> str:
    if not failed:
        return ""
    rows = [[safe(one.asset), safe(one.error)] for one in failed[:_LISTED]]
    words = f"{counted(len(failed), 'asset')} that could not be learnt or scored, with the reason"
    return table(words, ["Asset", "Reason"], rows, {1: "text"})


def _names(some: Sequence[AssetStatus], limit: int = 100) -> str:
    if not some:
        return ""
    more = f" and {len(some) - limit:,} more" if len(some) > limit else ""
    return f"<p>{safe(', '.join(one.asset for one in some[:limit]))}{more}</p>\n"


def _notes(assets: Sequence[AssetStatus], beside: Mapping[str, str], limit: int = 100) -> str:
    lines = [f"{name}: {text}" for name, text in beside.items()]
    lines += [stranger_text(one.asset, one.lacks, one.besides) for one in assets if one.lacks or one.besides]
    lines += [f"{one.asset}: {note}" for one in assets if one.scored for note in one.notes]
    if not lines:
        return ""
    more = f"<li>and {len(lines) - limit:,} more, in the status of each asset</li>" if len(lines) > limit else ""
    return "<ul>" + "".join(f"<li>{safe(line)}</li>" for line in lines[:limit]) + more + "</ul>\n"


# ---- the picture ----------------------------------------------------------------------------------------------------


def _over_time(scored: Sequence[AssetStatus]) -> str:
    timed = [one for one in scored if one.first is not None and one.last is not None]
    if not timed:
        return "<p>The readings have no times.</p>\n" if scored else ""
    begin = min(_at(str(one.first)) for one in timed)
    end = max(_at(str(one.last)) for one in timed)
    length = max(end - begin, 1)

    def place(stamp: str) -> float:
        return 100.0 * (_at(stamp) - begin) / length

    lanes = "".join(_lane(one, place) for one in timed[:_LANES])
    ends = f"<span></span>{_ends(timed)}"
    alarms = sum(one.alarms for one in timed)
    words = f"{counted(alarms, 'alarm')} of {counted(len(timed), 'asset')} over time; the table above tells the same."
    shown = f" The {_LANES} worst of {len(timed):,} assets." if len(timed) > _LANES else ""
    without = len(scored) - len(timed)
    if without:
        shown += f" {counted(without, 'asset')} without times {'is' if without == 1 else 'are'} left out."
    return (
        f"{_counts(timed, begin, length)}"
        f'<figure><div class="lanes" role="img" aria-label="{safe(words)}">{lanes}{ends}</div>'
        f"<figcaption>A line is where an asset has rows, a bar an alarm.{shown}</figcaption></figure>\n"
    )


def _lane(one: AssetStatus, place: Callable[[str], float]) -> str:
    def bar(start: str, end: str, kind: str = "", words: str = "") -> str:
        left, right = place(start), place(end)
        told = f' title="{safe(words)}"' if words else ""
        return f'<i{kind}{told} style="left:{left:.2f}%;width:{max(right - left, 0.0):.2f}%"></i>'

    bars = [bar(str(one.first), str(one.last), ' class="there"')]
    for start, end, peak in one.spans:
        high = "" if peak is None else f", peak {peak:.1f}"
        bars.append(bar(str(start), str(end), "", f"{_said(start)} to {_said(end)}{high}"))
    return (
        f'<span class="name" title="{safe(one.asset)}">{safe(one.asset)}</span><div class="track">{"".join(bars)}</div>'
    )


def _counts(timed: Sequence[AssetStatus], begin: int, length: int) -> str:
    """How many assets are in alarm, over time."""
    held: NDArray[np.int64] = np.zeros(_BINS, np.int64)
    for one in timed:
        there = np.zeros(_BINS, bool)
        for start, end, _ in one.spans:
            first, last = (min(_BINS - 1, (_at(str(stamp)) - begin) * _BINS // length) for stamp in (start, end))
            there[first : last + 1] = True
        held += there
    most = int(held.max())
    if not most:
        return "<p>No alarms.</p>\n"
    bars = "".join(f'<i style="height:{100.0 * count / most:.0f}%"></i>' for count in held.tolist())
    words = f"Assets in alarm over time, at most {most:,} at once"
    return (
        f'<figure><div class="counts" role="img" aria-label="{words}">{bars}</div>{_ends(timed)}'
        f"<figcaption>{words}, of {len(timed):,}.</figcaption></figure>\n"
    )


def _at(stamp: str) -> int:
    return int(np.datetime64(stamp.removesuffix("Z"), "ns").astype(np.int64))


def _ends(timed: Sequence[AssetStatus]) -> str:
    first = min((str(one.first) for one in timed), key=_at)
    last = max((str(one.last) for one in timed), key=_at)
    return f'<div class="ends"><span>{_said(first)}</span><span>{_said(last)}</span></div>'


def _guide(pages: bool) -> str:
    points = [
        "<b>Health</b> is 1 / (1 + r), where r is the mean of score over limit in the judged rows of the last day: "
        "100 % is a machine that does what was learnt, 50 % one at its limit.",
        "<b>In alarm</b>: the last row is. The <b>peak</b> is the score over its limit, of the alarm that runs or of "
        "the strongest; the <b>first sensor</b> has the greatest share of it.",
        "Each asset is judged by a model of its own, learnt from its own history: health says how far it is from that, "
        "not which of two machines is in a better state.",
    ]
    if pages:
        points.append("A name that is a link leads to the asset's own report.")
    return "<ul>" + "".join(f"<li>{point}</li>" for point in points) + "</ul>\n"
