"""Drivers: they run calls over HTTP, blocking or awaited, and read the stream of events.

A connection belongs to the process that made it: a forked child makes its own, since two processes that write on
one connection would read each other's answers. An answer may take 20 s longer than the server was asked to be busy;
a stream that is silent for 60 s counts as broken.

Spec: none; this is how the admin API is called.
"""

import os
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Literal, TypeVar

import msgspec

from cloudsms_simulator.client.errors import ApiError, SilentError, UnreachableError
from cloudsms_simulator.client.http import (
    AsyncConnection,
    BlockingConnection,
    BrokenConnectionError,
    ConnectionPool,
    HttpRequest,
    NoConnectionError,
    ResponseParser,
    ServerAddress,
    deadline_in,
)
from cloudsms_simulator.client.operation import API_ROOT, Call, CallSequence
from cloudsms_simulator.net.sockets import no_answer_in_time, nobody_answers

MAX_SILENCE = 60.0
"""Seconds of silence, keep-alive comments included, after which a stream of events counts as broken."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened; after a `gap` or a `reset` the lists tell how things are."""

    name: Literal["request", "message", "report", "clock", "reset", "gap"]
    data: Mapping[str, object]


def events_request(headers: Mapping[str, str], accounts: tuple[str, ...]) -> HttpRequest:
    """The request for the stream of events of some accounts."""
    return HttpRequest("GET", f"{API_ROOT}/events", {"account": list(accounts)}, headers)


class EventReader:
    """Reads events out of a `text/event-stream`, as its octets arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, octets: bytes) -> Iterator[Event]:
        """The events that are complete now. Comments, which only keep the stream alive, are skipped."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            field, _, value = line.removesuffix(b"\r").partition(b":")
            if field == b"event":
                self._name = value.removeprefix(b" ").decode()
            elif field == b"data":
                self._data.append(value.removeprefix(b" "))
            elif line in (b"", b"\r") and self._data:
                data, self._data = b"\n".join(self._data), []
                yield msgspec.convert({"name": self._name, "data": msgspec.json.decode(data)}, Event)


def stream_broken(error: Exception) -> UnreachableError:
    """The error of a stream whose connection broke or went silent."""
    return UnreachableError(f"the stream of events broke off: {str(error) or 'there was no sign of life'}")


def raise_refusal(status: int | None, body: bytes) -> None:
    """Raises the error that the server answered instead of a stream."""
    Call[None]("GET", f"{API_ROOT}/events").read(status or 0, body)


T = TypeVar("T")

MARGIN = 20.0
"""Seconds an answer may take beyond what the server was asked to do."""

_OK = 200
_Failure = NoConnectionError | BrokenConnectionError | TimeoutError
_FAILURES = (NoConnectionError, BrokenConnectionError, TimeoutError)


class HttpDriver:
    """What both drivers share: the URL of the admin API and its token. Raises ValueError for a wrong URL."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._address = ServerAddress.of(self.url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _octets(self, call: Call[T]) -> bytes:
        headers = dict(self._headers)
        if call.body is not None:
            headers["Content-Type"] = call.media_type
        return HttpRequest(call.method, call.path, call.query, headers, call.body).octets(self._address)

    def _events_octets(self, accounts: tuple[str, ...]) -> bytes:
        return events_request(self._headers, accounts).octets(self._address)

    def _failed(self, error: _Failure) -> UnreachableError:
        if isinstance(error, TimeoutError):
            return SilentError(no_answer_in_time(self.url))
        return UnreachableError(nobody_answers(self.url))


class BlockingHttpDriver(HttpDriver):
    """Blocks until the calls are done. May be used by several threads, and after a fork by both processes."""

    def __init__(self, url: str, token: str | None) -> None:
        super().__init__(url, token)
        self._pools = [ConnectionPool(self._address)]

    def run(self, calls: CallSequence[T]) -> T:
        """Runs the calls and returns their result."""
        __tracebackhide__ = True
        running = calls.__iter__()
        try:
            call = next(running)
            while True:
                try:
                    answer = self._answer(call)
                except ApiError as error:
                    call = running.throw(error)
                else:
                    call = running.send(answer)
        except StopIteration as done:
            return _generator_result(running, done)

    @contextmanager
    def events(self, *accounts: str) -> Iterator[Iterator[Event]]:
        """The stream of events of some accounts, for as long as the block lasts."""
        pool, octets = self._pool(), self._events_octets(accounts)
        try:
            connection = pool.take()
        except _FAILURES as error:
            raise self._failed(error) from error
        try:
            try:
                answer = connection.begin(octets, deadline_in(MAX_SILENCE))
                while answer.status is None:
                    connection.go_on(answer, deadline_in(MAX_SILENCE))
            except _FAILURES as error:
                raise self._failed(error) from error
            yield _events_on(connection, answer)
        finally:
            pool.drop(connection)

    def close(self) -> None:
        """Closes its connections."""
        self._pool().close()

    def _answer(self, call: Call[T]) -> T:
        __tracebackhide__ = True
        pool, octets, deadline = self._pool(), self._octets(call), deadline_in(call.seconds + MARGIN)
        try:
            connection = pool.take()
            try:
                answer = connection.begin(octets, deadline)
                while not answer.complete:
                    connection.go_on(answer, deadline)
            except BaseException:
                pool.drop(connection)
                raise
        except _FAILURES as error:
            if pool.is_closed:
                raise UnreachableError(f"the client was closed before {self.url} answered") from error
            raise self._failed(error) from error
        if answer.can_go_on:
            pool.rest(connection)
        else:
            pool.drop(connection)
        assert answer.status is not None
        return call.read(answer.status, answer.taken())

    def _pool(self) -> ConnectionPool:
        pool = self._pools[-1]
        if pool.pid != os.getpid():
            # The parent's connections are left alone: closing them here would close them there.
            pool = ConnectionPool(self._address)
            self._pools.append(pool)
        return pool


class AsyncHttpDriver(HttpDriver):
    """Awaits the calls, in any event loop.

    Without `keep_alive` each call has a connection of its own, so that each may be in another event loop.
    """

    def __init__(self, url: str, token: str | None, *, keep_alive: bool = True) -> None:
        super().__init__(url, token)
        self._keep_alive = keep_alive
        self._resting: list[AsyncConnection] = []

    async def run(self, calls: CallSequence[T]) -> T:
        """Runs the calls and returns their result."""
        __tracebackhide__ = True
        running = calls.__iter__()
        try:
            call = next(running)
            while True:
                try:
                    answer = await self._answer(call)
                except ApiError as error:
                    call = running.throw(error)
                else:
                    call = running.send(answer)
        except StopIteration as done:
            return _generator_result(running, done)

    @asynccontextmanager
    async def events(self, *accounts: str) -> AsyncIterator[AsyncIterator[Event]]:
        """The stream of events of some accounts, for as long as the block lasts."""
        import anyio

        octets = self._events_octets(accounts)
        try:
            connection = await AsyncConnection.to(self._address)
        except NoConnectionError as error:
            raise self._failed(error) from error
        try:
            try:
                with anyio.fail_after(MAX_SILENCE):
                    answer = await connection.begin(octets)
                    while answer.status is None:
                        await connection.go_on(answer)
            except _FAILURES as error:
                raise self._failed(error) from error
            yield _awaited_events_on(connection, answer)
        finally:
            await connection.end()

    async def close(self) -> None:
        """Closes its connections."""
        self._keep_alive = False
        while (connection := self._rested()) is not None:
            await connection.end()

    async def _answer(self, call: Call[T]) -> T:
        import anyio

        octets = self._octets(call)
        try:
            connection = await self._take()
            try:
                with anyio.fail_after(call.seconds + MARGIN):
                    answer = await connection.begin(octets)
                    while not answer.complete:
                        await connection.go_on(answer)
            except BaseException:
                await connection.end()
                raise
        except _FAILURES as error:
            raise self._failed(error) from error
        if answer.can_go_on and self._keep_alive:
            self._resting.append(connection)
        else:
            await connection.end()
        assert answer.status is not None
        return call.read(answer.status, answer.taken())

    async def _take(self) -> AsyncConnection:
        while (connection := self._rested()) is not None:
            if not connection.is_stale:
                return connection
            await connection.end()
        return await AsyncConnection.to(self._address)

    def _rested(self) -> AsyncConnection | None:
        # A parent's connections are left alone: closing them here would close them there.
        return self._resting.pop() if self._resting and self._resting[-1].pid == os.getpid() else None


def _events_on(connection: BlockingConnection, answer: ResponseParser) -> Iterator[Event]:
    reader = EventReader()
    try:
        while not answer.complete:
            if answer.status == _OK:
                yield from reader.feed(answer.taken())
            connection.go_on(answer, deadline_in(MAX_SILENCE))
    except _FAILURES as error:
        raise stream_broken(error) from error
    if answer.status != _OK:
        raise_refusal(answer.status, answer.taken())
    yield from reader.feed(answer.taken())


async def _awaited_events_on(connection: AsyncConnection, answer: ResponseParser) -> AsyncIterator[Event]:
    import anyio

    reader = EventReader()
    try:
        while not answer.complete:
            if answer.status == _OK:
                for event in reader.feed(answer.taken()):
                    yield event
            with anyio.fail_after(MAX_SILENCE):
                await connection.go_on(answer)
    except _FAILURES as error:
        raise stream_broken(error) from error
    if answer.status != _OK:
        raise_refusal(answer.status, answer.taken())
    for event in reader.feed(answer.taken()):
        yield event


def _generator_result(_running: Generator[Call[object], object, T], done: StopIteration) -> T:
    """What a generator returned, with the type that it declares."""
    value: T = done.value
    return value
