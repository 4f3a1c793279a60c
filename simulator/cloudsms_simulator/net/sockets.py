"""Listening sockets: bound before the server starts, so that a port in use is told at once and port 0 is known.

Errors say why, and what to do. Imports only the standard library: commands use it that start no server.

Spec: CloudSMS Platform Server.
"""

import errno
import socket
import sys

BACKLOG = 2048
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class ListenError(Exception):
    """A host and port that cannot be listened on; its text says why, and what to do."""

    def __init__(self, host: str, port: int, problem: str, remedy: str) -> None:
        super().__init__(f"cannot listen on {host_and_port(host, port)}: {problem}; {remedy}")
        self.host = host
        self.port = port
        self.problem = problem
        self.remedy = remedy


class PortInUse(ListenError):  # noqa: N818
    """Another program, or another simulator, listens there already."""


def open_socket(host: str, port: int, *, setting: str = "--port") -> socket.socket:
    """A listening TCP socket; the caller closes it, or hands it to a `Listener`, which does.

    `host` is an address or a name; a name with addresses of both kinds gives the IPv4 one, `::` listens for both.
    Port 0 is any free one: see `getsockname()`. `setting` is how the user names the port, for the remedy.

    Raises `PortInUse`, or `ListenError` for a host that is unknown or not this machine's and for a port out of range
    or reserved.
    """
    if not 0 <= port <= 65535:
        raise ListenError(host, port, "a port is a number from 0 to 65535", f"give {setting} one of those")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError):
        raise ListenError(
            host, port, "nobody knows that host", "use an address of this machine, or 127.0.0.1"
        ) from None
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    # asyncio sets TCP_NODELAY only where the protocol is written out; without it every small answer waits 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # where it would let two programs share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _explained(host, port, setting, error) from error
    sock.setblocking(False)
    return sock


def reachable_host(host: str) -> str:
    """The host by which this machine reaches a socket that listens there: loopback if it takes every address."""
    return _LOOPBACK_OF.get(host, host)


def host_and_port(host: str, port: int) -> str:
    """Host and port as a URL has them: `127.0.0.1:61815`, `[::1]:61815`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _explained(host: str, port: int, setting: str, error: OSError) -> ListenError:
    match error.errno:
        case errno.EADDRINUSE:
            remedy = f"stop that program, or choose another with {setting} (0 takes any free one)"
            return PortInUse(host, port, "the port is in use by another program", remedy)
        case errno.EADDRNOTAVAIL:
            return ListenError(
                host, port, "this machine does not have that address", "use 127.0.0.1, or 0.0.0.0 for all"
            )
        case errno.EACCES:
            return ListenError(host, port, "the system reserves that port", f"choose one above 1023 with {setting}")
        case _:
            return ListenError(host, port, error.strerror or str(error), f"choose another host or {setting}")


def nobody_answers(url: str) -> str:
    """What is said of an admin API where nobody answers, by the control client and by `readyz`."""
    return f"nobody answers at {url}; is the server running, and is this its admin port?"


def no_answer_in_time(url: str) -> str:
    """What is said of an admin API that takes too long."""
    return f"{url} does not answer in time"
