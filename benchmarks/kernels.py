"""The main table: every case beside its peers at one input size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from registry.inputs import Inputs
from registry.timed import COLUMNS, Case, Peer

from benchmarks.agreement import Agreement, check
from benchmarks.cases import FLAT_OVER_SMALLEST, TARGET_SHAPE
from benchmarks.measure import Candidate, Plan, Timing, race, timed
from benchmarks.table import Section, Table, Verdict, digits, markdown, milliseconds

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Variant:
    """A memory order and a number of threads acm_rs is timed at; ``again``: each call writes the same ``out``."""

    order: str
    threads: int
    label: str
    again: bool = False


def variants(orders: Sequence[str], threads: Sequence[str], module: ModuleType | None) -> list[Variant]:
    """Every order at every number of threads; ``"all"`` is what acm_rs starts with."""
    everything = module.get_num_threads() if module is not None else 1
    counts: dict[int, str] = {}
    for word in threads:
        count = everything if word == "all" else int(word)
        if count not in counts or word == "all":
            counts[count] = word
    return [Variant(order, count, f"{order}, {word}") for order in orders for count, word in counts.items()]


def written_again(kinds: Sequence[Variant]) -> list[Variant]:
    """Those of the most threads, with their results written into the same arrays at each call."""
    full = max((kind.threads for kind in kinds), default=1)
    return [Variant(k.order, k.threads, f"{k.label}, out", again=True) for k in kinds if k.threads == full]


def own_candidates(
    case: Case, window: int, inputs: Inputs, module: ModuleType | None, kinds: Sequence[Variant]
) -> list[Candidate]:
    """acm_rs' own calls."""
    if module is None or not case.present(module):
        return []
    found = []
    for kind in kinds:
        bind = case.bind_again if kind.again else case.bind
        call = bind(module, inputs.order(kind.order), window)
        if call is not None:
            found.append(Candidate(kind.label, call, before=partial(module.set_num_threads, kind.threads)))
    return found


def peer_candidate(case: Case, peer: Peer, window: int, inputs: Inputs) -> Candidate:
    """Bind a peer's call, on a slice where the whole would take minutes."""
    scale = 1.0
    if peer.slice_shape is not None:
        rows, columns = min(peer.slice_shape[0], inputs.n), min(peer.slice_shape[1], inputs.d)
        scale = case.cost(inputs.n, inputs.d) / case.cost(rows, columns)
        inputs = inputs.part(rows, columns)
    return Candidate(peer.name, peer.build(inputs, window).run, scale=scale)


def _fastest(timings: dict[str, Timing], peers: Sequence[Peer], names: Sequence[str]) -> tuple[str, float] | None:
    """Find the fastest of the peers of these names, or of all named peers."""
    chosen = [p.name for p in peers if p.name in timings and (p.name in names if names else p.named)]
    if not chosen:
        return None
    name = min(chosen, key=lambda one: timings[one].median)
    return name, timings[name].median


def time_case(
    case: Case, window: int, inputs: Inputs, module: ModuleType | None, kinds: Sequence[Variant], plan: Plan
) -> dict[str, Timing]:
    """Race acm_rs' variants and the peers on one input."""
    candidates = own_candidates(case, window, inputs, module, kinds)
    candidates += [peer_candidate(case, peer, window, inputs) for peer in case.peers if peer.present()]
    return race(candidates, plan)


def _cell(peer_name: str, peers: Sequence[Peer], timings: dict[str, Timing]) -> str:
    if peer_name not in timings:
        return "-"
    (peer,) = [one for one in peers if one.name == peer_name]
    marks = ("≈" if peer.slice_shape is not None else "", "†" if peer.differs or not peer.named else "")
    return marks[0] + milliseconds(timings[peer_name].median) + marks[1]


def kernel_section(
    cases: Sequence[Case],
    shape: tuple[int, int],
    module: ModuleType | None,
    kinds: Sequence[Variant],
    plan: Plan,
    progress: Progress,
) -> Section:
    """Check the numbers, then time every case at every window that fits the input.

    A row's ratio is the fastest named peer's time over that of acm_rs at the most threads in ``kinds``, in the
    slower of the memory orders, with a fresh output at each call. Targets are judged at ``TARGET_SHAPE`` only.
    """
    n, d = shape
    judged = shape == TARGET_SHAPE
    section = Section(f"Kernels, {n:,} x {d}")
    made: dict[tuple[bool, int], Inputs] = {}
    full = max((kind.threads for kind in kinds), default=1)
    shown = [*kinds, *written_again(kinds)]
    rows: list[list[str]] = []
    agreements: list[Agreement] = []
    flat: dict[str, dict[int, dict[str, float]]] = {}
    names = [c for c in COLUMNS if any(p.name == c for case in cases for p in case.peers)]
    for case in cases:
        for window in case.windows:
            if not case.fits(n, d, window):
                continue
            progress(f"{n:,} x {d}  {case.named(window)}")
            kind_of_input = (case.gaps, case.columns(d))
            if kind_of_input not in made:
                made[kind_of_input] = Inputs(case.matrix(n, d))
            inputs = made[kind_of_input]
            agreements += check(case, window, inputs, module)
            timings = time_case(case, window, inputs, module, shown, plan)
            own = {k.label: timings[k.label].median for k in shown if k.label in timings}
            section.timed += timed("kernels", case.named(window), f"{n}x{d}", timings, own)
            flat.setdefault(case.key, {})[window] = own
            scaled = {peer.name for peer in case.peers if peer.slice_shape is not None}
            against: list[str] = []
            for target in case.targets[window]:
                best = _fastest(timings, case.peers, target.peers)
                if target.times is None and best is not None and best[0] in against:
                    continue
                first = not against
                against.append(best[0] if best is not None else "-")
                at_full = [own[k.label] for k in kinds if k.threads == full and k.label in own]
                ratio = best[1] / max(at_full) if best is not None and at_full else None
                word = "-"
                wanted = f"≥ {digits(target.times)}" if target.times is not None else "-"
                if judged and ratio is not None and best is not None:
                    if target.times is not None:
                        title = f"{case.named(window)}, against {best[0]}"
                        verdict = Verdict(title, f"{wanted} x", f"{digits(ratio)} x", ratio >= target.times)
                        section.verdicts.append(verdict)
                        word = verdict.word
                    section.headlines.append(
                        [
                            case.title,
                            case.shown(window),
                            milliseconds(max(at_full)),
                            f"{milliseconds(best[1])} ({best[0]}{', scaled' if best[0] in scaled else ''})",
                            digits(ratio),
                        ]
                    )
                rows.append(
                    [
                        case.title if first else "",
                        case.shown(window) if first else "",
                        *[(milliseconds(own.get(k.label)) if first else "") for k in shown],
                        *[(_cell(name, case.peers, timings) if first else "") for name in names],
                        best[0] if best is not None else "-",
                        digits(ratio),
                        wanted if judged else "-",
                        word,
                    ]
                )
    head = ["Kernel", "Window", *[f"acm_rs {k.label}" for k in shown], *names, "Against", "Times", "Target", "Verdict"]
    section.body.append(Table(head, rows))
    section.body.append(
        "Medians in ms. acm_rs: memory order of the input, number of threads; the output is a fresh one at each call, "
        "where *out* stands the same one is written again. Peers: their own best layout, all cores. Times: fastest "
        "named peer over acm_rs at the most threads in the slower order, with fresh outputs. ≈ timed on a slice and "
        "scaled to the whole. † another statistic, or a form of our own beyond the named peers."
    )
    section.judged.append("Rows without a target are for the record.")
    if module is not None:
        section.body += _flatness(flat, kinds, section, judged)
    section.body.append(_agreement_table(agreements))
    section.broken += [
        f"{a.title}, {a.window}: {a.pair[0]} and {a.pair[1]} differ by {a.worst:.1e}, accepted {a.tolerance:.0e}"
        for a in agreements
        if not a.holds
    ]
    return section


def _flatness(
    flat: dict[str, dict[int, dict[str, float]]], kinds: Sequence[Variant], section: Section, judged: bool
) -> list[str]:
    """How much slower the slowest window of mean + std is than its smallest."""
    windows = flat.get("mean_std", {})
    if len(windows) < 2:
        return []
    smallest = min(windows)
    lines = []
    for kind in kinds:
        times = {w: own[kind.label] for w, own in windows.items() if kind.label in own}
        if smallest not in times:
            continue
        slowest = max(times, key=times.__getitem__)
        ratio = times[slowest] / times[smallest]
        lines.append(f"{kind.label}: {digits(ratio)} (window {slowest})")
        if judged:
            title = f"mean + std flat in the window, {kind.label}"
            section.verdicts.append(
                Verdict(title, f"≤ {FLAT_OVER_SMALLEST}", digits(ratio), ratio <= FLAT_OVER_SMALLEST)
            )
    if not lines:
        return []
    return [f"Mean + std, slowest window over window {smallest}: " + "; ".join(lines) + "."]


def _agreement_table(agreements: Sequence[Agreement]) -> str:
    rows = []
    for a in agreements:
        result = f"not compared: {a.note}" if a.note else ("agree" if a.holds else "**differ**")
        worst = "-" if a.note else f"{a.worst:.1e}"
        rows.append([a.title, a.window, f"{a.pair[0]} and {a.pair[1]}", worst, f"{a.tolerance:.0e}", result])
    head = ["Kernel", "Window", "Compared", "Worst difference", "Accepted", "Result"]
    return "<details><summary>Numbers compared before timing</summary>\n\n" + markdown(head, rows, 1) + "\n\n</details>"
