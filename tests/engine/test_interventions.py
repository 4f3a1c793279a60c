"""Interventions: a state forced on a message, and a report pushed once more. Reading: R25."""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.delivery import Conflict, ForceRequest, ForceResult
from cloudsms_simulator.engine.plan import EXPIRED_AT_LAST, ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.records import PushResult, Report

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NOTHING = timedelta(0)
URL = "http://127.0.0.1:59999/"
OUT = PushResult(failure="push-refused", error="connection refused")


def pushed(*steps: Step, retries: tuple[timedelta, ...] = (), **account: object) -> Account:
    """An account with a callback, and these steps in its plan."""
    plan = plan_of(*steps) if steps else plan_of(step(2, SECOND))
    return Account(callback=Callback(url=URL, retries=retries), plan=plan, **account)


def force(here, uid: str, state: int, after: timedelta = NOTHING, **asked: bool) -> ForceResult | Conflict:
    """Forces a state, final unless said otherwise, and keeps that."""
    request = ForceRequest(state, after, asked.pop("final", True), **asked)
    forced: ForceResult | Conflict = here.step(
        lambda transaction: here.platform.force(transaction, uid, request, here.now), uid
    )
    return forced


def resend(here, uid: str, number: int = 1) -> Report | Conflict:
    report: Report | Conflict = here.step(
        lambda transaction: here.platform.resend(transaction, uid, number, here.now), uid
    )
    return report


def states_in(pushes: list[object]) -> list[int]:
    return [json.loads(push.body)["SMS_RESULT_LIST"][0]["SMS_STATE"] for push in pushes]


# Forcing


def test_a_final_state_takes_the_place_of_all_that_was_planned(world) -> None:
    here = world(pushed(step(1, SECOND), step(2, HOUR)))
    sent = here.send()
    assert force(here, sent.uid, 5, 3 * SECOND) == ForceResult(5, True, here.now + 3 * SECOND, 1)
    assert here.store.next_wake(here.accounts[0]) == here.now + 3 * SECOND
    assert states_in(here.advance(48 * HOUR)) == [5]
    assert (sent.states, sent.message.settled) == ([5], True)


def test_what_was_reached_stays_reached(world) -> None:
    here = world(pushed(step(1, SECOND), step(2, HOUR)))
    sent = here.send()
    here.advance(SECOND)
    assert force(here, sent.uid, 4) == ForceResult(4, True, here.now, 2)
    assert states_in(here.advance(NOTHING)) == [4]
    assert sent.states == [1, 4]
    assert here.store.next_wake(here.accounts[0]) is None, "nothing waits for the hour any more"


def test_another_state_comes_in_between(world) -> None:
    here = world(pushed(step(2, HOUR)))
    sent = here.send()
    assert force(here, sent.uid, 1, SECOND, final=False) == ForceResult(1, False, here.now + SECOND, 1)
    assert force(here, sent.uid, 9, 2 * SECOND, final=False) == ForceResult(9, False, here.now + 2 * SECOND, 2)
    assert force(here, sent.uid, 99, HOUR, final=False) == ForceResult(99, False, here.now + HOUR, 3)
    assert states_in(here.advance(HOUR)) == [1, 9, 99, 2]


def test_a_message_that_will_expire_expires_later_than_what_is_forced(world) -> None:
    here = world(pushed(step(1, SECOND)))
    sent = here.send()
    force(here, sent.uid, 9, 2 * SECOND, final=False)
    assert sent.message.plan.steps[-1] == EXPIRED_AT_LAST
    assert states_in(here.advance(26 * HOUR)) == [1, 9, 3]


def test_a_final_state_after_the_expiry_is_dropped_and_the_message_expires(world) -> None:
    here = world(pushed())
    sent = here.send()
    assert force(here, sent.uid, 2, 25 * HOUR + SECOND) == ForceResult(2, True, here.now + 25 * HOUR + SECOND, None)
    assert states_in(here.advance(48 * HOUR)) == [3]
    assert [finding.rule for finding in sent.reports[0].findings] == ["report-dropped"]
    late = here.send()
    force(here, late.uid, 2, 25 * HOUR)
    assert states_in(here.advance(48 * HOUR)) == [2]
    assert [finding.rule for finding in late.reports[0].findings] == ["report-late"]


def test_what_would_come_after_a_final_state_is_a_conflict_and_changes_nothing(world) -> None:
    here = world(pushed())
    sent = here.send()
    before = sent.message
    assert isinstance(force(here, sent.uid, 1, HOUR, final=False), Conflict)
    assert sent.message is before
    assert force(here, sent.uid, 1, SECOND, final=False) == ForceResult(1, False, here.now + SECOND, 1)
    assert states_in(here.advance(SECOND)) == [1, 2], "at the same moment it comes first"


@pytest.mark.parametrize("state", [8, 60])
def test_money_comes_back_once_when_an_uncharged_state_is_forced(world, state: int) -> None:
    here = world(pushed(step(8, HOUR)))
    sent = here.send()
    force(here, sent.uid, state, SECOND)
    assert here.balance() == Decimal("999.95")
    here.advance(2 * HOUR)
    assert here.balance() == Decimal(1000)
    assert [entry.reason for entry in here.ledger()] == ["opening", "debit", "refund"]
    force(here, sent.uid, 8, again=True)
    here.advance(HOUR)
    assert len(here.ledger()) == 3


def test_a_message_never_has_two_final_states(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND)
    conflict = force(here, sent.uid, 8)
    assert isinstance(conflict, Conflict)
    assert conflict.why.startswith(f"message {sent.uid} is DELIVERED since ")
    assert (sent.states, here.advance(48 * HOUR)) == ([2], [])


def test_a_further_report_changes_neither_the_state_nor_money(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND)
    assert force(here, sent.uid, 8, SECOND, again=True) == ForceResult(8, True, here.now + SECOND, 2)
    assert (here.store.standing(here.accounts[0]).outstanding, sent.message.settled) == (1, False)
    assert here.advance(SECOND / 2) == []
    assert states_in(here.advance(SECOND)) == [8]
    assert (sent.states, sent.message.refunded, here.balance()) == ([2], False, Decimal("999.95"))
    assert (sent.message.final_at, sent.message.settled) == (sent.message.passages[0].at, True)
    assert [(report.number, report.state, report.outcome) for report in sent.reports] == [
        (1, 2, "answered"),
        (2, 8, "answered"),
    ]
    assert sent.reports[1].reached_at == sent.reports[1].attempts[0].at
    assert force(here, sent.uid, 1, final=False, again=True) == ForceResult(1, False, here.now, 3)
    assert states_in(here.advance(NOTHING)) == [1]


def test_asked_to_report_again_a_message_without_a_final_state_gets_one(world) -> None:
    here = world(pushed())
    sent = here.send()
    assert force(here, sent.uid, 5, again=True) == ForceResult(5, True, here.now, 1)
    here.advance(NOTHING)
    assert sent.states == [5]


def test_a_forced_state_waits_for_the_answer_too(world) -> None:
    here = world(pushed(step(2, SECOND)))
    reply = here.receive(here.packet(), answered=False)
    uid = json.loads(reply.body)["DETAIL_LIST"][0]["SMS_UID"]
    force(here, uid, 5)
    assert here.store.next_wake(here.accounts[0]) is None
    assert here.advance(HOUR) == []
    here.release(reply, here.accounts[0])
    assert states_in(here.advance(NOTHING)) == [5]
    assert here.store.next_wake(here.accounts[0]) is None


def test_others_of_a_batch_that_waits_for_its_answer_keep_their_time(world) -> None:
    here = world(pushed(step(2, SECOND)))
    reply = here.receive(here.packet(*[(852, f"6700001{n}") for n in range(3)]), answered=False)
    first, second, third = (item["SMS_UID"] for item in json.loads(reply.body)["DETAIL_LIST"])
    force(here, second, 5, HOUR)
    here.release(reply, here.accounts[0])
    assert [push.uid for push in here.advance(SECOND)] == [first, third]
    assert [push.uid for push in here.advance(HOUR)] == [second]


def test_others_of_a_batch_that_are_due_at_the_same_moment_keep_their_time(world) -> None:
    here = world(pushed(step(2, SECOND)))
    sent = here.send(*[(852, f"6700001{n}") for n in range(3)])
    first, second, third = (item["SMS_UID"] for item in sent.items)
    force(here, second, 5, HOUR)
    assert [push.uid for push in here.advance(SECOND)] == [first, third]
    assert [push.uid for push in here.advance(HOUR)] == [second]


def test_a_report_before_the_answer_goes_on_as_forced(world) -> None:
    before = Step(1, NOTHING, False, manner=ReportOptions(before_answer=True))
    here = world(pushed(before, step(2, HOUR)))
    reply = here.receive(here.packet(), answered=False)
    here.release(reply, here.accounts[0], reply.before)
    assert states_in(here.advance(NOTHING)) == [1]
    assert force(here, reply.before[0], 5) == ForceResult(5, True, here.now, 2)
    assert here.advance(HOUR) == []
    here.release(reply, here.accounts[0])
    assert states_in(here.advance(NOTHING)) == [5]
    assert here.store.next_wake(here.accounts[0]) is None


def test_a_forced_state_is_told_from_planned_ones(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND / 2)
    force(here, sent.uid, 5)
    assert [each.forced_at for each in sent.message.plan.steps] == [here.now]


def test_a_forced_report_waits_behind_a_push_that_is_on_the_way(world) -> None:
    here = world(pushed(step(1, SECOND), step(2, HOUR)))
    sent = here.send()
    here.now += SECOND
    [push] = here.due()
    force(here, sent.uid, 5)
    assert here.due() == []
    assert sent.states == [1, 5], "it is reached in time all the same"
    here.record(push)
    assert states_in(here.due()) == [5]


# Resending


@pytest.mark.parametrize("result", [None, OUT])
@pytest.mark.parametrize("retries", [(), (SECOND,)])
def test_a_report_that_is_done_is_pushed_once_more_and_not_tried_again(
    world, result: PushResult | None, retries: tuple[timedelta, ...]
) -> None:
    here = world(pushed(retries=retries))
    here.customer = lambda push: result or here.answers_well(push)
    sent = here.send()
    here.advance(HOUR)
    before = sent.reports[0]
    standing = here.store.standing(here.accounts[0])
    assert resend(here, sent.uid) == msgspec.structs.replace(
        before, outcome="pending", next_attempt_at=here.now, resend=True
    )
    assert here.store.standing(here.accounts[0]).outstanding == 1
    here.customer = lambda _push: OUT
    [push] = here.advance(HOUR)
    report = sent.reports[0]
    assert (report.outcome, report.resend, report.next_attempt_at) == (before.outcome, False, None)
    assert report.attempts[:-1] == before.attempts
    assert (report.attempts[-1].resent, report.attempts[-1].serial) == (True, push.serial)
    assert push.serial == standing.dr_serial + 1
    told = here.store.standing(here.accounts[0])
    assert (told.outstanding, told.balance) == (standing.outstanding, standing.balance)


def test_a_report_that_failed_is_answered_when_it_is_pushed_once_more(world) -> None:
    here = world(pushed())
    here.customer = lambda _push: OUT
    sent = here.send()
    here.advance(SECOND)
    here.customer = here.answers_well
    for _ in range(2):
        resend(here, sent.uid)
        [push] = here.advance(SECOND)
        packet = json.loads(push.body)
        assert (packet["SMS_UID"], packet["REPORT_TIME"]) == (sent.uid, "2026-11-22 12:00:01")
        assert sent.reports[0].outcome == "answered"
    assert [attempt.resent for attempt in sent.reports[0].attempts] == [False, True, True]


def test_a_lost_report_can_be_pushed_by_hand(world) -> None:
    here = world(pushed(step(2, SECOND, lost=True), retries=(SECOND,)))
    here.customer = lambda _push: OUT
    sent = here.send()
    here.advance(SECOND)
    assert sent.reports[0].outcome == "lost"
    resend(here, sent.uid)
    here.advance(SECOND)
    assert (sent.reports[0].outcome, len(sent.reports[0].attempts)) == ("failed", 1), "no retry was ever made"


def test_a_report_is_pushed_by_hand_as_soon_as_there_is_a_callback(world) -> None:
    here = world(Account(plan=plan_of(step(2, SECOND))))
    sent = here.send()
    here.advance(SECOND)
    assert isinstance(resend(here, sent.uid), Conflict)
    here.replace(pushed())
    resend(here, sent.uid)
    assert states_in(here.advance(NOTHING)) == [2]


def test_an_answered_report_stays_answered_when_the_callback_is_gone(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND)
    resend(here, sent.uid)
    here.replace(Account())
    assert here.advance(NOTHING) == []
    assert (sent.reports[0].outcome, sent.reports[0].resend, sent.message.settled) == ("answered", False, True)


def test_a_report_that_was_answered_at_the_second_try_stays_answered_when_the_callback_is_gone(world) -> None:
    here = world(pushed(retries=(SECOND,)))
    answers = iter([PushResult(503, b""), PushResult(200, b"")])
    here.customer = lambda _push: next(answers)
    sent = here.send()
    here.advance(SECOND)
    here.advance(SECOND)
    assert (sent.reports[0].outcome, len(sent.reports[0].attempts)) == ("answered", 2)
    resend(here, sent.uid)
    here.replace(Account())
    assert here.advance(NOTHING) == []
    assert (sent.reports[0].outcome, sent.reports[0].resend, sent.message.settled) == ("answered", False, True)


def test_a_report_that_waits_for_a_retry_is_tried_at_once_and_goes_on_from_there(world) -> None:
    here = world(pushed(retries=(HOUR, HOUR)))
    here.customer = lambda _push: OUT
    sent = here.send()
    here.advance(SECOND)
    assert not resend(here, sent.uid).resend
    assert here.store.next_wake(here.accounts[0]) == here.now
    assert len(here.advance(NOTHING)) == 1
    assert here.store.next_wake(here.accounts[0]) == here.now + HOUR
    assert len(here.advance(48 * HOUR)) == 1
    assert (sent.reports[0].outcome, len(sent.reports[0].attempts)) == ("abandoned", 3)


def test_a_report_that_is_held_is_pushed_at_once(world) -> None:
    here = world(pushed(Step(2, SECOND, True, manner=ReportOptions(held=HOUR, serial=77))))
    sent = here.send()
    here.advance(SECOND)
    resend(here, sent.uid)
    assert [push.serial for push in here.advance(48 * HOUR)] == [77], "a SERIAL that is scripted stays"


def test_what_is_on_the_way_or_due_is_not_pushed_once_more(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND)
    resend(here, sent.uid)
    conflict = resend(here, sent.uid)
    assert conflict == Conflict(f"report {sent.uid}-1 is due already, and pushed in its turn")
    [push] = here.due()
    conflict = resend(here, sent.uid)
    assert conflict == Conflict(f"a push of report {sent.uid}-1 is on the way; wait until it ended")
    here.record(push)
    assert isinstance(resend(here, sent.uid), Report)


def test_a_further_report_is_not_pushed_before_its_time(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND)
    force(here, sent.uid, 8, HOUR, again=True)
    conflict = resend(here, sent.uid, 2)
    assert conflict == Conflict(f"the state of report {sent.uid}-2 is not reached before 2026-11-22T13:00:01+08:00")


def test_an_earlier_report_that_is_pushed_once_more_overlaps_with_no_other(world) -> None:
    here = world(pushed(step(1, SECOND), step(2, 2 * SECOND), retries=(HOUR,)))
    sent = here.send()
    here.advance(SECOND)
    here.now += SECOND
    [second] = here.due()
    resend(here, sent.uid, 1)
    assert here.due() == []
    here.record(second, OUT)
    [first] = here.due()
    assert (first.number, here.due()) == (1, [])
    here.record(first)
    assert here.due() == []
    assert states_in(here.advance(HOUR)) == [2]
    assert sent.message.settled


def waiting_behind_a_retry(world):
    """A message whose second report is due, and waits until the first has had its retry an hour later."""
    here = world(pushed(step(1, SECOND), step(2, 48 * HOUR), retries=(HOUR,)))
    here.customer = lambda _push: OUT
    sent = here.send()
    here.advance(SECOND)
    force(here, sent.uid, 1, final=False)
    assert here.advance(NOTHING) == []
    return here, sent


def test_a_report_is_pushed_at_once_though_another_waits_behind_it_since_the_same_moment(world) -> None:
    here, sent = waiting_behind_a_retry(world)
    assert isinstance(resend(here, sent.uid, 1), Report)
    assert [push.number for push in here.advance(NOTHING)] == [1, 2]


def test_a_state_is_reached_at_once_though_a_report_waits_since_the_same_moment(world) -> None:
    here, sent = waiting_behind_a_retry(world)
    force(here, sent.uid, 5)
    assert here.advance(NOTHING) == []
    assert sent.states == [1, 1, 5]
    assert [push.number for push in here.advance(3 * HOUR)] == [1, 2, 2, 3, 3]


def test_a_message_that_has_something_left_to_do_again_is_not_evicted(world) -> None:
    here = world(pushed(step(2, SECOND)), most_messages=2)
    batch = here.send((852, "67000011"), (852, "67000012"))
    first, second = (item["SMS_UID"] for item in batch.items)
    here.now += SECOND
    pushes = {push.uid: push for push in here.due()}
    here.send()  # the batch ought to go, but has something left to do
    here.record(pushes[first])
    force(here, first, 8, HOUR, again=True)
    here.record(pushes[second])
    assert here.store.message(here.accounts[0], first) is not None
    assert states_in(here.advance(2 * HOUR)) == [2, 8]
    assert here.store.message(here.accounts[0], first) is None
    standing = here.store.standing(here.accounts[0])
    assert (standing.outstanding, here.store.messages(here.accounts[0]).total) == (0, 1)


def test_nothing_that_was_asked_for_survives_a_reset(world) -> None:
    here = world(pushed())
    sent = here.send()
    here.advance(SECOND)
    resend(here, sent.uid)
    force(here, sent.uid, 8, HOUR, again=True)
    here.reset()
    assert here.advance(48 * HOUR) == []
    assert here.store.standing(here.accounts[0]).outstanding == 0
