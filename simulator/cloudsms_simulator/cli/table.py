"""A table: items as rows, cut to the width of the terminal; where standard output is no terminal, whole and uncut.

`Table` has the columns of a kind of items, after the moment of each; `row` writes one item, `lines` many.
"""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from cloudsms_simulator.cli.text import columns_of, fitted
from cloudsms_simulator.moments import datetime

T = TypeVar("T")

_GAP = "  "
_NARROWEST = 8
"""The width that the cut column keeps on a terminal that is too narrow already for the others."""
_COMFORTABLE = 40
"""The width that the cut column gets, if it needs it, before a spare column is shown."""


class Column(msgspec.Struct, Generic[T], frozen=True):
    """One column. The last one of a table is cut where there is no room for it."""

    heading: str
    text: Callable[[T], str]
    least: int = 0
    """The least width where rows come one by one, so that they are aligned."""
    spare: bool = False
    """Whether the column is left out on a narrow terminal."""
    right: bool = False
    """Whether the column is flush right, as numbers are."""


class Table(msgspec.Struct, Generic[T], frozen=True):
    """The columns of a kind of items, after the moment of each item."""

    moment: Callable[[T], datetime]
    columns: tuple[Column[T], ...]

    def lines(self, items: Sequence[T], width: int | None) -> Iterator[str]:
        """A heading and a row for each item; nothing without items. `width` is the terminal's, None without one.

        Moments of one day are shown without it on a terminal.
        """
        if items:
            days = len({self.moment(item).date() for item in items}) > 1
            yield from _lines(self._table(items, width, days=days, steady=False), width)

    def row(self, item: T, width: int | None) -> str:
        """One row, for items that come one by one."""
        [_, row] = _lines(self._table((item,), width, days=False, steady=True), width, steady=True)
        return row

    def _table(
        self, items: Sequence[T], width: int | None, *, days: bool, steady: bool
    ) -> list[tuple[Column[T], list[str]]]:
        form = "%Y-%m-%d %H:%M:%S" if width is None else "%m-%d %H:%M:%S" if days else "%H:%M:%S"
        time = Column[T]("TIME", lambda item: self.moment(item).strftime(form))
        cells = [(column, [column.text(item) for item in items]) for column in (time, *self.columns)]
        wanted = _COMFORTABLE if steady else min(_width(*cells[-1], steady=False), _COMFORTABLE)
        while width is not None and (spares := [each for each in cells if each[0].spare]):
            if width - sum(_width(*each, steady=steady) + len(_GAP) for each in cells[:-1]) >= wanted:
                break
            cells.remove(spares[-1])
        return cells


def terminal_width() -> int | None:
    """The width of the terminal that standard output is; None when it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _width(column: Column[T], texts: list[str], *, steady: bool) -> int:
    return max(column.least if steady else 0, columns_of(column.heading), *map(columns_of, texts))


def _lines(table: list[tuple[Column[T], list[str]]], width: int | None, *, steady: bool = False) -> Iterator[str]:
    widths = [_width(*each, steady=steady) for each in table]
    if width is not None:
        left = width - sum(each + len(_GAP) for each in widths[:-1])
        widths[-1] = min(widths[-1], max(left, _NARROWEST))
    columns = [column for column, _ in table]
    yield _joined(columns, widths, [column.heading for column in columns])
    for row in zip(*(texts for _, texts in table), strict=True):
        yield _joined(columns, widths, row)


def _joined(columns: Sequence[Column[T]], widths: Sequence[int], texts: Sequence[str]) -> str:
    cells = []
    for column, width, text in zip(columns, widths, texts, strict=True):
        shown = fitted(text, width)
        pad = " " * (width - columns_of(shown))
        cells.append(pad + shown if column.right else shown + pad)
    return _GAP.join(cells).rstrip()
