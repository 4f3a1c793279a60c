"""Rules as users write them: what they match, and what is replied."""

from datetime import time, timedelta
from decimal import Decimal

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.rule_schema import RULE
from cloudsms_simulator.config.scenario_file import parse_scenario
from cloudsms_simulator.config.schema import INVALID
from cloudsms_simulator.config.sources import Location
from cloudsms_simulator.engine.plan import Fixed, Uniform
from cloudsms_simulator.engine.rules import Condition, MemberMatch, Ordinal, ReplyStep, Rule, TextMatch, TimeWindow
from cloudsms_simulator.protocol.codes import RESULT_CODES, ResultCode, hex_code

SECOND = timedelta(seconds=1)


def rule(text: str) -> Rule:
    """The one rule of a scenario."""
    (found,) = parse_scenario(f"version: 1\nrules:\n  - {text}\n", "x.yaml").book.rules
    return found


def match(text: str) -> Condition:
    return rule(f"match: {text}").condition


def problems(text: str) -> list[str]:
    """What is wrong with the one rule of a scenario: the column and the words."""
    with pytest.raises(SettingsError) as caught:
        rule(text)
    return [problem.removeprefix("x.yaml:3:") for problem in caught.value.problems]


def test_an_empty_rule_is_for_everything_and_says_ok() -> None:
    assert rule("{}") == Rule(id="rule 1")


def test_a_rule_has_its_id_reply_scope_and_condition() -> None:
    assert rule('{ id: busy, match: { to: "852*" }, scope: packet, reply: Busy }') == Rule(
        id="busy", condition=Condition(to=("852*",)), scope="packet", replies=(ReplyStep(ResultCode.BUSY),)
    )


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("to: 852*", "to", ("852*",)),
        ("to: 85267000011", "to", ("85267000011",)),
        ('to: "+852*"', "to", ("852*",)),
        ("to: ['852*', '65?1']", "to", ("852*", "65?1")),
        ("country: 852", "country", frozenset({852})),
        ('country: [852, "65"]', "country", frozenset({852, 65})),
        ("route: Verify*", "route", TextMatch(glob=("Verify*",))),
        ("route: [A, B]", "route", TextMatch(glob=("A", "B"))),
        ("sender: { equals: Shop }", "sender", TextMatch(equals="Shop")),
        ("content: Hello", "content", TextMatch(equals="Hello")),
        ("content: '*'", "content", TextMatch(equals="*")),
        ("content: ''", "content", TextMatch(equals="")),
        (
            "content: { contains: a, starts: b, ends: c, glob: d, regex: e, ignore_case: on }",
            "content",
            TextMatch(contains="a", starts="b", ends="c", glob=("d",), regex="e", ignore_case=True),
        ),
        ("signature: { glob: [A, B] }", "signature", TextMatch(glob=("A", "B"))),
        ('signature: { equals: "" }', "signature", TextMatch(equals="")),
        ("priority: [0, 1]", "priority", frozenset({0, 1})),
        ("version: 2021-01-01", "version", frozenset({"2021-01-01"})),
        ("customer_body: { a: A* }", "customer_body", (MemberMatch("a", TextMatch(glob=("A*",))),)),
        ("customer_body: { a: true }", "customer_body", (MemberMatch("a"),)),
        ("customer_body: { a: 17 }", "customer_body", (MemberMatch("a", TextMatch(equals="17")),)),
        ("customer_body: { a: 0.10 }", "customer_body", (MemberMatch("a", TextMatch(equals="0.10")),)),
        ("customer_body: { a: { ends: z } }", "customer_body", (MemberMatch("a", TextMatch(ends="z")),)),
        ("nth: 5", "request", Ordinal(nth=frozenset({5}))),
        ("nth: [1, 2]", "request", Ordinal(nth=frozenset({1, 2}))),
        ("every: 3", "request", Ordinal(every=3)),
        ("{ nth: 1, every: 3 }", "request", Ordinal(nth=frozenset({1}), every=3)),
        ("item: { every: 3 }", "item", Ordinal(every=3)),
        ("item: { nth: [1, 2] }", "item", Ordinal(nth=frozenset({1, 2}))),
        ("probability: 0.05", "probability", 0.05),
        ("probability: 1", "probability", 1.0),
        ("account: shop", "account", frozenset({"shop"})),
        ("time: { after: 1m, before: 1h }", "time", TimeWindow(after=60 * SECOND, before=3600 * SECOND)),
        ("time: { since: 22:30, until: '06:00' }", "time", TimeWindow(since=time(22, 30), until=time(6))),
        ("time: { until: 06:00:30 }", "time", TimeWindow(until=time(6, 0, 30))),
        ("all: [{ nth: 1 }]", "all", (Condition(request=Ordinal(nth=frozenset({1}))),)),
        ("any: [{ to: 1* }, { to: 2* }]", "any", (Condition(to=("1*",)), Condition(to=("2*",)))),
        ("not: { to: 1* }", "none", (Condition(to=("1*",)),)),
        ("not: [{ not: [{}] }]", "none", (Condition(none=(Condition(),)),)),
    ],
)  # fmt: skip
def test_what_a_rule_matches(text: str, field: str, value: object) -> None:
    condition = match(text if text.startswith("{") else f"{{ {text} }}")

    assert getattr(condition, field) == value
    assert condition == Condition(**{field: value})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{ too: 1 }", '14: unknown key "too"; did you mean "to"?'),
        ("{ to: +85267000011 }", '18: got +85267000011, want it in quotes, "+85267000011"; without them'),
        ('{ to: "852 6700" }', '18: rules[0].match.to: got "852 6700", want digits of country code and number, and *'),
        ('{ to: "852-6700 0011" }', '; did you mean "85267000011"?'),
        ("{ to: [] }", "18: rules[0].match.to: got [], want digits and globs on country code and number"),
        ("{ to: { equals: 1 } }", '18: rules[0].match.to: got { equals: 1 }, want digits of country code'),
        ("{ country: 1242 }", "23: rules[0].match.country: got 1242, want an assigned country calling code, such as 8"),
        ("{ content: 123456 }", '23: rules[0].match.content: got 123456, want a text; did you mean "123456"?'),
        ("{ content: true }", '23: rules[0].match.content: got true, want a text; did you mean "true"?'),
        ("{ content: [a] }", '23: rules[0].match.content: got ["a"], want the whole text, or a table such as { contai'),
        ("{ content: { contain: a } }", '25: unknown key "contain"; did you mean "contains"?'),
        ("{ content: {} }", "23: rules[0].match.content: got {}, want something of the text: equals, contains, starts"),
        ("{ content: { ignore_case: on } }", "23: rules[0].match.content: got { ignore_case: "),
        ("{ content: { contains: '' } }", '35: rules[0].match.content.contains: got "", want a text that is not empty'),
        ("{ content: { regex: '(' } }", '32: rules[0].match.content.regex: got "(", want a regular expression of Pyth'),
        ("{ route: [] }", "21: rules[0].match.route: got [], want a list of globs; at least one"),
        ("{ customer_body: { a: false } }", '34: rules[0].match.customer_body.a: got false, want a glob such as "A*"'),
        ("{ customer_body: a }", '29: rules[0].match.customer_body: got "a", want a table such as { orderId: "A*", sh'),
        ("{ nth: 0 }", "19: rules[0].match.nth: got 0, want a whole number, 1 or more"),
        ("{ item: {} }", "20: rules[0].match.item: got {}, want a table such as { every: 3 }"),
        ("{ item: 3 }", "20: rules[0].match.item: got 3, want a table such as { every: 3 }"),
        ("{ probability: 5% }", '27: rules[0].match.probability: got "5%", want a number from 0 to 1, such as 0.05'),
        ("{ probability: 1.5 }", "27: rules[0].match.probability: got 1.5, want a number from 0 to 1"),
        ("{ time: { since: 24:00 } }", '29: rules[0].match.time.since: got "24:00", want a time of day such as "22:30'),
        ("{ time: { after: 2m, before: 1m } }", "41: rules[0].match.time.before: got a time that is not later than"),
        ("{ time: { since: 10:00, until: 10:00 } }", "43: rules[0].match.time.until: got the time of day it begins at"),
        ("{ time: { until: 00:00 } }", "29: rules[0].match.time.until: got the time of day it begins at"),
        ("{ time: {} }", "20: rules[0].match.time: got {}, want a table such as"),
        ("{ any: [] }", "19: rules[0].match.any: got [], want a list of conditions, such as"),
        ("{ any: { to: 1* } }", '19: rules[0].match.any: got { to: "1*" }, want a list of conditions'),
        ("{ not: [{ tos: 1 }] }", '22: unknown key "tos"; did you mean "to"?'),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_told_with_its_place_and_what_would_be_right(text: str, problem: str) -> None:
    (found,) = problems(f"match: {text}")

    assert problem in found


@pytest.mark.parametrize("row", RESULT_CODES, ids=lambda row: hex_code(row.code))
def test_every_code_has_a_number_and_all_but_one_a_name(row: object) -> None:
    code, desc = row.code, row.desc  # type: ignore[attr-defined]
    by_number = [rule(f"reply: {spelling}").replies for spelling in (int(code), f"0x{code:x}", f'"{hex_code(code)}"')]

    assert by_number == [(ReplyStep(code),)] * 3
    if code != ResultCode.EMPTY_DATA_RECEIVED:
        assert rule(f"reply: {desc}").replies == rule(f"reply: {desc.upper()}").replies == (ReplyStep(code),)


def test_empty_data_is_the_name_of_0x04() -> None:
    assert rule("reply: Empty_data").replies == (ReplyStep(ResultCode.EMPTY_DATA),)


@pytest.mark.parametrize(
    ("text", "replies"),
    [
        ("{ code: Busy }", (ReplyStep(ResultCode.BUSY),)),
        ("{ code: Busy, times: 2 }", (ReplyStep(ResultCode.BUSY, 2),)),
        ("{ delay: 3s }", (ReplyStep(delay=Fixed(3 * SECOND)),)),
        (
            "{ code: 3, delay: { type: uniform, lower: 1s, upper: 2s } }",
            (ReplyStep(ResultCode.BUSY, delay=Uniform(SECOND, 2 * SECOND)),),
        ),
        ("[Busy, OK]", (ReplyStep(ResultCode.BUSY, 1), ReplyStep())),
        ("[{ code: Busy, times: 2 }, { code: OK }]", (ReplyStep(ResultCode.BUSY, 2), ReplyStep())),
        ("[{ code: Busy }, { times: 3 }]", (ReplyStep(ResultCode.BUSY, 1), ReplyStep(times=3))),
    ],
)
def test_what_a_rule_replies(text: str, replies: tuple[ReplyStep, ...]) -> None:
    assert rule(f"reply: {text}").replies == replies


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id: 5", "9: rules[0].id: got 5, want a name of 1 to 64 letters"),
        ("id: rule 1", '9: rules[0].id: got "rule 1", want a name of 1 to 64 letters'),
        ("scope: packets", '12: rules[0].scope: got "packets", want "destination" or "packet"; did you mean "packet"?'),
        (
            "reply: Bussy",
            '12: rules[0].reply: got "Bussy", want a result code by name or number, such as Busy or 0x03; did',
        ),
        ("reply: 0x99", "12: rules[0].reply: got 153, want a result code by name or number, such as Busy or 0x03; the"),
        ("reply: true", "12: rules[0].reply: got true, want a result code"),
        ("reply: []", "12: rules[0].reply: got [], want a result code, a table such as { code:"),
        ("reply: { code: Busy, times: 0 }", "33: rules[0].reply.times: got 0, want a whole number, 1 or more"),
        ("reply: [OK, { codes: 1 }]", '19: unknown key "codes"; did you mean "code"?'),
        (
            "reply: { delay: 5 }",
            '21: rules[0].reply.delay: got 5, want a duration with its unit, such as "3s", "250ms"',
        ),
        ("then: closed", '11: rules[0].then: got "closed", want one of the states; there are none, so say states too'),
        ("rely: OK", '5: unknown key "rely"; did you mean "reply"?'),
        ("17", "5: rules[0]: got 17, want a table such as { id:"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place_and_what_would_be_right(text: str, problem: str) -> None:
    (found,) = problems(text)

    assert found.startswith(problem)


def test_every_mistake_of_a_rule_is_told() -> None:
    found = problems("{ idd: 1, match: { to: x, nth: 0 }, reply: [Bussy, { times: 0 }], scope: 1 }")

    assert [problem.partition(":")[0] for problem in found] == ["7", "28", "36", "49", "65", "78"]


def test_a_rule_can_be_read_from_what_is_no_file() -> None:
    wrong: list[str] = []

    assert RULE.take({"id": "busy", "reply": "Busy"}, Location(wrong, "rule")) == Rule(
        id="busy", replies=(ReplyStep(ResultCode.BUSY),)
    )
    assert RULE.take({"reply": Decimal("1.5")}, Location(wrong, "rule")) is INVALID
    assert wrong == [
        "rule: reply: got 1.5, want a result code by name or number, such as Busy or 0x03; the codes are "
        + ", ".join(hex_code(code) for code in ResultCode)
    ]
