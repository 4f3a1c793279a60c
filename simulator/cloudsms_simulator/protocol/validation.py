"""Validation: the checks in the order in which the platform looks, and every finding when one of them fails.

The first failure decides the code on the wire. Checks 1 to 9 are the gateway's, 10 to 16 judge the request as a
whole, 17 each destination alone, 18 and 19 each destination against what the account allows. What strikes between
them (whitelist, rate limit, queue) is the engine's.

Spec: Request UIP Format. Spec: RESULT_CODE and RESULT_DESC. Reading: R3.
"""

from collections.abc import Callable
from typing import Literal

import msgspec

from cloudsms_simulator.protocol import destination_checks, gateway_checks, limits, request_checks, uip
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, candidate_of, readable_key
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.mistakes import AROUND, OBSERVATIONS, Circumstances
from cloudsms_simulator.protocol.translation import (
    Members,
    disguise_finding,
    from_other_names,
    names_finding,
    poll_finding,
    v2_finding,
)

Check = Callable[[Candidate], Refusal | None]
Scope = Literal["body", "packet", "key", "request", "destination", "account"]

CHECKS: tuple[tuple[int, Scope, Check], ...] = (
    (1, "body", gateway_checks.body_is_not_empty),
    (2, "body", gateway_checks.body_is_complete),
    (3, "body", gateway_checks.body_is_json),
    (4, "body", gateway_checks.body_is_an_object),
    (5, "packet", gateway_checks.method_and_type),
    (6, "packet", gateway_checks.serial_and_time),
    (7, "key", gateway_checks.auth_key_is_there),
    (8, "key", gateway_checks.auth_key_is_a_string),
    (9, "key", gateway_checks.auth_key_is_known),
    (10, "request", request_checks.version_is_accepted),
    (11, "request", request_checks.route_is_there),
    (12, "request", request_checks.sender_is_displayable),
    (13, "request", request_checks.signature_and_priority),
    (14, "request", request_checks.customer_body_is_small),
    (15, "request", request_checks.content_fits),
    (16, "request", request_checks.list_is_an_array),
    (17, "destination", destination_checks.destinations_are_numbers),
    (18, "account", destination_checks.destinations_are_not_blacklisted),
    (19, "account", destination_checks.destinations_have_a_price),
)

BODY_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "body")
PACKET_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "packet")
KEY_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "key")
REQUEST_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "request")
DESTINATION_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "destination")
ACCOUNT_CHECKS: tuple[Check, ...] = tuple(check for _, scope, check in CHECKS if scope == "account")

SETTLED_BY_DECODING = frozenset({1, 2, 3, 4, 5, 6, 11, 13, 16})
"""Checks that an orderly packet passes, whatever the profile: see `uip.OrderlyPacket`."""
_OF_THE_ENGINE = frozenset({"rate-limited", "queue-full"})
"""Findings that no check makes, and no finding on the packet as a whole stands for."""
_UNSETTLED_REQUEST_CHECKS: tuple[Check, ...] = tuple(
    check for number, scope, check in CHECKS if scope == "request" and number not in SETTLED_BY_DECODING
)


def first_refusal(checks: tuple[Check, ...], candidate: Candidate) -> Refusal | None:
    """Runs checks in order up to the first that fails."""
    for check in checks:
        refusal = check(candidate)
        if refusal is not None:
            return refusal
    return None


def gateway_refusal(candidate: Candidate) -> Refusal | None:
    """Checks 1 to 9. A body that is one object, and nothing else, passes 1 to 4; a key that has an account 7 to 9."""
    decoded = candidate.decoded
    if decoded.destinations is not None:
        return first_refusal(KEY_CHECKS, candidate) if candidate.account is None else None
    if decoded.form != "object" or decoded.trailing:
        refusal = first_refusal(BODY_CHECKS, candidate)
        if refusal is not None:
            return refusal
    refusal = first_refusal(PACKET_CHECKS, candidate)
    if refusal is None and candidate.account is None:
        return first_refusal(KEY_CHECKS, candidate)
    return refusal


def request_refusal(candidate: Candidate) -> Refusal | None:
    """Checks 10 to 16; of an orderly packet those that decoding has not settled."""
    destinations = candidate.decoded.destinations
    if destinations is None:
        return first_refusal(REQUEST_CHECKS, candidate)
    refusal = first_refusal(_UNSETTLED_REQUEST_CHECKS, candidate)
    if refusal is None:
        # A copy: check 17 puts what is echoed in the place of a destination it refuses.
        candidate.destinations = destinations.copy()
    return refusal


def diagnose(
    candidate: Candidate, circumstances: Circumstances, first: tuple[Finding, ...] = ()
) -> tuple[Finding, ...]:
    """Everything worth telling about a packet, `first` before the rest: in the order of the checks, then of mistakes.

    Runs every check on a fresh copy of the candidate without stopping at the first failure. After a failure of checks
    1 to 4 there is no packet to judge, and only these and what came around the packet is told. What is wrong as a whole
    (UIP v2, a question for a report, a form) is told in one finding; of names in another case likewise, and then what
    is wrong with the packet they stand for.
    """
    whole = _wrong_as_a_whole(candidate, circumstances)
    if whole is not None:
        kept = [each for each in first if each.rule in _OF_THE_ENGINE]
        around = [finding for observe in AROUND for finding in observe(candidate, circumstances)]
        return tuple(dict.fromkeys((*kept, whole, *around)))
    told = (*first, *_everything(candidate, circumstances))
    if candidate.decoded.form != "object" or not any(each.rule.endswith("-missing") for each in told):
        return tuple(dict.fromkeys(told))
    translation = from_other_names(_members(candidate, circumstances))
    if translation is None:
        return tuple(dict.fromkeys(told))
    body = msgspec.json.encode(translation.members)
    meant = candidate_of(uip.decode(body), candidate.account, candidate.profile)
    left = {each for each in told if not each.rule.endswith("-missing")}
    unknown = candidate.account is None and readable_key(candidate.packet) is None
    again = [
        each
        for each in _everything(meant, msgspec.structs.replace(circumstances, body=body))
        if not (unknown and each.rule == "auth-key-unknown")
    ]
    kept = [each for each in first if each in left]
    return tuple(dict.fromkeys((*kept, names_finding(translation), *again)))


def _wrong_as_a_whole(candidate: Candidate, circumstances: Circumstances) -> Finding | None:
    """What stands for all findings on a packet; None for a packet that is to be judged field by field."""
    decoded = candidate.decoded
    if decoded.destinations is not None:
        return None
    if decoded.form in {"broken", "cut"}:
        return disguise_finding(circumstances.body, circumstances.headers)
    if decoded.form != "object":
        return None
    if candidate.packet.uip_head != uip.ABSENT:
        return v2_finding(_members(candidate, circumstances))
    if candidate.packet.sms_content is not None and candidate.packet.method == limits.METHOD:
        return None
    return poll_finding(candidate.packet, _members(candidate, circumstances))


def _members(candidate: Candidate, circumstances: Circumstances) -> Members:
    return uip.members_of(circumstances.body[: candidate.decoded.offset or None]) or {}


def _everything(candidate: Candidate, circumstances: Circumstances) -> tuple[Finding, ...]:
    fresh = candidate_of(candidate.decoded, candidate.account, candidate.profile)
    readable = fresh.decoded.form == "object"
    refusals = [check(fresh) for _, _scope, check in CHECKS if readable or check in BODY_CHECKS]
    findings = [finding for refusal in refusals if refusal is not None for finding in refusal.findings]
    findings += fresh.findings
    for observe in OBSERVATIONS if readable else AROUND:
        findings += observe(fresh, circumstances)
    return tuple(dict.fromkeys(findings))
