"""Happy eyeballs: a socket connected to whichever address of a host answers first.

Addresses of both families take turns, in the order that the system prefers, and an attempt begins every 250 ms until
one succeeds. uvloop cannot do this by itself.

Spec: none; RFC 8305.
"""

import asyncio
import socket
from collections.abc import Iterable
from itertools import chain, zip_longest

_HEAD_START = 0.25
"""Seconds that an attempt to connect has before the next one begins beside it."""

SocketAddress = tuple[int, tuple[object, ...]]
"""A family and an address of it, as `socket` has them."""


async def addresses_of(host: str, port: int) -> list[SocketAddress]:
    """The addresses of a host, families taking turns, in the order that the system prefers. OSError where it has none.

    A name is looked up in a thread; for an address nobody is asked.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families: dict[int, dict[SocketAddress, None]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, {})[family, address] = None
    return [each for each in chain.from_iterable(zip_longest(*families.values())) if each is not None]


async def connect_first(addresses: Iterable[SocketAddress]) -> socket.socket:
    """A socket that is connected to the address that answers first.

    Addresses are tried in their order; the next one at once where one fails, and 250 ms later where one is silent.
    Raises the OSError that says most where all fail: that a connection was refused, else the first.
    """
    remaining, errors = iter(addresses), list[OSError]()
    running: set[asyncio.Task[socket.socket]] = set()
    winner: socket.socket | None = None
    try:
        while winner is None:
            address = next(remaining, None)
            if address is not None:
                running.add(asyncio.get_running_loop().create_task(_connect(address)))
            elif not running:
                raise next((each for each in errors if isinstance(each, ConnectionRefusedError)), errors[0])
            seconds = None if address is None else _HEAD_START
            done, _ = await asyncio.wait(running, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    connected = task.result()
                except OSError as error:
                    errors.append(error)
                    running.discard(task)
                else:
                    if winner is None:
                        winner = connected
                        running.discard(task)
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_discard)
        # The one that is raised refers to this list, by way of its traceback.
        errors.clear()
    return winner


async def _connect(address: SocketAddress) -> socket.socket:
    family, where = address
    # With the protocol written out asyncio switches Nagle's algorithm off.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock


def _discard(task: asyncio.Task[socket.socket]) -> None:
    """Closes a socket that was connected too late."""
    if not task.cancelled() and task.exception() is None:
        task.result().close()
