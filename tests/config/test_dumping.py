"""What a schema type writes of a value, it reads as the same value."""

from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.config import account_schema, match_schema, outcome_schema, rule_schema, scenario_schema, values
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.schema import ScalarType, Type, fields_of
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.config.sources import Location, toml_text, yaml_text
from cloudsms_simulator.config.yaml_source import parse_yaml
from cloudsms_simulator.engine.account import Account, Blacklist, Callback
from cloudsms_simulator.engine.faults import UNPROCESSED, Fault, Identity, PushFault
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.plan import (
    EXPIRY,
    Fixed,
    Listed,
    Lognormal,
    Mix,
    PlanTemplate,
    ReportOptions,
    Step,
    StepTemplate,
    Uniform,
    plan_of,
)
from cloudsms_simulator.engine.rules import (
    Condition,
    FaultRule,
    MemberMatch,
    Ordinal,
    ReplyStep,
    Rule,
    RuleBook,
    RuleBookChange,
    TextMatch,
    TimeWindow,
)
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC

SECOND = timedelta(seconds=1)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
names = st.from_regex("[A-Za-z0-9_][A-Za-z0-9._-]{0,5}", fullmatch=True)
counts = st.integers(1, 1000)
spans = st.integers(0, 10**12).map(lambda microseconds: timedelta(microseconds=microseconds))
amounts = st.decimals(0, 1000, places=4)
globs = st.lists(texts, min_size=1, max_size=3).map(tuple)
delays = st.one_of(
    spans.map(Fixed),
    st.tuples(spans, spans).map(lambda both: Uniform(*sorted(both))),
    st.builds(Lognormal, spans.filter(bool), st.floats(0.01, 10), spans),
    st.lists(spans, min_size=1, max_size=3).map(lambda each: Listed(tuple(each))),
)
options = st.builds(
    ReportOptions,
    copies=st.integers(1, 100),
    held=spans,
    serial=st.none() | st.integers(0, 65_535),
    uid_case=st.sampled_from([None, "lower"]),
    extra=st.dictionaries(texts, st.sampled_from([b"0.10", b'"x"', b'{"a":[1,true]}']), max_size=2).map(
        lambda said: tuple(said.items())
    ),
    omit=st.frozensets(texts, max_size=2),
    desc=st.none() | texts,
    fault=st.sampled_from(PushFault),
    fault_times=counts,
)
some_options = st.none() | options
fixed_steps = st.builds(
    Step, st.integers(0, 99), spans.filter(lambda span: span <= EXPIRY), st.just(False), st.just(False), some_options
)
final_steps = st.builds(Step, st.integers(2, 99), st.just(EXPIRY - SECOND), st.just(True), st.just(False), some_options)
plans = st.lists(fixed_steps, max_size=3).map(lambda steps: plan_of(*steps)) | final_steps.map(plan_of)
templates = st.builds(
    PlanTemplate,
    st.lists(
        st.builds(StepTemplate, st.integers(0, 99), delays, st.just(False), st.just(False), some_options), max_size=2
    ).map(lambda steps: (*steps, StepTemplate(1, Uniform(SECOND, 2 * SECOND), False))),
)
mixes = st.builds(
    lambda share, delay: Mix(((2, Decimal(share)), (77, Decimal(100 - share))), delay), st.integers(0, 100), delays
)
outlooks = plans | templates | mixes
words = st.builds(
    TextMatch,
    equals=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    contains=st.none() | texts,
    starts=st.none() | texts,
    ends=st.none() | texts,
    glob=st.just(()) | globs,
    regex=st.sampled_from([None, "[0-9]+"]),
    ignore_case=st.booleans(),
).filter(lambda said: said != TextMatch(ignore_case=said.ignore_case))
ordinals = st.builds(Ordinal, nth=st.frozensets(counts, min_size=1, max_size=3), every=st.none() | counts)
windows = st.builds(TimeWindow, after=st.just(SECOND), before=st.none() | spans.filter(lambda span: span > SECOND))
windows |= st.builds(TimeWindow, since=st.just(time(22, 30)), until=st.sampled_from([None, time(6, 0, 5)]))
plain_conditions = st.builds(
    Condition,
    to=st.just(()) | st.lists(st.from_regex("[0-9*?]{1,6}", fullmatch=True), min_size=1, max_size=2).map(tuple),
    country=st.frozensets(st.sampled_from(sorted(COUNTRY_CODES)), max_size=2),
    route=st.none() | words,
    sender=st.none() | words,
    content=st.none() | words,
    signature=st.none() | words,
    priority=st.frozensets(st.integers(0, 9), max_size=2),
    version=st.frozensets(texts, max_size=2),
    customer_body=st.dictionaries(texts, st.none() | words, max_size=2).map(
        lambda said: tuple(MemberMatch(key, each) for key, each in said.items())
    ),
    request=st.none() | ordinals,
    item=st.none() | ordinals,
    probability=st.none() | st.sampled_from([0.0, 1.0]) | st.floats(1e-9, 1),
    account=st.frozensets(names, max_size=2),
    time=st.none() | windows,
    state=st.frozensets(names, max_size=2),
)
conditions = st.recursive(
    plain_conditions,
    lambda inner: st.builds(
        msgspec.structs.replace,
        plain_conditions,
        all=st.lists(inner, max_size=2).map(tuple),
        any=st.lists(inner, max_size=2).map(tuple),
        none=st.lists(inner, max_size=2).map(tuple),
    ),
    max_leaves=3,
)
replies = st.builds(ReplyStep, st.sampled_from(ResultCode), counts, st.none() | delays)
last_replies = st.builds(ReplyStep, st.sampled_from(ResultCode), st.none() | counts, st.none() | delays)
reply_lists = st.tuples(st.lists(replies, max_size=2), last_replies).map(lambda said: (*said[0], said[1]))
rules = st.builds(
    Rule,
    id=names,
    condition=conditions,
    replies=reply_lists,
    scope=st.sampled_from(["destination", "packet"]),
    outlook=st.none() | outlooks,
    then=st.none() | names,
)
fault_rules = st.builds(
    FaultRule,
    id=names,
    condition=conditions,
    fault=st.sampled_from(sorted(UNPROCESSED - {Fault.ACCEPT_THEN_HANG})),
    delay=st.none() | delays,
    processed=st.none() | st.booleans(),
    times=st.none() | counts,
) | st.builds(FaultRule, id=names, fault=st.just(Fault.DRIBBLE), over=spans.filter(bool))
callbacks = st.builds(
    Callback,
    url=st.just("https://localhost:1/"),
    retries=st.lists(spans, max_size=2).map(tuple),
    connect_timeout=spans.filter(bool),
    timeout=spans.filter(bool),
    concurrency=counts,
    verify=st.booleans(),
    identity=st.sampled_from(Identity),
)
placed_ids = names | names.map(lambda name: f"{name} rule 3")
books = st.recursive(
    st.builds(
        RuleBook,
        name=st.just("") | texts,
        rules=st.lists(st.tuples(rules, placed_ids), max_size=2).map(
            lambda said: tuple(msgspec.structs.replace(rule, id=name) for rule, name in said)
        ),
        faults=st.lists(fault_rules, max_size=2).map(tuple),
        outlook=st.none() | outlooks,
        states=st.lists(names, max_size=2).map(tuple),
        magic=st.booleans(),
    ),
    lambda inner: st.builds(
        lambda book, others: msgspec.structs.replace(
            book, timeline=tuple(RuleBookChange(book=each, at=SECOND) for each in others)
        ),
        inner,
        st.lists(inner, max_size=2),
    ),
    max_leaves=3,
)
networks = st.lists(st.sampled_from([ip_network("10.0.0.0/8"), ip_network("::1/128")]), max_size=2).map(tuple)
profiles = [SPEC, OBSERVED]

OF_TYPES: Mapping[str, tuple[Type, st.SearchStrategy[object]]] = {
    "DELAY": (values.DELAY, delays),
    "REPORT": (outcome_schema.REPORT, outlooks),
    "STATE": (outcome_schema.STATE, st.integers(0, 2**32 - 1)),
    "GLOB_WORDS": (match_schema.GLOB_WORDS, words),
    "EXACT_WORDS": (match_schema.EXACT_WORDS, words),
    "MATCH": (match_schema.MATCH, conditions),
    "CODE": (rule_schema.CODE, st.sampled_from(ResultCode)),
    "REPLY": (rule_schema.REPLY, reply_lists),
    "RULE": (rule_schema.RULE, rules),
    "FAULT": (rule_schema.FAULT, fault_rules),
    "CALLBACK": (account_schema.CALLBACK, callbacks),
    "BLACKLIST": (
        account_schema.BLACKLIST,
        st.builds(Blacklist, st.lists(texts, max_size=2).map(tuple), st.lists(texts, max_size=2).map(tuple)),
    ),
    "PRICES": (
        account_schema.PRICES,
        st.dictionaries(st.none() | st.sampled_from(sorted(COUNTRY_CODES)), amounts, max_size=3),
    ),
    "BALANCE": (
        account_schema.BALANCE,
        st.just("unlimited") | amounts | amounts.map(lambda amount: Money(amount, "HKD")),
    ),
    "DIRECTIONS": (
        account_schema.DIRECTIONS,
        st.none() | st.frozensets(st.sampled_from(sorted(COUNTRY_CODES)), max_size=3),
    ),
    "ROUTES": (account_schema.ROUTES, st.frozensets(texts | st.just("*"), max_size=3)),
    "NETWORKS": (values.NETWORKS, networks),
    "STATE_BOOK": (scenario_schema.STATE_BOOK, books),
    "STATE_ACCOUNT": (
        account_schema.STATE_ACCOUNT,
        st.builds(
            Account,
            name=names,
            auth_key=texts,
            callback=callbacks.map(lambda callback: msgspec.structs.replace(callback, ca="elsewhere.pem")),
            balance=st.just("unlimited") | amounts,
            directions=st.none() | st.frozensets(st.sampled_from(sorted(COUNTRY_CODES)), max_size=2),
            plan=outlooks,
            profile=st.sampled_from([SPEC, OBSERVED, msgspec.structs.replace(OBSERVED, dr_auth_key=True)]),
            whitelist=networks,
            seed=st.integers(0, 2**40),
        ),
    ),
    "CLOCK": (values.CLOCK, st.sampled_from(["real", "frozen"]) | st.floats(0.001, 1_000_000)),
    "SIZE": (values.SIZE, st.integers(1, 2**40)),
    **{
        f"switch {name}": (kind, st.sampled_from([getattr(each, name) for each in profiles]))
        for name, kind in values.SWITCH_TYPES.items()
    },
}


def taken(kind: Type, said: object, location: Location | None = None) -> object:
    problems: list[str] = []
    value = kind.take(said, location or Location(problems, "here"))
    assert problems == []
    return value


@pytest.mark.parametrize("name", OF_TYPES)
@given(st.data())
def test_a_value_that_was_written_is_read_as_the_same_value(name: str, data: st.DataObject) -> None:
    kind, strategy = OF_TYPES[name]
    value = data.draw(strategy)

    assert taken(kind, kind.dump(value)) == value


@pytest.mark.parametrize("name", ["MATCH", "RULE", "FAULT", "REPORT", "DELAY"])
@given(st.data())
def test_what_was_written_in_yaml_is_read_as_the_same_value(name: str, data: st.DataObject) -> None:
    kind, strategy = OF_TYPES[name]
    value = data.draw(strategy)
    file = parse_yaml(f"it: {yaml_text(kind.dump(value))}\n", "it.yaml")

    assert file.problems == ()
    assert taken(kind, file.values["it"]) == value


def settings_of(table: type[Settings] | type[AccountSettings]) -> Iterator[tuple[str, Type, object]]:
    for field in fields_of(table):
        if field.default is not None and field.name not in ("accounts", "scenario"):
            yield field.name, field.kind, field.default


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(kind, value, id=name)
        for table in (Settings, AccountSettings)
        for name, kind, value in settings_of(table)
    ],
)
def test_the_default_of_a_setting_is_read_as_it_is_written(kind: Type, value: object) -> None:
    assert taken(kind, kind.dump(value)) == value
    assert toml_text(kind.dump(value))


def test_a_path_is_written_as_it_is() -> None:
    assert taken(values.FOLDER, values.FOLDER.dump(Path("certs"))) == Path("certs")


def test_what_a_type_would_not_read_is_not_written() -> None:
    for kind, _ in OF_TYPES.values():
        if not isinstance(kind, ScalarType):
            with pytest.raises(TypeError):
                kind.dump(object())
