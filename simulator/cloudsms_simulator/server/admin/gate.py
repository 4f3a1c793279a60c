"""The gate: who has the token, be it said with each request or in the cookie of a browser that said it once.

The cookie holds a word made up for one browser, and ends when that signs out or the server stops. It counts only in
requests that a page of this server makes, or a person by opening one: SameSite lets other ports of the same host
through.

Reading: R19.
"""

import hmac
import secrets

from starlette.datastructures import Headers

from cloudsms_simulator.server.admin.attempts import Attempts

MOST_BROWSERS = 1_000
"""That may be in at a time; the one that came first is out when there is one more."""
_OWN_SITES = frozenset({"same-origin", "none"})
"""What Sec-Fetch-Site says of a request of our own pages, and of one that a person made."""


class Gate:
    """The gate of an admin port; a `token` of None stands open."""

    def __init__(self, token: str | None, attempts: Attempts | None = None) -> None:
        self._token = None if token is None else token.encode()
        self._browsers: dict[str, None] = {}
        self.attempts = attempts or Attempts()
        """The wrong tokens that people tried."""

    @property
    def is_open(self) -> bool:
        """Whether everybody may in."""
        return self._token is None

    def is_token(self, text: str) -> bool:
        """Whether a text is the token; how long that takes says nothing of how much of it was right."""
        return self._token is not None and hmac.compare_digest(text.encode("utf-8", "replace"), self._token)

    def has_token(self, headers: Headers) -> bool:
        """Whether these headers say the token: `Authorization: Bearer`, in any case of letters."""
        given = headers.get("authorization", "")
        scheme, _, token = given.partition(" ")
        return self.is_token(token.strip() if scheme.lower() == "bearer" else given)

    def admits(self, headers: Headers) -> bool:
        """Whether whoever sent these headers may in."""
        return self.is_open or self.has_token(headers) or self.knows(headers)

    def enter(self) -> str:
        """What the cookie of one more browser holds, which said the token."""
        word = secrets.token_hex(32)
        self._browsers[word] = None
        if len(self._browsers) > MOST_BROWSERS:
            del self._browsers[next(iter(self._browsers))]
        return word

    def knows(self, headers: Headers) -> bool:
        """Whether a browser that said the token once sent these headers, for a page of ours or a person."""
        if self.is_open or headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return False
        return _cookie_in(headers) in self._browsers

    def leave(self, headers: Headers) -> None:
        """Ends the cookie in these headers: nobody comes in by it any more."""
        self._browsers.pop(_cookie_in(headers), None)


def cookie_of(host: str) -> str:
    """The name of the cookie for a Host header: cookies are shared by all ports of a host, simulators are not."""
    port = host.rpartition(":")[2]
    return f"cloudsms_{port if port.isdigit() else '80'}"


def _cookie_in(headers: Headers) -> str:
    name = cookie_of(headers.get("host", ""))
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return next((value for key, _, value in pairs if key == name), "")
