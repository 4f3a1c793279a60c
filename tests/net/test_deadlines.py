"""Deadlines: what is not forgotten in time expires, with one timer for all."""

import asyncio
import math

from cloudsms_simulator.net.http_client import Deadlines

LONG = 3600.0


class Item:
    """Says so in `order` when it expires."""

    def __init__(self, name: object, order: "asyncio.Queue[object]") -> None:
        self.name = name
        self.moment = math.inf
        self._order = order

    def expire(self) -> None:
        self._order.put_nowait(self.name)


def from_now(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def test_each_expires_in_its_own_time(run) -> None:
    async def story() -> None:
        deadlines, order = Deadlines(), asyncio.Queue[object]()
        for seconds in (LONG, 0.06, 0.02, 0.04, 0.0):
            deadlines.watch(Item(seconds, order), from_now(seconds))
        assert [await order.get() for _ in range(4)] == [0.0, 0.02, 0.04, 0.06]
        assert order.empty()

    run(story())


def test_what_is_late_together_expires_in_the_order_of_its_moments(run) -> None:
    async def story() -> None:
        deadlines, order = Deadlines(), asyncio.Queue[object]()
        for seconds in (-0.1, -0.3, -0.2):
            deadlines.watch(Item(seconds, order), from_now(seconds))
        assert [await order.get() for _ in range(3)] == [-0.3, -0.2, -0.1]

    run(story())


def test_deadlines_less_than_half_a_millisecond_away_pass_on_every_loop(run) -> None:
    async def story() -> None:
        deadlines, order = Deadlines(), asyncio.Queue[object]()
        for microseconds in range(500, -1, -1):
            deadlines.watch(Item(microseconds, order), from_now(microseconds / 1e6))
        assert {await order.get() for _ in range(501)} == set(range(501))

    run(story())


def test_what_is_watched_for_another_moment_expires_then(run) -> None:
    async def story() -> None:
        deadlines, order = Deadlines(), asyncio.Queue[object]()
        later, sooner = Item("later", order), Item("sooner", order)
        deadlines.watch(later, from_now(0.01))
        deadlines.watch(later, from_now(0.06))
        deadlines.watch(sooner, from_now(LONG))
        deadlines.watch(sooner, from_now(0.03))
        assert [await order.get(), await order.get()] == ["sooner", "later"]

    run(story())


def test_what_is_forgotten_does_not_expire_and_what_expired_does_so_once(run) -> None:
    async def story() -> None:
        deadlines, order = Deadlines(), asyncio.Queue[object]()
        forgotten = Item("forgotten", order)
        deadlines.watch(forgotten, from_now(0.005))
        deadlines.watch(Item("first", order), from_now(0.01))
        deadlines.forget(forgotten)
        deadlines.watch(Item("last", order), from_now(0.03))
        assert [await order.get(), await order.get(), order.empty()] == ["first", "last", True]

    run(story())


def test_there_is_one_timer_and_none_where_nothing_is_watched(run) -> None:
    async def story() -> None:
        loop, order = asyncio.get_running_loop(), asyncio.Queue[object]()
        armed: list[asyncio.Handle] = []
        call_at = loop.call_at

        def counted(*call, **context) -> asyncio.Handle:
            armed.append(call_at(*call, **context))
            return armed[-1]

        loop.call_at = counted
        try:
            deadlines, items = Deadlines(), [Item(number, order) for number in range(100)]
            for number, item in enumerate(items):
                deadlines.watch(item, from_now(LONG + number))
            for item in items:
                deadlines.forget(item)
        finally:
            del loop.call_at
        assert (len(armed), armed[0].cancelled()) == (1, True)

    run(story())
