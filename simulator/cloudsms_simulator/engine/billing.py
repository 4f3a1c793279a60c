"""Billing: what a message costs, and the ledger of every movement.

Prices are per segment and country; a message is debited whole when it is accepted, and refunded whole, once, when it
ends in a state that is not charged. On an unlimited balance nothing moves and the ledger stays empty; messages still
carry their cost.

Spec: Support settlement currency. Spec: CloudSMS SMPP slicing rules. Reading: R9.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.submission import Destination

Reason = Literal["opening", "debit", "refund", "scenario", "setting", "credit"]
"""`scenario` and `setting`: the balance was brought to what one of them says."""


class LedgerEntry(msgspec.Struct, frozen=True, gc=False):
    """One movement on an account: negative for a debit. `balance` is the balance after it."""

    account: str
    uid: str | None
    reason: Reason
    amount: Decimal
    balance: Decimal
    at: datetime


def quote(account: Account, destinations: tuple[Destination, ...]) -> dict[int, Decimal | None]:
    """The price of one segment for each country among the destinations; None where the account has none."""
    return {country: account.price(country) for country in {each.country_code for each in destinations}}


def opening(account: Account, at: datetime) -> tuple[LedgerEntry, ...]:
    """The first entry of an account's ledger: what it starts with. None on an unlimited balance."""
    if account.balance == "unlimited":
        return ()
    return (LedgerEntry(account.name, None, "opening", account.balance, account.balance, at),)


def opening_balance(account: Account) -> Decimal | None:
    """The balance an account starts with; None stands for unlimited."""
    return None if account.balance == "unlimited" else account.balance
