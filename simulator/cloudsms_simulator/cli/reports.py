"""`cloudsms-simulator reports`: what was pushed to the customer, and what the customer answered."""

from __future__ import annotations

import click
import msgspec

from cloudsms_simulator.cli.noun import Noun, add_export, add_journal
from cloudsms_simulator.cli.report_lines import REPORTS
from cloudsms_simulator.client_items import Report

NOUN = Noun[Report](
    name="reports",
    about=REPORTS,
    id_of=lambda report: report.id,
    journal=lambda api: api.reports,
    read=lambda items: msgspec.convert(items, list[Report]),
    example="outcome:failed",
)


@click.group
def reports() -> None:
    """List, show, await and export delivery reports.

    A report tells the customer one state of one message, and may take several attempts. A search is written as
    everywhere: outcome:failed state:DELIVERED finding:dr-* to:852*
    """


add_journal(reports, NOUN)
add_export(reports, NOUN)
