"""``Result.plot``: the score and the culprits' traces in a still picture."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from results import made

pytest.importorskip("matplotlib")


def saved(figure: object) -> int:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=40)  # type: ignore[attr-defined]
    return len(held.getvalue())


@pytest.mark.parametrize("timed", [True, False])
def test_score_and_culprits(timed: bool) -> None:
    result = made(timed=timed)
    figure = result.plot()
    score, *traces = figure.axes
    # The alarm that still runs comes first, then the other one's first culprit.
    assert [axis.get_title(loc="left") for axis in traces] == ["bearing, °C", "Fan.A 1", "Fan.A 2"]
    readings = {line.get_label(): line for line in traces[0].lines}
    assert np.array_equal(readings["reads"].get_ydata(), result.values[:, 0], equal_nan=True)
    assert np.array_equal(readings["should read"].get_ydata(), result.expected_values[:, 0], equal_nan=True)
    shown = {line.get_label(): line.get_ydata() for line in score.lines}
    assert np.array_equal(shown["score"], result.scores, equal_nan=True)
    assert set(shown["limit"]) == {1.0}
    assert len(score.patches) == len(traces[0].patches) == 2
    assert saved(figure) > 1_000


def test_a_tag_that_looks_like_a_formula_is_a_name() -> None:
    names = ["$\\bad{$", *"abcde"]
    figure = made(names=names).plot(sensors=1)
    assert figure.axes[1].get_title(loc="left") == "$\\bad{$, °C"
    assert saved(figure) > 1_000


def test_nothing_found() -> None:
    result = made()
    result.found = []
    assert len(result.plot().axes) == 1
    result.scores = result.scores[:0]
    assert saved(result.plot()) > 0


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r'matplotlib, which is not installed: pip install "acm-rs\[plot\]"'):
        made().plot()
