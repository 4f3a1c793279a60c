"""All pages of the inbox, made at the first request for one; the page that shows a problem, and that of the login.

`/login` asks a person for the token of the admin port, and a cookie remembers that they gave it. A person without it
learns nothing but that one is wanted, and the form leads on to paths of this server only. Imports Jinja2.
Reading: R19.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloudsms_simulator.api.auth import LOGIN_PATH, TokenAuth, cookie_of
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.inbox.compose_page import ComposePage
from cloudsms_simulator.inbox.control_page import ControlPage
from cloudsms_simulator.inbox.detail import MessagePage, RequestPage
from cloudsms_simulator.inbox.list_page import ListPage
from cloudsms_simulator.inbox.live import LiveHandlers
from cloudsms_simulator.inbox.overview_page import OverviewPage
from cloudsms_simulator.inbox.page_context import context_before_login, page_context_of, read_form
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.net.http_parser import base_path, root_of


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
