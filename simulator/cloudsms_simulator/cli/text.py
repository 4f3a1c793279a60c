"""Texts on a terminal: on one line, in quotes, wrapped, cut to so many columns; findings, bodies, moments as lines.

Imports no library, since `segments` starts with nothing else.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
