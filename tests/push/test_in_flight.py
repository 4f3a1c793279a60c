"""Pushes in flight: they start, end, and are ended."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import datetime

import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.delivery import push_findings
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push import dispatcher as underway_module
from cloudsms_simulator.push.dispatcher import InFlight

MOMENT = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
GOOD = PushResult(200, b"")


def push(uid: str) -> Push:
    return Push("default", uid, 1, 1, MOMENT, "http://127.0.0.1:59999/", b"{}")


def tell(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


class Customer:
    """In place of the push client: pushes are answered by SMS_UID, and wait until then."""

    def __init__(self) -> None:
        self.answers: dict[str, asyncio.Future[PushResult]] = {}

    async def post(self, push: Push, _callback: Callback) -> PushResult:
        self.answers[push.uid] = asyncio.get_running_loop().create_future()
        return await self.answers[push.uid]


class Held:
    """A lease that does not run out, until somebody says so."""

    def __init__(self, *, held: bool = True) -> None:
        self.held = held

    def release(self) -> None:
        """Nobody else wants it."""


def test_pushes_are_told_of_in_the_order_in_which_they_end() -> None:
    async def story() -> None:
        customer, told = Customer(), asyncio.Event()
        underway = InFlight(customer, told.set)  # type: ignore[arg-type]
        for uid in ("a", "b"):
            underway.start(push(uid), Callback(), Held())
        await underway.wait(0)
        assert (len(underway), underway.ended) == (2, [])
        customer.answers["b"].set_result(GOOD)
        await told.wait()
        assert (len(underway), underway.ended) == (1, [(push("b"), GOOD)])
        customer.answers["a"].set_result(GOOD)
        await underway.wait(10)
        assert (len(underway), [ended.uid for ended, _ in underway.ended]) == (0, ["b", "a"])
        await underway.wait(10)

    tell(story())


def test_what_ends_is_told_of_at_once_when_most_of_those_on_the_way_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(underway_module, "_GATHER_SECONDS", 3600)

    async def story() -> None:
        customer, calls = Customer(), asyncio.Queue[list[str]]()
        underway = InFlight(customer, lambda: calls.put_nowait([ended.uid for ended, _ in underway.ended]))  # type: ignore[arg-type]
        for uid in ("a", "b", "c", "d"):
            underway.start(push(uid), Callback(), Held())
        await underway.wait(0)
        for uid in ("a", "b", "c"):
            customer.answers[uid].set_result(GOOD)
        assert (await calls.get(), len(underway)) == (["a", "b", "c"], 1)
        await underway.abort()

    tell(story())


def test_what_ended_is_told_of_once_however_long_the_others_take() -> None:
    async def story() -> None:
        customer, calls = Customer(), asyncio.Queue[int]()
        underway = InFlight(customer, lambda: calls.put_nowait(len(underway.ended)))  # type: ignore[arg-type]
        for uid in ("a", "b", "c", "d"):
            underway.start(push(uid), Callback(), Held())
        await underway.wait(0)
        for uid in ("a", "b"):
            customer.answers[uid].set_result(GOOD)
        assert (await calls.get(), calls.qsize()) == (2, 0)
        underway.ended.clear()
        customer.answers["c"].set_result(GOOD)
        assert (await calls.get(), calls.qsize()) == (1, 0)
        await underway.abort()

    tell(story())


@pytest.mark.parametrize(("octets", "is_long"), [(10, False), (50_000, True)])
def test_a_long_answer_is_audited_in_a_thread(monkeypatch: pytest.MonkeyPatch, octets: int, is_long: bool) -> None:
    threads: list[int] = []

    def findings_of(push: Push, result: PushResult) -> tuple[Finding, ...]:
        threads.append(threading.get_ident())
        return push_findings(push, result)

    async def story() -> None:
        customer, told = Customer(), asyncio.Event()
        underway = InFlight(customer, told.set)  # type: ignore[arg-type]
        underway.start(push("a"), Callback(), Held())
        await underway.wait(0)
        answer = PushResult(200, b"[" + b"0," * (octets // 2))
        customer.answers["a"].set_result(answer)
        await told.wait()
        [(_, result)] = underway.ended
        assert [thread != threading.get_ident() for thread in threads] == [True] * is_long
        assert (result.findings is not None) == is_long
        assert [each.rule for each in push_findings(push("a"), result)] == ["dr-answer-not-json"]

    monkeypatch.setattr(underway_module, "push_findings", findings_of)
    tell(story())


def test_an_aborted_push_is_returned_and_not_told_of() -> None:
    async def story() -> None:
        customer, told = Customer(), asyncio.Event()
        underway = InFlight(customer, told.set)  # type: ignore[arg-type]
        underway.start(push("a"), Callback(), Held())
        underway.start(push("b"), Callback(), Held())
        await underway.wait(0)
        customer.answers["a"].set_result(GOOD)
        assert [ended.uid for ended in await underway.abort()] == ["a", "b"]
        assert (len(underway), underway.ended, told.is_set()) == (0, [], False)
        assert await underway.abort() == []

    tell(story())


def test_a_push_that_is_aborted_before_it_began_is_never_made() -> None:
    async def story() -> None:
        customer = Customer()
        underway = InFlight(customer, lambda: None)  # type: ignore[arg-type]
        underway.start(push("a"), Callback(), Held())
        assert len(await underway.abort()) == 1
        assert customer.answers == {}

    tell(story())


def test_a_push_whose_lease_has_run_out_is_never_made() -> None:
    async def story() -> None:
        customer = Customer()
        underway = InFlight(customer, lambda: None)  # type: ignore[arg-type]
        underway.start(push("a"), Callback(), Held(held=False))
        await underway.wait(10)
        assert (customer.answers, underway.ended, len(underway)) == ({}, [], 0)

    tell(story())
