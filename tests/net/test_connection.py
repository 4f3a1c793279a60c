"""One connection, over real sockets, on both event loops."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
from both_loops import Run
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.net.http_connection import (
    SURPLUS_LIMIT,
    ConnectionObserver,
    HttpConnection,
    HttpRequest,
    ServeAlone,
)
from cloudsms_simulator.net.http_parser import EXCERPT_OCTETS, HEAD_LIMIT
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.net.sockets import open_socket

POST = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b"
SOON = timedelta(milliseconds=50)


class Seen(ConnectionObserver):
    """What the observer was told, in order."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[str, bytes, str]] = asyncio.Queue()
        self.connections: list[HttpConnection] = []

    def on_bad_request(self, connection: HttpConnection, excerpt: bytes, reason: str) -> None:
        self.connections.append(connection)
        self.told.put_nowait(("bad request", excerpt, reason))

    def on_surplus(self, connection: HttpConnection, surplus: bytes) -> None:
        self.connections.append(connection)
        self.told.put_nowait(("surplus", surplus, ""))

    def on_head_timeout(self, connection: HttpConnection, excerpt: bytes) -> None:
        self.connections.append(connection)
        self.told.put_nowait(("head timeout", excerpt, ""))


class Answer(msgspec.Struct):
    """An HTTP answer as a client sees it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Client:
    """Speaks HTTP in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.writer.get_extra_info("sockname")[:2]
        return host, port

    async def send(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))
        await self.writer.drain()

    async def answer(self) -> Answer:
        head = await self.reader.readuntil(b"\r\n\r\n")
        status, *lines = head.rstrip().split(b"\r\n")
        headers = dict(line.split(b": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers.get(b"content-length", 0)))
        return Answer(int(status.split()[1]), headers, body)

    async def ended(self) -> bool:
        """Waits for the end, and says whether nothing came before it."""
        return await self.reader.read() == b""


@asynccontextmanager
async def serving(
    app: ASGIApp,
    observer: ConnectionObserver | None = None,
    keep_alive: timedelta | None = None,
    head_timeout: timedelta | None = None,
) -> AsyncIterator[Listener]:
    listener = Listener(
        app,
        open_socket("127.0.0.1", 0),
        observer=observer,
        keep_alive=keep_alive or timedelta(seconds=240),
        head_timeout=head_timeout or timedelta(seconds=30),
    )
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


def connection_in(scope: Scope) -> HttpConnection:
    connection = scope["extensions"]["sim.connection"]
    assert isinstance(connection, HttpConnection)
    return connection


async def body_of(receive: Receive) -> bytes:
    """The whole body; what arrived of it when the client is gone."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        body += message["body"]
        if not message["more_body"]:
            return body


async def answer_with(
    send: Send, body: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await answer_with(send, await body_of(receive))


class Gate:
    """An application that answers when it is let; it notes each body and what it finds in the connection then."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self.open = asyncio.Event()
        self.surplus: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await body_of(receive)
        self.arrived.put_nowait(body)
        await self.open.wait()
        self.surplus.append(connection_in(scope).take_surplus())
        await answer_with(send, body)


def test_the_application_finds_the_connection_in_its_scope(run: Run) -> None:
    found: list[tuple[int, tuple[str, int], object, int]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_in(scope)
        assert scope["extensions"]["tls"] is None
        assert tuple(scope["client"]) == connection.peer
        found.append((connection.id, connection.peer, connection.tls, connection.requests))
        await answer_with(send, await body_of(receive))

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as first, client_of(listener) as second:
            for client in (first, first, second):
                await client.send(POST % (2, b"{}"))
                assert (await client.answer()).body == b"{}"
            assert found == [(1, first.address, None, 1), (1, first.address, None, 2), (2, second.address, None, 1)]

    run(story())


@pytest.mark.parametrize("connection", [b"", b"Connection: close\r\n"])
def test_surplus_that_came_with_the_request_is_seen_by_the_application_and_the_answer_goes_out(
    run: Run, connection: bytes
) -> None:
    seen = Seen()
    gate = Gate()
    gate.open.set()
    request = b"POST / HTTP/1.1\r\n" + connection + b"Content-Length: 2\r\n\r\n{}"

    async def story() -> None:
        async with serving(gate, seen) as listener, client_of(listener) as client:
            await client.send(request + b'\xe4\xb8\xad"}\r\n')
            answer = await client.answer()
            assert (answer.status, answer.body, answer.headers[b"connection"]) == (200, b"{}", b"close")
            assert await client.ended()
        assert gate.surplus == [b'\xe4\xb8\xad"}\r\n']
        assert seen.told.empty()

    run(story())


def test_surplus_that_comes_before_the_answer_does_not_pre_empt_it(run: Run) -> None:
    seen = Seen()
    gate = Gate()
    connections: list[HttpConnection] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connections.append(connection_in(scope))
        await gate(scope, receive, send)

    async def story() -> None:
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            await gate.arrived.get()
            await client.send(b'"}')
            while not connections[0].surplus:
                await asyncio.sleep(0)
            await client.send(b"}]")
            while connections[0].surplus != b'"}}]':
                await asyncio.sleep(0)
            gate.open.set()
            answer = await client.answer()
            assert (answer.status, answer.headers[b"connection"]) == (200, b"close")
            assert await client.ended()
        assert gate.surplus == [b'"}}]']
        assert seen.told.empty()

    run(story())


def test_a_request_followed_by_surplus_has_all_the_time_it_needs(run: Run) -> None:
    seen = Seen()
    gate = Gate()
    connections: list[HttpConnection] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connections.append(connection_in(scope))
        await gate(scope, receive, send)

    async def story() -> None:
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b'"}')
            await gate.arrived.get()
            connections[0].expire(asyncio.get_running_loop().time() + 86400)
            gate.open.set()
            assert (await client.answer()).body == b"{}"
        assert seen.told.empty()

    run(story())


def test_surplus_that_nobody_takes_is_told_to_the_observer_once_the_answer_is_out(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b'"}')
            assert (await client.answer()).body == b"{}"
            assert await client.ended()
        assert seen.told.get_nowait() == ("surplus", b'"}', "")
        assert seen.told.empty()

    run(story())


def test_surplus_after_the_answer_closes_the_connection_without_a_word(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            assert (await client.answer()).status == 200
            await client.send(b'"}')
            assert await seen.told.get() == ("surplus", b'"}', "")
            assert await client.ended()
            assert seen.connections[0].requests == 1

    run(story())


def test_a_body_without_content_length_is_surplus(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(b'POST / HTTP/1.1\r\nHost: a\r\n\r\n{"a":1}')
            assert (await client.answer()).body == b""
            assert await client.ended()
        assert seen.told.get_nowait() == ("surplus", b'{"a":1}', "")

    run(story())


def test_surplus_is_kept_up_to_a_limit(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            await client.answer()
            await client.send(b"}" * (SURPLUS_LIMIT + 1))
            _, surplus, _ = await seen.told.get()
            assert set(surplus) == set(b"}")
            assert len(surplus) <= SURPLUS_LIMIT

    run(story())


def test_surplus_after_a_long_request_is_told_to_the_octet(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            body = b"x" * 3_000_000
            await asyncio.gather(client.send(POST % (len(body), body), b'"}'), client.answer())
            kind, surplus, _ = await seen.told.get()
            # The second octet may come when the connection has been told of the first.
            assert (kind, surplus) in (("surplus", b'"}'), ("surplus", b'"'))

    run(story())


def test_empty_lines_after_a_body_are_ignored(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b"\r\n")
            await client.answer()
            await client.send(b"\r\n\r\n")
            await client.send(POST % (2, b"[]"))
            answer = await client.answer()
            assert answer.body == b"[]"
            assert b"connection" not in answer.headers
        assert seen.told.empty()

    run(story())


def test_pipelined_requests_are_answered_in_order(run: Run) -> None:
    async def story() -> None:
        async with serving(echo) as listener, client_of(listener) as client:
            bodies = [str(number).encode() for number in range(50)]
            await client.send(*(POST % (len(body), body) for body in bodies))
            assert [(await client.answer()).body for _ in bodies] == bodies

    run(story())


def test_surplus_after_pipelined_requests_belongs_to_the_last(run: Run) -> None:
    seen = Seen()
    gate = Gate()
    gate.open.set()

    async def story() -> None:
        async with serving(gate, seen) as listener, client_of(listener) as client:
            await client.send(POST % (1, b"1"), POST % (1, b"2"), POST % (1, b"3"), b"surplus")
            assert [(await client.answer()).body for _ in range(3)] == [b"1", b"2", b"3"]
            assert await client.ended()
        assert gate.surplus == [b"", b"", b"surplus"]
        assert seen.told.empty()

    run(story())


def test_a_broken_request_behind_a_pending_one_is_refused_after_its_answer(run: Run) -> None:
    seen = Seen()
    gate = Gate()

    async def story() -> None:
        async with serving(gate, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            await gate.arrived.get()
            await client.send(b"GET /next HTTP/1.1\r\nno header\r\n\r\n")
            kind, excerpt, _ = await seen.told.get()
            assert (kind, excerpt) == ("bad request", b"GET /next HTTP/1.1\r\nno header\r\n\r\n")
            gate.open.set()
            assert (await client.answer()).body == b"{}"
            assert (await client.answer()).status == 400
            assert await client.ended()

    run(story())


def test_a_stop_does_not_keep_a_broken_request_behind_a_pending_one_from_being_refused(run: Run) -> None:
    seen, gate = Seen(), Gate()

    async def story() -> None:
        async with serving(gate, seen) as listener, client_of(listener) as client, client_of(listener) as idle:
            await client.send(POST % (2, b"{}"))
            await gate.arrived.get()
            await client.send(b"GET /next HTTP/1.1\r\nno header\r\n\r\n")
            await seen.told.get()
            stopping = asyncio.ensure_future(listener.stop(timedelta(hours=1)))
            assert await idle.ended()
            gate.open.set()
            assert (await client.answer()).status == 200
            assert (await client.answer()).status == 400
            assert await client.ended()
            await stopping

    run(story())


def test_a_broken_request_on_an_idle_connection_is_refused(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            await client.answer()
            await client.send(b"GET /\xe4 HTTP/1.1\r\n\r\n")
            assert (await client.answer()).status == 400
            assert await client.ended()
            assert seen.told.get_nowait()[0] == "bad request"

    run(story())


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b"\x00\x01\x02",
        b" GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"GET /\xe4 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/3.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        b'{"METHOD":"SMS_SEND_REQUEST"}',
    ],
)
def test_garbage_is_answered_with_a_json_400_and_told(run: Run, garbage: bytes) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(garbage)
            answer = await client.answer()
            assert await client.ended()
            assert answer.status == 400
            assert answer.headers[b"content-type"] == b"application/json"
            assert answer.headers[b"connection"] == b"close"
            kind, excerpt, reason = seen.told.get_nowait()
            assert (kind, excerpt) == ("bad request", garbage)
            assert msgspec.json.decode(answer.body) == {"error": reason}
            assert seen.connections[0].requests == 0

    run(story())


def test_a_tls_handshake_on_a_plain_port_is_called_that(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            await client.send(b"\x16\x03\x01\x02\x00\x01\x00" + b"\x00" * 1000)
            assert (await client.answer()).status == 400
            _, excerpt, reason = seen.told.get_nowait()
            assert reason == "a TLS handshake was sent to a port without TLS"
            assert len(excerpt) == EXCERPT_OCTETS

    run(story())


def test_a_broken_chunk_is_refused_and_the_application_sees_the_client_gone(run: Run) -> None:
    seen = Seen()
    left: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            assert message["more_body"]
        left.put_nowait(message["type"])
        await answer_with(send, b"nobody hears this")

    async def story() -> None:
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n")
            assert (await client.answer()).status == 400
            assert await client.ended()
            assert await left.get() == "http.disconnect"
            assert seen.told.get_nowait()[0] == "bad request"

    run(story())


def test_a_broken_chunk_behind_the_start_of_an_answer_ends_it_without_another(run: Run) -> None:
    seen = Seen()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"start", "more_body": True})
        while (await receive())["type"] == "http.request":
            pass

    async def story() -> None:
        async with serving(app, seen) as listener, client_of(listener) as client:
            await client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
            await client.reader.readuntil(b"start")
            await client.send(b"zz\r\n")
            assert await client.ended()
            assert seen.told.get_nowait()[0] == "bad request"

    run(story())


def test_a_broken_chunk_behind_a_pending_request_is_refused_after_its_answer(run: Run) -> None:
    seen = Seen()
    gate = Gate()

    async def story() -> None:
        async with serving(gate, seen) as listener, client_of(listener) as client:
            chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            await client.send(POST % (2, b"{}"), chunked, b"2\r\n{}\r\nzz\r\n")
            assert (await seen.told.get())[1].startswith(chunked)
            gate.open.set()
            assert (await client.answer()).body == b"{}"
            assert (await client.answer()).status == 400
            assert await client.ended()
        assert gate.arrived.qsize() == 1

    run(story())


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost:"])
def test_a_connection_whose_first_head_never_completes_is_closed_and_told(run: Run, start: bytes) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen, head_timeout=SOON) as listener, client_of(listener) as client:
            await client.send(start)
            assert await client.ended()
            assert seen.told.get_nowait() == ("head timeout", start, "")
            assert seen.connections[0].peer == client.address

    run(story())


def test_a_second_head_that_never_completes_closes_the_connection(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen, head_timeout=SOON) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b"GET /")
            assert (await client.answer()).body == b"{}"
            assert await client.ended()
            assert seen.told.get_nowait() == ("head timeout", b"GET /", "")

    run(story())


def test_a_head_that_never_completes_does_not_cut_the_answer_before_it(run: Run) -> None:
    seen = Seen()
    gate = Gate()

    async def story() -> None:
        async with serving(gate, seen, head_timeout=SOON) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"), b"GET /")
            assert await seen.told.get() == ("head timeout", b"GET /", "")
            gate.open.set()
            assert (await client.answer()).body == b"{}"
            assert await client.ended()

    run(story())


def test_a_head_that_has_begun_may_take_as_long_as_the_first(run: Run) -> None:
    connections: list[HttpConnection] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connections.append(connection_in(scope))
        await echo(scope, receive, send)

    async def story() -> None:
        async with serving(app, keep_alive=timedelta(hours=1)) as listener, client_of(listener) as client:
            await client.send(POST % (0, b""))
            await client.answer()
            idle = connections[0].deadline
            await client.send(b"GET / HTTP/1.1\r\n")
            while connections[0].deadline == idle:
                await asyncio.sleep(0)
            connections[0].expire(asyncio.get_running_loop().time())
            await client.send(b"Host: a\r\n\r\n")
            assert (await client.answer()).status == 200

    run(story())


def test_an_idle_connection_is_closed_and_nobody_told(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen, keep_alive=SOON) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            await client.answer()
            assert await client.ended()
        assert seen.told.empty()

    run(story())


def test_an_endless_head_is_refused(run: Run) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(echo, seen) as listener, client_of(listener) as client:
            # One read takes at most 256 KiB, and the first is not counted.
            await client.send(b"GET / HTTP/1.1\r\nX: ", b"x" * (HEAD_LIMIT + 1024 * 1024))
            assert (await client.answer()).status == 431
            kind, excerpt, _ = seen.told.get_nowait()
            assert (kind, excerpt[:20]) == ("bad request", b"GET / HTTP/1.1\r\nX: x")

    run(story())


@pytest.mark.parametrize("version", [b"HTTP/1.0\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n"])
def test_http_1_0_is_answered_and_closed(run: Run, version: bytes) -> None:
    async def story() -> None:
        async with serving(echo) as listener, client_of(listener) as client:
            await client.send(b"POST / " + version + b"Content-Length: 2\r\n\r\n{}")
            assert (await client.answer()).body == b"{}"
            assert await client.ended()

    run(story())


def test_a_client_that_waits_for_100_continue_gets_it(run: Run) -> None:
    async def story() -> None:
        async with serving(echo) as listener, client_of(listener) as client:
            await client.send(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send(b"{}")
            assert (await client.answer()).body == b"{}"

    run(story())


def test_a_client_that_waits_for_100_continue_gets_it_once_however_its_body_comes(run: Run) -> None:
    pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["more_body"]:
            pieces.put_nowait(message["body"])
        await answer_with(send, message["body"])

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            await client.send(b"{")
            assert await pieces.get() == b"{"
            await client.send(b"}")
            answer = await client.answer()
            assert (answer.status, answer.body) == (200, b"}")

    run(story())


def test_a_chunked_body_arrives_whole_and_the_connection_lives_on(run: Run) -> None:
    async def story() -> None:
        async with serving(echo) as listener, client_of(listener) as client:
            for _ in range(2):
                await client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
                await client.send(b"1\r\n{\r\n")
                await client.send(b"1\r\n}\r\n0\r\n\r\n")
                assert (await client.answer()).body == b"{}"

    run(story())


def test_a_websocket_is_declined_by_answering_it_as_an_ordinary_request(run: Run) -> None:
    async def story() -> None:
        async with serving(echo) as listener, client_of(listener) as client:
            for _ in range(2):
                await client.send(
                    b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
                )
                assert (await client.answer()).status == 200

    run(story())


@pytest.mark.parametrize(
    "framed", [b"Content-Length: 2\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"]
)
def test_a_body_sent_together_with_an_offer_of_http_2_arrives(run: Run, framed: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAA\r\nUpgrade: h2c\r\n"

    async def story() -> None:
        async with serving(echo) as listener, client_of(listener) as client:
            await client.send(head, framed, POST % (2, b"[]"))
            assert (await client.answer()).body == b"{}"
            assert (await client.answer()).body == b"[]"
            await client.send(head, framed[:-3])
            await client.send(framed[-3:])
            assert (await client.answer()).body == b"{}"

    run(story())


def test_an_answer_given_before_the_body_was_read_reaches_a_client_that_keeps_sending(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await answer_with(send, b"too much", 413, ((b"connection", b"close"),))

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as client:
            megabyte = b"x" * 1_000_000
            await client.send(b"POST / HTTP/1.1\r\nContent-Length: 2000000000\r\n\r\n", megabyte)
            answer = await client.answer()
            await client.send(megabyte)
            assert (answer.status, answer.body) == (413, b"too much")
            assert await client.ended()

    run(story())


def test_raw_bytes_reach_the_client_and_a_close_follows(run: Run) -> None:
    gone: asyncio.Queue[str] = asyncio.Queue()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        connection = connection_in(scope)
        connection.write(b"\x00garbage" * 100_000)
        connection.close()
        gone.put_nowait((await receive())["type"])

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            assert await client.reader.read() == b"\x00garbage" * 100_000
            assert await gone.get() == "http.disconnect"

    run(story())


def test_an_abort_ends_the_connection_without_an_answer(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        connection_in(scope).abort()
        assert (await receive())["type"] == "http.disconnect"

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            assert await client.ended()

    run(story())


def test_a_reset_is_a_tcp_reset(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        connection_in(scope).reset()
        assert (await receive())["type"] == "http.disconnect"

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (2, b"{}"))
            with pytest.raises(ConnectionResetError):
                await client.reader.read()

    run(story())


def test_a_client_that_hangs_up_mid_request_is_seen_as_gone(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    bodies: asyncio.Queue[bytes] = asyncio.Queue()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.put_nowait(await body_of(receive))

    async def story() -> None:
        async with serving(app) as listener:
            async with client_of(listener) as client:
                await client.send(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
            assert await bodies.get() == b"{"
        assert caplog.messages == []

    run(story())


def test_who_ends_a_connection_that_is_gone_does_no_harm(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_in(scope)
        await connection.input_ended.wait()
        connection.linger()
        connection.linger()
        connection.close()
        ended.set()

    async def story() -> None:
        async with serving(app) as listener:
            async with client_of(listener) as client:
                await client.send(POST % (0, b""))
            await ended.wait()

    run(story())
    assert caplog.records == []


def test_a_connection_that_is_being_closed_may_be_ended_otherwise(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        connection = connection_in(scope)
        connection.write(b"x" * 10_000_000)
        connection.close()
        connection.linger()
        await connection.input_ended.wait()

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as client:
            await client.send(POST % (0, b""))
            assert len(await client.reader.read()) == 10_000_000

    run(story())
    assert caplog.records == []


def test_a_pending_request_learns_that_its_client_is_gone_though_others_are_queued_behind_it(run: Run) -> None:
    gone: asyncio.Queue[str] = asyncio.Queue()
    arrived = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await body_of(receive)
        arrived.set()
        gone.put_nowait((await receive())["type"])

    async def story() -> None:
        async with serving(app) as listener:
            reader, writer = await asyncio.open_connection(listener.host, listener.port)
            del reader
            writer.write(POST % (1, b"1") + POST % (1, b"2"))
            await arrived.wait()
            # Reading is paused while a request is queued: only a reset is noticed then.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            await listener.stop()
            assert await gone.get() == "http.disconnect"

    run(story())


WELL_FORMED = [
    POST % (2, b"{}"),
    b"GET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    POST % (40, b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + b"  "),
]


class Wire(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unsent = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.written += b"<abort>"

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written += b"<end>"

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@given(cuts=st.lists(st.integers(0, 200), max_size=6))
def test_however_the_bytes_are_cut_the_surplus_is_the_same(cuts: list[int]) -> None:
    data = WELL_FORMED[2] + WELL_FORMED[0] + b'\xe4\xb8\xad"}'
    taken: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await body_of(receive)
        taken.append(connection_in(scope).take_surplus())
        await answer_with(send, body)

    async def story() -> None:
        listener = Listener(app, open_socket("127.0.0.1", 0))
        await listener.start()
        connection = HttpConnection(listener._terms, 1, ("192.0.2.1", 1))
        wire = Wire()
        connection.connection_made(wire)
        start = 0
        for end in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
            connection.data_received(data[start:end])
            start = end
        while b"<end>" not in wire.written:
            await asyncio.sleep(0)
        assert wire.written.count(b"200 OK") == 2
        assert wire.written.endswith(b"{}<end>")
        connection.connection_lost(None)
        await listener.stop()

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(story())
    assert taken == [b"", b'\xe4\xb8\xad"}']


def test_a_last_answer_is_cut_only_when_its_reader_stalls(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer_with(send, await body_of(receive))

    async def story() -> None:
        async with serving(app) as listener:
            connection = HttpConnection(listener._terms, 1, ("192.0.2.1", 1))
            wire = Wire()
            connection.connection_made(wire)
            connection.data_received(POST % (2, b"{}") + b"surplus")
            while b"<end>" not in wire.written:
                await asyncio.sleep(0)
            for wire.unsent in (3000, 2000, 1000):
                connection.expire(connection.deadline)
                assert b"<abort>" not in wire.written
            connection.expire(connection.deadline)
            assert wire.written.endswith(b"<end><abort>")
            connection.connection_lost(None)

    run(story())


# Served together


class Counter:
    """Echoes whole requests, together with those that wait at the same time; any other one alone."""

    def __init__(self) -> None:
        self.together: list[list[bytes]] = []
        self.alone: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await body_of(receive)
        self.alone.append(body)
        await connection_in(scope).answer_with(body)

    def takes(self, request: HttpRequest) -> bool:
        return not (request.more_body or request.disconnected)

    def serve(self, requests: Sequence[HttpRequest], leave: ServeAlone) -> None:
        self.together.append([request.body for request in requests])
        for request in requests:
            if not self.open.is_set():
                leave(request, self._when_open)
            elif not connection_in(request.scope).answer(request.body):
                leave(request, self)

    async def _when_open(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.open.wait()
        await self(scope, receive, send)


@asynccontextmanager
async def wired(app: ASGIApp, count: int) -> AsyncIterator[list[tuple[HttpConnection, Wire]]]:
    """Connections that go nowhere."""
    async with serving(app) as listener:
        both = [(HttpConnection(listener._terms, number, ("192.0.2.1", number)), Wire()) for number in range(count)]
        for connection, wire in both:
            connection.connection_made(wire)
        yield both
        for connection, _ in both:
            if connection in connection.connections:
                connection.connection_lost(None)


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_requests_that_arrive_in_one_turn_are_served_together(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 3) as everybody:
            for number, (connection, _) in enumerate(everybody):
                connection.data_received(POST % (1, b"%d" % number))
            for number, (_, wire) in enumerate(everybody):
                await until(lambda wire=wire: wire.written)
                assert wire.written.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
                assert wire.written.endswith(b"\r\ncontent-length: 1\r\n\r\n%d" % number)
        assert (app.together, app.alone) == ([[b"0", b"1", b"2"]], [])

    run(story())


def test_a_body_in_several_reads_of_one_turn_is_whole(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 1) as [(connection, wire)]:
            for octet in POST % (2, b"{}"):
                connection.data_received(bytes([octet]))
            await until(lambda: wire.written)
        assert (app.together, app.alone) == ([[b"{}"]], [])

    run(story())


def test_a_body_that_takes_longer_holds_up_nobody(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 2) as [(slow, slow_wire), (quick, wire)]:
            slow.data_received((POST % (2, b"{}"))[:-1])
            quick.data_received(POST % (2, b"[]"))
            await until(lambda: wire.written)
            assert slow_wire.written == b""
            slow.data_received(b"}")
            await until(lambda: slow_wire.written)
        assert (app.together, app.alone) == ([[b"[]"], [b"{}"]], [])

    run(story())


def test_a_client_that_is_gone_before_its_turn_is_seen_as_gone(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 2) as [(gone, gone_wire), (other, wire)]:
            gone.data_received(POST % (2, b"{}"))
            other.data_received(POST % (2, b"[]"))
            gone.connection_lost(None)
            await until(lambda: wire.written and app.alone)
            assert gone_wire.written == b""
        assert (app.together, app.alone) == ([[b"[]"]], [b""])

    run(story())


def test_a_client_that_does_not_read_is_answered_once_it_does(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 2) as [(deaf, deaf_wire), (other, wire)]:
            deaf.pause_writing()
            deaf.data_received(POST % (2, b"{}"))
            other.data_received(POST % (2, b"[]"))
            await until(lambda: wire.written and app.alone)
            assert deaf_wire.written == b""
            assert deaf.answering
            deaf.resume_writing()
            await until(lambda: deaf_wire.written)
        assert app.together == [[b"{}", b"[]"]]

    run(story())


def test_a_client_that_does_not_read_and_leaves_is_not_waited_for(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 1) as [(deaf, wire)]:
            deaf.pause_writing()
            deaf.data_received(POST % (2, b"{}"))
            await until(lambda: app.together)
            deaf.connection_lost(None)
            await until(lambda: not deaf.tasks)
            assert (deaf.answer(b"anything"), wire.written) == (True, b"")

    run(story())


def test_pipelined_requests_are_served_one_turn_after_the_other(run: Run) -> None:
    app = Counter()

    async def story() -> None:
        async with wired(app, 2) as [(first, wire), (second, other_wire)]:
            first.data_received(POST % (1, b"1") + POST % (1, b"2") + POST % (1, b"3") + b"surplus")
            second.data_received(POST % (1, b"a") + POST % (1, b"b"))
            await until(lambda: b"<end>" in wire.written)
            answers = wire.written.split(b"HTTP/1.1 200 OK")[1:]
            assert [answer.split(b"\r\n\r\n")[1] for answer in answers] == [b"1", b"2", b"3<end>"]
            assert other_wire.written.endswith(b"b")
        assert app.together == [[b"1", b"a"], [b"2", b"b"], [b"3"]]

    run(story())


def test_a_stop_in_the_turn_in_which_requests_come_lets_them_have_their_answers(run: Run) -> None:
    app, wire = Counter(), Wire()

    async def story() -> None:
        async with serving(app) as listener:
            connection = HttpConnection(listener._terms, 1, ("192.0.2.1", 1))
            connection.connection_made(wire)
            connection.data_received(POST % (2, b"{}") + POST % (2, b"[]"))
            await listener.stop(timedelta(seconds=20))
            assert app.together == [[b"{}"], [b"[]"]]
            assert wire.written.count(b"HTTP/1.1 200 OK") == 2

    run(story())


def test_a_stop_lets_those_that_wait_together_have_their_answers(run: Run) -> None:
    app = Counter()
    app.open.clear()

    async def story() -> None:
        async with serving(app) as listener, client_of(listener) as one, client_of(listener) as other:
            await one.send(POST % (2, b"{}"))
            await other.send(POST % (2, b"[]"))
            await until(lambda: app.together)
            stopped = asyncio.ensure_future(listener.stop(timedelta(seconds=20)))
            await listener.stopping.wait()
            app.open.set()
            for client in (one, other):
                assert (await client.answer()).status == 200
                assert await client.ended()
            await stopped

    run(story())
