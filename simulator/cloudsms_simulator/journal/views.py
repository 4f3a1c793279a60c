"""One account's part of the journal, as searches look at it and as the admin API shows it.

`JournalView` lists records, newest first, gives a search what it needs beside each, works out the findings on
accepted exchanges when somebody looks, with what the exchanges around one make suspect, and makes items. Long work
goes into threads; much of it in slices. Account None stands for the exchanges that are nobody's.

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
    MessageItem,
    ReportItem,
    RequestItem,
    message_item,
    report_item,
    request_item,
)
from cloudsms_simulator.net.concurrency import TimeSlices, offload
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.stores.store import Listing, Store

_LONGEST_DIAGNOSED = 64 * 1024
"""Octets of an accepted body whose mistakes are worked out for a list, a search or a page about others too."""
_MOST_TRACES = 1_000
"""Exchanges whose traces are remembered while others are held against them."""

JournalItem = MessageItem | RequestItem | ReportItem


class JournalView:
    """One account's part of a store; account None: the exchanges that are nobody's."""

    def __init__(self, store: Store, account: Account | None) -> None:
        self._store = store
        self._account = account
        self._in_order: list[Exchange] = []
        """The exchanges, the oldest first, as they were when one was last looked for."""
        self._traces: dict[int, ExchangeSummary] = {}

    def listing(self, kind: JournalKind) -> Listing[JournalRecord]:
        """Everything of a kind, newest first. Nobody's exchanges have neither messages nor reports."""
        if kind == "requests":
            return self._store.exchanges(self._account)
        if self._account is None:
            return SearchHits([], 0)
        return self._store.messages(self._account) if kind == "messages" else self._store.reports(self._account)

    def context_of(self, value: JournalRecord) -> SearchContext:
        """What a search needs beside a value, all of it at hand: a search may look at both wherever it runs."""
        if isinstance(value, Exchange):
            finder = self.findings_builder(value)
            found = SearchContext(findings=lambda _exchange: finder())
            return SearchContext(findings=found.findings, request=SearchableRequest(value, found))
        if isinstance(value, Message) or self._account is None:
            return NO_CONTEXT
        return SearchContext(self._store.message(self._account, value.uid))

    def findings(self, exchange: Exchange) -> tuple[Finding, ...]:
        """The findings on an exchange, suspicions last; those of accepted ones are worked out now, of no long body."""
        return self.findings_builder(exchange)()

    def suspicions(self, exchange: Exchange, neighbours: int = NEIGHBOURS) -> Callable[[], tuple[Finding, ...]]:
        """What works out, wherever it is called, what so many exchanges before and behind one make suspect of it.

        Nothing of one that is no packet, or a large one.
        """
        if exchange.kind != "uip" or len(exchange.kept_body) > NEIGHBOURING_OCTETS:
            return tuple
        real = self._store.standing(self._account).clock.is_real
        order = self._order_around(exchange)

        def suspected() -> tuple[Finding, ...]:
            before, behind = _around(order, exchange, neighbours)
            traces = tuple(map(self._trace, reversed(before))), tuple(map(self._trace, behind))
            return suspected_in(ExchangeWindow(traces[0], self._trace(exchange), traces[1], real))

        return suspected

    def findings_builder(self, exchange: Exchange, *, whole: bool = False) -> Callable[[], tuple[Finding, ...]]:
        """What works those out, wherever it is called; `whole`: of a long body too."""
        return self._findings(exchange, None if whole else _LONGEST_DIAGNOSED)

    async def item(self, value: JournalRecord) -> JournalItem:
        """A value, whole, as the admin API shows it alone. Others are served while it is put together."""
        return await offload(octets_of(value), self._maker(value, whole=True))

    async def items(self, values: Sequence[JournalRecord]) -> list[JournalItem]:
        """Values as the admin API lists them: what is long is cut, and says where it is whole."""
        makers = self.item_builders(values)
        return await offload(sum(map(octets_of, values)), lambda: [make() for make in makers])

    def item_builders(self, values: Sequence[JournalRecord]) -> list[Callable[[], JournalItem]]:
        """What makes the items of `items`, one each, wherever it is called."""
        return [self._maker(value, whole=False) for value in values]

    def _maker(self, value: JournalRecord, *, whole: bool) -> Callable[[], JournalItem]:
        """Makes the item of a value, wherever it is called: everything it needs is at hand."""
        account, key = self._account, self._key
        if isinstance(value, Message):
            return partial(message_item, value, key)
        if isinstance(value, Report):
            return partial(
                report_item, value, key, None if account is None else self._store.message(account, value.uid)
            )
        messages = self._messages_of(value)
        findings = self._findings(value, None if whole else _LONGEST_DIAGNOSED)
        return lambda: request_item(value, answer_of(value, messages), findings(), whole=whole)

    def _findings(self, exchange: Exchange, longest: int | None) -> Callable[[], tuple[Finding, ...]]:
        real = self._store.standing(self._account).clock.is_real
        messages = self._messages_of(exchange)
        account, suspicions = self._account, self.suspicions(exchange)
        return lambda: (
            *findings_of(exchange, messages, account, clock_is_real=real, longest=longest),
            *suspicions(),
        )

    def message(self, message: Message) -> MessageItem:
        """A message of the account as the admin API shows it."""
        return message_item(message, self._key)

    def report(self, report: Report) -> ReportItem:
        """A report of the account as the admin API shows it."""
        account = self._account
        return report_item(report, self._key, None if account is None else self._store.message(account, report.uid))

    @property
    def _key(self) -> str:
        return "" if self._account is None else self._account.auth_key

    async def found(self, kind: JournalKind, search: Search) -> "SearchHits":
        """What a search finds now, newest first. Others get their turn while it looks."""
        listing = self.listing(kind)
        hits: list[JournalRecord] = []
        slices = TimeSlices()
        for value in list(listing):
            if await self.is_found(value, search):
                hits.append(value)
            await slices.rest()
        return SearchHits(hits, listing.evicted)

    async def is_found(self, value: JournalRecord, search: Search) -> bool:
        """Whether a search finds a value; a long one is looked at in a thread."""
        beside = self.context_of(value)
        return await offload(octets_of(value), lambda: search.matches(value, beside))

    def _order_around(self, exchange: Exchange) -> list[Exchange]:
        """Exchanges with an oldest-first order in which the neighbours of one are found. Nobody changes the list."""
        listing = self._store.exchanges(self._account)
        newest = next(iter(listing), None)
        if newest is None or newest.id <= exchange.id:
            return list(islice(listing, NEIGHBOURS + 1))[::-1]
        if not self._in_order or self._in_order[-1].id < exchange.id:
            self._in_order = list(listing)[::-1]
        return self._in_order

    def _trace(self, exchange: Exchange) -> ExchangeSummary:
        trace = self._traces.get(exchange.id)
        if trace is None:
            if len(self._traces) >= _MOST_TRACES:
                self._traces.clear()
            trace = self._traces[exchange.id] = exchange_summary_of(exchange)
        return trace

    def _messages_of(self, exchange: Exchange) -> tuple[Message, ...]:
        account = self._account
        if account is None:
            return ()
        known = (self._store.message(account, uid) for uid in exchange.uids)
        return tuple(message for message in known if message is not None)


class SearchHits:
    """A `Listing` of what a search found; `evicted` counts all that is gone, found or not."""

    def __init__(self, values: list[JournalRecord], evicted: int) -> None:
        self.total = len(values)
        self.evicted = evicted
        self._values = values

    def __iter__(self) -> Iterator[JournalRecord]:
        return iter(self._values)


def _around(order: Sequence[Exchange], exchange: Exchange, neighbours: int) -> tuple[list[Exchange], list[Exchange]]:
    """The nearest packets before an exchange and behind it, the nearest first."""
    at = bisect_left(order, exchange.id, key=_number)
    is_there = at < len(order) and order[at].id == exchange.id
    before = (order[place] for place in range(at - 1, -1, -1))
    behind = (order[place] for place in range(at + is_there, len(order)))
    return _nearest(before, neighbours), _nearest(behind, neighbours)


def _nearest(exchanges: Iterable[Exchange], most: int) -> list[Exchange]:
    """The first packets of them, so many at most, and so many octets."""
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
