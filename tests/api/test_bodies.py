"""Bodies: what is read, and what a body that does not fit is told."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import msgspec
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.api.http import read_json

ADVANCE = "/api/v1/clock/advance"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[1]", "the body is not a JSON object; send {…}"),
        (b"null", "the body is not a JSON object; send {…}"),
        (b'{"by": 1', "the body is not JSON: Input data was truncated"),
        (b'{"by": "\xff"}', "the body is not JSON: 'utf-8' codec can't decode byte 0xff in position 8"),
        (b'{"bye": 1}', 'unknown key "bye"; did you mean "by"?'),
        (b'{"for": 1}', 'unknown key "for"; there is by, to, timeout'),
        (b'{"by": []}', 'by: got [], want a duration such as "PT25H" or "3s", or seconds'),
        (b'{"by": true}', 'by: got true, want a duration such as "PT25H" or "3s", or seconds'),
        (
            b'{"to": "noon"}',
            'to: got "noon", want an ISO 8601 moment with its zone, such as "2026-11-23T12:00:00+08:00"',
        ),
        (b'{"to": "2026-11-23T12:00:00"}', 'to: got "2026-11-23T12:00:00", want an ISO 8601 moment with its zone'),
    ],
)
def test_a_body_that_does_not_fit_is_told_what_would(scene, body: bytes, told: str) -> None:
    answer = scene.client.post(ADVANCE, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].startswith(told)


def test_a_long_value_is_cut_in_the_complaint(scene) -> None:
    told = scene.post("/api/v1/clock/resume", {"rate": "x" * 1000}, 400)
    assert told == f'rate: got "{"x" * 59}…, want how many times as fast, 0.001 to 1,000,000'


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json", 200), ("Application/JSON; charset=utf-8", 200), ("text/plain", 415), ("", 415)],
)
def test_a_body_is_json_and_says_so(scene, content_type: str, status: int) -> None:
    answer = scene.client.post(ADVANCE, content=b'{"by": 1}', headers={"Content-Type": content_type})
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["detail"] == f'the Content-Type is "{content_type}"; send application/json'


def test_no_body_is_as_good_as_an_empty_object(scene) -> None:
    assert scene.post("/api/v1/clock/freeze") == scene.post("/api/v1/clock/freeze", {})


@pytest.mark.parametrize("octets", [64 * 1024, 64 * 1024 + 1])
def test_a_body_has_64_kib_at_most(scene, octets: int) -> None:
    body = b'{"by": 1}'.ljust(octets)
    answer = scene.client.post(ADVANCE, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (200 if octets == 64 * 1024 else 413)


class Order(msgspec.Struct, frozen=True):
    """A body with a key that must be there."""

    count: Annotated[int, msgspec.Meta(description="how many, a whole number")]
    note: str = ""


def read(*pieces: bytes, whole: bool = True) -> Order:
    """What comes of a body that arrives in pieces."""

    def messages() -> Iterator[dict[str, object]]:
        for piece in pieces:
            yield {"type": "http.request", "body": piece, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False} if whole else {"type": "http.disconnect"}

    coming = messages()

    async def receive() -> dict[str, object]:
        return next(coming)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    return asyncio.run(read_json(Request(scope, receive), Order))


def test_a_body_may_come_in_pieces() -> None:
    assert read(b'{"count": 3, ', b'"note": "x"}') == Order(3, "x")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{}", "count is missing: want how many, a whole number"),
        (b'{"count": 1.5}', "count: got 1.5, want how many, a whole number"),
        (b'{"count": 1, "note": 5}', "note: got 5: Expected `str`, got `int`"),
    ],
)
def test_a_key_that_is_missing_or_wrong_is_told(body: bytes, told: str) -> None:
    with pytest.raises(HTTPException) as refused:
        read(body)
    assert (refused.value.status_code, refused.value.detail) == (400, told)


def test_a_client_that_leaves_in_the_middle_is_no_slip_of_ours() -> None:
    with pytest.raises(HTTPException) as refused:
        read(b'{"count": ', whole=False)
    assert refused.value.detail == "the body did not arrive whole"
