"""The recorder: keeps and logs what is no ordinary exchange; and what every exchange keeps of its connection.

A refused handshake is invisible to the client and to its own server's log; here it is an exchange like any other,
with its reason. So are bytes that are no request, packets of UIP v2, and requests that are turned away. Nothing that
was noticed is lost when the store fails: the log has it. The facts of a connection, and a request's head with
AUTH_KEYs masked, are worked out once per connection, not per request.

Spec: Interface specification and communication principle. Reading: R5.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence

import msgspec
from starlette.types import Scope

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import (
    ConnectionFacts,
    Exchange,
    ExchangeKind,
    Headers,
    RequestLine,
    Sending,
    TlsFacts,
    without_keys,
)
from cloudsms_simulator.engine.transaction import Arrival, Transaction
from cloudsms_simulator.net.asgi import RequestConnection
from cloudsms_simulator.net.http_connection import ConnectionObserver, HttpConnection, RemoteAddress
from cloudsms_simulator.net.http_parser import RequestHead
from cloudsms_simulator.net.tls import handshake_reason
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import v2_finding
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.masking import KeyRing, mask, mask_headers
from cloudsms_simulator.stores.store import Store, StoreError

_LONGEST_TARGET = 1_000


class PeerFacts(msgspec.Struct, frozen=True):
    """A connection's facts, and the head of the request last seen on it: as it came, and with AUTH_KEYs masked.

    `key` is the AUTH_KEY that the request's body had.
    """

    connection: ConnectionFacts
    head: RequestHead
    key: str | None
    line: RequestLine
    headers: Headers


def http_connection_of(scope: Scope) -> RequestConnection:
    """The connection that carries a request."""
    carrying: RequestConnection = scope["extensions"]["sim.connection"]
    return carrying


def connection_facts(connection: RequestConnection) -> ConnectionFacts:
    """What is kept of a connection that may never have carried a request."""
    known = connection.attachment
    if isinstance(known, PeerFacts):
        return known.connection
    tls = connection.tls if isinstance(connection.tls, TlsFacts) else None
    host, port = connection.peer
    return ConnectionFacts(connection.id, host, port, tls, connection.opened_at, WallClock().now())


def peer_facts(connection: RequestConnection, head: RequestHead, keys: KeyRing, key: str | None = None) -> PeerFacts:
    """What is kept of a request's connection and head; the same value as long as head and key stay the same.

    `keys` are the AUTH_KEYs of all accounts, `key` is the one in the request's body, if one could be read.
    """
    known = connection.attachment
    if isinstance(known, PeerFacts) and known.key == key and (known.head is head or known.head == head):
        return known
    line, headers = _line_of(head, keys, key), mask_headers(head.headers, key, keys)
    fresh = connection.attachment = PeerFacts(connection_facts(connection), head, key, line, headers)
    return fresh


def _line_of(head: RequestHead, keys: KeyRing, key: str | None) -> RequestLine:
    target = b"%b?%b" % (head.raw_path, head.query) if head.query else head.raw_path
    shown = mask(target, key, keys).decode("utf-8", "backslashreplace")
    if len(shown) > _LONGEST_TARGET:
        shown = f"{shown[:_LONGEST_TARGET]}…"
    return RequestLine(head.method, shown, head.version)


_MOST_FINDINGS_LOGGED = 3
"""Findings that a log line tells."""
_LONGEST_LINE = 2_000
"""Characters that a log line has for what was wrong."""

log = logging.getLogger("cloudsms_simulator.journal")

_COMPARED_REQUESTS = 10
"""Requests that one that was refused is held against for the log."""


class UipV2Packet(msgspec.Struct, frozen=True):
    """A packet of UIP v2: whose it is, the AUTH_KEY in it, and what it is told."""

    account: Account | None
    key: str | None
    finding: Finding


class ExchangeRecorder(ConnectionObserver):
    """Writes exchanges that belong to no account, and one log line for each that was refused."""

    def __init__(self, platform: Platform, store: Store, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._wall = wall
        self._writing: set[asyncio.Task[None]] = set()

    def foreign(self, body: bytes) -> UipV2Packet | None:
        """What a packet of UIP v2 that came to another path is; None for any other body."""
        if b"uip_head" not in body:
            return None
        identified = self._platform.identify(body)
        decoded = identified.candidate.decoded
        if decoded.packet.uip_head == packet.ABSENT:
            return None
        finding = v2_finding(packet.members_of(body[: decoded.offset or None]) or {})
        return UipV2Packet(identified.account, identified.key, finding)

    async def note(
        self,
        kind: ExchangeKind,
        arrival: Arrival,
        finding: Finding,
        status: int | None = None,
        answer: bytes | None = None,
        code: ResultCode | None = None,
        account: Account | None = None,
        more: tuple[Finding, ...] = (),
    ) -> None:
        """Keeps an exchange that never reached the platform's checks, or that they failed on. Raises nothing."""

        def note(transaction: Transaction) -> Exchange | None:
            now = transaction.standing.clock.now(self._wall.now())
            self._platform.note(transaction, kind, arrival, now, finding, status, answer, code, more)
            return transaction.exchange

        try:
            exchange = await self._store.step(account, note)
        except StoreError as error:
            log.error("not kept, the store could not be written (%s): %s", error, self._without_keys(finding))
            return
        except Exception:
            log.exception("not kept, for a reason inside the simulator: %s", self._without_keys(finding))
            return
        self.tell(exchange, account)

    def tell(self, exchange: Exchange | None, account: Account | None = None) -> None:
        """One log line for an exchange of an account that was refused, whole or in part, or that a fault befell.

        Of many findings it says the first few and how many more there are; the journal has them all. It has what the
        few requests before make suspect of one that was refused.
        """
        if exchange is None or not log.isEnabledFor(logging.INFO):
            return
        peer = exchange.connection
        findings = exchange.findings or ()
        errors = [each for each in findings if each.severity == "error"] or findings
        suspected: tuple[Finding, ...] = ()
        if exchange.code is not ResultCode.OK:
            # Imported when something was refused: what reads the journal is much, and many a run never needs it.
            from cloudsms_simulator.journal.views import JournalView

            suspected = JournalView(self._store, account).suspicions(exchange, _COMPARED_REQUESTS)()
            suspected = tuple(each for each in suspected if each.severity == "suspicion")
        told = [*_log_lines(exchange, errors), *(f"suspicion {each.rule}: {each.got}" for each in suspected)]
        log.info(
            "%s #%d %s",
            exchange.kind,
            exchange.id,
            "; ".join(told)[:_LONGEST_LINE],
            extra={
                "request_id": exchange.id,
                "account": exchange.account,
                "peer": None if peer is None else peer.peer,
                "rules": list(dict.fromkeys(each.rule for each in (*errors, *suspected))),
            },
        )

    # What the listeners notice

    def on_closed(self, peer: RemoteAddress) -> None:
        want = "an address on the server's whitelist"
        self._write(
            "closed", _arrival_of_peer(peer), found("source-not-whitelisted", "connection", Told(peer[0]), want)
        )

    def on_refused(self, peer: RemoteAddress, error: OSError) -> None:
        reason, remedy = handshake_reason(error)
        self._write("handshake", _arrival_of_peer(peer), found("handshake-refused", "connection", Told(reason), remedy))

    def on_bad_request(self, connection: HttpConnection, excerpt: bytes, reason: str) -> None:
        shown = self._masked(excerpt)[:80]
        finding = found("not-http", "connection", Told(f"{reason}: {shown!r}"), "an HTTP/1.1 request")
        self._write("http", Arrival(excerpt, connection_facts(connection)), finding, 400)

    def on_surplus(self, connection: HttpConnection, surplus: bytes) -> None:
        got = Told(f"{len(surplus)} octets after the body, such as {self._masked(surplus)[:20]!r}")
        finding = found("surplus-bytes", "connection", got, "Content-Length in octets, not characters")
        self._write("closed", Arrival(surplus, connection_facts(connection)), finding)

    def on_head_timeout(self, connection: HttpConnection, excerpt: bytes) -> None:
        finding = found("head-unfinished", "connection", Told(f"{len(excerpt)} octets"), "a whole request head")
        self._write("closed", Arrival(excerpt, connection_facts(connection)), finding)

    def _masked(self, octets: bytes) -> bytes:
        return mask(octets, None, self._platform.directory.keys)

    async def written(self) -> None:
        """Returns when everything noticed so far is kept."""
        while self._writing:
            await asyncio.wait(self._writing)

    def _without_keys(self, finding: Finding) -> Finding:
        return without_keys(finding, (self._platform.directory.keys,))

    def _write(self, kind: ExchangeKind, arrival: Arrival, finding: Finding, status: int | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self.note(kind, arrival, finding, status))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def _log_lines(exchange: Exchange, errors: Sequence[Finding]) -> Iterator[str]:
    if exchange.fault is not None:
        yield f"befallen by {exchange.fault}, as {exchange.rule} says"
    if exchange.code is ResultCode.OK and isinstance(exchange, Sending) and exchange.places is not None:
        yield f"refused in part, {len(exchange.places)} accepted: {_reasons(errors)}"
    elif exchange.code is not ResultCode.OK and (exchange.code is not None or exchange.fault is None):
        code = "" if exchange.code is None else f" {hex_code(exchange.code)} {desc_of(exchange.code)}"
        yield f"refused{code}: {_reasons(errors)}"


def _reasons(errors: Sequence[Finding]) -> str:
    """The first few findings, and how many more there are."""
    told = [f"{each.rule} at {each.path}: got {each.got}, want {each.want}" for each in errors[:_MOST_FINDINGS_LOGGED]]
    if len(errors) > _MOST_FINDINGS_LOGGED:
        told.append(f"and {len(errors) - _MOST_FINDINGS_LOGGED} more")
    return "; ".join(told)


def _arrival_of_peer(peer: RemoteAddress) -> Arrival:
    return Arrival(b"", ConnectionFacts(0, peer[0], peer[1]))
