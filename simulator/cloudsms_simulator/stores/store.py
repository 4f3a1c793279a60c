"""The store: where everything is kept, as the rest of the simulator sees it, and what is taken out of one whole.

A step hands the platform a transaction, and keeps what that writes into it: all of it becomes visible together, before
the answer's first byte, or nothing. Reading is for listings, never for deciding. `StoreError` is what a store raises
that could not be read or written.

An `AccountSnapshot` is all that is kept of one account, taken out of a store at one moment, to be put into one (`kept`,
`restore`). What is planned is not among it: it follows from the messages and their reports.

A `Change` is what a store tells of each commit: what it was, and the values it left behind. The `ChangeBus` hands it to
those who subscribed, in the next turn of the event loop: to one account, to the exchanges that belong to no account, or
to everything. What was committed in one turn is handed over in one go, which is cheaper than one by one between
requests that came together. Where nobody has subscribed, publishing costs next to nothing.

Reading: R16.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountDirectory, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.records import Attempt, Exchange, Message, Outcome, Report
from cloudsms_simulator.engine.transaction import RuleCounter, Transaction
from cloudsms_simulator.models.server import DatabaseKind
from cloudsms_simulator.moments import datetime


class AccountSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an account, or of nobody, in the order in which it came."""

    standing: AccountState
    tallies: Mapping[RuleCounter, int] = {}
    exchanges: tuple[Exchange, ...] = ()
    messages: tuple[Message, ...] = ()
    reports: tuple[tuple[Report, ...], ...] = ()
    """Of one message after the other, those of each in the order of their number."""
    ledger: tuple[LedgerEntry, ...] = ()
    evicted_exchanges: int = 0
    evicted_messages: int = 0
    evicted_reports: int = 0

    def wakes(self) -> Iterator[tuple[datetime, str]]:
        """When to look at which message: once for its next step, and once for each report that is to be pushed."""
        reports = {each[0].uid: each for each in self.reports}
        for message in self.messages:
            if message.next_step_at is not None:
                yield message.next_step_at, message.uid
            for report in reports.get(message.uid, ()):
                if report.outcome == "pending" and report.next_attempt_at is not None:
                    yield report.next_attempt_at, message.uid


def due_again(report: Report, now: datetime) -> Report:
    """A report; one that was on the way, of which nobody knows how that ended, is due now."""
    on_the_way = report.outcome == "pending" and report.next_attempt_at is None
    return msgspec.structs.replace(report, next_attempt_at=now) if on_the_way else report


T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


class StoreError(Exception):
    """The store could not be read or written; nothing of the step is kept. Customers are told DB_not_find."""


class Done(Generic[R]):
    """What is to be awaited of a store where it is over already, and did not fail: the `result` is there."""

    __slots__ = ("result",)

    def __init__(self, result: R) -> None:
        self.result = result

    def __await__(self) -> Generator[None, None, R]:
        yield from ()
        return self.result


class StoreOpenError(StoreError):
    """A store that cannot be opened: its text says what came and what would be right."""


class DatabaseFacts(msgspec.Struct, frozen=True):
    """What a durable store says of its database, and of the turns that it took since it began."""

    kind: DatabaseKind
    octets: int
    """The room it takes on the disk."""
    turns: int
    """Those that were written."""
    steps: int
    """The steps of these turns."""
    seconds: float
    """How long these turns took, all together."""
    failures: int
    """Turns that could not be written."""
    trouble: str | None
    """Why the last turn could not be; None when it could."""


ChangeKind = Literal["request", "progress", "reset"]


class Change(msgspec.Struct, frozen=True, gc=False):
    """One commit of one account. It holds nothing but values, so another process can be told it too.

    Its kind is `request` where an exchange was kept, with the messages it brought; `reset` where all that was kept is
    gone; and `progress` for all else: messages that went on, money, the clock.
    """

    kind: ChangeKind
    account: str | None
    """The account's name; None for what belongs to no account."""
    before: AccountState
    after: AccountState
    exchange: Exchange | None = None
    messages: tuple[Message, ...] = ()
    """The new ones, all of the exchange."""
    rejected: int = 0
    """How many of them are rejected locally."""
    updated: tuple[tuple[Message, tuple[Report, ...]], ...] = ()
    """Messages that changed, or of which a report is new or changed; each as it is now, with all its reports."""
    final_states: tuple[int, ...] = ()
    """The states in which messages ended."""
    pushed: tuple[tuple[Outcome, Attempt], ...] = ()
    """The attempts that were made, each with the outcome of its report."""


class StoreObserver(Protocol):
    """Who is told what a store keeps, as soon as it is there for everybody to see. Raises nothing, and is quick."""

    def publish(self, change: Change) -> None:
        """Something was committed."""


LeasePurpose = Literal["push", "clock"]


class Lease(Protocol):
    """The right to push an account's reports or to move its clock, which one process has at a time."""

    @property
    def held(self) -> bool:
        """Whether it is the caller's still: a lease runs out, and then another process may have it."""
        ...

    def release(self) -> None:
        """Gives it back. Does nothing if it is the caller's no more."""
        ...


class Store(Protocol):
    """What every store offers. Every method that is a coroutine may raise StoreError.

    An account None stands for exchanges that belong to no account. What is read is what this process knows, which is
    all there is after `fresh`. Of an account that is handed in only the name counts, as long as the store holds it.
    """

    @property
    def directory(self) -> AccountDirectory:
        """The accounts the store holds, as this process knows them. Only the store adds, replaces and removes them."""
        ...

    def step(
        self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()
    ) -> Awaitable[R]:
        """One step of an account: `decide` decides, all that it wrote is kept at once, and what it returns comes back.

        Its transaction has the messages of `uids` and their reports. The step takes its place at the call: of two for
        one account the first call decides first. `decide` reads and writes nothing but its transaction, and may be
        called again, the last call counts. What it raises comes out of awaiting, and nothing is kept then; so does
        StoreError. Awaited once. A store that need not wait for anything gives a `Done`.

        Wakes of new messages wait for `release`, and so do those that take the place of one that waits. What was
        cancelled is not handed out any more.
        """
        ...

    async def look(self, account: Account | None, decide: Callable[[Transaction], R], uids: tuple[str, ...] = ()) -> R:
        """What a step would return, of which nothing is kept."""
        ...

    async def fresh(self, account: Account | None) -> None:
        """From here on reads of an account, and of the directory, see all that was kept before; with None all reads."""
        ...

    async def claim(self, account: Account, purpose: LeasePurpose) -> Lease:
        """Waits until the caller is the one that pushes the account's reports, or moves its clock."""
        ...

    def attend(self, look: Callable[[Account], None]) -> None:
        """From here on `look` is called with each account of which something may be due that came in another process.

        What this store has kept before counts too. In the running event loop.
        """
        ...

    def release(self, account: Account | None, request_id: int, uids: tuple[str, ...] | None = None) -> Awaitable[None]:
        """The answer of a request is out, or never will be: its reports may be pushed now.

        With `uids` only those of these messages that are scripted to come before the answer; the others wait for
        another call. A `Done`, where there is nothing to wait for.
        """
        ...

    def config(self, account: Account) -> AccountConfig | None:
        """What is configured of an account; None when the store holds none of that name."""
        ...

    def tallies(self, account: Account) -> Mapping[RuleCounter, int]:
        """What the account's rules have counted."""
        ...

    async def take_wakes(self, account: Account, now: datetime, limit: int) -> list[str]:
        """SMS_UIDs to look at, due at or before `now`, in the order (due, put in); each is handed out once."""
        ...

    def next_wake(self, account: Account) -> datetime | None:
        """When the next look is due on the account's clock, None while nothing is planned."""
        ...

    def standing(self, account: Account | None) -> AccountState:
        """Balance, counters and clock of an account."""
        ...

    @property
    def octets(self) -> int:
        """The memory or disk that the journal takes, about."""
        ...

    @property
    def database_facts(self) -> DatabaseFacts | None:
        """The database that all of it is in too; None for a store that ends with its process."""
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

    def kept(self, account: Account | None) -> AccountSnapshot:
        """All that is kept of an account, at this moment."""
        ...

    async def restore(self, everything: Sequence[tuple[AccountConfig | None, AccountSnapshot]], requests: int) -> None:
        """Puts this in the place of all accounts, and all that is kept of anybody; what does not fit is evicted.

        `requests` is the number of the last exchange there was, also of one that is kept no more.
        """
        ...

    async def close(self) -> None:
        """Writes what is not yet written and lets go of everything."""
        ...

    def let_go(self) -> None:
        """Lets go of what another store needs to begin with what this one keeps, where there is no event loop for it.

        What can be read stays. Does nothing to one that is closed.
        """
        ...


class Listing(Protocol[T_co]):
    """A part of the journal: how much there is, how much is gone, and the items."""

    total: int
    evicted: int

    def __iter__(self) -> Iterator[T_co]: ...


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
