"""The timeline of one message, past and planned, and the list of what is still due for the messages of an account.

`timeline_of` lists everything about one message: acceptance, states, pushes, answers, money, what is planned.
`pending_of` and `PendingListing` list what is due, soonest first: a state with the first push of its report, a
further push, or the expiry. Both are made of items of the admin API.

Reading: R15, R25.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.explanation import DueItem, HistoryEntry, due_items, history_of
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.journal.search_fields import JournalRecord
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.journal import PendingItem, TimelineEntry, TimelineItem
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.runtime import TimeSlices
from cloudsms_simulator.protocol.codes import state_desc
from cloudsms_simulator.stores.store import Store


def timeline_of(store: Store, account: Account, message: Message, wall: datetime) -> TimelineItem:
    """The timeline of a kept message; `wall` is the time on the wall now."""
    clock = store.standing(account).clock
    now = clock.now(wall)
    findings = JournalView(store, account).findings(message.sending)
    reports = store.reports_of(account, message.uid)
    return timeline_item(message, history_of(message, reports, store.ledger(account), findings, now), clock, now)


def timeline_item(message: Message, history: Sequence[HistoryEntry], clock: Clock, now: datetime) -> TimelineItem:
    """The history of a message as the API shows it; `now` is the time on the account's clock."""
    return TimelineItem(
        uid=message.uid,
        account=message.sending.account or "",  # messages come of an account's exchanges only
        to=f"{message.country_code}{message.msisdn}",
        now=now,
        settled=message.settled,
        items=tuple([_timeline_entry(entry, message.uid, clock) for entry in history]),
    )


def _timeline_entry(entry: HistoryEntry, uid: str, clock: Clock) -> TimelineEntry:
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
        state_name=None if entry.state is None else state_desc(entry.state),
        amount=entry.amount,
        finding=entry.finding,
    )


PendingOfMessage = tuple[DueItem, Message]
"""Something that is due, and the message it is due for."""


class PendingListing:
    """A `Listing` of what is due for messages, soonest first, as it was when this was made; `now` is the time then."""

    def __init__(self, pending: Iterable[PendingOfMessage], now: datetime, evicted: int) -> None:
        self._pending = sorted(pending, key=lambda each: (each[0].due_at, each[0].uid, each[0].number))
        self.total = len(self._pending)
        self.evicted = evicted
        self._now = now

    def __iter__(self) -> Iterator[PendingItem]:
        return (_pending_item(due, message, self._now) for due, message in self._pending)


async def pending_of(store: Store, account: Account, messages: Iterable[JournalRecord]) -> list[PendingOfMessage]:
    """What is due for those of these messages that are not settled, each with its message.

    Other tasks get their turn meanwhile.
    """
    found: list[PendingOfMessage] = []
    slices = TimeSlices()
    for each in list(messages):
        if isinstance(each, Message) and not each.settled:
            found += [(due, each) for due in due_items(each, store.reports_of(account, each.uid))]
        await slices.rest()
    return found


def _pending_item(due: DueItem, message: Message, now: datetime) -> PendingItem:
    return PendingItem(
        uid=due.uid,
        report_id=f"{due.uid}-{due.number}",
        to=f"{message.country_code}{message.msisdn}",
        state=due.state,
        state_name=state_desc(due.state),
        due_at=due.due_at,
        in_s=max(due.due_at - now, timedelta()).total_seconds(),
        attempt=due.attempt,
        kind=due.kind,
    )
