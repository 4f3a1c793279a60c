"""The gate: who has the token, be it said with each request or in the cookie of a browser that said it once.

The cookie holds a value that is made of the token and does not tell it. It counts only in requests that a page of this
server makes, or a person by opening one: SameSite lets other ports of the same host through.

Reading: R19.
"""

import hashlib
import hmac

from starlette.datastructures import Headers

_PURPOSE = b"a browser of the inbox"
_OWN_SITES = frozenset({"same-origin", "none"})
"""What Sec-Fetch-Site says of a request of our own pages, and of one that a person made."""


class Gate:
    """The gate of an admin port; a `token` of None stands open."""

    def __init__(self, token: str | None) -> None:
        self._token = None if token is None else token.encode()
        self.session = hmac.new(self._token or b"", _PURPOSE, hashlib.sha256).hexdigest()
        """What the cookie of a browser that may in holds."""

    @property
    def is_open(self) -> bool:
        """Whether everybody may in."""
        return self._token is None

    def is_token(self, text: str) -> bool:
        """Whether a text is the token; how long that takes says nothing of how much of it was right."""
        return self._token is not None and hmac.compare_digest(text.encode("utf-8", "replace"), self._token)

    def admits(self, headers: Headers) -> bool:
        """Whether whoever sent these headers may in."""
        given = headers.get("authorization", "").removeprefix("Bearer ")
        return self.is_open or self.is_token(given) or self.knows(headers)

    def knows(self, headers: Headers) -> bool:
        """Whether a browser that said the token once sent these headers, for a page of ours or a person."""
        if self.is_open or headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return False
        name = cookie_of(headers.get("host", ""))
        pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
        given = next((value for key, _, value in pairs if key == name), "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.session.encode())


def cookie_of(host: str) -> str:
    """The name of the cookie for a Host header: cookies are shared by all ports of a host, simulators are not."""
    port = host.rpartition(":")[2]
    return f"cloudsms_{port if port.isdigit() else '80'}"
