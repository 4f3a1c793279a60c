"""Event streams over the API, on real sockets. Reading: R16."""

import asyncio
import json
from collections.abc import Coroutine

import pytest
from patience import STORY
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from cloudsms_simulator.api.http import on_http_exception
from cloudsms_simulator.api.waits import EventHandlers
from cloudsms_simulator.journal.events import EventHub
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.stores.store import ChangeBus


def tell(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


class Context:
    """What event streams use of an ApiContext."""

    def __init__(self, stage) -> None:
        self._directory = stage.directory

    def named(self, name: str):
        account = self._directory.named(name)
        if account is None:
            raise HTTPException(404, f'there is no account "{name}"')
        return account


class Served:
    """A stage whose events are served on a port of its own."""

    def __init__(self, stage) -> None:
        changes, stopping = ChangeBus(), asyncio.Event()
        self.stage = stage(observer=changes)
        self.events = EventHub(self.stage.store, changes, self.stage.wall, stopping)
        streams = EventHandlers(Context(self.stage), self.events)
        app = Starlette(
            routes=[Route("/events", streams.stream)], exception_handlers={HTTPException: on_http_exception}
        )
        self.listener = Listener(app, open_socket("127.0.0.1", 0), stopping=stopping)

    async def ask(self, request: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        writer.write(f"{request}\r\n\r\n".encode())
        return reader, writer


@pytest.fixture
def served(stage) -> type[Served]:
    return lambda: Served(stage)  # type: ignore[return-value]


def test_a_stream_tells_what_happens_and_ends_with_the_simulator(served) -> None:
    async def story() -> None:
        here = served()
        await here.listener.start()
        reader, writer = await here.ask("GET /events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 7")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"content-type: text/event-stream" in head.lower()
        await reader.readuntil(b"event: gap\ndata: ")
        [message] = await here.stage.send()
        await reader.readuntil(b"event: message\ndata: ")
        told = json.loads(await reader.readuntil(b"\n"))
        assert [item["uid"] for item in told["items"]] == [message.uid]
        await here.listener.stop()
        rest = await reader.read()
        assert rest.endswith(b"0\r\n\r\n"), "the last chunk: it ended, and was not cut"
        assert len(here.events) == 0
        writer.close()

    tell(story())


def test_a_reader_that_leaves_takes_its_stream_along(served) -> None:
    async def story() -> None:
        here = served()
        await here.listener.start()
        reader, writer = await here.ask("GET /events?account=default&account=* HTTP/1.1\r\nHost: localhost")
        await reader.readuntil(b"retry: 1000\n\n")
        assert len(here.events) == 1
        writer.close()
        while len(here.events):
            await asyncio.sleep(0)
        await here.listener.stop()

    tell(story())


def test_an_account_that_is_none_is_told_so(served) -> None:
    async def story() -> None:
        here = served()
        await here.listener.start()
        reader, writer = await here.ask("GET /events?account=shop HTTP/1.1\r\nHost: localhost\r\nConnection: close")
        assert b'there is no account \\"shop\\"' in await reader.read()
        writer.close()
        reader, writer = await here.ask("HEAD /events HTTP/1.1\r\nHost: localhost\r\nConnection: close")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()
        await here.listener.stop()

    tell(story())


def test_more_accounts_than_anybody_looks_at_are_too_many(served) -> None:
    async def story() -> None:
        query = "&".join(f"account={number}" for number in range(101)).encode()
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": query}
        here = served()
        with pytest.raises(HTTPException, match="got 101 of them, want at most 100"):
            await EventHandlers(Context(here.stage), here.events).stream(Request(scope))
        await here.listener.stop()

    tell(story())
