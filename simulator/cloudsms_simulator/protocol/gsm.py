"""The alphabet of an ordinary SMS: GSM 03.38, 127 characters of one septet and ten of two.

Position 0x1B of the default alphabet is the escape that announces an extension character. It is no character of its
own, so a text that holds U+001B is not GSM.

Spec: Appendix, CloudSMS SMPP slicing rules, Standard English Characters (GSM DCS0 7bit encoding).
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from cloudsms_simulator.protocol.unicode_forms import composed

ESCAPE = "\x1b"

DEFAULT_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ" + ESCAPE + "ÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""128 positions, 16 a line: the index of a character is its septet. 0x1B holds the escape."""

EXTENSION: Mapping[str, int] = {
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

CHARACTERS = frozenset(DEFAULT_ALPHABET) - {ESCAPE} | frozenset(EXTENSION)
"""All 137 characters of a GSM text."""

_EXTENSION_ASCII = bytes(ord(character) for character in EXTENSION if character.isascii())
_PLAIN_ASCII = bytes(ord(character) for character in CHARACTERS - frozenset(EXTENSION) if character.isascii())
_OUTSIDE = re.compile(f"[^{re.escape(''.join(sorted(CHARACTERS)))}]")
_EXTENDED = re.compile(f"[{re.escape(''.join(EXTENSION))}]")
_BEHIND_A_DIGIT = re.compile(r"(?<=[0-9])(?=[¼-¾⅐-⅟↉])")
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
    if _OUTSIDE.search(text):
        return None
    return len(text) + len(_EXTENDED.findall(text))


def is_gsm(text: str) -> bool:
    """Whether every character is in the default alphabet or the extension table. An empty text is."""
    return septets(text) is not None


def first_outside(text: str) -> tuple[int, str] | None:
    """The index of the first character that is not GSM, and that character; None when all are."""
    found = _OUTSIDE.search(text)
    return (found.start(), found.group()) if found else None


def escaped(text: str) -> str:
    """A GSM text as it is sent: one character a septet, each extension character behind its escape."""
    for character in EXTENSION:
        text = text.replace(character, ESCAPE + character)
    return text


def unescaped(text: str) -> str:
    """The text that `escaped` was given."""
    return text.replace(ESCAPE, "")


def look_alike(text: str) -> str:
    """The text with every character that has a look-alike in GSM replaced by it; others stay as they are.

    Accents are composed with their letters first. Then comes `LOOK_ALIKES`, then what Unicode takes for the same
    (NFKC), as long as it is GSM and means the same: `ﬁ`, `™`, `½`, `№`, `Ａ`, any space. An accent never goes: `á`
    stays. Time is linear in the text.
    """
    if is_gsm(text):
        return text
    text = _BEHIND_A_DIGIT.sub(" ", composed(text))
    foreign = set(_OUTSIDE.findall(text))
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
