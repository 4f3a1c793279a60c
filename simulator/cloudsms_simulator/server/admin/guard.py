"""The guard: lets in only who calls this server by its name, and beyond loopback who has the token.

A page in a browser cannot drive the API: the Host header must name this server, and an Origin must be its own. A person
who opens a page without the token is asked for it.

Reading: R19.
"""

from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.server.admin.gate import Gate
from cloudsms_simulator.server.admin.names import Names, name_in
from cloudsms_simulator.server.admin.problems import Problem, problem_response

LOGIN = "/login"
"""The path of the page that asks for the token."""
PROBES = ("/livez", "/readyz")
METRICS = "/metrics"
DOCS = "/api/v1/docs"
"""The page that shows the API."""
_FREE = (*PROBES, LOGIN)
"""Paths that need no token."""
_FREE_FOLDERS = ("/static/", "/vendored/")
"""What pages are made of; nothing of what happened is in there."""


class Guard:
    """Stands before an application. `asks` tells whether that has a page that asks people for the token.

    Probes are answered by whatever name they come, and so are the metrics for who says the token: what probes or
    scrapes a container calls it by its address. A page of another site cannot say the token.
    """

    def __init__(self, app: ASGIApp, names: Names, gate: Gate, asks: bool = False) -> None:
        self._app = app
        self._names = names
        self._gate = gate
        self._asks = asks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or says why not."""
        problem = None if scope["type"] == "lifespan" else self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
        elif problem.status == 401 and self._asks and _is_for_a_person(scope):
            target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            query = urlencode({"next": target}).encode()
            await self._app({**scope, "path": LOGIN, "raw_path": LOGIN.encode(), "query_string": query}, receive, send)
        else:
            headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
            await problem_response(problem, headers)(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host, path = headers.get("host", ""), scope["path"]
        by_any_name = path in PROBES or (path == METRICS and self._gate.has_token(headers))
        if not by_any_name and host not in self._names:
            known = self._names.shown
            return Problem("wrong host", 421, f'this server is not "{name_in(host)[:100]}"; it goes by {known}')
        origin = headers.get("origin")
        if origin is not None and not self._names.owns(origin, host):
            return Problem("foreign origin", 403, "pages of other sites have no business here")
        if path in _FREE or path.startswith(_FREE_FOLDERS) or self._gate.admits(headers):
            return None
        return Problem("token missing or wrong", 401, "send `Authorization: Bearer` with the admin token")


def _is_for_a_person(scope: Scope) -> bool:
    """Whether a browser asks for a page to show."""
    accepted = Headers(scope=scope).get("accept", "")
    is_page = scope["path"] == DOCS or not scope["path"].startswith("/api/")
    return scope["method"] == "GET" and "text/html" in accepted and is_page
