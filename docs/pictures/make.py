"""Draws the pictures of the guides from what acm_rs computes: ``python docs/pictures/make.py [FOLDER]``.

It needs matplotlib (``pip install matplotlib``), which nothing else here does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import acm_rs
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

LINE, FAULT, LIMIT, SHADE = "#2f6f9f", "#c0392b", "#7a8794", "#f3d9d5"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "acm_rs",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def pca() -> Figure:
    """Two faults: one that breaks the correlations, one that goes along with them."""
    random = np.random.default_rng(0)
    load = random.normal(size=(2200, 1))
    x = load * [1.0, 2.0, -1.0, 0.5] + random.normal(0.0, 0.2, (2200, 4))
    detector = acm_rs.PCADetector(n_components=1, alpha=0.001).fit(x[:2000])
    fresh = x[2000:].copy()
    fresh[60:80, 2] += 1.5
    fresh[130:150] += 5.0 * np.array([1.0, 2.0, -1.0, 0.5])
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    for axis, found, limit, name in (
        (figure.add_subplot(2, 1, 1), detector.spe(fresh), detector.spe_limit(), "SPE"),
        (figure.add_subplot(2, 1, 2), detector.t2(fresh), detector.t2_limit(), "T²"),
    ):
        axis.axvspan(60, 80, color=SHADE, lw=0)
        axis.axvspan(130, 150, color=SHADE, lw=0)
        axis.plot(found, color=LINE, lw=1.2)
        axis.axhline(limit, color=LIMIT, ls="--", lw=1)
        axis.set_ylabel(name)
        axis.set_xlim(0, 199)
    top, bottom = figure.axes
    top.set_xticks([])
    for row, text in ((70, "one sensor leaves the others"), (140, "more load than ever")):
        top.text(row, 2.15, text, color=FAULT, ha="center")
    top.text(2, detector.spe_limit() * 1.15, "limit", color=LIMIT)
    bottom.set_xlabel("row")
    return figure


def episodes() -> Figure:
    """Two levels, a gap that is bridged, and a run that is too short."""
    random = np.random.default_rng(3)
    rows = [0, 40, 50, 62, 66, 72, 76, 95, 105, 160]
    level = np.interp(np.arange(160), rows, [0.4, 0.4, 1.3, 1.2, 0.6, 0.6, 1.4, 1.1, 0.4, 0.4])
    score = level + 0.07 * random.standard_normal(160)
    score[20] = 1.25
    found = acm_rs.episodes(score, on=1.0, off=0.8, min_rows=3, gap_rows=12)
    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axis = figure.add_subplot()
    for start, end in zip(found.start, found.end, strict=True):
        axis.axvspan(start, end - 1, color=SHADE, lw=0)
        axis.text((start + end) / 2, 1.62, "one episode", color=FAULT, ha="center")
    axis.plot(score, color=LINE, lw=1.2)
    for height, name in ((1.0, "on"), (0.8, "off")):
        axis.axhline(height, color=LIMIT, ls="--", lw=1)
        axis.text(160.5, height, name, color=LIMIT, va="center")
    axis.text(20, 1.32, "too short", ha="center", color=LIMIT)
    axis.text(69, 0.28, "gap, bridged", ha="center", color=LIMIT)
    axis.set(xlim=(0, 160), ylim=(0.2, 1.75), xlabel="row", ylabel="score")
    return figure


def cusum() -> Figure:
    """A shift of one standard deviation, which the values hide and their sums show."""
    x = np.random.default_rng(5).standard_normal(200)
    x[100:] += 1.0
    high, _, alarm = acm_rs.cusum(x, threshold=5.0, drift=0.5)
    first = int(alarm.argmax())
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    top.plot(x, ".", color=LINE, ms=4)
    top.axvline(100, color=FAULT, lw=1)
    top.text(101.5, 4.6, "the mean rises by one standard deviation", color=FAULT, va="center")
    top.set(ylabel="value", ylim=(-3.5, 5.2))
    bottom.plot(high, color=LINE, lw=1.2)
    bottom.axhline(5.0, color=LIMIT, ls="--", lw=1)
    bottom.text(2, 6.5, "threshold", color=LIMIT)
    bottom.plot(first, high[first], "o", color=FAULT)
    bottom.text(first - 2, 14.0, f"alarm, {first - 100} rows later", ha="right", color=FAULT)
    bottom.set(xlim=(0, 199), xlabel="row", ylabel="upper sum")
    return figure


def regimes() -> Figure:
    """Three regimes, and rows that belong to none."""
    random = np.random.default_rng(1)
    centres, spreads = [[1480.0, 8.0], [760.0, 4.0], [20.0, 0.6]], [[55.0, 0.6], [45.0, 0.5], [15.0, 0.2]]
    x = np.concatenate([random.normal(c, s, (n, 2)) for c, s, n in zip(centres, spreads, (140, 100, 80), strict=True)])
    model = acm_rs.RegimeModel(n_regimes=3).fit(x)
    fresh = np.concatenate([x, [[1480.0, 3.0], [300.0, 8.5], [760.0, 7.5]]])
    labels = model.predict(fresh)
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    axis = figure.add_subplot()
    for label, colour in ((0, "#2f6f9f"), (1, "#3f9b6c"), (2, "#b8862b")):
        rows = fresh[labels == label]
        axis.plot(*rows.T, ".", color=colour, ms=4)
        axis.text(rows[:, 0].mean(), rows[:, 1].max() + 0.4, f"regime {label}", color=colour, ha="center")
    axis.plot(*fresh[labels == -1].T, "x", color=FAULT, ms=7)
    axis.text(330.0, 8.5, "UNKNOWN", color=FAULT, va="center")
    axis.set(xlabel="speed, 1/min", ylabel="power, kW", ylim=(-0.5, 11.5))
    return figure


def main(folder: Path) -> None:
    with mpl.rc_context(STYLE):
        for draw in (pca, episodes, cusum, regimes):
            options: dict[str, Any] = {"metadata": {"Date": None}}
            draw().savefig(folder / f"{draw.__name__}.svg", **options)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
