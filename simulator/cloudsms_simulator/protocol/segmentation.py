"""How many segments a text is billed for: its data coding scheme, its length, and where a handset sees the cuts.

Two ways of counting. `table` divides the length, as the tables do. `packed` keeps an escape pair or a surrogate pair in
one segment, as a handset needs it; a text with such pairs may then take more segments.

Spec: Appendix, CloudSMS SMPP slicing rules.
"""

import codecs
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.gsm import CHARACTERS, ESCAPE, escaped, first_outside, look_alike, septets, unescaped
from cloudsms_simulator.protocol.unicode_forms import composed

Dcs = Literal[0, 3, 8]
Counting = Literal["table", "packed"]


class Coding(msgspec.Struct, frozen=True):
    """One table of the appendix: the scheme, its alphabet, what a length counts, and how much a segment holds."""

    dcs: Dcs
    alphabet: str
    unit: str
    single: int
    """Units in a text that fits into one segment."""
    following: int
    """Units in each segment of a longer text, the rest being taken by the header that joins them."""


CODINGS: tuple[Coding, ...] = (
    Coding(0, "GSM 03.38", "septets", 160, 153),
    Coding(3, "ISO-8859-1", "octets", 140, 134),
    Coding(8, "UCS-2", "UTF-16 units", 70, 67),
)

_BY_DCS = {coding.dcs: coding for coding in CODINGS}
# Looked up once: `str.encode` looks for its codec each time, which costs more than the encoding of an SMS.
_UTF_16 = codecs.getencoder("utf-16-le")
_OUTSIDE_LATIN_1 = re.compile("[^\x00-\xff]")
_OUTSIDE_BOTH = re.compile(f"[^\x00-\xff{''.join(sorted(CHARACTERS - frozenset(map(chr, range(0x100)))))}]")


class Segmentation(msgspec.Struct, frozen=True, gc=False):
    """What a text costs: its scheme, its length in that scheme's unit, and the segments billed."""

    dcs: Dcs
    length: int
    segments: int


class Saving(msgspec.Struct, frozen=True):
    """A text rewritten with GSM characters that look the same, and what it costs then."""

    text: str
    segmentation: Segmentation
    saved: int
    """Segments less than before; 0 when the text fits into as few anyway."""
    composed: bool = False
    """Whether letters and their accents became one character each (NFC), and nothing else was changed."""


def coding_of(dcs: Dcs) -> Coding:
    """The table of a data coding scheme."""
    return _BY_DCS[dcs]


def segment(text: str, counting: Counting) -> Segmentation:
    """The scheme, the length and the billed segments of a whole text, its signature included.

    There is no upper limit here: whoever calls compares with MOST_SEGMENTS. An empty text has no segments. Time is
    linear in the text.

    Spec: Appendix, CloudSMS SMPP slicing rules.
    """
    dcs, length = _measured(text)
    coding = _BY_DCS[dcs]
    segments = 1 if 0 < length <= coding.single else -(-length // coding.following)
    # Only a text that is longer than its characters has pairs that could be split.
    if counting == "packed" and segments > 1 and length != len(text):
        segments = len(parts(text))
    return _segmentation(dcs, length, segments)


def parts(text: str) -> tuple[str, ...]:
    """The segments as a handset gets them; joined they are the text, and their number is the packed count.

    No escape pair and no surrogate pair is split. A lone surrogate cannot be sent and may come back joined to another.
    """
    dcs, length = _measured(text)
    coding = _BY_DCS[dcs]
    if length <= coding.single:
        return (text,) if text else ()
    if dcs == 0:
        return _gsm_parts(text, coding.following)
    if dcs == 8:
        return _utf16_parts(text, coding.following)
    return tuple(text[start : start + coding.following] for start in range(0, length, coding.following))


def length_in(text: str, dcs: Dcs) -> int:
    """The length of a text in the unit of a scheme it can be sent in: septets, octets or UTF-16 units."""
    if dcs == 8:
        return utf16_units(text)
    return len(text) if dcs == 3 else len(escaped(text))


def utf16_units(text: str) -> int:
    """UTF-16 code units in a text: 2 for a character beyond U+FFFF, else 1."""
    return len(_UTF_16(text, "surrogatepass")[0]) // 2


def forcing_character(text: str) -> tuple[int, str] | None:
    """The index and the character to blame for a scheme dearer than DCS 0; None when the text is GSM.

    For DCS 8 that is the first character outside both alphabets, since any before it would only ask for DCS 3; a text
    such as `ç€`, where each alphabet lacks another one, blames the first outside GSM.
    """
    found = _OUTSIDE_BOTH.search(text)
    return (found.start(), found.group()) if found else first_outside(text)


def saving(text: str, counting: Counting) -> Saving | None:
    """The cheapest way to write a text so that it looks the same: accents composed, and look-alikes if they save more.

    None when that brings no cheaper scheme (a Chinese text stays Chinese), when nothing of the text would be left, or
    when it would take more segments, an ellipsis becoming three characters and a bracket two septets. Composing accents
    is told in the same scheme too, if it saves a segment.
    """
    before = segment(text, counting)
    best: Saving | None = None
    for rewritten, is_composed in ((composed(text), True), (look_alike(text), False)):
        after = segment(rewritten, counting)
        saved = before.segments - after.segments
        is_cheaper = after.dcs < before.dcs or (is_composed and saved > 0)
        if not rewritten or not is_cheaper or saved < 0:
            continue
        if best is None or (after.segments, after.dcs) < (best.segmentation.segments, best.segmentation.dcs):
            best = Saving(rewritten, after, saved, is_composed)
    return best


@lru_cache(maxsize=4096)
def _segmentation(dcs: Dcs, length: int, segments: int) -> Segmentation:
    """The same value for all texts of a length: each of them may be kept for long."""
    return Segmentation(dcs, length, segments)


def _measured(text: str) -> tuple[Dcs, int]:
    length = septets(text)
    if length is not None:
        return 0, length
    if not _OUTSIDE_LATIN_1.search(text):
        return 3, len(text)
    return 8, utf16_units(text)


def _cuts(length: int, size: int, splits_a_pair: Callable[[int], bool]) -> list[slice]:
    """Slices of `size` over a stream, one shorter wherever the end would fall between the halves of a pair."""
    slices = []
    start = 0
    while start < length:
        end = start + size
        if end < length and splits_a_pair(end):
            end -= 1
        slices.append(slice(start, end))
        start = end
    return slices


def _gsm_parts(text: str, size: int) -> tuple[str, ...]:
    stream = escaped(text)
    return tuple(unescaped(stream[cut]) for cut in _cuts(len(stream), size, lambda end: stream[end - 1] == ESCAPE))


def _utf16_parts(text: str, size: int) -> tuple[str, ...]:
    octets, _ = _UTF_16(text, "surrogatepass")
    # The last octet of a unit is its high byte; D8 to DB there is the first half of a surrogate pair.
    cuts = _cuts(len(octets) // 2, size, lambda end: 0xD8 <= octets[2 * end - 1] <= 0xDB)
    return tuple(octets[2 * cut.start : 2 * cut.stop].decode("utf-16-le", "surrogatepass") for cut in cuts)
