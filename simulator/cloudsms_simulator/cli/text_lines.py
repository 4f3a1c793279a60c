"""Texts on a terminal: on one line, in quotes, in so many columns, and what makes one dear."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsms_simulator.engine.text_bill import TextBill

_ELLIPSIS = "…"
_NO_COLUMN = ("Mn", "Me", "Cf")


def one_line(text: str) -> str:
    """The text on one line: line ends and other characters that do not print are written as escapes."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def quoted(text: str) -> str:
    """The text in quotes on one line: line ends and other characters that do not print are written as escapes."""
    return f'"{one_line(text)}"'


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: those of East Asia are two wide, accents of their own none."""
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


def _columns(character: str) -> int:
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def dearness(found: TextBill) -> Iterator[str]:
    """The character that keeps a text out of DCS 0, and the text in look-alikes; of a cheap text nothing."""
    if found.forced_by is not None:
        forced = found.forced_by
        character = quoted(forced.character)
        yield f"forced by   {character} {forced.code_point} {forced.name}, character {forced.index + 1} of the text"
    if found.rewritten is not None:
        rewritten = found.rewritten
        money = f", {rewritten.saved} less" if rewritten.saved is not None else ""
        yield f"look-alike  {quoted(rewritten.text)}"
        yield f"            DCS {rewritten.dcs}, segments {rewritten.segments}, {rewritten.saved_segments} less{money}"
