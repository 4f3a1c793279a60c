"""The bounds of a memory store: what goes when there is too much, and what stays however much there is.

Reading: R16, R17.
"""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import ConnectionFacts, TlsFacts

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
PUSHED = Account(callback=Callback(url="http://a/"))
SHOP, BANK = Account(name="shop", auth_key="shop-key"), Account(name="bank", auth_key="bank-key")


def test_the_oldest_exchange_goes_first_with_its_messages_and_reports(keeper) -> None:
    here = keeper(most_messages=3)
    first, second = here.send(2), here.send()
    here.let_happen(SECOND)
    third = here.send()
    assert [exchange.id for exchange in here.store.exchanges(here.account)] == [third.request_id, second.request_id]
    assert here.store.exchange(here.account, first.request_id) is None
    assert (here.totals(), here.evicted()) == ((2, 2, 1), (1, 2, 2))


def test_a_refused_exchange_takes_the_room_of_one_message(keeper) -> None:
    here = keeper(most_messages=3)
    for _ in range(5):
        here.send(AUTH_KEY=here.account.auth_key, VERSION="old")
    assert (here.totals(), here.evicted()) == ((3, 0, 0), (2, 0, 0))


def test_exchanges_of_nobody_are_bounded_too(keeper) -> None:
    here = keeper(most_messages=3)
    for _ in range(5):
        here.send(AUTH_KEY="nobody's")
    nobodys = here.store.exchanges(None)
    assert (nobodys.total, nobodys.evicted) == (3, 2)


def test_the_bound_is_over_all_accounts(keeper) -> None:
    here = keeper(SHOP, BANK, most_messages=3)
    here.send(3, SHOP)
    here.let_happen(SECOND, SHOP)
    here.send(1, BANK)
    assert (here.totals(SHOP), here.totals(BANK)) == ((0, 0, 0), (1, 1, 0))


def test_the_journal_is_bounded_in_octets(keeper) -> None:
    here = keeper(most_bytes=20_000)
    for _ in range(30):
        here.send(VERSION="x" * 1000)
    assert 3 <= here.totals()[0] <= 10
    assert sum(len(exchange.body) for exchange in here.store.exchanges(here.account)) < 20_000


def test_what_customers_answered_counts_among_the_octets(keeper) -> None:
    room = 30_000
    silent, talkative = keeper(PUSHED, most_bytes=room), keeper(PUSHED, most_bytes=room)
    for here, answer in ((silent, b""), (talkative, b"x" * 4096)):
        for _ in range(20):
            here.send()
            here.let_happen(SECOND, answer=answer)
        here.send()
    assert 2 * silent.totals()[0] > 3 * talkative.totals()[0] > 0
    reports = talkative.store.reports(talkative.account)
    assert sum(len(attempt.body) for report in reports for attempt in report.attempts) <= room


def test_the_newest_exchange_stays_however_small_the_journal(keeper) -> None:
    here = keeper(most_messages=1, most_bytes=1)
    for count in (5, 1):
        reply = here.send(count)
        assert here.store.exchange(here.account, reply.request_id) is not None
        here.let_happen(SECOND)
    refused = here.send(VERSION="old")
    assert [exchange.id for exchange in here.store.exchanges(here.account)] == [refused.request_id]


def test_an_exchange_with_something_left_to_do_stays_until_that_is_done(keeper) -> None:
    here = keeper(Account(plan=plan_of(step(2, HOUR))), most_messages=2)
    pending = [here.send() for _ in range(4)]
    assert (here.totals(), here.evicted()) == ((4, 4, 0), (0, 0, 0))

    here.let_happen(HOUR)
    here.send()
    kept = [exchange.id for exchange in here.store.exchanges(here.account)]
    assert kept == [5, pending[-1].request_id]
    assert here.evicted() == (3, 3, 3)


def test_what_stays_because_it_is_unsettled_does_not_push_out_what_comes_after_it(keeper) -> None:
    here = keeper(Account(plan=plan_of(step(2, HOUR))), most_messages=2)
    for _ in range(3):
        here.send()
    refused = here.send(VERSION="old")
    assert here.store.exchange(here.account, refused.request_id) is not None


def test_an_exchange_is_not_evicted_before_its_answer_is_out(keeper) -> None:
    here = keeper(most_messages=1)
    waiting = here.send(release=False)
    here.send()
    here.let_happen(HOUR)
    here.send()
    assert here.store.exchange(here.account, waiting.request_id) is not None
    here.release(waiting)
    here.let_happen(HOUR)
    here.send()
    assert here.store.exchange(here.account, waiting.request_id) is None


def test_a_report_that_is_on_the_way_keeps_its_message(keeper) -> None:
    here = keeper(PUSHED, most_messages=1)
    reply = here.send()
    here.now += SECOND
    uids = here.wakes()
    [push] = here.take_due(uids)
    here.send()
    assert here.store.exchange(here.account, reply.request_id) is not None
    assert here.store.message(here.account, push.uid) is not None


def test_looking_at_a_message_that_is_gone_does_nothing(keeper) -> None:
    here = keeper()
    assert here.take_due(["gone"]) == []


def test_headers_count_among_the_octets(keeper) -> None:
    here = keeper(most_bytes=100_000)
    for nth in range(30):
        here.send(VERSION="old", headers=((b"x-%d" % nth, b"y" * 10_000),))
    kept = list(here.store.exchanges(here.account))
    assert sum(len(value) for exchange in kept for _, value in exchange.headers) < 100_000
    assert 1 < len(kept) < 10


def test_many_small_headers_count_for_what_they_take(keeper) -> None:
    here = keeper(most_bytes=100_000)
    for _ in range(30):
        here.send(VERSION="old", headers=tuple([(b"a", b"b")] * 100))
    assert here.totals()[0] < 10


def test_headers_and_facts_that_exchanges_share_count_once(keeper) -> None:
    here = keeper()
    connection, headers = ConnectionFacts(1, "::1", 1, TlsFacts("TLSv1.3", "x" * 50, None)), ((b"x", b"y" * 10_000),)
    here.send(connection=connection, headers=headers)
    first = here.store.octets
    here.send(connection=connection, headers=headers)
    assert first > 10_000
    assert here.store.octets - first < 3_000


def test_the_last_of_those_that_share_headers_takes_them_off_the_count(keeper) -> None:
    here = keeper(most_messages=1)
    headers = ((b"x", b"y" * 10_000),)
    here.send(headers=headers)
    here.let_happen(SECOND)
    here.send(headers=headers)
    here.let_happen(SECOND)
    assert here.store.octets > 10_000
    here.send()
    assert here.store.octets < 5_000


def test_what_is_kept_for_the_reports_of_a_message_counts(keeper) -> None:
    here = keeper(most_bytes=50_000)
    for _ in range(20):
        here.send(CUSTOMER_BODY={"id": "x" * 200})
        here.send(2, SMS_CONTENT="云" * 600)
        here.let_happen(SECOND)
    assert here.totals()[0] < 30


events = st.lists(
    st.tuples(
        st.sampled_from(["send", "same", "refuse", "stranger", "wait", "reset", "drop", "look"]),
        st.integers(1, 3),
        st.binary(max_size=60),
    ),
    max_size=25,
)


@given(events, st.integers(1, 6), st.integers(2_000, 12_000))
def test_after_any_churn_the_count_is_what_counting_anew_gives(
    keeper, events: list[tuple[str, int, bytes]], most_messages: int, most_bytes: int
) -> None:
    pushed = {"callback": Callback(url="http://a/"), "plan": plan_of(step(1, SECOND), step(2, HOUR))}
    shop, bank = Account(name="shop", auth_key="shop-key", **pushed), Account(name="bank", auth_key="bank-key")
    here = keeper(shop, bank, most_messages=most_messages, most_bytes=most_bytes)
    shared, connection = ((b"host", b"localhost"), (b"x", b"y" * 300)), ConnectionFacts(1, "127.0.0.1", 1)
    for event, count, octets in events:
        if event == "wait":
            here.let_happen(count * SECOND if count < 3 else HOUR, shop, octets)
        elif event == "same":
            here.send(count, (shop, bank)[count % 2], connection=connection, headers=shared)
        elif event == "reset":
            here.reset_of((shop, bank, None)[count - 1])
        elif event == "drop":
            here.drop(bank)
        elif event == "look":
            here.store.ledger(shop)
        else:
            fields = {"refuse": {"VERSION": "old"}, "stranger": {"AUTH_KEY": "nobody's"}}.get(event, {})
            here.send(count, shop, connection=ConnectionFacts(2, "::1", count), headers=((b"x", octets),), **fields)
    counted_anew = here.counted_anew()
    assert here.store.octets == counted_anew
