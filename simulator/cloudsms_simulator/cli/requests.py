"""`cloudsms-simulator requests`: what was sent here, and how it was answered; exported as JSON Lines or HAR.

A request is a row of a table, or shown with all that was said, its bodies indented and findings wrapped. In an HTTP
Archive 1.2 (HAR), which the developer tools of browsers open, what the simulator does not keep is said as the format
wants it said: sizes of heads are -1, times that nobody took 0. Sizes are octets on the wire, where the client told
them; AUTH_KEYs in what is shown are masked, and so shorter.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

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
from cloudsms_simulator.cli.output import Column, Table, body_lines, finding_lines, moment, one_line, terminal_width
from cloudsms_simulator.models.journal import RequestItem
from cloudsms_simulator.moments import datetime

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
    info = client.info()
    yield msgspec.json.format(msgspec.json.encode(har_of(found, info.urls.platform, info.version)), indent=2) + b"\n"


_HTTP = "HTTP/1.1"
"""What the platform answers with, also to HTTP/1.0."""
_UNKNOWN_VERSION = "unknown"
_UNKNOWN = -1
_JSON = "application/json"
_PAGES: Mapping[str, str] = MappingProxyType({"HTTP_500": "text/plain", "HTML_PAGE": "text/html"})
_NOT_TIMED = "not measured"


class _Named(msgspec.Struct, frozen=True):
    name: str
    value: str


class _PostData(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str
    text: str
    comment: str | msgspec.UnsetType = msgspec.UNSET


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    method: str
    url: str
    http_version: str
    cookies: tuple[_Named, ...]
    headers: tuple[_Named, ...]
    query_string: tuple[_Named, ...]
    headers_size: int
    body_size: int
    post_data: _PostData | msgspec.UnsetType = msgspec.UNSET


class _Content(msgspec.Struct, frozen=True, rename="camel"):
    size: int
    mime_type: str
    text: str | msgspec.UnsetType = msgspec.UNSET


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    status: int
    status_text: str
    http_version: str
    cookies: tuple[_Named, ...]
    headers: tuple[_Named, ...]
    content: _Content
    redirect_url: str = msgspec.field(name="redirectURL")
    headers_size: int
    body_size: int
    comment: str | msgspec.UnsetType = msgspec.UNSET


class _Timings(msgspec.Struct, frozen=True):
    blocked: int = _UNKNOWN
    dns: int = _UNKNOWN
    connect: int = _UNKNOWN
    ssl: int = _UNKNOWN
    send: int = 0
    wait: int = 0
    receive: int = 0
    comment: str = _NOT_TIMED


class _Nothing(msgspec.Struct, frozen=True):
    pass


class _Entry(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    started_date_time: datetime
    time: int = 0
    request: _Request
    response: _Response
    cache: _Nothing = _Nothing()
    timings: _Timings = _Timings()
    server_ip_address: str | msgspec.UnsetType = msgspec.field(name="serverIPAddress", default=msgspec.UNSET)
    connection: str | msgspec.UnsetType = msgspec.UNSET
    comment: str | msgspec.UnsetType = msgspec.UNSET


class _Creator(msgspec.Struct, frozen=True):
    name: str
    version: str


class _Log(msgspec.Struct, frozen=True):
    version: str
    creator: _Creator
    entries: list[_Entry]


class Har(msgspec.Struct, frozen=True):
    """An archive, to be encoded as JSON."""

    log: _Log


def har_of(requests: Sequence[RequestItem], url: str, version: str) -> Har:
    """The archive of some requests to the platform at `url`, in their order.

    One that got no answer has status 0 and a comment that says why. `version` is the simulator's.
    """
    address = _address(url)
    entries = [_entry(request, url, address) for request in requests]
    return Har(_Log("1.2", _Creator("cloudsms-simulator", version), entries))


def _entry(request: RequestItem, url: str, address: str | None) -> _Entry:
    findings = "; ".join(f"{each.rule}: got {each.got}, want {each.want}" for each in request.findings)
    return _Entry(
        started_date_time=request.received_at,
        request=_request(request, url),
        response=_response(request),
        server_ip_address=address or msgspec.UNSET,
        connection=str(request.connection_id) if request.connection_id else msgspec.UNSET,
        comment=findings or msgspec.UNSET,
    )


def _address(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    try:
        return str(ip_address(host))
    except ValueError:  # a name, of which only its clients know the address
        return None


def _request(request: RequestItem, platform: str) -> _Request:
    """What came; of something that was no HTTP request what the platform expects there."""
    split = urlsplit(platform)
    url = platform if request.target is None else f"{split.scheme}://{split.netloc}{request.target}"
    return _Request(
        method=request.method or "POST",
        url=url,
        http_version=_UNKNOWN_VERSION if request.http_version is None else f"HTTP/{request.http_version}",
        cookies=(),
        headers=tuple(_Named(name, value) for name, value in request.headers),
        query_string=tuple(_Named(*pair) for pair in parse_qsl(urlsplit(url).query, keep_blank_values=True)),
        headers_size=_UNKNOWN,
        body_size=_body_size(request),
        post_data=_post_data(request) if request.body else msgspec.UNSET,
    )


def _post_data(request: RequestItem) -> _PostData:
    """The body as text. The format has no encoding for one that is none, so a comment says that it is base64."""
    kind = _header(request, "content-type") or ""
    if request.body_base64 is None:
        return _PostData(kind, request.body)
    return _PostData(kind, base64.b64encode(request.body_base64).decode(), "in base64, since it is no UTF-8")


def _body_size(request: RequestItem) -> int:
    """Octets as the client announced them; without that, what is kept of a body that came whole."""
    announced = _header(request, "content-length") or ""
    if request.kind != "closed" and announced.isascii() and announced.isdigit():
        return int(announced)
    if _header(request, "transfer-encoding") is not None and not request.body:
        return _UNKNOWN
    return len(request.body.encode() if request.body_base64 is None else request.body_base64)


def _response(request: RequestItem) -> _Response:
    status, body = request.http_status or 0, request.answer
    kind = _PAGES.get(request.fault or "", _JSON) if body is not None else ""
    size = 0 if body is None else len(body.encode())
    return _Response(
        status=status,
        status_text=HTTPStatus(status).phrase if status in list(HTTPStatus) else "",
        http_version=_HTTP if status else "",
        cookies=(),
        headers=() if body is None else (_Named("content-type", kind), _Named("content-length", str(size))),
        content=_Content(size, kind, msgspec.UNSET if body is None else body),
        redirect_url="",
        headers_size=_UNKNOWN,
        body_size=size if body is not None else _UNKNOWN if status else 0,
        comment=msgspec.UNSET if status else _why(request),
    )


def _header(request: RequestItem, name: str) -> str | None:
    return next((value for each, value in request.headers if each.lower() == name), None)


def _why(request: RequestItem) -> str:
    reasons = [f"{each.got}: {each.want}" for each in request.findings if each.severity == "error"]
    if request.fault is not None:
        reasons.insert(0, request.fault)
    reason = "; ".join(reasons) or "the connection was closed without an answer"
    return f"TLS handshake refused: {reason}" if request.kind == "handshake" else reason
