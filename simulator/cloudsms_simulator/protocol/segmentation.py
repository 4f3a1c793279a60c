"""The text of a message: its alphabet, its signature, its length, its segments, and the slips that are seen in texts.

First the alphabet of an ordinary SMS, GSM 03.38: 127 characters of one septet and ten of two. Position 0x1B of the
default alphabet is the escape that announces an extension character. It is no character of its own, so a text that
holds U+001B is not GSM. `look_alike` says what to type instead of characters outside it.

Then how many segments a text is billed for (`segment`): its data coding scheme, its length, and where a handset sees
the cuts (`parts`). There are two ways of counting. `table` divides the length, as the tables do. `packed` keeps an
escape pair or a surrogate pair in one segment, as a handset needs it; a text with such pairs may then take more
segments.

Last what is said of a text's content: `signed_text` puts the signature where SIGNATURE_TYPE says, `byte_rule` is the
length in the document's own bytes, and `typed_signature`, `placeholders` and `counters` find signatures typed twice,
templates nobody filled in, and texts split by hand.

Spec: Appendix, CloudSMS SMPP slicing rules. Spec: Parameter Details, SMS_CONTENT, SIGNATURE, SIGNATURE_TYPE.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.protocol.unicode_text import composed

# The alphabet of an ordinary SMS.

GSM_ESCAPE = "\x1b"

GSM_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ" + GSM_ESCAPE + "ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""128 positions, 16 a line: the index of a character is its septet. 0x1B holds the escape."""

GSM_EXTENSION: Mapping[str, int] = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""The ten characters sent as the escape and a second septet."""

LOOK_ALIKES: Mapping[str, str] = {
    **dict.fromkeys("‘’‚‛′‵´`ʹʻʼ\uff40", "'"),
    **dict.fromkeys("“”„‟″‶«»", '"'),
    **dict.fromkeys("‹", "<"),
    **dict.fromkeys("›", ">"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("•‣∗", "*"),
    **dict.fromkeys("⁄∕", "/"),
    **dict.fromkeys("˜∼〜", "~"),
    **dict.fromkeys("【", "["),
    **dict.fromkeys("】", "]"),
    **dict.fromkeys("\u2028\u2029", "\n"),
    "\t": " ",
    "…": "...",
    "×": "x",
    "¦": "|",
    "ˆ": "^",
    "©": "(C)",
    "®": "(R)",
    # Nothing is seen of these: a hyphen that is soft, joiners, marks of direction, the looks of an emoji.
    **dict.fromkeys("\u00ad\u034f\u061c\u180e\ufeff", ""),
    **dict.fromkeys(map(chr, range(0x200B, 0x2010)), ""),
    **dict.fromkeys(map(chr, range(0x202A, 0x202F)), ""),
    **dict.fromkeys(map(chr, range(0x2060, 0x2070)), ""),
    **dict.fromkeys(map(chr, range(0xFE00, 0xFE10)), ""),
}
"""What to type instead of characters that look like GSM and are not, where Unicode itself does not say it.

Unicode says it of spaces, of letters in other widths and styles, of ligatures and fractions: see `look_alike`.
"""

GSM_CHARACTERS = frozenset(GSM_ALPHABET) - {GSM_ESCAPE} | frozenset(GSM_EXTENSION)
"""All 137 characters of a GSM text."""

_EXTENSION_ASCII = bytes(ord(character) for character in GSM_EXTENSION if character.isascii())
_PLAIN_ASCII = bytes(ord(character) for character in GSM_CHARACTERS - frozenset(GSM_EXTENSION) if character.isascii())
_OUTSIDE_GSM = lazy_pattern(f"[^{re.escape(''.join(sorted(GSM_CHARACTERS)))}]")
_EXTENDED = lazy_pattern(f"[{re.escape(''.join(GSM_EXTENSION))}]")
_BEHIND_A_DIGIT = lazy_pattern(r"(?<=[0-9])(?=[¼-¾⅐-⅟↉])")
"""Where a fraction follows a whole number: `1½` is not 11/2."""
_CHANGES_THE_SENSE = ("<super>", "<sub>", "<circle>")
"""Decompositions that hold for letters alone: 10² is not 102."""


def septets(text: str) -> int | None:
    """How many septets a text takes, an extension character counting two; None when it is not all GSM."""
    if text.isascii():
        # Deleting the plain bytes in C costs half of what a regular expression does, and most texts are plain ASCII.
        unusual = text.encode().translate(None, _PLAIN_ASCII)
        if not unusual:
            return len(text)
        return None if unusual.translate(None, _EXTENSION_ASCII) else len(text) + len(unusual)
    if _OUTSIDE_GSM.search(text):
        return None
    return len(text) + len(_EXTENDED.findall(text))


def is_gsm(text: str) -> bool:
    """Whether every character is in the default alphabet or the extension table. An empty text is."""
    return septets(text) is not None


def first_outside(text: str) -> tuple[int, str] | None:
    """The index of the first character that is not GSM, and that character; None when all are."""
    found = _OUTSIDE_GSM.search(text)
    return (found.start(), found.group()) if found else None


def gsm_escaped(text: str) -> str:
    """A GSM text as it is sent: one character a septet, each extension character behind its escape."""
    for character in GSM_EXTENSION:
        text = text.replace(character, GSM_ESCAPE + character)
    return text


def gsm_unescaped(text: str) -> str:
    """Returns the text that `gsm_escaped` was given."""
    return text.replace(GSM_ESCAPE, "")


def look_alike(text: str) -> str:
    """The text with every character that has a look-alike in GSM replaced by it; others stay as they are.

    Accents are composed with their letters first. Then comes `LOOK_ALIKES`, then what Unicode takes for the same
    (NFKC), as long as it is GSM and means the same: `ﬁ`, `™`, `½`, `№`, `Ａ`, any space. An accent never goes: `á`
    stays. Time is linear in the text.
    """
    if is_gsm(text):
        return text
    text = _BEHIND_A_DIGIT.sub(" ", composed(text))
    foreign = set(_OUTSIDE_GSM.findall(text))
    return text.translate({ord(each): instead for each in foreign if (instead := _instead(each)) != each})


@lru_cache(maxsize=1024)
def _instead(character: str) -> str:
    """The look-alike of one character outside GSM, or the character."""
    known = LOOK_ALIKES.get(character)
    if known is not None:
        return known
    said = unicodedata.decomposition(character)
    if not said.startswith("<"):
        return character
    same = "".join(LOOK_ALIKES.get(each, each) for each in unicodedata.normalize("NFKC", character))
    if said.startswith(_CHANGES_THE_SENSE) and not same.isalpha():
        return character
    return same if is_gsm(same) else character


# How many segments a text is billed for.

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
_OUTSIDE_LATIN_1 = lazy_pattern("[^\x00-\xff]")
_OUTSIDE_BOTH = lazy_pattern(f"[^\x00-\xff{''.join(sorted(GSM_CHARACTERS - frozenset(map(chr, range(0x100)))))}]")


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
    """Returns the table of a data coding scheme."""
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
    return len(text) if dcs == 3 else len(gsm_escaped(text))


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
    """Returns one and the same value for all texts of a length, since many of them may be kept for long."""
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
    stream = gsm_escaped(text)
    return tuple(
        gsm_unescaped(stream[cut]) for cut in _cuts(len(stream), size, lambda end: stream[end - 1] == GSM_ESCAPE)
    )


def _utf16_parts(text: str, size: int) -> tuple[str, ...]:
    octets, _ = _UTF_16(text, "surrogatepass")
    # The last octet of a unit is its high byte; D8 to DB there is the first half of a surrogate pair.
    cuts = _cuts(len(octets) // 2, size, lambda end: 0xD8 <= octets[2 * end - 1] <= 0xDB)
    return tuple(octets[2 * cut.start : 2 * cut.stop].decode("utf-16-le", "surrogatepass") for cut in cuts)


# What is said of a text's content.

DOCUMENT_BYTES = 1530
"""The limit SMS_CONTENT's own paragraph gives, by the byte rule. Above it a text is worth a warning, no more."""


class SignatureRow(msgspec.Struct, frozen=True):
    """One row of the table: the brackets around the signature and the end of the text they go to."""

    signature_type: int
    opening: str
    closing: str
    location: Literal["beginning", "end", "none"]


SIGNATURE_ROWS: tuple[SignatureRow, ...] = (
    SignatureRow(1, "【", "】", "beginning"),
    SignatureRow(2, "【", "】", "end"),
    SignatureRow(3, "[", "] ", "beginning"),
    SignatureRow(4, "[", "]", "end"),
    SignatureRow(5, "", "", "none"),
)

_SIGNATURES_BY_TYPE = {row.signature_type: row for row in SIGNATURE_ROWS}
_OPENINGS = ("[", "【", "［")
_CLOSINGS = ("]", "】", "］")
_FIELD = r"(?:[A-Z_]{1,40}|\d{1,2}|(?=[\w.]{0,39}[a-z])[A-Za-z_][\w.]{0,39}|[\u4e00-\u9fff]{1,12})"
"""The name of a field. Capitals with digits behind them are none: they are what a coupon looks like, SAVE10."""
_USUAL = "name|firstname|lastname|username|code|otp|amount|date|time|link|url|phone|email|company|order"
_PLACEHOLDERS = (
    r"\$\{[^{}\n]{0,100}+\}",
    r"\{\{(?![ ]?[A-Z]{1,20}+\d{1,20}+[ ]?\}\})[^{}\n]{0,100}+\}\}",
    rf"(?<!\{{)\{{{_FIELD}\}}(?!\}})",
    r"\[[A-Za-z][A-Za-z0-9]{0,20}+(?:_[A-Za-z0-9]{1,20}+){1,4}+\]",
    rf"\[(?:{_USUAL})\]",
    r"\[(?:[Yy]our|[Ii]nsert|[Ff]irst|[Ll]ast|[Cc]ompany|[Cc]ustomer) [A-Za-z ]{1,30}+\]",
    rf"<(?:{_USUAL}|[a-z]{{1,20}}+(?:_[a-z]{{1,20}}+){{1,4}}+)>",
    rf"#(?:{_USUAL}|app)#",
    r"(?<!\w)%[A-Za-z][A-Za-z_]{1,30}+%(?!\w)",
    r"%\([A-Za-z_]\w{0,39}+\)[sd]",
    r"(?<![\w%])(?<!\d\s)%(?:\d\$)?[sd@](?![\w'’])",
    r"\[object Object\]|(?<!\w)(?:undefined|NaN)(?!\w)",
    r"(?<!\w)(?i:hi|hello|dear),? null(?!\w)|(?<!\w)(?i:code|otp|pin|amount|balance|order)(?: is|:) null(?!\w)",
    r"\A\s{0,5}+(?i:please input (?:your|the)) [^\d\n]{1,60}+\Z",
)
"""What template languages and the document's samples leave in a text that nobody filled in. Every repeat is bounded."""
_LOOKED_AT = 2_000
"""Characters of a text in which placeholders are looked for: no text that is sent has more."""
_PLACEHOLDER = lazy_pattern("|".join(_PLACEHOLDERS))
_COUNTER = r"(\d{1,2})\s{0,3}+/\s{0,3}+(\d{1,2})(?![\d/])"
_COUNTER_IN_FRONT = lazy_pattern(rf"([(\[（【]?)\s{{0,3}}+{_COUNTER}(?:\s{{0,3}}+([)\]）】])|(?=\s))")
_COUNTER_BEHIND = lazy_pattern(rf"[(\[（【]\s{{0,3}}+{_COUNTER}\s{{0,3}}+[)\]）】]\Z")
_LONGEST_COUNTER = 20
"""Characters that a counter takes with its brackets and spaces, at most."""


def signed_text(text: str, signature: str | None, signature_type: int | None) -> str:
    """The text as it is sent: signature and brackets put before or behind it, as its type says.

    Unchanged for type 5, for no type, and for no signature, None or empty. Brackets already typed stay: they come out
    doubled.

    Spec: SIGNATURE_TYPE.
    """
    if not signature or signature_type is None:
        return text
    row = _SIGNATURES_BY_TYPE.get(signature_type)
    if row is None or row.location == "none":
        return text
    if row.location == "beginning":
        return f"{row.opening}{signature}{row.closing}{text}"
    return f"{text}{row.opening}{signature}{row.closing}"


def byte_rule(text: str) -> int:
    """Bytes by the document's own rule: one a character if all are ASCII, else two for each, ASCII ones included.

    A character beyond U+FFFF is two characters, so four bytes.

    Spec: SMS_CONTENT.
    """
    return len(text) if text.isascii() else 2 * utf16_units(text)


def typed_signature(text: str, signature: str | None, signature_type: int | None) -> str | None:
    """What will be seen twice because the customer typed what the type adds; None when nothing is.

    That is the bracketed signature at either end of the text, or a signature that brings its own brackets.

    Spec: SIGNATURE_TYPE. Spec: Examples, SMS request (Bulk SMS).
    """
    if not signature or signed_text("", signature, signature_type) == "":
        return None
    bare = signature.strip(" []【】［］").strip()
    typed = _typed_at_the_beginning(text.strip(), bare) or _typed_at_the_end(text.strip(), bare) if bare else None
    own = signature.strip()
    brings_brackets = len(own) > 1 and own.startswith(_OPENINGS) and own.endswith(_CLOSINGS)
    return typed or (signature if brings_brackets else None)


def _typed_at_the_beginning(text: str, bare: str) -> str | None:
    """The signature in brackets with which a text begins, its letters' case aside."""
    if not text.startswith(_OPENINGS):
        return None
    inside = text[1:].lstrip()
    behind = inside[len(bare) :].lstrip()
    if not behind.startswith(_CLOSINGS) or inside[: len(bare)].casefold() != bare.casefold():
        return None
    return text[: len(text) - len(behind) + 1]


def _typed_at_the_end(text: str, bare: str) -> str | None:
    """The signature in brackets with which a text ends, its letters' case aside."""
    if not text.endswith(_CLOSINGS):
        return None
    inside = text[:-1].rstrip()
    before = inside[: -len(bare)].rstrip()
    if not before.endswith(_OPENINGS) or inside[-len(bare) :].casefold() != bare.casefold():
        return None
    return text[len(before) - 1 :]


def placeholders(text: str) -> str | None:
    """The first placeholder that no template filled in; None when there is none.

    `${...}`, `{{...}}`, `{name}`, `[first_name]`, `<code>`, `#code#`, `%name%`, `%s`, `undefined`, and a text that asks
    to "Please input your ..." as the document's samples do. Coupons such as `{{SAVE10}}` are none.
    """
    found = _PLACEHOLDER.search(text[:_LOOKED_AT])
    return found.group().strip() if found else None


def counters(text: str, segmentation: Segmentation) -> tuple[str, ...]:
    """The counters by which a text says that it is a part: `(1/3)` in front or behind, `1/3` in front.

    One without brackets may be a fraction, as in "1/2 off everything": it counts only where the text nearly fills one
    segment, as the parts of a longer one do. `segmentation` is that of the signed text.
    """
    found = []
    front = _COUNTER_IN_FRONT.match(text.lstrip()[:_LONGEST_COUNTER])
    if front is not None and (front[1] or front[4] or _fills_a_segment(segmentation)):
        found.append((front[2], front[3], front[0]))
    behind = _COUNTER_BEHIND.search(text.rstrip()[-_LONGEST_COUNTER:])
    if behind is not None:
        found.append((behind[1], behind[2], behind[0]))
    return tuple(shown for part, whole, shown in found if 1 <= int(part) <= int(whole) and int(whole) > 1)


def _fills_a_segment(segmentation: Segmentation) -> bool:
    """Whether a text takes three quarters of one segment, or more of it."""
    single = next(coding.single for coding in CODINGS if coding.dcs == segmentation.dcs)
    return segmentation.segments == 1 and segmentation.length * 4 >= single * 3
