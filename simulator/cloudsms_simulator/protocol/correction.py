"""Corrections: the smallest change that makes a refused packet pass, and what only its sender can mend.

`corrected` takes a body and gives a `Correction`: the packet, its changes with their reasons, and what is left. A
`Draft` is a packet while it is being corrected; what no change touches keeps its bytes. A remedy changes the draft
and returns None, or says why nobody but the sender can mend it. One rule is one line in `REMEDIES`; where there is
nothing to try, its row in `FINDING_RULES` says why. Optional fields that cannot be saved go. A number in international
form, with a plus sign or two zeros in front, tells its country; any other does not, and no remedy moves a number to
another country. The key is never in a corrected packet: `$CLOUDSMS_AUTH_KEY` stands for it.

Spec: Request UIP Format. Spec: Parameter Details. Spec: RESULT_CODE and RESULT_DESC, Remark. Reading: R24.
"""

from collections.abc import Callable, Mapping

import msgspec

from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import (
    AccountView,
    Headers,
    candidate_of,
    disguise_finding,
    from_other_names,
    from_v2,
    poll_finding,
    unsigned,
)
from cloudsms_simulator.protocol.checks import diagnose
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, fits_plan, without_country_code, without_trunk_prefix
from cloudsms_simulator.protocol.customer import split_number
from cloudsms_simulator.protocol.findings import FINDING_RULES, OUT_OF_RANGE, Finding, excerpt
from cloudsms_simulator.protocol.mistakes import Circumstances, certain_hint, country_wanted, digits_of, international
from cloudsms_simulator.protocol.packet import parsed, whole_number
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import look_alike, segment, signed_text
from cloudsms_simulator.protocol.timestamps import wire_time

# A packet while it is being corrected.

LIST_PATH = "$.MULTI_MSISDN_LIST"
_ENTRY = lazy_pattern(r"\$\.MULTI_MSISDN_LIST\[([0-9]{1,9})\](?:\.([A-Z_]+))?")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a packet: where, what came, what takes its place, and why. `nothing` is a field that is not there.

    Values are quoted as findings quote them: as JSON of at most 80 characters and an ellipsis.
    """

    path: str
    was: str = msgspec.field(name="from")
    to: str
    why: str


class Draft:
    """The members of a packet, in their order, and the changes made to them.

    Paths are those of findings: a field `$.TIME`, an entry `$.MULTI_MSISDN_LIST[3]`, or a field of an entry.
    """

    def __init__(self, members: dict[str, msgspec.Raw]) -> None:
        self._members = members
        self._entries: list[msgspec.Raw] | None = None
        """The entries of the list, once one was asked for; what is written to them is not in the members yet."""
        self.changes: list[Change] = []

    @property
    def body(self) -> bytes:
        """The packet as compact JSON; the values in it as they were spelled."""
        self._put_entries_back()
        return msgspec.json.encode(self._members)

    @property
    def members(self) -> dict[str, msgspec.Raw]:
        """Its members as they are now."""
        return dict(self._members)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its members."""
        return tuple(self._members)

    def value(self, path: str) -> object:
        """What stands at a path; None for null, and where nothing stands."""
        return packet.value_of(self._raw(path))

    def put(self, path: str, value: object, why: str) -> None:
        """Puts a value at a path. The same value again is no change."""
        raw = msgspec.Raw(msgspec.json.encode(value))
        before = self._raw(path)
        if bytes(before) != bytes(raw):
            self._write(path, raw)
            self.changes.append(Change(path=path, was=_shown(before), to=excerpt(value), why=why))

    def remove(self, path: str, why: str) -> None:
        """Takes a field of the packet away."""
        self._put_entries_back()
        before = self._members.pop(path.removeprefix("$."), packet.ABSENT)
        self.changes.append(Change(path=path, was=_shown(before), to=excerpt(msgspec.UNSET), why=why))

    def fill_in(self, path: str, value: object) -> None:
        """Puts a value at a path without calling it a change."""
        self._write(path, msgspec.Raw(msgspec.json.encode(value)))

    def _raw(self, path: str) -> msgspec.Raw:
        place = _ENTRY.fullmatch(path)
        if place is None:
            self._put_entries_back()
            return self._members.get(path.removeprefix("$."), packet.ABSENT)
        entry = self._taken_entries()[int(place[1])]
        return entry if place[2] is None else (packet.members_of(entry) or {}).get(place[2], packet.ABSENT)

    def _write(self, path: str, raw: msgspec.Raw) -> None:
        place = _ENTRY.fullmatch(path)
        if place is None:
            self._put_entries_back()
            self._members[path.removeprefix("$.")] = raw
            return
        entries = self._taken_entries()
        index = int(place[1])
        if place[2] is None:
            entries[index] = raw
        else:
            changed = (packet.members_of(entries[index]) or {}) | {place[2]: raw}
            entries[index] = msgspec.Raw(msgspec.json.encode(changed))

    def _taken_entries(self) -> list[msgspec.Raw]:
        """The entries of the list, read once however many of them are changed."""
        if self._entries is None:
            self._entries = packet.entries_of(self._raw(LIST_PATH)) or []
        return self._entries

    def _put_entries_back(self) -> None:
        if self._entries is not None:
            self._members[LIST_PATH.removeprefix("$.")] = msgspec.Raw(msgspec.json.encode(self._entries))
            self._entries = None


def _shown(raw: msgspec.Raw) -> str:
    value: object = msgspec.UNSET if raw == packet.ABSENT else packet.value_of(raw)
    return "a number out of range" if value == OUT_OF_RANGE else excerpt(value)


# Remedies for one destination, or the list of them.

_UNKNOWN = "only its sender knows the number"


def mend_list(draft: Draft, path: str) -> str | None:
    """Makes the list an array of at most 200 objects."""
    given = draft.value(path)
    if isinstance(given, str) and isinstance(inner := parsed(given), list | dict):
        draft.put(path, inner if isinstance(inner, list) else [inner], "an array, not JSON inside a string")
    elif isinstance(given, dict):
        draft.put(path, [given], "an array, also for a single destination")
    elif isinstance(given, list):
        rest = len(given) - packet.MOST_DESTINATIONS
        draft.put(path, given[: packet.MOST_DESTINATIONS], f"200 at most; send the other {rest} in another request")
    elif (one := _international(given)) is not None:
        draft.put(path, [one], "an array of objects")
    else:
        return "only its sender knows whom it is for"
    return None


def mend_destination(draft: Draft, path: str) -> str | None:
    """Makes an entry an object, if what came tells the country."""
    given = draft.value(path)
    inner = parsed(given) if isinstance(given, str) else None
    one = inner if isinstance(inner, dict) else _international(given)
    if one is None:
        return "no telling which country the number is in; write COUNTRY_CODE and DEST_MSISDN"
    draft.put(path, one, "an object")
    return None


def mend_country_code(draft: Draft, path: str) -> str | None:
    """Makes COUNTRY_CODE an integer: what it spells, what the number says, or its digits without the number's."""
    number_path = f"{path.rpartition('.')[0]}.DEST_MSISDN"
    given, msisdn = draft.value(path), draft.value(number_path)
    hint = certain_hint(given, msisdn)
    if hint is None:
        return f"no telling which country the number is in; want {country_wanted(given, msisdn)}"
    draft.put(path, hint.country_code, hint.why)
    if hint.msisdn is not None:
        draft.put(number_path, hint.msisdn, "the number without its country code")
    return None


def mend_msisdn(draft: Draft, path: str) -> str | None:
    """Makes DEST_MSISDN digits in a string, without country code, trunk prefix, plus sign and punctuation."""
    given = draft.value(path)
    spelled = None if isinstance(given, str) else whole_number(given)
    text = given if spelled is None else str(spelled)
    digits = digits_of(text) if isinstance(text, str) else None
    if not isinstance(text, str) or not digits:
        return _UNKNOWN
    value = draft.value(f"{path.rpartition('.')[0]}.COUNTRY_CODE")
    code = value if type(value) is int else 0
    if text.strip().startswith(("+", "00")):
        digits = digits.removeprefix("00")
        named = split_number(digits)
        if not fits_plan(code, digits) and named is not None and named.country_code != code and code in COUNTRY_CODES:
            return f"the number is in country {named.country_code}, COUNTRY_CODE says {code}: only its sender knows"
        digits = _national(code, digits)
    if code == packet.MAINLAND_CHINA and len(digits) != packet.NUMBER_IN_MAINLAND_CHINA:
        digits = without_country_code(code, digits) or without_trunk_prefix(code, digits) or ""
        if len(digits) != packet.NUMBER_IN_MAINLAND_CHINA:
            return "a number in mainland China has 11 digits; only its sender knows them"
    if not 0 < len(digits) <= packet.MSISDN_OCTETS:
        return _UNKNOWN
    draft.put(path, digits, "digits 0 to 9 in a string, without the country code")
    return None


def _national(code: int, digits: str) -> str:
    """Digits that stood behind a plus sign, as they are inside the country.

    A number may begin like its country's code, and the plus sign may have been put before it as it is inside.
    """
    bare = digits.removeprefix(str(code))
    if fits_plan(code, digits) and not fits_plan(code, bare):
        return digits
    return without_trunk_prefix(code, bare) or bare


def _international(value: object) -> dict[str, object] | None:
    """The destination that a number in international form names."""
    found = international(value)
    return None if found is None else {"COUNTRY_CODE": found.country_code, "DEST_MSISDN": found.msisdn}


# Remedies for the other fields.


class CorrectionContext(msgspec.Struct, frozen=True):
    """What a corrected packet may take from the account and the moment."""

    profile: Profile
    route_id: str
    """A route of the account."""
    now: datetime
    """On the account's clock."""


PacketRemedy = Callable[[Draft, str, CorrectionContext], str | None]


def _constant(value: str) -> PacketRemedy:
    def remedy(draft: Draft, path: str, context: CorrectionContext) -> str | None:
        draft.put(path, value, "the only value there is")
        return None

    return remedy


def mend_serial(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Puts the number that SERIAL stands for, or 1."""
    given = whole_number(draft.value(path))
    usable = given is not None and 1 <= given <= packet.HIGHEST_SERIAL
    draft.put(path, given if usable else 1, "an integer from 1 to 65535; it may repeat")
    return None


def mend_time(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Puts the moment of the correction."""
    draft.put(path, wire_time(context.now), "the moment of sending in Hong Kong, YYYY-MM-DD HH:MM:SS")
    return None


def mend_version(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Puts the first version that the profile accepts."""
    draft.put(path, context.profile.versions[0], "the version this platform speaks")
    return None


def mend_route(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Puts a route of the account."""
    draft.put(path, context.route_id, "one of the account's routes; another one ends in state 60")
    return None


def mend_sender(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Takes ORIGINAL_ADDR away, so that the account's default sender is shown."""
    draft.remove(path, "without it the account's default sender is shown")
    return None


def mend_signature(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Makes SIGNATURE a text that is no longer than it may be; what is no text goes."""
    given = draft.value(path)
    text = str(given) if type(given) is int else given
    if not isinstance(text, str):
        draft.remove(path, "an optional text; what came is none")
        return None
    short = text.encode()[: packet.SIGNATURE_OCTETS].decode("utf-8", "ignore")
    draft.put(path, short, "a string of at most 64 octets")
    return None


def mend_small_number(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Puts the integer that a value stands for; takes the field away when it stands for none that fits."""
    given = whole_number(draft.value(path))
    fits = given is not None and (1 <= given <= 5 if path == "$.SIGNATURE_TYPE" else 0 <= given <= packet.HIGHEST_UINT)
    if fits:
        draft.put(path, given, "an integer, without quotes or a point")
    else:
        draft.remove(path, "optional, and what came says nothing")
    return None


def mend_customer_body(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Makes CUSTOMER_BODY an object: the one that came as text, one around what came, or as many members as fit."""
    given = draft.value(path)
    if isinstance(given, str) and (inner := parsed(given)) is not None and isinstance(inner, dict):
        given = inner
    elif not isinstance(given, dict):
        given = {"id": given}
    kept: dict[str, object] = {}
    for name, value in given.items():
        if len(msgspec.json.encode(kept | {name: value})) <= packet.CUSTOMER_BODY_OCTETS:
            kept[name] = value
    if kept or not given:
        draft.put(path, kept, "an object of at most 255 octets; an id of your own is enough")
    else:
        draft.remove(path, "optional, and nothing of it fits into 255 octets")
    return None


def mend_content_type(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Writes a number as the text of its digits."""
    given = draft.value(path)
    if type(given) is not int:
        return "only its sender knows the text"
    draft.put(path, str(given), "a string")
    return None


def mend_content_length(draft: Draft, path: str, context: CorrectionContext) -> str | None:
    """Writes the same text in GSM look-alikes, if it fits then."""
    given, signature = draft.value(path), draft.value("$.SIGNATURE")
    text = given if isinstance(given, str) else ""
    plain = look_alike(text) if len(text) <= packet.LONGEST_COUNTED else text
    kind = unsigned(draft.value("$.SIGNATURE_TYPE"), context.profile)
    signed = signed_text(plain, signature if isinstance(signature, str) else None, kind)
    if plain == given or segment(signed, context.profile.segmentation).segments > packet.MOST_SEGMENTS:
        return "shorten the text, or send it in several requests: what may go only its sender knows"
    draft.put(path, plain, "the same in characters of GSM 03.38, which take less room")
    return None


# Which rule has which remedy.


def _of_a_destination(remedy: Callable[[Draft, str], str | None]) -> PacketRemedy:
    return lambda draft, path, context: remedy(draft, path)


_METHOD, _TYPE = _constant(packet.SEND_METHOD), _constant(packet.REQUEST_TYPE)
_COUNTRY, _NUMBER = _of_a_destination(mend_country_code), _of_a_destination(mend_msisdn)
_LIST = _of_a_destination(mend_list)

REMEDIES: Mapping[str, PacketRemedy] = {
    "method-missing": _METHOD,
    "method-wrong": _METHOD,
    "type-missing": _TYPE,
    "type-wrong": _TYPE,
    "serial-missing": mend_serial,
    "serial-wrong": mend_serial,
    "time-missing": mend_time,
    "time-wrong": mend_time,
    "version-missing": mend_version,
    "version-unknown": mend_version,
    "route-missing": mend_route,
    "route-wrong": mend_route,
    "route-is-auth-key": mend_route,
    "route-unknown": mend_route,
    "sender-wrong": mend_sender,
    "signature-wrong": mend_signature,
    "signature-type-wrong": mend_small_number,
    "priority-wrong": mend_small_number,
    "repeat-wrong": mend_small_number,
    "customer-body-wrong": mend_customer_body,
    "content-wrong": mend_content_type,
    "content-too-long": mend_content_length,
    "list-wrong": _LIST,
    "list-is-object": _LIST,
    "list-is-json-text": _LIST,
    "list-too-long": _LIST,
    "destination-wrong": _of_a_destination(mend_destination),
    "country-missing": _COUNTRY,
    "country-wrong": _COUNTRY,
    "msisdn-wrong": _NUMBER,
    "msisdn-plus": _NUMBER,
    "msisdn-spaces": _NUMBER,
    "msisdn-other-digits": _NUMBER,
    "msisdn-mainland": _NUMBER,
}


# The correction of a body.

KEY_PLACEHOLDER = "$CLOUDSMS_AUTH_KEY"
"""What stands for the account's AUTH_KEY."""

_MOST_WRAPPINGS = 4
"""So many layers around a packet are taken away at most before it is given up."""
_BARE_FINGERPRINT = lazy_pattern(rb'("AUTH_KEY"[ \t\r\n]*+:[ \t\r\n]*+)(key-[0-9a-f]{8})(?![0-9a-f])')
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
    body: bytes, account: AccountView, context: CorrectionContext, *, key_is_known: bool, headers: Headers = ()
) -> Correction:
    """Corrects a body for an account; `key_is_known` tells whether the key in it is already that account's.

    `headers` are those it came with: they may say why it is no JSON. What the account's balance, its limits and a
    scenario make of it later is not looked at.
    """
    draft = _unwrapped(_BARE_FINGERPRINT.sub(rb'\1"\2"', body), context, headers)
    if isinstance(draft, Correction):
        return draft
    draft = _translated(draft)
    poll = poll_finding(packet.decode(draft.body).packet, draft.names)
    if poll is not None:
        return Correction(None, (), (Uncorrected(poll.rule, poll.path, _why_no_remedy(poll)),))
    if key_is_known:
        draft.fill_in("$.AUTH_KEY", KEY_PLACEHOLDER)
    else:
        draft.put("$.AUTH_KEY", KEY_PLACEHOLDER, "the AUTH_KEY of the account")
    left: dict[tuple[str, str], Uncorrected] = {}
    tried: set[tuple[str, str]] = set()
    # A rule that was tried once in a place is not tried again, so this ends.
    while broken := [each for each in _broken(draft.body, account, context) if (each.rule, each.path) not in left]:
        for finding in broken:
            place = (finding.rule, finding.path)
            why = "what was tried does not help" if place in tried else _remedied(draft, finding, context)
            tried.add(place)
            if why is not None:
                left[place] = Uncorrected(*place, why)
    # One remedy may have mended what another gave up.
    still = {(each.rule, each.path) for each in _broken(draft.body, account, context)} if left else set()
    return Correction(draft.body, tuple(draft.changes), tuple(each for place, each in left.items() if place in still))


def beyond_correction(finding: Finding) -> Uncorrected | None:
    """Why no change of the packet answers a finding; None for one that is about the packet, or needs no answer."""
    rule = FINDING_RULES.get(finding.rule)  # A kept finding may be of a version that had other rules.
    if rule is None or rule.not_in_packet is None:
        return None
    return Uncorrected(finding.rule, finding.path, rule.not_in_packet)


def _broken(body: bytes, account: AccountView, context: CorrectionContext) -> list[Finding]:
    candidate = candidate_of(packet.decode(body), account, context.profile)
    findings = diagnose(candidate, Circumstances(body, (), context.now, False))
    return [each for each in findings if each.severity == "error" or each.rule in REMEDIES]


def _remedied(draft: Draft, finding: Finding, context: CorrectionContext) -> str | None:
    remedy = REMEDIES.get(finding.rule)
    return _why_no_remedy(finding) if remedy is None else remedy(draft, finding.path, context)


def _why_no_remedy(finding: Finding) -> str:
    return FINDING_RULES[finding.rule].no_remedy or "nobody but its sender can"


def _translated(draft: Draft) -> Draft:
    """Returns the draft with the fields of UIP v1, where it has them under other names."""
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


def _unwrapped(body: bytes, context: CorrectionContext, headers: Headers) -> Draft | Correction:
    """Returns a draft of the object in a body, or a correction that says why there is none."""
    changes: list[Change] = []
    for _ in range(_MOST_WRAPPINGS):
        decoded = packet.decode(body)
        if decoded.form == "object" and not (decoded.trailing and context.profile.trailing_bytes == "reject"):
            members = packet.members_of(body[: decoded.offset or None])
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


def _less_wrapped(body: bytes, decoded: packet.Decoded, headers: Headers) -> tuple[Change, bytes] | Uncorrected:
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
    entries = packet.entries_of(body) or []
    if len(entries) == 1 and packet.members_of(entries[0]):
        change = Change(path="body", was="an array with a packet", to="the packet", why="one packet in each request")
        return change, bytes(entries[0])
    value = packet.value_of(body)
    if isinstance(value, str) and isinstance(inner := parsed(value), dict) and inner:
        change = Change(path="body", was="JSON inside a string", to="the packet", why="a JSON object")
        return change, value.encode()
    return Uncorrected("body-empty-packet", "body", "there is no packet in it")
