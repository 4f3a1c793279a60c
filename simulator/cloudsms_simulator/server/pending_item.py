"""The pending item: what the admin API tells of what is still due, and the list of it."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.coming import Coming, Kind, coming_of
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of
from cloudsms_simulator.server.aside import Slices
from cloudsms_simulator.server.sought import Value
from cloudsms_simulator.stores.store import Store

Pending = tuple[Coming, Message]
"""What is due of which message."""


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
    """What is due of messages, soonest first, as they and `now` were when it was made."""

    def __init__(self, pending: Iterable[Pending], now: datetime, evicted: int) -> None:
        self._pending = sorted(pending, key=lambda each: (each[0].due_at, each[0].uid, each[0].number))
        self.total = len(self._pending)
        self.evicted = evicted
        self._now = now

    def __iter__(self) -> Iterator[PendingItem]:
        return (_item(coming, message, self._now) for coming, message in self._pending)


async def pending_of(store: Store, account: Account, messages: Iterable[Value]) -> list[Pending]:
    """What is due of those messages that are not done, each beside its message. Others get their turn meanwhile."""
    found: list[Pending] = []
    slices = Slices()
    for each in list(messages):
        if isinstance(each, Message) and not each.settled:
            found += [(coming, each) for coming in coming_of(each, store.reports_of(account, each.uid))]
        await slices.rest()
    return found


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
