"""Rules: which rule book of a timeline is in force, when there is nothing to ask, and which of many decides.

Reading: R21.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, Fixed, Mix, PlanTemplate, StepTemplate
from cloudsms_simulator.engine.rules import (
    CompiledRules,
    Condition,
    FaultRule,
    Rule,
    RuleBook,
    RuleBookChange,
    TextMatch,
    glob_test,
    text_test,
)

MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
BLACKOUT, HEALTHY, BUSY = RuleBook(name="blackout"), RuleBook(name="healthy"), RuleBook(name="busy")


def timeline(*changes: RuleBookChange) -> CompiledRules:
    return CompiledRules(RuleBook(name="first", timeline=changes))


BY_TIME = timeline(RuleBookChange(book=BLACKOUT, at=10 * MINUTE), RuleBookChange(book=HEALTHY, at=20 * MINUTE))
BY_MESSAGES = timeline(RuleBookChange(book=BLACKOUT, messages=3), RuleBookChange(book=HEALTHY, messages=5))
BY_BOTH = timeline(RuleBookChange(book=BLACKOUT, at=10 * MINUTE), RuleBookChange(book=BUSY, messages=3))


@pytest.mark.parametrize(
    ("elapsed", "name"),
    [
        (timedelta(), "first"),
        (10 * MINUTE - TICK, "first"),
        (10 * MINUTE, "blackout"),
        (20 * MINUTE - TICK, "blackout"),
        (20 * MINUTE, "healthy"),
        (2_000 * MINUTE, "healthy"),
    ],
)
def test_a_timeline_by_time_changes_at_the_moment_it_says(elapsed: timedelta, name: str) -> None:
    assert BY_TIME.in_force(elapsed, 1_000).book.name == name


@pytest.mark.parametrize(
    ("messages", "name"),
    [(0, "first"), (2, "first"), (3, "blackout"), (4, "blackout"), (5, "healthy"), (6, "healthy")],
)
def test_a_timeline_by_messages_changes_once_so_many_were_accepted(messages: int, name: str) -> None:
    assert BY_MESSAGES.in_force(2_000 * MINUTE, messages).book.name == name


@pytest.mark.parametrize(
    ("elapsed", "messages", "name"),
    [
        (timedelta(), 0, "first"),
        (10 * MINUTE, 2, "blackout"),
        (timedelta(), 3, "busy"),
        (10 * MINUTE, 3, "busy"),
    ],
)
def test_of_the_changes_that_are_reached_the_last_one_counts(elapsed: timedelta, messages: int, name: str) -> None:
    assert BY_BOTH.in_force(elapsed, messages).book.name == name


def test_the_rules_of_a_change_are_made_once() -> None:
    assert BY_TIME.in_force(10 * MINUTE, 0) is BY_TIME.in_force(11 * MINUTE, 0)
    assert BY_TIME.in_force(MINUTE, 0) is BY_TIME


def test_every_rule_and_fault_has_a_matcher_in_the_order_of_the_book() -> None:
    busy, late, lost = Rule(id="busy"), Rule(id="late"), FaultRule(id="lost", fault=Fault.PROCESSED_NO_ANSWER)
    rules = CompiledRules(RuleBook(rules=(busy, late), faults=(lost,)))
    assert [rule for rule, _ in rules.matchers] == [busy, late]
    assert [rule for rule, _ in rules.fault_matchers] == [lost]


SECOND = Fixed(timedelta(seconds=1))


@pytest.mark.parametrize(
    ("book", "plain"),
    [
        (RuleBook(), True),
        (RuleBook(name="quiet", states=("up", "down"), magic=False), True),
        (RuleBook(outlook=DELIVERED_AFTER_A_SECOND), True),
        (RuleBook(outlook=PlanTemplate((StepTemplate(2, SECOND, True),))), False),
        (RuleBook(outlook=Mix(((2, Decimal(100)),), SECOND)), False),
        (RuleBook(rules=(Rule(id="it"),)), False),
        (RuleBook(faults=(FaultRule(id="it"),)), False),
        (RuleBook(timeline=(RuleBookChange(book=RuleBook(), at=MINUTE),)), False),
    ],
    ids=["nothing", "names", "one plan", "a template", "a mix", "a rule", "a fault", "a timeline"],
)
def test_rules_are_plain_when_every_message_has_the_same_fate(book: RuleBook, plain: bool) -> None:
    assert CompiledRules(book).is_plain is plain


TO = st.sampled_from(["852*", "8526*", "85267*", "65*", "*", "85267000011", "8526700001?", "[86]5*"])
CONTENT = st.sampled_from([None, TextMatch(contains="code"), TextMatch(contains="nothing"), TextMatch(glob=("Your*",))])
CONDITIONS = st.builds(lambda to, content: Condition(to=tuple(to), content=content), st.lists(TO, max_size=2), CONTENT)


@settings(deadline=None)
@given(st.lists(CONDITIONS, max_size=8))
def test_of_rules_about_numbers_and_others_the_first_that_fits_decides(world, conditions: list[Condition]) -> None:
    rules = [Rule(id=f"rule {place}", condition=each) for place, each in enumerate(conditions)]
    account = Account(rules=CompiledRules(RuleBook(rules=tuple(rules))))
    numbers = [(852, "67000011"), (852, "91234567"), (65, "81234567"), (1, "2125550123")]
    messages = world(account).send(*numbers).messages

    def first(number: str) -> str | None:
        for rule in rules:
            content = rule.condition.content
            if (not rule.condition.to or glob_test(*rule.condition.to)(number)) and (
                content is None or text_test(content)("Your code is 123345")
            ):
                return rule.id
        return None

    assert [each.rule for each in messages] == [first(f"{country}{msisdn}") for country, msisdn in numbers]
