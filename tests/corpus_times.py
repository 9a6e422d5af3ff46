"""The corpus: how times are written, in which order they come, and which cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from corpus import Case, Frame, Grid, Table, accepted, plant, refused, text

__all__ = ["PLAIN", "cases"]

BERLIN = ZoneInfo("Europe/Berlin")
MONTHS = {
    "german": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "french": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "spanish": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "german-short": "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    "french-short": "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    "spanish-short": "ene feb mar abr may jun jul ago sep oct nov dic",
}

# Spellings that leave no doubt; times are whole minutes.
PLAIN: dict[str, str | Callable[[datetime], str]] = {
    "iso": "%Y-%m-%d %H:%M:%S",
    "iso-t": "%Y-%m-%dT%H:%M:%S",
    "iso-minutes": "%Y-%m-%d %H:%M",
    "iso-milliseconds": "%Y-%m-%d %H:%M:%S.000",
    "iso-microseconds": "%Y-%m-%dT%H:%M:%S.000000",
    "iso-comma": "%Y-%m-%d %H:%M:%S,000",
    "iso-slashes": "%Y/%m/%d %H:%M",
    "iso-dots": "%Y.%m.%d %H:%M:%S",
    "day-month-name": "%d-%b-%y %H:%M:%S",
    "day-month-name-capitals": lambda m: m.strftime("%d-%b-%Y %H:%M").upper(),
    "month-name-first": "%b %d, %Y %I:%M:%S %p",
    "long-month-name": "%d %B %Y %H:%M",
    "half-days": "%Y-%m-%d %I:%M:%S %p",
    "ctime": "%a %b %d %H:%M:%S %Y",
    "ctime-padded": lambda m: m.strftime("%a %b ") + f"{m.day:2d}" + m.strftime(" %H:%M:%S %Y"),
    "day-name": "%A, %d %B %Y %H:%M:%S",
    "day-name-month-first": "%A, %B %d, %Y %I:%M:%S %p",
    "compact-minutes": "%Y%m%d%H%M",
    "compact-seconds": "%Y%m%d%H%M%S",
    "compact-milliseconds": "%Y%m%d%H%M%S000",
    "compact-t": "%Y%m%dT%H%M%S",
    "compact-blank": "%Y%m%d %H%M%S",
    "compact-colons": "%Y%m%d %H:%M:%S",
    "excel": lambda m: repr((m - datetime(1899, 12, 30)).total_seconds() / 86_400),
    "clock-of-germany": "%d. %B %Y %H:%M Uhr",
    "clock-of-france": "%Y-%m-%d %Hh%M",
    "half-days-of-spain": lambda m: m.strftime("%Y-%m-%d %I:%M:%S ") + ("a. m." if m.hour < 12 else "p. m."),
    "excel-short": lambda m: f"{(m - datetime(1899, 12, 30)).total_seconds() / 86_400:.6f}",
}


def cases() -> list[Case]:
    """Every file of this subject."""
    return [*_plain(), *_numeric(), *_names(), *_zones(), *_autumn(), *_epochs(), *_parts(), *_order(), *_not_told()]


def _utc(table: Table, zone: timezone | ZoneInfo = timezone.utc) -> Frame:  # noqa: UP017
    """The table whose times are local ones of a zone."""
    return Frame(tuple(m.replace(tzinfo=zone).astimezone(UTC) for m in table.times), table.frame.sensors)


def _plain() -> list[Case]:
    made = []
    for k, (word, stamp) in enumerate(PLAIN.items()):
        table = plant(
            400 + k, rows=10, start=datetime(2024, 2, 28, 22, 40) + timedelta(days=k), step=timedelta(hours=5)
        )
        made.append(accepted(f"time-{word}", "trend.csv", text(table.grid(stamp), ";" if k % 2 else ","), table))
    daily = plant(430, rows=40, step=timedelta(days=1))
    whole = plant(431, rows=10, start=datetime(2024, 2, 28), step=timedelta(days=1))
    midnight = plant(432, rows=6, start=datetime(2024, 2, 28, 12), step=timedelta(hours=6))
    fine = plant(433, rows=9, start=datetime(2024, 3, 1, 0, 0, 0, 123456), step=timedelta(microseconds=1001))

    def late(moment: datetime) -> str:
        day = moment - timedelta(days=1)
        return day.strftime("%Y-%m-%d 24:00") if not moment.hour else moment.strftime("%Y-%m-%d %H:%M")

    comma = plant(434)
    return [
        *made,
        accepted(
            "time-excel-decimal-comma",
            "trend.csv",
            text([[c.replace(".", ",") for c in row] for row in comma.grid(PLAIN["excel"])], ";"),
            comma,
        ),
        accepted("time-days", "trend.csv", text(daily.grid("%Y-%m-%d")), daily),
        accepted("time-days-compact", "trend.csv", text(whole.grid("%Y%m%d")), whole),
        accepted("time-midnight-as-24", "trend.csv", text(midnight.grid(late)), midnight),
        accepted("time-microseconds", "trend.csv", text(fine.grid("%Y-%m-%d %H:%M:%S.%f")), fine),
    ]


def _numeric() -> list[Case]:
    hours = {"step": timedelta(hours=1), "rows": 60}
    kinds = {
        "day-first-dots": ("%d.%m.%Y %H:%M", datetime(2024, 3, 12, 20)),
        "day-first-slashes": ("%d/%m/%Y %H:%M:%S", datetime(2024, 3, 12, 20)),
        "month-first": ("%m/%d/%Y %I:%M:%S %p", datetime(2024, 3, 12, 20)),
        "month-first-dashes": ("%m-%d-%Y %H:%M", datetime(2024, 3, 12, 20)),
        "day-first-short-year": ("%d.%m.%y %H:%M", datetime(2024, 3, 12, 20)),
        "year-first-short": ("%y/%m/%d %H:%M", datetime(2013, 3, 30, 20)),
        # No day above 12: only the steps tell.
        "day-first-by-steps": ("%d/%m/%Y %H:%M", datetime(2024, 3, 2)),
        "month-first-by-steps": ("%m/%d/%Y %H:%M", datetime(2024, 3, 2)),
        "not-padded": (lambda m: f"{m.month}/{m.day}/{m.year} {m.hour}:{m:%M}", datetime(2024, 3, 12, 20)),
    }
    made = []
    for k, (word, (stamp, start)) in enumerate(kinds.items()):
        table = plant(450 + k, start=start, **hours)  # type: ignore[arg-type]
        made.append(
            accepted(
                f"time-{word}",
                "trend.csv",
                text(table.grid(stamp)),
                table,
                said=("month" if word.startswith(("month", "not")) else word.split("-")[0],),
            )
        )
    short = plant(470, start=datetime(2024, 3, 2), step=timedelta(hours=1))
    doubt = text(short.grid("%d/%m/%Y %H:%M"))
    apart = plant(471, rows=6, start=datetime(2024, 2, 1), step=timedelta(days=29))
    both = [row[:] for row in plant(472, rows=30, start=datetime(2024, 3, 10), step=timedelta(days=1)).grid("%d/%m/%Y")]
    both[20][0] = "03/30/2024"
    no_day = short.grid("%d.%m.%Y %H:%M")
    no_day[4][0] = "31.02.2024 03:00"
    return [
        *made,
        refused("time-day-or-month-first", "trend.csv", doubt, "row 2", "'Timestamp'", "--date-order"),
        accepted("time-day-first-said", "trend.csv", doubt, short, options={"date_order": "dmy"}),
        accepted(
            "time-month-first-sparse", "trend.csv", text(apart.grid("%m/%d/%Y")), apart, options={"date_order": "mdy"}
        ),
        refused("time-day-and-month-first", "trend.csv", text(both), "row 21", "row 5", "'03/30/2024'"),
        refused("time-no-such-day", "trend.csv", text(no_day), "row 5", "'Timestamp'", "'31.02.2024 03:00'"),
        refused(
            "time-said-otherwise",
            "trend.csv",
            text(plant(473, rows=30, step=timedelta(days=1)).grid("%m/%d/%Y")),
            "row 14",
            "'03/13/2024'",
            options={"date_order": "dmy"},
        ),
    ]


def _names() -> list[Case]:
    made = []
    for k, (word, months) in enumerate(MONTHS.items()):
        table = plant(480 + k, rows=24, start=datetime(2023, 1, 15, 6, 30), step=timedelta(days=15, hours=5))
        ways = {
            "german": lambda m, name: f"{m.day:02d}. {name} {m:%Y %H:%M}",
            "french": lambda m, name: f"{m.day} {name} {m:%Y %H:%M:%S}",
            "spanish": lambda m, name: f"{m.day} de {name} de {m:%Y %H:%M}",
            "german-short": lambda m, name: f"{m.day:02d}-{name}-{m:%y %H:%M}",
            "french-short": lambda m, name: f"{m.day} {name} {m:%Y %H:%M}",
            "spanish-short": lambda m, name: f"{m.day:02d}-{name}-{m:%Y %H:%M:%S}",
        }
        spell, all_names = ways[word], months.split()
        grid = table.grid(lambda m, spell=spell, names=all_names: spell(m, names[m.month - 1]))  # type: ignore[misc]
        kind = "cp1252" if k % 2 else "utf-8"
        made.append(accepted(f"time-months-{word}", "trend.csv", text(grid, ";", "\r\n", kind), table))
    return made


def _zones() -> list[Case]:
    table = plant(500, rows=10, start=datetime(2024, 3, 30, 22), step=timedelta(minutes=30))
    # Around the change to summer time, from what the clock showed.
    instants = tuple(datetime(2024, 3, 30, 22, tzinfo=UTC) + k * timedelta(minutes=30) for k in range(10))
    local = [moment.astimezone(BERLIN) for moment in instants]
    frame = Frame(instants, table.frame.sensors)
    head, *rows = table.grid()

    def with_stamps(spell: Callable[[datetime], str], of: list[datetime] | tuple[datetime, ...]) -> Grid:
        return [head, *([spell(moment), *row[1:]] for moment, row in zip(of, rows, strict=True))]

    def offset(moment: datetime, colon: str = ":") -> str:
        digits = moment.strftime("%z")
        return f"{digits[:3]}{colon}{digits[3:]}"

    york = [moment.astimezone(ZoneInfo("America/New_York")) for moment in instants]
    kinds: dict[str, Grid] = {
        "z": with_stamps(lambda m: f"{m:%Y-%m-%dT%H:%M:%S}Z", instants),
        "compact-z": with_stamps(lambda m: f"{m:%Y%m%dT%H%M%S}Z", instants),
        "utc": with_stamps(lambda m: f"{m:%Y-%m-%d %H:%M} UTC", instants),
        "gmt": with_stamps(lambda m: f"{m:%a, %d %b %Y %H:%M:%S} GMT", instants),
        "offset": with_stamps(lambda m: f"{m:%Y-%m-%dT%H:%M:%S}{offset(m)}", local),
        "offset-without-colon": with_stamps(lambda m: f"{m:%d.%m.%Y %H:%M:%S} {offset(m, '')}", local),
        "offset-and-gmt": with_stamps(lambda m: f"{m:%Y-%m-%d %H:%M:%S} GMT{offset(m)}", local),
        "name": with_stamps(lambda m: f"{m:%Y-%m-%d %H:%M} {m.tzname()}", local),
        "name-american": with_stamps(lambda m: f"{m:%m/%d/%Y %I:%M %p} {m.tzname()}", york),
        "name-german": with_stamps(lambda m: f"{m:%d.%m.%Y %H:%M} {'MESZ' if m.tzname() == 'CEST' else 'MEZ'}", local),
        "place": with_stamps(lambda m: f"{m:%Y-%m-%dT%H:%M:%S}{offset(m)}[Europe/Berlin]", local),
        "unix": with_stamps(lambda m: f"{m:%a %b %d %H:%M:%S} {m.tzname()} {m:%Y}", local),
    }
    some = with_stamps(lambda m: f"{m:%Y-%m-%d %H:%M}Z", instants)
    some[4][0] = some[4][0].rstrip("Z")
    odd = with_stamps(lambda m: f"{m:%Y-%m-%d %H:%M} QQT", instants)
    return [
        *(
            accepted(f"time-zone-{word}", "trend.csv", text(grid, ";"), frame, said=("UTC",))
            for word, grid in kinds.items()
        ),
        refused("time-zone-in-some-rows", "trend.csv", text(some), "row 5", "time zone"),
        refused("time-zone-unknown", "trend.csv", text(odd), "row 2", "'Timestamp'", "QQT"),
    ]


def _autumn() -> list[Case]:
    table = plant(520, rows=30, start=datetime(2024, 10, 26, 23, 0))
    instants = tuple(m.replace(tzinfo=UTC) for m in table.times)
    frame = Frame(instants, table.frame.sensors)
    local = [moment.astimezone(BERLIN) for moment in instants]
    head, *rows = table.grid()
    named = [head, *([f"{m:%Y-%m-%d %H:%M} {m.tzname()}", *row[1:]] for m, row in zip(local, rows, strict=True))]
    bare = [head, *([f"{m:%Y-%m-%d %H:%M}", *row[1:]] for m, row in zip(local, rows, strict=True))]
    # Without a zone the clock of the summer goes on, so that no two rows share a time.
    summer = Frame(tuple(m + timedelta(hours=2) for m in table.times), table.frame.sensors)
    parts = {"a.csv": text([head, *bare[1:25]]), "b.csv": text([head, *bare[25:]])}
    berlin = {"timezone": "Europe/Berlin"}
    return [
        accepted("autumn-with-names", "trend.csv", text(named), frame),
        accepted("autumn-with-names-newest-first", "trend.csv", text([head, *reversed(named[1:])]), frame),
        accepted("autumn-in-a-zone", "trend.csv", text(bare), frame, options=berlin),
        accepted(
            "autumn-in-a-zone-newest-first", "trend.csv", text([head, *reversed(bare[1:])]), frame, options=berlin
        ),
        accepted("autumn-without-zone", "trend.csv", text(bare), summer, said=("2024-10-27", "--timezone")),
        Case("autumn-across-files", parts, summer, tuple(parts)),
        Case("autumn-across-files-in-a-zone", parts, frame, tuple(parts), options=berlin),
    ]


def _epochs() -> list[Case]:
    made = []
    for k, (word, factor) in enumerate(
        {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}.items()
    ):
        table = plant(540 + k)
        grid = table.grid(lambda m, f=factor: str(int(m.replace(tzinfo=UTC).timestamp()) * f))  # type: ignore[misc]
        made.append(accepted(f"time-epoch-{word}", "trend.csv", text(grid), _utc(table), said=(word,)))
    halves = plant(545, step=timedelta(milliseconds=500))
    table = plant(546, rows=6)
    count = Frame((0.0, 0.5, 1.0, 1.5, 2.0, 2.5), table.frame.sensors)
    counted = [table.grid(time="Time")[0], *([str(k / 2), *row[1:]] for k, row in enumerate(table.grid()[1:]))]
    net = table.grid(lambda m: str((m - datetime(1, 1, 1)) // timedelta(microseconds=1) * 10))
    ticks = Frame(tuple(4e12 + k for k in range(6)), table.frame.sensors)
    before = [table.grid()[0], *([str(4 * 10**12 + k), *row[1:]] for k, row in enumerate(table.grid()[1:]))]
    unnamed = table.grid(lambda m: str(int(m.replace(tzinfo=UTC).timestamp())), time="Reading of")
    return [
        *made,
        accepted(
            "time-epoch-fractions",
            "trend.csv",
            text(halves.grid(lambda m: f"{m.replace(tzinfo=UTC).timestamp():.3f}")),
            _utc(halves),
        ),
        accepted("time-running-number", "trend.csv", text(counted), count),
        accepted("time-epoch-under-any-name", "trend.csv", text(unnamed), _utc(table)),
        accepted("time-ticks-of-net", "trend.csv", text(net), table, said=("ticks",)),
        accepted("time-epoch-out-of-range", "trend.csv", text(before), ticks, said=("running number",)),
    ]


def _parts() -> list[Case]:
    table = plant(560, rows=30, start=datetime(2024, 3, 14, 20), step=timedelta(minutes=30))
    head, *rows = table.grid()
    names = head[1:]

    def parts(date: str, clock: str) -> Grid:
        pairs = zip(table.times, rows, strict=True)
        return [["Date", "Time", *names], *([m.strftime(date), m.strftime(clock), *row[1:]] for m, row in pairs)]

    apart = [
        ["Date", *names, "Time"],
        *([m.strftime("%Y-%m-%d"), *row[1:], m.strftime("%H:%M:%S")] for m, row in zip(table.times, rows, strict=True)),
    ]
    german = [["Datum", "Uhrzeit", *names], *parts("%d.%m.%Y", "%H:%M:%S")[1:]]
    return [
        accepted("time-in-two-columns", "trend.csv", text(parts("%Y-%m-%d", "%H:%M:%S")), table),
        accepted("time-in-two-columns-american", "trend.csv", text(parts("%m/%d/%Y", "%I:%M:%S %p")), table),
        accepted("time-in-two-columns-german", "trend.csv", text(german, ";"), table),
        accepted("time-in-two-columns-compact", "trend.csv", text(parts("%Y%m%d", "%H:%M:%S")), table),
        accepted("time-in-two-columns-apart", "trend.csv", text(apart), table),
    ]


def _order() -> list[Case]:
    table = plant(580)
    head, *rows = table.grid()
    shuffled = [rows[k] for k in (3, 0, 7, 1, 6, 2, 5, 4)]
    again = table.put("Flow", 3, "99.5")
    twice = [*rows[:4], [rows[3][0], "99.5", rows[3][2]], *rows[4:]]
    newest = [rows[7], rows[6], rows[5], rows[4], [rows[3][0], "99.5", rows[3][2]], *reversed(rows[:4])]
    each = [row for pair in zip(rows, [[r[0], f"1{r[1]}", *r[2:]] for r in rows], strict=True) for row in pair]
    late = [head[1:] + head[:1], *(row[1:] + row[:1] for row in rows)]
    spans = [["Start", "End", *head[1:]], *([row[0], "2025" + row[0][4:], *row[1:]] for row in rows)]
    gap = table.rows(slice(0, 3)).times + tuple(m + timedelta(hours=4) for m in table.times[3:])
    holed = Table(gap, table.cells)
    return [
        accepted("order-newest-first", "trend.csv", text([head, *reversed(rows)]), table, said=("newest row first",)),
        accepted(
            "order-newest-first-compact",
            "trend.csv",
            text([head, *reversed(table.grid("%Y%m%d%H%M")[1:])]),
            table,
            said=("newest row first",),
        ),
        accepted("order-none", "trend.csv", text([head, *shuffled]), table, said=("sorted by time", "ran backwards")),
        accepted("order-a-time-twice", "trend.csv", text([head, *twice]), again, said=("repeated times: 1 row",)),
        accepted(
            "order-a-time-twice-newest-first",
            "trend.csv",
            text([head, *newest]),
            again,
            said=("repeated times: 1 row",),
        ),
        refused("order-every-time-twice", "trend.csv", text([head, *each, *rows]), "row 2", "more than one row"),
        accepted("order-time-last", "trend.csv", text(late), table),
        accepted("order-two-times", "trend.csv", text(spans), table, said=("End",), options={"time_column": "Start"}),
        accepted("order-with-a-gap", "trend.csv", text(holed.grid()), holed),
    ]


def _not_told() -> list[Case]:
    table = plant(600)
    grid = table.grid()

    def stamped(*stamps: str) -> bytes:
        return text([grid[0], *([stamps[k % len(stamps)].format(k=k), *row[1:]] for k, row in enumerate(grid[1:]))])

    lost = [row[:] for row in grid]
    lost[5][0] = "power failure"
    empty = [row[:] for row in grid]
    empty[5][0] = ""
    hour = [row[:] for row in grid]
    hour[3][0] = "2024-03-01 25:10:00"
    nameless = [["Remark", *grid[0][1:]], *([f"batch {k}", *row[1:]] for k, row in enumerate(grid[1:]))]
    return [
        refused("time-of-words", "trend.csv", stamped("tick {k}"), "'Timestamp'", "'tick 0'"),
        refused("time-of-day-only", "trend.csv", stamped("00:{k}0:00"), "'Timestamp'", "'00:00:00'"),
        refused("time-lost-in-a-row", "trend.csv", text(lost), "row 6", "'Timestamp'", "'power failure'"),
        refused("time-empty-in-a-row", "trend.csv", text(empty), "row 6", "'Timestamp'", "missing"),
        refused("time-no-such-hour", "trend.csv", text(hour), "row 4", "'2024-03-01 25:10:00'"),
        refused("time-no-such-month", "trend.csv", stamped("2024-13-01 00:{k}0"), "row 2", "'2024-13-01 00:00'"),
        accepted("time-not-there", "trend.csv", text(nameless), Frame(None, table.frame.sensors), said=("Remark",)),
    ]
