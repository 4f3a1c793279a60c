"""Feeds wrong requests to `net/http_connection` and wrong answers to `net/http_client`, and tells what did not hold.

Each begins as messages in order, of which octets are changed, left out, repeated or put in anywhere; it is sent in
pieces that are cut anywhere, and may break off. Everything goes over real sockets, many at a time. What is held against
either side:

- no complaint of the event loop, nothing logged, no exception but an HttpClientError;
- every exchange ends: what a client gets from the server are whole HTTP answers, except for the last one;
- in the end no connection is open, and no task runs that was not there before.

Exit code 1 when something did not hold. The same seed makes the same octets.
"""

import argparse
import asyncio
import contextlib
import logging
import random
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial

from starlette.types import Receive, Scope, Send

from cloudsms_simulator.net.http_client import HttpClient, parse_url
from cloudsms_simulator.net.http_parser import AnswerParser, BadAnswerError, HttpClientError
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.net.sockets import open_socket

AT_ONCE = 32
"""Exchanges under way."""
LONGEST = 100.0
"""Seconds after which an exchange counts as hanging: a loaded machine may be thirty times as slow as an idle one."""
PATIENCE = 0.2
"""Seconds that the client waits for an answer of a server that says nothing more."""

_HEAD = b" /dave/io?a=%20 HTTP/1.1\r\nHost: a\r\n"
REQUESTS = (
    b"GET" + _HEAD + b"\r\n",
    b"HEAD" + _HEAD + b"Accept: */*\r\n\r\n",
    b"POST" + _HEAD + b'Content-Length: 13\r\nContent-Type: application/json\r\n\r\n{"SERIAL": 1}',
    b"POST" + _HEAD + b"Transfer-Encoding: chunked\r\nTrailer: T\r\n\r\n5;x=y\r\n{    \r\n1\r\n}\r\n0\r\nT: 1\r\n\r\n",
    b"POST" + _HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"POST" + _HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST" + _HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /dave/io HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
)
ANSWERS = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{"RESULT_CODE":0}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{    \r\n1\r\n}\r\n0\r\nT: 1\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.0 200 OK\r\nServer: a\r\n\r\nup to the end",
    b"HTTP/1.1 302 Found\r\nLocation: https://a/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 503 Service\xe9 Unavailable\r\nRetry-After: 1\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\n!",
)
SNIPPETS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b"\xff\xfe", b"\xe2\x80\xae", b"%", b"#"),
    *(b"Content-Length: 0\r\n", b"Content-Length: 5, 5\r\n", b"Content-Length: -1\r\n", b"Content-Length: +2\r\n"),
    *(b"Content-Length: 99999999999999999999\r\n", b"content-length: 1e3\r\n", b"Content-Length : 2\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: identity\r\n"),
    *(b"Connection: close\r\n", b"Connection: keep-alive, Upgrade\r\n", b"Expect: 100-continue\r\n", b"Upgrade: a\r\n"),
    *(b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"1;", b"HTTP/1.1 ", b"HTTP/2.0", b"HTTP/1.1 100 \r\n\r\n"),
    *(
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"X: " + b"y" * 5000,
    ),
)


def changed(message: bytes, chance: random.Random) -> bytes:
    """A message with up to four changes: octets replaced, left out, repeated, moved, or put in."""
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        start = chance.randint(0, len(message))
        end = min(len(message), start + chance.choice((1, 1, 2, 5, 40)))
        before, piece, after = message[:start], message[start:end], message[end:]
        match chance.randrange(6):
            case 0:
                message = before + chance.randbytes(len(piece)) + after
            case 1:
                message = before + after
            case 2:
                message = before + piece * chance.choice((2, 3, 50)) + after
            case 3:
                message = before + after + piece
            case 4:
                message = before + chance.choice(SNIPPETS) + piece + after
            case _:
                message = before + piece.swapcase() + after
    return message


def pieces_of(octets: bytes, chance: random.Random) -> list[bytes]:
    """Octets cut at up to five places anywhere, or into single ones."""
    if len(octets) < 200 and chance.random() < 0.02:
        return [octets[at : at + 1] for at in range(len(octets))]
    cuts = sorted(chance.randint(0, len(octets)) for _ in range(chance.choice((0, 0, 1, 1, 2, 5))))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]


def wrong(messages: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """Pieces of one to three messages, one of them wrong, which may break off."""
    chosen = [chance.choice(messages) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    at = chance.randrange(len(chosen))
    chosen[at] = changed(chosen[at], chance)
    octets = b"".join(chosen)
    if chance.random() < 0.2:
        octets = octets[: chance.randint(0, len(octets))]
    return pieces_of(octets, chance)


class Complaints(logging.Handler):
    """What somebody complained of: the log, the event loop, or this program."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps what was logged."""
        self.lines.append(f"logged: {record.getMessage()}")
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.lines[-1] += f": {record.exc_info[1]!r}"

    def of_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Keeps what an event loop complains of."""
        self.lines.append(f"event loop: {context.get('message')}: {context.get('exception')!r}")

    def add(self, pieces: Sequence[bytes], what: str) -> None:
        """Keeps what is wrong with what became of these octets."""
        self.lines.append(f"{what}: {b''.join(pieces)!r} in pieces of {[len(each) for each in pieces]}"[:2000])


async def _many(count: int, exchange: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await exchange(number)

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def _settled(tasks: int, is_closed: Callable[[], bool], complaints: Complaints) -> None:
    """Everything has ended by the time a second is over, or is complained of."""
    until = asyncio.get_running_loop().time() + LONGEST
    while not is_closed() or len(asyncio.all_tasks()) > tasks:
        if asyncio.get_running_loop().time() > until:
            complaints.lines.append(f"open: {not is_closed()}, tasks: {asyncio.all_tasks()}")
            return
        await asyncio.sleep(0.001)


# Requests


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body; a HEAD or GET without having read it."""
    octets = 0
    if scope["method"] not in ("GET", "HEAD"):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            octets += len(message["body"])
            if not message["more_body"]:
                break
    body = b"%d" % octets
    headers = [(b"content-length", b"%d" % len(body))] if octets % 2 else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def whole_answers(octets: bytes) -> bool:
    """Whether these are HTTP answers, one after the other; of the last one there may be less than all."""
    while octets:
        parser = AnswerParser()
        parser.begin()
        try:
            # Octet by octet, for it says only that an answer is complete, not where.
            for at in range(len(octets)):
                parser.feed(octets[at : at + 1])
                if parser.complete:
                    break
        except BadAnswerError:
            return False
        finally:
            parser.close()
        octets = octets[at + 1 :]
    return True


async def fuzz_requests(count: int, seed: int, complaints: Complaints) -> None:
    """Sends so many wrong requests to a listener."""
    listener = Listener(_application, open_socket("127.0.0.1", 0), half_close=bool(seed % 2))
    await listener.start()
    tasks = len(asyncio.all_tasks())

    async def exchange(number: int) -> None:
        chance = random.Random(f"{seed} request {number}")
        pieces = wrong(REQUESTS, chance)
        # Addresses of their own: a port is not free again at once.
        source = (f"127.0.0.{chance.randint(2, 250)}", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, local_addr=source)
        answers = b""
        try:
            async with asyncio.timeout(LONGEST):
                with contextlib.suppress(OSError):
                    for piece in pieces:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
                    if chance.random() < 0.1:
                        _reset_on_close(writer)
                        return
                    writer.write_eof()
                    while octets := await reader.read(65536):
                        answers += octets
        except TimeoutError:
            complaints.add(pieces, "hangs")
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if b"HEAD" not in b"".join(pieces).upper() and not whole_answers(answers):
            complaints.add(pieces, f"answered {answers[:200]!r}")

    await _many(count, exchange)
    await _settled(tasks, lambda: not listener.connections, complaints)
    await listener.stop()


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# Answers


async def fuzz_answers(count: int, seed: int, complaints: Complaints) -> None:
    """Answers so many requests of an HTTP client wrongly."""
    open_connections: set[asyncio.StreamWriter] = set()
    chance = random.Random(f"{seed} answers")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                if chance.random() < 0.95:
                    await reader.readexactly(len(request))
                for piece in wrong(ANSWERS, chance):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                way = chance.random()
                if way < 0.1:
                    _reset_on_close(writer)
                elif way < 0.2:
                    writer.write_eof()
                if 0.05 < way < 0.95:
                    break
                if way >= 0.98:
                    await reader.read()  # says nothing more until the client has gone
                    break
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        open_connections.discard(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    url = parse_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    client = HttpClient()
    tasks = len(asyncio.all_tasks())

    async def exchange(number: int) -> None:
        try:
            async with asyncio.timeout(LONGEST):
                answer = await client.exchange(url, request, None, within=PATIENCE, connect_within=LONGEST)
        except TimeoutError:
            complaints.lines.append(f"request {number} hangs")
        except HttpClientError:
            pass
        except Exception as error:
            complaints.lines.append(f"request {number}: {error!r}")
        else:
            if not 200 <= answer.status <= 999:
                complaints.lines.append(f"request {number} was answered with {answer.status}")

    await _many(count, exchange)
    await client.close()
    await _settled(tasks, lambda: not open_connections, complaints)
    server.close()


def fuzz(count: int, seed: int, *, prefer_uvloop: bool) -> list[str]:
    """Sends so many wrong requests and as many wrong answers, in an event loop of this kind; what did not hold."""
    complaints = Complaints()
    logger = logging.getLogger("cloudsms_simulator")
    logger.addHandler(complaints)

    async def both() -> None:
        asyncio.get_running_loop().set_exception_handler(complaints.of_loop)
        await fuzz_requests(count, seed, complaints)
        await fuzz_answers(count, seed, complaints)

    try:
        with asyncio.Runner(loop_factory=partial(new_event_loop, prefer_uvloop=prefer_uvloop)) as runner:
            runner.run(both())
    finally:
        logger.removeHandler(complaints)
    return complaints.lines


def _rounds(count: int) -> Iterator[int]:
    while count > 0:
        yield min(count, 5000)
        count -= 5000


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs it; 1 if something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="how many requests, and how many answers")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    begun = time.monotonic()
    lines: list[str] = []
    for nth, count in enumerate(_rounds(chosen.count)):
        lines += fuzz(count, chosen.seed * 1000 + nth, prefer_uvloop=nth % 4 != 3)
    for line in lines[:20]:
        print(line)
    print(
        f"{chosen.count} wrong requests, {chosen.count} wrong answers, {len(lines)} things wrong. "
        f"Took {time.monotonic() - begun:.0f} s."
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
