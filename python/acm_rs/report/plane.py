"""The picture of T² and SPE: load and relations of each row."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import numpy as np

from acm_rs.report.pictures import ALARM, LIMIT, READING, Figure, Matrix, layout_of, packed

if TYPE_CHECKING:
    from acm_rs.monitor import Result

__all__ = ["plane_of", "plane_picture"]

CELLS = 80
"""Cells across the plane, each with one point of a kind at most."""
LEAST = 1e-3
"""Times its limit below which a point lies at the edge."""


def plane_of(result: Result) -> Matrix | None:
    """T² and SPE over their limits, (n, 2), NaN where a row is not judged; None where no row has them."""
    if result._plane is None:
        return None
    plane = np.array(result._plane(), dtype=np.float64)
    plane[np.isnan(result.scores) | ~np.isfinite(plane).all(axis=1)] = np.nan
    return None if np.isnan(plane).all() else plane


def plane_picture(result: Result, plane: Matrix) -> Figure:
    """T² and SPE of the rows that are judged, on logarithmic axes; those in alarm stand out."""
    known = ~np.isnan(plane[:, 0])
    logs = np.log10(np.clip(plane, LEAST, 1.0 / LEAST**2))
    low, high = logs[known].min(axis=0), np.maximum(logs[known].max(axis=0), 0.0)
    low = np.minimum(low, -0.5)
    data = []
    kinds = (("no alarm", known & ~result.alarms, READING), ("in alarm", known & result.alarms, ALARM))
    for name, which, colour in kinds:
        rows = np.flatnonzero(which)
        # One row in each cell: where points lie is kept, and so are the extremes.
        cells = np.floor((logs[rows] - low) / np.maximum(high - low, 1e-9) * (CELLS - 1)).astype(np.int64)
        rows = rows[np.unique(cells[:, 0] * CELLS + cells[:, 1], return_index=True)[1]]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": packed(10.0 ** logs[rows, 0]),
                "y": packed(10.0 ** logs[rows, 1]),
                "marker": {"color": colour, "size": 5, "opacity": 0.55, "symbol": "circle"},
                "customdata": [html.escape(result.moment(row)) for row in rows.tolist()],
                "hovertemplate": f"%{{customdata}}, {name}<br>T² %{{x:.2f}}, SPE %{{y:.2f}}<extra></extra>",
            }
        )
    margin = 0.05 * (high - low) + 0.05
    layout = layout_of(result, 380, 16, 52)
    for place, name in enumerate(("xaxis", "yaxis")):
        title = ("T² over its limit", "SPE over its limit")[place]
        layout[name] = {
            "type": "log",
            "range": [float(low[place] - margin[place]), float(high[place] + margin[place])],
            "dtick": 1,
            "zeroline": False,
            "automargin": True,
            "title": {"text": title, "font": {"size": 12}},
        }
    line = {"color": LIMIT, "width": 1.5, "dash": "dash"}
    layout["shapes"] = [
        {"type": "line", "xref": "x", "yref": "paper", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "line": line},
        {"type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": 1, "y1": 1, "line": line},
    ]
    layout["annotations"] = []
    return {"data": data, "layout": layout}
