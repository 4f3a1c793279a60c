"""News: who wants to know what was kept is told after each commit, in the same turn of the event loop.

Listeners hear of one account, of the exchanges that are nobody's, or of all. Where nobody listens it costs next to
nothing.

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

    Who listens to all is told first.
    """

    def __init__(self) -> None:
        self._listeners: dict[str | None, tuple[Listener, ...]] = {}
        self._to_all: tuple[Listener, ...] = ()

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

    def listen_to_all(self, listener: Listener) -> None:
        """Has a listener told of every account from now on, those that come later and nobody's exchanges included."""
        self._to_all = (*self._to_all, listener)

    def cease_to_all(self, listener: Listener) -> None:
        """Tells a listener nothing any more of what it heard of all accounts; no harm if it heard of none."""
        self._to_all = tuple(each for each in self._to_all if each is not listener)

    def publish(self, account: Account | None, transaction: Transaction) -> None:
        """Tells that a transaction was kept. Raises nothing: what a listener cannot do is in the log."""
        for listener in self._to_all:
            _tell(listener, account, transaction)
        if self._listeners:
            for listener in self._listeners.get(None if account is None else account.name, ()):
                _tell(listener, account, transaction)

    def reset(self, account: Account | None) -> None:
        """Tells that all that was kept of an account is gone. Raises nothing."""
        for listener in self._to_all + self._listeners.get(None if account is None else account.name, ()):
            try:
                listener.hear_reset(account)
            except Exception:
                log.exception("the news of a reset could not be told")


def _tell(listener: Listener, account: Account | None, transaction: Transaction) -> None:
    try:
        listener.hear(account, transaction)
    except Exception:
        log.exception("news could not be told")
