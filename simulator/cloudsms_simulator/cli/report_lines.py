"""Reports on a terminal: as rows of a table, and what came of their pushes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text_lines import one_line

if TYPE_CHECKING:
    from cloudsms_simulator.client_items import Report
    from cloudsms_simulator.server.items import ReportItem


def came_of(report: Report | ReportItem) -> str:
    """What the last push met: a status, or why there is none; empty before the first."""
    if not report.attempts:
        return ""
    last = report.attempts[-1]
    came = f"HTTP {last.status}" if last.status is not None else last.error or "no answer"
    return f"{came} at attempt {len(report.attempts)}" if len(report.attempts) > 1 else came


def _came(report: Report) -> str:
    audited = [finding.rule for attempt in report.attempts[-1:] for finding in attempt.findings]
    # A push that failed says why in words already.
    answered = bool(report.attempts) and report.attempts[-1].status is not None
    return one_line(", ".join([came_of(report), *(audited if answered else [])]))


REPORTS: Table[Report] = Table(
    lambda report: report.due_at,
    (
        Column("ID", lambda report: report.id, least=32),
        Column("STATE", lambda report: report.state_name, least=len("UNDELIVERABLE")),
        Column("OUTCOME", lambda report: report.outcome, least=len("answered")),
        Column("CAME", _came),
    ),
)
"""Reports, the moment being that at which the state was reached."""
