"""The ASGI application of the admin port: routes and pages behind the middleware, with the handlers of errors.

`AuthKeyMaskingMiddleware` lets no whole AUTH_KEY leave the port, wherever a customer put it. What the journal keeps
has no keys of accounts that existed when it came. Texts that a customer gets back as they came, and keys of accounts
made later than what is kept, are masked here, in one place for all that the API shows. Pages mask values where they
write them. Only the answers of `POST /accounts` and `GET /state` hold whole keys. `FreshStoreMiddleware` has every
request read what was kept before it came.

Spec: Parameter Details, AUTH_KEY. Reading: R18.
"""

from collections.abc import Callable, Iterable, Sequence

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudsms_simulator.api.accounts import on_account_conflict
from cloudsms_simulator.api.auth import PROBE_PATHS, AllowedHosts, AuthMiddleware, TokenAuth
from cloudsms_simulator.api.context import ApiContext
from cloudsms_simulator.api.http import (
    on_called_off,
    on_http_exception,
    on_settings_error,
    on_store_error,
    on_unexpected_error,
)
from cloudsms_simulator.api.routes import routes_of
from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.net.http_parser import path_below_root, scope_below
from cloudsms_simulator.net.runtime import CalledOffError, offload
from cloudsms_simulator.protocol.masking import KeyRing, hide, hide_in_json
from cloudsms_simulator.services.accounts import AccountConflictError
from cloudsms_simulator.stores.store import Store, StoreError

_WITH_WHOLE_KEYS = (("GET", "/api/v1/state"), ("POST", "/api/v1/accounts"))
"""Requests whose answers promise whole keys: the state document, to be put back, and a new account."""
_EVENTS = "text/event-stream"
_MASKED_TYPES = {"application/json", "application/problem+json", "text/plain", _EVENTS}


class AuthKeyMaskingMiddleware:
    """ASGI middleware that masks AUTH_KEYs in answers; `keys` returns those of all accounts."""

    def __init__(self, app: ASGIApp, keys: Callable[[], KeyRing]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; its answer goes out without keys."""
        is_lifespan = scope["type"] != "http"
        await self._app(scope, receive, send if is_lifespan else _MaskedResponse(scope, send, self._keys).send)


class FreshStoreMiddleware:
    """ASGI middleware before which nothing of a request is read that was kept after it came, and all that was before.

    A request that names an account in `?account=` is about that one; any other may be about all. Probes read nothing.
    """

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on once the store is fresh."""
        if scope["type"] == "http" and path_below_root(scope) not in PROBE_PATHS:
            name = QueryParams(scope["query_string"]).get("account", "")
            try:
                await self._store.fresh(self._store.directory.named(name))
            except StoreError as error:
                answer = await on_store_error(Request(scope), error)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _MaskedResponse:
    """One answer on its way out. Its head is held back until the body comes, in one piece, as the length may change."""

    def __init__(self, scope: Scope, send: Send, keys: Callable[[], KeyRing]) -> None:
        self._whole = (scope["method"], path_below_root(scope)) in _WITH_WHOLE_KEYS
        self._send = send
        self._keys = keys
        self._head: Message | None = None
        self._kind = ""

    async def send(self, message: Message) -> None:
        """Masks a message of the application and sends it on."""
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0].strip()
            # An error answer promises no whole keys, so it is masked.
            self._kind = kind if kind in _MASKED_TYPES and not (self._whole and message["status"] < 400) else ""
            if self._kind not in ("", _EVENTS):
                self._head = message
                return
        elif message["type"] == "http.response.body" and self._kind:
            body, keys = message.get("body", b""), self._keys()
            message = {**message, "body": await offload(len(body), lambda: self._hidden(body, keys))}
            if self._head is not None:
                headers = MutableHeaders(raw=self._head["headers"])
                if "content-length" in headers:
                    headers["content-length"] = str(len(message["body"]))
                await self._send(self._head)
                self._head = None
        await self._send(message)

    def _hidden(self, body: bytes, keys: KeyRing) -> bytes:
        if self._kind == _EVENTS:
            return b"\n".join([_masked_event_line(line, keys) for line in body.split(b"\n")])
        return hide(body, keys) if self._kind == "text/plain" else hide_in_json(body, keys)


def _masked_event_line(line: bytes, keys: KeyRing) -> bytes:
    """A line of a stream of events with its keys masked: the `data` of an event is JSON."""
    name, colon, data = line.partition(b": ")
    return name + colon + hide_in_json(data, keys) if name == b"data" else line


class BasePathMiddleware:
    """ASGI middleware that has every address begin with a base path, whether or not a proxy took it off."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        await self._app(scope_below(self._root, scope) if scope["type"] == "http" else scope, receive, send)


def admin_app(
    context: ApiContext, hosts: Iterable[str], auth: TokenAuth, pages: Sequence[BaseRoute] = (), root: str | None = None
) -> Starlette:
    """The ASGI application of the admin port.

    `hosts` are the names it may be called by, as `AllowedHosts` reads them; `pages` are routes beside those of the API.
    With pages, a person without the token is shown the form of `/login`. `root` is the base path of all addresses, None
    for the one it is mounted at.
    """
    return Starlette(
        routes=[*routes_of(context), *pages],
        middleware=[
            *([] if root is None else [Middleware(BasePathMiddleware, root=root)]),
            Middleware(AuthKeyMaskingMiddleware, keys=lambda: context.directory.keys),
            Middleware(AuthMiddleware, hosts=AllowedHosts(hosts), auth=auth, asks=bool(pages)),
            Middleware(FreshStoreMiddleware, store=context.store),
        ],
        exception_handlers={
            HTTPException: on_http_exception,
            SettingsError: on_settings_error,
            AccountConflictError: on_account_conflict,
            CalledOffError: on_called_off,
            StoreError: on_store_error,
            Exception: on_unexpected_error,
        },
    )
