"""Billing: what a message costs, the ledger of every movement, and the bill of one text.

Prices are per segment and country; a message is debited whole when it is accepted, and refunded whole, once, when it
ends in a state that is not charged. On an unlimited balance nothing moves and the ledger stays empty; messages still
carry their cost.

A `TextBill` is everything about one text: how it is encoded, cut into segments and billed, which characters make it
dear, and what to mend in it. `bill` makes one of a text, `bill_of_packet` of a packet, `bill_of_message` of what is
kept.

Spec: Support settlement currency. Spec: Appendix, CloudSMS SMPP slicing rules. Spec: Parameter Details, SMS_CONTENT.
Reading: R9.
"""

import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol.candidate import unsigned
from cloudsms_simulator.protocol.codes import ResultCode, desc_of, hex_code
from cloudsms_simulator.protocol.packet import LONGEST_COUNTED, MOST_SEGMENTS, Packet, decode
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import (
    DOCUMENT_BYTES,
    Counting,
    Dcs,
    byte_rule,
    coding_of,
    forcing_character,
    is_gsm,
    length_in,
    look_alike,
    parts,
    placeholders,
    saving,
    segment,
    signed_text,
    typed_signature,
)
from cloudsms_simulator.protocol.unicode_text import composed

# Prices and the ledger.

LedgerReason = Literal["opening", "debit", "refund", "scenario", "setting", "credit"]
"""`scenario` and `setting`: the balance was brought to what one of them says."""


class LedgerEntry(msgspec.Struct, frozen=True, gc=False):
    """One movement of money on an account: negative for a debit. `balance` is the balance after it."""

    account: str
    uid: str | None
    reason: LedgerReason
    amount: Decimal
    balance: Decimal
    at: datetime


def opening_entries(account: Account, at: datetime) -> tuple[LedgerEntry, ...]:
    """Returns the first entry of an account's ledger: what it starts with. Empty on an unlimited balance."""
    if account.balance == "unlimited":
        return ()
    return (LedgerEntry(account.name, None, "opening", account.balance, account.balance, at),)


def opening_balance(account: Account) -> Decimal | None:
    """The balance an account starts with; None stands for unlimited."""
    return None if account.balance == "unlimited" else account.balance


# The bill of one text.

_MOST_MARKS = 4
"""Accents on one letter that are looked at."""
MOST_FORCING = 20
"""Characters outside GSM that a bill lists one by one."""


class Part(msgspec.Struct, frozen=True):
    """One segment as a handset gets it; `length`, and the `room` there is, in the unit of the whole text."""

    text: str
    length: int
    room: int


class ForcedBy(msgspec.Struct, frozen=True):
    """The character that keeps a text out of DCS 0. `index` counts characters of the signed text from 0."""

    index: int
    character: str
    code_point: str
    name: str


class Forcing(msgspec.Struct, frozen=True):
    """A character outside GSM, where it is first, how many times, and the scheme a text with it needs at least."""

    index: int
    character: str
    code_point: str
    name: str
    times: int
    dcs: Dcs
    look_alike: str | None
    """What to type instead, nothing at all for what is not seen; None: nothing in GSM looks like it."""
    composed: str | None = None
    """The one character (NFC) that it makes with the letter before it where it is first; None: it makes none."""


class SignatureSpan(msgspec.Struct, frozen=True):
    """The signature with its brackets, from the character `start` of the signed text up to, not including, `end`."""

    text: str
    start: int
    end: int


class Rewritten(msgspec.Struct, frozen=True):
    """The same text in GSM look-alikes: its scheme, its segments, and how many of them and how much money it saves.

    `composed`: it has no look-alikes; only letters and their accents became one character each (NFC).
    """

    text: str
    dcs: Dcs
    segments: int
    saved_segments: int
    saved: Money | None
    composed: bool = False


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
    forcing: tuple[Forcing, ...]
    """Every character outside GSM, the first 20 of them."""
    signature: SignatureSpan | None
    rewritten: Rewritten | None
    parts: tuple[Part, ...]
    warnings: tuple[str, ...]


def bill(
    content: str, signature: str | None, signature_type: int | None, counting: Counting, price: Money | None
) -> TextBill:
    """Makes the bill of SMS_CONTENT with its signature, each segment at `price`."""
    text = signed_text(content, signature, signature_type)
    table, packed = segment(text, "table"), segment(text, "packed")
    counted = packed if counting == "packed" else table
    coding = coding_of(counted.dcs)
    octets = byte_rule(text)
    cut = parts(text)
    room = coding.single if len(cut) == 1 else coding.following
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
        forcing=_forcing(text),
        signature=_signature_span(content, text),
        rewritten=_rewritten(text, counting, price),
        parts=tuple(Part(part, length_in(part, counted.dcs), room) for part in cut),
        warnings=(
            *_warnings_about_size(content, counted.segments, table.segments, packed.segments, octets),
            *_warnings_about_wording(content, signature, signature_type),
        ),
    )


def bill_of_message(message: Message) -> TextBill:
    """Makes the bill of a message as it was accepted, out of what is kept; one rejected locally costs nothing."""
    sending = message.sending
    price = Money(message.price, sending.currency)
    found = bill_of_packet(decode(sending.body).packet, sending.profile, price)
    assert found is not None, "a message has a text"
    return found


def bill_of_packet(packet: Packet, profile: Profile, price: Money | None) -> TextBill | None:
    """Makes the bill of what a packet sends, each segment at `price`; None when it has no text.

    None too for a text of more than 10,000 characters, whose segments are not counted.
    """
    if not isinstance(packet.sms_content, str) or not 0 < len(packet.sms_content) <= LONGEST_COUNTED:
        return None
    signature = packet.signature if isinstance(packet.signature, str) else None
    kind = unsigned(packet.signature_type, profile)
    return bill(packet.sms_content, signature, kind, profile.segmentation, price)


def _times(segments: int, price: Money | None) -> Money | None:
    return None if price is None else Money(segments * price.amount, price.currency)


def _forced_by(text: str) -> ForcedBy | None:
    found = forcing_character(text)
    if found is None:
        return None
    index, character = found
    return ForcedBy(index, character, *_name_of_character(character))


def _forcing(text: str) -> tuple[Forcing, ...]:
    found = []
    for character in dict.fromkeys(text):
        if is_gsm(character):
            continue
        instead = look_alike(character)
        told = None if instead == character else instead
        dcs = segment(character, "table").dcs
        index, times = text.index(character), text.count(character)
        found.append(
            Forcing(index, character, *_name_of_character(character), times, dcs, told, _composed_at(text, index))
        )
        if len(found) == MOST_FORCING:
            break
    return tuple(found)


def _composed_at(text: str, index: int) -> str | None:
    """Returns the one character that the character at an index makes with the letter before it; None when none."""
    begin = index
    while begin and index - begin < _MOST_MARKS and unicodedata.combining(text[begin]):
        begin -= 1
    one = composed(text[begin : index + 1])
    return one if begin < index and len(one) == 1 else None


def _name_of_character(character: str) -> tuple[str, str]:
    return f"U+{ord(character):04X}", unicodedata.name(character, "a character without a name")


def _signature_span(content: str, text: str) -> SignatureSpan | None:
    """Returns what the signature added, at one end of the text or the other; None when it added nothing."""
    added = len(text) - len(content)
    if not added:
        return None
    start = 0 if text.endswith(content) else len(content)
    return SignatureSpan(text[start : start + added], start, start + added)


def _rewritten(text: str, counting: Counting, price: Money | None) -> Rewritten | None:
    found = saving(text, counting)
    if found is None:
        return None
    segmentation = found.segmentation
    return Rewritten(
        found.text, segmentation.dcs, segmentation.segments, found.saved, _times(found.saved, price), found.composed
    )


def _warnings_about_size(content: str, segments: int, table: int, packed: int, octets: int) -> Iterator[str]:
    refusal = f"{hex_code(ResultCode.INVALID_CONTEXT)} {desc_of(ResultCode.INVALID_CONTEXT)}"
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
