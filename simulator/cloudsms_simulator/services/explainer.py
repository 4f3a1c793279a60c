"""Explanations: of any exchange that is kept, and of any body before it is sent.

What has not been sent goes through the platform's own stages in a dry run, `Store.look`: nothing is kept, counted or
charged, and no SMS_UID is used up. A refused packet is explained with the smallest correction that
makes it pass, and as a line for a shell.

Reading: R24.
"""

import shlex
from collections.abc import Callable
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.account import ANY_KEY_OR_ROUTE, Account
from cloudsms_simulator.engine.billing import TextBill, bill_of_packet
from cloudsms_simulator.engine.diagnosis import answer_of, findings_of
from cloudsms_simulator.engine.explanation import (
    Charge,
    Decider,
    ExplainedExchange,
    charges,
    decider_of,
    decider_of_message,
    decider_of_refusal,
    expected_reports,
)
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import ConnectionFacts, Exchange, Message, Sending
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.journal.search_fields import octets_of
from cloudsms_simulator.journal.views import JournalView, code_item
from cloudsms_simulator.models.explanation import CorrectionItem, DestinationItem, Explanation, FaultItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.runtime import offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import Candidate, candidate_of
from cloudsms_simulator.protocol.checks import list_is_an_array
from cloudsms_simulator.protocol.codes import ResultCode, row_of
from cloudsms_simulator.protocol.correction import (
    KEY_PLACEHOLDER,
    Correction,
    CorrectionContext,
    Uncorrected,
    beyond_correction,
    corrected,
)
from cloudsms_simulator.protocol.customer import DestinationAnswer
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.stores.store import Store

LONGEST_CORRECTED = 64 * 1024
"""Octets of a body that is corrected, and written as a line for a shell."""
_FAULTS_THAT_ARRIVE = frozenset({None, "DELAY", "DRIBBLE"})
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

    async def explain_body(self, account: Account, body: bytes, peer: str | None = None) -> Explanation:
        """What would happen to a body now, as the account's next request, and as coming from `peer` if that is said.

        The account is the one whose AUTH_KEY is in it; `$CLOUDSMS_AUTH_KEY`, and the key's fingerprint, stand for the
        key of `account`. StoreError when the store cannot be read.
        """
        body = with_key(body, account)
        refused = peer is not None and not self._admits(peer)
        case = await (self._turned_away(body, peer or "") if refused else self._dry_run(body, peer))
        correction = await self._correction(case, case.account or account)
        return await offload(len(body), lambda: explanation_item(case, correction))

    async def explain_exchange(self, account: Account | None, exchange: Exchange, other: Account) -> Explanation:
        """What happened in an exchange of an account, or of nobody; corrected, it is a request of `other` then."""
        store = self._store
        known = (None if account is None else store.message(account, uid) for uid in exchange.uids)
        messages = tuple(message for message in known if message is not None)
        finder = JournalView(store, account).findings_builder(exchange, whole=True)
        profile = exchange.profile if isinstance(exchange, Sending) else self._profile_of(account)
        entries = () if account is None else store.ledger(account)

        def case_of() -> ExplainedExchange:
            return ExplainedExchange(
                exchange=exchange,
                account=account,
                profile=profile,
                findings=finder(),
                messages=messages,
                entries=entries,
                answer=answer_of(exchange, messages) if exchange.fault in _FAULTS_THAT_ARRIVE else None,
            )

        octets = octets_of(exchange)
        case = await offload(octets, case_of)
        correction = await self._correction(case, account or other)
        return await offload(octets, lambda: explanation_item(case, correction))

    def curl_of_packet(self, body: bytes) -> str:
        """A packet with `$CLOUDSMS_AUTH_KEY` as a line for a POSIX shell."""
        return curl_line(self._ready(), body)

    def curl(self, account: Account | None, exchange: Exchange) -> str | None:
        """An exchange as a line for a shell; None without a packet of text, which is all that a shell can say.

        None too for a body of more than 64 KiB: no shell takes a line as long as that.
        """
        if exchange.kind != "uip" or len(exchange.kept_body) > LONGEST_CORRECTED or b"\0" in exchange.body:
            return None
        key = KEY_PLACEHOLDER if account is None else fingerprint(account.auth_key)
        body = exchange.body.replace(msgspec.json.encode(key), msgspec.json.encode(KEY_PLACEHOLDER))
        try:
            return curl_line(self._ready(), body)
        except UnicodeDecodeError:
            return None

    async def _turned_away(self, body: bytes, peer: str) -> ExplainedExchange:
        """What the server's own whitelist closes before anything is read."""
        finding = found("source-not-whitelisted", "connection", Told(peer), "an address on the server's whitelist")

        def turn_away(transaction: Transaction) -> ExplainedExchange:
            now = transaction.standing.clock.now(self._wall.now())
            self._platform.note(transaction, "closed", Arrival(b"", ConnectionFacts(0, peer, 0)), now, finding)
            exchange = transaction.exchange
            assert exchange is not None
            return ExplainedExchange(
                exchange=exchange,
                account=None,
                profile=self._platform.profile,
                findings=(finding,),
                messages=(),
                entries=(),
                answer=None,
                reply=Reply(None, None, transaction.request_id),
            )

        return await self._store.look(None, turn_away)

    async def _dry_run(self, body: bytes, peer: str | None = None) -> ExplainedExchange:
        identified = self._platform.identify(body)
        judged = self._platform.check(identified, body)
        account = identified.account
        connection = None if peer is None else ConnectionFacts(0, peer, 0)

        def receive(transaction: Transaction) -> ExplainedExchange:
            now = transaction.standing.clock.now(self._wall.now())
            reply = self._platform.receive(transaction, judged, Arrival(body, connection), now)
            exchange = transaction.exchange
            assert exchange is not None, "whatever is received is an exchange"
            real = transaction.standing.clock.is_real
            return ExplainedExchange(
                exchange=exchange,
                account=account,
                profile=identified.candidate.profile,
                findings=findings_of(exchange, transaction.new_messages, account, clock_is_real=real),
                messages=transaction.new_messages,
                entries=tuple(transaction.entries),
                answer=reply.body,
                reply=reply,
            )

        return await self._store.look(account, receive)

    async def _correction(self, case: ExplainedExchange, account: Account) -> CorrectionItem | None:
        if case.passes:
            return None
        now = self._store.standing(account).clock.now(self._wall.now())
        found = await offload(len(case.exchange.kept_body), lambda: self._corrected(case, account, now))
        if found.body is None:
            left = (*found.uncorrected, *_elsewhere(case))
            return CorrectionItem(curl=None, changes=found.changes, uncorrected=left, code=None, passes=False)
        again = await self._dry_run(with_key(found.body, account))
        return CorrectionItem(
            request=msgspec.Raw(found.body),
            curl=curl_line(self._ready(), found.body),
            changes=found.changes,
            uncorrected=(*found.uncorrected, *_elsewhere(again)),
            code=None if again.exchange.code is None else code_item(again.exchange.code),
            passes=again.passes,
        )

    def _corrected(self, case: ExplainedExchange, account: Account, now: datetime) -> Correction:
        exchange = case.exchange
        is_v2 = any(each.rule == "uip-v2" for each in case.findings)
        if exchange.kind != "uip" and not is_v2:
            return Correction(None, (), ())
        if len(exchange.kept_body) > LONGEST_CORRECTED:
            why = f"a body of {len(exchange.kept_body)} octets is not corrected, at most one of {LONGEST_CORRECTED}"
            return Correction(None, (), (Uncorrected("not-looked-through", "body", why),))
        model = CorrectionContext(account.profile, account.route_at_hand, now)
        known = case.account is not None
        return corrected(exchange.body, account, model, key_is_known=known, headers=exchange.headers)

    def _profile_of(self, account: Account | None) -> Profile:
        return self._platform.profile if account is None else account.profile


def curl_line(ready: Ready, body: bytes) -> str:
    """A packet as a line for a POSIX shell, which puts the variable `CLOUDSMS_AUTH_KEY` in."""
    words = ["curl"]
    if ready.url.startswith("https:") and ready.ca:
        words += ["--cacert", ready.ca, "--cert", ready.client_cert, "--key", ready.client_key]
    words += [ready.url, "-H", "Content-Type: application/json", "--data-binary"]
    packet = shlex.quote(body.decode())
    packet = packet.replace(f'"{KEY_PLACEHOLDER}"', f'"\'"{KEY_PLACEHOLDER}"\'"')
    return f"{shlex.join(words)} {packet}"


def with_key(body: bytes, account: Account) -> bytes:
    """A body with the account's AUTH_KEY in the place of what stands for it: its fingerprint, or its variable."""
    if account.auth_key == ANY_KEY_OR_ROUTE:
        return body
    key = msgspec.json.encode(account.auth_key)
    for stand_in in (KEY_PLACEHOLDER, fingerprint(account.auth_key)):
        body = body.replace(msgspec.json.encode(stand_in), key)
    return body


def _elsewhere(case: ExplainedExchange) -> tuple[Uncorrected, ...]:
    """What no change of the packet answers."""
    found = (beyond_correction(finding) for finding in case.findings)
    return tuple(each for each in found if each is not None)


def explanation_item(explained: ExplainedExchange, correction: CorrectionItem | None) -> Explanation:
    """Makes the explanation of an exchange; `correction` is None when there is nothing to correct."""
    exchange, account = explained.exchange, explained.account
    decided_by = decider_of(exchange, explained.findings, explained.messages)
    costs = [message.cost for message in explained.messages]
    return Explanation(
        request_id=exchange.id if explained.reply is None else None,
        account=exchange.account,
        kind=exchange.kind,
        at=exchange.received_at,
        http_status=exchange.http_status,
        code=None if exchange.code is None else code_item(exchange.code),
        meaning=_meaning(exchange.code),
        summary=_summary(explained, decided_by),
        decided_by=decided_by,
        fault=_fault(explained),
        findings=explained.findings,
        text=_text(explained),
        total=Money(sum(costs, Decimal(0)), explained.messages[0].sending.currency) if costs else None,
        callback=None if account is None else account.callback.url,
        destinations=_destinations(explained),
        correction=correction,
    )


def _meaning(code: ResultCode | None) -> str:
    if code is None:
        return ""
    row = row_of(code)
    return f"{row.description} {row.solution}".strip()


def _summary(explained: ExplainedExchange, decided_by: Decider) -> str:
    exchange = explained.exchange
    why = f"{decided_by.by} {decided_by.name}".strip()
    if exchange.code is None:
        what = f"HTTP {exchange.http_status}" if exchange.http_status is not None else "no answer"
        return f"{what}, because of {why}: {decided_by.about}"
    if exchange.code is not ResultCode.OK:
        return f"refused, because of {why}: {decided_by.about}"
    destinations = explained.items
    refused = sum(item.result_code != ResultCode.OK for item in destinations)
    rejected = sum(message.reason is not None for message in explained.messages)
    parts = [f"{len(explained.messages) - rejected} accepted"]
    parts += [f"{rejected} rejected locally"] if rejected else []
    parts += [f"{refused} refused"] if refused else []
    return ", ".join(parts)


def _fault(explained: ExplainedExchange) -> FaultItem | None:
    exchange = explained.exchange
    if exchange.fault is None:
        return None
    fault = None if explained.reply is None else explained.reply.trouble
    if fault is None:
        return FaultItem(exchange.fault, exchange.rule or "", None, None)
    return FaultItem(exchange.fault, fault.rule, fault.delay.total_seconds(), fault.processed)


def _text(explained: ExplainedExchange) -> TextBill | None:
    candidate = candidate_of(packet.decode(explained.exchange.body), explained.account, explained.profile)
    return bill_of_packet(candidate.packet, explained.profile, _price(explained, candidate))


def _price(explained: ExplainedExchange, candidate: Candidate) -> Money | None:
    """Returns the price of a segment, if it is the same for every destination; else None."""
    if explained.account is None:
        return None
    list_is_an_array(candidate)
    prices = {explained.account.price(each.country_code) for each in candidate.destinations}
    price = prices.pop() if len(prices) == 1 else None
    return None if price is None else Money(price, explained.account.currency)


def _destinations(explained: ExplainedExchange) -> tuple[DestinationItem, ...]:
    charged = charges(explained.messages, explained.entries)
    is_pushed = explained.account is not None and explained.account.callback.url is not None
    found = {message.index: _accepted(message, charged[message.uid], is_pushed) for message in explained.messages}
    for index, item in enumerate(explained.items):
        if index not in found:
            found[index] = _refused(explained, index, item)
    return tuple(found[index] for index in sorted(found))


def _accepted(message: Message, charge: Charge, is_pushed: bool) -> DestinationItem:
    return DestinationItem(
        index=message.index,
        to=f"{message.country_code}{message.msisdn}",
        country_code=message.country_code,
        msisdn=message.msisdn,
        uid=message.uid,
        code=code_item(ResultCode.OK),
        decided_by=decider_of_message(message),
        rejection=message.reason,
        charge=charge,
        reports=expected_reports(message, is_pushed=is_pushed),
    )


def _refused(explained: ExplainedExchange, index: int, item: DestinationAnswer) -> DestinationItem:
    alone = isinstance(explained.exchange, Sending)
    return DestinationItem(
        index=index,
        to=f"{item.country_code}{item.dest_msisdn}",
        country_code=item.country_code,
        msisdn=item.dest_msisdn,
        uid=None,
        code=code_item(ResultCode(item.result_code)),
        decided_by=decider_of_refusal(explained.findings, index)
        if alone
        else decider_of(explained.exchange, explained.findings, explained.messages),
        rejection=None,
        charge=None,
        reports=(),
    )
