"""The bill of one text: how it is encoded, cut into segments and billed, and what to mend in it.

Spec: Appendix, CloudSMS SMPP slicing rules. Spec: Parameter Details, SMS_CONTENT.
"""

import unicodedata
from collections.abc import Iterator

import msgspec

from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.protocol.content import DOCUMENT_BYTES, byte_rule, placeholders, signed_text, typed_signature
from cloudsms_simulator.protocol.limits import MOST_SEGMENTS
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of, written
from cloudsms_simulator.protocol.segmentation import (
    Counting,
    Dcs,
    coding_of,
    forcing_character,
    length_in,
    parts,
    saving,
    segment,
)


class Part(msgspec.Struct, frozen=True):
    """One segment as a handset gets it; `length` in the unit of the whole text."""

    text: str
    length: int


class ForcedBy(msgspec.Struct, frozen=True):
    """The character that keeps a text out of DCS 0. `index` counts characters of the signed text from 0."""

    index: int
    character: str
    code_point: str
    name: str


class Rewritten(msgspec.Struct, frozen=True):
    """The same text in GSM look-alikes: its scheme, its segments, and how many of them and how much money it saves."""

    text: str
    dcs: Dcs
    segments: int
    saved_segments: int
    saved: Money | None


class TextBill(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one text, signature included. Money is None when no price was given."""

    text: str
    dcs: Dcs
    alphabet: str
    length: int
    unit: str
    segments: int
    counting: Counting
    table_segments: int
    packed_segments: int
    bytes: int
    price: Money | None
    cost: Money | None
    sendable: bool
    """Whether the platform takes it: not empty, and at most 10 segments by the counting asked for."""
    forced_by: ForcedBy | None
    rewritten: Rewritten | None
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]


def bill(
    content: str, signature: str | None, signature_type: int | None, counting: Counting, price: Money | None
) -> TextBill:
    """The bill of SMS_CONTENT with its signature, each segment at `price`."""
    text = signed_text(content, signature, signature_type)
    table, packed = segment(text, "table"), segment(text, "packed")
    counted = packed if counting == "packed" else table
    coding = coding_of(counted.dcs)
    octets = byte_rule(text)
    return TextBill(
        text=text,
        dcs=counted.dcs,
        alphabet=coding.alphabet,
        length=counted.length,
        unit=coding.unit,
        segments=counted.segments,
        counting=counting,
        table_segments=table.segments,
        packed_segments=packed.segments,
        bytes=octets,
        price=price,
        cost=_times(counted.segments, price),
        sendable=bool(content) and counted.segments <= MOST_SEGMENTS,
        forced_by=_forced_by(text),
        rewritten=_rewritten(text, counting, price),
        parts=tuple(Part(part, length_in(part, counted.dcs)) for part in parts(text)),
        warnings=(
            *_warnings_about_size(content, counted.segments, table.segments, packed.segments, octets),
            *_warnings_about_wording(content, signature, signature_type),
        ),
    )


def _times(segments: int, price: Money | None) -> Money | None:
    return None if price is None else Money(segments * price.amount, price.currency)


def _forced_by(text: str) -> ForcedBy | None:
    found = forcing_character(text)
    if found is None:
        return None
    index, character = found
    return ForcedBy(
        index, character, f"U+{ord(character):04X}", unicodedata.name(character, "a character without a name")
    )


def _rewritten(text: str, counting: Counting, price: Money | None) -> Rewritten | None:
    found = saving(text, counting)
    if found is None:
        return None
    segmentation = found.segmentation
    return Rewritten(found.text, segmentation.dcs, segmentation.segments, found.saved, _times(found.saved, price))


def _warnings_about_size(content: str, segments: int, table: int, packed: int, octets: int) -> Iterator[str]:
    refusal = f"{written(ResultCode.INVALID_CONTEXT)} {desc_of(ResultCode.INVALID_CONTEXT)}"
    if not content:
        yield f"the text is empty: the platform answers {refusal}"
    if segments > MOST_SEGMENTS:
        yield f"{segments} segments, at most {MOST_SEGMENTS} are allowed: the platform answers {refusal}"
    if table != packed:
        yield f"{table} segments by length, but {packed} on a handset, which never splits a pair across two segments"
    if octets > DOCUMENT_BYTES:
        yield f"{octets} bytes by the document's byte rule, which allows {DOCUMENT_BYTES}; here the segments decide"


def _warnings_about_wording(content: str, signature: str | None, signature_type: int | None) -> Iterator[str]:
    doubled = typed_signature(content, signature, signature_type)
    if doubled is not None:
        yield f"SIGNATURE_TYPE {signature_type} adds the brackets, and {doubled} is typed already: both will be seen"
    if signature and signature_type is None:
        yield "a signature without a signature type changes nothing"
    if signature_type is not None and not signature:
        yield "a signature type without a signature changes nothing"
    placeholder = placeholders(content)
    if placeholder is not None:
        yield f"{placeholder} was not filled in"
