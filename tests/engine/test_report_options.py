"""How a report is pushed when a scenario has its say.

Spec: Delivery Report (DR) CallBack. Reading: R11, R22.
"""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.delivery import (
    PLAIN_REPORT,
    after_attempt,
    altered_body,
    due_report,
    fair_findings,
    fault_of,
    first_due,
    report_options_of,
    wakes_after,
)
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.plan import ReportOptions, plan_of, step
from cloudsms_simulator.engine.records import Attempt, Message, Report, Sending
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.delivery_report import audit
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.segmentation import segment
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
SECOND = timedelta(seconds=1)
RETRIES = (SECOND, 10 * SECOND)
BODY = b'{"SERIAL":7,"SMS_UID":"5A3X","SMS_RESULT_LIST":[{"SMS_STATE":2}],"CUSTOMER_BODY":{ "n": 0.10 }}'


def message(*options: ReportOptions | None) -> Message:
    """One of as many steps, a second apart, the last of them DELIVERED and the others ENROUTE."""
    last = len(options)
    steps = (step(2 if number == last else 1, number * SECOND) for number in range(1, last + 1))
    planned = (msgspec.structs.replace(each, manner=chosen) for each, chosen in zip(steps, options, strict=True))
    sending = Sending(
        1,
        "default",
        "uip",
        NOON,
        None,
        (),
        200,
        ResultCode.OK,
        b"",
        None,
        None,
        "UID",
        serial=7,
        route_id="VerifyCode_516",
        source="CloudSMS",
        segmentation=segment("hi", "table"),
        currency="USD",
        profile=SPEC,
        kept_text="hi",
    )
    return Message("UID", sending, 852, "67000011", Decimal(0), plan_of(*planned))


def report(number: int = 1, due: timedelta | None = SECOND, **fields: object) -> Report:
    """One that is pending, due so long after noon; None: its push is running."""
    at = None if due is None else NOON + due
    return msgspec.structs.replace(Report("UID", number, "default", 1, NOON, "pending", at), **fields)


def attempt(succeeded: bool) -> Attempt:
    return Attempt(1, NOON, "http://localhost/", b"", 200 if succeeded else 500)


# When


def test_a_report_is_due_when_its_state_is_reached_unless_it_is_held() -> None:
    assert first_due(NOON, PLAIN_REPORT) == NOON
    assert first_due(NOON, ReportOptions(held=5 * SECOND)) == NOON + 5 * SECOND


def test_a_report_has_the_manner_of_its_step() -> None:
    twice = ReportOptions(copies=2)

    assert [report_options_of(message(None, twice), number) for number in (1, 2)] == [PLAIN_REPORT, twice]


def test_the_first_report_that_is_due_is_pushed() -> None:
    first, second = report(1), report(2, 2 * SECOND)

    due = [due_report(message(None, None), (first, second), NOON + n * SECOND) for n in range(3)]

    assert due == [None, first, first]
    answered = msgspec.structs.replace(first, outcome="answered", next_attempt_at=None)
    assert due_report(message(None, None), (answered, second), NOON + 2 * SECOND) == second


def test_a_report_that_waits_for_a_retry_stands_in_the_way_of_later_ones() -> None:
    waiting = report(1, 9 * SECOND, attempts=(attempt(False),))

    assert due_report(message(None, None), (waiting, report(2, 2 * SECOND)), NOON + 3 * SECOND) is None


def test_a_report_that_is_held_lets_later_ones_pass_until_its_time_comes() -> None:
    scripted = message(ReportOptions(held=5 * SECOND), None)
    held, later = report(1, 6 * SECOND), report(2, 2 * SECOND)

    due = [due_report(scripted, (held, later), NOON + n * SECOND) for n in (1, 2, 6)]

    assert due == [None, later, held]


def test_with_nothing_to_push_or_everything_held_nothing_is_due() -> None:
    scripted = message(ReportOptions(held=5 * SECOND), ReportOptions(held=3 * SECOND))

    assert due_report(scripted, (), NOON) is None
    assert due_report(scripted, (report(1, 6 * SECOND), report(2, 5 * SECOND)), NOON) is None


def test_a_report_that_was_held_and_waits_for_a_retry_stands_in_the_way_like_any_other() -> None:
    scripted = message(ReportOptions(held=5 * SECOND), None)
    waiting = report(1, 16 * SECOND, attempts=(attempt(False),))

    assert due_report(scripted, (waiting, report(2, 7 * SECOND)), NOON + 8 * SECOND) is None


@pytest.mark.parametrize("running", [1, 2])
def test_pushes_of_one_message_never_overlap_whichever_began(running: int) -> None:
    scripted = message(ReportOptions(held=5 * SECOND), None)
    reports = tuple(report(number, None if number == running else SECOND) for number in (1, 2))

    assert due_report(scripted, reports, NOON + timedelta(hours=1)) is None


def test_a_message_is_looked_at_again_as_soon_as_each_pending_report_is_due() -> None:
    reports = (
        report(1, None, outcome="answered"),
        report(2, 9 * SECOND),
        report(3, SECOND),
        report(4, None),
        report(5, None, outcome="lost"),
    )

    assert wakes_after(reports, NOON + 3 * SECOND) == (NOON + 9 * SECOND, NOON + 3 * SECOND)


# How often


@pytest.mark.parametrize(
    ("copies", "retries", "attempts", "after"),
    [
        (1, (), "+", ("answered", None)),
        (1, (), "-", ("failed", None)),
        (1, RETRIES, "+", ("answered", None)),
        (1, RETRIES, "-", ("pending", NOON + SECOND)),
        (1, RETRIES, "--", ("pending", NOON + 10 * SECOND)),
        (1, RETRIES, "---", ("abandoned", None)),
        (1, RETRIES, "--+", ("answered", None)),
        (2, (), "+", ("pending", NOON)),
        (2, (), "++", ("answered", None)),
        (2, (), "-", ("pending", NOON)),
        (2, (), "+-", ("answered", None)),
        (2, (), "-+", ("answered", None)),
        (2, (), "--", ("failed", None)),
        (2, RETRIES, "-+", ("pending", NOON)),
        (2, RETRIES, "-+-", ("pending", NOON + SECOND)),
        (2, RETRIES, "---", ("pending", NOON)),
        (2, RETRIES, "------", ("abandoned", None)),
        (3, (), "++", ("pending", NOON)),
    ],
)
def test_each_copy_is_pushed_until_it_is_answered_or_given_up_and_then_the_next(
    copies: int, retries: tuple[timedelta, ...], attempts: str, after: tuple[str, datetime | None]
) -> None:
    made = [attempt(sign == "+") for sign in attempts]

    assert after_attempt(made, ReportOptions(copies=copies), retries, NOON) == after


@given(st.integers(1, 5), st.integers(0, 3), st.lists(st.booleans(), min_size=20, max_size=20))
def test_a_report_ends_after_as_many_copies_and_not_before(copies: int, retries: int, answers: list[bool]) -> None:
    made: list[Attempt] = []
    outcome = "pending"
    while outcome == "pending":
        made.append(attempt(answers[len(made)]))
        outcome, again = after_attempt(made, ReportOptions(copies=copies), (SECOND,) * retries, NOON)
        assert (again is None) == (outcome != "pending")
    assert copies <= len(made) <= copies * (retries + 1)
    assert sum(each.succeeded for each in made) <= copies
    assert (outcome == "answered") == any(each.succeeded for each in made)


def test_the_first_attempts_go_wrong_and_the_others_do_not() -> None:
    assert [fault_of(PLAIN_REPORT, made) for made in range(2)] == [None, None]
    twice = ReportOptions(fault=PushFault.CUT, fault_times=2)
    assert [fault_of(twice, made) for made in range(4)] == [PushFault.CUT, PushFault.CUT, None, None]


# In which words


def test_a_plain_body_stays_as_it_is() -> None:
    assert altered_body(BODY, PLAIN_REPORT) is BODY
    assert altered_body(BODY, ReportOptions(copies=2, held=SECOND, fault=PushFault.SLOW)) == BODY


def test_a_body_is_altered_in_everything_the_manner_says() -> None:
    options = ReportOptions(
        serial=9, uid_case="lower", desc="Sent", omit=frozenset({"SMS_STATE"}), extra=(("COST", b'"0.10"'),)
    )

    assert altered_body(BODY, options) == (
        b'{"SERIAL":9,"SMS_UID":"5a3x","SMS_RESULT_LIST":[{"RESULT_DESC":"Sent"}],'
        b'"CUSTOMER_BODY":{ "n": 0.10 },"COST":"0.10"}'
    )


# Whose fault


def test_what_is_no_report_need_not_be_answered_like_one() -> None:
    findings = audit(7, 400, b"")

    assert [finding.rule for finding in findings] == ["dr-http-status"]
    assert fair_findings(findings, PLAIN_REPORT, PushFault.MALFORMED) == ()
    assert fair_findings(findings, PLAIN_REPORT, PushFault.SLOW) == findings


def test_a_push_that_broke_off_is_told_of_even_so() -> None:
    broken = (found("push-failed", "callback", Told("cut"), "an answer"),)

    assert fair_findings(broken, PLAIN_REPORT, PushFault.MALFORMED) == broken


@pytest.mark.parametrize(
    "options", [ReportOptions(omit=frozenset({"SERIAL"})), ReportOptions(extra=(("SERIAL", b'"7"'),))]
)
def test_a_serial_that_cannot_be_echoed_need_not_be(options: ReportOptions) -> None:
    answer = {"METHOD": "SMS_PUSH_REPORT", "TYPE": "ANSWER", "SERIAL": 0, "TIME": "2026-11-22 12:00:01"}
    findings = audit(7, 200, json.dumps(answer | {"RESULT_CODE": 3, "RESULT_DESC": "Busy"}).encode())

    assert [finding.rule for finding in fair_findings(findings, PLAIN_REPORT, None)] == [
        "dr-answer-serial",
        "dr-answer-code",
    ]
    assert [finding.rule for finding in fair_findings(findings, options, None)] == ["dr-answer-code"]
