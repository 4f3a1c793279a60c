"""HTTP/1.1 requests and answers, as octets and as values. No sockets in here.

A `RequestReader` makes requests of the octets of a connection, and hands them to a `RequestSink`. httptools parses
heads and chunks; it is fed up to the next empty line and no further, so it is always known where a request ends and
what follows it. A body of a known length is counted. A head that begins with the very octets of the one before is not
parsed again. `RequestHead` is what a request says before its body. `status_line` and `header_line` write the head of an
answer, `refusal_response` the whole answer to octets that are no request.

An `AnswerParser` makes an answer of the octets of a connection. It reads what most clients read, which is more than
HTTP/1.1 allows: bare LF, folded headers, blanks behind the size of a chunk. Once the status of an answer is known
nothing fails any more: what is there by then is the answer. What is no answer is a `BadAnswerError`, which names the
line that is wrong.

Spec: Interface specification and communication principle. Reading: R5.
"""

import re
from contextlib import suppress
from http import HTTPStatus
from typing import Literal, Protocol
from urllib.parse import quote, unquote

import httptools
import msgspec
from starlette.types import Scope

from cloudsms_simulator.engine.records import TlsFacts

RefusalStatus = Literal[400, 431]

SHORT_BODY = 64 * 1024
"""Octets."""
HEAD_LIMIT = 64 * 1024
"""Octets of a request's head, and of what follows the chunks of its body."""
EXCERPT_OCTETS = 256
"""Octets of an unreadable request that are shown."""
LARGEST_MEMO = 8 * 1024
"""Octets of a head that are kept to recognise the next one by."""

BETWEEN, HEAD, BODY = range(3)
"""Where in the octets of a connection its reader is."""
_EMPTY_LINE = b"\r\n\r\n"
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"


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


# Octets become requests


class RequestSink(Protocol):
    """Takes requests as they are read."""

    @property
    def has_room(self) -> bool:
        """Whether another request may be read."""
        ...

    def on_head_begun(self) -> None:
        """A request has begun whose head is not complete yet."""

    def on_request(self, head: RequestHead, body: bytes, *, more_body: bool) -> None:
        """A request is there, with as much of its body as came along."""

    def on_body_piece(self, piece: bytes) -> None:
        """More of the body of the last request came."""

    def on_body_end(self) -> None:
        """The body of the last request is whole."""

    def on_unreadable(self, status: RefusalStatus, reason: str, excerpt: bytes, *, in_body: bool) -> None:
        """What came is no HTTP; `excerpt` is how it begins. With `in_body` it is the body of the last request."""

    def on_surplus(self, surplus: bytes) -> None:
        """After a request came octets that are none."""


class RequestReader:
    """Makes requests of the octets of one connection, until it is closed or they are no HTTP."""

    def __init__(self, sink: RequestSink) -> None:
        self.phase = BETWEEN
        self.missing = 0
        """Octets that are still to come of a body of known length."""
        self._sink = sink
        self._has_read = False  # a request
        self._parser: httptools.HttpRequestParser = httptools.HttpRequestParser(self)
        self._is_closed = False
        self._tail = b""  # the last 3 octets the parser was fed: an empty line may straddle two reads
        self._pieces: list[bytes] = []  # the request that is incomplete: all of its head, the first octets of it then
        self._octets = 0  # of its head, or since the last octet of a chunk
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head: RequestHead | None = None  # one that is complete, until its request is made
        self._ended = False  # the parser has seen the end of a request
        self._is_last = False  # the client has said that nothing follows its request
        self._memo = b""
        self._memo_head: RequestHead | None = None

    def feed(self, data: bytes) -> bytes:
        """Reads octets; returns those that are to be fed again once the sink has room."""
        at, end = 0, len(data)
        while at < end and not self._is_closed:
            if not self._sink.has_room:
                return data[at:]
            if self.missing:
                at = self._count_body(data, at)
            elif self.phase != BETWEEN:
                at = self._parse(data, at)
            elif self._is_last:
                self._take_surplus(data[at:])
                break
            else:
                head = self._memo_head
                if head is None or not data.startswith(self._memo, at):
                    at = self._parse(data, at)
                    continue
                start = at + len(self._memo)
                at = min(start + head.length, end)
                self._tail = b""
                self._begin(head, data[start:at])
        return b""

    def excerpt(self, rest: bytes = b"") -> bytes:
        """How the request begins that is incomplete, and is followed by `rest`."""
        return b"".join((*self._pieces, rest[:EXCERPT_OCTETS])).lstrip(b"\r\n")[:EXCERPT_OCTETS]

    def close(self) -> None:
        """Reads nothing more."""
        self._is_closed = True
        self._forget_pieces()

    def let_go(self) -> None:
        """Parts from the sink, and keeps nothing. Parser and reader refer to one another."""
        self.close()
        self._memo, self._memo_head, self._headers = b"", None, []
        self._parser = self._sink = None  # type: ignore[assignment]

    def _count_body(self, data: bytes, at: int) -> int:
        """Takes as much of a body of known length as has come; where in the data that ends."""
        stop = min(at + self.missing, len(data))
        self.missing -= stop - at
        self._sink.on_body_piece(data[at:stop])
        if not self.missing:
            self._end_body()
        return stop

    def _parse(self, data: bytes, at: int) -> int:
        """Gives the parser what belongs to a head or to chunks, up to an empty line; where in the data that ends."""
        stop = self._end_of_empty_line(data, at)
        piece = data[at:stop]
        before = self.phase
        self._octets += len(piece)
        if before != BODY or sum(map(len, self._pieces)) < EXCERPT_OCTETS:
            self._pieces.append(piece)
        upgrade = False
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            upgrade = True
        except httptools.HttpParserError as error:
            self._take_unreadable(error, data[stop:])
            return len(data)
        if self._head is not None:
            self._take_head(self._head, upgrade=upgrade)
        elif self._ended:
            self._parser = httptools.HttpRequestParser(self)
            self._end_body()
        elif self.phase == BETWEEN:  # empty lines
            self._forget_pieces()
        elif self._octets > HEAD_LIMIT:
            what = "head is" if self.phase == HEAD else "trailers are"
            self._refuse(431, f"the request's {what} longer than {HEAD_LIMIT} octets", data[stop:])
        elif before == BETWEEN:
            self._sink.on_head_begun()
        return stop

    def _end_of_empty_line(self, data: bytes, at: int) -> int:
        """Where the next empty line ends, which may have begun in what was fed before; else the end of the data."""
        tail = self._tail
        if tail:
            found = (tail + data[at : at + 3]).find(_EMPTY_LINE)
            if found >= 0:
                self._tail = b""
                return at + found + len(_EMPTY_LINE) - len(tail)
        found = data.find(_EMPTY_LINE, at)
        if found >= 0:
            self._tail = b""
            return found + len(_EMPTY_LINE)
        self._tail = (tail + data[max(at, len(data) - 3) :])[-3:]
        return len(data)

    def _take_head(self, head: RequestHead, *, upgrade: bool) -> None:
        """A head is complete, and nothing that follows it was given to the parser."""
        octets = b"".join(self._pieces).lstrip(b"\r\n")
        self._forget_pieces()
        if head.chunked:
            self._pieces.append(octets[:EXCERPT_OCTETS])
        if upgrade and head.chunked:
            # The parser takes what follows for the other protocol. Another one, told of chunks, reads the body.
            self._parser = httptools.HttpRequestParser(_ChunkReader(self))
            self._parser.feed_data(_CHUNKED_HEAD)
        elif upgrade or head.length:
            self._parser = httptools.HttpRequestParser(self)
        if len(octets) <= LARGEST_MEMO and head.keep_alive and not (upgrade or head.chunked or head.expects_continue):
            self._memo, self._memo_head = octets, head
        self._begin(head, b"")

    def _begin(self, head: RequestHead, body: bytes) -> None:
        self.missing = head.length - len(body)
        more_body = head.chunked or self.missing > 0
        self.phase = BODY if more_body else BETWEEN
        self._has_read = True
        self._sink.on_request(head, body, more_body=more_body)

    def _end_body(self) -> None:
        self.phase = BETWEEN
        self._forget_pieces()
        self._sink.on_body_end()

    def _forget_pieces(self) -> None:
        self._pieces = []
        self._octets = 0
        self._head = None
        self._ended = False

    # The parser reports

    def on_message_begin(self) -> None:
        self.phase = HEAD
        self._target = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.phase == HEAD:  # else it follows the last chunk, and nobody asks for it
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._octets > HEAD_LIMIT:
            raise _HeadTooLongError
        parser = self._parser
        self._is_last = not parser.should_keep_alive()
        self._head = request_head(
            parser.get_method().decode("ascii"),
            self._target,
            parser.get_http_version(),
            self._headers,
            keep_alive=not self._is_last,
            octets=self._octets,
        )
        self._headers = []

    def on_body(self, body: bytes) -> None:
        self._octets = 0
        self._sink.on_body_piece(body)

    def on_message_complete(self) -> None:
        self._ended = True

    # What cannot be read

    def _take_unreadable(self, error: httptools.HttpParserError, rest: bytes) -> None:
        if self.phase == HEAD and self._octets > HEAD_LIMIT and isinstance(error, httptools.HttpParserCallbackError):
            self._refuse(431, f"the request's head is longer than {HEAD_LIMIT} octets", rest)
            return
        received = b"".join((*self._pieces, rest))
        attempt = self.phase == HEAD and (self._target or isinstance(error, httptools.HttpParserInvalidURLError))
        if self.phase == BODY or attempt or not self._has_read:
            self._refuse(400, parse_error_reason(error, received), rest)
        else:
            self._take_surplus(received)

    def _refuse(self, status: RefusalStatus, reason: str, rest: bytes) -> None:
        excerpt, in_body = self.excerpt(rest), self.phase == BODY
        self._sink.on_unreadable(status, reason, excerpt, in_body=in_body)

    def _take_surplus(self, received: bytes) -> None:
        """Octets followed a request that are none; empty lines may stand before them."""
        surplus = received.lstrip(b"\r\n")
        if surplus:
            self._sink.on_surplus(surplus)


class _HeadTooLongError(Exception):
    pass


class _ChunkReader:
    """What a parser reports to that reads the body of a request whose head another one has read."""

    def __init__(self, reader: RequestReader) -> None:
        self.on_body = reader.on_body
        self.on_message_complete = reader.on_message_complete


LONGEST_HEAD = 64 * 1024
"""Octets of the head of an answer, interim answers before it included."""
LONGEST_BODY = 1024 * 1024
"""Octets of the body of an answer that are read."""

_SWITCHING_PROTOCOLS = 101
_FIRST_FINAL_STATUS = 200
_REDIRECTS = range(300, 400)
_MOST_QUOTED = 80


class HttpAnswer(msgspec.Struct, frozen=True):
    """The answer to a request, or as much of it as came."""

    status: int
    body: bytes
    """At most 1 MiB of it, as it came: not decompressed."""
    location: str | None = None
    """Where an answer 3xx redirects to."""
    tls: TlsFacts | None = None
    """What the handshake of its connection settled on; None on plain HTTP."""
    repeated: bool = False
    """Whether the request went out twice: the server had closed the connection it first went out on."""


class HttpClientError(Exception):
    """There is no answer to a request."""

    repeated = False
    """Whether the request went out twice: the server had closed the connection it first went out on."""


class BadAnswerError(HttpClientError):
    """What came is no HTTP answer; the text names the line that is wrong. `beginning` is up to 16 octets of it."""

    def __init__(self, problem: str, beginning: bytes) -> None:
        super().__init__(problem)
        self.beginning = beginning


class AnswerParser:
    """Puts together the answers that come on one connection, one after the other. `begin` is called before each.

    Interim answers (1xx) are passed over. Lines may end in a bare LF, headers may be folded.
    """

    def __init__(self) -> None:
        self._parser = _lenient_parser(self)
        self.begin()

    def begin(self) -> None:
        """Forgets the answer before, and expects the next one."""
        self.status: int | None = None
        """None until the head is whole."""
        self.body = bytearray()
        """At most `LONGEST_BODY` octets."""
        self.complete = False
        """Whether nothing more is expected, or wanted. An answer without a length ends with its connection."""
        self.keeps_open = False
        """Whether a complete answer leaves a connection on which another request can be sent."""
        self._head = bytearray()

    def close(self) -> None:
        """Lets go of the parser, which holds this as this holds it: nobody collects garbage for a long time."""
        del self._parser

    def feed(self, data: bytes) -> None:
        """Takes what arrived. Raises BadAnswerError when it is no HTTP and the status is not known yet."""
        rest = b""
        if self.status is None:
            room = LONGEST_HEAD - len(self._head)
            data, rest = data[:room], data[room:]
            self._head += data
        self._parse(data)
        if rest:
            self._feed_beyond(rest)

    @property
    def has_begun(self) -> bool:
        """Whether an octet of the answer came."""
        return bool(self._head)

    @property
    def location(self) -> str | None:
        """The header Location of a redirect."""
        return _LocationReader(bytes(self._head)).location if self.status in _REDIRECTS else None

    def _feed_beyond(self, rest: bytes) -> None:
        """Takes what came after as many octets as a head may have."""
        if self.status is None:
            raise BadAnswerError(f"its head is longer than {LONGEST_HEAD // 1024} KiB", bytes(self._head[:16]))
        self._parse(rest)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.status is None:
                raise BadAnswerError(_what_is_wrong(bytes(self._head)), bytes(self._head[:16])) from error
            self.complete = True
            self.keeps_open = False

    def on_message_begin(self) -> None:
        """The parser's: an answer begins. Nobody asked for one that follows a complete one."""
        self.keeps_open = False

    def on_headers_complete(self) -> None:
        """The parser's: the head is whole."""
        if self.status is None and self._parser.get_status_code() >= _FIRST_FINAL_STATUS:
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """The parser's: a piece of the body."""
        if not self.complete:
            self.body += data[: LONGEST_BODY - len(self.body)]
            self.complete = len(self.body) == LONGEST_BODY

    def on_message_complete(self) -> None:
        """Called by the parser at the end of an answer."""
        if self.status is not None and not self.complete:
            self.complete = True
            self.keeps_open = self._parser.should_keep_alive()


class _LocationReader:
    """Reads the header Location of the final answer in a head."""

    def __init__(self, head: bytes) -> None:
        self.location: str | None = None
        self._is_final = False
        self._parser = _lenient_parser(self)
        # What follows the head need not be HTTP.
        with suppress(httptools.HttpParserError):
            self._parser.feed_data(head)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"location" and not self._is_final:
            self.location = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= _FIRST_FINAL_STATUS:
            self._is_final = True
        elif not self._is_final:
            self.location = None


def _lenient_parser(protocol: object) -> httptools.HttpResponseParser:
    """A parser that takes what most clients take: what scripts and devices answer is not always strict."""
    parser = httptools.HttpResponseParser(protocol)
    parser.set_dangerous_leniencies(
        lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
    )
    return parser


def _what_is_wrong(head: bytes) -> str:
    """Names the line of a head at which it stops being HTTP, and says why."""
    parser, before = _lenient_parser(object()), b""
    for number, line in enumerate(head.splitlines(keepends=True)):
        try:
            parser.feed_data(line)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if number > 0 and parser.get_status_code() == _SWITCHING_PROTOCOLS:
                break
            # What an empty line ends may be at fault.
            quoted = (line.strip() or before).decode("utf-8", "replace")
            if len(quoted) > _MOST_QUOTED:
                quoted = f"{quoted[:_MOST_QUOTED]}…"
            return f'it begins with "{quoted}"' if number == 0 else f'"{quoted}" in its head: {error}'
        before = line.strip()
    return "it changes to another protocol (101)"
