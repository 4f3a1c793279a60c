"""Connections on which pushes are written piece by piece: what is sent, what comes back, what can go wrong.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12, R22.
"""

import asyncio
import contextlib
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from both_loops import Run, unheeded

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.http_client import ClientConnection, HttpClient, content_length, parse_url, post_head
from cloudsms_simulator.net.http_parser import HttpClientError
from cloudsms_simulator.net.tls import push_context, receiver_context
from cloudsms_simulator.push.failures import FIREWALL, MORE_TIME, PushTarget

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BODY = '{"METHOD":"SMS_PUSH_REPORT","名":1}'.encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def run(run: Run) -> Run:
    """Likewise; the servers here do to their connections what event loops complain of."""
    return lambda story: run(unheeded(story))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def context(files: CertificateFiles) -> ssl.SSLContext:
    """Of the platform, which trusts nobody but our authority."""
    return push_context((files.platform_cert, files.platform_key), (files.ca,), system=False)


class Customer:
    """A server that reads one push and does one thing then; it remembers the heads and the bodies."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._serve = serve
        self._tls = tls
        self._host = host
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.closed = asyncio.Event()

    async def __aenter__(self) -> "Customer":
        self._server = await asyncio.start_server(self._connected, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http{'s' if self._tls else ''}://localhost:{self.port}/dr?a=b"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for _ in range(5):  # turns of the loop, in which what was just accepted is served, or it would never be closed
            await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            self.bodies.append(await reader.readexactly(len(BODY)))
            await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self.closed.set()


def saying(*pieces: bytes) -> Serve:
    """Answers with bytes, each piece by itself, and hangs up."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            # Some turns of the loop, in which the other side reads what came: pieces must not arrive as one.
            for _ in range(20):
                await asyncio.sleep(0)

    return serve


async def never(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def post(url: str, context: ssl.SSLContext | None = None, **how: timedelta) -> PushResult:
    """What came of a push that is written as it should be."""
    callback, http = Callback(url=url, **how), HttpClient()
    try:
        async with opened(http, callback, context) as connection:
            connection.write(BODY)
            answer = await connection.answer()
            return PushResult(answer.status, answer.body, tls=answer.tls)
    except ValueError as error:
        return PushResult(failure="push-failed", error=str(error))
    except HttpClientError as error:
        return PushTarget(url, callback, "default", Path("certs")).unanswered(error)
    finally:
        await http.close()


@contextlib.asynccontextmanager
async def opened(
    http: HttpClient, callback: Callback, context: ssl.SSLContext | None = None
) -> AsyncIterator[ClientConnection]:
    """A connection on which the head of a push was written."""
    url = parse_url(callback.url or "")
    async with http.connection(
        url,
        context,
        within=callback.timeout.total_seconds(),
        connect_within=callback.connect_timeout.total_seconds(),
    ) as connection:
        head = post_head(url, b"Content-Type: application/json", b"Connection: close")
        connection.write(head + content_length(len(BODY)))
        yield connection


# What is sent


def test_a_push_has_the_headers_it_needs_and_one_that_says_it_is_alone(run: Run) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            assert await post(customer.url) == PushResult(200, b"{}")
            assert customer.heads == [
                b"POST /dr?a=b HTTP/1.1\r\n"
                b"Host: localhost:%d\r\n"
                b"Content-Type: application/json\r\n"
                b"Connection: close\r\n"
                b"Content-Length: %d\r\n\r\n" % (customer.port, len(BODY))
            ]
            assert customer.bodies == [BODY]

    run(story())


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("", b"/"),
        ("?a=1", b"/?a=1"),
        ("/a/b;c?x=1&y=%20#there", b"/a/b;c?x=1&y=%20"),
        ("/报告?状=态", b"/%E6%8A%A5%E5%91%8A?%E7%8A%B6=%E6%80%81"),
    ],
)
def test_the_target_is_the_urls_path_and_query(run: Run, written: str, target: bytes) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            assert (await post(f"http://127.0.0.1:{customer.port}{written}")).status == 200
            assert customer.heads[0].startswith(b"POST " + target + b" HTTP/1.1\r\nHost: 127.0.0.1:")

    run(story())


def test_user_and_password_of_the_url_are_sent_as_credentials(run: Run) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            assert (await post(f"http://me:p%40ss@localhost:{customer.port}/")).status == 200
            assert b"\r\nAuthorization: Basic " + b64encode(b"me:p@ss") + b"\r\n" in customer.heads[0]
            assert b"Host: localhost:" in customer.heads[0]

    run(story())


def test_a_server_on_ipv6_is_reached_and_named_in_brackets(run: Run) -> None:
    async def story() -> None:
        try:
            async with Customer(saying(OK), host="::1") as customer:
                assert (await post(f"http://[::1]:{customer.port}/")).status == 200
                assert b"\r\nHost: [::1]:%d\r\n" % customer.port in customer.heads[0]
        except OSError:
            pytest.skip("this machine has no IPv6")

    run(story())


# What comes back


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\n", b'Content-Length: 9\r\n\r\n{"A"', b":123}"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n", b'{"A"\r\n5\r\n:123}\r\n0\r\n\r\n'),
        (b'HTTP/1.0 200 OK\r\n\r\n{"A"', b":123}"),
    ],
    ids=["length", "chunks", "until it hangs up"],
)
def test_an_answer_is_put_together(
    run: Run, files: CertificateFiles, context: ssl.SSLContext, tls: bool, pieces: tuple[bytes, ...]
) -> None:
    async def story() -> None:
        async with Customer(saying(*pieces), receiver_context(files, "required") if tls else None) as customer:
            result = await post(customer.url, context if tls else None)
            assert (result.status, result.body) == (200, b'{"A":123}')
            assert (result.tls is not None and result.tls.version == "TLSv1.3") is tls

    run(story())


@pytest.mark.parametrize("ending", ["hangs up", "is silent"])
def test_an_answer_that_breaks_off_after_its_status_has_that_status(run: Run, ending: str) -> None:
    half = b'HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n{"METHOD":'

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(half)
        await reader.read()

    async def story() -> None:
        async with Customer(saying(half) if ending == "hangs up" else silent) as customer:
            result = await post(customer.url, timeout=timedelta(seconds=0.2 if ending == "is silent" else 5))
            assert result == PushResult(503, b'{"METHOD":')

    run(story())


# What goes wrong


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"nonsense\r\n\r\n"], ids=["none", "half a head", "no HTTP"])
def test_a_connection_that_breaks_before_a_status_is_a_failure(run: Run, answer: bytes) -> None:
    async def story() -> None:
        async with Customer(saying(answer)) as customer:
            result = await post(customer.url)
            assert (result.status, result.failure) == (None, "push-failed")
            assert result.error

    run(story())


def test_no_answer_in_time_is_a_timeout(run: Run) -> None:
    async def story() -> None:
        async with Customer(never) as customer:
            result = await post(customer.url, timeout=timedelta(milliseconds=500))
            assert result == PushResult(failure="push-timeout", error="no answer within 0.5 s", remedy=MORE_TIME)

    run(story())


def test_no_connection_in_time_is_a_timeout_that_says_so(run: Run) -> None:
    async def story() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            result = await post(f"http://127.0.0.1:{address[1]}/", connect_timeout=timedelta(milliseconds=50))
            for each in waiting:
                each.close()
        assert result == PushResult(failure="push-timeout", error="no connection within 0.05 s", remedy=FIREWALL)

    run(story())


def test_nobody_listening_is_refused(run: Run) -> None:
    async def story() -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            result = await post(f"http://127.0.0.1:{port}/")
        assert (result.status, result.failure) == (None, "push-refused")
        assert (result.error or "").startswith(f"127.0.0.1:{port}: ")

    run(story())


@pytest.mark.parametrize(
    "url", ["http://localhost:99999/", "ftp://localhost/", "http://", "nonsense", "http://[::1/", f"http://{'a' * 64}/"]
)
def test_a_url_that_is_none_is_a_failure_and_no_exception(run: Run, url: str) -> None:
    async def story() -> None:
        assert (await post(url)).failure == "push-failed"

    run(story())


def test_a_server_nobody_trusts_is_refused_with_the_reason(run: Run, context: ssl.SSLContext) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost", "127.0.0.1").configure_cert(theirs)

    async def story() -> None:
        async with Customer(saying(OK), theirs) as customer:
            result = await post(customer.url, context)
            assert (result.status, result.failure) == (None, "push-tls")
            assert "certificate is not trusted: unable to get local issuer certificate" in (result.error or "")
            assert customer.bodies == []

    run(story())


def test_a_server_without_tls_is_a_failure_of_tls(run: Run, context: ssl.SSLContext) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(OK)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        result = await post(f"https://localhost:{server.sockets[0].getsockname()[1]}/", context)
        assert (result.status, result.failure) == (None, "push-tls")
        server.close()

    run(story())


def test_a_handshake_that_is_cut_is_a_failure_of_tls(run: Run, context: ssl.SSLContext) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async def story() -> None:
        server = await asyncio.start_server(cut, "127.0.0.1", 0)
        result = await post(f"https://localhost:{server.sockets[0].getsockname()[1]}/", context)
        assert (result.status, result.failure) == (None, "push-tls")
        assert result.error
        server.close()

    run(story())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_refuses_our_certificate_is_a_failure_that_hints_at_it(
    run: Run, files: CertificateFiles, context: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(files.customer_cert, files.customer_key)
    theirs.verify_mode = ssl.CERT_REQUIRED
    trustme.CA().configure_trust(theirs)
    theirs.minimum_version = theirs.maximum_version = version

    async def story() -> None:
        async with Customer(saying(OK), theirs) as customer:
            result = await post(customer.url, context)
            # How a refusal shows depends on which of the two is quicker: an alert, or a connection that is gone.
            assert result.status is None
            assert result.failure in {"push-tls", "push-failed"}
            assert any(word in (result.error or "").lower() for word in ("certificate", "unknown_ca"))
            assert customer.bodies == []

    run(story())


# How it ends


@pytest.mark.parametrize("by", ["itself", "an exception"])
def test_leaving_closes_the_connection(run: Run, by: str) -> None:
    async def story() -> None:
        async with Customer(never) as customer:
            http = HttpClient()
            with contextlib.nullcontext() if by == "itself" else pytest.raises(RuntimeError, match="enough"):
                async with opened(http, Callback(url=customer.url)) as connection:
                    assert not connection.is_lost
                    if by == "an exception":
                        raise RuntimeError("enough")
            await customer.closed.wait()
            assert connection.is_lost
            await http.close()

    run(story())


def test_a_server_that_asks_for_the_connection_to_stay_open_gets_it_closed_all_the_same(run: Run) -> None:
    async def silent_then(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n"))
        assert await reader.read() == b""

    async def story() -> None:
        async with Customer(silent_then) as customer:
            assert await post(customer.url) == PushResult(200, b"{}")
            await customer.closed.wait()

    run(story())
