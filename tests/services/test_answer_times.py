"""Answer times in buckets."""

from cloudsms_simulator.services.metrics import BUCKET_BOUNDS, AnswerTimes


def test_a_bucket_counts_what_was_answered_by_then() -> None:
    times = AnswerTimes()
    times.add(0.0001)
    times.add(0.0002, 3)
    times.add(3600.0)
    cumulated = dict(times.cumulated())
    assert list(cumulated) == list(BUCKET_BOUNDS)
    assert (cumulated[0.0001], cumulated[0.00025], cumulated[60.0], cumulated[float("inf")]) == (1, 4, 4, 5)
    assert times.seconds == 0.0001 + 0.0002 * 3 + 3600.0
