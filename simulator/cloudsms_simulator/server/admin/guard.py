"""The guard: lets in only who calls this server by its name, and beyond loopback who has the token.

A page in a browser cannot drive the API: the Host header must name this server, and an Origin must be its own.
"""

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.server.admin.problems import Problem, problem_response

PROBES = ("/livez", "/readyz")
"""Paths that need no token."""


class Guard:
    """Stands before an application. `names` are the hosts it may be called by, in lower case and without ports."""

    def __init__(self, app: ASGIApp, names: frozenset[str], token: str | None) -> None:
        self._app = app
        self._names = names
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or says why not."""
        problem = None if scope["type"] == "lifespan" else self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
            await problem_response(problem, headers)(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name_in(host) not in self._names:
            known = ", ".join(sorted(self._names))
            return Problem("wrong host", 421, f'this server is not "{_name_in(host)[:100]}"; it goes by {known}')
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return Problem("foreign origin", 403, "pages of other sites have no business here")
        if self._token is None or scope["path"] in PROBES:
            return None
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return None
        return Problem("token missing or wrong", 401, "send `Authorization: Bearer` with the admin token")


def _name_in(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host).lower()
