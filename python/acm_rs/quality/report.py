"""What `quality` gives: a table of the sensors, facts of the rows, findings in sentences."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from acm_rs.frames import Sheet
from acm_rs.quality.words import Finding, summary, table

__all__ = ["Facts", "Quality"]

Facts = dict[str, dict[str, Any]]
"""For each sensor by name, what is known of it, in Python's own types."""

COLUMNS = (
    *("kind", "missing", "longest_gap", "longest_gap_time", "frozen", "longest_frozen", "codes", "code_values"),
    *("beyond_limits", "least", "most", "resolution", "shifts", "largest_shift", "wandering", "standstill"),
)
"""Columns of the table of sensors, after the name."""
TEXTS = ("kind", "code_values", "largest_shift", "changed")


class Quality:
    """The quality of a history: a table of its sensors, facts of its rows, and what is wrong, in sentences.

    `acm_rs.quality` makes it. Printed, it is a table that fits a terminal of 100 columns, sensors with findings first.

    Parameters
    ----------
    facts : dict
        What is known of each sensor, by name.
    rows : dict
        What is known of the rows.
    findings : list of Finding
        What is wrong, the worst first.
    sheet : Sheet or None
        The frame that came in, to go back to its kind.
    compared : bool
        There was a reference.

    Examples
    --------
    >>> import numpy as np, acm_rs
    >>> noise = np.random.default_rng(1).standard_normal(400)
    >>> report = acm_rs.quality(np.where(np.arange(400) % 100 == 7, -999.0, noise))
    >>> report.findings
    ('x0 reads -999 in 4 rows, far outside everything else: an error code?',)
    >>> report.sensors["codes"], report.rows["rows"]
    (array([4]), 400)
    """

    def __init__(
        self,
        facts: Facts,
        rows: dict[str, Any],
        findings: list[Finding],
        sheet: Sheet | None,
        compared: bool,
    ) -> None:
        self._facts = facts
        self._rows = rows
        self._findings = findings
        self._sheet = sheet
        self._compared = compared

    @property
    def sensors(self) -> Any:
        """One row a sensor, in the kind of frame that came in; a structured array where that was an array."""
        columns = {"sensor": _line(list(self._facts), "")}
        for label in (*COLUMNS, *(("changed",) if self._compared else ())):
            empty = "" if label in TEXTS else np.nan
            columns[label] = _line([_cell(fact, label) for fact in self._facts.values()], empty)
        if self._sheet is not None:
            return _without_nan(self._sheet.table(columns, of_rows=False))
        found = np.empty(len(self._facts), dtype=[(label, values.dtype) for label, values in columns.items()])
        for label, values in columns.items():
            found[label] = values
        return found

    @property
    def rows(self) -> Mapping[str, Any]:
        """Facts of the rows: how many, standstill, and of their times order, repeats, sampling and holes."""
        return MappingProxyType(self._rows)

    @property
    def findings(self) -> tuple[str, ...]:
        """What is wrong, in plain sentences, the worst first."""
        return tuple(finding.text for finding in self._findings)

    @property
    def names(self) -> tuple[str, ...]:
        """The sensors' names."""
        return tuple(self._facts)

    def as_dict(self) -> dict[str, Any]:
        """All of it in Python's own types, for JSON; `quality` takes it as a `reference`.

        Returns
        -------
        dict
            ``sensors``: by name, their facts; ``rows``; ``findings``.
        """
        return {
            "rows": dict(self._rows),
            "sensors": copy.deepcopy(self._facts),
            "findings": list(self.findings),
        }

    def __repr__(self) -> str:
        count = len(self._findings)
        return f"<Quality: {summary(self._rows)}; {count} finding{'' if count == 1 else 's'}>"

    def __str__(self) -> str:
        found = [f"- {text}" for text in self.findings] or ["Nothing found."]
        accused = {name for finding in self._findings for name in finding.sensors}
        return "\n".join([summary(self._rows), "", *found, "", *table(self._facts, accused)])


def _cell(fact: Mapping[str, Any], label: str) -> Any:
    if label == "codes":
        return sum(code["count"] for code in fact["codes"])
    if label == "code_values":
        return ", ".join(f"{code['value']:g}" for code in fact["codes"])
    if label == "largest_shift":
        shift = fact["largest_shift"]
        return None if shift is None else str(shift["row"] if shift["time"] is None else shift["time"])
    if label == "changed":
        return "; ".join(fact["changed"])
    return fact[label]


def _line(values: list[Any], empty: Any) -> Any:
    """A column, `empty` where there is nothing."""
    if isinstance(empty, str):
        return np.array([empty if value is None else value for value in values], dtype=np.str_)
    if any(isinstance(value, float) or value is None for value in values):
        return np.array([empty if value is None else value for value in values], dtype=np.float64)
    return np.array(values)


def _without_nan(table: Any) -> Any:
    """Null in place of NaN, where a frame tells them apart."""
    import narwhals as nw

    frame = nw.from_native(table, eager_only=True)
    if frame.implementation.is_pandas_like():
        return table
    reals = [label for label, kind in frame.schema.items() if kind.is_float()]
    known = [nw.when(~nw.col(label).is_nan()).then(nw.col(label)).alias(label) for label in reals]
    return frame.with_columns(known).to_native()
