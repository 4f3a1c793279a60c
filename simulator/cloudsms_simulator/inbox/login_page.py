"""`/login` and `/logout`: asks a person for the token of the admin port, and remembers in a cookie that they knew it.

Whoever has no token yet learns nothing here but that one is wanted; a form leads on to a path of this server only.
Reading: R19.
"""

import math
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cloudsms_simulator.api.auth import LOGIN_PATH, TokenAuth, cookie_of
from cloudsms_simulator.inbox.http import read_form
from cloudsms_simulator.inbox.page_context import context_before_login
from cloudsms_simulator.inbox.templates import Templates


class LoginPage:
    """`/login` and `/logout`. Whoever has no token yet learns nothing here but that one is wanted."""

    def __init__(self, press: Templates, gate: TokenAuth) -> None:
        self._press = press
        self._gate = gate

    async def show(self, request: Request) -> Response:
        """The form, with status 401; who is known already goes on to where they wanted."""
        goal = _own_path(request.query_params.get("next", "/"))
        if self._gate.admits(Headers(scope=request.scope)):
            return RedirectResponse(goal, 303)
        return self._form(request, goal)

    async def enter(self, request: Request) -> Response:
        """Takes the token; the right one is remembered until the browser is closed, or somebody signs out there.

        Who tried too many wrong ones is told to wait, with status 429, and no token is looked at before.
        """
        form = await read_form(request)
        goal = _own_path(form.get("next", "/"))
        response = RedirectResponse(goal, 303)
        if self._gate.is_open:
            return response
        address = "" if request.client is None else request.client.host
        wait = math.ceil(self._gate.attempts.wait(address))
        if wait:
            return self._form(request, goal, wait=wait)
        if not self._gate.is_token(form.get("token", "").strip()):
            self._gate.attempts.failed(address)
            return self._form(request, goal, wrong=True)
        name = cookie_of(request.headers.get("host", ""))
        is_over_tls = request.headers.get("origin", "").startswith("https://")
        response.set_cookie(name, self._gate.enter(), httponly=True, samesite="strict", secure=is_over_tls)
        return response

    async def leave(self, request: Request) -> Response:
        """Has the browser forget, and lets nobody in any more by what it remembered."""
        self._gate.leave(Headers(scope=request.scope))
        response = RedirectResponse(LOGIN_PATH, 303)
        response.delete_cookie(cookie_of(request.headers.get("host", "")), httponly=True, samesite="strict")
        return response

    def _form(self, request: Request, goal: str, *, wrong: bool = False, wait: int = 0) -> Response:
        status = 429 if wait else 401
        response = self._press.page(
            "login.html", context_before_login(request), status, goal=goal, wrong=wrong, wait=wait
        )
        if wait:
            response.headers["Retry-After"] = str(wait)
        else:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


def _own_path(text: str) -> str:
    """A path of this server: where a form says to go on to, but never to another host."""
    parts = urlsplit(text.replace("\\", "/"))
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith(("//", LOGIN_PATH)):
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
