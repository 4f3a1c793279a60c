"""Delivery: what becomes of a message as time passes, and the reports that tell the customer.

A message is looked at when a step of its plan is due, or a push (`advance_message`). Looking twice does no harm, so a
store may wake a message once too often, but never too seldom. `record_attempt` keeps what came of a push and plans
the next one. How a report is pushed, when, how often, in which words, and what goes wrong with it, are its
`ReportOptions`; plainly pushed reports go through the same functions, with `PLAIN_REPORT`.

By hand, a state can be forced on a message (`force_state`), and a report be pushed once more (`resend_report`). What
is forced goes the way of all that is planned: it is reached when its time comes, refunded, reported and pushed in its
turn. Nobody gets a second final state, and nothing moves money twice.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R22, R25.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.plan import EXPIRED_AT_LAST, MAXIMUM_RETURN_TIME, Plan, ReportOptions, Step, plan_of
from cloudsms_simulator.engine.records import (
    Attempt,
    Message,
    Outcome,
    Push,
    PushResult,
    ReachedState,
    Report,
    without_keys,
)
from cloudsms_simulator.engine.transaction import Transaction, with_report
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import state_desc
from cloudsms_simulator.protocol.delivery_report import (
    Alterations,
    DeliveryReport,
    altered,
    audit,
    encode_report,
    next_serial,
)
from cloudsms_simulator.protocol.findings import Finding, Told, found
from cloudsms_simulator.protocol.masking import KeyRing

# How a report is pushed.

PLAIN_REPORT = ReportOptions()


def report_options_of(message: Message, number: int) -> ReportOptions:
    """Returns how the report of that number is pushed: as its step says.

    Every step of a plan has one report; those beyond were asked for when the message had its final state already, and
    are pushed plainly.
    """
    steps = message.plan.steps
    return (steps[number - 1].manner if number <= len(steps) else None) or PLAIN_REPORT


def first_due(reached_at: datetime, options: ReportOptions) -> datetime:
    """Returns when the first push of a report is due whose state was reached at that moment."""
    return reached_at + options.held


def fault_of(options: ReportOptions, made: int) -> PushFault | None:
    """Returns what goes wrong with the next attempt when so many were made; the attempts of all copies count."""
    return options.fault if made < options.fault_times else None


def altered_body(body: bytes, options: ReportOptions) -> bytes:
    """Returns the body of a push, altered as its options say. CUSTOMER_BODY stays byte for byte."""
    if options is PLAIN_REPORT:
        return body
    return altered(
        body,
        Alterations(
            serial=options.serial, uid_case=options.uid_case, desc=options.desc, omit=options.omit, extra=options.extra
        ),
    )


# Time passes: states are reached, and the next push is started.


def advance_message(transaction: Transaction, account: Account, uid: str, now: datetime) -> Push | None:
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
        message = _settled_if_done(transaction, message, reports)
    if message is not before or reports is not known:
        transaction.put_both(message, reports)
    return push


def _reach_what_is_due(
    transaction: Transaction, account: Account, message: Message, reports: tuple[Report, ...], now: datetime
) -> tuple[Message, tuple[Report, ...]]:
    steps, accepted_at = message.plan.steps, message.sending.accepted_at
    if message.uid in transaction.unanswered:
        # When the other steps are released, the message is looked at again.
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
        reports = (*reports, report) if reports else (report,)
        done += 1
    return message, reports


def _reach(transaction: Transaction, account: Account, message: Message, step: Step, at: datetime) -> Message:
    if step.final:
        transaction.final_states += (step.state,)
    refund = (
        step.final
        and step.state not in message.sending.profile.charged_states
        and message.price != 0
        and not message.refunded
    )
    if refund and message.sending.metered and transaction.standing.balance is not None:
        transaction.move("refund", message.cost, at, message.uid)
    passages = (*message.passages, ReachedState(step.state, at))
    return msgspec.structs.replace(message, passages=passages, refunded=message.refunded or refund)


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
        findings.append(
            found("report-late", "report", Told(f"{state_desc(step.state)} after {step.after}"), "24 hours")
        )
    findings += [
        found("report-dropped", "report", Told(f"{state_desc(each.state)} after {each.after}"), "25 hours at most")
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


def due_report(message: Message, reports: Sequence[Report], now: datetime) -> Report | None:
    """Returns the report of a message to push now: the first that is due, unless an earlier one has to be pushed first.

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
        if not _is_held(report, report_options_of(message, report.number)):
            return None
    return None


def _is_held(report: Report, options: ReportOptions) -> bool:
    return bool(options.held) and not report.attempts


def _start(
    transaction: Transaction, account: Account, message: Message, report: Report, url: str, now: datetime
) -> Push:
    profile = message.sending.profile
    options = report_options_of(message, report.number)
    serial = options.serial
    if serial is None:
        serial = next_serial(transaction.standing.dr_serial, profile.dr_serial_wrap)
        transaction.standing = msgspec.structs.replace(transaction.standing, dr_serial=serial)
    body = encode_report(
        DeliveryReport(
            serial=serial,
            time=now,
            report_time=report.reached_at,
            source_msisdn=message.sending.source,
            sms_uid=message.uid,
            country_code=message.country_code,
            dest_msisdn=message.msisdn,
            state=report.state,
            desc=state_desc(report.state),
            customer_body=message.sending.customer_body,
            auth_key=account.auth_key if profile.dr_auth_key else None,
        )
    )
    if options is not PLAIN_REPORT:
        body = altered_body(body, options)
    fault = fault_of(options, len(report.attempts))
    return Push(account.name, message.uid, report.number, serial, now, url, body, fault)


# A push has ended: it is kept, and the next one is planned.

_KEPT_OF_AN_ANSWER = 4096
"""Octets of a customer's answer that are kept."""

_AUDITED = "dr-"
"""The ids of the rules about a customer's answer begin so."""


def record_attempt(
    transaction: Transaction, account: Account, push: Push, result: PushResult, now: datetime, known: KeyRing
) -> None:
    """Keeps what came of a push: the attempt with its audit, and whether, and when, there is another.

    No finding quotes one of the `known` AUTH_KEYs.
    """
    reports = transaction.reports.get(push.uid, ())
    message = transaction.messages.get(push.uid)
    if message is None or push.number > len(reports):
        return
    report, options = reports[push.number - 1], report_options_of(message, push.number)
    attempt = Attempt(
        push.serial,
        push.at,
        push.url,
        push.body,
        result.status,
        result.body[:_KEPT_OF_AN_ANSWER],
        result.error,
        tuple(
            [without_keys(each, (known,)) for each in fair_findings(push_findings(push, result), options, push.fault)]
        ),
        push.fault,
        report.resend,
        result.tls,
        result.repeated,
    )
    attempts = (*report.attempts, attempt)
    outcome, again = after_attempt(attempts, options, account.callback.retries, now)
    transaction.pushed += ((outcome, attempt),)
    ended = msgspec.structs.replace(report, attempts=attempts, outcome=outcome, next_attempt_at=again, resend=False)
    reports = with_report(reports, ended)
    if again is not None or len(reports) > 1:
        transaction.wakes += [(due, push.uid) for due in wakes_after(reports, now)]
    transaction.put_both(_settled_if_done(transaction, message, reports), reports)


def push_findings(push: Push, result: PushResult) -> tuple[Finding, ...]:
    """Returns what is wrong with how a push ended; empty when it was answered as the document wants it."""
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


def fair_findings(
    findings: tuple[Finding, ...], options: ReportOptions, fault: PushFault | None
) -> tuple[Finding, ...]:
    """Returns those of the findings on a customer's answer that the customer is to blame for.

    What is no report need not be answered like one, and a SERIAL that was left out or is no number cannot be echoed.
    """
    if not findings:
        return ()
    if fault is not None and not fault.is_report:
        return tuple(finding for finding in findings if not finding.rule.startswith(_AUDITED))
    if "SERIAL" in options.omit or any(key == "SERIAL" for key, _ in options.extra):
        return tuple(finding for finding in findings if finding.rule != "dr-answer-serial")
    return findings


def after_attempt(
    attempts: Sequence[Attempt], options: ReportOptions, retries: Sequence[timedelta], now: datetime
) -> tuple[Outcome, datetime | None]:
    """Returns the outcome of a report after its attempts so far, the last of which ended now; and when the next is due.

    A copy is done when it was answered, or its retries are used up; then the next one is due at once. A report of
    which any copy was answered is answered. One that is pushed again although it was done is not tried a second time.
    """
    last = attempts[-1]
    if last.succeeded and options.copies == 1:
        return "answered", None
    if last.resent:
        return _outcome_of(attempts, tried_again=len(attempts) > 1 and bool(retries)), None
    copies = made = 0
    for attempt in attempts:
        made += 1
        if attempt.succeeded or made > len(retries):
            copies, made = copies + 1, 0
    if copies < options.copies:
        return "pending", now if made == 0 else now + retries[made - 1]
    return _outcome_of(attempts, tried_again=bool(retries)), None


def _outcome_of(attempts: Sequence[Attempt], *, tried_again: bool) -> Outcome:
    if any(attempt.succeeded for attempt in attempts):
        return "answered"
    return "abandoned" if tried_again else "failed"


def wakes_after(reports: Sequence[Report], now: datetime) -> tuple[datetime, ...]:
    """Returns when to look at a message again once a push of it has ended: as soon as each pending report is due."""
    return tuple(
        max(now, report.next_attempt_at)
        for report in reports
        if report.outcome == "pending" and report.next_attempt_at is not None
    )


def _settled_if_done(transaction: Transaction, message: Message, reports: tuple[Report, ...]) -> Message:
    """Returns the message, marked as settled if it has nothing left to do."""
    if message.settled or len(message.passages) < len(message.plan.steps):
        return message
    for report in reports:
        if report.outcome == "pending":
            return message
    state = transaction.standing
    transaction.standing = msgspec.structs.replace(state, outstanding=state.outstanding - 1)
    return msgspec.structs.replace(message, settled=True)


# By hand: a state is forced, or a report pushed once more.


class ForceRequest(msgspec.Struct, frozen=True):
    """Asks for a state of a message, reached so long `after` the request."""

    state: int
    after: timedelta
    final: bool
    again: bool = False
    """Asks for one more report of a message that has its final state; it changes neither the state nor money."""


class ForceResult(msgspec.Struct, frozen=True):
    """What came of a `ForceRequest`."""

    state: int
    final: bool
    due_at: datetime
    """When the state is reached; of a further report, when it is pushed."""
    number: int | None
    """The number of its report; None: the message has expired by then, and the state is never reached."""


class Conflict(msgspec.Struct, frozen=True):
    """Why something cannot be done, and what can."""

    why: str


def force_state(
    transaction: Transaction, account: Account, uid: str, request: ForceRequest, now: datetime
) -> ForceResult | Conflict:
    """Forces a state on a message of the transaction.

    A final one takes the place of all that is planned; any other comes in between, unless a final one comes before it.
    """
    message = transaction.messages[uid]
    if message.final_at is None:
        return _force_before_the_end(transaction, message, request, now)
    if request.again:
        return _report_again(transaction, account, message, request, now)
    state = state_desc(message.state or 0)
    return Conflict(
        f"message {uid} is {state} since {message.final_at.isoformat()}, and nothing follows a final state; "
        f'with "again": true one more report is pushed, which changes neither the state nor any money, and '
        f"POST /api/v1/reports/{uid}-{len(transaction.reports[uid])}/resend pushes the same one again"
    )


def _force_before_the_end(
    transaction: Transaction, message: Message, request: ForceRequest, now: datetime
) -> ForceResult | Conflict:
    due_at = now + request.after
    forced = Step(request.state, due_at - message.sending.accepted_at, request.final, forced_at=now)
    plan = _plan_with(message, forced)
    index = next((index for index, step in enumerate(plan.steps) if step is forced), None)
    if index is None and not any(step is forced for step in plan.dropped):
        end = plan.steps[-1]
        return Conflict(
            f"message {message.uid} is {state_desc(end.state)} by {due_at.isoformat()}, and nothing follows a final "
            f"state; force {state_desc(request.state)} earlier, "
            f"or a final state in the place of {state_desc(end.state)}"
        )
    before = _wakes_of(message, transaction.reports[message.uid])
    transaction.put(msgspec.structs.replace(message, plan=plan))
    _plan_anew(transaction, message.uid, before)
    return ForceResult(request.state, request.final, due_at, None if index is None else index + 1)


def _plan_with(message: Message, forced: Step) -> Plan:
    """Returns the plan of a message that has no final state yet, with one more step; what was reached stays."""
    done, plan = len(message.passages), message.plan
    to_come = () if forced.final else (*plan.steps[done:], *plan.dropped)
    # Without a final state among them the expiry comes back.
    return plan_of(*plan.steps[:done], forced, *(step for step in to_come if step != EXPIRED_AT_LAST))


def _report_again(
    transaction: Transaction, account: Account, message: Message, request: ForceRequest, now: datetime
) -> ForceResult | Conflict:
    reports = transaction.reports[message.uid]
    due_at, number = now + request.after, len(reports) + 1
    before = _wakes_of(message, reports)
    transaction.put_report(Report(message.uid, number, account.name, request.state, due_at, "pending", due_at))
    _unsettle(transaction, message)
    _plan_anew(transaction, message.uid, before)
    return ForceResult(request.state, request.final, due_at, number)


def resend_report(
    transaction: Transaction, account: Account, uid: str, number: int, now: datetime
) -> Report | Conflict:
    """Plans to push a report of a message of the transaction now, whatever came of it so far. Returns the report.

    One that waits for its time, or for a retry, is pushed at once instead, and goes on from there. One that is done is
    pushed once more, and not tried again.
    """
    message, reports = transaction.messages[uid], transaction.reports[uid]
    report = reports[number - 1]
    conflict = _cannot_be_pushed(report, account, now)
    if conflict is not None:
        return conflict
    before = _wakes_of(message, reports)
    is_done = report.outcome != "pending"
    report = msgspec.structs.replace(report, outcome="pending", next_attempt_at=now, resend=is_done)
    transaction.put_report(report)
    _unsettle(transaction, message)
    _plan_anew(transaction, uid, before)
    return report


def _cannot_be_pushed(report: Report, account: Account, now: datetime) -> Conflict | None:
    if account.callback.url is None:
        return Conflict(f'account "{account.name}" has no callback; set one, and report {report.id} can be pushed')
    if report.outcome == "pending" and report.next_attempt_at is None:
        return Conflict(f"a push of report {report.id} is on the way; wait until it ended")
    if report.reached_at > now:
        return Conflict(f"the state of report {report.id} is not reached before {report.reached_at.isoformat()}")
    if report.next_attempt_at is not None and report.next_attempt_at <= now:
        return Conflict(f"report {report.id} is due already, and pushed in its turn")
    return None


def _unsettle(transaction: Transaction, message: Message) -> None:
    """Marks a settled message as one that has something left to do again."""
    if message.settled:
        state = transaction.standing
        transaction.standing = msgspec.structs.replace(state, outstanding=state.outstanding + 1)
        transaction.put(msgspec.structs.replace(message, settled=False))


def _plan_anew(transaction: Transaction, uid: str, before: Mapping[int, datetime]) -> None:
    """Plans anew when to look at a message whose steps or reports have changed; `before` are the moments until then.

    Moments at which nothing is due any more are cancelled. What has another moment is looked at then, even if something
    else had that moment before: the store may have woken the message for that one already.
    """
    after = _wakes_of(transaction.messages[uid], transaction.reports[uid])
    unwanted = {*before.values()} - {*after.values()}
    wanted = {moment for what, moment in after.items() if before.get(what) != moment}
    transaction.cancelled += tuple([(moment, uid) for moment in sorted(unwanted)])
    transaction.wakes += [(moment, uid) for moment in sorted(wanted)]


def _wakes_of(message: Message, reports: tuple[Report, ...]) -> Mapping[int, datetime]:
    """Returns when to look at a message: by number for each report that waits, and under 0 for its next step."""
    moments = {report.number: report.next_attempt_at for report in reports if report.outcome == "pending"}
    moments[0] = message.next_step_at
    return {what: moment for what, moment in moments.items() if moment is not None}
