"""The event loop keeps time while a user's test has frozen it."""

import asyncio
from datetime import datetime
from functools import partial

import pytest
from freezegun import freeze_time

from cloudsms_simulator.net.runtime import SteadyEventLoop, new_event_loop


def test_uvloop_is_used_where_it_is_installed() -> None:
    uvloop = pytest.importorskip("uvloop")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert isinstance(runner.get_loop(), uvloop.Loop)


def test_asyncio_is_used_where_uvloop_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvloop", None)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert isinstance(runner.get_loop(), SteadyEventLoop)


@pytest.mark.parametrize("prefer_uvloop", [True, False])
def test_timers_fire_while_time_is_frozen(prefer_uvloop: bool) -> None:
    factory = partial(new_event_loop, prefer_uvloop=prefer_uvloop)
    with asyncio.Runner(loop_factory=factory) as runner, freeze_time(datetime(2021, 1, 1)):  # noqa: DTZ001
        runner.run(asyncio.wait_for(asyncio.sleep(0.01), 5))


def test_a_loop_made_while_time_is_frozen_keeps_time_afterwards() -> None:
    with freeze_time(datetime(2021, 1, 1)):  # noqa: DTZ001
        runner = asyncio.Runner(loop_factory=partial(new_event_loop, prefer_uvloop=False))
        runner.run(asyncio.sleep(0.001))
    with runner:
        runner.run(asyncio.wait_for(asyncio.sleep(0.01), 5))
