"""The steps of `doctor` at the server: what, by its own word, keeps requests or reports of an account away.

The server and its clock, the account's money, who may connect; then what was refused, and which reports were not
pushed or wrongly answered.
"""

from collections.abc import Iterator
from decimal import Decimal

from cloudsms_simulator.cli.callback_steps import DoctorStep, StepVerdict, verdict_of
from cloudsms_simulator.client.client import Client
from cloudsms_simulator.models.account import AccountItem
from cloudsms_simulator.models.journal import ReportItem, RequestItem
from cloudsms_simulator.models.server import Info
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.services.info import own_version

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
