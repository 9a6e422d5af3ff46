"""What the documents show must run, what they point at must exist, and the tables on numbers must be true."""

import json
import math
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import acm_rs
import numerics_table
import numpy as np
import pytest
from numerics_accuracy import MEASURES, NOT_MEASURED
from numerics_evidence import DIFFERENCES, Difference, number, spelled
from registry import OF_FEATURES, OF_MODELS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
NOTEBOOKS = sorted(ROOT.glob("docs/notebooks/*.ipynb"))
MODEL_PAGES = sorted(ROOT.glob("docs/models/*.md"))
GUIDES = [
    ROOT / "docs" / f"{name}.md"
    for name in (
        "kernels",
        "from-pandas",
        "frames",
        "first-alarm",
        "models",
        "monitor",
        "files",
        "quality",
        "how-to",
        "dropins",
        "RUST_MIGRATION_PLAN",
    )
]
NUMERICS = ROOT / "docs" / "numerics.md"
KERNELS = ROOT / "docs" / "kernels.md"


def _blocks(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _blocks_and_what_they_print(document: Path) -> list[tuple[str, str]]:
    pair = r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?"
    return re.findall(pair, document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def _cells(notebook: Path, kind: str) -> list[dict[str, Any]]:
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def _prose(document: Path) -> str:
    if document.suffix == ".ipynb":
        return "\n\n".join("".join(cell["source"]) for cell in _cells(document, "markdown"))
    return document.read_text(encoding="utf-8")


def _targets(document: Path) -> list[tuple[str, str]]:
    """Files and anchors that the links of a document lead to."""
    text = re.sub(r"```.*?```", "", _prose(document), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text) if "://" not in link[0]]


def _anchors(document: Path) -> set[str]:
    text = re.sub(r"```.*?```", "", _prose(document), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", [*DOCUMENTS, *NOTEBOOKS], ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in _targets(document):
        there = document.parent / target if target else document
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), f"{target}#{anchor}"


@pytest.mark.parametrize(
    ("page", "entry"),
    [(page, ROOT / "docs" / "models.md") for page in MODEL_PAGES]
    + [(page, ROOT / "README.md") for page in [*sorted(ROOT.glob("docs/*.md")), *NOTEBOOKS]],
    ids=lambda path: path.stem,
)
def test_a_page_is_linked_from_its_entry(page: Path, entry: Path) -> None:
    assert page in {(entry.parent / target).resolve() for target, _ in _targets(entry)}


def test_the_examples_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = _blocks(ROOT / "README.md")
    names: dict[str, Any] = {}
    exec(first, names)
    said = capsys.readouterr().out.strip()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"It prints `{said}`" in text
    numbers = [float(number) for number in re.findall(r"\d+\.\d+", said)]
    # The noise is 5, and the drift adds the deviation of a line of 64 rows to it.
    slope = 120 / 2999
    truth = (0.0, slope, 5.0, np.hypot(5.0, slope * np.arange(64).std(ddof=1)))
    assert np.abs(np.subtract(numbers, truth)).max() < 0.15
    assert numbers[1] == pytest.approx(slope, rel=0.01)
    plant, features = names["plant"], names["features"]
    filled = acm_rs.feature_matrix(plant, 64, fill="median")["heat_std"][7_064:]
    assert f"would make the deviation {filled.mean():.2f}" in " ".join(text.split())
    assert features.shape == (10_000, 33)
    assert features.index.equals(plant.index)
    assert len([line for line in first.splitlines() if line]) == 10

    given: dict[str, Any] = {"frame": plant}
    exec(second, given)
    assert list(given["table"].columns) == list(features.columns)

    exec(third, names)
    assert f"It prints `{capsys.readouterr().out.strip()}`" in text
    assert names["alarms"].start.tolist() == [300]
    assert names["culprit"] == "flow"


@pytest.mark.parametrize("page", [*GUIDES, *MODEL_PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_the_examples_of_a_page_run_and_print_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = _blocks_and_what_they_print(page)
    assert blocks
    assert len(blocks) == len(_blocks(page))
    names: dict[str, Any] = {}
    for block, shown in blocks:
        exec(block, names)
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_it_shows(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = _cells(notebook, "code")
    if any("result.plot()" in line for cell in cells for line in cell["source"]):
        pytest.importorskip("matplotlib")
        pytest.importorskip("plotly")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in cells:
        # A line that begins so is an order to the notebook, such as to show pictures.
        exec("".join(line for line in cell["source"] if not line.startswith("%")), names)
        # What is kept is text: pictures would make the file large, and differ from machine to machine.
        assert {output["output_type"] for output in cell["outputs"]} <= {"stream"}
        assert capsys.readouterr().out == "".join(line for output in cell["outputs"] for line in output["text"])


def test_the_quickstart_runs_and_says_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for needed in ("typer", "rich", "polars", "plotly"):
        pytest.importorskip(needed)
    from acm_rs.cli import main

    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r"^```(python|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", text, flags=re.MULTILINE | re.DOTALL
    )
    assert [kind for kind, _, _ in blocks] == ["sh"] * 5 + ["python"]
    names: dict[str, Any] = {}
    for kind, block, shown in blocks:
        if kind == "python":
            exec(block, names)
            assert capsys.readouterr().out == shown
            continue
        for line in block.splitlines():
            command, *output = line.split(" > ")
            status = main(shlex.split(command)[1:])
            assert status == (3 if "--fail-on-alarm" in command else 0)
            said = capsys.readouterr().out.splitlines()
            for file in output:
                Path(file).write_text("\n".join(said), encoding="utf-8")
        said_in_order(shown.splitlines(), said)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("acm-rs-demo", "fan.acm", "scores.parquet", "fan.html", "alarms.json")
    }


def said_in_order(shown: list[str], said: list[str]) -> None:
    """Lines may be left out between those that are shown."""
    at = -1
    for line in shown:
        if line != "...":
            assert line in said[at + 1 :], line
            at = said.index(line, at + 1)


def test_what_the_pages_show_after_a_command_is_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for needed in ("typer", "rich", "polars", "plotly"):
        pytest.importorskip(needed)
    from acm_rs.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["demo"]) == 0
    demo = capsys.readouterr().out.splitlines()
    events = "start,end,name\n2024-04-07 06:00,2024-04-07 14:00,bearing replaced\n"
    Path("failures.csv").write_text(events, encoding="utf-8")
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n\$ (acm-rs [^\n]*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert [command.split()[1] for command, _ in blocks] == ["score", "explain", "backtest"]
    said_in_order([f"$ {blocks[0][0]}", *blocks[0][1].splitlines()], demo)
    for command, shown in blocks[1:]:
        assert main(shlex.split(command)[1:]) == 0
        said_in_order(shown.splitlines(), capsys.readouterr().out.splitlines())

    def masked(text: str) -> list[str]:
        # An alarm's name comes of the model's bytes, which hold the version.
        return re.sub(r"\b[0-9a-f]{12}\b", "NAME", text).splitlines()

    text = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    ((commands, shown),) = re.findall(
        r"^```sh\nacm-rs demo\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    for command in commands.splitlines():
        assert main(shlex.split(command)[1:]) == 0
    said_in_order(masked(shown), masked(capsys.readouterr().out))


@pytest.mark.parametrize("page", ["kernels.md", "from-pandas.md"])
def test_a_page_names_every_function(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    wanted = OF_FEATURES - {"feature_matrix"}
    if page == "from-pandas.md":
        wanted = {name for name in wanted if not name.endswith("_f64")}
    assert {name for name in wanted if not re.search(rf"\b{name}\b", text)} == set()


def test_the_pages_of_models_name_every_one() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in MODEL_PAGES)
    assert {name for name in OF_MODELS if not re.search(rf"\b{name}\b", text)} == set()


def test_the_commands_of_the_readme_are_one_line_each() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("demo-command", "test-command"):
        found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)\n```\n\n```powershell\n(.*?)\n```\n", text, flags=re.DOTALL)
        assert found, f"README.md has no {name}"
        assert all("\n" not in command for command in found.groups())


# ---- the tables on numbers ------------------------------------------------------------------------------------------


@cache
def _stated(part: str) -> dict[str, tuple[str, ...]]:
    """The rows of a table, by their first cells."""
    page = NUMERICS if part == "differences" else KERNELS
    lines = numerics_table.between(page.read_text(encoding="utf-8"), part).split("\n")
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines if line.startswith("| `")]
    key = 3 if part == "differences" else 1
    found = {" | ".join(row[:key]): row for row in rows}
    assert len(found) == len(rows)
    return found


def test_the_tables_name_every_function() -> None:
    for part in ("policies", "accuracy"):
        named = {re.findall(r"`(\w+)`", first)[0] for first in _stated(part)}
        assert named == OF_FEATURES, part
    assert {difference.function for difference in DIFFERENCES} <= OF_FEATURES


def test_the_policies_are_what_the_functions_do() -> None:
    assert set(_stated("policies").values()) == set(numerics_table.policy_rows().values())
    assert not any("?" in cell for row in _stated("policies").values() for cell in row)


@pytest.mark.parametrize("name", [*MEASURES, *NOT_MEASURED])
def test_the_errors_are_not_larger_than_stated(name: str) -> None:
    _, error, _, over, limit = _stated("accuracy")[numerics_table.code(name)]
    if name in NOT_MEASURED:
        assert error == limit == "—"
        return
    measure = MEASURES[name]
    assert numerics_table.value(limit) == measure.limit
    for stated, again in ((error, measure.measure), (over, measure.durations)):
        assert (stated == "—") == (again is None)
        if again is not None:
            assert numerics_table.value(stated) <= measure.limit
            worst = again(True)
            assert worst.error <= numerics_table.value(stated), worst


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: f"{d.function}, {d.peer}, {d.given}")
def test_the_evidence_still_holds(difference: Difference) -> None:
    key = f"{numerics_table.code(difference.function)} | {difference.given} | {difference.peer}"
    told, ours, why = _stated("differences")[key][3:]
    own = number(difference.ours)
    assert spelled(own) == ours
    assert spelled(number(difference.truth)) == why
    assert told != ours
    if not isinstance(difference.truth, str):
        # Ours is the exact one, the peer's is further from it.
        assert ours == why
    same = f"{difference.peer} {numerics_table.versions().get(difference.peer)}"
    if same not in NUMERICS.read_text(encoding="utf-8"):
        pytest.skip(f"the page tells of another {difference.peer}")
    theirs = number(difference.theirs)
    if isinstance(theirs, float) and isinstance(own, float) and not math.isnan(theirs):
        assert abs(theirs - own) > 1e-13 * abs(own)
    else:
        assert spelled(theirs) == told
