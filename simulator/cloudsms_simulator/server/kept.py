"""What is kept of one account, as searches look at it and as the admin API shows it.

Reading: R17, R20.
"""

import asyncio
from collections.abc import Iterable, Iterator

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.hindsight import answer_of, findings_of
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.server.items import (
    MessageItem,
    ReportItem,
    RequestItem,
    message_item,
    report_item,
    request_item,
)
from cloudsms_simulator.server.search import Search
from cloudsms_simulator.server.sought import ALONE, Beside, Kind, Value
from cloudsms_simulator.stores.store import Listing, Store

_IN_ONE_GO = 256
"""Values that are looked at before everybody else gets a turn."""

Item = MessageItem | RequestItem | ReportItem


class Kept:
    """One account's part of a store; account None: the exchanges that are nobody's."""

    def __init__(self, store: Store, account: Account | None) -> None:
        self._store = store
        self._account = account
        self._exchanges = Beside(findings=self.findings)

    def listing(self, kind: Kind) -> Listing[Value]:
        """Everything of a kind, newest first. Nobody's exchanges have neither messages nor reports."""
        if kind == "requests":
            return self._store.exchanges(self._account)
        if self._account is None:
            return Hits([], 0)
        return self._store.messages(self._account) if kind == "messages" else self._store.reports(self._account)

    def beside(self, value: Value) -> Beside:
        """What a search needs beside a value."""
        if isinstance(value, Exchange):
            return self._exchanges
        if isinstance(value, Message) or self._account is None:
            return ALONE
        return Beside(self._store.message(self._account, value.uid))

    def findings(self, exchange: Exchange) -> tuple[Finding, ...]:
        """Every finding on an exchange; those of accepted ones are worked out now."""
        real = self._store.standing(self._account).clock.is_real
        return findings_of(exchange, self._messages_of(exchange), self._account, clock_is_real=real)

    def item(self, value: Value) -> Item:
        """A value as the admin API shows it."""
        if isinstance(value, Message):
            return self.message(value)
        if isinstance(value, Report):
            return self.report(value)
        return request_item(value, answer_of(value, self._messages_of(value)), self.findings(value))

    def message(self, message: Message) -> MessageItem:
        """A message of the account as the admin API shows it."""
        return message_item(message, self._key)

    def report(self, report: Report) -> ReportItem:
        """A report of the account as the admin API shows it."""
        account = self._account
        return report_item(report, self._key, None if account is None else self._store.message(account, report.uid))

    @property
    def _key(self) -> str:
        return "" if self._account is None else self._account.auth_key

    async def found(self, kind: Kind, search: Search) -> "Hits":
        """What a search finds now, newest first. Others get their turn while it looks."""
        listing = self.listing(kind)
        hits = []
        for part in parts_of(listing):
            hits += [value for value in part if search.holds_for(value, self.beside(value))]
            await asyncio.sleep(0)
        return Hits(hits, listing.evicted)

    def _messages_of(self, exchange: Exchange) -> tuple[Message, ...]:
        account = self._account
        if account is None:
            return ()
        known = (self._store.message(account, uid) for uid in exchange.uids)
        return tuple(message for message in known if message is not None)


class Hits:
    """A `Listing` of what a search found; `evicted` counts all that is gone, found or not."""

    def __init__(self, values: list[Value], evicted: int) -> None:
        self.total = len(values)
        self.evicted = evicted
        self._values = values

    def __iter__(self) -> Iterator[Value]:
        return iter(self._values)


def parts_of(listing: Iterable[Value]) -> list[list[Value]]:
    """A listing as it is now, in parts small enough to be looked at in one go."""
    values = list(listing)
    return [values[at : at + _IN_ONE_GO] for at in range(0, len(values), _IN_ONE_GO)]
