"""The push client against real sockets: what a customer's server can do to a push, and what comes of it.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12.
"""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trustme
from both_loops import Run, unheeded

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import Identity, PushFault
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.http_connection import ConnectionObserver, RemoteAddress
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.net.tls import handshake_reason, platform_context
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.failures import FIREWALL, MORE_TIME
from cloudsms_simulator.push.receiver import Receiver

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BODY = '{"METHOD":"SMS_PUSH_REPORT","名":1}'.encode()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSED_ON = 30
"""Reports pushed to a server that closes its connections."""
MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


@pytest.fixture
def run(run: Run) -> Run:
    """Likewise; the servers here do to their connections what event loops complain of."""
    return lambda story: run(unheeded(story))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    """An authority nobody here knows."""
    return trustme.CA()


class Customer:
    """A server that does one thing with every connection; it remembers the requests and who sent them."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None = None, scheme: str | None = None) -> None:
        self._serve = serve
        self._tls = tls
        self._scheme = scheme or ("http" if tls is None else "https")
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.certificates: list[object] = []
        self.connections = 0

    async def __aenter__(self) -> "Customer":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{self._scheme}://localhost:{port}/dr?a=b"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for _ in range(5):  # turns of the loop, in which what was just accepted is served, or it would never be closed
            await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            tls = writer.get_extra_info("ssl_object")
            self.certificates.append(None if tls is None else tls.getpeercert())
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                self.bodies.append(await reader.readexactly(len(BODY)))
                await self._serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def saying(*pieces: bytes, then_close: bool = False) -> Serve:
    """Answers with bytes, each piece by itself."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for index, piece in enumerate(pieces):
            # Some turns of the loop, in which the client reads what came before: pieces must not arrive as one.
            for _ in range(20 if index else 0):
                await asyncio.sleep(0)
            writer.write(piece)
            await writer.drain()
        if then_close:
            raise ConnectionResetError

    return serve


async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await _reader.read()


async def post(files: CertificateFiles, url: str, **how: object) -> PushResult:
    client = PushClient(files)
    try:
        push = Push("default", "uid", 1, 1, MOMENT, url, BODY)
        return await client.post(push, Callback(**({"url": url} | how)))  # type: ignore[arg-type]
    finally:
        await client.close()


def server_tls(
    files: CertificateFiles, authority: trustme.CA | None = None, *, demands: trustme.CA | Path | None = None
) -> ssl.SSLContext:
    """A server with our customer's certificate, or one by another authority; it may demand a client's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if authority is None:
        context.load_cert_chain(files.customer_cert, files.customer_key)
    else:
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    if demands is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        if isinstance(demands, Path):
            context.load_verify_locations(demands)
        else:
            demands.configure_trust(context)
    return context


# What is sent


def test_a_report_is_posted_as_json_with_no_header_that_is_not_needed(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            assert await post(files, customer.url) == PushResult(200, b"{}")
            [head], [body] = customer.heads, customer.bodies
            line, *headers = head.decode().rstrip().split("\r\n")
            assert (line, body) == ("POST /dr?a=b HTTP/1.1", BODY)
            assert {header.split(":")[0].lower() for header in headers} == {"host", "content-type", "content-length"}
            assert "Content-Type: application/json" in headers

    run(story())


def test_pushes_share_a_connection(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            client = PushClient(files)
            for _ in range(3):
                push = Push("default", "uid", 1, 1, MOMENT, customer.url, BODY)
                assert (await client.post(push, Callback())).status == 200
            await client.close()
            assert (customer.connections, len(customer.bodies)) == (1, 3)

    run(story())


def test_a_proxy_in_the_environment_is_not_asked(
    run: Run, files: CertificateFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            assert (await post(files, customer.url)).status == 200

    run(story())


@pytest.mark.parametrize("target", ["/dr%3Ax?sig=a%2Bb%3D%2F%40c", "/p%28q%29", "/x?", "/a/../b", "/?a=%zz"])
@pytest.mark.parametrize("fault", [None, PushFault.MALFORMED], ids=["sound", "faulty"])
def test_the_request_target_is_that_of_the_url_octet_for_octet(
    run: Run, files: CertificateFiles, target: str, fault: PushFault | None
) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()
        await reader.read()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = PushClient(files)
        url = f"http://localhost:{server.sockets[0].getsockname()[1]}{target}"
        assert (await client.post(Push("default", "uid", 1, 1, MOMENT, url, BODY, fault), Callback())).status == 200
        assert heads[0].startswith(f"POST {target} HTTP/1.1\r\n".encode())
        await client.close()
        server.close()

    run(story())


def test_user_and_password_of_the_url_are_sent_as_credentials(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as customer:
            result = await post(files, customer.url.replace("localhost", "me:p%40ss@localhost"))
            assert result.status == 200
            assert b"\r\nAuthorization: Basic bWU6cEBzcw==\r\n" in customer.heads[0]
            assert b"\r\nHost: localhost:" in customer.heads[0]

    run(story())


# What comes back


@pytest.mark.parametrize("status", [200, 204, 301, 404, 500])
def test_any_status_is_a_result(run: Run, files: CertificateFiles, status: int) -> None:
    async def story() -> None:
        async with Customer(saying(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)) as customer:
            assert await post(files, customer.url) == PushResult(status, b"")

    run(story())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(run: Run, files: CertificateFiles, status: int) -> None:
    async def story() -> None:
        async with Customer(saying(OK)) as elsewhere:
            location = f"HTTP/1.1 {status} X\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
            async with Customer(saying(location.encode())) as customer:
                assert (await post(files, customer.url)).status == status
            assert elsewhere.connections == 0

    run(story())


def test_an_answer_that_comes_in_pieces_is_put_together(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        pieces = b"HTTP/1.1 200 OK\r\n", b"Content-Length: 9\r\n\r\n", b'{"A"', b":123}"
        async with Customer(saying(*pieces)) as customer:
            assert await post(files, customer.url) == PushResult(200, b'{"A":123}'[:9])

    run(story())


def test_an_answer_in_chunks_or_up_to_the_end_of_the_connection_is_read_whole(
    run: Run, files: CertificateFiles
) -> None:
    async def story() -> None:
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        async with Customer(saying(chunked)) as customer:
            assert await post(files, customer.url) == PushResult(200, b"{}")
        async with Customer(saying(b"HTTP/1.0 200 OK\r\n\r\n{", b"}", then_close=True)) as customer:
            assert await post(files, customer.url) == PushResult(200, b"{}")

    run(story())


def test_a_very_long_answer_is_read_as_far_as_anybody_cares(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        size = 3 * 1024 * 1024
        async with Customer(saying(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)) as customer:
            result = await post(files, customer.url)
            assert (result.status, len(result.body)) == (200, 1024 * 1024)

    run(story())


@pytest.mark.parametrize("ending", ["closed", "silent"])
def test_an_answer_that_breaks_off_after_its_status_has_that_status(
    run: Run, files: CertificateFiles, ending: str
) -> None:
    async def story() -> None:
        half = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"METHOD":'
        async with Customer(saying(half, then_close=ending == "closed")) as customer:
            result = await post(files, customer.url, timeout=timedelta(seconds=0.2 if ending == "silent" else 5))
            assert result == PushResult(200, b'{"METHOD":')

    run(story())


# What goes wrong


@pytest.mark.parametrize(
    ("head", "rest", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}surplus", 200, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"{}", 204, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\nzz\r\n", 200, b"{}"),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", b"sorry", 503, b""),
    ],
    ids=["too short a length", "a body where there is none", "a bad chunk", "a refusal"],
)
@pytest.mark.parametrize("secured", [False, True])
def test_what_is_no_http_after_a_head_changes_nothing_of_the_answer_whenever_it_comes(
    run: Run, files: CertificateFiles, head: bytes, rest: bytes, status: int, body: bytes, *, secured: bool
) -> None:
    async def story() -> None:
        tls = platform_context(files, "off") if secured else None
        for pieces in ((head + rest,), (head[:9], head[9:] + rest)):
            async with Customer(saying(*pieces), tls) as customer:
                result = await post(files, customer.url)
            assert (result.status, result.body, result.failure) == (status, body, None)
            assert (result.tls is not None) == secured

    run(story())


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize("ending", ["closed", "reset"])
@pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 204 No Content\r\n\r\n"], ids=["200", "204"])
def test_a_push_on_a_connection_that_the_server_has_closed_is_made_again_with_the_same_serial(
    run: Run, files: CertificateFiles, secured: bool, ending: str, answer: bytes
) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await reader.read(1)  # the next push, which is not looked at
        if ending == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        raise ConnectionResetError

    async def story() -> None:
        async with Customer(once, server_tls(files, demands=files.ca) if secured else None) as customer:
            client = PushClient(files)
            for nth in range(10):
                push = Push("default", "uid", 1, 7, MOMENT, customer.url, BODY)
                result = await client.post(push, Callback())
                assert (result.failure, result.status) == (None, int(answer[9:12]))
                assert result.repeated == (nth > 0)
            assert (customer.connections, customer.bodies) == (10, [BODY] * 10)
            await client.close()

    run(story())


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("ending", ["closed", "reset"])
@pytest.mark.parametrize("status", [b"200 OK\r\nContent-Length: 0", b"204 No Content"], ids=["200", "204"])
@pytest.mark.parametrize("announced", [False, True], ids=["unannounced", "announced"])
def test_every_report_is_answered_by_a_server_that_closes_what_is_idle_for_up_to_3_ms(
    run: Run, files: CertificateFiles, secured: bool, ending: str, status: bytes, announced: bool
) -> None:
    chance = random.Random(1)
    answer = b"HTTP/1.1 %b\r\n%b\r\n" % (status, b"Connection: close\r\n" if announced else b"")
    received: list[tuple[bytes, bool]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_fresh = True
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, TimeoutError):
            while True:
                within = None if is_fresh else chance.uniform(0, 0.003)
                async with asyncio.timeout(within):
                    await reader.readuntil(b"\r\n\r\n")
                    received.append((await reader.readexactly(len(BODY)), is_fresh))
                is_fresh = False
                writer.write(answer)
                await writer.drain()
        if ending == "reset":
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        writer.close()

    async def story() -> None:
        tls = server_tls(files, demands=files.ca) if secured else None
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        scheme = "https" if secured else "http"
        url = f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/"
        client = PushClient(files)
        bodies = [b"%0*d" % (len(BODY), number) for number in range(CLOSED_ON)]
        for body in bodies:
            result = await client.post(Push("default", "uid", 1, 7, MOMENT, url, body), Callback())
            assert (result.failure, result.status) == (None, int(status[:3]))
            await asyncio.sleep(chance.uniform(0, 0.003))
        await client.close()
        server.close()
        # One that went out twice went out on a connection first that had carried an answer.
        assert [body for body, is_fresh in received if is_fresh] == list(
            dict.fromkeys(body for body, is_fresh in received if is_fresh)
        )
        assert list(dict.fromkeys(body for body, _ in received)) == bodies

    run(story())


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nX Bad: 1\r\nContent-Length: 2\r\n\r\n{}", '"X Bad: 1" in its head: Invalid header token'),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            '"Transfer-Encoding: chunked" in its head: Transfer-Encoding can\'t be present with Content-Length',
        ),
        (b"220 mail.example ESMTP\r\n", 'it begins with "220 mail.example ESMTP"'),
    ],
)
@pytest.mark.parametrize("fault", [None, PushFault.MALFORMED], ids=["sound", "faulty"])
def test_of_an_answer_that_is_no_http_the_line_that_is_wrong_is_named(
    run: Run, files: CertificateFiles, head: bytes, told: str, fault: PushFault | None
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        await reader.read()
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        client = PushClient(files)
        url = f"http://localhost:{server.sockets[0].getsockname()[1]}/"
        result = await client.post(Push("default", "uid", 1, 1, MOMENT, url, BODY, fault), Callback())
        assert result == PushResult(
            failure="push-failed", error=f"the answer is not HTTP: {told}", remedy="see the log of your server"
        )
        await client.close()
        server.close()

    run(story())


def test_nobody_listening_is_refused(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        with socket.socket() as reserved:
            reserved.bind(("127.0.0.1", 0))
            port = reserved.getsockname()[1]
            result = await post(files, f"http://127.0.0.1:{port}/")
        assert (result.status, result.failure) == (None, "push-refused")
        assert result.error is not None
        assert result.error.startswith(f"127.0.0.1:{port}: ")

    run(story())


def test_a_name_nobody_has_is_refused(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        result = await post(files, "http://nobody.invalid/")
        # Where nobody answers for names either, it takes too long.
        assert result.failure in {"push-refused", "push-timeout"}

    run(story())


def test_no_answer_in_time_is_a_timeout(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(never) as customer:
            result = await post(files, customer.url, timeout=timedelta(milliseconds=50))
            assert result == PushResult(failure="push-timeout", error="no answer within 0.05 s", remedy=MORE_TIME)

    run(story())


def test_of_many_pushes_that_nobody_answers_each_is_a_timeout(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(never) as customer:
            client = PushClient(files)
            callback = Callback(url=customer.url, timeout=timedelta(milliseconds=20))
            push = Push("default", "uid", 1, 1, MOMENT, customer.url, BODY)

            async def one_after_another() -> list[PushResult]:
                return [await client.post(push, callback) for _ in range(2)]

            try:
                told = await asyncio.gather(*(one_after_another() for _ in range(1000)))
            finally:
                await client.close()
            late = PushResult(failure="push-timeout", error="no answer within 0.02 s", remedy=MORE_TIME)
            assert [result for results in told for result in results if result != late] == []

    run(story())


def test_no_connection_in_time_is_a_timeout_that_says_so(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(3)]
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(address)
            result = await post(files, f"http://127.0.0.1:{address[1]}/", connect_timeout=timedelta(milliseconds=50))
            for each in waiting:
                each.close()
        assert result == PushResult(failure="push-timeout", error="no connection within 0.05 s", remedy=FIREWALL)

    run(story())


@pytest.mark.parametrize(
    "serve",
    [saying(b"", then_close=True), saying(b"HTTP/1.1 20", then_close=True), saying(b"nonsense\r\n\r\n")],
    ids=["no answer", "half a head", "no HTTP"],
)
def test_a_connection_that_breaks_before_a_status_is_a_failure(run: Run, files: CertificateFiles, serve: Serve) -> None:
    async def story() -> None:
        async with Customer(serve) as customer:
            result = await post(files, customer.url)
            assert (result.status, result.failure) == (None, "push-failed")
            assert result.error

    run(story())


@pytest.mark.parametrize("url", ["http://localhost:99999/", "ftp://localhost/", "http://", "nonsense", "http://[::1/"])
def test_a_url_that_is_none_is_a_failure_and_no_exception(run: Run, files: CertificateFiles, url: str) -> None:
    async def story() -> None:
        assert (await post(files, url)).failure == "push-failed"

    run(story())


# TLS


def test_the_platforms_certificate_is_shown_and_the_customers_checked(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(saying(OK), server_tls(files, demands=files.ca)) as customer:
            result = await post(files, customer.url)
            assert (result.status, result.failure) == (200, None)
            assert result.tls is not None
            assert (result.tls.version, result.tls.peer is not None and result.tls.peer.subject) == (
                "TLSv1.3",
                "CN=CloudSMS customer,OU=Issued for tests,O=CloudSMS simulator",
            )
            [certificate] = customer.certificates
            assert (("commonName", "CloudSMS platform"),) in certificate["subject"]  # type: ignore[index]

    run(story())


def test_the_scheme_of_a_url_may_be_written_in_capitals(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        for tls in (None, server_tls(files, demands=files.ca)):
            async with Customer(saying(OK), tls) as customer:
                scheme, rest = customer.url.split(":", 1)
                result = await post(files, f"{scheme.upper()}:{rest}")
                assert (result.status, result.tls is not None) == (200, tls is not None)

    run(story())


def test_an_account_may_have_a_certificate_of_its_own(
    run: Run, files: CertificateFiles, stranger: trustme.CA, tmp_path: Path
) -> None:
    leaf = stranger.issue_cert("client.test")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")

    async def story() -> None:
        async with Customer(saying(OK), server_tls(files, demands=stranger)) as customer:
            own = str(tmp_path / "client.pem")
            result = await post(files, customer.url, client_cert=own, client_key=own)
            assert result.status == 200

    run(story())


def test_a_server_nobody_trusts_is_refused_with_the_reason(
    run: Run, files: CertificateFiles, stranger: trustme.CA
) -> None:
    async def story() -> None:
        async with Customer(saying(OK), server_tls(files, stranger)) as customer:
            result = await post(files, customer.url)
            assert (result.status, result.failure) == (None, "push-tls")
            assert "certificate is not trusted: unable to get local issuer certificate" in (result.error or "")
            assert customer.bodies == []

    run(story())


def test_a_certificate_for_another_name_is_refused(run: Run, files: CertificateFiles, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.test").configure_cert(context)

    async def story() -> None:
        async with Customer(saying(OK), context) as customer:
            result = await post(files, customer.url, ca=str(tmp_path / "ca.pem"))
            assert result.failure == "push-tls"
            assert "Hostname mismatch" in (result.error or "")

    run(story())


def test_an_accounts_own_authority_is_trusted_beside_ours(
    run: Run, files: CertificateFiles, stranger: trustme.CA, tmp_path: Path
) -> None:
    stranger.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def story() -> None:
        for context in (server_tls(files, stranger), server_tls(files)):
            async with Customer(saying(OK), context) as customer:
                assert (await post(files, customer.url, ca=str(tmp_path / "ca.pem"))).status == 200

    run(story())


def test_without_verifying_any_server_is_good(run: Run, files: CertificateFiles, stranger: trustme.CA) -> None:
    async def story() -> None:
        async with Customer(saying(OK), server_tls(files, stranger)) as customer:
            assert (await post(files, customer.url, verify=False)).status == 200

    run(story())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_customer_that_refuses_our_certificate_is_a_failure_that_hints_at_it(
    run: Run, files: CertificateFiles, stranger: trustme.CA, version: ssl.TLSVersion
) -> None:
    context = server_tls(files, demands=stranger)
    context.minimum_version = context.maximum_version = version

    async def story() -> None:
        async with Customer(saying(OK), context) as customer:
            result = await post(files, customer.url)
            # How a refusal shows depends on which of the two is quicker: an alert, or a connection that is gone.
            assert result.status is None
            assert result.failure in {"push-tls", "push-failed"}
            assert any(word in (result.error or "").lower() for word in ("certificate", "unknown_ca"))
            assert customer.bodies == []

    run(story())


def test_https_to_a_server_without_tls_fails(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with Customer(saying(OK), scheme="https") as customer:
            result = await post(files, customer.url, timeout=timedelta(seconds=0.2))
            assert result.failure in {"push-tls", "push-timeout"}

    run(story())


def test_a_certificate_that_cannot_be_read_is_a_failure_that_names_it(
    run: Run, files: CertificateFiles, tmp_path: Path
) -> None:
    async def story() -> None:
        result = await post(files, "https://localhost:1/", client_cert=str(tmp_path / "absent.pem"))
        assert result.failure == "push-tls"
        assert "absent.pem" in (result.error or "")

    run(story())


class Refusals(ConnectionObserver):
    """Why a listener refused handshakes."""

    def __init__(self) -> None:
        self.reasons: asyncio.Queue[str] = asyncio.Queue()

    def on_refused(self, peer: RemoteAddress, error: OSError) -> None:
        self.reasons.put_nowait(handshake_reason(error)[0])


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (Identity.EXPIRED, "expired"),
        (Identity.NOT_YET_VALID, "not-yet-valid"),
        (Identity.UNKNOWN_CA, "unknown-ca"),
        (Identity.WRONG_USAGE, "wrong-usage"),
        (Identity.NONE, "no-certificate"),
    ],
)
@pytest.mark.parametrize("fault", [None, PushFault.MALFORMED], ids=["sound", "faulty"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_receiver_that_demands_certificates_refuses_each_identity_that_is_wrong_for_its_reason(
    run: Run,
    files: CertificateFiles,
    identity: Identity,
    reason: str,
    fault: PushFault | None,
    version: ssl.TLSVersion,
) -> None:
    context = platform_context(files, "required")
    context.minimum_version = context.maximum_version = version

    async def story() -> None:
        receiver, observer, client = Receiver(), Refusals(), PushClient(files)
        listener = Listener(receiver, open_socket("127.0.0.1", 0), tls=context, observer=observer)
        await listener.start()
        url = f"https://localhost:{listener.port}/"
        try:
            push = Push("default", "uid", 1, 1, MOMENT, url, BODY, fault)
            result = await client.post(push, Callback(identity=identity))
            # How a refusal shows here depends on which of the two is quicker: an alert, or a connection that is gone.
            assert (result.status, result.failure in {"push-tls", "push-failed"}) == (None, True)
            assert await observer.reasons.get() == reason
            assert receiver.received == 0
            push = Push("default", "uid", 1, 1, MOMENT, url, BODY)
            assert (await client.post(push, Callback())).status == 200, "the account's own one is good"
        finally:
            await client.close()
            await listener.stop()

    run(story())


def test_a_wrong_identity_is_shown_whatever_certificate_the_account_has(
    run: Run, files: CertificateFiles, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Customer(saying(OK), server_tls(files)) as customer:
            absent = str(tmp_path / "absent.pem")
            result = await post(files, customer.url, identity=Identity.NONE, client_cert=absent)
            assert result.status == 200, "a server that asks for none minds nothing"

    run(story())


def test_a_flawed_certificate_that_cannot_be_made_is_a_failure_that_names_its_file(run: Run, tmp_path: Path) -> None:
    async def story() -> None:
        result = await post(CertificateFiles.within(tmp_path), "https://localhost:1/", identity=Identity.EXPIRED)
        assert result.failure == "push-tls"
        assert "ca-key.pem" in (result.error or "")

    run(story())


def test_contexts_are_shared_by_identity(files: CertificateFiles) -> None:
    client = PushClient(files)
    one, other = Callback(url="https://a/"), Callback(url="https://b/", retries=(timedelta(seconds=1),))
    assert client.context(one) is client.context(other)
    assert client.context(one) is not client.context(Callback(verify=False))
    assert client.context(one) is not client.context(Callback(identity=Identity.NONE))
