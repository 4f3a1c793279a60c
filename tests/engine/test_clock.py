from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_uids import read_uid

from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.plan import EXPIRY
from cloudsms_simulator.protocol.answer import UidSequence, issue_uids
from cloudsms_simulator.protocol.timestamps import EARLIEST, HONG_KONG, LATEST

WALL = datetime(2026, 11, 1, 4, 0, 0, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)

spans = st.timedeltas(timedelta(), timedelta(days=30))
rates = st.sampled_from([0.001, 0.1, 1 / 3, 0.5, 1.0, 2.0, 3.7, 60.0, 3600.0, 1e6])


@given(spans)
def test_a_real_clock_shows_exactly_what_the_wall_shows(passed: timedelta) -> None:
    clock = Clock.real(WALL)

    assert clock.now(WALL + passed) == WALL + passed
    assert clock.wall_of(WALL + passed) == WALL + passed
    assert (clock.mode, clock.is_real) == ("real", True)


def test_virtual_time_is_in_the_zone_of_hong_kong() -> None:
    for clock in (Clock.real(WALL), Clock.scaled(60, WALL), Clock.frozen(WALL), Clock.frozen(WALL, at=WALL)):
        assert clock.now(WALL + SECOND).tzinfo == HONG_KONG
        assert clock.advanced_to(WALL + SECOND, WALL).now(WALL).tzinfo == HONG_KONG


def test_a_frozen_clock_stands() -> None:
    at = datetime(2021, 1, 1, 12, 0, tzinfo=HONG_KONG)
    clock = Clock.frozen(WALL, at=at)

    assert (clock.now(WALL), clock.now(WALL + timedelta(days=1)), clock.mode) == (at, at, "frozen")
    assert Clock.frozen(WALL).now(WALL + SECOND) == WALL


def test_on_a_frozen_clock_only_what_is_due_already_has_a_moment_on_the_wall() -> None:
    clock = Clock.frozen(WALL)

    assert clock.wall_of(WALL) == WALL
    assert clock.wall_of(WALL - SECOND) == WALL
    assert clock.wall_of(WALL + MICROSECOND) is None


def test_a_scaled_clock_runs_as_many_times_as_fast() -> None:
    clock = Clock.scaled(3600, WALL)

    assert clock.now(WALL + SECOND) == WALL + timedelta(hours=1)
    assert clock.wall_of(WALL + timedelta(hours=25)) == WALL + timedelta(seconds=25)
    assert (clock.mode, clock.is_real) == ("scaled", False)


@given(rates, st.timedeltas(timedelta(), timedelta(hours=25)))
def test_the_moment_on_the_wall_is_the_first_at_which_it_is_due(rate: float, ahead: timedelta) -> None:
    clock = Clock.scaled(rate, WALL)
    due = WALL + ahead

    moment = clock.wall_of(due)

    assert moment is not None
    assert clock.now(moment) >= due
    assert moment == WALL or clock.now(moment - MICROSECOND) < due


@given(rates, spans, spans)
def test_time_never_goes_back(rate: float, first: timedelta, then: timedelta) -> None:
    clock = Clock.scaled(rate, WALL)

    assert clock.now(WALL + first) <= clock.now(WALL + first + then)


@given(rates, spans, spans)
def test_freezing_and_resuming_loses_no_time_and_wins_none(rate: float, before: timedelta, pause: timedelta) -> None:
    running = Clock.scaled(rate, WALL)
    stopped = running.frozen_at(WALL + before)
    again = stopped.resumed(rate, WALL + before + pause)

    assert stopped.now(WALL + before + pause) == running.now(WALL + before)
    assert again.now(WALL + before + pause) == running.now(WALL + before)
    assert (stopped.mode, again.rate) == ("frozen", rate)


def test_a_clock_that_stood_still_for_a_while_is_no_longer_the_walls() -> None:
    clock = Clock.real(WALL).frozen_at(WALL).resumed(1, WALL + SECOND)

    assert (clock.mode, clock.is_real) == ("real", False)
    assert clock.now(WALL + 3 * SECOND) == WALL + 2 * SECOND


def test_an_advanced_clock_goes_on_at_its_rate() -> None:
    hours = timedelta(hours=25)

    assert Clock.frozen(WALL).advanced(hours, WALL + SECOND).now(WALL + 2 * SECOND) == WALL + hours
    assert Clock.real(WALL).advanced(hours, WALL + SECOND).now(WALL + 2 * SECOND) == WALL + hours + 2 * SECOND
    assert Clock.scaled(60, WALL).advanced(hours, WALL).now(WALL + SECOND) == WALL + hours + 60 * SECOND


def test_a_clock_can_be_advanced_to_a_moment_and_to_the_one_it_shows() -> None:
    clock = Clock.frozen(WALL).advanced_to(WALL + timedelta(days=1), WALL)

    assert clock.now(WALL) == WALL + timedelta(days=1)
    assert clock.advanced_to(clock.now(WALL), WALL) == clock


def test_a_clock_cannot_be_set_back() -> None:
    clock = Clock.frozen(WALL)

    with pytest.raises(ValueError, match=r"only goes forward: cannot advance it by -1\.0 seconds"):
        clock.advanced(-SECOND, WALL)
    with pytest.raises(ValueError, match=r"only goes forward: it is 2026-11-01T12:00:00\.000001\+08:00, after"):
        clock.advanced_to(WALL - SECOND, WALL)


@pytest.mark.parametrize("rate", [-1.0, 0.0001, 1e7, float("nan"), float("inf")])
def test_a_rate_no_clock_can_go_at_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=r"a clock's rate is 0 \(frozen\), or 0\.001 to 1,000,000, not"):
        Clock.scaled(rate, WALL)
    with pytest.raises(ValueError, match="a clock's rate"):
        Clock.frozen(WALL).resumed(rate, WALL)


def test_a_scaled_clock_of_rate_zero_is_frozen() -> None:
    assert Clock.scaled(0, WALL).mode == "frozen"


@pytest.mark.parametrize("rate", [1.0, 3600.0, 1e6])
@pytest.mark.parametrize("passed", [timedelta(days=40_000), timedelta(days=2_000_000)])
def test_a_clock_that_goes_stops_at_the_last_moment_there_is(rate: float, passed: timedelta) -> None:
    wall = datetime(2026, 1, 1, tzinfo=HONG_KONG)
    clock = Clock.scaled(rate, wall)

    assert clock.now(wall + passed) == LATEST
    assert clock.wall_of(LATEST) is not None
    assert clock.wall_of(LATEST + MICROSECOND) is None
    assert clock.frozen_at(wall + passed).virtual == LATEST


def test_what_is_planned_at_the_last_moment_overflows_nothing_and_an_sms_uid_keeps_its_length() -> None:
    assert (LATEST + EXPIRY + 2 * timedelta(days=3650)).astimezone(UTC)
    for moment in (EARLIEST, LATEST):
        sequence, uids = issue_uids(UidSequence(1), moment, 5000, "x4")
        _, more = issue_uids(sequence, moment, 200, "x3h")
        assert {len(uid) for uid in (*uids, *more)} == {30}
        assert len({*uids, *more}) == 5200
        assert all(read_uid(uid) is not None for uid in (*uids, *more))


@pytest.mark.parametrize(
    "moment",
    [
        LATEST + MICROSECOND,
        datetime(9999, 12, 30, tzinfo=HONG_KONG),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14))),
    ],
)
def test_a_moment_that_no_clock_shows_is_refused_with_the_range_that_is_good(moment: datetime) -> None:
    good = r"is not a moment from 1970-01-01T08:00:00\+08:00 to 2112-01-01T00:00:00\+08:00"
    for clock in (Clock.frozen(WALL), Clock.real(WALL), Clock.scaled(60, WALL)):
        with pytest.raises(ValueError, match=good):
            clock.advanced_to(moment, WALL)


def test_a_clock_is_not_advanced_past_the_last_moment_there_is() -> None:
    clock = Clock.frozen(WALL, at=LATEST - SECOND)

    assert clock.advanced(SECOND, WALL).virtual == LATEST
    told = r"a clock shows a moment from 1970-01-01T08:00:00\+08:00 to 2112-01-01T00:00:00\+08:00: cannot advance it by"
    with pytest.raises(ValueError, match=told):
        clock.advanced(SECOND + MICROSECOND, WALL)
    with pytest.raises(ValueError, match=told):
        clock.advanced(timedelta.max, WALL)


def test_the_walls_moment_is_told_where_it_is_known() -> None:
    wall = datetime(2026, 11, 22, 4, 0, 0, tzinfo=UTC)
    real = Clock.real(wall)
    assert real.shown_on_the_wall(wall - HOUR) == wall - HOUR
    scaled = Clock(wall + 9 * HOUR, wall, 60.0)
    assert scaled.shown_on_the_wall(wall + 10 * HOUR) == wall + HOUR / 60
    assert scaled.shown_on_the_wall(wall + 9 * HOUR) is None, "it may have been so for long before it was set"
    assert scaled.shown_on_the_wall(wall) is None
    assert Clock.frozen(wall).shown_on_the_wall(wall) is None
    assert Clock.frozen(wall).shown_on_the_wall(wall + HOUR) is None
