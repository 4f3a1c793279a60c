"""Drivers: the two ways of having steps done, by a client that blocks and by one that is awaited.

A connection belongs to the process that made it: a forked child makes its own, since two processes that write on one
connection would read each other's answers.

Spec: none; this is how the admin API is called.
"""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from cloudsms_simulator.client_call import Call, Steps
from cloudsms_simulator.client_errors import ApiError, SilentError, UnreachableError
from cloudsms_simulator.client_events import SILENCE, Event, EventReader, broke_off, events_request, refuse
from cloudsms_simulator.client_http import (
    Address,
    Answer,
    AwaitedLine,
    BrokenConnectionError,
    Line,
    Lines,
    NoConnectionError,
    Request,
    deadline_in,
)

T = TypeVar("T")

MARGIN = 20.0
"""Seconds an answer may take beyond what the server was asked to do."""

_OK = 200
_Failure = NoConnectionError | BrokenConnectionError | TimeoutError
_FAILURES = (NoConnectionError, BrokenConnectionError, TimeoutError)


class HttpBase:
    """Where the admin API is, and the token it may want. ValueError for a URL that is none."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._address = Address.of(self.url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _octets(self, call: Call[T]) -> bytes:
        headers = dict(self._headers)
        if call.body is not None:
            headers["Content-Type"] = call.media_type
        return Request(call.method, call.path, call.query, headers, call.body).octets(self._address)

    def _asked_for_events(self, accounts: tuple[str, ...]) -> bytes:
        return events_request(self._headers, accounts).octets(self._address)

    def _failed(self, error: _Failure) -> UnreachableError:
        if isinstance(error, TimeoutError):
            return SilentError(f"{self.url} does not answer in time")
        return UnreachableError(f"nobody answers at {self.url}; is the server running, and is this its admin port?")


class BlockingHttp(HttpBase):
    """Has done it when it returns. May be used by several threads, and after a fork by both processes."""

    def __init__(self, url: str, token: str | None) -> None:
        super().__init__(url, token)
        self._every_lines = [Lines(self._address)]

    def run(self, steps: Steps[T]) -> T:
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
            return _returned(running, done)

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
                answer = line.begin(octets, deadline_in(SILENCE))
                while answer.status is None:
                    line.go_on(answer, deadline_in(SILENCE))
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

    def _lines(self) -> Lines:
        lines = self._every_lines[-1]
        if lines.pid != os.getpid():
            # Those of the parent are kept as they are: ending them here would end them there.
            lines = Lines(self._address)
            self._every_lines.append(lines)
        return lines


class WaitingHttp(HttpBase):
    """Is awaited, in any event loop. Without `keep_alive` each call has a connection of its own, so that the event
    loop may be another each time."""

    def __init__(self, url: str, token: str | None, *, keep_alive: bool = True) -> None:
        super().__init__(url, token)
        self._keep_alive = keep_alive
        self._resting: list[AwaitedLine] = []

    async def run(self, steps: Steps[T]) -> T:
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
            return _returned(running, done)

    @asynccontextmanager
    async def events(self, *accounts: str) -> AsyncIterator[AsyncIterator[Event]]:
        """A stream of what happens to some accounts, for as long as the block lasts."""
        import anyio

        octets = self._asked_for_events(accounts)
        try:
            line = await AwaitedLine.to(self._address)
        except NoConnectionError as error:
            raise self._failed(error) from error
        try:
            try:
                with anyio.fail_after(SILENCE):
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

    async def _take(self) -> AwaitedLine:
        while (line := self._rested()) is not None:
            if not line.is_stale:
                return line
            await line.end()
        return await AwaitedLine.to(self._address)

    def _rested(self) -> AwaitedLine | None:
        # Those of a parent process are kept as they are: ending them here would end them there.
        return self._resting.pop() if self._resting and self._resting[-1].pid == os.getpid() else None


def _events_on(line: Line, answer: Answer) -> Iterator[Event]:
    reader = EventReader()
    try:
        while not answer.complete:
            if answer.status == _OK:
                yield from reader.feed(answer.taken())
            line.go_on(answer, deadline_in(SILENCE))
    except _FAILURES as error:
        raise broke_off(error) from error
    if answer.status != _OK:
        refuse(answer.status, answer.taken())
    yield from reader.feed(answer.taken())


async def _awaited_events_on(line: AwaitedLine, answer: Answer) -> AsyncIterator[Event]:
    import anyio

    reader = EventReader()
    try:
        while not answer.complete:
            if answer.status == _OK:
                for event in reader.feed(answer.taken()):
                    yield event
            with anyio.fail_after(SILENCE):
                await line.go_on(answer)
    except _FAILURES as error:
        raise broke_off(error) from error
    if answer.status != _OK:
        refuse(answer.status, answer.taken())
    for event in reader.feed(answer.taken()):
        yield event


def _returned(_running: Generator[Call[object], object, T], done: StopIteration) -> T:
    """What a generator returned, of the type it promised."""
    value: T = done.value
    return value
