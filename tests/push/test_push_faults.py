"""Pushes that go wrong on purpose, as a customer's server meets them.

Spec: Delivery Report (DR) CallBack. Reading: R22.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from both_loops import Run

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.certificates import CertificateFiles, complete_set
from cloudsms_simulator.net.http_client import HttpClient
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.net.tls import push_context, receiver_context
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, audit, encode_report
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push import client as push_client
from cloudsms_simulator.push.client import PUSH_FAULTS, push_with_fault
from cloudsms_simulator.push.failures import PushTarget
from cloudsms_simulator.push.receiver import Receiver

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
BODY = encode_report(
    DeliveryReport(
        serial=7,
        time=NOON,
        report_time=NOON,
        source_msisdn="CloudSMS",
        sms_uid="5A3B394096E50X01D1FA163E81BFFF",
        country_code=852,
        dest_msisdn="67123411",
        state=2,
        customer_body='{ "名": 0.10 }'.encode(),
    )
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
LONG = timedelta(seconds=60)
UNANSWERED = {PushFault.CUT, PushFault.RESET}


@pytest.fixture(autouse=True)
def _slow_for_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_client, "SLOW_DURATION", timedelta(seconds=0.5))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """A complete set. Read only."""
    return complete_set(tmp_path_factory.mktemp("certs"))


class Contexts:
    """Of a server and of a push to it; both None without TLS."""

    def __init__(self, files: CertificateFiles, scheme: str) -> None:
        self.scheme = scheme
        self.server: ssl.SSLContext | None = None
        self.push: ssl.SSLContext | None = None
        if scheme == "https":
            self.server = receiver_context(files, "required")
            self.push = push_context((files.platform_cert, files.platform_key), (files.ca,), system=False)


@pytest.fixture(params=["http", "https"])
def contexts(request: pytest.FixtureRequest, files: CertificateFiles) -> Contexts:
    """Without and with TLS."""
    return Contexts(files, request.param)


class Customer:
    """A server that remembers of every connection the head, the body in pieces as they came, and how it ended."""

    def __init__(self, contexts: Contexts, answer: bytes = OK) -> None:
        self._contexts = contexts
        self._answer = answer
        self.heads: list[bytes] = []
        self.bodies: list[list[bytes]] = []
        self.endings: list[str] = []
        self.ended = asyncio.Event()

    async def __aenter__(self) -> "Customer":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._contexts.server)
        self.url = f"{self._contexts.scheme}://localhost:{self._server.sockets[0].getsockname()[1]}/dr?a=b"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces: list[bytes] = []
        self.bodies.append(pieces)
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        announced = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        try:
            while sum(map(len, pieces)) < announced and (piece := await reader.read(65536)):
                pieces.append(piece)
            whole = sum(map(len, pieces)) == announced
            self.endings.append("whole" if whole else "closed")
            if whole:
                writer.write(self._answer)
        except ConnectionError:
            self.endings.append("reset")
        self.ended.set()
        writer.close()

    @property
    def whole_bodies(self) -> list[bytes]:
        return [b"".join(pieces) for pieces in self.bodies]


@asynccontextmanager
async def receiver_at(receiver: Receiver, contexts: Contexts) -> AsyncIterator[str]:
    """The URL where a receiver listens."""
    listener = Listener(receiver, open_socket("127.0.0.1", 0), tls=contexts.server)
    await listener.start()
    try:
        yield f"{contexts.scheme}://localhost:{listener.port}{receiver.path}"
    finally:
        await listener.stop()


async def push(url: str, fault: PushFault, contexts: Contexts, timeout: timedelta = timedelta(seconds=5)) -> PushResult:
    """What came of one."""
    made = Push("default", "uid", 1, 7, NOON, url, BODY)
    way = PushTarget(url, Callback(url=url, timeout=timeout), made.account, Path("certs"))
    http = HttpClient()
    try:
        result = await push_with_fault(http, made, way, fault, contexts.push)
    finally:
        await http.close()
    return msgspec.structs.replace(result, tls=None)  # tests/push/test_push_connection.py has that


def test_every_fault_is_in_the_table() -> None:
    assert set(PUSH_FAULTS) == set(PushFault)


# What the customer's server meets


def test_a_slow_push_trickles_but_arrives_whole_and_is_answered(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        async with Customer(contexts) as customer:
            assert await push(customer.url, PushFault.SLOW, contexts, LONG) == PushResult(200, b"{}")
            assert (customer.whole_bodies, customer.endings) == ([BODY], ["whole"])
            assert len(customer.bodies[0]) > 1

    run(story())


def test_a_cut_push_announces_everything_sends_half_and_closes(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        async with Customer(contexts) as customer:
            result = await push(customer.url, PushFault.CUT, contexts)
            await customer.ended.wait()

        assert b"Content-Length: %d\r\n" % len(BODY) in customer.heads[0]
        assert (customer.whole_bodies, customer.endings) == ([BODY[: len(BODY) // 2]], ["closed"])
        assert result == PushResult(
            failure="push-failed", error="the simulator cut the push off half-way, as scripted (CUT)"
        )

    run(story())


def test_a_reset_push_sends_half_and_resets(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        async with Customer(contexts) as customer:
            result = await push(customer.url, PushFault.RESET, contexts)
            await customer.ended.wait()

        assert (customer.whole_bodies, customer.endings) == ([BODY[: len(BODY) // 2]], ["reset"])
        assert result == PushResult(
            failure="push-failed",
            error="the simulator reset the connection half-way through the push, as scripted (RESET)",
        )

    run(story())


def test_a_malformed_push_is_whole_http_that_holds_no_json(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        async with Customer(contexts, refusal) as customer:
            assert await push(customer.url, PushFault.MALFORMED, contexts) == PushResult(400, b"")
            [body] = customer.whole_bodies
            assert customer.endings == ["whole"]
        assert BODY.startswith(body)
        with pytest.raises(ValueError, match=r"."):
            json.loads(body)

    run(story())


def test_a_burst_is_the_same_report_ten_times_at_once(run: Run, contexts: Contexts) -> None:
    async def story() -> None:
        async with Customer(contexts) as customer:
            assert await push(customer.url, PushFault.BURST, contexts) == PushResult(200, b"{}")
            assert (customer.whole_bodies, customer.endings) == ([BODY] * 10, ["whole"] * 10)

    run(story())


def test_the_connections_of_a_burst_are_open_together(run: Run, contexts: Contexts) -> None:
    together = asyncio.Barrier(10)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}}")
        await together.wait()
        writer.write(OK)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts.server)
        url = f"{contexts.scheme}://localhost:{server.sockets[0].getsockname()[1]}/"
        assert await push(url, PushFault.BURST, contexts) == PushResult(200, b"{}")
        server.close()

    run(story())


@pytest.mark.parametrize("fault", sorted(set(PushFault) - UNANSWERED - {PushFault.MALFORMED}))
def test_a_receiver_answers_what_arrives_whole(run: Run, contexts: Contexts, fault: PushFault) -> None:
    async def story() -> None:
        receiver = Receiver(path="/dr")
        async with receiver_at(receiver, contexts) as url:
            result = await push(url, fault, contexts, LONG)
        assert audit(7, result.status or 0, result.body) == ()
        assert {report.serial for report in receiver.reports} == {7}
        assert receiver.received == (10 if fault is PushFault.BURST else 1)

    run(story())


@pytest.mark.parametrize("fault", sorted(UNANSWERED))
def test_a_receiver_keeps_nothing_of_what_breaks_off(run: Run, contexts: Contexts, fault: PushFault) -> None:
    async def story() -> None:
        receiver = Receiver(path="/dr")
        async with receiver_at(receiver, contexts) as url:
            assert (await push(url, fault, contexts)).failure == "push-failed"
            assert (await push(url, PushFault.SLOW, contexts, LONG)).status == 200
        assert receiver.received == 1

    run(story())


# What goes wrong that nobody scripted


@pytest.mark.parametrize("fault", PushFault)
def test_a_server_that_is_not_there_is_refused_whatever_was_scripted(
    run: Run, files: CertificateFiles, fault: PushFault
) -> None:
    async def story() -> None:
        plain = Contexts(files, "http")
        async with Customer(plain) as customer:
            pass
        assert (await push(customer.url, fault, plain)).failure == "push-refused"

    run(story())


@pytest.mark.parametrize("fault", sorted(set(PushFault) - UNANSWERED))
def test_a_server_that_hangs_up_without_an_answer_is_a_failure(run: Run, contexts: Contexts, fault: PushFault) -> None:
    async def story() -> None:
        async with Customer(contexts, b"") as customer:
            result = await push(customer.url, fault, contexts, LONG)
            assert (result.status, result.failure) == (None, "push-failed")
            assert result.error

    run(story())


def test_a_server_that_hangs_up_on_a_slow_push_is_a_failure(run: Run, contexts: Contexts) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=contexts.server)
        url = f"{contexts.scheme}://localhost:{server.sockets[0].getsockname()[1]}/"
        assert (await push(url, PushFault.SLOW, contexts, LONG)).failure == "push-failed"
        server.close()

    run(story())


@pytest.mark.parametrize("fault", PushFault)
def test_a_push_can_be_abandoned_while_it_runs(run: Run, contexts: Contexts, fault: PushFault) -> None:
    async def story() -> None:
        connected = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=contexts.server)
        url = f"{contexts.scheme}://localhost:{server.sockets[0].getsockname()[1]}/"
        running = asyncio.ensure_future(push(url, fault, contexts, LONG))
        await connected.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        server.close()

    run(story())
