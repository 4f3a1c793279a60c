"""Unicode forms of a text: accents composed, and letters folded for a search. Time is linear in the text.

`unicodedata.normalize` takes quadratic time over a run of combining marks, and a customer may send a megabyte of them;
so a text is normalized in pieces, cut where no character changes with the one before it.

Spec: none; Unicode Standard Annex 15.
"""

import unicodedata
from collections.abc import Iterator
from typing import Literal

_PIECE = 64
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
        end = start + _PIECE
        last = start + _LONGEST_PIECE
        while end < last and _joins(text[end : end + 1]):
            end += 1
        yield text[start:end]
        start = end


def _joins(character: str) -> bool:
    """Whether a character may become one with what stands before it, or change places with it."""
    return unicodedata.category(character or " ")[0] == "M" or ord(character or " ") in _JOINING_JAMO
