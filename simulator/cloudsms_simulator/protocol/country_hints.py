"""Country hints: the country code that a wrong COUNTRY_CODE, or the number beside it, stands for.

A hint never moves a number to another country: digits of a code become digits of the number only where both together
are a number of the country whose code is in front, and a mobile country code (MCC) is read as its country's code.

Spec: RESULT_CODE and RESULT_DESC, Remark, Invalid country code. Reading: R24.
"""

import unicodedata

import msgspec

from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.customer import split_number
from cloudsms_simulator.protocol.leniency import whole_number
from cloudsms_simulator.protocol.mobile_country_codes import COUNTRY_CODES_OF
from cloudsms_simulator.protocol.number_plans import fits_plan
from cloudsms_simulator.protocol.submission import Destination

PUNCTUATION = " -().\t\u00a0"
"""What people write between the digits of a number."""
_LONGEST_COUNTRY = 4
"""Digits of a COUNTRY_CODE that may have taken some of the number's; more of them are a whole number."""

_LONGEST_NUMBER = 64
"""Characters of a number with all its punctuation; the longest that is allowed has 32 digits."""


class CountryHint(msgspec.Struct, frozen=True):
    """What would be right: the country code, the number if that changes too, and why, in words."""

    country_code: int
    msisdn: str | None
    why: str


def certain_hint(given: object, msisdn: object) -> CountryHint | None:
    """The one country that a COUNTRY_CODE and a DEST_MSISDN can mean, as they came; None when only the sender knows."""
    code = _code_digits(given)
    if code is None:
        named = international(msisdn) if given in (None, "", msgspec.UNSET) else None
        return None if named is None else CountryHint(named.country_code, named.msisdn, "the country of the number")
    if int(code) in ASSIGNED:
        return CountryHint(int(code), None, "an integer")
    if int(code) in COUNTRY_CODES_OF:
        return _of_mobile_country_code(int(code), msisdn)
    return _of_code_with_digits(code, msisdn)


def country_wanted(given: object, msisdn: object) -> str:
    """What a finding on a COUNTRY_CODE asks for: the code that it, or else the number, stands for, if either does."""
    code, hint = _code_digits(given), certain_hint(given, msisdn)
    if code is not None and int(code) in COUNTRY_CODES_OF and int(code) not in ASSIGNED:
        wanted = " or ".join(map(str, COUNTRY_CODES_OF[int(code)]))
        return f"{wanted}, the country calling code; {code} is a mobile country code (MCC)"
    if code is not None and (hint is not None or len(code) == _LONGEST_COUNTRY):
        front = _assigned_front(code)
        if int(code) in ASSIGNED:
            return f"{int(code)}, as an integer without quotes"
        if front is not None and len(code) <= _LONGEST_COUNTRY:
            return f"{front}, and {code.removeprefix(front)} as the first digits of DEST_MSISDN"
    if hint is not None:
        return f"{hint.country_code}, and DEST_MSISDN {hint.msisdn}"
    likely = likely_country(msisdn)
    if likely is not None:
        return f"an integer: {likely.country_code}, if the number is +{likely.country_code} {likely.msisdn}"
    return "the calling code of the number's country as an integer, such as 852 for Hong Kong"


def likely_country(msisdn: object) -> Destination | None:
    """The destination that a number is if it begins with its country code: one whose rest has a length used there."""
    digits = digits_of(msisdn) if isinstance(msisdn, str) else None
    found = split_number((digits or "").removeprefix("00"))
    return found if found is not None and fits_plan(found.country_code, found.msisdn) else None


def international(value: object) -> Destination | None:
    """The destination that a number with a plus sign or two zeros in front names; None for any other value."""
    if not isinstance(value, str) or not value.strip().startswith(("+", "00")):
        return None
    return split_number((digits_of(value) or "").removeprefix("00"))


def digits_of(text: str) -> str | None:
    """The digits of a number as people write it, in ASCII; None for anything else, and for over 64 characters."""
    if len(text) > _LONGEST_NUMBER:
        return None
    kept = [each for each in text.strip().removeprefix("+") if each not in PUNCTUATION]
    if not all(map(str.isdecimal, kept)):
        return None
    return "".join(str(unicodedata.decimal(each)) for each in kept)


def _of_mobile_country_code(code: int, msisdn: object) -> CountryHint | None:
    """The country of an MCC, where that is one country and the number can be in it."""
    countries = COUNTRY_CODES_OF[code]
    digits = digits_of(msisdn) if isinstance(msisdn, str) else None
    if len(countries) > 1 or digits is None or not fits_plan(countries[0], digits):
        return None
    return CountryHint(countries[0], None, f"the country calling code; {code} is a mobile country code (MCC)")


def _of_code_with_digits(code: str, msisdn: object) -> CountryHint | None:
    """A country code with digits of the number behind it: 1242 and 5550123, or a whole number and nothing."""
    shorter = _assigned_front(code)
    alone = msisdn in (None, "", msgspec.UNSET)
    is_split = alone if len(code) > _LONGEST_COUNTRY else isinstance(msisdn, str) and not alone
    if shorter is None or not is_split:
        return None
    number = code.removeprefix(shorter) + (msisdn if isinstance(msisdn, str) else "")
    if not fits_plan(int(shorter), number):
        return None
    return CountryHint(int(shorter), number, f"the digits behind {shorter} belong to the number")


def _assigned_front(code: str) -> str | None:
    """The country code that longer digits begin with."""
    return next((code[:end] for end in (3, 2, 1) if end < len(code) and int(code[:end]) in ASSIGNED), None)


def _code_digits(value: object) -> str | None:
    """The digits of a country code, without zeros in front, however it is spelled; None when it is none."""
    text = value if isinstance(value, str) else str(whole_number(value))
    digits = digits_of(text)
    return digits.lstrip("0") or None if digits else None
