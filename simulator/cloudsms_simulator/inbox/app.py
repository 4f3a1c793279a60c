"""The routes of the inbox with its static files, and the application of the admin port: API and pages put together.

`app_with_inbox` is imported and called at the first request on the admin port: nothing else takes as long at a
start, and many a run never needs it. The pages in turn are imported at the first request for one of them. Browsers
cache a static file whose address has `?v=` and the version of the files for ever; another version has another address.
"""

import asyncio
import hashlib
from collections.abc import Callable, Set
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from cloudsms_simulator.api.app import admin_app
from cloudsms_simulator.api.auth import LOGIN_PATH, LOOPBACK_HOSTS, TokenAuth
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.net.runtime import Lazy
from cloudsms_simulator.stores.store import ChangeBus

if TYPE_CHECKING:
    from cloudsms_simulator.inbox.pages import PageHandler, Pages

STATIC_FOLDER = Path(__file__).with_name("static")

_CACHE_FOREVER = "public, max-age=31536000, immutable"


class CachedStaticFiles(StaticFiles):
    """The files of a folder, with headers that let browsers cache them and keep their content type."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The answer with one file. Raises HTTPException 404 when there is none."""
        response = await super().get_response(path, scope)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = _CACHE_FOREVER if b"v=" in scope["query_string"] else "no-cache"
        return response


def version_of_files(folder: Path) -> str:
    """The version of a folder's files: eight hex digits that change when any file changes."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def app_with_inbox(
    context: ApiContext,
    changes: ChangeBus,
    stopping: asyncio.Event,
    hosts: Set[str],
    auth: TokenAuth,
    root: str | None = None,
) -> ASGIApp:
    """The application of the admin port. `hosts` are the names it may be called by, besides those of this machine, and
    `root` is the base path of its addresses, None for the one it is mounted at."""
    return admin_app(context, {*LOOPBACK_HOSTS, *hosts}, auth, inbox_routes(context, changes, stopping, auth), root)


def inbox_routes(context: ApiContext, changes: ChangeBus, stopping: asyncio.Event, auth: TokenAuth) -> list[BaseRoute]:
    """The routes of all pages and of the files they are made of; `auth` is that of the admin port."""

    def make() -> "Pages":
        from cloudsms_simulator.inbox.pages import Pages

        return Pages(context, changes, stopping, auth, version_of_files(STATIC_FOLDER))

    # Calls of the API need not wait for what pages import.
    pages = Lazy("cloudsms_simulator.inbox.pages", make)

    def route(
        path: str, handler: "Callable[[Pages], PageHandler]", method: str = "GET", template: str | None = None
    ) -> Route:
        async def handled(request: Request) -> Response:
            made = await pages.get()
            if template is not None:
                await made.templates.load(template)
            return await handler(made)(request)

        return Route(path, handled, methods=[method], name=f"inbox:{method} {path}")

    def page(path: str, template: str, handler: "Callable[[Pages], PageHandler]", method: str = "GET") -> Route:
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
        route(LOGIN_PATH, lambda pages: pages.login.show),
        route(LOGIN_PATH, lambda pages: pages.login.enter, "POST"),
        route("/logout", lambda pages: pages.login.leave, "POST"),
        route("/pulse", lambda pages: pages.live.stream),
        Mount("/static", CachedStaticFiles(directory=STATIC_FOLDER)),
    ]
