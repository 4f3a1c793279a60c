"""Reports on a terminal: as rows of a table, one with its attempts, and what came of their pushes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text_lines import body_lines, finding_lines, moment, one_line

if TYPE_CHECKING:
    from cloudsms_simulator.client_items import Attempt, Report
    from cloudsms_simulator.server.items import ReportItem


def came_of(report: Report | ReportItem) -> str:
    """What the last push met: a status, or why there is none; empty before the first."""
    if not report.attempts:
        return ""
    last = report.attempts[-1]
    came = f"HTTP {last.status}" if last.status is not None else last.error or "no answer"
    return f"{came} at attempt {len(report.attempts)}" if len(report.attempts) > 1 else came


def _came(report: Report) -> str:
    # What is wrong comes first: on a narrow terminal the rest is cut.
    told = [finding.rule for attempt in report.attempts[-1:] for finding in attempt.findings]
    if report.attempts:
        told.append(came_of(report))
    if report.next_attempt_at is not None:
        told.append(f"next push at {report.next_attempt_at:%H:%M:%S}")
    return one_line(", ".join(told))


REPORTS: Table[Report] = Table(
    lambda report: report.due_at,
    (
        Column("ID", lambda report: report.id, least=32),
        Column("STATE", lambda report: report.state_name, least=len("DELIVERED")),
        Column("OUTCOME", lambda report: report.outcome, least=len("answered")),
        Column("CAME", _came),
    ),
)
"""Reports, the moment being that at which the state was reached."""


def lines_of(report: Report, width: int | None) -> Iterator[str]:
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


def _attempt(number: int, attempt: Attempt, width: int | None) -> Iterator[str]:
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
