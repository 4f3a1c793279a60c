"""The endpoint `/dave/io`: bytes in, bytes out.

A raw ASGI application, since request and response objects cost more than everything the platform does. A packet is a
POST to the path with a body within the limits of size and time; whatever else comes is told so in HTTP, once, and the
connection ends. Every packet is answered with HTTP 200; its errors live in RESULT_CODE. Packets that are there at the
same time are served together, stage by stage; whatever has to wait for something goes its own way. `take` serves a
packet that comes on no connection.

Spec: CloudSMS Platform Server. Spec: Interface specification and communication principle. Reading: R2, R5.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Literal

import msgspec
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.engine.transaction import Arrival, Checked, Identified, Reply, Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.asgi import RequestConnection
from cloudsms_simulator.net.http_connection import HttpRequest, ServeAlone
from cloudsms_simulator.net.http_parser import RequestHead, head_of_scope
from cloudsms_simulator.net.runtime import INLINE_OCTETS, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.masking import KeyRing, mask
from cloudsms_simulator.push.dispatcher import Dispatcher
from cloudsms_simulator.services.answer_faults import apply_fault
from cloudsms_simulator.services.metrics import AnswerTimes
from cloudsms_simulator.services.recorder import ExchangeRecorder, http_connection_of, peer_facts
from cloudsms_simulator.stores.store import Done, Store, StoreError

_HUNG_UP = "the client hung up"


class BodyLimits(msgspec.Struct, frozen=True):
    """How large a body may be, in octets, and how long it may take to arrive."""

    size: int
    time: timedelta


class BodyTooLarge(msgspec.Struct, frozen=True):
    """The body is, or says it will be, larger than allowed."""

    octets: int


class BodyUnfinished(msgspec.Struct, frozen=True):
    """The body did not arrive whole: what did, and why no more came."""

    arrived: bytes
    why: str
    hung_up: bool


async def read_body(scope: Scope, receive: Receive, limits: BodyLimits) -> bytes | BodyTooLarge | BodyUnfinished:
    """The whole body, or what became of it. A body that is all there already costs no timer.

    One that says it will be too large is not waited for, nor invited with `100 Continue`.
    """
    body = http_connection_of(scope).whole_body()
    if body is not None:
        return body if len(body) <= limits.size else BodyTooLarge(len(body))
    announced = _announced(scope)
    if announced > limits.size:
        return BodyTooLarge(announced)
    return await _read_pieces(receive, limits)


async def _read_pieces(receive: Receive, limits: BodyLimits) -> bytes | BodyTooLarge | BodyUnfinished:
    pieces = bytearray()
    try:
        async with asyncio.timeout(limits.time.total_seconds()):
            while (message := await receive())["type"] == "http.request":
                pieces += message["body"]
                if len(pieces) > limits.size:
                    return BodyTooLarge(len(pieces))
                if not message["more_body"]:
                    return bytes(pieces)
    except TimeoutError:
        return BodyUnfinished(bytes(pieces), f"no more came within {limits.time}", hung_up=False)
    return BodyUnfinished(bytes(pieces), _HUNG_UP, hung_up=True)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


PLATFORM_PATH = "/dave/io"
_CONTENT_TYPE = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")


def _refused_status(path: str, method: str) -> Literal[404, 405] | None:
    """The status with which a request for no packet is refused; None for one that may bring a packet."""
    if path != PLATFORM_PATH:
        return 404
    return None if method == "POST" else 405


class PacketReader:
    """Lets packets in, as far as HTTP goes."""

    def __init__(self, journal: ExchangeRecorder, limits: BodyLimits, keys: Callable[[], KeyRing] = KeyRing) -> None:
        self._journal = journal
        self._limits = limits
        self._keys = keys
        """Gives the AUTH_KEYs of all accounts, which nothing that is kept may show."""

    def is_packet(self, request: HttpRequest) -> bool:
        """Whether a request is a packet, here to its last byte and not too large."""
        if request.more_body or request.disconnected or len(request.body) > self._limits.size:
            return False
        return _refused_status(request.head.path, request.head.method) is None

    async def read_packet_body(self, scope: Scope, receive: Receive, send: Send) -> bytes | None:
        """The body of a packet, once it is here; None for what was turned away, or gave up itself."""
        status = _refused_status(scope["path"], scope["method"])
        if status == 404:
            finding = found("path-wrong", "path", Told(self._target_of(scope)), PLATFORM_PATH)
            sent = await self._sent_elsewhere(scope, receive)
            await self._turn_away(
                scope, send, status, finding, f"not found: CloudSMS listens at {PLATFORM_PATH}", sent=sent
            )
            return None
        if status == 405:
            finding = found("http-method-wrong", "method", Told(scope["method"]), "POST")
            error = f"method not allowed: {PLATFORM_PATH} takes POST"
            await self._turn_away(scope, send, status, finding, error, b"POST")
            return None
        body = await read_body(scope, receive, self._limits)
        if isinstance(body, bytes):
            return body
        if isinstance(body, BodyTooLarge):
            want = f"at most {self._limits.size} octets"
            finding = found("body-too-large", "body", Told(f"{body.octets} octets"), want)
            await self._turn_away(scope, send, 413, finding, f"body too large: {want}")
        else:
            await self._give_up(scope, body)
        return None

    async def _sent_elsewhere(self, scope: Scope, receive: Receive) -> bytes:
        """The body of a POST to another path, which may be UIP v2; nothing of one that is too large, or never whole."""
        if scope["method"] != "POST":
            return b""
        body = await read_body(scope, receive, self._limits)
        return body if isinstance(body, bytes) else b""

    async def _turn_away(
        self,
        scope: Scope,
        send: Send,
        status: int,
        finding: Finding,
        error: str,
        allow: bytes | None = None,
        sent: bytes = b"",
    ) -> None:
        text = msgspec.json.encode({"error": error})
        connection, head = http_connection_of(scope), head_of_scope(scope)
        foreign = self._journal.foreign(sent) if sent else None
        if foreign is None:
            peer = peer_facts(connection, head, self._keys())
            arrival = Arrival(b"", peer.connection, peer.headers, line=peer.line)
            await self._journal.note("http", arrival, finding, status, text)
        else:
            peer = peer_facts(connection, head, self._keys(), foreign.key)
            body = mask(sent, foreign.key, self._keys())
            arrival = Arrival(body, peer.connection, peer.headers, line=peer.line)
            more = (foreign.finding,)
            await self._journal.note("http", arrival, finding, status, text, None, foreign.account, more)
        extra = (_CLOSE,) if allow is None else ((b"allow", allow), _CLOSE)
        await _respond(send, status, text, *extra)

    def _target_of(self, scope: Scope) -> str:
        target = f"{scope['method']} {scope['path']}".encode("utf-8", "replace")
        return mask(target, None, self._keys()).decode("utf-8", "replace")[:210]

    async def _give_up(self, scope: Scope, body: BodyUnfinished) -> None:
        connection = http_connection_of(scope)
        if connection.running is not None and connection.running.response_complete:
            return  # its chunks were no HTTP: the connection refused it, and told so
        peer = peer_facts(connection, head_of_scope(scope), self._keys())
        finding = found("body-unfinished", "body", Told(f"{len(body.arrived)} octets: {body.why}"), "the whole body")
        arrival = Arrival(body.arrived, peer.connection, peer.headers, line=peer.line)
        await self._journal.note("closed", arrival, finding)
        if not body.hung_up:
            connection.hang_up()


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_CONTENT_TYPE, length, *headers]})
    await send({"type": "http.response.body", "body": body})


_WAIT_FOR_REPORTS_SECONDS = 2.0
"""Seconds of the wall for which an answer waits for reports that come before it."""

_NOT_RELEASED = "the reports of request %d of %s are not released"

log = logging.getLogger("cloudsms_simulator.endpoint")


class _AdmittedPacket(msgspec.Struct, frozen=True, gc=False):
    """A packet as it came, whose it is, and what is wrong with it; None where the simulator itself failed to find that
    out. `came_at` is the moment by the wall clock."""

    arrival: Arrival
    identified: Identified | None
    checked: Checked | None
    came_at: datetime

    @property
    def account(self) -> Account | None:
        return None if self.identified is None else self.identified.account


_Step = Awaitable[tuple[Reply, Exchange | None]]
"""What the platform decides on a packet, and the exchange that is kept of it."""


class _DecidedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request that the platform has decided on, and its reply."""

    request: HttpRequest
    account: Account | None
    reply: Reply


class Endpoint:
    """The ASGI application of the platform's port, which serves packets in batches."""

    def __init__(
        self,
        platform: Platform,
        store: Store,
        journal: ExchangeRecorder,
        pusher: Dispatcher,
        wall: WallClock,
        reader: PacketReader,
        times: AnswerTimes,
    ) -> None:
        self._platform = platform
        self._store = store
        self._journal = journal
        self._pusher = pusher
        self._wall = wall
        self._reader = reader
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Only HTTP comes here; a listener turns everything else away."""
        body = await self._reader.read_packet_body(scope, receive, send)
        if body is not None:
            packet = await self._admit(body, partial(self._arrival_of, http_connection_of(scope), head_of_scope(scope)))
            await self._answer(packet, self._step(packet), self._wall.monotonic(), scope, receive, send)

    def takes(self, request: HttpRequest) -> bool:
        """Whether a request is a packet that can be served at once; a long one is read in a thread first."""
        return len(request.body) <= INLINE_OCTETS and self._reader.is_packet(request)

    def serve(self, requests: Sequence[HttpRequest], leave: ServeAlone) -> None:
        """Serves packets together. Those that the store has wait, or fails on, leave, and wait side by side."""
        begun, came_at = self._wall.monotonic(), self._wall.now()
        everybody, verdicts = self._read([request.body for request in requests])
        decided: list[_DecidedRequest] = []
        for request, identified, checked in zip(requests, everybody, verdicts, strict=True):
            arrival = self._arrival_of(request.connection, request.head, request.body, identified)
            packet = _AdmittedPacket(arrival, identified, checked, came_at)
            step = self._step(packet)
            if isinstance(step, Done):
                decided.append(_DecidedRequest(request, packet.account, self._told(packet, *step.result)))
            else:
                leave(request, partial(self._answer, packet, step, begun))
        answered = [each for each in decided if self._is_answered(each, leave, begun)]
        if answered:
            self._times.add(self._wall.monotonic() - begun, len(answered))
        for each in answered:
            self._release_soon(each, leave)

    async def take(self, body: bytes) -> tuple[Account | None, Reply]:
        """Takes a packet that comes on no connection, as any other; whose it is, and the reply that nobody waits for.

        What befalls the answer befalls nobody then, and no delay is waited for; reports that come before it still do.
        """
        packet = await self._admit(body, lambda body, _identified: Arrival(body))
        reply = await self._receive(packet, self._step(packet))
        try:
            if reply.before and packet.account is not None:
                await self._report_before(packet.account, reply)
        finally:
            await self._release(packet.account, reply)
        return packet.account, reply

    def _is_answered(self, decided: _DecidedRequest, leave: ServeAlone, begun: float) -> bool:
        """Answers a request of a batch; False if it leaves, since that takes a while."""
        try:
            if not _answer_at_once(decided.request.connection, decided.reply):
                leave(decided.request, partial(self._conclude, decided.account, decided.reply, begun))
                return False
        except Exception as error:
            leave(decided.request, partial(_fail_with, error))
        return True

    async def _answer(
        self, packet: _AdmittedPacket, step: _Step | None, begun: float, scope: Scope, receive: Receive, send: Send
    ) -> None:
        reply = await self._receive(packet, step)
        await self._conclude(packet.account, reply, begun, scope, receive, send)

    async def _conclude(
        self, account: Account | None, reply: Reply, begun: float, scope: Scope, _receive: Receive, _send: Send
    ) -> None:
        """Whatever `_answer_at_once` does not do; this may take its time."""
        connection = http_connection_of(scope)
        try:
            if reply.before and account is not None:
                await self._report_before(account, reply)
            if reply.trouble is not None:
                await apply_fault(connection, reply.trouble, reply.body, connection.stopping)
            elif not _answer_at_once(connection, reply):
                await connection.answer_with(reply.body or b"")
            self._times.add(self._wall.monotonic() - begun)
        finally:
            # Also when the answer could not be sent: what was accepted stays accepted.
            await self._release(account, reply)

    async def _report_before(self, account: Account, reply: Reply) -> None:
        """The reports that are to come before the answer, as long as that takes, at most 2 s."""
        try:
            await self._store.release(account, reply.request_id, reply.before)
            await self._pusher.report_first(account, reply.before, _WAIT_FOR_REPORTS_SECONDS)
        except StoreError as error:
            log.error("no report of request %d of %s before its answer: %s", reply.request_id, account.name, error)
        except Exception:
            log.exception("no report of request %d of %s before its answer", reply.request_id, account.name)

    def _read(self, bodies: Sequence[bytes]) -> tuple[list[Identified | None], list[Checked | None]]:
        """Whose the bodies are, and what is wrong with each; any thread may call it."""
        everybody = [self._identify(body) for body in bodies]
        told = zip(everybody, bodies, strict=True)
        return everybody, [self._check(identified, body) for identified, body in told]

    async def _admit(self, body: bytes, arrival_of: Callable[[bytes, Identified | None], Arrival]) -> _AdmittedPacket:
        """A packet that comes alone: a long one is read in a thread, and so is what is wrong with it worked out."""
        [identified], [checked] = await offload(len(body), partial(self._read, [body]))
        packet = _AdmittedPacket(arrival_of(body, identified), identified, checked, self._wall.now())
        if len(body) <= INLINE_OCTETS:
            return packet
        return msgspec.structs.replace(await self._diagnosed(packet), came_at=self._wall.now())

    def _identify(self, body: bytes) -> Identified | None:
        try:
            return self._platform.identify(body)
        except Exception:
            log.exception("a body could not be read for a reason inside the simulator")
            return None

    def _check(self, identified: Identified | None, body: bytes) -> Checked | None:
        try:
            return None if identified is None else self._platform.check(identified, body)
        except Exception:
            log.exception("a packet could not be checked for a reason inside the simulator")
            return None

    async def _diagnosed(self, packet: _AdmittedPacket) -> _AdmittedPacket:
        """A packet, if it is refused with what is kept of it, which is worked out in a thread."""
        checked, arrival = packet.checked, packet.arrival
        if checked is None or checked.refusal is None:
            return packet
        try:
            clock = self._store.standing(packet.account).clock
            now, real = clock.now(self._wall.now()), clock.is_real
            diagnosed = partial(self._platform.diagnosed, checked, arrival, now, clock_is_real=real)
            return msgspec.structs.replace(packet, checked=await offload(len(arrival.body), diagnosed))
        except StoreError:
            return packet  # whoever takes its step finds out, too
        except Exception:
            log.exception("a packet could not be diagnosed for a reason inside the simulator")
            return msgspec.structs.replace(packet, checked=None)

    def _arrival_of(
        self, connection: RequestConnection, head: RequestHead, body: bytes, identified: Identified | None
    ) -> Arrival:
        surplus = bool(connection.surplus) and bool(connection.take_surplus())
        key = None if identified is None else identified.key
        peer = peer_facts(connection, head, self._platform.directory.keys, key)
        return Arrival(body, peer.connection, peer.headers, surplus, peer.line)

    def _step(self, packet: _AdmittedPacket) -> _Step | None:
        """The step that decides on a packet; None where the simulator itself failed before."""
        checked, arrival, came_at = packet.checked, packet.arrival, packet.came_at
        if checked is None:
            return None

        def decide(transaction: Transaction) -> tuple[Reply, Exchange | None]:
            now = transaction.standing.clock.now(came_at)
            return self._platform.receive(transaction, checked, arrival, now), transaction.exchange

        return self._store.step(checked.identified.account, decide)

    async def _receive(self, packet: _AdmittedPacket, step: _Step | None) -> Reply:
        if step is None:
            return await self._fail(packet, ResultCode.UNKNOWN_ERROR, "unknown-error")
        try:
            reply, exchange = await step
        except StoreError as error:
            log.error("the store could not be written: %s", error)
            return await self._fail(packet, ResultCode.DB_NOT_FIND, "store-failed")
        except Exception:
            log.exception("a request failed for a reason inside the simulator")
            return await self._fail(packet, ResultCode.UNKNOWN_ERROR, "unknown-error")
        return self._told(packet, reply, exchange)

    def _told(self, packet: _AdmittedPacket, reply: Reply, exchange: Exchange | None) -> Reply:
        """The reply, of which the log has a line unless all was accepted and nothing befalls it."""
        # What was accepted whole has its bytes worked out when it goes out; a batch refused in part has them by now.
        if reply.code is not ResultCode.OK or reply.trouble is not None or isinstance(reply.answer, bytes):
            self._journal.tell(exchange, packet.account)
        return reply

    async def _fail(self, packet: _AdmittedPacket, code: ResultCode, rule: str) -> Reply:
        """The answer when the simulator itself is at fault; in the journal, unless that is what fails."""
        finding = found(rule, "body", Told("this request"), "a request the simulator can process")
        account, came_at = packet.account, packet.came_at
        try:
            now = came_at if account is None else self._store.standing(account).clock.now(came_at)
        except StoreError:
            now = came_at
        reply = self._platform.fail(packet.identified, now, code)
        await self._journal.note("uip", packet.arrival, finding, 200, reply.body, code, account)
        return reply

    def _release_soon(self, answered: _DecidedRequest, leave: ServeAlone) -> None:
        """Does what `_release` does; if that takes a while, in a task of its own."""
        account, reply = answered.account, answered.reply
        if reply.first_due is None or account is None:
            return
        try:
            released = self._store.release(account, reply.request_id)
            if isinstance(released, Done):
                self._pusher.expect(account, reply.first_due)
            else:
                leave(answered.request, lambda *_: self._release(account, reply, released))
        except Exception:
            log.exception(_NOT_RELEASED, reply.request_id, account.name)

    async def _release(self, account: Account | None, reply: Reply, released: Awaitable[None] | None = None) -> None:
        """From here on the reports of what was accepted may be pushed. `released`: what the store gave to await."""
        if reply.first_due is None or account is None:
            return
        try:
            await (self._store.release(account, reply.request_id) if released is None else released)
            self._pusher.expect(account, reply.first_due)
        except StoreError as error:
            log.error(f"{_NOT_RELEASED}: %s", reply.request_id, account.name, error)
        except Exception:
            log.exception(_NOT_RELEASED, reply.request_id, account.name)


def _answer_at_once(connection: RequestConnection, reply: Reply) -> bool:
    """What nearly every reply asks for. False, and nothing happened, if it takes a while."""
    if reply.trouble is not None or reply.before:
        return False
    body = reply.body
    if body is None:
        connection.hang_up()
        return True
    return connection.answer(body)


async def _fail_with(error: Exception, _scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application that answers as one does that fails: with 500, if there is still something to answer."""
    raise error
