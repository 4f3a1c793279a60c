"""What the admin API shows, as Structs that a client reads. Names and meanings are the API's.

Members that a newer server adds are ignored. Moments are aware and in Hong Kong time; money is exact. The commands
import this module to describe their tables, so it imports no HTTP and nothing else of the client.
"""

from typing import Generic, Literal, TypeVar

import msgspec

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.findings import Finding

I_co = TypeVar("I_co", covariant=True)

Json = dict[str, object]


class Page(msgspec.Struct, Generic[I_co], frozen=True):
    """One page of a list, newest first. `evicted` counts what the bounded journal has no more."""

    items: tuple[I_co, ...]
    total: int
    cursor: str | None
    evicted: int


class Code(msgspec.Struct, frozen=True):
    """A result code three ways: 268435457, `0x10000001`, `Invalid_parameter`."""

    value: int
    hex: str
    name: str


class Message(msgspec.Struct, frozen=True):
    """One message; `to` is country code and number in one."""

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


class Request(msgspec.Struct, frozen=True):
    """One exchange, refused ones and refused handshakes included."""

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
    """With `target` and `http_version` None where no head of an HTTP request could be read."""
    target: str | None = None
    """The path with its query string as they came."""
    http_version: str | None = None
    """`1.1` or `1.0`."""
    body_base64: bytes | None = None
    """The octets of a body that is no UTF-8, else None."""


class Attempt(msgspec.Struct, frozen=True):
    """One push of a report, with the customer's answer and what is wrong with that."""

    serial: int
    at: datetime
    url: str
    request: str
    status: int | None
    body: str
    error: str | None
    findings: tuple[Finding, ...]
    fault: str | None
    tls: Json | None
    resent: bool = False
    """Whether somebody asked for it when the report was done already."""
    repeated: bool = False
    """Whether it went out twice: the server had closed the connection it first went out on, and may have read it."""


class Report(msgspec.Struct, frozen=True):
    """One delivery report with its attempts; `due_at` is when its state was reached."""

    id: str
    uid: str
    account: str
    state: int
    state_name: str
    due_at: datetime
    outcome: str
    next_attempt_at: datetime | None
    attempts: tuple[Attempt, ...]
    findings: tuple[Finding, ...]


class Callback(msgspec.Struct, frozen=True):
    """Where an account's reports go; the pauses before further attempts in seconds."""

    url: str | None
    retries_s: tuple[float, ...]
    verify: bool
    concurrency: int
    connect_timeout_s: float = 2.0
    timeout_s: float = 5.0
    identity: str = "valid"
    """What is wrong with the certificate that the platform shows."""
    ca: str | None = None
    """Paths of files on the server's machine."""
    client_cert: str | None = None
    client_key: str | None = None


class Account(msgspec.Struct, frozen=True):
    """One account as it is now; `auth_key` is whole only where the account was just created."""

    name: str
    auth_key: str
    profile: str
    routes: tuple[str, ...]
    directions: tuple[int, ...] | Literal["all"]
    prices: dict[str, str]
    currency: str
    balance: Money | Literal["unlimited"]
    credit_limit: Money
    default_sender: str
    callback: Callback
    now: datetime
    outstanding: int
    seed: int
    scenario: str | None
    rules: int
    whitelist: tuple[str, ...] = ()
    settings: Json = {}
    """Every setting, as `create` and `change` take it; `balance` is what the account starts with."""


class Movement(msgspec.Struct, frozen=True):
    """One entry of a ledger, negative for a debit; `balance` is what was there after it."""

    id: str
    account: str
    uid: str | None
    reason: str
    amount: Money
    balance: Money
    at: datetime


class Sent(msgspec.Struct, frozen=True):
    """A request the server sent for an account; without `request_id` the store failed to keep it."""

    request_id: int | None
    account: str | None
    code: Code | None
    answer: str | None
    fault: str | None
    uids: tuple[str, ...]


class Clock(msgspec.Struct, frozen=True):
    """An account's clock, and after an advance the reports that fired on the way, in that order."""

    now: datetime
    mode: str
    rate: float
    settled: bool
    running: int
    pending: int
    next_due_at: datetime | None
    fired: tuple[Report, ...] = ()


class Rule(msgspec.Struct, frozen=True):
    """A rule or a fault, with how often it decided; `book` is its scenario, None for one laid down by itself."""

    id: str
    kind: Literal["rule", "fault"]
    book: str | None
    hits: int
    enabled: bool
    definition: Json
    warnings: tuple[str, ...] = ()


class Trouble(msgspec.Struct, frozen=True):
    """A listener that has trouble with TLS, and where a client meets it."""

    trouble: str
    url: str


class Playing(msgspec.Struct, frozen=True):
    """A scenario in use; `since` on the account's clock."""

    name: str
    about: str
    since: datetime | None


class Scenario(msgspec.Struct, frozen=True):
    """A bundled scenario, and which part of a client it exercises."""

    name: str
    about: str


class Scenarios(msgspec.Struct, frozen=True):
    """The bundled scenarios, and what the account plays."""

    items: tuple[Scenario, ...]
    playing: Playing | None


class Used(msgspec.Struct, frozen=True):
    """What an account plays from now on."""

    playing: Playing | None
    seed: int
    warnings: tuple[str, ...] = ()
    tls: tuple[Trouble, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with the text of a scenario; without a problem, the name of the scenario it is."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    name: str | None


class Received(msgspec.Struct, frozen=True):
    """One delivery report as the sink received it; `at` by the wall's clock."""

    at: datetime
    uid: str
    state: int
    state_name: str
    country_code: int
    msisdn: str
    source: str
    serial: int
    time: str
    report_time: str
    customer_body: str | None
    certificate: str | None


class Sink(msgspec.Struct, frozen=True):
    """The sink of an account: where it is, how it answers, and what it received, in the order it came."""

    url: str
    answer: Json
    total: int
    received: tuple[Received, ...]


class Verified(msgspec.Struct, frozen=True):
    """The requests are as was expected; `total` is how many were found."""

    verified: bool
    total: int
    evicted: int


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
