"""Listeners with a TLS fault, met by real clients, on both event loops."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from both_loops import Run
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.net.certificates import CertificateError, CertificateFiles, complete_set
from cloudsms_simulator.net.http_connection import ConnectionObserver, RemoteAddress
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.tls import ClientCertificates, HandshakeReason, handshake_reason, platform_context
from cloudsms_simulator.net.tls_faults import CertificatePaths, FaultyTlsListeners, FlawedCertificates

GET = b"GET /dave/io HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LONG = timedelta(minutes=1)
SERVING = [trouble for trouble in TlsTrouble if trouble is not TlsTrouble.CUT_HANDSHAKE]


@pytest.fixture
def run(run: Run, caplog: pytest.LogCaptureFixture) -> Run:
    """Likewise; nothing is logged about a story."""

    def tell(story: Coroutine[None, None, None]) -> None:
        run(story)
        assert caplog.messages == []

    return tell


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Flawed certificates may be added, nothing else."""
    return complete_set(tmp_path_factory.mktemp("certs"))


class Seen(ConnectionObserver):
    """What the observer was told."""

    def __init__(self) -> None:
        self.refused: asyncio.Queue[tuple[RemoteAddress, OSError]] = asyncio.Queue()
        self.closed: asyncio.Queue[RemoteAddress] = asyncio.Queue()

    def on_refused(self, peer: RemoteAddress, error: OSError) -> None:
        self.refused.put_nowait((peer, error))

    def on_closed(self, peer: RemoteAddress) -> None:
        self.closed.put_nowait(peer)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@asynccontextmanager
async def troubles_of(
    files: CertificateFiles,
    observer: ConnectionObserver | None = None,
    *,
    mtls: ClientCertificates = "off",
    admits: Callable[[str], bool] | None = None,
) -> AsyncIterator[FaultyTlsListeners]:
    ids = itertools.count(1)

    def context_with(shown: CertificatePaths) -> ssl.SSLContext:
        return platform_context(files, mtls, shown=shown)

    def listener_on(sock: socket.socket, context: ssl.SSLContext) -> Listener:
        return Listener(hello, sock, tls=context, observer=observer, admits=admits, connection_ids=ids)

    troubles = FaultyTlsListeners(FlawedCertificates(files), "127.0.0.1", "/dave/io", context_with, listener_on)
    try:
        yield troubles
    finally:
        await troubles.close()


async def connected(url: str, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(url)
    if tls is None:
        return await asyncio.open_connection(place.hostname, place.port)
    return await asyncio.open_connection(place.hostname, place.port, ssl=tls, server_hostname="localhost")


async def get(url: str, tls: ssl.SSLContext) -> bytes:
    """The body of the answer to a GET."""
    reader, writer = await connected(url, tls)
    writer.write(GET)
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


def strict(files: CertificateFiles) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files.ca)


def careless(certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """A client to whom any server is good; it shows a certificate if one is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (TlsTrouble.EXPIRED, 10),
        (TlsTrouble.NOT_YET_VALID, 9),
        (TlsTrouble.WRONG_HOST, 62),
        (TlsTrouble.UNKNOWN_CA, 20),
        (TlsTrouble.WRONG_USAGE, 26),
    ],
)
def test_a_client_that_checks_refuses_for_the_right_reason_and_is_recorded(
    run: Run, files: CertificateFiles, trouble: TlsTrouble, code: int
) -> None:
    async def story() -> None:
        seen = Seen()
        async with troubles_of(files, seen) as troubles:
            with pytest.raises(ssl.SSLCertVerificationError) as caught:
                await connected(await troubles.url_of(trouble), strict(files))
            assert caught.value.verify_code == code
            _, error = await seen.refused.get()
            # Clients that check names themselves, after the handshake, just leave.
            assert handshake_reason(error)[0] in ("client-distrusts-us", "cut-off")

    run(story())


@pytest.mark.parametrize("trouble", SERVING)
def test_a_client_that_checks_nothing_is_served(run: Run, files: CertificateFiles, trouble: TlsTrouble) -> None:
    async def story() -> None:
        async with troubles_of(files) as troubles:
            assert await get(await troubles.url_of(trouble), careless()) == b"hello"

    run(story())


def test_a_cut_handshake_ends_without_a_byte_and_is_recorded_as_meant(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        seen = Seen()
        async with troubles_of(files, seen) as troubles:
            url = await troubles.url_of(TlsTrouble.CUT_HANDSHAKE)
            outgoing = ssl.MemoryBIO()
            tls = careless().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            reader, writer = await connected(url)
            said = outgoing.read()
            writer.write(said[:100])  # half a ClientHello is waited for
            await writer.drain()
            writer.write(said[100:])
            assert await reader.read() == b""
            peer, error = await seen.refused.get()
            assert peer == writer.get_extra_info("sockname")
            writer.close()
            assert handshake_reason(error) == (
                "other",
                "The handshake failed: it was cut on purpose, as the trouble cut_handshake asks.",
            )

    run(story())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", ["localhost", None], ids=["name", "no name"])
def test_every_clients_handshake_is_cut(
    run: Run, files: CertificateFiles, version: ssl.TLSVersion, name: str | None
) -> None:
    async def story() -> None:
        context = careless()
        context.minimum_version = context.maximum_version = version
        async with troubles_of(files) as troubles:
            place = urlsplit(await troubles.url_of(TlsTrouble.CUT_HANDSHAKE))
            with pytest.raises(ConnectionError):
                await asyncio.open_connection(place.hostname, place.port, ssl=context, server_hostname=name or "")

    run(story())


@pytest.mark.parametrize("trouble", TlsTrouble)
@pytest.mark.parametrize(
    ("sent", "reason"), [(b"GET / HTTP/1.1\r\n\r\n", "plain-http"), (b"\0" * 99, "garbage"), (b"\x16\3", "cut-off")]
)
def test_what_is_no_tls_is_recorded_as_on_the_main_port(
    run: Run, files: CertificateFiles, trouble: TlsTrouble, sent: bytes, reason: HandshakeReason
) -> None:
    async def story() -> None:
        seen = Seen()
        async with troubles_of(files, seen) as troubles:
            _, writer = await connected(await troubles.url_of(trouble))
            writer.write(sent)
            writer.write_eof()
            _, error = await seen.refused.get()
            writer.close()
            assert handshake_reason(error)[0] == reason

    run(story())


@pytest.mark.parametrize("trouble", TlsTrouble)
def test_an_address_that_is_not_admitted_does_not_get_as_far_as_the_trouble(
    run: Run, files: CertificateFiles, trouble: TlsTrouble
) -> None:
    async def story() -> None:
        seen = Seen()
        async with troubles_of(files, seen, admits=lambda _host: False) as troubles:
            reader, writer = await connected(await troubles.url_of(trouble))
            assert await reader.read() == b""
            assert await seen.closed.get() == writer.get_extra_info("sockname")
            writer.close()

    run(story())


def test_a_client_certificate_is_wanted_where_the_main_port_wants_one(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        seen = Seen()
        async with troubles_of(files, seen, mtls="required") as troubles:
            url = await troubles.url_of(TlsTrouble.EXPIRED)
            assert await get(url, careless(files.customer_cert, files.customer_key)) == b"hello"
            try:  # in TLS 1.3 a client learns of it only after the handshake
                received = await get(url, careless())
            except OSError:
                received = b""
            assert received == b""
            _, error = await seen.refused.get()
            assert handshake_reason(error)[0] == "no-certificate"

    run(story())


def test_a_trouble_asked_for_again_is_met_at_the_same_place(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with troubles_of(files) as troubles:
            urls = await asyncio.gather(*(troubles.url_of(TlsTrouble.EXPIRED) for _ in range(3)))
            assert len(set(urls)) == 1
            [listener] = troubles.listeners
            assert (listener.trouble, listener.url) == (TlsTrouble.EXPIRED, urls[0])

    run(story())


def test_each_trouble_has_a_port_of_its_own_and_the_path_of_the_platform(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with troubles_of(files) as troubles:
            assert troubles.listeners == ()
            urls = [urlsplit(await troubles.url_of(trouble)) for trouble in TlsTrouble]
            assert len({url.port for url in urls}) == len(TlsTrouble)
            assert {(url.scheme, url.hostname, url.path) for url in urls} == {("https", "127.0.0.1", "/dave/io")}
            assert tuple(each.trouble for each in troubles.listeners) == tuple(TlsTrouble)

    run(story())


def test_closing_waits_for_nobody(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with troubles_of(files) as troubles:
            idle = await connected(await troubles.url_of(TlsTrouble.EXPIRED), careless())
            silent = await connected(await troubles.url_of(TlsTrouble.CUT_HANDSHAKE))
            await troubles.close(LONG)
            for reader, writer in (idle, silent):
                assert await reader.read() == b""
                writer.close()
            with pytest.raises(ConnectionRefusedError):
                await connected(troubles.listeners[0].url)

    run(story())


def test_nothing_opens_once_all_is_closed(run: Run, files: CertificateFiles) -> None:
    async def story() -> None:
        async with troubles_of(files) as troubles:
            opening = asyncio.create_task(troubles.url_of(TlsTrouble.EXPIRED))
            await asyncio.sleep(0)  # its certificate is being made
            await troubles.close()
            with pytest.raises(RuntimeError, match="the server stops"):
                await opening
            with pytest.raises(RuntimeError, match="the server stops"):
                await troubles.url_of(TlsTrouble.WRONG_HOST)

    run(story())


def test_a_trouble_that_cannot_be_had_can_be_asked_for_again(
    run: Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = complete_set(tmp_path_factory.mktemp("certs"))
    key = files.ca_key.read_bytes()
    files.ca_key.unlink()

    async def story() -> None:
        async with troubles_of(files) as troubles:
            with pytest.raises(CertificateError, match=r"ca-key\.pem: is missing"):
                await troubles.url_of(TlsTrouble.WRONG_HOST)
            files.ca_key.write_bytes(key)
            assert await get(await troubles.url_of(TlsTrouble.WRONG_HOST), careless()) == b"hello"

    run(story())
