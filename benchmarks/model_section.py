"""The table of the models: each beside its peers, after comparing what they found."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from registry.timed import ModelCase

from benchmarks.kernels import Progress
from benchmarks.measure import Candidate, Plan, race, timed
from benchmarks.table import Section, Table, Verdict, digits, milliseconds

OURS = "acm_rs"


def model_section(cases: Sequence[ModelCase], module: ModuleType | None, plan: Plan, progress: Progress) -> Section:
    """Time the models at all threads."""
    section = Section("Models")
    rows = []
    for case in cases:
        if module is None or not case.present(module):
            continue
        progress(case.title)
        x = case.matrix()
        ours = case.ours(module, x)
        peers = {name: build(x) for name, build in case.present_peers().items()}
        found = ours()
        for name, peer in peers.items():
            wrong = case.agree(found, peer())
            if wrong:
                section.broken.append(f"{case.title}: acm_rs and {name}: {wrong}")
        candidates = [Candidate(OURS, ours), *(Candidate(name, peer) for name, peer in peers.items())]
        timings = race(candidates, plan)
        mine = timings[OURS].median
        section.timed += timed("models", case.title, f"{case.rows}x{case.columns}", timings, (OURS,))
        for name in peers:
            rows.append(
                [
                    case.title,
                    milliseconds(mine),
                    name,
                    milliseconds(timings[name].median),
                    digits(timings[name].median / mine),
                ]
            )
        if not peers:
            continue
        fastest = min(peers, key=lambda name: timings[name].median)
        ratio = timings[fastest].median / mine
        section.headlines.append(
            [
                case.title,
                "-",
                milliseconds(mine),
                f"{milliseconds(timings[fastest].median)} ({fastest})",
                digits(ratio),
            ]
        )
        held = {name: times for name, times in case.apart.items() if name in peers}
        counted = [name for name in peers if name not in case.apart]
        if case.times is not None and counted:
            held[min(counted, key=lambda name: timings[name].median)] = case.times
        for name, times in held.items():
            ratio = timings[name].median / mine
            section.verdicts.append(
                Verdict(f"{case.title} against {name}", f"≥ {digits(times)}", digits(ratio), ratio >= times)
            )
    section.body.append(Table(["Model", "acm_rs, ms", "Peer", "ms", "times faster"], rows))
    section.body.append(
        "10,000 x 50 standard normal values unless the row says otherwise, all cores; scikit-learn in its fastest "
        "setting. Compared before they are timed: distances and scores by value, k-means by its inertia, mixtures by "
        "their log-likelihood, forests by the rank correlation of their scores."
    )
    return section
