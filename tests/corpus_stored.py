"""The corpus: spreadsheets, Feather, Arrow streams and Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import xlsxwriter
from corpus import Case, Frame, Table, accepted, plant, refused, text

__all__ = ["cases", "sheet", "stored"]

Cell = str | float | bool | datetime | None


def cases() -> list[Case]:
    """Every file of this subject."""
    return [*_sheets(), *_arrow(), *_columns(), *_damaged()]


def sheet(sheets: Mapping[str, Sequence[Sequence[Cell]]], dates: str = "yyyy-mm-dd hh:mm:ss") -> bytes:
    """Write a workbook: dates as spreadsheets keep them, ``#N/A`` as the error it is."""
    out = io.BytesIO()
    # A fixed day of making, so that the bytes are the same every day.
    book = xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": dates})
    book.set_properties({"created": datetime(2024, 3, 1)})
    for name, rows in sheets.items():
        page = book.add_worksheet(name)
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell == "#N/A":
                    page.write_formula(r, c, "=NA()", None, "#N/A")
                elif cell is not None:
                    page.write(r, c, cell)
    book.close()
    return out.getvalue()


def _typed(table: Table) -> list[list[Cell]]:
    values = table.frame.sensors.values()
    return [["Timestamp", *table.cells], *([when, *row] for when, *row in zip(table.times, *values, strict=True))]


def _serials(table: Table) -> list[list[Cell]]:
    head, *rows = _typed(table)
    noon = [(moment - datetime(1899, 12, 30)).total_seconds() / 86_400 for moment in table.times]
    return [head, *([when, *row[1:]] for when, row in zip(noon, rows, strict=True))]


def _sheets() -> list[Case]:
    table = plant(300)
    head, *rows = grid = _typed(table)
    other = plant(301, names=("Load", "Speed"))
    titled = [["Pump house 4"], [], ["From", table.times[0]], [], *grid]
    units: list[Cell] = ["", "m³/h", "°C"]
    holes = table.put("Flow", 2, None)
    errors = [list(row) for row in grid]
    errors[3][1] = "#N/A"
    switch = [[*head, "Running"], *([*row, k > 2] for k, row in enumerate(rows))]
    running = Frame(table.times, {**table.frame.sensors, "Running": (0.0,) * 3 + (1.0,) * 5})
    two = {"Pump": grid, "Fan": _typed(other)}
    comma = [[cell.replace(".", ",") for cell in row] for row in table.grid("%d/%m/%Y %H:%M")]
    whole = Table(table.times, {"Count": tuple(str(100 + 7 * k * k) for k in range(8))})
    readings: list[list[Cell]] = [["Timestamp", "Tag", "Value"]]
    readings += [
        [when, name, float(cells[k] or 0)] for k, when in enumerate(table.times) for name, cells in table.cells.items()
    ]
    about = {"Flow": ("m³/h", ""), "Bearing Temp": ("°C", "")}
    made = {
        "typed": (grid, table),
        "of-text": (table.grid(), table),
        "below-a-title": (titled, table),
        "of-serials": (_serials(table), table),
        "with-errors": (errors, holes),
        "of-whole-numbers": (_typed(whole), whole),
        "with-a-switch": (switch, running),
        "long": (readings, table),
        "with-a-footer": ([*grid, [], ["Average", 60.0, 61.0]], table),
        "beside-empty-columns": ([[None, None, *row] for row in [[], *grid]], table),
    }
    return [
        *(accepted(f"sheet-{word}", "plant.xlsx", sheet({"Data": page}), out) for word, (page, out) in made.items()),
        accepted("sheet-with-units", "plant.xlsx", sheet({"Data": [head, units, *rows]}), table, about=about),
        accepted("sheet-of-decimal-commas", "plant.xlsx", sheet({"Data": comma}), table, options={"date_order": "dmy"}),
        accepted("sheet-german-dates", "plant.xlsx", sheet({"Daten": grid}, "dd.mm.yyyy hh:mm"), table),
        accepted("sheet-first", "plant.xlsx", sheet(two), table, said=("Fan",)),
        accepted("sheet-chosen", "plant.xlsx", sheet(two), other, options={"sheet": "Fan"}),
        accepted("sheet-whatever-its-name", "plant.csv", sheet({"Data": grid}), table),
        refused(
            "sheet-not-there", "plant.xlsx", sheet(two), "'Fon'", "'Pump'", "'Fan'", options={"sheet": "Fon"}, status=2
        ),
        refused("sheet-without-cells", "plant.xlsx", sheet({"Data": []}), "Data"),
        refused(
            "sheet-with-a-word",
            "plant.xlsx",
            sheet({"Data": [*grid[:4], [rows[3][0], "hot", 60.0], *grid[5:]]}),
            "row 5",
            "'Flow'",
            "'hot'",
        ),
        refused("sheet-cut", "plant.xlsx", sheet(two)[:2000]),
    ]


def stored(table: pa.Table, kind: str) -> bytes:
    """Write a table as its ending says."""
    sink = pa.BufferOutputStream()
    if kind == "parquet":
        pq.write_table(table, sink)
    elif kind == "feather":
        pa.feather.write_feather(table, sink, compression="lz4")
    else:
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
    return sink.getvalue().to_pybytes()


def _arrow_table(table: Table, **more: pa.Array) -> pa.Table:
    return pa.table({"Timestamp": pa.array(table.times), **table.frame.sensors, **more})


def _arrow() -> list[Case]:
    made = []
    for k, kind in enumerate(("parquet", "feather", "arrows")):
        table = plant(320 + k).put("Flow", 3, None)
        whole = _arrow_table(table)
        text_cells = pa.table(dict(zip(table.grid()[0], zip(*table.grid()[1:], strict=True), strict=True)))
        zoned = Frame(tuple(moment.replace(tzinfo=UTC) for moment in table.times), table.frame.sensors)
        berlin = whole.set_column(
            0, "Timestamp", pa.array([m.replace(tzinfo=UTC) for m in table.times], pa.timestamp("ms", "Europe/Berlin"))
        )
        made += [
            accepted(f"{kind}-plain", f"plant.{kind}", stored(whole, kind), table),
            accepted(f"{kind}-whatever-its-name", "plant.csv", stored(whole, kind), table),
            accepted(
                f"{kind}-newest-first",
                f"plant.{kind}",
                stored(whole.take(list(range(7, -1, -1))), kind),
                table,
                said=("newest",),
            ),
            accepted(f"{kind}-of-text", f"plant.{kind}", stored(text_cells, kind), table),
            accepted(f"{kind}-zoned", f"plant.{kind}", stored(berlin, kind), zoned),
        ]
    return made


def _columns() -> list[Case]:
    table = plant(340)
    frame, times = table.frame, table.times
    numbers = {
        "int8": pa.array([-128, 0, 1, 2, 3, 4, 5, 127], pa.int8()),
        "uint64": pa.array([0, 1, 2, 3, 4, 5, 6, 2**53], pa.uint64()),
        "float32": pa.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], pa.float32()),
        "decimal": pa.array([Decimal(f"{k}.05") for k in range(8)], pa.decimal128(10, 2)),
        "switch": pa.array([True, False] * 4),
    }
    values = {name: tuple(float(v) for v in column.to_pylist()) for name, column in numbers.items()}
    odd = [float("nan"), float("inf"), -float("inf"), None, 1.5, 2.5, 3.5, 4.5]
    nested = pa.array([{"x": 1.0 + k, "y": {"z": 2.0 * k}} for k in range(8)])
    flat = {**frame.sensors, "Axis.x": tuple(1.0 + k for k in range(8)), "Axis.y.z": tuple(2.0 * k for k in range(8))}
    lists = pa.array([[1.0, 2.0]] * 8)
    words = pa.array(["60.5", "61.5", "Bad", "62.5", "61.5", "60.5", "64.5", "60.25"]).dictionary_encode()
    read = (60.5, 61.5, None, 62.5, 61.5, 60.5, 64.5, 60.25)
    dates = pa.array([m.date().replace(day=1 + k) for k, m in enumerate(times)])
    days = tuple(datetime(2024, 3, 1 + k) for k in range(8))
    nanos = pa.array([1_709_251_200_000_000_000 + 600_000_000_000 * k for k in range(8)], pa.timestamp("ns"))
    pandas = pa.table({**frame.sensors, "__index_level_0__": pa.array(times)})
    strings = pa.array([m.strftime("%d/%m/%Y %H:%M") for m in times])
    hole = pa.array([*times[:3], None, *times[4:]])
    epoch = pa.array([1_709_251_200 + 600 * k for k in range(8)])
    utc = tuple(m.replace(tzinfo=UTC) for m in times)

    def parquet(word: str, data: pa.Table, out: Frame, **more: object) -> Case:
        return accepted(f"parquet-{word}", "plant.parquet", stored(data, "parquet"), out, **more)

    sensors = frame.sensors
    return [
        parquet("numbers-of-every-kind", _arrow_table(table, **numbers), Frame(times, {**sensors, **values})),
        parquet(
            "odd-values",
            _arrow_table(table, Odd=pa.array(odd)),
            Frame(times, {**sensors, "Odd": (None,) * 4 + (1.5, 2.5, 3.5, 4.5)}),
        ),
        parquet("nested", _arrow_table(table, Axis=nested), Frame(times, flat)),
        parquet("lists", _arrow_table(table, Spectrum=lists), frame, said=("Spectrum",)),
        parquet("dictionary", _arrow_table(table, Text=words), Frame(times, {**sensors, "Text": read}), said=("bad",)),
        parquet("dates", pa.table({"Day": dates, **sensors}), Frame(days, sensors)),
        parquet("nanoseconds", pa.table({"Timestamp": nanos, **sensors}), frame),
        parquet("index-of-pandas", pandas, frame),
        parquet("times-as-text", pa.table({"Timestamp": strings, **sensors}), frame, options={"date_order": "dmy"}),
        parquet("epochs", pa.table({"Timestamp": epoch, **sensors}), Frame(utc, sensors)),
        refused(
            "parquet-time-missing",
            "plant.parquet",
            stored(pa.table({"Timestamp": hole, **sensors}), "parquet"),
            "row 4",
            "'Timestamp'",
            "missing",
        ),
        refused("parquet-without-rows", "plant.parquet", stored(_arrow_table(table).slice(0, 0), "parquet"), "no rows"),
        refused("parquet-without-columns", "plant.parquet", stored(pa.table({}), "parquet"), "no columns"),
        refused(
            "parquet-only-text",
            "plant.parquet",
            stored(pa.table({"Timestamp": pa.array(times), "Note": ["ok"] * 8}), "parquet"),
            "no column with numbers",
            "'Note'",
        ),
    ]


def _damaged() -> list[Case]:
    table = plant(360, rows=600)
    whole = stored(_arrow_table(table), "parquet")
    rotten = bytearray(whole)
    rotten[2000:2050] = bytes(b ^ 0x5A for b in rotten[2000:2050])
    feather = stored(_arrow_table(table), "feather")
    stream = stored(_arrow_table(table), "arrows")
    return [
        refused("damaged-parquet", "plant.parquet", bytes(rotten), "damaged"),
        refused("damaged-parquet-cut", "plant.parquet", whole[:-9], "damaged"),
        refused("damaged-parquet-head", "plant.parquet", b"PAR1", "damaged"),
        refused("damaged-feather", "plant.feather", feather[: len(feather) // 2], "damaged"),
        refused("damaged-stream", "plant.arrows", stream[: len(stream) // 2], "damaged"),
        refused("damaged-csv-named-parquet", "plant.parquet", text(plant(361).grid()), "is not a Parquet file"),
    ]
