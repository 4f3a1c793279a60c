"""Requests as an HTTP Archive 1.2 (HAR), which the developer tools of browsers open. Imported by `requests export`.

What the simulator does not keep is said as the format wants it said: sizes of heads are -1, times that nobody took
0. Sizes are octets on the wire, where the client told them; AUTH_KEYs in what is shown are masked, and so shorter.

Spec: none; HTTP Archive 1.2.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import msgspec

from cloudsms_simulator.moments import datetime

if TYPE_CHECKING:
    from cloudsms_simulator.models.journal import RequestItem


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
