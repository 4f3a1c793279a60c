"""Number plans: lengths and trunk prefixes are those of the package `phonenumbers`."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType

from cloudsms_simulator.protocol.codes import (
    COUNTRY_CODES,
    NUMBER_PLANS,
    NumberPlan,
    fits_plan,
    without_country_code,
    without_trunk_prefix,
)

NOWHERE = "001"


def metadata(code: int) -> list[PhoneMetadata]:
    """What is known of the countries that share a code, the largest first."""
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    return [
        PhoneMetadata.metadata_for_nongeo_region(code)
        if region == NOWHERE
        else PhoneMetadata.metadata_for_region(region)
        for region in regions
    ]


def plan_of(code: int) -> NumberPlan:
    """A row: lengths of mobiles, of any number where there are none; the largest country's trunk prefix."""
    known = metadata(code)
    mobile = [each.mobile for each in known if each.mobile is not None and each.mobile.national_number_pattern]
    lengths = {length for each in mobile for length in each.possible_length if length > 0}
    lengths = lengths or {length for each in known for length in each.general_desc.possible_length}
    return NumberPlan(tuple(sorted(lengths)), known[0].national_prefix or "")


def examples() -> list[tuple[int, str]]:
    """A mobile number of each country that has any, and one of its landlines: code and number."""
    numbers = [
        phonenumbers.example_number_for_type(region, kind)
        for regions in COUNTRY_CODE_TO_REGION_CODE.values()
        for region in regions
        if region != NOWHERE
        for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    ]
    return [
        (number.country_code, phonenumbers.national_significant_number(number))
        for number in numbers
        if number is not None
    ]


def test_every_row_is_what_phonenumbers_knows() -> None:
    assert dict(NUMBER_PLANS) == {code: plan_of(code) for code in COUNTRY_CODE_TO_REGION_CODE}
    assert set(NUMBER_PLANS) == COUNTRY_CODES


def test_no_number_that_is_in_use_is_accused() -> None:
    assert [
        (code, number)
        for code, number in examples()
        if without_country_code(code, number) is not None or without_trunk_prefix(code, number) is not None
    ] == []


def test_every_mobile_number_behind_its_country_code_is_found_out_unless_longer_ones_are_in_use() -> None:
    for code, plan in NUMBER_PLANS.items():
        for length in plan.lengths:
            number = "5" * length
            repeated = f"{code}{number}"
            assert without_country_code(code, repeated) == (None if len(repeated) in plan.lengths else number), code


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (225, "0712345678"),
        (226, "01234567"),
        (229, "0195123456"),
        (242, "061234567"),
        (39, "0612345678"),
        (39, "0236618300"),
    ],
)
def test_a_zero_that_belongs_to_the_number_is_no_trunk_prefix(code: int, number: str) -> None:
    assert without_trunk_prefix(code, number) is None


@pytest.mark.parametrize(
    ("code", "number", "bare"),
    [
        (44, "07700900123", "7700900123"),
        (49, "015112345678", "15112345678"),
        (81, "09012345678", "9012345678"),
        (7, "89161234567", "9161234567"),
        (36, "06301234567", "301234567"),
        (66, "0812345678", "812345678"),
        (7, "8001234567", None),
        (852, "067000011", None),
        (44, "0770090012", None),
        (1242, "0242555012", None),
    ],
)
def test_a_trunk_prefix_is_taken_off_where_a_number_is_left(code: int, number: str, bare: str | None) -> None:
    assert without_trunk_prefix(code, number) == bare


@given(st.integers(-5, 10_000), st.text("0123456789", max_size=32))
def test_what_is_taken_off_leaves_a_number_of_the_country(code: int, digits: str) -> None:
    for bare in (without_country_code(code, digits), without_trunk_prefix(code, digits)):
        assert bare is None or (fits_plan(code, bare) and digits.endswith(bare))
