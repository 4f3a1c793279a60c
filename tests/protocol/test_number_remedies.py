"""Remedies for destinations: what a number tells, and what it does not. Reading: R24."""

import msgspec
import pytest

from cloudsms_simulator.protocol.correction import Draft, mend_country_code, mend_destination, mend_list, mend_msisdn

ENTRY = "$.MULTI_MSISDN_LIST[0]"
HONG_KONG = {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}


def draft_of(listed: object) -> Draft:
    body = msgspec.json.encode({"MULTI_MSISDN_LIST": listed})
    return Draft(msgspec.json.decode(body, type=dict[str, msgspec.Raw]))


def entry(code: object, msisdn: object) -> Draft:
    return draft_of([{"COUNTRY_CODE": code, "DEST_MSISDN": msisdn}])


def pair(draft: Draft) -> tuple[object, object]:
    return draft.value(f"{ENTRY}.COUNTRY_CODE"), draft.value(f"{ENTRY}.DEST_MSISDN")


@pytest.mark.parametrize(
    ("came", "becomes"),
    [
        (HONG_KONG, [HONG_KONG]),
        ('[{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}]', [HONG_KONG]),
        ('{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}', [HONG_KONG]),
        ("+852 6700 0011", [HONG_KONG]),
        ([HONG_KONG] * 201, [HONG_KONG] * 200),
    ],
)
def test_a_list_is_made_one(came: object, becomes: object) -> None:
    draft = draft_of(came)
    assert mend_list(draft, "$.MULTI_MSISDN_LIST") is None
    assert draft.value("$.MULTI_MSISDN_LIST") == becomes


@pytest.mark.parametrize("came", [67000011, "67000011", True, "", "[", "7"])
def test_a_list_that_tells_nobody_is_left(came: object) -> None:
    draft = draft_of(came)
    assert mend_list(draft, "$.MULTI_MSISDN_LIST") is not None
    assert draft.changes == []


@pytest.mark.parametrize("came", ["+85267000011", "0085267000011", '{"COUNTRY_CODE":852,"DEST_MSISDN":"67000011"}'])
def test_an_entry_that_tells_its_country_is_made_an_object(came: str) -> None:
    draft = draft_of([came])
    assert (mend_destination(draft, ENTRY), draft.value(ENTRY)) == (None, HONG_KONG)


@pytest.mark.parametrize("came", ["85267000011", 85267000011, None, [], "+999", "[1]"])
def test_an_entry_that_does_not_tell_its_country_is_left(came: object) -> None:
    draft = draft_of([came])
    assert mend_destination(draft, ENTRY) is not None
    assert draft.changes == []


@pytest.mark.parametrize(
    ("code", "msisdn", "becomes"),
    [
        ("852", "67000011", (852, "67000011")),
        ("+852", "67000011", (852, "67000011")),
        ("00852", "67000011", (852, "67000011")),
        (852.0, "67000011", (852, "67000011")),
        (1242, "5550123", (1, "2425550123")),
        ("1242", "5550123", (1, "2425550123")),
        (85267000011, None, (852, "67000011")),
        (454, "67000011", (852, "67000011")),
        (460, "13800138000", (86, "13800138000")),
        (525, "81234567", (65, "81234567")),
        (None, "+85267000011", (852, "67000011")),
        ("", "0085267000011", (852, "67000011")),
    ],
)
def test_a_country_is_read_where_it_is_told(code: object, msisdn: object, becomes: tuple[object, object]) -> None:
    draft = entry(code, msisdn)
    assert (mend_country_code(draft, f"{ENTRY}.COUNTRY_CODE"), pair(draft)) == (None, becomes)


@pytest.mark.parametrize(
    ("code", "msisdn"),
    [
        (None, "67000011"),
        (None, "85267000011"),
        ("HK", "67000011"),
        (True, "67000011"),
        (0, "67000011"),
        (999, "67000011"),
        (852.5, "67000011"),
        (85267000011, "67000011"),
        (1242, 5550123),
        (1242, None),
        ([852], "67000011"),
        (1242, "67000011"),
        (454, "123"),
        (425, "501234567"),
    ],
)
def test_a_country_nobody_told_is_not_guessed(code: object, msisdn: object) -> None:
    draft = entry(code, msisdn)
    assert mend_country_code(draft, f"{ENTRY}.COUNTRY_CODE") is not None
    assert draft.changes == []


@pytest.mark.parametrize(
    ("code", "msisdn", "digits"),
    [
        (852, 67000011, "67000011"),
        (852, 67000011.0, "67000011"),
        (852, "+852 6700-0011", "67000011"),
        (852, "+67000011", "67000011"),
        (852, "(6700) 0011", "67000011"),
        (852, "６７００００１１", "67000011"),
        (86, "8613800138000", "13800138000"),
        (86, "008613800138000", "13800138000"),
        (86, "013800138000", "13800138000"),
        (39, "+3921234567", "3921234567"),
        (39, "+39 06 1234 567", "061234567"),
        (39, "+39 392 123 4567", "3921234567"),
        (7, "+7012345678", "7012345678"),
        (7, "+7 701 234 5678", "7012345678"),
        (44, "+44 (0)7700 900123", "7700900123"),
    ],
)
def test_a_number_is_made_digits(code: object, msisdn: object, digits: str) -> None:
    draft = entry(code, msisdn)
    assert (mend_msisdn(draft, f"{ENTRY}.DEST_MSISDN"), pair(draft)) == (None, (code, digits))


def test_a_number_with_the_plus_sign_of_another_country_is_left_to_its_sender() -> None:
    draft = entry(852, "+66812345678")
    assert mend_msisdn(draft, f"{ENTRY}.DEST_MSISDN") == (
        "the number is in country 66, COUNTRY_CODE says 852: only its sender knows"
    )
    assert draft.changes == []


@pytest.mark.parametrize(
    ("code", "msisdn"), [(852, "67xxxx11"), (852, ""), (852, "+"), (852, True), (852, "1" * 33), (86, "1380013800")]
)
def test_a_number_nobody_told_is_not_guessed(code: object, msisdn: object) -> None:
    draft = entry(code, msisdn)
    assert mend_msisdn(draft, f"{ENTRY}.DEST_MSISDN") is not None
    assert draft.changes == []


@pytest.mark.parametrize("code", ["8" * 37, "8" * 5000, "0" * 5000])
def test_more_digits_than_a_country_code_and_a_number_have_tell_no_country(code: str) -> None:
    told = mend_country_code(entry(code, ""), f"{ENTRY}.COUNTRY_CODE")

    assert told is not None
    assert told.startswith("no telling which country the number is in")
