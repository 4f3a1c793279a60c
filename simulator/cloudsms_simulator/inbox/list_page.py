"""`/`, the list: everything that came, newest first and live: messages, and beside them every request that was refused.

An entry is a message, or an exchange of which not everything was accepted. A window is a stretch of entries. It
begins at a position, `17.3` for the third entry of request 17, so that it stays the same stretch while others come
in above it. Large searches let other requests have their turn. Reading: R17, R26.
"""

import bisect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Self

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.records import Exchange, Message, Sending
from cloudsms_simulator.inbox.page_context import PageContext, accounts_in_scope, page_context_of
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.search import Search, parse_search
from cloudsms_simulator.journal.search_fields import FLAGS, SEARCH_FIELDS, JournalKind, octets_of
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.journal.views import JournalItem, JournalView
from cloudsms_simulator.models.journal import MessageItem, RequestItem
from cloudsms_simulator.net.concurrency import TimeSlices, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES, ResultCode, hex_code
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.stores.store import Store

WINDOW_SIZE = 50
"""Rows of a window."""
_ABOVE_ITS_MESSAGES = 1_000
"""Where a request that was refused in part stands among its messages, whose places end at 199."""
_ENTRY = "$.MULTI_MSISDN_LIST["

ListEntry = Message | Exchange


class ListPosition(msgspec.Struct, frozen=True, order=True):
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


class ListRow(msgspec.Struct, frozen=True):
    """One arrival as the list shows it; `findings` are those of the request a message came with."""

    mark: ListPosition
    item: MessageItem | RequestItem
    findings: tuple[Finding, ...]


class ListWindow(msgspec.Struct, frozen=True):
    """A stretch of the arrivals. `next` is the mark to go on from, None at the end."""

    rows: tuple[ListRow, ...]
    next: ListPosition | None
    messages: int
    """Messages that are kept, found or not."""
    evicted: int
    """Messages and requests that are kept no more."""


class EntryList:
    """The arrivals of some accounts; None among them stands for the requests that are nobody's."""

    def __init__(self, store: Store, wall: WallClock, accounts: Iterable[Account | None]) -> None:
        self._store = store
        self._wall = wall
        self._accounts = tuple(accounts)

    async def window(self, text: str = "", after: ListPosition | None = None) -> ListWindow:
        """The newest arrivals that a search finds, those below a mark if one is given.

        SearchError for a text that is no search of messages, nor of requests.
        """
        found: list[tuple[ListPosition, Account | None, ListEntry]] = []
        total = evicted = 0
        for account in self._accounts:
            messages, exchanges = JournalView(self._store, account).listing("messages"), self._store.exchanges(account)
            total += messages.total
            evicted += messages.evicted + exchanges.evicted
            found += [(list_position_of(each), account, each) for each in await self._of(account, text, after)]
        found.sort(key=lambda each: each[0], reverse=True)
        shown = await _rows(self._store, found[:WINDOW_SIZE])
        more = shown[-1].mark if len(found) > WINDOW_SIZE else None
        return ListWindow(shown, more, total, evicted)

    async def around(self, mark: ListPosition, text: str = "") -> tuple[ListEntry | None, ListEntry | None]:
        """The arrivals just above a mark and just below it that a search finds. SearchError as for `window`."""
        above: list[ListEntry] = []
        below: list[ListEntry] = []
        for account in self._accounts:
            kept = JournalView(self._store, account)
            for kind, search in self._searches(account, text).items():
                listed = [each for each in kept.listing(kind) if isinstance(each, Message | Exchange)]
                above += await _first(_shown(_above(listed, mark)), search, kept, 1)
                below += await _first(_shown(_below(listed, mark)), search, kept, 1)
        return min(above, key=list_position_of, default=None), max(below, key=list_position_of, default=None)

    async def _of(self, account: Account | None, text: str, after: ListPosition | None) -> list[ListEntry]:
        """One account's newest arrivals, one more than a window holds if there are so many."""
        searches = self._searches(account, text)
        kept = JournalView(self._store, account)
        messages: list[ListEntry] = []
        if "messages" in searches and account is not None:
            search = searches["messages"]
            messages = await _first(_entries_below(self._store.messages(account), after, search), search, kept)
        if "requests" not in searches:
            return messages
        floor = list_position_of(messages[-1]) if len(messages) > WINDOW_SIZE else None
        search = searches["requests"]
        refused = _refused(_entries_below(self._store.exchanges(account), after, search), floor)
        return messages + await _first(refused, search, kept)

    def _searches(self, account: Account | None, text: str) -> dict[JournalKind, Search | None]:
        """What is asked of messages and of requests; without one of them where it has not got a field that is asked."""
        if not text.strip():
            return {"messages": None, "requests": None}
        now = self._store.standing(account).clock.now(self._wall.now())
        parse_search(text, now)  # what is wrong with it for either
        searches: dict[JournalKind, Search | None] = {}
        problem = None
        kinds: tuple[JournalKind, ...] = ("messages", "requests")
        for kind in kinds:
            try:
                searches[kind] = parse_search(text, now, kind)
            except SearchError as error:
                problem = error
        if not searches and problem is not None:
            raise problem
        return searches


def list_position_of(arrival: ListEntry) -> ListPosition:
    """Where an arrival stands."""
    if isinstance(arrival, Message):
        return ListPosition(arrival.sending.request_id, arrival.index)
    return ListPosition(arrival.id, _ABOVE_ITS_MESSAGES)


def is_refused(exchange: Exchange) -> bool:
    """Whether a person has to see an exchange beside the messages that came of it: not all of it was accepted."""
    if exchange.code is not ResultCode.OK or not isinstance(exchange, Sending):
        return True
    return exchange.places is not None or exchange.fault is not None


def findings_about(place: int, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings on a request that one of its destinations has to do with."""
    own = f"{_ENTRY}{place}]"
    return tuple(each for each in findings if own in each.path or _ENTRY not in each.path)


def _entries_below(
    arrivals: Iterable[ListEntry], after: ListPosition | None, search: Search | None
) -> Iterator[ListEntry]:
    """Those below a mark, as they are now. The newest without a search are read before anything can change: no copy."""
    return iter(arrivals) if after is None and search is None else _below(list(arrivals), after)


def _below(arrivals: Sequence[ListEntry], after: ListPosition | None) -> Iterator[ListEntry]:
    if after is None:
        return iter(arrivals)
    at = bisect.bisect_left(arrivals, -after.request_id, key=lambda each: -_request_id(each))
    return (arrivals[place] for place in range(at, len(arrivals)) if list_position_of(arrivals[place]) < after)


def _above(arrivals: Sequence[ListEntry], mark: ListPosition) -> Iterator[ListEntry]:
    at = bisect.bisect_right(arrivals, -mark.request_id, key=lambda each: -_request_id(each))
    return (each for each in reversed(arrivals[:at]) if list_position_of(each) > mark)


def _shown(arrivals: Iterator[ListEntry]) -> Iterator[ListEntry]:
    return (each for each in arrivals if isinstance(each, Message) or is_refused(each))


def _request_id(arrival: ListEntry) -> int:
    return arrival.sending.request_id if isinstance(arrival, Message) else arrival.id


def _refused(exchanges: Iterator[ListEntry], floor: ListPosition | None) -> Iterator[ListEntry]:
    for exchange in exchanges:
        if floor is not None and list_position_of(exchange) < floor:
            return
        if isinstance(exchange, Exchange) and is_refused(exchange):
            yield exchange


async def _first(
    arrivals: Iterator[ListEntry], search: Search | None, kept: JournalView, most: int = WINDOW_SIZE + 1
) -> list[ListEntry]:
    """The first of them that a search finds, one more than a window holds. Others get their turn while it looks."""
    if search is None:
        return list(islice(arrivals, most))
    found: list[ListEntry] = []
    slices = TimeSlices()
    for arrival in arrivals:
        if await kept.is_found(arrival, search):
            found.append(arrival)
            if len(found) == most:
                break
        await slices.rest()
    return found


async def _rows(store: Store, found: Sequence[tuple[ListPosition, Account | None, ListEntry]]) -> tuple[ListRow, ...]:
    """The rows of arrivals. What the messages of a request share is found out once; others are served meanwhile."""
    findings: dict[int, Callable[[], tuple[Finding, ...]]] = {}
    makers: list[Callable[[], JournalItem]] = []
    for mark, account, arrival in found:
        kept = JournalView(store, account)
        makers += kept.item_builders([arrival])
        if isinstance(arrival, Message) and mark.request_id not in findings:
            findings[mark.request_id] = cache(kept.findings_builder(arrival.sending))

    def rows() -> tuple[ListRow, ...]:
        return tuple(_row(*each, findings) for each in zip(found, makers, strict=True))

    return await offload(sum(octets_of(arrival) for _, _, arrival in found), rows)


def _row(
    found: tuple[ListPosition, Account | None, ListEntry],
    make: Callable[[], JournalItem],
    findings: Mapping[int, Callable[[], tuple[Finding, ...]]],
) -> ListRow:
    mark, _, arrival = found
    item = make()
    if isinstance(item, RequestItem):
        return ListRow(mark, item, item.findings)
    assert isinstance(arrival, Message)
    assert isinstance(item, MessageItem)
    return ListRow(mark, item, findings_about(arrival.index, findings[mark.request_id]()))


class ListPage:
    """`/`, and `/window` for more of its rows."""

    def __init__(self, office: ApiContext, press: Templates) -> None:
        self._office = office
        self._press = press

    async def show(self, request: Request) -> Response:
        """The page; a search that is none is told above an empty list."""
        visit = page_context_of(self._office, request)
        window, problem = ListWindow((), None, 0, 0), None
        try:
            window = await self._window(visit, None)
        except SearchError as error:
            problem = str(error)
        return self._press.page(
            "list.html",
            visit,
            200 if problem is None else 400,
            window=window,
            problem=problem,
            suggestions=search_suggestions(self._office),
            narrowings=facets_of(visit.query),
            info=self._office.info(()),
        )

    async def window(self, request: Request) -> Response:
        """The rows below `?after=`, the newest ones without it."""
        visit = page_context_of(self._office, request)
        try:
            text = request.query_params.get("after")
            after = None if text is None else ListPosition.read(text)
        except ValueError as error:
            raise HTTPException(400, f"after: {error}") from error
        return self._press.page("_window.html", visit, window=await self._window(visit, after))

    async def _window(self, visit: PageContext, after: ListPosition | None) -> ListWindow:
        office = self._office
        return await EntryList(office.store, office.wall, accounts_in_scope(office, visit)).window(visit.query, after)


class Facet(msgspec.Struct, frozen=True):
    """A field by which the list can be narrowed without typing: a search for each value, the one in effect, and all."""

    field: str
    options: tuple[tuple[str, str], ...]
    """What each value is called, and the search with it."""
    chosen: str | None
    without: str
    """The search without any."""


def facets_of(query: str) -> tuple[Facet, ...]:
    """The list by state and by code; the rest of a search stays."""
    states = tuple((row.state.name, row.state.name) for row in STATES)
    codes = tuple((f"{row.desc} {hex_code(row.code)}", hex_code(row.code)) for row in RESULT_CODES)
    return tuple(_facet(query, field, values) for field, values in (("state", states), ("code", codes)))


def _facet(query: str, field: str, values: Sequence[tuple[str, str]]) -> Facet:
    term = re.compile(rf'(?<!\S)-?{field}:(?:"[^"]*"|\S)*\s*')
    without = term.sub("", query).strip()
    searches = tuple((label, f"{without} {field}:{value}".strip()) for label, value in values)
    said = [each.strip() for each in term.findall(query)]
    chosen = next((label for label, value in values if said == [f"{field}:{value}"]), None)
    return Facet(field, searches, chosen, without)


def search_suggestions(office: ApiContext) -> tuple[str, ...]:
    """Terms a search may be made of: every field of messages and requests, and the values that are known ahead."""
    known = [f"state:{row.state.name}" for row in STATES]
    known += [f"code:{row.desc}" for row in RESULT_CODES]
    known += [f"is:{flag}" for flag in FLAGS]
    known += [f"kind:{kind}" for kind in ("uip", "http", "handshake", "closed")]
    known += [f"account:{account.name}" for account in office.directory]
    known += [f"route:{route}" for account in office.directory for route in sorted(account.routes) if route != "*"]
    fields = (name for name, field in SEARCH_FIELDS.items() if {"messages", "requests"} & set(field.kinds))
    return tuple(dict.fromkeys([*known, *(f"{name}:" for name in fields)]))
