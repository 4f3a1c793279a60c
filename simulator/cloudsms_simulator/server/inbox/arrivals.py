"""Arrivals: what a person sees come in, newest first: messages, and beside them whatever was refused.

A window is a stretch of them. It begins at a mark, so that it stays the same stretch while others come in above it.

Reading: R17, R26.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Self

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.server.aside import Slices, aside
from cloudsms_simulator.server.items import MessageItem, RequestItem
from cloudsms_simulator.server.kept import Item, Kept
from cloudsms_simulator.server.search import Search, search_of
from cloudsms_simulator.server.search_words import SearchError
from cloudsms_simulator.server.sought import Kind, octets_of
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

WINDOW = 50
"""Rows of a window."""
_ABOVE_ITS_MESSAGES = 1_000
"""Where a request that was refused in part stands among its messages, whose places end at 199."""
_ENTRY = "$.MULTI_MSISDN_LIST["

Arrival = Message | Exchange


class Mark(msgspec.Struct, frozen=True, order=True):
    """The place of an arrival: its request's number, and its own place within the request. Written `17.3`."""

    request_id: int
    place: int

    def __str__(self) -> str:
        return f"{self.request_id}.{self.place}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The mark a text stands for; ValueError when it stands for none."""
        request_id, _, place = text.partition(".")
        if not (text.isascii() and request_id.isdigit() and place.isdigit() and len(text) <= 40):
            raise ValueError(f'got "{text[:60]}", want a mark such as 17.0')
        return cls(int(request_id), int(place))


class Row(msgspec.Struct, frozen=True):
    """One arrival as the list shows it; `findings` are those of the request a message came with."""

    mark: Mark
    item: MessageItem | RequestItem
    findings: tuple[Finding, ...]


class Window(msgspec.Struct, frozen=True):
    """A stretch of the arrivals. `next` is the mark to go on from, None at the end."""

    rows: tuple[Row, ...]
    next: Mark | None
    messages: int
    """Messages that are kept, found or not."""
    evicted: int
    """Messages and requests that are kept no more."""


class Arrivals:
    """The arrivals of some accounts; None among them stands for the requests that are nobody's."""

    def __init__(self, store: Store, wall: WallClock, accounts: Iterable[Account | None]) -> None:
        self._store = store
        self._wall = wall
        self._accounts = tuple(accounts)

    async def window(self, text: str = "", after: Mark | None = None) -> Window:
        """The newest arrivals that a search finds, those below a mark if one is given.

        SearchError for a text that is no search of messages, nor of requests.
        """
        found: list[tuple[Mark, Account | None, Arrival]] = []
        total = evicted = 0
        for account in self._accounts:
            messages, exchanges = Kept(self._store, account).listing("messages"), self._store.exchanges(account)
            total += messages.total
            evicted += messages.evicted + exchanges.evicted
            found += [(mark_of(each), account, each) for each in await self._of(account, text, after)]
        found.sort(key=lambda each: each[0], reverse=True)
        shown = await _rows(self._store, found[:WINDOW])
        more = shown[-1].mark if len(found) > WINDOW else None
        return Window(shown, more, total, evicted)

    async def around(self, mark: Mark, text: str = "") -> tuple[Arrival | None, Arrival | None]:
        """The arrivals just above a mark and just below it that a search finds. SearchError as for `window`."""
        above: list[Arrival] = []
        below: list[Arrival] = []
        for account in self._accounts:
            kept = Kept(self._store, account)
            for kind, search in self._searches(account, text).items():
                listed = [each for each in kept.listing(kind) if isinstance(each, Message | Exchange)]
                above += await _first(_shown(_above(listed, mark)), search, kept, 1)
                below += await _first(_shown(_below(listed, mark)), search, kept, 1)
        return min(above, key=mark_of, default=None), max(below, key=mark_of, default=None)

    async def _of(self, account: Account | None, text: str, after: Mark | None) -> list[Arrival]:
        """One account's newest arrivals, one more than a window holds if there are so many."""
        searches = self._searches(account, text)
        kept = Kept(self._store, account)
        messages: list[Arrival] = []
        if "messages" in searches and account is not None:
            search = searches["messages"]
            messages = await _first(_asked_for(self._store.messages(account), after, search), search, kept)
        if "requests" not in searches:
            return messages
        floor = mark_of(messages[-1]) if len(messages) > WINDOW else None
        search = searches["requests"]
        refused = _refused(_asked_for(self._store.exchanges(account), after, search), floor)
        return messages + await _first(refused, search, kept)

    def _searches(self, account: Account | None, text: str) -> dict[Kind, Search | None]:
        """What is asked of messages and of requests; without one of them where it has not got a field that is asked."""
        if not text.strip():
            return {"messages": None, "requests": None}
        now = self._store.standing(account).clock.now(self._wall.now())
        search_of(text, now)  # what is wrong with it for either
        searches: dict[Kind, Search | None] = {}
        problem = None
        kinds: tuple[Kind, ...] = ("messages", "requests")
        for kind in kinds:
            try:
                searches[kind] = search_of(text, now, kind)
            except SearchError as error:
                problem = error
        if not searches and problem is not None:
            raise problem
        return searches


def mark_of(arrival: Arrival) -> Mark:
    """Where an arrival stands."""
    if isinstance(arrival, Message):
        return Mark(arrival.sending.request_id, arrival.index)
    return Mark(arrival.id, _ABOVE_ITS_MESSAGES)


def is_refused(exchange: Exchange) -> bool:
    """Whether a person has to see an exchange beside the messages that came of it: not all of it was accepted."""
    if exchange.code is not ResultCode.OK or not isinstance(exchange, Sending):
        return True
    return exchange.places is not None or exchange.fault is not None


def about(place: int, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings on a request that one of its destinations has to do with."""
    own = f"{_ENTRY}{place}]"
    return tuple(each for each in findings if own in each.path or _ENTRY not in each.path)


def _asked_for(arrivals: Iterable[Arrival], after: Mark | None, search: Search | None) -> Iterator[Arrival]:
    """Those below a mark, as they are now. The newest without a search are read before anything can change: no copy."""
    return iter(arrivals) if after is None and search is None else _below(list(arrivals), after)


def _below(arrivals: Sequence[Arrival], after: Mark | None) -> Iterator[Arrival]:
    if after is None:
        return iter(arrivals)
    at = bisect.bisect_left(arrivals, -after.request_id, key=lambda each: -_request_id(each))
    return (arrivals[place] for place in range(at, len(arrivals)) if mark_of(arrivals[place]) < after)


def _above(arrivals: Sequence[Arrival], mark: Mark) -> Iterator[Arrival]:
    at = bisect.bisect_right(arrivals, -mark.request_id, key=lambda each: -_request_id(each))
    return (each for each in reversed(arrivals[:at]) if mark_of(each) > mark)


def _shown(arrivals: Iterator[Arrival]) -> Iterator[Arrival]:
    return (each for each in arrivals if isinstance(each, Message) or is_refused(each))


def _request_id(arrival: Arrival) -> int:
    return arrival.sending.request_id if isinstance(arrival, Message) else arrival.id


def _refused(exchanges: Iterator[Arrival], floor: Mark | None) -> Iterator[Arrival]:
    for exchange in exchanges:
        if floor is not None and mark_of(exchange) < floor:
            return
        if isinstance(exchange, Exchange) and is_refused(exchange):
            yield exchange


async def _first(
    arrivals: Iterator[Arrival], search: Search | None, kept: Kept, most: int = WINDOW + 1
) -> list[Arrival]:
    """The first of them that a search finds, one more than a window holds. Others get their turn while it looks."""
    if search is None:
        return list(islice(arrivals, most))
    found: list[Arrival] = []
    slices = Slices()
    for arrival in arrivals:
        if await kept.is_found(arrival, search):
            found.append(arrival)
            if len(found) == most:
                break
        await slices.rest()
    return found


async def _rows(store: Store, found: Sequence[tuple[Mark, Account | None, Arrival]]) -> tuple[Row, ...]:
    """The rows of arrivals. What the messages of a request share is found out once; others are served meanwhile."""
    findings: dict[int, Callable[[], tuple[Finding, ...]]] = {}
    makers: list[Callable[[], Item]] = []
    for mark, account, arrival in found:
        kept = Kept(store, account)
        makers += kept.makers([arrival])
        if isinstance(arrival, Message) and mark.request_id not in findings:
            findings[mark.request_id] = cache(kept.finder(arrival.sending))

    def rows() -> tuple[Row, ...]:
        return tuple(_row(*each, findings) for each in zip(found, makers, strict=True))

    return await aside(sum(octets_of(arrival) for _, _, arrival in found), rows)


def _row(
    found: tuple[Mark, Account | None, Arrival],
    make: Callable[[], Item],
    findings: Mapping[int, Callable[[], tuple[Finding, ...]]],
) -> Row:
    mark, _, arrival = found
    item = make()
    if isinstance(item, RequestItem):
        return Row(mark, item, item.findings)
    assert isinstance(arrival, Message)
    assert isinstance(item, MessageItem)
    return Row(mark, item, about(arrival.index, findings[mark.request_id]()))
