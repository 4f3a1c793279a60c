"""The movements of money on an account as the admin API shows them: `/accounts/{name}/ledger`, newest first.

Each has an id that stays the same for as long as the movement is in the ledger.

Spec: Support settlement currency.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from cloudsms_simulator.engine.billing import LedgerEntry, LedgerReason
from cloudsms_simulator.engine.money import Currency, Money
from cloudsms_simulator.moments import datetime


class LedgerItem(msgspec.Struct, frozen=True):
    """A movement: negative for a debit; `balance` is what was there after it. `uid` of a debit and its refund."""

    id: str
    """`debit-5A3B…`, `credit-2`: the same for as long as the movement is in the ledger."""
    account: str
    uid: str | None
    reason: LedgerReason
    amount: Money
    balance: Money
    at: datetime


class LedgerListing:
    """The movements of a ledger, newest first."""

    evicted = 0
    """No movement is left out: those of messages that are evicted are summed up in the opening entry."""

    def __init__(self, entries: tuple[LedgerEntry, ...], currency: Currency) -> None:
        self._items = [
            _item(entry, nth, currency) for entry, nth in zip(entries, _places_among_equals(entries), strict=True)
        ]
        self.total = len(self._items)

    def __iter__(self) -> Iterator[LedgerItem]:
        return reversed(self._items)


def ledger_item(entries: tuple[LedgerEntry, ...], entry: LedgerEntry, currency: Currency) -> LedgerItem:
    """Returns the item of one of the entries of a ledger: of one with a `uid`, or of the newest of its reason."""
    return _item(entry, sum(each.reason == entry.reason for each in entries), currency)


def _item(entry: LedgerEntry, nth: int, currency: Currency) -> LedgerItem:
    return LedgerItem(
        f"{entry.reason}-{entry.uid or nth}",
        entry.account,
        entry.uid,
        entry.reason,
        Money(entry.amount, currency),
        Money(entry.balance, currency),
        entry.at,
    )


def _places_among_equals(entries: tuple[LedgerEntry, ...]) -> Iterator[int]:
    """Yields for each entry which one of its reason it is, counted from 1."""
    seen: Counter[LedgerReason] = Counter()
    for entry in entries:
        seen[entry.reason] += 1
        yield seen[entry.reason]
