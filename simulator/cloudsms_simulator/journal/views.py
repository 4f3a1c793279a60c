"""One account's part of the journal: its records for searches, and its items as the admin API shows them.

`JournalView` lists records, newest first, and gives a search what it needs besides each. It works out the findings on
accepted exchanges when somebody looks, those included that follow from the exchanges around one, and makes the items of
the admin API. Long work goes into threads; lists are worked through in slices of time. Account None stands for the
exchanges that belong to no account.

Reading: R17, R20.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from cloudsms_simulator.engine.account import Account
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
from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.journal.items import message_item, report_item, request_item
from cloudsms_simulator.journal.search import Search
from cloudsms_simulator.journal.search_fields import (
    NO_CONTEXT,
    JournalKind,
    JournalRecord,
    SearchableRequest,
    SearchContext,
    octets_of,
)
from cloudsms_simulator.models.journal import MessageItem, ReportItem, RequestItem
from cloudsms_simulator.net.runtime import TimeSlices, offload
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.stores.store import Listing, Store

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
