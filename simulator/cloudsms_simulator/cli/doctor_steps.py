"""The steps of `doctor`: at the server, and along the way to a callback.

A step says what was looked at, whether it is in order, and how to fix it. At the server they are what, by its own word,
keeps requests or reports of an account away: its clock, the account's money, who may connect, what was refused, and
which reports were not pushed or wrongly answered. On the way to a callback, URL, name, port, TLS, HTTP and ANSWER are
tried as a push would; the first of these steps that fails is the last.

Spec: Delivery Report (DR) CallBack. Spec: Interface specification and communication principle. Reading: R11, R12.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import click
import msgspec

from cloudsms_simulator.cli.output import terminal_width, wrapped
from cloudsms_simulator.client.client import Client
from cloudsms_simulator.engine.account import Callback
from cloudsms_simulator.engine.delivery import push_findings
from cloudsms_simulator.engine.records import PeerCertificate, Push, PushResult
from cloudsms_simulator.models.account import AccountItem
from cloudsms_simulator.models.journal import ReportItem, RequestItem
from cloudsms_simulator.models.server import Info
from cloudsms_simulator.net.certificates import CertificateFiles
from cloudsms_simulator.net.tls import push_context, tls_facts
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import State
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode_report
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.push.client import PushClient
from cloudsms_simulator.push.failures import (
    FIREWALL,
    MORE_TIME,
    NO_WAY,
    REDIRECTED,
    SPELLING,
    YOUR_LOG,
    PusherFacts,
    PushRemedy,
    broken_tls,
    closed_after_handshake,
    describe_certificate,
    distrusted,
    plain_http,
    start_a_server,
)
from cloudsms_simulator.services.info import own_version

StepVerdict = Literal["ok", "note", "wrong"]
"""`note`: worth knowing, but nothing that has to be fixed."""

_INDENT = 19


class DoctorStep(msgspec.Struct, frozen=True):
    """One step: what was found, and in `fix` what to do about it."""

    step: str
    verdict: StepVerdict
    found: str
    fix: str | None = None


def verdict_of(findings: Sequence[Finding]) -> StepVerdict:
    """The verdict on an answer with findings: `wrong` if one of them is an error, else `note`."""
    return "wrong" if any(finding.severity == "error" for finding in findings) else "note"


def print_step(step: DoctorStep) -> None:
    """Prints a step at once, on a terminal in as many lines as it takes."""
    for line in _step_lines(step):
        click.echo(line)


def _step_lines(step: DoctorStep) -> Iterator[str]:
    width = terminal_width()
    yield from wrapped(f"{step.verdict:<7}{step.step:<12}{step.found}", _INDENT, width)
    if step.fix is not None:
        yield from wrapped(f"{'':<7}{'fix:':<12}{step.fix}", _INDENT, width)


_TLS_STEP = "tls"
_ALERT_WITHIN = 0.3
"""Seconds in which a server that does not like our certificate says so: in TLS 1.3 only after the handshake."""


def try_tls(
    address: tuple[str, int], host: str, context: ssl.SSLContext, timeout: float, pusher: PusherFacts
) -> DoctorStep:
    """Tries a TLS handshake with the server at an address; `host` is the name its certificate must have."""
    try:
        with (
            socket.create_connection(address, timeout) as sock,
            context.wrap_socket(sock, server_hostname=host) as tls,
        ):
            facts = tls_facts(tls)
            tls.settimeout(_ALERT_WITHIN)
            with suppress(TimeoutError):  # it waits for a request, as it should
                if not tls.recv(1):
                    return failed_tls_step(closed_after_handshake(pusher))
    except ssl.SSLCertVerificationError as error:
        return failed_tls_step(distrusted(error, _certificate_of(address, host, timeout), host, pusher))
    except OSError as error:
        if _speaks_http(address, timeout):
            return failed_tls_step(plain_http(pusher))
        return failed_tls_step(broken_tls(error, pusher))
    who = "" if facts.peer is None else f"; {describe_certificate(facts.peer)}"
    shown = f"; shown to it: {pusher.shows}" if pusher.shows is not None else "; no certificate is shown to it"
    if context.verify_mode is ssl.CERT_NONE:
        return DoctorStep(_TLS_STEP, "note", f"{facts.version}; verify is off, so any certificate is good{who}{shown}")
    return DoctorStep(_TLS_STEP, "ok", f"{facts.version}{who}{shown}")


def failed_tls_step(remedy: PushRemedy) -> DoctorStep:
    """The step of a TLS handshake that failed."""
    return DoctorStep(_TLS_STEP, "wrong", remedy.found, remedy.mend)


def speaks_tls(address: tuple[str, int], host: str, timeout: float) -> bool:
    """Whether a server completes a TLS handshake with a client that trusts any certificate."""
    return _certificate_of(address, host, timeout) is not None


def _speaks_http(address: tuple[str, int], timeout: float) -> bool:
    """Whether a server answers to plain HTTP."""
    try:
        with socket.create_connection(address, timeout) as sock:
            sock.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
            return sock.recv(5) == b"HTTP/"
    except OSError:
        return False


def _certificate_of(address: tuple[str, int], host: str, timeout: float) -> PeerCertificate | None:
    context = push_context(None, (), verify=False)
    try:
        with socket.create_connection(address, timeout) as sock, context.wrap_socket(sock, server_hostname=host) as tls:
            return tls_facts(tls).peer
    except OSError:
        return None


FAKE_UID = "0000000000000X0000DOCTORDOCTOR"
"""SMS_UID of the report that is pushed: as long as a real one, and nobody's."""

_SERIAL = 1
_IN_CONTAINERS = "host.docker.internal"
_PORT_OF_SCHEME = {"http": 80, "https": 443}


class CallbackTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What to try: the callback of which account, with which certificate files, and the facts of the pusher."""

    account: str
    sender: str
    callback: Callback
    files: CertificateFiles
    pusher: PusherFacts
    elsewhere: str | None
    """Why the server's localhost is another machine than ours; None when it is the same."""
    dry: bool
    """Whether to leave out the POST of a report."""


class _CallbackAddress(msgspec.Struct, frozen=True):
    """The parts of the callback's URL."""

    url: str
    scheme: str
    host: str
    port: int
    path: str


def callback_steps(trial: CallbackTrial) -> Iterator[DoctorStep]:
    """Tries a callback step by step; yields each step as soon as it is done."""
    target, step = _url(trial)
    yield step
    if target is None:
        return
    addresses, step = _name(target)
    yield step
    if not addresses:
        return
    address, step = _port(target, addresses, trial.callback)
    yield step
    if address is None:
        return
    pushing = PushClient(trial.files)
    if target.scheme == "https":
        connecting = trial.callback.connect_timeout.total_seconds()
        step = try_tls(address, target.host, pushing.context(trial.callback), connecting, trial.pusher)
        yield step
        if step.verdict == "wrong":
            return
    if not trial.dry:
        yield from _pushed(trial, target, address, pushing)


def _url(trial: CallbackTrial) -> tuple[_CallbackAddress | None, DoctorStep]:
    url = trial.callback.url
    set_url = "cloudsms-simulator account set NAME callback.url=https://HOST:PORT/PATH".replace("NAME", trial.account)
    if url is None:
        found = "no callback is configured: reports reach their states and are pushed nowhere"
        return None, DoctorStep("callback", "wrong", found, f"{set_url}; or serve --callback-url")
    split = urlsplit(url)
    target = _CallbackAddress(
        url, split.scheme, split.hostname or "", split.port or _PORT_OF_SCHEME[split.scheme], split.path or "/"
    )
    found = f"{url}: {target.scheme}, host {target.host}, port {target.port}, path {target.path}"
    if trial.elsewhere is not None and _is_loopback(target.host):
        there = split._replace(netloc=split.netloc.replace(target.host, _IN_CONTAINERS)).geturl()
        mend = (
            f"for a container, use {there} and docker run --add-host={_IN_CONTAINERS}:host-gateway; otherwise a name "
            "of this machine that the server can reach. The certificate of your server must have that name"
        )
        return target, DoctorStep(
            "callback", "wrong", f"{found}; but {trial.elsewhere}, where {target.host} is itself", mend
        )
    return target, DoctorStep("callback", "ok", found)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _name(target: _CallbackAddress) -> tuple[tuple[tuple[str, int], ...], DoctorStep]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        mend = SPELLING
        if target.host == _IN_CONTAINERS:
            mend = "only containers know this name: docker exec CONTAINER cloudsms-simulator doctor looks from there"
        return (), DoctorStep(
            "dns", "wrong", f"the name {target.host} is not known here: {_why_not_connected(error)}", mend
        )
    addresses = tuple(dict.fromkeys((str(each[4][0]), target.port) for each in found))
    return addresses, DoctorStep("dns", "ok", f"{target.host} is {', '.join(host for host, _ in addresses)}")


def _port(
    target: _CallbackAddress, addresses: tuple[tuple[str, int], ...], callback: Callback
) -> tuple[tuple[str, int] | None, DoctorStep]:
    timeout, failures = callback.connect_timeout.total_seconds(), []
    for address in addresses:
        try:
            socket.create_connection(address, timeout).close()
        except OSError as error:
            failures.append(error)
        else:
            return address, DoctorStep("tcp", "ok", f"{_written(address)} takes connections")
    tried = ", ".join(map(_written, addresses))
    if any(isinstance(each, ConnectionRefusedError) for each in failures):
        mend = start_a_server(target.port, secured=target.scheme == "https")
        there = _other_loopback(addresses, timeout)
        if there is None:
            return None, DoctorStep("tcp", "wrong", f"nothing listens at {tried}", mend)
        mend = f"let your server listen at {_written(addresses[0])} too, or put {_written(there)} into callback.url"
        return None, DoctorStep(
            "tcp", "wrong", f"nothing listens at {tried}; {_written(there)} takes connections", mend
        )
    if any(isinstance(each, TimeoutError) for each in failures):
        return None, DoctorStep("tcp", "wrong", f"no connection to {tried} within {timeout:g} s", FIREWALL)
    reasons = "; ".join(map(_why_not_connected, failures))
    return None, DoctorStep("tcp", "wrong", f"no connection to {tried}: {reasons}", NO_WAY)


def _other_loopback(addresses: tuple[tuple[str, int], ...], timeout: float) -> tuple[str, int] | None:
    """The loopback address of the other family, if a server listens there alone: 127.0.0.1 is not ::1."""
    hosts = {host for host, _ in addresses}
    for host, other in (("127.0.0.1", "::1"), ("::1", "127.0.0.1")):
        if host in hosts and other not in hosts:
            there = (other, addresses[0][1])
            with suppress(OSError):
                socket.create_connection(there, timeout).close()
                return there
    return None


def _why_not_connected(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _written(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _pushed(
    trial: CallbackTrial, target: _CallbackAddress, address: tuple[str, int], pushing: PushClient
) -> Iterator[DoctorStep]:
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
    push = Push(trial.account, FAKE_UID, 1, _SERIAL, now, target.url, encode_report(report))
    result = asyncio.run(_posted(pushing, push, trial.callback))
    findings = push_findings(push, result)
    answered = result.status is not None and 200 <= result.status < 300
    if not answered:
        yield _unanswered(trial, target, address, result, findings)
        return
    yield DoctorStep("http", "ok", f"HTTP {result.status} for a report with SMS_UID {FAKE_UID}, which is nobody's")
    if not findings:
        yield DoctorStep("answer", "ok", "the ANSWER is right in every point")
        return
    found = "; ".join(f"{finding.rule} at {finding.path}: got {finding.got}" for finding in findings)
    mend = "; ".join(f"{finding.path}: want {finding.want}" for finding in findings)
    yield DoctorStep("answer", verdict_of(findings), found, mend)


async def _posted(pushing: PushClient, push: Push, callback: Callback) -> PushResult:
    try:
        return await pushing.post(push, callback)
    finally:
        await pushing.close()


def _unanswered(
    trial: CallbackTrial,
    target: _CallbackAddress,
    address: tuple[str, int],
    result: PushResult,
    findings: tuple[Finding, ...],
) -> DoctorStep:
    """Why a push got no 2xx."""
    timeout = trial.callback.connect_timeout.total_seconds()
    if target.scheme == "http" and result.status in (None, 400) and speaks_tls(address, target.host, timeout):
        mend = f"begin callback.url with https://: cloudsms-simulator account set {trial.account} callback.url=https"
        return DoctorStep("http", "wrong", "the server speaks TLS at this port", mend + target.url[len("http") :])
    if result.failure == "push-tls":
        return failed_tls_step(broken_tls(result.error or "", trial.pusher))
    if result.failure == "push-timeout":
        return DoctorStep("http", "wrong", result.error or "no answer", result.remedy or MORE_TIME)
    if result.status is None:
        # That a plain server speaks no TLS either was found out above.
        mend = (result.remedy if target.scheme == "https" else None) or YOUR_LOG
        return DoctorStep("http", "wrong", result.error or "no answer", mend)
    there = f" to {result.location}" if result.location is not None and 300 <= result.status < 400 else ""
    return DoctorStep("http", "wrong", f"HTTP {result.status}{there}: {findings[0].rule}", _mend(result.status, target))


def _mend(status: int, target: _CallbackAddress) -> str:
    if 300 <= status < 400:
        return REDIRECTED
    if status == 405:
        return f"let your server take POST at {target.path}, or put the path that does into callback.url"
    if status == 404:
        return f"your server knows no {target.path}: put the path that it handles into callback.url"
    if status in (401, 403):
        return f"let reports in at {target.path}; a name and a password may stand in callback.url"
    return f"see the log of your server, for SMS_UID {FAKE_UID}; any 2xx status ends a report"


_LOOKED_AT = 100
_UNPUSHED = ("failed", "abandoned", "no_callback")


def server_steps(client: Client, info: Info, account: AccountItem) -> Iterator[DoctorStep]:
    """The server, the account's clock and money, who may connect; then what was refused, and what was not pushed."""
    yield _server(client, info)
    yield _clock(client, account)
    yield from _balance(account)
    yield from _whitelists(info, account)
    yield from _refused(client, account)
    yield from _unpushed(client, account)
    yield from _misanswered(client, account)


def _server(client: Client, info: Info) -> DoctorStep:
    where, own = info.urls.admin, own_version()
    if not client.ready():
        return DoctorStep(
            "server", "wrong", f"{where} answers, but is not ready", "wait for it: cloudsms-simulator readyz --wait 10"
        )
    if info.version != own:
        mend = f"use the same version on both sides: pip install cloudsms-simulator=={info.version}"
        return DoctorStep("server", "note", f"{where} is ready, version {info.version}; this command is {own}", mend)
    kind = "plain HTTP" if info.plain else f"TLS, client certificates {info.mtls}"
    return DoctorStep("server", "ok", f"{where} is ready, version {info.version}; {info.urls.platform} speaks {kind}")


def _clock(client: Client, account: AccountItem) -> DoctorStep:
    clock = client.of(account.name).clock.show()
    if clock.mode != "frozen":
        how = "real" if clock.mode == "real" else f"{clock.rate:g} times as fast"
        return DoctorStep("clock", "ok", f"{clock.now.isoformat(' ')}, {how}; {clock.pending} pending")
    stands = f"stands at {clock.now.isoformat(' ')}"
    if not clock.pending:
        return DoctorStep("clock", "note", f"{stands}: reports wait for `clock advance`; none is pending now")
    name = "" if account.name == "default" else f" --account {account.name}"
    due = "" if clock.next_due_at is None else f", the next due at {clock.next_due_at.isoformat(' ')}"
    mend = f"cloudsms-simulator clock run-until-idle{name}, or clock advance 1s{name}, or clock resume{name}"
    return DoctorStep(
        "clock", "wrong", f"{stands}: {clock.pending} pending reports wait for `clock advance`{due}", mend
    )


def _balance(account: AccountItem) -> Iterator[DoctorStep]:
    if isinstance(account.balance, str):
        return
    if account.balance.amount + account.credit_limit.amount <= Decimal(0):
        mend = f"cloudsms-simulator account credit {account.name} 10.00"
        yield DoctorStep("balance", "wrong", f"{account.balance}: every message ends LOCAL_REJECTED", mend)


def _whitelists(info: Info, account: AccountItem) -> Iterator[DoctorStep]:
    for whose, networks in (("the server", info.whitelist), (account.name, account.whitelist)):
        if networks:
            found = f"{whose} hears {', '.join(networks)} only; whoever else connects is disconnected without an answer"
            yield DoctorStep("whitelist", "note", found)


def _refused(client: Client, account: AccountItem) -> Iterator[DoctorStep]:
    """What was refused, one step for each reason. What came before the newest accepted request may be fixed by now."""
    own, nobodys = client.of(account.name).requests, client.of("*").requests
    accepted = max((each.id for each in own.page("code:OK", limit=1).items), default=0)
    newest: dict[str, tuple[RequestItem, Finding, int]] = {}
    for request in (*nobodys.page(limit=_LOOKED_AT).items, *own.page("-code:OK", limit=_LOOKED_AT).items):
        finding = next((each for each in request.findings if each.severity == "error"), None)
        if finding is not None:
            reason = finding.got if finding.rule == "handshake-refused" else finding.rule
            known = newest.get(reason)
            newest[reason] = (request, finding, 1) if known is None else (*known[:2], known[2] + 1)
    if not newest:
        yield DoctorStep("requests", "ok", "none was refused, and no TLS handshake")
    for reason, (request, finding, times) in newest.items():
        yield _refusal(reason, request, finding, times, mended=request.id < accepted)


def _refusal(reason: str, request: RequestItem, finding: Finding, times: int, *, mended: bool) -> DoctorStep:
    shaken = request.kind == "handshake"
    what = "TLS handshakes" if shaken else "requests"
    last = f"the last one at {request.received_at:%Y-%m-%d %H:%M:%S} from {request.peer or 'nowhere'}"
    since = "; requests were accepted since" if mended else ""
    verdict: StepVerdict = "note" if mended else "wrong"
    if shaken:
        return DoctorStep("handshakes", verdict, f"refused {times}: {reason}, {last}{since}", finding.want)
    whose = "" if request.account is not None else " of nobody's"
    found = f"refused {times}{whose}: {reason} at {finding.path}: got {finding.got}, {last}{since}"
    explain = f"cloudsms-simulator explain {request.id} --account {request.account or chr(39) + '*' + chr(39)}"
    return DoctorStep(what, verdict, found, f"want {finding.want}; {explain}")


def _unpushed(client: Client, account: AccountItem) -> Iterator[DoctorStep]:
    reports = client.of(account.name).reports
    answered = next(iter(reports.page("outcome:answered", limit=1).items), None)
    quiet = True
    for outcome in _UNPUSHED:
        page = reports.page(f"outcome:{outcome}", limit=1)
        for report in page.items:
            quiet = False
            since = answered is not None and answered.due_at > report.due_at
            yield _failure(report, page.total, since=since)
    if quiet:
        found = "none was pushed yet" if answered is None else f"answered, the last one {answered.id}"
        yield DoctorStep("reports", "ok", found)


def _failure(report: ReportItem, total: int, *, since: bool) -> DoctorStep:
    found = f"{total} {report.outcome}, the last one {report.id}"
    if report.attempts:
        last = report.attempts[-1]
        status = f"HTTP {last.status}" if last.status is not None else last.error or "no answer"
        found = f"{found} at {last.at:%Y-%m-%d %H:%M:%S}, {last.url}: {status}"
    verdict: StepVerdict = "note" if since else "wrong"
    return DoctorStep(
        "reports", verdict, f"{found}{'; others were answered since' if since else ''}", _repush_fix(report)
    )


def _repush_fix(report: ReportItem) -> str:
    return "the steps below try it from here; cloudsms-simulator reports show " + report.id


def _misanswered(client: Client, account: AccountItem) -> Iterator[DoctorStep]:
    reports = client.of(account.name).reports
    newest = next(iter(reports.page("outcome:answered", limit=1).items), None)
    for report in reports.page("outcome:answered finding:dr-*", limit=1).items:
        findings = report.attempts[-1].findings
        found = "; ".join(f"{finding.rule}: got {finding.got}" for finding in findings)
        mend = "; ".join(f"{finding.path}: want {finding.want}" for finding in findings)
        same = newest is not None and newest.id == report.id
        yield DoctorStep(
            "answers", verdict_of(findings) if same else "note", f"{report.id} was answered, but wrongly: {found}", mend
        )
