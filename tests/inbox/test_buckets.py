"""Buckets hold a whole span, are never too many, and begin at round times."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.inbox.overview_page import BUCKET_LENGTHS, MAX_BUCKETS, buckets_over
from cloudsms_simulator.protocol.timestamps import HONG_KONG

MOMENTS = st.integers(0, 4_000_000_000)


@given(earliest=MOMENTS, span=st.integers(0, 10**9), inside=st.floats(0, 1))
def test_no_more_than_60_buckets_hold_every_second_of_a_span(earliest: int, span: int, inside: float) -> None:
    buckets = buckets_over(earliest, earliest + span)
    assert 1 <= buckets.count <= MAX_BUCKETS
    assert buckets.of(earliest) == 0
    assert buckets.of(earliest + span) == buckets.count - 1
    assert 0 <= buckets.of(earliest + int(span * inside)) < buckets.count
    assert buckets.length in BUCKET_LENGTHS or buckets.length % BUCKET_LENGTHS[-1] == 0


def test_a_minute_has_seconds_and_a_day_has_half_hours() -> None:
    assert [buckets_over(0, span).length for span in (59, 60, 3_600, 86_400, 50 * 86_400)] == [1, 2, 120, 1_800, 86_400]


def test_days_begin_at_midnight_in_hong_kong() -> None:
    noon = int(datetime(2026, 11, 22, 12, tzinfo=HONG_KONG).timestamp())
    buckets = buckets_over(noon, noon + 50 * 86_400)
    assert buckets.begin(0) == datetime(2026, 11, 22, tzinfo=HONG_KONG)
    assert buckets.begin(1) == datetime(2026, 11, 23, tzinfo=HONG_KONG)


def test_more_than_60_days_are_cut_into_several_days_each() -> None:
    assert buckets_over(0, 100 * 86_400).length == 2 * 86_400
