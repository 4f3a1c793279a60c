"""Playing: a scenario with rules laid down beside it, in one book, and what is counted of them."""

from datetime import timedelta
from pathlib import Path

import pytest

from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.rules import FaultRule, Rule, RuleBook, RuleBookChange
from cloudsms_simulator.engine.transaction import RuleCounter
from cloudsms_simulator.services.scenarios import ActiveScenario, CountedRule, counted_rules, rule_of_counter

MINE, THEIRS, LATER = Rule(id="mine"), Rule(id="theirs"), Rule(id="later")
DROPS = FaultRule(id="drops", fault=Fault.DRIBBLE)
HANGS = FaultRule(id="hangs", fault=Fault.ACCEPT_THEN_HANG)

EVENING = RuleBook(name="evening", rules=(LATER,), states=("b", "a"))
CALM = RuleBook(name="calm", states=("a", "b", "c"))
DAY = RuleBook(
    name="day",
    rules=(THEIRS,),
    faults=(HANGS,),
    states=("a", "b", "c"),
    timeline=(
        RuleBookChange(book=EVENING, at=timedelta(hours=1)),
        RuleBookChange(book=CALM, at=timedelta(hours=2)),
        RuleBookChange(book=EVENING, messages=500),
    ),
)
OWN = RuleBook(rules=(MINE,), faults=(DROPS,))


def scenario(book: RuleBook) -> Scenario:
    return Scenario(name=book.name, path=Path("day.yaml"), book=book)


def test_without_a_scenario_there_is_what_is_ones_own() -> None:
    assert ActiveScenario().book == RuleBook()
    assert ActiveScenario(own=OWN).book == OWN
    assert ActiveScenario(own=OWN).books == (RuleBook(),)


def test_a_scenario_alone_is_its_book() -> None:
    assert ActiveScenario(scenario(DAY)).book is DAY


def test_ones_own_rules_come_first_wherever_the_timeline_has_come_to() -> None:
    book = ActiveScenario(scenario(DAY), OWN).book

    assert (book.rules, book.faults) == ((MINE, THEIRS), (DROPS, HANGS))
    assert [change.book.rules for change in book.timeline] == [(MINE, LATER), (MINE,), (MINE, LATER)]
    assert [change.book.faults for change in book.timeline] == [(DROPS,)] * 3
    assert [(change.book.name, change.at, change.messages) for change in book.timeline] == [
        (change.book.name, change.at, change.messages) for change in DAY.timeline
    ]


def test_each_book_of_a_timeline_is_there_once() -> None:
    assert ActiveScenario(scenario(DAY), OWN).books == (DAY, EVENING, CALM)


def test_states_are_those_that_every_book_of_the_timeline_has() -> None:
    assert ActiveScenario(scenario(DAY)).states == ("a", "b")
    assert ActiveScenario().states == ()


def test_rules_are_counted_by_their_book_and_ones_own_in_all_of_them() -> None:
    tallies: dict[RuleCounter, int] = {
        ("hits", "day/mine", ""): 1,
        ("hits", "evening/mine", ""): 20,
        ("hits", "evening/later", ""): 300,
        ("hits", "day/later", ""): 5,
        ("rule day", "theirs", "85267000011"): 7,
    }

    assert counted_rules(ActiveScenario(scenario(DAY), OWN), tallies) == (
        CountedRule(MINE, "", 21),
        CountedRule(DROPS, "", 0),
        CountedRule(THEIRS, "day", 0),
        CountedRule(HANGS, "day", 0),
        CountedRule(LATER, "evening", 300),
    )


def test_only_what_was_laid_down_by_itself_is_own() -> None:
    assert [each.is_own for each in counted_rules(ActiveScenario(scenario(DAY), OWN), {})] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("tally", "rule"),
    [
        (("hits", "day/mine", ""), "mine"),
        (("hits", "a/b/mine", ""), "mine"),
        (("hits", "/mine", ""), "mine"),
        (("rule day", "mine", "85267000011"), "mine"),
        (("rule ", "mine", "85267000011"), "mine"),
        (("fault day", "drops", ""), "drops"),
        (("requests", "", ""), None),
        (("messages", "", ""), None),
        (("state", "day", ""), None),
        (("asked", "", "85267000011"), None),
        (("seen", "", "85267000011"), None),
    ],
)
def test_a_count_is_for_a_rule_or_for_none(tally: RuleCounter, rule: str | None) -> None:
    assert rule_of_counter(tally) == rule


def test_what_is_switched_off_is_in_no_book_and_counted_all_the_same() -> None:
    playing = ActiveScenario(scenario(DAY), OWN, frozenset({"theirs", "drops", "later"}))

    assert (playing.book.rules, playing.book.faults) == ((MINE,), (HANGS,))
    assert [change.book.rules for change in playing.book.timeline] == [(MINE,), (MINE,), (MINE,)]
    assert playing.books == (DAY, EVENING, CALM)
    enabled = {each.rule.id: each.enabled for each in counted_rules(playing, {})}
    assert enabled == {"mine": True, "drops": False, "theirs": False, "hangs": True, "later": False}
