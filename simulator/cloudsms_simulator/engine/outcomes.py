"""Outcomes: what becomes of a message as time passes, and the reports that tell the customer.

A message is looked at when a step of its plan is due, or a push. Looking twice does no harm, so a store may wake a
message once too often, but never too seldom.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.message import Message, Passage
from cloudsms_simulator.engine.report import Attempt, Outcome, Push, PushResult, Report
from cloudsms_simulator.engine.report_manner import (
    PLAIN,
    after_attempt,
    altered_body,
    due_report,
    fair,
    fault_of,
    first_due,
    manner_of,
    wakes_after,
)
from cloudsms_simulator.engine.script import EXPIRED_AT_LAST, MAXIMUM_RETURN_TIME, Step
from cloudsms_simulator.engine.secrecy import without_keys
from cloudsms_simulator.engine.transaction import Transaction, with_report
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode, next_serial
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.report_answer import audit
from cloudsms_simulator.protocol.states import name_of

_KEPT_OF_AN_ANSWER = 4096


def look_at(transaction: Transaction, account: Account, uid: str, now: datetime) -> Push | None:
    """Brings one message up to `now`: its steps that are due, then the push that is due, if any.

    Pushes of one message never overlap: while a report of it is unsettled, later ones wait behind it, but not while it
    is held.
    """
    before = transaction.messages.get(uid)
    if before is None:
        return None
    known = transaction.reports.get(uid, ())
    message, reports = _reach_what_is_due(transaction, account, before, known, now)
    push, reports = _next_push(transaction, account, message, reports, now)
    if push is None:
        message = _settled(transaction, message, reports)
    if message is not before or reports is not known:
        transaction.put_both(message, reports)
    return push


def record(
    transaction: Transaction, account: Account, push: Push, result: PushResult, now: datetime, known: KeyRing
) -> None:
    """Keeps what came of a push: the attempt with its audit, and whether, and when, there is another.

    No finding quotes one of the `known` AUTH_KEYs.
    """
    reports = transaction.reports.get(push.uid, ())
    message = transaction.messages.get(push.uid)
    if message is None or push.number > len(reports):
        return
    report, manner = reports[push.number - 1], manner_of(message, push.number)
    attempt = Attempt(
        push.serial,
        push.at,
        push.url,
        push.body,
        result.status,
        result.body[:_KEPT_OF_AN_ANSWER],
        result.error,
        tuple([without_keys(each, (known,)) for each in fair(push_findings(push, result), manner, push.fault)]),
        push.fault,
        report.resend,
        result.tls,
    )
    attempts = (*report.attempts, attempt)
    outcome, again = after_attempt(attempts, manner, account.callback.retries, now)
    transaction.pushed.append((outcome, attempt))
    ended = msgspec.structs.replace(report, attempts=attempts, outcome=outcome, next_attempt_at=again, resend=False)
    reports = with_report(reports, ended)
    if again is not None or len(reports) > 1:
        transaction.wakes += [(due, push.uid) for due in wakes_after(reports, now)]
    transaction.put_both(_settled(transaction, message, reports), reports)


def _reach_what_is_due(
    transaction: Transaction, account: Account, message: Message, reports: tuple[Report, ...], now: datetime
) -> tuple[Message, tuple[Report, ...]]:
    steps, accepted_at = message.plan.steps, message.sending.accepted_at
    if message.uid in transaction.unanswered:
        # The release of the others has the message looked at again.
        steps = steps[: message.plan.before_answer]
    before = done = len(message.passages)
    while done < len(steps):
        upcoming = steps[done]
        moment = accepted_at + upcoming.after
        if moment > now:
            if done > before:
                transaction.wakes.append((moment, message.uid))
            break
        message = _reach(transaction, account, message, upcoming, moment)
        report = _report_of(message, account, len(reports) + 1, upcoming, moment)
        if report.next_attempt_at is not None and report.next_attempt_at > now:
            transaction.wakes.append((report.next_attempt_at, message.uid))
        reports = (*reports, report)
        done += 1
    return message, reports


def _reach(transaction: Transaction, account: Account, message: Message, step: Step, at: datetime) -> Message:
    if step.final:
        transaction.final_states.append(step.state)
    refund = (
        step.final
        and step.state not in message.sending.profile.charged_states
        and message.price != 0
        and not message.refunded
    )
    if refund and message.sending.metered and transaction.standing.balance is not None:
        balance = transaction.standing.balance + message.cost
        transaction.standing = msgspec.structs.replace(transaction.standing, balance=balance)
        transaction.entries.append(LedgerEntry(account.name, message.uid, "refund", message.cost, balance, at))
    return msgspec.structs.replace(
        message, passages=(*message.passages, Passage(step.state, at)), refunded=message.refunded or refund
    )


def _report_of(message: Message, account: Account, number: int, step: Step, at: datetime) -> Report:
    findings = _timing_findings(message, step)
    if step.lost:
        return Report(message.uid, number, account.name, step.state, at, "lost", findings=findings)
    due = at if step.manner is None else first_due(at, step.manner)
    return Report(message.uid, number, account.name, step.state, at, "pending", due, findings=findings)


def _timing_findings(message: Message, step: Step) -> tuple[Finding, ...]:
    if not step.final or (step.after <= MAXIMUM_RETURN_TIME and not message.plan.dropped):
        return ()
    findings = []
    if step.after > MAXIMUM_RETURN_TIME and step != EXPIRED_AT_LAST:
        findings.append(found("report-late", "report", Told(f"{name_of(step.state)} after {step.after}"), "24 hours"))
    findings += [
        found("report-dropped", "report", Told(f"{name_of(each.state)} after {each.after}"), "25 hours at most")
        for each in message.plan.dropped
    ]
    return tuple(findings)


def _next_push(
    transaction: Transaction, account: Account, message: Message, reports: tuple[Report, ...], now: datetime
) -> tuple[Push | None, tuple[Report, ...]]:
    url = account.callback.url
    for _ in reports:  # each of them is shown once at most
        report = due_report(message, reports, now)
        if report is None:
            break
        if url is not None:
            started = msgspec.structs.replace(report, next_attempt_at=None)
            push = _start(transaction, account, message, report, url, now)
            return push, with_report(reports, started)
        answered = report.resend and any(attempt.succeeded for attempt in report.attempts)
        outcome: Outcome = "answered" if answered else "no_callback"
        shown = msgspec.structs.replace(report, outcome=outcome, next_attempt_at=None, resend=False)
        reports = with_report(reports, shown)
    return None, reports


def _start(
    transaction: Transaction, account: Account, message: Message, report: Report, url: str, now: datetime
) -> Push:
    profile = message.sending.profile
    manner = manner_of(message, report.number)
    serial = manner.serial
    if serial is None:
        serial = next_serial(transaction.standing.dr_serial, profile.dr_serial_wrap)
        transaction.standing = msgspec.structs.replace(transaction.standing, dr_serial=serial)
    body = encode(
        DeliveryReport(
            serial=serial,
            time=now,
            report_time=report.reached_at,
            source_msisdn=message.sending.source,
            sms_uid=message.uid,
            country_code=message.country_code,
            dest_msisdn=message.msisdn,
            state=report.state,
            desc=name_of(report.state),
            customer_body=message.sending.customer_body,
            auth_key=account.auth_key if profile.dr_auth_key else None,
        )
    )
    if manner is not PLAIN:
        body = altered_body(body, manner)
    fault = fault_of(manner, len(report.attempts))
    return Push(account.name, message.uid, report.number, serial, now, url, body, fault)


def push_findings(push: Push, result: PushResult) -> tuple[Finding, ...]:
    """What is wrong with how a push ended; empty when it was answered as the document wants it."""
    if result.findings is not None:
        return result.findings
    if result.failure is not None:
        want = result.remedy or f"an answer from {push.url}"
        return (found(result.failure, "callback", Told(result.error or "no answer"), want),)
    status = result.status or 0
    findings = audit(push.serial, status, result.body)
    if 300 <= status < 400:
        got = Told(str(status) if result.location is None else f"{status} to {result.location}")
        findings = (found("push-redirect", "callback", got, "an answer at the callback URL itself"), *findings)
    elif status in {404, 405}:
        findings = (found("push-path", "callback", Told(push.url), "the path your server handles"), *findings)
    return findings


def _settled(transaction: Transaction, message: Message, reports: tuple[Report, ...]) -> Message:
    """The message, marked as settled if it has nothing left to do."""
    if message.settled or len(message.passages) < len(message.plan.steps):
        return message
    for report in reports:
        if report.outcome == "pending":
            return message
    standing = transaction.standing
    transaction.standing = msgspec.structs.replace(standing, outstanding=standing.outstanding - 1)
    return msgspec.structs.replace(message, settled=True)
