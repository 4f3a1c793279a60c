"""Rounds: two sides measured in turns, so that a machine that slows down slows down both."""

from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

import msgspec


class Run(msgspec.Struct, frozen=True):
    """One round of one side: how much was done, in which time on the wall, with how much of the server's CPU."""

    done: int
    seconds: float
    cpu_seconds: float
    load_seconds: float = 0.0
    """CPU the load used, where a program of its own made it."""

    @property
    def rate(self) -> float:
        """Done per second."""
        return self.done / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU for one of what was done."""
        return self.cpu_seconds / self.done * 1e6


class Comparison(msgspec.Struct, frozen=True):
    """The rounds of both sides, pair by pair."""

    ours: list[Run]
    theirs: list[Run]

    @property
    def on_the_wall(self) -> float:
        """How many times their rate is ours: the median over the pairs."""
        return median(ours.rate / theirs.rate for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def by_cpu(self) -> float:
        """The same in work per CPU second of the servers: the rate of a core that never waits for anybody."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return median(theirs.cpu_microseconds / ours.cpu_microseconds for ours, theirs in pairs)

    @property
    def detail(self) -> str:
        """How busy the core of the load was, at most: a load that has no time left measures itself."""
        busiest = max(run.load_seconds / run.seconds for run in (*self.ours, *self.theirs))
        return f"load {busiest:.0%} busy"


def compare(rounds: int, ours: Callable[[], Run], theirs: Callable[[], Run]) -> Comparison:
    """Runs both sides in turns, ours first, after one round of each that does not count; of 0 rounds that one does."""
    warming = (ours(), theirs())
    pairs = [(ours(), theirs()) for _ in range(rounds)] or [warming]
    return Comparison([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def afresh(programs: int, compared: Callable[[ExitStack], Comparison]) -> Comparison:
    """The same comparison so many times, each with programs of its own, which the stack ends.

    How a program happens to lie in memory makes all of its rounds faster or slower, by a tenth at times.
    """
    seen = []
    for _ in range(programs):
        with ExitStack() as stack:
            seen.append(compared(stack))
    return Comparison([run for each in seen for run in each.ours], [run for each in seen for run in each.theirs])


def rate_of(runs: list[Run]) -> str:
    """The median rate and CPU of one side, for people."""
    rate, cpu = median(run.rate for run in runs), median(run.cpu_microseconds for run in runs)
    return f"{rate:,.0f}/s ({cpu:,.1f} µs CPU)"
