"""What an application answers, as it goes over the wire, and what becomes of one that fails; on both event loops.

Spec: Interface specification and communication principle.
"""

import asyncio
import logging
from collections.abc import Callable

import pytest
from both_loops import Run
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import open_socket

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
SERVER_ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 21\r\n"
    b"connection: close\r\n\r\nInternal Server Error"
)

Headers = list[tuple[bytes, bytes]]
Exchange = Callable[[ASGIApp, bytes], bytes]


def begin(status: int = 200, headers: Headers | None = None) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers or []}


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def saying(*messages: Message) -> ASGIApp:
    """An application that says this, whatever it is asked."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


@pytest.fixture
def exchange(run: Run) -> Exchange:
    """Sends requests to an application, and returns all that comes until the connection ends, but for the dates."""

    def exchanged(app: ASGIApp, requests: bytes) -> bytes:
        received = b""

        async def story() -> None:
            nonlocal received
            listener = Listener(app, open_socket("127.0.0.1", 0))
            await listener.start()
            try:
                reader, writer = await asyncio.open_connection(listener.host, listener.port)
                writer.write(requests)
                received = await reader.read()
                writer.close()
            finally:
                await listener.stop()

        run(story())
        lines = received.split(b"\r\n")
        return b"\r\n".join(line for line in lines if not line.startswith(b"date: "))

    return exchanged


# Framing


def test_an_answer_without_a_length_goes_out_in_chunks(exchange: Exchange) -> None:
    app = saying(begin(), piece(b"", more=True), piece(b"a" * 17, more=True), piece(b"b"))
    assert exchange(app, LAST) == (
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        b"11\r\naaaaaaaaaaaaaaaaa\r\n1\r\nb\r\n0\r\n\r\n"
    )


def test_the_last_chunk_may_come_by_itself(exchange: Exchange) -> None:
    app = saying(begin(), piece(b"a", more=True), piece(b""))
    assert exchange(app, LAST).endswith(b"\r\n\r\n1\r\na\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"4"), (b"Transfer-Encoding", b"Chunked")],
        [(b"transfer-encoding", b"chunked"), (b"content-length", b"4")],
    ],
)
def test_an_application_may_ask_for_chunks_itself(exchange: Exchange, headers: Headers) -> None:
    answer = exchange(saying(begin(200, headers), piece(b"abcd")), LAST)
    assert answer.lower().count(b"transfer-encoding") == 1
    assert answer.endswith(b"\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")


def test_chunks_carry_what_an_application_has_encoded_otherwise(exchange: Exchange) -> None:
    assert exchange(saying(begin(200, [(b"transfer-encoding", b"gzip")]), piece(b"abcd")), LAST) == (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        b"4\r\nabcd\r\n0\r\n\r\n"
    )


def test_an_answer_with_a_length_may_come_in_pieces(exchange: Exchange) -> None:
    app = saying(begin(200, [(b"Content-Length", b"3")]), piece(b"a", more=True), piece(b"bc"))
    assert exchange(app, LAST) == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"3")]])
def test_the_answer_to_head_has_no_body_and_the_connection_goes_on(exchange: Exchange, headers: Headers) -> None:
    app = saying(begin(200, headers), piece(b"abc"))
    head = b"".join(b"%b: %b\r\n" % header for header in headers)
    last = b"connection: close\r\n\r\n"
    assert exchange(app, HEAD + HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) == (
        b"HTTP/1.1 200 OK\r\n" + head + b"\r\nHTTP/1.1 200 OK\r\n" + head + last
    )


@pytest.mark.parametrize(("status", "line"), [(204, b"204 No Content"), (304, b"304 Not Modified")])
def test_an_answer_that_can_have_no_body_says_nothing_of_its_length(
    exchange: Exchange, status: int, line: bytes
) -> None:
    app = saying(begin(status), piece(b""))
    assert exchange(app, GET + LAST) == (b"HTTP/1.1 %b\r\n\r\nHTTP/1.1 %b\r\nconnection: close\r\n\r\n" % (line, line))


def test_a_status_without_a_name_has_an_empty_phrase(exchange: Exchange) -> None:
    assert exchange(saying(begin(299), piece(b"")), LAST).startswith(b"HTTP/1.1 299 \r\n")


@pytest.mark.parametrize("value", [b"close", b"keep-alive, Close"])
def test_an_application_may_end_the_connection_with_its_answer(exchange: Exchange, value: bytes) -> None:
    app = saying(begin(204, [(b"connection", value), (b"connection", b"x")]), piece(b""))
    assert exchange(app, GET) == b"HTTP/1.1 204 No Content\r\nconnection: %b\r\nconnection: x\r\n\r\n" % value


def test_another_connection_header_of_an_application_does_not_end_it(exchange: Exchange) -> None:
    app = saying(begin(204, [(b"connection", b"closed")]), piece(b""))
    assert exchange(app, GET + LAST).count(b"HTTP/1.1 204") == 2


# Applications that fail


async def fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise ZeroDivisionError("a slip")


async def returns(_scope: Scope, _receive: Receive, _send: Send) -> None:
    pass


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (fails, "a slip"),
        (returns, "ASGI callable returned without starting response."),
        (saying(piece(b"a")), "got the ASGI message 'http.response.body' in place of 'http.response.start'"),
        (saying(begin(200, [(b"x y", b"z")])), "got the header name b'x y'"),
        (saying(begin(200, [(b"", b"z")])), "got the header name b''"),
        (saying(begin(200, [(b"x", b"y\r\nz: 1")])), "got the value b'y\\r\\nz: 1' of the header x"),
    ],
)
def test_an_application_that_fails_before_it_answers_is_logged_and_answered_with_500(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, app: ASGIApp, told: str
) -> None:
    assert exchange(app, GET) == SERVER_ERROR
    [record] = caplog.records
    assert (record.name, record.levelno) == ("cloudsms_simulator.http", logging.ERROR)
    assert told in caplog.text


async def fails_in_between(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send(begin(200, [(b"content-length", b"4")]))
    await send(piece(b"ab", more=True))
    raise ZeroDivisionError("a slip")


FOUR = begin(200, [(b"content-length", b"4")])


@pytest.mark.parametrize(
    ("app", "arrives", "told"),
    [
        (fails_in_between, b"ab", "a slip"),
        (saying(FOUR, piece(b"abc", more=True)), b"abc", "ASGI callable returned without completing response."),
        (saying(FOUR, piece(b"ab")), b"ab", "the answer's body is shorter than its Content-Length"),
        (saying(FOUR, piece(b"ab", more=True), piece(b"cde")), b"ab", "the answer's body is longer than its Content"),
        (saying(FOUR, FOUR), b"", "got the ASGI message 'http.response.start' in place of 'http.response.body'"),
    ],
)
def test_an_answer_that_an_application_does_not_complete_is_cut_off_and_logged(
    exchange: Exchange, caplog: pytest.LogCaptureFixture, app: ASGIApp, arrives: bytes, told: str
) -> None:
    assert exchange(app, GET) == b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n" + arrives
    assert len(caplog.records) == 1
    assert told in caplog.text


def test_what_an_application_says_after_its_answer_is_an_error_there_and_harms_no_client(exchange: Exchange) -> None:
    errors: list[str] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(begin(204))
        await send(piece(b""))
        for message in (begin(), piece(b"a")):
            try:
                await send(message)
            except RuntimeError as error:
                errors.append(str(error))

    assert exchange(app, GET + LAST).count(b"HTTP/1.1 204") == 2
    assert (
        errors
        == [
            "got the ASGI message 'http.response.start' after the answer was complete",
            "got the ASGI message 'http.response.body' after the answer was complete",
        ]
        * 2
    )


def test_an_application_that_fails_after_its_answer_is_logged_and_the_connection_ends(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(begin(204))
        await send(piece(b""))
        raise ZeroDivisionError("a slip")

    assert exchange(app, GET) == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert "a slip" in caplog.text
