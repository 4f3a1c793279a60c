"""The recorder: what is no ordinary exchange, in the journal and in the log.

Spec: Interface specification and communication principle. Reading: R5, R18.
"""

import asyncio
import itertools
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from cloudsms_simulator.engine.account import Account, AccountDirectory
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.engine.transaction import Arrival, Transaction
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.services.recorder import ExchangeRecorder
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import StoreError

R = TypeVar("R")
ACCOUNT = Account()
FINDING = found("body-unfinished", "body", Told("3 octets: the client hung up"), "the whole body")
PEER = ("203.0.113.9", 50_000)


class Store(MemoryStore):
    """Raises what it was given, once a step has decided."""

    trouble: Exception | None = None

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        def failing(transaction: Transaction) -> R:
            decision = decide(transaction)
            if self.trouble is not None:
                raise self.trouble
            return decision

        return super().step(account, failing, uids)


class Scene:
    def __init__(self) -> None:
        wall = WallClock()
        nodes = itertools.count(1)
        self.store = Store(lambda _account: Clock.real(wall.now()), lambda: next(nodes))
        self.journal = ExchangeRecorder(Platform(AccountDirectory([ACCOUNT]), SPEC), self.store, wall)

    def noticing(self, notice: Callable[[], None]) -> Exchange:
        """The exchange that is kept when a listener notices something."""

        async def story() -> None:
            notice()
            await self.journal.written()

        asyncio.run(story())
        return next(iter(self.store.exchanges(None)))

    def noting(self, *what: object, **more: object) -> None:
        asyncio.run(self.journal.note(*what, **more))  # type: ignore[arg-type]


def line() -> SimpleNamespace:
    """A connection, as far as the journal looks at it."""
    return SimpleNamespace(id=7, peer=PEER, tls=None, attachment=None, opened_at=None)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_reached_no_check_belongs_to_nobody(scene: Scene) -> None:
    scene.noting("closed", Arrival(b'{"A'), FINDING)
    [exchange] = scene.store.exchanges(None)
    assert (exchange.account, exchange.kind, exchange.body, exchange.findings) == (None, "closed", b'{"A', (FINDING,))
    assert (exchange.http_status, exchange.code, exchange.answer, exchange.uids) == (None, None, None, ())


def test_a_failure_of_ours_belongs_to_the_account_it_struck(scene: Scene) -> None:
    scene.noting("uip", Arrival(b"{}"), FINDING, 200, b"answer", ResultCode.DB_NOT_FIND, ACCOUNT)
    [exchange] = scene.store.exchanges(ACCOUNT)
    assert (exchange.account, exchange.http_status, exchange.answer) == ("default", 200, b"answer")
    assert exchange.code == ResultCode.DB_NOT_FIND


@pytest.mark.parametrize("trouble", [StoreError("the disk is full"), RuntimeError("a slip of ours")])
def test_what_cannot_be_kept_is_told_to_the_log_and_nothing_is_raised(
    scene: Scene, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    scene.store.trouble = trouble
    scene.noting("closed", Arrival(b""), FINDING)
    assert scene.store.exchanges(None).total == 0
    assert str(trouble) in caplog.text
    assert "body-unfinished" in caplog.text


# The log


def test_a_refusal_is_one_line_with_its_code_and_every_error(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    findings = (
        found("serial-wrong", "$.SERIAL", 0, "an integer from 1 to 65535"),
        found("time-unix", "$.TIME", "1700000000", "YYYY-MM-DD HH:MM:SS"),
        found("time-missing", "$.TIME", None, "YYYY-MM-DD HH:MM:SS"),
    )
    exchange = Exchange(
        9, "default", "uip", WallClock().now(), None, (), 200, ResultCode.INVALID_PARAMETER, b"", b"", findings
    )
    scene.journal.tell(exchange)
    [record] = caplog.records
    assert record.getMessage() == (
        "uip #9 refused 0x10000001 Invalid_parameter: serial-wrong at $.SERIAL: got 0, want an integer from 1 to "
        "65535; time-missing at $.TIME: got nothing, or null, want YYYY-MM-DD HH:MM:SS"
    )
    assert (record.request_id, record.account, record.peer) == (9, "default", None)  # type: ignore[attr-defined]
    assert record.rules == ["serial-wrong", "time-missing"]  # type: ignore[attr-defined]


def test_where_there_are_only_warnings_the_line_tells_those(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.noticing(lambda: scene.journal.on_surplus(line(), b'"}'))
    assert "closed #1 refused: surplus-bytes at connection: got 2 octets" in caplog.text


def befallen(code: ResultCode | None) -> Exchange:
    """An exchange that a fault befell; with a code, it had an answer."""
    closed = found("scripted-code", "$.MULTI_MSISDN_LIST[0]", Told('Busy, as "closed" says'), "a client that copes")
    findings = (closed,) if code is ResultCode.BUSY else None
    now = WallClock().now()
    return Exchange(
        9, "default", "uip", now, None, (), None, code, b"", None, findings, rule="storm", fault="EMPTY_RESPONSE"
    )


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (None, "uip #9 befallen by EMPTY_RESPONSE, as storm says"),
        (ResultCode.OK, "uip #9 befallen by EMPTY_RESPONSE, as storm says"),
        (
            ResultCode.BUSY,
            "uip #9 befallen by EMPTY_RESPONSE, as storm says; refused 0x03 Busy: scripted-code at "
            '$.MULTI_MSISDN_LIST[0]: got Busy, as "closed" says, want a client that copes',
        ),
    ],
    ids=["not processed", "accepted", "refused"],
)
def test_what_befell_an_exchange_is_one_line_with_its_rule(
    scene: Scene, caplog: pytest.LogCaptureFixture, code: ResultCode | None, line: str
) -> None:
    caplog.set_level(logging.INFO)
    scene.journal.tell(befallen(code))
    [record] = caplog.records
    assert record.getMessage() == line
    assert (record.request_id, record.account) == (9, "default")  # type: ignore[attr-defined]


def test_nothing_is_told_to_a_log_that_does_not_listen(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    scene.noting("closed", Arrival(b""), FINDING)
    scene.journal.tell(None)
    assert caplog.records == []


# What the listeners notice


def test_an_address_off_the_whitelist_is_kept_as_a_closed_connection(scene: Scene) -> None:
    exchange = scene.noticing(lambda: scene.journal.on_closed(PEER))
    assert exchange.kind == "closed"
    assert exchange.connection is not None
    assert (exchange.connection.host, exchange.connection.port) == PEER
    [finding] = exchange.findings or ()
    assert (finding.rule, finding.got) == ("source-not-whitelisted", "203.0.113.9")


def test_a_refused_handshake_is_kept_with_its_reason_and_a_remedy(scene: Scene) -> None:
    error = ssl.SSLError(1, "no certificate")
    error.reason = "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    exchange = scene.noticing(lambda: scene.journal.on_refused(PEER, error))
    assert exchange.kind == "handshake"
    [finding] = exchange.findings or ()
    assert (finding.rule, finding.got) == ("handshake-refused", "no-certificate")
    assert "--mtls optional" in finding.want


def test_what_is_not_http_is_kept_as_far_as_it_was_read(scene: Scene) -> None:
    exchange = scene.noticing(lambda: scene.journal.on_bad_request(line(), b"hello\r\n", "Invalid method"))
    assert (exchange.kind, exchange.http_status, exchange.body) == ("http", 400, b"hello\r\n")
    assert exchange.connection is not None
    assert exchange.connection.id == 7
    assert [finding.rule for finding in exchange.findings or ()] == ["not-http"]


def test_surplus_bytes_and_unfinished_heads_are_kept(scene: Scene) -> None:
    surplus = scene.noticing(lambda: scene.journal.on_surplus(line(), b'"}'))
    assert (surplus.kind, surplus.body) == ("closed", b'"}')
    head = scene.noticing(lambda: scene.journal.on_head_timeout(line(), b"POST /dave/io HT"))
    assert (head.kind, head.body) == ("closed", b"POST /dave/io HT")
    assert [finding.rule for finding in head.findings or ()] == ["head-unfinished"]


def test_a_key_in_what_is_not_http_is_kept_and_told_as_a_fingerprint(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    excerpt = b"POST / HTTP/1.1\r\nAUTH_KEY: a-secret-of-somebody\r\nbad header\r\n\r\n"
    exchange = scene.noticing(lambda: scene.journal.on_bad_request(line(), excerpt, "Invalid header token"))
    [finding] = exchange.findings or ()
    for shown in (caplog.text, finding.got, exchange.body.decode()):
        assert "a-secret-of-somebody" not in shown
        assert "AUTH_KEY: key-" in shown


def told(account: Account, *numbers: str, caplog: pytest.LogCaptureFixture) -> str:
    """The log line of a request to some numbers of Hong Kong."""
    here = Scene()
    platform = Platform(AccountDirectory([account]), SPEC)
    packet = {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "REQUEST",
        "SERIAL": 7,
        "TIME": "2026-11-22 12:00:00",
        "AUTH_KEY": account.auth_key,
        "ROUTE_ID": "VerifyCode_516",
        "VERSION": "2021-01-01",
        "SMS_CONTENT": "Your code is 123345",
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in numbers],
    }
    body = json.dumps(packet).encode()
    identified = platform.identify(body)

    def exchange(transaction: Transaction) -> Exchange | None:
        now = transaction.standing.clock.now(WallClock().now())
        platform.receive(transaction, platform.check(identified, body), Arrival(body), now)
        return transaction.exchange

    with caplog.at_level(logging.INFO, "cloudsms_simulator.journal"):
        here.journal.tell(asyncio.run(here.store.look(identified.account, exchange)))
    [record] = caplog.records
    return record.getMessage()


def test_a_batch_refused_in_part_is_one_line_with_the_first_few_reasons(caplog: pytest.LogCaptureFixture) -> None:
    line = told(ACCOUNT, "67000011", *["+852" * 9] * 199, caplog=caplog)
    assert line.startswith(
        "uip #1 refused in part, 1 accepted: msisdn-plus at $.MULTI_MSISDN_LIST[1].DEST_MSISDN: got "
    )
    assert line.endswith("; and 196 more")
    assert len(line) < 1_000


def test_the_line_of_a_batch_refused_whole_is_as_short(caplog: pytest.LogCaptureFixture) -> None:
    line = told(ACCOUNT, *["x" * 200] * 200, caplog=caplog)
    assert "; and " in line
    assert len(line) < 1_000


def test_a_refusal_tells_the_log_what_the_requests_before_it_make_suspect(
    stage: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    it = stage()
    journal = ExchangeRecorder(it.platform, it.store, it.wall)

    async def refused(*before: str) -> None:
        for version in before:
            await it.receive(VERSION=version)
        journal.tell(next(iter(it.store.exchanges(it.account))), it.account)

    asyncio.run(refused("1", "1"))
    record = caplog.records[-1]
    assert "; suspicion resent-unchanged: 85267000011 again 0 s after request 1 was refused" in record.getMessage()
    assert record.__dict__["rules"] == ["version-unknown", "resent-unchanged"]
    asyncio.run(refused("2"))
    assert "suspicion" not in caplog.records[-1].getMessage()
    asyncio.run(refused(*map(str, range(10, 20)), "1"))
    assert "suspicion" not in caplog.records[-1].getMessage()
