"""The state: everything a simulator knows of its accounts as one JSON document, and back again.

A document that is put gives the same state back. What was on the way when it was taken is pushed anew: nobody knows how
that ended. Clocks that are not real go on from what they showed.

It holds the AUTH_KEYs whole.
"""

import asyncio
from typing import Protocol

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.server.account_keeper import AccountKeeper
from cloudsms_simulator.server.scenarios import Scenarios
from cloudsms_simulator.server.state_document import (
    State,
    account_state,
    encode_state,
    files_of,
    kept_part,
    read_state,
)
from cloudsms_simulator.server.timekeeper import Timekeeper
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store


class Waking(Protocol):
    """What is told that an account is another one now, with other things due."""

    def clock_changed(self, account: Account) -> None:
        """What is due is due at another time of the wall."""
        ...


class StateKeeper:
    """Takes the state of a simulator, and puts one in its place. Belongs to one event loop."""

    def __init__(
        self,
        directory: Directory,
        store: Store,
        scenarios: Scenarios,
        timekeeper: Timekeeper,
        keeper: AccountKeeper,
        pusher: Waking,
        wall: WallClock,
    ) -> None:
        self._directory = directory
        self._store = store
        self._scenarios = scenarios
        self._timekeeper = timekeeper
        self._keeper = keeper
        self._pusher = pusher
        self._wall = wall
        self._putting = asyncio.Lock()

    async def take(self) -> bytes:
        """The document: everything at this one moment."""
        requests = (await self._store.begin(None)).request_id - 1
        wall = self._wall.now()
        everything = [
            (account, self._keeper.made(account), self._scenarios.remember(account), self._store.kept(account))
            for account in self._directory
        ]
        nobody = self._store.kept(None)

        def document() -> bytes:
            accounts = (account_state(*each, wall) for each in everything)
            return encode_state(State(requests=requests, accounts=tuple(accounts), nobody=kept_part(nobody, wall)))

        return await asyncio.to_thread(document)

    async def put(self, document: bytes) -> None:
        """Puts the state of a document in the place of the one there is, whose pushes on the way are aborted.

        Raises SettingsError, and nothing has changed, when it is no such document, or cannot be.
        """
        known = {path for account in self._directory for path in files_of(account.callback)}
        async with self._putting:
            state, kept = await asyncio.to_thread(read_state, document, self._wall.now(), known)
            accounts = [each.account for each in state.accounts]
            before = tuple(self._directory)
            async with self._timekeeper.halted(before):
                self._directory.replace_all(accounts)
                for account in before:
                    self._scenarios.forget(account.name)
                for each in state.accounts:
                    self._scenarios.recall(each.account.name, each.remembered)
                self._keeper.recall({each.account.name for each in state.accounts if each.made})
                await self._store.restore(kept, state.requests)
            self._timekeeper.forget_all_but(accounts)
            for account in accounts:
                self._pusher.clock_changed(account)
