"""A turn: steps that are decided together, and written in one transaction of a database or not at all.

Each account of a turn has an `AccountDraft`: the account as the steps before leave it, on top of the partition that
the view has of it, and the rows that they wrote. A step that fails leaves the draft as it was. Nothing of a turn is in
the view before the database has it.

Reading: R16.
"""

import asyncio
from collections import ChainMap
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Protocol

import msgspec

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.records import Exchange, Message, Report
from cloudsms_simulator.engine.transaction import RuleCounter, Transaction
from cloudsms_simulator.stores.account_partition import AccountPartition
from cloudsms_simulator.stores.codec import encode
from cloudsms_simulator.stores.rows import (
    OPENING,
    AccountRows,
    EntryRow,
    Row,
    RowKind,
    StateRow,
    count_key,
    count_rows,
    entry_row,
    ledger_row,
    number_key,
    order_of,
)

NOBODY = ""
"""The name under which a database keeps what belongs to no account."""


class ConfigCodec(Protocol):
    """How configurations of accounts are written and read."""

    def dump(self, config: AccountConfig) -> bytes:
        """A configuration as a document."""
        ...

    def read(self, document: bytes) -> AccountConfig:
        """The configuration of a document."""
        ...

    def origin(self, config: AccountConfig) -> bytes:
        """How the account was created, to tell whether it is configured otherwise by now."""
        ...


class AccountWrite(msgspec.Struct):
    """What a turn writes of one account. `rows` are those to put, and those to delete."""

    name: str
    version: int
    state: bytes = b""
    config: bytes | None = None
    auth_key: str | None = None
    made: bool = False
    configured: bool = False
    """Whether `config`, `auth_key` and `made` are others than they were."""
    wiped: bool = False
    """Whether all its rows go first."""
    gone: bool = False
    """Whether there is no such account any more."""
    rows: list[Row] = []

    def configure(self, config: AccountConfig | None, configs: ConfigCodec) -> None:
        """Writes another configuration; None: of an account that the store does not hold."""
        self.configured = True
        if config is not None:
            self.config, self.auth_key, self.made = configs.dump(config), config.account.auth_key, config.made


class Step(msgspec.Struct, frozen=True):
    """A step that waits for its turn, and the future that gets its decision."""

    account: Account | None
    decide: Callable[[Transaction], object]
    uids: tuple[str, ...]
    decision: "asyncio.Future[object]"

    @property
    def name(self) -> str | None:
        """The name of its account; None for nobody's."""
        return None if self.account is None else self.account.name

    def succeed(self, decision: object) -> None:
        """Returns its decision, if somebody still waits."""
        if not self.decision.done():
            self.decision.set_result(decision)

    def fail(self, error: Exception) -> None:
        """Raises an error, if somebody still waits."""
        if not self.decision.done():
            self.decision.set_exception(error)


class RecordsNeededError(Exception):
    """A decision needs records of an account that are not read yet."""


def state_row(standing: AccountState, partition: AccountPartition | None) -> StateRow:
    """The state of an account with what was evicted of it: nothing where it began anew."""
    if partition is None:
        return StateRow(standing)
    return StateRow(standing, partition.evicted_exchanges, partition.evicted_messages, partition.evicted_reports)


class AccountDraft:
    """An account as the steps of a turn leave it, and what they wrote.

    `rows` writes them. `version` is None for an account that the database does not have yet. `loads`: the records of
    the partition are still to be read.
    """

    def __init__(
        self,
        partition: AccountPartition,
        rows: AccountRows,
        version: int | None,
        *,
        loads: bool = False,
    ) -> None:
        self.config = partition.config
        self.standing = partition.standing
        self.tallies = ChainMap[RuleCounter, int]({}, partition.tallies)
        self.messages = ChainMap[str, Message]({}, partition.messages)
        self.reports = ChainMap[str, tuple[Report, ...]]({}, partition.reports)
        self.early = partition.early
        self.rows = rows
        self.refunds = ChainMap[str, tuple[EntryRow, ...]]({}, rows.refunds)
        """Entries of the ledger in the rows of messages, by SMS_UID; those of this turn are in the first map."""
        self.version = version or 0
        self.is_gone = False
        """Whether the account is gone with this turn: it takes no more steps."""
        self.is_wiped = False
        """Whether all that was kept of it goes with this turn."""
        self._partition: AccountPartition | None = partition
        self._loads = loads
        self._booked = Decimal(0)
        self._is_configured = version is None
        self._evicted: list[str] = []
        self._puts: dict[tuple[RowKind, str], Row] = {}
        if version is None:
            self._put([ledger_row(OPENING, (entry_row(each, 0),)) for each in partition.ledger])

    def booked(self) -> Decimal:
        """The sum of the ledger. Raises RecordsNeededError while that is not read yet."""
        if self._partition is None:
            return self._booked
        if self._loads:
            raise RecordsNeededError
        return self._booked + self._partition.booked()

    def keep(self, transaction: Transaction) -> None:
        """Takes what a step wrote."""
        if transaction.ends is not None:
            self._end()
            self.is_gone = transaction.ends == "drop"
        if transaction.config is not self.config:
            self.config, self._is_configured = transaction.config, True
        self.standing = transaction.standing
        self._booked += sum([entry.amount for entry in transaction.entries], Decimal(0))
        if transaction.counts_anew:
            self._put([Row("c", count_key(counter)) for counter in self.tallies])
            self.tallies = ChainMap({})
        if transaction.tallied:
            self.tallies.update(transaction.tallied)
            self._put(count_rows(transaction.tallied))
        self.version += 1
        self._write_records(transaction)

    def _end(self) -> None:
        self.is_wiped = True
        self._partition, self._booked = None, Decimal(0)
        self.tallies, self.messages, self.reports = ChainMap({}), ChainMap({}), ChainMap({})
        self.refunds, self.early = ChainMap({}), {}
        self.rows = AccountRows(self.rows.account)
        self._puts.clear()

    def _write_records(self, transaction: Transaction) -> None:
        entries = [entry_row(each, order_of(self.version, nth)) for nth, each in enumerate(transaction.entries)]
        exchange, new = transaction.exchange, transaction.new_messages
        if exchange is not None:
            uids = {message.uid for message in new}
            debits = tuple([each for each in entries if each.uid in uids])
            self._put([self.rows.exchange(exchange, new, debits)])
            self.messages.update({message.uid: message for message in new})
            entries = [each for each in entries if each.uid not in uids]
        if transaction.ends is not None and entries and entries[0].reason == "opening":
            self._put([ledger_row(OPENING, (entries.pop(0),))])
        for uid in transaction.updated:
            message = self.messages[uid] = transaction.messages[uid]
            reports = self.reports[uid] = transaction.reports.get(uid, ())
            own = tuple([each for each in entries if each.uid == uid])
            if own:
                self.refunds[uid] = (*self.refunds.get(uid, ()), *own)
            self._put([self.rows.progress(message, reports, self.refunds.get(uid, ()))])
        others = tuple([each for each in entries if each.uid not in transaction.updated])
        if others:
            self._put([ledger_row(number_key(self.version), others)])

    def _put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._puts[row.kind, row.key] = row

    def evict(self, exchanges: Iterable[Exchange], opening: LedgerEntry | None) -> None:
        """Deletes exchanges with their messages, whose money is in the opening entry of the ledger from now on."""
        if self.is_wiped:
            return
        for exchange in exchanges:
            self._put([Row("e", number_key(exchange.id)), *[Row("m", uid) for uid in exchange.uids]])
            self._evicted += exchange.uids
        if opening is not None:
            self._put([ledger_row(OPENING, (entry_row(opening, 0),))])

    def written(self, configs: ConfigCodec) -> AccountWrite | None:
        """What to write of the account; None when nothing has changed."""
        partition = self._partition
        unchanged = partition is not None and self.standing is partition.standing
        if unchanged and not (self._puts or self._is_configured or self.is_wiped):
            return None
        state = state_row(self.standing, partition)
        write = AccountWrite(
            self.rows.account or NOBODY,
            self.version,
            bytes(encode(state)),
            wiped=self.is_wiped,
            gone=self.is_gone,
            rows=[*self.rows.shared.unwritten(), *self._puts.values()],
        )
        if self._is_configured:
            write.configure(self.config, configs)
        return write

    def was_written(self, write: AccountWrite) -> None:
        """The database has what was written."""
        self.rows.shared.kept(write.rows)
        self.rows.refunds.update(self.refunds.maps[0])
        for uid in self._evicted:
            self.rows.refunds.pop(uid, None)
