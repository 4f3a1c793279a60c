"""The due timer: what it is set for last is what it goes off for, once."""

import asyncio
import functools
from collections.abc import Coroutine
from datetime import timedelta

import pytest
from patience import STORY

from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.push.dispatcher import DueTimer

HOUR = timedelta(hours=1)
FAST = 1_000_000.0
"""An hour of the clock is 3.6 milliseconds."""


class Bell:
    """Counts how often it rang."""

    def __init__(self) -> None:
        self.wall = WallClock()
        self.alarm = DueTimer(self.wall, self._ring)
        self.rang = 0
        self._heard = asyncio.Event()

    def _ring(self) -> None:
        self.rang += 1
        self._heard.set()

    async def heard(self) -> None:
        """Returns when it has rung since the last time."""
        await asyncio.wait_for(self._heard.wait(), STORY)
        self._heard.clear()


def tell(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


def test_it_rings_when_the_accounts_clock_says_so() -> None:
    async def story() -> None:
        bell = Bell()
        clock = Clock.scaled(FAST, bell.wall.now())
        due = clock.virtual + HOUR
        bell.alarm.set(due, clock)
        assert bell.alarm.expected == due
        assert not bell.alarm.is_unconditional
        await bell.heard()
        assert bell.alarm.expected is None
        assert clock.now(bell.wall.now()) >= due

    tell(story())


def test_what_is_due_already_rings_in_the_next_turn() -> None:
    async def story() -> None:
        bell = Bell()
        clock = Clock.frozen(bell.wall.now())
        bell.alarm.set(clock.virtual, clock)
        assert (bell.rang, bell.alarm.is_unconditional) == (0, True)
        await asyncio.sleep(0)
        assert (bell.rang, bell.alarm.is_unconditional) == (1, False)

    tell(story())


def test_on_a_frozen_clock_it_has_no_timer_for_what_is_due_later() -> None:
    async def story() -> None:
        bell = Bell()
        clock = Clock.frozen(bell.wall.now())
        asyncio.get_running_loop().call_at = lambda *call: pytest.fail(f"a timer: {call}")  # type: ignore[method-assign]
        bell.alarm.set(clock.virtual + HOUR, clock)
        del asyncio.get_running_loop().call_at
        assert bell.alarm.expected == clock.virtual + HOUR

    tell(story())


@pytest.mark.parametrize(
    "setting", [lambda alarm: alarm.set_for_next_turn(), functools.partial(DueTimer.set_after, seconds=0.001)]
)
def test_setting_it_anew_replaces_what_it_was_set_for(setting: functools.partial[None]) -> None:
    async def story() -> None:
        bell = Bell()
        clock = Clock.scaled(FAST, bell.wall.now())
        bell.alarm.set(clock.virtual + HOUR, clock)
        setting(bell.alarm)
        assert (bell.alarm.expected, bell.alarm.is_unconditional) == (None, True)
        await bell.heard()
        bell.alarm.set(clock.virtual + 2 * HOUR, clock)
        await bell.heard()
        assert bell.rang == 2

    tell(story())


def test_unset_it_does_not_ring() -> None:
    async def story() -> None:
        bell = Bell()
        bell.alarm.set_for_next_turn()
        bell.alarm.disarm()
        await asyncio.sleep(0)
        assert bell.rang == 0

    tell(story())
