"""The inbox's routes: which page is whose."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from cloudsms_simulator.server.admin.guard import LOGIN
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.inbox.files import STATIC, Files
from cloudsms_simulator.server.news import News

if TYPE_CHECKING:
    from cloudsms_simulator.server.inbox.pages import Handler, Pages


def inbox_routes(office: Office, news: News, stopping: asyncio.Event, token: str | None = None) -> list[BaseRoute]:
    """The routes of every page, and of what pages are made of; `token` is the admin port's, if it wants one."""

    @cache
    def pages() -> "Pages":
        # They are made when the first is asked for: who only calls the API need not wait for what they import.
        from cloudsms_simulator.server.inbox.pages import Pages

        return Pages(office, news, stopping, token)

    def route(path: str, handler: "Callable[[Pages], Handler]", method: str = "GET") -> Route:
        async def handled(request: Request) -> Response:
            return await handler(pages())(request)

        return Route(path, handled, methods=[method], name=f"inbox:{method} {path}")

    def page(path: str, handler: "Callable[[Pages], Handler]", method: str = "GET") -> Route:
        return route(path, lambda pages: pages.with_problems(handler(pages)), method)

    return [
        page("/", lambda pages: pages.listing.show),
        page("/window", lambda pages: pages.listing.window),
        page("/messages/{uid}", lambda pages: pages.messages.show),
        page("/requests/{id}", lambda pages: pages.requests.show),
        page("/compose", lambda pages: pages.compose.show),
        page("/compose/draft", lambda pages: pages.compose.draft, "POST"),
        page("/compose/sent", lambda pages: pages.compose.sent),
        page("/control", lambda pages: pages.control.show),
        page("/control/live", lambda pages: pages.control.live),
        page("/overview", lambda pages: pages.overview.show),
        route(LOGIN, lambda pages: pages.login.show),
        route(LOGIN, lambda pages: pages.login.enter, "POST"),
        route("/logout", lambda pages: pages.login.leave, "POST"),
        route("/pulse", lambda pages: pages.pulses.stream),
        Mount("/static", Files(directory=STATIC)),
    ]
