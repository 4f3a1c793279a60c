"""HTTP/1.1 on one connection: uvicorn's protocol, but for bytes that are no request and for requests in a row.

uvicorn answers unreadable bytes with a 400 of its own, even while an earlier request awaits its answer. Here the
answer goes out first, and then the connection ends in a way that does not tear the answer down. `RequestCycle` is
uvicorn's request, made with no more than most requests need. `RequestBatcher` holds requests that came in the same
turn of the event loop and has a `BatchApp` serve them together: the same stage for many requests in a row costs
little more than half of all stages for one after the other.

To be replaced by a protocol of our own (house.md section 6). Spec: Interface specification and communication
principle.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from cloudsms_simulator.net.http_parser import (
    RefusalStatus,
    RequestBuffer,
    UpgradeBodyReader,
    end_of_requests,
    framing_of,
    parse_error_reason,
    refusal_response,
)

LARGEST_BATCH = 64
"""Requests served together. More would save nothing, and the first would wait for all the others."""

ServeAlone = Callable[[RequestResponseCycle, ASGIApp], None]
"""Has one request go on by itself: an application answers it, in a task of its own."""


@runtime_checkable
class BatchApp(Protocol):
    """An ASGI application that can also serve many requests at once."""

    def takes(self, request: RequestResponseCycle) -> bool:
        """Whether a request can be served at the desk. It is asked once; others go their own way at once."""
        ...

    async def serve(self, requests: Sequence[RequestResponseCycle], leave: ServeAlone) -> None:
        """Answers requests, in the order they came, or lets them leave. Raises nothing for the sake of one of them."""
        ...


class RequestBatcher:
    """The desk of one listener. `app` answers what its `clerk` does not take; `tasks` are those a stop waits for."""

    def __init__(
        self, clerk: BatchApp, app: ASGIApp, tasks: set[asyncio.Task[None]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._clerk = clerk
        self._app = app
        self._tasks = tasks
        self._loop = loop
        self._waiting: list[RequestResponseCycle] = []

    def add(self, request: RequestResponseCycle) -> None:
        """Has a request served at the next turn of the loop, whether or not its body is there by then."""
        waiting = self._waiting
        if not waiting or len(waiting) == LARGEST_BATCH:
            # Started with the first of them, so that a stop never finds nothing to wait for.
            waiting = self._waiting = []
            self._start(self._serve(waiting))
        waiting.append(request)

    def leave(self, request: RequestResponseCycle, app: ASGIApp) -> None:
        """Has `app` answer a request in a task of its own."""
        self._start(request.run_asgi(app))  # type: ignore[arg-type]

    async def _serve(self, waiting: list[RequestResponseCycle]) -> None:
        if self._waiting is waiting:
            self._waiting = []
        taken = []
        for request in waiting:
            if self._clerk.takes(request):
                taken.append(request)
            else:
                self.leave(request, self._app)
        if taken:
            await self._clerk.serve(taken, self.leave)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        task.add_done_callback(self._tasks.discard)
        self._tasks.add(task)


def base_scope(
    url: bytes,
    scheme: Literal["http", "https"] | None,
    client: tuple[str, int] | None,
    server: tuple[str, int | None] | None,
) -> HTTPScope:
    """What the scopes of all requests for a target have in common; raises what httptools raises for no target."""
    target = httptools.parse_url(url)
    path = target.path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": scheme or "http",
        "path": unquote(path) if "%" in path else path,
        "raw_path": target.path,
        "query_string": target.query or b"",
        "root_path": "",
        "headers": [],
        "client": client,
        "server": server,
    }


class RequestCycle(RequestResponseCycle):
    """uvicorn's cycle. What is the same for every request in the beginning belongs to the class."""

    logger = access_logger = logging.getLogger("cloudsms_simulator.http")
    access_log = False
    disconnected = False
    body = b""  # type: ignore[assignment]  # bytes are not copied when there is one piece of them
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0

    def __init__(
        self,
        scope: HTTPScope,
        transport: asyncio.Transport,
        flow: FlowControl,
        default_headers: list[tuple[bytes, bytes]],
        on_response: Callable[[], None],
        *,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self.default_headers = default_headers
        self.on_response = on_response
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_continue

    @cached_property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]
        """Set when something happened that `receive` tells. Made when somebody first waits for that."""
        event = asyncio.Event()
        if self.body or not self.more_body or self.disconnected or self.response_complete:
            event.set()
        return event

    def wake(self) -> None:
        """Something happened: a piece of the body, its end, the end of the answer, or of the connection."""
        if "message_event" in self.__dict__:
            self.message_event.set()


HEAD_LIMIT = 64 * 1024
"""Octets of a request's head that may arrive without its end being among them."""
SURPLUS_LIMIT = 64 * 1024
EXCERPT_OCTETS = 256
"""Octets of an unreadable request that are shown."""
LINGER_SECONDS = 1.0
"""Seconds the other side has to read the last answer while what it still sends is thrown away."""
NEVER = math.inf

BETWEEN, HEAD, BODY = range(3)


class HttpProtocol(HttpToolsProtocol):
    """Requests and answers, one after the other. `deadline` (of the loop's clock) is for somebody else to look at."""

    def __init__(
        self,
        config: Config,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        desk: RequestBatcher | None,
        *,
        keep_alive: float,
        head_timeout: float,
    ) -> None:
        super().__init__(config, state, {}, loop)
        # uvicorn's own parser passes over what follows `Connection: close`.
        self.parser = httptools.HttpRequestParser(self)
        self.access_log = False
        # Not uvicorn's, which may be that of a server of the user's own.
        self.logger = self.access_logger = logging.getLogger("cloudsms_simulator.http")
        self._desk = desk
        self.requests = 0
        """How many requests were handed to the application, the one it is handling now included."""
        self.surplus = b""
        """Bytes that followed the last request and are none, until somebody takes them."""
        self.cycle: RequestCycle
        self.running: RequestCycle | None = None
        """The request the application handles or handled last."""
        self.deadline = NEVER
        self.ended = False
        """The last word is written; what still comes is thrown away."""
        self.pipelined: deque[RequestCycle] = deque()
        """Requests that came before the one ahead of them was answered, in their order."""
        self.extensions: dict[str, object] = {}
        """Goes into the scope of every request."""
        self._keep_alive = keep_alive
        self._head_timeout = head_timeout
        self.phase = BETWEEN
        """What of a request arrives next."""
        self.deaf = False
        """What still comes is thrown away, or at most counts as surplus."""
        self._unfinished = RequestBuffer()
        self._head_octets = 0
        self._farewell = b""
        self._scope: HTTPScope | None = None
        self._scope_url = b""

    @property
    def answering(self) -> bool:
        """Whether a request awaits its answer, or the rest of it."""
        return self.running is not None and not self.running.response_complete

    def on_unreadable_request(self, excerpt: bytes, reason: str) -> None:
        """For subclasses: something that is not HTTP is about to be answered with 400 or 431."""

    def on_unclaimed_surplus(self, surplus: bytes) -> None:
        """For subclasses: surplus bytes that nobody took before the answer was out."""

    # Bytes come in

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            if self.surplus:
                self.surplus = (self.surplus + data)[:SURPLUS_LIMIT]
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._on_unreadable(self._unfinished.followed_by(data), error)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        else:
            if self.phase != BETWEEN:
                self._keep(data)
            elif self._unfinished.pieces:
                self._unfinished.forget()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.running is not None and not self.running.response_complete:
            self.running.disconnected = True
            self.running.wake()
        self.deaf = True
        self._unfinished.forget()
        # The scope refers to this object: without this only the garbage collector would part them.
        self.cycle = self.running = self._scope = None  # type: ignore[assignment]
        self.extensions = {}

    # The parser reports

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self.phase = HEAD
        self._head_octets = 0
        self.deadline = self.loop.time() + self._head_timeout

    def on_headers_complete(self) -> None:
        parser = self.parser
        version = parser.get_http_version()
        if self.url != self._scope_url or self._scope is None:
            # On one connection it is rarely another.
            self._scope, self._scope_url = base_scope(self.url, self.scheme, self.client, self.server), self.url
            self._scope["extensions"] = self.extensions  # type: ignore[typeddict-item]
        scope = self._scope.copy()
        scope["http_version"] = version
        scope["method"] = parser.get_method().decode("ascii")
        scope["headers"] = self.headers
        request = self.cycle = RequestCycle(
            scope,
            self.transport,
            self.flow,
            self.server_state.default_headers,
            self.on_response_complete,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            expects_continue=self.expect_100_continue,
        )
        if self.answering:
            self.flow.pause_reading()
            self.pipelined.append(request)
        else:
            self._start(request)
        self.phase = BODY
        self.deadline = NEVER

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.wake()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # its body is still to come
        self.phase = BETWEEN
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.wake()

    # The application answers

    def _start(self, request: RequestCycle) -> None:
        self.running = request
        self.requests += 1
        if self._desk is not None:
            self._desk.add(request)
            return
        task = self.loop.create_task(request.run_asgi(self.app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        if self.deaf and not self.pipelined:
            self._end()
        elif self.transport.is_closing():
            self.deadline = self.loop.time() + LINGER_SECONDS
        else:
            self.flow.resume_reading()
            if self.pipelined:
                self._start(self.pipelined.popleft())
            elif self.phase != HEAD:
                self.deadline = self.loop.time() + self._keep_alive

    # What uvicorn does not do

    def _keep(self, data: bytes) -> None:
        if self.phase == BODY:
            # The answer may be complete before the request is.
            self._linger_after_last_answer()
        elif self._unfinished.pieces:
            self._head_octets += len(data)
            if self._head_octets > HEAD_LIMIT:
                reason = f"the request's head is longer than {HEAD_LIMIT} octets"
                self._refuse(self._unfinished.followed_by(data), 431, reason)
                return
        self._unfinished.keep(data)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on as if no other protocol had been asked for."""
        self._unfinished.forget()
        self.parser = httptools.HttpRequestParser(UpgradeBodyReader(self))
        self.data_received(framing_of(self.headers) + rest)

    def beginning(self, received: bytes | None = None) -> bytes:
        """How the request begins that is incomplete, at most `EXCERPT` octets."""
        if received is None:
            received = self._unfinished.followed_by(b"")
        return received[end_of_requests(received) :][:EXCERPT_OCTETS]

    def _on_unreadable(self, received: bytes, error: httptools.HttpParserError) -> None:
        attempt = self.phase == HEAD and (self.url or isinstance(error, httptools.HttpParserInvalidURLError))
        if self.phase == BODY or attempt or self.cycle is None:
            self._refuse(received, 400, parse_error_reason(error, received))
            return
        # Nobody knows where a request ended that was too long to keep: there the last octet stands for all.
        end = end_of_requests(received) if self._unfinished.complete else -1
        self.surplus = (received[end:].lstrip(b"\r\n") or received[-1:])[:SURPLUS_LIMIT]
        self.end_after_answers()

    def _refuse(self, received: bytes, status: RefusalStatus, reason: str) -> None:
        """Answer what cannot be read, as soon as what came before it is answered."""
        self.on_unreadable_request(self.beginning(received), reason)
        self._farewell = refusal_response(status, reason, self.server_state.default_headers)
        cycle = self.cycle
        if self.phase == BODY and not cycle.response_complete:
            # Its own body is broken: nothing will come of it.
            cycle.disconnected = True
            cycle.response_complete = True
            cycle.wake()
            if cycle is not self.running:
                self.pipelined.pop()
            elif cycle.response_started:
                self._farewell = b""
        self.end_after_answers()

    # How it ends

    def end_after_answers(self) -> None:
        """Read no further request, and close after the answers that are due."""
        self.deaf = True
        self._unfinished.forget()
        self.deadline = NEVER
        if not self.answering:
            self._end()
        elif not self._farewell:
            self.cycle.keep_alive = False
            self._linger_after_last_answer()

    def linger(self) -> None:
        """Close for writing, and throw away what still comes, until the peer closes or `LINGER` seconds are over.

        Closing while bytes arrive unread makes the system send a reset, which can overtake the answer.
        """
        self.deaf = True
        if self.ended:
            return
        self.ended = True
        self.deadline = self.loop.time() + LINGER_SECONDS
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # TLS does all that by itself
            self.transport.close()

    def _linger_after_last_answer(self) -> None:
        if self.cycle.transport is self.transport:
            self.cycle.transport = _LingeringTransport(self)  # type: ignore[assignment]

    def _end(self) -> None:
        if self.surplus:
            self.on_unclaimed_surplus(self.surplus)
            self.surplus = b""
        if self._farewell:
            self.transport.write(self._farewell)
            self._farewell = b""
        self.linger()


class _LingeringTransport:
    """The transport as an answer sees it after which the connection may end while the peer is still sending."""

    def __init__(self, conversation: HttpProtocol) -> None:
        self.write = conversation.transport.write
        self.is_closing = conversation.transport.is_closing
        self.close = conversation.linger
