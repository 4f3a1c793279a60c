"""Answer times: how long the platform took to answer, counted in buckets.

From the moment it had the whole of a request until it handed the answer to the connection; what a scenario adds is in
it too. Requests that are served together share the time.
"""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

BOUNDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 60.0, float("inf")),
)
"""Seconds, each the most of its bucket."""


class AnswerTimes:
    """Counts."""

    __slots__ = ("_counts", "seconds")

    def __init__(self) -> None:
        self._counts = [0] * len(BOUNDS)
        self.seconds = 0.0
        """All of them together."""

    def add(self, seconds: float, requests: int = 1) -> None:
        """So many requests were answered after so long."""
        self._counts[bisect_left(BOUNDS, seconds)] += requests
        self.seconds += seconds * requests

    def cumulated(self) -> Iterator[tuple[float, int]]:
        """For each bound how many were answered by then."""
        return zip(BOUNDS, accumulate(self._counts), strict=True)
