"""Outcomes: what becomes of a message as time passes, and the reports that tell the customer.

A message is looked at when a step of its plan is due, or a push. Looking twice does no harm, so a store may wake a
message once too often, but never too seldom.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

from datetime import datetime

import msgspec

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.message import Message, Passage
from cloudsms_simulator.engine.report import Attempt, Outcome, Push, PushResult, Report
from cloudsms_simulator.engine.script import EXPIRED_AT_LAST, MAXIMUM_RETURN_TIME, Step
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode, next_serial
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.report_answer import audit
from cloudsms_simulator.protocol.states import name_of

_KEPT_OF_AN_ANSWER = 4096


def look_at(transaction: Transaction, account: Account, uid: str, now: datetime) -> Push | None:
    """Brings one message up to `now`: its steps that are due, then the push that is due, if any.

    Pushes of one message never overlap: while a report of it is unsettled, later ones wait behind it.
    """
    message = transaction.messages.get(uid)
    if message is None:
        return None
    message = _reach_what_is_due(transaction, account, message, now)
    push = _next_push(transaction, account, message, now)
    _settle(transaction, message)
    return push


def record(transaction: Transaction, account: Account, push: Push, result: PushResult, now: datetime) -> None:
    """Keeps what came of a push: the attempt with its audit, and whether, and when, there is another."""
    reports = transaction.reports.get(push.uid, ())
    message = transaction.messages.get(push.uid)
    if message is None or push.number > len(reports):
        return
    report = reports[push.number - 1]
    attempt = Attempt(
        push.serial,
        push.at,
        push.url,
        push.body,
        result.status,
        result.body[:_KEPT_OF_AN_ANSWER],
        result.error,
        _findings_of(push, result),
    )
    attempts = (*report.attempts, attempt)
    outcome, again = _after(attempt, len(attempts), account.callback, now)
    transaction.put_report(msgspec.structs.replace(report, attempts=attempts, outcome=outcome, next_attempt_at=again))
    if again is not None:
        transaction.wakes.append((again, push.uid))
    elif len(reports) > push.number:
        transaction.wakes.append((now, push.uid))
    _settle(transaction, message)


def _reach_what_is_due(transaction: Transaction, account: Account, message: Message, now: datetime) -> Message:
    moment = message.next_step_at
    while moment is not None and moment <= now:
        upcoming = message.next_step
        assert upcoming is not None
        message = _reach(transaction, account, message, upcoming, moment)
        moment = message.next_step_at
        if moment is not None:
            transaction.wakes.append((moment, message.uid))
    return message


def _reach(transaction: Transaction, account: Account, message: Message, step: Step, at: datetime) -> Message:
    refund = (
        step.final
        and message.price != 0
        and step.state not in message.sending.profile.charged_states
        and not message.refunded
    )
    if refund and transaction.standing.balance is not None:
        balance = transaction.standing.balance + message.cost
        transaction.standing = msgspec.structs.replace(transaction.standing, balance=balance)
        transaction.entries.append(LedgerEntry(account.name, message.uid, "refund", message.cost, balance, at))
    message = msgspec.structs.replace(
        message, passages=(*message.passages, Passage(step.state, at)), refunded=message.refunded or refund
    )
    transaction.put(message)
    number = len(transaction.reports.get(message.uid, ())) + 1
    transaction.put_report(
        Report(
            message.uid,
            number,
            account.name,
            step.state,
            at,
            "lost" if step.lost else "pending",
            None if step.lost else at,
            findings=_timing_findings(message, step),
        )
    )
    return message


def _timing_findings(message: Message, step: Step) -> tuple[Finding, ...]:
    findings = []
    if step.final and step.after > MAXIMUM_RETURN_TIME and step != EXPIRED_AT_LAST:
        findings.append(found("report-late", "report", Told(f"{name_of(step.state)} after {step.after}"), "24 hours"))
    if step.final:
        findings += [
            found("report-dropped", "report", Told(f"{name_of(each.state)} after {each.after}"), "25 hours at most")
            for each in message.plan.dropped
        ]
    return tuple(findings)


def _next_push(transaction: Transaction, account: Account, message: Message, now: datetime) -> Push | None:
    for report in transaction.reports.get(message.uid, ()):
        if report.outcome != "pending":
            continue
        if report.next_attempt_at is None or report.next_attempt_at > now:
            return None
        url = account.callback.url
        if url is not None:
            return _start(transaction, account, message, report, url, now)
        transaction.put_report(msgspec.structs.replace(report, outcome="no_callback", next_attempt_at=None))
    return None


def _start(
    transaction: Transaction, account: Account, message: Message, report: Report, url: str, now: datetime
) -> Push:
    profile = message.sending.profile
    serial = next_serial(transaction.standing.dr_serial, profile.dr_serial_wrap)
    transaction.standing = msgspec.structs.replace(transaction.standing, dr_serial=serial)
    transaction.put_report(msgspec.structs.replace(report, next_attempt_at=None))
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
    return Push(account.name, message.uid, report.number, serial, now, url, body)


def _after(attempt: Attempt, made: int, callback: Callback, now: datetime) -> tuple[Outcome, datetime | None]:
    if attempt.succeeded:
        return "answered", None
    if made <= len(callback.retries):
        return "pending", now + callback.retries[made - 1]
    return ("abandoned" if callback.retries else "failed"), None


def _findings_of(push: Push, result: PushResult) -> tuple[Finding, ...]:
    if result.failure is not None:
        return (found(result.failure, "callback", Told(result.error or "no answer"), f"an answer from {push.url}"),)
    status = result.status or 0
    findings = audit(push.serial, status, result.body)
    if 300 <= status < 400:
        findings = (found("push-redirect", "callback", status, "an answer at the callback URL itself"), *findings)
    elif status in {404, 405}:
        findings = (found("push-path", "callback", Told(push.url), "the path your server handles"), *findings)
    return findings


def _settle(transaction: Transaction, message: Message) -> None:
    """Marks a message that has nothing left to do."""
    current = transaction.messages[message.uid]
    if current.settled or current.final_at is None:
        return
    if any(report.outcome == "pending" for report in transaction.reports.get(message.uid, ())):
        return
    transaction.put(msgspec.structs.replace(current, settled=True))
    standing = transaction.standing
    transaction.standing = msgspec.structs.replace(standing, outstanding=standing.outstanding - 1)
