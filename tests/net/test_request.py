"""A request as applications see it: its scope, and how it tells that something happened.

Spec: Interface specification and communication principle.
"""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import httptools
import pytest

from cloudsms_simulator.net.http_protocol import RequestCycle, base_scope

PEER, HERE = ("127.0.0.1", 50_000), ("127.0.0.1", 61815)


def request() -> RequestCycle:
    """One of which nothing but its head has come; there is room for an answer."""
    flow = SimpleNamespace(write_paused=False, resume_reading=lambda: None)
    transport = SimpleNamespace(is_closing=lambda: False)
    scope = base_scope(b"/dave/io", "http", PEER, HERE)
    return RequestCycle(scope, transport, flow, [], lambda: None, keep_alive=True, expects_continue=False)  # type: ignore[arg-type]


def test_a_scope_tells_the_target_as_it_came_and_as_it_reads() -> None:
    scope = base_scope(b"/dave%20io?a=%31", "https", PEER, HERE)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/dave io", b"/dave%20io", b"a=%31")
    assert (scope["type"], scope["scheme"], scope["client"], scope["server"]) == ("http", "https", PEER, HERE)


def test_what_is_no_target_has_no_scope() -> None:
    with pytest.raises(httptools.HttpParserInvalidURLError):
        base_scope(b":", "http", PEER, HERE)


async def received(each: RequestCycle) -> object:
    """What the application receives, None when there is nothing yet."""
    receiving = asyncio.ensure_future(each.receive())
    await asyncio.sleep(0)
    if receiving.done():
        return receiving.result()
    receiving.cancel()
    return None


def piece(each: RequestCycle) -> None:
    each.body += b"{"


def end(each: RequestCycle) -> None:
    each.more_body = False


def hang_up(each: RequestCycle) -> None:
    each.disconnected = True


def complete(each: RequestCycle) -> None:
    each.response_complete = True


GONE = {"type": "http.disconnect"}
HAPPENINGS = [
    (piece, {"type": "http.request", "body": b"{", "more_body": True}),
    (end, {"type": "http.request", "body": b"", "more_body": False}),
    (hang_up, GONE),
    (complete, GONE),
]


@pytest.mark.parametrize(("happen", "told"), HAPPENINGS)
def test_what_happened_before_anybody_waited_is_told_at_once(
    happen: Callable[[RequestCycle], None], told: object
) -> None:
    async def story() -> object:
        each = request()
        happen(each)
        each.wake()
        return await received(each)

    assert asyncio.run(story()) == told


@pytest.mark.parametrize(("happen", "told"), HAPPENINGS)
def test_who_waits_is_told_when_it_happens(happen: Callable[[RequestCycle], None], told: object) -> None:
    async def story() -> tuple[object, object]:
        each = request()
        before = await received(each)
        receiving = asyncio.ensure_future(each.receive())
        await asyncio.sleep(0)
        happen(each)
        each.wake()
        return before, await receiving

    assert asyncio.run(story()) == (None, told)


def test_what_was_told_once_is_not_told_again() -> None:
    async def story() -> list[object]:
        each = request()
        piece(each)
        each.wake()
        return [await received(each), await received(each)]

    assert asyncio.run(story()) == [{"type": "http.request", "body": b"{", "more_body": True}, None]
