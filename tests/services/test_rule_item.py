"""Rule items: what the API shows of rules and faults."""

import json

import msgspec

from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.rules import Condition, FaultRule, Rule
from cloudsms_simulator.services.scenarios import CountedRule, rule_item, rule_kind_of


def shown(counted: CountedRule) -> object:
    return json.loads(msgspec.json.encode(rule_item(counted)))


def test_a_rule_of_a_scenario() -> None:
    counted = CountedRule(Rule(id="rule 3", condition=Condition(probability=0.5)), "night", 7)

    assert rule_kind_of(counted) == "rule"
    assert shown(counted) == {
        "id": "rule 3",
        "kind": "rule",
        "book": "night",
        "hits": 7,
        "enabled": True,
        "definition": {"match": {"probability": 0.5}},
        "warnings": [],
    }


def test_a_fault_laid_down_by_itself_is_of_no_book() -> None:
    counted = CountedRule(FaultRule(id="drops", fault=Fault.DRIBBLE), "", 0)

    assert rule_kind_of(counted) == "fault"
    assert shown(counted) == {
        "id": "drops",
        "kind": "fault",
        "book": None,
        "hits": 0,
        "enabled": True,
        "definition": {"id": "drops", "fault": "DRIBBLE"},
        "warnings": [],
    }
