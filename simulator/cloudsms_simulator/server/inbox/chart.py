"""A chart: what was counted in each bucket of time, as stacked bars, measured out for an SVG.

Series differ in pattern as well as in colour, and every number is in a table too.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec

from cloudsms_simulator.server.inbox.buckets import Buckets

WIDTH, HEIGHT = 600, 120
"""Of the drawing, in its own units."""
STYLES = 8
"""Looks that series can have: 0 is that of what went well, 1 looks like trouble, the last is that of all others."""
OTHERS = "others"

_WIDEST = 24
_GAP = 0.15
"""Share of a bar's place that stays empty."""
_DAY = timedelta(days=1)

K = TypeVar("K", bound=Hashable)
Times = Mapping[int, int]
"""How often something happened, by the second since 1970."""


class Series(msgspec.Struct, frozen=True):
    """One kind of what is counted: what it is called, how it looks, and how much of it there is in all."""

    label: str
    style: int
    total: int


class Piece(msgspec.Struct, frozen=True):
    """One series' part of a bar, from the top of the drawing down."""

    style: int
    y: float
    height: float


class Bar(msgspec.Struct, frozen=True):
    """One bucket of which there is something to show; `counts` has one number for each series."""

    when: str
    x: float
    counts: tuple[int, ...]
    pieces: tuple[Piece, ...]


class Chart(msgspec.Struct, frozen=True):
    """Stacked bars. `top` is the count of the highest one, `step` the length of a bucket in seconds."""

    series: tuple[Series, ...]
    bars: tuple[Bar, ...]
    width: float
    """Of a bar."""
    top: int
    step: int
    begin: str
    end: str


def chart_of(
    counted: Mapping[K, Times],
    buckets: Buckets,
    order: Sequence[K] = (),
    good: K | None = None,
    first: int = 1,
    label: Callable[[K], str] = str,
) -> Chart:
    """A chart of what was counted by key and second.

    Series stand in `order`, unknown ones behind; `good` is the one that looks like what went well, the others look
    different from `first` on. Those for which no look is left are put together.
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


def _filled(times: Times, buckets: Buckets) -> list[int]:
    counts = [0] * buckets.count
    for second, number in times.items():
        counts[buckets.of(second)] += number
    return counts


def _pieces(series: Sequence[Series], counts: Sequence[int], top: int) -> Iterable[Piece]:
    below = 0
    for each, number in zip(series, counts, strict=True):
        if number:
            below += number
            yield Piece(each.style, round(HEIGHT * (1 - below / top), 2), round(HEIGHT * number / top, 2))


def _shape(buckets: Buckets) -> str:
    """How moments are written: with the day where there are several, with seconds where they matter."""
    if buckets.length % _DAY.total_seconds() == 0:
        return "%Y-%m-%d"
    one_day = buckets.begin(0).date() == buckets.begin(buckets.count - 1).date()
    return ("" if one_day else "%m-%d ") + ("%H:%M" if buckets.length % 60 == 0 else "%H:%M:%S")
