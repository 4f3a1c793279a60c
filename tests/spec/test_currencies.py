"""The table of currencies, transcribed from the specification, against the table in the code."""

from decimal import Decimal
from typing import get_args

import pytest

from cloudsms_simulator.engine.money import CURRENCIES, Currency, Money

HEADING = "Support settlement currency"
# The document's two columns; then the digits behind the point of the smallest coin, by ISO 4217.
TABLE: list[tuple[str, Currency, int]] = [
    ("人民币", "CNY", 2),
    ("港币", "HKD", 2),
    ("台币", "TWD", 2),
    ("欧元", "EUR", 2),
    ("美元", "USD", 2),
    ("英镑", "GBP", 2),
    ("澳元", "AUD", 2),
    ("韩元", "KRW", 0),
    ("日元", "JPY", 0),
]
rows = pytest.mark.parametrize("row", [pytest.param(row, id=f"{HEADING}: {row[1]}") for row in TABLE])


@rows
def test_a_row_of_the_table_of_currencies(row: tuple[str, Currency, int]) -> None:
    [ours] = [each for each in CURRENCIES if each.currency == row[1]]

    assert (ours.name, ours.currency, ours.digits) == row


@rows
def test_a_total_has_the_digits_of_its_currency(row: tuple[str, Currency, int]) -> None:
    _, currency, digits = row

    assert Money(Decimal("1234.5"), currency).rounded() == (
        f"{currency} 1,234.50" if digits == 2 else f"{currency} 1,235"
    )


def test_currencies_are_those_of_the_table_in_its_order() -> None:
    assert [row.currency for row in CURRENCIES] == [row[1] for row in TABLE] == list(get_args(Currency))
