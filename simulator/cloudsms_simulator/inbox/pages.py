"""All pages of the inbox, made at the first request for one, and the page that shows a problem. Imports Jinja2."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.api.auth import TokenAuth
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.inbox.compose_page import ComposePage
from cloudsms_simulator.inbox.control_page import ControlPage
from cloudsms_simulator.inbox.http import STATIC_FOLDER, version_of_files
from cloudsms_simulator.inbox.list_page import ListPage
from cloudsms_simulator.inbox.live import LiveHandlers
from cloudsms_simulator.inbox.login_page import LoginPage
from cloudsms_simulator.inbox.message_page import MessagePage
from cloudsms_simulator.inbox.overview_page import OverviewPage
from cloudsms_simulator.inbox.page_context import page_context_of
from cloudsms_simulator.inbox.request_page import RequestPage
from cloudsms_simulator.inbox.templates import Templates
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.journal.search_syntax import SearchError

PageHandler = Callable[[Request], Awaitable[Response]]


class Pages:
    """Every page of the inbox. `auth` is that of the admin port."""

    def __init__(self, context: ApiContext, changes: ChangeBus, stopping: asyncio.Event, auth: TokenAuth) -> None:
        self._context = context
        self.templates = templates = Templates(version_of_files(STATIC_FOLDER), lambda: context.directory.keys)
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
