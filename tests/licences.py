"""The licences of all that is compiled into the wheel: ``python tests/licences.py`` writes THIRD-PARTY-LICENSES.txt.

The crates are those that ``cargo tree`` names for the platforms of deny.toml, and their texts those that lie beside
their source. Of several licences that a crate offers it takes the one that deny.toml allows first. The notices of the
standard library are those that come with the compiler.
"""

from __future__ import annotations

import html
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "THIRD-PARTY-LICENSES.txt"
STANDARD = re.compile(r"(cfg-if|foldhash|gimli|hashbrown|libc|rustc-demangle|windows-(?:link|sys|targets))-(\d.*)")
"""Crates inside the standard library on the wheels' platforms."""
NAMED = re.compile(r"(licen[sc]e|copying|copyright|notice)", re.IGNORECASE)
MARKS = (
    ("Unicode-3.0", "unicode license v3"),
    ("Apache-2.0 WITH LLVM-exception", "llvm exceptions to the apache"),
    ("Apache-2.0", "apache license version 2.0, january 2004"),
    ("MPL-2.0", "mozilla public license"),
    ("GPL-2.0-only", "gnu general public license"),
    ("Zlib", "the origin of this software must not be misrepresented"),
    ("BSD-3-Clause", "neither the name"),
    ("BSD-2-Clause", "redistributions in binary form must reproduce"),
    ("MIT", "permission is hereby granted, free of charge, to any person obtaining a copy of this software"),
)
"""Words that tell a text."""
HEAD = """\
Licences of what is compiled into acm_rs

The compiled part of acm_rs holds code of the Rust crates below and of the Rust standard library. Each line has a
crate, its version, the licences it offers, those it is used under, and the numbers of its texts, which follow.
The source of each is unchanged: it is what the registry of Rust crates has under that name and version, and Cargo.lock
in the source of acm_rs has its checksum. Written by tests/licences.py.
"""


@dataclass(frozen=True)
class Crate:
    """What a crate says of itself, and the texts that it carries by the names of their files."""

    name: str
    version: str
    offers: str
    authors: str
    texts: Mapping[str, str]


def _ran(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _rules() -> tuple[list[str], list[str]]:
    """The platforms and the licences of deny.toml."""
    rules = tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))
    return rules["graph"]["targets"], rules["licenses"]["allow"]


def linked() -> set[tuple[str, str]]:
    """Name and version of every crate of others that a wheel of any platform is made of."""
    found = set()
    for target in _rules()[0]:
        tree = ("cargo", "tree", "--locked", "--package", "acm_rs", "--edges", "normal", "--prefix", "none")
        lines = _ran(*tree, "--target", target).splitlines()
        # Crates of this tree tell where they lie.
        found |= {tuple(line.split()[:2]) for line in lines if line.strip() and f"({ROOT}" not in line}
    return {(name, version.removeprefix("v")) for name, version in found}


def used_under(offers: str, allowed: list[str]) -> list[str]:
    """The licences that a crate is used under: of each choice the one that is allowed first."""
    found = []
    for part in offers.split(" AND "):
        choice = [one.strip() for one in re.split(r" OR |/", part.strip("()"))]
        found.append(next(one for one in allowed if one in choice))
    return found


def kinds(text: str) -> set[str]:
    """The licences whose texts stand in this one."""
    words = " ".join(text.lower().split())
    return {name for name, mark in MARKS if mark in words}


def _crates() -> Iterator[Crate]:
    wanted = linked()
    for told in json.loads(_ran("cargo", "metadata", "--locked", "--format-version", "1"))["packages"]:
        if (told["name"], told["version"]) not in wanted:
            continue
        home = Path(told["manifest_path"]).parent
        files = [path for top in sorted(home.iterdir()) if NAMED.match(top.name) for path in (top, *top.glob("*"))]
        texts = {str(path.relative_to(home)): path.read_text(encoding="utf-8") for path in files if path.is_file()}
        authors = ", ".join(re.sub(r" *<[^>]*>", "", one) for one in told["authors"])
        yield Crate(told["name"], told["version"], told["license"], authors, texts)


def _of_the_compiler() -> Iterator[Crate]:
    """What the standard library says of itself and of the crates in it."""
    release = _ran("rustc", "--version").split()[1]
    page = Path(_ran("rustc", "--print", "sysroot").strip(), "share", "doc", "rust", "COPYRIGHT-library.html")
    own, *others = page.read_text(encoding="utf-8").split("<h3>\U0001f4e6 ")
    notices = dict.fromkeys(re.findall(r"<b>Copyright:</b> (.*?)</p>", own))
    licences = "MIT OR Apache-2.0"
    yield Crate("the Rust standard library", release, licences, html.unescape("; ".join(notices)), {})
    for block in others:
        if one := STANDARD.fullmatch(block.partition("</h3>")[0]):
            (offers,) = re.findall(r"<b>License:</b> (.*?)</p>", block)
            found = re.findall(r"<summary><code>(.*?)</code></summary>\s*<pre>(.*?)</pre>", block, flags=re.DOTALL)
            texts = {file: html.unescape(text) for file, text in found}
            yield Crate(f"in it: {one[1]}", one[2], offers, "", texts)


def _kept(crate: Crate, used: list[str]) -> list[str]:
    """A crate's texts without those of the choices that are not taken."""
    left = {one.strip(" ()") for one in re.split(r" OR | AND |/", crate.offers)} - set(used)
    texts = [(text, kinds(text)) for file, text in crate.texts.items() if NAMED.match(file)]
    found = [text for text, of in texts if not of or of - left]
    return ["\n".join(line.rstrip() for line in text.strip("\n").expandtabs(4).splitlines()) for text in found]


def _standard(licence: str, crate: Crate, texts: list[str]) -> str:
    """The text of a licence as another crate has it, for one that only names it."""
    plain = min((text for text in texts if kinds(text) == {licence}), key=lambda text: (len(text), text))
    holders = crate.authors or f"the authors of {crate.name}"
    told = f"[{crate.name} {crate.version} carries no text of its licence: this is the usual one of {licence}.]\n\n"
    if licence.startswith("Apache"):
        return told + plain
    return f"{told}Copyright (c) {holders}\n\n{plain[plain.index('Permission is hereby') :]}"


def written() -> str:
    """The file."""
    allowed = _rules()[1]
    crates = [*sorted(_crates(), key=lambda crate: (crate.name, crate.version)), *_of_the_compiler()]
    used = [used_under(crate.offers, allowed) for crate in crates]
    kept = [_kept(crate, licences) for crate, licences in zip(crates, used, strict=True)]
    every = [text for texts in kept for text in texts]
    lines, numbers = [HEAD], dict[str, tuple[int, str]]()
    for crate, licences, texts in zip(crates, used, kept, strict=True):
        lacking = set(licences).difference(*map(kinds, texts))
        own = [*texts, *(_standard(licence, crate, every) for licence in sorted(lacking))]
        # Broken otherwise or not, it is the same text.
        places = [numbers.setdefault(" ".join(text.split()), (len(numbers) + 1, text))[0] for text in own]
        told = f"{crate.offers}; used under {' and '.join(licences)}" if [crate.offers] != licences else crate.offers
        lines.append(f"{crate.name} {crate.version}: {told}; {', '.join(map(str, places))}")
    for place, text in numbers.values():
        lines += ["", f"{'=' * 20} {place} {'=' * 20}", "", text]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8", newline="\n")
    print(f"{FILE.name}: {len(linked())} crates")
