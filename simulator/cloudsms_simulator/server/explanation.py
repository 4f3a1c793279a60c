"""Explanations: of any exchange that is kept, and of any body before it is sent.

What has not been sent goes through the platform's own stages on a transaction that is never committed: nothing is kept,
counted or charged, and no SMS_UID is used up.

Reading: R24.
"""

import shlex
from collections import deque
from collections.abc import Callable
from datetime import datetime

import msgspec

from cloudsms_simulator.engine.account import ANY, Account
from cloudsms_simulator.engine.arrival import Arrival, Reply
from cloudsms_simulator.engine.case import Case
from cloudsms_simulator.engine.connection import Connection
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.hindsight import answer_of, findings_of
from cloudsms_simulator.engine.message import Sending
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.suspicions import NEIGHBOURS, suspicions
from cloudsms_simulator.protocol.correction import PLACEHOLDER, Correction, Uncorrected, beyond_correction, corrected
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.remedies import Model
from cloudsms_simulator.server.explanation_item import CorrectionItem, Explanation, explanation_item
from cloudsms_simulator.server.items import code_item
from cloudsms_simulator.server.ready_file import Ready
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

_ARRIVES = frozenset({None, "DELAY", "DRIBBLE"})
"""Faults after which the kept answer is the one that was decided."""


class Explainer:
    """Explains. `ready` says where a client finds the platform, once it serves; `admits` whom the server lets in."""

    def __init__(
        self,
        platform: Platform,
        store: Store,
        wall: WallClock,
        ready: Callable[[], Ready],
        admits: Callable[[str], bool] = lambda host: True,
    ) -> None:
        self._platform = platform
        self._admits = admits
        self._store = store
        self._wall = wall
        self._ready = ready

    async def of_body(self, account: Account, body: bytes, peer: str | None = None) -> Explanation:
        """What would happen to a body now, as the account's next request, and as coming from `peer` if that is said.

        The account is the one whose AUTH_KEY is in it; `$CLOUDSMS_AUTH_KEY`, and the key's fingerprint, stand for the
        key of `account`. StoreError when the store cannot be read.
        """
        body = _with_key(body, account)
        refused = peer is not None and not self._admits(peer)
        case = await (self._turned_away(body, peer or "") if refused else self._dry_run(body, peer))
        return explanation_item(case, await self._correction(case, case.account or account))

    async def of_exchange(self, account: Account | None, exchange: Exchange, other: Account) -> Explanation:
        """What happened in an exchange of an account, or of nobody; corrected, it is a request of `other` then."""
        store = self._store
        known = (None if account is None else store.message(account, uid) for uid in exchange.uids)
        messages = tuple(message for message in known if message is not None)
        standing = store.standing(account)
        real = standing.clock.is_real
        findings = findings_of(exchange, messages, account, clock_is_real=real)
        case = Case(
            exchange=exchange,
            account=account,
            profile=exchange.profile if isinstance(exchange, Sending) else self._profile_of(account),
            findings=(*findings, *suspicions(exchange, self._around(account, exchange), clock_is_real=real)),
            messages=messages,
            entries=() if account is None else store.ledger(account),
            answer=answer_of(exchange, messages) if exchange.fault in _ARRIVES else None,
        )
        return explanation_item(case, await self._correction(case, account or other))

    async def _turned_away(self, body: bytes, peer: str) -> Case:
        """What the server's own whitelist closes before anything is read."""
        transaction = await self._store.begin(None)
        now = transaction.standing.clock.now(self._wall.now())
        finding = found("source-not-whitelisted", "connection", Told(peer), "an address on the server's whitelist")
        self._platform.note(transaction, "closed", Arrival(b"", Connection(0, peer, 0)), now, finding)
        exchange = transaction.exchange
        assert exchange is not None
        return Case(
            exchange=exchange,
            account=None,
            profile=self._platform.profile,
            findings=(finding,),
            messages=(),
            entries=(),
            answer=None,
            reply=Reply(None, None, transaction.request_id),
        )

    async def _dry_run(self, body: bytes, peer: str | None = None) -> Case:
        identified = self._platform.identify(body)
        account = identified.account
        transaction = await self._store.begin(account)
        connection = None if peer is None else Connection(0, peer, 0)
        now = transaction.standing.clock.now(self._wall.now())
        reply = self._platform.receive(transaction, identified, Arrival(body, connection), now)
        exchange = transaction.exchange
        assert exchange is not None, "whatever is received is an exchange"
        real = transaction.standing.clock.is_real
        return Case(
            exchange=exchange,
            account=account,
            profile=identified.candidate.profile,
            findings=findings_of(exchange, transaction.new_messages, account, clock_is_real=real),
            messages=transaction.new_messages,
            entries=tuple(transaction.entries),
            answer=reply.body,
            reply=reply,
        )

    async def _correction(self, case: Case, account: Account) -> CorrectionItem | None:
        if case.passes:
            return None
        now = self._store.standing(account).clock.now(self._wall.now())
        found = self._corrected(case, account, now)
        if found.body is None:
            left = (*found.uncorrected, *_elsewhere(case))
            return CorrectionItem(curl=None, changes=found.changes, uncorrected=left, code=None, passes=False)
        again = await self._dry_run(_with_key(found.body, account))
        return CorrectionItem(
            request=msgspec.Raw(found.body),
            curl=curl_line(self._ready(), found.body),
            changes=found.changes,
            uncorrected=(*found.uncorrected, *_elsewhere(again)),
            code=None if again.exchange.code is None else code_item(again.exchange.code),
            passes=again.passes,
        )

    def _corrected(self, case: Case, account: Account, now: datetime) -> Correction:
        exchange = case.exchange
        if exchange.kind != "uip":
            return Correction(None, (), ())
        model = Model(account.profile, account.route_at_hand, now)
        return corrected(exchange.body, account, model, key_is_known=case.account is not None)

    def _around(self, account: Account | None, exchange: Exchange) -> list[Exchange]:
        behind: deque[Exchange] = deque(maxlen=NEIGHBOURS)
        before: list[Exchange] = []
        for each in self._store.exchanges(account):
            if each.id > exchange.id:
                behind.append(each)
            elif each.id < exchange.id:
                before.append(each)
                if len(before) == NEIGHBOURS:
                    break
        return [*behind, *before]

    def _profile_of(self, account: Account | None) -> Profile:
        return self._platform.profile if account is None else account.profile


def curl_line(ready: Ready, body: bytes) -> str:
    """A packet as a line for a POSIX shell, which puts the variable `CLOUDSMS_AUTH_KEY` in."""
    words = ["curl"]
    if ready.url.startswith("https:"):
        words += ["--cacert", ready.ca, "--cert", ready.client_cert, "--key", ready.client_key]
    words += [ready.url, "-H", "Content-Type: application/json", "--data-binary"]
    packet = shlex.quote(body.decode())
    key = f'"AUTH_KEY":"{PLACEHOLDER}"'
    packet = packet.replace(key, f'"AUTH_KEY":"\'"{PLACEHOLDER}"\'"')
    return f"{shlex.join(words)} {packet}"


def _with_key(body: bytes, account: Account) -> bytes:
    """A body with the account's AUTH_KEY in the place of what stands for it."""
    if account.auth_key == ANY:
        return body
    key = msgspec.json.encode(account.auth_key)
    for stand_in in (PLACEHOLDER, fingerprint(account.auth_key)):
        body = body.replace(msgspec.json.encode(stand_in), key)
    return body


def _elsewhere(case: Case) -> tuple[Uncorrected, ...]:
    """What no change of the packet answers."""
    found = (beyond_correction(finding) for finding in case.findings)
    return tuple(each for each in found if each is not None)
