"""Program: keep-alive connections that send one request after the other. Prints a line of JSON.

Arguments: the file that holds the packet, port, connections, seconds; for mutual TLS also, as PEM files, the authority,
the client's certificate and its key. OpenSSL reads and writes the sockets itself, so that the load costs less than what
it loads. Without TLS the head and the body of a request go out in segments of their own, as from most HTTP clients.
"""

import select
import socket
import ssl
import sys
import time
from pathlib import Path

import msgspec

_PIECE = 65_536


class Wire:
    """One connection, and the answer that is arriving on it."""

    def __init__(self, sock: socket.socket, parts: tuple[bytes, ...]) -> None:
        self.sock = sock
        self.answers = 0
        self.errors = 0
        self._parts = parts
        self._arrived = b""

    def send(self, part: int) -> None:
        """Sends a part of the request; small enough that the system always has room for it."""
        self.sock.sendall(self._parts[part])

    def receive(self) -> bool:
        """Takes what has arrived; whether that completes an answer."""
        try:
            piece = self.sock.recv(_PIECE)
        except (ssl.SSLWantReadError, BlockingIOError):
            return False
        if not piece:
            raise ConnectionError("the server closed a connection")
        self._arrived = arrived = self._arrived + piece
        end = arrived.find(b"\r\n\r\n")
        if end < 0:
            return False
        start = arrived.lower().index(b"content-length:", 0, end) + len(b"content-length:")
        length = int(arrived[start : arrived.index(b"\r", start)])
        if len(arrived) < end + 4 + length:
            return False
        self.answers += 1
        self.errors += not arrived.startswith(b"HTTP/1.1 200 ")
        self._arrived = arrived[end + 4 + length :]
        return True


def connect(port: int, context: ssl.SSLContext | None, parts: tuple[bytes, ...]) -> Wire:
    """A connection, and its handshake done if there is one."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Wire(sock if context is None else context.wrap_socket(sock, server_hostname="127.0.0.1"), parts)


def main(packet: str, port: str, connections: str, seconds: str, *files: str) -> None:
    """Loads the server for so many seconds."""
    body = Path(packet).read_bytes()
    lines = "POST /dave/io HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    head = f"{lines}{len(body)}\r\n\r\n".encode()
    context, parts = None, (head, body)
    if files:
        ca, certificate, key = files
        context, parts = ssl.create_default_context(cafile=ca), (head + body,)
        context.load_cert_chain(certificate, key)
    wires = [connect(int(port), context, parts) for _ in range(int(connections))]
    poll = select.epoll()
    by_number = {wire.sock.fileno(): wire for wire in wires}
    for number, wire in by_number.items():
        wire.sock.setblocking(False)
        poll.register(number, select.EPOLLIN)
    begun = now = time.monotonic()
    end = begun + float(seconds)
    answered = wires
    while now < end:
        # All heads before the first body: the server has read a head by the time its body comes.
        for part in range(len(parts)):
            for wire in answered:
                wire.send(part)
        answered = [wire for number, _ in poll.poll(1.0) if (wire := by_number[number]).receive()]
        now = time.monotonic()
    answers, errors = sum(wire.answers for wire in wires), sum(wire.errors for wire in wires)
    print(msgspec.json.encode({"requests": answers, "seconds": now - begun, "errors": errors}).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
