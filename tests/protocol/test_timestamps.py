"""Moments: the range that clocks show, and those of others."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloudsms_simulator.protocol.timestamps import (
    EARLIEST,
    HONG_KONG,
    LATEST,
    checked_moment,
    microseconds,
    shown_moment,
)

MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize("moment", [EARLIEST, LATEST, datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_moment_that_a_clock_shows_comes_back_in_hong_kong_time(moment: datetime) -> None:
    assert checked_moment(moment) == moment
    assert checked_moment(moment).tzinfo is HONG_KONG


@pytest.mark.parametrize(
    "moment",
    [
        EARLIEST - MICROSECOND,
        LATEST + MICROSECOND,
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    ],
)
def test_any_other_is_refused_with_the_range_that_is_good(moment: datetime) -> None:
    with pytest.raises(ValueError, match=r"is not a moment from 1970-01-01T08:00:00\+08:00 to 2112-01-01T00:00:00\+08"):
        checked_moment(moment)


def test_the_range_is_that_of_13_hexadecimal_digits_of_microseconds() -> None:
    assert microseconds(EARLIEST) == 0
    assert microseconds(LATEST) < 16**13 < microseconds(LATEST.replace(year=2113))


def test_the_end_of_a_certificate_without_an_end_is_shown() -> None:
    assert shown_moment(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)).isoformat() == "9999-12-31T23:59:59+08:00"
    assert shown_moment(datetime(9999, 12, 31, 15, 0, tzinfo=UTC)).isoformat() == "9999-12-31T23:00:00+08:00"
    assert shown_moment(datetime(1, 1, 1, tzinfo=UTC)).isoformat() == "0001-01-01T08:00:00+08:00"
