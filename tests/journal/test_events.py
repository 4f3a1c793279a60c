"""Streams of events: what they tell, how often, and what a slow reader gets. Reading: R16."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta

import pytest
from patience import STORY

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.journal import events as events_module
from cloudsms_simulator.journal import events as module
from cloudsms_simulator.journal.events import MOST_SHOWN, MOST_UNREAD, EventHub, EventStream
from cloudsms_simulator.stores.store import ChangeBus

LONG = timedelta(seconds=20)
GREETING = b"retry: 1000\n\n"
GAP = b'event: gap\ndata: {"account":null}\n\n'


def tell(story: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(story, STORY))


def told(frame: bytes) -> list[tuple[str, dict[str, object]]]:
    """The events of a frame."""
    events = []
    for event in frame.decode().removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


class Room:
    """A stage whose changes are published, and the streams about it."""

    def __init__(self, stage, *accounts: Account, **how: object) -> None:
        self.changes = ChangeBus()
        self.stage = stage(*accounts, observer=self.changes, **how)
        self.account = self.stage.account
        self.stopping = asyncio.Event()
        self.events = EventHub(self.stage.store, self.changes, self.stage.wall, self.stopping)


@pytest.fixture
def room(stage) -> Callable[..., Room]:
    def make(*accounts: Account, **how: object) -> Room:
        return Room(stage, *accounts, **how)

    return make


async def begun(stream: EventStream) -> AsyncIterator[bytes]:
    """The frames of a stream after its greeting."""
    frames = stream.frames()
    assert await anext(frames) == GREETING
    return frames


def test_a_message_is_told_with_its_request_and_later_its_report(room) -> None:
    async def story() -> None:
        here = room(Account(plan=plan_of(step(2, timedelta(0)))))
        with here.events.stream([here.account]) as stream:
            frames = await begun(stream)
            [message] = await here.stage.send()
            [(first, request), (second, messages)] = told(await anext(frames))
            assert (first, second) == ("request", "message")
            assert (request["account"], request["items"][0]["uids"], request["more"]) == ("default", [message.uid], 0)
            assert [(each["uid"], each["state"]) for each in messages["items"]] == [(message.uid, None)]
            await here.stage.pusher.settle(here.account, [])
            [(first, messages), (second, reports)] = told(await anext(frames))
            assert (first, second) == ("message", "report")
            assert [each["state_name"] for each in (*messages["items"], *reports["items"])] == ["DELIVERED"] * 2

    tell(story())


def test_much_in_a_short_while_is_one_frame_that_shows_the_newest(room) -> None:
    async def story() -> None:
        here = room()
        with here.events.stream([here.account]) as stream:
            frames = await begun(stream)
            sent = [message.uid for _ in range(30) for message in await here.stage.send(2)]
            [(_, requests), (_, messages)] = told(await anext(frames))
            assert (len(requests["items"]), requests["more"]) == (MOST_SHOWN, 30 - MOST_SHOWN)
            assert ([each["uid"] for each in messages["items"]], messages["more"]) == (
                sent[-MOST_SHOWN:],
                60 - MOST_SHOWN,
            )

    tell(story())


def test_two_frames_have_a_pause_between_them() -> None:
    async def story() -> None:
        stream, loop = EventStream(), asyncio.get_running_loop()
        frames = await begun(stream)
        begin = loop.time()
        for _ in range(2):
            stream.put(b"x")
            assert await anext(frames) == b"x"
        assert loop.time() - begin >= events_module.FRAME_INTERVAL

    tell(story())


def test_an_event_is_put_into_words_once_for_all_streams(room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        here = room()
        made: list[str] = []
        encoded = events_module.encoded_event
        monkeypatch.setattr(
            events_module, "encoded_event", lambda name, value: (made.append(name), encoded(name, value))[1]
        )
        with here.events.stream([here.account]) as one, here.events.stream([here.account]) as other:
            both = [await begun(one), await begun(other)]
            await here.stage.send()
            assert (await anext(both[0])) is not None
            assert (await anext(both[1])) is not None
            assert (made, len(here.events)) == (["request", "message"], 2)

    tell(story())


def test_a_clock_that_is_set_and_a_reset_are_told(room, noon) -> None:
    async def story() -> None:
        here = room()
        with here.events.stream([here.account]) as stream:
            frames = await begun(stream)
            await here.stage.timekeeper.resume(here.account, 60)
            [(name, clock)] = told(await anext(frames))
            assert (name, clock["account"], clock["mode"], clock["rate"]) == ("clock", "default", "scaled", 60.0)
            await here.stage.send()
            await here.stage.timekeeper.reset(here.account)
            assert told(await anext(frames)) == [("reset", {"account": "default"})]

    tell(story())


def test_a_stream_is_about_the_accounts_it_names_and_nobodys_exchanges_if_asked(room) -> None:
    async def story() -> None:
        here = room(Account(), Account(name="shop", auth_key="k"), Account(name="bank", auth_key="b"))
        with here.events.stream([here.stage.accounts[1], None]) as stream:
            frames = await begun(stream)
            for key in ("b", here.account.auth_key, "nobody's"):
                await here.stage.send(AUTH_KEY=key)
            [(name, event)] = told(await anext(frames))
            assert (name, event["account"], event["items"][0]["code"]["name"]) == ("request", None, "Channel_not_exist")
            await here.stage.send(AUTH_KEY="k")
            assert [event["account"] for _, event in told(await anext(frames))] == ["shop", "shop"]

    tell(story())


def test_who_comes_back_is_told_of_a_gap_first(room) -> None:
    async def story() -> None:
        here = room()
        with here.events.stream([here.account], resumed=True) as stream:
            assert await anext(stream.frames()) == GREETING + GAP

    tell(story())


def test_a_slow_reader_gets_a_gap_in_place_of_what_it_did_not_read() -> None:
    async def story() -> None:
        stream = EventStream()
        frames = await begun(stream)
        stream.put(b"a" * MOST_UNREAD)
        stream.put(b"b")
        stream.put(b"c")
        assert await anext(frames) == GAP + b"c"
        stream.put(b"d")
        assert await anext(frames) == b"d"

    tell(story())


def test_silence_is_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr(module, "KEEP_ALIVE_SECONDS", 0.001)
        frames = await begun(EventStream())
        assert await anext(frames) == b":\n\n"

    tell(story())


def test_streams_end_when_the_simulator_stops_and_later_ones_at_once(room) -> None:
    async def story() -> None:
        here = room()
        with here.events.stream([here.account]) as stream:
            frames = await begun(stream)
            here.stopping.set()
            assert [frame async for frame in frames] == []
        with here.events.stream([here.account]) as stream:
            assert [frame async for frame in stream.frames()] == []

    tell(story())


def test_nothing_is_left_of_a_stream_that_was_left(room) -> None:
    async def story() -> None:
        here = room()
        before = asyncio.all_tasks()
        with here.events.stream([here.account, here.account, None]):
            assert (len(here.events), set(here.changes._listeners)) == (1, {"default", None})
            await here.stage.send()
        await asyncio.sleep(0)
        assert (len(here.events), here.changes._listeners, asyncio.all_tasks()) == (0, {}, before)

    tell(story())
