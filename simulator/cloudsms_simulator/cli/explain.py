"""`cloudsms-simulator explain`: what happened in an exchange, or would happen to a packet, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.output import dearness, finding_lines, quoted
from cloudsms_simulator.cli.process import ExitCode

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Api, Client
    from cloudsms_simulator.client.transport import BlockingHttpDriver
    from cloudsms_simulator.engine.billing import TextBill
    from cloudsms_simulator.models.explanation import CorrectionItem, DestinationItem, Explanation


_STANDARD_INPUT = "-"


@click.command
@click.argument("subject", required=False, metavar="[REQUEST-ID | FILE | -]")
@account_option("; * for nobody's")
@client_options
@as_json
def explain(client: Client, subject: str | None, account: str, as_json: bool) -> None:
    """Explain an exchange: the code, who decided, segments, price, reports to come, and a corrected request.

    A number is that of a kept exchange, as `requests` lists it; nothing means the newest. A file, or "-" for standard
    input, holds the body of a request that is sent nowhere; $CLOUDSMS_AUTH_KEY in it stands for the account's key. Ends
    0 when everything is accepted, 1 when something is refused or rejected, 2 for wrong usage, 3 when nobody answers.
    """
    explanation = _explained(client.of(account), subject)
    if as_json:
        click.echo(msgspec.json.encode(explanation))
    else:
        for line in _lines(explanation):
            click.echo(line)
        if subject is None and explanation.account is not None:
            _tell_of_nobodys(client, explanation)
    sys.exit(ExitCode.OK if explanation.correction is None else ExitCode.FAILED)


def _explained(api: Api[BlockingHttpDriver], subject: str | None) -> Explanation:
    if subject is None:
        return api.explain()
    return api.explain(int(subject)) if subject.isascii() and subject.isdigit() else api.explain(body=_octets(subject))


def _tell_of_nobodys(client: Client, newest: Explanation) -> None:
    """Says on standard error that a newer request belongs to no account, if so: it may be the one that was meant."""
    items = client.of("*").requests.page(limit=1).items
    if items and newest.request_id is not None and items[0].id > newest.request_id:
        later = items[0].id
        click.echo(f"request {later} came later and belongs to no account: explain {later} --account '*'", err=True)


def _octets(subject: str) -> bytes:
    if subject == _STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(subject).read_bytes()
    except OSError as error:
        message = f'"{subject}" is no number of a request, and no file that can be read: {error.strerror or error}'
        raise click.UsageError(message) from error


def _lines(found: Explanation) -> Iterator[str]:
    which = "not sent: what would happen now" if found.request_id is None else f"request {found.request_id}"
    whose = "nobody's" if found.account is None else f"account {found.account}"
    yield f"{which}; {whose}, {found.at.isoformat(' ')}"
    if found.code is None:
        yield "code        none"
    else:
        yield f"code        {found.code.hex} {found.code.name}: {found.meaning}"
    yield f"            {found.summary}"
    yield f"decided by  {found.decided_by.by} {found.decided_by.name}".rstrip()
    yield f"            {found.decided_by.about}"
    if found.fault is not None:
        delay = "" if not found.fault.delay_s else f" after {found.fault.delay_s:g} s"
        yield f"fault       {found.fault.fault}{delay}, as {found.fault.rule} says"
    yield from finding_lines(found.findings)
    if found.text is not None:
        yield from _text(found.text)
    for destination in found.destinations:
        yield from _destination(destination)
    if found.total is not None and len(found.destinations) > 1:
        yield f"total       {found.total}"
    if found.correction is not None:
        yield from _correction(found.correction)


def _text(text: TextBill) -> Iterator[str]:
    yield f"text        {quoted(text.text)}"
    yield f"segments    {text.segments}, DCS {text.dcs} ({text.alphabet}), {text.length} {text.unit}"
    for number, part in enumerate(text.parts, 1) if len(text.parts) > 1 else ():
        yield f"            {number}/{len(text.parts)} {part.length} {text.unit}: {quoted(part.text)}"
    yield from dearness(text)


def _destination(found: DestinationItem) -> Iterator[str]:
    yield f"to          {found.to} {found.code.hex} {found.code.name} {found.uid or ''}".rstrip()
    by = f"{found.decided_by.by} {found.decided_by.name}".strip()
    yield f"            {by}: {found.decided_by.about}"
    if found.charge is not None:
        yield f"            {found.charge.line}"
    for report in found.reports:
        reached = ", reached" if report.reached else ""
        note = f"; {report.note}" if report.note else ""
        refund = f"; {report.refund} comes back" if report.refund is not None else ""
        yield f"            {report.at.isoformat(' ')} {report.state_name} ({report.state}){reached}{refund}{note}"


def _correction(found: CorrectionItem) -> Iterator[str]:
    for change in found.changes:
        yield f"change      {change.path}: {change.was} becomes {change.to}: {change.why}"
    for left in found.uncorrected:
        yield f"left        {left.rule} at {left.path}: {left.why}"
    if found.code is not None:
        code = f"{found.code.hex} {found.code.name}"
        if found.passes:
            yield f"corrected   passes: {code}"
        elif found.code.name == "OK":
            yield f"corrected   is answered {code}, but not all of it succeeds: what is left says why"
        else:
            yield f"corrected   does not pass yet: {code}"
    if found.curl is not None:
        yield "send it     with the account's key in the variable CLOUDSMS_AUTH_KEY:"
        yield found.curl
