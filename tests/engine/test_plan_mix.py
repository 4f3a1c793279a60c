"""Outlooks: one plan for all, the same steps at times of their own, and mixes in percent.

Spec: SMS_STATE and RESULT_DESC. Reading: R21.
"""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.plan import (
    DELIVERED_AFTER_A_SECOND,
    EXPIRED_AT_LAST,
    Chance,
    Fixed,
    Lognormal,
    Mix,
    Outlook,
    Plan,
    PlanTemplate,
    ReportOptions,
    Step,
    StepTemplate,
    Uniform,
    plan_for,
    plan_of,
    step,
)
from cloudsms_simulator.protocol.codes import State

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
AFTER_A_SECOND = Fixed(SECOND)
USUAL = Mix(((2, Decimal(90)), (5, Decimal(6)), (3, Decimal(4))), Lognormal(7 * SECOND, 0.8, SECOND))


def plans(outlook: Outlook, count: int = 10_000, seed: int = 42) -> list[Plan]:
    """One for each of many recipients."""
    return [plan_for(outlook, Chance(seed, f"852670{index:05}", 1), "usual") for index in range(count)]


# Plans and templates


def test_a_plan_is_its_own_for_every_message() -> None:
    assert all(plan is DELIVERED_AFTER_A_SECOND for plan in plans(DELIVERED_AFTER_A_SECOND, 10))


def test_a_course_has_the_same_states_for_every_message_at_times_of_its_own() -> None:
    template = PlanTemplate(
        (StepTemplate(1, Uniform(SECOND, 2 * SECOND), False), StepTemplate(2, Uniform(3 * SECOND, 9 * SECOND), True))
    )
    told = plans(template, 100)
    assert {tuple(each.state for each in plan.steps) for plan in told} == {(1, 2)}
    assert len({plan.steps[0].after for plan in told}) == len({plan.steps[1].after for plan in told}) == 100


def test_steps_of_a_course_are_drawn_apart() -> None:
    same = Uniform(SECOND, 9 * SECOND)
    [plan] = plans(PlanTemplate((StepTemplate(1, same, False), StepTemplate(9, same, False))), 1)
    assert plan.steps[0].after != plan.steps[1].after


def test_everything_said_of_a_turn_is_in_its_step() -> None:
    options = ReportOptions(copies=2, desc="DELIVRD")
    [plan] = plans(
        PlanTemplate(
            (StepTemplate(1, AFTER_A_SECOND, False, lost=True), StepTemplate(9, AFTER_A_SECOND, True, manner=options))
        ),
        1,
    )
    assert plan == Plan((Step(1, SECOND, False, lost=True), Step(9, SECOND, True, manner=options)))


def test_a_course_without_an_end_expires() -> None:
    assert plans(PlanTemplate((StepTemplate(1, AFTER_A_SECOND, False),)), 1) == [
        Plan((step(1, SECOND), EXPIRED_AT_LAST))
    ]


def test_a_turn_drawn_too_late_is_dropped_and_noted() -> None:
    told = plans(PlanTemplate((StepTemplate(2, Uniform(24 * HOUR, 26 * HOUR), True),)), 100)
    ends = Counter((plan.steps[-1].state, len(plan.dropped)) for plan in told)
    assert set(ends) == {(2, 0), (3, 1)}


# Mixes


def test_a_mix_comes_near_its_percentages_over_many_recipients() -> None:
    shares = Counter(plan.steps[0].state for plan in plans(USUAL))
    assert set(shares) == {2, 3, 5}
    assert 8_900 < shares[State.DELIVERED] < 9_100
    assert 530 < shares[State.UNDELIVERABLE] < 670
    assert 340 < shares[State.EXPIRED] < 460


def test_a_mix_comes_near_its_percentages_for_one_recipient_too() -> None:
    told = [plan_for(USUAL, Chance(42, "85267000011", n), "usual") for n in range(1, 10_001)]
    assert 8_900 < sum(plan.steps[0].state == 2 for plan in told) < 9_100


def test_a_mix_is_exactly_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert plans(USUAL, 500) == plans(USUAL, 500)
    assert plans(USUAL, 500) != plans(USUAL, 500, seed=43)


def test_two_rules_with_the_same_mix_do_not_choose_the_same() -> None:
    chances = [Chance(42, f"852670{index:05}", 1) for index in range(500)]
    half = Mix(((2, Decimal(50)), (5, Decimal(50))), AFTER_A_SECOND)
    assert [plan_for(half, each, "one") for each in chances] != [plan_for(half, each, "other") for each in chances]


def test_the_state_and_its_time_are_drawn_apart() -> None:
    late = [plan.steps[0].state for plan in plans(USUAL) if plan.steps[0].after > 15 * SECOND]
    assert 0.85 < late.count(2) / len(late) < 0.95


@pytest.mark.parametrize(
    ("number", "state"),
    [(0.0, 2), (0.899999, 2), (0.9, 5), (0.959999, 5), (0.96, 3), (1 - 2**-53, 3)],
)
def test_the_shares_of_a_mix_lie_side_by_side(monkeypatch: pytest.MonkeyPatch, number: float, state: int) -> None:
    monkeypatch.setattr(Chance, "draw", lambda _chance, _rule, _purpose: number)
    mix = Mix(USUAL.shares, AFTER_A_SECOND)
    assert plans(mix, 1) == [plan_of(step(state, SECOND))]


def test_a_share_of_nothing_is_never_chosen() -> None:
    mix = Mix(((5, Decimal(0)), (2, Decimal("99.5")), (99, Decimal("0.5")), (8, Decimal(0))), AFTER_A_SECOND)
    assert {plan.steps[0].state for plan in plans(mix)} == {2, 99}


def test_shares_that_fall_short_of_100_by_a_rounding_leave_the_rest_to_the_last(monkeypatch) -> None:
    monkeypatch.setattr(Chance, "draw", lambda _chance, _rule, _purpose: 1 - 2**-53)
    mix = Mix(tuple((state, Decimal("33.33")) for state in (2, 5, 8)), AFTER_A_SECOND)
    assert plans(mix, 1) == [plan_of(step(8, SECOND))]


def test_a_message_of_a_mix_whose_state_is_not_final_expires() -> None:
    mix = Mix(((State.ENROUTE, Decimal(100)),), AFTER_A_SECOND)
    assert plans(mix, 1) == [Plan((step(1, SECOND), EXPIRED_AT_LAST))]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(), st.text(), st.integers(1))
def test_a_mix_always_ends_in_one_of_its_states(parts: list[int], seed: int, recipient: str, n: int) -> None:
    whole = sum(parts)
    shares = tuple((70 + index, Decimal(100) * part / whole) for index, part in enumerate(parts))
    plan = plan_for(Mix(shares, AFTER_A_SECOND), Chance(seed, recipient, n), "usual")
    assert [each.after for each in plan.steps] == [SECOND]
    assert plan.steps[0].state in dict(shares)
