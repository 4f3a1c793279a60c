"""Unicode texts made comparable and made harmless: normal forms, and control characters written as escapes.

`composed` (NFC) and `folded` (for a search) take linear time: `unicodedata.normalize` takes quadratic time over a run
of combining marks, and a customer may send a megabyte of them, so a text is normalized in pieces, cut where no
character changes with the one before it.

`escaped` writes control characters and bidirectional controls as JSON escapes. They act on whoever displays a text: a
terminal obeys ESC and U+009B, a reader of log lines takes a line end for the end of the line, and U+202E reverses the
order of what follows it. The command line's first page of help needs this module, so it imports the standard library
alone.

Spec: none; Unicode Standard Annex 15.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from cloudsms_simulator.expressions import lazy_pattern

_SHORTEST_PIECE = 64
"""Characters of a piece, at least; no word has half as many marks in a row."""
_LONGEST_PIECE = 128
_JOINING_JAMO = range(0x1160, 0x1200)
"""Vowels and finals of Hangul, which make one syllable with what stands before them."""


def composed(text: str) -> str:
    """The text in NFC: a letter and the accent behind it are one character wherever Unicode has that."""
    return _normalized("NFC", text)


def folded(text: str) -> str:
    """The text as a search compares it: equal for `café` and `cafe` with U+0301, `Full` and `Ｆｕｌｌ`, `İ` and `i`.

    That is NFKC and case folding. An accent stays: `cafe` is another word than `café`.
    """
    if text.isascii():
        return text.lower()
    return _normalized("NFKC", text).casefold().replace("i\u0307", "i")


def _normalized(form: Literal["NFC", "NFKC"], text: str) -> str:
    if text.isascii():
        return text
    if len(text) <= _LONGEST_PIECE:
        return unicodedata.normalize(form, text)
    return "".join([unicodedata.normalize(form, piece) for piece in _pieces(text)])


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + _SHORTEST_PIECE
        last = start + _LONGEST_PIECE
        while end < last and _joins(text[end : end + 1]):
            end += 1
        yield text[start:end]
        start = end


def _joins(character: str) -> bool:
    """Whether a character may become one with what stands before it, or change places with it."""
    return unicodedata.category(character or " ")[0] == "M" or ord(character or " ") in _JOINING_JAMO


_CLASSES = "\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_IN_A_LINE = lazy_pattern(f"[{_CLASSES}]")
_IN_LINES = lazy_pattern(f"(?!\n)[{_CLASSES}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escaped(text: str) -> str:
    """The text on one line: control characters as JSON escapes them, `\\u001b`, line ends and tabs as `\\n` and `\\t`.

    Escaped are the categories Cc (control) and Cs (half of a surrogate pair), the separators U+2028 and U+2029, the
    bidirectional controls of Unicode (Bidi_Control), and the byte order mark, which nobody would see. Everything else
    stays, other spaces and joiners included.
    """
    return _IN_A_LINE.sub(_escape_of, text)


def escaped_lines(text: str) -> str:
    """The text as `escaped` has it, but for its line feeds, which stay. JSON means the same afterwards."""
    return _IN_LINES.sub(_escape_of, text)


def code_unit_escapes(text: str) -> str:
    """Every character as JSON escapes it: `\\u00e9`, and a surrogate pair for one beyond U+FFFF."""
    return "".join(map(_code_units, text))


def _escape_of(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT.get(character) or _code_units(character)


def _code_units(character: str) -> str:
    point = ord(character)
    if point <= 0xFFFF:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"
