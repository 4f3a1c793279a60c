"""`cloudsms-simulator messages`: what was accepted, and what became of it; one-time passwords, and forced states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.journal import ResourceKind, add_export, add_journal_commands
from cloudsms_simulator.cli.message_tables import MESSAGE_TABLE, REPORT_TABLE, forced_line, message_details
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.cli.table import terminal_width
from cloudsms_simulator.models.journal import MessageItem

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client


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
    for line in message_details(message, segments, timeline, terminal_width()):
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
    click.echo(forced_line(forced))
    if forced.report is not None:
        for line in REPORT_TABLE.lines([forced.report], terminal_width()):
            click.echo(line)
