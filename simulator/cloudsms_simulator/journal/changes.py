"""The change bus: hands each commit's `Change` to those who subscribed, in the next turn of the event loop.

What was committed in one turn is handed over in one go, which is cheaper than one by one between requests that came
together. A listener subscribes to one account, to the exchanges that belong to no account, or to everything. Where
nobody has subscribed, publishing costs next to nothing.

Reading: R16.
"""

import asyncio
import logging
from typing import Protocol

from cloudsms_simulator.stores.store import Change

log = logging.getLogger("cloudsms_simulator.news")


class ChangeListener(Protocol):
    """Receives changes. It must return quickly, since requests wait meanwhile."""

    def hear(self, change: Change) -> None:
        """Receives a change; those of one account come in the order in which they were committed."""


class ChangeBus:
    """The listeners by the name of the account they subscribed to; None stands for exchanges of no account.

    Listeners that subscribed to everything are called first. Belongs to one event loop.
    """

    def __init__(self) -> None:
        self._listeners: dict[str | None, tuple[ChangeListener, ...]] = {}
        self._to_all: tuple[ChangeListener, ...] = ()
        self._pending: list[Change] = []

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

    def publish(self, change: Change) -> None:
        """Hands a change to the listeners in the next turn of the event loop; a reset, and what came before it, now."""
        if self._to_all or change.account in self._listeners:
            if not self._pending:
                asyncio.get_running_loop().call_soon(self.flush)
            self._pending.append(change)
            if change.kind == "reset":
                self.flush()

    def flush(self) -> None:
        """Hands over at once what waits to be. Raises nothing: errors of listeners go to the log."""
        pending, self._pending = self._pending, []
        for change in pending:
            for listener in self._to_all + self._listeners.get(change.account, ()):
                try:
                    listener.hear(change)
                except Exception:
                    log.exception("news could not be told")
