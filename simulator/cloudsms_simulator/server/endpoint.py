"""The endpoint `/dave/io`: bytes in, bytes out.

A raw ASGI application, since request and response objects cost more than everything the platform does. Every packet
within the body limit is answered with HTTP 200; its errors live in RESULT_CODE.

Spec: CloudSMS Platform Server. Spec: Interface specification and communication principle. Reading: R2, R5.
"""

import logging
from datetime import datetime

import msgspec
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.platform import Arrival, Identified, Platform, Reply
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.server.bodies import BodyLimits, TooLarge, Unfinished, read_body
from cloudsms_simulator.server.connection import Connection
from cloudsms_simulator.server.journal import Journal
from cloudsms_simulator.server.peers import connection_of, peer_of
from cloudsms_simulator.server.pusher import Pusher
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store, StoreError

PATH = "/dave/io"
_CONTENT_TYPE = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")

log = logging.getLogger("cloudsms_simulator.endpoint")


class Endpoint:
    """The ASGI application of the platform's port."""

    def __init__(
        self, platform: Platform, store: Store, journal: Journal, pusher: Pusher, wall: WallClock, limits: BodyLimits
    ) -> None:
        self._platform = platform
        self._store = store
        self._journal = journal
        self._pusher = pusher
        self._wall = wall
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request. Only HTTP comes here; a listener turns everything else away."""
        if scope["path"] != PATH:
            finding = found("path-wrong", "path", Told(_target_of(scope)), PATH)
            await self._turn_away(scope, send, 404, finding, f"not found: CloudSMS listens at {PATH}")
            return
        if scope["method"] != "POST":
            finding = found("http-method-wrong", "method", Told(scope["method"]), "POST")
            await self._turn_away(scope, send, 405, finding, f"method not allowed: {PATH} takes POST", b"POST")
            return
        body = await read_body(scope, receive, self._limits)
        if isinstance(body, bytes):
            await self._answer(scope, body)
        elif isinstance(body, TooLarge):
            want = f"at most {self._limits.size} octets"
            finding = found("body-too-large", "body", Told(f"{body.octets} octets"), want)
            await self._turn_away(scope, send, 413, finding, f"body too large: {want}")
        else:
            await self._give_up(scope, body)

    async def _answer(self, scope: Scope, body: bytes) -> None:
        connection = connection_of(scope)
        surplus = bool(connection.surplus) and bool(connection.take_surplus())
        identified = self._identify(body)
        peer = peer_of(scope, None if identified is None else identified.key)
        reply = await self._receive(identified, Arrival(body, peer.connection, peer.headers, surplus))
        try:
            if reply.body is None:
                _hang_up(connection)
            else:
                await connection.answer_with(reply.body)
        finally:
            # Also when the answer could not be sent: what was accepted stays accepted.
            if reply.first_due is not None and identified is not None and identified.account is not None:
                await self._release(identified.account, reply.request_id, reply.first_due)

    def _identify(self, body: bytes) -> Identified | None:
        try:
            return self._platform.identify(body)
        except Exception:
            log.exception("a body could not be read for a reason inside the simulator")
            return None

    async def _receive(self, identified: Identified | None, arrival: Arrival) -> Reply:
        now = self._wall.now()
        if identified is None:
            return await self._fail(None, arrival, now, ResultCode.UNKNOWN_ERROR, "unknown-error")
        try:
            transaction = await self._store.begin(identified.account)
            now = transaction.standing.clock.now(now)
            reply = self._platform.receive(transaction, identified, arrival, now)
            await self._store.commit(transaction)
        except StoreError as error:
            log.error("the store could not be written: %s", error)
            return await self._fail(identified, arrival, now, ResultCode.DB_NOT_FIND, "store-failed")
        except Exception:
            log.exception("a request failed for a reason inside the simulator")
            return await self._fail(identified, arrival, now, ResultCode.UNKNOWN_ERROR, "unknown-error")
        if reply.code is not ResultCode.OK:
            self._journal.tell(transaction.exchange)
        return reply

    async def _fail(
        self, identified: Identified | None, arrival: Arrival, now: datetime, code: ResultCode, rule: str
    ) -> Reply:
        """The answer when the simulator itself is at fault; in the journal, unless that is what fails."""
        finding = found(rule, "body", Told("this request"), "a request the simulator can process")
        reply = self._platform.fail(identified, now, code)
        account = None if identified is None else identified.account
        await self._journal.note("uip", arrival, finding, 200, reply.body, code, account)
        return reply

    async def _release(self, account: Account, request_id: int, first_due: datetime) -> None:
        try:
            await self._store.release(account, request_id)
        except StoreError as error:
            log.error("the reports of request %d of %s are not released: %s", request_id, account.name, error)
            return
        self._pusher.expect(account, first_due)

    async def _turn_away(
        self, scope: Scope, send: Send, status: int, finding: Finding, error: str, allow: bytes | None = None
    ) -> None:
        text = msgspec.json.encode({"error": error})
        peer = peer_of(scope)
        await self._journal.note("http", Arrival(b"", peer.connection, peer.headers), finding, status, text)
        extra = (_CLOSE,) if allow is None else ((b"allow", allow), _CLOSE)
        await _respond(send, status, text, *extra)

    async def _give_up(self, scope: Scope, body: Unfinished) -> None:
        request = connection_of(scope).running
        if request is not None and request.response_complete:
            return  # its chunks were no HTTP: the connection refused it, and told so
        peer = peer_of(scope)
        finding = found("body-unfinished", "body", Told(f"{len(body.arrived)} octets: {body.why}"), "the whole body")
        await self._journal.note("closed", Arrival(body.arrived, peer.connection, peer.headers), finding)
        if not body.hung_up:
            _hang_up(connection_of(scope))


def _hang_up(connection: Connection) -> None:
    """Closes without an answer."""
    connection.interrupt()
    connection.close()


def _target_of(scope: Scope) -> str:
    path = mask(scope["path"].encode("utf-8", "replace"), None).decode("utf-8", "replace")
    return f"{scope['method']} {path[:200]}"


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_CONTENT_TYPE, length, *headers]})
    await send({"type": "http.response.body", "body": body})
