"""The pace of the feeds: frames that cost much come more rarely, and every feed gets its turn."""

import pytest

from cloudsms_simulator.journal.events import LONGEST_DELAY_OF_NEXT, SHARE_OF_TIME, FrameBudget


class Cpu:
    """CPU time that is spent by hand."""

    def __init__(self) -> None:
        self.spent = 0.0

    def __call__(self) -> float:
        return self.spent


def a_frame(pace: FrameBudget, cpu: Cpu, cost: float) -> None:
    pace.begin()
    cpu.spent += cost
    pace.end()


def test_the_first_frame_comes_when_it_is_asked_for() -> None:
    assert FrameBudget(Cpu()).slot(5.0) == 5.0


def test_frames_take_a_small_part_of_the_time_however_many_feeds_ask() -> None:
    cpu = Cpu()
    pace = FrameBudget(cpu)
    moment = 0.0
    for _ in range(400):
        moment = pace.slot(moment)
        a_frame(pace, cpu, 0.007)
    assert cpu.spent / moment == pytest.approx(SHARE_OF_TIME, rel=0.02)


def test_feeds_get_their_turn_in_the_order_in_which_they_ask() -> None:
    cpu = Cpu()
    pace = FrameBudget(cpu)
    for _ in range(40):
        a_frame(pace, cpu, 0.006)
    slots = [pace.slot(1.0) for _ in range(3)]
    assert slots == pytest.approx([1.0, 1.0 + 0.006 / SHARE_OF_TIME, 1.0 + 2 * 0.006 / SHARE_OF_TIME])


def test_frames_that_cost_little_wait_for_nothing() -> None:
    cpu = Cpu()
    pace = FrameBudget(cpu)
    assert [pace.slot(float(nth)) for nth in range(1, 4) if a_frame(pace, cpu, 0.000_5) is None] == [1.0, 2.0, 3.0]


def test_frames_come_more_often_again_once_they_cost_less() -> None:
    cpu = Cpu()
    pace = FrameBudget(cpu)
    a_frame(pace, cpu, 1.0)
    for _ in range(30):
        a_frame(pace, cpu, 0.001)
    first = pace.slot(0.0)
    assert pace.slot(0.0) - first == pytest.approx(0.001 / SHARE_OF_TIME, rel=0.01)


def test_no_frame_keeps_the_next_waiting_for_long() -> None:
    cpu = Cpu()
    pace = FrameBudget(cpu)
    a_frame(pace, cpu, 5.0)
    assert [pace.slot(1.0), pace.slot(1.0)] == [1.0, 1.0 + LONGEST_DELAY_OF_NEXT]
