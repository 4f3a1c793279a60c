"""The HTTP client against real sockets: what goes out, which connection it goes out on, and how connections end."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

import pytest
from both_loops import Run

from cloudsms_simulator.net import http_client
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.http_client import (
    AnswerTimeoutError,
    ConnectError,
    ConnectionLostError,
    ConnectTimeoutError,
    HttpClient,
    addresses_of,
    connect_first,
    parse_url,
    post_head,
)
from cloudsms_simulator.net.http_parser import BadAnswerError, HttpAnswer
from cloudsms_simulator.net.tls import push_context, receiver_context

Serve = Callable[["Connection"], Awaitable[None]]

REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ANSWERED = HttpAnswer(200, b"{}")
REPEATED = HttpAnswer(200, b"{}", repeated=True)


@pytest.fixture
def run(run: Run) -> Run:
    """Likewise; a story of which the event loop has something to complain has failed."""

    def tell(story: Coroutine[None, None, None]) -> None:
        complaints: list[dict[str, object]] = []

        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
            await story

        run(watched())
        assert complaints == []

    return tell


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


class Contexts:
    """Of a server and of its client; both None without TLS."""

    def __init__(self, files: CertificateFiles | None) -> None:
        self.server: ssl.SSLContext | None = None
        self.client: ssl.SSLContext | None = None
        if files is not None:
            self.server = receiver_context(files, "required")
            self.client = push_context((files.platform_cert, files.platform_key), (files.ca,), system=False)


@pytest.fixture(params=["http", "https"])
def contexts(request: pytest.FixtureRequest, files: CertificateFiles) -> Contexts:
    """Without and with TLS."""
    return Contexts(files if request.param == "https" else None)


PLAIN = Contexts(None)


class Connection:
    """One connection of a server."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def read(self) -> None:
        """Reads one request."""
        assert await self.reader.readexactly(len(REQUEST)) == REQUEST

    async def say(self, data: bytes = OK) -> None:
        """Writes octets."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Ends the connection with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def ends(self) -> None:
        """Returns when the client has closed."""
        assert await self.reader.read() == b""


class Server:
    """A server that does with each connection what it is told; it knows how many there were, and of requests."""

    def __init__(self, serve: Serve, contexts: Contexts = PLAIN) -> None:
        self._serve = serve
        self._contexts = contexts
        self.connections = 0
        self.requests = 0
        self.failures: list[BaseException] = []

    async def __aenter__(self) -> "Server":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._contexts.server)
        scheme = "http" if self._contexts.server is None else "https"
        self.url = f"{scheme}://localhost:{self._server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for _ in range(5):  # turns of the loop, in which what was just accepted is served, or it would never be closed
            await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = Connection(self.connections, reader, writer)
        read = connection.read

        async def counted() -> None:
            await read()
            self.requests += 1

        connection.read = counted  # type: ignore[method-assign]
        try:
            await self._serve(connection)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


async def answering(connection: Connection) -> None:
    """Answers whatever comes."""
    while True:
        await connection.read()
        await connection.say()


@asynccontextmanager
async def client_of(server: Server, contexts: Contexts = PLAIN) -> AsyncIterator[Callable[..., Awaitable[HttpAnswer]]]:
    """Sends requests to a server; of the answer's TLS nothing is told."""
    http = HttpClient()

    async def send(within: float = 20, connect_within: float = 20) -> HttpAnswer:
        url = parse_url(server.url)
        answer = await http.exchange(url, REQUEST, contexts.client, within=within, connect_within=connect_within)
        assert (answer.tls is None) == (contexts.client is None)
        return HttpAnswer(answer.status, answer.body, answer.location, repeated=answer.repeated)

    try:
        yield send
    finally:
        await http.close()


# Requests


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("/dr%3Ax?sig=a%2Bb%3D%2F%40c", b"/dr%3Ax?sig=a%2Bb%3D%2F%40c"),
        ("/p%28q%29", b"/p%28q%29"),
        ("/x?", b"/x?"),
        ("/a/../b", b"/a/../b"),
        ("/a/./b//c", b"/a/./b//c"),
        ("?a=%zz", b"/?a=%zz"),
        ("/%7euser?a=%2f", b"/%7euser?a=%2f"),
        ("", b"/"),
        ("?", b"/?"),
        ("#there", b"/"),
        ("/x?y#there?no", b"/x?y"),
        ("/x?a=/b?c=//d", b"/x?a=/b?c=//d"),
        ("/\"<>[]^`{|}\\'*", b"/\"<>[]^`{|}\\'*"),
        ("/报告?状=态", b"/%E6%8A%A5%E5%91%8A?%E7%8A%B6=%E6%80%81"),
        ("/a b\x00", b"/a%20b%00"),
    ],
)
@pytest.mark.parametrize("before", ["http://localhost", "HTTPS://me:p%40ss@LocalHost:444", "http://[::1]:8080"])
def test_the_target_is_path_and_query_octet_for_octet(before: str, written: str, target: bytes) -> None:
    url = parse_url(before + written)
    assert url.target == target
    assert post_head(url).startswith(b"POST " + target + b" HTTP/1.1\r\nHost: ")


@pytest.mark.parametrize(
    ("written", "is_tls", "host", "port", "authority"),
    [
        ("http://localhost/", False, "localhost", 80, b"localhost"),
        ("http://localhost:80/", False, "localhost", 80, b"localhost"),
        ("http://localhost:443/", False, "localhost", 443, b"localhost:443"),
        ("https://localhost", True, "localhost", 443, b"localhost"),
        ("HTTPS://Localhost:59999", True, "localhost", 59999, b"localhost:59999"),
        ("https://[::1]:8443/", True, "::1", 8443, b"[::1]:8443"),
        ("http://me@localhost:1?x", False, "localhost", 1, b"localhost:1"),
        ("http://bücher.example:81/", False, "xn--bcher-kva.example", 81, b"xn--bcher-kva.example:81"),
    ],
)
def test_a_url_is_taken_apart(written: str, is_tls: bool, host: str, port: int, authority: bytes) -> None:
    url = parse_url(written)
    assert (url.is_tls, url.host, url.port, url.authority) == (is_tls, host, port, authority)


@pytest.mark.parametrize(
    "written",
    [
        "http://", "nonsense", "ftp://localhost/", "http://localhost:99999/", "http://localhost:x/", "http://[::1/",
        "http://a b/", "http://a\x00/", f"http://{'a' * 64}/", "/dr", "",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_url(written)


# Connections that stay open


def test_requests_that_follow_one_another_share_a_connection(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        async with Server(answering, contexts) as server, client_of(server, contexts) as send:
            assert [await send() for _ in range(5)] == [ANSWERED] * 5
            assert (server.connections, server.requests) == (1, 5)

    run(story())


def test_of_idle_connections_the_one_used_last_is_taken(run: Run) -> None:
    used: list[int] = []
    arrived = asyncio.Queue[int]()
    turns = {number: asyncio.Event() for number in (1, 2, 3)}

    async def serve(connection: Connection) -> None:
        await connection.read()
        arrived.put_nowait(connection.number)
        await turns[connection.number].wait()
        await connection.say()
        while True:
            await connection.read()
            used.append(connection.number)
            await connection.say()

    async def story() -> None:
        async with Server(serve) as server, client_of(server) as send:
            sent = []
            for _ in turns:
                sent.append(asyncio.ensure_future(send()))
                await arrived.get()
            for number in (2, 3, 1):
                turns[number].set()
                await sent[number - 1]
            for _ in range(3):
                await send()
            assert used == [1, 1, 1]

    run(story())


def test_connections_are_not_shared_by_tls_identities(run: Run, files: CertificateFiles) -> None:
    one, other = Contexts(files), Contexts(files)

    async def story() -> None:
        async with Server(answering, one) as server:
            http = HttpClient()
            url = parse_url(server.url)
            for context in (one.client, other.client, one.client):
                await http.exchange(url, REQUEST, context, within=20, connect_within=20)
            assert server.connections == 2
            await http.close()

    run(story())


@pytest.mark.parametrize(
    "answer",
    [
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"1.1", b"1.0"),
        OK + b"surplus",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_connection_of_which_the_answer_says_or_shows_that_it_is_used_up_is_closed(
    run: Run, contexts: Contexts, answer: bytes
) -> None:
    ended = asyncio.Queue[None]()

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(answer)
        await connection.ends()
        ended.put_nowait(None)

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            for _ in range(2):
                assert await send() == ANSWERED
                await ended.get()
            assert server.connections == 2

    run(story())


def test_octets_on_an_idle_connection_use_it_up(run: Run, contexts: Contexts) -> None:
    answered, ended = asyncio.Event(), asyncio.Event()

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say()
        if connection.number == 1:
            await answered.wait()
            await connection.say(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await connection.ends()
        ended.set()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send() == ANSWERED
            answered.set()
            await ended.wait()
            assert await send() == ANSWERED
            assert (server.connections, server.requests) == (2, 2)

    run(story())


def test_a_connection_that_is_idle_for_too_long_is_closed(
    run: Run, contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_IDLE_SECONDS", 0.02)
    ended = asyncio.Event()

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say()
        await connection.ends()
        ended.set()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send() == ANSWERED
            await ended.wait()

    run(story())


# Stale connections: the server closed one that is open and idle


@pytest.mark.parametrize("ending", ["closed", "reset"])
@pytest.mark.parametrize("when", ["within 1 ms", "at the next request"])
def test_a_request_on_a_connection_that_the_server_has_closed_is_sent_again_on_a_new_one(
    run: Run, contexts: Contexts, ending: str, when: str
) -> None:
    count = 100 if when == "within 1 ms" else 10

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say()
        if when == "within 1 ms":
            # Sooner and later than the next request comes, and at the same time.
            await asyncio.sleep(0.0001 * (connection.number % 11))
        else:
            await connection.reader.read(1)
        if ending == "reset":
            connection.reset()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            answers = [await send() for _ in range(count)]
            assert [each.status for each in answers] == [200] * count
            assert server.requests == count
            # The client need not have found out: one that it knew to be closed it did not use.
            assert not answers[0].repeated
            assert when == "within 1 ms" or all(each.repeated for each in answers[1:])

    run(story())


def test_of_many_idle_connections_that_were_closed_each_request_meets_one_at_most(run: Run) -> None:
    together = asyncio.Barrier(8)

    async def serve(connection: Connection) -> None:
        await connection.read()
        if connection.number <= 8:
            await together.wait()
        await connection.say()
        await connection.reader.read(1)

    async def story() -> None:
        async with Server(serve) as server, client_of(server) as send:
            assert await asyncio.gather(*(send() for _ in range(8))) == [ANSWERED] * 8
            assert await asyncio.gather(*(send() for _ in range(8))) == [REPEATED] * 8
            assert (server.connections, server.requests) == (16, 16)

    run(story())


def test_a_204_after_which_the_server_closes_is_no_failure_of_the_next_request(run: Run, contexts: Contexts) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            answers = [await send() for _ in range(20)]
            assert [(each.status, each.body) for each in answers] == [(204, b"")] * 20

    run(story())


def test_a_new_connection_that_ends_without_an_answer_is_a_failure_at_once(run: Run, contexts: Contexts) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            with pytest.raises(ConnectionLostError):
                await send()
            assert (server.connections, server.requests) == (1, 1)

    run(story())


def test_a_request_is_sent_again_once_and_no_more(run: Run, contexts: Contexts) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        if connection.number == 1:
            await connection.say()
            await connection.read()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send() == ANSWERED
            with pytest.raises(ConnectionLostError) as failure:
                await send()
            assert (server.connections, server.requests) == (2, 3)
            assert failure.value.repeated

    run(story())


@pytest.mark.parametrize("beginning", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_once_an_octet_of_the_answer_came_a_request_is_not_sent_again(
    run: Run, contexts: Contexts, beginning: bytes
) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say()
        await connection.read()
        await connection.say(beginning)

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send() == ANSWERED
            with pytest.raises(ConnectionLostError):
                await send()
            assert (server.connections, server.requests) == (1, 2)

    run(story())


def test_a_request_that_was_late_is_not_sent_again(run: Run, contexts: Contexts) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say()
        await connection.read()
        await connection.ends()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send() == ANSWERED
            with pytest.raises(AnswerTimeoutError):
                await send(within=0.1)
            assert (server.connections, server.requests) == (1, 2)

    run(story())


def test_a_server_that_is_gone_by_now_is_told_as_such(run: Run) -> None:
    closing = asyncio.Event()

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say()
        await closing.wait()

    async def story() -> None:
        server = Server(serve)
        async with client_of(server) as send:
            async with server:
                assert await send() == ANSWERED
            closing.set()
            with pytest.raises(ConnectError) as raised:
                await send()
            assert isinstance(raised.value.cause, ConnectionRefusedError)

    run(story())


# Answers


@pytest.mark.parametrize("ending", ["closed", "reset", "silent", "no HTTP"])
def test_once_the_status_is_known_nothing_fails(run: Run, contexts: Contexts, ending: str) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
        if ending == "no HTTP":
            await connection.say(b"zz\r\n")
        if ending == "reset":
            for _ in range(20):  # or the system throws away what was not read yet
                await asyncio.sleep(0)
            connection.reset()
        elif ending != "closed":
            await connection.ends()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send(within=0.5 if ending == "silent" else 20) == HttpAnswer(503, b"{}")

    run(story())


def test_an_answer_that_comes_before_the_request_is_read_counts(run: Run, contexts: Contexts) -> None:
    async def serve(connection: Connection) -> None:
        await connection.say(b"HTTP/1.1 503 Full\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await connection.reader.read()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            assert await send() == HttpAnswer(503, b"")

    run(story())


def test_a_server_that_ends_its_side_with_its_answer_is_heard(run: Run) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(b"HTTP/1.1 200 OK\r\n\r\n{}")
        connection.writer.write_eof()
        await connection.ends()

    async def story() -> None:
        async with Server(serve) as server, client_of(server) as send:
            assert [await send() for _ in range(3)] == [ANSWERED] * 3

    run(story())


def test_a_head_without_end_is_no_answer(run: Run, contexts: Contexts) -> None:
    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            await connection.say(b"x" * 10_000)

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            with pytest.raises(BadAnswerError, match=r"longer than 64 KiB"):
                await send()

    run(story())


def test_who_gives_up_waiting_closes_the_connection(run: Run, contexts: Contexts) -> None:
    reached, ended = asyncio.Event(), asyncio.Event()

    async def serve(connection: Connection) -> None:
        await connection.read()
        reached.set()
        try:
            await connection.ends()
        finally:
            ended.set()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            waiting = asyncio.ensure_future(send())
            await reached.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await ended.wait()

    run(story())


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\nX: y", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"]
)
def test_a_connection_on_which_the_rest_of_an_answer_is_late_is_closed(
    run: Run, contexts: Contexts, beginning: bytes
) -> None:
    ended = asyncio.Event()

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(beginning)
        try:
            await connection.ends()
        finally:
            ended.set()

    async def story() -> None:
        async with Server(serve, contexts) as server, client_of(server, contexts) as send:
            if beginning.endswith(b"{}"):
                assert await send(within=0.1) == ANSWERED
            else:
                with pytest.raises(AnswerTimeoutError):
                    await send(within=0.1)
            await ended.wait()

    run(story())


def test_a_connection_of_ones_own_is_closed_in_order_when_it_is_left(
    run: Run, contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_CLOSING_SECONDS", 100_000.0)
    came = asyncio.Queue[bytes]()

    async def serve(connection: Connection) -> None:
        came.put_nowait(await connection.reader.read())

    async def story() -> None:
        async with Server(serve, contexts) as server:
            http = HttpClient()
            async with http.connection(
                parse_url(server.url), contexts.client, within=20, connect_within=20
            ) as connection:
                connection.write(REQUEST)
            assert await came.get() == REQUEST
            await http.close()

    run(story())


@pytest.mark.parametrize("patient", [True, False])
def test_what_was_written_goes_out_before_a_connection_ends_if_the_server_takes_it_in_time(
    run: Run, patient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "_CLOSING_SECONDS", 100_000.0 if patient else 0.01)
    request = REQUEST + bytes(16 * 1024 * 1024)
    octets_sent = len(request)
    reading, taken = asyncio.Event(), asyncio.Queue[int]()

    async def serve(connection: Connection) -> None:
        await connection.read()
        await connection.say(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await reading.wait()
        octets = len(REQUEST)
        with suppress(OSError):
            while piece := await connection.reader.read(1024 * 1024):
                octets += len(piece)
        taken.put_nowait(octets)

    class Later:
        moment = 0.0

        def expire(self) -> None:
            reading.set()

    async def story() -> None:
        async with Server(serve) as server:
            http = HttpClient()
            answer = await http.exchange(parse_url(server.url), request, None, within=60, connect_within=60)
            assert answer.status == 413
            if patient:
                reading.set()
            else:  # behind the deadline of the connection
                http.deadlines.watch(Later(), asyncio.get_running_loop().time() + 0.01)
            assert (await taken.get() == octets_sent) == patient
            await http.close()

    run(story())


def test_a_connection_that_is_closed_says_so_in_tls(run: Run, files: CertificateFiles) -> None:
    contexts = Contexts(files)

    def serve(listening: socket.socket) -> bytes:
        assert contexts.server is not None
        sock = listening.accept()[0]
        with contexts.server.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as secured:
            secured.recv(len(REQUEST))
            secured.sendall(OK)
            return secured.recv(1)

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            serving = asyncio.create_task(asyncio.to_thread(serve, listening))
            http, url = HttpClient(), parse_url(f"https://localhost:{listening.getsockname()[1]}/")
            await http.exchange(url, REQUEST, contexts.client, within=20, connect_within=20)
            await http.close()
            assert await serving == b""

    run(story())


def test_what_was_written_goes_out_before_a_connection_is_reset(run: Run) -> None:
    half = 16 * 1024 * 1024
    request = REQUEST + bytes(2 * half)

    class Receiving(asyncio.Protocol):
        octets = 0

        def data_received(self, data: bytes) -> None:
            self.octets += len(data)

        def connection_lost(self, exc: Exception | None) -> None:
            ended.put_nowait((self.octets, type(exc)))

    async def story() -> None:
        async with await asyncio.get_running_loop().create_server(Receiving, "127.0.0.1", 0) as server:
            http, url = HttpClient(), parse_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            async with http.connection(url, None, within=60, connect_within=60) as connection:
                connection.write(request)
                await connection.reset()
            octets, error = await ended.get()
            # What the system still held for the connection is lost with it.
            assert octets > half
            assert error is ConnectionResetError

    ended = asyncio.Queue[tuple[int, type]]()
    run(story())


def test_closing_ends_every_connection_whatever_it_waits_for(run: Run, contexts: Contexts) -> None:
    ended = asyncio.Queue[int]()

    async def serve(connection: Connection) -> None:
        try:
            await connection.read()
            await connection.say()
            await connection.read()
            await connection.ends()
        finally:
            ended.put_nowait(connection.number)

    async def story() -> None:
        async with Server(serve, contexts) as server:
            http, url = HttpClient(), parse_url(server.url)

            def send() -> Awaitable[HttpAnswer]:
                return http.exchange(url, REQUEST, contexts.client, within=20, connect_within=20)

            await asyncio.gather(send(), send())
            waiting = asyncio.ensure_future(send())
            await asyncio.sleep(0)
            await http.close()
            with pytest.raises(ConnectionLostError):
                await waiting
            assert {await ended.get(), await ended.get()} == {1, 2}

    run(story())


# Connecting


@pytest.fixture
def silent() -> socket.socket:
    """A socket that is listening and takes no connection."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield full
        for each in waiting:
            each.close()


def refused() -> tuple[str, int]:
    """An address where nothing listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()


def test_an_address_that_is_silent_or_refuses_does_not_keep_the_next_one_from_answering(
    run: Run, silent: socket.socket
) -> None:
    async def story() -> None:
        async with Server(answering) as server:
            good = ("127.0.0.1", parse_url(server.url).port)
            for bad in (silent.getsockname(), refused()):
                begun = asyncio.get_running_loop().time()
                with await connect_first([(socket.AF_INET, bad), (socket.AF_INET, good)]) as sock:
                    assert sock.getpeername() == good
                took = asyncio.get_running_loop().time() - begun
                assert took >= (0.24 if bad == silent.getsockname() else 0)

    run(story())


def test_where_every_address_fails_that_one_refused_is_told(run: Run) -> None:
    unreachable = (socket.AF_INET6, ("127.0.0.1", 1))  # of another family, so that connecting fails at once

    async def story() -> None:
        with pytest.raises(ConnectionRefusedError):
            await connect_first([unreachable, (socket.AF_INET, refused())])
        with pytest.raises(OSError, match=r"."):
            await connect_first([unreachable])

    run(story())


def test_the_families_of_addresses_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    four = [(socket.AF_INET, 1, 6, "", (f"192.0.2.{last}", 80)) for last in (1, 2, 3)]
    six = [(socket.AF_INET6, 1, 6, "", (f"2001:db8::{last}", 80, 0, 0)) for last in (1, 2)]

    async def story() -> None:
        async def found(*_asked: object, **_how: object) -> list[object]:
            return [*six, *four, *four]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        addresses = await addresses_of("name.example", 80)
        hosts = [address[0] for _, address in addresses]
        assert hosts == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"]

    asyncio.run(story())


def test_for_an_address_nobody_is_asked(run: Run) -> None:
    async def story() -> None:
        assert await addresses_of("127.0.0.1", 80) == [(socket.AF_INET, ("127.0.0.1", 80))]
        assert await addresses_of("::1", 80) == [(socket.AF_INET6, ("::1", 80, 0, 0))]

    run(story())


def test_connecting_has_a_limit_of_its_own(run: Run, silent: socket.socket) -> None:
    url = parse_url(f"http://127.0.0.1:{silent.getsockname()[1]}/")

    async def story() -> None:
        http = HttpClient()
        with pytest.raises(ConnectTimeoutError) as raised:
            await http.exchange(url, REQUEST, None, within=20, connect_within=0.05)
        assert raised.value.seconds == 0.05
        with pytest.raises(AnswerTimeoutError):
            await http.exchange(url, REQUEST, None, within=0.05, connect_within=20)
        await http.close()

    run(story())


def test_a_handshake_that_does_not_end_is_no_connection(run: Run, files: CertificateFiles) -> None:
    context = Contexts(files).client

    async def story() -> None:
        async def mute(connection: Connection) -> None:
            await connection.reader.read()

        async with Server(mute) as server:
            http = HttpClient()
            url = parse_url(server.url.replace("http:", "https:"))
            with pytest.raises(ConnectTimeoutError):
                await http.exchange(url, REQUEST, context, within=20, connect_within=0.1)
            await http.close()

    run(story())
