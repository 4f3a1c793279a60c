"""Clocks: what an advance makes happen and in which order, and what ends one early.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R15.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account, AccountConfig, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.services.clocks import ClockReading
from cloudsms_simulator.services.scenarios import AccountBaseline
from cloudsms_simulator.stores.store import Change

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NOTHING = timedelta(0)
LONG = timedelta(seconds=20)
DOWN = PushResult(failure="push-refused", error="nobody listens")
GOOD = PushResult(200, b"")


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


class Gate:
    """A customer's server that answers a push only when the test says so."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def post(self, _push: Push) -> PushResult:
        self.reached.set()
        await self.opened.wait()
        return GOOD


# What an advance makes happen


def test_a_frozen_clock_steps_to_each_due_moment_in_order(stage, customer, noon) -> None:
    async def story() -> None:
        scene = stage(customer(step(1, SECOND), step(9, 5 * SECOND), step(2, HOUR)))
        [first] = await scene.send()
        reading = await scene.timekeeper.advance(scene.account, 3 * SECOND, LONG)
        [second] = await scene.send()
        assert (reading.now, scene.pushed_after) == (noon + 3 * SECOND, [SECOND])
        reading = await scene.timekeeper.advance(scene.account, 2 * HOUR, LONG)
        assert reading == ClockReading(
            now=noon + 2 * HOUR + 3 * SECOND,
            mode="frozen",
            rate=0,
            settled=True,
            running=0,
            pending=0,
            next_due_at=None,
            fired=reading.fired,
        )
        expected = [
            (first.uid, 2, 5 * SECOND),
            (second.uid, 1, 4 * SECOND),
            (second.uid, 2, 8 * SECOND),
            (first.uid, 3, HOUR),
            (second.uid, 3, HOUR + 3 * SECOND),
        ]
        expected.sort(key=lambda row: row[2])
        assert [(push.uid, push.number, push.at - noon) for push in scene.pusher.made[1:]] == expected
        assert [(each.uid, each.number, each.reached_at - noon) for each in reading.fired] == expected
        assert {each.outcome for each in reading.fired} == {"answered"}

    tell(story())


def test_reports_of_one_moment_are_pushed_in_the_order_they_were_accepted(stage, customer) -> None:
    async def story() -> None:
        scene = stage(customer())
        sent = [message.uid for _ in range(3) for message in await scene.send(2)]
        await scene.timekeeper.advance(scene.account, SECOND, LONG)
        assert [push.uid for push in scene.pusher.made] == sent

    tell(story())


def test_what_is_due_at_the_target_itself_is_done_and_what_comes_later_is_not(stage, customer, noon) -> None:
    async def story() -> None:
        scene = stage(customer(step(1, HOUR), step(2, HOUR + timedelta(microseconds=1))))
        await scene.send()
        reading = await scene.timekeeper.advance_to(scene.account, noon + HOUR, LONG)
        assert (reading.settled, reading.pending, reading.next_due_at) == (
            True,
            1,
            noon + HOUR + timedelta(microseconds=1),
        )
        assert scene.pushed_after == [HOUR]

    tell(story())


def test_retries_within_the_span_are_made_when_they_are_due_and_later_ones_are_not(stage, customer) -> None:
    async def story() -> None:
        async def down(_push: Push) -> PushResult:
            return DOWN

        scene = stage(customer(retries=(SECOND, 10 * SECOND, HOUR)))
        scene.pusher.post = down
        await scene.send()
        reading = await scene.timekeeper.advance(scene.account, 60 * SECOND, LONG)
        assert scene.pushed_after == [SECOND, 2 * SECOND, 12 * SECOND]
        [report] = reading.fired
        assert (report.outcome, len(report.attempts), reading.pending) == ("pending", 3, 1)
        reading = await scene.timekeeper.advance(scene.account, HOUR, LONG)
        assert [(each.outcome, len(each.attempts)) for each in reading.fired] == [("abandoned", 4)]

    tell(story())


def test_what_is_reached_without_being_pushed_has_fired_too(stage) -> None:
    async def story() -> None:
        lost = plan_of(step(1, SECOND, lost=True), step(2, 2 * SECOND))
        scene = stage(Account(plan=lost, callback=Callback(url=None)))
        await scene.send()
        reading = await scene.timekeeper.advance(scene.account, HOUR, LONG)
        assert [(each.state, each.outcome) for each in reading.fired] == [(1, "lost"), (2, "no_callback")]

    tell(story())


def test_25_hours_bring_expiry(stage, customer, noon) -> None:
    async def story() -> None:
        scene = stage(customer(step(1, SECOND)))
        await scene.send()
        reading = await scene.timekeeper.advance(scene.account, 25 * HOUR, LONG)
        assert [(each.state, each.reached_at - noon) for each in reading.fired] == [(1, SECOND), (3, 25 * HOUR)]

    tell(story())


def test_a_request_that_arrives_meanwhile_is_answered_and_has_its_report_within_the_span(stage, customer, noon) -> None:
    async def story() -> None:
        scene, gate = stage(customer()), Gate()
        await scene.send()
        scene.pusher.post = gate.post
        call = asyncio.create_task(scene.timekeeper.advance(scene.account, 5 * SECOND, LONG))
        await gate.reached.wait()
        [late] = await scene.send()
        assert late.sending.accepted_at == noon + SECOND
        gate.opened.set()
        reading = await call
        assert (scene.pushed_after, reading.pending) == ([SECOND, 2 * SECOND], 0)

    tell(story())


def test_running_until_idle_stops_where_the_last_thing_was_due(stage, customer, noon) -> None:
    async def story() -> None:
        scene = stage(customer(step(1, SECOND)))
        await scene.send()
        reading = await scene.timekeeper.run_until_idle(scene.account, LONG)
        assert (reading.now, reading.settled, reading.pending, len(reading.fired)) == (noon + 25 * HOUR, True, 0, 2)
        assert await scene.timekeeper.run_until_idle(scene.account, LONG) == msgspec.structs.replace(reading, fired=())

    tell(story())


# Clocks that run


@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_a_running_clock_stands_at_each_moment_and_goes_on_as_fast_as_before(stage, customer, noon, rate) -> None:
    async def story() -> None:
        scene = stage(customer(step(1, HOUR), step(2, 2 * HOUR)), rate=rate)
        [message] = await scene.send()
        accepted = message.sending.accepted_at
        reading = await scene.timekeeper.advance(scene.account, 3 * HOUR, LONG)
        assert [push.at for push in scene.pusher.made] == [accepted + HOUR, accepted + 2 * HOUR]
        assert (reading.mode, reading.rate, reading.settled) == ("real" if rate == 1 else "scaled", rate, True)
        assert accepted + 3 * HOUR <= reading.now < accepted + 4 * HOUR
        assert scene.pusher.told == ["default"]

    tell(story())


def test_a_real_clock_that_is_not_moved_goes_on_as_if_it_had_never_stood(stage) -> None:
    async def story() -> None:
        scene = stage(rate=1)
        before = scene.clock()
        await scene.timekeeper.run_until_idle(scene.account, LONG)
        await scene.timekeeper.advance(scene.account, NOTHING, LONG)
        assert scene.clock() == before

    tell(story())


def test_freezing_and_resuming_change_the_mode_and_wake_the_pusher(stage, noon) -> None:
    async def story() -> None:
        scene = stage()
        assert scene.timekeeper.read(scene.account) == ClockReading(noon, "frozen", 0, True, 0, 0, None)
        reading = await scene.timekeeper.resume(scene.account, 3600)
        assert (reading.mode, reading.rate, reading.now >= noon) == ("scaled", 3600, True)
        assert (await scene.timekeeper.resume(scene.account)).mode == "real"
        reading = await scene.timekeeper.freeze(scene.account)
        assert (reading.mode, reading.rate, reading.now) == ("frozen", 0, scene.clock().virtual)
        assert scene.pusher.told == ["default"] * 3

    tell(story())


# What does not go


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_clock_does_not_go_back_nor_past_the_end_of_time_and_goes_on_as_before(stage, noon, rate: float) -> None:
    async def story() -> None:
        scene = stage(rate=rate)
        before = scene.clock()
        with pytest.raises(ValueError, match="a clock only goes forward"):
            await scene.timekeeper.advance(scene.account, -SECOND, LONG)
        with pytest.raises(ValueError, match="a clock only goes forward"):
            await scene.timekeeper.advance_to(scene.account, noon - SECOND, LONG)
        with pytest.raises(ValueError, match="a clock shows a moment from 1970"):
            await scene.timekeeper.advance(scene.account, timedelta(days=4_000_000), LONG)
        assert scene.clock().rate == before.rate
        assert (await scene.timekeeper.advance(scene.account, SECOND, LONG)).now >= noon + SECOND

    tell(story())


@pytest.mark.parametrize("rate", [0, 0.0001, 2e6, -1, float("nan")])
def test_a_rate_no_clock_goes_at_is_refused(stage, rate: float) -> None:
    async def story() -> None:
        scene = stage()
        with pytest.raises(ValueError, match="rate"):
            await scene.timekeeper.resume(scene.account, rate)
        assert scene.clock().mode == "frozen"

    tell(story())


# Taking turns and running out of time


def test_advances_of_one_account_take_turns_and_do_not_hold_up_another(stage, customer, noon) -> None:
    async def story() -> None:
        slow, other = customer(), customer(name="other")
        scene, gate = stage(slow, other), Gate()
        await scene.send()
        scene.pusher.post = gate.post
        first = asyncio.create_task(scene.timekeeper.advance(slow, HOUR, LONG))
        await gate.reached.wait()
        second = asyncio.create_task(scene.timekeeper.advance(slow, HOUR, LONG))
        elsewhere = await scene.timekeeper.advance(other, HOUR, LONG)
        assert (elsewhere.now, elsewhere.settled, second.done()) == (noon + HOUR, True, False)
        gate.opened.set()
        assert [(await call).now for call in (first, second)] == [noon + HOUR, noon + 2 * HOUR]

    tell(story())


def test_out_of_time_it_stays_at_the_moment_it_began_and_the_next_call_takes_up_the_rest(stage, customer, noon) -> None:
    async def story() -> None:
        scene, gate = stage(customer(step(1, SECOND), step(2, HOUR))), Gate()
        [message] = await scene.send()
        scene.pusher.post = gate.post
        reading = await scene.timekeeper.advance(scene.account, 2 * HOUR, timedelta(milliseconds=20))
        assert (reading.now, reading.settled, reading.running, reading.pending) == (noon + SECOND, False, 1, 1)
        assert [(each.state, each.outcome, each.attempts) for each in reading.fired] == [(1, "pending", ())]
        gate.opened.set()
        reading = await scene.timekeeper.advance(scene.account, 2 * HOUR, LONG)
        assert (reading.now, reading.settled, reading.pending) == (noon + SECOND + 2 * HOUR, True, 0)
        assert (reading.fired[-1].state, scene.pushed_after) == (2, [SECOND, HOUR])
        reports = scene.store.reports_of(scene.account, message.uid)
        assert [(each.state, each.outcome) for each in reports] == [(1, "answered"), (2, "answered")]

    tell(story())


def test_a_running_clock_that_ran_out_of_time_goes_on_from_where_it_got_to(stage, customer) -> None:
    async def story() -> None:
        scene, gate = stage(customer(step(2, HOUR)), rate=1), Gate()
        [message] = await scene.send()
        scene.pusher.post = gate.post
        reading = await scene.timekeeper.advance(scene.account, 25 * HOUR, timedelta(milliseconds=20))
        assert (reading.mode, reading.settled) == ("real", False)
        assert HOUR <= reading.now - message.sending.accepted_at < 2 * HOUR
        gate.opened.set()
        await scene.timekeeper.run_until_idle(scene.account, LONG)

    tell(story())


def test_waiting_for_its_turn_takes_of_its_time(stage, customer, noon) -> None:
    async def story() -> None:
        scene, gate = stage(customer()), Gate()
        await scene.send()
        scene.pusher.post = gate.post
        first = asyncio.create_task(scene.timekeeper.advance(scene.account, HOUR, LONG))
        await gate.reached.wait()
        reading = await scene.timekeeper.advance(scene.account, HOUR, timedelta(milliseconds=20))
        assert (reading.settled, reading.now, reading.fired) == (False, noon + SECOND, ())
        gate.opened.set()
        assert (await first).now == noon + HOUR

    tell(story())


def test_no_time_is_enough_when_nothing_is_due(stage, noon) -> None:
    async def story() -> None:
        scene = stage()
        reading = await scene.timekeeper.run_until_idle(scene.account, NOTHING)
        assert (reading.settled, reading.now) == (True, noon)

    tell(story())


def test_what_cannot_be_done_is_tried_again_until_the_time_is_over(stage, customer, noon) -> None:
    async def story() -> None:
        scene = stage(customer())
        await scene.send()
        scene.pusher.stuck = True
        reading = await scene.timekeeper.advance(scene.account, HOUR, timedelta(milliseconds=50))
        assert (reading.settled, reading.now, reading.next_due_at) == (False, noon + SECOND, noon + SECOND)
        scene.pusher.stuck = False
        assert (await scene.timekeeper.advance(scene.account, HOUR, LONG)).settled

    tell(story())


def test_a_slip_while_settling_reaches_the_caller_and_the_clock_goes_on(stage, customer) -> None:
    async def story() -> None:
        async def slip(_push: Push) -> PushResult:
            raise RuntimeError("a slip of ours")

        scene = stage(customer(), rate=1)
        await scene.send()
        scene.pusher.post = slip
        with pytest.raises(RuntimeError, match="a slip of ours"):
            await scene.timekeeper.advance(scene.account, HOUR, LONG)
        assert scene.clock().mode == "real"

    tell(story())


# Resets and the end


def test_a_reset_calls_off_an_advance_and_nothing_of_before_happens_after(stage, customer, noon) -> None:
    async def story() -> None:
        scene, gate = stage(customer(step(1, SECOND), step(2, HOUR))), Gate()
        await scene.send(3)
        scene.pusher.post = gate.post
        call = asyncio.create_task(scene.timekeeper.advance(scene.account, 2 * HOUR, LONG))
        await gate.reached.wait()
        await scene.timekeeper.reset(scene.account)
        with pytest.raises(CalledOffError, match="the account was reset meanwhile"):
            await call
        gate.opened.set()
        assert (scene.pusher.aborted, scene.clock()) == (["default"], Clock(noon + SECOND, scene.clock().wall, 0))
        reading = await scene.timekeeper.run_until_idle(scene.account, LONG)
        assert (reading.pending, reading.fired, len(scene.pusher.made)) == (0, (), 1)

    tell(story())


def test_a_reset_forgets_what_an_advance_that_ran_out_of_time_left_on_the_way(stage, customer) -> None:
    async def story() -> None:
        scene, gate = stage(customer()), Gate()
        await scene.send(2)
        scene.pusher.post = gate.post
        await scene.timekeeper.advance(scene.account, HOUR, timedelta(milliseconds=20))
        await scene.timekeeper.reset(scene.account)
        gate.opened.set()
        await scene.send()
        reading = await scene.timekeeper.advance(scene.account, HOUR, LONG)
        assert ([report.outcome for report in reading.fired], len(scene.pusher.made)) == (["answered"], 2)

    tell(story())


def test_an_account_begins_anew_but_for_its_clock(stage, customer, noon) -> None:
    async def story() -> None:
        scene = stage(customer(), customer(name="other"))
        await scene.send(3)
        await scene.send(1, scene.accounts[1])
        await scene.timekeeper.advance(scene.account, HOUR, LONG)
        await scene.timekeeper.reset(scene.account)
        standing = scene.store.standing(scene.account)
        assert (standing.dr_serial, standing.outstanding, str(standing.balance)) == (0, 0, "1000.00")
        assert scene.clock().now(scene.wall.now()) == noon + HOUR
        listings = (scene.store.messages, scene.store.exchanges, scene.store.reports)
        assert [listing(scene.account).total for listing in listings] == [0, 0, 0]
        assert [listing(scene.accounts[1]).total for listing in listings] == [1, 1, 0]

    tell(story())


def test_a_clock_that_runs_keeps_running_through_a_reset(stage, customer) -> None:
    async def story() -> None:
        scene = stage(customer(), rate=1)
        await scene.send()
        before = scene.clock()
        await scene.timekeeper.reset(scene.account)
        assert scene.clock() == before

    tell(story())


class Resets:
    """An observer that takes a look at each reset."""

    def __init__(self) -> None:
        self.look: Callable[[], object] = lambda: None
        self.found: list[object] = []

    def publish(self, change: Change) -> None:
        if change.kind == "reset":
            self.found.append(self.look())


def test_what_is_restored_is_what_a_reset_makes_the_account(stage, customer, noon) -> None:
    async def story() -> None:
        created = msgspec.structs.replace(customer(), balance=Decimal(7))
        seen = Resets()
        scene = stage(
            configs=[AccountConfig(account=customer(), baseline=AccountBaseline(created=created))], observer=seen
        )
        await scene.send()
        await scene.timekeeper.advance(scene.account, HOUR, LONG)
        seen.look = lambda: (scene.pusher.aborted.copy(), scene.store.messages(scene.account).total)
        assert await scene.timekeeper.reset(scene.account) is created
        assert seen.found == [(["default"], 0)]
        assert scene.directory.named("default") is created
        assert scene.store.standing(created).balance == 7
        assert scene.store.standing(created).rules_since == noon + HOUR

    tell(story())


def test_another_change_takes_its_turn_after_an_advance_and_before_a_reset_that_came_later(stage, customer) -> None:
    async def story() -> None:
        seen = Resets()
        scene, gate, order = stage(customer(), observer=seen), Gate(), seen.found
        seen.look = lambda: "reset"
        await scene.send()
        scene.pusher.post = gate.post

        async def change() -> None:
            async with scene.timekeeper.turn(scene.account):
                order.append("changed")

        moving = asyncio.create_task(scene.timekeeper.advance(scene.account, HOUR, LONG))
        await gate.reached.wait()
        changing = asyncio.create_task(change())
        await asyncio.sleep(0)
        assert order == []
        await scene.timekeeper.reset(scene.account)
        await changing
        assert order == ["changed", "reset"]
        with pytest.raises(CalledOffError):
            await moving

    tell(story())


def test_another_change_does_not_wait_for_other_accounts(stage, customer) -> None:
    async def story() -> None:
        scene = stage(customer(), customer(name="other"))
        async with scene.timekeeper.turn(scene.account), scene.timekeeper.turn(scene.accounts[1]):
            assert all(scene.timekeeper.is_moved(account) for account in scene.accounts[:2])
        assert not any(scene.timekeeper.is_moved(account) for account in scene.accounts[:2])

    tell(story())


def test_at_the_end_another_change_that_waits_is_called_off(stage, customer) -> None:
    async def story() -> None:
        scene = stage(customer())
        async with scene.timekeeper.turn(scene.account):
            waiting = asyncio.create_task(scene.timekeeper.turn(scene.account).__aenter__())
            await asyncio.sleep(0)
            scene.timekeeper.close()
        with pytest.raises(CalledOffError, match="the simulator is stopping"):
            await waiting
        with pytest.raises(CalledOffError, match="the simulator is stopping"):
            await scene.timekeeper.turn(scene.account).__aenter__()

    tell(story())


def test_the_end_calls_off_what_runs_and_whatever_comes_later(stage, customer) -> None:
    async def story() -> None:
        scene, gate = stage(customer()), Gate()
        await scene.send()
        scene.pusher.post = gate.post
        call = asyncio.create_task(scene.timekeeper.advance(scene.account, HOUR, LONG))
        await gate.reached.wait()
        scene.timekeeper.close()
        for late in (call, scene.timekeeper.freeze(scene.account)):
            with pytest.raises(CalledOffError, match="the simulator is stopping"):
                await late

    tell(story())
