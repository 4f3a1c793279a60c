"""Packets sent again inside the server: the same octets but SERIAL and TIME, or corrected; never without a journal."""

import asyncio
import json
from collections.abc import Callable

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.engine.rules import CompiledRules, ReplyStep, Rule, RuleBook
from cloudsms_simulator.engine.transaction import Arrival
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.services.explainer import Explainer
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.services.recorder import ExchangeRecorder
from cloudsms_simulator.services.sending import CannotResend, PacketSender, Resubmitter, with_values_replaced
from cloudsms_simulator.stores.store import StoreError

READY = Ready("http://localhost:61815/dave/io", "http://localhost:61816", "", "", "", "", "", 1)
SHOP = Account(name="shop", auth_key="the key of the shop")
BUSY = CompiledRules(RuleBook(rules=(Rule(id="busy", replies=(ReplyStep(ResultCode.BUSY, times=1),)),)))


class Scene:
    """A stage, and what sends again there."""

    def __init__(self, stage, *accounts: Account) -> None:
        self.stage = stage(*(accounts or (Account(), SHOP)))
        self.journal = ExchangeRecorder(self.stage.platform, self.stage.store, self.stage.wall)
        self.explainer = Explainer(self.stage.platform, self.stage.store, self.stage.wall, lambda: READY)
        sender = PacketSender(self.stage.store, self.stage.endpoint.take)
        self.resubmitter = Resubmitter(sender, self.explainer, self.stage.store, self.stage.wall)

    def send(self, account: Account | None = None, **fields: object) -> Exchange:
        owner = None if "AUTH_KEY" in fields else account or self.stage.account
        asyncio.run(self.stage.receive(1, account, **fields))
        return next(iter(self.stage.store.exchanges(owner)))

    def again(
        self, exchange: Exchange, owner: Account | None, sender: Account, *, corrected: bool = False
    ) -> tuple[Account | None, Exchange] | CannotResend:
        return asyncio.run(self.resubmitter.send(owner, exchange, sender, corrected=corrected))


@pytest.fixture
def scenes(stage) -> Callable[..., Scene]:
    return lambda *accounts: Scene(stage, *accounts)


@pytest.fixture
def scene(scenes: Callable[..., Scene]) -> Scene:
    return scenes()


def test_the_same_packet_is_a_request_of_its_own_with_another_serial_and_time(scene: Scene) -> None:
    first = scene.send(SHOP, TIME="2026-11-22 11:58:00", CUSTOMER_BODY={"order": 1})
    account, second = scene.again(first, SHOP, SHOP)
    assert account is SHOP
    assert (second.id, second.kind, second.connection, second.code) == (2, "uip", None, ResultCode.OK)
    expected = first.body.replace(b'"SERIAL": 7', b'"SERIAL": 8').replace(b"11:58:00", b"12:00:00")
    assert second.body == expected
    assert len(second.uids) == 1
    assert scene.stage.store.messages(SHOP).total == 2
    assert SHOP.auth_key.encode() not in second.body


def test_its_serial_is_the_one_after_the_newest_of_the_account(scene: Scene) -> None:
    first = scene.send(SHOP, SERIAL=7)
    scene.send(SHOP, SERIAL=65535)
    _, second = scene.again(first, SHOP, SHOP)
    assert json.loads(second.body)["SERIAL"] == 1


def test_rules_decide_on_it_as_on_any_other(scenes: Callable[..., Scene]) -> None:
    shop = Account(name="shop", auth_key="the key of the shop", rules=BUSY)
    scene = scenes(shop)
    first = scene.send(shop)
    assert first.code is ResultCode.BUSY
    _, second = scene.again(first, shop, shop)
    assert second.code is ResultCode.OK


def test_what_is_wrong_in_a_packet_stays_wrong(scene: Scene) -> None:
    first = scene.send(SHOP, SERIAL=0, TIME="now")
    _, second = scene.again(first, SHOP, SHOP)
    assert (second.code, second.body) == (ResultCode.INVALID_PARAMETER, first.body)


def test_a_corrected_packet_is_the_one_that_an_explanation_shows(scene: Scene) -> None:
    first = scene.send(SHOP, SERIAL=0, VERSION="1.0")
    account, second = scene.again(first, SHOP, SHOP, corrected=True)
    assert (account, second.code) == (SHOP, ResultCode.OK)
    assert json.loads(second.body)["VERSION"] == "2021-01-01"


def test_a_packet_of_nobodys_is_corrected_for_whom_one_says(scene: Scene) -> None:
    first = scene.send(None, AUTH_KEY="a key nobody knows")
    account, same = scene.again(first, None, SHOP)
    assert (account, same.code) == (None, ResultCode.CHANNEL_NOT_EXIST)
    account, second = scene.again(first, None, SHOP, corrected=True)
    assert (account, second.account, second.code) == (SHOP, "shop", ResultCode.OK)


def test_there_has_to_be_a_packet_and_something_to_correct(scene: Scene) -> None:
    good = scene.send(SHOP)
    told = scene.again(good, SHOP, SHOP, corrected=True)
    assert told == CannotResend("there is nothing to correct in request 1; send it as it is")
    finding = found("handshake-refused", "connection", Told("no certificate"), "a certificate")

    async def refuse() -> Exchange:
        await scene.journal.note("handshake", Arrival(b""), finding)
        await scene.journal.note("uip", Arrival(b'{"METHOD": "SMS_'), finding)
        return next(iter(scene.stage.store.exchanges(None)))

    cut = asyncio.run(refuse())
    shaken, other = scene.stage.store.exchange(None, cut.id - 1), SHOP
    assert shaken is not None
    told = scene.again(shaken, None, other)
    assert told == CannotResend("request 2 is of kind handshake: there is no packet to send again")
    told = scene.again(cut, None, other, corrected=True)
    assert isinstance(told, CannotResend)
    assert told.why.startswith("request 3 cannot be corrected: body-cut at body: what was cut off")


def test_a_failure_of_the_simulator_itself_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    first = scene.send(SHOP)

    async def fails(*_step: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(scene.stage.store, "step", fails)
    told = scene.again(first, SHOP, SHOP)
    assert told == CannotResend("it was answered 0x1000000E DB_not_find, and nothing of it is kept; the log says why")


def test_values_are_replaced_where_they_stand_and_nothing_else() -> None:
    body = b'{ "TIME" : "x", "N":{"TIME":1},\r\n"SERIAL":7 } and more'
    told = with_values_replaced(body, {"$.SERIAL": b"123", "$.TIME": b'"y"', "$.NOWHERE": b"0"})
    assert told == b'{ "TIME" : "y", "N":{"TIME":1},\r\n"SERIAL":123 } and more'
