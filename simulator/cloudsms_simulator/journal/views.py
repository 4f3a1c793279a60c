"""One account's part of the journal: its records for searches, its items as the admin API shows them, timelines.

`JournalView` lists records, newest first, and gives a search what it needs besides each. It works out the findings on
accepted exchanges when somebody looks, those included that follow from the exchanges around one, and makes the items of
the admin API. Long work goes into threads; lists are worked through in slices of time. Account None stands for the
exchanges that belong to no account. In items AUTH_KEYs are fingerprints wherever a customer may have written them, and
lists cut what is long and say where it is whole.

`timeline_of` lists everything about one message: acceptance, states, pushes, answers, money, what is planned.
`pending_of` and `PendingListing` list what is due, soonest first: a state with the first push of its report, a further
push, or the expiry.

Reading: R15, R16, R17, R20, R25.
"""

from bisect import bisect_left
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice

import msgspec

from cloudsms_simulator import moments
from cloudsms_simulator.engine.account import ANY_KEY_OR_ROUTE, Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.diagnosis import (
    NEIGHBOURING_OCTETS,
    NEIGHBOURS,
    ExchangeSummary,
    ExchangeWindow,
    answer_of,
    exchange_summary_of,
    findings_of,
    suspected_in,
)
from cloudsms_simulator.engine.explanation import DueItem, HistoryEntry, due_items, history_of
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import Attempt, Exchange, Message, Report, Sending, TlsFacts
from cloudsms_simulator.journal.search import Search
from cloudsms_simulator.journal.search_fields import (
    NO_CONTEXT,
    JournalKind,
    JournalRecord,
    SearchableRequest,
    SearchContext,
    octets_of,
)
from cloudsms_simulator.models.journal import (
    AttemptItem,
    Code,
    MessageItem,
    PendingItem,
    ReportItem,
    RequestItem,
    TimelineEntry,
    TimelineItem,
)
from cloudsms_simulator.models.server import Json, unread_json
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.runtime import TimeSlices, offload
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code, state_desc
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.masking import mask
from cloudsms_simulator.stores.store import Listing, Store


def code_item(code: ResultCode) -> Code:
    """Returns a result code as the API shows it."""
    return Code(int(code), hex_code(code), desc_of(code))


def message_item(message: Message, key: str) -> MessageItem:
    """Returns a message as the API shows it; `key` is the account's AUTH_KEY, which a customer may write anywhere."""
    sending = message.sending
    # An account that takes any key: the one that was sent is masked in the kept body, and nobody knows it any more.
    text = sending.masked_text if key == ANY_KEY_OR_ROUTE else _text(mask(sending.text.encode(), key))
    customer_body = sending.shown_customer_body
    return MessageItem(
        uid=message.uid,
        account=sending.account or "",  # messages come of an account's exchanges only
        request_id=sending.request_id,
        index=message.index,
        to=f"{message.country_code}{message.msisdn}",
        country_code=message.country_code,
        msisdn=message.msisdn,
        source=sending.source,
        text=text,
        dcs=sending.segmentation.dcs,
        segments=sending.segmentation.segments,
        route=sending.route_id,
        price=Money(message.price, sending.currency),
        cost=Money(message.cost, sending.currency),
        code=code_item(ResultCode.OK),
        state=message.state,
        state_name=None if message.state is None else state_desc(message.state),
        final=message.final_at is not None,
        refunded=message.refunded,
        reason=message.reason,
        accepted_at=sending.accepted_at,
        final_at=message.final_at,
        customer_body=None if customer_body is None else unread_json(mask(customer_body, key)),
        rule=message.rule,
    )


_PIECE = 32 * 1024
"""Octets that are decoded to text in one go."""
LONGEST_LISTED = 16 * 1024
"""Octets of a body, of an answer, of a header that a list shows."""


def request_item(
    exchange: Exchange, answer: bytes | None, findings: tuple[Finding, ...], *, whole: bool = True
) -> RequestItem:
    """Returns an exchange as the API shows it, with its answer and findings; without `whole` what is long is cut."""
    text_of = _text if whole else partial(_listed, where=f"/api/v1/requests/{exchange.id}")
    peer = exchange.connection
    return RequestItem(
        id=exchange.id,
        account=exchange.account,
        kind=exchange.kind,
        received_at=exchange.received_at,
        peer=None if peer is None else peer.peer,
        connection_id=None if peer is None else peer.id,
        tls=None if peer is None else _tls_members(peer.tls),
        headers=tuple([(_text(name), text_of(value)) for name, value in exchange.headers]),
        http_status=exchange.http_status,
        code=None if exchange.code is None else code_item(exchange.code),
        body=text_of(exchange.body),
        answer=None if answer is None else text_of(answer),
        findings=findings,
        rule=exchange.rule,
        fault=exchange.fault,
        uids=exchange.uids,
        method=None if exchange.line is None else exchange.line.method,
        target=None if exchange.line is None else exchange.line.target,
        http_version=None if exchange.line is None else exchange.line.version,
        body_base64=_no_text(exchange.body, None if whole else LONGEST_LISTED),
    )


def report_item(report: Report, key: str, message: Message | None) -> ReportItem:
    """Returns a report as the API shows it, without the account's `key`.

    `message` is the one it tells of; None when that is not kept any more.
    """
    sending = None if message is None else message.sending
    return ReportItem(
        id=report.id,
        uid=report.uid,
        account=report.account,
        state=report.state,
        state_name=state_desc(report.state),
        due_at=report.reached_at,
        outcome=report.outcome,
        next_attempt_at=report.next_attempt_at,
        attempts=tuple([_attempt_item(attempt, key, sending) for attempt in report.attempts]),
        findings=report.findings,
    )


def _attempt_item(attempt: Attempt, key: str, sending: Sending | None) -> AttemptItem:
    request = attempt.request
    if sending is not None and sending.customer_body is not None:
        request = request.replace(sending.customer_body, sending.shown_customer_body or b"")
    return AttemptItem(
        serial=attempt.serial,
        at=attempt.at,
        url=attempt.url,
        request=_text(mask(request, key)),
        status=attempt.status,
        body=_text(mask(attempt.body, key)),
        error=attempt.error,
        findings=attempt.findings,
        fault=attempt.fault,
        tls=_tls_members(attempt.tls),
        resent=attempt.resent,
        repeated=attempt.repeated,
    )


def _tls_members(tls: TlsFacts | None) -> Json | None:
    if tls is None:
        return None
    members: Json = msgspec.to_builtins(tls, builtin_types=(moments.datetime,))
    return members


def _listed(data: bytes, where: str) -> str:
    """Returns as much of a text as a list shows, then how much is left out, and where all of it is."""
    if len(data) <= LONGEST_LISTED:
        return _text(data)
    left_out = len(data) - LONGEST_LISTED
    return f"{data[:LONGEST_LISTED].decode('utf-8', 'ignore')}… {left_out} octets more, see {where}"


def _text(data: bytes) -> str:
    if len(data) <= _PIECE:
        return data.decode("utf-8", "backslashreplace")
    # Piece by piece: a mebibyte without UTF-8 in it would keep other threads waiting for a quarter of a second.
    decoder = getincrementaldecoder("utf-8")("backslashreplace")
    pieces = [decoder.decode(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _no_text(data: bytes, most: int | None) -> bytes | None:
    """Returns the octets of a body that are shown when they are no UTF-8; None when they are."""
    shown = data[:most]
    try:
        getincrementaldecoder("utf-8")().decode(shown, final=len(shown) == len(data))
    except UnicodeDecodeError:
        return shown
    return None


_LONGEST_DIAGNOSED = 64 * 1024
"""The largest accepted body, in octets, whose mistakes are worked out where it is one of many."""
_MOST_SUMMARIES = 1_000
"""How many summaries of exchanges are kept to compare others with."""

JournalItem = MessageItem | RequestItem | ReportItem


class JournalView:
    """One account's part of a store; account None: the exchanges that belong to no account."""

    def __init__(self, store: Store, account: Account | None) -> None:
        self._store = store
        self._account = account
        self._in_order: list[Exchange] = []
        """The exchanges, oldest first, as they were when the neighbours of one were last looked for."""
        self._summaries: dict[int, ExchangeSummary] = {}

    def listing(self, kind: JournalKind) -> Listing[JournalRecord]:
        """All records of a kind, newest first. Where there is no account there are neither messages nor reports."""
        if kind == "requests":
            return self._store.exchanges(self._account)
        if self._account is None:
            return SearchHits([], 0)
        return self._store.messages(self._account) if kind == "messages" else self._store.reports(self._account)

    def context_of(self, record: JournalRecord) -> SearchContext:
        """What a search needs besides a record. Nothing is looked up in the store later, so any thread may use it."""
        if isinstance(record, Exchange):
            finder = self.findings_builder(record)
            found = SearchContext(findings=lambda _exchange: finder())
            return SearchContext(findings=found.findings, request=SearchableRequest(record, found))
        if isinstance(record, Message) or self._account is None:
            return NO_CONTEXT
        return SearchContext(self._store.message(self._account, record.uid))

    def findings(self, exchange: Exchange) -> tuple[Finding, ...]:
        """The findings on an exchange, suspicions last.

        For an accepted one they are worked out now, unless it is long.
        """
        return self.findings_builder(exchange)()

    def suspicions(self, exchange: Exchange, neighbours: int = NEIGHBOURS) -> Callable[[], tuple[Finding, ...]]:
        """A function that works out which findings the exchanges around one make suspect; any thread may call it.

        It compares with that many exchanges before and after. It finds nothing for an exchange that is no packet, or
        that is large.
        """
        if exchange.kind != "uip" or len(exchange.kept_body) > NEIGHBOURING_OCTETS:
            return tuple
        real = self._store.standing(self._account).clock.is_real
        order = self._order_around(exchange)

        def suspected() -> tuple[Finding, ...]:
            before, behind = _around(order, exchange, neighbours)
            summaries = tuple(map(self._summary, reversed(before))), tuple(map(self._summary, behind))
            return suspected_in(ExchangeWindow(summaries[0], self._summary(exchange), summaries[1], real))

        return suspected

    def findings_builder(self, exchange: Exchange, *, whole: bool = False) -> Callable[[], tuple[Finding, ...]]:
        """A function that works out the findings on an exchange; any thread may call it.

        `whole`: of a long body too.
        """
        return self._findings(exchange, None if whole else _LONGEST_DIAGNOSED)

    async def item(self, record: JournalRecord) -> JournalItem:
        """A record as the admin API shows it alone, nothing cut. Long ones are put together in a thread."""
        return await offload(octets_of(record), self._builder(record, whole=True))

    async def items(self, records: Sequence[JournalRecord]) -> list[JournalItem]:
        """Records as the admin API lists them: long texts are cut, and the item says where they are whole."""
        builders = self.item_builders(records)
        return await offload(sum(map(octets_of, records)), lambda: [build() for build in builders])

    def item_builders(self, records: Sequence[JournalRecord]) -> list[Callable[[], JournalItem]]:
        """Functions that make the items that `items` returns, one for each record; any thread may call them."""
        return [self._builder(record, whole=False) for record in records]

    def _builder(self, record: JournalRecord, *, whole: bool) -> Callable[[], JournalItem]:
        """A function that makes the item of a record. What it needs is looked up now, so any thread may call it."""
        account, key = self._account, self._key
        if isinstance(record, Message):
            return partial(message_item, record, key)
        if isinstance(record, Report):
            return partial(
                report_item, record, key, None if account is None else self._store.message(account, record.uid)
            )
        messages = self._messages_of(record)
        findings = self._findings(record, None if whole else _LONGEST_DIAGNOSED)
        return lambda: request_item(record, answer_of(record, messages), findings(), whole=whole)

    def _findings(self, exchange: Exchange, longest: int | None) -> Callable[[], tuple[Finding, ...]]:
        real = self._store.standing(self._account).clock.is_real
        messages = self._messages_of(exchange)
        account, suspicions = self._account, self.suspicions(exchange)
        return lambda: (
            *findings_of(exchange, messages, account, clock_is_real=real, longest=longest),
            *suspicions(),
        )

    def message(self, message: Message) -> MessageItem:
        """The item of a message of the account."""
        return message_item(message, self._key)

    def report(self, report: Report) -> ReportItem:
        """The item of a report of the account."""
        account = self._account
        return report_item(report, self._key, None if account is None else self._store.message(account, report.uid))

    @property
    def _key(self) -> str:
        return "" if self._account is None else self._account.auth_key

    async def found(self, kind: JournalKind, search: Search) -> "SearchHits":
        """The records that a search matches now, newest first. Other tasks get their turn while it looks."""
        listing = self.listing(kind)
        hits: list[JournalRecord] = []
        slices = TimeSlices()
        for record in list(listing):
            if await self.is_found(record, search):
                hits.append(record)
            await slices.rest()
        return SearchHits(hits, listing.evicted)

    async def is_found(self, record: JournalRecord, search: Search) -> bool:
        """Whether a search matches a record; a long one is looked at in a thread."""
        context = self.context_of(record)
        return await offload(octets_of(record), lambda: search.matches(record, context))

    def _order_around(self, exchange: Exchange) -> list[Exchange]:
        """Exchanges, oldest first, among which are the neighbours of one. The list is never changed afterwards."""
        listing = self._store.exchanges(self._account)
        newest = next(iter(listing), None)
        if newest is None or newest.id <= exchange.id:
            return list(islice(listing, NEIGHBOURS + 1))[::-1]
        if not self._in_order or self._in_order[-1].id < exchange.id:
            self._in_order = list(listing)[::-1]
        return self._in_order

    def _summary(self, exchange: Exchange) -> ExchangeSummary:
        summary = self._summaries.get(exchange.id)
        if summary is None:
            if len(self._summaries) >= _MOST_SUMMARIES:
                self._summaries.clear()
            summary = self._summaries[exchange.id] = exchange_summary_of(exchange)
        return summary

    def _messages_of(self, exchange: Exchange) -> tuple[Message, ...]:
        account = self._account
        if account is None:
            return ()
        known = (self._store.message(account, uid) for uid in exchange.uids)
        return tuple(message for message in known if message is not None)


class SearchHits:
    """A `Listing` of the records a search matched. `evicted` counts all that are gone, whether they matched or not."""

    def __init__(self, records: list[JournalRecord], evicted: int) -> None:
        self.total = len(records)
        self.evicted = evicted
        self._values = records

    def __iter__(self) -> Iterator[JournalRecord]:
        return iter(self._values)


def _around(order: Sequence[Exchange], exchange: Exchange, neighbours: int) -> tuple[list[Exchange], list[Exchange]]:
    """The nearest packets before an exchange and those after it, in both cases the nearest first."""
    at = bisect_left(order, exchange.id, key=_number)
    is_there = at < len(order) and order[at].id == exchange.id
    before = (order[place] for place in range(at - 1, -1, -1))
    behind = (order[place] for place in range(at + is_there, len(order)))
    return _nearest(before, neighbours), _nearest(behind, neighbours)


def _nearest(exchanges: Iterable[Exchange], most: int) -> list[Exchange]:
    """The first packets of them: at most so many, and together at most `NEIGHBOURING_OCTETS`."""
    octets, chosen = 0, []
    for each in islice(exchanges, most):
        if each.kind == "uip":
            octets += len(each.kept_body)
            if octets > NEIGHBOURING_OCTETS:
                break
            chosen.append(each)
    return chosen


def _number(exchange: Exchange) -> int:
    return exchange.id


def timeline_of(store: Store, account: Account, message: Message, wall: datetime) -> TimelineItem:
    """The timeline of a kept message; `wall` is the time on the wall now."""
    clock = store.standing(account).clock
    now = clock.now(wall)
    findings = JournalView(store, account).findings(message.sending)
    reports = store.reports_of(account, message.uid)
    return timeline_item(message, history_of(message, reports, store.ledger(account), findings, now), clock, now)


def timeline_item(message: Message, history: Sequence[HistoryEntry], clock: Clock, now: datetime) -> TimelineItem:
    """The history of a message as the API shows it; `now` is the time on the account's clock."""
    return TimelineItem(
        uid=message.uid,
        account=message.sending.account or "",  # messages come of an account's exchanges only
        to=f"{message.country_code}{message.msisdn}",
        now=now,
        settled=message.settled,
        items=tuple([_timeline_entry(entry, message.uid, clock) for entry in history]),
    )


def _timeline_entry(entry: HistoryEntry, uid: str, clock: Clock) -> TimelineEntry:
    return TimelineEntry(
        at=entry.at,
        wall_at=clock.shown_on_the_wall(entry.at),
        kind=entry.kind,
        text=entry.text,
        to_come=entry.is_to_come,
        request_id=entry.request,
        report_id=None if entry.report is None else f"{uid}-{entry.report}",
        attempt=entry.attempt,
        state=entry.state,
        state_name=None if entry.state is None else state_desc(entry.state),
        amount=entry.amount,
        finding=entry.finding,
    )


PendingOfMessage = tuple[DueItem, Message]
"""Something that is due, and the message it is due for."""


class PendingListing:
    """A `Listing` of what is due for messages, soonest first, as it was when this was made; `now` is the time then."""

    def __init__(self, pending: Iterable[PendingOfMessage], now: datetime, evicted: int) -> None:
        self._pending = sorted(pending, key=lambda each: (each[0].due_at, each[0].uid, each[0].number))
        self.total = len(self._pending)
        self.evicted = evicted
        self._now = now

    def __iter__(self) -> Iterator[PendingItem]:
        return (_pending_item(due, message, self._now) for due, message in self._pending)


async def pending_of(store: Store, account: Account, messages: Iterable[JournalRecord]) -> list[PendingOfMessage]:
    """What is due for those of these messages that are not settled, each with its message.

    Other tasks get their turn meanwhile.
    """
    found: list[PendingOfMessage] = []
    slices = TimeSlices()
    for each in list(messages):
        if isinstance(each, Message) and not each.settled:
            found += [(due, each) for due in due_items(each, store.reports_of(account, each.uid))]
        await slices.rest()
    return found


def _pending_item(due: DueItem, message: Message, now: datetime) -> PendingItem:
    return PendingItem(
        uid=due.uid,
        report_id=f"{due.uid}-{due.number}",
        to=f"{message.country_code}{message.msisdn}",
        state=due.state,
        state_name=state_desc(due.state),
        due_at=due.due_at,
        in_s=max(due.due_at - now, timedelta()).total_seconds(),
        attempt=due.attempt,
        kind=due.kind,
    )
