"""Drivers: the two ways of having steps done, by a client that blocks and by one that is awaited.

Spec: none; this is how the admin API is called.
"""

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TypeVar

import httpx2

from cloudsms_simulator.client_call import Call, Steps
from cloudsms_simulator.client_errors import ApiError, SilentError, UnreachableError
from cloudsms_simulator.client_events import Event, awaited_events_of, events_of, events_request

T = TypeVar("T")

CONNECT = 5.0
"""Seconds to reach the server."""
MARGIN = 20.0
"""Seconds an answer may take beyond what the server was asked to do."""


class HttpBase:
    """Where the admin API is, and the token it may want."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def _request(self, call: Call[T]) -> httpx2.Request:
        headers = dict(self._headers)
        if call.body is not None:
            headers["Content-Type"] = call.media_type
        timeout = httpx2.Timeout(call.seconds + MARGIN, connect=CONNECT)
        return httpx2.Request(
            call.method,
            f"{self.url}{call.path}",
            params=dict(call.query) or None,
            headers=headers,
            content=call.body,
            extensions={"timeout": timeout.as_dict()},
        )

    def _failed(self, error: httpx2.TransportError) -> UnreachableError:
        if isinstance(error, httpx2.TimeoutException) and not isinstance(error, httpx2.ConnectTimeout):
            return SilentError(f"{self.url} does not answer in time")
        return UnreachableError(f"nobody answers at {self.url}; is the server running, and is this its admin port?")


class BlockingHttp(HttpBase):
    """Has done it when it returns. May be used by several threads."""

    def __init__(self, url: str, token: str | None) -> None:
        super().__init__(url, token)
        self._http = httpx2.Client(verify=_verified(self.url), trust_env=False)

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
        try:
            response = self._http.send(events_request(self.url, self._headers, accounts), stream=True)
        except httpx2.TransportError as error:
            raise self._failed(error) from error
        with closing(response):
            yield events_of(response)

    def close(self) -> None:
        """Lets go of its connections."""
        self._http.close()

    def _answer(self, call: Call[T]) -> T:
        __tracebackhide__ = True
        try:
            response = self._http.send(self._request(call))
        except httpx2.TransportError as error:
            if self._http.is_closed:
                raise UnreachableError(f"the client was closed before {self.url} answered") from error
            raise self._failed(error) from error
        return call.read(response.status_code, response.content)


class WaitingHttp(HttpBase):
    """Is awaited, in any event loop. Without `keep_alive` each call has a connection of its own, so that the event
    loop may be another each time."""

    def __init__(self, url: str, token: str | None, *, keep_alive: bool = True) -> None:
        super().__init__(url, token)
        self._http = _async_client(self.url) if keep_alive else None

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
        async with _async_client(self.url) as http:
            try:
                response = await http.send(events_request(self.url, self._headers, accounts), stream=True)
            except httpx2.TransportError as error:
                raise self._failed(error) from error
            try:
                yield awaited_events_of(response)
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Lets go of its connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _answer(self, call: Call[T]) -> T:
        try:
            if self._http is not None:
                response = await self._http.send(self._request(call))
            else:
                async with _async_client(self.url) as http:
                    response = await http.send(self._request(call))
        except httpx2.TransportError as error:
            raise self._failed(error) from error
        return call.read(response.status_code, response.content)


def _async_client(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(verify=_verified(url), trust_env=False)


def _verified(url: str) -> bool:
    # The admin port speaks plain HTTP: loading CAs would take longer than everything else. A gateway before it may not.
    return url.startswith("https:")


def _returned(_running: Generator[Call[object], object, T], done: StopIteration) -> T:
    """What a generator returned, of the type it promised."""
    value: T = done.value
    return value
