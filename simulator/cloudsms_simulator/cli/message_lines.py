"""Messages on a terminal: as rows of a table, and one with its parts and its story."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text_lines import dearness, moment, one_line, quoted, wrapped

if TYPE_CHECKING:
    from cloudsms_simulator.client_items import Message
    from cloudsms_simulator.client_message_items import Forced, Pending, Timeline
    from cloudsms_simulator.engine.text_bill import TextBill

NOTHING = "-"


def _state(message: Message) -> str:
    return message.state_name or NOTHING


def _kind(pending: Pending) -> str:
    return pending.kind if pending.attempt <= 1 else f"{pending.kind}, attempt {pending.attempt}"


MESSAGES: Table[Message] = Table(
    lambda message: message.accepted_at,
    (
        Column("UID", lambda message: message.uid, least=30),
        Column("TO", lambda message: message.to, least=11),
        Column("STATE", _state, least=len("DELIVERED")),
        Column("SEG", lambda message: str(message.segments), spare=True, right=True),
        Column("COST", lambda message: str(message.cost), least=8, spare=True, right=True),
        Column("TEXT", lambda message: one_line(message.text)),
    ),
)
"""Messages, the moment being that of acceptance; one that has reached no state yet has `-` there."""


def lines_of(message: Message, bill: TextBill, timeline: Timeline, width: int | None) -> Iterator[str]:
    """All of a message; what is long is wrapped at the terminal's width, if there is one."""
    yield f"message     {message.uid}"
    yield f"account     {message.account}, request {message.request_id}, number {message.index + 1} of its list"
    yield f"to          {message.country_code} {message.msisdn}"
    yield f"from        {message.source}"
    yield f"route       {message.route}"
    yield f"accepted    {moment(message.accepted_at)}"
    yield f"state       {_fate(message)}"
    if message.reason is not None:
        yield f"            {message.reason}"
    if message.rule is not None:
        yield f"rule        {message.rule}"
    refund = ", refunded" if message.refunded else ""
    yield f"cost        {message.cost} = {message.segments} x {message.price}{refund}"
    if message.customer_body is not None:
        yield f"customer    {_compact(message.customer_body)}"
    yield f"text        {quoted(message.text)}"
    yield f"segments    {bill.segments}, DCS {bill.dcs} ({bill.alphabet}), {bill.length} {bill.unit}"
    for number, part in enumerate(bill.parts, 1) if len(bill.parts) > 1 else ():
        yield f"            {number}/{len(bill.parts)} {part.length} of {part.room} {bill.unit}: {quoted(part.text)}"
    yield from dearness(bill)
    for warning in bill.warnings:
        yield from wrapped(f"warning     {warning}", 12, width)
    yield "timeline"
    yield from _story(timeline, width)


def forced_line(forced: Forced) -> str:
    """What a forced state came to."""
    kind = "final" if forced.final else "intermediate"
    told = f"{forced.message.uid}  {forced.state_name} ({forced.state}), {kind}, due {moment(forced.due_at)}"
    return f"{told}; dropped: the message expires first" if forced.dropped else told


PENDING: Table[Pending] = Table(
    lambda pending: pending.due_at,
    (
        Column("IN", lambda pending: f"{pending.in_s:,.0f} s", right=True),
        Column("ID", lambda pending: pending.report_id),
        Column("TO", lambda pending: pending.to, spare=True),
        Column("STATE", lambda pending: pending.state_name),
        Column("KIND", _kind),
    ),
)
"""What is due, by the account's clock."""


def _fate(message: Message) -> str:
    if message.state is None:
        return "none yet"
    final = "not final" if message.final_at is None else f"final at {moment(message.final_at)}"
    return f"{message.state_name} ({message.state}), {final}"


def _compact(body: object) -> str:
    import msgspec

    return one_line(msgspec.json.encode(body).decode())


def _story(timeline: Timeline, width: int | None) -> Iterator[str]:
    days = len({entry.at.date() for entry in timeline.items}) > 1
    for entry in timeline.items:
        at = entry.at.strftime("%m-%d %H:%M:%S" if days else "%H:%M:%S")
        millis = f"{entry.at.microsecond // 1000:03}"
        told = f"  {at}.{millis}  {'to come: ' if entry.to_come else ''}{one_line(entry.text)}"
        yield from wrapped(told, 16, width)
