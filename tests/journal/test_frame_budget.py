"""When feeds make their frames: frames that cost much come more rarely, and every feed gets its turn."""

import pytest

from cloudsms_simulator.journal.events import LONGEST_DELAY_OF_NEXT, SHARE_OF_TIME, FrameBudget


class Cpu:
    """CPU time that is spent by hand."""

    def __init__(self) -> None:
        self.spent = 0.0

    def __call__(self) -> float:
        return self.spent


def a_frame(budget: FrameBudget, cpu: Cpu, cost: float) -> None:
    budget.begin()
    cpu.spent += cost
    budget.end()


def test_the_first_frame_comes_when_it_is_asked_for() -> None:
    assert FrameBudget(Cpu()).slot(5.0) == 5.0


def test_frames_take_a_small_part_of_the_time_however_many_feeds_ask() -> None:
    cpu = Cpu()
    budget = FrameBudget(cpu)
    moment = 0.0
    for _ in range(400):
        moment = budget.slot(moment)
        a_frame(budget, cpu, 0.007)
    assert cpu.spent / moment == pytest.approx(SHARE_OF_TIME, rel=0.02)


def test_feeds_get_their_turn_in_the_order_in_which_they_ask() -> None:
    cpu = Cpu()
    budget = FrameBudget(cpu)
    for _ in range(40):
        a_frame(budget, cpu, 0.006)
    slots = [budget.slot(1.0) for _ in range(3)]
    assert slots == pytest.approx([1.0, 1.0 + 0.006 / SHARE_OF_TIME, 1.0 + 2 * 0.006 / SHARE_OF_TIME])


def test_frames_that_cost_little_wait_for_nothing() -> None:
    cpu = Cpu()
    budget = FrameBudget(cpu)
    assert [budget.slot(float(nth)) for nth in range(1, 4) if a_frame(budget, cpu, 0.000_5) is None] == [1.0, 2.0, 3.0]


def test_frames_come_more_often_again_once_they_cost_less() -> None:
    cpu = Cpu()
    budget = FrameBudget(cpu)
    a_frame(budget, cpu, 1.0)
    for _ in range(30):
        a_frame(budget, cpu, 0.001)
    first = budget.slot(0.0)
    assert budget.slot(0.0) - first == pytest.approx(0.001 / SHARE_OF_TIME, rel=0.01)


def test_no_frame_keeps_the_next_waiting_for_long() -> None:
    cpu = Cpu()
    budget = FrameBudget(cpu)
    a_frame(budget, cpu, 5.0)
    assert [budget.slot(1.0), budget.slot(1.0)] == [1.0, 1.0 + LONGEST_DELAY_OF_NEXT]
