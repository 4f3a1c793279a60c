"""Outcomes: states in their time, reports, attempts, retries, and what is noted beside them.

Spec: Delivery Report (DR) CallBack. Reading: R10, R11.
"""

import json
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.plan import Plan, ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.records import Push, PushResult
from cloudsms_simulator.protocol.profile import SPEC

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
URL = "http://127.0.0.1:59999/"
PUSHED = Callback(url=URL)
RETRIED = Callback(url=URL, retries=(SECOND, 10 * SECOND, 30 * SECOND))
ENROUTE_THEN_DELIVERED = plan_of(step(1, SECOND), step(2, 5 * SECOND))

DOWN = PushResult(failure="push-refused", error="127.0.0.1:59999: connection refused")


def account(*steps: Step, callback: Callback = PUSHED) -> Account:
    return Account(plan=plan_of(*steps), callback=callback)


def packets(pushes: list[Push]) -> list[dict[str, object]]:
    return [json.loads(push.body) for push in pushes]


def told(pushes: list[Push]) -> list[tuple[object, object]]:
    """SERIAL and state of each report."""
    return [(packet["SERIAL"], packet["SMS_RESULT_LIST"][0]["SMS_STATE"]) for packet in packets(pushes)]


def rules(findings: object) -> list[str]:
    return [finding.rule for finding in findings]


# States


def test_by_default_one_delivered_is_reported_a_second_after_acceptance(world, noon: datetime) -> None:
    here = world(Account(callback=PUSHED))
    sent = here.send(CUSTOMER_BODY={"order": 1})
    assert here.advance(SECOND - timedelta(microseconds=1)) == []
    assert sent.states == []

    [push] = here.advance(timedelta(microseconds=1))
    assert json.loads(push.body) == {
        "METHOD": "SMS_PUSH_REPORT",
        "TYPE": "REQUEST",
        "SERIAL": 1,
        "TIME": "2026-11-22 12:00:01",
        "REPORT_TIME": "2026-11-22 12:00:01",
        "SOURCE_MSISDN": "CloudSMS",
        "SMS_UID": sent.uid,
        "SMS_RESULT_LIST": [
            {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011", "SMS_STATE": 2, "RESULT_DESC": "DELIVERED"}
        ],
        "CUSTOMER_BODY": {"order": 1},
    }
    assert (push.account, push.uid, push.number, push.serial) == ("default", sent.uid, 1, 1)
    assert (push.at, push.url) == (noon + SECOND, URL)
    assert sent.message.final_at == noon + SECOND
    assert sent.message.settled
    assert here.advance(25 * HOUR) == []


def test_an_intermediate_state_and_the_final_one_are_two_reports_in_their_order(world) -> None:
    here = world(Account(plan=ENROUTE_THEN_DELIVERED, callback=PUSHED))
    sent = here.send()
    pushes = here.advance(HOUR)
    assert told(pushes) == [(1, 1), (2, 2)]
    assert [packet["REPORT_TIME"] for packet in packets(pushes)] == ["2026-11-22 12:00:01", "2026-11-22 12:00:05"]
    assert [(report.id, report.outcome) for report in sent.reports] == [
        (f"{sent.uid}-1", "answered"),
        (f"{sent.uid}-2", "answered"),
    ]


def test_looking_late_reaches_every_state_at_its_own_moment(world, noon: datetime) -> None:
    here = world(Account(plan=ENROUTE_THEN_DELIVERED))
    sent = here.send()
    here.now = noon + HOUR
    here.due()
    assert [(passage.state, passage.at) for passage in sent.message.passages] == [
        (1, noon + SECOND),
        (2, noon + 5 * SECOND),
    ]
    assert [report.reached_at for report in sent.reports] == [noon + SECOND, noon + 5 * SECOND]


def test_looking_twice_does_no_harm(world, noon: datetime) -> None:
    here = world(Account(callback=PUSHED))
    sent = here.send()
    here.now = noon + SECOND
    [push] = here.due()
    assert here.look([sent.uid, sent.uid, "nobody's"]) == []
    here.record(push)
    assert here.due() == []


@pytest.mark.parametrize(
    ("state", "desc"), [(99, "UNKNOWN"), (0, "UNKNOWN"), (2**31, "UNKNOWN"), (7, "UNKNOWN"), (60, "LOCAL_REJECTED")]
)
def test_an_integer_outside_the_table_is_final_and_called_unknown(world, state: int, desc: str) -> None:
    here = world(account(step(state, SECOND)))
    sent = here.send()
    [push] = here.advance(26 * HOUR)
    [item] = json.loads(push.body)["SMS_RESULT_LIST"]
    assert (item["SMS_STATE"], item["RESULT_DESC"]) == (state, desc)
    assert sent.message.final_at is not None


def test_an_integer_that_is_said_to_be_intermediate_is_followed_by_expired(world) -> None:
    here = world(account(Step(99, SECOND, final=False)))
    here.send()
    assert told(here.advance(26 * HOUR)) == [(1, 99), (2, 3)]


def test_a_lost_state_is_reached_and_charged_and_never_pushed(world, noon: datetime) -> None:
    here = world(account(step(2, SECOND, lost=True)))
    sent = here.send()
    assert here.advance(26 * HOUR) == []
    [report] = sent.reports
    assert (report.outcome, report.attempts, report.reached_at) == ("lost", (), noon + SECOND)
    assert (sent.states, sent.message.settled) == ([2], True)
    assert here.balance() == here.accounts[0].balance - sent.message.cost


def test_a_lost_intermediate_state_does_not_hold_up_the_final_one(world) -> None:
    here = world(account(step(1, SECOND, lost=True), step(2, 2 * SECOND)))
    sent = here.send()
    assert told(here.advance(HOUR)) == [(1, 2)]
    assert [report.outcome for report in sent.reports] == ["lost", "answered"]


# Expiry


def test_without_a_final_state_expired_is_reported_at_25_hours(world, noon: datetime) -> None:
    here = world(account(step(1, SECOND)))
    sent = here.send()
    assert told(here.advance(25 * HOUR - timedelta(microseconds=1))) == [(1, 1)]
    [push] = here.advance(timedelta(microseconds=1))
    assert told([push]) == [(2, 3)]
    assert sent.message.final_at == noon + 25 * HOUR
    assert [rules(report.findings) for report in sent.reports] == [[], []]


@pytest.mark.parametrize(
    ("after", "states", "findings"),
    [
        (24 * HOUR, [2], []),
        (24 * HOUR + timedelta(microseconds=1), [2], ["report-late"]),
        (25 * HOUR, [2], ["report-late"]),
        (25 * HOUR + timedelta(microseconds=1), [3], ["report-dropped"]),
    ],
    ids=["at 24 h", "just after 24 h", "at 25 h", "just after 25 h"],
)
def test_a_final_state_is_late_after_24_hours_and_dropped_after_25(
    world, after: timedelta, states: list[int], findings: list[str]
) -> None:
    here = world(account(step(2, after)))
    sent = here.send()
    assert len(here.advance(30 * HOUR)) == 1
    assert sent.states == states
    [report] = sent.reports
    assert rules(report.findings) == findings
    assert all("DELIVERED" in finding.got for finding in report.findings)


def test_a_scripted_expiry_after_24_hours_is_late_too(world) -> None:
    here = world(account(step(3, 24 * HOUR + SECOND)))
    sent = here.send()
    here.advance(30 * HOUR)
    assert rules(sent.reports[0].findings) == ["report-late"]


# Pushes


def test_without_a_callback_the_state_is_reached_charged_and_shown(world) -> None:
    here = world(Account(plan=ENROUTE_THEN_DELIVERED))
    sent = here.send()
    assert here.advance(HOUR) == []
    assert [(report.state, report.outcome, report.attempts) for report in sent.reports] == [
        (1, "no_callback", ()),
        (2, "no_callback", ()),
    ]
    assert sent.message.settled


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_ends_a_report_whatever_the_body(world, status: int) -> None:
    here = world(Account(callback=RETRIED))
    sent = here.send()
    here.customer = lambda _push: PushResult(status, b"<html>")
    assert len(here.advance(HOUR)) == 1
    assert sent.reports[0].outcome == "answered"


@pytest.mark.parametrize(
    ("result", "findings"),
    [
        (PushResult(301), ["push-redirect", "dr-http-status"]),
        (PushResult(307), ["push-redirect", "dr-http-status"]),
        (PushResult(404), ["push-path", "dr-http-status"]),
        (PushResult(405), ["push-path", "dr-http-status"]),
        (PushResult(400, b'{"RESULT_CODE":1}'), ["dr-http-status"]),
        (PushResult(500), ["dr-http-status"]),
        (PushResult(100), ["dr-http-status"]),
        (PushResult(failure="push-timeout", error="no answer within 5 s"), ["push-timeout"]),
        (DOWN, ["push-refused"]),
    ],
    ids=lambda value: str(value.status or value.failure) if isinstance(value, PushResult) else "",
)
def test_everything_else_fails_and_is_not_tried_again_unless_the_account_says_so(
    world, result: PushResult, findings: list[str]
) -> None:
    here = world(Account(callback=PUSHED))
    sent = here.send()
    here.customer = lambda _push: result
    assert len(here.advance(26 * HOUR)) == 1
    [report] = sent.reports
    [attempt] = report.attempts
    assert report.outcome == "failed"
    assert (attempt.status, attempt.error, rules(attempt.findings)) == (result.status, result.error, findings)
    assert sent.message.settled


def test_an_answer_that_is_wrong_leaves_findings_and_causes_no_retry(world) -> None:
    here = world(Account(callback=RETRIED))
    sent = here.send()
    here.customer = lambda _push: PushResult(200, b'{"METHOD":" SMS_PUSH_REPORT","TYPE":"ANSWER","SERIAL":99}')
    assert len(here.advance(HOUR)) == 1
    [attempt] = sent.reports[0].attempts
    assert rules(attempt.findings) == ["dr-answer-serial", "dr-answer-time", "dr-answer-code", "dr-answer-desc"]


def test_an_answer_in_order_leaves_no_finding(world) -> None:
    here = world(Account(callback=PUSHED))
    sent = here.send()
    here.advance(HOUR)
    [attempt] = sent.reports[0].attempts
    assert (attempt.status, attempt.error, attempt.findings) == (200, None, ())


def test_only_the_beginning_of_a_long_answer_is_kept(world) -> None:
    here = world(Account(callback=PUSHED))
    sent = here.send()
    here.customer = lambda _push: PushResult(200, b"x" * 10_000)
    here.advance(HOUR)
    [attempt] = sent.reports[0].attempts
    assert len(attempt.body) == 4096


# Retries


def test_retries_come_at_their_pauses_after_each_failure_with_a_new_serial_and_time(world, noon: datetime) -> None:
    here = world(Account(callback=RETRIED))
    sent = here.send()
    here.customer = lambda _push: DOWN
    pushes = here.advance(26 * HOUR)

    assert [push.at - noon for push in pushes] == [SECOND, 2 * SECOND, 12 * SECOND, 42 * SECOND]
    assert [packet["TIME"][-8:] for packet in packets(pushes)] == ["12:00:01", "12:00:02", "12:00:12", "12:00:42"]
    assert told(pushes) == [(1, 2), (2, 2), (3, 2), (4, 2)]
    assert {(packet["SMS_UID"], packet["REPORT_TIME"]) for packet in packets(pushes)} == {
        (sent.uid, "2026-11-22 12:00:01")
    }
    [report] = sent.reports
    assert (report.outcome, len(report.attempts), report.next_attempt_at) == ("abandoned", 4, None)
    assert sent.message.settled


def test_a_retry_is_due_its_pause_after_the_failure_not_after_the_push(world, noon: datetime) -> None:
    here = world(Account(callback=RETRIED))
    sent = here.send()
    here.now = noon + SECOND
    [push] = here.due()
    here.now = noon + 6 * SECOND
    here.record(push, PushResult(failure="push-timeout", error="no answer within 5 s"))
    assert sent.reports[0].next_attempt_at == noon + 7 * SECOND
    assert here.store.next_wake(here.accounts[0]) == noon + 7 * SECOND


def test_a_retry_that_succeeds_ends_the_report(world) -> None:
    here = world(Account(callback=RETRIED))
    sent = here.send()
    results = iter([DOWN, PushResult(500), PushResult(200)])
    here.customer = lambda _push: next(results)
    assert len(here.advance(26 * HOUR)) == 3
    [report] = sent.reports
    assert (report.outcome, [attempt.status for attempt in report.attempts]) == ("answered", [None, 500, 200])


def test_a_push_whose_answer_is_out_is_not_made_again(world, noon: datetime) -> None:
    here = world(Account(callback=RETRIED))
    here.send()
    here.now = noon + SECOND
    [push] = here.due()
    here.now = noon + HOUR
    assert here.due() == []
    here.record(push)


# Order within one SMS_UID


def test_delivered_waits_while_enroute_is_on_its_way(world, noon: datetime) -> None:
    here = world(Account(plan=ENROUTE_THEN_DELIVERED, callback=PUSHED))
    sent = here.send()
    here.now = noon + SECOND
    [enroute] = here.due()
    here.now = noon + 5 * SECOND
    assert here.due() == []
    assert (sent.states, [report.outcome for report in sent.reports]) == ([1, 2], ["pending", "pending"])

    here.now = noon + 8 * SECOND
    here.record(enroute)
    [delivered] = here.due()
    assert told([enroute, delivered]) == [(1, 1), (2, 2)]
    packet = json.loads(delivered.body)
    assert (packet["REPORT_TIME"], packet["TIME"]) == ("2026-11-22 12:00:05", "2026-11-22 12:00:08")


def test_delivered_waits_until_enroute_is_answered_or_given_up(world, noon: datetime) -> None:
    here = world(Account(plan=ENROUTE_THEN_DELIVERED, callback=RETRIED))
    sent = here.send()
    here.customer = lambda push: DOWN if push.number == 1 else here.answers_well(push)
    pushes = here.advance(26 * HOUR)
    assert told(pushes) == [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2)]
    assert [push.at - noon for push in pushes] == [each * SECOND for each in (1, 2, 12, 42, 42)]
    assert [report.outcome for report in sent.reports] == ["abandoned", "answered"]
    assert sent.message.settled


def test_messages_do_not_wait_for_one_another(world, noon: datetime) -> None:
    here = world(Account(callback=PUSHED))
    sent = here.send((852, "67000011"), (852, "67000012"))
    here.now = noon + SECOND
    assert [push.uid for push in here.due()] == [item["SMS_UID"] for item in sent.items]


# Manners


def reported(options: ReportOptions, callback: Callback = PUSHED) -> Account:
    """An account whose messages are delivered after a second, and reported so."""
    return account(Step(2, SECOND, True, manner=options), callback=callback)


def test_copies_of_a_report_come_one_after_the_other_each_with_its_own_serial(world, noon: datetime) -> None:
    here = world(reported(ReportOptions(copies=3)))
    sent = here.send()
    here.now = noon + SECOND
    [first] = here.due()
    assert here.due() == [], "the second waits for the answer to the first"
    here.now = noon + 2 * SECOND
    here.record(first)
    pushes = [first, *here.advance(HOUR)]
    assert told(pushes) == [(1, 2), (2, 2), (3, 2)]
    assert [push.at - noon for push in pushes] == [SECOND, 2 * SECOND, 2 * SECOND]
    assert len({packet["REPORT_TIME"] for packet in packets(pushes)}) == 1
    [report] = sent.reports
    assert (report.outcome, len(report.attempts), report.next_attempt_at) == ("answered", 3, None)
    assert sent.message.settled


def test_each_copy_has_its_retries(world, noon: datetime) -> None:
    here = world(reported(ReportOptions(copies=2), RETRIED))
    sent = here.send()
    results = iter([DOWN, PushResult(200), DOWN, DOWN, DOWN, DOWN])
    here.customer = lambda _push: next(results)
    pushes = here.advance(HOUR)
    assert [push.at - noon for push in pushes] == [each * SECOND for each in (1, 2, 2, 3, 13, 43)]
    assert sent.reports[0].outcome == "answered", "one copy was"


def test_a_report_that_is_held_is_overtaken_by_the_next_state(world, noon: datetime) -> None:
    here = world(account(Step(1, SECOND, False, manner=ReportOptions(held=10 * SECOND)), step(2, 5 * SECOND)))
    sent = here.send()
    pushes = here.advance(HOUR)
    assert told(pushes) == [(1, 2), (2, 1)]
    assert [push.at - noon for push in pushes] == [5 * SECOND, 11 * SECOND]
    assert [packet["REPORT_TIME"][-8:] for packet in packets(pushes)] == ["12:00:05", "12:00:01"]
    assert (sent.states, sent.message.settled) == ([1, 2], True)


def test_a_message_is_not_done_while_a_report_of_it_is_held(world, noon: datetime) -> None:
    here = world(reported(ReportOptions(held=HOUR)))
    sent = here.send()
    assert here.advance(HOUR) == []
    assert (sent.states, sent.message.settled, sent.reports[0].outcome) == ([2], False, "pending")
    assert len(here.advance(SECOND)) == 1
    assert sent.message.settled


def test_a_held_report_waits_for_the_push_it_would_overlap(world, noon: datetime) -> None:
    here = world(account(Step(1, SECOND, False, manner=ReportOptions(held=5 * SECOND)), step(2, 5 * SECOND)))
    here.send()
    here.now = noon + 5 * SECOND
    [delivered] = here.due()
    here.now = noon + 6 * SECOND
    assert here.due() == []
    here.now = noon + 8 * SECOND
    here.record(delivered)
    assert told([delivered, *here.due()]) == [(1, 2), (2, 1)]


def test_a_scripted_serial_takes_the_place_of_the_accounts_next_one_and_uses_none_up(world) -> None:
    here = world(account(Step(1, SECOND, False, manner=ReportOptions(serial=999)), step(2, 2 * SECOND)))
    sent = here.send()
    pushes = here.advance(HOUR)
    assert told(pushes) == [(999, 1), (1, 2)]
    assert [report.attempts[0].findings for report in sent.reports] == [(), ()], "it was echoed"


def test_a_report_says_what_its_manner_says_and_customer_body_stays_byte_for_byte(world) -> None:
    options = ReportOptions(
        uid_case="lower", desc="Done", omit=frozenset({"REPORT_TIME"}), extra=(("OPERATOR", b'"CMHK"'),)
    )
    here = world(reported(options))
    here.receive(here.packet(CUSTOMER_BODY="*").replace(b'"*"', b'{"n" : 1.0}'))
    [message] = here.store.messages(here.accounts[0])
    [push] = here.advance(HOUR)
    packet = json.loads(push.body)
    assert (packet["SMS_UID"], packet["OPERATOR"]) == (message.uid.lower(), "CMHK")
    assert packet["SMS_RESULT_LIST"][0]["RESULT_DESC"] == "Done"
    assert "REPORT_TIME" not in packet
    assert b'"CUSTOMER_BODY":{"n" : 1.0}' in push.body
    [report] = here.store.reports_of(here.accounts[0], message.uid)
    assert report.attempts[0].request == push.body, "what was sent is kept"


def test_a_push_goes_wrong_as_often_as_scripted_and_the_attempt_says_so(world) -> None:
    here = world(reported(ReportOptions(fault=PushFault.CUT, fault_times=2), RETRIED))
    sent = here.send()
    here.customer = lambda push: here.answers_well(push) if push.fault is None else DOWN
    pushes = here.advance(HOUR)
    assert [push.fault for push in pushes] == [PushFault.CUT, PushFault.CUT, None]
    [report] = sent.reports
    assert [attempt.fault for attempt in report.attempts] == [PushFault.CUT, PushFault.CUT, None]
    assert report.outcome == "answered"


def test_nobody_is_to_blame_for_his_answer_to_what_was_no_report(world) -> None:
    here = world(reported(ReportOptions(fault=PushFault.MALFORMED)))
    sent = here.send()
    here.customer = lambda _push: PushResult(400, b"what?")
    here.advance(HOUR)
    [attempt] = sent.reports[0].attempts
    assert (attempt.status, attempt.findings, sent.reports[0].outcome) == (400, (), "failed")


# Numbers


@pytest.mark.parametrize("wrap", [128, 65535])
def test_serial_counts_pushes_of_the_account_and_starts_again_after_the_wrap(world, wrap: int) -> None:
    profile = msgspec.structs.replace(SPEC, dr_serial_wrap=wrap)
    here = world(Account(profile=profile, callback=PUSHED))
    here.send(*[(852, "67000011")] * 130)
    serials = [push.serial for push in here.advance(HOUR)]
    assert serials == ([*range(1, 129), 1, 2] if wrap == 128 else [*range(1, 131)])


def test_each_account_counts_its_own_serials(world) -> None:
    shop = Account(name="shop", auth_key="shop", callback=PUSHED)
    bank = Account(name="bank", auth_key="bank", callback=PUSHED)
    here = world(shop, bank)
    for each in (shop, shop, bank):
        here.send(account=each)
    here.now += SECOND
    assert [push.serial for push in (*here.due(shop), *here.due(bank))] == [1, 2, 1]


def test_auth_key_goes_along_only_if_the_profile_says_so(world) -> None:
    keyed = Account(profile=msgspec.structs.replace(SPEC, dr_auth_key=True), callback=PUSHED)
    here = world(keyed)
    here.send()
    [push] = here.advance(HOUR)
    assert list(json.loads(push.body))[:3] == ["METHOD", "AUTH_KEY", "TYPE"]
    assert json.loads(push.body)["AUTH_KEY"] == keyed.auth_key


@pytest.mark.parametrize(
    "customer_body", [b"{}", b'{"b" : 1.0,"a":[1e400, 0.10],  "c":"\\u4e2d\\/"}', '{"名":"值"}'.encode()]
)
def test_customer_body_comes_back_byte_for_byte(world, customer_body: bytes) -> None:
    here = world(Account(callback=PUSHED))
    here.receive(here.packet(CUSTOMER_BODY="*").replace(b'"*"', customer_body))
    [push] = here.advance(HOUR)
    assert push.body.endswith(b',"CUSTOMER_BODY":' + customer_body + b"}")


@pytest.mark.parametrize("fields", [{}, {"CUSTOMER_BODY": None}])
def test_no_customer_body_stays_none(world, fields: dict[str, object]) -> None:
    here = world(Account(callback=PUSHED))
    here.send(**fields)
    [push] = here.advance(HOUR)
    assert "CUSTOMER_BODY" not in json.loads(push.body)


# Whatever happens

report_options = st.builds(
    ReportOptions,
    copies=st.integers(1, 3),
    held=st.sampled_from([timedelta(0), SECOND, HOUR]),
    fault=st.sampled_from([None, PushFault.CUT]),
)
steps = st.builds(
    Step, st.sampled_from([1, 2, 3, 8, 9, 99]), st.timedeltas(timedelta(0), 27 * HOUR), st.booleans(), st.booleans()
)


@given(
    plan=st.builds(lambda planned: plan_of(*planned), st.lists(steps, max_size=4)),
    pauses=st.lists(st.timedeltas(timedelta(0), 2 * HOUR), max_size=3),
    statuses=st.lists(st.sampled_from([200, 500, None]), min_size=1, max_size=8),
)
def test_every_message_gets_exactly_one_final_report_or_a_stated_reason_why_not(
    world, plan: Plan, pauses: list[timedelta], statuses: list[int | None]
) -> None:
    here = world(Account(plan=plan, callback=Callback(url=URL, retries=tuple(pauses))))
    sent = here.send()
    answers = iter(statuses * 20)
    here.customer = lambda _push: DOWN if (status := next(answers)) is None else PushResult(status)
    pushes = here.advance(100 * HOUR)

    assert sent.message.settled
    assert sent.states == [each.state for each in plan.steps]
    assert len(sent.reports) == len(plan.steps)
    for report, planned in zip(sent.reports, plan.steps, strict=True):
        assert (report.outcome == "lost") is planned.lost
        assert report.outcome != "pending"
        succeeded = [attempt.succeeded for attempt in report.attempts]
        assert succeeded == [False] * (len(succeeded) - 1) + [report.outcome == "answered"] * bool(succeeded)
    assert [push.number for push in pushes] == sorted(push.number for push in pushes)
    assert [push.at for push in pushes] == sorted(push.at for push in pushes)
    assert [push.serial for push in pushes] == list(range(1, len(pushes) + 1))
    assert here.store.standing(here.accounts[0]).outstanding == 0


@given(
    planned=st.lists(st.tuples(steps, st.none() | report_options), max_size=4),
    pauses=st.lists(st.timedeltas(timedelta(0), 2 * HOUR), max_size=2),
    statuses=st.lists(st.sampled_from([200, 500, None]), min_size=1, max_size=8),
)
def test_every_report_is_settled_in_the_end_whatever_its_manner(
    world, planned: list[tuple[Step, ReportOptions | None]], pauses: list[timedelta], statuses: list[int | None]
) -> None:
    reported = [each if each.lost else msgspec.structs.replace(each, manner=options) for each, options in planned]
    here = world(Account(plan=plan_of(*reported), callback=Callback(url=URL, retries=tuple(pauses))))
    sent = here.send()
    answers = iter(statuses * 50)
    here.customer = lambda _push: DOWN if (status := next(answers)) is None else PushResult(status)
    pushes = here.advance(200 * HOUR)

    assert sent.message.settled
    assert here.store.standing(here.accounts[0]).outstanding == 0
    for report, step_of_it in zip(sent.reports, sent.message.plan.steps, strict=True):
        options = step_of_it.manner or ReportOptions()
        answered = sum(attempt.succeeded for attempt in report.attempts)
        most = options.copies * (1 + len(pauses))
        assert (report.outcome == "lost") is step_of_it.lost
        assert report.outcome != "pending"
        assert step_of_it.lost or options.copies <= len(report.attempts) <= most
        assert (report.outcome == "answered") is (answered > 0)
        assert not report.attempts or report.attempts[0].at >= report.reached_at + options.held
    assert [push.at for push in pushes] == sorted(push.at for push in pushes)
    assert [push.serial for push in pushes] == [(number - 1) % 128 + 1 for number in range(1, len(pushes) + 1)]
