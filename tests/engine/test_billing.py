"""Billing: quotes, the ledger, refunds; and that the ledger's sum is the balance, whatever happens.

Spec: Support settlement currency. Reading: R9.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.billing import LedgerEntry, opening_balance, opening_entries
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.protocol.codes import STATES
from cloudsms_simulator.protocol.profile import SPEC, StateSet

SECOND = timedelta(seconds=1)


def test_all_countries_have_a_price_where_there_is_one_for_every_other() -> None:
    one, every = Account(prices={852: Decimal("0.04")}), Account(prices={852: Decimal("0.04"), None: Decimal("0.07")})
    assert [one.price(852), one.price(44), one.prices_all_countries] == [Decimal("0.04"), None, False]
    assert [every.price(852), every.price(44), every.prices_all_countries] == [Decimal("0.04"), Decimal("0.07"), True]


def test_a_ledger_opens_with_the_balance_and_an_unlimited_one_stays_empty(noon: datetime) -> None:
    account = Account(balance=Decimal("12.5"))
    entry = LedgerEntry("default", None, "opening", Decimal("12.5"), Decimal("12.5"), noon)
    assert (opening_entries(account, noon), opening_balance(account)) == ((entry,), Decimal("12.5"))
    unlimited = Account(balance="unlimited")
    assert (opening_entries(unlimited, noon), opening_balance(unlimited)) == ((), None)


@pytest.mark.parametrize("row", STATES, ids=lambda row: f"SMS_STATE and RESULT_DESC: {row.state} {row.state.name}")
def test_a_final_state_of_the_table_is_charged_unless_it_is_rejected(world, row) -> None:
    here = world(Account(balance=Decimal(1), plan=plan_of(step(row.state, SECOND))))
    here.send()
    here.advance(SECOND)
    assert here.balance() == (1 if row.state in {8, 60} else Decimal("0.95"))


def test_a_refund_is_one_entry_of_the_whole_message_at_the_moment_of_the_state(world, noon: datetime) -> None:
    here = world(Account(balance=Decimal(1), plan=plan_of(step(8, SECOND))))
    sent = here.send(SMS_CONTENT="A" * 161)
    here.advance(timedelta(minutes=1))

    assert here.ledger()[1:] == (
        LedgerEntry("default", sent.uid, "debit", Decimal("-0.10"), Decimal("0.90"), noon),
        LedgerEntry("default", sent.uid, "refund", Decimal("0.10"), Decimal("1.00"), noon + SECOND),
    )
    assert sent.message.refunded


def test_a_refund_comes_once_however_often_the_message_is_looked_at(world) -> None:
    here = world(Account(balance=Decimal(1), plan=plan_of(step(8, SECOND)), callback=Callback(url="http://a/")))
    sent = here.send()
    here.customer = lambda _push: PushResult(500)
    here.advance(timedelta(hours=26))
    here.due()
    assert [entry.reason for entry in here.ledger()] == ["opening", "debit", "refund"]
    assert sent.message.cost == Decimal("0.05")


def test_which_states_are_charged_is_the_profiles_and_intermediate_states_move_nothing(world) -> None:
    profile = msgspec.structs.replace(SPEC, charged_states=StateSet(frozenset({2})))
    expires = Account(balance=Decimal(1), profile=profile, plan=plan_of(step(1, SECOND)))
    here = world(expires)
    here.send()
    here.advance(timedelta(hours=24))
    assert here.balance() == Decimal("0.95")
    here.advance(timedelta(hours=1))
    assert here.balance() == 1

    delivered = msgspec.structs.replace(expires, plan=plan_of(step(1, SECOND), step(2, 2 * SECOND)))
    here = world(delivered)
    here.send()
    here.advance(timedelta(hours=25))
    assert here.balance() == Decimal("0.95")


def test_a_message_rejected_locally_is_never_refunded_what_it_never_cost(world) -> None:
    here = world(Account(balance=Decimal(1)))
    sent = here.send((65, "61234567"))
    here.advance(timedelta(hours=25))
    assert sent.states == [60]
    assert [entry.reason for entry in here.ledger()] == ["opening"]
    assert not sent.message.refunded


def test_on_an_unlimited_balance_a_refund_moves_nothing(world) -> None:
    here = world(Account(balance="unlimited", plan=plan_of(step(8, SECOND))))
    here.send()
    here.advance(SECOND)
    assert (here.balance(), here.ledger()) == (None, ())


amounts = st.decimals(0, 10, places=8)
steps = st.builds(step, st.sampled_from([1, 2, 3, 8, 9, 60, 99]), st.timedeltas(timedelta(0), timedelta(hours=30)))
sends = st.lists(
    st.tuples(
        st.lists(st.sampled_from([(852, "67000011"), (65, "81234567"), (65, "6"), (44, "1"), (852, "+")]), min_size=1),
        st.integers(1, 400),
        st.timedeltas(timedelta(0), timedelta(hours=20)),
    ),
    max_size=12,
)


@given(
    balance=amounts,
    prices=st.dictionaries(st.sampled_from([852, 65, None]), amounts),
    plan=st.builds(lambda planned: plan_of(*planned), st.lists(steps, max_size=3)),
    sends=sends,
    room=st.integers(1, 12),
    statuses=st.lists(st.sampled_from([200, 204, 302, 404, 500]), min_size=1),
)
def test_the_sum_of_the_ledger_is_the_balance_whatever_is_sent_reported_and_evicted(
    world, balance, prices, plan, sends, room, statuses
) -> None:
    callback = Callback(url="http://a/", retries=(SECOND, 10 * SECOND))
    account = Account(balance=balance, prices=prices, plan=plan, callback=callback)
    here = world(account, most_messages=room)
    answers = iter(statuses * 1000)
    here.customer = lambda _push: PushResult(next(answers))
    for destinations, length, pause in sends:
        here.send(*destinations, SMS_CONTENT="A" * length)
        here.advance(pause)
        ledger = here.ledger()
        assert sum(entry.amount for entry in ledger) == here.balance()
        assert here.balance() >= 0
        assert [entry.reason for entry in ledger].count("opening") == 1
    here.advance(timedelta(hours=26))
    assert sum(entry.amount for entry in here.ledger()) == here.balance()
    assert here.store.standing(account).outstanding == 0
