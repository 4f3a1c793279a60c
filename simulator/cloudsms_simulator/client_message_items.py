"""What the admin API shows of a single message: what happened to it, what is due, and what was forced on it."""

import msgspec

from cloudsms_simulator.client_items import Message, Report
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime


class TimelineEntry(msgspec.Struct, frozen=True):
    """One thing that happened, or is `to_come`; what it is not about is None.

    `at` is a moment of the account's clock, `wall_at` that of the wall where it is known.
    """

    at: datetime
    wall_at: datetime | None
    kind: str
    text: str
    to_come: bool
    request_id: int | None
    report_id: str | None
    attempt: int | None
    state: int | None
    state_name: str | None
    amount: Money | None
    finding: Finding | None


class Timeline(msgspec.Struct, frozen=True):
    """Everything that happened to a message, and what is still to come, in order."""

    uid: str
    account: str
    to: str
    now: datetime
    settled: bool
    items: tuple[TimelineEntry, ...]


class Otp(msgspec.Struct, frozen=True):
    """The one-time password in a text."""

    code: str


class Forced(msgspec.Struct, frozen=True):
    """What a forced state came to; `report` is there as soon as the state is reached.

    `dropped`: it would come after the expiry at 25 h, and never does.
    """

    state: int
    state_name: str
    final: bool
    due_at: datetime
    dropped: bool
    message: Message
    report: Report | None


class Pending(msgspec.Struct, frozen=True):
    """One thing that is due, `in_s` seconds of the account's clock from now; `kind` is planned, retry or expiry."""

    uid: str
    report_id: str
    to: str
    state: int
    state_name: str
    due_at: datetime
    in_s: float
    attempt: int
    kind: str
