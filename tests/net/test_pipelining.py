"""Requests that come faster than they are answered, in pieces, or before the client closes its side; over real
sockets, on both event loops.

Spec: Interface specification and communication principle. Reading: R5.
"""

import asyncio
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from both_loops import Run
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.net import http_connection
from cloudsms_simulator.net.http_connection import (
    MOST_WAITING,
    ConnectionObserver,
    HttpConnection,
    HttpRequest,
    ServeAlone,
)
from cloudsms_simulator.net.http_parser import HEAD_LIMIT
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.net.sockets import open_socket

POST = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
ONE_READ = 256 * 1024
"""Octets that an event loop reads at once, at most."""


class Seen(ConnectionObserver):
    """What the observer was told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []

    def on_bad_request(self, connection: HttpConnection, excerpt: bytes, reason: str) -> None:
        self.told.append((reason, excerpt))

    def on_surplus(self, connection: HttpConnection, surplus: bytes) -> None:
        self.told.append(("surplus", surplus))


class App:
    """Echoes each body once it is let; `bodies` came, and `connections` are those they came on. `gone` counts
    requests whose client did not stay until their body was whole."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.bodies: list[bytes] = []
        self.connections: list[HttpConnection] = []
        self.gone = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.open = asyncio.Event()
        if is_open:
            self.open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.connections.append(scope["extensions"]["sim.connection"])
        self.headers = scope["headers"]
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.bodies.append(body)
        await self.open.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


class Together:
    """Echoes whole requests in batches; any other one alone."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.alone = App()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.alone(scope, receive, send)

    def takes(self, request: HttpRequest) -> bool:
        return not (request.more_body or request.disconnected)

    def serve(self, requests: Sequence[HttpRequest], leave: ServeAlone) -> None:
        self.batches.append([request.body for request in requests])
        for request in requests:
            if not request.connection.answer(request.body):
                leave(request, self.alone)


class Client:
    """Speaks HTTP in raw octets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *data: bytes, end: bool = False) -> None:
        """Sends octets, and with `end` closes this side behind them."""
        self.writer.write(b"".join(data))
        if end:
            self.writer.write_eof()
        await self.writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: ")), 0)
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def ended(self) -> bool:
        """Waits for the end, and says whether nothing came before it."""
        return await self.reader.read() == b""


@asynccontextmanager
async def serving(app: ASGIApp, observer: ConnectionObserver | None = None) -> AsyncIterator[Listener]:
    """A listener that answers clients which have closed their side."""
    listener = Listener(app, open_socket("127.0.0.1", 0), observer=observer, half_close=True)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def client_of(listener: Listener) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(listener.host, listener.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def only_connection_of(listener: Listener) -> HttpConnection:
    [connection] = listener._state.connections
    return connection


# Bounded memory


def test_nothing_more_is_read_while_many_requests_wait_and_all_are_answered_in_the_end(run: Run) -> None:
    async def story() -> None:
        app = App(is_open=False)
        bodies = [b"%04d" % number + b"x" * 1000 for number in range(3000)]
        async with serving(app) as listener, client_of(listener) as client:
            sending = asyncio.ensure_future(client.send(*(POST % (len(body), body) for body in bodies)))
            await until(lambda: app.bodies)
            connection = app.connections[0]
            await until(lambda: not connection._reading)
            most_waiting, most_held = len(connection.pipelined), len(connection._held)
            app.open.set()
            for body in bodies:
                assert await client.answer() == (200, body)
                most_waiting = max(most_waiting, len(connection.pipelined))
                most_held = max(most_held, len(connection._held))
            await sending
            assert most_waiting == MOST_WAITING
            assert most_held <= ONE_READ
            assert connection._reading

    run(story())


def test_when_many_requests_wait_half_of_them_are_answered_before_more_are_taken(run: Run) -> None:
    async def story() -> None:
        waiting: list[int] = []
        echo = App(is_open=False)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            waiting.append(len(scope["extensions"]["sim.connection"].pipelined))
            await echo(scope, receive, send)

        body = b"x" * 3_000
        async with serving(app) as listener, client_of(listener) as client:
            sending = asyncio.ensure_future(client.send(*[POST % (len(body), body)] * 40))
            await until(lambda: echo.bodies and not echo.connections[0].transport.is_reading())
            echo.open.set()
            for _ in range(40):
                assert await client.answer() == (200, body)
            await sending
        half = MOST_WAITING // 2
        assert waiting[1 : 1 + half] == list(range(MOST_WAITING - 1, half - 1, -1))

    run(story())


@pytest.mark.parametrize(("octets", "most"), [(100_000, 2), (30_000, 3)])
def test_requests_that_wait_are_no_more_than_their_octets_allow(run: Run, octets: int, most: int) -> None:
    async def story() -> None:
        app = App(is_open=False)
        bodies = [b"%d" % number * octets for number in range(8)]
        async with serving(app) as listener, client_of(listener) as client:
            sending = asyncio.ensure_future(client.send(*(POST % (len(body), body) for body in bodies)))
            await until(lambda: app.bodies)
            connection = app.connections[0]
            await until(lambda: not connection._reading)
            assert len(connection.pipelined) <= most
            app.open.set()
            for body in bodies:
                assert await client.answer() == (200, body)
            await sending

    run(story())


def test_a_client_that_does_not_read_its_answers_is_not_read_either(run: Run) -> None:
    async def story() -> None:
        app = App()
        body = b"x" * 50_000
        async with serving(app) as listener:
            reader, writer = await asyncio.open_connection(listener.host, listener.port)
            client = Client(reader, writer)
            requests = 400
            sending = asyncio.ensure_future(client.send(*[POST % (len(body), body)] * requests))
            await until(lambda: app.bodies and app.connections[0].write_paused and not app.connections[0]._reading)
            connection = app.connections[0]
            assert connection.unsent <= 64 * 1024 + 2 * len(body)
            assert len(app.bodies) < requests
            for _ in range(requests):
                assert await client.answer() == (200, body)
            await sending
            writer.transport.abort()

    run(story())


def test_a_body_that_nobody_takes_stops_arriving(run: Run) -> None:
    async def story() -> None:
        go_on = asyncio.Event()
        connections: list[HttpConnection] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            connections.append(scope["extensions"]["sim.connection"])
            await go_on.wait()
            await App()(scope, receive, send)

        body = b"x" * 3_000_000
        async with serving(app) as listener, client_of(listener) as client:
            sending = asyncio.ensure_future(client.send(POST % (len(body), body)))
            await until(lambda: connections and not connections[0]._reading)
            assert connections[0].running is not None
            assert len(connections[0].running.body) <= HEAD_LIMIT + ONE_READ
            go_on.set()
            assert await client.answer() == (200, body)
            await sending

    run(story())


def test_the_answer_to_another_request_lets_no_more_of_a_body_arrive_that_nobody_takes(run: Run) -> None:
    async def story() -> None:
        go_on, begun = asyncio.Event(), asyncio.Queue[bool]()
        connections: list[HttpConnection] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            connections.append(scope["extensions"]["sim.connection"])
            begun.put_nowait(connections[0].transport.is_reading())
            if len(connections) == 1:
                await go_on.wait()
                await App()(scope, receive, send)
            else:
                await connections[0].input_ended.wait()

        body = b"x" * 3_000_000
        async with serving(app) as listener:
            async with client_of(listener) as client:
                sending = asyncio.ensure_future(client.send(POST % (0, b""), POST % (len(body), body)))
                await begun.get()
                await until(lambda: not connections[0].transport.is_reading())
                go_on.set()
                assert await client.answer() == (200, b"")
                assert not await begun.get()
            with suppress(ConnectionError):
                await sending

    run(story())


def test_a_connection_that_is_lost_lets_go_of_its_requests(run: Run) -> None:
    async def story() -> None:
        app = App(is_open=False)
        async with serving(app) as listener:
            async with client_of(listener) as client:
                await client.send(POST % (1, b"1"), POST % (1, b"2"), POST % (1, b"3"), b"GET /")
                await until(lambda: app.bodies and len(app.connections[0].pipelined) == 2)
                waiting = [weakref.ref(each) for each in app.connections[0].pipelined]
                connection = weakref.ref(app.connections.pop())
            app.open.set()
            await until(lambda: not listener.connections and not listener._state.tasks)
            app.connections.clear()
            assert [each() for each in waiting] == [None, None]
            await until(lambda: connection() is None)

    gc.disable()
    try:
        run(story())
    finally:
        gc.enable()


# A client that closes its side


@pytest.mark.parametrize("count", [1, 3, 40])
def test_a_client_that_closes_its_side_gets_every_answer_and_then_the_end(run: Run, count: int) -> None:
    async def story() -> None:
        app = App(is_open=False)
        bodies = [b"%d" % number for number in range(count)]
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(*(POST % (len(body), body) for body in bodies), end=True)
            await until(lambda: app.bodies)
            app.open.set()
            assert [await client.answer() for _ in bodies] == [(200, body) for body in bodies]
            assert await client.ended()
            await until(lambda: not listener.connections)

    run(story())


def test_the_last_answer_to_a_client_that_closed_its_side_says_that_the_connection_ends(run: Run) -> None:
    async def story() -> None:
        app = App(is_open=False)
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (1, b"1"), POST % (1, b"2"), end=True)
            await until(lambda: app.bodies)
            await app.connections[0].input_ended.wait()
            app.open.set()
            assert b"connection: close" not in await client.reader.readuntil(b"\r\n\r\n1")
            assert b"connection: close" in await client.reader.readuntil(b"\r\n\r\n2")

    run(story())


def test_a_request_that_the_end_cuts_off_is_seen_as_left_once_those_before_it_are_answered(run: Run) -> None:
    async def story() -> None:
        app = App(is_open=False)
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (1, b"1"), POST % (9, b"2"), end=True)
            await until(lambda: app.bodies)
            await app.connections[0].input_ended.wait()
            app.open.set()
            assert await client.answer() == (200, b"1")
            assert await client.ended()
            await until(lambda: app.gone == 1)
            assert app.bodies == [b"1"]

    run(story())


def test_surplus_before_the_end_is_told_after_the_answer(run: Run) -> None:
    async def story() -> None:
        app, seen = App(is_open=False), Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b'"}', end=True)
            await until(lambda: app.bodies)
            app.open.set()
            assert await client.answer() == (200, b"{}")
            assert await client.ended()
            await until(lambda: not listener.connections)
            assert seen.told == [("surplus", b'"}')]

    run(story())


def test_what_is_no_request_before_the_end_is_refused_after_the_answer(run: Run) -> None:
    async def story() -> None:
        app, seen = App(is_open=False), Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b"GET / HTTP/1.1\r\nno header\r\n\r\n", end=True)
            await until(lambda: app.bodies)
            await app.connections[0].input_ended.wait()
            app.open.set()
            assert await client.answer() == (200, b"{}")
            assert (await client.answer())[0] == 400
            assert await client.ended()
            await until(lambda: not listener.connections)

    run(story())


def test_an_idle_client_that_closes_its_side_is_let_go(run: Run) -> None:
    async def story() -> None:
        async with serving(App()) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            assert await client.answer() == (200, b"{}")
            await client.send(end=True)
            assert await client.ended()
            await until(lambda: not listener.connections)

    run(story())


# Bodies behind their heads, and heads that repeat


def test_a_body_behind_its_head_is_served_in_a_batch(run: Run) -> None:
    async def story() -> None:
        app = Together()
        async with serving(app) as listener, client_of(listener) as client:
            for body in (b"{1}", b"{2}", b"{3}"):
                await client.send(POST % (len(body), b""))
                await until(lambda: listener.connections and only_connection_of(listener).answering)
                await client.send(body[:1])
                await until(lambda body=body: only_connection_of(listener).running.body == body[:1])  # type: ignore[misc, union-attr]
                await client.send(body[1:])
                assert await client.answer() == (200, body)
            assert (app.batches, app.alone.bodies) == ([[b"{1}"], [b"{2}"], [b"{3}"]], [])

    run(story())


def test_a_whole_request_does_not_wait_for_the_body_of_one_behind_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "BODY_SECONDS", 3600.0)

    async def story() -> None:
        app = Together()
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (3, b"{1}"), POST % (3, b"{2}"), POST % (3, b"{"))
            assert [await client.answer() for _ in range(2)] == [(200, b"{1}"), (200, b"{2}")]
            await client.send(b"3}")
            assert await client.answer() == (200, b"{3}")
            assert (app.batches, app.alone.bodies) == ([[b"{1}"], [b"{2}"], [b"{3}"]], [])

    run(story())


def test_a_body_that_does_not_come_is_waited_for_by_the_application_itself(run: Run) -> None:
    async def story() -> None:
        app = Together()
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{"))
            await until(lambda: listener.connections and only_connection_of(listener).answering)
            connection = only_connection_of(listener)
            connection.expire(connection.deadline)
            await until(lambda: app.alone.connections)
            await client.send(b"}")
            assert await client.answer() == (200, b"{}")
            assert (app.batches, app.alone.bodies) == ([], [b"{}"])

    run(story())


def test_a_client_that_leaves_in_the_middle_of_its_body_is_seen_as_gone(run: Run) -> None:
    async def story() -> None:
        app = Together()
        async with serving(app) as listener:
            async with client_of(listener) as client:
                await client.send(POST % (2, b"{"))
                await until(lambda: listener.connections and only_connection_of(listener).answering)
            await until(lambda: app.alone.gone == 1)
            assert app.batches == []

    run(story())


def test_a_stop_waits_for_a_body_that_is_on_its_way(run: Run) -> None:
    async def story() -> None:
        app = Together()
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{"))
            await until(lambda: listener.connections and only_connection_of(listener).answering)
            stopped = asyncio.ensure_future(listener.stop(timedelta(seconds=20)))
            await listener.stopping.wait()
            await client.send(b"}")
            assert await client.answer() == (200, b"{}")
            assert await client.ended()
            await stopped

    run(story())


def test_requests_with_the_same_head_keep_their_own_bodies(run: Run) -> None:
    async def story() -> None:
        app = Together()
        async with serving(app) as listener, client_of(listener) as client:
            for tens in range(50):
                bodies = [b"%04d" % (10 * tens + ones) for ones in range(10)]
                await client.send(*(POST % (4, body) for body in bodies))
                assert [await client.answer() for _ in bodies] == [(200, body) for body in bodies]

    run(story())


STREAM = (
    POST % (4, b"\r\n\r\n"),
    POST % (4, b"POST"),
    b"\r\n" + POST % (0, b""),
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n\r\n\r\nab\r\n0\r\nX: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n[]",
    b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    POST % (4, b"last"),
)
BODIES = [b"\r\n\r\n", b"POST", b"", b"\r\n\r\nab", b"{}", b"[]", b"", b"last"]


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written += b"<end>"

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@given(cuts=st.lists(st.integers(0, 700), max_size=12))
def test_however_the_octets_are_cut_the_requests_are_the_same(cuts: list[int]) -> None:
    data = b"".join(STREAM) + b'"surplus'

    async def story() -> None:
        app = App()
        listener = Listener(app, open_socket("127.0.0.1", 0))
        await listener.start()
        connection, wire = HttpConnection(listener._terms, 1, ("192.0.2.1", 1)), Wire()
        connection.connection_made(wire)
        start = 0
        for end in [*sorted(cuts), len(data)]:
            connection.data_received(data[start:end])
            start = end
        assert connection.surplus == b'"surplus'
        await until(lambda: b"<end>" in wire.written)
        assert app.bodies == BODIES
        assert wire.written.count(b"200 OK") == len(BODIES)
        connection.connection_lost(None)
        await listener.stop()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(story())


# What has a limit, and what is refused


def test_a_head_that_is_too_long_is_refused_even_if_it_comes_at_once(run: Run) -> None:
    async def story() -> None:
        app, seen = App(), Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(b"GET / HTTP/1.1\r\nX: ", b"x" * HEAD_LIMIT, b"\r\n\r\n")
            assert (await client.answer())[0] == 431
            assert await client.ended()
            assert (app.connections, [excerpt[:20] for _, excerpt in seen.told]) == ([], [b"GET / HTTP/1.1\r\nX: x"])

    run(story())


def test_a_head_within_the_limit_is_taken(run: Run) -> None:
    async def story() -> None:
        async with serving(App()) as listener, client_of(listener) as client:
            await client.send(b"GET / HTTP/1.1\r\nX: ", b"x" * (HEAD_LIMIT - 100), b"\r\n\r\n")
            assert await client.answer() == (200, b"")

    run(story())


@pytest.mark.parametrize(("octets", "status"), [(HEAD_LIMIT, 200), (HEAD_LIMIT + 1, 431)])
def test_the_limit_of_a_head_is_exact(run: Run, octets: int, status: int) -> None:
    async def story() -> None:
        begin, end = b"GET / HTTP/1.1\r\nX: ", b"\r\n\r\n"
        async with serving(App()) as listener, client_of(listener) as client:
            await client.send(begin, b"x" * (octets - len(begin) - len(end)), end)
            assert (await client.answer())[0] == status

    run(story())


def test_what_follows_the_last_chunk_is_no_header_and_has_a_limit(run: Run) -> None:
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"

    async def story() -> None:
        app, seen = App(), Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(chunked, b"X: y\r\n\r\n")
            assert await client.answer() == (200, b"{}")
            assert app.headers == [(b"transfer-encoding", b"chunked")]
            await client.send(chunked, b"X: ")
            sending = asyncio.ensure_future(client.send(b"y" * (HEAD_LIMIT + ONE_READ)))
            assert (await client.answer())[0] == 431
            await asyncio.gather(sending, return_exceptions=True)  # it may be cut off when a second is over

    run(story())


def test_a_broken_chunk_of_a_client_that_waits_to_be_asked_is_refused_without_a_complaint(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "cloudsms_simulator")

    async def story() -> None:
        app = App()
        async with serving(app) as listener, client_of(listener) as client:
            head = b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
            await client.send(head, b"ZZ\r\n")
            received = await client.reader.read()
            assert received.startswith(b"HTTP/1.1 400 ")
            assert b"100 Continue" not in received
            await until(lambda: app.gone == 1)
            assert not listener._state.tasks

    run(story())
    assert caplog.messages == []


def test_a_body_that_an_application_waits_for_and_that_breaks_off_leaves_no_complaint(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await Request(scope, receive).body()
        finally:
            ended.set()

    async def story() -> None:
        async with serving(app) as listener:
            async with client_of(listener) as client:
                form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\ntoken="
                await client.send(b"POST /login HTTP/1.1\r\n", form)
                await until(lambda: listener._state.tasks)
            await ended.wait()
            await until(lambda: not listener._state.tasks)

    run(story())
    assert caplog.messages == []


def test_an_offer_of_http_2_whose_head_comes_in_two_reads_may_be_followed_by_surplus(run: Run) -> None:
    head = b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAA\r\nUpgrade: h2c\r\n"

    async def story() -> None:
        app, seen = App(), Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(head)
            await until(lambda: listener.connections and only_connection_of(listener)._reader.excerpt())
            await client.send(b"Content-Length: 2\r\n\r\n{}", b'"}')
            assert await client.answer() == (200, b"{}")
            assert await client.ended()
            assert seen.told == [("surplus", b'"}')]

    run(story())


def test_octets_of_a_body_that_come_after_its_answer_are_no_surplus(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"early"})

    async def story() -> None:
        seen = Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(POST % (200_000, b"{"))
            assert await client.answer() == (200, b"early")
            await client.send(b"}" * 199_999, POST % (0, b""))
            assert await client.answer() == (200, b"early")
            assert seen.told == []

    run(story())


def test_a_second_request_behind_the_last_one_is_surplus(run: Run) -> None:
    async def story() -> None:
        app, seen = App(), Seen()
        async with serving(app, seen) as listener, client_of(listener) as client:
            last = b"POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
            await client.send(last, POST % (2, b"[]"))
            assert await client.answer() == (200, b"{}")
            assert await client.ended()
            assert seen.told == [("surplus", POST % (2, b"[]"))]

    run(story())
