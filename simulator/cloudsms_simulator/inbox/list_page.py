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
from cloudsms_simulator.net.runtime import TimeSlices, offload
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES, ResultCode, hex_code
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.stores.store import Store

WINDOW_SIZE = 50
"""Rows of a window."""
_ABOVE_ITS_MESSAGES = 1_000
"""The place of a request that was refused in part among its messages, whose places end at 199."""
_ENTRY = "$.MULTI_MSISDN_LIST["

ListEntry = Message | Exchange


class ListPosition(msgspec.Struct, frozen=True, order=True):
    """Where an entry stands in the list: the number of its request, and its place in that. Written `17.3`."""

    request_id: int
    place: int

    def __str__(self) -> str:
        return f"{self.request_id}.{self.place}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads a position as it is written. Raises ValueError for anything else."""
        request_id, _, place = text.partition(".")
        if not (text.isascii() and request_id.isdigit() and place.isdigit() and len(text) <= 40):
            raise ValueError(f'got "{text[:60]}", want a mark such as 17.0')
        return cls(int(request_id), int(place))


class ListRow(msgspec.Struct, frozen=True):
    """One entry as the list shows it. `findings` of a message are those on its request that concern it."""

    mark: ListPosition
    item: MessageItem | RequestItem
    findings: tuple[Finding, ...]


class ListWindow(msgspec.Struct, frozen=True):
    """A stretch of the list. `next` is the position to go on from, None at the end."""

    rows: tuple[ListRow, ...]
    next: ListPosition | None
    messages: int
    """How many messages are kept, found or not."""
    evicted: int
    """How many messages and requests are kept no more."""


class EntryList:
    """The entries of some accounts; None among them stands for the requests that belong to no account."""

    def __init__(self, store: Store, wall: WallClock, accounts: Iterable[Account | None]) -> None:
        self._store = store
        self._wall = wall
        self._accounts = tuple(accounts)

    async def window(self, text: str = "", after: ListPosition | None = None) -> ListWindow:
        """The newest entries that a search finds, or with `after` the newest below that position.

        Raises SearchError for a text that is no search of messages, nor of requests.
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

    async def around(self, position: ListPosition, text: str = "") -> tuple[ListEntry | None, ListEntry | None]:
        """The entries that a search finds just above a position and just below it; None at the ends of the list.

        Raises SearchError as `window` does.
        """
        above: list[ListEntry] = []
        below: list[ListEntry] = []
        for account in self._accounts:
            view = JournalView(self._store, account)
            for kind, search in self._searches(account, text).items():
                listed = [each for each in view.listing(kind) if isinstance(each, Message | Exchange)]
                above += await _first(_shown(_above(listed, position)), search, view, 1)
                below += await _first(_shown(_below(listed, position)), search, view, 1)
        return min(above, key=list_position_of, default=None), max(below, key=list_position_of, default=None)

    async def _of(self, account: Account | None, text: str, after: ListPosition | None) -> list[ListEntry]:
        """One account's newest entries, one more than a window holds if there are so many."""
        searches = self._searches(account, text)
        view = JournalView(self._store, account)
        messages: list[ListEntry] = []
        if "messages" in searches and account is not None:
            search = searches["messages"]
            messages = await _first(_entries_below(self._store.messages(account), after, search), search, view)
        if "requests" not in searches:
            return messages
        floor = list_position_of(messages[-1]) if len(messages) > WINDOW_SIZE else None
        search = searches["requests"]
        refused = _refused(_entries_below(self._store.exchanges(account), after, search), floor)
        return messages + await _first(refused, search, view)

    def _searches(self, account: Account | None, text: str) -> dict[JournalKind, Search | None]:
        """The searches of messages and of requests that a text is; a kind that lacks one of its fields is left out."""
        if not text.strip():
            return {"messages": None, "requests": None}
        now = self._store.standing(account).clock.now(self._wall.now())
        parse_search(text, now)  # raises what is wrong with it for both kinds
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


def list_position_of(entry: ListEntry) -> ListPosition:
    """Where an entry stands in the list."""
    if isinstance(entry, Message):
        return ListPosition(entry.sending.request_id, entry.index)
    return ListPosition(entry.id, _ABOVE_ITS_MESSAGES)


def is_refused(exchange: Exchange) -> bool:
    """Whether an exchange is an entry besides its messages: not all of it was accepted, or it had a fault."""
    if exchange.code is not ResultCode.OK or not isinstance(exchange, Sending):
        return True
    return exchange.places is not None or exchange.fault is not None


def findings_about(place: int, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings on a request that concern one of its destinations, by its place in the request."""
    own = f"{_ENTRY}{place}]"
    return tuple(each for each in findings if own in each.path or _ENTRY not in each.path)


def _entries_below(
    entries: Iterable[ListEntry], after: ListPosition | None, search: Search | None
) -> Iterator[ListEntry]:
    """The entries below a position, as they are now.

    They are copied, but for the newest without a search: those are read before anything can change.
    """
    return iter(entries) if after is None and search is None else _below(list(entries), after)


def _below(entries: Sequence[ListEntry], after: ListPosition | None) -> Iterator[ListEntry]:
    if after is None:
        return iter(entries)
    at = bisect.bisect_left(entries, -after.request_id, key=lambda each: -_request_id(each))
    return (entries[place] for place in range(at, len(entries)) if list_position_of(entries[place]) < after)


def _above(entries: Sequence[ListEntry], position: ListPosition) -> Iterator[ListEntry]:
    at = bisect.bisect_right(entries, -position.request_id, key=lambda each: -_request_id(each))
    return (each for each in reversed(entries[:at]) if list_position_of(each) > position)


def _shown(entries: Iterator[ListEntry]) -> Iterator[ListEntry]:
    return (each for each in entries if isinstance(each, Message) or is_refused(each))


def _request_id(entry: ListEntry) -> int:
    return entry.sending.request_id if isinstance(entry, Message) else entry.id


def _refused(exchanges: Iterator[ListEntry], floor: ListPosition | None) -> Iterator[ListEntry]:
    for exchange in exchanges:
        if floor is not None and list_position_of(exchange) < floor:
            return
        if isinstance(exchange, Exchange) and is_refused(exchange):
            yield exchange


async def _first(
    entries: Iterator[ListEntry], search: Search | None, view: JournalView, most: int = WINDOW_SIZE + 1
) -> list[ListEntry]:
    """The first entries that a search finds, one more than a window holds. Other tasks get their turn meanwhile."""
    if search is None:
        return list(islice(entries, most))
    found: list[ListEntry] = []
    slices = TimeSlices()
    for entry in entries:
        if await view.is_found(entry, search):
            found.append(entry)
            if len(found) == most:
                break
        await slices.rest()
    return found


async def _rows(store: Store, found: Sequence[tuple[ListPosition, Account | None, ListEntry]]) -> tuple[ListRow, ...]:
    """The rows of entries.

    Findings of a request are worked out once for all its messages, in a thread if it takes long.
    """
    findings: dict[int, Callable[[], tuple[Finding, ...]]] = {}
    builders: list[Callable[[], JournalItem]] = []
    for position, account, entry in found:
        view = JournalView(store, account)
        builders += view.item_builders([entry])
        if isinstance(entry, Message) and position.request_id not in findings:
            findings[position.request_id] = cache(view.findings_builder(entry.sending))

    def rows() -> tuple[ListRow, ...]:
        return tuple(_row(*each, findings) for each in zip(found, builders, strict=True))

    return await offload(sum(octets_of(entry) for _, _, entry in found), rows)


def _row(
    found: tuple[ListPosition, Account | None, ListEntry],
    build: Callable[[], JournalItem],
    findings: Mapping[int, Callable[[], tuple[Finding, ...]]],
) -> ListRow:
    position, _, entry = found
    item = build()
    if isinstance(item, RequestItem):
        return ListRow(position, item, item.findings)
    assert isinstance(entry, Message)
    assert isinstance(item, MessageItem)
    return ListRow(position, item, findings_about(entry.index, findings[position.request_id]()))


class ListPage:
    """`/`, and `/window` for more of its rows."""

    def __init__(self, context: ApiContext, templates: Templates) -> None:
        self._context = context
        self._templates = templates

    async def show(self, request: Request) -> Response:
        """The page; above an empty list it says what is wrong with a search."""
        page = page_context_of(self._context, request)
        window, problem = ListWindow((), None, 0, 0), None
        try:
            window = await self._window(page, None)
        except SearchError as error:
            problem = str(error)
        return self._templates.page(
            "list.html",
            page,
            200 if problem is None else 400,
            window=window,
            problem=problem,
            suggestions=search_suggestions(self._context),
            narrowings=facets_of(page.query),
            info=self._context.info(()),
        )

    async def window(self, request: Request) -> Response:
        """The rows below `?after=`, the newest ones without it."""
        page = page_context_of(self._context, request)
        try:
            text = request.query_params.get("after")
            after = None if text is None else ListPosition.read(text)
        except ValueError as error:
            raise HTTPException(400, f"after: {error}") from error
        return self._templates.page("_window.html", page, window=await self._window(page, after))

    async def _window(self, page: PageContext, after: ListPosition | None) -> ListWindow:
        context = self._context
        return await EntryList(context.store, context.wall, accounts_in_scope(context, page)).window(page.query, after)


class Facet(msgspec.Struct, frozen=True):
    """A field by which the list can be narrowed without typing: a search for each of its values, and one without it."""

    field: str
    options: tuple[tuple[str, str], ...]
    """The name of each value, and the search with it."""
    chosen: str | None
    """The name of the value that the search has now."""
    without: str
    """The search without the field."""


def facets_of(query: str) -> tuple[Facet, ...]:
    """The facets state and result code for a search; its other terms stay."""
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


def search_suggestions(context: ApiContext) -> tuple[str, ...]:
    """Terms to suggest for a search: every field of messages and requests, and the values that are known ahead."""
    known = [f"state:{row.state.name}" for row in STATES]
    known += [f"code:{row.desc}" for row in RESULT_CODES]
    known += [f"is:{flag}" for flag in FLAGS]
    known += [f"kind:{kind}" for kind in ("uip", "http", "handshake", "closed")]
    known += [f"account:{account.name}" for account in context.directory]
    known += [f"route:{route}" for account in context.directory for route in sorted(account.routes) if route != "*"]
    fields = (name for name, field in SEARCH_FIELDS.items() if {"messages", "requests"} & set(field.kinds))
    return tuple(dict.fromkeys([*known, *(f"{name}:" for name in fields)]))
