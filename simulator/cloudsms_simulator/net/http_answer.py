"""The answer to a request: what it is, and how the octets of a connection become one.

An `AnswerParser` is given what arrives. It reads what most clients read, which is more than HTTP/1.1 allows: bare LF,
folded headers, blanks behind the size of a chunk. Once the status of an answer is known nothing fails any more: what is
there by then is the answer. What is no answer is a `BadAnswerError`, which names the line that is wrong.
"""

from contextlib import suppress

import httptools
import msgspec

from cloudsms_simulator.engine.records import TlsFacts

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
