"""Waits: what ends one, what it comes back with, and what it says when it cannot be.

Reading: R15, R16, R17.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial

import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.journal import waits
from cloudsms_simulator.journal.search import Search, parse_search
from cloudsms_simulator.journal.waits import Wait, WaitFound, WaitMissed, Waits
from cloudsms_simulator.models.journal import Difference
from cloudsms_simulator.net import runtime
from cloudsms_simulator.net.runtime import CalledOffError
from cloudsms_simulator.stores.store import ChangeBus

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NOTHING = timedelta(0)
LONG = timedelta(seconds=20)


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed."""
    asyncio.run(asyncio.wait_for(story, STORY))


def at_once(coroutine: Coroutine[object, None, object]) -> None:
    """Runs what need not wait for anything, as part of a turn of the event loop."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


def stand_still(seconds: float) -> None:
    """Keeps the event loop from going on, so that all that is due by then is done in one turn, in its order."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


class Room:
    """A stage whose changes are published, and the waits there."""

    def __init__(self, stage, *accounts: Account, **how: object) -> None:
        self.changes = ChangeBus()
        self.stage = stage(*accounts, observer=self.changes, **how)
        self.account = self.stage.account
        self.moved: set[str] = set()
        self.stopping = asyncio.Event()
        store, wall = self.stage.store, self.stage.wall
        self.waits = Waits(store, self.changes, wall, lambda account: account.name in self.moved, self.stopping)

    def search(self, text: str) -> Search:
        return parse_search(text, self.stage.clock().virtual)

    async def wait(self, text: str = "", kind: str = "messages", count: int = 1, within: timedelta = LONG, **how):
        account = how.get("account", self.account)
        return await self.waits.wait(account, kind, self.search(text), count, within)

    async def waiting(self, *args: object, **how: object) -> "asyncio.Task[WaitFound | WaitMissed]":
        """A wait that has looked at what is kept, and found too little."""
        before = len(self.waits)
        task = asyncio.create_task(self.wait(*args, **how))
        while len(self.waits) == before and not task.done():
            await asyncio.sleep(0)
        waits_there = [wait for each in self.waits._indexes.values() for wait in each]
        while not all(wait.looked for wait in waits_there):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        return task

    async def send(self, *to: str, **fields: object):
        numbers = [{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in to or ("67000011",)]
        return await self.stage.send(MULTI_MSISDN_LIST=numbers, **fields)


@pytest.fixture
def room(stage) -> Callable[..., Room]:
    def make(*accounts: Account, **how: object) -> Room:
        return Room(stage, *accounts, **how)

    return make


def uids(found: WaitFound) -> list[str]:
    return [each.uid for each in found.values]


# What is there, and what comes


def test_what_is_kept_is_found_at_once_newest_first(room) -> None:
    async def story() -> None:
        here = room()
        [first] = await here.send()
        [second, third] = await here.send("67000012", "67000013")
        found = await here.wait(count=2, within=NOTHING)
        assert (uids(found), found.total, found.evicted) == ([third.uid, second.uid], 3, 0)
        assert uids(await here.wait("to:85267000011", within=NOTHING)) == [first.uid]

    tell(story())


@pytest.mark.parametrize("text", ["", "to:852*", "to:85267000012", "code to:+85267000012", "-state:DELIVERED"])
def test_what_comes_later_ends_a_wait(room, text: str) -> None:
    async def story() -> None:
        here = room()
        waiting = await here.waiting(text)
        [message] = await here.send("67000012")
        assert await waiting == WaitFound((message,), 1, 0)
        assert (len(here.waits), here.changes._listeners) == (0, {})

    tell(story())


def test_other_messages_do_not_end_it(room) -> None:
    async def story() -> None:
        here = room()
        waiting = await here.waiting("to:85267000012 text:right")
        await here.send("67000012")
        await here.send("67000011", SMS_CONTENT="right")
        [right] = await here.send("67000012", SMS_CONTENT="the right one")
        assert uids(await waiting) == [right.uid]

    tell(story())


def test_a_count_takes_in_what_was_there_and_what_comes_however_it_comes(room) -> None:
    async def story() -> None:
        here = room()
        [first] = await here.send()
        waiting = await here.waiting(count=3)
        [second] = await here.send()
        [third, fourth] = await here.send("67000012", "67000013")
        found = await waiting
        assert (uids(found), found.total) == ([fourth.uid, third.uid, second.uid], 4)
        assert first.uid not in uids(found)

    tell(story())


def test_what_is_not_so_any_more_does_not_count(room) -> None:
    async def story() -> None:
        here = room(Account(plan=plan_of(step(1, NOTHING), step(2, HOUR))))
        waiting = await here.waiting("state:none", count=2)
        await here.send()
        await here.stage.pusher.settle(here.account, [])
        [second] = await here.send()
        await asyncio.sleep(0)
        assert not waiting.done()
        [third] = await here.send()
        assert uids(await waiting) == [third.uid, second.uid]

    tell(story())


def test_a_request_is_waited_for_with_what_it_was_refused_for(room) -> None:
    async def story() -> None:
        here = room()
        refused = await here.waiting("code:Invalid_context to:85267000011", "requests")
        wrong = await here.waiting("finding:content-missing", "requests")
        await here.send()
        await here.send(SMS_CONTENT="")
        for waiting in (refused, wrong):
            [exchange] = (await waiting).values
            assert exchange.id == 2

    tell(story())


def test_an_exchange_of_nobody_is_waited_for_too(room) -> None:
    async def story() -> None:
        here = room()
        waiting = await here.waiting("code:0x05 account:none", "requests", account=None)
        await here.send(AUTH_KEY="nobody's")
        [exchange] = (await waiting).values
        assert exchange.account is None
        missed = await here.wait(kind="messages", account=None, within=NOTHING)
        assert (missed.in_vain, missed.total) == (False, 0)

    tell(story())


def test_a_report_is_waited_for_with_its_state_its_outcome_or_its_message(room, customer) -> None:
    async def story() -> None:
        here = room(customer(step(2, SECOND)))
        [message] = await here.send("67000012")
        here.moved.add("default")
        searches = ("state:DELIVERED", "outcome:answered", "to:85267000012", f"uid:{message.uid}", "text:code")
        waiting = [await here.waiting(text, "reports") for text in searches]
        delivered = await here.waiting("is:final")
        await here.stage.timekeeper.advance(here.account, SECOND, LONG)
        for each in waiting:
            [report] = (await each).values
            assert (report.uid, report.state) == (message.uid, 2)
        assert uids(await delivered) == [message.uid]

    tell(story())


def test_all_that_begin_to_wait_together_look_through_the_journal_once(room, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Search] = []
    holds_for = Search.matches
    monkeypatch.setattr(Search, "matches", lambda self, *of: asked.append(self) or holds_for(self, *of))

    async def story() -> None:
        here = room()
        for _ in range(5):
            await here.send(*["67000011"] * 100)
        [last] = await here.send("67000012")
        waits = [here.wait(f"to:8526800{number:04}", within=NOTHING) for number in range(200)]
        *missed, found = await asyncio.gather(*waits, here.wait("to:85267000012"))
        assert uids(found) == [last.uid]
        assert {type(each) for each in missed} == {WaitMissed}
        # The index says who is concerned: nobody else is asked about any of the 501 messages.
        assert len(asked) == 1

    tell(story())


def test_others_have_their_turn_while_somebody_who_waits_looks_at_what_is_kept(
    room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "SLICE_SECONDS", 0)

    async def story() -> None:
        here, turns = room(), 0
        for _ in range(3):
            await here.send(*["67000011"] * 200)
        looking = asyncio.create_task(here.wait("text:nothing", within=NOTHING))
        while not looking.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 600

    tell(story())


def test_what_is_to_come_is_worked_out_once_for_all_who_wait_in_vain(room, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[Account] = []
    pending_work_of = waits.pending_work_of
    monkeypatch.setattr(
        waits,
        "pending_work_of",
        lambda store, account, now: worked_out.append(account) or pending_work_of(store, account, now),
    )

    async def story() -> None:
        here = room(Account(plan=plan_of(step(2, HOUR))))
        await here.send()
        ended = await asyncio.gather(*[here.wait("state:DELIVERED") for _ in range(50)])
        assert {each.in_vain for each in ended} == {True}
        assert len(worked_out) == 1

    tell(story())


def test_what_changes_while_it_looks_is_newer_than_what_it_finds(room) -> None:
    async def story() -> None:
        here = room(Account(plan=plan_of(step(1, NOTHING), step(2, HOUR))))
        [oldest] = await here.send()
        for _ in range(2):
            await here.send(*["67000011"] * 200)
        # The oldest is in the second part of what it looks at, and changes before that.
        waiting = asyncio.create_task(here.wait(f"uid:{oldest.uid} state:none", within=NOTHING))
        await asyncio.sleep(0)
        await here.stage.pusher.settle(here.account, [])
        missed = await waiting
        assert (missed.total, len(here.waits)) == (0, 0)

    tell(story())


def test_what_came_just_before_the_time_was_up_counts_though_it_is_told_after_it(room) -> None:
    async def story() -> None:
        here = room()
        late = await here.waiting("to:85267000012", within=timedelta(milliseconds=300))
        asyncio.get_running_loop().call_later(0.32, at_once, here.send("67000012"))
        stand_still(0.34)
        assert len((await late).values) == 1

    tell(story())


def test_what_came_just_before_it_is_in_vain_counts_though_it_is_told_after_it(
    room, noon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        here = room(Account(plan=plan_of(step(2, NOTHING))))
        await here.send()

        async def deliver() -> None:
            store, account = here.stage.store, here.account
            due = await store.take_wakes(account, noon, 1)
            await store.step(account, partial(here.stage.platform.take_due, uids=due, now=noon), tuple(due))

        monkeypatch.setattr("cloudsms_simulator.journal.waits._RECHECK", 0.02)
        waiting = await here.waiting("state:DELIVERED")
        asyncio.get_running_loop().call_later(0, at_once, deliver())
        stand_still(0.03)
        assert len((await waiting).values) == 1

    tell(story())


def test_who_begins_to_wait_is_not_told_what_is_older(room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        here = room()
        asked: list[Wait] = []
        hear_of = Wait.offer
        monkeypatch.setattr(Wait, "offer", lambda self, *value: (asked.append(self), hear_of(self, *value))[1])
        first = await here.waiting(count=2)
        begun = asyncio.create_task(here.wait())
        await here.send()
        assert len((await begun).values) == 1
        assert len(asked) == 1
        first.cancel()

    tell(story())


def test_waits_for_others_cost_nothing(room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        here = room(Account(), Account(name="shop", auth_key="k"))
        asked: list[Wait] = []
        hear_of = Wait.offer
        monkeypatch.setattr(Wait, "offer", lambda self, *value: (asked.append(self), hear_of(self, *value))[1])
        mine = await here.waiting("to:85267000011")
        others = [await here.waiting(f"to:8526{number:07}") for number in range(100)]
        elsewhere = [await here.waiting(account=here.stage.accounts[1]) for _ in range(100)]
        await here.send("67000011")
        await mine
        assert len(asked) == 1
        here.stopping.set()
        ended = await asyncio.gather(*others, *elsewhere, return_exceptions=True)
        assert {str(each) for each in ended} == {"the simulator is stopping"}

    tell(story())


# What does not come


def test_out_of_time_it_says_what_came_close(room) -> None:
    async def story() -> None:
        here = room()
        [far] = await here.send("67000013", SMS_CONTENT="hello")
        [near] = await here.send("67000012")
        missed = await here.wait("to:85267000011 text:code", within=timedelta(milliseconds=1))
        assert (missed.in_vain, missed.total, missed.evicted) == (False, 0, 0)
        told = [(each.value.uid, each.differences) for each in missed.closest]
        assert told == [
            (near.uid, (Difference("to:85267000011", "85267000012"),)),
            (far.uid, (Difference("to:85267000011", "85267000013"), Difference("code", "hello"))),
        ]
        few = await here.wait("code", count=2, within=NOTHING)
        assert (few.total, [each.value.uid for each in few.closest]) == (1, [far.uid])

    tell(story())


def test_what_is_gone_is_not_counted_and_said(room) -> None:
    async def story() -> None:
        here = room(Account(plan=plan_of(step(2, NOTHING))), most_messages=2)
        for _ in range(5):
            await here.send()
            await here.stage.pusher.settle(here.account, [])
        missed = await here.wait(count=3, within=NOTHING)
        assert (missed.total, missed.evicted) == (2, 3)
        found = await here.wait(count=2, within=NOTHING)
        assert (found.total, found.evicted) == (2, 3)

    tell(story())


@pytest.mark.parametrize(("text", "kind"), [("", "reports"), ("state:DELIVERED", "messages"), ("is:final", "messages")])
def test_on_a_clock_that_stands_a_wait_in_vain_ends_at_once_and_names_the_next_moment(
    room, noon, text: str, kind: str
) -> None:
    async def story() -> None:
        here = room()
        nothing_sent = await here.wait(text, kind)
        assert (nothing_sent.in_vain, nothing_sent.now, nothing_sent.next_due_at) == (True, noon, None)
        await here.send()
        missed = await here.wait(text, kind)
        assert (missed.in_vain, missed.now, missed.next_due_at) == (True, noon, noon + SECOND)

    tell(story())


def test_a_wait_turns_vain_once_the_last_push_has_brought_something_else(room, customer, noon) -> None:
    async def story() -> None:
        here = room(customer(step(1, NOTHING), step(2, HOUR)))
        answered: asyncio.Future[PushResult] = asyncio.get_running_loop().create_future()
        here.stage.pusher.post = lambda _push: answered
        await here.send()
        waiting = await here.waiting("state:DELIVERED", "reports")
        settling = asyncio.create_task(here.stage.pusher.settle(here.account, []))
        while not here.stage.pusher.made:
            await asyncio.sleep(0)
        assert not waiting.done()
        answered.set_result(PushResult(200))
        await settling
        missed = await waiting
        assert (missed.in_vain, missed.next_due_at) == (True, noon + HOUR)
        assert [each.differences for each in missed.closest] == [(Difference("state:DELIVERED", "ENROUTE"),)]

    tell(story())


def test_a_clock_that_goes_or_is_moved_keeps_waits_going_until_it_stands(room, noon) -> None:
    async def story() -> None:
        here = room(rate=0.001)
        await here.send()
        waiting = await here.waiting(kind="reports")
        here.moved.add("default")

        def freeze(transaction: Transaction) -> None:
            standing = transaction.standing
            transaction.standing = type(standing)(Clock.frozen(noon), standing.uids, None, outstanding=1)

        await here.stage.store.step(here.account, freeze)
        await asyncio.sleep(0)
        assert not waiting.done()
        here.moved.clear()
        assert (await waiting).in_vain

    tell(story())


def test_waits_end_when_the_simulator_stops_and_there_are_no_later_ones(room) -> None:
    async def story() -> None:
        here = room()
        waiting = await here.waiting()
        here.stopping.set()
        with pytest.raises(CalledOffError, match="stopping"):
            await waiting
        with pytest.raises(CalledOffError, match="stopping"):
            await here.wait()

    tell(story())


def test_a_reset_ends_the_waits_of_the_account_and_of_no_other(room) -> None:
    async def story() -> None:
        here = room(Account(), Account(name="shop", auth_key="k"))
        waiting, shop = await here.waiting(), await here.waiting(account=here.stage.accounts[1])
        await here.stage.timekeeper.reset(here.account)
        with pytest.raises(CalledOffError, match="the account was reset or deleted meanwhile"):
            await waiting
        assert not shop.done()
        shop.cancel()

    tell(story())
