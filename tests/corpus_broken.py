"""The corpus: rows that are broken, refused or passed over."""

from __future__ import annotations

from corpus import Case, Refused, Table, accepted, plant, refused, text

__all__ = ["cases"]

SKIP = {"bad_rows": "skip"}


def cases() -> list[Case]:
    """Every file of this subject."""
    table = plant(900, rows=12)
    grid = table.grid()
    wide = [*grid[:5], [*grid[5], "7", "8"], *grid[6:]]
    kept = Table((*table.times[:4], *table.times[5:]), {n: (*c[:4], *c[5:]) for n, c in table.cells.items()})
    timeless = [*grid[:5], ["power failure", "60.0", "60.0"], *grid[6:]]
    garbled = [*grid[:5], ["2024-03-01 00:4", "6", ""], *grid[6:]]
    worded = [*grid[:5], [grid[5][0], "hot", "60.0"], *grid[6:]]
    again = [*grid[:5], grid[0], *grid[6:]]
    many = [grid[0], *([*row, "7"] if k % 2 else row for k, row in enumerate(grid[1:]))]
    odd = Table(table.times[::2], {name: cells[::2] for name, cells in table.cells.items()})
    return [
        refused("bad-row-too-wide", "trend.csv", text(wide), "row 6", "--bad-rows skip"),
        accepted("bad-row-too-wide-skipped", "trend.csv", text(wide), kept, options=SKIP, said=("row 6",)),
        refused("bad-row-without-time", "trend.csv", text(timeless), "row 6", "'power failure'", "--bad-rows skip"),
        accepted("bad-row-without-time-skipped", "trend.csv", text(timeless), kept, options=SKIP, said=("row 6",)),
        accepted("bad-row-garbled-skipped", "trend.csv", text(garbled), kept, options=SKIP, said=("row 6",)),
        accepted("bad-row-with-a-word-skipped", "trend.csv", text(worded), kept, options=SKIP, said=("row 6", "hot")),
        accepted("bad-row-header-again-skipped", "trend.csv", text(again), kept, options=SKIP, said=("row 6",)),
        accepted("bad-rows-many-skipped", "trend.csv", text(many), odd, options=SKIP, said=("6 ", "row 3")),
        Case("bad-file-not-there", {}, Refused(("nosuch.csv", "no such file")), "nosuch.csv"),
        Case("bad-file-a-folder", {"folder/a.csv": text(grid)}, Refused(("folder", "is a folder")), "folder"),
        refused("bad-file-a-picture", "trend.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(200)), "not a text file"),
        refused("bad-file-of-prose", "trend.csv", b"Dear colleague,\n\nthe trend is attached.\n\nRegards, B.\n"),
    ]
