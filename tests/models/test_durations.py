from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.models.durations import duration_text, read_duration, read_duration_or_seconds


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("3s", timedelta(seconds=3)),
        ("250ms", timedelta(milliseconds=250)),
        ("10m", timedelta(minutes=10)),
        ("25h", timedelta(hours=25)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1.5s", timedelta(seconds=1.5)),
        ("7us", timedelta(microseconds=7)),
        ("2d", timedelta(days=2)),
        ("0s", timedelta(0)),
        (" 3s ", timedelta(seconds=3)),
        ("PT25H", timedelta(hours=25)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("PT0,5S", timedelta(milliseconds=500)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("P1W", timedelta(weeks=1)),
        ("pt1m", timedelta(minutes=1)),
    ],
)
def test_a_duration_is_read(text: str, duration: timedelta) -> None:
    assert read_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "s", "3", "-3s", "3 s", "3x", "30m1h", "1s1s", "P", "PT", "P1Y", "P1M", "1e3s", "٣s"]
)
def test_what_is_no_duration_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match='a duration with its unit, such as "3s"'):
        read_duration(text)


def test_a_bare_number_is_told_that_its_unit_is_missing() -> None:
    with pytest.raises(ValueError, match='did you mean "30s"'):
        read_duration("30")


@pytest.mark.parametrize("text", ["3651d", "9" * 400 + "s", "PT" + "9" * 400 + "H"])
def test_a_duration_of_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 3650 days"):
        read_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)))
def test_a_written_duration_reads_as_the_same(duration: timedelta) -> None:
    assert read_duration(duration_text(duration)) == duration


def test_a_duration_is_written_in_its_shortest_units() -> None:
    assert duration_text(timedelta(minutes=90)) == "1h30m"
    assert duration_text(timedelta(seconds=1, microseconds=500)) == "1s500us"
    assert duration_text(timedelta(0)) == "0s"


@pytest.mark.parametrize(
    ("amount", "duration"),
    [
        ("PT25H", timedelta(hours=25)),
        ("3s", timedelta(seconds=3)),
        (90, timedelta(seconds=90)),
        (0.25, timedelta(milliseconds=250)),
        (0, timedelta(0)),
        (315_360_000, timedelta(days=3650)),
    ],
)
def test_an_amount_is_a_duration_or_a_number_of_seconds(amount: str | float, duration: timedelta) -> None:
    assert read_duration_or_seconds(amount) == duration


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("30", 'did you mean "30s"'),
        (-1, "a duration that is not negative"),
        (float("nan"), "a duration that is not negative"),
        (float("inf"), "a duration that is not negative"),
        (315_360_001, "at most 3650 days"),
    ],
)
def test_an_amount_that_is_none_is_told_what_one_is(amount: str | float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_duration_or_seconds(amount)
