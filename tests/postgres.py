"""A PostgreSQL server of one's own, where it is installed: on a socket in a temporary folder, gone with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

_PLACES = ["/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin"]


def _program(name: str) -> str | None:
    found = [str(path) for place in _PLACES for path in sorted(Path("/").glob(f"{place[1:]}/{name}"))]
    return found[-1] if found else shutil.which(name)


class Server:
    """A server that can be stopped and started."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder, self._user = folder, user
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"postgresql+psycopg://postgres@/postgres?host={quote(str(folder))}"

    def start(self) -> None:
        program = _program("postgres")
        assert program is not None
        # It answers on a socket alone, and need not outlive a power cut.
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}", "-F"]
        self._process = subprocess.Popen(
            [program, "-D", str(self.folder / "data"), *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
        )
        until = time.monotonic() + 60.0
        while time.monotonic() < until and self._process.poll() is None:
            pid = self.folder / "data" / "postmaster.pid"
            if pid.exists() and pid.read_text().rstrip().endswith("ready"):
                return
            time.sleep(0.05)
        raise AssertionError("PostgreSQL does not start")

    def stop(self, at_once: bool = False) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self._process.wait(30)


@pytest.fixture(scope="session")
def server() -> object:
    """A server; the test is skipped where there is none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    initdb = _program("initdb")
    if os.name == "nt" or initdb is None or _program("postgres") is None:
        pytest.skip("PostgreSQL is not installed")
    user = None
    # Not below the folder of the tests, whose name may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="acm-pg-", dir="/tmp") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            # It refuses to run as root.
            user = "postgres" if subprocess.run(["id", "postgres"], capture_output=True).returncode == 0 else "nobody"
            shutil.chown(folder, user)
        made = subprocess.run(
            [initdb, "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            capture_output=True,
            user=user,
            check=False,
        )
        if made.returncode:
            pytest.skip(f"PostgreSQL does not start here: {made.stderr.decode().strip()[-200:]}")
        running = Server(folder, user)
        try:
            running.start()
        except AssertionError as error:
            running.stop(at_once=True)
            pytest.skip(f"{error} here")
        yield running
        # Nothing of it is needed any more.
        running.stop(at_once=True)
