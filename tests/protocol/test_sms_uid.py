from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sms_uids import SmsUid, read_uid

from cloudsms_simulator.protocol.answer import UidSequence, UidStyle, issue_uids
from cloudsms_simulator.protocol.timestamps import EPOCH, HONG_KONG

NODE = 0x81BFFF
NOON = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=HONG_KONG)
MICROSECOND = timedelta(microseconds=1)


def test_an_sms_uid_is_the_microseconds_a_counter_and_the_node() -> None:
    _, uids = issue_uids(UidSequence(NODE, counter=0x1D1), NOON, 2, "x4")

    assert f"{round(NOON.timestamp() * 1_000_000):013X}" == "65F2F1032B240"
    assert uids == ("65F2F1032B240X01D1FA163E81BFFF", "65F2F1032B240X01D2FA163E81BFFF")


def test_the_newer_style_has_three_digits_and_an_h() -> None:
    _, uids = issue_uids(UidSequence(NODE, counter=0x1D1), NOON, 1, "x3h")

    assert uids == ("65F2F1032B240X1D1HFA163E81BFFF",)


def test_a_node_has_six_digits_behind_its_prefix() -> None:
    _, uids = issue_uids(UidSequence(0x1A), NOON, 1, "x4")

    assert uids[0].endswith("FA163E00001A")


def test_nothing_is_issued_for_a_request_without_destinations() -> None:
    sequence, uids = issue_uids(UidSequence(NODE), NOON, 0, "x4")

    assert uids == ()
    assert issue_uids(sequence, NOON, 1, "x4")[1] == ("65F2F1032B240X0000FA163E81BFFF",)


def test_the_counter_runs_on_from_request_to_request_and_cycles() -> None:
    sequence = UidSequence(NODE, counter=0xFFE)
    counters = []
    for number in range(3):
        sequence, uids = issue_uids(sequence, NOON + number * MICROSECOND, 2, "x4")
        counters += [uid[14:18] for uid in uids]

    assert counters == ["0FFE", "0FFF", "0000", "0001", "0002", "0003"]


def test_an_exhausted_instant_borrows_the_next_microsecond() -> None:
    sequence, uids = issue_uids(UidSequence(NODE), NOON, 4097, "x4")
    later, more = issue_uids(sequence, NOON, 1, "x4")

    assert {uid[:13] for uid in uids[:4096]} == {"65F2F1032B240"}
    assert uids[4096][:18] == "65F2F1032B241X0000"
    assert more[0][:18] == "65F2F1032B241X0001"
    assert issue_uids(later, NOON + 5 * MICROSECOND, 1, "x4")[1][0][:18] == "65F2F1032B245X0002"


def test_a_clock_that_went_back_does_not_take_the_instant_with_it() -> None:
    sequence, _ = issue_uids(UidSequence(NODE), NOON, 1, "x4")
    _, uids = issue_uids(sequence, NOON - timedelta(days=1), 1, "x4")

    assert uids[0][:18] == "65F2F1032B240X0001"


moments = st.integers(-5, 5).map(lambda number: NOON + number * MICROSECOND)
requests = st.tuples(moments, st.integers(0, 300) | st.sampled_from([4095, 4096, 4097, 9000]))


@settings(deadline=None, max_examples=50)
@given(st.lists(requests, max_size=12), st.integers(0, 0xFFF), st.sampled_from(["x4", "x3h"]))
def test_no_sms_uid_is_issued_twice_whatever_the_clock_does(
    wanted: list[tuple[datetime, int]], counter: int, style: UidStyle
) -> None:
    sequence = UidSequence(NODE, counter=counter)
    issued: list[str] = []
    for now, count in wanted:
        sequence, uids = issue_uids(sequence, now, count, style)
        assert len(uids) == count
        issued += uids

    assert len(set(issued)) == len(issued)
    assert {len(uid) for uid in issued} <= {30}
    assert [uid[:13] for uid in issued] == sorted(uid[:13] for uid in issued)


@given(
    st.integers(0, 2**52 - 1),
    st.integers(0, 0xFFF),
    st.integers(0, 0xFFFFFF),
    st.sampled_from(["x4", "x3h"]),
)
def test_what_was_issued_can_be_read(instant: int, counter: int, node: int, style: UidStyle) -> None:
    moment = EPOCH + instant * MICROSECOND
    _, (uid,) = issue_uids(UidSequence(node, counter=counter), moment, 1, style)

    assert read_uid(uid) == SmsUid(moment, counter, style, f"FA163E{node:06X}")


def test_the_documents_own_sms_uid_can_be_read() -> None:
    uid = read_uid("5A3B394096E50X01D1FA163E81BFFF")

    moment = datetime(2020, 4, 20, 7, 9, 21, 672784, tzinfo=UTC)
    assert uid == SmsUid(moment, 0x1D1, "x4", "FA163E81BFFF")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5A3B394096E50X01D1FA163E81BFF",
        "5A3B394096E50X01D1FA163E81BFFF ",
        "5a3b394096e50x01d1fa163e81bfff",
        "5A3B394096E50Y01D1FA163E81BFFF",
        "5A3B394096E50X1D1GFA163E81BFFF",
        "5A3B394096E50X01D1FA163E81BFFF\n",
        "５A3B394096E50X01D1FA163E81BFFF",
    ],
)
def test_what_is_not_written_like_an_sms_uid_is_not_read(text: str) -> None:
    assert read_uid(text) is None
