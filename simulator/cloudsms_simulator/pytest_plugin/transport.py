"""Transports of httpx2 and httpx that reach the session's simulator in this process, without a socket.

`InProcessTransport` blocks, `AsyncInProcessTransport` is awaited, in asyncio or trio. Both hand a request to the
simulator's ASGI application in its own event loop, which no freezing of time stops, and give back what it answers as
it comes. httpx2 and httpx refuse each other's answers, so an answer is of the library that the request is of. A
connection that a fault ends is the library's `ReadError` or `RemoteProtocolError`, and an answer that is late its
`ReadTimeout`. Imported when a test asks for one.

Reading: R27.
"""

import asyncio
import concurrent.futures
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import TypeVar, cast

import httpx2
from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Message, Scope

from cloudsms_simulator.net.asgi import ConnectionCutError

T = TypeVar("T")

_MOST_WAITING = 16
"""Pieces of an answer that wait for somebody to read them; the simulator waits when there are more."""
_ENDED = "the simulator has ended"


class InProcessRequest:
    """A request to an ASGI application, and its answer as it comes. Everything happens in the application's loop."""

    def __init__(self, app: ASGIApp, scope: Scope, body: bytes) -> None:
        self._app = app
        self._scope = scope
        self._body: bytes | None = body
        self._answer: asyncio.Queue[Message | BaseException] = asyncio.Queue(_MOST_WAITING)
        self._gone = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def next_message(self, seconds: float | None) -> Message:
        """The head of the answer, then its pieces. TimeoutError when none comes in time; raises what the application
        raised in place of one."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        async with asyncio.timeout(seconds):
            message = await self._answer.get()
        if isinstance(message, BaseException):
            raise message
        return message

    async def close(self) -> None:
        """Nobody reads on: to the application the client is gone."""
        self._gone.set()
        while not self._answer.empty():
            self._answer.get_nowait()

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as error:
            if not self._gone.is_set():
                await self._answer.put(error)

    async def _receive(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if not self._gone.is_set():
            await self._answer.put(message)


class _Exchange:
    """One request of a library, on its way through the application's loop. Its futures are those of threads."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop, request: httpx2.Request, body: bytes) -> None:
        self.library = sys.modules[type(request).__module__.partition(".")[0]]
        self._loop = loop
        self._request = request
        self._seconds: float | None = request.extensions.get("timeout", {}).get("read")
        self._running = InProcessRequest(app, _scope_of(request), body)

    def next_message(self) -> "concurrent.futures.Future[Message]":
        """What comes next of the answer."""
        return self._submit(self._running.next_message(self._seconds))

    def disconnect(self) -> None:
        """Tells the application that nobody reads on."""
        with suppress(Exception):
            self._submit(self._running.close())

    def error_of(self, error: BaseException) -> BaseException:
        """The library's error for one of ours."""
        if isinstance(error, TimeoutError):
            return self._error("ReadTimeout", "the simulator does not answer in time")
        if isinstance(error, ConnectionCutError):
            return self._error("ReadError" if error.is_reset else "RemoteProtocolError", str(error))
        if isinstance(error, concurrent.futures.CancelledError):
            return self._error("ReadError", _ENDED)
        return error

    def response(self, head: Message, stream: object) -> httpx2.Response:
        """The library's response with a head and a stream of its body."""
        made: httpx2.Response = self.library.Response(
            head["status"], headers=head.get("headers", []), stream=stream, extensions={"http_version": b"HTTP/1.1"}
        )
        return made

    def _error(self, name: str, text: str) -> BaseException:
        return cast("BaseException", getattr(self.library, name)(text, request=self._request))

    def _submit(self, work: Coroutine[None, None, T]) -> "concurrent.futures.Future[T]":
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise self._error("ConnectError", _ENDED) from None


class _BodyStream:
    """The body of an answer, read by a thread that waits for it."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        more = True
        while more:
            message = _waited_for(self._exchange, self._exchange.next_message())
            more = message.get("more_body", False)
            yield message.get("body", b"")

    def close(self) -> None:
        self._exchange.disconnect()


class _AsyncBodyStream:
    """The body of an answer, awaited."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await _awaited(self._exchange, self._exchange.next_message())
            more = message.get("more_body", False)
            yield message.get("body", b"")

    async def aclose(self) -> None:
        self._exchange.disconnect()


@cache
def _stream_type(library: ModuleType, stream: type, base: str) -> type:
    """Pieces as a stream of a library, which takes none but its own."""
    return type(stream.__name__.lstrip("_"), (stream, getattr(library, base)), {})


class InProcessTransport(httpx2.BaseTransport):
    """Reaches an ASGI application that serves in the event loop of another thread, and waits for its answers."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to a request of httpx2 or httpx; its body is read as it comes."""
        exchange = _Exchange(self._app, self._loop, request, request.read())
        head = _waited_for(exchange, exchange.next_message())
        return exchange.response(head, _stream_type(exchange.library, _BodyStream, "SyncByteStream")(exchange))


class AsyncInProcessTransport(httpx2.AsyncBaseTransport):
    """The same to await, in an event loop of asyncio or trio."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer to a request of httpx2 or httpx; its body is read as it comes."""
        exchange = _Exchange(self._app, self._loop, request, await request.aread())
        head = await _awaited(exchange, exchange.next_message())
        return exchange.response(head, _stream_type(exchange.library, _AsyncBodyStream, "AsyncByteStream")(exchange))


def _waited_for(exchange: _Exchange, future: "concurrent.futures.Future[T]") -> T:
    """What a future gives. Whoever gets an error from it is gone for the application."""
    try:
        return future.result()
    except BaseException as error:
        exchange.disconnect()
        raise exchange.error_of(error) from None


async def _awaited(exchange: _Exchange, future: "concurrent.futures.Future[T]") -> T:
    """The same in any event loop, for whoever may be cancelled meanwhile."""
    try:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return await to_thread.run_sync(future.result, abandon_on_cancel=True, limiter=CapacityLimiter(1))
        return await asyncio.wrap_future(future)
    except BaseException as error:
        exchange.disconnect()
        task = asyncio.current_task() if isinstance(error, asyncio.CancelledError) else None
        if task is not None and not task.cancelling():  # not this one was cancelled, but what it waits for
            error = concurrent.futures.CancelledError()
        raise exchange.error_of(error) from None


def _scope_of(request: httpx2.Request) -> Scope:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 0),
        "server": (url.host, url.port),
    }
