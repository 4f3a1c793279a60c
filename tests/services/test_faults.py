"""Faults on the way in, as a client meets them that reads raw bytes: without TLS and with it, on both event loops."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest
import trustme
from both_loops import Run
from starlette.types import Receive, Scope, Send

from cloudsms_simulator.engine.faults import AnswerFault, Fault
from cloudsms_simulator.net.http_connection import HttpConnection
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.services.answer_faults import ANSWER_FAULTS, GARBAGE_OCTETS, LONGEST_HANG, apply_fault, garbage

MANGLING_FAULTS = frozenset(fault for fault in Fault if fault.effect.spoil is not None)
FAULT_PAGES = {fault: fault.effect.page for fault in Fault if fault.effect.page is not None}

POST = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
ANSWER = (
    b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":1,"TIME":"2021-10-01 09:08:07","RESULT_CODE":1,'
    b'"RESULT_DESC":"OK","DETAIL_LIST":[]}'
)
LONG = timedelta(hours=1)
SHORT = timedelta(milliseconds=60)
ENDS = [Fault.EMPTY_RESPONSE, Fault.PROCESSED_NO_ANSWER]
SURVIVES = [None, Fault.DRIBBLE, Fault.HTTP_500, Fault.HTML_PAGE, Fault.BROKEN_JSON]
CUTS = [fault for fault in Fault if fault not in SURVIVES and fault not in MANGLING_FAULTS]


@pytest.fixture
def run(run: Run, caplog: pytest.LogCaptureFixture) -> Run:
    """Likewise; nothing is logged about a story."""

    def tell(story: Coroutine[None, None, None]) -> None:
        run(story)
        assert caplog.messages == []

    return tell


class Contexts(msgspec.Struct, frozen=True):
    """The TLS of both sides, or neither."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext | None


@pytest.fixture(scope="module")
def secured() -> Contexts:
    ca = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(client)
    return Contexts(server, client)


@pytest.fixture(params=["http", "https"])
def contexts(request: pytest.FixtureRequest, secured: Contexts) -> Contexts:
    return secured if request.param == "https" else Contexts(None, None)


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer as a client sees it."""

    status: int
    kind: bytes
    body: bytes


class Client:
    """Speaks HTTP in raw bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def post(self) -> None:
        self.writer.write(POST)

    async def head(self) -> tuple[int, dict[bytes, bytes]]:
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).rstrip().split(b"\r\n")
        return int(status.split()[1]), dict(line.split(b": ", 1) for line in lines)

    async def answer(self) -> Answer:
        status, headers = await self.head()
        body = await self.reader.readexactly(int(headers[b"content-length"]))
        return Answer(status, headers[b"content-type"], body)

    async def rest(self) -> bytes:
        """What comes until the connection ends."""
        return await self.reader.read()

    def hang_up(self) -> None:
        self.writer.transport.abort()


class Troubled:
    """Every request is befallen; the last trouble stays. `over` tells of each when strike returned."""

    def __init__(self, *troubles: AnswerFault, answer: bytes | None = ANSWER) -> None:
        self.troubles = list(troubles)
        self.answer = answer
        self.begun: asyncio.Queue[HttpConnection] = asyncio.Queue()
        self.over: asyncio.Queue[HttpConnection] = asyncio.Queue()
        self.pieces: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["extensions"]["sim.connection"]
        assert isinstance(connection, HttpConnection)
        if connection.whole_body() is None:
            await receive()
        request = connection.running
        assert request is not None
        trouble = self.troubles.pop(0) if len(self.troubles) > 1 else self.troubles[0]
        self._watch(connection)
        self.begun.put_nowait(connection)
        await apply_fault(connection, trouble, self.answer, connection.stopping)
        # The next request may have begun by now.
        assert request.response_complete or request.disconnected
        assert not connection.answering or connection.running is not request
        self.over.put_nowait(connection)

    def _watch(self, connection: HttpConnection) -> None:
        request = connection.running
        assert request is not None
        send = request.send

        async def watched(message: object) -> None:
            assert isinstance(message, dict)
            if message["type"] == "http.response.body":
                self.pieces.append(message["body"])
            await send(message)  # type: ignore[arg-type]

        request.send = watched  # type: ignore[method-assign]


class Left(Troubled):
    """The trouble comes when the client is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = scope["extensions"]["sim.connection"]
        assert isinstance(connection, HttpConnection)
        self.begun.put_nowait(connection)
        while (await receive())["type"] != "http.disconnect":
            pass
        await apply_fault(connection, self.troubles[0], self.answer, connection.stopping)
        self.over.put_nowait(connection)


@asynccontextmanager
async def serving(app: Troubled, contexts: Contexts) -> AsyncIterator[Listener]:
    listener = Listener(app, open_socket("127.0.0.1", 0), tls=contexts.server)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()
        assert listener.connections == 0


@asynccontextmanager
async def client_of(listener: Listener, contexts: Contexts) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(listener.host, listener.port, ssl=contexts.client)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


def test_every_fault_has_its_function() -> None:
    assert set(ANSWER_FAULTS) == set(Fault)


def test_garbage_is_the_same_for_the_same_rule_and_another_for_another() -> None:
    assert garbage("a") == garbage("a") != garbage("b")
    assert len(garbage("a")) == GARBAGE_OCTETS


def test_garbage_begins_neither_an_answer_nor_a_chunk() -> None:
    assert {garbage(str(rule))[0] for rule in range(100)} == {0xFF}


def test_a_reset_over_http_is_a_tcp_reset(run: Run) -> None:
    async def story() -> None:
        plain = Contexts(None, None)
        app = Troubled(AnswerFault("r", Fault.CONNECTION_RESET_BY_PEER))
        async with serving(app, plain) as listener, client_of(listener, plain) as client:
            client.post()
            with pytest.raises(ConnectionResetError):
                await client.rest()

    run(story())


def test_a_reset_over_tls_is_a_lost_connection(run: Run, secured: Contexts) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", Fault.CONNECTION_RESET_BY_PEER))
        async with serving(app, secured) as listener, client_of(listener, secured) as client:
            client.post()
            try:
                received = await client.rest()
            except ConnectionResetError:
                received = b""
            assert received == b""

    run(story())


@pytest.mark.parametrize("fault", ENDS)
def test_the_connection_ends_without_a_byte(run: Run, contexts: Contexts, fault: Fault) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            assert await client.rest() == b""

    run(story())


def test_garbage_comes_in_place_of_an_answer_and_then_the_end(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("my rule", Fault.RANDOM_DATA_THEN_CLOSE))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            assert await client.rest() == garbage("my rule")

    run(story())


def test_garbage_comes_where_a_chunk_should_begin_and_then_the_end(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("my rule", Fault.MALFORMED_RESPONSE_CHUNK))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            status, headers = await client.head()
            assert (status, headers[b"transfer-encoding"]) == (200, b"chunked")
            assert await client.rest() == garbage("my rule")

    run(story())


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (None, Answer(200, b"application/json", ANSWER)),
        (Fault.DRIBBLE, Answer(200, b"application/json", ANSWER)),
        (Fault.HTTP_500, Answer(500, b"text/plain; charset=utf-8", FAULT_PAGES[Fault.HTTP_500])),
        (Fault.HTML_PAGE, Answer(200, b"text/html; charset=utf-8", FAULT_PAGES[Fault.HTML_PAGE])),
        *((fault, Answer(200, b"application/json", fault.effect.spoil(ANSWER))) for fault in sorted(MANGLING_FAULTS)),
    ],
)
def test_a_whole_answer_comes_and_the_connection_goes_on(
    run: Run, contexts: Contexts, fault: Fault | None, expected: Answer
) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault, SHORT, over=SHORT), AnswerFault("s"))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            assert await client.answer() == expected
            client.post()
            assert await client.answer() == Answer(200, b"application/json", ANSWER)
            assert app.over.get_nowait() is app.over.get_nowait()

    run(story())


@pytest.mark.parametrize("fault", SURVIVES)
def test_a_request_queued_behind_a_spoilt_answer_is_answered(run: Run, contexts: Contexts, fault: Fault | None) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault, SHORT, over=SHORT), AnswerFault("s"))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.writer.write(POST + POST)
            await client.answer()
            assert (await client.answer()).body == ANSWER

    run(story())


@pytest.mark.parametrize("fault", CUTS)
def test_a_request_queued_behind_a_cut_connection_is_forgotten(run: Run, contexts: Contexts, fault: Fault) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault, over=SHORT), AnswerFault("s"))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.writer.write(POST + POST)
            try:
                received = await client.rest()
            except ConnectionResetError:
                received = b""
            assert ANSWER not in received
        assert app.begun.qsize() == app.over.qsize() == 1

    run(story())


@pytest.mark.parametrize("fault", SURVIVES)
def test_a_client_that_asked_for_the_end_gets_it_after_the_answer(
    run: Run, contexts: Contexts, fault: Fault | None
) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault, over=SHORT))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.writer.write(POST.replace(b"Host: a", b"Connection: close"))
            await client.answer()
            assert await client.rest() == b""

    run(story())


def test_an_answer_dribbles_in_pieces_no_shorter_than_an_octet_over_all_its_time(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", Fault.DRIBBLE, over=timedelta(seconds=0.2)), answer=b"{ }")
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            begun = time.monotonic()
            client.post()
            assert (await client.answer()).body == b"{ }"
            assert time.monotonic() - begun >= 0.9 * 0.2
        assert app.pieces == [b"{", b" ", b"}"]

    run(story())


def test_a_long_answer_dribbles_in_as_many_pieces_as_the_time_allows(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", Fault.DRIBBLE, over=timedelta(seconds=0.08)), answer=bytes(10_000))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            assert (await client.answer()).body == bytes(10_000)
        assert app.pieces == [bytes(2_500)] * 4

    run(story())


@pytest.mark.parametrize("fault", [None, Fault.DRIBBLE, Fault.BROKEN_JSON])
def test_where_no_answer_is_to_be_sent_none_can_be_spoilt(run: Run, contexts: Contexts, fault: Fault | None) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault), answer=None)
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            assert await client.rest() == b""

    run(story())


def test_a_hang_ends_when_its_time_is_over_and_not_before(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", Fault.ACCEPT_THEN_HANG, over=SHORT))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            begun = time.monotonic()
            client.post()
            assert await client.rest() == b""
            assert time.monotonic() - begun >= 0.9 * SHORT.total_seconds()

    run(story())


@pytest.mark.parametrize("fault", [Fault.CONNECTION_RESET_BY_PEER, Fault.DRIBBLE, None])
def test_a_delay_holds_up_nobody_else(run: Run, contexts: Contexts, fault: Fault | None) -> None:
    async def story() -> None:
        app = Troubled(AnswerFault("r", fault, LONG), AnswerFault("s"))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as first:
            first.post()
            held = await app.begun.get()
            async with client_of(listener, contexts) as second:
                second.post()
                assert (await second.answer()).body == ANSWER
            assert held.answering

    run(story())


@pytest.mark.parametrize(
    "trouble", [AnswerFault("r", Fault.ACCEPT_THEN_HANG), *(AnswerFault("r", f, LONG) for f in CUTS)]
)
def test_stopping_ends_a_hang_and_a_delay_at_once(run: Run, contexts: Contexts, trouble: AnswerFault) -> None:
    async def story() -> None:
        app = Troubled(trouble)
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            await app.begun.get()
            await listener.stop(LONG)
            try:
                received = await client.rest()
            except ConnectionResetError:
                received = b""
            assert ANSWER not in received

    run(story())


@pytest.mark.parametrize("trouble", [AnswerFault("r", None, LONG), AnswerFault("r", Fault.DRIBBLE, over=LONG)])
def test_stopping_lets_a_late_or_dribbling_answer_out_at_once(
    run: Run, contexts: Contexts, trouble: AnswerFault
) -> None:
    async def story() -> None:
        app = Troubled(trouble)
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            await app.begun.get()
            stopping = asyncio.create_task(listener.stop(LONG))
            assert (await client.answer()).body == ANSWER
            assert await client.rest() == b""
            await stopping

    run(story())


@pytest.mark.parametrize(
    "trouble",
    [AnswerFault("r", Fault.ACCEPT_THEN_HANG), AnswerFault("r", Fault.DRIBBLE, over=LONG)]
    + [AnswerFault("r", fault, LONG) for fault in (None, Fault.CONNECTION_RESET_BY_PEER, Fault.HTTP_500)],
)
def test_a_client_that_gives_up_is_waited_for_no_longer(run: Run, contexts: Contexts, trouble: AnswerFault) -> None:
    async def story() -> None:
        app = Troubled(trouble)
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            await app.begun.get()
            client.hang_up()
            assert not (await app.over.get()).answering

    run(story())


def test_a_hang_ends_when_the_client_closes_its_side_and_a_late_answer_still_comes(run: Run) -> None:
    async def story() -> None:
        late = AnswerFault("s", delay=timedelta(milliseconds=200))
        app = Troubled(late, AnswerFault("r", Fault.ACCEPT_THEN_HANG, over=LONG))
        listener = Listener(app, open_socket("127.0.0.1", 0), half_close=True)
        await listener.start()
        async with client_of(listener, Contexts(None, None)) as client:
            client.writer.write(POST + POST)
            client.writer.write_eof()
            assert (await client.answer()).body == ANSWER
            assert await client.rest() == b""
        await app.over.get()
        await app.over.get()
        await listener.stop()

    run(story())


def test_a_client_that_left_before_cannot_be_struck(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        app = Left(AnswerFault("r", Fault.ACCEPT_THEN_HANG))
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            await app.begun.get()
            client.hang_up()
            assert not (await app.over.get()).answering

    run(story())


@pytest.mark.parametrize(
    "trouble",
    [
        AnswerFault("r", None, LONG),
        AnswerFault("r", Fault.ACCEPT_THEN_HANG),
        AnswerFault("r", Fault.DRIBBLE, over=LONG),
    ],
)
def test_a_cancelled_request_is_cut_and_not_answered_with_500(
    run: Run, contexts: Contexts, trouble: AnswerFault
) -> None:
    async def story() -> None:
        app = Troubled(trouble)
        async with serving(app, contexts) as listener, client_of(listener, contexts) as client:
            client.post()
            connection = await app.begun.get()
            await asyncio.sleep(0)  # the application goes on to wait
            for task in connection.tasks:
                task.cancel()
            received = await client.rest()
            assert b"500" not in received
            assert ANSWER not in received

    run(story())


def test_a_hang_lasts_sixty_seconds_at_most(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timedelta(seconds=60) == LONGEST_HANG
    monkeypatch.setattr("cloudsms_simulator.services.answer_faults.LONGEST_HANG", SHORT)

    async def story() -> None:
        plain = Contexts(None, None)
        app = Troubled(AnswerFault("r", Fault.ACCEPT_THEN_HANG, over=LONG))
        async with serving(app, plain) as listener, client_of(listener, plain) as client:
            begun = time.monotonic()
            client.post()
            assert await client.rest() == b""
            assert time.monotonic() - begun >= 0.9 * SHORT.total_seconds()

    run(story())
