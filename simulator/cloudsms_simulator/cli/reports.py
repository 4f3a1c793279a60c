"""`cloudsms-simulator reports`: what was pushed to the customer, what the customer answered, and what is still due."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
from cloudsms_simulator.cli.output import Column, Table, body_lines, finding_lines, moment, one_line, terminal_width
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.models.journal import ReportItem

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.models.journal import AttemptItem, PendingItem


def _pending_kind(pending: PendingItem) -> str:
    return pending.kind if pending.attempt <= 1 else f"{pending.kind}, attempt {pending.attempt}"


PENDING_TABLE: Table[PendingItem] = Table(
    lambda pending: pending.due_at,
    (
        Column("IN", lambda pending: f"{pending.in_s:,.0f} s", right=True),
        Column("ID", lambda pending: pending.report_id),
        Column("TO", lambda pending: pending.to, spare=True),
        Column("STATE", lambda pending: pending.state_name),
        Column("KIND", _pending_kind),
    ),
)
"""What is due, by the account's clock, soonest first."""


def push_result(report: ReportItem) -> str:
    """The result of the last push: a status, or why there is none; empty before the first."""
    if not report.attempts:
        return ""
    last = report.attempts[-1]
    came = f"HTTP {last.status}" if last.status is not None else last.error or "no answer"
    return f"{came} at attempt {len(report.attempts)}" if len(report.attempts) > 1 else came


def _report_result(report: ReportItem) -> str:
    # What is wrong comes first: on a narrow terminal the rest is cut.
    parts = [finding.rule for attempt in report.attempts[-1:] for finding in attempt.findings]
    if report.attempts:
        parts.append(push_result(report))
    if report.next_attempt_at is not None:
        parts.append(f"next push at {report.next_attempt_at:%H:%M:%S}")
    return one_line(", ".join(parts))


REPORT_TABLE: Table[ReportItem] = Table(
    lambda report: report.due_at,
    (
        Column("ID", lambda report: report.id, least=32),
        Column("STATE", lambda report: report.state_name, least=len("DELIVERED")),
        Column("OUTCOME", lambda report: report.outcome, least=len("answered")),
        Column("CAME", _report_result),
    ),
)
"""Reports, the moment being that at which the state was reached."""


def _report_details(report: ReportItem, width: int | None) -> Iterator[str]:
    """All of a report, with every push of it and what is wrong with the customer's answers.

    Findings are wrapped at the terminal's width, if there is one.
    """
    yield f"report      {report.id}"
    yield f"account     {report.account}"
    yield f"state       {report.state_name} ({report.state}), reached {moment(report.due_at)}"
    yield f"outcome     {report.outcome}"
    if report.next_attempt_at is not None:
        yield f"next push   {moment(report.next_attempt_at)}"
    yield from finding_lines(report.findings, width)
    for number, attempt in enumerate(report.attempts, 1):
        yield from _attempt(number, attempt, width)


def _attempt(number: int, attempt: AttemptItem, width: int | None) -> Iterator[str]:
    yield f"attempt {number:<4}{moment(attempt.at)}, SERIAL {attempt.serial}, POST {attempt.url}"
    if attempt.fault is not None:
        yield f"fault       {attempt.fault}"
    yield from body_lines("report", attempt.request)
    if attempt.status is None:
        yield f"no answer   {attempt.error or ''}".rstrip()
    else:
        right = "" if attempt.findings else ", and the ANSWER is right in every point"
        yield f"status      HTTP {attempt.status}{right}"
        yield from body_lines("answer", attempt.body)
    yield from finding_lines(attempt.findings, width)


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
    for line in _report_details(found, terminal_width()):
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
