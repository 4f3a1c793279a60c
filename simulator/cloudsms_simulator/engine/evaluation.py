"""Evaluation: one request before the rules. What befalls its answer, and what each destination gets.

Rules come before magic recipients, and these before what holds for all; the first that fits decides, once for each
destination. `evaluate` says all of it at once: the fault of the answer, and, if the request is processed at all, the
`Decision`s on its destinations. Everything counted goes into the transaction's counters, so that a request that is not
kept counts nothing. Where no rule and no magic number may have a say (`needs_evaluation`), none of this is done.

`MAGIC_NUMBERS`: numbers whose last six digits say what becomes of a request, without any scenario. What comes before
the six digits is free, so that every country's rules for numbers still hold.

Reading: R21, R22, R23.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from operator import itemgetter
from types import MappingProxyType

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import UNPROCESSED, AnswerFault, Fault
from cloudsms_simulator.engine.plan import Chance, Plan, ReportOptions, Step, draw_delay, plan_for, plan_of, step
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.engine.rules import (
    FaultRule,
    Matcher,
    ReplyStep,
    Rule,
    RuleSubject,
    SubjectTest,
    destinations_of,
    subject_of,
)
from cloudsms_simulator.engine.transaction import RuleCounter, RuleCounters, Transaction
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.candidate import Candidate, overall_code
from cloudsms_simulator.protocol.codes import ResultCode, State, desc_of
from cloudsms_simulator.protocol.findings import Finding, Told, found

# Magic numbers.

MAGIC_DIGITS = 6
MAGIC_MARK = "555"

_SECOND = timedelta(seconds=1)
_MAGIC_IN_JSON = re.compile(rb'555[0-4][0-9]{2}"')


class MagicNumber(msgspec.Struct, frozen=True):
    """What a magic number stands for: a code, a plan for its message, or a fault of the whole exchange."""

    rule: str
    """`magic 555007`: how it is called where rules are."""
    about: str
    """What it does, for people."""
    code: ResultCode = ResultCode.OK
    plan: Plan | None = None
    fault: Fault | None = None


def magic_number_of(msisdn: str) -> MagicNumber | None:
    """Returns what a number stands for; None for an ordinary one."""
    return MAGIC_NUMBERS.get(msisdn[-MAGIC_DIGITS:]) if msisdn[-MAGIC_DIGITS:-3] == MAGIC_MARK else None


def may_hold_magic(destinations: bytes) -> bool:
    """Tells whether a JSON array of destinations may hold a magic number. False is certain, True may be wrong.

    It is far cheaper than reading the array.
    """
    return b"\\" in destinations or (b"555" in destinations and _MAGIC_IN_JSON.search(destinations) is not None)


def _delivered(options: ReportOptions | None = None, after: timedelta = _SECOND, *, lost: bool = False) -> Step:
    return Step(State.DELIVERED, after, True, lost, options)


_MAGIC_CODES = {f"5551{code:02}": ResultCode(code) for code in range(1, 6)} | {
    f"5552{code:02}": ResultCode(0x10000000 + code) for code in (1, 3, 4, 5, 6, 7, 13, 14, 15, 16)
}
_MAGIC_STATES = (*range(1, 10), 60)
_MAGIC_PLANS = {
    "555301": ("its report is lost", plan_of(_delivered(lost=True))),
    "555302": ("its report comes twice", plan_of(_delivered(ReportOptions(copies=2)))),
    "555303": ("ENROUTE comes first", plan_of(step(State.ENROUTE, _SECOND), _delivered(after=2 * _SECOND))),
    "555304": (
        "its report comes before the answer",
        plan_of(_delivered(ReportOptions(before_answer=True), after=timedelta())),
    ),
    "555305": (
        "its reports come out of order",
        plan_of(
            Step(State.ENROUTE, _SECOND, False, manner=ReportOptions(held=2 * _SECOND)),
            _delivered(after=2 * _SECOND),
        ),
    ),
    "555306": ("its report comes after 24 h", plan_of(_delivered(after=timedelta(hours=24)))),
    "555307": ("no final state comes: EXPIRED at 25 h", plan_of()),
}
_MAGIC_FAULTS = {
    "555401": Fault.CONNECTION_RESET_BY_PEER,
    "555402": Fault.EMPTY_RESPONSE,
    "555403": Fault.RANDOM_DATA_THEN_CLOSE,
    "555404": Fault.ACCEPT_THEN_HANG,
    "555405": Fault.PROCESSED_NO_ANSWER,
    "555406": Fault.BROKEN_JSON,
    "555407": Fault.HTTP_500,
    "555408": Fault.HTML_PAGE,
}


def _magic_numbers() -> Mapping[str, MagicNumber]:
    numbers = {}
    for state in _MAGIC_STATES:
        suffix = f"5550{state:02}"
        about = f"ends as {State(state).name}"
        numbers[suffix] = MagicNumber(f"magic {suffix}", about, plan=plan_of(Step(state, _SECOND, True)))
    for suffix, code in _MAGIC_CODES.items():
        numbers[suffix] = MagicNumber(f"magic {suffix}", f"is answered {code.name}", code)
    for suffix, (about, plan) in _MAGIC_PLANS.items():
        numbers[suffix] = MagicNumber(f"magic {suffix}", about, plan=plan)
    for suffix, fault in _MAGIC_FAULTS.items():
        numbers[suffix] = MagicNumber(f"magic {suffix}", f"the exchange ends in {fault}", fault=fault)
    return MappingProxyType(numbers)


MAGIC_NUMBERS = _magic_numbers()
"""What each magic number stands for, by its last six digits."""


# What the platform asks of a request: whether it needs an evaluation, and then what was decided on it.

DEFAULTS = "defaults"
"""Chance is drawn under this name where no rule decides."""

_REQUESTS_COUNTER: RuleCounter = ("requests", "", "")
_MESSAGES_COUNTER: RuleCounter = ("messages", "", "")
_AT_ONCE = timedelta()


class Decision(msgspec.Struct, frozen=True):
    """What was decided on one destination. `rule` names the rule or the magic number that did, None where none did.

    `plan` is None for a refusal.
    """

    code: ResultCode
    plan: Plan | None
    rule: str | None = None
    delay: timedelta = _AT_ONCE
    """The answer comes so late at least, in wall time."""
    refuses_all: bool = False
    """Whether the whole packet is refused with this destination."""


NO_DECISIONS: Mapping[int, Decision] = MappingProxyType({})


def needs_evaluation(account: Account, candidate: Candidate) -> bool:
    """Tells whether a rule or a magic number may have a say in a request that passed check 9.

    Where none may, a message's plan is the rule book's `outlook`, else the account's `plan`: both are plain plans then.
    """
    if not account.is_plain:
        return True
    if not (account.rules.book.magic and may_hold_magic(bytes(candidate.packet.multi_msisdn_list))):
        return False
    return any(magic_number_of(each.msisdn) for each in destinations_of(candidate))


class Evaluation(msgspec.Struct, frozen=True):
    """What rules and magic numbers say of one request: what befalls its answer, and what each destination gets."""

    fault: AnswerFault | None = None
    """What befalls the answer, later by the delay of the slowest reply; None when nothing does."""
    decisions: Mapping[int, Decision] = NO_DECISIONS
    """By the destination's index in the candidate's list, of those that were not refused before. There are none where
    the request is refused, or the fault strikes before it is processed."""

    rule: str | None = None
    """The rule an exchange is listed under: that of the fault, else the first that decided on a destination."""


NO_EVALUATION = Evaluation()


def evaluate(
    transaction: Transaction, account: Account, candidate: Candidate, now: datetime, *, refused: bool = False
) -> Evaluation:
    """Evaluates a request; `refused` says that the checks refuse it, so that only the fault of its answer counts.

    What is counted is written by the transaction. A destination that is refused by its decision gets its verdict, and
    the finding that says why, in the candidate.
    """
    evaluator = _Evaluator(account, candidate, transaction.tallies, now, transaction.standing.rules_since or now)
    # Where no rule can count or draw, a magic number leaves no trace: a rule laid down later begins at nothing.
    if not account.is_plain:
        transaction.tallied = evaluator.counters.written
    fault = evaluator.fault()
    if refused or (fault is not None and not fault.processed):
        return Evaluation(fault, rule=None if fault is None else fault.rule)
    decisions = evaluator.decisions(candidate)
    count = len(candidate.destinations)
    _, verdicts = overall_code(candidate.verdicts, count, account.profile)
    evaluator.count_accepted(count - len(verdicts))
    fault = with_longest_delay(fault, decisions)
    return Evaluation(fault, decisions, deciding_rule(decisions) if fault is None else fault.rule)


def _refusal_of(index: int, decision: Decision) -> Finding:
    got = Told(f'{desc_of(decision.code)}, as "{decision.rule}" says')
    return found("scripted-code", f"$.MULTI_MSISDN_LIST[{index}]", got, "a client that copes with it")


def deciding_rule(decisions: Mapping[int, Decision]) -> str | None:
    """Returns the rule an exchange is listed under when no fault befell it: the first that decided on a destination."""
    return next((decision.rule for decision in decisions.values() if decision.rule is not None), None)


def with_longest_delay(fault: AnswerFault | None, decisions: Mapping[int, Decision]) -> AnswerFault | None:
    """Returns the fault, later by the longest delay of a decision; None when there is neither fault nor delay."""
    slowest = max(decisions.values(), key=lambda decision: decision.delay, default=None)
    if slowest is None or slowest.delay <= _AT_ONCE:
        return fault
    if fault is None:
        return AnswerFault(slowest.rule or "", delay=slowest.delay)
    return msgspec.structs.replace(fault, delay=fault.delay + slowest.delay)


def reported_before(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """Returns the SMS_UIDs of the messages of which a report is to come before the answer."""
    return tuple([message.uid for message in messages if is_reported_before(message.plan)])


def is_reported_before(plan: Plan) -> bool:
    """Tells whether a report of messages with this plan is to come before the answer."""
    return plan.before_answer > 0


# The evaluation itself.

_OpenRule = tuple[int, Rule, SubjectTest | None]
"""A rule that may decide on a request, with its place among the rules, and the test that it makes of a destination."""
_place_of = itemgetter(0)


class _Evaluator:
    """One request before the rules: `fault`, then `decisions`, then `count_accepted`, each once and none after another
    that ends it. `counts` are what the account's rules have counted so far; `since` is when they were put to use."""

    def __init__(
        self,
        account: Account,
        candidate: Candidate,
        counts: Mapping[RuleCounter, int],
        now: datetime,
        since: datetime,
    ) -> None:
        self.counters = counters = RuleCounters(counts)
        self._account = account
        self._destinations = destinations_of(candidate)
        self._numbers = [destination.number for destination in self._destinations]
        self._rules = account.rules.in_force(now - since, counters[_MESSAGES_COUNTER])
        self._outlook = self._rules.book.outlook or account.plan
        self._state: RuleCounter = ("state", self._rules.book.name, "")
        self._subject = subject_of(
            candidate,
            account=account.name,
            default_sender=account.default_sender,
            request=counters.add(_REQUESTS_COUNTER),
            now=now,
            elapsed=now - since,
            state=self._state_now(),
        )
        self._open_places: dict[int, bool] = {}
        """Of rules that want a number to begin in some way: whether they may decide on this request."""

    def fault(self) -> AnswerFault | None:
        """Returns what befalls the answer: the first fault whose rule fits a destination, else a magic number's fault.

        None when nothing does.
        """
        if self._rules.fault_matchers:
            first = self._numbers[0] if self._numbers else ""
            chance = self._subject.chance = Chance(self._account.seed, first, self.counters.add(("asked", "", first)))
            for rule, matcher in self._rules.fault_matchers:
                if not self._fits(matcher) or not self._has_uses_left(rule, first):
                    continue
                self._count_hit(rule.id)
                delay = _AT_ONCE if rule.delay is None else draw_delay(rule.delay, chance, rule.id)
                processed = rule.fault not in UNPROCESSED if rule.processed is None else rule.processed
                return AnswerFault(rule.id, rule.fault, delay, processed, rule.over)
        return self._magic_fault()

    def decisions(self, candidate: Candidate) -> Mapping[int, Decision]:
        """Decides on the destinations not refused so far, in their order, and refuses those that are to be."""
        verdicts = candidate.verdicts
        open_places = [index for index in range(len(candidate.destinations)) if index not in verdicts]
        decisions = {index: self._decision_on(index) for index in open_places}
        for index, decision in decisions.items():
            if decision.code is not ResultCode.OK:
                verdicts[index] = decision.code
                candidate.findings.append(_refusal_of(index, decision))
        whole = next((decision for decision in decisions.values() if decision.refuses_all), None)
        if whole is not None:
            for index in decisions:
                if index not in verdicts:
                    verdicts[index] = whole.code
                    candidate.findings.append(_refusal_of(index, whole))
        return decisions

    def count_accepted(self, messages: int) -> None:
        """Counts the messages that are accepted of this request."""
        self.counters.add(_MESSAGES_COUNTER, messages)

    def _decision_on(self, index: int) -> Decision:
        number = self._numbers[index]
        chance = Chance(self._account.seed, number, self.counters.add(_seen_counter(number)))
        open_rules = self._open_rules(number)
        if open_rules:
            subject = self._subject_at(index)
            subject.chance = chance
            for _, rule, test in open_rules:
                if (test is None or test(subject)) and (reply := self._next_reply(rule, number)) is not None:
                    return self._decided(rule, reply, chance)
        magic = magic_number_of(self._destinations[index].msisdn) if self._rules.book.magic else None
        if magic is None:
            return Decision(ResultCode.OK, self._default_plan(chance))
        plan = magic.plan or self._default_plan(chance) if magic.code is ResultCode.OK else None
        return Decision(magic.code, plan, magic.rule)

    def _open_rules(self, number: str) -> list[_OpenRule]:
        """The rules that may decide on a destination of this request, in their order."""
        places = self._rules.of_number(number)
        if not places:
            return self._open_to_all
        matchers = self._rules.matchers
        more = [(place, matchers[place][0], matchers[place][1].of_destination) for place in {*places}]
        return sorted([*self._open_to_all, *(each for each in more if self._is_open(each[0]))], key=_place_of)

    @cached_property
    def _open_to_all(self) -> list[_OpenRule]:
        """Those of them that may decide on any number."""
        subject = self._subject
        return [
            (place, rule, matcher.of_destination)
            for place, rule, matcher in self._rules.of_any_number
            if matcher.of_request is None or matcher.of_request(subject)
        ]

    def _is_open(self, place: int) -> bool:
        """Tells whether the rule at a place may decide on this request; a rule is asked once."""
        known = self._open_places.get(place)
        if known is None:
            test = self._rules.matchers[place][1].of_request
            known = self._open_places[place] = test is None or test(self._subject)
        return known

    def _decided(self, rule: Rule, reply: ReplyStep, chance: Chance) -> Decision:
        self._count_hit(rule.id)
        if rule.then is not None:
            self.counters.put(self._state, self._rules.book.states.index(rule.then))
            self._subject.state = rule.then
        delay = _AT_ONCE if reply.delay is None else draw_delay(reply.delay, chance, rule.id, "reply")
        if reply.code is not ResultCode.OK:
            return Decision(reply.code, None, rule.id, delay, rule.scope == "packet")
        plan = self._default_plan(chance) if rule.outlook is None else plan_for(rule.outlook, chance, rule.id)
        return Decision(ResultCode.OK, plan, rule.id, delay)

    def _default_plan(self, chance: Chance) -> Plan:
        return plan_for(self._outlook, chance, DEFAULTS)

    def _next_reply(self, rule: Rule, recipient: str) -> ReplyStep | None:
        """Returns a rule's next reply to a recipient and counts it; None when the sequence is used up."""
        if rule.replies[0].times is None:
            return rule.replies[0]
        return _reply_at(rule, self.counters.add(self._replies_counter(rule, recipient)))

    def _replies_counter(self, rule: Rule, recipient: str) -> RuleCounter:
        return (f"rule {self._rules.book.name}", rule.id, recipient)

    def _magic_fault(self) -> AnswerFault | None:
        if not self._rules.book.magic:
            return None
        for index, destination in enumerate(self._destinations):
            magic = magic_number_of(destination.msisdn)
            if magic is not None and magic.fault is not None and not self._is_ruled(index):
                return AnswerFault(magic.rule, magic.fault, processed=magic.fault not in UNPROCESSED)
        return None

    def _is_ruled(self, index: int) -> bool:
        """Tells whether a rule is about to decide on a destination. Counts nothing."""
        number = self._numbers[index]
        subject = self._subject_at(index)
        subject.chance = Chance(self._account.seed, number, self.counters[_seen_counter(number)] + 1)
        return any(
            (test is None or test(subject))
            and _reply_at(rule, self.counters[self._replies_counter(rule, number)] + 1) is not None
            for _, rule, test in self._open_rules(number)
        )

    def _fits(self, matcher: Matcher) -> bool:
        """Tells whether one destination fits; of a request without destinations, whether the request does."""
        if matcher.of_request is not None and not matcher.of_request(self._subject):
            return False
        test = matcher.of_destination
        if test is None or not self._destinations:
            return test is None or test(self._subject)
        for index in range(len(self._destinations)):  # noqa: SIM110 a generator for each rule costs more than its test
            if test(self._subject_at(index)):
                return True
        return False

    def _has_uses_left(self, rule: FaultRule, recipient: str) -> bool:
        """Tells whether a fault is not used up yet for a request's first recipient, and counts the use."""
        if rule.times is None:
            return True
        used: RuleCounter = (f"fault {self._rules.book.name}", rule.id, recipient)
        if self.counters[used] >= rule.times:
            return False
        self.counters.add(used)
        return True

    def _subject_at(self, index: int) -> RuleSubject:
        """Returns the subject with what it is for one destination: one object for all, since there may be many."""
        subject = self._subject
        subject.item = index + 1
        subject.to, subject.country_code = self._numbers[index], self._destinations[index].country_code
        return subject

    def _state_now(self) -> str:
        states = self._rules.book.states
        return states[self.counters[self._state]] if states else ""

    def _count_hit(self, rule: str) -> None:
        self.counters.add(hits_counter(self._rules.book.name, rule))


def hits_counter(book: str, rule: str) -> RuleCounter:
    """The counter of how often a rule decided."""
    return ("hits", f"{book}/{rule}", "")


def _seen_counter(recipient: str) -> RuleCounter:
    return ("seen", "", recipient)


def _reply_at(rule: Rule, nth: int) -> ReplyStep | None:
    """Returns the n-th reply of a rule's sequence, counted from 1; None beyond its end."""
    for reply in rule.replies:
        if reply.times is None or nth <= reply.times:
            return reply
        nth -= reply.times
    return None


# What the client receives when a fault befalls the answer.

DELAY_ALONE = "DELAY"
"""The name under which an exchange keeps a fault that is a delay alone."""


def name_of_fault(fault: AnswerFault) -> str:
    """Returns the name under which an exchange keeps a fault, or DELAY for a delay alone."""
    return DELAY_ALONE if fault.fault is None else fault.fault.value


def answer_received(fault: AnswerFault, answer: bytes | None) -> bytes | None:
    """Returns the answer as the client gets it; None when it gets none, or nobody can tell what it gets."""
    if fault.fault is None or fault.fault.effect.whole:
        return answer
    effect = fault.fault.effect
    return effect.page if effect.spoil is None or answer is None else effect.spoil(answer)


def status_received(fault: AnswerFault) -> int | None:
    """Returns the HTTP status that the client gets; None when it gets none."""
    return 200 if fault.fault is None else fault.fault.effect.status
