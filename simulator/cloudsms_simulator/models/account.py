"""An account as the admin API shows it: its standing, money, clock, rules, scenario and sink.

Spec: none; the admin API is the simulator's own. Reading: R21.
"""

from typing import Generic, Literal, TypeVar

import msgspec

from cloudsms_simulator.engine.money import Currency, Money
from cloudsms_simulator.models.journal import ReportItem
from cloudsms_simulator.models.server import Json, Page
from cloudsms_simulator.moments import datetime

AnswerT = TypeVar("AnswerT")

RuleKind = Literal["rule", "fault"]


class CallbackItem(msgspec.Struct, frozen=True):
    """Where an account's reports go."""

    url: str | None
    retries_s: tuple[float, ...]
    verify: bool
    concurrency: int
    connect_timeout_s: float = 2.0
    timeout_s: float = 5.0
    identity: str = "valid"
    """What is wrong with the certificate that the platform shows; `valid`: nothing."""
    ca: str | None = None
    """Paths of files on the server's machine, as the configuration has them."""
    client_cert: str | None = None
    client_key: str | None = None


class AccountItem(msgspec.Struct, frozen=True):
    """An account with its standing; `prices` by country code, `*` for every other.

    `scenario` is the one it plays, `rules` how many rules and faults it goes by now, its own and the scenario's.
    """

    name: str
    auth_key: str
    profile: str
    routes: tuple[str, ...]
    directions: tuple[int, ...] | Literal["all"]
    prices: dict[str, str]
    currency: Currency
    balance: Money | Literal["unlimited"]
    credit_limit: Money
    default_sender: str
    callback: CallbackItem
    now: datetime
    outstanding: int
    seed: int
    scenario: str | None
    rules: int
    whitelist: tuple[str, ...] = ()
    """Networks that its packets may come from; empty: any."""
    settings: Json = {}
    """Every setting, as a body that changes the account says it. `balance` is what the account starts with."""


class LedgerItem(msgspec.Struct, frozen=True):
    """A movement: negative for a debit; `balance` is what was there after it. `uid` of a debit and its refund."""

    id: str
    """`debit-5A3B…`, `credit-2`: the same for as long as the movement is in the ledger."""
    account: str
    uid: str | None
    reason: str
    amount: Money
    balance: Money
    at: datetime


class ClockItem(msgspec.Struct, frozen=True):
    """A clock; `fired` after an advance only: the reports to which something happened, in that order."""

    now: datetime
    mode: str
    rate: float
    """Virtual seconds in a second; 0 while it stands."""
    settled: bool
    """Nothing is due or on the way; of an advance: everything due until its end got done in time."""
    running: int
    """Pushes on the way."""
    pending: int
    """Messages with something still to come."""
    next_due_at: datetime | None
    fired_reports: tuple[ReportItem, ...] | msgspec.UnsetType = msgspec.field(default=msgspec.UNSET, name="fired")

    @property
    def fired(self) -> tuple[ReportItem, ...]:
        """The reports that fired on the way; none of a clock that was only looked at or set."""
        return () if self.fired_reports is msgspec.UNSET else self.fired_reports


class RuleItem(msgspec.Struct, frozen=True):
    """A rule or a fault."""

    id: str
    kind: RuleKind
    book: str | None
    """The scenario it comes from; null when it was laid down by itself."""
    hits: int
    """How often it decided."""
    enabled: bool
    """False while it is switched off."""
    definition: Json
    """As a scenario file says it."""
    warnings: tuple[str, ...] = ()
    """What is worth a warning, line by line, each with its place in what was sent; told when it is laid down."""


class TroubleItem(msgspec.Struct, frozen=True):
    """A listener that has trouble with TLS, and where a client meets it."""

    trouble: str
    url: str


class ScenarioItem(msgspec.Struct, frozen=True):
    """A bundled scenario, and which part of a client it exercises."""

    name: str
    about: str


class PlayingItem(msgspec.Struct, frozen=True):
    """A scenario in use; `since` when, on the account's clock."""

    name: str
    about: str
    since: datetime | None


class ScenarioPage(Page[ScenarioItem], frozen=True):
    """The bundled scenarios, and what the account plays."""

    playing: PlayingItem | None = None


class UsedItem(msgspec.Struct, frozen=True):
    """What an account plays from now on; `tls` are the listeners in trouble that the scenario has."""

    playing: PlayingItem | None
    seed: int
    warnings: tuple[str, ...] = ()
    tls: tuple[TroubleItem, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What is wrong with a text, line by line; without a problem the name of the scenario it is."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    name: str | None


class ReceivedReport(msgspec.Struct, frozen=True):
    """One delivery report as it arrived."""

    at: datetime
    """When it arrived, in Hong Kong time, by the wall's clock."""
    uid: str
    state: int
    state_name: str
    country_code: int
    msisdn: str
    source: str
    serial: int
    time: str
    """When the platform says it pushed it, as it wrote it."""
    report_time: str
    """When the platform says the state was reached, as it wrote it."""
    customer_body: str | None
    """The JSON text the request carried, byte for byte; None when it carried none."""
    certificate: str | None
    """Subject of the certificate the platform showed; None when it showed none."""


class SinkItem(msgspec.Struct, Generic[AnswerT], frozen=True):
    """The sink of one account. `received` are the latest reports, in the order they came; `total` counts all."""

    url: str
    answer: AnswerT
    total: int
    received: tuple[ReceivedReport, ...]
