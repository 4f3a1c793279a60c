"""Hindsight: the answer and the mistakes of an accepted exchange, worked out from what was kept.

Reading: R17, R20.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.hindsight import answer_of, findings_of
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, Profile

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
