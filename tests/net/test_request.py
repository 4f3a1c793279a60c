"""A request as applications see it: its scope, and how it tells that something happened.

Spec: Interface specification and communication principle.
"""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import httptools
import pytest

from cloudsms_simulator.net.http_connection import HttpRequest
from cloudsms_simulator.net.http_parser import RequestHead, head_of_scope, path_below_root, request_head

PEER, HERE = ("127.0.0.1", 50_000), ("127.0.0.1", 61815)


def head_of(target: bytes) -> RequestHead:
    return request_head("POST", target, "1.1", [(b"host", b"a")], keep_alive=True, octets=40)


def request(target: bytes = b"/dave/io", scheme: str = "http") -> HttpRequest:
    """One of which nothing but its head has come."""
    connection = SimpleNamespace(
        scheme=scheme, peer=PEER, local_address=HERE, tls=None, resume_reading=lambda: None, write_paused=False
    )
    return HttpRequest(connection, head_of(target), more_body=True)  # type: ignore[arg-type]


def test_a_scope_tells_the_target_as_it_came_and_as_it_reads() -> None:
    scope = request(b"/dave%20io?a=%31", "https").scope
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/dave io", b"/dave%20io", b"a=%31")
    assert (scope["type"], scope["scheme"], scope["client"], scope["server"]) == ("http", "https", PEER, HERE)


def test_what_an_application_does_to_its_headers_is_not_seen_by_the_next_request() -> None:
    each = request()
    each.scope["headers"].append((b"x", b"y"))
    assert HttpRequest(each.connection, each.head, more_body=False).scope["headers"] == [(b"host", b"a")]


def test_the_head_of_a_scope_is_that_of_its_request_or_told_by_the_scope_itself() -> None:
    each = request(b"/a%20b?c")
    assert head_of_scope(each.scope) is each.head
    told = head_of_scope({"method": "POST", "path": "/a b", "headers": [(b"host", b"a")], "extensions": {}})
    assert told == RequestHead("POST", "/a b", b"/a%20b", b"", "1.1", ((b"host", b"a"),))


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        ("", "/dave/io", "/dave/io"),
        ("/base", "/base/dave/io", "/dave/io"),
        ("/base/", "/base/dave/io", "/dave/io"),
        ("/base", "/dave/io", "/dave/io"),
        ("/base", "/basement", "/basement"),
        ("/base", "/base/", "/"),
        ("/base", "/base", "/"),
        ("/base", "", "/"),
    ],
)
def test_the_path_below_a_base_path_is_the_rest_of_it_and_any_other_path_stays(
    root: str, path: str, below: str
) -> None:
    assert path_below_root({"root_path": root, "path": path}) == below


def test_what_is_no_target_has_no_head() -> None:
    with pytest.raises(httptools.HttpParserInvalidURLError):
        head_of(b":")


async def received(each: HttpRequest) -> object:
    """What the application receives, None when there is nothing yet."""
    receiving = asyncio.ensure_future(each.receive())
    await asyncio.sleep(0)
    if receiving.done():
        return receiving.result()
    receiving.cancel()
    return None


def piece(each: HttpRequest) -> None:
    each.body += b"{"


def end(each: HttpRequest) -> None:
    each.more_body = False


def hang_up(each: HttpRequest) -> None:
    each.disconnect()


def complete(each: HttpRequest) -> None:
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
    happen: Callable[[HttpRequest], None], told: object
) -> None:
    async def story() -> object:
        each = request()
        happen(each)
        each.wake()
        return await received(each)

    assert asyncio.run(story()) == told


@pytest.mark.parametrize(("happen", "told"), HAPPENINGS)
def test_who_waits_is_told_when_it_happens(happen: Callable[[HttpRequest], None], told: object) -> None:
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
