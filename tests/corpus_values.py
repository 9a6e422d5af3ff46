"""The corpus: what stands in cells beside numbers, quality columns, and columns that are no sensors."""

from __future__ import annotations

from corpus import Case, Frame, Grid, Table, accepted, plant, refused, text

__all__ = ["WORDS", "cases"]

# What stands for "no value", in the words of historians, spreadsheets and languages.
WORDS = {
    "empty": (
        "",
        "NaN",
        "NA",
        "n/a",
        "#N/A",
        "#NV",
        "#N/D",
        "null",
        "None",
        "-",
        "--",
        "#VALUE!",
        "#DIV/0!",
        "#REF!",
        "#WERT!",
    ),
    "historian": (
        "Bad",
        "No Data",
        "I/O Timeout",
        "Pt Created",
        "Comm Fail",
        "Out of Serv",
        "Scan Off",
        "Bad Input",
        "Calc Failed",
    ),
    "quality": ("Invalid Data", "BadQuality", "Bad Total", "Uncertain", "Doubtful", "Stale", "Questionable", "Invalid"),
    "state": (
        "Trace Off",
        "Manual",
        "Substituted",
        "Tag not found",
        "ERR",
        "Error",
        "Not Connected",
        "Shutdown",
        "Offline",
    ),
    "german": ("Fehler", "Keine Daten", "ungültig", "Störung", "k.A.", "schlecht", "nicht verfügbar"),
    "french": ("Erreur", "Pas de données", "invalide", "Défaut", "mauvais", "non disponible"),
    "spanish": ("Error", "Sin datos", "inválido", "Falla", "malo", "no disponible"),
    "infinite": ("inf", "-inf", "+Inf", "Infinity", "1.#INF", "-1.#IND", "1.#QNAN", "1e999"),
}


def cases() -> list[Case]:
    """Every file of this subject."""
    return [
        *_words(),
        *_units(),
        *_marks(),
        *_numbers(),
        *_no_numbers(),
        *_states(),
        *_codes(),
        *_quality(),
        *_columns(),
    ]


def _with(table: Table, name: str, place: int, cell: str, grid: Grid | None = None) -> Grid:
    grid = grid or table.grid()
    grid[place + 1][grid[0].index(name)] = cell
    return grid


def _words() -> list[Case]:
    made = []
    for k, (word, cells) in enumerate(WORDS.items()):
        table = plant(700 + k, rows=3 * len(cells))
        grid, out = table.grid(), table
        for place, cell in enumerate(cells):
            grid[3 * place + 1][1] = cell if place % 2 else cell.upper() if cell.isascii() and place % 4 else cell
            out = out.put("Flow", 3 * place, None)
        told = (cells[1], "Flow")
        made.append(
            accepted(
                f"words-{word}",
                "trend.csv",
                text(grid, ";" if k % 2 else ",", encoding="cp1252" if k % 3 == 0 else "utf-8"),
                out,
                said=told if word not in ("infinite", "empty") else (),
            )
        )
    table = plant(720)
    first = table.put("Flow", 2, None).put("Flow", 5, None)
    own = _with(table, "Flow", 5, "-9999", _with(table, "Flow", 2, "Revision"))
    hot = _with(table, "Flow", 2, "hot")
    return [
        *made,
        accepted(
            "words-of-ones-own",
            "trend.csv",
            text(own),
            first,
            options={"missing": ["Revision", "-9999"]},
            said=("revision", "-9999"),
        ),
        refused("words-unknown", "trend.csv", text(hot), "row 4", "'Flow'", "'hot'", "--missing hot"),
        refused(
            "words-unknown-asked-for", "trend.csv", text(hot), "row 4", "'Flow'", "'hot'", options={"columns": ["Flow"]}
        ),
    ]


def _each(table: Table, form: str, decimal: str = ".") -> Grid:
    head, *rows = table.grid(decimal=decimal)
    return [head, *([when, form.format(flow), temp] for when, flow, temp in rows)]


def _units() -> list[Case]:
    kinds = {
        "degrees": "{} °C",
        "percent": "{}%",
        "percent-apart": "{} %",
        "bar": "{} bar",
        "speed": "{} mm/s",
        "flow": "{} m³/h",
        "turns": "{} rpm",
        "power": "{}kW",
    }
    made = []
    for k, (word, form) in enumerate(kinds.items()):
        table = plant(730 + k)
        made.append(
            accepted(f"units-{word}", "trend.csv", text(_each(table, form)), table, said=(form.strip("{} "), "Flow"))
        )
    comma, some = plant(740), plant(741)
    mixed = _with(plant(742), "Flow", 3, "140.5 °F", _each(plant(742), "{} °C"))
    hole = plant(743).put("Flow", 4, None)
    return [
        *made,
        accepted(
            "units-and-decimal-comma", "trend.csv", text(_each(comma, "{} °C", ","), ";", encoding="cp1252"), comma
        ),
        refused(
            "units-in-some-cells", "trend.csv", text(_with(some, "Flow", 3, "68.02 °C")), "row 5", "'68.02 °C'", "row 2"
        ),
        accepted("units-and-words", "trend.csv", text(_with(hole, "Flow", 4, "Bad", _each(hole, "{} bar"))), hole),
        refused("units-mixed", "trend.csv", text(mixed), "row 5", "'Flow'", "°F"),
    ]


def _marks() -> list[Case]:
    table = plant(750)
    flow = table.cells["Flow"]
    marked = text(_with(table, "Flow", 2, f"{flow[2]}?"))
    signed, doubtful = plant(751), {"uncertain": "missing"}
    behind = _with(plant(752), "Flow", 3, "60.12-")
    return [
        accepted("marks-question", "trend.csv", marked, table, said=("?", "Flow")),
        accepted(
            "marks-question-missing", "trend.csv", marked, table.put("Flow", 2, None), options=doubtful, said=("Flow",)
        ),
        accepted("marks-star", "trend.csv", text(_with(table, "Flow", 2, f"{flow[2]} *")), table, said=("*", "Flow")),
        accepted("marks-plus", "trend.csv", text(_each(signed, "+{}")), signed),
        accepted("marks-apostrophe", "trend.csv", text(_each(signed, "'{}")), signed),
        accepted("marks-sign-behind", "trend.csv", text(behind), plant(752).put("Flow", 3, "-60.12"), said=("Flow",)),
    ]


def _numbers() -> list[Case]:
    table = plant(760)
    big = Table(
        table.times, {"Energy": tuple(f"{12_345_678 + 1_111 * k}.{k}5" for k in range(8)), "Flow": table.cells["Flow"]}
    )

    def grouped(group: str, decimal: str, quoted: bool = False) -> bytes:
        head, *rows = big.grid(decimal=decimal)
        for row in rows:
            whole, _, rest = row[1].partition(decimal)
            row[1] = f"{int(whole):,}".replace(",", group) + decimal + rest
        return text([head, *rows], "," if quoted else ";")

    spelled = ("1e-3", "-2.5E+02", "+7", ".5", "3.", "0012.50", "-0.0", "1.7976931348623157e308")
    several = Table(table.times, {"Flow": spelled})
    unsure = Table(table.times, {"Flow": tuple(f"1,{k}34" for k in range(8))})
    mixed = _with(table, "Flow", 3, "12,5")
    digits = Table(
        table.times,
        {
            "Flow": (
                "0.1",
                "0.30000000000000004",
                "9007199254740993",
                "2.2250738585072011e-308",
                "5e-324",
                "123456789012345678901234567890",
                "1.00000000000000011102230246251565",
                "0.1000000000000000055511151231257827",
            )
        },
    )
    zeros = plant(761)
    return [
        accepted("numbers-thousands-commas", "trend.csv", grouped(",", ".", quoted=True), big),
        accepted("numbers-thousands-points", "trend.csv", grouped(".", ","), big),
        accepted("numbers-thousands-blanks", "trend.csv", grouped(" ", ","), big),
        accepted("numbers-thousands-apostrophes", "trend.csv", grouped("'", "."), big),
        accepted("numbers-thousands-narrow-blanks", "trend.csv", grouped("\N{NARROW NO-BREAK SPACE}", ","), big),
        accepted("numbers-of-every-spelling", "trend.csv", text(several.grid()), several),
        accepted("numbers-of-many-digits", "trend.csv", text(digits.grid()), digits),
        accepted(
            "numbers-minus-sign",
            "trend.csv",
            text(_each(zeros, "\N{MINUS SIGN}{}")),
            Frame(zeros.times, {**zeros.frame.sensors, "Flow": tuple(-float(c or 0) for c in zeros.cells["Flow"])}),
        ),
        refused(
            "numbers-comma-or-thousands", "trend.csv", text(unsure.grid()), "row 2", "'Flow'", "'1,034'", "--decimal"
        ),
        accepted(
            "numbers-comma-said",
            "trend.csv",
            text(unsure.grid()),
            Table(table.times, {"Flow": tuple(c.replace(",", ".") for c in unsure.cells["Flow"] if c)}),
            options={"decimal": "comma"},
        ),
        refused("numbers-point-and-comma", "trend.csv", text(mixed), "row 5", "'12,5'", "--decimal"),
    ]


def _no_numbers() -> list[Case]:
    """Cells that hold digits and are no readings: half of them must not be taken for the whole."""
    cells = {
        "brackets": "(60.12)",
        "hexadecimal": "0x3C",
        "letter-o": "6O.12",
        "clock": "12:30",
        "two-numbers": "60.12 61",
        "two-points": "60.1.2",
        "range": "60-62",
        "fraction": "60/2",
        "power-of-ten": "6.0x10^1",
        "tag": "P-101",
        "sum": "60+2",
    }
    made = []
    for k, (word, cell) in enumerate(cells.items()):
        data = text(_with(plant(765 + k), "Flow", 3, cell))
        made.append(refused(f"no-number-{word}", "trend.csv", data, "row 5", "'Flow'", f"'{cell}'"))
    return made


def _states() -> list[Case]:
    table = plant(770)
    pairs = {"capitals": ("TRUE", "FALSE"), "python": ("True", "False"), "small": ("true", "false")}
    made = []
    for word, (yes, no) in pairs.items():
        head, *rows = table.grid()
        grid = [[*head, "Running"], *([*row, yes if k > 2 else no] for k, row in enumerate(rows))]
        out = Frame(table.times, {**table.frame.sensors, "Running": (0.0,) * 3 + (1.0,) * 5})
        made.append(accepted(f"states-{word}", "trend.csv", text(grid), out))
    head, *rows = table.grid()
    mode = [[*head, "Mode"], *([*row, ("idle", "run", "trip")[k % 3]] for k, row in enumerate(rows))]
    return [*made, accepted("states-of-words", "trend.csv", text(mode), table, said=("'Mode'",))]


def _codes() -> list[Case]:
    table = plant(780, rows=60)
    flow = {7: "-9999", 8: "-9999", 30: "-9999", 41: "-9999"}
    grid, coded, out = table.grid(), table, table
    for place, cell in flow.items():
        grid, coded, out = (
            _with(table, "Flow", place, cell, grid),
            coded.put("Flow", place, cell),
            out.put("Flow", place, None),
        )
    data = text(grid)
    return [
        accepted("codes-none", "trend.csv", data, coded, options={"codes": "none"}),
        accepted("codes-said", "trend.csv", data, out, options={"codes": "-9999"}, said=("-9999", "Flow")),
    ]


def _quality() -> list[Case]:
    table = plant(800, names=("Flow", "Temp"))
    out = table.put("Flow", 2, None).put("Temp", 5, None)
    bad = _with(table, "Temp", 5, "0", _with(table, "Flow", 2, "999"))
    head, *rows = bad

    def paired(names: tuple[str, str], good: str, wrong: str, *, last: bool = False) -> bytes:
        flags = [[wrong if k == 2 else good, wrong if k == 5 else good] for k in range(8)]
        if last:
            return text([[*head, *names], *([*row, *flag] for row, flag in zip(rows, flags, strict=True))])
        grid = [[head[0], head[1], names[0], head[2], names[1]]]
        grid += [[row[0], row[1], flag[0], row[2], flag[1]] for row, flag in zip(rows, flags, strict=True)]
        return text(grid)

    kinds = {
        "text-by-name": (("Flow.Quality", "Temp.Quality"), "Good", "Bad"),
        "text-by-position": (("Quality", "Quality"), "Good", "Bad"),
        "status-by-name": (("Flow_Status", "Temp_Status"), "OK", "BAD"),
        "letter-by-name": (("Flow_Q", "Temp_Q"), "G", "B"),
        "opc-numbers": (("Flow_Quality", "Temp_Quality"), "192", "0"),
        "opc-ua-words": (("Flow StatusCode", "Temp StatusCode"), "Good", "BadSensorFailure"),
        "german-by-name": (("Flow Qualität", "Temp Qualität"), "Gut", "Schlecht"),
    }
    made = [
        accepted(f"quality-{word}", "trend.csv", paired(*kind), out, said=("Flow", "Temp"))
        for word, kind in kinds.items()
    ]
    one = [[*head, "Quality"], *([*row, "Bad" if k == 3 else "Good"] for k, row in enumerate(table.grid()[1:]))]
    row_out = table.put("Flow", 3, None).put("Temp", 3, None)
    state = [[*head, "Flow Status"], *([*row, str(k % 2)] for k, row in enumerate(table.grid()[1:]))]
    annotated = [["Good", "Good, Annotated", "Good; Limited"][k % 3] for k in range(8)]
    fine = [[*head, "Flow Quality"], *([*row, flag] for row, flag in zip(table.grid()[1:], annotated, strict=True))]
    flags = ["Funny" if k == 4 else "Bad" if k == 2 else "Good" for k in range(8)]
    odd = [[*head, "Flow Quality"], *([*row, flag] for row, flag in zip(table.grid()[1:], flags, strict=True))]
    doubts = [{4: "Uncertain", 2: "Bad"}.get(k, "Good") for k in range(8)]
    unsure = text(
        [[*head, "Flow Quality"], *([*row, flag] for row, flag in zip(table.grid()[1:], doubts, strict=True))]
    )
    certain = table.put("Flow", 2, None)
    ua = [[*head, "Flow StatusCode"], *([*row, "0"] for row in table.grid()[1:])]
    running = Frame(table.times, {**table.frame.sensors, "Flow Status": (0.0, 1.0) * 4})
    return [
        *made,
        accepted("quality-that-is-a-state", "trend.csv", text(state), running),
        accepted("quality-opc-ua-all-good", "trend.csv", text(ua), table),
        accepted(
            "quality-with-an-unknown-word",
            "trend.csv",
            text(odd),
            out.put("Temp", 5, table.cells["Temp"][5]),
            said=("funny",),
        ),
        accepted("quality-uncertain", "trend.csv", unsure, certain, said=("Uncertain", "Flow")),
        accepted(
            "quality-uncertain-missing",
            "trend.csv",
            unsure,
            certain.put("Flow", 4, None),
            options={"uncertain": "missing"},
        ),
        accepted("quality-good-with-remarks", "trend.csv", text(fine), table),
        accepted(
            "quality-columns-last", "trend.csv", paired(("Flow Quality", "Temp Quality"), "Good", "Bad", last=True), out
        ),
        accepted("quality-of-the-row", "trend.csv", text(one), row_out, said=("Bad",)),
    ]


def _columns() -> list[Case]:
    table = plant(820)
    head, *rows = table.grid()

    def beside(name: str, *cells: str) -> bytes:
        return text([[*head, name], *([*row, cells[k % len(cells)]] for k, row in enumerate(rows))])

    hours = [f"{45352.17 + k / 6:.2f}" for k in range(8)]
    meter = Frame(table.times, {**table.frame.sensors, "Operating hours": tuple(map(float, hours))})
    constant = Frame(table.times, {**table.frame.sensors, "Set point": (80.0,) * 8})
    return [
        accepted("columns-of-versions", "trend.csv", beside("Firmware", "1.0.0", "1.2.0"), table, said=("Firmware",)),
        accepted("columns-of-addresses", "trend.csv", beside("Node", "192.168.0.12"), table, said=("Node",)),
        accepted("columns-of-tags", "trend.csv", beside("Unit", *["P-101"] * 4, *["P-102"] * 4), table, said=("Unit",)),
        refused("columns-of-machines", "trend.csv", beside("Unit", "P-101", "P-102"), "'P-102'", "'Unit'", "--layout"),
        accepted("columns-hour-meter", "trend.csv", beside("Operating hours", *hours), meter),
        accepted("columns-constant", "trend.csv", beside("Set point", "80.0"), constant, said=("Set point",)),
        accepted(
            "columns-of-text", "trend.csv", beside("Operator", "Berger", "Dupont"), table, said=("'Operator'", "text")
        ),
        accepted(
            "columns-of-further-times",
            "trend.csv",
            beside("Written", "2024-03-02 08:00:00", "2024-03-02 09:00:00"),
            table,
            said=("'Written'", "times"),
        ),
        accepted(
            "columns-chosen",
            "trend.csv",
            text([head, *rows]),
            Frame(table.times, {"Bearing Temp": table.frame.sensors["Bearing Temp"]}),
            options={"columns": ["Bearing Temp"]},
        ),
        refused(
            "columns-not-there",
            "trend.csv",
            text([head, *rows]),
            "'Bearing Tmp'",
            "'Bearing Temp'",
            options={"columns": ["Bearing Tmp"]},
            status=2,
        ),
        refused(
            "columns-of-numbers-not-there",
            "trend.csv",
            text([[head[0], "Note"], *([row[0], "ok"] for row in rows)]),
            "no column with numbers",
            "'Note'",
        ),
        accepted("columns-label", "trend.csv", beside("anomaly", "0", "0", "0", "1"), table, said=("anomaly",)),
        accepted("columns-never-measured", "trend.csv", beside("Dead", ""), table, said=("Dead",)),
        accepted("columns-only-bad", "trend.csv", beside("Dead", "Bad"), table, said=("Dead",)),
        accepted(
            "columns-excluded",
            "trend.csv",
            text([head, *rows]),
            Frame(table.times, {"Flow": table.frame.sensors["Flow"]}),
            options={"exclude": ["Bearing*"]},
        ),
        accepted(
            "columns-by-a-wildcard",
            "trend.csv",
            text([head, *rows]),
            Frame(table.times, {"Bearing Temp": table.frame.sensors["Bearing Temp"]}),
            options={"columns": ["Bear*"]},
        ),
    ]
