"""The journal: keeps, and tells the log, what is no ordinary exchange.

A refused handshake is invisible to the client and to its own server's log; here it is an exchange like any other, with
its reason. Nothing that was noticed is lost when the store fails: the log has it.

Spec: Interface specification and communication principle. Reading: R5.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.arrival import Arrival
from cloudsms_simulator.engine.connection import Connection as Facts
from cloudsms_simulator.engine.exchange import Exchange, Kind
from cloudsms_simulator.engine.message import Sending
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.secrecy import without_keys
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of, written
from cloudsms_simulator.protocol.translation import v2_finding
from cloudsms_simulator.server.connection import Connection
from cloudsms_simulator.server.handshakes import handshake_reason
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.observer import Observer, Peer
from cloudsms_simulator.server.peers import facts_of
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store, StoreError

_MOST_TOLD = 3
"""Findings that a log line tells."""
_LONGEST_LINE = 2_000
"""Characters that a log line has for what was wrong."""

log = logging.getLogger("cloudsms_simulator.journal")

_BEFORE_A_REFUSAL = 10
"""Requests that one that was refused is held against for the log."""


class Foreign(msgspec.Struct, frozen=True):
    """A packet of UIP v2: whose it is, the AUTH_KEY in it, and what it is told."""

    account: Account | None
    key: str | None
    finding: Finding


class Journal(Observer):
    """Writes exchanges that belong to no account, and one log line for each that was refused."""

    def __init__(self, platform: Platform, store: Store, wall: WallClock) -> None:
        self._platform = platform
        self._store = store
        self._wall = wall
        self._writing: set[asyncio.Task[None]] = set()

    def foreign(self, body: bytes) -> Foreign | None:
        """What a packet of UIP v2 that came to another path is; None for any other body."""
        if b"uip_head" not in body:
            return None
        identified = self._platform.identify(body)
        decoded = identified.candidate.decoded
        if decoded.packet.uip_head == uip.ABSENT:
            return None
        finding = v2_finding(uip.members_of(body[: decoded.offset or None]) or {})
        return Foreign(identified.account, identified.key, finding)

    async def note(
        self,
        kind: Kind,
        arrival: Arrival,
        finding: Finding,
        status: int | None = None,
        answer: bytes | None = None,
        code: ResultCode | None = None,
        account: Account | None = None,
        more: tuple[Finding, ...] = (),
    ) -> None:
        """Keeps an exchange that never reached the platform's checks, or that they failed on. Raises nothing."""
        try:
            transaction = await self._store.begin(account)
            now = transaction.standing.clock.now(self._wall.now())
            self._platform.note(transaction, kind, arrival, now, finding, status, answer, code, more)
            await self._store.commit(transaction)
        except StoreError as error:
            log.error("not kept, the store could not be written (%s): %s", error, self._without_keys(finding))
            return
        except Exception:
            log.exception("not kept, for a reason inside the simulator: %s", self._without_keys(finding))
            return
        self.tell(transaction.exchange, account)

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
            suspected = Kept(self._store, account).suspicions(exchange, _BEFORE_A_REFUSAL)()
            suspected = tuple(each for each in suspected if each.severity == "suspicion")
        told = [*_told(exchange, errors), *(f"suspicion {each.rule}: {each.got}" for each in suspected)]
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

    def on_closed(self, peer: Peer) -> None:
        want = "an address on the server's whitelist"
        self._write("closed", _stranger(peer), found("source-not-whitelisted", "connection", Told(peer[0]), want))

    def on_refused(self, peer: Peer, error: OSError) -> None:
        reason, remedy = handshake_reason(error)
        self._write("handshake", _stranger(peer), found("handshake-refused", "connection", Told(reason), remedy))

    def on_bad_request(self, connection: Connection, excerpt: bytes, reason: str) -> None:
        shown = self._masked(excerpt)[:80]
        finding = found("not-http", "connection", Told(f"{reason}: {shown!r}"), "an HTTP/1.1 request")
        self._write("http", Arrival(excerpt, facts_of(connection)), finding, 400)

    def on_surplus(self, connection: Connection, surplus: bytes) -> None:
        got = Told(f"{len(surplus)} octets after the body, such as {self._masked(surplus)[:20]!r}")
        finding = found("surplus-bytes", "connection", got, "Content-Length in octets, not characters")
        self._write("closed", Arrival(surplus, facts_of(connection)), finding)

    def on_head_timeout(self, connection: Connection, excerpt: bytes) -> None:
        finding = found("head-unfinished", "connection", Told(f"{len(excerpt)} octets"), "a whole request head")
        self._write("closed", Arrival(excerpt, facts_of(connection)), finding)

    def _masked(self, octets: bytes) -> bytes:
        return mask(octets, None, self._platform.directory.keys)

    async def written(self) -> None:
        """Returns when everything noticed so far is kept."""
        while self._writing:
            await asyncio.wait(self._writing)

    def _without_keys(self, finding: Finding) -> Finding:
        return without_keys(finding, (self._platform.directory.keys,))

    def _write(self, kind: Kind, arrival: Arrival, finding: Finding, status: int | None = None) -> None:
        task = asyncio.get_running_loop().create_task(self.note(kind, arrival, finding, status))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)


def _told(exchange: Exchange, errors: Sequence[Finding]) -> Iterator[str]:
    if exchange.fault is not None:
        yield f"befallen by {exchange.fault}, as {exchange.rule} says"
    if exchange.code is ResultCode.OK and isinstance(exchange, Sending) and exchange.places is not None:
        yield f"refused in part, {len(exchange.places)} accepted: {_reasons(errors)}"
    elif exchange.code is not ResultCode.OK and (exchange.code is not None or exchange.fault is None):
        code = "" if exchange.code is None else f" {written(exchange.code)} {desc_of(exchange.code)}"
        yield f"refused{code}: {_reasons(errors)}"


def _reasons(errors: Sequence[Finding]) -> str:
    """The first few findings, and how many more there are."""
    told = [f"{each.rule} at {each.path}: got {each.got}, want {each.want}" for each in errors[:_MOST_TOLD]]
    if len(errors) > _MOST_TOLD:
        told.append(f"and {len(errors) - _MOST_TOLD} more")
    return "; ".join(told)


def _stranger(peer: Peer) -> Arrival:
    return Arrival(b"", Facts(0, peer[0], peer[1]))
