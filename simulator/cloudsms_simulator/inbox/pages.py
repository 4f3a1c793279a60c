"""All pages of the inbox, made at the first request for one, and how a problem is told on a page. Imports Jinja2."""

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
    """Every page; `gate` is the admin port's."""

    def __init__(self, office: ApiContext, news: ChangeBus, stopping: asyncio.Event, gate: TokenAuth) -> None:
        self._office = office
        self.press = press = Templates(version_of_files(STATIC_FOLDER), lambda: office.directory.keys)
        self.listing = ListPage(office, press)
        self.messages = MessagePage(office, press)
        self.requests = RequestPage(office, press)
        self.compose = ComposePage(office, press)
        self.control = ControlPage(office, press)
        self.overview = OverviewPage(office, press)
        self.login = LoginPage(press, gate)
        self.live = LiveHandlers(office, news, stopping)

    def with_problems(self, handler: PageHandler) -> PageHandler:
        """A handler whose problems are told on a page."""

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except SearchError as error:
                status, detail = 400, str(error)
            except HTTPException as error:
                status, detail = error.status_code, error.detail
            unscoped = Request({**request.scope, "query_string": b""}) if status == 404 else request
            visit = page_context_of(self._office, unscoped)
            return self.press.page("problem.html", visit, status, status=status, detail=detail)

        return handled
