"""One step of the platform: what comes in, what it reads and writes, and what goes out.

A `Transaction` is one step's view of one account: what the store read for it, and what the step writes, all of it or
nothing. A store fills in what is read and later takes what was written; the platform in between is plain code without
I/O. That is why a store on disk or over a network needs nothing else from the engine. `RuleCounters` are the counts of
rules as one transaction sees them.

What comes in is an `Arrival`; it becomes `Identified` (decoded, with its account), then `Checked` (the checks have
run), and what goes back is a `Reply`.

Spec: Interface specification and communication principle. Reading: R16, R21, R22.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import Account, AccountConfig, AccountState
from cloudsms_simulator.engine.billing import LedgerEntry, LedgerReason, opening_balance, opening_entries
from cloudsms_simulator.engine.faults import AnswerFault
from cloudsms_simulator.engine.records import (
    Attempt,
    ConnectionFacts,
    Exchange,
    Headers,
    KeptPacket,
    Message,
    Outcome,
    Report,
    RequestLine,
)
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.answer import AllAccepted, encode_accepted
from cloudsms_simulator.protocol.candidate import Candidate, Refusal
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.packet import Submission

RuleCounter = tuple[str, str, str]
"""What is counted, by which rule, for which recipient; "" where one of them does not matter."""

NO_RULE_COUNTERS: Mapping[RuleCounter, int] = MappingProxyType({})


class RuleCounters:
    """The counts of one transaction, on top of those that are kept. `written` is what the store keeps with the step."""

    def __init__(self, kept: Mapping[RuleCounter, int]) -> None:
        self._kept = kept
        self.written: dict[RuleCounter, int] = {}

    def __getitem__(self, tally: RuleCounter) -> int:
        """The count so far, 0 at first."""
        count = self.written.get(tally)
        return self._kept.get(tally, 0) if count is None else count

    def put(self, tally: RuleCounter, count: int) -> None:
        """Sets a count."""
        self.written[tally] = count

    def add(self, tally: RuleCounter, by: int = 1) -> int:
        """Adds to a count, and returns the new one."""
        count = self.written[tally] = self[tally] + by
        return count


class Transaction(msgspec.Struct, eq=False, gc=False):
    """One step's view of one account; `account` is None for an exchange that belongs to none.

    Read: `request_id` (the number of the exchange, should there be one), `standing`, `tallies`, and in `messages` and
    `reports` the ones the step was called for. Written: `standing` by replacing it, and everything from `exchange` on.
    """

    account: Account | None
    """As it is configured; `configure` replaces it."""
    standing: AccountState
    request_id: int
    tallies: Mapping[RuleCounter, int] = NO_RULE_COUNTERS
    """What the account's rules have counted."""
    booked: Callable[[], Decimal] = Decimal
    """The sum of the ledger as it is: the balance, if there is one."""
    messages: dict[str, Message] = {}
    """By SMS_UID, as they are; `put` replaces one."""
    reports: dict[str, tuple[Report, ...]] = {}
    """Of those messages, by SMS_UID, in the order of their number."""
    unanswered: Collection[str] = ()
    """SMS_UIDs of messages whose answer is not out yet: only their steps that come before the answer happen now."""
    config: AccountConfig | None = None
    """What is configured of the account; None where the store holds no such account. `configure` replaces it."""
    ends: Literal["reset", "drop"] | None = None
    """Whether all that is kept of the account goes with this step: `begin_anew` and `drop` say so."""
    exchange: Exchange | None = None
    tallied: Mapping[RuleCounter, int] | None = None
    """Counts that take the place of those in `tallies`; None: all stay as they are."""
    counts_anew: bool = False
    """Whether all counts are forgotten first."""
    new_messages: tuple[Message, ...] = ()
    rejected: int = 0
    """How many of the new messages are rejected locally."""
    entries: list[LedgerEntry] = []
    final_states: tuple[int, ...] = ()
    """The states in which messages ended."""
    pushed: tuple[tuple[Outcome, Attempt], ...] = ()
    """The attempts that were made, each with the outcome of its report."""
    updated: set[str] = set()
    """SMS_UIDs whose message or reports changed."""
    wakes: list[tuple[datetime, str]] = []
    """When to look at which message again; of a new message only after its answer is out."""
    cancelled: tuple[tuple[datetime, str], ...] = ()
    """Wakes of one message that are not wanted any more. While its answer is not out, its `wakes` wait for that too."""

    def move(self, reason: LedgerReason, amount: Decimal, at: datetime, uid: str | None = None) -> LedgerEntry:
        """Moves money on the account, which has a limited balance: negative for a debit. Returns the ledger's entry."""
        assert self.standing.balance is not None
        return self._enter(reason, amount, self.standing.balance + amount, at, uid)

    def set_balance(self, balance: Decimal | None, reason: LedgerReason, at: datetime) -> None:
        """Brings the balance to an amount, with an entry in the ledger where its sum differs; None: unlimited."""
        if balance is not None and (amount := balance - self.booked()):
            self._enter(reason, amount, balance, at, None)
        else:
            self.standing = msgspec.structs.replace(self.standing, balance=balance)

    def _enter(
        self, reason: LedgerReason, amount: Decimal, balance: Decimal, at: datetime, uid: str | None
    ) -> LedgerEntry:
        assert self.account is not None
        entry = LedgerEntry(self.account.name, uid, reason, amount, balance, at)
        self.entries.append(entry)
        self.standing = msgspec.structs.replace(self.standing, balance=balance)
        return entry

    def configure(self, config: AccountConfig) -> Account:
        """Puts a configuration in the place of the account's, or makes an account; the account it is from now on.

        A step that makes one whose AUTH_KEY another account has raises ValueError.
        """
        self.config, self.account = config, config.account
        return config.account

    def begin_anew(self, now: datetime) -> None:
        """Makes the account as it was created: its opening balance, nothing kept, nothing planned, counts at 0.

        Its clock, which shows `now`, goes on, and so do its SMS_UIDs. What belongs to no account is just gone.
        """
        account, standing = self.account, self.standing
        balance = None if account is None else opening_balance(account)
        self.standing = AccountState(clock=standing.clock, uids=standing.uids, balance=balance, rules_since=now)
        self.entries = [] if account is None else [*opening_entries(account, now)]
        self.ends = "reset"

    def drop(self) -> None:
        """Forgets the account, and all that is kept of it. One of that name begins with another clock."""
        self.ends = "drop"

    def put(self, message: Message) -> None:
        """Replaces a message."""
        self.messages[message.uid] = message
        self.updated.add(message.uid)

    def put_report(self, report: Report) -> None:
        """Adds a report of a message, or replaces the one of the same number."""
        self.reports[report.uid] = with_report(self.reports.get(report.uid, ()), report)
        self.updated.add(report.uid)

    def put_both(self, message: Message, reports: tuple[Report, ...]) -> None:
        """Replaces a message and all its reports."""
        uid = message.uid
        self.messages[uid] = message
        self.reports[uid] = reports
        self.updated.add(uid)


def with_report(reports: tuple[Report, ...], report: Report) -> tuple[Report, ...]:
    """Returns the reports of a message with one more, or with one in place of the report of the same number."""
    if report.number == 1 and len(reports) <= 1:
        return (report,)
    return (*reports[: report.number - 1], report, *reports[report.number :])


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A request as it came: its bytes, the connection it came on, and whether bytes followed that were none of it.

    `headers` have their AUTH_KEYs masked already: they are the same from request to request, bodies are not.
    """

    body: bytes
    connection: ConnectionFacts | None = None
    headers: Headers = ()
    surplus: bool = False
    line: RequestLine | None = None


class Identified(msgspec.Struct, frozen=True, gc=False):
    """A decoded request, the AUTH_KEY it carries, and the account that has it."""

    candidate: Candidate
    account: Account | None
    key: str | None


class Diagnosis(msgspec.Struct, frozen=True):
    """What is kept of a packet that is refused: its body, and everything worth telling about it, without AUTH_KEYs."""

    body: bytes
    findings: tuple[Finding, ...]


class Checked(msgspec.Struct, frozen=True, gc=False):
    """A request after the checks, which take nothing but the packet and its account's configuration.

    It has a `refusal`, or a `submission` and what is kept of it.
    """

    identified: Identified
    refusal: Refusal | None = None
    by_gateway: bool = False
    """Whether checks 1 to 9 refused it."""
    needs_evaluation: bool = False
    """Whether a rule or a magic number may have a say in it, even if it is refused."""
    submission: Submission | None = None
    kept_packet: KeptPacket | None = None
    diagnosis: Diagnosis | None = None
    """Of a packet with a refusal, where `Platform.diagnosed` worked it out; else it is worked out when it is kept."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What goes back: an answer, or None when the connection is closed without one."""

    answer: bytes | AllAccepted | None
    code: ResultCode | None
    request_id: int
    first_due: datetime | None = None
    """When the first report is due on the account's clock, None when none is."""
    trouble: AnswerFault | None = None
    """What befalls the answer on its way; None when nothing does."""
    before: tuple[str, ...] = ()
    """SMS_UIDs of messages whose first report the answer waits for."""

    @property
    def body(self) -> bytes | None:
        """The answer's bytes; those of a request that was accepted as a whole are written whenever somebody asks."""
        return encode_accepted(self.answer) if isinstance(self.answer, AllAccepted) else self.answer
