"""What was kept, as the admin API shows it: messages, requests and reports, waits for them, and events about them.

Names are snake_case, moments ISO 8601 in Hong Kong time, money a pair of strings; AUTH_KEYs are fingerprints wherever
a customer may have written them. Lists cut what is long and say where it is whole.

Spec: none; the admin API is the simulator's own. Reading: R16, R20.
"""

from typing import Generic, TypeVar

import msgspec

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.models.server import Json, Problem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.findings import Finding

ItemT = TypeVar("ItemT")


class Code(msgspec.Struct, frozen=True):
    """A result code three ways: 268435457, `0x10000001`, `Invalid_parameter`."""

    value: int
    hex: str
    name: str


class MessageItem(msgspec.Struct, frozen=True):
    """A message; `to` is country code and number in one."""

    uid: str
    account: str
    request_id: int
    index: int
    to: str
    country_code: int
    msisdn: str
    source: str
    text: str
    dcs: int
    segments: int
    route: str
    price: Money
    cost: Money
    code: Code
    state: int | None
    state_name: str | None
    final: bool
    refunded: bool
    reason: str | None
    accepted_at: datetime
    final_at: datetime | None
    customer_body: Json | None
    rule: str | None


class RequestItem(msgspec.Struct, frozen=True):
    """An exchange, refused ones and refused handshakes included; bytes that are no UTF-8 are written `\\xe9`.

    `body_base64` is there for a body that is no UTF-8 only. `method`, `target` and `http_version` are null where no
    head of an HTTP request could be read.
    """

    id: int
    account: str | None
    kind: str
    received_at: datetime
    peer: str | None
    connection_id: int | None
    tls: Json | None
    headers: tuple[tuple[str, str], ...]
    http_status: int | None
    code: Code | None
    body: str
    answer: str | None
    findings: tuple[Finding, ...]
    rule: str | None
    fault: str | None
    uids: tuple[str, ...]
    method: str | None = None
    target: str | None = None
    http_version: str | None = None
    body_base64: bytes | None = None


class AttemptItem(msgspec.Struct, frozen=True):
    """One push of a report."""

    serial: int
    at: datetime
    url: str
    request: str
    status: int | None
    body: str
    error: str | None
    findings: tuple[Finding, ...]
    fault: str | None
    """What was made to go wrong with it; `request` is what was meant to be sent."""
    tls: Json | None
    """What the handshake with the customer's server settled on; None without an answer over TLS."""
    resent: bool = False
    """Whether somebody asked for it when the report was done already."""
    repeated: bool = False
    """Whether it went out twice: the server had closed the connection it first went out on, and may have read it."""


class ReportItem(msgspec.Struct, frozen=True):
    """A report with its attempts; `due_at` is when its state was reached."""

    id: str
    uid: str
    account: str
    state: int
    state_name: str
    due_at: datetime
    outcome: str
    next_attempt_at: datetime | None
    attempts: tuple[AttemptItem, ...]
    findings: tuple[Finding, ...]


class Difference(msgspec.Struct, frozen=True):
    """A term that does not hold for a value, and what the value has instead; None when it has nothing there."""

    term: str
    got: str | None


class CloseItem(msgspec.Struct, Generic[ItemT], frozen=True):
    """What came close: the item, and the terms that do not hold for it with what it has instead."""

    item: ItemT
    misses: tuple[Difference, ...]


class WaitProblem(Problem, Generic[ItemT], frozen=True, kw_only=True):
    """A wait that got too little; `in_vain` when only the account's clock keeps it from coming."""

    count: int
    total: int
    evicted: int
    in_vain: bool
    next_due_at: datetime | None
    closest: tuple[CloseItem[ItemT], ...]


class Verified(msgspec.Struct, frozen=True):
    """It is as was expected; `total` is how many were found."""

    verified: bool
    total: int
    evicted: int


class VerifyProblem(Problem, Generic[ItemT], frozen=True, kw_only=True):
    """It is not as was expected; `closest` is what came close where too little was found."""

    total: int
    evicted: int
    closest: tuple[CloseItem[ItemT], ...]


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, or is `to_come`; `at` on the account's clock, `wall_at` on the wall where that is known.

    What an entry is not about is null.
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


class TimelineItem(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that happened to a message, and what is still to come, in order; `now` on the account's clock."""

    uid: str
    account: str
    to: str
    now: datetime
    settled: bool
    """Nothing is to come any more."""
    items: tuple[TimelineEntry, ...]


class PendingItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is due: a state with the first push of its report, a further push, or the expiry.

    `in_s` are the seconds until then on the account's clock, 0 when it is due already. `attempt` is the number of the
    push, 0 when the report will be lost.
    """

    uid: str
    report_id: str
    to: str
    state: int
    state_name: str
    due_at: datetime
    in_s: float
    attempt: int
    kind: str


class OtpItem(msgspec.Struct, frozen=True):
    """The one-time password in a text."""

    code: str


class ForcedItem(msgspec.Struct, frozen=True, kw_only=True):
    """What a forced state came to: when it is due, the message, and its report as soon as there is one.

    `dropped`: it would come after the expiry at 25 h, and never does.
    """

    state: int
    state_name: str
    final: bool
    due_at: datetime
    dropped: bool
    message: MessageItem
    report: ReportItem | None


class SentItem(msgspec.Struct, frozen=True, kw_only=True):
    """What the admin API tells of a request that was sent; the rest is in `/requests`, under its number."""

    request_id: int | None
    account: str | None
    code: Code | None
    answer: str | None
    fault: str | None
    """What befell the answer, or DELAY, which nobody waited for."""
    uids: tuple[str, ...]


class Happened(msgspec.Struct, Generic[ItemT], frozen=True):
    """What happened to things of one kind, oldest first."""

    account: str | None
    items: tuple[ItemT, ...]
    """The last ones, each once, as it is now."""
    more: int
    """How many times something happened before that."""


class ClockSet(msgspec.Struct, frozen=True):
    """An account's clock was set, or goes at another rate."""

    account: str
    now: datetime
    mode: str
    rate: float


class Bare(msgspec.Struct, frozen=True):
    """An event of an account that says no more than that it happened."""

    account: str | None
