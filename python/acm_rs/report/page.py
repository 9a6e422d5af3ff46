"""The page: one HTML file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acm_rs._native import __version__
from acm_rs.monitor.result import told
from acm_rs.report import pictures
from acm_rs.report.parts import policy, table
from acm_rs.report.plane import plane_of, plane_picture
from acm_rs.report.still import still
from acm_rs.report.words import cell, counted, headline, nobody, part, safe, span_of, spelled, title

if TYPE_CHECKING:
    from acm_rs.monitor import Culprit, Episode, Result

__all__ = ["page"]

DETAILED = 12
"""Episodes with a picture of their own at most: the strongest."""
LISTED = 500
"""Episodes in the table at most."""


_THEME = '<div class="buttons screen"><button type="button" data-theme-switch aria-pressed="false">Dark</button></div>'
_STILL = (
    "<noscript><p>Scripts are off in this browser: the overview stands still and the other pictures are left out. The "
    "tables tell the same.</p></noscript>\n"
)


def page(result: Result, script: str) -> str:
    """The whole page, with Plotly's `script` in it.

    Parameters
    ----------
    result : Result
        What was found.
    script : str
        The source of Plotly's script.

    Returns
    -------
    str
        The HTML text; the same result makes the same text.
    """
    figures: dict[str, Any] = {}
    drawn = bool(len(result.scores)) and bool(result.names)
    plane = None
    if drawn:
        figures["overview"] = pictures.overview(result)
        plane = plane_of(result)
        if plane is not None:
            figures["plane"] = plane_picture(result, plane)
    detailed = _detailed(result)
    for number in detailed:
        picture = pictures.episode_picture(result, result.found[number])
        if picture is not None:
            figures[f"episode-{number + 1}"] = picture
    sections = [
        ("episodes", "Alarms", _episodes(result, detailed, figures)),
        ("quality", "Data quality", _quality(result)),
        ("model", "Model and settings", _card(result)),
        ("reading", "How to read this page", _guide()),
    ]
    if plane is not None:
        sections.insert(1, ("plane", "Load and relations", _plane(plane, figures["plane"])))
    sections = [section for section in sections if section[2]]
    if drawn:
        sections.insert(0, ("overview", "Overview", _overview(result, figures["overview"])))
    own = resources.files("acm_rs.report")
    style = own.joinpath("style.css").read_text(encoding="utf-8")
    code = own.joinpath("page.js").read_text(encoding="utf-8")
    # Nothing in a string of JSON can end the element that holds it.
    data = json.dumps(figures, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    scripts = [code, script] if drawn else []
    # Plotly's is a text until ours, which runs before it is read, makes a script of it.
    running = f'<script>{code}</script>\n<script type="text/plain" id="plotly">{script}</script>\n' if drawn else ""
    name = safe(title(result))
    contents = "".join(f'<li><a href="#{key}">{heading}</a></li>' for key, heading, _ in sections)
    body = "".join(
        f'<section aria-labelledby="{key}"><h2 id="{key}">{heading}</h2>\n{content}</section>\n'
        for key, heading, content in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="acm_rs {safe(__version__)}">\n'
        f"<title>{name}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">To the content</a>\n'
        f"<header>\n{_head(result, name)}</header>\n"
        f'<nav aria-label="Contents"><ul>{contents}</ul>{_THEME if drawn else ""}</nav>\n'
        f'<main id="content">\n{_STILL if drawn else ""}{_remarks(result)}{body}</main>\n'
        f"<footer><p>Made by acm_rs {safe(__version__)} from readings and a model alone; this file asks nothing of any"
        " network.</p></footer>\n"
        f'<script type="application/json" id="figures">{data}</script>\n{running}</body>\n</html>\n'
    )


def _head(result: Result, name: str) -> str:
    text, said, mood = headline(result)
    lines = [f"<h1>{name}</h1>\n", f'<p class="verdict {mood}">{safe(text)}</p>\n']
    lines += [f"<p>{safe(line)}</p>\n" for line in said]
    facts = [(label, safe(value)) for label, value in _facts(result)]
    cells = "".join(f"<div><dt>{label}</dt><dd>{value}</dd></div>" for label, value in facts)
    return "".join(lines) + f'<dl class="facts">{cells}</dl>\n'


def _facts(result: Result) -> list[tuple[str, str]]:
    n = len(result.scores)
    if not n:
        return []
    return [
        ("From", result.moment(0)),
        ("To", result.moment(n - 1)),
        ("Rows", f"{n:,}"),
        ("Sensors watched", f"{len(result.names):,}"),
        ("Rows in alarm", f"{int(result.alarms.sum()):,} ({part(float(result.alarms.mean()))})"),
        ("Readings missing", part(float(np.isnan(result.values).mean())) if result.values.size else "none"),
    ]


def _remarks(result: Result) -> str:
    if not result.remarks:
        return ""
    lines = "".join(f"<li>{safe(text)}</li>" for text in result.remarks)
    return (
        '<section class="remarks" aria-labelledby="remarks"><h2 id="remarks">Before you rely on this</h2>'
        f"<ul>{lines}</ul></section>\n"
    )


# ---- the overview ---------------------------------------------------------------------------------------------------


def _overview(result: Result, figure: pictures.Figure) -> str:
    buttons = "".join(
        f'<button type="button" data-move="{move}">{label}</button>'
        for move, label in (
            ("whole", "Whole period"),
            ("in", "Zoom in"),
            ("out", "Zoom out"),
            ("earlier", "Earlier"),
            ("later", "Later"),
        )
    )
    return (
        f"{_regimes_key(result)}"
        f'<div class="buttons screen" role="group" aria-label="Time shown in the overview">{buttons}'
        '<span class="shown" role="status"></span></div>\n'
        f"<figure>{_picture('overview', _overview_words(result), figure, still(figure))}"
        f"<figcaption>{safe(_overview_caption(result))}"
        '<span class="screen"> A click on an alarm leads to what is known of it.</span></figcaption></figure>\n'
        f"{_heat_key()}"
    )


def _picture(key: str, words: str, figure: pictures.Figure, first: str = "") -> str:
    """The place of a picture, as high as it will be; `first` is what it shows until it is drawn."""
    named = f'id="{key}-picture" data-figure="{key}" style="min-height:{figure["layout"]["height"]:.0f}px"'
    return f'<div class="picture" {named} role="img" aria-label="{safe(words)}">{first}</div>'


def _swatch(colour: str, label: str, kind: str = "") -> str:
    shade = f"border-color:{colour}" if "line" in kind else f"background:{colour}"
    return f'<li><span class="swatch {kind}" style="{shade}" aria-hidden="true"></span>{label}</li>'


def _regimes_key(result: Result) -> str:
    counts = np.bincount(np.asarray(result.regimes, dtype=np.int64), minlength=len(result.regime_names))
    there = [kind for kind in range(len(result.regime_names)) if counts[kind]]
    items = [
        _swatch(pictures.READING, "score", "line"),
        _swatch(pictures.LIMIT, "limit", "line dashed"),
        _swatch(pictures.SHADE, "alarm", "box"),
        *(
            _swatch(
                pictures.regime_colour(result.regime_names, kind),
                f"{safe(result.regime_names[kind])} ({part(counts[kind] / len(result.regimes))} of the rows)",
            )
            for kind in there
        ),
    ]
    return f'<ul class="key">{"".join(items)}</ul>\n'


def _heat_key() -> str:
    low, high, far = pictures.TOO_LOW, pictures.TOO_HIGH, f"{pictures.FAR:g}"
    scale = f"linear-gradient(90deg, rgb({low}), rgba(128,128,128,.1) 34%, rgba(128,128,128,.1) 66%, rgb({high}))"
    return (
        f'<ul class="key"><li>{far} deviations too low<span class="swatch wide" style="background:{scale}" '
        f'aria-hidden="true"></span>{far} deviations too high</li><li>blank: not judged, or no reading</li></ul>\n'
    )


def _overview_words(result: Result) -> str:
    """The overview for those who do not see it."""
    ends = f"{result.moment(0)} to {result.moment(len(result.scores) - 1)}"
    said = f"Score and limit from {ends}, with {counted(len(result.found), 'alarm')}"
    if result.found:
        starts = ", ".join(result.moment(one.start) for one in result.found[:10])
        more = f" and {len(result.found) - 10} more" if len(result.found) > 10 else ""
        said += f" beginning at {starts}{more}"
    sensors = counted(len(pictures.shown_sensors(result)), "sensor")
    return f"{said}. Below it the regimes, and a heat map of {sensors}. The table of alarms tells the same."


def _overview_caption(result: Result) -> str:
    shown = len(pictures.shown_sensors(result))
    said = (
        "A score above its limit counts towards an alarm. A deviation is the usual scatter of a sensor around what the "
        "others let expect, on healthy rows."
    )
    if shown < len(result.names):
        said += f" The heat map shows the {shown} sensors that were farthest off, of {len(result.names)}."
    return said


def _plane(plane: NDArray[np.float64], figure: pictures.Figure) -> str:
    far, apart = (plane[~np.isnan(plane[:, 0])] > 1.0).T
    shares = [part(float(which.mean())) for which in (far & ~apart, apart & ~far, far & apart)]
    counts = (
        f"Of {counted(len(far), 'judged row')}, {shares[0]} are beyond T² alone, {shares[1]} beyond SPE alone, "
        f"{shares[2]} beyond both."
    )
    caption = (
        "<b>T²</b> says how far the machine is from the middle of what was learnt, along the usual relations of the "
        "sensors: far to the right is an unusual load. <b>SPE</b> says how far the sensors are out of these relations: "
        "far up, some do not belong with the others. Beyond each dashed line would lie 1 in 100 rows of a healthy "
        "machine with readings of a normal law. These are single rows; the score looks at what they do in sequence."
    )
    key = (
        f'<ul class="key">{_swatch(pictures.READING, "row without alarm", "dot")}'
        f"{_swatch(pictures.ALARM, 'row in alarm', 'dot')}{_swatch(pictures.LIMIT, 'limit', 'line dashed')}</ul>"
    )
    return (
        f"{key}<figure>{_picture('plane', f'T² and SPE of each row over their limits. {counts}', figure)}"
        f"<figcaption>{caption} {counts}</figcaption></figure>\n"
    )


# ---- episodes -------------------------------------------------------------------------------------------------------


def _detailed(result: Result) -> list[int]:
    """The episodes that are shown in detail, in their order."""
    order = sorted(
        range(len(result.found)), key=lambda number: (not result.found[number].open, -result.found[number].peak)
    )
    return sorted(order[:DETAILED])


def _episodes(result: Result, detailed: Sequence[int], figures: dict[str, Any]) -> str:
    if not result.found:
        return "<p>None.</p>\n"
    told_all = result.explain()
    rows = [
        [
            f'<a href="#episode-{number}">{number}</a>'
            if number - 1 in detailed
            else f'<span id="episode-{number}" tabindex="-1">{number}</span>',
            safe(result.moment(one.start)),
            "still running" if one.open else safe(result.moment(one.end - 1)),
            safe(_blamed(one)),
            safe(span_of(result, one.start, one.end).partition(", ")[0]),
            f"{one.peak:.1f}",
            safe(one.regime),
        ]
        for number, one in enumerate(result.found[:LISTED], 1)
    ]
    head = ["No.", "Start", "End", "Culprits", "Duration", "Peak over limit", "Regime"]
    words = f"All {len(result.found):,} alarms" if len(result.found) > 1 else "The alarm"
    if len(result.found) > LISTED:
        words += f", the first {LISTED} of them"
    parts = [table(words, head, rows, {1: "time", 2: "time", 3: "text", 4: "number", 5: "number"})]
    if len(detailed) < len(result.found):
        parts.append(f"<p>The {len(detailed)} strongest in detail:</p>\n")
    parts += [_episode(result, number, told_all[number], figures) for number in detailed]
    return "".join(parts)


def _blamed(one: Episode) -> str:
    named = [who for who in one.culprits if who.share >= 0.05][:3]
    return "; ".join(f"{who.name} {'+' if who.direction > 0 else '-'}" for who in named) or nobody(one.kind)


def _episode(result: Result, number: int, sentence: str, figures: dict[str, Any]) -> str:
    one = result.found[number]
    key = f"episode-{number + 1}"
    end = ", still running" if one.open else f" to {result.moment(one.end - 1)}"
    first = "" if one.first_sign >= one.start else f" First signs: {result.moment(one.first_sign)}."
    lasts = span_of(result, one.start, one.end)
    peak = f"Peak {one.peak:.1f} times the limit at {result.moment(one.peak_row)}"
    facts = f"{peak}; lasts {lasts}; {one.regime}.{first}"
    parts = [
        f'<article aria-labelledby="{key}">\n',
        f'<h3 id="{key}" tabindex="-1">Alarm {number + 1}: {safe(result.moment(one.start))}{safe(end)}</h3>\n',
        f"<p>{safe(sentence)}</p>\n<p>{safe(facts)}</p>\n",
    ]
    begin, end_ = pictures.span_of_picture(result, one)
    parts.append(
        f'<div class="buttons screen"><button type="button" data-begin="{begin:.0f}" data-end="{end_:.0f}">'
        f"Show alarm {number + 1} in the overview</button></div>\n"
    )
    if one.culprits:
        parts.append(_culprits(result, one, number))
    else:
        parts.append(_strangest(result, one, number))
    if key in figures:
        shown = pictures.shown_in(result, one)
        beside = "before, during and after the alarm, beside what they should read"
        words = f"{', '.join(shown)} {beside}. The table above has them in numbers."
        parts.append(f"<figure>{_picture(key, words, figures[key])}{_traces_key()}</figure>\n")
    return "".join([*parts, "</article>\n"])


def _culprits(result: Result, one: Episode, number: int) -> str:
    rows = [
        [
            safe(who.name),
            f'<span class="bar" style="width:{max(1.0, 80.0 * min(1.0, who.share)):.0f}px" aria-hidden="true"></span>'
            f"{part(who.share)}",
            *(safe(text) for text in _pair(who)),
            safe(result.units.get(who.name, "")),
            _direction(who.residual_sigmas),
            *(_direction(value, "") for value in pictures.around(result, one, who.name)),
        ]
        for who in one.culprits
    ]
    head = ["Sensor", "Share of the score", "Reads", "Should read", "Unit", "That is", "Before it", "After it"]
    if not any(row[4] for row in rows):
        head, rows = head[:4] + head[5:], [row[:4] + row[5:] for row in rows]
    return table(f"Sensors behind alarm {number + 1}, means over it", head, rows, {2: "number", 3: "number"})


def _strangest(result: Result, one: Episode, number: int) -> str:
    """Where no sensor stands out of the relations: those that are out of their usual range."""
    rows = [
        [safe(name), spelled(reads), f"{spelled(low)} to {spelled(high)}", safe(result.units.get(name, ""))]
        for name, reads, (low, high) in pictures.strangest(result, one)
    ]
    if not rows:
        return ""
    head = ["Sensor", "Reads", "Otherwise reads", "Unit"]
    if not any(row[3] for row in rows):
        head, rows = head[:3], [row[:3] for row in rows]
    words = (
        f"Sensors farthest out of their usual range in alarm {number + 1}: median, and 98 % of the rows without alarm"
    )
    return table(words, head, rows, {1: "number", 2: "number"})


def _pair(who: Culprit) -> tuple[str, str]:
    if np.isfinite(who.reads) and np.isfinite(who.expects):
        return told(who.reads, who.expects)
    return tuple(spelled(value) if np.isfinite(value) else "not known" for value in (who.reads, who.expects))  # type: ignore[return-value]


def _direction(sigmas: float, unit: str = " deviations") -> str:
    if not np.isfinite(sigmas):
        return ""
    if abs(sigmas) < 0.05:
        return "as it should"
    return f"{abs(sigmas):.1f}{unit} too {'high' if sigmas > 0 else 'low'}"


def _traces_key() -> str:
    return (
        '<ul class="key">'
        + _swatch(pictures.READING, "reads", "line")
        + _swatch(pictures.EXPECTED, "should read", "line dotted")
        + _swatch(pictures.BAND, f"within {pictures.WIDTH:g} deviations of it")
        + _swatch(pictures.SHADE, "the alarm")
        + "</ul>"
    )


# ---- tables ---------------------------------------------------------------------------------------------------------


def _quality(result: Result) -> str:
    if not result.quality_rows:
        return ""
    head = list(dict.fromkeys(label for row in result.quality_rows for label in row))
    cells = [[cell(row.get(label), str(label)) for label in head] for row in result.quality_rows]
    kinds = {place: "number" if any(row[place][1] for row in cells) else "text" for place in range(1, len(head))}
    rows = [[safe(text) for text, _ in row] for row in cells]
    caption = "What was wrong with the readings, sensor by sensor"
    return table(caption, [safe(str(label).capitalize()) for label in head], rows, kinds)


def _card(result: Result) -> str:
    if not result.monitor_card:
        return ""
    lines = "".join(
        f'<tr><th scope="row">{safe(label)}</th><td>{safe(value)}</td></tr>\n'
        for label, value in result.monitor_card.items()
    )
    return (
        '<div class="table"><table class="card"><caption>What the model was trained on, and how it is set</caption>'
        f"<tbody>\n{lines}</tbody></table></div>\n"
    )


def _guide() -> str:
    points = (
        "The <b>score</b> says how unusual a row is; above its <b>limit</b> for some rows it is an alarm. Alarms that "
        "follow each other closely are one.",
        "What a sensor <b>should read</b> is told from the other sensors of the same row and from the regime, as it "
        "was learnt from healthy history. It is no set point.",
        "<b>Culprits</b> are the sensors that make up the score. They say where to look, not what has broken: a sensor "
        "may be wrong itself, or show what another part of the machine does.",
        "<b>Before it</b> and <b>after it</b> are means, in deviations, over what the picture shows beside the alarm: "
        "what was there before has not begun with it, what stays after it is not over.",
        "The <b>regime</b> is what the machine was doing. In standstill and just after a change nothing is judged; "
        "unknown is beyond all that training has seen.",
    )
    return "<ul>" + "".join(f"<li>{point}</li>" for point in points) + "</ul>\n"
