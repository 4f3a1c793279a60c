"""Remedies for destinations: whom a packet is for, as far as what came tells it.

A number in international form, with a plus sign or two zeros in front, tells its country; any other does not. No remedy
moves a number to another country.

Spec: RESULT_CODE and RESULT_DESC, Remark. Reading: R24.
"""

from cloudsms_simulator.protocol import limits
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.country_hints import certain_hint, country_wanted, digits_of, international
from cloudsms_simulator.protocol.customer import split_number
from cloudsms_simulator.protocol.draft import Draft
from cloudsms_simulator.protocol.leniency import parsed, whole_number
from cloudsms_simulator.protocol.number_plans import fits_plan, without_country_code, without_trunk_prefix

_UNKNOWN = "only its sender knows the number"


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
    hint = certain_hint(given, msisdn)
    if hint is None:
        return f"no telling which country the number is in; want {country_wanted(given, msisdn)}"
    draft.put(path, hint.country_code, hint.why)
    if hint.msisdn is not None:
        draft.put(number_path, hint.msisdn, "the number without its country code")
    return None


def number(draft: Draft, path: str) -> str | None:
    """DEST_MSISDN as digits in a string, without country code, trunk prefix, plus sign and punctuation."""
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
        if not fits_plan(code, digits) and named is not None and named.country_code != code and code in ASSIGNED:
            return f"the number is in country {named.country_code}, COUNTRY_CODE says {code}: only its sender knows"
        digits = _national(code, digits)
    if code == limits.MAINLAND_CHINA and len(digits) != limits.NUMBER_IN_MAINLAND_CHINA:
        digits = without_country_code(code, digits) or without_trunk_prefix(code, digits) or ""
        if len(digits) != limits.NUMBER_IN_MAINLAND_CHINA:
            return "a number in mainland China has 11 digits; only its sender knows them"
    if not 0 < len(digits) <= limits.MSISDN_OCTETS:
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
