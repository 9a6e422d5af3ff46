"""A broker of MQTT: each message is judged once, also those that came while nobody was there."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acm_rs import Monitor
from acm_rs.files.errors import Refusal
from acm_rs.live.sources.adapter import Adapted
from cli import runner
from live import COLUMNS, Memory, bounded, later, model, watch

mqtt = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed")

from acm_rs.live.sources.mqtt import Broker, _moment  # noqa: E402


class Mosquitto:
    """A broker that can be stopped and started; it forgets then."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._config = program, folder / "mosquitto.conf"
        for _ in range(5):
            # Someone else may take a free port before the broker does.
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = int(free.getsockname()[1])
            self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
            if self._answers():
                return
        raise AssertionError("mosquitto does not start")

    def start(self) -> None:
        assert self._answers(), "mosquitto does not start again"

    def _answers(self) -> bool:
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 30.0
        while time.monotonic() < until and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            time.sleep(0.02)
        self.stop()
        return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def publish(self, messages: list[bytes]) -> None:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        for message in messages:
            client.publish("plant/pump3", message, qos=1).wait_for_publish(5)
        client.disconnect()
        client.loop_stop()

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/plant/#"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    running = Mosquitto(program, tmp_path)
    yield running
    running.stop()


def messages(frame: Any) -> list[bytes]:
    return [
        json.dumps({"time": row["TS"].isoformat() + "Z", **{name: row[name] for name in COLUMNS}}).encode()
        for row in frame.iter_rows(named=True)
    ]


def watched(broker: Mosquitto, keeper: Memory, **settings: Any) -> tuple[Any, list[str]]:
    notes: list[str] = []
    source = Adapted(Path("broker"), Broker(broker.address, "Pump 3", None, True), COLUMNS)
    one = watch(source, keeper, [], notes, **settings)
    one.run()
    return one, notes


def test_messages_are_judged_once_also_those_that_came_meanwhile(broker: Mosquitto) -> None:
    frame, keeper = later()[:120], Memory()
    watched(broker, keeper)
    broker.publish([*messages(frame[:50]), b"rubbish", b"[1, 2]"])
    one, notes = watched(broker, keeper)
    assert (one.counts.rows, one.counts.bad) == (50, 2)
    assert any("no JSON object" in note for note in notes)
    broker.publish(messages(frame[50:]))
    one, _ = watched(broker, keeper)
    assert one.counts.repeated == one.counts.late == 0
    whole = Monitor.from_bytes(model()).score(frame)
    np.testing.assert_array_equal(keeper.scores()[:, 1], whole.scores)


def test_what_was_not_kept_comes_again(broker: Mosquitto) -> None:
    class Crash(BaseException):
        pass

    frame, keeper = later()[:40], Memory()
    watched(broker, keeper)
    broker.publish(messages(frame))
    keeper.fails = [Crash()]
    with pytest.raises(Crash):
        watched(broker, keeper)
    one, _ = watched(broker, keeper)
    assert one.counts.rows == 40
    assert len(keeper.scores()) == 40


def test_the_command_watches_a_broker(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pump.acm").write_bytes(model())
    run = runner(capsys)
    assert run("watch", "pump.acm", broker.address, "--once", "-q")[:2] == (0, "")
    broker.publish(messages(later()))
    status, said, complained = run("watch", "pump.acm", broker.address, "--once")
    assert status == 0
    assert "Bearing Temp reads" in said
    assert "UTC on, still running" in said
    assert complained.startswith("560 rows judged")


def test_numbers_are_times_by_their_size() -> None:
    at = datetime(2026, 1, 11, 10, 0, 0, 500_000, tzinfo=UTC)
    micros = 1_768_125_600_500_000
    for said in (micros / 1e6, micros // 1_000, micros, micros * 1_000):
        assert _moment(said) == at
    assert _moment("2026-01-11") == "2026-01-11"
    assert _moment(True) is True
    assert _moment(1e30) == "1e+30"


def test_what_names_no_broker_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address, words in (
        ("mqtt://host", "mqtt://host/topic"),
        ("mqtt://host:port/x", "mqtt://host/topic"),
        ("mqtt://me:secret@host/x", "ACM_RS_MQTT_PASSWORD"),
    ):
        with pytest.raises(Refusal, match=words) as refused:
            Broker(address, "x")
        assert "secret" not in str(refused.value)
    monkeypatch.setenv("ACM_RS_MQTT_PASSWORD_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(Refusal, match="cannot be read"):
        Broker("mqtt://me@host/x", "x")
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(Refusal, match=r"acm-rs\[mqtt\]"):
        Broker("mqtt://host/x", "x")


def test_a_broker_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acm_rs.live.sources.mqtt._PATIENCE", 0.2)
    source = Broker("mqtt://127.0.0.1:9/x", "x", None, True)
    with pytest.raises(Refusal, match=r"127\.0\.0\.1:9 does not answer within"):
        source.poll(None)
    source.close()


def test_a_broker_that_is_away_is_told_and_waited_for_and_is_no_data() -> None:
    notes: list[str] = []
    with socket.socket() as closed:
        # Bound but not listening: nobody else takes the port.
        closed.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{closed.getsockname()[1]}"
        source = Adapted(Path("broker"), Broker(f"mqtt://{where}/x", "x"), COLUMNS)
        told: list[Any] = []
        one = watch(source, Memory(), told, notes, once=False, interval=0.01, clock=lambda: 10.0 if notes else 0.0)
        one._silence.longest = 10**9
        one.announce = lambda event: (told.append(event), setattr(one, "stopping", True))
        bounded(one).run()
    assert notes == [f"{where} does not answer; waiting"]
    assert [event["kind"] for event in told] == ["no data"]


def test_a_broker_that_goes_and_comes_back_is_told(broker: Mosquitto) -> None:
    notes: list[str] = []
    source = Adapted(Path("broker"), Broker(broker.address, "Pump 3"), COLUMNS)
    one = watch(source, Memory(), [], notes, once=False, interval=0.01)
    until, poll = time.monotonic() + 60.0, source.poll

    def fed() -> Any:
        found = poll()
        if source._adapter._subscribed and not notes and broker._process.poll() is None:
            broker.stop()
        elif len(notes) == 1 and broker._process.poll() is not None:
            broker.start()
        one.stopping = len(notes) == 2 or time.monotonic() > until
        return found

    source.poll = fed  # type: ignore[method-assign]
    one.run()
    where = broker.address.removeprefix("mqtt://").partition("/")[0]
    assert notes == [f"{where} does not answer; waiting", "it goes on"]
