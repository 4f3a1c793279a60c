"""A waiter: one wait with what it has found so far; and all the waiters of an account, found by what they wait for.

Reading: R17.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator

from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.search import Search
from cloudsms_simulator.server.sought import (
    ALONE,
    Beside,
    Kind,
    SoughtRequest,
    Value,
    name_of,
    recipient_of,
    recipients_of,
)

Hits = tuple[Value, ...]


class Waiter:
    """One wait. `future` gets what was found, newest first, as soon as that is enough; None when it is in vain.

    Until it has looked at all that is kept it only gathers, so that the newest come first in any case.
    """

    def __init__(self, kind: Kind, search: Search, count: int, future: "asyncio.Future[Hits | None]") -> None:
        self.kind = kind
        self.search = search
        self.count = count
        self.future = future
        self.wants_an_outcome = kind == "reports" or (kind == "messages" and search.awaits_an_outcome)
        """Whether time has to pass for it, if what it waits for is not there yet."""
        self.looked = False
        self._kept: dict[str | int, Value] = {}
        self._told: dict[str | int, Value] = {}
        self._heard_of: set[str | int] = set()

    @property
    def total(self) -> int:
        """How many it has found."""
        return len(self._kept) + len(self._told)

    @property
    def values(self) -> Hits:
        """What it has found, newest first."""
        return (*reversed(self._told.values()), *self._kept.values())

    def take_in(self, value: Value) -> None:
        """Takes in something kept that its search finds, from the newest on. What the news told of is newer."""
        name = name_of(value)
        if name not in self._heard_of:
            self._kept[name] = value

    def has_looked(self) -> None:
        """All that is kept was looked at."""
        self.looked = True
        self._finish()

    def hear_of(self, value: Value, beside: Beside) -> None:
        """Takes in something new, or what has changed, and may be found no more."""
        name = name_of(value)
        if not self.looked:
            self._heard_of.add(name)
        found = self.search.holds_for(value, beside)
        of = self._kept if name in self._kept else self._told
        if found:
            of[name] = value
            self._finish()
        else:
            of.pop(name, None)

    def _finish(self) -> None:
        if self.looked and self.total >= self.count and not self.future.done():
            self.future.set_result(self.values)


class Waiting:
    """The waiters of one account."""

    def __init__(self) -> None:
        self._lines: dict[Kind, Line] = {"messages": Line(), "requests": Line(), "reports": Line()}
        self._for_outcomes = 0
        self._demanded: Counter[str | None] = Counter()
        """The SMS_UIDs and recipients that waiters demand, and how many do; None: those that demand neither."""

    def __len__(self) -> int:
        return sum(line.count for line in self._lines.values())

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for line in self._lines.values() for waiter in line)

    @property
    def has_for_outcomes(self) -> bool:
        """Whether any of them needs time to pass."""
        return self._for_outcomes > 0

    def add(self, waiter: Waiter) -> None:
        """One more."""
        self._lines[waiter.kind].add(waiter)
        self._for_outcomes += waiter.wants_an_outcome
        self._demanded[_demand_of(waiter)] += 1

    def remove(self, waiter: Waiter) -> None:
        """One less."""
        self._lines[waiter.kind].remove(waiter)
        self._for_outcomes -= waiter.wants_an_outcome
        demand = _demand_of(waiter)
        self._demanded[demand] -= 1
        if not self._demanded[demand]:
            del self._demanded[demand]

    def hear(self, transactions: Iterable[Transaction], kept: Kept) -> None:
        """Tells what transactions wrote to those it may concern."""
        for transaction in transactions:
            if self._may_concern_somebody(transaction):
                self._tell(transaction, kept)

    def _tell(self, transaction: Transaction, kept: Kept) -> None:
        messages, requests, reports = self._lines["messages"], self._lines["requests"], self._lines["reports"]
        exchange = transaction.exchange
        if requests.count and exchange is not None:
            # An accepted exchange's messages are in the store by now, and the findings on it need them.
            beside = kept.beside(exchange)
            recipients = _recipients_in(exchange, transaction.new_messages, beside) if requests.by_recipient else ()
            for waiter in requests.concerned(exchange.uids, recipients):
                waiter.hear_of(exchange, beside)
        if messages.count:
            for message in transaction.new_messages:
                messages.tell(message)
        if transaction.updated and (messages.count or reports.count):
            for uid in transaction.updated:
                changed = transaction.messages[uid]
                if messages.count:
                    messages.tell(changed)
                if reports.count:
                    concerned = reports.concerned((uid,), recipients_of(changed))
                    for report in transaction.reports.get(uid, ()) if concerned else ():
                        for waiter in concerned:
                            waiter.hear_of(report, Beside(changed))

    def _may_concern_somebody(self, transaction: Transaction) -> bool:
        """False for nearly all that is sent while others are waited for, which shows at once."""
        demanded, exchange = self._demanded, transaction.exchange
        if None in demanded or not (exchange is None or (isinstance(exchange, Sending) and exchange.places is None)):
            return True
        for message in transaction.new_messages:
            if message.uid in demanded or recipient_of(message.country_code, message.msisdn) in demanded:
                return True
        for uid in transaction.updated:
            message = transaction.messages[uid]
            if uid in demanded or recipient_of(message.country_code, message.msisdn) in demanded:
                return True
        return False


def _demand_of(waiter: Waiter) -> str | None:
    """What all that a waiter finds must have, by which `Line` files it too."""
    return waiter.search.recipient if waiter.search.uid is None else waiter.search.uid


def _recipients_in(exchange: Exchange, messages: tuple[Message, ...], beside: Beside) -> tuple[str, ...]:
    """The recipients of an exchange. Nobody reads its body when all that it names are `messages`."""
    if messages and isinstance(exchange, Sending) and exchange.places is None:
        return tuple([recipient for message in messages for recipient in recipients_of(message)])
    sought = beside.request or SoughtRequest(exchange)
    return tuple([recipient_of(each.country_code, each.msisdn) for each in sought.destinations])


class Line:
    """Waiters of one kind. Who demands an SMS_UID is found by that, who demands a recipient by that."""

    def __init__(self) -> None:
        self.count = 0
        self.by_recipient: dict[str, list[Waiter]] = {}
        self._by_uid: dict[str, list[Waiter]] = {}
        self._others: list[Waiter] = []

    def __iter__(self) -> Iterator[Waiter]:
        for row in (*self._by_uid.values(), *self.by_recipient.values(), self._others):
            yield from row

    def add(self, waiter: Waiter) -> None:
        self.count += 1
        uid, recipient = waiter.search.uid, waiter.search.recipient
        if uid is not None:
            self._by_uid.setdefault(uid, []).append(waiter)
        elif recipient is not None:
            self.by_recipient.setdefault(recipient, []).append(waiter)
        else:
            self._others.append(waiter)

    def remove(self, waiter: Waiter) -> None:
        self.count -= 1
        uid, recipient = waiter.search.uid, waiter.search.recipient
        if uid is not None:
            _take_out(self._by_uid, uid, waiter)
        elif recipient is not None:
            _take_out(self.by_recipient, recipient, waiter)
        else:
            self._others.remove(waiter)

    def that_find(self, value: Value, beside: Beside) -> list[Waiter]:
        """Those whose search finds something that is kept; it may look at a body, and be called in a thread."""
        if isinstance(value, Exchange):
            uids = value.uids
            recipients = _recipients_in(value, (), beside) if self.by_recipient else ()
        else:
            uids = (value.uid,)
            recipients = recipients_of(value, beside.message) if self.by_recipient else ()
        return [waiter for waiter in self.concerned(uids, recipients) if waiter.search.holds_for(value, beside)]

    def tell(self, message: Message) -> None:
        """Tells those it may concern of a message."""
        for waiter in self.concerned((message.uid,), recipients_of(message) if self.by_recipient else ()):
            waiter.hear_of(message, ALONE)

    def concerned(self, uids: tuple[str, ...], recipients: tuple[str, ...]) -> list[Waiter]:
        """Those whom something with these SMS_UIDs, for these recipients, may concern."""
        found = self._others
        if self._by_uid:
            for uid in uids:
                if uid in self._by_uid:
                    found = found + self._by_uid[uid]
        if self.by_recipient:
            for recipient in recipients if len(recipients) == 1 else dict.fromkeys(recipients):
                if recipient in self.by_recipient:
                    found = found + self.by_recipient[recipient]
        return found


def _take_out(rows: dict[str, list[Waiter]], name: str, waiter: Waiter) -> None:
    rows[name].remove(waiter)
    if not rows[name]:
        del rows[name]
