"""What pages are made of: tables, and what a browser may do for them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["policy", "table"]


def policy(scripts: Iterable[str]) -> str:
    """What the browser may do for this page: run these scripts, and fetch nothing."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{found}'" for found in hashes) or "'none'"
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], kinds: Mapping[int, str]) -> str:
    """A table whose first column names its rows; all texts are HTML already, `kinds` are classes of columns."""
    kind = [f' class="{kinds[place]}"' if place in kinds else "" for place in range(len(head))]
    top = "".join(f'<th scope="col"{kind[place]}>{text}</th>' for place, text in enumerate(head))
    lines = []
    for row in rows:
        first, *others = row
        cells = "".join(f"<td{kind[place]}>{text}</td>" for place, text in enumerate(others, 1))
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>\n')
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{''.join(lines)}</tbody></table></div>\n"
    )
