"""The timeline item: what the admin API tells of everything that happened to one message.

Reading: R25.
"""

from collections.abc import Sequence

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.chronicle import Entry, Kind, chronicle_of
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of
from cloudsms_simulator.server.kept import Kept
from cloudsms_simulator.stores.store import Store


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, or is `to_come`; `at` on the account's clock, `wall_at` on the wall where that is known.

    What an entry is not about is null.
    """

    at: datetime
    wall_at: datetime | None
    kind: Kind
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
    items: list[TimelineEntry]


def timeline_of(store: Store, account: Account, message: Message, wall: datetime) -> TimelineItem:
    """The timeline of a kept message; `wall` is what the wall's clock shows."""
    clock = store.standing(account).clock
    now = clock.now(wall)
    findings = Kept(store, account).findings(message.sending)
    reports = store.reports_of(account, message.uid)
    return timeline_item(message, chronicle_of(message, reports, store.ledger(account), findings, now), clock, now)


def timeline_item(message: Message, chronicle: Sequence[Entry], clock: Clock, now: datetime) -> TimelineItem:
    """The chronicle of a message as the API shows it."""
    return TimelineItem(
        uid=message.uid,
        account=message.sending.account or "",  # messages come of an account's exchanges only
        to=f"{message.country_code}{message.msisdn}",
        now=now,
        settled=message.settled,
        items=[_entry(entry, message.uid, clock) for entry in chronicle],
    )


def _entry(entry: Entry, uid: str, clock: Clock) -> TimelineEntry:
    return TimelineEntry(
        at=entry.at,
        wall_at=clock.shown_on_the_wall(entry.at),
        kind=entry.kind,
        text=entry.text,
        to_come=entry.is_to_come,
        request_id=entry.request,
        report_id=None if entry.report is None else f"{uid}-{entry.report}",
        attempt=entry.attempt,
        state=entry.state,
        state_name=None if entry.state is None else name_of(entry.state),
        amount=entry.amount,
        finding=entry.finding,
    )
