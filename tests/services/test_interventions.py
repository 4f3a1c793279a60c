"""Interventions: what is asked for is kept, and pushed before it returns where nothing else would. Reading: R25."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta

import pytest
from patience import STORY

from cloudsms_simulator.engine.delivery import Conflict, ForceRequest, ForceResult
from cloudsms_simulator.engine.plan import step
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.services import sending
from cloudsms_simulator.services.sending import Interventions

SECOND = timedelta(seconds=1)
NOTHING = timedelta(0)
HOUR = timedelta(hours=1)
LONG = timedelta(seconds=20)
FAILED = ForceRequest(5, NOTHING, True)


def tell(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


def of(here) -> Interventions:
    return Interventions(here.platform, here.store, here.pusher, here.wall)


def test_on_a_clock_that_stands_a_forced_state_is_pushed_before_it_returns(stage, customer, noon) -> None:
    async def story() -> None:
        here = stage(customer())
        [message] = await here.send()
        assert await of(here).force(here.account, message.uid, FAILED) == ForceResult(5, True, noon, 1)
        [report] = here.store.reports_of(here.account, message.uid)
        assert (report.state, report.outcome) == (5, "answered")
        pushed = await of(here).resend(here.account, message.uid, 1)
        assert len(pushed.attempts) == 2
        assert [push.serial for push in here.pusher.made] == [1, 2]

    tell(story())


def test_what_comes_later_and_what_goes_by_itself_is_not_waited_for(stage, customer) -> None:
    async def story() -> None:
        for rate, after in ((0, HOUR), (1, NOTHING)):
            here = stage(customer(), rate=rate)
            expected: list[object] = []
            here.pusher.expect = lambda account, due, seen=expected: seen.append((account.name, due))
            [message] = await here.send()
            forced = await of(here).force(here.account, message.uid, ForceRequest(5, after, True))
            assert here.pusher.made == []
            assert expected == [("default", forced.due_at)]

    tell(story())


def test_nobody_waits_behind_a_push_that_is_on_the_way(stage, customer) -> None:
    async def story() -> None:
        here = stage(customer())
        first, second = await here.send(2)
        asked: list[object] = []

        async def ask(push: Push) -> PushResult:
            """A customer's server that asks for more from within the handling of a report."""
            if not asked:
                asked.append(await of(here).force(here.account, second.uid, FAILED))
            return PushResult(200)

        here.pusher.post = ask
        await of(here).force(here.account, first.uid, FAILED)
        assert isinstance(asked[0], ForceResult)
        await here.timekeeper.run_until_idle(here.account, LONG)
        assert [push.uid for push in here.pusher.made] == [first.uid, second.uid]

    tell(story())


def test_a_push_that_does_not_end_is_not_waited_for_longer_than_its_time(
    stage, customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        monkeypatch.setattr(sending, "LONGEST_PUSH_WAIT", 0.01)
        here = stage(customer())
        [message] = await here.send()

        async def hang(_push: Push) -> PushResult:
            return await asyncio.get_running_loop().create_future()

        here.pusher.post = hang
        await of(here).force(here.account, message.uid, FAILED)
        assert here.pusher.running(here.account) == 1
        conflict = await of(here).resend(here.account, message.uid, 1)
        assert isinstance(conflict, Conflict)
        await here.pusher.abort(here.account)

    tell(story())


def test_nothing_is_kept_of_what_cannot_be(stage, customer) -> None:
    async def story() -> None:
        here = stage(customer(step(2, NOTHING)))
        [message] = await here.send()
        await here.pusher.settle(here.account, [])
        before = here.store.kept(here.account)
        assert isinstance(await of(here).force(here.account, message.uid, FAILED), Conflict)
        assert await of(here).force(here.account, "nobody", FAILED) is None
        for uid, number in ((message.uid, 0), (message.uid, 2), ("nobody", 1)):
            assert await of(here).resend(here.account, uid, number) is None
        assert here.store.kept(here.account) == before

    tell(story())
