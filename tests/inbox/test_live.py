"""Live updates: one at once, one for all that happens within a while, none while nothing does."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Iterable
from datetime import datetime
from typing import Any

import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.inbox import pages as module
from cloudsms_simulator.inbox.pages import LiveUpdate, LiveUpdates
from cloudsms_simulator.stores.store import Change, ChangeBus, ChangeKind

GREETING = b"retry: 1000\n\n"
STILL_HERE = b":\n\n"
SHOP = Account(name="shop", auth_key="the shop's own key")


def tell(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


class Room:
    """A change bus, and the updates about some accounts, which are counted."""

    def __init__(self, stage: Any, noon: datetime, accounts: Iterable[str | None] | None) -> None:
        self.stage = stage(Account(), SHOP)
        self.news = ChangeBus()
        self.stopping = asyncio.Event()
        self.beats = 0
        self._noon = noon
        self._pulse = LiveUpdates(self.news, accounts, self.stopping)

    def frames(self) -> AsyncIterator[bytes]:
        return self._pulse.frames(self._beat)

    async def happen(self, account: Account | None, kind: ChangeKind = "progress") -> None:
        state = self.stage.store.standing(account)
        self.news.publish(Change(kind, None if account is None else account.name, state, state))

    def _beat(self) -> LiveUpdate:
        self.beats += 1
        return LiveUpdate(self._noon, "frozen", float(self.beats))


async def begun(frames: AsyncIterator[bytes]) -> None:
    assert await anext(frames) == GREETING
    assert told(await anext(frames)) == 1


def told(frame: bytes) -> int:
    name, data = frame.decode().removesuffix("\n\n").split("\n")
    assert name == "event: pulse"
    beat = json.loads(data.removeprefix("data: "))
    assert (beat["now"], beat["mode"]) == ("2026-11-22T12:00:00+08:00", "frozen")
    return int(beat["rate"])


def test_a_beat_comes_at_once_and_one_for_all_that_happens_meanwhile(stage: Any, noon: datetime) -> None:
    async def story() -> None:
        room = Room(stage, noon, None)
        frames = room.frames()
        await begun(frames)
        for account in (None, SHOP, SHOP):
            await room.happen(account)
        assert told(await anext(frames)) == 2
        await room.happen(SHOP, "reset")
        assert told(await anext(frames)) == 3

    tell(story())


def test_what_happens_to_others_is_not_told(stage: Any, noon: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UPDATE_PAUSE", 0.0)
    monkeypatch.setattr(module, "UPDATE_KEEP_ALIVE", 0.01)

    async def story() -> None:
        room = Room(stage, noon, ["shop"])
        frames = room.frames()
        await begun(frames)
        await room.happen(None)
        await room.happen(room.stage.account)
        assert await anext(frames) == STILL_HERE
        await room.happen(SHOP)
        assert told(await anext(frames)) == 2

    tell(story())


def test_two_beats_are_half_a_second_apart(stage: Any, noon: datetime) -> None:
    async def story() -> None:
        room = Room(stage, noon, None)
        loop = asyncio.get_running_loop()
        frames = room.frames()
        await begun(frames)
        begin = loop.time()
        await room.happen(SHOP)
        await anext(frames)
        assert loop.time() - begin >= module.UPDATE_PAUSE * 0.9

    tell(story())


def test_it_ends_with_the_simulator_and_is_heard_by_nobody_then(stage: Any, noon: datetime) -> None:
    async def story() -> None:
        for accounts in (None, ["shop", None]):
            room = Room(stage, noon, accounts)
            frames = room.frames()
            await begun(frames)
            room.stopping.set()
            left = [frame async for frame in frames]
            assert len(left) <= 1
            assert (room.news._listeners, room.news._to_all) == ({}, ())

    tell(story())


def test_a_reader_who_leaves_is_told_nothing_any_more(stage: Any, noon: datetime) -> None:
    async def story() -> None:
        room = Room(stage, noon, ["shop"])
        frames = room.frames()
        await begun(frames)
        await frames.aclose()  # type: ignore[attr-defined]
        assert room.news._listeners == {}

    tell(story())
