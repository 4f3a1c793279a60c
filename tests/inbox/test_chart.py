"""A chart shows every count once, in looks that can be told apart."""

from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.inbox.overview_page import HEIGHT, OTHERS, STYLES, WIDTH, buckets_over, chart_of

COUNTED = st.dictionaries(
    st.sampled_from("abcdefghijkl"), st.dictionaries(st.integers(0, 500), st.integers(1, 1000), min_size=1)
)


@given(counted=COUNTED)
def test_nothing_is_lost_and_bars_stay_within_the_drawing(counted: dict[str, dict[int, int]]) -> None:
    chart = chart_of(counted, buckets_over(0, 500), good="a")
    everything = sum(sum(times.values()) for times in counted.values())
    assert sum(each.total for each in chart.series) == everything
    assert sum(sum(bar.counts) for bar in chart.bars) == everything
    assert len({each.style for each in chart.series}) == len(chart.series) <= STYLES
    for bar in chart.bars:
        assert 0 <= bar.x <= bar.x + chart.width <= WIDTH
        assert all(piece.y >= 0 and piece.y + piece.height <= HEIGHT + 0.02 for piece in bar.pieces)
    assert max((sum(bar.counts) for bar in chart.bars), default=0) == chart.top


def test_series_stand_in_their_order_and_what_went_well_looks_so() -> None:
    chart = chart_of({"bad": {1: 2}, "new": {1: 1}, "good": {0: 3}}, buckets_over(0, 1), ("good", "bad"), "good")
    assert [(each.label, each.style, each.total) for each in chart.series] == [
        ("good", 0, 3),
        ("bad", 1, 2),
        ("new", 2, 1),
    ]
    assert [(bar.when, bar.counts) for bar in chart.bars] == [("08:00:00", (3, 0, 0)), ("08:00:01", (0, 2, 1))]


def test_too_many_series_are_put_together() -> None:
    chart = chart_of({letter: {0: 1} for letter in "abcdefghij"}, buckets_over(0, 0))
    assert chart.series[-1].label == OTHERS
    assert chart.series[-1].total == 10 - (STYLES - 2)


def test_moments_have_the_day_where_there_are_several() -> None:
    def begin(latest: int) -> str:
        return chart_of({"a": {0: 1}}, buckets_over(0, latest)).begin

    assert [begin(latest) for latest in (50, 3_600, 90_000, 86_400 * 50)] == [
        "08:00:00",
        "08:00",
        "01-01 08:00",
        "1970-01-01",
    ]
