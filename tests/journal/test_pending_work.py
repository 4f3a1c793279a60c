"""Pending work: what is still to come, worked out from what is kept alone. Reading: R10, R11, R15."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta

from patience import STORY

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.journal.waits import BUSY, PendingWork, pending_work_of

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NOTHING = timedelta(0)
LONG = timedelta(seconds=20)


def tell(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


def test_nothing_is_to_come_where_nothing_was_sent_or_all_is_done(stage, noon) -> None:
    async def story() -> None:
        here = stage()
        assert pending_work_of(here.store, here.account, noon) == PendingWork(False, None)
        await here.send()
        await here.timekeeper.run_until_idle(here.account, LONG)
        assert pending_work_of(here.store, here.account, noon + HOUR) == PendingWork(False, None)

    tell(story())


def test_the_next_moment_is_the_earliest_of_all_messages(stage, noon) -> None:
    async def story() -> None:
        here = stage(Account(plan=plan_of(step(1, SECOND), step(2, HOUR))))
        await here.send(3)
        await here.timekeeper.advance(here.account, SECOND / 2, LONG)
        await here.send()
        assert pending_work_of(here.store, here.account, noon + SECOND / 2) == PendingWork(False, noon + SECOND)
        await here.timekeeper.advance(here.account, SECOND, LONG)
        assert pending_work_of(here.store, here.account, noon + 1.5 * SECOND) == PendingWork(False, noon + HOUR)

    tell(story())


def test_what_is_due_is_busy_also_before_its_answer_is_out(stage, noon) -> None:
    async def story() -> None:
        here = stage(Account(plan=plan_of(step(2, NOTHING))))

        async def hold(*_: object) -> None:
            return

        here.store.release = hold
        await here.send()
        assert here.store.next_wake(here.account) is None
        assert pending_work_of(here.store, here.account, noon) == BUSY

    tell(story())


def test_a_push_on_its_way_is_busy_until_what_came_of_it_is_kept(stage, customer, noon) -> None:
    async def story() -> None:
        here = stage(customer(step(2, NOTHING), retries=(HOUR,)))
        answered: asyncio.Future[PushResult] = asyncio.get_running_loop().create_future()
        here.pusher.post = lambda _push: answered
        await here.send()
        settling = asyncio.create_task(here.pusher.settle(here.account, []))
        while not here.pusher.made:
            await asyncio.sleep(0)
        assert pending_work_of(here.store, here.account, noon) == BUSY
        answered.set_result(PushResult(failure="push-refused", error="nobody listens"))
        assert pending_work_of(here.store, here.account, noon) == BUSY
        await settling
        assert pending_work_of(here.store, here.account, noon) == PendingWork(False, noon + HOUR)

    tell(story())


def test_a_report_that_waits_behind_another_is_not_due(stage, customer, noon) -> None:
    async def story() -> None:
        here = stage(customer(step(1, NOTHING), step(2, SECOND), retries=(HOUR,)))

        async def down(_push: object) -> PushResult:
            return PushResult(failure="push-refused", error="nobody listens")

        here.pusher.post = down
        await here.send()
        await here.timekeeper.advance(here.account, SECOND, LONG)
        assert pending_work_of(here.store, here.account, noon + SECOND) == PendingWork(False, noon + HOUR)

    tell(story())


def test_a_held_report_is_due_when_it_is_let_go(stage, customer, noon) -> None:
    async def story() -> None:
        held = Step(2, NOTHING, final=True, manner=ReportOptions(held=HOUR))
        here = stage(customer(held))
        await here.send()
        await here.pusher.settle(here.account, [])
        assert pending_work_of(here.store, here.account, noon) == PendingWork(False, noon + HOUR)

    tell(story())
