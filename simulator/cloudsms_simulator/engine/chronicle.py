"""The chronicle of one message: everything that happened to it in order, and what is still to come.

It begins with the request the message came in and ends with the customer's answer to its last report. Everything is
read out of what is kept; nothing is decided here a second time. Moments are those of the account's clock, on which a
request, its checks and its answer happen at once.

Spec: CloudSMS Business Process. Spec: Delivery Report (DR) CallBack. Reading: R25.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.coming import Coming, coming_of
from cloudsms_simulator.engine.explaining import decider_of_message
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.report import Attempt, Report
from cloudsms_simulator.engine.script import Step
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of, written
from cloudsms_simulator.protocol.states import name_of

Kind = Literal[
    "received", "finding", "checked", "decided", "rejected", "priced", "debited", "answered",
    "forced", "reached", "refunded", "report", "pushed", "abandoned", "failed", "lost", "no_callback",
    "pushing", "planned", "retry", "expiry", "dropped",
]  # fmt: skip
"""`report`: a report was made, to be pushed. The line of those after it: what became of that report. From `pushing` on:
not over yet, or, if `dropped`, never to be.
"""

_PLACE = re.compile(r"\$\.MULTI_MSISDN_LIST\[([0-9]{1,9})\]")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, or is to come; `text` is a sentence for people, the rest is what it is about."""

    at: datetime
    kind: Kind
    text: str
    request: int | None = None
    """The number of the exchange."""
    report: int | None = None
    """The number of the report."""
    attempt: int | None = None
    state: int | None = None
    amount: Money | None = None
    """Negative for a debit."""
    finding: Finding | None = None

    @property
    def is_to_come(self) -> bool:
        """Whether it did not happen yet."""
        return self.kind in {"pushing", "planned", "retry", "expiry"}


def chronicle_of(
    message: Message,
    reports: Sequence[Report],
    entries: Sequence[LedgerEntry],
    findings: Sequence[Finding],
    now: datetime,
) -> tuple[Entry, ...]:
    """The chronicle of a message; `entries` may be the whole ledger of its account, `findings` all of its exchange."""
    own = [entry for entry in entries if entry.uid == message.uid]
    told = [
        *_request(message, findings),
        *_money(message, own),
        *_answer(message),
        *_forced(message),
        *_states(message, reports, own, now),
        *map(_to_come, coming_of(message, reports)),
        *_dropped(message),
    ]
    return tuple(sorted(told, key=lambda entry: entry.at))


def _request(message: Message, findings: Sequence[Finding]) -> Iterator[Entry]:
    sending = message.sending
    at, request = sending.accepted_at, sending.request_id
    peer = sending.connection
    by = "" if peer is None else f" from {peer.peer}"
    tls = "" if peer is None or peer.tls is None else f" over {peer.tls.version}"
    yield Entry(at=at, kind="received", text=f"Request {request} arrived{by}{tls}.", request=request)
    for finding in findings:
        place = _PLACE.match(finding.path)
        if place is None or int(place[1]) == message.index:
            yield _found(at, finding, request=request)
    yield Entry(
        at=at,
        kind="checked",
        text=f"The packet and destination {message.index + 1} of its list passed every check.",
        request=request,
    )
    decider = decider_of_message(message)
    kind: Kind = "decided" if message.reason is None else "rejected"
    decided = f"{decider.by} {decider.name}".strip()
    text = f"What becomes of it was decided by {decided}: {decider.about}."
    yield Entry(at=at, kind=kind, text=text, request=request)


def _money(message: Message, entries: Sequence[LedgerEntry]) -> Iterator[Entry]:
    sending = message.sending
    at, currency = sending.accepted_at, sending.currency
    if message.reason is not None:
        yield Entry(at=at, kind="priced", text="It costs nothing: it was rejected locally.")
        return
    cost = Money(message.cost, currency)
    segments = sending.segmentation.segments
    price = f"{segments} segment{'' if segments == 1 else 's'} at {Money(message.price, currency)}: {cost}."
    yield Entry(at=at, kind="priced", text=price, amount=cost)
    for entry in entries:
        if entry.reason == "debit":
            left = Money(entry.balance, currency)
            text = f"{cost} was debited, which left a balance of {left}."
            yield Entry(at=entry.at, kind="debited", text=text, amount=Money(entry.amount, currency))


def _answer(message: Message) -> Iterator[Entry]:
    sending = message.sending
    code = ResultCode.OK
    text = f"The request was answered, this destination with {written(code)} {desc_of(code)}."
    if sending.fault is not None:
        text = f'{sending.fault} befell the answer, as "{sending.rule}" says.'
    yield Entry(at=sending.received_at, kind="answered", text=text, request=sending.request_id)


def _forced(message: Message) -> Iterator[Entry]:
    for number, step in enumerate(message.plan.steps, 1):
        if step.forced_at is not None:
            yield _forced_entry(message, step, step.forced_at, number)
    for step in message.plan.dropped:
        if step.forced_at is not None:
            yield _forced_entry(message, step, step.forced_at, None)


def _forced_entry(message: Message, step: Step, at: datetime, number: int | None) -> Entry:
    due = (message.sending.accepted_at + step.after).isoformat()
    text = f"{name_of(step.state)} was forced by hand, to be reached at {due}."
    return Entry(at=at, kind="forced", text=text, report=number, state=step.state)


def _states(
    message: Message, reports: Sequence[Report], entries: Sequence[LedgerEntry], now: datetime
) -> Iterator[Entry]:
    steps = message.plan.steps
    for number, passage in enumerate(message.passages, 1):
        final = number == len(steps)
        text = f"It reached {name_of(passage.state)}{', its final state' if final else ''}."
        yield Entry(at=passage.at, kind="reached", text=text, report=number, state=passage.state)
        if final and message.refunded:
            yield _refund(message, passage.at, entries)
        if number <= len(reports):
            yield from _report(reports[number - 1], now)
    for report in reports[len(steps) :]:
        yield from _report(report, now)


def _refund(message: Message, at: datetime, entries: Sequence[LedgerEntry]) -> Entry:
    amount = Money(message.cost, message.sending.currency)
    entry = next((each for each in entries if each.reason == "refund"), None)
    text = f"{amount} came back, since a message in this state is not charged"
    left = "." if entry is None else f", which left a balance of {Money(entry.balance, message.sending.currency)}."
    return Entry(at=at, kind="refunded", text=f"{text}{left}", amount=amount)


def _report(report: Report, now: datetime) -> Iterator[Entry]:
    at, number, state = report.reached_at, report.number, report.state
    text = f"Report {report.id} tells {name_of(state)}."
    yield Entry(at=at, kind="report", text=text, report=number, state=state)
    for finding in report.findings:
        yield _found(at, finding, report=number)
    for nth, attempt in enumerate(report.attempts, 1):
        text = f"Push {nth}{_resent(attempt)}, SERIAL {attempt.serial}, to {attempt.url}: {_outcome(attempt)}."
        yield Entry(at=attempt.at, kind="pushed", text=text, report=number, attempt=nth, state=state)
        for finding in attempt.findings:
            yield _found(attempt.at, finding, report=number, attempt=nth)
    last = report.attempts[-1].at if report.attempts else at
    match report.outcome:
        case "abandoned":
            text = f"Report {report.id} was abandoned after {len(report.attempts)} pushes."
            yield Entry(at=last, kind="abandoned", text=text, report=number, state=state)
        case "failed":
            text = f"Report {report.id} failed."
            yield Entry(at=last, kind="failed", text=text, report=number, state=state)
        case "lost":
            yield Entry(at=at, kind="lost", text="The report is lost: it is never pushed.", report=number, state=state)
        case "no_callback":
            text = "It was pushed nowhere: the account had no callback."
            yield Entry(at=at, kind="no_callback", text=text, report=number, state=state)
        case "pending" if report.next_attempt_at is None:
            nth = len(report.attempts) + 1
            text = f"Push {nth} of report {report.id} is on the way."
            yield Entry(at=now, kind="pushing", text=text, report=number, attempt=nth, state=state)


def _resent(attempt: Attempt) -> str:
    return " by hand" if attempt.resent else ""


def _outcome(attempt: Attempt) -> str:
    befell = "" if attempt.fault is None else f"{attempt.fault} befell it, "
    if attempt.status is None:
        return f"{befell}{attempt.error or 'no answer'}"
    return f"{befell}answered HTTP {attempt.status}{'' if attempt.body else ' without a body'}"


def _found(
    at: datetime, finding: Finding, request: int | None = None, report: int | None = None, attempt: int | None = None
) -> Entry:
    text = f"{finding.severity.capitalize()} {finding.rule} at {finding.path}: got {finding.got}, want {finding.want}."
    return Entry(at=at, kind="finding", text=text, request=request, report=report, attempt=attempt, finding=finding)


def _to_come(coming: Coming) -> Entry:
    name, number = name_of(coming.state), coming.number
    match coming.kind:
        case "retry":
            text = f"Push {coming.attempt} of report {coming.uid}-{number} is due."
        case "expiry":
            text = "It expires, without a final state by then."
        case _:
            text = f"{name} is due{'' if coming.attempt else ', and its report is lost'}."
    return Entry(
        at=coming.due_at,
        kind=coming.kind,
        text=text,
        report=number,
        attempt=coming.attempt or None,
        state=coming.state,
    )


def _dropped(message: Message) -> Iterator[Entry]:
    for step in message.plan.dropped:
        at = message.sending.accepted_at + step.after
        text = f"{name_of(step.state)} would come now, and is dropped: the message has expired by then."
        yield Entry(at=at, kind="dropped", text=text, state=step.state)
