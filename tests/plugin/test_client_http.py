"""HTTP as the control client speaks it: addresses, requests, answers, and connections that a server closes."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import trustme

from cloudsms_simulator.client.client import AsyncClient, Client
from cloudsms_simulator.client.errors import UnreachableError
from cloudsms_simulator.client.http import BrokenConnectionError, HttpRequest, ResponseParser, ServerAddress
from cloudsms_simulator.client.transport import Event, EventReader

INFO = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n%b"
READY = INFO % (2, b"", b"ok")
CLOSING = INFO % (2, b"Connection: close\r\n", b"ok")


@contextmanager
def answering(
    *answers: bytes, wrap: Callable[[socket.socket], socket.socket] = lambda accepted: accepted
) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers each request with the next of these, and closes the connection after that; what it was
    asked."""
    asked: list[bytes] = []

    def serve() -> None:
        for answer in answers:
            accepted, _ = listening.accept()
            # A client that does not trust it ends the handshake.
            with accepted, suppress(OSError), wrap(accepted) as connection:
                asked.append(connection.recv(65536))
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], asked
        thread.join(20)


@pytest.mark.parametrize("url", ["", "localhost:61816", "ftp://host", "http://", "http://host:port", "http://[::1"])
def test_what_is_no_address_is_refused_with_one_that_is(url: str) -> None:
    with pytest.raises(ValueError, match=r"^got .*, want an address such as http://127\.0\.0\.1:61816$"):
        Client(url)


def test_a_request_is_written_for_the_address_it_goes_to() -> None:
    address = ServerAddress.of("http://us%40er:pass@[::1]:8080/gate/way/")
    octets = HttpRequest("POST", "/api", {"account": ["a b", "c"]}, {"X": "y"}, b"{}").octets(address)
    assert octets.decode().split("\r\n") == [
        "POST /gate/way/api?account=a+b&account=c HTTP/1.1",
        "Host: [::1]:8080",
        "Accept: */*",
        "Authorization: Basic dXNAZXI6cGFzcw==",
        "X: y",
        "Content-Length: 2",
        "",
        "{}",
    ]
    assert (address.host, address.port, ServerAddress.of("https://sms.test").port) == ("::1", 8080, 443)


def test_a_token_of_two_lines_is_no_token() -> None:
    with Client(token="t0ken\r\nX: y") as client, pytest.raises(ValueError, match=r"^Authorization: got .*one line$"):
        client.info()


@pytest.mark.parametrize(
    ("octets", "body", "can_go_on"),
    [
        (READY, b"ok", True),
        (CLOSING, b"ok", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + READY, b"ok", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 200 OK\r\n\r\nok", b"ok", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
    ],
)
def test_an_answer_is_the_same_however_its_octets_arrive(octets: bytes, body: bytes, can_go_on: bool) -> None:
    whole, cut = ResponseParser(), ResponseParser()
    whole.feed(octets)
    for place in range(len(octets)):
        cut.feed(octets[place : place + 1])
    for answer in (whole, cut):
        if not answer.complete:
            answer.feed(b"")
        assert (answer.complete, answer.taken(), answer.can_go_on) == (True, body, can_go_on)


@pytest.mark.parametrize("octets", [b"", READY[:10], READY[:-1], b"SSH-2.0-OpenSSH_9.6\r\n"])
def test_an_answer_that_breaks_off_or_is_none_is_told(octets: bytes) -> None:
    answer = ResponseParser()

    def feed() -> None:
        for piece in (octets, b""):
            answer.feed(piece)

    with pytest.raises(BrokenConnectionError):
        feed()


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_events_are_the_same_however_their_octets_arrive(end: bytes) -> None:
    lines = [
        b"event: clock",
        b'data: {"a":',
        b":",
        b"data:1}",
        b"",
        b":",
        b"",
        b"event:reset",
        b"data: {}",
        b"",
        b"data: {",
    ]
    octets = end.join(lines)
    reader = EventReader()
    cut = [event for place in range(len(octets)) for event in reader.feed(octets[place : place + 1])]
    assert cut == list(EventReader().feed(octets)) == [Event("clock", {"a": 1}), Event("reset", {})]


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    with answering(READY, READY, READY) as (port, asked), Client(f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            assert client.ready()
            [connection] = client._driver._pools[-1]._resting
            while not connection.is_stale:
                pass
    assert len(asked) == 3


def test_a_connection_that_the_server_closed_is_not_awaited_again() -> None:
    async def story(port: int) -> None:
        async with AsyncClient(f"http://127.0.0.1:{port}") as client:
            for _ in range(3):
                assert await client.ready()
                [connection] = client._driver._resting
                while not connection.is_stale:
                    await asyncio.sleep(0)

    with answering(READY, READY, READY) as (port, asked):
        asyncio.run(story(port))
    assert len(asked) == 3


def test_an_answer_that_ends_early_is_nobody_s() -> None:
    with (
        answering(READY[:-1]) as (port, _),
        Client(f"http://127.0.0.1:{port}") as client,
        pytest.raises(UnreachableError, match="nobody answers at"),
    ):
        client.ready()


def test_a_closed_client_says_so() -> None:
    client = Client("http://127.0.0.1:1")
    client.close()
    with pytest.raises(UnreachableError, match="the client was closed before"):
        client.ready()


def test_https_before_the_admin_port_is_verified(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")

    def wrap(accepted: socket.socket) -> socket.socket:
        return context.wrap_socket(accepted, server_side=True)

    async def awaited(url: str) -> bool:
        async with AsyncClient(url) as client:
            return await client.ready()

    with (
        answering(READY, wrap=wrap) as (port, _),
        Client(f"https://127.0.0.1:{port}") as client,
        pytest.raises(UnreachableError, match="nobody answers at https"),
    ):
        client.ready()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with answering(READY, READY, wrap=wrap) as (port, _), Client(f"https://127.0.0.1:{port}") as client:
        assert client.ready()
        assert asyncio.run(awaited(f"https://127.0.0.1:{port}"))
