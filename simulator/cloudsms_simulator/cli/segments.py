"""`cloudsms-simulator segments`: what a text costs, and why, before it is sent. Asks no server.

Spec: Appendix, CloudSMS SMPP slicing rules.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from cloudsms_simulator.cli.output import dearness, quoted

if TYPE_CHECKING:
    from cloudsms_simulator.engine.billing import TextBill
    from cloudsms_simulator.engine.money import Money
    from cloudsms_simulator.protocol.segmentation import Counting


@click.command
@click.argument("text", required=False)
@click.option("--signature", metavar="S", help="SIGNATURE, without brackets.")
@click.option("--signature-type", type=click.IntRange(1, 5), metavar="N", help="SIGNATURE_TYPE, 1 to 5.")
@click.option("--price", metavar="DECIMAL", help="Price of a segment; shows what the text costs.")
@click.option("--currency", default="USD", show_default=True, metavar="CODE", help="Currency of the price.")
@click.option(
    "--counting",
    type=click.Choice(["table", "packed"]),
    default="table",
    show_default=True,
    help="Bill by length as the document's tables do, or as a handset needs it, no pair split.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def segments(
    text: str | None,
    signature: str | None,
    signature_type: int | None,
    price: str | None,
    currency: str,
    counting: Counting,
    as_json: bool,
) -> None:
    """Show how TEXT is encoded, cut into segments and billed.

    TEXT is SMS_CONTENT; "-" or none reads it from standard input as UTF-8, without the line end behind it. Ends 0; 1
    when the platform would refuse the text as empty or over 10 segments; 2 for wrong usage.
    """
    from cloudsms_simulator.engine.billing import bill

    found = bill(_content(text), signature, signature_type, counting, _money(price, currency))
    if as_json:
        import msgspec

        # Bytes, so that no terminal's encoding comes between.
        click.echo(msgspec.json.encode(found))
    else:
        for line in _lines(found):
            click.echo(line)
        for warning in found.warnings:
            click.echo(f"warning: {warning}", err=True)
    if not found.sendable:
        sys.exit(1)


def _content(text: str | None) -> str:
    if text is None and sys.stdin.isatty():
        raise click.UsageError('no text: give TEXT, or "-" and type it, then end the input')
    if text is None or text == "-":
        return _standard_input()
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter(f"character {error.start + 1} is not UTF-8", param_hint="TEXT") from None
    return text


def _standard_input() -> str:
    octets = sys.stdin.buffer.read()
    try:
        return octets.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"byte {error.start + 1} is not UTF-8", param_hint="standard input") from None


def _money(price: str | None, currency: str) -> Money | None:
    if price is None:
        return None

    from cloudsms_simulator.engine.money import CURRENCIES, Money

    rows = [row for row in CURRENCIES if row.currency == currency.upper()]
    if not rows:
        known = ", ".join(row.currency for row in CURRENCIES)
        raise click.BadParameter(f"{currency!r} is not one of {known}", param_hint="--currency")
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", price):
        raise click.BadParameter(f"{price!r} is not a price; write it as 0.05", param_hint="--price")
    return Money(Decimal(price), rows[0].currency)


def _lines(found: TextBill) -> Iterator[str]:
    yield f"DCS         {found.dcs}, {found.alphabet}"
    yield f"length      {found.length} {found.unit}"
    yield f"segments    {found.segments}"
    yield f"bytes       {found.bytes} by the document's byte rule"
    if found.cost is not None:
        yield f"cost        {found.cost} = {found.segments} x {found.price}"
    yield from dearness(found)
    for number, part in enumerate(found.parts, 1):
        yield f"part {f'{number}/{len(found.parts)}':<6} {part.length} {found.unit}: {quoted(part.text)}"
