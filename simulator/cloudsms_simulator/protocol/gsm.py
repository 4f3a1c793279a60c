"""The alphabet of an ordinary SMS: GSM 03.38, 127 characters of one septet and ten of two.

Position 0x1B of the default alphabet is the escape that announces an extension character. It is no character of its
own, so a text that holds U+001B is not GSM.

Spec: Appendix, CloudSMS SMPP slicing rules, Standard English Characters (GSM DCS0 7bit encoding).
"""

import re
from collections.abc import Mapping

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
    **dict.fromkeys("‘’‚‛′´`", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‹", "<"),
    **dict.fromkeys("›", ">"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("\t\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
    "…": "...",
    "【": "[",
    "】": "]",
    # The keyboard symbol for ohm, and the double-width twins of ASCII that Chinese keyboards type.
    "\u2126": "Ω",
    **{chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F) if wide != 0xFF40},
    "\uff40": "'",
}
"""What to type instead of characters that look like GSM and are not: curly quotes, dashes, odd spaces and brackets."""

CHARACTERS = frozenset(DEFAULT_ALPHABET) - {ESCAPE} | frozenset(EXTENSION)
"""All 137 characters of a GSM text."""

_EXTENSION_ASCII = bytes(ord(character) for character in EXTENSION if character.isascii())
_PLAIN_ASCII = bytes(ord(character) for character in CHARACTERS - frozenset(EXTENSION) if character.isascii())
_OUTSIDE = re.compile(f"[^{re.escape(''.join(sorted(CHARACTERS)))}]")
_EXTENDED = re.compile(f"[{re.escape(''.join(EXTENSION))}]")
_REPLACEMENTS = str.maketrans(dict(LOOK_ALIKES))


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
    """The text with every character that has a look-alike in GSM replaced by it; others stay as they are."""
    return text.translate(_REPLACEMENTS)
