"""Corrections: the smallest change that makes a refused packet pass, and what only its sender can mend.

The key is never in a corrected packet: `$CLOUDSMS_AUTH_KEY` stands for it.

Spec: Request UIP Format. Reading: R24.
"""

import re

import msgspec

from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.candidate import AccountView, candidate_of
from cloudsms_simulator.protocol.draft import Change, Draft
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.leniency import parsed
from cloudsms_simulator.protocol.mistakes import Circumstances
from cloudsms_simulator.protocol.remedies import ELSEWHERE, NO_REMEDY, REMEDIES, Model
from cloudsms_simulator.protocol.translation import (
    Headers,
    disguise_finding,
    from_other_names,
    from_v2,
    poll_finding,
)
from cloudsms_simulator.protocol.validation import diagnose

PLACEHOLDER = "$CLOUDSMS_AUTH_KEY"
"""What stands for the account's AUTH_KEY."""

_LAYERS = 4
"""So often something around a packet is taken away, before it is given up."""
_BARE_FINGERPRINT = re.compile(rb'("AUTH_KEY"[ \t\r\n]*+:[ \t\r\n]*+)(key-[0-9a-f]{8})(?![0-9a-f])')
"""A masked key that was no string: a kept body says less of it than the findings do."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Uncorrected(msgspec.Struct, frozen=True):
    """What cannot be corrected by itself: the rule that is broken, where, and why."""

    rule: str
    path: str
    why: str


class Correction(msgspec.Struct, frozen=True):
    """A packet with its changes. It passes the checks when nothing is uncorrected, all the same if nothing changed.

    `body` has every correction that could be made, None when there is no packet to correct.
    """

    body: bytes | None
    changes: tuple[Change, ...]
    uncorrected: tuple[Uncorrected, ...]


def corrected(
    body: bytes, account: AccountView, model: Model, *, key_is_known: bool, headers: Headers = ()
) -> Correction:
    """The correction of a body for an account; `key_is_known` tells whether the key in it is already that account's.

    `headers` are those it came with: they may say why it is no JSON. What the account's balance, its limits and a
    scenario make of it later is not looked at.
    """
    draft = _unwrapped(_BARE_FINGERPRINT.sub(rb'\1"\2"', body), model, headers)
    if isinstance(draft, Correction):
        return draft
    draft = _translated(draft)
    poll = poll_finding(uip.decode(draft.body).packet, draft.names)
    if poll is not None:
        return Correction(None, (), (Uncorrected(poll.rule, poll.path, NO_REMEDY[poll.rule]),))
    if key_is_known:
        draft.fill_in("$.AUTH_KEY", PLACEHOLDER)
    else:
        draft.put("$.AUTH_KEY", PLACEHOLDER, "the AUTH_KEY of the account")
    left: dict[tuple[str, str], Uncorrected] = {}
    tried: set[tuple[str, str]] = set()
    # A rule that was tried once in a place is not tried again, so this ends.
    while broken := [each for each in _broken(draft.body, account, model) if (each.rule, each.path) not in left]:
        for finding in broken:
            place = (finding.rule, finding.path)
            why = "what was tried does not help" if place in tried else _remedied(draft, finding, model)
            tried.add(place)
            if why is not None:
                left[place] = Uncorrected(*place, why)
    # One remedy may have mended what another gave up.
    still = {(each.rule, each.path) for each in _broken(draft.body, account, model)} if left else set()
    return Correction(draft.body, tuple(draft.changes), tuple(each for place, each in left.items() if place in still))


def beyond_correction(finding: Finding) -> Uncorrected | None:
    """Why no change of the packet answers a finding; None for one that is about the packet, or needs no answer."""
    why = ELSEWHERE.get(finding.rule)
    return None if why is None else Uncorrected(finding.rule, finding.path, why)


def _broken(body: bytes, account: AccountView, model: Model) -> list[Finding]:
    candidate = candidate_of(uip.decode(body), account, model.profile)
    findings = diagnose(candidate, Circumstances(body, (), model.now, False))
    return [each for each in findings if each.severity == "error" or each.rule in REMEDIES]


def _remedied(draft: Draft, finding: Finding, model: Model) -> str | None:
    remedy = REMEDIES.get(finding.rule)
    if remedy is None:
        return NO_REMEDY.get(finding.rule, "nobody but its sender can")
    return remedy(draft, finding.path, model)


def _translated(draft: Draft) -> Draft:
    """The draft with the fields of v1, where it has them by other names."""
    members = draft.members
    v2 = from_v2(members)
    translation = from_other_names(members) if v2 is None else v2
    if translation is None:
        return draft
    why = "names are in upper case, with underscores" if v2 is None else "UIP v1 has all fields on the top level"
    other = Draft(translation.members)
    other.changes += draft.changes
    if v2 is not None:
        other.changes.append(Change(path="$.uip_head", was="a packet of UIP v2", to="one of UIP v1", why=why))
    other.changes += [Change(path=f"$.{each.was}", was=each.was, to=each.name, why=why) for each in translation.renamed]
    return other


def _unwrapped(body: bytes, model: Model, headers: Headers) -> Draft | Correction:
    """A draft of the object in a body, or why there is none."""
    changes: list[Change] = []
    for _ in range(_LAYERS):
        decoded = uip.decode(body)
        if decoded.form == "object" and not (decoded.trailing and model.profile.trailing_bytes == "reject"):
            members = uip.members_of(body[: decoded.offset or None])
            if members is not None:
                draft = Draft(members)
                draft.changes += changes
                return draft
        better = _less_wrapped(body, decoded, headers)
        if isinstance(better, Uncorrected):
            return Correction(None, tuple(changes), (better,))
        changes.append(better[0])
        body = better[1]
    return Correction(None, tuple(changes), (Uncorrected("body-empty-packet", "body", "there is no packet in it"),))


def _less_wrapped(body: bytes, decoded: uip.Decoded, headers: Headers) -> tuple[Change, bytes] | Uncorrected:
    disguise = disguise_finding(body, headers) if decoded.form in {"broken", "cut"} else None
    if disguise is not None:
        return Uncorrected(disguise.rule, disguise.path, f"write {disguise.want}")
    match decoded.form:
        case "object":
            change = Change(path="body", was="more after the object", to="the object", why="nothing follows the packet")
            return change, body[: decoded.offset]
        case "empty":
            return Uncorrected("body-empty", "body", "nothing came; the Content-Length, or the client, forgot the body")
        case "cut":
            why = "what was cut off only its sender knows; Content-Length counts octets, not characters"
            return Uncorrected("body-cut", "body", why)
        case "broken" if body.startswith(_BYTE_ORDER_MARK):
            change = Change(path="body", was="a byte order mark", to="nothing", why="UTF-8 has none before JSON")
            return change, body.removeprefix(_BYTE_ORDER_MARK)
        case "broken":
            why = f"write strict JSON in UTF-8: {decoded.reason}, at octet {decoded.offset}"
            return Uncorrected("body-not-json", "body", why)
        case "no-object":
            return _object_inside(body)


def _object_inside(body: bytes) -> tuple[Change, bytes] | Uncorrected:
    entries = uip.entries_of(body) or []
    if len(entries) == 1 and uip.members_of(entries[0]):
        change = Change(path="body", was="an array with a packet", to="the packet", why="one packet in each request")
        return change, bytes(entries[0])
    value = uip.value_of(body)
    if isinstance(value, str) and isinstance(inner := parsed(value), dict) and inner:
        change = Change(path="body", was="JSON inside a string", to="the packet", why="a JSON object")
        return change, value.encode()
    return Uncorrected("body-empty-packet", "body", "there is no packet in it")
