"""What people say of single columns: which kind they are, and what they can read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from acm_rs.files.columns import require_column
from acm_rs.files.errors import Refusal, quoted
from acm_rs.files.table import SensorTable
from acm_rs.monitor.cleaning import KINDS

__all__ = ["SPELLED", "Columns"]

SPELLED = {kind.replace(" ", "-"): kind for kind in KINDS}
"""Kinds as they are typed."""
_ALL = f"{', '.join([*SPELLED][:-1])} and {[*SPELLED][-1]}"


@dataclass(frozen=True)
class Columns:
    """What stands behind ``--kind`` and ``--limits``.

    Parameters
    ----------
    kinds : sequence of str
        "NAME=KIND" each.
    limits : sequence of str
        "NAME=LOW..HIGH" each; one end may be left out.
    """

    kinds: Sequence[str] = ()
    limits: Sequence[str] = ()

    def read(
        self, table: SensorTable | None = None
    ) -> tuple[dict[str, str], dict[str, tuple[float | None, float | None]]]:
        """Kinds and limits by column, as a Monitor takes them; those that a table does not have are refused."""
        kinds = {}
        for text in self.kinds:
            name, kind = _parted("--kind", text, "NAME=KIND, such as Valve=state")
            kinds[name] = _kind(name, kind)
        limits = {}
        for text in self.limits:
            name, ends = _parted("--limits", text, "NAME=LOW..HIGH, such as Oil=-40..150")
            limits[name] = _ends(name, ends)
        if table is not None:
            for name in (*kinds, *limits):
                require_column(table.path, name, table.sensors.columns)
            kinds = table.kinds | kinds
        return kinds, limits


def _parted(option: str, text: str, form: str) -> tuple[str, str]:
    name, sign, said = (part.strip() for part in text.rpartition("="))
    if not (name and sign and said):
        raise Refusal(f"{option} must be {form}, got {quoted(text)}", status=2)
    return name, said


def _kind(name: str, text: str) -> str:
    word = text.lower().replace(" ", "-").replace("_", "-").replace("setpoint", "set-point")
    if word not in SPELLED:
        close = get_close_matches(word, list(SPELLED), n=1, cutoff=0.6)
        hint = f"did you mean {close[0]}? There are" if close else "there are"
        raise Refusal(f"--kind {quoted(f'{name}={text}')}: {quoted(text)} is no kind; {hint} {_ALL}", status=2)
    return SPELLED[word]


def _ends(name: str, text: str) -> tuple[float | None, float | None]:
    low, dots, high = text.partition("..")
    whole = f"{name}={text}"
    if not dots or not (low.strip() or high.strip()):
        raise Refusal(
            f"--limits must be NAME=LOW..HIGH, such as Oil=-40..150 or Oil=0.., got {quoted(whole)}", status=2
        )
    ends = []
    for end in (low.strip(), high.strip()):
        try:
            number = float(end) if end else None
        except ValueError:
            raise Refusal(f"--limits {quoted(whole)}: {quoted(end)} is no number", status=2) from None
        if number is not None and not math.isfinite(number):
            raise Refusal(f"--limits {quoted(whole)}: leave out the end where there is no limit", status=2)
        ends.append(number)
    if None not in ends and not ends[0] < ends[1]:  # type: ignore[operator]
        raise Refusal(f"--limits {quoted(whole)}: the lower end comes first", status=2)
    return ends[0], ends[1]
