from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cloudsms_simulator.stores.account_partition import DueQueue

START = datetime(2026, 11, 1, tzinfo=UTC)
FAR = START + timedelta(days=9)


def after(milliseconds: float) -> datetime:
    return START + timedelta(milliseconds=milliseconds)


def test_an_empty_timeline_has_nothing_due() -> None:
    timeline = DueQueue[str]()

    assert (timeline.next_due(), timeline.pop_due(FAR, 10), len(timeline), list(timeline)) == (None, [], 0, [])


def test_what_is_due_comes_in_order_and_the_rest_stays() -> None:
    timeline = DueQueue[str]()
    for milliseconds, item in [(500, "c"), (3, "b"), (1, "a"), (90_000_000, "d")]:
        timeline.add(after(milliseconds), item)

    assert timeline.pop_due(after(500), 10) == [(after(1), "a"), (after(3), "b"), (after(500), "c")]
    assert (list(timeline), len(timeline)) == ([(after(90_000_000), "d")], 1)


def test_moments_are_exact_to_the_microsecond() -> None:
    timeline = DueQueue[str]()
    timeline.add(after(1.001), "later")
    timeline.add(after(1), "now")

    assert timeline.next_due() == after(1)
    assert timeline.pop_due(after(1), 10) == [(after(1), "now")]
    assert timeline.next_due() == after(1.001)
    assert timeline.pop_due(after(1), 10) == []
    assert timeline.pop_due(after(1.001), 10) == [(after(1.001), "later")]


def test_what_is_due_at_the_same_moment_comes_in_the_order_it_was_added() -> None:
    timeline = DueQueue[int]()
    for item in range(5):
        timeline.add(START, item)
    first = timeline.pop_due(START, 2)
    timeline.add(START, 5)
    rest = timeline.pop_due(START, 10)

    assert [item for _, item in first + rest] == [0, 1, 2, 3, 4, 5]


def test_something_earlier_may_be_added_when_later_things_were_looked_at() -> None:
    timeline = DueQueue[str]()
    timeline.add(after(25), "c")
    timeline.add(after(28), "d")
    assert timeline.next_due() == after(25)
    timeline.add(after(21), "b")
    timeline.add(after(2), "a")

    assert [item for _, item in timeline.pop_due(FAR, 10)] == ["a", "b", "c", "d"]


def test_moments_long_ago_are_due_first() -> None:
    timeline = DueQueue[str]()
    timeline.add(START, "now")
    timeline.add(datetime(1969, 7, 20, tzinfo=UTC), "then")

    assert [item for _, item in timeline.pop_due(START, 10)] == ["then", "now"]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_no_more_than_the_limit_is_taken(limit: int) -> None:
    timeline = DueQueue[int]()
    for item in range(4):
        timeline.add(after(item * 7), item)

    assert [item for _, item in timeline.pop_due(FAR, limit)] == list(range(limit))
    assert len(timeline) == 4 - limit


def test_a_cleared_timeline_is_as_good_as_new() -> None:
    timeline = DueQueue[str]()
    timeline.add(START, "a")
    timeline.add(START, "b")
    timeline.clear()
    assert (timeline.next_due(), len(timeline), timeline.pop_due(FAR, 1)) == (None, 0, [])
    timeline.add(after(1), "c")

    assert timeline.pop_due(FAR, 10) == [(after(1), "c")]


def test_listing_takes_nothing_out() -> None:
    timeline = DueQueue[int]()
    for item in range(30):
        timeline.add(after(item * 3 % 40), item)

    assert list(timeline) == list(timeline)
    assert list(timeline) == timeline.pop_due(FAR, 30)


# Few moments, close together, so that many share one; some in the next second.
moments = st.integers(0, 60).map(lambda number: after(985 + number * 0.5))


class TimelineModel(RuleBasedStateMachine):
    """A timeline beside a list that is sorted by due moment, insertion coming second."""

    def __init__(self) -> None:
        super().__init__()
        self.timeline = DueQueue[int]()
        self.model: list[tuple[datetime, int]] = []
        self.added = 0

    @rule(due=moments, times=st.integers(1, 3))
    def add(self, due: datetime, times: int) -> None:
        for _ in range(times):
            self.timeline.add(due, self.added)
            self.model.append((due, self.added))
            self.added += 1
        self.model.sort()

    @rule(now=moments, limit=st.integers(0, 6))
    def pop_due(self, now: datetime, limit: int) -> None:
        expected = [entry for entry in self.model if entry[0] <= now][:limit]

        assert self.timeline.pop_due(now, limit) == expected
        self.model = self.model[len(expected) :]

    @rule(due=moments)
    def take_out(self, due: datetime) -> None:
        assert self.timeline.take_out(due) == [item for moment, item in self.model if moment == due]
        self.model = [entry for entry in self.model if entry[0] != due]

    @rule()
    def next_due(self) -> None:
        assert self.timeline.next_due() == (self.model[0][0] if self.model else None)

    @rule()
    def clear(self) -> None:
        self.timeline.clear()
        self.model = []

    @invariant()
    def holds_the_same(self) -> None:
        assert len(self.timeline) == len(self.model)
        assert list(self.timeline) == self.model


TestTimelineAgainstASortedList = TimelineModel.TestCase
TestTimelineAgainstASortedList.settings = settings(deadline=None)


@settings(deadline=None)
@given(st.lists(st.timedeltas(timedelta(days=-365), timedelta(days=365)), max_size=50))
def test_everything_comes_out_once_and_in_order(spans: list[timedelta]) -> None:
    dues = [START + span for span in spans]
    timeline = DueQueue[int]()
    for number, due in enumerate(dues):
        timeline.add(due, number)

    assert timeline.pop_due(datetime(2028, 1, 1, tzinfo=UTC), 50) == sorted(
        (due, number) for number, due in enumerate(dues)
    )
