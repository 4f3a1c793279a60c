"""Explaining: who decided, what it costs, and what will be reported. Reading: R24."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account, Blacklist
from cloudsms_simulator.engine.diagnosis import findings_of
from cloudsms_simulator.engine.explanation import (
    Charge,
    Decider,
    ExpectedReport,
    charges,
    decider_of,
    decider_of_message,
    decider_of_refusal,
    expected_reports,
)
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.plan import Plan, plan_of, step
from cloudsms_simulator.engine.rules import CompiledRules, ReplyStep, Rule, RuleBook
from cloudsms_simulator.protocol.codes import ResultCode

BUSY_RULE = Rule(id="busy", replies=(ReplyStep(ResultCode.BUSY),))
FINE_RULE = Rule(id="fine")
DEFAULT = Decider("default", "", "no rule and no magic number has a say: the account's own report follows")


def ruled(*rules: Rule, **fields: object) -> Account:
    return Account(rules=CompiledRules(RuleBook(rules=rules)), **fields)  # type: ignore[arg-type]


def decided(world, packet: Mapping[str, object], *destinations: tuple[object, object], account: Account) -> Decider:
    """What decided on the exchange a packet made."""
    transaction, _ = world(account).decide(world(account).packet(*destinations, account=account, **packet))
    exchange, messages = transaction.exchange, transaction.new_messages
    assert exchange is not None
    return decider_of(exchange, findings_of(exchange, messages, account, clock_is_real=False), messages)


@pytest.mark.parametrize(
    ("packet", "msisdn", "account", "by", "name"),
    [
        ({}, "67000011", Account(), "default", ""),
        ({}, "67000011", ruled(FINE_RULE), "rule", "fine"),
        ({}, "67000011", ruled(BUSY_RULE), "rule", "busy"),
        ({}, "67555007", Account(), "magic number", "magic 555007"),
        ({}, "67555103", Account(), "magic number", "magic 555103"),
        ({}, "67555401", Account(), "magic number", "magic 555401"),
        ({}, "67555406", Account(), "magic number", "magic 555406"),
        ({"SERIAL": 0, "VERSION": "1"}, "67000011", Account(), "check", "serial-wrong"),
        ({"AUTH_KEY": "nobody's"}, "67000011", Account(), "check", "auth-key-unknown"),
        ({}, "67xxxx11", Account(), "check", "msisdn-placeholder"),
        ({}, "67000011", Account(blacklist=Blacklist(words=("code",))), "account", "blacklisted-word"),
        ({}, "67000011", Account(prices={}), "account", "unpriced"),
        ({}, "67000011", Account(rate_limit=0), "account", "rate-limited"),
        ({}, "67000011", Account(pending_limit=0), "account", "queue-full"),
    ],
)
def test_what_decided_on_an_exchange_is_named(
    world, packet: dict[str, object], msisdn: str, account: Account, by: str, name: str
) -> None:
    decider = decided(world, packet, (852, msisdn), account=account)
    assert (decider.by, decider.name, bool(decider.about)) == (by, name, True)


def test_a_check_says_what_came_and_what_was_wanted(world) -> None:
    assert decided(world, {"SERIAL": 0}, account=Account()) == Decider(
        "check", "serial-wrong", "$.SERIAL: got 0, want an integer from 1 to 65535"
    )


def test_of_a_batch_that_is_refused_the_first_destination_tells(world) -> None:
    decider = decided(world, {}, (852, "67555103"), ("852", "67000011"), account=Account())
    assert (decider.by, decider.name) == ("magic number", "magic 555103")


def test_each_refused_destination_has_its_own_decider(world) -> None:
    w = world()
    transaction, _ = w.decide(w.packet((852, "67000011"), (852, "+67000011"), (852, "67555103"), SMS_CONTENT="x"))
    exchange = transaction.exchange
    assert exchange is not None
    findings = findings_of(exchange, (), w.accounts[0], clock_is_real=False)
    assert [decider_of_refusal(findings, index).name for index in (1, 2)] == ["msisdn-plus", "magic 555103"]
    assert decider_of_refusal((), 0).by == "check"


def test_what_is_no_packet_was_decided_by_the_transport(world, noon: datetime) -> None:
    from cloudsms_simulator.engine.records import Exchange
    from cloudsms_simulator.protocol.findings import Told, found

    finding = found("path-wrong", "path", Told("POST /"), "/dave/io")
    exchange = Exchange(1, None, "http", noon, None, (), 404, None, b"", b"", (finding,))
    assert decider_of(exchange, (finding,), ()) == Decider("transport", "path-wrong", "path: got POST /, want /dave/io")
    assert decider_of(exchange, (), ()).by == "transport"
    failed = found("store-failed", "body", Told("x"), "y")
    assert decider_of(msgspec.structs.replace(exchange, kind="uip"), (failed,), ()).by == "simulator"
    assert decider_of(msgspec.structs.replace(exchange, kind="uip"), (), ()).by == "check"


def test_a_message_is_decided_by_a_rule_a_number_the_account_or_nobody(world) -> None:
    w = world()
    messages = w.send((852, "67000011"), (852, "67555002"), (65, "1")).messages
    assert [decider_of_message(message) for message in messages] == [
        DEFAULT,
        Decider("magic number", "magic 555002", "ends as DELIVERED"),
        Decider("local rejection", "local-rejected", "a Singapore number has 8 digits, not 1"),
    ]


def test_a_charge_shows_the_balance_around_it(world) -> None:
    w = world(Account(balance=Decimal("0.15"), prices={None: Decimal("0.05")}))
    sent = w.send((852, "67000011"), (852, "67000012"), SMS_CONTENT="x" * 161)
    first, second = sent.messages
    found = charges(sent.messages, w.ledger())
    usd = [Money(Decimal(each), "USD") for each in ("0.05", "0.10", "0.15", "0.05")]
    assert found[first.uid] == Charge(2, *usd, "2 x USD 0.05 = USD 0.10; balance USD 0.15, then USD 0.05")
    nothing = Money(Decimal(0), "USD")
    assert found[second.uid] == Charge(2, nothing, nothing, None, None, "not charged: rejected locally")


def test_an_unlimited_balance_is_not_shown(world) -> None:
    w = world(Account(balance="unlimited"))
    sent = w.send()
    charge = charges(sent.messages, w.ledger())[sent.uid]
    assert (charge.balance_before, charge.balance_after, charge.line) == (None, None, "1 x USD 0.05 = USD 0.05")


def reports(world, msisdn: str, *, is_pushed: bool = True, **account: object) -> tuple[ExpectedReport, ...]:
    return expected_reports(world(Account(**account)).send((852, msisdn)).message, is_pushed=is_pushed)


def test_reports_are_told_as_moments(world, noon: datetime) -> None:
    at = noon + timedelta(seconds=1)
    assert reports(world, "67000011") == (ExpectedReport(2, "DELIVERED", True, at, False, 1, at, None, ""),)


@pytest.mark.parametrize(
    ("msisdn", "states", "pushes", "notes"),
    [
        ("67555301", ["DELIVERED"], [0], ["its report is lost"]),
        ("67555302", ["DELIVERED"], [2], ["pushed 2 times"]),
        ("67555304", ["DELIVERED"], [1], ["before the answer"]),
        ("67555305", ["ENROUTE", "DELIVERED"], [1, 1], ["held for 0:00:02", ""]),
        ("67555307", ["EXPIRED"], [1], ["after the maximum return time of 24 hours"]),
    ],
)
def test_how_a_report_is_pushed_is_told(
    world, msisdn: str, states: list[str], pushes: list[int], notes: list[str]
) -> None:
    found = reports(world, msisdn)
    assert [each.state_name for each in found] == states
    assert ([each.pushes for each in found], [each.note for each in found]) == (pushes, notes)


def test_without_a_callback_nothing_is_pushed(world) -> None:
    (report,) = reports(world, "67000011", is_pushed=False)
    assert (report.pushes, report.push_at) == (0, None)
    assert report.note == "pushed nowhere: the account has no callback"


def test_what_comes_back_and_what_comes_too_late_is_told(world, noon: datetime) -> None:
    (rejected,) = reports(world, "67555008")
    assert rejected.refund == Money(Decimal("0.05"), "USD")
    late: Plan = plan_of(step(2, timedelta(hours=26)))
    expired, dropped = reports(world, "67000011", plan=late)
    assert (expired.state_name, dropped.state_name, dropped.pushes) == ("EXPIRED", "DELIVERED", 0)
    assert (dropped.at, dropped.note) == (
        noon + timedelta(hours=26),
        "never reached: the message has expired by then",
    )


def test_a_state_that_was_reached_says_so(world) -> None:
    w = world()
    sent = w.send((852, "67555303"))
    w.advance(timedelta(seconds=1))
    assert [each.reached for each in expected_reports(sent.message, is_pushed=True)] == [True, False]
