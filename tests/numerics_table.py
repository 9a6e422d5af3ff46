"""The tables on numbers, from the functions themselves: ``numerics_table.py --write docs/kernels.md docs/numerics.md``.

What a function does with missing values comes from calling it (``numerics_policy.py``), how exact it is from exact
arithmetic (``numerics_accuracy.py``), and where it differs from a peer from both (``numerics_evidence.py``). Writing
needs all the peers: the extra ``[bench]`` and scikit-learn.
"""

from __future__ import annotations

import argparse
import math
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from numerics_accuracy import MEASURES, NOT_MEASURED
from numerics_evidence import DIFFERENCES, Difference, number, spelled
from numerics_policy import policies

PACKAGES = {
    "pandas": "pandas",
    "Polars": "polars",
    "NumPy": "numpy",
    "SciPy": "scipy",
    "scikit-learn": "scikit-learn",
    "bottleneck": "bottleneck",
    "numbagg": "numbagg",
}
Row = tuple[str, ...]


def power_of_ten_or_two(limit: float) -> str:
    """Spell a limit without rounding it."""
    if limit == 0.0:
        return "0"
    mantissa, exponent = math.frexp(limit)
    return f"2^{exponent - 1}" if mantissa == 0.5 else f"{limit:g}"


def value(text: str) -> float:
    """Read what ``rounded_up`` or ``power_of_ten_or_two`` wrote."""
    base, power, exponent = text.partition("^")
    return float(base) ** int(exponent) if power else float(base)


def rounded_up(error: float, limit: float) -> str:
    """Round up to 1, 2 or 5 times a power of ten, but not beyond a limit that is kept."""
    if error == 0.0:
        return "0"
    power = math.floor(math.log10(error))
    for digit in (1, 2, 5, 10):
        bound = digit * 10.0**power
        if error <= bound:
            return power_of_ten_or_two(limit) if error <= limit < bound else f"{bound:.0e}"
    raise AssertionError(error)


def table(head: Row, rows: list[Row]) -> str:
    """Lay out a table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(name: str) -> str:
    """Write a function's name, and what it is told to do."""
    function, _, rest = name.partition(" ")
    return f"`{function}`" + (f", {rest.capitalize()}" if rest else "")


def policy_rows() -> dict[str, Row]:
    """What each function does at the edges."""
    found = policies()
    return {
        name: (code(name), p.missing, p.least, p.min_periods, p.constant, p.nothing)
        for name, p in sorted(found.items())
    }


def accuracy_rows(few: bool = False) -> dict[str, Row]:
    """How exact each function is."""
    rows = {}
    for name, measure in MEASURES.items():
        worst = measure.measure(few)
        over = measure.durations(few) if measure.durations else None
        rows[name] = (
            code(name),
            rounded_up(worst.error, measure.limit),
            worst.where or "—",
            "—" if over is None else rounded_up(over.error, measure.limit),
            power_of_ten_or_two(measure.limit),
        )
    rows |= {name: (code(name), "—", "an estimate", "—", "—") for name in NOT_MEASURED}
    return dict(sorted(rows.items()))


def evidence_row(difference: Difference) -> Row:
    """One difference: the input, the peer's number, ours, and the exact one or the reason."""
    numbers = (spelled(number(one)) for one in (difference.theirs, difference.ours, difference.truth))
    return (code(difference.function), difference.given, difference.peer, *numbers)


def versions() -> dict[str, str]:
    """The peers that are installed."""
    found = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            continue
    return found


def parts() -> dict[str, str]:
    """The generated parts of the page."""
    peers = ", ".join(f"{name} {its}" for name, its in versions().items())
    return {
        "policies": table(
            ("function", "NaN and ±inf", "values needed", "`min_periods`", "constant c", "nothing but NaN"),
            list(policy_rows().values()),
        ),
        "accuracy": table(
            ("function", "worst error", "met at", "over durations", "held to"), list(accuracy_rows().values())
        ),
        "differences": table(
            ("function", "input", "peer", "its number", "ours", "exact, or why"),
            [evidence_row(difference) for difference in DIFFERENCES],
        )
        + f"\n\nMeasured with {peers}.",
    }


def _found(text: str, name: str) -> re.Match[str]:
    found = re.search(rf"(?<=<!-- {name}:begin -->\n).*?(?=<!-- {name}:end -->)", text, flags=re.DOTALL)
    if found is None:
        raise ValueError(f"no markers for {name}")
    return found


def between(text: str, name: str) -> str:
    """Give what stands between the markers of a part."""
    return _found(text, name).group().strip()


def written(text: str, new: dict[str, str]) -> str:
    """Put the parts that a page has between their markers."""
    for name, part in new.items():
        if f"<!-- {name}:begin -->" not in text:
            continue
        start, end = _found(text, name).span()
        text = f"{text[:start]}\n{part}\n\n{text[end:]}"
    return text


def main() -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, nargs="+", default=[], help="the pages whose tables are replaced")
    pages: list[Path] = parser.parse_args().write
    new = parts()
    if not pages:
        print("\n\n".join(new.values()))
    for page in pages:
        page.write_text(written(page.read_text(encoding="utf-8"), new), encoding="utf-8")


if __name__ == "__main__":
    main()
