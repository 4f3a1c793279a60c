"""The account lock: one call at a time, within its time, unless it is called off."""

import asyncio
from collections.abc import Coroutine

import pytest
from patience import STORY

from cloudsms_simulator.net.runtime import AccountLock, CalledOffError


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


def test_calls_take_turns_in_the_order_they_came() -> None:
    async def story() -> None:
        turns, order = AccountLock(), []

        async def call(name: str) -> None:
            async with turns.taken():
                order.append(f"{name} begins")
                await asyncio.sleep(0)
                order.append(f"{name} ends")

        await asyncio.gather(call("a"), call("b"))
        assert order == ["a begins", "a ends", "b begins", "b ends"]

    tell(story())


def test_who_waits_beyond_the_deadline_gets_no_turn_and_leaves_no_trace() -> None:
    async def story() -> None:
        turns, loop = AccountLock(), asyncio.get_running_loop()
        async with turns.taken(), turns.taken(loop.time()) as late:
            assert late is None
        async with turns.taken(loop.time()) as free:
            assert free is not None

    tell(story())


def test_who_has_the_turn_and_who_waits_are_called_off_and_who_comes_later_is_not() -> None:
    async def story() -> None:
        turns = AccountLock()
        async with turns.taken() as call_off:
            assert call_off is not None
            waiting = asyncio.create_task(turns.taken().__aenter__())
            await asyncio.sleep(0)
            turns.call_off("reset")
            later = asyncio.create_task(turns.taken().__aenter__())
            assert call_off.result() == "reset"
        with pytest.raises(CalledOffError, match="the account was reset meanwhile"):
            await waiting
        assert (await later) is not None

    tell(story())


def test_who_holds_a_turn_comes_in_the_row_and_is_not_called_off() -> None:
    async def story() -> None:
        turns, order = AccountLock(), []

        async def hold(name: str) -> None:
            async with turns.held():
                order.append(name)

        async with turns.taken():
            waiting = asyncio.create_task(hold("first"))
            await asyncio.sleep(0)
            turns.call_off("reset")
            later = asyncio.create_task(hold("second"))
            await asyncio.sleep(0)
            assert order == []
        await asyncio.gather(waiting, later)
        assert order == ["first", "second"]

    tell(story())
