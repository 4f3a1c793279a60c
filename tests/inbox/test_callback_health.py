"""What happened last, and how a callback does."""

from datetime import datetime, timedelta

from cloudsms_simulator.engine.records import Attempt, Report
from cloudsms_simulator.inbox.control_page import SHOWN_REPORTS, callback_health, recent_reports
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
EMPTY = found("dr-answer-empty", "body", Told("nothing"), "an ANSWER packet")


def attempt(seconds: float, status: int | None = 200, error: str | None = None, *findings: object) -> Attempt:
    return Attempt(1, NOON + timedelta(seconds=seconds), "http://x/", b"", status, b"", error, findings)  # type: ignore[arg-type]


def report(number: int, *attempts: Attempt, reached: float = 0) -> Report:
    return Report("U", number, "default", 2, NOON + timedelta(seconds=reached), "answered", attempts=attempts)


def test_what_was_pushed_or_reached_last_comes_first() -> None:
    told = recent_reports([report(1, attempt(1), attempt(9)), report(2, reached=5), report(3, attempt(2))])
    assert [each.at - NOON for each in told] == [timedelta(seconds=seconds) for seconds in (9, 5, 2)]
    assert (told[0].state_name, told[0].outcome) == ("DELIVERED", "answered")
    assert len(recent_reports(report(number) for number in range(20))) == SHOWN_REPORTS


def test_nothing_pushed_is_neither_good_nor_bad() -> None:
    health = callback_health([report(1), report(2, attempt(1, None))])
    assert (health.tried, health.percent, health.newest, health.trouble) == (0, 0, (), None)


def test_the_rate_is_of_the_pushes_that_are_over() -> None:
    reports = [report(1, attempt(1, None, "refused"), attempt(2, 503), attempt(3)), report(2, attempt(4, None))]
    health = callback_health(reports)
    assert (health.tried, health.succeeded, health.percent) == (3, 1, 33)
    assert [each.status for each in health.newest] == [200, 503, None]
    assert health.trouble is not None
    assert health.trouble.status == 503


def test_an_answer_that_is_none_is_trouble_although_it_came_through() -> None:
    health = callback_health([report(1, attempt(1, 200, None, EMPTY)), report(2, attempt(2))])
    assert health.percent == 100
    assert health.trouble is not None
    assert health.trouble.findings == (EMPTY,)
