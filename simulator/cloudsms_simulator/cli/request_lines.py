"""Requests on a terminal: as rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table
from cloudsms_simulator.cli.text_lines import one_line

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
