from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.money import CURRENCIES, Currency, CurrencyRow, Money

amounts = st.decimals(-(10**9), 10**9, places=6)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.0475", "USD 0.0475"),
        ("1000.00", "USD 1000.00"),
        ("1E+3", "USD 1000"),
        ("0.00000001", "USD 0.00000001"),
        ("-0.10", "USD -0.10"),
    ],
)
def test_money_is_written_with_every_digit(amount: str, text: str) -> None:
    assert str(Money(Decimal(amount), "USD")) == text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1000", "USD", "USD 1,000.00"),
        ("0.0475", "USD", "USD 0.05"),
        ("0.045", "HKD", "HKD 0.05"),
        ("0.0449", "EUR", "EUR 0.04"),
        ("-0.045", "GBP", "GBP -0.05"),
        ("1234567.5", "JPY", "JPY 1,234,568"),
        ("0.5", "KRW", "KRW 1"),
        ("0", "CNY", "CNY 0.00"),
    ],
)
def test_totals_are_rounded_half_up_to_the_smallest_coin(amount: str, currency: Currency, text: str) -> None:
    assert Money(Decimal(amount), currency).rounded() == text


@given(amounts, st.sampled_from([row.currency for row in CURRENCIES]))
def test_what_is_written_can_be_read_back(amount: Decimal, currency: Currency) -> None:
    name, _, digits = str(Money(amount, currency)).partition(" ")

    assert (name, Decimal(digits)) == (currency, amount)


@given(amounts, st.sampled_from(CURRENCIES))
def test_rounding_moves_an_amount_by_half_a_coin_at_most(amount: Decimal, row: CurrencyRow) -> None:
    rounded = Decimal(Money(amount, row.currency).rounded().partition(" ")[2].replace(",", ""))

    assert abs(rounded - amount) <= Decimal(1).scaleb(-row.digits) / 2


def test_the_same_amount_in_another_currency_is_other_money() -> None:
    assert Money(Decimal("1.0"), "USD") == Money(Decimal("1.00"), "USD")
    assert Money(Decimal(1), "USD") != Money(Decimal(1), "EUR")
