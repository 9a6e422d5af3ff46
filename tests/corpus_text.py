"""The corpus: separators, quotes, encodings, line ends and blanks of text files."""

from __future__ import annotations

import codecs

from corpus import Case, accepted, plant, refused, text

__all__ = ["cases"]

NAMES = ("Öldruck µbar", "Température °C", "Débit")


def cases() -> list[Case]:
    """Every file of this subject."""
    return [*_separators(), *_quotes(), *_encodings(), *_ends(), *_blanks(), *_names()]


def _separators() -> list[Case]:
    kinds = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
    plain = [
        accepted(f"separator-{word}", "plant.csv", text(plant(k).grid(), sep), plant(k))
        for k, (word, sep) in enumerate(kinds.items(), 1)
    ]
    comma = [
        accepted(f"separator-{word}-decimal-comma", "plant.txt", text(plant(k).grid(decimal=","), sep), plant(k))
        for k, (word, sep) in enumerate(kinds.items(), 5)
    ]
    table = plant(9)
    return [
        *plain,
        *comma,
        accepted("separator-announced", "plant.csv", b"sep=;\r\n" + text(table.grid(), ";", "\r\n"), table),
        accepted(
            "separator-one-sensor", "plant.csv", text(plant(10, names=["Flow"]).grid(), ";"), plant(10, names=["Flow"])
        ),
        accepted(
            "separator-dot-file",
            "plant.dat",
            text(plant(11, names=[f"S{k}" for k in range(40)]).grid(), "\t"),
            plant(11, names=[f"S{k}" for k in range(40)]),
        ),
    ]


def _quotes() -> list[Case]:
    table = plant(20, names=["Flow, main", 'Pump "A"', "Temp"])
    quoted = "\n".join(",".join(f'"{cell}"' for cell in row) for row in plant(21).grid()).encode()
    broken = text(plant(22, names=["Bearing\nTemp", "Flow"]).grid())
    open_quote = text(plant(23).grid()).replace(b",", b',"', 1) + b'"'
    return [
        accepted("quotes-around-separators", "plant.csv", text(table.grid()), table),
        accepted("quotes-around-every-cell", "plant.csv", quoted, plant(21)),
        accepted("quotes-around-a-line-end-in-a-name", "plant.csv", broken, plant(22, names=["Bearing Temp", "Flow"])),
        refused("quotes-never-closed", "plant.csv", open_quote[:-1], "row", "quotation mark"),
    ]


def _encodings() -> list[Case]:
    table = plant(30, names=NAMES)
    polish = plant(31, names=("Ciśnienie oleju", "Prędkość"))
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    return [
        *(
            accepted(f"encoding-{kind}", "plant.csv", text(table.grid(), ";", "\r\n", kind), table)
            for kind in ("utf-8", "utf-8-sig", "cp1252")
        ),
        *(
            accepted(f"encoding-{kind}", "plant.csv", mark + text(table.grid(), "\t", "\r\n", kind), table)
            for kind, mark in marks.items()
        ),
        refused(
            "encoding-utf-16-cut", "plant.csv", codecs.BOM_UTF16_LE + "Time\tÖl".encode("utf-16-le")[:-1], "UTF-16"
        ),
        accepted(
            "encoding-said",
            "plant.csv",
            text(polish.grid(), ";", "\r\n", "cp1250"),
            polish,
            options={"encoding": "cp1250"},
        ),
        refused("encoding-none", "plant.csv", bytes(range(256)) * 4, "not a text file"),
    ]


def _ends() -> list[Case]:
    grid, table = plant(40).grid(), plant(40)
    mixed = b"".join(text([row], end=end) for row, end in zip(grid, ["\r\n", "\n"] * 9, strict=False))
    return [
        accepted("ends-crlf", "plant.csv", text(grid, end="\r\n"), table),
        accepted("ends-cr", "plant.csv", text(grid, end="\r"), table),
        accepted("ends-mixed", "plant.csv", mixed, table),
        accepted("ends-none-at-the-end", "plant.csv", text(grid).rstrip(b"\n"), table),
        accepted("ends-many", "plant.csv", text(grid) + b"\r\n\r\n\n", table),
        accepted("ends-control-z", "plant.csv", text(grid, end="\r\n") + b"\x1a", table),
    ]


def _blanks() -> list[Case]:
    table = plant(50)
    grid = table.grid()
    padded = [[f"  {cell} " for cell in row] for row in grid]
    trailing = [[*row, ""] for row in grid]
    commas = [*grid, ["", "", ""], ["", "", ""]]
    spread = [row for pair in ((line, ["", "", ""]) for line in grid) for row in pair]
    hard = [grid[0], *([when, f"\N{NO-BREAK SPACE}{flow}", temp] for when, flow, temp in grid[1:])]
    short = [*grid[:-1], grid[-1][:2]]
    return [
        accepted("blanks-around-cells", "plant.csv", text(padded), table),
        accepted("blanks-after-the-last-separator", "plant.csv", text(trailing), table),
        accepted("blanks-rows-at-the-end", "plant.csv", text(commas), table, said=("2 blank rows",)),
        accepted("blanks-every-other-row", "plant.csv", text(spread), table, said=("9 blank rows",)),
        accepted("blanks-above", "plant.csv", b"\n\n\n" + text(grid), table),
        accepted("blanks-hard", "plant.csv", text(hard), table),
        accepted(
            "blanks-for-cells-not-there",
            "plant.csv",
            text(short),
            table.put("Bearing Temp", 7, None),
            said=("1 row shorter", "row 9"),
        ),
    ]


def _names() -> list[Case]:
    table = plant(60, names=["2A", "Temp [°C]", "FAN-1.VIB/DE"])
    twice = [["Timestamp", "Flow", "Flow"], *plant(61).grid()[1:]]
    numbered = [["", *plant(62).grid()[0]], *([str(k), *row] for k, row in enumerate(plant(62).grid()[1:]))]
    nameless = plant(63).grid(time="")
    return [
        accepted("names-with-signs", "plant.csv", text(table.grid()), table),
        refused("names-twice", "plant.csv", text(twice), "row 1", "columns 2 and 3", "'Flow'"),
        accepted("names-not-there-row-numbers", "plant.csv", text(numbered), plant(62), said=("no name",)),
        accepted("names-not-there-times", "plant.csv", text(nameless), plant(63)),
        refused("names-not-there-at-all", "plant.csv", text(plant(64).grid()[1:]), "row 1", "name the columns"),
        refused("names-and-nothing-else", "plant.csv", text(plant(65).grid()[:1]), "no rows"),
        refused("names-empty-file", "plant.csv", b"", "is empty"),
        refused("names-only-blanks", "plant.csv", b" \n\t\n  \n", "is empty"),
    ]
