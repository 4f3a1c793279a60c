"""Prospects: what is still to come of an account's messages, and when.

Told from what is kept alone, so it is right at every moment: also while an answer is not out yet, and between the end
of a push and its being kept.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11, R15.
"""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.report_manner import due_report
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.stores.store import Store


class Prospects(msgspec.Struct, frozen=True):
    """Whether something is due by now or on its way; if nothing is, when the next is due, None when nothing is."""

    busy: bool
    next_due_at: datetime | None = None


BUSY = Prospects(True)


def prospects_of(store: Store, account: Account, now: datetime) -> Prospects:
    """What is to come; `now` is the moment on the account's clock."""
    if store.standing(account).outstanding == 0:
        return Prospects(False)
    due = store.next_wake(account)
    if due is not None and due <= now:
        return BUSY
    for message in store.messages(account):
        if message.settled:
            continue
        to_come = _to_come(message, store.reports_of(account, message.uid), now)
        if not to_come or min(to_come) <= now:
            return BUSY
        due = min([*to_come, due] if due is not None else to_come)
    return Prospects(False, due)


def _to_come(message: Message, reports: tuple[Report, ...], now: datetime) -> list[datetime]:
    """The moments at which something is due, `now` among them if anything is; empty when a push is on its way."""
    pending = [report.next_attempt_at for report in reports if report.outcome == "pending"]
    moments = [moment for moment in pending if moment is not None]
    if len(moments) < len(pending):
        return []
    step = message.next_step_at
    if (step is not None and step <= now) or due_report(message, reports, now) is not None:
        return [now]
    # What is due and waits behind another report is not to come before that.
    return [moment for moment in (*moments, step) if moment is not None and moment > now]
