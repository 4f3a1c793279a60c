"""Coming: what is still due of one message: its states, its expiry, and the next push of each report.

What a push that is on the way will come to is not known, so it is not among it.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.script import EXPIRED_AT_LAST
from cloudsms_simulator.protocol.moments import datetime

Kind = Literal["planned", "retry", "expiry"]
"""`planned`: a state to be reached, or the first push of its report. `retry`: a further push. `expiry`: at 25 h."""


class Coming(msgspec.Struct, frozen=True):
    """One thing that is due; `number` is that of its report, `attempt` that of its push, 0 when there will be none."""

    kind: Kind
    uid: str
    number: int
    state: int
    due_at: datetime
    """Of a report that waits behind another one, the earliest that it can be."""
    attempt: int


def coming_of(message: Message, reports: Sequence[Report]) -> tuple[Coming, ...]:
    """What is due of a message, soonest first."""
    return tuple(sorted((*_pushes(message, reports), *_states(message)), key=lambda each: each.due_at))


def _pushes(message: Message, reports: Sequence[Report]) -> Iterator[Coming]:
    for report in reports:
        if report.outcome == "pending" and report.next_attempt_at is not None:
            made = len(report.attempts)
            kind: Kind = "retry" if made else "planned"
            yield Coming(kind, message.uid, report.number, report.state, report.next_attempt_at, made + 1)


def _states(message: Message) -> Iterator[Coming]:
    done = len(message.passages)
    for number, step in enumerate(message.plan.steps[done:], done + 1):
        kind: Kind = "expiry" if step == EXPIRED_AT_LAST else "planned"
        due_at = message.sending.accepted_at + step.after
        yield Coming(kind, message.uid, number, step.state, due_at, 0 if step.lost else 1)
