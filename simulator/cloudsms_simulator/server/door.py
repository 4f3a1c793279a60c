"""The door of `/dave/io`: whose body gets in, and how everybody else is turned away.

A packet is a POST to the path with a body within the limit. Whatever else comes is told so in HTTP, once, and the
connection ends; it is in the journal as every other exchange is.

Spec: CloudSMS Platform Server. Spec: Interface specification and communication principle. Reading: R2.
"""

from collections.abc import Callable

import msgspec
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from cloudsms_simulator.engine.arrival import Arrival
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.server.bodies import BodyLimits, TooLarge, Unfinished, read_body
from cloudsms_simulator.server.journal import Journal
from cloudsms_simulator.server.peers import connection_of, peer_of

PATH = "/dave/io"
_CONTENT_TYPE = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")


class Door:
    """Lets packets in, as far as HTTP goes."""

    def __init__(self, journal: Journal, limits: BodyLimits, keys: Callable[[], KeyRing] = KeyRing) -> None:
        self._journal = journal
        self._limits = limits
        self._keys = keys
        """Gives the AUTH_KEYs of all accounts, which nothing that is kept may show."""

    def is_open_to(self, request: RequestResponseCycle) -> bool:
        """Whether a request is a packet, here to its last byte and not too large."""
        scope = request.scope
        here = not (request.more_body or request.disconnected)
        return here and scope["path"] == PATH and scope["method"] == "POST" and len(request.body) <= self._limits.size

    async def body_of(self, scope: Scope, receive: Receive, send: Send) -> bytes | None:
        """The body of a packet, once it is here; None for what was turned away, or gave up itself."""
        if scope["path"] != PATH:
            finding = found("path-wrong", "path", Told(self._target_of(scope)), PATH)
            sent = await self._sent_elsewhere(scope, receive)
            await self._turn_away(scope, send, 404, finding, f"not found: CloudSMS listens at {PATH}", sent=sent)
            return None
        if scope["method"] != "POST":
            finding = found("http-method-wrong", "method", Told(scope["method"]), "POST")
            await self._turn_away(scope, send, 405, finding, f"method not allowed: {PATH} takes POST", b"POST")
            return None
        body = await read_body(scope, receive, self._limits)
        if isinstance(body, bytes):
            return body
        if isinstance(body, TooLarge):
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
        foreign = self._journal.foreign(sent) if sent else None
        if foreign is None:
            peer = peer_of(scope, self._keys())
            arrival = Arrival(b"", peer.connection, peer.headers, line=peer.line)
            await self._journal.note("http", arrival, finding, status, text)
        else:
            peer = peer_of(scope, self._keys(), foreign.key)
            body = mask(sent, foreign.key, self._keys())
            arrival = Arrival(body, peer.connection, peer.headers, line=peer.line)
            more = (foreign.finding,)
            await self._journal.note("http", arrival, finding, status, text, None, foreign.account, more)
        extra = (_CLOSE,) if allow is None else ((b"allow", allow), _CLOSE)
        await _respond(send, status, text, *extra)

    def _target_of(self, scope: Scope) -> str:
        target = f"{scope['method']} {scope['path']}".encode("utf-8", "replace")
        return mask(target, None, self._keys()).decode("utf-8", "replace")[:210]

    async def _give_up(self, scope: Scope, body: Unfinished) -> None:
        request = connection_of(scope).running
        if request is not None and request.response_complete:
            return  # its chunks were no HTTP: the connection refused it, and told so
        peer = peer_of(scope, self._keys())
        finding = found("body-unfinished", "body", Told(f"{len(body.arrived)} octets: {body.why}"), "the whole body")
        arrival = Arrival(body.arrived, peer.connection, peer.headers, line=peer.line)
        await self._journal.note("closed", arrival, finding)
        if not body.hung_up:
            connection_of(scope).hang_up()


async def _respond(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [_CONTENT_TYPE, length, *headers]})
    await send({"type": "http.response.body", "body": body})
