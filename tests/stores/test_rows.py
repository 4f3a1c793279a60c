"""Rows: records come back as they were, keys sort as rows came, and shared values are there as long as one is used.

Reading: R16.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsms_simulator.engine.billing import LedgerEntry, LedgerReason
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.plan import Plan, ReportOptions, Step
from cloudsms_simulator.engine.records import (
    Attempt,
    ConnectionFacts,
    Exchange,
    Message,
    Outcome,
    PeerCertificate,
    ReachedState,
    Report,
    RequestLine,
    Sending,
    TlsFacts,
)
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC, StateSet
from cloudsms_simulator.protocol.segmentation import Segmentation
from cloudsms_simulator.protocol.timestamps import EARLIEST, HONG_KONG
from cloudsms_simulator.stores.rows import (
    AccountRows,
    Row,
    SharedValues,
    count_rows,
    entry_row,
    ledger_row,
    number_key,
    order_of,
    read_count,
    read_ledger,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=HONG_KONG)

texts = st.sampled_from(["", "a", "云", "\ud800", "\\d800 \udfff", "\0"]) | st.text(max_size=3)
octets = st.sampled_from([b"", b"{}", b"\xff\0"]) | st.binary(max_size=3)
maybe = lambda what: st.none() | what  # noqa: E731
counts = st.integers(0, 2**53)
moments = st.datetimes(EARLIEST.replace(tzinfo=None) + timedelta(days=1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=HONG_KONG)
)
amounts = st.decimals(-(10**20), 10**20, allow_nan=False, places=6) | st.sampled_from(
    [Decimal("1E-8"), Decimal("0.00")]
)
findings = st.lists(
    st.builds(Finding, texts, st.sampled_from(["error", "note"]), texts, texts, texts, texts), max_size=2
)
found = findings.map(tuple)
certificates = st.builds(
    PeerCertificate, texts, texts, texts, moments, moments, texts, st.lists(texts, max_size=2).map(tuple)
)
tls = st.builds(TlsFacts, texts, texts, maybe(certificates))
connections = st.builds(ConnectionFacts, counts, texts, counts, maybe(tls), maybe(moments), maybe(moments))
lines = st.builds(RequestLine, texts, texts, texts)
headers = st.lists(st.tuples(octets, octets), max_size=2).map(tuple)
plans = st.sampled_from(
    [
        Plan((Step(2, timedelta(seconds=1), final=True),)),
        Plan(
            (
                Step(1, timedelta(0), final=False),
                Step(
                    5,
                    timedelta(days=3),
                    final=True,
                    manner=ReportOptions(omit=frozenset({"TIME"}), extra=(("\ud800", b"\xff\0"),), fault=PushFault.CUT),
                    forced_at=NOON,
                ),
            ),
            (Step(2, timedelta(hours=26), final=False),),
        ),
    ]
)
profiles = st.sampled_from([SPEC, OBSERVED, msgspec.structs.replace(OBSERVED, charged_states=StateSet(frozenset({3})))])
common = {
    "id": counts,
    "account": st.just("shop"),
    "kind": st.sampled_from(["uip", "http", "handshake", "closed"]),
    "received_at": moments,
    "connection": maybe(connections),
    "headers": headers,
    "http_status": maybe(st.integers(100, 599)),
    "code": maybe(st.sampled_from(ResultCode)),
    "kept_body": octets,
    "answer": maybe(octets),
    "findings": maybe(found),
    "surplus": st.booleans(),
    "rule": maybe(texts),
    "fault": maybe(texts),
    "line": maybe(lines),
}
uids = st.lists(texts, min_size=1, max_size=3, unique=True)
exchanges = st.builds(Exchange, **common, accepted=uids.map(tuple) | texts | st.just(()))
sendings = st.builds(
    Sending,
    **common,
    accepted=uids.map(lambda them: them[0] if len(them) == 1 else tuple(them)),
    serial=counts,
    route_id=texts,
    source=texts,
    segmentation=st.builds(Segmentation, st.sampled_from([0, 8]), counts, counts),
    currency=st.sampled_from(get_args(Currency)),
    profile=profiles,
    metered=st.booleans(),
    customer_body=maybe(octets),
    kept_text=maybe(texts),
    places=maybe(st.lists(counts, max_size=5).map(tuple)),
)
passages = st.lists(st.builds(ReachedState, counts, moments), max_size=3).map(tuple)
attempts = st.builds(
    Attempt,
    counts,
    moments,
    texts,
    octets,
    maybe(st.integers(0, 999)),
    octets,
    maybe(texts),
    found,
    maybe(st.sampled_from(PushFault)),
    st.booleans(),
    maybe(tls),
    st.booleans(),
)
outcomes = st.sampled_from(get_args(Outcome))


fates = st.tuples(counts, texts, amounts | texts, plans, passages, st.just(False), st.booleans(), maybe(texts))
sent = st.builds(
    lambda sending, fates: (
        sending,
        [Message(uid, sending, *fate) for uid, fate in zip(sending.uids, fates, strict=False)],
    ),
    sendings,
    st.lists(fates, min_size=3, max_size=3),
)
"""Sendings, each with the messages that came of it."""
told = st.lists(
    st.tuples(
        counts, moments, outcomes, maybe(moments), st.lists(attempts, max_size=2).map(tuple), found, st.booleans()
    ),
    max_size=3,
)


def reports_of(uid: str, told: list[tuple[object, ...]]) -> tuple[Report, ...]:
    """The reports of a message."""
    return tuple(Report(uid, number, "shop", *each) for number, each in enumerate(told, 1))  # type: ignore[arg-type]


entries = st.builds(
    LedgerEntry, st.just("shop"), maybe(texts), st.sampled_from(get_args(LedgerReason)), amounts, amounts, moments
)


def read_again(rows: AccountRows) -> AccountRows:
    """Rows of another process, which has the shared values that were written."""
    other = AccountRows(rows.account)
    for row in rows.shared.unwritten():
        assert row.blob is not None
        other.shared.read(row.key, row.blob)
    return other


# Records


@settings(max_examples=20)
@given(exchanges, st.sampled_from(["shop", None]))
def test_an_exchange_without_messages_comes_back_as_it_was(exchange: Exchange, name: str | None) -> None:
    exchange, rows = msgspec.structs.replace(exchange, account=name), AccountRows(name)
    kind, key, blob = rows.exchange(exchange, (), ())
    assert (kind, key) == ("e", number_key(exchange.id))
    assert blob is not None
    assert read_again(rows).read_exchange(key, blob) == (exchange, [], ())


@settings(max_examples=20)
@given(sent, st.lists(entries, max_size=3))
def test_a_sending_comes_back_with_its_messages_and_debits(
    both: tuple[Sending, list[Message]], debits: list[LedgerEntry]
) -> None:
    (sending, messages), rows = both, AccountRows("shop")
    written = tuple(entry_row(entry, order_of(7, nth)) for nth, entry in enumerate(debits))
    _, key, blob = rows.exchange(sending, messages, written)
    other = read_again(rows)
    assert blob is not None
    back, brought, moved = other.read_exchange(key, blob)
    assert (back, brought, moved) == (sending, messages, written)
    assert type(back) is Sending
    assert all(message.sending is back for message in brought)
    assert [other.read_entry(row) for row in moved] == debits


@settings(max_examples=20)
@given(sent, plans, passages, st.booleans(), maybe(texts), told, st.lists(entries, max_size=2))
def test_what_became_of_a_message_comes_back_with_its_reports_and_refunds(
    both: tuple[Sending, list[Message]],
    plan: Plan,
    reached: tuple[ReachedState, ...],
    refunded: bool,
    rule: str | None,
    said: list[tuple[object, ...]],
    moved: list[LedgerEntry],
) -> None:
    rows, message = AccountRows("shop"), both[1][0]
    changed = msgspec.structs.replace(message, plan=plan, passages=reached, refunded=refunded, rule=rule)
    reports, refunds = reports_of(message.uid, said), tuple(entry_row(entry, 1) for entry in moved)
    kind, key, blob = rows.progress(changed, reports, refunds)
    assert (kind, key) == ("m", message.uid)
    assert blob is not None
    assert read_again(rows).read_progress(message, blob) == (changed, reports, refunds)


@given(st.lists(entries, max_size=4))
def test_entries_of_the_ledger_come_back_in_their_order(moved: list[LedgerEntry]) -> None:
    written = tuple(entry_row(entry, order_of(3, nth)) for nth, entry in enumerate(moved))
    _, _, blob = ledger_row(number_key(3), written)
    assert blob is not None
    assert read_ledger(blob) == written
    assert [AccountRows("shop").read_entry(row) for row in read_ledger(blob)] == moved


@given(st.dictionaries(st.tuples(texts, texts, texts), counts, max_size=5))
def test_counts_of_rules_come_back_each_under_a_key_of_its_own(tallies: dict[tuple[str, str, str], int]) -> None:
    rows = count_rows(tallies)
    assert dict(read_count(row.blob or b"") for row in rows) == tallies
    assert len({row.key for row in rows}) == len(tallies)


@given(counts, counts)
def test_keys_sort_as_numbers_do(one: int, other: int) -> None:
    assert (number_key(one) < number_key(other)) == (one < other)
    assert order_of(one, 2**16 - 1) < order_of(one + 1, 0)


# Shared values


def connection(number: int) -> ConnectionFacts:
    return ConnectionFacts(number, "::1", 1)


def refused(number: int, of: ConnectionFacts) -> Exchange:
    return Exchange(number, "shop", "uip", NOON, of, (), 200, ResultCode.BUSY, b"{}", b"{}", None)


def test_a_shared_value_is_written_once_and_found_again_by_identity() -> None:
    rows, facts = AccountRows("shop"), connection(1)
    blobs = [rows.exchange(refused(number, facts), (), ()).blob or b"" for number in (1, 2)]
    rows.exchange(refused(3, connection(1)), (), ())
    [row] = rows.shared.unwritten()
    other = read_again(rows)
    rows.shared.kept([row])
    rows.exchange(refused(4, facts), (), ())
    assert rows.shared.unwritten() == []
    one, two = (other.read_exchange(number_key(1), blob)[0].connection for blob in blobs)
    assert one is two
    other.exchange(refused(5, connection(1)), (), ())
    assert other.shared.unwritten() == [], "what was read is there"


def test_a_shared_value_that_was_not_written_is_written_with_the_next_row() -> None:
    shared = SharedValues()
    shared.key("a value")
    before = shared.unwritten()
    shared.key("a value")
    assert shared.unwritten() == before != []


def test_shared_values_that_nothing_has_are_deleted_until_that_was_written() -> None:
    rows, kept, gone = AccountRows("shop"), connection(1), connection(2)
    for facts in (kept, gone):
        rows.exchange(refused(facts.id, facts), (), ())
    rows.shared.kept(rows.shared.unwritten())
    rows.tidy([refused(1, kept)], (), ())
    expected = [Row("s", rows.shared.key(gone))]
    assert rows.shared.unwritten() != expected, "it is used again"
    rows.tidy([refused(1, kept)], (), ())
    assert rows.shared.unwritten() == expected
    rows.tidy([refused(1, kept)], (), ())
    assert rows.shared.unwritten() == expected, "the turn failed"
    rows.shared.kept(expected)
    assert rows.shared.unwritten() == []
    rows.exchange(refused(3, kept), (), ())
    assert rows.shared.unwritten() == []


def test_a_shared_value_that_is_used_again_after_it_was_found_unused_is_written_again() -> None:
    rows, facts = AccountRows("shop"), connection(1)
    rows.exchange(refused(1, facts), (), ())
    [row] = rows.shared.unwritten()
    rows.shared.kept([row])
    rows.tidy((), (), ())
    rows.exchange(refused(2, facts), (), ())
    assert rows.shared.unwritten() == [row]


@settings(max_examples=20)
@given(st.lists(st.tuples(sent, st.lists(told, min_size=3, max_size=3), st.booleans()), max_size=3))
def test_everything_that_records_have_stays_when_what_is_unused_goes(
    drawn: list[tuple[tuple[Sending, list[Message]], list[list[tuple[object, ...]]], bool]],
) -> None:
    rows = AccountRows("shop")
    held = [
        (sending, messages, [reports_of(each.uid, said) for each, said in zip(messages, saids, strict=False)])
        for (sending, messages), saids, _ in drawn
    ]
    kept = [nth for nth, (_, _, stays) in enumerate(drawn) if stays]
    blobs = [
        (rows.exchange(sending, messages, ()), [rows.progress(*each, ()) for each in zip(messages, told, strict=True)])
        for sending, messages, told in held
    ]
    file = {row.key: row.blob for row in rows.shared.unwritten()}
    rows.shared.kept(rows.shared.unwritten())
    rows.tidy(
        [held[nth][0] for nth in kept],
        [message for nth in kept for message in held[nth][1]],
        [report for nth in kept for told in held[nth][2] for report in told],
    )
    for row in rows.shared.unwritten():
        assert row.blob is None
        del file[row.key]
    other = AccountRows("shop")
    for key, blob in file.items():
        other.shared.read(key, blob or b"")
    for nth in kept:
        (_, key, blob), progress = blobs[nth]
        assert other.read_exchange(key, blob or b"")[:2] == held[nth][:2]
        for message, told, row in zip(held[nth][1], held[nth][2], progress, strict=True):
            assert other.read_progress(message, row.blob or b"")[1] == told
    assert len(other.shared) == len(file)


@pytest.mark.parametrize("equal", [lambda: connection(1), lambda: Plan((Step(2, timedelta(seconds=1), final=True),))])
def test_values_that_are_equal_are_not_all_held(equal) -> None:
    shared = SharedValues()
    keys = {shared.key(equal()) for _ in range(5_000)}
    assert len(keys) == len(shared.unwritten()) == 1
    assert len(shared._keys) < 2_000
