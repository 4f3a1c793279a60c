"""Stacked bars for an SVG: what was counted in each bucket of virtual time, with sizes and places.

Buckets are of one of some round lengths, begin where clocks in Hong Kong have round times, and are at most 60.
Seconds are whole ones since 1970. Series differ in pattern as well as in colour, and every number is in a table
too.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec

from cloudsms_simulator import moments
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.timestamps import HONG_KONG

MAX_BUCKETS = 60
"""The most buckets over any span."""
BUCKET_LENGTHS = (
    *(1, 2, 5, 10, 15, 30, 60),
    *(120, 300, 600, 900, 1_800, 3_600),
    *(7_200, 10_800, 21_600, 43_200, 86_400),
)
"""Lengths of a bucket in seconds; a span of more than 60 days has buckets of several days."""
_DAY_SECONDS = BUCKET_LENGTHS[-1]
_OFFSET = 8 * 3_600
"""How far clocks in Hong Kong are ahead of UTC, in seconds."""


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
    """The shortest buckets of which at most 60 cover all from one second to another."""
    for length in BUCKET_LENGTHS:
        buckets = _of_length(length, earliest, latest)
        if buckets.count <= MAX_BUCKETS:
            return buckets
    days = (latest - earliest) // (_DAY_SECONDS * (MAX_BUCKETS - 1)) + 1
    return _of_length(days * _DAY_SECONDS, earliest, latest)


def _of_length(length: int, earliest: int, latest: int) -> Buckets:
    first = (earliest + _OFFSET) // length
    last = (latest + _OFFSET) // length
    return Buckets(first * length - _OFFSET, length, last - first + 1)


WIDTH, HEIGHT = 600, 120
"""The size of the drawing, in its own units."""
STYLES = 8
"""How many styles series can have: 0 is for what went well, 1 looks like an error, the last is for all others."""
OTHERS = "others"

_WIDEST = 24
_GAP = 0.15
"""Share of a bar's place that stays empty."""
_DAY = timedelta(days=1)

KeyT = TypeVar("KeyT", bound=Hashable)
CountsBySecond = Mapping[int, int]
"""How often something happened, by the second since 1970."""


class Series(msgspec.Struct, frozen=True):
    """One series of a chart: its name, its style, and its total."""

    label: str
    style: int
    total: int


class BarPiece(msgspec.Struct, frozen=True):
    """One series' part of a bar, from the top of the drawing down."""

    style: int
    y: float
    height: float


class Bar(msgspec.Struct, frozen=True):
    """One bucket of which there is something to show; `counts` has one number for each series."""

    when: str
    x: float
    counts: tuple[int, ...]
    pieces: tuple[BarPiece, ...]


class Chart(msgspec.Struct, frozen=True):
    """Stacked bars. `top` is the count of the highest one, `step` the length of a bucket in seconds."""

    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    width: float
    """The width of a bar."""
    top: int
    step: int
    begin: str
    end: str


def chart_of(
    counted: Mapping[KeyT, CountsBySecond],
    buckets: Buckets,
    order: Sequence[KeyT] = (),
    good: KeyT | None = None,
    first: int = 1,
    label: Callable[[KeyT], str] = str,
) -> Chart:
    """A chart of what was counted by key and second.

    Series stand in `order`, unknown ones after that. `good` has the style of what went well, the others have styles
    from `first` on. Those for which no style is left are added up as `OTHERS`.
    """
    known = {key: place for place, key in enumerate(order)}
    keys = sorted((key for key in counted if counted[key]), key=lambda key: (known.get(key, len(known)), str(key)))
    series: list[Series] = []
    filled: list[list[int]] = []
    free = iter(range(first, STYLES - 1))
    for key in keys:
        style = 0 if key == good else next(free, STYLES - 1)
        counts = _filled(counted[key], buckets)
        if style == STYLES - 1 and series[-1].style == style:
            series[-1] = Series(OTHERS, style, series[-1].total + sum(counts))
            filled[-1] = [one + more for one, more in zip(filled[-1], counts, strict=True)]
        else:
            series.append(Series(label(key), style, sum(counts)))
            filled.append(counts)
    return _drawn(tuple(series), filled, buckets)


def _drawn(series: tuple[Series, ...], filled: Sequence[Sequence[int]], buckets: Buckets) -> Chart:
    columns = list(zip(*filled, strict=True)) if filled else []
    top = max(map(sum, columns), default=0)
    place = WIDTH / buckets.count
    shape = _shape(buckets)
    bars = tuple(
        Bar(
            buckets.begin(number).strftime(shape),
            round(number * place, 2),
            counts,
            tuple(_pieces(series, counts, top)),
        )
        for number, counts in enumerate(columns)
        if any(counts)
    )
    return Chart(
        series,
        bars,
        round(min(place * (1 - _GAP), _WIDEST), 2),
        top,
        buckets.length,
        buckets.begin(0).strftime(shape),
        buckets.begin(buckets.count).strftime(shape),
    )


def _filled(times: CountsBySecond, buckets: Buckets) -> list[int]:
    counts = [0] * buckets.count
    for second, number in times.items():
        counts[buckets.of(second)] += number
    return counts


def _pieces(series: Sequence[Series], counts: Sequence[int], top: int) -> Iterable[BarPiece]:
    below = 0
    for each, number in zip(series, counts, strict=True):
        if number:
            below += number
            yield BarPiece(each.style, round(HEIGHT * (1 - below / top), 2), round(HEIGHT * number / top, 2))


def _shape(buckets: Buckets) -> str:
    """The format of moments: with the day where there are several, with seconds where they matter."""
    if buckets.length % _DAY.total_seconds() == 0:
        return "%Y-%m-%d"
    one_day = buckets.begin(0).date() == buckets.begin(buckets.count - 1).date()
    return ("" if one_day else "%m-%d ") + ("%H:%M" if buckets.length % 60 == 0 else "%H:%M:%S")
