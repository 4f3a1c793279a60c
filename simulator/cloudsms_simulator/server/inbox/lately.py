"""Lately: what happened last to an account's reports, and how its callback does.

Spec: Delivery Report (DR) CallBack.
"""

import heapq
from collections.abc import Iterable

import msgspec

from cloudsms_simulator.engine.report import Attempt, Report
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of

SHOWN = 8
"""Reports and pushes that are told one by one."""
COUNTED = 100
"""Pushes that the rate of success is of."""


class Fired(msgspec.Struct, frozen=True):
    """A report to which something happened, and when that was: its state was reached, or it was pushed."""

    at: datetime
    uid: str
    state: int
    state_name: str
    outcome: str


class Pushed(msgspec.Struct, frozen=True):
    """A push and what came of it; `findings` are what is wrong with the ANSWER, or with the way there."""

    at: datetime
    uid: str
    state_name: str
    succeeded: bool
    status: int | None
    error: str | None
    findings: tuple[Finding, ...]


class Health(msgspec.Struct, frozen=True):
    """How a callback does: how many of the last pushes came through, the newest, and the last that went wrong."""

    tried: int
    succeeded: int
    newest: tuple[Pushed, ...]
    trouble: Pushed | None

    @property
    def percent(self) -> int:
        """How many of a hundred come through; 0 when none was tried."""
        return self.succeeded * 100 // self.tried if self.tried else 0


def fired_lately(reports: Iterable[Report]) -> tuple[Fired, ...]:
    """The reports to which something happened last, newest first."""
    newest = heapq.nlargest(SHOWN, reports, key=_last)
    return tuple(Fired(_last(each), each.uid, each.state, name_of(each.state), each.outcome) for each in newest)


def health_of(reports: Iterable[Report]) -> Health:
    """How the pushes of these reports went."""
    made = ((attempt, report) for report in reports for attempt in report.attempts if _is_over(attempt))
    newest = [_pushed(*each) for each in heapq.nlargest(COUNTED, made, key=lambda each: each[0].at)]
    wrong = (each for each in newest if not each.succeeded or any(told.severity == "error" for told in each.findings))
    return Health(len(newest), sum(each.succeeded for each in newest), tuple(newest[:SHOWN]), next(wrong, None))


def _last(report: Report) -> datetime:
    return report.attempts[-1].at if report.attempts else report.reached_at


def _is_over(attempt: Attempt) -> bool:
    return attempt.status is not None or attempt.error is not None


def _pushed(attempt: Attempt, report: Report) -> Pushed:
    return Pushed(
        attempt.at,
        report.uid,
        name_of(report.state),
        attempt.succeeded,
        attempt.status,
        attempt.error,
        attempt.findings,
    )
