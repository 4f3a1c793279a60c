"""Waits over the API: 200 with what was waited for, or 408 with what came close.

`{"match": "to:852*", "count": 1, "timeout": "10s"}` may also be said as query parameters; `timeout` is wall time.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Annotated, Generic, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.admin.bodies import read_json
from cloudsms_simulator.server.admin.clocks import LONGEST_CALL, Timeout
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.admin.pages import LONGEST_PAGE, Page, json_response
from cloudsms_simulator.server.admin.problems import Problem
from cloudsms_simulator.server.admin.searching import PARAMETERS, asked_of, read_search
from cloudsms_simulator.server.durations import duration_text, read_amount
from cloudsms_simulator.server.kept import Item, Kept
from cloudsms_simulator.server.search import Difference, Search
from cloudsms_simulator.server.sought import Kind
from cloudsms_simulator.server.waits import Close, Found, Missed, Waits

S = TypeVar("S")

MOST = 10_000
"""The most that can be waited for at once."""

Match = Annotated[str, msgspec.Meta(description='a search such as "to:852* state:DELIVERED"')]
Count = Annotated[int, msgspec.Meta(ge=1, le=MOST, description=f"a whole number from 1 to {MOST:,}")]


class Wanted(msgspec.Struct, frozen=True):
    """What to wait for, how many of it, and for how long."""

    match: Match = ""
    count: Count = 1
    timeout: Timeout = 10.0


class CloseItem(msgspec.Struct, Generic[S], frozen=True):
    """What came close: the item, and the terms that do not hold for it with what it has instead."""

    item: S
    misses: tuple[Difference, ...]


class WaitProblem(Problem, Generic[S], frozen=True, kw_only=True):
    """A wait that got too little; `in_vain` when only the account's clock keeps it from coming."""

    count: int
    total: int
    evicted: int
    in_vain: bool
    next_due_at: datetime | None
    closest: list[CloseItem[S]]


class WaitPoints:
    """`/messages/wait`, `/requests/wait` and `/reports/wait`, by GET and by POST."""

    def __init__(self, office: Office, waits: Waits) -> None:
        self._office = office
        self._waits = waits

    async def messages(self, request: Request) -> Response:
        """Waits for messages; those that came, newest first."""
        return await self._wait(request, "messages", self._office.asked(request))

    async def requests(self, request: Request) -> Response:
        """Waits for exchanges, with `?account=*` for those that are nobody's."""
        return await self._wait(request, "requests", asked_of(self._office, request))

    async def reports(self, request: Request) -> Response:
        """Waits for reports; those that came, newest first."""
        return await self._wait(request, "reports", self._office.asked(request))

    async def _wait(self, request: Request, kind: Kind, account: Account | None) -> Response:
        wanted = await read_json(request, Wanted) if request.method == "POST" else _said(request)
        search = read_search(self._office, account, kind, wanted.match)
        timeout = _timeout(wanted.timeout)
        ended = await _while_here(request, self._waits.wait(account, kind, search, wanted.count, timeout))
        kept = Kept(self._office.store, account)
        if isinstance(ended, Found):
            shown = await kept.items(ended.values[:LONGEST_PAGE])
            return json_response(Page(shown, ended.total, None, ended.evicted))
        if ended is None:
            return Response(status_code=408)  # nobody reads it
        name = "nobody" if account is None else account.name
        problem = WaitProblem(
            "in vain" if ended.in_vain else "timed out",
            408,
            _told(ended, kind, name, search, wanted.count, timeout),
            count=wanted.count,
            total=ended.total,
            evicted=ended.evicted,
            in_vain=ended.in_vain,
            next_due_at=ended.next_due_at,
            closest=await close_items(kept, ended.closest),
        )
        return Response(msgspec.json.encode(problem), 408, media_type="application/problem+json")


async def close_items(kept: Kept, closest: tuple[Close, ...]) -> list[CloseItem[Item]]:
    """What came close, as the API lists it."""
    items = await kept.items([each.value for each in closest])
    return [CloseItem(item, each.differences) for item, each in zip(items, closest, strict=True)]


def _told(missed: Missed, kind: Kind, name: str, search: Search, count: int, timeout: timedelta) -> str:
    sought = f"{kind} for {search}" if search.terms else kind
    so_far, gone = f"{missed.total} of {count} {sought}", _evicted_told(missed.evicted, kind)
    if not missed.in_vain:
        return f"there were {so_far} within {duration_text(timeout)}{gone}"
    stands = f'the clock of "{name}" stands at {missed.now.isoformat()} and nothing is due by then'
    if missed.next_due_at is None:
        return f"there are {so_far}; {stands}, nor later: send something first{gone}"
    ahead = duration_text(missed.next_due_at - missed.now)
    due = missed.next_due_at.isoformat()
    return f"there are {so_far}; {stands}. The next is due at {due}: advance the clock by {ahead}{gone}"


def _evicted_told(evicted: int, kind: Kind) -> str:
    """What to say about things that nobody can look at any more; nothing when there are none."""
    return f"; {evicted:,} {kind} are gone from the journal and were not looked at" if evicted else ""


def _said(request: Request) -> Wanted:
    """What query parameters say."""
    query = request.query_params
    match = next((query[name] for name in PARAMETERS if name in query), "")
    count = query.get("count", "1")
    if not (count.isascii() and count.isdigit() and 1 <= int(count[:9]) <= MOST):
        raise HTTPException(400, f'count: got "{count[:20]}", want a whole number from 1 to {MOST:,}')
    timeout = query.get("timeout", "10s")
    return Wanted(match, int(count), _seconds(timeout))


def _seconds(text: str) -> str | float:
    """A bare number is seconds, in a query as in JSON."""
    return float(text) if text.replace(".", "", 1).isdigit() and text.isascii() else text


def _timeout(value: str | float) -> timedelta:
    try:
        timeout = read_amount(value)
    except ValueError as error:
        shown = f'"{value[:60]}"' if isinstance(value, str) else value
        raise HTTPException(400, f"timeout: got {shown}, want {error}") from error
    if timeout > LONGEST_CALL:
        raise HTTPException(400, f"timeout: got {value}, want at most an hour; call again for what is left")
    return timeout


async def _while_here(request: Request, wait: Coroutine[None, None, Found | Missed]) -> Found | Missed | None:
    """What a wait ends with; None when the client left, which ends it."""
    waiting = asyncio.ensure_future(wait)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
