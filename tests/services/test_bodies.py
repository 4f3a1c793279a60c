"""Bodies: whole, in pieces, too large, too slow, and cut off.

Spec: Interface specification and communication principle. Reading: R5.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope

from cloudsms_simulator.services.endpoint import BodyLimits, BodyTooLarge, BodyUnfinished, read_body

LIMITS = BodyLimits(10, timedelta(seconds=30))
AT_ONCE = BodyLimits(10, timedelta(milliseconds=1))
GONE: Message = {"type": "http.disconnect"}


def scope_of(*headers: tuple[bytes, bytes], there: bytes | None = None) -> Scope:
    """A request whose body is all there when the application is called, or still to come."""
    connection = SimpleNamespace(whole_body=lambda: there)
    return {"headers": list(headers), "extensions": {"sim.connection": connection}}


def piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def receiving(*messages: Message) -> Receive:
    """Hands out messages, and then nothing more for ever."""
    remaining = list(messages)

    async def receive() -> Message:
        if not remaining:
            await asyncio.get_running_loop().create_future()
        return remaining.pop(0)

    return receive


def read(scope: Scope, receive: Receive, limits: BodyLimits = LIMITS) -> bytes | BodyTooLarge | BodyUnfinished:
    return asyncio.run(read_body(scope, receive, limits))


@pytest.mark.parametrize("body", [b"{}", b""])
def test_a_body_that_is_all_there_is_taken_as_it_is_and_costs_no_timer(body: bytes) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        timers: list[object] = []
        loop.call_at = lambda *call, **_more: timers.append(call)  # type: ignore[method-assign]
        assert await read_body(scope_of(there=body), receiving(), LIMITS) == body
        assert timers == []

    asyncio.run(story())


@given(st.lists(st.binary(max_size=4), min_size=1))
def test_a_body_in_pieces_is_put_together_up_to_the_limit(pieces: list[bytes]) -> None:
    messages = [piece(each, more=index < len(pieces) - 1) for index, each in enumerate(pieces)]
    whole = b"".join(pieces)
    arrived = read(scope_of(), receiving(*messages))
    if len(whole) <= LIMITS.size:
        assert arrived == whole
    else:
        assert isinstance(arrived, BodyTooLarge)
        assert LIMITS.size < arrived.octets <= len(whole)


@pytest.mark.parametrize(("size", "fits"), [(10, True), (11, False)])
def test_the_limit_itself_fits(size: int, fits: bool) -> None:
    body = b"x" * size
    expected = body if fits else BodyTooLarge(size)
    assert read(scope_of(there=body), receiving()) == expected
    assert read(scope_of(), receiving(piece(body, more=False))) == expected


def test_a_body_that_says_it_will_be_too_large_is_not_waited_for() -> None:
    scope = scope_of((b"host", b"a"), (b"content-length", b"2000000000"))
    assert read(scope, receiving()) == BodyTooLarge(2_000_000_000)


@pytest.mark.parametrize("length", [b"", b"x", b"-1", b"\xb2"])
def test_a_length_that_is_no_number_says_nothing(length: bytes) -> None:
    scope = scope_of((b"content-length", length))
    assert read(scope, receiving(piece(b"{}", more=False))) == b"{}"


@pytest.mark.parametrize("arrived", [b"", b'{"ME'], ids=["nothing came", "a piece came"])
def test_a_body_that_does_not_come_in_time_is_unfinished(arrived: bytes) -> None:
    messages = [piece(arrived, more=True)] if arrived else []
    expected = BodyUnfinished(arrived, "no more came within 0:00:00.001000", hung_up=False)
    assert read(scope_of(), receiving(*messages), AT_ONCE) == expected


def test_of_an_unfinished_body_no_more_is_kept_than_the_limit() -> None:
    pieces = [piece(b"x" * LIMITS.size, more=True), GONE]
    assert read(scope_of(), receiving(*pieces)) == BodyUnfinished(
        b"x" * LIMITS.size, "the client hung up", hung_up=True
    )
    assert read(scope_of(), receiving(piece(b"x", more=True), *pieces)) == BodyTooLarge(LIMITS.size + 1)


@pytest.mark.parametrize(
    ("messages", "arrived"),
    [([GONE], b""), ([piece(b'{"ME', more=True), GONE], b'{"ME')],
    ids=["before the body", "in the middle"],
)
def test_a_client_that_hangs_up_leaves_what_arrived(messages: Iterable[Message], arrived: bytes) -> None:
    assert read(scope_of(), receiving(*messages)) == BodyUnfinished(arrived, "the client hung up", hung_up=True)
