"""Explaining: who decided on a message, what it costs, and what will be reported of it, read out of what is kept.

Nothing is decided here a second time.

Spec: RESULT_CODE and RESULT_DESC. Spec: Delivery Report (DR) CallBack. Reading: R24.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.magic import MARK, OMENS
from cloudsms_simulator.engine.message import Message, Sending
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.report_manner import PLAIN
from cloudsms_simulator.engine.script import MAXIMUM_RETURN_TIME, Manner, Step
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of

By = Literal[
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
_PLACE = re.compile(r"\$\.MULTI_MSISDN_LIST\[([0-9]{1,9})\]")
_MAGIC = f"magic {MARK}"
_NOBODY = "nothing decided: nothing was found"


class Decider(msgspec.Struct, frozen=True):
    """What decided: a kind, its name (a finding's rule, a rule of the scenario, a magic number), and in words."""

    by: By
    name: str
    about: str


class Charge(msgspec.Struct, frozen=True):
    """What one message costs, and the balance around it; None on an unlimited one, or when it is not known any more."""

    segments: int
    price: Money
    cost: Money
    balance_before: Money | None
    balance_after: Money | None
    line: str
    """For people: `2 x USD 0.05 = USD 0.10; balance USD 10.00, then USD 9.90`."""


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


def decider_of(exchange: Exchange, findings: Sequence[Finding], messages: Sequence[Message]) -> Decider:
    """What decided on a whole exchange; `findings` are all of it, those found at once first, `messages` all it brought.

    That is what decided on the code, be the answer spoilt or not; a fault, when it struck before there was a code.
    """
    if exchange.fault is not None and exchange.code is None:
        return _scripted(exchange.rule or "", "fault", exchange.fault)
    if exchange.kind != "uip":
        return _found(findings[0], "transport") if findings else Decider("transport", exchange.kind, _NOBODY)
    if isinstance(exchange, Sending):
        if exchange.accepted:
            return _script(next((message.rule for message in messages if message.rule is not None), None))
        return decider_of_refusal(findings, _first_place(findings))
    return _found(findings[0]) if findings else Decider("check", "", _NOBODY)


def decider_of_refusal(findings: Sequence[Finding], index: int | None) -> Decider:
    """What decided on the refusal of a destination, by its place in MULTI_MSISDN_LIST."""
    reasons = [each for each in findings if each.severity == "error" or each.rule == "scripted-code"]
    place = f"$.MULTI_MSISDN_LIST[{index}]"
    own = next((each for each in reasons if each.path == place or each.path.startswith(f"{place}.")), None)
    whole = next((each for each in reasons if not each.path.startswith("$.MULTI_MSISDN_LIST[")), None)
    finding = own or whole
    if finding is None:
        return Decider("check", "", _NOBODY)
    return _found(finding)


def decider_of_message(message: Message) -> Decider:
    """What decided on an accepted message."""
    if message.reason is not None:
        return Decider("local rejection", "local-rejected", message.reason)
    return _script(message.rule)


def charges(messages: Sequence[Message], entries: Sequence[LedgerEntry]) -> dict[str, Charge]:
    """What each message costs, by SMS_UID; `entries` are of the account's ledger, theirs among them."""
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


def expected_reports(message: Message, *, is_pushed: bool) -> tuple[ExpectedReport, ...]:
    """The states of a message in order, then those that come too late; `is_pushed`: the account has a callback."""
    plan, reached = message.plan, len(message.passages)
    steps = [_expected(message, step, number < reached, is_pushed) for number, step in enumerate(plan.steps)]
    return (*steps, *(_dropped(message, step) for step in plan.dropped))


def _expected(message: Message, step: Step, reached: bool, is_pushed: bool) -> ExpectedReport:
    manner = step.manner or PLAIN
    at = message.sending.accepted_at + step.after
    pushes = 0 if step.lost or not is_pushed else manner.copies
    uncharged = step.final and step.state not in message.sending.profile.charged_states and message.cost != 0
    return ExpectedReport(
        state=step.state,
        state_name=name_of(step.state),
        final=step.final,
        at=at,
        reached=reached,
        pushes=pushes,
        push_at=at + manner.held if pushes else None,
        refund=Money(message.cost, message.sending.currency) if uncharged else None,
        note=", ".join(_notes(step, manner, is_pushed)),
    )


def _notes(step: Step, manner: Manner, is_pushed: bool) -> Iterator[str]:
    if step.lost:
        yield "its report is lost"
    elif not is_pushed:
        yield "pushed nowhere: the account has no callback"
    if manner.before_answer:
        yield "before the answer"
    if manner.held:
        yield f"held for {manner.held}"
    if manner.copies > 1:
        yield f"pushed {manner.copies} times"
    if manner.fault is not None:
        yield f"{manner.fault} befalls its push"
    if manner.serial is not None or manner.uid_case or manner.extra or manner.omit or manner.desc is not None:
        yield "its packet is altered"
    if step.final and step.after > MAXIMUM_RETURN_TIME:
        yield "after the maximum return time of 24 hours"


def _dropped(message: Message, step: Step) -> ExpectedReport:
    at = message.sending.accepted_at + step.after
    note = "never reached: the message has expired by then"
    return ExpectedReport(step.state, name_of(step.state), step.final, at, False, 0, None, None, note)


def _first_place(findings: Sequence[Finding]) -> int | None:
    """The first place in MULTI_MSISDN_LIST at which something is refused."""
    places = (_PLACE.match(each.path) for each in findings if each.severity == "error" or each.rule == "scripted-code")
    return min((int(place[1]) for place in places if place), default=None)


def _script(rule: str | None) -> Decider:
    if rule is None:
        return Decider("default", "", "no rule and no magic number has a say: the account's own report follows")
    return _scripted(rule, "rule", "a rule of the scenario")


def _scripted(rule: str, by: By, about: str) -> Decider:
    if rule.startswith(_MAGIC) and (omen := OMENS.get(rule.removeprefix("magic "))) is not None:
        return Decider("magic number", rule, omen.about)
    return Decider(by, rule, about)


def _found(finding: Finding, by: By = "check") -> Decider:
    about = f"{finding.path}: got {finding.got}, want {finding.want}"
    if finding.rule == "scripted-code":
        _, _, quoted = finding.got.partition(', as "')
        return _scripted(quoted.removesuffix('" says'), "rule", about)
    if finding.rule in _OURS:
        return Decider("simulator", finding.rule, about)
    if finding.rule in _OF_THE_ACCOUNT:
        return Decider("account", finding.rule, about)
    return Decider(by, finding.rule, about)
