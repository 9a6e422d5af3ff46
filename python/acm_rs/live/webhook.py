"""Events posted to an address: each at least once, in order, tried again for a while, with its identifier."""

from __future__ import annotations

import base64
import http.client
import json
import os
import queue
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acm_rs.files.errors import Refusal

__all__ = ["Webhook", "webhook_of"]

_VARIABLE = "ACM_RS_WEBHOOK"
_TIMEOUT = 10.0
# Of what a receiver answers, these may be otherwise the next time.
_PASSING = frozenset((408, 425, 429))


def webhook_of(said: str | None) -> str | None:
    """The address that ``--webhook`` names: itself, ``@FILE``, or by default the variable ``ACM_RS_WEBHOOK``.

    Raises
    ------
    Refusal
        It is no address of http or https, or holds a password where everyone can read it.
    """
    from_line = said is not None
    text = said if said is not None else os.environ.get(_VARIABLE, "").strip()
    if not text and not from_line:
        return None
    if text.startswith("@"):
        from_line = False
        try:
            text = Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Refusal(f"{text[1:]}, the file that --webhook names, cannot be read: {why}", status=2) from None
    try:
        _target(text)
    except ValueError:
        # What is said of it may hold its password.
        raise Refusal(
            "--webhook must be an address such as https://host/path, or @FILE that holds one; in a user's name or"
            " password % stands as %25, / as %2F, ? as %3F, # as %23",
            status=2,
        ) from None
    parts = urllib.parse.urlsplit(text)
    if from_line and (parts.password or parts.query):
        raise Refusal(
            "--webhook holds what may be a secret, which everyone can read in the list of processes: put the address"
            f" into the environment variable {_VARIABLE}, or into a file and say --webhook @FILE",
            status=2,
        )
    return text


def _target(address: str) -> tuple[str, str, dict[str, str]]:
    """Of an address: what is asked for, in ASCII and without its user; the host; and the user as a header.

    Raises
    ------
    ValueError
        It is none.
    """
    parts = urllib.parse.urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not address.isprintable():
        raise ValueError("not an address of http")
    # Labels of a name in other letters; UnicodeError where one is empty or too long.
    bare = f"[{host}]" if ":" in host else host.encode("idna").decode()
    if not re.fullmatch(r"[\w.-]+|\[[\w.:%]+\]", bare):
        raise ValueError("no host")
    port = "" if parts.port is None else f":{parts.port}"
    path, query = (urllib.parse.quote(part, safe="/%:@!$&'()*+,;=?~") for part in (parts.path, parts.query))
    url = urllib.parse.urlunsplit((parts.scheme, bare + port, path, query, ""))
    if parts.username is None:
        return url, host, {}
    user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return url, host, {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()}


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: most of them turn a post into a question, which any page answers well."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """Posts events, one after the other, beside the watch.

    Parameters
    ----------
    address : str
        Where to; a user and password in it are sent as basic authentication (RFC 7617).
    tries : int, default 20
        How often an event is tried before it is given up.
    shortest, longest : float
        Seconds between tries, doubled from the first to the last: 20 tries take an hour.
    """

    def __init__(self, address: str, tries: int = 20, shortest: float = 1.0, longest: float = 300.0) -> None:
        self._address, where, self._user = _target(address)
        self.where: str = where
        self._tries, self._shortest, self._longest = tries, shortest, longest
        self._opener = urllib.request.build_opener(_Here())
        self._queue: queue.Queue[Mapping[str, Any]] = queue.Queue()
        self._done: queue.Queue[tuple[str, str]] = queue.Queue()
        self._stop = threading.Event()
        self._busy = 0
        self._thread = threading.Thread(target=self._post_all, daemon=True)
        self._thread.start()

    def offer(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Post some events after those that wait."""
        self._busy += len(events)
        for event in events:
            self._queue.put(event)

    def done(self) -> list[tuple[str, str]]:
        """Identifiers of the events that need not be kept any more, each with what is to be said of it, or nothing."""
        found = []
        while True:
            try:
                found.append(self._done.get_nowait())
            except queue.Empty:
                self._busy -= len(found)
                return found

    def wait(self, seconds: float) -> None:
        """Let what waits be posted, for a while."""
        until = time.monotonic() + seconds
        while self._done.qsize() < self._busy and time.monotonic() < until:
            time.sleep(0.01)

    def close(self) -> None:
        """Post no more."""
        self._stop.set()

    def _post_all(self) -> None:
        while not self._stop.is_set():
            try:
                event = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            said = self._deliver(event)
            if said is None:
                return
            self._done.put((event["event"], said))

    def _deliver(self, event: Mapping[str, Any]) -> str | None:
        """What is to be said of an event that is done with; None where the watch ends meanwhile."""
        pause, why = self._shortest, ""
        for _ in range(self._tries):
            try:
                self._post(event)
                return ""
            except urllib.error.HTTPError as error:
                error.close()
                why = f"it answers {error.code}"
                if 300 <= error.code < 400:
                    why += ", which names another address: give --webhook that one"
                    return f"{self.where} does not take event {event['event']}: {why}; it is not posted again"
                if 400 <= error.code < 500 and error.code not in _PASSING:
                    return f"{self.where} does not take event {event['event']}: {why}; it is not posted again"
            except (OSError, http.client.HTTPException) as error:
                if isinstance(error, http.client.InvalidURL):
                    return self._given_up(event, error)
                why = str(getattr(error, "reason", error))
            except ValueError as error:
                return self._given_up(event, error)
            if self._stop.wait(pause):
                return None
            pause = min(2.0 * pause, self._longest)
        return f"{self.where} did not take event {event['event']} in {self._tries} tries ({why}); it is given up"

    def _given_up(self, event: Mapping[str, Any], error: Exception) -> str:
        # What the error says may hold the address.
        what = type(error).__name__
        return f"event {event['event']} cannot be posted to {self.where} ({what}); it is given up"

    def _post(self, event: Mapping[str, Any]) -> None:
        request = urllib.request.Request(
            self._address,
            data=json.dumps(event, allow_nan=False).encode(),
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": str(event["event"]),
                "User-Agent": "acm-rs",
                **self._user,
            },
        )
        with self._opener.open(request, timeout=_TIMEOUT) as answer:
            answer.read()
