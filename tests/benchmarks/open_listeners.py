"""Program: holds long polls and streams of events open on an admin port. Arguments: the port, how many of each.

A line on its standard input has it answer how many are open, once all have been asked for: those whose answer has not
come, and those that still stream.
"""

import asyncio
import itertools
import sys
from functools import partial

_WAITS = itertools.cycle(("messages", "messages", "reports", "requests"))
_FIRST = 90_000_000


class Listener(asyncio.Protocol):
    """One connection: a wait is open until its answer comes, a stream until it ends."""

    def __init__(self, listening: "set[Listener]", request: bytes, *, streams: bool) -> None:
        self._listening = listening
        self._request = request
        self._streams = streams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._listening.add(self)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Lets a stream go by; whatever else comes is an answer."""
        if not self._streams or (data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 200 ")):
            self._listening.discard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more comes."""
        self._listening.discard(self)


def requests_for(waits: int, streams: int) -> list[tuple[bytes, bool]]:
    """What to ask for: each wait is for a number of its own that nothing is sent to."""
    asked = []
    for nth, kind in zip(range(waits), _WAITS, strict=False):
        asked.append((f"/api/v1/{kind}/wait?match=to:852{_FIRST + nth}&timeout=3600s", False))
    asked += [("/api/v1/events", True)] * streams
    return [(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), streaming) for path, streaming in asked]


async def listen(port: int, waits: int, streams: int) -> None:
    """Listens until its standard input ends."""
    loop = asyncio.get_running_loop()
    listening: set[Listener] = set()
    for request, streaming in requests_for(waits, streams):
        await loop.create_connection(partial(Listener, listening, request, streams=streaming), "127.0.0.1", port)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(len(listening), flush=True)


if __name__ == "__main__":
    asyncio.run(listen(*map(int, sys.argv[1:])))
