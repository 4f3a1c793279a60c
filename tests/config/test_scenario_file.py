"""Scenario files: what they make, what they include, where they lead, and what is wrong with them."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_schema import AccountOverrides, AccountSettings, merged_accounts
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_file import load_scenario, parse_scenario
from cloudsms_simulator.engine.faults import Fault
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.rules import Condition, FaultRule, ReplyStep, Rule, RuleBook, RuleBookChange
from cloudsms_simulator.protocol.codes import ResultCode

Write = Callable[..., Path]
Load = Callable[..., Scenario]
Complain = Callable[..., list[str]]

MINUTE = timedelta(minutes=1)
BUSY = Rule(id="busy", replies=(ReplyStep(ResultCode.BUSY),))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files by stem, each a scenario of version 1; the path of the first."""

    def write_files(**texts: str) -> Path:
        for stem, text in texts.items():
            (tmp_path / f"{stem}.yaml").write_text(f"version: 1\n{text}\n")
        return tmp_path / f"{next(iter(texts))}.yaml"

    return write_files


@pytest.fixture
def load(write: Write) -> Load:
    """The scenario that the first of some files makes."""
    return lambda **texts: load_scenario(write(**texts))


@pytest.fixture
def complain(write: Write, tmp_path: Path) -> Complain:
    """The problems of files, without their folder."""

    def problems_of(**texts: str) -> list[str]:
        with pytest.raises(SettingsError) as caught:
            load_scenario(write(**texts))
        return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return problems_of


def test_a_file_that_says_nothing_changes_nothing(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "calm.yaml"

    assert load(calm="") == Scenario(
        name="calm", path=path, book=RuleBook(name="calm"), files=(path,), origins={"version": f"{path}:1"}
    )


def test_a_file_says_what_holds_for_the_whole_platform(load: Load, tmp_path: Path) -> None:
    scenario = load(a='name: night\nabout: " all quiet "\nseed: 42\nprofile: observed\nmagic: off\n$schema: x\n')

    assert (scenario.name, scenario.about, scenario.seed, scenario.profile) == ("night", "all quiet", 42, "observed")
    assert scenario.book == RuleBook(name="night", magic=False)
    assert scenario.origins["seed"] == f"{tmp_path / 'a.yaml'}:4"


def test_rules_without_an_id_are_called_by_their_place(load: Load) -> None:
    book = load(a="rules: [{ id: first }, {}, {}]\nfaults: [{ fault: DRIBBLE }]").book

    assert [rule.id for rule in book.rules] == ["first", "rule 2", "rule 3"]
    assert [fault.id for fault in book.faults] == ["fault 1"]


def test_defaults_say_what_becomes_of_messages(load: Load) -> None:
    assert load(a="defaults: { report: [{ state: REJECTED }] }").book.outlook == plan_of(step(8, timedelta(seconds=1)))


def test_a_text_is_a_scenario_as_a_file_is() -> None:
    scenario = parse_scenario("version: 1\nrules: [{ id: busy, reply: Busy }]\n", "over-the-api.yaml")

    assert scenario.book == RuleBook(name="over-the-api", rules=(BUSY,))


def test_a_text_from_elsewhere_may_name_bundled_scenarios() -> None:
    text = "version: 1\ninclude: intercept\ntimeline: [{ at: 1h, scenario: blackout }]\n"

    assert parse_scenario(text, bundled_only=True).book == parse_scenario(text).book


def test_a_text_from_elsewhere_may_name_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.yaml", "ca.pem"):
        (tmp_path / name).write_text("version: 1\n")
    text = """version: 1
include: [mine, ./mine.yaml]
timeline: [{ at: 1h, scenario: mine.yaml }]
accounts: [{ name: default, callback: { url: "http://x/", ca: ca.pem } }]
"""
    assert len(parse_scenario(text).files) == 2

    with pytest.raises(SettingsError) as caught:
        parse_scenario(text, bundled_only=True)

    assert [problem.partition(", want ")[0] for problem in caught.value.problems] == [
        'scenario.yaml:2:11: include[0]: there is no bundled scenario "mine"',
        'scenario.yaml:2:17: include[1]: there is no bundled scenario "./mine.yaml"',
        'scenario.yaml:3:32: timeline[0].scenario: there is no bundled scenario "mine.yaml"',
        "scenario.yaml:4:63: accounts[0].callback.ca: got a file",
    ]


def test_rules_of_included_files_come_after_the_file_s_own(load: Load, tmp_path: Path) -> None:
    scenario = load(
        a="include: [b, ./c.yaml]\nrules: [{ id: mine }]\nfaults: [{ delay: 1s }]",
        b="rules: [{ id: busy, reply: Busy }, {}]\nfaults: [{ id: drops, fault: DRIBBLE }]",
        c="rules: [{ id: last }]",
    )

    assert [rule.id for rule in scenario.book.rules] == ["mine", "busy", "b rule 2", "last"]
    assert [fault.id for fault in scenario.book.faults] == ["fault 1", "drops"]
    assert [path.name for path in scenario.files] == ["a.yaml", "b.yaml", "c.yaml"]


def test_what_a_file_does_not_say_is_taken_from_the_first_included_file_that_says_it(load: Load) -> None:
    scenario = load(
        a="include: [b, c]\nseed: 1\nstates: [one]",
        b="seed: 2\nname: other\nabout: x\nprofile: observed\nstates: [two, one]\ntls: expired",
        c="profile: spec\nmagic: off\ndefaults: { report: [{ none: true }] }\ntimeline: [{ at: 1m, scenario: b }]",
    )

    assert (scenario.name, scenario.about, scenario.seed, scenario.profile) == ("a", "", 1, "observed")
    assert scenario.book.states == ("one", "two")
    assert (scenario.book.magic, scenario.book.outlook, scenario.tls) == (False, plan_of(), ("expired",))
    assert [change.book.name for change in scenario.book.timeline] == ["other"]
    assert [Path(scenario.origins[key]).name for key in ("seed", "profile", "magic")] == [
        "a.yaml:3",
        "b.yaml:5",
        "c.yaml:3",
    ]


def test_a_file_that_is_included_twice_counts_once(load: Load) -> None:
    scenario = load(a="include: [b, c]", b="include: d", c="include: d", d="rules: [{ id: busy, reply: Busy }]")

    assert scenario.book.rules == (BUSY,)


def test_one_included_file_needs_no_list(load: Load) -> None:
    assert load(a="include: b", b="rules: [{ id: busy, reply: Busy }]").book.rules == (BUSY,)


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        ({"a": "include: a"}, "a.yaml:2:10: include[0]: leads back to itself: a.yaml → a.yaml"),
        (
            {"a": "include: b", "b": "seed: 1\ninclude: [./c.yaml]", "c": "include: [b]"},
            "c.yaml:2:11: include[0]: leads back to itself: b.yaml → c.yaml → b.yaml",
        ),
        (
            {"a": "timeline: [{ at: 1m, scenario: b }]", "b": "timeline: [{ messages: 5, scenario: a }]"},
            "b.yaml:2:37: timeline[0].scenario: leads back to itself: a.yaml → b.yaml → a.yaml",
        ),
        (
            {"a": "include: b", "b": "timeline: [{ at: 1m, scenario: a }]"},
            "b.yaml:2:32: timeline[0].scenario: leads back to itself: a.yaml → a.yaml",
        ),
    ],
)
def test_a_file_may_not_lead_back_to_itself(complain: Complain, texts: dict[str, str], problem: str) -> None:
    assert complain(**texts) == [problem]


def test_a_chain_of_files_has_an_end(complain: Complain) -> None:
    (problem,) = complain(**{f"f{n}": f"include: f{n + 1}" for n in range(30)}, f30="")

    assert problem == "f19.yaml:2:10: include[0]: is the end of a chain of more than 20 files, want a shorter one"


def test_a_timeline_brings_the_rules_of_other_scenarios(load: Load, tmp_path: Path) -> None:
    scenario = load(
        a="timeline: [{ at: 10m, scenario: b }, { at: 20m, scenario: ./c.yaml }, { messages: 500, scenario: b }]",
        b="rules: [{ id: busy, reply: Busy }]",
        c="name: drops\nfaults: [{ id: drops, fault: DRIBBLE }]",
    )
    busy = RuleBook(name="b", rules=(BUSY,))
    drops = RuleBook(name="drops", faults=(FaultRule(id="drops", fault=Fault.DRIBBLE),))

    assert scenario.book.timeline == (
        RuleBookChange(book=busy, at=10 * MINUTE),
        RuleBookChange(book=drops, at=20 * MINUTE),
        RuleBookChange(book=busy, messages=500),
    )
    assert [path.name for path in scenario.files] == ["a.yaml", "b.yaml", "c.yaml"]


def test_many_ways_to_the_same_file_cost_no_more_than_one(load: Load) -> None:
    files = {
        f"f{n}": f"timeline: [{{ at: 1m, scenario: f{n + 1} }}, {{ at: 2m, scenario: f{n + 1} }}]" for n in range(18)
    }

    book = load(**files, f18="").book

    assert book.timeline[0].book is book.timeline[1].book


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("timeline: [{ scenario: b }]", "12: timeline[0]: got neither at nor messages, want one of the two"),
        ("timeline: [{ at: 1m, messages: 1, scenario: b }]", "12: timeline[0]: got both at and messages, want one of"),
        ("timeline: [{ at: 1m }]", "12: timeline[0]: got no scenario, want one: a text that is not empty"),
        (
            "timeline: [{ at: 1m, scenario: b }, { at: 60s, scenario: b }]",
            "43: timeline[1].at: got a time that is not later than the one before, want them in order",
        ),
        (
            "timeline: [{ messages: 5, scenario: b }, { messages: 4, scenario: b }]",
            "54: timeline[1].messages: got no more than the one before, want them in order",
        ),
        ("timeline: [{ at: 1m, scenario: bb }]", '32: timeline[0].scenario: there is no scenario "bb", want the name'),
        ("include: [./bb.yaml]", "11: include[0]: there is no file "),
        ("states: [a, a]", '9: states: got ["a", "a"], want each state once'),
        ("states: [a b]", '10: states[0]: got "a b", want the name of one of the scenario'),
        ("seed: -1", "7: seed: got -1, want a whole number, 0 or more"),
        ("about: |\n  two\n  lines", '8: about: got "two\\nlines\\n", want a text of one line'),
        ("name: a b", '7: name: got "a b", want a name of 1 to 64 letters'),
        ("profile: spce", '10: profile: got "spce", want "spec" or "observed"; did you mean "spec"?'),
        ("magic: no", '8: magic: got "no", want true or false'),
        ("rules: { id: a }", '8: rules: got { id: "a" }, want a list of rules, such as [{ reply: "Busy" }]'),
        ("rules:", '1: the key "rules" has no value; give it one, or leave it out'),
        ("defaults: { reports: [] }", '13: unknown key "reports"; did you mean "report"?'),
        ("rulse: []", '1: unknown key "rulse"; did you mean "rules"?'),
        ("accounts: [{ name: a, balance: x }]", '32: accounts[0].balance: got "x", want "unlimited", a decimal'),
        ("accounts: [{ callback: x }]", '24: accounts[0].callback: got "x", want a table such as { url: "https'),
        ("accounts: [{ name: a }, { name: a }]", '33: accounts[1].name: got "a" again, want a name of its own'),
        ("accounts: { name: a }", '11: accounts: got { name: "a" }, want a list of tables'),
    ],
)
def test_a_wrong_line_is_told_with_its_place_and_what_would_be_right(
    complain: Complain, text: str, problem: str
) -> None:
    (found,) = complain(a=text, b="")

    assert found.startswith(f"a.yaml:2:{problem}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x", "x.yaml:1:1: got no version, want one: 1, the version of this format"),
        ("version: 2", "x.yaml:1:10: version: got 2, want 1, the version of this format"),
        ("version: 1.0", "x.yaml:1:10: version: got 1.0, want 1, the version of this format"),
        ('version: "1"', 'x.yaml:1:10: version: got "1", want 1, the version of this format'),
    ],
)
def test_the_version_of_the_format_is_said(text: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_scenario(text, "x.yaml")

    assert caught.value.problems == (problem,)


def test_every_mistake_of_every_file_is_told_in_order(complain: Complain) -> None:
    found = complain(
        a="include: [b, c]\nrules:\n  - { id: x, reply: Bussy }\n  - { id: x, mach: {} }\nsed: 1\nseed: 1\nseed: x",
        b="rules: [{ then: gone }]\ntimeline: [{ at: 1m, scenario: nosuch }]",
        c="- 1",
    )

    assert [problem[: problem.index(": ")] for problem in found] == [
        "a.yaml:4:21",
        "a.yaml:5:11",
        "a.yaml:5:14",
        "a.yaml:6:1",
        "a.yaml:8:1",
        "c.yaml:2:1",
        "b.yaml:2:17",
        "b.yaml:3:32",
    ]


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (
            {"a": "rules: [{ id: x }, { id: x }]"},
            'a.yaml:2:26: rules[1].id: got "x", which a.yaml:2:9 has, want an id of its own',
        ),
        (
            {"a": "rules: [{ id: x }]\nfaults: [{ id: x, delay: 1s }]"},
            'a.yaml:3:16: faults[0].id: got "x", which a.yaml:2:9 has, want an id of its own',
        ),
        (
            {"a": "include: b\nrules: [{ id: x }]", "b": "rules: [{ id: x }]"},
            'b.yaml:2:15: rules[0].id: got "x", which a.yaml:3:9 has, want an id of its own',
        ),
        (
            {"a": "include: [b, c]", "b": "name: x", "c": "name: x"},
            'c.yaml:2:7: name: got "x", which b.yaml has too, want a name of its own',
        ),
    ],
)
def test_ids_and_names_are_unique(complain: Complain, texts: dict[str, str], problem: str) -> None:
    assert complain(**texts) == [problem]


@pytest.mark.parametrize(
    "rule",
    ["then: closd", "match: { state: closd }", "match: { any: [{ nth: 1 }, { not: { state: [open, closd] } }] }"],
)
def test_a_rule_names_a_state_there_is(complain: Complain, rule: str) -> None:
    (problem,) = complain(a=f"states: [open, closed]\nrules: [{{ {rule} }}]")

    assert problem.endswith('got "closd", want one of the states: open, closed; did you mean "closed"?')


def test_states_of_included_files_can_be_named(load: Load) -> None:
    (rule,) = load(a="include: b\nrules: [{ match: { state: b }, then: c }]", b="states: [b, c]").book.rules

    assert (rule.condition, rule.then) == (Condition(state=frozenset({"b"})), "c")


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("rules: [{ id: x, match: { to: 1* } }, { id: y }]", []),
        ("rules: [{ id: x, reply: { times: 1 } }, { id: y }]", []),
        ("rules: [{ id: x }, { id: y }]", ['20: rules[1]: "y" is never reached: "x" before it is for everything']),
        (
            "rules: [{ match: { to: '*' } }, {}, {}]",
            [
                '33: rules[1]: "rule 2" is never reached: "rule 1" before it is for everything',
                '37: rules[2]: "rule 3" is never reached: "rule 1" before it is for everything',
            ],
        ),
        ("faults: [{ delay: 1s, times: 1 }, { delay: 2s, probability: 0.5 }, { delay: 3s }]", []),
        (
            "faults: [{ delay: 1s }, { delay: 2s }]",
            ['25: faults[1]: "fault 2" is never reached: "fault 1" before it is for everything'],
        ),
        ("states: [a]", []),
        ("states: [a, b]", ['13: states[1]: the state "b" is named by no rule']),
        ("states: [a, b]\nrules: [{ then: b }]", []),
        (
            "states: [a, b]\nrules: [{ match: { state: b } }]",
            ['13: states[1]: the state "b" is never reached: no rule says `then: b`'],
        ),
    ],
)
def test_what_can_never_happen_is_a_warning(load: Load, tmp_path: Path, text: str, warnings: list[str]) -> None:
    assert list(load(a=text).warnings) == [f"{tmp_path / 'a.yaml'}:2:{warning}" for warning in warnings]


SLOW = "may take very long on a text that nearly fits, and nothing is answered meanwhile; want repeats of which no two can take the same characters"  # noqa: E501


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("rules: [{ match: { content: { regex: '[0-9]{6}' } } }]", []),
        ("rules: [{ match: { customer_body: { regex: '(a+)+' } } }]", []),
        (
            "rules: [{ match: { content: { regex: 'x(a+)+$' } } }]",
            ['38: rules[0].match.content.regex: "(a+)+"'],
        ),
        (
            "faults: [{ fault: DRIBBLE, match: { any: [{ to: '1*' }, { sender: { regex: 'a*a*b' } }] } }]",
            ['76: faults[0].match.any[1].sender.regex: "a*a*"'],
        ),
        (
            "rules: [{ match: { not: { customer_body: { order: { regex: '(a|a)*b' } } } } }]",
            ['60: rules[0].match.not.customer_body.order.regex: "(a|a)*"'],
        ),
        (
            "rules: [{ match: { all: [{ any: [{ route: { regex: '(.*)*x' } }] }] } }]",
            ['52: rules[0].match.all[0].any[0].route.regex: "(.*)*"'],
        ),
    ],
)
def test_an_expression_that_may_take_very_long_is_a_warning(
    load: Load, tmp_path: Path, text: str, warnings: list[str]
) -> None:
    assert list(load(a=text).warnings) == [f"{tmp_path / 'a.yaml'}:2:{warning} {SLOW}" for warning in warnings]


def test_an_account_in_a_timeline_is_a_warning(load: Load) -> None:
    (warning,) = load(a="timeline: [{ at: 1m, scenario: b }]", b="name: poor\naccounts: [{ balance: 1 }]").warnings

    assert warning.endswith('a.yaml:2:32: timeline[0].scenario: only the rules of "poor" take over; its accounts, profile and tls mean nothing here')  # fmt: skip  # noqa: E501


def test_warnings_of_other_files_are_told_once(load: Load) -> None:
    timeline = "timeline: [{ at: 1m, scenario: b }, { at: 2m, scenario: b }]"

    assert len(load(a=timeline, b="states: [a, b]").warnings) == 1


def test_an_account_says_only_what_the_file_says(load: Load) -> None:
    (account,) = load(a="accounts: [{ name: shop, balance: 0.10, prices: { 852: 0.05 } }]").accounts

    assert account.said == {"name", "balance", "prices"}
    assert (account.settings.balance, account.settings.prices) == (Decimal("0.10"), {852: Decimal("0.05")})


def test_accounts_of_one_name_become_one_and_the_file_s_own_keys_count(load: Load) -> None:
    (account,) = load(
        a="include: b\naccounts: [{ balance: 1 }]", b="accounts: [{ name: default, balance: 2, rate_limit: 3 }]"
    ).accounts

    assert account == AccountOverrides(
        AccountSettings(balance=Decimal(1), rate_limit=3), frozenset({"name", "balance", "rate_limit"})
    )


def test_paths_of_an_account_begin_at_the_file(load: Load, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()

    (account,) = load(a="accounts: [{ callback: { url: 'http://x/', ca: ca.pem } }]").accounts

    assert account.settings.callback.ca == str(tmp_path / "ca.pem")


def said(**changes: object) -> AccountOverrides:
    return AccountOverrides(AccountSettings(**changes), frozenset({"name", *changes}))  # type: ignore[arg-type]


def test_a_scenario_counts_before_the_configuration_key_by_key() -> None:
    shop = AccountSettings(name="shop", auth_key="k", rate_limit=1)

    assert merged_accounts((AccountSettings(), shop), (said(name="shop", rate_limit=2),)) == (
        AccountSettings(),
        AccountSettings(name="shop", auth_key="k", rate_limit=2),
    )


def test_a_currency_said_later_counts_wherever_it_is_said() -> None:
    hkd = AccountSettings(balance=Money(Decimal(5), "HKD"))

    assert said(currency="EUR").over(hkd) == AccountSettings(balance=Decimal(5), currency="EUR")
    assert said(balance=Money(Decimal(1), "HKD")).over(AccountSettings(currency="EUR")) == AccountSettings(
        balance=Money(Decimal(1), "HKD")
    )


@pytest.mark.parametrize(
    ("account", "problem"),
    [
        (said(name="shop"), "account shop: got no auth_key, want one, as for every account but `default`"),
        (
            said(name="shop", auth_key="k"),
            'account shop: auth_key: got the key of account "default", want a key of its own',
        ),
    ],
)
def test_merged_accounts_have_keys_of_their_own(account: AccountOverrides, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        merged_accounts((AccountSettings(auth_key="k"),), (account,))

    assert caught.value.problems == (problem,)
