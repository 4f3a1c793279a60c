"""What is due, as the API lists it."""

import asyncio
from datetime import timedelta

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.journal.views import PendingListing, pending_of

SECOND = timedelta(seconds=1)


def test_what_is_due_of_all_messages_comes_soonest_first_and_what_is_overdue_is_due_now(stage, noon) -> None:
    async def story() -> None:
        here = stage(Account(plan=plan_of(step(1, 2 * SECOND), step(2, 10 * SECOND))))
        first, second = await here.send(2)
        pending = await pending_of(here.store, here.account, (second, first))
        listing = PendingListing(pending, noon + 3 * SECOND, 7)
        assert (listing.total, listing.evicted) == (4, 7)
        shown = [(item.uid, item.report_id, item.state_name, item.in_s) for item in listing]
        assert shown == [
            (first.uid, f"{first.uid}-1", "ENROUTE", 0.0),
            (second.uid, f"{second.uid}-1", "ENROUTE", 0.0),
            (first.uid, f"{first.uid}-2", "DELIVERED", 7.0),
            (second.uid, f"{second.uid}-2", "DELIVERED", 7.0),
        ]

    asyncio.run(story())


def test_of_what_is_done_nothing_is_due(stage, noon) -> None:
    async def story() -> None:
        here = stage()
        await here.send()
        await here.timekeeper.run_until_idle(here.account, 20 * SECOND)
        assert await pending_of(here.store, here.account, here.store.messages(here.account)) == []
        listing = PendingListing([], noon, 0)
        assert (listing.total, list(listing)) == (0, [])

    asyncio.run(story())
