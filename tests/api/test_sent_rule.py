"""Sent rules: what a rule may say that comes by itself, and what it is told when it may not."""

from datetime import timedelta
from pathlib import Path

import pytest

from cloudsms_simulator.api.rules import read_rule_body
from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.yaml_source import parse_yaml
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.rules import FaultRule, ReplyStep, Rule, RuleBook, RuleBookChange
from cloudsms_simulator.models.account import RuleKind
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.services.scenarios import ActiveScenario

LATER = RuleBook(name="later", rules=(Rule(id="rule-2"),), states=("closed", "open"))
BOOK = RuleBook(
    name="night",
    rules=(Rule(id="theirs"),),
    faults=(FaultRule(id="drops", fault=Fault.DRIBBLE),),
    states=("open", "closed", "gone"),
    timeline=(RuleBookChange(book=LATER, at=timedelta(hours=1)),),
)
PLAYING = ActiveScenario(
    Scenario(name="night", path=Path("night.yaml"), book=BOOK),
    RuleBook(rules=(Rule(id="rule-1"),), faults=(FaultRule(id="mine", fault=Fault.DRIBBLE),)),
)


def sent(text: str, kind: RuleKind = "rule", playing: ActiveScenario = PLAYING) -> Rule | FaultRule:
    return read_rule_body(parse_yaml(text, kind), kind, playing)


def complaints(text: str, kind: RuleKind = "rule", playing: ActiveScenario = PLAYING) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        sent(text, kind, playing)
    return caught.value.problems


def test_a_rule_is_written_as_in_a_file() -> None:
    assert sent('{"id": "busy", "reply": "Busy"}') == Rule(id="busy", replies=(ReplyStep(ResultCode.BUSY),))


def test_a_fault_is_written_as_in_a_file() -> None:
    assert sent('{"id": "hangs", "fault": "ACCEPT_THEN_HANG"}', "fault") == FaultRule(
        id="hangs", fault=Fault.ACCEPT_THEN_HANG
    )


def test_without_an_id_it_gets_the_first_that_is_free() -> None:
    assert sent("{}").id == "rule-3"
    assert sent("{}", playing=ActiveScenario()).id == "rule-1"
    assert sent('{"delay": "1s"}', "fault").id == "fault-1"


def test_it_may_have_the_id_of_one_it_is_to_replace() -> None:
    assert sent('{"id": "rule-1"}').id == "rule-1"
    assert sent('{"id": "mine", "delay": "1s"}', "fault").id == "mine"


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("rule", '{"id": "theirs"}', 'rule:1:8: id: got "theirs", which the scenario "night" has'),
        ("rule", '{"id": "rule-2"}', 'rule:1:8: id: got "rule-2", which the scenario "later" has'),
        ("rule", '{"id": "drops"}', 'rule:1:8: id: got "drops", which the scenario "night" has'),
        ("rule", '{"id": "mine"}', 'rule:1:8: id: got "mine", which a fault has'),
        ("fault", '{"delay": "1s", "id": "rule-1"}', 'fault:1:23: id: got "rule-1", which a rule has'),
    ],
)
def test_it_may_not_have_the_id_of_another(kind: RuleKind, text: str, told: str) -> None:
    assert complaints(text, kind) == (f"{told}, want an id of its own",)


def test_it_may_speak_of_states_that_are_there_wherever_the_timeline_has_come_to() -> None:
    rule = sent('{"then": "closed", "match": {"state": ["open", "closed"]}}')

    assert (rule.then, rule.condition.state) == ("closed", {"open", "closed"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"then": "gone"}', 'rule:1:10: then: got "gone", want one of the states: open, closed'),
        ('{"then": "opne"}', 'rule:1:10: then: got "opne", want one of the states: open, closed; did you mean "open"?'),
        (
            '{"match": {"not": {"any": [{"state": "gone"}]}}}',
            'rule:1:11: match: got the state "gone", want one of the states: open, closed',
        ),
    ],
)
def test_another_state_is_told_which_there_are(text: str, told: str) -> None:
    assert complaints(text) == (told,)


def test_without_a_scenario_there_are_no_states() -> None:
    assert complaints('{"then": "open"}', playing=ActiveScenario()) == (
        'rule:1:10: then: got "open", want none: the scenario has no states',
    )


def test_every_mistake_is_told_in_its_order() -> None:
    text = '{"id": "theirs",\n "then": "gone",\n "match": {"all": [{"state": "x"}], "state": "y"}}'

    assert [problem.split(" ")[0] for problem in complaints(text)] == [
        "rule:1:8:",
        "rule:2:10:",
        "rule:3:11:",
        "rule:3:11:",
    ]


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("rule", '{"reply": "Bussy"}', 'rule:1:11: reply: got "Bussy", want a result code by name or number'),
        ("rule", '{"reprot": []}', 'rule:1:2: unknown key "reprot"; did you mean "report"?'),
        ("rule", '{"reply": null}', 'rule:1:2: the key "reply" has no value'),
        ("rule", '{"id": "a", "id": "b"}', 'rule:1:13: the key "id" again; the first is in line 1'),
        ("fault", "{}", "fault:1:1: got neither fault nor delay, want one of them or both"),
    ],
)
def test_what_a_file_may_not_say_it_may_not_either(kind: RuleKind, text: str, told: str) -> None:
    (problem,) = complaints(text, kind)

    assert problem.startswith(told)
