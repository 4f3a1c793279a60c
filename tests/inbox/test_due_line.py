"""The due line: seconds and hours on one scale, and what falls together is one dot."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.explanation import DueKind
from cloudsms_simulator.inbox.control_page import SHORTEST_SPAN, due_line, place_of
from cloudsms_simulator.models.journal import PendingItem
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)


def due(seconds: float, kind: DueKind = "planned", name: str = "DELIVERED") -> PendingItem:
    at = NOON + timedelta(seconds=seconds)
    return PendingItem(
        uid="U",
        report_id="U-1",
        to="85267000011",
        state=2,
        state_name=name,
        due_at=at,
        in_s=seconds,
        attempt=1,
        kind=kind,
    )


def test_nothing_is_an_empty_line_of_26_hours() -> None:
    line = due_line([])
    assert (line.dots, line.span) == ((), SHORTEST_SPAN)
    assert [mark.label for mark in line.marks] == ["1 s", "10 s", "1 min", "10 min", "1 h", "6 h", "25 h"]
    assert [mark.x for mark in line.marks] == sorted(mark.x for mark in line.marks)


def test_what_falls_together_is_one_dot_of_each_kind_at_the_first_of_them() -> None:
    line = due_line([due(1.001), due(1), due(1, "retry"), due(90_000, "expiry", "EXPIRED")])
    assert [(dot.kind, dot.count, dot.at - NOON, dot.state) for dot in line.dots] == [
        ("planned", 2, timedelta(seconds=1), "DELIVERED"),
        ("retry", 1, timedelta(seconds=1), "DELIVERED"),
        ("expiry", 1, timedelta(hours=25), "EXPIRED"),
    ]


def test_a_second_and_a_day_are_both_to_be_seen() -> None:
    first, last = due_line([due(1), due(90_000)]).dots
    assert first.x > 5
    assert 95 < last.x < 100


def test_the_line_grows_for_what_comes_later() -> None:
    line = due_line([due(10 * 86_400)])
    assert line.span == pytest.approx(10.5 * 86_400)
    assert line.dots[0].x < 100


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_later_is_never_further_left(one: float, other: float) -> None:
    earlier, later = sorted((one, other))
    assert 0 <= place_of(earlier, SHORTEST_SPAN) <= place_of(later, SHORTEST_SPAN) <= 100
