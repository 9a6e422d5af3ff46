"""The pictures of the report, as figures of Plotly: dictionaries that its script draws."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.report.thinning import Buckets

if TYPE_CHECKING:
    from acm_rs.monitor import Culprit, Episode, Result

__all__ = [
    "FAR",
    "MOST_SENSORS",
    "REGIME_COLOURS",
    "USUAL",
    "WIDTH",
    "episode_picture",
    "layout_of",
    "overview",
    "shown_sensors",
]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Figure = dict[str, Any]

# Colours that stand out on white and on black; texts and grids take theirs from the page.
READING, EXPECTED, BAND = "#2f81c9", "#8a6d1f", "rgba(176,140,40,0.28)"
ALARM, SHADE, LIMIT = "#d64541", "rgba(214,69,65,0.16)", "#7a858f"
TOO_LOW, TOO_HIGH = "46,124,214", "214,69,65"
REGIME_COLOURS = {"unknown": "#b04fc4", "standstill": "#8f9aa3"}
_RUNNING = ("#3f9b6c", "#2f81c9", "#c98a1b", "#1fa3a3", "#9c6ade", "#b5651d")

BUCKETS = 1000
"""Points across the overview."""
CLOSE = 500
"""Points across an episode."""
MOST_SENSORS = 60
"""Rows of the heat map at most."""
USUAL, FAR = 2.5, 8.0
"""Deviations up to which the heat map is pale, and from which its colour is full."""
WIDTH = 2.0
"""Deviations on either side of what is expected that are drawn as its band."""
LOGARITHMIC = 10.0
"""Times the limit beyond which the score has a logarithmic axis."""


def packed(values: NDArray[Any], kind: str = "f4") -> dict[str, str]:
    """Numbers as Plotly reads them: base64 of the raw array."""
    array = np.ascontiguousarray(values, dtype=f"<{kind}")
    found = {"dtype": kind, "bdata": base64.b64encode(array.tobytes()).decode()}
    if array.ndim == 2:
        found["shape"] = f"{array.shape[0]}, {array.shape[1]}"
    return found


def axis_of(result: Result) -> Vector:
    """Where the rows are: milliseconds since 1970, or their numbers."""
    if result.times is None:
        return np.arange(len(result.scores), dtype=np.float64)
    return result.times.astype("datetime64[ns]").astype(np.int64) / 1e6


def shown_sensors(result: Result) -> list[int]:
    """The sensors of the heat map: all, or those farthest from what they should read."""
    count = len(result.names)
    if count <= MOST_SENSORS:
        return list(range(count))
    with np.errstate(all="ignore"):
        away = np.nanmax(np.abs(result.values - result.expected_values), axis=0, initial=0.0) / result.band
    order = np.argsort(-np.nan_to_num(away, nan=-1.0), kind="stable")
    return sorted(order[:MOST_SENSORS].tolist())


def overview(result: Result) -> Figure:
    """Score with its limit and episodes, the regimes, and the sensors over time, on one axis."""
    when = axis_of(result)
    buckets = Buckets(when, BUCKETS)
    sensors = shown_sensors(result)
    names = [result.names[place] for place in sensors]
    score, ribbon, map_ = 210, 24, max(60, 17 * len(sensors))
    gaps, top, bottom = 2 * 46, 30, 40
    inner = score + ribbon + map_ + gaps
    bounds = np.array([0, map_, map_ + 46, map_ + 46 + ribbon, map_ + gaps + ribbon, inner]) / inner
    data = [*_score_lines(result, buckets), _ribbon(result, buckets), _heat(result, buckets, sensors)]
    layout = layout_of(result, inner + top + bottom, top, bottom)
    layout["xaxis"] |= {"anchor": "y3", "range": _range(result, buckets.edges[0], buckets.edges[-1])}
    layout["yaxis"] = {**_score_axis(result), "domain": bounds[4:6].tolist(), "fixedrange": True}
    layout["yaxis2"] = {
        "domain": bounds[2:4].tolist(),
        "fixedrange": True,
        "ticks": "",
        "showticklabels": False,
        "showgrid": False,
    }
    layout["yaxis3"] = {
        "domain": bounds[0:2].tolist(),
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "autorange": "reversed",
        "type": "category",
        "tickvals": [html.escape(name) for name in names],
        "ticktext": [html.escape(label) for label in shortened(names, 30)],
        "automargin": True,
    }
    layout["annotations"] = [
        _heading("Score and limit", float(bounds[5])),
        _heading("Regime", float(bounds[3])),
        _heading("Sensors: how far from what they should read", float(bounds[1])),
    ]
    layout["shapes"] = _episode_marks(result, when, buckets.step)
    if len(result.found) <= 20:
        layout["annotations"] += [
            {
                "text": f"<b>{number}</b>",
                "x": when[one.start],
                "xref": "x",
                "y": 1.0,
                "yref": "y domain",
                "xanchor": "left",
                "yanchor": "top",
                "showarrow": False,
                "font": {"color": ALARM, "size": 13},
            }
            for number, one in enumerate(result.found, 1)
        ]
    narrow = [html.escape(label) for label in shortened(names, 14)]
    return {"data": data, "layout": layout, "narrow": narrow}


def _score_lines(result: Result, buckets: Buckets) -> list[Figure]:
    scores = np.where(np.isnan(result.scores), np.nan, np.clip(result.scores, -1e30, 1e30))
    scores[result.scores == -np.inf] = np.nan
    if _logarithmic(result):
        scores = np.maximum(scores, 0.1 * result.limits)
    at, line = buckets.line(scores)
    limits = buckets.most(result.limits)
    moment = _moment_format(result)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": packed(at, "f8"),
            "y": packed(line),
            "line": {"color": READING, "width": 1.2},
            "name": "score",
            "hovertemplate": f"{moment}<br>score %{{y:,.3~r}}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": packed(buckets.middles, "f8"),
            "y": packed(limits),
            "line": {"color": LIMIT, "width": 1.5, "dash": "dash"},
            "name": "limit",
            "hovertemplate": "limit %{y:,.3~r}<extra></extra>",
        },
    ]


def _logarithmic(result: Result) -> bool:
    with np.errstate(all="ignore"):
        over = result.scores / result.limits
    over = over[np.isfinite(over)]
    return bool(over.size and over.max() > LOGARITHMIC)


def _score_axis(result: Result) -> Figure:
    if _logarithmic(result):
        return {"type": "log", "dtick": 1, "automargin": True, "title": {"text": "log scale", "font": {"size": 11}}}
    scores = result.scores[np.isfinite(result.scores)]
    top = max(float(scores.max(initial=0.0)), float(result.limits.max()) * 1.2) * 1.08
    return {"range": [min(0.0, float(scores.min(initial=0.0))), top], "automargin": True, "zeroline": False}


def _ribbon(result: Result, buckets: Buckets) -> Figure:
    kinds = len(result.regime_names)
    usual = buckets.usual(np.asarray(result.regimes), kinds)
    shades = [regime_colour(result.regime_names, kind) for kind in range(kinds)]
    scale = [[edge / kinds, shade] for kind, shade in enumerate(shades) for edge in (kind, kind + 1)]
    names = [html.escape(name) for name in result.regime_names]
    return {
        "type": "heatmap",
        "x": packed(buckets.edges, "f8"),
        "z": packed(usual[None, :]),
        "zmin": -0.5,
        "zmax": kinds - 0.5,
        "colorscale": scale,
        "showscale": False,
        "yaxis": "y2",
        "customdata": [["" if np.isnan(kind) else names[int(kind)] for kind in usual.tolist()]],
        "hovertemplate": f"{_moment_format(result)}<br>%{{customdata}}<extra></extra>",
    }


def regime_colour(names: Sequence[str], kind: int) -> str:
    """The colour of a regime, the same in every picture of a page."""
    if names[kind] in REGIME_COLOURS:
        return REGIME_COLOURS[names[kind]]
    running = [name for name in names if name not in REGIME_COLOURS]
    return _RUNNING[running.index(names[kind]) % len(_RUNNING)]


def _heat(result: Result, buckets: Buckets, sensors: Sequence[int]) -> Figure:
    with np.errstate(all="ignore"):
        away = (result.values[:, sensors] - result.expected_values[:, sensors]) / result.band[sensors]
    away[~np.isfinite(away)] = np.nan
    pale = (FAR - USUAL) / (2.0 * FAR)
    scale = [
        [0.0, f"rgb({TOO_LOW})"],
        [pale, f"rgba({TOO_LOW},0.07)"],
        [0.5, "rgba(128,128,128,0.07)"],
        [1.0 - pale, f"rgba({TOO_HIGH},0.07)"],
        [1.0, f"rgb({TOO_HIGH})"],
    ]
    return {
        "type": "heatmap",
        "x": packed(buckets.edges, "f8"),
        "z": packed(buckets.farthest(away).T),
        "zmin": -FAR,
        "zmax": FAR,
        "colorscale": scale,
        "showscale": False,
        "yaxis": "y3",
        "y": [html.escape(result.names[place]) for place in sensors],
        "hovertemplate": f"%{{y}}<br>{_moment_format(result)}<br>%{{z:.1f}} deviations<extra></extra>",
        "hoverongaps": False,
    }


def _episode_marks(result: Result, when: Vector, step: float) -> list[Figure]:
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "y domain",
            "x0": when[one.start],
            "x1": when[one.end - 1] + step,
            "y0": 0,
            "y1": 1,
            "fillcolor": SHADE,
            "line": {"color": ALARM, "width": 1},
            "layer": "below",
        }
        for one in result.found
    ]


def culprits_shown(episode: Episode, most: int = 4) -> list[Culprit]:
    """The culprits whose traces are drawn: those that matter, one at least."""
    some = [one for one in episode.culprits if one.share >= 0.05][:most]
    return some or list(episode.culprits[:1])


def shown_in(result: Result, episode: Episode) -> list[str]:
    """The sensors whose traces are drawn: the culprits, or else those that have left their usual range the farthest."""
    named = [one.name for one in culprits_shown(episode) if one.name in result.names]
    return named or [name for name, _, _ in strangest(result, episode)]


def strangest(result: Result, episode: Episode, most: int = 3) -> list[tuple[str, float, tuple[float, float]]]:
    """The sensors that an episode finds farthest from where 98 % of the judged rows without alarm lie: name, median
    in the episode, and that range."""
    usual = ~np.isnan(result.scores) & ~result.alarms
    found = []
    for place, name in enumerate(result.names):
        inside = result.values[episode.start : episode.end, place]
        inside, beside = inside[np.isfinite(inside)], result.values[usual, place]
        beside = beside[np.isfinite(beside)]
        if not inside.size or beside.size < 20:
            continue
        low, middle, high = np.quantile(beside, [0.01, 0.5, 0.99]).tolist()
        reads = float(np.median(inside))
        far = (
            (reads - middle) / max(high - middle, 1e-300)
            if reads > middle
            else (middle - reads) / max(middle - low, 1e-300)
        )
        found.append((far, name, reads, (low, high)))
    found.sort(key=lambda one: -one[0])
    return [one[1:] for one in found[:most] if one[0] > 1.0]


def episode_picture(result: Result, episode: Episode) -> Figure | None:
    """The culprits of an episode beside what they should read, before, during and after it."""
    shown = shown_in(result, episode)
    if not shown:
        return None
    first, end = window_of(episode, len(result.scores))
    when = axis_of(result)[first:end]
    buckets = Buckets(when, CLOSE)
    each, gap, top, bottom = 150, 44, 30, 36
    inner = len(shown) * each + (len(shown) - 1) * gap
    layout = layout_of(result, inner + top + bottom, top, bottom)
    data: list[Figure] = []
    annotations, shapes = [], []
    for number, name in enumerate(shown):
        place = result.names.index(name)
        upper = inner - number * (each + gap)
        axis = "" if number == 0 else str(number + 1)
        domain = [(upper - each) / inner, upper / inner]
        layout[f"yaxis{axis}"] = {
            "domain": domain,
            "automargin": True,
            "fixedrange": True,
            "zeroline": False,
            **_height(result, episode, slice(first, end), place),
        }
        unit = result.units.get(name, "")
        annotations.append(_heading(name + (f", {unit}" if unit else ""), domain[1]))
        data += _traces(result, buckets, slice(first, end), place, f"y{axis}")
        shapes.append(
            {
                "type": "rect",
                "xref": "x",
                "yref": f"y{axis} domain",
                "x0": axis_of(result)[episode.start],
                "x1": axis_of(result)[episode.end - 1] + buckets.step,
                "y0": 0,
                "y1": 1,
                "fillcolor": SHADE,
                "line": {"width": 0},
                "layer": "below",
            }
        )
    lowest = "y" if len(shown) == 1 else f"y{len(shown)}"
    layout["xaxis"] |= {"anchor": lowest, "range": _range(result, buckets.edges[0], buckets.edges[-1])}
    layout["annotations"], layout["shapes"] = annotations, shapes
    return {"data": data, "layout": layout}


def around(result: Result, episode: Episode, name: str) -> tuple[float, float]:
    """How many deviations a sensor was off before and after an episode, in the rows of its picture; NaN if unknown."""
    first, end = window_of(episode, len(result.scores))
    found = []
    for rows in (slice(first, episode.start), slice(episode.end, end)):
        if name not in result.names:
            found.append(np.nan)
            continue
        place = result.names.index(name)
        off = (result.values[rows, place] - result.expected_values[rows, place])[~np.isnan(result.scores[rows])]
        off = off[np.isfinite(off)]
        found.append(float(off.mean() / result.band[place]) if off.size and result.band[place] > 0.0 else np.nan)
    return found[0], found[1]


def window_of(episode: Episode, rows: int) -> tuple[int, int]:
    """The rows drawn: as many before and after as the episode has, some tens at least."""
    around = max(60, episode.end - episode.start)
    return max(0, min(episode.first_sign, episode.start - around)), min(rows, episode.end + around)


def span_of_picture(result: Result, episode: Episode) -> tuple[float, float]:
    """Where the picture of an episode begins and ends on the axis."""
    first, end = window_of(episode, len(result.scores))
    edges = Buckets(axis_of(result)[first:end], CLOSE).edges
    return float(edges[0]), float(edges[-1])


def _traces(result: Result, buckets: Buckets, rows: slice, place: int, axis: str) -> list[Figure]:
    moment = _moment_format(result)
    name = html.escape(result.names[place])
    expected = buckets.means(result.expected_values[rows, place])
    at, readings = buckets.line(result.values[rows, place])
    x, y = _outline(buckets.middles, expected, WIDTH * float(result.band[place]))
    common = {"type": "scatter", "mode": "lines", "yaxis": axis}
    return [
        {
            **common,
            "x": packed(x, "f8"),
            "y": packed(y),
            "fill": "toself",
            "fillcolor": BAND,
            "line": {"width": 0},
            "hoverinfo": "skip",
        },
        {
            **common,
            "x": packed(buckets.middles, "f8"),
            "y": packed(expected),
            "line": {"color": EXPECTED, "width": 1.6, "dash": "dot"},
            "hovertemplate": f"{moment}<br>{name} should read %{{y:,.4~r}}<extra></extra>",
        },
        {
            **common,
            "x": packed(at, "f8"),
            "y": packed(readings),
            "line": {"color": READING, "width": 1.5},
            "hovertemplate": f"{moment}<br>{name} reads %{{y:,.4~r}}<extra></extra>",
        },
    ]


def _height(result: Result, episode: Episode, rows: slice, place: int) -> Figure:
    """What the axis spans: readings and band where something is expected, and all of the alarm. A standstill may leave
    the picture."""
    readings, expected = result.values[rows, place], result.expected_values[rows, place]
    half = WIDTH * float(result.band[place])
    judged = np.isfinite(readings) & np.isfinite(expected)
    inside = readings[episode.start - rows.start : episode.end - rows.start]
    span = np.concatenate([readings[judged], expected[judged] - half, expected[judged] + half, inside])
    span = span[np.isfinite(span)]
    if not span.size:
        return {}
    low, high = float(span.min()), float(span.max())
    margin = 0.06 * (high - low) or 1.0
    return {"range": [low - margin, high + margin]} if np.isfinite(margin) else {}


def _outline(x: Vector, middle: Vector, half: float) -> tuple[Vector, Vector]:
    """The edge of a band, one closed line for each stretch that is known."""
    known = np.isfinite(middle)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    xs, ys = [np.empty(0)], [np.empty(0)]
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        across, level = x[first:end], middle[first:end]
        xs += [across, across[::-1], np.array([np.nan])]
        ys += [level + half, (level - half)[::-1], np.array([np.nan])]
    return np.concatenate(xs), np.concatenate(ys)


def layout_of(result: Result, height: int, top: int, bottom: int) -> Figure:
    return {
        "height": height,
        "margin": {"l": 44, "r": 12, "t": top, "b": bottom},
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "xaxis": {
            "type": "linear" if result.times is None else "date",
            "title": {"text": "row"} if result.times is None else {},
            "zeroline": False,
            "tickangle": 0,
        },
    }


def _range(result: Result, begin: float, end: float) -> list[Any]:
    if result.times is None:
        return [begin, end]
    return [np.datetime_as_string(np.datetime64(round(edge), "ms"), unit="ms") for edge in (begin, end)]


def _moment_format(result: Result) -> str:
    return "row %{x}" if result.times is None else "%{x|%Y-%m-%d %H:%M}"


def _heading(text: str, y: float) -> Figure:
    return {
        "text": html.escape(text),
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": y,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 12},
        "yshift": 4,
    }


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Names for a narrow margin: what all of them begin with goes first, then their middles."""
    if max(map(len, names), default=0) > most and len(names) > 1:
        # The first and the last in alphabetical order differ as early as any two.
        first, last = min(names), max(names)
        same = (place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1])
        common = first[: next(same, min(len(first), len(last)))]
        cut = max((common.rfind(mark) for mark in ". _-/:|"), default=-1) + 1
        names = [name[cut:] for name in names]
    half = (most - 1) // 2
    return [name if len(name) <= most else f"{name[:half]}…{name[-half:]}" for name in names]
