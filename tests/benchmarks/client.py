"""A client for what is not measured: one request on a connection of its own."""

import socket
import ssl

from processes import ProgramError

from cloudsms_simulator.net.certificates import CertificateFiles


def context_of(files: CertificateFiles) -> ssl.SSLContext:
    """Trusts the authority and shows the customer's certificate."""
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.customer_cert, files.customer_key)
    return context


def post(url: str, body: bytes, context: ssl.SSLContext | None) -> bytes:
    """The answer to a packet, head and all; anything but a 200 that accepts all of it is a ProgramError."""
    host, _, port = url.split("/")[2].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        # Else the second TLS record of a long request waits 40 ms for the first to be acknowledged.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            answer = _exchange(plain, host, body)
        else:
            with context.wrap_socket(plain, server_hostname=host) as secured:
                answer = _exchange(secured, host, body)
    if not answer.startswith(b"HTTP/1.1 200 ") or b'"RESULT_CODE":1,"RESULT_DESC":"OK","DETAIL_LIST":' not in answer:
        raise ProgramError(f"{url} answered {answer[:1000]!r}")
    return answer


def _exchange(sock: socket.socket, host: str, body: bytes) -> bytes:
    head = f"POST /dave/io HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    sock.sendall(head.encode() + body)
    pieces = []
    while piece := sock.recv(65_536):
        pieces.append(piece)
    return b"".join(pieces)
