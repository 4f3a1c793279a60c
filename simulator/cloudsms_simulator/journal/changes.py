"""The change bus: hands the transactions that were committed to those who subscribed, in the next turn of the loop.

All transactions of one account that were committed in one turn are handed over together, which is cheaper than one by
one between requests that came together. A listener subscribes to one account, to the exchanges that belong to no
account, or to everything. Where nobody has subscribed, publishing costs next to nothing.

Reading: R16.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.transaction import Transaction

log = logging.getLogger("cloudsms_simulator.news")


class ChangeListener(Protocol):
    """Receives changes. It must return quickly, since requests wait meanwhile, and change nothing it is handed."""

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Receives the transactions of one account, at least one, in the order in which they were committed.

        The account is as the last of them left it; None stands for exchanges that belong to no account.
        """

    def hear_reset(self, account: Account | None) -> None:
        """Is told that everything kept of an account was removed."""


class ChangeBus:
    """The listeners by the name of the account they subscribed to; None stands for exchanges of no account.

    Listeners that subscribed to everything are called first. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._listeners: dict[str | None, tuple[ChangeListener, ...]] = {}
        self._to_all: tuple[ChangeListener, ...] = ()
        self._pending: dict[str | None, list[Transaction]] = {}

    def subscribe(self, name: str | None, listener: ChangeListener) -> None:
        """Calls a listener from now on with what is committed of an account. It must not be subscribed to it yet."""
        self.flush()
        self._listeners[name] = (*self._listeners.get(name, ()), listener)

    def unsubscribe(self, name: str | None, listener: ChangeListener) -> None:
        """Stops calling a listener about an account. Does nothing if it was not subscribed to it."""
        left = tuple(each for each in self._listeners.get(name, ()) if each is not listener)
        if left:
            self._listeners[name] = left
        else:
            self._listeners.pop(name, None)

    def subscribe_to_all(self, listener: ChangeListener) -> None:
        """Calls a listener from now on about every account, those made later included, and about exchanges of none."""
        self.flush()
        self._to_all = (*self._to_all, listener)

    def unsubscribe_from_all(self, listener: ChangeListener) -> None:
        """Ends what `subscribe_to_all` began. Does nothing if the listener was not subscribed so."""
        self._to_all = tuple(each for each in self._to_all if each is not listener)

    def publish(self, account: Account | None, transaction: Transaction) -> None:
        """Hands a committed transaction to the listeners in the next turn of the event loop."""
        name = None if account is None else account.name
        pending = self._pending.get(name)
        if pending is not None:
            pending.append(transaction)
        elif self._to_all or name in self._listeners:
            if not self._pending:
                asyncio.get_running_loop().call_soon(self.flush)
            self._pending[name] = [transaction]

    def flush(self) -> None:
        """Hands over at once what waits to be. Raises nothing: errors of listeners go to the log."""
        pending, self._pending = self._pending, {}
        for name, transactions in pending.items():
            for listener in self._to_all + self._listeners.get(name, ()):
                try:
                    listener.hear(transactions[-1].account, transactions)
                except Exception:
                    log.exception("news could not be told")

    def reset(self, account: Account | None) -> None:
        """Tells the listeners at once that everything kept of an account was removed. Raises nothing."""
        self.flush()
        for listener in self._to_all + self._listeners.get(None if account is None else account.name, ()):
            try:
                listener.hear_reset(account)
            except Exception:
                log.exception("the news of a reset could not be told")
