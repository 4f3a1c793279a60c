"""A transaction: what one step of the platform reads, and what it writes, all of it or nothing.

A store fills in what is read and later takes what was written; the platform in between is plain code without I/O.
That is why a store on disk or over a network needs nothing else from the engine.

Reading: R16.
"""

from collections.abc import Collection, Mapping

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Attempt, Outcome, Report
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.engine.tallies import NO_TALLIES, Tally
from cloudsms_simulator.protocol.moments import datetime


class Transaction(msgspec.Struct, eq=False):
    """One step's view of one account; `account` is None for an exchange that belongs to none.

    Read: `request_id` (the number of the exchange, should there be one), `standing`, `tallies`, and in `messages` and
    `reports` the ones the step was begun for. Written: `standing` by replacing it, and everything from `exchange` on.
    """

    account: Account | None
    standing: Standing
    request_id: int
    tallies: Mapping[Tally, int] = NO_TALLIES
    """What the account's rules have counted."""
    messages: dict[str, Message] = {}
    """By SMS_UID, as they are; `put` replaces one."""
    reports: dict[str, tuple[Report, ...]] = {}
    """Of those messages, by SMS_UID, in the order of their number."""
    unanswered: Collection[str] = ()
    """SMS_UIDs of messages of which only what comes before the answer comes now: that is not out yet."""
    exchange: Exchange | None = None
    tallied: Mapping[Tally, int] | None = None
    """Counts that take the place of those in `tallies`; None: all stay as they are."""
    counts_anew: bool = False
    """Whether all counts are forgotten first."""
    new_messages: tuple[Message, ...] = ()
    rejected: int = 0
    """How many of the new messages are rejected locally."""
    entries: list[LedgerEntry] = []
    final_states: list[int] = []
    """The states in which messages ended."""
    pushed: list[tuple[Outcome, Attempt]] = []
    """The attempts that were made, each with what its report came to."""
    updated: set[str] = set()
    """SMS_UIDs whose message or reports changed."""
    wakes: list[tuple[datetime, str]] = []
    """When to look at which message again; of a new message only after its answer is out."""
    cancelled: tuple[tuple[datetime, str], ...] = ()
    """Wakes of one message that are not wanted any more. While it waits for its answer, so does what is in `wakes`."""

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
    """The reports of a message with one more, or with one in the place of that of the same number."""
    return (*reports[: report.number - 1], report, *reports[report.number :])
