"""Messages and reports on a terminal: as rows of a table, and one with all its parts, its timeline or its pushes.

`messages`, `reports` and `clock` share them. Moments are those of the account's clock; long lines are wrapped at
the terminal's width, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text import body_lines, dearness, finding_lines, moment, one_line, quoted, wrapped

if TYPE_CHECKING:
    from cloudsms_simulator.engine.billing import TextBill
    from cloudsms_simulator.models.journal import (
        AttemptItem,
        ForcedItem,
        MessageItem,
        PendingItem,
        ReportItem,
        TimelineItem,
    )


EMPTY_CELL = "-"


def _message_state(message: MessageItem) -> str:
    return message.state_name or EMPTY_CELL


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


def message_details(message: MessageItem, bill: TextBill, timeline: TimelineItem, width: int | None) -> Iterator[str]:
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
    import msgspec

    return one_line(msgspec.json.encode(body).decode())


def _timeline_lines(timeline: TimelineItem, width: int | None) -> Iterator[str]:
    days = len({entry.at.date() for entry in timeline.items}) > 1
    for entry in timeline.items:
        at = entry.at.strftime("%m-%d %H:%M:%S" if days else "%H:%M:%S")
        millis = f"{entry.at.microsecond // 1000:03}"
        told = f"  {at}.{millis}  {'to come: ' if entry.to_come else ''}{one_line(entry.text)}"
        yield from wrapped(told, 16, width)


def forced_line(forced: ForcedItem) -> str:
    """One line that says what forcing a state came to."""
    kind = "final" if forced.final else "intermediate"
    told = f"{forced.message.uid}  {forced.state_name} ({forced.state}), {kind}, due {moment(forced.due_at)}"
    return f"{told}; dropped: the message expires first" if forced.dropped else told


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


def report_details(report: ReportItem, width: int | None) -> Iterator[str]:
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
