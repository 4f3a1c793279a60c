"""`cloudsms-simulator messages`: what was accepted, and what became of it; one-time passwords, and forced states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.journal import ResourceKind, add_export, add_journal_commands
from cloudsms_simulator.cli.output import Column, Table, dearness, moment, one_line, quoted, terminal_width, wrapped
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.cli.reports import REPORT_TABLE
from cloudsms_simulator.models.journal import MessageItem

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.engine.billing import TextBill
    from cloudsms_simulator.models.journal import ForcedItem, TimelineItem


_EMPTY_CELL = "-"


def _message_state(message: MessageItem) -> str:
    return message.state_name or _EMPTY_CELL


MESSAGE_TABLE: Table[MessageItem] = Table(
    lambda message: message.accepted_at,
    (
        Column("UID", lambda message: message.uid, least=30),
        Column("TO", lambda message: message.to, least=11),
        Column("STATE", _message_state, least=len("DELIVERED")),
        Column("SEG", lambda message: str(message.segments), spare=True, right=True),
        Column("COST", lambda message: str(message.cost), least=8, spare=True, right=True),
        Column("TEXT", lambda message: one_line(message.text)),
    ),
)
"""Messages, the moment being that of acceptance; one that has reached no state yet has `-` there."""


def _message_details(message: MessageItem, bill: TextBill, timeline: TimelineItem, width: int | None) -> Iterator[str]:
    """All of a message; what is long is wrapped at the terminal's width, if there is one."""
    yield f"message     {message.uid}"
    yield f"account     {message.account}, request {message.request_id}, number {message.index + 1} of its list"
    yield f"to          {message.country_code} {message.msisdn}"
    yield f"from        {message.source}"
    yield f"route       {message.route}"
    yield f"accepted    {moment(message.accepted_at)}"
    yield f"state       {_state_line(message)}"
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
    yield from _timeline_lines(timeline, width)


def _state_line(message: MessageItem) -> str:
    if message.state is None:
        return "none yet"
    final = "not final" if message.final_at is None else f"final at {moment(message.final_at)}"
    return f"{message.state_name} ({message.state}), {final}"


def _compact(body: object) -> str:
    return one_line(msgspec.json.encode(body).decode())


def _timeline_lines(timeline: TimelineItem, width: int | None) -> Iterator[str]:
    days = len({entry.at.date() for entry in timeline.items}) > 1
    for entry in timeline.items:
        at = entry.at.strftime("%m-%d %H:%M:%S" if days else "%H:%M:%S")
        millis = f"{entry.at.microsecond // 1000:03}"
        told = f"  {at}.{millis}  {'to come: ' if entry.to_come else ''}{one_line(entry.text)}"
        yield from wrapped(told, 16, width)


def _forced_line(forced: ForcedItem) -> str:
    """One line that says what forcing a state came to."""
    kind = "final" if forced.final else "intermediate"
    told = f"{forced.message.uid}  {forced.state_name} ({forced.state}), {kind}, due {moment(forced.due_at)}"
    return f"{told}; dropped: the message expires first" if forced.dropped else told


MESSAGE_KIND = ResourceKind[MessageItem](
    name="messages",
    about=MESSAGE_TABLE,
    id_of=lambda message: message.uid,
    journal=lambda api: api.messages,
    read=lambda items: msgspec.convert(items, list[MessageItem]),
    example="to:852*",
)


@click.group
def messages() -> None:
    """List, show, await and export messages.

    A message is one SMS to one number, and has an SMS_UID. A search is written as everywhere:
    to:852* state:DELIVERED -content:code after:10m
    """


add_journal_commands(messages, MESSAGE_KIND)
add_export(messages, MESSAGE_KIND)
_NO_OTP = 404


@messages.command(short_help="Show a message.")
@click.argument("uid")
@account_option()
@client_options
@as_json
def show(client: Client, uid: str, account: str, as_json: bool) -> None:
    """Show a message: text, segments, price, state, and all that happened to it and is still to come."""
    found = client.of(account).messages
    message, segments, timeline = found.show(uid), found.segments(uid), found.timeline(uid)
    if as_json:
        click.echo(msgspec.json.encode({"message": message, "segments": segments, "timeline": timeline}))
        return
    for line in _message_details(message, segments, timeline, terminal_width()):
        click.echo(line)


@messages.command(short_help="Print the one-time password in a message.")
@click.argument("uid")
@account_option()
@client_options
@as_json
def otp(client: Client, uid: str, account: str, as_json: bool) -> None:
    """Print the one-time password in a message. Ends 1 when it has none."""
    from cloudsms_simulator.client.errors import RefusedError

    found = client.of(account).messages
    found.show(uid)  # whether there is such a message is another question
    try:
        code = found.otp(uid)
    except RefusedError as error:
        if error.status != _NO_OTP:
            raise
        raise CommandError(error.detail, ExitCode.FAILED) from error
    click.echo(msgspec.json.encode({"code": code}) if as_json else code)


@messages.command(short_help="Force a state on a message.")
@click.argument("uid")
@click.argument("state")
@click.option("--after", default="0s", show_default=True, metavar="DURATION", help="When, by the account's clock.")
@click.option("--final/--not-final", default=None, help="Whether anything may follow; as the state is, unless said.")
@click.option("--again", is_flag=True, help="Push one more report of a message that has its final state already.")
@account_option()
@client_options
@as_json
def report(
    client: Client, uid: str, state: str, after: str, final: bool | None, again: bool, account: str, as_json: bool
) -> None:
    """Force STATE on a message, by name or number: messages report UID UNDELIVERABLE --after 3s

    A final state takes the place of what was planned. Ends 1 when the message has one already.
    """
    said = int(state) if state.isascii() and state.isdigit() else state
    forced = client.of(account).messages.report(uid, said, after=after, final=final, again=again)
    if as_json:
        click.echo(msgspec.json.encode(forced))
        return
    click.echo(_forced_line(forced))
    if forced.report is not None:
        for line in REPORT_TABLE.lines([forced.report], terminal_width()):
            click.echo(line)
