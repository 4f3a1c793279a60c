"""Growth: what work costs on an input and on a longer one, in CPU time of this process, never in seconds.

Linear work takes sixteen times as long on sixteen times as much; four times that is allowed for caches, and for a
machine with other things to do. Quadratic work takes 256 times as long. Each case is measured up to 64 KiB. It is
measured at 1 MiB as well when that could tell anything: when its first steps are not those of a straight line, and
when it is among the dearest of those that are asked about together, at least one.
"""

import gc
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

KIB = 1024
FIRST, SECOND, MIDDLE, LARGE = 4 * KIB, 16 * KIB, 64 * KIB, 1024 * KIB
ALLOWED = 4
"""So many times what linear work would take."""
STRAIGHT = 1.2
"""So many times the slope of the first step may be that of the second. Work whose quadratic part shows no more than
this up to 64 KiB takes less than `ALLOWED` at 1 MiB."""
TOO_SHORT = 0.001
"""Seconds below which a measurement says nothing."""
RUNS = 5
DEAREST = 40
"""One case of so many is measured at 1 MiB in any event."""


class Case(NamedTuple, Generic[T]):
    """Work on what is made for a size."""

    name: str
    work: Callable[[T], object]
    make: Callable[[int], T]


def assert_linear(cases: Sequence[Case[T]]) -> None:
    """Asserts of cases that are asked about together that each grows no faster than the size of what it is given."""
    measured = [(*_up_to_the_middle(case), case) for case in cases]
    measured.sort(key=lambda each: each[0], reverse=True)
    for at, (spent, straight, case) in enumerate(measured):
        if not straight or at < max(1, len(cases) // DEAREST):
            _compare(case, MIDDLE, spent, LARGE)


def _spent(case: Case[T], given: T) -> float:
    gc.collect(0)
    gc.disable()
    try:
        began = time.process_time()
        case.work(given)
        return time.process_time() - began
    finally:
        gc.enable()


def _allowed(size: int, spent: float, larger: int) -> float:
    """Seconds that a larger size may take."""
    return max(spent, TOO_SHORT) * larger / size * ALLOWED


def _compare(case: Case[T], size: int, spent_before: float, larger: int) -> float:
    """Asserts that a larger size takes what is allowed, and returns what it took: the best of some runs."""
    allowed = _allowed(size, spent_before, larger)
    given = case.make(larger)
    spent = _spent(case, given)
    for _ in range(RUNS):
        if spent <= allowed:
            break
        spent = min(spent, _spent(case, given))
    assert spent <= allowed, (
        f"{case.name}: {size:,} characters took {spent_before:.4f} s, {larger:,} took {spent:.4f} s: more than linear"
    )
    return spent


def _up_to_the_middle(case: Case[T]) -> tuple[float, bool]:
    """Seconds at 64 KiB, and whether they say that 1 MiB takes what is allowed."""
    small, more = case.make(FIRST), case.make(SECOND)
    first = min(_spent(case, small) for _ in range(3))
    middle = _compare(case, FIRST, first, MIDDLE)
    # Even if all that came since the first size were quadratic.
    if first + (middle - first) * (LARGE / MIDDLE) ** 2 <= _allowed(MIDDLE, middle, LARGE):
        return middle, True
    second = min(_spent(case, more) for _ in range(3))
    for _ in range(2):
        if (middle - second) / (MIDDLE - SECOND) <= STRAIGHT * (second - first) / (SECOND - FIRST):
            return middle, True
        middle = min(middle, _spent(case, case.make(MIDDLE)))
        first, second = min(first, _spent(case, small)), min(second, _spent(case, more))
    return middle, False
