"""Files of models: whole or not at all, permissions kept, links followed, and nothing but regular files."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import acm_rs
import numpy as np
import pytest

posix = pytest.mark.skipif(os.name == "nt", reason="permissions, links and special files as POSIX has them")
MODEL = acm_rs.Cusum(5.0, 0.5, target=[1.0, 2.0])
OTHER = acm_rs.Cusum(6.0, 0.5)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


# ---- permissions ----------------------------------------------------------------------------------------------------


@posix
@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o666, 0o777, 0o200, 0o1644])
def test_permissions_are_kept(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "model"
    OTHER.save(path)
    assert _mode(path) == 0o640
    path.chmod(mode)
    MODEL.save(path)
    assert _mode(path) == mode
    path.chmod(0o600)
    assert acm_rs.Cusum.load(path) == MODEL
    assert files(tmp_path) == {"model"}


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_owner_and_group_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.touch()
    os.chown(path, 12345, 23456)
    path.chmod(0o640)
    MODEL.save(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, _mode(path)) == (12345, 23456, 0o640)


_NOBODY = """
import os, sys
import acm_rs
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    acm_rs.Cusum(5.0, 0.5).save(sys.argv[1])
except OSError as error:
    print(type(error).__name__, error.errno, error.filename == sys.argv[1], "acm_rs-" in str(error))
"""


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser becomes another")
@pytest.mark.parametrize("case", ["a file to read", "a folder to read", "a folder of another", "a file of another"])
def test_without_permission(case: str) -> None:
    # Not below pytest's folder, which is closed to others.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        path = folder / "model"
        path.write_bytes(b"before")
        path.chmod(0o444 if case == "a file to read" else 0o666)
        if case == "a folder to read":
            folder.chmod(0o755)
        if case == "a folder of another":
            folder.chmod(0o700)
        done = subprocess.run(
            [sys.executable, "-c", _NOBODY, str(path)], capture_output=True, text=True, cwd="/", check=False
        )
        assert done.stderr == ""
        if case == "a file of another":
            # It may be written, but neither owner nor group can be kept: the new group gets what everybody has.
            assert done.stdout == ""
            assert (path.stat().st_uid, _mode(path)) == (65534, 0o666)
        else:
            assert done.stdout == f"PermissionError {errno.EACCES} True False\n"
            assert path.read_bytes() == b"before"
        assert files(folder) == {"model"}


# ---- links ----------------------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_links_are_followed(exists: bool, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "links").mkdir()
    target = tmp_path / "real" / "model"
    if exists:
        target.write_bytes(b"before")
        target.chmod(0o600)
    (tmp_path / "links" / "absolute").symlink_to(target)
    (tmp_path / "links" / "second").symlink_to("../real/model")
    (tmp_path / "links" / "first").symlink_to("second")
    (tmp_path / "folder").symlink_to("links")
    for name in ("links/absolute", "links/second", "links/first", "folder/first"):
        MODEL.save(tmp_path / name)
        assert (tmp_path / name).is_symlink()
        assert acm_rs.Cusum.load(tmp_path / name) == acm_rs.Cusum.load(target) == MODEL
        if exists:
            assert _mode(target) == 0o600
        else:
            target.unlink()
            with pytest.raises(FileNotFoundError):
                acm_rs.Cusum.load(tmp_path / name)
    assert files(tmp_path / "links") == {"absolute", "second", "first"}
    assert files(tmp_path / "real") == ({"model"} if exists else set())


@posix
def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "self").symlink_to("self")
    for number in range(60):
        (tmp_path / f"link{number}").symlink_to(f"link{number + 1}")
    (tmp_path / "lost").symlink_to("missing/model")
    before = files(tmp_path)
    for name, number in (("one", errno.ELOOP), ("self", errno.ELOOP), ("link0", errno.ELOOP), ("lost", errno.ENOENT)):
        for call in (MODEL.save, acm_rs.Cusum.load):
            with pytest.raises(OSError, match=name) as caught:
                call(str(tmp_path / name))
            assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / name))
    assert files(tmp_path) == before


# ---- what is no regular file ----------------------------------------------------------------------------------------

_TRIED = """
import sys
import acm_rs
for call in (acm_rs.Cusum(5.0, 0.5).save, acm_rs.Cusum.load):
    try:
        call(sys.argv[1])
    except OSError as error:
        print(type(error).__name__, error.errno, error.strerror, error.filename == sys.argv[1], sep="|")
"""


def _tried(path: Path) -> list[str]:
    # In a process of its own: who opens a pipe may wait for ever.
    done = subprocess.run(
        [sys.executable, "-c", _TRIED, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


@posix
@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("kind", ["a named pipe", "a socket", "a character device", "a block device"])
def test_special_files_are_refused(kind: str, linked: bool, tmp_path: Path) -> None:
    # Only ever special files of our own making: a save over a real device would be the end of it.
    path = tmp_path / "special"
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path.name)
        finally:
            os.chdir(here)
    else:
        try:
            # Numbers that no driver has.
            os.mknod(
                path, 0o600 | (stat.S_IFCHR if kind == "a character device" else stat.S_IFBLK), os.makedev(511, 77)
            )
        except (PermissionError, AttributeError):
            pytest.skip("making devices is not allowed here")
    before = path.lstat()
    if linked:
        (tmp_path / "link").symlink_to("special")
    given = tmp_path / ("link" if linked else "special")
    assert _tried(given) == [f"OSError|{errno.EINVAL}|is {kind}, not a regular file|True"] * 2
    assert path.lstat().st_ino == before.st_ino
    assert files(tmp_path) == ({"special", "link"} if linked else {"special"})


@posix
def test_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    for name in ("folder", "folder/", "link", "link/", "folder/.", "folder/..", "."):
        for call in (MODEL.save, acm_rs.Cusum.load):
            with pytest.raises(IsADirectoryError) as caught:
                call(f"{tmp_path}/{name}")
            assert (caught.value.errno, caught.value.filename) == (errno.EISDIR, f"{tmp_path}/{name}")
    with pytest.raises(IsADirectoryError):
        MODEL.save(f"{tmp_path}/new/")
    assert files(tmp_path) == {"folder", "link"}


# ---- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error", "number"),
    [
        ("missing/model", FileNotFoundError, errno.ENOENT),
        pytest.param("missing/../model", FileNotFoundError, errno.ENOENT, marks=posix),
        ("missing/", FileNotFoundError, errno.ENOENT),
        pytest.param("file/model", NotADirectoryError, errno.ENOTDIR, marks=posix),
        pytest.param("file/", NotADirectoryError, errno.ENOTDIR, marks=posix),
        pytest.param("x" * 300, OSError, errno.ENAMETOOLONG, marks=posix),
    ],
)
def test_errors_keep_number_and_path(name: str, error: type[OSError], number: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    path = f"{tmp_path}/{name}"
    calls = [acm_rs.Cusum.load] if name == "missing/" else [MODEL.save, acm_rs.Cusum.load]
    for call in calls:
        for given in (path, *([] if path.endswith("/") else [Path(path)])):
            with pytest.raises(error) as caught:
                call(given)
            assert type(caught.value) is error
            assert (caught.value.errno, caught.value.filename) == (number, os.fspath(given))
            assert "acm_rs-" not in str(caught.value)
    assert files(tmp_path) == {"file"}
    assert (tmp_path / "file").read_bytes() == b"before"


def test_relative_paths_are_named_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MODEL.save("model")
    MODEL.save("./model")
    MODEL.save(Path("model"))
    assert acm_rs.Cusum.load("model") == MODEL
    assert files(tmp_path) == {"model"}
    for name in ("missing/model", ""):
        for call in (MODEL.save, acm_rs.Cusum.load):
            with pytest.raises(FileNotFoundError) as caught:
                call(name)
            assert caught.value.filename == name
    assert files(tmp_path) == {"model"}


class _Broken:
    def __fspath__(self) -> str:
        raise ZeroDivisionError("own words")


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        (5, TypeError, "`path` must be a str or a path-like object, got int"),
        (None, TypeError, "`path` must be a str or a path-like object, got NoneType"),
        (b"model", TypeError, "`path` must be a str or a path-like object, got bytes"),
        ("a\0b", ValueError, r"`path` must be a name without null characters, got 'a\\x00b'"),
        ("a\ud800b", ValueError, r"`path` must be a name that the file system can hold, got 'a\\ud800b'"),
        (_Broken(), ZeroDivisionError, "own words"),
    ],
)
def test_what_is_no_path_is_named(path: Any, error: type[Exception], words: str) -> None:
    if os.name == "nt" and path == "a\ud800b":
        pytest.skip("a name like any other on Windows")
    for call in (MODEL.save, acm_rs.Cusum.load):
        with pytest.raises(error, match=words):
            call(path)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text, as Linux has them")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = str(tmp_path / "caf\udce9")
    MODEL.save(path)
    assert acm_rs.Cusum.load(path) == MODEL
    with pytest.raises(FileNotFoundError) as caught:
        acm_rs.Cusum.load(path + "s")
    assert caught.value.filename == path + "s"


# ---- whole or not at all --------------------------------------------------------------------------------------------

_FULL = """
import resource, sys
import acm_rs, numpy as np
big = acm_rs.Cusum(5.0, 0.5, target=np.zeros(100_000))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    big.save(sys.argv[1])
except OSError as error:
    print(error.errno, error.filename == sys.argv[1])
"""


@posix
@pytest.mark.parametrize("exists", [True, False])
def test_what_does_not_fit_leaves_what_was_there(exists: bool, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if exists:
        OTHER.save(path)
    done = subprocess.run([sys.executable, "-c", _FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"{errno.EFBIG} True\n"
    assert files(tmp_path) == ({"model"} if exists else set())
    if exists:
        assert acm_rs.Cusum.load(path) == OTHER


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer's signal")
def test_an_interrupted_save_leaves_a_whole_file(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(number: int, frame: object) -> None:
        raise Stopped

    path = tmp_path / "model"
    models = [acm_rs.Cusum(5.0, 0.5, target=np.full(2_000_000, float(level))) for level in range(2)]
    models[0].save(path)
    before = signal.signal(signal.SIGALRM, stop)
    try:
        for number in range(20):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.002 * number + 0.001)
                models[number % 2].save(path)
                acm_rs.Cusum.load(path)
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            except Stopped:
                pass
            assert files(tmp_path) == {"model"}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert acm_rs.Cusum.load(path) in models
