"""All pages of the inbox, made at the first request for one; pages of problems and of the login, and live updates.

`/login` asks a person for the token of the admin port, and a cookie remembers that they gave it. A person without it
learns nothing but that one is wanted, and the form leads on to paths of this server only.

`/pulse` tells an open page, by server-sent events, that there is something new to read. It sends at most two updates a
second, whatever the traffic. An update has nothing but the time on the account's clock, since the page asks again for
what it shows; so a request costs nothing but the setting of a flag. Imports Jinja2. Reading: R19, R26.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from cloudsms_simulator.api.auth import LOGIN_PATH, TokenAuth, cookie_of
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.engine.clock import Mode
from cloudsms_simulator.inbox.compose_page import ComposePage
from cloudsms_simulator.inbox.control_page import ControlPage
from cloudsms_simulator.inbox.detail import MessagePage, RequestPage
from cloudsms_simulator.inbox.list_page import ListPage
from cloudsms_simulator.inbox.overview_page import OverviewPage
from cloudsms_simulator.inbox.page_context import context_before_login, page_context_of, read_form
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.http_parser import base_path, root_of
from cloudsms_simulator.stores.store import Change, ChangeBus

UPDATE_PAUSE = 0.5
"""The least seconds between two updates."""
UPDATE_KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment shows that the stream is still open."""

_GREETING = b"retry: 1000\n\n"
_STILL_HERE = b":\n\n"
_encoder = msgspec.json.Encoder()


class LiveUpdate(msgspec.Struct, frozen=True):
    """What an update says: the clock of the account that a page is about."""

    now: datetime
    mode: Mode
    rate: float


class LiveUpdates:
    """The updates of one open page.

    `accounts` are the names of those it is about; a name None stands for requests of no account, and no `accounts` at
    all for everything. Belongs to one event loop.
    """

    def __init__(self, changes: ChangeBus, accounts: Iterable[str | None] | None, stopping: asyncio.Event) -> None:
        self._changes = changes
        self._accounts = None if accounts is None else tuple(accounts)
        self._stopping = stopping
        self._changed = asyncio.Event()

    def hear(self, change: Change) -> None:
        """Notes that something was committed, whatever it was."""
        self._changed.set()

    async def frames(self, update: Callable[[], LiveUpdate]) -> AsyncIterator[bytes]:
        """Server-sent events `pulse`, the first at once, until the simulator stops; `update` makes what each says."""
        self._subscribe()
        try:
            yield _GREETING
            self._changed.set()
            while not self._stopping.is_set():
                if await self._has_changed():
                    self._changed.clear()
                    yield b"event: pulse\ndata: %b\n\n" % _encoder.encode(update())
                    await self._rest()
                else:
                    yield _STILL_HERE
        finally:
            self._unsubscribe()

    def _subscribe(self) -> None:
        if self._accounts is None:
            self._changes.subscribe_to_all(self)
        for name in self._accounts or ():
            self._changes.subscribe(name, self)

    def _unsubscribe(self) -> None:
        if self._accounts is None:
            self._changes.unsubscribe_from_all(self)
        for name in self._accounts or ():
            self._changes.unsubscribe(name, self)

    async def _has_changed(self) -> bool:
        """Whether something changed, before a comment is due; True as well when the simulator stops."""
        waits = [asyncio.ensure_future(each.wait()) for each in (self._changed, self._stopping)]
        try:
            done, _ = await asyncio.wait(waits, timeout=UPDATE_KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        return bool(done)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(UPDATE_PAUSE):
                await self._stopping.wait()
        except TimeoutError:
            return


_MEDIA_TYPE = "text/event-stream"


class LiveHandlers:
    """`/pulse`."""

    def __init__(self, context: ApiContext, changes: ChangeBus, stopping: asyncio.Event) -> None:
        self._context = context
        self._changes = changes
        self._stopping = stopping

    async def stream(self, request: Request) -> Response:
        """Sends updates for as long as the page is open: of the account in `?account=`, of all without one."""
        page = page_context_of(self._context, request)
        names = {"": None, "*": (None,)}.get(page.scope, (page.scope,))
        updates = LiveUpdates(self._changes, names, self._stopping)

        def update() -> LiveUpdate:
            account = None if page.account is None else self._context.directory.named(page.account.name)
            clock = self._context.store.standing(account).clock
            return LiveUpdate(clock.now(self._context.wall.now()), clock.mode, clock.rate)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(updates.frames(update), media_type=_MEDIA_TYPE, headers=headers)


class LoginPage:
    """`/login` and `/logout`."""

    def __init__(self, templates: Templates, auth: TokenAuth) -> None:
        self._templates = templates
        self._auth = auth

    async def show(self, request: Request) -> Response:
        """The form, with status 401; a person who is logged in already is sent on to `?next=`."""
        goal = _own_path(request.query_params.get("next", ""), root_of(request.scope))
        if self._auth.admits(Headers(scope=request.scope)):
            return RedirectResponse(goal, 303)
        return self._form(request, goal)

    async def enter(self, request: Request) -> Response:
        """Takes the token; the right one is remembered until the browser is closed, or the person logs out.

        After too many wrong ones the answer is 429 and says how long to wait; no token is looked at before that.
        """
        form = await read_form(request)
        root = root_of(request.scope)
        goal = _own_path(form.get("next", ""), root)
        response = RedirectResponse(goal, 303)
        if self._auth.is_open:
            return response
        address = "" if request.client is None else request.client.host
        wait = math.ceil(self._auth.attempts.wait(address))
        if wait:
            return self._form(request, goal, wait=wait)
        if not self._auth.is_token(form.get("token", "").strip()):
            self._auth.attempts.failed(address)
            return self._form(request, goal, wrong=True)
        name = cookie_of(request.headers.get("host", ""))
        is_over_tls = request.headers.get("origin", "").startswith("https://")
        response.set_cookie(
            name,
            self._auth.enter(),
            path=f"{base_path(request.scope)}/",
            httponly=True,
            samesite="strict",
            secure=is_over_tls,
        )
        return response

    async def leave(self, request: Request) -> Response:
        """Removes the cookie, and ends what it stood for."""
        self._auth.leave(Headers(scope=request.scope))
        root = base_path(request.scope)
        response = RedirectResponse(root + LOGIN_PATH, 303)
        name = cookie_of(request.headers.get("host", ""))
        response.delete_cookie(name, path=f"{root}/", httponly=True, samesite="strict")
        return response

    def _form(self, request: Request, goal: str, *, wrong: bool = False, wait: int = 0) -> Response:
        status = 429 if wait else 401
        response = self._templates.page(
            "login.html", context_before_login(request), status, goal=goal, wrong=wrong, wait=wait
        )
        if wait:
            response.headers["Retry-After"] = str(wait)
        else:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


def _own_path(text: str, root: str) -> str:
    """The path to go on to, if it is one of this server below the base path, but for `/login`; else the first page."""
    parts = urlsplit(text.replace("\\", "/"))
    path = parts.path
    elsewhere = bool(parts.scheme or parts.netloc) or path.startswith("//") or not path.startswith(f"{root}/")
    if elsewhere or path.startswith(root + LOGIN_PATH):
        return f"{root}/"
    return f"{path}?{parts.query}" if parts.query else path


PageHandler = Callable[[Request], Awaitable[Response]]


class Pages:
    """Every page of the inbox. `auth` is that of the admin port, `version` that of the static files."""

    def __init__(
        self, context: ApiContext, changes: ChangeBus, stopping: asyncio.Event, auth: TokenAuth, version: str
    ) -> None:
        self._context = context
        self.templates = templates = Templates(version, lambda: context.directory.keys)
        self.listing = ListPage(context, templates)
        self.messages = MessagePage(context, templates)
        self.requests = RequestPage(context, templates)
        self.compose = ComposePage(context, templates)
        self.control = ControlPage(context, templates)
        self.overview = OverviewPage(context, templates)
        self.login = LoginPage(templates, auth)
        self.live = LiveHandlers(context, changes, stopping)

    def with_problems(self, handler: PageHandler) -> PageHandler:
        """A handler that shows errors of this handler (HTTPException, SearchError) on a page."""

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except SearchError as error:
                status, detail = 400, str(error)
            except HTTPException as error:
                status, detail = error.status_code, error.detail
            unscoped = Request({**request.scope, "query_string": b""}) if status == 404 else request
            page = page_context_of(self._context, unscoped)
            return self.templates.page("problem.html", page, status, status=status, detail=detail)

        return handled
