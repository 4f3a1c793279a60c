"""The change bus: a listener receives what is committed of its account, and nothing else. Reading: R16."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence

import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account, AccountState
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.journal.changes import ChangeBus
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.answer import UidSequence

SHOP, BANK = Account(name="shop", auth_key="a"), Account(name="bank", auth_key="b")


class Ear:
    """Notes what it hears; a deaf one fails."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.heard: list[object] = []
        self._deaf = deaf

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        if self._deaf:
            raise RuntimeError("deaf")
        assert all(each.account is account for each in transactions)
        self.heard += transactions

    def hear_reset(self, account: Account | None) -> None:
        if self._deaf:
            raise RuntimeError("deaf")
        self.heard.append("reset")


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


def transaction(account: Account | None) -> Transaction:
    return Transaction(account, AccountState(Clock.real(WallClock().now()), UidSequence(1), None), 1)


def test_a_listener_hears_of_its_account_alone() -> None:
    async def story() -> None:
        changes, shop, nobody = ChangeBus(), Ear(), Ear()
        changes.subscribe("shop", shop)
        changes.subscribe(None, nobody)
        of_shop, of_nobody = transaction(SHOP), transaction(None)
        for account, told in ((SHOP, of_shop), (BANK, transaction(BANK)), (None, of_nobody)):
            changes.publish(account, told)
        changes.reset(SHOP)
        changes.reset(BANK)
        assert (shop.heard, nobody.heard) == ([of_shop, "reset"], [of_nobody])

    tell(story())


def test_what_was_kept_in_one_turn_is_told_in_the_next_in_its_order() -> None:
    async def story() -> None:
        changes, shop = ChangeBus(), Ear()
        changes.subscribe("shop", shop)
        told = [transaction(SHOP) for _ in range(3)]
        for each in told[:2]:
            changes.publish(SHOP, each)
        assert shop.heard == []
        await asyncio.sleep(0)
        assert shop.heard == told[:2]
        changes.publish(SHOP, told[2])
        changes.flush()
        assert shop.heard == told
        await asyncio.sleep(0)
        assert shop.heard == told

    tell(story())


def test_a_reset_is_told_at_once_and_what_came_before_it_first() -> None:
    async def story() -> None:
        changes, shop = ChangeBus(), Ear()
        changes.subscribe("shop", shop)
        before, after = transaction(SHOP), transaction(SHOP)
        changes.publish(SHOP, before)
        changes.reset(SHOP)
        assert shop.heard == [before, "reset"]
        changes.publish(SHOP, after)
        await asyncio.sleep(0)
        assert shop.heard == [before, "reset", after]

    tell(story())


def test_who_begins_to_listen_hears_nothing_older() -> None:
    async def story() -> None:
        changes, first, second, everything = ChangeBus(), Ear(), Ear(), Ear()
        changes.subscribe("shop", first)
        old = [transaction(SHOP), transaction(SHOP)]
        changes.publish(SHOP, old[0])
        changes.subscribe("shop", second)
        changes.publish(SHOP, old[1])
        changes.subscribe_to_all(everything)
        await asyncio.sleep(0)
        assert (first.heard, second.heard, everything.heard) == (old, old[1:], [])

    tell(story())


def test_who_listens_to_all_hears_of_everybody_first_and_harms_nobody() -> None:
    async def story() -> None:
        changes, everything, shop = ChangeBus(), Ear(), Ear()
        changes.subscribe_to_all(everything)
        changes.subscribe("shop", shop)
        told = [transaction(SHOP), transaction(BANK), transaction(None)]
        for each in told:
            changes.publish(each.account, each)
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
        changes.publish(SHOP, transaction(SHOP))
        changes.flush()
        changes.unsubscribe("shop", other)
        changes.publish(SHOP, transaction(SHOP))
        changes.flush()
        assert (len(one.heard), len(other.heard)) == (0, 1)

    tell(story())


def test_a_listener_that_fails_harms_nobody_and_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        changes, well = ChangeBus(), Ear()
        changes.subscribe("shop", Ear(deaf=True))
        changes.subscribe("shop", well)
        with caplog.at_level(logging.ERROR):
            changes.publish(SHOP, transaction(SHOP))
            changes.reset(SHOP)
        assert len(well.heard) == 2
        assert [record.exc_info is not None for record in caplog.records] == [True, True]

    tell(story())
