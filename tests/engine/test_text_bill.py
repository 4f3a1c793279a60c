"""The bill of a text; how it is printed is the command's."""

from decimal import Decimal

import pytest

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.text_bill import ForcedBy, Part, bill


def test_a_text_is_billed_with_its_signature() -> None:
    found = bill("It’s " + "x" * 70, "Shop", 4, "table", Money(Decimal("0.05"), "USD"))
    assert (found.dcs, found.segments, found.cost) == (8, 2, Money(Decimal("0.10"), "USD"))
    assert found.forced_by == ForcedBy(2, "’", "U+2019", "RIGHT SINGLE QUOTATION MARK")
    assert found.rewritten is not None
    assert (found.rewritten.segments, found.rewritten.saved) == (1, Money(Decimal("0.05"), "USD"))
    assert found.parts == (Part(found.text[:67], 67), Part("x" * 8 + "[Shop]", 14))


def test_without_a_price_there_is_no_money() -> None:
    found = bill("Hello", None, None, "table", None)
    assert (found.price, found.cost, found.forced_by, found.rewritten) == (None, None, None, None)


@pytest.mark.parametrize(("text", "sendable"), [("x" * 1530, True), ("x" * 1531, False), ("", False)])
def test_ten_segments_can_be_sent(text: str, sendable: bool) -> None:
    assert bill(text, None, None, "table", None).sendable is sendable
