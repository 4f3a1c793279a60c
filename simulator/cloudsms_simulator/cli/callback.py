"""A customer's server for reports, reached from here step by step as a push would: URL, name, port, TLS, HTTP, ANSWER.

Each step that fails ends the way, and says what mends it.

Spec: Delivery Report (DR) CallBack. Reading: R11, R12.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from cloudsms_simulator.cli.callback_tls import speaks_tls, try_tls, wrong_tls
from cloudsms_simulator.cli.step import Step, verdict_of
from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.outcomes import push_findings
from cloudsms_simulator.engine.report import Push, PushResult
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.states import State
from cloudsms_simulator.server.certificates import CertificateFiles
from cloudsms_simulator.server.push_client import PushClient
from cloudsms_simulator.server.push_remedies import (
    FIREWALL,
    MORE_TIME,
    NO_WAY,
    REDIRECTED,
    SPELLING,
    YOUR_LOG,
    Pusher,
    broken_tls,
    start_a_server,
)
from cloudsms_simulator.server.wall import WallClock

FAKE_UID = "0000000000000X0000DOCTORDOCTOR"
"""SMS_UID of the report that is pushed: as long as a real one, and nobody's."""

_SERIAL = 1
_IN_CONTAINERS = "host.docker.internal"
_PORTS = {"http": 80, "https": 443}


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be tried: whose callback, with which files, and who says it."""

    account: str
    sender: str
    callback: Callback
    files: CertificateFiles
    pusher: Pusher
    elsewhere: str | None
    """Why the server's localhost is not ours, None when it is."""
    dry: bool
    """Whether nothing is POSTed."""


class _Way(msgspec.Struct, frozen=True):
    """Where the callback is, as its URL says."""

    url: str
    scheme: str
    host: str
    port: int
    path: str


def steps_of(trial: Trial) -> Iterator[Step]:
    """The steps, each as soon as it is done."""
    way, step = _url(trial)
    yield step
    if way is None:
        return
    addresses, step = _name(way)
    yield step
    if not addresses:
        return
    address, step = _port(way, addresses, trial.callback)
    yield step
    if address is None:
        return
    pushing = PushClient(trial.files)
    if way.scheme == "https":
        connecting = trial.callback.connect_timeout.total_seconds()
        step = try_tls(address, way.host, pushing.context(trial.callback), connecting, trial.pusher)
        yield step
        if step.verdict == "wrong":
            return
    if not trial.dry:
        yield from _pushed(trial, way, address, pushing)


def _url(trial: Trial) -> tuple[_Way | None, Step]:
    url = trial.callback.url
    set_url = "cloudsms-simulator account set NAME callback.url=https://HOST:PORT/PATH".replace("NAME", trial.account)
    if url is None:
        found = "no callback is configured: reports reach their states and are pushed nowhere"
        return None, Step("callback", "wrong", found, f"{set_url}; or serve --callback-url")
    split = urlsplit(url)
    way = _Way(url, split.scheme, split.hostname or "", split.port or _PORTS[split.scheme], split.path or "/")
    found = f"{url}: {way.scheme}, host {way.host}, port {way.port}, path {way.path}"
    if trial.elsewhere is not None and _is_loopback(way.host):
        there = split._replace(netloc=split.netloc.replace(way.host, _IN_CONTAINERS)).geturl()
        mend = (
            f"for a container, use {there} and docker run --add-host={_IN_CONTAINERS}:host-gateway; otherwise a name "
            "of this machine that the server can reach. The certificate of your server must have that name"
        )
        return way, Step("callback", "wrong", f"{found}; but {trial.elsewhere}, where {way.host} is itself", mend)
    return way, Step("callback", "ok", found)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _name(way: _Way) -> tuple[tuple[tuple[str, int], ...], Step]:
    try:
        found = socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        mend = SPELLING
        if way.host == _IN_CONTAINERS:
            mend = "only containers know this name: docker exec CONTAINER cloudsms-simulator doctor looks from there"
        return (), Step("dns", "wrong", f"the name {way.host} is not known here: {_reason(error)}", mend)
    addresses = tuple(dict.fromkeys((str(each[4][0]), way.port) for each in found))
    return addresses, Step("dns", "ok", f"{way.host} is {', '.join(host for host, _ in addresses)}")


def _port(way: _Way, addresses: tuple[tuple[str, int], ...], callback: Callback) -> tuple[tuple[str, int] | None, Step]:
    timeout, failures = callback.connect_timeout.total_seconds(), []
    for address in addresses:
        try:
            socket.create_connection(address, timeout).close()
        except OSError as error:
            failures.append(error)
        else:
            return address, Step("tcp", "ok", f"{_written(address)} takes connections")
    tried = ", ".join(map(_written, addresses))
    if any(isinstance(each, ConnectionRefusedError) for each in failures):
        mend = start_a_server(way.port, secured=way.scheme == "https")
        there = _other_loopback(addresses, timeout)
        if there is None:
            return None, Step("tcp", "wrong", f"nothing listens at {tried}", mend)
        mend = f"let your server listen at {_written(addresses[0])} too, or put {_written(there)} into callback.url"
        return None, Step("tcp", "wrong", f"nothing listens at {tried}; {_written(there)} takes connections", mend)
    if any(isinstance(each, TimeoutError) for each in failures):
        return None, Step("tcp", "wrong", f"no connection to {tried} within {timeout:g} s", FIREWALL)
    reasons = "; ".join(map(_reason, failures))
    return None, Step("tcp", "wrong", f"no connection to {tried}: {reasons}", NO_WAY)


def _other_loopback(addresses: tuple[tuple[str, int], ...], timeout: float) -> tuple[str, int] | None:
    """The address of this machine in the other family, if a server took that one alone: 127.0.0.1 is not ::1."""
    hosts = {host for host, _ in addresses}
    for host, other in (("127.0.0.1", "::1"), ("::1", "127.0.0.1")):
        if host in hosts and other not in hosts:
            there = (other, addresses[0][1])
            with suppress(OSError):
                socket.create_connection(there, timeout).close()
                return there
    return None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _written(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _pushed(trial: Trial, way: _Way, address: tuple[str, int], pushing: PushClient) -> Iterator[Step]:
    now = WallClock().now()
    report = DeliveryReport(
        serial=_SERIAL,
        time=now,
        report_time=now,
        source_msisdn=trial.sender,
        sms_uid=FAKE_UID,
        country_code=852,
        dest_msisdn="67000011",
        state=State.DELIVERED,
        customer_body=b'{"note":"cloudsms-simulator doctor"}',
    )
    push = Push(trial.account, FAKE_UID, 1, _SERIAL, now, way.url, encode(report))
    result = asyncio.run(_posted(pushing, push, trial.callback))
    findings = push_findings(push, result)
    answered = result.status is not None and 200 <= result.status < 300
    if not answered:
        yield _unanswered(trial, way, address, result, findings)
        return
    yield Step("http", "ok", f"HTTP {result.status} for a report with SMS_UID {FAKE_UID}, which is nobody's")
    if not findings:
        yield Step("answer", "ok", "the ANSWER is right in every point")
        return
    found = "; ".join(f"{finding.rule} at {finding.path}: got {finding.got}" for finding in findings)
    mend = "; ".join(f"{finding.path}: want {finding.want}" for finding in findings)
    yield Step("answer", verdict_of(findings), found, mend)


async def _posted(pushing: PushClient, push: Push, callback: Callback) -> PushResult:
    try:
        return await pushing.post(push, callback)
    finally:
        await pushing.close()


def _unanswered(
    trial: Trial, way: _Way, address: tuple[str, int], result: PushResult, findings: tuple[Finding, ...]
) -> Step:
    """Why a push got no 2xx."""
    timeout = trial.callback.connect_timeout.total_seconds()
    if way.scheme == "http" and result.status in (None, 400) and speaks_tls(address, way.host, timeout):
        mend = f"begin callback.url with https://: cloudsms-simulator account set {trial.account} callback.url=https"
        return Step("http", "wrong", "the server speaks TLS at this port", mend + way.url.removeprefix("http"))
    if result.failure == "push-tls":
        return wrong_tls(broken_tls(result.error or "", trial.pusher))
    if result.failure == "push-timeout":
        return Step("http", "wrong", result.error or "no answer", result.remedy or MORE_TIME)
    if result.status is None:
        # That a plain server speaks no TLS either was found out above.
        mend = (result.remedy if way.scheme == "https" else None) or YOUR_LOG
        return Step("http", "wrong", result.error or "no answer", mend)
    there = f" to {result.location}" if result.location is not None and 300 <= result.status < 400 else ""
    return Step("http", "wrong", f"HTTP {result.status}{there}: {findings[0].rule}", _mend(result.status, way))


def _mend(status: int, way: _Way) -> str:
    if 300 <= status < 400:
        return REDIRECTED
    if status == 405:
        return f"let your server take POST at {way.path}, or put the path that does into callback.url"
    if status == 404:
        return f"your server knows no {way.path}: put the path that it handles into callback.url"
    if status in (401, 403):
        return f"let reports in at {way.path}; a name and a password may stand in callback.url"
    return f"see the log of your server, for SMS_UID {FAKE_UID}; any 2xx status ends a report"
