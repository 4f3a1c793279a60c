"""Faults on the way in: how an answer is late, spoilt, or never sent.

A fault that has a page, or spoils what an answer says, is no more than its row; any other is the function of its name,
in small letters. They reach the wire through the connection, past HTTP where HTTP would be in the way.

Reading: R22.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from hashlib import blake2b
from types import MappingProxyType

import msgspec

from cloudsms_simulator.engine.faults import LONGEST_HANG, AnswerFault, Fault
from cloudsms_simulator.net.asgi import RequestConnection, RunningRequest

DRIBBLE_DURATION = timedelta(seconds=5)
"""How long an answer dribbles when nothing else is said."""
DRIBBLE_STEP = timedelta(milliseconds=20)
"""The pieces of a long answer do not follow each other faster than this."""
GARBAGE_OCTETS = 256
"""How many octets RANDOM_DATA_THEN_CLOSE sends."""


class FaultyAnswer(msgspec.Struct, frozen=True):
    """A request that trouble befalls. `answer` is empty when there is none; then only what needs none befalls it."""

    connection: RequestConnection
    request: RunningRequest
    trouble: AnswerFault
    answer: bytes
    stopping: asyncio.Event


async def apply_fault(
    connection: RequestConnection, trouble: AnswerFault, answer: bytes | None, stopping: asyncio.Event
) -> None:
    """Lets trouble befall the request that the connection is handling and whose body has arrived.

    Returns when that is over: a whole answer is with the transport, or the connection is ending and the request will
    not be answered. After whole answers (late, HTTP_500, HTML_PAGE, DRIBBLE, mangled ones) the connection goes on as
    after any other. Without an answer, what would spoil one ends the connection instead.

    Durations are wall time, and over at once when `stopping` is set or the client goes away: what dribbles is then sent
    at once, what hangs is cut. Cancelling cuts the connection.
    """
    request = connection.running
    if request is None:
        return
    blow = FaultyAnswer(connection, request, trouble, answer or b"", stopping)
    try:
        await _wait(blow, trouble.delay.total_seconds())
        if not request.disconnected:
            await _function(trouble.fault, answer is not None)(blow)
    except asyncio.CancelledError:
        _give_up(blow)
        connection.abort()
        raise


def garbage(rule: str) -> bytes:
    """Octets that mean nothing, always the same for the same rule. They begin neither an HTTP answer nor a chunk."""
    size = blake2b.MAX_DIGEST_SIZE
    seed = rule.encode("utf-8", "surrogatepass")
    blocks = [blake2b(b"%d %b" % (block, seed), digest_size=size).digest() for block in range(GARBAGE_OCTETS // size)]
    return b"\xff" + b"".join(blocks)[1:]


# What may happen


async def answer_late(blow: FaultyAnswer) -> None:
    """The true answer, after the delay."""
    await blow.connection.answer_with(blow.answer)


async def connection_reset_by_peer(blow: FaultyAnswer) -> None:
    """A TCP reset. Over TLS the client sees a lost connection."""
    _give_up(blow)
    blow.connection.reset()


async def empty_response(blow: FaultyAnswer) -> None:
    """The connection is closed without a byte."""
    _give_up(blow)
    blow.connection.linger()


async def random_data_then_close(blow: FaultyAnswer) -> None:
    """Garbage in place of HTTP."""
    _give_up(blow)
    blow.connection.write(garbage(blow.trouble.rule))
    blow.connection.linger()


async def malformed_response_chunk(blow: FaultyAnswer) -> None:
    """Status 200, and garbage where a chunk should begin."""
    headers = [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")]
    await blow.request.send({"type": "http.response.start", "status": 200, "headers": headers})
    await random_data_then_close(blow)


async def dribble(blow: FaultyAnswer) -> None:
    """The true answer, in as many pieces as it has octets, or fewer where they would follow each other too fast."""
    over = DRIBBLE_DURATION if blow.trouble.over is None else blow.trouble.over
    answer, request = blow.answer, blow.request
    pieces = max(1, min(len(answer), over // DRIBBLE_STEP))
    clock = asyncio.get_running_loop().time
    start = clock()
    await _begin(request, 200, b"application/json", len(answer))
    sent = 0
    for piece in range(1, pieces + 1):
        await _wait(blow, start + over.total_seconds() * piece / pieces - clock())
        end = len(answer) if blow.stopping.is_set() else len(answer) * piece // pieces
        rest = end < len(answer)
        await request.send({"type": "http.response.body", "body": answer[sent:end], "more_body": rest})
        if request.disconnected or not rest:
            return
        sent = end


async def accept_then_hang(blow: FaultyAnswer) -> None:
    """Silence on an open connection, then its end; at once when the client has closed its side."""
    over = LONGEST_HANG if blow.trouble.over is None else min(blow.trouble.over, LONGEST_HANG)
    await _wait(blow, over.total_seconds(), blow.connection.input_ended)
    _give_up(blow)
    blow.connection.abort()


async def processed_no_answer(blow: FaultyAnswer) -> None:
    """The request has had its effect, and the connection is closed without a byte."""
    await empty_response(blow)


async def _wrong_in_meaning(blow: FaultyAnswer) -> None:
    """Status 200 and an answer that is wrong in what it says."""
    assert blow.trouble.fault is not None
    assert blow.trouble.fault.effect.spoil is not None
    await blow.connection.answer_with(blow.trouble.fault.effect.spoil(blow.answer))


async def _page_instead(blow: FaultyAnswer) -> None:
    """The fault's own page in place of any answer."""
    assert blow.trouble.fault is not None
    effect = blow.trouble.fault.effect
    page, status = effect.page or b"", effect.status or 200
    await _begin(blow.request, status, effect.page_type, len(page))
    await blow.request.send({"type": "http.response.body", "body": page, "more_body": False})


def _what_happens(fault: Fault) -> Callable[[FaultyAnswer], Awaitable[None]]:
    if fault.effect.page is not None:
        return _page_instead
    if fault.effect.spoil is not None:
        return _wrong_in_meaning
    happens: Callable[[FaultyAnswer], Awaitable[None]] = globals()[fault.value.lower()]
    return happens


ANSWER_FAULTS: Mapping[Fault, Callable[[FaultyAnswer], Awaitable[None]]] = MappingProxyType(
    {fault: _what_happens(fault) for fault in Fault}
)


def _function(fault: Fault | None, answered: bool) -> Callable[[FaultyAnswer], Awaitable[None]]:
    needs_answer = fault is None or fault.effect.whole or fault.effect.spoil is not None
    if needs_answer and not answered:
        return empty_response
    return answer_late if fault is None else ANSWER_FAULTS[fault]


# How


async def _begin(request: RunningRequest, status: int, kind: bytes, octets: int) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % octets)]
    await request.send({"type": "http.response.start", "status": status, "headers": headers})


def _give_up(blow: FaultyAnswer) -> None:
    """From here on the request counts as done with, and whatever was queued behind it is forgotten."""
    blow.connection.interrupt()
    blow.request.response_complete = True


async def _wait(blow: FaultyAnswer, seconds: float, *more: asyncio.Event) -> None:
    """Returns after so long, or as soon as the listener stops, the client is gone, or one of `more` is set."""
    if seconds <= 0:
        return
    ends: list[asyncio.Future[object]] = [asyncio.ensure_future(each.wait()) for each in (blow.stopping, *more)]
    ends.append(asyncio.ensure_future(_client_gone(blow.request)))
    try:
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in ends:
            each.cancel()


async def _client_gone(request: RunningRequest) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
