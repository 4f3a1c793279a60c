"""Mobile country codes, as far as the zones of ITU-T E.212 and E.164 and the assigned codes can tell."""

import pytest

from cloudsms_simulator.protocol.codes import COUNTRY_CODES, COUNTRY_CODES_OF

CONTINENTS = {
    2: ("3", "4", "7", "90", "298", "299", "995"),
    3: ("1", "5", "297"),
    4: ("7", "8", "9"),
    5: ("6", "1"),
    6: ("2",),
    7: ("5",),
}
"""What the country codes of each zone of E.212 begin with: Europe reaches to Turkey, Georgia and Greenland."""
WITHOUT_NETWORKS = {246, 247}
"""Places that have a country code, but share the MCC of another, or have none."""
SERVICES = {800, 808, 870, 878, 881, 882, 883, 888, 979}


def test_every_code_is_of_a_zone_and_its_countries_are_of_that_continent() -> None:
    for mcc, countries in COUNTRY_CODES_OF.items():
        assert 200 <= mcc <= 799, mcc
        assert countries
        assert all(str(country).startswith(CONTINENTS[mcc // 100]) for country in countries), mcc


def test_every_country_code_in_the_table_is_assigned_and_every_country_has_an_mcc() -> None:
    reached = {country for countries in COUNTRY_CODES_OF.values() for country in countries}
    assert reached <= COUNTRY_CODES
    assert COUNTRY_CODES - reached - SERVICES <= WITHOUT_NETWORKS


def test_no_country_but_the_largest_has_several_codes() -> None:
    countries = [country for each in COUNTRY_CODES_OF.values() for country in each]
    several = {country for country in countries if countries.count(country) > 1}
    assert several == {1, 7, 39, 44, 81, 86, 91, 594, 971}


@pytest.mark.parametrize(
    ("mcc", "country"),
    [
        (454, 852),
        (455, 853),
        (460, 86),
        (466, 886),
        (525, 65),
        (520, 66),
        (440, 81),
        (450, 82),
        (452, 84),
        (502, 60),
        (510, 62),
        (515, 63),
        (404, 91),
        (310, 1),
        (234, 44),
        (262, 49),
        (208, 33),
        (222, 39),
        (214, 34),
        (250, 7),
        (505, 61),
        (724, 55),
        (334, 52),
        (655, 27),
        (621, 234),
    ],
)
def test_the_codes_of_large_markets(mcc: int, country: int) -> None:
    assert COUNTRY_CODES_OF[mcc][0] == country
