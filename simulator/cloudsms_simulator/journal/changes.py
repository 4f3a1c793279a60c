"""The change bus: tells who subscribed what was kept, in the next turn of the event loop.

What was kept in one turn is told in one piece, which is cheaper than bit by bit between requests that came together.
Listeners hear of one account, of the exchanges that are nobody's, or of all. Where nobody listens it costs next to
nothing.

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
    """Hears news. It must be quick, since requests wait meanwhile, and must change nothing that it is handed."""

    def hear(self, account: Account | None, transactions: Sequence[Transaction]) -> None:
        """Transactions of one account were kept, in this order; at least one. The account is as the last one has it."""

    def hear_reset(self, account: Account | None) -> None:
        """All that was kept of an account is gone."""


class ChangeBus:
    """The listeners by the name of the account they listen to; None stands for nobody's exchanges.

    Who listens to all is told first. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._listeners: dict[str | None, tuple[ChangeListener, ...]] = {}
        self._to_all: tuple[ChangeListener, ...] = ()
        self._untold: dict[str | None, list[Transaction]] = {}

    def listen(self, name: str | None, listener: ChangeListener) -> None:
        """Has a listener told from now on; it ought not to listen to that account yet."""
        self.flush()
        self._listeners[name] = (*self._listeners.get(name, ()), listener)

    def unsubscribe(self, name: str | None, listener: ChangeListener) -> None:
        """Tells a listener nothing any more about an account; no harm if it was not told before."""
        left = tuple(each for each in self._listeners.get(name, ()) if each is not listener)
        if left:
            self._listeners[name] = left
        else:
            self._listeners.pop(name, None)

    def subscribe_to_all(self, listener: ChangeListener) -> None:
        """Has a listener told of every account from now on, those that come later and nobody's exchanges included."""
        self.flush()
        self._to_all = (*self._to_all, listener)

    def unsubscribe_from_all(self, listener: ChangeListener) -> None:
        """Tells a listener nothing any more of what it heard of all accounts; no harm if it heard of none."""
        self._to_all = tuple(each for each in self._to_all if each is not listener)

    def publish(self, account: Account | None, transaction: Transaction) -> None:
        """Has it told that a transaction was kept."""
        name = None if account is None else account.name
        untold = self._untold.get(name)
        if untold is not None:
            untold.append(transaction)
        elif self._to_all or name in self._listeners:
            if not self._untold:
                asyncio.get_running_loop().call_soon(self.flush)
            self._untold[name] = [transaction]

    def flush(self) -> None:
        """Tells at once what is yet to be told. Raises nothing: what a listener cannot do is in the log."""
        untold, self._untold = self._untold, {}
        for name, transactions in untold.items():
            for listener in self._to_all + self._listeners.get(name, ()):
                try:
                    listener.hear(transactions[-1].account, transactions)
                except Exception:
                    log.exception("news could not be told")

    def reset(self, account: Account | None) -> None:
        """Tells at once that all that was kept of an account is gone. Raises nothing."""
        self.flush()
        for listener in self._to_all + self._listeners.get(None if account is None else account.name, ()):
            try:
                listener.hear_reset(account)
            except Exception:
                log.exception("the news of a reset could not be told")
