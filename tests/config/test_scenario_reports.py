"""What becomes of messages, as users write it in scenarios and in the configuration."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.scenario_file import parse_scenario
from cloudsms_simulator.config.settings import load_settings
from cloudsms_simulator.config.sources import toml_text, yaml_text
from cloudsms_simulator.config.values import DELAY
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.plan import (
    EXPIRED_AT_LAST,
    Delay,
    Fixed,
    Listed,
    Lognormal,
    Mix,
    Outlook,
    Plan,
    PlanTemplate,
    ReportOptions,
    Step,
    StepTemplate,
    Uniform,
    plan_of,
    step,
)
from cloudsms_simulator.protocol.codes import State

SECOND = timedelta(seconds=1)
USUAL = Uniform(SECOND, 2 * SECOND)


def outlook(text: str) -> Outlook | None:
    """What the defaults of a scenario say."""
    return parse_scenario(f"version: 1\ndefaults:\n  report: {text}\n", "x.yaml").book.outlook


def problems(text: str) -> list[str]:
    """What is wrong with it: the column and the words."""
    with pytest.raises(SettingsError) as caught:
        outlook(text)
    return [problem.removeprefix("x.yaml:3:").replace("defaults.report", "…") for problem in caught.value.problems]


def delivered(options: ReportOptions | None = None, after: timedelta = SECOND, *, lost: bool = False) -> Plan:
    return plan_of(Step(State.DELIVERED, after, True, lost, options))


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("[{ state: DELIVERED }]", delivered()),
        ("[{ state: delivered, after: 3s }]", delivered(after=3 * SECOND)),
        ("[{ state: 2, after: { type: fixed, value: 3s } }]", delivered(after=3 * SECOND)),
        ("[{ state: DELIVERED, lost: true }]", delivered(lost=True)),
        (
            "[{ state: ENROUTE, after: 1s }, { state: DELIVERED, after: 5s }]",
            plan_of(step(State.ENROUTE, SECOND), step(State.DELIVERED, 5 * SECOND)),
        ),
        ("[{ none: true }]", plan_of()),
        ("[]", plan_of()),
        ("[{ state: ENROUTE, after: 5s }, { none: true }]", plan_of(step(State.ENROUTE, 5 * SECOND))),
        ("[{ state: 77, final: false }]", Plan((Step(77, SECOND, False), EXPIRED_AT_LAST))),
        ("[{ state: DELIVERED, copies: 3 }]", delivered(ReportOptions(copies=3))),
        ("[{ state: DELIVERED, copies: 1 }]", delivered()),
        ("[{ state: DELIVERED, held: 10s }]", delivered(ReportOptions(held=10 * SECOND))),
        ("[{ state: DELIVERED, before_answer: on }]", delivered(ReportOptions(before_answer=True), timedelta())),
        (
            "[{ state: DELIVERED, before_answer: on, after: 0s }]",
            delivered(ReportOptions(before_answer=True), timedelta()),
        ),
        ("[{ state: DELIVERED, serial: 0 }]", delivered(ReportOptions(serial=0))),
        ("[{ state: DELIVERED, uid_case: lower }]", delivered(ReportOptions(uid_case="lower"))),
        ("[{ state: DELIVERED, omit: TIME }]", delivered(ReportOptions(omit=frozenset({"TIME"})))),
        ("[{ state: DELIVERED, omit: [A, B] }]", delivered(ReportOptions(omit=frozenset({"A", "B"})))),
        ('[{ state: DELIVERED, desc: "" }]', delivered(ReportOptions(desc=""))),
        (
            '[{ state: DELIVERED, extra: { A: 0.10, B: [true, "é"], C: { d: 1 } } }]',
            delivered(ReportOptions(extra=(("A", b"0.10"), ("B", '[true,"é"]'.encode()), ("C", b'{"d":1}')))),
        ),
        ("[{ state: DELIVERED, push: cut }]", delivered(ReportOptions(fault=PushFault.CUT))),
        (
            "[{ state: DELIVERED, push: BURST, push_times: 2 }]",
            delivered(ReportOptions(fault=PushFault.BURST, fault_times=2)),
        ),
    ],
)
def test_steps_at_fixed_times_are_a_plan(text: str, plan: Plan) -> None:
    assert outlook(text) == plan


def test_steps_at_times_yet_to_be_drawn_are_a_course() -> None:
    usual = yaml_text(DELAY.dump(USUAL))

    assert outlook(f"[{{ state: ENROUTE, held: 1s }}, {{ state: DELIVERED, after: {usual} }}]") == PlanTemplate(
        (
            StepTemplate(State.ENROUTE, Fixed(SECOND), False, manner=ReportOptions(held=SECOND)),
            StepTemplate(State.DELIVERED, USUAL, True),
        )
    )


def test_shares_are_a_mix_and_arrive_exactly() -> None:
    assert outlook("{ mix: { DELIVERED: 99.9, 77: 0.1 }, delay: 3s }") == Mix(
        ((State.DELIVERED, Decimal("99.9")), (77, Decimal("0.1"))), Fixed(3 * SECOND)
    )


def test_a_mix_takes_a_second_unless_it_says_otherwise() -> None:
    assert outlook("{ mix: { DELIVERED: 100 } }") == Mix(((State.DELIVERED, Decimal(100)),), Fixed(SECOND))


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("3s", Fixed(3 * SECOND)),
        ("{ type: fixed, value: PT3S }", Fixed(3 * SECOND)),
        ("{ type: uniform, lower: 0s, upper: 1s }", Uniform(timedelta(), SECOND)),
        ("{ type: lognormal, median: 7s, sigma: 1 }", Lognormal(7 * SECOND, 1.0)),
        ("{ type: lognormal, median: 7s, sigma: 0.8, minimum: 1s }", Lognormal(7 * SECOND, 0.8, SECOND)),
        ("{ type: list, values: [1s, 3s] }", Listed((SECOND, 3 * SECOND))),
    ],
)
def test_a_delay_is_a_duration_or_a_distribution(text: str, delay: Delay) -> None:
    assert outlook(f"{{ mix: {{ DELIVERED: 100 }}, delay: {text} }}") == Mix(((State.DELIVERED, Decimal(100)),), delay)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("3s", '11: …: got "3s", want a list of steps, such as [{ state: "ENROUTE", after: "1s" }'),
        ("[{}]", '12: …[0]: got no state, want one, such as { state: "DELIVERED", after: "3s" }'),
        ("[{ state: ENROUT }]", '21: …[0].state: got "ENROUT", want the name of a state, or its number; did you mean'),
        ("[{ state: -1 }]", "21: …[0].state: got -1, want the name of a state, or its number"),
        ("[{ state: 2, none: true }]", "12: …[0]: got more beside none, want { none: true } alone"),
        ("[{ none: false }]", "12: …[0]: got more beside none, want { none: true } alone"),
        ("[{ none: true }, { state: 1 }]", "11: …: got [{ none: true }, { state: 1 }], want none as the last step"),
        ("[{ state: 2 }, { none: true }]", "11: …: got [{ state: 2 }, { none: true }], want none as the last step"),
        ("[{ state: 2, lost: true, copies: 2 }]", "30: …[0].lost: got it beside copies, want one of the two"),
        ("[{ state: 2, push_times: 2 }]", "36: …[0].push_times: got it alone, want push too, what goes wrong"),
        ("[{ state: 2, push: CUTS }]", '30: …[0].push: got "CUTS", want one of SLOW, CUT, RESET, MALFORMED, BURST; di'),
        ("[{ state: 2, before_answer: true, after: 1s }]", '52: …[0].after: got a delay, want "0s" or nothing for a'),
        ("[{ state: 2, copies: 0 }]", "32: …[0].copies: got 0, want a whole number from 1 to 100"),
        ("[{ state: 2, serial: 65536 }]", "32: …[0].serial: got 65536, want a whole number from 0 to 65535"),
        ("[{ state: 2, uid_case: upper }]", '34: …[0].uid_case: got "upper", want "lower"'),
        ("[{ state: 2, desc: 5 }]", "30: …[0].desc: got 5, want a text"),
        ("[{ state: 2, extra: 5 }]", '31: …[0].extra: got 5, want a table of keys and their values, such as { OPERATO'),
        ("[{ state: 2, afer: 1s }]", '24: unknown key "afer"; did you mean "after"?'),
        ("{ delay: 3s }", "11: …: got no mix, want one: a table from state to percent, such as { DELIVERED: 90, UNDEL"),
        ("{ mix: { DELIVERED: 90, EXPIRED: 9.5 } }", "18: …mix: got { DELIVERED: 90, EXPIRED: 9.5 }, want percentages"),
        ("{ mix: { DELIVERED: 110 } }", "31: …mix.DELIVERED: got 110, want a percentage from 0 to 100"),
        ("{ mix: { DELIVRED: 100 } }", '30: …mix.DELIVRED: got "DELIVRED", want the name of a state, or its number; d'),
        ("{ mix: { DELIVERED: 50, 2: 50 } }", "18: …mix: got { DELIVERED: 50, "),
        ("{ mix: {} }", "18: …mix: got {}, want percentages that add up to 100; these add up to 0"),
        ("[{ state: 2, after: 5 }]", '31: …[0].after: got 5, want a duration with its unit, such as "3s", "250ms", "1'),
        ("[{ state: 2, after: { value: 5s } }]", '31: …[0].after: got no type, want one of "fixed", "uniform", "logno'),
        ("[{ state: 2, after: { type: unifrm } }]", '39: …[0].after.type: got "unifrm", want one of "fixed", "uniform'),
        ("[{ state: 2, after: { type: fixed } }]", "31: …[0].after: got no value, want one: a duration with its unit"),
        ("[{ state: 2, after: [1s] }]", '31: …[0].after: got ["1s"], want a duration such as "3s", or a table with ty'),
        ("[{ state: 2, after: { type: uniform, lower: 2s, upper: 1s } }]", "31: …[0].after: got a lower that is longe"),
        ("[{ state: 2, after: { type: lognormal, median: 1s, sigma: 0 } }]", "69: …[0].after.sigma: got 0, want a num"),
        ("[{ state: 2, after: { type: lognormal, median: 0s, sigma: 1 } }]", "58: …[0].after.median: got \"0s\", want"),
        ("[{ state: 2, after: { type: list, values: [] } }]", "53: …[0].after.values: got [], want a list of duration"),
        ("[{ state: 2, after: { type: fixed, value: 1s, sigma: 1 } }]", '57: unknown key "sigma"'),
    ],
)  # fmt: skip
def test_a_wrong_report_is_told_with_its_place_and_what_would_be_right(text: str, problem: str) -> None:
    (found,) = problems(text)

    assert found.replace("….mix", "…mix").startswith(problem)


@pytest.mark.parametrize(
    ("text", "late", "last"),
    [
        ("[{ state: DELIVERED, after: 1s }, { state: ENROUTE, after: 5s }]", "ENROUTE at 5s", "DELIVERED at 1s"),
        ("[{ state: ENROUTE, after: 5s }, { state: DELIVERED, after: 1s }]", "ENROUTE at 5s", "DELIVERED at 1s"),
        ("[{ state: 2, after: 1s }, { state: 5, after: 5s }]", "UNDELIVERABLE at 5s", "DELIVERED at 1s"),
        ("[{ state: DELIVERED }, { state: ENROUTE }]", "ENROUTE at 1s", "DELIVERED at 1s"),
        ("[{ state: DELIVERED, lost: true }, { state: IDLE, after: 2s }]", "IDLE at 2s", "DELIVERED at 1s"),
        ("[{ state: DELIVERED, before_answer: on }, { state: ENROUTE }]", "ENROUTE at 1s", "DELIVERED at 0s"),
        ("[{ state: 77, after: 1s }, { state: DELIVERED, after: 2s }]", "DELIVERED at 2s", "UNKNOWN at 1s"),
        ("[{ state: EXPIRED, after: 25h }, { state: DELIVERED, after: 26h }]", "DELIVERED at 1d2h", "EXPIRED at 1d1h"),
        (
            "[{ state: DELIVERED, after: { type: uniform, lower: 1s, upper: 3s } }, { state: ENROUTE, after: 4s }]",
            "ENROUTE at 4s",
            "DELIVERED at 3s",
        ),
        (
            "[{ state: DELIVERED, after: { type: list, values: [1s, 9s] } },"
            " { state: ENROUTE, after: { type: lognormal, median: 20s, sigma: 1, minimum: 10s } }]",
            "ENROUTE at 10s",
            "DELIVERED at 9s",
        ),
    ],
)
def test_a_state_that_always_comes_after_a_final_one_is_told_with_what_would_be_right(
    text: str, late: str, last: str
) -> None:
    [problem] = problems(text)

    assert f"want no state after a final one: {late} is never reached, since {last} is final" in problem
    assert "say final: false beside" in problem
    assert "with held for a report that is to arrive later" in problem


@pytest.mark.parametrize(
    "text",
    [
        "[{ state: DELIVERED, after: 1s, final: false }, { state: ENROUTE, after: 5s }, { none: true }]",
        "[{ state: ENROUTE, after: 1s, held: 10s }, { state: DELIVERED, after: 5s }]",
        "[{ state: DELIVERED, after: 5s }, { state: ENROUTE, after: 1s }]",
        "[{ state: ENROUTE, before_answer: on }, { state: DELIVERED }]",
        "[{ state: DELIVERED, after: { type: uniform, lower: 1s, upper: 5s } }, { state: ENROUTE, after: 3s }]",
        "[{ state: 2, after: { type: uniform, lower: 1s, upper: 5s } },"
        " { state: 5, after: { type: uniform, lower: 2s, upper: 9s } }]",
        "[{ state: ENROUTE, after: 1s }, { state: DELIVERED, after: 26h }]",
    ],
)
def test_states_that_can_all_be_reached_are_taken_in_any_order_and_with_reports_out_of_order(text: str) -> None:
    assert outlook(text) is not None


def test_percentages_say_what_they_add_up_to() -> None:
    (found,) = problems("{ mix: { DELIVERED: 90, EXPIRED: 9.5 } }")

    assert found.endswith("want percentages that add up to 100; these add up to 99.5")


EVERY_MANNER = ReportOptions(
    copies=2,
    held=SECOND,
    serial=7,
    uid_case="lower",
    extra=(("A", b"0.10"), ("B", b'{"c":[1,true]}')),
    omit=frozenset({"TIME", "SERIAL"}),
    desc="HELD",
    fault=PushFault.SLOW,
    fault_times=3,
)
OUTLOOKS: list[Outlook] = [
    plan_of(),
    delivered(),
    delivered(lost=True),
    delivered(EVERY_MANNER),
    delivered(ReportOptions(before_answer=True), timedelta()),
    plan_of(msgspec.structs.replace(step(77, SECOND), final=False), step(2, timedelta(hours=26))),
    PlanTemplate(
        (
            StepTemplate(1, Fixed(SECOND), False),
            StepTemplate(77, USUAL, False),
            StepTemplate(2, Lognormal(SECOND, 0.8, SECOND), True),
        )
    ),
    PlanTemplate((StepTemplate(2, Listed((SECOND, 2 * SECOND)), True, True),)),
    Mix(((2, Decimal("97.5")), (77, Decimal("2.5"))), Lognormal(7 * SECOND, 1.25)),
]


@pytest.mark.parametrize("written", OUTLOOKS)
def test_what_becomes_of_messages_is_written_as_it_is_read(written: Outlook) -> None:
    assert outlook(yaml_text(REPORT.dump(written))) == written


@pytest.mark.parametrize("written", OUTLOOKS)
def test_an_account_of_the_configuration_says_the_same_in_toml(tmp_path: Path, written: Outlook) -> None:
    path = tmp_path / "cloudsms.toml"
    path.write_text(f"[[accounts]]\nreport = {toml_text(REPORT.dump(written))}\n")

    (account,) = load_settings({"config": str(path)}, {}).settings.accounts

    assert account.report == written
