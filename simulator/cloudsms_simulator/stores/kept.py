"""All that is kept of one account, taken out of a store at one moment, to be put into one.

What is planned is not among it: it follows from the messages and their reports.
"""

from collections.abc import Iterator, Mapping

import msgspec

from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.engine.tallies import Tally
from cloudsms_simulator.protocol.moments import datetime


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an account, or of nobody, in the order in which it came."""

    standing: Standing
    tallies: Mapping[Tally, int] = {}
    exchanges: tuple[Exchange, ...] = ()
    messages: tuple[Message, ...] = ()
    reports: tuple[tuple[Report, ...], ...] = ()
    """Of one message after the other, those of each in the order of their number."""
    ledger: tuple[LedgerEntry, ...] = ()
    evicted_exchanges: int = 0
    evicted_messages: int = 0
    evicted_reports: int = 0

    def wakes(self) -> Iterator[tuple[datetime, str]]:
        """When to look at which message: once for its next step, and once for each report that is to be pushed."""
        reports = {each[0].uid: each for each in self.reports}
        for message in self.messages:
            if message.next_step_at is not None:
                yield message.next_step_at, message.uid
            for report in reports.get(message.uid, ()):
                if report.outcome == "pending" and report.next_attempt_at is not None:
                    yield report.next_attempt_at, message.uid
