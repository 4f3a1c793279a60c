"""The clock item: what the admin API shows of a clock, and of what an advance made happen."""

import msgspec

from cloudsms_simulator.engine.clock import Mode
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.items import ReportItem
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.server.timekeeper import Reading


class ClockItem(msgspec.Struct, frozen=True):
    """A clock; `fired` after an advance only: the reports to which something happened, in that order."""

    now: datetime
    mode: Mode
    rate: float
    """Virtual seconds in a second; 0 while it stands."""
    settled: bool
    """Nothing is due or on the way; of an advance: everything due until its end got done in time."""
    running: int
    """Pushes on the way."""
    pending: int
    """Messages with something still to come."""
    next_due_at: datetime | None
    fired: list[ReportItem] | msgspec.UnsetType = msgspec.UNSET


def clock_item(reading: Reading) -> ClockItem:
    """A clock as it is."""
    return ClockItem(
        now=reading.now,
        mode=reading.mode,
        rate=reading.rate,
        settled=reading.settled,
        running=reading.running,
        pending=reading.pending,
        next_due_at=reading.next_due_at,
    )


def advance_item(reading: Reading, kept: Kept) -> ClockItem:
    """A clock after an advance, with what fired; `kept` is what is kept of its account."""
    fired = [kept.report(report) for report in reading.fired]
    return msgspec.structs.replace(clock_item(reading), fired=fired)
