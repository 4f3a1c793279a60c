"""HTTP answers, put together from pieces.

Spec: Delivery Report (DR) CallBack.
"""

import httptools
import pytest

from cloudsms_simulator.net.http_client import MOST_OCTETS_READ, HttpAnswer


def fed(*pieces: bytes) -> HttpAnswer:
    answer = HttpAnswer()
    for piece in pieces:
        answer.feed(piece)
    return answer


def said(answer: HttpAnswer) -> tuple[int | None, bytes, bool]:
    return answer.status, bytes(answer.body), answer.complete


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("wire", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 500, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 1\r\n\r\n1", 201, b"1"),
    ],
    ids=["length", "chunks", "no body", "empty body", "interim"],
)
def test_an_answer_is_whole_when_its_framing_says_so(size: int, wire: bytes, status: int, body: bytes) -> None:
    pieces = [wire[start : start + size] for start in range(0, len(wire), size)]

    assert said(fed(*pieces)) == (status, body, True)
    assert said(fed(*pieces[:-1]))[2] is False


def test_an_answer_without_a_length_may_always_go_on() -> None:
    assert said(fed(b"HTTP/1.0 200 OK\r\n\r\n{", b"}")) == (200, b"{}", False)


def test_what_follows_an_answer_is_not_of_it() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    assert said(fed(answer + answer.replace(b"200", b"500"))) == (200, b"{}", True)
    assert said(fed(answer + b"nonsense")) == (200, b"{}", True)


def test_a_body_that_stops_making_sense_ends_there() -> None:
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nnonsense\r\n"

    assert said(fed(wire)) == (200, b"{}", True)


def test_of_a_long_body_only_its_beginning_is_kept() -> None:
    answer = fed(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b"x" * MOST_OCTETS_READ + b"y", b"z")

    assert said(answer) == (200, b"x" * MOST_OCTETS_READ, True)


@pytest.mark.parametrize(
    "wire",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
    ids=["no HTTP", "no status", "another protocol"],
)
def test_what_is_no_answer_raises(wire: bytes) -> None:
    with pytest.raises(httptools.HttpParserError):
        fed(wire)
