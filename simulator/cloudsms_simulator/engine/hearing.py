"""A hearing: one request before the rules. What befalls its answer, and what each destination gets.

Rules come before magic recipients, and these before what holds for all; the first that fits decides, once for each
destination. Everything counted goes into the transaction's tallies, so that a request that is not kept counts nothing.

Reading: R21, R22, R23.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.chance import Chance
from cloudsms_simulator.engine.delay import drawn
from cloudsms_simulator.engine.fault import UNPROCESSED, Trouble
from cloudsms_simulator.engine.magic import may_hold_magic, omen_of
from cloudsms_simulator.engine.matching import Matcher, Test
from cloudsms_simulator.engine.outlook import plan_for
from cloudsms_simulator.engine.rule_book import FaultRule, ReplyStep, Rule
from cloudsms_simulator.engine.script import Plan
from cloudsms_simulator.engine.subject import Subject, destinations_of, subject_of
from cloudsms_simulator.engine.tallies import Tallies, Tally
from cloudsms_simulator.protocol.candidate import Candidate
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.submission import Destination

DEFAULTS = "defaults"
"""The name under which chance is drawn where no rule decides."""

_REQUESTS: Tally = ("requests", "", "")
_MESSAGES: Tally = ("messages", "", "")
_AT_ONCE = timedelta()


class Script(msgspec.Struct, frozen=True):
    """What one destination gets. `rule` names what decided, None where nothing did; `plan` is None for a refusal."""

    code: ResultCode
    plan: Plan | None
    rule: str | None = None
    delay: timedelta = _AT_ONCE
    """How late the answer is at least, in wall time."""
    refuses_all: bool = False
    """Whether its refusal is that of the whole packet."""


def is_heard(account: Account, candidate: Candidate) -> bool:
    """Whether a request that passed check 9 has a hearing: whether a rule or a magic number may have a say in it.

    Without one, a message's plan is the rule book's `outlook`, else the account's `plan`: both are plain plans then.
    """
    if not account.is_plain:
        return True
    if not (account.rules.book.magic and may_hold_magic(bytes(candidate.packet.multi_msisdn_list))):
        return False
    return any(omen_of(each.msisdn) for each in destinations_of(candidate))


def hearing_of(
    account: Account, candidate: Candidate, tallies: Mapping[Tally, int], now: datetime, since: datetime
) -> "Hearing":
    """The hearing of a request. `tallies` are those kept of the account; `since` is when its rules were put to use."""
    return Hearing(account, candidate, destinations_of(candidate), Tallies(tallies), now, since)


class Hearing:
    """One request before the rules. Ask `trouble` first, and `scripts` once, if the request is processed at all."""

    def __init__(
        self,
        account: Account,
        candidate: Candidate,
        destinations: Sequence[Destination],
        tallies: Tallies,
        now: datetime,
        since: datetime,
    ) -> None:
        self.tallies = tallies
        self._account = account
        self._destinations = destinations
        self._numbers = [destination.number for destination in destinations]
        self._rules = account.rules.in_force(now - since, tallies[_MESSAGES])
        self._outlook = self._rules.book.outlook or account.plan
        self._state: Tally = ("state", self._rules.book.name, "")
        self._subject = subject_of(
            candidate,
            account=account.name,
            default_sender=account.default_sender,
            request=tallies.add(_REQUESTS),
            now=now,
            elapsed=now - since,
            state=self._state_now(),
        )

    def trouble(self) -> Trouble | None:
        """What befalls the answer: the first fault whose rule fits a destination, else that of a magic number."""
        if self._rules.fault_matchers:
            first = self._numbers[0] if self._numbers else ""
            chance = self._subject.chance = Chance(self._account.seed, first, self.tallies.add(("asked", "", first)))
            for rule, matcher in self._rules.fault_matchers:
                if not self._befalls(matcher) or not self._has_turn(rule, first):
                    continue
                self._hit(rule.id)
                delay = _AT_ONCE if rule.delay is None else drawn(rule.delay, chance, rule.id)
                processed = rule.fault not in UNPROCESSED if rule.processed is None else rule.processed
                return Trouble(rule.id, rule.fault, delay, processed, rule.over)
        return self._magic_trouble()

    def scripts(self, indices: Iterable[int]) -> dict[int, Script]:
        """What each of these destinations gets, in their order."""
        return {index: self._script(index) for index in indices}

    def accepted(self, messages: int) -> None:
        """Counts the messages that were accepted."""
        self.tallies.add(_MESSAGES, messages)

    def _script(self, index: int) -> Script:
        number = self._numbers[index]
        chance = Chance(self._account.seed, number, self.tallies.add(_seen(number)))
        if self._open:
            subject = self._see(index)
            subject.chance = chance
            for rule, test in self._open:
                if (test is None or test(subject)) and (reply := self._next_reply(rule, number)) is not None:
                    return self._decided(rule, reply, chance)
        omen = omen_of(self._destinations[index].msisdn) if self._rules.book.magic else None
        if omen is None:
            return Script(ResultCode.OK, self._usual(chance))
        plan = omen.plan or self._usual(chance) if omen.code is ResultCode.OK else None
        return Script(omen.code, plan, omen.rule)

    @cached_property
    def _open(self) -> list[tuple[Rule, Test | None]]:
        """The rules that may decide on this request, and what each still asks of a destination."""
        subject = self._subject
        return [
            (rule, matcher.of_destination)
            for rule, matcher in self._rules.matchers
            if matcher.of_request is None or matcher.of_request(subject)
        ]

    def _decided(self, rule: Rule, reply: ReplyStep, chance: Chance) -> Script:
        self._hit(rule.id)
        if rule.then is not None:
            self.tallies.put(self._state, self._rules.book.states.index(rule.then))
            self._subject.state = rule.then
        delay = _AT_ONCE if reply.delay is None else drawn(reply.delay, chance, rule.id, "reply")
        if reply.code is not ResultCode.OK:
            return Script(reply.code, None, rule.id, delay, rule.scope == "packet")
        plan = self._usual(chance) if rule.outlook is None else plan_for(rule.outlook, chance, rule.id)
        return Script(ResultCode.OK, plan, rule.id, delay)

    def _usual(self, chance: Chance) -> Plan:
        return plan_for(self._outlook, chance, DEFAULTS)

    def _next_reply(self, rule: Rule, recipient: str) -> ReplyStep | None:
        """The reply whose turn it is for a recipient, counted; None when the sequence is used up."""
        if rule.replies[0].times is None:
            return rule.replies[0]
        return _reply_at(rule, self.tallies.add(self._turns_of(rule, recipient)))

    def _turns_of(self, rule: Rule, recipient: str) -> Tally:
        return (f"rule {self._rules.book.name}", rule.id, recipient)

    def _magic_trouble(self) -> Trouble | None:
        if not self._rules.book.magic:
            return None
        for index, destination in enumerate(self._destinations):
            omen = omen_of(destination.msisdn)
            if omen is not None and omen.fault is not None and not self._is_ruled(index):
                return Trouble(omen.rule, omen.fault, processed=omen.fault not in UNPROCESSED)
        return None

    def _is_ruled(self, index: int) -> bool:
        """Whether a rule is about to decide on a destination; counts nothing."""
        number = self._numbers[index]
        subject = self._see(index)
        subject.chance = Chance(self._account.seed, number, self.tallies[_seen(number)] + 1)
        return any(
            (test is None or test(subject))
            and _reply_at(rule, self.tallies[self._turns_of(rule, number)] + 1) is not None
            for rule, test in self._open
        )

    def _befalls(self, matcher: Matcher) -> bool:
        """Whether one destination fits; without any, whether the request does."""
        if matcher.of_request is not None and not matcher.of_request(self._subject):
            return False
        test = matcher.of_destination
        if test is None or not self._destinations:
            return test is None or test(self._subject)
        for index in range(len(self._destinations)):  # noqa: SIM110 a generator for each rule costs more than its test
            if test(self._see(index)):
                return True
        return False

    def _has_turn(self, rule: FaultRule, recipient: str) -> bool:
        """Whether a fault is not used up for a request's first recipient, counted."""
        if rule.times is None:
            return True
        used: Tally = (f"fault {self._rules.book.name}", rule.id, recipient)
        if self.tallies[used] >= rule.times:
            return False
        self.tallies.add(used)
        return True

    def _see(self, index: int) -> Subject:
        """The subject as it is for one destination; one object for all of them, since there may be many."""
        subject = self._subject
        subject.item = index + 1
        subject.to, subject.country_code = self._numbers[index], self._destinations[index].country_code
        return subject

    def _state_now(self) -> str:
        states = self._rules.book.states
        return states[self.tallies[self._state]] if states else ""

    def _hit(self, rule: str) -> None:
        self.tallies.add(hits_of(self._rules.book.name, rule))


def hits_of(book: str, rule: str) -> Tally:
    """The tally of how often a rule decided."""
    return ("hits", f"{book}/{rule}", "")


def _seen(recipient: str) -> Tally:
    return ("seen", "", recipient)


def _reply_at(rule: Rule, turn: int) -> ReplyStep | None:
    """The reply at a place of a rule's sequence, from 1; None beyond its end."""
    for reply in rule.replies:
        if reply.times is None or turn <= reply.times:
            return reply
        turn -= reply.times
    return None
