"""Push faults: pushes that go wrong on their way to the customer, as a scenario says.

A fault is a function in this table. What aiohttp cannot be made to send is written here octet by octet; all other
pushes go through `PushClient`.

Spec: Delivery Report (DR) CallBack. Reading: R22.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import MappingProxyType

from cloudsms_simulator.engine.fault import PushFault
from cloudsms_simulator.engine.report import Push, PushResult
from cloudsms_simulator.protocol.altered_report import malformed
from cloudsms_simulator.server.push_line import PushLine, PushLineError
from cloudsms_simulator.server.push_remedies import Way

BURST = 10
"""How many times the same report arrives at once."""

SLOW_FOR = timedelta(seconds=3)
"""How long the body of a slow push takes, in wall time, but never over half of the callback's timeout."""

_PIECES = 20

_Fault = Callable[[bytes, Way, ssl.SSLContext | None], Awaitable[PushResult]]


async def push_with_fault(push: Push, way: Way, fault: PushFault, context: ssl.SSLContext | None) -> PushResult:
    """What came of a push that went wrong on purpose: an answer, or the rule that names what kept it from coming.

    Each has a connection of its own, of the TLS identity `context`, which is None for plain HTTP. Timeouts are the
    callback's. A push that is cut or reset expects no answer: it has failed, as scripted.
    """
    try:
        return await PUSH_FAULTS[fault](push.body, way, context)
    except PushLineError as error:
        return error.result


async def _slow(body: bytes, way: Way, context: ssl.SSLContext | None) -> PushResult:
    """The body trickles, but arrives whole and in time."""
    pause = min(SLOW_FOR, way.callback.timeout / 2).total_seconds() / _PIECES
    size = -(-len(body) // _PIECES)
    async with PushLine(way, context) as line:
        line.begin(len(body))
        for start in range(0, len(body), size):
            await asyncio.sleep(pause)
            if line.lost:
                break
            line.write(body[start : start + size])
        return await line.answer()


async def _cut(body: bytes, way: Way, context: ssl.SSLContext | None) -> PushResult:
    """All of the body is announced, half of it is sent, and the connection is closed in order."""
    async with PushLine(way, context) as line:
        line.begin(len(body))
        line.write(body[: len(body) // 2])
        await line.close()
    return _on_purpose("cut the push off half-way", PushFault.CUT)


async def _reset(body: bytes, way: Way, context: ssl.SSLContext | None) -> PushResult:
    """Half of the body is sent, and the connection is reset."""
    async with PushLine(way, context) as line:
        line.begin(len(body))
        line.write(body[: len(body) // 2])
        await line.reset()
    return _on_purpose("reset the connection half-way through the push", PushFault.RESET)


async def _malformed(body: bytes, way: Way, context: ssl.SSLContext | None) -> PushResult:
    """The HTTP is in order, the report in it is no JSON."""
    return await _whole(malformed(body), way, context)


async def _burst(body: bytes, way: Way, context: ssl.SSLContext | None) -> PushResult:
    """The same report, the same SERIAL in it, on ten connections at once; the answer on the first one counts."""
    results = await asyncio.gather(*(_whole(body, way, context) for _ in range(BURST)), return_exceptions=True)
    first = results[0]
    if isinstance(first, BaseException):
        raise first
    return first


async def _whole(body: bytes, way: Way, context: ssl.SSLContext | None) -> PushResult:
    async with PushLine(way, context) as line:
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
