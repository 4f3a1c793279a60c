"""What a test waits for and verifies: `/messages/wait` and the like, `/requests/verify`, and the stream `/events`.

- A wait, `{"match": "to:852*", "count": 1, "timeout": "10s"}`, also as query parameters, answers 200 with what was
  waited for, or 408 with what came close, term by term; `in_vain` when only the account's clock keeps it from
  coming. `timeout` is wall time. A client that leaves ends its wait.
- `verify`, `{"match": "to:852*", "exactly": 2}`, with `at_least` and `at_most`, or `{"in_order": ["to:852*",
  "to:65*"]}`, answers 200, or 409 with what is missing and what came close.
- `/events` streams what happens from now on, as server-sent events, for as long as the client reads.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Annotated

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.api.accounts import MAX_TIMEOUT, CallTimeout
from cloudsms_simulator.api.context import (
    DEFAULT_ACCOUNT,
    NOBODY,
    SEARCH_PARAMETERS,
    ApiContext,
    account_or_nobody,
    read_search,
)
from cloudsms_simulator.api.http import MAX_PAGE_SIZE, json_response, read_json
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.journal.events import EventHub
from cloudsms_simulator.journal.search import Search
from cloudsms_simulator.journal.search_fields import JournalKind, JournalRecord
from cloudsms_simulator.journal.views import JournalItem, JournalView
from cloudsms_simulator.journal.waits import NearMiss, WaitFound, WaitMissed, Waits
from cloudsms_simulator.models.durations import duration_text, read_duration_or_seconds
from cloudsms_simulator.models.journal import CloseItem, Verified, VerifyProblem, WaitProblem
from cloudsms_simulator.models.server import Page
from cloudsms_simulator.net.runtime import TimeSlices

MAX_COUNT = 10_000
"""The most that can be waited for at once."""

Match = Annotated[str, msgspec.Meta(description='a search such as "to:852* state:DELIVERED"')]
Count = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT, description=f"a whole number from 1 to {MAX_COUNT:,}")]


class Wanted(msgspec.Struct, frozen=True):
    """What to wait for, how many of it, and for how long."""

    match: Match = ""
    count: Count = 1
    timeout: CallTimeout = 10.0


class WaitHandlers:
    """`/messages/wait`, `/requests/wait` and `/reports/wait`, by GET and by POST."""

    def __init__(self, context: ApiContext, waits: Waits) -> None:
        self._context = context
        self._waits = waits

    async def messages(self, request: Request) -> Response:
        """Waits for messages; those that came, newest first."""
        return await self._wait(request, "messages", self._context.requested_account(request))

    async def requests(self, request: Request) -> Response:
        """Waits for exchanges, with `?account=*` for those that are nobody's."""
        return await self._wait(request, "requests", account_or_nobody(self._context, request))

    async def reports(self, request: Request) -> Response:
        """Waits for reports; those that came, newest first."""
        return await self._wait(request, "reports", self._context.requested_account(request))

    async def _wait(self, request: Request, kind: JournalKind, account: Account | None) -> Response:
        wanted = await read_json(request, Wanted) if request.method == "POST" else _wanted_in_query(request)
        search = read_search(self._context, account, kind, wanted.match)
        timeout = _timeout(wanted.timeout)
        ended = await _until_disconnected(request, self._waits.wait(account, kind, search, wanted.count, timeout))
        view = JournalView(self._context.store, account)
        if isinstance(ended, WaitFound):
            shown = await view.items(ended.values[:MAX_PAGE_SIZE])
            return json_response(Page(tuple(shown), ended.total, None, ended.evicted))
        if ended is None:
            return Response(status_code=408)  # nobody reads it
        name = "nobody" if account is None else account.name
        problem = WaitProblem(
            "in vain" if ended.in_vain else "timed out",
            408,
            _wait_detail(ended, kind, name, search, wanted.count, timeout),
            count=wanted.count,
            total=ended.total,
            evicted=ended.evicted,
            in_vain=ended.in_vain,
            next_due_at=ended.next_due_at,
            closest=await close_items(view, ended.closest),
        )
        return Response(msgspec.json.encode(problem), 408, media_type="application/problem+json")


async def close_items(view: JournalView, closest: tuple[NearMiss, ...]) -> tuple[CloseItem[JournalItem], ...]:
    """What came close, as items of the API."""
    items = await view.items([each.value for each in closest])
    return tuple([CloseItem(item, each.differences) for item, each in zip(items, closest, strict=True)])


def _wait_detail(
    missed: WaitMissed, kind: JournalKind, name: str, search: Search, count: int, timeout: timedelta
) -> str:
    wanted = f"{kind} for {search}" if search.terms else kind
    so_far, gone = f"{missed.total} of {count} {wanted}", _evicted_detail(missed.evicted, kind)
    if not missed.in_vain:
        return f"there were {so_far} within {duration_text(timeout)}{gone}"
    stands = f'the clock of "{name}" stands at {missed.now.isoformat()} and nothing is due by then'
    if missed.next_due_at is None:
        return f"there are {so_far}; {stands}, nor later: send something first{gone}"
    ahead = duration_text(missed.next_due_at - missed.now)
    due = missed.next_due_at.isoformat()
    return f"there are {so_far}; {stands}. The next is due at {due}: advance the clock by {ahead}{gone}"


def _evicted_detail(evicted: int, kind: JournalKind) -> str:
    """What a problem says of evicted records that could not be looked at; empty when there are none."""
    return f"; {evicted:,} {kind} are gone from the journal and were not looked at" if evicted else ""


def _wanted_in_query(request: Request) -> Wanted:
    """The wait that query parameters ask for."""
    query = request.query_params
    match = next((query[name] for name in SEARCH_PARAMETERS if name in query), "")
    count = query.get("count", "1")
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= MAX_COUNT):
        raise HTTPException(400, f'count: got "{count[:20]}", want a whole number from 1 to {MAX_COUNT:,}')
    timeout = query.get("timeout", "10s")
    return Wanted(match, int(count), _seconds(timeout))


def _seconds(text: str) -> str | float:
    """A timeout in a query: a number is seconds, as in JSON; anything else is a duration."""
    return float(text) if text.replace(".", "", 1).isdigit() and text.isascii() else text


def _timeout(value: str | float) -> timedelta:
    try:
        timeout = read_duration_or_seconds(value)
    except ValueError as error:
        shown = f'"{value[:60]}"' if isinstance(value, str) else value
        raise HTTPException(400, f"timeout: got {shown}, want {error}") from error
    if timeout > MAX_TIMEOUT:
        raise HTTPException(400, f"timeout: got {value}, want at most an hour; call again for what is left")
    return timeout


async def _until_disconnected(
    request: Request, wait: Coroutine[None, None, WaitFound | WaitMissed]
) -> WaitFound | WaitMissed | None:
    """The result of a wait; None when the client left first, which ends the wait."""
    waiting = asyncio.ensure_future(wait)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()
        leaving.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


MAX_SEARCHES = 100

NonNegative = Annotated[int, msgspec.Meta(ge=0)] | None
ExpectedCount = Annotated[NonNegative, msgspec.Meta(description="a whole number, 0 or more")]
OrderedSearches = Annotated[
    Annotated[list[str], msgspec.Meta(min_length=1, max_length=MAX_SEARCHES)] | None,
    msgspec.Meta(description=f'a list of 1 to {MAX_SEARCHES} searches such as ["to:852*", "to:65*"]'),
]


class Expected(msgspec.Struct, frozen=True):
    """What was to come: how many that `match` finds, at least one unless said; or searches, one found after another."""

    match: Match = ""
    exactly: ExpectedCount = None
    at_least: ExpectedCount = None
    at_most: ExpectedCount = None
    in_order: OrderedSearches = None


class VerifyHandlers:
    """`/requests/verify`."""

    def __init__(self, context: ApiContext, waits: Waits) -> None:
        self._context = context
        self._waits = waits

    async def requests(self, request: Request) -> Response:
        """200 when the exchanges so far are as expected, 409 when they are not, or when nobody can say any more."""
        kind: JournalKind = "requests"
        account = account_or_nobody(self._context, request)
        expected = await read_json(request, Expected)
        _check(expected)
        view = JournalView(self._context.store, account)
        evicted = view.listing(kind).evicted
        if expected.in_order is not None:
            searches = [read_search(self._context, account, kind, text) for text in expected.in_order]
            total, lacking = await _found_in_order(view, kind, searches), True
            if total == len(searches):
                return json_response(Verified(verified=True, total=total, evicted=evicted))
            missing = searches[total]
            after = f" after the one{_for_search(searches[total - 1])}" if total else ""
            why = f"there is no request{_for_search(missing)}{after}, which was expected as number {total + 1}"
        else:
            missing = read_search(self._context, account, kind, expected.match)
            total = (await view.found(kind, missing)).total
            difference, lacking = _unexpected(expected, total, evicted), _too_few(expected, total)
            if difference is None:
                return json_response(Verified(verified=True, total=total, evicted=evicted))
            found = "is 1 request" if total == 1 else f"are {total:,} requests"
            why = f"there {found}{_for_search(missing)}, {difference}"
        if evicted:
            why += f"; {evicted:,} requests are gone from the journal, and nobody knows whether they were among them"
        closest = await self._waits.closest(account, kind, missing) if lacking else ()
        problem = VerifyProblem(
            "not as expected", 409, why, total=total, evicted=evicted, closest=await close_items(view, closest)
        )
        return Response(msgspec.json.encode(problem), 409, media_type="application/problem+json")


def _check(expected: Expected) -> None:
    if expected.in_order is not None:
        if expected != Expected(in_order=expected.in_order):
            raise HTTPException(400, "in_order stands alone: want it, or match with exactly, at_least or at_most")
    elif expected.exactly is not None and (expected.at_least, expected.at_most) != (None, None):
        raise HTTPException(400, "want exactly, or at_least and at_most, not both")
    elif None not in (expected.at_least, expected.at_most) and (expected.at_least or 0) > (expected.at_most or 0):
        raise HTTPException(
            400, f"at_most: got {expected.at_most}, want {expected.at_least}, as at_least says, or more"
        )


def _limits(expected: Expected) -> tuple[int | None, int | None]:
    """The fewest and the most that there may be; None where there is no limit."""
    if expected.exactly is not None:
        return expected.exactly, expected.exactly
    if expected.at_least is None and expected.at_most is None:
        return 1, None
    return expected.at_least, expected.at_most


def _unexpected(expected: Expected, total: int, evicted: int) -> str | None:
    """What was expected instead of `total`; None when all is certainly as expected."""
    least, most = _limits(expected)
    if expected.exactly is not None:
        wanted = f"expected exactly {expected.exactly:,}"
    else:
        said = (("at least", least), ("at most", most))
        wanted = "expected " + " and ".join(f"{word} {number:,}" for word, number in said if number is not None)
    # What is gone might have counted too, so an upper limit is certain only while nothing is gone.
    not_too_many = most is None or (total <= most and not evicted)
    return None if not_too_many and not _too_few(expected, total) else wanted


def _too_few(expected: Expected, total: int) -> bool:
    least, _ = _limits(expected)
    return least is not None and total < least


async def _found_in_order(view: JournalView, kind: JournalKind, searches: list[Search]) -> int:
    """How many of the searches, in their order, find an exchange later than the one found before."""
    done, slices = 0, TimeSlices()
    for value in _oldest_first(view, kind):
        if await view.is_found(value, searches[done]):
            done += 1
            if done == len(searches):
                break
        await slices.rest()
    return done


def _oldest_first(view: JournalView, kind: JournalKind) -> Iterable[JournalRecord]:
    return reversed(list(view.listing(kind)))


def _for_search(search: Search) -> str:
    return f" for {search}" if search.terms else ""


_MEDIA_TYPE = "text/event-stream"
MAX_EVENT_ACCOUNTS = 100


class EventHandlers:
    """`/events`."""

    def __init__(self, context: ApiContext, events: EventHub) -> None:
        self._context = context
        self._events = events

    async def stream(self, request: Request) -> Response:
        """What happens to the accounts of `?account=`, which may be said several times, from now on until it is left.

        Events are `request`, `message`, `report`, `clock`, `reset` and `gap`. Nothing is told again: who comes with a
        Last-Event-ID gets a `gap` first.
        """
        names = list(dict.fromkeys(request.query_params.getlist("account"))) or [DEFAULT_ACCOUNT]
        if len(names) > MAX_EVENT_ACCOUNTS:
            raise HTTPException(400, f"account: got {len(names)} of them, want at most {MAX_EVENT_ACCOUNTS}")
        accounts = [None if name == NOBODY else self._context.named(name) for name in names]
        if request.method == "HEAD":
            return Response(media_type=_MEDIA_TYPE)
        return _EventResponse(self._events, accounts, resumed="last-event-id" in request.headers)


class _EventResponse(StreamingResponse):
    """Streams for as long as the client reads and the simulator runs."""

    def __init__(self, events: EventHub, accounts: Sequence[Account | None], *, resumed: bool) -> None:
        super().__init__((), media_type=_MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events
        self._accounts = accounts
        self._resumed = resumed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._events.stream(self._accounts, resumed=self._resumed) as stream:
            self.body_iterator = stream.frames()
            await super().__call__(scope, receive, send)
