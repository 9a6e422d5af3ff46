"""The command line of the benchmarks, and the order in which its parts run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.cases import CASES, MODEL_CASES, TARGET_SHAPE, WIDE_KEYS
from benchmarks.cliffs import cliff_section
from benchmarks.data import FAN_SHAPE
from benchmarks.environment import BusyClock, load_acm_rs, machine_lines
from benchmarks.extremes import bandwidth_section, overhead_section, worst_section
from benchmarks.feature_section import feature_section
from benchmarks.kernels import kernel_section, variants
from benchmarks.measure import QUICK, Plan
from benchmarks.memory import feature_memory_section, memory_section, wide_memory_section
from benchmarks.model_section import model_section
from benchmarks.saved import main as compare
from benchmarks.saved import save
from benchmarks.table import Section, put_between_marks, short_table, summary

PARTS = ("kernels", "models", "features", "bandwidth", "worst", "overhead")
FULL_PARTS = (*PARTS, "cliffs", "memory")
QUIET = 0.1
NOISY = ": **not a quiet machine**, and candidates on several threads suffer most"
SIZES = ((10_000, 50), (1_000, 10), (50_000, 100))


def _sizes(text: str) -> tuple[tuple[int, int], ...]:
    sizes = []
    for word in text.split(","):
        rows, _, columns = word.strip().partition("x")
        try:
            size = int(rows), int(columns)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{word!r} is not ROWSxCOLUMNS, as in 10000x50") from None
        if min(size) < 1:
            raise argparse.ArgumentTypeError(f"{word!r} must have at least one row and one column")
        sizes.append(size)
    return tuple(sizes)


def _threads(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word != "all" and not (word.isdecimal() and int(word) >= 1):
            raise argparse.ArgumentTypeError(f"{word!r} is neither a number of threads nor 'all'")
    return words


def _parts(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in FULL_PARTS:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(FULL_PARTS)}")
    return words


def parser() -> argparse.ArgumentParser:
    """Build the argument parser."""
    keys = [case.key for case in (*CASES, *MODEL_CASES)]
    p = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time acm_rs beside pandas, Polars, bottleneck, numbagg, NumPy, SciPy and scikit-learn, in turns "
        "and in one run, after comparing their numbers; write the table as Markdown.",
        epilog="python -m benchmarks compare OLD NEW: what became faster and slower between two runs that --save wrote",
    )
    much = p.add_mutually_exclusive_group()
    much.add_argument("--quick", action="store_true", help="C order at all threads, few rounds")
    much.add_argument("--full", action="store_true", help="1,000 x 10 and 50,000 x 100 too, and every part")
    p.add_argument(
        "--kernel",
        action="append",
        choices=keys,
        metavar="NAME",
        help=f"only this ({', '.join(keys)}); may be repeated",
    )
    p.add_argument("--sizes", type=_sizes, metavar="10000x50,…", help="rows x columns (default 10000x50)")
    p.add_argument("--order", choices=("C", "F", "both"), help="memory order of acm_rs' input (default both)")
    p.add_argument("--threads", type=_threads, metavar="1,all", help="threads of acm_rs (default 1,all)")
    p.add_argument(
        "--data", type=Path, metavar="FOLDER", help="folder with baseline.csv, or a CSV file, for the feature set"
    )
    p.add_argument("--output", type=Path, metavar="table.md", help="write the Markdown here too")
    p.add_argument("--readme", type=Path, metavar="README.md", help="put the short table between this file's marks")
    p.add_argument("--save", type=Path, metavar="FOLDER", help="write what was timed to FOLDER/COMMIT.json")
    p.add_argument("--targets", action="store_true", help="show what each row is held to, and count what is missed")
    p.add_argument("--memory", action="store_true", help="also measure peak memory, each call in a fresh process")
    p.add_argument("--parts", type=_parts, metavar="kernels,…", help=f"only these parts: {', '.join(FULL_PARTS)}")
    return p


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_parts(options: argparse.Namespace, plan: Plan) -> list[Section]:
    """Run what the options ask for."""
    module = load_acm_rs()
    sizes = options.sizes or (SIZES if options.full else (TARGET_SHAPE,))
    order = options.order or ("C" if options.quick else "both")
    orders = ("C", "F") if order == "both" else (order,)
    kinds = variants(orders, options.threads or (("all",) if options.quick else ("1", "all")), module)
    cases = [case for case in CASES if options.kernel is None or case.key in options.kernel]
    usual = FULL_PARTS if options.full else PARTS
    parts = options.parts or (usual if options.kernel is None else ("kernels", "models", "worst", "overhead"))
    if options.memory and "memory" not in parts:
        parts = (*parts, "memory")
    every = module.get_num_threads() if module is not None else 1
    sections: list[Section] = []
    try:
        if "kernels" in parts:
            sections += [kernel_section(cases, size, module, kinds, plan, _progress) for size in sizes]
        if module is not None:
            module.set_num_threads(every)
        if "models" in parts:
            wanted = [case for case in MODEL_CASES if options.kernel is None or case.key in options.kernel]
            sections.append(model_section(wanted, module, plan, _progress))
        if "features" in parts:
            sections.append(feature_section(options.data, module, plan, _progress))
        if module is not None and "bandwidth" in parts:
            sections += [
                bandwidth_section(size, module, kinds, plan, _progress)
                for size in sizes
                if size[0] * size[1] >= 100_000
            ]
        if module is not None and "worst" in parts:
            sections.append(worst_section(cases, sizes[0], module, plan, _progress))
            module.set_num_threads(every)
        if module is not None and "overhead" in parts:
            sections.append(overhead_section(cases, module, plan, _progress))
        if module is not None and "cliffs" in parts:
            sections.append(cliff_section(cases, module, plan, _progress))
        if "memory" in parts:
            keys = [case.key for case in cases]
            sections.append(memory_section(keys, sizes[0], module, orders, _progress))
            if any(case.key in WIDE_KEYS and case.present(module) for case in cases):
                sections.append(wide_memory_section(keys, module, _progress))
            if options.kernel is None:
                sections += [
                    feature_memory_section(s, _progress) for s in (FAN_SHAPE, (10 * FAN_SHAPE[0], FAN_SHAPE[1]))
                ]
    finally:
        if module is not None:
            module.set_num_threads(every)
    return sections


def main(arguments: Sequence[str], removed: Mapping[str, str]) -> int:
    """Run the benchmarks and print the report.

    Parameters
    ----------
    arguments
        Command line without the program's name.
    removed
        Environment variables that were removed before NumPy was loaded.

    Returns
    -------
    int
        0, or 1 where two candidates' numbers do not agree. A missed target is a result, not a failure. For ``compare``
        that of ``benchmarks.saved.main``.
    """
    if arguments[:1] == ["compare"]:
        return compare(arguments[1:])
    options = parser().parse_args(arguments)
    plan = QUICK if options.quick else Plan()
    head = machine_lines(removed)
    start = BusyClock.now()
    sections = run_parts(options, plan)
    others = BusyClock.now().others_since(start)
    if others is not None:
        head.append(f"Other processes kept {others:.2f} cores busy during the run{NOISY if others > QUIET else ''}.")
    found = summary(sections, options.targets)
    method = (
        f"Random input is standard normal, min_periods 8; candidates take turns, {plan.least} to {plan.most} rounds "
        f"({plan.slow_samples} where one call takes over {plan.slow_seconds} s); medians."
    )
    text = "\n\n".join(
        ["# Benchmarks", "\n".join(f"- {line}" for line in [*head, method]), found.text(options.targets)]
    )
    text += "\n\n" + "\n\n".join(section.text(options.targets) for section in sections) + "\n"
    print(text)
    if options.readme is not None:
        short = short_table(sections, [f"{line}  " for line in head])
        options.readme.write_text(put_between_marks(options.readme.read_text("utf-8"), short), encoding="utf-8")
    if options.save is not None:
        module = load_acm_rs()
        _progress(f"saved: {save(options.save, sections, module.get_num_threads() if module else 0, others)}")
    if options.output is not None:
        options.output.write_text(text, encoding="utf-8")
    return 1 if any(section.broken for section in sections) else 0
