"""The receiver, a customer's server for delivery reports with answers that can be set, and the built-in sink.

A `Receiver` is an ASGI application that takes reports at one path, remembers the latest, and answers as its `Behaviour`
says: rightly, with another status or code, a wrong SERIAL, no answer, no JSON, after a delay. The `Sink` is for who has
no server yet: each account has a path and answers of its own. It listens on loopback, on a TLS port of its own that is
opened when it is first asked for, shows the customer's certificate and demands the platform's. `SinkAnswer` is one
answer in the words of the admin API; the last of a list holds for all reports that follow.

Spec: Delivery Report (DR) CallBack. Spec: Delivery Report (DR) response Format.
"""

import asyncio
import re
import ssl
import sys
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.config import suggestion
from cloudsms_simulator.engine.records import TlsFacts
from cloudsms_simulator.models.account import ReceivedReport
from cloudsms_simulator.models.durations import read_duration_or_seconds
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import host_and_port, open_socket
from cloudsms_simulator.net.tls import tls_facts
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


LONGEST_ANSWER_DELAY = timedelta(minutes=10)
_WITHOUT_A_BODY = (204, 304)
_WORDS = f"one of {', '.join(ANSWERS)}, another http-… or a result code"

AnswerWord = Annotated[str, msgspec.Meta(description=_WORDS)]
AnswerStatus = Annotated[
    Annotated[int, msgspec.Meta(ge=200, le=599)] | UnsetType, msgspec.Meta(description="an HTTP status, 200 to 599")
]
AnswerText = Annotated[str | UnsetType, msgspec.Meta(description="a text, sent as it is in place of an ANSWER")]
AnswerDelay = Annotated[
    str | float, msgspec.Meta(description='seconds, or a duration such as "250ms", of at most 10 minutes')
]


class SinkAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to answer, right in every point by default. A status that is not 2xx has no body unless one is said."""

    answer: AnswerWord = "ok"
    status: AnswerStatus = UNSET
    body: AnswerText = UNSET
    delay: AnswerDelay = 0

    def behaviour(self) -> Behaviour:
        """The receiver's behaviour. Raises ValueError, saying what would be right."""
        delay = _delay(self.delay)
        try:
            named = behaviour_of(self.answer, delay)
        except ValueError as error:
            raise ValueError(f"answer: {error}") from error
        status = named.status if self.status is UNSET else self.status
        if self.body is not UNSET:
            if self.answer != "ok":
                raise ValueError(f'body: got one beside the answer "{self.answer[:60]}", want one of the two')
            if status in _WITHOUT_A_BODY:
                raise ValueError(f"body: got one, want none with the status {status}")
            return Behaviour("body", status, delay=delay, body=self.body.encode())
        form = "none" if not 200 <= status <= 299 or status in _WITHOUT_A_BODY else named.form
        return msgspec.structs.replace(named, form=form, status=status)


def _delay(value: str | float) -> timedelta:
    try:
        delay = read_duration_or_seconds(value)
    except ValueError as error:
        raise ValueError(f"delay: got {value}, want {error}") from error
    if delay > LONGEST_ANSWER_DELAY:
        raise ValueError(f"delay: got {value}, want at most 10 minutes")
    return delay


KEPT_PER_ACCOUNT = 1_000
"""How many reports of an account are remembered."""

_LOOPBACK = "127.0.0.1"
_RIGHT_ANSWER = (SinkAnswer(),)
_NOT_FOUND = b'{"error":"not found: there is no sink of that name"}'


class _AccountSink(msgspec.Struct):
    """What the sink has of one account."""

    receiver: Receiver
    answers: tuple[SinkAnswer, ...] = _RIGHT_ANSWER


class Sink:
    """An ASGI application that takes the reports of many accounts. Belongs to one event loop.

    `context` makes the TLS context of its port; it is called once, when the port is opened.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._basins: dict[str, _AccountSink] = {}
        self._listener: Listener | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def url_of(self, name: str) -> str:
        """Where reports of an account go, always the same. ListenError or CertificateError when that cannot be;
        RuntimeError after `close`."""
        async with self._opening:
            if self._closed:
                raise RuntimeError("the sink is not opened any more: the server stops")
            if self._listener is None:
                listener = Listener(self, open_socket(_LOOPBACK, 0), tls=self._context(), tls_facts=tls_facts)
                await listener.start()
                self._listener = listener
        self._basin(name)
        return f"https://{host_and_port(_LOOPBACK, self._listener.port)}{_path(name)}"

    def received(self, name: str) -> tuple[ReceivedReport, ...]:
        """The reports of an account in the order they came, the latest 1,000 of them."""
        return self._basin(name).receiver.reports

    def total(self, name: str) -> int:
        """How many reports of an account have come since it was last cleared."""
        return self._basin(name).receiver.received

    def answers(self, name: str) -> tuple[SinkAnswer, ...]:
        """How the next reports of an account are answered, one each; the last holds for all that follow."""
        basin = self._basin(name)
        return basin.answers[-1 - len(basin.receiver.upcoming) :]

    def set_answers(self, name: str, answers: Sequence[SinkAnswer]) -> None:
        """Sets those. There must be one; ValueError, and nothing changed, when one of them cannot be."""
        *upcoming, last = [answer.behaviour() for answer in answers]
        basin = self._basin(name)
        basin.receiver.behaviour = last
        basin.receiver.upcoming.clear()
        basin.receiver.upcoming.extend(upcoming)
        basin.answers = tuple(answers)

    async def wait_for(self, name: str, count: int) -> None:
        """Returns once `count` reports of an account have come since it was last cleared."""
        await self._basin(name).receiver.wait_for(count)

    def clear(self, name: str) -> None:
        """Forgets the reports of an account, and answers rightly again. Its URL stays good."""
        if name in self._basins:
            self._basins[name] = _new_account_sink(name)

    def forget(self, name: str) -> None:
        """Forgets an account that is gone; its URL is no more."""
        self._basins.pop(name, None)

    async def close(self, grace: timedelta = timedelta(0)) -> None:
        """Closes the port as `Listener.stop` does; it is not opened again."""
        async with self._opening:
            self._closed = True
        if self._listener is not None:
            await self._listener.stop(grace)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; 404 for a path that is no account's."""
        basin = self._basins.get(scope["path"].rpartition("/")[2])
        if basin is None:
            await _respond(send, 404, _NOT_FOUND)
            return
        try:
            await basin.receiver(scope, receive, send)
        except asyncio.CancelledError:
            # The port closes while an answer is still to wait; nobody is there to be told.
            if not self._closed:
                raise

    def _basin(self, name: str) -> _AccountSink:
        basin = self._basins.get(name)
        if basin is None:
            basin = self._basins[name] = _new_account_sink(name)
        return basin


def _new_account_sink(name: str) -> _AccountSink:
    return _AccountSink(Receiver(path=_path(name), kept=KEPT_PER_ACCOUNT))


def _path(name: str) -> str:
    return f"/sink/{name}"
