"""The report: what a Monitor has found, as one HTML file to look at and send on."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acm_rs.monitor import Result

__all__ = ["plotly_script", "report_html", "write_report"]


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

    return page(result, plotly_script())


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
    from acm_rs.monitor.saving import write_file

    write_file(path, report_html(result).encode())


def plotly_script() -> str:
    """The source of Plotly's script, which travels in its package.

    Returns
    -------
    str
        As it stands in the page.

    Raises
    ------
    ModuleNotFoundError
        Plotly is not installed.
    """
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
