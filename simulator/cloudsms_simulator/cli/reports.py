"""`cloudsms-simulator reports`: what was pushed to the customer, what the customer answered, and what is still due."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.journal import (
    ResourceKind,
    SearchCommand,
    add_export,
    add_journal_commands,
    search_argument,
)
from cloudsms_simulator.cli.message_tables import PENDING_TABLE, REPORT_TABLE, report_details
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.cli.table import terminal_width
from cloudsms_simulator.cli.text import finding_lines
from cloudsms_simulator.models.journal import ReportItem

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client


REPORT_KIND = ResourceKind[ReportItem](
    name="reports",
    about=REPORT_TABLE,
    id_of=lambda report: report.id,
    journal=lambda api: api.reports,
    read=lambda items: msgspec.convert(items, list[ReportItem]),
    example="outcome:failed",
)


@click.group
def reports() -> None:
    """List, show, await and export delivery reports.

    A report tells the customer one state of one message, and may take several attempts. A search is written as
    everywhere: outcome:failed state:DELIVERED finding:dr-* to:852*
    """


add_journal_commands(reports, REPORT_KIND)
add_export(reports, REPORT_KIND)
_UNANSWERED = ("failed", "abandoned")


@reports.command(short_help="Show a report.")
@click.argument("report_id", metavar="ID")
@account_option()
@client_options
@as_json
def show(client: Client, report_id: str, account: str, as_json: bool) -> None:
    """Show a report: its state, every push of it, the customer's answers, and what is wrong with them."""
    found = client.of(account).reports.show(report_id)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in report_details(found, terminal_width()):
        click.echo(line)


@reports.command(short_help="List what is still due.", cls=SearchCommand)
@search_argument
@account_option()
@client_options
@as_json
def pending(client: Client, search: tuple[str, ...], account: str, as_json: bool) -> None:
    """List what is still due of the messages that fit a search, soonest first: states, pushes and the expiry."""
    found = client.of(account).reports.pending(" ".join(search))
    if as_json:
        click.echo(msgspec.json.encode({"items": found}))
        return
    for line in PENDING_TABLE.lines(found, terminal_width()):
        click.echo(line)
    if not found:
        click.echo("nothing is due", err=True)


@reports.command(short_help="Push a report once more.")
@click.argument("report_id", metavar="ID")
@account_option()
@client_options
@as_json
def resend(client: Client, report_id: str, account: str, as_json: bool) -> None:
    """Push a report once more, now, whatever came of it before.

    On a clock that stands it was answered when this ends, with 1 if it was not answered by a 2xx status; on one that
    goes it is on its way.
    """
    found = client.of(account).reports.resend(report_id)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        REPORT_KIND.print([found])
        if found.outcome != "pending":
            for line in finding_lines(found.attempts[-1].findings, terminal_width()):
                click.echo(line)
    sys.exit(ExitCode.FAILED if found.outcome in _UNANSWERED else ExitCode.OK)
