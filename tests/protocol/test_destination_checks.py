"""Checks 17 to 19: is each destination in order?"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, Blacklist
from cloudsms_simulator.protocol.codes import COUNTRY_CODES, ResultCode
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.protocol.profile import OBSERVED, Profile

Make = Callable[..., dict[str, object]]
Judge = Callable[..., Any]

UNSET = msgspec.UNSET
OK, INVALID, INTERCEPT, UNPRICED = 0x01, 0x10000001, 0x10000006, 0x1000000F


def entry(country: object = 852, msisdn: object = "67000011") -> dict[str, object]:
    """One destination in order, with its fields changed or, as UNSET, taken away."""
    fields = {"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}
    return {name: value for name, value in fields.items() if value is not UNSET}


@pytest.fixture
def judge_one(packet: Make, judge: Judge) -> Judge:
    """Judges a packet with one destination."""

    def decide(value: object, **circumstances: object) -> Any:
        return judge(json.dumps(packet(MULTI_MSISDN_LIST=[value])).encode(), **circumstances)

    return decide


@pytest.mark.parametrize(
    ("country", "rule"),
    [
        (UNSET, "country-missing"),
        (None, "country-missing"),
        ("", "country-missing"),
        ("852", "country-wrong"),
        ("+852", "country-wrong"),
        (852.0, "country-wrong"),
        (True, "country-wrong"),
        ([852], "country-wrong"),
        ({}, "country-wrong"),
        (0, "country-wrong"),
        (-852, "country-wrong"),
        (2, "country-wrong"),
        (999, "country-wrong"),
        (1242, "country-wrong"),
        (10000, "country-wrong"),
        (2**70, "country-wrong"),
    ],
)
def test_check_17_a_country_code_is_an_assigned_calling_code(judge_one: Judge, country: object, rule: str) -> None:
    judged = judge_one(entry(country))

    assert (judged.code, judged.codes, judged.rules) == (OK, (INVALID,), [rule])
    assert judged.of(rule).path == "$.MULTI_MSISDN_LIST[0].COUNTRY_CODE"


@pytest.mark.parametrize("country", sorted(COUNTRY_CODES - {86}))
def test_check_17_every_assigned_calling_code_is_accepted(judge_one: Judge, country: int) -> None:
    assert judge_one(entry(country, "5550123")).codes == (OK,)


@pytest.mark.parametrize(
    ("country", "want"),
    [
        (1242, "1, and 242 as the first digits of DEST_MSISDN"),
        (1876, "1, and 876 as the first digits of DEST_MSISDN"),
        (7840, "7, and 840 as the first digits of DEST_MSISDN"),
        (4420, "44, and 20 as the first digits of DEST_MSISDN"),
        (999, "the calling code of the number's country as an integer, such as 852 for Hong Kong"),
        ("852", "852, as an integer without quotes"),
        ("44", "44, as an integer without quotes"),
        ("+0065", "65, as an integer without quotes"),
        (454, "852, the country calling code; 454 is a mobile country code (MCC)"),
        ("525", "65, the country calling code; 525 is a mobile country code (MCC)"),
        (340, "590 or 594 or 596, the country calling code; 340 is a mobile country code (MCC)"),
    ],
)
def test_check_17_a_wrong_country_code_tells_the_right_one(judge_one: Judge, country: object, want: str) -> None:
    assert judge_one(entry(country)).of("country-wrong").want == want


@pytest.mark.parametrize(
    ("msisdn", "want"),
    [
        ("66812345678", "an integer: 66, if the number is +66 812345678"),
        ("+66812345678", "66, and DEST_MSISDN 812345678"),
        ("0044 7700 900123", "44, and DEST_MSISDN 7700900123"),
        ("67000011", "the calling code of the number's country as an integer, such as 852 for Hong Kong"),
        ("", "the calling code of the number's country as an integer, such as 852 for Hong Kong"),
        (None, "the calling code of the number's country as an integer, such as 852 for Hong Kong"),
    ],
)
def test_check_17_a_missing_country_code_is_told_by_the_number(judge_one: Judge, msisdn: object, want: str) -> None:
    assert judge_one(entry(None, msisdn)).of("country-missing").want == want


@pytest.mark.parametrize(
    ("msisdn", "rule"),
    [
        (UNSET, "msisdn-missing"),
        (None, "msisdn-missing"),
        ("", "msisdn-missing"),
        (67000011, "msisdn-wrong"),
        (["67000011"], "msisdn-wrong"),
        (True, "msisdn-wrong"),
        ("1" * 33, "msisdn-wrong"),
        ("67000011a", "msisdn-wrong"),
        ("67000011\x00", "msisdn-wrong"),
        ("tel:67000011", "msisdn-wrong"),
        ("67000011x5 ext", "msisdn-wrong"),
        ("   ", "msisdn-wrong"),
        ("67xxxx11", "msisdn-placeholder"),
        ("67XXXX28", "msisdn-placeholder"),
        ("xxxxxxxx", "msisdn-placeholder"),
        ("+67000011", "msisdn-plus"),
        (" +6700 0011", "msisdn-plus"),
        ("6700 0011", "msisdn-spaces"),
        ("6700-0011", "msisdn-spaces"),
        ("(67)00.0011", "msisdn-spaces"),
        ("67000011 ", "msisdn-spaces"),
        ("６７０００011", "msisdn-other-digits"),
        ("٦٧٠٠٠٠١١", "msisdn-other-digits"),
        ("²²²²", "msisdn-other-digits"),
    ],
)
def test_check_17_a_number_is_1_to_32_ascii_digits(judge_one: Judge, msisdn: object, rule: str) -> None:
    judged = judge_one(entry(msisdn=msisdn))

    assert (judged.code, judged.codes, judged.rules) == (OK, (INVALID,), [rule])
    assert judged.of(rule).path == "$.MULTI_MSISDN_LIST[0].DEST_MSISDN"


@pytest.mark.parametrize("msisdn", ["1", "0", "67000011", "1" * 32])
def test_check_17_numbers_of_1_to_32_digits_are_accepted(judge_one: Judge, msisdn: str) -> None:
    judged = judge_one(entry(msisdn=msisdn))

    assert (judged.codes, judged.submission.destinations) == ((OK,), (Destination(852, msisdn),))


@pytest.mark.parametrize(
    ("digits", "code", "rules"),
    [
        (10, INVALID, ["msisdn-mainland"]),
        (11, OK, []),
        (12, INVALID, ["msisdn-mainland"]),
        (32, INVALID, ["msisdn-mainland"]),
        (33, INVALID, ["msisdn-wrong"]),
    ],
)
def test_check_17_a_number_in_mainland_china_has_11_digits(
    judge_one: Judge, digits: int, code: int, rules: list[str]
) -> None:
    judged = judge_one(entry(86, "13800138000"[:digits].ljust(digits, "0")))

    assert (judged.codes, judged.rules) == ((code,), rules)
    assert [finding.want for finding in judged.findings if finding.rule == "msisdn-mainland"] == (
        ["11 digits"] if "msisdn-mainland" in rules else []
    )
    assert judge_one(entry(852, "1" * 10)).codes == (OK,)


@pytest.mark.parametrize("value", [None, "67000011", 67000011, True, [852, "67000011"], []])
def test_check_17_an_entry_is_an_object(judge_one: Judge, value: object) -> None:
    judged = judge_one(value)

    assert (judged.code, judged.codes, judged.rules) == (OK, (INVALID,), ["destination-wrong"])
    assert judged.of("destination-wrong").path == "$.MULTI_MSISDN_LIST[0]"


def test_check_17_an_empty_entry_misses_both_fields(judge_one: Judge) -> None:
    assert judge_one({}).rules == ["country-missing", "msisdn-missing"]


def test_check_17_refuses_that_destination_only(packet: Make, judge: Judge) -> None:
    entries = [entry(), entry(msisdn="+67000011"), entry(1242, "1" * 33), None, entry(86, "13800138000"), entry("852")]

    judged = judge(packet(MULTI_MSISDN_LIST=entries))

    assert judged.codes == (OK, INVALID, INVALID, INVALID, OK, INVALID)
    assert judged.submission.destinations == (
        Destination(852, "67000011"),
        Destination(852, "+67000011"),
        Destination(1242, ""),
        Destination(0, ""),
        Destination(86, "13800138000"),
        Destination(0, "67000011"),
    )
    assert [(finding.rule, finding.path) for finding in judged.findings if finding.severity == "error"] == [
        ("msisdn-plus", "$.MULTI_MSISDN_LIST[1].DEST_MSISDN"),
        ("country-wrong", "$.MULTI_MSISDN_LIST[2].COUNTRY_CODE"),
        ("msisdn-wrong", "$.MULTI_MSISDN_LIST[2].DEST_MSISDN"),
        ("destination-wrong", "$.MULTI_MSISDN_LIST[3]"),
        ("country-wrong", "$.MULTI_MSISDN_LIST[5].COUNTRY_CODE"),
    ]


@pytest.mark.parametrize(("country", "echoed"), [(-1, 0), (0, 0), (1242, 1242), (9999, 9999), (10000, 0), (2**70, 0)])
def test_a_refused_destination_keeps_only_what_an_answer_echoes(judge_one: Judge, country: int, echoed: int) -> None:
    assert judge_one(entry(country)).submission.destinations == (Destination(echoed, "67000011"),)
    assert judge_one(entry(country, "1" * 33)).submission.destinations == (Destination(echoed, ""),)


@pytest.mark.parametrize("country", ["852", "0852"])
def test_check_17_a_country_code_in_digits_is_one_if_the_profile_says_so(judge_one: Judge, country: str) -> None:
    judged = judge_one(entry(country), account=Account(profile=OBSERVED))

    assert (judged.codes, judged.submission.destinations) == ((OK,), (Destination(852, "67000011"),))
    assert judged.of("digit-string").path == "$.MULTI_MSISDN_LIST[0].COUNTRY_CODE"


def test_check_17_a_number_that_is_no_string_is_one_in_no_profile(judge_one: Judge) -> None:
    assert judge_one(entry(msisdn=67000011), account=Account(profile=OBSERVED)).codes == (INVALID,)


@pytest.mark.parametrize(
    ("globs", "blocked"),
    [
        (("85267000011",), True),
        (("852*",), True),
        (("*0011",), True),
        (("8526700001?",), True),
        (("86*", "8526*"), True),
        (("67000011",), False),
        (("+85267000011",), False),
        (("86*",), False),
        ((), False),
    ],
)
def test_check_18_globs_match_country_code_and_number(judge_one: Judge, globs: tuple[str, ...], blocked: bool) -> None:
    judged = judge_one(entry(), account=Account(blacklist=Blacklist(numbers=globs)))

    assert judged.codes == ((INTERCEPT,) if blocked else (OK,))
    assert judged.rules == (["blacklisted-number"] if blocked else [])


@pytest.mark.parametrize(
    ("words", "blocked"),
    [
        (("casino",), True),
        (("CASINO",), True),
        (("big casino",), True),
        (("[S]",), True),
        (("lottery",), False),
        (("casinos",), False),
    ],
)
def test_check_18_words_are_sought_in_the_signed_text_in_any_case(
    packet: Make, judge: Judge, words: tuple[str, ...], blocked: bool
) -> None:
    body = packet(
        SMS_CONTENT="The BIG Casino",
        SIGNATURE="S",
        SIGNATURE_TYPE=4,
        MULTI_MSISDN_LIST=[entry(), entry(65, "81234567")],
    )

    judged = judge(body, account=Account(blacklist=Blacklist(words=words)))

    assert judged.codes == ((INTERCEPT,) * 2 if blocked else (OK,) * 2)
    assert judged.rules == (["blacklisted-word"] if blocked else [])


def test_check_18_intercepts_that_destination_only(packet: Make, judge: Judge) -> None:
    entries = [entry(), entry(65, "81234567"), entry(852, "67000028")]

    judged = judge(packet(MULTI_MSISDN_LIST=entries), account=Account(blacklist=Blacklist(numbers=("65*",))))

    assert judged.codes == (OK, INTERCEPT, OK)
    assert judged.of("blacklisted-number").path == "$.MULTI_MSISDN_LIST[1]"


HONG_KONG_ONLY = {852: Decimal("0.05")}


def test_check_19_a_country_without_a_price_is_refused(packet: Make, judge: Judge) -> None:
    entries = [entry(65, "81234567"), entry()]

    judged = judge(packet(MULTI_MSISDN_LIST=entries), account=Account(prices=HONG_KONG_ONLY))

    assert judged.codes == (UNPRICED, OK)
    assert judged.of("unpriced").path == "$.MULTI_MSISDN_LIST[0].COUNTRY_CODE"


@pytest.mark.parametrize("prices", [{None: Decimal("0.05")}, {65: Decimal(0)}, {65: Decimal("1"), None: Decimal("2")}])
def test_check_19_a_price_of_its_own_or_of_the_rest_will_do(
    judge_one: Judge, prices: dict[int | None, Decimal]
) -> None:
    assert judge_one(entry(65, "81234567"), account=Account(prices=prices)).codes == (OK,)


def test_check_19_the_profile_may_leave_it_to_a_report(judge_one: Judge) -> None:
    account = Account(prices=HONG_KONG_ONLY, profile=Profile(unpriced="report"))

    judged = judge_one(entry(65, "81234567"), account=account)

    assert (judged.codes, judged.rules) == ((OK,), [])


def test_the_first_check_that_fails_decides_and_the_others_are_told(packet: Make, judge: Judge) -> None:
    account = Account(
        blacklist=Blacklist(numbers=("65*", "86*"), words=("hello",)),
        prices=HONG_KONG_ONLY,
    )
    entries = [entry(65, "81234567"), entry(86, "1380013800"), entry(999, "1")]

    judged = judge(packet(MULTI_MSISDN_LIST=entries), account=account)

    assert judged.codes == (INTERCEPT, INVALID, INVALID)
    assert [(finding.rule, finding.path) for finding in judged.findings if finding.severity == "error"] == [
        ("msisdn-mainland", "$.MULTI_MSISDN_LIST[1].DEST_MSISDN"),
        ("country-wrong", "$.MULTI_MSISDN_LIST[2].COUNTRY_CODE"),
        ("blacklisted-word", "$.SMS_CONTENT"),
        ("blacklisted-number", "$.MULTI_MSISDN_LIST[0]"),
        ("blacklisted-number", "$.MULTI_MSISDN_LIST[1]"),
        ("unpriced", "$.MULTI_MSISDN_LIST[0].COUNTRY_CODE"),
        ("unpriced", "$.MULTI_MSISDN_LIST[1].COUNTRY_CODE"),
    ]


@given(country=st.sampled_from(sorted(COUNTRY_CODES - {86})), msisdn=st.from_regex(r"[0-9]{1,32}", fullmatch=True))
def test_digits_to_an_assigned_country_are_always_in_order(
    packet: Make, judge: Judge, country: int, msisdn: str
) -> None:
    judged = judge(packet(MULTI_MSISDN_LIST=[entry(country, msisdn)]))

    assert (judged.codes, judged.submission.destinations) == ((OK,), (Destination(country, msisdn),))


@given(msisdn=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_other_text_is_a_number_only_if_it_is_ascii_digits(packet: Make, judge: Judge, msisdn: str) -> None:
    in_order = 1 <= len(msisdn) <= 32 and set(msisdn) <= set("0123456789")

    judged = judge(packet(MULTI_MSISDN_LIST=[entry(msisdn=msisdn)]))

    assert judged.codes == ((OK,) if in_order else (ResultCode.INVALID_PARAMETER,))
    assert in_order or any(finding.rule.startswith("msisdn-") for finding in judged.findings)
