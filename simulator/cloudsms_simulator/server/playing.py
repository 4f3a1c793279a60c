"""Playing: what an account plays, and the one rule book that makes of a scenario and rules laid down beside it.

Reading: R21.
"""

from collections.abc import Mapping, Set
from itertools import chain

import msgspec

from cloudsms_simulator.engine.hearing import hits_of
from cloudsms_simulator.engine.rule_book import Change, FaultRule, Rule, RuleBook
from cloudsms_simulator.engine.tallies import Tally
from cloudsms_simulator.server.scenario import Scenario


class Playing(msgspec.Struct, frozen=True):
    """What an account plays: a scenario, and rules and faults of its own before that."""

    scenario: Scenario | None = None
    own: RuleBook = RuleBook()
    """Only its rules and faults count."""
    off: frozenset[str] = frozenset()
    """Ids of rules and faults that are switched off: they are there, and decide nothing."""

    @property
    def book(self) -> RuleBook:
        """Both in one, without what is switched off."""
        return _without(self.off, _under(self.own, self._scripted))

    @property
    def books(self) -> tuple[RuleBook, ...]:
        """The scenario's own book, then those of its timeline, each name once; without what is the account's own."""
        found = {self._scripted.name: self._scripted}
        for change in self._scripted.timeline:
            found.setdefault(change.book.name, change.book)
        return tuple(found.values())

    @property
    def states(self) -> tuple[str, ...]:
        """The named states that there are whatever the timeline has come to, in their order."""
        first, *others = self.books
        return tuple(state for state in first.states if all(state in book.states for book in others))

    @property
    def _scripted(self) -> RuleBook:
        return RuleBook() if self.scenario is None else self.scenario.book


class Counted(msgspec.Struct, frozen=True):
    """A rule or a fault that an account has, the book it stands in, and how often it decided."""

    rule: Rule | FaultRule
    book: str
    """The scenario's name, "" for a rule laid down by itself."""
    hits: int
    enabled: bool = True
    """False: it is switched off."""

    @property
    def is_own(self) -> bool:
        """Whether it was laid down by itself."""
        return self.book == ""


def counted_rules(playing: Playing, tallies: Mapping[Tally, int]) -> tuple[Counted, ...]:
    """Every rule and fault with what it has done: the account's own, then each scenario's, in their order.

    What is the account's own counts whatever the timeline has come to.
    """
    names = [book.name for book in playing.books]
    own = [
        Counted(rule, "", sum(tallies.get(hits_of(name, rule.id), 0) for name in names), rule.id not in playing.off)
        for rule in chain[Rule | FaultRule](playing.own.rules, playing.own.faults)
    ]
    scripted = [
        Counted(rule, book.name, tallies.get(hits_of(book.name, rule.id), 0), rule.id not in playing.off)
        for book in playing.books
        for rule in chain[Rule | FaultRule](book.rules, book.faults)
    ]
    return (*own, *scripted)


def counts_for(tally: Tally) -> str | None:
    """The id of the rule or the fault that something is counted for; None when it is for none."""
    what, rule, _ = tally
    if what == "hits":
        return rule.rpartition("/")[2]
    return rule if what.startswith(("rule ", "fault ")) else None


def _under(own: RuleBook, book: RuleBook) -> RuleBook:
    """A book with the rules of another before its own, in every book of its timeline too."""
    if not own.rules and not own.faults:
        return book
    turned = tuple(
        Change(book=_under(own, change.book), at=change.at, messages=change.messages) for change in book.timeline
    )
    rules, faults = (*own.rules, *book.rules), (*own.faults, *book.faults)
    return msgspec.structs.replace(book, rules=rules, faults=faults, timeline=turned)


def _without(off: Set[str], book: RuleBook) -> RuleBook:
    """A book without rules and faults of these ids, in every book of its timeline too."""
    if not off:
        return book
    turned = tuple(
        Change(book=_without(off, change.book), at=change.at, messages=change.messages) for change in book.timeline
    )
    rules = tuple(rule for rule in book.rules if rule.id not in off)
    faults = tuple(fault for fault in book.faults if fault.id not in off)
    return msgspec.structs.replace(book, rules=rules, faults=faults, timeline=turned)
