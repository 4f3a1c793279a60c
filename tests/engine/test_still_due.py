"""What is still due of a message, soonest first. Reading: R10, R11."""

from datetime import timedelta

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.explanation import DueItem, due_items
from cloudsms_simulator.engine.plan import ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.records import PushResult

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def coming(sent) -> list[tuple[str, int, int, int]]:
    """Kind, report, state and attempt of what is due."""
    found = due_items(sent.message, sent.reports)
    assert [each.due_at for each in found] == sorted(each.due_at for each in found)
    return [(each.kind, each.number, each.state, each.attempt) for each in found]


def pushed(*steps: Step, retries: tuple[timedelta, ...] = ()) -> Account:
    return Account(plan=plan_of(*steps), callback=Callback(url="http://127.0.0.1:59999/", retries=retries))


def test_the_states_that_are_planned_are_due_and_nothing_follows_the_last(world, noon) -> None:
    here = world(pushed(step(1, SECOND), step(2, HOUR, lost=True)))
    sent = here.send()
    assert coming(sent) == [("planned", 1, 1, 1), ("planned", 2, 2, 0)]
    assert due_items(sent.message, ())[0] == DueItem("planned", sent.uid, 1, 1, noon + SECOND, 1)
    here.advance(SECOND)
    assert coming(sent) == [("planned", 2, 2, 0)]
    here.advance(HOUR)
    assert coming(sent) == []


def test_without_a_final_state_the_expiry_is_due(world, noon) -> None:
    here = world(pushed(step(1, SECOND)))
    sent = here.send()
    assert coming(sent) == [("planned", 1, 1, 1), ("expiry", 2, 3, 1)]
    assert due_items(sent.message, ())[-1].due_at == noon + 25 * HOUR


def test_a_retry_is_due_and_a_push_that_is_on_the_way_is_not(world, noon) -> None:
    here = world(pushed(step(2, SECOND), retries=(HOUR,)))
    sent = here.send()
    here.now = noon + SECOND
    [push] = here.due()
    assert coming(sent) == []
    here.record(push, PushResult(503))
    assert coming(sent) == [("retry", 1, 2, 2)]
    assert due_items(sent.message, sent.reports)[0].due_at == noon + SECOND + HOUR


def test_the_first_push_of_a_report_that_is_held_is_due_later_than_its_state(world, noon) -> None:
    here = world(pushed(Step(1, SECOND, False, manner=ReportOptions(held=2 * HOUR)), step(2, HOUR)))
    sent = here.send()
    here.advance(SECOND)
    assert coming(sent) == [("planned", 2, 2, 1), ("planned", 1, 1, 1)]
    assert due_items(sent.message, sent.reports)[-1].due_at == noon + SECOND + 2 * HOUR
