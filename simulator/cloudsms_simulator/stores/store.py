"""The store: where everything is kept, as the rest of the simulator sees it.

A step begins a transaction, hands it to the platform, and commits it: all that was written becomes visible together,
before the answer's first byte, or not at all. Reading is for listings, never for deciding.

Reading: R16.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.engine.tallies import Tally
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.stores.kept import Kept

T_co = TypeVar("T_co", covariant=True)


class StoreError(Exception):
    """The store could not be read or written; nothing of the step is kept. Customers are told DB_not_find."""


class Audience(Protocol):
    """Who is told what a store keeps, as soon as it is there for everybody to see. Raises nothing, and is quick."""

    def publish(self, account: Account | None, transaction: Transaction) -> None:
        """A transaction was kept."""

    def reset(self, account: Account | None) -> None:
        """All that was kept of an account is gone."""


class Store(Protocol):
    """What every store offers. Every method that is a coroutine may raise StoreError.

    An account None stands for exchanges that belong to no account.
    """

    async def begin(self, account: Account | None, uids: tuple[str, ...] = ()) -> Transaction:
        """A transaction of one account, with the messages of `uids` and their reports read into it."""
        ...

    async def commit(self, transaction: Transaction) -> None:
        """Keeps all that was written, at once. Wakes of new messages wait for `release`, and so do those that take the
        place of one that waits. What was cancelled is not handed out any more."""
        ...

    async def release(self, account: Account | None, request_id: int, uids: tuple[str, ...] | None = None) -> None:
        """The answer of a request is out, or never will be: its reports may be pushed now.

        With `uids` only those of these messages that are scripted to come before the answer; the others wait for
        another call.
        """
        ...

    async def reset(self, account: Account | None, now: datetime) -> None:
        """An account as it was created: opening balance, nothing kept, nothing planned, every count at its start.

        Its clock goes on as it does, and its SMS_UIDs go on from where they are. `now` is the moment on that clock.
        """
        ...

    async def drop(self, account: Account) -> None:
        """Forgets an account and all that is kept of it. One of that name begins anew, with another clock."""
        ...

    def tallies(self, account: Account) -> Mapping[Tally, int]:
        """What the account's rules have counted."""
        ...

    async def take_wakes(self, account: Account, now: datetime, limit: int) -> list[str]:
        """SMS_UIDs to look at, due at or before `now`, in the order (due, put in); each is handed out once."""
        ...

    def next_wake(self, account: Account) -> datetime | None:
        """When the next look is due on the account's clock, None while nothing is planned."""
        ...

    def standing(self, account: Account | None) -> Standing:
        """Balance, counters and clock of an account."""
        ...

    @property
    def octets(self) -> int:
        """The memory or disk that the journal takes, about."""
        ...

    def exchanges(self, account: Account | None) -> "Listing[Exchange]":
        """The exchanges kept, newest first."""
        ...

    def messages(self, account: Account) -> "Listing[Message]":
        """The messages kept, newest first."""
        ...

    def reports(self, account: Account) -> "Listing[Report]":
        """The reports kept, of the newest message first."""
        ...

    def reports_of(self, account: Account, uid: str) -> tuple[Report, ...]:
        """The reports of one message, in the order of their number."""
        ...

    def exchange(self, account: Account | None, request_id: int) -> Exchange | None:
        """One exchange."""
        ...

    def message(self, account: Account, uid: str) -> Message | None:
        """One message."""
        ...

    def ledger(self, account: Account) -> tuple[LedgerEntry, ...]:
        """Every movement, oldest first; those of evicted messages folded into the opening entry."""
        ...

    def kept(self, account: Account | None) -> Kept:
        """All that is kept of an account, at this moment."""
        ...

    async def restore(self, everything: Sequence[tuple[Account | None, Kept]], requests: int) -> None:
        """Puts this in the place of all that is kept of anybody; what does not fit into the journal is evicted.

        `requests` is the number of the last exchange there was, also of one that is kept no more.
        """
        ...

    async def close(self) -> None:
        """Writes what is not yet written and lets go of everything."""
        ...


class Listing(Protocol[T_co]):
    """A part of the journal: how much there is, how much is gone, and the items."""

    total: int
    evicted: int

    def __iter__(self) -> Iterator[T_co]: ...
