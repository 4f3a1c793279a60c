"""Requests on a terminal: as rows of a table, and one with all that was said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text_lines import body_lines, finding_lines, moment, one_line

if TYPE_CHECKING:
    from cloudsms_simulator.client_items import Request
    from cloudsms_simulator.protocol.finding import Finding


def outcome_of(request: Request) -> str:
    """The result code, or the HTTP status where there is none, or why there is no answer at all."""
    if request.code is not None:
        return f"{request.code.hex} {request.code.name}"
    if request.http_status is not None:
        return f"HTTP {request.http_status}"
    return next((finding.got for finding in request.findings), "no answer")


def _what(request: Request) -> str:
    told = []
    if request.uids:
        told.append("1 message" if len(request.uids) == 1 else f"{len(request.uids)} messages")
    if request.fault is not None:
        told.append(request.fault)
    worst = next((finding for finding in request.findings if finding.severity == "error"), None)
    if worst is not None:
        told.append(_finding(worst))
    return one_line(", ".join(told))


def _finding(finding: Finding) -> str:
    if finding.rule == "handshake-refused":
        return finding.want
    return f"{finding.rule}: got {finding.got}, want {finding.want}"


REQUESTS: Table[Request] = Table(
    lambda request: request.received_at,
    (
        Column("ID", lambda request: str(request.id), least=4, right=True),
        Column("KIND", lambda request: request.kind, least=len("handshake")),
        Column("PEER", lambda request: request.peer or "", least=len("127.0.0.1:65535"), spare=True),
        Column("OUTCOME", outcome_of, least=len("0x10000001 Invalid_parameter")),
        Column("WHAT", _what),
    ),
)
"""Requests, with what came of them and the worst that is wrong with them."""


def lines_of(request: Request, width: int | None) -> Iterator[str]:
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


def _outcome_in_full(request: Request) -> str:
    told = outcome_of(request)
    return told if request.code is None or request.http_status is None else f"{told}, HTTP {request.http_status}"
