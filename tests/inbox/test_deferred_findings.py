"""What accepted requests got wrong is found later, a few at a time, each once."""

import asyncio
from typing import Any

import pytest

from cloudsms_simulator.inbox import overview_page as module
from cloudsms_simulator.inbox.overview_page import DeferredFindings


def test_warnings_and_suspicions_are_found_with_the_newest_request(stage: Any) -> None:
    it = stage()

    async def story() -> dict[str, int]:
        back = DeferredFindings(it.store)
        await it.send(1, BOGUS=1)
        await it.send(1, BOGUS=2)
        assert await back.go_on(it.account) == 0
        await it.send(1, CUSTOMER_BODY={"order": 1})
        assert await back.go_on(it.account) == 0
        return dict(back.newest(it.account))

    found = asyncio.run(story())
    assert found["unknown-field"] == 2
    assert found["customer-body-absent"] == 2
    assert found["sent-twice"] == 2


def test_what_is_too_much_at_once_is_left_for_later(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGES_AT_ONCE", 4)
    it = stage()

    async def story() -> list[int]:
        back = DeferredFindings(it.store)
        for count in (1, 1, 3, 1):
            await it.send(count)
        return [await back.go_on(it.account) for _ in range(3)]

    assert asyncio.run(story()) == [1, 0, 0]


def test_a_rule_is_forgotten_with_its_requests(stage: Any, noon: Any) -> None:
    it = stage()

    async def story() -> tuple[dict[str, int], dict[str, int]]:
        back = DeferredFindings(it.store)
        await it.send(1, BOGUS=1)
        await back.go_on(it.account)
        before = dict(back.newest(it.account))
        await it.store.step(it.account, lambda transaction: transaction.begin_anew(noon))
        await it.send(1)
        await back.go_on(it.account)
        return before, dict(back.newest(it.account))

    before, after = asyncio.run(story())
    assert "unknown-field" in before
    assert "unknown-field" not in after
    assert "customer-body-absent" in after
