"""Remedies for destinations: whom a packet is for, as far as what came tells it.

A number in international form, with a plus sign or two zeros in front, tells its country; any other does not.

Spec: RESULT_CODE and RESULT_DESC, Remark. Reading: R24.
"""

import unicodedata

from cloudsms_simulator.protocol import limits
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.customer import split_number
from cloudsms_simulator.protocol.draft import Draft
from cloudsms_simulator.protocol.leniency import parsed, whole_number

_PUNCTUATION = " -().\t\u00a0"
_UNKNOWN = "only its sender knows the number"
_LONGEST_COUNTRY = 4
"""Digits of a COUNTRY_CODE that may have taken some of the number's; more of them are no country code."""


def destinations(draft: Draft, path: str) -> str | None:
    """An array of at most 200 objects."""
    given = draft.value(path)
    if isinstance(given, str) and isinstance(inner := parsed(given), list | dict):
        draft.put(path, inner if isinstance(inner, list) else [inner], "an array, not JSON inside a string")
    elif isinstance(given, dict):
        draft.put(path, [given], "an array, also for a single destination")
    elif isinstance(given, list):
        rest = len(given) - limits.MOST_DESTINATIONS
        draft.put(path, given[: limits.MOST_DESTINATIONS], f"200 at most; send the other {rest} in another request")
    elif (one := _international(given)) is not None:
        draft.put(path, [one], "an array of objects")
    else:
        return "only its sender knows whom it is for"
    return None


def destination(draft: Draft, path: str) -> str | None:
    """An object, if what came tells the country."""
    given = draft.value(path)
    inner = parsed(given) if isinstance(given, str) else None
    one = inner if isinstance(inner, dict) else _international(given)
    if one is None:
        return "no telling which country the number is in; write COUNTRY_CODE and DEST_MSISDN"
    draft.put(path, one, "an object")
    return None


def country(draft: Draft, path: str) -> str | None:
    """COUNTRY_CODE as an integer: what was spelled otherwise, what the number says, or without the number's digits."""
    number_path = f"{path.rpartition('.')[0]}.DEST_MSISDN"
    given, msisdn = draft.value(path), draft.value(number_path)
    code = _spelled(given)
    if code is None:
        one = _international(msisdn) if given in (None, "") else None
        if one is None:
            return "no telling which country the number is in"
        draft.put(path, one["COUNTRY_CODE"], "the country of the number")
        draft.put(number_path, one["DEST_MSISDN"], "without the country code")
        return None
    if int(code) in ASSIGNED:
        draft.put(path, int(code), "an integer")
        return None
    shorter = next((code[:end] for end in (3, 2, 1) if end < len(code) and int(code[:end]) in ASSIGNED), None)
    alone = msisdn in (None, "")
    # A whole number in place of the country, or a few of the number's digits behind it.
    is_split = alone if len(code) > _LONGEST_COUNTRY else isinstance(msisdn, str) and not alone
    if shorter is None or not is_split:
        return "no country has this calling code"
    draft.put(path, int(shorter), "the country calling code alone")
    begun = code.removeprefix(shorter)
    draft.put(number_path, begun if alone else f"{begun}{msisdn}", "the digits behind it belong to the number")
    return None


def number(draft: Draft, path: str) -> str | None:
    """DEST_MSISDN as digits in a string, without country code, plus sign and punctuation."""
    given = draft.value(path)
    spelled = None if isinstance(given, str) else whole_number(given)
    text = given if spelled is None else str(spelled)
    digits = _digits(text) if isinstance(text, str) else None
    if not digits:
        return _UNKNOWN
    code = draft.value(f"{path.rpartition('.')[0]}.COUNTRY_CODE")
    prefix = str(code) if type(code) is int else ""
    if isinstance(text, str) and text.strip().startswith(("+", "00")):
        digits = digits.removeprefix("00").removeprefix(prefix)
    if code == limits.MAINLAND_CHINA and len(digits) != limits.NUMBER_IN_MAINLAND_CHINA:
        digits = digits.removeprefix("86").removeprefix("0")
        if len(digits) != limits.NUMBER_IN_MAINLAND_CHINA:
            return "a number in mainland China has 11 digits; only its sender knows them"
    if not 0 < len(digits) <= limits.MSISDN_OCTETS:
        return _UNKNOWN
    draft.put(path, digits, "digits 0 to 9 in a string, without the country code")
    return None


def _digits(text: str) -> str | None:
    """The digits of a number as people write it; None when there is something else in it."""
    bare = text.strip().removeprefix("+")
    kept = [each for each in bare if each not in _PUNCTUATION]
    if not all(map(str.isdecimal, kept)):
        return None
    return "".join(str(unicodedata.decimal(each)) for each in kept)


def _international(value: object) -> dict[str, object] | None:
    """The destination that a number in international form names."""
    if not isinstance(value, str) or not value.strip().startswith(("+", "00")):
        return None
    found = split_number((_digits(value) or "").removeprefix("00"))
    return None if found is None else {"COUNTRY_CODE": found.country_code, "DEST_MSISDN": found.msisdn}


def _spelled(value: object) -> str | None:
    """The digits of a country code, without zeros in front, however it is spelled."""
    text = value if isinstance(value, str) else str(whole_number(value))
    digits = _digits(text)
    return digits.lstrip("0") or None if digits else None
