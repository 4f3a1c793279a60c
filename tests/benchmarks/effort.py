"""Effort: how long and how often everything is measured."""

import msgspec


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a run. Rounds of both sides take turns, and the median counts."""

    rounds: int
    programs: int
    """How often both sides are started anew, where two programs are compared."""
    rounds_each: int
    """Rounds of each of them."""
    seconds: float
    """How long one round of requests lasts."""
    pushes: int
    """Reports in one round of pushes."""
    waits: int
    """Waits that are open while requests are sent."""
    starts: int
    """How often a server is started."""
    sessions: int
    """How often a test session, or what its fixtures do, is run."""
    accounts: int
    """Accounts in each."""
    many: int
    """Messages pending or journalled where the floor says a million."""
    singles: int
    """Messages of requests to one recipient kept while the memory is measured."""
    batch: int
    """Requests, or reports, of one round inside a process."""


FULL = Effort(
    rounds=4,
    programs=3,
    rounds_each=2,
    seconds=2.0,
    pushes=5_000,
    waits=1_000,
    starts=5,
    sessions=5,
    accounts=100,
    many=1_000_000,
    singles=100_000,
    batch=4_000,
)
QUICK = Effort(
    rounds=1,
    programs=1,
    rounds_each=1,
    seconds=1.0,
    pushes=400,
    waits=1_000,
    starts=1,
    sessions=3,
    accounts=20,
    many=50_000,
    singles=10_000,
    batch=1_000,
)
