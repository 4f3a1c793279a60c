"""Loading: the records of an account on their way from a database into the view.

Reading: R16.
"""

import asyncio
from collections.abc import Callable, Iterable

from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.stores.account_partition import AccountPartition
from cloudsms_simulator.stores.rows import AccountRows, EntryRow, RowKind, StateRow, read_ledger
from cloudsms_simulator.stores.store import AccountSnapshot, StoreError, due_again
from cloudsms_simulator.stores.turn import NOBODY, Step


class Loading:
    """An account whose records are still to be read: those of `version`, when this was its state.

    What is kept meanwhile comes on top of them (`later`). Steps that need them wait, and so do those behind.
    """

    def __init__(self, partition: AccountPartition, version: int, state: StateRow) -> None:
        self.version = version
        self.state = state
        self.config = partition.config
        self.tallies = dict(partition.tallies)
        self.later: list[Callable[[], object]] = []
        self.waiting: list[Step] = []
        self.task: asyncio.Task[StoreError | None] | None = None
        """Reads them; returns why that could not be done."""


class Records:
    """The records of an account as they are read, row by row."""

    def __init__(self, name: str | None) -> None:
        self.rows = AccountRows(name)
        self._exchanges: list[Exchange] = []
        self._messages: dict[str, Message] = {}
        self._reports: dict[str, tuple[Report, ...]] = {}
        self._entries: list[EntryRow] = []

    def take_all(self, kind: RowKind, rows: Iterable[tuple[str, bytes]]) -> None:
        """Takes rows of a kind. StoreError when one cannot be read."""
        for key, blob in rows:
            try:
                self._take(kind, key, blob)
            except Exception as error:
                whose = self.rows.account or NOBODY
                raise StoreError(f'row {kind} "{key}" of account "{whose}" cannot be read: {error!r}') from error

    def _take(self, kind: RowKind, key: str, blob: bytes) -> None:
        """Takes a row; shared values come first, exchanges before what became of their messages."""
        if kind == "s":
            self.rows.shared.read(key, blob)
        elif kind == "e":
            exchange, messages, entries = self.rows.read_exchange(key, blob)
            self._exchanges.append(exchange)
            self._messages.update({message.uid: message for message in messages})
            self._entries += entries
        elif kind == "l":
            self._entries += read_ledger(blob)
        elif key in self._messages:
            message, reports, entries = self.rows.read_progress(self._messages[key], blob)
            self._messages[key] = message
            if reports:
                self._reports[key] = reports
            if entries:
                self.rows.refunds[key] = entries
                self._entries += entries

    def partition(self, loading: Loading, now: datetime) -> AccountPartition:
        """The partition of the account. What was on the way when the process ended is due again."""
        state = loading.state
        snapshot = AccountSnapshot(
            standing=state.standing,
            tallies=loading.tallies,
            exchanges=tuple(self._exchanges),
            messages=tuple(self._messages.values()),
            reports=tuple(
                tuple([due_again(each, now) for each in self._reports[uid]])
                for uid in self._messages
                if uid in self._reports
            ),
            ledger=tuple(self.rows.read_entry(row) for row in sorted(self._entries, key=lambda each: each.order)),
            evicted_exchanges=state.evicted_exchanges,
            evicted_messages=state.evicted_messages,
            evicted_reports=state.evicted_reports,
        )
        partition = AccountPartition.of(loading.config, snapshot)
        partition.name = self.rows.account
        return partition
