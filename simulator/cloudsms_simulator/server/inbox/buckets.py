"""Buckets: stretches of virtual time in which things are counted, so that a chart has not too many bars.

They begin where clocks in Hong Kong have round times. Seconds are whole ones since 1970.
"""

import msgspec

from cloudsms_simulator.protocol import moments
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.timestamps import HONG_KONG

MOST = 60
"""Buckets over any span."""
LENGTHS = (
    *(1, 2, 5, 10, 15, 30, 60),
    *(120, 300, 600, 900, 1_800, 3_600),
    *(7_200, 10_800, 21_600, 43_200, 86_400),
)
"""Seconds of a bucket; a span of more than 60 days has buckets of several."""
_DAY = LENGTHS[-1]
_OFFSET = 8 * 3_600
"""What clocks in Hong Kong are ahead, in seconds."""


class Buckets(msgspec.Struct, frozen=True):
    """Buckets in a row: the moment the first begins, the length of each, and how many there are."""

    first: int
    length: int
    count: int

    def of(self, second: int) -> int:
        """The number of the bucket a second belongs to, from 0."""
        return (second - self.first) // self.length

    def begin(self, number: int) -> datetime:
        """When a bucket begins."""
        return moments.datetime.fromtimestamp(self.first + number * self.length, HONG_KONG)


def buckets_over(earliest: int, latest: int) -> Buckets:
    """The shortest buckets of which no more than 60 hold both seconds, and all between them."""
    for length in LENGTHS:
        buckets = _of_length(length, earliest, latest)
        if buckets.count <= MOST:
            return buckets
    days = (latest - earliest) // (_DAY * (MOST - 1)) + 1
    return _of_length(days * _DAY, earliest, latest)


def _of_length(length: int, earliest: int, latest: int) -> Buckets:
    first = (earliest + _OFFSET) // length
    last = (latest + _OFFSET) // length
    return Buckets(first * length - _OFFSET, length, last - first + 1)
