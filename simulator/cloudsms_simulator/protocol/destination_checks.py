"""Checks 17 to 19: is each destination in order? A failure refuses that destination only.

These never refuse a request; they write the verdict of each refused destination into the candidate, and why.

Spec: RESULT_CODE and RESULT_DESC, Remark. Reading: R3.
"""

from collections.abc import Sequence

import msgspec

from cloudsms_simulator.protocol import limits, uip
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, missing
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.country_hints import PUNCTUATION, country_wanted
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.finding_rules import found
from cloudsms_simulator.protocol.request_checks import echo_of
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.submission import Destination


def destinations_are_numbers(candidate: Candidate) -> Refusal | None:
    """Check 17: an assigned country code; 1 to 32 ASCII digits; 11 of them in mainland China."""
    if _are_all_in_order(candidate.destinations):
        return None
    refused = [
        index
        for index, destination in enumerate(candidate.destinations)
        if destination.country_code not in ASSIGNED or not _is_number(destination)
    ]
    if refused:
        entries = uip.listed(candidate.decoded)
        for index in refused:
            candidate.verdicts[index] = ResultCode.INVALID_PARAMETER
            candidate.destinations[index] = echo_of(entries[index], candidate.profile)
            candidate.findings += _why(f"$.MULTI_MSISDN_LIST[{index}]", candidate.destinations[index], entries[index])
    return None


def destinations_are_not_blacklisted(candidate: Candidate) -> Refusal | None:
    """Check 18: number globs on country code + number, words in the signed text."""
    account = candidate.account
    if account is None or not account.blacklist:
        return None
    word = account.blacklist.blocks_text(candidate.text)
    if word is not None:
        candidate.findings.append(found("blacklisted-word", "$.SMS_CONTENT", word, "a text without the word"))
    for index, destination in enumerate(candidate.destinations):
        glob = account.blacklist.blocks_number(destination.number)
        if glob is not None:
            path, want = f"$.MULTI_MSISDN_LIST[{index}]", f"a number that {glob} does not match"
            candidate.findings.append(found("blacklisted-number", path, destination.number, want))
        if word is not None or glob is not None:
            candidate.verdicts.setdefault(index, ResultCode.INTERCEPT)
    return None


def destinations_have_a_price(candidate: Candidate) -> Refusal | None:
    """Check 19: the account has a price for the country, unless the profile leaves that to a report."""
    account = candidate.account
    if account is None or candidate.profile.unpriced == "report":
        return None
    countries = {destination.country_code for destination in candidate.destinations}
    unpriced = [country for country in countries if account.price(country) is None]
    for index, destination in enumerate(candidate.destinations) if unpriced else ():
        if destination.country_code in unpriced and destination.country_code in ASSIGNED:
            candidate.verdicts.setdefault(index, ResultCode.UNPRICED_AREA)
            path = f"$.MULTI_MSISDN_LIST[{index}].COUNTRY_CODE"
            want = "a country the account has a price for"
            candidate.findings.append(found("unpriced", path, destination.country_code, want))
    return None


def _are_all_in_order(destinations: Sequence[Destination]) -> bool:
    """Whether every destination certainly passes check 17: asked of all at once, as it nearly always is so."""
    numbers = [destination.msisdn for destination in destinations]
    countries = {destination.country_code for destination in destinations}
    digits = "".join(numbers)
    return (
        digits.isascii()
        and digits.isdigit()
        and "" not in numbers
        and len(max(numbers, key=len)) <= limits.MSISDN_OCTETS
        and ASSIGNED.issuperset(countries)
        and limits.MAINLAND_CHINA not in countries
    )


def _is_number(destination: Destination) -> bool:
    msisdn = destination.msisdn
    if not (msisdn.isascii() and msisdn.isdigit() and len(msisdn) <= limits.MSISDN_OCTETS):
        return False
    return destination.country_code != limits.MAINLAND_CHINA or len(msisdn) == limits.NUMBER_IN_MAINLAND_CHINA


def _why(path: str, destination: Destination, entry: msgspec.Raw) -> list[Finding]:
    members = uip.members_of(entry)
    if members is None:
        return [found("destination-wrong", path, uip.value_of(entry), "an object")]
    findings = []
    country = uip.value_of(members.get("COUNTRY_CODE", uip.ABSENT))
    msisdn = uip.value_of(members.get("DEST_MSISDN", uip.ABSENT))
    if destination.country_code not in ASSIGNED or missing(country):
        rule = "country-missing" if missing(country) else "country-wrong"
        findings.append(found(rule, f"{path}.COUNTRY_CODE", country, country_wanted(country, msisdn)))
    if not _is_number(destination):
        rule = _number_rule(msisdn, destination.country_code)
        want = "11 digits" if rule == "msisdn-mainland" else "1 to 32 digits 0 to 9, without the country code"
        findings.append(found(rule, f"{path}.DEST_MSISDN", msisdn, want))
    return findings


def _number_rule(msisdn: object, country_code: int) -> str:
    """The rule that says best what is wrong with a number."""
    if missing(msisdn):
        return "msisdn-missing"
    if not isinstance(msisdn, str):
        return "msisdn-wrong"
    if msisdn.isascii() and msisdn.isdigit():
        mainland = country_code == limits.MAINLAND_CHINA and len(msisdn) <= limits.MSISDN_OCTETS
        return "msisdn-mainland" if mainland else "msisdn-wrong"
    if "x" in msisdn.lower() and set(msisdn.lower()) <= _DIGITS_AND_X:
        return "msisdn-placeholder"
    if msisdn.strip().startswith("+"):
        return "msisdn-plus"
    if msisdn.isdigit():
        return "msisdn-other-digits"
    bare = msisdn.translate(_PUNCTUATION)
    return "msisdn-spaces" if bare.isascii() and bare.isdigit() else "msisdn-wrong"


_DIGITS_AND_X = frozenset("0123456789x")
_PUNCTUATION = str.maketrans("", "", PUNCTUATION)
