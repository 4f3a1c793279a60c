"""Diagnosis after the fact: the answer and the mistakes of an accepted exchange, worked out from what was kept.

Reading: R17, R20.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.diagnosis import answer_of, findings_of
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.plan import Fixed
from cloudsms_simulator.engine.rules import CompiledRules, FaultRule, ReplyStep, Rule, RuleBook
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile

MANGLING_FAULTS = frozenset(fault for fault in Fault if fault.effect.spoil is not None)
FAULT_PAGES = {fault: fault.effect.page for fault in Fault if fault.effect.page is not None}

HONG_KONG, SINGAPORE_LANDLINE = (852, "67000011"), (65, "61234567")


def newest(here, account=None):
    """The newest exchange of an account with its messages, as somebody who looks finds them."""
    account = account or here.accounts[0]
    exchange = next(iter(here.store.exchanges(account)))
    messages = tuple(here.store.message(account, uid) for uid in exchange.uids)
    return exchange, messages


def rules_in(here, account=None, *, clock_is_real: bool = True) -> list[str]:
    account = account or here.accounts[0]
    found = findings_of(*newest(here, account), account, clock_is_real=clock_is_real)
    return [finding.rule for finding in found]


@pytest.mark.parametrize("profile", [SPEC, OBSERVED], ids=["spec", "observed"])
@given(destinations=st.lists(st.sampled_from([HONG_KONG, SINGAPORE_LANDLINE, (44, "1"), (852, "x")]), min_size=1))
def test_the_answer_is_the_same_to_the_byte_as_the_one_that_was_sent(
    world, profile: Profile, destinations: list[tuple[int, str]]
) -> None:
    here = world(Account(profile=profile))
    reply = here.receive(here.packet(*destinations, CUSTOMER_BODY={"a": 1}))
    assert answer_of(*newest(here)) == reply.body


def test_the_answer_stays_what_it_was_when_time_has_passed(world) -> None:
    here = world()
    reply = here.receive(here.packet(HONG_KONG, SINGAPORE_LANDLINE))
    due = here.store.next_wake(here.accounts[0])
    here.advance(due - here.now)
    assert answer_of(*newest(here)) == reply.body


def test_an_exchange_that_was_refused_or_closed_has_the_answer_it_had(world) -> None:
    here = world()
    reply = here.receive(here.packet(VERSION="old"))
    assert answer_of(*newest(here)) == reply.body


def test_a_packet_in_order_has_no_finding(world) -> None:
    here = world()
    here.send(CUSTOMER_BODY={"order": 1})
    assert rules_in(here) == []


def test_mistakes_of_an_accepted_packet_are_found_when_somebody_looks(world) -> None:
    here = world()
    here.send(HONG_KONG, HONG_KONG, TIME="2026-11-22T12:00:00", SENDER_ID="x", PRIORITY=2)
    assert set(rules_in(here)) == {
        "time-iso-8601",
        "unknown-field",
        "priority-reserved",
        "list-repeats",
        "customer-body-absent",
    }


def test_time_is_held_against_the_clock_only_while_that_is_real(world) -> None:
    here = world()
    here.send(TIME="2026-11-22 11:00:00", CUSTOMER_BODY={"order": 1})
    assert rules_in(here) == ["time-zone"]
    assert rules_in(here, clock_is_real=False) == []


def test_a_local_rejection_tells_its_reason_at_the_destination(world) -> None:
    here = world()
    here.send(HONG_KONG, SINGAPORE_LANDLINE, CUSTOMER_BODY={"order": 1})
    exchange, messages = newest(here)
    [finding] = findings_of(exchange, messages, here.accounts[0], clock_is_real=True)
    assert (finding.rule, finding.severity, finding.path) == ("local-rejected", "warning", "$.MULTI_MSISDN_LIST[1]")
    assert finding.got == "a Singapore number starts with 8 or 9, not 6"


def test_a_local_rejection_beside_a_refusal_is_told_too(world) -> None:
    here = world()
    here.send((852, "x"), SINGAPORE_LANDLINE, CUSTOMER_BODY={"order": 1})
    assert rules_in(here) == ["msisdn-placeholder", "local-rejected"]


@pytest.mark.parametrize("fields", [{}, {"SERIAL": 0}], ids=["accepted", "refused"])
def test_bytes_after_the_body_are_a_finding_whatever_the_answer_was(world, fields: dict[str, object]) -> None:
    here = world()
    here.receive(here.packet(**fields), surplus=True)
    assert rules_in(here)[-1] == "surplus-bytes"


def test_a_route_that_holds_the_key_is_recognized_though_both_are_masked(world) -> None:
    here = world()
    here.send(ROUTE_ID=here.accounts[0].auth_key, CUSTOMER_BODY={"order": 1})
    assert rules_in(here) == ["route-is-auth-key", "local-rejected"]


def test_no_finding_quotes_a_key(world) -> None:
    here = world()
    key = here.accounts[0].auth_key
    here.send(ROUTE_ID=key, auth_key=key, SENDER_ID=key, CUSTOMER_BODY={"key": key})
    found = findings_of(*newest(here), here.accounts[0], clock_is_real=True)
    assert found
    assert not [finding for finding in found if key[:20] in finding.got + finding.want]


# Scripted


def befallen(world, fault: Fault | None, *rules: Rule):
    """A world in which this befalls every answer, a second late when that is all."""
    delay = Fixed(timedelta(seconds=1)) if fault is None else None
    book = RuleBook(faults=(FaultRule(id="storm", fault=fault, delay=delay, processed=fault and True),), rules=rules)
    return world(Account(rules=CompiledRules(book)))


@pytest.mark.parametrize("fault", [*Fault, None])
def test_of_an_answer_that_a_fault_befell_what_arrived_is_shown_and_nothing_that_did_not(
    world, fault: Fault | None
) -> None:
    here = befallen(world, fault)
    reply = here.receive(here.packet(HONG_KONG, HONG_KONG))
    arrived = {None: reply.body, Fault.DRIBBLE: reply.body}
    arrived |= {each: each.effect.spoil(reply.body) for each in MANGLING_FAULTS} | dict(FAULT_PAGES)
    assert answer_of(*newest(here)) == arrived.get(fault)


@pytest.mark.parametrize(("fault", "name"), [(Fault.PROCESSED_NO_ANSWER, "PROCESSED_NO_ANSWER"), (None, "DELAY")])
def test_a_fault_is_a_finding_that_names_its_rule(world, fault: Fault | None, name: str) -> None:
    here = befallen(world, fault, Rule(id="reply"))
    here.receive(here.packet(CUSTOMER_BODY={"order": 1}))
    exchange, messages = newest(here)
    [finding] = findings_of(exchange, messages, here.accounts[0], clock_is_real=True)
    assert (finding.rule, finding.severity, finding.path) == ("scripted-fault", "warning", "answer")
    assert finding.got == f'{name}, as "storm" says'


def test_a_refusal_of_a_rule_and_the_fault_that_befell_it_are_two_findings(world) -> None:
    here = befallen(world, Fault.BROKEN_JSON, Rule(id="closed", replies=(ReplyStep(ResultCode.BUSY),)))
    here.receive(here.packet(CUSTOMER_BODY={"order": 1}))
    assert rules_in(here) == ["scripted-code", "scripted-fault"]


def test_mistakes_are_found_although_a_fault_struck_before_anything_was_processed(world) -> None:
    here = world()
    here.receive(here.packet((852, "67555401"), PRIORITY=2, CUSTOMER_BODY={"order": 1}))
    assert rules_in(here) == ["priority-reserved", "scripted-fault"]
