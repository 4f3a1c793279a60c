"""Listeners over real sockets and real TLS, on both event loops."""

import asyncio
import concurrent.futures
import contextlib
import errno
import itertools
import logging
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
import trustme
from both_loops import Run
from freezegun import freeze_time
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudsms_simulator.net.http_connection import ConnectionObserver, HttpConnection, RemoteAddress
from cloudsms_simulator.net.listener import ACCEPT_RETRY_SECONDS, Listener
from cloudsms_simulator.net.sockets import open_socket

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LONG = timedelta(minutes=1)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    ca.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def mutual_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def client_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(context)
    return context


class Seen(ConnectionObserver):
    """What the observer was told of connections that never came to a request."""

    def __init__(self) -> None:
        self.refused: asyncio.Queue[tuple[RemoteAddress, OSError]] = asyncio.Queue()
        self.closed: asyncio.Queue[RemoteAddress] = asyncio.Queue()

    def on_refused(self, peer: RemoteAddress, error: OSError) -> None:
        self.refused.put_nowait((peer, error))

    def on_closed(self, peer: RemoteAddress) -> None:
        self.closed.put_nowait(peer)


class Crowded(socket.socket):
    """A listening socket whose first `accept` fails."""

    failure: OSError | None = None

    def __init__(self, fileno: int) -> None:
        super().__init__(fileno=fileno)
        self.accepted_at: list[float] = []

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        self.accepted_at.append(time.monotonic())
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return super().accept()


class Held:
    """An application whose answers wait for `open`, and come in two parts."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"ha", "more_body": True})
        self.arrived.set()
        await self.open.wait()
        await send({"type": "http.response.body", "body": b"lf"})


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """An endless stream that takes no notice of anything."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"event\n", "more_body": True})
    await asyncio.Event().wait()


@asynccontextmanager
async def serving(
    app: ASGIApp,
    *,
    tls: ssl.SSLContext | None = None,
    observer: ConnectionObserver | None = None,
    admits: Callable[[str], bool] | None = None,
    sock: socket.socket | None = None,
) -> AsyncIterator[Listener]:
    listener = Listener(
        app, open_socket("127.0.0.1", 0) if sock is None else sock, tls=tls, observer=observer, admits=admits
    )
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def connected(
    listener: Listener, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(listener.host, listener.port, ssl=tls)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The body of the answer to a GET."""
    writer.write(GET)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return await reader.readexactly(length)


def address_of(writer: asyncio.StreamWriter) -> RemoteAddress:
    host, port = writer.get_extra_info("sockname")[:2]
    return host, port


def test_several_listeners_run_in_one_loop_and_share_their_connection_ids(run: Run) -> None:
    def telling(name: bytes) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            connection = scope["extensions"]["sim.connection"]
            assert isinstance(connection, HttpConnection)
            body = b"%b %d" % (name, connection.id)
            length = str(len(body)).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
            await send({"type": "http.response.body", "body": body})

        return app

    async def story() -> None:
        ids = itertools.count(7)
        listeners = [Listener(telling(n), open_socket("127.0.0.1", 0), connection_ids=ids) for n in (b"api", b"admin")]
        for listener in listeners:
            await listener.start()
        for listener, expected in zip(listeners, (b"api 7", b"admin 8"), strict=True):
            async with connected(listener) as (reader, writer):
                assert await get(reader, writer) == expected
        for listener in listeners:
            await listener.stop()

    run(story())


def test_a_listener_can_be_stopped_from_another_thread(run: Run) -> None:
    async def story() -> None:
        async with serving(hello) as listener:
            loop = asyncio.get_running_loop()
            done: concurrent.futures.Future[None] = concurrent.futures.Future()

            def elsewhere() -> None:
                asyncio.run_coroutine_threadsafe(listener.stop(), loop).result(30)
                done.set_result(None)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            await asyncio.wrap_future(done)
            thread.join()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(listener.host, listener.port)

    run(story())


def test_a_thousand_clients_are_served_at_the_same_time(run: Run) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        if hard != resource.RLIM_INFINITY and hard < 4096:
            pytest.skip("the system does not allow that many open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    held = Held()

    async def story() -> None:
        async with serving(held) as listener:
            clients = await asyncio.gather(
                *(asyncio.open_connection(listener.host, listener.port) for _ in range(1000))
            )
            answers = [asyncio.create_task(get(reader, writer)) for reader, writer in clients]
            while listener.connections < 1000:
                await asyncio.sleep(0)
            held.open.set()
            assert await asyncio.gather(*answers) == [b"half"] * 1000
            for _, writer in clients:
                writer.transport.abort()

    run(story())


def test_answers_are_sent_without_delay_and_dated_but_do_not_advertise_the_server(run: Run) -> None:
    nodelay: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        sock = scope["extensions"]["sim.connection"].transport.get_extra_info("socket")
        nodelay.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await hello(scope, receive, send)

    async def story() -> None:
        async with serving(app) as listener, connected(listener) as (reader, writer):
            writer.write(GET)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            lines = dict(line.split(": ", 1) for line in head.rstrip().split("\r\n")[1:])
            assert lines.keys() == {"date", "content-length"}
            assert abs(parsedate_to_datetime(lines["date"]) - datetime.now(UTC)) < LONG
            assert nodelay[0] != 0

    run(story())


def test_a_listener_works_while_time_is_frozen(run: Run) -> None:
    async def story() -> None:
        with freeze_time(datetime(2021, 1, 1)):  # noqa: DTZ001
            listener = Listener(hello, open_socket("127.0.0.1", 0), keep_alive=timedelta(milliseconds=20))
            await listener.start()
            async with connected(listener) as (reader, writer):
                assert await get(reader, writer) == b"hello"
                assert await reader.read() == b""
            await listener.stop()

    run(story())


def test_logging_and_signals_of_the_process_are_left_alone(run: Run) -> None:
    access, error = logging.getLogger("uvicorn.access"), logging.getLogger("uvicorn.error")
    before = [(each.level, each.propagate, each.handlers[:]) for each in (access, error)]

    async def story() -> None:
        async with serving(hello) as listener, connected(listener) as (reader, writer):
            assert await get(reader, writer) == b"hello"

    run(story())
    assert [(each.level, each.propagate, each.handlers[:]) for each in (access, error)] == before


# TLS


def test_the_application_finds_the_facts_of_tls(
    run: Run, ca: trustme.CA, mutual_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    ca.issue_cert("customer@example.org").configure_cert(client_tls)
    found: list[tuple[object, object]] = []

    def facts(tls: ssl.SSLObject) -> tuple[str | None, bool]:
        return tls.version(), bool(tls.getpeercert())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append((scope["extensions"]["tls"], scope["extensions"]["sim.connection"].tls))
        await hello(scope, receive, send)

    async def story() -> None:
        listener = Listener(app, open_socket("127.0.0.1", 0), tls=mutual_tls, tls_facts=facts)
        await listener.start()
        async with connected(listener, client_tls) as (reader, writer):
            assert await get(reader, writer) == b"hello"
        await listener.stop()
        assert found == [(("TLSv1.3", True), ("TLSv1.3", True))]

    run(story())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_without_a_certificate_is_refused_and_told_with_its_address(
    run: Run, mutual_tls: ssl.SSLContext, client_tls: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    client_tls.maximum_version = version
    seen = Seen()

    async def story() -> None:
        async with serving(hello, tls=mutual_tls, observer=seen) as listener:
            sock = socket.socket()
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (listener.host, listener.port))
            address = sock.getsockname()
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection(sock=sock, ssl=client_tls, server_hostname=listener.host)
                await get(reader, writer)
            peer, error = await seen.refused.get()
            assert peer == address
            assert isinstance(error, ssl.SSLError)
            assert error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE"

    run(story())


def test_a_client_certificate_of_a_stranger_is_refused_with_the_reason(
    run: Run, mutual_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    trustme.CA().issue_cert("stranger@example.org").configure_cert(client_tls)
    seen = Seen()

    async def story() -> None:
        async with serving(hello, tls=mutual_tls, observer=seen) as listener:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with connected(listener, client_tls) as (reader, writer):
                    await get(reader, writer)
            _, error = await seen.refused.get()
            assert isinstance(error, ssl.SSLCertVerificationError)
            assert error.verify_message

    run(story())


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(GET, "HTTP_REQUEST"), (b"\x00garbage\r\n\r\n", None), (b"\x16\x03\x01", None), (b"", None)],
    ids=["plain HTTP", "garbage", "cut short", "nothing"],
)
def test_what_is_no_handshake_is_refused_and_told_with_its_address(
    run: Run, server_tls: ssl.SSLContext, sent: bytes, reason: str | None
) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(hello, tls=server_tls, observer=seen) as listener:
            async with connected(listener) as (_, writer):
                writer.write(sent)
                writer.write_eof()
                peer, error = await seen.refused.get()
                assert peer == address_of(writer)
            if reason is not None:
                assert isinstance(error, ssl.SSLError)
                assert error.reason == reason
            assert listener.connections == 0

    run(story())


def test_surplus_over_tls_does_not_pre_empt_the_answer(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    told: list[bytes] = []

    class Surplus(ConnectionObserver):
        def on_surplus(self, connection: HttpConnection, surplus: bytes) -> None:
            told.append(surplus)

    async def story() -> None:
        async with (
            serving(hello, tls=server_tls, observer=Surplus()) as listener,
            connected(listener, client_tls) as (reader, writer),
        ):
            writer.write(GET + b'"}')
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in answer
            assert answer.endswith(b"hello")
        assert told == [b'"}']

    run(story())


def test_a_reset_over_tls_is_a_lost_connection(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        scope["extensions"]["sim.connection"].reset()
        assert (await receive())["type"] == "http.disconnect"

    async def story() -> None:
        async with serving(app, tls=server_tls) as listener, connected(listener, client_tls) as (reader, writer):
            writer.write(GET)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""

    run(story())


# Who may connect, and crowds


def test_an_address_that_is_not_admitted_is_closed_before_tls(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    seen = Seen()
    admitted = iter([False, True])
    asked: list[str] = []

    def admits(host: str) -> bool:
        asked.append(host)
        return next(admitted)

    async def story() -> None:
        async with serving(hello, tls=server_tls, observer=seen, admits=admits) as listener:
            async with connected(listener) as (reader, writer):
                assert await reader.read() == b""
                assert await seen.closed.get() == address_of(writer)
            assert seen.refused.empty()
            async with connected(listener, client_tls) as (reader, writer):
                assert await get(reader, writer) == b"hello"
        assert asked == ["127.0.0.1", "127.0.0.1"]

    run(story())


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ECONNABORTED])
def test_accepting_goes_on_after_the_system_ran_out_of_something(
    run: Run, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        plain = open_socket("127.0.0.1", 0)
        sock = Crowded(fileno=plain.detach())
        sock.failure = OSError(number, "out of luck")
        async with serving(hello, sock=sock) as listener, connected(listener) as (reader, writer):
            assert await get(reader, writer) == b"hello"
            assert sock.failure is None
            if number != errno.ECONNABORTED:
                assert sock.accepted_at[1] - sock.accepted_at[0] >= 0.9 * ACCEPT_RETRY_SECONDS, (
                    "it does not spin meanwhile"
                )

    run(story())
    assert ("cannot accept a connection" in caplog.text) == (number != errno.ECONNABORTED)


def test_an_observer_that_fails_does_not_end_the_listener(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([RuntimeError("a bug"), True])

    def admits(host: str) -> bool:
        answer = next(answers)
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    async def story() -> None:
        async with serving(hello, admits=admits) as listener:
            async with connected(listener) as (reader, _):
                assert await reader.read() == b""
            async with connected(listener) as (reader, writer):
                assert await get(reader, writer) == b"hello"

    run(story())
    assert "a connection could not be served" in caplog.text
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == ["a bug"]


def test_an_observer_that_fails_does_not_stop_the_clock_of_the_others(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    class Faulty(ConnectionObserver):
        def on_head_timeout(self, connection: HttpConnection, excerpt: bytes) -> None:
            raise RuntimeError("a bug")

    async def story() -> None:
        sock = open_socket("127.0.0.1", 0)
        listener = Listener(hello, sock, observer=Faulty(), head_timeout=timedelta(milliseconds=20))
        await listener.start()
        failures = []
        for _ in range(2):
            async with connected(listener):
                while "could not be closed in time" not in caplog.text:
                    await asyncio.sleep(0)
            failures.append([str(record.exc_info[1]) for record in caplog.records if record.exc_info])
            caplog.clear()
        await listener.stop()
        assert all(failure and set(failure) == {"a bug"} for failure in failures)
        assert len(failures) == 2

    run(story())


def test_an_ipv4_peer_of_a_listener_for_both_kinds_is_written_as_ipv4(run: Run) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    seen = Seen()

    async def story() -> None:
        listener = Listener(hello, open_socket("::", 0), observer=seen, admits=lambda host: False)
        await listener.start()
        for host in ("127.0.0.1", "::1"):
            reader, writer = await asyncio.open_connection(host, listener.port)
            assert await reader.read() == b""
            assert await seen.closed.get() == address_of(writer)
            writer.transport.abort()
        await listener.stop()

    run(story())


# Stopping


def silent_tls_client(listener: Listener, tls: ssl.SSLContext) -> ssl.SSLSocket:
    """A client that completes the handshake and then neither reads nor writes."""
    plain = socket.create_connection((listener.host, listener.port), timeout=20)
    return tls.wrap_socket(plain, server_hostname=listener.host)


def test_a_stop_ends_open_streams_and_idle_tls_connections(
    run: Run, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with serving(stream, tls=server_tls) as listener, connected(listener, client_tls) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"event\n")
            idle = await asyncio.to_thread(silent_tls_client, listener, client_tls)
            while listener.connections < 2:
                await asyncio.sleep(0)
            await listener.stop()
            assert listener.connections == 0
            assert b"event" not in await reader.read()
            idle.close()
        assert [task for task in asyncio.all_tasks() if "run_asgi" in repr(task)] == []

    run(story())
    assert caplog.messages == []


def test_a_stop_ends_handshakes_that_are_under_way(run: Run, server_tls: ssl.SSLContext) -> None:
    seen = Seen()

    async def story() -> None:
        async with serving(hello, tls=server_tls, observer=seen) as listener, connected(listener) as (reader, writer):
            writer.write(b"\x16\x03\x01")
            while not listener._welcoming:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            await listener.stop()
            assert await reader.read() == b""

    run(story())


def test_who_is_accepted_as_a_stop_comes_is_let_go(run: Run) -> None:
    async def story() -> None:
        async with serving(hello) as listener:
            with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as knocking:
                await listener.stop()
                with contextlib.suppress(ConnectionResetError):
                    assert await asyncio.to_thread(knocking.recv, 1) == b""

    run(story())


def test_a_stream_that_heeds_the_stop_ends_properly(run: Run) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"event\n", "more_body": True})
        await scope["extensions"]["sim.connection"].stopping.wait()
        await send({"type": "http.response.body", "body": b"bye\n"})

    async def story() -> None:
        async with serving(app) as listener, connected(listener) as (reader, writer):
            writer.write(GET)
            await reader.readuntil(b"event\n")
            assert not listener.stopping.is_set()
            await listener.stop()
            assert (await reader.read()).endswith(b"4\r\nbye\n\r\n0\r\n\r\n")

    run(story())


def test_a_graceful_stop_lets_requests_finish_and_closes_what_is_idle(run: Run) -> None:
    held = Held()

    async def story() -> None:
        async with serving(held) as listener, connected(listener) as busy, connected(listener) as idle:
            answer = asyncio.create_task(get(*busy))
            await held.arrived.wait()
            stopping = asyncio.create_task(listener.stop(LONG))
            assert await idle[0].read() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(listener.host, listener.port)
            assert not stopping.done()
            held.open.set()
            assert await answer == b"half"
            assert await busy[0].read() == b""
            await stopping

    run(story())


def test_a_graceful_stop_waits_until_a_long_answer_was_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsms_simulator.net.listener.SETTLE_SECONDS", 0.0)
    size = 20_000_000
    answered = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        length = str(size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"x" * size})
        answered.set()

    async def story() -> None:
        async with serving(app) as listener, connected(listener) as (reader, writer):
            writer.write(GET)
            await answered.wait()
            stopping = asyncio.create_task(listener.stop(LONG))
            await reader.readuntil(b"\r\n\r\n")
            assert len(await reader.readexactly(size)) == size
            await stopping

    run(story())


def test_a_second_stop_hurries_the_first(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    held = Held()

    async def story() -> None:
        async with serving(held) as listener, connected(listener) as (reader, writer):
            writer.write(GET)
            await held.arrived.wait()
            first = asyncio.create_task(listener.stop(timedelta(hours=1)))
            await listener.stopping.wait()
            await listener.stop()
            await first
            assert (await reader.read()).endswith(b"ha")

    run(story())
    assert caplog.messages == []


def test_a_request_that_will_not_be_cancelled_does_not_hold_up_the_stop(run: Run) -> None:
    arrived = asyncio.Event()
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def story() -> None:
        async with serving(app) as listener, connected(listener) as (reader, writer):
            writer.write(GET)
            await arrived.wait()
            await listener.stop()
            assert await reader.read() == b""
            release.set()

    run(story())


def test_a_listener_that_had_no_connection_stops(run: Run) -> None:
    async def story() -> None:
        async with serving(hello) as listener:
            assert listener.connections == 0
            await listener.stop(LONG)
            await listener.stop()

    run(story())


def test_a_listener_that_never_started_gives_its_port_back(run: Run) -> None:
    async def story() -> None:
        listener = Listener(hello, open_socket("127.0.0.1", 0))
        await listener.stop()
        with open_socket("127.0.0.1", listener.port) as again:
            assert again.getsockname()[1] == listener.port

    run(story())
