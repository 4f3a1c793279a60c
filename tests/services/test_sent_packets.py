"""What is sent from inside the server goes the way of what comes over the wire. Reading: R18."""

import asyncio
import json
from datetime import timedelta

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, ReplyStep, Rule, RuleBook
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.correction import KEY_PLACEHOLDER
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.services.sending import PacketSender, SentPacket, sent_item
from cloudsms_simulator.stores.store import StoreError

SHOP = Account(name="shop", auth_key="the key of the shop")


def packet(**fields: object) -> bytes:
    return json.dumps(
        {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2026-11-22 12:00:00",
            "AUTH_KEY": KEY_PLACEHOLDER,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
        }
        | fields
    ).encode()


class Counter:
    """A sender before a stage with a shop."""

    def __init__(self, stage, account: Account = SHOP) -> None:
        self.stage = stage(account, Account())
        self.sender = PacketSender(self.stage.store, self.stage.endpoint.take)

    def send(self, body: bytes) -> SentPacket:
        return asyncio.run(self.sender.send(self.stage.account, body))


def playing(*rules: Rule, faults: tuple[FaultRule, ...] = ()) -> Account:
    return Account(name="shop", auth_key=SHOP.auth_key, rules=CompiledRules(RuleBook(rules=rules, faults=faults)))


@pytest.fixture
def counter(stage) -> Counter:
    return Counter(stage)


def test_a_request_is_judged_kept_charged_and_reported_as_if_it_had_come_over_the_wire(counter: Counter, noon) -> None:
    sent = counter.send(packet())
    store, [message] = counter.stage.store, counter.stage.store.messages(SHOP)
    assert (sent.account, sent.code, sent.exchange) == (SHOP, ResultCode.OK, store.exchange(SHOP, 1))
    assert json.loads(sent.answer or b"")["DETAIL_LIST"][0]["SMS_UID"] == message.uid
    assert (sent.exchange.kind, sent.exchange.connection, sent.exchange.uids) == ("uip", None, (message.uid,))
    assert len(store.ledger(SHOP)) == 2
    assert counter.stage.pusher.expected == [("shop", noon + timedelta(seconds=1))]
    assert store.next_wake(SHOP) == noon + timedelta(seconds=1), "released"


def test_the_key_is_put_in_on_the_way_and_told_nobody(counter: Counter) -> None:
    for stand_in in (KEY_PLACEHOLDER, fingerprint(SHOP.auth_key)):
        sent = counter.send(packet(AUTH_KEY=stand_in))
        assert sent.code is ResultCode.OK
        assert SHOP.auth_key.encode() not in sent.exchange.body
        assert fingerprint(SHOP.auth_key).encode() in sent.exchange.body


def test_another_key_is_that_of_another_account_or_of_nobody(counter: Counter) -> None:
    assert counter.send(packet(AUTH_KEY=Account().auth_key)).account.name == "default"
    sent = counter.send(packet(AUTH_KEY="somebody's"))
    assert (sent.account, sent.code, sent.exchange.account) == (None, ResultCode.CHANNEL_NOT_EXIST, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", ResultCode.EMPTY_DATA), (packet()[:-1], ResultCode.LOST_INFO), (b"\xff", ResultCode(0x10000003))],
)
def test_a_body_that_is_no_packet_is_refused_like_one(counter: Counter, body: bytes, code: ResultCode) -> None:
    sent = counter.send(body)
    assert (sent.code, sent.exchange.code, sent.exchange.uids) == (code, code, ())


def test_rules_decide_on_it_and_count_it(stage) -> None:
    counter = Counter(stage, playing(Rule(id="busy-once", replies=(ReplyStep(ResultCode.BUSY, times=1),))))
    assert [counter.send(packet()).code for _ in range(2)] == [ResultCode.BUSY, ResultCode.OK]


@pytest.mark.parametrize(
    ("fault", "begins", "code"),
    [
        (Fault.PROCESSED_NO_ANSWER, None, ResultCode.OK),
        (Fault.CONNECTION_RESET_BY_PEER, None, None),
        (Fault.BROKEN_JSON, b"{", ResultCode.OK),
    ],
)
def test_a_fault_leaves_of_the_answer_what_a_client_would_get(
    stage, fault: Fault, begins: bytes | None, code: ResultCode | None
) -> None:
    counter = Counter(stage, playing(faults=(FaultRule(id="trouble", fault=fault),)))
    sent = counter.send(packet())
    assert (sent.code, sent.exchange.fault, sent.answer and sent.answer[:1]) == (code, fault.value, begins)
    assert len(sent.exchange.uids) == (1 if code is ResultCode.OK else 0)


def test_the_report_that_comes_before_the_answer_does_so_here_too(counter: Counter) -> None:
    seen: list[object] = []

    async def first(account: Account, uids: tuple[str, ...], _seconds: float) -> None:
        seen.extend([account.name, uids, counter.stage.store.next_wake(account)])

    counter.stage.pusher.report_first = first
    sent = counter.send(packet(MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": "67555304"}]))
    assert seen[:2] == ["shop", sent.exchange.uids]
    assert seen[2] is not None


def test_a_store_that_fails_is_told_with_its_code(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_step: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(counter.stage.store, "step", fail)
    sent = counter.send(packet())
    assert (sent.account, sent.exchange, sent.code) == (SHOP, None, ResultCode.DB_NOT_FIND)
    item = sent_item(sent)
    assert (item.request_id, item.account, item.code.name, item.fault, item.uids) == (
        None,
        "shop",
        "DB_not_find",
        None,
        (),
    )


def test_an_item_tells_number_account_code_answer_and_messages(counter: Counter) -> None:
    sent = counter.send(packet())
    item = sent_item(sent)
    assert (item.request_id, item.account, item.code.name, item.uids) == (1, "shop", "OK", sent.exchange.uids)
    assert json.loads(item.answer)["RESULT_CODE"] == 1


def test_serials_go_from_1_to_65535_and_round_again(counter: Counter) -> None:
    serials = [counter.sender.take_serial() for _ in range(65_536)]
    assert serials == [*range(1, 65_536), 1]
    assert counter.sender.serial == 2


def test_an_account_that_takes_any_key_is_sent_what_stands_there(stage) -> None:
    sent = Counter(stage, Account(name="any", auth_key="*")).send(packet())
    assert (sent.account.name, sent.code) == ("any", ResultCode.OK)
