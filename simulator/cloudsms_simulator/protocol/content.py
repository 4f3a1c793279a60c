"""The text of a message: its signature, its length in the document's bytes, and the slips that are seen in texts.

Spec: Parameter Details, SMS_CONTENT, SIGNATURE, SIGNATURE_TYPE.
"""

import re
from functools import cache
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.segmentation import CODINGS, Segmentation, utf16_units

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

_BY_TYPE = {row.signature_type: row for row in SIGNATURE_ROWS}
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
_COUNTER = r"(\d{1,2})\s{0,3}+/\s{0,3}+(\d{1,2})(?![\d/])"
_COUNTER_IN_FRONT = re.compile(rf"([(\[（【]?)\s{{0,3}}+{_COUNTER}(?:\s{{0,3}}+([)\]）】])|(?=\s))")
_COUNTER_BEHIND = re.compile(rf"[(\[（【]\s{{0,3}}+{_COUNTER}\s{{0,3}}+[)\]）】]\Z")
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
    row = _BY_TYPE.get(signature_type)
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
    found = _placeholder().search(text[:_LOOKED_AT])
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


@cache
def _placeholder() -> re.Pattern[str]:
    """Compiled when it is first asked for: that takes longer than everything else here."""
    return re.compile("|".join(_PLACEHOLDERS))


def _fills_a_segment(segmentation: Segmentation) -> bool:
    """Whether a text takes three quarters of one segment, or more of it."""
    single = next(coding.single for coding in CODINGS if coding.dcs == segmentation.dcs)
    return segmentation.segments == 1 and segmentation.length * 4 >= single * 3
