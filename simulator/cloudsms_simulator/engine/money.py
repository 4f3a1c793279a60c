"""Money: an exact decimal amount and its currency.

Prices have more digits than the currency's smallest coin, so nothing is rounded when money moves; only totals that
people read are rounded (`Money.rounded`). `CURRENCIES` is the table of those that accounts settle in. The control
client imports this module, so it imports nothing of ours.

Spec: Support settlement currency.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import msgspec

Currency = Literal["CNY", "HKD", "TWD", "EUR", "USD", "GBP", "AUD", "KRW", "JPY"]


class CurrencyRow(msgspec.Struct, frozen=True):
    """One row of the table: the name as printed, the abbreviation, and the digits after the point of its coins."""

    name: str
    currency: Currency
    digits: int


CURRENCIES: tuple[CurrencyRow, ...] = (
    CurrencyRow("人民币", "CNY", 2),
    CurrencyRow("港币", "HKD", 2),
    CurrencyRow("台币", "TWD", 2),
    CurrencyRow("欧元", "EUR", 2),
    CurrencyRow("美元", "USD", 2),
    CurrencyRow("英镑", "GBP", 2),
    CurrencyRow("澳元", "AUD", 2),
    CurrencyRow("韩元", "KRW", 0),
    CurrencyRow("日元", "JPY", 0),
)

_DIGITS = {row.currency: row.digits for row in CURRENCIES}


class Money(msgspec.Struct, frozen=True):
    """An amount in a currency. `str()` gives every digit: `USD 0.0475`."""

    amount: Decimal
    currency: Currency

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:f}"

    def rounded(self) -> str:
        """For people: `USD 1,000.00`, rounded half up to the currency's smallest coin."""
        coin = Decimal(1).scaleb(-_DIGITS[self.currency])
        return f"{self.currency} {self.amount.quantize(coin, ROUND_HALF_UP):,f}"
