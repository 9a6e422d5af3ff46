"""``acm-rs dropins install``: into a checkout of ACM, and out again."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import acm_rs
import pytest
from acm_rs.cli import dropins
from cli import Run, runner

pytest.importorskip("pandas")

ALL = {
    "ar1_detector.py",
    "correlation.py",
    "drift.py",
    "fast_features.py",
    "omr.py",
    "outliers.py",
    "regime_clustering.py",
}
THEIRS = ALL - {"regime_clustering.py"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder as ACM's is, with other words in its files."""
    core = tmp_path / "ACM" / "core"
    core.mkdir(parents=True)
    (core / "__init__.py").touch()
    for name in THEIRS:
        (core / name).write_text(f"# ACM's own {name}\n")
    (core / "fuse.py").write_text("# not replaced\n")
    return core.parent


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix != ".pyc" and path.is_file()
    }


def test_what_is_carried_is_what_the_tests_test() -> None:
    """A wheel that lacks one, or holds an old one, fails here."""
    source = Path(__file__).resolve().parents[1] / "core"
    carried = dropins._carried()
    assert set(carried) == ALL
    assert carried == {name: (source / name).read_bytes() for name in ALL}


@pytest.mark.parametrize("given", [".", "core"])
def test_in_and_out_again(given: str, checkout: Path, run: Run) -> None:
    before = contents(checkout)
    status, said, complained = run("dropins", "install", str(checkout / given))
    assert (status, complained) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in said.splitlines())
    assert set(lines) == {f"core/{name}" for name in ALL}
    assert lines["core/omr.py"] == "installed, ACM's is kept as omr.py.before-acm-rs; served by rust"
    assert lines["core/regime_clustering.py"] == "installed, new; served by rust"
    assert not list(checkout.rglob("__pycache__"))
    for name, content in dropins._carried().items():
        assert (checkout / "core" / name).read_bytes() == content
    assert (checkout / "core" / "fuse.py").read_text() == "# not replaced\n"
    status, said, _ = run("dropins", "install", str(checkout / given), "--undo")
    assert status == 0
    assert "ACM's is back" in said
    assert contents(checkout) == before


def test_twice_keeps_what_acm_had(checkout: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(checkout)
    run("dropins", "install", str(checkout))
    newer = {name: content + b"# newer\n" for name, content in dropins._carried().items()}
    monkeypatch.setattr(dropins, "_carried", lambda: newer)
    _, said, _ = run("dropins", "install", str(checkout))
    assert said.count("renewed") == len(ALL)
    assert (checkout / "core" / "omr.py").read_bytes() == newer["omr.py"]
    run("dropins", "install", str(checkout), "--undo")
    assert contents(checkout) == before


def test_some_of_them(checkout: Path, run: Run) -> None:
    before = contents(checkout)
    status, said, _ = run("dropins", "install", str(checkout), "--only", "omr.py", "--only", "drift.py", "--json")
    assert status == 0
    told = json.loads(said)
    assert set(told["files"]) == {"omr.py", "drift.py"}
    assert told["backends"] == {"omr.py": "rust", "drift.py": "rust"}
    assert told["fault"] is None
    run("dropins", "install", str(checkout), "--undo", "--only", "omr.py")
    assert (checkout / "core" / "omr.py").read_bytes() == before[str(Path("core/omr.py"))]
    assert (checkout / "core" / "drift.py").read_bytes() == dropins._carried()["drift.py"]
    status, _, complained = run("dropins", "install", str(checkout), "--undo", "--only", "omr.py")
    assert (status, "omr.py was not installed" in complained) == (2, True)
    run("dropins", "install", str(checkout), "--undo")
    assert contents(checkout) == before


def test_what_was_changed_stays(checkout: Path, run: Run) -> None:
    run("dropins", "install", str(checkout))
    edited = checkout / "core" / "omr.py"
    edited.write_text("# mine\n")
    now = contents(checkout)
    status, _, complained = run("dropins", "install", str(checkout))
    assert (status, f"since the drop-ins were installed: {edited}; if by a newer ACM" in complained) == (1, True)
    assert contents(checkout) == now
    status, said, _ = run("dropins", "install", str(checkout), "--undo")
    assert status == 0
    assert "was changed since: left as it is, ACM's earlier one is kept as omr.py.before-acm-rs.1" in said
    assert edited.read_text() == "# mine\n"
    assert (checkout / "core" / "omr.py.before-acm-rs.1").read_text() == "# ACM's own omr.py\n"
    assert (checkout / "core" / "drift.py").read_text() == "# ACM's own drift.py\n"
    # Nothing is stuck: the way in and out is open again, and the old backup stays.
    assert run("dropins", "install", str(checkout))[0] == 0
    assert run("dropins", "install", str(checkout), "--undo")[0] == 0
    assert edited.read_text() == "# mine\n"
    assert (checkout / "core" / "omr.py.before-acm-rs.1").read_text() == "# ACM's own omr.py\n"


def test_a_newer_acm(checkout: Path, run: Run) -> None:
    """Twice a pull overwrites a drop-in, once also one that ACM had none of; every version stays."""
    core = checkout / "core"
    run("dropins", "install", str(checkout))
    for version in (2, 3):
        for name in ("omr.py", "regime_clustering.py"):
            (core / name).write_text(f"# ACM's own {name}, version {version}\n")
        status, _, complained = run("dropins", "install", str(checkout))
        assert (status, f"{core / 'omr.py'}, {core / 'regime_clustering.py'}; if by" in complained) == (1, True)
        status, said, _ = run("dropins", "install", str(checkout), "--force")
        assert status == 0
        lines = dict(line.split(maxsplit=1) for line in said.splitlines())
        before = f"omr.py.before-acm-rs.{version - 1}"
        assert lines["core/omr.py"] == (
            f"renewed, ACM's is kept as omr.py.before-acm-rs, the one before as {before}; served by rust"
        )
        assert lines["core/drift.py"] == "renewed, ACM's is kept as drift.py.before-acm-rs; served by rust"
        assert (core / "omr.py").read_bytes() == dropins._carried()["omr.py"]
    assert (core / "omr.py.before-acm-rs.1").read_text() == "# ACM's own omr.py\n"
    assert (core / "omr.py.before-acm-rs.2").read_text() == "# ACM's own omr.py, version 2\n"
    assert (
        core / "regime_clustering.py.before-acm-rs.1"
    ).read_text() == "# ACM's own regime_clustering.py, version 2\n"
    assert run("dropins", "install", str(checkout), "--undo")[0] == 0
    for name in ("omr.py", "regime_clustering.py"):
        assert (core / name).read_text() == f"# ACM's own {name}, version 3\n"
    assert (core / "drift.py").read_text() == "# ACM's own drift.py\n"
    assert not (core / "acm-rs-dropins.json").exists()


def test_what_acm_has_by_now_is_not_removed(checkout: Path, run: Run) -> None:
    """ACM had none of it at first; its own one, kept by --force, is gone from beside it."""
    run("dropins", "install", str(checkout), "--only", "regime_clustering.py")
    ours = checkout / "core" / "regime_clustering.py"
    ours.write_text("# ACM's own\n")
    run("dropins", "install", str(checkout), "--only", "regime_clustering.py", "--force")
    ours.with_name("regime_clustering.py.before-acm-rs").unlink()
    assert "left as it is" in run("dropins", "install", str(checkout), "--undo")[1]
    assert ours.is_file()


def test_a_record_or_a_backup_that_is_gone(checkout: Path, run: Run) -> None:
    core = checkout / "core"
    before = contents(checkout)
    run("dropins", "install", str(checkout))
    (core / "acm-rs-dropins.json").unlink()
    status, said, _ = run("dropins", "install", str(checkout))
    assert (status, "core/regime_clustering.py  is there already, as ACM's own" in said) == (0, True)
    run("dropins", "install", str(checkout), "--undo")
    (core / "regime_clustering.py").unlink()
    assert contents(checkout) == before
    run("dropins", "install", str(checkout))
    (core / "omr.py.before-acm-rs").unlink()
    status, said, _ = run("dropins", "install", str(checkout), "--undo")
    assert (status, "left as it is: omr.py.before-acm-rs is gone" in said) == (0, True)
    assert (core / "omr.py").read_bytes() == dropins._carried()["omr.py"]
    (core / "drift.py.before-acm-rs").write_text("# whose?\n")
    status, _, complained = run("dropins", "install", str(checkout))
    assert (status, f"no record of how this got here: {core / 'drift.py.before-acm-rs'}; put" in complained) == (
        1,
        True,
    )
    assert run("dropins", "install", str(checkout), "--force")[0] == 0
    assert (core / "drift.py.before-acm-rs.1").read_text() == "# whose?\n"
    assert (core / "drift.py.before-acm-rs").read_text() == "# ACM's own drift.py\n"


def test_undo_takes_no_force(checkout: Path, run: Run) -> None:
    run("dropins", "install", str(checkout))
    status, _, complained = run("dropins", "install", str(checkout), "--undo", "--force")
    assert (status, "--force is for installing" in complained) == (2, True)


def test_an_import_that_does_not_end(checkout: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does what it started, which holds its output open."""
    monkeypatch.setattr(dropins, "_PATIENCE", 2.0)
    hang = "import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])\n"
    (checkout / "core" / "__init__.py").write_text(hang + "time.sleep(60)\n")
    started = time.monotonic()
    status, said, _ = run("dropins", "install", str(checkout), "--only", "omr.py")
    assert time.monotonic() - started < 20.0
    assert (status, "cannot be told in this Python: no answer in 2 seconds" in said) == (0, True)


def test_an_import_that_goes_on(checkout: Path, run: Run) -> None:
    """A thread of it is not waited for, and questions have no answer."""
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=[300]).start()\n"
    (checkout / "core" / "__init__.py").write_text(thread)
    assert run("dropins", "install", str(checkout), "--only", "omr.py")[1].endswith("served by rust\n")
    (checkout / "core" / "__init__.py").write_text("input()\n")
    _, said, _ = run("dropins", "install", str(checkout), "--only", "omr.py")
    assert "cannot be told in this Python: EOFError" in said


def test_a_git_checkout_may_put_acms_back(checkout: Path, run: Run) -> None:
    before = contents(checkout)
    run("dropins", "install", str(checkout))
    (checkout / "core" / "omr.py").write_text("# ACM's own omr.py\n")
    assert run("dropins", "install", str(checkout))[0] == 0
    (checkout / "core" / "drift.py").write_text("# ACM's own drift.py\n")
    run("dropins", "install", str(checkout), "--undo")
    assert contents(checkout) == before


def test_other_folders_are_refused(tmp_path: Path, checkout: Path, run: Run) -> None:
    for arguments, words in (
        ([str(tmp_path)], "is no checkout of ACM"),
        ([str(tmp_path / "nowhere")], "is no checkout of ACM"),
        ([str(checkout), "--undo"], "no drop-ins were installed in"),
        ([str(checkout), "--only", "fuse.py"], "no drop-in is called fuse.py; there are ar1_detector.py"),
    ):
        status, said, complained = run("dropins", "install", *arguments)
        assert status in (1, 2)
        assert said == ""
        assert words in complained
    backup = checkout / "core" / "omr.py.before-acm-rs"
    backup.touch()
    assert "no record of how" in run("dropins", "install", str(checkout))[2]
    backup.unlink()
    record = checkout / "core" / "acm-rs-dropins.json"
    for damaged in ("{", "[]", '{"files": 3}'):
        record.write_text(damaged)
        assert "is damaged" in run("dropins", "install", str(checkout))[2]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever may write everywhere is not refused")
def test_a_folder_that_cannot_be_written(checkout: Path, run: Run) -> None:
    (checkout / "core").chmod(0o500)
    status, _, complained = run("dropins", "install", str(checkout))
    (checkout / "core").chmod(0o700)
    assert (status, "cannot write" in complained) == (1, True)


def test_a_disk_that_is_full(checkout: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(checkout)

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(dropins, "_write", full)
    status, _, complained = run("dropins", "install", str(checkout))
    assert (status, "No space left on device" in complained) == (1, True)
    assert contents(checkout) == before


def test_what_acm_prints_is_not_an_answer(checkout: Path, run: Run) -> None:
    """It prints at its import and at its end, and colours what anybody prints."""
    talk = (
        "import atexit, sys\nprint('[12:00] ready')\natexit.register(print, '[12:01] done')\n"
        "plain = sys.stdout.write\nsys.stdout.write = lambda text: plain('\\x1b[33m' + text + '\\x1b[0m')\n"
    )
    (checkout / "core" / "__init__.py").write_text(talk)
    status, said, _ = run("dropins", "install", str(checkout), "--only", "omr.py")
    assert status == 0
    assert said.endswith("served by rust\n")


def test_where_they_cannot_be_imported(checkout: Path, run: Run) -> None:
    (checkout / "core" / "__init__.py").write_text("raise ImportError('no database')\n")
    status, said, _ = run("dropins", "install", str(checkout))
    assert status == 0
    assert "which backend serves cannot be told in this Python: ImportError: no database" in said
    (checkout / "core" / "__init__.py").write_text("raise SystemExit(3)\n")
    assert "in this Python: no reason given, exit status 3" in run("dropins", "install", str(checkout))[1]


def test_an_installation_without_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(acm_rs, "__file__", str(tmp_path / "a" / "b" / "acm_rs" / "__init__.py"))
    assert "carries no drop-ins" in run("dropins", "install", str(tmp_path))[2]
