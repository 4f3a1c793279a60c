"""The inbox's routes, which page is whose; and the admin port's application: the admin API with the inbox in it.

Imported at the first call of the admin port: nothing else takes as long at a start, and many a run never needs it.
"""

import asyncio
from collections.abc import Callable, Set
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from cloudsms_simulator.server.admin.app import admin_app
from cloudsms_simulator.server.admin.gate import Gate
from cloudsms_simulator.server.admin.guard import LOGIN
from cloudsms_simulator.server.admin.names import LOOPBACK
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.inbox.files import STATIC, Files
from cloudsms_simulator.server.late import Late
from cloudsms_simulator.server.news import News

if TYPE_CHECKING:
    from cloudsms_simulator.server.inbox.pages import Handler, Pages


def app_with_inbox(office: Office, news: News, stopping: asyncio.Event, hosts: Set[str], gate: Gate) -> ASGIApp:
    """What the admin port serves; `hosts` are the names it may be called by, beside those of this machine."""
    return admin_app(office, {*LOOPBACK, *hosts}, gate, inbox_routes(office, news, stopping, gate))


def inbox_routes(office: Office, news: News, stopping: asyncio.Event, gate: Gate) -> list[BaseRoute]:
    """The routes of every page, and of what pages are made of; `gate` is the admin port's."""

    def make() -> "Pages":
        from cloudsms_simulator.server.inbox.pages import Pages

        return Pages(office, news, stopping, gate)

    # Who only calls the API need not wait for what they import.
    pages = Late("cloudsms_simulator.server.inbox.pages", make)

    def route(
        path: str, handler: "Callable[[Pages], Handler]", method: str = "GET", template: str | None = None
    ) -> Route:
        async def handled(request: Request) -> Response:
            made = await pages.get()
            if template is not None:
                await made.press.load(template)
            return await handler(made)(request)

        return Route(path, handled, methods=[method], name=f"inbox:{method} {path}")

    def page(path: str, template: str, handler: "Callable[[Pages], Handler]", method: str = "GET") -> Route:
        return route(path, lambda pages: pages.with_problems(handler(pages)), method, template)

    return [
        page("/", "list.html", lambda pages: pages.listing.show),
        page("/window", "_window.html", lambda pages: pages.listing.window),
        page("/messages/{uid}", "message.html", lambda pages: pages.messages.show),
        page("/requests/{id}", "request.html", lambda pages: pages.requests.show),
        page("/compose", "compose.html", lambda pages: pages.compose.show),
        page("/compose/draft", "_draft.html", lambda pages: pages.compose.draft, "POST"),
        page("/compose/sent", "_sent.html", lambda pages: pages.compose.sent),
        page("/control", "control.html", lambda pages: pages.control.show),
        page("/control/live", "_control_live.html", lambda pages: pages.control.live),
        page("/overview", "overview.html", lambda pages: pages.overview.show),
        route(LOGIN, lambda pages: pages.login.show),
        route(LOGIN, lambda pages: pages.login.enter, "POST"),
        route("/logout", lambda pages: pages.login.leave, "POST"),
        route("/pulse", lambda pages: pages.pulses.stream),
        Mount("/static", Files(directory=STATIC)),
    ]
