"""The wheel carries the licence of every crate that is compiled into it."""

from __future__ import annotations

import re
import shutil
import tomllib

import licences
import pytest

LINES = re.compile(r"^(\S+) (\d\S*): (.+); ([\d, ]+)$", re.MULTILINE)


def _told() -> dict[tuple[str, str], tuple[str, list[str]]]:
    """Of each crate and version what it offers, and its texts."""
    text = licences.FILE.read_text(encoding="utf-8")
    head, *parts = re.split(r"^={20} (\d+) ={20}$", text, flags=re.MULTILINE)
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    found = LINES.findall(head)
    return {(name, version): (offers, [texts[one] for one in of.split(", ")]) for name, version, offers, of in found}


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo tells which crates these are")
def test_every_crate_of_the_wheel_is_named_with_its_version() -> None:
    assert set(_told()) == licences.linked(), "python tests/licences.py writes the file anew"


def test_every_crate_has_the_text_of_a_licence_that_is_allowed() -> None:
    allowed = tomllib.loads((licences.ROOT / "deny.toml").read_text(encoding="utf-8"))["licenses"]["allow"]
    for crate, (offers, texts) in _told().items():
        used = licences.used_under(offers.partition("; used under ")[0], allowed)
        assert set(used) <= set().union(*map(licences.kinds, texts)), crate


@pytest.mark.parametrize(
    ("offers", "used"),
    [
        ("MIT", ["MIT"]),
        ("Apache-2.0/MIT", ["MIT"]),
        ("Apache-2.0 WITH LLVM-exception OR Apache-2.0", ["Apache-2.0"]),
        ("Apache-2.0 OR GPL-2.0-only", ["Apache-2.0"]),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", ["MIT", "Unicode-3.0"]),
    ],
)
def test_of_several_licences_the_first_that_is_allowed_is_used(offers: str, used: list[str]) -> None:
    allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"]
    assert licences.used_under(offers, allowed) == used


def test_the_wheel_and_the_source_carry_the_file() -> None:
    project = tomllib.loads((licences.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert licences.FILE.name in project["license-files"]
