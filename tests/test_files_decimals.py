"""A million decimal spellings: each cell is read as the double nearest to it, as Python's ``float`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from acm_rs.files.decimals import Decimal
from acm_rs.files.errors import Refusal
from acm_rs.files.options import ReadOptions
from acm_rs.files.table import load_sensors


def doubles(random: np.random.Generator, count: int) -> list[float]:
    """Doubles of any size, subnormal ones among them."""
    found = random.integers(-(2**63), 2**63, count, dtype=np.int64)
    found[: count // 20] &= ~np.int64(0x7FF0_0000_0000_0000)
    values = found.view(np.float64)
    return np.where(np.isfinite(values), values, random.standard_normal(count)).tolist()


def halfway(random: np.random.Generator, count: int) -> list[str]:
    """Exact midpoints of two neighbouring doubles, and numbers a hair beside them."""
    mantissas = random.integers(2**52, 2**53, count).tolist()
    powers = random.integers(-90, 40, count).tolist()
    cells = []
    for k, (mantissa, power) in enumerate(zip(mantissas, powers, strict=True)):
        # (2 m + 1) 2^(p - 1) lies between m 2^p and (m + 1) 2^p; as a decimal it is a whole number of 10^-down.
        down = max(0, 1 - power)
        whole = (2 * mantissa + 1) * (5**down if down else 2 ** (power - 1))
        digits = str(whole if k % 3 != 2 else whole - 1) + ("", "0" * 40 + "1", "9" * 40)[k % 3]
        cells.append(f"{digits}e{-down - 41 * (k % 3 == 1) - 40 * (k % 3 == 2)}")
    return cells


def padded(random: np.random.Generator, count: int) -> list[str]:
    """Zeros before and behind, up to 60 digits."""
    left, right = (random.integers(0, 10**15, count).tolist() for _ in range(2))
    before, behind = (random.integers(0, 30, count).tolist() for _ in range(2))
    return [f"{'0' * b}{x}.{y}{'0' * a}" for x, y, b, a in zip(left, right, before, behind, strict=True)]


def spellings(count: int) -> list[list[str]]:
    """A column of cells for each kind of spelling."""
    random = np.random.default_rng(20)
    signs = random.choice(["", "-", "+"], count).tolist()
    powers, whole, behind = (
        random.integers(low, high, count).tolist() for low, high in ((-340, 300), (0, 10**18), (0, 10**9))
    )
    return [
        [repr(x) for x in doubles(random, count)],
        [f"{x:.16e}" for x in doubles(random, count)],
        [f"{x:.25E}" for x in doubles(random, count)],
        [f"{x:.{k % 30}e}" for k, x in enumerate(doubles(random, count))],
        halfway(random, count),
        padded(random, count),
        [f"{s}{x}e{p}" for s, x, p in zip(signs, whole, powers, strict=True)],
        [f"{s}{x % 10**6}.{y}" for s, x, y in zip(signs, whole, behind, strict=True)],
    ]


@pytest.mark.parametrize(("mark", "count"), [(".", 125_000), (",", 5_000)], ids=["point", "comma"])
def test_every_spelling_is_the_nearest_double(tmp_path: Path, mark: str, count: int) -> None:
    columns = {f"S{k}": cells for k, cells in enumerate(spellings(count))}
    assert mark == "," or sum(map(len, columns.values())) == 1_000_000
    frame = pl.DataFrame({name: [cell.replace(".", mark) for cell in cells] for name, cells in columns.items()})
    frame.write_csv(tmp_path / "cells.csv", separator=";", quote_style="never")
    read = load_sensors(tmp_path / "cells.csv", ReadOptions()).sensors
    for name, cells in columns.items():
        wanted = np.array([float(cell) for cell in cells])
        finite = np.isfinite(wanted)
        column = read[name]
        # What is too large for a double is infinite, and infinite is missing.
        assert np.array_equal(column.is_null().to_numpy(), ~finite), name
        found = column.fill_null(0.0).to_numpy()
        different = np.flatnonzero((found.view(np.int64) != wanted.view(np.int64)) & finite)
        assert [cells[k] for k in different[:3]] == [], name


def sheet(path: Path, cells: list[str], mark: str, *, beside: str = "60", date: str = "{:02}.03.2024") -> Path:
    lines = [mark.join(("Zeit", "Drehzahl", "Temp"))]
    for k, cell in enumerate(cells):
        quoted = f'"{cell}"' if mark in cell else cell
        lines.append(mark.join((date.format(k % 28 + 1), quoted, beside)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


AROUND = ["980", "1.016", "998", "1.003", "0", "12"]
ALL = ["1.480", "1.495", "1.502", "1.490"]
COMMAS = [cell.replace(".", ",") for cell in AROUND]


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        *((AROUND, mark) for mark in ";\t,"),
        *((COMMAS, mark) for mark in ";,"),
        *((ALL, mark) for mark in ";\t"),
        ([f"{cell} rpm" for cell in AROUND], ";"),
        ([f"-{cell}" for cell in AROUND], ";"),
        ([*AROUND, "Bad"], ";"),
    ],
)
def test_thousands_or_fractions_that_nothing_tells_apart_are_refused(
    tmp_path: Path, cells: list[str], mark: str
) -> None:
    path = sheet(tmp_path / "in.csv", cells, mark)
    with pytest.raises(Refusal, match=r"may be .*1[.]\d{3}.* or .*1\d{3}.*--decimal comma or --decimal point"):
        load_sensors(path, ReadOptions())
    group = "," in "".join(cells)
    read = load_sensors(path, ReadOptions(decimal=Decimal.point if group else Decimal.comma)).sensors["Drehzahl"]
    assert max(map(abs, read.drop_nulls())) > 1000
    read = load_sensors(path, ReadOptions(decimal=Decimal.comma if group else Decimal.point)).sensors["Drehzahl"]
    assert sum(1 < abs(value) < 2 for value in read.drop_nulls()) >= 2


@pytest.mark.parametrize(
    ("cells", "mark", "more", "value"),
    [
        # Another column, or another cell, tells.
        (AROUND, ";", {"beside": "60.5"}, 1.016),
        (AROUND, ";", {"beside": "60,5"}, 1016.0),
        (COMMAS, ";", {"beside": "60.5"}, 1016.0),
        (COMMAS, ";", {"beside": "60,5"}, 1.016),
        ([*AROUND, "1.01"], ";", {}, 1.016),
        ([*AROUND, "0.980"], ";", {}, 1.016),
        ([*AROUND, "1480"], ";", {}, 1.016),
        ([*AROUND, "007"], ";", {}, 1.016),
        # Three figures in all cells, where no German hand is to be seen.
        (["1.016", "1.020"], ",", {}, 1.016),
        (["1.016", "1.020"], ";", {"date": "2024-03-{:02}"}, 1.016),
        (["1,016", "1,020"], ";", {}, 1.016),
    ],
)
def test_one_clear_cell_tells_the_mark(
    tmp_path: Path, cells: list[str], mark: str, more: dict[str, str], value: float
) -> None:
    read = load_sensors(sheet(tmp_path / "in.csv", cells, mark, **more), ReadOptions()).sensors["Drehzahl"]
    assert value in read.to_list()
