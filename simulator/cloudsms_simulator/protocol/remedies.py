"""Remedies: what to change in a packet so that a rule is no longer broken, where that can be known.

A remedy changes the draft and returns None, or says why nobody but the sender can mend it. One rule is one line in
`REMEDIES`, or in `NO_REMEDY` or `ELSEWHERE` when there is nothing to try. Optional fields that cannot be saved go.

Spec: Request UIP Format. Spec: Parameter Details. Reading: R24.
"""

from collections.abc import Callable, Mapping

import msgspec

from cloudsms_simulator.protocol import limits
from cloudsms_simulator.protocol.candidate import unsigned
from cloudsms_simulator.protocol.content import signed_text
from cloudsms_simulator.protocol.draft import Draft
from cloudsms_simulator.protocol.gsm import look_alike
from cloudsms_simulator.protocol.leniency import parsed, whole_number
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.number_remedies import country, destination, destinations, number
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import segment
from cloudsms_simulator.protocol.timestamps import wire_time


class Model(msgspec.Struct, frozen=True):
    """What a corrected packet may take from the account and the moment."""

    profile: Profile
    route_id: str
    """A route of the account."""
    now: datetime
    """On the account's clock."""


Remedy = Callable[[Draft, str, Model], str | None]


def _constant(value: str) -> Remedy:
    def remedy(draft: Draft, path: str, model: Model) -> str | None:
        draft.put(path, value, "the only value there is")
        return None

    return remedy


def serial(draft: Draft, path: str, model: Model) -> str | None:
    """The number it stands for, or 1."""
    given = whole_number(draft.value(path))
    usable = given is not None and 1 <= given <= limits.HIGHEST_SERIAL
    draft.put(path, given if usable else 1, "an integer from 1 to 65535; it may repeat")
    return None


def time(draft: Draft, path: str, model: Model) -> str | None:
    """The moment."""
    draft.put(path, wire_time(model.now), "the moment of sending in Hong Kong, YYYY-MM-DD HH:MM:SS")
    return None


def version(draft: Draft, path: str, model: Model) -> str | None:
    """The first that the profile accepts."""
    draft.put(path, model.profile.versions[0], "the version this platform speaks")
    return None


def route(draft: Draft, path: str, model: Model) -> str | None:
    """A route of the account."""
    draft.put(path, model.route_id, "one of the account's routes; another one ends in state 60")
    return None


def sender(draft: Draft, path: str, model: Model) -> str | None:
    """None: the account's default sender is taken."""
    draft.remove(path, "without it the account's default sender is shown")
    return None


def signature(draft: Draft, path: str, model: Model) -> str | None:
    """As text, and no longer than it may be."""
    given = draft.value(path)
    text = str(given) if type(given) is int else given
    if not isinstance(text, str):
        draft.remove(path, "an optional text; what came is none")
        return None
    short = text.encode()[: limits.SIGNATURE_OCTETS].decode("utf-8", "ignore")
    draft.put(path, short, "a string of at most 64 octets")
    return None


def small_number(draft: Draft, path: str, model: Model) -> str | None:
    """The integer it stands for; left out when it stands for none that fits."""
    given = whole_number(draft.value(path))
    fits = given is not None and (1 <= given <= 5 if path == "$.SIGNATURE_TYPE" else 0 <= given <= limits.HIGHEST_UINT)
    if fits:
        draft.put(path, given, "an integer, without quotes or a point")
    else:
        draft.remove(path, "optional, and what came says nothing")
    return None


def customer_body(draft: Draft, path: str, model: Model) -> str | None:
    """An object: the one that came as text, what came inside one, or as many members as fit."""
    given = draft.value(path)
    if isinstance(given, str) and (inner := parsed(given)) is not None and isinstance(inner, dict):
        given = inner
    elif not isinstance(given, dict):
        given = {"id": given}
    kept: dict[str, object] = {}
    for name, value in given.items():
        if len(msgspec.json.encode(kept | {name: value})) <= limits.CUSTOMER_BODY_OCTETS:
            kept[name] = value
    if kept or not given:
        draft.put(path, kept, "an object of at most 255 octets; an id of your own is enough")
    else:
        draft.remove(path, "optional, and nothing of it fits into 255 octets")
    return None


def content_type(draft: Draft, path: str, model: Model) -> str | None:
    """The digits of a number."""
    given = draft.value(path)
    if type(given) is not int:
        return "only its sender knows the text"
    draft.put(path, str(given), "a string")
    return None


def content_length(draft: Draft, path: str, model: Model) -> str | None:
    """The same text in GSM look-alikes, if it fits then."""
    given, signature = draft.value(path), draft.value("$.SIGNATURE")
    text = given if isinstance(given, str) else ""
    plain = look_alike(text) if len(text) <= limits.LONGEST_COUNTED else text
    kind = unsigned(draft.value("$.SIGNATURE_TYPE"), model.profile)
    signed = signed_text(plain, signature if isinstance(signature, str) else None, kind)
    if plain == given or segment(signed, model.profile.segmentation).segments > limits.MOST_SEGMENTS:
        return "shorten the text, or send it in several requests: what may go only its sender knows"
    draft.put(path, plain, "the same in characters of GSM 03.38, which take less room")
    return None


def _of_a_destination(remedy: Callable[[Draft, str], str | None]) -> Remedy:
    return lambda draft, path, model: remedy(draft, path)


_METHOD, _TYPE = _constant(limits.METHOD), _constant(limits.TYPE)
_COUNTRY, _NUMBER = _of_a_destination(country), _of_a_destination(number)
_LIST = _of_a_destination(destinations)

REMEDIES: Mapping[str, Remedy] = {
    "method-missing": _METHOD,
    "method-wrong": _METHOD,
    "type-missing": _TYPE,
    "type-wrong": _TYPE,
    "serial-missing": serial,
    "serial-wrong": serial,
    "time-missing": time,
    "time-wrong": time,
    "version-missing": version,
    "version-unknown": version,
    "route-missing": route,
    "route-wrong": route,
    "route-is-auth-key": route,
    "route-unknown": route,
    "sender-wrong": sender,
    "signature-wrong": signature,
    "signature-type-wrong": small_number,
    "priority-wrong": small_number,
    "repeat-wrong": small_number,
    "customer-body-wrong": customer_body,
    "content-wrong": content_type,
    "content-too-long": content_length,
    "list-wrong": _LIST,
    "list-is-object": _LIST,
    "list-is-json-text": _LIST,
    "list-too-long": _LIST,
    "destination-wrong": _of_a_destination(destination),
    "country-missing": _COUNTRY,
    "country-wrong": _COUNTRY,
    "msisdn-wrong": _NUMBER,
    "msisdn-plus": _NUMBER,
    "msisdn-spaces": _NUMBER,
    "msisdn-other-digits": _NUMBER,
    "msisdn-mainland": _NUMBER,
}

_LATER = "the packet is in order; send it again later, after ten minutes as the document says"
_SCENARIO = "the scenario, or a magic number, says so whatever the packet holds"
_NO_PACKET = "what came is no packet; the finding says what would be one"
_OURS = "the packet may well be in order; what failed is the simulator, and its log says why"

NO_REMEDY: Mapping[str, str] = {
    "uip-v2": "UIP v2 is another protocol: write the packet with the fields of v1, all on the top level",
    "names-misspelt": "write the names of fields as the specification does",
    "polled-for-report": "nothing to correct: a report is not asked for, it comes to the account's callback by itself",
    "content-missing": "only its sender knows the text",
    "list-missing": "only its sender knows whom it is for",
    "msisdn-missing": "only its sender knows the number",
    "msisdn-placeholder": "only its sender knows the digits behind the x",
    "blacklisted-number": "the account's blacklist has the number, and nothing in the packet changes that",
    "blacklisted-word": "only its sender can say it in other words",
    "unpriced": "the account needs a price for the country, or the message another country",
}
"""Why a rule that a packet breaks has no remedy."""

ELSEWHERE: Mapping[str, str] = {
    "rate-limited": _LATER,
    "queue-full": _LATER,
    "batch-refused": "another destination of the batch is refused; in a request of its own this one would pass",
    "scripted-code": _SCENARIO,
    "scripted-fault": _SCENARIO,
    "local-rejected": "the account, or the number, is what does not fit",
    "body-too-large": "send fewer destinations at once: 200 of them fit easily",
    "body-unfinished": _NO_PACKET,
    "head-unfinished": _NO_PACKET,
    "path-wrong": _NO_PACKET,
    "http-method-wrong": _NO_PACKET,
    "not-http": _NO_PACKET,
    "surplus-bytes": "Content-Length has to count octets, not characters",
    "handshake-refused": _NO_PACKET,
    "source-not-whitelisted": "the packet may well be in order; it came from an address nobody expects",
    "unknown-error": _OURS,
    "store-failed": _OURS,
}
"""Why a rule that is not broken by what a packet holds has no remedy."""
