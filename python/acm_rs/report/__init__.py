"""The report: what a Monitor has found, as one HTML file to look at and send on."""

from __future__ import annotations

import secrets
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acm_rs.monitor import Result

__all__ = ["report_html", "write_report"]


def report_html(result: Result) -> str:
    """The report as one HTML text that opens without a network.

    Parameters
    ----------
    result : Result
        What was found.

    Returns
    -------
    str
        The same result makes the same text.

    Raises
    ------
    ModuleNotFoundError
        Plotly, which draws the pictures, is not installed.
    """
    from acm_rs.report.page import page

    return page(result, _script())


def write_report(result: Result, path: str | PathLike[str]) -> None:
    """Write the report whole or not at all; a file that is there is replaced.

    Parameters
    ----------
    result : Result
        What was found.
    path : str or path-like
        The file, by custom with the ending ``.html``.

    Raises
    ------
    ModuleNotFoundError
        Plotly, which draws the pictures, is not installed.
    OSError
        The file cannot be written.
    """
    text = report_html(result)
    target = Path(path)
    draft = target.with_name(f".acm-rs-{secrets.token_hex(8)}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _script() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "plotly":
            raise
        raise ModuleNotFoundError(
            'the report needs plotly, which is not installed: pip install "acm-rs[report]"', name="plotly"
        ) from None
    script: str = get_plotlyjs()
    if "</script" in script.lower():
        raise ValueError("plotly's script cannot stand in a page: it holds an end of a script")
    return script
