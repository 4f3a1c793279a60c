"""HTTP answers, put together from pieces.

Spec: Delivery Report (DR) CallBack.
"""

import gc
import weakref

import pytest

from cloudsms_simulator.net.http_parser import LONGEST_BODY, LONGEST_HEAD, AnswerParser, BadAnswerError


def fed(*pieces: bytes) -> AnswerParser:
    answer = AnswerParser()
    for piece in pieces:
        answer.feed(piece)
    return answer


def said(answer: AnswerParser) -> tuple[int | None, bytes, bool]:
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
    answer = fed(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b"x" * LONGEST_BODY + b"y", b"z")

    assert said(answer) == (200, b"x" * LONGEST_BODY, True)


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
    with pytest.raises(BadAnswerError):
        fed(wire)


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\nX Bad: 1\r\n\r\n{}", '"X Bad: 1" in its head: Invalid header token'),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            '"Transfer-Encoding: chunked" in its head: Transfer-Encoding can\'t be present with Content-Length',
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
            '"Content-Length: 2" in its head: Content-Length can\'t be present with Transfer-Encoding',
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", '"Content-Length:" in its head: Empty Content-Length'),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nno colon\r\n\r\n", '"no colon" in its head: Invalid header'),
        (b"220 mail.example ESMTP\r\n", 'it begins with "220 mail.example ESMTP"'),
        (b"x" * 1000, f'it begins with "{"x" * 80}…"'),
        (b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "another protocol (101)"),
    ],
)
@pytest.mark.parametrize("by_line", [False, True])
def test_of_what_is_no_answer_the_line_that_is_wrong_is_named(wire: bytes, problem: str, by_line: bool) -> None:
    with pytest.raises(BadAnswerError) as raised:
        fed(*(wire.splitlines(keepends=True) if by_line else [wire]))
    assert problem in str(raised.value)


def test_a_head_may_have_64_kib_and_no_more() -> None:
    def answer(octets: int) -> bytes:
        start, end = b"HTTP/1.1 200 OK\r\nX: ", b"\r\nContent-Length: 2\r\n\r\n"
        return start + b"x" * (octets - len(start) - len(end)) + end + b"{}"

    for size in (1000, 2 * LONGEST_HEAD):
        good, bad = answer(LONGEST_HEAD), answer(LONGEST_HEAD + 1)
        assert said(fed(*(good[at : at + size] for at in range(0, len(good), size)))) == (200, b"{}", True)
        with pytest.raises(BadAnswerError, match=r"^its head is longer than 64 KiB$"):
            fed(*(bad[at : at + size] for at in range(0, len(bad), size)))
    with pytest.raises(BadAnswerError, match=r"^its head is longer than 64 KiB$"):
        fed(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 3000)


@pytest.mark.parametrize(
    ("wire", "keeps_open"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}surplus", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 2 * LONGEST_BODY, False),
    ],
)
def test_a_connection_stays_open_where_the_answer_is_whole_and_nothing_follows_it(
    wire: bytes, keeps_open: bool
) -> None:
    answer = fed(wire)
    assert (answer.complete, answer.keeps_open) == (True, keeps_open)


def test_one_answer_after_the_other_is_read() -> None:
    answer = AnswerParser()
    for status in (200, 404, 204):
        answer.begin()
        assert not answer.has_begun
        answer.feed(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
        assert (said(answer), answer.keeps_open, answer.has_begun) == ((status, b"", True), True, True)


def test_bare_line_feeds_and_folded_headers_are_taken() -> None:
    assert said(fed(b"HTTP/1.1 200 OK\nX: a\n folded\nContent-Length: 2\n\n{}")) == (200, b"{}", True)


@pytest.mark.parametrize(
    ("wire", "location"),
    [
        (b"HTTP/1.1 302 Found\r\nlocation: /there\r\nContent-Length: 0\r\n\r\n", "/there"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 201 Created\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n", None),
        (
            b"HTTP/1.1 103 Early\r\nLocation: /no\r\n\r\nHTTP/1.1 308 X\r\nLocation: /\xe6\x8a\xa5\r\nContent-Length: 0"
            b"\r\n\r\nHTTP/1.1 302 X\r\nLocation: /no\r\n\r\n",
            "/报",
        ),
    ],
)
def test_a_redirect_says_where_to(wire: bytes, location: str | None) -> None:
    assert fed(wire).location == location


def test_what_a_closed_parser_read_is_let_go_without_the_garbage_collector() -> None:
    gc.disable()
    try:
        answer = fed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        there = weakref.ref(answer)
        answer.close()
        del answer
        assert there() is None
    finally:
        gc.enable()
