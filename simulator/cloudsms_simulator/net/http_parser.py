"""Heads of HTTP/1.1 requests and answers, as octets and as values. No sockets in here.

`RequestHead` is what a request says before its body, made once for requests that begin with the same octets.
`status_line` and `header_line` write the head of an answer, `refusal_response` the whole answer to octets that are
no request. httptools reads the octets; `net/http_connection.py` feeds it.

Spec: Interface specification and communication principle.
"""

import re
from http import HTTPStatus
from typing import Literal
from urllib.parse import quote, unquote

import httptools
import msgspec
from starlette.types import Scope

RefusalStatus = Literal[400, 431]

SHORT_BODY = 64 * 1024
"""Octets."""


class RequestHead(msgspec.Struct, frozen=True):
    """What a request says before its body. Equal heads are told apart from others by value."""

    method: str
    path: str
    """Without the query string, percent-decoded."""
    raw_path: bytes
    """The path as it came."""
    query: bytes
    """What follows the `?`; empty without one."""
    version: str
    """`1.1`; `1.0`, `0.9` or `2.0` where a client wrote that."""
    headers: tuple[tuple[bytes, bytes], ...]
    """In the order they came, names in lower case."""
    length: int = 0
    """Octets of the body; 0 when it comes in chunks."""
    chunked: bool = False
    keep_alive: bool = True
    """Whether the connection goes on after the answer, as far as the client is concerned."""
    expects_continue: bool = False
    """Whether the client waits for `100 Continue` before it sends the body."""
    octets: int = 0
    """How long the head was."""

    @property
    def waits_for_body(self) -> bool:
        """Whether nobody needs to know of the request before its body is whole: it is short, and will come unasked."""
        return not self.expects_continue and self.length <= SHORT_BODY


def request_head(
    method: str, target: bytes, version: str, headers: list[tuple[bytes, bytes]], *, keep_alive: bool, octets: int
) -> RequestHead:
    """The head of a request that httptools has found to be well-formed.

    Raises `httptools.HttpParserInvalidURLError` or UnicodeDecodeError for a target that cannot be read.
    """
    url = httptools.parse_url(target)
    path = url.path.decode("ascii")
    length, chunked, expects_continue = 0, False, False
    for name, value in headers:
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            chunked = True  # the parser lets no other encoding be the last
        elif name == b"expect" and value.lower() == b"100-continue":
            expects_continue = True
    return RequestHead(
        method,
        unquote(path) if "%" in path else path,
        url.path,
        url.query or b"",
        version,
        tuple(headers),
        length,
        chunked,
        keep_alive and version != "1.0",
        expects_continue,
        octets,
    )


def head_of_scope(scope: Scope) -> RequestHead:
    """The head of the request that an ASGI scope is made for. What a scope may leave out is filled in."""
    head = scope["extensions"].get("sim.head")
    if isinstance(head, RequestHead):
        return head
    path: str = scope["path"]
    return RequestHead(
        scope["method"],
        path,
        scope.get("raw_path") or quote(path).encode(),
        scope.get("query_string", b""),
        scope.get("http_version", "1.1"),
        tuple((name, value) for name, value in scope["headers"]),
    )


def root_of(scope: Scope) -> str:
    """The base path that an application is mounted at, without a slash at its end; empty at the root."""
    root: str = scope.get("root_path", "")
    return root.rstrip("/")


def base_path(scope: Scope) -> str:
    """The same as links begin with it: percent-encoded."""
    return quote(root_of(scope))


def path_below_root(scope: Scope) -> str:
    """The path of a request below the base path, with a slash at its beginning.

    Some servers leave the base path out of `path`; both are understood.
    """
    path, root = scope["path"], root_of(scope)
    return (path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path) or "/"


def scope_below(root: str, scope: Scope) -> Scope:
    """The scope with `root` as its base path, which `path` begins with from here on."""
    rooted = {**scope, "root_path": root}
    return {**rooted, "path": root + path_below_root(rooted)}


_STATUS_LINES = {int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in HTTPStatus}


def status_line(status: int) -> bytes:
    """The first line of an answer; the phrase is empty for a status that has no name."""
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


_NO_NAME = re.compile(rb"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def header_line(name: bytes, value: bytes) -> bytes:
    """A header of an answer. ValueError where name or value would end the line or the head."""
    if not name or _NO_NAME.search(name):
        raise ValueError(f"got the header name {name!r}, want letters, digits and hyphens")
    if _NO_VALUE.search(value):
        raise ValueError(f"got the value {value!r} of the header {name.decode()}, want no control characters")
    return b"%b: %b\r\n" % (name, value)


def refusal_response(status: RefusalStatus, reason: str, date_line: bytes) -> bytes:
    """A whole answer with the body `{"error": reason}`, after which the connection is closed."""
    body = msgspec.json.encode({"error": reason})
    head = b"%b%bcontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status_line(status), date_line, len(body)) + body


def parse_error_reason(error: httptools.HttpParserError, received: bytes) -> str:
    """What is wrong with the octets received, in a few words."""
    if received.startswith(b"\x16\x03"):
        return "a TLS handshake was sent to a port without TLS"
    if isinstance(error, httptools.HttpParserCallbackError):
        return "the request's target cannot be read"
    return str(error)
