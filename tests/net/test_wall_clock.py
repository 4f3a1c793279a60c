"""The wall clock tells the real time, in Hong Kong, whatever users do to Python's clocks."""

import time
from datetime import UTC, datetime, timedelta

import time_machine
from freezegun import freeze_time

from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.timestamps import HONG_KONG


def test_the_wall_clock_tells_the_real_moment_in_hong_kong_time() -> None:
    now = WallClock().now()
    assert now.tzinfo is HONG_KONG
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_wall_clock_never_goes_back() -> None:
    clock = WallClock()
    moments = [clock.now() for _ in range(1000)]
    assert moments == sorted(moments)


def test_freezegun_does_not_stop_the_wall_clock() -> None:
    clock = WallClock()
    before, began = clock.now(), clock.monotonic()
    with freeze_time(datetime(2021, 1, 1)):  # noqa: DTZ001
        made_inside = WallClock()
        assert time.time() == 1609459200
        while clock.now() == before or clock.monotonic() == began:
            pass
        assert timedelta(0) < made_inside.now() - before < timedelta(minutes=1)
        assert 0 < made_inside.monotonic() - began < 60


def test_time_machine_does_not_move_the_wall_clock() -> None:
    clock = WallClock()
    before, began = clock.now(), clock.monotonic()
    with time_machine.travel(datetime(2051, 1, 1, tzinfo=UTC)):
        assert timedelta(0) <= clock.now() - before < timedelta(minutes=1)
        assert timedelta(0) <= WallClock().now() - before < timedelta(minutes=1)
        assert 0 <= clock.monotonic() - began < 60
