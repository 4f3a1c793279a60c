"""Pushes that go wrong on their way to the customer, as a scenario says: slow, cut, reset, malformed, in a burst.

A fault is a function in `PUSH_FAULTS`. It writes octet by octet on a `RawConnection` of its own, since an HTTP client
cannot be made to send that; all other pushes go through `PushClient`.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12, R22.
"""

import asyncio
import ssl
import struct
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from socket import SO_LINGER, SOL_SOCKET
from types import MappingProxyType, TracebackType
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httptools

from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.http_client import HttpAnswer
from cloudsms_simulator.net.tls import tls_facts
from cloudsms_simulator.protocol.delivery_report import malformed
from cloudsms_simulator.push.failures import PushTarget

_PORTS = {"http": 80, "https": 443}
_SAFE_IN_URL = "/:@!$&'()*+,;=~?%"
"""Characters of a URL that go out as they are, beside letters and digits."""
_READ_AT_ONCE = 64 * 1024
_CLOSING_SECONDS = 1.0
_POLL_SECONDS = 0.001


class RawConnectionError(Exception):
    """There is no connection; `result` says why."""

    def __init__(self, result: PushResult) -> None:
        super().__init__(result.error)
        self.result = result


class RawConnection:
    """An open connection: `async with PushLine(way, context) as line`.

    Entering connects, with TLS where there is a context, and raises PushLineError when that fails; leaving closes.
    Nothing takes longer than the callback's timeouts.
    """

    def __init__(self, way: PushTarget, context: ssl.SSLContext | None) -> None:
        self._way = way
        self._url = way.url
        self._callback = way.callback
        self._context = context

    async def __aenter__(self) -> "RawConnection":
        loop = asyncio.get_running_loop()
        whole, connecting = self._callback.timeout.total_seconds(), self._callback.connect_timeout.total_seconds()
        self._deadline = loop.time() + whole
        try:
            split = urlsplit(self._url)
            host, port = split.hostname, split.port or _PORTS.get(split.scheme)
            self._head = _head(split)
        except ValueError as error:
            raise RawConnectionError(self._way.broken_off(error, None)) from error
        if not host or port is None:
            told = f"{self._url} is no address to push to"
            raise RawConnectionError(PushResult(failure="push-failed", error=told))
        try:
            async with asyncio.timeout_at(loop.time() + min(connecting, whole)):
                self._reader, self._writer = await asyncio.open_connection(host, port, ssl=self._context)
        except TimeoutError as error:
            raise RawConnectionError(self._way.too_late_connected(min(connecting, whole))) from error
        except (OSError, ValueError) as error:
            raise RawConnectionError(self._way.unconnected(error)) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.close()
        finally:
            self._writer.transport.abort()

    @property
    def lost(self) -> bool:
        """Whether the other side is gone."""
        return self._writer.is_closing() or self._reader.at_eof()

    def begin(self, length: int) -> None:
        """Writes the head of the request, which announces a body of so many octets."""
        self._writer.write(self._head + b"Content-Length: %d\r\n\r\n" % length)

    def write(self, data: bytes) -> None:
        """Writes a piece of the body."""
        self._writer.write(data)

    async def answer(self) -> PushResult:
        """The answer, or as much of it as came and anybody wants to see: once its status is known, nothing fails."""
        answer = HttpAnswer()
        broken: Exception = ConnectionError("the connection was closed without an answer")
        try:
            async with asyncio.timeout_at(self._deadline):
                while not answer.complete and (data := await self._reader.read(_READ_AT_ONCE)):
                    answer.feed(data)
        except (OSError, httptools.HttpParserError) as error:
            # A TimeoutError is an OSError.
            broken = error
        if answer.status is not None:
            secured = self._writer.get_extra_info("ssl_object")
            tls = None if secured is None else tls_facts(secured)
            return PushResult(answer.status, bytes(answer.body), tls=tls)
        if isinstance(broken, TimeoutError):
            return self._way.too_late_answered()
        return self._way.broken_off(broken, broken)

    async def close(self) -> None:
        """Closes in order, once everything is written; a side that does not take leave within a second is left."""
        with suppress(OSError):
            self._writer.close()
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._writer.wait_closed()

    async def reset(self) -> None:
        """Ends the connection with a reset, once everything is written that can be."""
        with suppress(OSError):
            async with asyncio.timeout_at(self._deadline):
                await self._writer.drain()
        # What an event loop was given it may write only when it comes round again.
        await asyncio.sleep(_POLL_SECONDS)
        with suppress(OSError):
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _head(split: SplitResult) -> bytes:
    """The request's head but for the length of its body. ValueError for a host that cannot be written."""
    target = quote(split.path or "/", _SAFE_IN_URL) + (f"?{quote(split.query, _SAFE_IN_URL)}" if split.query else "")
    lines = [
        f"POST {target} HTTP/1.1".encode(),
        b"Host: " + split.netloc.rpartition("@")[2].encode("idna"),
        b"Content-Type: application/json",
        b"Connection: close",
    ]
    if split.username is not None:
        user = f"{unquote(split.username)}:{unquote(split.password or '')}"
        lines.append(b"Authorization: Basic " + b64encode(user.encode()))
    return b"\r\n".join(lines) + b"\r\n"


BURST_COPIES = 10
"""How many times the same report arrives at once."""

SLOW_DURATION = timedelta(seconds=3)
"""How long the body of a slow push takes, in wall time, but never over half of the callback's timeout."""

_PIECES = 20

_Fault = Callable[[bytes, PushTarget, ssl.SSLContext | None], Awaitable[PushResult]]


async def push_with_fault(push: Push, way: PushTarget, fault: PushFault, context: ssl.SSLContext | None) -> PushResult:
    """What came of a push that went wrong on purpose: an answer, or the rule that names what kept it from coming.

    Each has a connection of its own, of the TLS identity `context`, which is None for plain HTTP. Timeouts are the
    callback's. A push that is cut or reset expects no answer: it has failed, as scripted.
    """
    try:
        return await PUSH_FAULTS[fault](push.body, way, context)
    except RawConnectionError as error:
        return error.result


async def _slow(body: bytes, way: PushTarget, context: ssl.SSLContext | None) -> PushResult:
    """The body trickles, but arrives whole and in time."""
    pause = min(SLOW_DURATION, way.callback.timeout / 2).total_seconds() / _PIECES
    size = -(-len(body) // _PIECES)
    async with RawConnection(way, context) as line:
        line.begin(len(body))
        for start in range(0, len(body), size):
            await asyncio.sleep(pause)
            if line.lost:
                break
            line.write(body[start : start + size])
        return await line.answer()


async def _cut(body: bytes, way: PushTarget, context: ssl.SSLContext | None) -> PushResult:
    """All of the body is announced, half of it is sent, and the connection is closed in order."""
    async with RawConnection(way, context) as line:
        line.begin(len(body))
        line.write(body[: len(body) // 2])
        await line.close()
    return _on_purpose("cut the push off half-way", PushFault.CUT)


async def _reset(body: bytes, way: PushTarget, context: ssl.SSLContext | None) -> PushResult:
    """Half of the body is sent, and the connection is reset."""
    async with RawConnection(way, context) as line:
        line.begin(len(body))
        line.write(body[: len(body) // 2])
        await line.reset()
    return _on_purpose("reset the connection half-way through the push", PushFault.RESET)


async def _malformed(body: bytes, way: PushTarget, context: ssl.SSLContext | None) -> PushResult:
    """The HTTP is in order, the report in it is no JSON."""
    return await _whole(malformed(body), way, context)


async def _burst(body: bytes, way: PushTarget, context: ssl.SSLContext | None) -> PushResult:
    """The same report, the same SERIAL in it, on ten connections at once; the answer on the first one counts."""
    results = await asyncio.gather(*(_whole(body, way, context) for _ in range(BURST_COPIES)), return_exceptions=True)
    first = results[0]
    if isinstance(first, BaseException):
        raise first
    return first


async def _whole(body: bytes, way: PushTarget, context: ssl.SSLContext | None) -> PushResult:
    async with RawConnection(way, context) as line:
        line.begin(len(body))
        line.write(body)
        return await line.answer()


def _on_purpose(what: str, fault: PushFault) -> PushResult:
    return PushResult(failure="push-failed", error=f"the simulator {what}, as scripted ({fault})")


PUSH_FAULTS: Mapping[PushFault, _Fault] = MappingProxyType(
    {
        PushFault.SLOW: _slow,
        PushFault.CUT: _cut,
        PushFault.RESET: _reset,
        PushFault.MALFORMED: _malformed,
        PushFault.BURST: _burst,
    }
)
"""What each fault does to a push."""
