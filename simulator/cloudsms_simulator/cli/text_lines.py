"""Texts on a terminal: quoted on one line, and what makes one dear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsms_simulator.engine.text_bill import TextBill


def quoted(text: str) -> str:
    """The text in quotes on one line: line ends and other characters that do not print are written as escapes."""
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return f'"{shown}"'


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
