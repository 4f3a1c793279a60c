"""A shelf: what the memory store keeps of one account.

Reading: R16, R17.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry, opening, opening_balance
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.engine.timeline import Timeline
from cloudsms_simulator.protocol.sms_uid import UidSequence

_moment = itemgetter(0)


class Shelf:
    """What is kept of one account."""

    def __init__(self, name: str | None, account: Account | None, clock: Clock, node: int) -> None:
        self.name = name
        balance = None if account is None else opening_balance(account)
        self.standing = Standing(clock=clock, uids=UidSequence(node), balance=balance)
        self.exchanges: dict[int, Exchange] = {}
        self.messages: dict[str, Message] = {}
        self.reports: dict[str, tuple[Report, ...]] = {}
        self.ledger: list[LedgerEntry] = []
        if account is not None:
            self.ledger += opening(account, clock.virtual)
        self._timeline: Timeline[str | tuple[str, ...]] = Timeline()
        self._taken: deque[tuple[datetime, str]] = deque()
        self.held: dict[int, list[tuple[datetime, str]]] = {}
        self.evicted_exchanges = 0
        self.evicted_messages = 0
        self.evicted_reports = 0
        self._evicted_since_folding = 0

    def plan(self, wakes: Iterable[tuple[datetime, str]]) -> None:
        """Has messages looked at; those of one request that are due together are one entry of the timeline."""
        for moment, group in groupby(wakes, key=_moment):
            uids = tuple([uid for _, uid in group])
            self._timeline.add(moment, uids if len(uids) > 1 else uids[0])

    def take(self, now: datetime, limit: int) -> list[str]:
        """The messages to look at by now, at most so many; what an entry has beyond that comes first next time."""
        taken = self._taken
        while len(taken) < limit and (entries := self._timeline.pop_due(now, limit - len(taken))):
            for moment, entry in entries:
                taken.extend([(moment, entry)] if isinstance(entry, str) else [(moment, uid) for uid in entry])
        return [taken.popleft()[1] for _ in range(min(limit, len(taken)))]

    def next_due(self) -> datetime | None:
        """When the next look is due."""
        return self._taken[0][0] if self._taken else self._timeline.next_due()

    def is_settled(self, request_id: int) -> bool:
        if request_id in self.held:
            return False
        return all(self.messages[uid].settled for uid in self.exchanges[request_id].uids)

    def evict(self, exchange: Exchange) -> None:
        del self.exchanges[exchange.id]
        self.evicted_exchanges += 1
        for uid in exchange.uids:
            del self.messages[uid]
            self.evicted_reports += len(self.reports.pop(uid, ()))
        self.evicted_messages += len(exchange.uids)
        self._evicted_since_folding += len(exchange.uids)
        if self._evicted_since_folding * 2 > len(self.ledger):
            self.fold()

    def fold(self) -> None:
        """Folds the entries of evicted messages into the opening entry; their sum stays the balance."""
        if not self._evicted_since_folding or not self.ledger:
            return
        self._evicted_since_folding = 0
        kept = [entry for entry in self.ledger[1:] if entry.uid is None or entry.uid in self.messages]
        total = sum((entry.amount for entry in self.ledger), Decimal(0))
        amount = total - sum((entry.amount for entry in kept), Decimal(0))
        self.ledger = [msgspec.structs.replace(self.ledger[0], amount=amount, balance=amount), *kept]
