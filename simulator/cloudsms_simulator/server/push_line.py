"""A push line: one connection to a customer's server on which a push is written octet by octet.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12, R22.
"""

import asyncio
import ssl
import struct
from base64 import b64encode
from contextlib import suppress
from socket import SO_LINGER, SOL_SOCKET
from types import TracebackType
from urllib.parse import SplitResult, quote, unquote, urlsplit

import httptools

from cloudsms_simulator.engine.report import PushResult
from cloudsms_simulator.server.http_answer import HttpAnswer
from cloudsms_simulator.server.push_remedies import Way
from cloudsms_simulator.server.tls import tls_facts

_PORTS = {"http": 80, "https": 443}
_UNHURT = "/:@!$&'()*+,;=~?%"
"""Characters of a URL that go out as they are, beside letters and digits."""
_READ_AT_ONCE = 64 * 1024
_GOODBYE = 1.0
_A_ROUND = 0.001


class PushLineError(Exception):
    """There is no connection; `result` says why."""

    def __init__(self, result: PushResult) -> None:
        super().__init__(result.error)
        self.result = result


class PushLine:
    """An open connection: `async with PushLine(way, context) as line`.

    Entering connects, with TLS where there is a context, and raises PushLineError when that fails; leaving closes.
    Nothing takes longer than the callback's timeouts.
    """

    def __init__(self, way: Way, context: ssl.SSLContext | None) -> None:
        self._way = way
        self._url = way.url
        self._callback = way.callback
        self._context = context

    async def __aenter__(self) -> "PushLine":
        loop = asyncio.get_running_loop()
        whole, connecting = self._callback.timeout.total_seconds(), self._callback.connect_timeout.total_seconds()
        self._deadline = loop.time() + whole
        try:
            split = urlsplit(self._url)
            host, port = split.hostname, split.port or _PORTS.get(split.scheme)
            self._head = _head(split)
        except ValueError as error:
            raise PushLineError(self._way.broken_off(error, None)) from error
        if not host or port is None:
            told = f"{self._url} is no address to push to"
            raise PushLineError(PushResult(failure="push-failed", error=told))
        try:
            async with asyncio.timeout_at(loop.time() + min(connecting, whole)):
                self._reader, self._writer = await asyncio.open_connection(host, port, ssl=self._context)
        except TimeoutError as error:
            raise PushLineError(self._way.too_late_connected(min(connecting, whole))) from error
        except (OSError, ValueError) as error:
            raise PushLineError(self._way.unconnected(error)) from error
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
            async with asyncio.timeout(_GOODBYE):
                await self._writer.wait_closed()

    async def reset(self) -> None:
        """Ends the connection with a reset, once everything is written that can be."""
        with suppress(OSError):
            async with asyncio.timeout_at(self._deadline):
                await self._writer.drain()
        # What an event loop was given it may write only when it comes round again.
        await asyncio.sleep(_A_ROUND)
        with suppress(OSError):
            sock = self._writer.get_extra_info("socket")
            sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


def _head(split: SplitResult) -> bytes:
    """The request's head but for the length of its body. ValueError for a host that cannot be written."""
    target = quote(split.path or "/", _UNHURT) + (f"?{quote(split.query, _UNHURT)}" if split.query else "")
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
