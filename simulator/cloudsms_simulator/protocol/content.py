"""The text of a message: its signature, its length in the document's bytes, and the slips that are seen in texts.

Spec: Parameter Details, SMS_CONTENT, SIGNATURE, SIGNATURE_TYPE.
"""

import re
from typing import Literal

import msgspec

from cloudsms_simulator.protocol.segmentation import utf16_units

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
_OPENING = r"[\[【［]"
_CLOSING = r"[\]】］]"
_BRACKETED = re.compile(f"{_OPENING}.*{_CLOSING}", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$\{[^{}\n]*\}|\{\{[^{}\n]*\}\}")


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
    bare = signature.strip(" []【】［］")
    if bare:
        typed = f"{_OPENING}\\s*{re.escape(bare)}\\s*{_CLOSING}"
        found = re.search(f"\\A{typed}|{typed}\\Z", text.strip(), re.IGNORECASE)
        if found:
            return found.group()
    return signature if _BRACKETED.fullmatch(signature.strip()) else None


def placeholders(text: str) -> str | None:
    """The first `${...}` or `{{...}}` that no template filled in; None when there is none."""
    found = _PLACEHOLDER.search(text)
    return found.group() if found else None
