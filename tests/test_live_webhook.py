"""Events are posted at least once and in order, through failures of the receiver and restarts of the watch."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from acm_rs.files.errors import Refusal
from acm_rs.live import watch as watching
from acm_rs.live.webhook import Webhook, webhook_of
from live import Memory, later, text_of, watch


class Receiver:
    """Answers as it is told to, and keeps what it has taken."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.usual = 204
        self.taken: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.users: list[str | None] = []
        self.paths: list[str] = []
        self.asked = 0
        own = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                own.asked += 1
                answer = own.answers.pop(0) if own.answers else own.usual
                own.users.append(self.headers["Authorization"])
                own.paths.append(self.path)
                if answer < 300:
                    own.taken.append(body)
                    own.keys.append(self.headers["Idempotency-Key"])
                self.send_response(answer)
                if 300 <= answer < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                own.asked += 1
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/alarms"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def hook(receiver: Receiver, tries: int = 20) -> Webhook:
    return Webhook(receiver.address, tries, 0.01, 0.05)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is posted is posted, however busy the machine is."""
    monkeypatch.setattr(watching, "FAREWELL", 60.0)


def watched(path: Path, keeper: Memory, webhook: Webhook) -> tuple[list[dict[str, Any]], list[str]]:
    told: list[dict[str, Any]] = []
    notes: list[str] = []
    watch(path, keeper, told, notes, webhook=webhook).run()
    return told, notes


def test_each_event_is_posted_once_where_all_goes_well(tmp_path: Path, receiver: Receiver) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    told, notes = watched(path, keeper, hook(receiver))
    assert receiver.taken == told
    assert receiver.keys == [event["event"] for event in told]
    assert not [note for note in notes if "post" in note]


def test_what_the_receiver_does_not_take_now_is_tried_again_and_outlives_a_restart(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    receiver.answers = [503, 429, 204, 500]
    receiver.usual = 503
    webhook = hook(receiver, 1_000)

    def wait(_: float) -> None:
        until = time.monotonic() + 60.0
        while not webhook._done.qsize() and time.monotonic() < until:
            time.sleep(0.01)

    monkeypatch.setattr(webhook, "wait", wait)
    told, _ = watched(path, keeper, webhook)
    assert len(told) > 3
    assert [event["event"] for event in receiver.taken] == [told[0]["event"]]
    # What is on its way when a watch ends may come twice.
    webhook._thread.join(60.0)
    receiver.usual = 204
    again, _ = watched(path, keeper, hook(receiver))
    assert again == []
    assert receiver.taken == told
    asked = receiver.asked
    watched(path, keeper, hook(receiver))
    assert receiver.asked == asked


def test_what_is_never_taken_is_given_up_and_told(tmp_path: Path, receiver: Receiver) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    receiver.answers = [400, 500, 500, 500, 204]
    told, notes = watched(path, keeper, hook(receiver, 3))
    first, second = (event["event"] for event in told[:2])
    assert f"127.0.0.1 does not take event {first}: it answers 400; it is not posted again" in notes
    assert f"127.0.0.1 did not take event {second} in 3 tries (it answers 500); it is given up" in notes
    assert receiver.taken == told[2:]


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_told(tmp_path: Path, receiver: Receiver, answer: int) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    receiver.answers = [answer]
    told, notes = watched(path, keeper, hook(receiver))
    first = told[0]["event"]
    assert (
        f"127.0.0.1 does not take event {first}: it answers {answer}, which names another address: give --webhook that"
        " one; it is not posted again"
    ) in notes
    assert receiver.taken == told[1:]
    assert receiver.asked == len(told)


@pytest.mark.parametrize(
    ("user", "plain"), [("bob:s3cret@", "bob:s3cret"), ("b%40b:s%C3%BC%3A%2Fx@", "b@b:sü:/x"), ("token@", "token:")]
)
def test_a_user_and_password_of_the_address_are_sent_as_basic_authentication(
    tmp_path: Path, receiver: Receiver, user: str, plain: str
) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    (tmp_path / "address").write_text(receiver.address.replace("http://", f"http://{user}"))
    address = webhook_of(f"@{tmp_path / 'address'}")
    assert address is not None
    told, notes = watched(path, keeper, Webhook(address, 3, 0.01, 0.05))
    assert receiver.taken == told
    assert set(receiver.users) == {"Basic " + base64.b64encode(plain.encode()).decode()}
    assert set(receiver.paths) == {"/alarms"}
    assert "s3cret" not in "".join(notes)


def test_addresses_of_any_characters_are_posted_to(tmp_path: Path, receiver: Receiver) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    told, _ = watched(path, keeper, Webhook(f"{receiver.address}/pümpe 3%20b?k=a b&ü=%41#part", 3, 0.01, 0.05))
    assert receiver.taken == told
    assert set(receiver.paths) == {"/alarms/p%C3%BCmpe%203%20b?k=a%20b&%C3%BC=%41"}


def test_an_event_that_cannot_be_posted_is_told_and_does_not_end_the_posting(receiver: Receiver) -> None:
    webhook = hook(receiver)
    webhook.offer([{"event": "a", "peak": float("nan")}, {"event": "b"}])
    webhook.wait(60.0)
    assert webhook.done() == [
        ("a", "event a cannot be posted to 127.0.0.1 (ValueError); it is given up"),
        ("b", ""),
    ]
    assert receiver.taken == [{"event": "b"}]
    webhook.close()


@pytest.mark.parametrize(
    "address",
    [
        "http://bob:s3cret@host:s3cret/x",
        "http://bob:s3cret/@host/x",
        "http://host:99999/x?s3cret",
        "http://[::1/x?s3cret",
        "http://ho st/x?s3cret",
        "http://host/x\n?s3cret",
        "http://host/\x07s3cret",
        f"http://{'long' * 20}.example/s3cret",
        "http://a..b/s3cret",
    ],
)
def test_what_is_no_address_is_refused_without_its_secret(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACM_RS_WEBHOOK", address)
    with pytest.raises(Refusal, match="--webhook must be an address such as") as refused:
        webhook_of(None)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_nobody_listens_and_the_spool_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, keeper = tmp_path / "fan.csv", Memory()
    path.write_bytes(text_of(later()))
    monkeypatch.setattr(watching, "SPOOL", 2)
    monkeypatch.setattr(watching, "FAREWELL", 0.1)
    told, notes = watched(path, keeper, Webhook("http://127.0.0.1:9/", 1_000, 0.01, 0.05))
    assert f"{len(told) - 2} events have waited too long to be posted, and are given up" in notes


def test_addresses_hold_no_secrets_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACM_RS_WEBHOOK", raising=False)
    assert webhook_of(None) is None
    assert webhook_of("https://host/alarms") == "https://host/alarms"
    for text in ("https://me:secret@host/x", "https://host/x?token=secret"):
        with pytest.raises(Refusal, match=r"may be a secret.*ACM_RS_WEBHOOK.*@FILE") as refused:
            webhook_of(text)
        assert "secret@" not in str(refused.value)
        (tmp_path / "address").write_text(text + "\n")
        assert webhook_of(f"@{tmp_path / 'address'}") == text
        monkeypatch.setenv("ACM_RS_WEBHOOK", text)
        assert webhook_of(None) == text
    for text, words in (("ftp://host/x", "must be an address"), ("", "must be"), ("@nowhere", "cannot be read")):
        with pytest.raises(Refusal, match=words):
            webhook_of(text)
