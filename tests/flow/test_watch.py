"""Scenario files that are edited under a running simulator.

Reading: R21.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from cloudsms_simulator.config.scenario_file import parse_scenario
from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.services import scenarios
from cloudsms_simulator.simulator import Simulator

BUSY = "version: 1\nseed: 1\nrules: [{ id: all, reply: Busy }]\n"
INTERCEPT = "version: 1\nseed: 2\nrules: [{ id: all, reply: Intercept }]\n"


class Edited:
    """A simulator that watches a file."""

    def __init__(self, path: Path, simulator: Simulator, condition) -> None:
        self.path = path
        self.simulator = simulator
        self._condition = condition

    def write(self, text: str) -> None:
        """Replaces the file, in one go."""
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        os.replace(beside, self.path)

    async def becomes(self, text: str) -> None:
        """Writes the file, and waits until it is played."""
        before = self.simulator.scenario
        self.write(text)

        async def other() -> bool | None:
            return None if self.simulator.scenario is before else True

        await self._condition(other)

    def replies(self, account: str) -> list[str]:
        """What the rules of an account reply."""
        found = self.simulator.directory.named(account)
        assert found is not None
        return [rule.replies[0].code.name for rule in found.rules.book.rules]


@pytest.fixture
def edited(folder: Path, tmp_path: Path, condition, monkeypatch: pytest.MonkeyPatch):
    """Starts a simulator that watches a file with a text, and looks at it often."""
    monkeypatch.setattr(scenarios, "LOOK_INTERVAL", timedelta(milliseconds=2))

    @asynccontextmanager
    async def start(text: str = BUSY, toml: str = "", **flags: str) -> AsyncIterator[Edited]:
        path, config = tmp_path / "busy.yaml", tmp_path / "cloudsms.toml"
        path.write_text(text)
        config.write_text(toml)
        said = {"port": "0", "admin_port": "0", "certs": str(folder), "config": str(config), "watch": "on"}
        loaded = load_settings({**said, "scenario": str(path), **flags}, {})
        simulator = Simulator(loaded.settings, loaded.scenario, loaded.fixed)
        await simulator.start()
        try:
            yield Edited(path, simulator, condition)
        finally:
            await simulator.stop()

    return start


def test_an_edit_is_played_by_every_account_that_began_with_the_scenario(run, edited) -> None:
    async def story() -> None:
        shop = '[[accounts]]\nname = "shop"\nauth_key = "shop-key"\n[[accounts]]\nname = "away"\nauth_key = "key"\n'
        async with edited(toml=shop) as there:
            away = there.simulator.directory.named("away")
            await there.simulator.scenarios.use(away, parse_scenario(BUSY.replace("Busy", "Send_failed")))
            await there.becomes(INTERCEPT)
            assert [there.replies(name) for name in ("default", "shop", "away")] == [
                ["INTERCEPT"],
                ["INTERCEPT"],
                ["SEND_FAILED"],
            ]
            assert [account.seed for account in there.simulator.directory if account.name != "away"] == [2, 2]

    run(story())


def test_a_bad_edit_changes_nothing(run, edited, condition, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with edited() as there:
            there.write(INTERCEPT.replace("rules", "rulse"))

            async def told() -> bool | None:
                return True if "goes on" in caplog.text else None

            await condition(told)
            assert f'{there.path}:3:1: unknown key "rulse"; did you mean "rules"?' in caplog.messages
            assert there.replies("default") == ["BUSY"]
            await there.becomes(INTERCEPT)
            assert there.replies("default") == ["INTERCEPT"]

    run(story())


def test_what_a_flag_says_stays(run, edited) -> None:
    async def story() -> None:
        account = 'accounts: [{ name: default, balance: 5, callback: { url: "http://localhost:1/", timeout: 9s } }]\n'
        async with edited(seed="7", callback_url="http://localhost:2/") as there:
            await there.becomes(INTERCEPT + account)
            default = there.simulator.directory.named("default")
            assert (default.seed, default.balance) == (7, 5)
            assert (default.callback.url, default.callback.timeout) == ("http://localhost:2/", timedelta(seconds=9))

    run(story())


def test_what_an_edit_says_of_the_default_account_is_not_for_the_others(run, edited) -> None:
    async def story() -> None:
        async with edited(toml='[[accounts]]\nname = "shop"\nauth_key = "shop-key"\n') as there:
            await there.becomes(INTERCEPT + "accounts: [{ name: default, balance: 5 }]\n")
            assert [account.balance for account in there.simulator.directory] == [5, 1000]

    run(story())


def test_a_new_trouble_in_tls_is_opened_and_a_new_account_said_to_wait(
    run, edited, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def story() -> None:
        async with edited(BUSY + "tls: expired\n") as there:
            [before] = there.simulator.tls_troubles.listeners
            await there.becomes(BUSY + "tls: [expired, wrong_host]\naccounts: [{ name: shop, auth_key: key }]\n")
            [first, second] = there.simulator.tls_troubles.listeners
            assert (first, second.trouble) == (before, "wrong_host")
            assert f"{second.url} is where clients meet the trouble wrong_host" in caplog.messages
            assert "the account shop is new; it will be there after the next start" in caplog.messages

    run(story())
