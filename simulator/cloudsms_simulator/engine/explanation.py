"""Explanation: who decided on an exchange or a message, what it costs, everything that happened to it, what is to come.

All of it is read out of what is kept; nothing is decided here a second time. `decider_of` and its like say who
decided, `charges` what each message costs, `expected_reports` what will be reported. An `ExplainedExchange` is an
exchange with all that an explanation of it is made of. `due_items` are what is still due of a message: its states,
its expiry, and the next push of each report; what a push that is on the way will come to is not known, so it is not
among them. `history_of` tells everything about one message in order: it begins with the request the message came in
and ends with the customer's answer to its last report. Moments are those of the account's clock, on which a request,
its checks and its answer happen at once.

Spec: CloudSMS Business Process. Spec: RESULT_CODE and RESULT_DESC. Spec: Delivery Report (DR) CallBack. Reading: R10,
R11, R24, R25.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.delivery import PLAIN_REPORT
from cloudsms_simulator.engine.evaluation import MAGIC_MARK, MAGIC_NUMBERS
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.plan import EXPIRED_AT_LAST, MAXIMUM_RETURN_TIME, ReportOptions, Step
from cloudsms_simulator.engine.records import Attempt, Exchange, Message, Report, Sending
from cloudsms_simulator.engine.transaction import Reply
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code, state_desc
from cloudsms_simulator.protocol.customer import DestinationAnswer, read_answer
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.profile import Profile

# Who decided.

DecidedBy = Literal[
    "check", "account", "rule", "magic number", "fault", "local rejection", "default", "transport", "simulator"
]

_OF_THE_ACCOUNT = frozenset(
    {
        "rate-limited",
        "queue-full",
        "blacklisted-number",
        "blacklisted-word",
        "unpriced",
        "batch-refused",
        "source-not-whitelisted",
    }
)
_OURS = frozenset({"unknown-error", "store-failed"})
_PLACE = lazy_pattern(r"\$\.MULTI_MSISDN_LIST\[([0-9]{1,9})\]")
_MAGIC = f"magic {MAGIC_MARK}"
_NOBODY = "nothing decided: nothing was found"


class Decider(msgspec.Struct, frozen=True):
    """What decided: a kind, its name (a finding's rule, a rule of the scenario, a magic number), and in words."""

    by: DecidedBy
    name: str
    about: str


def decider_of(exchange: Exchange, findings: Sequence[Finding], messages: Sequence[Message]) -> Decider:
    """Returns what decided on a whole exchange; `findings` are all of its findings, those found at once first, and
    `messages` all that came of it.

    That is what decided on the code, be the answer spoilt or not; a fault, when it struck before there was a code.
    """
    if exchange.fault is not None and exchange.code is None:
        return _scripted(exchange.rule or "", "fault", exchange.fault)
    if exchange.kind != "uip":
        return (
            _decided_by_finding(findings[0], "transport") if findings else Decider("transport", exchange.kind, _NOBODY)
        )
    if isinstance(exchange, Sending):
        if exchange.accepted:
            return _decided_by_rule(next((message.rule for message in messages if message.rule is not None), None))
        return decider_of_refusal(findings, _first_place(findings))
    return _decided_by_finding(findings[0]) if findings else Decider("check", "", _NOBODY)


def _first_place(findings: Sequence[Finding]) -> int | None:
    """Returns the lowest index in MULTI_MSISDN_LIST at which something is refused; None when nothing is."""
    places = (_PLACE.match(each.path) for each in findings if each.severity == "error" or each.rule == "scripted-code")
    return min((int(place[1]) for place in places if place), default=None)


def decider_of_refusal(findings: Sequence[Finding], index: int | None) -> Decider:
    """Returns what decided on the refusal of a destination, by its index in MULTI_MSISDN_LIST."""
    reasons = [each for each in findings if each.severity == "error" or each.rule == "scripted-code"]
    place = f"$.MULTI_MSISDN_LIST[{index}]"
    own = next((each for each in reasons if each.path == place or each.path.startswith(f"{place}.")), None)
    whole = next((each for each in reasons if not each.path.startswith("$.MULTI_MSISDN_LIST[")), None)
    finding = own or whole
    if finding is None:
        return Decider("check", "", _NOBODY)
    return _decided_by_finding(finding)


def decider_of_message(message: Message) -> Decider:
    """Returns what decided on an accepted message."""
    if message.reason is not None:
        return Decider("local rejection", "local-rejected", message.reason)
    return _decided_by_rule(message.rule)


def _decided_by_rule(rule: str | None) -> Decider:
    if rule is None:
        return Decider("default", "", "no rule and no magic number has a say: the account's own report follows")
    return _scripted(rule, "rule", "a rule of the scenario")


def _scripted(rule: str, by: DecidedBy, about: str) -> Decider:
    if rule.startswith(_MAGIC) and (magic := MAGIC_NUMBERS.get(rule.removeprefix("magic "))) is not None:
        return Decider("magic number", rule, magic.about)
    return Decider(by, rule, about)


def _decided_by_finding(finding: Finding, by: DecidedBy = "check") -> Decider:
    about = f"{finding.path}: got {finding.got}, want {finding.want}"
    if finding.rule == "scripted-code":
        _, _, quoted = finding.got.partition(', as "')
        return _scripted(quoted.removesuffix('" says'), "rule", about)
    if finding.rule in _OURS:
        return Decider("simulator", finding.rule, about)
    if finding.rule in _OF_THE_ACCOUNT:
        return Decider("account", finding.rule, about)
    return Decider(by, finding.rule, about)


# What a message costs.


class Charge(msgspec.Struct, frozen=True):
    """What one message costs, and the balance around it; None on an unlimited one, or when it is not known any more."""

    segments: int
    price: Money
    cost: Money
    balance_before: Money | None
    balance_after: Money | None
    line: str
    """For people: `2 x USD 0.05 = USD 0.10; balance USD 10.00, then USD 9.90`."""


def charges(messages: Sequence[Message], entries: Sequence[LedgerEntry]) -> dict[str, Charge]:
    """Returns what each message costs, by SMS_UID; `entries` are of the account's ledger, theirs among them."""
    debits = {entry.uid: entry.balance for entry in entries if entry.reason == "debit"}
    return {message.uid: _charge(message, debits.get(message.uid)) for message in messages}


def _charge(message: Message, after: Decimal | None) -> Charge:
    sending = message.sending
    segments, currency = sending.segmentation.segments, sending.currency
    price, cost = Money(message.price, currency), Money(message.cost, currency)
    if message.reason is not None:
        return Charge(segments, price, cost, None, None, "not charged: rejected locally")
    line = f"{segments} x {price} = {cost}"
    if after is None:
        return Charge(segments, price, cost, None, None, line)
    before = Money(after + message.cost, currency)
    left = Money(after, currency)
    return Charge(segments, price, cost, before, left, f"{line}; balance {before}, then {left}")


# Which reports are to be expected.


class ExpectedReport(msgspec.Struct, frozen=True):
    """One state a message reaches, and the report of it."""

    state: int
    state_name: str
    final: bool
    at: datetime
    """When the state is reached."""
    reached: bool
    pushes: int
    """How many times it is pushed, retries aside; 0: never."""
    push_at: datetime | None
    """When its first push is due."""
    refund: Money | None
    """What comes back when it is reached."""
    note: str


def expected_reports(message: Message, *, is_pushed: bool) -> tuple[ExpectedReport, ...]:
    """Returns the states of a message in order, then those that come too late. `is_pushed`: there is a callback."""
    plan, reached = message.plan, len(message.passages)
    steps = [_expected(message, step, number < reached, is_pushed) for number, step in enumerate(plan.steps)]
    return (*steps, *(_dropped_report(message, step) for step in plan.dropped))


def _expected(message: Message, step: Step, reached: bool, is_pushed: bool) -> ExpectedReport:
    options = step.manner or PLAIN_REPORT
    at = message.sending.accepted_at + step.after
    pushes = 0 if step.lost or not is_pushed else options.copies
    uncharged = step.final and step.state not in message.sending.profile.charged_states and message.cost != 0
    return ExpectedReport(
        state=step.state,
        state_name=state_desc(step.state),
        final=step.final,
        at=at,
        reached=reached,
        pushes=pushes,
        push_at=at + options.held if pushes else None,
        refund=Money(message.cost, message.sending.currency) if uncharged else None,
        note=", ".join(_notes(step, options, is_pushed)),
    )


def _notes(step: Step, options: ReportOptions, is_pushed: bool) -> Iterator[str]:
    if step.lost:
        yield "its report is lost"
    elif not is_pushed:
        yield "pushed nowhere: the account has no callback"
    if options.before_answer:
        yield "before the answer"
    if options.held:
        yield f"held for {options.held}"
    if options.copies > 1:
        yield f"pushed {options.copies} times"
    if options.fault is not None:
        yield f"{options.fault} befalls its push"
    if options.serial is not None or options.uid_case or options.extra or options.omit or options.desc is not None:
        yield "its packet is altered"
    if step.final and step.after > MAXIMUM_RETURN_TIME:
        yield "after the maximum return time of 24 hours"


def _dropped_report(message: Message, step: Step) -> ExpectedReport:
    at = message.sending.accepted_at + step.after
    note = "never reached: the message has expired by then"
    return ExpectedReport(step.state, state_desc(step.state), step.final, at, False, 0, None, None, note)


# One exchange with all that explains it.


class ExplainedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange with all that its explanation is made of.

    `account` is None for an exchange that belongs to none; `reply` is that of a dry run, else None.
    """

    exchange: Exchange
    account: Account | None
    profile: Profile
    findings: tuple[Finding, ...]
    messages: tuple[Message, ...]
    entries: tuple[LedgerEntry, ...]
    answer: bytes | None
    """The answer as it was decided, not as a fault spoilt it; None when that is not known."""
    reply: Reply | None = None

    @property
    def items(self) -> tuple[DestinationAnswer, ...]:
        """The items of DETAIL_LIST, none if there is no answer."""
        packet = None if self.answer is None else read_answer(self.answer)
        return () if packet is None else packet.detail_list

    @property
    def passes(self) -> bool:
        """Whether everything was accepted, nothing rejected locally, and the answer arrives."""
        codes = [self.exchange.code, *(item.result_code for item in self.items)]
        whole = all(code == ResultCode.OK for code in codes)
        return whole and self.exchange.fault is None and not any(message.reason for message in self.messages)


# What is still due of a message.

DueKind = Literal["planned", "retry", "expiry"]
"""`planned`: a state to be reached, or the first push of its report. `retry`: a further push. `expiry`: at 25 h."""


class DueItem(msgspec.Struct, frozen=True):
    """One thing that is due of a message.

    `number` is that of its report; `attempt` is that of its push, 0 when there will be none.
    """

    kind: DueKind
    uid: str
    number: int
    state: int
    due_at: datetime
    """For a report that waits behind another one this is the earliest moment at which it can be pushed."""
    attempt: int


def due_items(message: Message, reports: Sequence[Report]) -> tuple[DueItem, ...]:
    """Returns what is due of a message, soonest first."""
    return tuple(sorted((*_due_pushes(message, reports), *_due_states(message)), key=lambda each: each.due_at))


def _due_pushes(message: Message, reports: Sequence[Report]) -> Iterator[DueItem]:
    for report in reports:
        if report.outcome == "pending" and report.next_attempt_at is not None:
            made = len(report.attempts)
            kind: DueKind = "retry" if made else "planned"
            yield DueItem(kind, message.uid, report.number, report.state, report.next_attempt_at, made + 1)


def _due_states(message: Message) -> Iterator[DueItem]:
    done = len(message.passages)
    for number, step in enumerate(message.plan.steps[done:], done + 1):
        kind: DueKind = "expiry" if step == EXPIRED_AT_LAST else "planned"
        due_at = message.sending.accepted_at + step.after
        yield DueItem(kind, message.uid, number, step.state, due_at, 0 if step.lost else 1)


# Everything that happened to a message, and is to come.

HistoryKind = Literal[
    "received", "finding", "checked", "decided", "rejected", "priced", "debited", "answered",
    "forced", "reached", "refunded", "report", "pushed", "abandoned", "failed", "lost", "no_callback",
    "pushing", "planned", "retry", "expiry", "dropped",
]  # fmt: skip
"""`report`: a report was made, to be pushed. `pushed` to `no_callback` say what became of that report. `pushing` to
`expiry` are not over yet, and `dropped` will never happen.
"""


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a message, or is to come.

    `text` is a sentence for people; the other fields say what it is about.
    """

    at: datetime
    kind: HistoryKind
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


def history_of(
    message: Message,
    reports: Sequence[Report],
    entries: Sequence[LedgerEntry],
    findings: Sequence[Finding],
    now: datetime,
) -> tuple[HistoryEntry, ...]:
    """Returns the history of a message, in order of time.

    `entries` may be the whole ledger of its account, `findings` all findings of its exchange.
    """
    own = [entry for entry in entries if entry.uid == message.uid]
    told = [
        *_request(message, findings),
        *_money(message, own),
        *_answer(message),
        *_forced(message),
        *_states(message, reports, own, now),
        *map(_to_come, due_items(message, reports)),
        *_dropped_steps(message),
    ]
    return tuple(sorted(told, key=lambda entry: entry.at))


def _request(message: Message, findings: Sequence[Finding]) -> Iterator[HistoryEntry]:
    sending = message.sending
    at, request = sending.accepted_at, sending.request_id
    peer = sending.connection
    by = "" if peer is None else f" from {peer.peer}"
    tls = "" if peer is None or peer.tls is None else f" over {peer.tls.version}"
    yield HistoryEntry(at=at, kind="received", text=f"Request {request} arrived{by}{tls}.", request=request)
    for finding in findings:
        place = _PLACE.match(finding.path)
        if place is None or int(place[1]) == message.index:
            yield _finding_entry(at, finding, request=request)
    yield HistoryEntry(
        at=at,
        kind="checked",
        text=f"The packet and destination {message.index + 1} of its list passed every check.",
        request=request,
    )
    decider = decider_of_message(message)
    kind: HistoryKind = "decided" if message.reason is None else "rejected"
    decided = f"{decider.by} {decider.name}".strip()
    text = f"What becomes of it was decided by {decided}: {decider.about}."
    yield HistoryEntry(at=at, kind=kind, text=text, request=request)


def _money(message: Message, entries: Sequence[LedgerEntry]) -> Iterator[HistoryEntry]:
    sending = message.sending
    at, currency = sending.accepted_at, sending.currency
    if message.reason is not None:
        yield HistoryEntry(at=at, kind="priced", text="It costs nothing: it was rejected locally.")
        return
    cost = Money(message.cost, currency)
    segments = sending.segmentation.segments
    price = f"{segments} segment{'' if segments == 1 else 's'} at {Money(message.price, currency)}: {cost}."
    yield HistoryEntry(at=at, kind="priced", text=price, amount=cost)
    for entry in entries:
        if entry.reason == "debit":
            left = Money(entry.balance, currency)
            text = f"{cost} was debited, which left a balance of {left}."
            yield HistoryEntry(at=entry.at, kind="debited", text=text, amount=Money(entry.amount, currency))


def _answer(message: Message) -> Iterator[HistoryEntry]:
    sending = message.sending
    code = ResultCode.OK
    text = f"The request was answered, this destination with {hex_code(code)} {desc_of(code)}."
    if sending.fault is not None:
        text = f'{sending.fault} befell the answer, as "{sending.rule}" says.'
    yield HistoryEntry(at=sending.received_at, kind="answered", text=text, request=sending.request_id)


def _forced(message: Message) -> Iterator[HistoryEntry]:
    for number, step in enumerate(message.plan.steps, 1):
        if step.forced_at is not None:
            yield _forced_entry(message, step, step.forced_at, number)
    for step in message.plan.dropped:
        if step.forced_at is not None:
            yield _forced_entry(message, step, step.forced_at, None)


def _forced_entry(message: Message, step: Step, at: datetime, number: int | None) -> HistoryEntry:
    due = (message.sending.accepted_at + step.after).isoformat()
    text = f"{state_desc(step.state)} was forced by hand, to be reached at {due}."
    return HistoryEntry(at=at, kind="forced", text=text, report=number, state=step.state)


def _states(
    message: Message, reports: Sequence[Report], entries: Sequence[LedgerEntry], now: datetime
) -> Iterator[HistoryEntry]:
    steps = message.plan.steps
    for number, reached in enumerate(message.passages, 1):
        final = number == len(steps)
        text = f"It reached {state_desc(reached.state)}{', its final state' if final else ''}."
        yield HistoryEntry(at=reached.at, kind="reached", text=text, report=number, state=reached.state)
        if final and message.refunded:
            yield _refund(message, reached.at, entries)
        if number <= len(reports):
            yield from _report(reports[number - 1], now)
    for report in reports[len(steps) :]:
        yield from _report(report, now)


def _refund(message: Message, at: datetime, entries: Sequence[LedgerEntry]) -> HistoryEntry:
    amount = Money(message.cost, message.sending.currency)
    entry = next((each for each in entries if each.reason == "refund"), None)
    text = f"{amount} came back, since a message in this state is not charged"
    left = "." if entry is None else f", which left a balance of {Money(entry.balance, message.sending.currency)}."
    return HistoryEntry(at=at, kind="refunded", text=f"{text}{left}", amount=amount)


def _report(report: Report, now: datetime) -> Iterator[HistoryEntry]:
    at, number, state = report.reached_at, report.number, report.state
    text = f"Report {report.id} tells {state_desc(state)}."
    yield HistoryEntry(at=at, kind="report", text=text, report=number, state=state)
    for finding in report.findings:
        yield _finding_entry(at, finding, report=number)
    for nth, attempt in enumerate(report.attempts, 1):
        text = f"Push {nth}{_resent(attempt)}, SERIAL {attempt.serial}, to {attempt.url}: {_outcome(attempt)}."
        if attempt.repeated:
            text += (
                " It went out twice: the server had closed the connection it first went out on, and may have read it."
            )
        yield HistoryEntry(at=attempt.at, kind="pushed", text=text, report=number, attempt=nth, state=state)
        for finding in attempt.findings:
            yield _finding_entry(attempt.at, finding, report=number, attempt=nth)
    last = report.attempts[-1].at if report.attempts else at
    match report.outcome:
        case "abandoned":
            text = f"Report {report.id} was abandoned after {len(report.attempts)} pushes."
            yield HistoryEntry(at=last, kind="abandoned", text=text, report=number, state=state)
        case "failed":
            text = f"Report {report.id} failed."
            yield HistoryEntry(at=last, kind="failed", text=text, report=number, state=state)
        case "lost":
            yield HistoryEntry(
                at=at, kind="lost", text="The report is lost: it is never pushed.", report=number, state=state
            )
        case "no_callback":
            text = "It was pushed nowhere: the account had no callback."
            yield HistoryEntry(at=at, kind="no_callback", text=text, report=number, state=state)
        case "pending" if report.next_attempt_at is None:
            nth = len(report.attempts) + 1
            text = f"Push {nth} of report {report.id} is on the way."
            yield HistoryEntry(at=now, kind="pushing", text=text, report=number, attempt=nth, state=state)


def _resent(attempt: Attempt) -> str:
    return " by hand" if attempt.resent else ""


def _outcome(attempt: Attempt) -> str:
    befell = "" if attempt.fault is None else f"{attempt.fault} befell it, "
    if attempt.status is None:
        return f"{befell}{attempt.error or 'no answer'}"
    return f"{befell}answered HTTP {attempt.status}{'' if attempt.body else ' without a body'}"


def _finding_entry(
    at: datetime, finding: Finding, request: int | None = None, report: int | None = None, attempt: int | None = None
) -> HistoryEntry:
    text = f"{finding.severity.capitalize()} {finding.rule} at {finding.path}: got {finding.got}, want {finding.want}."
    return HistoryEntry(
        at=at, kind="finding", text=text, request=request, report=report, attempt=attempt, finding=finding
    )


def _to_come(due: DueItem) -> HistoryEntry:
    name, number = state_desc(due.state), due.number
    match due.kind:
        case "retry":
            text = f"Push {due.attempt} of report {due.uid}-{number} is due."
        case "expiry":
            text = "It expires, without a final state by then."
        case _:
            text = f"{name} is due{'' if due.attempt else ', and its report is lost'}."
    return HistoryEntry(
        at=due.due_at,
        kind=due.kind,
        text=text,
        report=number,
        attempt=due.attempt or None,
        state=due.state,
    )


def _dropped_steps(message: Message) -> Iterator[HistoryEntry]:
    for step in message.plan.dropped:
        at = message.sending.accepted_at + step.after
        text = f"{state_desc(step.state)} would come now, and is dropped: the message has expired by then."
        yield HistoryEntry(at=at, kind="dropped", text=text, state=step.state)
