"""The connections of a client that blocks: kept, used again, lent to one thread at a time, and what is said of none."""

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import trustme

from cloudsms_simulator.client import UnreachableError
from cloudsms_simulator.client_connections import Connections

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Peer:
    """A server that takes connections and does what a test says with them."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._stack = ExitStack()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def accept(self) -> socket.socket:
        """The next connection."""
        self._listening.settimeout(10)
        accepted = self._stack.enter_context(self._listening.accept()[0])
        accepted.settimeout(10)
        return accepted

    def close(self) -> None:
        """Closes all of them."""
        self._stack.close()
        self._listening.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def connections(peer: Peer) -> Iterator[Connections]:
    connections = Connections(peer.url)
    yield connections
    connections.close()


def asked(connections: Connections, seconds: float = 10) -> tuple[int, bytes]:
    return connections.exchange("GET", "/", {}, None, seconds)


def request_on(connection: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = connection.recv(65_536)
        assert piece, "the client closed the connection"
        head += piece
    return head


def test_a_connection_is_used_again(peer: Peer, connections: Connections) -> None:
    def serve() -> None:
        connection = peer.accept()
        for _ in range(3):
            request_on(connection)
            connection.sendall(ANSWER)

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        assert [asked(connections) for _ in range(3)] == [(200, b"{}")] * 3
        serving.result(10)


def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again(peer: Peer, connections: Connections) -> None:
    closed = threading.Event()

    def serve() -> None:
        for _ in range(2):
            connection = peer.accept()
            request_on(connection)
            connection.sendall(ANSWER)
            connection.close()
            closed.set()

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        assert asked(connections) == (200, b"{}")
        assert closed.wait(10)
        assert asked(connections) == (200, b"{}")
        serving.result(10)


def test_calls_at_once_have_a_connection_each(peer: Peer, connections: Connections) -> None:
    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(asked, connections) for _ in range(4)]
        accepted = [peer.accept() for _ in range(4)]
        for connection in accepted:
            request_on(connection)
            connection.sendall(ANSWER)
        assert [each.result(10) for each in asking] == [(200, b"{}")] * 4


def test_a_server_that_keeps_silent_does_not_answer_in_time(peer: Peer, connections: Connections) -> None:
    with pytest.raises(UnreachableError, match=f"{peer.url} does not answer in time"):
        asked(connections, seconds=0.05)


def test_a_server_that_breaks_off_is_nobody(peer: Peer, connections: Connections) -> None:
    def serve() -> None:
        connection = peer.accept()
        request_on(connection)
        connection.sendall(ANSWER[:-1])
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        with pytest.raises(UnreachableError, match="nobody answers"):
            asked(connections)
        serving.result(10)


@pytest.mark.parametrize("url", ["127.0.0.1:61816", "ftp://127.0.0.1", "http://127.0.0.1:port", "http://"])
def test_what_is_no_url_of_an_admin_port_says_what_would_be_one(url: str) -> None:
    with pytest.raises(UnreachableError, match=f'got "{url}", want the URL of an admin port'):
        asked(Connections(url))


def test_a_certificate_that_nobody_trusts_is_told(peer: Peer) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def serve() -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(peer.accept(), server_side=True)

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve)
        with pytest.raises(UnreachableError, match=r"cannot be reached over TLS: .*certificate verify failed"):
            asked(Connections(peer.url.replace("http:", "https:")))
        serving.result(10)


def test_a_closed_client_says_so(connections: Connections) -> None:
    connections.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        asked(connections)


def test_a_client_that_blocks_gets_by_without_httpx2() -> None:
    code = (
        "import sys; from cloudsms_simulator.pytest_support.server import LocalServer; "
        "server = LocalServer('required', 'spec'); server.client.info(); server.close(); "
        "print({'httpx2', 'httpcore2', 'aiohttp', 'trio'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "set()"
