"""Rules: a rule book made ready to be asked.

Reading: R21, R22.
"""

from datetime import timedelta

from cloudsms_simulator.engine.matching import Matcher, matcher_of
from cloudsms_simulator.engine.rule_book import Change, FaultRule, Rule, RuleBook
from cloudsms_simulator.engine.script import Plan


class Rules:
    """A rule book with the matchers of its conditions. Made once, when an account or a scenario is put to use."""

    def __init__(self, book: RuleBook) -> None:
        self.book = book
        self.matchers: tuple[tuple[Rule, Matcher], ...] = tuple(
            (rule, matcher_of(rule.condition, rule.id)) for rule in book.rules
        )
        self.fault_matchers: tuple[tuple[FaultRule, Matcher], ...] = tuple(
            (rule, matcher_of(rule.condition, rule.id, drawn_once=True)) for rule in book.faults
        )
        self._changes: tuple[tuple[Change, Rules], ...] = tuple(
            (change, Rules(change.book)) for change in book.timeline
        )
        self.is_plain = not (book.rules or book.faults or book.timeline) and isinstance(book.outlook, Plan | None)
        """Whether nothing but a magic number can make one message's fate another than the next one's."""

    def in_force(self, elapsed: timedelta, messages: int) -> "Rules":
        """The rules of the timeline's last change that is reached, these themselves before the first."""
        reached = self
        for change, rules in self._changes:
            in_time = change.at is not None and elapsed >= change.at
            if in_time or (change.messages is not None and messages >= change.messages):
                reached = rules
        return reached
