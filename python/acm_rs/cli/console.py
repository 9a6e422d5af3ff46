"""What a person sees: one console, and numbers, spans and sizes in words."""

from __future__ import annotations

import errno
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from acm_rs.files.errors import printable
from acm_rs.report.words import span_text

__all__ = ["console", "facts", "of_a_stream", "plain", "show", "size_text", "span_text"]

# Wide enough that nothing wraps where no one looks at a screen.
_FILE_WIDTH = 2000
_FULL = (errno.ENOSPC, errno.EIO, errno.EBADF)


def console(*, stderr: bool = False) -> Console:
    """Make the console for a stream: colours and width of a terminal, or plain text for a file or pipe."""
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    return Console(
        stderr=stderr,
        force_terminal=terminal,
        force_interactive=terminal,
        width=None if terminal else _FILE_WIDTH,
        no_color=None if terminal else True,
        markup=False,
        emoji=False,
        highlight=False,
    )


def of_a_stream(error: OSError) -> bool:
    """Whether an error says that a stream takes no more: its reader has gone, or its disk is full."""
    if isinstance(error, BrokenPipeError) or error.errno not in _FULL or error.filename is not None:
        return isinstance(error, BrokenPipeError)
    try:
        # What failed may be gone from the buffer: it takes another byte to tell.
        print(flush=True)
    except OSError:
        return True
    return False


def show(screen: Console, table: Table) -> None:
    """Print a table; into a file or pipe without the blanks that fill its lines."""
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as captured:
        screen.print(table)
    for line in captured.get().splitlines():
        screen.print(line.rstrip(), soft_wrap=True)


def plain(text: str, style: str = "") -> Text:
    """Text from data: no markup, nothing a terminal would obey."""
    return Text(printable(text), style=style)


def facts(rows: list[tuple[str, str]]) -> Table:
    """Lay out names and values in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, plain(value))
    return table


def size_text(size: int) -> str:
    """Bytes in the unit a person would choose."""
    value = float(size)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
