"""The keeper of a test's accounts: opens them, tells their story when the test fails, and deletes them.

Accounts belong to the process that opened them: a forked child leaves those of its parent alone.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from cloudsms_simulator.client import ApiError
from cloudsms_simulator.protocol.control_characters import escaped, escaped_lines
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.pytest_support.cloudsms import BlockingSink, Cloudsms, open_account
from cloudsms_simulator.pytest_support.server import Servers
from cloudsms_simulator.pytest_support.server_thread import ServerError
from cloudsms_simulator.pytest_support.story import story_of
from cloudsms_simulator.pytest_support.strictness import wrong_answers
from cloudsms_simulator.pytest_support.wishes import Wishes, wishes_of
from cloudsms_simulator.server.wall import WallClock


class Keeper:
    """The accounts of one test."""

    def __init__(self, servers: Servers, nodeid: str, name: str, folder: Path) -> None:
        self._servers = servers
        self._nodeid = nodeid
        self._name = name
        self._folder = folder
        self._open: list[tuple[Cloudsms, Wishes]] = []
        self._pid = os.getpid()
        self._since = WallClock().now()
        self.last_story = ""
        """The story as it was before the accounts were deleted, if that fails the test."""

    def open(self, settings: Mapping[str, object]) -> Cloudsms:
        """Another account; fails the test, saying why, when there can be none."""
        __tracebackhide__ = True
        why = ""
        try:
            wishes = wishes_of(settings, self._nodeid, self._folder)
            server = self._servers.of(wishes.mtls)
            server.check()
            opened = open_account(server, wishes, self._name)
            self._open.append((opened, wishes))
        except (ApiError, ServerError, ValueError) as error:
            why = str(error)
        if why:
            # Not within the handler, or pytest would show where all this comes from too.
            pytest.fail(escaped_lines(f"cloudsms: {why}"), pytrace=False)
        return opened

    def sink(self) -> BlockingSink:
        """A sink that no account of the test has as callback."""
        return self.open({}).sink

    def story(self) -> str:
        """What happened to each account that is open."""
        return "\n\n".join(self._story(each, self._since) for each, _ in self._open)

    def close(self) -> None:
        """Deletes the accounts and lets go of them; whatever they had on the way ends. Fails the test for answers it is
        strict about, and when the simulator has ended. In a forked child nothing is done."""
        __tracebackhide__ = True
        if self._pid != os.getpid():
            return
        wrong = [line for each, wishes in self._open for line in _wrong(each, wishes)]
        why = ["reports were answered wrongly:", *wrong] if wrong else []
        self.last_story = self.story() if wrong else ""
        for each, _ in self._open:
            try:
                each._server.check()
                each._server.client.accounts.delete(each.account.name)
            except (ApiError, ServerError) as error:
                why.append(f'the account "{each.account.name}" could not be deleted: {error}')
        self._open.clear()
        if why:
            pytest.fail("\n".join(map(escaped, why)), pytrace=False)

    def _story(self, opened: Cloudsms, since: datetime) -> str:
        try:
            return story_of(opened._api, since)
        except ApiError as error:
            return f'account "{opened.account.name}": {error}'


def _wrong(opened: Cloudsms, wishes: Wishes) -> list[str]:
    if not wishes.strict_answers:
        return []
    try:
        return wrong_answers(opened.reports.all(), wishes.strict_answers)
    except ApiError as error:
        return [str(error)]
