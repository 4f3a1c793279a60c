"""News: who wants to know what was kept is told after each commit, in the same turn of the event loop.

Listeners hear of one account, or of the exchanges that are nobody's. Where nobody listens it costs next to nothing.

Reading: R16.
"""

import logging
from typing import Protocol

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.transaction import Transaction

log = logging.getLogger("cloudsms_simulator.news")


class Listener(Protocol):
    """Hears news. It must be quick, since requests wait meanwhile, and must change nothing that it is handed."""

    def hear(self, account: Account | None, transaction: Transaction) -> None:
        """A transaction was kept."""

    def hear_reset(self, account: Account | None) -> None:
        """All that was kept of an account is gone."""


class News:
    """The listeners by the name of the account they listen to; None stands for nobody's exchanges.

    `of_all` hears of every account and of nobody's exchanges.
    """

    def __init__(self, of_all: Listener | None = None) -> None:
        self._of_all = of_all
        self._listeners: dict[str | None, tuple[Listener, ...]] = {}

    def listen(self, name: str | None, listener: Listener) -> None:
        """Has a listener told from now on; it ought not to listen to that account yet."""
        self._listeners[name] = (*self._listeners.get(name, ()), listener)

    def cease(self, name: str | None, listener: Listener) -> None:
        """Tells a listener nothing any more about an account; no harm if it was not told before."""
        left = tuple(each for each in self._listeners.get(name, ()) if each is not listener)
        if left:
            self._listeners[name] = left
        else:
            self._listeners.pop(name, None)

    def publish(self, account: Account | None, transaction: Transaction) -> None:
        """Tells that a transaction was kept. Raises nothing: what a listener cannot do is in the log."""
        if self._of_all is not None:
            try:
                self._of_all.hear(account, transaction)
            except Exception:
                log.exception("news could not be told")
        if not self._listeners:
            return
        for listener in self._listeners.get(None if account is None else account.name, ()):
            try:
                listener.hear(account, transaction)
            except Exception:
                log.exception("news could not be told")

    def reset(self, account: Account | None) -> None:
        """Tells that all that was kept of an account is gone. Raises nothing."""
        for listener in self._listeners.get(None if account is None else account.name, ()):
            try:
                listener.hear_reset(account)
            except Exception:
                log.exception("the news of a reset could not be told")
