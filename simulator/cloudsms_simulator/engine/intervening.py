"""Intervening: what somebody has done to one message by hand: a state forced on it, a report pushed once more.

What is forced goes the way of all that is planned: it is reached when its time comes, refunded, reported and pushed in
its turn. Nobody gets a second final state, and nothing moves money twice.

Spec: Delivery Report (DR) CallBack. Reading: R25.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.message import Message
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.script import EXPIRED_AT_LAST, Plan, Step, plan_of
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.states import name_of


class Wish(msgspec.Struct, frozen=True):
    """A state for a message, `after` the moment it is asked for."""

    state: int
    after: timedelta
    final: bool
    again: bool = False
    """Of a message that has its final state: one more report, that changes neither the state nor money."""


class Forced(msgspec.Struct, frozen=True):
    """What a wish came to."""

    state: int
    final: bool
    due_at: datetime
    """When the state is reached; of a further report, when it is pushed."""
    number: int | None
    """Of its report; None: the message has expired by then, and the state is never reached."""


class Conflict(msgspec.Struct, frozen=True):
    """Why something cannot be, and what can."""

    why: str


def force(transaction: Transaction, account: Account, uid: str, wish: Wish, now: datetime) -> Forced | Conflict:
    """Forces a state on a message of the transaction.

    A final one takes the place of all that is planned; any other comes in between, unless a final one comes before it.
    """
    message = transaction.messages[uid]
    if message.final_at is None:
        return _force(transaction, message, wish, now)
    if wish.again:
        return _report_again(transaction, account, message, wish, now)
    state = name_of(message.state or 0)
    return Conflict(
        f"message {uid} is {state} since {message.final_at.isoformat()}, and nothing follows a final state; "
        f'with "again": true one more report is pushed, which changes neither the state nor any money, and '
        f"POST /api/v1/reports/{uid}-{len(transaction.reports[uid])}/resend pushes the same one again"
    )


def resend(transaction: Transaction, account: Account, uid: str, number: int, now: datetime) -> Report | Conflict:
    """Has a report of a message of the transaction pushed now, whatever came of it so far; the report as it is then.

    One that waits for its time, or for a retry, is pushed at once instead, and goes on from there. One that is done is
    pushed once more, and not tried again.
    """
    message, reports = transaction.messages[uid], transaction.reports[uid]
    report = reports[number - 1]
    conflict = _cannot_be_pushed(report, account, now)
    if conflict is not None:
        return conflict
    before = _wakes(message, reports)
    is_done = report.outcome != "pending"
    report = msgspec.structs.replace(report, outcome="pending", next_attempt_at=now, resend=is_done)
    transaction.put_report(report)
    _unsettle(transaction, message)
    _plan_anew(transaction, uid, before)
    return report


def _force(transaction: Transaction, message: Message, wish: Wish, now: datetime) -> Forced | Conflict:
    due_at = now + wish.after
    forced = Step(wish.state, due_at - message.sending.accepted_at, wish.final, forced_at=now)
    plan = _with(message, forced)
    place = next((place for place, step in enumerate(plan.steps) if step is forced), None)
    if place is None and not any(step is forced for step in plan.dropped):
        end = plan.steps[-1]
        return Conflict(
            f"message {message.uid} is {name_of(end.state)} by {due_at.isoformat()}, and nothing follows a final "
            f"state; force {name_of(wish.state)} earlier, or a final state in the place of {name_of(end.state)}"
        )
    before = _wakes(message, transaction.reports[message.uid])
    transaction.put(msgspec.structs.replace(message, plan=plan))
    _plan_anew(transaction, message.uid, before)
    return Forced(wish.state, wish.final, due_at, None if place is None else place + 1)


def _with(message: Message, forced: Step) -> Plan:
    """The plan of a message that has no final state yet, with one more step; what was reached stays."""
    done, plan = len(message.passages), message.plan
    to_come = () if forced.final else (*plan.steps[done:], *plan.dropped)
    # Without a final state among them the expiry comes back.
    return plan_of(*plan.steps[:done], forced, *(step for step in to_come if step != EXPIRED_AT_LAST))


def _report_again(
    transaction: Transaction, account: Account, message: Message, wish: Wish, now: datetime
) -> Forced | Conflict:
    reports = transaction.reports[message.uid]
    due_at, number = now + wish.after, len(reports) + 1
    before = _wakes(message, reports)
    transaction.put_report(Report(message.uid, number, account.name, wish.state, due_at, "pending", due_at))
    _unsettle(transaction, message)
    _plan_anew(transaction, message.uid, before)
    return Forced(wish.state, wish.final, due_at, number)


def _cannot_be_pushed(report: Report, account: Account, now: datetime) -> Conflict | None:
    if account.callback.url is None:
        return Conflict(f'account "{account.name}" has no callback; set one, and report {report.id} can be pushed')
    if report.outcome == "pending" and report.next_attempt_at is None:
        return Conflict(f"a push of report {report.id} is on the way; wait until it ended")
    if report.reached_at > now:
        return Conflict(f"the state of report {report.id} is not reached before {report.reached_at.isoformat()}")
    if report.next_attempt_at is not None and report.next_attempt_at <= now:
        return Conflict(f"report {report.id} is due already, and pushed in its turn")
    return None


def _unsettle(transaction: Transaction, message: Message) -> None:
    """The message has something left to do again."""
    if message.settled:
        standing = transaction.standing
        transaction.standing = msgspec.structs.replace(standing, outstanding=standing.outstanding + 1)
        transaction.put(msgspec.structs.replace(message, settled=False))


def _plan_anew(transaction: Transaction, uid: str, before: Mapping[int, datetime]) -> None:
    """Has a message looked at when something of it is due by now, and not when something was that is not any more.

    What has another moment is looked at then, even if something else had that moment before: that may have been looked
    at already, and wait for something else since.
    """
    after = _wakes(transaction.messages[uid], transaction.reports[uid])
    unwanted = {*before.values()} - {*after.values()}
    wanted = {moment for what, moment in after.items() if before.get(what) != moment}
    transaction.cancelled += tuple([(moment, uid) for moment in sorted(unwanted)])
    transaction.wakes += [(moment, uid) for moment in sorted(wanted)]


def _wakes(message: Message, reports: tuple[Report, ...]) -> Mapping[int, datetime]:
    """When a message is to be looked at: for each report that waits, by its number, and as 0 for its next step."""
    moments = {report.number: report.next_attempt_at for report in reports if report.outcome == "pending"}
    moments[0] = message.next_step_at
    return {what: moment for what, moment in moments.items() if moment is not None}
