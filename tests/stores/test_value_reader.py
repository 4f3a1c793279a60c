"""Values as JSON, and back."""

import json
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_file import load_scenario
from cloudsms_simulator.config.scenario_folder import bundled_scenarios
from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.plan import (
    Fixed,
    Lognormal,
    Mix,
    Plan,
    PlanTemplate,
    ReportOptions,
    Step,
    StepTemplate,
    Uniform,
)
from cloudsms_simulator.engine.records import Attempt, Exchange, Report
from cloudsms_simulator.engine.rules import (
    CompiledRules,
    Condition,
    MemberMatch,
    Rule,
    RuleBook,
    RuleBookChange,
    TextMatch,
    TimeWindow,
)
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.stores.codec import MisfitError, from_plain, to_plain

NOON = datetime(2026, 11, 22, 12, tzinfo=HONG_KONG)
SECOND = timedelta(seconds=1)
STEP = Step(
    2, SECOND, final=True, manner=ReportOptions(omit=frozenset({"SERIAL", "TIME"}), extra=(("X", b"\xff\x00"),))
)
RULE = Rule(
    id="r",
    condition=Condition(
        to=("852*",),
        content=TextMatch(regex="a+"),
        customer_body=(MemberMatch("k"),),
        probability=0.25,
        time=TimeWindow(after=SECOND, since=time(22, 30)),
        none=(Condition(country=frozenset({852, 65})),),
    ),
    outlook=Mix(((2, Decimal("90.5")), (3, Decimal("9.5"))), Lognormal(SECOND, 0.8)),
)
VALUES = [
    Account(),
    Account(
        prices={852: Decimal("0.05"), None: Decimal("0.10")},
        balance="unlimited",
        directions=frozenset({852}),
        whitelist=(ip_network("10.0.0.0/8"), ip_network("::1")),
        profile=OBSERVED,
        callback=Callback(url="https://localhost/", retries=(SECOND,)),
        plan=Plan((STEP,)),
    ),
    Exchange(1, None, "uip", NOON, None, ((b"host", b"\xe9"),), 200, ResultCode.BUSY, b"\xff{}", None, (), ("a", "b")),
    Exchange(1, "shop", "http", NOON, None, (), None, None, b"{}", b"", None, "a"),
    Report("uid", 1, "shop", 60, NOON, attempts=(Attempt(1, NOON, "http://x/", b"{}"),)),
    RuleBook(
        rules=(RULE,),
        outlook=PlanTemplate((StepTemplate(2, Uniform(SECOND, 2 * SECOND), True),)),
        timeline=(RuleBookChange(book=RuleBook()),),
    ),
    TextMatch(contains="\ud800 lone"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(value: msgspec.Struct) -> None:
    shown = json.loads(json.dumps(to_plain(value)))
    back = from_plain(shown, type(value))
    assert to_plain(back) == shown
    if isinstance(value, Account):
        assert back.rules.book == value.rules.book
        back = msgspec.structs.replace(back, rules=value.rules)
    assert back == value


@pytest.mark.parametrize("path", bundled_scenarios(), ids=lambda path: path.stem)
def test_a_scenario_comes_back_as_it_was(path: Path) -> None:
    scenario = load_scenario(path)
    assert from_plain(json.loads(json.dumps(to_plain(scenario))), Scenario) == scenario


def test_what_is_as_usual_is_left_out_and_what_may_be_several_things_says_which() -> None:
    assert to_plain(Account()) == {}
    assert to_plain(Fixed(SECOND)) == {"$type": "Fixed", "value": "1000000us"}
    assert to_plain(Callback(url="http://x/")) == {"url": "http://x/"}


def test_moments_are_the_same_moments_and_hong_kongs_stay_there() -> None:
    utc = Report("uid", 1, "shop", 2, NOON.astimezone(UTC))
    assert from_plain(to_plain(utc), Report).reached_at == NOON
    assert from_plain(to_plain(Report("uid", 1, "shop", 2, NOON)), Report).reached_at.tzinfo is HONG_KONG


@given(
    st.binary(),
    st.text(st.characters()),
    st.timedeltas(timedelta(), timedelta(days=7400)),
    st.decimals(-(10**100), 10**100, allow_nan=False),
)
def test_octets_texts_spans_and_decimals_are_exact(octets: bytes, text: str, span: timedelta, amount: Decimal) -> None:
    attempt = Attempt(1, NOON, text, octets)
    assert from_plain(json.loads(json.dumps(to_plain(attempt))), Attempt) == attempt
    assert from_plain(json.loads(json.dumps(to_plain(Fixed(span)))), Fixed) == Fixed(span)
    account = Account(balance=amount)
    assert from_plain(json.loads(json.dumps(to_plain(account))), Account).balance == amount


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "it: got [], want an object"),
        ({"nmae": "x"}, 'it: got "nmae", want a key that is known; did you mean "name"?'),
        ({"name": 1}, "name: got 1, want a text"),
        ({"seed": True}, "seed: got true, want a whole number"),
        ({"seed": 1.5}, "seed: got 1.5, want a whole number"),
        ({"currency": "XXX"}, 'currency: got "XXX", want "CNY" or'),
        ({"balance": "much"}, 'balance: got "much", want'),
        ({"balance": "NaN"}, 'balance: got "NaN", want'),
        ({"whitelist": ["10.0.0.1/8"]}, 'whitelist[0]: got "10.0.0.1/8", want a network'),
        ({"prices": {"852": "0.05"}}, 'prices.852: got "852", want a whole number'),
        ({"prices": [[852]]}, "prices: got [852], want a key and its value"),
        ({"callback": {"timeout": "5s"}}, 'callback.timeout: got "5s", want microseconds'),
        ({"callback": {"identity": "good"}}, 'callback.identity: got "good", want a value of Identity'),
        ({"callback": {"verify": 1}}, "callback.verify: got 1, want true or false"),
        ({"plan": {"steps": []}}, 'plan: got {"steps":[]}, want an object whose $type is Plan or Course or Mix'),
        ({"plan": {"$type": "Plan"}}, 'plan: got {"$type":"Plan"}, want steps in it'),
        ({"rules": {"rules": [{}]}}, "rules.rules[0]: got {}, want id in it"),
    ],
)
def test_what_is_no_value_is_told_with_its_place(data: object, told: str) -> None:
    with pytest.raises(MisfitError) as raised:
        from_plain(data, Account)
    assert str(raised.value).startswith(told)


def test_what_cannot_be_written_is_a_slip_of_ours() -> None:
    with pytest.raises(TypeError, match="object cannot be written"):
        to_plain(object())


def test_rules_are_ready_to_be_asked() -> None:
    account = from_plain(to_plain(Account(rules=CompiledRules(RuleBook(rules=(RULE,))))), Account)
    assert [rule for rule, _ in account.rules.matchers] == [RULE]
