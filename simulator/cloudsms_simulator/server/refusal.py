"""What a peer is told whose bytes are no HTTP request.

Spec: Interface specification and communication principle.
"""

from collections.abc import Iterable
from typing import Literal

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

RefusalStatus = Literal[400, 431]


def refusal(status: RefusalStatus, reason: str, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole HTTP answer with a body `{"error": reason}`, after which the connection is closed."""
    body = msgspec.json.encode({"error": reason})
    headers = [
        *default_headers,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    return b"".join((STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers), b"\r\n", body))


def reason_of(error: httptools.HttpParserError, received: bytes) -> str:
    """What is wrong with the bytes received, in a few words."""
    if received.startswith(b"\x16\x03"):
        return "a TLS handshake was sent to a port without TLS"
    if isinstance(error, httptools.HttpParserCallbackError):
        return "the request's target cannot be read"
    return str(error)
