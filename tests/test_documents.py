"""What the documents show must run, and what they point at must exist."""

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.md")])


def _blocks(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert missing == []


def test_the_examples_of_the_readme_run(capsys: pytest.CaptureFixture[str]) -> None:
    import pandas as pd

    first, second = _blocks(ROOT / "README.md")
    names: dict[str, Any] = {}
    exec(first, names)
    before, after = re.findall(r"[-+]\d+\.\d+", capsys.readouterr().out)
    assert abs(float(before)) < 0.01
    assert float(after) == pytest.approx(120 / 3000, rel=0.2)
    assert names["features"].shape == (10_000, 33)
    assert len([line for line in first.splitlines() if line]) == 10

    given: dict[str, Any] = {"frame": pd.DataFrame(names["x"], columns=["speed", "temperature", "flow"])}
    exec(second, given)
    assert list(given["table"].columns) == names["names"]


def test_the_examples_of_the_kernel_page_run() -> None:
    for block in _blocks(ROOT / "docs" / "kernels.md"):
        exec(block, {})


def test_the_commands_of_the_readme_are_one_line_each() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("demo-command", "test-command"):
        found = re.search(rf"<!-- {name} -->\n```sh\n(.*?)\n```\n\n```powershell\n(.*?)\n```\n", text, flags=re.DOTALL)
        assert found, f"README.md has no {name}"
        assert all("\n" not in command for command in found.groups())
