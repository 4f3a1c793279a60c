"""What httptools' parser does not tell: where a request ended, bodies after an upgrade, answers to what is no HTTP.

`end_of_requests` finds how many octets are whole requests, by asking the parser about ever shorter beginnings. Java's
HttpClient asks for HTTP/2 on its first plain request, body included; `UpgradeBodyReader` reads that body.
`refusal_response` is the whole answer, 400 or 431, to bytes that are no request.

Spec: Interface specification and communication principle.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


RefusalStatus = Literal[400, 431]


def refusal_response(status: RefusalStatus, reason: str, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A whole HTTP answer with a body `{"error": reason}`, after which the connection is closed."""
    body = msgspec.json.encode({"error": reason})
    headers = [
        *default_headers,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    return b"".join((STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers), b"\r\n", body))


def parse_error_reason(error: httptools.HttpParserError, received: bytes) -> str:
    """What is wrong with the bytes received, in a few words."""
    if received.startswith(b"\x16\x03"):
        return "a TLS handshake was sent to a port without TLS"
    if isinstance(error, httptools.HttpParserCallbackError):
        return "the request's target cannot be read"
    return str(error)


MOST_BUFFERED = 2 * 1024 * 1024


class RequestBuffer:
    """The bytes of a request whose end has not come yet.

    At most about `KEPT` octets are kept, only to tell where the request ended if what follows it is none.
    """

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._octets = 0

    @property
    def complete(self) -> bool:
        """Whether everything was kept."""
        return self._octets <= MOST_BUFFERED

    def keep(self, data: bytes) -> None:
        """Add what arrived."""
        if self._octets <= MOST_BUFFERED:
            self._octets += len(data)
            self.pieces.append(data)

    def followed_by(self, data: bytes) -> bytes:
        """Everything kept, with `data` after it."""
        return b"".join((*self.pieces, data))

    def forget(self) -> None:
        """Begin anew."""
        self.pieces.clear()
        self._octets = 0


class _RequestCounter:
    """Counts whole requests, up to one that uvicorn would refuse for its target."""

    def __init__(self) -> None:
        self.complete = 0
        self._url = b""

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        httptools.parse_url(self._url).path.decode("ascii")

    def on_message_complete(self) -> None:
        self.complete += 1


def end_of_requests(data: bytes) -> int:
    """How many of the first octets of `data` are whole requests; `data` begins with one.

    The parser reports that something is wrong, never where; so it is asked about ever shorter beginnings.
    """
    view = memoryview(data)
    complete = _requests_in(view)
    if not complete:
        return 0
    return bisect_left(range(len(data)), complete, key=lambda length: _requests_in(view[:length]))


def _requests_in(data: memoryview) -> int:
    count = _RequestCounter()
    with contextlib.suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):
        httptools.HttpRequestParser(count).feed_data(data)
    return count.complete


def framing_of(headers: list[tuple[bytes, bytes]]) -> bytes:
    """A head that announces the same body as `headers` do, and nothing else."""
    framing = [b"%b: %b\r\n" % header for header in headers if header[0] in (b"content-length", b"transfer-encoding")]
    return b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing or [b"content-length: 0\r\n"])


class UpgradeBodyReader:
    """Callbacks for a parser that is first fed `framing_of` a request whose head was dealt with already.

    Java's HttpClient asks for HTTP/2 with `Upgrade: h2c` on its first plain request, body included. The parser takes
    everything after such a head for the other protocol; a second parser, told of that head, reads the body.
    """

    def __init__(self, connection: HttpToolsProtocol) -> None:
        self._connection = connection
        self._resumed = False
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_message_begin(self) -> None:
        if self._resumed:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._resumed:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._resumed:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._resumed:
            self._connection.on_headers_complete()
        self._resumed = True
