"""`cloudsms-simulator requests`: what was sent here, and how it was answered; exported as JSON Lines or HAR.

A request is a row of a table, or shown with all that was said, its bodies indented and findings wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.journal import (
    ResourceKind,
    SearchCommand,
    add_journal_commands,
    all_found,
    json_lines,
    output_option,
    search_argument,
    write_output,
)
from cloudsms_simulator.cli.table import Column, Table, terminal_width
from cloudsms_simulator.cli.text import body_lines, finding_lines, moment, one_line
from cloudsms_simulator.models.journal import RequestItem

if TYPE_CHECKING:
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.protocol.findings import Finding


def request_outcome(request: RequestItem) -> str:
    """The result code, or the HTTP status where there is none, or why there is no answer at all."""
    if request.code is not None:
        return f"{request.code.hex} {request.code.name}"
    if request.http_status is not None:
        return f"HTTP {request.http_status}"
    return next((finding.got for finding in request.findings), "no answer")


def _sent_what(request: RequestItem) -> str:
    parts = []
    if request.uids:
        parts.append("1 message" if len(request.uids) == 1 else f"{len(request.uids)} messages")
    if request.fault is not None:
        parts.append(request.fault)
    worst = next((finding for finding in request.findings if finding.severity == "error"), None)
    if worst is not None:
        parts.append(_finding(worst))
    return one_line(", ".join(parts))


def _finding(finding: Finding) -> str:
    if finding.rule == "handshake-refused":
        return finding.want
    return f"{finding.rule}: got {finding.got}, want {finding.want}"


REQUEST_TABLE: Table[RequestItem] = Table(
    lambda request: request.received_at,
    (
        Column("ID", lambda request: str(request.id), least=4, right=True),
        Column("KIND", lambda request: request.kind, least=len("handshake")),
        Column("PEER", lambda request: request.peer or "", least=len("127.0.0.1:65535"), spare=True),
        Column("OUTCOME", request_outcome, least=len("0x10000001 Invalid_parameter")),
        Column("WHAT", _sent_what),
    ),
)
"""Requests, with what came of them and the worst that is wrong with them."""


def request_details(request: RequestItem, width: int | None) -> Iterator[str]:
    """All of a request, its bodies indented; findings are wrapped at the terminal's width, if there is one."""
    yield f"request     {request.id}, {request.kind}, {moment(request.received_at)}"
    yield f"account     {request.account or 'none'}"
    if request.peer is not None:
        connection = f", connection {request.connection_id}" if request.connection_id else ""
        yield f"peer        {request.peer}{connection}"
    if request.tls is not None:
        peer = request.tls["peer"]
        shown = f", certificate {peer['subject']}" if isinstance(peer, dict) else ", no client certificate"
        yield f"tls         {request.tls['version']} {request.tls['cipher']}{shown}"
    yield f"outcome     {_outcome_in_full(request)}"
    if request.rule is not None:
        yield f"rule        {request.rule}"
    if request.fault is not None:
        yield f"fault       {request.fault}"
    for number, uid in enumerate(request.uids):
        yield f"{'' if number else 'messages':<12}{uid}"
    yield from finding_lines(request.findings, width)
    for number, (name, value) in enumerate(request.headers):
        yield f"{'' if number else 'headers':<12}{one_line(name)}: {one_line(value)}"
    if request.kind != "handshake":
        yield from body_lines("body", request.body)
    if request.answer is not None:
        yield from body_lines("answer", request.answer)


def _outcome_in_full(request: RequestItem) -> str:
    told = request_outcome(request)
    return told if request.code is None or request.http_status is None else f"{told}, HTTP {request.http_status}"


REQUEST_KIND = ResourceKind[RequestItem](
    name="requests",
    about=REQUEST_TABLE,
    id_of=lambda request: str(request.id),
    journal=lambda api: api.requests,
    read=lambda items: msgspec.convert(items, list[RequestItem]),
    example="code:0x05",
    nobody="; * for nobody's",
)


@click.group
def requests() -> None:
    """List, show, await and export requests with their answers.

    A request is one exchange, refused ones and refused TLS handshakes included; those that belong to no account are
    listed with --account '*'. A search is written as everywhere: code:0x05 finding:msisdn-* -kind:handshake after:10m
    """


add_journal_commands(requests, REQUEST_KIND)


@requests.command(short_help="Show a request.")
@click.argument("number", type=click.IntRange(min=0), metavar="ID")
@account_option(REQUEST_KIND.nobody)
@client_options
@as_json
def show(client: Client, number: int, account: str, as_json: bool) -> None:
    """Show a request: who sent it, what came, what is wrong with it, and the answer. `explain` says what to change."""
    found = client.of(account).requests.show(number)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in request_details(found, terminal_width()):
        click.echo(line)


@requests.command(short_help="Write requests as JSON Lines or HAR.", cls=SearchCommand)
@search_argument
@click.option("--har", is_flag=True, help="Write an HTTP Archive 1.2, for the developer tools of a browser.")
@output_option
@account_option(REQUEST_KIND.nobody)
@client_options
def export(client: Client, search: tuple[str, ...], har: bool, output: Path | None, account: str) -> None:
    """Write the requests that fit a search, oldest first: as JSON Lines with every field, or as an HTTP Archive.

    AUTH_KEYs are masked. What got no answer, refused TLS handshakes among them, has status 0 in an archive.
    """
    found = all_found(REQUEST_KIND, client.of(account), " ".join(search))
    write_output(_archive(client, found) if har else json_lines(found), output)


def _archive(client: Client, found: Sequence[RequestItem]) -> Iterator[bytes]:
    from cloudsms_simulator.cli.har import har_of

    info = client.info()
    yield msgspec.json.format(msgspec.json.encode(har_of(found, info.urls.platform, info.version)), indent=2) + b"\n"
