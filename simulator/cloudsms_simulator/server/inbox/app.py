"""The inbox's routes: which page is whose."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from cloudsms_simulator.server.admin.guard import LOGIN
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.inbox.compose_page import ComposePage
from cloudsms_simulator.server.inbox.control_page import ControlPage
from cloudsms_simulator.server.inbox.files import STATIC, Files, edition_of
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


def inbox_routes(office: Office, news: News, stopping: asyncio.Event, token: str | None = None) -> list[BaseRoute]:
    """The routes of every page, and of what pages are made of; `token` is the admin port's, if it wants one."""
    press = Press(edition_of(STATIC))
    listing, pulses = ListPage(office, press), Pulses(office, news, stopping)
    messages, requests = MessagePage(office, press), RequestPage(office, press)
    control = ControlPage(office, press)
    compose, login = ComposePage(office, press), LoginPage(press, token)
    overview = OverviewPage(office, press)

    def page(path: str, handler: Handler, method: str = "GET") -> Route:
        return Route(path, _with_problems(office, press, handler), methods=[method], name=f"inbox:{path}")

    return [
        page("/", listing.show),
        page("/window", listing.window),
        page("/messages/{uid}", messages.show),
        page("/requests/{id}", requests.show),
        page("/compose", compose.show),
        page("/compose/draft", compose.draft, "POST"),
        page("/compose/sent", compose.sent),
        page("/control", control.show),
        page("/control/live", control.live),
        Route(LOGIN, login.show),
        Route(LOGIN, login.enter, methods=["POST"]),
        Route("/logout", login.leave, methods=["POST"]),
        page("/overview", overview.show),
        Route("/pulse", pulses.stream),
        Mount("/static", Files(directory=STATIC)),
    ]


def _with_problems(office: Office, press: Press, handler: Handler) -> Handler:
    """A handler whose problems are told on a page."""

    async def handled(request: Request) -> Response:
        try:
            return await handler(request)
        except SearchError as error:
            status, detail = 400, str(error)
        except HTTPException as error:
            status, detail = error.status_code, error.detail
        unscoped = Request({**request.scope, "query_string": b""}) if status == 404 else request
        return press.page("problem.html", visit_of(office, unscoped), status, status=status, detail=detail)

    return handled
