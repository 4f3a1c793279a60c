"""Rules as files say them: reading what was written gives the same rule."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from cloudsms_simulator.config.match_schema import MATCH
from cloudsms_simulator.config.rule_schema import FAULT, RULE
from cloudsms_simulator.config.scenario_file import read_scenario_file
from cloudsms_simulator.config.scenario_schema import ScenarioTable
from cloudsms_simulator.config.sources import Location
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.rules import (
    Condition,
    FaultRule,
    MemberMatch,
    Ordinal,
    ReplyStep,
    Rule,
    TextMatch,
    TimeWindow,
)
from cloudsms_simulator.protocol.codes import ResultCode

SCENARIOS = Path(__file__).parents[2] / "scenarios"
EXAMPLES = re.findall(
    r"^```yaml\n# (\S+)\n(.*?)^```", (SCENARIOS / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)
TEXTS = {path.name: path.read_text("utf-8") for path in sorted(SCENARIOS.glob("*.yaml"))} | dict(EXAMPLES)


def table(text: str) -> ScenarioTable:
    part = read_scenario_file(SCENARIOS / "some.yaml", [], text)
    assert part is not None
    return part.table


def read_again(rule: Rule | FaultRule) -> object:
    """A rule after it was written and read."""
    problems: list[str] = []
    kind = RULE if isinstance(rule, Rule) else FAULT
    read = kind.take(kind.dump(rule), Location(problems, "here"))
    assert problems == []
    return read


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_rule_of_a_scenario_can_be_written_and_read_again(text: str) -> None:
    written = (*table(text).rules, *table(text).faults)

    for rule in written:
        named = rule if rule.id else msgspec.structs.replace(rule, id="rule 3")
        assert read_again(named) == rule


@pytest.mark.parametrize(
    "text",
    [
        "{ id: busy, match: { to: '852*' }, reply: [{ code: Busy, times: 2 }, OK] }",
        "{ id: a, match: { to: ['852*', '65?'], country: [65, 852], nth: [2, 5], every: 7 } }",
        "{ match: { item: { nth: 1, every: 3 }, probability: 0.00000001, account: [a, b], state: open } }",
        "{ match: { time: { after: 10m, before: 1h, since: '22:30', until: '06:00:05' } } }",
        "{ match: { route: 'V*', sender: ['A*', B], signature: { equals: '' }, content: '' } }",
        "{ match: { content: { contains: x, starts: y, ends: z, glob: ['*'], regex: '[0-9]', ignore_case: true } } }",
        "{ match: { customer_body: { shop: true, order: 'A*', n: 5, who: { ends: z } } } }",
        "{ match: { priority: [1, 0], version: v } }",
        "{ match: { all: [{ to: 1 }, { any: [{ to: 2 }, { not: { to: 3 } }] }], not: [{ to: 4 }, { route: V }] } }",
        "{ scope: packet, reply: { code: 0x1000000D, delay: { type: uniform, lower: 1s, upper: 2s } }, then: open }",
        "{ reply: [Empty_data, { code: OK, times: 3, delay: 250ms }, { code: Busy, times: 1 }] }",
        "{ reply: [{ code: Busy, times: 2 }, { code: OK, times: 1 }] }",
        "{ report: [{ state: ENROUTE, after: 1s, held: 10s }, { none: true }] }",
        "{ report: { mix: { DELIVERED: 97.5, '77': 2.5 }, delay: { type: list, values: [1s, 2s] } } }",
    ],
)
def test_whatever_a_rule_says_comes_back(text: str) -> None:
    (rule,) = table(f"version: 1\nrules: [{text}]\nstates: [open]").rules

    assert read_again(rule if rule.id else msgspec.structs.replace(rule, id="rule 1")) == rule


@pytest.mark.parametrize("code", ResultCode)
def test_every_code_comes_back(code: ResultCode) -> None:
    rule = Rule(id="a", replies=(ReplyStep(code),))

    assert read_again(rule) == rule


def test_a_rule_is_written_as_briefly_as_one_would() -> None:
    condition = Condition(to=("852*",), content=TextMatch(equals="Hello"), request=Ordinal(nth=frozenset({3})))
    replies = (ReplyStep(ResultCode.BUSY, 2), ReplyStep(ResultCode.BUSY, 1), ReplyStep(ResultCode.OK))

    assert RULE.dump(Rule(id="busy", condition=condition, replies=replies, then="open")) == {
        "id": "busy",
        "match": {"to": "852*", "content": "Hello", "nth": 3},
        "reply": [{"code": "Busy", "times": 2}, "Busy", "OK"],
        "then": "open",
    }


def test_a_rule_that_says_nothing_is_an_empty_table_without_an_id_of_its_own() -> None:
    assert RULE.dump(Rule(id="storm rule 3")) == {}


def test_a_fault_is_written_with_what_it_says() -> None:
    fault = FaultRule(
        id="drops",
        condition=Condition(probability=0.25),
        fault=Fault.DRIBBLE,
        processed=True,
        times=2,
        over=timedelta(seconds=10),
    )

    assert FAULT.dump(fault) == {
        "id": "drops",
        "match": {"probability": Decimal("0.25")},
        "fault": "DRIBBLE",
        "processed": True,
        "times": 2,
        "over": "10s",
    }


def test_conditions_within_a_condition_are_written_within_it() -> None:
    members = (MemberMatch("shop"), MemberMatch("order", TextMatch(glob=("A*",))))
    inner = Condition(time=TimeWindow(after=timedelta(minutes=10)))

    assert MATCH.dump(Condition(customer_body=members, none=(inner,))) == {
        "customer_body": {"shop": True, "order": {"glob": "A*"}},
        "not": [{"time": {"after": "10m"}}],
    }
