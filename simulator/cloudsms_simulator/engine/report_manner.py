"""The manner of a report, put to use: when it is pushed, how often, in which words, and what goes wrong with it.

Plainly pushed reports go through the same functions: their manner is `PLAIN`.

Spec: Delivery Report (DR) CallBack. Reading: R11, R22.
"""

from collections.abc import Sequence
from datetime import timedelta

from cloudsms_simulator.engine.fault import PushFault
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Attempt, Outcome, Report
from cloudsms_simulator.engine.script import Manner
from cloudsms_simulator.protocol.altered_report import Alterations, altered
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime

PLAIN = Manner()

_AUDITED = "dr-"
"""How the rules about a customer's answer begin."""


def manner_of(message: Message, number: int) -> Manner:
    """How the report of that number is pushed: as its step says.

    Every step of a plan has one report; those beyond were asked for when the message had its final state already.
    """
    steps = message.plan.steps
    return (steps[number - 1].manner if number <= len(steps) else None) or PLAIN


def first_due(reached_at: datetime, manner: Manner) -> datetime:
    """When the first push of a report is due whose state was reached then."""
    return reached_at + manner.held


def due_report(message: Message, reports: Sequence[Report], now: datetime) -> Report | None:
    """The report of a message to push now: the first that is due, unless an earlier one stands in its way.

    Pushes of one message never overlap. A report that is held lets later ones pass until its time comes; one that
    waits for a retry does not.
    """
    if len(reports) == 1:
        (only,) = reports
        waits = only.outcome != "pending" or only.next_attempt_at is None or only.next_attempt_at > now
        return None if waits else only
    pending = [report for report in reports if report.outcome == "pending"]
    if any(report.next_attempt_at is None for report in pending):
        return None
    for report in pending:
        if report.next_attempt_at is not None and report.next_attempt_at <= now:
            return report
        if not _is_held(report, manner_of(message, report.number)):
            return None
    return None


def wakes_after(reports: Sequence[Report], now: datetime) -> tuple[datetime, ...]:
    """When to look at a message again once a push of it has ended: as soon as each pending report is due."""
    return tuple(
        max(now, report.next_attempt_at)
        for report in reports
        if report.outcome == "pending" and report.next_attempt_at is not None
    )


def after_attempt(
    attempts: Sequence[Attempt], manner: Manner, retries: Sequence[timedelta], now: datetime
) -> tuple[Outcome, datetime | None]:
    """The outcome of a report after its attempts so far, the last of which ended now; and when the next is due.

    A copy is done when it was answered, or its retries are used up; then the next one is due at once. A report of
    which any copy was answered is answered. One that is pushed again although it was done is not tried a second time.
    """
    last = attempts[-1]
    if last.succeeded and manner.copies == 1:
        return "answered", None
    if last.resent:
        return _outcome(attempts, tried_again=len(attempts) > 1 and bool(retries)), None
    copies = made = 0
    for attempt in attempts:
        made += 1
        if attempt.succeeded or made > len(retries):
            copies, made = copies + 1, 0
    if copies < manner.copies:
        return "pending", now if made == 0 else now + retries[made - 1]
    return _outcome(attempts, tried_again=bool(retries)), None


def fault_of(manner: Manner, made: int) -> PushFault | None:
    """What goes wrong with the next attempt when so many were made; those of all copies count."""
    return manner.fault if made < manner.fault_times else None


def altered_body(body: bytes, manner: Manner) -> bytes:
    """The body of a push, in the words of its manner. CUSTOMER_BODY stays byte for byte."""
    if manner is PLAIN:
        return body
    return altered(
        body,
        Alterations(
            serial=manner.serial, uid_case=manner.uid_case, desc=manner.desc, omit=manner.omit, extra=manner.extra
        ),
    )


def fair(findings: tuple[Finding, ...], manner: Manner, fault: PushFault | None) -> tuple[Finding, ...]:
    """Of the findings on a customer's answer, those the customer is to blame for.

    What is no report need not be answered like one, and a SERIAL that was left out or is no number cannot be echoed.
    """
    if not findings:
        return ()
    if fault is PushFault.MALFORMED:
        return tuple(finding for finding in findings if not finding.rule.startswith(_AUDITED))
    if "SERIAL" in manner.omit or any(key == "SERIAL" for key, _ in manner.extra):
        return tuple(finding for finding in findings if finding.rule != "dr-answer-serial")
    return findings


def _outcome(attempts: Sequence[Attempt], *, tried_again: bool) -> Outcome:
    if any(attempt.succeeded for attempt in attempts):
        return "answered"
    return "abandoned" if tried_again else "failed"


def _is_held(report: Report, manner: Manner) -> bool:
    return bool(manner.held) and not report.attempts
