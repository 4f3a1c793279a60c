"""What is kept of one account, as searches look at it and as the admin API shows it.

Reading: R17, R20.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.hindsight import answer_of, findings_of
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.suspicions import NEIGHBOURING_OCTETS, NEIGHBOURS, Scene, suspected_in
from cloudsms_simulator.engine.trace import Trace, trace_of
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.server.aside import Slices, aside
from cloudsms_simulator.server.items import (
    MessageItem,
    ReportItem,
    RequestItem,
    message_item,
    report_item,
    request_item,
)
from cloudsms_simulator.server.search import Search
from cloudsms_simulator.server.sought import ALONE, Beside, Kind, SoughtRequest, Value, octets_of
from cloudsms_simulator.stores.store import Listing, Store

_LONGEST_DIAGNOSED = 64 * 1024
"""Octets of an accepted body whose mistakes are worked out for a list, a search or a page about others too."""
_MOST_TRACES = 1_000
"""Exchanges whose traces are remembered while others are held against them."""

Item = MessageItem | RequestItem | ReportItem


class Kept:
    """One account's part of a store; account None: the exchanges that are nobody's."""

    def __init__(self, store: Store, account: Account | None) -> None:
        self._store = store
        self._account = account
        self._in_order: list[Exchange] = []
        """The exchanges, the oldest first, as they were when one was last looked for."""
        self._traces: dict[int, Trace] = {}

    def listing(self, kind: Kind) -> Listing[Value]:
        """Everything of a kind, newest first. Nobody's exchanges have neither messages nor reports."""
        if kind == "requests":
            return self._store.exchanges(self._account)
        if self._account is None:
            return Hits([], 0)
        return self._store.messages(self._account) if kind == "messages" else self._store.reports(self._account)

    def beside(self, value: Value) -> Beside:
        """What a search needs beside a value, all of it at hand: a search may look at both wherever it runs."""
        if isinstance(value, Exchange):
            finder = self.finder(value)
            found = Beside(findings=lambda _exchange: finder())
            return Beside(findings=found.findings, request=SoughtRequest(value, found))
        if isinstance(value, Message) or self._account is None:
            return ALONE
        return Beside(self._store.message(self._account, value.uid))

    def findings(self, exchange: Exchange) -> tuple[Finding, ...]:
        """The findings on an exchange, suspicions last; those of accepted ones are worked out now, of no long body."""
        return self.finder(exchange)()

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
            return suspected_in(Scene(traces[0], self._trace(exchange), traces[1], real))

        return suspected

    def finder(self, exchange: Exchange, *, whole: bool = False) -> Callable[[], tuple[Finding, ...]]:
        """What works those out, wherever it is called; `whole`: of a long body too."""
        return self._findings(exchange, None if whole else _LONGEST_DIAGNOSED)

    async def item(self, value: Value) -> Item:
        """A value, whole, as the admin API shows it alone. Others are served while it is put together."""
        return await aside(octets_of(value), self._maker(value, whole=True))

    async def items(self, values: Sequence[Value]) -> list[Item]:
        """Values as the admin API lists them: what is long is cut, and says where it is whole."""
        makers = self.makers(values)
        return await aside(sum(map(octets_of, values)), lambda: [make() for make in makers])

    def makers(self, values: Sequence[Value]) -> list[Callable[[], Item]]:
        """What makes the items of `items`, one each, wherever it is called."""
        return [self._maker(value, whole=False) for value in values]

    def _maker(self, value: Value, *, whole: bool) -> Callable[[], Item]:
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

    async def found(self, kind: Kind, search: Search) -> "Hits":
        """What a search finds now, newest first. Others get their turn while it looks."""
        listing = self.listing(kind)
        hits: list[Value] = []
        slices = Slices()
        for value in list(listing):
            if await self.is_found(value, search):
                hits.append(value)
            await slices.rest()
        return Hits(hits, listing.evicted)

    async def is_found(self, value: Value, search: Search) -> bool:
        """Whether a search finds a value; a long one is looked at in a thread."""
        beside = self.beside(value)
        return await aside(octets_of(value), lambda: search.holds_for(value, beside))

    def _order_around(self, exchange: Exchange) -> list[Exchange]:
        """Exchanges with an oldest-first order in which the neighbours of one are found. Nobody changes the list."""
        listing = self._store.exchanges(self._account)
        newest = next(iter(listing), None)
        if newest is None or newest.id <= exchange.id:
            return list(islice(listing, NEIGHBOURS + 1))[::-1]
        if not self._in_order or self._in_order[-1].id < exchange.id:
            self._in_order = list(listing)[::-1]
        return self._in_order

    def _trace(self, exchange: Exchange) -> Trace:
        trace = self._traces.get(exchange.id)
        if trace is None:
            if len(self._traces) >= _MOST_TRACES:
                self._traces.clear()
            trace = self._traces[exchange.id] = trace_of(exchange)
        return trace

    def _messages_of(self, exchange: Exchange) -> tuple[Message, ...]:
        account = self._account
        if account is None:
            return ()
        known = (self._store.message(account, uid) for uid in exchange.uids)
        return tuple(message for message in known if message is not None)


class Hits:
    """A `Listing` of what a search found; `evicted` counts all that is gone, found or not."""

    def __init__(self, values: list[Value], evicted: int) -> None:
        self.total = len(values)
        self.evicted = evicted
        self._values = values

    def __iter__(self) -> Iterator[Value]:
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
