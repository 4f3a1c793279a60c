"""The platform: the order of its stages, and what each leaves behind.

Spec: CloudSMS Business Process. Reading: R2, R3, R4, R7.
"""

import ipaddress
import json
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account, Blacklist
from cloudsms_simulator.engine.faults import UNPROCESSED, AnswerFault, Fault
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, Fixed, ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.rules import (
    CompiledRules,
    Condition,
    FaultRule,
    Ordinal,
    ReplyStep,
    Rule,
    RuleBook,
    RuleBookChange,
)
from cloudsms_simulator.engine.transaction import Arrival
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC

FAULT_PAGES = {fault: fault.effect.page for fault in Fault if fault.effect.page is not None}

SECOND = timedelta(seconds=1)
OK, BUSY, EMPTY, UNKNOWN_KEY, DB = 1, 3, 4, 5, 0x1000000E
INVALID, CONTEXT, QUEUE, INTERCEPT, LOST = 0x10000001, 0x10000003, 0x10000005, 0x10000006, 0x10000007
EMPTY_PACKET, UNPRICED, VERSION = 0x1000000D, 0x1000000F, 0x10000010
HONG_KONG, SINGAPORE = (852, "67000011"), (65, "81234567")

OBSERVED_ACCOUNT = Account(name="observed", auth_key="observed-key", profile=OBSERVED)


def scripted(*rules: Rule | FaultRule, **fields: object) -> Account:
    """An account with rules and faults."""
    replies = tuple(rule for rule in rules if isinstance(rule, Rule))
    faults = tuple(rule for rule in rules if isinstance(rule, FaultRule))
    return Account(rules=CompiledRules(RuleBook(rules=replies, faults=faults)), **fields)


def replying(code: int, *, id: str = "it", times: int | None = None, delay: int = 0, **said: object) -> Rule:
    """A rule that replies a code."""
    late = Fixed(delay * SECOND) if delay else None
    return Rule(id=id, replies=(ReplyStep(ResultCode(code), times, late),), **said)


def code_of(answer: bytes | None) -> int:
    assert answer is not None
    code = json.loads(answer)["RESULT_CODE"]
    assert type(code) is int
    return code


# An accepted request


def test_a_request_in_order_is_answered_as_the_document_prints_it(world, noon: datetime) -> None:
    here = world()
    reply = here.receive(here.packet(HONG_KONG, (65, "81234567"), SERIAL=65535))
    [first, second] = here.store.messages(here.accounts[0])

    assert reply.body == (
        b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":65535,"TIME":"2026-11-22 12:00:00","RESULT_CODE":1,'
        b'"RESULT_DESC":"OK","DETAIL_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011","SMS_UID":"%b",'
        b'"RESULT_CODE":1,"RESULT_DESC":"OK"},{"COUNTRY_CODE":65,"DEST_MSISDN":"81234567","SMS_UID":"%b",'
        b'"RESULT_CODE":1,"RESULT_DESC":"OK"}]}'
    ) % (second.uid.encode(), first.uid.encode())
    assert (reply.code, reply.request_id, reply.first_due) == (ResultCode.OK, 1, noon + SECOND)


def test_what_was_accepted_is_kept_with_the_exchange_that_brought_it(world, noon: datetime) -> None:
    here = world()
    sent = here.send(ORIGINAL_ADDR="Shop", SIGNATURE="S", SIGNATURE_TYPE=3, CUSTOMER_BODY={"a": 1})
    sending = sent.message.sending
    [exchange] = here.store.exchanges(here.accounts[0])

    assert (sending.request_id, sending.account, sending.serial, sending.accepted_at) == (1, "default", 7, noon)
    assert (sending.route_id, sending.source, sending.text) == ("VerifyCode_516", "Shop", "[S] Your code is 123345")
    assert (sending.segmentation.dcs, sending.segmentation.segments, sending.currency) == (0, 1, "USD")
    assert sending.customer_body == b'{"a": 1}'
    assert (exchange.id, exchange.account, exchange.kind, exchange.received_at) == (1, "default", "uip", noon)
    assert (exchange.http_status, exchange.code, exchange.uids) == (200, ResultCode.OK, (sent.uid,))
    assert exchange.answer is None, "it is encoded again from the messages when somebody looks"
    assert exchange.findings is None, "they are worked out when somebody looks"


def test_the_first_report_due_is_the_earliest_of_the_batch(world, noon: datetime) -> None:
    account = Account(plan=plan_of(step(2, timedelta(minutes=5))))
    here = world(account)
    assert here.receive(here.packet(HONG_KONG)).first_due == noon + timedelta(minutes=5)
    assert here.receive(here.packet(HONG_KONG, (65, "6"))).first_due == noon + SECOND


def test_the_key_is_never_kept_as_it_was_sent(world) -> None:
    account = Account(name="any", auth_key="*")
    for owner, body in (
        (Account(), world().packet()),
        (account, world().packet(AUTH_KEY="somebody's own key")),
        (Account(), world().packet(SERIAL=0)),
        (Account(), world().packet()[:-40]),
        (Account(whitelist=(ipaddress.ip_network("10.0.0.0/8"),)), world().packet()),
    ):
        here = world(owner)
        here.receive(body)
        [exchange] = here.store.exchanges(owner)
        assert b"somebody's own key" not in exchange.body
        assert owner.auth_key == "*" or owner.auth_key.encode() not in exchange.body
        assert b"key-" in exchange.body


# Which account


@pytest.mark.parametrize(
    "body",
    [
        b'{"AUTH_KEY":"observed-key"}',
        b'{"METHOD":"SMS_SEND_REQUEST","AUTH_KEY":"observed-key","SERIAL":"x"}',
        b'{"AUTH_KEY":"observed-key","SMS_CONTENT":"cut of',
        b'{"AUTH_KEY":"observed-key","SMS_CONTENT":bro}',
    ],
    ids=["check 5", "check 6", "cut off behind it", "broken behind it"],
)
def test_a_readable_known_key_selects_the_account_even_when_an_earlier_check_fails(world, body: bytes) -> None:
    here = world(Account(), OBSERVED_ACCOUNT)
    answer = here.receive(body).body
    assert answer.startswith(b'{ "METHOD"'), "the wire's shape, of the profile observed"
    [exchange] = here.store.exchanges(OBSERVED_ACCOUNT)
    assert exchange.account == "observed"
    assert here.store.exchanges(None).total == 0


@pytest.mark.parametrize("key", ["nobody's", "", None, 7, "k" * 129, ["observed-key"]])
def test_any_other_key_leaves_the_exchange_to_nobody_and_the_servers_profile(world, key: object) -> None:
    here = world(Account(), OBSERVED_ACCOUNT)
    answer = here.receive(here.packet(AUTH_KEY=key)).body
    assert answer.startswith(b'{"METHOD"'), "the document's shape, of the profile spec"
    [exchange] = here.store.exchanges(None)
    assert (exchange.account, exchange.kind) == (None, "uip")
    assert here.store.exchanges(OBSERVED_ACCOUNT).total == 0


def test_the_server_has_a_profile_of_its_own_for_what_belongs_to_nobody(world) -> None:
    here = world(Account(), profile=OBSERVED)
    assert here.receive(b"").body == (
        b'{ "METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": 0, "TENANT_ID": 0, '
        b'"TIME": "2026-11-22 12:00:00", "RESULT_CODE": 4, "RESULT_DESC": "\'empty data\'" }'
    )


# The order of the stages


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b" \r\n", EMPTY),
        (b'{"METHOD":', LOST),
        (b"{]", CONTEXT),
        (b"{}", EMPTY_PACKET),
    ],
)
def test_a_body_that_is_no_packet_has_the_code_of_what_it_is(world, body: bytes, code: int) -> None:
    assert code_of(world().receive(body).body) == code


EVERY_MISTAKE = [
    ("METHOD", "SMS_PUSH_REPORT", INVALID),
    ("SERIAL", 0, INVALID),
    ("AUTH_KEY", "nobody's", UNKNOWN_KEY),
    ("rate", None, BUSY),
    ("VERSION", "2020-01-01", VERSION),
    ("ROUTE_ID", "", INVALID),
    ("SMS_CONTENT", "", CONTEXT),
    ("MULTI_MSISDN_LIST", [], INVALID),
]


@pytest.mark.parametrize("first", range(len(EVERY_MISTAKE)), ids=[name for name, _, _ in EVERY_MISTAKE])
def test_the_first_mistake_decides_whatever_else_is_wrong(world, first: int) -> None:
    mistakes = EVERY_MISTAKE[first:]
    busy = any(name == "rate" for name, _, _ in mistakes)
    here = world(Account(rate_limit=0 if busy else None))
    body = here.packet(**{name: value for name, value, _ in mistakes if name != "rate"})
    assert code_of(here.receive(body).body) == mistakes[0][2]
    assert here.store.messages(here.accounts[0]).total == 0


def test_a_destination_has_the_code_of_its_own_first_mistake(world) -> None:
    account = Account(
        prices={852: Decimal("0.05")}, blacklist=Blacklist(numbers=("85267*", "44*", "1*")), pending_limit=4
    )
    here = world(account)
    sent = here.send((852, "6x"), (852, "67000011"), (44, "7911123456"), (852, "51234567"), (65, "81234567"))
    assert sent.codes == [OK, INVALID, INTERCEPT, INTERCEPT, OK, UNPRICED]
    sent = here.send((852, "6x"), (44, "7911123456"), (65, "81234567"), (852, "51234567"), (44, "7911123456"))
    assert sent.codes == [OK, INVALID, INTERCEPT, UNPRICED, OK, QUEUE]


# Whitelist


def test_a_packet_from_an_address_not_on_the_whitelist_is_closed_without_an_answer(world) -> None:
    account = Account(whitelist=(ipaddress.ip_network("10.0.0.0/8"),))
    here = world(account)
    reply = here.receive(here.packet(), peer="203.0.113.9")

    assert (reply.body, reply.code, reply.first_due) == (None, None, None)
    [exchange] = here.store.exchanges(account)
    assert (exchange.kind, exchange.http_status, exchange.answer) == ("closed", None, None)
    assert [(finding.rule, finding.got) for finding in exchange.findings] == [("source-not-whitelisted", "203.0.113.9")]
    assert here.store.messages(account).total == 0
    assert code_of(here.receive(here.packet(), peer="10.1.2.3").body) == OK


def test_the_gateways_checks_come_before_the_whitelist(world) -> None:
    here = world(Account(whitelist=(ipaddress.ip_network("10.0.0.0/8"),)))
    assert code_of(here.receive(here.packet(SERIAL=0), peer="203.0.113.9").body) == INVALID
    assert here.receive(here.packet(VERSION="old"), peer="203.0.113.9").body is None


# Blacklist


def test_a_blacklisted_word_intercepts_every_destination_also_when_it_is_in_the_signature(world) -> None:
    here = world(Account(blacklist=Blacklist(words=("casino",))))
    assert here.send(HONG_KONG, HONG_KONG, SIGNATURE="CASINO", SIGNATURE_TYPE=1).codes == [INTERCEPT] * 3
    assert here.send(HONG_KONG, SIGNATURE="CASINO", SIGNATURE_TYPE=5).codes == [OK, OK]


# What a refusal leaves


def test_a_refused_request_has_an_item_with_a_fresh_uid_for_each_entry_and_no_message(world) -> None:
    here = world()
    sent = here.send(HONG_KONG, (99_999, "1" * 33), ("852", 7), VERSION="old")
    assert [(item["COUNTRY_CODE"], item["DEST_MSISDN"]) for item in sent.items] == [HONG_KONG, (0, ""), (0, "")]
    assert sent.codes == [VERSION] * 4
    again = here.send(HONG_KONG)
    assert len({item["SMS_UID"] for item in (*sent.items, *again.items)}) == 4
    assert sent.messages == [None] * 3
    assert here.balance() == 1000 - Decimal("0.05")


def test_every_finding_of_a_refused_request_is_kept_the_deciding_one_first(world) -> None:
    here = world()
    here.send((852, "67xxxx11"), VERSION="old", SMS_CONTENT="", TIME="1700000000")
    assert here.rules()[0] == "version-unknown"
    assert {"content-missing", "msisdn-placeholder", "time-unix", "customer-body-absent"} <= set(here.rules())


def test_bytes_after_the_body_are_noted_with_the_exchange(world) -> None:
    here = world()
    here.receive(here.packet(), surplus=True)
    here.receive(here.packet(SERIAL=0), surplus=True)
    assert [exchange.surplus for exchange in here.store.exchanges(here.accounts[0])] == [True, True]


# Uniqueness and time


def test_uids_are_unique_even_where_the_clock_stands(world) -> None:
    here = world()
    uids = [item["SMS_UID"] for _ in range(25) for item in here.send(*[HONG_KONG] * 200).items]
    assert len(set(uids)) == len(uids) == 5000
    assert {len(uid) for uid in uids} == {30}


def test_two_accounts_never_issue_the_same_uid(world) -> None:
    shop, bank = Account(name="shop", auth_key="shop"), Account(name="bank", auth_key="bank")
    here = world(shop, bank)
    assert here.send(account=shop).uid != here.send(account=bank).uid


# When the simulator itself is at fault


@pytest.mark.parametrize("code", [ResultCode.UNKNOWN_ERROR, ResultCode.DB_NOT_FIND])
def test_a_failure_is_answered_with_its_code_for_every_entry(world, noon: datetime, code: ResultCode) -> None:
    here = world()
    identified = here.platform.identify(here.packet(HONG_KONG, (65, "81234567")))
    answer = json.loads(here.platform.fail(identified, noon, code).body)
    assert (answer["SERIAL"], answer["RESULT_CODE"]) == (7, code)
    assert [(item["COUNTRY_CODE"], item["RESULT_CODE"]) for item in answer["DETAIL_LIST"]] == [(852, code), (65, code)]


def test_two_failures_in_one_instant_give_every_item_a_uid_of_its_own(world, noon: datetime) -> None:
    here = world()
    body = here.packet(MULTI_MSISDN_LIST=[{"COUNTRY_CODE": 852, "DEST_MSISDN": str(67000011 + n)} for n in range(2)])
    replies = [here.platform.fail(here.platform.identify(body), noon, ResultCode.UNKNOWN_ERROR) for _ in range(2)]

    uids = [item["SMS_UID"] for reply in replies for item in json.loads(reply.body)["DETAIL_LIST"]]

    assert [len(uid) for uid in uids] == [30] * 4
    assert len(set(uids)) == 4


def test_a_failure_before_anything_was_read_is_answered_too(noon: datetime) -> None:
    reply = Platform(directory=(), profile=SPEC).fail(None, noon, ResultCode.UNKNOWN_ERROR)
    answer = json.loads(reply.body)
    assert (answer["SERIAL"], answer["RESULT_DESC"], answer["DETAIL_LIST"]) == (0, "Unknown_error", [])


def test_what_no_check_decided_on_is_kept_with_its_finding(world, noon: datetime) -> None:
    here = world()
    transaction = here.transaction(None)
    arrival = Arrival(b'{"AUTH_KEY":"somebody')
    finding = found("body-unfinished", "body", Told("21 octets: the client hung up"), "the whole body")
    here.platform.note(transaction, "closed", arrival, noon, finding)
    exchange = transaction.exchange
    assert (exchange.account, exchange.kind, exchange.findings) == (None, "closed", (finding,))
    assert exchange.body.startswith(b'{"AUTH_KEY":"key-')


# Rules


@pytest.mark.parametrize("code", [code for code in ResultCode if code is not ResultCode.OK], ids=lambda code: code.name)
def test_every_code_a_rule_replies_reaches_the_wire_and_nothing_comes_of_it(world, code: ResultCode) -> None:
    here = world(scripted(replying(code, condition=Condition(to=("852*",)))))
    sent = here.send(HONG_KONG, SINGAPORE)
    assert sent.codes == [OK, code, OK]
    assert [message is None for message in sent.messages] == [True, False]
    assert here.balance() == 1000 - Decimal("0.05")
    [exchange] = here.store.exchanges(here.accounts[0])
    assert (exchange.code, exchange.rule, exchange.fault, exchange.answer) == (OK, "it", None, sent.reply.body)
    assert here.rules()[0] == "scripted-code"
    assert here.send(HONG_KONG).codes == [code, code]


def test_send_failed_has_a_magic_number(world) -> None:
    assert world().send((852, "67555204")).codes == [0x10000004, 0x10000004]


def test_with_the_scope_packet_one_destination_has_all_refused_and_none_charged(world) -> None:
    here = world(scripted(replying(BUSY, scope="packet", condition=Condition(to=("65*",)))))
    sent = here.send(HONG_KONG, SINGAPORE, (852, "x"))
    assert sent.codes == [BUSY, BUSY, BUSY, INVALID]
    assert sent.messages == [None, None, None]
    assert (here.balance(), len(here.ledger())) == (1000, 1)
    assert len({item["SMS_UID"] for item in sent.items}) == 3
    assert here.send(HONG_KONG).codes == [OK, OK]


def test_a_rule_that_accepts_is_kept_with_the_exchange_and_each_message(world) -> None:
    rejected = plan_of(step(8, SECOND))
    here = world(scripted(Rule(id="a", condition=Condition(to=("65*",))), Rule(id="b", outlook=rejected)))
    first, second = here.send(HONG_KONG, SINGAPORE).messages
    assert [(each.rule, each.plan) for each in (first, second)] == [("b", rejected), ("a", DELIVERED_AFTER_A_SECOND)]
    [exchange] = here.store.exchanges(here.accounts[0])
    assert (exchange.rule, exchange.fault) == ("b", None)
    assert (exchange.answer, exchange.findings) == (None, None), "as of any request in order"


@pytest.mark.parametrize(
    "account",
    [
        scripted(replying(BUSY, times=1, condition=Condition(to=("65*",)))),
        scripted(replying(BUSY, scope="packet", condition=Condition(to=("65*",)))),
        scripted(replying(BUSY, times=1), profile=msgspec.structs.replace(SPEC, mixed_batch="all_or_nothing")),
        Account(profile=msgspec.structs.replace(SPEC, mixed_batch="all_or_nothing")),
        Account(pending_limit=2, blacklist=Blacklist(numbers=("65*",))),
        Account(rate_limit=1),
        Account(),
    ],
    ids=["destination", "packet", "sequence", "checks", "queue", "rate", "plain"],
)
def test_a_request_that_is_decided_on_again_is_decided_as_if_it_were_the_first_time(world, account: Account) -> None:
    once, again = world(account), world(account)
    destinations = HONG_KONG, SINGAPORE, HONG_KONG, (852, "x"), (65, "81234568")
    _, decide = once.deciding(once.packet(*destinations))
    kept, reply = once.step(decide)
    _, decide = again.deciding(again.packet(*destinations))
    for _ in range(2):
        decide(again.transaction(account))
    kept_again, reply_again = again.step(decide)
    assert reply_again.body == reply.body
    assert kept_again.exchange == kept.exchange
    assert kept_again.new_messages == kept.new_messages
    assert kept_again.entries == kept.entries
    assert kept_again.tallied == kept.tallied
    assert kept_again.standing == kept.standing


def test_a_destination_that_one_decision_refused_another_may_accept(world) -> None:
    here = world(Account(pending_limit=1, plan=plan_of(step(2, SECOND))))
    here.send()
    _, decide = here.deciding(here.packet())
    _, reply = decide(here.transaction(here.accounts[0]))
    assert code_of(reply.body) == ResultCode.QUEUE_TOO_LARGE
    here.advance(SECOND)
    _, reply = here.step(decide)
    assert code_of(reply.body) == OK


def test_a_reply_sequence_counts_only_what_is_kept(world) -> None:
    here = world(scripted(replying(BUSY, times=2)))
    account = here.accounts[0]
    for _ in range(3):
        _, reply = here.decide(here.packet())
        assert code_of(reply.body) == BUSY
    assert here.store.tallies(account) == {}
    assert [here.send().codes[0] for _ in range(3)] == [BUSY, BUSY, OK]


def test_a_timeline_by_messages_goes_by_those_accepted_whatever_becomes_of_them(world) -> None:
    closed = RuleBook(name="closed", rules=(replying(BUSY),))
    start = RuleBook(
        rules=(replying(INTERCEPT, condition=Condition(to=("44*",))),),
        faults=(FaultRule(id="storm", fault=Fault.EMPTY_RESPONSE, times=1),),
        timeline=(RuleBookChange(book=closed, messages=3),),
    )
    here = world(Account(rules=CompiledRules(start)))
    assert here.receive(here.packet()).body is None
    assert here.send(HONG_KONG, (44, "7911123456"), (852, "x")).codes == [OK, OK, INTERCEPT, INVALID]
    assert here.send(HONG_KONG, (65, "61234567")).codes == [OK, OK, OK]
    assert here.send(HONG_KONG).codes == [BUSY, BUSY]


def test_a_local_rejection_beats_whatever_report_was_planned(world) -> None:
    here = world(scripted(Rule(id="it", outlook=plan_of(step(2, timedelta(hours=3))))))
    landline, mobile = here.send((65, "61234567"), SINGAPORE).messages
    here.advance(timedelta(hours=3))
    states = [here.store.message(here.accounts[0], each.uid).state for each in (landline, mobile)]
    assert (states, landline.rule, mobile.rule) == ([60, 2], None, "it")
    assert here.balance() == 1000 - Decimal("0.05")


def test_a_refusal_beats_a_local_rejection(world) -> None:
    assert world(scripted(replying(INTERCEPT))).send((65, "61234567")).codes == [INTERCEPT, INTERCEPT]


def test_an_answer_is_as_late_as_the_latest_reply(world) -> None:
    here = world(scripted(replying(OK, id="a", delay=2, condition=Condition(to=("65*",))), replying(OK, delay=1)))
    reply = here.receive(here.packet(HONG_KONG, SINGAPORE))
    assert reply.trouble == AnswerFault("a", delay=2 * SECOND)
    [exchange] = here.store.exchanges(here.accounts[0])
    assert (exchange.rule, exchange.fault, exchange.http_status, exchange.answer) == ("a", "DELAY", 200, reply.body)


def test_a_late_refusal_is_late_too(world) -> None:
    here = world(scripted(replying(BUSY, delay=1)))
    reply = here.receive(here.packet())
    assert (reply.code, reply.trouble, reply.first_due) == (BUSY, AnswerFault("it", delay=SECOND), None)


def test_an_answer_knows_which_reports_come_before_it(world, noon: datetime) -> None:
    here = world()
    reply = here.receive(here.packet(HONG_KONG, (852, "67555304"), (852, "67555302")))
    uids = json.loads(reply.body)["DETAIL_LIST"]
    assert reply.before == (uids[1]["SMS_UID"],)
    assert reply.first_due == noon


@pytest.mark.parametrize("book", [True, False], ids=["the rule book", "the account"])
def test_reports_come_before_the_answer_though_no_rule_is_heard(world, book: bool) -> None:
    first = plan_of(Step(2, timedelta(), True, manner=ReportOptions(before_answer=True)))
    here = world(Account(rules=CompiledRules(RuleBook(outlook=first))) if book else Account(plan=first))
    reply = here.receive(here.packet(HONG_KONG, (65, "61234567"), (852, "67555301")))
    uids = [item["SMS_UID"] for item in json.loads(reply.body)["DETAIL_LIST"]]
    assert reply.before == (uids[0],), "not what is rejected locally, nor what a magic number decides"
    assert here.receive(here.packet((65, "61234567"))).before == ()


# Faults


@pytest.mark.parametrize("fault", sorted(UNPROCESSED))
@pytest.mark.parametrize("fields", [{}, {"VERSION": "old"}], ids=["in order", "to be refused"])
def test_a_fault_that_strikes_before_processing_leaves_nothing_but_its_exchange(
    world, fault: Fault, fields: dict[str, object]
) -> None:
    here = world(scripted(FaultRule(id="storm", fault=fault, times=1), replying(BUSY, times=1)))
    account, status = here.accounts[0], {Fault.HTTP_500: 500, Fault.HTML_PAGE: 200}.get(fault)
    before = here.store.standing(account)
    reply = here.receive(here.packet(**fields), surplus=True)

    assert (reply.body, reply.code, reply.first_due, reply.before) == (None, None, None, ())
    assert reply.trouble == AnswerFault("storm", fault, processed=False)
    assert here.store.standing(account) == before, "no SMS_UID was issued, no money moved"
    assert (len(here.ledger()), here.store.messages(account).total, here.store.next_wake(account)) == (1, 0, None)
    [exchange] = here.store.exchanges(account)
    assert (exchange.kind, exchange.http_status, exchange.code) == ("uip", status, None)
    assert exchange.answer == FAULT_PAGES.get(fault)
    assert (exchange.rule, exchange.fault, exchange.uids, exchange.surplus) == ("storm", fault.value, (), True)
    assert ("version-unknown" in here.rules()) is ("VERSION" in fields)
    assert account.auth_key.encode() not in exchange.body
    counted = {kind.split()[0] for kind, _, _ in here.store.tallies(account)}
    assert counted == {"requests", "asked", "fault", "hits"}, "what strikes, but no reply, no recipient, no message"
    assert here.send(HONG_KONG).codes == [BUSY, BUSY], "its turn is still to come"


def test_a_request_that_was_struck_is_counted_among_the_requests(world) -> None:
    second = FaultRule(id="it", condition=Condition(request=Ordinal(nth=frozenset({2}))), fault=Fault.EMPTY_RESPONSE)
    here = world(scripted(second))
    assert [here.receive(here.packet()).body is None for _ in range(3)] == [False, True, False]


@pytest.mark.parametrize("fault", [Fault.PROCESSED_NO_ANSWER, *sorted(UNPROCESSED)])
def test_a_fault_after_processing_keeps_what_was_accepted_and_loses_the_answer(
    world, noon: datetime, fault: Fault
) -> None:
    here = world(scripted(FaultRule(id="storm", fault=fault, processed=True)))
    reply = here.receive(here.packet())
    [message] = here.store.messages(here.accounts[0])
    [exchange] = here.store.exchanges(here.accounts[0])
    assert code_of(reply.body) == OK, "what would have been answered"
    assert (reply.code, reply.first_due, reply.trouble) == (OK, noon + SECOND, AnswerFault("storm", fault))
    assert (exchange.code, exchange.answer, exchange.uids) == (OK, FAULT_PAGES.get(fault), (message.uid,))
    assert (exchange.rule, exchange.fault) == ("storm", fault.value)
    assert here.balance() == 1000 - Decimal("0.05")
    here.advance(SECOND)
    assert here.store.message(here.accounts[0], message.uid).state == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [({}, OK), ({"VERSION": "old"}, VERSION), ({"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852}]}, INVALID)],
    ids=["accepted", "refused", "refused for its only destination"],
)
def test_a_fault_that_spoils_an_answer_spoils_refusals_too(world, fields: dict[str, object], code: int) -> None:
    here = world(scripted(FaultRule(id="storm", fault=Fault.CODE_AS_STRING)))
    reply = here.receive(here.packet(**fields))
    [exchange] = here.store.exchanges(here.accounts[0])
    assert code_of(reply.body) == code
    assert (exchange.code, exchange.http_status, exchange.rule, exchange.fault) == (
        code,
        200,
        "storm",
        "CODE_AS_STRING",
    )
    assert json.loads(exchange.answer) | {"DETAIL_LIST": []} == json.loads(reply.body) | {
        "DETAIL_LIST": [],
        "RESULT_CODE": str(code),
    }


def test_the_rule_of_a_spoilt_exchange_is_the_faults_and_that_of_its_message_the_one_that_decided(world) -> None:
    here = world(scripted(Rule(id="reply"), FaultRule(id="storm", fault=Fault.BROKEN_JSON, delay=Fixed(SECOND))))
    reply = here.receive(here.packet())
    [exchange], [message] = here.store.exchanges(here.accounts[0]), here.store.messages(here.accounts[0])
    assert (exchange.rule, message.rule) == ("storm", "reply")
    assert reply.trouble == AnswerFault("storm", Fault.BROKEN_JSON, SECOND)


@pytest.mark.parametrize(
    ("mistake", "code"),
    [("rate", BUSY), ("SERIAL", INVALID), ("AUTH_KEY", UNKNOWN_KEY), ("whitelist", None)],
)
def test_what_is_turned_away_before_the_rules_is_befallen_by_nothing_and_counts_nothing(
    world, mistake: str, code: int | None
) -> None:
    limited: dict[str, object] = {
        "rate": {"rate_limit": 0},
        "whitelist": {"whitelist": (ipaddress.ip_network("10.0.0.0/8"),)},
    }
    account = scripted(FaultRule(id="storm", fault=Fault.EMPTY_RESPONSE), **limited.get(mistake, {}))
    here = world(account)
    reply = here.receive(here.packet(**({mistake: "x"} if mistake.isupper() else {})))
    assert (reply.trouble, None if reply.body is None else code_of(reply.body)) == (None, code)
    assert here.store.tallies(account) == {}
