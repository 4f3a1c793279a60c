"""Country hints: what a wrong COUNTRY_CODE stands for, and that none moves a number to another country."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.codes import COUNTRY_CODES, COUNTRY_CODES_OF, NUMBER_PLANS
from cloudsms_simulator.protocol.mistakes import CountryHint, certain_hint, country_wanted, likely_country
from cloudsms_simulator.protocol.packet import Destination


@pytest.mark.parametrize(
    ("given_code", "msisdn", "country"),
    [
        (454, "67000011", 852),
        ("454", "67000011", 852),
        (460, "13800138000", 86),
        (525, "81234567", 65),
        (466, "912345678", 886),
        (520, "812345678", 66),
    ],
)
def test_a_mobile_country_code_is_read_as_its_country_and_the_number_stays(
    given_code: object, msisdn: str, country: int
) -> None:
    hint = certain_hint(given_code, msisdn)
    assert hint is not None
    assert (hint.country_code, hint.msisdn) == (country, None)


@pytest.mark.parametrize(("given_code", "msisdn"), [(454, "670000112"), (425, "501234567"), (340, "690123456")])
def test_a_mobile_country_code_of_several_countries_or_of_no_such_number_is_left_to_the_sender(
    given_code: object, msisdn: str
) -> None:
    assert certain_hint(given_code, msisdn) is None
    assert "mobile country code (MCC)" in country_wanted(given_code, msisdn)


def test_digits_of_the_code_belong_to_the_number_only_where_that_is_one() -> None:
    assert certain_hint(1242, "5550123") == CountryHint(1, "2425550123", "the digits behind 1 belong to the number")
    assert certain_hint(1242, "67000011") is None
    assert certain_hint(447, "700900123") == CountryHint(44, "7700900123", "the digits behind 44 belong to the number")
    assert certain_hint(459, "67000011") is None


@pytest.mark.parametrize(
    ("msisdn", "likely"),
    [
        ("66812345678", Destination(66, "812345678")),
        ("+1 202-555-0123", Destination(1, "2025550123")),
        ("85267000011", Destination(852, "67000011")),
        ("67000011", None),
        ("999123", None),
        ("", None),
        (66812345678, None),
        ("x66812345678", None),
    ],
)
def test_a_number_that_begins_with_its_country_code_tells_a_likely_country(
    msisdn: object, likely: Destination | None
) -> None:
    assert likely_country(msisdn) == likely


def test_what_is_far_too_long_is_no_number() -> None:
    assert likely_country("66812345678" + " " * 53) == Destination(66, "812345678")
    assert likely_country("66812345678" + " " * 54) is None
    assert certain_hint("8" * 5000, None) is None


WORLD = st.sampled_from(sorted(COUNTRY_CODES))


@given(st.one_of(st.integers(-5, 99_999), st.text("0123456789+ ", max_size=6)), WORLD, st.data())
def test_no_hint_moves_a_number_to_another_country(code: object, country: int, data: st.DataObject) -> None:
    """What comes of a hint has the digits that came, or those of the country that the code is the MCC of."""
    digits = data.draw(st.sampled_from([str(7)[:1] * length for length in NUMBER_PLANS[country].lengths]))
    hint = certain_hint(code, digits)
    if hint is None:
        return
    came = "".join(filter(str.isdigit, str(code))).lstrip("0")
    if hint.msisdn is None:
        assert came == str(hint.country_code) or hint.country_code in COUNTRY_CODES_OF[int(came)]
    else:
        assert f"{hint.country_code}{hint.msisdn}" == f"{came}{digits}"
        assert int(came) not in COUNTRY_CODES_OF
