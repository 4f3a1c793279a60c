"""The packet reader: which requests are packets. How others are turned away is in `test_endpoint`.

Spec: CloudSMS Platform Server. Reading: R2.
"""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from starlette.types import Message, Scope

from cloudsms_simulator.services.endpoint import BodyLimits, PacketReader

LIMIT = 100


class Told:
    """In place of the journal: what it was told, by rule."""

    def __init__(self) -> None:
        self.rules: list[str] = []

    def foreign(self, _body: bytes) -> None:
        """No packet of UIP v2."""

    async def note(self, _kind: str, _arrival: object, finding: SimpleNamespace, *_more: object) -> None:
        self.rules.append(finding.rule)


def request(
    body: bytes = b"{}", method: str = "POST", path: str = "/dave/io", *, more: bool = False, gone: bool = False
) -> SimpleNamespace:
    head = SimpleNamespace(method=method, path=path)
    head = SimpleNamespace(method=method, path=path)
    return SimpleNamespace(head=head, body=body, more_body=more, disconnected=gone)


def door(told: Told | None = None) -> PacketReader:
    return PacketReader(told or Told(), BodyLimits(LIMIT, timedelta(seconds=9)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("waiting", "is_open"),
    [
        (request(), True),
        (request(b""), True),
        (request(b"x" * LIMIT), True),
        (request(b"x" * (LIMIT + 1)), False),
        (request(method="PUT"), False),
        (request(path="/dave/io/"), False),
        (request(more=True), False),
        (request(gone=True), False),
    ],
)
def test_it_is_open_to_whole_packets(waiting: SimpleNamespace, *, is_open: bool) -> None:
    assert door().is_packet(waiting) is is_open  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "sent", "body", "rules"),
    [
        ("POST", "/dave/io", b"x" * LIMIT, b"x" * LIMIT, []),
        ("POST", "/dave/io", b"x" * (LIMIT + 1), None, ["body-too-large"]),
        ("GET", "/dave/io", b"", None, ["http-method-wrong"]),
        ("POST", "/", b"{}", None, ["path-wrong"]),
        ("GET", "/", b"", None, ["path-wrong"]),
    ],
)
def test_the_body_of_a_packet_gets_in_and_what_is_none_is_told_of_once(
    method: str, path: str, sent: bytes, body: bytes | None, rules: list[str]
) -> None:
    told, answers = Told(), list[Message]()
    line = SimpleNamespace(
        id=1,
        peer=("127.0.0.1", 50_000),
        tls=None,
        attachment=None,
        opened_at=None,
        whole_body=lambda: sent,
        surplus=b"",
    )
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [],
        "extensions": {"sim.connection": line},
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": sent, "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    assert asyncio.run(door(told).read_packet_body(scope, receive, send)) == body
    assert (told.rules, len(answers)) == (rules, 0 if body is not None else 2)
