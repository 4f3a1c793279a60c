"""The push client: POSTs a delivery report to a customer's server, in order or with a fault, and says how that went.

One HTTP client serves all accounts; its connections are kept per address and TLS identity. Failures are results, not
exceptions. A fault of pushes, as a scenario says it (slow, cut, reset, malformed, burst), is the function of its name.
Each writes what it wants, piece by piece, on connections of its own; all other pushes share connections.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12, R22.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import Identity, PushFault
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.certificates import CertificateError, CertificateFiles
from cloudsms_simulator.net.http_client import (
    ClientConnection,
    HttpClient,
    HttpUrl,
    content_length,
    parse_url,
    post_head,
)
from cloudsms_simulator.net.http_parser import HttpClientError
from cloudsms_simulator.net.tls import push_context
from cloudsms_simulator.net.tls_faults import CertificatePaths, FlawedCertificates
from cloudsms_simulator.protocol import delivery_report
from cloudsms_simulator.push.failures import PushTarget

_TlsIdentity = tuple[str | None, str | None, str | None, bool, Identity]


class PushClient:
    """Pushes reports. `files` holds the certificate shown by default and the authority trusted beside the system's."""

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._flawed = FlawedCertificates(files)
        self._contexts: dict[_TlsIdentity, ssl.SSLContext] = {}
        self._http = HttpClient()

    async def post(self, push: Push, callback: Callback) -> PushResult:
        """The answer of the customer's server, or the rule that names what kept it from answering."""
        try:
            url, head = _request(push.url)
        except ValueError:
            return PushResult(failure="push-failed", error=f"{push.url} is no address to push to")
        try:
            context = self.context(callback) if url.is_tls else None
        except CertificateError as error:
            return PushResult(failure="push-tls", error=str(error))
        if push.fault is not None:
            return await push_with_fault(self._http, push, self._target(push, callback), push.fault, context)
        body = push.body
        try:
            answer = await self._http.exchange(
                url,
                b"%b%b%b" % (head, content_length(len(body)), body),
                context,
                within=callback.timeout.total_seconds(),
                connect_within=callback.connect_timeout.total_seconds(),
            )
        except HttpClientError as error:
            result = self._target(push, callback).unanswered(error)
            return msgspec.structs.replace(result, repeated=error.repeated)
        return PushResult(
            answer.status, answer.body, tls=answer.tls, location=answer.location, repeated=answer.repeated
        )

    def context(self, callback: Callback) -> ssl.SSLContext:
        """The TLS identity that an account's pushes have. CertificateError when a file cannot serve."""
        identity = (callback.client_cert, callback.client_key, callback.ca, callback.verify, callback.identity)
        context = self._contexts.get(identity)
        if context is None:
            context = self._contexts[identity] = push_context(
                self._shown(callback),
                (self._files.ca, *([Path(callback.ca)] if callback.ca is not None else [])),
                verify=callback.verify,
            )
        return context

    async def close(self) -> None:
        """Closes every connection."""
        await self._http.close()

    def _target(self, push: Push, callback: Callback) -> PushTarget:
        return PushTarget(push.url, callback, push.account, self._files.directory)

    def _shown(self, callback: Callback) -> CertificatePaths | None:
        if callback.identity is not Identity.VALID:
            return self._flawed.as_client(callback.identity)
        certificate, key = callback.client_cert, callback.client_key
        return Path(certificate or self._files.platform_cert), Path(key or self._files.platform_key)


@lru_cache(maxsize=256)
def _request(url: str) -> tuple[HttpUrl, bytes]:
    """A callback's URL, and the head of every push to it. ValueError for one that is none."""
    parsed = parse_url(url)
    return parsed, post_head(parsed, b"Content-Type: application/json")


BURST_COPIES = 10
"""How many times the same report arrives at once."""

SLOW_DURATION = timedelta(seconds=3)
"""How long the body of a slow push takes, in wall time, but never over half of the callback's timeout."""

_PIECES = 20


class _Way:
    """The way of one push that goes wrong: `open` makes its connections."""

    def __init__(self, http: HttpClient, target: PushTarget, context: ssl.SSLContext | None) -> None:
        self._http = http
        self._context = context
        self._url = parse_url(target.url)
        callback = target.callback
        self.within = callback.timeout.total_seconds()
        self._connect_within = callback.connect_timeout.total_seconds()

    @asynccontextmanager
    async def open(self, announced: int) -> AsyncIterator[ClientConnection]:
        """A connection on which a push has begun, which announces a body of so many octets."""
        async with self._http.connection(
            self._url, self._context, within=self.within, connect_within=self._connect_within
        ) as connection:
            head = post_head(self._url, b"Content-Type: application/json", b"Connection: close")
            connection.write(head + content_length(announced))
            yield connection


_Fault = Callable[[bytes, _Way], Awaitable[PushResult]]


async def push_with_fault(
    http: HttpClient, push: Push, target: PushTarget, fault: PushFault, context: ssl.SSLContext | None
) -> PushResult:
    """What came of a push that went wrong on purpose: an answer, or the rule that names what kept it from coming.

    Each has a connection of its own, of the TLS identity `context`, which is None for plain HTTP. Timeouts are the
    callback's. A push that is cut or reset expects no answer: it has failed, as scripted. ValueError for a URL that is
    no address.
    """
    try:
        return await PUSH_FAULTS[fault](push.body, _Way(http, target, context))
    except HttpClientError as error:
        return target.unanswered(error)


async def slow(body: bytes, way: _Way) -> PushResult:
    """The body trickles, but arrives whole and in time."""
    pause = min(SLOW_DURATION.total_seconds(), way.within / 2) / _PIECES
    size = -(-len(body) // _PIECES)
    async with way.open(len(body)) as connection:
        for start in range(0, len(body), size):
            await asyncio.sleep(pause)
            if connection.is_lost:
                break
            connection.write(body[start : start + size])
        return await _answered(connection)


async def cut(body: bytes, way: _Way) -> PushResult:
    """All of the body is announced, half of it is sent, and the connection is closed in order."""
    async with way.open(len(body)) as connection:
        connection.write(body[: len(body) // 2])
        await connection.close()
    return _on_purpose("cut the push off half-way", PushFault.CUT)


async def reset(body: bytes, way: _Way) -> PushResult:
    """Half of the body is sent, and the connection is reset."""
    async with way.open(len(body)) as connection:
        connection.write(body[: len(body) // 2])
        await connection.reset()
    return _on_purpose("reset the connection half-way through the push", PushFault.RESET)


async def malformed(body: bytes, way: _Way) -> PushResult:
    """The HTTP is in order, the report in it is no JSON."""
    return await _whole(delivery_report.malformed(body), way)


async def burst(body: bytes, way: _Way) -> PushResult:
    """The same report, the same SERIAL in it, on ten connections at once; the answer on the first one counts."""
    results = await asyncio.gather(*(_whole(body, way) for _ in range(BURST_COPIES)), return_exceptions=True)
    first = results[0]
    if isinstance(first, BaseException):
        raise first
    return first


async def _whole(body: bytes, way: _Way) -> PushResult:
    async with way.open(len(body)) as connection:
        connection.write(body)
        return await _answered(connection)


async def _answered(connection: ClientConnection) -> PushResult:
    answer = await connection.answer()
    return PushResult(answer.status, answer.body, tls=answer.tls, location=answer.location)


def _on_purpose(what: str, fault: PushFault) -> PushResult:
    return PushResult(failure="push-failed", error=f"the simulator {what}, as scripted ({fault})")


PUSH_FAULTS: Mapping[PushFault, _Fault] = MappingProxyType(
    {fault: globals()[fault.value.lower()] for fault in PushFault}
)
"""What each fault does to a push."""
