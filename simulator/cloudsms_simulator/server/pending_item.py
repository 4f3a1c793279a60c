"""The pending item: what the admin API tells of what is still due, and the list of it."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from cloudsms_simulator.engine.coming import Coming, Kind, coming_of
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.protocol.states import name_of


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
    kind: Kind


class PendingListing:
    """What is due of messages, soonest first."""

    def __init__(self, messages: Iterable[tuple[Message, tuple[Report, ...]]], now: datetime, evicted: int) -> None:
        unfinished = ((message, reports) for message, reports in messages if not message.settled)
        coming = [(each, message) for message, reports in unfinished for each in coming_of(message, reports)]
        coming.sort(key=lambda entry: (entry[0].due_at, entry[0].uid, entry[0].number))
        self.total = len(coming)
        self.evicted = evicted
        self._coming = coming
        self._now = now

    def __iter__(self) -> Iterator[PendingItem]:
        return (_item(coming, message, self._now) for coming, message in self._coming)


def _item(coming: Coming, message: Message, now: datetime) -> PendingItem:
    return PendingItem(
        uid=coming.uid,
        report_id=f"{coming.uid}-{coming.number}",
        to=f"{message.country_code}{message.msisdn}",
        state=coming.state,
        state_name=name_of(coming.state),
        due_at=coming.due_at,
        in_s=max(coming.due_at - now, timedelta()).total_seconds(),
        attempt=coming.attempt,
        kind=coming.kind,
    )
