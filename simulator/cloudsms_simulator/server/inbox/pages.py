"""The pages of the inbox, all of them, and how a problem is told on one."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloudsms_simulator.server.admin.gate import Gate
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.inbox.compose_page import ComposePage
from cloudsms_simulator.server.inbox.control_page import ControlPage
from cloudsms_simulator.server.inbox.files import STATIC, edition_of
from cloudsms_simulator.server.inbox.list_page import ListPage
from cloudsms_simulator.server.inbox.login_page import LoginPage
from cloudsms_simulator.server.inbox.message_page import MessagePage
from cloudsms_simulator.server.inbox.overview_page import OverviewPage
from cloudsms_simulator.server.inbox.press import Press
from cloudsms_simulator.server.inbox.pulses import Pulses
from cloudsms_simulator.server.inbox.request_page import RequestPage
from cloudsms_simulator.server.inbox.visit import visit_of
from cloudsms_simulator.server.news import News
from cloudsms_simulator.server.search_words import SearchError

Handler = Callable[[Request], Awaitable[Response]]


class Pages:
    """Every page; `gate` is the admin port's."""

    def __init__(self, office: Office, news: News, stopping: asyncio.Event, gate: Gate) -> None:
        self._office = office
        self.press = press = Press(edition_of(STATIC), lambda: office.directory.keys)
        self.listing = ListPage(office, press)
        self.messages = MessagePage(office, press)
        self.requests = RequestPage(office, press)
        self.compose = ComposePage(office, press)
        self.control = ControlPage(office, press)
        self.overview = OverviewPage(office, press)
        self.login = LoginPage(press, gate)
        self.pulses = Pulses(office, news, stopping)

    def with_problems(self, handler: Handler) -> Handler:
        """A handler whose problems are told on a page."""

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except SearchError as error:
                status, detail = 400, str(error)
            except HTTPException as error:
                status, detail = error.status_code, error.detail
            unscoped = Request({**request.scope, "query_string": b""}) if status == 404 else request
            visit = visit_of(self._office, unscoped)
            return self.press.page("problem.html", visit, status, status=status, detail=detail)

        return handled
