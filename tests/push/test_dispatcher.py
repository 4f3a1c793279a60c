"""The dispatcher: its timers and its room, and what a failing store or a stop does to them.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import asyncio
import itertools
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

import msgspec
import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account, AccountDirectory, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.plan import ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.platform import Platform
from cloudsms_simulator.engine.records import Message, Push, PushResult, Report
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.push import dispatcher as lane_module
from cloudsms_simulator.push.dispatcher import Dispatcher
from cloudsms_simulator.stores.memory import MemoryStore
from cloudsms_simulator.stores.store import StoreError

R = TypeVar("R")
FAST = 1_000_000.0
"""Ten seconds of the clock are ten microseconds, 25 hours 90 milliseconds."""
SECOND = timedelta(seconds=1)
URL = "http://127.0.0.1:59999/"
GOOD = PushResult(200, b"")
DOWN = PushResult(failure="push-refused", error="nobody listens")


def tell(story: Coroutine[None, None, None]) -> None:
    """Runs a story; one that does not end in time has failed. What it left running is ended."""

    async def whole() -> None:
        Scene.begun.clear()
        try:
            await asyncio.wait_for(story, STORY)
        finally:
            for scene in Scene.begun:
                await scene.pusher.close(0)

    asyncio.run(whole())


class Customer:
    """In place of the push client: each push waits here until the test answers it."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.closed = False
        self._arrived = asyncio.Condition()
        self._answers: list[asyncio.Future[PushResult]] = []
        self.answering: PushResult | None = None
        self.slips: list[Exception] = []

    async def post(self, push: Push, _callback: Callback) -> PushResult:
        if self.slips:
            raise self.slips.pop(0)
        answer: asyncio.Future[PushResult] = asyncio.get_running_loop().create_future()
        if self.answering is not None:
            answer.set_result(self.answering)
        async with self._arrived:
            self.pushes.append(push)
            self._answers.append(answer)
            self._arrived.notify_all()
        return await answer

    async def close(self) -> None:
        self.closed = True

    async def has(self, count: int) -> list[Push]:
        """Returns the pushes once there are so many, those before included."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.pushes) >= count)
        return self.pushes

    def answer(self, index: int, result: PushResult = GOOD) -> None:
        self._answers[index].set_result(result)


class Store(MemoryStore):
    """Fails a step that has decided when told to; says when one was kept or failed, and whose messages changed."""

    def __init__(self, rate: float) -> None:
        nodes = itertools.count(1)
        wall = WallClock()
        super().__init__(lambda _account: Clock.scaled(rate, wall.now()), lambda: next(nodes))
        self.failures: list[Exception] = []
        self.unlucky: str | None = None
        """An SMS_UID no step can be kept for."""
        self.updated: list[set[str]] = []
        """By step, the SMS_UIDs of those messages that changed."""
        self.stepped = asyncio.Condition()

    async def step(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        def failing(transaction: Transaction) -> R:
            decision = decide(transaction)
            self.updated.append(transaction.updated)
            if self.failures and transaction.exchange is None:
                raise self.failures.pop(0)
            if self.unlucky in transaction.updated:
                raise RuntimeError("a slip of ours")
            return decision

        try:
            return await super().step(account, failing, uids)
        finally:
            async with self.stepped:
                self.stepped.notify_all()


class Scene:
    """A pusher with a customer and a store; packets are accepted straight away."""

    begun: ClassVar[list["Scene"]] = []

    def __init__(self, account: Account, rate: float = FAST) -> None:
        self.account = account
        self.store = Store(rate)
        self.customer = Customer()
        self.platform = Platform(AccountDirectory([account]), SPEC)
        self.wall = WallClock()
        self.pusher = Dispatcher(self.platform, self.store, self.customer, self.wall)  # type: ignore[arg-type]
        self.begun.append(self)

    async def send(self, count: int = 1, *, expect: bool = True) -> list[Message]:
        reply, messages = await self.receive(count)
        await self.store.release(self.account, reply.request_id)
        assert reply.first_due is not None
        if expect:
            self.pusher.expect(self.account, reply.first_due)
        return messages

    async def receive(self, count: int = 1) -> tuple[Reply, list[Message]]:
        """Has a packet accepted whose answer is not out yet."""
        packet = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2021-09-13 12:00:00",
            "AUTH_KEY": self.account.auth_key,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}] * count,
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
        }
        body = json.dumps(packet).encode()
        judged = self.platform.check(self.platform.identify(body), body)

        def decide(transaction: Transaction) -> tuple[Reply, list[Message]]:
            now = transaction.standing.clock.now(self.wall.now())
            return self.platform.receive(transaction, judged, Arrival(body), now), list(transaction.new_messages)

        return await self.store.step(self.account, decide)

    async def advance(self, by: timedelta) -> None:
        """Moves the account's clock ahead; tells nobody."""
        await self.set_clock(lambda clock: clock.advanced(by, self.wall.now()))

    async def set_clock(self, change: Callable[[Clock], Clock]) -> None:
        """Puts another clock in the place of the account's; tells nobody."""

        def decide(transaction: Transaction) -> None:
            clock = change(transaction.standing.clock)
            transaction.standing = msgspec.structs.replace(transaction.standing, clock=clock)

        await self.store.step(self.account, decide)

    async def step(self) -> None:
        """Moves a frozen clock to the next moment something is due, and settles."""
        due = self.store.next_wake(self.account)
        assert due is not None
        await self.advance(due - self.store.standing(self.account).clock.virtual)
        await asyncio.wait_for(self.pusher.settle(self.account, []), STORY)

    def outcomes(self, messages: list[Message]) -> list[str]:
        """What became of the reports of messages, in order."""
        return [report.outcome for message in messages for report in self.reports(message)]

    def reports(self, message: Message) -> tuple[Report, ...]:
        return self.store.reports_of(self.account, message.uid)

    async def settled(self, message: Message) -> Message:
        """Returns the message once nothing is left to do for it."""

        def is_settled() -> bool:
            current = self.store.message(self.account, message.uid)
            return current is not None and current.settled

        async with self.store.stepped:
            await self.store.stepped.wait_for(is_settled)
        settled = self.store.message(self.account, message.uid)
        assert settled is not None
        return settled


@contextmanager
def no_timer() -> Iterator[None]:
    """Fails where somebody has the loop call something later. What is called in its next turn is no timer."""
    loop = asyncio.get_running_loop()
    armed: list[tuple[object, ...]] = []
    loop.call_at = lambda *call, **_context: armed.append(call)  # type: ignore[method-assign,assign,return-value]
    loop.call_later = lambda *call, **_context: armed.append(call)  # type: ignore[method-assign,assign,return-value]
    try:
        yield
    finally:
        del loop.call_at, loop.call_later
    assert armed == []


def account(*steps: object, push_window: int = 1, **callback: object) -> Account:
    plan = plan_of(*steps) if steps else plan_of(step(2, SECOND))  # type: ignore[arg-type]
    return Account(
        plan=plan,
        push_window=push_window,
        callback=Callback(**({"url": URL} | callback)),  # type: ignore[arg-type]
    )


def test_a_report_is_pushed_when_it_is_due_and_its_answer_recorded() -> None:
    async def story() -> None:
        scene = Scene(account())
        [message] = await scene.send()
        [push] = await scene.customer.has(1)
        assert (push.uid, push.url) == (message.uid, URL)
        assert scene.reports(message)[0].outcome == "pending"
        scene.customer.answer(0)
        await scene.settled(message)
        [report] = scene.reports(message)
        assert (report.outcome, len(report.attempts)) == ("answered", 1)
        assert await scene.pusher.close(0) == 0
        assert scene.customer.closed

    tell(story())


def test_25_hours_pass_quickly_on_a_fast_clock() -> None:
    async def story() -> None:
        scene = Scene(account(step(1, SECOND)))
        scene.customer.answering = GOOD
        [message] = await scene.send()
        assert (await scene.settled(message)).state == 3
        assert len(scene.customer.pushes) == 2

    tell(story())


def test_on_a_frozen_clock_nothing_comes_due_by_itself() -> None:
    async def story() -> None:
        scene = Scene(account(), rate=0)
        with no_timer():
            await scene.send()
        assert scene.customer.pushes == []
        assert await scene.pusher.close(1) == 0

    tell(story())


def test_on_a_frozen_clock_what_is_due_at_once_is_pushed() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0))), rate=0)
        await scene.send()
        assert len(await scene.customer.has(1)) == 1

    tell(story())


def test_no_more_pushes_are_on_the_way_than_the_account_allows() -> None:
    async def story() -> None:
        scene = Scene(account(concurrency=2))
        messages = await scene.send(5)
        for answered in range(5):
            await scene.customer.has(min(answered + 2, 5))
            assert len(scene.customer.pushes) == min(answered + 2, 5)
            scene.customer.answer(answered)
            await scene.settled(messages[answered])
        assert [push.uid for push in scene.customer.pushes] == [message.uid for message in messages]

    tell(story())


def test_one_account_does_not_wait_for_another() -> None:
    async def story() -> None:
        shop = account(concurrency=1)
        scene = Scene(shop)
        await scene.send(2)
        await scene.customer.has(1)
        bank = Account(name="bank", auth_key="bank", callback=Callback(url=URL))
        scene.platform.directory = AccountDirectory([shop, bank])
        scene.account = bank
        await scene.send()
        assert [push.account for push in await scene.customer.has(2)] == ["default", "bank"]

    tell(story())


def test_pushes_of_one_message_wait_for_one_another() -> None:
    async def story() -> None:
        scene = Scene(account(step(1, SECOND), step(2, 2 * SECOND), retries=(SECOND,)))
        [message] = await scene.send()
        await scene.customer.has(1)
        scene.customer.answer(0, DOWN)
        await scene.customer.has(2)
        scene.customer.answer(1, DOWN)
        await scene.customer.has(3)
        scene.customer.answer(2)
        await scene.settled(message)
        assert [(push.number, push.serial) for push in scene.customer.pushes] == [(1, 1), (1, 2), (2, 3)]
        assert [report.outcome for report in scene.reports(message)] == ["abandoned", "answered"]

    tell(story())


def test_a_retry_does_not_wait_for_a_state_that_is_due_much_later() -> None:
    async def story() -> None:
        soon = timedelta(milliseconds=1)
        scene = Scene(account(step(1, timedelta(0)), step(2, timedelta(hours=1)), retries=(soon,)), rate=1)
        await scene.send()
        await scene.customer.has(1)
        scene.customer.answer(0, DOWN)
        assert [(push.number, push.serial) for push in await scene.customer.has(2)] == [(1, 1), (1, 2)]

    tell(story())


def test_an_earlier_moment_replaces_the_one_that_was_waited_for() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(days=1))), rate=1)
        await scene.send()
        soon = Account(callback=Callback(url=URL), plan=plan_of(step(2, timedelta(0))))
        scene.account = soon
        scene.platform.directory = AccountDirectory([soon])
        [message] = await scene.send()
        [push] = await scene.customer.has(1)
        assert push.uid == message.uid

    tell(story())


def test_without_a_callback_everything_is_reached_at_once_however_much_it_is() -> None:
    async def story() -> None:
        scene = Scene(account(url=None, concurrency=1))
        for _ in range(3):
            messages = await scene.send(200)
        await scene.settled(messages[-1])
        assert {report.outcome for report in scene.store.reports(scene.account)} == {"no_callback"}
        assert scene.store.reports(scene.account).total == 600

    tell(story())


def test_what_a_store_still_has_to_do_is_taken_up_at_the_start() -> None:
    async def story() -> None:
        scene = Scene(account())
        await scene.send(expect=False)
        scene.pusher.start([scene.account, Account(name="idle", auth_key="idle")])
        assert len(await scene.customer.has(1)) == 1

    tell(story())


# Trouble


def test_an_answer_that_ends_a_push_and_is_wrong_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        for body in (
            b"OK",
            b'{"METHOD":"SMS_PUSH_REPORT","TYPE":"ANSWER","SERIAL":1,"RESULT_CODE":1,"RESULT_DESC":"OK"}',
            b'{"METHOD":"SMS_PUSH_REPORT","TYPE":"ANSWER","SERIAL":1,"RESULT_CODE":"1","RESULT_DESC":"OK"}',
        ):
            caplog.clear()
            scene = Scene(account())
            [message] = await scene.send()
            [push] = await scene.customer.has(1)
            scene.customer.answer(0, PushResult(200, body))
            await scene.settled(message)
            assert [report.outcome for report in scene.store.reports(scene.account)] == ["answered"]
            lines = [record.getMessage() for record in caplog.records]
            told = f"the answer of {URL} to the report with SERIAL {push.serial} is wrong: "
            rules = [line.removeprefix(told).split(":")[0] for line in lines]
            assert rules == {b"OK": ["dr-answer-not-json"]}.get(body, ["dr-answer-code"] if b'"1"' in body else [])

    tell(story())


def test_a_store_that_fails_while_reports_are_looked_for_loses_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account())
        scene.store.failures = [StoreError("a moment"), StoreError("of trouble")]
        messages = await scene.send(3)
        pushes = await scene.customer.has(3)
        assert [push.uid for push in pushes] == [message.uid for message in messages]
        assert [push.serial for push in pushes] == [1, 2, 3]

    tell(story())
    assert "looking for due reports of default failed" in caplog.text


def test_a_store_that_fails_after_a_push_loses_none_of_those_that_follow(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(concurrency=1))
        messages = await scene.send(3)
        await scene.customer.has(1)
        scene.store.failures = [StoreError("the answer is lost"), StoreError("and a moment more")]
        scene.customer.answering = GOOD
        scene.customer.answer(0)
        assert [push.uid for push in await scene.customer.has(3)] == [message.uid for message in messages]

    tell(story())
    assert "and a moment more" in caplog.text


def test_what_is_to_be_looked_at_again_does_not_wait_for_something_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(step(1, timedelta(0)), step(2, timedelta(hours=1))), rate=1)
        scene.customer.answering = GOOD
        await scene.send()
        await scene.customer.has(1)
        scene.store.failures = [StoreError("a moment")]
        [message] = await scene.send()
        async with scene.store.stepped:
            await scene.store.stepped.wait_for(lambda: not scene.store.failures)
        scene.pusher.expect(scene.account, message.sending.accepted_at + timedelta(hours=1))
        assert [push.uid for push in await scene.customer.has(2)][1] == message.uid

    tell(story())


def test_a_slip_of_ours_while_looking_does_not_stop_the_lane(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account())
        scene.store.failures = [RuntimeError("a slip of ours")]
        await scene.send()
        async with scene.store.stepped:
            await scene.store.stepped.wait_for(lambda: not scene.store.failures)
        [message] = await scene.send()
        assert [push.uid for push in await scene.customer.has(1)] == [message.uid]

    tell(story())
    assert "a slip of ours" in caplog.text


def test_an_answer_that_cannot_be_recorded_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        scene = Scene(account())
        [message] = await scene.send()
        await scene.customer.has(1)
        scene.store.failures = [StoreError("the disk is full")]
        scene.customer.answer(0)
        assert await scene.pusher.close(1) == 0
        assert scene.reports(message)[0].outcome == "pending"

    tell(story())
    assert "is not kept: the disk is full" in caplog.text


def test_an_answer_that_could_not_be_recorded_is_recorded_as_soon_as_it_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(concurrency=2))
        messages = await scene.send(2)
        await scene.customer.has(2)
        scene.store.failures = [StoreError("a moment"), StoreError("of trouble")]
        scene.customer.answer(0)
        scene.customer.answer(1, DOWN)
        await scene.pusher.idle()
        assert scene.outcomes(messages) == ["answered", "failed"]
        assert [len(scene.reports(message)[0].attempts) for message in messages] == [1, 1]

    tell(story())


def test_an_answer_that_could_not_be_recorded_is_recorded_at_the_stop() -> None:
    async def story() -> None:
        scene = Scene(account())
        [message] = await scene.send()
        await scene.customer.has(1)
        scene.store.failures = [StoreError("a moment")]
        async with scene.store.stepped:
            scene.customer.answer(0)
            await scene.store.stepped.wait_for(lambda: not scene.store.failures)
        assert scene.outcomes([message]) == ["pending"]
        assert await scene.pusher.close(1) == 0
        assert scene.outcomes([message]) == ["answered"]

    tell(story())


def test_answers_that_come_together_are_kept_together_and_others_follow_in_order() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0)), concurrency=2), rate=1)
        messages = await scene.send(4)
        await scene.customer.has(2)
        scene.store.updated.clear()
        scene.customer.answer(1)
        scene.customer.answer(0)
        pushes = await scene.customer.has(4)
        assert scene.store.updated == [{message.uid for message in messages}]
        assert [push.uid for push in pushes] == [message.uid for message in messages]

    tell(story())


def test_a_slip_of_ours_about_one_message_costs_no_other_its_report(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(concurrency=4))
        messages = await scene.send(4)
        await scene.customer.has(4)
        scene.store.unlucky = messages[1].uid
        for index in range(4):
            scene.customer.answer(index)
        await scene.pusher.idle()
        assert scene.outcomes(messages) == ["answered", "pending", "answered", "answered"]
        scene.store.unlucky = None
        scene.customer.answering = GOOD
        more = await scene.send(4)
        await scene.settled(more[-1])
        await scene.pusher.idle()
        assert scene.outcomes(more) == ["answered"] * 4

    tell(story())
    assert "a slip of ours" in caplog.text


def test_a_slip_of_ours_about_one_message_keeps_no_other_from_its_states_where_nothing_is_pushed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(url=None))
        messages = await scene.send(4, expect=False)
        scene.store.unlucky = messages[-1].uid
        scene.pusher.start([scene.account])
        for message in messages[:-1]:
            assert (await scene.settled(message)).state == 2
        await scene.pusher.idle()

    tell(story())


def test_after_a_failure_what_else_has_ended_waits_for_the_pause_to_be_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 100_000.0)

    async def story() -> None:
        scene = Scene(account(concurrency=2))
        messages = await scene.send(2)
        await scene.customer.has(2)
        scene.store.failures = [StoreError("a moment")]
        async with scene.store.stepped:
            scene.customer.answer(0)
            await scene.store.stepped.wait_for(lambda: not scene.store.failures)
        scene.customer.answer(1)
        while scene.pusher.running(scene.account):
            await asyncio.sleep(0)
        for _ in range(5):  # turns of the loop, in which a pass would have been made
            await asyncio.sleep(0)
        assert scene.outcomes(messages) == ["pending", "pending"]
        assert await scene.pusher.close(0) == 0
        assert scene.outcomes(messages) == ["answered", "answered"]

    tell(story())


def test_a_slip_of_ours_while_pushing_is_a_failed_push(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        scene = Scene(account(retries=(SECOND,)))
        scene.customer.slips = [RuntimeError("a slip of ours")]
        scene.customer.answering = GOOD
        [message] = await scene.send()
        await scene.settled(message)
        [report] = scene.reports(message)
        assert [attempt.error for attempt in report.attempts] == ["the simulator itself failed", None]

    tell(story())
    assert "failed inside the simulator" in caplog.text


def test_a_push_that_failed_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    async def story() -> None:
        scene = Scene(account())
        scene.customer.answering = DOWN
        [message] = await scene.send()
        await scene.settled(message)

    tell(story())
    assert [record.getMessage().partition(" to ")[2] for record in caplog.records] == [f"{URL} failed: nobody listens"]


# A frozen clock


def test_on_a_frozen_clock_reports_are_pushed_one_at_a_time_in_the_order_they_are_due() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0))), rate=0)
        messages = await scene.send(3)
        for answered in range(3):
            assert len(await scene.customer.has(answered + 1)) == answered + 1
            scene.customer.answer(answered)
        await scene.pusher.idle()
        assert [push.uid for push in scene.customer.pushes] == [message.uid for message in messages]
        assert scene.outcomes(messages) == ["answered"] * 3

    tell(story())


def test_a_push_window_lets_more_of_them_be_on_the_way() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0)), push_window=2), rate=0)
        await scene.send(3)
        assert len(await scene.customer.has(2)) == 2
        scene.customer.answer(1)
        assert len(await scene.customer.has(3)) == 3

    tell(story())


def test_a_clock_that_is_frozen_lets_what_is_on_the_way_end_before_it_goes_on_one_by_one() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0)), concurrency=2), rate=1)
        await scene.send(4)
        await scene.customer.has(2)
        await scene.set_clock(lambda clock: clock.frozen_at(scene.wall.now()))
        scene.customer.answer(0)
        async with scene.store.stepped:
            await scene.store.stepped.wait()
        assert len(scene.customer.pushes) == 2
        scene.customer.answer(1)
        assert len(await scene.customer.has(3)) == 3

    tell(story())


def test_settling_pushes_what_is_due_and_what_that_makes_due_at_the_same_moment() -> None:
    async def story() -> None:
        scene = Scene(account(step(1, SECOND), step(2, SECOND), retries=(timedelta(0), SECOND)), rate=0)
        scene.customer.answering = DOWN
        messages = await scene.send(2)
        await scene.step()
        assert [(push.uid, push.number) for push in scene.customer.pushes] == [
            (message.uid, 1) for _attempt in range(2) for message in messages
        ]
        scene.customer.answering = GOOD
        await scene.step()
        assert scene.outcomes(messages) == ["answered"] * 4
        assert scene.store.next_wake(scene.account) is None

    tell(story())


def test_settling_steps_through_25_hours_in_the_order_of_the_clock() -> None:
    async def story() -> None:
        scene = Scene(account(step(1, SECOND)), rate=0)
        scene.customer.answering = GOOD
        messages = []
        for _ in range(3):
            messages += await scene.send()
            await scene.advance(timedelta(milliseconds=300))
        while scene.store.next_wake(scene.account) is not None:
            await scene.step()
        assert [(push.uid, push.number) for push in scene.customer.pushes] == [
            (message.uid, number) for number in (1, 2) for message in messages
        ]
        assert [push.at - push_before.at for push_before, push in itertools.pairwise(scene.customer.pushes)] == [
            timedelta(milliseconds=300),
            timedelta(milliseconds=300),
            timedelta(hours=25) - SECOND - timedelta(milliseconds=600),
            timedelta(milliseconds=300),
            timedelta(milliseconds=300),
        ]

    tell(story())


def test_settling_waits_for_no_timer_and_for_nothing_that_is_due_later() -> None:
    async def story() -> None:
        scene = Scene(account(), rate=0)
        scene.customer.answering = GOOD
        [message] = await scene.send()
        with no_timer():
            await scene.pusher.settle(scene.account, [])
            assert scene.customer.pushes == []
            await scene.advance(SECOND)
            await scene.pusher.settle(scene.account, [])
        assert scene.outcomes([message]) == ["answered"]

    tell(story())


def test_settling_survives_a_store_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(), rate=0)
        scene.customer.answering = GOOD
        messages = await scene.send(2)
        await scene.advance(SECOND)
        scene.store.failures = [StoreError("a moment"), StoreError("of trouble")]
        await scene.pusher.settle(scene.account, [])
        assert scene.outcomes(messages) == ["answered"] * 2

    tell(story())


def test_a_clock_that_is_set_going_again_brings_what_was_expected() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(hours=1))), rate=0)
        scene.pusher.clock_changed(scene.account)
        await scene.send()
        await scene.set_clock(lambda clock: clock.resumed(FAST, scene.wall.now()))
        scene.pusher.clock_changed(scene.account)
        assert len(await scene.customer.has(1)) == 1

    tell(story())


# How many are on the way


def test_pushes_that_are_on_the_way_are_counted_for_each_account() -> None:
    async def story() -> None:
        scene = Scene(account(concurrency=2))
        assert scene.pusher.running(scene.account) == 0
        messages = await scene.send(3)
        await scene.customer.has(2)
        assert scene.pusher.running(scene.account) == 2
        assert scene.pusher.running(Account(name="idle", auth_key="idle")) == 0
        for index in range(3):
            await scene.customer.has(index + 1)
            scene.customer.answer(index)
        await scene.settled(messages[2])
        await scene.pusher.idle()
        assert scene.pusher.running(scene.account) == 0

    tell(story())


# Reports that come first


AT_ONCE = timedelta(0)
EARLY = ReportOptions(before_answer=True)
FIRST = Step(2, AT_ONCE, True, manner=EARLY)


async def sent(scene: Scene, count: int = 1) -> tuple[tuple[str, ...], list[Message]]:
    """Messages nobody expects anything of yet, and their SMS_UIDs."""
    messages = await scene.send(count, expect=False)
    return tuple(message.uid for message in messages), messages


@pytest.mark.parametrize("rate", [0, 1], ids=["frozen", "real"])
def test_reports_that_come_first_are_pushed_at_once_and_waited_for_until_they_are_kept(rate: float) -> None:
    async def story() -> None:
        scene = Scene(account(FIRST, push_window=2), rate)
        uids, messages = await sent(scene, 2)
        first = asyncio.ensure_future(scene.pusher.report_first(scene.account, uids, 10))
        await scene.customer.has(2)
        scene.customer.answer(1)
        await asyncio.sleep(0)
        assert not first.done()
        scene.customer.answer(0)
        await first
        assert scene.outcomes(messages) == ["answered", "answered"]

    tell(story())


def test_every_report_that_is_due_at_that_moment_comes_first() -> None:
    async def story() -> None:
        manner = ReportOptions(copies=2, before_answer=True)
        scene = Scene(account(step(1, AT_ONCE), Step(2, AT_ONCE, True, manner=manner), retries=(AT_ONCE,)), rate=0)
        scene.customer.answering = DOWN
        uids, messages = await sent(scene)
        await scene.pusher.report_first(scene.account, uids, 10)
        assert [push.number for push in scene.customer.pushes] == [1, 1, 2, 2, 2, 2]
        assert scene.outcomes(messages) == ["abandoned", "abandoned"]

    tell(story())


@pytest.mark.parametrize(
    ("answering", "steps", "outcomes"),
    [(DOWN, [FIRST], ["pending"]), (GOOD, [Step(1, AT_ONCE, False, manner=EARLY), step(2, SECOND)], ["answered"])],
    ids=["a retry", "a state"],
)
def test_what_is_due_later_is_not_waited_for(answering: PushResult, steps: list[Step], outcomes: list[str]) -> None:
    async def story() -> None:
        scene = Scene(account(*steps, retries=(SECOND,)), rate=0)
        scene.customer.answering = answering
        uids, messages = await sent(scene)
        await scene.pusher.report_first(scene.account, uids, 10)
        assert (len(scene.customer.pushes), scene.outcomes(messages)) == (1, outcomes)
        assert scene.store.next_wake(scene.account) is not None

    tell(story())


def test_what_comes_after_the_answer_is_not_waited_for_though_it_is_due() -> None:
    async def story() -> None:
        scene = Scene(account(Step(1, AT_ONCE, False, manner=EARLY), step(2, AT_ONCE)), rate=0)
        scene.customer.answering = GOOD
        reply, [message] = await scene.receive()
        await scene.store.release(scene.account, reply.request_id, (message.uid,))
        await scene.pusher.report_first(scene.account, (message.uid,), 10)
        await scene.pusher.settle(scene.account, [])
        assert [push.number for push in scene.customer.pushes] == [1]
        await scene.store.release(scene.account, reply.request_id)
        await scene.pusher.settle(scene.account, [])
        assert [push.number for push in scene.customer.pushes] == [1, 2]

    tell(story())


def test_a_customer_that_does_not_answer_is_waited_for_so_long_and_its_push_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        scene = Scene(account(FIRST), rate=0)
        uids, [message] = await sent(scene)
        await scene.pusher.report_first(scene.account, uids, 0.01)
        assert scene.pusher.running(scene.account) == 1
        assert f"an answer goes out before the reports that were to come first: {message.uid}" in caplog.text
        scene.customer.answer(0)
        await scene.settled(message)
        assert scene.outcomes([message]) == ["answered"]

    tell(story())


def test_reports_that_come_first_wait_for_room() -> None:
    async def story() -> None:
        scene = Scene(account(FIRST, concurrency=1), rate=0)
        await scene.send()
        await scene.customer.has(1)
        uids, messages = await sent(scene)
        first = asyncio.ensure_future(scene.pusher.report_first(scene.account, uids, 10))
        await asyncio.sleep(0)
        assert len(scene.customer.pushes) == 1
        scene.customer.answer(0)
        await scene.customer.has(2)
        assert not first.done()
        scene.customer.answer(1)
        await first
        assert scene.outcomes(messages) == ["answered"]

    tell(story())


def test_without_a_callback_nothing_is_waited_for() -> None:
    async def story() -> None:
        scene = Scene(account(FIRST, url=None), rate=0)
        uids, messages = await sent(scene)
        await scene.pusher.report_first(scene.account, uids, 10)
        assert scene.outcomes(messages) == ["no_callback"]

    tell(story())


@pytest.mark.parametrize("end", ["abort", "close"])
def test_an_account_that_is_reset_or_stopped_keeps_no_answer_waiting(end: str) -> None:
    async def story() -> None:
        scene = Scene(account(FIRST), rate=0)
        uids, _ = await sent(scene)
        first = asyncio.ensure_future(scene.pusher.report_first(scene.account, uids, 10))
        await scene.customer.has(1)
        await (scene.pusher.abort(scene.account) if end == "abort" else scene.pusher.close(0))
        await first
        assert scene.pusher.running(scene.account) == 0

    tell(story())


def test_messages_that_are_gone_are_not_waited_for() -> None:
    async def story() -> None:
        scene = Scene(account(FIRST), rate=0)
        uids, _ = await sent(scene)
        now = scene.store.standing(scene.account).clock.virtual
        await scene.store.step(scene.account, lambda transaction: transaction.begin_anew(now))
        await scene.pusher.report_first(scene.account, uids, 10)
        assert scene.customer.pushes == []

    tell(story())


def test_a_store_that_fails_is_tried_again_while_an_answer_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "_PAUSE_AFTER_A_FAILURE", 0.001)

    async def story() -> None:
        scene = Scene(account(FIRST), rate=0)
        scene.customer.answering = GOOD
        scene.store.failures = [StoreError("a moment"), StoreError("of trouble")]
        uids, messages = await sent(scene)
        await scene.pusher.report_first(scene.account, uids, 10)
        assert scene.outcomes(messages) == ["answered"]

    tell(story())


def test_who_steps_the_clock_is_told_what_was_looked_at_and_what_came_of_pushes() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, AT_ONCE)), rate=0)
        scene.customer.answering = GOOD
        uids, _ = await sent(scene, 2)
        looked_at: list[str] = []
        await scene.pusher.settle(scene.account, looked_at)
        assert sorted(looked_at) == sorted([*uids, *uids])
        later, _ = await sent(scene)
        await scene.pusher.report_first(scene.account, later, 10)
        assert later[0] not in looked_at, "it is told no longer"

    tell(story())


# Aborting


def test_aborting_ends_running_pushes_and_keeps_nothing_of_them() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0)), concurrency=2), rate=1)
        messages = await scene.send(3)
        await scene.customer.has(2)
        assert await scene.pusher.abort(scene.account) == 2
        assert await scene.pusher.abort(scene.account) == 0
        assert scene.outcomes(messages) == ["pending", "pending"]
        await scene.pusher.idle()
        assert len(scene.customer.pushes) == 2

    tell(story())


def test_aborting_forgets_answers_that_could_not_be_recorded_and_what_was_to_be_looked_at() -> None:
    async def story() -> None:
        scene = Scene(account(concurrency=1))
        messages = await scene.send(2)
        await scene.customer.has(1)
        scene.store.failures = [StoreError("a moment")]
        async with scene.store.stepped:
            scene.customer.answer(0)
            await scene.store.stepped.wait_for(lambda: not scene.store.failures)
        assert await scene.pusher.abort(scene.account) == 0
        assert await scene.pusher.close(1) == 0
        assert scene.outcomes(messages) == ["pending"]

    tell(story())


def test_an_answer_that_comes_while_its_push_is_aborted_is_not_kept() -> None:
    async def story() -> None:
        scene = Scene(account())
        [message] = await scene.send()
        await scene.customer.has(1)
        scene.customer.answer(0)
        assert await scene.pusher.abort(scene.account) == 1
        await scene.pusher.idle()
        assert scene.outcomes([message]) == ["pending"]

    tell(story())


def test_aborting_while_messages_are_looked_at_has_nothing_pushed() -> None:
    async def story() -> None:
        scene = Scene(account(step(2, timedelta(0))), rate=1)
        quick, may_begin, begun = scene.store.step, asyncio.Event(), asyncio.Event()
        await scene.send(expect=False)

        async def slow(who: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
            begun.set()
            await may_begin.wait()
            return await quick(who, decide, uids)

        scene.store.step = slow  # type: ignore[method-assign]
        settling = asyncio.ensure_future(scene.pusher.settle(scene.account, []))
        await begun.wait()
        aborting = asyncio.ensure_future(scene.pusher.abort(scene.account))
        await asyncio.sleep(0)
        may_begin.set()
        assert await aborting == 0
        await settling
        await scene.pusher.idle()
        assert scene.customer.pushes == []

    tell(story())


def test_after_an_abort_what_is_expected_is_pushed_again() -> None:
    async def story() -> None:
        scene = Scene(account())
        await scene.send()
        await scene.customer.has(1)
        await scene.pusher.abort(scene.account)
        [message] = await scene.send()
        assert (await scene.customer.has(2))[1].uid == message.uid

    tell(story())


# Stopping


def test_a_stop_lets_running_pushes_finish_and_starts_no_more() -> None:
    async def story() -> None:
        scene = Scene(account(concurrency=1))
        first, second = await scene.send(2)
        await scene.customer.has(1)
        closing = asyncio.ensure_future(scene.pusher.close(10))
        await asyncio.sleep(0)
        scene.customer.answer(0)
        assert await closing == 0
        assert scene.reports(first)[0].outcome == "answered"
        assert [push.uid for push in scene.customer.pushes] == [first.uid]
        kept = scene.store.message(scene.account, second.uid)
        assert kept is not None
        assert kept.settled is False

    tell(story())


def test_a_stop_ends_pushes_that_take_too_long_and_notes_it() -> None:
    async def story() -> None:
        scene = Scene(account())
        messages = await scene.send(2)
        await scene.customer.has(2)
        assert await scene.pusher.close(0.01) == 2
        for message in messages:
            [report] = scene.reports(message)
            [attempt] = report.attempts
            assert (report.outcome, attempt.error) == ("failed", "the simulator was stopped")

    tell(story())


@pytest.mark.parametrize("after", [timedelta(0), timedelta(hours=1)], ids=["at once", "later"])
def test_after_a_stop_nothing_is_expected_any_more(after: timedelta) -> None:
    async def story() -> None:
        scene = Scene(account(step(2, after)), rate=1)
        scene.customer.answering = GOOD
        scene.pusher.start([scene.account])
        assert await scene.pusher.close(1) == 0
        with no_timer():
            await scene.send()
            await asyncio.sleep(0)
        assert scene.customer.pushes == []

    tell(story())


@pytest.mark.parametrize("end", ["abort", "close"])
def test_an_account_that_is_reset_or_stopped_leaves_no_timer_behind(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
        call_at = loop.call_at

        def noted(*call: Any, **context: Any) -> asyncio.TimerHandle:
            timers.append(call_at(*call, **context))
            return timers[-1]

        monkeypatch.setattr(loop, "call_at", noted)
        scene = Scene(account(step(2, timedelta(hours=1))), rate=1)
        await scene.send()
        assert [timer.cancelled() for timer in timers] == [False]
        if end == "abort":
            await scene.pusher.abort(scene.account)
        else:
            await scene.pusher.close(0)
            scene.pusher.clock_changed(scene.account)
        assert all(timer.cancelled() for timer in timers)

    tell(story())


# Leases


class RunOut:
    """A lease that is had when it is claimed, and can run out."""

    def __init__(self) -> None:
        self.held = True
        self.released = False

    def release(self) -> None:
        self.released = True


def test_what_is_due_is_not_pushed_once_the_lease_has_run_out_but_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        scene = Scene(account())
        leases: list[RunOut] = []

        async def claim(whose: Account, purpose: str) -> RunOut:
            assert (whose.name, purpose) == ("default", "push")
            leases.append(RunOut())
            # The first runs out while the pass decides.
            leases[-1].held = len(leases) > 1
            return leases[-1]

        monkeypatch.setattr(scene.store, "claim", claim)
        scene.customer.answering = GOOD
        first = await scene.send(1)
        async with scene.store.stepped:
            await scene.store.stepped.wait_for(lambda: scene.store.reports_of(scene.account, first[0].uid))
        await scene.pusher.idle()
        assert scene.customer.pushes == []
        [second] = await scene.send(1)
        assert [push.uid for push in await scene.customer.has(1)] == [second.uid]
        await scene.pusher.idle()
        assert leases[-1].released

    tell(story())


@pytest.mark.parametrize("end", ["abort", "close"])
def test_the_lease_of_an_account_that_is_reset_or_stopped_is_given_back(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        scene = Scene(account())
        lease = RunOut()

        async def claim(_account: Account, _purpose: str) -> RunOut:
            return lease

        monkeypatch.setattr(scene.store, "claim", claim)
        await scene.send()
        await scene.customer.has(1)
        assert not lease.released
        await (scene.pusher.abort(scene.account) if end == "abort" else scene.pusher.close(0))
        assert lease.released

    tell(story())
