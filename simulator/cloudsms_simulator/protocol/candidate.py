"""A candidate: a packet on its way through the checks, with what they worked out so far.

Spec: Request UIP Format. Reading: R3.
"""

from typing import Protocol

import msgspec

from cloudsms_simulator.protocol import limits
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.limits import octets
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.segmentation import Segmentation
from cloudsms_simulator.protocol.submission import Destination, Submission
from cloudsms_simulator.protocol.translation import key_of_v2
from cloudsms_simulator.protocol.uip import ABSENT, Decoded, Packet


class BlacklistView(Protocol):
    """What the checks may ask a blacklist."""

    def __bool__(self) -> bool: ...
    def blocks_number(self, number: str) -> str | None: ...
    def blocks_text(self, text: str) -> str | None: ...


class AccountView(Protocol):
    """What the checks may ask an account."""

    @property
    def profile(self) -> Profile: ...
    @property
    def blacklist(self) -> BlacklistView: ...
    @property
    def signatures(self) -> frozenset[str] | None: ...
    def price(self, country_code: int) -> object | None: ...
    def knows_route(self, route_id: str) -> bool: ...


class Refusal(msgspec.Struct, frozen=True):
    """A failed check: the code for the wire, and why."""

    code: ResultCode
    findings: tuple[Finding, ...]


class Candidate(msgspec.Struct):
    """The packet, whose rules hold for it, and, filled in by the checks, what it asks for."""

    decoded: Decoded
    packet: Packet
    profile: Profile
    account: AccountView | None
    text: str = ""
    """The signed text; check 15."""
    segmentation: Segmentation | None = None
    destinations: list[Destination] = []
    """Check 16."""
    verdicts: dict[int, ResultCode] = {}
    """Codes of the refused destinations by index; checks 17 to 19."""
    findings: list[Finding] = []
    """Why those were refused."""


def readable_key(packet: Packet) -> str | None:
    """AUTH_KEY, of a UIP v2 packet also that in `uip_head`, if it is a string an account could have."""
    key = packet.auth_key
    if key is None and packet.uip_head is not ABSENT:
        key = key_of_v2(packet.uip_head)
    return key if type(key) is str and key and octets(key) <= limits.AUTH_KEY_OCTETS else None


def candidate_of(decoded: Decoded, account: AccountView | None, default: Profile) -> Candidate:
    """A packet before its checks; `account` is the one its AUTH_KEY names, whatever else is wrong with it."""
    return Candidate(decoded, decoded.packet, default if account is None else account.profile, account)


def submission_of(candidate: Candidate) -> Submission:
    """What a candidate that passed checks 1 to 16 asks for."""
    packet, segmentation = candidate.packet, candidate.segmentation
    route, sender, body = packet.route_id, packet.original_addr, bytes(packet.customer_body)
    assert segmentation is not None, "check 15 segments the text"
    assert isinstance(route, str), "check 11 wants a string"
    return Submission(
        unsigned(packet.serial, candidate.profile) or 0,
        route,
        sender if isinstance(sender, str) else "",
        candidate.text,
        segmentation,
        body if body and body != _NULL else None,
        tuple(candidate.destinations),
        candidate.verdicts,
    )


def refused(code: ResultCode, *findings: Finding) -> Refusal:
    """A refusal with its findings."""
    return Refusal(code, findings)


def unsigned(value: object, profile: Profile) -> int | None:
    """An unsigned integer of 4 octets, the UINT of the tables, or None.

    Booleans and 1.0 are none; digits in a string are one if the profile says so.
    """
    if type(value) is str and profile.digit_strings == "accept" and len(value) <= _MOST_DIGITS:
        value = int(value) if value.isascii() and value.isdigit() else None
    return value if type(value) is int and 0 <= value <= limits.HIGHEST_UINT else None


def present(raw: msgspec.Raw) -> bool:
    """Whether a raw field is there and not null."""
    text = bytes(raw)
    return bool(text) and text != _NULL


_MOST_DIGITS = 4_300
"""As many as a JSON integer may have to be read as one."""
_NULL = b"null"


def missing(value: object) -> bool:
    """Missing or not filled in: absent, null, or an empty string."""
    return value is None or value == ""
