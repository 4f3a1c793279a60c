"""Output for a terminal: texts wrapped, quoted or cut to so many columns; findings, bodies and items as lines.

`Table` has the columns of a kind of items, after the moment of each; `row` writes one item, `lines` many. Rows are cut
to the width of the terminal; where standard output is no terminal, they are whole. Imports no library, since `segments`
starts with nothing else.
"""

from __future__ import annotations

import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from cloudsms_simulator.protocol.unicode_text import escaped

if TYPE_CHECKING:
    from cloudsms_simulator.engine.billing import TextBill
    from cloudsms_simulator.moments import datetime
    from cloudsms_simulator.protocol.findings import Finding

_ELLIPSIS = "…"
_NO_COLUMN = ("Mn", "Me", "Cf")


def one_line(text: str) -> str:
    """The text on one line: line ends and other control characters are written as escapes."""
    return escaped(text)


def quoted(text: str) -> str:
    """The text in quotes on one line: line ends and other control characters are written as escapes."""
    return f'"{one_line(text)}"'


def moment(at: datetime) -> str:
    """A moment to the millisecond, with its zone."""
    return at.isoformat(" ", "milliseconds")


def wrapped(line: str, indent: int, width: int | None) -> list[str]:
    """A line in as many as a terminal of that width needs, all but the first indented; as it is where there is none."""
    if width is None or columns_of(line) <= width:
        return [line]
    return textwrap.wrap(
        line,
        max(width, 2 * indent),
        subsequent_indent=" " * indent,
        drop_whitespace=True,
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )


def finding_lines(findings: tuple[Finding, ...], width: int | None = None) -> Iterator[str]:
    """Findings in lines: what is wrong, where, and the heading of the specification that says so."""
    for finding in findings:
        line = f"{finding.severity:<10}  {finding.rule} at {finding.path}: got {finding.got}, want {finding.want}"
        yield from wrapped(line, 12, width)
        yield f"            see {finding.heading}"


def body_lines(label: str, body: str) -> Iterator[str]:
    """A body below its label: JSON indented, every character of it as it came; anything else as it is."""
    yield f"{label:<12}{'' if body else 'empty'}".rstrip()
    for line in _indented(body).split("\n") if body else ():
        yield f"    {line}"


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian characters take two, combining accents none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def fitted(text: str, columns: int) -> str:
    """The text in at most so many columns, at least one; what was cut ends in an ellipsis."""
    if columns_of(text) <= columns:
        return text
    left, shown = columns - 1, ""
    for character in text:
        left -= _columns(character)
        if left < 0:
            break
        shown += character
    return shown.rstrip() + _ELLIPSIS


def _indented(body: str) -> str:
    import msgspec

    try:
        msgspec.json.decode(body)
        return msgspec.json.format(body, indent=2)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return "\n".join(map(one_line, body.rstrip("\n").split("\n")))


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def dearness(found: TextBill) -> Iterator[str]:
    """Lines that say which character keeps a text out of DCS 0, and how it would be cheaper; none for a cheap text."""
    if found.forced_by is not None:
        forced = found.forced_by
        character = quoted(forced.character)
        yield f"forced by   {character} {forced.code_point} {forced.name}, character {forced.index + 1} of the text"
    if found.rewritten is not None:
        rewritten = found.rewritten
        money = f", {rewritten.saved} less" if rewritten.saved is not None else ""
        label = "composed" if rewritten.composed else "look-alike"
        yield f"{label:<12}{quoted(rewritten.text)}"
        yield f"            DCS {rewritten.dcs}, segments {rewritten.segments}, {rewritten.saved_segments} less{money}"


T = TypeVar("T")

_GAP = "  "
_NARROWEST = 8
"""The width that the cut column keeps on a terminal that is too narrow already for the others."""
_COMFORTABLE = 40
"""The width that the cut column gets, if it needs it, before a spare column is shown."""


class Column(NamedTuple, Generic[T]):
    """One column. The last one of a table is cut where there is no room for it."""

    heading: str
    text: Callable[[T], str]
    least: int = 0
    """The least width where rows come one by one, so that they are aligned."""
    spare: bool = False
    """Whether the column is left out on a narrow terminal."""
    right: bool = False
    """Whether the column is flush right, as numbers are."""


class Table(NamedTuple, Generic[T]):
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
    if not sys.stdout.isatty():
        return None
    import shutil  # brings the modules for archives with it

    return shutil.get_terminal_size().columns


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
