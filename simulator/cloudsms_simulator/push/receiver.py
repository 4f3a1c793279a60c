"""A receiver: the customer's server that delivery reports are pushed to, with answers that can be set.

An ASGI application that takes reports at one path, remembers the latest, and answers as its `Behaviour` says:
rightly, with another status or code, a wrong SERIAL, no answer, no JSON, after a delay.

Spec: Delivery Report (DR) CallBack. Spec: Delivery Report (DR) response Format.
"""

import asyncio
import re
import sys
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

import msgspec
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.config.problems import suggestion
from cloudsms_simulator.engine.records import TlsFacts
from cloudsms_simulator.models.account import ReceivedReport
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode
from cloudsms_simulator.protocol.customer import encode_report_answer, read_report
from cloudsms_simulator.protocol.packet import HIGHEST_SERIAL

ANSWERS = ("ok", "none", "wrong-serial", "not-json", "http-500")
"""The answers that have a name; any other HTTP status and every result code can be given too."""

KEPT_BY_DEFAULT = 10_000
"""How many reports a receiver remembers unless told otherwise."""

_LARGEST_BODY = 64 * 1024
_MOST_OCTETS = 8 * 1024 * 1024
"""Octets that the remembered reports take together, about; the oldest go first."""
_REPORT_OCTETS = 300
_HIGHEST_CODE = 2**32 - 1
_NOT_JSON = b"<html><body>OK</body></html>"


class Behaviour(msgspec.Struct, frozen=True):
    """How a receiver answers: after a while, with a status and a body. The default is right in every point."""

    form: Literal["answer", "none", "not-json", "body"] = "answer"
    status: int = 200
    code: int = int(ResultCode.OK)
    right_serial: bool = True
    delay: timedelta = timedelta(0)
    """Wall time between the report's last byte and the answer's first."""
    body: bytes = b""
    """What the form `body` answers, octet for octet."""


def behaviour_of(answer: str, delay: timedelta = timedelta(0)) -> Behaviour:
    """The behaviour a word names: one of `ANSWERS`, `http-` and a status, or a result code by name or number.

    Raises ValueError, saying what would be right, for anything else.
    """
    named = {row.desc.lower(): int(row.code) for row in reversed(RESULT_CODES)}
    word = answer.strip().lower()
    if word == "ok":
        return Behaviour(delay=delay)
    if word == "none":
        return Behaviour("none", delay=delay)
    if word == "not-json":
        return Behaviour("not-json", delay=delay)
    if word == "wrong-serial":
        return Behaviour(right_serial=False, delay=delay)
    if re.fullmatch("http-[2-5][0-9][0-9]", word):
        return Behaviour("none", int(word[5:]), delay=delay)
    if word in named:
        return Behaviour(code=named[word], delay=delay)
    if (
        re.fullmatch("0x[0-9a-f]{1,8}|[0-9]{1,10}", word)
        and (code := int(word, 0 if "x" in word else 10)) <= _HIGHEST_CODE
    ):
        return Behaviour(code=code, delay=delay)
    near = suggestion(word, (*ANSWERS, *named))
    raise ValueError(f'got "{answer}", want one of {", ".join(ANSWERS)}, or a result code such as Busy or 0x03{near}')


class Receiver:
    """An ASGI application that takes delivery reports at one path and remembers them.

    `behaviour` may be changed at any time and holds for the reports that come after. `kept` is how many reports are
    remembered, and 8 MiB of them; older ones are only counted. `on_report` hears of each report before it is answered,
    `on_unreadable` of each body that is none. Belongs to one event loop.
    """

    def __init__(
        self,
        behaviour: Behaviour = Behaviour(),  # noqa: B008
        *,
        path: str = "/",
        kept: int = KEPT_BY_DEFAULT,
        on_report: Callable[[ReceivedReport], None] | None = None,
        on_unreadable: Callable[[bytes], None] | None = None,
    ) -> None:
        self.behaviour = behaviour
        self.upcoming: deque[Behaviour] = deque()
        """How the next reports are answered, one each, before `behaviour` holds."""
        self.path = path
        self.received = 0
        """How many reports have come."""
        self._reports: deque[ReceivedReport] = deque(maxlen=kept)
        self._octets = 0
        self._on_report = on_report
        self._on_unreadable = on_unreadable
        self._wall = WallClock()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def reports(self) -> tuple[ReceivedReport, ...]:
        """The reports in the order they came, the latest `kept` of them."""
        return tuple(self._reports)

    async def wait_for(self, count: int) -> None:
        """Returns once `count` reports have come since the beginning. How long to wait is the caller's business."""
        if self.received < count:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, future))
            await future

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Another path is a 404, another method a 405, a body over 64 KiB a 413."""
        if scope["path"] != self.path:
            await _respond(send, 404, b'{"error":"not found: reports go to %s"}' % self.path.encode())
        elif scope["method"] != "POST":
            await _respond(send, 405, b'{"error":"method not allowed: reports are POSTed"}', (b"allow", b"POST"))
        else:
            body = await _read_body(receive)
            if body is not None and len(body) <= _LARGEST_BODY:
                await self._answer(scope, body, send)
            elif body is not None:
                await _respond(send, 413, b'{"error":"too large for a report"}', (b"connection", b"close"))

    async def _answer(self, scope: Scope, body: bytes, send: Send) -> None:
        behaviour = self.upcoming.popleft() if self.upcoming else self.behaviour
        report = self._read(scope, body)
        if report is not None:
            self._keep(report)
        elif self._on_unreadable is not None:
            self._on_unreadable(body)
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay.total_seconds())
        if behaviour.form == "none":
            await _respond(send, behaviour.status, b"")
        elif behaviour.form == "body":
            await _respond(send, behaviour.status, behaviour.body)
        elif behaviour.form == "not-json":
            await _respond(send, behaviour.status, _NOT_JSON, content_type=b"text/html")
        elif report is None:
            answer = encode_report_answer(0, self._wall.now(), ResultCode.INVALID_CONTEXT)
            await _respond(send, behaviour.status, answer)
        else:
            serial = report.serial if behaviour.right_serial else report.serial % HIGHEST_SERIAL + 1
            await _respond(send, behaviour.status, encode_report_answer(serial, self._wall.now(), behaviour.code))

    def _read(self, scope: Scope, body: bytes) -> ReceivedReport | None:
        packet = read_report(body)
        if packet is None:
            return None
        (result,) = packet.sms_result_list
        raw = packet.customer_body
        tls = scope.get("extensions", {}).get("tls")
        return ReceivedReport(
            at=self._wall.now(),
            uid=packet.sms_uid,
            state=result.sms_state,
            state_name=result.result_desc,
            country_code=result.country_code,
            msisdn=result.dest_msisdn,
            source=packet.source_msisdn,
            serial=packet.serial,
            time=packet.time,
            report_time=packet.report_time,
            customer_body=None if raw is msgspec.UNSET else bytes(raw).decode(),
            certificate=tls.peer.subject if isinstance(tls, TlsFacts) and tls.peer is not None else None,
        )

    def _keep(self, report: ReceivedReport) -> None:
        if len(self._reports) == self._reports.maxlen:
            self._octets -= _octets_of(self._reports.popleft())
        self._reports.append(report)
        self._octets += _octets_of(report)
        while self._octets > _MOST_OCTETS and len(self._reports) > 1:
            self._octets -= _octets_of(self._reports.popleft())
        self.received += 1
        for count, future in self._waiting:
            if count <= self.received and not future.done():
                future.set_result(None)
        self._waiting = [(count, future) for count, future in self._waiting if not future.done()]
        if self._on_report is not None:
            self._on_report(report)


def _octets_of(report: ReceivedReport) -> int:
    """What a report takes, about; its texts are the sender's, and may be long."""
    texts = (report.customer_body, report.certificate, report.uid, report.source, report.time, report.report_time)
    return _REPORT_OCTETS + sum([sys.getsizeof(text) for text in texts if text is not None])


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or as much of it as shows that it is too large; None when the sender hung up."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += bytes(message["body"])
        if not message["more_body"] or len(body) > _LARGEST_BODY:
            return body
    return None


async def _respond(
    send: Send,
    status: int,
    body: bytes,
    *headers: tuple[bytes, bytes],
    content_type: bytes = b"application/json",
) -> None:
    described = [(b"content-length", b"%d" % len(body)), *headers]
    if body:
        described.append((b"content-type", content_type))
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body})
