"""The overview is counted anew when what was counted is good no more, and asks again in time."""

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import pytest

from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.inbox import overview_page as module
from cloudsms_simulator.inbox.overview_page import OverviewPage
from cloudsms_simulator.inbox.templates import Templates


async def shown(page: OverviewPage, door: Any, query: str = "") -> str:
    answer = await page.show(door.request(query, "/overview"))
    assert answer.status_code == 200
    return bytes(answer.body).decode()


def messages(html: str) -> int:
    return int(re.search(r"<dt>Messages</dt><dd><b>(\d+)</b>", html)[1])  # type: ignore[index]


def stay_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every count be good for the rest of the test."""
    monkeypatch.setattr(module, "REST_FACTOR", 1_000_000_000)
    monkeypatch.setattr(module, "LONGEST_REST", 1_000.0)


def test_a_count_that_is_still_good_is_shown_again_and_says_when_to_ask(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay_good(monkeypatch)

    async def story() -> None:
        page = OverviewPage(door.context, Templates("0"))
        await door.stage.send(2)
        first = await shown(page, door)
        await door.stage.send(1)
        second = await shown(page, door)
        assert (messages(first), messages(second)) == (2, 2)
        assert "load delay:" not in first
        assert re.search(r'hx-trigger="load delay:\d+ms"', second)
        assert messages(await shown(page, door, "account=shop")) == 3

    asyncio.run(story())


def test_a_count_that_took_long_is_good_for_five_seconds_at_most(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, ended, asked_again = 0.0, 100.0, 101.0
    moments = iter((begun, ended, asked_again))
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(moments)))

    async def story() -> None:
        page = OverviewPage(door.context, Templates("0"))
        await door.stage.send(1)
        await shown(page, door)
        assert "load delay:4000ms" in await shown(page, door)

    asyncio.run(story())


def test_a_count_that_is_good_no_more_is_made_anew(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST_FACTOR", 0)

    async def story() -> None:
        page = OverviewPage(door.context, Templates("0"))
        for count in (1, 2, 3):
            await door.stage.send(1)
            assert messages(await shown(page, door)) == count

    asyncio.run(story())


def test_who_asks_meanwhile_gets_the_same_count(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stay_good(monkeypatch)

    async def story() -> None:
        page = OverviewPage(door.context, Templates("0"))
        await door.stage.send(1)
        pages = await asyncio.gather(*(shown(page, door) for _ in range(3)))
        assert [messages(each) for each in pages] == [1, 1, 1]
        assert sum("load delay:" in each for each in pages) == 2

    asyncio.run(story())


def test_it_asks_again_while_requests_are_not_looked_at(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cloudsms_simulator.inbox import overview_page

    monkeypatch.setattr(module, "REST_FACTOR", 0)
    monkeypatch.setattr(overview_page, "MESSAGES_AT_ONCE", 1)

    async def story() -> None:
        page = OverviewPage(door.context, Templates("0"))
        for _ in range(2):
            await door.stage.send(1)
        first, second = await shown(page, door), await shown(page, door)
        assert "1 accepted request is not looked at yet." in first
        assert "load delay:1000ms" in first
        assert "load delay:" not in second

    asyncio.run(story())


def test_accounts_that_are_gone_are_forgotten(door: Any) -> None:
    async def story() -> None:
        page = OverviewPage(door.context, Templates("0"))
        await shown(page, door, "account=shop")
        await door.stage.store.step(door.stage.account, Transaction.drop)
        await shown(page, door)
        assert (set(page._findings), set(page._counted), set(page._counting)) == ({None, "default"}, {""}, {""})

    asyncio.run(story())
