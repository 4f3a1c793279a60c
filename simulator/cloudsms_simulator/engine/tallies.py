"""Tallies: what rules count, as one transaction sees it.

Reading: R21.
"""

from collections.abc import Mapping
from types import MappingProxyType

Tally = tuple[str, str, str]
"""What is counted, by which rule, for which recipient; "" where one of them does not matter."""

NO_TALLIES: Mapping[Tally, int] = MappingProxyType({})


class Tallies:
    """Counts, read through to those that are kept. What is counted here is kept when the transaction is committed."""

    def __init__(self, kept: Mapping[Tally, int]) -> None:
        self._kept = kept
        self.written: dict[Tally, int] = {}

    def __getitem__(self, tally: Tally) -> int:
        """The count so far, 0 at first."""
        count = self.written.get(tally)
        return self._kept.get(tally, 0) if count is None else count

    def put(self, tally: Tally, count: int) -> None:
        """Sets a count."""
        self.written[tally] = count

    def add(self, tally: Tally, by: int = 1) -> int:
        """Counts on, and returns the new count."""
        count = self.written[tally] = self[tally] + by
        return count
