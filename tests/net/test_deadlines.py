"""Deadlines: what waits too long is left with a TimeoutError, with one timer for all that wait."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial

import pytest
from patience import STORY

from cloudsms_simulator.net.http_client import Deadlines
from cloudsms_simulator.net.runtime import new_event_loop

LONG = 3600.0


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


async def wait_within(deadlines: Deadlines, seconds: float, event: asyncio.Event) -> str:
    """What became of waiting for an event."""
    try:
        with deadlines.within(seconds):
            await event.wait()
    except TimeoutError:
        return "late"
    return "in time"


def test_who_waits_too_long_is_late_and_the_others_are_not() -> None:
    async def story() -> None:
        deadlines, event = Deadlines(), asyncio.Event()
        patient = asyncio.create_task(wait_within(deadlines, LONG, event))
        assert await wait_within(deadlines, 0.02, event) == "late"
        assert await wait_within(deadlines, 0.01, event) == "late"
        event.set()
        assert await patient == "in time"

    tell(story())


def test_each_is_late_in_its_own_time() -> None:
    async def story() -> None:
        deadlines, event, order = Deadlines(), asyncio.Event(), list[float]()

        async def wait(seconds: float) -> None:
            await wait_within(deadlines, seconds, event)
            order.append(seconds)

        await asyncio.gather(*map(wait, (0.06, 0.02, 0.04, 0.0)))
        assert order == [0.0, 0.02, 0.04, 0.06]

    tell(story())


@pytest.mark.parametrize("prefer_uvloop", [True, False])
def test_deadlines_less_than_half_a_millisecond_away_pass_on_every_loop(prefer_uvloop: bool) -> None:
    async def story() -> None:
        deadlines, event = Deadlines(), asyncio.Event()
        waits = [wait_within(deadlines, microseconds / 1e6, event) for microseconds in range(500, -1, -1)]
        patient = asyncio.create_task(wait_within(deadlines, LONG, event))
        assert set(await asyncio.gather(*waits)) == {"late"}
        event.set()
        assert await patient == "in time"

    with asyncio.Runner(loop_factory=partial(new_event_loop, prefer_uvloop=prefer_uvloop)) as runner:
        runner.run(asyncio.wait_for(story(), 20))


def test_a_deadline_that_was_kept_leaves_the_task_alone() -> None:
    async def story() -> None:
        deadlines = Deadlines()
        with deadlines.within(0.01) as kept:
            pass
        # The timer that was set for it goes off meanwhile.
        await wait_within(deadlines, 0.03, asyncio.Event())
        assert not kept.is_over

    tell(story())


def test_who_bears_the_cancelling_may_still_say_what_it_has() -> None:
    async def story() -> None:
        said = "nothing"
        with Deadlines().within(0.01) as deadline:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                assert deadline.is_over
                said = "the beginning"
        task = asyncio.current_task()
        assert task is not None
        assert (said, task.cancelling()) == ("the beginning", 0)

    tell(story())


def test_a_cancelling_from_outside_is_no_timeout() -> None:
    async def story() -> None:
        deadlines = Deadlines()
        waiting = asyncio.create_task(wait_within(deadlines, LONG, asyncio.Event()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    tell(story())


def test_a_cancelling_from_outside_in_the_same_turn_wins() -> None:
    async def story() -> None:
        waiting: asyncio.Task[None]

        async def wait() -> None:
            with Deadlines().within(LONG) as deadline:
                loop = asyncio.get_running_loop()
                loop.call_soon(deadline.expire)
                loop.call_soon(waiting.cancel)
                await asyncio.Event().wait()

        waiting = asyncio.create_task(wait())
        with pytest.raises(asyncio.CancelledError):
            await waiting

    tell(story())


def test_an_error_in_time_comes_out_as_it_is() -> None:
    async def story() -> None:
        with pytest.raises(ZeroDivisionError), Deadlines().within(LONG):
            _ = 1 // 0

    tell(story())


def test_nobody_is_late_once_it_is_closed() -> None:
    async def story() -> None:
        deadlines, event = Deadlines(), asyncio.Event()
        waiting = asyncio.create_task(wait_within(deadlines, 0.01, event))
        await asyncio.sleep(0)
        deadlines.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.03)
        event.set()
        assert await waiting == "in time"

    tell(story())
