"""The change bus: a listener receives what is committed of its account, and nothing else. Reading: R16."""

import asyncio
import itertools
import logging
from collections.abc import Coroutine

import msgspec
import pytest
from patience import STORY

from cloudsms_simulator.engine.account import AccountState
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.stores.store import Change, ChangeBus

SHOP, BANK = "shop", "bank"


class Ear:
    """Notes what it hears; a deaf one fails."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.heard: list[object] = []
        self._deaf = deaf

    def hear(self, change: Change) -> None:
        if self._deaf:
            raise RuntimeError("deaf")
        self.heard.append("reset" if change.kind == "reset" else change)


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


STATE = AccountState(Clock.real(WallClock().now()), UidSequence(1), None)
numbers = itertools.count(1)


def progress(account: str | None) -> Change:
    """A change that is like no other."""
    return Change("progress", account, STATE, msgspec.structs.replace(STATE, dr_serial=next(numbers)))


def reset(account: str | None) -> Change:
    return Change("reset", account, STATE, STATE)


def test_a_listener_hears_of_its_account_alone() -> None:
    async def story() -> None:
        changes, shop, nobody = ChangeBus(), Ear(), Ear()
        changes.subscribe("shop", shop)
        changes.subscribe(None, nobody)
        of_shop, of_nobody = progress(SHOP), progress(None)
        for told in (of_shop, progress(BANK), of_nobody):
            changes.publish(told)
        changes.publish(reset(SHOP))
        changes.publish(reset(BANK))
        assert (shop.heard, nobody.heard) == ([of_shop, "reset"], [of_nobody])

    tell(story())


def test_what_was_kept_in_one_turn_is_told_in_the_next_in_its_order() -> None:
    async def story() -> None:
        changes, shop = ChangeBus(), Ear()
        changes.subscribe("shop", shop)
        told = [progress(SHOP) for _ in range(3)]
        for each in told[:2]:
            changes.publish(each)
        assert shop.heard == []
        await asyncio.sleep(0)
        assert shop.heard == told[:2]
        changes.publish(told[2])
        changes.flush()
        assert shop.heard == told
        await asyncio.sleep(0)
        assert shop.heard == told

    tell(story())


def test_a_reset_is_told_at_once_and_what_came_before_it_first() -> None:
    async def story() -> None:
        changes, shop = ChangeBus(), Ear()
        changes.subscribe("shop", shop)
        before, after = progress(SHOP), progress(SHOP)
        changes.publish(before)
        changes.publish(reset(SHOP))
        assert shop.heard == [before, "reset"]
        changes.publish(after)
        await asyncio.sleep(0)
        assert shop.heard == [before, "reset", after]

    tell(story())


def test_who_begins_to_listen_hears_nothing_older() -> None:
    async def story() -> None:
        changes, first, second, everything = ChangeBus(), Ear(), Ear(), Ear()
        changes.subscribe("shop", first)
        old = [progress(SHOP), progress(SHOP)]
        changes.publish(old[0])
        changes.subscribe("shop", second)
        changes.publish(old[1])
        changes.subscribe_to_all(everything)
        await asyncio.sleep(0)
        assert (first.heard, second.heard, everything.heard) == (old, old[1:], [])

    tell(story())


def test_who_listens_to_all_hears_of_everybody_first_and_harms_nobody() -> None:
    async def story() -> None:
        changes, everything, shop = ChangeBus(), Ear(), Ear()
        changes.subscribe_to_all(everything)
        changes.subscribe("shop", shop)
        told = [progress(SHOP), progress(BANK), progress(None)]
        for each in told:
            changes.publish(each)
        changes.flush()
        assert (everything.heard, shop.heard) == (told, told[:1])

    tell(story())


def test_a_listener_that_ceases_hears_nothing_more_and_the_others_do() -> None:
    async def story() -> None:
        changes, one, other = ChangeBus(), Ear(), Ear()
        changes.subscribe("shop", one)
        changes.subscribe("shop", other)
        changes.unsubscribe("shop", one)
        changes.unsubscribe("shop", one)
        changes.publish(progress(SHOP))
        changes.flush()
        changes.unsubscribe("shop", other)
        changes.publish(progress(SHOP))
        changes.flush()
        assert (len(one.heard), len(other.heard)) == (0, 1)

    tell(story())


def test_a_listener_that_fails_harms_nobody_and_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        changes, well = ChangeBus(), Ear()
        changes.subscribe("shop", Ear(deaf=True))
        changes.subscribe("shop", well)
        with caplog.at_level(logging.ERROR):
            changes.publish(progress(SHOP))
            changes.publish(reset(SHOP))
        assert len(well.heard) == 2
        assert [record.exc_info is not None for record in caplog.records] == [True, True]

    tell(story())
