"""The bill of a text; how it is printed is the command's."""

from decimal import Decimal

import pytest

from cloudsms_simulator.engine.billing import MOST_FORCING, ForcedBy, Forcing, Part, SignatureSpan, bill
from cloudsms_simulator.engine.money import Money


def test_a_text_is_billed_with_its_signature() -> None:
    found = bill("It’s " + "x" * 70, "Shop", 4, "table", Money(Decimal("0.05"), "USD"))
    assert (found.dcs, found.segments, found.cost) == (8, 2, Money(Decimal("0.10"), "USD"))
    assert found.forced_by == ForcedBy(2, "’", "U+2019", "RIGHT SINGLE QUOTATION MARK")
    assert found.rewritten is not None
    assert (found.rewritten.segments, found.rewritten.saved) == (1, Money(Decimal("0.05"), "USD"))
    assert found.parts == (Part(found.text[:67], 67, 67), Part("x" * 8 + "[Shop]", 14, 67))
    assert found.signature == SignatureSpan("[Shop]", 75, 81)


def test_every_character_outside_gsm_is_told_with_what_to_type_instead() -> None:
    found = bill("“ça” “va”", None, None, "table", None)
    assert found.forcing == (
        Forcing(0, "“", "U+201C", "LEFT DOUBLE QUOTATION MARK", 2, 8, '"'),
        Forcing(1, "ç", "U+00E7", "LATIN SMALL LETTER C WITH CEDILLA", 1, 3, None),
        Forcing(3, "”", "U+201D", "RIGHT DOUBLE QUOTATION MARK", 2, 8, '"'),
    )
    assert [each.times for each in bill("中" * 5 + "文", None, None, "table", None).forcing] == [5, 1]
    many = bill("".join(map(chr, range(0x4E00, 0x4E40))), None, None, "table", None).forcing
    assert [each.character for each in many] == list(map(chr, range(0x4E00, 0x4E00 + MOST_FORCING)))
    assert bill("Hello", None, None, "table", None).forcing == ()


@pytest.mark.parametrize(
    ("kind", "span"),
    [(1, (0, 6)), (2, (3, 9)), (3, (0, 7)), (4, (3, 9)), (5, None), (None, None)],
)
def test_the_signature_is_found_where_its_type_puts_it(kind: int | None, span: tuple[int, int] | None) -> None:
    found = bill("abc", "Shop", kind, "table", None)
    if span is None:
        assert found.signature is None
    else:
        start, end = span
        assert found.signature == SignatureSpan(found.text[start:end], start, end)
        assert found.text[:start] + found.text[end:] == "abc"


def test_without_a_price_there_is_no_money() -> None:
    found = bill("Hello", None, None, "table", None)
    assert (found.price, found.cost, found.forced_by, found.rewritten) == (None, None, None, None)


@pytest.mark.parametrize(("text", "sendable"), [("x" * 1530, True), ("x" * 1531, False), ("", False)])
def test_ten_segments_can_be_sent(text: str, sendable: bool) -> None:
    assert bill(text, None, None, "table", None).sendable is sendable
