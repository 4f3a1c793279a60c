"""The admin API: what happened, as JSON, on a port of its own.

Plain HTTP for this machine's own programs. A page in a browser cannot drive it: the Host header must name this server,
an Origin must be its own, and beyond loopback every request but the probes needs the token.

Lists are newest first, `{items, total, cursor, evicted}`: `cursor` fetches the next page and is null on the last,
`evicted` counts what the bounded journal no longer has. Errors are `application/problem+json`.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.hindsight import answer_of, findings_of
from cloudsms_simulator.server.items import (
    RequestItem,
    account_item,
    message_item,
    report_item,
    request_item,
)
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

T = TypeVar("T")

PAGE = 100
LONGEST_PAGE = 1000
NOBODY = "*"
"""`?account=*`: exchanges that belong to no account."""
_PROBES = ("/livez", "/readyz")


class Problem(msgspec.Struct, frozen=True):
    """An error, as RFC 9457 writes it; `detail` says what to do."""

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class Page(msgspec.Struct, frozen=True):
    """One page of a list."""

    items: Sequence[object]
    total: int
    cursor: str | None
    evicted: int


class Guard:
    """Lets in only who calls this server by its name, and beyond loopback who has the token."""

    def __init__(self, app: ASGIApp, names: frozenset[str], token: str | None) -> None:
        self._app = app
        self._names = names
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await _problem_response(problem)(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_in(host) not in self._names:
            known = ", ".join(sorted(self._names))
            return Problem("wrong host", 421, f'this server is not "{_name_in(host)[:100]}"; it goes by {known}')
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return Problem("foreign origin", 403, "pages of other sites have no business here")
        if self._token is None or scope["path"] in _PROBES:
            return None
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return None
        return Problem("token missing or wrong", 401, "send `Authorization: Bearer` with the admin token")


class Admin:
    """The handlers. `is_ready` tells whether both ports serve."""

    def __init__(self, directory: Directory, store: Store, wall: WallClock, is_ready: Callable[[], bool]) -> None:
        self._directory = directory
        self._store = store
        self._wall = wall
        self._is_ready = is_ready

    async def livez(self, request: Request) -> Response:
        """The process answers."""
        return _json({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """200 once both ports serve, 503 before that and while it stops."""
        ready = self._is_ready()
        return _json({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    async def accounts(self, request: Request) -> Response:
        """Every account with its standing."""
        shown = []
        for account in self._directory:
            standing = self._store.standing(account)
            shown.append(account_item(account, standing, standing.clock.now(self._wall.now())))
        return _json(Page(shown, len(shown), None, 0))

    async def messages(self, request: Request) -> Response:
        """The messages of one account."""
        account = self._account(request)
        listing = self._store.messages(account)
        return _page(
            request,
            listing,
            listing.total,
            listing.evicted,
            lambda each: each.uid,
            lambda each: message_item(each, account.auth_key),
        )

    async def reports(self, request: Request) -> Response:
        """The reports of one account, with their attempts."""
        account = self._account(request)
        listing = self._store.reports(account)
        return _page(
            request,
            listing,
            listing.total,
            listing.evicted,
            lambda each: each.id,
            lambda each: report_item(each, account.auth_key),
        )

    async def requests(self, request: Request) -> Response:
        """The exchanges of one account, or of none with `?account=*`."""
        account = None if request.query_params.get("account") == NOBODY else self._account(request)
        listing = self._store.exchanges(account)
        return _page(
            request,
            listing,
            listing.total,
            listing.evicted,
            lambda each: str(each.id),
            lambda each: self._request_item(account, each),
        )

    def _request_item(self, account: Account | None, exchange: Exchange) -> RequestItem:
        found = (None if account is None else self._store.message(account, uid) for uid in exchange.uids)
        messages = tuple(message for message in found if message is not None)
        real = self._store.standing(account).clock.is_real
        findings = findings_of(exchange, messages, account, clock_is_real=real)
        return request_item(exchange, answer_of(exchange, messages), findings)

    def _account(self, request: Request) -> Account:
        name = request.query_params.get("account", "default")
        account = self._directory.named(name)
        if account is None:
            known = ", ".join(each.name for each in self._directory)
            raise HTTPException(404, f'there is no account "{name[:100]}"; there is {known}')
        return account


def admin_app(admin: Admin, names: Iterable[str], token: str | None) -> Starlette:
    """The ASGI application of the admin port; `names` are the hosts it may be called by, without ports."""
    return Starlette(
        routes=[
            Route("/livez", admin.livez),
            Route("/readyz", admin.readyz),
            Route("/api/v1/accounts", admin.accounts),
            Route("/api/v1/messages", admin.messages),
            Route("/api/v1/requests", admin.requests),
            Route("/api/v1/reports", admin.reports),
        ],
        middleware=[Middleware(Guard, names=frozenset(names), token=token)],
        exception_handlers={HTTPException: _on_http_exception, Exception: _on_slip},
    )


def _page(
    request: Request,
    items: Iterable[T],
    total: int,
    evicted: int,
    key: Callable[[T], str],
    shown: Callable[[T], object],
) -> Response:
    limit, cursor = _limit(request), request.query_params.get("cursor")
    remaining = iter(items)
    if cursor is not None:
        for item in remaining:
            if key(item) == cursor:
                break
        else:
            raise HTTPException(410, f'what the cursor "{cursor[:100]}" points at is gone; start again without it')
    page = list(islice(remaining, limit + 1))
    more = key(page[limit - 1]) if len(page) > limit else None
    return _json(Page([shown(item) for item in page[:limit]], total, more, evicted))


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_PAGE):
        raise HTTPException(400, f'limit is "{text[:20]}"; it is a number from 1 to {LONGEST_PAGE}')
    return int(text)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = {400: "bad request", 404: "not found", 405: "method not allowed", 410: "gone"}.get(
        error.status_code, "error"
    )
    detail = error.detail
    if error.status_code == 404 and detail == "Not Found":
        detail = f"there is nothing at {request.url.path[:200]}; the API is below /api/v1"
    return _problem_response(Problem(title, error.status_code, detail), error.headers)


async def _on_slip(request: Request, error: Exception) -> Response:
    """For a failure of ours; its traceback goes to the log."""
    return _problem_response(Problem("internal error", 500, "a mistake of the simulator; its log has the traceback"))


def _problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(problem), problem.status, headers, "application/problem+json")


def _name_in(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host).lower()
