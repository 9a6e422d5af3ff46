"""A still picture of the overview, in SVG: there at once, and all there is where scripts are off."""

from __future__ import annotations

import base64
from itertools import pairwise
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acm_rs.report import pictures

__all__ = ["still"]

ACROSS = 1000
"""Units across, whatever the width on the screen."""
CELLS = 250
"""Columns of the heat map at most."""
SHADES = 4
"""Steps of its colour on either side of what is usual."""

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Figure = dict[str, Any]


def still(figure: Figure) -> str:
    """The overview as HTML.

    Parameters
    ----------
    figure : dict
        What `pictures.overview` has made; the same is drawn, without scales.

    Returns
    -------
    str
        An element that lies over the place of the live picture.
    """
    score, limit, ribbon, heat = figure["data"]
    layout = figure["layout"]
    margin = layout["margin"]
    inner = layout["height"] - margin["t"] - margin["b"]
    edges = _unpacked(ribbon["x"])
    parts = []
    for axis, drawn in (
        ("yaxis", _score(score, limit, layout, edges)),
        ("yaxis2", _ribbon(ribbon)),
        ("yaxis3", _heat(heat)),
    ):
        low, high = layout[axis]["domain"]
        parts.append(
            f'<svg style="top:{margin["t"] + (1.0 - high) * inner:.1f}px;height:{(high - low) * inner:.1f}px" '
            f'preserveAspectRatio="none" {drawn}</svg>'
        )
    for heading in layout["annotations"]:
        if heading["xref"] == "paper":
            top = margin["t"] + (1.0 - heading["y"]) * inner
            parts.append(f'<span style="top:{top:.1f}px">{heading["text"]}</span>')
    # As much room beside it as the names of the sensors will take.
    wide, narrow = (max(margin["l"], 22 + round(6.3 * max(map(len, names)))) for names in (heat["y"], figure["narrow"]))
    return (
        f'<div class="still" aria-hidden="true" style="--wide:{wide}px;--narrow:{narrow}px;right:{margin["r"]}px">'
        f"{''.join(parts)}</div>"
    )


def _unpacked(packed: dict[str, str]) -> NDArray[np.float64]:
    values = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}").astype(np.float64)
    return values.reshape([int(size) for size in packed["shape"].split(", ")]) if "shape" in packed else values


def _score(score: Figure, limit: Figure, layout: Figure, edges: Vector) -> str:
    """The score with its limit and episodes."""
    begin, end = edges[0], edges[-1]
    lines = [(_unpacked(one["x"]), _unpacked(one["y"]), one["line"]) for one in (score, limit)]
    axis = layout["yaxis"]
    if axis.get("type") == "log":
        lines = [(x, np.log10(np.maximum(y, 1e-300)), line) for x, y, line in lines]
        known = np.concatenate([y[np.isfinite(y)] for _, y, _ in lines])
        low, high = float(known.min()), float(known.max())
        room = 0.05 * (high - low)
        low, high = low - room, high + room
    else:
        low, high = axis["range"]
    height = 210.0
    places = [(mark["x0"], mark["x1"]) for mark in layout["shapes"]]
    across = ((np.array(places).reshape(-1, 2) - begin) / (end - begin) * ACROSS).tolist()
    marks = "".join(f"M{a:.2f} 0H{b:.2f}V{height:g}H{a:.2f}Z" for a, b in across)
    drawn = [f'<path d="{marks}" fill="{pictures.SHADE}" stroke="{pictures.ALARM}"/>'] if marks else []
    for x, y, line in lines:
        points = np.column_stack([(x - begin) / (end - begin) * ACROSS, (high - y) / (high - low) * height])
        dash = ' stroke-dasharray="6 4"' if line.get("dash") else ""
        drawn.append(
            f'<path d="{_line(points)}" fill="none" stroke="{line["color"]}" stroke-width="{line["width"]}"{dash}/>'
        )
    return f'viewBox="0 0 {ACROSS} {height:g}">{"".join(drawn)}'


def _line(points: Matrix) -> str:
    """A path through points, broken where one is not known."""
    said, pen = [], "M"
    for x, y in points.tolist():
        if isfinite(y):
            said.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L" if isfinite(y) else "M"
    return "".join(said)


def _ribbon(ribbon: Figure) -> str:
    """The regimes."""
    kinds = _unpacked(ribbon["z"])
    edges = _unpacked(ribbon["x"])
    shades = [shade for _, shade in ribbon["colorscale"][::2]]
    across = (edges - edges[0]) / (edges[-1] - edges[0]) * ACROSS
    return f'viewBox="0 0 {ACROSS} 1">{_runs(kinds, across, dict(enumerate(shades)))}'


def _heat(heat: Figure) -> str:
    """How far the sensors are off, in a few shades."""
    away = _unpacked(heat["z"])
    edges = _unpacked(heat["x"])
    starts = np.arange(0, away.shape[1], -(-away.shape[1] // CELLS))
    low, high = np.fmin.reduceat(away, starts, axis=1), np.fmax.reduceat(away, starts, axis=1)
    with np.errstate(invalid="ignore"):
        far = np.where(-low > high, low, high)
        beyond = (np.abs(far) - pictures.USUAL) / (pictures.FAR - pictures.USUAL)
        kinds = np.sign(far) * np.clip(np.floor(beyond * SHADES), 0, SHADES)
    across = np.append(edges[starts], edges[-1])
    across = (across - edges[0]) / (edges[-1] - edges[0]) * ACROSS
    # Pale lies under all that is known, so that each colour is drawn on it alone.
    pale = _runs(np.where(np.isnan(kinds), np.nan, 0.0), across, {0: "rgba(128,128,128,.07)"})
    shades = {
        side * step: f"rgba({colour},{step / SHADES:.2f})"
        for step in range(1, SHADES + 1)
        for side, colour in ((-1, pictures.TOO_LOW), (1, pictures.TOO_HIGH))
    }
    return f'viewBox="0 0 {ACROSS} {len(far)}">{pale}{_runs(kinds, across, shades)}'


def _runs(kinds: Matrix, edges: Vector, shades: dict[int, str]) -> str:
    """Cells, (rows, columns), as one path of each kind that has a shade: neighbours of a kind are one stroke."""
    paths: dict[int, list[str]] = {}
    ends = np.rint(edges).astype(int).tolist()
    for row, line in enumerate(kinds):
        # NaN is unlike itself: each of them is a run, which is not drawn.
        turns = np.flatnonzero(line[1:] != line[:-1]) + 1
        for first, end in pairwise([0, *turns.tolist(), len(line)]):
            if line[first] in shades:
                paths.setdefault(int(line[first]), []).append(f"M{ends[first]} {row}h{ends[end] - ends[first]}")
    return "".join(
        f'<path class="cells" d="{"".join(path)}" stroke="{shades[kind]}"/>' for kind, path in sorted(paths.items())
    )
