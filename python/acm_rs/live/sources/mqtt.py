"""Rows that a broker of MQTT hands out: one JSON object for each row, acknowledged when it has been judged and kept."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import time
import urllib.parse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from acm_rs.files.errors import Refusal, quoted
from acm_rs.live.sources.adapter import Reading

__all__ = ["Broker"]

_PASSWORD = "ACM_RS_MQTT_PASSWORD"
_TIMES = ("time", "timestamp", "ts", "t", "datetime", "date")
_MANY = 5_000
_QUIET = 1.0
"""Seconds without a message after which one that is read once has been read."""
_PATIENCE = 10.0
# Seconds, and thousandths of them and so on, since 1970: by their size, from 2001 to 5138.
_UNITS = ((1e11, 1), (1e14, 10**3), (1e17, 10**6), (1e20, 10**9))


class Broker:
    """An adapter for a broker of MQTT.

    Parameters
    ----------
    address : str
        Such as ``mqtt://user@host:1883/plant/pump3``: the path is the topic, which may hold ``+`` and ``#``. With
        ``mqtts`` the connection is encrypted. The password is in the environment variable ACM_RS_MQTT_PASSWORD, or in
        the file that ACM_RS_MQTT_PASSWORD_FILE names.
    name : str
        The watch's name: the broker keeps messages for it while it is away.
    time_column : str, optional
        The key of the time; the first of time, timestamp, ts, t, datetime and date that is there where None. Where
        there is none, the time is that of arrival.
    once : bool
        Wait for what the broker has kept.
    """

    def __init__(self, address: str, name: str, time_column: str | None = None, once: bool = False) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ModuleNotFoundError:
            raise Refusal('MQTT needs paho-mqtt: pip install "acm-rs[mqtt]"', status=2) from None
        try:
            parts = urllib.parse.urlsplit(address)
            port = parts.port
        except ValueError:
            parts, port = urllib.parse.urlsplit(""), None
        # A topic may hold what begins a fragment elsewhere.
        self._topic = urllib.parse.unquote(parts.path.removeprefix("/")) + (
            "#" if address.endswith("#") else f"#{parts.fragment}" if parts.fragment else ""
        )
        if not parts.hostname or not self._topic:
            raise Refusal("a broker must be named as mqtt://host/topic", status=2)
        if parts.password:
            raise Refusal(
                "mqtt:// holds a password, which everyone can read in the list of processes: put it into the"
                f" environment variable {_PASSWORD}, or into a file that {_PASSWORD}_FILE names",
                status=2,
            )
        self.where: str = f"{parts.hostname}:{port or (8883 if parts.scheme == 'mqtts' else 1883)}"
        self._keys = _TIMES if time_column is None else (time_column,)
        self._named, self._once = time_column is not None, once
        self._messages: queue.Queue[Any] = queue.Queue()
        self._given: list[Any] = []
        self._error = ""
        self.idle: str = ""
        """What is told while there is no connection."""
        self._subscribed = False
        identity = "acm-rs-" + hashlib.sha256(f"{name}\n{address}".encode()).hexdigest()[:12]
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=identity, clean_session=False, manual_ack=True)
        if parts.username:
            self._client.username_pw_set(urllib.parse.unquote(parts.username), _password())
        if parts.scheme == "mqtts":
            self._client.tls_set()
        self._client.on_connect = self._connected
        self._client.on_connect_fail = lambda *_: self._away()
        self._client.on_disconnect = lambda *_: self._away()
        self._client.on_subscribe = self._taken
        self._client.on_message = lambda _client, _data, message: self._messages.put(message)
        self._client.reconnect_delay_set(1, 30)
        self._client.connect_async(parts.hostname, port or (8883 if parts.scheme == "mqtts" else 1883))
        self._client.loop_start()

    def _connected(self, client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._error = f"{self.where} does not let us in: {reason}"
        else:
            self.idle = ""
            # A session that the broker has kept knows it already; to ask again does no harm.
            client.subscribe(self._topic, qos=1)

    def _away(self) -> None:
        self.idle = f"{self.where} does not answer"

    def _taken(self, _client: Any, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self._error = f"{self.where} does not give the topic {quoted(self._topic)}"
        self._subscribed = True

    def poll(self, _position: Any) -> tuple[list[Reading], None]:
        """The rows that have come; those of the call before have been kept, and are acknowledged now."""
        for message in self._given:
            self._client.ack(message.mid, message.qos)
        self._given = []
        if self._once and not self._subscribed:
            self._await()
        if self._error:
            raise Refusal(self._error)
        rows: list[Reading] = []
        while len(self._given) < _MANY:
            try:
                message = self._messages.get(timeout=_QUIET if self._once and not rows else 0.01)
            except queue.Empty:
                break
            self._given.append(message)
            rows.append(self._row(message.payload))
        return rows, None

    def _await(self) -> None:
        until = time.monotonic() + _PATIENCE
        while not (self._subscribed or self._error):
            if time.monotonic() > until:
                raise Refusal(f"{self.where} does not answer within {_PATIENCE:.0f} seconds")
            time.sleep(0.02)

    def _row(self, payload: bytes) -> Reading:
        try:
            told = json.loads(payload)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            return f"{payload[:60]!r}, which is no JSON object with a time,", {}
        key = next((key for key in self._keys if key in told), None)
        if key is None:
            return (f"a message without {quoted(self._keys[0])}", {}) if self._named else (datetime.now(UTC), told)
        return _moment(told.pop(key)), told

    def close(self) -> None:
        """Leave the broker; it keeps what comes meanwhile."""
        self._client.disconnect()
        self._client.loop_stop()


def _moment(said: Any) -> Any:
    """A number as a time; everything else as it is."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return said
    unit = next((unit for most, unit in _UNITS if abs(said) < most), None)
    if unit is None:
        return str(said)
    micros = said * 10**6 // unit if isinstance(said, int) else round(said / unit * 1e6)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _password() -> str | None:
    path = os.environ.get(f"{_PASSWORD}_FILE")
    if not path:
        return os.environ.get(_PASSWORD)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refusal(
            f"{path}, the file of the password, cannot be read: {error.strerror or error}", status=2
        ) from None
