"""Program: keep-alive connections with mutual TLS that send one request after the other. Prints a line of JSON.

Arguments: the file that holds the packet, port, connections, seconds, and as PEM files the authority, the client's
certificate and its key. OpenSSL reads and writes the sockets itself, so that the load costs less than what it loads.
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

    def __init__(self, sock: ssl.SSLSocket, request: bytes) -> None:
        self.sock = sock
        self.answers = 0
        self.errors = 0
        self._request = request
        self._arrived = b""

    def send(self) -> None:
        """Sends the request; small enough that the system always has room for it."""
        self.sock.sendall(self._request)

    def receive(self) -> bool:
        """Takes what has arrived; whether that completes an answer."""
        try:
            piece = self.sock.recv(_PIECE)
        except ssl.SSLWantReadError:
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


def connect(port: int, context: ssl.SSLContext, request: bytes) -> Wire:
    """A connection whose handshake is done."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock = context.wrap_socket(plain, server_hostname="127.0.0.1")
    return Wire(sock, request)


def main(packet: str, port: str, connections: str, seconds: str, ca: str, certificate: str, key: str) -> None:
    """Loads the server for so many seconds."""
    body = Path(packet).read_bytes()
    head = "POST /dave/io HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    request = f"{head}{len(body)}\r\n\r\n".encode() + body
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    wires = [connect(int(port), context, request) for _ in range(int(connections))]
    poll = select.epoll()
    by_number = {wire.sock.fileno(): wire for wire in wires}
    for number, wire in by_number.items():
        wire.sock.setblocking(False)
        poll.register(number, select.EPOLLIN)
    begun = now = time.monotonic()
    end = begun + float(seconds)
    for wire in wires:
        wire.send()
    while now < end:
        for number, _ in poll.poll(1.0):
            wire = by_number[number]
            if wire.receive():
                wire.send()
        now = time.monotonic()
    answers, errors = sum(wire.answers for wire in wires), sum(wire.errors for wire in wires)
    print(msgspec.json.encode({"requests": answers, "seconds": now - begun, "errors": errors}).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
