"""What the command line writes: whole or not at all, permissions kept, links followed, nothing but regular files."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from acm_rs.cli import main
from acm_rs.files.errors import Refusal
from acm_rs.files.writing import check_output, write_whole

posix = pytest.mark.skipif(os.name == "nt", reason="permissions, links and special files as POSIX has them")
Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"TS": range(20), "A": [float(row % 7) for row in range(20)]}).write_csv("in.csv")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(output: str) -> tuple[int, str]:
        status = main(["features", "in.csv", "-t", "TS", "-o", output])
        return status, capsys.readouterr().err

    return call


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


@posix
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_permissions_are_kept(run: Run, output: str, mode: int) -> None:
    before = os.umask(0o027)
    try:
        assert run(output) == (0, "")
        assert stat.S_IMODE(Path(output).stat().st_mode) == 0o640
        Path(output).chmod(mode)
        assert run(output) == (0, "")
        assert stat.S_IMODE(Path(output).stat().st_mode) == mode
    finally:
        os.umask(before)
    assert files() == {"in.csv", output}


@posix
def test_nobody_may_read_in_the_draft_what_he_may_not_read_in_the_file() -> None:
    Path("out.csv").touch(mode=0o600)
    seen = []

    def write(draft: Path) -> None:
        seen.append(stat.S_IMODE(draft.stat().st_mode))
        draft.write_text("new")

    write_whole(Path("out.csv"), write)
    assert seen == [0o600]


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_owner_and_group_are_kept(run: Run) -> None:
    Path("out.csv").touch()
    os.chown("out.csv", 12345, 23456)
    assert run("out.csv") == (0, "")
    assert (Path("out.csv").stat().st_uid, Path("out.csv").stat().st_gid) == (12345, 23456)


@posix
def test_links_are_followed(run: Run) -> None:
    Path("real").mkdir()
    Path("links").mkdir()
    Path("links/one.csv").symlink_to("two.csv")
    Path("links/two.csv").symlink_to("../real/out.csv")
    for _ in range(2):
        assert run("links/one.csv") == (0, "")
        assert pl.read_csv("real/out.csv").height == 20
        assert Path("links/one.csv").is_symlink()
    assert {path.name for path in Path("links").iterdir()} == {"one.csv", "two.csv"}
    assert {path.name for path in Path("real").iterdir()} == {"out.csv"}


@posix
@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("loop.csv", "loop.csv cannot be written: Too many levels of symbolic links"),
        ("../nowhere/out.csv", "does not exist"),
        ("in.csv", "is the input too"),
        ("nowhere/../in.csv", "does not exist"),
    ],
)
def test_links_that_lead_nowhere_good(run: Run, link: str, words: str) -> None:
    before = Path("in.csv").read_bytes()
    Path("loop.csv").symlink_to(link)
    status, complained = run("loop.csv")
    assert status > 0
    assert words in complained
    assert files() == {"in.csv", "loop.csv"}
    assert Path("in.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("output", "status", "words"),
    [
        pytest.param("nowhere/../in.csv", 1, "the folder nowhere/.. does not exist", marks=posix),
        ("folder/../in.csv", 2, "is the input too"),
        ("folder/./../in.csv", 2, "is the input too"),
        pytest.param("hard.csv", 2, "is the input too", marks=posix),
        pytest.param("soft.csv", 2, "is the input too", marks=posix),
        pytest.param("elsewhere/in.csv", 2, "is the input too", marks=posix),
        pytest.param("in.csv/out.csv", 1, "in.csv/out.csv cannot be written: Not a directory", marks=posix),
        pytest.param("x" * 300 + ".csv", 1, "File name too long", marks=posix),
    ],
)
def test_the_input_is_never_overwritten(run: Run, output: str, status: int, words: str, tmp_path: Path) -> None:
    Path("folder").mkdir()
    if os.name != "nt":
        os.link("in.csv", "hard.csv")
        Path("soft.csv").symlink_to("folder/../in.csv")
        Path("elsewhere").symlink_to(tmp_path)
    before, names = Path("in.csv").read_bytes(), files()
    got, complained = run(output)
    assert words in complained
    assert got == status
    assert Path("in.csv").read_bytes() == before
    assert files() == names


@posix
@pytest.mark.parametrize("kind", ["a named pipe", "a character device"])
def test_special_files_are_refused(run: Run, kind: str) -> None:
    # Only ever special files of our own making.
    if kind == "a named pipe":
        os.mkfifo("out.csv")
    else:
        try:
            os.mknod("out.csv", 0o600 | stat.S_IFCHR, os.makedev(511, 77))
        except (PermissionError, AttributeError):
            pytest.skip("making devices is not allowed here")
    Path("link.csv").symlink_to("out.csv")
    for output in ("out.csv", "link.csv"):
        assert run(output) == (1, f"acm-rs: {output} is {kind}, not a regular file; choose another output\n")
        with pytest.raises(Refusal, match=kind):
            write_whole(Path(output), lambda draft: draft.write_text("new"))
    assert files() == {"in.csv", "out.csv", "link.csv"}
    assert not Path("out.csv").is_file()


def test_the_demo_writes_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    Path("plant").mkdir()
    if os.name != "nt":
        os.mkfifo("plant/healthy.csv")
        assert main(["demo", "--folder", "plant"]) == 1
        assert "healthy.csv is a named pipe, not a regular file" in capsys.readouterr().err
        Path("plant/healthy.csv").unlink()
    Path("plant/fan.acm").mkdir()
    assert main(["demo", "--folder", "plant"]) == 1
    assert "fan.acm is a folder" in capsys.readouterr().err


_FULL = """
import resource, sys
from acm_rs.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))
sys.exit(main(["features", "in.csv", "-t", "TS", "-o", sys.argv[1]]))
"""


@posix
@pytest.mark.parametrize("output", ["out.csv", "out.parquet"])
def test_a_full_disk_leaves_what_was_there(output: str) -> None:
    Path(output).write_text("kept")
    done = subprocess.run([sys.executable, "-c", _FULL, output], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"acm-rs: {output} cannot be written: {os.strerror(errno.EFBIG)}\n"
    assert Path(output).read_text() == "kept"
    assert files() == {"in.csv", output}


def test_a_longest_name_has_room_for_its_draft() -> None:
    output = Path("x" * 251 + ".csv")
    assert write_whole(output, lambda draft: draft.write_text("whole")) == 5
    assert output.read_text() == "whole"


def test_outputs_that_do_not_exist_yet_are_fine() -> None:
    check_output(Path("new.csv"), Path("in.csv"))
    check_output(Path("new.parquet"))
    assert files() == {"in.csv"}


def _parts() -> None:
    lines = Path("in.csv").read_text().splitlines(keepends=True)
    Path("part1.csv").write_text("".join(lines[:9]))
    Path("part2.csv").write_text(lines[0] + "".join(lines[9:]))


def _complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(list(arguments))
    return status, capsys.readouterr().err


def test_several_inputs_are_one_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert _complaint(capsys, "features", "in.csv", "-t", "TS", "-o", "whole.csv", "-q") == (0, "")
    whole = Path("whole.csv").read_bytes()
    _parts()
    for inputs in (["part1.csv", "part2.csv"], ["part2.csv", "part1.csv"], ["part?.csv"]):
        assert _complaint(capsys, "features", *inputs, "-t", "TS", "-o", "out.csv", "-q") == (0, "")
        assert Path("out.csv").read_bytes() == whole
    with Path("in.csv").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert _complaint(capsys, "features", "-", "-t", "TS", "-o", "out.csv", "-q") == (0, "")
    assert Path("out.csv").read_bytes() == whole
    assert files() == {"in.csv", "part1.csv", "part2.csv", "whole.csv", "out.csv"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["features", "part1.csv", "part2.csv", "-o", "part2.csv"], "part2.csv is the input too"),
        (["features", "part?.csv", "-o", "./part1.csv"], "part1.csv is the input too"),
        (["features", "*.csv", "-o", "in.csv"], "in.csv is the input too"),
        (["fit", "part1.csv", "part2.csv", "-o", "part2.csv"], "part2.csv is the input too"),
        (["score", "in.csv", "part1.csv", "-o", "in.csv"], "in.csv is the input too"),
        (["score", "in.csv", "part1.csv", "part2.csv", "-o", "part2.csv"], "part2.csv is the input too"),
        (["features", "part1.csv", "none.csv", "-o", "out.csv"], "none.csv: no such file"),
        (["features", "none*.csv", "-o", "out.csv"], "none*.csv: no file matches"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_no_input_of_several_is_overwritten(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    _parts()
    before = {name: Path(name).read_bytes() for name in files()}
    status, complained = _complaint(capsys, *arguments)
    assert status > 0
    assert words in complained
    assert {name: Path(name).read_bytes() for name in files()} == before
