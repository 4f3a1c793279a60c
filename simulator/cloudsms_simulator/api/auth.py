"""Who may call the admin port: the right host name, the right origin, and beyond loopback the token.

- `AuthMiddleware` stands before the application. A page in somebody's browser cannot drive the API: the Host header
  must name this server (421 otherwise), and an Origin must be the server's own (403). Without the token a request
  gets 401; a person who opens a page is shown the form of `/login` instead. Probes, `/login` and static files need
  no token; probes, and metrics with the token, are answered by whatever host name they come, since a container is
  called by its address.
- `TokenAuth` knows the token, said with each request as a bearer, or in the cookie of a browser that said it once.
  The cookie holds a random word made for that browser, and ends when it logs out or the server stops. It counts
  only in requests that a page of this server makes, or a person by opening one: SameSite lets other ports of the
  host through.
- `AllowedHosts` are the hosts by which the port may be called. Each is a name, a name with `*.` for one label, an
  address, a network such as `10.0.0.0/8`, or `*` for any.
- `AttemptLimiter` bounds wrong tokens, per address (per network for IPv6) and over all: a few at once, then one in
  a while. Who tries too soon is told when to come again; the right token uses up nothing. Its memory is bounded,
  whoever tries, and it goes by wall time.

Reading: R19.
"""

import hmac
import ipaddress
import secrets
from collections.abc import Callable, Iterable
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.api.http import problem_response
from cloudsms_simulator.engine.account import Network
from cloudsms_simulator.models.server import Problem
from cloudsms_simulator.net.http_parser import path_below_root, root_of
from cloudsms_simulator.net.wall_clock import WallClock

MAX_ADDRESSES = 1_000
"""How many addresses are remembered. The one remembered first is forgotten first; the limit over all still holds."""


class AttemptRate(msgspec.Struct, frozen=True):
    """A rate of attempts: so many at once, and then one in so many seconds."""

    at_once: int
    seconds: float

    def wait(self, until: float, now: float) -> float:
        """Seconds until the next attempt may be made; `until` is when all made so far are paid off."""
        return max(0.0, until - now - (self.at_once - 1) * self.seconds)


RATE_PER_ADDRESS = AttemptRate(5, 12.0)
RATE_OVERALL = AttemptRate(50, 1.2)


class AttemptLimiter:
    """Counts wrong tokens. `monotonic` returns seconds that only go forward, those of the wall unless given."""

    def __init__(self, monotonic: Callable[[], float] | None = None) -> None:
        self._monotonic = monotonic or WallClock().monotonic
        self._overall = 0.0
        self._each: dict[str, float] = {}

    def wait(self, address: str) -> float:
        """Seconds an address has to wait before it may try again; 0 when it may now."""
        now = self._monotonic()
        return max(
            RATE_PER_ADDRESS.wait(self._each.get(_network_of(address), 0.0), now), RATE_OVERALL.wait(self._overall, now)
        )

    def failed(self, address: str) -> None:
        """Counts a wrong token of an address."""
        now, network = self._monotonic(), _network_of(address)
        self._overall = max(self._overall, now) + RATE_OVERALL.seconds
        self._each[network] = max(self._each.pop(network, 0.0), now) + RATE_PER_ADDRESS.seconds
        if len(self._each) > MAX_ADDRESSES:
            del self._each[next(iter(self._each))]


def _network_of(address: str) -> str:
    """What counts as one address: for IPv6 its /64 network, since a machine may have any number of addresses in it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


MAX_BROWSERS = 1_000
"""How many browsers may be logged in at a time; the one that came first is logged out for one more."""
_OWN_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site on requests of our own pages, and on those that a person makes by opening an address."""


class TokenAuth:
    """Who may use an admin port: whoever has the token. Without a `token` everybody may; nobody, if it is `wanted`."""

    def __init__(self, token: str | None, attempts: AttemptLimiter | None = None, *, wanted: bool = False) -> None:
        self._token = None if token is None else token.encode()
        self._wanted = wanted
        self._browsers: dict[str, None] = {}
        self.attempts = attempts or AttemptLimiter()
        """Limits how many wrong tokens may be tried."""

    @property
    def is_open(self) -> bool:
        """Whether no token is needed."""
        return self._token is None and not self._wanted

    @property
    def has_no_token(self) -> bool:
        """Whether nobody may, since there is no token to say."""
        return self._token is None and self._wanted

    def is_token(self, text: str) -> bool:
        """Whether a text is the token. Takes as long for a nearly right one as for any other."""
        return self._token is not None and hmac.compare_digest(text.encode("utf-8", "replace"), self._token)

    def has_token(self, headers: Headers) -> bool:
        """Whether these headers have the token:

        `Authorization: Bearer …`, the scheme in any case, or the token alone.
        """
        given = headers.get("authorization", "")
        scheme, _, token = given.partition(" ")
        return self.is_token(token.strip() if scheme.lower() == "bearer" else given)

    def admits(self, headers: Headers) -> bool:
        """Whether a request with these headers may pass: by the token, by the cookie, or because none is needed."""
        return self.is_open or self.has_token(headers) or self.knows(headers)

    def enter(self) -> str:
        """Logs in a browser that has given the token; returns the value for its cookie."""
        cookie = secrets.token_hex(32)
        self._browsers[cookie] = None
        if len(self._browsers) > MAX_BROWSERS:
            del self._browsers[next(iter(self._browsers))]
        return cookie

    def knows(self, headers: Headers) -> bool:
        """Whether these headers have the cookie of a logged-in browser, on a request of our pages or of a person."""
        if self.is_open or headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return False
        return _cookie_in(headers) in self._browsers

    def leave(self, headers: Headers) -> None:
        """Logs out the browser that sent these headers; its cookie is no longer accepted."""
        self._browsers.pop(_cookie_in(headers), None)


def cookie_of(host: str) -> str:
    """The name of the cookie for a Host header: cookies are shared by all ports of a host, simulators are not."""
    port = host.rpartition(":")[2]
    return f"cloudsms_{port if port.isdigit() else '80'}"


def _cookie_in(headers: Headers) -> str:
    name = cookie_of(headers.get("host", ""))
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((value for key, _, value in pairs if key == name), "")


LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""The names by which a browser on this machine may call the port."""
_ANY = "*"


class AllowedHosts:
    """The hosts by which one admin port may be called. Letters' case and port numbers do not count."""

    def __init__(self, names: Iterable[str]) -> None:
        said = frozenset(name.lower().strip("[]") for name in names)
        self._ranges = tuple(ipaddress.ip_network(name) for name in said if "/" in name)
        self._names = frozenset(name for name in said if "/" not in name and "*" not in name)
        self._above = frozenset(name.removeprefix("*.") for name in said if name.startswith("*."))
        self._any = _ANY in said
        self.shown = ", ".join(sorted(said))
        """All of them as text, for people."""

    def __contains__(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = host_without_port(host)
        label, _, above = name.partition(".")
        is_below = label != "" and above in self._above
        return self._any or name in self._names or is_below or _is_in_networks(name, self._ranges)

    def owns(self, origin: str, host: str, served_as: str = "http") -> bool:
        """Whether a page of an origin, which calls this server by a Host header, is the server's own.

        It is if it was read from that host in the scheme that the server is `served_as`; or over https, where a proxy
        that ends TLS stands before one of the names beyond loopback. Such a proxy may send another Host, but then the
        page has the usual port.
        """
        if origin == f"{served_as}://{host}":
            return True
        scheme, _, site = origin.partition("://")
        if scheme != "https" or host_without_port(site) in LOOPBACK_HOSTS or site not in self:
            return False
        return site.lower() == host.lower().removesuffix(":443") or site.lower() in self._names


def host_without_port(host: str) -> str:
    """The name in a Host header, in lower case and without port and brackets."""
    name, _, port = host.rpartition(":")
    bare = name if name and port.isdigit() and not name.endswith(":") else host
    return bare.lower().strip("[]")


def _is_in_networks(name: str, ranges: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return any(address in network for network in ranges)


LOGIN_PATH = "/login"
"""The path of the page that asks a person for the token."""
PROBE_PATHS = ("/livez", "/readyz")
METRICS_PATH = "/metrics"
DOCS_PATH = "/api/v1/docs"
"""The path of the page that shows the API."""
_FREE_PATHS = (*PROBE_PATHS, LOGIN_PATH)
"""Paths that need no token."""
_NONE_SET = (
    "inside another ASGI server the admin API wants a token, and there is none: set admin_token"
    " (CLOUDSMS_SIM_ADMIN_TOKEN), or let everybody in with asgi_admin = open (CLOUDSMS_SIM_ASGI_ADMIN)"
)
_FREE_FOLDERS = ("/static/", "/vendored/")
"""Folders of files that pages are made of. They need no token, since they hold nothing of what happened."""


class AuthMiddleware:
    """ASGI middleware that refuses requests by a wrong host, from a foreign origin, or without the token.

    `asks`: the application has a page that asks people for the token. Probes are answered whatever host name they come
    by, and so are the metrics for whoever sends the token, since containers are called by their address. A page of
    another site cannot know the token.
    """

    def __init__(self, app: ASGIApp, hosts: AllowedHosts, auth: TokenAuth, asks: bool = False) -> None:
        self._app = app
        self._hosts = hosts
        self._auth = auth
        self._asks = asks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers with the problem; a person without the token is shown the login page."""
        problem = None if scope["type"] == "lifespan" else self._problem(scope)
        if problem is None:
            await self._app(scope, receive, send)
        elif problem.status == 401 and self._asks and not self._auth.has_no_token and _is_for_a_person(scope):
            target = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            query = urlencode({"next": target}).encode()
            login = root_of(scope) + LOGIN_PATH
            await self._app({**scope, "path": login, "raw_path": login.encode(), "query_string": query}, receive, send)
        else:
            headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else None
            await problem_response(problem, headers)(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host, path = headers.get("host", ""), path_below_root(scope)
        by_any_name = path in PROBE_PATHS or (path == METRICS_PATH and self._auth.has_token(headers))
        if not by_any_name and host not in self._hosts:
            known = self._hosts.shown
            return Problem(
                "wrong host", 421, f'this server is not "{host_without_port(host)[:100]}"; it goes by {known}'
            )
        origin = headers.get("origin")
        if origin is not None and not self._hosts.owns(origin, host, scope.get("scheme", "http")):
            return Problem("foreign origin", 403, "pages of other sites have no business here")
        if path in _FREE_PATHS or path.startswith(_FREE_FOLDERS) or self._auth.admits(headers):
            return None
        if self._auth.has_no_token:
            return Problem("no token", 401, _NONE_SET)
        return Problem("token missing or wrong", 401, "send `Authorization: Bearer` with the admin token")


def _is_for_a_person(scope: Scope) -> bool:
    """Whether a browser asks for a page to show to a person."""
    accepted = Headers(scope=scope).get("accept", "")
    path = path_below_root(scope)
    is_page = path == DOCS_PATH or not path.startswith("/api/")
    return scope["method"] == "GET" and "text/html" in accepted and is_page
