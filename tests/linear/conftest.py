"""Growth: what work costs on an input and on one sixteen times as long, in CPU time of this process, never in seconds.

Linear work takes sixteen times as long; four times that is allowed for caches, and for a machine with other things to
do. Quadratic work takes 256 times as long, and is stopped at the second step.
"""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

T = TypeVar("T")
Growth = Callable[[Callable[[T], object], Callable[[int], T]], None]

SIZES = (4 * 1024, 64 * 1024, 1024 * 1024)
ALLOWED = 4
"""So many times what linear work would take."""
TOO_SHORT = 0.001
"""Seconds below which a measurement says nothing."""
RUNS = 5


def _spent(work: Callable[[T], object], given: T) -> float:
    gc.collect(0)
    gc.disable()
    try:
        began = time.process_time()
        work(given)
        return time.process_time() - began
    finally:
        gc.enable()


def _grows_linearly(work: Callable[[T], object], make: Callable[[int], T]) -> None:
    before: tuple[int, float] | None = None
    for size in SIZES:
        given = make(size)
        spent = _spent(work, given)
        if before is not None:
            allowed = before[1] * size / before[0] * ALLOWED
            for _ in range(RUNS):
                if spent <= allowed:
                    break
                spent = min(spent, _spent(work, given))
            assert spent <= allowed, (
                f"{before[0]:,} characters took {before[1]:.4f} s, {size:,} took {spent:.4f} s: more than linear"
            )
        before = (size, max(spent, TOO_SHORT))


@pytest.fixture
def grows_linearly() -> Growth[object]:
    """Asserts that some work on what is made for a size grows no faster than the size."""
    return _grows_linearly
