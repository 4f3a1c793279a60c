"""Plans: which steps happen, which are dropped, and what comes at 25 hours.

Spec: Delivery Report (DR) CallBack, Remark.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.plan import (
    DELIVERED_AFTER_A_SECOND,
    EXPIRED_AT_LAST,
    EXPIRY,
    LOCAL_REJECTION,
    Plan,
    ReportOptions,
    Step,
    plan_of,
    step,
)
from cloudsms_simulator.protocol.codes import STATES, State, StateRow

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_the_default_plan_is_delivered_after_a_second() -> None:
    assert Plan((Step(State.DELIVERED, SECOND, final=True),)) == DELIVERED_AFTER_A_SECOND


def test_a_local_rejection_is_one_final_step() -> None:
    assert [(each.state, each.final) for each in LOCAL_REJECTION.steps] == [(60, True)]


def test_nothing_planned_expires_at_25_hours() -> None:
    assert plan_of() == Plan((EXPIRED_AT_LAST,))
    assert Step(3, timedelta(hours=25), final=True) == EXPIRED_AT_LAST


@pytest.mark.parametrize("row", STATES, ids=lambda row: f"SMS_STATE and RESULT_DESC: {row.state} {row.state.name}")
def test_a_state_of_the_table_ends_a_plan_if_it_is_final(row: StateRow) -> None:
    planned = step(row.state, SECOND)
    assert plan_of(planned) == (Plan((planned,)) if row.final else Plan((planned, EXPIRED_AT_LAST)))
    assert row.final is (row.state not in {1, 9})


@pytest.mark.parametrize("state", [0, 10, 59, 61, 99, 2**31, -1])
def test_an_integer_outside_the_table_ends_a_plan_unless_it_is_said_to_be_intermediate(state: int) -> None:
    assert plan_of(step(state, SECOND)) == Plan((Step(state, SECOND, final=True),))
    on_its_way = Step(state, SECOND, final=False)
    assert plan_of(on_its_way) == Plan((on_its_way, EXPIRED_AT_LAST))


def test_steps_happen_in_the_order_of_time_and_nothing_follows_the_first_final_one() -> None:
    enroute, delivered, rejected = step(1, SECOND), step(2, 5 * SECOND), step(8, 9 * SECOND)
    assert plan_of(rejected, delivered, enroute) == Plan((enroute, delivered))


def test_of_steps_at_the_same_moment_the_one_named_first_comes_first() -> None:
    enroute, delivered = step(1, SECOND), step(2, SECOND)
    assert plan_of(enroute, delivered) == Plan((enroute, delivered))
    assert plan_of(delivered, enroute) == Plan((delivered,))


def test_a_final_state_at_exactly_25_hours_wins_over_the_expiry() -> None:
    assert plan_of(step(2, EXPIRY)) == Plan((step(2, EXPIRY),))


def test_a_final_state_a_microsecond_later_is_dropped_and_noted() -> None:
    late = step(2, EXPIRY + timedelta(microseconds=1))
    assert plan_of(step(1, SECOND), late) == Plan((step(1, SECOND), EXPIRED_AT_LAST), dropped=(late,))


def test_an_intermediate_state_at_exactly_25_hours_comes_before_the_expiry() -> None:
    assert plan_of(step(1, EXPIRY)) == Plan((step(1, EXPIRY), EXPIRED_AT_LAST))


@given(
    st.lists(
        st.builds(
            Step,
            st.integers(1, 99),
            st.timedeltas(timedelta(0), 30 * HOUR),
            st.booleans(),
            st.booleans(),
        )
    )
)
def test_every_plan_has_exactly_one_final_step_the_last_and_none_after_25_hours(steps: list[Step]) -> None:
    plan = plan_of(*steps)
    assert [each.final for each in plan.steps] == [False] * (len(plan.steps) - 1) + [True]
    assert [each.after for each in plan.steps] == sorted(each.after for each in plan.steps)
    assert plan.steps[-1].after <= EXPIRY
    assert all(each in steps for each in plan.steps if each is not EXPIRED_AT_LAST)


def test_what_comes_before_the_answer_ends_with_the_last_step_that_is_scripted_to() -> None:
    early = Step(1, SECOND, False, manner=ReportOptions(before_answer=True))
    assert plan_of(early, step(2, 2 * SECOND)).before_answer == 1
    assert plan_of(step(9, SECOND / 2), early, step(2, 2 * SECOND)).before_answer == 2
    assert plan_of(step(2, SECOND)).before_answer == 0
