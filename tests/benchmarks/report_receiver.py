"""Program: a customer's server for delivery reports, as cheap as it can be. Prints its port.

Arguments: none for HTTP; certificate, key and authority (PEM files) for TLS that demands client certificates. A number
on its standard input asks it to wait for so many more reports; it answers `true`, and once they have come with the
seconds from the first to the last.
"""

import asyncio
import ssl
import sys
import threading
import time

import uvloop

_ANSWER = (
    b'{"METHOD":"SMS_PUSH_REPORT","TYPE":"ANSWER","SERIAL":%b,"TIME":"2026-01-01 12:00:00",'
    b'"RESULT_CODE":1,"RESULT_DESC":"OK"}'
)
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Tally:
    """Counts reports, and tells how long it took from the first to the one that was waited for."""

    def __init__(self) -> None:
        self._awaited = 0
        self._count = 0
        self._first = 0.0

    def wait_for(self, count: int) -> None:
        """Starts to count anew, and says so."""
        self._awaited, self._count = count, 0
        print("true", flush=True)

    def add(self) -> None:
        """One more report."""
        self._count += 1
        if self._count == 1:
            self._first = time.monotonic()
        if self._count == self._awaited:
            print(time.monotonic() - self._first, flush=True)


class Customer(asyncio.Protocol):
    """One connection of the platform."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._arrived = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remembers where answers go."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers every whole request that has arrived."""
        self._arrived += data
        end = self._arrived.find(b"\r\n\r\n")
        while end >= 0:
            start = self._arrived.lower().index(b"content-length:", 0, end) + len(b"content-length:")
            whole = end + 4 + int(self._arrived[start : self._arrived.index(b"\r", start)])
            if len(self._arrived) < whole:
                return
            body, self._arrived = self._arrived[end + 4 : whole], self._arrived[whole:]
            self._tally.add()
            self._answer(body)
            end = self._arrived.find(b"\r\n\r\n")

    def _answer(self, body: bytes) -> None:
        start = body.index(b'"SERIAL":') + len(b'"SERIAL":')
        answer = _ANSWER % body[start : body.index(b",", start)]
        self._transport.write(_HEAD % len(answer) + answer)


async def serve(context: ssl.SSLContext | None) -> None:
    """Serves until its standard input ends."""
    loop = asyncio.get_running_loop()
    tally = Tally()
    over = asyncio.Event()
    server = await loop.create_server(lambda: Customer(tally), "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)

    def listen() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(tally.wait_for, int(line))
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=listen, daemon=True).start()
    await over.wait()


def main(*files: str) -> None:
    """Serves until its standard input ends."""
    context = None
    if files:
        certificate, key, authority = files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(context))


if __name__ == "__main__":
    main(*sys.argv[1:])
