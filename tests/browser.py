"""A headless Chromium that tests look through: pages opened, scripts asked, keys pressed, all by its own protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

__all__ = ["Browser", "chromium"]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 60.0
"""Seconds after which something that is waited for is taken for never coming."""


def chromium() -> str | None:
    """The program, if it is installed and can be talked to."""
    return next(filter(None, map(shutil.which, NAMES)), None) if os.name == "posix" and shutil.which("bash") else None


class Browser:
    """One page at a time, as a person with that screen would see it.

    Parameters
    ----------
    program : str
        Chromium.
    folder : Path
        Where it may keep its files.
    """

    def __init__(self, program: str, folder: Path) -> None:
        # It reads its orders from descriptor 3 and answers on 4.
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()
        command = [
            program,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-extensions", "--disable-background-networking", "--hide-scrollbars"),
            *("--remote-debugging-pipe", f"--user-data-dir={folder}"),
            "about:blank",
        ]
        moved = f'exec "$0" "$@" 3<&{orders} 4>&{answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", moved, *command],
            pass_fds=(orders, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(orders)
        os.close(answers)
        os.set_blocking(self._answers, False)
        self._number = 0
        self._read = b""
        self._session: str | None = None
        self.complaints: list[str] = []
        """Errors and warnings of the page, and what it could not load."""
        self.asked: list[str] = []
        """What the page has fetched."""
        target = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Its children are of its group.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._orders)
        os.close(self._answers)

    # ---- the protocol ---------------------------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give an order and wait for the answer."""
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            order["sessionId"] = self._session
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        answer = self._until(lambda said: said.get("id") == self._number)
        assert "error" not in answer, (method, answer)
        return dict(answer["result"])

    def _until(self, wanted: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while True:
            message, found, rest = self._read.partition(b"\0")
            if not found:
                assert time.monotonic() < end, "the browser does not answer"
                assert self._process.poll() is None, "the browser has ended"
                try:
                    self._read += os.read(self._answers, 1 << 20)
                except BlockingIOError:
                    time.sleep(0.005)
                continue
            self._read = rest
            said: dict[str, Any] = json.loads(message)
            self._hear(said)
            if wanted(said):
                return said

    def _hear(self, said: Mapping[str, Any]) -> None:
        what = said.get("params", {})
        match said.get("method"):
            case "Runtime.exceptionThrown":
                details = what["exceptionDetails"]
                self.complaints.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if what["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(one.get("value", "")) for one in what["args"]))
            case "Log.entryAdded" if what["entry"]["level"] in ("error", "warning"):
                self.complaints.append(what["entry"]["text"])
            case "Network.requestWillBeSent":
                self.asked.append(what["request"]["url"])

    # ---- the page -------------------------------------------------------------------------------------------------

    def screen(self, width: int, height: int, *, touch: bool = False) -> None:
        """Look at it on a screen of that size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)

    def like(self, scheme: str = "light", medium: str = "screen") -> None:
        """Prefer a colour scheme, or print."""
        self.call(
            "Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def open(self, path: Path) -> None:
        """Open a page and wait until it has drawn."""
        self.complaints.clear()
        self.asked.clear()
        self.call("Page.navigate", url=path.as_uri())
        self.wait("document.readyState === 'complete' && document.documentElement.dataset.drawn === 'yes'")

    def ask(self, script: str) -> Any:
        """What a script says, once it is known."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until it is true."""
        end = time.monotonic() + PATIENCE
        while not self.ask(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def key(self, name: str, code: int) -> None:
        """Press a key."""
        text = "\r" if name == "Enter" else ""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, text=text)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press, move and let go."""
        steps = [start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end]
        self._mouse("mouseMoved", start, 0)
        self._mouse("mousePressed", start, 1)
        for place in steps[1:]:
            self._mouse("mouseMoved", place, 1)
        self._mouse("mouseReleased", end, 1)

    def click(self, place: tuple[float, float], count: int = 1) -> None:
        """Press and let go; `count` 2 is the second half of a double click."""
        self._mouse("mouseMoved", place, 0)
        self._mouse("mousePressed", place, 1, count)
        self._mouse("mouseReleased", place, 0, count)

    def _mouse(self, kind: str, place: tuple[float, float], buttons: int, count: int = 1) -> None:
        x, y = place
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=buttons, clickCount=count)

    def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])
