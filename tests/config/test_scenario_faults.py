"""Faults as users write them."""

from datetime import timedelta

import pytest

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario_file import parse_scenario
from cloudsms_simulator.engine.faults import UNPROCESSED, Fault, TlsTrouble
from cloudsms_simulator.engine.plan import Fixed
from cloudsms_simulator.engine.rules import Condition, FaultRule

SECOND = timedelta(seconds=1)


def fault(text: str) -> FaultRule:
    """The one fault of a scenario."""
    (found,) = parse_scenario(f"version: 1\nfaults:\n  - {text}\n", "x.yaml").book.faults
    return found


def problems(text: str) -> list[str]:
    """What is wrong with it: the column and the words."""
    with pytest.raises(SettingsError) as caught:
        fault(text)
    return [problem.removeprefix("x.yaml:3:") for problem in caught.value.problems]


@pytest.mark.parametrize("name", list(Fault))
def test_every_fault_has_its_name_in_any_case(name: Fault) -> None:
    assert fault(f"fault: {name}") == fault(f"fault: {name.lower()}") == FaultRule(id="fault 1", fault=name)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{ id: slow, delay: 3s }", FaultRule(id="slow", delay=Fixed(3 * SECOND))),
        ("{ fault: HTTP_500, times: 2 }", FaultRule(id="fault 1", fault=Fault.HTTP_500, times=2)),
        ("{ fault: HTTP_500, processed: true }", FaultRule(id="fault 1", fault=Fault.HTTP_500, processed=True)),
        ("{ fault: HTTP_500, processed: false }", FaultRule(id="fault 1", fault=Fault.HTTP_500, processed=False)),
        ("{ fault: BROKEN_JSON, processed: true }", FaultRule(id="fault 1", fault=Fault.BROKEN_JSON, processed=True)),
        ("{ fault: DRIBBLE, over: 90s }", FaultRule(id="fault 1", fault=Fault.DRIBBLE, over=90 * SECOND)),
        (
            "{ fault: ACCEPT_THEN_HANG, over: 60s, delay: 1s }",
            FaultRule(id="fault 1", fault=Fault.ACCEPT_THEN_HANG, over=60 * SECOND, delay=Fixed(SECOND)),
        ),
        (
            "{ fault: HTTP_500, match: { country: 65 } }",
            FaultRule(id="fault 1", fault=Fault.HTTP_500, condition=Condition(country=frozenset({65}))),
        ),
        (
            "{ fault: HTTP_500, match: { country: 65 }, probability: 0.5 }",
            FaultRule(
                id="fault 1", fault=Fault.HTTP_500, condition=Condition(country=frozenset({65}), probability=0.5)
            ),
        ),
    ],
)
def test_what_a_fault_says(text: str, rule: FaultRule) -> None:
    assert fault(text) == rule


def test_a_probability_is_short_for_one_in_match() -> None:
    assert fault("{ delay: 1s, probability: 0.5 }") == fault("{ delay: 1s, match: { probability: 0.5 } }")


@pytest.mark.parametrize("name", sorted(set(Fault) - UNPROCESSED))
def test_a_fault_of_an_answer_wants_a_request_that_was_processed(name: Fault) -> None:
    (found,) = problems(f"{{ fault: {name}, processed: false }}")

    assert f"faults[0].processed: got it with {name}, which wants a request that was processed" in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "5: faults[0]: got neither fault nor delay, want one of them or both"),
        ("{ fault: BROKENJSON }", '14: faults[0].fault: got "BROKENJSON", want one of CONNECTION_RESET_BY_PEER, EMPTY'),
        ("{ delay: 1s, processed: true }", "29: faults[0].processed: got it with a delay alone, which wants"),
        (
            "{ delay: 1s, over: 1s }",
            "24: faults[0].over: got it with a delay alone, want it only with ACCEPT_THEN_HANG or",
        ),
        (
            "{ fault: HTTP_500, over: 1s }",
            "30: faults[0].over: got it with HTTP_500, want it only with ACCEPT_THEN_HANG",
        ),
        ("{ fault: ACCEPT_THEN_HANG, over: 61s }", "38: faults[0].over: got more than 60s, want that at most"),
        ("{ fault: DRIBBLE, over: 0s }", '29: faults[0].over: got "0s", want a duration longer than nothing'),
        ("{ fault: DRIBBLE, times: 0 }", "30: faults[0].times: got 0, want a whole number, 1 or more"),
        ("{ delay: 1s, probability: 2 }", "31: faults[0].probability: got 2, want a number from 0 to 1"),
        (
            "{ delay: 1s, probability: 1, match: { probability: 1 } }",
            "31: faults[0].probability: got one beside that of match, want one of the two",
        ),
        ("{ delay: 1s, reply: OK }", '18: unknown key "reply"'),
        ("{ falt: HTTP_500, delay: 1s }", '7: unknown key "falt"; did you mean "fault"?'),
    ],
)
def test_a_wrong_fault_is_told_with_its_place_and_what_would_be_right(text: str, problem: str) -> None:
    (found,) = problems(text)

    assert found.startswith(problem)


def test_a_fault_that_is_nearly_right_is_suggested() -> None:
    (found,) = problems("{ fault: brokenjson }")

    assert found.endswith('did you mean "BROKEN_JSON"?')


@pytest.mark.parametrize("trouble", list(TlsTrouble))
def test_every_trouble_with_tls_has_its_name(trouble: TlsTrouble) -> None:
    assert parse_scenario(f"version: 1\ntls: {trouble}\n").tls == (trouble,)


def test_each_trouble_with_tls_counts_once() -> None:
    assert parse_scenario("version: 1\ntls: [expired, cut_handshake, expired]\n").tls == (
        TlsTrouble.EXPIRED,
        TlsTrouble.CUT_HANDSHAKE,
    )


def test_an_unknown_trouble_with_tls_is_told() -> None:
    with pytest.raises(SettingsError, match=r'^x\.yaml:2:7: tls\[0\]: got "expird", want one of .*mean "expired"\?$'):
        parse_scenario("version: 1\ntls: [expird]\n", "x.yaml")
