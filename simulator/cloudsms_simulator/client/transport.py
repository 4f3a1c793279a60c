"""Drivers: they run calls over HTTP, blocking or awaited, and read the stream of events.

A connection belongs to the process that made it: a forked child makes its own, since two processes that write on
one connection would read each other's answers. An answer may take 20 s longer than the server was asked to be busy;
a stream without a word for 60 s is given up.

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

MAX_SILENCE = 60.0
"""Seconds without a word, its signs of life among them, after which a server is gone."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened; after a `gap` or a `reset` the lists tell how things are."""

    name: Literal["request", "message", "report", "clock", "reset", "gap"]
    data: Mapping[str, object]


def events_request(headers: Mapping[str, str], accounts: tuple[str, ...]) -> HttpRequest:
    """What to ask a server for."""
    return HttpRequest("GET", f"{API_ROOT}/events", {"account": list(accounts)}, headers)


class EventReader:
    """The events in a stream of `text/event-stream`, as its octets arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []

    def feed(self, octets: bytes) -> Iterator[Event]:
        """Those that are whole now. Comments, which are signs of life, are passed over."""
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
    """What a stream ends with when its connection does."""
    return UnreachableError(f"the stream of events broke off: {str(error) or 'there was no sign of life'}")


def raise_refusal(status: int | None, body: bytes) -> None:
    """Raises what the server said instead of a stream."""
    Call[None]("GET", f"{API_ROOT}/events").read(status or 0, body)


T = TypeVar("T")

MARGIN = 20.0
"""Seconds an answer may take beyond what the server was asked to do."""

_OK = 200
_Failure = NoConnectionError | BrokenConnectionError | TimeoutError
_FAILURES = (NoConnectionError, BrokenConnectionError, TimeoutError)


class HttpDriver:
    """Where the admin API is, and the token it may want. ValueError for a URL that is none."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._address = ServerAddress.of(self.url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _octets(self, call: Call[T]) -> bytes:
        headers = dict(self._headers)
        if call.body is not None:
            headers["Content-Type"] = call.media_type
        return HttpRequest(call.method, call.path, call.query, headers, call.body).octets(self._address)

    def _asked_for_events(self, accounts: tuple[str, ...]) -> bytes:
        return events_request(self._headers, accounts).octets(self._address)

    def _failed(self, error: _Failure) -> UnreachableError:
        if isinstance(error, TimeoutError):
            return SilentError(f"{self.url} does not answer in time")
        return UnreachableError(f"nobody answers at {self.url}; is the server running, and is this its admin port?")


class BlockingHttpDriver(HttpDriver):
    """Has done it when it returns. May be used by several threads, and after a fork by both processes."""

    def __init__(self, url: str, token: str | None) -> None:
        super().__init__(url, token)
        self._every_lines = [ConnectionPool(self._address)]

    def run(self, steps: CallSequence[T]) -> T:
        """What comes of the steps."""
        __tracebackhide__ = True
        running = steps.__iter__()
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
        """A stream of what happens to some accounts, for as long as the block lasts."""
        lines, octets = self._lines(), self._asked_for_events(accounts)
        try:
            line = lines.take()
        except _FAILURES as error:
            raise self._failed(error) from error
        try:
            try:
                answer = line.begin(octets, deadline_in(MAX_SILENCE))
                while answer.status is None:
                    line.go_on(answer, deadline_in(MAX_SILENCE))
            except _FAILURES as error:
                raise self._failed(error) from error
            yield _events_on(line, answer)
        finally:
            lines.drop(line)

    def close(self) -> None:
        """Lets go of its connections."""
        self._lines().close()

    def _answer(self, call: Call[T]) -> T:
        __tracebackhide__ = True
        lines, octets, deadline = self._lines(), self._octets(call), deadline_in(call.seconds + MARGIN)
        try:
            line = lines.take()
            try:
                answer = line.begin(octets, deadline)
                while not answer.complete:
                    line.go_on(answer, deadline)
            except BaseException:
                lines.drop(line)
                raise
        except _FAILURES as error:
            if lines.is_closed:
                raise UnreachableError(f"the client was closed before {self.url} answered") from error
            raise self._failed(error) from error
        if answer.can_go_on:
            lines.rest(line)
        else:
            lines.drop(line)
        assert answer.status is not None
        return call.read(answer.status, answer.taken())

    def _lines(self) -> ConnectionPool:
        lines = self._every_lines[-1]
        if lines.pid != os.getpid():
            # Those of the parent are kept as they are: ending them here would end them there.
            lines = ConnectionPool(self._address)
            self._every_lines.append(lines)
        return lines


class AsyncHttpDriver(HttpDriver):
    """Is awaited, in any event loop. Without `keep_alive` each call has a connection of its own, so that the event
    loop may be another each time."""

    def __init__(self, url: str, token: str | None, *, keep_alive: bool = True) -> None:
        super().__init__(url, token)
        self._keep_alive = keep_alive
        self._resting: list[AsyncConnection] = []

    async def run(self, steps: CallSequence[T]) -> T:
        """What comes of the steps."""
        __tracebackhide__ = True
        running = steps.__iter__()
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
        """A stream of what happens to some accounts, for as long as the block lasts."""
        import anyio

        octets = self._asked_for_events(accounts)
        try:
            line = await AsyncConnection.to(self._address)
        except NoConnectionError as error:
            raise self._failed(error) from error
        try:
            try:
                with anyio.fail_after(MAX_SILENCE):
                    answer = await line.begin(octets)
                    while answer.status is None:
                        await line.go_on(answer)
            except _FAILURES as error:
                raise self._failed(error) from error
            yield _awaited_events_on(line, answer)
        finally:
            await line.end()

    async def close(self) -> None:
        """Lets go of its connections."""
        self._keep_alive = False
        while (line := self._rested()) is not None:
            await line.end()

    async def _answer(self, call: Call[T]) -> T:
        import anyio

        octets = self._octets(call)
        try:
            line = await self._take()
            try:
                with anyio.fail_after(call.seconds + MARGIN):
                    answer = await line.begin(octets)
                    while not answer.complete:
                        await line.go_on(answer)
            except BaseException:
                await line.end()
                raise
        except _FAILURES as error:
            raise self._failed(error) from error
        if answer.can_go_on and self._keep_alive:
            self._resting.append(line)
        else:
            await line.end()
        assert answer.status is not None
        return call.read(answer.status, answer.taken())

    async def _take(self) -> AsyncConnection:
        while (line := self._rested()) is not None:
            if not line.is_stale:
                return line
            await line.end()
        return await AsyncConnection.to(self._address)

    def _rested(self) -> AsyncConnection | None:
        # Those of a parent process are kept as they are: ending them here would end them there.
        return self._resting.pop() if self._resting and self._resting[-1].pid == os.getpid() else None


def _events_on(line: BlockingConnection, answer: ResponseParser) -> Iterator[Event]:
    reader = EventReader()
    try:
        while not answer.complete:
            if answer.status == _OK:
                yield from reader.feed(answer.taken())
            line.go_on(answer, deadline_in(MAX_SILENCE))
    except _FAILURES as error:
        raise stream_broken(error) from error
    if answer.status != _OK:
        raise_refusal(answer.status, answer.taken())
    yield from reader.feed(answer.taken())


async def _awaited_events_on(line: AsyncConnection, answer: ResponseParser) -> AsyncIterator[Event]:
    import anyio

    reader = EventReader()
    try:
        while not answer.complete:
            if answer.status == _OK:
                for event in reader.feed(answer.taken()):
                    yield event
            with anyio.fail_after(MAX_SILENCE):
                await line.go_on(answer)
    except _FAILURES as error:
        raise stream_broken(error) from error
    if answer.status != _OK:
        raise_refusal(answer.status, answer.taken())
    for event in reader.feed(answer.taken()):
        yield event


def _generator_result(_running: Generator[Call[object], object, T], done: StopIteration) -> T:
    """What a generator returned, of the type it promised."""
    value: T = done.value
    return value
