"""Long work in a thread, much short work in slices, and everybody else served meanwhile."""

import asyncio
import platform
import threading
import time

import pytest

from cloudsms_simulator.net import runtime as aside_module
from cloudsms_simulator.net.runtime import INLINE_OCTETS, SLICE_SECONDS, TimeSlices, offload


def test_short_work_is_done_at_once_and_long_work_in_a_thread() -> None:
    async def story() -> None:
        here = threading.get_ident()
        assert await offload(INLINE_OCTETS, threading.get_ident) == here
        assert await offload(INLINE_OCTETS + 1, threading.get_ident) != here

    asyncio.run(story())


def test_much_work_gives_back_to_the_system_what_it_took_also_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        given: list[tuple[int, bool]] = []
        here = threading.get_ident()

        def trim(left: int) -> int:
            given.append((left, threading.get_ident() == here))
            return 1

        monkeypatch.setattr(aside_module, "_malloc_trim", lambda: trim)
        assert await offload(512 * 1024 - 1, lambda: 1) == 1
        assert given == []
        assert await offload(512 * 1024, lambda: 1) == 1
        assert given == [(0, False)]
        with pytest.raises(ZeroDivisionError):
            await offload(1024 * 1024, lambda: 1 // 0)
        assert len(given) == 2

    asyncio.run(story())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has it")
def test_much_work_is_done_with_the_system_as_it_is() -> None:
    trim = aside_module._malloc_trim()
    assert trim is not None
    assert trim(0) in (0, 1)
    assert asyncio.run(offload(1024 * 1024, lambda: "done")) == "done"


def test_others_are_served_while_long_work_is_under_way() -> None:
    async def story() -> None:
        served = threading.Event()
        # It ends only once somebody else was served; on the event loop nobody ever would be.
        working = asyncio.create_task(offload(INLINE_OCTETS + 1, lambda: served.wait(20)))
        await asyncio.sleep(0)
        served.set()
        assert await working

    asyncio.run(story())


def test_who_works_in_slices_gives_way_when_one_is_over() -> None:
    async def story() -> None:
        turns: list[str] = []

        async def work() -> None:
            slices = TimeSlices()
            for _ in range(3):
                until = time.monotonic() + SLICE_SECONDS
                while time.monotonic() < until:
                    pass
                turns.append("work")
                await slices.rest()

        async def other() -> None:
            turns.append("other")

        await asyncio.gather(work(), other())
        assert turns[:2] == ["work", "other"]

    asyncio.run(story())
