"""Program: starts a simulator as the pytest plugin does, makes accounts as its fixture does, and stops it.

A number on its standard input asks for so many accounts; it answers with milliseconds.
"""

import socket
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import msgspec

from cloudsms_simulator.pytest_plugin.fixture import fixture_settings, open_account
from cloudsms_simulator.pytest_plugin.server import LocalServer

_STREAMS = 20
_READ = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Times(msgspec.Struct, frozen=True):
    """Milliseconds by the clock: of the server's start, of one account from its making to its end, and of the stop."""

    start: float
    account: float
    stop: float


def measured(accounts: int) -> Times:
    """One session without its imports."""
    begun = time.perf_counter()
    server = LocalServer("required", "spec")
    started = time.perf_counter()
    _account(server)  # the admin API is made when it is first called
    taken = [_account(server) for _ in range(accounts)]
    host, port = server.admin_url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        for _ in range(_STREAMS):
            stream = stack.enter_context(socket.create_connection((host, int(port)), timeout=10))
            stream.sendall(_READ)
            assert stream.recv(4096).startswith(b"HTTP/1.1 200 ")
        stopping = time.perf_counter()
        server.close()
        stopped = time.perf_counter()
    return Times((started - begun) * 1e3, median(taken) * 1e3, (stopped - stopping) * 1e3)


def _account(server: LocalServer) -> float:
    begun = time.perf_counter()
    account = open_account(server, fixture_settings({}, "test_it", Path()), "test_it")
    server.client.accounts.delete(account.account.name)
    return time.perf_counter() - begun


if __name__ == "__main__":
    for line in sys.stdin:
        print(msgspec.json.encode(measured(int(line))).decode(), flush=True)
