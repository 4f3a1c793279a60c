"""The endpoint: what goes out, in which order with what is kept, and what happens when something fails.

Spec: CloudSMS Platform Server. Reading: R2, R4, R5, R16.
"""

import asyncio
import ipaddress
import itertools
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import pytest
from patience import STORY
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudsms_simulator.engine import refusal
from cloudsms_simulator.engine.account import Account, AccountDirectory, AccountState, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.plan import Fixed, plan_of, step
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, ReplyStep, Rule, RuleBook
from cloudsms_simulator.engine.transaction import Identified, Transaction
from cloudsms_simulator.net.certificates import CertificateFiles
from cloudsms_simulator.net.http_connection import RequestBatcher
from cloudsms_simulator.net.http_parser import head_of_scope
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.sockets import open_socket
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.candidate import Candidate
from cloudsms_simulator.protocol.checks import diagnose
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.masking import KeyRing, mask
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.dispatcher import Dispatcher
from cloudsms_simulator.services import endpoint as endpoint_module
from cloudsms_simulator.services.answer_faults import garbage
from cloudsms_simulator.services.endpoint import BodyLimits, Endpoint, PacketReader
from cloudsms_simulator.services.metrics import AnswerTimes
from cloudsms_simulator.services.recorder import ExchangeRecorder
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import StoreError

R = TypeVar("R")
LONG_AGO = datetime(2021, 9, 13, 12, 0, 0, tzinfo=HONG_KONG)
ACCOUNT = Account()
KEY = ACCOUNT.auth_key


class TroubledStore(MemoryStore):
    """Fails as often as it is told to, wherever it is told to: before a step decides, before it keeps, at a release, or
    where somebody looks how an account stands."""

    def __init__(self) -> None:
        nodes = itertools.count(1)
        super().__init__(lambda _account: Clock.frozen(LONG_AGO), lambda: next(nodes))
        self.failing: dict[str, list[Exception]] = {}

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        def failing(transaction: Transaction) -> R:
            self._fail("decide")
            decision = decide(transaction)
            self._fail("keep")
            return decision

        return super().step(account, failing, uids)

    def standing(self, account: Account | None) -> AccountState:
        self._fail("standing")
        return super().standing(account)

    async def release(self, account: Account | None, request_id: int, uids: tuple[str, ...] | None = None) -> None:
        self._fail("release")
        await super().release(account, request_id, uids)

    def _fail(self, where: str) -> None:
        if self.failing.get(where):
            raise self.failing[where].pop(0)


class Line:
    """The connection that a request comes on, as the endpoint sees it."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.id = 7
        self.peer = (host, 50_000)
        self.tls = None
        self.opened_at = None
        self.attachment: object = None
        self.surplus = b""
        self.body: bytes | None = None
        self.running = SimpleNamespace(response_complete=False)
        self.answered: list[bytes] = []
        self.on_answer: Callable[[], None] = lambda: None
        self.paused = False
        """Whether the client must first read what was written before."""
        self.done: list[str] = []

    def whole_body(self) -> bytes | None:
        return self.body

    def answer(self, body: bytes) -> bool:
        if self.paused:
            return False
        self.on_answer()
        self.answered.append(body)
        return True

    async def answer_with(self, body: bytes) -> None:
        self.paused = False
        self.answer(body)

    def take_surplus(self) -> bytes:
        surplus, self.surplus = self.surplus, b""
        return surplus

    def hang_up(self) -> None:
        self.done.append("hang up")


class Whole:
    """A request that waits at the desk, as far as the desk and the endpoint look at it."""

    def __init__(self, scope: Scope, body: bytes | None, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.connection = scope["extensions"]["sim.connection"]
        self.head = head_of_scope(scope)
        self.body = body or b""
        self.more_body = body is None
        self.disconnected = False
        self._channel = (receive, send)

    async def run_asgi(self, app: ASGIApp) -> None:
        await app(self.scope, *self._channel)


class Tasks(set[asyncio.Task[None]]):
    """The tasks that run, and `ever` ran."""

    def __init__(self) -> None:
        super().__init__()
        self.ever: list[asyncio.Task[None]] = []

    def add(self, task: asyncio.Task[None]) -> None:
        super().add(task)
        self.ever.append(task)


class Scene:
    """An endpoint with all it needs; a request is sent to it in one call, `together` with others or alone."""

    def __init__(
        self, account: Account = ACCOUNT, *, together: bool = True, store: TroubledStore | None = None
    ) -> None:
        self.account = account
        self.together = together
        self.store = store or TroubledStore()
        self.platform = Platform(AccountDirectory([account]), SPEC)
        wall = WallClock()
        self.expected: list[tuple[str, datetime]] = []
        self.on_report_first: Callable[[Account, tuple[str, ...], float], None] = lambda *_: None
        pusher = SimpleNamespace(
            expect=lambda owner, due: self.expected.append((owner.name, due)), report_first=self.report_first
        )
        self.journal = ExchangeRecorder(self.platform, self.store, wall)
        door = PacketReader(self.journal, BodyLimits(100_000, timedelta(milliseconds=1)))
        self.times = AnswerTimes()
        self.endpoint = Endpoint(self.platform, self.store, self.journal, pusher, wall, door, self.times)  # type: ignore[arg-type]
        self.line = Line()
        self.sent: list[Message] = []

    async def report_first(self, account: Account, uids: tuple[str, ...], seconds: float) -> None:
        self.on_report_first(account, uids, seconds)

    def request(
        self,
        body: bytes | None,
        *headers: tuple[bytes, bytes],
        method: str = "POST",
        path: str = "/dave/io",
    ) -> None:
        """Sends a request; a body of None never comes."""
        asyncio.run(self.serve(body, *headers, method=method, path=path))

    async def serve(
        self, body: bytes | None, *headers: tuple[bytes, bytes], method: str = "POST", path: str = "/dave/io"
    ) -> None:
        request = self.whole(body, self.line, *headers, method=method, path=path)
        if self.together:
            await self.serve_together(request)
        else:
            await request.run_asgi(self.endpoint)

    async def serve_together(self, *requests: Whole) -> None:
        """Serves requests that wait at a desk in the same turn; raises what the first raised that failed."""
        tasks = Tasks()
        desk = RequestBatcher(self.endpoint, self.endpoint, tasks, asyncio.get_running_loop())
        for request in requests:
            desk.add(request)  # type: ignore[arg-type]
        while desk.is_waiting or tasks:
            await asyncio.wait([*tasks, asyncio.ensure_future(asyncio.sleep(0))])
        await asyncio.gather(*tasks.ever)

    def whole(
        self,
        body: bytes | None,
        line: Line,
        *headers: tuple[bytes, bytes],
        method: str = "POST",
        path: str = "/dave/io",
    ) -> Whole:
        """A request that came on a line, all of it unless its body is None."""
        line.body = body
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": list(headers),
            "extensions": {"sim.connection": line},
        }

        async def receive() -> Message:
            nothing: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
            return await nothing

        async def send(message: Message) -> None:
            self.sent.append(message)

        return Whole(scope, body, receive, send)

    @property
    def answer(self) -> dict[str, object]:
        """The one answer to a packet; nothing else was sent."""
        assert self.sent == []
        [body] = self.line.answered
        answer: dict[str, object] = json.loads(body)
        return answer

    @property
    def turned_away(self) -> tuple[int, dict[bytes, bytes], object]:
        """Status, headers and body of an answer to what is no packet."""
        assert self.line.answered == []
        start, body = self.sent
        return start["status"], dict(start["headers"]), json.loads(body["body"])

    @property
    def code(self) -> object:
        return self.answer["RESULT_CODE"]

    def newest(self, account: Account | None) -> Exchange:
        return next(iter(self.store.exchanges(account)))

    def is_untouched(self) -> bool:
        """Whether nothing of a submission is there: no message, no debit, nothing to push."""
        standing = self.store.standing(self.account)
        return (
            self.store.messages(self.account).total == 0
            and standing.balance == self.account.balance
            and standing.outstanding == 0
            and len(self.store.ledger(self.account)) == 1
            and self.store.next_wake(self.account) is None
            and self.expected == []
        )


def packet(**fields: object) -> bytes:
    return json.dumps(
        {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2021-09-13 12:00:00",
            "AUTH_KEY": KEY,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
            "CUSTOMER_BODY": {"order": 1},
        }
        | fields
    ).encode()


@pytest.fixture(params=[True, False], ids=["at the desk", "alone"])
def scene(request: pytest.FixtureRequest) -> Scene:
    return Scene(together=request.param)


# In order


def test_a_packet_is_answered_once_and_in_one_piece(scene: Scene) -> None:
    scene.request(packet())
    assert (scene.code, scene.answer["SERIAL"]) == (1, 7)


def test_what_was_accepted_is_there_before_the_answers_first_byte_and_its_reports_only_after_the_last(
    scene: Scene,
) -> None:
    seen = []

    def look() -> None:
        kept = scene.store.messages(scene.account).total, scene.store.exchanges(scene.account).total
        seen.append((kept, scene.store.next_wake(scene.account), list(scene.expected)))

    scene.line.on_answer = look
    scene.request(packet())
    assert seen == [((1, 1), None, [])]
    due = LONG_AGO + timedelta(seconds=1)
    assert scene.store.next_wake(scene.account) == due
    assert scene.expected == [("default", due)]


def test_a_refused_packet_leaves_nothing_to_push_and_one_line_in_the_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scene.request(packet(VERSION="old"))
    assert (scene.code, scene.expected) == (0x10000010, [])
    [record] = caplog.records
    assert record.getMessage().startswith("uip #1 refused 0x10000010 Invalid_Version: version-unknown at $.VERSION")


def test_an_accepted_packet_leaves_no_line_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.request(packet())
    assert caplog.records == []


def test_a_batch_refused_in_part_leaves_one_line_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.request(to((852, "67000011"), (852, "+67000011")))
    [record] = caplog.records
    assert record.getMessage().startswith("uip #1 refused in part, 1 accepted: msisdn-plus at $.MULTI_MSISDN_LIST[1]")


@pytest.mark.parametrize(("octets", "aside"), [(10, False), (50_000, True)])
def test_a_long_body_is_read_in_a_thread(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, octets: int, aside: bool
) -> None:
    threads: list[int] = []
    identify = Platform.identify

    def identified(self: Platform, body: bytes) -> Identified:
        threads.append(threading.get_ident())
        return identify(self, body)

    monkeypatch.setattr(Platform, "identify", identified)
    scene.request(packet(x="y" * octets))
    assert scene.code == 1
    assert [thread != threading.get_ident() for thread in threads] == [aside]


@pytest.mark.parametrize(("octets", "aside"), [(10, False), (50_000, True)])
@pytest.mark.parametrize("wrong", [{"VERSION": "1"}, {"AUTH_KEY": "nobodys-key-of-all"}, {"SMS_CONTENT": ""}])
def test_a_long_body_that_is_refused_is_masked_and_diagnosed_in_a_thread(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, octets: int, aside: bool, wrong: dict[str, str]
) -> None:
    threads: list[int] = []

    def mask_told(body: bytes, key: str | None, known: KeyRing | None = None) -> bytes:
        threads.append(threading.get_ident())
        return mask(body, key, known)

    def diagnose_told(
        candidate: Candidate, circumstances: Circumstances, first: tuple[Finding, ...] = ()
    ) -> tuple[Finding, ...]:
        threads.append(threading.get_ident())
        return diagnose(candidate, circumstances, first)

    monkeypatch.setattr(refusal, "mask", mask_told)
    monkeypatch.setattr(refusal, "diagnose", diagnose_told)
    scene.request(packet(x="y" * octets, **wrong))
    assert scene.code != 1
    assert [thread != threading.get_ident() for thread in threads] == [aside] * 2


def test_bytes_that_followed_are_noted_with_the_exchange(scene: Scene) -> None:
    scene.line.surplus = b'"}'
    scene.request(packet())
    assert scene.newest(scene.account).surplus
    assert scene.line.surplus == b"", "nobody else is told"


# Clients that leave


def test_what_was_accepted_is_released_though_the_answer_could_not_be_sent(scene: Scene) -> None:
    def broken() -> None:
        raise OSError("the client is gone")

    scene.line.on_answer = broken
    with pytest.raises(OSError, match="the client is gone"):
        scene.request(packet())
    assert scene.store.next_wake(scene.account) is not None
    assert len(scene.expected) == 1


def test_what_was_accepted_is_released_though_the_answer_was_cancelled(scene: Scene) -> None:
    def cancelled() -> None:
        raise asyncio.CancelledError

    scene.line.on_answer = cancelled
    scene.line.paused = True
    with pytest.raises(asyncio.CancelledError):
        scene.request(packet())
    assert len(scene.expected) == 1


# Many at the same time


class Crowd:
    """A few customers whose packets wait at the desk together, each with a line of its own."""

    def __init__(self, store: TroubledStore | None = None, size: int = 3) -> None:
        self.scene = Scene(store=store)
        self.lines = [Line() for _ in range(size)]
        self.requests = [
            self.scene.whole(packet(SERIAL=number), line) for number, line in enumerate(self.lines, start=1)
        ]

    def serve(self) -> None:
        asyncio.run(self.scene.serve_together(*self.requests))

    @property
    def codes(self) -> list[list[object]]:
        """The codes each was answered with."""
        return [[json.loads(body)["RESULT_CODE"] for body in line.answered] for line in self.lines]


def test_packets_that_wait_together_are_kept_and_answered_in_the_order_they_came() -> None:
    crowd = Crowd()
    order: list[int] = []
    for number, line in enumerate(crowd.lines):
        line.on_answer = partial(order.append, number)
    crowd.serve()
    assert (crowd.codes, order) == ([[1], [1], [1]], [0, 1, 2])
    kept = [json.loads(each.body)["SERIAL"] for each in crowd.scene.store.exchanges(ACCOUNT)]
    assert kept == [3, 2, 1]
    assert len(crowd.scene.expected) == 3


def test_no_report_is_released_before_all_that_wait_together_are_answered() -> None:
    crowd = Crowd()
    wakes: list[datetime | None] = []
    for line in crowd.lines:
        line.on_answer = lambda: wakes.append(crowd.scene.store.next_wake(ACCOUNT))
    crowd.serve()
    assert wakes == [None, None, None]
    assert crowd.scene.store.next_wake(ACCOUNT) is not None


@pytest.mark.parametrize("where", ["decide", "keep"])
@pytest.mark.parametrize(("error", "code"), [(StoreError("no"), 0x1000000E), (RuntimeError("a slip"), 2)])
def test_a_failure_strikes_one_of_those_that_wait_together(where: str, error: Exception, code: int) -> None:
    crowd = Crowd()
    crowd.scene.store.failing[where] = [error]
    crowd.serve()
    assert crowd.codes == [[code], [1], [1]]
    assert len(crowd.scene.expected) == 2


def test_a_packet_that_cannot_be_read_for_a_slip_of_ours_strikes_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()
    identify = crowd.scene.platform.identify

    def slip(body: bytes) -> Identified:
        if b'"SERIAL": 2' in body:
            raise RecursionError("too deep for us")
        return identify(body)

    monkeypatch.setattr(crowd.scene.platform, "identify", slip)
    crowd.serve()
    assert crowd.codes == [[1], [2], [1]]


def test_a_failure_that_leaves_no_answer_strikes_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()
    crowd.scene.store.failing["decide"] = [StoreError("no")]

    def slip(*_arguments: object) -> None:
        raise RuntimeError("another slip")

    monkeypatch.setattr(crowd.scene.platform, "fail", slip)
    with pytest.raises(RuntimeError, match="another slip"):
        crowd.serve()
    assert crowd.codes == [[], [1], [1]]
    assert len(crowd.scene.expected) == 2


def test_an_answer_that_cannot_be_written_strikes_nobody_else() -> None:
    crowd = Crowd()

    def broken() -> None:
        raise OSError("the client is gone")

    crowd.lines[0].on_answer = broken
    with pytest.raises(OSError, match="the client is gone"):
        crowd.serve()
    assert crowd.codes == [[], [1], [1]]
    assert len(crowd.scene.expected) == 3, "what was accepted stays accepted"


@pytest.mark.parametrize("error", [StoreError("the disk is full"), RuntimeError("a slip of ours")])
def test_reports_that_cannot_be_released_keep_nobody_elses(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    crowd = Crowd()
    crowd.scene.store.failing["release"] = [error]
    crowd.serve()
    assert crowd.codes == [[1], [1], [1]]
    assert len(crowd.scene.expected) == 2
    assert "the reports of request 1 of default are not released" in caplog.text
    assert str(error) in caplog.text


class Slippery(list[tuple[str, datetime]]):
    """Takes everything but the first."""

    slips = 1

    def append(self, each: tuple[str, datetime]) -> None:
        if self.slips:
            self.slips -= 1
            raise RuntimeError("a slip")
        super().append(each)


def test_a_slip_once_all_are_answered_strikes_one_of_those_that_wait_together(caplog: pytest.LogCaptureFixture) -> None:
    crowd = Crowd()
    crowd.scene.expected = Slippery()
    crowd.serve()
    assert crowd.codes == [[1], [1], [1]]
    assert len(crowd.scene.expected) == 2
    assert "the reports of request 1 of default are not released" in caplog.text


def test_a_client_that_does_not_read_holds_up_nobody_else() -> None:
    crowd = Crowd()
    order: list[int] = []
    for number, line in enumerate(crowd.lines):
        line.on_answer = partial(order.append, number)
    crowd.lines[0].paused = True
    crowd.serve()
    assert (crowd.codes, order) == ([[1], [1], [1]], [1, 2, 0])
    assert len(crowd.scene.expected) == 3


def test_a_whitelist_disconnects_the_one_it_does_not_admit() -> None:
    crowd = Crowd()
    account = Account(whitelist=(ipaddress.ip_network("127.0.0.0/8"),))
    crowd.scene.platform.directory = AccountDirectory([account])
    crowd.lines[1].peer = ("192.0.2.1", 50_000)
    crowd.serve()
    assert [line.done for line in crowd.lines] == [[], ["hang up"], []]
    assert crowd.codes == [[1], [], [1]]


class SlowStore(TroubledStore):
    """Each step decides once a gate is opened; what waits there is told."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.beginning = 0
        self.everybody = asyncio.Event()

    async def step(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        self.beginning += 1
        if self.beginning == 5:
            self.everybody.set()
        await self.open.wait()
        return await super().step(account, decide, uids)


def test_a_store_that_takes_its_time_is_waited_for_side_by_side() -> None:
    store = SlowStore()
    crowd = Crowd(store, 5)

    async def story() -> None:
        served = asyncio.ensure_future(crowd.scene.serve_together(*crowd.requests))
        # All have begun by now though none of them may go on.
        await store.everybody.wait()
        assert crowd.codes == [[], [], [], [], []]
        store.open.set()
        await served

    asyncio.run(asyncio.wait_for(story(), STORY))
    assert crowd.codes == [[1]] * 5
    assert len({each.id for each in store.exchanges(ACCOUNT)}) == 5
    assert len(crowd.scene.expected) == 5


def test_a_stop_while_the_store_takes_its_time_keeps_nothing_of_what_it_interrupts() -> None:
    store = SlowStore()
    crowd = Crowd(store)

    async def story() -> None:
        served = asyncio.ensure_future(crowd.scene.serve_together(*crowd.requests))
        while store.beginning < 3:
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await served

    asyncio.run(story())
    assert crowd.codes == [[], [], []]
    assert crowd.scene.is_untouched()


class HesitantStore(TroubledStore):
    """Has each step decided twice, as a store does that has to try again; the second decision counts."""

    async def step(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        await self.look(account, decide, uids)
        return await super().step(account, decide, uids)


def test_of_a_decision_that_a_store_asks_for_again_nothing_is_left_but_the_last() -> None:
    crowd, once = Crowd(HesitantStore()), Crowd()
    busy = Rule(id="it", replies=(ReplyStep(ResultCode.BUSY, times=1),))
    for each in (crowd, once):
        each.scene.platform.directory = AccountDirectory([Account(rules=CompiledRules(RuleBook(rules=(busy,))))])
        each.serve()
    assert crowd.codes == once.codes == [[3], [1], [1]]
    told = [
        [(each.id, each.code, each.findings, each.uids) for each in one.scene.store.exchanges(ACCOUNT)]
        for one in (crowd, once)
    ]
    assert told[0] == told[1]


# Turned away


@pytest.mark.parametrize("path", ["/", "/dave/io/", "/Dave/io", "/dave/iox", "//dave/io", "*", "/dave/\u00ef\u00f8"])
def test_another_path_is_404_in_json(scene: Scene, path: str) -> None:
    scene.request(packet(), path=path)
    status, headers, answer = scene.turned_away
    assert (status, answer) == (404, {"error": "not found: CloudSMS listens at /dave/io"})
    assert (headers[b"content-type"], headers[b"connection"]) == (b"application/json", b"close")
    exchange = scene.newest(None)
    assert (exchange.kind, exchange.http_status) == ("http", 404)
    assert [finding.rule for finding in exchange.findings or ()] == ["path-wrong"]
    assert scene.is_untouched()


V2 = {
    "uip_head": {"METHOD": "SMS_SEND_REQUEST", "SERIAL": 1, "CHANNEL": "VerifyCode_516", "AUTH_KEY": KEY},
    "uip_body": {"SMS_CONTENT": "Hello", "DESTINATION_ADDR": ["+85267000011"]},
}


@pytest.mark.parametrize(
    ("path", "kind", "rules"), [("/uips", "http", ["path-wrong", "uip-v2"]), ("/dave/io", "uip", ["uip-v2"])]
)
def test_a_packet_of_uip_v2_is_told_so_on_any_path_and_its_key_tells_the_account(
    scene: Scene, path: str, kind: str, rules: list[str]
) -> None:
    scene.request(json.dumps(V2).encode(), path=path)
    exchange = scene.newest(scene.account)
    findings = exchange.findings or ()
    assert (exchange.kind, [each.rule for each in findings]) == (kind, rules)
    assert "uip_head.CHANNEL as ROUTE_ID" in findings[-1].want
    assert KEY.encode() not in exchange.body
    assert json.loads(exchange.body)["uip_body"] == V2["uip_body"]


@pytest.mark.parametrize("body", [packet(), b"", b"\xff", b'{"uip_head"', None, b"x" * 100_001])
def test_what_is_no_uip_v2_is_not_kept_from_another_path(scene: Scene, body: bytes | None) -> None:
    scene.request(body, path="/uips")
    assert scene.turned_away[0] == 404
    exchange = scene.newest(None)
    assert (exchange.body, [each.rule for each in exchange.findings or ()]) == (b"", ["path-wrong"])


@pytest.mark.parametrize(
    ("body", "header", "rule", "got"),
    [
        (
            b"a=1",
            (b"content-type", b"application/x-www-form-urlencoded"),
            "body-is-form",
            "Content-Type: application/x-www-form-urlencoded",
        ),
        (b"\x0b\x07\x80{}", (b"content-encoding", b"br"), "body-compressed", "Content-Encoding: br"),
    ],
)
def test_a_form_and_a_compressed_body_are_called_so_by_their_headers(
    scene: Scene, body: bytes, header: tuple[bytes, bytes], rule: str, got: str
) -> None:
    scene.request(body, header)
    assert scene.code == 0x10000003
    [finding] = scene.newest(None).findings or ()
    assert (finding.rule, finding.got) == (rule, got)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post"])
def test_another_method_is_405_and_says_which_is_allowed(scene: Scene, method: str) -> None:
    scene.request(packet(), method=method)
    status, headers, answer = scene.turned_away
    assert (status, headers[b"allow"]) == (405, b"POST")
    assert answer == {"error": "method not allowed: /dave/io takes POST"}
    assert [finding.rule for finding in scene.newest(None).findings or ()] == ["http-method-wrong"]


def test_a_body_over_the_limit_is_413_and_the_connection_ends(scene: Scene) -> None:
    scene.request(b"x" * 100_001)
    status, headers, answer = scene.turned_away
    assert (status, headers[b"connection"]) == (413, b"close")
    assert answer == {"error": "body too large: at most 100000 octets"}
    [finding] = scene.newest(None).findings or ()
    assert (finding.rule, finding.got) == ("body-too-large", "100001 octets")


def test_a_body_that_never_comes_ends_the_connection_without_an_answer(scene: Scene) -> None:
    scene.request(None)
    assert (scene.sent, scene.line.answered, scene.line.done) == ([], [], ["hang up"])
    exchange = scene.newest(None)
    assert (exchange.kind, exchange.http_status, exchange.answer) == ("closed", None, None)
    assert [finding.rule for finding in exchange.findings or ()] == ["body-unfinished"]


def test_a_body_that_the_connection_refused_by_itself_is_not_told_twice(scene: Scene) -> None:
    scene.line.running.response_complete = True
    scene.request(None)
    assert (scene.sent, scene.line.done, scene.store.exchanges(None).total) == ([], [], 0)


def test_a_peer_the_account_does_not_admit_is_disconnected_without_an_answer() -> None:
    account = Account(whitelist=(ipaddress.ip_network("10.0.0.0/8"),))
    scene = Scene(account)
    scene.request(packet())
    assert (scene.sent, scene.line.answered, scene.line.done) == ([], [], ["hang up"])
    assert scene.newest(account).kind == "closed"
    scene.line = Line("10.1.2.3")
    scene.request(packet())
    assert scene.code == 1


# Secrets


@pytest.mark.parametrize("name", [b"auth_key", b"authorization", b"x-api-key", b"cookie", b"x-my-own"])
def test_a_key_in_a_header_is_kept_as_a_fingerprint_wherever_it_stands(scene: Scene, name: bytes) -> None:
    for body in (packet(), packet(VERSION="old"), b'{"AUTH_KEY":"%b","SMS' % KEY.encode()):
        scene.request(body, (b"host", b"a"), (name, b"it is=" + KEY.encode()))
        exchange = scene.newest(scene.account)
        assert dict(exchange.headers)[b"host"] == b"a"
        assert b"key-" in dict(exchange.headers)[name]
        assert KEY.encode() not in dict(exchange.headers)[name]


def test_a_key_in_the_path_is_told_as_a_fingerprint(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.request(packet(), path=f"/dave/io/AUTH_KEY={KEY}")
    assert "AUTH_KEY=key-" in caplog.text
    assert KEY not in caplog.text
    [finding] = scene.newest(None).findings or ()
    assert KEY not in finding.got


# When the simulator itself is at fault


def test_a_store_that_cannot_be_written_is_told_to_the_client_and_nothing_is_half_done(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.store.failing["keep"] = [StoreError("the disk is full")]
    scene.request(packet())
    assert (scene.code, scene.answer["RESULT_DESC"]) == (0x1000000E, "DB_not_find")
    [item] = scene.answer["DETAIL_LIST"]
    assert (item["COUNTRY_CODE"], item["DEST_MSISDN"], item["RESULT_CODE"]) == (852, "67000011", 0x1000000E)
    assert scene.is_untouched()
    assert "the disk is full" in caplog.text

    exchange = scene.newest(scene.account)
    assert (exchange.kind, exchange.http_status, exchange.code, exchange.uids) == ("uip", 200, 0x1000000E, ())
    assert [finding.rule for finding in exchange.findings or ()] == ["store-failed"]
    assert KEY.encode() not in exchange.body


def test_a_store_that_stays_broken_is_told_to_the_client_and_to_the_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.store.failing["decide"] = [StoreError("the disk is gone"), StoreError("the disk is still gone")]
    scene.request(packet())
    assert scene.code == 0x1000000E
    assert scene.is_untouched()
    assert scene.store.exchanges(scene.account).total == 0
    assert "store-failed" in caplog.text


def test_after_a_failure_the_next_packet_is_served_as_if_nothing_had_been(scene: Scene) -> None:
    scene.store.failing["keep"] = [StoreError("a moment"), StoreError("of trouble")]
    scene.request(packet())
    scene.line.answered.clear()
    scene.request(packet())
    assert scene.code == 1
    assert scene.newest(scene.account).id == 1


@pytest.mark.parametrize("where", ["check", "receive", "keep"])
def test_a_failure_inside_is_unknown_error_with_the_traceback_in_the_log_alone(
    scene: Scene, caplog: pytest.LogCaptureFixture, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "keep":
        scene.store.failing["keep"] = [RuntimeError("a slip of ours")]
    else:

        def slip(*_arguments: object) -> None:
            raise RuntimeError("a slip of ours")

        monkeypatch.setattr(scene.platform, where, slip)
    scene.request(packet())
    assert (scene.code, scene.answer["SERIAL"]) == (2, 7)
    assert b"slip" not in scene.line.answered[0]
    assert "Traceback" in caplog.text
    assert "a slip of ours" in caplog.text
    assert scene.is_untouched()
    assert [finding.rule for finding in scene.newest(scene.account).findings or ()] == ["unknown-error"]


def test_a_failure_while_reading_is_unknown_error_too(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slip(_body: bytes) -> None:
        raise RecursionError("too deep for us")

    monkeypatch.setattr(scene.platform, "identify", slip)
    scene.request(packet())
    assert (scene.code, scene.answer["DETAIL_LIST"]) == (2, [])
    assert "too deep for us" in caplog.text
    assert scene.newest(None).code == 2


def test_a_failure_while_noting_a_failure_still_gets_an_answer(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.store.failing["keep"] = [RuntimeError("first"), RuntimeError("second")]
    scene.request(packet())
    assert scene.code == 2
    assert "second" in caplog.text


def test_a_failure_is_answered_with_the_time_of_the_accounts_clock(scene: Scene) -> None:
    scene.store.failing["keep"] = [StoreError("the disk is full")]
    scene.request(packet())
    assert scene.answer["TIME"] == "2021-09-13 12:00:00"


def test_a_failure_is_answered_with_the_time_of_the_machine_where_the_accounts_clock_cannot_be_read(
    scene: Scene,
) -> None:
    scene.store.failing = {"keep": [StoreError("the disk is full")], "standing": [StoreError("the disk is gone")]}
    scene.request(packet())
    assert scene.code == 0x1000000E
    assert str(scene.answer["TIME"]) > "2021-09-13 12:00:00"


def test_a_long_packet_whose_account_cannot_be_looked_at_is_refused_as_any_other(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.store.failing["standing"] = [StoreError("a moment of trouble")]
    scene.request(packet(x="y" * 50_000, SMS_CONTENT=""))
    rules = [finding.rule for finding in scene.newest(scene.account).findings or ()]
    assert scene.store.failing["standing"] == []
    assert (scene.code, rules[0]) == (0x10000003, "content-missing")
    assert "a moment of trouble" not in caplog.text


def test_a_failure_while_a_long_packet_is_diagnosed_is_unknown_error_too(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.store.failing["standing"] = [RuntimeError("a slip of ours")]
    scene.request(packet(x="y" * 50_000, SMS_CONTENT=""))
    assert scene.code == 2
    assert "a packet could not be diagnosed for a reason inside the simulator" in caplog.text
    assert "a slip of ours" in caplog.text


def test_reports_that_cannot_be_released_are_told_to_the_log_and_the_answer_stays(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.store.failing["release"] = [StoreError("the disk is full")]
    scene.request(packet())
    assert (scene.code, scene.expected) == (1, [])
    assert "the reports of request 1 of default are not released: the disk is full" in caplog.text


def test_a_journal_that_fails_does_not_keep_a_404_from_its_client(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.store.failing["keep"] = [RuntimeError("a slip of ours")]
    scene.request(packet(), path="/elsewhere")
    assert scene.turned_away[0] == 404
    assert "path-wrong" in caplog.text


# Reports before the answer


FIRST, PLAIN = (852, "67555304"), (852, "67000011")


def to(*destinations: tuple[int, str], **fields: object) -> bytes:
    """A packet to these."""
    entries = [{"COUNTRY_CODE": country, "DEST_MSISDN": msisdn} for country, msisdn in destinations]
    return packet(MULTI_MSISDN_LIST=entries, **fields)


def test_an_answer_waits_at_most_two_seconds_for_the_reports_that_come_before_it_and_for_no_others(
    scene: Scene,
) -> None:
    scene.platform.directory = AccountDirectory([Account(plan=plan_of(step(2, timedelta(0))))])
    seen: list[object] = []

    def report(account: Account, uids: tuple[str, ...], seconds: float) -> None:
        seen.extend([account.name, uids, seconds, scene.store.next_wake(account), len(scene.line.answered)])

    scene.on_report_first = report
    scene.request(to(PLAIN, FIRST))
    uids = [item["SMS_UID"] for item in scene.answer["DETAIL_LIST"]]  # type: ignore[attr-defined]
    assert seen == ["default", (uids[1],), 2.0, LONG_AGO, 0]
    assert asyncio.run(scene.store.take_wakes(ACCOUNT, LONG_AGO, 9)) == [uids[1], uids[0]], "as they were released"


def test_an_answer_without_reports_before_it_waits_for_nothing(scene: Scene) -> None:
    scene.on_report_first = lambda *_: pytest.fail("it waits")
    scene.request(to(PLAIN, PLAIN))
    assert scene.code == 1


@pytest.mark.parametrize("error", [StoreError("the disk is full"), RuntimeError("a slip of ours")])
@pytest.mark.parametrize("where", ["release", "report"])
def test_reports_that_cannot_come_before_the_answer_do_not_keep_it_from_going_out(
    scene: Scene, caplog: pytest.LogCaptureFixture, where: str, error: Exception
) -> None:
    def slip(*_arguments: object) -> None:
        raise error

    if where == "release":
        scene.store.failing["release"] = [error]
    else:
        scene.on_report_first = slip
    scene.request(to(FIRST))
    assert scene.code == 1
    assert "no report of request 1 of default before its answer" in caplog.text
    assert str(error) in caplog.text
    assert (scene.store.next_wake(ACCOUNT), len(scene.expected)) == (LONG_AGO, 1), "it still comes"


# On no connection


def test_a_packet_that_comes_on_no_connection_is_taken_like_any_other() -> None:
    scene = Scene()
    account, reply = asyncio.run(scene.endpoint.take(packet()))
    assert (account, reply.code, scene.newest(scene.account).connection) == (scene.account, ResultCode.OK, None)
    due = LONG_AGO + timedelta(seconds=1)
    assert (scene.store.next_wake(scene.account), scene.expected) == (due, [("default", due)])


def test_what_comes_on_no_connection_may_be_nobodys() -> None:
    scene = Scene()
    account, reply = asyncio.run(scene.endpoint.take(packet(AUTH_KEY="nobody's")))
    assert (account, reply.code, scene.is_untouched()) == (None, ResultCode.CHANNEL_NOT_EXIST, True)


def test_reports_that_come_before_an_answer_come_before_one_that_nobody_waits_for() -> None:
    scene = Scene()
    seen: list[object] = []
    scene.on_report_first = lambda account, uids, _seconds: seen.append((account.name, len(uids), scene.expected[:]))
    asyncio.run(scene.endpoint.take(to(FIRST)))
    assert (seen, len(scene.expected)) == ([("default", 1, [])], 1)


# Rules


def test_a_packet_that_cannot_be_kept_uses_up_no_turn(scene: Scene) -> None:
    busy = Rule(id="it", replies=(ReplyStep(ResultCode.BUSY, times=1),))
    scene.platform.directory = AccountDirectory([Account(rules=CompiledRules(RuleBook(rules=(busy,))))])
    for error in (StoreError("the disk is full"), RuntimeError("a slip of ours")):
        scene.store.failing["keep"] = [error]
        scene.request(packet())
        assert scene.store.tallies(ACCOUNT) == {}
    for _ in range(2):
        scene.request(packet())
    codes = [json.loads(body)["RESULT_CODE"] for body in scene.line.answered]
    assert codes == [0x1000000E, 2, 3, 1]


# On the wire


class Customer:
    """A client's connections, and a server for reports that answers each unless told not to. `told` is what came."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.answers = True
        self._news = asyncio.Condition()

    async def has(self, count: int) -> list[str]:
        """What came, once it is so much."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.told) >= count)
        return self.told

    async def tell(self, what: str) -> None:
        async with self._news:
            self.told.append(what)
            self._news.notify_all()

    async def report(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes one report."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        uid = json.loads(await reader.readexactly(length))["SMS_UID"]
        await self.tell(f"report of {uid}")
        if self.answers:
            writer.write(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
        else:
            await reader.read()
        writer.close()


class Town:
    """An endpoint on a real socket, its pusher, and a customer. Reports are due at once; the clock stands."""

    def __init__(
        self, account: Account, listener: Listener, store: TroubledStore, customer: Customer, times: AnswerTimes
    ) -> None:
        self.account = account
        self.listener = listener
        self.store = store
        self.customer = customer
        self.times = times

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.listener.port)

    async def post(self, body: bytes) -> bytes:
        """What comes back on a connection of its own until that ends; the client asks for its end."""
        reader, writer = await self.connect()
        try:
            writer.write(_http(body, b"Connection: close\r\n"))
            return await reader.read()
        finally:
            writer.transport.abort()

    async def kept(self) -> Exchange:
        """The newest exchange, as soon as there is one."""
        while (newest := next(iter(self.store.exchanges(self.account)), None)) is None:
            await asyncio.sleep(0)
        return newest


def _http(body: bytes, *headers: bytes) -> bytes:
    return b"POST /dave/io HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (b"".join(headers), len(body), body)


@asynccontextmanager
async def town(*rules: Rule | FaultRule) -> AsyncIterator[Town]:
    """A town whose account has these rules and faults."""
    customer, store, wall, stopping = Customer(), TroubledStore(), WallClock(), asyncio.Event()
    receiver = await asyncio.start_server(customer.report, "127.0.0.1", 0)
    book = RuleBook(
        rules=tuple(rule for rule in rules if isinstance(rule, Rule)),
        faults=tuple(rule for rule in rules if isinstance(rule, FaultRule)),
    )
    account = Account(
        rules=CompiledRules(book),
        plan=plan_of(step(2, timedelta(0))),
        callback=Callback(url=f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"),
    )
    platform = Platform(AccountDirectory([account]), SPEC)
    pusher = Dispatcher(platform, store, PushClient(CertificateFiles.within(Path())), wall)
    journal = ExchangeRecorder(platform, store, wall)
    door = PacketReader(journal, BodyLimits(100_000, timedelta(seconds=9)))
    times = AnswerTimes()
    endpoint = Endpoint(platform, store, journal, pusher, wall, door, times)
    listener = Listener(endpoint, open_socket("127.0.0.1", 0), stopping=stopping)
    await listener.start()
    try:
        yield Town(account, listener, store, customer, times)
    finally:
        await listener.stop()
        await pusher.close(0)
        receiver.close()


def tell(story: Callable[[], Coroutine[None, None, None]]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story(), STORY))


async def _lost(reading: Awaitable[bytes]) -> bytes:
    """What was read, or `reset` when the connection was."""
    try:
        return await reading
    except ConnectionResetError:
        return b"reset"


@pytest.mark.parametrize(
    ("number", "fault", "arrives"),
    [
        ("67555401", "CONNECTION_RESET_BY_PEER", b"reset"),
        ("67555402", "EMPTY_RESPONSE", b""),
        ("67555403", "RANDOM_DATA_THEN_CLOSE", garbage("magic 555403")),
        ("67555405", "PROCESSED_NO_ANSWER", b""),
    ],
)
def test_a_magic_number_takes_the_answer_away(number: str, fault: str, arrives: bytes) -> None:
    async def story() -> None:
        async with town() as here:
            assert await _lost(here.post(to((852, number)))) == arrives
            exchange = await here.kept()
            assert (exchange.rule, exchange.fault) == (f"magic {number[2:]}", fault)
            assert (exchange.http_status, exchange.answer) == (None, None)
            processed = fault == "PROCESSED_NO_ANSWER"
            assert exchange.code == (ResultCode.OK if processed else None)
            assert len(exchange.uids) == here.store.messages(here.account).total == processed

    tell(story)


@pytest.mark.parametrize(
    ("number", "fault", "status", "kind"),
    [
        ("67555406", "BROKEN_JSON", 200, b"application/json"),
        ("67555407", "HTTP_500", 500, b"text/plain; charset=utf-8"),
        ("67555408", "HTML_PAGE", 200, b"text/html; charset=utf-8"),
    ],
)
def test_a_magic_number_has_another_answer_come_and_the_connection_go_on(
    number: str, fault: str, status: int, kind: bytes
) -> None:
    async def story() -> None:
        async with town() as here:
            reader, writer = await here.connect()
            writer.write(_http(to((852, number))))
            head = await reader.readuntil(b"\r\n\r\n")
            exchange = await here.kept()
            answer = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            assert head.startswith(b"HTTP/1.1 %d " % status)
            assert b"content-type: " + kind in head
            assert (exchange.rule, exchange.fault, exchange.http_status) == (f"magic {number[2:]}", fault, status)
            assert answer == exchange.answer
            with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra"):
                json.loads(answer)
            writer.write(_http(packet(), b"Connection: close\r\n"))
            assert json.loads((await reader.read()).partition(b"\r\n\r\n")[2])["RESULT_CODE"] == 1
            writer.transport.abort()

    tell(story)


def test_a_magic_number_keeps_a_client_waiting_until_a_stop_cuts_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        async with town() as here:
            waiting = asyncio.ensure_future(_lost(here.post(to((852, "67555404")))))
            exchange = await here.kept()
            assert (exchange.rule, exchange.fault) == ("magic 555404", "ACCEPT_THEN_HANG")
            assert (exchange.http_status, exchange.answer, exchange.code) == (None, None, None)
            assert json.loads((await here.post(packet())).partition(b"\r\n\r\n")[2])["RESULT_CODE"] == 1
            assert not waiting.done()
            here.listener.stopping.set()
            assert await waiting in (b"", b"reset")

    tell(story)
    assert "uip #1 befallen by ACCEPT_THEN_HANG, as magic 555404 says" in caplog.text


def test_of_a_request_that_was_processed_without_an_answer_the_report_comes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        async with town() as here:
            assert await here.post(to((852, "67555405"))) == b""
            [message] = here.store.messages(here.account)
            assert await here.customer.has(1) == [f"report of {message.uid}"]

    tell(story)
    assert "uip #1 befallen by PROCESSED_NO_ANSWER, as magic 555405 says" in caplog.text


def test_a_report_comes_before_its_answer_and_the_others_after_it() -> None:
    async def story() -> None:
        async with town() as here:
            answer = (await here.post(to(PLAIN, FIRST))).partition(b"\r\n\r\n")[2]
            await here.customer.tell("answer")
            plain, first = (item["SMS_UID"] for item in json.loads(answer)["DETAIL_LIST"])
            told = await here.customer.has(3)
            assert told.index(f"report of {first}") < told.index("answer")
            assert set(told) == {f"report of {first}", "answer", f"report of {plain}"}
            [report] = here.store.reports_of(here.account, first)
            assert report.outcome == "answered", "the answer waited for the customer's"

    tell(story)


def test_a_customer_that_does_not_take_the_report_gets_the_answer_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "_WAIT_FOR_REPORTS_SECONDS", 0.05)

    async def story() -> None:
        async with town() as here:
            here.customer.answers = False
            answer = (await here.post(to(FIRST))).partition(b"\r\n\r\n")[2]
            [item] = json.loads(answer)["DETAIL_LIST"]
            assert await here.customer.has(1) == [f"report of {item['SMS_UID']}"]
            [report] = here.store.reports_of(here.account, item["SMS_UID"])
            assert (report.outcome, report.attempts) == ("pending", ())

    tell(story)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(id="it", replies=(ReplyStep(delay=Fixed(timedelta(hours=1))),)),
        Rule(id="it", replies=(ReplyStep(ResultCode.BUSY, delay=Fixed(timedelta(hours=1))),)),
        FaultRule(id="it", delay=Fixed(timedelta(hours=1))),
    ],
    ids=["a reply", "a refusal", "a fault"],
)
def test_an_answer_is_late_without_holding_up_another_and_a_stop_sends_it_at_once(rule: Rule | FaultRule) -> None:
    async def story() -> None:
        async with town(rule) as here:
            waiting = asyncio.ensure_future(here.post(packet()))
            exchange = await here.kept()
            assert await here.post(packet(VERSION="old", AUTH_KEY="nobody's"))
            assert not waiting.done()
            assert here.customer.told == [], "no report comes before the answer"
            here.listener.stopping.set()
            assert (await waiting).partition(b"\r\n\r\n")[2] == exchange.answer
            assert (exchange.rule, exchange.fault, exchange.http_status) == ("it", "DELAY", 200)

    tell(story)


@pytest.mark.parametrize(
    "rule",
    [
        FaultRule(id="it", delay=Fixed(timedelta(milliseconds=20))),
        FaultRule(id="it", delay=Fixed(timedelta(milliseconds=20)), fault=Fault.HTTP_500),
        FaultRule(id="it", delay=Fixed(timedelta(milliseconds=20)), fault=Fault.EMPTY_RESPONSE),
    ],
    ids=["late", "spoilt", "none"],
)
def test_the_time_of_a_late_or_spoilt_answer_counts_with_what_held_it_up(rule: FaultRule) -> None:
    async def story() -> None:
        async with town(rule) as here:
            await here.post(packet())
            # The client may have its answer before the server has counted it.
            while (counted := dict(here.times.cumulated())[float("inf")]) == 0:
                await asyncio.sleep(0)
            assert counted == 1
            assert here.times.seconds >= 0.9 * 0.02

    tell(story)


def test_the_report_comes_though_the_client_leaves_while_its_answer_is_late() -> None:
    async def story() -> None:
        async with town(FaultRule(id="it", delay=Fixed(timedelta(hours=1)))) as here:
            waiting = asyncio.ensure_future(here.post(packet()))
            [uid] = (await here.kept()).uids
            waiting.cancel()
            assert await here.customer.has(1) == [f"report of {uid}"]

    tell(story)
